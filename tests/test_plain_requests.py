"""Requests in plain form go around aiohttp's parser: never otherwise than through it."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from unittest import mock

import pytest
from aiohttp import web
from aiohttp.http_parser import HttpRequestParser

from vafa.loadtest.connection import request_bytes
from vafa.server import bodies, edge, edge_requests
from vafa.server.plain_request import plain_head
from vafa.server.reply import Reply

from . import servers
from .servers import Server, fact

LINES = (
    b"GET / HTTP/1.1", b"GET /v1/members/m-1 HTTP/1.1", b"POST /v1/events HTTP/1.1",
    b"POST /v1/events HTTP/1.0", b"POST /v1/events?force=true HTTP/1.1", b"get / HTTP/1.1",
    b"GET  / HTTP/1.1", b"GET /a%20b HTTP/1.1", b"GET http://other/ HTTP/1.1", b"PUT / HTTP/1.1",
    b"GET /\xc3\xa9 HTTP/1.1", b"GET / HTTP/2.0", b"OPTIONS * HTTP/1.1", b"GET //x HTTP/1.1",
    b"GET /a;b=c,d HTTP/1.1", b"GET /x#y HTTP/1.1", b"GET /\tx HTTP/1.1",
)  # fmt: skip
HEADERS = (
    b"Host: shop.example", b"host:127.0.0.1:8080", b"Host: [::1]:80", b"Host: a b", b"Host:",
    b"Content-Length: 4", b"content-length: 4", b"Content-Length: 04", b"Content-Length: +4",
    b"Content-Length: 4, 4", b"Content-Length : 4", b"Content-Length: 0", b" Content-Length: 4",
    b"Content-Type: application/json", b"Content-Type: application/json; charset=utf-8",
    b"Content-Type: application/x-ndjson", b"Transfer-Encoding: chunked", b"Connection: close",
    b"Connection: keep-alive", b"Connection: upgrade", b"Upgrade: h2c", b"Expect: 100-continue",
    b"Accept: */*", b"User-Agent: till/1.0  (x; y)", b"Authorization: Bearer abc",
    b"X-Api-Key: k\x01", b"X-Other: y", b"Accept-Language: fa, en;q=0.5 ", b"Accept: \xff",
    b"If-None-Match: \"a\"\rX: y", b"If-None-Match: \"a\"\nX: y", b"Content-Encoding: gzip",
)  # fmt: skip
LIKELY = (b"Host: shop.example", b"Content-Length: 4", b"Content-Type: application/json")


def drawn_head(draw: random.Random) -> bytes:
    """A head, mostly near the plain form."""
    headers = [name for name in LIKELY if draw.random() < 0.8]
    headers += draw.sample(HEADERS, draw.randrange(3))
    draw.shuffle(headers)
    return b"\r\n".join([draw.choice(LINES), *headers, b"", b""])


def test_what_is_read_plainly_is_what_aiohttp_reads() -> None:
    draw = random.Random(11)
    taken: set[str] = set()
    for _ in range(20_000):
        head = drawn_head(draw)
        found = plain_head(head + b"body")
        if found is None:
            continue
        loop = mock.Mock()
        parser = HttpRequestParser(mock.Mock(), loop, 2**16, max_line_size=8190)
        messages, upgraded, _ = parser.feed_data(head)
        ((message, payload),) = messages
        assert not any((message.should_close, message.chunked, message.compression, upgraded))
        assert (found.method, found.target) == (message.method, message.path)
        assert tuple(message.version) == (1, 1)
        assert sorted(found.headers.items()) == sorted(
            (name.title(), value) for name, value in message.headers.items()
        )
        assert found.begin == len(head)
        assert found.end - found.begin == int(message.headers.get("Content-Length", 0))
        assert payload.is_eof() == (found.begin == found.end)
        taken.add(found.method)
    assert taken == {"GET", "POST"}


def test_what_is_not_plain_is_left() -> None:
    plain = request_bytes("POST", "/v1/events", b"{}")
    assert plain_head(plain) is not None
    for old, new in (
        (b"/v1/events", b"/v1/events?force=true"), (b"HTTP/1.1", b"HTTP/1.0"),
        (b"POST", b"PUT"), (b"Host: 127.0.0.1\r\n", b""), (b"Content-Length: 2\r\n", b""),
        (b"Content-Length: 2", b"Content-Length: 2\r\nContent-Length: 2"),
        (b"Content-Length: 2", b"Content-Length: 2\r\nTransfer-Encoding: chunked"),
        (b"Content-Length: 2", b"Content-Length: 2\r\nX-Other: y"), (b"\r\n\r\n", b"\n\n"),
        (b"Host: 127.0.0.1", b"Host: 127.0.0.1" + b" " * 3000), (b"\r\n\r\n", b"\r\n"),
    ):  # fmt: skip
        assert old in plain
        assert plain_head(plain.replace(old, new)) is None, new
    assert plain_head(request_bytes("GET", "/x", b"{}")) is None
    assert plain_head(b"") is None
    assert plain_head(plain[:40]) is None
    assert plain_head(plain[:-1]) == plain_head(plain)


def test_a_head_that_is_not_whole_is_none() -> None:
    """Whatever length it tells: what stands in a header is no request."""
    name = b"x" * 60 + b" GET /hidden HTTP/1.0"
    for length in range(600):
        told = b"Content-Length: " + str(length).encode()
        head = b"\r\n".join([
            b"POST /a HTTP/1.1", told, LIKELY[0], LIKELY[2], b"User-Agent: " + name, b"Accept: */*",
        ])  # fmt: skip
        for cut in {length + 3, length, len(head), len(head) - 1, len(head) - 20}:
            assert plain_head(head[:cut]) is None, (length, cut)
        assert plain_head(head + b"\r\n\r\n") is not None


# -- connections ------------------------------------------------------------------------


def exchange(
    parts: list[bytes], answers: int, pause: float = 0.05
) -> tuple[list[tuple[str, bool, bytes]], bytes]:
    """Send parts one after the other over one connection to a server that tells what it got:
    (target, whether it was taken plainly, body) by request; and the answers."""
    seen: list[tuple[str, bool, bytes]] = []

    async def answer(request: web.BaseRequest) -> web.Response:
        body = await bodies.read_body(request)
        plain = isinstance(request, edge_requests.PlainRequest)
        seen.append((request.raw_path, plain, body))
        await asyncio.sleep(0.02)
        if request.raw_path.endswith("generic"):
            return web.Response(text=request.raw_path)
        return Reply(request.raw_path.encode(), "text/plain")

    async def main() -> bytes:
        loop = asyncio.get_running_loop()
        listening = await loop.create_server(edge.EdgeServer(answer), servers.HOST, 0)
        port = listening.sockets[0].getsockname()[1]
        reader, writer = await asyncio.open_connection(servers.HOST, port)
        for part in parts:
            writer.write(part)
            await asyncio.sleep(pause)
        got = b""
        async with asyncio.timeout(5):
            while got.count(b"HTTP/1.1 ") < answers:
                more = await reader.read(10_000)
                assert more
                got += more
        writer.close()
        listening.close()
        return got

    return seen, asyncio.run(main())


A = request_bytes("POST", "/a", b"1234")
B = request_bytes("GET", "/b")


def test_plain_requests_are_taken_as_they_come() -> None:
    seen, got = exchange([A, B, request_bytes("GET", "/generic"), A], 4)
    assert seen == [
        ("/a", True, b"1234"), ("/b", True, b""), ("/generic", True, b""), ("/a", True, b"1234"),
    ]  # fmt: skip
    assert got.count(b"HTTP/1.1 200 OK") == 4


def test_a_body_in_parts_does_not_part_a_connection_from_the_plain_way() -> None:
    large = request_bytes("POST", "/large", b"x" * 300_000)
    seen, _ = exchange([A[:-2], A[-2:], large, A, B[:5], B[5:], A], 5)
    assert [(target, plain, len(body)) for target, plain, body in seen] == [
        ("/a", False, 4), ("/large", False, 300_000), ("/a", True, 4),
        # A head in parts: from there on the parser reads.
        ("/b", False, 0), ("/a", False, 4),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "parts",
    [[A + B + A, B], [A + B, A[:9], A[9:] + B], [A, B, A, B], [A, B, A[:-1], A[-1:] + B]],
)
@pytest.mark.parametrize("pause", [0.0, 0.005, 0.05])
def test_requests_that_do_not_wait_are_answered_in_order(
    parts: list[bytes], pause: float
) -> None:
    # Several in one part, or parts that come while one is under way, or after it.
    seen, got = exchange(parts, 4, pause)
    assert [target for target, *_ in seen] == ["/a", "/b", "/a", "/b"]
    assert [part[-2:] for part in got.split(b"HTTP/1.1 ")[1:]] == [b"/a", b"/b", b"/a", b"/b"]


def test_what_looks_plain_within_a_head_is_no_request() -> None:
    seen, _ = exchange([b"GET /x HTTP/1.1\r\nX-Inner: ", B, b"\r\n"], 1)
    assert [target for target, *_ in seen] == ["/x"]
    # Nor behind one that was sent along with the request before it.
    seen, _ = exchange([A + b"GET /x HTTP/1.1\r\nX-Inner: ", B, b"\r\n"], 2)
    assert [target for target, *_ in seen] == ["/a", "/x"]
    # Nor in a body whose head was plain.
    whole = request_bytes("POST", "/y", B + A)
    seen, _ = exchange([whole[: -len(A + B)], B, A, B], 2)
    assert [target for target, *_ in seen] == ["/y", "/b"]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with servers.serving(tmp_path_factory.mktemp("plain") / "ledger") as running:
        yield running


def _told(answer: bytes) -> list[bytes]:
    """An answer without the instants in it."""
    head, _, body = answer.partition(b"\r\n\r\n")
    lines = [line for line in head.split(b"\r\n") if not line.startswith((b"Date", b"ETag"))]
    return [*lines, body.partition(b'"as_of"')[0]]


def test_both_ways_say_the_same(server: Server) -> None:
    as_rows, as_columns = "application/x-ndjson", "application/vnd.apache.arrow.stream"
    sale = servers.dumps(fact("p1"))
    assert server.post(fact("p1")).status == 201
    for request in (
        request_bytes("POST", "/v1/events", sale), request_bytes("POST", "/v1/events", b"{"),
        request_bytes("POST", "/v1/events", b" "), request_bytes("POST", "/v1/nothing", b"{}"),
        request_bytes("POST", "/v1/events", sale + b"\n" + sale, content_type=as_rows),
        request_bytes("POST", "/v1/events", b"x", content_type=as_columns),
        request_bytes("POST", "/v1/members/m1", b"{}"), request_bytes("GET", "/v1/members/m1"),
        request_bytes("GET", "/v1/members/nobody", headers=[("Accept-Language", "fa")]),
        request_bytes("GET", "/v1/events/p1", headers=[("If-None-Match", "*")]),
        request_bytes("GET", "/v1/events/p1", headers=[("If-None-Match", "?")]),
        request_bytes("GET", "/v1/events/p1/explain", headers=[("Accept", "text/plain")]),
        request_bytes("GET", "/livez"), request_bytes("GET", "/v1/programs"),
    ):  # fmt: skip
        closing = request.replace(b"Host:", b"Connection: close\r\nHost:", 1)
        assert plain_head(request) is not None
        assert plain_head(closing) is None
        ours, theirs = _told(server.raw(request, 1.0)), _told(server.raw(closing))
        assert ours == [line for line in theirs if line != b"Connection: close"], request
