"""Explanations of facts that move value say what is true: shares, offers, referrals, ties."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest

from vafa.engine.explain.explain import Explainer, UnknownFact
from vafa.engine.explain.shape import ControlTold, Explanation

from .test_explain import BASE, GIFTS, ledger, made, told

FRIENDS = """
[[currency]]
id = "points"

[[referral]]
id = "friend"
referred = 5
referrer = 7
"""


def sale(net: int, **more: Any) -> dict[str, Any]:
    """A sale of one line."""
    return {"lines": [{"sku": "milk", "quantity": 1000, "net": net}], **more}


def by(member: str, kind: str, **more: Any) -> dict[str, Any]:
    """A fact of a member."""
    return {"member": member, "kind": kind, **more}


def test_a_share_of_a_pool_is_told_of_its_member(tmp_path: Path) -> None:
    pool = {
        "kind": "profit share", "from": "2025-06-02", "to": "2025-06-02", "currency": "points",
        "points": 100, "causes": {"school": 100}, "occurred_at": "2025-06-03T12:00:00Z",
    }  # fmt: skip
    case = made('causes = ["school"]\n' + BASE, sale(500), sale(100, member="n"), pool)
    del case.facts[2]["member"]
    with ledger(case, tmp_path / "ledger") as writer:
        explainer = Explainer(writer.replica, "en")
        whole = explainer.fact("s3")
        assert isinstance(whole, ControlTold)
        assert {part.member for part in whole.members} == {"m", "n", "cause:school"}
        assert whole.sentences[-1] == "It has rows of 3 accounts, with 0 corrections."
        found = explainer.fact("s3", "n")
        assert isinstance(found, Explanation)
        assert found.agrees
        assert "+15 points: the share of a pool." in found.sentences
        with pytest.raises(UnknownFact):
            explainer.fact("s3", "o")
        day = list(explainer.day(dt.date(2025, 6, 3)))
        assert {one.member: one.postings[0].points for one in day} == {
            "m": 75, "n": 15, "cause:school": 10,
        }  # fmt: skip


def test_an_offer_that_was_used_up_is_no_points(tmp_path: Path) -> None:
    offer = (
        '[[rule]]\nid = "tenth"\nkind = "offer"\nuses = { day = 1 }\n'
        'benefit = { kind = "percent", percent = 10 }\n'
        '[[rule]]\nid = "tea"\nkind = "offer"\nwhen = { sku = ["tea"] }\n'
        'benefit = { kind = "percent", percent = 10 }\n'
    )
    taken = [{"offer": "tenth", "amount": 50}, {"offer": "tea", "amount": 50}]
    case = made(
        BASE + offer, sale(450, offers=taken[:1]), sale(400, offers=taken, completed=True)
    )
    found = told(tmp_path / "one", case, "s2")
    assert found.agrees
    assert [line for line in found.sentences if "had happened" in line] == [
        "It had happened: offer «tea» did not apply to the basket.",
        "It had happened: offer «tenth» had not so much left.",
    ]
    assert not any("+50" in line for line in found.sentences)


def test_a_referral_tells_who_was_not_referred(tmp_path: Path) -> None:
    case = made(
        FRIENDS + BASE, by("anna", "enrol"), by("m", "enrol", referrer="anna"), sale(100),
        sale(100), sale(100, member="anna"),
    )  # fmt: skip
    with ledger(case, tmp_path / "ledger") as writer:
        explainer = Explainer(writer.replica, "en")
        said = {
            name: explainer.fact(name, member).sentences
            for name, member in (("s3", "anna"), ("s4", None), ("s5", None))
        }
    assert "+7 points: for a referral." in said["s3"]
    assert "It would have been 5; its uses are used up (1 ever)." in said["s4"]
    assert "Rule «friend» does not apply: nobody has referred the member." in said["s5"]


@pytest.mark.parametrize("kind", ["merge", "pool"])
def test_a_tie_tells_what_comes_along(kind: str, tmp_path: Path) -> None:
    ties = by("m", "merge", other="n") if kind == "merge" else by("n", "pool", account="m")
    case = made(
        BASE, by("m", "enrol", type="household" if kind == "pool" else "person"),
        sale(500, member="n"),
        by("n", "redeem", currency="points", points=2), ties,
    )  # fmt: skip
    found = told(tmp_path / "one", case, "s4")
    assert found.agrees
    assert "3 points of a lot come along: active from 2 June 2025, they do not expire." in (
        found.sentences
    )
    assert "What the other had comes along; nothing is posted for it." in found.sentences
    assert not any("paid debt" in line or "moved no" in line for line in found.sentences)


def test_gift_cards_and_rewards_are_told_in_their_own_words(tmp_path: Path) -> None:
    issue = {"kind": "gift card issue", "card": "AB12", "amount": 100}
    pays = sale(500, tenders=[{"type": "gift card", "amount": 101, "card": "AB12"}])
    takes = {"kind": "reward redeem", "reward": "mug"}
    half = {"kind": "cancel", "redemption": "s4", "points": 1}
    case = made(GIFTS + BASE, issue, sale(500), pays, takes, half)
    del case.facts[0]["member"]
    with ledger(case, tmp_path / "ledger") as writer:
        explainer = Explainer(writer.replica, "en")
        said = {name: explainer.fact(name).sentences for name in ("s1", "s3", "s4", "s5")}
    assert said["s1"][0].startswith("Issue of a gift card «s1» of the card «AB12», 2 June 2025")
    assert "+1 gift: put on the card." in said["s1"]
    assert "It was refused: there is not enough money on a gift card." in said["s3"]
    assert "1 of the reward «mug»." in said["s4"]
    assert "It was refused: the points are not those of whole pieces." in said["s5"]


def test_shares_of_members_that_were_ever_tied_are_told_apart(tmp_path: Path) -> None:
    later = {"occurred_at": "2025-06-03T12:00:00Z"}
    pool = {
        "kind": "profit share", "from": "2025-06-02", "to": "2025-06-02", "currency": "points",
        "points": 10, "occurred_at": "2025-06-04T12:00:00Z",
    }  # fmt: skip
    case = made(
        BASE, sale(300), sale(200, member="n"), by("m", "merge", other="n"),
        by("m", "unmerge", merge="s3", **later), pool,
        by("m", "transfer", to="n", currency="points", points=1, **later),
    )  # fmt: skip
    del case.facts[4]["member"]
    with ledger(case, tmp_path / "ledger") as writer:
        explainer = Explainer(writer.replica, "en")
        day = list(explainer.day(dt.date(2025, 6, 4)))
        assert [(one.member, one.lots[0].points, one.lots[0].source) for one in day] == [
            ("m", 6, "s5"), ("n", 4, "s5"),
        ]  # fmt: skip
        got = explainer.fact("s6", "n")
        assert isinstance(got, Explanation)
        assert [(lot.points, lot.source) for lot in got.lots] == [(1, "s6")]
        assert all(one.agrees for one in [*day, got])


def test_a_lot_of_a_referral_is_of_its_sale(tmp_path: Path) -> None:
    case = made(
        FRIENDS + BASE, by("anna", "enrol"), by("m", "enrol", referrer="anna"), sale(100),
        by("anna", "redeem", currency="points", points=2),
    )  # fmt: skip
    with ledger(case, tmp_path / "ledger") as writer:
        explainer = Explainer(writer.replica, "en")
        made_by, taken = explainer.fact("s3", "anna"), explainer.fact("s4")
    assert isinstance(made_by, Explanation)
    assert isinstance(taken, Explanation)
    assert [lot.source for lot in made_by.lots] == [lot.source for lot in taken.moved] == ["s3"]


TERMS = """
[[currency]]
id = "points"

