"""Referrals: both sides get points with the first sale that qualifies, and lose them with it."""

from __future__ import annotations

import json
import random
import re
from pathlib import Path
from typing import Any

import pytest

from vafa.engine.checks.program_file import ProgramError, parse_program
from vafa.engine.columns.answers import Answer
from vafa.engine.columns.intake import DecodedFacts
from vafa.engine.explain.explain import Explainer
from vafa.engine.explain.shape import Explanation
from vafa.engine.facts.parts import FormError
from vafa.engine.ledger.replay import Rebuilt
from vafa.engine.views.views import member_lots, member_view
from vafa.engine.wire.json_facts import decode_fact

from . import engine_driver, random_referrals, reference_driver
from .cases import Case
from .outcomes import differences, settled
from .test_claims import Shop, given, of

PROGRAM = """
format = 1
id = "referrals"
unit = { code = "USD" }
zone = "UTC"
late_limit_days = 36_500
claim_days = 30

[[currency]]
id = "points"

[[rule]]
id = "base"
kind = "earn"
points = 1
per = 100

[[referral]]
id = "friend"
referred = 100
referrer = 200
at_least = 2_000
milestones = { 2 = 500 }
cap = 2
per = "year"
"""
DRAWN = 10


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    made = Shop(tmp_path / "ledger", PROGRAM)
    made.send("enrol", "e-anna", "2024-01-01", member="anna")
    return made


def refer(shop: Shop, member: str, referrer: str = "anna") -> Answer:
    """A member joins whom another has referred."""
    return shop.send("enrol", f"e-{member}", "2024-01-02", member=member, referrer=referrer)


def buy(shop: Shop, name: str, day: str, member: str, net: int = 3000) -> Answer:
    """A sale of one line."""
    line = {"sku": "tea", "quantity": 1000, "net": net}
    return shop.send("sale", name, day, member=member, lines=[line])


def all_back(shop: Shop, name: str, day: str, member: str, sale: str) -> Answer:
    """All of a sale of one line comes back."""
    line = {"line": 1, "quantity": 1000, "net": 3000}
    return shop.send("return", name, day, member=member, sale=sale, lines=[line])


def test_no_self_no_circle_not_twice(shop: Shop) -> None:
    assert of(refer(shop, "x", "nobody")) == "unknown-referrer"
    assert of(refer(shop, "b")) == of(refer(shop, "c", "b")) == "ok"
    update = {"day": "2026-01-03", "kind": "member update"}
    assert of(shop.send(name="u1", member="anna", referrer="anna", **update)) == "self-referral"
    assert of(shop.send(name="u2", member="c", referrer="anna", **update)) == "already-referred"
    assert of(shop.send(name="u3", member="anna", referrer="c", **update)) == "referral-circle"
    assert of(refer(shop, "x", "anna")) == "ok"
    shop.checked()


def test_both_sides_get_points_with_the_first_sale_that_qualifies(shop: Shop) -> None:
    refer(shop, "b")
    assert given(buy(shop, "s1", "2026-02-01", "b", 1000)) == [("base", "earn", 10)]
    assert given(buy(shop, "s2", "2026-02-02", "b")) == [
        ("base", "earn", 30), ("friend", "bonus", 100)
    ]  # fmt: skip
    assert given(buy(shop, "s3", "2026-02-03", "b")) == [("base", "earn", 30)]
    assert shop.active("anna") == 200
    shown = member_view(shop.writer.replica, "b") or {}
    assert shown["referrer"] == "anna"
    shown = member_view(shop.writer.replica, "anna") or {}
    # Of the year in which the page is looked at.
    assert shown["referrals"]["friend"]["brought"] == 1
    shop.checked()


def test_milestones_and_the_cap(shop: Shop) -> None:
    for n, member in enumerate(("b", "c", "d")):
        refer(shop, member)
        buy(shop, f"s{n}", f"2026-02-0{n + 1}", member)
    # 200, 200 and 500; nothing for the third of the year; one of another year.
    assert shop.active("anna") == 900
    refer(shop, "e")
    buy(shop, "s9", "2025-02-01", "e")
    assert shop.active("anna") == 1100
    shop.checked()


