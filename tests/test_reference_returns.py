"""The reference against the rulebook: what of a sale is left after returns (section 9)."""

from __future__ import annotations

from itertools import permutations

import pytest

from .reference_scripts import (
    BASE,
    EACH,
    GIFT,
    NO_TOBACCO,
    REDEEMED,
    Case,
    back,
    club,
    fact_of,
    follow,
    started,
)

PROPORTIONAL = 'policy="proportional"'

WORKED = club(
    '{id="earn", kind="earn", points=1, per=10_000}',
    '{id="dairy", kind="multiply", factor=2, when={department=["DAIRY"], weekday=["friday"]}}',
    '{id="gold", kind="multiply", factor={gold=1.5}}',
    '{id="birthday", kind="bonus", points=500, when={anniversary={before=3, after=3}}, '
    "uses={anniversary=1}}",
    unit='{code="IRR", exponent=0}', zone='"Asia/Tehran"', calendar='"jalali"',
    currency='[{id="points", expiry={policy="after", months=12}, caps={basket=2_000}}]',
    exclude=NO_TOBACCO, ladder='{window="year", tier=[{id="gold", at_least={spend=1}}]}',
)  # fmt: skip

LINES = [
    (
        "the worked case of section 13",
        WORKED,
        """e1 01-01 enrols birth=1990-01-07 tier=gold/2024-12-31 =>
        s1 01-05T09:00 buys bread 185000, milk 420000, smokes 600000 => """
        """earn 60, dairy 42, gold 30, birthday 500
        ? 01-05 => 632 active, gold
        r1 01-06 returns s1 milk x1 420000 => earn -42, dairy -42, gold -21
        ? 01-06 => 527 active, gold
        r2 01-07 returns s1 bread x1 185000 => earn -18, gold -9, birthday -500
        ? 01-07 => 0, gold
        s2 01-08 buys bread 1000 => birthday 500""",
    ),
    (
        "a part of a line",
        back(),
        """s1 01-01 buys milk 400 x4 => base 400
        r1 01-02 returns s1 milk x1 100 => base -100
        r2 01-03 returns s1 #1 x1 90 => base -90
        r3 01-04 returns s1 #1 x2 => base -210""",
    ),
    (
        "an amount without quantity lowers the net only",
        back("", EACH, ('{id="units", kind="earn", basis="quantity", points=10}')),
        """s1 01-01 buys milk 400 x4 => base 400, units 40
        r1 01-02 returns s1 milk 150 => base -150
        r2 01-03 returns s1 milk x2 => units -20""",
    ),
    (
        "an amount on a line that is gone moves nothing",
        back(),
        """s1 01-01 buys milk 400, oat 1 => base 401
        r1 01-02 returns s1 milk x1 => base -400
        r2 01-03 returns s1 milk 400 =>
        r3 01-03 returns s1 milk x1 => returns-too-much""",
    ),
    (
        "more than was sold",
        back(),
        """s1 01-01 buys milk 400 x2 => base 400
        r1 01-02 returns s1 milk x3 => returns-too-much
        r2 01-02 returns s1 milk x1 401 => returns-too-much
        r3 01-02 returns s1 oat x1 => no-such-line
        r4 01-02 returns s1 #2 x1 => no-such-line
        ? 01-02 => 400 active""",
    ),
    (
        "by sku: the latest line first",
        back(),
        """s1 01-01 buys milk 100, oat 7, milk 300 => base 407
        r1 01-02 returns s1 milk x1 100 => base -300
        r2 01-02 returns s1 milk x1 => base -100""",
    ),
    (
        "what exceeds a voided line goes to the sku's other lines",
        back(),
        """s1 01-01 buys milk 200 x2, milk 100, milk -100 x-1 voids 1 => base 200
        r1 01-02 returns s1 #1 x2 200 => base -200""",
    ),
    (
        "what exceeds a line that was not voided does not",
        back(),
        """s1 01-01 buys milk 200 x2, milk 100 => base 300
        r1 01-02 returns s1 #1 x3 300 => returns-too-much""",
    ),
    # Of 4 at gross 600 and cost 200 two are back: 300 and 100, net 150 is left.
    (
        "cost and gross go by quantity",
        back(
            "",
            '{id="gross", kind="earn", basis="gross", points=1}',
            '{id="margin", kind="earn", basis="margin", points=1}',
        ),
        """s1 01-01 buys milk 400 x4 gross 600 cost 200 => gross 600, margin 200
        r1 01-02 returns s1 milk x2 250 => gross -300, margin -150""",
    ),
    # Card paid 300 of 400; of the line 150 is left: 112.5 of the card.
    (
        "tenders go by net",
        back("", '{id="card", kind="earn", basis="tender", tenders=["card"], points=1}'),
        """s1 01-01 buys milk 400 x4; paid card 300, cash 100 => card 300
        r1 01-02 returns s1 milk x1 250 => card -188""",
    ),
    # 101 redeemed of 400: floor(101 x 150/400) = 37 is back, 64 of 250 left.
    (
        "the redeemed share is floored",
        back("", EACH, redemption=REDEEMED),
        """s1 01-01 buys milk 400 x4; paid voucher 101 => base 299
        r1 01-02 returns s1 milk x1 150 => base -113""",
    ),
    (
        "of an excluded line nothing comes back",
        back("", EACH, exclude=NO_TOBACCO),
        """s1 01-01 buys milk 100, smokes 900 => base 100
        r1 01-02 returns s1 smokes x1 900 =>""",
    ),
    (
        "names no sale, another's, itself",
        back(),
        """s1 01-01 buys milk 100; by n => base 100
        a1 01-01 does walk =>
        r1 01-02 returns s1 milk x1 => wrong-member
        r2 01-02 returns a1 milk x1 => not-a-sale
        r3 01-02 returns r2 milk x1 => not-a-sale""",
    ),
    (
        "without a receipt nothing, unless a rate says so",
        back(),
        """s1 01-01 buys milk 100 => base 100
        r1 01-02 returns - milk x1 100 =>""",
    ),
    (
        "without a receipt at a rate",
        back("no_receipt={points=1, per=30}"),
        """s1 01-01 buys milk 5 => base 5
        r1 01-02 returns - milk x1 100, oat x1 59 => reverse -5
        r2 01-02 returns - milk x1 100 => reverse -3
        ? 01-02 => 3 debt""",
    ),
]

