"""Products made up so that rules' line conditions are met (rulebook section 3)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from ..columns.dictionaries import Product
from ..compiling.conditions import under
from ..program.conditions import LineConditions, NotConditions
from ..program.program import Program
from ..program.rules import Rule
from .conditions import nodes, promotions

MOST_PRODUCTS = 5

_OF_PRODUCT = ("sku", "brand", "department", "supplier", "price_class")


def products_for(program: Program, rules: Sequence[Rule]) -> Iterator[Product]:
    """A product of no attributes, one that all rules want, then what each wants."""
    made = [Product("any")]
    whens: list[LineConditions] = [rule.when for rule in rules]
    whens += [part for rule in rules if (part := rule.when.without) is not None]
    joint: list[LineConditions] = []
    for when in whens:
        if product_for([*joint, when], "p1") is not None:
            joint.append(when)
    wanted = [product_for(joint, "p1")] + [
        product_for([when], f"p{place}") for place, when in enumerate(whens, 2)
    ]
    for product in wanted:
        if product is None or product in made:
            continue
        made_up = product.sku in {f"p{place}" for place in range(len(wanted) + 1)}
        if not made_up or product[2:] not in [one[2:] for one in made]:
            made.append(product)
    excluded = [one for one in made[1:] if any(_meets(one, e) for e in program.exclude)]
    yield from [one for one in made if one not in excluded][:MOST_PRODUCTS]


def _meets(product: Product, lines: LineConditions) -> bool:
    return all(
        getattr(lines, name) is None or getattr(product, name) in getattr(lines, name)
        for name in _OF_PRODUCT
    ) and (
        (lines.category is None or under(lines.category, product.category))
        and (lines.label is None or bool(set(lines.label) & set(product.labels)))
        and lines.on_promotion in (None, product.on_promotion)
    )


def product_for(whens: Sequence[LineConditions], sku: str) -> Product | None:
    """A product that meets several line conditions at once; None when there is none."""
    fields: dict[str, Any] = {}
    nothing = NotConditions()
    refusals = [getattr(when, "negated", nothing) for when in whens]
    for name in _OF_PRODUCT:
        given = [value for when in whens if (value := getattr(when, name)) is not None]
        if not given:
            continue
        refused = {value for no in refusals for value in getattr(no, name) or ()}
        left = [v for v in given[0] if all(v in other for other in given) and v not in refused]
        if not left:
            return None
        fields[name] = left[0]
    places = [when.category for when in whens if when.category is not None]
    if places:
        left = places[0]
        for other in places[1:]:
            left = nodes(left, other)
        left = [node for node in left
                if not any(under(no.category, node) for no in refusals)]  # fmt: skip
        if not left:
            return None
        fields["category"] = left[0]
    bad = {label for no in refusals for label in no.label or ()}
    labels = []
    for when in whens:
        good = [label for label in when.label or () if label not in bad]
        if when.label is not None and not good:
            return None
        labels += good[:1]
    told = {True, False, None}.intersection(*(promotions(when) for when in whens))
    if not told:
        return None
    fields["on_promotion"] = None if None in told else (True in told)
    return Product(fields.pop("sku", sku), labels=tuple(sorted(set(labels))), **fields)
