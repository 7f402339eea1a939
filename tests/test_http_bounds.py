"""Bounds of connections: heads that drip, idle ones, too many."""

from __future__ import annotations

import asyncio
import contextlib
import resource
import socket
import time
from collections.abc import Iterator

import pytest
import uvloop
from aiohttp import web

from vafa.server import bodies, edge
from vafa.server.problems import ProblemError
from vafa.server.reply import Reply

from . import servers
from .servers import Server, fact


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with servers.serving(tmp_path_factory.mktemp("bounds") / "ledger") as running:
        yield running


def drip(sock: socket.socket, seconds: float) -> bytes:
    """What comes back to somebody who sends a byte of a header now and then."""
    sock.settimeout(0.5)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            sock.sendall(b"x")
            got = sock.recv(1000)
        except TimeoutError:
            continue
        except ConnectionError:
            return b""
        return got
    raise AssertionError("it was let drip")


@pytest.mark.slow
def test_a_head_that_drips_is_ended(server: Server) -> None:
    first = socket.create_connection((servers.HOST, server.port))
    later = socket.create_connection((servers.HOST, server.port))
    idle = servers.Connection(server.port)
    with first, later:
        # One connection drips from its start, one after a good request.
        later.sendall(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")
        assert later.recv(4000).startswith(b"HTTP/1.1 200")
        assert idle.get("/livez").status == 200
        for sock in (first, later):
            sock.sendall(b"POST /v1/events HTTP/1.1\r\nHost: x\r\nX-Slow: ")
        started = time.monotonic()
        assert drip(first, edge.HEAD_S + 4).startswith(b"HTTP/1.1 408 ")
        assert edge.HEAD_S - 1 < time.monotonic() - started < edge.HEAD_S + 4
        assert drip(later, 4).startswith(b"HTTP/1.1 408 ")
    # Whoever says nothing keeps the connection.
    assert idle.post(fact("after")).status == 201
    idle.close()


def test_a_head_in_two_parts_is_taken(server: Server) -> None:
    with socket.create_connection((servers.HOST, server.port)) as sock:
        for part in (b"GET /li", b"vez HTTP/1.1\r\nHo", b"st: x\r\n\r\n"):
            sock.sendall(part)
            time.sleep(0.1)
        assert sock.recv(4000).startswith(b"HTTP/1.1 200")


def test_heads_are_bounded(server: Server) -> None:
    long = b"GET /livez HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 9_000 + b"\r\n\r\n"
    assert b" 431 " in server.raw(long)[:20]
    many = b"GET /livez HTTP/1.1\r\nHost: x\r\n" + b"X: y\r\n" * 200 + b"\r\n"
    assert b" 431 " in server.raw(many)[:20]


def test_connections_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(edge, "MOST_CONNECTIONS", 2)

    async def answer(_: web.BaseRequest) -> web.Response:
        return web.Response(text="here")

    async def main() -> list[bytes]:
        loop = asyncio.get_running_loop()
        listening = await loop.create_server(edge.EdgeServer(answer), servers.HOST, 0)
        port = listening.sockets[0].getsockname()[1]
        got, writers = [], []
        for _ in range(3):
            reader, writer = await asyncio.open_connection(servers.HOST, port)
            writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            got.append(await reader.read(100))
            writers.append(writer)
        writers[0].close()
        await asyncio.sleep(0.1)
        reader, writer = await asyncio.open_connection(servers.HOST, port)
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        got.append(await reader.read(100))
        listening.close()
        return got

    assert [part.split()[1] for part in asyncio.run(main())] == [b"200", b"200", b"503", b"200"]


def test_who_does_not_read_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    """Closing would wait for ever for what is not sent; who reads slowly gets it all."""
    monkeypatch.setattr(edge, "READ_S", 1.0)
    size = 8_000_000

    async def answer(request: web.BaseRequest) -> web.Response:
        return Reply(b"x" * size, "text/plain")

    async def read(port: int, extra: bytes, pause: float) -> int:
        reader, writer = await asyncio.open_connection(servers.HOST, port, limit=1000)
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n" + extra + b"\r\n")
        got = 0
        with contextlib.suppress(ConnectionError):
            await asyncio.sleep(pause)
            while got < size and (part := await reader.read(400_000)):
                got += len(part)
                await asyncio.sleep(0.01)
        writer.close()
        return got

    async def main() -> list[int]:
        loop = asyncio.get_running_loop()
        listening = await loop.create_server(edge.EdgeServer(answer), servers.HOST, 0)
        port = listening.sockets[0].getsockname()[1]
        got = [
            await read(port, extra, pause)
            for extra in (b"", b"X: y\r\n") for pause in (0.0, 4.0)
        ]
        listening.close()
        return got

    plain, plain_late, parsed, parsed_late = uvloop.run(main())
    assert min(plain, parsed) >= size
    assert max(plain_late, parsed_late) < size


def test_a_connection_on_which_nothing_comes_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(edge, "NEW_S", 1.0)

    async def answer(_: web.BaseRequest) -> web.Response:
        return web.Response(text="here")

    async def main() -> tuple[bytes, bytes]:
        loop = asyncio.get_running_loop()
        listening = await loop.create_server(edge.EdgeServer(answer), servers.HOST, 0)
        port = listening.sockets[0].getsockname()[1]
        silent, first = await asyncio.open_connection(servers.HOST, port)
        reader, writer = await asyncio.open_connection(servers.HOST, port)
        ask = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
        writer.write(ask)
        await reader.read(1000)
        gone = await asyncio.wait_for(silent.read(), 5)
        writer.write(ask)
        again = await reader.read(1000)
        first.close()
        writer.close()
        listening.close()
        return gone, again

    gone, again = uvloop.run(main())
    assert gone == b""
    assert again.startswith(b"HTTP/1.1 200 ")


def test_a_process_has_as_many_connections_as_files(monkeypatch: pytest.MonkeyPatch) -> None:
    limits = [256, 300]
    monkeypatch.setattr(resource, "getrlimit", lambda _: tuple(limits))
    monkeypatch.setattr(resource, "setrlimit", lambda _, told: limits.__setitem__(0, told[0]))
    assert edge.most_connections() == 300 - edge.OTHER_FILES
    assert limits == [300, 300]
    limits[:] = 1024, 1 << 20
    assert edge.most_connections() == edge.MOST_CONNECTIONS


@pytest.mark.parametrize("part", ["head", "body"])
def test_time_in_which_the_server_does_not_read_is_not_the_sender_s(
    monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    monkeypatch.setattr(bodies, "BODY_S", 0.4)
    monkeypatch.setattr(bodies, "TICK_S", 0.1)
    monkeypatch.setattr(edge, "HEAD_S", 0.4)
    whole = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 200000\r\n\r\n" + b"x" * 200_000
    cut = 20 if part == "head" else 1_000
    told: list[bytes] = []

    async def answer(request: web.BaseRequest) -> web.Response:
        try:
            return web.Response(text=str(len(await bodies.read_raw(request))))
        except ProblemError as problem:
            return problem.response()

    def send(port: int, rest_at_once: bool) -> None:
        with socket.create_connection((servers.HOST, port), timeout=20) as sock:
            sock.sendall(whole[:cut])
            time.sleep(0.2)
            if rest_at_once:
                sock.sendall(whole[cut:])
            told.append(sock.recv(1_000))

    async def main() -> None:
        loop = asyncio.get_running_loop()
        listening = await loop.create_server(edge.EdgeServer(answer), servers.HOST, 0)
        port = listening.sockets[0].getsockname()[1]
        sending = asyncio.create_task(asyncio.to_thread(send, port, True))
        await asyncio.sleep(0.1)
        # As a long fold does: the loop stands still while the rest comes.
        time.sleep(1)
        await sending
        await asyncio.to_thread(send, port, False)
        listening.close()

    uvloop.run(main())
    assert told[0].startswith(b"HTTP/1.1 200 ")
    assert told[0].endswith(b"200000")
    assert told[1].startswith(b"HTTP/1.1 408 ")


@pytest.mark.parametrize("extra", ["", "X: y\r\n"], ids=["plain", "parsed"])
def test_what_is_not_answered_in_time_is_told_to_come_again(extra: str) -> None:
    request = f"GET / HTTP/1.1\r\nHost: x\r\n{extra}\r\n".encode()

    async def answer(_: web.BaseRequest) -> web.Response:
        await asyncio.get_running_loop().create_future()
        raise AssertionError("unreachable")

    async def main() -> bytes:
        loop = asyncio.get_running_loop()
        server = edge.EdgeServer(answer)
        listening = await loop.create_server(server, servers.HOST, 0)
        port = listening.sockets[0].getsockname()[1]
        reader, writer = await asyncio.open_connection(servers.HOST, port)
        writer.write(request)
        await asyncio.sleep(0.1)
        listening.close()
        server.pre_shutdown()
        await server.shutdown(0.1)
        told = await asyncio.wait_for(reader.read(), 5)
        writer.close()
        return told

    told = uvloop.run(main())
    assert told.startswith(b"HTTP/1.1 503 ")
    assert b"Retry-After: 1\r\n" in told
    assert b"Connection: close\r\n" in told
