"""What deciding a member anew posts: what its new facts came to, and corrections of older ones.

A correction stands on the last new row that was taken; what became of a parked fact, on the row
of its sale (rulebook sections 2 and 9).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..columns.columns import NO_RULE, OF_SALES
from ..columns.parked import CORRECT
from .alone import fold_whole
from .chain import History, Known
from .differences import NO_POSTINGS, Folded, Posted, changes, corrections
from .fold import Fold

Insert = tuple[NDArray[Any], dict[str, Any]]
"""(rows of a batch, posting columns)."""

OWN = ("rule", "kind", "currency", "limit", "desired", "points")
"""Columns of a new fact's own postings, as the kernel gives them."""


class Decided(NamedTuple):
    """A member's facts decided: the pool of them, `n_old` old ones, then new ones (the rows of the
    batch, whose first seq is given), then those that waited (`first_waiting`).

    `taken` is by row of the pool; `resolved` what became of parked ones: (row of the batch, of the
    pool, status); `before` and `after` the folds without and with what is new. `apart`: see `Anew`.
    """

    fold: Fold
    first: int
    rows: NDArray[np.uint32]
    pool: History
    n_old: int
    first_waiting: int
    taken: NDArray[np.bool_]
    resolved: list[tuple[int, int, int]]
    before: Folded | None
    after: Folded | None
    apart: Sequence[Known]


def postings_of(decided: Decided) -> list[Insert]:
    """The new facts' own postings, then corrections, then what became of parked facts."""
    after, pool, n_old = decided.after, decided.pool, decided.n_old
    if after is None:
        return _told(decided)
    basket = after.figures["basket"]
    own = ((basket >= n_old) & (basket < decided.first_waiting)).nonzero()[0]
    parked = [row for _, row, _ in decided.resolved if pool.facts.kind[row] in OF_SALES]
    if parked:
        own = own[~np.isin(basket[own], parked)]
    columns = {name: after.figures[name][own] for name in OWN}
    columns["corrects"] = np.zeros(len(own), np.uint64)
    out: list[Insert] = [(decided.rows[basket[own] - n_old], columns)]
    if decided.apart:
        return out + _corrections_apart(decided, after)
    return out + _corrections(decided, after, parked) + _told(decided)


def _corrections(decided: Decided, after: Folded, parked: list[int]) -> list[Insert]:
    before, n_old = decided.before, decided.n_old
    if before is not None and not parked and before.posts_alike(after, n_old):
        return []
    changed = changes(
        before.posted() if before is not None else NO_POSTINGS, after.posted(),
        lambda row: (row < n_old) | np.isin(row, parked),
    )  # fmt: skip
    if not changed:
        return []
    rows = decided.rows.tolist()
    taken = [row for place, row in enumerate(rows) if decided.taken[n_old + place]]
    last = taken[-1] if taken else rows[-1]
    told_on = {row: teller for teller, row, _ in decided.resolved}
    tellers = np.array([told_on.get(key[0], last) for key, _ in changed], np.int64)
    closed = decided.fold.closed

    def seq_of(row: int) -> int:
        return int(decided.pool.seqs[row]) if row >= 0 else closed.seq[-1 - row]

    return [(tellers, corrections(changed, seq_of))]


def _corrections_apart(decided: Decided, after: Folded) -> list[Insert]:
    """As `_corrections` of a tie, whose families had facts that are in force no more."""
    was = [
        _by_seq(known.folded or _alone(decided.fold, known.history), known.history)
        for known in decided.apart if known.history.ids
    ]  # fmt: skip
    before = Posted(*(np.concatenate(columns) for columns in zip(*was, strict=True)))
    changed = changes(before, _by_seq(after, decided.pool), lambda seq: seq < decided.first)
    if not changed:
        return []
    tellers = np.full(len(changed), int(decided.rows[-1]), np.int64)
    closed = decided.fold.closed
    return [(tellers, corrections(changed, lambda key: key if key >= 0 else closed.seq[-1 - key]))]


def _alone(fold: Fold, history: History) -> Folded:
    folded = fold_whole(fold, history)
    assert folded is not None
    return folded


def _by_seq(folded: Folded, history: History) -> Posted:
    """Points with seqs for the rows of facts."""
    posted = folded.posted()
    facts = posted.row >= 0
    seqs = posted.row.copy()
    seqs[facts] = history.seqs[posted.row[facts]].astype(np.int64)
    return posted._replace(row=seqs)


def _told(decided: Decided) -> list[Insert]:
    """What became of parked facts, on the rows of their sales."""
    return [
        (np.array([teller]), told(int(decided.pool.seqs[row]), status))
        for teller, row, status in decided.resolved
    ]


def told(seq: int, status: int) -> dict[str, Any]:
    """The posting that tells what became of a parked fact (see `parked`)."""
    return {
        "rule": np.array([NO_RULE], np.uint16),
        "kind": np.array([CORRECT], np.uint8),
        "currency": np.zeros(1, np.uint8),
        "limit": np.array([status], np.uint8),
        "desired": np.zeros(1, np.int64),
        "points": np.zeros(1, np.int64),
        "corrects": np.array([seq], np.uint64),
    }
