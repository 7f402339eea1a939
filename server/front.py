"""What the doors share: a place to commit, a replica to read, requests counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

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
        self.tracing = tracing
        self._tails = tails
        self.requests: Counter[tuple[str, str, int]] = Counter()

    def private(self) -> Private:
        """What the journal must not have."""
        assert self._private is not None
        return self._private()

    def follow(self) -> Replica:
        """The replica with all facts that are on stable storage."""
        if self._tails:
            self.replica.catch_up()
        return self.replica
