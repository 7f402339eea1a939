"""The contract over HTTP: facts in, answers out, reads, operation."""

from __future__ import annotations

import datetime as dt
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pyarrow as pa
import pytest
from prometheus_client.parser import text_string_to_metric_families

from vafa.engine.ledger.writer import Writer

from . import servers
from .servers import (
    ARROW,
    JSON,
    NDJSON,
    Connection,
    Fact,
    Reply,
    Server,
    days_ago,
    dumps,
    fact,
    lines_of,
    stream_of,
    table_of,
)

FIGURES = {"active", "pending", "held", "debt"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with servers.serving(tmp_path_factory.mktemp("http") / "ledger") as running:
        yield running


@pytest.fixture(scope="module")
def workers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with servers.serving(tmp_path_factory.mktemp("http") / "ledger", workers=2) as running:
        yield running


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    """A member of the test's own."""
    made: str = request.node.name.removeprefix("test_")[:48]
    return made


def first(answer: dict[str, Any]) -> dict[str, Any]:
    """An answer as it was at first."""
    return {**answer, "status": "ok"} if answer["status"] == "replayed" else answer


def problem(reply: Reply, status: int, slug: str) -> dict[str, Any]:
    """The problem of a reply that is of this kind."""
    assert (reply.status, reply.slug) == (status, slug), reply
    body: dict[str, Any] = reply.json()
    assert body["status"] == status
    assert body["title"]
    assert body["detail"]
    return body


def catalog(fact_id: str, **attributes: str) -> Fact:
    """A catalogue of one product."""
    products = [{"sku": "tea", **attributes}]
    return {"id": fact_id, "kind": "catalog", "occurred_at": days_ago(3), "products": products}


# -- one fact ----------------------------------------------------------------------------------


def test_a_sale_is_answered_in_full(server: Server, name: str) -> None:
    seq = server.seq()
    reply = server.post(fact(name, member=name))
    assert reply.status == 201
    assert reply.headers["content-type"] == JSON
    assert "idempotent-replayed" not in reply.headers
    # 16.50 at a point for each 1.00, of which milk counts twice.
    assert reply.json() == {
        "id": name,
        "seq": seq + 1,
        "status": "ok",
        "postings": [
            {"rule": "base", "kind": "earn", "currency": "points", "points": 16},
            {"rule": "milk", "kind": "multiply", "currency": "points", "points": 4},
            {"rule": "stars", "kind": "bonus", "currency": "stars", "points": 3},
        ],
        "balances": {
            "points": {"active": 20, "pending": 0, "held": 0, "debt": 0},
            "stars": {"active": 0, "pending": 3, "held": 0, "debt": 0},
        },
        "tier": "bronze",
    }


def test_points_wait_and_tiers_rise(server: Server, name: str) -> None:
    server.post(fact(f"{name}-1", member=name, occurred_at=days_ago(30)))
    lines = [{"sku": "bread", "quantity": 1_000, "net": 5_000}]
    answer = server.post(fact(f"{name}-2", member=name, lines=lines)).json()
    assert answer["balances"]["stars"] == {"active": 3, "pending": 3, "held": 0, "debt": 0}
    assert answer["tier"] == "silver"


def test_a_repeat_is_told_the_first_answer(server: Server, name: str) -> None:
    told = server.post(fact(name, member=name))
    server.post(fact(f"{name}-between", member=name))
    seq = server.seq()
    for _ in range(3):
        again = server.post(fact(name, member=name))
        assert again.status == 200
        assert again.headers["idempotent-replayed"] == "true"
        assert again.json() == {**told.json(), "status": "replayed"}
    assert server.seq() == seq


def test_a_repeat_may_be_written_otherwise(server: Server, name: str) -> None:
    body = fact(name, member=name, occurred_at=days_ago(2))
    server.post(body)
    at = body["occurred_at"].replace("Z", ".000+00:00")
    other = dict(reversed({**body, "occurred_at": at}.items()))
    numbered = [{**line, "line": place} for place, line in enumerate(body["lines"], 1)]
    assert server.post(other).status == 200
    assert server.post({**body, "lines": numbered}).status == 200
    assert server.post(dumps(body).replace(b" ", b" \r\n\t ")).status == 200
    assert server.post(dumps(body).replace(b'"bread"', rb'"br\u0065ad"')).status == 200


@pytest.mark.parametrize(
    "change",
    [
        {"member": "another"},
        {"occurred_at": days_ago(2).replace("12:00:00", "12:00:00.000001")},
        {"store": "1"},
        {"terminal": ""},
        {"lines": [{"sku": "bread", "quantity": 1_000, "net": 1_250}]},
        {"lines": list(reversed(fact("x")["lines"]))},
        {"tenders": []},
        {"tenders": [{"type": "cash", "amount": 1_651}]},
    ],
    ids="-".join,
)
def test_other_content_is_refused(server: Server, name: str, change: Fact) -> None:
    assert server.post(fact(name)).status == 201
    seq = server.seq()
    body = problem(server.post({**fact(name), **change}), 422, "id-reused")
    assert body["pointer"] == "/id"
    assert server.seq() == seq
    assert server.post(fact(name)).status == 200


def test_an_id_is_one_among_kinds(server: Server, name: str) -> None:
    assert server.post(fact(name)).status == 201
    problem(server.post(catalog(name)), 422, "id-reused")
    assert server.post(catalog(f"{name}-2")).status == 201
    problem(server.post(fact(f"{name}-2")), 422, "id-reused")


def test_a_refused_id_may_be_used_again(server: Server, name: str) -> None:
    problem(server.post(fact(name, lines=[])), 422, "invalid-fact")
    problem(server.post(fact(name, occurred_at=days_ago(-2))), 422, "in-future")
    assert server.post(fact(name)).status == 201


def test_a_fact_of_the_future_is_told_when_to_come_again(server: Server, name: str) -> None:
    ahead = dt.datetime.now(dt.UTC) + dt.timedelta(days=2)
    one = fact(name, occurred_at=ahead.isoformat())
    of_no_member = {**catalog(f"{name}-2"), "occurred_at": ahead.isoformat()}
    for body in (one, of_no_member):
        reply = server.post(body)
        problem(reply, 422, "in-future")
        assert 0 <= 2 * 86_400 - 300 - int(reply.headers["retry-after"]) < 60


def test_minus_nothing_is_nothing(server: Server, name: str) -> None:
    line = {"sku": "bread", "quantity": 0, "net": 0}
    body = dumps(fact(name, lines=[line], tenders=[]))
    assert server.post(body).status == 201
    assert server.post(body.replace(b'"net": 0', b'"net": -0')).status == 200


def test_voids_are_netted(server: Server, name: str) -> None:
    lines = [
        {"sku": "bread", "quantity": 2_000, "net": 1_000},
        {"sku": "milk", "quantity": 1_000, "net": 900},
        {"sku": "milk", "quantity": -1_000, "net": -900},
        {"sku": "bread", "quantity": -1_000, "net": -500, "voids": 1},
    ]
    answer = server.post(fact(name, member=name, lines=lines)).json()
    assert answer["balances"]["points"]["active"] == 5
    assert server.get(f"/v1/events/{name}").json()["fact"]["lines"][0]["net"] == 500


def test_a_sale_with_many_voids_does_not_keep_others_waiting(server: Server, name: str) -> None:
    plain = [{"sku": f"s{n}", "quantity": 1_000, "net": 1} for n in range(10_000)]
    voided = plain[:5_000] + [{**line, "quantity": -1_000, "net": -1} for line in plain[:5_000]]

    def took(id: str, lines: list[dict[str, object]]) -> float:
        started = time.monotonic()
        assert server.post(fact(id, lines=lines)).status == 201
        return time.monotonic() - started

    # Each void looked up among all lines would take some hundred times as long.
    assert took(name + "-v", voided) < 20 * took(name + "-p", plain) + 1.0


def test_a_catalogue_counts_from_its_instant(server: Server, name: str) -> None:
    reply = server.post(catalog(name, department="DRINKS", category="tea/black"))
    assert reply.status == 201
    assert reply.json() == {
        "id": name, "seq": server.seq(), "status": "ok", "postings": [], "balances": {},
        "tier": None,
    }
    again = server.post(catalog(name, department="DRINKS", category="tea/black"))
    assert (again.status, again.headers["idempotent-replayed"]) == (200, "true")
    assert again.json() == {**reply.json(), "status": "replayed"}
    problem(server.post(catalog(name, department="FOOD")), 422, "id-reused")


def test_a_repeat_after_a_new_catalogue_is_known(server: Server, name: str) -> None:
    sale = fact(name, lines=[{"sku": "tea", "quantity": 1, "net": 1}], occurred_at=days_ago(1))
    assert server.post(sale).status == 201
    assert server.post(catalog(f"{name}-catalog", brand="Leaf")).status == 201
    assert server.post(sale).status == 200


def test_an_overflow_is_refused_for_ever(server: Server, name: str) -> None:
    line = {"sku": "milk", "quantity": 10**12, "net": 10**12}
    body = fact(name, member=name, lines=[line] * 10_000, tenders=[])
    told = server.post(body)
    if told.status == 201:
        # The figures of this program fit; then they must be exact and capped.
        assert told.json()["balances"]["points"]["active"] == 400
        return
    answer = problem(told, 422, "overflow")
    assert answer["id"] == name
    assert server.post(body).json() == answer


def test_late_facts_are_forced_by_an_operator(server: Server, name: str) -> None:
    late = fact(name, member=name, occurred_at=days_ago(servers.LATE_DAYS + 30))
    body = problem(server.post(late), 422, "too-late")
    assert body["pointer"] == "/occurred_at"
    problem(server.post(late, query="?force=false"), 422, "too-late")
    rows = server.post(lines_of(late), NDJSON).rows()
    assert rows[0]["problem"]["type"].endswith("too-late")
    assert server.post(late, query="?force=true").status == 201
    # Once it is known it needs no force.
    assert server.post(late).status == 200
    lots = [{**late, "id": f"{name}-{n}"} for n in range(4)]
    assert [r["status"] for r in server.post(lines_of(*lots[:2]), NDJSON, "?force=true").rows()] \
        == ["ok", "ok"]
    assert {r["problem"] for r in server.post(stream_of(table_of(lots[2:])), ARROW).table()} \
        == {"too-late"}
    forced = server.post(stream_of(table_of(lots[2:])), ARROW, "?force=true").table()
    assert [row["status"] for row in forced] == ["ok", "ok"]


def test_force_does_not_reach_into_the_future(server: Server, name: str) -> None:
    ahead = fact(name, occurred_at=days_ago(-2))
    problem(server.post(ahead, query="?force=true"), 422, "in-future")


@pytest.mark.parametrize("kind", [JSON, NDJSON, ARROW])
def test_unknown_parameters_are_refused(server: Server, kind: str) -> None:
    problem(server.post(b"{}", kind, "?forced=true"), 400, "invalid-parameter")


@pytest.mark.parametrize("query", ["?", "?&"])
def test_an_empty_query_is_none(server: Server, name: str, query: str) -> None:
    assert server.post(fact(name), query=query).status == 201


def test_content_types_may_have_parameters(server: Server, name: str) -> None:
    for number, kind in enumerate((f"{JSON}; charset=utf-8", "Application/JSON")):
        assert server.post(fact(f"{name}-{number}"), kind).status == 201


def test_a_client_that_waits_for_100_is_told_to_go_on(server: Server, name: str) -> None:
    body = dumps(fact(name))
    head = (
        f"POST /v1/events HTTP/1.1\r\nHost: x\r\nContent-Type: {JSON}\r\n"
        f"Expect: 100-continue\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    got = server.raw(head.encode(), 1.0)
    assert got.startswith(b"HTTP/1.1 100 ")


def test_requests_share_a_connection(server: Server, name: str) -> None:
    with server.connection() as connection:
        for number in range(20):
            assert connection.post(fact(f"{name}-{number}", member=name)).status == 201
            assert connection.post(b"{").status == 400
            assert connection.get("/livez").status == 200


def test_requests_may_be_sent_ahead(server: Server, name: str) -> None:
    posts = []
    for number in range(5):
        body = dumps(fact(f"{name}-{number}", member=name))
        close = "Connection: close\r\n" if number == 4 else ""
        posts.append(
            f"POST /v1/events HTTP/1.1\r\nHost: x\r\nContent-Type: {JSON}\r\n{close}"
            f"Content-Length: {len(body)}\r\n\r\n".encode() + body
        )
    answers: list[bytes] = []
    with socket.create_connection((servers.HOST, server.port), timeout=5) as sock:
        sock.sendall(b"".join(posts))
        while part := sock.recv(65_536):
            answers.append(part)
    got = b"".join(answers)
    assert got.count(b"HTTP/1.1 201 ") == 5
    places = [got.index(f'"id":"{name}-{number}"'.encode()) for number in range(5)]
    assert places == sorted(places)


# -- NDJSON ------------------------------------------------------------------------------------


def test_lines_are_answered_in_order(server: Server, name: str) -> None:
    facts = [fact(f"{name}-{n}", member=f"{name}-{n % 3}") for n in range(50)]
    reply = server.post(lines_of(*facts), NDJSON)
    assert reply.status == 200
    rows = reply.rows()
    assert [row["line"] for row in rows] == list(range(1, 51))
    assert [row["id"] for row in rows] == [one["id"] for one in facts]
    assert {row["status"] for row in rows} == {"ok"}
    seqs = [row["seq"] for row in rows]
    assert seqs == list(range(seqs[0], seqs[0] + 50))
    # A line's answer is what the fact alone is told.
    for one, row in zip(facts, rows, strict=True):
        told = server.post(one).json()
        assert first(told) == {key: value for key, value in row.items() if key != "line"}


def test_good_lines_stand_beside_bad_ones(server: Server, name: str) -> None:
    body = lines_of(
        fact(f"{name}-1", member=name),
        b"{",
        fact(f"{name}-2", member=name, lines=[{"sku": "a", "quantity": 1, "net": 0.5}]),
        b"",
        fact(f"{name}-3", member=name, occurred_at=days_ago(-3)),
        b"  \t ",
        fact(f"{name}-4", member=name),
        fact(f"{name}-1", member="another"),
    )
    rows = server.post(body, NDJSON).rows()
    assert [row["line"] for row in rows] == [1, 2, 3, 5, 7, 8]
    assert [row["status"] for row in rows] == [
        "ok", "refused", "refused", "refused", "ok", "refused"]
    problems = [row["problem"] for row in rows if row["status"] == "refused"]
    assert [one["type"].rpartition(":")[2] for one in problems] == [
        "invalid-json", "invalid-fact", "in-future", "id-reused"]
    assert problems[1]["pointer"] == "/lines/0/net"
    member = server.get(f"/v1/members/{name}").json()
    assert member["purchases"] == 2


def test_a_catalogue_may_stand_between(server: Server, name: str) -> None:
    body = lines_of(
        fact(f"{name}-1", member=name), catalog(f"{name}-c"), fact(f"{name}-2", member=name)
    )
    rows = server.post(body, NDJSON).rows()
    assert [row["id"] for row in rows] == [f"{name}-1", f"{name}-c", f"{name}-2"]
    seqs = [row["seq"] for row in rows]
    assert seqs == [seqs[0], seqs[0] + 1, seqs[0] + 2]
    assert [r["status"] for r in server.post(body, NDJSON).rows()] == ["replayed"] * 3


def test_repeats_inside_a_body_are_repeats(server: Server, name: str) -> None:
    one = fact(name, member=name)
    rows = server.post(lines_of(one, one, {**one, "store": "1"}, one), NDJSON).rows()
    assert [row["status"] for row in rows] == ["ok", "replayed", "refused", "replayed"]
    assert {row["seq"] for row in rows if "seq" in row} == {rows[0]["seq"]}
    assert first({**rows[1], "line": 1}) == rows[0]
    assert rows[2]["problem"]["type"] == "urn:vafa:problem:id-reused"
    assert server.get(f"/v1/members/{name}").json()["purchases"] == 1


def test_line_ends(server: Server, name: str) -> None:
    facts = [dumps(fact(f"{name}-{n}")) for n in range(3)]
    rows = server.post(b"\r\n".join(facts), NDJSON).rows()
    assert [(row["line"], row["status"]) for row in rows] == [(1, "ok"), (2, "ok"), (3, "ok")]
    rows = server.post(b"\r\n\r\n" + facts[0] + b"\r\n\r\n", NDJSON).rows()
    assert [(row["line"], row["status"]) for row in rows] == [(3, "replayed")]


@pytest.mark.parametrize("body", [b"", b"\n", b"\r\n \n\n"])
def test_a_body_without_lines_has_no_answers(server: Server, body: bytes) -> None:
    reply = server.post(body, NDJSON)
    assert (reply.status, reply.body) == (200, b"")


def test_an_order_beyond_one_commit_is_kept(server: Server, name: str) -> None:
    facts = [fact(f"{name}-{n}", member=f"{name}-{n % 7}") for n in range(10_000)]
    rows = server.post(lines_of(*facts), NDJSON).rows()
    assert [row["id"] for row in rows] == [one["id"] for one in facts]
    assert {row["status"] for row in rows} == {"ok"}


# -- Arrow -------------------------------------------------------------------------------------


def balances_of(row: dict[str, Any]) -> dict[str, Any]:
    """An Arrow answer's balances as JSON shows them."""
    return {b["currency"]: {k: b[k] for k in FIGURES} for b in row["balances"]}


def test_a_table_is_answered_in_order(server: Server, name: str) -> None:
    facts = [fact(f"{name}-{n}", member=f"{name}-{n % 3}") for n in range(20)]
    reply = server.post(stream_of(table_of(facts)), ARROW)
    assert reply.status == 200
    rows = reply.table()
    assert [row["id"] for row in rows] == [one["id"] for one in facts]
    assert {row["status"] for row in rows} == {"ok"}
    assert {row["problem"] for row in rows} == {None}
    for one, row in zip(facts, rows, strict=True):
        told = server.post(one).json()
        assert (told["status"], told["seq"], told["tier"]) == ("replayed", row["seq"], row["tier"])
        assert told["balances"] == balances_of(row)
        assert told["postings"] == [
            {k: v for k, v in posting.items() if v is not None} for posting in row["postings"]]
    again = server.post(stream_of(table_of(facts)), ARROW).table()
    assert [row["status"] for row in again] == ["replayed"] * 20
    assert [first(row) for row in again] == rows


def test_a_table_tells_rows_apart(server: Server, name: str) -> None:
    facts = [
        fact(f"{name}-1", member=name),
        fact(f"{name}-2", member=name, occurred_at=days_ago(-2)),
        fact(f"{name}-1", member="another"),
        fact(f"{name}-1", member=name),
        fact(f"{name}-3", member=name),
    ]
    rows = server.post(stream_of(table_of(facts)), ARROW).table()
    assert [(row["status"], row["problem"]) for row in rows] == [
        ("ok", None), ("refused", "in-future"), ("refused", "id-reused"), ("replayed", None),
        ("ok", None),
    ]
    assert rows[1]["seq"] is None
    assert rows[1]["balances"] == []


def test_one_bad_row_refuses_the_table(server: Server, name: str) -> None:
    facts = [fact(f"{name}-1"), fact(f"{name}-2", member="")]
    seq = server.seq()
    body = problem(server.post(stream_of(table_of(facts)), ARROW), 400, "invalid-batch")
    assert body["pointer"] == "/member"
    assert server.seq() == seq
    problem(server.get(f"/v1/events/{name}-1"), 404, "not-found")


def encoded(table: pa.Table, name: str, kind: pa.DataType | None = None) -> pa.Table:
    """A table with a column of another type, or dictionary-encoded."""
    column = table.column(name)
    made = column.cast(kind) if kind else column.dictionary_encode()
    return table.set_column(table.schema.get_field_index(name), name, made)


def test_text_may_be_encoded_otherwise(server: Server, name: str) -> None:
    facts = [fact(f"{name}-{n}", member=f"عضو {n % 2}") for n in range(6)]
    table = table_of(facts)
    assert {r["status"] for r in server.post(stream_of(table), ARROW).table()} == {"ok"}
    for column in ("id", "member", "store", "terminal", "kind"):
        table = encoded(table, column)
    large = encoded(encoded(table_of(facts), "id", pa.large_string()), "member", pa.string_view())
    for other in (table, large, table_of(facts).drop(["kind"])):
        rows = server.post(stream_of(other), ARROW).table()
        assert [row["status"] for row in rows] == ["replayed"] * 6


def test_columns_may_be_left_out(server: Server, name: str) -> None:
    table = table_of([fact(name, member=name)]).drop(["store", "terminal", "tenders", "kind"])
    assert server.post(stream_of(table), ARROW).table()[0]["status"] == "ok"
    assert server.post(fact(name, member=name, store="", terminal="", tenders=[])).status == 200


def test_many_batches_are_one_table(server: Server, name: str) -> None:
    facts = [fact(f"{name}-{n}", member=name) for n in range(9)]
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, servers.WIRE) as stream:
        for start in range(0, 9, 2):
            stream.write_table(table_of(facts[start : start + 2]))
        stream.write_table(table_of([]))
    rows = server.post(sink.getvalue().to_pybytes(), ARROW).table()
    assert [row["id"] for row in rows] == [one["id"] for one in facts]
    assert [row["status"] for row in server.post(lines_of(*facts), NDJSON).rows()] \
        == ["replayed"] * 9


def test_an_empty_stream_is_answered_empty(server: Server) -> None:
    reply = server.post(stream_of(table_of([])), ARROW)
    assert (reply.status, reply.table()) == (200, [])


def test_voids_in_a_table_are_netted(server: Server, name: str) -> None:
    lines = [{"sku": "milk", "quantity": 2_000, "net": 900},
             {"sku": "milk", "quantity": -1_000, "net": -400}]  # fmt: skip
    sale = fact(name, member=name, lines=lines)
    assert server.post(stream_of(table_of([sale, fact(f"{name}-2")])), ARROW).table()[0][
        "status"] == "ok"
    assert server.post(sale).status == 200


# -- reads -------------------------------------------------------------------------------------


@pytest.mark.parametrize("member", ["عضو ۱", "a/b", "a%2Fb", "?x=1", "a b+c", "é#", "..", "𐏑"])
def test_members_of_any_name_are_found(server: Server, name: str, member: str) -> None:
    told = server.post(fact(f"{name}", member=member)).json()
    reply = server.get(f"/v1/members/{quote(member, safe='')}")
    assert reply.status == 200
    body = reply.json()
    assert body["id"] == member
    assert body["balances"] == told["balances"]
    assert (body["tier"], body["purchases"], body["seq"]) == ("bronze", 1, told["seq"])
    assert body["as_of"].endswith("Z")


@pytest.mark.parametrize("fact_id", ["فروش/۱", "a/b", "100%", "?", "x" * 128])
def test_facts_of_any_id_are_found(server: Server, fact_id: str) -> None:
    sale = fact(fact_id, member="reader", occurred_at="2026-01-02T03:04:05.678901+03:30")
    sale["occurred_at"] = days_ago(2).replace("12:00:00Z", "03:04:05.678901+03:30")
    told = server.post(sale)
    assert told.status == 201
    body = server.get(f"/v1/events/{quote(fact_id, safe='')}").json()
    at = body["fact"].pop("occurred_at")
    moment = dt.datetime.fromisoformat
    assert moment(at) == moment(sale["occurred_at"])
    assert at.endswith("Z")
    assert [line.pop("line") for line in body["fact"]["lines"]] == [1, 2]
    assert body["fact"] == {k: v for k, v in sale.items() if k != "occurred_at"}
    shown = body["answer"]
    for posting in shown["postings"]:
        assert posting.pop("desired") == posting["points"]
    assert shown == told.json()


def test_a_fact_shows_what_a_limit_cut(server: Server, name: str) -> None:
    lines = [{"sku": "bread", "quantity": 1_000, "net": 100_000}]
    answer = server.post(fact(name, member=name, lines=lines)).json()
    assert answer["balances"]["points"]["active"] == 400
    postings = server.get(f"/v1/events/{name}").json()["answer"]["postings"]
    assert postings[0] == {
        "rule": "base", "kind": "earn", "currency": "points", "points": 400, "desired": 1_000,
        "limit": "cap.day",
    }


def test_a_late_fact_corrects_what_came_before(server: Server, name: str) -> None:
    lines = [{"sku": "bread", "quantity": 1_000, "net": 30_000}]
    server.post(fact(f"{name}-1", member=name, lines=lines, occurred_at=days_ago(2)))
    early = days_ago(2).replace("T12", "T11")
    answer = server.post(fact(f"{name}-2", member=name, lines=lines, occurred_at=early)).json()
    corrections = [p for p in answer["postings"] if p["kind"] == "correct"]
    assert [(p["corrects"], p["points"]) for p in corrections] == [(f"{name}-1", -200)]
    assert answer["balances"]["points"]["active"] == 400
    shown = server.get(f"/v1/events/{name}-2").json()["answer"]["postings"]
    assert [p["corrects"] for p in shown if p["kind"] == "correct"] == [f"{name}-1"]


def test_a_catalogue_is_found(server: Server, name: str) -> None:
    server.post(catalog(name))
    body = server.get(f"/v1/events/{name}").json()
    assert body["fact"]["kind"] == "catalog"
    assert body["answer"]["postings"] == []


def test_the_program_is_found(server: Server) -> None:
    body = server.get("/v1/events/program").json()
    assert body["fact"]["kind"] == "program publish"
    assert body["answer"]["seq"] == 1


def test_what_is_not_there_is_not_found(server: Server) -> None:
    for path in ("/v1/events/none", "/v1/members/none", "/nowhere", "/v1/events/"):
        problem(server.get(path), 404, "not-found")


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("GET", "/v1/events", "POST"),
        ("PUT", "/v1/events", "POST"),
        ("DELETE", "/v1/events/x", "GET, HEAD"),
        ("POST", "/v1/members/x", "GET, HEAD"),
        ("POST", "/livez", "GET, HEAD"),
        ("OPTIONS", "/metrics", "GET, HEAD"),
    ],
)
def test_a_wrong_method_is_told_the_right_one(
    server: Server, method: str, path: str, allow: str
) -> None:
    reply = server.ask(method, path)
    problem(reply, 405, "method-not-allowed")
    assert reply.headers["allow"] == allow


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"member": ""}, "/member"),
        ({"lines": [{"sku": "a", "quantity": 1, "net": "1"}]}, "/lines/0/net"),
        ({"tenders": [{"type": "a", "amount": 1}, {"type": "a"}]}, "/tenders/1"),
        ({"lines": [{"sku": "a\0", "quantity": 1, "net": 1}]}, "/lines/0/sku"),
        ({"lines": [{"sku": "a", "quantity": -1, "net": -1}]}, "/lines/0"),
        ({"occurred_at": "1960-01-01T00:00:00Z"}, "/occurred_at"),
        ({"id": 5}, "/id"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_problem_points_at_the_field(server: Server, fields: Fact, pointer: str) -> None:
    body = problem(server.post({**fact("pointed"), **fields}), 422, "invalid-fact")
    assert body["pointer"] == pointer
    assert body["type"] == "urn:vafa:problem:invalid-fact"


def test_a_problem_of_the_whole_body_points_nowhere(server: Server) -> None:
    assert "pointer" not in problem(server.post(b"{"), 400, "invalid-json")


# -- operation ---------------------------------------------------------------------------------


def test_liveness_and_readiness(server: Server, name: str) -> None:
    assert server.get("/livez").json() == {"status": "ok"}
    before = server.get("/readyz").json()
    server.post(fact(name, member=name))
    after = server.get("/readyz").json()
    assert after["status"] == "ok"
    assert (after["seq"], after["members"]) == (before["seq"] + 1, before["members"] + 1)
    assert after["checkpoint_seq"] <= after["seq"]
    servers.wait_until(lambda: server.get("/readyz").json()["checkpoint_seq"] >= after["seq"], 30)


def test_without_a_program_nothing_is_taken(tmp_path: Path) -> None:
    Writer(tmp_path / "ledger").close()
    with servers.serving(tmp_path / "ledger", program=None) as empty:
        reply = empty.get("/readyz")
        assert (reply.status, reply.json()["status"]) == (503, "no-program")
        assert empty.get("/livez").status == 200
        problem(empty.post(fact("x")), 409, "no-program")
        rows = empty.post(lines_of(fact("x"), fact("y")), NDJSON).rows()
        assert [row["problem"]["status"] for row in rows] == [409, 409]
        problem(empty.get("/v1/members/m-1"), 404, "not-found")
        assert empty.seq() == 0


def metrics_of(server: Server) -> dict[str, float]:
    """Samples by name and labels."""
    reply = server.get("/metrics")
    assert reply.headers["content-type"].startswith("text/plain; version=0.0.4")
    return {
        sample.name + "".join(f",{v}" for _, v in sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(reply.body.decode())
        for sample in family.samples
    }


def test_metrics_can_be_read(server: Server, name: str) -> None:
    before = metrics_of(server)
    server.post(fact(name))
    server.post(fact(name))
    server.post(fact(name, store="1"))
    after = metrics_of(server)

    def more(key: str) -> float:
        return after[key] - before.get(key, 0)

    assert more("vafa_seq") == more("vafa_facts_total") == 1
    assert more("vafa_replayed_total") == more("vafa_refused_total") == 1
    assert more("vafa_http_requests_total,POST,/v1/events,201") == 1
    assert more("vafa_http_requests_total,POST,/v1/events,200") == 1
    assert more("vafa_http_requests_total,POST,/v1/events,422") == 1
    assert more("vafa_http_requests_total,GET,/metrics,200") == 1
    assert 1 <= more("vafa_commits_total") <= 3
    for part in ("queue", "fold", "flush", "tell"):
        # Of three commits one writes a record.
        commits = more("vafa_commits_total") if part == "flush" else 3
        assert more(f"vafa_commit_seconds_count,{part}") == commits
        assert more(f"vafa_commit_seconds_bucket,+Inf,{part}") == commits
        assert 0 < more(f"vafa_commit_seconds_sum,{part}") < 60
    assert after["vafa_queued_facts"] == 0
    assert after["vafa_members"] == server.get("/readyz").json()["members"]
    # Labels come from the route table: a scanner cannot make them grow.
    assert not any("nowhere" in key for key in after)


# -- read your writes --------------------------------------------------------------------------


def write_and_read(server: Server, name: str, tills: int, each: int) -> None:
    """Tills that post over one connection and read over another, all at once."""
    wrong: list[Any] = []
    barrier = threading.Barrier(tills)

    def till(number: int) -> None:
        member = f"{name}-{number}"
        writer, reader = Connection(server.port), Connection(server.port)
        barrier.wait()
        for place in range(each):
            told = writer.post(fact(f"{member}-{place}", member=member))
            if told.status != 201:
                wrong.append(told)
                continue
            shown = reader.get(f"/v1/members/{member}").json()
            kept = reader.get(f"/v1/events/{member}-{place}")
            if (
                shown.get("balances") != told.json()["balances"]
                or shown["purchases"] != place + 1
                or kept.status != 200
                or reader.get("/readyz").json()["seq"] < told.json()["seq"]
            ):
                wrong.append((told.json(), shown, kept))
            if place % 5 == 4:
                reader.close()
        writer.close()
        reader.close()

    with ThreadPoolExecutor(tills) as pool:
        list(pool.map(till, range(tills)))
    assert wrong == []


def test_a_till_reads_what_it_wrote(server: Server, name: str) -> None:
    write_and_read(server, name, tills=8, each=20)


def test_a_till_reads_what_it_wrote_from_any_front_end(workers: Server, name: str) -> None:
    write_and_read(workers, name, tills=16, each=20)
    assert {workers.seq() for _ in range(16)} == {1 + 16 * 20}


def test_front_ends_answer_as_one_process_does(server: Server, workers: Server) -> None:
    # The same requests to both: everything but seqs is equal.
    def asked(one: Server) -> list[Any]:
        facts = [fact(f"same-{n}", member=f"same-{n % 3}") for n in range(6)]
        late = fact("same-late", member="same-1", occurred_at=days_ago(500))
        replies = [
            one.post(facts[0]), one.post(facts[0]), one.post({**facts[0], "store": "1"}),
            one.post(lines_of(*facts, b"{", catalog("same-c"), facts[1]), NDJSON),
            one.post(stream_of(table_of([*facts[3:], fact("same-9", member="same-1")])), ARROW),
            one.post(stream_of(table_of([])), ARROW),
            one.post(b"", NDJSON),
            one.post(b"{"), one.post(b"{}", "text/plain"), one.get("/v1/members/none"),
            one.post(catalog("same-c")), one.post(catalog("same-c", brand="B")),
            one.post(late), one.post(late, query="?force=true"),
            one.post(fact("same-ahead", occurred_at=days_ago(-2))),
        ]  # fmt: skip
        return [(r.status, r.slug, without_seqs(content(r))) for r in replies]

    assert asked(server) == asked(workers)


def content(reply: Reply) -> Any:
    """A body by its type."""
    kind = reply.headers["content-type"]
    if kind == ARROW:
        return reply.table()
    return reply.rows() if kind == NDJSON else reply.json()


def without_seqs(value: Any) -> Any:
    """A value without what differs between ledgers."""
    if isinstance(value, dict):
        return {k: without_seqs(v) for k, v in value.items() if k not in ("seq", "as_of")}
    return [without_seqs(v) for v in value] if isinstance(value, list) else value
