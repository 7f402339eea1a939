"""The edge of HTTP: connections, their bounds and their end, and what aiohttp cannot read."""

from __future__ import annotations

import asyncio
import logging
import resource
import sys
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from typing import Any, cast

from aiohttp import web
from aiohttp.http_exceptions import InvalidHeader, InvalidURLError, LineTooLong
from aiohttp.streams import EMPTY_PAYLOAD, StreamReader
from aiohttp.web_protocol import RequestHandler, _ErrInfo

from .bodies import MOST_BODY, is_unread
from .edge_requests import EdgeRequest, PlainRequest
from .plain_request import Head, plain_head
from .problems import ProblemError
from .reply import Awaited, Reply
from .steps import Steps

log = logging.getLogger("vafa")

HEAD_S = 10.0
"""Seconds until a head that has begun has arrived."""

DRAIN_S, FIRST_S, TURN_S = 15.0, 1.0, 0.01
"""Seconds of a server that ends: for what is under way (a body may take ten of them), for the
first request of a connection that was just taken, and between two looks."""

LATER_S = 1.0
"""A head may take so much longer, and again, while the server has not read what has arrived."""

MOST_TARGET, MOST_HEADER, MOST_HEADERS = 8_190, 8_192, 128
"""Bytes of path and query, bytes of a header, headers."""

MOST_HEAD = 64 * 1024
"""Bytes of a head."""

MOST_PIECES = 128
"""Heads that are read one by one of what has come at once."""

IDLE_S, NEW_S = 600.0, 60.0
"""Seconds that a connection may be idle, and until it has begun its first request."""

READ_S = 30.0
"""Seconds in which a client whose answer waits must have read some of it."""

MOST_CONNECTIONS, OTHER_FILES = 10_000, 256
"""Connections of a process, as far as it may have so many files; files that are none."""


