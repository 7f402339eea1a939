"""Conditions of one rule that cannot hold together (rulebook section 3).

What lists say against their own negation is refused by the checks of the program.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..program.conditions import Conditions
from .conditions import Sets, all_under, promotions
from .implied import lines_imply, narrower, range_implied


def contradictions(sets: Sets, when: Conditions) -> Iterator[tuple[str, str]]:
    """(path below `when`, why) of conditions of one rule that cannot hold together.

    Days are told apart, by `Sets.days`.
    """
    negated = when.negated
    if all_under(when.category, negated.category):
        yield "category", "every category listed lies under one that `not` refuses"
    if not promotions(when):
        yield "on_promotion", "`not` refuses the same"
    if not sets.tier_set(when):
        yield "tier", "no tier serves `tier`, `tier_at_least` and `not` together"
    if not sets.minutes(when):
        yield "time", "no minute of the day is left"
    for name in ("min_amount", "min_quantity", "min_basket", "days_since_purchase"):
        mine, refused = getattr(when, name), getattr(negated, name)
        if mine is not None and refused is not None and refused <= mine:
            yield name, f"at least {mine} is asked, and `not` refuses {refused} and more"
    for name in ("age", "member_days"):
        mine, refused = getattr(when, name), getattr(negated, name)
        if mine is not None and refused is not None and range_implied(mine, refused):
            yield name, "the whole range is refused under `not`"
    for name in ("anniversary", "streak", "counter", "sequence", "draw"):
        mine, refused = getattr(when, name), getattr(negated, name)
        if mine is not None and refused is not None and narrower(mine, refused):
            yield name, "`not` refuses the same"
    if when.without is not None and lines_imply(when, negated, when.without):
        yield "without", "every line that the rule looks for is one that it does without"
    if when.activity is None and not _some_purchase(when):
        yield "nth_purchase" if when.nth_purchase else "first_purchase", (
            "no purchase has a number that serves all conditions on it"
        )
    yield from _too_long_ago(when)


def _some_purchase(when: Conditions) -> bool:
    """Whether some number of a purchase serves all that is said of it."""
    least = 1
    if when.days_since_purchase is not None:
        least = 2
    if when.streak is not None:
        least = max(least, when.streak.count)
    if when.sequence is not None:
        least = max(least, min(when.sequence.step))
    negated = when.negated
    if "ever" in (negated.first_purchase or ()):
        least = max(least, 2)
    every = when.every_nth or 1
    first = -(-least // every)
    candidates = when.nth_purchase or [every * k for k in range(first, first + 2_000)]
    only_first = when.first_purchase == ["ever"]
    return any(
        number >= least and number % every == 0
        and not (only_first and number > 1)
        and number not in (negated.nth_purchase or ())
        and (negated.every_nth is None or number % negated.every_nth)
        for number in candidates
    )  # fmt: skip


def _too_long_ago(when: Conditions) -> Iterator[tuple[str, str]]:
    """A streak needs a purchase in the period before, which is not that long ago."""
    streak, since = when.streak, when.days_since_purchase
    if streak is None or since is None or streak.count < 2:
        return
    most = 13 if streak.period == "week" else 61
    if since > most:
        yield "days_since_purchase", (
            f"a streak of {streak.period}s has a purchase at most {most} days ago"
        )
