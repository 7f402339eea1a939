"""The reference against the rulebook: conditions of section 3, limits of 4.5, dates of 1."""

from __future__ import annotations

import datetime as dt
from unittest import mock

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from vafa.engine.program.conditions import Near
from vafa.engine.program.program import Program
from vafa.engine.reference.calendar import (
    ONE_DAY,
    add_months,
    anniversary,
    business_date,
    member_year,
    member_year_begin,
    member_year_end,
    period_begin,
    period_end,
    period_number,
    whole_years,
)
from vafa.engine.reference.conditions import anniversary_year
from vafa.engine.reference.reference import Reference
from vafa.engine.reference.state import About

from .reference_scripts import BASE, LADDER, NO_TOBACCO, Case, club, fact_of, follow, shown, started


def when(conditions: str, **fields: str) -> Program:
    """One point per minor unit of the lines and baskets that meet the conditions."""
    return club(
        f'{{id="base", kind="earn", points=1, when={{{conditions}}}}}',
        **{"exclude": NO_TOBACCO} | fields,
    )


def gift(more: str, **fields: str) -> Program:
    """Ten points a basket within limits, uses, conditions."""
    return club(f'{{id="gift", kind="bonus", points=10, {more}}}', **fields)


ALL = "s 01-01 buys bread 185, milk 420, smokes 600"

OF_LINES = [
    ("sku", when('sku=["bread", "tea"]'), f"{ALL} => base 185"),
    ("brand", when('brand=["Own", "Farm"]'), f"{ALL} => base 605"),
    ("department", when('department=["DAIRY"]'), f"{ALL} => base 420"),
    ("supplier", when('supplier=["acme"]'), f"{ALL} => base 605"),
    ("price class", when('price_class=["high"]'), f"{ALL} => base 185"),
    ("label", when('label=["vegan", "bio"]'), "s 01-01 buys oat 5, milk 7 => base 5"),
    ("on promotion", when("on_promotion=true"), "s 01-01 buys bread 3, oat 5, milk 7 => base 3"),
    ("not on promotion must be known", when("on_promotion=false"),
     "s 01-01 buys bread 3, oat 5, milk 7 => base 5"),
    ("not known is not on promotion", when("not={on_promotion=true}"),
     "s 01-01 buys bread 3, oat 5, milk 7 => base 12"),
    ("category is a subtree", when('category=["dairy"]'),
     "s 01-01 buys milk 1, cheese 10, oat 100 => base 11"),
    ("category is not its parent", when('category=["dairy/milk"]'),
     "s 01-01 buys milk 1, cheese 10, oat 100 => base 1"),
    ("all given conditions hold on one line", when('supplier=["acme"], brand=["Own"]'),
     f"{ALL} => base 185"),
    ("an excluded line is not asked", when('department=["TOBACCO"]'), f"{ALL} =>"),
    ("unknown is false", when('brand=["Own"]'), "s 01-01 buys tea 7, oat 1 => base 1"),
    ("unknown negated is true", when('not={brand=["Own"]}'), "s 01-01 buys tea 7, oat 1 => base 7"),
    ("not negates each entry on its own", when('not={sku=["oat"], supplier=["acme"]}'),
     "s 01-01 buys oat 1, milk 10, cheese 100 => base 100"),
]

