"""Returns of sales that gift cards paid: what goes back on the cards, in whatever order."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest

from vafa.engine.facts import (
    LineFact,
    MemberFact,
    ReturnedLine,
    ReturnFact,
    ReturnPart,
    SaleFact,
)
from vafa.engine.journal.journal import StorageFull
from vafa.engine.ledger.writer import Writer
from vafa.engine.replica.replica import Replica
from vafa.engine.views.gift_cards import gift_card_view

from . import mixed
from .mixed import adjust, answers, at, commit, told
from .test_gift_cards import DAY, PROGRAM, issue, on, paid, spend, writer

__all__ = ["writer"]


def bought(name: str, hours: float, *cards: tuple[str, int], **more: Any) -> SaleFact:
    """Two lines, 7,000 and 3,000, of which gift cards pay some."""
    fact = paid(name, hours, *cards, **more)
    fact.lines = [LineFact("milk", 2000, 7_000), LineFact("bread", 1000, 3_000)]
    return fact


def back(name: str, hours: float, sale: str, *lines: tuple[int, int, int]) -> ReturnFact:
    """Lines come back: (line, quantity, net)."""
    some = [ReturnedLine(quantity, net, line) for line, quantity, net in lines]
    return ReturnFact(name, at(hours), "m", some, sale)


def test_a_card_gets_its_share_back(writer: Writer) -> None:
    commit(writer, issue("i", 0, 5_000))
    commit(writer, issue("j", 0, 5_000, "B"))
    answers(commit(writer, bought("s", 1, ("A", 3_000), ("B", 1_000))))
    [first] = answers(commit(writer, back("r", 2, "s", (1, 1000, 3_500))))
    # 4,000 of 10,000 was redeemed: 2,800 of the milk, half of it is back.
    assert first["refunds"] == [{"card": "A", "amount": 1_050}, {"card": "B", "amount": 350}]
    assert (on(writer), on(writer, "B")) == ((3_050, 0), (4_350, 0))
    rest = answers(commit(
        writer, back("r2", 3, "s", (1, 1000, 3_500)), back("r3", 4, "s", (2, 1000, 3_000))
    ))
    assert [one["refunds"][0]["amount"] for one in rest] == [1_050, 900]
    assert (on(writer), on(writer, "B")) == ((5_000, 0), (5_000, 0))
    # The first answer stays what it was.
    [again] = answers(commit(writer, back("r", 2, "s", (1, 1000, 3_500))))
    assert again == first | {"status": "replayed"}
    [again] = answers(commit(writer, bought("s", 1, ("A", 3_000), ("B", 1_000))))
    assert "refunds" not in again


@pytest.mark.parametrize("order", list(itertools.permutations(range(4))))
def test_the_order_of_arrival_changes_nothing(tmp_path: Path, order: tuple[int, ...]) -> None:
    facts: list[MemberFact] = [
        bought("s", 1, ("A", 3_333)), back("r", 2, "s", (1, 500, 1_111)),
        back("r2", 3, "s", (1, 700, 1_777)), back("r3", 4, "s", (2, 0, 999)),
    ]
    with mixed.start(tmp_path, PROGRAM) as one:
        commit(one, issue("i", 0, 5_000))
        assert {status for place in order for status in told(one, facts[place])} <= {
            "ok", "parked"
        }
        found = gift_card_view(one.replica, "A", round(at(DAY).timestamp() * 1e6))
        assert found is not None
        # 1,111 + 1,777 of 7,000 and 999 of 3,000, of which 3,333 of 10,000 were redeemed.
        assert found["balance"] == 5_000 - 3_333 + 1_295
        assert found["spent"] == 3_333 - 1_295
        live = mixed.hash_of(one.replica)
        follower = Replica(one.journal)
        follower.catch_up()
        assert mixed.hash_of(follower) == live


def test_a_return_that_waited_puts_back_with_its_sale(writer: Writer) -> None:
    commit(writer, issue("i", 0, 5_000))
    assert told(writer, back("r", 2, "s", (2, 1000, 3_000))) == ["parked"]
    [sale] = answers(commit(writer, bought("s", 1, ("A", 5_000))))
    [waited] = sale["parked"]
    assert (waited["id"], waited["status"]) == ("r", "ok")
    assert waited["refunds"] == [{"card": "A", "amount": 1_500}]
    assert on(writer) == (1_500, 0)
    [again] = answers(commit(writer, bought("s", 1, ("A", 5_000))))
    assert again == sale | {"status": "replayed"}


def test_an_exchange_puts_back_what_its_return_part_does(writer: Writer) -> None:
    commit(writer, issue("i", 0, 5_000))
    commit(writer, bought("s", 1, ("A", 2_000)))
    part = ReturnPart("s", [ReturnedLine(2000, 7_000, 1)])
    exchange = bought("x", 2, ("A", 3_000), returned=part)
    [answer] = answers(commit(writer, exchange))
    assert answer["refunds"] == [{"card": "A", "amount": 1_400}]
    assert on(writer) == (1_400, 0)
    # The exchange is a sale like any other, though its card has its id twice.
    [answer] = answers(commit(writer, back("r", 3, "x", (1, 2000, 7_000))))
    assert answer["refunds"] == [{"card": "A", "amount": 2_100}]
    assert on(writer) == (3_500, 0)
    late = bought("y", 1.5, returned=ReturnPart("s", [ReturnedLine(1000, 3_000, 2)]))
    [answer] = answers(commit(writer, late))
    assert answer["refunds"] == [{"card": "A", "amount": 600}]
    assert on(writer) == (4_100, 0)


def test_what_goes_back_pays_what_is_owed_and_may_have_passed(writer: Writer) -> None:
    commit(writer, issue("i", 0, 1_000))
    assert told(writer, bought("s", 1, ("A", 4_000), completed=True)) == ["ok"]
    assert on(writer) == (0, 3_000)
    commit(writer, back("r", 2, "s", (1, 2000, 7_000)))
    assert on(writer) == (0, 200)
    commit(writer, issue("j", 0, 4_000, "B"))
    commit(writer, bought("t", 3, ("B", 4_000)))
    # The lot has passed by the day of the return: it comes back and is gone.
    [answer] = answers(commit(writer, back("r2", DAY * 95, "t", (2, 1000, 3_000))))
    assert answer["refunds"] == [{"card": "B", "amount": 1_200}]
    assert on(writer, "B", DAY * 96) == (0, 0)
    found = gift_card_view(writer.replica, "B", round(at(DAY * 96).timestamp() * 1e6))
    assert found is not None
    assert (found["spent"], found["expired"]) == (2_800, 1_200)


def test_other_sales_put_nothing_back(writer: Writer) -> None:
    commit(writer, issue("i", 0, 5_000))
    commit(writer, adjust("g", 0, 500))
    [sale] = answers(commit(writer, bought("s", 1)))
    assert sale["status"] == "ok"
    [answer] = answers(commit(writer, back("r", 2, "s", (1, 2000, 7_000))))
    assert "refunds" not in answer
    assert told(writer, back("r2", 2, "s", (1, 2000, 7_000))) == ["returns-too-much"]
    # What is spent outside of a sale is no sale's.
    assert told(writer, spend("a", 3, 10)) == ["ok"]
    assert told(writer, back("r3", 4, "a", (1, 0, 10))) == ["not-a-sale"]
    assert on(writer) == (4_990, 0)


def test_a_disk_that_is_full_puts_nothing_back(
    writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit(writer, issue("i", 0, 5_000))
    commit(writer, bought("s", 1, ("A", 4_000)))
    before = mixed.hash_of(writer.replica)

    def full(*_: object) -> None:
        raise StorageFull("for the test")

    with monkeypatch.context() as patch:
        patch.setattr(writer, "append", full)
        with pytest.raises(StorageFull):
            commit(writer, back("r", 2, "s", (1, 2000, 7_000)))
    assert mixed.hash_of(writer.replica) == before
    [answer] = answers(commit(writer, back("r", 2, "s", (1, 2000, 7_000))))
    assert answer["refunds"] == [{"card": "A", "amount": 2_800}]


# -- exchanges -------------------------------------------------------------------------------------


def swapped(
    name: str, hours: float, of: str, *cards: tuple[str, int], net: int = 10_000, **more: Any
) -> SaleFact:
    """All of a sale comes back, and another is paid by cards."""
    lines = [ReturnedLine(2000, 7_000, 1), ReturnedLine(1000, 3_000, 2)]
    return paid(name, hours, *cards, net=net, returned=ReturnPart(of, lines), **more)


def test_what_an_exchange_puts_back_on_a_card_pays_it(writer: Writer) -> None:
    commit(writer, issue("i", 0, 3_000))
    answers(commit(writer, bought("s", 1, ("A", 3_000))))
    assert on(writer) == (0, 0)
    # More than the card has with it.
    assert told(writer, swapped("x", 2, "s", ("A", 3_001))) == ["insufficient-points"]
    assert on(writer) == (0, 0)
    [made] = answers(commit(writer, swapped("y", 2, "s", ("A", 2_500))))
    assert made["refunds"] == [{"card": "A", "amount": 3_000}]
    assert on(writer) == (500, 0)
    # It is what the journal alone comes to, and what the first one left is refused for ever.
    assert told(writer, swapped("x", 2, "s", ("A", 3_001))) == ["insufficient-points"]
    found = gift_card_view(writer.replica, "A")
    assert found is not None
    assert found["spent"] == 2_500


def test_an_exchange_pays_with_one_card_and_puts_back_on_another(writer: Writer) -> None:
    commit(writer, issue("i", 0, 3_000))
    commit(writer, issue("j", 0, 1_000, "B"))
    answers(commit(writer, bought("s", 1, ("A", 3_000))))
    assert told(writer, swapped("x", 2, "s", ("B", 1_001))) == ["insufficient-points"]
    assert (on(writer), on(writer, "B")) == ((0, 0), (1_000, 0))
    assert told(writer, swapped("y", 2, "s", ("B", 400), ("A", 100))) == ["ok"]
    assert (on(writer), on(writer, "B")) == ((2_900, 0), (600, 0))


def test_what_a_card_pays_in_an_exchange_comes_back_with_its_own_return(writer: Writer) -> None:
    commit(writer, issue("i", 0, 3_000))
    answers(commit(writer, bought("s", 1, ("A", 3_000))))
    back_first = ReturnFact("r", at(3), "m", [ReturnedLine(1000, 10_000, 1)], "y")
    assert told(writer, back_first) == ["parked"]
    [made] = answers(commit(writer, swapped("y", 2, "s", ("A", 3_000))))
    assert made["refunds"] == [{"card": "A", "amount": 3_000}]
    assert [one["refunds"] for one in made["parked"]] == [[{"card": "A", "amount": 3_000}]]
    assert on(writer) == (3_000, 0)


def test_an_exchange_whose_sale_is_not_here_pays_with_what_there_is(writer: Writer) -> None:
    commit(writer, issue("i", 0, 3_000))
    assert told(writer, swapped("x", 2, "s", ("A", 3_001))) == ["insufficient-points"]
    assert told(writer, swapped("y", 2, "s", ("A", 100))) == ["parked"]
    assert told(writer, bought("s", 1, ("A", 2_900))) == ["ok"]
    assert on(writer) == (2_900, 0)
