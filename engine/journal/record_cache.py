"""Journal records that were looked at or written lately, decoded once.

A late fact, a repeat or a statement walks one member's chain; its facts stand in many
records, most of them recent.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from vafa.native.trail import Trail

from ..columns.columns import Facts, Outcome, Stored
from ..columns.parked import Resolved, resolutions
from ..columns.records import read_facts
from ..columns.schema import column, list_view
from .journal import Find, Journal, Record

MOST_BYTES = 256 * 1024 * 1024
FEW_FACTS = 64
"""A record of so few facts costs more to decode than to keep as it was made."""


class Told(NamedTuple):
    """What a record tells that its facts came to: postings and balances, and where each fact's
    begin (int64[n + 1])."""

    tier: NDArray[np.int8]
    posted_from: NDArray[np.int64]
    postings: dict[str, NDArray[Any]]
    balances_from: NDArray[np.int64]
    balances: dict[str, NDArray[Any]]


class Decoded:
    """One record and the columns that walks need, each made when it is first asked for."""

    _facts: Facts | None = None
    _previous: NDArray[np.uint64] | None = None
    _status: NDArray[np.uint8] | None = None
    _program: NDArray[np.uint16] | None = None
    _told: Told | None = None
    _resolved: list[Resolved] | None = None
    _trail: Trail | None = None

    def __init__(self, record: Record, batch: pa.RecordBatch | None = None) -> None:
        """`batch` are its facts where they are at hand."""
        self.record = record
        self._batch = batch

    @property
    def batch(self) -> pa.RecordBatch:
        """The facts as a record batch."""
        if self._batch is None:
            self._batch = self.record.facts()
        return self._batch

    @property
    def facts(self) -> Facts:
        """The facts as columns; dates are not filled."""
        if self._facts is None:
            self._facts = read_facts(self.batch)
        return self._facts

    @property
    def previous(self) -> NDArray[np.uint64]:
        """Each fact's previous seq of its member."""
        if self._previous is None:
            self._previous = column(self.batch, "previous")
        return self._previous

    @property
    def status(self) -> NDArray[np.uint8]:
        """What became of each fact."""
        if self._status is None:
            self._status = column(self.batch, "status")
        return self._status

    @property
    def program(self) -> NDArray[np.uint16]:
        """Number of the version that rated each fact."""
        if self._program is None:
            self._program = column(self.batch, "program")
        return self._program

    @property
    def trail(self) -> Trail:
        """The rows as a walk looks at them: nothing else of the record is decoded for it."""
        if self._trail is None:
            record = self.record
            self._trail = Trail(record.first, record.body, record.facts_bytes)
        return self._trail

    @property
    def told(self) -> Told:
        """What the record tells that its facts came to."""
        if self._told is None:
            self._told = Told(
                column(self.batch, "tier"), *list_view(self.batch.column("postings")),
                *list_view(self.batch.column("balances")),
            )
        return self._told

    def outcome(self, row: int) -> Outcome:
        """What one fact came to."""
        tier, posted_from, postings, balances_from, balances = self.told
        one = slice(row, row + 1)
        posted = slice(int(posted_from[row]), int(posted_from[row + 1]))
        held = slice(int(balances_from[row]), int(balances_from[row + 1]))
        return Outcome(
            status=self.status[one], tier=tier[one], previous=self.previous[one],
            posted_from=np.array([0, posted.stop - posted.start], np.int64),
            postings={name: values[posted] for name, values in postings.items()},
            **{name: values[held] for name, values in balances.items()},
        )  # fmt: skip

    @property
    def resolved(self) -> list[Resolved]:
        """What the record's rows tell of parked facts."""
        if self._resolved is None:
            self._resolved = resolutions(self.told.posted_from, self.told.postings)
        return self._resolved


class RecordCache:
    """The least recently used records go when their bodies pass MOST_BYTES."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._firsts: list[int] = []
        self._kept: OrderedDict[int, Decoded] = OrderedDict()
        self._bytes = 0
        self._unwritten: Decoded | None = None

    def finding(self) -> AbstractContextManager[Find]:
        """What finds several records in one read transaction, for `at`."""
        return self._journal.finding()

    def at(self, seq: int, find: Find | None = None) -> Decoded:
        """The record that holds a seq. Raises LookupError when there is none."""
        if self._unwritten is not None and seq >= self._unwritten.record.first:
            return self._unwritten
        place = bisect_right(self._firsts, seq) - 1
        if place >= 0:
            first = self._firsts[place]
            kept = self._kept[first]
            if seq <= kept.record.last:
                self._kept.move_to_end(first)
                return kept
        record = (find or self._journal.find)(seq)
        if record is None:
            raise LookupError(f"no fact {seq}")
        return self.keep(record)

    def stored(self, seq: int) -> Stored:
        """Where the fact with a seq stands. Raises LookupError when there is none."""
        trail = self.at(seq).trail
        return trail, seq - trail.first

    def keep(self, record: Record, batch: pa.RecordBatch | None = None) -> Decoded:
        """Keep a record that has memory of its own; `batch` are its facts where they are at hand.

        Of few facts: they are in memory twice then.
        """
        small = batch is not None and batch.num_rows <= FEW_FACTS
        return self._keep(Decoded(record, batch if small else None))

    @contextmanager
    def unwritten(self, first: int, batch: pa.RecordBatch) -> Iterator[None]:
        """While rows of a commit are folded whose first ones are: these are found as well."""
        body = bytes(batch.serialize())
        record = Record(first, first + batch.num_rows - 1, 0, b"", b"", body, len(body))
        # Not among those that make room for others: it is nowhere else.
        self._unwritten = Decoded(record, batch)
        try:
            yield
        finally:
            self._unwritten = None

    def _keep(self, decoded: Decoded) -> Decoded:
        record = decoded.record
        self._kept[record.first] = decoded
        insort(self._firsts, record.first)
        self._bytes += len(record.body)
        while self._bytes > MOST_BYTES and len(self._kept) > 1:
            first, old = self._kept.popitem(last=False)
            self._bytes -= len(old.record.body)
            del self._firsts[bisect_right(self._firsts, first) - 1]
        return decoded
