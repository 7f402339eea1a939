"""Kernel and reference side by side on one drawn case, and a run over very many of them.

One example is the history of one member: a case is a program with the histories of some
members, which share what is slow to make. `python -m tests.differential 1000000` draws so
many histories over all processors and writes the result to docs/differential.md
(`make differential`). A run is parts of so many histories each, every one drawn from a number
of its own: the same cases whatever the number of processes.
"""

from __future__ import annotations

import argparse
import datetime as dt
import gc
import math
import multiprocessing
import os
import platform
import random
import re
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from . import (
    differential_cases,
    engine_driver,
    random_together,
    reference_driver,
    shrink,
    strategies,
    together,
)
from .cases import Case, row
from .outcomes import differences, final_differences, settled

RESULT = Path(__file__).parent.parent / "docs" / "differential.md"
WHOLE = 12
"""Of so many cases one goes fact by fact: every decision, answer and balance is compared.

The others go in batches, and what their facts came to in the end is compared, and their
members on later days: the reference takes twenty times as long for the decisions.
"""
MEMBERS = (8, 1, 2, 6, 12, 16, 24, 32)
"""Members of a case: to make its program takes as long as six of them."""
PART = 500
"""Histories that one number draws."""
TOGETHER = 100
"""After so many histories comes a case in which referrals, claims, merges and households meet.

They are drawn apart and count as no histories (see `together`).
"""


def whole_differences(case: Case) -> list[str]:
    """Differences of a case, its facts one by one, in all that is told."""
    one_by_one = Case(case.name, case.programs, case.facts, (1,))
    ledger = settled(engine_driver.run(one_by_one), case)
    return list(differences(ledger, settled(reference_driver.run(one_by_one), case)))


def end_differences(case: Case) -> list[str]:
    """Differences of a case in its batches, in what all came to in the end."""
    ledger = engine_driver.run(case)
    reference = reference_driver.settled_run(case, ledger)
    return list(final_differences(settled(ledger, case), settled(reference, case)))


def of_one_case(case: Case, whole: bool) -> list[str]:
    """Differences of a case; an error of either side is one."""
    try:
        return whole_differences(case) if whole else end_differences(case)
    except Exception as error:
        return [f"{type(error).__name__}: {error}"]


def case_of(seed: bytes) -> Case:
    """The case of a seed."""
    return strategies.case_of(seed, members=MEMBERS)


def is_whole(seed: bytes) -> bool:
    """Whether the case of a seed goes fact by fact."""
    return seed[0] % WHOLE == 0


def explained(case: Case, differ: Callable[[Case], list[str]], most: int = 400) -> str:
    """A failing case made small, as a row to keep, with its differences."""
    found = differ(case)
    if not found:
        return "nothing differs"
    wanted = subject(found)

    def fails(smaller: Case) -> bool:
        found = differ(smaller)
        return bool(found) and subject(found) == wanted

    small = shrink.minimise(case, fails, most)
    return f"{row(small)}\n" + "\n".join(differ(small)[:3])


def of_one_together(case: Case) -> list[str]:
    """As `of_one_case`, of a case of `random_together`."""
    try:
        return together.differences(case)
    except Exception as error:
        return [f"{type(error).__name__}: {error}"]


def shown(name: str) -> str:
    """The case that a failure names, made small, with its differences."""
    kind, _, text = name.rpartition(" ")
    seed = bytes.fromhex(text)
    if not kind:
        return explained(case_of(seed), partial(of_one_case, whole=is_whole(seed)))
    return explained(random_together.case_of(seed), of_one_together)


def subject(found: list[str]) -> str:
    """What the first difference is about, whatever the fact."""
    parts = found[0].split("\n")[0].split(": ")
    return parts[1] if len(parts) > 1 else parts[0]


# -- very many -----------------------------------------------------------------------------------


@dataclass
class Tally:
    """What came of many cases: examples tried, and failing seeds by what differs."""

    examples: int = 0
    cases: int = 0
    whole: int = 0
    together: int = 0
    failures: Counter[str] = field(default_factory=Counter)
    seeds: dict[str, str] = field(default_factory=dict)

    def add(self, other: Tally) -> None:
        """What came of further cases; the first seed of each difference is kept."""
        self.examples += other.examples
        self.cases += other.cases
        self.whole += other.whole
        self.together += other.together
        self.failures += other.failures
        self.seeds = other.seeds | self.seeds

    def fail(self, found: list[str], seed: str) -> None:
        """Count a case that differs; of those that do so alike the first seed is kept."""
        name = subject(found)
        self.failures[name] += 1
        self.seeds.setdefault(name, seed)


def many(number: int, histories: int) -> Tally:
    """Draw so many members' histories from a number."""
    draw, tally = random.Random(number), Tally()
    while tally.examples < histories:
        seed = draw.randbytes(16)
        case, whole = case_of(seed), is_whole(seed)
        found = of_one_case(case, whole)
        tally.examples += len(case.members())
        tally.cases += 1
        tally.whole += whole
        if found:
            tally.fail(found, seed.hex())
    draw = random.Random(f"together {number}")
    while tally.together < tally.examples // TOGETHER:
        seed = draw.randbytes(16)
        tally.together += 1
        if found := of_one_together(random_together.case_of(seed)):
            tally.fail(found, f"together {seed.hex()}")
    return tally


def _begin() -> None:
    # Cases make few circles and many objects: the collector took a tenth of the time.
    gc.disable()


