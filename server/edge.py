"""The edge of HTTP: bodies, encodings, versions, and what aiohttp says of broken requests."""

from __future__ import annotations

import asyncio
import logging
import sys
import zlib
from collections.abc import Awaitable, Callable, Coroutine
from typing import TYPE_CHECKING, Any, cast

from aiohttp import web
from aiohttp.http import HttpVersion10, HttpVersion11, RawRequestMessage, StreamWriter
from aiohttp.streams import EMPTY_PAYLOAD
from aiohttp.web_protocol import RequestHandler

from .problems import ProblemError
from .reply import Reply

if TYPE_CHECKING:
    from .keys import Holder

log = logging.getLogger("vafa")

MOST_BODY = 64 * 1024 * 1024
BODY_S = HEAD_S = 10.0
"""Seconds until a body, or a head that has begun, has arrived."""

DRAIN_S, FIRST_S, TURN_S = 15.0, 1.0, 0.01
"""Seconds of a server that ends: for what is under way, for the first request of a connection
that was just taken, and between two looks."""

IDLE_S = 600.0
"""Seconds that a connection may be idle."""

MOST_CONNECTIONS = 10_000
"""Connections of a process."""

_VERSIONS = (HttpVersion11, HttpVersion10)
_ENCODINGS = {None: None, "identity": None, "gzip": 31, "x-gzip": 31, "deflate": 15}
"""Window bits of zlib by content encoding; None where nothing is packed."""


def check_version(request: web.BaseRequest) -> None:
    """aiohttp serves any version that a request line names. Raises ProblemError."""
    if request.version not in _VERSIONS:
        raise ProblemError("http-version", "speak HTTP/1.1")


async def read_body(request: web.BaseRequest) -> bytes:
    """The whole body, unpacked, within its time and size. Raises ProblemError."""
    encoding = request.headers.get("Content-Encoding")
    if encoding is not None:
        encoding = encoding.lower()
    if encoding not in _ENCODINGS:
        raise ProblemError("unsupported-media", f"the content encoding {encoding!r} is unknown")
    body = getattr(request, "taken", None)
    if body is None:
        body = await read_raw(request)
    window_bits = _ENCODINGS[encoding]
    return body if window_bits is None else _unpack(body, window_bits)


async def read_raw(request: web.BaseRequest) -> bytes:
    """The whole body as it was sent, within its time and size. Raises ProblemError."""
    if (request.content_length or 0) > MOST_BODY:
        raise ProblemError("too-large", f"the body is over {MOST_BODY} bytes")
    if "Expect" in request.headers:
        await _invite(request)
    if request.content.is_eof():
        # A small body has arrived with its head, as most have: no timer, no waiting.
        return request.content.read_nowait()
    try:
        async with asyncio.timeout(BODY_S):
            return await request.read()
    except TimeoutError:
        raise ProblemError(
            "body-timeout", f"the body did not arrive in {BODY_S:.0f} s"
        ) from None


async def _invite(request: web.BaseRequest) -> None:
    """Answer `Expect: 100-continue`, which large uploads wait for."""
    if request.headers["Expect"].lower() != "100-continue":
        raise ProblemError("expectation-failed", "only 100-continue can be expected")
    await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    request.writer.output_size = 0


def _unpack(body: bytes, window_bits: int) -> bytes:
    """A packed body must be whole: aiohttp takes one that lacks its end."""
    unpacker = zlib.decompressobj(window_bits)
    try:
        plain = unpacker.decompress(body, MOST_BODY)
    except zlib.error as error:
        raise ProblemError("invalid-body", f"the body cannot be unpacked: {error}") from None
    if unpacker.unconsumed_tail:
        raise ProblemError("too-large", f"the body is over {MOST_BODY} bytes")
    if not unpacker.eof or unpacker.unused_data:
        raise ProblemError("invalid-body", "the packed body is cut short or has a tail")
    return plain


class EdgeRequest(web.BaseRequest):
    """A request with its holder, once it is known, and the body, where that was needed for it."""

    ATTRS = web.BaseRequest.ATTRS | {"holder", "taken"}
    holder: Holder | None = None
    taken: bytes | None = None


class _OneTask:
    """The loop as connections see it: their requests are handled in their own task.

    aiohttp makes a task for each request and waits for it: two turns of the loop, a tenth of what
    a small answer costs. From Python 3.12 on such a task begins at once, and mostly ends so.
    Nothing that handles requests leaves context variables behind.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        # Asked for each request.
        self.create_future, self.time, self.call_at = loop.create_future, loop.time, loop.call_at

    def create_task(self, work: Coroutine[Any, Any, Any]) -> Awaitable[Any]:
        """What the connection's task is to wait for."""
        return work

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loop, name)


