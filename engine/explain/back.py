"""What a return brings back, and what the rules of its sale still give (rulebook section 9)."""

from __future__ import annotations

from .rules import lines_told
from .shape import Back, RuleBack
from .trace import Returned


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
