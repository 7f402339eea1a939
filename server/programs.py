"""The door of programs: versions, how they differ, checks, publication."""

from __future__ import annotations

import asyncio
import re
from typing import Annotated, Any, TypeVar

import msgspec
import orjson
from aiohttp import web
from msgspec import Meta

from vafa.engine.checks.holiday_calendars import Override, check_overrides
from vafa.engine.checks.program_file import ProgramError, parse_program, split_path
from vafa.engine.checks.publication import publication
from vafa.engine.checks.whole import warnings
from vafa.engine.columns.answers import Answer, instant_text
from vafa.engine.controls.program_differences import differences
from vafa.engine.controls.versions import ProgramVersions, Version, unlike
from vafa.engine.facts import PublishFact
from vafa.engine.facts.parts import FormError, Instant, instant_us
from vafa.engine.program.lines import LineMap
from vafa.engine.program.program import Program
from vafa.engine.replica.replica import Replica
from vafa.engine.wire.json_facts import check_members

from . import caching
from .decode import JSON, read_json
from .front import Front
from .parameters import parameters, whole
from .problems import ProblemError

MOST_VERSION = 65_535
MOST_TEXT = 8 * 1024 * 1024
"""Bytes of a body with a program: its text with every letter escaped, and holidays."""
_NUMBER = re.compile("[1-9][0-9]{0,4}")
ProgramText = Annotated[str, Meta(min_length=1, max_length=1_000_000)]


class ProgramBody(msgspec.Struct, forbid_unknown_fields=True):
    """A program's text to be checked; `overrides` as in the override file of holidays."""

    program: ProgramText
    overrides: dict[str, Override] = {}


class PublishBody(ProgramBody, forbid_unknown_fields=True, rename={"since": "from"}, kw_only=True):
    """A program's text that is to be in force from an instant on."""

    since: Instant


class ProgramDoor:
    """Shows programs and publishes them."""

    def __init__(self, front: Front) -> None:
        self.front = front

    # -- reads ----------------------------------------------------------------------------

    async def versions(self, request: web.BaseRequest, _: str) -> web.Response:
        """All versions, and from when to when each is in force."""
        parameters(request)
        replica = self.front.follow()
        shown = [_shown(replica, version) for version in replica.versions]
        body = orjson.dumps({"versions": shown})
        return caching.answer(request, body, _tag(replica.versions))

    async def version(self, request: web.BaseRequest, number: str) -> web.Response:
        """One version with its text and the dates of its holidays."""
        parameters(request)
        replica = self.front.follow()
        version = _version(replica.versions, number)
        shown = _shown(replica, version)
        shown["text"] = version.content.program
        shown["holidays"] = version.content.holidays
        body = orjson.dumps(shown)
        return caching.answer(request, body, caching.strong(body))

    async def differences(self, request: web.BaseRequest, number: str) -> web.Response:
        """How a version differs from another one, by default the one before."""
        given = parameters(request, "from")
        versions = self.front.follow().versions
        new = _version(versions, number)
        other = whole(given, "from", 1, MOST_VERSION, new.number - 1)
        old = _version(versions, str(other))
        body = orjson.dumps(differences(old, new))
        return caching.answer(request, body, caching.strong(body))

    # -- checks ---------------------------------------------------------------------------

    async def check(self, request: web.BaseRequest, _: str) -> web.Response:
        """Whether a program is sound and may follow those that the ledger has."""
        parameters(request)
        body = _decode(await read_json(request, MOST_TEXT), _check_decoder)
        versions = self.front.follow().versions
        told: dict[str, Any] = {"valid": True, "problems": [], "warnings": []}
        try:
            found, told["warnings"] = await asyncio.to_thread(_warned, body)
        except ProgramError as error:
            told |= {"valid": False, "problems": _listed(error)}
        else:
            reason = unlike(found, versions)
            if reason is not None:
                problem = {"line": 1, "path": "$", "message": reason}
                told |= {"valid": False, "problems": [problem]}
            told["program"] = found.id
            told["rules"] = len(found.rule)
        return web.Response(body=orjson.dumps(told), content_type=JSON)

    async def publish(self, request: web.BaseRequest, _: str) -> web.Response:
        """Put a program in force from an instant on, after the versions that the caller saw."""
        parameters(request)
        seen = _seen(request, self.front.follow().versions)
        body = _decode(await read_json(request, MOST_TEXT), _publish_decoder)
        fact = await asyncio.to_thread(_fact, body)
        verdict = await self.front.commits.control(fact, seen)
        if verdict.refusal is not None:
            refusal = verdict.refusal
            raise ProblemError(refusal.slug, refusal.detail, refusal.path)
        replica = self.front.follow()
        answer = verdict.answer
        assert answer is not None
        (version,) = (one for one in replica.versions if one.seq == answer["seq"])
        shown = {**_shown(replica, version), "status": answer["status"]}
        headers = {"ETag": _tag(replica.versions), "Location": f"/v1/programs/{version.number}"}
        if verdict.replayed:
            headers["Idempotent-Replayed"] = "true"
        return web.Response(
            status=200 if verdict.replayed else 201, body=orjson.dumps(shown),
            content_type=JSON, headers=headers,
        )


