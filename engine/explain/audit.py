"""Every fact of a ledger explained and held against it, members split over processes.

A process opens the ledger for itself and explains members whole, so that what is found does
not depend on how many processes there are.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from ..replica.replica import Replica
from .explain import Explainer

Tick = Callable[[int, int], None]
"""(members done, members in all)."""

PARTS = 64
"""Parts a process: members differ a hundredfold in what there is to explain."""


@dataclass
class Audit:
    """How many facts were explained, and which the ledger does not agree with: ids, member by
    member, each one's in its order."""

    facts: int = 0
    differ: list[str] = field(default_factory=list)

    def add(self, other: Audit) -> None:
        """Count the audit of further members in."""
        self.facts += other.facts
        self.differ += other.differ


def processors() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0))


def audit(ledger: Path, explainer: Explainer, processes: int, tick: Tick) -> Audit:
    """Explain every fact of every member, and every closed day that posted something for one.

    The members are those that `explainer` has. With one process it is that which explains;
    more open `ledger` apart, each as it stands by then.
    """
    total, found, done = explainer.members, Audit(), 0
    tick(0, total)
    size = -(-total // (processes * PARTS)) or 1
    parts = [range(first, min(first + size, total)) for first in range(0, total, size)]
    of_parts = (
        (of_members(explainer, part) for part in parts) if processes == 1
        else _over(processes, ledger, parts)
    )  # fmt: skip
    for part, of_part in zip(parts, of_parts, strict=True):
        found.add(of_part)
        done += len(part)
        tick(done, total)
    return found


def of_members(explainer: Explainer, members: Iterable[int]) -> Audit:
    """The audit of some members, by their numbers."""
    found = Audit()
    for told in explainer.all(members):
        found.facts += 1
        if not told.agrees:
            found.differ.append(told.id)
    return found


# -- processes -------------------------------------------------------------------------------------


def _over(processes: int, ledger: Path, parts: list[range]) -> Iterator[Audit]:
    """The audits of parts in their order."""
    # Not forked: an open LMDB environment must not be used by a child.
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(
        min(processes, len(parts)) or 1, context, signal.signal,
        (signal.SIGINT, signal.SIG_IGN),  # that of a terminal goes to all; the parent acts on it
    )
    try:
        yield from pool.map(_of_part, [ledger] * len(parts), parts)
    finally:
        pool.shutdown(cancel_futures=True)


def _of_part(ledger: Path, members: range) -> Audit:
    return of_members(_explainer(ledger), members)


@cache
def _explainer(ledger: Path) -> Explainer:
    """This process's own, for as long as it lives."""
    return Explainer(Replica.open(ledger))
