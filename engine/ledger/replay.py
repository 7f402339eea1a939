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

from vafa.native.state import State

from ..columns.columns import MEMBER_KINDS, REFERRAL_IN
from ..columns.dictionaries import Dictionaries
from ..columns.records import grow, read_facts
from ..columns.schema import column, list_view
from ..controls.standing import Standing, closed_budgets, facts_of_record
from ..folding.fold import Fold
from ..folding.refold import Read, Refolded, fold_read, read_rows
from ..journal.journal import GENESIS, CorruptRecord, Journal, Record, chain_hash
from ..members.membership import BROUGHT, TOLD, Membership
from ..replica.replica import Progress, Replica
from .digest import describe_row, state_hash
from .posted import Sums, made_sums, stored_sums

LINES_AT_ONCE = 20_000_000
"""Lines folded in one go; a longer journal is replayed in parts of its members."""

MOST_FINDINGS = 20
_HASHES_AHEAD = 8


@dataclass
class Report:
    """What a replay found; `findings` is empty when the ledger is sound."""

    seq: int = 0
    records: int = 0
    facts: int = 0
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
        self.standing = Standing()
        self.membership = Membership()
        self.fold: Fold | None = None
        self._journal = journal
        self._progress = progress
        self._hash = GENESIS
        self.state: State | None = None
        with collector_off():
            self._read_heads()
            self._fold_all()

    def _fold_all(self) -> None:
        standing = self.standing
        if not len(standing.versions):
            return
        self.fold = Fold(
            self.dictionaries, standing.versions, standing.budgets, standing.closed,
            self.membership.accounts,
        )
        self.fold.follow()
        self.state = self.fold.state
        parts = max(1, -(-self.report.lines // LINES_AT_ONCE))
        for part in range(parts):
            self._fold_part(part, parts)
        self.report.state_hash = state_hash(self.state, self.dictionaries)

    def _read_heads(self) -> None:
        """First pass: the chain, names, programs, closed days, how much there is."""
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
        kinds = column(facts, "kind")
        first = self.standing.read_first(record.first, facts)
        if first in BROUGHT:
            brought = facts.column("id")[0].as_py(), facts.column("payload")[0].as_py()
            self.membership.bring(first, *brought)
        if first in MEMBER_KINDS:
            own = facts_of_record(kinds)
            self._read_members(record.first, facts.slice(0, own), kinds[:own])
            if own < len(kinds) and (kinds == REFERRAL_IN).any():
                self._read_members(record.first + own, facts.slice(own), kinds[own:])
            report.facts += own
            report.baskets += int(np.count_nonzero(kinds[:own] == 0))
            report.lines += len(list_view(facts.column("lines"))[1]["net"])
        self.standing.budgets.closed += closed_budgets(record.first, facts)
        report.records += 1
        report.seq = record.last
        self._hash = record.hash
        report.chain = record.hash.hex()

    def _read_members(
        self, first: int, facts: pa.RecordBatch, kinds: NDArray[np.uint8]
    ) -> None:
        """What facts of members settle beside figures; plain ones settle nothing."""
        if facts.column("payload").null_count < len(kinds) or np.isin(kinds, TOLD).any():
            ids = facts.column("id").to_pylist()
            self.membership.read(
                first, read_facts(facts), ids, column(facts, "status"), self.dictionaries
            )

    def _scan(self, txn: Any) -> Iterator[Record]:
        """The records, but none that a writer has appended meanwhile."""
        return takewhile(lambda record: record.first <= self._end, self._journal.records(txn))

    def _fold_part(self, part: int, parts: int) -> None:
        # All columns are views of the journal until they are joined.
        with self._journal.reading() as txn:
            both = self._folded(self._scan(txn), part, parts)
        if both is None:
            return
        folded, told = both
        assert self.fold is not None
        self.report.postings += len(told)
        self.report.corrections += told.corrections
        made = made_sums(folded, self.fold.closed.seq, self.membership.accounts)
        for finding in told.differences(made, MOST_FINDINGS):
            self.report.find(finding.text(self.dictionaries.members.names, self.fold.layout))

    def _folded(
        self, records: Iterator[Record], part: int, parts: int
    ) -> tuple[Refolded, Sums] | None:
        """A part of the members folded, and what the journal says that they got; None: it has
        no members."""
        assert self.fold is not None
        read: list[Read] = []
        stored: list[Sums] = []
        for record in records:
            facts = record.facts()
            rows = read_rows(record.first, facts, self.membership.accounts, part, parts)
            if len(rows.members):
                read.append(rows)
                stored.append(
                    stored_sums(record.first, facts, self.membership.accounts, part, parts)
                )
                self.fold.budgets.count(stored[-1].columns)
            if self._progress:
                done = record.last + part * self.report.seq
                self._progress(done, parts * self.report.seq)
        return (fold_read(self.fold, read), Sums.join(stored)) if read else None


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
            if not gc.get_freeze_count():
                # To the oldest generation as they are, without the walk that would come next.
                gc.freeze()
                gc.unfreeze()
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
    _compare_memberships(report, live.membership, rebuilt.membership, names)
    if live.fold is None or rebuilt.fold is None or rebuilt.state is None:
        return
    if live.standing.budgets.totals != rebuilt.standing.budgets.totals:
        report.find(
            f"budgets: live totals {live.standing.budgets.totals}, "
            f"replayed {rebuilt.standing.budgets.totals}"
        )
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


def _compare_memberships(
    report: Report, live: Membership, rebuilt: Membership, names: list[str]
) -> None:
    ours, theirs = rebuilt.cards.events, live.cards.events
    for card in sorted(ours.keys() | theirs.keys()):
        if ours.get(card) != theirs.get(card):
            report.find(f"card {card!r}: live {theirs.get(card)}, replayed {ours.get(card)}")
    if live.referrals.given != rebuilt.referrals.given:
        report.find(
            f"referrals: live {live.referrals.given}, replayed {rebuilt.referrals.given}"
        )
    if live.receipts.by_sale != rebuilt.receipts.by_sale:
        report.find(
            f"claims: live {live.receipts.by_sale}, replayed {rebuilt.receipts.by_sale}"
        )
    shelves, there = rebuilt.stock.shelves, live.stock.shelves
    for reward in sorted(shelves.keys() | there.keys()):
        if shelves.get(reward) != there.get(reward):
            report.find(
                f"reward {reward!r}: live {there.get(reward)}, replayed {shelves.get(reward)}"
            )
    for text in rebuilt.coupons.differences(live.coupons):
        report.find(text)
    for member in sorted(rebuilt.members.keys() | live.members.keys()):
        made, seen = rebuilt.members.get(member), live.members.get(member)
        if made != seen:
            report.find(f"member {names[member]!r}: live {seen}, replayed {made}")


def verify(ledger: Path, progress: Progress | None = None) -> Report:
    """Replay a ledger's journal and compare it with the live state. Raises LedgerError."""
    live = Replica.open(ledger)
    try:
        rebuilt = Rebuilt(live.journal, progress, live.seq)
        compare_states(live, rebuilt)
        return rebuilt.report
    finally:
        live.close()