def most_connections() -> int:
    """Connections that this process can have: it may open as many files as its hard limit says."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_CONNECTIONS + OTHER_FILES
    most = wanted if hard == resource.RLIM_INFINITY else min(hard, wanted)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
        soft = most
    free = wanted if soft == resource.RLIM_INFINITY else soft
    return max(1, min(MOST_CONNECTIONS, free - OTHER_FILES))


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

    aiohttp has no deadline for a head that arrives byte by byte, none of its size, and no bound on
    connections.
    Its parser, its queue of messages and its streams are a third of what a sale costs: a request in
    plain form that arrives whole goes around them, as long as they are between two requests.
    """

    _head: asyncio.TimerHandle | None = None
    _heads = 0
    _head_size = 0
    """Bytes since the latest request."""
    body: StreamReader = EMPTY_PAYLOAD
    """Of the latest request: what of it comes after the answer is no head."""
    _between = True
    """Whether aiohttp's parser has had whole requests only, but for the `_rest` of a body."""
    _rest = 0
    _later = b""
    """What has come while a plain request is under way."""
    _answering = False
    """Whether a plain request is under way."""
    ending = False
    """Whether the server ends: the next answer is the last one."""
    _has_said_all = False
    """Whether nothing comes any more, or nothing that can be read."""
    _wire: asyncio.WriteTransport
    """The transport, also of a connection that is closed and has yet to send."""
    _slow: asyncio.TimerHandle | None = None
    """Looks whether a client reads whose answer waits."""
    _new: asyncio.TimerHandle | None = None
    """Closes a connection on which nothing comes."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A connection beyond the bound is told so and closed."""
        self._new_task = self._loop.create_task
        super().connection_made(transport)
        assert self._manager is not None
        server = cast(EdgeServer, self._manager)
        self.ending, self._at_once = server.ending, server.answer
        if sys.version_info < (3, 12):
            self._loop = cast(asyncio.AbstractEventLoop, _OneTask(self._loop))
        self._wire = cast(asyncio.WriteTransport, transport)
        self._new = self._loop.call_later(NEW_S, self._end_unused)
        if len(self._manager.connections) > server.most_connections:
            self._say(ProblemError("overloaded", f"over {server.most_connections} connections"))

    def _end_unused(self) -> None:
        self._new = None
        if self._request_count == 0 and self._head is None and self._idle:
            self.force_close()

    def pause_writing(self) -> None:
        """An answer waits for its reader, who may not take for ever."""
        super().pause_writing()
        if self._slow is None:
            self._look_again()

    def resume_writing(self) -> None:
        """It has been read."""
        if self._slow is not None:
            self._slow.cancel()
            self._slow = None
        super().resume_writing()

    def _look_again(self) -> None:
        waits = self._wire.get_write_buffer_size()
        self._slow = self._loop.call_later(READ_S, self._look_at_reader, waits)

    def _look_at_reader(self, waited: int) -> None:
        if self._wire.get_write_buffer_size() < waited:
            self._look_again()
        else:
            # Closing would wait for what is not sent.
            self._slow = None
            self._wire.abort()

    def data_received(self, data: bytes) -> None:
        """A request in plain form is taken here; of others a head must be whole in time."""
        if self._answering:
            self._later += data
            self._pause_transport_reading()
            return
        if self._between and data:
            head = None if self._rest else plain_head(data)
            end = self._rest if head is None else head.end
            if head is not None and len(data) == end and self._idle:
                self._take(head, data)
                return
            self._rest = end - len(data)
            # More than one request, or none that is plain: who knows where the parser stands then.
            self._between = end > 0 and self._rest >= 0
        is_idle = self._current_request is None and not self._messages
        is_head = False
        for piece in _pieces(data):
            is_head = self._latest_body.is_eof()
            self._feed(piece, is_head=is_head)
        if data and is_idle and is_head and not self._messages:
            self._time_head()

    def _feed(self, piece: bytes, *, is_head: bool) -> None:
        """Have aiohttp read what ends with a head, or is of a body."""
        if self._has_error:
            # Nobody knows where another request would begin.
            return
        if is_head and not self._buffer_paused:
            self._head_size += len(piece)
        requests, body = self._request_count, self._latest_body
        super().data_received(piece)
        if self._head_size > MOST_HEAD and not self._has_error:
            if self._request_count != requests:
                self._messages.pop()
            self._refuse(ProblemError("head-too-large", f"the head is over {MOST_HEAD} bytes"))
        if self._request_count != requests:
            self._head_size = 0
        if self._has_error and not body.is_eof():
            # Not of a head: the request before it is the one that cannot be read.
            if len(self._messages) > 1:
                del self._messages[-2]
            else:
                error, _ = self._messages.pop()
                self._spoil(body, _unread(error.exc))

    def _spoil(self, body: StreamReader, error: Exception) -> None:
        """A body that will never be whole: its reader is told so, and nothing follows it."""
        self._has_said_all, self._lingering_time = True, 0.0
        if self._messages or self._request_in_progress:
            body.set_exception(error)
        else:
            self.force_close()

    @property
    def _has_error(self) -> bool:
        """Whether what was read last is no request."""
        return bool(self._messages) and isinstance(self._messages[-1][0], _ErrInfo)

    def _refuse(self, problem: ProblemError) -> None:
        """Answer what cannot be read, after what was asked before it."""
        self._request_count += 1
        self._messages.append((_ErrInfo(status=400, exc=problem, message=""), EMPTY_PAYLOAD))
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    @property
    def _latest_body(self) -> StreamReader:
        """The body of the latest request that has been read."""
        return self._messages[-1][1] if self._messages else self.body

    def _time_head(self) -> None:
        """A head has begun that is not whole yet."""
        if self._head is not None and self._heads != self._request_count:
            # The head that is timed has been answered: this is another one.
            self._head.cancel()
            self._head = None
        if self._head is None:
            self._head = self._loop.call_later(HEAD_S, self._end_head)
            self._heads = self._request_count

    def eof_received(self) -> bool:  # type: ignore[override]
        """A client that has said all is still answered; over TLS nobody can be."""
        self._has_said_all = True
        return self.ssl_context is None and self._awaits_answer()

    def _awaits_answer(self) -> bool:
        """Whether one who has said all waits for an answer; a body that is cut short is refused."""
        if self._answering:
            return True
        if not self._messages and not self._request_in_progress:
            return False
        body = self._latest_body
        if not body.is_eof():
            self._spoil(body, web.RequestPayloadError("the body ends before all of it came"))
        return True

    @property
    def is_last(self) -> bool:
        """Whether the answer under way is the last one."""
        return self.ending or (self._has_said_all and not self._messages and not self._later)

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        """Send an answer; the client may have said all while a slow reader was waited for."""
        response, lost = await super().finish_response(request, resp, start_time)
        return response, lost or (self._has_said_all and self.is_last)

    @property
    def _idle(self) -> bool:
        """Whether the connection waits for a request, and is to."""
        waits = self._waiter is not None and not self._waiter.done() and not self._messages
        return waits and not self._close and not self._force_close

    def _take(self, head: Head, data: bytes) -> None:
        """Answer a plain request, which is all of `data`."""
        assert self._manager is not None
        self._request_count += 1
        self._manager.requests_count += 1
        self._next_keepalive_close_time = self._loop.time() + IDLE_S
        request = PlainRequest(head, data[head.begin :], self)
        # It is under way at once, also for a server that ends now.
        self._answering = self._request_in_progress = True
        self._current_request = request
        answer = self._at_once(request)
        if type(answer) is Reply:
            self._answer(answer)
        else:
            Steps(self._loop, answer, self._answer, self._lose)

    def _answer(self, response: web.StreamResponse) -> None:
        """Send the answer to the plain request; where its reader is slow, a task waits for him."""
        request = self._current_request
        assert request is not None
        if type(response) is not Reply or self._paused:
            self._new_task(self._answer_slowly(request, response))
            return
        if self.transport is None:
            self._go_on(more=False)
            return
        self.transport.write(response.message(request))
        self._go_on(more=bool(response.keep_alive))

    async def _answer_slowly(
        self, request: web.BaseRequest, response: web.StreamResponse
    ) -> None:
        more = False
        try:
            _, lost = await self.finish_response(request, response, None)
            more = bool(response.keep_alive) and not lost
        except ConnectionError:
            log.debug("a connection was lost before its answer")
        finally:
            self._go_on(more=more)

    def _lose(self, error: BaseException) -> None:
        """The plain request has no answer: its handler makes one of all but lost connections."""
        if not isinstance(error, ConnectionError | asyncio.CancelledError):
            log.error("a request failed outside its handler: %r", error)
        self._go_on(more=False)

    def _go_on(self, *, more: bool) -> None:
        """The plain request is over: see what has come meanwhile, or close."""
        self._answering = self._request_in_progress = False
        self._current_request = None
        if self._handler_waiter is not None:
            self._handler_waiter.set_result(None)
        if not more or (self._has_said_all and self.is_last):
            self.force_close()
        if self._later:
            data, self._later = self._later, b""
            self._resume_transport_reading()
            self.data_received(data)
            if self._has_said_all and not self._awaits_answer():
                self.force_close()

    def _end_head(self) -> None:
        self._head = None
        if not self._in_head or self._current_request is not None:
            return
        if is_unread(self.transport):
            # The loop stood still: the rest of the head may be there.
            self._head = self._loop.call_later(LATER_S, self._end_head)
            return
        detail = f"the head did not arrive in {HEAD_S:.0f} s"
        self._say(ProblemError("head-timeout", detail))

    @property
    def _in_head(self) -> bool:
        """Whether no request has come since the head began that is timed, or was last."""
        return self._request_count == self._heads

    @property
    def _has_begun(self) -> bool:
        """Whether a request is here whose answer is not yet, or the rest of one is read."""
        waits = self._waiter is not None and not self._waiter.done() and not self._messages
        return self._request_in_progress or not waits

    @property
    def _may_begin(self) -> bool:
        """Whether a request is on its way: the first one, or one of which some is here."""
        is_new = self._request_count == 0
        in_head = self._head is not None and self._in_head
        return is_new or in_head or is_unread(self.transport)

    def end(self, *, late: bool = False) -> None:
        """The server ends: the next answer is the last one, and without a request there is none.

        `late`: for one that has not begun nobody waits any more.
        """
        self.ending = True
        if not self._has_begun and (late or not self._may_begin):
            self.force_close()

    def cut(self) -> None:
        """The server has ended before the answer was there."""
        if self._current_request is not None and not self._paused:
            self._say(ProblemError("writer-away", "the server ends; send it again"))
        self.force_close()

    def connection_lost(self, exc: BaseException | None) -> None:
        """Nobody waits for the rest of a head any more."""
        for timer in (self._head, self._slow, self._new):
            if timer is not None:
                timer.cancel()
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
        if isinstance(exc, ProblemError):
            problem = exc
        elif status < 500:
            problem = _unread(exc)
        elif isinstance(exc, ConnectionError):
            log.debug("a connection was lost before its answer")
            raise exc
        else:
            log.error("a request failed outside its handler: %r", exc)
            problem = ProblemError("internal", "a defect of vafa; it has been logged")
        response = problem.response()
        response.force_close()
        return response


