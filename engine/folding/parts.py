"""Plain sales of many members folded part by part: each part's rows and lots fit a cache.

As they arrived, the sales of a member stand far apart. Folded in that order each would wait for
its row and lots to come from memory; so sales are moved together first, a few members at a time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vafa.native.parts import move, part_starts
from vafa.native.rules import Rules
from vafa.native.state import State

from ..compiling.kernel_columns import PLAIN, KernelColumns

PART_BYTES = 3 << 20
"""Most of a part's rows; their lots take about as much again."""
LEAST_PARTS = 4
"""A table of fewer is nearly in the cache as it is."""
LEAST_A_PART = 1_000
"""Sales of a part, on average: with fewer the calls cost what is won."""

UInt32 = NDArray[np.uint32]

_ALIKE = ("kind", "flags", "version", "epoch", "names")
_OF_SALES = ("at", "member", "store", "terminal", "day", "minute")
_OF_LINES = ("product", "quantity", "net")


@dataclass(frozen=True, slots=True)
class Part:
    """All sales of some members, in their order, as columns of their own."""

    members: range
    """By their `roots`."""
    rows: UInt32
    """Where each stands in the batch."""
    columns: KernelColumns


@dataclass(frozen=True, slots=True)
class Parting:
    """How a batch is parted: by ranges of `roots`, 2 ** shift numbers a part."""

    columns: KernelColumns
    roots: UInt32
    order: UInt32
    shift: int
    starts: NDArray[np.int64]
    """Of each part, and the end: rows, lines, tenders."""
    n_members: int

    @property
    def largest(self) -> int:
        """Sales of the largest part."""
        return int(np.diff(self.starts[0]).max())

    def ranges(self, n: int) -> list[range]:
        """All parts in at most n ranges of about as many sales."""
        upto = self.starts[0]
        cuts = np.searchsorted(upto, upto[-1] * np.arange(1, n) // n).tolist()
        return [range(a, b) for a, b in pairwise([0, *cuts, len(upto) - 1]) if a < b]

    def parts(self, some: range) -> Iterator[Part]:
        """Some parts in their order, those without sales too; moved into memory of their own."""
        starts = self.starts[:, some.start : some.stop + 1] - self.starts[:, [some.start]]
        moved = self.moved(some)
        largest = _empty(self.columns, *np.diff(starts).max(axis=1).tolist())
        for place, part in enumerate(some):
            sales, lines, tenders = (slice(*upto) for upto in starts[:, place : place + 2].tolist())
            n = sales.stop - sales.start
            lists = slice(sales.start + place, sales.stop + place + 1)
            columns = KernelColumns(
                **{name: largest[name][:n] for name in _ALIKE},
                **{name: moved[name][sales] for name in _OF_SALES},
                **{name: moved[name][lines] for name in _OF_LINES},
                lines_from=moved["lines_from"][lists], tenders_from=moved["tenders_from"][lists],
                tender=moved["tender"][tenders],
                line=largest["line"][: lines.stop - lines.start],
                amount=largest["amount"][: tenders.stop - tenders.start],
            )  # fmt: skip
            end = min(part + 1 << self.shift, self.n_members)
            yield Part(range(part << self.shift, end), moved["rows"][sales], columns)

    def moved(self, some: range) -> dict[str, Any]:
        """Columns of some parts, part by part: see `native.parts.move`."""
        ends = self.starts[:, [some.start, some.stop]]
        sales, lines, tenders = (ends[:, 1] - ends[:, 0]).tolist()
        sizes = dict.fromkeys(_OF_SALES, sales) | dict.fromkeys(_OF_LINES, lines)
        moved = {
            name: np.empty(size, getattr(self.columns, name).dtype)
            for name, size in (sizes | {"tender": tenders}).items()
        }
        moved["rows"] = np.empty(sales, np.uint32)
        for name in ("lines_from", "tenders_from"):
            moved[name] = np.empty(sales + len(some), np.int64)
        move(
            self.columns, self.roots, self.order, self.shift, self.starts, some.start, some.stop,
            moved,
        )  # fmt: skip
        return moved


def parting_of(
    natives: Sequence[Rules], state: State, columns: KernelColumns, roots: UInt32, order: UInt32
) -> Parting | None:
    """How to part a batch; None where not all is plain sales of one plain version, or nothing
    would be won.

    `roots` are by row of the batch: one number for all members that were ever tied.
    """
    shift = max(1, PART_BYTES // (state.width * 8)).bit_length() - 1
    n_parts = (state.n_members - 1 >> shift) + 1
    if n_parts < LEAST_PARTS or len(order) < LEAST_A_PART * n_parts:
        return None
    version = columns.version[0]
    if natives[version].full or (columns.version != version).any():
        return None
    if not (columns.flags & PLAIN).all():
        return None
    starts = part_starts(columns, roots, order, shift, n_parts)
    return Parting(columns, roots, order, shift, starts, state.n_members)


def _empty(columns: KernelColumns, sales: int, lines: int, tenders: int) -> dict[str, Any]:
    """Columns in which plain sales are alike, or that a plain program does not look at."""
    return {
        "kind": np.zeros(sales, np.uint8),
        "flags": np.full(sales, PLAIN, np.uint8),
        "version": np.full(sales, columns.version[0], np.uint16),
        "epoch": np.zeros(sales, np.uint32),
        "names": np.full(sales, -1, np.int64),
        "line": np.zeros(lines, np.int32),
        "amount": np.zeros(tenders, np.int64),
    }
