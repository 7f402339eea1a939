"""What /metrics shows: plain numbers that the process keeps, read when asked for."""

from __future__ import annotations

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
    from collections import Counter

    from vafa.engine.replica.replica import Replica

    from .figures import Figures


class Counted(Protocol):
    """What the collector reads of a process."""

    replica: Replica
    requests: Counter[tuple[str, str, int]]


class ServerCollector(Collector):
    """Request counts of this process, and what the writer has counted, unless it is away."""

    def __init__(self, front: Counted, figures: Figures | None) -> None:
        self._front = front
        self._figures = figures

    def collect(self) -> Iterator[Metric]:
        """Yield the families; names end in `_total` or a unit."""
        requests = CounterMetricFamily(
            "vafa_http_requests",
            "Requests by method, path and status.",
            labels=["method", "path", "status"],
        )
        for (method, path, status), count in sorted(self._front.requests.items()):
            requests.add_metric([method, path, str(status)], count)
        yield requests
        replica = self._front.replica
        yield GaugeMetricFamily("vafa_seq", "Highest seq of this process's state.", replica.seq)
        yield GaugeMetricFamily(
            "vafa_members", "Members known.", len(replica.dictionaries.members)
        )
        figures = self._figures
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
