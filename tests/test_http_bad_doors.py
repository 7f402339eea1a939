"""Bad requests to every door: reads, programs, quotes, files, PINs, paths of kinds, Arrow bombs."""

from __future__ import annotations

import datetime as dt
import gzip
import re
import socket
import struct
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from . import servers
from .bad_requests import HEAD, Bad, head, raw, reader, send, state
from .servers import ARROW, JSON, NDJSON, Server, dumps, fact, stream_of, table_of

PROGRAM = """
format = 1
id = "doors"
unit = { code = "IRR", exponent = 0 }
zone = "Asia/Tehran"
late_limit_days = 400
causes = ["school"]

[[currency]]
id = "points"

[[currency]]
id = "gift"
kind = "credit"
expiry = { policy = "after", months = 24 }

[gift_cards]
currency = "gift"

[[redemption]]
tender = "gift card"

[[reward]]
id = "mug"
points = 50
stock = 2

[[rule]]
id = "base"
kind = "earn"
points = 1
per = 100
"""

NOW = servers.days_ago(1)
PAN = "4111111111111111"
BANK_CARDS = [PAN, "4111 1111 1111 1111", "6037-9912-3456-7893", "378282246310005"]
UNSEEN = "\x7f\x85\u061c\u200b\u200e\u200f\u2028\u2029\u202a\u202e\u2066\u2069\ufeff"


def form(name: str, pointer: str, path: str = servers.EVENTS, **fields: Any) -> Bad:
    """A fact, or a body of another path, that breaks the form at a place."""
    return Bad(name, 422, "invalid-fact", dumps(fields), path=path, pointer=pointer)


def of(kind: str, **fields: Any) -> dict[str, Any]:
    """A fact of a kind."""
    return {"kind": kind, "id": "bad", "occurred_at": NOW, **fields}


def sold(**fields: Any) -> dict[str, Any]:
    """A sale with some fields changed."""
    return fact("bad", **fields)


def get(path: str, status: int = 400, slug: str = "invalid-parameter") -> Bad:
    """A read."""
    return Bad(f"GET {path}"[:90], status, slug, b"", None, method="GET", path=path)


def publish(name: str, body: bytes, tag: str | None, status: int, slug: str) -> Bad:
    """A publication under a tag."""
    headers = () if tag is None else (("If-Match", tag),)
    return Bad(f"publish {name}", status, slug, body, path="/v1/programs", headers=headers)


def program(text: str, **fields: Any) -> bytes:
    """A program to be published or checked."""
    return dumps({"program": text, "from": NOW, **fields})


def file(name: str, body: bytes, status: int = 400, slug: str = "invalid-body") -> Bad:
    """A file of another system."""
    return Bad(f"import {name} {body[:30]!r}", status, slug, body, path=f"/v1/imports/{name}")


def packed(batches: int, **columns: Any) -> bytes:
    """A stream of packed batches of one sale."""
    table = table_of([fact("bad")])
    for name, column in columns.items():
        table = table.set_column(table.schema.get_field_index(name), name, column)
    sink = pa.BufferOutputStream()
    options = pa.ipc.IpcWriteOptions(compression="zstd")
    with pa.ipc.new_stream(sink, table.schema, options=options) as stream:
        for _ in range(batches):
            stream.write_table(table)
    body: bytes = sink.getvalue().to_pybytes()
    return body


def shared(member: pa.Array) -> bytes:
    """A stream of sales whose members are one long text."""
    table = table_of([fact(f"bad-{number}") for number in range(len(member))])
    place = table.schema.get_field_index("member")
    return stream_of(table.set_column(place, "member", member))


LONG = 1_000_000
MANY = 1_000
VIEWS = pa.Array.from_buffers(pa.string_view(), MANY, [
    None, pa.py_buffer(struct.pack("<i4sii", LONG, b"aaaa", 0, 0) * MANY),
    pa.py_buffer(b"a" * LONG),
])  # fmt: skip
TEXTS = pa.DictionaryArray.from_arrays(pa.array([0] * MANY, pa.int32()), pa.array(["a" * LONG]))

