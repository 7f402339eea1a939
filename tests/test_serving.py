"""Serving through stops and kills: nothing acknowledged is lost, nothing takes effect twice."""

from __future__ import annotations

import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from vafa.engine.ledger.replay import verify
from vafa.engine.replica.replica import Replica
from vafa.server import workers as processes

from . import ledgers, servers
from .servers import ARROW, NDJSON, Connection, Server, dumps, fact, lines_of, stream_of, table_of

TILLS = 4
EXIT_S = 30.0
MODES = pytest.mark.parametrize("workers", [1, 2], ids=["alone", "workers"])


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server of two front ends for tests after which all its roles are at work again.

    A unix socket's path is limited to 107 bytes; its ledger's is not.
    """
    ledger = tmp_path_factory.mktemp("running") / ("d" * 60) / ("e" * 60) / "ledger"
    ledger.parent.mkdir(parents=True)
    with servers.serving(ledger, workers=2) as server:
        yield server
        assert server.stop() == 0


class Tills:
    """Clients that post sale after sale and keep what they were told."""

    def __init__(self, server: Server, count: int = TILLS) -> None:
        self.server = server
        self.told: dict[str, Any] = {}
        self.refused: list[servers.Reply] = []
        self.sent: set[str] = set()
        self.torn: list[str] = []
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._till, args=(n,)) for n in range(count)]
        for thread in self._threads:
            thread.start()

    def _till(self, number: int) -> None:
        place = 0
        while not self._stop.is_set():
            connection = Connection(self.server.port, 10)
            try:
                while not self._stop.is_set():
                    name = f"t{number}-{place}"
                    self.sent.add(name)
                    self._keep(name, connection.post(sale(name)))
                    place += 1
            except http.client.IncompleteRead:
                self.torn.append(name)
            except (OSError, http.client.HTTPException):
                time.sleep(0.02)
            finally:
                connection.close()

    def _keep(self, name: str, reply: servers.Reply) -> None:
        if reply.status in (200, 201):
            self.told[name] = ledgers.first_answer(reply.json())
        else:
            self.refused.append(reply)
            time.sleep(0.05)

    def wait_for(self, answers: int) -> None:
        """Wait until so many more answers have come."""
        wanted = len(self.told) + answers
        servers.wait_until(lambda: len(self.told) >= wanted, 30)

    def stop(self) -> None:
        """End the load."""
        self._stop.set()
        for thread in self._threads:
            thread.join()


def sale(name: str) -> servers.Fact:
    """The sale of a till."""
    return fact(name, member=f"m{sum(name.encode()) % 5}")


@contextmanager
def load(server: Server, count: int = TILLS) -> Iterator[Tills]:
    """A server under load."""
    tills = Tills(server, count)
    try:
        yield tills
    finally:
        tills.stop()


def assert_kept(ledger: Path, tills: Tills) -> None:
    """What was acknowledged is there once, with its answer; what is there was sent."""
    assert tills.told
    assert tills.torn == []
    ids = ledgers.journalled_ids(ledger)
    assert len(ids) == len(set(ids))
    assert tills.told.keys() <= set(ids)
    assert set(ids) - {"program"} <= tills.sent
    report = verify(ledger)
    assert report.clean, report.findings
    with servers.serving(ledger) as again:
        names = list(tills.told)
        rows = again.post(lines_of(*map(sale, names)), NDJSON).rows()
        assert {row["status"] for row in rows} == {"replayed"}
        for name, row in zip(names, rows, strict=True):
            del row["line"]
            assert ledgers.first_answer(row) == tills.told[name]
        assert again.seq() == len(ids)


def state_hash(ledger: Path) -> tuple[int, str]:
    """Seq and state hash of a ledger that nobody serves."""
    replica = Replica.open(ledger)
    try:
        return replica.seq, ledgers.hash_of(replica)
    finally:
        replica.close()


# -- SIGTERM -----------------------------------------------------------------------------------


def send_whole(server: Server, name: str, facts: int) -> socket.socket:
    """A socket over which a large body has been sent to its last byte."""
    body = lines_of(*(fact(f"{name}-{n}", member=f"{name}-{n % 9}") for n in range(facts)))
    sock = socket.create_connection((servers.HOST, server.port), timeout=EXIT_S)
    sock.sendall(
        f"POST /v1/events HTTP/1.1\r\nHost: x\r\nContent-Type: {NDJSON}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n".encode() + body
    )
    return sock


@MODES
def test_sigterm_answers_what_was_accepted(tmp_path: Path, workers: int) -> None:
    ledger = tmp_path / "ledger"
    with servers.serving(ledger, workers) as server, load(server) as tills:
        tills.wait_for(50)
        socks = [send_whole(server, f"large-{n}", 2_000) for n in range(4)]
        started = time.monotonic()
        time.sleep(0.05)
        server.process.terminate()
        for number, sock in enumerate(socks):
            reply = http.client.HTTPResponse(sock)
            reply.begin()
            rows = [json.loads(row) for row in reply.read().splitlines()]
            assert reply.status == 200
            assert len(rows) == 2_000
            assert {row["status"] for row in rows} == {"ok"}
            tills.sent.update(row["id"] for row in rows)
            assert rows[0]["id"] == f"large-{number}-0"
            sock.close()
        assert server.process.wait(EXIT_S) == 0
        assert time.monotonic() - started < EXIT_S
        tills.stop()
    assert "Traceback" not in server.said()
    assert_kept(ledger, tills)
    assert len(ledgers.journalled_ids(ledger)) >= 8_000


class Chatter:
    """Clients that send on kept connections without a pause, the head and the body apart."""

    def __init__(self, server: Server, count: int = 6) -> None:
        self.server = server
        self.answered: list[str] = []
        self.unbegun: list[str] = []
        self.away = 0
        self.wrong: list[object] = []
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._chat, args=(n,)) for n in range(count)]
        for thread in self._threads:
            thread.start()

    def _chat(self, number: int) -> None:
        place = 0
        connection = None
        while not self._stop.is_set():
            name = f"c{number}-{place}"
            place += 1
            connection = connection or Connection(self.server.port, 20)
            begun = time.monotonic()
            try:
                reply = connection.post(sale(name))
            except (OSError, http.client.HTTPException) as error:
                if time.monotonic() - begun > 3:
                    self.wrong.append((name, error))
                self.unbegun.append(name)
                connection.close()
                connection = None
                time.sleep(0.02)
                continue
            if reply.status == 201:
                self.answered.append(name)
            elif reply.slug == "writer-away" and int(reply.headers["retry-after"]) >= 1:
                self.away += 1
                time.sleep(0.05)
            else:
                self.wrong.append((name, reply))
        if connection is not None:
            connection.close()

    def wait_for(self, answers: int) -> None:
        """Wait until so many more answers have come."""
        wanted = len(self.answered) + answers
        servers.wait_until(lambda: len(self.answered) >= wanted, servers.START_S)

    def stop(self) -> None:
        """End the talk."""
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def assert_told(self, server: Server, ledger: Path) -> None:
        """What was answered is kept, what was not was never begun, and nobody has waited."""
        assert self.wrong == []
        ids = set(ledgers.journalled_ids(ledger))
        assert set(self.answered) <= ids
        assert not set(self.unbegun) & ids
        for word in ("Traceback", "failed", "CancelledError"):
            assert word not in server.said()


@MODES
def test_sigterm_leaves_no_request_without_an_answer(tmp_path: Path, workers: int) -> None:
    ledger = tmp_path / "ledger"
    for _ in range(3):
        with servers.serving(ledger, workers) as server:
            chatter = Chatter(server)
            try:
                chatter.wait_for(50)
                started = time.monotonic()
                assert server.stop(EXIT_S) == 0
                assert time.monotonic() - started < 6
            finally:
                chatter.stop()
            chatter.assert_told(server, ledger)
        shutil.rmtree(ledger)


def test_a_rolling_restart_leaves_no_request_without_an_answer(tmp_path: Path) -> None:
    ledger = tmp_path / "ledger"
    with servers.serving(ledger, workers=2) as server:
        chatter = Chatter(server)
        try:
            chatter.wait_for(50)
            for turn in range(1, 3):
                os.kill(server.process.pid, signal.SIGUSR2)
                servers.wait_until(
                    lambda turn=turn: server.said().count("all processes are new") == turn,  # type: ignore[misc]
                    servers.START_S,
                )
                chatter.wait_for(50)
        finally:
            chatter.stop()
        assert server.stop(EXIT_S) == 0
        chatter.assert_told(server, ledger)


def test_a_head_that_came_before_sigterm_is_answered(tmp_path: Path) -> None:
    """The loop sees the signal and the head of the request in one turn."""
    body = dumps(fact("last"))
    head = (
        "POST /v1/events HTTP/1.1\r\nHost: till\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    ).encode()
    with (
        servers.serving(tmp_path / "ledger") as server,
        socket.create_connection((servers.HOST, server.port), timeout=EXIT_S) as kept,
        socket.create_connection((servers.HOST, server.port), timeout=EXIT_S) as idle,
    ):
        for sock in (kept, idle):
            sock.sendall(b"GET /livez HTTP/1.1\r\nHost: till\r\n\r\n")
            assert sock.recv(1 << 16).startswith(b"HTTP/1.1 200 ")
        os.kill(server.process.pid, signal.SIGSTOP)
        kept.sendall(head)
        waiting = socket.create_connection((servers.HOST, server.port), timeout=EXIT_S)
        server.process.send_signal(signal.SIGTERM)
        os.kill(server.process.pid, signal.SIGCONT)
        assert idle.recv(1) == b""
        # The body comes late, and so does the first request of a connection that was waiting.
        time.sleep(0.2)
        kept.sendall(body)
        waiting.sendall(b"GET /livez HTTP/1.1\r\nHost: till\r\n\r\n")
        for sock, status in ((kept, b"201"), (waiting, b"200")):
            answer = b""
            while part := sock.recv(1 << 16):
                answer += part
            assert answer.startswith(b"HTTP/1.1 " + status)
            assert b"\r\nConnection: close\r\n" in answer
        waiting.close()
        assert server.process.wait(EXIT_S) == 0


@MODES
def test_sigterm_does_not_wait_for_idle_clients(tmp_path: Path, workers: int) -> None:
    with servers.serving(tmp_path / "ledger", workers) as server:
        idle = [Connection(server.port) for _ in range(8)]
        for connection in idle:
            assert connection.get("/livez").status == 200
        half = socket.create_connection((servers.HOST, server.port))
        half.sendall(b"POST /v1/events HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n")
        started = time.monotonic()
        assert server.stop(EXIT_S) == 0
        assert time.monotonic() - started < EXIT_S
        half.close()


@MODES
def test_stopping_and_starting_changes_nothing(tmp_path: Path, workers: int) -> None:
    ledger = tmp_path / "ledger"
    with servers.serving(ledger, workers) as server:
        for number in range(40):
            at = servers.days_ago(300 - 7 * number + (90 if number % 9 == 0 else 0))
            assert server.post({**sale(f"f-{number}"), "occurred_at": at}).status == 201
        members = [server.get(f"/v1/members/m{n}").json() for n in range(5)]
        assert server.stop() == 0
    before = state_hash(ledger)
    assert before[0] == 41
    with servers.serving(ledger, workers) as server:
        again = [server.get(f"/v1/members/m{n}").json() for n in range(5)]
        for one, other in zip(members, again, strict=True):
            assert {**one, "as_of": ""} == {**other, "as_of": ""}
        assert server.stop() == 0
    assert state_hash(ledger) == before
    shutil.rmtree(ledger / "state")
    assert state_hash(ledger) == before
    with servers.serving(ledger, workers) as server:
        assert server.seq() == before[0]
        assert server.stop() == 0
    assert (ledger / "state").exists()
    assert state_hash(ledger) == before


# -- memory ------------------------------------------------------------------------------------


@MODES
def test_who_answers_takes_small_pages(tmp_path: Path, workers: int) -> None:
    with servers.serving(tmp_path / "ledger", workers=workers) as server:
        answering = (
            [server.process.pid] if workers == 1 else [*server.role("write"), *server.role("front")]
        )
        if "THP_enabled" not in Path("/proc/self/status").read_text():
            pytest.skip("this kernel does not tell")
        for pid in answering:
            # One front end may still be starting.
            told = Path(f"/proc/{pid}/status")
            servers.wait_until(lambda told=told: "THP_enabled:\t0" in told.read_text(), 10)  # type: ignore[misc]


# -- kill -9 -----------------------------------------------------------------------------------


def test_kill_9_alone_loses_nothing(tmp_path: Path) -> None:
    ledger = tmp_path / "ledger"
    with servers.serving(ledger) as server, load(server) as tills:
        tills.wait_for(100)
        servers.kill(server.process.pid)
        server.process.wait(5)
        tills.stop()
    assert_kept(ledger, tills)


def test_a_killed_writer_comes_back(tmp_path: Path) -> None:
    ledger = tmp_path / "ledger"
    with servers.serving(ledger, workers=2) as server, load(server) as tills:
        for _ in range(2):
            tills.wait_for(30)
            (writer,) = server.role("write")
            servers.kill(writer)
            servers.wait_until(lambda dead=writer: server.role("write") not in ([], [dead]), 30)  # type: ignore[misc]
            tills.wait_for(30)
        tills.stop()
        assert {reply.slug for reply in tills.refused} <= {"writer-away"}
        assert server.stop() == 0
    assert_kept(ledger, tills)


def test_a_killed_front_end_comes_back(tmp_path: Path) -> None:
    ledger = tmp_path / "ledger"
    with servers.serving(ledger, workers=2) as server, load(server) as tills:
        tills.wait_for(30)
        before = server.role("front")
        assert len(before) == 2
        for front in before:
            servers.kill(front)
            tills.wait_for(30)
        servers.wait_until(
            lambda: len(server.role("front")) == 2 and not set(before) & set(server.role("front")),
            10,
        )
        tills.wait_for(30)
        tills.stop()
        assert tills.refused == []
        assert server.stop() == 0
    assert_kept(ledger, tills)


def test_a_killed_supervisor_takes_its_children_along(tmp_path: Path) -> None:
    ledger = tmp_path / "ledger"
    with servers.serving(ledger, workers=2) as server, load(server) as tills:
        tills.wait_for(30)
        pids = servers.children(server.process.pid)
        assert len(pids) == 3
        servers.kill(server.process.pid)
        server.process.wait(5)
        servers.wait_until(lambda: not any(map(servers.alive, pids)), 30)
        tills.stop()
    assert_kept(ledger, tills)


def at_work(server: Server, member: str) -> tuple[int, int]:
    """The writer, once it has taken the first sale of a member; the seq of that."""
    name = fact(f"{member}-before", member=member)
    servers.wait_until(lambda: server.post(name).status in (200, 201), servers.START_S)
    (writer,) = server.role("write")
    assert server.get(f"/v1/members/{member}").json()["purchases"] == 1
    return writer, server.seq()


def test_a_ledger_may_stand_deep_in_folders(running: Server) -> None:
    assert len(str(running.ledger)) > 107
    assert running.post(fact("deep")).status == 201


def test_without_a_writer_facts_are_refused_and_reads_go_on(running: Server) -> None:
    writer, seq = at_work(running, "a")
    away = fact("away", member="a")
    # A supervisor that stands still starts no other writer.
    os.kill(running.process.pid, signal.SIGSTOP)
    try:
        servers.kill(writer)
        servers.wait_until(lambda: not servers.alive(writer), 30)
        time.sleep(0.1)
        bodies = ((dumps(away), servers.JSON), (lines_of(away), NDJSON),
                  (stream_of(table_of([away])), ARROW),
                  (dumps({"id": "c", "kind": "catalog", "occurred_at": servers.days_ago(2),
                          "products": [{"sku": "x"}]}), servers.JSON))  # fmt: skip
        for body, kind in bodies:
            started = time.monotonic()
            reply = running.post(body, kind)
            assert (reply.status, reply.slug) == (503, "writer-away")
            assert int(reply.headers["retry-after"]) >= 1
            assert time.monotonic() - started < 10
        assert running.get("/v1/members/a").json()["purchases"] == 1
        assert running.get("/v1/events/a-before").status == 200
        assert running.get("/livez").status == 200
    finally:
        os.kill(running.process.pid, signal.SIGCONT)
    servers.wait_until(lambda: running.post(away).status in (200, 201), 30)
    assert running.seq() == seq + 1


def test_a_frozen_writer_does_not_freeze_reads(running: Server) -> None:
    writer, _ = at_work(running, "b")
    os.kill(writer, signal.SIGSTOP)
    try:
        assert running.get("/v1/members/b").json()["purchases"] == 1
        assert running.get("/readyz").status == 200
    finally:
        os.kill(writer, signal.SIGCONT)
    assert running.post(fact("after", member="b")).status == 201


def test_a_writer_that_goes_on_answers_again(running: Server) -> None:
    writer, _ = at_work(running, "c")
    one = fact("one", member="c")
    os.kill(writer, signal.SIGSTOP)
    try:
        assert running.post(one).slug == "writer-away"
    finally:
        os.kill(writer, signal.SIGCONT)
    servers.wait_until(lambda: running.post(one).status in (200, 201), EXIT_S)
    assert running.role("write") == [writer]
    assert running.get("/v1/members/c").json()["purchases"] == 2


def test_a_frozen_writer_is_away_and_another_one_starts(running: Server) -> None:
    writer, _ = at_work(running, "d")
    facts = {name: fact(name, member="d") for name in ("under way", "later", "many")}
    told: list[servers.Reply] = []
    os.kill(writer, signal.SIGSTOP)
    # One is under way when it stands still, the others come later.
    waiting = threading.Thread(target=lambda: told.append(running.post(facts["under way"])))
    waiting.start()
    waiting.join(EXIT_S)
    told += [running.post(facts["later"]), running.post(lines_of(facts["many"]), NDJSON)]
    assert [(reply.status, reply.slug) for reply in told] == [(503, "writer-away")] * 3
    servers.wait_until(lambda: running.role("write") not in ([], [writer]), servers.START_S)
    for one in facts.values():
        servers.wait_until(
            lambda one=one: running.post(one).status in (200, 201),  # type: ignore[misc]
            servers.START_S,
        )
    assert running.get("/v1/members/d").json()["purchases"] == 4
    assert "has stood still" in running.said()


# -- one writer --------------------------------------------------------------------------------


def second(ledger: Path, workers: int) -> tuple[int, str]:
    """Exit code and words of a second server on a ledger."""
    log = ledger.with_name("second.log")
    process = servers.start(ledger, workers, log)
    try:
        return process.wait(servers.START_S), log.read_text(encoding="utf-8")
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        raise


@MODES
def test_a_second_server_is_told_to_try_later(tmp_path: Path, workers: int) -> None:
    ledger = tmp_path / "ledger"
    with servers.serving(ledger, workers) as server:
        assert server.post(fact("one")).status == 201
        code, said = second(ledger, workers)
        assert code == 75
        assert "is being written by another process" in said
        assert "Traceback" not in said
        assert "serving" not in said
        # The first one is as it was, also when one of its processes has to start again.
        assert server.post(fact("two")).status == 201
        if workers == 2:
            fronts = server.role("front")
            for front in fronts:
                servers.kill(front)
            servers.wait_until(lambda: not set(fronts) & set(server.role("front")), 30)
            with server.connection(20) as connection:
                assert connection.post(fact("three")).status == 201
        assert server.stop() == 0


@pytest.mark.parametrize("workers", [1, 2])
def test_a_ledger_that_is_not_there_is_told(tmp_path: Path, workers: int) -> None:
    # A mistyped path must not become an empty ledger that takes sales.
    code, said = second(tmp_path / "ledger", workers)
    assert code not in (0, 75)
    assert "is not a ledger" in said
    assert "Traceback" not in said
    assert not (tmp_path / "ledger").exists()


def test_a_port_in_use_is_told(tmp_path: Path) -> None:
    ledgers.make_ledger(tmp_path / "ledger", commits=1)
    with socket.create_server((servers.HOST, 0)) as taken:
        port = taken.getsockname()[1]
        done = subprocess.run(
            [sys.executable, "-m", "vafa.server", "serve", str(tmp_path / "ledger"),
             "--port", str(port)],
            capture_output=True, timeout=20, check=False, text=True,
        )  # fmt: skip
    assert done.returncode not in (0, -signal.SIGSEGV)
    assert "Traceback" not in done.stderr
    assert "in use" in done.stderr


# -- figures -----------------------------------------------------------------------------------


def sales_counted(server: Server) -> int:
    """The sales that a scrape of whichever front end tells of."""
    text = server.get("/metrics").body.decode()
    found = re.search(r'^vafa_http_requests_total\{.*"/v1/events".*"201".*\} (\d+)', text, re.M)
    return int(found[1]) if found else 0


def test_every_front_end_tells_of_all(tmp_path: Path) -> None:
    with servers.serving(tmp_path / "ledger", workers=2) as server:
        servers.wait_until(lambda: len(server.role("front")) == 2, servers.START_S)
        for number in range(40):
            assert server.post(sale(f"f-{number}")).status == 201
        servers.wait_until(lambda: sales_counted(server) == 40, 5)
        assert {sales_counted(server) for _ in range(20)} == {40}
        # What a front end has counted outlives it.
        fronts = server.role("front")
        servers.kill(fronts[0])
        servers.wait_until(lambda: len(set(server.role("front")) - {fronts[0]}) == 2, EXIT_S)
        assert {sales_counted(server) for _ in range(20)} == {40}


def test_a_checkpoint_is_told_by_every_front_end(tmp_path: Path) -> None:
    with servers.serving(tmp_path / "ledger", workers=2) as server:
        for number in range(20):
            assert server.post(sale(f"f-{number}")).status == 201
        servers.wait_until(lambda: server.get("/readyz").json()["checkpoint_seq"] == 21, 30)


def test_who_looks_after_processes_speaks_json(tmp_path: Path) -> None:
    options = ["--log-format", "json"]
    with servers.serving(tmp_path / "ledger", workers=2, options=options) as server:
        servers.wait_until(lambda: len(server.role("front")) == 2, servers.START_S)
        servers.kill(server.role("front")[0])
        servers.wait_until(lambda: "starting it again" in server.said(), servers.START_S)
        assert server.stop(EXIT_S) == 0
        rows = [json.loads(row) for row in server.said().splitlines()]
    events = [row["event"] for row in rows]
    assert events[0].startswith("serving ")
    assert any(event.endswith("ended with -9; starting it again") for event in events)


def test_it_serves_when_every_process_does(monkeypatch: pytest.MonkeyPatch) -> None:
    at_work: list[str] = []

    class Slow:
        """A process that is at work after a while."""

        def __init__(self, name: str, _: list[str], descriptors: list[int], told: int) -> None:
            self.name, self._told = name, os.dup(told)
            threading.Timer(0.1 * descriptors[0], self._tell).start()

        def _tell(self) -> None:
            at_work.append(self.name)
            os.write(self._told, b"1")
            os.close(self._told)

    monkeypatch.setattr(processes, "Role", Slow)
    roles: list[Any] = []
    processes._start(roles, [("late", [], [4]), ("soon", [], [1])], [])
    assert [role.name for role in roles] == ["late", "soon"]
    assert at_work == ["soon", "late"]
