"""Serving a ledger: one process for a small shop, or a writer and several front ends."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
from collections.abc import Awaitable, Callable
from functools import cache
from pathlib import Path

import uvloop

from vafa.engine.ledger.writer import Writer
from vafa.engine.private.apart import Private
from vafa.engine.replica.replica import Replica

from . import collector
from .beat import Beat
from .committer import Committer
from .doors import Doors, OpenDoors
from .front import Front
from .link import RemoteCommits, listen
from .memory import steady_memory
from .problems import ProblemError
from .rehearsal import rehearse
from .tracing import Tracing, provider_of

log = logging.getLogger("vafa")

MOST_ADDRESS = 100
IMPORTS = "imports"
"""Where in a ledger the mappings of files that are posted stand."""

Started = Callable[[], None]


async def run_doors(
    doors: Doors, front: Front, started: Started, close: Callable[[], Awaitable[None]]
) -> None:
    """Serve until SIGTERM or SIGINT; then answer what was accepted and close."""
    # It is the supervisor's.
    signal.signal(signal.SIGUSR2, signal.SIG_IGN)
    opened = OpenDoors(doors, front)
    stop = _stop_event()
    try:
        await opened.open()
        started()
        await stop.wait()
    finally:
        await opened.close()
        await close()


def _stop_event() -> asyncio.Event:
    """What SIGTERM and SIGINT set from now on."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    return stop


def tracing_of(service: str) -> Tracing:
    """Spans of a process, sent where the environment says."""
    return Tracing(provider_of(service))


def committer_of(writer: Writer, tracing: Tracing | None) -> Committer:
    """The commits of a writer, traced or not."""
    if tracing is None:
        return Committer(writer)
    from .traced_commits import TracedCommits  # noqa: PLC0415 - only where it is asked for

    return Committer(writer, TracedCommits(tracing))


def serve_alone(ledger: Path, doors: Doors, started: Started) -> None:
    """All roles in one process. Raises LedgerError when the ledger cannot be written."""
    steady_memory()

    async def main() -> None:
        tracing = tracing_of("vafa") if doors.traces else None
        committer = committer_of(Writer(ledger), tracing)
        rehearse(committer.replica.dictionaries)
        front = Front(
            committer, committer.replica, tails=False, imports=ledger / IMPORTS, ledger=ledger,
            private=committer.writer.private, tracing=tracing,
        )  # fmt: skip
        tending = asyncio.create_task(committer.tend())
        collecting = collector.begin()

        async def close() -> None:
            collecting.cancel()
            tending.cancel()
            await committer.close()
            if tracing is not None:
                tracing.close()

        await run_doors(doors, front, started, close)

    uvloop.run(main())


def write_for_others(ledger: Path, ready: int | None = None, *, traces: bool = False) -> None:
    """The writer's process: commits and checkpoints for front ends on a unix socket.

    A byte on the descriptor `ready` says that it listens. `traces`: with spans of its commits.
    """
    steady_memory()
    # It has no files to read again.
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.signal(signal.SIGUSR2, signal.SIG_IGN)

    async def main() -> None:
        tracing = tracing_of("vafa-writer") if traces else None
        committer = committer_of(Writer(ledger), tracing)
        rehearse(committer.replica.dictionaries)
        tending = asyncio.create_task(committer.tend())
        collecting = collector.begin()
        stop = _stop_event()
        listening = await listen(socket_path(ledger), committer)
        Beat(ledger).start()
        tell_ready(ready)
        await stop.wait()
        await listening.close()
        collecting.cancel()
        tending.cancel()
        await committer.close()
        if tracing is not None:
            tracing.close()

    uvloop.run(main())


def tell_ready(ready: int | None) -> None:
    """Tell the supervisor that its child is at work."""
    if ready is not None:
        os.write(ready, b"1")
        os.close(ready)


def serve_in_front(ledger: Path, doors: Doors, ready: int | None = None) -> None:
    """A front end's process: decodes, checks, answers reads from a replica of its own.

    A byte on the descriptor `ready` says that it serves.
    """
    steady_memory()

    async def main() -> None:
        tracing = tracing_of("vafa-front") if doors.traces else None
        commits = RemoteCommits(socket_path(ledger), Beat(ledger), tracing)
        linking = asyncio.create_task(commits.run())
        while not commits.connected:
            await asyncio.sleep(0.01)
        replica = Replica.open(ledger)
        collecting = collector.begin()

        async def close() -> None:
            with contextlib.suppress(ProblemError):
                # The writer's figures get what the last requests add to them.
                await commits.told_figures()
            collecting.cancel()
            linking.cancel()
            replica.close()
            if tracing is not None:
                tracing.close()

        front = Front(
            commits, replica, tails=True, imports=ledger / IMPORTS, ledger=ledger,
            private=cache(lambda: Private(ledger)), tracing=tracing,
        )  # fmt: skip
        await run_doors(doors, front, lambda: tell_ready(ready), close)

    uvloop.run(main())


def socket_path(ledger: Path) -> Path:
    """The unix socket on which a ledger's writer listens.

    The address of a unix socket has 107 bytes; a ledger deep in folders is named through
    a descriptor, which stays open as long as the process.
    """
    path = ledger / "writer.sock"
    if len(os.fsencode(path)) < MOST_ADDRESS:
        return path
    return Path(f"/proc/self/fd/{os.open(ledger, os.O_RDONLY | os.O_DIRECTORY)}/writer.sock")
