"""The whole job in DuckDB and Polars: what the kernel does with the demo program.

From sales as they arrived to the figures of each member: points by rule after the basket's cap
(cut from the last rule backwards), what was cut, issued, expired and active on a date, the tier
then, and how often it rose. Nothing is spent in it, so that lots come down to their dates:
no analyst would keep lots for it, and these queries do not.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .arrived import Arrived

RULES = ("base", "private", "produce", "tier", "hundred")
FIGURES = (
    *(f"by_{rule}" for rule in RULES), "cut", "issued", "expired", "active", "tier", "upgrades",
)  # fmt: skip
"""Columns of an answer: int64[members, figures], in points; a tier is its place in the ladder."""

AS_OF = dt.datetime(2018, 1, 1, 12, tzinfo=dt.UTC)
TIERS = (50_000, 150_000, 400_000)
"""Spend of a calendar year, in cents, that reaches silver, gold and platinum."""
SILVER, GOLD, PLATINUM = TIERS
MOST_A_BASKET = 1_000
TUESDAY = 2

Answer = NDArray[np.int64]
Job = Callable[[], Answer]


def _rung(spent: str) -> str:
    return f"(({spent} >= {SILVER})::INTEGER + ({spent} >= {GOLD})::INTEGER" + (
        f" + ({spent} >= {PLATINUM})::INTEGER)"
    )


DUCKDB_SQL = f"""
WITH amounts AS (
    -- 32-bit values add up faster; no line of the data is near 2^31 cents.
    SELECT seq,
        sum(net::INTEGER)::BIGINT AS e,
        sum(CASE WHEN private THEN net::INTEGER ELSE 0 END)::BIGINT AS private,
        sum(CASE WHEN produce THEN net::INTEGER ELSE 0 END)::BIGINT AS produce
    FROM (SELECT seq, unnest(lines, recursive := true) FROM sales) JOIN products USING (product)
    WHERE NOT excluded
    GROUP BY seq
), sold AS (
    SELECT seq, member, year(occurred_at) AS year, isodow(occurred_at) AS weekday,
        occurred_at::DATE + INTERVAL 6 MONTH < DATE '{AS_OF:%Y-%m-%d}' AS gone, e, private, produce
    FROM amounts JOIN sales USING (seq)
    WHERE e > 0
), running AS (
    SELECT *, sum(e) OVER (
        PARTITION BY member, year ORDER BY seq
        ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)::BIGINT AS upto
    FROM sold
), years AS (
    SELECT member, year + 1 AS year, sum(e)::BIGINT AS previous FROM sold GROUP BY ALL
), placed AS (
    SELECT *, greatest(upto - e, coalesce(previous, 0)) AS before,
        greatest(upto, coalesce(previous, 0)) AS after
    FROM running LEFT JOIN years USING (member, year)
), wanted AS (
    -- Each with the rules before it, so that the cap is a least() and a difference of sums.
    SELECT member, year, upto, gone, before, after,
        e // 100 AS to_base,
        to_base + private // 100 AS to_private,
        to_private + CASE WHEN weekday = {TUESDAY} THEN 2 * produce // 100 ELSE 0 END AS to_produce,
        to_produce + CASE WHEN before >= {PLATINUM} THEN e // 200
            WHEN before >= {GOLD} THEN e // 400 ELSE 0 END AS to_tier,
        to_tier + CASE WHEN e >= 10000 THEN 100 ELSE 0 END AS to_hundred
    FROM placed
), members AS (
    SELECT member,
        sum(least(to_base, {MOST_A_BASKET}))::BIGINT AS base,
        sum(least(to_private, {MOST_A_BASKET}))::BIGINT AS private,
        sum(least(to_produce, {MOST_A_BASKET}))::BIGINT AS produce,
        sum(least(to_tier, {MOST_A_BASKET}))::BIGINT AS tier,
        sum(least(to_hundred, {MOST_A_BASKET}))::BIGINT AS issued,
        sum(to_hundred)::BIGINT AS wanted,
        sum(CASE WHEN gone THEN least(to_hundred, {MOST_A_BASKET}) ELSE 0 END)::BIGINT AS expired,
        max(CASE WHEN year >= {AS_OF.year - 1} THEN upto ELSE 0 END) AS spent,
        sum({_rung("after")} > {_rung("before")})::BIGINT AS upgrades
    FROM wanted GROUP BY member
)
SELECT member, base AS by_base, private - base AS by_private, produce - private AS by_produce,
    tier - produce AS by_tier, issued - tier AS by_hundred, wanted - issued AS cut,
    issued, expired, issued - expired AS active, {_rung("spent")} AS tier, upgrades
