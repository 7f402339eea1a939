"""Lines of a basket: what of each is left, and what of that earns (rulebook sections 4.1 and 9)."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

from ..facts import ProductFact
from .facts import Line


@dataclass(frozen=True)
class BasketLine:
    """A line with its product and what is left of it after returns.

    `redeemed` is the part of the net that was paid with loyalty value, as sold. `elsewhere` is the
    quantity and the net that came back of other lines in the name of this one.
    """

    line: Line
    product: ProductFact
    excluded: bool
    redeemed: int
    quantity: int
    net: int
    gone: bool = False
    elsewhere: tuple[int, int] = (0, 0)

    @cached_property
    def redeemed_left(self) -> int:
        """The redeemed share of what is left (section 9)."""
        if self.gone:
            return 0
        sold = self.line.net
        if sold == 0:
            return self.redeemed
        return self.redeemed - self.redeemed * (sold - self.net) // sold

    @cached_property
    def unredeemed(self) -> Fraction:
        """The share of the net that was not paid with loyalty value."""
        if self.net == 0:
            return Fraction(1)
        return Fraction(self.net - self.redeemed_left, self.net)

    @property
    def units(self) -> Fraction:
        """Units for "per N units": a weighed line counts as one until it is gone."""
        if self.gone:
            return Fraction(0)
        return Fraction(1) if self.product.weighed else Fraction(self.quantity, 1000)

    @property
    def share_of_full(self) -> Fraction:
        """The part of the line's quantity that is left: gross and cost go by it."""
        if self.line.full_quantity == 0:
            return Fraction(1)
        return Fraction(self.quantity, self.line.full_quantity)


def eligible_amount(line: BasketLine, on_redeemed: bool) -> int:
    """Net that is left, without what was paid with loyalty value."""
    return line.net if on_redeemed else line.net - line.redeemed_left
