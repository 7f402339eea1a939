"""The reference against the rulebook: tiers (section 6)."""

from __future__ import annotations

import pytest

from vafa.engine.program.program import Program

from .reference_scripts import BASE, Case, club, follow

RUNGS = (
    'tier=[{id="bronze", at_least={spend=100}}, {id="silver", at_least={spend=200}}, '
    '{id="gold", at_least={spend=300}}]'
)


def ladder(more: str, tiers: str = 'tier=[{id="gold", at_least={spend=500}}]',
           *rules: str, **fields: str) -> Program:  # fmt: skip
    """A ladder over plain rules."""
    return club(*(rules or (BASE,)), **{"ladder": f"{{{more}, {tiers}}}"} | fields)


def asks(what: str, more: str = 'window="year"', **fields: str) -> Program:
    """A ladder of one tier that asks something."""
    return ladder(more, f'tier=[{{id="gold", at_least={{{what}}}}}]',
                  '{id="walk", kind="bonus", points=3, when={activity=["walk"]}}',
                  '{id="base", kind="earn", points=1, per=100}', **fields)  # fmt: skip


BONUS = (
    'tier=[{id="silver", at_least={spend=200}, bonus={points=20}}, '
    '{id="gold", at_least={spend=300}, bonus={points=30}}]'
)

METRICS = [
    ("visits", asks("visits=2"),
     """s1 01-01 buys oat 1 =>
        ? 01-01 => 0
        s2 01-02 buys oat 1 =>
        ? 01-02 => 0, gold"""),
    ("margin", asks("margin=50"),
     """s1 01-01 buys oat 90 cost 41 =>
        ? 01-01 => 0
        s2 01-01 buys oat 90 cost 89 =>
        ? 01-01 => 0, gold"""),
    ("points earned count from the day earned, adjusts and tier bonuses do not",
     asks("points={points=3}", currency='[{id="points", pending_days=10}]'),
     """j1 01-01 adjusts points 9 => adjust 9
        s1 01-01 buys oat 200 => base 2
        ? 01-01 => 9 active 2 pending
        s2 01-01 buys oat 100 => base 1
        ? 01-01 => 9 active 3 pending, gold"""),
    ("an activity's quantity", asks("activity={walk=5}"),
     """a1 01-01 does walk 2 => walk 3
        a2 01-02 does walk 3 => walk 3
        ? 01-02 => 6 active, gold"""),
    ("a counter in the ladder's window", asks(
        "counter={milk=100}", counter='[{id="milk", count="spend", when={sku=["milk"]}}]'),
     """s1 01-01 buys milk 99, oat 400 => base 4
        ? 01-01 => 4 active
        s2 01-01 buys milk 1 =>
        ? 01-01 => 4 active, gold"""),
    ("a value fed in", asks("value={ltv=100}"),
     """u1 01-01 updates value.ltv=99 =>
        ? 01-01 => 0
        u2 01-02 updates value.ltv=100 =>
        ? 01-02 => 0, gold"""),
    ("the active balance", asks("balance={points=10}"),
     """j1 01-01 adjusts points 9 => adjust 9
        ? 01-01 => 9 active
        s1 01-02 buys oat 100 => base 1
        ? 01-02 => 10 active, gold"""),
    ("any of the metrics", ladder(
        'window="year"', 'tier=[{id="gold", join="any", at_least={spend=500, visits=2}}]'),
     """s1 01-01 buys oat 1 =>
        s2 01-02 buys oat 1 =>
        ? 01-02 => 0, gold"""),
    ("all of the metrics", ladder(
        'window="year"', 'tier=[{id="gold", at_least={spend=500, visits=2}}]'),
     """s1 01-01 buys oat 500 => base 5
        ? 01-01 => 5 active
        s2 01-02 buys oat 1 =>
        ? 01-02 => 5 active, gold"""),
    ("what is paid with loyalty value is no spend", ladder(
        'window="year"', redemption='[{tender="voucher"}]'),
     """s1 01-01 buys oat 600; paid voucher 101 => base 4
        ? 01-01 => 4 active"""),
]

WINDOWS = [
    ("a calendar period", ladder('window="month"'),
     """s1 01-31 buys oat 300 => base 3
        s2 02-01 buys oat 300 => base 3
        ? 02-01 => 6 active"""),
    ("lifetime", ladder('window="lifetime"'),
     """s1 2020-01-31 buys oat 300 => base 3
        s2 02-01 buys oat 300 => base 3
        ? 02-01 => 6 active, gold"""),
    ("the last N business dates with today", ladder("window={days=10}"),
     """s1 01-01 buys oat 300 => base 3
        s2 01-11 buys oat 200 => base 2
        ? 01-11 => 5 active
        s3 01-20 buys oat 300 => base 3
        ? 01-20 => 8 active, gold"""),
    ("months: after the same day N months ago, clipped", ladder("window={months=1}"),
     """s1 02-29 buys oat 300 => base 3
        s2 03-31 buys oat 200 => base 2
        ? 03-31 => 5 active
        s3 04-29 buys oat 300 => base 3
        ? 04-29 => 8 active, gold"""),
    ("a membership year, clipped", ladder('window="membership_year"'),
     """e1 02-29 enrols =>
        s1 2025-02-27 buys oat 300 => base 3
        s2 2025-02-28 buys oat 200 => base 2
        ? 2025-02-28 => 5 active
        s3 2026-02-27 buys oat 300 => base 3
        ? 2026-02-27 => 8 active, gold"""),
    ("a Jalali year", ladder('window="year"', calendar='"jalali"'),
     """s1 03-19 buys oat 300 => base 3
        s2 03-20 buys oat 300 => base 3
        ? 03-20 => 6 active"""),
]