FROM members
"""


def answer(found: dict[str, NDArray[Any]], members: int) -> Answer:
    """The figures by member number; a member who has bought nothing eligible has zeros."""
    dense = np.zeros((members, len(FIGURES)), np.int64)
    for place, name in enumerate(FIGURES):
        dense[found["member"], place] = found[name]
    return dense


def duckdb_job(data: Arrived, threads: int) -> Job:
    """The query over the Arrow columns as they are."""
    import duckdb  # noqa: PLC0415

    connection = duckdb.connect()
    connection.execute(f"SET threads = {threads}")
    for name, table in data.tables().items():
        connection.register(name, table)

    def job() -> Answer:
        return answer(connection.sql(DUCKDB_SQL).fetchnumpy(), data.members)

    return job


def polars_job(data: Arrived) -> Job:
    """As `duckdb_job`, lazily, by the streaming engine; threads are POLARS_MAX_THREADS at import.

    Product numbers are row numbers, so flags are gathered instead of joined.
    """
    import polars as pl  # noqa: PLC0415

    tables = {name: pl.DataFrame(table) for name, table in data.tables().items()}
    sales, products = tables["sales"].lazy(), tables["products"]
    eligible = (~products["excluded"]).cast(pl.Int64)
    net, e, year, upto = (pl.col(name) for name in ("net", "e", "year", "upto"))
    before, after, issued = (pl.col(name) for name in ("before", "after", "issued"))

    def part(flag: pl.Series) -> pl.Expr:
        return net * pl.lit(flag).gather(pl.col("product"))

    def rung(spent: pl.Expr) -> pl.Expr:
        return pl.sum_horizontal(*((spent >= least).cast(pl.Int8) for least in TIERS))

    sold = (
        sales.select("seq", "lines")
        .explode("lines")
        .unnest("lines")
        .select(
            "seq",
            e=part(eligible),
            private=part(eligible * products["private"]),
            produce=part(eligible * products["produce"]),
        )
        .group_by("seq")
        .agg(pl.col("e", "private", "produce").sum())
        .filter(e > 0)
        .sort("seq")
        .join(sales.select("seq", "member", "occurred_at"), on="seq", maintain_order="left")
        .with_columns(
            year=pl.col("occurred_at").dt.year(),
            weekday=pl.col("occurred_at").dt.weekday(),
            gone=pl.col("occurred_at").dt.date().dt.offset_by("6mo") < AS_OF.date(),
        )
    )
    years = sold.group_by("member", (year + 1).alias("year")).agg(previous=e.sum())
    wanted = [
        e // 100,
        pl.col("private") // 100,
        pl.when(pl.col("weekday") == TUESDAY).then(2 * pl.col("produce") // 100).otherwise(0),
        pl.when(before >= PLATINUM)
        .then(e // 200)
        .when(before >= GOLD)
        .then(e // 400)
        .otherwise(0),
        pl.when(e >= 10_000).then(100).otherwise(0),
    ]
    # Each with the rules before it, so that the cap is a clip and a difference of sums.
    upto_rule = {f"to_{rule}": sum(wanted[: n + 1], pl.lit(0)) for n, rule in enumerate(RULES)}
    capped = {name: pl.col(name).clip(upper_bound=MOST_A_BASKET) for name in upto_rule}
    query = (
        sold.with_columns(upto=e.cum_sum().over("member", "year"))
        .join(years, on=["member", "year"], how="left")
        .with_columns(previous=pl.col("previous").fill_null(0))
        .with_columns(
            before=pl.max_horizontal(upto - e, "previous"),
            after=pl.max_horizontal(upto, "previous"),
        )
        .with_columns(**upto_rule)
        .group_by("member")
        .agg(
            **{name: points.sum() for name, points in capped.items()},
            wanted=pl.col("to_hundred").sum(),
            expired=pl.when("gone").then(capped["to_hundred"]).otherwise(0).sum(),
            spent=pl.when(year >= AS_OF.year - 1).then(upto).otherwise(0).max(),
            upgrades=(rung(after) > rung(before)).sum(),
        )
        .with_columns(issued=pl.col("to_hundred"))
        .select(
            "member", "issued", "expired", "upgrades", by_base="to_base",
            **{
                f"by_{rule}": pl.col(f"to_{rule}") - pl.col(f"to_{last}")
                for last, rule in pairwise(RULES)
            },
            cut=pl.col("wanted") - issued, active=issued - pl.col("expired"),
            tier=rung(pl.col("spent")),
        )
    )  # fmt: skip

    def job() -> Answer:
        found = query.collect(engine="streaming")
        return answer({name: found[name].to_numpy() for name in found.columns}, data.members)

    return job
