"""One member: every accepted fact in the member's order, and its state after each (section 2)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

from ..facts import DayClosedFact, EnrolFact
from .apply import apply
from .calendar import business_date
from .facts import PlaceKey, named_facts, named_sale
from .spending import run_out
from .state import State
from .tiers import tier_on
from .trace import SILENT, Trace
from .turn import Row, Turn, advance
from .world import Accepted, World


@dataclass(frozen=True)
class Step:
    """One fact at its place: what it did and the member after it, which nothing changes."""

    entry: Accepted
    row: Row
    after: State
    emptied: bool = False
    """All that was there is another's: the account begins anew."""


@dataclass
class Run:
    """A member after all facts: a step for each, in order."""

    steps: list[Step] = field(default_factory=list)

    @property
    def member(self) -> State:
        """The member after the last fact. It is to be copied before it changes."""
        return self.steps[-1].after if self.steps else State()

    @property
    def standing(self) -> State:
        """The member after the latest fact of its own, before later closings."""
        for step in reversed(self.steps):
            if not isinstance(step.entry.fact, DayClosedFact):
                return step.after
        return State()

    @property
    def rows(self) -> dict[str, Row]:
        """What each fact did, by id, in order."""
        return {step.row.id: step.row for step in self.steps}


def play(
    world: World, accepted: Iterable[Accepted], known: Run | None = None,
    changed_us: int | None = None, judge: Callable[[Accepted, Row], None] | None = None,
    trace: Trace = SILENT,
) -> Run:
    """A member's facts, and the closings after the first of them.

    With `known`, an earlier run of the member, only what differs is played again: facts that
    stand in both at the beginning, before the instant from which the world has changed,
    have done what they did. Raises Refusal with the id of the fact that cannot stand at its
    place; `judge` may raise it for what a fact did at its own place. `trace` is told of
    what is played.
    """
    entries = in_order([*accepted, *world.days])
    run = Run(_alike(entries, known, changed_us) if known is not None else [])
    for place, entry in enumerate(entries[len(run.steps) :], len(run.steps)):
        turn = turn_of(world, entry, run.member.copy(), place)
        turn.trace = trace
        sale = named_sale(entry.fact)
        turn.sale_is_here = entry.returns and sale is not None and any(
            step.row.id == sale for step in run.steps
        )
        trace.begins(turn.row.id, turn.account, turn.tier, turn.member)
        apply(turn)
        if judge is not None:
            judge(entry, turn.row)
        # A closing that has nothing to tell of a member is none of its facts.
        idle = isinstance(entry.fact, DayClosedFact) and not turn.row.postings
        run.steps.append(Step(entry, turn.row, run.member if idle else turn.member))
    return run


def in_order(accepted: Iterable[Accepted]) -> list[Accepted]:
    """Facts in the member's order (section 2), from the member's first one on.

    A fact that names another applies at its own place, or right after the one it names if
    its own place is before it.
    """
    by_id = {entry.fact.id: entry for entry in accepted}
    keys: dict[str, tuple[PlaceKey, ...]] = {}

    def key(entry: Accepted, seen: frozenset[str] = frozenset()) -> tuple[PlaceKey, ...]:
        name = entry.fact.id
        if name not in keys:
            own: tuple[PlaceKey, ...] = (entry.key,)
            # An exchange whose return part waits, or was refused, is a sale at its own place.
            without = None if entry.returns else named_sale(entry.fact)
            for other in named_facts(entry.fact):
                named = None if other == without else by_id.get(other)
                if named is not None and named is not entry and other not in seen:
                    after = key(named, seen | {name})
                    own = own if own > after else (*after, entry.key)
            if seen:
                return own
            keys[name] = own
        return keys[name]

    found = sorted(by_id.values(), key=key)
    while found and isinstance(found[0].fact, DayClosedFact):
        del found[0]
    return found


def _alike(entries: Sequence[Accepted], known: Run, changed_us: int | None) -> list[Step]:
    """Steps of an earlier run that are as they were."""
    found = []
    for entry, step in zip(entries, known.steps, strict=False):
        if entry is not step.entry or (changed_us is not None and entry.at_us >= changed_us):
            break
        found.append(step)
    return found


def turn_of(world: World, entry: Accepted, member: State, place: int) -> Turn:
    """Bring the member to the date of a fact."""
    fact, program = entry.fact, entry.version.program
    date, clock = business_date(program, entry.at_us)
    closing = isinstance(fact, DayClosedFact)
    if isinstance(fact, DayClosedFact):
        date = fact.date
    elif member.about.joined is None:
        member.about = replace(member.about, joined=date)
    member.had = {**member.had, **{one.id: (program, one) for one in program.currency}}
    member.now_us = max(member.now_us, entry.at_us)
    run_out(entry.version, member, date if closing else dt.date.max, member.now_us)
    advance(entry.version, member, date)
    tier = tier_on(program, member, member.wallet.today)
    if isinstance(fact, EnrolFact) and not member.about.enrolled:
        # From here on: the years before it went by the first fact.
        member.about = replace(member.about, joined=date, enrolled=True)
    return Turn(
        world, entry, program, member, Row(fact.id, date), place, date, clock, entry.at_us, tier
    )
