"""Routes: what tills, store controllers and operators ask over HTTP."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

import orjson
import pyarrow as pa
from aiohttp import web
from prometheus_client import CollectorRegistry, generate_latest

from vafa.engine.answers import fact_view, posting_details, stored_postings
from vafa.engine.facts import SaleFact
from vafa.engine.replica import Replica
from vafa.engine.writer import Verdict, stored_answer

from .committer import Commits
from .decode import ARROW, JSON, NDJSON, Line, decode_arrow, decode_fact, decode_lines
from .metrics import ServerCollector
from .problems import ProblemError, problem_body

MOST_BODY = 64 * 1024 * 1024
BODY_S = 10.0

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Front:
    """The handlers, over a place to commit and a replica to read."""

    def __init__(self, commits: Commits, replica: Replica, *, tails: bool) -> None:
        """`tails`: the replica is this process's own and follows the journal by itself."""
        self.commits = commits
        self.replica = replica
        self._tails = tails
        self.requests: Counter[tuple[str, int]] = Counter()

    # -- events ---------------------------------------------------------------------------

    async def post_events(self, request: web.Request) -> web.Response:
        """Facts in: one as JSON, many as NDJSON, many as Arrow columns."""
        force = _flag(request, "force")
        _check_encoding(request)
        body = await _body(request)
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
        if isinstance(fact, SaleFact):
            verdict = await self.commits.sale(fact, force)
        else:
            verdict = await self.commits.catalog(fact)
        return _answer(verdict)

    async def _lines(self, body: bytes, force: bool) -> web.Response:
        lines = decode_lines(body)
        results: list[dict[str, Any]] = []
        run: list[tuple[int, SaleFact]] = []

        async def commit_run() -> None:
            if run:
                verdicts = await self.commits.sales([fact for _, fact in run], force)
                for (number, _), verdict in zip(run, verdicts, strict=True):
                    results.append(_line_result(number, verdict))
                run.clear()

        for number, fact in _in_order(lines):
            if isinstance(fact, SaleFact):
                run.append((number, fact))
                continue
            await commit_run()
            if isinstance(fact, ProblemError):
                results.append({"line": number, "status": "refused", "problem": fact.body()})
            else:
                results.append(_line_result(number, await self.commits.catalog(fact)))
        await commit_run()
        results.sort(key=lambda result: result["line"])
        return web.Response(
            body=b"".join(orjson.dumps(result) + b"\n" for result in results),
            content_type=NDJSON,
        )

    async def _table(self, body: bytes, force: bool) -> web.Response:
        sales = decode_arrow(body)
        verdicts = await self.commits.table(sales, body, force) if sales.ids else []
        return web.Response(body=_arrow_answers(sales.ids, verdicts), content_type=ARROW)

    # -- reads ----------------------------------------------------------------------------

    def _follow(self) -> Replica:
        if self._tails:
            self.replica.catch_up()
        return self.replica

    async def get_member(self, request: web.Request) -> web.Response:
        """A member's balances and tier now."""
        name = request.match_info["id"]
        member = self._follow().member(name)
        if member is None:
            raise ProblemError("not-found", f"no member {name!r}")
        return web.Response(body=orjson.dumps(member), content_type=JSON)

    async def get_event(self, request: web.Request) -> web.Response:
        """A fact, its first answer and what limits cut."""
        name = request.match_info["id"]
        replica = self._follow()
        seq = replica.find_ids([name]).get(name)
        if seq is None:
            raise ProblemError("not-found", f"no fact {name!r}")
        stored = replica.stored(seq)
        answer = stored_answer(replica, seq)
        if answer["postings"]:
            assert replica.words is not None
            columns = stored_postings(stored.batch, stored.row)
            corrected = {
                seq: replica.stored(seq).batch.column("id")[replica.stored(seq).row].as_py()
                for seq in set(columns["corrects"].tolist()) - {0}
            }
            answer["postings"] = posting_details(replica.words, columns, corrected)
        body = {"fact": fact_view(stored, replica.dictionaries), "answer": answer}
        return web.Response(body=orjson.dumps(body), content_type=JSON)

    # -- operation ------------------------------------------------------------------------

    async def livez(self, _: web.Request) -> web.Response:
        """The process runs."""
        return web.json_response({"status": "ok"})

    async def readyz(self, _: web.Request) -> web.Response:
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

    async def metrics(self, _: web.Request) -> web.Response:
        """Prometheus text."""
        registry = CollectorRegistry()
        registry.register(ServerCollector(self))
        return web.Response(
            body=generate_latest(registry), headers={"Content-Type": "text/plain; version=0.0.4"}
        )

    def guarded(self, route: str, handler: Handler) -> Handler:
        """Problems become responses; requests are counted."""
        requests = self.requests

        async def guard(request: web.Request) -> web.StreamResponse:
            try:
                response = await handler(request)
            except ProblemError as problem:
                response = problem.response()
            requests[route, response.status] += 1
            return response

        return guard


