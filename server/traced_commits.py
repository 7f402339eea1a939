"""A span for each wait, each commit, its fold and its flush."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .committer import Watch
from .tracing import Tracing
from .waiting import Waiting

if TYPE_CHECKING:
    from opentelemetry.trace import Span


class TracedCommits(Watch):
    """Tells how long what has waited, and for what."""

    def __init__(self, tracing: Tracing) -> None:
        self._tracing = tracing
        self._waits: dict[int, Span] = {}
        self._commit: Span | None = None
        self._part: Span | None = None

    def submitted(self, waiting: Waiting) -> None:
        """See Watch."""
        self._waits[id(waiting)] = self._tracing.waiting(waiting.facts)

    def begun(self, group: list[Waiting]) -> None:
        """See Watch."""
        # A submission that is taken in parts has waited before its first one.
        waited = [
            span for one in group if (span := self._waits.pop(id(one), None)) is not None
        ]
        for span in waited:
            span.end()
        self._commit = self._tracing.commit(waited)
        self._commit.set_attribute("vafa.facts", sum(one.taken for one in group))
        self._begin("fold")

    def folded(self) -> None:
        """See Watch."""
        self._begin("flush")

    def ended(self, outcome: str, seq: int | None = None) -> None:
        """See Watch."""
        self._end_part()
        if self._commit is not None:
            if seq is not None:
                self._commit.set_attribute("vafa.seq", seq)
            self._commit.set_attribute("vafa.outcome", outcome)
            self._commit.end()
            self._commit = None

    def _begin(self, name: str) -> None:
        self._end_part()
        if self._commit is not None:
            self._part = self._tracing.part(name, self._commit)

    def _end_part(self) -> None:
        if self._part is not None:
            self._part.end()
            self._part = None
