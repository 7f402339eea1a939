"""Checks of the ladder: its window, its validity, thresholds that rise (sections 6 and 10).

(path, message) pairs, as `whole.check` gives them.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from ..program.program import Program
from ..program.tiers import Ladder, Rolling, Thresholds, Tier, Validity
from .conditions import counter_figure
from .figures import (
    MAX_UNITS,
    Found,
    days_or_months,
    known_currency,
    points,
    points_or_none,
)

MAX_VALUE = 10**15
"""Bound of a value fed in, on the wire too."""

MOST_ASKED = 60
"""Figures of one tier: which balances were met is told in a bit each."""


def ladder(program: Program, ladder: Ladder) -> Found:
    """The whole ladder."""
    yield from _window(ladder)
    for place, tier in enumerate(ladder.tier):
        path = f"ladder.tier[{place}]"
        yield from thresholds(program, f"{path}.at_least", tier.at_least)
        yield from _bonus(program, f"{path}.bonus", tier)
        if place and not list(metrics(tier.at_least)):
            yield f"{path}.at_least", "only the lowest tier may ask nothing"
    yield from _rising(ladder)


def _window(ladder: Ladder) -> Found:
    window = ladder.window
    if isinstance(window, Rolling):
        yield from days_or_months("ladder.window", window)
    if ladder.validity_period is not None and ladder.validity not in ("next_period", "this_period"):
        yield "ladder.validity_period", f"a validity of {_shown(ladder)} has no period"
    if ladder.calendar is not None and ladder.validity == "while_met":
        yield "ladder.calendar", "a validity of while_met has no calendar"


def _shown(ladder: Ladder) -> str:
    return "months" if isinstance(ladder.validity, Validity) else ladder.validity


def metrics(asked: Thresholds) -> Iterator[tuple[str, Any]]:
    """(path below `at_least`, figure) of what a tier asks."""
    for name in asked.__struct_fields__:
        value = getattr(asked, name)
        if isinstance(value, dict):
            for key, figure in value.items():
                yield f"{name}.{key}", figure
        elif value is not None:
            yield name, value


def thresholds(program: Program, path: str, asked: Thresholds) -> Found:
    """Figures that are asked: what they are of, and their bounds."""
    if len(list(metrics(asked))) > MOST_ASKED:
        yield path, f"asks more than {MOST_ASKED} figures"
    for name in ("points", "balance"):
        for currency, figure in getattr(asked, name).items():
            at = f"{path}.{name}.{currency}"
            unknown = list(known_currency(program, at, currency))
            yield from unknown or points_or_none(
                at, figure, program.currency_named(currency).scale
            )
    for counter, figure in asked.counter.items():
        at = f"{path}.counter.{counter}"
        for _, message in counter_figure(program, at, counter, figure):
            yield at, message
    for code, count in asked.activity.items():
        if not 0 <= count <= MAX_UNITS:
            yield f"{path}.activity.{code}", "must be 0 to 10^9"
    for name, value in asked.value.items():
        if abs(value) > MAX_VALUE:
            yield f"{path}.value.{name}", "must be -10^15 to 10^15"


def _bonus(program: Program, path: str, tier: Tier) -> Found:
    if tier.bonus is None:
        return
    unknown = list(known_currency(program, f"{path}.currency", tier.bonus.currency))
    yield from unknown or points(
        f"{path}.points",
        tier.bonus.points,
        program.currency_named(tier.bonus.currency).scale,
    )


def _rising(ladder: Ladder) -> Found:
    below: dict[str, Decimal | int] = {}
    for place, tier in enumerate(ladder.tier):
        for name, figure in metrics(tier.at_least):
            # What is no number is told elsewhere.
            if isinstance(figure, Decimal) and not figure.is_finite():
                continue
            if name in below and figure <= below[name]:
                yield (
                    f"ladder.tier[{place}].at_least.{name}",
                    f"must be above the {below[name]} of the tier below",
                )
            below[name] = figure


def warnings(ladder: Ladder) -> Found:
    """What a ladder may say but rarely means."""
    for place, tier in enumerate(ladder.tier):
        for currency in tier.at_least.balance:
            yield (
                f"ladder.tier[{place}].at_least.balance.{currency}",
                "a balance falls when points are spent or expire: members lose the tier by "
                "using their points",
            )
