"""Members over HTTP: cards, and whose they are, with one process and with several."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote

import pytest

from . import servers
from .servers import Fact, Reply, Server, days_ago, dumps, fact, lines_of


@pytest.fixture(scope="module", params=[1, 2], ids=["one", "workers"])
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("members")
    (folder / "pepper").write_bytes(b"a pepper of enough bytes")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VAFA_PEPPER_FILE", str(folder / "pepper"))
        with servers.serving(folder / "ledger", workers=request.param) as running:
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


# -- PINs and profiles ---------------------------------------------------------------------------


def put(server: Server, path: str, body: object, method: str = "PUT") -> Reply:
    """A JSON body to a path of its own."""
    return server.ask(method, path, servers.dumps(body), {"Content-Type": "application/json"})


def test_a_pin_is_set_tried_and_locked(server: Server, name: str) -> None:
    card = f"p-{name}"
    server.post(of_card("card link", f"l-{name}", 9, member=f"m-{name}", card=card))
    path = f"/v1/cards/{card}/verify"
    assert put(server, path, {"pin": "2718"}, "POST").slug == "not-found"
    pin = of_card("card pin", f"p-{name}", 8, card=card, pin="2718")
    assert server.post(pin).status == 201
    assert server.post(pin).status == 200
    assert server.post({**pin, "pin": "2719"}).slug == "id-reused"
    assert server.get(f"/v1/cards/{card}").json()["has_pin"]
    assert put(server, path, {"pin": "2718"}, "POST").json()["outcome"] == "ok"
    with ThreadPoolExecutor(8) as pool:
        tried = list(pool.map(
            lambda n: put(server, path, {"pin": f"100{n}"}, "POST").json()["outcome"], range(8)
        ))  # fmt: skip
    assert sorted(tried) == ["locked"] * 4 + ["wrong"] * 4
    assert put(server, path, {"pin": "2718"}, "POST").json() == {
        "card": card, "outcome": "locked", "attempts_left": 0}  # fmt: skip
    lines = lines_of(
        of_card("card unblock", f"u-{name}", 7, card=card),
        of_card("card pin", f"q-{name}", 6, card=card, pin="3141"),
        of_card("card pin", f"r-{name}", 6, card=f"other-{name}", pin="3141"),
    )
    rows = server.post(lines, servers.NDJSON).rows()
    assert [row["status"] for row in rows] == ["ok", "ok", "refused"]
    assert put(server, path, {"pin": "3141"}, "POST").json()["outcome"] == "ok"
    shown = server.get(f"/v1/events/q-{name}").body
    assert b"3141" not in shown
    assert b"argon2" not in shown
    server.post(of_card("card block", f"b-{name}", 5, card=card))
    assert put(server, path, {"pin": "3141"}, "POST").slug == "card-blocked"


def test_a_profile_is_put_and_erased(server: Server, name: str) -> None:
    path = f"/v1/members/m-{name}/profile"
    secret = f"Anna Aarden {name}"
    assert put(server, path, {"name": "x"}).slug == "not-found"
    enrol = of_card("enrol", f"e-{name}", 9, member=f"m-{name}", profile={"name": secret})
    assert server.post(enrol).status == 201
    assert server.get(path).json() == {"name": secret}
    assert server.post(enrol).status == 200
    assert server.post({**enrol, "profile": {"name": "x"}}).slug == "id-reused"
    assert put(server, path, {"phone": "+49 171"}).json() == {"phone": "+49 171"}
    rows = server.post(lines_of(of_card(
        "member update", f"u-{name}", 8, member=f"m-{name}", profile={"name": secret}
    )), servers.NDJSON).rows()  # fmt: skip
    assert rows[0]["status"] == "ok"
    assert server.get(path).json() == {"phone": "+49 171", "name": secret}
    assert secret.encode() not in server.get(f"/v1/events/e-{name}").body
    assert server.post(of_card("erase", f"x-{name}", 7, member=f"m-{name}")).status == 201
    assert server.get(path).slug == "not-found"
    assert secret.encode() not in server.get(f"/v1/members/m-{name}").body
    held = b"".join(p.read_bytes() for p in server.ledger.rglob("*") if p.is_file())
    assert secret.encode() not in held


def test_a_profile_is_put_over_what_was_seen(server: Server, name: str) -> None:
    path = f"/v1/members/m-{name}/profile"

    def replace(text: str, **headers: str) -> Reply:
        named = {key.replace("_", "-"): value for key, value in headers.items()}
        body = dumps({"name": text})
        return server.ask("PUT", path, body, {"Content-Type": "application/json", **named})

    assert server.post(of_card("enrol", f"e-{name}", 9, member=f"m-{name}")).status == 201
    assert replace("a", If_Match="*").slug == "precondition-failed"
    assert replace("a", If_None_Match="*").status == 200
    assert replace("b", If_None_Match="*").slug == "precondition-failed"
    seen = server.get(path)
    tag = seen.headers["etag"]
    assert server.ask("GET", path, None, {"If-None-Match": tag}).status == 304
    assert replace("b", If_Match='"bogus"').slug == "precondition-failed"
    assert replace("b", If_None_Match=tag).slug == "precondition-failed"
    assert replace("b", If_Match="bogus").slug == "invalid-parameter"
    assert server.get(path).json() == {"name": "a"}
    changed = replace("b", If_Match=f'"other", {tag}')
    assert changed.status == 200
    assert changed.headers["etag"] == server.get(path).headers["etag"] != tag
    assert replace("c", If_Match=tag).slug == "precondition-failed"
    assert replace("c").status == 200


@pytest.mark.parametrize(
    ("method", "path", "body", "slug"),
    [
        ("POST", "/v1/cards/x/verify", b"{}", "invalid-fact"),
        ("POST", "/v1/cards/x/verify", b'{"pin": 1234}', "invalid-fact"),
        ("POST", "/v1/cards/x/verify", b'{"pin": "1234", "pin": "1234"}', "duplicate-member"),
        ("POST", "/v1/cards/x/verify", b'{"pin": "1234"', "invalid-json"),
        ("POST", "/v1/cards/x/verify", b'{"pin": "1234"}', "not-found"),
        ("PUT", "/v1/members/x/profile", b'{"a": 1}', "invalid-fact"),
        ("PUT", "/v1/members/x/profile", b"[]", "invalid-fact"),
        ("PUT", "/v1/members/x/profile", b"{}", "not-found"),
    ],
)
def test_bad_private_bodies_are_refused(
    server: Server, method: str, path: str, body: bytes, slug: str
) -> None:
    reply = server.ask(method, path, body, {"Content-Type": "application/json"})
    assert reply.slug == slug
    assert "1234" not in reply.body.decode()
