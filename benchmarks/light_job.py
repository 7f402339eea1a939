"""A light job beside the kernel's: points of each member alone, from columns made for it.

Lines and baskets stand sorted by member, then time, baskets are numbered, and product flags,
years and weekdays are ready: the easiest case for DuckDB, Polars and numpy, and less than half of
what `whole_job` asks. No lots, no expiry, nothing by rule.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .tier_data import Dataset, Int64

TUESDAY = 1
GOLD, PLATINUM = 150_000, 400_000
MOST_A_BASKET = 1_000

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


def _by_member(member: NDArray[Any], points: NDArray[Any], members: int) -> Int64:
    """Dense points; a member without any eligible line has none."""
    dense = np.zeros(members, np.int64)
    dense[member] = points
    return dense


def duckdb_job(data: Dataset, threads: int) -> Job:
    """A call gives points by member number."""
    import duckdb  # noqa: PLC0415

    connection = duckdb.connect()
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
