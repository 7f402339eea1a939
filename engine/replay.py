"""Replay: every member and posting rebuilt from the journal alone, and compared.

The whole history is folded at once in each member's order, by the kernel that the writer
uses; a member's states must be the live ones bit for bit and its postings must sum to the
journalled ones (rulebook section 11).
"""

from __future__ import annotations

import gc
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import takewhile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from vafa.native.fold import fold
from vafa.native.state import State

from .dictionaries import Dictionaries
from .digest import describe_row, state_hash
from .facts import Sales
from .folding import Fold, join, take, untwisted
from .journal import GENESIS, CorruptRecord, Journal, Record, chain_hash
from .program_file import parse_program
from .records import grow, read_sales
from .replica import PUBLISH, SALE, Progress, Replica
from .schema import column, list_view

LINES_AT_ONCE = 20_000_000
"""Lines folded in one go; a longer journal is replayed in parts of its members."""

MOST_FINDINGS = 20
_HASHES_AHEAD = 8


@dataclass
class Report:
    """What a replay found; `findings` is empty when the ledger is sound."""

    seq: int = 0
    records: int = 0
    baskets: int = 0
    lines: int = 0
    members: int = 0
    postings: int = 0
    corrections: int = 0
    state_hash: str = ""
    chain: str = ""
    findings: list[str] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        """Whether everything agreed."""
        return not self.findings

    def find(self, text: str) -> None:
        """Note a disagreement."""
        if len(self.findings) < MOST_FINDINGS:
            self.findings.append(text)


@dataclass
class _Part:
    """Accepted sales of one record, in memory of their own."""

    sales: Sales
    seqs: NDArray[np.uint64]
    ids: Any
    posted: NDArray[np.uint64]  # (target seq << 16 | rule) of each posting
    points: NDArray[np.int64]