RECOMPUTED = [
    (
        "the sale's own rate, though the tier has changed",
        back(
            "",
            '{id="base", kind="earn", points={bronze=1, gold=3}}',
            ladder='{window="year", tier=[{id="bronze"}, {id="gold", at_least={spend=100}}]}',
        ),
        """s1 01-01 buys milk 100, oat 20 => base 120
        r1 01-02 returns s1 oat x1 => base -20""",
    ),
    (
        "a minimum that is no longer met",
        back("", '{id="gift", kind="bonus", points=10, when={min_amount=100}}'),
        """s1 01-01 buys milk 60, oat 40 => gift 10
        r1 01-02 returns s1 oat x1 => gift -10""",
    ),
    (
        "a fixed bonus stands while something eligible is left",
        back("", GIFT),
        """s1 01-01 buys milk 60, oat 40 => gift 10
        r1 01-02 returns s1 oat x1 =>
        r2 01-02 returns s1 milk x1 => gift -10""",
    ),
    (
        "a rule may give more after, within what the sale gave",
        back("", EACH, '{id="gift", kind="bonus", points=10, when={without={sku=["oat"]}}}'),
        """s1 01-01 buys milk 60, oat 40 => base 100
        r1 01-02 returns s1 oat x1 => base -40, gift 10""",
    ),
    (
        "never more than it gave at first, cut from the last rule",
        back("", EACH, '{id="gift", kind="bonus", points=50, when={without={sku=["oat"]}}}'),
        """s1 01-01 buys milk 60, oat 40 => base 100
        r1 01-02 returns s1 oat x1 => base -40, gift 40""",
    ),
    (
        "nothing eligible left gives nothing",
        back("", '{id="gift", kind="bonus", points=50, when={without={sku=["oat"]}}}', EACH),
        """s1 01-01 buys milk 60, oat 40 => base 100
        r1 01-02 returns s1 oat x1, milk x1 => base -100""",
    ),
    # The limit of the day had room for 100; 30 come back, and a later sale may use them.
    (
        "limits as they stood; later sales use the room",
        back("", '{id="base", kind="earn", points=1, limits={day=100}}'),
        """s1 01-01 buys milk 80, oat 30 => base 100/110 day
        r1 01-01 returns s1 milk x1 => base -70
        s2 01-01T13:00 buys milk 100 => base 70/100 day""",
    ),
    (
        "earlier cuts are not made good",
        back("", '{id="base", kind="earn", points=1, limits={day=100}}'),
        """s1 01-01 buys milk 80 => base 80
        s2 01-01 buys milk 40 => base 20/40 day
        r1 01-01 returns s1 milk x1 => base -80
        ? 01-01 => 20 active""",
    ),
    (
        "room comes back in the sale's own day",
        back("", '{id="base", kind="earn", points=1, limits={day=100}}'),
        """s1 01-01 buys milk 100 => base 100
        r1 01-02 returns s1 milk x1 => base -100
        s2 01-02 buys milk 200 => base 100/200 day""",
    ),
    (
        "uses come back",
        back("", '{id="gift", kind="bonus", points=5, uses={lifetime=1}}'),
        """s1 01-01 buys milk 100 => gift 5
        r1 01-02 returns s1 milk x1 => gift -5
        s2 01-03 buys milk 1 => gift 5""",
    ),
    # 2.5 and 2.6 leave 0.5 and 0.1; the first sale's 1.0 leaves 0: -0.4 is carried.
    (
        "carry is corrected",
        back("", '{id="base", kind="earn", points=1, per=100, round="carry"}'),
        """s1 01-01 buys milk 150, oat 100 => base 2
        s2 01-02 buys milk 260 => base 3
        r1 01-03 returns s1 milk x1 => base -1
        s3 01-04 buys milk 439 => base 3
        s4 01-04 buys milk 1 => base 1""",
    ),
    # 5 + 5 units of 10 reward the second sale; without the first the remainder is -5.
    (
        "units go back, a reward of another sale stands",
        back("", '{id="ten", kind="bonus", points=7, per_units=10}'),
        """s1 01-01 buys milk 100 x5 =>
        s2 01-02 buys milk 100 x5 => ten 7
        r1 01-03 returns s1 milk x5 =>
        s3 01-04 buys milk 100 x14 =>
        s4 01-05 buys milk 100 x1 => ten 7""",
    ),
    (
        "a donation comes back from the cause",
        back("", EACH, '{id="cause", kind="bonus", points=3, donate="trees"}'),
        """s1 01-01 buys milk 10 => base 10, cause 3, donate -3
        d1 01-02 redeems points 10 => redeem -10
        r1 01-03 returns s1 milk x1 => cause -3, donate 3, base -10
        ? 01-03 => 10 debt
        ? 01-03 totals points => issued 13, redeemed 10, reversed 13, debt 10""",
    ),
    (
        "the bonus on the balance of that day",
        back("", '{id="double", kind="bonus", of_balance={factor=2, cap=30}}'),
        """j1 01-01 adjusts points 20 => adjust 20
        s1 01-02 buys milk 1, oat 1 => double 20
        r1 01-03 returns s1 milk x1 =>
        r2 01-03 returns s1 oat x1 => double -20""",
    ),
]

