"""NDJSON bodies whose plain sales are columns: in which runs their facts are committed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from vafa.engine.facts import LoneFact
from vafa.engine.wire.arrow_sales import ArrowFacts
from vafa.native.wire import Sale

from .committer import Commits
from .decode import Block


class Run(NamedTuple):
    """Facts of members that follow each other: a block's sales from `begin` to `end`, and facts
    of other kinds or forms between them, with their lines."""

    begin: int
    end: int
    others: list[tuple[int, Sale]]


def parts_of(
    numbers: NDArray[np.int64], others: Sequence[tuple[int, Sale | LoneFact]]
) -> Iterator[Run | tuple[int, LoneFact]]:
    """Runs, and the facts between them that are commits of their own, in the order of the lines.

    `numbers` are the lines of a block's sales.
    """
    begin = 0
    between: list[tuple[int, Sale]] = []
    for number, fact in others:
        if isinstance(fact, Sale):
            between.append((number, fact))
            continue
        end = int(np.searchsorted(numbers, number))
        if end > begin or between:
            yield Run(begin, end, between)
        yield number, fact
        begin, between = end, []
    if len(numbers) > begin or between:
        yield Run(begin, len(numbers), between)


async def commit_run(
    commits: Commits, block: Block, run: Run, force: bool, language: str
) -> tuple[list[int], bytes]:
    """Commit a run: its facts' lines, and the answers to them as lines of JSON."""
    numbers = block.numbers[run.begin : run.end]
    theirs = np.array([number for number, _ in run.others], np.int64)
    every = np.sort(np.concatenate([numbers, theirs]))
    rows = np.searchsorted(every, theirs).tolist()
    others = {row: fact for row, (_, fact) in zip(rows, run.others, strict=True)}
    sales = block.sales
    if len(numbers) < len(block.numbers):
        sales = ArrowFacts.plain(sales.table.slice(run.begin, len(numbers)))
    told = await commits.lines(sales, others, every, force, language)
    return every.tolist(), told
