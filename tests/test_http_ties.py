"""Merges and households over HTTP, with one process and with several (rulebook section 7)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from . import servers
from .servers import JSON, Fact, Reply, Server, days_ago, dumps, fact


@pytest.fixture(scope="module", params=[1, 2], ids=["one", "workers"])
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("ties")
    with servers.serving(folder / "ledger", workers=request.param) as running:
        yield running


def put(server: Server, path: str, body: Fact) -> Reply:
    """A fact by a path of its kind."""
    with server.connection() as connection:
        return connection.ask("POST", path, dumps(body), {"Content-Type": JSON})


def test_a_merge_and_its_undoing(server: Server) -> None:
    for place, member in enumerate(("m", "n")):
        sale = fact(f"s-{member}", member=member, occurred_at=days_ago(9 - place))
        assert server.post(sale).status == 201
    body: Fact = {"id": "g", "occurred_at": days_ago(7), "member": "m", "other": "n"}
    merged = put(server, "/v1/merges", body)
    assert (merged.status, merged.json()["status"]) == (201, "ok")
    assert put(server, "/v1/merges", body).headers["idempotent-replayed"] == "true"
    both = server.get("/v1/members/n").json()
    assert (both["id"], both["merged"], both["purchases"]) == ("m", ["n"], 2)
    assert {**server.get("/v1/members/m").json(), "as_of": ""} == {**both, "as_of": ""}
    entries = server.get("/v1/members/n/statement").json()["entries"]
    assert [(entry["id"], entry["member"]) for entry in entries] == [
        ("g", "m"), ("s-n", "n"), ("s-m", "m"),
    ]  # fmt: skip
    why = server.get("/v1/events/g/explain").json()
    assert (why["status"], why["agrees"]) == ("ok", True)
    assert {lot["source"] for lot in why["lots"]} == {"s-n"}
    undone: Fact = {"id": "u", "occurred_at": days_ago(6), "member": "m"}
    assert put(server, "/v1/merges/g/undo", undone).status == 201
    assert server.get("/v1/members/n").json()["id"] == "n"
    again = put(server, "/v1/merges/g/undo", {**undone, "id": "v"})
    assert (again.status, again.json()["type"]) == (409, "urn:vafa:problem:already-undone")
    assert server.get("/v1/events/g/explain").json()["agrees"] is True


def test_a_household(server: Server) -> None:
    enrol: Fact = {
        "kind": "enrol", "id": "h", "occurred_at": days_ago(5), "member": "home",
        "type": "household",
    }  # fmt: skip
    assert server.post(enrol).status == 201
    joins: Fact = {"id": "p", "occurred_at": days_ago(4), "member": "k"}
    assert put(server, "/v1/accounts/home/join", joins).status == 201
    assert server.post(fact("s-k", member="k", occurred_at=days_ago(3))).status == 201
    home = server.get("/v1/members/home").json()
    assert (home["type"], home["members"], home["purchases"]) == ("household", ["k"], 1)
    assert server.get("/v1/members/k").json()["account"] == "home"
    refused = put(server, "/v1/accounts/m/join", {**joins, "id": "q"})
    assert (refused.status, refused.json()["type"]) == (409, "urn:vafa:problem:not-a-household")
    leaves: Fact = {"id": "r", "occurred_at": days_ago(2), "member": "k"}
    assert put(server, "/v1/accounts/home/leave", leaves).status == 201
    assert server.get("/v1/members/k").json()["purchases"] == 0
