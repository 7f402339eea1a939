"""`make bench-doors`: our doors beside bare aiohttp and beside what a team would write instead.

Rounds go in turns over all sides, so that what else the machine does strikes all alike. One
table at the end: medians, and the ratios that are asked. Needs `pip install
'vafa[bench-fastapi]'` and a PostgreSQL.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import orjson
from rich.console import Console
from rich.table import Table

from vafa.engine.formats import complete_journey
from vafa.engine.wire.json_lines import read_lines
from vafa.loadtest.baskets import wire_baskets, wire_json
from vafa.loadtest.connection import request_bytes
from vafa.loadtest.openloop import run_closed

from . import http, postgres
from .cpu import cpu_s
from .http import GENERATOR_CORE, HOST, Rounds, bare, basket_requests, hello_requests, pinned
from .ledger import load, open_with_program, temporary_ledger
from .members import MEMBERS, a_million_more
from .open_loop import CONNECTIONS, OPEN_RATE, Planned, open_loop
from .served import PER_ARROW, PER_NDJSON, arrow_requests, start

MOST_NDJSON = 200_000
"""Baskets a second for which requests are made: more than any machine has taken yet."""
ARROW_S = 0.4
"""Seconds of Arrow at most: a longer run would send the whole year and begin again."""
RIVAL_BATCHES = 2
"""Batches that the rival has under way: its database works on one per connection."""

AGAIN = 200
"""Members that are asked for again and again."""


class Side(NamedTuple):
    """One kind of request to one server, sent as fast as answers come."""

    name: str
    port: int
    requests: Sequence[bytes]
    status: int
    connections: int = CONNECTIONS
    others: tuple[int, ...] = ()
    """Processes that work for it beside the server's own."""


@contextmanager
def members_ledger(data: Path | None) -> Iterator[Path]:
    """The year's ledger with a million more members, of a basket each."""
    year = complete_journey.read(data)
    with temporary_ledger() as ledger:
        writer = open_with_program(ledger, year)
        load(writer, year.batches(PER_ARROW))
        load(writer, a_million_more(year))
        writer.close()
        yield ledger


def in_turns(sides: Sequence[Side], rounds: int, seconds: float) -> dict[str, Rounds]:
    """Every side some seconds in every round, after a round that warms up."""
    seen = {side.name: Rounds() for side in sides}
    at = dict.fromkeys(seen, 0)
    for number in range(rounds + 1):
        for side in sides:
            before = cpu_s(http.running[side.port], *side.others)
            result = run_closed(
                HOST, side.port, side.requests, side.connections,
                seconds if number else http.WARM_UP_S, first=at[side.name],
            )  # fmt: skip
            used = cpu_s(http.running[side.port], *side.others) - before
            at[side.name] += result.sent
            assert set(result.statuses) == {side.status}, (side.name, result.statuses)
            if number:
                seen[side.name].add(result)
                seen[side.name].cpu_us.append(used / result.answered * 1e6)
    return seen


def batches(
    bodies: Sequence[bytes], glue: Callable[[Sequence[bytes]], bytes], path: str, kind: str
) -> list[bytes]:
    """Requests of a thousand baskets each."""
    parts = [bodies[at : at + PER_NDJSON] for at in range(0, len(bodies), PER_NDJSON)]
    return [
        request_bytes("POST", path, glue(part), content_type=kind, host=HOST) for part in parts
    ]


