"""Referrals in the reference: who referred whom, what the referrers have got (section 7)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from ..columns.status import Status
from ..facts import AdjustFact, DayClosedFact, ReturnFact, SaleFact
from ..program.referrals import Referral
from .calendar import business_date, period_number, week_begins
from .facts import OfMember
from .run import Run
from .state import Record
from .world import Accepted, World

PART = "\0"
"""What stands after it tells legs of one fact apart."""


class Brought(NamedTuple):
    """What a referral has brought its referrer; `milestone` is the n-th that it was, or 0."""

    referrer: str
    at_us: int
    currency: str
    points: int
    milestone: int = 0


@dataclass
class Referrals:
    """Links by member, and what stands by (member, referral)."""

    referrer_of: dict[str, str] = field(default_factory=dict)
    brought: dict[tuple[str, str], Brought] = field(default_factory=dict)

    def refuses(self, member: str, referrer: str) -> Status:
        """Why a member may not be referred; OK where it may."""
        if member == referrer:
            return Status.SELF_REFERRAL
        if member in self.referrer_of:
            return Status.ALREADY_REFERRED
        above = referrer
        while above in self.referrer_of:
            above = self.referrer_of[above]
            if above == member:
                return Status.REFERRAL_CIRCLE
        return Status.OK

    def legs(
        self, world: World, entry: Accepted, fact: OfMember, before: Run, after: Run,
        closed: dict[str, int],
    ) -> list[Accepted]:
        """What an accepted fact brings to its member's referrer, or takes."""
        member = fact.member
        referrer = self.referrer_of.get(member)
        names = {one.id for version in world.versions for one in version.program.referral}
        found: list[Accepted] = []
        for name in sorted(names) if referrer is not None else ():
            was, now = gives(before, name), gives(after, name)
            mine = self.brought.get((member, name))
            if now and mine is None:
                sale = next(record.fact for record in after.member.records if _gave(record, name))
                earned = next(step.entry for step in after.steps if step.row.id == sale)
                found += self._brings(world, entry, earned, referrer or "", name, closed)
            elif was and not now and mine is not None and _brings_back(fact):
                del self.brought[member, name]
                found += _takes(entry, fact, mine, name)
        return found

    def _brings(
        self, world: World, entry: Accepted, earned: Accepted, referrer: str, name: str,
        closed: dict[str, int],
    ) -> list[Accepted]:
        version = world.version_at(earned.at_us)
        assert version is not None
        program = version.program
        referral = next((one for one in program.referral if one.id == name), None)
        left = closed.get(referrer)
        if referral is None or (left is not None and earned.at_us >= left):
            return []
        currency = program.currency_named(referral.currency)
        paid = [
            one for (_, of), one in self.brought.items()
            if one.referrer == referrer and of == name and one.points
        ]
        full = _full(world, referral, paid, earned.at_us)
        points = 0 if full else int(referral.referrer * 10**currency.scale)
        ordinal = len(paid) + 1
        more = 0
        if not full and str(ordinal) in referral.milestones and all(
            one.milestone != ordinal for one in paid
        ):
            more = int(referral.milestones[str(ordinal)] * 10**currency.scale)
        points += more
        now = Brought(referrer, earned.at_us, currency.id, points, ordinal if more else 0)
        assert not isinstance(earned.fact, DayClosedFact)
        self.brought[earned.fact.member, name] = now
        return [
            Accepted(AdjustFact(
                f"{earned.fact.id}{PART}{entry.seq}.{name}", earned.fact.occurred_at, referrer,
                currency.id, points,
            ), entry.seq, version)
        ]  # fmt: skip


def gives(run: Run, name: str) -> bool:
    """Whether the rule of a referral has given to a member, after all of its facts."""
    return any(_gave(record, name) for record in run.member.records)


def _gave(record: Record, name: str) -> bool:
    return any(given.rule == name and given.points > 0 for given in record.given)


def _brings_back(fact: OfMember) -> bool:
    return isinstance(fact, ReturnFact) or (
        isinstance(fact, SaleFact) and fact.returned is not None
    )


def _takes(entry: Accepted, fact: OfMember, mine: Brought, name: str) -> list[Accepted]:
    return [
        Accepted(AdjustFact(
            f"{fact.id}{PART}{entry.seq}.{name}", fact.occurred_at, mine.referrer,
            mine.currency, -mine.points, forced=True,
        ), entry.seq, entry.version)
    ]  # fmt: skip


def _full(world: World, referral: Referral, paid: list[Brought], at_us: int) -> bool:
    if referral.cap is None:
        return False
    used = paid
    if referral.per != "lifetime":
        version = world.version_at(at_us)
        assert version is not None
        program = version.program

        def period(moment: int) -> int:
            day = business_date(program, moment)[0]
            return period_number(program.calendar, week_begins(program), referral.per, day)

        used = [one for one in paid if period(one.at_us) == period(at_us)]
    return len(used) >= referral.cap
