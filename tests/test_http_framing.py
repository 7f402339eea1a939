"""HTTP itself under attack: framing, heads, hosts, pages of other sites, what follows an answer."""

from __future__ import annotations

import gzip
import json
import re
import socket
import struct
import time
from collections.abc import Iterator
from typing import NamedTuple

import pytest

from vafa.server import bodies, edge

from . import servers
from .bad_requests import reader, state
from .servers import JSON, Server, dumps, fact

CT = f"Content-Type: {JSON}"
CHUNKED = "Transfer-Encoding: chunked"
GZIP = gzip.compress(b"{}", mtime=0)
LIVE = b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n"
BROKEN = (400, "invalid-request")
NO_FACT = (422, "invalid-fact")
"""What `{}` gets where its framing is sound."""


class Row(NamedTuple):
    """Bytes on a socket, and the (status, slug) that they get."""

    name: str
    request: bytes
    status: int
    slug: str


def posted(*headers: str, body: bytes = b"{}", length: bool = True, version: str = "1.1") -> bytes:
    """A POST of a fact, with headers as they are written."""
    lines = [f"POST /v1/events HTTP/{version}", "Host: localhost", CT, *headers]
    if length:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def asked(target: str, *headers: str, host: str = "localhost", version: str = "HTTP/1.1") -> bytes:
    """A GET, with headers as they are written."""
    lines = [f"GET {target} {version}", f"Host: {host}", *headers]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def chunks(text: bytes) -> bytes:
    """A body in chunks as it is written."""
    return posted(CHUNKED, body=text, length=False)