IN_PROPORTION = [
    # 7 points of 350: floor(7 x 100/350) = 2, then floor(7 x 200/350) = 4, then all.
    (
        "floor of the points, cumulatively",
        back(PROPORTIONAL, BASE),
        """s1 01-01 buys milk 350 x7 => base 3
        r1 01-02 returns s1 milk x2 100 =>
        r2 01-02 returns s1 milk x1 50 => base -1
        r3 01-02 returns s1 milk x4 200 => base -2""",
    ),
    (
        "of its own lines",
        back(PROPORTIONAL, EACH, '{id="dairy", kind="multiply", factor=2, when={sku=["milk"]}}'),
        """s1 01-01 buys milk 100 x2, oat 50 => base 150, dairy 100
        r1 01-02 returns s1 oat x1 => base -50
        r2 01-02 returns s1 milk x1 50 => base -50, dairy -50""",
    ),
    (
        "by units where the basis is quantity",
        back(PROPORTIONAL, '{id="units", kind="earn", basis="quantity", points=10}'),
        """s1 01-01 buys milk 100 x4 => units 40
        r1 01-02 returns s1 milk x1 90 => units -10""",
    ),
    (
        "fixed bonuses only when none of its lines is left",
        back(PROPORTIONAL, '{id="gift", kind="bonus", points=9, when={sku=["milk", "oat"]}}'),
        """s1 01-01 buys milk 100, oat 100, bread 1 => gift 9
        r1 01-02 returns s1 milk x1 =>
        r2 01-02 returns s1 oat x1 => gift -9""",
    ),
    (
        "per units by units",
        back(PROPORTIONAL, '{id="two", kind="bonus", points=10, per_units=2}'),
        """s1 01-01 buys milk 100 x4 => two 20
        r1 01-02 returns s1 milk x1 => two -5
        r2 01-02 returns s1 milk x3 => two -15
        s2 01-03 buys milk 100 x2 => two 10""",
    ),
    (
        "by plain units where the basis is quantity: an amount brings none back",
        back(PROPORTIONAL, '{id="units", kind="earn", basis="quantity", points=100}',
             redemption=REDEEMED),
        """s1 01-01 buys milk 50 x4; paid voucher 1 => units 392
        r1 01-02 returns s1 milk 16 =>
        r2 01-03 returns s1 milk x1 => units -98""",
    ),
    # 1 and 0.9 units count; of 1.1 plain units 0.1 are back: floor(1000 x 0.1/2).
    (
        "per units by plain units: the redeemed share plays no part",
        back(PROPORTIONAL, '{id="one", kind="bonus", points=1_000, per_units=1}',
             redemption=REDEEMED),
        """s1 01-01 buys milk 0, oat 100; paid voucher 10 => one 1000
        r1 01-02 returns s1 milk x0.1 => one -50""",
    ),
    (
        "per units, a weighed line is one until it is gone",
        back(PROPORTIONAL, '{id="one", kind="bonus", points=10, per_units=1}'),
        """s1 01-01 buys cheese 100 x3, milk 10 => one 20
        r1 01-02 returns s1 cheese x2 50 =>
        r2 01-03 returns s1 cheese x1 => one -10""",
    ),
    # 3 of 3.5; a third of the points falls, and of the 3.5: 2.33.., so -0.16 less 0.33.
    (
        "carry falls by the share of the points",
        back(PROPORTIONAL, '{id="base", kind="earn", points=1, per=100, round="carry"}'),
        """s1 01-01 buys milk 350 x7 => base 3
        r1 01-02 returns s1 milk x3 150 => base -1
        s2 01-03 buys milk 66 =>
        s3 01-03 buys milk 1 => base 1""",
    ),
]

