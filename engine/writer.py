"""The writer: checks ids and times, folds in memory, appends with one flush, answers.

One process at a time writes a ledger (`writer.lock`). A commit has three steps: `stage`
folds and makes the record, `flush` makes it durable, `publish` makes it visible. Nothing
is acknowledged before `flush` has returned (reliability promise 1).
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from .admission import FUTURE_US, Admission
from .answers import Answer, control_answer, rated_answer
from .checkpoint import remove
from .dictionaries import Product
from .facts import ID_BYTES, CatalogFact, FormError, PublishFact, instant_us
from .folding import Outcome
from .intake import Intake
from .journal import MAP_BYTES, Journal, LedgerError, Record, StorageFull, encode_record
from .program_file import parse_program
from .records import control_batch, growth_batch, sales_batch
from .replica import CATALOG, PUBLISH, Progress, Replica, journal_path, state_path
from .schema import column
from .verdicts import Refusal, Verdict, reused

LEAST_FREE = 0.05
LEAST_FREE_BYTES = 1 << 30
"""Writes stop when less than this share of the disk, and less than this, is free."""

MOST_OF_MAP = 0.9
"""Writes stop when more than this share of the journal's map is used."""


class LedgerBusy(LedgerError):
    """Another process writes this ledger."""


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
    sizes: Any = None


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
        self._admission = Admission(self.replica, self._damaged)
        self._pid = os.getpid()
        self._spoiled = False
        self._disk_checked = 0.0
        self._last_time = 0
        last = self.journal.last()
        if last is not None:
            self._last_time = last.committed_at

    def close(self) -> None:
        """Write a checkpoint and let the ledger go."""
        try:
            if not self._spoiled:
                self.replica.save()
        finally:
            self.replica.close()
            os.close(self._lock)

    def __enter__(self) -> Writer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _damaged(self) -> None:
        """Nothing may be decided from a damaged index: the next start rebuilds it."""
        self._spoiled = True
        remove(state_path(self.ledger))

    # -- sales ----------------------------------------------------------------------------

    def commit(self, intake: Intake, *, force: bool = False) -> list[Verdict]:
        """Stage, flush and publish a batch; verdicts in the order of its facts."""
        staged = self.stage(intake, force=force)
        self.flush(staged)
        return self.publish(staged)

    def load(self, intake: Intake, *, force: bool = False) -> Staged:
        """As `commit` without making answers: for bulk loads, which count."""
        staged = self.stage(intake, force=force, keep_before=False)
        self.flush(staged)
        self._settle(staged)
        return staged

    def stage(
        self, intake: Intake, *, force: bool = False, keep_before: bool = True
    ) -> Staged:
        """Check ids and times, fold the new sales in memory, make the record.

        `force` is the operator's: sales older than the late limit are taken.
        """
        assert os.getpid() == self._pid, "a ledger must be opened after a fork"
        now = time.time_ns() // 1000
        refusals, known, rows = self._admission.admit(intake, now, force)
        if rows is not None and len(rows) == 0:
            return Staged(intake, None, b"", None, [], rows, refusals, known)
        fold = self.replica.fold
        assert fold is not None
        dictionaries = self.replica.dictionaries
        sizes = dictionaries.sizes()
        first = self.replica.seq + 1
        sales = intake.columns(dictionaries, rows)
        fold.follow()
        fold.date(sales)
        new_ids = intake.ids if rows is None else [intake.ids[row] for row in rows.tolist()]
        before: dict[int, bytes] = {}
        if keep_before:
            before = {m: fold.state.pack(m) for m in set(sales.member.tolist())}
        # From here until the commit is settled or taken back, memory is ahead of the journal.
        self._spoiled = True
        outcome = fold.apply(sales, new_ids, first, self.replica.history)
        facts = sales_batch(
            intake.id_array(rows), sales, outcome, 1, fold.compiled.native.n_currencies
        )
        data, record = encode_record(
            first, self._commit_time(now), self.replica.hash, facts,
            growth_batch(dictionaries, sizes),
        )
        self.replica.in_flight = before
        return Staged(
            intake, record, data, outcome, new_ids, rows, refusals, known, before, sizes
        )

    def _commit_time(self, now: int) -> int:
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
            self._check_disk()
            self.journal.append(staged.record.first, staged.data)
        except StorageFull:
            if staged.before:
                self._take_back(staged)
            raise

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

    def _take_back(self, staged: Staged) -> None:
        """Undo a stage that could not be written."""
        fold = self.replica.fold
        assert fold is not None
        known = staged.sizes.members
        for member, packed in staged.before.items():
            if member < known:
                fold.state.unpack(member, packed)
            else:
                fold.state.clear(np.array([member], np.uint32))
        self.replica.dictionaries.cut(staged.sizes)
        fold.follow()
        self.replica.in_flight = {}
        self._spoiled = False

    def _settle(self, staged: Staged) -> None:
        if staged.record is not None and staged.outcome is not None:
            self.replica.advance(staged.record, staged.new_ids)
            self.replica.records.keep(staged.record)
            self.replica.dirty.update(staged.outcome.members.tolist())
            self._spoiled = False
        self.replica.in_flight = {}

    def publish(self, staged: Staged) -> list[Verdict]:
        """Make a durable commit visible; verdicts in the order of the batch's facts."""
        self._settle(staged)
        answers = self._new_answers(staged)
        if staged.rows is None:
            return [Verdict(answer) for answer in answers]
        verdicts: list[Verdict] = []
        made = iter(answers)
        for row in range(len(staged.intake.ids)):
            if row in staged.refusals:
                verdicts.append(Verdict(refusal=staged.refusals[row]))
            elif row in staged.known:
                answer = self.replica.first_answer(staged.known[row])
                answer["status"] = "replayed"
                verdicts.append(Verdict(answer, replayed=True))
            else:
                verdicts.append(Verdict(next(made)))
        return verdicts

    def _new_answers(self, staged: Staged) -> list[Answer]:
        outcome, record, words = staged.outcome, staged.record, self.replica.words
        if outcome is None or record is None:
            return []
        assert words is not None
        postings = list(zip(
            *(outcome.postings[name].tolist() for name in ("rule", "points", "corrects")),
            strict=True,
        ))  # fmt: skip
        corrected = self.replica.names_of({c for _, _, c in postings if c})
        starts = outcome.posted_from.tolist()
        return [
            rated_answer(
                words, name, record.first + place, status, tier, active, pending,
                postings[starts[place] : starts[place + 1]], corrected,
            )
            for place, (name, status, tier, active, pending) in enumerate(
                zip(
                    staged.new_ids, outcome.status.tolist(), outcome.tier.tolist(),
                    outcome.active.tolist(), outcome.pending.tolist(), strict=True,
                )
            )
        ]

    # -- facts of no member -------------------------------------------------------------

    def publish_program(self, fact: PublishFact) -> Verdict:
        """Check a program and put it in force. Raises ProgramError.

        This version keeps one program a ledger; another one is refused.
        """
        program = parse_program(fact.program)
        at = instant_us(fact.occurred_at)
        payload = fact.program.encode()

        def accept() -> None:
            if self.replica.fold is not None:
                raise FormError(
                    "the ledger has a program already; this version of vafa takes one a ledger",
                    "program", "program-exists",
                )

        verdict = self._control(fact.id, PUBLISH, at, payload, accept, lambda: None)
        if verdict.answer is not None and not verdict.replayed:
            self.replica.set_program(fact.program, verdict.answer["seq"], at)
            verdict.answer["program"] = program.id
        return verdict

    def commit_catalog(self, fact: CatalogFact) -> Verdict:
        """Add product versions; those that change nothing are not written again."""
        at = instant_us(fact.occurred_at)
        products = self.replica.dictionaries.products

        def grow() -> None:
            for item in fact.products:
                version = Product(
                    item.sku, at, item.brand, item.department, item.category, item.supplier
                )
                code = products.skus.numbers.get(item.sku)
                in_force = code is not None and products.versions[products.at(item.sku, at)]
                if not in_force or in_force.attributes != version.attributes:
                    products.add(version)

        digest = hashlib.sha256(msgspec.msgpack.encode(fact.products)).digest()
        return self._control(fact.id, CATALOG, at, digest, lambda: None, grow)

    def _control(
        self, fact_id: str, kind: int, at: int, payload: bytes, accept: Any, grow: Any
    ) -> Verdict:
        if len(fact_id.encode()) > ID_BYTES:
            return Verdict(refusal=Refusal(
                "invalid-fact", f"is longer than {ID_BYTES} bytes", "id"
            ))  # fmt: skip
        found = self._admission.find_ids([fact_id])
        if found:
            stored = self.replica.stored(found[fact_id])
            same = (
                stored.kind == kind
                and int(column(stored.batch, "at")[stored.row]) == at
                and stored.batch.column("payload")[stored.row].as_py() == payload
            )
            if not same:
                return Verdict(refusal=reused(fact_id))
            answer = control_answer(fact_id, stored.seq)
            answer["status"] = "replayed"
            return Verdict(answer, replayed=True)
        now = time.time_ns() // 1000
        if at > now + FUTURE_US and kind != PUBLISH:
            return Verdict(refusal=Refusal("in-future", "is later than now", "occurred_at"))
        try:
            accept()
        except FormError as error:
            return Verdict(refusal=Refusal(error.slug, error.message, error.path))
        sizes = self.replica.dictionaries.sizes()
        grow()
        first = self.replica.seq + 1
        data, record = encode_record(
            first, self._commit_time(now), self.replica.hash,
            control_batch(fact_id, kind, at, payload),
            growth_batch(self.replica.dictionaries, sizes),
        )
        try:
            self.journal.append(first, data)
        except StorageFull:
            self.replica.dictionaries.cut(sizes)
            raise
        self.replica.advance(record, [fact_id])
        if self.replica.fold is not None:
            self.replica.fold.follow()
        return Verdict(control_answer(fact_id, first))