FRAMES = [
    *(Row(f"a length of {text!r}", posted(f"Content-Length: {text}", length=False), *BROKEN)
      for text in ("+2", "0x2", "2 2", "2.0", "", "-0", "2;x", "2e0", "2, 2", str(2**64))),
    Row("the same length twice", posted("Content-Length: 2"), *BROKEN),
    Row("a blank before the colon of a length", posted("Content-Length : 2", length=False),
        *BROKEN),
    *(Row(f"the transfer encoding {text!r}",
          posted(f"Transfer-Encoding: {text}", body=b"2\r\n{}\r\n0\r\n\r\n", length=False), *BROKEN)
      for text in ("identity", "gzip, chunked", "chunked, gzip", "chunked, chunked", "xchunked",
                   "\x0bchunked", "chunked;q=1", "", "deflate")),
    Row("chunks twice", posted(CHUNKED, CHUNKED, body=b"0\r\n\r\n", length=False), *BROKEN),
    Row("chunks and none", posted(CHUNKED, "Transfer-Encoding: identity", body=b"0\r\n\r\n",
                                  length=False), *BROKEN),
    Row("chunks of HTTP/1.0",
        posted(CHUNKED, body=b"2\r\n{}\r\n0\r\n\r\n", length=False, version="1.0"), *BROKEN),
    Row("a blank before the colon of chunks",
        posted("Transfer-Encoding : chunked", body=b"0\r\n\r\n", length=False), *BROKEN),
    *(Row(f"chunks {text[:24]!r}", chunks(text), *BROKEN) for text in (
        b"-2\r\n{}\r\n0\r\n\r\n", b"0x2\r\n{}\r\n0\r\n\r\n", b"2 \r\n{}\r\n0\r\n\r\n",
        b"\r\n{}\r\n0\r\n\r\n", b"2\n{}\n0\n\n", b"2;a\rb\r\n{}\r\n0\r\n\r\n", b"f" * 17 + b"\r\n",
        b"2\r\n{}0\r\n\r\n", b"0\r\nno trailer\r\n\r\n", b"0\r\nContent-Length: 9\r\n\r\n",
    )),
    Row("chunks without an end of lines", chunks(b"0\r\n" + b"X: y\r\n" * 5_000 + b"\r\n"), 431,
        "head-too-large"),
    *(Row(f"sound chunks {text[:30]!r}", chunks(text), *NO_FACT) for text in (
        b"2\r\n{}\r\n0\r\n\r\n", b"2;a=b\r\n{}\r\n0\r\n\r\n", b"02\r\n{}\r\n0\r\nX-T: 1\r\n\r\n",
        b"1\r\n{\r\n1\r\n}\r\n0\r\n\r\n", b"2\r\n{}\r\n0\r\nAuthorization: x\r\n\r\n",
    )),
    *(Row(f"the header {text!r}", asked("/livez", text), *BROKEN) for text in (
        "X: a\r\n b", "X: a\r\n\tb", "X: a\rb", "X: a\0b", ": a", "X Y: a", "XY", "X\x01: a",
        "Host: localhost", "Sec-WebSocket-Key1: x",
    )),
    Row("a line that goes on before any", b"GET /livez HTTP/1.1\r\n Host: a\r\n\r\n", *BROKEN),
    Row("line feeds alone", b"GET /livez HTTP/1.1\nHost: a\n\n", *BROKEN),
    Row("carriage returns alone", b"GET /livez HTTP/1.1\rHost: a\r\r", *BROKEN),
    Row("tabs in the first line", b"GET\t/livez\tHTTP/1.1\r\nHost: a\r\n\r\n", *BROKEN),
    *(Row(f"the version {text}", asked("/livez", version=text), *BROKEN) for text in (
        "HTTP/1.10", "HTTP/01.1", "HTTP/1", "http/1.1", "HTTPS/1.1", "HTTP/1.1 x", "HTTP/-1.1",
    )),
    *(Row(f"the version {text}", asked("/livez", version=text), 505, "http-version") for text in (
        "HTTP/1.2", "HTTP/3.0", "HTTP/9.9", "HTTP/0.9",
    )),
    *(Row(f"the target {text!r}", asked(text), 200, "") for text in (
        "http://localhost/livez", "HTTP://LOCALHOST/livez", "https://localhost/livez?",
    )),
    *(Row(f"the target {text!r}", asked(text), *BROKEN) for text in (
        "livez", "?", "*", "#", "\\livez", "http:/livez", "/v1/members/a\tb", "/v1/members/\x7f",
    )),
    *(Row(f"the path {text!r}", asked(text), 404, "not-found") for text in (
        "/livez#x", "/livez;a=b", "/livez%00", "/livez%0d%0a", "/./livez", "/v1/../livez",
        "/%2e%2e/livez", "/livez/..", "/livez%2f", "///", "/v1//events", "/v1/members//",
        "/v1/members/m-1%2fstatement", "/v1/members/..", "/v1/members/%", "/v1/members/%zz",
        "/v1/members/%c0%af", "/v1/members/%f4%90%80%80", "/v1/members/%u0041", "/.git/config",
        "/v1/members/m-1%3fat=1", "/v1/members/%7Bid%7D", "/v1/events/%2f/explain",
        "/v1/Members/m-1", "/v1/programs/+1", "/v1/programs/%D9%A1", "//localhost/livez",
        "http://elsewhere/livez", "http://localhost", "http://localhost@elsewhere/livez",
        "/v1/members/" + "a" * 8_000,
    )),
    *(Row(f"the query {text}", asked(text), 400, "invalid-parameter") for text in (
        "/livez?x=1", "/metrics?x=1", "/v1/members/m-1?at[]=1", "/v1/members/m-1?AT=x",
        "/v1/members/m-1?at=2026-11-01%2000:00:00Z", "/v1/members/m-1?at%3D1",
        "/v1/members/m-1?at=2026-11-01T00:00:00%2B99:99", "/v1/members/m-1?at=%ff",
        "/v1/members/m-1?at=2026-11-01T00:00:00Z;x=1", "/v1/members/m-1/statement?limit=%D9%A5",
        "/v1/members/m-1/statement?limit=+5", "/v1/members/m-1/statement?cursor=%D9%A1",
        "/v1/members?card=x&card=y", "/readyz?verbose&verbose", "/v1/programs/1?x",
        "/v1/events/e/explain?lang=fa&lang=en", "/v1/outbox?after=" + "0" * 23,
    )),
    Row("a long path", asked("/" + "a" * 9_000), 414, "target-too-long"),
    Row("a long query", asked("/v1/members/m-1?at=" + "a" * 9_000), 414, "target-too-long"),
    Row("a path without end", asked("/" + "a" * 1_000_000), 414, "target-too-long"),
    Row("a long name of a header", asked("/livez", "X" * 9_000 + ": y"), 431, "head-too-large"),
    Row("a long header", asked("/livez", "X: " + "y" * 9_000), 431, "head-too-large"),
    Row("a header without end", asked("/livez", "X: " + "y" * 1_000_000), 431, "head-too-large"),
    Row("many headers", asked("/livez", *["X: y"] * 200), 431, "head-too-large"),
    *(Row(f"the encoding {text}", posted(*lines, body=GZIP), 415, "unsupported-media")
      for text, lines in (
          ("gzip twice", ["Content-Encoding: gzip"] * 2),
          ("none, then gzip", ["Content-Encoding: identity", "Content-Encoding: gzip"]),
          ("gzip with a weight", ["Content-Encoding: gzip;q=1"]),
          ("of nothing", ["Content-Encoding: "]), ("utf-8", ["Content-Encoding: utf-8"]),
      )),
    Row("gzip in gzip", posted("Content-Encoding: gzip", body=gzip.compress(GZIP)), 400,
        "invalid-json"),
    *(Row(f"gzip and {len(more)} more", posted("Content-Encoding: gzip", body=GZIP + more), 400,
          "invalid-body") for more in (b"\0", GZIP)),
    *(Row(f"expects {text!r}", posted(f"Expect: {text}"), 417, "expectation-failed")
      for text in ("", "100-continue, x", "200-ok")),
    Row("HTTP/1.0 expects nothing", posted("Expect: 100-continue", version="1.0"), *NO_FACT),
]  # fmt: skip

