"""Sales at planned instants, whether or not the answers before them have come.

A wait is counted from the planned instant on, so that a server which is behind is not asked less.
How late the generator itself was, and how much processor time the host gave to others meanwhile,
stand beside it: where either is much, the waits tell of the machine.

`python -m benchmarks.open_loop --runs 8` tells run by run.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any, NamedTuple

import orjson
from rich.console import Console
from rich.table import Table

from vafa.engine.checks.program_file import parse_program
from vafa.engine.facts import PublishFact
from vafa.engine.formats import complete_journey
from vafa.engine.ledger.writer import Writer
from vafa.loadtest.baskets import wire_baskets
from vafa.loadtest.connection import post_requests
from vafa.loadtest.openloop import Result, run_open

from . import http
from .cpu import host_ticks, stolen
from .http import GENERATOR_CORE, HOST, pinned
from .ledger import temporary_ledger
from .served import start
from .waits import commit_parts

GALLERY = http.ROOT / "examples" / "programs"

RIALS = 1_000
"""Rials for a cent of the data, so that baskets are of a size that rules in rials are made for."""

CONNECTIONS = 256
OPEN_RATE = 4_000
WARM = 4_000
"""Sales before those that are measured: stores and terminals ring up for the first time."""


class Planned(NamedTuple):
    """What came of planned sales, where they waited, and the part of the machine that the host
    took."""

    result: Result
    waits: dict[str, tuple[float, ...]]
    stolen: float

    @property
    def lost(self) -> int:
        """Sales that were not answered as new ones."""
        return self.result.planned - self.result.statuses.get(201, 0)


def open_loop(seconds: float, data: Path | None) -> Planned:
    """Sales at planned instants into the gallery's largest program."""
    arrivals = int(OPEN_RATE * seconds)
    with temporary_ledger() as ledger:
        text = _largest()
        worth = RIALS if parse_program(text).unit.exponent == 0 else 1
        with Writer(ledger) as writer:
            program = PublishFact("program", complete_journey.SINCE, text)
            assert writer.publish_program(program).refusal is None
            # What a chain sells is known before a till rings it up.
            assert writer.commit_control(complete_journey.read(data).catalog).refusal is None
        # On both cores, of which the generator keeps one busy for a quarter.
        with start(ledger, core=None) as port, pinned(GENERATOR_CORE):
            bodies = []
            for basket in wire_baskets(data, limit=arrivals + WARM):
                for part in (*basket["lines"], *basket["tenders"]):
                    name = "net" if "net" in part else "amount"
                    part[name] *= worth  # type: ignore[literal-required]
                bodies.append(orjson.dumps(basket))
            requests = post_requests("/v1/events", bodies)
            warm, measured = requests[:WARM], requests[WARM:]
            run_open(HOST, port, warm, OPEN_RATE, WARM / OPEN_RATE, connections=CONNECTIONS)
            since = host_ticks()
            result = run_open(
                HOST, port, measured, OPEN_RATE, seconds, connections=CONNECTIONS
            )
            return Planned(result, commit_parts(HOST, port), stolen(since))


def _largest() -> str:
    """The gallery's program with most rules."""
    texts = [path.read_text("utf-8") for path in sorted(GALLERY.glob("*/program.toml"))]
    return max(texts, key=lambda text: text.count("[[rule]]"))


def _told(run: Planned) -> dict[str, Any]:
    result = run.result
    return {
        "p50_ms": result.p50, "p99_ms": result.p99, "worst_ms": result.worst,
        "generator_late_p99_ms": result.lag_p99, "stolen": run.stolen, "lost": run.lost,
    }  # fmt: skip


def main() -> None:
    """Run some times and print each."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.open_loop", description=__doc__.split("\n", maxsplit=1)[0]
    )
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=8.0)
    parser.add_argument("--data", type=Path, help="folder of the Complete Journey files")
    parser.add_argument("--format", choices=["table", "json"], default="table")
    options = parser.parse_args()
    say = Console(stderr=True).print
    seen = []
    for number in range(options.runs):
        say(f"run {number + 1} of {options.runs} ...")
        seen.append(_told(open_loop(options.seconds, options.data)))
    if options.format == "json":
        json.dump(seen, sys.stdout, indent=2)
        return
    table = Table(title=f"{OPEN_RATE:,} sales a second, {options.seconds:g} s a run")
    for heading in ("p50 ms", "p99 ms", "worst ms", "generator late by ms", "host took", "lost"):
        table.add_column(heading, justify="right")
    for run in seen:
        *waits, late, taken, lost = run.values()
        table.add_row(*(f"{wait:.1f}" for wait in (*waits, late)), f"{taken:.1%}", str(lost))
    Console().print(table)


if __name__ == "__main__":
    main()
