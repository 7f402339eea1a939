"""The writer: checks ids and times, folds in memory, appends with one flush, answers.

One process at a time writes a ledger (`writer.lock`). A commit has three steps: `stage`
folds and makes the record, `flush` makes it durable, `publish` makes it visible. Nothing
is acknowledged before `flush` has returned (reliability promise 1).
"""

from __future__ import annotations

import fcntl
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from vafa.native.wire import Sale

from ..columns.answer_lines import common_lines
from ..columns.answers import Answer, claim_answer, corrected, of_nobody, rated_answers
from ..columns.carrier import carrier_of
from ..columns.columns import CLAIMS, ERASE, Facts, Outcome
from ..columns.dictionaries import Sizes
from ..columns.intake import DecodedFacts, Intake
from ..columns.records import facts_batch, growth_batch, rows_batch
from ..columns.schema import NO_MEMBER, column, list_view
from ..columns.status import REFUSALS, Status
from ..columns.verdicts import VERDICTS, Refusal, Verdict, rated_table, verdict_table
from ..facts import ControlFact, JointFact, LoneFact, PrivateFact, PublishFact, WireControl
from ..folding.late import Batch
from ..journal.journal import MAP_BYTES, Journal, LedgerError, Record, StorageFull, encode_record
from ..members.naming import refuse_closed
from ..private.apart import Private
from ..private.facts import for_journal, has_private_part, keep_profile, whose
from ..private.gift_pins import refuse_pin
from ..value.gift_cards import card_of, choose_code
from ..value.joint import Legs, apply_alone, apply_joint, is_joint, others
from ..value.redeemable import tell_redeemable, tell_taken
from ..value.referrals import Watched, legs_of, watched
from ..value.refunds import refunds_of, tell_refunds
from .admission import Admission, Admitted
from .checkpoint import remove
from .control_commits import ControlCommits
from .derived import budget_rows
from .replica import Progress, Replica, journal_path, state_path

LEAST_FREE = 0.05
LEAST_FREE_BYTES = 1 << 30
"""Writes stop when less than this share of the disk, and less than this, is free."""

MOST_OF_MAP = 0.9
"""Writes stop when more than this share of the journal's map is used."""


class LedgerBusy(LedgerError):
    """Another process writes this ledger."""

NO_NAMES = Sizes()
REFUSED_FOR_EVER = "the fact is refused for ever"
WITH_THE_BATCH = Refusal(
    "batch-refused", "nothing of the batch is kept, since another fact of it is refused"
)
"""What is said of the sound facts of an atomic batch."""


@dataclass(slots=True)
class Staged:
    """A commit that is folded and not yet published."""

    intake: Intake
    record: Record | None
    data: bytes
    outcome: Outcome | None
    new_ids: list[str]
    rows: NDArray[np.int64] | None
    refusals: dict[int, Refusal] = field(default_factory=dict)
    known: dict[int, int] = field(default_factory=dict)
    before: dict[int, bytes] = field(default_factory=dict)
    sizes: Sizes = NO_NAMES
    facts: Facts | None = None
    undo: Callable[[], None] | None = None
    legs: Legs | None = None
    brought: Legs | None = None


