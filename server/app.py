"""Routes: what tills, store controllers and operators ask over HTTP."""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple
from urllib.parse import unquote

import orjson
from aiohttp import web
from prometheus_client import CollectorRegistry, generate_latest

from vafa.engine.answers import fact_view, instant_text, posting_details, stored_postings
from vafa.engine.carrier import carrier_of
from vafa.engine.facts import JointFact, LoneFact, instant_us
from vafa.engine.replica import Replica
from vafa.engine.schema import column
from vafa.engine.verdicts import Verdict, stream_of, verdict_table
from vafa.native.wire import Sale

from .committer import Commits
from .decode import ARROW, JSON, NDJSON, Line, decode_arrow, decode_fact, decode_lines
from .edge import MOST_BODY, EdgeServer, check_version, read_body
from .metrics import ServerCollector
from .problems import ProblemError, problem_body

log = logging.getLogger("vafa")

Handler = Callable[[web.BaseRequest, str], Awaitable[web.Response]]


class Front:
    """The handlers, over a place to commit and a replica to read."""

    def __init__(self, commits: Commits, replica: Replica, *, tails: bool) -> None:
        """`tails`: the replica is this process's own and follows the journal by itself."""
        self.commits = commits
        self.replica = replica
        self._tails = tails
        self.requests: Counter[tuple[str, str, int]] = Counter()

    # -- events ---------------------------------------------------------------------------

    async def post_events(self, request: web.BaseRequest, _: str) -> web.Response:
        """Facts in: one as JSON, many as NDJSON, many as Arrow columns."""
        force = _flag(request, "force")
        body = await read_body(request)
        kind = request.headers.get("Content-Type", "")
        if kind != JSON:
            kind = request.content_type
        if kind == JSON:
            return await self._one(body, force)
        if kind == NDJSON:
            return await self._lines(body, force)
        if kind == ARROW:
            return await self._table(body, force)
        raise ProblemError("unsupported-media", f"send {JSON}, {NDJSON} or {ARROW}, not {kind}")

    async def _one(self, body: bytes, force: bool) -> web.Response:
        fact = decode_fact(body)
        if isinstance(fact, Sale):
            verdict = await self.commits.sale(fact, force)
        else:
            verdict = await self._alone(fact, force)
        return _answer(verdict)

    def _alone(self, fact: LoneFact, force: bool) -> asyncio.Future[Verdict]:
        if isinstance(fact, JointFact):
            return self.commits.joint(carrier_of(fact), force)
        return self.commits.control(fact)

    async def _lines(self, body: bytes, force: bool) -> web.Response:
        lines = decode_lines(body)
        results: list[tuple[int, bytes]] = []
        run: list[tuple[int, Sale]] = []

        async def commit_run() -> None:
            if run:
                verdicts = await self.commits.sales([fact for _, fact in run], force)
                for (number, _), verdict in zip(run, verdicts, strict=True):
                    results.append((number, _line_result(number, verdict)))
                run.clear()

        for number, fact in _in_order(lines):
            if isinstance(fact, Sale):
                run.append((number, fact))
                continue
            await commit_run()
            if isinstance(fact, ProblemError):
                results.append((number, _line_problem(number, fact.body())))
            else:
                results.append((number, _line_result(number, await self._alone(fact, force))))
        await commit_run()
        results.sort()
        return web.Response(body=b"".join(line for _, line in results), content_type=NDJSON)

    async def _table(self, body: bytes, force: bool) -> web.Response:
        sales = decode_arrow(body)
        if not sales.ids:
            return web.Response(body=_arrow_answers([], []), content_type=ARROW)
        answers = await self.commits.table(sales, body, force)
        return web.Response(body=answers, content_type=ARROW)

    # -- reads ----------------------------------------------------------------------------

    def _follow(self) -> Replica:
        if self._tails:
            self.replica.catch_up()
        return self.replica

    async def get_member(self, request: web.BaseRequest, name: str) -> web.Response:
        """A member's balances, tier, lots and totals at an instant, default now."""
        at = _instant(request, "at")
        replica = self._follow()
        member = replica.member(name, at, lots=True)
        if member is None:
            when = "" if at is None else f" at {instant_text(at)}"
            raise ProblemError("not-found", f"no member {name!r}{when}")
        return web.Response(body=orjson.dumps(member), content_type=JSON)

    async def get_event(self, _: web.BaseRequest, name: str) -> web.Response:
        """A fact, its first answer and what limits cut."""
        replica = self._follow()
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

    # -- operation ------------------------------------------------------------------------

    async def livez(self, _: web.BaseRequest, __: str) -> web.Response:
        """The process runs."""
        return web.json_response({"status": "ok"})

    async def readyz(self, _: web.BaseRequest, __: str) -> web.Response:
        """Facts can be taken: a program is in force."""
        replica = self._follow()
        ready = replica.fold is not None
        body = {
            "status": "ok" if ready else "no-program",
            "seq": replica.seq,
            "checkpoint_seq": replica.checkpoint_seq,
            "members": len(replica.dictionaries.members),
        }
        return web.json_response(body, status=200 if ready else 503)

    async def metrics(self, _: web.BaseRequest, __: str) -> web.Response:
        """Prometheus text."""
        registry = CollectorRegistry()
        registry.register(ServerCollector(self))
        return web.Response(
            body=generate_latest(registry), headers={"Content-Type": "text/plain; version=0.0.4"}
        )



class Route(NamedTuple):
    """One line of the route table: a path ends in `{id}` or is exact."""

    method: str
    path: str
    handler: Handler


