"""Sales as the plain-Python reference sees them: lines, voids, products (section 2).

>>> net_voids([TillLine("milk", 2000, 500, 1), TillLine("milk", -1000, -250, 2)])
[Line(sku='milk', quantity=1000, net=250, line=1)]
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Line:
    """Quantity in thousandths of a unit, net in minor units, `line` its number."""

    sku: str
    quantity: int
    net: int
    line: int


@dataclass(frozen=True)
class TillLine(Line):
    """A line as the till sends it: a negative one may name the line that it voids."""

    voids: int | None = None


@dataclass(frozen=True)
class Sale:
    """A sale after its voids were netted; tenders are (type, minor units)."""

    id: str
    occurred_at_us: int
    member: str
    store: str = ""
    terminal: str = ""
    lines: tuple[Line, ...] = ()
    tenders: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True)
class Product:
    """What conditions may ask of a product; None is unknown. `category` is a '/' path."""

    brand: str | None = None
    department: str | None = None
    category: str | None = None
    supplier: str | None = None


def fact_order(sale: Sale) -> tuple[int, bytes, bytes, bytes]:
    """Sort key of a member's sales: instant, store, terminal, id by UTF-8 bytes."""
    return sale.occurred_at_us, sale.store.encode(), sale.terminal.encode(), sale.id.encode()


def net_voids(lines: Sequence[Line]) -> list[Line] | str:
    """The lines left after voids, in their order; a text if the sale is refused for form."""
    kept: list[Line] = []
    for line in lines:
        named = line.voids if isinstance(line, TillLine) else None
        if line.quantity >= 0 and line.net >= 0:
            if named is not None:
                return f"line {line.line}: names a line to void but is not negative"
            kept.append(Line(line.sku, line.quantity, line.net, line.line))
            continue
        if line.quantity > 0 or line.net > 0:
            return f"line {line.line}: quantity and net have different signs"
        place = _voided(kept, line, named)
        if place is None:
            return f"line {line.line}: there is no line for it to void"
        left = kept[place]
        quantity, net = left.quantity + line.quantity, left.net + line.net
        if quantity < 0 or net < 0:
            return f"line {line.line}: voids more than is left of line {left.line}"
        kept[place] = Line(left.sku, quantity, net, left.line)
    return [line for line in kept if not is_void(line)]


def is_void(line: Line) -> bool:
    """True if neither quantity nor net is left of the line."""
    return line.quantity == 0 and line.net == 0


def _voided(kept: list[Line], void: Line, named: int | None) -> int | None:
    for place in reversed(range(len(kept))):
        line = kept[place]
        if line.sku != void.sku:
            continue
        if line.line == named or (named is None and not is_void(line)):
            return place
    return None
