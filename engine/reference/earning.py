"""What the rules of a program give to one basket (rulebook sections 4.2 to 4.5)."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from fractions import Fraction

from ..program.currencies import Currency
from ..program.rules import Bonus, Earn, Multiply, Offer, Rule
from .basis import (
    at_tier,
    exact_earn,
    rounded,
    units_bought,
    without_fractions,
)
from .conditions import matching
from .limits import (
    cut,
    no_room,
    own_anniversary,
    scale_of,
    was_given_once,
    within_caps,
)
from .outcome import NOTHING, Outcome
from .state import Basket
from .world import currencies, exactly, rules_by_kind


def rate(basket: Basket) -> dict[str, Outcome]:
    """Outcomes by rule id, in (priority, file) order, of the rules that take part."""
    outcomes = list(_that_match(basket))
    if not outcomes:
        return {}
    _in_order_of_groups(basket, outcomes)
    for outcome in outcomes:
        if isinstance(outcome.rule, Earn):
            _earn(basket, outcome)
    _best_of_groups(basket, outcomes)
    _first_of_stacks(basket, outcomes)
    _multiply(basket, outcomes)
    _round_baskets(basket, outcomes)
    for outcome in outcomes:
        if isinstance(outcome.rule, Bonus):
            _bonus(basket, outcome)
    _best_bonus_of_stacks(basket, outcomes)
    _fill_caps(basket, outcomes)
    return {outcome.rule.id: outcome for outcome in outcomes}


def _that_match(basket: Basket) -> Iterable[Outcome]:
    for place, rule in rules_by_kind(basket.program)[basket.kind]:
        if rule.id in basket.closed or not has_figure(rule, basket.tier):
            continue
        lines = matching(basket, rule)
        if lines:
            currency = currencies(basket.program)[rule.currency]
            year = own_anniversary(basket, rule)
            yield Outcome(rule, place, currency, lines, anniversary=year)


def has_figure(rule: Rule, tier: str | None) -> bool:
    """Whether a rule has a figure at the tier."""
    match rule:
        case Earn(points=points, bands=bands):
            return bands is not None or at_tier(points, tier) is not None
        case Multiply(factor=factor):
            return at_tier(factor, tier) is not None
        case Offer():
            return False
        case Bonus(points=points, of_balance=of_balance):
            return of_balance is not None or at_tier(points, tier) is not None


def _lose(outcome: Outcome, limit: str) -> None:
    """The rule takes no part: what it wanted is told, nothing of it counts."""
    outcome.own, outcome.limit, outcome.lost = 0, limit, True
    outcome.exact, outcome.by_line, outcome.units, outcome.rewards = NOTHING, {}, NOTHING, 0


def _in(outcomes: Iterable[Outcome], names: Iterable[str]) -> dict[str, list[Outcome]]:
    """Outcomes by the group or stack group that they name, of those asked for."""
    found: dict[str, list[Outcome]] = {name: [] for name in names}
    for outcome in outcomes:
        rule = outcome.rule
        name = rule.group if isinstance(rule, Earn | Offer) else rule.stack
        if name in found:
            found[name].append(outcome)
    return found


# -- earn --------------------------------------------------------------------------------------


def _in_order_of_groups(basket: Basket, outcomes: list[Outcome]) -> None:
    """Rules without room leave their group; in `first` ones a line counts once."""
    modes = {group.id: group.mode for group in basket.program.group}
    earns = [outcome for outcome in outcomes if isinstance(outcome.rule, Earn)]
    for name, members in _in(earns, modes).items():
        taken: set[int] = set()
        for outcome in members:
            reason = no_room(basket, outcome.rule)
            if reason:
                outcome.lines = []
                _lose(outcome, reason)
            elif modes[name] == "first":
                outcome.lines = [place for place in outcome.lines if place not in taken]
                taken.update(outcome.lines)


def _earn(basket: Basket, outcome: Outcome) -> None:
    rule = outcome.rule
    assert isinstance(rule, Earn)
    if not outcome.lines:
        return
    scale = scale_of(basket, rule)
    earned = exact_earn(basket, rule, outcome.lines, scale)
    outcome.basis = earned.basis
    _wish(basket, outcome, earned.exact, earned.by_line)


def _wish(
    basket: Basket, outcome: Outcome, exact: Fraction, by_line: dict[int, Fraction]
) -> None:
    """Round a figure by the rule's mode and cut it by the rule's own limits."""
    outcome.exact, outcome.by_line = exact, by_line
    outcome.desired = max(0, _rounded(basket, outcome))
    basket.trace.wishes(outcome)
    outcome.own, outcome.limit = cut(basket, outcome.rule, outcome.desired)


def _rounded(basket: Basket, outcome: Outcome) -> int:
    if outcome.currency.round_at == "basket":
        return math.floor(outcome.exact)
    mode = outcome.rule.round or outcome.currency.round
    if mode == "carry":
        # Two members that are one may have brought a whole point, whatever this basket earns.
        before = basket.member.carry.get(outcome.rule.id, NOTHING)
        return max(0, math.floor(before + outcome.exact))
    if mode == "line":
        return max(0, without_fractions(outcome.by_line))
    return rounded(outcome.exact, mode)


def _best_of_groups(basket: Basket, outcomes: list[Outcome]) -> None:
    names = [group.id for group in basket.program.group if group.mode == "best"]
    for members in _in((o for o in outcomes if isinstance(o.rule, Earn)), names).values():
        _keep_best([outcome for outcome in members if not outcome.lost])


def _keep_best(members: list[Outcome]) -> None:
    best = max(members, key=lambda outcome: outcome.own, default=None)
    for outcome in members:
        if outcome is not best:
            _lose(outcome, "group")


# -- multiply ----------------------------------------------------------------------------------


def _first_of_stacks(basket: Basket, outcomes: list[Outcome]) -> None:
    """In a stack group `first` only the first rule that takes part gives anything.

    Whoever has no room leaves its stack group, of whatever mode.
    """
    modes = {stack.id: stack.mode for stack in basket.program.stack}
    others = (outcome for outcome in outcomes if not isinstance(outcome.rule, Earn))
    for name, members in _in(others, modes).items():
        first = None
        for outcome in members:
            reason = no_room(basket, outcome.rule)
            if reason:
                outcome.lines = []
                _lose(outcome, reason)
            elif modes[name] == "first" and first is not None:
                _lose(outcome, "group")
            else:
                first = outcome


def _multiply(basket: Basket, outcomes: list[Outcome]) -> None:
    modes = {stack.id: stack.mode for stack in basket.program.stack}
    factors: dict[tuple[str, int], Fraction] = {}
    multiplies = [outcome for outcome in outcomes if isinstance(outcome.rule, Multiply)]
    for members in _in(multiplies, [n for n, mode in modes.items() if mode == "best"]).values():
        _best_by_line(basket, members)
    for outcome in multiplies:
        rule = outcome.rule
        assert isinstance(rule, Multiply)
        earned = _scaled_earn(outcomes, outcome.currency)
        factor = factor_of(basket, rule)
        by_line = {}
        for place in outcome.lines:
            chained = Fraction(1)
            if modes.get(rule.stack or "") == "compound":
                chained = factors.get((rule.stack or "", place), Fraction(1))
                factors[rule.stack or "", place] = chained * factor
            outcome.basis[place] = chained * earned.get(place, NOTHING)
            by_line[place] = (factor - 1) * outcome.basis[place]
        lost, limit = outcome.lost, outcome.limit
        if outcome.lines:
            extra = sum(by_line.values(), NOTHING)
            if outcome.currency.round_at == "basket":
                # It adds nothing below zero to the sum that is rounded once.
                extra = max(NOTHING, extra)
            _wish(basket, outcome, extra, by_line)
        if lost:
            _lose(outcome, limit)


def factor_of(basket: Basket, rule: Multiply) -> Fraction:
    """The factor of a multiply at the basket's tier, which it must have."""
    factor = at_tier(rule.factor, basket.tier)
    assert factor is not None
    return exactly(factor)


