"""The writer: checks ids and times, folds in memory, appends with one flush, answers.

A commit has three steps: `stage` folds and makes the record, `flush` makes it durable, `publish`
makes it visible. Nothing is acknowledged before `flush` has returned (reliability promise 1).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from vafa.native.wire import Sale

from ..columns.carrier import carrier_of
from ..columns.columns import ERASE, Facts, Outcome
from ..columns.dictionaries import Sizes
from ..columns.intake import DecodedFacts, Intake
from ..columns.records import facts_batch, growth_batch, rows_batch
from ..columns.schema import list_view
from ..columns.status import REFUSALS, Status
from ..columns.verdicts import Refusal, Verdict
from ..facts import ControlFact, JointFact, LoneFact, PrivateFact, PublishFact, WireControl
from ..folding.batch import Batch
from ..folding.batches import apply, at_stake
from ..journal.journal import StorageFull, encode_record
from ..naming.members import refuse_closed
from ..private.facts import for_journal, has_private_part, keep_profile, whose
from ..private.gift_pins import refuse_pin
from ..replica.replica import Progress
from ..value.gift_cards import choose_code
from ..value.joint import Legs, apply_alone, apply_joint, is_joint, others
from ..value.referrals import Watched, legs_of, tied_by, watched
from .admission import Admitted
from .control_commits import ControlCommits
from .derived import budget_rows
from .open_ledger import OpenLedger
from .staged import Staged, Text, Told, lines_of, table_of, texts_of, verdicts_of

REFUSED_FOR_EVER = "the fact is refused for ever"
WITH_THE_BATCH = Refusal(
    "batch-refused", "nothing of the batch is kept, since another fact of it is refused"
)
"""What is said of the sound facts of an atomic batch."""


class Writer(OpenLedger):
    """The one writer of a ledger: facts of members here, others by `control_commits`."""

    def __init__(self, ledger: Path, progress: Progress | None = None) -> None:
        """See OpenLedger."""
        super().__init__(ledger, progress)
        self._controls = ControlCommits(self)

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
        self.check_process()
        now = self.now()
        replica, fold = self.replica, self.replica.fold
        dictionaries = replica.dictionaries
        sizes = dictionaries.sizes()
        if isinstance(intake, DecodedFacts):
            choose_code(replica, intake)
        admitted = self.admission.admit(intake, now, force)
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
        if not keep_before:
            replica.gather()
        else:
            also = others(facts, dictionaries) if joint else None
            members = at_stake(fold, facts, new_ids, replica, also)
            members |= fold.accounts.every(refers.referrer_of.values())
            before = dict(zip(members, map(fold.state.pack, members), strict=True))
        # From here until the commit is settled or taken back, memory is ahead of the journal.
        self.spoiled = True
        new = Batch(facts, new_ids, first, version, self._refused_rows(admitted, facts))
        apply = apply_joint if joint else apply_alone
        outcome, legs = apply(fold, new, replica)
        n = fold.n_currencies
        id_array = intake.id_array(rows)
        batch = facts_batch(id_array, facts, outcome, version, n)
        batch = batch if legs is None else rows_batch(batch, legs.rows(n))
        brought = self._referred(refers, new, outcome, legs, batch)
        if legs is not None and keep_before:
            before = legs.before | before
        if atomic and (refused := _refused(outcome, rows)):
            self._take_back(before, sizes, None)
            return self._nothing(intake, refused, known)
        batch = batch if brought is None else rows_batch(batch, brought.rows(n))
        when = self.commit_time(now)
        batch, undo = self._with_budgets(batch, first, when)
        data, record = encode_record(
            first, when, replica.hash, batch, growth_batch(dictionaries, sizes)
        )
        replica.begin_flight(before)
        return Staged(
            intake, record, data, outcome, new_ids, rows, refusals, known, before, sizes, facts,
            undo, legs, brought, batch, id_array,
        )  # fmt: skip

    def _with_budgets(
        self, batch: pa.RecordBatch, first: int, when: int
    ) -> tuple[pa.RecordBatch, Callable[[], None] | None]:
        """A commit's rows with those of the budgets that it closes; what takes these back."""
        replica, fold = self.replica, self.replica.fold
        assert fold is not None
        budgets = fold.budgets
        if not budgets.any:
            return batch, None
        replica.budgets_before = dict(budgets.totals), len(budgets.closed)
        undo = fold.undo_budgets()
        postings = list_view(batch.column("postings"))[1]
        return rows_batch(
            batch, *budget_rows(fold, first + batch.num_rows, postings, when)
        ), undo

    def _refused_rows(self, admitted: Admitted, facts: Facts) -> dict[int, Status]:
        """Rows that are refused before they are folded."""
        replica = self.replica
        refused = admitted.refused()
        refuse_closed(facts, replica.membership, refused, replica.dictionaries.members)
        return refused

    def _referred(
        self, refers: Watched, new: Batch, outcome: Outcome, legs: Legs | None,
        rows: pa.RecordBatch,
    ) -> Legs | None:
        """What a commit brings to, or takes from, those that referred its members.

        `rows` are those of the commit so far: members tied to a referrer may have some.
        """
        fold = self.replica.fold
        assert fold is not None
        if not refers.before:
            return None
        begin, first = new.first, new.first + rows.num_rows
        if legs is not None and not legs.batch.legs:
            # A claim: its sale is among the rows that follow it.
            new, outcome = legs.batch, legs.outcome
        with tied_by(fold, new, outcome):
            batch = legs_of(fold, self.replica, refers, new, outcome, first)
            if batch is None:
                return None
            with self.replica.records.unwritten(begin, rows):
                return Legs(batch, apply(fold, batch, self.replica))

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
        self.spoiled = False

    def _settle(self, staged: Staged) -> None:
        record, outcome, facts = staged.record, staged.outcome, staged.facts
        if record is not None and outcome is not None and facts is not None:
            self.replica.settle(record.first, facts, staged.new_ids, outcome.status)
            self.replica.advance(record, staged.new_ids)
            self.replica.records.keep(record, staged.batch)
            self.replica.dirty.update(outcome.members.tolist())
            for legs in (staged.legs, staged.brought):
                if legs is not None:
                    batch = legs.batch
                    self.replica.settle(
                        batch.first, batch.facts, [] if batch.legs else batch.ids,
                        legs.outcome.status,
                    )
                    self.replica.dirty.update(legs.outcome.members.tolist())
            if not facts.plain and (facts.kind == ERASE).any():
                self.forget()
            self.spoiled = False
        self.replica.in_flight = {}
        self.replica.budgets_before = None

    def publish(self, staged: Staged) -> list[Verdict]:
        """Make a durable commit visible; verdicts in the order of the batch's facts."""
        self._settle(staged)
        return verdicts_of(self.replica, staged)

    def publish_texts(
        self, staged: Staged, wanted: NDArray[np.bool_]
    ) -> list[Text | Verdict]:
        """As `publish`; see `staged.texts_of`."""
        self._settle(staged)
        return texts_of(self.replica, staged, wanted)

    def publish_table(self, staged: Staged) -> pa.Table:
        """As `publish`, a table of `verdicts.VERDICTS`."""
        self._settle(staged)
        return table_of(self.replica, staged)

    def publish_lines(
        self, staged: Staged, numbers: NDArray[np.int64]
    ) -> list[bytes | Told]:
        """As `publish`; see `staged.lines_of`."""
        self._settle(staged)
        return lines_of(self.replica, staged, numbers)

    # -- facts of no member -------------------------------------------------------------

    def commit_control(self, fact: ControlFact, versions: int | None = None) -> Verdict:
        """Commit a catalogue, stores, a closed day or a program. Raises ProgramError.

        With `versions` a program is refused unless the ledger has so many.
        """
        self.check_process()
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
