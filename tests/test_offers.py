"""Offers by hand: what every benefit takes off, which offers apply and why others do not."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from vafa.engine.checks.program_file import ProgramError, parse_program
from vafa.engine.cli import main
from vafa.engine.columns.answers import Answer
from vafa.engine.columns.dictionaries import Product
from vafa.engine.facts import CatalogFact, LineFact, OfferFact, ProductFact, TenderFact
from vafa.engine.ledger.writer import Writer
from vafa.engine.program.offers import Benefit
from vafa.engine.quotes import reasons as offer_reasons
from vafa.engine.quotes.amounts import Line, Off, cut, taken_off
from vafa.engine.reference import basket as reference_basket
from vafa.engine.reference.conditions import CONDITIONS

from . import ledgers
from .choices import Choices
from .random_offers import OFFER_BYTES, benefit, narrowed
from .random_programs import toml
from .test_quotes import basket_of, quoted

Row = tuple[str, int, int]
"""sku, thousandths, net."""

PRODUCTS = {
    "milk": Product("milk", category="food/dairy", department="DAIRY"),
    "cheese": Product("cheese", category="food/dairy", department="DAIRY", weighed=True),
    "tea": Product("tea", category="food/dry"),
    "jam": Product("jam", category="food/dry"),
    "van": Product("van", labels=("delivery",)),
}


def lines_of(*rows: Row) -> list[Line]:
    """Lines as they were rung up, nothing off them yet."""
    return [
        Line(place, quantity, net, net, PRODUCTS[sku])
        for place, (sku, quantity, net) in enumerate(rows)
    ]


class Taken(NamedTuple):
    """A benefit, lines of a basket, which of them are the offer's, what is off each."""

    name: str
    benefit: dict[str, Any]
    rows: tuple[Row, ...]
    off: Off
    mine: tuple[int, ...] | None = None


MILK, TEA = ("milk", 1_000, 100), ("tea", 1_000, 300)
TWO_MILKS = ("milk", 2_000, 200)
JAM = ("jam", 1_000, 50)


def off(kind: str, **fields: Any) -> dict[str, Any]:
    return {"kind": kind, **fields}


SETS = off("n_for_price", n=3, price=250)
MEAL = off("bundle", price=300, part=[
    {"when": {"sku": ["milk"]}}, {"quantity": 2, "when": {"category": ["food/dry"]}},
])  # fmt: skip
ANY_AND_MILK = off("bundle", price=50, part=[
    {"when": {"sku": ["milk", "jam"]}}, {"when": {"sku": ["milk"]}},
])  # fmt: skip
SPEND = off("spend_bands", bands=[{"from": 100, "percent": 10}, {"from": 400, "amount": 90}])
VOLUME = off("volume_bands", bands=[{"from": 2, "percent": 10}, {"from": 4, "amount": 60}])

