"""Keys, signatures, tokens, stores, rates, the operators' port and TLS."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import http.client
import json
import re
import signal
import ssl
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import jwt
import pytest
from click.testing import CliRunner

from vafa.engine.private.apart import Private
from vafa.engine.wire import json_facts
from vafa.server import guard, privacy
from vafa.server.__main__ import key
from vafa.server.guard import SIGNED_S, signature, signed_headers
from vafa.server.keys import TILL_KINDS, Holder, KeysError, read_keys
from vafa.server.problems import ProblemError
from vafa.server.shared import Shared

from . import servers
from .servers import ARROW, JSON, NDJSON, Reply, Server, dumps, fact, lines_of, stream_of, table_of

SECRET = bytes(range(32))
SHARED_SECRET = "a shared secret of the issuer, long enough"
SOON = dt.datetime.now(dt.UTC) + dt.timedelta(hours=1)
PAST = dt.datetime.now(dt.UTC) - dt.timedelta(hours=1)


def entry(name: str, scopes: list[str], key: str | None = None, **more: str) -> str:
    """An entry of the keys file; the key is its name unless given."""
    lines = ["[[key]]", f'id = "{name}"', f"scopes = {json.dumps(scopes)}"]
    if "secret" not in more:
        lines.append(f'sha256 = "{hashlib.sha256((key or name).encode()).hexdigest()}"')
    lines += [f"{field} = {value}" for field, value in more.items()]
    return "\n".join(lines) + "\n\n"


FILE = "".join([
    entry("all", ["read", "write", "admin"]),
    entry("reader", ["read"]),
    entry("writer", ["write"]),
    entry("till", ["read", "write"], stores='["2"]'),
    entry("cashier", ["till"]),
    entry("old", ["read"], not_after=PAST.isoformat()),
    entry("new", ["read"], not_before=SOON.isoformat()),
    entry("old-and-new", ["read"], "first", not_after=SOON.isoformat()),
    entry("old-and-new", ["read"], "second", not_before=PAST.isoformat()),
    entry("slow", ["read", "write"], requests_per_minute="3"),
    entry("few", ["write"], facts_per_minute="3"),
    entry("signer", ["read", "write"], secret=f'"{base64.b64encode(SECRET).decode()}"'),
    f"""[jwt]
issuer = "https://issuer.example"
audience = "vafa"
algorithms = ["HS256"]
key = "{SHARED_SECRET}"
""",
])  # fmt: skip


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("keys")
    (folder / "keys.toml").write_text(FILE)
    with servers.serving(
        folder / "ledger", options=["--keys", str(folder / "keys.toml"), "--admin-port", "0"]
    ) as run:
        yield run


def ask(
    server: Server, method: str, path: str, key: str | None = "all", body: Any = None,
    kind: str = JSON, port: int | None = None, **headers: str,
) -> Reply:
    """A request with a key."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    if key is not None:
        named["Authorization"] = f"Bearer {key}"
    if body is not None:
        named["Content-Type"] = kind
    content = body if isinstance(body, bytes | None) else dumps(body)
    connection = servers.Connection(port or server.port)
    try:
        return connection.ask(method, path, content, named)
    finally:
        connection.close()


def test_a_key_is_asked_for(server: Server) -> None:
    for path in ("/v1/members/x", "/v1/programs", "/v1/events/x"):
        reply = server.get(path)
        assert (reply.status, reply.slug) == (401, "unauthorized")
        assert reply.headers["www-authenticate"] == "Bearer"
    seq = server.seq()
    assert server.post(fact("a")).status == 401
    assert server.seq() == seq
    for path in ("/livez", "/readyz", "/openapi.json", "/docs"):
        assert server.get(path).status == 200
    assert server.get("/v1/nothing").status == 404


@pytest.mark.parametrize("given", ["", "x", "ALL", "all ", " all", "all\t", "é", "all, reader"])
def test_unknown_keys_are_refused(server: Server, given: str) -> None:
    reply = server.ask("GET", "/v1/programs", None, {"X-Api-Key": given.encode().decode("latin-1")})
    # White space around a header's value is not of the value.
    assert reply.status == (200 if given.strip() == "all" else 401)