class Rebuilt:
    """The members' states, folded from a journal."""

    def __init__(
        self, journal: Journal, progress: Progress | None = None, end: int | None = None
    ) -> None:
        """Replay the records up to a seq (default: all that are there now)."""
        last = journal.last()
        self._end = end if end is not None else last.last if last else 0
        self.report = Report()
        self.dictionaries = Dictionaries()
        self.fold: Fold | None = None
        self._journal = journal
        self._progress = progress
        self._hash = GENESIS
        self.state: State | None = None
        with collector_off():
            self._read_heads()
            self._fold_all()

    def _fold_all(self) -> None:
        if self.fold is None:
            return
        self.fold.follow()
        self.state = self.fold.state
        parts = max(1, -(-self.report.lines // LINES_AT_ONCE))
        for part in range(parts):
            self._fold_part(part, parts)
        self.report.state_hash = state_hash(self.state, self.dictionaries)

    def _read_heads(self) -> None:
        """First pass: the chain, the dictionaries, the program, how much there is."""
        # Hashing releases the interpreter: it runs beside the decoding. It ends before the
        # read transaction does, which the bodies are views of.
        with self._journal.reading() as txn, ThreadPoolExecutor(1, "chain") as hasher:
            hashed: deque[tuple[Record, Future[bytes]]] = deque()
            for record in self._journal.records(txn):
                if record.first > self._end:
                    break
                task = hasher.submit(
                    chain_hash, record.previous, record.first, record.last,
                    record.committed_at, record.body,
                )  # fmt: skip
                hashed.append((record, task))
                self._read_head(record)
                if len(hashed) > _HASHES_AHEAD:
                    _check_hash(*hashed.popleft())
            for pair in hashed:
                _check_hash(*pair)
        self.report.members = len(self.dictionaries.members)

    def _read_head(self, record: Record) -> None:
        report = self.report
        if record.previous != self._hash:
            raise CorruptRecord(f"journal record {record.first}: the hash chain breaks here")
        if record.first != report.seq + 1:
            raise CorruptRecord(f"journal record {record.first}: seq {report.seq + 1} is lost")
        growth = record.growth()
        if growth is not None:
            grow(self.dictionaries, growth)
        facts = record.facts()
        kind = int(column(facts, "kind")[0])
        if kind == PUBLISH:
            text = facts.column("payload")[0].as_py().decode()
            self.fold = Fold(self.dictionaries, parse_program(text))
        elif kind == SALE:
            report.baskets += facts.num_rows
            report.lines += len(list_view(facts.column("lines"))[1]["net"])
        report.records += 1
        report.seq = record.last
        self._hash = record.hash
        report.chain = record.hash.hex()

    def _scan(self) -> Iterator[Record]:
        """The records, but none that a writer has appended meanwhile."""
        return takewhile(lambda record: record.first <= self._end, self._journal.scan())

    def _fold_part(self, part: int, parts: int) -> None:
        read = list(self._read_part(part, parts))
        if not read:
            return
        assert self.fold is not None
        assert self.state is not None
        sales = join(*(p.sales for p in read))
        seqs = np.concatenate([p.seqs for p in read])
        self.fold.date(sales)
        rows = np.arange(len(sales), dtype=np.uint32)
        # Facts stand by seq; most members' facts arrived in order and need no sort.
        _, unordered = self.state.behind(sales.member, sales.at)
        if unordered.any():
            ids = pa.chunked_array([p.ids for p in read]).to_pylist()
            rows = untwisted(sales, ids, self.dictionaries, rows, unordered)
        figures = fold(self.fold.compiled.native, self.state, sales, rows)
        last = np.zeros(len(self.dictionaries.members), np.uint64)
        np.maximum.at(last, sales.member, seqs)
        touched = np.flatnonzero(last).astype(np.uint32)
        self.state.set_last_seqs(touched, last[touched])
        self._compare_postings(read, sales, seqs, figures)

    def _read_part(self, part: int, parts: int) -> Iterator[_Part]:
        for record in self._scan():
            # One copy of the body; the columns are views of it.
            facts = record.copy().facts()
            if int(column(facts, "kind")[0]) == SALE:
                yield self._read_record(record, facts, part, parts)
            if self._progress:
                done = record.last + part * self.report.seq
                self._progress(done, parts * self.report.seq)

    def _read_record(self, record: Record, facts: Any, part: int, parts: int) -> _Part:
        sales = read_sales(facts)
        seqs = np.arange(record.first, record.last + 1, dtype=np.uint64)
        starts, postings = list_view(facts.column("postings"))
        owner = np.repeat(seqs, np.diff(starts))
        corrects = postings["corrects"]
        target = np.where(corrects == 0, owner, corrects)
        self.report.corrections += int(np.count_nonzero(corrects))
        posted = (target << np.uint64(16)) | postings["rule"].astype(np.uint64)
        points = postings["points"]
        wanted = column(facts, "status") == 0
        if parts > 1:
            mine = sales.member % parts == part
            keep = np.repeat(mine, np.diff(starts))
            posted, points = posted[keep], points[keep]
            wanted = wanted & mine
        ids = facts.column("id")
        if not wanted.all():
            rows = np.flatnonzero(wanted)
            sales, seqs, ids = take(sales, rows), seqs[rows], ids.take(rows)
        return _Part(sales, seqs, ids, posted, points)

    def _compare_postings(
        self, read: list[_Part], sales: Sales, seqs: NDArray[np.uint64], figures: dict[str, Any]
    ) -> None:
        """Sums by fact and rule, corrections included, must be what the fold gives."""
        stored = np.concatenate([p.posted for p in read])
        stored_points = np.concatenate([p.points for p in read])
        self.report.postings += len(stored)
        order = np.argsort(figures["basket"], kind="stable")
        made = seqs[figures["basket"][order]] << np.uint64(16)
        made |= figures["rule"][order].astype(np.uint64)
        points = figures["points"][order]
        if np.array_equal(made, stored) and np.array_equal(points, stored_points):
            return
        keys, place = np.unique(np.concatenate([made, stored]), return_inverse=True)
        sums = np.zeros(len(keys), np.int64)
        np.add.at(sums, place, np.concatenate([points, -stored_points]))
        for key in np.flatnonzero(sums)[:MOST_FINDINGS].tolist():
            seq, rule = int(keys[key]) >> 16, int(keys[key]) & 0xFFFF
            row = int(np.searchsorted(seqs, seq))
            member = self.dictionaries.members.names[sales.member[row]]
            assert self.fold is not None
            self.report.find(
                f"member {member!r}, fact {seq}, rule {self.fold.compiled.rules[rule].id!r}: the "
                f"journal's postings are {-int(sums[key]):+d} units from the replayed ones"
            )


def _check_hash(record: Record, hashed: Future[bytes]) -> None:
    if hashed.result() != record.hash:
        raise CorruptRecord(f"journal record {record.first}: the hash chain breaks here")


@contextmanager
def collector_off() -> Iterator[None]:
    """Dictionaries of a replay are all kept: walking them again and again finds nothing."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def compare_states(live: Replica, rebuilt: Rebuilt) -> None:
    """Compare each member's row bit for bit; findings name the member and the field."""
    report = rebuilt.report
    if live.seq != report.seq:
        report.find(f"the live state is at seq {live.seq}, the journal at {report.seq}")
    names = rebuilt.dictionaries.members.names
    if live.dictionaries.members.names != names:
        report.find("the live dictionaries differ from the journal's")
        return
    if live.fold is None or rebuilt.fold is None or rebuilt.state is None:
        return
    for member, name in enumerate(names):
        if live.fold.state.pack(member) == rebuilt.state.pack(member):
            continue
        ours = describe_row(rebuilt.fold, rebuilt.state, member)
        theirs = describe_row(live.fold, live.fold.state, member)
        for field_name, value in ours.items():
            if theirs[field_name] != value:
                report.find(
                    f"member {name!r}, {field_name}: live {theirs[field_name]!r}, "
                    f"replayed {value!r}"
                )


def verify(ledger: Path, progress: Progress | None = None) -> Report:
    """Replay a ledger's journal and compare it with the live state. Raises LedgerError."""
    live = Replica.open(ledger)
    try:
        rebuilt = Rebuilt(live.journal, progress, live.seq)
        compare_states(live, rebuilt)
        return rebuilt.report
    finally:
        live.close()


