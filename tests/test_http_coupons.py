"""Codes of printed coupons over HTTP: many at once, look-ups, quotes, batches, restarts."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from vafa.engine.ledger.replay import verify

from . import servers
from .servers import NDJSON, Reply, Server, days_ago, fact, lines_of

PROGRAM = servers.PROGRAM + """
[[coupon]]
id = "leaflet"
title = "A leaflet"

[[rule]]
id = "leaflet"
kind = "bonus"
points = 50
when = { coupon = ["leaflet"] }
"""


@pytest.fixture(params=[1, 2], ids=["one process", "two front ends"])
def server(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Server]:
    """A server whose program has a printed coupon; its ledger is verified at the end."""
    with servers.serving(tmp_path, request.param, PROGRAM) as running:
        yield running
    assert verify(tmp_path).findings == []


def to(server: Server, path: str, body: Any) -> Reply:
    """POST JSON to a path."""
    with server.connection() as connection:
        return connection.ask("POST", path, servers.dumps(body), {"Content-Type": servers.JSON})


def issue(server: Server, name: str, **fields: Any) -> list[str]:
    """Codes that a fact brings."""
    reply = server.post({
        "kind": "coupon issue", "id": name, "occurred_at": days_ago(3), "coupon": "leaflet",
        **fields,
    })  # fmt: skip
    assert reply.status == 201, reply.body
    codes: list[str] = reply.json()["codes"]
    return codes


def test_a_code_that_many_present_at_once_serves_one(server: Server) -> None:
    codes, askers = issue(server, "i", count=3), 64
    with ThreadPoolExecutor(askers) as pool:
        for code in codes:
            presented = [
                fact(f"{code}-{n}", member=f"m-{n % 7}", coupons=[code]) if n % 3 else {
                    "kind": "coupon redeem", "id": f"{code}-{n}", "occurred_at": days_ago(1),
                    "code": code,
                }
                for n in range(askers)
            ]  # fmt: skip
            replies = list(pool.map(server.post, presented))
            assert sorted(reply.status for reply in replies) == [201] + [409] * (askers - 1)
            slugs = {reply.slug for reply in replies if reply.status == 409}
            assert slugs == {"coupon-used"}
            (won,) = (reply.json() for reply in replies if reply.status == 201)
            shown = server.get(f"/v1/coupon-codes/{code}").json()
            assert (shown["left"], shown["used_by"]) == (0, [won["id"]])


def test_a_code_from_its_issue_to_its_return(server: Server) -> None:
    assert issue(server, "i", codes=["A", "B"]) == ["A", "B"]
    again = server.post({
        "kind": "coupon issue", "id": "i", "occurred_at": days_ago(3), "coupon": "leaflet",
        "codes": ["A", "B"],
    })  # fmt: skip
    assert (again.status, again.json()["codes"]) == (200, ["A", "B"])
    assert server.get("/v1/coupon-codes/A").json() == {
        "code": "A", "coupon": "leaflet", "title": "A leaflet", "issue": "i", "state": "good",
        "from": None, "to": None, "uses": 1, "left": 1, "used_by": [],
    }  # fmt: skip
    assert server.get("/v1/coupon-codes/Z").status == 404
    quoted = {"member": "m-1", "lines": [{"sku": "bread", "quantity": 1000, "net": 100}],
              "coupons": ["A", "Z"]}  # fmt: skip
    told = to(server, "/v1/quotes", quoted).json()
    assert (told["status"], told["coupons"]) == ("ok", [
        {"code": "A", "coupon": "leaflet"},
        {"code": "Z", "coupon": None, "reason": "unknown-coupon"},
    ])  # fmt: skip
    assert [p["points"] for p in told["postings"] if p["rule"] == "leaflet"] == [50]
    sold = server.post(fact("s", member="m-1", coupons=["A"]))
    assert (sold.status, sold.json()["coupons"]) == (201, [{"code": "A", "coupon": "leaflet"}])
    for basket in (quoted, {**quoted, "member": None}):
        told = to(server, "/v1/quotes", basket).json()
        assert (told["status"], told["reason"]) == ("refused", "coupon-used")
    refused = server.post(fact("t", member="m-2", coupons=["A"]))
    assert (refused.status, refused.slug) == (409, "coupon-used")
    assert refused.json()["coupons"] == [
        {"code": "A", "coupon": "leaflet", "reason": "coupon-used"}
    ]
    back = {"kind": "return", "id": "r", "occurred_at": days_ago(1), "member": "m-1", "sale": "s",
            "lines": [{"line": 1, "quantity": 1000, "net": 1250},
                      {"line": 2, "quantity": 2000, "net": 400}]}  # fmt: skip
    assert server.post(back).status == 201
    assert server.get("/v1/coupon-codes/A").json()["state"] == "good"
    blocked = {"kind": "coupon block", "id": "b", "occurred_at": days_ago(1), "codes": ["A"]}
    assert server.post(blocked).status == 201
    assert server.get("/v1/coupon-codes/A").json()["state"] == "blocked"
    lines = [fact("u", member="m-3", coupons=["B"]), fact("v", member="m-4", coupons=["B"]),
             fact("w", member="m-5")]  # fmt: skip
    rows = server.post(lines_of(*lines), NDJSON).rows()
    assert [(row["status"], row.get("reason")) for row in rows] == [
        ("ok", None), ("refused", "coupon-used"), ("ok", None)
    ]
    assert [row.get("coupons") for row in rows] == [
        [{"code": "B", "coupon": "leaflet"}],
        [{"code": "B", "coupon": "leaflet", "reason": "coupon-used"}],
        None,
    ]


def test_paths_and_explanations(server: Server) -> None:
    brought = {"id": "i", "occurred_at": days_ago(3), "coupon": "leaflet", "codes": ["A", "B"]}
    assert to(server, "/v1/coupon-codes", brought).status == 201
    use = {"id": "u", "occurred_at": days_ago(1), "member": "m-1"}
    assert to(server, "/v1/coupon-codes/A/redeem", use).status == 201
    assert to(server, "/v1/coupon-codes/A/redeem", {**use, "id": "v"}).slug == "coupon-used"
    stop = {"id": "b", "occurred_at": days_ago(1), "issue": "i", "reason": "lost"}
    assert to(server, "/v1/coupon-blocks", stop).status == 201
    entry = server.get("/v1/members/m-1/statement").json()["entries"]
    assert [one["kind"] for one in entry] == ["coupon redeem", "coupon redeem"]
    told = server.get("/v1/events/v/explain?lang=en").json()
    assert told["coupons"] == [{"code": "A", "coupon": "leaflet", "reason": "coupon-used"}]
    assert "The code «A» did not serve: the coupon code is used up." in told["sentences"]
    told = server.get("/v1/events/u/explain?lang=fa").json()
    assert "کد «A» از کوپن «leaflet» به کار آمد." in told["sentences"]