def _best_by_line(basket: Basket, members: list[Outcome]) -> None:
    """Each line is of the largest factor, ties to the earlier rule."""
    best: dict[int, Outcome] = {}
    factors: dict[int, Fraction] = {}
    for outcome in members:
        assert isinstance(outcome.rule, Multiply)
        factor = factor_of(basket, outcome.rule)
        for place in outcome.lines:
            if place not in best or factor > factors[place]:
                best[place], factors[place] = outcome, factor
    for outcome in members:
        outcome.lines = [place for place in outcome.lines if best[place] is outcome]


def _scaled_earn(outcomes: list[Outcome], currency: Currency) -> Mapping[int, Fraction]:
    """Exact earn of each line in a currency, by what own limits left of every rule's."""
    total: dict[int, Fraction] = {}
    for outcome in outcomes:
        if not isinstance(outcome.rule, Earn) or outcome.currency is not currency:
            continue
        uncut = outcome.own == outcome.desired
        share = Fraction(1) if uncut else Fraction(outcome.own, outcome.desired)
        for place, figure in outcome.by_line.items():
            total[place] = total.get(place, NOTHING) + share * figure
    return total


def _round_baskets(basket: Basket, outcomes: list[Outcome]) -> None:
    """`round_at = "basket"`: the exact figures of a currency are rounded once, together."""
    for currency in basket.program.currency:
        if currency.round_at != "basket":
            continue
        members = [
            outcome
            for outcome in outcomes
            if outcome.currency is currency and not outcome.lost and outcome.exact
        ]
        total = rounded(sum((o.exact for o in members), NOTHING), currency.round)
        more = total - sum(math.floor(outcome.exact) for outcome in members)
        by_fraction = sorted(members, key=lambda o: math.floor(o.exact) - o.exact)
        for outcome in by_fraction[:more]:
            outcome.desired = max(0, math.floor(outcome.exact) + 1)
            basket.trace.wishes(outcome)
            outcome.own, outcome.limit = cut(basket, outcome.rule, outcome.desired)


