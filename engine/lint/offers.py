"""Offers that a quote never proposes, and whose order or company is not what it looks like
(rulebook section 8).

Offers of one group are compared pair by pair, of a large group the first PAIRS_OF.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations, pairwise

from ..program.offers import (
    AmountOff,
    Benefit,
    Bundle,
    BuyGet,
    EarlyAccess,
    FreeDelivery,
    FreeItem,
    OfferLimits,
    Percent,
    Service,
    SpendBands,
    VolumeBands,
)
from ..program.program import Program
from ..program.rules import Offer, Uses
from .conditions import Sets
from .findings import Found, tied_by_place
from .implied import implies
from .rules import PAIRS_OF, all_excluded

_ALWAYS = (FreeItem, FreeDelivery, EarlyAccess, Service)
"""Benefits that any basket has that meets the conditions."""


def lint_offers(program: Program, sets: Sets) -> Iterator[Found]:
    """Every offer's benefit, then groups of offers."""
    offers = [rule for rule in program.rules_in_order() if isinstance(rule, Offer)]
    for offer in offers:
        path = f"{_place(program, offer)}.benefit"
        yield from _falling(path, offer)
        yield from _excluded(program, path, offer)
    modes = {entry.id: entry.mode for entry in program.offer_group}
    of_group = {
        name: [offer for offer in offers if offer.group == name][:PAIRS_OF] for name in modes
    }
    for name, mode in modes.items():
        if mode == "exclusive":
            yield from _exclusive(program, sets, of_group[name])
        elif mode == "best":
            yield from _best(program, sets, of_group[name])
    single = [name for name, mode in modes.items() if mode != "stackable"]
    for one, two in combinations(single, 2):
        yield from _overlap(program, sets, (one, two), (of_group[one], of_group[two]))


def _place(program: Program, offer: Offer) -> str:
    return f"rule[{program.rule.index(offer)}]"


# -- one offer -----------------------------------------------------------------------------------


def _falling(path: str, offer: Offer) -> Iterator[Found]:
    if not isinstance(offer.benefit, SpendBands | VolumeBands):
        return
    for place, (below, band) in enumerate(pairwise(offer.benefit.bands), 1):
        for name in ("percent", "amount"):
            before, now = getattr(below, name), getattr(band, name)
            if before is not None and now is not None and now < before:
                yield Found(
                    "bands-not-rising", f"{path}.bands[{place}].{name}",
                    f"{now} off from {band.start} on, after {before} below", offer.id,
                )  # fmt: skip


def _excluded(program: Program, path: str, offer: Offer) -> Iterator[Found]:
    """What must be there, or is to be got, and is seen by no offer."""
    match offer.benefit:
        case Bundle(part=parts):
            needed = [(f"{path}.part[{place}].when", part.when) for place, part in enumerate(parts)]
        case BuyGet(of=of) | Percent(of=of) | AmountOff(of=of) if of is not None:
            needed = [(f"{path}.of", of)]
        case _:
            return
    for where, lines in needed:
        if all_excluded(program, lines):
            yield Found(
                "excluded", where, "every line that it looks for is in `exclude`", offer.id
            )


# -- groups --------------------------------------------------------------------------------------


def _unbounded(offer: Offer) -> bool:
    """Whether an offer always applies where its conditions hold."""
    return offer.limits == OfferLimits() and offer.uses == Uses()


def _always(benefit: Benefit) -> bool:
    # What is of so many units is of none where a line has no whole one.
    match benefit:
        case Percent(units=units, of=of):
            return units is None and of is None
        case AmountOff(per_unit=per_unit, of=of):
            return not per_unit and of is None
    return isinstance(benefit, _ALWAYS)


def _exclusive(program: Program, sets: Sets, offers: list[Offer]) -> Iterator[Found]:
    """`offers` in their order; one finding an offer."""
    for at, late in enumerate(offers):
        for early in offers[:at]:
            if sets.apart(early.when, late.when):
                continue
            sure = _unbounded(early) and _always(early.benefit)
            if sure and implies(sets, late.when, early.when):
                yield Found(
                    "shadowed", _place(program, late),
                    f"wherever it applies {early.id!r} applies before it: no quote proposes it",
                    late.id, severity="warning",
                )  # fmt: skip
                break
            if early.priority == late.priority:
                yield tied_by_place(_place(program, late), early.id, late.id, late.priority)
                break


def _best(program: Program, sets: Sets, offers: list[Offer]) -> Iterator[Found]:
    """`offers` in their order; one finding an offer."""
    for at, late in enumerate(offers):
        for place, other in enumerate(offers):
            if other is late or not _unbounded(other):
                continue
            if not _never_more(late.benefit, other.benefit, first=place < at):
                continue
            if implies(sets, late.when, other.when):
                yield Found(
                    "outdone", _place(program, late),
                    f"{other.id!r} takes off at least as much wherever it applies", late.id,
                )
                break


def _never_more(benefit: Benefit, other: Benefit, *, first: bool) -> bool:
    """Whether a benefit never takes more off its lines than another of these and more lines;
    what is the same goes to the first."""
    match benefit, other:
        case Percent(percent=mine, units=None, of=None), Percent(percent=its, units=None, of=None):
            alike = benefit.round == other.round
            return alike and (mine < its or (mine == its and first))
        case (
            AmountOff(amount=mine, per_unit=unit, units=None, of=None),
            AmountOff(amount=its, per_unit=its_unit, units=None, of=None),
        ):
            # Fewer lines may not hold the amount: then both take what they cost.
            return unit == its_unit and mine <= its and first
    return False


def _overlap(
    program: Program, sets: Sets, names: tuple[str, str], offers: tuple[list[Offer], list[Offer]]
) -> Iterator[Found]:
    for one in offers[0]:
        for two in offers[1]:
            if sets.apart(one.when, two.when) is None:
                place = [entry.id for entry in program.offer_group].index(names[1])
                yield Found(
                    "groups-overlap", f"offer_group[{place}]",
                    f"{two.id!r} of {names[1]!r} and {one.id!r} of {names[0]!r} may both apply to "
                    "one line", two.id,
                )  # fmt: skip
                return