class Writer:
    """The one writer of a ledger."""

    def __init__(self, ledger: Path, progress: Progress | None = None) -> None:
        """Open a ledger for writing, making it when it is not there.

        Raises LedgerBusy when another process writes it, LedgerError when it is unusable.
        """
        ledger.mkdir(parents=True, exist_ok=True)
        self.ledger = ledger
        self._lock = os.open(ledger / "writer.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._lock)
            raise LedgerBusy(
                f"{ledger} is being written by another process; stop it first"
            ) from None
        try:
            self.journal = Journal(journal_path(ledger), write=True)
            try:
                self.replica = Replica.open(
                    ledger, journal=self.journal, write=True, progress=progress
                )
            except BaseException:
                self.journal.close()
                raise
        except BaseException:
            os.close(self._lock)
            raise
        self._private: Private | None = None
        self._admission = Admission(self.replica, self._damaged)
        self._controls = ControlCommits(self)
        self._pid = os.getpid()
        self._spoiled = False
        self._disk_checked = 0.0
        self._last_time = 0
        last = self.journal.last()
        if last is not None:
            self._last_time = last.committed_at
        # A process that ended between the commit and the forgetting has left it undone.
        self._forget()

    def private(self) -> Private:
        """What the journal must not have, opened when it is first asked for."""
        if self._private is None:
            self._private = Private(self.ledger)
        return self._private

    def _forget(self) -> None:
        """Members that the journal says are erased: what is private of them goes."""
        for member, seq in self.replica.membership.erased.items():
            self.private().forget(member, seq)

    def close(self) -> None:
        """Write a checkpoint and let the ledger go."""
        try:
            if not self._spoiled:
                self.replica.save()
        finally:
            self.replica.close()
            if self._private is not None:
                self._private.close()
            os.close(self._lock)

    def __enter__(self) -> Writer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _damaged(self) -> None:
        """Nothing may be decided from a damaged index: the next start rebuilds it."""
        self._spoiled = True
        remove(state_path(self.ledger))

    @contextmanager
    def ahead(self) -> Iterator[None]:
        """While memory is ahead of the journal, and if it ends so: no checkpoint is written."""
        self._spoiled = True
        try:
            yield
        except StorageFull:
            self._spoiled = False
            raise
        self._spoiled = False

    def find_ids(self, ids: list[str]) -> dict[str, int]:
        """Seqs of those ids that are known. Raises CheckpointDamaged."""
        return self._admission.find_ids(ids)

    # -- facts of members -----------------------------------------------------------------

    def commit(
        self, intake: Intake, *, force: bool = False, atomic: bool = False
    ) -> list[Verdict]:
        """Stage, flush and publish a batch; verdicts in the order of its facts."""
        staged = self.stage(intake, force=force, atomic=atomic)
        self.flush(staged)
        return self.publish(staged)

    def commit_fact(self, fact: Sale | LoneFact, *, force: bool = False) -> Verdict:
        """Commit one decoded fact of any kind."""
        if isinstance(fact, WireControl):
            return self.commit_control(fact)
        if isinstance(fact, JointFact):
            refusal = refuse_pin(self.replica, fact, self.private, self.now())
            if refusal is not None:
                return Verdict(refusal=refusal)
        if not isinstance(fact, Sale) and has_private_part(fact):
            sale = for_journal(fact, self.private())
            (verdict,) = self.commit(DecodedFacts([sale]), force=force)
            return keep_profile(
                self.private(), fact, whose(self.replica, fact, verdict), verdict
            )
        assert not isinstance(fact, PrivateFact)
        sale = fact if isinstance(fact, Sale) else carrier_of(fact)
        (verdict,) = self.commit(DecodedFacts([sale]), force=force)
        return verdict

    def load(self, intake: Intake, *, force: bool = False) -> Staged:
        """As `commit` without making answers: for bulk loads, which count."""
        staged = self.stage(intake, force=force, keep_before=False)
        self.flush(staged)
        self._settle(staged)
        return staged

    def stage(
        self, intake: Intake, *, force: bool = False, atomic: bool = False,
        keep_before: bool = True,
    ) -> Staged:
        """Check ids and times, fold the new facts in memory, make the record.

        `force` is the operator's: facts older than the late limit are taken. With `atomic`
        (and `keep_before`) nothing happens where one of the facts is refused.
        """
        assert os.getpid() == self._pid, "a ledger must be opened after a fork"
        now = self.now()
        replica, fold = self.replica, self.replica.fold
        dictionaries = replica.dictionaries
        sizes = dictionaries.sizes()
        if isinstance(intake, DecodedFacts):
            choose_code(replica, intake)
        admitted = self._admission.admit(intake, now, force)
        refusals, known, rows = admitted.refusals, admitted.known, admitted.rows
        if atomic and (refused := refusals | self._refused_before(known)):
            dictionaries.cut(sizes)
            return self._nothing(intake, refused, known)
        if rows is not None and len(rows) == 0:
            return Staged(intake, None, b"", None, [], rows, refusals, known)
        assert fold is not None
        first = replica.seq + 1
        facts = intake.columns(dictionaries, rows)
        fold.follow()
        version = replica.versions.numbers_at(facts.at)
        facts.day, facts.minute = replica.versions.dates(facts.at, version)
        new_ids = intake.ids if rows is None else [intake.ids[row] for row in rows.tolist()]
        joint = is_joint(facts)
        refers = watched(fold, replica, facts, admitted.referrers)
        before: dict[int, bytes] = {}
        if keep_before:
            also = others(facts, dictionaries) if joint else None
            members = fold.at_stake(facts, new_ids, replica, also)
            members |= fold.accounts.every(refers.referrer_of.values())
            before = {m: fold.state.pack(m) for m in members}
        # From here until the commit is settled or taken back, memory is ahead of the journal.
        self._spoiled = True
        new = Batch(facts, new_ids, first, version, self._refused_rows(admitted, facts))
        apply = apply_joint if joint else apply_alone
        outcome, legs = apply(fold, new, replica)
        brought = self._referred(refers, new, outcome, legs)
        if legs is not None and keep_before:
            before = legs.before | before
        if atomic and (refused := _refused(outcome, rows)):
            self._take_back(before, sizes, None)
            return self._nothing(intake, refused, known)
        batch = facts_batch(intake.id_array(rows), facts, outcome, version, fold.n_currencies)
        for more in (legs, brought):
            batch = batch if more is None else rows_batch(batch, more.rows(fold.n_currencies))
        when = self.commit_time(now)
        undo = None
        if fold.budgets.any:
            budgets = fold.budgets
            replica.budgets_before = dict(budgets.totals), len(budgets.closed)
            undo = fold.undo_budgets()
            postings = list_view(batch.column("postings"))[1]
            batch = rows_batch(batch, *budget_rows(fold, first + batch.num_rows, postings, when))
        data, record = encode_record(
            first, when, replica.hash, batch, growth_batch(dictionaries, sizes)
        )
        replica.in_flight = before
        return Staged(
            intake, record, data, outcome, new_ids, rows, refusals, known, before, sizes, facts,
            undo, legs, brought,
        )  # fmt: skip

    def _refused_rows(self, admitted: Admitted, facts: Facts) -> dict[int, Status]:
        """Rows that are refused before they are folded."""
        replica = self.replica
        refused = admitted.refused()
        refuse_closed(facts, replica.membership, refused, replica.dictionaries.members)
        return refused

    def _referred(
        self, refers: Watched, new: Batch, outcome: Outcome, legs: Legs | None
    ) -> Legs | None:
        """What a commit brings to, or takes from, those that referred its members."""
        fold = self.replica.fold
        assert fold is not None
        if not refers.before:
            return None
        first = new.first + len(new.ids) + (0 if legs is None else len(legs.batch.ids))
        if legs is not None and not legs.batch.legs:
            # A claim: its sale is among the rows that follow it.
            new, outcome = legs.batch, legs.outcome
        batch = legs_of(fold, self.replica, refers, new, outcome, first)
        return None if batch is None else Legs(batch, fold.apply(batch, self.replica))

    def _refused_before(self, known: dict[int, int]) -> dict[int, Refusal]:
        """Rows that are repeats of facts which were refused for ever."""
        return {
            row: Refusal(REFUSALS[status], REFUSED_FOR_EVER)
            for row, seq in known.items()
            if seq <= self.replica.seq
            and (status := Status(self.replica.stored(seq).status)) in REFUSALS
        }

    def _nothing(
        self, intake: Intake, refused: dict[int, Refusal], known: dict[int, int]
    ) -> Staged:
        """A batch of which nothing is kept; what was known before it stays known."""
        old = {row: seq for row, seq in known.items() if seq <= self.replica.seq}
        others = [row for row in range(len(intake.ids)) if row not in old]
        every = dict.fromkeys(others, WITH_THE_BATCH) | refused
        return Staged(intake, None, b"", None, [], np.zeros(0, np.int64), every, old)

    def now(self) -> int:
        """The clock's time (us)."""
        return time.time_ns() // 1000

    def commit_time(self, now: int) -> int:
        """Recorded time never goes back, whatever the clock does."""
        self._last_time = max(now, self._last_time)
        return self._last_time

    def flush(self, staged: Staged) -> None:
        """Append the record; it is durable when this returns.

        Raises StorageFull after taking the fold back: nothing has happened then. Any other
        error leaves the outcome unknown: the process must exit and open the ledger again.
        """
        if staged.record is None:
            return
        try:
            self.append(staged.record.first, staged.data)
        except StorageFull:
            if staged.before:
                self._take_back(staged.before, staged.sizes, staged.undo)
            raise

    def append(self, first: int, data: bytes) -> None:
        """Append a record's bytes with one flush. Raises StorageFull."""
        self._check_disk()
        self.journal.append(first, data)

    def _check_disk(self) -> None:
        """Stop before the disk is full: a full one would stop the checkpoint as well."""
        if time.monotonic() < self._disk_checked + 1.0:
            return
        disk = shutil.disk_usage(self.ledger)
        if disk.free < LEAST_FREE * disk.total and disk.free < LEAST_FREE_BYTES:
            raise StorageFull("under 5 % of the disk is free; make room and try again")
        if self.journal.used_bytes() > MOST_OF_MAP * MAP_BYTES:
            # A full map refuses even what would free it.
            raise StorageFull("the journal's map is 90 % full; raise VAFA_MAP_GIB, start again")
        self._disk_checked = time.monotonic()

    def _take_back(
        self, before: dict[int, bytes], sizes: Sizes, undo: Callable[[], None] | None
    ) -> None:
        """Undo a fold that is not written."""
        fold = self.replica.fold
        assert fold is not None
        known = sizes.members
        for member, packed in before.items():
            if member < known:
                fold.state.unpack(member, packed)
            else:
                fold.state.clear(np.array([member], np.uint32))
        self.replica.dictionaries.cut(sizes)
        if undo is not None:
            undo()
        fold.histories.clear()
        fold.follow()
        self.replica.in_flight = {}
        self.replica.budgets_before = None
        self._spoiled = False

    def _settle(self, staged: Staged) -> None:
        record, outcome, facts = staged.record, staged.outcome, staged.facts
        if record is not None and outcome is not None and facts is not None:
            self.replica.settle(record.first, facts, staged.new_ids, outcome.status)
            self.replica.advance(record, staged.new_ids)
            self.replica.records.keep(record)
            self.replica.dirty.update(outcome.members.tolist())
            for legs in (staged.legs, staged.brought):
                if legs is not None:
                    batch = legs.batch
                    self.replica.settle(
                        batch.first, batch.facts, [] if batch.legs else batch.ids,
                        legs.outcome.status,
                    )
                    self.replica.dirty.update(legs.outcome.members.tolist())
            if (facts.kind == ERASE).any():
                self._forget()
            self._spoiled = False
        self.replica.in_flight = {}
        self.replica.budgets_before = None

    def publish(self, staged: Staged) -> list[Verdict]:
        """Make a durable commit visible; verdicts in the order of the batch's facts."""
        self._settle(staged)
        return self._verdicts(staged)

    def _verdicts(self, staged: Staged) -> list[Verdict]:
        made = iter(self._new_answers(staged))
        if staged.rows is None:
            return list(map(Verdict, made))
        return [
            self._old_verdict(staged, row) or Verdict(next(made))
            for row in range(len(staged.intake.ids))
        ]

    def publish_table(self, staged: Staged) -> pa.Table:
        """As `publish`, a table of `verdicts.VERDICTS`."""
        self._settle(staged)
        rated = self._rated_table(staged)
        if staged.rows is None:
            return rated
        ids = staged.intake.ids
        old = [*staged.refusals, *staged.known]
        verdicts = [verdict for row in old if (verdict := self._old_verdict(staged, row))]
        table = pa.concat_tables([rated, verdict_table([ids[row] for row in old], verdicts)])
        return table.take(pa.array(np.argsort([*staged.rows.tolist(), *old])))

    def publish_lines(
        self, staged: Staged, numbers: NDArray[np.int64]
    ) -> bytes | list[Verdict]:
        """As `publish`; where each answer is of the common form, JSON lines with `numbers` first.

        The batch is of sales whose ids need no escape in JSON.
        """
        self._settle(staged)
        outcome, record, words, facts = (
            staged.outcome, staged.record, self.replica.words, staged.facts
        )  # fmt: skip
        if outcome is not None and record is not None and facts is not None:
            assert words is not None
            if staged.rows is None and staged.legs is None and facts.extras is None:
                lines = common_lines(
                    words, numbers, staged.intake.id_array(None), record.first, outcome,
                    self.replica.names_of(corrected(outcome.postings)),
                )  # fmt: skip
                if lines is not None:
                    return lines
        return self._verdicts(staged)

    def _old_verdict(self, staged: Staged, row: int) -> Verdict | None:
        """The verdict on a row that is refused or was known; None on a new one."""
        if row in staged.refusals:
            return Verdict(refusal=staged.refusals[row])
        if row not in staged.known:
            return None
        answer = self.replica.first_answer(staged.known[row])
        answer["status"] = "replayed"
        return Verdict(answer, replayed=True)

    def _new_answers(self, staged: Staged) -> list[Answer]:
        outcome, record, words = staged.outcome, staged.record, self.replica.words
        if outcome is None or record is None:
            return []
        assert words is not None
        names = self.replica.names_of(corrected(outcome.postings))
        answers = rated_answers(words, staged.new_ids, record.first, outcome, names)
        assert staged.facts is not None
        if card := card_of(staged.facts, 0, self.replica.dictionaries.members.names):
            answers[0]["card"] = card
        elif staged.facts.kind[0] in CLAIMS and staged.legs is not None:
            legs = staged.legs
            names = self.replica.names_of(corrected(legs.outcome.postings))
            rest = rated_answers(words, legs.batch.ids, legs.batch.first, legs.outcome, names)
            answers[0] = claim_answer(answers[0], rest)
        for row in np.flatnonzero(staged.facts.member == NO_MEMBER).tolist():
            answers[row] = of_nobody(answers[row])
        tell_taken(answers, staged.facts)
        if staged.legs is not None:
            tell_refunds(answers, refunds_of(record.facts(), self.replica.dictionaries))
        if outcome.status.any():
            assert self.replica.fold is not None
            version = column(record.facts(), "program")
            tell_redeemable(self.replica.fold, answers, outcome, staged.facts, version)
        return answers

    def _rated_table(self, staged: Staged) -> pa.Table:
        outcome, record, words = staged.outcome, staged.record, self.replica.words
        if outcome is None or record is None:
            return VERDICTS.empty_table()
        assert words is not None
        names = self.replica.names_of(corrected(outcome.postings))
        ids = staged.intake.id_array(staged.rows)
        return rated_table(words, ids, record.first, outcome, names)

    # -- facts of no member -------------------------------------------------------------

    def commit_control(self, fact: ControlFact, versions: int | None = None) -> Verdict:
        """Commit a catalogue, stores, a closed day or a program. Raises ProgramError.

        With `versions` a program is refused unless the ledger has so many.
        """
        assert os.getpid() == self._pid, "a ledger must be opened after a fork"
        return self._controls.commit(fact, versions)

    def publish_program(self, fact: PublishFact) -> Verdict:
        """Check a program and put it in force from its instant on. Raises ProgramError."""
        return self.commit_control(fact)


def _refused(outcome: Outcome, rows: NDArray[np.int64] | None) -> dict[int, Refusal]:
    """The refusals of a batch's rows for their members' state."""
    return {
        row if rows is None else int(rows[row]): Refusal(
            REFUSALS[status], REFUSED_FOR_EVER
        )
        for row, code in enumerate(outcome.status.tolist())
        if (status := Status(code)) in REFUSALS
    }
