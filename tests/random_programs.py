"""Random sound programs that use all of the format together.

A program is a table shaped as tomllib gives it, made from two blocks of bytes and one a
rule; `program_text` writes it as TOML. `sound` takes out the rules that the checker
refuses: what two parts of a program may not say together is its to know.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import msgspec

from vafa.engine.checks.whole import check
from vafa.engine.program.conditions import PERIODS, WEEKDAYS
from vafa.engine.program.program import Program

from . import random_rules, vocabulary
from .choices import Choices
from .random_conditions import caps, line_conditions, span

Table = dict[str, Any]

TOP_BYTES = 310
RULE_BYTES = 56
"""The second one may qualify only (`status`)."""


def program_table(top: bytes, rules: Sequence[bytes], version: int = 1) -> Table:
    """A sound program of a block for all that stands above the rules and one a rule."""
    choices = Choices(top)
    table = _top(choices.split(12))
    table["id"] = f"random-{version}"
    table["currency"] = _currencies(choices.split(48))
    table["redemption"] = _redemptions(choices.split(4), table["currency"])
    table["returns"] = _returns(choices.split(10), table["currency"])
    table |= _line_lists(choices.split(16))
    if choices.chance(70):
        table["holidays"] = [_holidays(choices.split(48))]
    table["counter"] = [_counter(choices.split(12), n) for n in range(choices.number(0, 2))]
    table["sequence"] = [_sequence(choices.split(5), n) for n in range(choices.number(0, 2))]
    table["segment"] = [_segment(choices.split(10), n) for n in range(choices.number(0, 2))]
    table["plan"] = [_plan(choices.split(4), name) for name in vocabulary.PLANS]
    if choices.chance(60):
        table["plan"] = []
    if choices.chance(12):
        table["membership"] = {"entry": _entry(choices.split(8), table)}
    if choices.chance(66):
        table["ladder"] = _ladder(choices.split(64), table)
    table |= random_rules.rules(table, rules)
    table["late_shortfall"] = choices.pick(("debt", "debt", "forgive"))
    table["hold_hours"] = choices.pick((24, 1, 100, 8_760))
    tiers = [tier["id"] for tier in table.get("ladder", {}).get("tier", [])]
    paid = [entry.get("currency") for entry in table["redemption"]]
    table["redemption"] += [
        {"tender": f"paid in {currency['id']}", "currency": currency["id"]}
        for currency in table["currency"]
        if currency["kind"] not in UNPAID and currency["id"] not in paid
    ]
    table["redemption"] = [
        entry | _terms(choices.split(10), tiers) if "currency" in entry else entry
        for entry in table["redemption"]
    ]
    return sound(table)


def retimed(table: Table, rules: Sequence[bytes]) -> Table:
    """A second version: the same but for its rules, as a chain would publish it."""
    return sound({**table, "id": "random-2", **random_rules.rules(table, rules)})


def with_terms_of(table: Table, other: Table) -> Table:
    """A version whose points expire, and whose returns and shortfalls go, as those of another.

    The version itself where the two cannot be one.
    """
    theirs = {one["id"]: one for one in other["currency"]}
    currencies = []
    for one in table["currency"]:
        rest = {name: value for name, value in one.items() if name not in _TERMS}
        terms = {n: v for n, v in theirs.get(one["id"], one).items() if n in _TERMS}
        currencies.append(rest | terms)
    parts = ("returns", "late_shortfall", "earn_on_redeemed")
    found = {name: value for name, value in table.items() if name not in parts}
    found |= {name: other[name] for name in parts if name in other} | {"currency": currencies}
    try:
        return sound(found)
    except AssertionError:
        return table


_TERMS = ("expiry", "pending_days")


def with_another_ladder(table: Table, block: bytes) -> Table:
    """A version with another ladder: all of it, its terms or its tiers alone, or with none.

    The version itself where that cannot be one.
    """
    choices = Choices(block)
    old, kind = table.get("ladder"), choices.number(0, 9)
    made = _ladder(choices, {"counter": [], **table})
    rest = {name: value for name, value in table.items() if name != "ladder"}
    if old is not None and kind == 9:
        found = rest
    elif old is not None and kind > 5:
        found = {**rest, "ladder": {**old, "tier": made["tier"]}}
    elif old is not None and kind > 1:
        found = {**rest, "ladder": {**made, "tier": old["tier"]}}
    else:
        found = {**rest, "ladder": made}
    try:
        return sound(found)
    except AssertionError:
        return table


def program_of(table: Table) -> Program:
    """The Program of a table. Raises msgspec.ValidationError."""
    return msgspec.convert(table, Program, dec_hook=_no_hook)


def _no_hook(kind: type, value: Any) -> Any:
    raise NotImplementedError(kind)


def sound(table: Table) -> Table:
    """The table without the parts that `check` refuses, and without empty tables."""
    for _ in range(100):
        problems = check(program_of(table))
        if not problems:
            return {name: value for name, value in table.items() if value not in ([], {})}
        for name, place in sorted(_refused(path) for path, _ in problems)[::-1]:
            _take_out(table, name, place)
    raise AssertionError(f"never sound: {problems}")


def _refused(path: str) -> tuple[str, int]:
    found = re.match(r"(\w+)(?:\[(\d+)\])?", path)
    assert found is not None
    return found[1], int(found[2] or 0)


def _take_out(table: Table, name: str, place: int) -> None:
    """Take out one entry of a list, or a table whole; rules that used it go by the next check."""
    if isinstance(table.get(name), list) and name != "currency":
        if place < len(table[name]):
            table[name] = [*table[name][:place], *table[name][place + 1 :]]
        return
    assert name in ("ladder", "returns", "holidays", "membership"), f"unsound {name}"
    table.pop(name, None)


# -- above the rules -------------------------------------------------------------------------


def _top(choices: Choices) -> Table:
    table: Table = {
        "format": 1,
        "id": "random",
        "unit": {"code": "EUR", "exponent": choices.pick((0, 2))},
        "zone": choices.pick(vocabulary.ZONES),
        "calendar": choices.pick(("gregorian", "jalali")),
        "day_starts_at": choices.pick((0, 0, 4, 1, 23)),
        "late_limit_days": 36_500,
        "earn_on_redeemed": choices.chance(15),
        "causes": ["a cause"],
    }
    if choices.chance(20):
        table["week_begins"] = choices.pick(WEEKDAYS)
    return table


UNPAID = ("status", "coupons")
"""Kinds of currencies that no tender takes."""


def _currencies(choices: Choices) -> list[Table]:
    count = choices.pick((1, 1, 2, 2, 3))
    names = vocabulary.CURRENCIES[:count]
    return [_currency(choices.split(14), name, place) for place, name in enumerate(names)]


def _currency(choices: Choices, name: str, place: int) -> Table:
    kind = choices.pick(("points", "status", "credit", "coupons") if place else ("points",))
    scale = 0 if kind == "coupons" else choices.pick((0, 0, 0, 1, 2, 4))
    pending = choices.pick((0, 0, 0, 1, 7, 40))
    table: Table = {
        "id": name,
        "kind": kind,
        "scale": scale,
        "round": choices.pick(("floor", "half_up", "half_even", "ceil")),
        "round_at": choices.pick(("rule", "rule", "basket")),
        "pending_days": pending,
        "expiry": _expiry(choices, pending),
    }
    if choices.chance(40):
        table["caps"] = caps(choices, scale)
    return table


def _expiry(choices: Choices, pending: int) -> Table:
    policies = ("never", "days", "days", "months", "period_end", "inactivity", "inactivity")
    policy = choices.pick(policies)
    # Points may not expire before they are active: a month has at least 28 days.
    months = -(-pending // 28)
    table: Table = {"policy": "after" if policy in ("days", "months") else policy}
    if policy == "days":
        table["days"] = pending + choices.pick((6, 0, 1, 30, 100))
    elif policy == "months":
        table["months"] = months + choices.pick((1, 0, 6, 12))
    elif policy == "period_end":
        period = table["period"] = choices.pick(PERIODS)
        least = -(-pending // 7) if period == "week" else months
        table["k"] = least + choices.pick((0, 1, 2))
    elif policy == "inactivity":
        table["months"] = months + choices.pick((1, 2, 6))
        table["renewed_by"] = choices.some(("sale", "redemption", "activity"), 0, 2)
    if policy in ("months", "period_end", "inactivity") and choices.chance(20):
        table["calendar"] = choices.pick(("gregorian", "jalali"))
    return table



def _redemptions(choices: Choices, currencies: Sequence[Table]) -> list[Table]:
    spendable = [c["id"] for c in currencies if c["kind"] not in UNPAID]
    found: list[Table] = [{"tender": "wallet", "currency": spendable[0]}]
    if spendable[1:] and choices.chance(60):
        found.append({"tender": "purse", "currency": spendable[1]})
    if choices.chance(60):
        found.append({"tender": "gift"})
    return found if choices.chance(80) else []


def _terms(choices: Choices, tiers: Sequence[str]) -> Table:
    """Terms of redemption; a step of half a point is refused where there are none."""
    table: Table = {}
    if choices.chance(25):
        table["minimum"] = choices.decimal(("5", "2", "10"))
    if choices.chance(25):
        table["step"] = choices.decimal(("1", "5"))
        if "minimum" in table:
            table["minimum"] = Decimal(10)
    if choices.chance(25):
        table["share"] = choices.decimal(("0.5", "0.333333", "1", "0.01"))
    if choices.chance(30):
        table["points"] = choices.decimal(("1", "10"))
        money = choices.pick((100, 7, 5_000, 60_000))
        table["money"] = money
        if tiers and choices.chance(40):
            table["money"] = {tier: money + place for place, tier in enumerate(tiers[-2:])}
    return table


def _returns(choices: Choices, currencies: Sequence[Table]) -> Table:
    table: Table = {
        "policy": choices.pick(("recompute", "recompute", "recompute", "proportional")),
        "shortfall": choices.pick(("debt", "debt", "forgive", "refuse", "withhold")),
        "restored_days": choices.pick((0, 0, 1, 30)),
        "tiers": choices.pick(("strict", "strict", "keep")),
    }
    if choices.chance(30):
        points, per = choices.pick((("1", 100), ("0.5", 10), ("3", 1)))
        table["no_receipt"] = {"points": Decimal(points), "per": per}
        spendable = [c for c in currencies if c["kind"] != "status"]
        if choices.chance(50):
            table["no_receipt"]["currency"] = choices.pick(spendable)["id"]
    return table


def _line_lists(choices: Choices) -> Table:
    excluded = [line_conditions(choices.split(6), 1)]
    return {"exclude": excluded} if choices.chance(33) else {}


def _holidays(choices: Choices) -> Table:
    """Dates around the anchors; no country's list, which another year may change."""
    days: list[dt.date] = []
    for anchor in vocabulary.ANCHORS:
        if choices.chance(60):
            first = anchor.date() + dt.timedelta(days=choices.pick((0, 1, 4)))
            days += [first + dt.timedelta(days=n) for n in range(choices.pick((2, 1, 10, 40)))]
    return {"id": vocabulary.HOLIDAYS, "add": sorted(set(days)) or [dt.date(2020, 3, 20)]}


