"""Quotes over HTTP: a basket that is not yet paid, and what it would come to."""

from __future__ import annotations

import time

import orjson
from aiohttp import web

from vafa.engine.facts import FormError
from vafa.engine.quote_form import decode_basket
from vafa.engine.quotes import quote
from vafa.engine.replica import Replica

from .decode import JSON
from .problems import ProblemError


def quote_response(replica: Replica, body: bytes, *, force: bool) -> web.Response:
    """The quote of a JSON basket. Raises ProblemError."""
    now = time.time_ns() // 1000
    try:
        basket = decode_basket(body, now)
    except FormError as error:
        raise ProblemError(error.slug, error.message, error.path) from None
    verdict = quote(replica, basket, now, force=force)
    if verdict.refusal is not None:
        raise ProblemError(verdict.refusal.slug, verdict.refusal.detail, verdict.refusal.path)
    return web.Response(body=orjson.dumps(verdict.answer), content_type=JSON)
