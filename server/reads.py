"""Reads: members and facts, as they are on stable storage."""

from __future__ import annotations

import orjson
from aiohttp import web

from vafa.engine.answers import fact_view, instant_text, posting_details, stored_postings
from vafa.engine.schema import column

from .decode import JSON
from .front import Front
from .parameters import instant, parameters
from .problems import ProblemError


class ReadDoor:
    """Shows members and facts."""

    def __init__(self, front: Front) -> None:
        self.front = front

    async def member(self, request: web.BaseRequest, name: str) -> web.Response:
        """A member's balances, tier, lots and totals at an instant, default now."""
        at = instant(parameters(request, "at"), "at")
        replica = self.front.follow()
        found = replica.member(name, at, lots=True)
        if found is None:
            when = "" if at is None else f" at {instant_text(at)}"
            raise ProblemError("not-found", f"no member {name!r}{when}")
        return web.Response(body=orjson.dumps(found), content_type=JSON)

    async def causes(self, request: web.BaseRequest, _: str) -> web.Response:
        """What each cause has been given, by currency."""
        parameters(request)
        return web.Response(body=orjson.dumps(self.front.follow().causes()), content_type=JSON)

    async def event(self, _: web.BaseRequest, name: str) -> web.Response:
        """A fact, its first answer and what limits cut."""
        replica = self.front.follow()
        seq = replica.find_ids([name]).get(name)
        if seq is None:
            raise ProblemError("not-found", f"no fact {name!r}")
        stored = replica.stored(seq)
        answer = replica.first_answer(seq)
        if answer["postings"]:
            assert replica.words is not None
            columns = stored_postings(stored.batch, stored.row)
            corrected = replica.names_of(set(columns["corrects"].tolist()) - {0})
            answer["postings"] = posting_details(replica.words, columns, corrected)
        body = {"fact": fact_view(stored, replica.dictionaries), "answer": answer}
        number = int(column(stored.batch, "program")[stored.row])
        if number:
            program = replica.versions.all[number - 1].program
            body["program"] = {"id": program.id, "version": number}
        return web.Response(body=orjson.dumps(body), content_type=JSON)