TAKEN = [
    # A percentage of what its lines cost, floored in all.
    Taken("percent", off("percent", percent=10), (MILK, TEA), {0: 10, 1: 30}),
    Taken("percent of some", off("percent", percent=10), (MILK, TEA), {1: 30}, (1,)),
    Taken("all of it", off("percent", percent=100), (MILK, TEA), {0: 100, 1: 300}),
    Taken("floored in all", off("percent", percent=1), (("milk", 1_000, 50), ("tea", 1_000, 149)),
          {1: 1}),
    Taken("largest remainder", off("percent", percent=50), (("milk", 1_000, 1),) * 3, {0: 1}),
    Taken("a tie goes to the earlier", off("percent", percent=50),
          (("milk", 1_000, 5), ("tea", 1_000, 5)), {0: 3, 1: 2}),
    Taken("decimals", off("percent", percent=33.3), (("milk", 1_000, 1_000),), {0: 333}),
    Taken("nothing to take", off("percent", percent=50), (("milk", 1_000, 1),), {}),
    Taken("no goods", off("percent", percent=50), (("milk", 0, 100), MILK), {1: 50}),
    # A percentage of some units, and its roundings.
    Taken("the cheapest unit", off("percent", percent=50, units=1), (TEA, TWO_MILKS), {1: 50}),
    Taken("the dearest unit", off("percent", percent=50, units=1, which="dearest"),
          (TWO_MILKS, ("tea", 2_000, 600)), {1: 150}),
    Taken("the three dearest", off("percent", percent=10, units=3, which="dearest"),
          (TWO_MILKS, ("tea", 2_000, 600)), {0: 10, 1: 60}),
    Taken("one of each line", off("percent", percent=10, units=1, which="each_line"),
          (("milk", 1_000, 100), ("tea", 5_000, 750)), {0: 10, 1: 15}),
    Taken("fewer than there may be", off("percent", percent=10, units=9), (MILK, TEA),
          {0: 10, 1: 30}),
    Taken("no whole unit", off("percent", percent=10, units=1), (("milk", 900, 100),), {}),
    Taken("a unit that is no goods", off("percent", percent=10, units=1),
          (("milk", 0, 100), TEA), {1: 30}),
    Taken("rounded up", off("percent", percent=10, round="ceil"), (("milk", 1_000, 101),), {0: 11}),
    Taken("half a cent up", off("percent", percent=10, round="half_up"),
          (("milk", 1_000, 105),), {0: 11}),
    Taken("half a cent to even", off("percent", percent=10, round="half_even"),
          (("milk", 1_000, 105), ("tea", 1_000, 100)), {0: 10, 1: 10}),
    Taken("up past a unit's price", off("buy_get", buy=2, get=1, round="ceil"),
          (("milk", 3_000, 100),), {0: 34}),
    Taken("up beside a line that is free", off("buy_get", buy=1, get=5, round="ceil"),
          (("milk", 4_000, 10), ("jam", 3_000, 10)), {0: 10, 1: 4}),
    Taken("of bands", off("spend_bands", bands=[{"from": 1, "percent": 10}], round="ceil"),
          (("milk", 1_000, 101),), {0: 11}),
    Taken("nothing charged", off("percent", percent=50), (("milk", 1_000, 0),), {}),
    # An amount off its lines together.
    Taken("amount", off("amount", amount=100), (MILK, TEA), {0: 25, 1: 75}),
    Taken("amount of one line", off("amount", amount=30), (MILK, TEA), {0: 30}, (0,)),
    Taken("amount above it all", off("amount", amount=1_000), (MILK, TEA), {0: 100, 1: 300}),
    Taken("an uneven amount", off("amount", amount=1), (MILK, MILK, MILK), {0: 1}),
    Taken("two of three", off("amount", amount=2), (MILK, MILK, MILK), {0: 1, 1: 1}),
    Taken("amount a unit", off("amount", amount=30, per_unit=True), (TWO_MILKS, TEA),
          {0: 60, 1: 30}),
    Taken("at most what a unit costs", off("amount", amount=150, per_unit=True), (TWO_MILKS, TEA),
          {0: 200, 1: 150}),
    Taken("a weighed line is a unit", off("amount", amount=30, per_unit=True),
          (("cheese", 2_400, 500),), {0: 30}),
    Taken("half a unit is none", off("amount", amount=30, per_unit=True), (("milk", 500, 50),), {}),
    Taken("nothing off half a unit", off("amount", amount=60, per_unit=True),
          (("milk", 2_500, 100),), {0: 80}),
    Taken("off two units", off("amount", amount=30, per_unit=True, units=2), (TEA, TWO_MILKS),
          {1: 60}),
    Taken("off the dearest two", off("amount", amount=30, per_unit=True, units=2, which="dearest"),
          (TEA, TWO_MILKS), {0: 30, 1: 30}),
    Taken("off one of each line",
          off("amount", amount=200, per_unit=True, units=1, which="each_line"),
          (("milk", 1_000, 100), ("tea", 5_000, 750)), {0: 100, 1: 150}),
    Taken("off the whole basket", off("percent", percent=10, of={}), (MILK, TEA), {0: 10, 1: 30},
          (0,)),
    Taken("off others", off("percent", percent=10, of={"sku": ["tea"]}), (MILK, TEA), {1: 30},
          (0,)),
    Taken("an amount off others", off("amount", amount=50, of={"sku": ["tea"]}), (MILK, TEA),
          {1: 50}, (0,)),
    Taken("an amount off each of others",
          off("amount", amount=50, per_unit=True, units=1, of={"department": ["DAIRY"]}),
          (TEA, TWO_MILKS), {1: 50}, (0,)),
    # n for the price of m: the cheapest are free.
    Taken("3 for 2", off("n_for_m", n=3, m=2), (TWO_MILKS, TEA), {0: 100}),
    Taken("3 for 1", off("n_for_m", n=3, m=1), (TWO_MILKS, TEA), {0: 200}),
    Taken("2 of 3 are too few", off("n_for_m", n=3, m=2), (TWO_MILKS,), {}),
    Taken("6 units, 2 free", off("n_for_m", n=3, m=2), (("milk", 5_000, 500), TEA), {0: 200}),
    Taken("5 units, 1 free", off("n_for_m", n=3, m=2), (("milk", 4_000, 400), TEA), {0: 100}),
    Taken("of two lines", off("n_for_m", n=2, m=1), (MILK, MILK, TEA, TEA), {0: 100, 1: 100}),
    Taken("the cheaper line first", off("n_for_m", n=2, m=1), (TEA, MILK), {1: 100}),
    Taken("a third of a price", off("n_for_m", n=3, m=2), (("milk", 3_000, 100),), {0: 33}),
    Taken("a weighed line goes whole", off("n_for_m", n=2, m=1), (("cheese", 730, 90), TEA),
          {0: 90}),
    Taken("a billion units", off("n_for_m", n=2, m=1), (("milk", 10**12, 10**12),),
          {0: 5 * 10**11}),
    Taken("3 for 2, once", off("n_for_m", n=3, m=2, times=1), (("milk", 9_000, 900),), {0: 100}),
    Taken("the cheapest of all pairs", off("n_for_m", n=2, m=1),
          (MILK, ("jam", 1_000, 15), ("tea", 3_000, 999)), {0: 100, 1: 15}),
    Taken("the cheaper of each pair", off("n_for_m", n=2, m=1, each_set=True),
          (MILK, ("jam", 1_000, 15), ("tea", 3_000, 999)), {0: 100, 2: 333}),
    Taken("the cheaper of the dearest pair", off("n_for_m", n=2, m=1, each_set=True, times=1),
          (MILK, ("jam", 1_000, 15), ("tea", 3_000, 999)), {2: 333}),
    Taken("pairs of a billion units", off("n_for_m", n=2, m=1, each_set=True),
          (("milk", 10**12, 10**12),), {0: 5 * 10**11}),
    # n for a price: the dearest first.
    Taken("3 for 250", SETS, (("milk", 3_000, 300),), {0: 50}),
    Taken("3 of 4 units", SETS, (("milk", 3_000, 300), TEA), {0: 100, 1: 150}),
    Taken("two sets", SETS, (("milk", 6_000, 600),), {0: 100}),
    Taken("too few for a set", SETS, (TWO_MILKS,), {}),
    Taken("a set that costs less stays", SETS, (("milk", 3_000, 240),), {}),
    Taken("the dearest set alone", off("n_for_price", n=2, price=150, times=1),
          (("milk", 4_000, 400), TEA), {0: 63, 1: 187}),
    Taken("one set pays, one does not", SETS, (("tea", 3_000, 900), ("milk", 3_000, 150)),
          {0: 650}),
    Taken("for nothing", off("n_for_price", n=1, price=0), (MILK, TEA), {0: 100, 1: 300}),
    # Buy some, get some.
    Taken("buy 2 get 1", off("buy_get", buy=2, get=1), (TWO_MILKS, TEA), {0: 100}),
    Taken("buy 2 get 1, with 5", off("buy_get", buy=2, get=1), (("milk", 5_000, 500),), {0: 100}),
    Taken("buy 1 get 1 at half", off("buy_get", buy=1, get=1, percent=50), (MILK, TEA), {0: 50}),
    Taken("buy 1 get 1 at half, pair by pair",
          off("buy_get", buy=1, get=1, percent=50, each_set=True),
          (MILK, ("jam", 1_000, 15), ("tea", 3_000, 999)), {0: 50, 2: 166}),
    Taken("buy 1 get 1, twice", off("buy_get", buy=1, get=1, times=2), (("milk", 9_000, 900),),
          {0: 200}),
    Taken("get another, once", off("buy_get", buy=1, get=1, of={"sku": ["tea"]}, times=1),
          (TWO_MILKS, ("tea", 2_000, 600)), {1: 300}, (0,)),
    Taken("get another", off("buy_get", buy=1, get=1, of={"sku": ["tea"]}), (TWO_MILKS, TEA),
          {1: 300}, (0,)),
    Taken("get as many as are bought", off("buy_get", buy=2, get=1, of={"sku": ["tea"]}),
          (("milk", 4_000, 400), ("tea", 3_000, 900)), {1: 600}, (0,)),
    Taken("what is bought is not got", off("buy_get", buy=1, get=1, of={"department": ["DAIRY"]}),
          (TWO_MILKS,), {}),
    Taken("the cheapest is got", off("buy_get", buy=1, get=1, of={"category": ["food/dry"]}),
          (MILK, TEA, ("jam", 1_000, 200)), {2: 200}, (0,)),
    # Bundles.
    Taken("a bundle", MEAL, (MILK, TEA, TEA), {0: 57, 1: 172, 2: 171}),
    Taken("a part is missing", MEAL, (MILK, TEA), {}),
    Taken("the dearest of a part", MEAL, (MILK, ("jam", 1_000, 50), ("tea", 2_000, 600)),
          {0: 57, 2: 343}),
    Taken("two bundles", MEAL, (TWO_MILKS, ("tea", 4_000, 1_200)), {0: 114, 1: 686}),
    Taken("two bundles, one of them cheaper", {**MEAL, "times": 1},
          (TWO_MILKS, ("tea", 4_000, 1_200)), {0: 57, 1: 343}),
    Taken("a unit is spared for the part that nothing else serves", ANY_AND_MILK,
          (MILK, ("jam", 1_000, 50)), {0: 67, 1: 33}),
    Taken("as many bundles as there are", ANY_AND_MILK, (TWO_MILKS, ("jam", 2_000, 100)),
          {0: 133, 1: 67}),
    Taken("the dearest of what is spared", ANY_AND_MILK, (("milk", 3_000, 300), JAM),
          {0: 214, 1: 36}),
    Taken("a unit that another part gives up", off("bundle", price=10, part=[
        {"when": {"sku": ["milk", "tea"]}}, {"when": {"sku": ["tea", "jam"]}},
        {"when": {"sku": ["milk"]}},
    ]), (MILK, TEA, JAM), {0: 98, 1: 293, 2: 49}),
    Taken("a bundle that costs less stays", MEAL, (MILK, ("tea", 2_000, 150)), {}),
    # Spend bands look at the amount, volume bands at the units.
    Taken("below the first band", SPEND, (("milk", 1_000, 99),), {}),
    Taken("at the first band", SPEND, (MILK,), {0: 10}),
    Taken("at the second band", SPEND, (MILK, TEA), {0: 23, 1: 67}),
    Taken("one unit", VOLUME, (TEA,), {}),
    Taken("two units", VOLUME, (TWO_MILKS,), {0: 20}),
    Taken("four units", VOLUME, (TWO_MILKS, ("tea", 2_000, 600)), {0: 120, 1: 120}),
    # What comes with the basket.
    Taken("a free item", off("free_item", sku="tea"), (MILK, ("tea", 2_000, 600)), {1: 300}),
    Taken("two free items", off("free_item", sku="tea", quantity=2), (MILK, TEA), {1: 300}),
    Taken("it is not in the basket", off("free_item", sku="tea"), (MILK,), {}),
    Taken("free delivery", off("free_delivery", of={"label": ["delivery"]}),
          (MILK, ("van", 1_000, 490)), {1: 490}),
    Taken("delivery that nobody charged", off("free_delivery"), (MILK,), {}),
    Taken("a service", off("service", name="wrapping"), (MILK,), {}),
    Taken("early access", off("early_access", to="the sale"), (MILK,), {}),
]  # fmt: skip


