"""The rulebook in plain Python: slow, obvious, and the oracle of the native kernel.

`rate` gives what every sale earns and where its member stands after its last sale
(rulebook sections 2 to 6), for all that a program can say. Points are in units of their
currency's scale, amounts in minor units; figures are ints and Fractions.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from .program import Bonus, Earn, Multiply, Program, Rule
from .reference_calendar import business_date
from .reference_conditions import Basket, eligible_lines
from .reference_member import Lot, MemberState, Owner
from .reference_sale import Line, Product, Sale, TillLine, fact_order, net_voids

__all__ = [
    "Line",
    "Lot",
    "MemberState",
    "Posting",
    "Product",
    "Sale",
    "TillLine",
    "net_voids",
    "rate",
    "rounded",
]


@dataclass
class Posting:
    """What one rule wanted to give to a sale and gave.

    `limit` is empty or the last limit that cut: a field of the rule's limits, `uses`, or
    `cap.` and a field of the currency's caps.
    """

    rule: str
    kind: str
    currency: str
    desired: int
    granted: int
    limit: str


@dataclass
class Wish:
    """A rule's figure before its limits, after its own, and the own limit that cut."""

    desired: int
    own: int
    limit: str


def rate(
    program: Program, products: Mapping[str, Product], sales: Iterable[Sale]
) -> tuple[dict[str, MemberState], dict[str, list[Posting]]]:
    """(states by member, postings by sale id) of sales given in any order."""
    states: dict[str, MemberState] = {}
    postings: dict[str, list[Posting]] = {}
    for sale in sorted(sales, key=fact_order):
        state = states.setdefault(sale.member, MemberState(program))
        postings[sale.id] = _rate_sale(program, products, sale, state)
    return states, postings


def _rate_sale(
    program: Program, products: Mapping[str, Product], sale: Sale, state: MemberState
) -> list[Posting]:
    date, clock = business_date(program, sale.occurred_at_us)
    state.begin(date)
    lines = eligible_lines(program, products, sale.lines)
    eligible = sum(line.net for line in lines)
    if eligible <= 0:
        return []
    basket = Basket(program, products, sale, lines, date, clock, state.tier(date))
    postings = _within_caps(basket, state, _wishes(basket, state))
    state.add_purchase(date, eligible)
    return postings


def _wishes(basket: Basket, state: MemberState) -> dict[str, Wish]:
    """Figures of the rules that match, by rule id, before the program's caps."""
    rules = basket.program.rule
    wishes: dict[str, Wish] = {}
    scaled: dict[str, dict[int, Fraction]] = {}
    for rule in rules:
        if isinstance(rule, Earn):
            exact = _exact_earn(basket, rule)
            desired = _round(basket, rule, sum(exact.values(), Fraction(0)))
            wish = wishes[rule.id] = _own_limits(basket, state, rule, desired)
            # Section 4.3: a multiply adds to what the earn rule's own limits left of it.
            share = Fraction(wish.own, wish.desired) if wish.desired else Fraction(1)
            scaled[rule.id] = {place: share * earn for place, earn in exact.items()}
    for rule in rules:
        if isinstance(rule, Multiply):
            desired = _round(basket, rule, _exact_extra(basket, rule, scaled))
            wishes[rule.id] = _own_limits(basket, state, rule, desired)
        elif isinstance(rule, Bonus):
            figure = _at_tier(rule.points, basket.tier)
            if figure is not None and basket.matching(rule.when):
                desired = int(figure * 10 ** _scale(basket, rule))
                wishes[rule.id] = _own_limits(basket, state, rule, desired)
    return wishes


def _exact_earn(basket: Basket, rule: Earn) -> dict[int, Fraction]:
    """Exact units earned by each matching line, by its place; none if they sum below zero."""
    points = _at_tier(rule.points, basket.tier)
    if points is None:
        return {}
    a_unit = Fraction(points) * 10 ** _scale(basket, rule) / rule.per
    exact = {}
    for place in basket.matching(rule.when):
        line = basket.lines[place]
        basis = Fraction(line.net) if rule.basis == "net" else Fraction(line.quantity, 1000)
        exact[place] = basis * a_unit
    return exact if sum(exact.values()) > 0 else {}


