"""What a return brings back, and what the rules of its sale still give; what a payment leaves owed
(rulebook sections 4 and 9)."""

from __future__ import annotations

from .rules import lines_told
from .shape import Back, PaidTold, RuleBack
from .trace import Paid, Returned


def back_told(returned: Returned | None) -> Back | None:
    """What came back of a sale, and what its rules give for what is left."""
    if returned is None:
        return None
    found, rules = returned.found, {**returned.first, **returned.found.outcomes}
    return Back(
        returned.basket.fact, returned.basket.program.returns.policy,
        lines_told(returned.basket.with_lines(returned.left)),
        [
            RuleBack(
                name, outcome.currency.id,
                returned.first[name].granted if name in returned.first else 0,
                returned.before.get(name, 0), found.points.get(name, 0),
            )
            for name, outcome in sorted(rules.items(), key=lambda item: item[1].place)
        ],
    )  # fmt: skip


def paid_told(paid: Paid | None) -> PaidTold | None:
    """What came for a sale that was paid on account."""
    return None if paid is None else PaidTold(paid.sale, paid.amount, paid.owed_before, paid.owed)
