"""What the writer counts for /metrics."""

from __future__ import annotations

from bisect import bisect_left

import msgspec

BOUNDS_S = (
    0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0,
)  # fmt: skip

PARTS = ("queue", "fold", "flush", "tell")
"""Where a fact is until its answer: how long the first of a commit waited, what came then."""


def _none() -> list[int]:
    return [0] * (len(BOUNDS_S) + 1)


class Spread(msgspec.Struct):
    """`counts` up to each of `BOUNDS_S` and beyond the last, `seconds` in all."""

    counts: list[int] = msgspec.field(default_factory=_none)
    seconds: float = 0.0

    def add(self, seconds: float) -> None:
        """Something took so long."""
        self.counts[bisect_left(BOUNDS_S, seconds)] += 1
        self.seconds += seconds

    def up_to(self) -> list[tuple[str, int]]:
        """(bound, how many took at most so long), as Prometheus has them."""
        told, so_far = [], 0
        for bound, count in zip((*map(str, BOUNDS_S), "+Inf"), self.counts, strict=True):
            so_far += count
            told.append((bound, so_far))
        return told


Requests = dict[tuple[str, str, int], int]
"""How many requests were answered, by method, path and status."""


class Figures(msgspec.Struct):
    """What the writer has counted since its start."""

    commits: int = 0
    facts: int = 0
    refused: int = 0
    replayed: int = 0
    flush_seconds: float = 0.0
    checkpoints: int = 0
    storage_full: int = 0
    queued: int = 0
    lag: int = 0
    """Facts that the checkpoint does not hold yet."""
    parts: dict[str, Spread] = msgspec.field(
        default_factory=lambda: {part: Spread() for part in PARTS}
    )
    """Seconds of commits of members' facts, by `PARTS`."""
    requests: Requests = {}
    """What the front ends have told it of their requests."""

    def add_requests(self, requests: Requests) -> None:
        """A front end tells of requests that it has answered since it last did."""
        for kind, count in requests.items():
            self.requests[kind] = self.requests.get(kind, 0) + count