def test_a_referral_falls_with_the_return_and_comes_again(shop: Shop) -> None:
    for n, member in enumerate(("b", "c")):
        refer(shop, member)
        buy(shop, f"s{n}", f"2026-02-0{n + 1}", member)
    all_back(shop, "r1", "2026-02-05", "c", "s1")
    assert shop.active("anna") == 200
    shop.send("redeem", "d", "2026-02-06", member="anna", currency="points", points=150)
    all_back(shop, "r0", "2026-02-07", "b", "s0")
    anna = member_view(shop.writer.replica, "anna") or {}
    assert (anna["balances"]["points"]["active"], anna["balances"]["points"]["debt"]) == (0, 150)
    buy(shop, "s5", "2026-02-08", "b")
    assert shop.active("anna") == 50
    shop.checked()


def test_a_replay_leaves_what_the_referrer_has(shop: Shop) -> None:
    refer(shop, "b")
    buy(shop, "s2", "2026-02-05", "b")
    lots = member_lots(shop.writer.replica, "anna")
    late = buy(shop, "s1", "2026-02-01", "b")
    assert ("friend", "bonus", 100) in given(late)
    assert member_lots(shop.writer.replica, "anna") == lots
    shop.checked()


def test_a_claimed_sale_qualifies(shop: Shop) -> None:
    refer(shop, "m1")
    shop.sell("s77", "2026-02-01")
    assert ("friend", "bonus", 100) in given(shop.claim("k1", "2026-02-02"))
    assert shop.active("anna") == 200
    shop.send("cancel", "u1", "2026-02-03", member="m1", claim="k1")
    assert shop.active("anna") == 0
    shop.checked()


def test_who_has_left_gets_nothing(shop: Shop) -> None:
    refer(shop, "b")
    shop.send("close", "gone", "2026-01-20", member="anna")
    buy(shop, "s2", "2026-02-05", "b")
    assert shop.active("anna") == 0
    shop.checked()


@pytest.mark.parametrize(
    ("old", "new", "path"),
    [
        ("referrer = 200", "referrer = 0", "referral[0].referrer"),
        ("cap = 2\n", "", "referral[0].per"),
        ("{ 2 = 500 }", "{ two = 500 }", "referral[0].milestones"),
        ('id = "friend"', 'id = "base"', "referral[0].id"),
        ("cap = 2", 'cap = 2\nwhen = { activity = ["x"] }', "referral[0].when.activity"),
    ],
)
def test_what_a_program_may_not_say_of_referrals(old: str, new: str, path: str) -> None:
    text = PROGRAM.replace(old, new)
    with pytest.raises(ProgramError, match=re.escape(path)):
        parse_program(text)


def by_card(shop: Shop, name: str, of_card: str, **fields: Any) -> Answer:
    """A member joins whom the owner of a card has referred."""
    return shop.send("enrol", name, "2024-01-05", referrer_card=of_card, **fields)


def test_a_referrer_may_be_named_by_card(shop: Shop) -> None:
    shop.send("card link", "l1", "2024-01-01", member="anna", card="1001")
    shop.send("card link", "l2", "2024-01-01", member="anna", card="1002")
    shop.send("card block", "b2", "2024-01-02", card="1002")
    assert of(by_card(shop, "e1", "9999", member="bert")) == "unknown-card"
    assert of(by_card(shop, "e1", "1002", member="bert")) == "card-blocked"
    made = by_card(shop, "e2", "1001", member="bert", cards=["2001"])
    assert of(made) == "ok"
    assert of(by_card(shop, "e2", "1001", member="bert", cards=["2001"])) == "replayed"
    # The same member by name is another fact.
    other = shop.send(
        "enrol", "e2", "2024-01-05", member="bert", referrer="anna", cards=["2001"]
    )
    assert of(other) == "id-reused"
    assert of(by_card(shop, "e3", "1001", member="bert")) == "already-referred"
    assert of(by_card(shop, "e4", "2001", card="1001")) == "referral-circle"
    assert of(by_card(shop, "e5", "1001", card="1001")) == "self-referral"
    # What the card told stands, wherever it goes.
    shop.send("card link", "l3", "2024-01-06", member="cora", card="1001", move=True)
    buy(shop, "s1", "2024-01-07", "bert")
    assert shop.active("anna") == 200
    shown = member_view(shop.writer.replica, "bert")
    assert shown is not None
    assert shown["referrer"] == "anna"
    told = Explainer(shop.writer.replica).fact("e2", "bert")
    assert isinstance(told, Explanation)
    assert told.agrees
    shop.checked()


