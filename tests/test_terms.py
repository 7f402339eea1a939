"""Terms of redemptions drawn at random: the kernel asks them as the reference does (section 8)."""

from __future__ import annotations

import random
from typing import Any

import pytest

from . import differential, engine_driver
from .cases import Case, Fact

HEAD = """
format = 1
id = "terms"
unit = { code = "USD" }
zone = "UTC"
late_limit_days = 36_500

[[currency]]
id = "points"

[[rule]]
id = "base"
kind = "earn"
points = 1
per = 100
"""
TYPES = ("points", "wallet")


def redemption(draw: random.Random, tender: str) -> str:
    """A redemption with some terms that go together."""
    step = draw.choice((1, 5))
    terms = {
        "minimum": step * draw.choice((1, 4)), "maximum": step * draw.choice((4, 10, 40)),
        "step": step, "share": draw.choice((0.5, 0.9)), "at_least": draw.choice((1, 1_000, 3_000)),
    }  # fmt: skip
    told = [f"{name} = {value}" for name, value in terms.items() if draw.random() < 0.5]
    if draw.random() < 0.5:
        told += ["points = 1", "money = 10"]
    head = ["", "[[redemption]]", f'tender = "{tender}"', 'currency = "points"']
    return "\n".join([*head, *told, ""])


def fact(draw: random.Random, number: int) -> Fact:
    """Points spent alone, or by the tenders of a sale; now and then it has happened."""
    made: dict[str, Any] = {
        "id": f"f{number}", "member": "m", "occurred_at": f"2025-06-02T08:{number:02}:00Z",
    }  # fmt: skip
    if draw.random() < 0.2:
        made["completed"] = True
    if draw.random() < 0.3:
        points = draw.choice((1, 5, 20, 25, 51, 200))
        return made | {"kind": "redeem", "currency": "points", "points": points}
    net = draw.choice((500, 999, 1_000, 3_000, 9_000))
    tenders = []
    for kind in draw.choices(TYPES, k=draw.randint(1, 3)):
        points = draw.choice((1, 5, 20, 25, 40, 51))
        amount = points * draw.choice((9, 10, 11))
        tenders.append({"type": kind, "amount": amount, "points": points})
    line = {"sku": "milk", "quantity": 1_000, "net": net}
    return made | {"kind": "sale", "lines": [line], "tenders": tenders}


def case_of(seed: int) -> Case:
    """A program and what a member spends under it."""
    draw = random.Random(seed)
    program = HEAD + "".join(redemption(draw, tender) for tender in TYPES)
    publish = {
        "kind": "program publish", "id": "v1", "occurred_at": "1970-01-01T00:00:00Z",
        "program": "v1",
    }  # fmt: skip
    give = {"kind": "adjust", "id": "give", "occurred_at": "2025-06-01T08:00:00Z", "member": "m",
            "currency": "points", "points": 400}  # fmt: skip
    facts: list[Fact] = [publish, give, *(fact(draw, number) for number in range(25))]
    return Case(f"terms {seed}", {"v1": program}, facts)


@pytest.mark.parametrize("seed", range(24))
def test_terms_are_asked_as_the_reference_asks_them(seed: int) -> None:
    assert differential.whole_differences(case_of(seed)) == []


def test_a_refusal_tells_how_the_member_stands_when_a_hold_is_over() -> None:
    program = HEAD + '\n[[redemption]]\ntender = "points"\ncurrency = "points"\n'
    facts: list[Fact] = [
        {"kind": "program publish", "id": "v1", "occurred_at": "1970-01-01T00:00:00Z",
         "program": "v1"},
        {"kind": "adjust", "id": "a", "points": 100, "occurred_at": "2025-01-01T10:00:00Z"},
        {"kind": "hold", "id": "h", "points": 60, "occurred_at": "2025-01-02T10:00:00Z"},
        {"kind": "redeem", "id": "r", "points": 500, "occurred_at": "2025-01-02T11:00:00Z"},
        {"kind": "redeem", "id": "q", "points": 500, "occurred_at": "2025-01-10T10:00:00Z"},
    ]  # fmt: skip
    for fact in facts[1:]:
        fact |= {"member": "m", "currency": "points"}
    told = engine_driver.run(Case("holds", {"v1": program}, facts)).told
    assert [told[name].status for name in ("r", "q")] == ["refused", "refused"]
    assert told["r"].balances["points"] == (40, 0, 60, 0)
    assert told["q"].balances["points"] == (100, 0, 0, 0)
