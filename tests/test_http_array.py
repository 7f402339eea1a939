"""An array of facts in a JSON body: results in the order of the facts, as of NDJSON."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from vafa.engine.replay import verify

from . import servers
from .servers import JSON, NDJSON, Server, days_ago, fact


@pytest.fixture(scope="module", params=[1, 2], ids=["alone", "workers"])
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    ledger = tmp_path_factory.mktemp("array") / "ledger"
    with servers.serving(ledger, request.param) as running:
        running.post(fact("before", member="m-0"))
        yield running
    assert verify(ledger).findings == []


def ask(server: Server, body: bytes, query: str = "", kind: str = JSON) -> servers.Reply:
    return server.ask("POST", f"/v1/events{query}", body, {"Content-Type": kind})


def mixed_facts(name: str) -> list[dict[str, Any]]:
    """Facts of several kinds, some of them wrong."""
    later = fact(f"{name}-2", member=name, occurred_at=days_ago(1))
    return [
        fact(f"{name}-1", member=name, occurred_at=days_ago(2)),
        {"kind": "sale"},
        later,
        {"id": f"{name}-c", "kind": "catalog", "occurred_at": days_ago(3),
         "products": [{"sku": "x"}]},
        {"id": f"{name}-r", "kind": "redeem", "occurred_at": days_ago(1), "member": name,
         "currency": "points", "points": 10**9},
        later,
        {**later, "member": "other"},
    ]  # fmt: skip


def test_results_are_those_of_ndjson(server: Server) -> None:
    as_array = ask(server, json.dumps(mixed_facts("first")).encode())
    lines = b"\n".join(json.dumps(one).encode() for one in mixed_facts("again"))
    as_lines = ask(server, lines, kind=NDJSON)
    assert (as_array.status, as_array.headers["content-type"]) == (200, JSON)
    results = as_array.json()
    assert [one["line"] for one in results] == list(range(1, 8))
    told = as_lines.body.decode().replace("again-", "first-")
    expected = [json.loads(line) for line in told.splitlines()]
    for mine, other in zip(results, expected, strict=True):
        assert {**mine, "seq": 0} == {**other, "seq": 0}
    assert [one["status"] for one in results[:2]] == ["ok", "refused"]



def test_one_of_an_array_is_a_fact_like_any(server: Server) -> None:
    (told,) = ask(server, b" \n[" + json.dumps(fact("lone", member="m-0")).encode() + b"]").json()
    again = server.post(fact("lone", member="m-0")).json()
    assert {**again, "status": "ok", "line": 1} == told


def test_all_or_nothing(server: Server) -> None:
    good = [fact("w-1", member="w"), fact("w-2", member="w")]
    refused = ask(server, json.dumps([*good, {"kind": "sale"}]).encode(), "?atomic=true")
    assert (refused.status, refused.slug) == (422, "batch-refused")
    assert [one["line"] for one in refused.json()["refused"]] == [3]
    assert server.get("/v1/events/w-1").status == 404
    taken = ask(server, json.dumps(good).encode(), "?atomic=true")
    assert [one["status"] for one in taken.json()] == ["ok", "ok"]


@pytest.mark.parametrize(
    ("body", "status", "slug", "pointer"),
    [
        (b"[]", 422, "invalid-fact", None),
        (b"[1]", 422, "invalid-fact", "/0"),
        (b'[{}, "x"]', 422, "invalid-fact", "/1"),
        (b"[[{}]]", 422, "invalid-fact", "/0"),
        (b"[{}", 400, "invalid-json", None),
        (b"[{},]", 400, "invalid-json", None),
        (b"[{}] {}", 400, "invalid-json", None),
        (b'[{"kind": "\xff"}]', 400, "invalid-json", None),
        (b"[" * 100_000, 400, "invalid-json", None),
        (b"[" + b"{}," * 100_000 + b"{}]", 413, "too-large", None),
    ],
)
def test_an_array_that_is_none(
    server: Server, body: bytes, status: int, slug: str, pointer: str | None
) -> None:
    reply = ask(server, body)
    assert (reply.status, reply.slug, reply.json().get("pointer")) == (status, slug, pointer)


def test_a_member_that_is_there_twice_is_of_its_own_fact(server: Server) -> None:
    text = json.dumps(fact("twice", member="m-0"))
    (told,) = ask(server, ("[" + text[:-1] + ', "id": "again"}]').encode()).json()
    assert told["problem"]["type"].endswith(":duplicate-member")
