"""`python -m benchmarks.rivals`: the demo program's job as an analyst would do it today.

Two jobs. The whole one (`whole_job.py`) is what the kernel does: from sales as they arrived to
the figures of each member; engines must agree in every figure. The light one (`light_job.py`) is
points alone, over columns that were made for it. The data lie in memory as Arrow beforehand: no
file is read and nothing is written.

Each engine runs in a process of its own, since Polars takes its threads from the environment
on import and memory is counted for a process. Beside the clock's seconds stand the processor's:
on a busy machine only these tell two engines apart.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import msgspec
import numpy as np
import orjson
from numpy.typing import NDArray

from vafa.engine.folding.shares import processors

from .arrived import arrived, made
from .light_job import duckdb_job as duckdb_light
from .light_job import numpy_job as numpy_light
from .light_job import polars_job as polars_light
from .tier_data import dataset
from .whole_job import duckdb_job, polars_job
from .whole_kernel import kernel_job

ROOT = Path(__file__).resolve().parent.parent
COPIES = 10
"""14.7 million lines: more than any cache holds, less than a small machine's memory."""
ROUNDS = 3
TURNS = 3
LIMIT_S = 600

KEEP_MEMORY = {
    "MALLOC_MMAP_THRESHOLD_": str(1 << 32),
    "MALLOC_TRIM_THRESHOLD_": str(1 << 34),
}
"""Memory of one round is kept for the next, as DuckDB's and Polars' own allocators do."""

Job = Callable[[], NDArray[np.int64]]


class Run(msgspec.Struct, frozen=True):
    """A job by an engine on so many threads."""

    job: str
    engine: str
    threads: int


class Timing(msgspec.Struct, frozen=True):
    """One run's rounds, by the clock and by the processors; `peak_mb` includes the data."""

    run: Run
    lines: int
    seconds: list[float]
    cpu_seconds: list[float]
    peak_mb: int
    digest: str

    @property
    def lines_per_s(self) -> float:
        return self.lines / median(self.seconds)

    @property
    def lines_per_cpu_s(self) -> float:
        return self.lines / median(self.cpu_seconds)


def digest(answer: NDArray[np.int64]) -> str:
    """Short hash of an answer, to compare engines without their arrays."""
    return hashlib.sha256(np.ascontiguousarray(answer, np.int64).tobytes()).hexdigest()[:16]


def whole_runs() -> list[Run]:
    """Every engine on one thread and on all processors."""
    return [
        Run("whole", engine, threads)
        for threads in sorted({1, processors()})
        for engine in ("kernel", "duckdb", "polars")
    ]


def light_runs() -> list[Run]:
    """The light job, which the kernel has no part in."""
    return [Run("light", "duckdb", processors()), Run("light", "polars", processors()),
            Run("light", "numpy", 1)]  # fmt: skip


def prepared(run: Run, directory: str | Path | None, copies: int) -> tuple[Job, int]:
    """The job over its data, 0 copies for the drawn ones, and its lines."""
    if run.job == "light":
        year = dataset(directory, copies)
        light = {
            "duckdb": lambda: duckdb_light(year, run.threads),
            "polars": lambda: polars_light(year),
            "numpy": lambda: numpy_light(year),
        }
        return light[run.engine](), len(year.lines.net)
    sales = arrived(directory, copies) if copies else made()
    whole = {
        "kernel": lambda: kernel_job(sales, run.threads),
        "duckdb": lambda: duckdb_job(sales, run.threads),
        "polars": lambda: polars_job(sales),
    }
    return whole[run.engine](), len(sales.net)


def time_here(run: Run, directory: str | Path | None, copies: int, rounds: int) -> Timing:
    """Rounds of one run in this process, after one that warms up."""
    job, lines = prepared(run, directory, copies)
    answer = job()
    seconds, cpu_seconds = [], []
    for _ in range(rounds):
        start, used = time.perf_counter(), time.process_time()
        job()
        seconds.append(time.perf_counter() - start)
        cpu_seconds.append(time.process_time() - used)
    return Timing(
        run=run,
        lines=lines,
        seconds=seconds,
        cpu_seconds=cpu_seconds,
        peak_mb=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10,
        digest=digest(answer),
    )


def time_in_child(
    run: Run, directory: str | Path | None, copies: int, rounds: int
) -> Timing:
    """One run in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.rivals", "--only", run.engine, "--job", run.job]
    command += ["--threads", str(run.threads), "--copies", str(copies), "--rounds", str(rounds)]
    if directory is not None:
        command += ["--data", str(Path(directory).resolve())]
    environment = {**os.environ, **KEEP_MEMORY, "POLARS_MAX_THREADS": str(run.threads)}
    ended = subprocess.run(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, check=True, timeout=LIMIT_S
    )
    return msgspec.json.decode(ended.stdout, type=Timing)


def rivals(
    runs: list[Run], directory: str | Path | None, copies: int, rounds: int, turns: int
) -> list[Timing]:
    """All runs of one job; raises RuntimeError if their answers differ.

    They take turns, so that a slow minute of the machine does not strike one alone.
    """
    seen: dict[Run, list[Timing]] = {run: [] for run in runs}
    for _ in range(turns):
        for run in runs:
            seen[run].append(time_in_child(run, directory, copies, rounds))
    if len({timing.digest for turn in seen.values() for timing in turn}) != 1:
        raise RuntimeError(f"engines differ: {seen}")
    return [
        msgspec.structs.replace(
            turn[0],
            seconds=[seconds for timing in turn for seconds in timing.seconds],
            cpu_seconds=[seconds for timing in turn for seconds in timing.cpu_seconds],
            peak_mb=max(timing.peak_mb for timing in turn),
        )
        for turn in seen.values()
    ]


def main() -> None:
    """Measure and print; with `--only`, one run in this process as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", help="folder of the parquet files")
    parser.add_argument(
        "--copies", type=int, default=COPIES,
        help="years; 0: 20 million drawn lines of 500,000 members",
    )
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--turns", type=int, default=TURNS)
    parser.add_argument("--job", choices=["whole", "light"], default="whole")
    parser.add_argument("--only", choices=["kernel", "duckdb", "polars", "numpy"])
    parser.add_argument("--threads", type=int, default=1, help="of --only")
    given = parser.parse_args()
    if given.only:
        run = Run(given.job, given.only, given.threads)
        timing = time_here(run, given.data, given.copies, given.rounds)
        sys.stdout.buffer.write(orjson.dumps(msgspec.to_builtins(timing)))
        return
    runs = whole_runs() if given.job == "whole" else light_runs()
    for timing in rivals(runs, given.data, given.copies, given.rounds, given.turns):
        print(
            f"{timing.run.engine:7} threads {timing.run.threads} "
            f"{timing.lines_per_s / 1e6:6.1f} M lines/s "
            f"({min(timing.seconds):.2f} to {max(timing.seconds):.2f} s), "
            f"{timing.lines_per_cpu_s / 1e6:6.1f} M a processor second, {timing.peak_mb:,} MB"
        )


if __name__ == "__main__":
    main()
