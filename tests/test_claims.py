"""Claims: receipts rung up without a member become a member's, once, in their time."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from vafa.engine.columns.answers import Answer
from vafa.engine.explain.explain import Explainer, UnknownFact
from vafa.engine.explain.shape import ControlTold, Explanation
from vafa.engine.ledger.replay import Rebuilt, verify
from vafa.engine.replica.checkpoint import remove
from vafa.engine.replica.replica import Replica, state_path
from vafa.engine.views.views import member_lots, member_view
from vafa.engine.wire.json_facts import decode_fact

from . import engine_driver, random_claims, reference_driver
from .cases import Case
from .mixed import start
from .outcomes import differences, settled

PROGRAM = """
format = 1
id = "claims"
unit = { code = "USD" }
zone = "UTC"
late_limit_days = 36_500
claim_days = 30

[[currency]]
id = "points"
expiry = { policy = "after", months = 12 }

[[rule]]
id = "base"
kind = "earn"
points = 1
per = 100

[[rule]]
id = "welcome"
kind = "bonus"
points = 50
when = { first_purchase = ["ever"] }
"""
DRAWN = 12


class Shop:
    """A ledger that takes facts as they stand on the wire."""

    def __init__(self, ledger: Path, program: str = PROGRAM) -> None:
        self.ledger = ledger
        self.writer = start(ledger, program)

    def send(self, kind: str, name: str, day: str, **fields: Any) -> Answer:
        """The answer to a fact at noon of a day, or the slug of why it keeps nothing."""
        fact = {"id": name, "kind": kind, "occurred_at": f"{day}T12:00:00Z", **fields}
        verdict = self.writer.commit_fact(decode_fact(json.dumps(fact).encode()))
        return verdict.answer or {"reason": verdict.refusal.slug if verdict.refusal else ""}

    def sell(self, name: str, day: str, **fields: Any) -> Answer:
        """Tea for 10.00 and milk for 20.00."""
        lines = [
            {"sku": "tea", "quantity": 1000, "net": 1000},
            {"sku": "milk", "quantity": 2000, "net": 2000},
        ]
        return self.send("sale", name, day, lines=lines, **fields)

    def tea_back(self, name: str, day: str, **fields: Any) -> Answer:
        """The tea comes back."""
        line = {"line": 1, "quantity": 1000, "net": 1000}
        return self.send("return", name, day, lines=[line], **fields)

    def claim(self, name: str, day: str, sale: str = "s77", **fields: Any) -> Answer:
        """A claim of m1, unless another member is given."""
        return self.send("claim", name, day, **{"member": "m1", "sale": sale, **fields})

    def active(self, member: str) -> int:
        """A member's points."""
        shown = member_view(self.writer.replica, member)
        return 0 if shown is None else int(shown["balances"]["points"]["active"])

    def checked(self) -> None:
        """A replay, and a ledger opened without its checkpoint, come to the same."""
        state = engine_driver.hash_of(self.writer.replica)
        receipts = self.writer.replica.membership.receipts.by_sale
        parked = self.writer.replica.parked
        self.writer.close()
        report = verify(self.ledger)
        assert report.clean, report.findings
        assert report.state_hash == state
        remove(state_path(self.ledger))
        opened = Replica.open(self.ledger)
        assert engine_driver.hash_of(opened) == state
        assert (opened.membership.receipts.by_sale, opened.parked) == (receipts, parked)
        opened.close()


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path / "ledger")


def of(answer: Answer) -> str:
    """The reason of a refusal, else the status."""
    return str(answer.get("reason") or answer["status"])


def given(answer: Answer) -> list[tuple[str | None, str, int]]:
    """Postings as (rule, kind, points)."""
    return [(p["rule"], p["kind"], p["points"]) for p in answer["postings"]]


def test_a_claimed_sale_earns_as_it_would_have_at_its_place(shop: Shop) -> None:
    told = shop.sell("s77", "2026-03-01")
    assert told["status"] == "ok"
    assert (told["postings"], told["balances"], told["tier"]) == ([], {}, None)
    shop.sell("later", "2026-03-05", member="m1")
    assert shop.active("m1") == 30 + 50
    answer = shop.claim("k1", "2026-03-20")
    # It was the first purchase: the welcome moves to it.
    assert given(answer) == [
        ("base", "earn", 30), ("welcome", "bonus", 50), ("welcome", "correct", -50)
    ]  # fmt: skip
    assert shop.active("m1") == 30 + 30 + 50
    lots = member_lots(shop.writer.replica, "m1")
    assert [lot["earned"] for lot in lots] == ["2026-03-01", "2026-03-05"]
    shop.checked()


def test_it_is_claimed_once_and_told_again_as_at_first(shop: Shop) -> None:
    shop.sell("s77", "2026-03-01")
    first = shop.claim("k1", "2026-03-02")
    again = shop.claim("k1", "2026-03-02")
    assert again == first | {"status": "replayed"}
    assert of(shop.claim("k1", "2026-03-03")) == "id-reused"
    assert of(shop.claim("k2", "2026-03-03")) == "already-claimed"
    assert of(shop.claim("k3", "2026-03-03", member="m2")) == "already-claimed"
    assert shop.active("m1") == 80
    shop.checked()


