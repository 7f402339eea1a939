"""Batches that are kept whole or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from vafa.engine.ledger.replay import verify
from vafa.engine.replica.replica import Replica
from vafa.server.problems import PROBLEMS

from . import mixed, servers
from .servers import ARROW, NDJSON, Fact, Server, fact, lines_of, stream_of, table_of

ATOMIC = "?atomic=true"


@pytest.fixture(params=[1, 2], ids=["alone", "workers"])
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Server]:
    with servers.serving(tmp_path / "ledger", request.param) as running:
        running.post(fact("before", member="m-0"))
        yield running
    assert verify(tmp_path / "ledger").findings == []


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for many tests, each with facts of its own."""
    ledger = tmp_path_factory.mktemp("atomic") / "ledger"
    with servers.serving(ledger) as running:
        running.post(fact("before", member="m-0"))
        yield running
    assert verify(ledger).findings == []


def digest(server: Server) -> str:
    """The state hash of what is on stable storage."""
    replica = Replica.open(server.ledger)
    try:
        return mixed.hash_of(replica)
    finally:
        replica.close()


def redeem(name: str, member: str, points: int) -> Fact:
    """Points that are spent."""
    return {"id": name, "kind": "redeem", "occurred_at": servers.days_ago(1), "member": member,
            "currency": "points", "points": points}


def blamed(reply: servers.Reply) -> list[tuple[int, str]]:
    """(line, slug) of the facts that an atomic batch was refused for."""
    assert (reply.status, reply.slug) == (422, "batch-refused")
    refused: list[dict[str, Any]] = reply.json()["refused"]
    return [(one["line"], one["problem"]["type"].rpartition(":")[2]) for one in refused]


def test_a_sound_batch_is_one_commit(server: Server) -> None:
    batch = lines_of(fact("a", member="m-1"), b"", fact("b", member="m-2"), redeem("c", "m-1", 5))
    told = server.post(batch, NDJSON, ATOMIC)
    assert [(row["line"], row["status"]) for row in told.rows()] == [
        (1, "ok"), (3, "ok"), (4, "ok")
    ]
    again = server.post(batch, NDJSON, ATOMIC)
    assert [row["status"] for row in again.rows()] == ["replayed"] * 3
    assert server.seq() == 5


@pytest.mark.parametrize(
    ("bad", "slug"),
    [
        (redeem("bad", "m-1", 10**9), "insufficient-points"),
        (redeem("bad", "m-1", 1) | {"currency": "gold"}, "unknown-currency"),
        (fact("bad", member="m-1", occurred_at=servers.days_ago(-2)), "in-future"),
        (fact("before", member="m-1"), "id-reused"),
        (fact("bad", lines=[]), "invalid-fact"),
        (b"{", "invalid-json"),
        ({"id": "bad", "kind": "catalog", "occurred_at": servers.days_ago(1),
          "products": [{"sku": "x"}]}, "invalid-fact"),
    ],
    ids=["points", "currency", "future", "reused", "form", "json", "catalogue"],
)  # fmt: skip
def test_one_bad_fact_keeps_all_out(
    alone: Server, request: pytest.FixtureRequest, bad: Fact | bytes, slug: str
) -> None:
    name = request.node.callspec.id
    good, more = fact(f"a-{name}", member="m-1"), fact(f"d-{name}", member="m-0")
    was = digest(alone), alone.seq()
    new = fact(f"b-{name}", member="m-9", store="new")
    reply = alone.post(lines_of(good, new, bad, more, good), NDJSON, ATOMIC)
    assert blamed(reply) == [(3, slug)]
    assert (digest(alone), alone.seq()) == was
    assert alone.get("/v1/members/m-9").status == 404
    assert alone.get(f"/v1/events/a-{name}").status == 404
    # Nothing stands in the way of the others.
    told = alone.post(lines_of(good, more), NDJSON, ATOMIC)
    assert [row["status"] for row in told.rows()] == ["ok", "ok"]


def test_facts_that_compete_are_refused_together(alone: Server) -> None:
    seq = alone.seq()
    active = alone.get("/v1/members/m-0").json()["balances"]["points"]["active"]
    batch = lines_of(redeem("that-r-1", "m-0", active), redeem("that-r-2", "m-0", 1))
    assert blamed(alone.post(batch, NDJSON, ATOMIC)) == [(2, "insufficient-points")]
    assert alone.seq() == seq
    assert alone.post(redeem("that-r-2", "m-0", 1)).status == 201


def test_a_fact_that_was_refused_for_ever_is_not_whole(alone: Server) -> None:
    assert alone.post(redeem("fact-gone", "m-0", 10**9)).status == 409
    batch = lines_of(fact("fact-a"), redeem("fact-gone", "m-0", 10**9))
    assert blamed(alone.post(batch, NDJSON, ATOMIC)) == [(2, "insufficient-points")]
    assert alone.get("/v1/events/fact-a").status == 404


def test_what_was_known_before_is_a_repeat(alone: Server) -> None:
    told = alone.post(lines_of(fact("before", member="m-0"), fact("was-a")), NDJSON, ATOMIC)
    assert [row["status"] for row in told.rows()] == ["replayed", "ok"]


def test_arrow_batches_are_whole_too(server: Server) -> None:
    good, bad = [fact("a"), fact("b")], fact("c", occurred_at=servers.days_ago(-2))
    was = digest(server)
    reply = server.post(stream_of(table_of([*good, bad])), ARROW, ATOMIC)
    assert blamed(reply) == [(3, "in-future")]
    assert digest(server) == was
    (row,) = reply.json()["refused"]
    assert row["problem"]["detail"] == PROBLEMS[row["problem"]["type"].rpartition(":")[2]].when
    told = server.post(stream_of(table_of(good)), ARROW, ATOMIC).table()
    assert [row["status"] for row in told] == ["ok", "ok"]


def test_a_batch_of_nothing_is_one(alone: Server) -> None:
    assert alone.post(b"\n", NDJSON, ATOMIC).rows() == []
    assert alone.post(fact("batch-a"), query=ATOMIC).status == 201
