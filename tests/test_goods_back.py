"""What a return comes to in money, against the reference's lines (section 9)."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from vafa.engine.facts import ProductFact, ReturnedLine
from vafa.engine.reference.facts import Line
from vafa.engine.reference.lines import BasketLine
from vafa.engine.reference.returns import Refusal, lines_left
from vafa.engine.value.goods_back import Goods, money_back

SKUS = ("a", "b")
LINES = st.lists(
    st.tuples(st.sampled_from(SKUS), st.integers(0, 3), st.integers(0, 6), st.booleans()),
    min_size=1, max_size=4,
)  # fmt: skip
ITEMS = st.lists(
    st.tuples(st.integers(0, 4), st.sampled_from(SKUS), st.integers(0, 3), st.integers(0, 6)),
    max_size=2,
)


def goods_of(lines: list[Any]) -> list[Goods]:
    """Lines as the engine has them."""
    return [
        Goods(n, sku, quantity, net, bool(quantity), voided)
        for n, (sku, quantity, net, voided) in enumerate(lines, 1)
    ]


@given(LINES, st.lists(ITEMS, max_size=3))
def test_it_is_what_the_reference_takes_from_the_lines(
    lines: list[Any], returns: list[list[Any]]
) -> None:
    goods = goods_of(lines)
    left = [
        BasketLine(
            Line(
                n, sku, quantity, net, quantity + voided, net, None, voided, net + 2 * voided
            ),
            ProductFact(sku), False, 0, quantity, net,
        )
        for n, (sku, quantity, net, voided) in enumerate(lines, 1)
    ]  # fmt: skip
    for items in returns:
        asked = [
            ReturnedLine(quantity, net, line or None, None if line else sku)
            for line, sku, quantity, net in items
        ]
        try:
            now = lines_left("r", left, asked)
        except Refusal:
            continue
        back = tuple((line, "" if line else sku, *rest) for line, sku, *rest in items)
        came = money_back(goods, back)
        assert came == sum(x.net for x in left) - sum(x.net for x in now)
        assert [one.net for one in goods] == [x.net for x in now]
        left = now


def test_a_line_that_is_back_takes_its_money_along() -> None:
    goods = goods_of([("a", 2, 500, False), ("b", 1, 300, False)])
    assert money_back(goods, ((1, "", 1, 100),)) == 100
    assert money_back(goods, ((0, "a", 1, 0),)) == 400
    assert money_back(goods, ()) == 300