T = TypeVar("T", bound=ProgramBody)

_check_decoder = msgspec.json.Decoder(ProgramBody)
_publish_decoder = msgspec.json.Decoder(PublishBody)


def _decode(body: bytes, decoder: msgspec.json.Decoder[T]) -> T:
    try:
        decoded = decoder.decode(body)
    except msgspec.ValidationError as error:
        raise ProblemError("invalid-program", *split_path(str(error))) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ProblemError("invalid-json", str(error)) from None
    try:
        check_members(body)
    except FormError as error:
        raise ProblemError(error.slug, error.message, error.path) from None
    return decoded


def _warned(body: ProgramBody) -> tuple[Program, list[dict[str, Any]]]:
    """The program of a body, and what is suspicious in it. Raises as `_checked` does."""
    found, lines = _checked(body), LineMap(body.program)
    return found, [
        {"line": lines.line_of(path), "path": path, "message": message}
        for path, message in warnings(found)
    ]


def _checked(body: ProgramBody) -> Program:
    """The program of a body. Raises ProgramError, ProblemError for overrides."""
    found = parse_program(body.program)
    for path, message in check_overrides(body.overrides, found):
        raise ProblemError("invalid-program", message, f"overrides.{path}")
    return found


def _fact(body: PublishBody) -> PublishFact:
    try:
        instant_us(body.since, "from")
        found = _checked(body)
    except FormError as error:
        raise ProblemError("invalid-program", error.message, error.path) from None
    except ProgramError as error:
        count = len(error.problems)
        detail = f"the program has {count} problem{'s' if count > 1 else ''}"
        raise ProblemError(
            "invalid-program", detail, "program", problems=_listed(error)
        ) from None
    return publication(body.program, found, body.since, body.overrides)


def _listed(error: ProgramError) -> list[dict[str, Any]]:
    return [{"line": p.line, "path": p.path, "message": p.message} for p in error.problems]


def _shown(replica: Replica, version: Version) -> Answer:
    until = replica.versions.until(version)
    return {
        "version": version.number,
        "program": version.program.id,
        "title": version.program.title,
        "from": instant_text(version.since),
        "until": None if until is None else instant_text(until),
        "rules": len(version.program.rule),
        "id": replica.stored(version.seq).id,
        "seq": version.seq,
        "published_at": instant_text(replica.stored(version.seq).committed_at),
    }


def _version(versions: ProgramVersions, number: str) -> Version:
    place = int(number) if _NUMBER.fullmatch(number) else 0
    if not 0 < place <= len(versions):
        raise ProblemError("not-found", f"the ledger has versions 1 to {len(versions)}")
    return versions.all[place - 1]


def _tag(versions: ProgramVersions) -> str:
    """The tag of the ledger's programs: publications are never taken back."""
    return f'"{len(versions)}"'


def _seen(request: web.BaseRequest, versions: ProgramVersions) -> int | None:
    """How many versions the caller knows of; None for any number. Raises ProblemError."""
    header = request.headers.get("If-Match")
    if header is None:
        raise ProblemError(
            "precondition-required", "send If-Match with the ETag of /v1/programs"
        )
    if header.strip() == "*":
        return None
    if not caching.names(header, _tag(versions), strongly=True):
        # A repeat of a publication is answered all the same: the writer looks at its id first.
        return -1
    return len(versions)