class Router:
    """Finds the handler of a request; problems become responses, requests are counted.

    Under aiohttp's application router and middlewares a sale costs a tenth more.
    """

    def __init__(self, front: Front) -> None:
        self.routes = (
            Route("POST", "/v1/events", front.post_events),
            Route("GET", "/v1/events/{id}", front.get_event),
            Route("GET", "/v1/members/{id}", front.get_member),
            Route("GET", "/livez", front.livez),
            Route("GET", "/readyz", front.readyz),
            Route("GET", "/metrics", front.metrics),
        )
        self._requests = front.requests
        # The whole target of a request that names an exact path and no query.
        self._direct = {
            (route.method, route.path): route
            for route in self.routes
            if not route.path.endswith("{id}")
        }
        self._exact: dict[str, dict[str, Route]] = {}
        self._under: dict[str, dict[str, Route]] = {}
        for route in self.routes:
            table = self._under if route.path.endswith("{id}") else self._exact
            table.setdefault(route.path.removesuffix("{id}"), {})[route.method] = route

    def _find(self, request: web.BaseRequest) -> tuple[Route, str]:
        check_version(request)
        target = request.raw_path
        direct = self._direct.get((request.method, target))
        if direct is not None:
            return direct, ""
        path, _, _ = target.partition("?")
        methods, rest = self._exact.get(path), ""
        if methods is None:
            head, mark, rest = path.rpartition("/")
            methods = self._under.get(head + mark) if rest else None
        if methods is None or not target.startswith("/"):
            raise ProblemError("not-found", f"no such path: {path[:200]}")
        route = methods.get(request.method)
        if route is None:
            allowed = ", ".join(sorted(methods))
            raise ProblemError("method-not-allowed", f"use {allowed}", allow=allowed)
        return route, unquote(rest) if "%" in rest else rest

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request."""
        name = "none"
        try:
            route, argument = self._find(request)
            name = route.path
            response = await route.handler(request, argument)
        except ProblemError as problem:
            response = problem.response()
        except (web.RequestPayloadError, web.HTTPBadRequest) as error:
            response = ProblemError("invalid-body", str(error)[:200]).response()
        except web.HTTPRequestEntityTooLarge:
            response = ProblemError("too-large", f"the body is over {MOST_BODY} bytes").response()
        except (asyncio.CancelledError, ConnectionError):
            raise
        except Exception:
            log.exception("%s %s failed", request.method, name)
            response = ProblemError("internal", "a defect of vafa; it has been logged").response()
        self._requests[request.method, name, response.status] += 1
        return response


def make_server(front: Front) -> web.Server:
    """The aiohttp server over a front."""
    return EdgeServer(Router(front).handle)


def _parameter(request: web.BaseRequest, name: str) -> str | None:
    """The one query parameter that a route knows; None when it is not given."""
    if "?" not in request.raw_path or not request.query:
        return None
    for key in request.query:
        if key != name:
            raise ProblemError("invalid-parameter", f"the parameter {key!r} is unknown")
    if len(request.query.getall(name)) > 1:
        raise ProblemError("invalid-parameter", f"{name} is there twice")
    return request.query[name]


def _flag(request: web.BaseRequest, name: str) -> bool:
    value = _parameter(request, name)
    if value not in (None, "true", "false"):
        raise ProblemError("invalid-parameter", f"{name} is true or false, not {value!r}")
    return value == "true"


def _instant(request: web.BaseRequest, name: str) -> int | None:
    """An instant of a query parameter, us."""
    value = _parameter(request, name)
    if value is None:
        return None
    try:
        # A plus of an offset that was not percent-encoded has become a space.
        moment = dt.datetime.fromisoformat(value.replace(" ", "+"))
        if moment.tzinfo is None:
            raise ValueError(value)
        return instant_us(moment, name)
    except ValueError:
        raise ProblemError(
            "invalid-parameter", f"{name} is an instant such as 2025-11-01T12:00:00Z"
        ) from None


def _in_order(lines: list[Line]) -> list[Line]:
    """Problems first, so that they do not cut runs of sales; then facts as they stand."""
    problems = [line for line in lines if isinstance(line[1], ProblemError)]
    if not problems:
        return lines
    return problems + [line for line in lines if not isinstance(line[1], ProblemError)]


def _answer(verdict: Verdict) -> web.Response:
    answer = verdict.answer
    if answer is None:
        refusal = verdict.refusal
        assert refusal is not None
        raise ProblemError(refusal.slug, refusal.detail, refusal.path)
    if answer["status"] == "refused" or "reason" in answer:
        told = {name: answer[name] for name in ("id", "seq", "balances", "tier")}
        raise ProblemError(answer["reason"], "the fact is refused for ever", **told)
    if verdict.replayed:
        return web.Response(
            status=200, body=orjson.dumps(answer), content_type=JSON,
            headers={"Idempotent-Replayed": "true"},
        )
    status = 202 if answer["status"] == "parked" else 201
    return web.Response(status=status, body=orjson.dumps(answer), content_type=JSON)


def _line_result(number: int, verdict: Verdict) -> bytes:
    """A line of the answer: that of its fact, with the line's number put first."""
    if verdict.answer is not None:
        return b'{"line":%d,' % number + orjson.dumps(verdict.answer)[1:] + b"\n"
    refusal = verdict.refusal
    assert refusal is not None
    return _line_problem(number, problem_body(refusal.slug, refusal.detail, refusal.path))


def _line_problem(number: int, body: dict[str, Any]) -> bytes:
    return orjson.dumps({"line": number, "status": "refused", "problem": body}) + b"\n"


def _arrow_answers(ids: list[str], verdicts: list[Verdict]) -> bytes:
    """One row a fact: id, seq, status, problem slug, tier, postings, balances."""
    return stream_of(verdict_table(ids, verdicts))
