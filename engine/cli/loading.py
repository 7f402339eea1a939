"""Facts from files to commits, in the order in which they stand."""

# ruff: noqa: PLC0415 -- the engine is imported when a command runs: help starts fast

from __future__ import annotations

import json
import sys
import time
from codecs import BOM_UTF8
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from .output import Tick
from .rejects import Place, Rejects
from .tables import TableReader, bad_rows, readable, table_reader

if TYPE_CHECKING:
    from vafa.engine.columns.intake import Intake
    from vafa.engine.columns.verdicts import Refusal, Verdict
    from vafa.engine.facts import JointFact, LoneFact
    from vafa.engine.formats.found import Reader
    from vafa.engine.formats.settings import Mapping
    from vafa.engine.ledger.writer import Writer
    from vafa.native.wire import Sale

LONGEST_LINE = 1 << 26
"""Bytes of one NDJSON line; the longest catalogue fact takes about half."""

CHECKPOINT_FACTS = 500_000
"""New facts between checkpoints: ids since the last one are kept in memory."""

TICK_RECORDS = 1000


_OF_THIS_PART = ("resumed", "baskets_before", "began")


@dataclass
class Counts:
    """What a load did, and an earlier part of it that was cut off."""

    facts: int = 0
    new: int = 0
    replayed: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    skipped: Counter[str] = field(default_factory=Counter)
    lines: int = 0
    baskets: int = 0
    unread: int = 0
    resumed: int = 0
    """Facts of the earlier part."""
    baskets_before: int = 0
    began: float = field(default_factory=time.perf_counter)

    def kept(self) -> dict[str, Any]:
        """The counts as a note of a position has them."""
        return {
            name: dict(value) if isinstance(value, Counter) else value
            for name, value in vars(self).items() if name not in _OF_THIS_PART
        }  # fmt: skip

    def take_up(self, kept: dict[str, Any]) -> None:
        """Go on from the counts of a note."""
        for name, value in kept.items():
            setattr(self, name, Counter(value) if isinstance(value, dict) else value)
        self.resumed, self.baskets_before = self.facts, self.baskets

    def shown(self) -> dict[str, Any]:
        """The counts as data, with the time since the load began."""
        seconds = time.perf_counter() - self.began
        baskets = self.baskets - self.baskets_before
        return {
            "facts": self.facts,
            "new": self.new,
            "replayed": self.replayed,
            "rejected": self.refused.total(),
            "refused": dict(sorted(self.refused.items())),
            "skipped": dict(sorted(self.skipped.items())),
            "lines": self.lines,
            "resumed": self.resumed,
            "seconds": round(seconds, 3),
            "baskets_per_second": round(baskets / seconds) if seconds else None,
        }


