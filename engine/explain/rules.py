"""Why each rule gave what it gave to a basket, line by line (rulebook sections 3 and 4)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from functools import cache
from typing import Any

import msgspec

from ..program.rules import Bonus, Earn, Multiply, Offer, Rule
from ..reference.accrual import waiting_of
from ..reference.basis import at_tier
from ..reference.basket import given_of_line, line_value, meets
from ..reference.conditions import (
    CONDITIONS,
    failed_condition,
    failed_of_basket,
    failed_of_line,
    origin,
)
from ..reference.earning import has_figure
from ..reference.lines import BasketLine
from ..reference.metrics import Metric, asked, metric
from ..reference.outcome import Outcome
from ..reference.state import Basket
from ..reference.world import currencies, exactly, scales
from .shape import Cut, Failed, LineOfRule, LineTold, LotMade, Result, RuleTold
from .trace import Rated


def exact_text(figure: Fraction | int) -> str:
    """A whole number, or numerator/denominator in lowest terms."""
    return str(figure)


def metric_name(name: Metric) -> str:
    """A metric as the program file writes it: `spend`, `points.stars`."""
    return ".".join(filter(None, name))


def plain(value: Any) -> Any:
    """A value of a program or a basket as JSON has it; exact figures are texts."""
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, msgspec.Struct):
        value = {shown: getattr(value, name) for name, shown in _fields(type(value))}
        value = {name: item for name, item in value.items() if item not in (None, [], {})}
    if isinstance(value, dict):
        return {name: plain(item) for name, item in value.items()}
    return _one(value)


@cache
def _fields(kind: type[msgspec.Struct]) -> list[tuple[str, str]]:
    """Fields of a struct: (as here, as in the program file)."""
    return [(field.name, field.encode_name) for field in msgspec.structs.fields(kind)]


def _one(value: Any) -> Any:
    match value:
        case Fraction():
            return exact_text(value)
        case Decimal():
            return f"{value:f}"
        case dt.date() | dt.time():
            return value.isoformat()
    return value


# -- lines ---------------------------------------------------------------------------------------


def lines_told(basket: Basket) -> list[LineTold]:
    """The lines of a basket and what of each earns."""
    if not basket.is_sale:
        return []
    eligible = set(basket.eligible_lines)
    return [
        LineTold(
            line.line.number, line.line.sku, line.quantity, line.net, _state(line),
            basket.eligible(place) if place in eligible else 0, line.redeemed_left,
        )
        for place, line in enumerate(basket.lines)
    ]  # fmt: skip


def _state(line: BasketLine) -> Any:
    if line.line.is_void:
        return "void"
    if line.gone:
        return "gone"
    return "excluded" if line.excluded else "counts"


def _never_seen(basket: Basket, line: BasketLine) -> Failed | None:
    """Why no rule sees a line; None where rules do."""
    state = _state(line)
    if state == "counts":
        return None
    if state != "excluded":
        return Failed(state)
    sku, product = line.line.sku, line.product
    entry = next(entry for entry in basket.program.exclude if meets(sku, product, entry))
    found = {name: plain(line_value(sku, product, name)) for name, _ in given_of_line(entry)}
    return Failed(state, plain(entry), found)


# -- conditions ----------------------------------------------------------------------------------


def _why_not(basket: Basket, rule: Rule) -> Failed | None:
    """Why a rule takes no part in a basket; None if it does."""
    if rule.id in basket.closed:
        return Failed("budget", plain(rule.budget), "closed")
    name = failed_condition(basket, rule)
    if name is not None:
        return _of_basket(basket, rule, name)
    if not has_figure(rule, basket.tier):
        table: Any = rule.factor if isinstance(rule, Multiply) else getattr(rule, "points", None)
        return Failed("figure", sorted(table), basket.tier)
    return None


def _of_basket(basket: Basket, rule: Rule, name: str) -> Failed:
    match name:
        case "activity":
            came = basket.code if basket.kind == "activity" else basket.kind
            return Failed(name, plain(rule.when.activity), came)
        case "on":
            on = rule.on if isinstance(rule, Bonus) else None
            return Failed(name, on, basket.kind if on is None else _since(basket, on))
        case "eligible":
            return Failed(name, None, basket.eligible_sum)
        case "entry":
            return _of_entry(basket)
    return _of_condition(basket, rule, name)


def _of_condition(basket: Basket, rule: Rule, name: str) -> Failed:
    when = rule.when.negated if name.startswith("not.") else rule.when
    field = name.removeprefix("not.")
    wanted = getattr(when, field)
    if field not in CONDITIONS:
        # A condition on lines: no line that counts meets it.
        lines = (basket.lines[place] for place in basket.eligible_lines)
        values = (line_value(line.line.sku, line.product, field) for line in lines)
        return Failed(name, plain(wanted), list(dict.fromkeys(map(_shown, values))))
    if field == "anniversary":
        return Failed(name, plain(wanted), _since(basket, wanted.of))
    return Failed(name, plain(wanted), plain(CONDITIONS[field].look(basket, wanted, rule)))


def _of_entry(basket: Basket) -> Failed:
    """What a closed club asks of a candidate, and what the member has."""
    entry = basket.program.membership.entry
    assert entry is not None
    member = basket.member
    found = {
        metric_name(name): exact_text(figure) if figure is not None else None
        for name in asked(entry.at_least)
        for figure in [metric(basket.program, member, name, member.records)]
    }
    wanted = {metric_name(name): exact_text(least) for name, least in asked(entry.at_least).items()}
    return Failed("entry", wanted, found)


def _since(basket: Basket, name: str) -> str | None:
    """The date of which an anniversary is; None where it is not known."""
    found = origin(basket.program, basket.member.about, name)
    return None if found is None else found[0].isoformat()


def _shown(value: Any) -> Any:
    return ", ".join(value) if isinstance(value, list) else plain(value)


def _of_line(line: BasketLine, rule: Rule, name: str) -> Failed:
    when = rule.when.negated if name.startswith("not.") else rule.when
    field = name.removeprefix("not.")
    found = line_value(line.line.sku, line.product, field)
    return Failed(name, plain(getattr(when, field)), plain(found))


# -- rules ---------------------------------------------------------------------------------------


def rules_told(rated: Rated, lots: list[LotMade]) -> list[RuleTold]:
    """Every rule of the version on a basket, in (priority, file) order."""
    made = {lot.rule: lot for lot in lots if lot.source == rated.basket.fact}
    waits = waiting_of(rated.basket, rated.outcomes)
    return [
        _offer_told(rated, rule) if isinstance(rule, Offer)
        else _told(rated, rule, made.get(rule.id), waits.get(rule.id, 0))
        for rule in rated.basket.program.rules_in_order()
    ]


def _offer_told(rated: Rated, rule: Offer) -> RuleTold:
    """An offer posts nothing: whether its conditions held, and what a sale that names it took
    off."""
    basket, named = rated.basket, dict(rated.basket.offers)
    condition = failed_condition(basket, rule)
    failed = None if condition is None else _of_basket(basket, rule, condition)
    closed = failed is None and rule.id in basket.closed
    if closed:
        failed = Failed("budget", plain(rule.budget), "closed")
    of_basket = failed if closed or failed_of_basket(basket, rule) is not None else None
    result: Result = "offer" if failed is None or rule.id in named else "does not apply"
    return RuleTold(
        rule.id, "offer", "", result, failed is None, failed,
        list(_lines(rated, rule, None, of_basket)),
        rate={"amount": named[rule.id]} if rule.id in named else {},
    )


def _told(rated: Rated, rule: Rule, lot: LotMade | None, waits: int) -> RuleTold:
    basket = rated.basket
    kind = type(rule).__name__.lower()
    currency = currencies(basket.program)[rule.currency].id
    outcome = rated.outcomes.get(rule.id)
    if outcome is None:
        failed = _why_not(basket, rule)
        assert failed is not None, rule.id
        of_basket = failed_of_basket(basket, rule) is not None or failed.condition in (
            "budget", "figure",
        )  # fmt: skip
        lines = list(_lines(rated, rule, None, failed if of_basket else None))
        return RuleTold(rule.id, kind, currency, "does not apply", False, failed, lines)
    wish = rated.wishes.get(rule.id, outcome)
    exact, basis = _figures(basket, wish)
    result: Result = "gives"
    if outcome.granted <= 0:
        result = "cut" if outcome.limit else "rounds to nothing" if exact else "nothing to act on"
    return RuleTold(
        rule.id, kind, currency, result, True, None, list(_lines(rated, rule, wish, None)),
        basis_of=_basis_of(rule), basis=None if basis is None else exact_text(basis),
        rate=_rate(rule, basket.tier), factor=_factor(basket, rule),
        carried=_carried(basket, rule), exact=exact_text(exact), round=_rounding(wish),
        desired=outcome.desired, granted=outcome.granted, waits=waits,
        limit=_cut(rated, outcome), lot=lot,
    )  # fmt: skip


def _lines(
    rated: Rated, rule: Rule, wish: Outcome | None, failed: Failed | None
) -> Iterator[LineOfRule]:
    """Each line under a rule; `failed` is what keeps the rule from all of them."""
    basket = rated.basket
    if not basket.is_sale:
        return
    # Without room before the basket a rule takes no part, and no line is worked out for it.
    unseen = wish is not None and wish.lost and rule.id not in rated.wishes
    for place, line in enumerate(basket.lines):
        number, sku = line.line.number, line.line.sku
        why = _never_seen(basket, line) or failed
        if why is None and (name := failed_of_line(line, rule)) is not None:
            why = _of_line(line, rule, name)
        if why is None and wish is not None and place not in wish.lines and not unseen:
            why = Failed("taken", rule.group if isinstance(rule, Earn | Offer) else rule.stack,
                         _taker(rated, rule, place))  # fmt: skip
        if why is not None or wish is None:
            yield LineOfRule(number, sku, why is None, why)
            continue
        exact = wish.by_line.get(place)
        basis = wish.basis.get(place)
        yield LineOfRule(
            number, sku, True, None, None if basis is None else exact_text(basis),
            None if exact is None else exact_text(exact),
        )


def _taker(rated: Rated, rule: Rule, place: int) -> str | None:
    """The rule of the same group or stack for which a line counts."""
    for other in rated.outcomes.values():
        mine = rated.wishes.get(other.rule.id, other)
        if other.rule.id != rule.id and _together(other.rule, rule) and place in mine.lines:
            return other.rule.id
    return None


def _together(one: Rule, other: Rule) -> bool:
    """Whether two rules are of one group, or of one stack."""
    if isinstance(one, Earn | Offer) or isinstance(other, Earn | Offer):
        both = isinstance(one, Earn) and isinstance(other, Earn)
        return both and one.group is not None and one.group == other.group  # type: ignore[union-attr]
    return one.stack is not None and one.stack == other.stack


# -- amounts -------------------------------------------------------------------------------------


def _figures(basket: Basket, wish: Outcome) -> tuple[Fraction, Fraction | None]:
    """(the exact figure before rounding, the basis that it was worked out of)."""
    rule, units = wish.rule, scales(basket.program)[wish.rule.currency]
    basis = sum(wish.basis.values(), Fraction(0))
    match rule:
        case Earn(basis="visit"):
            return wish.exact, Fraction(1)
        case Bonus(of_balance=of_balance) if of_balance is not None:
            balance = basket.member.wallet.active(wish.currency.id)
            return (exactly(of_balance.factor) - 1) * balance, Fraction(balance)
        case Bonus(points=points, per_units=per_units):
            figure = at_tier(points, basket.tier)
            assert figure is not None
            if per_units is None:
                return exactly(figure) * units, None
            return exactly(figure) * units * wish.rewards, basis
    return wish.exact, basis


def _basis_of(rule: Rule) -> str | None:
    match rule:
        case Earn(basis=basis):
            return basis
        case Multiply():
            return "points"
        case Bonus(of_balance=of_balance) if of_balance is not None:
            return "balance"
        case Bonus(per_units=per_units) if per_units is not None:
            return "units"
    return None


def _rate(rule: Rule, tier: str | None) -> dict[str, Any]:
    """What a rule gives for its basis, at the tier."""
    match rule:
        case Earn(bands=bands) if bands is not None:
            return {"bands": plain(bands), "mode": rule.band_mode, "per": rule.per,
                    "blocks": rule.blocks}  # fmt: skip
        case Earn():
            return {"points": plain(at_tier(rule.points, tier)), "per": rule.per,
                    "blocks": rule.blocks}  # fmt: skip
        case Bonus(of_balance=of_balance) if of_balance is not None:
            return {"cap": plain(of_balance.cap)}
        case Bonus(per_units=per_units):
            each = {} if per_units is None else {"per_units": plain(per_units)}
            return {"points": plain(at_tier(rule.points, tier)), **each}
    return {}


def _factor(basket: Basket, rule: Rule) -> str | None:
    match rule:
        case Multiply():
            return plain(at_tier(rule.factor, basket.tier))
        case Bonus(of_balance=of_balance) if of_balance is not None:
            return plain(of_balance.factor)
    return None


def _carried(basket: Basket, rule: Rule) -> str | None:
    if rule.round == "carry":
        return exact_text(basket.member.carry.get(rule.id, Fraction(0)))
    if isinstance(rule, Bonus) and rule.per_units is not None:
        return exact_text(basket.member.units.get(rule.id, Fraction(0)))
    return None


def _rounding(wish: Outcome) -> str | None:
    if isinstance(wish.rule, Bonus):
        return "floor" if wish.rule.of_balance is not None else None
    if wish.currency.round_at == "basket":
        return f"basket {wish.currency.round}"
    return wish.rule.round or wish.currency.round


def _cut(rated: Rated, outcome: Outcome) -> Cut | None:
    """The limit that lowered a rule's figure last."""
    name, rule = outcome.limit, outcome.rule
    if not name:
        return None
    by = _winner(rated, outcome) if name == "group" else None
    return Cut(name, _most(outcome, name), rated.rooms.get((rule.id, name)), by)


def _most(outcome: Outcome, name: str) -> str | None:
    """What a limit says, in points; of uses their number."""
    rule = outcome.rule
    if name == "uses":
        given = ((n, getattr(rule.uses, n)) for n in rule.uses.__struct_fields__)
        return ", ".join(f"{n} {most}" for n, most in given if most is not None)
    if name == "budget":
        return plain(rule.budget)
    caps: Any = outcome.currency.caps if name.startswith("cap.") else rule.limits
    return plain(getattr(caps, name.removeprefix("cap."), None))


def _winner(rated: Rated, outcome: Outcome) -> str | None:
    """The rule of the same group or stack that was given instead."""
    others = (
        other.rule.id for other in rated.outcomes.values()
        if not other.lost and other is not outcome and _together(other.rule, outcome.rule)
    )  # fmt: skip
    return next(others, None)
