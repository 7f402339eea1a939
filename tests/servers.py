"""Running servers for tests: a process over a ledger, plain HTTP, the processes of its roles."""

from __future__ import annotations

import datetime as dt
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa

from vafa.engine.ledger.writer import Writer

from . import ledgers

HOST = "127.0.0.1"
JSON = "application/json"
NDJSON = "application/x-ndjson"
ARROW = "application/vnd.apache.arrow.stream"
PROBLEM = "application/problem+json"
EVENTS = "/v1/events"

START_S = 60.0
ANSWER_S = 30.0
LATE_DAYS = 400

PROGRAM = ledgers.PROGRAM.replace(
    "late_limit_days = 36_500", f"late_limit_days = {LATE_DAYS}"
).replace(
    "[[rule]]",
    '[[currency]]\nid = "stars"\npending_days = 3\n\n[[rule]]', 1
) + """
[[rule]]
id = "stars"
kind = "bonus"
currency = "stars"
points = 3
"""
"""The small program with a second currency, whose points wait for three days."""

Fact = dict[str, Any]

NOON = dt.datetime.now(dt.UTC).replace(hour=12, minute=0, second=0, microsecond=0)


def days_ago(days: float) -> str:
    """An instant before today's noon, as it stands on the wire."""
    return (NOON - dt.timedelta(days=days)).isoformat().replace("+00:00", "Z")


def fact(name: str, **fields: Any) -> Fact:
    """A sale of two lines as it stands on the wire."""
    made: Fact = {
        "id": name,
        "kind": "sale",
        "occurred_at": days_ago(2),
        "member": "m-1",
        "lines": [
            {"sku": "bread", "quantity": 1_000, "net": 1_250},
            {"sku": "milk", "quantity": 2_000, "net": 400},
        ],
        "store": "2",
        "terminal": "t1",
        "tenders": [{"type": "cash", "amount": 1_650}],
    }
    return {**made, **fields}


def dumps(value: Any) -> bytes:
    """JSON as bytes, letters as they are."""
    return json.dumps(value, ensure_ascii=False).encode()


def lines_of(*facts: Fact | bytes) -> bytes:
    """An NDJSON body."""
    return b"".join((row if isinstance(row, bytes) else dumps(row)) + b"\n" for row in facts)


WIRE_LINE = pa.struct([("sku", pa.string()), ("quantity", pa.int64()), ("net", pa.int64())])
WIRE_TENDER = pa.struct([("type", pa.string()), ("amount", pa.int64())])
WIRE = pa.schema(
    [
        ("id", pa.string()),
        ("kind", pa.string()),
        ("occurred_at", pa.timestamp("us", "UTC")),
        ("member", pa.string()),
        ("store", pa.string()),
        ("terminal", pa.string()),
        ("lines", pa.list_(WIRE_LINE)),
        ("tenders", pa.list_(WIRE_TENDER)),
    ]
)


def table_of(facts: list[Fact]) -> pa.Table:
    """Facts as the columns of the wire."""
    rows = [
        {**row, "occurred_at": dt.datetime.fromisoformat(row["occurred_at"])} for row in facts
    ]
    return pa.Table.from_pylist(rows, WIRE)


def stream_of(table: pa.Table) -> bytes:
    """A table as an Arrow stream."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    body: bytes = sink.getvalue().to_pybytes()
    return body


class Reply(NamedTuple):
    """One answer over HTTP; header names are in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)

    @property
    def slug(self) -> str:
        """What kind of problem it is; empty for an answer that is none."""
        if self.headers.get("content-type") != PROBLEM:
            return ""
        return str(self.json()["type"]).removeprefix("urn:vafa:problem:")

    def rows(self) -> list[Any]:
        """The lines of an NDJSON body."""
        assert self.headers["content-type"].startswith(NDJSON), self
        return [json.loads(row) for row in self.body.splitlines()]

    def table(self) -> list[Any]:
        """The rows of an Arrow body."""
        assert self.headers["content-type"] == ARROW, self
        rows: list[Any] = pa.ipc.open_stream(self.body).read_all().to_pylist()
        return rows


