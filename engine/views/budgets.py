"""What a rule with a budget has given to everyone, and what is left of it."""

from __future__ import annotations

from typing import Any

from ..replica.replica import Replica


def budget_view(replica: Replica, rule: str) -> dict[str, Any] | None:
    """What a rule may give to everyone, what it has given and whether it is closed.

    As of what is on stable storage, in units of the rule's currency, or in minor units, with no
    currency, for an offer; None for a rule that has no budget.
    """
    budgets = replica.standing.budgets
    most = budgets.ceiling(rule)
    if most is None:
        return None
    totals, n_closed = replica.budgets_before or (budgets.totals, len(budgets.closed))
    given = totals.get(rule, 0)
    closed = dict(budgets.closed[:n_closed]).get(rule)
    return {
        "rule": rule,
        "currency": None if budgets.is_of_money(rule) else replica.versions.currency_of(rule),
        "budget": most,
        "given": given, "left": 0 if closed is not None else max(0, most - given),
        "overrun": max(0, given - most), "closed": closed is not None, "closed_seq": closed,
    }  # fmt: skip
