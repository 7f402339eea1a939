"""Statements, budgets and tags over HTTP."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest

from . import servers
from .servers import Reply, Server, days_ago, fact

PROGRAM = servers.PROGRAM.replace(
    'id = "base"\n', 'id = "base"\ntitle = "یک امتیاز برای هر دلار"\nbudget = 60\n', 1
)


@pytest.fixture(scope="module", params=[1, 2], ids=["alone", "workers"])
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    ledger = tmp_path_factory.mktemp("reads") / "ledger"
    with servers.serving(ledger, request.param, PROGRAM) as running:
        running.post(fact("old", member="m-3", occurred_at=days_ago(100)))
        for n in range(7):
            running.post(fact(f"s-{n}", member="m-1", occurred_at=days_ago(9 - n)))
        running.post(fact("other", member="m-2"))
        late = fact("late", member="m-1", occurred_at=days_ago(20), lines=[
            {"sku": "milk", "quantity": 1000, "net": 900}])  # fmt: skip
        running.post(late)
        running.post({
            "id": "spend", "kind": "redeem", "occurred_at": days_ago(1), "member": "m-1",
            "currency": "points", "points": 10**9,
        })  # fmt: skip
        yield running


def pages(server: Server, member: str, limit: int) -> list[list[dict[str, Any]]]:
    """The pages of a statement, followed by their links."""
    path, found = f"/v1/members/{member}/statement?limit={limit}", []
    while path:
        reply = server.get(path)
        assert reply.status == 200
        shown = reply.json()
        assert shown["member"] == member
        found.append(shown["entries"])
        link = reply.headers.get("link", "")
        assert bool(link) == (shown["next"] is not None)
        path = link.partition("<")[2].partition(">")[0]
        assert not link or link.endswith('; rel="next"')
    return found


def test_a_statement_is_newest_first_and_whole(server: Server) -> None:
    (whole,) = pages(server, "m-1", 500)
    sales = [f"s-{n}" for n in range(6, -1, -1)]
    assert [entry["id"] for entry in whole] == ["spend", "late", *sales]
    assert [entry["seq"] for entry in whole] == sorted(
        (entry["seq"] for entry in whole), reverse=True
    )
    for limit in (1, 2, 4, 8, 9):
        parts = pages(server, "m-1", limit)
        assert [entry for part in parts for entry in part] == whole
        assert {len(part) for part in parts[:-1]} <= {limit}
    assert pages(server, "m-2", 5)[0][0]["id"] == "other"


def test_entries_say_what_happened(server: Server) -> None:
    (whole,) = pages(server, "m-1", 100)
    by_id = {entry["id"]: entry for entry in whole}
    sale = by_id["s-0"]
    assert (sale["kind"], sale["net"], sale["store"], sale["program"]) == ("sale", 1_650, "2", 1)
    assert sale["postings"][0] == {
        "rule": "base", "kind": "earn", "currency": "points", "points": 16,
        "title": "یک امتیاز برای هر دلار",
    }
    assert "title" not in sale["postings"][1]
    assert sale["balances"]["points"]["active"] == 20
    assert sale["tier"] == "bronze"
    answer = server.get("/v1/events/s-0").json()["answer"]
    assert sale["balances"] == answer["balances"]
    refused = by_id["spend"]
    assert (refused["status"], refused["reason"]) == ("refused", "insufficient-points")


def test_a_page_stays_where_it_was(server: Server) -> None:
    first = server.get("/v1/members/m-2/statement?limit=1").json()
    assert first["next"] is None
    server.post(fact("m2-again", member="m-2"))
    page = server.get("/v1/members/m-2/statement?limit=1").json()
    assert page["entries"][0]["id"] == "m2-again"
    server.post(fact("m2-third", member="m-2"))
    after = server.get(f"/v1/members/m-2/statement?limit=1&cursor={page['next']}").json()
    assert after["entries"][0]["id"] == "other"


def test_closed_days_stand_in_a_statement(server: Server) -> None:
    closed = (servers.NOON - dt.timedelta(days=30)).date()
    reply = server.post({
        "id": "close", "kind": "day closed", "date": closed.isoformat(),
        "occurred_at": days_ago(28),
    })  # fmt: skip
    assert reply.status == 201
    entry = pages(server, "m-3", 10)[0][0]
    assert (entry["kind"], entry["id"]) == ("closing", "close")
    assert {p["kind"] for p in entry["postings"]} == {"expire"}
    assert "store" not in entry


@pytest.mark.parametrize(
    ("query", "slug"),
    [
        ("limit=0", "invalid-parameter"), ("limit=501", "invalid-parameter"),
        ("limit=-1", "invalid-parameter"), ("limit=x", "invalid-parameter"),
        ("limit=٣", "invalid-parameter"), ("limit=1&limit=2", "invalid-parameter"),
        ("cursor=", "invalid-parameter"), ("cursor=zz", "invalid-parameter"),
        ("cursor=0", "invalid-parameter"), ("cursor=ffffffffffffffff", "invalid-parameter"),
        ("cursor=1", "invalid-parameter"), ("cursor=11111111111111111", "invalid-parameter"),
        ("at=2025-01-01T00:00:00Z", "invalid-parameter"),
    ],
)  # fmt: skip
def test_bad_pages_are_refused(server: Server, query: str, slug: str) -> None:
    reply = server.get(f"/v1/members/m-1/statement?{quote(query, safe='=&')}")
    assert (reply.status, reply.slug) == (400, slug)


def test_another_member_s_cursor_is_refused(server: Server) -> None:
    seq = server.get("/v1/events/other").json()["answer"]["seq"]
    reply = server.get(f"/v1/members/m-1/statement?cursor={seq:x}")
    assert (reply.status, reply.slug) == (400, "invalid-parameter")


def test_an_unknown_member_has_no_statement(server: Server) -> None:
    assert server.get("/v1/members/nobody/statement").slug == "not-found"


# -- tags -------------------------------------------------------------------------------------


def again(server: Server, path: str, tag: str) -> Reply:
    """The answer to somebody who has a tag."""
    return server.ask("GET", path, None, {"If-None-Match": tag})


@pytest.mark.parametrize(
    "path",
    ["/v1/members/m-1", "/v1/members/m-1?at=2025-11-01T00:00:00Z", "/v1/events/s-0",
     "/v1/members/m-1/statement", "/v1/programs", "/v1/programs/1", "/v1/rules/base/budget"],
)  # fmt: skip
def test_a_tag_is_good_until_something_changes(server: Server, path: str) -> None:
    told = server.get(path)
    if told.status == 404:
        path = "/v1/members/m-1"
        told = server.get(path)
    tag = told.headers["etag"]
    for asked in (tag, f'"x", {tag}', "*", tag.removeprefix("W/"), f'W/"y" ,{tag}'):
        reply = again(server, path, asked)
        assert (reply.status, reply.body, reply.headers["etag"]) == (304, b"", tag)
    assert again(server, path, '"other"').status == 200
    assert again(server, path, "").status == 200
    for broken in ("no quotes", '"a" "b"', f"{tag} x", ",", '"'):
        assert again(server, path, broken).slug == "invalid-parameter"


def test_a_sale_changes_the_tags(server: Server) -> None:
    paths = ["/v1/members/m-4", "/v1/members/m-4/statement"]
    server.post(fact("t-1", member="m-4"))
    tags = [server.get(path).headers["etag"] for path in paths]
    server.post(fact("t-2", member="m-4"))
    for path, tag in zip(paths, tags, strict=True):
        assert again(server, path, tag).status == 200


# -- budgets ------------------------------------------------------------------------------------


def test_a_budget_is_told_until_it_is_closed(server: Server) -> None:
    told = server.get("/v1/rules/base/budget").json()
    assert told["rule"] == "base"
    assert (told["currency"], told["budget"]) == ("points", 60)
    # Sales at 16, and commits of one fact each: the fourth reached it.
    assert (told["given"], told["left"], told["overrun"]) == (64, 0, 4)
    assert told["closed"]
    assert isinstance(told["closed_seq"], int)


def test_a_rule_without_a_budget_has_none(server: Server) -> None:
    for rule in ("milk", "nothing"):
        assert server.get(f"/v1/rules/{rule}/budget").slug == "not-found"
