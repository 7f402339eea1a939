"""Many members folded by several threads: each takes its own members over the one state table.

Members do not meet in a fold, but for those that were ever tied, and the kernel works without
the interpreter's lock. What comes out is the same for any number of threads.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from vafa.native.fold import Closings, fold
from vafa.native.parts import in_order
from vafa.native.rules import Rules
from vafa.native.state import State

from .parts import Part, Parting, parting_of

ROWS_A_THREAD = 50_000
"""Fewer are folded sooner than they are shared out."""

UInt32 = NDArray[np.uint32]
Figures = dict[str, NDArray[Any]]
Told = TypeVar("Told")
Share = TypeVar("Share")

_POSTED = ("basket", "rule", "kind", "currency", "limit", "desired", "points")


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


def _at_once(one: Callable[[Share], Told], shares: Sequence[Share]) -> list[Told]:
    """What a function says of each share, a thread for each."""
    if len(shares) == 1:
        return [one(shares[0])]
    with ThreadPoolExecutor(len(shares), "fold") as threads:
        return list(threads.map(one, shares))


def fold_shares(
    natives: list[Rules], state: State, columns: Any, shares: list[UInt32],
    closings: Closings | None = None,
) -> list[Figures]:
    """What `native.fold` gives for each share; no member, and none tied to it, is in two."""
    return _at_once(lambda rows: fold(natives, state, columns, rows, closings), shares)


def fold_parts(
    natives: list[Rules], state: State, parting: Parting, threads: int,
    told: Callable[[Part, Figures], Told],
) -> list[Told]:
    """Fold parts by so many threads; of each what `told` makes of it and what `native.fold` gives.

    It is asked as soon as a part is folded, while its members' rows are in the cache, by the
    thread that folded it.
    """

    def some(numbers: range) -> list[Told]:
        every = np.arange(parting.largest, dtype=np.uint32)
        return [
            told(part, fold(natives, state, part.columns, every[: len(part.rows)]))
            for part in parting.parts(numbers)
        ]

    return [one for share in _at_once(some, parting.ranges(threads)) for one in share]


def _postings(part: Part, figures: Figures) -> Figures:
    """A part's postings by rows of the batch."""
    return figures | {"basket": part.rows[figures["basket"]]}


def joined(figures: list[Figures], n: int) -> Figures:
    """The postings of shares of n rows: by row, and then as they were made; closed days' by share
    and within it as `fold` gives them."""
    names = (*_POSTED, *(name for name in figures[0] if name.startswith("closed_")))
    out = {name: np.concatenate([one[name] for one in figures]) for name in names}
    if (out["basket"][1:] < out["basket"][:-1]).any():
        by_row = in_order(out["basket"], n)
        out |= {name: out[name][by_row] for name in _POSTED}
    return out


def fold_shared(
    natives: list[Rules], state: State, columns: Any, roots: UInt32, order: UInt32,
    closings: Closings | None = None, threads: int | None = None,
) -> Figures:
    """The postings of `native.fold`, by so many threads (default: as many as there are processors
    and work), as `joined` puts them."""
    if threads is None:
        threads = max(1, min(processors(), len(order) // ROWS_A_THREAD))
    parting = None if closings is not None else (
        parting_of(natives, state, columns, roots, order)
    )
    if parting is not None:
        return joined(fold_parts(natives, state, parting, threads, _postings), len(roots))
    shares = [order] if threads == 1 else shared_out(roots, order, threads)
    return joined(fold_shares(natives, state, columns, shares, closings), len(roots))
