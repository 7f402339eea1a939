"""Rows that a commit adds to its facts: members' closings, and budgets that are closed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..columns.columns import BALANCES, CLOSING, POSTING_COLUMNS, Outcome, without_lines
from ..columns.records import control_batch, facts_batch
from ..controls.standing import BUDGET_CLOSED
from ..folding.alone import fold_whole
from ..folding.chain import History
from ..folding.differences import Folded, Posted, changes, corrections
from ..folding.fold import Fold
from ..replica.replica import Replica

Postings = dict[str, NDArray[Any]]


@dataclass(slots=True)
class Restated:
    """A member whose facts a fact of no member has changed: its fold after, what changed.

    `members` are those of its history, `place` is its place among them.
    """

    member: int
    members: tuple[int, ...]
    after: Folded
    postings: Postings

    @property
    def place(self) -> int:
        """The member's place in its history."""
        return self.members.index(self.member)


@dataclass(slots=True)
class Before:
    """A member as it was before: its facts and what they came to."""

    member: int
    history: History
    posted: Posted
    rows: tuple[bytes, ...]


def before(replica: Replica, members: Sequence[int]) -> list[Before]:
    """Members with facts in force, folded as things are now; of those tied the first one."""
    fold = replica.fold
    assert fold is not None
    out = []
    done: set[int] = set()
    for member in members:
        if member in done:
            continue
        history = replica.history(fold.heads(member))
        done.update(history.members)
        folded = fold_whole(fold, history)
        if folded is not None:
            out.append(Before(member, history, folded.posted(), folded.rows))
    return out


def restate(replica: Replica, was: Before, own_closing: int | None = None) -> Restated | None:
    """Fold a member again as things are now; None when its row and figures are as before.

    Postings of the closed day `own_closing` are the row's own, all others corrections. Raises
    OverflowError when an accepted figure does not fit any more.
    """
    fold = replica.fold
    assert fold is not None
    history = replica.history(fold.heads(was.member))
    after = fold_whole(fold, history)
    assert after is not None
    if after.figures["status"][after.order].any():
        raise OverflowError
    posted = after.posted()
    postings: list[Postings] = []
    if own_closing is not None:
        mine = after.figures["closed_index"] == own_closing
        postings.append(_own(after.figures, mine))
        others = posted.row != -1 - own_closing
        posted = Posted(*(column[others] for column in posted))
    seqs = history.seqs

    def seq_of(row: int) -> int:
        return int(seqs[row]) if row >= 0 else fold.closed.seq[-1 - row]

    postings.append(corrections(changes(was.posted, posted, lambda row: row >= 0), seq_of))
    columns = {
        name: np.concatenate([part[name] for part in postings]) for name in POSTING_COLUMNS
    }
    if after.rows == was.rows and not len(columns["rule"]):
        return None
    return Restated(was.member, history.members, after, columns)


def _own(figures: dict[str, Any], rows: NDArray[np.bool_]) -> Postings:
    columns = {name: figures[f"closed_{name}"][rows] for name in POSTING_COLUMNS[:-1]}
    columns["corrects"] = np.zeros(int(rows.sum()), np.uint64)
    return columns


def closed_rows(fold: Fold, figures: dict[str, Any], at: int) -> tuple[NDArray[Any], Outcome]:
    """(members, outcome) of a day closed for members that stand before it."""
    member = figures["closed_member"]
    order = np.argsort(member, kind="stable")
    members, counts = np.unique(member, return_counts=True)
    outcome = _empty(fold, members)
    np.cumsum(counts, out=outcome.posted_from[1:])
    columns = _own(figures, np.ones(len(member), np.bool_))
    outcome.postings = {name: column[order] for name, column in columns.items()}
    day, native = fold.today(at), fold.compiled_at(at).native
    for row, number in enumerate(members.tolist()):
        outcome.tier[row] = fold.state.tier(native, number, day)
        for place in range(fold.n_currencies):
            totals = fold.state.totals(number, place, day)
            for name in BALANCES:
                getattr(outcome, name)[row, place] = totals[name]
    return members.astype(np.uint32), outcome


def restated_rows(fold: Fold, restated: Sequence[Restated]) -> tuple[NDArray[Any], Outcome]:
    """(members, outcome) of members that were folded anew; balances after their last fact."""
    members = np.array([one.member for one in restated], np.uint32)
    outcome = _empty(fold, members)
    counts = [len(one.postings["rule"]) for one in restated]
    np.cumsum(counts, out=outcome.posted_from[1:])
    outcome.postings = {
        name: np.concatenate([one.postings[name] for one in restated])
        for name in POSTING_COLUMNS
    }
    for row, one in enumerate(restated):
        for name in ("tier", *BALANCES):
            getattr(outcome, name)[row] = one.after.last(name, one.place)
    return members, outcome


def _empty(fold: Fold, members: NDArray[Any]) -> Outcome:
    n = len(members)

    def balances() -> NDArray[np.int64]:
        return np.zeros((n, fold.n_currencies), np.int64)

    return Outcome(
        np.zeros(n, np.uint8), np.full(n, -1, np.int8), balances(), balances(), balances(),
        balances(), fold.state.last_seqs(members.astype(np.uint32)),
        np.zeros(n + 1, np.int64), {},
    )  # fmt: skip


def join_rows(parts: Sequence[tuple[NDArray[Any], Outcome]]) -> tuple[NDArray[Any], Outcome]:
    """The rows of several parts in one."""
    members = np.concatenate([members for members, _ in parts])
    outcomes = [outcome for _, outcome in parts]
    starts, base = [np.zeros(1, np.int64)], 0
    for outcome in outcomes:
        starts.append(outcome.posted_from[1:] + base)
        base += int(outcome.posted_from[-1])
    names = ("status", "tier", *BALANCES, "previous")
    columns = {
        name: np.concatenate([getattr(outcome, name) for outcome in outcomes]) for name in names
    }
    return members, Outcome(
        **columns, posted_from=np.concatenate(starts),
        postings={
            name: np.concatenate([outcome.postings[name] for outcome in outcomes])
            for name in POSTING_COLUMNS
        },
    )  # fmt: skip


def closing_batch(
    fold: Fold, cause: str, at: int, version: int, members: NDArray[Any], outcome: Outcome
) -> pa.RecordBatch:
    """Journal rows of members' parts of a fact of no member, which they name as their id."""
    n = len(members)
    facts = without_lines(CLOSING, np.full(n, at, np.int64), members)
    return facts_batch(
        pa.array([cause] * n, pa.string()), facts, outcome, np.full(n, version, np.uint16),
        fold.n_currencies,
    )  # fmt: skip


def budget_rows(fold: Fold, first: int, postings: Postings, at: int) -> list[pa.RecordBatch]:
    """Count a commit's postings for budgets; rows of those that it used up, from seq `first`.

    The budgets are closed at once in memory: take a copy to undo it.
    """
    fold.budgets.count(postings)
    rows: list[pa.RecordBatch] = []
    for closing in fold.budgets.reached():
        seq = first + len(rows)
        fold.close_budget(closing.rule, seq)
        rows.append(
            control_batch(f"budget closed:{closing.rule}", BUDGET_CLOSED, at, closing.payload())
        )
    return rows
