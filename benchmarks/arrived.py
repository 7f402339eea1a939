"""The input of the whole job: sales as a journal has them, in order of arrival.

All members' baskets are mixed, each basket has its lines as a list, and nothing is worked out
beforehand: no year, no weekday, no order by member. The kernel and its rivals get these columns.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from vafa.engine.columns.columns import Facts
from vafa.loadtest.baskets import cents, data_dir

from .tier_data import Int64, Products, read_products, text_rank

APART_US = 37 * 60 * 1_000_000
"""How much earlier each further copy of the year buys: no basket is rung up twice in a row."""
ROWS_A_CHUNK = 1 << 14
"""Baskets of an Arrow chunk; engines share chunks out among their threads."""

MADE_BASKETS, MADE_MEMBERS, MADE_PRODUCTS, MADE_LINES = 5_000_000, 500_000, 20_000, 4
_MADE_FROM_US, _MADE_TO_US = 1_451_606_400_000_000, 1_514_764_800_000_000  # 2016 and 2017


@dataclass(frozen=True, slots=True)
class Arrived:
    """A row a basket, at in us since 1970 UTC; basket b has the lines lines_from[b] to
    lines_from[b + 1], each with a product number and its net in cents. Rows of one member
    stand in the member's order."""

    at: Int64
    member: NDArray[np.uint32]
    lines_from: Int64
    product: NDArray[np.uint32]
    net: Int64
    products: Products
    members: int

    def tables(self) -> dict[str, pa.Table]:
        """`sales` (seq, occurred_at, member, lines as a list) and `products` as Arrow tables."""
        line = pa.StructArray.from_arrays(
            [pa.array(self.product), pa.array(self.net)], names=["product", "net"]
        )
        sales = pa.table(
            {
                "seq": np.arange(len(self.at), dtype=np.uint32),
                "occurred_at": pa.array(self.at).cast(pa.timestamp("us")),
                "member": self.member,
                "lines": pa.ListArray.from_arrays(pa.array(self.lines_from.astype(np.int32)), line),
            }
        )
        return {
            "sales": pa.Table.from_batches(sales.to_batches(max_chunksize=ROWS_A_CHUNK)),
            "products": pa.table(
                {
                    "product": np.arange(len(self.products.sku), dtype=np.uint32),
                    "private": self.products.private,
                    "produce": self.products.produce,
                    "excluded": self.products.excluded,
                }
            ),
        }

    def facts(self) -> Facts:
        """The same columns as the kernel's, without business days, which are worked out."""
        n, lines = len(self.at), len(self.net)
        return Facts(
            at=self.at,
            member=self.member,
            store=np.zeros(n, np.uint32),
            terminal=np.zeros(n, np.uint32),
            lines_from=self.lines_from,
            line=np.zeros(lines, np.int32),
            product=self.product,
            quantity=np.full(lines, 1000, np.int64),
            net=self.net,
            tenders_from=np.zeros(n + 1, np.int64),
            tender=np.zeros(0, np.uint32),
            amount=np.zeros(0, np.int64),
            day=np.zeros(0, np.int32),
            minute=np.zeros(0, np.int16),
            kind=np.zeros(n, np.uint8),
        )


def arrived(directory: str | Path | None = None, copies: int = 1) -> Arrived:
    """The Complete Journey year so many times, each time over members of their own."""
    folder = data_dir(directory)
    table = pq.read_table(folder / "transactions.parquet")
    column = {name: table[name].to_numpy() for name in table.column_names}
    at = column["transaction_timestamp"].astype("datetime64[us]").astype(np.int64)
    # Baskets of one instant go by store, then id, as strings: the order of the rulebook.
    order = np.lexsort((text_rank(column["basket_id"]), text_rank(column["store_id"]), at))
    basket = column["basket_id"][order]
    starts = np.flatnonzero(np.concatenate(([True], basket[1:] != basket[:-1])))
    first = order[starts]
    _, member = np.unique(column["household_id"][first], return_inverse=True)
    products, product = read_products(folder, column["product_id"][order])
    households = int(member.max()) + 1
    number = np.arange(copies, dtype=np.int64)
    every_at = (at[first] - APART_US * number[:, None]).ravel()
    mixed = np.argsort(every_at, kind="stable")
    sizes = np.diff(np.append(starts, len(order)))
    rows = mixed % len(first)
    lines_from = np.concatenate(([0], np.cumsum(sizes[rows])))
    line = np.repeat(starts[rows] - lines_from[:-1], sizes[rows]) + np.arange(lines_from[-1])
    return Arrived(
        at=every_at[mixed],
        member=(member + households * number[:, None]).ravel()[mixed].astype(np.uint32),
        lines_from=lines_from,
        product=product[line].astype(np.uint32),
        net=cents(column["sales_value"][order])[line],
        products=products,
        members=households * copies,
    )


def made() -> Arrived:
    """Two years of a larger chain, drawn: 20 million lines of 500,000 members."""
    draw = np.random.default_rng(2).integers
    n, lines = MADE_BASKETS, MADE_BASKETS * MADE_LINES
    kind = draw(0, 100, MADE_PRODUCTS)
    return Arrived(
        at=np.sort(draw(_MADE_FROM_US, _MADE_TO_US, n)),
        member=draw(0, MADE_MEMBERS, n).astype(np.uint32),
        lines_from=np.arange(0, lines + 1, MADE_LINES, dtype=np.int64),
        # The lower number of two: some goods are bought more than others.
        product=np.minimum(
            draw(0, MADE_PRODUCTS, lines, np.int32), draw(0, MADE_PRODUCTS, lines, np.int32)
        ).astype(np.uint32),
        net=draw(20, 4_000, lines),
        products=Products(
            sku=np.arange(MADE_PRODUCTS),
            private=kind < 30,
            produce=(kind >= 25) & (kind < 37),
            excluded=kind >= 97,
        ),
        members=MADE_MEMBERS,
    )