HOSTS = [
    *(Row(f"the host {text!r}", asked("/livez", host=text), *BROKEN) for text in (
        "a b", "a/b", "user@localhost", "[::1", "a,b", "\xe9", "localhost:x", "::1", "a:123456",
    )),
    # A name of somebody's that points to the loopback.
    *(Row(f"the host {text!r}", asked("/livez", host=text), 403, "forbidden") for text in (
        "evil.example", "evil.example:8080", "127.0.0.1.evil.example", "localhost.evil.example",
        "1.2.3", "..",
    )),
    *(Row(f"the host {text!r}", asked("/livez", host=text), 200, "") for text in (
        "", "localhost", "LOCALHOST:8080", "127.0.0.1:8080", "[::1]:8080", "192.0.2.7", "till",
        "shop.localhost:80",
    )),
    *(Row(f"a page of {origin}", posted(f"Origin: {origin}"), 403, "forbidden")
      for origin in ("https://evil.example", "null", "http://localhost:3000", "")),
    Row("a page of the server", posted("Origin: http://LOCALHOST"), *NO_FACT),
    # What a page may send without asking first: its type is one of forms.
    Row("a page's file", b"POST /v1/imports/square HTTP/1.1\r\nHost: localhost\r\n"
        b"Content-Type: text/plain\r\nOrigin: https://evil.example\r\nContent-Length: 2\r\n\r\n[]",
        403, "forbidden"),
]  # fmt: skip

ROWS = [*FRAMES, *HOSTS]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with servers.serving(tmp_path_factory.mktemp("framing") / "ledger") as running:
        assert running.post(fact("before")).status == 201
        yield running
        reader(running.ledger).close()


def told(answer: bytes) -> tuple[int, str, str]:
    """(status, slug, detail) of the first answer in some bytes."""
    head, _, body = answer.partition(b"\r\n\r\n")
    status = int(head.split(b" ")[1])
    if b"application/problem+json" not in head:
        return status, "", ""
    problem = json.JSONDecoder().raw_decode(body.decode())[0]
    assert problem["status"] == status
    return status, problem["type"].removeprefix("urn:vafa:problem:"), problem["detail"]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name[:60])
def test_each_is_told_what_it_is(server: Server, row: Row) -> None:
    before = state(server)
    status, slug, detail = told(server.raw(row.request))
    assert (status, slug) == (row.status, row.slug)
    assert (detail != "") == (status >= 400)
    assert state(server) == before


