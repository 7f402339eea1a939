"""A small HTTP/1.1 load driver: arrivals at a planned rate, or as fast as answers come.

`run_open` plans every arrival beforehand and measures from the planned instant, so a server
that stalls is charged for all who waited meanwhile, also for those that could not even be
sent. `run_closed` keeps each connection busy with one request and measures capacity.

Requests are ready bytes (`connection.request_bytes`). Percentiles are in milliseconds.
"""

from __future__ import annotations

import asyncio
import time
from array import array
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import uvloop

from .connection import Connection

LAG_P99_LIMIT_MS = 5.0
UNSENT_LIMIT = 0.001
TICK_S = 0.001
DRAIN_S = 5.0
NO_ANSWER = 0
"""Status of a request that was sent and never answered."""


@dataclass(frozen=True, slots=True)
class Result:
    """What one run saw. Times in ms; `rate` is answers a second over the whole run."""

    rate: float
    p50: float
    p99: float
    statuses: dict[int, int]
    p95: float
    worst: float
    seconds: float
    sent: int
    planned: int = 0
    unsent: int = 0
    lag_p99: float = 0.0
    problems: list[str] = field(default_factory=list)

    @property
    def answered(self) -> int:
        return sum(n for status, n in self.statuses.items() if status != NO_ANSWER)

    @property
    def valid(self) -> bool:
        """False when the generator, and not the server, shaped the figures."""
        return not self.problems


class _Pool:
    """Connections and what they have seen. A lost one is replaced while the run lasts."""

    def __init__(self, host: str, port: int, requests: Sequence[bytes], first: int) -> None:
        if not requests:
            raise ValueError("no requests to send")
        self.host = host
        self.port = port
        self.requests = requests
        self.next = first
        self.sent = 0
        self.latency_s = array("d")
        self.statuses: Counter[int] = Counter()
        self.open: set[Connection] = set()
        self.ended = False
        self.last_answer = 0.0
        self._reopening: set[asyncio.Task[None]] = set()

    async def connect(self, connections: int) -> None:
        for _ in range(connections):
            await self._connect_one()

    async def _connect_one(self) -> None:
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(
            lambda: Connection(self.on_answer, self.on_lost), self.host, self.port
        )
        self.open.add(connection)
        self.on_free(connection)

    async def _reopen(self) -> None:
        while not self.ended:
            try:
                await self._connect_one()
                return
            except OSError:
                await asyncio.sleep(0.05)

    def send_next(self, connection: Connection, since: float) -> None:
        request = self.requests[self.next % len(self.requests)]
        self.next += 1
        self.sent += 1
        connection.send(request, since)

    def on_free(self, connection: Connection) -> None:
        """A connection is ready for a request."""
        raise NotImplementedError

    def on_answer(self, connection: Connection, status: int) -> None:
        now = time.perf_counter()
        self.last_answer = now
        self.latency_s.append(now - connection.since)
        self.statuses[status] += 1
        connection.since = 0.0
        if connection.transport is not None and not connection.transport.is_closing():
            self.on_free(connection)

    def on_lost(self, connection: Connection) -> None:
        self.open.discard(connection)
        self.on_unanswered(connection)
        if not self.ended:
            task = asyncio.get_running_loop().create_task(self._reopen())
            self._reopening.add(task)
            task.add_done_callback(self._reopening.discard)

    def on_unanswered(self, connection: Connection) -> None:
        if connection.since:
            # Its wait so far counts, else the worst waits would be left out of the percentiles.
            self.latency_s.append(time.perf_counter() - connection.since)
            self.statuses[NO_ANSWER] += 1
            connection.since = 0.0

    @property
    def under_way(self) -> int:
        return sum(1 for connection in self.open if connection.since)

    async def finish(self, until: float) -> None:
        """Wait for what is under way, at most until that instant, and close."""
        while self.under_way and time.perf_counter() < until:
            await asyncio.sleep(0.002)
        self.ended = True
        for task in self._reopening:
            task.cancel()
        for connection in list(self.open):
            self.on_unanswered(connection)
            if connection.transport is not None:
                connection.transport.abort()
        await asyncio.sleep(0)


class _Closed(_Pool):
    stop_at = float("inf")

    def on_free(self, connection: Connection) -> None:
        now = time.perf_counter()
        if now < self.stop_at and not self.ended:
            self.send_next(connection, now)


class _Open(_Pool):
    def __init__(self, host: str, port: int, requests: Sequence[bytes], first: int) -> None:
        super().__init__(host, port, requests, first)
        self.free: deque[Connection] = deque()
        self.waiting: deque[float] = deque()

    def on_free(self, connection: Connection) -> None:
        if self.waiting:
            self.send_next(connection, self.waiting.popleft())
        else:
            self.free.append(connection)

    def arrive(self, planned: float) -> None:
        while self.free:
            connection = self.free.popleft()
            if connection.transport is not None and not connection.transport.is_closing():
                self.send_next(connection, planned)
                return
        self.waiting.append(planned)


