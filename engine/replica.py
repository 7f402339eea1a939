"""A replica: checkpoint plus the journal's tail, folded in memory. Every reader is one.

The writer's replica is a fold ahead of the journal by the one commit that it is flushing;
until that is durable, reads see the members as they were (`in_flight`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from vafa.native.state import State

from .answers import (
    Answer,
    AnswerWords,
    balance,
    control_answer,
    instant_text,
    rated_answer,
    stored_postings,
)
from .calendars import date_of
from .checkpoint import FORMAT as CHECKPOINT_FORMAT
from .checkpoint import Checkpoint, CheckpointDamaged, Meta, Snapshot, name_items, remove
from .dictionaries import Dictionaries, Sizes
from .facts import KINDS, Sales
from .folding import Fold, History, pick
from .journal import GENESIS, CorruptRecord, Journal, LedgerError, Record
from .program_file import parse_program
from .record_cache import RecordCache
from .records import StoredFact, grow, read_sales
from .schema import column, list_view

SALE, CATALOG, PUBLISH = range(len(KINDS))
Progress = Callable[[int, int], None]
"""(facts done, facts in all)."""


def journal_path(ledger: Path) -> Path:
    """Where a ledger keeps its journal."""
    return ledger / "journal"


def state_path(ledger: Path) -> Path:
    """Where a ledger keeps its checkpoint."""
    return ledger / "state"


class Replica:
    """The ledger's state as of a seq, in memory."""

    def __init__(self, journal: Journal) -> None:
        self.journal = journal
        self.dictionaries = Dictionaries()
        self.fold: Fold | None = None
        self.words: AnswerWords | None = None
        self.program_seq = 0
        self.program_at = 0
        self.seq = 0
        self.hash = GENESIS
        self.checkpoint: Checkpoint | None = None
        self.checkpoint_seq = 0
        self.tail_ids: dict[str, int] = {}
        self.dirty: set[int] = set()
        self.in_flight: dict[int, bytes] = {}
        self._saved_sizes = Sizes()
        self._seen_version = -1
        self.records = RecordCache(journal)

    # -- opening ------------------------------------------------------------------------

    @classmethod
    def open(
        cls, ledger: Path, *, journal: Journal | None = None, write: bool = False,
        progress: Progress | None = None,
    ) -> Replica:
        """Open a ledger: its checkpoint where it is sound, then the journal's tail.

        With `write` (the ledger's one writer) a checkpoint that cannot be used is removed
        and the state is folded from the journal.
        """
        journal = journal or Journal(journal_path(ledger))
        replica = cls(journal)
        try:
            replica._load(Checkpoint(state_path(ledger), write=write))
        except CheckpointDamaged:
            replica = cls(journal)
            if write:
                remove(state_path(ledger))
                replica.checkpoint = Checkpoint(state_path(ledger), write=True)
        replica.catch_up(progress)
        return replica

    def _load(self, checkpoint: Checkpoint) -> None:
        meta = checkpoint.meta()
        self.checkpoint = checkpoint
        if meta is None:
            return
        if meta.format != CHECKPOINT_FORMAT:
            raise CheckpointDamaged(f"the checkpoint has format {meta.format}")
        if meta.ledger != self.journal.ledger_id:
            raise CheckpointDamaged("the checkpoint is of another ledger")
        record = self.journal.find(meta.seq)
        if record is None or record.last != meta.seq or record.hash != meta.hash:
            raise CheckpointDamaged("the checkpoint is not of this journal")
        rows = checkpoint.load(self.dictionaries, meta)
        if meta.program_seq:
            self._publish(meta.program_seq)
            assert self.fold is not None
            self.fold.follow()
            for member, packed in rows:
                try:
                    self.fold.state.unpack(member, packed)
                except (ValueError, IndexError) as error:
                    raise CheckpointDamaged(f"member {member}: {error}") from None
        self.seq = self.checkpoint_seq = meta.seq
        self.hash = meta.hash
        self._saved_sizes = self.dictionaries.sizes()

    def _publish(self, seq: int) -> None:
        """Take the program of a publish fact."""
        stored = self.stored(seq)
        text = stored.batch.column("payload")[stored.row].as_py().decode()
        self.set_program(text, seq, int(column(stored.batch, "at")[stored.row]))

    def set_program(self, text: str, seq: int, at_us: int) -> None:
        """Make the program of a seq the one in force from an instant on."""
        self.fold = Fold(self.dictionaries, parse_program(text))
        self.fold.follow()
        self.words = AnswerWords(self.fold)
        self.program_seq = seq
        self.program_at = at_us

    # -- following ----------------------------------------------------------------------

    def catch_up(self, progress: Progress | None = None) -> None:
        """Fold what the journal has beyond this replica; cheap when there is nothing."""
        if self.journal.version() == self._seen_version:
            return
        last = self.journal.last() if progress else None
        with self.journal.reading() as txn:
            # The version shows a commit before its flush has ended, and a transaction begun
            # then does not: remember what this transaction sees.
            seen = int(txn.id())
            for record in self.journal.records(txn, self.seq):
                self.fold_record(record)
                if progress and last:
                    progress(record.last, last.last)
        self._seen_version = seen

    def fold_record(self, record: Record) -> None:
        """Fold one record, which must follow the last one. Raises LedgerError if not."""
        if record.first != self.seq + 1 or record.previous != self.hash:
            raise LedgerError(f"journal record {record.first} does not follow seq {self.seq}")
        growth = record.growth()
        if growth is not None:
            grow(self.dictionaries, growth)
        facts = record.facts()
        ids = facts.column("id").to_pylist()
        if int(column(facts, "kind")[0]) == PUBLISH:
            text = facts.column("payload")[0].as_py().decode()
            self.set_program(text, record.first, int(column(facts, "at")[0]))
        elif int(column(facts, "kind")[0]) == SALE:
            assert self.fold is not None, "sales are accepted under a program only"
            self.fold.follow()
            sales = read_sales(facts)
            self.fold.date(sales)
            refused = column(facts, "status") != 0
            outcome = self.fold.apply(sales, ids, record.first, self.history, refused)
            self.dirty.update(outcome.members.tolist())
        self.advance(record, ids)

    def advance(self, record: Record, ids: list[str]) -> None:
        """Count a folded record as part of the state."""
        self.tail_ids.update(zip(ids, range(record.first, record.last + 1), strict=True))
        self.seq = record.last
        self.hash = record.hash

    # -- facts --------------------------------------------------------------------------

    def find_ids(self, ids: list[str]) -> dict[str, int]:
        """Seqs of those ids that are known."""
        tail = self.tail_ids
        found = {name: tail[name] for name in ids if name in tail} if tail else {}
        if self.checkpoint is not None and self.checkpoint_seq and len(found) < len(ids):
            rest = ids if not found else [name for name in ids if name not in found]
            found.update(self.checkpoint.find_ids(rest))
        return found

    def stored(self, seq: int) -> StoredFact:
        """A fact by its seq. Raises LookupError when there is none."""
        found = self.records.at(seq)
        return StoredFact(seq, found.batch, seq - found.record.first, found.record.committed_at)

    def sales_at(self, seqs: list[int]) -> Sales | None:
        """The sales with these seqs, in this order; None when one of them is no sale."""
        places = []
        for seq in seqs:
            found = self.records.at(seq)
            if int(column(found.batch, "kind")[0]) != SALE:
                return None
            places.append((found.sales, seq - found.record.first))
        return pick(places)

    def history(self, member: int, last_seq: int) -> History:
        """The accepted sales of a member's chain up to a seq, oldest seq first.

        Raises CorruptRecord when the chain does not lead back to its begin.
        """
        assert self.fold is not None
        places: list[tuple[Sales, int]] = []
        ids: list[str] = []
        seqs: list[int] = []
        while last_seq:
            found = self.records.at(last_seq)
            row = last_seq - found.record.first
            if found.sales.member[row] != member:
                raise CorruptRecord(f"fact {last_seq} is not of the member whose chain has it")
            if found.status[row] == 0:
                places.append((found.sales, row))
                ids.append(found.batch.column("id")[row].as_py())
                seqs.append(last_seq)
            previous = int(found.previous[row])
            if previous >= last_seq:
                raise CorruptRecord(f"fact {last_seq}: its member's chain does not fall")
            last_seq = previous
        sales = pick(places[::-1])
        self.fold.date(sales)
        return History(sales, ids[::-1], np.array(seqs[::-1], np.uint64))

    def first_answer(self, seq: int) -> Answer:
        """The first answer to a journalled fact, rebuilt from its row."""
        stored = self.stored(seq)
        if stored.kind != SALE:
            return control_answer(stored.id, seq)
        assert self.words is not None
        one = stored.batch.slice(stored.row, 1)
        postings = stored_postings(stored.batch, stored.row)
        _, balances = list_view(one.column("balances"))
        rules, points, corrects = (
            postings[name].tolist() for name in ("rule", "points", "corrects")
        )
        return rated_answer(
            self.words, stored.id, seq, int(column(one, "status")[0]),
            int(column(one, "tier")[0]), balances["active"].tolist(),
            balances["pending"].tolist(),
            list(zip(rules, points, corrects, strict=True)),
            self.names_of(c for c in corrects if c),
        )

    def names_of(self, seqs: Iterable[int]) -> dict[int, str]:
        """Ids of facts by their seqs."""
        return {seq: self.stored(seq).id for seq in seqs}

    # -- members ------------------------------------------------------------------------

    def member(self, name: str, at_us: int | None = None) -> Answer | None:
        """A member's balances and tier at an instant from its latest fact on (default now)."""
        number = self.dictionaries.members.numbers.get(name)
        if number is None or self.fold is None or self.words is None:
            return None
        state = self.fold.state
        packed = self.in_flight.get(number)
        if packed is not None:
            # The commit that touched the member is not yet durable.
            state, number = self._before(packed), 0
        now = time.time_ns() // 1000 if at_us is None else at_us
        view = state.view(self.fold.compiled.native, number, self.fold.today(now))
        last_at, seq, purchases, tier, balances = view
        if last_at is None:
            return None
        if now < last_at:
            # The state is that after the latest fact; it is not known as of before it.
            now = last_at
            _, _, _, tier, balances = state.view(
                self.fold.compiled.native, number, self.fold.today(now)
            )
        return {
            "id": name,
            "as_of": instant_text(now),
            "tier": self.words.tiers[tier],
            "balances": {
                currency: balance(active, pending)
                for currency, (active, pending) in zip(
                    self.words.currencies, balances, strict=True
                )
            },
            "purchases": purchases,
            "seq": seq,
        }

    def _before(self, packed: bytes) -> State:
        assert self.fold is not None
        state = self.fold.new_state()
        state.grow(1)
        state.unpack(0, packed)
        return state

    def lots(self, name: str) -> list[Answer]:
        """A member's lots in spending order, from its latest fact on."""
        number = self.dictionaries.members.numbers[name]
        assert self.fold is not None
        assert self.words is not None
        return [
            {
                "currency": currency,
                "points": points,
                "earned": date_of(earned).isoformat(),
                "active_from": date_of(active_from).isoformat(),
                "good_through": None if through == 2**31 - 1 else date_of(through).isoformat(),
            }
            for place, currency in enumerate(self.words.currencies)
            for earned, active_from, through, points in self.fold.state.lots(number, place)
        ]

    # -- checkpoint ----------------------------------------------------------------------

    def snapshot(self) -> Snapshot:
        """What the next checkpoint writes. Only between commits."""
        assert not self.in_flight
        meta = Meta(
            CHECKPOINT_FORMAT, self.journal.ledger_id, self.seq, self.hash, self.program_seq,
            tuple(self.dictionaries.sizes()),
        )
        snapshot = Snapshot(meta, names=name_items(self.dictionaries, self._saved_sizes))
        if self.fold is not None:
            state = self.fold.state
            snapshot.rows = [(member, state.pack(member)) for member in self.dirty]
        snapshot.ids = list(self.tail_ids.items())
        self.dirty = set()
        return snapshot

    def checkpointed(self, snapshot: Snapshot) -> None:
        """Forget what a written checkpoint now holds."""
        self.checkpoint_seq = snapshot.meta.seq
        self._saved_sizes = Sizes(*snapshot.meta.sizes)
        self.tail_ids = {
            name: seq for name, seq in self.tail_ids.items() if seq > snapshot.meta.seq
        }

    def save(self) -> None:
        """Write a checkpoint now (the writer's process only)."""
        assert self.checkpoint is not None
        if self.seq > self.checkpoint_seq:
            snapshot = self.snapshot()
            self.checkpoint.write(snapshot)
            self.checkpointed(snapshot)

    def close(self) -> None:
        """Close the environments."""
        if self.checkpoint is not None:
            self.checkpoint.close()
        self.journal.close()
