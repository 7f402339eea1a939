"""What comes back: lines of a sale and what its rules still give (rulebook section 9)."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

from ..columns.status import Status
from ..facts import ReturnedLine
from ..program.rules import Bonus, Earn
from .basis import units_bought
from .earning import rate
from .lines import BasketLine, eligible_amount
from .outcome import NOTHING, Outcome, Worth
from .state import Basket, SaleState
from .turn import Row, Turn, is_status
from .world import Accepted, exactly


class Refusal(Exception):
    """A fact refused for state, at its place or because of a later one."""

    def __init__(self, fact: str, status: Status) -> None:
        self.fact = fact
        self.status = status
        super().__init__(f"{fact}: {status.name}")


# -- lines -----------------------------------------------------------------------------------


def lines_left(
    fact: str, left: Sequence[BasketLine], returned: Sequence[ReturnedLine]
) -> list[BasketLine]:
    """What is left of a sale's lines; of a return that names none, nothing.

    Raises Refusal for what was not sold or is back.
    """
    lines = list(left)
    if not returned:
        return [
            line if line.gone or line.line.is_void else _less(line, line.quantity, line.net)
            for line in lines
        ]
    for item in returned:
        quantity, net = item.quantity, item.net
        places = _places(fact, lines, item)
        if _moves_nothing(lines, item):
            continue
        for nth, place in enumerate(places):
            line = lines[place]
            if not (line.gone or line.line.is_void):
                of_quantity, of_net = min(quantity, line.quantity), min(net, line.net)
                lines[place] = _less(line, of_quantity, of_net)
                quantity, net = quantity - of_quantity, net - of_net
            if nth == 0 and item.line is not None and line.line.voided:
                lines[place] = _elsewhere(fact, lines[place], quantity, net)
        if quantity or net:
            raise Refusal(fact, Status.RETURNS_TOO_MUCH)
    return lines


def _elsewhere(fact: str, line: BasketLine, quantity: int, net: int) -> BasketLine:
    """A voided line in whose name so much comes back of others. Raises Refusal for more in all
    than was rung up on it."""
    sold = line.line
    over = line.elsewhere[0] + quantity, line.elsewhere[1] + net
    if (
        sold.quantity - line.quantity + over[0] > sold.full_quantity
        or sold.net - line.net + over[1] > sold.full_net
    ):
        raise Refusal(fact, Status.RETURNS_TOO_MUCH)
    return replace(line, elsewhere=over)


def _places(fact: str, lines: list[BasketLine], item: ReturnedLine) -> list[int]:
    """Places of the lines that an item means: one; or its sku's, the latest first."""
    if item.line is None:
        places = [place for place, x in enumerate(lines) if x.line.sku == item.sku][::-1]
        if not places:
            raise Refusal(fact, Status.NO_SUCH_LINE)
        return places
    for place, named in enumerate(lines):
        if named.line.number == item.line:
            if item.sku not in (None, named.line.sku):
                break
            if not named.line.voided:
                return [place]
            others = [i for i, x in enumerate(lines) if x.line.sku == named.line.sku and i != place]
            return [place, *others[::-1]]
    raise Refusal(fact, Status.NO_SUCH_LINE)


def _less(line: BasketLine, quantity: int, net: int) -> BasketLine:
    """A line of which so much has come back; gone when its quantity is."""
    left = replace(line, quantity=line.quantity - quantity, net=line.net - net)
    over = left.net == 0 if line.line.quantity == 0 else left.quantity == 0
    return replace(left, quantity=0, net=0, gone=True) if over else left


def _moves_nothing(lines: list[BasketLine], item: ReturnedLine) -> bool:
    """Whether an amount is on a line that is gone."""
    if item.quantity:
        return False
    if item.line is not None:
        return any(x.gone for x in lines if x.line.number == item.line)
    return all(x.gone or x.line.is_void for x in lines if x.line.sku == item.sku) and any(
        x.gone for x in lines if x.line.sku == item.sku
    )


def redeemed_back(sale: SaleState) -> tuple[int, int]:
    """(redeemed share that has come back, redeemed amount) over all lines."""
    sold = sum(line.redeemed for line in sale.basket.lines)
    return sold - sum(line.redeemed_left for line in sale.left), sold


# -- rules -----------------------------------------------------------------------------------


