"""Codes of printed coupons: issued, presented, blocked, used up, given back (section 8)."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from vafa.engine.columns.answers import Answer
from vafa.engine.columns.carrier import carrier_of
from vafa.engine.columns.intake import DecodedFacts
from vafa.engine.facts import (
    ClaimFact,
    CouponBlockFact,
    CouponIssueFact,
    CouponRedeemFact,
    GiftCardIssueFact,
    MergeFact,
    ReturnedLine,
    ReturnPart,
    StoreAttributes,
    StoreFact,
    TenderFact,
)
from vafa.engine.ledger.replay import verify
from vafa.engine.ledger.writer import Writer
from vafa.engine.outbox.events import Deriver, Settings
from vafa.engine.replica.replica import Replica

from . import mixed
from .mixed import at, back, commit, points, sale

COUPONS = """
[[redemption]]
tender = "points"
currency = "points"

[[coupon]]
id = "leaflet"

[[coupon]]
id = "partner"
from = 2020-01-03
to = 2020-01-10
uses = 2
per_member = 1

[[coupon]]
id = "north"
when = { region = ["north"], min_basket = 5_000, member = true }

[[rule]]
id = "leaflet"
kind = "bonus"
points = 500
when = { coupon = ["leaflet"] }

[[rule]]
id = "spring"
kind = "bonus"
points = 7
when = { coupon = ["SPRING", "partner", "north"] }
"""
PROGRAM = mixed.PROGRAM.replace("late_limit", "claim_days = 30\nlate_limit") + COUPONS
DAY = 24


def book_of(replica: Replica) -> tuple[Any, ...]:
    """Everything that is known of codes."""
    book = replica.membership.coupons
    return book.issues, book.blocks, book.uses, +book._held, +book._of_member


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[Writer]:
    """A ledger that is verified at the end, from its checkpoint and from the journal alone."""
    with mixed.start(tmp_path, PROGRAM) as made:
        issue(made, "i", "leaflet", "L1", "L2", "L3")
        made.replica.save()
        yield made
        made.replica.save()
        live = mixed.hash_of(made.replica)
        book = book_of(made.replica)
    report = verify(tmp_path)
    assert (report.findings, report.state_hash) == ([], live)
    reopened = Replica.open(tmp_path)
    assert book_of(reopened) == book
    reopened.close()
    shutil.rmtree(tmp_path / "state")
    folded = Replica.open(tmp_path)
    assert mixed.hash_of(folded) == live
    assert book_of(folded) == book
    folded.close()


def issue(writer: Writer, name: str, coupon: str, *codes: str, count: int = 0) -> Any:
    """Codes of a coupon; its answer, or why not."""
    verdict = writer.commit_control(CouponIssueFact(name, at(0), coupon, list(codes), count))
    if verdict.refusal is not None:
        return f"{verdict.refusal.slug} {verdict.refusal.path}: {verdict.refusal.detail}"
    return verdict.answer


def one(writer: Writer, fact: Any) -> Answer:
    """The answer to one fact."""
    (verdict,) = commit(writer, fact)
    assert verdict.answer is not None, verdict.refusal
    return verdict.answer


def gave(answer: Answer) -> Any:
    """What rules gave beside the base rule, and what the codes came to."""
    got = {key[0]: n for key, n in points(answer["postings"]).items() if key[0] != "base"}
    codes = {x["code"]: x.get("reason", x["coupon"]) for x in answer.get("coupons", ())}
    return answer.get("reason", answer["status"]), got, codes


def test_a_code_serves_once_for_whoever_comes_first(writer: Writer) -> None:
    assert gave(one(writer, sale("a", 1, coupons=["L1"]))) == (
        "ok", {"leaflet": 500}, {"L1": "leaflet"}
    )
    assert gave(one(writer, sale("b", 2, member="n", coupons=["L1"]))) == (
        "coupon-used", {}, {"L1": "coupon-used"}
    )
    # The refusal is final, and so are both answers.
    assert gave(one(writer, sale("b", 2, member="n", coupons=["L1"])))[0] == "coupon-used"
    again = one(writer, sale("a", 1, coupons=["L1"]))
    assert (again["status"], gave(again)[2]) == ("replayed", {"L1": "leaflet"})
    # Earlier, but it comes later.
    assert gave(one(writer, sale("c", 0.5, coupons=["L1"])))[0] == "coupon-used"
    nobody = one(writer, sale("d", 3, member="", coupons=["L2"]))
    assert gave(nobody) == ("ok", {}, {"L2": "leaflet"})
    assert gave(one(writer, sale("e", 3, member="", coupons=["L2"])))[0] == "coupon-used"
    assert gave(one(writer, sale("f", 3, coupons=["L2"])))[0] == "coupon-used"


def test_what_is_no_code_is_told_and_is_no_benefit(writer: Writer) -> None:
    assert gave(one(writer, sale("a", 1, coupons=["leaflet", "L9", "SPRING"]))) == (
        "ok", {"spring": 7}, {"L9": "unknown-coupon", "leaflet": "unknown-coupon"}
    )


def test_what_has_happened_is_not_refused(writer: Writer) -> None:
    one(writer, sale("a", 1, coupons=["L1"]))
    told = one(writer, sale("b", 2, coupons=["L1", "L2"], completed=True))
    assert gave(told) == ("ok", {"leaflet": 500}, {"L1": "coupon-used", "L2": "leaflet"})
    told = one(writer, sale("c", 2, coupons=["L1"], completed=True))
    assert gave(told) == ("ok", {}, {"L1": "coupon-used"})


def test_window_uses_and_members(writer: Writer) -> None:
    issue(writer, "p", "partner", "P1", "P2")
    assert gave(one(writer, sale("a", 1, coupons=["P1"])))[0] == "coupon-early"
    assert gave(one(writer, sale("b", 2 * DAY, coupons=["P1"]))) == (
        "ok", {"spring": 7}, {"P1": "partner"}
    )
    assert gave(one(writer, sale("c", 3 * DAY, coupons=["P1"])))[0] == "over-limit"
    assert gave(one(writer, sale("d", 3 * DAY, coupons=["P2"])))[0] == "over-limit"
    # Of nobody no member's limit is asked.
    assert gave(one(writer, sale("e", 3 * DAY, member="", coupons=["P1"])))[0] == "ok"
    assert gave(one(writer, sale("f", 3 * DAY, member="n", coupons=["P1"])))[0] == "coupon-used"
    assert gave(one(writer, sale("g", 10.5 * DAY, member="n", coupons=["P2"])))[0] == "coupon-over"
    # Both codes at once are two uses.
    assert gave(one(writer, sale("h", 4 * DAY, member="n", coupons=["P2", "P1"])))[0] == (
        "coupon-used"
    )


def test_conditions(writer: Writer) -> None:
    issue(writer, "p", "north", "N1")
    writer.commit_control(StoreFact("s", at(0), [StoreAttributes("7", "north")]))
    for name, more, what in (
        ("a", {}, "coupon-not-applicable"),
        ("b", {"store": "7", "net": 4_999}, "coupon-not-applicable"),
        ("c", {"store": "7", "member": ""}, "coupon-not-applicable"),
        ("d", {"store": "7"}, "ok"),
    ):
        assert gave(one(writer, sale(name, 1, coupons=["N1"], **more)))[0] == what


def test_a_use_apart_from_a_sale(writer: Writer) -> None:
    used = one(writer, CouponRedeemFact("a", at(1), "m", "L1"))
    assert gave(used) == ("ok", {}, {"L1": "leaflet"})
    assert gave(one(writer, CouponRedeemFact("b", at(1), "", "L1")))[0] == "coupon-used"
    assert gave(one(writer, CouponRedeemFact("c", at(1), "", "L2")))[0] == "ok"
    assert gave(one(writer, CouponRedeemFact("d", at(1), "", "L9"))) == (
        "unknown-coupon", {}, {"L9": "unknown-coupon"}
    )
    told = one(writer, CouponRedeemFact("e", at(1), "m", "L9", completed=True))
    assert gave(told) == ("ok", {}, {"L9": "unknown-coupon"})
    assert gave(one(writer, sale("f", 1, coupons=["L1"])))[0] == "coupon-used"


def test_blocked_codes(writer: Writer) -> None:
    issue(writer, "more", "leaflet", "M1", "M2")
    assert writer.commit_control(CouponBlockFact("x", at(0), ["L1"])).refusal is None
    assert writer.commit_control(CouponBlockFact("y", at(0), issue="more")).refusal is None
    for name, code, what in (
        ("a", "L1", "coupon-blocked"), ("b", "M2", "coupon-blocked"), ("c", "L2", "ok")
    ):  # fmt: skip
        assert gave(one(writer, sale(name, 1, coupons=[code])))[0] == what
    for fact in (CouponBlockFact("z", at(0), ["L9"]), CouponBlockFact("w", at(0), issue="no")):
        refusal = writer.commit_control(fact).refusal
        assert refusal is not None
        assert refusal.slug == "invalid-fact"


def test_a_return_of_the_whole_sale_gives_the_use_back(writer: Writer) -> None:
    one(writer, sale("a", 1, coupons=["L1"]))
    one(writer, back("r", 2, "a", 4_000, quantity=400))
    assert gave(one(writer, sale("b", 3, coupons=["L1"])))[0] == "coupon-used"
    one(writer, back("s", 2, "a", 6_000, quantity=600))
    assert gave(one(writer, sale("c", 3, coupons=["L1"])))[0] == "ok"
    assert gave(one(writer, sale("d", 3, coupons=["L1"])))[0] == "coupon-used"


def test_a_return_that_waited_gives_the_use_back(writer: Writer) -> None:
    assert one(writer, back("r", 2, "a", quantity=1_000))["status"] == "parked"
    assert gave(one(writer, sale("a", 1, coupons=["L1"])))[0] == "ok"
    assert gave(one(writer, sale("b", 3, coupons=["L1"])))[0] == "ok"
    assert gave(one(writer, sale("c", 3, coupons=["L1"])))[0] == "coupon-used"


def test_a_claimed_receipt_keeps_its_use(writer: Writer) -> None:
    one(writer, sale("a", 1, member="", coupons=["L1"]))
    claimed = one(writer, ClaimFact("k", at(5), "m", "a"))
    assert points(claimed["postings"])["leaflet", "bonus", None] == 500
    assert gave(one(writer, sale("b", 3, coupons=["L1"])))[0] == "coupon-used"
    one(writer, back("r", 6, "a", quantity=1_000))
    assert gave(one(writer, sale("c", 3, coupons=["L1"])))[0] == "ok"


def test_in_one_commit_as_one_by_one(writer: Writer) -> None:
    facts: list[Any] = [
        sale("a", 1, coupons=["L1"]),
        sale("b", 1, member="n", coupons=["L1"]),
        back("r", 2, "a", quantity=1_000),
        back("s", 2, "a", quantity=1_000),
        sale("c", 3, member="n", coupons=["L1"]),
        sale("d", 3, coupons=["L1"]),
        # The points are not there, so the code stays free.
        mixed.redeem("x", 3, 10**9),
        back("t", 2, "e", quantity=1_000),
        sale("e", 1, coupons=["L2"]),
        sale("f", 1, coupons=["L2"]),
        sale("g", 1, member="n", coupons=["L2"]),
    ]
    verdicts = writer.commit(DecodedFacts([carrier_of(fact) for fact in facts]))
    assert [v.answer and gave(v.answer)[0] for v in verdicts] == [
        "ok", "coupon-used", "ok", "returns-too-much", "ok", "coupon-used", "insufficient-points",
        "parked", "ok", "ok", "coupon-used",
    ]


def test_a_code_of_a_fact_that_is_refused_otherwise_stays_free(writer: Writer) -> None:
    short = [TenderFact("points", 100, points=10**6)]
    facts: list[Any] = [
        sale("a", 1, coupons=["L1"], tenders=short),
        sale("b", 1, member="n", coupons=["L1"]),
        sale("c", 1, member="o", coupons=["L1"]),
        sale("d", 2, coupons=["L2"], tenders=short),
        CouponRedeemFact("e", at(2), "n", "L2"),
    ]
    verdicts = writer.commit(DecodedFacts([carrier_of(fact) for fact in facts]))
    assert [v.answer and gave(v.answer)[0] for v in verdicts] == [
        "insufficient-points", "ok", "coupon-used", "insufficient-points", "ok"
    ]
    assert verdicts[1].answer is not None
    assert points(verdicts[1].answer["postings"])["leaflet", "bonus", None] == 500


def test_merged_members_are_one_to_a_limit(writer: Writer) -> None:
    issue(writer, "p", "partner", "P1", "P2")
    one(writer, sale("a", 2 * DAY, coupons=["P1"]))
    one(writer, sale("b", 2 * DAY, member="n"))
    one(writer, MergeFact("m", at(3 * DAY), "n", "m"))
    for name, member in (("c", "m"), ("d", "n")):
        told = one(writer, sale(name, 4 * DAY, member=member, coupons=["P2"]))
        assert gave(told)[0] == "over-limit"


def test_an_exchange_gives_back_and_uses(writer: Writer) -> None:
    one(writer, sale("a", 1, coupons=["L1"]))
    back_part = ReturnPart("a", [ReturnedLine(1000, 10_000, 1)])
    # Its own code is asked before what it brings back is free.
    told = one(writer, sale("b", 2, coupons=["L1"], returned=back_part))
    assert gave(told)[0] == "coupon-used"
    told = one(writer, sale("c", 2, coupons=["L2"], returned=back_part))
    assert gave(told)[0] == "ok"
    assert gave(one(writer, sale("d", 3, coupons=["L1"])))[0] == "ok"


def test_a_sale_that_a_gift_card_pays(tmp_path: Path) -> None:
    text = PROGRAM + """