def make_app(front: Front) -> web.Application:
    """The aiohttp application over a front."""
    app = web.Application(client_max_size=MOST_BODY, middlewares=[_problems_of_aiohttp])
    for method, path, handler in (
        ("POST", "/v1/events", front.post_events),
        ("GET", "/v1/events/{id}", front.get_event),
        ("GET", "/v1/members/{id}", front.get_member),
        ("GET", "/livez", front.livez),
        ("GET", "/readyz", front.readyz),
        ("GET", "/metrics", front.metrics),
    ):
        app.router.add_route(method, path, front.guarded(f"{method} {path}", handler))
    return app


@web.middleware
async def _problems_of_aiohttp(request: web.Request, handler: Handler) -> web.StreamResponse:
    """aiohttp's own refusals, and defects, in the one shape of errors."""
    try:
        return await handler(request)
    except web.HTTPNotFound:
        return ProblemError("not-found", f"no such path: {request.path}").response()
    except web.HTTPMethodNotAllowed as error:
        response = ProblemError(
            "method-not-allowed", f"use {', '.join(sorted(error.allowed_methods))}"
        ).response()
        response.headers["Allow"] = ", ".join(sorted(error.allowed_methods))
        return response
    except web.HTTPRequestEntityTooLarge:
        return ProblemError("too-large", f"the body is over {MOST_BODY} bytes").response()


async def _body(request: web.Request) -> bytes:
    try:
        if request.content_length is not None and request.content_length <= 65_536:
            # Small bodies are there already: no timer for them.
            if request.content.is_eof() or not request.can_read_body:
                return await request.read()
        async with asyncio.timeout(BODY_S):
            return await request.read()
    except TimeoutError:
        raise ProblemError("body-timeout", f"the body did not arrive in {BODY_S:.0f} s") from None


def _check_encoding(request: web.Request) -> None:
    encoding = request.headers.get("Content-Encoding", "identity")
    if encoding not in ("identity", "gzip", "deflate"):
        raise ProblemError("unsupported-media", f"the content encoding {encoding!r} is unknown")


def _flag(request: web.Request, name: str) -> bool:
    if not request.query_string:
        return False
    for key in request.query:
        if key != name:
            raise ProblemError("invalid-parameter", f"the parameter {key!r} is unknown")
    value = request.query[name]
    if value not in ("true", "false"):
        raise ProblemError("invalid-parameter", f"{name} is true or false, not {value!r}")
    return value == "true"


def _in_order(lines: list[Line]) -> list[Line]:
    """Problems first, so that they do not cut runs of sales; then facts as they stand."""
    return [line for line in lines if isinstance(line[1], ProblemError)] + [
        line for line in lines if not isinstance(line[1], ProblemError)
    ]


def _answer(verdict: Verdict) -> web.Response:
    answer = verdict.answer
    if answer is None:
        refusal = verdict.refusal
        assert refusal is not None
        raise ProblemError(refusal.slug, refusal.detail, refusal.path)
    if answer["status"] == "refused" or "reason" in answer:
        raise ProblemError(answer["reason"], "the fact is refused for ever", id=answer["id"],
                           seq=answer["seq"])
    if verdict.replayed:
        return web.Response(
            status=200, body=orjson.dumps(answer), content_type=JSON,
            headers={"Idempotent-Replayed": "true"},
        )
    return web.Response(status=201, body=orjson.dumps(answer), content_type=JSON)


def _line_result(number: int, verdict: Verdict) -> dict[str, Any]:
    if verdict.answer is not None:
        return {"line": number, **verdict.answer}
    refusal = verdict.refusal
    assert refusal is not None
    return {
        "line": number,
        "status": "refused",
        "problem": problem_body(refusal.slug, refusal.detail, refusal.path),
    }


_POSTINGS = pa.list_(
    pa.struct([("rule", pa.string()), ("kind", pa.string()), ("currency", pa.string()),
               ("points", pa.int64()), ("corrects", pa.string())])
)  # fmt: skip
_BALANCES = pa.list_(
    pa.struct([("currency", pa.string()), ("active", pa.int64()), ("pending", pa.int64()),
               ("held", pa.int64()), ("debt", pa.int64())])
)  # fmt: skip


def _arrow_answers(ids: list[str], verdicts: list[Verdict]) -> bytes:
    """One row a fact: id, seq, status, problem slug, tier, postings, balances."""
    answers = [verdict.answer or {} for verdict in verdicts]
    table = pa.table(
        {
            "id": pa.array(ids, pa.string()),
            "seq": pa.array([a.get("seq") for a in answers], pa.uint64()),
            "status": pa.array([a.get("status", "refused") for a in answers], pa.string()),
            "problem": pa.array(
                [v.refusal.slug if v.refusal else v.answer and v.answer.get("reason")
                 for v in verdicts],
                pa.string(),
            ),
            "tier": pa.array([a.get("tier") for a in answers], pa.string()),
            "postings": pa.array([a.get("postings", []) for a in answers], _POSTINGS),
            "balances": pa.array(
                [
                    [{"currency": name, **figures} for name, figures in a["balances"].items()]
                    if a else []
                    for a in answers
                ],
                _BALANCES,
            ),
        }
    )
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    return sink.getvalue().to_pybytes()