def benefit_of(fields: Any) -> Benefit:
    """A benefit of a table as TOML has it."""
    made: Benefit = msgspec.convert(decimals(fields), Benefit)
    return made


def decimals(part: Any) -> Any:
    """A table whose percentages are decimals."""
    if isinstance(part, list):
        return [decimals(item) for item in part]
    if not isinstance(part, dict):
        return part
    return {
        name: Decimal(str(value)) if name == "percent" else decimals(value)
        for name, value in part.items()
    }


@pytest.mark.parametrize("row", TAKEN, ids=lambda row: row.name)
def test_what_a_benefit_takes_off(row: Taken) -> None:
    mine = range(len(row.rows)) if row.mine is None else row.mine
    assert taken_off(benefit_of(row.benefit), lines_of(*row.rows), list(mine)) == row.off


def test_every_benefit_has_its_rows() -> None:
    tags = {kind.__struct_config__.tag for kind in Benefit.__args__}
    assert {row.benefit["kind"] for row in TAKEN} == tags
    assert len({row.name for row in TAKEN}) == len(TAKEN) >= 60


@settings(max_examples=300, deadline=None)
@given(
    st.binary(min_size=OFFER_BYTES, max_size=OFFER_BYTES),
    st.lists(st.tuples(
        st.sampled_from(sorted(PRODUCTS)), st.integers(0, 9_000), st.integers(0, 5_000)
    ), min_size=1, max_size=6),
    st.integers(0, 3_000),
)  # fmt: skip
def test_never_more_than_a_line_costs(block: bytes, rows: list[Row], most: int) -> None:
    choices = Choices(block)
    made = benefit_of(narrowed(benefit(choices.split(24)), choices))
    lines = lines_of(*rows)
    found = taken_off(made, lines, list(range(len(lines))))
    assert all(0 < amount <= lines[place].net for place, amount in found.items())
    less = cut(found, most)
    assert sum(less.values()) == min(most, sum(found.values()))
    assert all(amount <= found[place] for place, amount in less.items())