@pytest.mark.parametrize("header", ["Basic YWxs", "Bearer", "Bearer  ", "bearer x", "all"])
def test_other_schemes_are_refused(server: Server, header: str) -> None:
    assert server.ask("GET", "/v1/programs", None, {"Authorization": header}).status == 401


@pytest.mark.parametrize("given", ["X-Api-Key: all", "Authorization: Bearer all"])
def test_a_key_is_given_once(server: Server, given: str) -> None:
    for times, status in ((1, b"200"), (2, b"401")):
        request = "GET /v1/programs HTTP/1.1\r\nHost: x\r\n" + f"{given}\r\n" * times + "\r\n"
        assert server.raw(request.encode()).split(b" ")[1] == status


@pytest.mark.parametrize(
    ("key", "read", "write"),
    [("all", 404, 201), ("reader", 404, 403), ("writer", 403, 201), ("till", 404, 201),
     ("old", 401, 401), ("new", 401, 401), ("first", 404, 403), ("second", 404, 403)],
)  # fmt: skip
def test_scopes_and_times(server: Server, key: str, read: int, write: int) -> None:
    assert ask(server, "GET", "/v1/members/nobody", key).status == read
    assert ask(server, "POST", "/v1/events", key, fact(f"by-{key}")).status == write
    assert server.ask(
        "GET", "/v1/members/nobody", None, {"X-Api-Key": key}
    ).status == read  # fmt: skip


def test_force_is_the_operator_s(server: Server) -> None:
    late = fact("forced", occurred_at=servers.days_ago(servers.LATE_DAYS + 30))
    path = "/v1/events?force=true"
    assert ask(server, "POST", path, "writer", late).slug == "forbidden"
    assert ask(server, "POST", path, "all", late).status == 201


def test_a_till_is_of_its_store(server: Server) -> None:
    seq = server.seq()
    other = fact("other-store", store="1")
    refused = ask(server, "POST", "/v1/events", "till", other)
    assert (refused.status, refused.slug) == (403, "forbidden")
    assert refused.json()["pointer"] == "/store"
    none = ask(server, "POST", "/v1/events", "till", fact("no-store", store=""))
    assert none.status == 403
    catalog = {"id": "c", "kind": "catalog", "occurred_at": servers.days_ago(1),
               "products": [{"sku": "x"}]}  # fmt: skip
    assert ask(server, "POST", "/v1/events", "till", catalog).status == 403
    quote = {key: other[key] for key in ("member", "store", "lines")}
    assert ask(server, "POST", "/v1/quotes", "till", quote).status == 403
    assert ask(server, "POST", "/v1/quotes", "till", quote | {"store": "2"}).status == 200
    arrow = stream_of(table_of([fact("s-1"), other]))
    assert ask(server, "POST", "/v1/events", "till", arrow, ARROW).status == 403
    assert server.seq() == seq
    batch = lines_of(fact("s-1"), other, catalog)
    rows = ask(server, "POST", "/v1/events", "till", batch, NDJSON).rows()
    assert [row["status"] for row in rows] == ["ok", "refused", "refused"]
    assert rows[1]["problem"]["type"].endswith("forbidden")
    whole = ask(server, "POST", "/v1/events?atomic=true", "till", batch, NDJSON)
    assert (whole.slug, len(whole.json()["refused"])) == ("batch-refused", 2)


def test_files_of_other_systems_are_asked_the_same(server: Server) -> None:
    orders = [
        {"id": f"import-{place}", "state": "COMPLETED", "closed_at": servers.days_ago(2),
         "customer_id": "m-1", "location_id": place,
         "line_items": [{"quantity": "1", "name": "milk", "total_money": {"amount": 500}}]}
        for place in ("1", "2")
    ]  # fmt: skip
    path = "/v1/imports/square"
    assert ask(server, "POST", path, "reader", orders).status == 403
    assert ask(server, "POST", f"{path}?force=true", "writer", orders).slug == "forbidden"
    rows = ask(server, "POST", path, "till", orders).rows()
    assert [row["status"] for row in rows] == ["refused", "ok"]
    assert rows[0]["problem"]["type"].endswith("forbidden")


