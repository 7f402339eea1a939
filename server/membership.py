"""Members by their cards, and what cards are."""

from __future__ import annotations

import orjson
from aiohttp import web

from vafa.engine.columns.answers import instant_text
from vafa.engine.views.views import card_view, member_json

from .decode import JSON
from .front import Front
from .parameters import instant, parameters
from .problems import ProblemError
from .reply import Reply


class MembershipDoor:
    """Shows whose a card is."""

    def __init__(self, front: Front) -> None:
        self.front = front

    def card(self, request: web.BaseRequest, card: str) -> Reply:
        """A card at an instant, default now: its member, whether it is blocked."""
        at = instant(parameters(request, "at"), "at")
        found = card_view(self.front.follow(), card, at)
        if found is None:
            raise ProblemError("not-found", f"no card {card!r}")
        return Reply(orjson.dumps(found), JSON)

    def member_of_card(self, request: web.BaseRequest, _: str) -> Reply:
        """The member that has a card at an instant, as the member's own path shows it."""
        given = parameters(request, "card", "at")
        at = instant(given, "at")
        if not given.get("card"):
            raise ProblemError("invalid-parameter", "card is missing")
        replica = self.front.follow()
        card = card_view(replica, given["card"], at)
        found = member_json(replica, card["member"], at) if card else None
        if found is None:
            when = "" if at is None else f" at {instant_text(at)}"
            raise ProblemError("not-found", f"no member has the card {given['card']!r}{when}")
        return Reply(found[0], JSON)
