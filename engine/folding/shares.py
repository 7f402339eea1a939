"""Many members folded by several threads: each takes its own members over the one state table.

Members do not meet in a fold, but for those that were ever tied, and the kernel works without
the interpreter's lock. What comes out is the same for any number of threads.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vafa.native.fold import Closings, fold
from vafa.native.rules import Rules
from vafa.native.state import State

ROWS_A_THREAD = 50_000
"""Fewer are folded sooner than they are shared out."""

UInt32 = NDArray[np.uint32]


def processors() -> int:
    """How many threads can run at once."""
    return len(os.sched_getaffinity(0))


def shared_out(roots: UInt32, order: UInt32, threads: int) -> list[UInt32]:
    """The rows of an order in at most so many shares of about one size, by ranges of members.

    `roots` are by row of the batch: one number for all members that were ever tied.
    """
    member = roots[order]
    upto = np.cumsum(np.bincount(member))
    share = (upto - 1) * threads // max(1, len(order))
    of_row = share[member]
    shares = [order[of_row == number] for number in range(threads)]
    return [rows for rows in shares if len(rows)]


def fold_shares(
    natives: list[Rules], state: State, columns: Any, shares: list[UInt32],
    closings: Closings | None = None,
) -> list[dict[str, NDArray[Any]]]:
    """What `native.fold` gives for each share; no member, and none tied to it, is in two."""

    def one(rows: UInt32) -> dict[str, NDArray[Any]]:
        return fold(natives, state, columns, rows, closings)

    if len(shares) == 1:
        return [one(shares[0])]
    with ThreadPoolExecutor(len(shares), "fold") as threads:
        return list(threads.map(one, shares))


def joined(
    shares: list[UInt32], figures: list[dict[str, NDArray[Any]]]
) -> dict[str, NDArray[Any]]:
    """The figures of shares as those of one fold; postings stand by row, then as they were made."""
    out = dict(figures[0])
    for name, first in figures[0].items():
        if name in _POSTED or name.startswith("closed_"):
            out[name] = np.concatenate([one[name] for one in figures])
            continue
        for rows, one in zip(shares[1:], figures[1:], strict=True):
            first[rows] = one[name][rows]
    by_row = np.argsort(out["basket"], kind="stable")
    for name in _POSTED:
        out[name] = out[name][by_row]
    return out


_POSTED = ("basket", "rule", "kind", "currency", "limit", "desired", "points")


def fold_shared(
    natives: list[Rules], state: State, columns: Any, roots: UInt32, order: UInt32,
    closings: Closings | None = None, threads: int | None = None,
) -> dict[str, NDArray[Any]]:
    """As `native.fold`, by so many threads (default: as many as there are processors and work).

    Postings stand by row, closed days' postings by share and within it as `fold` gives them.
    """
    if threads is None:
        threads = max(1, min(processors(), len(order) // ROWS_A_THREAD))
    if threads == 1:
        return fold(natives, state, columns, order, closings)
    shares = shared_out(roots, order, threads)
    return joined(shares, fold_shares(natives, state, columns, shares, closings))
