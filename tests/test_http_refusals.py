"""What a member's state, a key, a parameter or a program makes refused: a table.

Each row has its status and slug, and leaves all members as they were; `test_http_bad_input.py`
is the same for what has not the form of a fact.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from vafa.engine.replica.replica import Replica

from . import mixed, servers
from .servers import JSON, NDJSON, Fact, Server, days_ago, dumps, fact, lines_of

MEMBER = "m-1"
MANY = 10**9


class Row(NamedTuple):
    """A request, whose key it has, and what it must get."""

    name: str
    status: int
    slug: str
    body: Any = None
    path: str = servers.EVENTS
    method: str = "POST"
    key: str | None = "all"
    headers: tuple[tuple[str, str], ...] = ()
    kind: str = JSON


def of_member(kind: str, **fields: Any) -> Fact:
    """A fact of the member."""
    made = {"id": "bad", "kind": kind, "occurred_at": days_ago(1), "member": MEMBER}
    return {**made, **fields}


def redeem(points: int = 1, **fields: Any) -> Fact:
    """Points that are spent."""
    return of_member("redeem", **{"currency": "points", "points": points, **fields})


def back(sale: str, **fields: Any) -> Fact:
    """Goods that come back."""
    line = {"sku": "bread", "quantity": 1_000, "net": 0, **fields}
    return of_member("return", sale=sale, lines=[line])


def closed(days: float, at: float) -> Fact:
    """A day that is closed."""
    date = days_ago(days)[:10]
    return {"id": "bad", "kind": "day closed", "date": date, "occurred_at": days_ago(at)}


STATE_ROWS = [
    Row("more points than there are", 409, "insufficient-points", redeem(MANY)),
    Row("points before they were earned", 409, "insufficient-points",
        redeem(5, occurred_at=days_ago(300))),
    Row("points that wait", 409, "insufficient-points", redeem(1_000, currency="stars")),
    Row("a currency that is not there", 409, "unknown-currency", redeem(currency="gold")),
    Row("an adjust in no currency", 409, "unknown-currency",
        of_member("adjust", currency="gold", points=1)),
    Row("an adjust below nothing", 409, "insufficient-points",
        of_member("adjust", currency="points", points=-MANY)),
    Row("a tier that is not there", 409, "unknown-tier", of_member(
        "member update", manual_tier={"tier": "diamond", "through": "2030-01-01", "reason": "x"})),
    Row("a return of another's sale", 409, "wrong-member", back("other")),
    Row("a return of a return", 409, "not-a-sale", back("back")),
    Row("a return of an activity", 409, "not-a-sale", back("act")),
    Row("a return of a refused fact", 409, "not-a-sale", back("refused")),
    Row("a return of itself", 422, "invalid-fact", back("bad")),
    Row("a return of a product not sold", 409, "no-such-line", back("sale-1", sku="tea")),
    Row("a return of more than was sold", 409, "returns-too-much",
        back("sale-1", quantity=9_000)),
    Row("a return of what came back", 409, "returns-too-much", back("sale-2")),
    Row("a day closed twice", 409, "day-out-of-order", closed(40, 38)),
    Row("a day closed after a later one", 409, "day-out-of-order", closed(50, 37)),
    Row("a day that is not over", 422, "invalid-fact", closed(1, 1)),
    Row("a known id with another member", 422, "id-reused", fact("sale-1", member="m-9")),
    Row("a known id of another kind", 422, "id-reused", redeem(id="sale-1")),
    Row("a known id of a catalogue", 422, "id-reused",
        fact("cat", member=MEMBER)),
    Row("a fact of tomorrow", 422, "in-future", redeem(occurred_at=days_ago(-2))),
    Row("a fact that is too late", 422, "too-late", redeem(occurred_at=days_ago(900))),
    Row("one bad fact of an atomic batch", 422, "batch-refused",
        lines_of(fact("fine", member=MEMBER), redeem(MANY)), f"{servers.EVENTS}?atomic=true",
        kind=NDJSON),
    Row("a catalogue in an atomic batch", 422, "batch-refused",
        lines_of({"id": "c", "kind": "catalog", "occurred_at": days_ago(1),
                  "products": [{"sku": "x"}]}), f"{servers.EVENTS}?atomic=true", kind=NDJSON),
]  # fmt: skip


def read(path: str, status: int = 400, slug: str = "invalid-parameter", **more: Any) -> Row:
    """A read that cannot be answered."""
    return Row(f"GET {path}", status, slug, None, path, "GET", **more)


STATEMENT = f"/v1/members/{MEMBER}/statement"
READ_ROWS = [
    *(read(f"{STATEMENT}?{query}") for query in (
        "limit=0", "limit=501", "limit=-1", "limit=1.5", "limit=", "limit=x", "limit=1&limit=2",
        "limit=99999999999999999999", "cursor=", "cursor=g", "cursor=0", "cursor=1", "cursor=-1",
        "cursor=ffffffffffffffff", "cursor=0x1", "cursor=1&cursor=2", "at=x", "x=1",
    )),
    *(read(f"/v1/members/{MEMBER}?{query}") for query in (
        "at=", "at=now", "at=2025-01-01", "at=2025-01-01T00:00:00", "at=1969-01-01T00:00:00Z",
        "at=2200-01-01T00:00:00Z", "at=2025-13-01T00:00:00Z", "at=1764952200",
        "at=2025-01-01T00:00:00Z&at=2025-01-01T00:00:00Z", "lots=true",
    )),
    *(read(path, headers=(("If-None-Match", "no quotes"),)) for path in (
        f"/v1/members/{MEMBER}", STATEMENT, "/v1/events/sale-1", "/v1/programs",
    )),
    read("/v1/events/sale-1?at=2025-01-01T00:00:00Z"),
    read("/v1/programs?n=1"),
    read("/v1/programs/1/differences?from=0"),
    read("/v1/programs/1/differences?from=x"),
    read("/v1/programs/1/differences?to=1"),
    *(read(path, 404, "not-found") for path in (
        "/v1/members/nobody", "/v1/members/nobody/statement", "/v1/members/%00/statement",
        "/v1/members//statement", "/v1/events/nothing", "/v1/rules/milk/budget",
        "/v1/rules/nothing/budget", "/v1/rules//budget", "/v1/programs/0", "/v1/programs/9",
        "/v1/programs/-1", "/v1/programs/one", "/v1/programs/1/differences",
        "/v1/programs/1/differences?from=9", "/v1/cards/none", "/docs/", "/openapi.yaml",
    )),
]  # fmt: skip

PROGRAM = {"program": servers.PROGRAM, "from": days_ago(1)}


def publish(name: str, status: int, slug: str, body: Any, match: str | None = "*") -> Row:
    """A publication that is refused."""
    headers = () if match is None else (("If-Match", match),)
    return Row(name, status, slug, body, "/v1/programs", headers=headers)


PROGRAM_ROWS = [
    publish("no tag", 428, "precondition-required", PROGRAM, None),
    publish("an old tag", 412, "precondition-failed", PROGRAM, '"0"'),
    publish("a broken tag", 400, "invalid-parameter", PROGRAM, "1"),
    publish("another unit", 409, "program-differs",
            {**PROGRAM, "program": servers.PROGRAM.replace("USD", "EUR")}),
    publish("another scale", 409, "program-differs",
            {**PROGRAM, "program": servers.PROGRAM.replace(
                'id = "points"\n', 'id = "points"\nscale = 2\n')}),
    publish("no TOML", 422, "invalid-program", {**PROGRAM, "program": "["}),
    publish("no program", 422, "invalid-program", {**PROGRAM, "program": "format = 1"}),
    publish("a rule twice", 422, "invalid-program",
            {**PROGRAM, "program": servers.PROGRAM.replace('id = "milk"', 'id = "base"')}),
    publish("no instant", 422, "invalid-program", {"program": servers.PROGRAM}),
    publish("an instant without zone", 422, "invalid-program",
            {**PROGRAM, "from": "2025-01-01T00:00:00"}),
    publish("an unknown field", 422, "invalid-program", {**PROGRAM, "force": True}),
    publish("unknown overrides", 422, "invalid-program",
            {**PROGRAM, "overrides": {"iran": {"add": ["2025-01-01"]}}}),
    publish("a list", 422, "invalid-program", []),
    publish("no JSON", 400, "invalid-json", b"program = 1"),
    publish("a member twice", 400, "duplicate-member", b'{"program":"a","program":"b"}'
            .replace(b"}", b',"from":"2025-01-01T00:00:00Z"}')),
    Row("a program as TOML", 415, "unsupported-media", servers.PROGRAM.encode(), "/v1/programs",
        headers=(("If-Match", "*"),), kind="application/toml"),
    Row("a check of no JSON", 400, "invalid-json", b"", "/v1/programs/check"),
    Row("a check of a number", 422, "invalid-program", {"program": 1}, "/v1/programs/check"),
    Row("PUT of programs", 405, "method-not-allowed", PROGRAM, "/v1/programs", "PUT"),
    Row("DELETE of a program", 405, "method-not-allowed", None, "/v1/programs/1", "DELETE"),
]  # fmt: skip

GOOD = fact("asked", member=MEMBER)
AUTH_ROWS = [
    Row("no key", 401, "unauthorized", GOOD, key=None),
    Row("an unknown key", 401, "unauthorized", GOOD, key="nobody"),
    Row("the hash of a key", 401, "unauthorized", GOOD,
        key=hashlib.sha256(b"all").hexdigest()),
    Row("a key with its case changed", 401, "unauthorized", GOOD, key="ALL"),
    Row("half a token", 401, "unauthorized", GOOD, key="a.b.c"),
    Row("another scheme", 401, "unauthorized", GOOD, key=None,
        headers=(("Authorization", "Basic YWxsOmFsbA=="),)),
    Row("an empty header", 401, "unauthorized", GOOD, key=None, headers=(("X-Api-Key", ""),)),
    Row("a key in the query", 401, "unauthorized", GOOD, f"{servers.EVENTS}?key=all", key=None),
    Row("a bad scheme beside a good key", 401, "unauthorized", GOOD, key=None,
        headers=(("Authorization", "x"), ("X-Api-Key", "all"))),
    Row("a signature of nobody", 401, "unauthorized", GOOD, key=None,
        headers=(("X-Vafa-Signature", "x"), ("X-Vafa-Time", "1"), ("X-Vafa-Key", "x"))),
    Row("a key that is over", 401, "unauthorized", GOOD, key="old"),
    Row("a key for reads that writes", 403, "forbidden", GOOD, key="reader"),
    Row("a key for writes that reads", 403, "forbidden", None, f"/v1/members/{MEMBER}", "GET",
        key="writer"),
    Row("force without the operator's key", 403, "forbidden", GOOD,
        f"{servers.EVENTS}?force=true", key="writer"),
    Row("a program of a till", 403, "forbidden", PROGRAM, "/v1/programs", key="writer"),
    Row("a sale of another store", 403, "forbidden", {**GOOD, "store": "1"}, key="till"),
    Row("a sale of no store", 403, "forbidden", {**GOOD, "store": ""}, key="till"),
    Row("a catalogue of a till", 403, "forbidden",
        {"id": "bad", "kind": "catalog", "occurred_at": days_ago(1), "products": [{"sku": "x"}]},
        key="till"),
    Row("an atomic batch with another store", 422, "batch-refused",
        lines_of(GOOD, {**GOOD, "id": "asked-2", "store": "1"}),
        f"{servers.EVENTS}?atomic=true", kind=NDJSON, key="till"),
    Row("more facts than a minute has", 429, "rate-limited",
        lines_of(GOOD, {**GOOD, "id": "asked-2"}), kind=NDJSON, key="few"),
]  # fmt: skip

ROWS = [*STATE_ROWS, *READ_ROWS, *PROGRAM_ROWS, *AUTH_ROWS]


def entry(name: str, scopes: str, more: str = "") -> str:
    """An entry of the keys file; the key is its name."""
    digest = hashlib.sha256(name.encode()).hexdigest()
    return f'[[key]]\nid = "{name}"\nscopes = {scopes}\nsha256 = "{digest}"\n{more}\n\n'


KEYS = (
    entry("all", '["read", "write", "admin"]') + entry("reader", '["read"]')
    + entry("writer", '["write"]') + entry("till", '["write"]', 'stores = ["2"]')
    + entry("few", '["write"]', "facts_per_minute = 1")
    + entry("old", '["write"]', "not_after = 2020-01-01T00:00:00Z")
)  # fmt: skip

BEFORE: list[Fact] = [
    {"id": "cat", "kind": "catalog", "occurred_at": days_ago(200), "products": [{"sku": "x"}]},
    fact("sale-1", member=MEMBER, occurred_at=days_ago(10)),
    fact("sale-2", member=MEMBER, occurred_at=days_ago(8)),
    fact("other", member="m-2", occurred_at=days_ago(8)),
    back("sale-2", net=1_250) | {"id": "back", "occurred_at": days_ago(7)},
    of_member("activity", id="act", code="review", occurred_at=days_ago(6)),
    redeem(10, id="spent", occurred_at=days_ago(5)),
    closed(40, 38) | {"id": "day"},
]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("refusals")
    (folder / "keys.toml").write_text(KEYS)
    options = ["--keys", str(folder / "keys.toml")]
    with servers.serving(folder / "ledger", options=options) as running:
        for one in BEFORE:
            assert send(running, Row("", 0, "", one))[0] == 201, one
        assert send(running, Row("", 0, "", redeem(MANY, id="refused")))[0] == 409
        yield running


@pytest.fixture(scope="module")
def replica(server: Server) -> Iterator[Replica]:
    reader = Replica.open(server.ledger)
    yield reader
    reader.close()


def send(server: Server, row: Row) -> tuple[int, str]:
    """(status, slug) of what the server says to it."""
    headers = dict(row.headers)
    if row.key is not None:
        headers["X-Api-Key"] = row.key
    body = row.body
    if body is not None:
        headers["Content-Type"] = row.kind
        body = body if isinstance(body, bytes) else dumps(body)
    reply = server.ask(row.method, row.path, body, headers)
    return reply.status, reply.slug


def digest(replica: Replica) -> str:
    """The hash of all members as they are on stable storage."""
    replica.catch_up()
    return mixed.hash_of(replica)


def test_the_table_is_as_long_as_it_should_be() -> None:
    names = [row.name for row in ROWS]
    assert len(set(names)) == len(names) >= 100


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_it_is_refused_and_changes_nobody(server: Server, replica: Replica, row: Row) -> None:
    # A refusal for a member's state is kept for ever under its id: each row has one of its own.
    body = row.body
    if isinstance(body, dict) and body.get("id") == "bad":
        number = ROWS.index(row)
        body = {**body, "id": f"bad-{number}"}
        if body.get("sale") == "bad":
            body["sale"] = body["id"]
    before = digest(replica)
    assert send(server, row._replace(body=body)) == (row.status, row.slug)
    assert digest(replica) == before


def test_a_refusal_says_what_is_wanting(server: Server) -> None:
    body = dumps(redeem(MANY, id="wanting"))
    for _ in range(2):
        told = server.ask("POST", servers.EVENTS, body, {"Content-Type": JSON, "X-Api-Key": "all"})
        assert told.json()["detail"] == "the member lacks the points at the fact's place; for ever"


def test_the_rest_of_the_rows_is_sound(server: Server) -> None:
    assert send(server, Row("", 0, "", redeem(1, id="sound"), key="writer"))[0] == 201
    assert send(server, Row("", 0, "", {**GOOD, "id": "sound-2"}, key="till"))[0] == 201
    assert send(server, Row("", 0, "", {**GOOD, "id": "sound-3"}, key="few"))[0] == 201