OF_BASKETS = [
    ("store", when('store=["S1"]'),
     """s1 01-01 buys oat 1; store S1 => base 1
        s2 01-01 buys oat 1 =>"""),
    ("region and format of the store", when('region=["north"], format=["hyper"]'),
     """s1 01-01 buys oat 1; store S1 => base 1
        s2 01-01 buys oat 1; store S2 =>
        s3 01-01 buys oat 1; store S9 =>"""),
    ("an unknown region negated", when('not={region=["north"]}'),
     """s1 01-01 buys oat 1; store S1 =>
        s2 01-01 buys oat 1; store S9 => base 1"""),
    ("channel", when('channel=["web"]'),
     """s1 01-01 buys oat 1; channel web => base 1
        s2 01-01 buys oat 1 =>"""),
    ("terminal", when('not={terminal=["t1"]}'),
     """s1 01-01 buys oat 1; terminal t1 =>
        s2 01-01 buys oat 1; terminal t2 => base 1"""),
    ("a tender of a type", when('tender=["card", "app"]'),
     """s1 01-01 buys oat 9; paid cash 4, app 5 => base 9
        s2 01-01 buys oat 9; paid cash 9 =>"""),
    ("coupon", when('coupon=["C1"]'),
     """s1 01-01 buys oat 9; coupon C0 C1 => base 9
        s2 01-01 buys oat 9; coupon C0 =>"""),
    ("basket has no such line", when('without={department=["TOBACCO"]}', exclude="[]"),
     """s1 01-01 buys oat 9, smokes 1 =>
        s2 01-01 buys oat 9 => base 9"""),
    ("an excluded line is not there", when('without={department=["TOBACCO"]}'),
     "s1 01-01 buys oat 9, smokes 1 => base 9"),
    ("a minimum is over the matching eligible lines",
     when('brand=["Own", "Smoke"], min_amount=200'),
     """s1 01-01 buys oat 199, milk 900, smokes 900 =>
        s2 01-01 buys oat 200 => base 200"""),
    ("a minimum on what loyalty value left",
     when("min_amount=200", redemption='[{tender="voucher"}]'),
     """s1 01-01 buys oat 250; paid voucher 51 =>
        s2 01-01 buys oat 250; paid voucher 50 => base 200"""),
    ("a minimum of the whole basket",
     when('brand=["Own"], min_basket=200', redemption='[{tender="voucher"}]'),
     """s1 01-01 buys oat 100, milk 99, smokes 900 =>
        s2 01-01 buys oat 100, milk 100 => base 100
        s3 01-01 buys oat 100, milk 100; paid voucher 1 =>"""),
    ("below a minimum of the whole basket", when('brand=["Own"], not={min_basket=200}'),
     """s1 01-01 buys oat 100, milk 99 => base 100
        s2 01-01 buys oat 100, milk 100 =>"""),
    ("a minimum quantity", when('department=["DAIRY"], min_quantity=1.5'),
     """s1 01-01 buys milk 1 x1, cheese 1 x0.499, oat 1 x9 =>
        s2 01-01 buys milk 1 x1, cheese 1 x0.5 => base 2"""),
    ("below a minimum", when("not={min_amount=100}"),
     """s1 01-01 buys oat 99 => base 99
        s2 01-01 buys oat 100 =>"""),
    ("weekday", when('weekday=["monday", "sunday"]'),
     """s1 01-01 buys oat 1 => base 1
        s2 01-05 buys oat 1 =>"""),
    ("dates are included", when("date={from=2024-01-02, to=2024-01-03}"),
     """s1 01-01 buys oat 1 =>
        s2 01-02 buys oat 1 => base 1
        s3 01-03 buys oat 1 => base 1
        s4 01-04 buys oat 1 =>"""),
    ("from included, to not", when("time={from=10:00:00, to=12:00:00}"),
     """s1 01-01T09:59:59 buys oat 1 =>
        s2 01-01T10:00 buys oat 1 => base 1
        s3 01-01T12:00 buys oat 1 =>"""),
    ("over midnight when to is not after from", when("time={from=22:00:00, to=02:00:00}"),
     """s1 01-01T01:59 buys oat 1 => base 1
        s2 01-01T02:00 buys oat 1 =>
        s3 01-01T22:00 buys oat 1 => base 1"""),
    ("holidays", when('holiday=["eid"]', holidays='[{id="eid", add=[2024-01-02]}]'),
     """s1 01-01 buys oat 1 =>
        s2 01-02 buys oat 1 => base 1"""),
    ("the weekday is of the business date, the time of the clock", club(
        '{id="monday", kind="bonus", points=1, when={weekday=["monday"]}}',
        '{id="night", kind="bonus", points=2, when={time={from=00:00:00, to=04:00:00}}}',
        day_starts_at="4"),
     """s1 01-02T03:59:59 buys oat 1 => monday 1, night 2
        s2 01-02T04:00 buys oat 1 =>"""),
    ("the cut-over is on the zone's clock", club(
        '{id="monday", kind="bonus", points=1, when={weekday=["monday"]}}',
        day_starts_at="4", zone='"Asia/Tehran"'),
     """s1 01-02T00:29 buys oat 1 => monday 1
        s2 01-02T00:30 buys oat 1 =>"""),
]

