"""A replica: checkpoint plus the journal's tail, folded in memory. Every reader is one.

The writer's replica is a fold ahead of the journal by the one commit that it is flushing;
until that is durable, reads see the members as they were (`in_flight`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..columns.answers import (
    AnswerWords,
)
from ..columns.columns import CLAIMS, LEGS, MEMBER_KINDS, OF_MEMBERS, REFERRAL_IN, Facts, pick
from ..columns.dictionaries import Dictionaries, Sizes
from ..columns.parked import PARKED_CODE, Parked
from ..columns.records import StoredFact, grow, read_facts
from ..columns.schema import NO_MEMBER, column, list_view
from ..controls.reward_stock import RewardStock
from ..controls.standing import (
    DAY_CLOSED,
    PROFIT_SHARE,
    PUBLISH,
    Standing,
    closed_budgets,
    facts_of_record,
    legs_of_record,
)
from ..controls.versions import ProgramVersions
from ..folding.alone import fold_whole
from ..folding.batch import Batch
from ..folding.batches import replay
from ..folding.chain import Heads, History, Known, read_facts_at, read_history
from ..folding.fold import Fold
from ..folding.refold import refold
from ..journal.journal import GENESIS, Journal, LedgerError, Record
from ..journal.record_cache import RecordCache
from ..members.membership import BROUGHT, Membership
from .checkpoint import FORMAT as CHECKPOINT_FORMAT
from .checkpoint import (
    Checkpoint,
    CheckpointDamaged,
    Meta,
    Snapshot,
    fresh_names,
    numbered,
    remove,
)
from .gathering import Gathering
from .kept import KeptAnswers

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
        self.standing = Standing()
        self.parked = Parked()
        self.membership = Membership()
        self.fold: Fold | None = None
        self.words: AnswerWords | None = None
        self.seq = 0
        self.hash = GENESIS
        self.latest_at = -(2**63)
        """No fact of a member that is in force comes later (us)."""
        self.checkpoint: Checkpoint | None = None
        self.checkpoint_seq = 0
        self.tail_ids: dict[str, int] = {}
        self._tail: list[tuple[int, list[str]]] = []
        self.dirty: set[int] = set()
        self.in_flight: dict[int, bytes] = {}
        self._gathering: Gathering | None = None
        self.budgets_before: tuple[dict[str, int], int] | None = None
        """Totals and number of closed budgets before a commit that is not yet durable."""
        self._saved_sizes = Sizes()
        self._seen_version = -1
        self.records = RecordCache(journal)
        self.kept = KeptAnswers()

    @property
    def versions(self) -> ProgramVersions:
        """The programs as they were published."""
        return self.standing.versions

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

    @classmethod
    def at_most(cls, ledger: Path, seq: int) -> Replica:
        """A replica that is at most at a seq: the checkpoint, or the beginning; no tail."""
        journal = Journal(journal_path(ledger))
        replica = cls(journal)
        try:
            replica._load(Checkpoint(state_path(ledger)))
        except CheckpointDamaged:
            return cls(journal)
        if replica.seq <= seq:
            return replica
        assert replica.checkpoint is not None
        replica.checkpoint.close()
        return cls(journal)

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
        checkpoint.load_membership(self.membership)
        self.parked = meta.parked_index()
        self.latest_at = meta.latest_at
        if meta.programs:
            meta.fill(self.standing)
            for seq in meta.programs:
                stored = self.stored(seq)
                self.standing.read_first(seq, stored.batch)
            self.new_fold()
            assert self.fold is not None
            for member, packed in rows:
                try:
                    self.fold.state.unpack(member, packed)
                except (ValueError, IndexError) as error:
                    raise CheckpointDamaged(f"member {member}: {error}") from None
        self.seq = self.checkpoint_seq = meta.seq
        self.hash = meta.hash
        self._saved_sizes = self.dictionaries.sizes()

    @property
    def stock(self) -> RewardStock:
        """What facts have brought of rewards, and whose items are."""
        return self.membership.stock

    # -- programs -----------------------------------------------------------------------

    def new_fold(self) -> None:
        """Compile the programs as published; the members' rows are empty."""
        standing = self.standing
        self.fold = Fold(
            self.dictionaries, standing.versions, standing.budgets, standing.closed,
            self.membership.accounts,
        )
        self.fold.follow()
        layout = self.fold.layout
        self.words = AnswerWords(layout.rules, layout.currencies, layout.tiers)

    def fill_fold(self, progress: Progress | None = None) -> None:
        """Fold all members into a fold that was compiled anew: its rows hold new figures."""
        assert self.fold is not None
        if not len(self.dictionaries.members):
            return
        refold(self.fold, self.journal.scan, self.seq, progress)
        self.dirty.update(range(len(self.dictionaries.members)))
        budgets = self.fold.budgets
        budgets.totals.clear()
        if budgets.any:
            for record in self.journal.scan():
                if record.first > self.seq:
                    break
                budgets.count(list_view(record.facts().column("postings"))[1])

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
        kinds = column(facts, "kind")
        own = facts_of_record(kinds)
        ids = facts.column("id").slice(0, own).to_pylist()
        kind = self.standing.read_first(record.first, facts)
        if kind in BROUGHT:
            self.membership.bring(kind, ids[0], facts.column("payload")[0].as_py())
        if kind == PUBLISH:
            self.new_fold()
            self.fill_fold()
        elif self.fold is not None:
            if growth is not None:
                self.fold.follow()
            if kind in MEMBER_KINDS:
                self._fold_facts(record.first, facts.slice(0, own), ids)
                end = own + legs_of_record(kinds, own)
                brought = own + int(np.count_nonzero(kinds[own:end] != REFERRAL_IN))
                # They stand before the budgets that they close, those of referrers last.
                for start, stop in ((own, brought), (brought, end)):
                    if stop > start:
                        rows = facts.slice(start, stop - start)
                        self._fold_facts(
                            record.first + start, rows, rows.column("id").to_pylist(),
                            legs=kind not in CLAIMS or start == brought,
                        )
            elif kind == PROFIT_SHARE:
                rows = facts.slice(1, int(np.isin(kinds, LEGS).sum()))
                ids_of = rows.column("id").to_pylist()
                self._fold_facts(record.first + 1, rows, ids_of, legs=True)
            elif facts.num_rows > 1:
                self._fold_closings(record.first, facts.slice(1), kind)
            self.count(record.first, facts)
        self.advance(record, ids)

    def _fold_facts(
        self, first: int, batch: pa.RecordBatch, ids: list[str], *, legs: bool = False
    ) -> None:
        assert self.fold is not None
        facts = read_facts(batch)
        version, status = column(batch, "program"), column(batch, "status")
        facts.day, facts.minute = self.versions.dates(facts.at, version)
        batch = Batch(facts, ids, first, version, legs=legs)
        self.dirty.update(replay(self.fold, batch, status, self))
        self.settle(first, facts, ids, status)

    def _fold_closings(self, first: int, rows: pa.RecordBatch, kind: int) -> None:
        """Members that a fact of no member has changed."""
        assert self.fold is not None
        fold = self.fold
        members = column(rows, "member")
        members = np.array(members[members != NO_MEMBER])
        fold.state.chain(members, first + 1)
        if kind == DAY_CLOSED:
            late = fold.behind(members, fold.closed.last_at)
            fold.close_last_day(members[~late])
            anew = members[late]
        else:
            fold.histories.clear()
            anew = members
        for member in anew.tolist():
            history = self.history(fold.heads(member))
            fold.put(history.members, fold_whole(fold, history))
        self.dirty.update(fold.accounts.every(members.tolist()))

    def settle(
        self, first: int, facts: Facts, ids: list[str], status: NDArray[np.uint8]
    ) -> None:
        """Take what a commit of members' facts settles beside their rows."""
        if len(facts):
            self.latest_at = max(self.latest_at, int(facts.at.max()))
        self.membership.read(first, facts, ids, status, self.dictionaries)
        waits = [] if facts.plain else (status == PARKED_CODE).nonzero()[0].tolist()
        if not waits and not self.parked:
            return
        nobody = facts.member == NO_MEMBER
        here = ids
        if nobody.any():
            # A sale of nobody ends no waiting: a claim of it does.
            here = [name for name, none in zip(ids, nobody.tolist(), strict=True) if not none]
        if self.parked:
            self.parked.arrived(here)
        for row in waits:
            sale = facts.extra(row).named
            if sale not in here:
                self.parked.add(sale, first + row, int(facts.member[row]))

    def count(self, first: int, facts: pa.RecordBatch) -> None:
        """Count a record for budgets, and close those that it closes."""
        assert self.fold is not None
        if not self.fold.budgets.any:
            return
        self.fold.budgets.count(list_view(facts.column("postings"))[1])
        for rule, seq in closed_budgets(first, facts):
            self.fold.close_budget(rule, seq)

    def advance(self, record: Record, ids: list[str]) -> None:
        """Count a folded record as part of the state; `ids` are those of its facts."""
        self._tail.append((record.first, ids))
        self.tail_ids.update(numbered(record.first, ids))
        self.seq = record.last
        self.hash = record.hash

    # -- facts --------------------------------------------------------------------------

    def find_ids(self, ids: list[str]) -> dict[str, int]:
        """Seqs of those ids that are known."""
        tail = self.tail_ids
        found: dict[str, int] = {}
        if not tail.keys().isdisjoint(ids):
            found = {name: tail[name] for name in ids if name in tail}
        if self.checkpoint is not None and self.checkpoint_seq and len(found) < len(ids):
            rest = ids if not found else [name for name in ids if name not in found]
            found.update(self.checkpoint.find_ids(rest))
        return found

    def stored(self, seq: int) -> StoredFact:
        """A fact by its seq. Raises LookupError when there is none."""
        found = self.records.at(seq)
        return StoredFact(seq, found.batch, seq - found.record.first, found.record.committed_at)

    def member_facts(self, seqs: list[int]) -> Facts | None:
        """The facts with these seqs, in this order; None when one is of no member."""
        facts, _, _ = pick([self.records.stored(seq) for seq in seqs])
        return facts if OF_MEMBERS[facts.kind].all() else None

    def history(self, heads: Heads, known: Known | None = None) -> History:
        """The facts in force of the chains of a member and those tied to it, up to seqs, oldest
        seq first."""
        return read_history(self.records, heads, self.dictionaries, self.versions, known)

    def facts_at(self, seqs: list[int], members: tuple[int, ...] | None = None) -> History:
        """Facts by their seqs, as those of some members (default theirs)."""
        return read_facts_at(self.records, seqs, self.dictionaries, self.versions, members)

    def type_of(self, member: int, at: int) -> str | None:
        """What a member is at an instant (us), as facts have told."""
        return self.membership.type_at(member, at)

    def member_of(self, seq: int, kinds: tuple[int, ...]) -> int | None:
        """Number of the member whose accepted fact of some kinds a seq is, NO_MEMBER of
        nobody's; else None."""
        trail, row = self.records.stored(seq)
        kind, status, member = trail.head(row)
        return member if kind in kinds and status in (0, PARKED_CODE) else None

    def names_of(self, seqs: Iterable[int]) -> dict[int, str]:
        """Ids of facts by their seqs."""
        return {seq: self.stored(seq).id for seq in seqs}

    # -- checkpoint ----------------------------------------------------------------------

    def snapshot(self) -> Snapshot:
        """What the next checkpoint writes. Only between commits; its rows come by `gather`."""
        assert not self.in_flight
        assert self._gathering is None
        meta = Meta(
            CHECKPOINT_FORMAT, self.journal.ledger_id, self.seq, self.hash,
            tuple(self.dictionaries.sizes()), self.latest_at,
            **Meta.settled(self.standing, self.parked),
        )
        snapshot = Snapshot(meta=meta, names=fresh_names(self.dictionaries, self._saved_sizes))
        if self.fold is not None:
            self._gathering = Gathering(self.fold.state, self.dirty, snapshot.rows)
        snapshot.ids = self._tail.copy()
        snapshot.membership = self.membership.take_changed()
        self.dirty = set()
        return snapshot

    def gather(self, seconds: float = math.inf) -> bool:
        """Pack rows of the snapshot that was taken, for so long; whether it is whole."""
        if self._gathering is not None and self._gathering.go_on(seconds):
            self._gathering = None
        return self._gathering is None

    def begin_flight(self, before: dict[int, bytes]) -> None:
        """A commit is folded and yet to be flushed: its members' packed rows before it."""
        if self._gathering is not None:
            self._gathering.keep(before)
        self.in_flight = before

    def checkpointed(self, snapshot: Snapshot) -> None:
        """Forget what a written checkpoint now holds."""
        self.checkpoint_seq = snapshot.meta.seq
        self._saved_sizes = Sizes(*snapshot.meta.sizes)
        # Few have come since the snapshot.
        self._tail = [(first, ids) for first, ids in self._tail if first > snapshot.meta.seq]
        self.tail_ids = {}
        for first, ids in self._tail:
            self.tail_ids.update(numbered(first, ids))

    def not_written(self, snapshot: Snapshot) -> None:
        """The next snapshot has what this one had: it could not be written, or was not whole."""
        self.dirty.update(member for member, _ in snapshot.packed())
        if self._gathering is not None:
            self.dirty |= self._gathering.missing()
            self._gathering = None
        self.membership.not_written(key for key, _ in snapshot.membership)

    def save(self) -> None:
        """Write a checkpoint now (the writer's process only)."""
        assert self.checkpoint is not None
        if self.seq > self.checkpoint_seq:
            snapshot = self.snapshot()
            self.gather()
            self.checkpoint.write(snapshot)
            self.checkpointed(snapshot)

    def close(self) -> None:
        """Close the environments."""
        if self.checkpoint is not None:
            self.checkpoint.close()
        self.journal.close()

