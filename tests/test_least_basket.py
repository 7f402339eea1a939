"""Rules that ask the whole basket for an amount, in random histories: kernel beside reference."""

from __future__ import annotations

import random
import tomllib
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from . import differential, strategies
from .cases import Case
from .random_programs import program_text, sound

AMOUNTS = (1, 100, 1_000, 5_000, 20_000)


def asking(text: str, draw: random.Random) -> str:
    """A program of which most rules and offers on sales ask for a least basket, or against one."""
    table: dict[str, Any] = tomllib.loads(text, parse_float=Decimal)
    for rule in table.get("rule", []):
        when = rule.setdefault("when", {})
        if "activity" in when or "on" in rule or draw.random() < 0.2:
            continue
        part = when if draw.random() < 0.7 else when.setdefault("not", {})
        part["min_basket"] = draw.choice(AMOUNTS)
    return program_text(sound(table))


def asked(seed: int) -> Case:
    """A random history under programs that ask."""
    draw = random.Random(seed)
    case = strategies.case_of(draw.randbytes(16))
    programs = {name: asking(text, draw) for name, text in case.programs.items()}
    return replace(case, programs=programs)


SEEDS = range(40)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_kernel_asks_as_the_reference_does(seed: int) -> None:
    assert differential.of_one_case(asked(seed), whole=seed % 4 == 0) == []


def test_nearly_all_of_them_ask() -> None:
    asking_ = ["min_basket" in "".join(asked(seed).programs.values()) for seed in SEEDS]
    assert asking_.count(True) >= 30