BIRTHDAY = "when={anniversary={before=3, after=2}}"
OF_MEMBERS = [
    ("tier is exact, at least is not", club(
        '{id="exact", kind="bonus", points=1, when={tier=["silver"]}}',
        '{id="least", kind="bonus", points=2, when={tier_at_least="silver"}}',
        '{id="other", kind="bonus", points=4, when={not={tier=["silver"]}}}', ladder=LADDER),
     """s1 01-01 buys oat 500 => other 4
        s2 01-01 buys oat 500 => exact 1, least 2
        s3 01-01 buys oat 700 => least 2, other 4"""),
    ("segments set by facts", gift('when={segment=["vip"]}'),
     """e1 01-01 enrols segments=vip,new =>
        s1 01-02 buys oat 1 => gift 10
        u1 01-03 updates segments=new =>
        s2 01-04 buys oat 1 =>"""),
    ("segments defined by figures before the fact",
     gift('when={segment=["loyal"]}', segment='[{id="loyal", window="month", '
          "spend={at_least=100}, visits={at_most=2}}]"),
     """s1 01-01 buys oat 100 =>
        s2 01-02 buys oat 100 => gift 10
        s3 01-03 buys oat 100 => gift 10
        s4 01-04 buys oat 100 =>
        s5 02-01 buys oat 100 =>"""),
    ("a subscription is active from its start to before its end", gift(
        'when={subscription=["plus"]}'),
     """b1 01-02 starts plus 2024-01-04 =>
        s1 01-01 buys oat 1 =>
        s2 01-03T23:59 buys oat 1 => gift 10
        s3 01-04T00:00 buys oat 1 =>
        b2 01-05 starts plus =>
        s4 01-06 buys oat 1 => gift 10
        b3 01-07 ends plus =>
        s5 01-08 buys oat 1 =>"""),
    ("age in whole years", gift("when={age={at_least=18}}"),
     """e1 01-01 enrols birth=2006-01-03 =>
        s1 01-02 buys oat 1 =>
        s2 01-03 buys oat 1 => gift 10"""),
    ("an unknown age is neither", gift("when={not={age={at_least=18}}}"),
     "s1 01-02 buys oat 1 => gift 10"),
    ("days since joining: the enrol fact, else the earliest", gift(
        "when={member_days={at_least=2, at_most=3}}"),
     """s1 01-01 buys oat 1 =>
        s2 01-03 buys oat 1 => gift 10
        e1 01-04 enrols =>
        s3 01-05 buys oat 1 =>
        s4 01-06 buys oat 1 => gift 10"""),
    ("near a birthday, over the end of the year", gift(BIRTHDAY),
     """e1 01-01 enrols birth=1990-12-30 =>
        s1 01-01T13:00 buys oat 1 => gift 10
        s2 01-02 buys oat 1 =>
        s3 12-26 buys oat 1 =>
        s4 12-27 buys oat 1 => gift 10"""),
    ("29 February falls on the 28th", gift("when={anniversary={}}"),
     """e1 01-01 enrols birth=1992-02-29 =>
        s1 02-28 buys oat 1 =>
        s2 02-29 buys oat 1 => gift 10
        s3 2025-02-28 buys oat 1 => gift 10"""),
    # 1 Farvardin 1369; in 2024 it is 20 March, in 2025 21 March.
    ("a birthday keeps its calendar", gift("when={anniversary={}}"),
     """e1 01-01 enrols birth=1990-03-21 calendar=jalali =>
        s1 03-20 buys oat 1 => gift 10
        s2 2025-03-20 buys oat 1 =>
        s3 2025-03-21 buys oat 1 => gift 10"""),
    ("a named anniversary, and joining but its own day", club(
        '{id="wedding", kind="bonus", points=1, when={anniversary={of="wedding"}}}',
        '{id="joined", kind="bonus", points=2, when={anniversary={of="joining"}}}'),
     """e1 01-01 enrols on.wedding=2010-05-01 =>
        s1 01-01T13:00 buys oat 1 =>
        s2 05-01 buys oat 1 => wedding 1
        s3 2025-01-01 buys oat 1 => joined 2"""),
    ("once per anniversary, even if the date is changed", gift(
        f"{BIRTHDAY}, limits={{anniversary=10}}"),
     """e1 01-01 enrols birth=1990-01-07 =>
        s1 01-05 buys oat 1 => gift 10
        s2 01-06 buys oat 1 => gift 0/10 anniversary
        u1 01-06T13:00 updates birth=1990-02-07 =>
        s3 02-07 buys oat 1 => gift 0/10 anniversary
        u2 02-08 updates birth=1990-12-30 =>
        s4 12-31 buys oat 1 => gift 0/10 anniversary
        u3 12-31T13:00 updates birth=1990-01-07 =>
        s5 2025-01-07 buys oat 1 => gift 10"""),
    # The anniversary of 2025 is another key, but only 169 days have passed.
    ("never within 180 days of the last one", gift(
        "when={anniversary={after=10}}, uses={anniversary=1}"),
     """e1 01-01 enrols birth=1990-07-15 =>
        s1 07-20 buys oat 1 => gift 10
        u1 08-01 updates birth=1990-01-05 =>
        s2 2025-01-05 buys oat 1 => gift 0/10 uses
        u2 2025-01-06 updates birth=1990-01-17 =>
        s3 2025-01-16 buys oat 1 =>
        s4 2025-01-17 buys oat 1 => gift 10"""),
    ("first ever", gift('when={first_purchase=["ever"]}'),
     """s1 01-01 buys oat 1 => gift 10
        s2 01-02 buys oat 1 =>"""),
    ("first in the month", gift('when={first_purchase=["month"]}'),
     """s1 01-01 buys oat 1 => gift 10
        s2 01-31 buys oat 1 =>
        s3 02-01 buys oat 1 => gift 10"""),
    ("first at the store, if it is known", gift('when={first_purchase=["store"]}'),
     """s1 01-01 buys oat 1; store S1 => gift 10
        s2 01-02 buys oat 1; store S2 => gift 10
        s3 01-03 buys oat 1; store S1 =>
        s4 01-04 buys oat 1 =>"""),
    ("first of a category", gift('when={first_purchase=["category"]}'),
     """s1 01-01 buys milk 1, tea 1 => gift 10
        s2 01-02 buys milk 1, cheese 1 =>
        s3 01-03 buys milk 1, bread 1 => gift 10
        s4 01-04 buys bread 1, cheese 1, milk 1, tea 1 =>"""),
    ("n-th purchase is a list", gift("when={nth_purchase=[1, 3]}"),
     """s1 01-01 buys oat 1 => gift 10
        s2 01-02 buys oat 1 =>
        s3 01-03 buys oat 1 => gift 10"""),
    ("a free basket is no purchase", gift("when={every_nth=2}"),
     """s1 01-01 buys oat 1 =>
        s2 01-02 buys oat 0 =>
        s3 01-03 buys oat 1 => gift 10
        s4 01-04 buys oat 1 =>
        s5 01-05 buys oat 1 => gift 10"""),
    ("days since the last purchase", gift("when={days_since_purchase=30}"),
     """s1 01-01 buys oat 1 =>
        s2 01-30 buys oat 1 =>
        s3 02-29 buys oat 1 => gift 10"""),
    ("a member without a purchase meets its negation", gift(
        "when={not={days_since_purchase=30}}"),
     """s1 01-01 buys oat 1 => gift 10
        s2 03-01 buys oat 1 =>"""),
    ("a streak of weeks, this one included", gift('when={streak={count=3, period="week"}}'),
     """s1 01-01 buys oat 1 =>
        s2 01-14 buys oat 1 =>
        s3 01-15 buys oat 1 => gift 10
        s4 01-29 buys oat 1 =>"""),
    ("a counter as it stood before", gift(
        'when={counter={id="spent", at_least=150}}',
        counter='[{id="spent", count="spend", window="month", when={sku=["milk"]}}]'),
     """s1 01-01 buys milk 100, oat 900 =>
        s2 01-02 buys milk 60 =>
        s3 01-03 buys oat 1 => gift 10
        s4 02-01 buys oat 1 =>"""),
    ("counters of all kinds", club(
        BASE, redemption='[{tender="voucher"}]', counter='[{id="q", count="quantity"}, '
        '{id="v", count="visits", when={sku=["milk"]}}, '
        '{id="a", count="activity", activity=["walk", "run"]}]'),
     """s1 01-01 buys milk 100 x2; paid voucher 50 =>
        s2 01-02 buys oat 100 x0.5 => base 1
        a1 01-02 does walk 3 =>
        a2 01-02 does run 4 =>
        a3 01-02 does swim 5 =>
        ? 01-03 counters => q 3/2, v 1, a 7"""),
    ("a sequence: steps, gap, reset, repeat", club(
        '{id="one", kind="bonus", points=1, when={sequence={id="s", step=[1]}}}',
        '{id="two", kind="bonus", points=2, when={sequence={id="s", step=[2]}}}',
        sequence='[{id="s", steps=2, repeat=true, gap_days=2, reset_days=10}]'),
     """s1 01-01 buys oat 1 => one 1
        s2 01-02 buys oat 1 =>
        s3 01-03 buys oat 1 => two 2
        s4 01-13 buys oat 1 => one 1
        s5 01-24 buys oat 1 => one 1
        s6 02-03 buys oat 1 => two 2"""),
    ("a sequence that does not repeat", club(
        '{id="two", kind="bonus", points=2, when={sequence={id="s", step=[1, 2]}}}',
        sequence='[{id="s", steps=2}]'),
     """s1 01-01 buys oat 1 => two 2
        s2 01-01 buys oat 1 => two 2
        s3 01-01 buys oat 1 =>"""),
]

