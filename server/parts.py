"""How many facts of a large submission go into one commit: others are served between its parts.

A fact that comes late costs a hundred times one that comes in order, and only the fold tells which
does. How many facts the next part has goes by how long the last one took.
"""

from __future__ import annotations

MOST = 8192
"""Facts of a part at most."""
FIRST = 256
"""Facts of the first part, where some may be late."""
LEAST = 32

NEVER = 2**63 - 1

RECENT_US = 3_600_000_000
"""Facts that are at most so far behind the latest one are late for few."""

PATIENCE_S = 2.0
"""A submission in several parts waits so long for one before it; then they take turns."""

LONG_S = 0.1
"""A part should take at most so long: others wait for it."""


def size_after(size: int, took: float) -> int:
    """Facts of the next part, after one of a size that took so long (seconds).

    >>> size_after(256, 1.0), size_after(256, 0.01), size_after(8192, 0.01)
    (32, 512, 8192)
    """
    if took > LONG_S:
        return max(LEAST, int(size * LONG_S / took))
    return min(MOST, 2 * size) if took < LONG_S / 2 else size
