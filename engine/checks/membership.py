"""Checks of membership: what a closed club asks, what members may subscribe to (section 7).

(path, message) pairs, as `whole.check` gives them.
"""

from __future__ import annotations

from ..program.program import Program
from .figures import Found, days_or_months, known, once
from .ladder import metrics, thresholds


def entry(program: Program) -> Found:
    """What a closed club asks: a figure that a candidate can have."""
    entry = program.membership.entry
    if entry is None:
        return
    path = "membership.entry.at_least"
    yield from thresholds(program, path, entry.at_least)
    asked = list(metrics(entry.at_least))
    if not asked:
        yield path, "asks nothing: leave the entry out of an open club"
    for name in ("points", "balance"):
        for currency in getattr(entry.at_least, name):
            yield f"{path}.{name}.{currency}", "a candidate has no points: it earns nothing"


def plans(program: Program) -> Found:
    """Plans: a term of days or months, entitlements that differ."""
    names = [plan.id for plan in program.plan]
    for place, plan in enumerate(program.plan):
        path = f"plan[{place}]"
        if plan.term is not None:
            yield from days_or_months(f"{path}.term", plan.term)
        if plan.term is None and plan.renewal == "automatic":
            yield f"{path}.renewal", "says nothing without a term"
        yield from once(f"{path}.entitlements", plan.entitlements)
    if not names:
        return
    for place, rule in enumerate(program.rule):
        for part, when in (("when", rule.when), ("when.not", rule.when.negated)):
            for at, name in enumerate(when.subscription or ()):
                yield from known(f"rule[{place}].{part}.subscription[{at}]", "plan", name, names)
