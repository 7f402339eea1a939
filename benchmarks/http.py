"""Two servers on one core in turn, one generator on the other.

A round on A is followed by a round on B, so that what else the machine does strikes both;
only the ratio of the medians is worth keeping.
"""

from __future__ import annotations

import argparse
import os
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from vafa.loadtest.baskets import wire_baskets, wire_json
from vafa.loadtest.connection import post_requests, request_bytes
from vafa.loadtest.openloop import Result, run_closed

HOST = "127.0.0.1"
ROOT = Path(__file__).resolve().parent.parent
SERVER_CORE = 0
GENERATOR_CORE = 1
CONNECTIONS = 64
WARM_UP_S = 0.5
READY_S = 30.0
STOP_S = 15.0

Start = Callable[[], AbstractContextManager[int]]
"""Starts a server; the context gives its port and stops it at the end."""


running: dict[int, int] = {}
"""Ids of the servers that `child` has started, by their ports."""


@dataclass(frozen=True, slots=True)
class Rounds:
    """What one server did: answers a second and latency (ms) of each round, all statuses."""

    rates: list[float] = field(default_factory=list)
    p50: list[float] = field(default_factory=list)
    p99: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    cpu_us: list[float] = field(default_factory=list)
    """Processor time of the server for an answer, where it was looked at."""

    @property
    def rate(self) -> float:
        return median(self.rates)

    def add(self, result: Result) -> None:
        self.rates.append(result.rate)
        self.p50.append(result.p50)
        self.p99.append(result.p99)
        self.statuses.update(result.statuses)


@dataclass(frozen=True, slots=True)
class Comparison:
    a: Rounds
    b: Rounds

    @property
    def ratio(self) -> float:
        """Median rate of B by median rate of A."""
        return self.b.rate / self.a.rate


def free_port() -> int:
    """A port of the loopback that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def child(
    command: Sequence[str], port: int, *, ready: str = "/", core: int | None = SERVER_CORE
) -> Iterator[int]:
    """Run a server that will listen on `port`, pinned to one core if one is named, until the
    context ends.

    It is ready when a GET of `ready` is answered, whatever the status below 500. Raises
    RuntimeError when it ends or does not answer within READY_S.
    """
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, allowed if core is None else {core} & allowed or allowed)
    try:  # children inherit the core, and so does every thread they start
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)
    finally:
        os.sched_setaffinity(0, allowed)
    running[port] = process.pid
    try:
        _wait_ready(process, port, ready)
        yield port
    finally:
        del running[port]
        process.terminate()
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_ready(process: subprocess.Popen[bytes], port: int, path: str) -> None:
    request = request_bytes("GET", path, headers=[("Connection", "close")])
    deadline = time.monotonic() + READY_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"server ended with {process.returncode}: {process.args!r}")
        try:
            with socket.create_connection((HOST, port), timeout=1) as connection:
                connection.sendall(request)
                head = connection.recv(64)
        except OSError:
            head = b""
        if head[9:10] in {b"2", b"3", b"4"}:
            return
        time.sleep(0.02)
    raise RuntimeError(f"server did not answer {path} on port {port} in {READY_S:g} s")


@contextmanager
def pinned(core: int) -> Iterator[None]:
    """This process on one core, where the machine has it, for as long as the context lasts."""
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core} & allowed or allowed)
    try:
        yield
    finally:
        os.sched_setaffinity(0, allowed)


def bare() -> AbstractContextManager[int]:
    """Plain aiohttp (`benchmarks.bare`) on the server's core."""
    port = free_port()
    command = [sys.executable, "-m", "benchmarks.bare", "--port", str(port)]
    return child(command, port, ready="/hello")


def hello_requests() -> list[bytes]:
    return [request_bytes("GET", "/hello")]


def basket_requests(
    path: str, limit: int, data: str | Path | None = None, *, prefix: str | None = None
) -> list[bytes]:
    """POSTs of that many sales with new ids."""
    return post_requests(path, wire_json(wire_baskets(data, prefix=prefix, limit=limit)))


def compare(
    start_a: Start,
    start_b: Start,
    requests_a: Sequence[bytes],
    requests_b: Sequence[bytes],
    rounds: int,
    *,
    seconds: float,
    connections: int = CONNECTIONS,
) -> Comparison:
    """Rounds A B A B ... of that many seconds against two running servers, after a warm-up.

    Each side goes on through its requests from round to round and starts again only after
    the last: give a ledger more than it can answer in the whole time, else the rest are
    replays (200, not 201, in `statuses`).
    """
    sides = (Rounds(), Rounds())
    requests = (requests_a, requests_b)
    at = [0, 0]
    with start_a() as port_a, start_b() as port_b, pinned(GENERATOR_CORE):
        for round_ in range(rounds + 1):
            for i, port in enumerate((port_a, port_b)):
                wanted = seconds if round_ else WARM_UP_S
                result = run_closed(HOST, port, requests[i], connections, wanted, first=at[i])
                at[i] += result.sent
                if round_:
                    sides[i].add(result)
    return Comparison(*sides)


def measure(start: Start, requests: Sequence[bytes], rounds: int, seconds: float) -> Rounds:
    """The rounds of one server alone."""
    seen = Rounds()
    with start() as port, pinned(GENERATOR_CORE):
        at = run_closed(HOST, port, requests, CONNECTIONS, WARM_UP_S).sent
        for _ in range(rounds):
            result = run_closed(HOST, port, requests, CONNECTIONS, seconds, first=at)
            at += result.sent
            seen.add(result)
    return seen


def bare_hello(rounds: int = 5, seconds: float = 2.0) -> Rounds:
    """Plain aiohttp saying hello."""
    return measure(bare, hello_requests(), rounds, seconds)


def bare_parse(rounds: int = 5, seconds: float = 2.0, data: str | Path | None = None) -> Rounds:
    """Plain aiohttp parsing a basket and answering as much as the till gets from us."""
    return measure(bare, basket_requests("/parse", 20_000, data), rounds, seconds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", help="folder of the parquet files")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2.0)
    given = parser.parse_args()
    for name, seen in (
        ("hello", bare_hello(given.rounds, given.seconds)),
        ("parse", bare_parse(given.rounds, given.seconds, given.data)),
    ):
        low, high = min(seen.rates), max(seen.rates)
        print(
            f"{name}: {seen.rate:,.0f}/s ({low:,.0f} to {high:,.0f}), "
            f"p50 {median(seen.p50):.2f} ms, p99 {median(seen.p99):.2f} ms, {dict(seen.statuses)}"
        )


if __name__ == "__main__":
    main()
