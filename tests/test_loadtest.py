"""The load harness: real baskets on the wire, planned arrivals, reports."""

from __future__ import annotations

import asyncio
import csv
import datetime as dt
import json
import os
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from importlib.util import find_spec
from io import StringIO
from itertools import islice, pairwise
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from rich.console import Console

from vafa.loadtest import answers, baskets, connection, openloop, report

HOST = "127.0.0.1"


def write_year(folder: Path, visits: list[tuple[int, int, list[tuple[int, int, float]]]]) -> Path:
    """A transactions file of (member, basket, lines), a line being (sku, quantity, sales value)."""
    rows = [
        (member, 330, basket, *line, dt.datetime(2017, 1, 1, 11, 53, 26) + dt.timedelta(hours=i))
        for i, (member, basket, lines) in enumerate(visits)
        for line in lines
    ]
    columns = list(zip(*rows, strict=True))
    table = dict(zip(baskets.COLUMNS, map(pa.array, columns), strict=True))
    pq.write_table(pa.table(table), folder / baskets.FILE)
    return folder


@pytest.fixture
def year(tmp_path: Path) -> Path:
    return write_year(
        tmp_path,
        [
            (900, 31198570044, [(1095275, 1, 0.50)]),
            (900, 31198570047, [(9878513, 1, 0.99), (1082185, 3, 4.35)]),
            (1228, 31198655051, [(1041453, 2, 1.43)]),
            (906, 31198705046, [(1020156, 1, 1.50)]),
        ],
    )


def moment(basket: baskets.Basket) -> dt.datetime:
    return dt.datetime.fromisoformat(basket["occurred_at"])


class TestBaskets:
    def test_a_basket_is_a_wire_fact_with_the_real_figures(self, year: Path) -> None:
        first = next(baskets.wire_baskets(year, prefix="run"))
        assert first == {
            "id": "run-0-31198570044",
            "kind": "sale",
            "occurred_at": first["occurred_at"],
            "member": "900",
            "store": "330",
            "terminal": "1",
            "lines": [{"sku": "1095275", "quantity": 1000, "net": 50}],
            "tenders": [{"type": "card", "amount": 50}],
        }

    def test_json_is_the_same_basket_with_integers_only(self, year: Path) -> None:
        found = list(baskets.wire_baskets(year, prefix="run", limit=4))
        wire = [json.loads(body) for body in baskets.wire_json(found)]
        assert wire == found
        amounts = [
            number
            for basket in wire
            for line in basket["lines"]
            for number in (line["quantity"], line["net"], basket["tenders"][0]["amount"])
        ]
        assert all(type(number) is int for number in amounts)

    def test_the_tender_pays_the_lines(self, year: Path) -> None:
        for basket in baskets.wire_baskets(year, limit=4):
            assert sum(line["net"] for line in basket["lines"]) == basket["tenders"][0]["amount"]

    def test_cents_are_exact_where_the_double_is_not(self, tmp_path: Path) -> None:
        folder = write_year(tmp_path, [(1, 1, [(1, 1, 0.29), (2, 1, 1.15), (3, 1, 4.35)])])
        (basket,) = baskets.wire_baskets(folder, limit=1)
        assert [line["net"] for line in basket["lines"]] == [29, 115, 435]

    def test_instants_lie_just_before_now_and_increase(self, year: Path) -> None:
        before = dt.datetime.now(dt.UTC)
        found = [moment(basket) for basket in baskets.wire_baskets(year, limit=1_000)]
        assert found == sorted(set(found))
        assert before - dt.timedelta(seconds=5) < found[0]
        assert found[-1] < dt.datetime.now(dt.UTC)

    def test_ids_are_new_in_each_pass_and_each_run(self, year: Path) -> None:
        runs = [baskets.wire_baskets(year, limit=100) for _ in range(2)]
        assert len({basket["id"] for run in runs for basket in run}) == 200

    def test_the_stream_is_lazy_and_without_end(self, year: Path) -> None:
        assert len(list(islice(baskets.wire_baskets(year), 10_000))) == 10_000

    def test_a_member_comes_back_only_after_others_and_in_order(self) -> None:
        members = [1, 1, 1, 2, 3, 2, 4, 5, 1, 3]
        order = list(islice(baskets.order_apart(members, apart=4), 60))
        positions = defaultdict(list)
        for place, item in enumerate(order):
            positions[members[item[1]]].append((place, item))
        assert len(set(order)) == len(order)
        for visits in positions.values():
            places = [place for place, _ in visits]
            assert all(b - a >= 4 for a, b in pairwise(places))
            assert [item for _, item in visits] == sorted(item for _, item in visits)

    def test_one_member_alone_still_sends(self) -> None:
        assert list(islice(baskets.order_apart([7, 7], apart=256), 4)) == [
            (0, 0),
            (0, 1),
            (1, 0),
            (1, 1),
        ]

    def test_a_folder_without_data_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(FileNotFoundError, match=r"transactions\.parquet"):
            baskets.data_dir(tmp_path)