def test_what_cannot_be_claimed(shop: Shop) -> None:
    shop.sell("s77", "2026-03-01")
    shop.sell("mine", "2026-03-01", member="m1")
    assert of(shop.claim("k1", "2026-03-02", "mine")) == "sale-has-member"
    assert of(shop.claim("k2", "2026-03-02", "k1")) == "not-a-sale"
    # Till and app may be apart for a while: nothing is kept of it, and it may come again.
    assert of(shop.claim("k3", "2026-03-02", "s78")) == "unknown-sale"
    shop.sell("s78", "2026-03-01")
    assert of(shop.claim("k3", "2026-03-02", "s78")) == "ok"
    assert of(shop.claim("k4", "2026-04-01")) == "claim-window-over"
    assert of(shop.claim("k5", "2026-03-31")) == "ok"
    shop.checked()


def test_a_member_that_has_left_claims_nothing(shop: Shop) -> None:
    shop.sell("s77", "2026-03-01")
    shop.sell("mine", "2026-02-01", member="m1")
    shop.send("close", "gone", "2026-03-02", member="m1")
    assert of(shop.claim("k1", "2026-03-03")) == "member-closed"
    assert of(shop.claim("k2", "2026-03-03", member="m2")) == "ok"
    shop.checked()


def test_returns_before_and_after_a_claim(shop: Shop) -> None:
    shop.sell("s77", "2026-03-01")
    # Nobody's, and the member's who has thrown no card on the counter.
    assert of(shop.tea_back("r0", "2026-03-02", sale="s77")) == "parked"
    answer = shop.claim("k1", "2026-03-03")
    assert answer["parked"] == [{
        "id": "r0", "status": "ok",
        "postings": [{"rule": "base", "kind": "reverse", "currency": "points", "points": -10}],
    }]  # fmt: skip
    assert shop.active("m1") == 70
    assert of(shop.tea_back("r1", "2026-03-04", sale="s77")) == "returns-too-much"
    milk = [{"sku": "milk", "quantity": 2000, "net": 2000}]
    # The receipt tells whose it is.
    told = shop.send("return", "r2", "2026-03-05", sale="s77", lines=milk)
    assert told["balances"]["points"]["active"] == shop.active("m1") == 0
    assert shop.send("return", "r2", "2026-03-05", sale="s77", lines=milk)["status"] == "replayed"
    shop.checked()


def test_a_member_s_return_waits_for_its_claim(shop: Shop) -> None:
    assert of(shop.tea_back("r0", "2026-03-02", sale="s77", member="m1")) == "parked"
    shop.sell("s77", "2026-03-01")
    assert of(shop.tea_back("r1", "2026-03-02", sale="s77", member="m2")) == "parked"
    answer = shop.claim("k1", "2026-03-03")
    assert [(p["id"], p["status"], p.get("reason")) for p in answer["parked"]] == [
        ("r0", "ok", None), ("r1", "refused", "wrong-member")
    ]  # fmt: skip
    assert shop.active("m1") == 70
    assert of(shop.tea_back("r2", "2026-03-04", sale="s77", member="m2")) == "wrong-member"
    shop.checked()


def test_a_cancelled_claim_gives_the_sale_back_to_nobody(shop: Shop) -> None:
    shop.sell("s77", "2026-03-01")
    shop.claim("k1", "2026-03-02")
    shop.tea_back("r0", "2026-03-03", sale="s77", member="m1")
    shop.send(
        "redeem", "d1", "2026-03-04", member="m1", currency="points", points=40
    )
    assert shop.active("m1") == 30
    assert of(shop.send("cancel", "u0", "2026-03-05", member="m2", claim="k1")) == "wrong-member"
    told = shop.send("cancel", "u1", "2026-03-05", member="m1", claim="k1")
    # What was spent is owed (section 9).
    assert given(told) == [("base", "reverse", -20), ("welcome", "reverse", -50)]
    assert told["balances"]["points"] == {"active": 0, "pending": 0, "held": 0, "debt": 40}
    again = shop.send("cancel", "u2", "2026-03-06", member="m1", claim="k1")
    assert of(again) == "already-cancelled"
    assert of(shop.send("cancel", "u3", "2026-03-06", member="m1", claim="s77")) == (
        "not-a-redemption"
    )
    # What had come back of it stays back, whoever claims it.
    assert of(shop.claim("k2", "2026-03-07", member="m2")) == "ok"
    assert (shop.active("m1"), shop.active("m2")) == (0, 70)
    shop.send("cancel", "u4", "2026-03-08", member="m2", claim="k2")
    assert of(shop.claim("k3", "2026-03-09")) == "ok"
    # As if it had never been given back: the 40 are paid out of 20 and 50.
    assert (shop.active("m1"), shop.active("m2")) == (30, 0)
    shop.checked()