def test_rates_count_requests_and_facts_apart(server: Server) -> None:
    statuses = [ask(server, "GET", "/v1/members/nobody", "slow").status for _ in range(8)]
    assert statuses.count(429) >= 2
    limited = ask(server, "GET", "/v1/members/nobody", "slow")
    for _ in range(5):
        if limited.status == 429:
            break
        limited = ask(server, "GET", "/v1/members/nobody", "slow")
    assert limited.slug == "rate-limited"
    assert 1 <= int(limited.headers["retry-after"]) <= 60
    batch = lines_of(*(fact(f"few-{n}") for n in range(4)))
    assert ask(server, "POST", "/v1/events", "few", batch, NDJSON).slug == "rate-limited"
    assert ask(server, "POST", "/v1/events", "few", lines_of(fact("few-0")), NDJSON).status == 200
    assert ask(server, "GET", "/v1/events/few-1").status == 404


# -- signatures -----------------------------------------------------------------------------------


def signed(
    server: Server, method: str, path: str, body: bytes = b"", **changed: str
) -> Reply:
    """A signed request, with some of its headers changed."""
    headers = {**signed_headers("signer", SECRET, method, path, body), "Content-Type": JSON}
    headers |= {name.replace("_", "-"): value for name, value in changed.items()}
    return server.ask(method, path, body or None, headers)


def test_signed_requests_are_taken(server: Server) -> None:
    assert signed(server, "GET", "/v1/members/nobody?at=2025-11-01T00:00:00Z").status == 404
    body = dumps(fact("signed"))
    assert signed(server, "POST", "/v1/events", body).status == 201
    assert signed(server, "POST", "/v1/events", body).status == 200


def test_large_signed_bodies_are_taken(server: Server) -> None:
    lines = [{"sku": f"s{n}", "quantity": 1000, "net": 1} for n in range(9_000)]
    assert signed(server, "POST", "/v1/events", dumps(fact("large", lines=lines))).status == 201


def test_other_signatures_are_refused(server: Server) -> None:
    body = dumps(fact("forged"))
    when = str(int(time.time()))
    wrong = signature(bytes(32), when, "n", "POST", "/v1/events", body)
    other = signature(SECRET, when, "n", "POST", "/v1/events", b"")
    late = str(int(time.time()) - SIGNED_S - 5)
    for changed in (
        {"X_Vafa_Signature": wrong, "X_Vafa_Time": when, "X_Vafa_Nonce": "n"},
        {"X_Vafa_Signature": other, "X_Vafa_Time": when, "X_Vafa_Nonce": "n"},
        {"X_Vafa_Nonce": "other"}, {"X_Vafa_Nonce": ""}, {"X_Vafa_Nonce": "n" * 65},
        {"X_Vafa_Signature": ""}, {"X_Vafa_Key": "till"}, {"X_Vafa_Key": ""},
        {"X_Vafa_Time": "x"}, {"X_Vafa_Time": str(int(when) + 7)},
        {"X_Vafa_Time": late, "X_Vafa_Nonce": "n",
         "X_Vafa_Signature": signature(SECRET, late, "n", "POST", "/v1/events", body)},
    ):  # fmt: skip
        assert signed(server, "POST", "/v1/events", body, **changed).slug == "unauthorized"
    assert ask(server, "GET", "/v1/events/forged").status == 404


def test_front_ends_know_signatures_and_rates_together(tmp_path: Path) -> None:
    file = tmp_path / "keys.toml"
    file.write_text(FILE + entry("twenty", ["read"], requests_per_minute="20"))
    headers = signed_headers("signer", SECRET, "GET", "/v1/programs")
    with servers.serving(tmp_path / "ledger", 3, options=["--keys", str(file)]) as run:

        def many(headers: Mapping[str, str]) -> list[int]:
            with ThreadPoolExecutor(16) as pool:
                asked = pool.map(
                    lambda _: run.ask("GET", "/v1/programs", None, dict(headers)).status, range(32)
                )
                return sorted(asked)

        assert many(headers) == [200, *[401] * 31]
        assert many({"Authorization": "Bearer reader"}) == [200] * 32
        # Not over the end of a minute.
        servers.wait_until(lambda: time.time() % 60 < 40, 30)
        with ThreadPoolExecutor(16) as pool:
            asked = pool.map(
                lambda _: ask(run, "GET", "/v1/programs", "twenty").status, range(60)
            )
            assert Counter(asked) == {200: 20, 429: 40}
    with servers.serving(tmp_path / "ledger", 2, options=["--keys", str(file)]) as run:
        # A restart forgets none of them.
        reply = run.ask("GET", "/v1/programs", None, dict(headers))
        assert (reply.status, reply.slug) == (401, "unauthorized")
        assert "taken before" in reply.json()["detail"]


