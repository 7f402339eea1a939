"""Checks of offers and their groups (rulebook sections 3, 8 and 10)."""

from __future__ import annotations

from decimal import Decimal

from ..program.conditions import LINE_LISTS
from ..program.offers import (
    AmountOff,
    Bundle,
    BuyGet,
    EarlyAccess,
    FreeDelivery,
    NForM,
    OfferBand,
    OfferLimits,
    Percent,
    Service,
    SpendBands,
    VolumeBands,
)
from ..program.program import Program
from ..program.rules import Offer
from .figures import MAX_DECIMALS, Found, filled, known, some_product


def offer(program: Program, path: str, rule: Offer) -> Found:
    """An offer beside its id and conditions."""
    if rule.when.activity is not None:
        yield f"{path}.when.activity", "an offer is of a basket"
    if rule.group is not None:
        names = [group.id for group in program.offer_group]
        yield from known(f"{path}.group", "offer group", rule.group, names)
        modes = {group.id: group.mode for group in program.offer_group}
        if modes.get(rule.group) == "best_of_line" and not _is_by_line(rule):
            yield f"{path}.benefit", "in a group by line what is off a line must be of it alone"
    yield from _benefit(f"{path}.benefit", rule)
    if not takes_money(rule):
        for name in OfferLimits.__struct_fields__:
            if getattr(rule.limits, name) is not None:
                yield f"{path}.limits.{name}", "the benefit takes nothing off"
        if rule.budget is not None:
            yield f"{path}.budget", "the benefit takes nothing off"


def _is_by_line(rule: Offer) -> bool:
    """Whether what is off a line would be the same if it were the basket's only one."""
    match rule.benefit:
        case Percent(units=units, which=which, of=None):
            return units is None or which == "each_line"
        case AmountOff(per_unit=per_unit, units=units, which=which, of=None):
            return per_unit and (units is None or which == "each_line")
    return False


def takes_money(rule: Offer) -> bool:
    """Whether an offer can take anything off."""
    benefit = rule.benefit
    if isinstance(benefit, FreeDelivery):
        return benefit.of is not None
    return not isinstance(benefit, EarlyAccess | Service)


def _benefit(path: str, rule: Offer) -> Found:
    match rule.benefit:
        case Percent(percent=percent):
            yield from _percent(f"{path}.percent", percent)
            yield from _units(path, rule.benefit)
        case AmountOff():
            yield from _units(path, rule.benefit)
        case NForM(n=n, m=m) if m >= n:
            yield f"{path}.m", f"must be below the {n} that are bought"
        case BuyGet(percent=percent, of=of, each_set=each_set):
            yield from _percent(f"{path}.percent", percent)
            if of is not None:
                yield from some_product(f"{path}.of", of)
                if each_set:
                    yield f"{path}.each_set", "what is got is of other lines, and makes no sets"
        case Bundle(part=parts):
            for place, part in enumerate(parts):
                yield from some_product(f"{path}.part[{place}].when", part.when)
        case SpendBands(bands=bands, round=mode) | VolumeBands(bands=bands, round=mode):
            yield from _bands(f"{path}.bands", bands)
            if mode != "floor" and all(band.percent is None for band in bands):
                yield f"{path}.round", "no band has a percentage, which could be rounded"
        case FreeDelivery(of=of) if of is not None:
            yield from some_product(f"{path}.of", of)


def _units(path: str, benefit: Percent | AmountOff) -> Found:
    if benefit.units is None:
        if benefit.which is not None:
            yield f"{path}.which", "says nothing without `units`, how many they are"
    elif isinstance(benefit, AmountOff) and not benefit.per_unit:
        yield f"{path}.units", "the amount is off the lines together, not `per_unit`"
    if benefit.of is not None:
        # One without conditions is the whole basket.
        yield from filled(f"{path}.of", benefit.of, LINE_LISTS)


def _percent(path: str, value: Decimal) -> Found:
    if not (value.is_finite() and 0 < value <= 100 and value == round(value, MAX_DECIMALS)):
        yield path, f"must be above 0 and at most 100 with at most {MAX_DECIMALS} decimals"


def _bands(path: str, bands: list[OfferBand]) -> Found:
    for place, band in enumerate(bands):
        at = f"{path}[{place}]"
        if (band.percent is None) == (band.amount is None):
            yield at, "give either percent or amount"
        if band.percent is not None:
            yield from _percent(f"{at}.percent", band.percent)
        if place and band.start <= bands[place - 1].start:
            yield f"{at}.from", f"must be above the {bands[place - 1].start} of the band before"


def groups(program: Program) -> Found:
    """Groups that no offer names."""
    named = {rule.group for rule in program.rule if isinstance(rule, Offer)}
    for place, group in enumerate(program.offer_group):
        if group.id not in named:
            yield f"offer_group[{place}]", f"no offer names the group {group.id!r}"
