"""The local socket between front ends and the writer: frames of facts in, verdicts out.

A frame is a length (uint32, big-endian) and a msgpack array. Front ends have checked the
form; the writer decodes typed and strict all the same. Facts that arrive in one turn of a
front end's loop share a frame, so that a busy chain does not pay a frame a sale.
"""

from __future__ import annotations

import asyncio
import logging
import os
import struct
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from vafa.engine.columns.carrier import Carried
from vafa.engine.columns.verdicts import Verdict, stream_of
from vafa.engine.facts import ControlFact
from vafa.engine.ledger.staged import Text
from vafa.engine.wire.arrow_sales import ArrowFacts
from vafa.native.wire import Sale

from .beat import FROZEN_S, WATCH_S, Beat
from .committer import Committer
from .figures import Figures, Requests
from .problems import ProblemError
from .tracing import PARENTS, Tracing

log = logging.getLogger("vafa")

_LENGTH = struct.Struct(">I")
MOST_FRAME = 256 * 1024 * 1024
SALES, TABLE, LINES, CONTROL, JOINT, FIGURES = range(6)
MOST_IN_FLIGHT = 200_000
"""Facts that a front end may have under way."""


class Ask(msgspec.Struct, array_like=True):
    """Facts from a front end: number of the ask, what it holds, the operator's force.

    `numbers` (int64, as bytes) and `language` are of a table that lines of JSON answer, `rows`
    those of its batch where `sales` stand.
    `traces` are the spans of the requests, where they are traced. With `texts` plain answers to
    sales come as JSON. `requests` are those answered since the front end last told of them.
    """

    number: int
    kind: int
    force: bool
    sales: list[Carried] = []
    table: bytes = b""
    control: ControlFact | None = None
    atomic: bool = False
    versions: int | None = None
    numbers: bytes = b""
    language: str = ""
    traces: list[str] = []
    rows: list[int] = []
    texts: bool = False
    requests: Requests = {}


class Told(msgspec.Struct, array_like=True):
    """Verdicts of an ask in the order of its facts, or the problem that met them all.

    Those of a table are an Arrow stream, or lines of JSON. `figures` are the writer's.
    """

    number: int
    verdicts: list[Text | Verdict] = []
    table: bytes = b""
    slug: str = ""
    detail: str = ""
    figures: Figures | None = None


_encode = msgspec.msgpack.Encoder().encode
_decode_ask = msgspec.msgpack.Decoder(Ask).decode
_decode_told = msgspec.msgpack.Decoder(Told).decode


async def _frames(reader: asyncio.StreamReader) -> bytes | None:
    """The next frame's body; None at the end of the stream."""
    try:
        head = await reader.readexactly(_LENGTH.size)
        (size,) = _LENGTH.unpack(head)
        if size > MOST_FRAME:
            raise ConnectionError(f"a frame of {size} bytes")
        return await reader.readexactly(size)
    except (asyncio.IncompleteReadError, ConnectionError):
        return None


def _frame(message: Ask | Told) -> bytes:
    body = _encode(message)
    return _LENGTH.pack(len(body)) + body


# -- the writer's end --------------------------------------------------------------------