def singles(rounds: int, seconds: float, data: Path | None) -> dict[str, Rounds]:
    """Sales and balances of everyone, with a million members in our ledger."""
    count = int((rounds + 1) * seconds * 24_000)
    draw = random.Random(1)
    some = [f"/v1/members/{n}" for n in _members(data)[:AGAIN]]
    asked = [f"/v1/members/m{draw.randrange(MEMBERS)}" for _ in range(200_000)]
    with ExitStack() as stack:
        ours = stack.enter_context(start(stack.enter_context(members_ledger(data))))
        plain = stack.enter_context(bare())
        database = stack.enter_context(postgres.database(MEMBERS))
        rival = stack.enter_context(postgres.service(database))
        stack.enter_context(pinned(GENERATOR_CORE))
        rivals = basket_requests("/v1/events", count // 2, data)
        return in_turns(
            (
                Side("bare sale", plain, basket_requests("/parse", 20_000, data), 201),
                Side("our sale", ours, basket_requests("/v1/events", count, data), 201),
                Side("rival sale", rival, rivals, 201, 64, (database.pid,)),
                Side("bare hello", plain, hello_requests(), 200),
                Side("our balance, asked again", ours, _gets(some), 200),
                Side("our balance, one of a million", ours, _gets(asked), 200),
                Side("rival balance", rival, _gets(asked), 200, 64, (database.pid,)),
            ),
            rounds, seconds,
        )  # fmt: skip


def _gets(paths: Sequence[str]) -> list[bytes]:
    return [request_bytes("GET", path, host=HOST) for path in paths]


def _members(data: Path | None) -> list[str]:
    return sorted(set(complete_journey.read(data).sales.column("member").to_pylist()))


def batched(rounds: int, seconds: float, data: Path | None) -> dict[str, Rounds]:
    """A thousand baskets a request, ours one request after the other."""
    ndjson = Rounds()
    arrow, rival = Rounds(), Rounds()
    columns = arrow_requests(data)
    year = complete_journey.read(data)
    for _ in range(rounds):
        with temporary_ledger() as ledger:
            open_with_program(ledger, year).close()
            # Made now: sales of another round would be late ones.
            bodies = list(wire_json(wire_baskets(data, limit=int(seconds * MOST_NDJSON))))
            lines = batches(bodies, b"\n".join, "/v1/events", "application/x-ndjson")
            _add(ndjson, ledger, lines, seconds, PER_NDJSON)
        with temporary_ledger() as ledger:
            open_with_program(ledger, year).close()
            _add(arrow, ledger, columns, min(seconds, ARROW_S), PER_ARROW)
        arrays = batches(
            bodies[: int(seconds * 15_000)], lambda some: b"[" + b",".join(some) + b"]",
            "/v1/batches", "application/json",
        )  # fmt: skip
        with postgres.database() as database, postgres.service(database, core=None) as port:
            _run(rival, port, arrays, seconds, PER_NDJSON, RIVAL_BATCHES, database.pid)
    return {"our NDJSON": ndjson, "our Arrow": arrow, "rival batch": rival}


def read_mb_per_s(data: Path | None, rounds: int) -> tuple[float, float]:
    """MB of NDJSON in a second of processor time: read to columns by us, and by orjson to objects,
    which nobody has looked at yet."""
    body = b"\n".join(wire_json(wire_baskets(data, limit=PER_NDJSON)))
    lines = body.split(b"\n")
    seen: tuple[list[float], list[float]] = [], []
    for _ in range(10 * rounds):
        for figures, read in (
            (seen[0], lambda: read_lines(body)),
            (seen[1], lambda: [orjson.loads(line) for line in lines]),
        ):
            before = time.process_time()
            read()
            figures.append(len(body) / (time.process_time() - before) / 1e6)
    return median(seen[0]), median(seen[1])


def _add(seen: Rounds, ledger: Path, requests: list[bytes], seconds: float, size: int) -> None:
    # On all cores, as the rival is with its database.
    with start(ledger, core=None) as port:
        # The last request may be a short one: it is not sent.
        _run(seen, port, requests[:-1], seconds, size)


def _run(
    seen: Rounds, port: int, requests: list[bytes], seconds: float, size: int,
    connections: int = 1, *others: int,
) -> None:
    """A run of batches, counted in baskets."""
    before = cpu_s(http.running[port], *others)
    with pinned(GENERATOR_CORE):
        result = run_closed(HOST, port, requests, connections, seconds)
    used = cpu_s(http.running[port], *others) - before
    assert set(result.statuses) == {200}, result.statuses
    assert result.sent <= len(requests), "the requests ran out: the rest were replays"
    seen.add(result)
    seen.rates[-1] *= size
    seen.cpu_us.append(used / (result.answered * size) * 1e6)


class Row(NamedTuple):
    """A line of the table; the ratios are of rates, and of processor time for an answer."""

    what: str
    ours: str
    beside: str
    ratio: float | None
    of_cpu: float | None
    asked: str


def rows(
    seen: dict[str, Rounds], planned: Planned, read: tuple[float, float],
) -> list[Row]:
    """The table: what we do, what stands beside it, and what is asked."""

    def row(what: str, mine: str, other: str, named: str, asked: str) -> Row:
        a, b = seen[mine], seen[other]
        return Row(
            what, _told(a), f"{named}: {_told(b)}", a.rate / b.rate,
            median(b.cpu_us) / median(a.cpu_us), asked,
        )  # fmt: skip

    result = planned.result
    spread = f"p50 {result.p50:.1f}, p99 {result.p99:.1f}, worst {result.worst:.1f} ms"
    machine = f"generator late by {result.lag_p99:.1f} ms, the host took {planned.stolen:.0%}"
    parts = ", ".join(f"{part} {half:g}/{most:g}" for part, (half, most) in planned.waits.items())
    return [
        row("single sale", "our sale", "bare sale", "bare aiohttp", "0.8"),
        row("single sale", "our sale", "rival sale", "rival", "4"),
        row("balance, asked again", "our balance, asked again", "bare hello", "bare aiohttp",
            "0.85"),
        row("balance, one of a million", "our balance, one of a million", "bare hello",
            "bare aiohttp", "0.85"),
        row("balance, one of a million", "our balance, one of a million", "rival balance",
            "rival", ""),
        row("baskets as NDJSON", "our NDJSON", "rival batch", "rival", "20; 50,000/s"),
        Row(
            "their bytes read", f"{read[0]:,.0f} MB/s", f"orjson alone: {read[1]:,.0f} MB/s", None,
            read[0] / read[1], "",
        ),
        row("baskets as Arrow", "our Arrow", "rival batch", "rival", "20; 100,000/s"),
        Row(
            f"{OPEN_RATE:,} sales/s, open loop", f"{result.rate:,.0f}/s, {planned.lost} lost",
            f"{spread}; {machine}" + "".join(f"; {problem}" for problem in result.problems),
            None, None,
            "p99 25 ms",
        ),
        Row("its commits, p50/p99 below", f"{parts} ms", "", None, None, ""),
    ]  # fmt: skip


def _told(side: Rounds) -> str:
    return f"{side.rate:,.0f}/s, {median(side.cpu_us):.0f} us"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.doors", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.5)
    parser.add_argument("--data", type=Path, help="folder of the Complete Journey files")
    parser.add_argument("--format", choices=["table", "json"], default="table")
    options = parser.parse_args()
    say = Console(stderr=True).print
    say("single sales and balances, with a million members ...")
    seen = singles(options.rounds, options.seconds, options.data)
    say("batches ...")
    seen |= batched(options.rounds, options.seconds, options.data)
    say("open loop ...")
    planned = open_loop(10.0, options.data)
    found = rows(seen, planned, read_mb_per_s(options.data, options.rounds))
    if options.format == "json":
        shown: dict[str, Any] = {
            "rates": {name: side.rates for name, side in seen.items()},
            "rows": [row._asdict() for row in found],
        }
        json.dump(shown, sys.stdout, indent=2)
        return
    load_now = os.getloadavg()[0]
    table = Table(
        title=f"{platform.machine()}, {os.cpu_count()} cores, load {load_now:.1f}; medians"
    )
    for heading in ("what", "ours", "beside it", "ratio", "of CPU", "asked"):
        table.add_column(heading)
    for row in found:
        ratios = ("" if ratio is None else f"{ratio:.2f}" for ratio in (row.ratio, row.of_cpu))
        table.add_row(*row[:3], *ratios, row.asked)
    Console().print(table)


if __name__ == "__main__":
    main()
