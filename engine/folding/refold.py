"""All members folded at once from the journal: for a replay, and for a new program.

Facts are read for a part of the members at a time, with the names, programs, closed days
and budgets of the whole journal, and folded in each member's order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..columns.columns import CLAIM, OF_MEMBERS, OF_SALES, Facts, join, take
from ..columns.named import names_among, naming_rows, no_names
from ..columns.order import untwisted
from ..columns.parked import resolutions
from ..columns.records import read_facts
from ..columns.schema import NO_MEMBER, column, list_view
from ..columns.status import Status
from ..journal.journal import Record
from ..members.accounts import Accounts, settle
from .chain import is_exchange, of_sale, resolve, without_return
from .fold import Fold

FACTS_AT_ONCE = 3_000_000
"""Rows of the journal whose facts are folded in one go."""

OK, PARKED = int(Status.OK), int(Status.PARKED)


@dataclass(slots=True)
class Read:
    """Rows of one record, in memory of their own: facts that may be in force."""

    facts: Facts
    seqs: NDArray[np.uint64]
    ids: pa.Array
    version: NDArray[np.uint16]
    status: NDArray[np.uint8]
    resolved: dict[int, int]
    members: NDArray[np.uint32]
    """Members of all rows of members, whatever became of them; `last` are their seqs."""
    last: NDArray[np.uint64]
    claimed: tuple[int, str, int] | None = None
    """(member, sale, seq of the sale's row) where the record is a claim that was accepted."""


def read_rows(
    first: int, batch: pa.RecordBatch, accounts: Accounts, part: int = 0, parts: int = 1
) -> Read:
    """The facts of a record's members of a part; those that were ever tied are of one."""
    facts = read_facts(batch)
    n = len(facts)
    seqs = np.arange(first, first + n, dtype=np.uint64)
    status, version = column(batch, "status"), column(batch, "program")
    starts, postings = list_view(batch.column("postings"))
    resolved = {r.seq: r.status for r in resolutions(starts, postings)}
    mine = facts.member != NO_MEMBER
    if parts > 1:
        mine &= accounts.roots(facts.member) % parts == part
    wanted = mine & ((status == OK) | (status == PARKED))
    if len(facts.kind) and facts.kind.max() > 0:
        wanted &= OF_MEMBERS[facts.kind]
    ids = batch.column("id")
    members, last = facts.member, seqs
    if not wanted.all():
        members, last = members[mine], last[mine]
        rows = np.flatnonzero(wanted)
        facts, seqs, ids = take(facts, rows), seqs[rows], ids.take(pa.array(rows))
        status, version = status[rows], version[rows]
    claimed = None
    if len(facts) > 1 and facts.kind[0] == CLAIM:
        claimed = int(facts.member[1]), ids[1].as_py(), int(seqs[1])
    return Read(facts, seqs, ids, version, status, resolved, members, last, claimed)


class _Ids(Sequence[str]):
    """Ids as they stand in the journal, each decoded when it is asked for."""

    def __init__(self, stored: pa.ChunkedArray) -> None:
        self._stored = stored

    def __len__(self) -> int:
        return len(self._stored)

    def __getitem__(self, row: Any) -> Any:
        return self._stored[row].as_py()


@dataclass(slots=True)
class Refolded:
    """What a part of the members came to."""

    facts: Facts
    seqs: NDArray[np.uint64]
    figures: dict[str, Any]


def fold_read(fold: Fold, read: list[Read]) -> Refolded:
    """Fold the facts of a part of the members into their empty rows."""
    facts = join(*(r.facts for r in read))
    seqs = np.concatenate([r.seqs for r in read])
    version = np.concatenate([r.version for r in read])
    status = np.concatenate([r.status for r in read])
    rows = _in_force(facts, seqs, status, read, fold.accounts)
    resolve(facts, fold.dictionaries)
    facts.day, facts.minute = fold.versions.dates(facts.at, version)
    names = no_names(len(facts))
    member = facts.member
    # Facts stand by seq; most members' facts arrived in order and need no sort.
    _, unordered = fold.state.behind(facts.member, facts.at)
    naming = naming_rows(facts, rows)
    drawn = settled = None
    if unordered.any() or naming or fold.compiled.draws or fold.accounts:
        stored = pa.chunked_array([r.ids for r in read])
        # For an order of time alone few are asked for.
        ids = stored.to_pylist() if naming or fold.compiled.draws or fold.accounts else _Ids(stored)
        drawn = fold.compiled.drawn(version, ids)
        if naming:
            names = names_among(facts, ids, rows, fold.accounts.roots(member))
        sort = np.concatenate([facts.member[unordered], facts.member[naming]])
        # Those that were ever tied stand in one order, as if they were one member.
        facts.member = fold.accounts.roots(member)
        sort = np.union1d(sort, facts.member[facts.member != member])
        rows = untwisted(facts, ids, fold.dictionaries, rows, np.unique(sort), names)
        facts.member = member
        numbers = fold.dictionaries.members.numbers
        tied = fold.accounts.tied()
        settled = settle(facts, ids, names, rows, numbers.__getitem__, tied)
    figures = fold.run(
        fold.state, facts, version, fold.budgets.epochs(seqs), names,
        np.ones(len(facts), np.bool_), rows, fold.closings(), drawn, settled,
        fold.accounts.roots(member),
    )  # fmt: skip
    _put_last_seqs(fold, read)
    return Refolded(facts, seqs, figures)


def _in_force(
    facts: Facts, seqs: NDArray[np.uint64], status: NDArray[np.uint8], read: list[Read],
    accounts: Accounts,
) -> NDArray[np.uint32]:
    """Rows that move anything: parked returns only where they were applied."""
    keep = np.ones(len(facts), np.bool_)
    parked = np.flatnonzero(status == PARKED)
    if len(parked):
        told: dict[int, int] = {}
        for one in read:
            told |= one.resolved
        for row in parked.tolist():
            if told.get(int(seqs[row])) == OK:
                continue
            if facts.kind[row] in OF_SALES:
                keep[row] = False
            elif facts.extras is not None:
                facts.extras[row] = without_return(facts.extra(row))
    _drop_given_up(facts, seqs, read, keep, accounts)
    return np.flatnonzero(keep).astype(np.uint32)


def _drop_given_up(
    facts: Facts, seqs: NDArray[np.uint64], read: list[Read], keep: NDArray[np.bool_],
    accounts: Accounts,
) -> None:
    """Of sales that a member has claimed again: what came before the last claim."""
    last: dict[tuple[int, str], tuple[int, list[int]]] = {}
    again: set[tuple[int, str]] = set()
    for one in read:
        if one.claimed is not None:
            member, sale, seq = one.claimed
            key = accounts.family(member)[0], sale
            if key in last:
                again.add(key)
            last[key] = seq, list(one.resolved)
    if not again:
        return
    ids, root = pa.chunked_array([r.ids for r in read]), accounts.roots(facts.member)
    for member, sale in again:
        until, came_along = last[member, sale]
        before = (root == member) & (seqs < until) & ~np.isin(seqs, came_along)
        for row in np.flatnonzero(before).tolist():
            if not of_sale(facts, row, ids[row].as_py(), (sale,)):
                continue
            if is_exchange(facts, row):
                assert facts.extras is not None
                facts.extras[row] = without_return(facts.extra(row))
            else:
                keep[row] = False


def _put_last_seqs(fold: Fold, read: list[Read]) -> None:
    last = np.zeros(fold.state.n_members, np.uint64)
    np.maximum.at(
        last, np.concatenate([r.members for r in read]), np.concatenate([r.last for r in read])
    )
    touched = np.flatnonzero(last).astype(np.uint32)
    fold.state.set_last_seqs(touched, last[touched])


def refold(
    fold: Fold, scan: Callable[[], Iterable[Record]], end: int,
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Fold all members' facts up to a seq into a new fold's state."""
    fold.follow()
    parts = max(1, -(-end // FACTS_AT_ONCE))
    for part in range(parts):
        read = list(_reads(scan(), end, fold.accounts, part, parts))
        if read:
            fold_read(fold, read)
        if progress:
            progress((part + 1) * end // parts, end)


def _reads(
    records: Iterable[Record], end: int, accounts: Accounts, part: int, parts: int
) -> Iterator[Read]:
    for record in records:
        if record.first > end:
            return
        facts = record.copy().facts()
        found = read_rows(record.first, facts, accounts, part, parts)
        if len(found.members):
            yield found