LIMITS = [
    ("per basket", gift("limits={basket=7}"), "s1 01-01 buys oat 1 => gift 7/10 basket"),
    ("per day", gift("limits={day=15}"),
     """s1 01-01 buys oat 1 => gift 10
        s2 01-01 buys oat 1 => gift 5/10 day
        s3 01-01 buys oat 1 => gift 0/10 day
        s4 01-02 buys oat 1 => gift 10"""),
    ("per week from Monday", gift("limits={week=15}"),
     """s1 01-06 buys oat 1 => gift 10
        s2 01-07 buys oat 1 => gift 5/10 week
        s3 01-08 buys oat 1 => gift 10"""),
    ("per week from Saturday in the Jalali calendar",
     gift("limits={week=15}", calendar='"jalali"'),
     """s1 01-05 buys oat 1 => gift 10
        s2 01-06 buys oat 1 => gift 10
        s3 01-08 buys oat 1 => gift 5/10 week"""),
    ("per quarter, half, year", gift("limits={quarter=15, half=22, year=30}"),
     """s1 01-01 buys oat 1 => gift 10
        s2 03-31 buys oat 1 => gift 5/10 quarter
        s3 04-01 buys oat 1 => gift 7/10 half
        s4 07-01 buys oat 1 => gift 8/10 year
        s5 2025-01-01 buys oat 1 => gift 10"""),
    ("per Jalali month", gift("limits={month=15}", calendar='"jalali"'),
     """s1 03-01 buys oat 1 => gift 10
        s2 03-19 buys oat 1 => gift 5/10 month
        s3 03-20 buys oat 1 => gift 10"""),
    ("the last limit that lowers is named", gift("limits={basket=8, day=7, year=7}"),
     "s1 01-01 buys oat 1 => gift 7/10 day"),
    ("uses count facts to which it gave more than zero", club(
        '{id="gift", kind="bonus", points=10, priority=101, uses={lifetime=1}}', BASE,
        currency='[{id="points", caps={basket=10}}]'),
     """s1 01-01 buys oat 1000 => base 10, gift 0/10 cap.basket
        s2 01-01 buys oat 1 => gift 10
        s3 01-01 buys oat 1 => gift 0/10 uses"""),
    ("caps are filled in order, several at once", club(
        BASE, '{id="gift", kind="bonus", points=10, priority=1}',
        currency='[{id="points", caps={day=12, month=15}}]'),
     """s1 01-01 buys oat 1000 => gift 10, base 2/10 cap.day
        s2 01-02 buys oat 100 => gift 3/10 cap.month, base 0/1 cap.month"""),
    ("limits in decimals of the scale", club(
        '{id="base", kind="earn", points=1, per=100, limits={basket=1.5}}',
        currency='[{id="points", scale=1, caps={day=1.7}}]'),
     """s1 01-01 buys oat 160 => base 15/16 basket
        s2 01-01 buys oat 160 => base 2/16 cap.day"""),
]