# -- tokens ---------------------------------------------------------------------------------------


NULL = "null"
"""A claim that is there, and null."""


def token(**claims: Any) -> str:
    """A token of the issuer, with some claims changed; None leaves one out."""
    made = {"iss": "https://issuer.example", "aud": "vafa", "sub": "app", "scope": "read write",
            "exp": SOON, **claims}  # fmt: skip
    algorithm = made.pop("alg", "HS256")
    key = made.pop("key", SHARED_SECRET)
    claimed = {n: None if v == NULL else v for n, v in made.items() if v is not None}
    return jwt.encode(claimed, key, algorithm=algorithm)


def said(value: Any) -> str:
    """A claim in a test's name, which must be the same whenever a worker makes it."""
    named = {PAST: "past", SOON: "soon", str(PAST): "past as text", str(SOON): "soon as text"}
    return named.get(value, str(value)[:20])


def test_tokens_are_keys(server: Server) -> None:
    assert ask(server, "GET", "/v1/members/nobody", token()).status == 404
    assert ask(server, "POST", "/v1/events", token(), fact("by-token")).status == 201
    assert ask(server, "POST", "/v1/events", token(scope="read"), fact("x")).status == 403
    bound = token(stores=["1"])
    assert ask(server, "POST", "/v1/events", bound, fact("x")).status == 403


@pytest.mark.parametrize(
    "claims",
    [{"exp": PAST}, {"exp": None}, {"iss": "other"}, {"aud": "other"}, {"sub": None},
     {"key": "another secret that is long enough"}, {"nbf": SOON}, {"stores": "1"},
     {"stores": NULL}, {"exp": str(SOON)}, {"nbf": str(PAST)}, {"exp": -1}, {"scope": 1},
     {"exp": 10**400}, {"nbf": float("nan")}, {"alg": "HS512"},
     {"alg": "none", "key": None}],
    ids=lambda claims: "-".join(f"{name}={said(value)}" for name, value in claims.items()),
)  # fmt: skip
def test_other_tokens_are_refused(server: Server, claims: dict[str, Any]) -> None:
    made = token(**{k: v for k, v in claims.items() if k != "key" or v}) if "alg" not in claims \
        else jwt.encode({"sub": "x"}, claims.get("key", SHARED_SECRET), algorithm=claims["alg"])
    assert ask(server, "GET", "/v1/members/nobody", made).slug == "unauthorized"


@pytest.mark.parametrize(
    "given", [b"\xff\xfe.a.b", b"a.b.c", b"." * 5_000, b"\xd8.\xd8.\xd8"], ids=repr
)
def test_what_is_no_token_is_no_defect(server: Server, given: bytes) -> None:
    head = b"GET /v1/programs HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + given
    head += b"\r\n\r\n"
    assert b" 401 " in server.raw(head)[:20]


# -- ports ----------------------------------------------------------------------------------------


def test_operators_have_a_port_of_their_own(server: Server) -> None:
    admin = server.admin_port
    body = {"program": servers.PROGRAM, "from": servers.days_ago(1)}
    path = "/v1/programs"

    def publish(key: str, port: int | None) -> int:
        return ask(server, "POST", path, key, body, JSON, port, If_Match="*").status

    assert publish("all", None) == 405
    assert ask(server, "GET", "/metrics").status == 404
    assert ask(server, "GET", path, "reader").status == 200
    assert publish("writer", admin) == 403
    assert publish("all", admin) == 201
    assert ask(server, "GET", "/metrics", None, port=admin).status == 200
    assert ask(server, "GET", "/v1/members/nobody", port=admin).status == 404
    assert ask(server, "GET", "/livez", None, port=admin).status == 200


