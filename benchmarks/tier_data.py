"""The tier job's input: the Complete Journey year, repeated over members of their own.

Columns as an analyst would have them in memory, sorted by member, then time.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from vafa.loadtest.baskets import cents, data_dir

DAY_NS = 86_400_000_000_000
EXCLUDED = ("FUEL", "COUPON")

Int64 = NDArray[np.int64]
Int32 = NDArray[np.int32]
Int8 = NDArray[np.int8]
Bool = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Lines:
    """A row a line, in basket order. `net` is in cents."""

    basket: Int32
    product: Int32
    net: Int64


@dataclass(frozen=True, slots=True)
class Baskets:
    """A row a basket; basket b has the lines offsets[b] to offsets[b + 1].

    `day` counts from 1970-01-01; `weekday` from Monday, 0; `year` is the calendar year.
    """

    member: Int32
    day: Int32
    weekday: Int8
    year: Int32
    offsets: Int64


@dataclass(frozen=True, slots=True)
class Products:
    """A row a product number; `sku` is the data set's own id."""

    sku: Int64
    private: Bool
    produce: Bool
    excluded: Bool


@dataclass(frozen=True, slots=True)
class Dataset:
    lines: Lines
    baskets: Baskets
    products: Products
    members: int

    def tables(self) -> dict[str, pa.Table]:
        """The same columns as Arrow tables `lines`, `baskets`, `products`, without a copy."""
        products = len(self.products.sku)
        baskets = len(self.baskets.member)
        return {
            "lines": pa.table(
                {
                    "basket": self.lines.basket,
                    "product": self.lines.product,
                    "net": self.lines.net,
                }
            ),
            "baskets": pa.table(
                {
                    "basket": np.arange(baskets, dtype=np.int32),
                    "member": self.baskets.member,
                    "day": self.baskets.day,
                    "weekday": self.baskets.weekday,
                    "year": self.baskets.year,
                }
            ),
            "products": pa.table(
                {
                    "product": np.arange(products, dtype=np.int32),
                    "private": self.products.private,
                    "produce": self.products.produce,
                    "excluded": self.products.excluded,
                }
            ),
        }


def dataset(directory: str | Path | None = None, copies: int = 1) -> Dataset:
    """The year `copies` times, each time over other members: 1.47 million lines a copy."""
    folder = data_dir(directory)
    table = pq.read_table(folder / "transactions.parquet")
    column = {name: table[name].to_numpy() for name in table.column_names}
    time_ns = column["transaction_timestamp"].astype("datetime64[ns]").astype(np.int64)
    # Baskets of one instant go by store, then id, as strings: the order of the rulebook.
    order = np.lexsort(
        (
            text_rank(column["basket_id"]),
            text_rank(column["store_id"]),
            time_ns,
            column["household_id"],
        )
    )
    basket_id = column["basket_id"][order]
    new = np.concatenate(([True], basket_id[1:] != basket_id[:-1]))
    first = order[np.flatnonzero(new)]
    members, member = np.unique(column["household_id"][first], return_inverse=True)
    products, product = read_products(folder, column["product_id"][order])
    day = (time_ns[first] // DAY_NS).astype(np.int32)
    baskets, lines = len(first), len(order)
    copy = np.arange(copies, dtype=np.int64)
    starts = np.flatnonzero(new)
    return Dataset(
        lines=Lines(
            basket=_repeat(np.cumsum(new) - 1, copy * baskets).astype(np.int32),
            product=np.tile(product, copies),
            net=np.tile(cents(column["sales_value"][order]), copies),
        ),
        baskets=Baskets(
            member=_repeat(member, copy * len(members)).astype(np.int32),
            day=np.tile(day, copies),
            weekday=np.tile(((day + 3) % 7).astype(np.int8), copies),  # 1970-01-01: Thursday
            year=np.tile(
                day.astype("datetime64[D]").astype("datetime64[Y]").astype(np.int32) + 1970, copies
            ),
            offsets=np.append(_repeat(starts, copy * lines), copies * lines),
        ),
        products=products,
        members=copies * len(members),
    )


def _repeat(values: NDArray[np.intp], shifts: Int64) -> Int64:
    return (shifts[:, None] + values[None, :]).ravel()


def text_rank(numbers: Int64) -> Int64:
    """Rank of each number in the order of their decimal strings."""
    known, index = np.unique(numbers, return_inverse=True)
    rank = np.empty(len(known), np.int64)
    rank[np.argsort(known.astype(np.str_))] = np.arange(len(known))
    return rank[index]


def read_products(folder: Path, sold: Int64) -> tuple[Products, Int32]:
    """All products sold or listed, and the number of each product sold.

    A product that is sold but not listed has no brand and no department.
    """
    table = pq.read_table(
        folder / "products.parquet", columns=["product_id", "brand", "department"]
    )
    listed = table["product_id"].to_numpy()
    brand = table["brand"].to_numpy().astype(np.str_)
    department = table["department"].to_numpy().astype(np.str_)
    sku = np.union1d(listed, sold)

    def flag(of_listed: Bool) -> Bool:
        flags = np.zeros(len(sku), np.bool_)
        flags[np.searchsorted(sku, listed)] = of_listed
        return flags

    products = Products(
        sku=sku,
        private=flag(brand == "Private"),
        produce=flag(department == "PRODUCE"),
        excluded=flag(np.isin(department, EXCLUDED)),
    )
    return products, np.searchsorted(sku, sold).astype(np.int32)
