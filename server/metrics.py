"""What /metrics shows: plain numbers that the process keeps, read when asked for."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Protocol

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

if TYPE_CHECKING:
    from vafa.engine.outbox.store import OutboxStore
    from vafa.engine.replica.replica import Replica

    from .figures import Figures


class Counted(Protocol):
    """What the collector reads of a process."""

    replica: Replica

    def outbox(self) -> OutboxStore | None:
        """The events for others; None where nobody derives any."""

    @property
    def requests(self) -> Counter[tuple[str, str, int]]:
        """Answered requests by method, path and status."""


class ServerCollector(Collector):
    """What this process has counted since it told the writer, and what the writer has, unless
    that is away: one process's part of the requests would look like all of them."""

    def __init__(self, front: Counted, figures: Figures | None) -> None:
        self._front = front
        self._figures = figures

    def collect(self) -> Iterator[Metric]:
        """Yield the families; names end in `_total` or a unit."""
        figures = self._figures
        if figures is not None:
            yield self._requests(figures)
        replica = self._front.replica
        yield GaugeMetricFamily("vafa_seq", "Highest seq of this process's state.", replica.seq)
        yield GaugeMetricFamily(
            "vafa_members", "Members known.", len(replica.dictionaries.members)
        )
        yield from self._outbox()
        if figures is None:
            return
        for name, text in (
            ("commits", "Commits flushed."),
            ("facts", "Facts committed."),
            ("replayed", "Facts that were known already."),
            ("refused", "Facts refused for form or order."),
            ("flush_seconds", "Time spent in flushes."),
            ("checkpoints", "Checkpoints written."),
            ("storage_full", "Commits refused for want of room."),
        ):
            yield CounterMetricFamily(f"vafa_{name}", text, getattr(figures, name))
        parts = HistogramMetricFamily(
            "vafa_commit_seconds", "Seconds of commits by their parts.", labels=["part"]
        )
        for part, spread in figures.parts.items():
            parts.add_metric([part], spread.up_to(), spread.seconds)
        yield parts
        yield GaugeMetricFamily(
            "vafa_queued_facts", "Facts that wait for a commit.", figures.queued
        )
        yield GaugeMetricFamily(
            "vafa_checkpoint_lag_facts", "Facts that the checkpoint does not hold yet.", figures.lag
        )

    def _outbox(self) -> Iterator[Metric]:
        """How events go out, where `vafa outbox` runs or has run."""
        store = self._front.outbox()
        if store is None:
            return
        standing = store.standing(time.time())
        for name, text, value in (
            ("seq", "Seq up to which the events of the outbox are derived.", standing.position),
            ("failing_receivers", "Receivers that did not take the last event sent.",
             standing.failing),
            ("dead_letters", "Events that a receiver never took.", standing.dead),
        ):  # fmt: skip
            yield GaugeMetricFamily(f"vafa_outbox_{name}", text, value)

    def _requests(self, figures: Figures) -> Metric:
        told = CounterMetricFamily(
            "vafa_http_requests",
            "Requests by method, path and status.",
            labels=["method", "path", "status"],
        )
        counted = self._front.requests + Counter(figures.requests)
        for (method, path, status), count in sorted(counted.items()):
            told.add_metric([method, path, str(status)], count)
        return told
