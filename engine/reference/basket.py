"""A fact as rules see it: eligible amounts, tenders, and the member before it (4.1)."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cached_property
from typing import Any

from ..facts import ProductFact, SaleFact
from ..program.conditions import LineConditions
from ..program.program import Program
from .facts import Line
from .state import BasketLine, State
from .trace import SILENT, Trace
from .world import once


@dataclass(frozen=True)
class Basket:
    """A sale, an activity or the close of a day, with the member as it stood before it.

    An activity and a closing have one line that stands for them and meets no condition.
    """

    program: Program
    holidays: Mapping[str, frozenset[dt.date]]
    member: State
    tier: str | None
    fact: str
    kind: str
    at_us: int
    date: dt.date
    clock: dt.time
    closed: frozenset[str]
    lines: tuple[BasketLine, ...]
    store: str = ""
    region: str | None = None
    format: str | None = None
    terminal: str = ""
    channel: str = ""
    coupons: tuple[str, ...] = ()
    offers: tuple[tuple[str, int], ...] = ()
    tenders: tuple[tuple[str, int], ...] = ()
    code: str = ""
    quantity: int = 0
    counted: Mapping[str, int] = field(default_factory=dict)
    trace: Trace = field(default=SILENT, compare=False, repr=False)

    @property
    def is_sale(self) -> bool:
        """Whether it has lines that were bought."""
        return self.kind == "sale"

    @cached_property
    def eligible_lines(self) -> list[int]:
        """Places of the lines that rules may see: neither void, nor gone, nor excluded."""
        return [
            place
            for place, line in enumerate(self.lines)
            if not (line.gone or line.excluded or line.line.is_void)
        ]

    def eligible(self, place: int) -> int:
        """What of a line's net earns."""
        return eligible_amount(self.lines[place], self.program.earn_on_redeemed)

    @cached_property
    def eligible_sum(self) -> int:
        """The basket's eligible amount: the `spend` of its metrics."""
        return sum(self.eligible(place) for place in self.eligible_lines)

    def unredeemed(self, place: int) -> Fraction:
        """By what every basis of a line is multiplied."""
        if self.program.earn_on_redeemed:
            return Fraction(1)
        return self.lines[place].unredeemed

    def margin(self, place: int) -> Fraction:
        """Net less cost of what is left, less the redeemed share; 0 without a cost."""
        line = self.lines[place]
        if line.line.cost is None:
            return Fraction(0)
        return (line.net - line.line.cost * line.share_of_full) * self.unredeemed(place)

    def with_lines(self, left: Sequence[BasketLine]) -> Basket:
        """The same basket of which only this is left."""
        return replace(self, lines=tuple(left))


def eligible_amount(line: BasketLine, on_redeemed: bool) -> int:
    """Net that is left, without what was paid with loyalty value."""
    return line.net if on_redeemed else line.net - line.redeemed_left


def counted_tenders(fact: SaleFact, net: int) -> dict[str, int]:
    """What of each tender type counts: tenders may pay tax as well (section 4.1)."""
    amounts: Counter[str] = Counter()
    for tender in fact.tenders:
        amounts[tender.type] += tender.amount
    paid = sum(amounts.values())
    if paid > net:
        return {
            kind: max(0, min(amount, amount * net // paid)) for kind, amount in amounts.items()
        }
    return {kind: max(0, amount) for kind, amount in amounts.items()}


def spread(amount: int, nets: Sequence[int]) -> list[int]:
    """An amount over nets in proportion: largest remainder, ties to the earlier one.

    >>> spread(10, [1, 1, 1])
    [1, 1, 1]
    >>> spread(2, [1, 1, 1])
    [1, 1, 0]
    """
    whole = sum(nets)
    amount = max(0, min(amount, whole))
    if not amount:
        return [0] * len(nets)
    shares = [amount * net // whole for net in nets]
    by_remainder = sorted(range(len(nets)), key=lambda i: -(amount * nets[i] % whole))
    for place in by_remainder[: amount - sum(shares)]:
        shares[place] += 1
    return shares


def basket_lines(
    program: Program,
    lines: Sequence[Line],
    products: Mapping[str, ProductFact],
    counted: Mapping[str, int],
) -> list[BasketLine]:
    """Lines as sold, with the part of each that loyalty value paid."""
    types = {redemption.tender for redemption in program.redemption}
    redeemed = sum(amount for kind, amount in counted.items() if kind in types)
    shares = spread(redeemed, [line.net for line in lines])
    made = []
    for line, share in zip(lines, shares, strict=True):
        product = products.get(line.sku, ProductFact(line.sku))
        excluded = any(meets(line.sku, product, entry) for entry in program.exclude)
        made.append(BasketLine(line, product, excluded, share, line.quantity, line.net))
    return made


def meets(sku: str, product: ProductFact, when: LineConditions) -> bool:
    """Whether a line meets every line condition that is given."""
    return all(line_answer(sku, product, *condition) for condition in given_of_line(when))


@once
def given_of_line(when: LineConditions) -> list[tuple[str, Any]]:
    """The line conditions that are given, by field."""
    fields = ((name, getattr(when, name)) for name in ORDER)
    return [(name, asked) for name, asked in fields if asked is not None]


ORDER = (
    "sku", "brand", "department", "supplier", "price_class", "category", "label", "on_promotion"
)  # fmt: skip


def line_answer(sku: str, product: ProductFact, name: str, asked: Any) -> bool:
    """Whether a line meets one condition; what is not known is false."""
    found = line_value(sku, product, name)
    match name:
        case "category":
            return any(lies_under(found, node) for node in asked)
        case "label":
            return any(label in asked for label in found)
        case "on_promotion":
            return found is asked
        case _:
            return found in asked


def line_value(sku: str, product: ProductFact, name: str) -> Any:
    """What a condition on lines looks at."""
    if name == "sku":
        return sku
    return product.labels if name == "label" else getattr(product, name)


def lies_under(category: str | None, node: str) -> bool:
    return category is not None and (category == node or category.startswith(node + "/"))
