"""All kinds of facts over HTTP: answers, parked returns, refusals, views of the past."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec
import pytest

from vafa.engine.ledger.replay import verify

from . import mixed, servers
from .servers import Fact, Reply, Server, days_ago, dumps, fact, lines_of

NDJSON = servers.NDJSON


@pytest.fixture(scope="module", params=[1, 2], ids=["alone", "two workers"])
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    ledger = tmp_path_factory.mktemp("http") / "ledger"
    with servers.serving(ledger, workers=request.param) as running:
        yield running


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    """A member of the test's own."""
    made: str = request.node.originalname.removeprefix("test_")[:48]
    return made


def sale(name: str, member: str, days: float = 20, net: int = 20_000, **fields: Any) -> Fact:
    """A sale of one line of bread."""
    lines = [{"sku": "bread", "quantity": 1_000, "net": net}]
    return fact(name, member=member, occurred_at=days_ago(days), lines=lines, tenders=[], **fields)


def back(name: str, member: str, of: str, net: int, days: float = 10) -> Fact:
    """A return of an amount."""
    lines = [{"line": 1, "net": net}]
    return {"id": name, "kind": "return", "occurred_at": days_ago(days), "member": member,
            "sale": of, "lines": lines}  # fmt: skip


def redeem(name: str, member: str, points: int, days: float = 5, **fields: Any) -> Fact:
    """A redemption."""
    return {"id": name, "kind": "redeem", "occurred_at": days_ago(days), "member": member,
            "currency": "points", "points": points, **fields}  # fmt: skip


def first(reply: Reply, status: int) -> Any:
    """The body of a reply with a status."""
    assert reply.status == status, reply
    return reply.json()


def of_base(answer: Any) -> list[tuple[str, int]]:
    """(kind, points) of the base rule's postings."""
    return [(p["kind"], p["points"]) for p in answer["postings"] if p["rule"] == "base"]


def test_a_refused_sale_tells_what_waited_for_it(server: Server) -> None:
    back = fact("waits", kind="return", sale="too-much", lines=[{"line": 1, "quantity": 1_000}])
    del back["tenders"]
    assert server.post(back).status == 202
    points = [{"type": "points", "amount": 1, "points": 10**9}]
    refused = server.post(fact("too-much", tenders=points))
    assert (refused.status, refused.slug) == (409, "not-spendable")
    assert refused.json()["parked"] == [
        {"id": "waits", "status": "refused", "reason": "not-a-sale", "postings": []}
    ]


def test_a_return_takes_back(server: Server, name: str) -> None:
    first(server.post(sale(f"{name}-s", name)), 201)
    answer = first(server.post(back(f"{name}-r", name, f"{name}-s", 5_000)), 201)
    assert of_base(answer) == [("reverse", -50)]
    shown = first(server.get(f"/v1/events/{name}-r"), 200)
    assert shown["fact"]["sale"] == f"{name}-s"
    assert shown["fact"]["lines"] == [{"line": 1, "quantity": 0, "net": 5_000}]
    assert shown["program"] == {"id": "small", "version": 1}
    reply = server.post(back(f"{name}-t", name, f"{name}-s", 15_001))
    problem = first(reply, 409)
    assert (reply.slug, problem["id"]) == ("returns-too-much", f"{name}-t")
    # A refusal for state is final.
    assert first(server.post(back(f"{name}-t", name, f"{name}-s", 15_001)), 409) == problem


def test_a_return_is_parked_until_its_sale_comes(server: Server, name: str) -> None:
    answer = first(server.post(back(f"{name}-r", name, f"{name}-s", 5_000)), 202)
    assert (answer["status"], answer["postings"]) == ("parked", [])
    replayed = first(server.post(back(f"{name}-r", name, f"{name}-s", 5_000)), 200)
    assert replayed == answer | {"status": "replayed"}
    answer = first(server.post(sale(f"{name}-s", name)), 201)
    [applied] = answer["parked"]
    assert (applied["id"], applied["status"]) == (f"{name}-r", "ok")
    assert [(p["points"], p["corrects"]) for p in applied["postings"]
            if p["rule"] == "base"] == [(-50, f"{name}-r")]  # fmt: skip
    assert of_base(answer) == [("earn", 200), ("correct", -50)]


def test_points_are_redeemed_once(server: Server, name: str) -> None:
    first(server.post(sale(f"{name}-s", name)), 201)
    answer = first(server.post(redeem(f"{name}-1", name, 150)), 201)
    assert answer["postings"] == [
        {"rule": None, "kind": "redeem", "currency": "points", "points": -150}
    ]
    reply = server.post(redeem(f"{name}-2", name, 150, days=4))
    assert (reply.status, reply.slug) == (409, "insufficient-points")
    answer = first(server.post(redeem(f"{name}-3", name, 150, days=4, completed=True)), 201)
    assert answer["balances"]["points"]["debt"] == 100
    shown = first(server.get(f"/v1/members/{name}"), 200)
    assert shown["balances"]["points"]["debt"] == 100


