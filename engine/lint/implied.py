"""Whether whatever meets some conditions surely meets others (rulebook section 3).

Where the texts of two conditions do not decide it, the answer is no.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..program.conditions import Conditions, Draw, LineConditions, NotConditions, Range
from .conditions import MANY_VALUES, ONE_VALUE, Sets, all_under, draw_implied, nodes

_LISTS = ("sku", "brand", "department", "supplier", "price_class", "label")

_EQUAL = (
    "without", "min_amount", "min_quantity", "min_basket", "age", "member_days", "anniversary",
    "nth_purchase", "every_nth", "days_since_purchase", "streak", "counter", "sequence",
    "draw",
)  # fmt: skip
"""Conditions of which a negation follows from the same negation only."""


def implies(sets: Sets, narrow: Conditions, wide: Conditions) -> bool:
    """Whether whatever meets `narrow` surely meets `wide`."""
    if (narrow.activity is None) != (wide.activity is None):
        return False
    return (
        set(narrow.activity or ()) <= set(wide.activity or ())
        and lines_imply(narrow, narrow.negated, wide, wide.negated)
        and all(_list_implied(narrow, wide, name) for name in (*ONE_VALUE, *MANY_VALUES))
        and _figures_implied(narrow, wide)
        and _purchases_implied(narrow, wide)
        and all(
            getattr(wide.negated, name) in (None, getattr(narrow.negated, name))
            for name in _EQUAL
        )
        and sets.tier_set(narrow) <= sets.tier_set(wide)
        and sets.minutes(narrow) <= sets.minutes(wide)
        and not (sets.days(narrow) & ~sets.days(wide)).any()
    )


def _list_implied(narrow: Conditions, wide: Conditions, name: str) -> bool:
    mine, its = getattr(narrow, name), getattr(wide, name)
    if its is not None and (mine is None or not set(mine) <= set(its)):
        return False
    return _refusal_implied(
        mine, getattr(narrow.negated, name), getattr(wide.negated, name), name in ONE_VALUE
    )


def _refusal_implied(
    mine: Sequence[str] | None, mine_not: Sequence[str] | None, its_not: Sequence[str] | None,
    one: bool,
) -> bool:
    """Whether what is refused is refused here too, or cannot be had; `one`: one value only."""
    refused = set(its_not or ())
    if refused <= set(mine_not or ()):
        return True
    return one and mine is not None and not set(mine) & refused


# -- lines -------------------------------------------------------------------------------------


def lines_imply(
    narrow: LineConditions, narrow_not: LineConditions, wide: LineConditions,
    wide_not: LineConditions | None = None,
) -> bool:
    """Whether a line that meets `narrow` and not `narrow_not` surely meets the other two."""
    refused = NotConditions() if wide_not is None else wide_not
    for name in _LISTS:
        mine, its = getattr(narrow, name), getattr(wide, name)
        if its is not None and (mine is None or not set(mine) <= set(its)):
            return False
        if not _refusal_implied(
            mine, getattr(narrow_not, name), getattr(refused, name), name != "label"
        ):
            return False
    return (
        (wide.category is None or all_under(narrow.category, wide.category))
        and (wide.on_promotion is None or narrow.on_promotion == wide.on_promotion)
        and _no_such_category(narrow, narrow_not, refused)
        and (
            refused.on_promotion in (None, narrow_not.on_promotion)
            or narrow.on_promotion == (not refused.on_promotion)
        )
    )


def _no_such_category(
    narrow: LineConditions, narrow_not: LineConditions, refused: LineConditions
) -> bool:
    if refused.category is None or all_under(refused.category, narrow_not.category):
        return True
    return narrow.category is not None and not nodes(narrow.category, refused.category)


# -- figures -----------------------------------------------------------------------------------


def _figures_implied(narrow: Conditions, wide: Conditions) -> bool:
    """Whether the conditions on amounts, on time since and on ranges follow."""
    return all(
        (its := getattr(wide, name)) is None
        or ((mine := getattr(narrow, name)) is not None and mine >= its)
        for name in ("min_amount", "min_quantity", "min_basket", "days_since_purchase")
    ) and all(
        range_implied(getattr(narrow, name), getattr(wide, name)) for name in ("age", "member_days")
    )


def _purchases_implied(narrow: Conditions, wide: Conditions) -> bool:
    """Whether the conditions on the number of a purchase, its steps and counters follow."""
    if set(narrow.category or ()) != set(wide.category or ()) and any(
        "category" in (part.first_purchase or ()) for part in (wide, wide.negated)
    ):
        # The first purchase of a category is that of the rule's own ones.
        return False
    if wide.nth_purchase is not None and not (
        narrow.nth_purchase and set(narrow.nth_purchase) <= set(wide.nth_purchase)
    ):
        return False
    if wide.every_nth is not None and (narrow.every_nth or 1) % wide.every_nth:
        return False
    if wide.without is not None and not (
        narrow.without and lines_imply(wide.without, LineConditions(), narrow.without)
    ):
        return False
    return all(
        (its := getattr(wide, name)) is None or narrower(getattr(narrow, name), its)
        for name in ("anniversary", "streak", "counter", "sequence", "draw")
    )


def range_implied(mine: Range | None, its: Range | None) -> bool:
    """Whether one range lies within another; None is no condition."""
    if its is None or mine is None:
        return its is None
    least = its.at_least is None or (mine.at_least is not None and mine.at_least >= its.at_least)
    most = its.at_most is None or (mine.at_most is not None and mine.at_most <= its.at_most)
    return least and most


def narrower(mine: Any, its: Any) -> bool:
    """Whether a window, a streak, a counter, a step or a draw lies within another one."""
    if isinstance(its, Draw):
        return mine is not None and draw_implied(mine, its)
    if mine is None or getattr(mine, "id", None) != getattr(its, "id", None):
        return False
    if hasattr(its, "before"):
        return bool(mine.of == its.of and mine.before <= its.before and mine.after <= its.after)
    if hasattr(its, "period"):
        return bool(mine.period == its.period and mine.count >= its.count)
    if hasattr(its, "step"):
        return set(mine.step) <= set(its.step)
    return bool(mine.at_least >= its.at_least)
