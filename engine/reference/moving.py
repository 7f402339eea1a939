"""Points that move on in the reference: to another member, to a cause (sections 2, 8 and 12)."""

from __future__ import annotations

import datetime as dt

from ..columns.status import Status
from ..facts import DonateFact, TransferFact
from ..program.program import Program
from .calendar import NEVER, add_months
from .facts import Moved, ReceivedFact
from .lots import Dates, Lot, Take, earned_dates
from .returns import Refusal
from .turn import Row, Turn, forgives, is_status


def transfer(turn: Turn, fact: TransferFact) -> None:
    """The giver's part; what has left is noted on the row with its dates."""
    takes = _give(turn, fact.currency, fact.points, "transfer", always_owed=fact.completed)
    turn.member.wallet.sent[fact.currency] += fact.points
    turn.row.left = [_moved(turn, fact.currency, take) for take in takes]


def donate(turn: Turn, fact: DonateFact) -> None:
    """Points given to a cause."""
    if not is_status(turn.program, fact.currency) and not _has_cause(turn, fact):
        raise Refusal(fact.id, Status.UNKNOWN_CAUSE)
    _give(turn, fact.currency, fact.points, "donate", always_owed=False)
    turn.member.wallet.donated[fact.currency] += fact.points
    turn.member.wallet.causes[fact.cause, fact.currency] += fact.points


def _has_cause(turn: Turn, fact: DonateFact) -> bool:
    """Whether some version takes points of the currency for the cause."""
    return any(_takes(version.program, fact) for version in turn.world.versions)


def _takes(program: Program, fact: DonateFact) -> bool:
    if fact.cause in program.causes and any(c.id == fact.currency for c in program.currency):
        return True
    return any(
        rule.donate == fact.cause
        and program.currency[program.currency_of(rule)].id == fact.currency
        for rule in program.rule
    )


def _give(
    turn: Turn, currency: str, points: int, kind: str, *, always_owed: bool
) -> list[Take]:
    if is_status(turn.program, currency):
        raise Refusal(turn.row.id, Status.NOT_SPENDABLE)
    wallet = turn.member.wallet
    takes, missing = wallet.take(wallet.pools(currency, pending=False), points)
    turn.row.lack[currency] += missing
    forgiven = forgives(turn, currency, always_owed=always_owed)
    takes += wallet.short(currency, missing, forgive=forgiven)
    turn.row.post(kind, currency, -points)
    turn.row.post("forgive", currency, missing if forgiven else 0)
    return takes


def _moved(turn: Turn, name: str, take: Take) -> Moved:
    """A lot as it leaves: its last day is fixed. What was missing begins with the fact."""
    wallet = turn.member.wallet
    if isinstance(take.where, int):
        lot = wallet.lots[take.where]
        earned, active_from = lot.dates.earned, lot.dates.active_from
        through: dt.date | None = wallet.good_through(lot)
    else:
        currency = next(c for c in turn.program.currency if c.id == name)
        dates = earned_dates(turn.program, currency, turn.date)
        earned = active_from = turn.date
        through = dates.good_through
        if dates.idle is not None:
            through = add_months(dates.idle[0], earned, dates.idle[1])
    return Moved(earned, active_from, None if through == NEVER else through, take.points)


def receive(turn: Turn, fact: ReceivedFact) -> None:
    """The receiver's leg: lots with the dates that they had, which pay debt first."""
    wallet = turn.member.wallet
    wallet.received[fact.currency] += fact.points
    turn.row.post("transfer", fact.currency, fact.points)
    for earned, active_from, through, points in fact.lots:
        wallet.add(Lot(
            fact.currency, points, Dates(earned, active_from, through), fact.id, "",
            (turn.place, 0),
        ))  # fmt: skip


def leg_of(fact: TransferFact, row: Row) -> ReceivedFact:
    """What the receiver gets of an accepted transfer."""
    return ReceivedFact(
        fact.id, fact.occurred_at, fact.to, fact.currency, fact.points, row.left, fact.store,
        fact.terminal,
    )
