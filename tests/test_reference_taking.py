"""The reference against the rulebook: points that returns give back and take (section 9)."""

from __future__ import annotations

import pytest

from .reference_scripts import BASE, EACH, REDEEMED, Case, back, follow

SPENT = [
    (
        "spent points go back first, by floor of the share, cumulatively",
        back("", EACH, redemption=REDEEMED),
        """j1 01-01 adjusts points 100 => adjust 100
        s1 01-02 buys milk 300 x3; paid points 100 p99, cash 200 => redeem -99, base 200
        r1 01-03 returns s1 milk x1 100 => restore 32, base -67
        r2 01-03 returns s1 milk x1 100 => restore 33, base -67
        r3 01-03 returns s1 milk x1 => restore 34, base -66
        ? 01-03 => 100 active
        ? 01-03 totals points => issued 300, reversed 200""",
    ),
    (
        "the last taken first, into the lots they left",
        back("", EACH, redemption=REDEEMED),
        """j1 01-01 adjusts points 10 through 2024-02-01 => adjust 10
        j2 01-01 adjusts points 10 through 2024-03-01 => adjust 10
        s1 01-02 buys milk 100 x2; paid points 100 p16 => redeem -16
        r1 01-03 returns s1 milk x1 50 => restore 8
        ? 01-03 lots => 2 to 2024-02-01, 10 to 2024-03-01""",
    ),
    (
        "of a lot that has passed: N days from the return",
        back("restored_days=5", EACH, redemption=REDEEMED),
        """j1 01-01 adjusts points 10 through 2024-01-05 => adjust 10
        s1 01-02 buys milk 100; paid points 100 p10 => redeem -10
        r1 01-20 returns s1 milk x1 => restore 10
        ? 01-20 lots => 10 to 2024-01-25""",
    ),
    (
        "by default through the date of the return",
        back("", EACH, redemption=REDEEMED),
        """j1 01-01 adjusts points 10 through 2024-01-05 => adjust 10
        s1 01-02 buys milk 100; paid points 100 p10 => redeem -10
        r1 01-20 returns s1 milk x1 => restore 10
        ? 01-20 => 10 active
        ? 01-21 => 0""",
    ),
    (
        "they pay open debt",
        back("", EACH, redemption=REDEEMED),
        """j1 01-01 adjusts points 10 => adjust 10
        s1 01-02 buys milk 100; paid points 100 p10 => redeem -10
        j2 01-03 adjusts points -4 forced => adjust -4
        r1 01-04 returns s1 milk x1 => restore 10
        ? 01-04 => 6 active""",
    ),
    (
        "a part that had become debt cancels it",
        back("", EACH, redemption=REDEEMED),
        """j1 01-01 adjusts points 6 => adjust 6
        s1 01-02 buys milk 100; paid points 100 p10; completed => redeem -10
        ? 01-02 => 4 debt
        r1 01-03 returns s1 milk x1 => restore 10
        ? 01-03 => 6 active""",
    ),
    (
        "or is a lot of the return's date if the debt is paid",
        back(
            "",
            EACH,
            redemption=REDEEMED,
            currency='[{id="points", expiry={policy="after", days=30}, pending_days=2}]',
        ),
        """j1 01-01 adjusts points 6 => adjust 6
        s1 01-02 buys milk 100; paid points 100 p10; completed => redeem -10
        j2 01-03 adjusts points 4 => adjust 4
        r1 01-20 returns s1 milk x1 => restore 10
        ? 01-20 lots => 6 to 2024-01-31, 4 to 2024-02-19""",
    ),
]