def test_the_file_is_read_again(tmp_path: Path) -> None:
    file = tmp_path / "keys.toml"
    file.write_text(entry("first", ["read"]))
    with servers.serving(tmp_path / "ledger", 2, options=["--keys", str(file)]) as run:
        assert ask(run, "GET", "/v1/programs", "first").status == 200
        file.write_text("nonsense =")
        run.process.send_signal(signal.SIGHUP)
        servers.wait_until(lambda: "was not taken" in run.said(), 30)
        assert ask(run, "GET", "/v1/programs", "first").status == 200
        file.write_text("")
        run.process.send_signal(signal.SIGHUP)
        servers.wait_until(lambda: "nobody could ask" in run.said(), 30)
        assert ask(run, "GET", "/v1/programs", "first").status == 200
        file.write_text(entry("second", ["read"]))
        run.process.send_signal(signal.SIGHUP)

        def changed() -> bool:
            return all(
                ask(run, "GET", "/v1/programs", key).status == status
                for _ in range(4) for key, status in (("second", 200), ("first", 401))
            )  # fmt: skip

        servers.wait_until(changed, 30)


def certificate(folder: Path) -> list[str]:
    """Options for a certificate that is made for this machine's loopback."""
    names = [str(folder / name) for name in ("cert.pem", "key.pem")]
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
         "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext",
         "subjectAltName=IP:127.0.0.1", "-out", names[0], "-keyout", names[1]],
        check=True, capture_output=True,
    )  # fmt: skip
    return ["--tls-cert", names[0], "--tls-key", names[1]]


