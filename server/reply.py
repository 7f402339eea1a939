"""Answers whose bytes are known: head and body are written at once."""

from __future__ import annotations

from collections.abc import Coroutine, Mapping
from http import HTTPStatus
from typing import Any, final

from aiohttp import web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.helpers import rfc822_formatted_time
from aiohttp.http import SERVER_SOFTWARE, HttpVersion11

Awaited = Coroutine[Any, None, web.StreamResponse]
"""What is to be awaited for an answer."""

NOT_MODIFIED = 304
_NONE: Mapping[str, str] = {}
_LINES = {
    version: {
        int(status): f"HTTP/1.{version} {status.value} {status.phrase}\r\nServer: {SERVER_SOFTWARE}"
        for status in HTTPStatus
    }
    for version in (0, 1)
}


@final
class Reply(web.Response):
    """An answer of a known body.

    aiohttp's own way, over a mapping of headers and a buffer for what follows, costs as much
    as looking a member up.
    """

    def __init__(
        self, body: bytes, content_type: str, status: int = 200,
        headers: Mapping[str, str] = _NONE,
    ) -> None:
        """`headers` are names and values that need no encoding, without line ends."""
        # Deliberately not the base's, which makes the mapping.
        self._status = status
        self._told = body
        self._type = content_type
        self.named = headers

    def message(self, request: web.BaseRequest) -> bytes:
        """Head and body, as the request's version and method have them."""
        version = request.version
        is_11 = version is HttpVersion11 or version == HttpVersion11
        keep = self._keep_alive = request.keep_alive and self._keep_alive is not False
        more = ""
        for name, value in self.named.items():
            more += f"{name}: {value}\r\n"
        if keep != is_11:
            more += f"Connection: {'keep-alive' if keep else 'close'}\r\n"
        if self._status != NOT_MODIFIED:
            more += f"Content-Type: {self._type}\r\nContent-Length: {len(self._told)}\r\n"
        head = f"{_LINES[is_11][self._status]}\r\nDate: {rfc822_formatted_time()}\r\n{more}\r\n"
        body = b"" if request.method == "HEAD" else self._told
        return head.encode("latin-1") + body

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        """Write everything; aiohttp calls it first."""
        transport = request.transport
        if transport is None:
            raise ConnectionResetError("the connection is lost")
        transport.write(self.message(request))
        await request.writer.drain()
        return None

    async def write_eof(self, data: bytes = b"") -> None:
        """Nothing is left to be written; a slow reader is waited for in `prepare`."""