class Connection:
    """A kept-alive connection."""

    def __init__(self, port: int, seconds: float = ANSWER_S) -> None:
        self._http = http.client.HTTPConnection(HOST, port, timeout=seconds)

    def ask(
        self, method: str, path: str, body: bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> Reply:
        """Send a request and read its answer. Raises OSError or HTTPException."""
        self._http.request(method, path, body, headers or {})
        answer = self._http.getresponse()
        content = answer.read()
        named = {name.lower(): value for name, value in answer.getheaders()}
        return Reply(answer.status, named, content)

    def get(self, path: str) -> Reply:
        """GET a path."""
        return self.ask("GET", path)

    def post(
        self, body: Fact | bytes, kind: str = JSON, query: str = "", **headers: str
    ) -> Reply:
        """POST facts; a dict is sent as JSON."""
        content = body if isinstance(body, bytes) else dumps(body)
        named = {"Content-Type": kind}
        named.update({name.replace("_", "-"): value for name, value in headers.items()})
        return self.ask("POST", EVENTS + query, content, named)

    def close(self) -> None:
        """Close it."""
        self._http.close()


class Server:
    """A server process over a ledger."""

    def __init__(
        self, ledger: Path, workers: int = 1, options: Sequence[str] = ()
    ) -> None:
        self.ledger = ledger
        self.workers = workers
        self._log = ledger.with_name(ledger.name + ".log")
        written = self._log.stat().st_size if self._log.exists() else 0
        self.process = start(ledger, workers, self._log, options)
        try:
            wait_until(lambda: self._bound(written) or self.process.poll() is not None, START_S)
            self.port = self._bound(written)
            assert self.port, self.said()
        except BaseException:
            self.end()
            raise

    def _bound(self, written: int) -> int:
        """The port that it says it serves on; 0 as long as it says nothing."""
        found = re.search(r"serving .* on https?://[^:]+:(\d+)", self.said()[written:])
        return int(found[1]) if found else 0

    @property
    def admin_port(self) -> int:
        """The operators' port, which it says after the other one."""
        found = r"operators on https?://[^:]+:(\d+)\n"
        wait_until(lambda: re.search(found, self.said()), START_S)
        return int(re.findall(found, self.said())[-1])

    def said(self) -> str:
        """What the server has written to stderr."""
        return self._log.read_text(encoding="utf-8", errors="replace")

    @contextmanager
    def connection(self, seconds: float = ANSWER_S) -> Iterator[Connection]:
        """A connection of its own."""
        connection = Connection(self.port, seconds)
        try:
            yield connection
        finally:
            connection.close()

    def ask(
        self, method: str, path: str, body: bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> Reply:
        """One request over a new connection."""
        with self.connection() as connection:
            return connection.ask(method, path, body, headers)

    def get(self, path: str) -> Reply:
        """GET over a new connection."""
        with self.connection() as connection:
            return connection.get(path)

    def post(
        self, body: Fact | bytes, kind: str = JSON, query: str = "", **headers: str
    ) -> Reply:
        """POST over a new connection."""
        with self.connection() as connection:
            return connection.post(body, kind, query, **headers)

    def raw(self, request: bytes, seconds: float = 5.0) -> bytes:
        """Bytes as they are; what comes back until the server closes or is silent."""
        with socket.create_connection((HOST, self.port), timeout=seconds) as sock:
            sock.sendall(request)
            got = b""
            try:
                while part := sock.recv(1 << 16):
                    got += part
                    head, mark, rest = got.partition(b"\r\n\r\n")
                    size = re.search(rb"(?i)^content-length: *(\d+)", head, re.M)
                    if mark and size and len(rest) >= int(size[1]):
                        break
            except (TimeoutError, ConnectionError):
                pass
            return got

    def seq(self) -> int:
        """The highest seq that the server has folded."""
        return int(self.get("/readyz").json()["seq"])

    def role(self, name: str) -> list[int]:
        """Pids of the children of a role: `write` or `front`."""
        return [
            pid for pid in children(self.process.pid) if f"\0{name}\0" in f"{command_of(pid)}\0"
        ]

    def stop(self, seconds: float = 10.0) -> int:
        """SIGTERM; the exit code. Raises TimeoutExpired."""
        self.process.terminate()
        return self.process.wait(seconds)

    def end(self) -> None:
        """Make sure that nothing of it runs."""
        pids = [self.process.pid, *children(self.process.pid)]
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.terminate()
            try:
                self.process.wait(15)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        for pid in pids[1:]:
            wait_until(lambda pid=pid: not alive(pid), 15)  # type: ignore[misc]


def start(
    ledger: Path, workers: int, log: Path, options: Sequence[str] = ()
) -> subprocess.Popen[bytes]:
    """A server process that writes to a log."""
    arguments = ["serve", str(ledger), "--port", "0", "--workers", str(workers), *options]
    with log.open("ab") as out:
        return subprocess.Popen(
            [sys.executable, "-m", "vafa.server", *arguments], stdout=out, stderr=out
        )


@contextmanager
def serving(
    ledger: Path, workers: int = 1, program: str | None = PROGRAM, options: Sequence[str] = ()
) -> Iterator[Server]:
    """A server over a ledger, which is made and gets the program when it is new."""
    if program is None:
        Writer(ledger).close()
    else:
        ledgers.open_writer(ledger, program).close()
    server = Server(ledger, workers, options)
    try:
        yield server
    finally:
        server.end()


def children(pid: int) -> list[int]:
    """Pids of a process's children."""
    try:
        text = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii")
    except OSError:
        return []
    return [int(child) for child in text.split()]


def command_of(pid: int) -> str:
    """A process's arguments, parted by NUL."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text(encoding="utf-8")
    except OSError:
        return ""


def alive(pid: int) -> bool:
    """Whether a process runs; one that has ended and waits to be collected does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in "ZX"


def kill(pid: int) -> None:
    """kill -9."""
    os.kill(pid, signal.SIGKILL)


def wait_until(true: Callable[[], object], seconds: float) -> float:
    """Wait for something; the seconds that it took. Raises AssertionError."""
    started = time.monotonic()
    while not true():
        assert time.monotonic() - started < seconds, f"not within {seconds} s"
        time.sleep(0.02)
    return time.monotonic() - started
