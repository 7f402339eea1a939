"""What a server listens on: its sockets, its certificate, its keys."""

from __future__ import annotations

import asyncio
import logging
import select
import signal
import socket
import ssl
import time
from pathlib import Path

import msgspec
from aiohttp import web

from .app import make_server
from .edge import DRAIN_S
from .front import Front
from .guard import Guard
from .shared import FILE, Shared

log = logging.getLogger("vafa")

BACKLOG = 1024

WAITING_S = 0.25
"""Seconds, at most, in which a server that ends takes in the connections that wait at its doors."""


class Doors(msgspec.Struct, frozen=True):
    """The listening sockets as descriptors, the files of keys and certificate, whether to trace."""

    main: int
    admin: int | None = None
    keys: str | None = None
    tls_cert: str | None = None
    tls_key: str | None = None
    traces: bool = False

    @property
    def descriptors(self) -> list[int]:
        """The descriptors that a front end inherits."""
        return [self.main, *([] if self.admin is None else [self.admin])]


def listening_socket(host: str, port: int) -> socket.socket:
    """A bound socket that worker processes can inherit. Raises OSError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind((host, port))
    sock.listen(BACKLOG)
    sock.setblocking(False)
    return sock


def address_of(sock: socket.socket) -> str:
    """Where a socket listens, as a URL has it."""
    host, port = sock.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def tls_context(doors: Doors) -> ssl.SSLContext | None:
    """The certificate to serve with; None without one. Raises OSError that names its files."""
    if doors.tls_cert is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    _load(context, doors)
    return context


def _load(context: ssl.SSLContext, doors: Doors) -> None:
    assert doors.tls_cert is not None
    try:
        context.load_cert_chain(doors.tls_cert, doors.tls_key)
    except OSError as error:
        # What the library says names no file.
        raise OSError(f"{doors.tls_cert} and {doors.tls_key}: {error}") from None


class OpenDoors:
    """Servers that run on a process's sockets; SIGHUP reads keys and certificate again."""

    def __init__(self, doors: Doors, front: Front) -> None:
        """Raises KeysError, OSError. Only with a running loop."""
        self._doors = doors
        self._front = front
        self._guard = None
        if doors.keys is not None:
            assert front.ledger is not None
            self._guard = Guard(Path(doors.keys), Shared(front.ledger / FILE))
        self._tls = tls_context(doors)
        self._runners: list[tuple[web.ServerRunner, int]] = []
        apart = doors.admin is not None
        for fd, admin in ((doors.main, False), (doors.admin, True)):
            if fd is not None:
                server = make_server(front, self._guard, admin=admin if apart else None)
                runner = web.ServerRunner(server, access_log=None, shutdown_timeout=DRAIN_S)
                self._runners.append((runner, fd))
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, self.reload)
        # One that has come since the files were read waits until now.
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGHUP})

    async def open(self) -> None:
        """Begin to serve."""
        for runner, fd in self._runners:
            await runner.setup()
            sock = socket.socket(fileno=fd)
            await web.SockSite(runner, sock, backlog=BACKLOG, ssl_context=self._tls).start()

    def reload(self) -> None:
        """Read keys and certificate again; what cannot be used changes nothing."""
        if self._guard is not None:
            self._guard.reload()
        if self._tls is not None and self._doors.tls_cert is not None:
            try:
                _load(self._tls, self._doors)
            except OSError as error:
                log.error("the certificate was not taken: %s", error)

    async def close(self) -> None:
        """Answer what was accepted, then end; all servers at a time."""
        self._front.ends_at = time.monotonic()
        await self._take_in()
        await asyncio.gather(*(runner.cleanup() for runner, _ in self._runners))

    async def _take_in(self) -> None:
        """Take the connections that the machine has made: with its socket they would be cut."""
        waiting = select.poll()
        for _, fd in self._runners:
            waiting.register(fd, select.POLLIN)
        loop = asyncio.get_running_loop()
        until = loop.time() + WAITING_S
        while waiting.poll(0) and loop.time() < until:
            await asyncio.sleep(0)