def _exact_extra(
    basket: Basket, rule: Multiply, scaled: Mapping[str, Mapping[int, Fraction]]
) -> Fraction:
    factor = _at_tier(rule.factor, basket.tier)
    if factor is None:
        return Fraction(0)
    places = basket.matching(rule.when)
    extra = Fraction(0)
    for earn in basket.program.rule:
        if isinstance(earn, Earn) and _currency(basket, earn) == _currency(basket, rule):
            for place in places:
                extra += scaled[earn.id].get(place, Fraction(0))
    return (Fraction(factor) - 1) * extra


def _own_limits(basket: Basket, state: MemberState, rule: Rule, desired: int) -> Wish:
    owner = _owner(rule, basket.program)
    own, limit = state.cut(owner, basket.date, basket.sale.id, desired)
    if own > 0 and not state.uses_left(rule.id, rule.uses, basket.date):
        own, limit = 0, "uses"
    return Wish(desired, own, limit)


def _within_caps(basket: Basket, state: MemberState, wishes: Mapping[str, Wish]) -> list[Posting]:
    """Fills the program's caps rule by rule and counts what each gave (section 4.5)."""
    date, sale = basket.date, basket.sale.id
    postings = []
    for rule in basket.program.rules_in_order():
        wish = wishes.get(rule.id)
        if wish is None or wish.desired <= 0:
            continue
        currency = basket.program.currency[basket.program.currency_of(rule)]
        owner = Owner(f"cap {currency.id}", currency.caps, currency.scale)
        granted, cap = state.cut(owner, date, sale, wish.own)
        limit = f"cap.{cap}" if cap else wish.limit
        postings.append(
            Posting(rule.id, _kind(rule), currency.id, wish.desired, granted, limit)
        )
        if granted > 0:
            state.count_given(owner, date, sale, granted)
            state.count_given(_owner(rule, basket.program), date, sale, granted)
            state.count_use(rule.id, rule.uses, date)
            state.add_points(currency, date, granted)
    return postings


def _at_tier(value: Decimal | dict[str, Decimal], tier: str | None) -> Decimal | None:
    """The figure at the tier; None where a table by tier does not list it."""
    if isinstance(value, Decimal):
        return value
    return None if tier is None else value.get(tier)


def _currency(basket: Basket, rule: Rule) -> str:
    return basket.program.currency[basket.program.currency_of(rule)].id


def _scale(basket: Basket, rule: Rule) -> int:
    return basket.program.currency[basket.program.currency_of(rule)].scale


def _round(basket: Basket, rule: Rule, exact: Fraction) -> int:
    default = basket.program.currency[basket.program.currency_of(rule)].round
    return rounded(exact, rule.round or default)


def rounded(exact: Fraction, mode: str) -> int:
    """A whole number by one of the four modes of section 4.2.

    >>> [rounded(Fraction(5, 2), m) for m in ("floor", "ceil", "half_up", "half_even")]
    [2, 3, 3, 2]
    """
    whole = exact.numerator // exact.denominator
    fraction = exact - whole
    half = Fraction(1, 2)
    up = {
        "floor": False,
        "ceil": fraction > 0,
        "half_up": fraction >= half,
        "half_even": fraction > half or (fraction == half and whole % 2 == 1),
    }
    return whole + up[mode]


def _owner(rule: Rule, program: Program) -> Owner:
    scale = program.currency[program.currency_of(rule)].scale
    return Owner(f"rule {rule.id}", rule.limits, scale)


def _kind(rule: Rule) -> str:
    match rule:
        case Earn():
            return "earn"
        case Multiply():
            return "multiply"
        case Bonus():
            return "bonus"
