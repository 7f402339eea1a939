"""What the doors share: a place to commit, a replica to read, requests counted."""

from __future__ import annotations

import contextlib
import math
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from vafa.engine.outbox.store import OutboxStore
from vafa.engine.private.apart import Private
from vafa.engine.replica.replica import Replica

from .committer import Commits
from .tracing import Tracing


class Front:
    """A front end's commits and its replica."""

    def __init__(
        self, commits: Commits, replica: Replica, *, tails: bool, imports: Path | None = None,
        ledger: Path | None = None, private: Callable[[], Private] | None = None,
        tracing: Tracing | None = None,
    ) -> None:
        """`tails`: the replica is this process's own and follows the journal by itself.

        `imports`: the folder of mappings for files of other systems; `ledger`: that of the
        outbox. `private` opens what the journal must not have, once. `tracing` makes spans of
        requests.
        """
        self.commits = commits
        self.replica = replica
        self.imports = imports
        self._private = private
        self.ledger = ledger
        self._outbox: OutboxStore | None = None
        self.tracing = tracing
        self._tails = tails
        self.ends_at = math.inf
        """When the process was told to end, as `time.monotonic` counts."""

    @property
    def requests(self) -> Counter[tuple[str, str, int]]:
        """Where answered requests are counted, by method, path and status."""
        return self.commits.requests

    @property
    def checkpoint_seq(self) -> int:
        """Up to which seq the ledger's checkpoint has the facts."""
        if self._tails and self.replica.checkpoint is not None:
            # Another process writes it, after this one has read it.
            meta = self.replica.checkpoint.meta()
            return 0 if meta is None else meta.seq
        return self.replica.checkpoint_seq

    def outbox(self) -> OutboxStore | None:
        """What `vafa outbox` derives; None where nobody does."""
        if self._outbox is None and self.ledger is not None:
            # A process must not open an environment twice.
            with contextlib.suppress(FileNotFoundError):
                self._outbox = OutboxStore(self.ledger)
        return self._outbox

    def private(self) -> Private:
        """What the journal must not have."""
        assert self._private is not None
        return self._private()

    def follow(self) -> Replica:
        """The replica with all facts that are on stable storage."""
        if self._tails:
            self.replica.catch_up()
        return self.replica
