"""ETags: a reader that has the answer already is told so in a few bytes."""

from __future__ import annotations

import re
from collections.abc import Mapping

from aiohttp import web
from xxhash import xxh3_64_hexdigest

from .decode import JSON
from .problems import ProblemError
from .reply import Reply

_TAG = re.compile(r'\s*((?:W/)?)("[\x21\x23-\x7e\x80-\xff]*")\s*(?:,|$)')


def answer(
    request: web.BaseRequest, body: bytes, tag: str, headers: Mapping[str, str] | None = None,
    content_type: str = JSON,
) -> Reply:
    """The body with its ETag, or 304 where `If-None-Match` names it. Raises ProblemError."""
    named = {"ETag": tag, "Cache-Control": "no-cache", **(headers or {})}
    asked = request.headers.get("If-None-Match")
    if asked is not None and names(asked, tag):
        return Reply(b"", content_type, 304, named)
    return Reply(body, content_type, 200, named)


def check(headers: Mapping[str, str], tag: str | None, told: str) -> None:
    """The preconditions of a request that changes what has a tag; None: it is not there.

    Raises ProblemError, with `told` where one does not hold.
    """
    match, none_match = headers.get("If-Match"), headers.get("If-None-Match")
    if match is not None and not (names(match, tag or "", strongly=True) and tag):
        raise ProblemError("precondition-failed", told)
    if none_match is not None and tag and names(none_match, tag):
        raise ProblemError("precondition-failed", told)


def strong(body: bytes) -> str:
    """The tag of a body that is always the same for what it tells of."""
    return f'"{xxh3_64_hexdigest(body)}"'


def weak(body: bytes, told_now: str) -> str:
    """The tag of a body but for `told_now`, the instant of the asking, that stands in it."""
    return f'W/"{xxh3_64_hexdigest(body.replace(told_now.encode(), b"", 1))}"'


def names(header: str, tag: str, *, strongly: bool = False) -> bool:
    """Whether a list of tags has one, strong or weak alike, or both strong. Raises ProblemError."""
    if header.strip() == "*":
        return True
    found, end = [], 0
    while end < len(header):
        match = _TAG.match(header, end)
        if match is None:
            raise ProblemError(
                "invalid-parameter", 'If-Match and If-None-Match take "tags" or *'
            )
        if not (strongly and match[1]):
            found.append(match[2])
        end = match.end()
    return tag.removeprefix("W/") in found