def test_the_names_of_the_rows_are_apart() -> None:
    names = [row.name for row in ROWS]
    assert sorted(set(names)) == sorted(names)


def test_what_is_wrong_with_a_head_is_said_without_quoting_it(server: Server) -> None:
    for request, words in (
        (posted("Content-Length: 2"), "Duplicate Content-Length"),
        (b"GET /livez HTTP/1.1\r\n\r\n", "Missing 'Host' header"),
        (asked("/livez", "secret: \0"), "Invalid header value char"),
        (asked("*secret"), ""),
        (b"secret / HTTP/1.1\r\n\r\n", "Invalid method"),
    ):
        detail = told(server.raw(request))[2]
        assert words in detail
        assert "secret" not in detail


def test_a_head_in_many_parts_is_bounded(server: Server) -> None:
    with socket.create_connection((servers.HOST, server.port), timeout=10) as sock:
        sock.sendall(LIVE[:-2])
        got, sent = b"", 0
        while not got and sent < 2_000:
            sent += 1
            sock.sendall(b"X: " + b"y" * 2_000 + b"\r\n")
            sock.settimeout(0.02)
            try:
                got = sock.recv(4_000)
            except TimeoutError:
                continue
        assert told(got)[:2] == (431, "head-too-large")
        assert sent <= edge.MOST_HEAD // 2_000 + 2


def test_each_of_many_requests_is_answered(server: Server) -> None:
    # What stands in a body is never a request.
    bodies = [
        b"POST /nowhere HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % len(LIVE) + LIVE,
        posted("Content-Encoding: br", body=LIVE), posted(body=b"{}"),
        b"DELETE /v1/events HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % len(LIVE) + LIVE,
        posted("Expect: x", body=LIVE), posted("Connection: Upgrade", "Upgrade: websocket"),
    ]  # fmt: skip
    with socket.create_connection((servers.HOST, server.port), timeout=10) as sock:
        sock.sendall(b"".join(bodies) + asked("/livez", "Connection: close"))
        got = b""
        while part := sock.recv(65_536):
            got += part
    statuses = [int(part[:3]) for part in got.split(b"HTTP/1.1 ")[1:]]
    assert statuses == [404, 415, 422, 405, 417, 422, 200]


def answered(server: Server, request: bytes, *, half: bool = False) -> list[int]:
    """The statuses of all that comes back until the server closes; `half`: nothing more is sent."""
    with socket.create_connection((servers.HOST, server.port), timeout=5) as sock:
        sock.sendall(request)
        if half:
            sock.shutdown(socket.SHUT_WR)
        got = b""
        while part := sock.recv(65_536):
            got += part
    return [int(status) for status in re.findall(rb"HTTP/1\.[01] (\d{3}) ", got)]


LONG = b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"y" * 9_000 + b"\r\n\r\n"


@pytest.mark.parametrize("headers", [[], ["X-Other: 1"]], ids=["plain", "other"])
@pytest.mark.parametrize(
    ("bad", "status"),
    [(b"BAD\r\n\r\n", 400), (LONG, 431), (b"GET / HTTP/3.0\r\nHost: a\r\n\r\n", 505)],
    ids=["malformed", "too large", "another version"],
)
def test_what_came_before_a_bad_head_is_answered(
    server: Server, headers: list[str], bad: bytes, status: int
) -> None:
    names = [f"before-{status}-{len(headers)}-{place}" for place in range(3)]
    facts = b"".join(posted(*headers, body=dumps(fact(name))) for name in names)
    assert answered(server, facts + bad + LIVE) == [201, 201, 201, status]
    assert answered(server, LIVE * 40 + bad) == [200] * 40 + [status]


def test_what_follows_the_last_request_is_nothing(server: Server) -> None:
    last = posted("Connection: close", body=dumps(fact("the-last")))
    assert answered(server, last + b"GARBAGE") == [201]


def test_the_size_of_a_head_is_bounded_in_one_part_too(server: Server) -> None:
    lines = [f"X{place}: {'y' * 4_000}" for place in range(25)]
    assert answered(server, asked("/livez", *lines)) == [431]
    assert answered(server, LIVE + asked("/livez", *lines) + LIVE) == [200, 431]
    assert answered(server, asked("/livez", *lines[:10], "Connection: close")) == [200]