def _pieces(data: bytes) -> Iterator[bytes]:
    """Data cut behind each head in it.

    What stands behind a request in the same data may be no request: aiohttp's parser would then
    forget the request too. A body may be of line ends alone, hence a bound.
    """
    begin = 0
    for _ in range(MOST_PIECES):
        end = data.find(b"\r\n\r\n", begin) + 4
        if end < 4:
            break
        yield data[begin:end]
        begin = end
    if begin < len(data) or not data:
        yield data[begin:]


def _unread(error: BaseException | None) -> ProblemError:
    """What is wrong with a request that aiohttp could not read; nobody's bytes are quoted."""
    said = getattr(error, "message", "")
    if isinstance(error, LineTooLong):
        if error.args[1] == MOST_TARGET:
            return ProblemError("target-too-long", f"path and query are over {MOST_TARGET} bytes")
        return ProblemError("head-too-large", f"a header is over {MOST_HEADER} bytes")
    if said == "Too many headers received":
        return ProblemError("head-too-large", f"there are over {MOST_HEADERS} headers")
    if "Invalid HTTP version" in said:
        return ProblemError("http-version", "speak HTTP/1.1")
    reason = ""
    if not isinstance(error, InvalidHeader | InvalidURLError):
        # The parser's own words: the bytes that it quotes stand on further lines.
        reason = ": " + said.partition(":\n")[0].rstrip(".")
    return ProblemError("invalid-request", f"the request is not well-formed HTTP{reason}")


