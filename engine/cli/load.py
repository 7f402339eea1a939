"""`vafa load`: files of facts into a ledger, the good ones in and the bad ones named."""

# ruff: noqa: PLC0415 -- the engine is imported when a command runs: help starts fast

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click

from .arguments import ledger_argument, require_ledger, writing
from .output import Exit, Output, Tick, explain, leave, output_options, say
from .tables import TableReader, bad_rows, readable, table_reader

if TYPE_CHECKING:
    from vafa.engine.intake import Intake
    from vafa.engine.verdicts import Refusal, Verdict
    from vafa.engine.writer import Writer
    from vafa.native.wire import Sale

SHOWN = 10
"""Rejects told on stderr when no file takes them."""

LONGEST_LINE = 1 << 26
"""Bytes of one NDJSON line; the longest catalogue fact takes about half."""

CHECKPOINT_FACTS = 500_000
"""New facts between checkpoints: ids since the last one are kept in memory."""


@click.command()
@ledger_argument
@click.argument(
    "files", nargs=-1, required=True, metavar="FILE...",
    type=click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path),
)
@click.option("--force", is_flag=True, help="Take sales that are older than the late limit.")
@click.option(
    "--batch", type=click.IntRange(1, 100_000), default=8192, show_default=True,
    help="Facts of one commit.",
)
@click.option(
    "--rejects", type=click.Path(dir_okay=False, path_type=Path), default=None, metavar="FILE",
    help="Write what was not taken here, as NDJSON.",
)
@output_options
def load(
    out: Output, *, ledger: Path, files: tuple[Path, ...], force: bool, batch: int,
    rejects: Path | None,
) -> None:
    """Load facts from NDJSON, sales from Arrow or Parquet files; - is NDJSON on stdin.

    Loading the same file again changes nothing. Exit code 3 when a fact was not taken.
    """
    if rejects is not None and rejects.exists() and any(
        str(file) != "-" and file.samefile(rejects) for file in files
    ):
        raise click.BadParameter("is one of the files to load", param_hint="--rejects")
    from vafa.engine.facts import FormError

    require_ledger(ledger)
    unread = 0
    with Rejects(rejects) as rejected:
        with writing(ledger, out) as writer:
            if writer.replica.fold is None:
                say(f"no program is in force; run: vafa program publish {ledger} FILE")
            run = Load(writer, batch, force, rejected)
            for file in files:
                with out.bar("stdin" if str(file) == "-" else file.name) as tick:
                    try:
                        run.take(file, tick)
                    except FormError as error:
                        explain(error)
                        unread += 1
        out.record(run.counts.shown())
    if unread:
        leave(Exit.FAILED)
    elif rejected.count:
        leave(Exit.REJECTS)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a fact stands: file, line (or row, from 1), and its text when asked for."""

    file: str
    line: int
    text: Callable[[], str]


class Rejects:
    """Facts that were not taken: counted, and kept in a file or told."""

    def __init__(self, path: Path | None) -> None:
        self.count = 0
        self.path = path
        self._file: IO[str] | None = None

    def __enter__(self) -> Rejects:
        # Opened before the load: an old file would be taken for this run's.
        self._file = self.path.open("w", encoding="utf-8") if self.path else None
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()
        if not self.count:
            return
        if self.path is not None:
            say(f"{self.count:,} not taken; see {self.path}")
        elif self.count > SHOWN:
            say(f"and {self.count - SHOWN:,} more not taken; --rejects FILE keeps them all")

    def add(self, place: Place, slug: str, path: str, message: str) -> None:
        """Note a fact that was not taken, and why."""
        self.count += 1
        problem = f"{slug}: {message}" if path == "$" else f"{slug}: {path}: {message}"
        if self._file is not None:
            row = {
                "file": place.file, "line": place.line, "problem": problem, "text": place.text()
            }  # fmt: skip
            self._file.write(json.dumps(row, ensure_ascii=False) + "\n")
        elif self.count <= SHOWN:
            say(f"{place.file}:{place.line}: {problem}")


@dataclass
class Counts:
    """What a load did."""

    facts: int = 0
    new: int = 0
    replayed: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    lines: int = 0
    baskets: int = 0
    began: float = field(default_factory=time.perf_counter)

    def shown(self) -> dict[str, Any]:
        """The counts as data, with the time since the load began."""
        seconds = time.perf_counter() - self.began
        return {
            "facts": self.facts,
            "new": self.new,
            "replayed": self.replayed,
            "rejected": self.refused.total(),
            "refused": dict(sorted(self.refused.items())),
            "lines": self.lines,
            "seconds": round(seconds, 3),
            "baskets_per_second": round(self.baskets / seconds) if seconds else None,
        }


class Load:
    """Facts from files to commits, in the order in which they stand."""

    def __init__(self, writer: Writer, batch: int, force: bool, rejects: Rejects) -> None:
        self.counts = Counts()
        self._writer = writer
        self._batch = batch
        self._force = force
        self._rejects = rejects
        self._sales: list[Sale] = []
        self._places: list[Place] = []
        self._since_checkpoint = 0

    def take(self, file: Path, tick: Tick) -> None:
        """Load one file of any known form. Raises FormError for one that cannot be read."""
        if str(file) == "-":
            self._lines("-", sys.stdin.buffer, None, tick)
            return
        with file.open("rb") as stream:
            reader = table_reader(stream.read(8))
            if reader is None:
                stream.seek(0)
                self._lines(str(file), stream, file.stat().st_size, tick)
                return
        self._tables(str(file), reader, tick)

    # -- NDJSON ---------------------------------------------------------------------------

    def _lines(self, name: str, stream: IO[bytes], size: int | None, tick: Tick) -> None:
        from vafa.engine.carrier import carrier_of
        from vafa.engine.facts import FormError, JointFact
        from vafa.engine.wire_json import decode_fact
        from vafa.native.wire import Sale

        done = 0
        for number, row in enumerate(_rows(stream), 1):
            done += len(row)
            text = row.strip()
            if not text:
                continue
            place = Place(name, number, partial(text.decode, "utf-8", "backslashreplace"))
            self.counts.facts += 1
            try:
                if len(row) > LONGEST_LINE:
                    raise FormError(f"is longer than {LONGEST_LINE} bytes", slug="too-large")
                fact = decode_fact(text)
            except FormError as error:
                self._reject(place, error.slug, error.path, error.message)
                continue
            if isinstance(fact, Sale):
                self._sales.append(fact)
                self._places.append(place)
                if len(self._sales) >= self._batch:
                    self._commit_sales()
                    tick(done, size)
            else:
                # Facts that are committed alone take their place among the others.
                self._commit_sales()
                if isinstance(fact, JointFact):
                    self._sales, self._places = [carrier_of(fact)], [place]
                    self._commit_sales()
                else:
                    self._count(place, self._writer.commit_control(fact))
        self._commit_sales()
        tick(done, size or done)

    def _commit_sales(self) -> None:
        from vafa.engine.intake import DecodedFacts

        if not self._sales:
            return
        sales, places = self._sales, self._places
        self._sales, self._places = [], []
        self.counts.lines += sum(sale.n_lines for sale in sales)
        self._commit(DecodedFacts(sales), lambda row: places[row])

    def _count(self, place: Place, verdict: Verdict) -> None:
        if verdict.refusal is not None:
            self._refuse(place, verdict.refusal)
        elif verdict.answer is not None and verdict.answer["status"] == "refused":
            slug = verdict.answer["reason"]
            self._reject(place, slug, "$", f"is kept as refused: {slug}")
        elif verdict.replayed:
            self.counts.replayed += 1
        else:
            self.counts.new += 1

    # -- Arrow and Parquet ----------------------------------------------------------------

    def _tables(self, name: str, reader: TableReader, tick: Tick) -> None:
        from vafa.engine.facts import FormError
        from vafa.engine.wire_arrow import ArrowFacts

        first = 1
        for table, done, total in readable(name, reader(Path(name), self._batch)):
            try:
                # What is wrong with the columns is wrong with every row.
                ArrowFacts(table.schema.empty_table())
            except FormError as error:
                raise FormError(f"{name}: {error.path}: {error.message}") from None
            for start in range(0, table.num_rows, self._batch):
                self._table(name, table.slice(start, self._batch), first + start)
            first += table.num_rows
            tick(done, total)

    def _table(self, name: str, table: Any, first: int) -> None:
        import pyarrow as pa

        from vafa.engine.facts import FormError
        from vafa.engine.wire_arrow import ArrowFacts

        def place(row: int) -> Place:
            one = table.slice(row, 1)
            return Place(
                name, first + row,
                lambda: json.dumps(one.to_pylist()[0], ensure_ascii=False, default=str),
            )  # fmt: skip

        self.counts.facts += table.num_rows
        good = list(range(table.num_rows))
        try:
            intake = ArrowFacts(table)
        except FormError:
            bad = dict(bad_rows(table))
            for row, error in bad.items():
                self._reject(place(row), error.slug, error.path, error.message)
            good = [row for row in good if row not in bad]
            if not good:
                return
            intake = ArrowFacts(table.take(pa.array(good)))
        self.counts.lines += len(intake.table.column("lines").flatten())
        self._commit(intake, lambda row: place(good[row]))

    # -- commits --------------------------------------------------------------------------

    def _commit(self, intake: Intake, place: Callable[[int], Place]) -> None:
        import numpy as np

        from vafa.engine.status import REFUSALS, Status

        staged = self._writer.load(intake, force=self._force)
        for row, refusal in sorted(staged.refusals.items()):
            self._refuse(place(row), refusal)
        self.counts.baskets += len(intake.ids)
        self.counts.replayed += len(staged.known)
        if staged.outcome is not None:
            self.counts.new += len(staged.new_ids)
            status = staged.outcome.status
            refused = (status != Status.OK) & (status != Status.PARKED)
            for new in np.flatnonzero(refused).tolist():
                slug = REFUSALS[Status(int(status[new]))]
                row = new if staged.rows is None else int(staged.rows[new])
                self.counts.new -= 1
                self._reject(place(row), slug, "$", f"is kept as refused: {slug}")
            self._since_checkpoint += len(staged.new_ids)
        if self._since_checkpoint >= CHECKPOINT_FACTS:
            self._writer.replica.save()
            self._since_checkpoint = 0

    def _refuse(self, place: Place, refusal: Refusal) -> None:
        self._reject(place, refusal.slug, refusal.path, refusal.detail)

    def _reject(self, place: Place, slug: str, path: str, message: str) -> None:
        self.counts.refused[slug] += 1
        self._rejects.add(place, slug, path, message)


def _rows(stream: IO[bytes]) -> Iterator[bytes]:
    """Lines of a stream; of one that is too long only the beginning is kept."""
    while row := stream.readline(LONGEST_LINE + 1):
        rest = row
        while len(rest) > LONGEST_LINE and not rest.endswith(b"\n"):
            rest = stream.readline(LONGEST_LINE + 1)
        yield row
