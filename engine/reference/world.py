"""What is the same for every member: programs, products, stores, days closed (sections 2, 10)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from functools import cached_property, lru_cache
from typing import TypeVar

from ..facts import CatalogFact, DayClosedFact, ProductFact, StoreAttributes, StoreFact
from ..program.currencies import Currency
from ..program.program import Program
from ..program.rules import Bonus, Offer, Rule
from .calendar import ONE_DAY, business_date, first_instant
from .facts import OfMember, PlaceKey, instant, own_key

# -- programs ------------------------------------------------------------------------------------

Part = TypeVar("Part")
Found = TypeVar("Found")
MOST_PARTS = 4096


def once(look_up: Callable[[Part], Found]) -> Callable[[Part], Found]:
    """A function of a part of a program that is worked out once a part: parts never change.

    >>> once(len)([1, 2])
    2
    """
    known: dict[int, tuple[Part, Found]] = {}

    def found(part: Part) -> Found:
        # The part is kept beside what was found, so that no other object gets its number.
        entry = known.get(id(part))
        if entry is None:
            if len(known) >= MOST_PARTS:
                known.clear()
            entry = known[id(part)] = part, look_up(part)
        return entry[1]

    return found


@once
def currencies(program: Program) -> dict[str | None, Currency]:
    """Currencies by name; the first one for None."""
    return {None: program.currency[0]} | {currency.id: currency for currency in program.currency}


@once
def scales(program: Program) -> dict[str | None, int]:
    """Units in a point by currency, as `currencies`."""
    return {name: int(10**currency.scale) for name, currency in currencies(program).items()}


@lru_cache(maxsize=MOST_PARTS)
def exactly(figure: Decimal) -> Fraction:
    """A decimal of a program as a ratio."""
    return Fraction(figure)


@once
def rules_by_kind(program: Program) -> dict[str, list[tuple[int, Rule]]]:
    """Rules by the kind of fact they act on, with their places by (priority, file)."""
    found: dict[str, list[tuple[int, Rule]]] = {"sale": [], "activity": [], "closing": []}
    for place, rule in enumerate(program.rules_in_order()):
        if isinstance(rule, Offer):
            continue
        closing = isinstance(rule, Bonus) and rule.on is not None
        kind = "closing" if closing else "sale" if rule.when.activity is None else "activity"
        found[kind].append((place, rule))
    return found


@once
def rungs(program: Program) -> dict[str, int]:
    """Places of the tiers by name, the lowest first."""
    return {tier.id: place for place, tier in enumerate(program.tiers())}


@dataclass(frozen=True)
class Version:
    """A program as it was published: in force from an instant, with its holidays' dates."""

    program: Program
    since: int
    holidays: Mapping[str, frozenset[dt.date]]
    earlier: Version | None = None
    """The one that it took over from, of those published before it."""

    @cached_property
    def begins(self) -> dt.date:
        """The first date that begins under it."""
        day = business_date(self.program, self.since)[0]
        return day if first_instant(self.program, day) >= self.since else day + ONE_DAY


# -- facts ---------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Accepted:
    """An accepted fact: its seq and the version it is rated with.

    `returns` is false for one whose return part proved invalid when its sale came.
    """

    fact: OfMember | DayClosedFact
    seq: int
    version: Version
    returns: bool = True

    @cached_property
    def at_us(self) -> int:
        """When it happened."""
        return instant(self.fact.occurred_at)

    @cached_property
    def key(self) -> PlaceKey:
        """Where it stands by itself."""
        return own_key(self.fact)


@dataclass
class World:
    """All that facts of no member have told; budgets closed by the seq that closed them."""

    versions: list[Version] = field(default_factory=list)
    catalogs: list[CatalogFact] = field(default_factory=list)
    stores: list[StoreFact] = field(default_factory=list)
    days: list[Accepted] = field(default_factory=list)
    budgets_closed: dict[str, int] = field(default_factory=dict)
    _products: dict[tuple[str, ...], dict[str, ProductFact]] = field(default_factory=dict)

    def publish(
        self, program: Program, since: int, holidays: Mapping[str, frozenset[dt.date]]
    ) -> None:
        """A version in force from an instant on, for facts that arrive from now on."""
        earlier = self.version_at(since - 1)
        self.versions.append(Version(program, since, holidays, earlier))

    def version_at(self, at_us: int) -> Version | None:
        """The version in force at an instant, of those known now; ties to the later one."""
        found = None
        for version in self.versions:
            if version.since <= at_us and (found is None or version.since >= found.since):
                found = version
        return found

    def products_at(self, at_us: int) -> Mapping[str, ProductFact]:
        """Products in force at an instant, by sku."""
        told = [(instant(fact.occurred_at), fact) for fact in self.catalogs]
        told.sort(key=lambda pair: (pair[0], pair[1].id.encode()))
        in_force = tuple(fact.id for since, fact in told if since <= at_us)
        if in_force not in self._products:
            self._products[in_force] = {
                product.sku: product
                for _, fact in told[: len(in_force)]
                for product in fact.products
            }
        return self._products[in_force]

    def store_at(self, name: str, at_us: int) -> StoreAttributes:
        """A store in force at an instant."""
        found = StoreAttributes(name)
        told = [(instant(fact.occurred_at), fact) for fact in self.stores]
        for since, fact in sorted(told, key=lambda pair: (pair[0], pair[1].id.encode())):
            if since <= at_us:
                for store in fact.stores:
                    found = store if store.store == name else found
        return found

    def closed_for(self, seq: int) -> frozenset[str]:
        """Rules whose budget was closed before a fact."""
        return frozenset(rule for rule, at in self.budgets_closed.items() if at < seq)
