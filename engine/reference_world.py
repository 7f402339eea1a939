"""What is the same for every member: programs, products, stores, days closed (sections 2, 10)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field

from .facts import CatalogFact, DayClosedFact, MemberFact, ProductFact, StoreAttributes, StoreFact
from .program import Program
from .reference_facts import instant


@dataclass(frozen=True)
class Version:
    """A program as it was published: in force from an instant, with its holidays' dates."""

    program: Program
    since: int
    holidays: Mapping[str, frozenset[dt.date]]


@dataclass(frozen=True)
class Accepted:
    """An accepted fact: its seq and the version it is rated with.

    `returns` is false for one whose return part proved invalid when its sale came.
    """

    fact: MemberFact | DayClosedFact
    seq: int
    version: Version
    returns: bool = True


@dataclass
class World:
    """All that facts of no member have told; budgets closed by the seq that closed them."""

    versions: list[Version] = field(default_factory=list)
    catalogs: list[CatalogFact] = field(default_factory=list)
    stores: list[StoreFact] = field(default_factory=list)
    days: list[Accepted] = field(default_factory=list)
    budgets_closed: dict[str, int] = field(default_factory=dict)
    _products: dict[tuple[str, ...], dict[str, ProductFact]] = field(default_factory=dict)

    def version_at(self, at_us: int) -> Version | None:
        """The version in force at an instant, of those known now; ties to the later one."""
        found = None
        for version in self.versions:
            if version.since <= at_us and (found is None or version.since >= found.since):
                found = version
        return found

    def products_at(self, at_us: int) -> dict[str, ProductFact]:
        """Products in force at an instant, by sku."""
        facts = sorted(self.catalogs, key=lambda fact: instant(fact.occurred_at))
        in_force = tuple(fact.id for fact in facts if instant(fact.occurred_at) <= at_us)
        if in_force not in self._products:
            self._products[in_force] = {
                product.sku: product for fact in facts[: len(in_force)] for product in fact.products
            }
        return self._products[in_force]

    def store_at(self, name: str, at_us: int) -> StoreAttributes:
        """A store in force at an instant."""
        found = StoreAttributes(name)
        for fact in sorted(self.stores, key=lambda fact: instant(fact.occurred_at)):
            if instant(fact.occurred_at) <= at_us:
                for store in fact.stores:
                    found = store if store.store == name else found
        return found

    def closed_for(self, seq: int) -> frozenset[str]:
        """Rules whose budget was closed before a fact."""
        return frozenset(rule for rule, at in self.budgets_closed.items() if at < seq)
