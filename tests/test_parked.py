"""Returns and exchanges in a ledger: parked, applied, refused (rulebook section 9)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from vafa.engine.facts import ReturnedLine, ReturnPart, SaleFact
from vafa.engine.ledger.replay import verify
from vafa.engine.ledger.writer import Writer
from vafa.engine.views.views import member_view

from . import mixed
from .mixed import answers, back, commit, points, redeem, sale, told

PLAIN = mixed.PROGRAM


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[Writer]:
    """A ledger of one earn rule, verified at the end."""
    with mixed.start(tmp_path, PLAIN) as made:
        yield made
        made.replica.save()
    assert verify(tmp_path).findings == []


def exchange(name: str, hours: float, of: str, net: int, member: str = "m") -> SaleFact:
    """A sale of 10,000 that brings back an amount of another."""
    part = ReturnPart(of, [ReturnedLine(0, net, 1)])
    return sale(name, hours, 10_000, member, returned=part)


def balance(writer: Writer, member: str = "m") -> int:
    """Active points after the member's latest fact."""
    shown = member_view(writer.replica, member, round(mixed.at(300).timestamp() * 1e6))
    assert shown is not None
    return int(shown["balances"]["points"]["active"])


def test_a_parked_return_applies_in_the_answer_of_its_sale(writer: Writer) -> None:
    [parked] = answers(commit(writer, back("r", 5, "s", 2_500)))
    assert (parked["status"], parked["postings"]) == ("parked", [])
    [sold] = answers(commit(writer, sale("s", 1)))
    assert sold["status"] == "ok"
    [applied] = sold["parked"]
    assert (applied["id"], applied["status"]) == ("r", "ok")
    assert points(applied["postings"]) == {("base", "correct", "r"): -25}
    assert points(sold["postings"]) == {
        ("base", "earn", None): 100, ("base", "correct", "r"): -25,
    }
    assert balance(writer) == 75
    # The first answers stay what they were.
    [again, of_sale] = answers(commit(writer, back("r", 5, "s", 2_500), sale("s", 1)))
    assert again == parked | {"status": "replayed"}
    assert of_sale == sold | {"status": "replayed"}


def test_a_parked_return_that_is_invalid_is_told_in_the_answer_of_its_sale(
    writer: Writer,
) -> None:
    assert told(writer, back("r1", 5, "s", 8_000), back("r2", 4, "s", 8_000)) == ["parked"] * 2
    [sold] = answers(commit(writer, sale("s", 1)))
    # Acceptance follows arrival: r1 came first, though r2 stands before it.
    assert [(p["id"], p["status"], p.get("reason")) for p in sold["parked"]] == [
        ("r1", "ok", None), ("r2", "refused", "returns-too-much"),
    ]
    assert balance(writer) == 20


@pytest.mark.parametrize("together", [True, False])
def test_only_the_return_part_of_an_exchange_is_parked(writer: Writer, together: bool) -> None:
    facts = [exchange("x", 5, "s", 4_000), sale("s", 1)]
    if together:
        first, sold = answers(commit(writer, *facts))
    else:
        [first] = answers(commit(writer, facts[0]))
        assert balance(writer) == 100
        [sold] = answers(commit(writer, facts[1]))
        assert points(sold["parked"][0]["postings"]) == {("base", "correct", "x"): -40}
    assert first["status"] == "parked"
    assert [(p["id"], p["status"]) for p in sold["parked"]] == [("x", "ok")]
    assert balance(writer) == 160
    # The exchange is a sale that can be returned; its return part is spent.
    assert told(writer, back("r", 9, "x", 10_000), back("t", 9, "s", 6_001)) == [
        "ok", "returns-too-much",
    ]


def test_what_a_return_names_must_be_an_accepted_sale_of_the_member(writer: Writer) -> None:
    commit(writer, sale("s", 1), redeem("d", 2, 10), sale("n", 1, member="n"))
    assert told(writer, redeem("refused", 3, 1_000)) == ["insufficient-points"]
    became = told(
        writer, back("a", 5, "d"), back("b", 5, "n"), back("c", 5, "refused"), back("e", 5, "e"),
        back("f", 5, "g"), back("g", 5, "f"), exchange("h", 5, "h", 1), back("i", 5, "b"),
    )
    assert became == [
        "not-a-sale", "wrong-member", "not-a-sale", "not-a-sale", "parked", "not-a-sale",
        "not-a-sale", "not-a-sale",
    ]
    # The fact that `f` names has come, and is no sale: nothing waits any more.
    assert not writer.replica.parked


def test_a_sale_of_another_member_ends_the_waiting(writer: Writer) -> None:
    assert told(writer, back("r", 5, "s")) == ["parked"]
    [sold] = answers(commit(writer, sale("s", 1, member="n")))
    [applied] = sold["parked"]
    assert (applied["id"], applied["reason"]) == ("r", "wrong-member")
    first, sold = answers(commit(writer, back("q", 5, "t"), sale("t", 1, member="n")))
    assert first["status"] == "parked"
    assert [(p["id"], p["reason"]) for p in sold["parked"]] == [("q", "wrong-member")]
    assert not writer.replica.parked


def test_exchanges_in_a_circle_are_no_sales_of_each_other(writer: Writer) -> None:
    assert told(writer, exchange("x", 5, "y", 1_000)) == ["parked"]
    [answer] = answers(commit(writer, exchange("y", 6, "x", 1_000)))
    assert answer["status"] == "ok"
    assert [(p["id"], p["reason"]) for p in answer["parked"]] == [("x", "not-a-sale")]
    assert balance(writer) == 190


def test_parked_facts_outlive_a_checkpoint(tmp_path: Path) -> None:
    with mixed.start(tmp_path, PLAIN) as writer:
        told(writer, back("r", 5, "s", 2_500), exchange("x", 6, "s", 2_500))
    with Writer(tmp_path) as writer:
        assert [len(waiting) for waiting in writer.replica.parked.by_sale.values()] == [2]
        [sold] = answers(commit(writer, sale("s", 1)))
        assert [p["status"] for p in sold["parked"]] == ["ok", "ok"]
        assert balance(writer) == 150
    assert verify(tmp_path).findings == []


def test_a_late_redemption_must_leave_later_ones_whole(writer: Writer) -> None:
    assert told(writer, sale("s", 1), redeem("a", 10, 60)) == ["ok", "ok"]
    # At its own place there are 100 points, but then `a` would lack 10.
    assert told(writer, redeem("b", 5, 50), redeem("c", 5, 40), redeem("d", 5, 1)) == [
        "insufficient-points", "ok", "insufficient-points",
    ]
    # What has happened is taken; the later one is left short, which makes debt.
    [answer] = answers(commit(writer, redeem("e", 5, 30, completed=True)))
    assert answer["status"] == "ok"
    assert answer["balances"]["points"]["debt"] == 30
    # A refusal is final, though the points would be there now.
    commit(writer, sale("t", 2))
    assert told(writer, redeem("b", 5, 50)) == ["insufficient-points"]


def test_late_facts_correct_what_came_after_them(writer: Writer) -> None:
    commit(writer, sale("s", 20), back("r", 30, "s", 5_050))
    [answer] = answers(commit(writer, back("q", 25, "s", 1_050)))
    # 100 points, 89 after q, 39 after r: it takes 50, where it took 51 before.
    assert points(answer["postings"]) == {
        ("base", "reverse", None): -11, ("base", "correct", "r"): 1,
    }
    assert balance(writer) == 39
