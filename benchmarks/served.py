"""Our server beside bare aiohttp on one core: a sale, a balance; and batches on all cores."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import pyarrow as pa

from vafa.engine.formats import complete_journey
from vafa.loadtest.baskets import wire_baskets, wire_json
from vafa.loadtest.connection import request_bytes
from vafa.loadtest.openloop import run_closed

from .http import (
    GENERATOR_CORE,
    HOST,
    SERVER_CORE,
    bare,
    basket_requests,
    child,
    compare,
    free_port,
    hello_requests,
    pinned,
)
from .ledger import load, open_with_program, temporary_ledger

CONNECTIONS = 256
PER_NDJSON = 1000
PER_ARROW = 8192


@dataclass(frozen=True)
class Served:
    """Ratios to bare aiohttp in the same run, and baskets a second of batches."""

    sale_ratio: float
    sale_per_s: float
    bare_parse_per_s: float
    balance_ratio: float
    balance_per_s: float
    bare_hello_per_s: float
    ndjson_baskets_per_s: float
    arrow_baskets_per_s: float


def start(
    ledger: Path, workers: int = 1, core: int | None = SERVER_CORE
) -> AbstractContextManager[int]:
    """Our server over a ledger, on one core if one is named; yields its port."""
    port = free_port()
    command = [
        sys.executable, "-m", "vafa.server", "serve", str(ledger), "--port", str(port),
        "--workers", str(workers),
    ]  # fmt: skip
    return child(command, port, ready="/readyz", core=core)


@contextmanager
def year_ledger(data: Path | None = None) -> Iterator[Path]:
    """A ledger that holds the Complete Journey year, so that members have histories."""
    year = complete_journey.read(data)
    with temporary_ledger() as ledger:
        writer = open_with_program(ledger, year)
        load(writer, year.batches(PER_ARROW))
        writer.close()
        yield ledger


def sale_requests(count: int, data: Path | None) -> list[bytes]:
    """So many new sales; more than a run can send, so that none is a replay."""
    return basket_requests("/v1/events", count, data)


def measure(rounds: int = 5, seconds: float = 2.0, data: Path | None = None) -> Served:
    """Everything in one run, rounds of ours and of bare aiohttp in turns."""
    sales = sale_requests(int((rounds + 1) * seconds * 25_000), data)
    with year_ledger(data) as ledger:
        sale = compare(
            bare, lambda: start(ledger), basket_requests("/parse", 20_000, data), sales, rounds,
            seconds=seconds, connections=CONNECTIONS,
        )
        assert set(sale.b.statuses) == {201}, sale.b.statuses
        balances = [
            request_bytes("GET", f"/v1/members/{member}", host=HOST) for member in range(1, 2001)
        ]
        balance = compare(
            bare, lambda: start(ledger), hello_requests(), balances, rounds,
            seconds=seconds, connections=CONNECTIONS,
        )
        return Served(
            sale.ratio, sale.b.rate, sale.a.rate, balance.ratio, balance.b.rate, balance.a.rate,
            _ndjson(ledger, rounds, data), _arrow(rounds, data),
        )


def _batched(ledger: Path, requests: list[bytes], per_request: int, seconds: float) -> float:
    """Baskets a second of requests that hold many, one after the other.

    Two at once could overtake each other, and their sales would be late ones.
    """
    with start(ledger, core=None) as port, pinned(GENERATOR_CORE):
        result = run_closed(HOST, port, requests, 1, seconds)
    assert set(result.statuses) == {200}, result.statuses
    assert result.sent <= len(requests), "the requests ran out: the rest were replays"
    return result.rate * per_request


def _ndjson(ledger: Path, rounds: int, data: Path | None) -> float:
    """Baskets that are new and in order, a thousand a request."""
    seconds = 1.5
    rates = []
    for _ in range(rounds):
        count = int(seconds * 120) * PER_NDJSON
        bodies = list(wire_json(wire_baskets(data, limit=count)))
        requests = [
            request_bytes(
                "POST", "/v1/events", b"\n".join(bodies[at : at + PER_NDJSON]),
                content_type="application/x-ndjson", host=HOST,
            )
            for at in range(0, count, PER_NDJSON)
        ]
        rates.append(_batched(ledger, requests, PER_NDJSON, seconds))
    return median(rates)


def arrow_requests(data: Path | None) -> list[bytes]:
    """The year as Arrow streams."""
    requests = []
    for table in complete_journey.read(data).batches(PER_ARROW):
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, table.schema) as stream:
            stream.write_table(table)
        requests.append(
            request_bytes(
                "POST", "/v1/events?force=true", sink.getvalue().to_pybytes(),
                content_type="application/vnd.apache.arrow.stream", host=HOST,
            )
        )
    return requests


def _arrow(rounds: int, data: Path | None) -> float:
    """The year as Arrow streams into new ledgers, as an operator would bring it."""
    year = complete_journey.read(data)
    requests = arrow_requests(data)
    rates = []
    for _ in range(rounds):
        with temporary_ledger() as ledger:
            open_with_program(ledger, year).close()
            rates.append(_batched(ledger, requests[:-1], PER_ARROW, 0.4))
    return median(rates)