class _Connection(RequestHandler):
    """One connection, whose errors have the shape of all others and quote nobody's bytes.

    aiohttp has no deadline for a head that arrives byte by byte, and no bound on connections.
    """

    _head: asyncio.TimerHandle | None = None
    _heads = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A connection beyond the bound is told so and closed."""
        super().connection_made(transport)
        assert self._manager is not None
        if sys.version_info < (3, 12):
            self._loop = cast(asyncio.AbstractEventLoop, _OneTask(self._loop))
        if len(self._manager.connections) > MOST_CONNECTIONS:
            self._say(ProblemError("overloaded", f"over {MOST_CONNECTIONS} connections"))

    def data_received(self, data: bytes) -> None:
        """A head must be whole in time; what waits for nothing is answered where it arrives."""
        # The connection's task is to be woken only by what it has to answer.
        waiter, self._waiter = self._waiter, None
        try:
            super().data_received(data)
        finally:
            self._waiter = waiter
        idle = not self._messages and self._current_request is None
        if waiter is not None and self._messages and not waiter.done() and not self._answered():
            waiter.set_result(None)
        if idle and data and self._head is None:
            self._heads = self._request_count
            self._head = self._loop.call_later(HEAD_S, self._end_head)

    def _answered(self) -> bool:
        """Answer the request that has arrived, unless the connection's task has to.

        Two turns of the loop and the task's bookkeeping cost as much as a member's balance.
        """
        message, payload = self._messages[0]
        if (
            len(self._messages) > 1 or self._paused or payload is not EMPTY_PAYLOAD
            or type(message) is not RawRequestMessage or message.method != "GET"
            or message.should_close or message.upgrade or self._keepalive_handle is None
        ):  # fmt: skip
            return False
        manager, parser, writer = self._manager, self._parser, StreamWriter(self, self._loop)
        assert isinstance(manager, EdgeServer)
        assert parser is not None
        assert self._task_handler is not None
        assert self.transport is not None
        request = manager.request(message, payload, self, writer, self._task_handler)
        reply = manager.at_once(request)
        if reply is None:
            return False
        self._messages.popleft()
        if hasattr(parser, "message_consumed"):
            # From aiohttp 3.14 on the parser counts what waits.
            parser.message_consumed()
        self.transport.write(reply.message(request))
        self._next_keepalive_close_time = self._loop.time() + IDLE_S
        return True

    def _end_head(self) -> None:
        self._head = None
        if self._request_count == self._heads and self._current_request is None:
            detail = f"the head did not arrive in {HEAD_S:.0f} s"
            self._say(ProblemError("head-timeout", detail))

    @property
    def _is_new(self) -> bool:
        """Whether the connection was taken and has not said yet what it wants."""
        return self.transport is not None and self._request_count == 0

    def close(self) -> None:
        """A server that ends closes what is idle; the rest of a body, or the first request of a
        connection that was just taken, still comes: see `shutdown`."""
        if not (self._is_new or self._request_in_progress):
            super().close()

    async def shutdown(self, timeout: float | None = DRAIN_S) -> None:
        """Answer what is under way or about to come, then close."""
        now = self._loop.time
        end = now() + (DRAIN_S if timeout is None else timeout)
        first = min(end, now() + FIRST_S)
        while self._is_new and now() < first:
            await asyncio.sleep(TURN_S)
        while self._request_in_progress and now() < end:
            await asyncio.sleep(TURN_S)
        await super().shutdown(max(0.0, end - now()))

    def connection_lost(self, exc: BaseException | None) -> None:
        """Nobody waits for the rest of a head any more."""
        if self._head is not None:
            self._head.cancel()
        super().connection_lost(exc)

    def _say(self, problem: ProblemError) -> None:
        """Answer without a request and close."""
        if self.transport is not None:
            self.transport.write(problem.message())
        self.force_close()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """The answer to a request that aiohttp could not read; the connection is closed."""
        if request.writer.output_size > 0:
            raise ConnectionError("a part of another answer has been sent")
        if status < 500:
            problem = ProblemError("invalid-request", "the request is not well-formed HTTP")
        else:
            log.error("a request failed outside its handler: %r", exc)
            problem = ProblemError("internal", "a defect of vafa; it has been logged")
        response = problem.response()
        response.force_close()
        return response


class EdgeServer(web.Server):
    """aiohttp's low-level server with our connections."""

    def __init__(
        self, handle: Callable[[web.BaseRequest], Awaitable[Any]],
        at_once: Callable[[web.BaseRequest], Reply | None] = lambda _: None,
    ) -> None:
        """`at_once` answers what waits for nothing; None is for `handle`."""
        self.at_once = at_once
        # Bodies are unpacked here (`_unpack`), not by the parser.
        super().__init__(
            handle, request_factory=self.request, access_log=None, auto_decompress=False,
            keepalive_timeout=IDLE_S,
        )

    def request(
        self, message: Any, payload: Any, protocol: Any, writer: Any, task: Any
    ) -> web.BaseRequest:
        """The request of a head that a connection has read."""
        return EdgeRequest(
            message, payload, protocol, writer, task, self._loop, client_max_size=MOST_BODY
        )

    def __call__(self) -> RequestHandler:
        """A handler for a new connection."""
        return _Connection(self, loop=self._loop, **self._kwargs)