TAKEN = [
    (
        "the sale's own lots, then active ones in spending order, then pending",
        back(currency='[{id="points", pending_days=10}]'),
        """s1 01-01 buys milk 10 => base 10
        j1 01-12 adjusts points 5 => adjust 5
        s2 01-12 buys milk 8 => base 8
        d1 01-13 redeems points 8 => redeem -8
        ? 01-13 => 7 active 8 pending
        r1 01-14 returns s1 milk x1 => base -10
        ? 01-14 => 5 pending""",
    ),
    (
        "pending points of the sale itself",
        back(currency='[{id="points", pending_days=10}]'),
        """j1 01-01 adjusts points 5 => adjust 5
        s1 01-01 buys milk 10 => base 10
        r1 01-02 returns s1 milk x1 => base -10
        ? 01-02 => 5 active""",
    ),
    (
        "what expired unspent counts as come back",
        back(
            "",
            EACH,
            '{id="gift", kind="bonus", points=2}',
            currency='[{id="points", expiry={policy="after", days=10}}]',
        ),
        """s1 01-01 buys milk 10, oat 5 => base 15, gift 2
        d1 01-02 redeems points 7 => redeem -7
        j1 01-20 adjusts points 50 => adjust 50
        r1 01-20 returns s1 milk x1 => base 0
        r2 01-20 returns s1 oat x1 => base -5, gift -2
        ? 01-20 => 43 active
        ? 01-20 totals points => issued 67, expired 10, redeemed 7, reversed 7""",
    ),
    (
        "what is missing becomes debt, and is paid",
        back(),
        """s1 01-01 buys milk 10 => base 10
        d1 01-02 redeems points 7 => redeem -7
        r1 01-03 returns s1 milk x1 => base -10
        ? 01-03 => 7 debt
        s2 01-04 buys milk 9 => base 9
        ? 01-04 => 2 active""",
    ),
    (
        "or is forgiven",
        back('shortfall="forgive"'),
        """s1 01-01 buys milk 10 => base 10
        d1 01-02 redeems points 7 => redeem -7
        r1 01-03 returns s1 milk x1 => base -10, forgive 7
        ? 01-03 => 0
        ? 01-03 totals points => issued 10, redeemed 7, reversed 10, forgiven 7""",
    ),
    (
        "or is told to the till",
        back('shortfall="withhold"'),
        """s1 01-01 buys milk 10 => base 10
        d1 01-02 redeems points 7 => redeem -7
        r1 01-03 returns s1 milk x1 => base -10, withhold 7
        ? 01-03 => 0""",
    ),
    (
        "or refuses the return",
        back('shortfall="refuse"'),
        """s1 01-01 buys milk 10, oat 2 => base 12
        d1 01-02 redeems points 9 => redeem -9
        r1 01-03 returns s1 milk x1 => points-spent
        r2 01-03 returns s1 oat x1 => base -2""",
    ),
    (
        "a status currency is forgiven",
        back(currency='[{id="points", kind="status", expiry={policy="after", days=10}}]'),
        """s1 01-01 buys milk 10 => base 10
        j1 01-02 adjusts points -4 => adjust -4
        r1 01-03 returns s1 milk x1 => base -10, forgive 4
        ? 01-03 => 0""",
    ),
    # The whole basket gave 100 + 0; without the oat 60 + 40: the first return loses 7 of
    # the spent ones, the second gives 40 back.
    (
        "a net in favour lowers what was forgiven first",
        back(
            'shortfall="forgive"',
            '{id="few", kind="bonus", points=30, when={without={sku=["oat"]}}}',
            '{id="milk", kind="bonus", points=30, when={sku=["milk"]}}',
        ),
        """s1 01-01 buys milk 10, oat 5, bread 1 => milk 30
        d1 01-02 redeems points 20 => redeem -20
        r1 01-03 returns s1 milk x1 => milk -30, forgive 20
        r2 01-04 returns s1 oat x1 => few 30, forgive -20
        ? 01-04 => 10 active
        ? 01-04 totals points => issued 30, redeemed 20""",
    ),
    (
        "then it is a lot of the sale's dates",
        back(
            "",
            '{id="few", kind="bonus", points=30, when={without={sku=["oat"]}}}',
            '{id="milk", kind="bonus", points=30, when={sku=["milk"]}}',
            currency='[{id="points", expiry={policy="after", days=10}}]',
        ),
        """s1 01-01 buys milk 10, oat 5, bread 1 => milk 30
        r1 01-03 returns s1 milk x1 => milk -30
        r2 01-04 returns s1 oat x1 => few 30
        ? 01-04 lots => 30 to 2024-01-11""",
    ),
    (
        "rules of one currency are netted before any lot is touched",
        back("", EACH, '{id="gift", kind="bonus", points=40, when={without={sku=["oat"]}}}'),
        """s1 01-01 buys milk 60, oat 40 => base 100
        d1 01-02 redeems points 100 => redeem -100
        r1 01-03 returns s1 oat x1 => base -40, gift 40
        ? 01-03 => 0""",
    ),
    (
        "a return takes its renewal back",
        back(currency='[{id="points", expiry={policy="inactivity", months=1}}]'),
        """s1 01-01 buys milk 10 => base 10
        s2 01-25 buys milk 5 => base 5
        c1 02-03T01:00 closes 02-02 =>
        r1 02-10 returns s2 milk x1 => base -5, expire -10
        ? 02-10 => 0
        ? 02-10 totals points => issued 15, expired 10, reversed 5""",
    ),
    (
        "a sale that still gives still renews",
        back(currency='[{id="points", expiry={policy="inactivity", months=1}}]'),
        """s1 01-01 buys milk 10 => base 10
        s2 01-25 buys milk 5, oat 1 => base 6
        r1 02-10 returns s2 milk x1 => base -5
        ? 02-10 => 11 active""",
    ),
    (
        "a renewal by what was donated is taken back like any other",
        back("", '{id="cause", kind="earn", points=1, donate="trees"}',
             currency='[{id="points", expiry={policy="inactivity", months=1}}]'),
        """j1 01-01 adjusts points 10 => adjust 10
        s2 01-25 buys milk 5, oat 1 => cause 6, donate -6
        r1 02-10 returns s2 milk x1 => cause -5, donate 5
        ? 02-10 => 10 active
        r2 02-10 returns s2 oat x1 => cause -1, donate 1, expire -10
        ? 02-10 => 0""",
    ),
]

