"""Folding sales over the members' states: order, lateness, and the kernel.

The fast path is a batch whose sales come after all the facts of their members. A member
with a late sale is folded anew from its chain in the same commit, and what changes for
older facts becomes `correct` postings (rulebook section 2).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vafa.native.fold import fold
from vafa.native.state import State

from .calendars import business_day, business_days
from .compile import CompiledProgram
from .dictionaries import Dictionaries
from .facts import Sales
from .program import Program
from .rule_tables import RuleTables
from .status import Status

Bools = NDArray[np.bool_]
UInt32 = NDArray[np.uint32]
UInt64 = NDArray[np.uint64]

POSTING_COLUMNS = ("rule", "limit", "desired", "points", "corrects")


@dataclass(slots=True)
class History:
    """A member's earlier sales: their columns, ids and seqs, oldest seq first."""

    sales: Sales
    ids: list[str]
    seqs: UInt64


ReadHistory = Callable[[int, int], History]
"""(member number, its last seq) -> the accepted sales of the member's chain."""


@dataclass(slots=True)
class Outcome:
    """What a batch did, row by row: status, tier (-1 none), balances after, postings.

    Postings stand in the order of their rows; `posted_from` int64[n + 1] delimits them.
    """

    status: NDArray[np.uint8]
    tier: NDArray[np.int8]
    active: NDArray[np.int64]
    pending: NDArray[np.int64]
    previous: UInt64
    posted_from: NDArray[np.int64]
    postings: dict[str, NDArray[Any]]
    members: UInt32 = field(default_factory=lambda: np.zeros(0, np.uint32))


class Fold:
    """The state of every member under one program, moved on batch by batch."""

    def __init__(self, dictionaries: Dictionaries, program: Program) -> None:
        self.program = program
        self.compiled = CompiledProgram(program)
        self.tables = RuleTables(self.compiled, dictionaries)
        self.dictionaries = dictionaries
        self.state = self.new_state()
        self._second = self._day = -1

    def new_state(self) -> State:
        """An empty state table of this program's form."""
        native = self.compiled.native
        return State(native.n_currencies, native.n_tiers, native.n_counters)

    def follow(self) -> None:
        """Make room for what the dictionaries have gained."""
        self.tables.follow()
        self.state.grow(len(self.dictionaries.members))

    def today(self, at_us: int) -> int:
        """Business day of an instant; the last second's answer is kept."""
        second = at_us // 1_000_000
        if second != self._second:
            self._second, self._day = second, business_day(self.program, at_us)
        return self._day

    def date(self, sales: Sales) -> None:
        """Fill the business day and minute of each sale."""
        sales.day, sales.minute = business_days(self.program, sales.at)

    def apply(
        self, sales: Sales, ids: list[str], first_seq: int, history: ReadHistory,
        refused: Bools | None = None,
    ) -> Outcome:
        """Fold a batch of sales with seqs first_seq.. in the order of arrival.

        `refused` marks rows that acceptance has already refused: they move nothing.
        """
        n = len(sales)
        previous = self.state.chain(sales.member, first_seq)
        late, unordered = self.state.behind(sales.member, sales.at)
        takes_part = np.arange(n, dtype=np.uint32)
        if refused is not None and refused.any():
            late = late & ~refused
            takes_part = takes_part[~refused]
        late_members: list[int] = []
        if late.any():
            late_members = np.unique(sales.member[late]).tolist()
            takes_part = takes_part[~np.isin(sales.member[takes_part], late_members)]
        twisted = bool(unordered.any())
        if twisted:
            takes_part = untwisted(sales, ids, self.dictionaries, takes_part, unordered)
        figures = fold(self.compiled.native, self.state, sales, takes_part)
        outcome = self._outcome(figures, n, previous, not twisted and not late_members)
        for member in late_members:
            rows = np.flatnonzero(sales.member == member).astype(np.uint32)
            if refused is not None:
                rows = rows[~refused[rows]]
            self._fold_anew(sales, ids, rows, int(member), history, outcome)
        outcome.members = sales.member
        return outcome

    def _outcome(
        self, figures: dict[str, Any], n: int, previous: UInt64, in_order: bool
    ) -> Outcome:
        basket = figures["basket"]
        columns = {name: figures[name] for name in ("rule", "limit", "desired", "points")}
        columns["corrects"] = np.zeros(len(basket), np.uint64)
        posted_from = np.zeros(n + 1, np.int64)
        if len(basket):
            if not in_order:
                order = np.argsort(basket, kind="stable")
                columns = {name: column[order] for name, column in columns.items()}
            np.cumsum(np.bincount(basket, minlength=n), out=posted_from[1:])
        return Outcome(
            figures["status"], figures["tier"], figures["active"], figures["pending"],
            previous, posted_from, columns,
        )

    # -- late facts ----------------------------------------------------------------------

    def _fold_anew(
        self, sales: Sales, ids: list[str], rows: UInt32, member: int, history: ReadHistory,
        outcome: Outcome,
    ) -> None:
        """Fold a member from its chain with the new rows in their places."""
        who = np.array([member], np.uint32)
        last_seq = self.state.last_seqs(who)
        first_new = int(outcome.previous[rows[0]])
        old = history(member, first_new)
        before = self._fold_alone(old.sales, old.ids)
        merged = join(old.sales, take(sales, rows))
        merged_ids = old.ids + [ids[row] for row in rows]
        merged.member[:] = member
        order = all_in_order(merged, merged_ids, self.dictionaries)
        self.state.clear(who)
        after = fold(self.compiled.native, self.state, merged, order)
        n_old = len(old.ids)
        if after["status"][:n_old].any():
            # Accepted facts stay: what would make an old figure overflow is refused instead.
            outcome.status[rows] = Status.OVERFLOW
            order = all_in_order(old.sales, old.ids, self.dictionaries)
            self.state.clear(who)
            after = fold(self.compiled.native, self.state, old.sales, order)
            self.state.set_last_seqs(who, last_seq)
            for name in ("tier", "active", "pending"):
                getattr(outcome, name)[rows] = after[name][order[-1]]
            return
        self.state.set_last_seqs(who, last_seq)
        final = order[-1]
        for place, row in enumerate(rows):
            outcome.status[row] = after["status"][n_old + place]
            for name in ("tier", "active", "pending"):
                # The answer tells how the member stands after the whole commit.
                getattr(outcome, name)[row] = after[name][final]
        own = after["basket"] >= n_old
        corrected = _differences(before, after, n_old, old.seqs)
        _insert(outcome, rows[after["basket"][own] - n_old], {
            **{name: after[name][own] for name in ("rule", "limit", "desired", "points")},
            "corrects": np.zeros(int(own.sum()), np.uint64),
        })
        if len(corrected["points"]):
            at = np.full(len(corrected["points"]), rows[-1], np.uint32)
            _insert(outcome, at, corrected)

    def _fold_alone(self, sales: Sales, ids: list[str]) -> dict[str, Any]:
        """Postings of one member's sales, in a table of its own."""
        state = self.new_state()
        state.grow(1)
        alone = take(sales, np.arange(len(sales), dtype=np.uint32))
        alone.member[:] = 0
        order = all_in_order(alone, ids, self.dictionaries)
        return fold(self.compiled.native, state, alone, order)


