"""Facts on the wire: their types and their checks of form.

Amounts are integers in minor units, quantities of lines in thousandths, quantities of
activities in whole units, points in units of their currency's scale, instants in
microseconds UTC (rulebook sections 1 and 2).
"""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

MOST_AMOUNT = 10**12
MOST_POINTS = 10**16
"""10^12 points of at most 10^4 units each."""
MOST_LINES = 10_000
MOST_TENDERS = 100
MOST_COUPONS = 100
MOST_OFFERS = 100
MOST_LINE_NUMBER = 10**6
MOST_CARDS = 100
MOST_PROFILE = 64
ID_BYTES = 128
NAME_BYTES = 64
CARD_BYTES = 58
"""So that `card:` and a card are a member's name."""

EARLIEST_US = 0
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
MemberType = Literal["person", "organisation"]
Pin = Annotated[str, Meta(pattern=r"^[0-9]{4,12}$")]
Personal = Annotated[str, Meta(max_length=1_000)]
Profile = Annotated[dict[Name, Personal | None], Meta(max_length=MOST_PROFILE)]
"""Personal data by the shop's own names: name, phone, e-mail, address; null forgets one."""
Expires = Annotated[str, Meta(pattern=r"^(never|\d{4}-\d{2}-\d{2})$")]
Reason = Annotated[str, Meta(max_length=500)]

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_US = dt.timedelta(microseconds=1)


# -- of a member: sales, returns, activities, adjustments --------------------------------


class LineFact(Struct, forbid_unknown_fields=True):
    """One line: quantity in thousandths, net in minor units; `line` is its place from 1.

    `gross` is net plus discount unless given; without `cost` the margin is 0.
    """

    sku: Name
    quantity: Amount
    net: Amount
    line: LineNumber | None = None
    voids: LineNumber | None = None
    gross: Amount | None = None
    discount: Amount | None = None
    cost: Amount | None = None


class TenderFact(Struct, forbid_unknown_fields=True):
    """How a part of the sale was paid; `points` are taken for a redemption tender.

    `ref` is the hold or redemption that the points come from, `card` the gift card that pays.
    """

    type: Name
    amount: Amount
    points: Spent | None = None
    ref: Id | None = None
    card: GiftCode | None = None


class OfferFact(Struct, forbid_unknown_fields=True):
    """An offer that the till applied, and what it took off in all."""

    offer: Name
    amount: Positive = 0


class ReturnedLine(Struct, forbid_unknown_fields=True):
    """What of a line comes back: of the line's number, else of the latest line of the sku."""

    quantity: Positive = 0
    net: Positive = 0
    line: LineNumber | None = None
    sku: Name | None = None


ReturnedLines = Annotated[list[ReturnedLine], Meta(min_length=1, max_length=MOST_LINES)]


class ReturnPart(Struct, forbid_unknown_fields=True):
    """The return inside an exchange."""

    sale: Id
    lines: ReturnedLines


class SaleFact(Struct, forbid_unknown_fields=True, tag_field="kind", tag="sale",
               rename={"returned": "return"}):  # fmt: skip
    """A basket that was paid; with `return` it is an exchange.

    Where the program lets receipts be claimed, the member may be left out: it is nobody's until
    a claim names it. `completed`: an offline till reports what has happened; it is not refused
    for points.
    """

    id: Id
    occurred_at: Instant
    member: Name
    lines: Annotated[list[LineFact], Meta(min_length=1, max_length=MOST_LINES)]
    store: Place = ""
    terminal: Place = ""
    channel: Place = ""
    tenders: Annotated[list[TenderFact], Meta(max_length=MOST_TENDERS)] = []
    coupons: Annotated[list[Name], Meta(max_length=MOST_COUPONS)] = []
    offers: Annotated[list[OfferFact], Meta(max_length=MOST_OFFERS)] = []
    returned: ReturnPart | None = None
    completed: bool = False
    card: AnyCard = ""


class ReturnFact(Struct, forbid_unknown_fields=True, tag_field="kind", tag="return"):
    """Goods come back; without `sale` there was no receipt.

    The member may be left out where the receipt tells whose the sale is, or that it is nobody's.
    """

    id: Id
    occurred_at: Instant
    member: Name
    lines: ReturnedLines
    sale: Id | None = None
    store: Place = ""
    terminal: Place = ""
    reason: Reason = ""
    card: AnyCard = ""