[[redemption]]
tender = "points"
currency = "points"
step = 5
over = "clamp"

"""


def test_what_points_pay_and_what_was_cut_are_told(tmp_path: Path) -> None:
    pays = sale(500, tenders=[{"type": "points", "amount": 150, "points": 5}])
    asks = by("m", "redeem", currency="points", points=40)
    case = made(TERMS + BASE, sale(1000), pays, asks, by("m", "redeem", **{
        "currency": "points", "points": 5, "completed": True,
    }))  # fmt: skip
    with ledger(case, tmp_path / "ledger") as writer:
        explainer = Explainer(writer.replica, "en")
        said = {name: explainer.fact(name).sentences for name in ("s1", "s2", "s3", "s4")}
    assert said["s1"][1] == "Line 1, «milk»: 1 unit for 10 EUR; 10 EUR of it count."
    assert said["s2"][1] == (
        "Line 1, «milk»: 1 unit for 5 EUR; 3.50 EUR of it count, 1.50 EUR are paid with loyalty "
        "value."
    )
    # 10 - 5 + 3: of the 8 a step is 5.
    assert said["s3"][1:3] == [
        "It asked for 40 points; 5 were to be had.", "−5 points: redeemed.",
    ]  # fmt: skip
    assert not any(line.startswith("It asked") for line in said["s4"])