def test_a_discount_of_what_is_left() -> None:
    (line,) = lines_of(("milk", 1_000, 100))
    line.net = 60
    assert taken_off(benefit_of(off("percent", percent=50)), [line], [0]) == {0: 30}
    # Bands look at what was rung up.
    assert taken_off(benefit_of(SPEND), [line], [0]) == {0: 6}
    assert line.price(1) == Fraction(60)


# -- in a ledger ---------------------------------------------------------------------------------

HEAD = """
format = 1
id = "offers"
unit = { code = "USD" }
zone = "UTC"
late_limit_days = 36_500

[[currency]]
id = "points"

[[redemption]]
tender = "wallet"
currency = "points"

[[exclude]]
department = ["TOBACCO"]

[[rule]]
id = "base"
kind = "earn"
points = 1
per = 100

[ladder]
window = "year"

[[ladder.tier]]
id = "basic"

[[ladder.tier]]
id = "gold"
at_least = { spend = 10_000 }
"""
CATALOGUE = [
    ProductFact("milk", department="DAIRY"), ProductFact("tea"),
    ProductFact("smoke", department="TOBACCO"),
]  # fmt: skip
TEN = 'benefit = { kind = "percent", percent = 10 }'
HALF = 'benefit = { kind = "percent", percent = 50 }'


