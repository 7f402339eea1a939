"""Tiers that stand in another order than their thresholds, or that nobody can reach
(rulebook section 6)."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from ..checks.ladder import metrics
from ..program.program import Program
from ..program.tiers import Ladder, Tier
from .findings import Found

Asked = dict[str, Any]


def lint_ladder(program: Program, ladder: Ladder) -> Iterator[Found]:
    """The ladder's findings."""
    for place, tier in enumerate(ladder.tier):
        path = f"ladder.tier[{place}]"
        if place:
            below = ladder.tier[place - 1]
            way = _way_around(tier, below)
            if way is not None:
                yield Found(
                    "thresholds-not-rising", f"{path}.at_least",
                    f"a member with {way} is {tier.id} without having met {below.id}",
                )
        yield from _unreachable(program, ladder, path, tier)


def _ways(tier: Tier) -> list[Asked]:
    """The sets of thresholds each of which is enough for a tier."""
    asked = dict(metrics(tier.at_least))
    if tier.join == "all" or not asked:
        return [asked]
    return [{name: figure} for name, figure in asked.items()]


def _way_around(tier: Tier, below: Tier) -> str | None:
    """What is enough for a tier and not for the one below it, in words."""
    for way in _ways(tier):
        if not any(
            all(name in way and way[name] >= figure for name, figure in needed.items())
            for needed in _ways(below)
        ):
            return " and ".join(f"{name} {figure}" for name, figure in way.items())
    return None


def _unreachable(program: Program, ladder: Ladder, path: str, tier: Tier) -> Iterator[Found]:
    """Tiers of which every way asks for points that cannot be had."""
    reasons = []
    for way in _ways(tier):
        why = next(filter(None, (_short(program, ladder, *one) for one in way.items())), None)
        if why is None:
            return
        reasons.append(why)
    yield Found("tier-unreachable", f"{path}.at_least", reasons[0])


def _short(program: Program, ladder: Ladder, name: str, figure: Decimal | int) -> str | None:
    """Why points of a currency that a tier asks for cannot be earned."""
    if not name.startswith("points.") or not figure:
        return None
    currency = program.currency_named(name.removeprefix("points."))
    if all(program.currency[program.currency_of(rule)] != currency for rule in program.rule):
        return f"no rule gives {currency.id}"
    spans = ["lifetime"]
    if isinstance(ladder.window, str) and ladder.window != "membership_year":
        spans.append(ladder.window)
    for span in spans:
        cap = getattr(currency.caps, span, None)
        if cap is not None and cap < figure:
            return f"it asks {figure} {currency.id}, and the cap is {cap} a {span}"
    return None

