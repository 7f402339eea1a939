"""Carried remainders stay exact however many sales were paid in part (rulebook section 4).

Every such sale brings its lines' nets into the denominator: after a dozen of them it is longer
than any machine word, after a few hundred longer than the kernel's numbers of bounded length.
"""

from __future__ import annotations

import random
from fractions import Fraction
from math import floor
from pathlib import Path

import pytest

from vafa.engine.facts import (
    LineFact,
    MergeFact,
    ReturnedLine,
    ReturnFact,
    SaleFact,
    TenderFact,
)
from vafa.engine.ledger.writer import Writer
from vafa.engine.views.views import member_view

from . import mixed
from .mixed import at, commit, told

PROGRAM = """
format = 1
id = "rests"
unit = { code = "USD" }
zone = "UTC"
late_limit_days = 36_500
RETURNS

[[currency]]
id = "points"

[[redemption]]
tender = "voucher"

[[rule]]
id = "cups"
kind = "bonus"
points = 7
per_units = 2.5

[[rule]]
id = "kilos"
kind = "earn"
basis = "quantity"
round = "carry"
points = 3
per = 2
"""
MANY = 90
"""Sales whose nets have some 3,000 bits together."""


def program(policy: str = "recompute") -> str:
    return PROGRAM.replace("RETURNS", f'returns = {{ policy = "{policy}" }}')


def sold(draw: random.Random, name: str, hours: float, member: str = "m") -> SaleFact:
    """A line of some units of which a voucher pays some."""
    net, quantity = draw.randrange(10**10, 10**12) | 1, draw.randrange(1, 9) * 500
    voucher = draw.randrange(1, net)
    return SaleFact(
        name, at(hours), member, [LineFact("milk", quantity, net)],
        tenders=[TenderFact("voucher", voucher), TenderFact("cash", net - voucher)],
    )  # fmt: skip


def units(sale: SaleFact) -> Fraction:
    """Units that no voucher paid."""
    (line,) = sale.lines
    return Fraction(line.quantity, 1000) * Fraction(
        line.net - sale.tenders[0].amount, line.net
    )  # fmt: skip


def rest(writer: Writer, kind: str, rule: str, member: str = "m") -> Fraction:
    """The remainder that a member's row carries for a rule."""
    fold = writer.replica.fold
    assert fold is not None
    number = fold.dictionaries.members.numbers[member]
    values = fold.state.vec(fold.accounts.account(number), fold.layout.slot(kind, rule))
    if not values:
        return Fraction(0)
    n = abs(values[0])
    num, den = (
        sum((limb % 2**64) << (64 * place) for place, limb in enumerate(limbs))
        for limbs in (values[1 : 1 + n], values[1 + n :])
    )
    return Fraction(-num if values[0] < 0 else num, den)


class Kept:
    """What a member has by exact fractions: points, and what both rules carry."""

    def __init__(self) -> None:
        self.points, self.units, self.exact = 0, Fraction(0), Fraction(0)

    def buys(self, sale: SaleFact) -> int:
        """The points of a sale."""
        self.units += units(sale)
        self.exact += units(sale) * 3 / 2
        cups, kilos = max(0, floor(self.units / Fraction(5, 2))), max(0, floor(self.exact))
        self.units -= cups * Fraction(5, 2)
        self.exact -= kilos
        self.points += 7 * cups + kilos
        return 7 * cups + kilos

    def is_of(self, writer: Writer, member: str = "m") -> None:
        assert rest(writer, "units", "cups", member) == self.units * 1000
        assert rest(writer, "rest", "kilos", member) == self.exact
        shown = member_view(writer.replica, member)
        assert shown is not None
        assert shown["balances"]["points"]["active"] == self.points


def test_no_number_of_sales_is_too_many(tmp_path: Path) -> None:
    draw, kept = random.Random(7), Kept()
    with mixed.verified(tmp_path, program()) as writer:
        for number in range(MANY):
            sale = sold(draw, f"s{number}", number)
            (verdict,) = commit(writer, sale)
            answer = verdict.answer
            assert answer is not None
            assert answer["status"] == "ok", number
            assert sum(p["points"] for p in answer["postings"]) == kept.buys(sale)
        assert kept.units.denominator.bit_length() > 2_048
        kept.is_of(writer)


@pytest.mark.parametrize("policy", ["recompute", "proportional"])
def test_what_comes_back_takes_its_part_of_a_long_remainder(tmp_path: Path, policy: str) -> None:
    draw = random.Random(11)
    sales = [sold(draw, f"s{number}", number) for number in range(40)]
    back = sales[5::2]
    with mixed.verified(tmp_path, program(policy)) as writer:
        assert set(told(writer, *sales)) == {"ok"}
        for number, sale in enumerate(back):
            (line,) = sale.lines
            returned = [ReturnedLine(line.quantity, line.net, 1)]
            fact = ReturnFact(f"r{number}", at(100 + number), "m", returned, sale.id)
            assert told(writer, fact) == ["ok"]
        # Nothing of what is back is left in the denominator.
        left = [sale for sale in sales if sale not in back]
        figure = sum(map(units, left), Fraction(0)) * 1000 - rest(writer, "units", "cups")
        assert figure.denominator == 1
        assert figure % 2500 == 0
        exact = sum(map(units, left), Fraction(0)) * 3 / 2 - rest(writer, "rest", "kilos")
        assert exact.denominator == 1


def test_a_part_that_comes_back_leaves_an_exact_remainder(tmp_path: Path) -> None:
    draw = random.Random(13)
    sales = [sold(draw, f"s{number}", number) for number in range(20)]
    with mixed.verified(tmp_path, program("proportional")) as writer:
        assert set(told(writer, *sales)) == {"ok"}
        for number, sale in enumerate(sales):
            (line,) = sale.lines
            part = ReturnedLine(line.quantity // 3, line.net // 3, 1)
            fact = ReturnFact(f"r{number}", at(100 + number), "m", [part], sale.id)
            assert told(writer, fact) == ["ok"]


def test_two_long_remainders_come_together(tmp_path: Path) -> None:
    draw, mine, others = random.Random(17), Kept(), Kept()
    with mixed.verified(tmp_path, program()) as writer:
        for number in range(40):
            one = sold(draw, f"a{number}", number)
            two = sold(draw, f"b{number}", number, "n")
            assert told(writer, one, two) == ["ok", "ok"]
            mine.buys(one)
            others.buys(two)
        assert told(writer, MergeFact("merge", at(100), "m", "n")) == ["ok"]
        mine.points += others.points
        mine.units += others.units
        mine.exact += others.exact
        mine.is_of(writer)
        last = sold(draw, "last", 101)
        assert told(writer, last) == ["ok"]
        mine.buys(last)
        mine.is_of(writer)
