"""The route table: what tills, store controllers and operators ask over HTTP."""

from __future__ import annotations

from aiohttp import web

from .edge import EdgeServer
from .events import EventDoor
from .front import Front
from .operation import OperationDoor
from .quotes import QuoteDoor
from .reads import ReadDoor
from .router import Route, Router


def routes(front: Front) -> tuple[Route, ...]:
    """Every route over a front, in the order of the documents."""
    events, reads, operation = EventDoor(front), ReadDoor(front), OperationDoor(front)
    return (
        Route("POST", "/v1/events", events.post),
        Route("GET", "/v1/events/{id}", reads.event),
        Route("POST", "/v1/quotes", QuoteDoor(front).post),
        Route("GET", "/v1/members/{id}", reads.member),
        Route("GET", "/v1/causes", reads.causes),
        Route("GET", "/livez", operation.livez),
        Route("GET", "/readyz", operation.readyz),
        Route("GET", "/metrics", operation.metrics),
    )


def make_server(front: Front) -> web.Server:
    """The aiohttp server over a front."""
    return EdgeServer(Router(routes(front), front.requests).handle)