TABLES = [*OF_LINES, *OF_BASKETS, *OF_MEMBERS, *LIMITS]


@pytest.mark.parametrize("case", [Case(*row) for row in TABLES], ids=lambda case: case.name)
def test_when_rules_apply(case: Case) -> None:
    follow(case)


# -- why not -------------------------------------------------------------------------------------

WHY = [
    ('when={activity=["walk"]}', "activity"),
    ('when={store=["S1"], weekday=["friday"]}', "store"),
    ('when={weekday=["friday"]}', "weekday"),
    ('when={not={weekday=["monday"]}}', "not.weekday"),
    ('when={sku=["milk"], brand=["None"]}', "sku"),
    ('when={not={sku=["oat"]}}', "not.sku"),
    ('when={nth_purchase=[2]}', "nth_purchase"),
    ("limits={basket=1}", None),
]


@pytest.mark.parametrize(("more", "reason"), WHY)
def test_why_a_rule_gave_nothing(more: str, reason: str | None) -> None:
    reference = started(gift(more))
    reference.submit(fact_of("s1 01-01 buys oat 1"))
    assert reference.why_not("s1", "gift") == reason


def test_why_not_tells_limits_budgets_and_roundings() -> None:
    reference = started(club(
        BASE, '{id="gift", kind="bonus", points=10, uses={day=1}}',
        '{id="few", kind="bonus", points=10, budget=10}',
    ))  # fmt: skip
    for name in ("s1", "s2"):
        reference.submit(fact_of(f"{name} 01-01 buys oat 1"))
    assert [reference.why_not("s2", rule) for rule in ("base", "gift", "few")] == [
        "figure", "uses", "budget"
    ]  # fmt: skip