ORDINALS = [
    (
        "a sale wholly returned steps back",
        back("", '{id="nth", kind="bonus", points=9, when={nth_purchase=[2]}}'),
        """s1 01-01 buys milk 1 =>
        s2 01-02 buys milk 1, oat 1 => nth 9
        r1 01-03 returns s2 milk x1 =>
        r2 01-03 returns s2 oat x1 => nth -9
        s3 01-04 buys milk 1 => nth 9""",
    ),
    (
        "not with a purchase kept after it",
        back("", '{id="nth", kind="bonus", points=9, when={nth_purchase=[3]}}'),
        """s1 01-01 buys milk 1 =>
        s2 01-02 buys milk 1 =>
        r1 01-03 returns s1 milk x1 =>
        ? 01-03 purchases => 2
        s3 01-04 buys milk 1 => nth 9""",
    ),
    (
        "when that goes too, both step back",
        back("", '{id="first", kind="bonus", points=9, when={first_purchase=["ever"]}}'),
        """s1 01-01 buys milk 1 => first 9
        s2 01-02 buys milk 1 =>
        r1 01-03 returns s1 milk x1 => first -9
        r2 01-03 returns s2 milk x1 =>
        ? 01-03 purchases => 0
        s3 01-04 buys milk 1 => first 9""",
    ),
    (
        "a step of a sequence",
        back(
            "",
            '{id="two", kind="bonus", points=2, when={sequence={id="s", step=[2]}}}',
            sequence='[{id="s", steps=3}]',
        ),
        """s1 01-01 buys milk 1 =>
        s2 01-02 buys milk 1 => two 2
        r1 01-03 returns s2 milk x1 => two -2
        s3 01-04 buys milk 1 => two 2""",
    ),
]