def _counter(choices: Choices, place: int) -> Table:
    count = choices.pick(("spend", "quantity", "visits", "activity"))
    table: Table = {
        "id": f"counter-{place}",
        "count": count,
        "window": choices.pick(("lifetime", *PERIODS)),
    }
    if count == "activity":
        table["activity"] = choices.some(vocabulary.ACTIVITIES, 1, 2)
    elif choices.chance(60):
        table["when"] = line_conditions(choices, 1)
    return table


def _sequence(choices: Choices, place: int) -> Table:
    table: Table = {
        "id": f"sequence-{place}",
        "steps": choices.number(1, 4),
        "repeat": choices.chance(50),
        "gap_days": choices.pick((0, 0, 1, 3)),
    }
    if choices.chance(40):
        table["reset_days"] = table["gap_days"] + choices.pick((2, 7, 30, 90))
    return table


def _segment(choices: Choices, place: int) -> Table:
    table: Table = {"id": f"segment-{place}"}
    window = choices.pick(("lifetime", *PERIODS))
    bounds = {
        "spend": (0, 1, 1_000, 5_000, 20_000),
        "visits": (0, 1, 2, 3),
        "days_since_purchase": (0, 1, 7, 30),
        "member_days": (0, 1, 30, 365),
    }
    for name in choices.some(tuple(bounds), 1, 2):
        table[name] = span(choices, bounds[name])
    if "spend" in table or "visits" in table:
        table["window"] = window
    return table


