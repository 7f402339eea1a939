"""Referrals over HTTP, with one process and with several."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import quote

import pytest

from . import servers
from .servers import Fact, Server, days_ago, fact

PROGRAM = servers.PROGRAM + """
[[referral]]
id = "friend"
currency = "points"
referred = 100
referrer = 200
at_least = 1_000
cap = 2
"""


@pytest.fixture(scope="module", params=[1, 2], ids=["one", "workers"])
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    ledger = tmp_path_factory.mktemp("referrals") / "ledger"
    with servers.serving(ledger, workers=request.param, program=PROGRAM) as running:
        yield running


def enrol(member: str, referrer: str | None = None) -> Fact:
    """The fact of a member that somebody may have referred."""
    fact: Fact = {
        "id": f"e-{member}", "kind": "enrol", "occurred_at": days_ago(9), "member": member,
    }  # fmt: skip
    return fact if referrer is None else fact | {"referrer": referrer}


def sale(member: str, net: int, days: float, part: str = "s") -> Fact:
    """A basket of one line."""
    lines = [{"sku": "bread", "quantity": 1_000, "net": net}]
    return fact(f"{part}-{member}", member=member, lines=lines, occurred_at=days_ago(days))


def active(server: Server, member: str) -> int:
    """Active points of a member."""
    return int(server.get(f"/v1/members/{member}").json()["balances"]["points"]["active"])


def test_both_get_their_points_and_lose_them_with_the_sale(server: Server) -> None:
    for member, referrer in (("anna", None), ("bert", "anna"), ("cora", "anna"), ("dora", "anna")):
        assert server.post(enrol(member, referrer)).status == 201
    assert server.post(sale("bert", 900, 8, "small")).status == 201
    assert active(server, "anna") == 0
    answer = server.post(sale("bert", 1_000, 7)).json()
    given = {p["rule"]: p["points"] for p in answer["postings"]}
    assert given["friend"] == 100
    assert active(server, "anna") == 200
    assert server.get("/v1/members/anna").json()["referrals"]["friend"] == {"brought": 1, "left": 1}
    assert server.get("/v1/members/bert").json()["referrer"] == "anna"
    before = quote(days_ago(7.5))
    assert "referrals" not in server.get(f"/v1/members/anna?at={before}").json()

    # The cap is two.
    assert server.post(sale("cora", 2_000, 6)).status == 201
    assert server.post(sale("dora", 2_000, 5)).status == 201
    assert active(server, "anna") == 400

    # The whole sale comes back: so do the points of both.
    back = {
        "id": "r-cora", "kind": "return", "occurred_at": days_ago(4), "member": "cora",
        "sale": "s-cora", "lines": [{"line": 1, "quantity": 1_000, "net": 2_000}],
    }  # fmt: skip
    assert server.post(back).status == 201
    assert (active(server, "cora"), active(server, "anna")) == (0, 200)


@pytest.mark.parametrize(
    ("member", "referrer", "slug"),
    [
        ("anna", "anna", "self-referral"),
        ("frida", "nobody", "unknown-referrer"),
        ("anna", "bert", "referral-circle"),
        ("bert", "dora", "already-referred"),
    ],
)
def test_who_cannot_be_a_referrer(
    server: Server, member: str, referrer: str, slug: str
) -> None:
    fact = enrol(member, referrer) | {
        "id": f"u-{slug}", "kind": "member update", "occurred_at": days_ago(1),
    }  # fmt: skip
    reply = server.post(fact)
    assert reply.status in {409, 422}
    assert reply.slug == slug
