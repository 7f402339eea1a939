"""What is left of a sale's lines while refunds come: goods, and money without goods.

A line whose quantity is back is gone whatever the amount (rulebook section 9), so an amount is
cut to what is left of its line, and money that has no goods left moves nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from .basket import spread
from .found import Fact


@dataclass(slots=True)
class _Part:
    """What is left of one line."""

    number: int
    sku: str
    quantity: int
    net: int


class Remainder:
    """The lines of one sale, less what has come back of them."""

    def __init__(self, lines: Sequence[Fact]) -> None:
        """`lines` have numbers; those below 0 void others, and are not asked for."""
        self._parts = [
            _Part(line["line"], line["sku"], line["quantity"], line["net"]) for line in lines
        ]

    def goods(self, number: int, quantity: int, net: int) -> Iterator[Fact]:
        """A quantity of a line comes back, with an amount of at most what is left of it."""
        part = next(part for part in self._parts if part.number == number)
        taken = _take(part, quantity, net)
        if quantity:
            yield {"line": number, "quantity": quantity, "net": taken}
        elif taken:
            yield {"line": number, "net": taken}

    def goods_of(self, sku: str, quantity: int, net: int) -> None:
        """A quantity of a product has come back, the latest lines of it first."""
        for part in reversed(self._parts):
            if part.sku == sku and quantity > 0:
                taken = min(quantity, part.quantity)
                quantity -= taken
                net -= _take(part, taken, net)

    def money(self, amount: int) -> Iterator[Fact]:
        """An amount without goods lowers all lines that are left, in proportion."""
        weights = [max(0, part.net) for part in self._parts]
        shares = spread(min(amount, sum(weights)), weights)
        for part, share in zip(self._parts, shares, strict=True):
            yield from self.goods(part.number, 0, share)

    def rest(self) -> Iterator[Fact]:
        """All that is left comes back."""
        for part in self._parts:
            if part.quantity > 0:
                yield from self.goods(part.number, part.quantity, part.net)


def _take(part: _Part, quantity: int, net: int) -> int:
    """Take from a line; what of the amount was left of it."""
    taken = max(0, min(net, part.net))
    part.quantity -= quantity
    part.net = 0 if quantity and part.quantity <= 0 else part.net - taken
    return taken
