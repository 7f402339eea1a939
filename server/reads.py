"""Reads: members, their statements, facts and budgets, as they are on stable storage."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import orjson
from aiohttp import web

from vafa.engine.columns.answers import fact_view, instant_text, posting_details, stored_postings
from vafa.engine.columns.columns import CLAIMS
from vafa.engine.columns.schema import column
from vafa.engine.value.causes import cause_statement, cause_view, causes_view
from vafa.engine.value.rewards import rewards_view
from vafa.engine.views.budgets import budget_view
from vafa.engine.views.coupon_codes import code_view
from vafa.engine.views.first_answer import first_answer
from vafa.engine.views.gift_cards import gift_card_view
from vafa.engine.views.statement import MOST_ENTRIES, statement
from vafa.engine.views.views import member_json

from . import caching
from .front import Front
from .parameters import instant, parameters, whole
from .problems import ProblemError
from .reply import Reply

USUAL_ENTRIES = 50
"""Entries of a page where nobody asks for another number."""


class ReadDoor:
    """Shows members, facts and budgets."""

    def __init__(self, front: Front) -> None:
        self.front = front

    def member(self, request: web.BaseRequest, name: str) -> Reply:
        """A member's balances, tier, lots and totals at an instant, default now."""
        at = instant(parameters(request, "at"), "at")
        found = member_json(self.front.follow(), name, at)
        if found is None:
            when = "" if at is None else f" at {instant_text(at)}"
            raise ProblemError("not-found", f"no member {name!r}{when}")
        body, told_now = found
        return caching.answer(request, body, caching.weak(body, told_now))

    def causes(self, request: web.BaseRequest, _: str) -> Reply:
        """What each cause has been given, by currency."""
        parameters(request)
        body = orjson.dumps({"causes": causes_view(self.front.follow())})
        return caching.answer(request, body, caching.strong(body))

    def cause(self, request: web.BaseRequest, name: str) -> Reply:
        """What one cause has been given, and a page of by whom and by what, newest first."""
        given = parameters(request, "cursor", "limit")
        limit = whole(given, "limit", 1, MOST_ENTRIES, USUAL_ENTRIES)
        start = _place(given.get("cursor"))
        assert limit is not None
        replica = self.front.follow()
        found = cause_view(replica, name)
        if found is None:
            raise ProblemError("not-found", f"no cause {name!r}")
        entries, next_ = cause_statement(replica, name, limit, start)
        path = f"/v1/causes/{quote(name, safe='')}"
        return _page(request, found | {"entries": entries}, next_, path, limit)

    def rewards(self, request: web.BaseRequest, _: str) -> Reply:
        """The catalogue of rewards with what is left of each."""
        parameters(request)
        body = orjson.dumps({"rewards": rewards_view(self.front.follow())})
        return caching.answer(request, body, caching.strong(body))

    def gift_card(self, request: web.BaseRequest, code: str) -> Reply:
        """What is on a gift card at an instant, default now."""
        at = instant(parameters(request, "at"), "at")
        found = gift_card_view(self.front.follow(), code, at)
        if found is None:
            raise ProblemError("not-found", "no such gift card")
        body = orjson.dumps(found)
        return caching.answer(request, body, caching.weak(body, found["as_of"]))

    def coupon_code(self, request: web.BaseRequest, code: str) -> Reply:
        """A code of a printed coupon: whether it serves today."""
        parameters(request)
        found = code_view(self.front.follow(), code)
        if found is None:
            raise ProblemError("not-found", "no such code of a coupon")
        body = orjson.dumps(found)
        return caching.answer(request, body, caching.strong(body))

    def statement(self, request: web.BaseRequest, name: str) -> Reply:
        """A page of a member's facts, newest first, with what rules gave."""
        given = parameters(request, "cursor", "limit")
        limit = whole(given, "limit", 1, MOST_ENTRIES, USUAL_ENTRIES)
        start = _place(given.get("cursor"))
        assert limit is not None
        try:
            page = statement(self.front.follow(), name, limit, start)
        except LookupError:
            raise _no_cursor() from None
        if page is None:
            raise ProblemError("not-found", f"no member {name!r}")
        path = f"/v1/members/{quote(name, safe='')}/statement"
        return _page(request, {"member": name, "entries": page.entries}, page.next, path, limit)

    def event(self, request: web.BaseRequest, name: str) -> Reply:
        """A fact, its first answer and what limits cut."""
        parameters(request)
        replica = self.front.follow()
        seq = replica.find_ids([name]).get(name)
        if seq is None:
            raise ProblemError("not-found", f"no fact {name!r}")
        stored = replica.stored(seq)
        answer = first_answer(replica, seq)
        if answer["postings"] and stored.kind not in CLAIMS:
            assert replica.words is not None
            columns = stored_postings(stored.batch, stored.row)
            corrected = replica.names_of(set(columns["corrects"].tolist()) - {0})
            answer["postings"] = posting_details(replica.words, columns, corrected)
        shown = {"fact": fact_view(stored, replica.dictionaries), "answer": answer}
        claimed = replica.membership.receipts.by_sale.get(name)
        if claimed is not None and claimed.claim:
            member = replica.dictionaries.members.names[claimed.member]
            shown["claimed"] = {"claim": claimed.claim, "member": member}
        number = int(column(stored.batch, "program")[stored.row])
        if number:
            program = replica.versions.all[number - 1].program
            shown["program"] = {"id": program.id, "version": number}
        body = orjson.dumps(shown)
        return caching.answer(request, body, caching.strong(body))

    def budget(self, request: web.BaseRequest, rule: str) -> Reply:
        """What a rule may give to everyone, what it has given, whether it is closed."""
        parameters(request)
        found = budget_view(self.front.follow(), rule)
        if found is None:
            raise ProblemError("not-found", f"no rule {rule!r} with a budget")
        body = orjson.dumps(found)
        return caching.answer(request, body, caching.strong(body))


def _page(
    request: web.BaseRequest, shown: dict[str, Any], next_: int | None, path: str, limit: int
) -> Reply:
    """A page of entries, with where the next one is."""
    headers = {}
    if next_:
        cursor = f"{next_:x}"
        headers["Link"] = f'<{path}?cursor={cursor}&limit={limit}>; rel="next"'
    body = orjson.dumps(shown | {"next": cursor if next_ else None})
    return caching.answer(request, body, caching.strong(body), headers)


def _place(cursor: str | None) -> int | None:
    """The seq that a cursor stands for."""
    if cursor is None:
        return None
    if not cursor or len(cursor) > 16 or set(cursor) - set("0123456789abcdef"):
        raise _no_cursor()
    return int(cursor, 16)


def _no_cursor() -> ProblemError:
    return ProblemError("invalid-parameter", "the cursor is none of this statement")