class Shop:
    """A ledger with some offers; the clock of its sales goes on by an hour."""

    def __init__(self, writer: Writer) -> None:
        self.writer = writer
        self.sales = 0
        self.at = ledgers.START

    def quote(self, *rows: Row, **fields: Any) -> Answer:
        lines = [{"sku": sku, "quantity": n, "net": net} for sku, n, net in rows or [MILK]]
        basket = {"member": "m", "lines": lines, "occurred_at": self.at.isoformat(), **fields}
        return quoted(self.writer.replica, basket_of(basket))

    def sell(self, *rows: Row, **fields: Any) -> Answer:
        self.sales += 1
        self.at += dt.timedelta(hours=1)
        made: dict[str, Any] = {
            "id": f"s{self.sales}", "occurred_at": self.at, "member": "m", "store": "",
            "terminal": "", "tenders": [],
            "lines": [LineFact(*row) for row in rows or [MILK]],
        }  # fmt: skip
        made |= fields
        made["offers"] = [OfferFact(*x) for x in made.get("offers", ())]
        (answer,) = ledgers.answers(
            self.writer.commit(ledgers.batch(ledgers.sale(0, **made)))
        )
        return answer


@pytest.fixture
def shop(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Shop]:
    """A shop with the offers of the test's parameter: TOML of rules."""
    with ledgers.open_writer(tmp_path, HEAD + request.param) as writer:
        at = ledgers.START - dt.timedelta(days=365)
        writer.commit_control(CatalogFact("products", at, CATALOGUE))
        yield Shop(writer)


def rule(name: str, *lines: str) -> str:
    return "\n".join(["", "[[rule]]", f'id = "{name}"', 'kind = "offer"', *lines, ""])


