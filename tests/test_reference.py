"""The plain-Python reference against the rulebook: what rules give (section 4)."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest

from vafa.engine.facts import LineFact
from vafa.engine.reference.basket import spread
from vafa.engine.reference.facts import InvalidFact
from vafa.engine.reference.reference import net_voids, rounded

from .reference_scripts import BASE, GIFT, LADDER, NO_TOBACCO, Case, club, follow

REDEEMED = '[{tender="voucher"}, {tender="points", currency="points"}]'
COMPOUND = '[{id="c", mode="compound"}]'


def earn(more: str = "points=1, per=100", **fields: str) -> object:
    """One earn rule called base."""
    return club(f'{{id="base", kind="earn", {more}}}', **fields)


def rounds(mode: str) -> object:
    return club(BASE, currency=f'[{{id="points", round="{mode}"}}]')


EARNING = [
    ("floor once a basket", earn(), "s 01-01 buys milk 150, milk 149 => base 2"),
    ("a small earn is no posting", earn(), "s 01-01 buys milk 99 =>"),
    ("decimals of a scale", earn("points=0.5, per=100", currency='[{id="points", scale=2}]'),
     "s 01-01 buys milk 199 => base 99"),
    ("gross is net plus discount", earn('basis="gross", points=1, per=100'),
     "s 01-01 buys milk 400 discount 90, bread 100 gross 150 => base 6"),
    ("margin needs a cost", earn('basis="margin", points=1, per=10'),
     "s 01-01 buys milk 400 cost 330, bread 1000 => base 7"),
    ("a negative margin lowers the sum", earn('basis="margin", points=1, per=10'),
     "s 01-01 buys milk 400 cost 330, bread 100 cost 145 => base 2"),
    ("below zero it is zero", earn('basis="margin", points=1, per=10'),
     "s 01-01 buys milk 400 cost 900 =>"),
    ("quantity in units", earn('basis="quantity", points=3, per=2'),
     "s 01-01 buys milk 100, oat 1 x0.5 => base 2"),
    ("visit is one a basket", earn('basis="visit", points=7'),
     "s 01-01 buys milk 100, oat 1 => base 7"),
    # 400 + 300 of 1000 in gift and card; 300 of card is spread 210 to milk, 90 to bread.
    ("tender: the shares of the matching lines",
     earn('basis="tender", tenders=["card"], points=1, when={sku=["milk"]}'),
     "s 01-01 buys milk 700, bread 300; paid card 300, cash 700 => base 210"),
    ("tender net of change", earn('basis="tender", tenders=["cash"], points=1'),
     "s 01-01 buys milk 700; paid cash 1000, cash -300 => base 700"),
    ("tenders pay tax as well", earn('basis="tender", tenders=["card"], points=1'),
     "s 01-01 buys milk 1000; paid card 550, cash 550 => base 500"),
    ("blocks", earn("points=2, per=500, blocks=true"), "s 01-01 buys milk 1499 => base 4"),
    ("whole bands rate all", earn(
        "bands=[{from=100, points=1}, {from=500, points=2}], per=100"),
     """s1 01-01 buys milk 99 =>
        s2 01-01 buys milk 499 => base 4
        s3 01-01 buys milk 500 => base 10"""),
    # 400 at 1, 150 at 2.
    ("marginal bands rate slices, nothing below the first", earn(
        'bands=[{from=100, points=1}, {from=500, points=2}], per=100, band_mode="marginal"'),
     """s1 01-01 buys milk 99 =>
        s2 01-01 buys milk 650 => base 7"""),
    # Slices of 450 and 160: 4 and 1 blocks.
    ("blocks per slice", earn('bands=[{from=50, points=1}, {from=500, points=3}], per=100, '
                              'band_mode="marginal", blocks=true'),
     "s 01-01 buys milk 660 => base 7"),
    ("half floors", rounds("floor"), "s 01-01 buys milk 250 => base 2"),
    ("a hundredth ceils", rounds("ceil"), "s 01-01 buys milk 201 => base 3"),
    ("half up", rounds("half_up"), "s 01-01 buys milk 250 => base 3"),
    ("half to even, down", rounds("half_even"), "s 01-01 buys milk 250 => base 2"),
    ("half to even, up", rounds("half_even"), "s 01-01 buys milk 350 => base 4"),
    ("a rule's own rounding", earn('points=1, per=100, round="ceil"'),
     "s 01-01 buys milk 201 => base 3"),
    # 2.5, then 0.5 + 2.5.
    ("carry keeps the remainder", earn('points=1, per=100, round="carry"'),
     """s1 01-01 buys milk 250 => base 2
        s2 01-02 buys milk 250 => base 3"""),
    ("carry is before limits", earn('points=1, per=100, round="carry", limits={basket=1}'),
     """s1 01-01 buys milk 250 => base 1/2 basket
        s2 01-02 buys milk 250 => base 1/3 basket"""),
    ("line drops each line's fraction", earn('points=1, per=100, round="line"'),
     "s 01-01 buys milk 199, bread 199 => base 2"),
    ("line drops fractions of either sign",
     earn('basis="margin", points=1, per=100, round="line"'),
     "s 01-01 buys milk 400 cost 1, bread 100 cost 299 => base 2"),
    ("a program without its tier's figure gives nothing",
     club('{id="base", kind="earn", points={silver=1, gold=2}, per=100}', ladder=LADDER),
     """s1 01-01 buys milk 500 =>
        s2 01-01 buys milk 500 => base 5
        s3 01-01 buys milk 100 => base 2"""),
    ("excluded lines are invisible", club(BASE, GIFT, exclude=NO_TOBACCO),
     """s1 01-01 buys smokes 900, milk 100 => base 1, gift 10
        s2 01-01 buys smokes 900 =>"""),
    ("nothing on a free basket", club(BASE, GIFT), "s 01-01 buys milk 0 =>"),
    ("a free line matches in a paid basket",
     club('{id="gift", kind="bonus", points=10, when={sku=["milk"]}}'),
     "s 01-01 buys milk 0, oat 1 => gift 10"),
    ("a void line does not match",
     club(BASE, '{id="gift", kind="bonus", points=10, when={sku=["milk"]}}'),
     "s 01-01 buys milk 300, oat 100, milk -300 x-1 => base 1"),
    # Half of the milk is void: gross 600 and cost 200 go by quantity.
    ("gross and cost of a void go by quantity", club(
        '{id="gross", kind="earn", basis="gross", points=1, per=100}',
        '{id="margin", kind="earn", basis="margin", points=1, per=10}'),
     "s 01-01 buys milk 500 x2 gross 600 cost 200, milk -240 x-1 => gross 3, margin 16"),
]

REDEEMING = [
    # 300 over 700, 200, 100 of smokes: 210, 60, 30; eligible 490 + 140.
    ("what loyalty value paid earns nothing, excluded lines take their share",
     club('{id="base", kind="earn", points=1}', exclude=NO_TOBACCO, redemption=REDEEMED),
     "s 01-01 buys milk 700, bread 200, smokes 100; paid voucher 300, cash 700 => base 630"),
    ("earn_on_redeemed", club('{id="base", kind="earn", points=1}', redemption=REDEEMED,
                              earn_on_redeemed="true"),
     "s 01-01 buys milk 700; paid voucher 300, cash 400 => base 700"),
    # 60 of 100 is unredeemed: of 2 units 1.2, of gross 150 90, of margin 50 30.
    ("every line basis is multiplied by the unredeemed share", club(
        '{id="units", kind="earn", basis="quantity", points=10}',
        '{id="gross", kind="earn", basis="gross", points=1}',
        '{id="margin", kind="earn", basis="margin", points=1}', redemption=REDEEMED),
     "s 01-01 buys milk 100 x2 gross 150 cost 50; paid voucher 40 => "
     "units 12, gross 90, margin 30"),
    ("wholly redeemed earns nothing", club(BASE, GIFT, redemption=REDEEMED),
     "s 01-01 buys milk 700; paid voucher 700 =>"),
    ("a points tender is taken first", club('{id="base", kind="earn", points=1}',
                                            redemption=REDEEMED),
     """j 01-01 adjusts points 50 => adjust 50
        s 01-02 buys milk 100; paid points 40 p50, cash 60 => redeem -50, base 60
        ? 01-02 => 60 active"""),
    ("a points tender without points refuses the sale", club(BASE, redemption=REDEEMED),
     """s 01-02 buys milk 100; paid points 40 p50 => insufficient-points
        ? 01-02 => 0"""),
    ("unless it is completed", club('{id="base", kind="earn", points=1}', redemption=REDEEMED),
     """s 01-02 buys milk 100; paid points 40 p50; completed => redeem -50, base 60
        ? 01-02 => 10 active"""),
    ("points on a tender of no currency", club(BASE, redemption=REDEEMED),
     "s 01-02 buys milk 100; paid voucher 40 p50 => not-spendable"),
]

GROUPS = [
    ("first: a line counts for the first matching rule", club(
        '{id="dairy", kind="earn", points=3, per=100, group="g", when={department=["DAIRY"]}}',
        '{id="all", kind="earn", points=1, per=100, group="g"}',
        group='[{id="g", mode="first"}]'),
     "s 01-01 buys milk 200, bread 300 => dairy 6, all 3"),
    ("first is by priority", club(
        '{id="dairy", kind="earn", points=3, per=100, group="g", when={department=["DAIRY"]}}',
        '{id="all", kind="earn", points=1, per=100, group="g", priority=1}',
        group='[{id="g", mode="first"}]'),
     "s 01-01 buys milk 200, bread 300 => all 5"),
    ("without room a rule takes no part in its group", club(
        '{id="dairy", kind="earn", points=3, per=100, group="g", uses={day=1}}',
        '{id="all", kind="earn", points=1, per=100, group="g"}',
        group='[{id="g", mode="first"}]'),
     """s1 01-01 buys milk 200 => dairy 6
        s2 01-01 buys milk 200 => all 2"""),
    ("best: the basket counts for the rule that gives most", club(
        '{id="a", kind="earn", points=1, per=100, group="g"}',
        '{id="b", kind="earn", points=3, per=100, group="g", when={sku=["milk"]}}',
        group='[{id="g", mode="best"}]'),
     """s1 01-01 buys milk 200, bread 300 => b 6
        s2 01-01 buys milk 100, bread 300 => a 4"""),
    ("best after its own limits, ties by priority", club(
        '{id="a", kind="earn", points=2, per=100, group="g", limits={basket=3}}',
        '{id="b", kind="earn", points=1, per=100, group="g"}',
        group='[{id="g", mode="best"}]'),
     """s1 01-01 buys milk 300 => a 3/6 basket
        s2 01-01 buys milk 400 => b 4"""),
]

MULTIPLYING = [
    ("the exact earn of its lines", club(
        '{id="base", kind="earn", points=1, per=10}',
        '{id="dairy", kind="multiply", factor=1.5, when={department=["DAIRY"]}}'),
     "s 01-01 buys bread 185, milk 427 => base 61, dairy 21"),
    ("factors add", club(BASE, '{id="two", kind="multiply", factor=2}',
                         '{id="three", kind="multiply", factor=3}'),
     "s 01-01 buys milk 550 => base 5, two 5, three 11"),
    ("what the earn rule's own limit left", club(
        '{id="base", kind="earn", points=1, per=100, limits={basket=3}}',
        '{id="two", kind="multiply", factor=2}'),
     "s 01-01 buys milk 660 => base 3/6 basket, two 3"),
    ("a program cap leaves the exact earn whole", club(
        BASE, '{id="two", kind="multiply", factor=2}',
        currency='[{id="points", caps={basket=7}}]'),
     "s 01-01 buys milk 600 => base 6, two 1/6 cap.basket"),
    # 7 points of a visit belong to milk by 300 of 400.
    ("a visit belongs to its lines by eligible amount", club(
        '{id="visit", kind="earn", basis="visit", points=8}',
        '{id="two", kind="multiply", factor=2, when={sku=["milk"]}}'),
     "s 01-01 buys milk 300, bread 100 => visit 8, two 6"),
    # 14 points for blocks of 1499: milk has 1000/1499 of them.
    ("blocks belong to lines in proportion", club(
        '{id="base", kind="earn", points=7, per=500, blocks=true}',
        '{id="two", kind="multiply", factor=2, when={sku=["milk"]}}'),
     "s 01-01 buys milk 1000, bread 499 => base 14, two 9"),
    ("best: per line the largest factor", club(
        '{id="base", kind="earn", points=1}',
        '{id="all", kind="multiply", factor=2, stack="b"}',
        '{id="dairy", kind="multiply", factor=3, stack="b", when={sku=["milk"]}}',
        stack='[{id="b", mode="best"}]'),
     "s 01-01 buys milk 10, bread 5 => base 15, all 5, dairy 20"),
    # 100 -> +50 -> (150) +150; in the other order +100 -> (200) +100.
    ("compound: factors chain by priority", club(
        '{id="base", kind="earn", points=1}',
        '{id="a", kind="multiply", factor=1.5, stack="c"}',
        '{id="b", kind="multiply", factor=2, stack="c"}', stack=COMPOUND),
     "s 01-01 buys milk 100 => base 100, a 50, b 150"),
    ("compound by the order of priorities", club(
        '{id="base", kind="earn", points=1}',
        '{id="a", kind="multiply", factor=1.5, stack="c", priority=200}',
        '{id="b", kind="multiply", factor=2, stack="c"}', stack=COMPOUND),
     "s 01-01 buys milk 100 => base 100, b 100, a 100"),
    ("groups add to each other", club(
        '{id="base", kind="earn", points=1}',
        '{id="a", kind="multiply", factor=1.5, stack="c"}',
        '{id="b", kind="multiply", factor=2, stack="c"}',
        '{id="two", kind="multiply", factor=2}', stack=COMPOUND),
     "s 01-01 buys milk 100 => base 100, a 50, b 150, two 100"),
    ("first: only the first by priority, a bonus too", club(
        '{id="base", kind="earn", points=1}',
        '{id="gift", kind="bonus", points=10, stack="f"}',
        '{id="two", kind="multiply", factor=2, stack="f", priority=50, when={sku=["milk"]}}',
        stack='[{id="f", mode="first"}]'),
     """s1 01-01 buys milk 100 => two 100, base 100
        s2 01-01 buys oat 100 => base 100, gift 10"""),
    ("each currency for itself", club(
        BASE, '{id="stamps", kind="earn", points=1, currency="stamps"}',
        '{id="two", kind="multiply", factor=2}',
        currency='[{id="points"}, {id="stamps"}]'),
     "s 01-01 buys milk 250 => base 2, stamps 250, two 2"),
    # 0.5 + 0.5 + 1.5: 2.5 floors to 2 of floors 0 + 0 + 1; the tie goes to the first.
    ("round_at basket: the largest fractions, ties by priority", club(
        '{id="a", kind="earn", points=1, per=100}',
        '{id="b", kind="earn", points=1, per=100}',
        '{id="c", kind="earn", points=3, per=100}',
        currency='[{id="points", round_at="basket"}]'),
     "s 01-01 buys milk 50 => a 1, c 1"),
    # 60.5 + 42.0 + 30.25 = 132.75 -> 133: the half gets it.
    ("round_at basket with multiplies, by the program's mode", club(
        '{id="earn", kind="earn", points=1, per=10}',
        '{id="dairy", kind="multiply", factor=2, when={sku=["milk"]}}',
        '{id="gold", kind="multiply", factor=1.5}',
        currency='[{id="points", round_at="basket", round="half_up"}]'),
     "s 01-01 buys bread 185, milk 420 => earn 61, dairy 42, gold 30"),
]

BONUSES = [
    ("fixed", club(GIFT), "s 01-01 buys milk 1 => gift 10"),
    ("per units with the remainder carried", club(
        '{id="ten", kind="bonus", points=5, per_units=3}'),
     """s1 01-01 buys milk 100 x2 =>
        s2 01-02 buys milk 100 x5 => ten 10
        s3 01-03 buys milk 100 x2 => ten 5"""),
    ("a weighed line is one unit", club('{id="ten", kind="bonus", points=5, per_units=2}'),
     "s 01-01 buys cheese 100 x0.4, cheese 100 x3.5, milk 1 x1.5 => ten 5"),
    # 3 units, 0.5 of each redeemed.
    ("units without the redeemed share", club(
        '{id="ten", kind="bonus", points=5, per_units=1}', redemption=REDEEMED),
     "s 01-01 buys milk 100 x3; paid voucher 50 => ten 5"),
    ("a bonus on the balance: floored, capped, once", club(
        '{id="double", kind="bonus", of_balance={factor=1.5, cap=30}}'),
     """j1 01-01 adjusts points 1 => adjust 1
        s1 01-01 buys milk 1 =>
        j2 01-02 adjusts points 20 => adjust 20
        s2 01-02 buys milk 1 => double 10
        s3 01-03 buys milk 1 => double 0/15 once"""),
    ("after the sale's own redemption", club(
        '{id="double", kind="bonus", of_balance={factor=2, cap=30}}', redemption=REDEEMED),
     """j1 01-01 adjusts points 100 => adjust 100
        s1 01-01 buys milk 100; paid points 50 p90 => redeem -90, double 10"""),
    ("the best bonus of a stack group after own limits", club(
        '{id="a", kind="bonus", points=50, limits={basket=5}, stack="b"}',
        '{id="b", kind="bonus", points=9, stack="b"}',
        '{id="c", kind="bonus", points=9, stack="b"}', stack='[{id="b", mode="best"}]'),
     "s 01-01 buys milk 1 => b 9"),
    ("postings go by priority, then file", club(
        GIFT, '{id="late", kind="bonus", points=1, priority=101}', BASE,
        '{id="soon", kind="bonus", points=1, priority=1}'),
     "s 01-01 buys milk 100 => soon 1, gift 10, base 1, late 1"),
    ("donated points are nobody's lot", club(
        BASE, '{id="cause", kind="bonus", points=3, donate="trees"}'),
     """s 01-01 buys milk 200 => base 2, cause 3, donate -3
        ? 01-01 => 2 active
        ? 01-01 totals points => issued 5, donated 3"""),
]

ACTIVITIES = [
    ("a fixed bonus once a fact, quantity by quantity", club(
        '{id="review", kind="bonus", points=10, when={activity=["review"]}}',
        '{id="steps", kind="earn", basis="quantity", points=1, per=1000, '
        'when={activity=["steps"]}}', BASE),
     """a1 01-01 does review 3 => review 10
        a2 01-01 does steps 2999 => steps 2
        a3 01-01 does survey =>
        s1 01-01 buys milk 100 => base 1"""),
    ("a daily cap of a game", club(
        '{id="game", kind="bonus", points=10, when={activity=["game"]}, limits={day=15}}'),
     """a1 01-01 does game => game 10
        a2 01-01 does game => game 5/10 day
        a3 01-02 does game => game 10"""),
    ("caps are over sales and activities alike, not adjusts", club(
        BASE, '{id="review", kind="bonus", points=10, when={activity=["review"]}}',
        currency='[{id="points", caps={day=12}}]'),
     """j1 01-01 adjusts points 100 => adjust 100
        a1 01-01 does review => review 10
        s1 01-01 buys milk 500 => base 2/5 cap.day"""),
    ("multiply does not act", club(
        '{id="steps", kind="earn", basis="quantity", points=1, when={activity=["steps"]}}',
        BASE, '{id="two", kind="multiply", factor=2}'),
     "a1 01-01 does steps 7 => steps 7"),
    ("where it happened", club(
        '{id="in", kind="bonus", points=10, when={activity=["check-in"], region=["north"]}}'),
     """a1 01-01 does check-in S1 => in 10
        a2 01-01 does check-in S2 =>"""),
    ("an activity is no purchase", club(
        '{id="review", kind="bonus", points=10, when={activity=["review"]}}',
        '{id="first", kind="bonus", points=1, when={first_purchase=["ever"]}}'),
     """a1 01-01 does review => review 10
        s1 01-01 buys milk 1 => first 1
        ? 01-01 purchases => 1"""),
]

TABLES: list[tuple[Any, ...]] = [
    *EARNING, *REDEEMING, *GROUPS, *MULTIPLYING, *BONUSES, *ACTIVITIES,
]


@pytest.mark.parametrize("case", [Case(*row) for row in TABLES], ids=lambda case: case.name)
def test_what_rules_give(case: Case) -> None:
    follow(case)


# -- the parts ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("exact", "floor", "ceil", "half_up", "half_even"),
    [
        ("0", 0, 0, 0, 0),
        ("1/2", 0, 1, 1, 0),
        ("3/2", 1, 2, 2, 2),
        ("5/2", 2, 3, 3, 2),
        ("249/100", 2, 3, 2, 2),
        ("251/100", 2, 3, 3, 3),
    ],
)
def test_roundings(exact: str, floor: int, ceil: int, half_up: int, half_even: int) -> None:
    modes = ("floor", "ceil", "half_up", "half_even")
    assert [rounded(Fraction(exact), mode) for mode in modes] == [
        floor, ceil, half_up, half_even
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("amount", "nets", "shares"),
    [
        (10, [5, 5, 5], [4, 3, 3]),
        (100, [333, 333, 334], [33, 33, 34]),
        (1, [1, 0, 1], [1, 0, 0]),
        (7, [1, 2, 10], [1, 1, 5]),
        (50, [10, 20], [10, 20]),
        (5, [0, 0], [0, 0]),
        (-5, [3, 4], [0, 0]),
    ],
)
def test_amounts_are_spread_by_largest_remainder(
    amount: int, nets: list[int], shares: list[int]
) -> None:
    assert spread(amount, nets) == shares


TILL = [
    ("a void by sku is of the latest", ["milk 9", "milk 5", "milk -5"], "1:9 2:0"),
    ("a void by number", ["milk 9", "milk 5", "milk -9 1"], "1:0 2:5"),
    ("a line that is void is passed over", ["milk 5", "milk 5", "milk -5", "milk -5"], "1:0 2:0"),
    ("a part of the amount", ["milk 9", "milk -4"], "1:5"),
    ("more than is left", ["milk 9", "milk -10"], "voids more than is left of line 1"),
    ("of another sku", ["milk 9", "oat -9"], "there is no line for it to void"),
    ("before its line", ["milk -9", "milk 9"], "there is no line for it to void"),
    ("a sale that names a line", ["milk 9", "milk 5 1"], "is not negative"),
]


@pytest.mark.parametrize(("name", "lines", "expected"), TILL)
def test_voids(name: str, lines: list[str], expected: str) -> None:
    facts = []
    for text in lines:
        sku, net, *voids = text.split()
        quantity = 1000 if int(net) > 0 else -1000
        facts.append(LineFact(sku, quantity, int(net), voids=int(voids[0]) if voids else None))
    if ":" not in expected:
        with pytest.raises(InvalidFact, match=expected):
            net_voids(facts)
        return
    assert " ".join(f"{line.number}:{line.net}" for line in net_voids(facts)) == expected