def test_tls(tmp_path: Path) -> None:
    options = certificate(tmp_path)
    with servers.serving(tmp_path / "ledger", options=options) as run:
        context = ssl.create_default_context(cafile=options[1])
        connection = http.client.HTTPSConnection("127.0.0.1", run.port, context=context)
        connection.request("GET", "/livez")
        assert connection.getresponse().status == 200
        connection.close()
        assert b"200" not in run.raw(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n", 2.0)


# -- starting -------------------------------------------------------------------------------------


def vafa(*arguments: str) -> subprocess.CompletedProcess[str]:
    """A command that ends by itself."""
    return subprocess.run(
        [sys.executable, "-m", "vafa.server", *arguments], capture_output=True, text=True,
        timeout=60, check=False,
    )  # fmt: skip


def test_without_keys_it_stays_on_the_loopback(tmp_path: Path) -> None:
    with servers.serving(tmp_path / "ledger") as run:
        servers.wait_until(lambda: "warning: no --keys" in run.said(), 30)
    for host in ("0.0.0.0", "192.0.2.1", "::"):
        done = vafa("serve", str(tmp_path / "ledger"), "--host", host)
        assert done.returncode == 2
        assert "give --keys" in done.stderr
    done = vafa("serve", str(tmp_path / "ledger"), "--tls-cert", __file__)
    assert done.returncode == 2
    done = vafa("serve", str(tmp_path / "ledger"), "--tls-cert", __file__, "--tls-key", __file__)
    assert done.returncode == 1


def test_a_made_key_is_one(tmp_path: Path) -> None:
    file = tmp_path / "keys.toml"
    runner = CliRunner()
    done = runner.invoke(
        key, ["till-1", "--scope", "write", "--scope", "read", "--store", "۱"]
    )
    signing = runner.invoke(key, ["app", "--scope", "read", "--signing"])
    file.write_text(done.stdout + signing.stdout, "utf-8")
    keys = read_keys(file)
    holder = keys.holder(done.stderr.strip())
    assert holder is not None
    assert holder.id == "till-1"
    assert holder.scopes == frozenset(("read", "write"))
    assert holder.stores == frozenset(("۱",))
    assert keys.signing["app"][0] == base64.b64decode(signing.stderr)


@pytest.mark.parametrize("name", ["", "a b", "x" * 65, "till\n", "\U0001f511"])
def test_a_key_that_no_keys_file_takes_is_not_made(name: str) -> None:
    done = CliRunner().invoke(key, [name, "--scope", "read"])
    assert (done.exit_code, done.stdout) == (2, "")
    assert "no keys file takes that" in done.stderr


@pytest.mark.parametrize(
    "text",
    ["x", "[[key]]", "a = " + "[" * 5_000, "a = " + "9" * 5_000,
     '[[key]]\nid = "a"\nscopes = ["read"]',
     '[[key]]\nid = "a"\nscopes = []\nsha256 = "' + "0" * 64 + '"',
     '[[key]]\nid = "a"\nscopes = ["all"]\nsha256 = "' + "0" * 64 + '"',
     '[[key]]\nid = "a"\nscopes = ["read"]\nsha256 = "' + "0" * 63 + '"',
     '[[key]]\nid = "a"\nscopes = ["read"]\nsecret = "eA=="',
     '[[key]]\nid = "a"\nscopes = ["read"]\nsecret = "?"',
     "", entry("a", ["read"]) * 2, entry("a", ["read"], colour='"red"'),
     entry("a", ["read"], not_after="2026-01-01T00:00:00"),
     entry("a", ["read"], requests_per_minute="0")],
)  # fmt: skip
def test_a_broken_file_names_its_place(tmp_path: Path, text: str) -> None:
    file = tmp_path / "keys.toml"
    file.write_text(text)
    with pytest.raises(KeysError, match=r"keys\.toml"):
        read_keys(file)


@pytest.mark.parametrize("algorithms", ['["none"]', '["HS256", "RS256"]', '["XX"]'])
def test_unsafe_algorithms_are_refused(tmp_path: Path, algorithms: str) -> None:
    from vafa.server.tokens import Tokens  # noqa: PLC0415

    file = tmp_path / "keys.toml"
    file.write_text(FILE.replace('["HS256"]', algorithms))
    found = read_keys(file).jwt
    assert found is not None
    with pytest.raises(KeysError, match="algorithms"):
        Tokens(found, Shared(tmp_path / "shared"))


# -- tills ----------------------------------------------------------------------------------------

FACTS_OF_TILLS: list[dict[str, Any]] = [
    {"kind": "sale"}, {"kind": "enrol", "birth": "1990-01-01"}, {"kind": "activity", "code": "x"},
    {"kind": "redeem", "currency": "points", "points": 1},
    {"kind": "cancel", "redemption": "none"}, {"kind": "card link", "card": "c-1"},
    {"kind": "hold", "currency": "points", "points": 1},
    {"kind": "gift card issue", "card": "g-1", "amount": 5, "member": None},
    {"kind": "claim", "sale": "none"}, {"kind": "reward redeem", "reward": "none"},
]  # fmt: skip
FACTS_OF_THE_OFFICE: list[dict[str, Any]] = [
    {"kind": "adjust", "currency": "points", "points": 1_000}, {"kind": "erase"},
    {"kind": "close"}, {"kind": "merge", "other": "m-2"}, {"kind": "member update"},
    {"kind": "transfer", "to": "m-2", "currency": "points", "points": 1},
    {"kind": "card pin", "card": "c-1", "pin": "2718"},
    {"kind": "card link", "card": "c-1", "move": True},
    {"kind": "enrol", "segments": ["staff"]}, {"kind": "enrol", "values": {"x": 1}},
    {"kind": "enrol", "manual_tier": None},
    {"kind": "enrol", "segments": ["staff"], "profile": {"name": "x"}},
    {"kind": "catalog", "products": [{"sku": "x"}], "member": None},
    {"kind": "day closed", "date": "2020-01-01", "member": None},
]  # fmt: skip


def of_kind(name: str, fields: dict[str, Any]) -> dict[str, Any]:
    """A fact of a kind, of the tills' member unless it says otherwise."""
    if fields == {"kind": "sale"}:
        return fact(name)
    made = {"id": name, "occurred_at": servers.days_ago(1), "member": "m-1", **fields}
    return {field: value for field, value in made.items() if field != "member" or value}


def test_the_kinds_of_tills_are_told() -> None:
    page = (Path(__file__).parent.parent / "docs" / "http.md").read_text("utf-8")
    told = page.partition("- `till`: ")[2].partition("- `write`")[0]
    assert set(re.findall("`([^`]+)`", told)) == TILL_KINDS


def test_tills_bring_what_happens_at_a_till(server: Server) -> None:
    for place, fields in enumerate(FACTS_OF_TILLS):
        reply = ask(server, "POST", "/v1/events", "cashier", of_kind(f"till-{place}", fields))
        assert reply.status != 403, (fields, reply)
    assert ask(server, "POST", "/v1/sales", "cashier", fact("till-path")).status == 201
    assert ask(server, "POST", "/v1/quotes", "cashier", {}).status == 422
    assert ask(server, "POST", "/v1/cards/c/verify", "cashier", {"pin": "1234"}).status == 404
    for path in ("/v1/members/m-1", "/v1/events/till-0"):
        assert ask(server, "GET", path, "cashier").slug == "forbidden"


@pytest.mark.parametrize("fields", FACTS_OF_THE_OFFICE, ids=lambda fields: fields["kind"])
def test_tills_bring_nothing_of_the_office(server: Server, fields: dict[str, Any]) -> None:
    seq = server.seq()
    one = of_kind("by-a-till", fields)
    reply = ask(server, "POST", "/v1/events", "cashier", one)
    assert (reply.status, reply.slug) == (403, "forbidden")
    assert reply.json()["detail"] == "the key 'cashier' has not the scope 'write'"
    for body in (lines_of(one), lines_of(*[fact(f"{seq}-{n}") for n in range(20)], one)):
        rows = ask(server, "POST", "/v1/events", "cashier", body, NDJSON).rows()
        assert rows[-1]["problem"]["type"] == "urn:vafa:problem:forbidden"
        assert {row["status"] for row in rows[:-1]} <= {"ok"}
    whole = ask(server, "POST", "/v1/events?atomic=true", "cashier", lines_of(one), NDJSON)
    assert whole.slug == "batch-refused"
    assert server.seq() == seq + 20


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/v1/adjustments"), ("POST", "/v1/members/m-1/erase"), ("POST", "/v1/merges"),
     ("POST", "/v1/members/m-1/close"), ("POST", "/v1/coupons/points/issue"),
     ("POST", "/v1/catalogs"), ("POST", "/v1/closings"), ("POST", "/v1/imports/poslog"),
     ("PUT", "/v1/members/m-1/profile")],
)  # fmt: skip
def test_paths_of_the_office_are_not_for_tills(server: Server, method: str, path: str) -> None:
    reply = ask(server, method, path, "cashier", {})
    assert (reply.status, reply.slug) == (403, "forbidden")