def _plan(choices: Choices, name: str) -> Table:
    table: Table = {"id": name, "fee": choices.pick((0, 900)), "entitlements": ["delivery"]}
    term = choices.pick(("days", "months", ""))
    if term:
        table["term"] = {term: choices.pick((1, 2, 12))}
        table["renewal"] = choices.pick(("manual", "manual", "automatic"))
    return table


def _entry(choices: Choices, table: Table) -> Table:
    """What a closed club asks: one or two figures."""
    figures: Table = {
        "spend": choices.pick((1, 1_000, 5_000)),
        "visits": choices.pick((1, 2)),
        "margin": 100,
        "activity": {choices.pick(vocabulary.ACTIVITIES): 1},
        "value": {vocabulary.VALUES[0]: 100},
    }
    if table["counter"]:
        figures["counter"] = {table["counter"][0]["id"]: Decimal(2)}
    names = choices.some(("spend", "visits", *figures), 1, 2)
    return {"at_least": {name: figures[name] for name in names},
            "join": choices.pick(("all", "any"))}  # fmt: skip


# -- tiers -----------------------------------------------------------------------------------

RISES: dict[str, tuple[int, ...]] = {
    "spend": (1_000, 50, 5_000, 20_000),
    "visits": (1, 1, 2, 3),
    "margin": (100, 1_000, 9_000),
    "points": (10, 1, 50, 300),
    "counter": (1, 2, 1_000),
    "activity": (1, 2, 5),
    "value": (1, 100, 1_000),
    "balance": (10, 1, 60, 300),
}
"""By how much a metric's threshold lies above that of the tier below."""