class ActivityFact(Struct, forbid_unknown_fields=True, tag_field="kind", tag="activity"):
    """Something a member did that is no purchase: a review, a survey, a game won, a payment."""

    id: Id
    occurred_at: Instant
    member: Name
    code: Name
    quantity: Annotated[int, Meta(ge=0, le=10**9)] = 1
    store: Place = ""
    terminal: Place = ""
    channel: Place = ""
    card: AnyCard = ""


class AdjustFact(Struct, forbid_unknown_fields=True, tag_field="kind", tag="adjust"):
    """Points given or taken by hand. `expires` is a date (the last good one) or "never"."""

    id: Id
    occurred_at: Instant
    member: Name
    currency: Name
    points: Points
    reason: Reason = ""
    actor: Place = ""
    expires: Expires | None = None
    forced: bool = False
    store: Place = ""
    terminal: Place = ""
    card: AnyCard = ""


class RedeemFact(Struct, forbid_unknown_fields=True, tag_field="kind", tag="redeem"):
    """Active points spent outside a sale's tenders; `completed` as for a sale."""

    id: Id
    occurred_at: Instant
    member: Name
    currency: Name
    points: Spent
    completed: bool = False
    store: Place = ""
    terminal: Place = ""
    card: AnyCard = ""


class HoldFact(Struct, forbid_unknown_fields=True, tag_field="kind", tag="hold"):
    """Active points set apart until a capture, a release or the end.

    The end is `expires_at`, at most the program's `hold_hours` from now. `completed` as for a
    sale.
    """

    id: Id
    occurred_at: Instant
    member: Name
    currency: Name
    points: Spent
    expires_at: Instant | None = None
    completed: bool = False
    store: Place = ""
    terminal: Place = ""
    card: AnyCard = ""


class CaptureFact(Struct, forbid_unknown_fields=True, tag_field="kind", tag="capture"):
    """Points of a hold are spent: all that it has left, or `points`.

    What is not taken is released, unless `partial` leaves the hold open. `completed` as for
    a sale.
    """

    id: Id
    occurred_at: Instant
    member: Name
    hold: Id
    points: Spent | None = None
    partial: bool = False
    completed: bool = False
    store: Place = ""
    terminal: Place = ""
    card: AnyCard = ""


class ReleaseFact(Struct, forbid_unknown_fields=True, tag_field="kind", tag="release"):
    """What a hold has left is free again."""

    id: Id
    occurred_at: Instant
    member: Name
    hold: Id
    store: Place = ""
    terminal: Place = ""
    card: AnyCard = ""


class CancelFact(Struct, forbid_unknown_fields=True, tag_field="kind", tag="cancel"):
    """A redemption, a capture or a claim is undone.

    Of a redemption or capture all points that are not back yet come back, or `points`; the sale
    of a claim is nobody's again.
    """

    id: Id
    occurred_at: Instant
    member: Name
    redemption: Id | None = None
    points: Spent | None = None
    store: Place = ""
    terminal: Place = ""
    card: AnyCard = ""
    claim: Id | None = None


class DonateFact(Struct, forbid_unknown_fields=True, tag_field="kind", tag="donate"):
    """Active points that a member gives to a cause of the program."""

    id: Id
    occurred_at: Instant
    member: Name
    cause: Name
    currency: Name
    points: Spent
    store: Place = ""
    terminal: Place = ""
    card: AnyCard = ""


# -- of several members ---------------------------------------------------------------------


class TransferFact(Struct, forbid_unknown_fields=True, tag_field="kind", tag="transfer"):
    """Active points that a member gives to another; `completed` as for a sale."""

    id: Id
    occurred_at: Instant
    member: Name
    to: Name
    currency: Name
    points: Spent
    completed: bool = False
    store: Place = ""
    terminal: Place = ""
    card: AnyCard = ""


