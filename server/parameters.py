"""Query parameters: each route names those that it knows, the others are refused."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from aiohttp import web

from vafa.engine.facts.parts import Instant, instant_us

from .problems import ProblemError

_NONE: dict[str, str] = {}


def parameters(request: web.BaseRequest, *names: str) -> Mapping[str, str]:
    """The query parameters of a request by name. Raises ProblemError.

    A parameter that is not one of `names`, or is there twice, is refused.
    """
    if "?" not in request.raw_path or not request.query:
        return _NONE
    query = request.query
    for key in query:
        if key not in names:
            raise ProblemError("invalid-parameter", f"the parameter {key!r} is unknown")
        if len(query.getall(key)) > 1:
            raise ProblemError("invalid-parameter", f"{key} is there twice")
    return query


def flag(given: Mapping[str, str], name: str) -> bool:
    """True or false, which is the default. Raises ProblemError."""
    value = given.get(name)
    if value not in (None, "true", "false"):
        raise ProblemError("invalid-parameter", f"{name} is true or false, not {value!r}")
    return value == "true"


def whole(
    given: Mapping[str, str], name: str, least: int, most: int, default: int | None = None
) -> int | None:
    """A whole number within bounds. Raises ProblemError."""
    value = given.get(name)
    if value is None:
        return default
    if not (value.isascii() and value.isdigit() and len(value) < 20):
        raise ProblemError("invalid-parameter", f"{name} is a whole number, not {value[:50]!r}")
    if not least <= int(value) <= most:
        raise ProblemError("invalid-parameter", f"{name} is from {least} to {most}")
    return int(value)


def instant(given: Mapping[str, str], name: str) -> int | None:
    """An instant, us. Raises ProblemError."""
    value = given.get(name)
    if value is None:
        return None
    try:
        # A plus of an offset that was not percent-encoded has become a space.
        moment = msgspec.convert(value.replace(" ", "+"), Instant)
        return instant_us(moment, name)
    except ValueError:
        raise ProblemError(
            "invalid-parameter", f"{name} is an instant such as 2025-11-01T12:00:00Z"
        ) from None
