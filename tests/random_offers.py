"""Random offers of a program, and sales that name them.

They stand in blocks of their own: a case without them is the same case.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from vafa.engine.program.conditions import PERIODS

from . import vocabulary
from .choices import Choices
from .random_conditions import conditions, line_conditions

Table = dict[str, Any]
Fact = dict[str, Any]

OFFER_BYTES = 64
AMOUNTS = (100, 1, 50, 999, 5_000, 20_000)
PERCENTS = ("10", "1", "33.3", "50", "100", "7.5", "0.5")
MODES = ("exclusive", "best", "stackable")


def with_offers(table: Table, blocks: Sequence[bytes]) -> Table:
    """The program with an offer a block, and the groups that they name."""
    made = [
        {"id": f"offer{place}", "kind": "offer", **_offer(table, Choices(block))}
        for place, block in enumerate(blocks)
    ]
    groups = sorted({offer["group"] for offer in made if "group" in offer})
    return {
        **table, "rule": [*table.get("rule", []), *made],
        "offer_group": [{"id": name, "mode": name} for name in groups],
    }  # fmt: skip


def _offer(table: Table, choices: Choices) -> Table:
    offer: Table = {"benefit": benefit(choices.split(24))}
    if choices.chance(30):
        offer["priority"] = choices.pick((100, 0, 99, 101))
    if choices.chance(40):
        offer["group"] = choices.pick(MODES)
    if choices.chance(70):
        offer["when"] = conditions(table, choices.split(30))
    if choices.chance(40):
        names = choices.some(("day", *PERIODS, "lifetime"), 1, 2)
        offer["uses"] = {name: choices.number(1, 3) for name in names}
    if choices.chance(30):
        names = choices.some(("basket", "day", *PERIODS, "lifetime"), 1, 2)
        offer["limits"] = {name: choices.pick(AMOUNTS) for name in names}
    return offer


def benefit(choices: Choices) -> Table:
    """One of every kind."""
    kind = choices.pick((
        "percent", "amount", "n_for_m", "n_for_price", "buy_get", "bundle", "spend_bands",
        "volume_bands", "free_item", "free_delivery", "service", "early_access",
    ))  # fmt: skip
    made: Table = {"kind": kind}
    n = choices.number(2, 4)
    match kind:
        case "percent":
            made["percent"] = choices.decimal(PERCENTS)
        case "amount":
            made |= {"amount": choices.pick(AMOUNTS), "per_unit": choices.chance(40)}
        case "n_for_m":
            made |= {"n": n, "m": choices.number(1, n - 1)}
        case "n_for_price":
            made |= {"n": n, "price": choices.pick(AMOUNTS)}
        case "buy_get":
            made |= {"buy": choices.number(1, 2), "get": choices.number(1, 2)}
            made["percent"] = choices.decimal(PERCENTS)
            if choices.chance(50):
                made["of"] = line_conditions(choices, 1)
        case "bundle":
            made["part"] = [
                {"quantity": choices.number(1, 2), "when": line_conditions(choices, 1)}
                for _ in range(2)
            ]
            made["price"] = choices.pick(AMOUNTS)
        case "spend_bands" | "volume_bands":
            starts = (1, 2, 4) if kind == "volume_bands" else (1, 1_000, 20_000)
            made["bands"] = [
                {"from": start, "percent": choices.decimal(PERCENTS)} if choices.chance(50)
                else {"from": start, "amount": choices.pick(AMOUNTS)}
                for start in starts
            ]
        case "free_item":
            made |= {"sku": choices.pick(vocabulary.SKUS), "quantity": choices.number(1, 2)}
        case "free_delivery":
            if choices.chance(60):
                made["of"] = {"label": ["delivery"]}
        case _:
            made |= {"to": "the sale"} if kind == "early_access" else {"name": "wrapping"}
    return made


def narrowed(made: Table, choices: Choices) -> Table:
    """A benefit of some units, of some sets, rounded one way or another: what it may say more."""
    found = dict(made)
    kind = made["kind"]
    if (kind == "percent" or made.get("per_unit")) and choices.chance(60):
        found["units"] = choices.number(1, 4)
        if choices.chance(70):
            found["which"] = choices.pick(("cheapest", "dearest", "each_line"))
    if kind in ("percent", "amount") and choices.chance(20):
        found["of"] = line_conditions(choices, 1) if choices.chance(60) else {}
    if kind in ("n_for_m", "n_for_price", "buy_get", "bundle") and choices.chance(50):
        found["times"] = choices.number(1, 2)
    if kind in ("n_for_m", "buy_get") and "of" not in made and choices.chance(50):
        found["each_set"] = True
    if kind in ("percent", "buy_get", "spend_bands", "volume_bands"):
        found["round"] = choices.pick(("floor", "ceil", "half_up", "half_even"))
    return found


def naming(fact: Fact, table: Table, block: bytes, certain: bool) -> Fact:
    """A sale that may name some offers: of the program, or one that it has not.

    A `certain` one has happened: it is not refused for them.
    """
    choices = Choices(block)
    names = [rule["id"] for rule in table.get("rule", []) if rule["kind"] == "offer"]
    if fact["kind"] != "sale" or not names or not choices.chance(35):
        return fact
    if choices.chance(8):
        names = [*names, "gone"]
    named = choices.some(names, 1, 2)
    offers = [{"offer": name, "amount": choices.pick((0, *AMOUNTS))} for name in named]
    return {**fact, "offers": offers} | ({"completed": True} if certain else {})
