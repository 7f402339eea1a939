"""Commits with a span for each wait, each commit, its fold and its flush."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vafa.engine.journal.journal import StorageFull
from vafa.engine.ledger.staged import Staged
from vafa.engine.ledger.writer import Writer

from .committer import Committer
from .tracing import Tracing
from .waiting import Waiting

if TYPE_CHECKING:
    from opentelemetry.trace import Span


class TracedCommitter(Committer):
    """A committer that tells how long what has waited, and for what."""

    def __init__(self, writer: Writer, tracing: Tracing) -> None:
        super().__init__(writer)
        self._tracing = tracing
        self._waits: dict[int, Span] = {}
        self._commit: Span | None = None
        self._at_once = False
        self._part: Span | None = None

    def _submit(self, waiting: Waiting) -> None:
        super()._submit(waiting)
        self._waits[id(waiting)] = self._tracing.waiting(waiting.facts)

    def _take_group(self) -> list[Waiting]:
        group = super()._take_group()
        # A submission that is taken in parts has waited before its first one.
        waited = [
            span for one in group if (span := self._waits.pop(id(one), None)) is not None
        ]
        for span in waited:
            span.end()
        self._commit = self._tracing.commit(waited)
        self._commit.set_attribute("vafa.facts", sum(one.taken for one in group))
        self._at_once = group[0].control is not None
        self._begin("fold")
        return group

    def _begin(self, name: str) -> None:
        self._end_part()
        if self._commit is not None:
            self._part = self._tracing.part(name, self._commit)

    def _end_part(self) -> None:
        if self._part is not None:
            self._part.end()
            self._part = None

    def _end(self, outcome: str) -> None:
        self._end_part()
        if self._commit is not None:
            self._commit.set_attribute("vafa.outcome", outcome)
            self._commit.end()
            self._commit = None

    def _next(self) -> None:
        super()._next()
        if self._at_once:
            # A fact of no member is folded and flushed in one.
            self._end("done")
        else:
            self._begin("flush")

    def _flushed(
        self, group: list[Waiting], staged: Staged, error: BaseException | None, started: float
    ) -> None:
        if error is None:
            if staged.record is not None and self._commit is not None:
                self._commit.set_attribute("vafa.seq", staged.record.last)
            self._end("done")
        super()._flushed(group, staged, error, started)

    def _storage_full(self, group: list[Waiting], error: StorageFull) -> None:
        self._end("storage-full")
        super()._storage_full(group, error)
