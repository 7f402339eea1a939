"""Lines of a sale in the engine's form: voids netted, gross and cost told (rulebook section 2)."""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from . import LineFact
from .parts import MOST_AMOUNT, FormError


class Line(msgspec.Struct):
    """One line and what is left of it.

    `quantity` and `net` are what voids have left; `full_quantity`, `full_net`, `gross` and `cost`
    (None when not known) are of the line as it was rung up. While a void has taken a part, gross
    and cost count by quantity / full_quantity, exactly. `voided`: a void has taken of it.
    """

    line: int
    sku: str
    quantity: int
    net: int
    full_quantity: int
    gross: int
    cost: int | None = None
    full_net: int = 0
    voided: bool = False

    @property
    def void(self) -> bool:
        """Whether nothing is left: the line counts for nothing."""
        return not self.quantity and not self.net


class Detail(NamedTuple):
    """What a line has beside its quantity and net, by the line's place among the lines."""

    place: int
    full_quantity: int
    gross: int
    cost: int | None


def details(lines: list[Line]) -> tuple[Detail, ...]:
    """Details of the lines that have any: without one, gross is net and cost not known."""
    return tuple(
        Detail(place, line.full_quantity, line.gross, line.cost)
        for place, line in enumerate(lines)
        if not line.void
        and (line.gross != line.net or line.cost is not None
             or line.quantity != line.full_quantity)
    )  # fmt: skip


def rung_up(lines: list[Line]) -> tuple[tuple[int, int, int], ...]:
    """(place, quantity, net) as it was rung up, of each line of which a void has taken."""
    return tuple(
        (place, line.full_quantity, line.full_net)
        for place, line in enumerate(lines) if line.voided
    )  # fmt: skip


def net_lines(lines: list[LineFact]) -> list[Line]:
    """Lines with their places, voids netted into the lines that they void (section 2).

    A void names its line by `voids`, or means the latest line before it of its sku. A line
    of which nothing is left stays, at 0: the kernel passes over it. Raises FormError for a
    void that finds no line or takes more than is left, and for a place used twice.
    """
    kept: dict[int, Line] = {}
    of_sku: dict[str, list[Line]] = {}
    places: set[int] = set()
    for place, fact in enumerate(lines):
        number = place + 1 if fact.line is None else fact.line
        if number in places:
            raise FormError(f"line {number} is there twice", f"lines[{place}].line")
        places.add(number)
        if fact.quantity >= 0 and fact.net >= 0:
            if fact.voids is not None:
                raise FormError("only a negative line voids another", f"lines[{place}].voids")
            line = Line(
                number, fact.sku, fact.quantity, fact.net, fact.quantity,
                _gross(fact, place), fact.cost, fact.net,
            )  # fmt: skip
            kept[number] = line
            of_sku.setdefault(fact.sku, []).append(line)
            continue
        target = _voided_line(kept, of_sku.get(fact.sku, []), fact, place)
        target.voided = True
        target.quantity += fact.quantity
        target.net += fact.net
        if target.quantity < 0 or target.net < 0:
            raise FormError(f"voids more than is left of line {target.line}", f"lines[{place}]")
    return list(kept.values())


def _gross(fact: LineFact, place: int) -> int:
    """The gross amount as given, else net plus discount."""
    if fact.gross is not None:
        return fact.gross
    gross = fact.net + (fact.discount or 0)
    if abs(gross) > MOST_AMOUNT:
        raise FormError("net plus discount is beyond 10^12", f"lines[{place}].discount")
    return gross


def _voided_line(
    kept: dict[int, Line], of_sku: list[Line], fact: LineFact, place: int
) -> Line:
    """The line that a void names, or the latest of its sku of which something is left."""
    if fact.quantity > 0 or fact.net > 0:
        raise FormError("quantity and net of a void are both negative or 0", f"lines[{place}]")
    if fact.voids is not None:
        named = kept.get(fact.voids)
        if named is not None and named.sku != fact.sku:
            raise FormError(f"line {named.line} has another sku", f"lines[{place}].voids")
    else:
        while of_sku and of_sku[-1].void:
            of_sku.pop()
        named = of_sku[-1] if of_sku else None
    if named is None:
        raise FormError("voids a line that is not there", f"lines[{place}]")
    return named