@pytest.mark.parametrize("headers", [[], ["X-Other: 1"]], ids=["plain", "other"])
def test_who_has_said_all_is_answered(server: Server, headers: list[str]) -> None:
    good = [posted(*headers, body=dumps(fact(f"said-{len(headers)}-{n}"))) for n in range(3)]
    cut = posted(*headers, "Content-Length: 50", body=b'{"a"', length=False)
    assert answered(server, good[0], half=True) == [201]
    assert answered(server, b"".join(good), half=True) == [200, 201, 201]
    assert answered(server, good[0] + cut[:40], half=True) == [200]
    assert answered(server, good[0] + cut, half=True) == [200, 400]
    assert answered(server, cut, half=True) == [400]
    assert answered(server, LIVE * 100, half=True) == [200] * 100
    assert answered(server, b"", half=True) == []


@pytest.mark.parametrize(
    "request_",
    [posted("Content-Length: 50", body=b'{"a"', length=False), chunks(b"2\r\n{}\r\n"),
     chunks(b""), posted("Content-Length: 9000000", body=b"x" * 900_000, length=False)],
    ids=["a length", "chunks", "no chunk", "much"],
)  # fmt: skip
def test_a_body_that_ends_early_is_told_so(server: Server, request_: bytes) -> None:
    with socket.create_connection((servers.HOST, server.port), timeout=5) as sock:
        sock.sendall(request_)
        time.sleep(0.05)
        sock.shutdown(socket.SHUT_WR)
        got = b""
        while part := sock.recv(65_536):
            got += part
    assert told(got)[:2] == (400, "invalid-body")
    assert b"\r\nConnection: close\r\n" in got


def test_clients_that_go_away_are_no_failures(server: Server) -> None:
    for _ in range(20):
        with socket.create_connection((servers.HOST, server.port), timeout=5) as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            sock.sendall(posted("X-Other: 1", "Content-Length: 500", body=b"{", length=False))
            time.sleep(0.002)
    assert server.get("/livez").status == 200
    assert " failed" not in server.said()


@pytest.mark.slow
def test_the_rest_of_a_refused_body_is_no_head(server: Server) -> None:
    with socket.create_connection((servers.HOST, server.port), timeout=10) as sock:
        head = b"POST /nowhere HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n"
        sock.sendall(head)
        assert sock.recv(4_000).startswith(b"HTTP/1.1 404 ")
        sock.sendall(b"x" * 100_000)
        # Nothing is under way, and nobody is told that a head was slow.
        sock.settimeout(edge.HEAD_S + 2)
        with pytest.raises(TimeoutError):
            sock.recv(4_000)
        sock.sendall(LIVE)
        assert sock.recv(4_000).startswith(b"HTTP/1.1 200 ")


@pytest.mark.slow
def test_a_body_that_drips_is_told_once_and_ended(server: Server) -> None:
    with socket.create_connection((servers.HOST, server.port), timeout=0.5) as sock:
        sock.sendall(posted("Content-Length: 500", body=b"{", length=False))
        started, got = time.monotonic(), b""
        while time.monotonic() - started < bodies.BODY_S + 8:
            try:
                sock.sendall(b" ")
                part = sock.recv(4_000)
            except TimeoutError:
                continue
            except ConnectionError:
                break
            if not part:
                break
            got += part
        assert time.monotonic() - started < bodies.BODY_S + 4
    assert got.count(b"HTTP/1.1 ") == 1
    assert b"\r\nConnection: close\r\n" in got
    assert told(got)[:2] == (408, "body-timeout")


def test_a_sale_is_taken_after_all_of_it(server: Server) -> None:
    assert server.post(dumps(fact("after"))).status == 201
    assert " failed" not in server.said()
    assert "Traceback" not in server.said()


def test_a_body_of_line_ends_is_not_read_end_by_end() -> None:
    body = b"\r\n\r\n" * 10_000
    pieces = list(edge._pieces(body))
    assert b"".join(pieces) == body
    assert len(pieces) == edge.MOST_PIECES + 1