def test_kinds_are_mixed_in_a_body_of_lines(server: Server, name: str) -> None:
    body = lines_of(
        sale(f"{name}-s", name),
        back(f"{name}-r", name, f"{name}-s", 10_000),
        {"id": f"{name}-c", "kind": "catalog", "occurred_at": days_ago(40),
         "products": [{"sku": f"{name}", "labels": ["new"], "weighed": True}]},
        {"id": f"{name}-st", "kind": "store", "occurred_at": days_ago(40),
         "stores": [{"store": name, "region": "north"}]},
        {"id": f"{name}-a", "kind": "activity", "occurred_at": days_ago(3), "member": name,
         "code": "review"},
        {"id": f"{name}-e", "kind": "enrol", "occurred_at": days_ago(30), "member": name,
         "birth": "1990-03-21"},
        {"id": f"{name}-j", "kind": "adjust", "occurred_at": days_ago(2), "member": name,
         "currency": "points", "points": 5, "reason": "sorry", "actor": "me"},
        redeem(f"{name}-d", name, 9_999),
        {"id": f"{name}-u", "kind": "unheard", "occurred_at": days_ago(2)},
    )  # fmt: skip
    rows = server.post(body, NDJSON).rows()
    assert [row["status"] for row in rows] == [
        "ok", "ok", "ok", "ok", "ok", "ok", "ok", "refused", "refused",
    ]
    assert rows[7]["reason"] == "insufficient-points"
    assert rows[8]["problem"]["status"] == 422
    for kind, suffix in (("sale", "s"), ("return", "r"), ("catalog", "c"), ("store", "st"),
                         ("activity", "a"), ("enrol", "e"), ("adjust", "j"), ("redeem", "d")):
        shown = first(server.get(f"/v1/events/{name}-{suffix}"), 200)
        assert shown["fact"]["kind"] == kind
        assert shown["answer"]["id"] == f"{name}-{suffix}"


def test_a_member_is_seen_at_any_instant(server: Server, name: str) -> None:
    for number, days in enumerate((30, 20, 10)):
        first(server.post(sale(f"{name}-{number}", name, days)), 201)
    seen = []
    for days in (31, 30, 25, 15, 10, 0):
        reply = server.get(f"/v1/members/{name}?at={quote(days_ago(days))}")
        seen.append(reply.json()["purchases"] if reply.status == 200 else None)
    assert seen == [None, 1, 1, 2, 3, 3]
    far = first(server.get(f"/v1/members/{name}?at=2150-01-01T00:00:00Z"), 200)
    assert far["balances"]["points"]["active"] == 0
    # Stars never expire.
    assert {lot["currency"] for lot in far["lots"]} <= {"stars"}
    now = first(server.get(f"/v1/members/{name}"), 200)
    assert [lot["points"] for lot in now["lots"] if lot["currency"] == "points"][:1] == [200]
    assert set(now["totals"]) == {"points", "stars"}
    for value in ("yesterday", "2025-01-01", "", "1900-01-01T00:00:00Z"):
        reply = server.get(f"/v1/members/{name}?at={value}")
        assert (reply.status, reply.slug) == (400, "invalid-parameter")
    assert server.get(f"/v1/members/{name}?when=now").status == 400


def test_a_day_is_closed_over_http(server: Server, name: str) -> None:
    def close(days: float) -> Reply:
        date = days_ago(days)[:10]
        moment = days_ago(days - 1)
        return server.post(
            {"id": f"day {date}", "kind": "day closed", "occurred_at": moment, "date": date}
        )

    first(server.post(sale(name, name, 390)), 201)
    answer = first(close(300), 201)
    assert (answer["status"], answer["postings"]) == ("ok", [])
    assert first(close(300), 200)["status"] == "replayed"
    assert close(301).slug == "day-out-of-order"
    shown = first(server.get(f"/v1/events/{quote(answer['id'])}"), 200)
    assert shown["fact"]["date"] == days_ago(300)[:10]
    assert first(server.get(f"/v1/members/{name}"), 200)["balances"]["points"]["active"] == 0


def test_programs_are_not_published_over_http(server: Server) -> None:
    body = dumps({"id": "p", "kind": "program publish", "occurred_at": days_ago(1),
                  "program": ""})  # fmt: skip
    assert server.post(body).status == 422


