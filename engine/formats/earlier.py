"""The sales of a load that later records name: whose they are, and what is left of them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable

from .basket import Basket
from .found import Fact
from .remainder import Remainder

MOST_KEPT = 200_000
"""Sales that later records may name; the oldest go first."""


class Sales:
    """Sales by id, as the files of a load tell of them, in order."""

    def __init__(self, *, with_lines: bool = False) -> None:
        """`with_lines`: what is left of the lines is kept too."""
        self._kept: OrderedDict[str, tuple[str, Remainder | None]] = OrderedDict()
        self._returned: OrderedDict[str, list[Fact]] = OrderedDict()
        self._with_lines = with_lines

    def note(self, basket: Basket) -> None:
        """Keep the sale of a receipt, and tell a receipt of nobody whose its sales are.

        The first that a load tells of a sale stands.
        """
        if not basket.member:
            basket.owners = {
                sale: self._kept[sale][0] if sale in self._kept else None
                for sale in basket.returned if sale is not None
            }  # fmt: skip
        if basket.lines and basket.id not in self._kept:
            left = Remainder(basket.lines) if self._with_lines else None
            self._kept[basket.id] = basket.member, left
            if len(self._kept) > MOST_KEPT:
                self._kept.popitem(last=False)

    def once(self, name: str, lines: Callable[[], Iterable[Fact]]) -> list[Fact]:
        """Lines that come back by the name of their record: one that comes again says the same."""
        if name not in self._returned:
            self._returned[name] = list(lines())
            if len(self._returned) > MOST_KEPT:
                self._returned.popitem(last=False)
        return self._returned[name]

    def left_of(self, sale: str) -> Remainder | None:
        """What is left of a sale; None where it is not known."""
        return self._kept[sale][1] if sale in self._kept else None
