"""Rolling restart: new processes in place of all, without a gap at the tills."""

from __future__ import annotations

import hashlib
import os
import signal
import socket
import threading
import time
from pathlib import Path

import pytest

from vafa.engine.ledger.replay import verify

from . import ledgers, servers
from .servers import Server, fact


def pids(server: Server) -> set[int]:
    """The processes of all roles."""
    return {*server.role("write"), *server.role("front")}


class Till:
    """Sells one sale after the other; each request goes over a connection of its own."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.sold: list[str] = []
        self.away = 0
        self.wrong: list[object] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._sell)
        self._thread.start()

    def _sell(self) -> None:
        while not self._stop.is_set():
            name = f"sale-{len(self.sold)}"
            try:
                reply = self.server.post(fact(name))
            except OSError as error:
                # A connection that nobody takes is a gap.
                self.wrong.append(error)
                continue
            if reply.status in (200, 201):
                self.sold.append(name)
            elif reply.slug == "writer-away":
                assert int(reply.headers["retry-after"]) >= 1
                self.away += 1
                time.sleep(0.05)
            else:
                self.wrong.append(reply)

    def stop(self) -> None:
        """Close the till."""
        self._stop.set()
        self._thread.join()


def test_processes_are_renewed_without_a_gap(tmp_path: Path) -> None:
    with servers.serving(tmp_path / "ledger", workers=2) as server:
        servers.wait_until(lambda: len(pids(server)) == 3, servers.START_S)
        before = pids(server)
        till = Till(server)
        try:
            servers.wait_until(lambda: len(till.sold) > 5, servers.START_S)
            os.kill(server.process.pid, signal.SIGUSR2)
            servers.wait_until(
                lambda: "all processes are new" in server.said(), 2 * servers.START_S
            )
            sold = len(till.sold)
            servers.wait_until(lambda: len(till.sold) > sold + 5, servers.START_S)
        finally:
            till.stop()
        assert till.wrong == []
        after = pids(server)
        assert len(after) == 3
        assert not before & after
        for name in till.sold:
            assert server.get(f"/v1/events/{name}").status == 200
        assert server.stop(30) == 0
    assert verify(tmp_path / "ledger").findings == []


def test_one_process_is_not_killed_by_the_signal(tmp_path: Path) -> None:
    with servers.serving(tmp_path / "ledger") as server:
        os.kill(server.process.pid, signal.SIGUSR2)
        assert server.post(fact("after")).status == 201


def test_readiness_tells_its_parts(tmp_path: Path) -> None:
    for workers in (1, 2):
        with servers.serving(tmp_path / f"ledger-{workers}", workers) as server:
            assert "checks" not in server.get("/readyz").json()
            assert "checks" not in server.get("/readyz?verbose=false").json()
            for path in ("/readyz?verbose", "/readyz?verbose=true"):
                told = server.get(path).json()
                assert [(part["check"], part["ok"]) for part in told["checks"]] == [
                    ("program", True), ("writer", True), ("queue", True), ("checkpoint", True),
                ]  # fmt: skip
                assert told["checks"][0]["detail"].endswith(", version 1")
            assert server.get("/readyz?verbose=1").slug == "invalid-parameter"
            assert server.get("/readyz?more").slug == "invalid-parameter"
    with servers.serving(tmp_path / "empty", program=None) as empty:
        told = empty.get("/readyz?verbose").json()
        assert told["checks"][0] == {"check": "program", "ok": False, "detail": "none is in force"}
    with servers.serving(tmp_path / "away", workers=2) as server:
        # Front ends serve once they have found the writer.
        assert server.post(fact("before")).status == 201
        os.kill(server.process.pid, signal.SIGSTOP)
        try:
            servers.kill(*server.role("write"))
            servers.wait_until(
                lambda: not server.get("/readyz?verbose").json()["checks"][1]["ok"], 10
            )
            assert server.get("/readyz").status == 200
        finally:
            os.kill(server.process.pid, signal.SIGCONT)


@pytest.mark.parametrize("first", [0, -20], ids=["a request", "the rest of a body"])
def test_a_server_that_ends_answers_what_still_comes(tmp_path: Path, first: int) -> None:
    body = servers.dumps(fact("last"))
    head = (
        "POST /v1/events HTTP/1.1\r\nHost: till\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    request = head.encode() + body
    with (
        servers.serving(tmp_path / "ledger") as server,
        socket.create_connection((servers.HOST, server.port), timeout=servers.ANSWER_S) as sock,
    ):
        sock.sendall(request[:first])
        # The server has taken the connection once it answers one that came later.
        assert server.get("/livez").status == 200
        server.process.send_signal(signal.SIGTERM)
        time.sleep(0.1)
        sock.sendall(request[first:] if first else request)
        assert sock.recv(1 << 16).startswith(b"HTTP/1.1 201 ")


def slow_body(server: Server) -> socket.socket:
    """A connection on which a body has begun: who reads it gives way no sooner than it is whole."""
    body = servers.dumps(fact("slow"))
    sock = socket.create_connection((servers.HOST, server.port), timeout=30)
    sock.sendall(
        b"POST /v1/events HTTP/1.1\r\nHost: till\r\nContent-Type: application/json\r\n"
        b"Content-Length: %d\r\n\r\n" % len(body) + body[:5]
    )
    return sock


def test_a_writer_that_dies_meanwhile_is_started_again(tmp_path: Path) -> None:
    with servers.serving(tmp_path / "ledger", workers=2) as server:
        servers.wait_until(lambda: len(pids(server)) == 3, servers.START_S)
        with slow_body(server), slow_body(server), slow_body(server):
            os.kill(server.process.pid, signal.SIGUSR2)
            servers.wait_until(lambda: len(server.role("front")) == 3, servers.START_S)
            writers = server.role("write")
            servers.kill(*writers)
            servers.wait_until(
                lambda: server.role("write") not in ([], writers), servers.START_S
            )
            servers.wait_until(lambda: server.post(fact("meanwhile")).status == 201, 30)
        servers.wait_until(lambda: "all processes are new" in server.said(), 2 * servers.START_S)
        assert "stays" not in server.said()


def test_both_processes_of_a_role_read_the_keys_again(tmp_path: Path) -> None:
    keys = tmp_path / "keys.toml"
    entry = '[[key]]\nid = "{}"\nscopes = ["read"]\nsha256 = "{}"\n'
    told = {name: hashlib.sha256(name.encode()).hexdigest() for name in ("old", "new")}
    keys.write_text(entry.format("old", told["old"]))
    with servers.serving(
        tmp_path / "ledger", workers=2, options=["--keys", str(keys)]
    ) as server:
        servers.wait_until(lambda: len(pids(server)) == 3, servers.START_S)
        begun = [slow_body(server) for _ in range(4)]
        os.kill(server.process.pid, signal.SIGUSR2)
        servers.wait_until(lambda: len(server.role("front")) == 3, servers.START_S)
        keys.write_text(entry.format("new", told["new"]))
        server.process.send_signal(signal.SIGHUP)
        servers.wait_until(
            lambda: "all processes are new" in server.said(), 3 * servers.START_S
        )
        for sock in begun:
            sock.close()
        for _ in range(20):
            reply = server.ask("GET", "/v1/members/nobody", headers={"Authorization": "Bearer old"})
            assert reply.status == 401


def test_a_hangup_before_there_is_a_handler_waits(tmp_path: Path) -> None:
    ledgers.open_writer(tmp_path / "ledger", servers.PROGRAM).close()
    log = tmp_path / "log"
    process = servers.start(tmp_path / "ledger", 1, log)
    try:
        # From its first breath on the process has no handler of its own for a while.
        servers.wait_until(lambda: blocks_hangup(process.pid), servers.START_S)
        process.send_signal(signal.SIGHUP)
        servers.wait_until(lambda: "serving" in log.read_text(), servers.START_S)
        assert process.poll() is None
    finally:
        process.terminate()
        assert process.wait(30) == 0


def blocks_hangup(pid: int) -> bool:
    """Whether a process has SIGHUP wait."""
    status = Path(f"/proc/{pid}/status").read_text()
    (mask,) = (row.split()[1] for row in status.splitlines() if row.startswith("SigBlk"))
    return bool(int(mask, 16) >> (signal.SIGHUP - 1) & 1)
