"""A ledger open for writing: its lock, journal and replica; appends, and the clock.

One process at a time writes a ledger (`writer.lock`).
"""

from __future__ import annotations

import fcntl
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from ..journal.journal import MAP_BYTES, Journal, LedgerError, StorageFull
from ..private.apart import Private
from ..replica.checkpoint import remove
from ..replica.replica import Progress, Replica, journal_path, state_path
from .admission import Admission

LEAST_FREE = 0.05
LEAST_FREE_BYTES = 1 << 30
"""Writes stop when less than this share of the disk, and less than this, is free."""

MOST_OF_MAP = 0.9
"""Writes stop when more than this share of the journal's map is used."""


class LedgerBusy(LedgerError):
    """Another process writes this ledger."""


class OpenLedger:
    """A ledger that this process alone writes.

    `spoiled`: memory is ahead of the journal, so that no checkpoint may be written.
    """

    def __init__(self, ledger: Path, progress: Progress | None = None) -> None:
        """Open a ledger for writing, making it when it is not there.

        Raises LedgerBusy when another process writes it, LedgerError when it is unusable.
        """
        # Whose purchases are in it is nobody's business on the machine, and nobody else's to lock.
        ledger.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.ledger = ledger
        self._lock = os.open(ledger / "writer.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
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
        self.admission = Admission(self.replica, self._damaged)
        self._pid = os.getpid()
        self.spoiled = False
        self._disk_checked = 0.0
        self._last_time = 0
        last = self.journal.last()
        if last is not None:
            self._last_time = last.committed_at
        # A process that ended between the commit and the forgetting has left it undone.
        self.forget()

    def check_process(self) -> None:
        """A ledger that was open before a fork is its parent's."""
        assert os.getpid() == self._pid, "a ledger must be opened after a fork"

    def private(self) -> Private:
        """What the journal must not have, opened when it is first asked for."""
        if self._private is None:
            self._private = Private(self.ledger)
        return self._private

    def forget(self) -> None:
        """Members that the journal says are erased: what is private of them goes."""
        for member, seq in self.replica.membership.erased.items():
            self.private().forget(member, seq)

    def close(self) -> None:
        """Write a checkpoint and let the ledger go."""
        try:
            if not self.spoiled:
                self.replica.save()
        finally:
            self.replica.close()
            if self._private is not None:
                self._private.close()
            os.close(self._lock)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _damaged(self) -> None:
        """Nothing may be decided from a damaged index: the next start rebuilds it."""
        self.spoiled = True
        remove(state_path(self.ledger))

    @contextmanager
    def ahead(self) -> Iterator[None]:
        """While memory is ahead of the journal, and if it ends so: no checkpoint is written."""
        self.spoiled = True
        try:
            yield
        except StorageFull:
            self.spoiled = False
            raise
        self.spoiled = False

    def find_ids(self, ids: list[str]) -> dict[str, int]:
        """Seqs of those ids that are known. Raises CheckpointDamaged."""
        return self.admission.find_ids(ids)

    def now(self) -> int:
        """The clock's time (us)."""
        return time.time_ns() // 1000

    def commit_time(self, now: int) -> int:
        """Recorded time never goes back, whatever the clock does."""
        self._last_time = max(now, self._last_time)
        return self._last_time

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
