"""Baskets of very many lines, each paid in part: the exact figure of each has a net of its own
below, and all of them are summed.
"""

from __future__ import annotations

import random
from fractions import Fraction
from math import floor
from pathlib import Path

import pytest

from vafa.engine.facts import LineFact, ReturnedLine, ReturnFact, SaleFact, TenderFact

from . import mixed

HEAD = """
format = 1
id = "long"
unit = { code = "USD" }
zone = "UTC"
late_limit_days = 36_500

[[currency]]
id = "points"
expiry = { policy = "never" }

[[redemption]]
tender = "gift"
"""
RULES = {
    "units": 'kind = "earn"\nbasis = "quantity"\npoints = 1',
    "blocks": 'kind = "earn"\nbasis = "quantity"\npoints = 7\nper = 3\nblocks = true',
    "margins": 'kind = "earn"\nbasis = "margin"\npoints = 1\nper = 7',
    "cut": 'kind = "earn"\nbasis = "quantity"\npoints = 3\nlimits = { basket = 1_000 }',
    "tea": 'kind = "multiply"\nfactor = 1.5\nwhen = { sku = ["tea"] }',
    "rest": 'kind = "earn"\nbasis = "quantity"\npoints = 1\nround = "carry"',
    "cups": 'kind = "bonus"\npoints = 1\nper_units = 2.5',
}
GIFT = 50_000


def shares(lines: list[LineFact]) -> list[Fraction]:
    """What no gift card paid of each line's net: largest remainders, ties to the earlier line."""
    total = sum(line.net for line in lines)
    paid = [GIFT * line.net // total for line in lines]
    order = sorted(range(len(lines)), key=lambda k: -(GIFT * lines[k].net % total))
    for k in order[: GIFT - sum(paid)]:
        paid[k] += 1
    return [1 - Fraction(part, line.net) for part, line in zip(paid, lines, strict=True)]


def expected(rules: list[str], lines: list[LineFact]) -> dict[str, int]:
    """What the rules give to lines."""
    unpaid = shares(lines)
    units = [line.quantity * part / 1000 for line, part in zip(lines, unpaid, strict=True)]
    margins = [(n.net - (n.cost or 0)) * p / 7 for n, p in zip(lines, unpaid, strict=True)]
    total = sum(units, Fraction(0))
    blocks, wanted = floor(total / 3) * 7, floor(3 * total)
    cut = min(1_000, wanted)
    given = {
        "units": floor(total), "blocks": blocks, "margins": floor(sum(margins, Fraction(0))),
        "cut": cut, "rest": floor(total), "cups": floor(total / Fraction(5, 2)),
    }  # fmt: skip
    # Of a unit and of the margin what each rule gave a line, as far as its own limits left it.
    by_unit = {
        "units": Fraction(1), "blocks": blocks / total, "cut": 3 * Fraction(cut, wanted),
        "rest": Fraction(1),
    }  # fmt: skip
    a_unit = sum((by_unit[name] for name in rules if name in by_unit), Fraction(0))
    tea = [k for k, line in enumerate(lines) if line.sku == "tea"]
    exact = a_unit * sum((units[k] for k in tea), Fraction(0))
    if "margins" in rules:
        exact += sum((margins[k] for k in tea), Fraction(0))
    given["tea"] = floor(exact / 2)
    return {name: given[name] for name in rules if given[name]}


def long_basket(count: int, most: int) -> list[LineFact]:
    draw = random.Random(1)
    nets = [draw.randint(50_000, most) for _ in range(count)]
    return [
        LineFact(("tea", "milk")[k % 2], 1000, net, cost=net - draw.randint(-9, 99))
        for k, net in enumerate(nets)
    ]


@pytest.mark.parametrize(
    ("count", "most", "rules"),
    [
        (135, 5_000_000, list(RULES)),
        (1_000, 5_000_000, ["units"]),
        (1_000, 5_000_000, list(RULES)),
        (1_000, 10**11, ["units", "margins", "tea"]),
    ],
)
def test_figures_are_exact(count: int, most: int, rules: list[str], tmp_path: Path) -> None:
    text = HEAD + "".join(f'[[rule]]\nid = "{name}"\n{RULES[name]}\n' for name in rules)
    lines = long_basket(count, most)
    total = sum(line.net for line in lines)
    tenders = [TenderFact("gift", GIFT), TenderFact("card", total - GIFT)]
    with mixed.start(tmp_path, text) as writer:
        sold = SaleFact("s", mixed.at(0), "m", lines, tenders=tenders)
        (answer,) = mixed.answers(mixed.commit(writer, sold))
        given = {posting["rule"]: posting["points"] for posting in answer["postings"]}
        assert given == expected(rules, lines)
        if "blocks" in rules:
            return
        # Of some lines an amount, of others all comes back.
        goods = [
            ReturnedLine(1000, line.net, k + 1) if k % 5 == 0 else ReturnedLine(0, 1_000, k + 1)
            for k, line in enumerate(lines)
            if k % 5 < 2
        ]
        told = mixed.told(writer, ReturnFact("r", mixed.at(24), "m", goods, "s"))
        assert told == ["ok"]
