"""A member as reads show it: balances, tier, lots and totals at any instant.

From the member's latest fact on the state tells, since expiry is of the clock; before it the
facts of its chain up to the instant are folded again (rulebook section 11, as of).
"""

from __future__ import annotations

import time

import numpy as np
import orjson
from numpy.typing import NDArray

from vafa.native.state import State

from ..columns.answers import Answer, instant_text
from ..columns.columns import SALE, UNMERGE
from ..columns.named import named_ids, names_among, naming_rows
from ..compiling.version import CompiledProgram
from ..folding.alone import fold_whole
from ..folding.chain import Heads, strip
from ..folding.fold import Fold
from ..members.membership import CLOSED, REFERRED_BY, TYPE
from ..members.plans import ActivePlan, plans_at
from ..replica.kept import Kept, Standing
from ..replica.replica import Replica
from ..value.redeemable import redeemable_tenders
from ..value.referrals import referrals_view
from .progress import until_json

_Standing = tuple[Fold, State, int, int, int]
"""Fold, a state that has the member's row, its number there, the instant that it shows, the
highest seq of the member's facts."""


def member_view(
    replica: Replica, name: str, at_us: int | None = None, *, lots: bool = False
) -> Answer | None:
    """A member's balances, tier, totals and purchases at an instant (us, default now).

    With `lots` also its lots, as `member_lots` has them. None for a member that is not known,
    or had no fact yet. Without an instant a member whose latest fact is later than now is
    shown as of that fact.
    """
    found = member_json(replica, name, at_us)
    if found is None:
        return None
    shown: Answer = orjson.loads(found[0])
    if not lots:
        del shown["lots"]
    return shown


def member_json(replica: Replica, name: str, at_us: int | None = None) -> tuple[bytes, str] | None:
    """What `member_view` shows, lots included, as JSON; and the instant that it shows.

    Figures are written natively; what is told beside them of few members is not.
    """
    found = _standing(replica, name, at_us)
    if found is None:
        return None
    fold, state, number, at, seq = found
    day, version = fold.today(at), fold.versions.showing(at).number
    compiled, as_of = fold.compiled.compiled[version - 1], instant_text(at)
    named = replica.dictionaries.members.numbers[name]
    if fold.refers or replica.membership.tells_of(named):
        standing = seq, day, version, replica.membership.changes
        kept = None if at_us is not None else replica.kept.find(fold, name, standing)
        if kept is None:
            kept = _beside(replica, fold, named, at, standing)
            if at_us is None and _stays(replica, named, at):
                replica.kept.keep(name, kept)
        _, shown_name, more = kept
    else:
        shown_name, more = orjson.dumps(name), b""
    if compiled.program.redemption:
        more += _redeemable(compiled, state, number, day)
    by = until_json(compiled, state, number, day)
    body = compiled.shown.member(
        state, number, day, shown_name, as_of.encode(), seq, by, more
    )
    return body, as_of


def _stays(replica: Replica, named: int, at: int) -> bool:
    """Whether the clock changes nothing of what is told before the next business day."""
    membership = replica.membership
    if not membership.tells_of(named):
        return True
    settled = membership.settled_at(named)
    alone = len(membership.accounts.family(named)) == 1
    return alone and settled is not None and settled <= at


def _beside(replica: Replica, fold: Fold, named: int, at: int, standing: Standing) -> Kept:
    """A member's name, and what is told of it beside its figures."""
    person, more = named, {}
    if replica.membership.tells_of(named):
        # One that was claimed, or merged into another, has two names.
        person = replica.membership.accounts.ties(named, at).person(named)
        more = _about(replica, person, at) | _tied(replica, person, at)
    if fold.refers:
        more |= referrals_view(replica, fold, person, at)
    name = orjson.dumps(replica.dictionaries.members.names[person])
    return Kept(standing, name, _members(more))


def _redeemable(compiled: CompiledProgram, state: State, number: int, day: int) -> bytes:
    """What each redemption tender takes of a member."""
    layout = compiled.layout
    active = [
        state.totals(number, place, day)["active"] for place in range(len(layout.currencies))
    ]
    tier = state.tier(compiled.native, number, day)
    name = layout.tiers[tier] if tier >= 0 else None
    return _members({"redeemable": redeemable_tenders(compiled, active, name, None)})


def _members(some: Answer) -> bytes:
    """The members of an object, with a comma behind each."""
    return orjson.dumps(some)[1:-1] + b"," if some else b""


def _about(replica: Replica, number: int, at: int) -> Answer:
    """What is known of a member beside its figures: what it is, its cards and plans."""
    membership = replica.membership
    shown: Answer = {}
    ties = membership.accounts.ties(number, at)
    same = [one for one in membership.accounts.family(number) if ties.person(one) == number]
    cards = sorted(card for one in same for card in membership.cards.held(one, at))
    events = sorted(
        (event for one in same for event in membership.members.get(one, ()) if event.at <= at),
        key=lambda event: event[:4],
    )
    for event in events:
        if event.what == TYPE:
            shown["type"] = event.name
        elif event.what == CLOSED:
            shown["closed"] = instant_text(event.at)
        elif event.what == REFERRED_BY:
            shown["referrer"] = replica.dictionaries.members.names[event.other]
    if cards:
        shown["cards"] = cards
    plans = plans_at(replica.versions, events, at)
    if plans:
        shown["plans"] = [_plan_view(plan) for plan in plans]
        named = {name for plan in plans for name in plan.entitlements}
        shown["entitlements"] = sorted(named)
    return shown


