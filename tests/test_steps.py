"""Plain requests are handled where they arrive, without a task; nobody can tell but by the time."""

from __future__ import annotations

import asyncio
import socket
from collections import Counter
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import Any

import pytest
from aiohttp import web

from vafa.loadtest.connection import request_bytes
from vafa.server import edge
from vafa.server.contract import Told
from vafa.server.problems import ProblemError
from vafa.server.reply import Reply
from vafa.server.router import Route, Router
from vafa.server.steps import Steps

from . import servers

LARGE = b"x" * 100_000


def reads(_: web.BaseRequest, name: str) -> Reply:
    """A route that waits for nothing."""
    if name == "nobody":
        raise ProblemError("not-found", "nobody")
    if name == "defect":
        raise ZeroDivisionError
    return Reply(LARGE if name == "large" else name.encode(), "text/plain")


async def waits(_: web.BaseRequest, name: str) -> web.Response:
    """A route that waits."""
    await asyncio.sleep(0.05 if name == "late" else 0)
    return Reply(name.encode(), "text/plain")


class Asked:
    """A server that counts what is handled where it arrives, and what by a task."""

    def __init__(self) -> None:
        self.counted: Counter[tuple[str, str, int]] = Counter()
        self.here = self.by_task = 0
        told = Told("", {}, "open")
        self.router = Router([
            Route("GET", "/reads/{id}", reads, told), Route("GET", "/waits/{id}", waits, told),
            Route("POST", "/waits/{id}", waits, told),
        ], self.counted)  # fmt: skip

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        if asyncio.current_task() is None:
            self.here += 1
        else:
            self.by_task += 1
        return await self.router.handle(request)


Talk = Callable[[Asked, asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def talk(what: Talk) -> Asked:
    """Talk over a connection that has had an answer."""
    asked = Asked()

    async def main() -> None:
        loop = asyncio.get_running_loop()
        server = edge.EdgeServer(asked.handle)
        at, till = socket.create_server((servers.HOST, 0)), socket.socket()
        # What a slow reader has not read is to fill them.
        at.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, len(LARGE))
        till.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, len(LARGE))
        till.connect(at.getsockname())
        listening = await loop.create_server(server, sock=at)
        reader, writer = await asyncio.open_connection(sock=till)
        writer.write(get("first"))
        assert await answer(reader) == (200, b"first")
        asked.here, asked.by_task = 0, 0
        asked.counted.clear()
        async with asyncio.timeout(30):
            await what(asked, reader, writer)
        writer.close()
        await server.shutdown(1)
        listening.close()

    asyncio.run(main())
    return asked


def get(name: str, more: str = "", method: str = "GET", route: str = "reads") -> bytes:
    return f"{method} /{route}/{name} HTTP/1.1\r\nHost: x\r\n{more}\r\n".encode()


async def answer(reader: asyncio.StreamReader, method: str = "GET") -> tuple[int, bytes]:
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    length = int(head.partition("Content-Length: ")[2].partition("\r\n")[0])
    return int(head.split()[1]), b"" if method == "HEAD" else await reader.readexactly(length)


def test_one_after_the_other() -> None:
    async def what(_: Asked, reader: Any, writer: Any) -> None:
        for n in range(5):
            writer.write(get(f"m-{n}"))
            assert await answer(reader) == (200, f"m-{n}".encode())
        writer.write(get("nobody"))
        assert (await answer(reader))[0] == 404
        writer.write(get("defect"))
        assert (await answer(reader))[0] == 500

    asked = talk(what)
    assert (asked.here, asked.by_task) == (7, 0)
    path = "/reads/{id}"
    assert asked.counted == {("GET", path, 200): 5, ("GET", path, 404): 1, ("GET", path, 500): 1}