def test_any_number_of_workers_gives_one_state(tmp_path: Path) -> None:
    facts = [msgspec.json.encode(made) for seed in (1, 2) for made in mixed.safe(seed, 120)]
    hashes = set()
    for workers in (1, 2, 4):
        ledger = tmp_path / str(workers)
        with servers.serving(ledger, workers=workers, program=mixed.PROGRAM + mixed.MORE) as run:
            chunks = [facts[place : place + 9] for place in range(0, len(facts), 9)]

            def post(chunk: list[bytes], run: Server = run) -> list[str]:
                rows = run.post(lines_of(*chunk), NDJSON).rows()
                return [str(row.get("reason", row["status"])) for row in rows]

            with ThreadPoolExecutor(4) as pool:
                became = [status for rows in pool.map(post, chunks) for status in rows]
        assert set(became) <= {"ok", "parked"}
        report = verify(ledger)
        assert report.findings == []
        assert report.facts == len(facts)
        hashes.add(report.state_hash)
    assert len(hashes) == 1


def hold(name: str, points: int, days: float = 5, **fields: Any) -> Fact:
    """A hold without its kind, as its own path takes it."""
    return {"id": name, "occurred_at": days_ago(days), "currency": "points", "points": points,
            **fields}  # fmt: skip


def to(server: Server, path: str, body: Fact | bytes) -> Reply:
    """POST to a path of one kind."""
    content = body if isinstance(body, bytes) else dumps(body)
    with server.connection() as connection:
        return connection.ask("POST", path, content, {"Content-Type": "application/json"})


def test_paths_of_one_kind(server: Server, name: str) -> None:
    first(server.post(sale(f"{name}-s", name)), 201)
    told = first(to(server, "/v1/holds", hold(f"{name}-h", 50, member=name)), 201)
    assert [(p["kind"], p["points"]) for p in told["postings"]] == [("hold", -50)]
    assert told["balances"]["points"] == {"active": 150, "pending": 0, "held": 50, "debt": 0}
    path = f"/v1/holds/{name}-h/capture"
    capture = {"id": f"{name}-c", "occurred_at": days_ago(4.9), "member": name, "points": 20}
    told = first(to(server, path, capture), 201)
    assert [(p["kind"], p["points"], p.get("captured")) for p in told["postings"]] == [
        ("capture", 0, 20), ("release", 30, None),
    ]  # fmt: skip
    # The same fact by the common path is the same fact.
    again = {"kind": "capture", "hold": f"{name}-h", **capture}
    assert first(server.post(again), 200)["status"] == "replayed"
    cancel = {"id": f"{name}-x", "occurred_at": days_ago(4), "member": name}
    told = first(to(server, f"/v1/redemptions/{name}-c/cancel", cancel), 201)
    assert told["balances"]["points"]["active"] == 200


def test_a_path_of_one_kind_refuses_others(server: Server, name: str) -> None:
    other = {"kind": "redeem", **hold(f"{name}-h", 50, member=name)}
    problem = first(to(server, "/v1/holds", other), 422)
    assert (problem["type"], problem["pointer"]) == ("urn:vafa:problem:invalid-fact", "/kind")
    twice = dumps(hold(f"{name}-h", 50, member=name))[:-1] + b',"points":3}'
    problem = first(to(server, "/v1/holds", twice), 400)
    assert problem["type"] == "urn:vafa:problem:duplicate-member"


def test_a_whole_balance_asked_by_many_at_once(server: Server, name: str) -> None:
    """Of redemptions of all that a member has, at once, one is taken."""
    rounds, askers = int(os.environ.get("VAFA_ROUNDS", "4")), 64
    with ThreadPoolExecutor(askers) as pool:
        for turn in range(rounds):
            member = f"{name[:40]}-{turn}"
            first(server.post(sale(f"{member}-s", member)), 201)
            replies = list(pool.map(
                server.post, [redeem(f"{member}-{i}", member, 200) for i in range(askers)]
            ))  # fmt: skip
            assert sorted(reply.status for reply in replies) == [201] + [409] * (askers - 1)
            refused = next(reply for reply in replies if reply.status == 409).json()
            assert refused["type"] == "urn:vafa:problem:insufficient-points"


def test_any_front_end_tells_the_figures_of_the_writer(server: Server, name: str) -> None:
    def counted(metric: str) -> list[float]:
        texts = [server.get("/metrics").body.decode() for _ in range(6)]
        return [
            float(line.split()[1])
            for text in texts for line in text.splitlines() if line.startswith(metric + " ")
        ]  # fmt: skip

    before = counted("vafa_facts_total")
    assert len(before) == 6
    assert server.post(fact(name, member=name)).status == 201
    assert counted("vafa_facts_total") == [before[0] + 1] * 6
    assert counted("vafa_queued_facts") == [0] * 6
