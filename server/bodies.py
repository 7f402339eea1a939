"""Bodies of requests: within their size and time, whole, unpacked; the versions of HTTP."""

from __future__ import annotations

import asyncio
import fcntl
import termios
import zlib
from collections.abc import Iterator
from contextlib import contextmanager

from aiohttp import web
from aiohttp.http import HttpVersion10, HttpVersion11

from .problems import ProblemError

MOST_BODY = 64 * 1024 * 1024
"""Bytes of a body, unpacked too."""

BODY_S = 10.0
"""Seconds until a body has arrived."""

TICK_S = 0.5
"""What those seconds are counted in."""

_NOTHING = bytes(4)

_VERSIONS = (HttpVersion11, HttpVersion10)
_ENCODINGS = {None: None, "identity": None, "gzip": 31, "x-gzip": 31, "deflate": 15}
"""Window bits of zlib by content encoding; None where nothing is packed."""


def check_version(request: web.BaseRequest) -> None:
    """aiohttp serves any version that a request line names. Raises ProblemError."""
    version = request.version
    if version is not HttpVersion11 and version not in _VERSIONS:
        raise ProblemError("http-version", "speak HTTP/1.1")


async def read_body(request: web.BaseRequest) -> bytes:
    """The whole body, unpacked, within its time and size. Raises ProblemError."""
    encoding = request.headers.get("Content-Encoding")
    if encoding is not None:
        encoding = ", ".join(request.headers.getall("Content-Encoding")).lower()
    if encoding not in _ENCODINGS:
        raise ProblemError("unsupported-media", f"the content encoding {encoding!r} is unknown")
    body = await read_raw(request)
    window_bits = _ENCODINGS[encoding]
    return body if window_bits is None else _unpack(body, window_bits)


async def read_raw(request: web.BaseRequest) -> bytes:
    """The whole body as it was sent, within its time and size. Raises ProblemError."""
    taken: bytes | None = getattr(request, "taken", None)
    if taken is not None:
        return taken
    if (request.content_length or 0) > MOST_BODY:
        raise ProblemError("too-large", f"the body is over {MOST_BODY} bytes")
    headers = request.headers
    if "Transfer-Encoding" in headers:
        _check_transfer(request)
    if "Expect" in headers and request.version != HttpVersion10:
        await _invite(request)
    if request.content.is_eof():
        # A small body has arrived with its head, as most have: no timer, no waiting.
        return request.content.read_nowait()
    try:
        async with asyncio.timeout(None) as time:
            with _counting(request, time):
                return await request.read()
    except TimeoutError:
        # Nobody waits for the rest of it any more.
        request.protocol._lingering_time = 0.0
        raise ProblemError(
            "body-timeout", f"the body did not arrive in {BODY_S:.0f} s"
        ) from None


@contextmanager
def _counting(request: web.BaseRequest, time: asyncio.Timeout) -> Iterator[None]:
    """End `time` when the sender of a body has had its seconds.

    One at whose end bytes are there that this process has not read, for being busy, is no second
    of the sender's.
    """
    loop = asyncio.get_running_loop()
    left = round(BODY_S / TICK_S)
    ticking: list[asyncio.TimerHandle] = []

    def tick() -> None:
        nonlocal left
        left -= not is_unread(request.transport)
        if left > 0:
            ticking[:] = [loop.call_later(TICK_S, tick)]
        else:
            time.reschedule(loop.time())

    ticking.append(loop.call_later(TICK_S, tick))
    try:
        yield
    finally:
        ticking[0].cancel()


def is_unread(transport: asyncio.BaseTransport | None) -> bool:
    """Whether bytes have arrived on a connection that nobody has read."""
    if transport is None or transport.is_closing():
        return False
    sock = transport.get_extra_info("socket")
    return fcntl.ioctl(sock.fileno(), termios.FIONREAD, _NOTHING) != _NOTHING


def _check_transfer(request: web.BaseRequest) -> None:
    """aiohttp leaves a body packed that was packed for its way, and takes chunks of HTTP/1.0."""
    encoding = request.headers["Transfer-Encoding"].lower()
    if encoding != "chunked" or request.version == HttpVersion10:
        raise ProblemError("invalid-request", "the only transfer encoding is chunked, of HTTP/1.1")


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