def test_a_card_told_of_in_the_same_batch_names_its_member(shop: Shop) -> None:
    facts: list[dict[str, Any]] = [
        {"kind": "enrol", "id": "e1", "member": "dora", "cards": ["3001"]},
        {"kind": "enrol", "id": "e2", "member": "emil", "referrer_card": "3001"},
    ]
    decoded: list[Any] = [
        decode_fact(json.dumps({"occurred_at": "2024-01-05T12:00:00Z", **fact}).encode())
        for fact in facts
    ]  # fmt: skip
    assert [of(v.answer or {}) for v in shop.writer.commit(DecodedFacts(decoded), force=True)] == [
        "ok", "ok"
    ]
    buy(shop, "s1", "2024-01-07", "emil")
    assert shop.active("dora") == 200


def decoded_sale(name: str, day: str, member: str) -> Any:
    """A sale of one line, not sent yet."""
    line = {"sku": "tea", "quantity": 1000, "net": 3000}
    return decode_fact(json.dumps({
        "id": name, "kind": "sale", "occurred_at": f"{day}T12:00:00Z", "member": member,
        "lines": [line],
    }).encode())  # fmt: skip


def test_a_leg_to_a_member_whose_kin_buys_in_the_same_commit(shop: Shop) -> None:
    shop.send("enrol", "e-kin", "2024-01-01", member="kin")
    shop.send("merge", "m1", "2024-01-03", member="anna", other="kin")
    shop.send("unmerge", "u1", "2024-01-04", merge="m1", member="anna")
    refer(shop, "b")
    # Later than what qualifies: the leg is late for her, and her kin's facts are asked for.
    buy(shop, "late", "2024-03-01", "anna")
    facts = [decoded_sale("k1", "2024-02-01", "kin"), decoded_sale("b1", "2024-02-02", "b")]
    told = shop.writer.commit(DecodedFacts(facts), force=True)
    assert [of(verdict.answer or {}) for verdict in told] == ["ok", "ok"]
    assert (shop.active("anna"), shop.active("kin"), shop.active("b")) == (230, 30, 130)
    shop.checked()


def test_a_merge_may_make_a_circle_of_what_was_none(shop: Shop) -> None:
    refer(shop, "b")
    refer(shop, "c", "b")
    shop.send("merge", "m1", "2024-01-03", member="anna", other="c")
    # anna, who was c, has referred b, and b anna: others are above neither.
    assert of(refer(shop, "d", "b")) == of(refer(shop, "e", "c")) == "ok"
    update = {"day": "2024-01-05", "kind": "member update"}
    assert of(shop.send(name="u1", member="b", referrer="d", **update)) == "already-referred"
    shop.checked()


def test_who_was_merged_with_its_referrer_brings_it_nothing(shop: Shop) -> None:
    refer(shop, "b")
    shop.send("merge", "m1", "2024-01-03", member="anna", other="b")
    buy(shop, "s1", "2024-02-01", "b")
    assert (shop.active("anna"), shop.writer.replica.membership.referrals.given) == (130, {})
    # Nor is it a circle for whom it refers.
    assert of(refer(shop, "c")) == "ok"
    buy(shop, "s2", "2024-02-02", "c")
    assert shop.active("anna") == 330
    # Undone, it was another that was referred, the second one: a milestone.
    shop.send("unmerge", "u1", "2024-02-03", merge="m1", member="anna")
    buy(shop, "s3", "2024-02-04", "b")
    assert (shop.active("anna"), shop.active("b")) == (900, 160)
    shop.checked()


