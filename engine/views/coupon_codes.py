"""A code of a printed coupon as a till asks for it: whether it serves, what has used it."""

from __future__ import annotations

import datetime as dt
import time

from ..calendars.calendars import day_of
from ..columns.answers import Answer
from ..program.coupons import Coupon
from ..replica.replica import Replica


def code_view(replica: Replica, code: str, at_us: int | None = None) -> Answer | None:
    """A code on the business date of an instant (us, default now), under the program in force.

    None for no code. Its conditions and its member's limit are the sale's to ask.
    """
    book = replica.membership.coupons
    issue, name = book.issue_of(code), book.coupon_of(code)
    if issue is None or name is None:
        return None
    at = time.time_ns() // 1000 if at_us is None else at_us
    version = replica.versions.showing(at)
    coupon = next((one for one in version.program.coupon if one.id == name), None)
    uses, held = (0 if coupon is None else coupon.uses), book.held(code)
    left = max(0, uses - held)
    return {
        "code": code, "coupon": name, "title": "" if coupon is None else coupon.title,
        "issue": issue,
        "state": _state(coupon, replica.versions.day(at), left, blocked=book.is_blocked(code)),
        "from": _date(None if coupon is None else coupon.first),
        "to": _date(None if coupon is None else coupon.last),
        "uses": uses, "left": left, "used_by": book.users(code),
    }  # fmt: skip


def _date(date: dt.date | None) -> str | None:
    return None if date is None else date.isoformat()


def _state(coupon: Coupon | None, day: int, left: int, *, blocked: bool) -> str:
    if coupon is None:
        return "withdrawn"
    if blocked:
        return "blocked"
    if coupon.first is not None and day < day_of(coupon.first):
        return "early"
    if coupon.last is not None and day > day_of(coupon.last):
        return "over"
    return "good" if left else "used"
