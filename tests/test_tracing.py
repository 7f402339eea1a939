"""Spans of requests, waits and commits, in one process and over the link; none unless asked for."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import pytest
from aiohttp import web
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from vafa.engine.ledger.writer import Writer
from vafa.server import parts, tracing
from vafa.server.app import make_server
from vafa.server.beat import Beat
from vafa.server.committer import Committer
from vafa.server.front import Front
from vafa.server.link import RemoteCommits, listen
from vafa.server.traced_commits import TracedCommits
from vafa.server.tracing import NoTracing, Tracing, provider_of

from . import ledgers, servers
from .servers import JSON, NDJSON, days_ago, fact

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

Use = Callable[[Callable[..., Coroutine[Any, Any, int]]], Coroutine[Any, Any, None]]


def spans_of(ledger: Path, use: Use, *, linked: bool) -> list[ReadableSpan]:
    """The spans that a traced server makes while it is used."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    spans = Tracing(provider)

    async def main() -> None:
        committer = Committer(Writer(ledger), TracedCommits(spans))
        linking = server = None
        if linked:
            server = await listen(ledger / "w.sock", committer)
            beat = Beat(ledger)
            beat.start()
            commits = RemoteCommits(ledger / "w.sock", beat, spans)
            linking = asyncio.create_task(commits.run())
            while not commits.connected:
                await asyncio.sleep(0.01)
            front = Front(commits, committer.replica, tails=False, tracing=spans)
        else:
            front = Front(committer, committer.replica, tails=False, tracing=spans)
        runner = web.ServerRunner(make_server(front))
        await runner.setup()
        await web.TCPSite(runner, servers.HOST, 0).start()
        port = runner.addresses[0][1]
        async with aiohttp.ClientSession(f"http://{servers.HOST}:{port}") as session:

            async def ask(path: str, body: Any = None, **headers: str) -> int:
                facts = body if isinstance(body, list) else [body]
                sent = None if body is None else b"\n".join(map(orjson.dumps, facts))
                method = "GET" if body is None else "POST"
                named = {"Content-Type": JSON, **headers}
                async with session.request(method, path, data=sent, headers=named) as reply:
                    return reply.status

            await use(ask)
        await runner.cleanup()
        if linking is not None and server is not None:
            linking.cancel()
            await server.close()
        await committer.close()

    asyncio.run(main())
    return list(exporter.get_finished_spans())


@pytest.mark.parametrize("linked", [False, True], ids=["alone", "linked"])
def test_a_sale_is_seen_from_its_request_to_its_flush(tmp_path: Path, linked: bool) -> None:
    ledgers.open_writer(tmp_path / "ledger", servers.PROGRAM).close()

    async def use(ask: Callable[..., Coroutine[Any, Any, int]]) -> None:
        assert await ask("/v1/events", fact("a"), traceparent=PARENT) == 201
        assert await ask("/v1/members/nobody") == 404

    found = spans_of(tmp_path / "ledger", use, linked=linked)
    by_name = {span.name: span for span in found}
    assert set(by_name) == {
        "POST /v1/events", "GET /v1/members/{id}", "queue", "commit", "fold", "flush"
    }
    request, queue, commit = by_name["POST /v1/events"], by_name["queue"], by_name["commit"]
    assert request.parent is not None
    assert f"{request.parent.trace_id:032x}" == PARENT.split("-")[1]
    assert request.attributes is not None
    assert request.attributes["http.response.status_code"] == 201
    assert queue.parent is not None
    assert queue.parent.span_id == request.context.span_id
    (link,) = commit.links
    assert link.context.span_id == queue.context.span_id
    assert commit.attributes == {"vafa.facts": 1, "vafa.seq": 2, "vafa.outcome": "done"}
    for part in ("fold", "flush"):
        parent = by_name[part].parent
        assert parent is not None
        assert parent.span_id == commit.context.span_id
    missing = by_name["GET /v1/members/{id}"].attributes
    assert missing is not None
    assert missing["http.response.status_code"] == 404


@pytest.mark.parametrize("linked", [False, True], ids=["alone", "linked"])
def test_every_wait_and_every_commit_ends(tmp_path: Path, linked: bool) -> None:
    ledgers.open_writer(tmp_path / "ledger", servers.PROGRAM).close()
    catalog = {"id": "c", "kind": "catalog", "occurred_at": days_ago(3), "products": [{"sku": "x"}]}

    async def use(ask: Callable[..., Coroutine[Any, Any, int]]) -> None:
        sales = [ask("/v1/events", fact(f"s-{n}", member=f"m-{n}")) for n in range(40)]
        told = await asyncio.gather(*sales, ask("/v1/events", catalog), ask("/nowhere"))
        assert sorted(told) == [201] * 41 + [404]
        lines = [fact("x"), fact("y")]
        assert await ask("/v1/events?atomic=true", lines, **{"Content-Type": NDJSON}) == 200

    found = spans_of(tmp_path / "ledger", use, linked=linked)
    waits = [span for span in found if span.name == "queue"]
    commits = [span for span in found if span.name == "commit"]
    linked_to = [link.context.span_id for commit in commits for link in commit.links]
    assert sorted(linked_to) == sorted(span.context.span_id for span in waits)
    facts = [(span.attributes or {})["vafa.facts"] for span in commits]
    assert sum(int(str(one)) for one in facts) == 43
    assert "GET none" in {span.name for span in found}


def test_nothing_is_imported_unless_asked_for() -> None:
    text = (
        "import sys, vafa.server.__main__, vafa.server.serve, vafa.server.workers\n"
        "print([name for name in sys.modules if name.startswith('opentelemetry')])"
    )
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_missing_extra_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    with pytest.raises(NoTracing, match="vafa\\[otel\\]"):
        provider_of("vafa")
    assert tracing.MISSING


def test_a_traced_server_serves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Nobody listens where the spans go: they are given up, and nothing else.
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "1")
    with servers.serving(tmp_path / "ledger", 2, options=["--traces"]) as running:
        assert running.post(fact("a")).status == 201
        assert running.get("/v1/events/a").status == 200


@pytest.mark.parametrize("linked", [False, True])
def test_a_body_in_parts_has_waited_once(
    tmp_path: Path, linked: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("FIRST", "MOST", "LEAST"):
        monkeypatch.setattr(parts, name, 20)
    ledgers.open_writer(tmp_path / "ledger", servers.PROGRAM).close()

    async def use(ask: Callable[..., Coroutine[Any, Any, int]]) -> None:
        facts = [fact(f"s-{n}", occurred_at=days_ago(3)) for n in range(50)]
        assert await ask("/v1/events", facts, **{"Content-Type": NDJSON}) == 200

    spans = spans_of(tmp_path / "ledger", use, linked=linked)
    assert len([span for span in spans if span.name == "queue"]) == 1
    commits = [span for span in spans if span.name == "commit"]
    assert [span.attributes and span.attributes["vafa.facts"] for span in commits] == [20, 20, 10]
