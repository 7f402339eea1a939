"""Serving a ledger: one process for a small shop, or a writer and several front ends."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path

import uvloop
from aiohttp import web

from vafa.engine.writer import Writer

from .app import Front, make_server
from .committer import Committer

log = logging.getLogger("vafa")

DRAIN_S = 8.0
BACKLOG = 1024

Started = Callable[[], None]


def listening_socket(host: str, port: int) -> socket.socket:
    """A bound socket that worker processes can inherit. Raises OSError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind((host, port))
    sock.listen(BACKLOG)
    sock.setblocking(False)
    return sock


async def run_site(
    server: web.Server[web.BaseRequest], sock: socket.socket, started: Started,
    close: Callable[[], Awaitable[None]],
) -> None:
    """Serve until SIGTERM or SIGINT; then answer what was accepted and close."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    runner = web.ServerRunner(server, access_log=None, shutdown_timeout=DRAIN_S)
    await runner.setup()
    await web.SockSite(runner, sock, backlog=BACKLOG).start()
    started()
    try:
        await stop.wait()
    finally:
        await runner.cleanup()
        await close()


def serve_alone(ledger: Path, sock: socket.socket, started: Started) -> None:
    """All roles in one process. Raises LedgerError when the ledger cannot be written."""

    async def main() -> None:
        committer = Committer(Writer(ledger))
        front = Front(committer, committer.replica, tails=False)
        tending = asyncio.create_task(committer.tend())

        async def close() -> None:
            tending.cancel()
            await committer.close()

        await run_site(make_server(front), sock, started, close)

    uvloop.run(main())