# -- dates ---------------------------------------------------------------------------------------

D = dt.date.fromisoformat


@pytest.mark.parametrize(
    ("calendar", "day", "months", "later"),
    [
        ("gregorian", "2023-01-31", 1, "2023-02-28"),
        ("gregorian", "2024-02-29", 12, "2025-02-28"),
        ("gregorian", "2024-03-31", -1, "2024-02-29"),
        # 31 Shahrivar 1402 to 30 Mehr.
        ("jalali", "2023-09-22", 1, "2023-10-22"),
        # 30 Esfand 1403, a leap year, to 29 Esfand 1404.
        ("jalali", "2025-03-20", 12, "2026-03-20"),
    ],
)
def test_months_are_clipped(calendar: str, day: str, months: int, later: str) -> None:
    assert add_months(calendar, D(day), months) == D(later)


def test_anniversaries_and_years() -> None:
    assert anniversary("jalali", D("2025-03-20"), 1404) == D("2026-03-20")
    assert whole_years("gregorian", D("1992-02-29"), D("2023-02-27")) == 30
    assert whole_years("gregorian", D("1992-02-29"), D("2023-02-28")) == 31
    assert period_end("jalali", 5, "half", D("2024-01-01"), 0) == D("2024-03-19")
    assert period_end("gregorian", 0, "week", D("2024-01-07"), 1) == D("2024-01-14")