@pytest.mark.parametrize(("request_", "here"), [
    (get("m", "Connection: close\r\n"), False), (get("m", "Content-Length: 2\r\n") + b"{}", False),
    (get("m", method="HEAD"), False), (get("m", "Upgrade: x\r\nConnection: upgrade\r\n"), False),
    (get("m", route="waits"), True), (get("late", route="waits"), True),
    (request_bytes("POST", "/waits/m", b"{}"), True), (get("m", route="none"), True),
])  # fmt: skip
def test_what_is_handled_where_it_arrives(request_: bytes, here: bool) -> None:
    async def what(_: Asked, reader: Any, writer: Any) -> None:
        writer.write(request_)
        status, body = await answer(reader, "HEAD" if request_[:4] == b"HEAD" else "GET")
        assert (status, body) in {(200, b"m"), (200, b"late"), (200, b"")} or status == 404

    asked = talk(what)
    assert (asked.here, asked.by_task) == (here, not here)
    assert asked.counted.total() == 1


@pytest.mark.parametrize("together", [False, True])
def test_answers_come_in_the_order_of_their_requests(together: bool) -> None:
    async def what(_: Asked, reader: Any, writer: Any) -> None:
        if together:
            writer.write(get("a") + get("late", route="waits") + get("b"))
            assert [(await answer(reader))[1] for _ in range(3)] == [b"a", b"late", b"b"]
        writer.write(get("late", route="waits"))
        await asyncio.sleep(0.01)
        writer.write(get("c"))
        assert [(await answer(reader))[1] for _ in range(2)] == [b"late", b"c"]

    talk(what)


def test_who_was_answered_may_be_idle(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(edge, "HEAD_S", 0.1)

    async def what(_: Asked, reader: Any, writer: Any) -> None:
        for name in (b"a", b"b", b"c"):
            writer.write(get(name.decode()))
            assert await answer(reader) == (200, name)
            await asyncio.sleep(0.3)

    assert talk(what).here == 3


def test_a_connection_that_is_idle_too_long_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(edge, "IDLE_S", 0.3)

    async def what(_: Asked, reader: Any, writer: Any) -> None:
        for name in ("a", "b", "c", "d"):
            await asyncio.sleep(0.1)
            writer.write(get(name))
            assert (await answer(reader))[0] == 200
        assert await reader.read() == b""

    assert talk(what).here == 4


def test_a_slow_reader_is_waited_for() -> None:
    async def what(asked: Asked, reader: Any, writer: Any) -> None:
        for _ in range(30):
            writer.write(get("large"))
            await asyncio.sleep(0.005)
        # Nothing more is read of who does not read.
        assert asked.here < 20
        for _ in range(30):
            assert await answer(reader) == (200, LARGE)

    asked = talk(what)
    assert asked.here + asked.by_task == 30


def test_who_has_gone_away_is_not_answered() -> None:
    async def what(asked: Asked, reader: Any, writer: Any) -> None:
        writer.write(get("late", route="waits"))
        await asyncio.sleep(0.01)
        writer.transport.abort()
        await asyncio.sleep(0.1)
        assert asked.counted.total() == 1

    talk(what)


def test_steps_have_a_context_of_their_own() -> None:
    name: ContextVar[str] = ContextVar("name", default="")
    told: list[Any] = []

    async def main() -> None:
        loop = asyncio.get_running_loop()
        waits = loop.create_future()

        async def work() -> str:
            name.set("mine")
            await asyncio.sleep(0)
            assert name.get() == "mine"
            with pytest.raises(ZeroDivisionError):
                await waits
            return name.get()

        async def fails() -> None:
            await asyncio.sleep(0.01)
            raise KeyError("x")

        Steps(loop, work(), told.append, told.append)
        Steps(loop, fails(), told.append, told.append)
        assert (name.get(), told) == ("", [])
        await asyncio.sleep(0)
        waits.set_exception(ZeroDivisionError())
        await asyncio.sleep(0.05)
        assert name.get() == ""

    asyncio.run(main())
    assert told[0] == "mine"
    assert isinstance(told[1], KeyError)
