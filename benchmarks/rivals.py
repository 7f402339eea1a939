"""`python -m benchmarks.rivals`: the tier job as an analyst would do it today.

Points per member of `examples/complete-journey.toml` (base, private label, produce on
Tuesdays, tier, bonus from 100.00, at most 1,000 a basket) in DuckDB, Polars and numpy. The
columns lie in memory as Arrow beforehand, product flags and calendar years ready, which is
the easiest case for each: no file is read and nothing is written. No lots, no expiry, no
ledger either, so this is a lower bound of what the work costs.

Each engine runs in a process of its own, since Polars takes its threads from the environment
on import and memory is counted for a process.
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
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import msgspec
import numpy as np
import orjson
from numpy.typing import NDArray

from .tier_data import Dataset, Int64, dataset

ROOT = Path(__file__).resolve().parent.parent
COPIES = 10
"""14.7 million lines: more than any cache holds, less than a small machine's memory."""
ROUNDS = 3
TURNS = 3
TUESDAY = 1
GOLD, PLATINUM = 150_000, 400_000
MOST_A_BASKET = 1_000
DEFAULT_THREADS = 0
LIMIT_S = 600

Job = Callable[[], Int64]

DUCKDB_SQL = f"""
WITH amounts AS (
    -- 32-bit values add up faster; no line of the data is near 2^31 cents.
    SELECT basket,
        sum(net::INTEGER)::BIGINT AS e,
        sum(CASE WHEN private THEN net::INTEGER ELSE 0 END)::BIGINT AS private,
        sum(CASE WHEN produce THEN net::INTEGER ELSE 0 END)::BIGINT AS produce
    FROM lines JOIN products USING (product)
    WHERE NOT excluded
    GROUP BY basket
), sold AS (
    SELECT * FROM amounts JOIN baskets USING (basket)
), running AS (
    SELECT *, coalesce(sum(e) OVER (
        PARTITION BY member, year ORDER BY basket
        ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0)::BIGINT AS before
    FROM sold
), years AS (
    SELECT member, year + 1 AS year, sum(e)::BIGINT AS previous FROM sold GROUP BY ALL
), placed AS (
    SELECT *, greatest(before, coalesce(previous, 0)) AS reached
    FROM running LEFT JOIN years USING (member, year)
)
SELECT member, sum(least({MOST_A_BASKET},
    e // 100
    + private // 100
    + CASE WHEN weekday = {TUESDAY} THEN 2 * produce // 100 ELSE 0 END
    + CASE WHEN reached >= {PLATINUM} THEN e // 200 WHEN reached >= {GOLD} THEN e // 400 ELSE 0 END
    + CASE WHEN e >= 10000 THEN 100 ELSE 0 END))::BIGINT AS points
FROM placed GROUP BY member
"""


class Timing(msgspec.Struct, frozen=True):
    """One engine's runs. `threads` 0 is the engine's default; `peak_mb` includes the data."""

    engine: str
    threads: int
    lines: int
    seconds: list[float]
    peak_mb: int
    total: int
    digest: str

    @property
    def lines_per_s(self) -> float:
        return self.lines / median(self.seconds)


@dataclass(frozen=True, slots=True)
class Flags:
    """Factors by product number: of what is eligible, private label or produce, or not."""

    eligible: Int64
    private: Int64
    produce: Int64

    @classmethod
    def of(cls, data: Dataset) -> Flags:
        eligible = ~data.products.excluded
        return cls(
            eligible.astype(np.int64),
            (eligible & data.products.private).astype(np.int64),
            (eligible & data.products.produce).astype(np.int64),
        )


def digest(points: Int64) -> str:
    """Short hash of points by member number, to compare engines without their arrays."""
    return hashlib.sha256(np.ascontiguousarray(points, np.int64).tobytes()).hexdigest()[:16]


def _by_member(member: NDArray[Any], points: NDArray[Any], members: int) -> Int64:
    """Dense points; a member without any eligible line has none."""
    dense = np.zeros(members, np.int64)
    dense[member] = points
    return dense


