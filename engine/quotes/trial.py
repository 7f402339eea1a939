"""A fact tried: what a commit would make of it, found on a copy of its member's row.

The commit's own path with nothing kept: the same columns, the same kernel, the same decisions
over late facts. Names that nobody has used before are forgotten again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from vafa.native.state import State
from vafa.native.wire import Sale

from ..columns.columns import Facts, Outcome
from ..columns.intake import facts_of
from ..columns.named import no_names
from ..columns.order import place_key
from ..columns.status import Status
from ..folding.batch import Batch
from ..folding.batches import (
    insert,
    known_of,
    outcome_of,
    refuse,
    special_rows,
    strangers,
    tell_anew,
    tell_last,
)
from ..folding.chain import Known
from ..folding.differences import Folded
from ..folding.fold import Fold
from ..folding.late import Anew
from ..naming.members import refuse_closed
from ..replica.replica import Replica
from ..value.coupons import decide, write_codes
from ..value.joint import cards_are_there, paid_by
from ..views.views import as_of, durable_heads
from .form import NOBODY

_ONE = np.zeros(1, np.uint32)


@dataclass(slots=True)
class Trial:
    """What one fact would come to.

    `before`, `place` and `after` are tables of one member, number 0, as it stands before the
    commit, at the fact's place before it, and after the whole commit. `spendable` are by
    currency the points that may be spent at the fact's place, so that no later fact lacks one.
    """

    facts: Facts
    version: int
    outcome: Outcome
    before: State
    place: State
    after: State
    at: int
    """The later of the fact's instant and that of the member's latest fact (us)."""
    spendable: list[int]


@contextmanager
def lent(fold: Fold) -> Iterator[None]:
    """Dictionaries may grow inside, and are as they were after it."""
    dictionaries, compiled = fold.dictionaries, fold.compiled
    sizes, codes = dictionaries.sizes(), compiled.seen.sizes()
    try:
        yield
    finally:
        dictionaries.cut(sizes)
        compiled.seen.cut(codes)
        # Tables that were made for names which another batch may number otherwise.
        compiled.follow()


def try_sale(
    replica: Replica, sale: Sale, refused: Mapping[int, Status] | None = None
) -> Trial:
    """What a commit would make of a sale, which its card may refuse (row 0 of `refused`).

    To be called inside `lent`.
    """
    fold = replica.fold
    assert fold is not None
    number = replica.dictionaries.members.numbers.get(sale.member)
    if number is not None:
        number = fold.accounts.account(number)
    before = _row(fold, packed_row(replica, number))
    facts = facts_of([sale], replica.dictionaries)
    fold.compiled.follow()
    version = replica.versions.numbers_at(facts.at)
    facts.day, facts.minute = replica.versions.dates(facts.at, version)
    batch = Batch(facts, [sale.id], replica.seq + 1, version)
    last_at = before.head(0)[0]
    at = sale.at if last_at is None else max(sale.at, last_at)
    gone = dict(refused or {})
    refuse_closed(facts, replica.membership, gone, replica.dictionaries.members)
    decided = decide(fold, batch, gone, replica, nobody=sale.member == NOBODY)
    write_codes(facts, decided)
    gone |= decided.refused
    if not gone and facts.extra(0).tender_cards:
        cards = _refused_by_cards(replica, fold, batch)
        gone = {} if cards == Status.OK else {0: cards}
    if gone:
        return _refused(fold, batch, before, at, gone[0])
    special = special_rows(fold, batch, replica)
    tied = fold.accounts.behind(facts.member, facts.at)
    apart = tied is not None and bool(tied.any())
    if special is None and not apart and not _late(fold, before, facts):
        return _fast(fold, batch, before, at)
    trial = _anew(replica, fold, batch, before, at)
    if special is not None:
        insert(trial.outcome, strangers(fold, batch, replica, trial.outcome))
    return trial


def _refused_by_cards(replica: Replica, fold: Fold, batch: Batch) -> Status:
    """Why gift cards do not pay a sale: one is not known, or has less. No PIN is asked."""
    facts = batch.facts
    status = cards_are_there(fold, facts)
    cards = fold.versions.all[int(batch.version[0]) - 1].program.gift_cards
    if status != Status.OK or cards is None or facts.extra(0).completed:
        return status
    place, day = fold.layout.currencies.index(cards.currency), int(facts.day[0])
    for card, asked in paid_by(fold, facts).items():
        if _row(fold, packed_row(replica, card)).totals(0, place, day)["active"] < asked:
            return Status.INSUFFICIENT
    return Status.OK


def packed_row(replica: Replica, number: int | None) -> bytes | None:
    """A member's row as reads see it: of facts that are durable. None for a new member."""
    assert replica.fold is not None
    state = replica.fold.state
    if number is None or number >= state.n_members:
        return None
    return replica.in_flight.get(number) or state.pack(number)


