"""One member from scratch: every accepted fact in the member's order (section 2)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from .facts import DayClosedFact, EnrolFact
from .program import Program
from .reference_apply import apply
from .reference_calendar import business_date
from .reference_facts import in_order, instant, named_sale
from .reference_state import State
from .reference_tiers import tier_on
from .reference_turn import Row, Turn, advance
from .reference_world import Accepted, World


@dataclass
class Run:
    """A member after all facts: the state, and a row for each fact by id, in order.

    `standing` is the member on the date of its latest fact, before later closings.
    """

    member: State = field(default_factory=State)
    standing: State = field(default_factory=State)
    rows: dict[str, Row] = field(default_factory=dict)
    program: Program | None = None


def play(world: World, accepted: Iterable[Accepted], look_at: str | None = None) -> Run:
    """A member's facts, and the closings after the first of them, from scratch.

    The row of the fact `look_at` keeps the member as it stood before it.

    Raises Refusal with the id of the fact that cannot stand at its place.
    """
    by_id = {entry.fact.id: entry for entry in (*accepted, *world.days)}
    facts = in_order([entry.fact for entry in by_id.values()])
    named = {named_sale(fact) for fact in facts if by_id[fact.id].returns}
    run = Run()
    run.standing = run.member
    last = max((i for i, x in enumerate(facts) if not isinstance(x, DayClosedFact)), default=-1)
    for place, fact in enumerate(facts):
        if place == last + 1:
            run.standing = run.member.frozen()
        entry = by_id[fact.id]
        if isinstance(fact, DayClosedFact) and not run.rows:
            continue
        turn = _turn(world, entry, run, place)
        turn.sale_is_here = entry.returns and named_sale(fact) in run.rows
        turn.is_named = fact.id in named or fact.id == look_at
        apply(turn)
        run.rows[fact.id] = turn.row
        run.program = turn.program
    return run


def _turn(world: World, entry: Accepted, run: Run, place: int) -> Turn:
    """Bring the member to the date of a fact."""
    fact, program, member = entry.fact, entry.version.program, run.member
    at_us = instant(fact.occurred_at)
    date, clock = business_date(program, at_us)
    if isinstance(fact, DayClosedFact):
        date = fact.date
    elif member.about.joined is None or (
        isinstance(fact, EnrolFact) and not member.about.enrolled
    ):
        enrolled = isinstance(fact, EnrolFact)
        member.about = replace(member.about, joined=date, enrolled=enrolled)
    advance(program, member, date)
    tier = tier_on(program, member, member.wallet.today)
    return Turn(
        world, entry, program, member, Row(fact.id, date), place, date, clock, at_us, tier
    )
