"""Finding the handler of a request; problems become responses, requests are counted."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple
from urllib.parse import unquote

from aiohttp import web

from .bodies import MOST_BODY, check_version
from .contract import Told
from .guard import Guard
from .origins import Origins
from .problems import ProblemError, language_of
from .reply import Awaited, Reply

log = logging.getLogger("vafa")

Handler = Callable[[web.BaseRequest, str], Awaitable[web.Response] | Reply]
"""Takes a request and the part of its path that stands for the braces; empty without one. A
handler that is no coroutine waits for nothing."""


class Route(NamedTuple):
    """One line of the route table: a path is exact, or has one segment in braces anywhere."""

    method: str
    path: str
    handler: Handler
    told: Told


class Router:
    """The routes of a server.

    Under aiohttp's application router and middlewares a sale costs a tenth more.
    """

    def __init__(
        self, routes: Sequence[Route], requests: Counter[tuple[str, str, int]],
        guard: Guard | None = None,
    ) -> None:
        """`requests` is where answered requests are counted by method, path and status.

        Without a guard everybody may do everything.
        """
        self.routes = tuple(routes)
        self._requests = requests
        self._guard = guard
        self._origins = Origins(is_open=guard is None)
        # The whole target of a request that names an exact path and no query.
        self._direct: dict[tuple[str, str], Route] = {}
        self._exact: dict[str, dict[str, Route]] = {}
        self._around: dict[tuple[str, str], dict[str, Route]] = {}
        for route in self.routes:
            head, brace, rest = route.path.partition("{")
            if brace:
                methods = self._around.setdefault((head, rest.partition("}")[2]), {})
            else:
                methods = self._exact.setdefault(head, {})
                self._direct[route.method, head] = route
            methods[route.method] = route

    def _find(self, request: web.BaseRequest) -> tuple[Route, str]:
        check_version(request)
        target = request.raw_path
        direct = self._direct.get((request.method, target))
        if direct is not None:
            return direct, ""
        path, _, _ = target.partition("?")
        methods, argument = self._exact.get(path), ""
        if methods is None:
            methods, argument = self._surrounding(path)
        if methods is None or not target.startswith("/"):
            raise ProblemError("not-found", f"no such path: {path[:200]}")
        # A HEAD is answered as a GET whose body is not sent.
        route = methods.get("GET" if request.method == "HEAD" else request.method)
        if route is None:
            allowed = ", ".join(sorted([*methods, *(["HEAD"] if "GET" in methods else [])]))
            raise ProblemError("method-not-allowed", f"use {allowed}", allow=allowed)
        if "%" in argument:
            try:
                argument = unquote(argument, errors="strict")
            except UnicodeDecodeError:
                raise ProblemError("not-found", "the path is not UTF-8") from None
        return route, argument

    def _surrounding(self, path: str) -> tuple[dict[str, Route] | None, str]:
        """The routes with a segment in braces that a path fits, and what stands there."""
        head, _, last = path.rpartition("/")
        methods = self._around.get((head + "/", ""))
        if methods is not None:
            return (methods, last) if last else (None, "")
        before, _, middle = head.rpartition("/")
        methods = self._around.get((before + "/", "/" + last))
        return (methods, middle) if middle else (None, "")

    def name_of(self, request: web.BaseRequest) -> str:
        """The path of the route that a request names, as the table has it; "none" without one."""
        try:
            return self._find(request)[0].path
        except ProblemError:
            return "none"

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request."""
        answer = self.answer(request)
        return answer if type(answer) is Reply else await answer

    def answer(self, request: web.BaseRequest) -> Reply | Awaited:
        """The reply to a request that waits for nothing, as most reads; of any other what is to be
        awaited for it."""
        name = "none"
        try:
            route, argument = self._find(request)
            name = route.path
            self._origins.check(request)
            if self._guard is not None and route.told.scope != "open":
                holder = self._guard.admit_at_once(request, route.told.scopes)
                if holder is None:
                    return self._awaited(request, name, self._signed(request, route, argument))
                request.holder = holder  # type: ignore[attr-defined]
            answer = route.handler(request, argument)
            if type(answer) is not Reply:
                return self._awaited(request, name, answer)
        except Exception as error:
            answer = _failed(request, name, error)
        self._requests[request.method, name, answer.status] += 1
        return answer

    async def _awaited(
        self, request: web.BaseRequest, name: str, answer: Awaitable[web.StreamResponse]
    ) -> web.StreamResponse:
        response: web.StreamResponse
        try:
            response = await answer
        except (asyncio.CancelledError, ConnectionError):
            raise
        except Exception as error:
            response = _failed(request, name, error)
        self._requests[request.method, name, response.status] += 1
        return response

    async def _signed(
        self, request: web.BaseRequest, route: Route, argument: str
    ) -> web.StreamResponse:
        """Of a signed request the body has to be read before its handler sees it."""
        assert self._guard is not None
        holder = await self._guard.admit(request, route.told.scopes)
        request.holder = holder  # type: ignore[attr-defined]
        answer = route.handler(request, argument)
        return answer if type(answer) is Reply else await answer


def _failed(request: web.BaseRequest, name: str, error: Exception) -> Reply:
    """What a request gets whose handler failed."""
    match error:
        case ProblemError():
            return _response(request, error)
        case web.RequestPayloadError() | web.HTTPBadRequest():
            return _response(request, ProblemError("invalid-body", str(error)[:200]))
        case web.HTTPRequestEntityTooLarge():
            told = f"the body is over {MOST_BODY} bytes"
            return _response(request, ProblemError("too-large", told))
        case _:
            log.error("%s %s failed", request.method, name, exc_info=error)
            told = "a defect of vafa; it has been logged"
            return _response(request, ProblemError("internal", told))


def _response(request: web.BaseRequest, problem: ProblemError) -> Reply:
    return problem.response(language_of(request.headers.get("Accept-Language")))
