"""Drawn cases in which offers have budgets and limits by the anniversary.

A case of `strategies` gets them from a stream of its own, so that no other case changes.
"""

from __future__ import annotations

import random
import tomllib
from dataclasses import replace
from decimal import Decimal
from typing import Any

from . import random_programs, strategies
from .cases import Case, Fact

Table = dict[str, Any]
AMOUNTS = (1, 50, 100, 999, 5_000, 20_000)
BIRTHS = ("1990-01-05", "1985-03-02", "1990-06-30", "2000-02-29", "1970-12-30")


def case_of(seed: bytes) -> Case:
    """The case of the first seed from this one on whose sales name offers of its program."""
    draw = random.Random(seed + b"ceilings")
    while True:
        case = strategies.case_of(seed)
        named = {offer["offer"] for fact in case.facts for offer in fact.get("offers", ())}
        if len(case.programs) == 1 and any(name != "gone" for name in named):
            break
        seed = draw.randbytes(16)
    texts = {name: _limited(text, draw) for name, text in case.programs.items()}
    # Births change, so that one anniversary is near after another.
    facts: list[Fact] = []
    for place, fact in enumerate(case.facts):
        if "member" in fact and draw.random() < 0.3:
            births = [birth for birth in BIRTHS if birth < fact["occurred_at"]]
            facts.append({
                "id": f"birth {place}", "kind": "member update", "member": fact["member"],
                "occurred_at": fact["occurred_at"], "birth": draw.choice(births),
            })  # fmt: skip
        facts.append(fact)
    return replace(case, name=f"{case.name}, ceilings", programs=texts, facts=facts)


def _limited(text: str, draw: random.Random) -> str:
    """A program with ceilings on its offers."""
    table = tomllib.loads(text, parse_float=Decimal)
    for rule in table["rule"]:
        if rule["kind"] == "offer":
            _limit(rule, draw)
    return random_programs.program_text(random_programs.sound(table))


def _limit(rule: Table, draw: random.Random) -> None:
    free = rule["benefit"]["kind"] in ("early_access", "service", "free_delivery")
    if draw.random() < 0.8:
        # Conditions that hardly ever hold would leave nothing to count.
        rule.pop("when", None)
    if draw.random() < 0.5 and not free:
        rule["budget"] = draw.choice(AMOUNTS)
    if draw.random() < 0.5:
        near = {"of": draw.choice(("birthday", "birthday", "joining")), "before": 180, "after": 180}
        rule["when"] = {**rule.get("when", {}), "anniversary": near}
        if draw.random() < 0.6:
            rule["uses"] = {**rule.get("uses", {}), "anniversary": draw.randint(1, 2)}
        if draw.random() < 0.6 and not free:
            rule["limits"] = {**rule.get("limits", {}), "anniversary": draw.choice(AMOUNTS)}
