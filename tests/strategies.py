"""Random programs, products and histories for tests that compare two engines.

Figures are drawn from short lists, chosen so that rules match often, limits cut often,
tiers change and lots expire. One posting stays below 10^12 points (rulebook section 1).
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any, NamedTuple

import msgspec
from hypothesis import strategies as st

from vafa.engine.program import LINE_FIELDS, PERIODS, WEEKDAYS, Program
from vafa.engine.reference import Line, Product, Sale

Draw = st.DrawFn
Table = dict[str, Any]

ZONES = (
    "UTC",
    "Asia/Tehran",
    "Europe/Berlin",
    "America/New_York",
    "Asia/Kolkata",
    "Australia/Lord_Howe",
    "America/Havana",
    "Pacific/Apia",
)
BACKWARD_ZONES = ("America/St_Johns", "Antarctica/Troll")
"""Zones where a clock set back may bring back the business date before (see BACKWARD)."""

# Around years' ends, month ends, leap days, Nowruz, and changes of the clock.
ANCHORS = tuple(
    dt.datetime.fromisoformat(f"{at}+00:00")
    for at in (
        "2017-12-31T22:00",
        "2020-01-31T12:00",
        "2020-02-29T09:00",
        "2020-03-19T19:30",
        "2021-03-19T20:00",
        "2021-03-20T20:25",
        "2021-08-31T23:59",
        "2021-09-21T19:00",
        "2022-03-21T19:45",
        "2023-03-26T00:30",
        "2023-10-29T00:15",
        "2023-11-05T04:30",
        "2011-12-30T08:00",
        "2024-06-30T20:29",
        "1999-12-31T12:00",
    )
)
BACKWARD = tuple(
    dt.datetime.fromisoformat(f"{at}+00:00")
    for at in ("2005-10-30T02:30", "2005-10-30T02:45", "2023-10-29T00:30", "2023-10-29T00:50")
)
MINUTE = 60_000_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR
STEPS = (
    *(DAY, DAY, DAY, 2 * DAY, 6 * DAY, 7 * DAY, 30 * DAY, 31 * DAY, 90 * DAY, 182 * DAY),
    *(0, 0, 0, 1, 1_000_000, 29 * MINUTE, HOUR, HOUR, 5 * HOUR, 11 * HOUR),
    *(365 * DAY, 366 * DAY),
)

SKUS = tuple(f"s{n}" for n in range(8))
UNKNOWN_SKUS = ("u0", "u1")
BRANDS = ("Own", "Farm", "مارک")
DEPARTMENTS = ("DAIRY", "BAKERY", "TOBACCO")
CATEGORIES = ("dairy", "dairy/milk", "dairy/milk/uht", "dairyfree", "bread")
SUPPLIERS = ("acme", "zest")
STORES = ("", "1", "10", "9")
TERMINALS = ("", "t1", "t2")
TENDERS = ("cash", "card", "app")
MEMBERS = ("m1", "m2", "عضو")
ID_STARTS = ("", "a", "B", "é", "فروش-")

VALUES: dict[str, tuple[str, ...]] = {
    "sku": (*SKUS, *UNKNOWN_SKUS),
    "brand": BRANDS,
    "department": DEPARTMENTS,
    "category": ("dairy", "dairy/milk", "bread"),
    "supplier": SUPPLIERS,
    "store": ("1", "10", "9"),
    "terminal": ("t1", "t2"),
    "tender": TENDERS,
    "weekday": WEEKDAYS,
}
NETS = (1_000, 0, 1, 49, 50, 99, 100, 150, 250, 999, 1_999, 4_999, 5_000, 12_345, 20_000, 60_000)
BIG_NET = 99_999_999_999
QUANTITIES = (1_000, 1_000, 1_000, 0, 1, 347, 500, 1_500, 2_000, 3_000, 12_000)
NET_RATES = (("1", 100), ("0.5", 100), ("1", 1_000), ("2.5", 77), ("0.333333", 10), ("1", 30))
QUANTITY_RATES = (("1", 1), ("0.5", 1), ("5", 3), ("10", 12), ("0.000001", 1))
FACTORS = ("2", "3", "1.25", "1.5", "1.333333", "1")
BONUSES = ("10", "1", "5", "100", "250")
CAPS = ("1", "3", "7", "10", "25", "60", "100", "150", "400", "1000", "2500")


class RandomCase(NamedTuple):
    """A program, a product table and a history in order of arrival."""

    program: Program
    products: dict[str, Product]
    sales: list[Sale]


@st.composite
def cases(draw: Draw, backward: bool = False) -> RandomCase:
    """Whole cases; `backward` allows business dates that come back (see BACKWARD_ZONES)."""
    return RandomCase(draw(programs(backward)), draw(product_tables()), draw(histories(backward)))


@st.composite
def programs(draw: Draw, backward: bool = False) -> Program:
    """Sound programs: `program_check.check` finds nothing."""
    return program_of(draw(program_tables(backward)))


def program_of(table: Table) -> Program:
    """The Program of a table shaped as tomllib gives it."""
    return msgspec.convert(table, Program, dec_hook=_no_hook)


def _no_hook(kind: type, value: Any) -> Any:
    raise NotImplementedError(kind)


@st.composite
def program_tables(draw: Draw, backward: bool = False) -> Table:
    """Programs shaped as tomllib gives them, decimals as Decimal."""
    table: Table = {
        "format": 1,
        "id": "random",
        "unit": {"code": "EUR", "exponent": draw(st.sampled_from((0, 2)))},
        "zone": draw(st.sampled_from(ZONES + BACKWARD_ZONES if backward else ZONES)),
        "calendar": draw(st.sampled_from(("gregorian", "jalali"))),
        "day_starts_at": draw(st.sampled_from((0, 0, 1, 2, 4, 23))),
    }
    if draw(st.integers(0, 3)) == 2:
        table["week_begins"] = draw(st.sampled_from(WEEKDAYS))
    count = draw(st.sampled_from((1, 1, 2, 3)))
    table["currency"] = [
        draw(_currencies(name)) for name in ("points", "stamps", "credit")[:count]
    ]
    if draw(st.integers(0, 2)):
        table["ladder"] = draw(_ladders())
    if draw(st.integers(0, 2)) == 1:
        table["exclude"] = draw(st.lists(_line_tables(1), min_size=1, max_size=2))
    table["rule"] = draw(_rule_lists(table))
    return table


@st.composite
def _currencies(draw: Draw, name: str) -> Table:
    pending = draw(st.sampled_from((0, 0, 0, 1, 7, 40)))
    scale = draw(st.sampled_from((0, 0, 1, 2, 4)))
    table: Table = {
        "id": name,
        "scale": scale,
        "round": draw(st.sampled_from(("floor", "ceil", "half_up", "half_even"))),
        "pending_days": pending,
        "expiry": draw(_expiries(pending)),
    }
    if draw(st.booleans()):
        table["caps"] = draw(_caps(scale))
    return table


@st.composite
def _expiries(draw: Draw, pending: int) -> Table:
    policy = draw(st.sampled_from(("never", "days", "days", "months", "period_end", "period_end")))
    if policy == "never":
        return {"policy": "never"}
    if policy == "days":
        return {"policy": "after", "days": pending + draw(st.sampled_from((0, 1, 6, 30, 100)))}
    # Points may not expire before they are active: a month has at least 28 days.
    months = -(-pending // 28)
    if policy == "months":
        return {"policy": "after", "months": months + draw(st.sampled_from((0, 1, 6, 12)))}
    period = draw(st.sampled_from(PERIODS))
    least = -(-pending // 7) if period == "week" else months
    return {
        "policy": "period_end",
        "period": period,
        "k": least + draw(st.sampled_from((0, 0, 1, 2))),
    }


@st.composite
def _caps(draw: Draw, scale: int) -> Table:
    names = st.sampled_from(("basket", "day", *PERIODS, "lifetime"))
    chosen = draw(st.lists(names, min_size=1, max_size=3, unique=True))
    return {name: draw(_figures(CAPS, scale)) for name in chosen}


@st.composite
def _figures(draw: Draw, figures: tuple[str, ...], scale: int) -> Decimal:
    units = draw(st.sampled_from((0, 0, 1, 5))) if scale else 0
    figure: str = draw(st.sampled_from(figures))
    return Decimal(figure) + Decimal(units).scaleb(-scale)


@st.composite
def _ladders(draw: Draw) -> Table:
    tiers: list[Table] = []
    spend = visits = 0
    for place in range(draw(st.integers(1, 4))):
        spend += draw(st.sampled_from((50, 1_000, 5_000, 20_000)))
        visits += draw(st.sampled_from((1, 1, 2, 3)))
        asked = draw(st.sampled_from(("spend", "spend", "visits", "both")))
        at_least = {"spend": spend, "visits": visits}
        if asked != "both":
            at_least = {asked: at_least[asked]}
        if place == 0:
            at_least = draw(st.sampled_from(({}, {"spend": 0}, at_least, at_least)))
        join = draw(st.sampled_from(("all", "any")))
        tiers.append({"id": f"tier{place}", "join": join, "at_least": at_least})
    return {
        "window": draw(st.sampled_from((*PERIODS, "lifetime"))),
        "validity": draw(st.sampled_from(("next_period", "this_period"))),
        "tier": tiers,
    }


@st.composite
def _rule_lists(draw: Draw, table: Table) -> list[Table]:
    rules = [draw(_rules(table, 0, "earn"))]
    earning = {0}
    for _ in range(draw(st.sampled_from((2, 3, 4, 6, 1, 0)))):
        currency = draw(st.integers(0, len(table["currency"]) - 1))
        kind = draw(st.sampled_from(("earn", "multiply", "multiply", "bonus")))
        if kind == "multiply" and currency not in earning:
            kind = "earn"
        if kind == "earn":
            earning.add(currency)
        rules.append(draw(_rules(table, currency, kind)))
    if draw(st.integers(0, 24)) == 17:
        # More rules than a machine word has bits.
        rules = [dict(rules[n % len(rules)]) for n in range(70)]
    elif draw(st.booleans()):
        rules = draw(st.permutations(rules))
    for place, rule in enumerate(rules):
        rule["id"] = f"r{place}"
    return rules


@st.composite
def _rules(draw: Draw, table: Table, currency: int, kind: str) -> Table:
    scale = table["currency"][currency]["scale"]
    rule: Table = {"kind": kind}
    if currency or draw(st.booleans()):
        rule["currency"] = table["currency"][currency]["id"]
    if draw(st.integers(0, 2)) == 1:
        rule["priority"] = draw(st.sampled_from((0, 99, 100, 101)))
    if kind == "earn":
        basis = draw(st.sampled_from(("net", "net", "quantity")))
        points, per = draw(st.sampled_from(NET_RATES if basis == "net" else QUANTITY_RATES))
        rule |= {"basis": basis, "per": per}
        rule["points"] = draw(_by_tier(table, (points, points, "2", "0.75")))
    elif kind == "multiply":
        rule["factor"] = draw(_by_tier(table, FACTORS))
    else:
        rule["points"] = draw(_by_tier(table, (*BONUSES, "0.5") if scale else BONUSES))
    if kind != "bonus" and draw(st.integers(0, 3)) == 2:
        rule["round"] = draw(st.sampled_from(("floor", "ceil", "half_up", "half_even")))
    if draw(st.booleans()):
        rule["when"] = draw(_conditions(table))
    if draw(st.integers(0, 2)) == 1:
        rule["limits"] = draw(_caps(scale))
    if draw(st.integers(0, 3)) == 2:
        names = st.sampled_from(("day", *PERIODS, "lifetime"))
        chosen = draw(st.lists(names, min_size=1, max_size=2, unique=True))
        rule["uses"] = {name: draw(st.integers(1, 3)) for name in chosen}
    return rule


@st.composite
def _by_tier(
    draw: Draw, table: Table, figures: tuple[str, ...]
) -> Decimal | dict[str, Decimal]:
    if "ladder" not in table or draw(st.integers(0, 3)) != 3:
        return Decimal(draw(st.sampled_from(figures)))
    names = [tier["id"] for tier in table["ladder"]["tier"]]
    chosen = draw(st.lists(st.sampled_from(names), min_size=1, unique=True))
    return {name: Decimal(draw(st.sampled_from(figures))) for name in chosen}


@st.composite
def _conditions(draw: Draw, table: Table) -> Table:
    when = draw(_entries(table, 1))
    if draw(st.integers(0, 5)) == 4:
        when["min_amount"] = draw(st.sampled_from((0, 1, 100, 1_000, 5_000)))
    if draw(st.integers(0, 5)) == 4:
        when["min_quantity"] = Decimal(draw(st.sampled_from(("0", "1", "1.5", "0.347", "3"))))
    if "ladder" in table and draw(st.integers(0, 3)) == 2:
        when["tier_at_least"] = draw(st.sampled_from(table["ladder"]["tier"]))["id"]
    if draw(st.integers(0, 2)) == 2:
        when["not"] = draw(_entries(table, 2))
    return when


@st.composite
def _entries(draw: Draw, table: Table, most: int) -> Table:
    when = draw(_line_tables(0)) if draw(st.booleans()) else {}
    names = ["store", "terminal", "tender", "weekday", "date", "time"]
    if "ladder" in table:
        names += ["tier", "tier"]
    for name in draw(st.lists(st.sampled_from(names), max_size=most, unique=True)):
        if name == "date":
            when["date"] = draw(_dates())
        elif name == "time":
            clock = st.sampled_from([dt.time(h, m) for h in (0, 4, 9, 12, 20, 23) for m in (0, 30)])
            when["time"] = {"from": draw(clock), "to": draw(clock)}
        elif name == "tier":
            tiers = [tier["id"] for tier in table["ladder"]["tier"]]
            when["tier"] = draw(st.lists(st.sampled_from(tiers), min_size=1, unique=True))
        else:
            when[name] = draw(_values(name))
    return when


@st.composite
def _dates(draw: Draw) -> Table:
    first = draw(st.sampled_from(ANCHORS)).date() - dt.timedelta(days=draw(st.integers(0, 40)))
    last = first + dt.timedelta(days=draw(st.sampled_from((0, 1, 30, 365, 1_000))))
    shape = draw(st.integers(0, 3))
    if shape == 0:
        return {"from": first}
    return {"to": last} if shape == 1 else {"from": first, "to": last}


@st.composite
def _line_tables(draw: Draw, least: int) -> Table:
    names = st.lists(st.sampled_from(LINE_FIELDS), min_size=least, max_size=2, unique=True)
    return {name: draw(_values(name)) for name in draw(names)}


def _values(name: str) -> st.SearchStrategy[list[str]]:
    values = VALUES[name]
    return st.lists(
        st.sampled_from(values), min_size=1, max_size=max(2, len(values) // 2), unique=True
    )


@st.composite
def product_tables(draw: Draw) -> dict[str, Product]:
    """Products of most of the SKUs that histories sell; attributes may be unknown."""

    def one(values: tuple[str, ...]) -> str | None:
        return draw(st.sampled_from((*values, None)))

    return {
        sku: Product(one(BRANDS), one(DEPARTMENTS), one(CATEGORIES), one(SUPPLIERS))
        for sku in SKUS
    }


@st.composite
def histories(draw: Draw, backward: bool = False) -> list[Sale]:
    """Sales of one to three members with unique ids, in a random order of arrival."""
    at = draw(st.sampled_from(ANCHORS + BACKWARD if backward else ANCHORS))
    at_us = round(at.timestamp()) * 1_000_000
    members = MEMBERS[: draw(st.sampled_from((1, 1, 1, 2, 3)))]
    sales = []
    for number in range(draw(st.sampled_from((6, 10, 14, 18, 24, 1)))):
        at_us += draw(st.sampled_from(STEPS))
        kinds = draw(st.lists(st.sampled_from(TENDERS), max_size=2))
        sales.append(
            Sale(
                id=f"{draw(st.sampled_from(ID_STARTS))}{number}",
                occurred_at_us=at_us,
                member=draw(st.sampled_from(members)),
                store=draw(st.sampled_from(STORES)),
                terminal=draw(st.sampled_from(TERMINALS)),
                lines=draw(_lines()),
                tenders=tuple((kind, 100) for kind in kinds),
            )
        )
    return draw(st.permutations(sales)) if draw(st.booleans()) else sales


@st.composite
def _lines(draw: Draw) -> tuple[Line, ...]:
    skus = st.sampled_from((*SKUS, *SKUS, *UNKNOWN_SKUS))
    lines = [
        Line(draw(skus), draw(st.sampled_from(QUANTITIES)), draw(st.sampled_from(NETS)), number)
        for number in range(1, draw(st.sampled_from((2, 1, 1, 3, 4, 6, 0))) + 1)
    ]
    if lines and draw(st.integers(0, 40)) == 13:
        lines[0] = Line(lines[0].sku, lines[0].quantity, BIG_NET, 1)
    return tuple(lines)