NAMES = [
    *(form(f"U+{ord(letter):04X} in a member", "/member", **sold(member=f"m{letter}1"))
      for letter in UNSEEN),
    form("DEL in an id", "/id", **(sold() | {"id": "b\x7fad"})),
    form("a mark of direction in a sku", "/lines/0/sku",
         **sold(lines=[{"sku": "\u200fshir", "quantity": 1, "net": 1}])),
    *(form(f"a bank card {number} as a member", "/member", **sold(member=number))
      for number in BANK_CARDS),
    form("a bank card as a tender", "/tenders/0/type",
         **sold(tenders=[{"type": PAN, "amount": 1}])),
    form("a bank card as a card", "/card", **of("card link", member="m-1", card=PAN)),
    form("more segments than a fact may have", "/segments",
         **of("enrol", member="m-2", segments=[f"s{n}" for n in range(1_001)])),
    form("more values than a fact may have", "/values",
         **of("enrol", member="m-2", values=dict.fromkeys(map(str, range(101)), 1))),
    form("more anniversaries than a fact may have", "/anniversaries",
         **of("enrol", member="m-2",
              anniversaries={str(n): "2000-01-01" for n in range(101)})),
    form("a bank card among cards", "/cards/0", **of("enrol", member="m-2", cards=[PAN])),
    form("a bank card in a profile", "/profile",
         **of("member update", member="m-1", profile={"note": PAN})),
    Bad("a bank card in a profile put", 422, "invalid-fact", dumps({"note": PAN}), method="PUT",
        path="/v1/members/m-1/profile"),
    *(Bad(f"Arrow: {name} in a member", 400, "invalid-batch", stream_of(table_of([
        fact("bad", member=member)
    ])), ARROW) for name, member in (
        ("DEL", "m\x7f"), ("a mark of direction", "m\u202e"), ("a bank card", PAN),
    )),
    Bad("Arrow: a bank card as a tender", 400, "invalid-batch", stream_of(table_of([
        fact("bad", tenders=[{"type": PAN, "amount": 1}])
    ])), ARROW),
]  # fmt: skip

PLACES = [
    form("an unknown member", "/foo", **sold(foo=1)),
    form("an unknown member of a line", "/lines/0/price",
         **sold(lines=[{"sku": "a", "quantity": 1, "net": 1, "price": 2}])),
    Bad("a member of a line twice", 400, "duplicate-member",
        dumps(sold()).replace(b'"net": 400', b'"net": 400, "net": 1'), pointer="/lines/1/net"),
    Bad("an id twice", 400, "duplicate-member", dumps(sold()).replace(
        b'"kind"', b'"id": "other", "kind"', 1), pointer="/id"),
    form("a line end behind a PIN", "/pin", **of("gift card pin", card="777", pin="1234\n")),
    form("a line end behind never", "/expires",
         **of("gift card load", card="777", amount=5, expires="never\n")),
    form("a line end behind a date", "/expires",
         **of("adjust", member="m-1", currency="points", points=5, expires="2030-01-01\n")),
    form("Persian digits in a date", "/expires",
         **of("gift card load", card="777", amount=5, expires="۲۰۳۰-۰۱-۰۱")),
    form("a product twice", "/products/1/sku",
         **of("catalog", products=[{"sku": "a", "brand": "x"}, {"sku": "a", "brand": "y"}])),
    form("a store twice", "/stores/2/store",
         **of("store", stores=[{"store": "1"}, {"store": "2"}, {"store": "1"}])),
    Bad("a PIN with a line end is tried", 422, "invalid-fact", dumps({"pin": "1234\n"}),
        path="/v1/gift-cards/777/verify"),
]

