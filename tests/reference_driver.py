"""A case through the plain-Python reference, in the form of `outcomes`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from typing import Any

import msgspec

from vafa.engine.facts import (
    CatalogFact,
    DayClosedFact,
    MergeFact,
    PoolFact,
    StoreFact,
    TransferFact,
    json_decoder,
)
from vafa.engine.reference.answers import views
from vafa.engine.reference.calendar import business_date
from vafa.engine.reference.facts import Moved, ReceivedFact
from vafa.engine.reference.reference import Answer, MemberView, Reference
from vafa.engine.reference.reference import Posting as ReferencePosting
from vafa.engine.reference.run import Run as Played
from vafa.engine.reference.run import play
from vafa.engine.reference.state import State
from vafa.engine.reference.tied import Tied, play_tied
from vafa.engine.reference.tiers import Progress
from vafa.engine.reference.world import Accepted, World

from .cases import PUBLISH, Case, Fact, body, is_control, unchecked
from .outcomes import (
    DAY_US,
    LATER,
    Balance,
    Posted,
    Run,
    Told,
    View,
    latest_us,
    lots_of,
    us_of,
)

TOTALS = (
    "issued", "expired", "redeemed", "reversed", "donated", "forgiven",
    "transferred_out", "transferred_in",
)  # fmt: skip


def run(case: Case, facts: Iterable[Fact] | None = None) -> Run:
    """What the reference makes of a case, its facts one by one."""
    reference, found = Reference(), Run()
    seen: list[str] = []
    for fact in case.facts if facts is None else facts:
        if fact["kind"] == PUBLISH:
            program = unchecked(case.programs[fact["program"]])
            reference.publish(program, us_of(fact))
            found.told[fact["id"]] = Told("ok")
            continue
        answer = reference.submit(_decoded(fact))
        found.told[fact["id"]] = _told(answer, of_member=not is_control(fact))
        for name, row in answer.rows.items():
            whole = name if "/" in name else f"{fact['id']}>{name}"
            found.told[whole] = _told(row, of_member=True)
        for parts in (answer.corrections, answer.closings, answer.legs):
            for member, postings in parts.items():
                told = found.told.setdefault(f"{fact['id']}/{member}", Told("ok"))
                told.postings += [posted(posting) for posting in postings]
        for rule in answer.budgets:
            found.told[f"budget closed:{rule}"] = Told("ok")
        if "member" in fact and answer.status == "ok":
            seen.append(fact["member"])
    _views(reference, found, case, dict.fromkeys(seen))
    return found


def settled_run(case: Case, engine: Run) -> Run:
    """What the reference makes of the facts that a ledger has accepted, all at once.

    Every member is played once, with the ledger's decisions: what it refused and what it
    let wait is left out, budgets are closed where it closed them. Of each fact this tells
    what it came to in the end, corrections included. `run` checks the decisions as well
    and takes twice as long.
    """
    world, found = World(), Run()
    facts = {fact["id"]: fact for fact in case.facts}
    applied = {n: said for told in engine.told.values() for n, said in told.parked.items()}
    members: dict[str, list[Accepted]] = {}
    for seq, (name, told) in enumerate(engine.told.items(), 1):
        if name.startswith("budget closed:"):
            world.budgets_closed[name.removeprefix("budget closed:")] = seq
        if told.lots:
            leg = _leg(facts[name.partition("/")[0]], told, seq, world)
            members.setdefault(name.partition("/")[2], []).append(leg)
        if name not in facts or told.status == "refused":
            continue
        fact = facts[name]
        if fact["kind"] == PUBLISH:
            program = unchecked(case.programs[fact["program"]])
            dates = {entry.id: frozenset(entry.add) for entry in program.holidays}
            world.publish(program, us_of(fact), dates)
            continue
        decoded = json_decoder.decode(body(fact))
        if isinstance(decoded, CatalogFact):
            world.catalogs.append(decoded)
        elif isinstance(decoded, StoreFact):
            world.stores.append(decoded)
        elif (version := world.version_at(us_of(fact))) is not None:
            waits = told.waits and applied.get(name) != "ok"
            entry = Accepted(decoded, seq, version, not waits)
            if isinstance(decoded, DayClosedFact):
                world.days.append(entry)
            elif not (waits and fact["kind"] in ("return", "payment")):
                members.setdefault(fact["member"], []).append(entry)
    latest = latest_us(case)
    for family in _families(members):
        entries = [one for name in family for one in members.pop(name, ())]
        _tied(found, world, family, play_tied(world, entries), latest)
    for member, entries in members.items():
        _alone(found, facts, member, play(world, entries), world, latest)
    return found


def _families(members: Mapping[str, list[Accepted]]) -> list[list[str]]:
    """Members that accepted facts have ever tied."""
    found: list[set[str]] = []
    for entries in members.values():
        for entry in entries:
            match entry.fact:
                case MergeFact(member=one, other=other) | PoolFact(member=one, account=other):
                    joined = {one, other}
                case _:
                    continue
            apart = [family for family in found if not family & joined]
            found = [*apart, joined.union(*(f for f in found if f & joined))]
    return [sorted(family) for family in found]


def _alone(
    found: Run, facts: Mapping[str, Fact], member: str, played: Played, world: World, latest: int
) -> None:
    """What became of a member that was never tied."""
    _rows(found, facts, member, played)
    for days, shown in zip(LATER, later(world, played.member, latest), strict=True):
        found.views[member, days] = view(shown)


def _tied(found: Run, world: World, family: list[str], tied: Tied, latest: int) -> None:
    """What became of members that were ever tied."""
    for account, played in tied.runs.items():
        _rows_of(found, account, played)
    for name in family:
        shown_later = later(world, tied.run(name).member, latest)
        for days, shown in zip(LATER, shown_later, strict=True):
            found.views[name, days] = view(shown)


def _rows_of(found: Run, account: str, played: Played) -> None:
    """What each fact did in an account of tied members."""
    for step in played.steps:
        name = step.row.id
        if isinstance(step.entry.fact, DayClosedFact):
            name = f"{name}/{account}"
        elif isinstance(step.entry.fact, ReceivedFact):
            name = name.replace("\0", "/")
        told = found.told.setdefault(name, Told("ok"))
        told.postings += [posted(posting) for posting in step.row.postings]


def _rows(found: Run, facts: Mapping[str, Fact], member: str, played: Played) -> None:
    """What each fact did to a member; a leg of another member's fact is apart."""
    for name, row in played.rows.items():
        of_other = facts.get(name, {}).get("member", member) != member
        told = found.told.setdefault(f"{name}/{member}" if of_other else name, Told("ok"))
        told.postings += [posted(posting) for posting in row.postings]


