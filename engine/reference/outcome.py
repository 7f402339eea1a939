"""What rules come to on a basket: what each wanted and gave (rulebook sections 4.2 to 4.5, 9)."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction

from ..program.currencies import Currency
from ..program.rules import Bonus, Earn, Multiply, Rule

NOTHING = Fraction(0)


@dataclass
class Outcome:
    """What one rule wanted to give to a basket and gave.

    `own` is the figure after the rule's own limits, `granted` the one after caps, `limit`
    the last that lowered it. `lines` are the lines that counted for the rule, `by_line` its
    exact figure on each, `basis` what that is worked out of: the basis of an earn rule, the
    exact points that a multiply acts on, the units of a bonus. `exact` and `units` are what
    its remainder grows by, `rewards` the rewards of a bonus per units.
    """

    rule: Rule
    place: int
    currency: Currency
    lines: list[int]
    desired: int = 0
    own: int = 0
    granted: int = 0
    limit: str = ""
    exact: Fraction = NOTHING
    by_line: dict[int, Fraction] = field(default_factory=dict)
    basis: dict[int, Fraction] = field(default_factory=dict)
    units: Fraction = NOTHING
    rewards: int = 0
    anniversary: int | None = None
    lost: bool = False

    @property
    def of_balance(self) -> bool:
        """Whether it is a bonus on the balance, which a member gets once."""
        return isinstance(self.rule, Bonus) and self.rule.of_balance is not None

    @property
    def kind(self) -> str:
        """Kind of the posting."""
        match self.rule:
            case Earn():
                return "earn"
            case Multiply():
                return "multiply"
            case _:
                return "bonus"


class Worth:
    """What the rules give for what is left: points, and remainders to keep, by rule id."""

    def __init__(self) -> None:
        self.points: dict[str, int] = {}
        self.exact: dict[str, Fraction] = {}
        self.units: dict[str, Fraction] = {}
        self.outcomes: dict[str, Outcome] = {}


class RatingTrace:
    """Hears nothing of a basket while it is rated; listeners override what they want to hear."""

    def wishes(self, outcome: Outcome) -> None:
        """A rule's figure is exact and rounded; limits come next."""

    def cuts(self, rule: str, limit: str, room: int) -> None:
        """A limit or cap leaves a rule's figure only this room, in units."""


UNHEARD = RatingTrace()