class RewardRedeemFact(Struct, forbid_unknown_fields=True, tag_field="kind", tag="reward redeem"):
    """Pieces of a reward that a member takes for the points that the program asks."""

    id: Id
    occurred_at: Instant
    member: Name
    reward: Name
    quantity: Annotated[int, Meta(ge=1, le=1000)] = 1
    completed: bool = False
    store: Place = ""
    terminal: Place = ""
    card: AnyCard = ""


class ClaimFact(Struct, forbid_unknown_fields=True, tag_field="kind", tag="claim"):
    """A sale that was nobody's becomes the member's: it earns as it would have at its place."""

    id: Id
    occurred_at: Instant
    member: Name
    sale: Id
    store: Place = ""
    terminal: Place = ""
    card: AnyCard = ""


# -- of gift cards ----------------------------------------------------------------------------


class GiftCardIssueFact(
    Struct, forbid_unknown_fields=True, tag_field="kind", tag="gift card issue"
):
    """A gift card comes into being; without `card` the engine chooses its code.

    `expires` is the last good date, or "never"; without it the currency's policy counts.
    """

    id: Id
    occurred_at: Instant
    amount: Money
    card: GiftCode | None = None
    expires: Expires | None = None
    store: Place = ""
    terminal: Place = ""
    reason: Reason = ""
    actor: Place = ""


class GiftCardLoadFact(Struct, forbid_unknown_fields=True, tag_field="kind", tag="gift card load"):
    """Money is put on a gift card; `expires` as of an issue."""

    id: Id
    occurred_at: Instant
    card: GiftCode
    amount: Money
    expires: Expires | None = None
    store: Place = ""
    terminal: Place = ""
    reason: Reason = ""
    actor: Place = ""


class GiftCardRedeemFact(
    Struct, forbid_unknown_fields=True, tag_field="kind", tag="gift card redeem"
):
    """Money of a gift card is spent outside a sale's tenders; `completed` as for a sale."""

    id: Id
    occurred_at: Instant
    card: GiftCode
    amount: Money
    completed: bool = False
    store: Place = ""
    terminal: Place = ""


GiftCardFact = GiftCardIssueFact | GiftCardLoadFact | GiftCardRedeemFact

# -- of a member: what is known of it -------------------------------------------------------


class ManualTier(Struct, forbid_unknown_fields=True):
    """A tier given by hand through a date; the higher of it and the computed one counts."""

    tier: Name
    through: dt.date
    reason: Annotated[str, Meta(min_length=1, max_length=500)]
    actor: Place = ""


class CalendarDate(Struct, forbid_unknown_fields=True, frozen=True):
    """A date whose anniversaries are kept in a calendar; the date itself is Gregorian."""

    date: dt.date
    calendar: Calendar = "gregorian"


class _About(Struct, forbid_unknown_fields=True):
    id: Id
    occurred_at: Instant
    member: Name
    store: Place = ""
    terminal: Place = ""
    birth: dt.date | msgspec.UnsetType | None = msgspec.UNSET
    birth_calendar: Calendar | msgspec.UnsetType = msgspec.UNSET
    anniversaries: dict[Name, CalendarDate | dt.date] | msgspec.UnsetType = msgspec.UNSET
    segments: list[Name] | msgspec.UnsetType = msgspec.UNSET
    values: dict[Name, Annotated[int, Meta(ge=-(10**15), le=10**15)]] | msgspec.UnsetType = (
        msgspec.UNSET
    )
    manual_tier: ManualTier | msgspec.UnsetType | None = msgspec.UNSET
    type: MemberType | msgspec.UnsetType = msgspec.UNSET
    card: AnyCard = ""
    profile: Profile | msgspec.UnsetType = msgspec.UNSET


class EnrolFact(_About, tag_field="kind", tag="enrol"):
    """A member joins; `cards` become its own, and with one its provisional member."""

    cards: Annotated[list[Card], Meta(max_length=MOST_CARDS)] = []


class MemberUpdateFact(_About, tag_field="kind", tag="member update"):
    """New attributes from an instant on: each field given replaces what was known.

    `anniversaries` and `values` replace the entries they name; `segments` the whole list;
    `manual_tier` null ends it.
    """