class Listening:
    """A unix socket on which front ends ask; asks of all of them meet in one group commit."""

    _server: asyncio.AbstractServer

    def __init__(self, path: Path, committer: Committer) -> None:
        self._path = path
        self._committer = committer
        self._clients: dict[asyncio.Task[None] | None, asyncio.StreamWriter] = {}
        self._under_way: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        """Begin to listen. Raises OSError."""
        self._path.unlink(missing_ok=True)
        self._server = await asyncio.start_unix_server(self._client, str(self._path))
        os.chmod(self._path, 0o600)

    async def _client(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        this = asyncio.current_task()
        self._clients[this] = writer
        under_way: set[asyncio.Task[None]] = set()
        while (body := await _frames(reader)) is not None:
            task = asyncio.ensure_future(
                _serve_ask(_decode_ask(body), self._committer, writer)
            )
            for asks in (under_way, self._under_way):
                asks.add(task)
                task.add_done_callback(asks.discard)
        if under_way:
            await asyncio.wait(under_way)
        writer.close()
        del self._clients[this]

    async def close(self) -> None:
        """Answer what was asked; front ends are told of everything later that the writer ends."""
        self._server.close()
        await self._committer.drain()
        if self._under_way:
            await asyncio.wait(set(self._under_way))
        for writer in self._clients.values():
            writer.close()
        if self._clients:
            await asyncio.wait([task for task in self._clients if task is not None])


async def listen(path: Path, committer: Committer) -> Listening:
    """Serve front ends on a unix socket. Raises OSError."""
    listening = Listening(path, committer)
    await listening.open()
    return listening


async def _serve_ask(ask: Ask, committer: Committer, writer: asyncio.StreamWriter) -> None:
    PARENTS.set(ask.traces)
    try:
        if ask.kind == SALES:
            sales = [Sale.of(*sale) for sale in ask.sales]
            verdicts: Sequence[Text | Verdict]
            if ask.texts:
                verdicts = await committer.singles(sales, ask.force)
            else:
                verdicts = await committer.sales(sales, ask.force, ask.atomic)
            told = Told(ask.number, list(verdicts))
        elif ask.kind == JOINT:
            (fact,) = ask.sales
            told = Told(ask.number, [await committer.joint(Sale.of(*fact), ask.force)])
        elif ask.kind == TABLE:
            table = pa.ipc.open_stream(ask.table).read_all()
            answers = await committer.table(
                ArrowFacts(table), ask.table, ask.force, ask.atomic
            )
            told = Told(ask.number, table=answers)
        elif ask.kind == LINES:
            batch = pa.ipc.open_stream(ask.table).read_next_batch()
            others = {
                row: Sale.of(*sale) for row, sale in zip(ask.rows, ask.sales, strict=True)
            }
            answers = await committer.lines(
                ArrowFacts.plain(batch), others, np.frombuffer(ask.numbers, np.int64), ask.force,
                ask.language,
            )  # fmt: skip
            told = Told(ask.number, table=answers)
        elif ask.kind == FIGURES:
            committer.figures.add_requests(ask.requests)
            told = Told(ask.number, figures=await committer.told_figures())
        else:
            assert ask.control is not None
            told = Told(ask.number, [await committer.control(ask.control, ask.versions)])
    except ProblemError as problem:
        told = Told(ask.number, slug=problem.slug, detail=problem.detail)
    except Exception:
        log.exception("an ask failed")
        told = Told(
            ask.number, slug="internal", detail="a defect of vafa; it has been logged"
        )
    if not writer.is_closing():
        writer.write(_frame(told))


# -- a front end's end --------------------------------------------------------------------


@dataclass(slots=True)
class _Under:
    """An ask under way: the futures that its verdicts go to."""

    facts: int
    ones: Sequence[asyncio.Future[Any]] = ()
    many: asyncio.Future[Any] | None = None
    table: asyncio.Future[bytes] | None = None
    figures: asyncio.Future[Figures] | None = None

    def fail(self, problem: ProblemError) -> None:
        """The same problem for everyone who waits."""
        for done in (*self.ones, self.many, self.table, self.figures):
            if done is not None and not done.done():
                done.set_exception(problem)


class RemoteCommits:
    """Commits through the writer's socket; connects again when the writer comes back."""

    def __init__(self, path: Path, beat: Beat, tracing: Tracing | None = None) -> None:
        self._path = path
        self._beat = beat
        self._tracing = tracing
        self._loop = asyncio.get_running_loop()
        self._writer: asyncio.StreamWriter | None = None
        self._under: dict[int, _Under] = {}
        self._number = 0
        self._facts = 0
        self.requests: Counter[tuple[str, str, int]] = Counter()
        self._singles: dict[bool, list[tuple[Sale, asyncio.Future[Text | Verdict], str]]] = {}

    @property
    def connected(self) -> bool:
        """Whether the writer is there."""
        return self._writer is not None

    async def run(self) -> None:
        """Keep a connection to the writer; runs until cancelled."""
        watching = asyncio.create_task(self._watch())
        try:
            await self._link()
        finally:
            watching.cancel()

    async def _watch(self) -> None:
        """A writer that is frozen holds nobody up; one that is there is told of the requests."""
        while True:
            await asyncio.sleep(WATCH_S)
            if self._under and self._beat.silent_s() > FROZEN_S:
                self._fail_all()
            elif self.requests and self._writer is not None:
                self._ask_figures(_Under(0))

    async def _link(self) -> None:
        while True:
            try:
                reader, self._writer = await asyncio.open_unix_connection(str(self._path))
            except OSError:
                await asyncio.sleep(0.05)
                continue
            try:
                while (body := await _frames(reader)) is not None:
                    self._told(_decode_told(body))
            except Exception:
                # Whoever waits is told to ask again; the next connection begins clean.
                log.exception("the writer's answer could not be read")
            finally:
                self._writer.close()
                self._writer = None
                self._fail_all()

    def _fail_all(self) -> None:
        """The writer is away: the outcome is unknown, a retry with the same id tells."""
        for under in self._under.values():
            under.fail(_away())
        self._under.clear()
        self._facts = 0

    # -- asking --------------------------------------------------------------------------

    def sale(self, sale: Sale, force: bool) -> asyncio.Future[Text | Verdict]:
        """See Commits."""
        self._check(1)
        done: asyncio.Future[Text | Verdict] = self._loop.create_future()
        waiting = self._singles.setdefault(force, [])
        if not waiting:
            self._loop.call_soon(self._send_singles, force)
        waiting.append((sale, done, self._trace()))
        return done

    def _send_singles(self, force: bool) -> None:
        waiting = self._singles.pop(force)
        futures = [done for _, done, _ in waiting]
        if self._writer is None:
            for done in futures:
                if not done.done():
                    done.set_exception(_away())
            return
        sales = [sale.parts() for sale, _, _ in waiting]
        traces = [trace for _, _, trace in waiting if trace]
        under = _Under(len(waiting), ones=futures)
        self._ask(SALES, force, under, sales=sales, traces=traces, texts=True)

    def sales(
        self, sales: Sequence[Sale], force: bool, atomic: bool = False
    ) -> asyncio.Future[list[Verdict]]:
        """See Commits."""
        self._check(len(sales))
        done: asyncio.Future[list[Verdict]] = self._loop.create_future()
        parts = [sale.parts() for sale in sales]
        self._ask(SALES, force, _Under(len(sales), many=done), sales=parts, atomic=atomic)
        return done

    def table(
        self, sales: ArrowFacts, body: bytes, force: bool, atomic: bool = False
    ) -> asyncio.Future[bytes]:
        """See Commits."""
        self._check(len(sales.ids))
        done: asyncio.Future[bytes] = self._loop.create_future()
        under = _Under(len(sales.ids), table=done)
        self._ask(TABLE, force, under, table=body, atomic=atomic)
        return done

    def lines(
        self, sales: ArrowFacts, others: Mapping[int, Sale], numbers: NDArray[np.int64],
        force: bool, language: str,
    ) -> asyncio.Future[bytes]:
        """See Commits."""
        self._check(len(numbers))
        done: asyncio.Future[bytes] = self._loop.create_future()
        self._ask(
            LINES, force, _Under(len(numbers), table=done), table=stream_of(sales.table),
            rows=list(others), sales=[fact.parts() for fact in others.values()],
            numbers=numbers.tobytes(), language=language,
        )  # fmt: skip
        return done

    def joint(self, fact: Sale, force: bool) -> asyncio.Future[Verdict]:
        """See Commits."""
        self._check(1)
        done: asyncio.Future[Verdict] = self._loop.create_future()
        self._ask(JOINT, force, _Under(1, ones=[done]), sales=[fact.parts()])
        return done

    def control(
        self, fact: ControlFact, versions: int | None = None
    ) -> asyncio.Future[Verdict]:
        """See Commits."""
        self._check(1)
        done: asyncio.Future[Verdict] = self._loop.create_future()
        self._ask(CONTROL, False, _Under(1, ones=[done]), control=fact, versions=versions)
        return done

    async def told_figures(self) -> Figures:
        """See Commits."""
        self._check(0)
        done: asyncio.Future[Figures] = self._loop.create_future()
        self._ask_figures(_Under(0, figures=done))
        return await done

    def _ask_figures(self, under: _Under) -> None:
        """Tell of the requests since the last time; where nobody waits the answer is for none."""
        requests = dict(self.requests)
        self.requests.clear()
        self._ask(FIGURES, False, under, requests=requests)

    def _trace(self) -> str:
        """The span of the request that asks; empty where nothing is traced."""
        return "" if self._tracing is None else self._tracing.here()

    def _check(self, facts: int) -> None:
        if self._writer is None or self._beat.silent_s() > FROZEN_S:
            raise _away()
        if self._facts + facts > MOST_IN_FLIGHT:
            raise ProblemError("overloaded", "too many facts wait; try again")

    def _ask(self, kind: int, force: bool, under: _Under, **content: Any) -> None:
        assert self._writer is not None
        self._number += 1
        self._under[self._number] = under
        self._facts += under.facts
        content.setdefault("traces", [trace] if (trace := self._trace()) else [])
        self._writer.write(_frame(Ask(self._number, kind, force, **content)))

    # -- being told ----------------------------------------------------------------------

    def _told(self, told: Told) -> None:
        under = self._under.pop(told.number, None)
        if under is None:
            # The writer was frozen meanwhile, and who waited has been told so.
            return
        self._facts -= under.facts
        if told.slug:
            under.fail(ProblemError(told.slug, told.detail))
            return
        if under.figures is not None:
            assert told.figures is not None
            _resolve(under.figures, told.figures)
        elif under.table is not None:
            _resolve(under.table, told.table)
        elif under.many is not None:
            _resolve(under.many, told.verdicts)
        else:
            for future, verdict in zip(under.ones, told.verdicts, strict=True):
                _resolve(future, verdict)


T = TypeVar("T")


def _resolve(done: asyncio.Future[T], value: T) -> None:
    """Tell someone who may have gone away."""
    if not done.done():
        done.set_result(value)


def _away() -> ProblemError:
    told = "the writer is starting again or stands still; send it again"
    return ProblemError("writer-away", told)
