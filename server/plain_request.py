"""Requests in plain form: their heads read where they stand, without a parser's machinery.

What tills send nearly always: a line of GET or POST without a query, headers that everybody sends,
each once, and a body of a told length. Nothing else is read here: aiohttp's parser decides over it.
The two agree on all that is read here, which a test holds.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from multidict import CIMultiDict, CIMultiDictProxy

MOST_HEAD = 2048
"""Bytes of a head."""

_LINE = re.compile(rb"(GET|POST) (/[\w.~:@!$&'()*+,;=/-]*) HTTP/1\.1")
_HEADER = re.compile(rb"([A-Za-z-]{1,32}): ?([!-~](?:[ -~]*[!-~])?)")

_ANY = re.compile(".*")
_VALUES = {
    "Host": re.compile(r"[\w.-]+(?::\d{1,5})?|\[[\da-fA-F:.]+\](?::\d{1,5})?", re.ASCII),
    "Content-Length": re.compile("0|[1-9][0-9]{0,8}"),
    "Content-Type": re.compile(
        r"application/(?:json|x-ndjson|vnd\.apache\.arrow\.stream)"
    ),
    "Connection": re.compile("[Kk]eep-[Aa]live"),
    "User-Agent": _ANY, "Accept": _ANY, "Accept-Encoding": _ANY, "Accept-Language": _ANY,
    "Authorization": _ANY, "X-Api-Key": _ANY, "If-None-Match": _ANY,
}  # fmt: skip
"""Headers that say nothing of how a message is framed or packed, and what they may say."""

_NAMES = {name.lower(): name for name in _VALUES}


class Head(NamedTuple):
    """A head: `begin` is where its body begins, `end` where that ends, both from the head's
    first byte on."""

    method: str
    target: str
    headers: CIMultiDictProxy[str]
    begin: int
    end: int


def plain_head(data: bytes) -> Head | None:
    """The head of a request in plain form that begins `data`; its body may be yet to come."""
    end = data.find(b"\r\n\r\n", 0, MOST_HEAD)
    stop = data.find(b"\r\n", 0, max(end, 0))
    if stop < 0:
        # The head is not whole, or no plain one.
        return None
    line = _LINE.fullmatch(data, 0, stop)
    if line is None:
        return None
    found = _headers(data[stop + 2 : end])
    if found is None:
        return None
    headers, length = found
    method, target = line[1].decode(), line[2].decode()
    if (length is None) != (method == "GET"):
        return None
    begin = end + 4
    return Head(method, target, headers, begin, begin + (length or 0))


@lru_cache(2048)
def _headers(block: bytes) -> tuple[CIMultiDictProxy[str], int | None] | None:
    """Headers, and the length of the body if they tell one; a client mostly sends the same."""
    headers: CIMultiDict[str] = CIMultiDict()
    for line in block.split(b"\r\n"):
        header = _HEADER.fullmatch(line)
        if header is None:
            return None
        name, value = _NAMES.get(header[1].decode().lower()), header[2].decode()
        if name is None or name in headers or not _VALUES[name].fullmatch(value):
            return None
        headers[name] = value
    length = headers.get("Content-Length")
    if "Host" not in headers or (length is None) != ("Content-Type" not in headers):
        return None
    return CIMultiDictProxy(headers), None if length is None else int(length)