@pytest.mark.parametrize(
    ("calendar", "born", "today", "age"),
    [
        ("gregorian", "2000-05-10", "2025-05-09", 24),
        ("gregorian", "2000-05-10", "2025-05-10", 25),
        ("gregorian", "2004-02-29", "2025-02-28", 21),
        ("gregorian", "2004-02-29", "2024-02-28", 19),
        ("gregorian", "1931-12-31", "2025-12-31", 94),
        ("jalali", "1992-03-20", "2025-03-19", 32),  # 30 Esfand 1370
        ("jalali", "1992-03-20", "2025-03-20", 33),
        ("jalali", "1992-03-20", "2026-03-20", 34),  # falls on 29 Esfand 1404
        ("jalali", "1992-03-20", "2026-03-19", 33),
    ],
)
def test_ages_are_whole_years_of_the_birthday_s_calendar(
    calendar: str, born: str, today: str, age: int
) -> None:
    assert whole_years(calendar, D(born), D(today)) == age


@pytest.mark.parametrize(
    ("calendar", "born", "today", "before", "after", "year"),
    [
        ("gregorian", "1990-05-10", "2025-05-10", 0, 0, 2025),
        ("gregorian", "1990-05-10", "2025-05-09", 0, 0, None),
        ("gregorian", "1990-05-10", "2025-05-07", 3, 0, 2025),
        ("gregorian", "1990-05-10", "2025-05-06", 3, 0, None),
        ("gregorian", "1990-05-10", "2025-05-13", 0, 3, 2025),
        ("gregorian", "1990-05-10", "2025-05-14", 3, 3, None),
        # Over the year's end: the year is that of the anniversary.
        ("gregorian", "1990-01-02", "2024-12-31", 3, 0, 2025),
        ("gregorian", "1990-12-31", "2025-01-02", 0, 3, 2024),
        ("gregorian", "1992-02-29", "2025-02-28", 0, 0, 2025),
        ("gregorian", "1992-02-29", "2024-02-28", 0, 0, None),
        ("jalali", "1991-03-21", "2025-03-20", 1, 0, 1404),  # 1 Farvardin
        ("jalali", "1992-03-20", "2026-03-20", 0, 0, 1404),  # 30 Esfand
        ("jalali", "1992-03-20", "2025-03-22", 0, 3, 1403),
        ("gregorian", "1990-07-01", "2025-01-02", 180, 180, 2025),
        ("gregorian", "1990-07-01", "2024-12-28", 180, 180, 2024),
        ("gregorian", "1990-07-01", "2024-12-29", 180, 180, None),
    ],
)
def test_days_near_an_anniversary(
    calendar: str, born: str, today: str, before: int, after: int, year: int | None
) -> None:
    basket = mock.Mock(date=D(today), program=club("{id=\"b\", kind=\"earn\", points=1}"))
    basket.member.about = About(birth=D(born), birth_calendar=calendar)
    assert anniversary_year(basket, Near(before=before, after=after)) == year


