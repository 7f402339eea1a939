"""The door of other systems' files: a body in their form, a result for each fact in it."""

from __future__ import annotations

import asyncio
import io
import re
import time
from pathlib import Path

import orjson
from aiohttp import web

from vafa.engine.checks.program_file import ProgramError
from vafa.engine.facts.parts import FormError
from vafa.engine.formats.found import Skipped
from vafa.engine.formats.mapping_file import completed, read_mapping
from vafa.engine.formats.readers import FORMATS, defaults_of, reader_of
from vafa.engine.formats.settings import Mapping
from vafa.engine.program.program import Program

from .bodies import read_body
from .decode import MOST_FACTS, NDJSON, Line
from .events import EventDoor, allowed_lines, asker
from .front import Front
from .parameters import flag, parameters
from .problems import ProblemError, language_of

AT_ONCE = 2
"""Bodies that are read at once: the others wait."""

READ_S = 60.0
"""Seconds for which a body is read at most: a small archive can unpack to hours of work."""

LAST_S = 5.0
"""Seconds that what is being read still has when the server ends."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class ImportDoor:
    """Takes files of other systems."""

    def __init__(self, front: Front, events: EventDoor) -> None:
        self.front = front
        self._events = events
        self._reading = asyncio.Semaphore(AT_ONCE)

    async def post(self, request: web.BaseRequest, name: str) -> web.Response:
        """The facts of a body, each on its own merit, in order.

        A body that cannot be read to its end keeps nothing.
        """
        force = flag(parameters(request, "force"), "force")
        holder = asker(request, force)
        replica = self.front.follow()
        if not len(replica.versions):
            raise ProblemError("no-program", "no program is in force")
        settings = self._settings(name, replica.versions.latest.program)
        body = await read_body(request)
        language = language_of(request.headers.get("Accept-Language"))
        # Large documents take seconds: other requests go on meanwhile.
        async with self._reading:
            source = _Source(body, self.front)
            lines, places, skipped = await asyncio.to_thread(_read, source, settings)
        if holder is not None:
            lines = await allowed_lines(lines, holder, self._events.follow)
        results = await self._events.results(lines, force, language, holder)
        results += [
            (number, orjson.dumps({"line": number, "status": "skipped", "reason": reason}) + b"\n")
            for number, reason in skipped
        ]
        results.sort()
        return web.Response(
            body=b"".join(_placed(number, places[number - 1], row) for number, row in results),
            content_type=NDJSON,
        )

    def _settings(self, name: str, program: Program) -> Mapping:
        """The mapping of a name: a file of the ledger's, or a format that needs none."""
        if not _NAME.fullmatch(name):
            raise ProblemError("not-found", f"no import {name[:80]!r}")
        folder = self.front.imports
        file = None if folder is None else Path(folder, f"{name}.toml")
        try:
            if file is not None and file.is_file():
                found = read_mapping(file)
            else:
                defaults = defaults_of(name) if name in FORMATS else None
                if defaults is None:
                    raise ProblemError("not-found", f"no import {name!r}")
                found = defaults
            return completed(found, program)
        except (ProgramError, ValueError, OSError) as error:
            # The first line is enough: the file stands on the server.
            said = str(error).removeprefix(f"{folder}/").partition("\n")[0]
            raise ProblemError("invalid-mapping", said) from None


class _Source(io.BytesIO):
    """A body that is read while there is time."""

    def __init__(self, body: bytes, front: Front) -> None:
        super().__init__(body)
        self._until = time.monotonic() + READ_S
        self._front = front

    def check(self) -> None:
        """Raises ProblemError when the time is over."""
        now = time.monotonic()
        if now > self._until:
            told = f"what is in the file is not read in {READ_S:.0f} s; send it in parts"
            raise ProblemError("too-large", told)
        if now > self._front.ends_at + LAST_S:
            raise ProblemError("overloaded", "the server ends; send the file again")

    def read(self, size: int | None = -1, /) -> bytes:
        """As of any stream. Raises ProblemError."""
        self.check()
        return super().read(size)


def _read(
    source: _Source, settings: Mapping
) -> tuple[list[Line], list[int | str], list[tuple[int, str]]]:
    """(facts and problems by number from 1, places, what is skipped). Raises ProblemError."""
    lines: list[Line] = []
    places: list[int | str] = []
    skipped: list[tuple[int, str]] = []
    try:
        for number, found in enumerate(reader_of(settings)(source, settings), 1):
            source.check()
            if number > MOST_FACTS:
                raise ProblemError("too-large", f"more than {MOST_FACTS} facts")
            places.append(found.at)
            try:
                fact = found.decoded()
            except FormError as error:
                lines.append((number, ProblemError(error.slug, error.message, error.path)))
                continue
            if isinstance(fact, Skipped):
                skipped.append((number, fact.reason))
            else:
                lines.append((number, fact))
    except FormError as error:
        slug = "too-large" if error.slug == "too-large" else "invalid-body"
        where = "" if error.path == "$" else f"{error.path}: "
        raise ProblemError(slug, where + error.message) from None
    return lines, places, skipped


def _placed(number: int, place: int | str, row: bytes) -> bytes:
    """A result with the place of its record in the body."""
    head = b'{"line":%d,' % number
    return head + b'"place":' + orjson.dumps(place) + b"," + row.removeprefix(head)