def member_order(
    sales: Sales, ids: Sequence[str], dictionaries: Dictionaries, rows: UInt32
) -> UInt32:
    """The rows by time, those of one member in the member's order (rulebook section 2).

    Order of one member: instant, rank (all are sales), store, terminal, id; strings by
    their UTF-8 bytes. Time comes first because lines then lie in the order of reading.
    """
    order = rows[np.lexsort((sales.member[rows], sales.at[rows]))]
    at, member = sales.at[order], sales.member[order]
    ties = np.flatnonzero((at[1:] == at[:-1]) & (member[1:] == member[:-1]))
    if len(ties) == 0:
        return order
    stores, terminals = dictionaries.stores.names, dictionaries.terminals.names

    def key(row: int) -> tuple[bytes, bytes, bytes]:
        return (
            stores[sales.store[row]].encode(),
            terminals[sales.terminal[row]].encode(),
            ids[row].encode(),
        )

    done = -1
    for tie in ties.tolist():
        if tie < done:
            continue
        end = tie + 2
        while end < len(order) and at[end] == at[tie] and member[end] == member[tie]:
            end += 1
        order[tie:end] = sorted(order[tie:end].tolist(), key=key)
        done = end - 1
    return order


def untwisted(
    sales: Sales, ids: Sequence[str], dictionaries: Dictionaries, rows: UInt32, unordered: Bools
) -> UInt32:
    """The rows so that each member's are in its order: as they stand but for few members.

    `unordered` marks the rows that do not come after their member's rows before them.
    """
    members = np.unique(sales.member[unordered])
    sort = np.isin(sales.member[rows], members, kind="table")
    return np.concatenate(
        [rows[~sort], member_order(sales, ids, dictionaries, rows[sort])]
    )


def all_in_order(sales: Sales, ids: list[str], dictionaries: Dictionaries) -> UInt32:
    """All rows in the members' order."""
    return member_order(sales, ids, dictionaries, np.arange(len(sales), dtype=np.uint32))


