"""Memory of a process that has to answer in milliseconds."""

from __future__ import annotations

import ctypes

import pyarrow as pa

_PR_SET_THP_DISABLE = 41


def steady_memory() -> None:
    """Take memory in small pages, from one allocator that keeps it.

    The first touch of a large page costs as much as five hundred small ones, at once: where the
    host backs it only then, 8 ms of a commit. Arrow's own allocator asks for large pages and gives
    them back when it has been idle for 10 ms, so that a till pays for them again.
    """
    pa.set_memory_pool(pa.system_memory_pool())
    prctl = getattr(ctypes.CDLL(None), "prctl", None)
    if prctl is not None:
        # Where the kernel refuses, there is nothing to disable.
        prctl(_PR_SET_THP_DISABLE, 1, 0, 0, 0)
