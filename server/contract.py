"""What a route takes and answers, as the OpenAPI document tells it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import UnionType
from typing import Any, Literal, NamedTuple

from vafa.engine.columns.status import REFUSALS

from .decode import JSON

Scope = Literal["open", "read", "write", "admin"]
"""Whom a route is for: everyone, or the holders of a key with this scope (tills: see `Told`)."""

Kind = type | UnionType | dict[str, Any]
"""Types of the engine or of `answer_types`, or a JSON Schema."""

TEXT: dict[str, Any] = {"type": "string"}
BYTES: dict[str, Any] = {"type": "string", "format": "binary"}


class Parameter(NamedTuple):
    """A query parameter or a header."""

    name: str
    about: str
    schema: dict[str, Any]
    place: Literal["query", "header"] = "query"
    required: bool = False


@dataclass(frozen=True, slots=True)
class Told:
    """A route for people and programs: `body` and `answers` by content type."""

    summary: str
    answers: Mapping[int, Mapping[str, Kind]]
    scope: Scope
    body: Mapping[str, Any] = field(default_factory=dict)
    parameters: tuple[Parameter, ...] = ()
    problems: tuple[str, ...] = ()
    till: bool = False
    """Whether a till's key will do as well."""

    @property
    def scopes(self) -> tuple[str, ...]:
        """The scopes of which a key needs one."""
        return (self.scope, "till") if self.till else (self.scope,)


def answers(kind: Kind, status: int = 200) -> dict[int, dict[str, Kind]]:
    """One JSON answer."""
    return {status: {JSON: kind}}


def flag(name: str, about: str) -> Parameter:
    """A parameter that is true or false."""
    return Parameter(name, about, {"type": "boolean", "default": False})


TAGGED = Parameter("If-None-Match", "a tag that the caller has", TEXT, "header")
UNCHANGED = Parameter("If-Match", "the tag of what is to be changed", TEXT, "header")
UNKNOWN = Parameter("If-None-Match", "`*`: only where nothing is known yet", TEXT, "header")
MATCHED = Parameter(
    "If-Match", "the tag of the versions that the caller knows", TEXT, "header", required=True
)

ALWAYS = (
    "invalid-request", "invalid-parameter", "http-version", "internal", "head-timeout",
    "target-too-long", "head-too-large", "forbidden",
)  # fmt: skip
"""Problems of every route."""

GUARDED = ("unauthorized", "rate-limited")
"""Problems of every route that is not open to everyone."""

BODIES = (
    "invalid-json", "duplicate-member", "invalid-body", "body-timeout", "too-large",
    "unsupported-media", "expectation-failed",
)  # fmt: skip
COMMITS = ("overloaded", "storage-full", "writer-away")
FACTS = (
    "invalid-fact", "id-reused", "no-program", "in-future", "too-late", "unknown-card",
    "unknown-sale", "unknown-referrer",
    "pin-needed", "pin-wrong", "pin-locked",
    *sorted(REFUSALS.values()),
)  # fmt: skip