class Load:
    """One run over some files. Without a writer it checks and commits nothing."""

    def __init__(
        self, writer: Writer | None, batch: int, force: bool, rejects: Rejects,
        noted: Callable[[int], None],
    ) -> None:  # fmt: skip
        """`noted` is told the records of the present file that are done, after each commit."""
        self.counts = Counts()
        self._writer = writer
        self._batch = batch
        self._force = force
        self._rejects = rejects
        self._noted = noted
        self._sales: list[Sale] = []
        self._places: list[Place] = []
        self._records = 0
        self._since_checkpoint = 0
        self._reader: Reader | None = None

    def take(
        self, file: Path, form: str | None, mapping: Mapping | None, skip: int, tick: Tick
    ) -> None:
        """Load one file, after so many of its records. Raises FormError where it ends early.

        `form` is `ndjson`, `arrow` or `parquet` of wire tables, None to look at the file; with
        a mapping it is read as that says.
        """
        self._records = 0
        if mapping is not None:
            self._mapped(file, mapping, skip, tick)
        elif str(file) == "-":
            self._lines("-", sys.stdin.buffer, None, skip, tick)
        else:
            with file.open("rb") as stream:
                reader = None if form == "ndjson" else table_reader(stream.read(8), form)
                if reader is None:
                    stream.seek(0)
                    self._lines(str(file), stream, file.stat().st_size, skip, tick)
                    return
            self._tables(str(file), reader, skip, tick)

    # -- NDJSON ---------------------------------------------------------------------------

    def _lines(
        self, name: str, stream: IO[bytes], size: int | None, skip: int, tick: Tick
    ) -> None:
        from vafa.engine.facts.parts import FormError
        from vafa.engine.wire.json_facts import decode_fact

        done = 0
        for number, row in enumerate(_rows(stream), 1):
            done += len(row)
            text = (row if number > 1 else row.removeprefix(BOM_UTF8)).strip()
            if not text:
                continue
            self._records += 1
            if self._records <= skip:
                continue
            said = partial(text.decode, "utf-8", "backslashreplace")
            self.counts.facts += 1
            try:
                if len(row) > LONGEST_LINE:
                    raise FormError(f"is longer than {LONGEST_LINE} bytes", slug="too-large")
                fact = decode_fact(text)
            except FormError as error:
                self._reject(Place(name, number, said), error.slug, error.path, error.message)
                continue
            self._fact(Place(name, number, said, fact.id), fact)
            if not self._sales:
                tick(done, size)
        self._commit_rest()
        tick(done, size or done)

    # -- other people's files ----------------------------------------------------------------

    def _mapped(self, file: Path, mapping: Mapping, skip: int, tick: Tick) -> None:
        from vafa.engine.facts.parts import FormError
        from vafa.engine.formats.found import Skipped
        from vafa.engine.formats.readers import STREAMED, format_of, reader_of

        if self._reader is None:
            self._reader = reader_of(mapping)
        size = file.stat().st_size if format_of(mapping) in STREAMED else None
        with file.open("rb") as stream:
            try:
                for found in self._reader(stream, mapping):
                    self._records += 1
                    if not self._records % TICK_RECORDS:
                        tick(self._records if size is None else stream.tell(), size)
                    if self._records <= skip:
                        continue
                    self.counts.facts += 1
                    place = Place(str(file), found.at, found.raw, found.id)
                    try:
                        fact = found.decoded()
                    except FormError as error:
                        self._reject(place, error.slug, error.path, error.message)
                        continue
                    if isinstance(fact, Skipped):
                        self.counts.skipped[fact.reason] += 1
                    else:
                        self._fact(place, fact)
            except FormError as error:
                self._commit_rest()
                raise FormError(f"{file}: {error.path}: {error.message}" if error.path != "$"
                                else f"{file}: {error.message}") from None  # fmt: skip
        self._commit_rest()
        tick(size or self._records, size or self._records)

    def recall(self, file: Path, mapping: Mapping) -> None:
        """Read a file that an earlier part has loaded, where later ones name its records."""
        from vafa.engine.facts.parts import FormError
        from vafa.engine.formats.readers import REMEMBERS, format_of, reader_of

        if format_of(mapping) not in REMEMBERS:
            return
        if self._reader is None:
            self._reader = reader_of(mapping)
        # A file that ends early was told of by that part.
        with file.open("rb") as stream, suppress(FormError):
            for _ in self._reader(stream, mapping):
                pass

    # -- facts one by one ----------------------------------------------------------------------

    def _fact(self, place: Place, fact: Sale | LoneFact) -> None:
        from vafa.engine.columns.carrier import carrier_of
        from vafa.engine.facts import JointFact
        from vafa.native.wire import Sale

        if isinstance(fact, Sale):
            self._sales.append(fact)
            self._places.append(place)
            if len(self._sales) >= self._batch:
                self._commit_rest()
            return
        # Facts that are committed alone take their place among the others.
        self._commit_sales()
        if isinstance(fact, JointFact) and not self._has_pin(fact):
            self._sales, self._places = [carrier_of(fact)], [place]
            self._commit_sales()
        elif self._writer is not None:
            self._count(place, self._writer.commit_fact(fact, force=self._force))
        self._noted(self._records)

    def _has_pin(self, fact: JointFact) -> bool:
        """Whether a fact gives a gift card its PIN, or spends from one that has a PIN."""
        from vafa.engine.private.gift_pins import asked, gives_pin

        writer = self._writer
        return writer is not None and (
            gives_pin(fact) or bool(asked(writer.replica, fact, writer.now()))
        )

    def _commit_sales(self) -> None:
        from vafa.engine.columns.intake import DecodedFacts

        if self._sales:
            sales, places = self._sales, self._places
            self._sales, self._places = [], []
            self.counts.lines += sum(sale.n_lines for sale in sales)
            self._commit(DecodedFacts(sales), lambda row: places[row])

    def _commit_rest(self) -> None:
        """Commit what waits: every record that has been read is done then."""
        self._commit_sales()
        self._noted(self._records)

    def _count(self, place: Place, verdict: Verdict) -> None:
        if verdict.refusal is not None:
            self._refuse(place, verdict.refusal)
        elif verdict.answer is not None and "reason" in verdict.answer:
            self._reject_kept(place, verdict.answer["reason"])
        elif verdict.replayed:
            self.counts.replayed += 1
        else:
            self.counts.new += 1

    # -- Arrow and Parquet in the wire's form --------------------------------------------------

    def _tables(self, name: str, reader: TableReader, skip: int, tick: Tick) -> None:
        from vafa.engine.facts.parts import FormError
        from vafa.engine.wire.arrow_sales import ArrowFacts

        for table, done, total in readable(name, reader(Path(name), self._batch)):
            try:
                # What is wrong with the columns is wrong with every row.
                ArrowFacts(table.schema.empty_table())
            except FormError as error:
                raise FormError(f"{name}: {error.path}: {error.message}") from None
            first = min(table.num_rows, max(0, skip - self._records))
            self._records += first
            for start in range(first, table.num_rows, self._batch):
                part = table.slice(start, self._batch)
                self._table(name, part, self._records + 1)
                self._records += part.num_rows
                self._noted(self._records)
            tick(done, total)

    def _table(self, name: str, table: Any, first: int) -> None:
        import pyarrow as pa

        from vafa.engine.facts.parts import FormError
        from vafa.engine.wire.arrow_sales import ArrowFacts

        def place(row: int) -> Place:
            one = table.slice(row, 1)
            return Place(
                name, first + row,
                lambda: json.dumps(one.to_pylist()[0], ensure_ascii=False, default=str),
                one["id"][0].as_py(),
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

        from vafa.engine.columns.status import REFUSALS, Status

        self.counts.baskets += len(intake.ids)
        if self._writer is None:
            return
        staged = self._writer.load(intake, force=self._force)
        for row, refusal in sorted(staged.refusals.items()):
            self._refuse(place(row), refusal)
        self.counts.replayed += len(staged.known)
        stored = self._writer.replica.stored
        for row, seq in sorted(staged.known.items()):
            # What was refused once is refused for ever.
            slug = REFUSALS.get(Status(stored(seq).status))
            if slug is not None:
                self.counts.replayed -= 1
                self._reject_kept(place(row), slug)
        if staged.outcome is not None:
            self.counts.new += len(staged.new_ids)
            status = staged.outcome.status
            refused = (status != Status.OK) & (status != Status.PARKED)
            for new in np.flatnonzero(refused).tolist():
                row = new if staged.rows is None else int(staged.rows[new])
                self.counts.new -= 1
                self._reject_kept(place(row), REFUSALS[Status(int(status[new]))])
            self._since_checkpoint += len(staged.new_ids)
        if self._since_checkpoint >= CHECKPOINT_FACTS:
            self._writer.replica.save()
            self._since_checkpoint = 0

    def _refuse(self, place: Place, refusal: Refusal) -> None:
        self._reject(place, refusal.slug, refusal.path, refusal.detail)

    def _reject_kept(self, place: Place, slug: str) -> None:
        self._reject(place, slug, "$", f"is kept as refused: {slug}")

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