VALIDITY = [
    # 500 of one Gregorian half; then Jalali weeks, each with the one after it.
    ("the ladder's calendar is that of its validity, not of the window", ladder(
        'window="half", validity_period="week", calendar="jalali"'),
     """s1 03-01 buys oat 300 => base 3
        s2 03-05 buys oat 200 => base 2
        ? 07-05 => 5 active, gold
        ? 07-06 => 5 active"""),
    # Azar ends on 21 December; then December is looked at, in which 300 were spent.
    ("the calendar of the validity: this Jalali month", ladder(
        'window="month", validity="this_period", calendar="jalali"'),
     """s1 2023-11-29 buys oat 500 => base 5
        s2 2023-12-01 buys oat 300 => base 3
        ? 2023-12-21 => 8 active, gold
        ? 2023-12-22 => 8 active
        s3 2023-12-22 buys oat 200 => base 2
        ? 2024-01-20 => 10 active, gold
        ? 2024-01-21 => 10 active"""),
    ("through the end of the period after", ladder('window="year"'),
     """s1 05-01 buys oat 500 => base 5
        ? 2025-12-31 => 5 active, gold
        ? 2026-01-01 => 5 active"""),
    ("this period", ladder('window="quarter", validity="this_period"'),
     """s1 05-01 buys oat 500 => base 5
        ? 06-30 => 5 active, gold
        ? 07-01 => 5 active"""),
    ("a unit of its own", ladder('window="month", validity_period="half"'),
     """s1 05-01 buys oat 500 => base 5
        ? 12-31 => 5 active, gold
        ? 2025-01-01 => 5 active"""),
    ("a window without a period: the program's calendar year", ladder(
        "window={days=30}", calendar='"jalali"'),
     """s1 03-01 buys oat 500 => base 5
        ? 2025-03-20 => 5 active, gold
        ? 2025-03-21 => 5 active"""),
    ("months, included", ladder('window={days=10}, validity={months=2}'),
     """s1 05-31 buys oat 500 => base 5
        ? 07-31 => 5 active, gold
        ? 08-01 => 5 active"""),
    # On 2 August the second half has begun, and nothing was spent in it.
    ("checked on the date after it, on that date's window", ladder(
        'window="half", validity={months=2}'),
     """s1 06-01 buys oat 500 => base 5
        ? 08-01 => 5 active, gold
        ? 08-02 => 5 active"""),
    # Good through 31 July, 1 October, 2 December and 3 February, when the year is another.
    ("checked again and again, it holds", ladder('window="year", validity={months=2}'),
     """s1 05-31 buys oat 500 => base 5
        ? 2025-02-03 => 5 active, gold
        ? 2025-02-04 => 5 active"""),
    ("meeting it again extends it", ladder('window={days=31}, validity={months=2}'),
     """s1 05-31 buys oat 500 => base 5
        s2 06-30 buys oat 1 =>
        ? 08-30 => 5 active, gold
        ? 08-31 => 5 active"""),
    ("a fact that raises no metric of it extends nothing", ladder(
        'window={days=31}, validity={months=2}'),
     """s1 05-01 buys oat 500 => base 5
        a1 05-20 does walk =>
        ? 07-01 => 5 active, gold
        ? 07-02 => 5 active"""),
    ("lifetime spend is met again for ever", ladder('window="lifetime", validity="this_period"'),
     """s1 2020-05-01 buys oat 500 => base 5
        ? 2030-01-01 => 5 active, gold"""),
    ("while met, on rolling days", ladder('window={days=10}, validity="while_met"'),
     """s1 01-01 buys oat 500 => base 5
        ? 01-10 => 5 active, gold
        ? 01-11 => 5 active"""),
    ("while met: grace from the last date on which it held", ladder(
        'window={days=10}, validity="while_met", grace_days=3'),
     """s1 01-01 buys oat 500 => base 5
        ? 01-13 => 5 active, gold
        ? 01-14 => 5 active"""),
    ("while met, by the balance", asks(
        "balance={points=10}", 'window="lifetime", validity="while_met"'),
     """j1 01-01 adjusts points 10 through 2024-01-20 => adjust 10
        ? 01-20 => 10 active, gold
        ? 01-21 => 0"""),
    ("grace keeps the tier and its benefits", ladder(
        'window="month", validity="this_period", grace_days=5',
        'tier=[{id="gold", at_least={spend=500}}]', BASE,
        '{id="two", kind="multiply", factor={gold=2}}'),
     """s1 01-15 buys oat 500 => base 5
        s2 02-05 buys oat 100 => base 1, two 1
        s3 02-06 buys oat 100 => base 1"""),
]