HTTP = [
    *(Bad(f"{kind} of another charset {charset}", 415, "unsupported-media", dumps(sold()),
          f"{kind}; charset={charset}")
      for kind in (JSON, NDJSON) for charset in ("utf-16", "windows-1256", "klingon")),
    Bad("two charsets", 415, "unsupported-media", dumps(sold()),
        f"{JSON}; charset=utf-8; charset=utf-16"),
    Bad("a quote of another charset", 415, "unsupported-media", b"{}",
        f"{JSON}; charset=iso-8859-1", path="/v1/quotes"),
    Bad("a fact expects what is unknown", 417, "expectation-failed", dumps(sold()),
        headers=(("Expect", "a-present"),)),
    raw("a body too large is not invited", head(
        f"Content-Type: {JSON}\r\nContent-Length: 99999999999\r\nExpect: 100-continue", b"",
        length=False), 413, "too-large"),
    raw("a body of an unknown type is not invited", head(
        "Content-Type: text/plain\r\nExpect: 100-continue"), 415, "unsupported-media"),
    Bad("HEAD of a path that nobody has", 404, "not-found", b"", None, method="HEAD",
        path="/v1/members/nobody"),
    *(Bad(f"POST to {path}", 404, "not-found", dumps(of("capture", member="m-1")), path=path)
      for path in ("/v1/holds/%ff/capture", "/v1/holds//capture", "/v1/holds/a%2/b/capture")),
    form("another kind than its path", "/kind", "/v1/sales",
         **of("redeem", member="m-1", currency="points", points=5)),
    form("another card than its path", "/card", "/v1/gift-cards/777/load",
         **of("gift card load", card="778", amount=5)),
    Bad("a gift card of NDJSON", 415, "unsupported-media", b"{}", NDJSON, path="/v1/gift-cards"),
    Bad("a gift card, atomic", 400, "invalid-parameter", b"{}", path="/v1/gift-cards",
        query="?atomic=true"),
    raw("a wrong chunk at a read", b"GET /livez HTTP/1.1\r\n" + HEAD
        + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n"),
]  # fmt: skip

READS = [
    *(get(f"/v1/members/m-1?at={text}") for text in (
        "", "now", "2026", "2026-11-01", "2026-11-01T00:00:00", "20261101T000000Z",
        "2026-W44-7T00:00:00Z", "2026-11-01T00:00Z", "2026-11-01T00:00:00Z%00",
        "2026-11-01T24:00:00Z", "2026-02-30T00:00:00Z", "2026-06-30T23:59:60Z",
        "0000-01-01T00:00:00Z", "9999-12-31T23:59:59-14:00", "1969-12-31T23:59:59Z",
        "%DB%B2%DB%B0%DB%B2%DB%B6-11-01T00:00:00Z",
    )),
    get("/v1/members?card="), get("/v1/members"), get("/v1/members?card=none", 404, "not-found"),
    *(get(f"/v1/members/m-1/statement?cursor={text}") for text in (
        "", "x", "FF", "-1", "0", "ffffffffffffffff", "8000000000000000", "00000000000000001",
    )),
    *(get(f"/v1/members/m-1/statement?limit={text}") for text in ("0", "501", "1.5", "1e2")),
    *(get(f"/v1/{path}", 404, "not-found") for path in (
        "members/nobody", "members/nobody/statement", "members/nobody/profile", "cards/none",
        "gift-cards/none", "causes/none", "rules/base/budget", "rules/none/budget",
        "programs/0", "programs/2", "programs/x", "programs/99999999999999999999",
        "events/none/explain", "members/gift:777", "members/cause:school",
    )),
    get("/v1/events/s-1/explain?lang=de"), get("/v1/programs/1/differences?from=0"),
    get("/v1/outbox?after=x"), get("/v1/outbox?limit=1001"), get("/v1/rewards?x=1"),
]  # fmt: skip

PROGRAMS = [
    publish("without a tag", program(PROGRAM), None, 428, "precondition-required"),
    *(publish(f"under {tag}", program(PROGRAM + "\n"), tag, 412, "precondition-failed")
      for tag in ('"0"', '"2"', 'W/"1"', 'W/"1", "3"')),
    publish("under no tag", program(PROGRAM), "1", 400, "invalid-parameter"),
    publish("nested text", program("a = " + "[" * 5_000 + "]" * 5_000), "*", 422,
            "invalid-program"),
    publish("a long number", program("a = " + "9" * 6_000), "*", 422, "invalid-program"),
    publish("nothing", program(""), "*", 422, "invalid-program"),
    publish("no program", program("a ="), "*", 422, "invalid-program"),
    publish("a wall clock", program(PROGRAM, **{"from": "2026-01-01T00:00:00"}), "*", 422,
            "invalid-program"),
    publish("another unit", program(PROGRAM.replace("IRR", "USD")), "*", 409, "program-differs"),
    publish("a text twice", b'{"program": "a", "program": "b"}', "*", 422, "invalid-program"),
]

FILES = [
    file("poslog", b""), file("poslog", b"hello"), file("poslog", b"<POSLog><Transaction>"),
    file("poslog", b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/hostname">]><POSLog>&x;</POSLog>'),
    file("..%2F..%2Fkeys", b"x", 404, "not-found"), file("none", b"x", 404, "not-found"),
    file("moadian", b"[]", 404, "not-found"), file("a%00b", b"x", 404, "not-found"),
]  # fmt: skip

BOMBS = [
    Bad("Arrow: little that unpacks to much", 413, "too-large",
        packed(1, member=pa.array(["a" * (70 << 20)])), ARROW),
    Bad("Arrow: many that unpack to much", 413, "too-large",
        packed(40, member=pa.array(["a" * (2 << 20)])), ARROW),
    Bad("Arrow: a long text of many rows, dictionary", 400, "invalid-batch", shared(TEXTS), ARROW),
    Bad("Arrow: a long text of many rows, views", 400, "invalid-batch", shared(VIEWS), ARROW),
]

ROWS = [*NAMES, *PLACES, *HTTP, *READS, *PROGRAMS, *FILES, *BOMBS]


@pytest.fixture(scope="module", params=[1, 2], ids=["alone", "two workers"])
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    ledger = tmp_path_factory.mktemp("doors") / "ledger"
    with servers.serving(ledger, request.param, PROGRAM) as running:
        assert running.post(fact("s-1")).status == 201
        servers.wait_until(lambda: running.seq() == 2, servers.START_S)
        yield running
        reader(running.ledger).close()


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_bad_requests_are_refused_and_change_nothing(server: Server, row: Bad) -> None:
    before = state(server)
    status, slug = send(server, row)
    assert (status, slug) == (row.status, row.slug or slug)
    assert state(server) == before


def test_the_names_of_the_rows_are_apart() -> None:
    names = [row.name for row in ROWS]
    assert sorted(set(names)) == sorted(names)
    assert len(names) > 120


def test_bombs_are_refused_before_they_go_off(server: Server) -> None:
    def peak() -> int:
        pids = [server.process.pid, *servers.children(server.process.pid)]
        texts = [Path(f"/proc/{pid}/status").read_text(encoding="ascii") for pid in pids]
        return sum(int(re.findall(r"VmHWM:\s+(\d+) kB", text)[0]) for text in texts)

    for row in BOMBS:
        send(server, row)
    before = peak()
    for row in BOMBS:
        send(server, row)
    # Each of them would unpack to hundreds of megabytes.
    assert peak() - before < 50_000


def test_head_is_get_without_its_body(server: Server) -> None:
    for path in ("/livez", "/readyz", "/metrics", "/docs", "/v1/programs", "/v1/members/m-1"):
        asked, told = server.get(path), server.ask("HEAD", path)
        assert (told.status, told.body) == (asked.status, b"")
        assert told.headers["content-type"] == asked.headers["content-type"]
    tag = server.get("/v1/programs").headers["etag"]
    assert server.ask("HEAD", "/v1/programs", headers={"If-None-Match": tag}).status == 304
    assert server.ask("DELETE", "/livez").headers["allow"] == "GET, HEAD"


def test_a_connection_goes_on_after_head(server: Server) -> None:
    with server.connection() as connection:
        assert connection.ask("HEAD", "/v1/programs").status == 200
        assert connection.get("/livez").json() == {"status": "ok"}


def test_a_slow_head_is_told_so(server: Server) -> None:
    with socket.create_connection((servers.HOST, server.port), timeout=30) as sock:
        sock.sendall(b"GET /livez HTTP/1.1\r\n")
        got = b""
        while part := sock.recv(65_536):
            got += part
    assert got.startswith(b"HTTP/1.1 408 Request Timeout\r\n")
    assert b"Retry-After: 1\r\n" in got
    assert b"urn:vafa:problem:head-timeout" in got


@pytest.mark.parametrize("header", [
    "fa", "FA", "fa-IR", "en;q=0.5, fa;q=0.9", "de, fa;q=0.1", "fa ; q=0.9, en ; q=0.1",
])  # fmt: skip
def test_persian_is_told_to_those_who_prefer_it(server: Server, header: str) -> None:
    assert "detail_en" in server.post(b"{}", Accept_Language=header).json()


@pytest.mark.parametrize("header", [
    "en", "de", "*", "fa;q=0", "fa;q=0.1, en", "fa;q=1e9, en", "fa;q=nan", "farsi",
])  # fmt: skip
def test_english_is_told_to_everybody_else(server: Server, header: str) -> None:
    assert "detail_en" not in server.post(b"{}", Accept_Language=header).json()


@pytest.mark.parametrize("encoding", ["GZIP", "x-gzip", "Identity"])
def test_encodings_are_named_in_any_letters(server: Server, encoding: str) -> None:
    body = b"{}" if encoding == "Identity" else gzip.compress(b"{}")
    assert server.post(body, Content_Encoding=encoding).slug == "invalid-fact"


def test_joiners_and_escaped_names_are_taken(server: Server) -> None:
    named = dumps(fact("علی\u200cرضا", member="م\u200dا")).replace(b'"kind"', b'"k\\u0069nd"', 1)
    assert server.post(named).status in (200, 201)
    assert server.post(fact("digits", member=PAN[:-1] + "2")).status in (200, 201)
    assert server.post(fact(PAN, lines=[{"sku": PAN, "quantity": 1, "net": 1}])).status in (
        200, 201,
    )  # fmt: skip


def test_paths_of_kinds_take_their_facts(server: Server) -> None:
    def post(path: str, **fields: Any) -> dict[str, Any]:
        number = dt.datetime.now(dt.UTC).isoformat()
        reply = server.ask("POST", path, dumps({"id": f"{path} {number}", "occurred_at": NOW,
                                                **fields}), {"Content-Type": JSON})
        assert reply.status == 201, (path, reply.body)
        told: dict[str, Any] = reply.json()
        return told

    member = f"new-{time.monotonic_ns()}"
    card = f"c-{time.monotonic_ns()}"
    post("/v1/members", member=member)
    post("/v1/sales", member=member, lines=[{"sku": "a", "quantity": 1_000, "net": 100_000}])
    post(f"/v1/members/{member}/update", segments=["new"])
    post(f"/v1/cards/{card}/link", member=member)
    post(f"/v1/cards/{card}/block")
    post(f"/v1/cards/{card}/unblock")
    gift = post("/v1/gift-cards", amount=500)["card"]
    post(f"/v1/gift-cards/{gift}/load", amount=50)
    post(f"/v1/gift-cards/{gift}/redeem", amount=540)
    post("/v1/coupons/gift/issue", member=member, points=7)
    post(f"/v1/gift-cards/{gift}/fund", member=member, amount=5)
    post("/v1/coupons/points/redeem", member=member, points=1)
    post("/v1/rewards/mug/stock", pieces=3)
    post("/v1/rewards/mug/redeem", member=member)
    post("/v1/catalogs", products=[{"sku": "a", "brand": "b"}])
    post("/v1/stores", stores=[{"store": "2", "region": "north"}])
    post(f"/v1/members/{member}/close")
    assert server.get(f"/v1/gift-cards/{gift}").json()["balance"] == 15


def test_the_server_never_failed(server: Server) -> None:
    assert " failed" not in server.said()
    assert "Traceback" not in server.said()
    assert server.process.poll() is None