class SubscriptionStartFact(
    Struct, forbid_unknown_fields=True, tag_field="kind", tag="subscription start"
):
    """A plan is active from now to before `ends_at`.

    Without it: through the term of the program's plan, or until an end comes. `fee` is what was
    charged, else the plan's.
    """

    id: Id
    occurred_at: Instant
    member: Name
    plan: Name
    ends_at: Instant | None = None
    store: Place = ""
    terminal: Place = ""
    card: AnyCard = ""
    fee: Positive | None = None


class SubscriptionEndFact(
    Struct, forbid_unknown_fields=True, tag_field="kind", tag="subscription end"
):
    """A plan is over."""

    id: Id
    occurred_at: Instant
    member: Name
    plan: Name
    store: Place = ""
    terminal: Place = ""
    card: AnyCard = ""


class CloseFact(Struct, forbid_unknown_fields=True, tag_field="kind", tag="close"):
    """The membership is over: points expire, later facts are refused."""

    id: Id
    occurred_at: Instant
    member: Name
    reason: Reason = ""
    store: Place = ""
    terminal: Place = ""
    card: AnyCard = ""


class EraseFact(Struct, forbid_unknown_fields=True, tag_field="kind", tag="erase"):
    """What is known of a person is forgotten; points and the journal stay whole."""

    id: Id
    occurred_at: Instant
    member: Name
    reason: Reason = ""
    store: Place = ""
    terminal: Place = ""
    card: AnyCard = ""


# -- of a member: its cards ---------------------------------------------------------------------


class CardLinkFact(Struct, forbid_unknown_fields=True, tag_field="kind", tag="card link"):
    """A card is the member's from now on; `move` takes it from another member."""

    id: Id
    occurred_at: Instant
    member: Name
    card: Card
    move: bool = False
    store: Place = ""
    terminal: Place = ""


class CardBlockFact(Struct, forbid_unknown_fields=True, tag_field="kind", tag="card block"):
    """A card is refused from now on."""

    id: Id
    occurred_at: Instant
    member: Name
    card: Card
    reason: Reason = ""
    store: Place = ""
    terminal: Place = ""


class CardUnblockFact(Struct, forbid_unknown_fields=True, tag_field="kind", tag="card unblock"):
    """A card is taken again from now on."""

    id: Id
    occurred_at: Instant
    member: Name
    card: Card
    reason: Reason = ""
    store: Place = ""
    terminal: Place = ""


class CardPinFact(Struct, forbid_unknown_fields=True, tag_field="kind", tag="card pin"):
    """A card has this PIN from now on; the journal has its hash only."""

    id: Id
    occurred_at: Instant
    member: Name
    card: Card
    pin: Pin
    store: Place = ""
    terminal: Place = ""


# -- of no member -----------------------------------------------------------------------------


class ProductFact(Struct, forbid_unknown_fields=True):
    """Attributes of a product; a category is a path with `/`, most general part first.

    `weighed`: a line of it counts as one unit for "per N units".
    """

    sku: Name
    brand: Name | None = None
    department: Name | None = None
    category: Annotated[str, Meta(min_length=1, max_length=200)] | None = None
    supplier: Name | None = None
    price_class: Name | None = None
    on_promotion: bool | None = None
    labels: Annotated[list[Name], Meta(max_length=32)] = []
    weighed: bool = False


class CatalogFact(Struct, forbid_unknown_fields=True, tag_field="kind", tag="catalog"):
    """Products and their attributes from `occurred_at` on."""

    id: Id
    occurred_at: Instant
    products: Annotated[list[ProductFact], Meta(min_length=1, max_length=100_000)]


class StoreAttributes(Struct, forbid_unknown_fields=True):
    """What is known of a store."""

    store: Name
    region: Name | None = None
    format: Name | None = None


class StoreFact(Struct, forbid_unknown_fields=True, tag_field="kind", tag="store"):
    """Stores and their attributes from `occurred_at` on."""

    id: Id
    occurred_at: Instant
    stores: Annotated[list[StoreAttributes], Meta(min_length=1, max_length=100_000)]


class PublishFact(Struct, forbid_unknown_fields=True, tag_field="kind", tag="program publish"):
    """A program in force from `occurred_at` on; `program` is the text of its file.

    `holidays` are the dates of the holiday calendars that it names, as they are known now:
    they are kept in the journal, since lunar dates are confirmed late.
    """

    id: Id
    occurred_at: Instant
    program: Annotated[str, Meta(min_length=1, max_length=1_000_000)]
    holidays: dict[str, list[dt.date]] = {}


