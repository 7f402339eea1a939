"""The edge of HTTP: bodies, encodings, versions, and what aiohttp says of broken requests."""

from __future__ import annotations

import asyncio
import logging
import zlib
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web
from aiohttp.http import HttpVersion10, HttpVersion11
from aiohttp.web_protocol import RequestHandler

from .problems import ProblemError

log = logging.getLogger("vafa")

MOST_BODY = 64 * 1024 * 1024
BODY_S = 10.0

_VERSIONS = (HttpVersion11, HttpVersion10)
_WINDOW_BITS = {"gzip": 31, "deflate": 15}


def check_version(request: web.BaseRequest) -> None:
    """aiohttp serves any version that a request line names. Raises ProblemError."""
    if request.version not in _VERSIONS:
        raise ProblemError("http-version", "speak HTTP/1.1")


async def read_body(request: web.BaseRequest) -> bytes:
    """The whole body, unpacked, within its time and size. Raises ProblemError."""
    headers = request.headers
    encoding = headers.get("Content-Encoding", "identity")
    if encoding != "identity" and encoding not in _WINDOW_BITS:
        raise ProblemError("unsupported-media", f"the content encoding {encoding!r} is unknown")
    if "Expect" in headers:
        await _invite(request)
    if request.content.is_eof():
        # A small body has arrived with its head, as most have: no timer, no waiting.
        body = request.content.read_nowait()
    else:
        if (request.content_length or 0) > MOST_BODY:
            raise ProblemError("too-large", f"the body is over {MOST_BODY} bytes")
        try:
            async with asyncio.timeout(BODY_S):
                body = await request.read()
        except TimeoutError:
            raise ProblemError(
                "body-timeout", f"the body did not arrive in {BODY_S:.0f} s"
            ) from None
    return body if encoding == "identity" else _unpack(body, _WINDOW_BITS[encoding])


async def _invite(request: web.BaseRequest) -> None:
    """Answer `Expect: 100-continue`, which large uploads wait for."""
    if request.headers["Expect"].lower() != "100-continue":
        raise ProblemError("unsupported-media", "only 100-continue can be expected")
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


class _Connection(RequestHandler):
    """One connection, whose errors have the shape of all others and quote nobody's bytes."""

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

    def __init__(self, handle: Callable[[web.BaseRequest], Awaitable[Any]]) -> None:
        def request(
            message: Any, payload: Any, protocol: Any, writer: Any, task: Any
        ) -> web.BaseRequest:
            return web.BaseRequest(
                message, payload, protocol, writer, task, self._loop, client_max_size=MOST_BODY
            )

        # Bodies are unpacked here (`_unpack`), not by the parser.
        super().__init__(
            handle, request_factory=request, access_log=None, auto_decompress=False
        )

    def __call__(self) -> RequestHandler:
        """A handler for a new connection."""
        return _Connection(self, loop=self._loop, **self._kwargs)
