"""Claims over HTTP, with one process and with several."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from . import servers
from .servers import Fact, Reply, Server, days_ago, dumps, fact, lines_of

PROGRAM = servers.PROGRAM.replace('zone = "UTC"\n', 'zone = "UTC"\nclaim_days = 20\n')


@pytest.fixture(scope="module", params=[1, 2], ids=["one", "workers"])
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    ledger = tmp_path_factory.mktemp("claims") / "ledger"
    with servers.serving(ledger, workers=request.param, program=PROGRAM) as running:
        yield running


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    """Names of a test's own."""
    return str(abs(hash(request.node.name)) % 10**9)


def nobodys(name: str, days: float = 5) -> Fact:
    """A sale without a member."""
    sale = fact(name, occurred_at=days_ago(days))
    del sale["member"]
    return sale


def claim(name: str, sale: str, member: str, days: float = 1) -> Fact:
    """The body of a claim."""
    return {"id": name, "occurred_at": days_ago(days), "member": member, "sale": sale}


def to(server: Server, path: str, body: Fact) -> Reply:
    """POST a fact to a path of its kind."""
    return server.ask("POST", path, dumps(body), {"Content-Type": servers.JSON})


def test_a_receipt_is_claimed(server: Server, name: str) -> None:
    sale, member = f"s-{name}", f"m-{name}"
    early = to(server, "/v1/claims", claim(f"k-{name}", sale, member))
    assert (early.status, early.slug) == (422, "unknown-sale")
    rung = server.post(nobodys(sale))
    assert (rung.status, rung.json()["balances"]) == (201, {})
    assert server.get(f"/v1/events/{sale}").json().keys() == {"fact", "answer", "program"}
    answer = to(server, "/v1/claims", claim(f"k-{name}", sale, member))
    assert answer.status == 201
    told = answer.json()
    points = sum(p["points"] for p in told["postings"] if p["currency"] == "points")
    assert points == told["balances"]["points"]["active"] > 0
    again = to(server, "/v1/claims", claim(f"k-{name}", sale, member))
    assert (again.status, again.json()) == (200, told | {"status": "replayed"})
    other = to(server, "/v1/claims", claim(f"o-{name}", sale, f"n-{name}"))
    assert (other.status, other.slug) == (409, "already-claimed")
    assert server.get(f"/v1/events/k-{name}").json()["answer"]["postings"] == told["postings"]
    shown = server.get(f"/v1/events/{sale}").json()
    assert "member" not in shown["fact"]
    assert shown["claimed"] == {"claim": f"k-{name}", "member": member}
    why = server.get(f"/v1/events/{sale}/explain")
    assert (why.status, why.json()["member"], why.json()["agrees"]) == (200, member, True)
    entries = server.get(f"/v1/members/{member}/statement").json()["entries"]
    assert [(one["kind"], one["id"]) for one in entries] == [
        ("sale", sale), ("claim", f"k-{name}")
    ]  # fmt: skip
    body = {"id": f"u-{name}", "occurred_at": days_ago(0.5), "member": member}
    undone = to(server, f"/v1/claims/k-{name}/cancel", body)
    assert (undone.status, undone.json()["balances"]["points"]["active"]) == (201, 0)
    assert server.get(f"/v1/events/u-{name}").json()["fact"]["kind"] == "cancel"
    assert "claimed" not in server.get(f"/v1/events/{sale}").json()
    told = server.get(f"/v1/events/{sale}/explain").json()
    assert (told["about"], told["members"]) == ("everyone", [])
    assert member not in str(told)


def test_nobodys_sales_come_in_batches(server: Server, name: str) -> None:
    sales = [nobodys(f"s{n}-{name}") for n in range(5)]
    mine = fact(f"m-{name}", member=f"m-{name}", occurred_at=days_ago(4))
    taken = fact(f"k-{name}", **claim(f"k-{name}", f"s3-{name}", f"m-{name}"), kind="claim")
    for gone in ("lines", "store", "terminal", "tenders"):
        taken.pop(gone, None)
    rows = server.post(lines_of(*sales, mine, taken), kind=servers.NDJSON).rows()
    assert [row["status"] for row in rows] == ["ok"] * 7
    assert [bool(row["balances"]) for row in rows] == [False] * 5 + [True] * 2
    shown = server.get(f"/v1/members/m-{name}").json()
    assert shown["purchases"] == 2


def test_a_late_claim_is_refused(server: Server, name: str) -> None:
    server.post(nobodys(f"s-{name}", 25))
    late = to(server, "/v1/claims", claim(f"k-{name}", f"s-{name}", f"m-{name}"))
    assert (late.status, late.slug) == (409, "claim-window-over")