def _leg(fact: Fact, told: Told, seq: int, world: World) -> Accepted:
    """A leg of a transfer as the ledger has it."""
    sent, version = json_decoder.decode(body(fact)), world.version_at(us_of(fact))
    assert isinstance(sent, TransferFact)
    assert version is not None
    lots = [Moved(*lot) for lot in told.lots]
    return Accepted(ReceivedFact(
        sent.id, sent.occurred_at, sent.to, sent.currency, sent.points, lots, sent.store,
        sent.terminal,
    ), seq, version)  # fmt: skip


def later(world: World, member: State, latest: int) -> Iterator[MemberView]:
    """A member on the days after a case, each by the version in force on it."""
    moments = [latest + days * DAY_US for days in LATER]
    for version, some in groupby(moments, world.version_at):
        assert version is not None
        of_it = list(some)
        dates = [business_date(version.program, at_us)[0] for at_us in of_it]
        yield from views(version, member, dates, of_it)


def _decoded(fact: Fact) -> Any:
    """A fact as typed; the member of one that names nobody is ""."""
    if "member" in fact or is_control(fact):
        return json_decoder.decode(body(fact))
    found: Any = json_decoder.decode(body({**fact, "member": "?"}))
    found.member = ""
    return found


def _told(answer: Answer, of_member: bool) -> Told:
    told = Told(answer.status, answer.reason, [posted(p) for p in answer.postings])
    if of_member:
        told.balances = {name: _balance(b) for name, b in answer.balances.items()}
        told.tier, told.parked = answer.tier, answer.parked
    return told


def posted(posting: ReferencePosting) -> Posted:
    """A posting in the common form."""
    return Posted(
        posting.rule, posting.kind, posting.currency, posting.points, posting.desired,
        posting.limit, posting.corrects,
    )  # fmt: skip


def _progress(shown: Progress | None) -> tuple[str, ...]:
    if shown is None:
        return ()
    lacking = [".".join(filter(None, name)) for name, lack in shown.missing.items() if lack > 0]
    return shown.tier, *sorted(lacking)


def _balance(figures: Any) -> Balance:
    return Balance(figures.active, figures.pending, figures.held, figures.debt)


def _views(reference: Reference, found: Run, case: Case, members: Iterable[str]) -> None:
    program = unchecked(next(iter(case.programs.values())))
    latest = latest_us(case)
    moments = [latest + days * DAY_US for days in LATER]
    dates = [business_date(program, at_us)[0] for at_us in moments]
    for member in members:
        for days, shown in zip(LATER, reference.members(member, dates, moments), strict=True):
            found.views[member, days] = view(shown)


def view(shown: MemberView) -> View:
    points: dict[tuple[Any, ...], int] = defaultdict(int)
    for lot in shown.lots:
        through = lot.good_through.isoformat() if lot.good_through else None
        active = lot.active_from.isoformat() if lot.active_from else None
        dates = lot.earned.isoformat(), active, through
        points[lot.currency, *dates] += lot.points
    return View(
        shown.tier, shown.purchases,
        {name: _balance(figures) for name, figures in shown.balances.items()},
        lots_of(points),
        {name: dict(zip(TOTALS, totals, strict=False)) for name, totals in shown.totals.items()},
        _progress(shown.progress),
        msgspec.to_builtins((shown.carry, shown.units, shown.counters), enc_hook=str),
    )  # fmt: skip
