"""The route table: what tills, store controllers and operators ask over HTTP."""

from __future__ import annotations

from aiohttp import web

from vafa.engine.explain.shape import ControlTold, Explanation
from vafa.engine.explain.voice import LANGUAGES
from vafa.engine.facts import LoneFact, MemberFact
from vafa.engine.facts.parts import Profile
from vafa.engine.views.statement import MOST_ENTRIES

from . import answer_types as shown
from .contract import (
    BODIES,
    BYTES,
    COMMITS,
    FACTS,
    MATCHED,
    TAGGED,
    TEXT,
    UNCHANGED,
    UNKNOWN,
    Parameter,
    Told,
    answers,
    flag,
)
from .decode import ARROW, JSON, NDJSON
from .edge import EdgeServer
from .events import EventDoor
from .explaining import ExplainDoor
from .front import Front
from .guard import Guard
from .imports import ImportDoor
from .keys import TILL_KINDS
from .kinds import PATHS, KindDoor, body_of
from .membership import MembershipDoor
from .openapi import DocumentDoor
from .operation import OperationDoor
from .outbox import MOST_EVENTS, USUAL_EVENTS, OutboxDoor
from .privacy import PinBody, PrivacyDoor
from .programs import MOST_VERSION, ProgramBody, ProgramDoor, PublishBody
from .quotes import QuoteDoor
from .reads import USUAL_ENTRIES, ReadDoor
from .router import Route, Router

AT = Parameter("at", "as of this instant; default now", {"type": "string", "format": "date-time"})
FORCE = flag("force", "take facts that are older than the late limit: the operator's")
ATOMIC = flag("atomic", "keep all facts of the batch or none")
CARD = Parameter("card", "the card", {"type": "string", "minLength": 1}, required=True)
CURSOR = Parameter("cursor", "where the last page ended", {
    "type": "string", "pattern": "^[0-9a-f]{1,16}$",
})  # fmt: skip
LIMIT = Parameter("limit", "most entries", {
    "type": "integer", "minimum": 1, "maximum": MOST_ENTRIES, "default": USUAL_ENTRIES,
})  # fmt: skip
LANG = Parameter("lang", "language of the sentences", {
    "type": "string", "enum": list(LANGUAGES), "default": LANGUAGES[0],
})  # fmt: skip
MEMBER = Parameter(
    "member", "of a closed day, or a fact of several members: what it did to one", {
        "type": "string",
    },
)  # fmt: skip
AFTER = Parameter("after", "the cursor of the last page; left out: from the beginning", {
    "type": "string", "pattern": "^([0-9a-f]{24})?$",
})  # fmt: skip
MOST = Parameter("limit", "most events", {
    "type": "integer", "minimum": 1, "maximum": MOST_EVENTS, "default": USUAL_EVENTS,
})  # fmt: skip
VERBOSE = Parameter("verbose", "tell each part apart; the value may be left out", {
    "type": "string", "enum": ["", "true", "false"], "default": "false",
})  # fmt: skip
FROM = Parameter("from", "the version to compare with; default the one before", {
    "type": "integer", "minimum": 1, "maximum": MOST_VERSION,
})  # fmt: skip