Answer = Callable[[int, bytes], bytes | None]
"""The n-th request's body to the bytes sent back, None to close; it may block."""


class Server:
    """A server on the loopback, in a thread of its own."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.bodies: list[bytes] = []
        self.port = 0
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._main()), daemon=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                _, _, length = head.lower().partition(b"content-length: ")
                body = await reader.readexactly(int(length.split(b"\r\n")[0] or 0))
                self.bodies.append(body)
                data = self.answer(len(self.bodies), body)
                if data is None:
                    return
                writer.write(data)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _main(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        server = await asyncio.start_server(self._serve, HOST, 0)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._stop.wait()
        server.close()

    def __enter__(self) -> Server:
        self._thread.start()
        assert self._ready.wait(5)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(5)


def response(status: bytes, body: bytes = b"{}") -> bytes:
    return b"HTTP/1.1 %s\r\ncontent-length: %d\r\n\r\n%s" % (status, len(body), body)


def created(_: int = 0, __: bytes = b"") -> bytes:
    return response(b"201 Created")


def posts(count: int) -> list[bytes]:
    return connection.post_requests("/v1/events", [b'{"id":%d}' % i for i in range(count)])


class TestOpenLoop:
    def test_every_planned_arrival_is_sent_once_and_counted(self) -> None:
        with Server(created) as server:
            result = openloop.run_open(HOST, server.port, posts(500), 500, 1.0, connections=8)
        assert result.planned == result.sent == result.answered == 500
        assert result.statuses == {201: 500}
        assert result.unsent == 0
        assert sorted(server.bodies) == sorted(b'{"id":%d}' % i for i in range(500))

    def test_other_statuses_are_counted_apart(self) -> None:
        def answer(n: int, _: bytes) -> bytes:
            return created() if n % 4 else response(b"503 Service Unavailable")

        with Server(answer) as server:
            result = openloop.run_open(HOST, server.port, posts(1), 200, 1.0, connections=1)
        assert result.statuses == {201: 150, 503: 50}

    def test_a_stall_shows_in_p99_as_all_who_waited_saw_it(self) -> None:
        def answer(n: int, _: bytes) -> bytes:
            if n == 100:
                time.sleep(0.5)
            return created()

        with Server(answer) as server:
            planned = openloop.run_open(HOST, server.port, posts(1), 200, 2.0, connections=2)
        with Server(answer) as server:
            closed = openloop.run_closed(HOST, server.port, posts(1), 2, 2.0)
        # 100 of 400 arrivals fell into the stall; from the moment of sending only 2 would show.
        assert planned.statuses == {201: 400}
        assert planned.p99 > 400
        assert planned.p95 > 250
        assert closed.p95 < planned.p95
        assert closed.worst > 400

    def test_arrivals_that_were_never_sent_make_the_run_invalid(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(openloop, "DRAIN_S", 0.1)

        def answer(n: int, _: bytes) -> bytes:
            time.sleep(0.05)
            return created()

        with Server(answer) as server:
            result = openloop.run_open(HOST, server.port, posts(1), 200, 0.5, connections=1)
        assert result.unsent > 0
        assert result.sent + result.unsent == result.planned == 100
        assert not result.valid
        assert "never sent" in result.problems[0]
        # They have waited as long as they were not sent.
        assert result.p50 > 150

    def test_a_generator_that_runs_late_makes_the_run_invalid(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(openloop, "TICK_S", 0.05)
        with Server(created) as server:
            result = openloop.run_open(HOST, server.port, posts(1), 200, 0.5, connections=4)
        assert not result.valid
        assert "lag" in result.problems[0]

    def test_a_request_without_answer_is_counted_and_the_connection_replaced(self) -> None:
        def answer(n: int, _: bytes) -> bytes | None:
            return None if n == 10 else created()

        with Server(answer) as server:
            result = openloop.run_open(HOST, server.port, posts(1), 200, 0.5, connections=1)
        assert result.statuses == {201: 99, openloop.NO_ANSWER: 1}
        assert result.answered == 99

    def test_an_answer_in_pieces_is_one_answer(self) -> None:
        seen: list[int] = []
        till = connection.Connection(lambda _, status: seen.append(status), lambda _: None)
        whole = (
            b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\nContent-Length: 5\r\n\r\nabcde"
        )
        for at in range(len(whole)):
            assert seen == []
            till.data_received(whole[at : at + 1])
        assert seen == [201]


class TestClosedLoop:
    def test_rate_counts_answers_and_the_next_run_goes_on(self) -> None:
        requests = posts(100_000)
        with Server(created) as server:
            first = openloop.run_closed(HOST, server.port, requests, 4, 0.3)
            second = openloop.run_closed(HOST, server.port, requests, 4, 0.3, first=first.sent)
        assert first.sent + second.sent == len(server.bodies) == len(set(server.bodies))
        assert first.statuses == {201: first.sent}
        assert first.rate == pytest.approx(first.sent / first.seconds)
        assert 0 < first.p50 <= first.p95 <= first.p99 <= first.worst

    def test_nothing_to_send_is_refused(self) -> None:
        with Server(created) as server, pytest.raises(ValueError, match="no requests"):
            openloop.run_closed(HOST, server.port, [], 1, 0.1)

    def test_nobody_there(self) -> None:
        with Server(created) as server:
            port = server.port
        with pytest.raises(OSError, match="refused"):
            openloop.run_closed(HOST, port, posts(1), 1, 0.1)


SALE = {
    "id": "run-1",
    "seq": 1,
    "status": "accepted",
    "postings": [{"rule": "base", "kind": "earn", "currency": "points", "points": 3}],
    "balances": {"points": {"active": 3, "pending": 0, "held": 0, "debt": 0}},
    "tier": "bronze",
}


class TestAnswers:
    def test_a_right_answer_passes(self) -> None:
        answers.check_sale(201, json.dumps(SALE).encode(), "run-1")
        answers.check_member(200, json.dumps(SALE).encode())

    def test_a_sale_that_earned_nothing_is_right_too(self) -> None:
        answers.check_sale(201, json.dumps(SALE | {"postings": []}).encode(), "run-1")

    @pytest.mark.parametrize(
        ("status", "body", "message"),
        [
            (200, SALE, "status 200, expected 201"),
            (503, {}, "status 503"),
            (201, SALE | {"id": "run-2"}, "id is not the one sent"),
            (201, {name: SALE[name] for name in SALE if name != "postings"}, "no postings"),
            (201, {name: SALE[name] for name in SALE if name != "balances"}, "no balances"),
            (201, SALE | {"balances": {}}, "no balances"),
            (201, [SALE], "not an object"),
        ],
    )
    def test_a_wrong_answer_is_named(self, status: int, body: object, message: str) -> None:
        with pytest.raises(answers.BadAnswer, match=message):
            answers.check_sale(status, json.dumps(body).encode(), "run-1")

    @pytest.mark.parametrize("body", [None, b"", b'{"id":'])
    def test_a_cut_answer_is_named(self, body: bytes | None) -> None:
        with pytest.raises(answers.BadAnswer, match="not JSON"):
            answers.check_sale(201, body, "run-1")


def load(year: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """`python -m vafa.loadtest`, apart because Locust replaces sockets and threads on import."""
    return subprocess.run(
        [sys.executable, "-m", "vafa.loadtest", *arguments],
        env=os.environ | {"VAFA_LOAD_DATA": str(year)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def sale_answer(_: int, body: bytes) -> bytes:
    if not body:
        return response(b"200 OK", json.dumps(SALE).encode())
    return response(b"201 Created", json.dumps(SALE | {"id": json.loads(body)["id"]}).encode())


class TestCommand:
    def test_planned_sales(self, year: Path) -> None:
        with Server(sale_answer) as server:
            url = f"http://{HOST}:{server.port}"
            ended = load(year, "--host", url, "--rate", "100", "--seconds", "1", "--format", "json")
        found = json.loads(ended.stdout)
        assert found["statuses"] == {"201": 100}
        # A generator that a busy machine kept waiting says so, and then fails its own run.
        assert all("lag" in problem for problem in found["problems"])
        assert ended.returncode == bool(found["problems"]), ended.stderr
        assert all(json.loads(body)["kind"] == "sale" for body in server.bodies)

    def test_nobody_there(self, year: Path) -> None:
        with Server(sale_answer) as server:
            url = f"http://{HOST}:{server.port}"
        ended = load(year, "--host", url, "--rate", "100", "--seconds", "1")
        assert ended.returncode == 1
        assert ended.stderr.startswith(f"Error: {url}: ")

    def test_a_wrong_call(self, year: Path) -> None:
        ended = load(year, "--host", "ftp://127.0.0.1")
        assert ended.returncode == 2
        assert "is not an http:// address" in ended.stderr
        ended = load(year, "--host", f"http://{HOST}:99999")
        assert ended.returncode == 2
        assert "--host: Port out of range" in ended.stderr
        ended = load(year, "--host", f"http://{HOST}:1", "--rate", "0.1", "--seconds", "1")
        assert ended.returncode == 2
        assert "0.1 sales a second are none in 1 s" in ended.stderr


@pytest.mark.skipif(find_spec("locust") is None, reason="needs the loadtest extra")
class TestUsers:
    def test_right_answers_give_a_report_and_exit_code_0(self, year: Path) -> None:
        with Server(sale_answer) as server:
            url = f"http://{HOST}:{server.port}"
            ended = load(year, "--host", url, "--users", "2", "--seconds", "3", "--format", "json")
        assert ended.returncode == 0, ended.stderr
        found = json.loads(ended.stdout)
        rows = {row["name"]: row for row in found["requests"]}
        assert rows["total"]["requests"] == len(server.bodies) > 0
        sales = [body for body in server.bodies if body]
        assert rows["POST /v1/events"]["requests"] == len(set(sales)) == len(sales)
        assert 0 < rows["GET /v1/members/{id}"]["requests"] < len(sales)
        assert found["errors"] == {}

    def test_one_wrong_answer_fails_the_run(self, year: Path) -> None:
        def answer(n: int, body: bytes) -> bytes:
            return sale_answer(n, body) if n != 2 else created()

        with Server(answer) as server:
            url = f"http://{HOST}:{server.port}"
            ended = load(year, "--host", url, "--users", "1", "--seconds", "3")
        assert ended.returncode == 1
        assert ended.stderr.count(" x ") == 1

    def test_a_run_that_sent_nothing_fails(self) -> None:
        code = (
            "from vafa.loadtest.users import fail_run\n"
            "from locust.env import Environment\n"
            "environment = Environment()\n"
            "fail_run(environment)\n"
            "raise SystemExit(environment.process_exit_code)\n"
        )
        assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 1


ENTRIES = [
    {
        "method": "POST",
        "name": "/v1/events",
        "start_time": 100.0,
        "last_request_timestamp": 110.0,
        "num_requests": 900,
        "num_failures": 3,
        "response_times": {"2": 800, "5": 90, "40": 10},
    },
    {
        "method": "GET",
        "name": "/v1/members/{id}",
        "start_time": 100.0,
        "last_request_timestamp": 109.0,
        "num_requests": 100,
        "num_failures": 0,
        "response_times": {1: 99, 200: 1},
    },
]


class TestReport:
    def test_total_percentiles_come_from_all_requests(self) -> None:
        post, get, total = report.rows_from_entries(ENTRIES)
        assert (post.name, post.p50_ms, post.p95_ms, post.p99_ms) == ("POST /v1/events", 2, 5, 40)
        assert post.rate_per_s == 90
        assert (get.p50_ms, get.p95_ms, get.p99_ms) == (1, 1, 1)
        assert (total.requests, total.failures, total.rate_per_s) == (1000, 3, 100)
        assert (total.p50_ms, total.p95_ms, total.p99_ms) == (2, 5, 40)

    def test_nothing_sent_is_a_total_of_zeros(self) -> None:
        assert report.rows_from_entries([]) == [report.Row("total", 0, 0, 0, 0, 0, 0)]

    def test_both_files_that_locust_writes_can_be_read(self, tmp_path: Path) -> None:
        as_json = tmp_path / "run.json"
        as_json.write_text(json.dumps(ENTRIES))
        as_csv = tmp_path / "run_stats.csv"
        with as_csv.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(
                [
                    "Type",
                    "Name",
                    "Request Count",
                    "Failure Count",
                    "Requests/s",
                    "50%",
                    "95%",
                    "99%",
                ]
            )
            writer.writerow(["POST", "/v1/events", 900, 3, 90.0, 2, 5, 40])
            writer.writerow(["GET", "/v1/members/{id}", 100, 0, 11.11, 1, 1, 1])
            writer.writerow(["", "Aggregated", 1000, 3, 100.0, 2, 5, 40])
        assert report.read(as_csv) == report.read(as_json)

    def test_table_and_json_show_the_same_figures(self) -> None:
        rows = report.rows_from_entries(ENTRIES)
        out = StringIO()
        Console(file=out, width=100).print(report.to_table(rows))
        lines = out.getvalue().splitlines()
        assert lines[-1].split() == ["total", "1,000", "3", "2", "5", "40", "100.0"]
        found = json.loads(report.to_json(rows, {"POST /v1/events: status 500": 3}))
        assert found["requests"][-1]["p99_ms"] == 40
        assert found["errors"] == {"POST /v1/events: status 500": 3}
