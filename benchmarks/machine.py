"""`python -m benchmarks.machine`: what this machine can do at all, in the same run.

A figure of the engine means something only beside these.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import lmdb
import msgspec
import numpy as np
import orjson

COPY_BYTES = 256 << 20
GATHER_BYTES = 256 << 20
GATHERS = 8 << 20
FLUSH_SIZES = (4 << 10, 64 << 10, 1 << 20)
FLUSHES = 100
LMDB_RECORD = 1 << 20
LMDB_RECORDS = 128
PARSES = 20_000
ROUNDS = 5


class Line(msgspec.Struct):
    sku: str
    quantity: int
    net: int


class Tender(msgspec.Struct):
    type: str
    amount: int


class Basket(msgspec.Struct):
    id: str
    kind: str
    occurred_at: str
    member: str
    store: str
    terminal: str
    lines: list[Line]
    tenders: list[Tender]


def median_s(work: Callable[[], object], rounds: int = ROUNDS) -> float:
    """Median seconds of some runs, after one that warms up."""
    work()
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return median(times)


def memory_copy_gb_per_s() -> float:
    """Bytes copied, counted once, by one thread."""
    source = np.ones(COPY_BYTES // 8, np.int64)
    target = np.empty_like(source)
    return COPY_BYTES / median_s(lambda: np.copyto(target, source)) / 1e9


def random_gather_m_per_s() -> float:
    """8-byte values gathered from 256 MiB in random order."""
    rng = np.random.default_rng(1)
    table = np.arange(GATHER_BYTES // 8, dtype=np.int64)
    at = rng.integers(0, len(table), GATHERS)
    out = np.empty(GATHERS, np.int64)
    # mode="clip" writes straight to `out`; the default checks and buffers first.
    return GATHERS / median_s(lambda: np.take(table, at, out=out, mode="clip")) / 1e6


def write_flush_ms(folder: Path, size: int) -> float:
    """Median of one append of `size` bytes with fdatasync."""
    data = os.urandom(size)
    path = folder / "flush"
    times = []
    with path.open("wb", buffering=0) as file:
        for _ in range(FLUSHES):
            start = time.perf_counter()
            file.write(data)
            os.fdatasync(file.fileno())
            times.append(time.perf_counter() - start)
    path.unlink()
    return median(times) * 1e3


def lmdb_append_mb_per_s(folder: Path) -> float:
    """1 MiB records appended under increasing keys, each in a durable commit of its own."""
    data = os.urandom(LMDB_RECORD)
    times = []
    with lmdb.open(str(folder / "lmdb"), map_size=1 << 30) as environment:
        for key in range(LMDB_RECORDS):
            start = time.perf_counter()
            with environment.begin(write=True) as transaction:
                transaction.put(key.to_bytes(8, "big"), data, append=True)
            times.append(time.perf_counter() - start)
    return LMDB_RECORD / median(times) / 1e6


def basket_json(lines: int = 12) -> bytes:
    """A basket of that many lines on the wire."""
    nets = [199 + 37 * i for i in range(lines)]
    return orjson.dumps(
        {
            "id": "cj-31198570044",
            "kind": "sale",
            "occurred_at": "2017-01-01T11:53:26Z",
            "member": "900",
            "store": "330",
            "terminal": "1",
            "lines": [
                {"sku": str(1_095_275 + i), "quantity": 1000, "net": net}
                for i, net in enumerate(nets)
            ],
            "tenders": [{"type": "card", "amount": sum(nets)}],
        }
    )


def parse_k_per_s() -> dict[str, float]:
    """12-line baskets parsed a second (thousands): typed by msgspec, to dicts by orjson."""
    wire = basket_json()
    typed = msgspec.json.Decoder(Basket).decode

    def times(parse: Callable[[bytes], Any]) -> float:
        def work() -> None:
            for _ in range(PARSES):
                parse(wire)

        return PARSES / median_s(work) / 1e3

    return {"msgspec": times(typed), "orjson": times(orjson.loads)}


def limits(directory: str | Path | None = None) -> dict[str, float]:
    """All figures by name; files are written in `directory` (default: the system's for such)."""
    found = {
        "memory copy, GB/s": memory_copy_gb_per_s(),
        "random gather from 256 MiB, M/s": random_gather_m_per_s(),
    }
    with tempfile.TemporaryDirectory(dir=directory) as name:
        folder = Path(name)
        for size in FLUSH_SIZES:
            found[f"write + fdatasync {size >> 10} KiB, ms"] = write_flush_ms(folder, size)
        found["LMDB append of 1 MiB with sync, MB/s"] = lmdb_append_mb_per_s(folder)
    for library, rate in parse_k_per_s().items():
        found[f"{library}, parse a 12-line basket, k/s"] = rate
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dir", help="where to write: the disk that will hold the ledger")
    for name, value in limits(parser.parse_args().dir).items():
        print(f"{name:40} {value:10,.2f}")


if __name__ == "__main__":
    main()