def take(sales: Sales, rows: NDArray[Any]) -> Sales:
    """Copies of some rows, in the order given."""
    lines, lines_from = _gather(sales.lines_from, rows)
    tenders, tenders_from = _gather(sales.tenders_from, rows)
    return Sales(
        at=sales.at[rows],
        member=sales.member[rows],
        store=sales.store[rows],
        terminal=sales.terminal[rows],
        lines_from=lines_from,
        line=sales.line[lines],
        product=sales.product[lines],
        quantity=sales.quantity[lines],
        net=sales.net[lines],
        tenders_from=tenders_from,
        tender=sales.tender[tenders],
        amount=sales.amount[tenders],
        day=sales.day[rows],
        minute=sales.minute[rows],
    )


def pick(places: list[tuple[Sales, int]]) -> Sales:
    """Copies of single rows of several batches, in the order given; dates not filled."""

    def one(name: str) -> Any:
        return np.array([getattr(sales, name)[row] for sales, row in places])

    def ranges(name: str) -> list[tuple[Sales, int, int]]:
        return [
            (sales, getattr(sales, name)[row], getattr(sales, name)[row + 1])
            for sales, row in places
        ]

    def many(name: str, bounds: list[tuple[Sales, int, int]]) -> Any:
        return np.concatenate([getattr(sales, name)[lo:hi] for sales, lo, hi in bounds])

    def starts(bounds: list[tuple[Sales, int, int]]) -> NDArray[np.int64]:
        out = np.zeros(len(bounds) + 1, np.int64)
        np.cumsum([hi - lo for _, lo, hi in bounds], out=out[1:])
        return out

    lines, tenders = ranges("lines_from"), ranges("tenders_from")
    n = len(places)
    return Sales(
        at=one("at"),
        member=one("member"),
        store=one("store"),
        terminal=one("terminal"),
        lines_from=starts(lines),
        line=many("line", lines),
        product=many("product", lines),
        quantity=many("quantity", lines),
        net=many("net", lines),
        tenders_from=starts(tenders),
        tender=many("tender", tenders),
        amount=many("amount", tenders),
        day=np.zeros(n, np.int32),
        minute=np.zeros(n, np.int16),
    )


def _gather(starts: NDArray[np.int64], rows: NDArray[Any]) -> tuple[NDArray[np.int64], Any]:
    lengths = starts[1:][rows] - starts[:-1][rows]
    new_starts = np.zeros(len(rows) + 1, np.int64)
    np.cumsum(lengths, out=new_starts[1:])
    shift = np.repeat(starts[:-1][rows] - new_starts[:-1], lengths)
    return np.arange(new_starts[-1], dtype=np.int64) + shift, new_starts


def join(*parts: Sales) -> Sales:
    """Rows of several batches in one."""

    def column(name: str) -> Any:
        return np.concatenate([getattr(part, name) for part in parts])

    def starts(name: str) -> NDArray[np.int64]:
        out, base = [np.zeros(1, np.int64)], 0
        for part in parts:
            offsets = getattr(part, name)
            out.append(offsets[1:] - offsets[0] + base)
            base += int(offsets[-1] - offsets[0])
        return np.concatenate(out)

    names = [
        "at", "member", "store", "terminal", "line", "product", "quantity", "net", "tender",
        "amount", "day", "minute",
    ]  # fmt: skip
    return Sales(
        lines_from=starts("lines_from"),
        tenders_from=starts("tenders_from"),
        **{name: column(name) for name in names},
    )


def _differences(
    before: dict[str, Any], after: dict[str, Any], n_old: int, seqs: UInt64
) -> dict[str, Any]:
    """One signed posting per old fact and rule whose points differ."""
    changed: dict[tuple[int, int], int] = {}
    for figures, sign in ((after, 1), (before, -1)):
        for basket, rule, points in zip(
            figures["basket"].tolist(), figures["rule"].tolist(), figures["points"].tolist(),
            strict=True,
        ):
            if basket < n_old:
                key = (basket, rule)
                changed[key] = changed.get(key, 0) + sign * points
    kept = sorted((key, points) for key, points in changed.items() if points)
    points = np.array([p for _, p in kept], np.int64)
    return {
        "rule": np.array([rule for (_, rule), _ in kept], np.uint16),
        "limit": np.zeros(len(kept), np.uint8),
        "desired": points.copy(),
        "points": points,
        "corrects": np.array([seqs[basket] for (basket, _), _ in kept], np.uint64),
    }


def _insert(outcome: Outcome, rows: NDArray[Any], columns: dict[str, Any]) -> None:
    """Add postings to rows, after those that the rows have."""
    n = len(outcome.status)
    owners = np.repeat(np.arange(n), np.diff(outcome.posted_from))
    owners = np.concatenate([owners, rows.astype(np.int64)])
    order = np.argsort(owners, kind="stable")
    for name in POSTING_COLUMNS:
        outcome.postings[name] = np.concatenate([outcome.postings[name], columns[name]])[order]
    np.cumsum(np.bincount(owners, minlength=n), out=outcome.posted_from[1:])
