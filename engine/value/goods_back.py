"""Money for goods that came back, return by return (rulebook section 9): a line whose quantity is
back is gone whatever the amount, an amount alone lowers the net only."""

from __future__ import annotations

import msgspec

Back = tuple[tuple[int, str, int, int], ...]
"""What a return brings back: (line or 0, sku or "", quantity, net); nothing means all."""


class Goods(msgspec.Struct):
    """A line of a sale and what it has left; `counted`: it was sold by quantity, and not by an
    amount alone; `gone`: all of it is back."""

    line: int
    sku: str
    quantity: int
    net: int
    counted: bool
    voided: bool
    gone: bool = False

    def take(self, quantity: int, net: int) -> tuple[tuple[int, int], int]:
        """Take what it has of a quantity and an amount: (what of both is over, money back)."""
        before = self.net
        of_quantity, of_net = min(quantity, self.quantity), min(net, self.net)
        self.quantity -= of_quantity
        self.net -= of_net
        if self.counted and not self.quantity:
            self.net = 0
        over = not self.quantity if self.counted else before > 0 and not self.net
        self.gone = self.gone or over
        return (quantity - of_quantity, net - of_net), before - self.net


def money_back(goods: list[Goods], back: Back) -> int:
    """Take an accepted return from the lines of its sale; what it comes to, in minor units.

    An item means its line, of one that a void has taken of also the others of the sku; or all
    lines of a sku, the latest first. An amount on a line that is gone moves nothing.
    """
    if not back:
        return sum(one.take(one.quantity, one.net)[1] for one in goods)
    money = 0
    for line, sku, quantity, net in back:
        rest, meant = (quantity, net), _meant(goods, line, sku)
        if line and not quantity and meant[0].gone:
            continue
        for one in meant:
            rest, some = one.take(*rest)
            money += some
    return money


def _meant(goods: list[Goods], line: int, sku: str) -> list[Goods]:
    if not line:
        return [one for one in reversed(goods) if one.sku == sku]
    named = next(one for one in goods if one.line == line)
    if not named.voided:
        return [named]
    return [named, *(one for one in reversed(goods) if one.sku == named.sku and one is not named)]