def _row(fold: Fold, packed: bytes | None) -> State:
    state = fold.compiled.new_state()
    state.grow(1)
    if packed is not None:
        state.unpack(0, packed)
    return state


def _late(fold: Fold, row: State, facts: Facts) -> bool:
    closed = fold.closed.late(facts.at)
    return bool(row.behind(_ONE, facts.at)[0][0]) or (closed is not None and bool(closed[0]))


def _fast(fold: Fold, batch: Batch, before: State, at: int) -> Trial:
    after = _row(fold, before.pack(0))
    outcome = _folded(fold, batch, after, _ONE)
    day = int(batch.facts.day[0])
    spendable = _active(fold, before, day)
    return Trial(
        batch.facts, int(batch.version[0]), outcome, before, before, after, at, spendable
    )


def _refused(fold: Fold, batch: Batch, before: State, at: int, status: Status) -> Trial:
    outcome = _folded(fold, batch, _row(fold, None), np.zeros(0, np.uint32))
    refuse(fold, batch, 0, status, before, 0, outcome)
    spendable = _active(fold, before, int(batch.facts.day[0]))
    return Trial(batch.facts, int(batch.version[0]), outcome, before, before, before, at, spendable)


def _active(fold: Fold, row: State, day: int) -> list[int]:
    return [row.totals(0, place, day)["active"] for place in range(fold.n_currencies)]


def _folded(fold: Fold, batch: Batch, state: State, order: NDArray[np.uint32]) -> Outcome:
    """The fact's outcome over a row, or that of nothing when the order is empty."""
    alone = replace(batch.facts, member=_ONE)
    figures = fold.run(
        state, alone, batch.version, np.full(1, fold.budgets.epoch, np.uint32),
        no_names(1), np.zeros(1, np.bool_), order,
        drawn=fold.compiled.drawn(batch.version, batch.ids),
    )  # fmt: skip
    return outcome_of(figures, 1, state.last_seqs(_ONE), True)


def _anew(replica: Replica, fold: Fold, batch: Batch, before: State, at: int) -> Trial:
    """A fact that does not simply come last: its member folded with its whole chain."""
    member = int(batch.facts.member[0])
    heads = durable_heads(replica, fold, member)
    known = known_of(fold, heads, replica)
    outcome = _folded(fold, batch, _row(fold, None), np.zeros(0, np.uint32))
    anew = Anew(fold, batch, _ONE, known, replica)
    at_once = _behind_at_the_instant(fold, anew)
    packed = None
    if anew.before is not None:
        packed = as_of(
            replica, fold, member, heads, int(batch.facts.at[0]), known.history.seqs[at_once]
        )
    place = _row(fold, packed)
    fold.end_holds(place, int(batch.facts.at[0]))
    spendable = _spendable(fold, batch.facts, place, known, anew.before, at_once)
    anew.decide()
    after = tell_anew(anew, _ONE, outcome)
    insert(outcome, anew.postings())
    mine = known.history.members.index(member)
    row = _row(fold, None if after is None else after.row(mine))
    tell_last(fold, batch, _ONE, row, _ONE, outcome)
    return Trial(batch.facts, int(batch.version[0]), outcome, before, place, row, at, spendable)


def _behind_at_the_instant(fold: Fold, anew: Anew) -> NDArray[np.int64]:
    """Rows of the history that come after the fact though they are of its instant."""
    facts, ids, new = anew.pool.facts, anew.pool.ids, anew.n_old
    key = place_key(facts, ids, fold.dictionaries, new)
    return np.array([
        row for row in np.flatnonzero(facts.at[:new] == facts.at[new]).tolist()
        if place_key(facts, ids, fold.dictionaries, row) > key
    ], np.int64)  # fmt: skip


def _spendable(
    fold: Fold, facts: Facts, place: State, known: Known, chain: Folded | None,
    at_once: NDArray[np.int64],
) -> list[int]:
    """The least that is active at the fact's place, and after each later fact; those `at_once`
    are of its instant."""
    found = _active(fold, place, int(facts.day[0]))
    later = np.concatenate((np.flatnonzero(known.history.facts.at > facts.at[0]), at_once))
    if chain is None or not len(later):
        return found
    after = chain.figures["active"][later].min(axis=0).tolist()
    return [min(pair) for pair in zip(found, after, strict=True)]