def remainder_of(outcome: Outcome) -> Fraction:
    """What a rule with `carry` keeps of a basket: exact earn less points before limits."""
    if outcome.lost or outcome.rule.round != "carry":
        return NOTHING
    return outcome.exact - outcome.desired


def units_of(outcome: Outcome) -> Fraction:
    """What a bonus per units keeps of a basket: units less those that were rewarded."""
    per_units = _per_units(outcome)
    return outcome.units - outcome.rewards * per_units if per_units else NOTHING


def _per_units(outcome: Outcome) -> Fraction:
    rule = outcome.rule
    if isinstance(rule, Bonus) and rule.per_units is not None:
        return exactly(rule.per_units)
    return NOTHING


def worth(sale: SaleState) -> Worth:
    """What the sale has given after returns, by the policy of its own program."""
    if sale.basket.program.returns.policy == "proportional":
        return _proportional(sale)
    return _recomputed(sale)


def _recomputed(sale: SaleState) -> Worth:
    """F, then the lesser of F and the first figure, per currency, cut from the last rule."""
    found = Worth()
    found.outcomes = rate(sale.basket.with_lines(sale.left))
    first: Counter[str] = Counter()
    now: Counter[str] = Counter()
    for outcome in sale.first.values():
        first[outcome.currency.id] += outcome.granted
    for name, outcome in found.outcomes.items():
        found.points[name] = outcome.granted
        found.exact[name] = remainder_of(outcome)
        found.units[name] = units_of(outcome)
        now[outcome.currency.id] += outcome.granted
    for name, outcome in reversed(found.outcomes.items()):
        currency = outcome.currency.id
        too_much = min(max(0, now[currency] - first[currency]), found.points[name])
        found.points[name] -= too_much
        now[currency] -= too_much
    return found


def _proportional(sale: SaleState) -> Worth:
    found = Worth()
    for name, outcome in sale.first.items():
        back, share = _gives_back(sale, outcome)
        found.points[name] = outcome.granted - back
        found.exact[name] = remainder_of(outcome) * (1 - share)
        if _per_units(outcome) and not outcome.lost:
            units = units_bought(sale.basket.with_lines(sale.left), outcome.lines)
            rewarded = outcome.rewards * _per_units(outcome) * (1 - share)
            found.units[name] = units - rewarded
    return found


def _gives_back(sale: SaleState, outcome: Outcome) -> tuple[int, Fraction]:
    """(points that a rule gives back, the share of them)."""
    granted = outcome.granted
    if not outcome.lines:
        return 0, NOTHING
    if all(sale.left[place].gone for place in outcome.lines):
        return granted, Fraction(1)
    rule = outcome.rule
    if isinstance(rule, Bonus) and rule.per_units is None:
        return 0, NOTHING
    sold = _measure(sale.basket, outcome)
    left = _measure(sale.basket.with_lines(sale.left), outcome)
    if sold <= 0 or not granted:
        return 0, NOTHING
    back = math.floor(granted * (sold - left) / sold)
    return back, Fraction(back, granted)


def _measure(basket: Basket, outcome: Outcome) -> Fraction:
    """By what a rule's points go back: units or eligible amount of its lines that are left.

    Units are plain ones: the redeemed share plays no part in the share that is back.
    """
    lines = [basket.lines[place] for place in outcome.lines if not basket.lines[place].gone]
    if isinstance(outcome.rule, Bonus):
        return sum((line.units for line in lines), NOTHING)
    if isinstance(outcome.rule, Earn) and outcome.rule.basis == "quantity":
        return Fraction(sum(line.quantity for line in lines))
    on_redeemed = basket.program.earn_on_redeemed
    return Fraction(sum(eligible_amount(line, on_redeemed) for line in lines))


def check_return(entry: Accepted, row: Row) -> None:
    """Whether what came back may be short (section 9). Raises Refusal."""
    program = entry.version.program
    if getattr(entry.fact, "completed", False):
        return
    if program.returns.shortfall == "refuse" and any(
        points for name, points in row.owed_back.items() if not is_status(program, name)
    ):
        raise Refusal(entry.fact.id, Status.POINTS_SPENT)


def sale_named(turn: Turn, name: str) -> SaleState:
    """The sale of an id that is here, to be changed. Raises Refusal if it is no sale."""
    sales = turn.member.sales
    if name not in sales:
        raise Refusal(turn.row.id, Status.NOT_A_SALE)
    sales[name] = sales[name].copy()
    return sales[name]