def _task(numbers: tuple[int, int]) -> Tally:
    tally = many(*numbers)
    # The tables of a program hang in a circle: half a megabyte a case.
    gc.collect()
    return tally


def over_processes(
    histories: int, number: int, part: int = PART, processes: int | None = None,
    minutes: float = math.inf,
) -> Tally:
    """Histories in parts over processes, all processors without a number; says how far it is.

    After so many minutes it is told what came of the first parts: those that are done by then
    and have none before them that is not.
    """
    parts = [(number + place, part) for place in range(-(-histories // part))]
    total, began = Tally(), time.monotonic()
    # Not forked: a library's threads may hold a lock.
    context = multiprocessing.get_context("spawn")
    workers = min(processes or os.cpu_count() or 1, len(parts))
    # Not a pool of multiprocessing's: it waits for ever for a process that was killed.
    with ProcessPoolExecutor(workers, context, _begin) as pool:
        for tally in pool.map(_task, parts):
            total.add(tally)
            for name, seed in tally.seeds.items():
                print(f"seed {seed} differs: {name}", flush=True)
            seconds = time.monotonic() - began
            print(f"{total.examples} of {histories}, {seconds:.0f} s, "
                  f"{sum(total.failures.values())} cases differ", flush=True)  # fmt: skip
            if seconds > minutes * 60:
                pool.shutdown(wait=False, cancel_futures=True)
                break
    return total


def result(total: Tally, number: int, seconds: float, earlier: Sequence[str] = ()) -> str:
    """docs/differential.md: the last long run, and rows of earlier ones."""
    open_rows = [kept for kept in differential_cases.rows() if kept.open]
    lines = [
        "# Kernel and reference",
        "",
        "The native kernel is held against a plain-Python reference that was written apart, on "
        "random programs that use all of the format together and random histories of every kind "
        "of fact. One example is the history of one member, 3 to 14 facts; a case is a program "
        f"with {min(MEMBERS)} to {max(MEMBERS)} of them (to 16 before seed 300000, to 8 before "
        f"100000). One case in {WHOLE} goes fact by fact: each answer's status, reason, postings, "
        "balances and tier are compared; the others go in batches, and what every fact came to "
        "and every member on six later days is compared.",
        "",
        f"After every {TOGETHER} histories comes a case in which referrals, claims, merges and "
        "households meet; its facts are read back from the journal, replayed, and played by the "
        "reference.",
        "",
        "`make differential` makes this page. A failing case is made small and kept in "
        "`tests/rows`.",
        "",
        "| date | machine | seed | examples | cases | fact by fact | meeting | cases that differ "
        "| minutes |",
        "|---|---|---|---|---|---|---|---|---|",
        f"| {dt.datetime.now(dt.UTC):%Y-%m-%d} | {platform.machine()}, {os.cpu_count()} cores "
        f"| {number} | {total.examples:,} | {total.cases:,} | {total.whole:,} "
        f"| {total.together:,} "
        f"| {sum(total.failures.values()):,} | {seconds / 60:.0f} |",
        *earlier,
    ]
    if open_rows:
        lines += ["", "## What is open", ""]
        lines += [f"- {kept.title} ({kept.open})" for kept in open_rows]
    return "\n".join(lines) + "\n"


def earlier_rows() -> list[str]:
    """The runs that docs/differential.md tells of."""
    lines = RESULT.read_text(encoding="utf-8").splitlines() if RESULT.exists() else []
    return [line for line in lines if re.match(r"\| \d{4}-", line)]


def passing(number: int, cases: int) -> list[str]:
    """Seeds in hex of so many cases that do not differ, drawn from a number."""
    draw = random.Random(number)
    found: list[str] = []
    while len(found) < cases:
        seed = draw.randbytes(16)
        if not of_one_case(case_of(seed), is_whole(seed)):
            found.append(seed.hex())
    return found


def still_pass(seeds: list[str]) -> str | None:
    """The first difference in cases that had none, or nothing."""
    for text in seeds:
        seed = bytes.fromhex(text)
        found = of_one_case(case_of(seed), is_whole(seed))
        if found:
            return f"seed {text}: {subject(found)}"
    return None


def main() -> None:
    """Run very many and write the result."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("histories", type=int, nargs="?", default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--processes", type=int, help="not one a processor but so many")
    parser.add_argument("--minutes", type=float, default=math.inf, help="end after so many")
    parser.add_argument("--show", help="a seed as a failure tells it: its case")
    parser.add_argument("--passing", type=int, help="print so many seeds that do not differ")
    parser.add_argument("--still", type=Path, help="a file of such seeds: they must not differ")
    arguments = parser.parse_args()
    if arguments.passing:
        print("\n".join(passing(arguments.seed, arguments.passing)))
        return
    if arguments.still:
        sys.exit(still_pass(arguments.still.read_text(encoding="utf-8").split()))
    if arguments.show:
        print(shown(arguments.show))
        return
    began = time.monotonic()
    total = over_processes(
        arguments.histories, arguments.seed, processes=arguments.processes,
        minutes=arguments.minutes,
    )
    told = result(total, arguments.seed, time.monotonic() - began, earlier_rows())
    RESULT.write_text(told, encoding="utf-8")
    for name, count in total.failures.most_common():
        print(f"{count} {name}: python -m tests.differential --show '{total.seeds[name]}'")
    sys.exit(bool(total.failures))


if __name__ == "__main__":
    main()