@pytest.mark.parametrize("by", ["b", "c"])
def test_a_sale_and_a_return_by_either_name_of_a_member_are_the_referral_s(
    shop: Shop, by: str
) -> None:
    refer(shop, "b")
    shop.send("enrol", "e-c", "2024-01-02", member="c")
    shop.send("merge", "m1", "2024-01-03", member="c", other="b")
    buy(shop, "s1", "2026-02-01", by)
    assert (shop.active("c"), shop.active("anna")) == (130, 200)
    all_back(shop, "r1", "2026-02-02", "c" if by == "b" else "b", "s1")
    assert (shop.active("c"), shop.active("anna")) == (0, 0)
    shop.checked()


def test_nobody_is_referred_twice_by_many_names(shop: Shop) -> None:
    refer(shop, "b")
    buy(shop, "s1", "2026-02-01", "b")
    for n in range(3):
        refer(shop, f"c{n}")
        shop.send("merge", f"m{n}", "2026-02-02", member="b", other=f"c{n}")
    assert shop.active("anna") == 200
    all_back(shop, "r1", "2026-02-03", "b", "s1")
    assert (shop.active("b"), shop.active("anna")) == (0, 0)
    buy(shop, "s2", "2026-02-04", "c1")
    assert (shop.active("b"), shop.active("anna")) == (130, 200)
    shop.checked()


def test_of_two_that_referred_a_merged_member_the_survivor_s_gets_the_points(shop: Shop) -> None:
    shop.send("enrol", "e-q", "2024-01-01", member="q")
    refer(shop, "b")
    refer(shop, "c", "q")
    shop.send("merge", "m1", "2026-02-01", member="b", other="c")
    buy(shop, "s1", "2026-02-02", "c")
    buy(shop, "s2", "2026-02-03", "b")
    assert (shop.active("anna"), shop.active("q")) == (200, 0)
    shop.checked()


def test_what_a_referrer_s_other_name_has_brought_counts(shop: Shop) -> None:
    shop.send("enrol", "e-z", "2024-01-01", member="z")
    refer(shop, "b")
    refer(shop, "c", "z")
    refer(shop, "d", "z")
    buy(shop, "s1", "2026-02-01", "b")
    shop.send("merge", "m1", "2026-02-02", member="anna", other="z")
    buy(shop, "s2", "2026-02-03", "c")
    assert shop.active("anna") == 200 + 700
    buy(shop, "s3", "2026-02-04", "d")
    assert shop.active("anna") == 200 + 700
    shown = member_view(shop.writer.replica, "anna") or {}
    assert shown["referrals"]["friend"]["brought"] == 3
    shop.checked()


@pytest.mark.parametrize("undone", [False, True])
@pytest.mark.parametrize("survivor", ["anna", "b"])
def test_what_brought_a_referral_comes_back_though_both_are_merged(
    shop: Shop, survivor: str, undone: bool
) -> None:
    refer(shop, "b")
    buy(shop, "s1", "2024-02-01", "b")
    other = "b" if survivor == "anna" else "anna"
    shop.send("merge", "m1", "2024-02-03", member=survivor, other=other)
    if undone:
        shop.send("unmerge", "u1", "2024-02-04", merge="m1", member=survivor)
    assert of(all_back(shop, "r1", "2024-02-05", "b", "s1")) == "ok"
    assert (shop.active("anna"), shop.active("b")) == (0, 0)
    shop.checked()


def test_a_referrer_is_named_by_member_or_by_card(shop: Shop) -> None:
    with pytest.raises(FormError, match="referrer"):
        by_card(shop, "e1", "1001", member="bert", referrer="anna")


@pytest.mark.parametrize("number", range(DRAWN))
def test_kernel_and_reference_agree_on_drawn_referrals(number: int) -> None:
    case = random_referrals.case_of(random.Random(number).randbytes(16))
    alone = Case(case.name, case.programs, case.facts)
    with engine_driver.ledger(alone) as writer:
        ledger = engine_driver.seen(writer.replica, alone)
        replay = Rebuilt(writer.journal).report
        assert replay.clean, replay.findings
        assert replay.state_hash == engine_driver.hash_of(writer.replica)
        unlike = [
            (one.id, part) for one in Explainer(writer.replica).all()
            for part in one.differences if part.what == "points"
        ]  # fmt: skip
        assert not unlike, unlike[:3]
    reference = reference_driver.run(alone)
    found = list(differences(settled(ledger, alone), settled(reference, alone)))
    assert not found, "\n".join(found[:3])