def routes(front: Front) -> tuple[Route, ...]:
    """Every route over a front, in the order of the documents."""
    events, reads, programs = EventDoor(front), ReadDoor(front), ProgramDoor(front)
    membership, operation = MembershipDoor(front), OperationDoor(front)
    privacy = PrivacyDoor(front, events.privacy)
    documents = DocumentDoor()
    table = (
        Route("POST", "/v1/events", events.post, Told(
            "Takes facts: one, or a batch", {
                200: {JSON: shown.FactAnswer, NDJSON: TEXT, ARROW: BYTES},
                201: {JSON: shown.FactAnswer}, 202: {JSON: shown.FactAnswer},
            }, "write", {JSON: MemberFact | LoneFact, NDJSON: TEXT, ARROW: BYTES},
            (FORCE, ATOMIC),
            (*BODIES, *COMMITS, *FACTS, "invalid-batch", "batch-refused", "no-pepper"), till=True,
        )),
        *(
            Route("POST", path.path, KindDoor(events, path).post, Told(
                path.about, {
                    status: {JSON: shown.FactAnswer} for status in (200, 201, 202)
                }, "write", {JSON: body_of(path)}, (FORCE,),
                (*BODIES, *COMMITS, *FACTS, "no-pepper"), till=path.kind in TILL_KINDS,
            ))
            for path in PATHS
        ),
        Route("POST", "/v1/imports/{id}", ImportDoor(front, events).post, Told(
            "Takes a file of another system", {200: {NDJSON: TEXT}}, "write",
            {"application/octet-stream": BYTES}, (FORCE,),
            (*BODIES, *COMMITS, *FACTS, "not-found", "invalid-mapping"),
        )),
        Route("GET", "/v1/events/{id}", reads.event, Told(
            "A fact and its first answer", answers(shown.EventView), "read", {}, (TAGGED,),
            ("not-found",),
        )),
        Route("GET", "/v1/events/{id}/explain", ExplainDoor(front).get, Told(
            "Why a fact came to what it came to", {
                200: {JSON: Explanation | ControlTold, "text/plain": TEXT},
            }, "read", {}, (LANG, MEMBER, TAGGED), ("not-found",),
        )),
        Route("POST", "/v1/quotes", QuoteDoor(front).post, Told(
            "What a basket that is not yet paid would come to", answers(shown.Quote), "read",
            {JSON: shown.Basket}, (FORCE,), (*BODIES, *FACTS), till=True,
        )),
        Route("GET", "/v1/members/{id}", reads.member, Told(
            "A member's balances, tier and lots", answers(shown.MemberView), "read", {},
            (AT, TAGGED), ("not-found",),
        )),
        Route("GET", "/v1/members", membership.member_of_card, Told(
            "The member that has a card", answers(shown.MemberView), "read", {}, (CARD, AT),
            ("not-found",),
        )),
        Route("GET", "/v1/cards/{id}", membership.card, Told(
            "Whose a card is", answers(shown.Card), "read", {}, (AT,), ("not-found",),
        )),
        Route("POST", "/v1/cards/{id}/verify", privacy.verify, Told(
            "Tries a card's PIN", answers(shown.PinTried), "write", {JSON: PinBody}, (),
            (*BODIES, "invalid-fact", "not-found", "card-blocked", "no-pepper", "overloaded"),
            till=True,
        )),
        Route("GET", "/v1/members/{id}/profile", privacy.profile, Told(
            "What is known of a person", answers(shown.PROFILE), "read", {}, (TAGGED,),
            ("not-found",),
        )),
        Route("PUT", "/v1/members/{id}/profile", privacy.put_profile, Told(
            "Replaces what is known of a person", answers(shown.PROFILE), "write",
            {JSON: Profile}, (UNCHANGED, UNKNOWN),
            (*BODIES, "invalid-fact", "not-found", "overloaded", "precondition-failed"),
        )),
        Route("GET", "/v1/members/{id}/statement", reads.statement, Told(
            "A member's facts, newest first", answers(shown.Statement), "read", {},
            (CURSOR, LIMIT, TAGGED), ("not-found",),
        )),
        Route("GET", "/v1/rules/{id}/budget", reads.budget, Told(
            "What a rule's budget has given", answers(shown.Budget), "read", {}, (TAGGED,),
            ("not-found",),
        )),
        Route("GET", "/v1/programs", programs.versions, Told(
            "The versions of the program", answers(shown.ProgramVersions), "read", {}, (TAGGED,),
        )),
        Route("POST", "/v1/programs", programs.publish, Told(
            "Puts a program in force", {
                200: {JSON: shown.PublishedVersion}, 201: {JSON: shown.PublishedVersion},
            }, "admin", {JSON: PublishBody}, (MATCHED,), (
                *BODIES, *COMMITS, "invalid-program", "program-differs", "precondition-failed",
                "precondition-required",
            ),
        )),
        Route("POST", "/v1/programs/check", programs.check, Told(
            "Checks a program", answers(shown.ProgramCheck), "read", {JSON: ProgramBody}, (),
            (*BODIES, "invalid-program"),
        )),
        Route("GET", "/v1/programs/{n}", programs.version, Told(
            "A version with its text", answers(shown.ProgramView), "read", {}, (TAGGED,),
            ("not-found",),
        )),
        Route("GET", "/v1/programs/{n}/differences", programs.differences, Told(
            "How a version differs from another one", answers(shown.ProgramDifferences), "read",
            {}, (FROM, TAGGED), ("not-found",),
        )),
        Route("GET", "/v1/causes", reads.causes, Told(
            "What each cause has been given", answers(shown.Causes), "read", {}, (TAGGED,),
        )),
        Route("GET", "/v1/causes/{id}", reads.cause, Told(
            "What a cause has been given, newest first", answers(shown.CauseStatement), "read",
            {}, (CURSOR, LIMIT, TAGGED), ("not-found",),
        )),
        Route("GET", "/v1/gift-cards/{id}", reads.gift_card, Told(
            "What is on a gift card", answers(shown.GiftCard), "read", {}, (AT, TAGGED),
            ("not-found",),
        )),
        Route("GET", "/v1/coupon-codes/{id}", reads.coupon_code, Told(
            "A code of a printed coupon", answers(shown.CouponCodeView), "read", {}, (TAGGED,),
            ("not-found",),
        )),
        Route("POST", "/v1/gift-cards/{id}/verify", privacy.verify_gift, Told(
            "Tries a gift card's PIN", answers(shown.PinTried), "write", {JSON: PinBody}, (),
            (*BODIES, "invalid-fact", "not-found", "no-pepper", "overloaded"), till=True,
        )),
        Route("GET", "/v1/rewards", reads.rewards, Told(
            "The catalogue of rewards with what is left", answers(shown.Rewards), "read", {},
            (TAGGED,),
        )),
        Route("GET", "/v1/outbox", OutboxDoor(front).events, Told(
            "Events after a cursor, oldest first", answers(shown.Outbox), "read", {},
            (AFTER, MOST), ("not-found",),
        )),
        Route("GET", "/livez", operation.livez, Told(
            "200 while the process runs", answers(shown.Live), "open",
        )),
        Route("GET", "/readyz", operation.readyz, Told(
            "200 when a program is in force, else 503",
            answers(shown.Ready) | answers(shown.Ready, 503), "open", {}, (VERBOSE,),
        )),
        Route("GET", "/metrics", operation.metrics, Told(
            "Prometheus text", {200: {"text/plain": TEXT}}, "open",
        )),
        Route("GET", "/openapi.json", documents.openapi, Told(
            "This document", answers({"type": "object"}), "open", {}, (TAGGED,),
        )),
        Route("GET", "/docs", documents.page, Told(
            "This document for people", {200: {"text/html": TEXT}}, "open", {}, (TAGGED,),
        )),
    )  # fmt: skip
    documents.routes = table
    return table


def make_server(
    front: Front, guard: Guard | None = None, *, admin: bool | None = None
) -> web.Server:
    """The aiohttp server over a front.

    `admin`: whether the server is for operators, where they have a port of their own; None
    where everyone has the same.
    """
    table = [route for route in routes(front) if admin is None or _is_for(route, admin=admin)]
    router = Router(table, front.requests, guard)
    if front.tracing is None:
        return EdgeServer(router.handle, router.answer)
    return EdgeServer(front.tracing.around(router.handle, router.name_of))


def _is_for(route: Route, *, admin: bool) -> bool:
    """Whether a route is on the operators' port, or on the other one; some are on both."""
    if route.path == "/metrics":
        return admin
    return route.told.scope == "open" or (route.told.scope == "admin") == admin