class EdgeServer(web.Server):
    """aiohttp's low-level server with our connections."""

    def __init__(
        self, handle: Callable[[web.BaseRequest], Awaited],
        answer: Callable[[web.BaseRequest], Reply | Awaited] | None = None,
    ) -> None:
        """`handle` is a coroutine function, which waits for futures only (see `Steps`); `answer`
        is asked in its place for requests in plain form, and may give a reply at once."""

        def request(
            message: Any, payload: Any, protocol: Any, writer: Any, task: Any
        ) -> web.BaseRequest:
            protocol.body = payload
            return EdgeRequest(
                message, payload, protocol, writer, task, self._loop, client_max_size=MOST_BODY
            )

        # Bodies are unpacked here (`bodies`), not by the parser.
        self.ending = False
        self.most_connections = most_connections()
        self.answer = answer or handle
        super().__init__(
            handle, request_factory=request, access_log=None, auto_decompress=False,
            keepalive_timeout=IDLE_S, max_line_size=MOST_TARGET, max_field_size=MOST_HEADER,
            max_headers=MOST_HEADERS,
        )

    def __call__(self) -> RequestHandler:
        """A handler for a new connection."""
        return _Connection(self, loop=self._loop, **self._kwargs)

    def pre_shutdown(self) -> None:
        """From now on every connection's next answer is its last; idle ones are closed."""
        self.ending = True
        self._end_connections(late=False)

    def _end_connections(self, *, late: bool) -> None:
        for connection in self.connections:
            cast(_Connection, connection).end(late=late)

    async def shutdown(self, timeout: float | None = DRAIN_S) -> None:
        """Wait until what has begun is answered; the connections then close by themselves.

        aiohttp's own way forgets what a request has yet to read, and waits as long as clients that
        send one request after the other find another word to say.
        """
        now = self._loop.time
        begun = now()
        until = begun + (DRAIN_S if timeout is None else timeout)
        while self._connections and now() < until:
            await asyncio.sleep(TURN_S)
            self._end_connections(late=now() - begun > FIRST_S)
        for connection in self.connections:
            cast(_Connection, connection).cut()
        await asyncio.sleep(TURN_S)