def with_offers(*rules: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("shop", ["".join(rules)], indirect=True, ids=[""])


def told(answer: Answer) -> list[Any]:
    """(offer, amount) or (offer, why not)."""
    return [
        (one["offer"], one["amount"] if one["applies"] else one["why"]) for one in answer["offers"]
    ]


WHY = [
    ('store = ["9"]', "store"),
    ('not = { store = ["1"] }', "not.store"),
    ('channel = ["app"]', "channel"),
    ('tender = ["cash"]', "tender"),
    ('coupon = ["c"]', "coupon"),
    ('date = { from = 2100-01-01 }', "date"),
    ('time = { from = 13:00:00, to = 14:00:00 }', "time"),
    ('weekday = ["monday"]', "weekday"),
    ('without = { sku = ["tea"] }', "without"),
    ('min_amount = 401', "min_amount"),
    ('not = { min_amount = 400 }', "not.min_amount"),
    ('min_quantity = 2.5', "min_quantity"),
    ('sku = ["milk"], min_basket = 401', "min_basket"),
    ('not = { min_basket = 400 }', "not.min_basket"),
    ('tier = ["gold"]', "tier"),
    ('tier_at_least = "gold"', "tier_at_least"),
    ('not = { tier = ["basic"] }', "not.tier"),
    ('segment = ["vip"]', "segment"),
    ('first_purchase = ["store"], age = { at_least = 18 }', "age"),
    ('nth_purchase = [2]', "nth_purchase"),
    ('not = { first_purchase = ["ever"] }', "not.first_purchase"),
    ('sku = ["jam"]', "sku"),
    ('department = ["TOBACCO"]', "department"),
    ('not = { sku = ["tea", "milk"] }', "not.sku"),
    ('on_promotion = true', "on_promotion"),
]  # fmt: skip


@pytest.mark.parametrize(("shop", "why"), [
    (rule("ten", TEN, f"when = {{ {when} }}"), why) for when, why in WHY
], indirect=["shop"], ids=[why for _, why in WHY])  # fmt: skip
def test_the_first_condition_that_fails_is_told(shop: Shop, why: str) -> None:
    # 1972-01-01 was a Saturday; excluded tobacco is seen by nothing.
    answer = shop.quote(MILK, TEA, ("smoke", 1_000, 900), store="1")
    assert told(answer) == [("ten", why)]
    assert (answer["net"], answer["discount"]) == (1_300, 0)


@with_offers(rule("ten", TEN))
def test_an_offer_of_the_whole_basket_leaves_out_what_is_excluded(shop: Shop) -> None:
    answer = shop.quote(MILK, TEA, ("smoke", 1_000, 900))
    (one,) = answer["offers"]
    assert one == {
        "offer": "ten", "applies": True, "benefit": "percent", "amount": 40,
        "lines": [{"line": 1, "amount": 10}, {"line": 2, "amount": 30}],
    }  # fmt: skip
    assert (answer["net"], answer["discount"]) == (1_300, 40)
    assert told(shop.quote(("smoke", 1_000, 900))) == [("ten", "eligible")]


@with_offers(rule("ten", TEN), rule("half", HALF, "priority = 50"))
def test_each_takes_of_what_those_before_it_left(shop: Shop) -> None:
    assert told(shop.quote(TEA)) == [("half", 150), ("ten", 15)]


GROUP = '\n[[offer_group]]\nid = "g"\nmode = "{}"\n'


@with_offers(GROUP.format("exclusive"), rule("ten", TEN, 'group = "g"'),
             rule("half", HALF, 'group = "g"'))  # fmt: skip
def test_of_an_exclusive_group_the_first_applies(shop: Shop) -> None:
    answer = shop.quote(TEA)
    assert told(answer) == [("ten", 30), ("half", "group")]
    assert answer["offers"][1]["by"] == "ten"
    both = {"offers": [("ten", 30), ("half", 150)]}
    assert shop.sell(TEA, **both)["reason"] == "offer-not-applicable"
    # The customer may choose the other one.
    assert shop.sell(TEA, offers=[("half", 150)])["status"] == "ok"


@with_offers(GROUP.format("best"), rule("ten", TEN, 'group = "g"'),
             rule("half", HALF, 'group = "g"', 'when = { sku = ["milk"] }'))  # fmt: skip
def test_of_a_best_group_the_best_applies(shop: Shop) -> None:
    assert told(shop.quote(MILK)) == [("ten", "group"), ("half", 50)]
    assert told(shop.quote(MILK, TEA)) == [("ten", "group"), ("half", 50)]
    assert told(shop.quote(MILK, TEA, TEA)) == [("ten", 70), ("half", "group")]
    assert told(shop.quote(TEA)) == [("ten", 30), ("half", "sku")]


@with_offers(GROUP.format("best_of_line"), rule("ten", TEN, 'group = "g"'),
             rule("half", HALF, 'group = "g"', 'when = { sku = ["milk"] }'),
             rule("tenth", TEN, 'group = "g"', 'when = { sku = ["tea"] }'))  # fmt: skip
def test_of_each_line_the_best_applies(shop: Shop) -> None:
    answer = shop.quote(MILK, TEA)
    assert told(answer) == [("ten", 30), ("half", 50), ("tenth", "group")]
    assert answer["offers"][0]["lines"] == [{"line": 2, "amount": 30}]
    assert (answer["offers"][2]["by"], answer["discount"]) == ("ten", 80)
    assert told(shop.quote(MILK)) == [("ten", "group"), ("half", 50), ("tenth", "sku")]
    assert told(shop.quote(TEA)) == [("ten", 30), ("half", "sku"), ("tenth", "group")]
    # A sale names them all; a basket that names one has what it names.
    both = [("ten", 30), ("half", 50)]
    assert shop.sell(MILK, TEA, offers=both)["status"] == "ok"
    named = shop.quote(MILK, TEA, offers=[{"offer": "half", "amount": 50}])
    assert told(named) == [("ten", "group"), ("half", 50), ("tenth", "group")]
    assert (named["offers"][0]["by"], named["discount"]) == ("half", 0)


@with_offers(GROUP.format("stackable"), rule("ten", TEN, 'group = "g"'),
             rule("half", HALF, 'group = "g"'))  # fmt: skip
def test_a_stackable_group_adds_up(shop: Shop) -> None:
    assert told(shop.quote(TEA)) == [("ten", 30), ("half", 135)]
    assert shop.sell(TEA, offers=[("ten", 30), ("half", 135)])["status"] == "ok"


@with_offers(rule("ten", TEN, "uses = { day = 1 }"), rule("gift", "when = { min_amount = 300 }",
             'benefit = { kind = "service", name = "wrapping" }'))  # fmt: skip
def test_uses_are_counted_by_the_sale_that_names_them(shop: Shop) -> None:
    assert told(shop.quote(TEA)) == [("ten", 30), ("gift", 0)]
    # A quote counts nothing, nor does a sale that names no offer.
    assert shop.sell(TEA)["status"] == "ok"
    assert told(shop.quote(TEA)) == [("ten", 30), ("gift", 0)]
    assert shop.sell(TEA, offers=[("ten", 30)])["status"] == "ok"
    assert told(shop.quote(TEA)) == [("ten", "uses"), ("gift", 0)]
    refused = shop.sell(TEA, offers=[("ten", 30)])
    assert (refused["status"], refused["reason"]) == ("refused", "offer-used-up")
    # What has happened is taken, and counted.
    assert shop.sell(TEA, offers=[("ten", 30)], completed=True)["status"] == "ok"
    shop.at += dt.timedelta(days=1)
    assert told(shop.quote(TEA)) == [("ten", 30), ("gift", 0)]


@with_offers(rule("half", HALF, "limits = { basket = 100, day = 120 }"))
def test_limits_are_of_money(shop: Shop) -> None:
    answer = shop.quote(TEA)
    assert told(answer) == [("half", 100)]
    assert answer["offers"][0]["limit"] == "basket"
    assert shop.sell(TEA, offers=[("half", 101)])["reason"] == "offer-used-up"
    assert shop.sell(TEA, offers=[("half", 100)])["status"] == "ok"
    answer = shop.quote(TEA)
    assert (told(answer), answer["offers"][0]["limit"]) == ([("half", 20)], "day")
    assert shop.sell(TEA, offers=[("half", 20)])["status"] == "ok"
    assert told(shop.quote(TEA)) == [("half", "day")]
    # Nothing is left, so not even 0 is taken.
    assert shop.sell(TEA, offers=[("half", 0)])["reason"] == "offer-used-up"


@with_offers(rule("half", HALF, 'when = { sku = ["tea"], min_amount = 300 }'))
def test_an_offer_does_not_take_itself_away(shop: Shop) -> None:
    """Its least amount is of what was rung up: the sale is charged less."""
    assert told(shop.quote(TEA)) == [("half", 150)]
    discounted = LineFact("tea", 1_000, 150, discount=150)
    assert shop.sell(lines=[discounted], offers=[("half", 150)])["status"] == "ok"
    charged = LineFact("tea", 1_000, 150)
    refused = shop.sell(lines=[charged], offers=[("half", 150)])
    assert refused["reason"] == "offer-not-applicable"


@with_offers(rule("half", HALF, 'when = { sku = ["tea"], min_basket = 400 }'))
def test_an_offer_of_some_lines_of_a_large_basket(shop: Shop) -> None:
    assert told(shop.quote(TEA, MILK)) == [("half", 150)]
    assert told(shop.quote(TEA, ("smoke", 1_000, 900))) == [("half", "min_basket")]
    charged = [LineFact("tea", 1_000, 150, discount=150), LineFact("milk", 1_000, 100)]
    assert shop.sell(lines=charged, offers=[("half", 150)])["status"] == "ok"
    refused = shop.sell(lines=charged[:1], offers=[("half", 150)])
    assert refused["reason"] == "offer-not-applicable"


@with_offers(rule("free", 'benefit = { kind = "percent", percent = 100 }'))
def test_a_basket_for_nothing(shop: Shop) -> None:
    assert told(shop.quote(TEA)) == [("free", 300)]
    given_away = LineFact("tea", 1_000, 0, discount=300)
    answer = shop.sell(lines=[given_away], offers=[("free", 300)])
    assert (answer["status"], answer["postings"]) == ("ok", [])


@with_offers(rule("ten", TEN, "when = { min_amount = 300 }"))
def test_loyalty_value_pays_without_taking_an_offer_away(shop: Shop) -> None:
    shop.sell(("tea", 1_000, 30_000))
    paid = [TenderFact("wallet", 290, points=290)]
    assert shop.sell(TEA, tenders=paid, offers=[("ten", 30)])["status"] == "ok"


@with_offers(rule("ten", TEN))
def test_an_unknown_offer_refuses_the_sale(shop: Shop) -> None:
    assert shop.sell(TEA, offers=[("gone", 1)])["reason"] == "offer-not-applicable"
    assert shop.sell(TEA, offers=[("base", 1)])["reason"] == "offer-not-applicable"
    assert shop.sell(TEA, offers=[("gone", 1)], completed=True)["status"] == "ok"


@with_offers(rule("ten", TEN, 'when = { coupon = ["SPRING"] }', "uses = { lifetime = 1 }"))
def test_an_offer_by_coupon(shop: Shop) -> None:
    assert told(shop.quote(TEA)) == [("ten", "coupon")]
    assert told(shop.quote(TEA, coupons=["SPRING"])) == [("ten", 30)]
    assert shop.sell(TEA, offers=[("ten", 30)])["reason"] == "offer-not-applicable"
    assert shop.sell(TEA, offers=[("ten", 30)], coupons=["SPRING"])["status"] == "ok"
    assert told(shop.quote(TEA, coupons=["SPRING"])) == [("ten", "uses")]


@with_offers(rule("ten", TEN), rule("gold", HALF, 'when = { tier_at_least = "gold" }'),
             rule("once", HALF, "uses = { lifetime = 1 }"))  # fmt: skip
def test_without_a_member_only_what_asks_for_none(shop: Shop) -> None:
    answer = shop.quote(TEA, member=None)
    assert told(answer) == [("ten", 30), ("gold", "member"), ("once", "member")]
    assert (answer["discount"], answer["postings"]) == (30, [])


@with_offers(rule("ten", TEN))
def test_points_are_of_the_sale_that_follows(shop: Shop) -> None:
    quoted_ = shop.quote(("tea", 1_000, 1_090))
    assert (quoted_["discount"], quoted_["postings"][0]["points"]) == (109, 9)
    line = LineFact("tea", 1_000, 1_090 - 109, discount=109)
    answer = shop.sell(lines=[line], offers=[("ten", 109)])
    assert answer["postings"][0]["points"] == 9
    # A basket that names its offers is quoted as it stands.
    named = {"offers": [{"offer": "ten", "amount": 109}]}
    again = shop.quote(("tea", 1_000, 981), **named)
    assert (told(again), again["discount"]) == ([("ten", 109)], 0)
    assert again["offers"][0]["named"] is True
    wrong = {"offers": [{"offer": "gone", "amount": 109}]}
    assert shop.quote(("tea", 1_000, 981), **wrong)["reason"] == "offer-not-applicable"


@with_offers(rule("none", 'benefit = { kind = "n_for_m", n = 3, m = 2 }'),
             rule("item", 'benefit = { kind = "free_item", sku = "milk" }'),
             rule("soon", 'benefit = { kind = "early_access", to = "friday" }'),
             rule("home", 'benefit = { kind = "free_delivery" }'))  # fmt: skip
def test_what_comes_with_a_basket(shop: Shop) -> None:
    answer = shop.quote(TEA)
    assert told(answer) == [("none", "benefit"), ("item", 0), ("soon", 0), ("home", 0)]
    assert answer["offers"][1]["item"] == {"sku": "milk", "quantity": 1}
    assert answer["offers"][2]["name"] == "friday"
    assert told(shop.quote(TEA, MILK))[1] == ("item", 100)


def test_conditions_are_told_in_the_order_of_the_reference() -> None:
    assert tuple(CONDITIONS) == offer_reasons.ORDER
    assert offer_reasons.LINE_ORDER == reference_basket.ORDER


# -- checks ----------------------------------------------------------------------------------------

WRONG = [
    (rule("x", 'benefit = { kind = "percent", percent = 0 }'), "rule[1].benefit.percent"),
    (rule("x", 'benefit = { kind = "percent", percent = 101 }'), "rule[1].benefit.percent"),
    (rule("x", 'benefit = { kind = "n_for_m", n = 2, m = 2 }'), "rule[1].benefit.m"),
    (rule("x", 'benefit = { kind = "buy_get", buy = 1, get = 1, percent = -1 }'),
     "rule[1].benefit.percent"),
    (rule("x", 'benefit = { kind = "buy_get", buy = 1, get = 1, of = {} }'),
     "rule[1].benefit.of"),
    (rule("x", 'benefit = { kind = "bundle", price = 1, part = [{ when = {} }, '
               '{ when = { sku = ["a"] } }] }'), "rule[1].benefit.part[0].when"),
    (rule("x", 'benefit = { kind = "spend_bands", bands = [{ from = 1 }] }'),
     "rule[1].benefit.bands[0]"),
    (rule("x", 'benefit = { kind = "spend_bands", bands = [{ from = 2, amount = 1 }, '
               '{ from = 2, amount = 2 }] }'), "rule[1].benefit.bands[1].from"),
    (rule("x", 'benefit = { kind = "percent", percent = 1, which = "dearest" }'),
     "rule[1].benefit.which"),
    (rule("x", 'benefit = { kind = "amount", amount = 1, units = 2 }'), "rule[1].benefit.units"),
    (rule("x", 'benefit = { kind = "buy_get", buy = 1, get = 1, of = { sku = ["a"] }, '
               'each_set = true }'), "rule[1].benefit.each_set"),
    (rule("x", 'benefit = { kind = "volume_bands", bands = [{ from = 1, amount = 1 }], '
               'round = "ceil" }'), "rule[1].benefit.round"),
    (rule("x", TEN, 'group = "g"'), "rule[1].group"),
    (rule("x", TEN, 'when = { activity = ["a"] }'), "rule[1].when.activity"),
    (rule("x", TEN, "uses = { anniversary = 1 }"), "rule[1].uses.anniversary"),
    (rule("x", 'benefit = { kind = "service", name = "s" }', "limits = { day = 1 }"),
     "rule[1].limits.day"),
    (rule("x", TEN, 'when = { tier = ["platinum"] }'), "rule[1].when.tier[0]"),
    (GROUP.format("best"), "offer_group[0]"),
    *(
        (GROUP.format("best_of_line") + rule("x", f"benefit = {{ {benefit_} }}", 'group = "g"'),
         "rule[1].benefit")
        for benefit_ in (
            'kind = "n_for_m", n = 2, m = 1', 'kind = "amount", amount = 1',
            'kind = "percent", percent = 1, units = 1', 'kind = "service", name = "s"',
            'kind = "amount", amount = 1, per_unit = true, units = 2, which = "dearest"',
        )
    ),
]  # fmt: skip


@pytest.mark.parametrize(("text", "path"), WRONG, ids=[str(n) for n in range(len(WRONG))])
def test_offers_that_are_wrong(text: str, path: str) -> None:
    with pytest.raises(ProgramError) as error:
        parse_program(HEAD + text)
    assert [problem.path for problem in error.value.problems] == [path]


def test_a_program_of_offers_is_described(tmp_path: Path) -> None:
    file = tmp_path / "offers.toml"
    made = [f"benefit = {toml(decimals(row.benefit))}" for row in TAKEN]
    text = "".join(rule(f"x{place}", line) for place, line in enumerate(made))
    file.write_text(HEAD + text, "utf-8")
    result = CliRunner().invoke(main, ["program", "check", str(file)])
    assert result.exit_code == 0, result.output
    assert "n_for_m n 3 m 2" in result.stdout
    assert "bundle part quantity 1 when sku milk" in result.stdout
    assert CliRunner().invoke(main, ["program", "lint", str(file)]).exit_code == 0


def test_a_program_of_offers_is_sound() -> None:
    assert parse_program(HEAD + rule("x", TEN)).rule[1].id == "x"
