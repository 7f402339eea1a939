"""The route table: what tills, store controllers and operators ask over HTTP."""

from __future__ import annotations

from aiohttp import web

from .edge import EdgeServer
from .events import EventDoor
from .front import Front
from .membership import MembershipDoor
from .operation import OperationDoor
from .programs import ProgramDoor
from .quotes import QuoteDoor
from .reads import ReadDoor
from .router import Route, Router


def routes(front: Front) -> tuple[Route, ...]:
    """Every route over a front, in the order of the documents."""
    events, reads, programs = EventDoor(front), ReadDoor(front), ProgramDoor(front)
    operation = OperationDoor(front)
    membership = MembershipDoor(front)
    return (
        Route("POST", "/v1/events", events.post),
        Route("GET", "/v1/events/{id}", reads.event),
        Route("POST", "/v1/quotes", QuoteDoor(front).post),
        Route("GET", "/v1/members/{id}", reads.member),
        Route("GET", "/v1/members", membership.member_of_card),
        Route("GET", "/v1/cards/{id}", membership.card),
        Route("GET", "/v1/members/{id}/statement", reads.statement),
        Route("GET", "/v1/rules/{id}/budget", reads.budget),
        Route("GET", "/v1/programs", programs.versions),
        Route("POST", "/v1/programs", programs.publish),
        Route("POST", "/v1/programs/check", programs.check),
        Route("GET", "/v1/programs/{n}", programs.version),
        Route("GET", "/v1/programs/{n}/differences", programs.differences),
        Route("GET", "/livez", operation.livez),
        Route("GET", "/readyz", operation.readyz),
        Route("GET", "/metrics", operation.metrics),
    )


def make_server(front: Front) -> web.Server:
    """The aiohttp server over a front."""
    return EdgeServer(Router(routes(front), front.requests).handle)
