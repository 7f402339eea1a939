"""The ledger: durable load and replay of the Complete Journey year, beside what bounds them."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import pyarrow as pa
import pyarrow.compute as pc

from vafa.engine.facts import PublishFact
from vafa.engine.formats import complete_journey
from vafa.engine.journal.journal import Journal
from vafa.engine.ledger.replay import Rebuilt
from vafa.engine.ledger.writer import Writer
from vafa.engine.replica.replica import journal_path
from vafa.engine.wire.arrow_sales import ArrowFacts

from .kernel import PROGRAM

BATCH = 8192
ISSUED = 6_557_458
"""Points that the demo program issues for the year; a run with another figure is void."""


@dataclass
class Ledger:
    """Baskets, lines and bytes a second of several loads and replays."""

    load_baskets_per_s: list[float] = field(default_factory=list)
    load_bytes_per_s: list[float] = field(default_factory=list)
    replay_lines_per_s: list[float] = field(default_factory=list)

    def medians(self) -> dict[str, float]:
        """The median of each."""
        return {name: median(values) for name, values in vars(self).items()}


@contextmanager
def temporary_ledger() -> Iterator[Path]:
    """A folder for a ledger, gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="vafa-bench-"))
    try:
        yield folder / "ledger"
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def open_with_program(ledger: Path, year: complete_journey.CompleteJourney) -> Writer:
    """A new ledger with the demo program and its catalogue."""
    writer = Writer(ledger)
    program = PublishFact("program", complete_journey.SINCE, PROGRAM.read_text())
    assert writer.publish_program(program).refusal is None
    assert writer.commit_control(year.catalog).refusal is None
    return writer


def load(writer: Writer, batches: Iterable[pa.Table]) -> float:
    """Seconds of a durable load: ids checked, kernel run, journal flushed."""
    started = time.perf_counter()
    for batch in batches:
        writer.load(ArrowFacts(batch), force=True)
    return time.perf_counter() - started


def repeated(year: complete_journey.CompleteJourney, copies: int) -> Iterator[pa.Table]:
    """The year's batches so many times, each time with ids and members of its own."""
    for copy in range(copies):
        for batch in year.batches(BATCH):
            table = batch
            if copy:
                for name in ("id", "member"):
                    place = table.schema.get_field_index(name)
                    text = pc.binary_join_element_wise(table.column(name), str(copy), "+")
                    table = table.set_column(place, name, text)
            yield table


def measure(rounds: int = 5, data: Path | None = None, copies: int = 3) -> Ledger:
    """Load some years into new ledgers and replay each."""
    year = complete_journey.read(data)
    batches = list(repeated(year, copies))
    seen = Ledger()
    for _ in range(rounds):
        with temporary_ledger() as ledger:
            writer = open_with_program(ledger, year)
            before = writer.journal.used_bytes()
            seconds = load(writer, batches)
            seen.load_baskets_per_s.append(copies * year.sales.num_rows / seconds)
            seen.load_bytes_per_s.append((writer.journal.used_bytes() - before) / seconds)
            fold = writer.replica.fold
            assert fold is not None
            issued = sum(
                fold.state.totals(member, 0, 0)["issued"]
                for member in range(fold.state.n_members)
            )
            assert issued == copies * ISSUED, f"issued {issued}, not {copies * ISSUED}"
            writer.close()
            journal = Journal(journal_path(ledger))
            started = time.perf_counter()
            rebuilt = Rebuilt(journal)
            seconds = time.perf_counter() - started
            journal.close()
            assert rebuilt.report.clean, rebuilt.report.findings
            seen.replay_lines_per_s.append(rebuilt.report.lines / seconds)
    return seen
