"""The door of facts: one as JSON, many as NDJSON, many as Arrow columns."""

from __future__ import annotations

from typing import Any

import orjson
import pyarrow as pa
from aiohttp import web

from vafa.engine.verdicts import Verdict, stream_of, verdict_table
from vafa.native.wire import Sale

from .decode import ARROW, JSON, NDJSON, Line, decode_arrow, decode_fact, decode_lines
from .edge import read_body
from .front import Front
from .parameters import flag, parameters
from .problems import ProblemError, problem_body

MOST_TOLD = 1000
"""Refused facts of an atomic batch that its problem lists."""


class EventDoor:
    """Takes facts and answers what became of them."""

    def __init__(self, front: Front) -> None:
        self.commits = front.commits

    async def post(self, request: web.BaseRequest, _: str) -> web.Response:
        """Facts in: one as JSON, many as NDJSON, many as Arrow columns."""
        given = parameters(request, "force", "atomic")
        force, atomic = flag(given, "force"), flag(given, "atomic")
        body = await read_body(request)
        kind = request.headers.get("Content-Type", "")
        if kind != JSON:
            kind = request.content_type
        if kind == JSON:
            return await self._one(body, force)
        if kind == NDJSON:
            return await self._lines(body, force, atomic)
        if kind == ARROW:
            return await self._table(body, force, atomic)
        raise ProblemError("unsupported-media", f"send {JSON}, {NDJSON} or {ARROW}, not {kind}")

    async def _one(self, body: bytes, force: bool) -> web.Response:
        fact = decode_fact(body)
        if isinstance(fact, Sale):
            verdict = await self.commits.sale(fact, force)
        else:
            verdict = await self.commits.control(fact)
        return _answer(verdict)

    async def _lines(self, body: bytes, force: bool, atomic: bool) -> web.Response:
        lines = decode_lines(body)
        if atomic:
            return await self._whole(lines, force)
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
                results.append((number, _line_result(number, await self.commits.control(fact))))
        await commit_run()
        results.sort()
        return web.Response(body=b"".join(line for _, line in results), content_type=NDJSON)

    async def _whole(self, lines: list[Line], force: bool) -> web.Response:
        """Lines of which all are kept or none."""
        refused = []
        for number, fact in lines:
            if isinstance(fact, ProblemError):
                refused.append((number, fact.body()))
            elif not isinstance(fact, Sale):
                detail = "a fact of no member is a commit of its own"
                refused.append((number, problem_body("invalid-fact", detail, "kind")))
        if refused:
            raise _batch_refused(refused)
        facts = [fact for _, fact in lines if isinstance(fact, Sale)]
        verdicts = await self.commits.sales(facts, force, atomic=True) if facts else []
        refused = [
            (number, problem_body(refusal.slug, refusal.detail, refusal.path))
            for (number, _), verdict in zip(lines, verdicts, strict=True)
            if (refusal := verdict.refusal) is not None and refusal.slug != "batch-refused"
        ]
        if refused:
            raise _batch_refused(refused)
        results = [
            _line_result(number, verdict)
            for (number, _), verdict in zip(lines, verdicts, strict=True)
        ]
        return web.Response(body=b"".join(results), content_type=NDJSON)

    async def _table(self, body: bytes, force: bool, atomic: bool) -> web.Response:
        sales = decode_arrow(body)
        if not sales.ids:
            return web.Response(body=_arrow_answers([], []), content_type=ARROW)
        answers = await self.commits.table(sales, body, force, atomic)
        if atomic:
            _check_whole(answers)
        return web.Response(body=answers, content_type=ARROW)


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


def _check_whole(answers: bytes) -> None:
    """Raises ProblemError where an atomic Arrow batch was refused."""
    table = pa.ipc.open_stream(answers).read_all()
    refused = [
        (row + 1, problem_body(slug, "the row is refused"))
        for row, slug in enumerate(table.column("problem").to_pylist())
        if slug not in (None, "batch-refused")
    ]
    if refused:
        raise _batch_refused(refused)


def _batch_refused(refused: list[tuple[int, dict[str, Any]]]) -> ProblemError:
    """Of an atomic batch nothing is kept; `refused` names the lines that are to blame."""
    shown = [{"line": number, "problem": body} for number, body in refused[:MOST_TOLD]]
    detail = f"{len(refused)} of the facts are refused, so nothing of the batch is kept"
    return ProblemError("batch-refused", detail, refused=shown)