# -- bonus ---------------------------------------------------------------------------------------


def _bonus(basket: Basket, outcome: Outcome) -> None:
    rule = outcome.rule
    assert isinstance(rule, Bonus)
    if not outcome.lines:
        return
    outcome.desired = _bonus_figure(basket, rule, outcome)
    basket.trace.wishes(outcome)
    if outcome.lost:
        _lose(outcome, outcome.limit)
        return
    outcome.own, outcome.limit = cut(basket, rule, outcome.desired)
    if outcome.own and was_given_once(basket, rule):
        outcome.own, outcome.limit = 0, "once"


def _bonus_figure(basket: Basket, rule: Bonus, outcome: Outcome) -> int:
    scale = scale_of(basket, rule)
    if rule.of_balance is not None:
        balance = basket.member.wallet.active(outcome.currency.id)
        figure = math.floor((exactly(rule.of_balance.factor) - 1) * balance)
        return min(figure, int(rule.of_balance.cap * scale))
    points = at_tier(rule.points, basket.tier)
    assert points is not None
    if rule.per_units is None:
        return int(points * scale)
    outcome.basis = {place: units_bought(basket, [place]) for place in outcome.lines}
    outcome.units = sum(outcome.basis.values(), NOTHING)
    bought = basket.member.units.get(rule.id, NOTHING) + outcome.units
    outcome.rewards = max(0, math.floor(bought / exactly(rule.per_units)))
    return outcome.rewards * int(points * scale)


def _best_bonus_of_stacks(basket: Basket, outcomes: list[Outcome]) -> None:
    names = [stack.id for stack in basket.program.stack if stack.mode == "best"]
    bonuses = (outcome for outcome in outcomes if isinstance(outcome.rule, Bonus))
    for members in _in(bonuses, names).values():
        _keep_best([outcome for outcome in members if not outcome.lost])


# -- caps ----------------------------------------------------------------------------------------


def _fill_caps(basket: Basket, outcomes: list[Outcome]) -> None:
    """The program's caps are filled rule by rule in (priority, file) order."""
    filled: Counter[str] = Counter()
    for outcome in outcomes:
        currency = outcome.currency
        outcome.granted, cap = within_caps(basket, outcome.rule, currency, outcome.own,
                                           filled[currency.id])
        outcome.limit = cap or outcome.limit
        filled[currency.id] += outcome.granted