def test_tills_change_nobody_who_is_enrolled(server: Server) -> None:
    def enrol(name: str, **fields: Any) -> Reply:
        made = {"kind": "enrol", "id": name, "occurred_at": servers.days_ago(1), **fields}
        return ask(server, "POST", "/v1/events", "cashier", made)

    first = {"member": "anna", "birth": "1990-01-02", "cards": ["anna-1"]}
    assert enrol("anna", **first).status == 201
    assert enrol("anna", **first).status == 200
    others: list[dict[str, Any]] = [
        {"member": "anna", "birth": "1999-01-02"}, {"member": "anna", "type": "household"},
        {"card": "anna-1", "birth": "1999-01-02"}, {"member": "anna", "profile": {"name": "X"}},
        {"card": "anna-1", "profile": {"phone": "1"}}, {"member": "anna", "referrer": "m-1"},
    ]  # fmt: skip
    for number, fields in enumerate(others):
        reply = enrol(f"anna-again-{number}", **fields)
        assert (reply.status, reply.slug) == (403, "forbidden"), fields
    assert enrol("anna-card", member="anna", cards=["anna-2"]).status == 201
    # Who has only bought is the till's to enrol.
    bought = fact("bought", member="boris")
    assert ask(server, "POST", "/v1/events", "cashier", bought).status == 201
    assert enrol("boris", member="boris", birth="1990-01-02").status == 201