def _milliseconds(seconds: array[float], *shares: float) -> list[float]:
    if not seconds:
        return [0.0] * len(shares)
    return [float(ms) for ms in np.percentile(np.frombuffer(seconds), shares) * 1000]


async def closed_loop(
    host: str,
    port: int,
    requests: Sequence[bytes],
    connections: int,
    seconds: float,
    *,
    first: int = 0,
) -> Result:
    """As `run_closed`, inside a running loop."""
    pool = _Closed(host, port, requests, first)
    pool.stop_at = 0.0
    await pool.connect(connections)
    start = time.perf_counter()
    pool.stop_at = start + seconds
    for connection in list(pool.open):
        pool.on_free(connection)
    while time.perf_counter() < pool.stop_at:
        await asyncio.sleep(min(0.05, seconds))
    await pool.finish(pool.stop_at + DRAIN_S)
    took = pool.last_answer - start if pool.last_answer else seconds
    return _result(pool, took)


async def open_loop(
    host: str,
    port: int,
    requests: Sequence[bytes],
    rate: float,
    seconds: float,
    *,
    connections: int = 64,
    first: int = 0,
) -> Result:
    """As `run_open`, inside a running loop."""
    pool = _Open(host, port, requests, first)
    await pool.connect(connections)
    planned = int(rate * seconds)
    lag_s = array("d")
    start = time.perf_counter() + 0.01
    arrived = 0
    while arrived < planned:
        now = time.perf_counter()
        due = min(planned, int((now - start) * rate) + 1) if now >= start else 0
        for i in range(arrived, due):
            at = start + i / rate
            pool.arrive(at)
            lag_s.append(time.perf_counter() - at)
        arrived = max(arrived, due)
        # Waiting in ticks leaves the processor to a server on the same machine.
        await asyncio.sleep(max(start + arrived / rate - time.perf_counter(), TICK_S))
    drain_until = time.perf_counter() + DRAIN_S
    while pool.waiting and time.perf_counter() < drain_until:
        await asyncio.sleep(0.002)
    unsent = len(pool.waiting)
    # Their waits so far count: a server that takes no more is the one that they wait for.
    now = time.perf_counter()
    pool.latency_s.extend(now - since for since in pool.waiting)
    pool.waiting.clear()
    await pool.finish(drain_until)
    (lag_p99,) = _milliseconds(lag_s, 99)
    took = pool.last_answer - start if pool.last_answer else seconds
    return replace(
        _result(pool, took),
        planned=planned,
        unsent=unsent,
        lag_p99=lag_p99,
        problems=_problems(planned, unsent, lag_p99),
    )


def _result(pool: _Pool, took: float) -> Result:
    """What the connections have seen in so many seconds."""
    p50, p95, p99, worst = _milliseconds(pool.latency_s, 50, 95, 99, 100)
    answered = sum(n for status, n in pool.statuses.items() if status != NO_ANSWER)
    return Result(
        rate=answered / took,
        p50=p50,
        p99=p99,
        statuses=dict(pool.statuses),
        p95=p95,
        worst=worst,
        seconds=took,
        sent=pool.sent,
    )


def _problems(planned: int, unsent: int, lag_p99: float) -> list[str]:
    problems = []
    if planned == 0:
        problems.append("nothing was planned")
    if unsent > UNSENT_LIMIT * planned:
        problems.append(f"{unsent} of {planned} arrivals were never sent")
    if lag_p99 > LAG_P99_LIMIT_MS:
        problems.append(f"generator lag p99 {lag_p99:.1f} ms, limit {LAG_P99_LIMIT_MS:g} ms")
    return problems


def run_closed(
    host: str,
    port: int,
    requests: Sequence[bytes],
    connections: int,
    seconds: float,
    *,
    first: int = 0,
) -> Result:
    """Each connection sends its next request when its last one is answered.

    Requests are taken in order from `requests[first]` on, and again from the start after the
    last; `first + result.sent` is where a further run goes on.
    """
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(closed_loop(host, port, requests, connections, seconds, first=first))


def run_open(
    host: str,
    port: int,
    requests: Sequence[bytes],
    rate: float,
    seconds: float,
    *,
    connections: int = 64,
    first: int = 0,
) -> Result:
    """`rate * seconds` arrivals, evenly planned; latency counts from the planned instant.

    An arrival that finds no free connection waits for one. What could not be sent within
    DRAIN_S after the last arrival is `unsent`. `valid` is False when more than 0.1 % was
    unsent or when the generator itself ran late (p99 of lag above 5 ms).
    """
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(
            open_loop(host, port, requests, rate, seconds, connections=connections, first=first)
        )