def _ladder(choices: Choices, table: Table) -> Table:
    window = choices.pick(
        (*PERIODS, "lifetime", "membership_year", "membership_year", "days", "months", "months")
    )
    rolling = ("days", "months")
    ladder: Table = {
        "window": {window: choices.pick((1, 2, 12, 30))} if window in rolling else window,
        "validity": choices.pick(
            ("next_period", "this_period", "while_met", "while_met", "months")
        ),
        "grace_days": choices.pick((0, 0, 0, 1, 10, 40)),
        "down": choices.pick(("to_qualified", "to_qualified", "one_step", "one_step", "never")),
    }
    if ladder["validity"] == "months":
        ladder["validity"] = {"months": choices.pick((1, 3, 12))}
    elif ladder["validity"] != "while_met" and choices.chance(30):
        ladder["validity_period"] = choices.pick((*PERIODS, "membership_year"))
    if ladder["validity"] != "while_met" and choices.chance(20):
        ladder["calendar"] = choices.pick(("gregorian", "jalali"))
    ladder["tier"] = _tiers(choices, table)
    return ladder


def _tiers(choices: Choices, table: Table) -> list[Table]:
    names = ["spend", "spend", "visits", "points", "margin", "activity", "value", "balance"]
    if table["counter"]:
        names.append("counter")
    metrics = choices.some(names, 1, 2)
    of = {
        "points": choices.pick(table["currency"])["id"],
        "balance": choices.pick(table["currency"])["id"],
        "counter": choices.pick(table["counter"] or [{"id": ""}])["id"],
        "activity": choices.pick(vocabulary.ACTIVITIES),
        "value": vocabulary.VALUES[0],
    }
    reached = dict.fromkeys(metrics, 0)
    tiers: list[Table] = []
    for place in range(choices.number(1, 4)):
        at_least: Table = {}
        for metric in metrics:
            reached[metric] += choices.pick(RISES[metric])
            if len(metrics) == 1 or not at_least or not choices.chance(25):
                at_least[metric] = _threshold(metric, of.get(metric), reached[metric])
        if place == 0 and choices.chance(30):
            at_least = {}
        tier: Table = {"id": f"tier{place}", "at_least": at_least}
        tier["join"] = choices.pick(("all", "any"))
        if choices.chance(40):
            tier["bonus"] = {"points": choices.decimal(vocabulary.BONUSES)}
            if choices.chance(40):
                tier["bonus"]["currency"] = choices.pick(table["currency"])["id"]
        tiers.append(tier)
    return tiers


def _threshold(metric: str, of: str | None, reached: int) -> Any:
    if of is None:
        return reached
    return {of: reached if metric in ("activity", "value") else Decimal(reached)}


# -- as text ---------------------------------------------------------------------------------


def program_text(table: Table) -> str:
    """A program as TOML, a line a field and a line a rule or tier."""
    return "\n".join(f"{name} = {toml(value, 1)}" for name, value in table.items())


def toml(value: Any, depth: int = 0) -> str:  # noqa: PLR0911 - a case a type
    """A value of a table as TOML."""
    match value:
        case str():
            return msgspec.json.encode(value).decode()
        case bool() | int():
            return str(value).lower()
        case Decimal():
            return format(value, "f")
        case dt.date() | dt.time():
            return value.isoformat()
        case dict():
            fields = (f"{toml(k)} = {toml(v)}" for k, v in value.items())
            return f"{{ {', '.join(fields)} }}"
        case _ if depth and value and isinstance(value[0], dict):
            return "[\n" + "".join(f"  {toml(item)},\n" for item in value) + "]"
        case _:
            return f"[{', '.join(toml(item) for item in value)}]"