GOLD = '[{id="gold", at_least={spend=500}, bonus={points=50}}]'
EXCHANGES = [
    (
        "the return part first, then the sale",
        back(),
        """s1 01-01 buys milk 100 => base 100
        s2 01-02 buys milk 120; back s1 milk x1 100 => base -100, base 120
        ? 01-02 => 120 active""",
    ),
    (
        "the return frees its room",
        back("", '{id="base", kind="earn", points=1, limits={day=100}}'),
        """s1 01-01 buys milk 100 => base 100
        s2 01-01 buys milk 120; back s1 milk x1 => base -100, base 100/120 day""",
    ),
    (
        "metrics are checked once at the end",
        back("", BASE, ladder=f'{{window="year", tier={GOLD}}}'),
        """s1 01-01 buys milk 500 => base 5, tier.gold 50
        s2 01-02 buys milk 510; back s1 milk x1 => base -5, base 5
        ? 01-02 => 55 active, gold""",
    ),
    (
        "an exchange is returned like a sale",
        back(),
        """s1 01-01 buys milk 100 => base 100
        s2 01-02 buys oat 30; back s1 milk x1 => base -100, base 30
        r1 01-03 returns s2 oat x1 => base -30""",
    ),
    (
        "too much refuses the whole",
        back(),
        """s1 01-01 buys milk 100 => base 100
        s2 01-02 buys oat 30; back s1 milk x2 => returns-too-much
        ? 01-02 => 100 active""",
    ),
]

TABLES = [
    *LINES, *RECOMPUTED, *IN_PROPORTION, *ORDINALS, *EXCHANGES
]  # fmt: skip


@pytest.mark.parametrize("case", [Case(*row) for row in TABLES], ids=lambda case: case.name)
def test_returns(case: Case) -> None:
    follow(case)


PARTS = ("milk x1 101", "milk x2 200", "oat x1 77", "bread x3 40")
SOLD = "milk 301 x3, oat 77, bread 40 x3; paid points 100 p90"


@pytest.mark.parametrize("policy", ["recompute", "proportional"])
def test_any_split_of_a_return_comes_to_the_same(policy: str) -> None:
    program = back(
        f'policy="{policy}"', '{id="base", kind="earn", points=1, per=7}',
        '{id="dairy", kind="multiply", factor=1.5, when={sku=["milk"]}}', GIFT,
        redemption=REDEEMED,
    )  # fmt: skip
    found = set()
    for order in permutations(PARTS):
        for split in ([", ".join(order)], [*order], [", ".join(order[:2]), *order[2:]]):
            reference = started(program)
            reference.submit(fact_of("j0 01-01 adjusts points 100"))
            reference.submit(fact_of(f"s1 01-02 buys {SOLD}"))
            for number, part in enumerate(split):
                reference.submit(fact_of(f"r{number} 01-03 returns s1 {part}"))
            seen = reference.member("m", fact_of("x 01-03 does x").occurred_at.date())
            found.add((seen.balances["points"], seen.totals["points"].reversed))
    assert len(found) == 1
    assert next(iter(found))[0].active == 100