DOWN = [
    ("to what is still good", ladder('window="month", validity="this_period"', RUNGS),
     """s1 01-15 buys oat 300 => base 3
        ? 01-31 => 3 active, gold
        ? 02-01 => 3 active"""),
    ("one rung at a time, each for the period that begins", ladder(
        'window="month", validity="this_period", down="one_step"', RUNGS),
     """s1 01-15 buys oat 300 => base 3
        ? 02-01 => 3 active, silver
        ? 02-29 => 3 active, silver
        ? 03-01 => 3 active, bronze
        ? 04-01 => 3 active"""),
    ("or as long again where there is none", ladder(
        'window={days=20}, validity={months=1}, down="one_step"', RUNGS),
     """s1 01-15 buys oat 300 => base 3
        ? 02-15 => 3 active, gold
        ? 02-16 => 3 active, silver
        ? 03-16 => 3 active, silver
        ? 03-17 => 3 active, bronze"""),
    ("never below what is still good", ladder(
        'window="month", validity="this_period", down="one_step"', RUNGS),
     """s1 01-15 buys oat 300 => base 3
        s2 02-10 buys oat 300 => base 3
        ? 02-10 => 6 active, gold
        ? 03-01 => 6 active, silver"""),
    ("never down", ladder('window="month", validity="this_period", down="never"', RUNGS),
     """s1 01-15 buys oat 300 => base 3
        ? 2034-02-01 => 3 active, gold"""),
    ("after grace, one step", ladder(
        'window="month", validity="this_period", down="one_step", grace_days=2', RUNGS),
     """s1 01-15 buys oat 300 => base 3
        ? 02-02 => 3 active, gold
        ? 02-03 => 3 active, silver
        ? 03-02 => 3 active, silver
        ? 03-03 => 3 active, bronze"""),
]

GIFTS = [
    ("the basket that crosses earns at the old tier", ladder(
        'window="year"', 'tier=[{id="gold", at_least={spend=500}}]',
        '{id="two", kind="multiply", factor={gold=2}}', BASE),
     """s1 01-01 buys oat 500 => base 5
        s2 01-01 buys oat 100 => two 1, base 1"""),
    ("of the tier reached only", ladder('window="year"', BONUS),
     """s1 01-01 buys oat 300 => base 3, tier.gold 30
        ? 01-01 => 33 active, gold"""),
    ("rung by rung, once per tier and member", ladder(
        'window="month", validity="this_period"', BONUS),
     """s1 01-01 buys oat 200 => base 2, tier.silver 20
        s2 01-02 buys oat 100 => base 1, tier.gold 30
        s3 02-01 buys oat 200 => base 2
        s4 02-02 buys oat 100 => base 1"""),
    ("for no cap and no metric", ladder(
        'window="year"',
        'tier=[{id="silver", at_least={points={points=2}}, bonus={points=20}}, '
        '{id="gold", at_least={points={points=10}}}]',
        BASE, currency='[{id="points", caps={day=3}}]'),
     """s1 01-01 buys oat 200 => base 2, tier.silver 20
        s2 01-01 buys oat 200 => base 1/2 cap.day
        ? 01-01 => 23 active, silver"""),
    ("in a currency of its own", ladder(
        'window="year"', 'tier=[{id="gold", at_least={spend=300}, '
        'bonus={points=2, currency="stamps"}}]', currency='[{id="points"}, {id="stamps"}]'),
     """s1 01-01 buys oat 300 => base 3, tier.gold 2
        ? 01-01 => 3 active, stamps 2 active, gold"""),
]

MANUAL = [
    ("the higher of the manual and the computed one", ladder('window="year"', RUNGS),
     """u1 01-01 updates tier=silver/2024-01-10 =>
        ? 01-10 => 0, silver
        ? 01-11 => 0
        s1 01-05 buys oat 300 => base 3
        ? 01-06 => 3 active, gold"""),
    ("a tier that is not known", ladder('window="year"', RUNGS),
     "u1 01-01 updates tier=platinum/2024-01-10 => unknown-tier"),
    ("progress: what is missing, by when", ladder('window="quarter"', RUNGS),
     """s1 02-05 buys oat 120 => base 1
        ? 02-05 next => silver by 2024-03-31, spend 80
        s2 02-06 buys oat 1000 => base 10
        ? 02-06 next =>"""),
    ("progress on rolling days: while the oldest still counts", ladder("window={days=10}", RUNGS),
     """s1 02-05 buys oat 50 =>
        s2 02-07 buys oat 20 =>
        ? 02-08 next => bronze by 2024-02-14, spend 30"""),
]

TABLES = [*METRICS, *WINDOWS, *VALIDITY, *DOWN, *GIFTS, *MANUAL]


@pytest.mark.parametrize("case", [Case(*row) for row in TABLES], ids=lambda case: case.name)
def test_tiers(case: Case) -> None:
    follow(case)
