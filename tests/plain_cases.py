"""Programs and sales that take the kernel's short way: what the first tills asked for.

A batch of plain sales under a plain program is folded by a loop of its own (`plain.pyx`);
programs drawn from all of the format hardly ever are of that kind.
"""

from __future__ import annotations

from typing import Any

from .cases import Fact

Table = dict[str, Any]

OF_BASKETS = ("store", "region", "format", "terminal", "tender", "weekday", "date", "time",
              "holiday", "tier", "tier_at_least")  # fmt: skip
OF_LINES = ("sku", "brand", "department", "category", "supplier", "price_class", "label",
            "on_promotion")  # fmt: skip
LEAST = ("min_amount", "min_quantity")


def plain_table(table: Table) -> Table:
    """The program less all that the short way does not know."""
    made = {
        name: value for name, value in table.items()
        if name not in ("redemption", "counter", "sequence", "segment", "group", "stack")
    }  # fmt: skip
    made["currency"] = [_currency(currency) for currency in table["currency"]]
    if "ladder" in table:
        made["ladder"] = _ladder(table["ladder"])
    made["rule"] = [_rule(rule) for rule in table.get("rule", []) if _is_kept(rule)]
    return made


def _currency(currency: Table) -> Table:
    made = {**currency, "round_at": "rule"}
    if made["expiry"]["policy"] == "inactivity":
        made["expiry"] = {"policy": "after", "months": made["expiry"]["months"]}
    return made


def _ladder(ladder: Table) -> Table:
    window = ladder["window"]
    if not isinstance(window, str) or window in ("membership_year", "lifetime"):
        window = "month"
    validity = ladder["validity"]
    if validity not in ("next_period", "this_period"):
        validity = "next_period"
    tiers = []
    for place, tier in enumerate(ladder["tier"]):
        at_least = {"spend": 1_000 * (place + 1)} if place % 2 else {"visits": place + 1}
        tiers.append({
            "id": tier["id"], "join": tier.get("join", "all"),
            "at_least": at_least if place or tier["at_least"] else {},
        })  # fmt: skip
    return {"window": window, "validity": validity, "tier": tiers}


def _is_kept(rule: Table) -> bool:
    odd = ("donate", "budget", "bands", "of_balance", "per_units", "on")
    return not any(name in rule for name in odd) and "activity" not in rule.get("when", {})


def _rule(rule: Table) -> Table:
    dropped = ("group", "stack", "blocks", "tenders", "when", "band_mode")
    made = {name: value for name, value in rule.items() if name not in dropped}
    if made["kind"] == "earn" and made["basis"] not in ("net", "quantity"):
        made["basis"] = "net"
    if made.get("round") in ("carry", "line"):
        made.pop("round")
    for bounds in ("limits", "uses"):
        kept = {name: n for name, n in made.pop(bounds, {}).items() if name != "anniversary"}
        if kept:
            made[bounds] = kept
    when = {
        name: value for name, value in rule.get("when", {}).items()
        if name in OF_BASKETS + OF_LINES + LEAST
    }  # fmt: skip
    negated = {
        name: value for name, value in rule.get("when", {}).get("not", {}).items()
        if name in OF_BASKETS + OF_LINES
    }  # fmt: skip
    if negated:
        when["not"] = negated
    return {**made, "when": when} if when else made


def plain_fact(fact: Fact) -> Fact:
    """A sale less what a plain one does not carry; other facts as they are."""
    if fact["kind"] != "sale":
        return fact
    made = {
        name: value for name, value in fact.items()
        if name not in ("channel", "coupons", "completed", "return")
    }  # fmt: skip
    made["lines"] = [
        {name: value for name, value in line.items() if name not in ("gross", "discount", "cost")}
        for line in fact["lines"]
    ]
    tenders = [
        {"type": tender["type"], "amount": tender["amount"]} for tender in fact.get("tenders", [])
    ]
    return {**made, "tenders": tenders} if tenders else made