@given(
    st.sampled_from(["gregorian", "jalali"]), st.dates(dt.date(1972, 1, 1), dt.date(2080, 1, 1)),
    st.integers(0, 10_000),
)  # fmt: skip
@example("gregorian", dt.date(2024, 2, 29), 366)
@example("gregorian", dt.date(2024, 2, 29), 364)
@example("jalali", dt.date(2025, 3, 20), 365)
def test_membership_years_follow_on_each_other(
    calendar: str, joined: dt.date, later: int
) -> None:
    today = joined + dt.timedelta(later)
    number = member_year(calendar, joined, today)
    first = member_year_begin(calendar, joined, today)
    last = member_year_end(calendar, joined, today, 0)
    assert first <= today <= last
    assert number in (later // 366, later // 365)
    assert member_year_begin(calendar, joined, last + ONE_DAY) == last + ONE_DAY
    assert member_year(calendar, joined, last + ONE_DAY) == number + 1
    assert member_year_end(calendar, joined, last + ONE_DAY, 0) == member_year_end(
        calendar, joined, today, 1
    )
    assert member_year_begin(calendar, joined, joined) == joined


@pytest.mark.parametrize("calendar", ["gregorian", "jalali"])
@pytest.mark.parametrize("period", ["week", "month", "quarter", "half", "year"])
def test_periods_are_the_dates_of_one_number(calendar: str, period: str) -> None:
    for days in range(0, 1_500, 7):
        day = D("2023-01-05") + dt.timedelta(days)
        first = period_begin(calendar, 5, period, day)
        last = period_end(calendar, 5, period, day, 0)
        number = period_number(calendar, 5, period, day)
        assert first <= day <= last
        assert {period_number(calendar, 5, period, end) for end in (first, last)} == {number}
        assert period_number(calendar, 5, period, first - ONE_DAY) == number - 1
        assert period_number(calendar, 5, period, last + ONE_DAY) == number + 1


@pytest.mark.parametrize(
    ("zone", "cut_over", "at", "date", "clock"),
    [
        ("Asia/Tehran", 0, "2024-01-01T20:29:59", "2024-01-01", "23:59:59"),
        ("Asia/Tehran", 0, "2024-01-01T20:30", "2024-01-02", "00:00"),
        # Summer time until 2022: from 22 March 2022, 00:00 local, to 21 September.
        ("Asia/Tehran", 0, "2022-03-21T20:29:59", "2022-03-21", "23:59:59"),
        ("Asia/Tehran", 0, "2022-03-21T20:30", "2022-03-22", "01:00"),
        ("Asia/Tehran", 0, "2022-09-21T19:29:59", "2022-09-21", "23:59:59"),
        ("Asia/Tehran", 0, "2022-09-21T19:30", "2022-09-21", "23:00"),
        ("Europe/Berlin", 4, "2024-03-31T01:59:59", "2024-03-30", "03:59:59"),
        ("Europe/Berlin", 4, "2024-03-31T02:00", "2024-03-31", "04:00"),
        # The clock was set back at one minute past midnight: the day had begun.
        ("America/St_Johns", 0, "2010-11-07T02:30", "2010-11-07", "00:00"),
        ("America/St_Johns", 0, "2010-11-07T02:31", "2010-11-07", "23:01"),
    ],
)
def test_business_dates(zone: str, cut_over: int, at: str, date: str, clock: str) -> None:
    program = club(BASE, zone=f'"{zone}"', day_starts_at=str(cut_over))
    moment = dt.datetime.fromisoformat(at).replace(tzinfo=dt.UTC)
    us = int(moment.timestamp()) * 1_000_000
    assert business_date(program, us) == (D(date), dt.time.fromisoformat(clock))


def test_a_fact_before_every_program_is_refused() -> None:
    reference = Reference()
    assert shown(reference.submit(fact_of("s1 01-01 buys oat 1"))) == "no-program"
