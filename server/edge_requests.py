"""Requests as the edge makes them: of aiohttp's parser, or of a head in plain form."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, cast

from aiohttp import web
from aiohttp.http import HttpVersion11, StreamWriter
from aiohttp.streams import EMPTY_PAYLOAD
from aiohttp.web_protocol import RequestHandler
from yarl import URL

from .plain_request import Head

if TYPE_CHECKING:
    from .keys import Holder


class Ending(Protocol):
    """A connection that may end."""

    @property
    def is_last(self) -> bool:
        """Whether the answer under way is the last one."""


class EdgeRequest(web.BaseRequest):
    """A request with its holder, once it is known, and the body, where that was needed for it."""

    ATTRS = web.BaseRequest.ATTRS | {"holder", "taken"}
    holder: Holder | None = None
    taken: bytes | None = None

    @property
    def keep_alive(self) -> bool:
        """Whether another request may follow; of a server that ends none may."""
        return super().keep_alive and not cast(Ending, self._protocol).is_last

    @property
    def raw_path(self) -> str:
        """The target as it was sent, without the name of this host (RFC 9112 3.2.2)."""
        target = self._message.path
        scheme, mark, rest = target.partition("://")
        host, slash, path = rest.partition("/")
        if not mark or scheme.lower() not in ("http", "https"):
            return target
        is_ours = host.lower() == self.headers.get("Host", "").lower()
        return slash + path if slash and is_ours else target


class PlainRequest(EdgeRequest):
    """A request whose head was read by `plain_head`, with its whole body."""

    ATTRS = EdgeRequest.ATTRS | {"_target"}

    def __init__(self, head: Head, body: bytes, protocol: RequestHandler) -> None:
        # Deliberately not the base's, which takes a parser's message.
        self._method, self._target, self._headers = head.method, head.target, head.headers
        self._version = HttpVersion11
        self._protocol, self._loop = protocol, protocol._loop
        self._payload, self._payload_writer = EMPTY_PAYLOAD, StreamWriter(protocol, self._loop)
        self._cache, self._state = {}, {}
        self._read_bytes = self.taken = body

    @property
    def keep_alive(self) -> bool:
        """As of any request; one in plain form does not ask for an end."""
        return not cast(Ending, self._protocol).is_last

    @property
    def raw_path(self) -> str:
        """The target as it was sent."""
        return self._target

    @property
    def _rel_url(self) -> URL:  # type: ignore[override]
        return URL(self._target, encoded=True)
