"""Gift cards that a rule's money becomes: a member's own goes on a card."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from vafa.engine.columns.gift_accounts import account_of
from vafa.engine.explain.explain import Explainer
from vafa.engine.explain.shape import Explanation
from vafa.engine.facts import GiftCardFundFact
from vafa.engine.journal.journal import StorageFull
from vafa.engine.ledger.replay import verify
from vafa.engine.ledger.writer import Writer
from vafa.engine.views.views import member_view

from . import mixed, servers
from .mixed import answers, at, commit, points, sale, told
from .test_closing import close
from .test_gift_cards import DAY, GIFTS, issue, on, spend

PROGRAM = mixed.PROGRAM + GIFTS + """
[[rule]]
id = "milk-money"
kind = "bonus"
currency = "gift"
points = 5
when = { sku = ["milk"], min_amount = 5_000, nth_purchase = [1, 2] }
"""


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[Writer]:
    """A ledger that is verified at the end, from its checkpoint and from the journal alone."""
    with mixed.verified(tmp_path, PROGRAM) as made:
        yield made


def fund(name: str, hours: float, amount: int, card: str | None = "A", **more: Any) -> Any:
    """Money of m goes on a card."""
    return GiftCardFundFact(name, at(hours), "m", amount, card, **more)


def test_what_a_rule_gave_becomes_a_card(writer: Writer) -> None:
    [bought] = answers(commit(writer, sale("s", 1)))
    assert points(bought["postings"])["milk-money", "bonus", None] == 500
    assert told(writer, fund("f", 2, 501)) == ["insufficient-points"]
    [made] = answers(commit(writer, fund("g", 2, 300)))
    assert made["card"] == "A"
    assert made["balances"]["gift"]["active"] == 200
    assert on(writer) == (300, 0)
    # Its money passes when the rule's would have: 90 days after it was earned.
    assert (on(writer, "A", DAY * 90), on(writer, "A", DAY * 91)) == ((300, 0), (0, 0))
    assert told(writer, fund("h", 3, 100)) == ["ok"]
    assert told(writer, issue("i", 3, 100)) == ["gift-card-known"]
    assert told(writer, spend("a", 4, 400)) == ["ok"]
    # It is no member: it has no anniversaries.
    close(writer, DAY * 367 + 1)
    account = member_view(writer.replica, account_of("A"))
    assert account is not None
    assert account["balances"]["points"]["active"] == 0
    explained = Explainer(writer.replica, "en").fact("g")
    assert isinstance(explained, Explanation)
    assert explained.agrees


def test_codes_are_chosen_and_stay(writer: Writer) -> None:
    commit(writer, sale("s", 1))
    [first] = answers(commit(writer, fund("f", 2, 100, None)))
    assert len(first["card"]) == 16
    assert on(writer, first["card"]) == (100, 0)
    [again] = answers(commit(writer, fund("f", 2, 100, None)))
    assert again == first | {"status": "replayed"}
    [verdict] = commit(writer, fund("f", 2, 101, None))
    assert verdict.refusal is not None
    assert verdict.refusal.slug == "id-reused"


def test_a_disk_that_is_full_makes_no_card(
    writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit(writer, sale("s", 1))
    before = mixed.hash_of(writer.replica)

    def full(*_: object) -> None:
        raise StorageFull("for the test")

    with monkeypatch.context() as patch:
        patch.setattr(writer, "append", full)
        with pytest.raises(StorageFull):
            commit(writer, fund("f", 2, 100, "B"))
    assert mixed.hash_of(writer.replica) == before
    assert told(writer, spend("a", 3, 1, "B")) == ["unknown-gift-card"]
    assert told(writer, fund("f", 2, 100, "B")) == ["ok"]
    assert told(writer, spend("b", 3, 100, "B")) == ["ok"]


def test_over_http(tmp_path: Path) -> None:
    program = servers.PROGRAM + """
[[currency]]
id = "gift"
kind = "credit"
scale = 2

[gift_cards]
currency = "gift"
"""
    with servers.serving(tmp_path, 2, program) as server:
        head = {"occurred_at": servers.days_ago(2), "member": "m"}
        server.post({"kind": "adjust", "id": "g", "currency": "gift", "points": 500, **head})
        made = server.post({"kind": "gift card fund", "id": "f", "amount": 200, **head})
        assert made.status == 201
        code = made.json()["card"]
        assert server.get(f"/v1/gift-cards/{code}").json()["balance"] == 200
        shown = server.get("/v1/events/f").json()["fact"]
        assert (shown["gift_card"], shown["amount"], shown["member"]) == (code, 200, "m")
        assert "to" not in shown
        again = server.post({"kind": "gift card fund", "id": "f", "amount": 200, **head})
        assert (again.status, again.json()["card"]) == (200, code)
    assert verify(tmp_path).findings == []
