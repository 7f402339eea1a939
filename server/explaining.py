"""Explanations over HTTP: why a fact came to what it came to."""

from __future__ import annotations

import asyncio

import msgspec
from aiohttp import web

from vafa.engine.explain.explain import Explainer, UnknownFact
from vafa.engine.explain.voice import LANGUAGES

from . import caching
from .front import Front
from .parameters import parameters
from .problems import ProblemError

TEXT = "text/plain"


class ExplainDoor:
    """Explains facts one at a time, beside the event loop: the rulebook in Python is slow."""

    def __init__(self, front: Front) -> None:
        self.front = front
        self._one = asyncio.Lock()

    async def get(self, request: web.BaseRequest, name: str) -> web.Response:
        """A fact as JSON, or as sentences where plain text is asked for."""
        given = parameters(request, "lang", "member")
        lang = given.get("lang", "en")
        if lang not in LANGUAGES:
            raise ProblemError("invalid-parameter", f"lang is en or fa, not {lang[:50]!r}")
        async with self._one:
            replica = self.front.follow()
            try:
                # What the replica is asked for, it is asked here: the thread reads the journal.
                explainer = Explainer(replica, lang)
                asked = explainer.find(name, given.get("member"))
                told = await asyncio.to_thread(explainer.explain, asked)
            except UnknownFact as error:
                raise ProblemError("not-found", str(error)) from None
        if _wants_text(request):
            return web.Response(text="\n".join(told.sentences) + "\n", content_type=TEXT)
        body = msgspec.json.encode(told)
        return caching.answer(request, body, caching.strong(body))


def _wants_text(request: web.BaseRequest) -> bool:
    """Whether plain text is accepted and JSON is not named."""
    accept = request.headers.get("Accept", "")
    return TEXT in accept and "json" not in accept