GOLD = '[{id="gold", at_least={spend=500}, bonus={points=50}}]'
TIERS = [
    (
        "strict: a tier falls with its bonus, from its own lot first",
        back("", BASE, ladder=f'{{window="year", tier={GOLD}}}'),
        """s1 01-01 buys milk 300 => base 3
        s2 01-02 buys milk 200 => base 2, tier.gold 50
        j1 01-02 adjusts points 1 through 2024-01-20 => adjust 1
        r1 01-03 returns s1 milk x1 => base -3, tier.gold -50
        ? 01-03 => 3 active
        s3 01-04 buys milk 300 => base 3, tier.gold 50""",
    ),
    (
        "what other sales earned under it stands",
        back(
            "",
            BASE,
            '{id="two", kind="multiply", factor={gold=2}}',
            ladder='{window="year", tier=[{id="gold", at_least={spend=500}}]}',
        ),
        """s1 01-01 buys milk 500 => base 5
        s2 01-02 buys milk 100 => base 1, two 1
        r1 01-03 returns s1 milk x1 => base -5
        ? 01-03 => 2 active""",
    ),
    (
        "keep lets it stand until its validity ends",
        back(
            'tiers="keep"', BASE, ladder=f'{{window="month", validity="this_period", tier={GOLD}}}'
        ),
        """s1 01-01 buys milk 500 => base 5, tier.gold 50
        r1 01-03 returns s1 milk x1 => base -5
        ? 01-31 => 50 active, gold
        ? 02-01 => 50 active""",
    ),
    (
        "met on another date that keeps it good",
        back("", BASE, ladder=f"{{window={{days=60}}, validity={{months=6}}, tier={GOLD}}}"),
        """s1 01-01 buys milk 500 => base 5, tier.gold 50
        s2 02-01 buys milk 400 => base 4
        s3 03-15 buys milk 100 => base 1
        r1 03-16 returns s1 milk x1 => base -5
        ? 09-15 => 55 active, gold
        ? 09-16 => 55 active""",
    ),
    # Good through 20 March; on the 21st the last 60 days still hold 500.
    (
        "met without what came back: it stands",
        back(
            "",
            BASE,
            ladder="{window={days=60}, validity={months=1}, "
            'tier=[{id="gold", at_least={spend=500}}]}',
        ),
        """s1 02-01 buys milk 500 => base 5
        s2 02-20 buys milk 10 =>
        r1 03-05 returns s2 milk x1 =>
        ? 04-21 => 5 active, gold
        ? 04-22 => 5 active""",
    ),
    (
        "a tier whose validity is over is not taken up again",
        back(
            "",
            BASE,
            ladder='{window="month", validity="this_period", '
            'tier=[{id="gold", at_least={balance={points=5}}}]}',
        ),
        """s1 01-10 buys milk 500 => base 5
        d1 01-20 redeems points 5 => redeem -5
        r1 02-10 returns s1 milk x1 => base -5
        ? 02-10 => 5 debt""",
    ),
    (
        "its bonus stands when it had ended before the return",
        back("", BASE, ladder=f'{{window="month", validity="this_period", tier={GOLD}}}'),
        """s1 01-10 buys milk 500 => base 5, tier.gold 50
        r1 02-10 returns s1 milk x1 => base -5
        ? 02-10 => 50 active""",
    ),
    (
        "the balance is not looked at",
        back("", BASE, ladder='{window="year", tier=[{id="gold", at_least={balance={points=5}}}]}'),
        """s1 01-01 buys milk 500 => base 5
        r1 01-03 returns s1 milk x1 => base -5
        ? 01-03 => 0, gold""",
    ),
    (
        "one step: falls only with the grant it stepped down from",
        back(
            "",
            BASE,
            ladder='{window="month", validity="this_period", down="one_step", tier=['
            '{id="silver", at_least={spend=200}}, {id="gold", at_least={spend=300}}]}',
        ),
        """s1 01-15 buys milk 300 => base 3
        ? 02-10 => 3 active, silver
        r1 02-10 returns s1 milk x1 => base -3
        ? 02-10 => 0""",
    ),
    (
        "one step: stands while the grant would still have been made on another date",
        back(
            "",
            BASE,
            ladder='{window="month", validity="this_period", down="one_step", tier=['
            '{id="silver", at_least={spend=200}}, {id="gold", at_least={spend=300}}]}',
        ),
        """s1 01-15 buys milk 300 => base 3
        s2 01-16 buys milk 300 => base 3
        ? 02-10 => 6 active, silver
        r1 02-10 returns s1 milk x1 => base -3
        ? 02-10 => 3 active, silver
        r2 02-11 returns s2 milk x1 => base -3
        ? 02-11 => 0""",
    ),
]

TABLES = [*SPENT, *TAKEN, *TIERS]


@pytest.mark.parametrize("case", [Case(*row) for row in TABLES], ids=lambda case: case.name)
def test_what_returns_take(case: Case) -> None:
    follow(case)