def duckdb_job(data: Dataset, threads: int = DEFAULT_THREADS) -> Job:
    """A call gives points by member number."""
    import duckdb  # noqa: PLC0415

    connection = duckdb.connect()
    if threads:
        connection.execute(f"SET threads = {threads}")
    for name, table in data.tables().items():
        connection.register(name, table)

    def job() -> Int64:
        found = connection.sql(DUCKDB_SQL).fetchnumpy()
        return _by_member(found["member"], found["points"], data.members)

    return job


def polars_job(data: Dataset) -> Job:
    """As `duckdb_job`; threads are POLARS_MAX_THREADS at import.

    Product numbers are row numbers, so flags are gathered instead of joined, and the streaming
    engine is the faster one here.
    """
    import polars as pl  # noqa: PLC0415

    tables = {name: pl.DataFrame(table) for name, table in data.tables().items()}
    lines, baskets = tables["lines"].lazy(), tables["baskets"].lazy()
    flags = Flags.of(data)
    net, e, year, reached = (pl.col(name) for name in ("net", "e", "year", "reached"))

    def part(flag: Int64) -> pl.Expr:
        return net * pl.lit(pl.Series(flag)).gather(pl.col("product"))

    sold = (
        lines.select(
            "basket",
            e=part(flags.eligible),
            private=part(flags.private),
            produce=part(flags.produce),
        )
        .group_by("basket")
        .agg(pl.col("e", "private", "produce").sum())
        .sort("basket")
        .join(baskets, on="basket", maintain_order="left")
    )
    years = sold.group_by("member", (year + 1).alias("year")).agg(previous=e.sum())
    tier_extra = (
        pl.when(reached >= PLATINUM)
        .then(e // 200)
        .when(reached >= GOLD)
        .then(e // 400)
        .otherwise(0)
    )
    points = (
        e // 100
        + pl.col("private") // 100
        + pl.when(pl.col("weekday") == TUESDAY).then(2 * pl.col("produce") // 100).otherwise(0)
        + tier_extra
        + pl.when(e >= 10_000).then(100).otherwise(0)
    )
    query = (
        sold.with_columns(before=e.cum_sum().over("member", "year") - e)
        .join(years, on=["member", "year"], how="left")
        .with_columns(reached=pl.max_horizontal("before", pl.col("previous").fill_null(0)))
        .group_by("member")
        .agg(points=points.clip(upper_bound=MOST_A_BASKET).sum())
    )

    def job() -> Int64:
        found = query.collect(engine="streaming")
        return _by_member(found["member"].to_numpy(), found["points"].to_numpy(), data.members)

    return job


def numpy_job(data: Dataset) -> Job:
    """As `duckdb_job`, by one thread over the sorted columns, without any hash table."""
    flags = Flags.of(data)
    starts = data.baskets.offsets[:-1]
    member, year = data.baskets.member, data.baskets.year
    tuesday = data.baskets.weekday == TUESDAY

    def amounts(flag: Int64) -> Int64:
        return np.add.reduceat(data.lines.net * flag[data.lines.product], starts)

    def job() -> Int64:
        e, private, produce = (
            amounts(flag) for flag in (flags.eligible, flags.private, flags.produce)
        )
        group = np.flatnonzero(
            np.concatenate(([True], (member[1:] != member[:-1]) | (year[1:] != year[:-1])))
        )
        sizes = np.diff(np.append(group, len(e)))
        spent = np.cumsum(e) - e
        before = spent - np.repeat(spent[group], sizes)
        total = np.add.reduceat(e, group)
        follows = (member[group[1:]] == member[group[:-1]]) & (
            year[group[1:]] == year[group[:-1]] + 1
        )
        previous = np.concatenate(([0], np.where(follows, total[:-1], 0)))
        reached = np.maximum(before, np.repeat(previous, sizes))
        points = e // 100 + private // 100
        points += np.where(tuesday, 2 * produce // 100, 0)
        points += np.where(reached >= PLATINUM, e // 200, np.where(reached >= GOLD, e // 400, 0))
        points += np.where(e >= 10_000, 100, 0)
        summed = np.bincount(member, np.minimum(points, MOST_A_BASKET), data.members)
        return summed.astype(np.int64)  # doubles are exact far beyond any member's points

    return job


def time_job(engine: str, threads: int, data: Dataset, job: Job, rounds: int = ROUNDS) -> Timing:
    """Runs of one job in this process, after one that warms up."""
    points = job()
    seconds = []
    for _ in range(rounds):
        start = time.perf_counter()
        job()
        seconds.append(time.perf_counter() - start)
    return Timing(
        engine=engine,
        threads=threads,
        lines=len(data.lines.net),
        seconds=seconds,
        peak_mb=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10,
        total=int(points.sum()),
        digest=digest(points),
    )


def make_job(engine: str, threads: int, data: Dataset) -> Job:
    if engine == "duckdb":
        return duckdb_job(data, threads)
    if engine == "polars":
        return polars_job(data)
    return numpy_job(data)


def time_in_child(
    engine: str, threads: int, directory: str | Path | None, copies: int, rounds: int
) -> Timing:
    """One engine in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.rivals", "--only", engine]
    command += ["--threads", str(threads), "--copies", str(copies), "--rounds", str(rounds)]
    if directory is not None:
        command += ["--data", str(Path(directory).resolve())]
    environment = dict(os.environ)
    if threads:
        environment["POLARS_MAX_THREADS"] = str(threads)
    ended = subprocess.run(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, check=True, timeout=LIMIT_S
    )
    return msgspec.json.decode(ended.stdout, type=Timing)


def rivals(
    directory: str | Path | None = None,
    copies: int = COPIES,
    rounds: int = ROUNDS,
    turns: int = TURNS,
) -> list[Timing]:
    """All engines, on one thread and on their default; raises if their totals differ.

    They take turns, so that a slow minute of the machine does not strike one alone.
    """
    runs = [("duckdb", 1), ("duckdb", DEFAULT_THREADS), ("polars", 1)]
    runs += [("polars", DEFAULT_THREADS), ("numpy", 1)]
    seen: dict[tuple[str, int], list[Timing]] = {run: [] for run in runs}
    for _ in range(turns):
        for engine, threads in runs:
            seen[engine, threads].append(time_in_child(engine, threads, directory, copies, rounds))
    answers = {(timing.total, timing.digest) for turn in seen.values() for timing in turn}
    if len(answers) != 1:
        raise RuntimeError(f"engines differ: {seen}")
    return [
        msgspec.structs.replace(
            turn[0],
            seconds=[seconds for timing in turn for seconds in timing.seconds],
            peak_mb=max(timing.peak_mb for timing in turn),
        )
        for turn in seen.values()
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", help="folder of the parquet files")
    parser.add_argument("--copies", type=int, default=COPIES)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--only", choices=["duckdb", "polars", "numpy"], help="in this process")
    parser.add_argument("--threads", type=int, default=DEFAULT_THREADS, help="0: the default")
    given = parser.parse_args()
    if given.only:
        data = dataset(given.data, given.copies)
        job = make_job(given.only, given.threads, data)
        timing = time_job(given.only, given.threads, data, job, given.rounds)
        sys.stdout.buffer.write(orjson.dumps(msgspec.to_builtins(timing)))
        return
    for timing in rivals(given.data, given.copies, given.rounds):
        threads = timing.threads or "default"
        print(
            f"{timing.engine:7} threads {threads!s:8} {timing.lines_per_s / 1e6:6.1f} M lines/s "
            f"({min(timing.seconds):.2f} to {max(timing.seconds):.2f} s), "
            f"{timing.peak_mb:,} MB, {timing.total:,} points"
        )


if __name__ == "__main__":
    main()
