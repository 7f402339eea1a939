"""The outbox's process: derives events as the journal grows, and sends them; the pull feed."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import time
import tomllib
from collections.abc import Callable
from pathlib import Path

import aiohttp
import msgspec
import orjson
import uvloop
from aiohttp import web

from vafa.engine.columns.answers import instant_text
from vafa.engine.outbox.events import Deriver, Event
from vafa.engine.outbox.store import OutboxStore, cursor_of
from vafa.engine.replica.replica import Replica

from .decode import JSON
from .front import Front
from .parameters import parameters, whole
from .problems import ProblemError
from .webhooks import OutboxFile, Sender, check

log = logging.getLogger("vafa")

LOOK_S = 0.1
KEEP_S = 0.05
"""Seconds after which derived events are kept: each time is a flush."""
DAY_S = 86_400
MOST_EVENTS = 1_000
USUAL_EVENTS = 100


def read_outbox_file(path: Path | None) -> OutboxFile:
    """The settings of a TOML file. Raises ValueError with file and place, OSError."""
    if path is None:
        return OutboxFile()
    try:
        file = msgspec.convert(tomllib.loads(path.read_text("utf-8")), OutboxFile)
        check(file)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path}: {error}") from None
    return file


def open_deriver(
    ledger: Path, file: OutboxFile, position: int, stopped: Callable[[], bool] = lambda: False
) -> Deriver:
    """A deriver whose replica is at a position, or on its way there when it was stopped.

    Where the checkpoint is ahead of it, everything is folded from the beginning.
    """
    deriver = Deriver(Replica.at_most(ledger, position), file.remind)
    derive(deriver, None, position, stopped)
    return deriver


def derive(
    deriver: Deriver, store: OutboxStore | None, until: int | None = None,
    stopped: Callable[[], bool] = lambda: False,
) -> tuple[int, int]:
    """Follow the journal to its end, or to a seq: (events that are kept, the journal's version).

    The version is that of what was read: the journal's own shows a commit before its flush has
    ended, which a transaction begun then does not see. What is derived is kept every `KEEP_S`,
    at the end, and when it is `stopped`.
    """
    replica, kept = deriver.replica, 0
    waiting: list[tuple[int, list[Event]]] = []

    def keep() -> None:
        nonlocal kept
        if store is not None and waiting:
            store.put(waiting, replica.seq)
            kept += sum(len(events) for _, events in waiting)
        waiting.clear()

    with replica.journal.reading() as txn:
        version, due = int(txn.id()), time.monotonic() + KEEP_S
        for record in replica.journal.records(txn, replica.seq):
            if stopped() or (until is not None and record.first > until):
                break
            waiting.append((record.first, deriver.take(record)))
            if time.monotonic() > due:
                keep()
                due = time.monotonic() + KEEP_S
        keep()
    return kept, version


def run_outbox(ledger: Path, file: OutboxFile, started: Callable[[int], None]) -> None:
    """Derive and send until SIGTERM or SIGINT. Raises LedgerError."""

    async def main() -> None:
        store = OutboxStore(ledger, write=True)
        position = store.position
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        deriver = await asyncio.to_thread(open_deriver, ledger, file, position, stop.is_set)
        if not stop.is_set():
            started(position)
        pruned = 0.0
        async with aiohttp.ClientSession() as session:
            senders = [
                asyncio.create_task(Sender(store, hook).run(session)) for hook in file.webhook
            ]
            while not stop.is_set():
                if time.time() > pruned + DAY_S:
                    pruned = time.time()
                    oldest = instant_text(int((pruned - file.keep_days * DAY_S) * 1e6))
                    store.prune(oldest, [hook.url for hook in file.webhook])
                _, seen = await asyncio.to_thread(derive, deriver, store, None, stop.is_set)
                while seen == deriver.replica.journal.version() and not stop.is_set():
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(stop.wait(), LOOK_S)
                    for sender in senders:
                        if sender.done():
                            sender.result()
            for sender in senders:
                sender.cancel()
            await asyncio.gather(*senders, return_exceptions=True)
        deriver.replica.close()
        store.close()

    uvloop.run(main())


class OutboxDoor:
    """The pull feed: events after a cursor, oldest first."""

    def __init__(self, front: Front) -> None:
        self._front = front

    async def events(self, request: web.BaseRequest, _: str) -> web.Response:
        """A page of events; its cursor asks for those that come after it."""
        given = parameters(request, "after", "limit")
        limit = whole(given, "limit", 1, MOST_EVENTS, USUAL_EVENTS)
        assert limit is not None
        after = cursor_of(given.get("after", ""))
        if after is None:
            raise ProblemError("invalid-parameter", "after is no cursor of this feed")
        store = self._front.outbox()
        if store is None:
            raise ProblemError(
                "not-found", "nobody derives events: run `vafa outbox` beside the server"
            )
        page = store.after(after, limit)
        shown = {
            "events": [msgspec.to_builtins(event) for _, event in page],
            "after": (page[-1][0] if page else after).hex(),
        }
        return web.Response(body=orjson.dumps(shown), content_type=JSON)
