"""What refuses a fact in the reference: its form, its own place, what it would take from others
(rulebook sections 1, 2 and 9).
"""

from __future__ import annotations

from collections.abc import Callable

from ..columns.status import Status
from ..facts import (
    AdjustFact,
    CaptureFact,
    DayClosedFact,
    DonateFact,
    Fact,
    HoldFact,
    LinkFact,
    RedeemFact,
    ReturnFact,
    SaleFact,
    TransferFact,
)
from ..program.program import Program
from .facts import InvalidFact, OfMember, returned_lines
from .returns import Refusal, check_return
from .run import Run
from .turn import Row
from .world import Accepted

MOST_POINTS = 10**12
"""Of one posting, in whole points (section 1)."""
MOST_UNITS = 10**16
"""Of what a rule would give before limits."""
_FOLLOWING = ("expire", "release", "forgive", "withhold")
"""Postings that no fact asks for: they may sum what several have moved."""


def check_form(fact: Fact) -> None:
    """Whether a fact may be taken as it is written. Raises InvalidFact."""
    if isinstance(fact, LinkFact):
        raise TypeError(type(fact).__name__)
    if isinstance(fact, SaleFact | ReturnFact):
        for item in returned_lines(fact):
            if item.line is None and item.sku is None:
                raise InvalidFact("names no line: give line or sku")


def check_own(entry: Accepted, row: Row) -> None:
    """Whether a fact may stand at its own place (section 2). Raises Refusal."""
    fact = entry.fact
    most = {one.id: MOST_POINTS * 10**one.scale for one in entry.version.program.currency}
    if any(
        abs(posting.points) > most.get(posting.currency, MOST_UNITS)
        for posting in row.postings
        if posting.kind not in _FOLLOWING
    ) or any(outcome.desired > MOST_UNITS for outcome in row.outcomes.values()):
        raise Refusal(fact.id, Status.OVERFLOW)
    check_return(entry, row)
    if row.broken and not getattr(fact, "completed", False):
        raise Refusal(fact.id, row.broken[0][1])
    short = any(row.lack[name] > row.owed_back[name] for name in row.lack)
    if short and _takes(entry.version.program, fact):
        raise Refusal(fact.id, Status.INSUFFICIENT)
    if row.broken_offers and not getattr(fact, "completed", False):
        raise Refusal(fact.id, row.broken_offers[0].status)


def judge_of(
    new: Accepted, also: Callable[[Row], None] | None = None
) -> Callable[[Accepted, Row], None]:
    """Judges a new fact at its own place, whatever it does to later ones."""

    def judge(entry: Accepted, row: Row) -> None:
        if entry is new:
            check_own(new, row)
            if also is not None:
                also(row)

    return judge


def _takes(program: Program, fact: OfMember | DayClosedFact) -> bool:
    """Whether a fact may be refused for want of points."""
    match fact:
        case SaleFact(completed=False, tenders=tenders):
            return any(tender.points or tender.ref for tender in tenders) or bool(
                program.coupon_currencies() & set(fact.coupons)
            )
        case RedeemFact() | HoldFact() | CaptureFact() | TransferFact():
            return not fact.completed
        case DonateFact():
            return True
        case AdjustFact(forced=False):
            return fact.points < 0
    return False


def check_others(entry: Accepted, before: Run, after: Run) -> None:
    """Whether no fact at another place lacks more for a new one. Raises Refusal."""
    fact, rows = entry.fact, after.rows
    if not _takes(entry.version.program, fact):
        return
    for name, old in before.rows.items():
        now = rows[name].lack
        if any(now[currency] > old.lack[currency] for currency in now):
            raise Refusal(fact.id, Status.INSUFFICIENT)