def test_a_fact_is_no_flood(server: Server) -> None:
    """To read one holds up all others: only lists of the office's may be long."""
    large = b'{"kind":"sale","lines":[' + b"{}," * 1_500_000 + b"{}]}"
    for path, who in (
        ("/v1/events", "cashier"), ("/v1/events", "writer"), ("/v1/sales", "cashier"),
        ("/v1/sales", "writer"), ("/v1/quotes", "cashier"),
    ):  # fmt: skip
        reply = ask(server, "POST", path, who, large)
        assert (reply.status, reply.slug) == (413, "too-large"), (path, who)
    rows = ask(server, "POST", "/v1/events", "writer", large, NDJSON).rows()
    assert [row["problem"]["type"] for row in rows] == ["urn:vafa:problem:too-large"]


def test_lists_of_the_office_may_be_long(server: Server) -> None:
    products = [{"sku": f"long-{n}", "category": "a / b / c"} for n in range(100_000)]
    made = {"kind": "catalog", "id": "long", "occurred_at": servers.days_ago(1),
            "products": products}  # fmt: skip
    assert len(dumps(made)) > json_facts.MOST_FACT
    for kind, body in ((JSON, dumps(made)), (NDJSON, dumps(made) + b"\n")):
        reply = ask(server, "POST", "/v1/events", "cashier", body, kind)
        assert b"too-large" in reply.body
    assert ask(server, "POST", "/v1/events", "writer", made).status == 201
    many = b'{"kind":"catalog","products":[' + b"{}," * 200_000 + b"{}]}"
    many += b" " * json_facts.MOST_FACT
    assert ask(server, "POST", "/v1/events", "writer", many).slug == "too-large"
    # Python reads names with escapes, and takes long.
    odd = dumps(made).replace(b'"products"', b'"pr\\u006fducts"')
    assert ask(server, "POST", "/v1/events", "writer", odd).slug == "too-large"


def test_a_key_tries_few_wrong_pins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A lock-out by card alone lets a stolen key try the likeliest PIN of every card."""
    (tmp_path / "pepper").write_bytes(b"p" * 32)
    monkeypatch.setenv("VAFA_PEPPER_FILE", str(tmp_path / "pepper"))
    monkeypatch.setattr(privacy, "MOST_WRONG", 3)
    private = Private(tmp_path / "ledger")
    tried = Holder("till", frozenset(), None, 0, 2**40, (None, None), 1, None)
    other = Holder("other", frozenset(), None, 0, 2**40, (None, None), 2, None)
    monkeypatch.setattr(time, "time", lambda: 10 * privacy.WRONG_S + 5)
    for _ in range(3):
        privacy.check_tries(private, tried)
        privacy.count_wrong(private, tried)
    private.close()
    private = Private(tmp_path / "ledger")
    with pytest.raises(ProblemError, match="wrong PINs"):
        privacy.check_tries(private, tried)
    privacy.check_tries(private, other)
    privacy.check_tries(private, None)
    monkeypatch.setattr(time, "time", lambda: 11 * privacy.WRONG_S + 5)
    privacy.check_tries(private, tried)
    private.close()


# -- words ----------------------------------------------------------------------------------------


def test_who_only_tries_is_told_one_thing(server: Server) -> None:
    told = set()
    for name, secret in (("signer", b"x" * 32), ("nobody", SECRET), ("signer", SECRET)):
        headers = dict(signed_headers(name, secret, "GET", "/v1/programs"))
        told.add(server.ask("GET", "/v1/programs", None, headers).body)
        if secret != SECRET:
            # Not by its time or nonce either.
            for name_of, value in ((guard.TIME, "1000000000"), (guard.NONCE, "n" * 100)):
                reply = server.ask("GET", "/v1/programs", None, {**headers, name_of: value})
                told.add(reply.body)
    refused = [json.loads(body) for body in told if b"problem" in body]
    assert [one["detail"] for one in refused] == [
        "no key of that id signs this request so at that time"
    ]
    assert len(told) == 2


def test_a_fact_without_a_store_is_told_so(server: Server) -> None:
    one = {name: value for name, value in fact("nowhere").items() if name != "store"}
    reply = ask(server, "POST", "/v1/events", "till", one)
    assert reply.json()["detail"] == "the key 'till' is for stores, and none is named"
