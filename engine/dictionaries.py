"""Dictionaries: strings of the wire to dense numbers, grown by facts, rebuilt from the journal.

A number never changes its meaning. Products are numbered by version: a sku whose
attributes change gets a new product number from a time on, and a line holds the number
of the version in force at its sale (rulebook section 2).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

UInt32 = NDArray[np.uint32]

ALWAYS = -(2**63)
"""`since` of the first version of a product: in force from the beginning."""


class Product(NamedTuple):
    """One version of a product: its attributes from an instant (us) on; None is unknown."""

    sku: str
    since: int = ALWAYS
    brand: str | None = None
    department: str | None = None
    category: str | None = None
    supplier: str | None = None

    @property
    def attributes(self) -> tuple[str | None, ...]:
        """What a new version must change."""
        return self[2:]


class Codes:
    """Strings numbered from 0 in the order in which they were first seen."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.numbers: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self.names)

    def number(self, name: str) -> int:
        """The number of a name, given now if it is new."""
        found = self.numbers.get(name)
        if found is None:
            found = self.numbers[name] = len(self.names)
            self.names.append(name)
        return found

    def encode(self, names: Iterable[str]) -> UInt32:
        """Numbers of many names."""
        return np.array([self.number(name) for name in names], np.uint32)

    def cut(self, length: int) -> None:
        """Forget the names beyond a length (a commit that did not happen)."""
        for name in self.names[length:]:
            del self.numbers[name]
        del self.names[length:]


class Products:
    """Product versions by number; skus to the versions that they have.

    `latest` and `since` tell, by sku, the newest version and when it begins (us): the one
    that nearly every line wants.
    """

    def __init__(self) -> None:
        self.versions: list[Product] = []
        self.skus = Codes()
        self.latest = np.zeros(1024, np.uint32)
        self.since = np.zeros(1024, np.int64)
        # All versions of the few skus that have more than one.
        self._several: dict[int, list[int]] = {}

    def __len__(self) -> int:
        return len(self.versions)

    def extend(self, products: Sequence[Product]) -> None:
        """Number versions in order; those of one sku may come in any order of time."""
        fresh = [product.sku for product in products]
        numbers = self.skus.numbers
        if len(set(fresh)) < len(fresh) or not numbers.keys().isdisjoint(fresh):
            for product in products:
                self.add(product)
            return
        first, code = len(self.versions), len(self.skus)
        end = code + len(fresh)
        self._room(end)
        numbers.update(zip(fresh, range(code, end), strict=True))
        self.skus.names.extend(fresh)
        self.versions.extend(products)
        self.latest[code:end] = np.arange(first, first + len(fresh))
        self.since[code:end] = [product.since for product in products]

    def add(self, product: Product) -> int:
        """Number one version."""
        number = len(self.versions)
        new = product.sku not in self.skus.numbers
        sku = self.skus.number(product.sku)
        self._room(sku + 1)
        self.versions.append(product)
        if new:
            self.latest[sku], self.since[sku] = number, product.since
        else:
            self._several.setdefault(sku, [int(self.latest[sku])]).append(number)
            self._choose(sku)
        return number

    def _room(self, length: int) -> None:
        if length > len(self.latest):
            size = max(length, 2 * len(self.latest))
            self.latest = np.resize(self.latest, size)
            self.since = np.resize(self.since, size)

    def _choose(self, sku: int) -> None:
        latest = max(self._several[sku], key=self._age)
        self.latest[sku], self.since[sku] = latest, self.versions[latest].since

    def _age(self, number: int) -> tuple[int, int]:
        return self.versions[number].since, number

    def at(self, sku: str, instant: int) -> int:
        """Number of the version in force at an instant (us); an unknown one is made."""
        code = self.skus.numbers.get(sku)
        if code is not None:
            if instant >= self.since[code]:
                return int(self.latest[code])
            older = [n for n in self._several.get(code, ()) if self.versions[n].since <= instant]
            if older:
                return max(older, key=self._age)
        return self.add(Product(sku))

    def at_many(self, skus: list[str], place: UInt32, instants: NDArray[np.int64]) -> UInt32:
        """Numbers for lines: line i has sku skus[place[i]] at instants[i] (us)."""
        codes = np.array(
            [self.skus.numbers.get(sku, -1) for sku in skus], np.int64
        )
        if (codes < 0).any():
            for i in np.flatnonzero(codes < 0):
                codes[i] = self._first_number(skus[i])
        lines = codes[place]
        out = self.latest[lines]
        early = np.flatnonzero(instants < self.since[lines])
        for i in early:
            out[i] = self.at(skus[place[i]], int(instants[i]))
        return out

    def _first_number(self, sku: str) -> int:
        self.add(Product(sku))
        return self.skus.numbers[sku]

    def cut(self, length: int) -> None:
        """Forget the versions beyond a length (a commit that did not happen)."""
        while len(self.versions) > length:
            sku = self.skus.numbers[self.versions.pop().sku]
            several = self._several.get(sku)
            if several is None:
                self.skus.cut(sku)
                continue
            several.pop()
            self._choose(sku)
            if len(several) == 1:
                del self._several[sku]


class Sizes(NamedTuple):
    """How long each dictionary was at some moment."""

    members: int = 0
    stores: int = 0
    terminals: int = 0
    tenders: int = 0
    products: int = 0


class Dictionaries:
    """All dictionaries of a ledger."""

    def __init__(self) -> None:
        self.members = Codes()
        self.stores = Codes()
        self.terminals = Codes()
        self.tenders = Codes()
        self.products = Products()

    def sizes(self) -> Sizes:
        """Present lengths."""
        return Sizes(
            len(self.members),
            len(self.stores),
            len(self.terminals),
            len(self.tenders),
            len(self.products),
        )

    def cut(self, sizes: Sizes) -> None:
        """Back to earlier lengths."""
        self.members.cut(sizes.members)
        self.stores.cut(sizes.stores)
        self.terminals.cut(sizes.terminals)
        self.tenders.cut(sizes.tenders)
        self.products.cut(sizes.products)