def test_a_sale_claimed_by_two_that_are_merged_later(shop: Shop) -> None:
    shop.sell("s77", "2026-03-01")
    shop.claim("k1", "2026-03-02")
    shop.send("cancel", "u1", "2026-03-03", member="m1", claim="k1")
    shop.claim("k2", "2026-03-04", member="m2")
    told = shop.send("merge", "t1", "2026-03-05", member="m2", other="m1")
    # What the first claim gave and took is of no sale of theirs any more.
    assert sorted(given(told)) == [
        ("base", "correct", -30), ("base", "correct", 30),
        ("welcome", "correct", -50), ("welcome", "correct", 50),
    ]  # fmt: skip
    assert shop.active("m2") == 80
    shop.checked()


def test_a_program_without_claims_takes_no_sale_of_nobody(tmp_path: Path) -> None:
    shop = Shop(tmp_path / "ledger", PROGRAM.replace("claim_days = 30\n", ""))
    assert of(shop.sell("s77", "2026-03-01")) == "invalid-fact"
    assert of(shop.sell("s77", "2026-03-01", member="m1")) == "ok"


def test_a_card_claims_as_well(shop: Shop) -> None:
    shop.send("enrol", "e1", "2026-02-01", member="m1", cards=["c-1"])
    shop.sell("s77", "2026-03-01")
    answer = shop.send("claim", "k1", "2026-03-02", card="c-1", sale="s77")
    assert answer["balances"]["points"]["active"] == 80
    shop.checked()


def test_claims_stand_in_the_checkpoint(shop: Shop) -> None:
    shop.sell("s77", "2026-03-01")
    shop.sell("s78", "2026-03-01")
    shop.claim("k1", "2026-03-02")
    shop.claim("k2", "2026-03-02", "s78")
    shop.send("cancel", "u2", "2026-03-03", member="m1", claim="k2")
    shop.writer.close()
    opened = Replica.open(shop.ledger)
    try:
        assert opened.checkpoint_seq == opened.seq
        receipts = opened.membership.receipts
        assert (receipts.owner("s77"), receipts.owner("s78")) == (0, None)
        assert (receipts.sale_of("k1"), receipts.sale_of("k2")) == ("s77", None)
    finally:
        opened.close()


def test_claims_are_explained(shop: Shop) -> None:
    shop.sell("s77", "2026-03-01")
    shop.sell("s78", "2026-03-01")
    shop.tea_back("r0", "2026-03-02", sale="s77")
    shop.claim("k1", "2026-03-03")
    shop.send("cancel", "u1", "2026-03-04", member="m1", claim="k1")
    shop.claim("k2", "2026-03-05")
    explainer = Explainer(shop.writer.replica, "en")
    for name, points in (("k2", 80), ("s77", 80), ("r0", -10)):
        told = explainer.fact(name)
        assert isinstance(told, Explanation)
        assert told.agrees, told.differences
        assert sum(p.points for p in told.postings) == points
    nobodys = explainer.fact("s78")
    assert isinstance(nobodys, ControlTold)
    assert (nobodys.status, nobodys.members, nobodys.fact["id"]) == ("ok", [], "s78")
    assert nobodys.sentences[1:] == ["It changed nobody's points."]
    waits = of(shop.tea_back("r78", "2026-03-06", sale="s78"))
    back = explainer.fact("r78")
    assert isinstance(back, ControlTold)
    assert (back.status, waits) == ("parked", "parked")
    assert "s78" in (back.sentences or [])[1]
    with pytest.raises(UnknownFact, match="is nobody's"):
        explainer.fact("s78", "m1")
    with pytest.raises(UnknownFact, match="claimed it again"):
        explainer.fact("k1")


# -- drawn cases -------------------------------------------------------------------------------


@pytest.mark.parametrize("number", range(DRAWN))
def test_kernel_and_reference_agree_on_drawn_claims(number: int) -> None:
    case = random_claims.case_of(random.Random(number).randbytes(16))
    alone = Case(case.name, case.programs, case.facts)
    with engine_driver.ledger(alone) as writer:
        ledger = engine_driver.seen(writer.replica, alone)
        state = engine_driver.hash_of(writer.replica)
        replay = Rebuilt(writer.journal).report
        assert replay.clean, replay.findings
        assert replay.state_hash == state
        told = list(Explainer(writer.replica).all())
        # What a late fact changes by postings that sum to nothing is told by no correction.
        unlike = [
            (one.id, part) for one in told for part in one.differences if part.what == "points"
        ]  # fmt: skip
        assert not unlike, unlike[:3]
    reference = reference_driver.run(alone)
    found = list(differences(settled(ledger, alone), settled(reference, alone)))
    assert not found, "\n".join(found[:3])
    with engine_driver.ledger(case) as writer:
        assert engine_driver.hash_of(writer.replica) == state
