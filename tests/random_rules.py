"""Random rules of every kind with all that they can say, and their conditions."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from vafa.engine.program.conditions import PERIODS

from . import vocabulary
from .choices import Choices
from .random_conditions import OF_MEMBERS, activity_conditions, caps, conditions, entries

Table = dict[str, Any]


def rules(table: Table, blocks: Sequence[bytes]) -> dict[str, list[Table]]:
    """A rule a block, and the groups and stacks that they name.

    The first rule earns, so that there is something to multiply.
    """
    made: list[Table] = []
    for place, block in enumerate(blocks):
        made.append({"id": f"r{place}", **_rule(table, Choices(block), made)})
    named = {
        field: sorted({rule[field] for rule in made if field in rule})
        for field in ("group", "stack")
    }
    return {
        field: [{"id": name, "mode": name.split(".")[0]} for name in names]
        for field, names in named.items()
    } | {"rule": made}


def _rule(table: Table, choices: Choices, before: Sequence[Table]) -> Table:
    kind = choices.pick(("earn", "earn", "multiply", "multiply", "bonus", "bonus", "bonus"))
    currency = choices.pick(table["currency"])
    earning = {rule["currency"] for rule in before if rule["kind"] == "earn"}
    if not before or (kind == "multiply" and currency["id"] not in earning):
        kind, currency = kind if before else "earn", table["currency"][0]
    rule: Table = {"kind": kind, "currency": currency["id"]}
    if choices.chance(30):
        rule["priority"] = choices.pick((100, 0, 99, 101))
    activity = bool(before) and kind != "multiply" and choices.chance(14)
    match kind:
        case "earn":
            rule |= _earn(table, choices.split(14), currency, activity)
        case "multiply":
            rule |= _multiply(table, choices.split(6), currency)
        case _:
            rule |= _bonus(table, choices.split(6), currency, activity)
            if "on" not in rule and choices.chance(20):
                rule["stack"] = f"{choices.pick(('add', 'best', 'first'))}.{currency['id']}"
    if activity:
        rule["when"] = activity_conditions(table, choices.split(20))
    elif "on" in rule:
        rule["when"] = entries(table, choices.split(20), OF_MEMBERS, 1)
    elif choices.chance(65):
        rule["when"] = conditions(table, choices.split(30))
    rule |= _bounds(choices, rule, currency["scale"])
    return {name: value for name, value in rule.items() if value not in ({}, None)}


def _multiply(table: Table, choices: Choices, currency: Table) -> Table:
    rule: Table = {"factor": _by_tier(table, choices, vocabulary.FACTORS)}
    if choices.chance(60):
        mode = choices.pick(("add", "best", "compound", "first"))
        rule["stack"] = f"{mode}.{currency['id']}"
    if currency["round_at"] == "rule" and choices.chance(30):
        rule["round"] = choices.pick(("floor", "ceil", "half_up", "half_even"))
    return rule


def _earn(table: Table, choices: Choices, currency: Table, activity: bool) -> Table:
    bases = ("net", "net", "gross", "margin", "quantity", "visit", "tender")
    basis = choices.pick(("quantity", "visit") if activity else bases)
    in_units = basis in ("quantity", "visit")
    rates = vocabulary.QUANTITY_RATES if in_units else vocabulary.NET_RATES
    points, per = choices.pick(rates)
    rule: Table = {"basis": basis, "per": per}
    if basis == "tender":
        rule["tenders"] = choices.some(vocabulary.TENDERS, 1, 2)
    if choices.chance(25) and basis != "visit":
        rule |= _bands(choices, in_units)
    else:
        rule["points"] = _by_tier(table, choices, (points, points, "2", "0.75"))
    if choices.chance(20) and basis != "visit":
        rule["blocks"] = True
    if choices.chance(35):
        rule["group"] = choices.pick(("first", f"best.{currency['id']}"))
    if currency["round_at"] == "rule" and choices.chance(50):
        modes = ["carry", "floor", "ceil", "half_up", "half_even", "carry"]
        if not (activity or basis == "visit" or rule.get("blocks")
                or rule.get("band_mode") == "marginal"):
            modes += ["line", "line"]
        rule["round"] = choices.pick(modes)
    return rule


def _bands(choices: Choices, in_units: bool) -> Table:
    steps = (1, 2, 5) if in_units else (1_000, 99, 5_000, 20_000)
    start, bands = choices.pick((0, 0, 1)), []
    for _ in range(choices.number(1, 3)):
        points = choices.decimal(("1", "0.5", "2", "3.5"))
        bands.append({"from": Decimal(start), "points": points})
        start += choices.pick(steps)
    return {"bands": bands, "band_mode": choices.pick(("whole", "marginal"))}


def _bonus(table: Table, choices: Choices, currency: Table, activity: bool) -> Table:
    figures = (*vocabulary.BONUSES, "0.5") if currency["scale"] else vocabulary.BONUSES
    shape = choices.pick(("fixed", "fixed", "fixed", "per_units", "of_balance", "on"))
    if shape == "of_balance" and not activity and currency["kind"] != "status":
        factor = choices.decimal(("1.5", "2", "1.1", "1.333333"))
        return {"of_balance": {"factor": factor, "cap": choices.decimal(vocabulary.CAPS)}}
    rule: Table = {"points": _by_tier(table, choices, figures)}
    if shape == "per_units" and not activity:
        rule["per_units"] = choices.decimal(("1", "2", "3", "1.5", "0.25"))
    if shape == "on" and not activity:
        rule["on"] = choices.pick(("birthday", "joining", vocabulary.ANNIVERSARY))
    return rule


def _by_tier(table: Table, choices: Choices, figures: Sequence[str]) -> Any:
    if "ladder" not in table or not choices.chance(25):
        return choices.decimal(figures)
    names = [tier["id"] for tier in table["ladder"]["tier"]]
    return {name: choices.decimal(figures) for name in choices.some(names, 1, 2)}


def _bounds(choices: Choices, rule: Table, scale: int) -> Table:
    """Limits, uses, a budget, a cause."""
    yearly = "on" in rule or "anniversary" in rule.get("when", {})
    more = ("anniversary",) * 4 if yearly else ()
    found: Table = {}
    if choices.chance(30):
        found["limits"] = caps(choices, scale, more)
    if choices.chance(60 if yearly else 25):
        names = choices.some((*more, "day", *PERIODS, "lifetime"), 1, 2)
        found["uses"] = {name: choices.number(1, 3) for name in names}
    if choices.chance(12):
        found["budget"] = choices.decimal(("60", "1", "10", "150", "400", "1000"))
    if choices.chance(8):
        found["donate"] = "a cause"
    return found
