"""What facts are made of: bounds, types of fields, instants; the error of form.

Amounts are integers in minor units, quantities of lines in thousandths, quantities of
activities in whole units, points in units of their currency's scale, instants in
microseconds UTC (rulebook sections 1 and 2).
"""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Literal

from msgspec import Meta

MOST_AMOUNT = 10**12
MOST_POINTS = 10**16
"""10^12 points of at most 10^4 units each."""
MOST_LINES = 10_000
MOST_TENDERS = 100
MOST_COUPONS = 100
MOST_OFFERS = 100
MOST_CODES = 10_000
"""Codes of printed coupons that one fact brings or blocks."""
MOST_LINE_NUMBER = 10**6
MOST_CARDS = 100
MOST_SEGMENTS = 1_000
MOST_FIGURES = 100
"""Anniversaries, and figures fed in, that one fact tells of a member."""
MOST_PROFILE = 64
ID_BYTES = 128
NAME_BYTES = 64
CARD_BYTES = 58
"""So that `card:` and a card are a member's name."""

UNSEEN = (
    "\x00-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200e\u200f"
    "\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff9-\ufffb\U000e0000-\U000e0fff"
)
"""What no name holds, as a class of letters: controls, line ends, marks of direction, and what has
no width but the joiners of Persian. With them names could look alike and not be the same."""

NO_ID = "\x7f" * (ID_BYTES + 1)
"""Id of a basket that has none: no fact can have it, and at an instant it comes last."""

EARLIEST_US = 0
FUTURE_US = 5 * 60 * 1_000_000
"""How far ahead of the server's clock a fact may be."""

LATEST_US = 6_300_000_000_000_000
"""2169-08-21: instants beyond the calendar tables are refused for form."""

Id = Annotated[str, Meta(min_length=1, max_length=ID_BYTES)]
Name = Annotated[str, Meta(min_length=1, max_length=NAME_BYTES)]
Place = Annotated[str, Meta(max_length=NAME_BYTES)]
GIFT_CODE_BYTES = 50
"""So that a gift card's account is a member's name."""
GiftCode = Annotated[str, Meta(min_length=1, max_length=GIFT_CODE_BYTES)]
Card = Annotated[str, Meta(min_length=1, max_length=CARD_BYTES)]
AnyCard = Annotated[str, Meta(max_length=CARD_BYTES)]
Amount = Annotated[int, Meta(ge=-MOST_AMOUNT, le=MOST_AMOUNT)]
Positive = Annotated[int, Meta(ge=0, le=MOST_AMOUNT)]
Money = Annotated[int, Meta(ge=1, le=MOST_AMOUNT)]
Points = Annotated[int, Meta(ge=-MOST_POINTS, le=MOST_POINTS)]
Spent = Annotated[int, Meta(ge=1, le=MOST_POINTS)]
LineNumber = Annotated[int, Meta(ge=1, le=MOST_LINE_NUMBER)]
Instant = Annotated[dt.datetime, Meta(tz=True)]
Calendar = Literal["gregorian", "jalali"]
MemberType = Literal["person", "organisation", "household"]
Pin = Annotated[str, Meta(pattern=r"^[0-9]{4,12}(?!\n)$")]
"""Digits and nothing else: a bare `$` lets a line end stand behind them."""
Personal = Annotated[str, Meta(max_length=1_000)]
Profile = Annotated[dict[Name, Personal | None], Meta(max_length=MOST_PROFILE)]
"""Personal data by the shop's own names: name, phone, e-mail, address; null forgets one."""
Expires = Annotated[str, Meta(pattern=r"^(never|[0-9]{4}-[0-9]{2}-[0-9]{2})(?!\n)$")]
Reason = Annotated[str, Meta(max_length=500)]

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_US = dt.timedelta(microseconds=1)


class FormError(ValueError):
    """A fact refused for form: nothing is kept and its id may be used again."""

    def __init__(self, message: str, path: str = "$", slug: str = "invalid-fact") -> None:
        super().__init__(message)
        self.message = message
        self.path = path
        self.slug = slug


def instant_us(moment: dt.datetime, path: str = "occurred_at") -> int:
    """Microseconds UTC since 1970. Raises FormError outside the calendar tables."""
    us = (moment - _EPOCH) // _US
    if not EARLIEST_US <= us <= LATEST_US:
        raise FormError("is outside 1970 to 2169", path)
    return us


def us_instant(us: int) -> dt.datetime:
    """The instant of a number of microseconds."""
    return _EPOCH + us * _US
