"""Members over HTTP: cards, and whose they are, with one process and with several."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import quote

import pytest

from . import servers
from .servers import Fact, Server, days_ago, fact, lines_of


@pytest.fixture(scope="module", params=[1, 2], ids=["one", "workers"])
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    ledger = tmp_path_factory.mktemp("members") / "ledger"
    with servers.serving(ledger, workers=request.param) as running:
        yield running


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    """Names of a test's own."""
    return str(abs(hash(request.node.name)) % 10**9)


def by_card(name: str, card: str, days: float = 1) -> Fact:
    """A sale whose member a card tells."""
    sale = fact(name, card=card, occurred_at=days_ago(days))
    del sale["member"]
    return sale


def of_card(kind: str, name: str, days: float, **fields: object) -> Fact:
    """A fact of a member that is no sale."""
    return {"kind": kind, "id": name, "occurred_at": days_ago(days), **fields}


def test_cards_name_members(server: Server, name: str) -> None:
    card = f"c/{name}"
    unknown = server.post(by_card(f"s0-{name}", card))
    assert (unknown.status, unknown.json()["type"]) == (422, "urn:vafa:problem:unknown-card")
    assert server.get(f"/v1/cards/{quote(card, safe='')}").status == 404
    assert server.get(f"/v1/members?card={quote(card)}").status == 404
    assert server.post(
        of_card("card link", f"l-{name}", 9, member=f"m-{name}", card=card)
    ).status == 201  # fmt: skip
    first = server.post(by_card(f"s0-{name}", card))
    assert first.status == 201
    again = server.post(by_card(f"s0-{name}", card))
    assert (again.status, again.headers["idempotent-replayed"]) == (200, "true")
    found = server.get(f"/v1/cards/{quote(card, safe='')}").json()
    assert (found["member"], found["blocked"]) == (f"m-{name}", False)
    member = server.get(f"/v1/members?card={quote(card)}").json()
    assert (member["id"], member["cards"]) == (f"m-{name}", [card])
    shown = server.get(f"/v1/events/s0-{name}").json()["fact"]
    assert (shown["member"], shown["card"]) == (f"m-{name}", card)
    # A basket that is not yet paid finds its member too.
    quoted = server.ask(
        "POST", "/v1/quotes", servers.dumps({**by_card("q", card), "id": f"q-{name}"}),
        {"Content-Type": "application/json"},
    )  # fmt: skip
    assert (quoted.status, quoted.json()["member"]) == (200, f"m-{name}")


def test_blocked_cards_are_refused_in_lines(server: Server, name: str) -> None:
    rows = [
        of_card("enrol", f"e-{name}", 9, member=f"m-{name}", cards=[f"a-{name}", f"b-{name}"]),
        of_card("card block", f"k-{name}", 5, card=f"a-{name}", reason="lost"),
        by_card(f"s1-{name}", f"a-{name}"),
        by_card(f"s2-{name}", f"b-{name}"),
        by_card(f"s3-{name}", f"a-{name}", 6),
        by_card(f"s4-{name}", "nobody's"),
    ]
    results = server.post(lines_of(*rows), servers.NDJSON).rows()
    told = [r.get("reason") or (r.get("problem") or {}).get("type") or r["status"]
            for r in results]  # fmt: skip
    assert told == ["ok", "ok", "card-blocked", "ok", "ok", "urn:vafa:problem:unknown-card"]
    single = server.post(by_card(f"s1-{name}", f"a-{name}"))
    assert (single.status, single.json()["type"]) == (409, "urn:vafa:problem:card-blocked")
    quoted = server.ask(
        "POST", "/v1/quotes", servers.dumps(by_card(f"q-{name}", f"a-{name}")),
        {"Content-Type": "application/json"},
    )  # fmt: skip
    assert (quoted.json()["status"], quoted.json()["reason"]) == ("refused", "card-blocked")
    then = days_ago(7).replace("+", "%2B")
    assert not server.get(f"/v1/cards/a-{name}?at={then}").json()["blocked"]
    assert server.get(f"/v1/cards/a-{name}").json()["reason"] == "lost"


@pytest.mark.parametrize(
    ("path", "slug"),
    [
        ("/v1/members", "invalid-parameter"),
        ("/v1/members?card=x&card=y", "invalid-parameter"),
        ("/v1/members?name=x", "invalid-parameter"),
        ("/v1/members?card=x&at=noon", "invalid-parameter"),
        ("/v1/cards/x?card=y", "invalid-parameter"),
        ("/v1/cards/nobody's", "not-found"),
    ],
)
def test_bad_look_ups_are_refused(server: Server, path: str, slug: str) -> None:
    assert server.get(path).json()["type"] == f"urn:vafa:problem:{slug}"