[[currency]]
id = "gift"
kind = "credit"
scale = 2

[gift_cards]
currency = "gift"

[[redemption]]
tender = "gift"
"""
    with mixed.start(tmp_path, text) as writer:
        issue(writer, "i", "leaflet", "L1")
        one(writer, GiftCardIssueFact("g", at(0), 500, "G"))
        paid = [TenderFact("gift", 100, card="G")]
        assert gave(one(writer, sale("a", 1, coupons=["L1"], tenders=paid)))[0] == "ok"
        assert gave(one(writer, sale("b", 1, coupons=["L1"], tenders=paid)))[0] == "coupon-used"
    assert verify(tmp_path).findings == []


def test_uses_are_told_outside(writer: Writer) -> None:
    one(writer, sale("a", 1, coupons=["L1"]))
    one(writer, sale("b", 1, coupons=["L1"]))
    one(writer, CouponRedeemFact("c", at(2), "", "L2"))
    one(writer, sale("d", 1, member="", coupons=["L3"]))
    one(writer, ClaimFact("k", at(5), "m", "d"))
    deriver = Deriver(Replica(writer.journal), Settings())
    told = [
        event.data for record in writer.journal.scan() for event in deriver.take(record)
        if event.type == "coupon.redeemed"
    ]
    assert [(one["member"], one["coupon"], one["code"], one["fact"]) for one in told] == [
        ("m", "leaflet", "L1", "a"), (None, "leaflet", "L2", "c"), (None, "leaflet", "L3", "d"),
    ]  # fmt: skip


def test_drawn_codes(writer: Writer) -> None:
    told = issue(writer, "x", "leaflet", count=50)
    codes = told["codes"]
    assert len(set(codes)) == 50
    assert {len(code) for code in codes} == {16}
    assert issue(writer, "x", "leaflet", count=50) == {**told, "status": "replayed"}
    assert issue(writer, "x", "leaflet", count=51).startswith("id-reused")
    assert gave(one(writer, sale("a", 1, coupons=codes[:2]))) == (
        "ok", {"leaflet": 500}, dict.fromkeys(codes[:2], "leaflet")
    )


@pytest.mark.parametrize(
    ("coupon", "codes", "path"),
    [("no", ["x"], "coupon"), ("leaflet", ["L1"], "codes"), ("leaflet", ["SPRING"], "codes"),
     ("leaflet", ["north"], "codes")],
)  # fmt: skip
def test_codes_that_are_not_taken(
    writer: Writer, coupon: str, codes: list[str], path: str
) -> None:
    assert issue(writer, "x", coupon, *codes).startswith(f"invalid-fact {path}")