class DayClosedFact(Struct, forbid_unknown_fields=True, tag_field="kind", tag="day closed"):
    """A business date is over: expiries are written, bonuses on anniversaries given."""

    id: Id
    occurred_at: Instant
    date: dt.date


MemberFact = (
    SaleFact | ReturnFact | ActivityFact | AdjustFact | RedeemFact | HoldFact | CaptureFact
    | ReleaseFact | CancelFact | EnrolFact | MemberUpdateFact | SubscriptionStartFact
    | SubscriptionEndFact | CloseFact | EraseFact | CardLinkFact | CardBlockFact | CardUnblockFact
    | DonateFact
)  # fmt: skip
JointFact = (
    TransferFact | RewardRedeemFact | GiftCardFact | ClaimFact | SaleFact | CancelFact
)  # fmt: skip
"""Facts that are about more than one account, or about what all share: they see all that came
before them. Of sales those that gift cards pay, of cancels those of claims."""


class ProfitShareFact(
    Struct, forbid_unknown_fields=True, tag_field="kind", tag="profit share",
    rename={"since": "from", "until": "to"},
):  # fmt: skip
    """A pool of points for members, by what each has bought or earned from one business date
    through another. `expires` as of an adjust."""

    id: Id
    occurred_at: Instant
    since: dt.date
    until: dt.date
    currency: Name
    points: Spent
    weight: Literal["spend", "points"] = "spend"
    expires: Expires | None = None


WireControl = CatalogFact | StoreFact | DayClosedFact | ProfitShareFact
"""Facts of no member that the door of facts takes; programs have a door of their own."""
ControlFact = WireControl | PublishFact
PrivateFact = CardPinFact | EnrolFact | MemberUpdateFact
"""Facts with something that the journal must not have: a PIN, a profile."""
LoneFact = WireControl | JointFact | PrivateFact
"""Facts from the wire that are committed alone and not in groups."""
Fact = MemberFact | JointFact | ControlFact

KINDS: tuple[str, ...] = (
    "sale", "catalog", "program publish", "return", "activity", "adjust", "redeem", "enrol",
    "member update", "subscription start", "subscription end", "store", "day closed",
    "closing", "budget closed", "hold", "capture", "release", "cancel", "card link", "card block",
    "card unblock", "transfer", "transfer in", "donate", "close",
    "gift card issue", "gift card load", "gift card redeem", "gift card payment", "reward redeem",
    "erase", "card pin", "profit share", "profit share in", "claim",
    "claim cancel",
)  # fmt: skip
"""Kinds by the code that the journal keeps.

`closing` is a member's part of a control fact (what expired, what it gave), `transfer in` the
receiver's leg of a transfer, `gift card payment` a card's leg of a sale, `profit share
in` a member's share; `budget closed` is written by the engine. A claim is followed by its sale,
a cancel of a claim by the return of it.
"""

SHOWN: tuple[str, ...] = tuple("cancel" if kind == "claim cancel" else kind for kind in KINDS)
"""Kinds by code as they stand on the wire."""

RANKS: dict[str, int] = {
    "enrol": 0, "member update": 0, "subscription start": 0, "subscription end": 0, "catalog": 0,
    "store": 0, "program publish": 0, "budget closed": 0, "card link": 0, "card block": 0,
    "card unblock": 0, "close": 0, "erase": 0,
    "card pin": 0,
    "sale": 1, "activity": 1, "adjust": 1,
    "return": 2,
    "redeem": 3, "hold": 3, "capture": 3, "release": 3, "cancel": 3,
    "donate": 3, "transfer": 3, "transfer in": 3, "reward redeem": 3,
    "claim": 3, "claim cancel": 3,
    "profit share": 1, "profit share in": 1, "gift card issue": 1, "gift card load": 1,
    "gift card redeem": 3, "gift card payment": 3,
    "day closed": 4,
}  # fmt: skip
"""Rank at one instant (rulebook section 2); a negative adjust has rank 3."""

json_decoder = msgspec.json.Decoder(MemberFact | LoneFact)


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
