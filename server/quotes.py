"""Quotes over HTTP: a basket that is not yet paid, and what it would come to."""

from __future__ import annotations

import time

import orjson
from aiohttp import web

from vafa.engine.facts.parts import FormError
from vafa.engine.quotes.form import decode_basket
from vafa.engine.quotes.quotes import quote

from .decode import JSON, read_json
from .front import Front
from .guard import holder_of
from .parameters import flag, parameters
from .problems import ProblemError, refused


class QuoteDoor:
    """Quotes, from the replica of the process that is asked: the writer is not."""

    def __init__(self, front: Front) -> None:
        self.front = front

    async def post(self, request: web.BaseRequest, _: str) -> web.Response:
        """What a basket would come to; nothing is written."""
        force = flag(parameters(request, "force"), "force")
        body = await read_json(request)
        holder = holder_of(request)
        now = time.time_ns() // 1000
        try:
            basket = decode_basket(body, now)
        except FormError as error:
            raise ProblemError(error.slug, error.message, error.path) from None
        reason = None if holder is None else holder.refuses(basket.sale.store)
        if reason is not None:
            raise ProblemError("forbidden", reason, "store")
        verdict = quote(self.front.follow(), basket, now, force=force)
        if verdict.refusal is not None:
            raise refused(verdict.refusal, basket.sale.at / 1e6)
        return web.Response(body=orjson.dumps(verdict.answer), content_type=JSON)
