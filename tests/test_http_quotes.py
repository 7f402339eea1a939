"""Quotes over HTTP: from the writer's own process and from front ends, beside commits."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from . import servers
from .bad_requests import state
from .servers import Fact, Reply, Server, dumps, fact
from .test_http_bad_input import JSON_ROWS

QUOTES = "/v1/quotes"


@pytest.fixture(scope="module", params=[1, 2], ids=["one", "workers"])
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    with servers.serving(tmp_path_factory.mktemp("q") / "ledger", workers=request.param) as running:
        assert running.post(fact("before")).status == 201
        yield running


def ask(server: Server, body: Any, query: str = "") -> Reply:
    packed = body if isinstance(body, bytes) else dumps(body)
    headers = {"Content-Type": "application/json"}
    return server.ask("POST", QUOTES + query, packed, headers)


def told(answer: Fact) -> Fact:
    """What quotes and answers have in common: rules that gave 0 are in no answer."""
    postings = [
        {name: posting[name] for name in ("rule", "kind", "currency", "points")}
        for posting in answer["postings"]
        if posting["points"]
    ]
    return {"postings": postings, "balances": answer["balances"]}


def test_a_quote_is_what_the_sale_is_answered(server: Server) -> None:
    basket = fact("s-quoted", member="m-quoted")
    before = state(server)
    reply = ask(server, {**basket, "kind": "quote"})
    assert reply.status == 200
    quoted = reply.json()
    assert state(server) == before
    answer = server.post(basket).json()
    assert told(quoted) == told(answer)
    assert quoted["tier"]["after"] == answer["tier"]
    paid = ask(server, basket)
    assert (paid.status, paid.slug) == (422, "id-reused")


def test_what_may_be_left_out(server: Server) -> None:
    lines = [{"sku": "unheard of", "quantity": 1_000, "net": 5_000}]
    quoted = ask(server, {"lines": lines}).json()
    assert (quoted["member"], quoted["postings"], quoted["status"]) == (None, [], "ok")
    assert "id" not in quoted
    quoted = ask(server, {"lines": lines, "member": "m-new"}).json()
    assert quoted["balances"]["points"]["active"] > 0
    assert server.get("/v1/members/m-new").status == 404


def test_a_basket_is_refused_as_its_sale_would_be(server: Server) -> None:
    old = {**fact("s-old"), "occurred_at": servers.days_ago(4_000)}
    assert ask(server, old).slug == server.post(old).slug == "too-late"
    ahead = {**fact("s-ahead"), "occurred_at": servers.days_ago(-1)}
    assert ask(server, ahead).slug == "in-future"
    assert ask(server, fact("s-x"), "?force=perhaps").slug == "invalid-parameter"
    reply = server.ask("POST", QUOTES, dumps(fact("s-x")), {"Content-Type": "text/plain"})
    assert reply.slug == "unsupported-media"
    assert server.get(QUOTES).slug == "method-not-allowed"


def test_bad_baskets_are_refused_for_the_same_things(server: Server) -> None:
    before = state(server)
    may_miss = 0
    for row in JSON_ROWS:
        if row.query or row.encoding:
            continue
        reply = ask(server, row.body)
        if reply.status == 200:
            may_miss += 1
            continue
        assert 400 <= reply.status < 500, row.name
        assert reply.slug in (row.slug, "invalid-fact", "invalid-json"), row.name
    # Without an id, a member or an instant a basket is good.
    assert may_miss < 15
    assert state(server) == before


def test_quotes_beside_commits(server: Server) -> None:
    """Baskets with new names are quoted while others with new names are committed."""
    wrong: list[Any] = []

    def quote(worker: int) -> None:
        for number in range(30):
            lines = [{"sku": f"q-{worker}-{number}", "quantity": 1_000, "net": 1_000}]
            reply = ask(server, {"lines": lines, "member": "m-beside", "store": f"q{number}"})
            if reply.status != 200 or reply.json()["balances"]["points"]["active"] < 10:
                wrong.append(reply)

    def commit(worker: int) -> None:
        for number in range(30):
            lines = [{"sku": f"c-{worker}-{number}", "quantity": 1_000, "net": 1_000}]
            name = f"beside-{worker}-{number}"
            made = fact(name, member=f"m-{worker}", store=f"c{worker}{number}", lines=lines)
            if server.post(made).status != 201:
                wrong.append(name)

    doing = [threading.Thread(target=act, args=(n,)) for n in range(3) for act in (quote, commit)]
    for one in doing:
        one.start()
    for one in doing:
        one.join()
    assert wrong == []
    assert server.get("/v1/members/m-beside").status == 404
