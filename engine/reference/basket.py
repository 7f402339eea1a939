"""What a sale was paid with, and conditions on its lines (rulebook sections 3 and 4.1)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from ..facts import ProductFact, SaleFact
from ..program.conditions import LineConditions
from ..program.program import Program
from .facts import Line
from .lines import BasketLine
from .world import once


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