def _tied(replica: Replica, person: int, at: int) -> Answer:
    """Who was merged into a member, where it pools, and who pools with it."""
    accounts, names = replica.membership.accounts, replica.dictionaries.members.names
    shown: Answer = {}
    if len(accounts.family(person)) == 1:
        return shown
    ties = accounts.ties(person, at)
    others = [one for one in accounts.family(person) if ties.person(one) == person != one]
    if others:
        shown["merged"] = sorted(names[one] for one in others)
    home = ties.home(person)
    if home is not None:
        shown["account"] = names[home]
    pooled = ties.pooled(person)
    if pooled:
        shown["members"] = sorted(names[one] for one in pooled)
    return shown


def _plan_view(plan: ActivePlan) -> Answer:
    shown: Answer = {
        "plan": plan.name,
        "since": instant_text(plan.since),
        "until": None if plan.until is None else instant_text(plan.until),
        "renews": plan.renews,
        "terms": plan.terms,
        "fees": plan.fees,
        "entitlements": list(plan.entitlements),
    }
    if plan.term_ends is not None:
        shown["term_ends"] = instant_text(plan.term_ends)
    return shown


def card_view(replica: Replica, card: str, at_us: int | None = None) -> Answer | None:
    """Whose a card is at an instant (us, default now), and whether it may be used.

    None for a card that nothing is known of.
    """
    at = time.time_ns() // 1000 if at_us is None else at_us
    state = replica.membership.cards.state(card, at)
    if state is None:
        return None
    shown: Answer = {
        "card": card,
        "as_of": instant_text(at),
        "member": replica.dictionaries.members.names[
            replica.membership.accounts.ties(state.member, at).person(state.member)
        ],
        "blocked": state.blocked,
    }
    if state.reason:
        shown["reason"] = state.reason
    if state.provisional:
        shown["provisional"] = True
    if state.pin:
        shown["has_pin"] = True
    return shown


def member_lots(replica: Replica, name: str, at_us: int | None = None) -> list[Answer]:
    """A member's lots at an instant, in spending order; those that are past are left out."""
    shown = member_view(replica, name, at_us, lots=True)
    return [] if shown is None else shown["lots"]


def latest_seq(replica: Replica, name: str) -> int | None:
    """Highest seq of a member's facts on stable storage; None for one that has none."""
    found = _standing(replica, name, None)
    return None if found is None else found[4]


def _standing(replica: Replica, name: str, at_us: int | None) -> _Standing | None:
    named = replica.dictionaries.members.numbers.get(name)
    fold = replica.fold
    if named is None or fold is None:
        return None
    number = fold.accounts.account(named)
    state, mine = fold.state, number
    packed = replica.in_flight.get(number)
    if packed is not None:
        # The commit that touched the member is not yet durable.
        state, mine = _unpacked(fold, packed), 0
    last_at, last_seq = state.head(mine)[:2]
    if last_at is None:
        return None
    heads = {named: last_seq}
    if len(fold.accounts.family(named)) > 1:
        heads = durable_heads(replica, fold, named)
        last_seq = max(heads.values())
    at = time.time_ns() // 1000 if at_us is None else at_us
    if at >= last_at:
        ends = state.runs_out(mine)
        if ends is not None and ends <= at:
            state, mine = _run_out(fold, state.pack(mine), at), 0
        return fold, state, mine, at, last_seq
    if at_us is None:
        return fold, state, mine, last_at, last_seq
    past = as_of(replica, fold, named, heads, at)
    return None if past is None else (fold, _run_out(fold, past, at), 0, at, last_seq)


def _unpacked(fold: Fold, packed: bytes) -> State:
    state: State = fold.compiled.new_state()
    state.grow(1)
    state.unpack(0, packed)
    return state


def _run_out(fold: Fold, packed: bytes, at: int) -> State:
    """A member's row as it stands when the holds that end by an instant are over."""
    state = _unpacked(fold, packed)
    fold.end_holds(state, at)
    return state


def durable_heads(replica: Replica, fold: Fold, member: int) -> dict[int, int]:
    """The highest seqs of a member and of those tied to it, of facts that are durable."""
    heads = fold.heads(member)
    for one in heads:
        packed = replica.in_flight.get(one)
        if packed is not None:
            heads[one] = _unpacked(fold, packed).head(0)[1]
    return heads


def as_of(
    replica: Replica, fold: Fold, number: int, heads: Heads, at: int,
    but: NDArray[np.uint64] | None = None,
) -> bytes | None:
    """The row of a member's account as the facts up to an instant make it, `but` for some by their
    seqs; None when there are none. A merge that is undone is none at any instant."""
    history = replica.history(heads)
    facts = history.facts
    early_enough = (facts.at <= at) | (facts.kind == UNMERGE)
    if but is not None:
        early_enough &= ~np.isin(history.seqs, but)
    rows = np.flatnonzero(early_enough).astype(np.uint32)
    if facts.extras is not None:
        # A fact cannot be in force while one that it names is not; an exchange is a sale by
        # then. What names a fact that is dropped goes with it.
        while True:
            names = names_among(facts, history.ids, rows, history.one)
            early = [
                row for row in naming_rows(facts, rows)
                if len(names.targets(facts, row)) < len(named_ids(facts.extra(row)))
            ]  # fmt: skip
            if not early:
                break
            gone = []
            for row in early:
                if facts.extra(row).tender_refs or facts.kind[row] != SALE:
                    gone.append(row)
                else:
                    strip(history, row, refused=True)
            rows = rows[~np.isin(rows, gone)]
    if not len(rows):
        return None
    folded = fold_whole(fold, history.select(rows), at)
    return None if folded is None else folded.row(history.members.index(number))
