"""The least of an HTTP/1.1 client: ready bytes out, status and length of the answer back.

A full HTTP client costs more than the server it would measure.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import cast


def request_bytes(
    method: str,
    path: str,
    body: bytes = b"",
    *,
    content_type: str = "application/json",
    host: str = "127.0.0.1",
    headers: Iterable[tuple[str, str]] = (),
) -> bytes:
    """One keep-alive HTTP/1.1 request, ready to be written."""
    lines = [f"{method} {path} HTTP/1.1", f"Host: {host}"]
    if body:
        lines += [f"Content-Type: {content_type}", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers]
    return "\r\n".join([*lines, "", ""]).encode() + body


def post_requests(path: str, bodies: Iterable[bytes]) -> list[bytes]:
    """A JSON POST for each body."""
    return [request_bytes("POST", path, body) for body in bodies]


class Connection(asyncio.Protocol):
    """One keep-alive connection with at most one request under way."""

    __slots__ = ("_buffer", "_end", "_status", "answered", "lost", "since", "transport")

    def __init__(
        self,
        answered: Callable[[Connection, int], None],
        lost: Callable[[Connection], None],
    ) -> None:
        self.answered = answered
        self.lost = lost
        self.since = 0.0
        """Instant from which the request under way is measured; 0 when there is none."""
        self.transport: asyncio.Transport | None = None
        self._buffer = b""
        self._status = 0
        self._end = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # A cast: uvloop's transports do not inherit from asyncio's.
        self.transport = cast(asyncio.Transport, transport)

    def send(self, request: bytes, since: float) -> None:
        assert self.transport is not None
        self.since = since
        self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        buffer = self._buffer + data if self._buffer else data
        if not self._end:
            head = buffer.find(b"\r\n\r\n")
            if head < 0:
                self._buffer = buffer
                return
            try:
                status, length = parse_head(buffer[:head])
            except ValueError:
                if self.transport is not None:
                    self.transport.abort()
                return
            if status < 200:  # 100 Continue and its like come before the answer
                self._buffer = b""
                if rest := buffer[head + 4 :]:
                    self.data_received(rest)
                return
            self._status = status
            self._end = head + 4 + length
        if len(buffer) < self._end:
            self._buffer = buffer
            return
        self._buffer = b""
        self._end = 0
        self.answered(self, self._status)

    def connection_lost(self, exc: Exception | None) -> None:
        self.transport = None
        self.lost(self)


def parse_head(head: bytes) -> tuple[int, int]:
    """(status, body length) of a response head; raises ValueError for a chunked body."""
    status = int(head[9:12])
    at = head.find(b"\r\nContent-Length: ")
    if at < 0:
        at = head.lower().find(b"\r\ncontent-length: ")
    if at < 0:
        if status < 200 or status in {204, 304}:
            return status, 0
        raise ValueError("answer without Content-Length")
    end = head.find(b"\r\n", at + 18)
    return status, int(head[at + 18 : end if end > 0 else len(head)])
