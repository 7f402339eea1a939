"""Dictionaries: strings of the wire to dense numbers, grown by facts, rebuilt from the journal.

A number never changes its meaning. Products are numbered by version: a sku whose
attributes change gets a new product number from a time on, and a line holds the number
of the version in force at its sale (rulebook section 2).
"""

from __future__ import annotations

from collections.abc import Iterable
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
    """Product versions by number; skus to the versions that they have."""

    def __init__(self) -> None:
        self.versions: list[Product] = []
        self.skus = Codes()
        self.of_sku: list[list[int]] = []
        self._latest = np.zeros(0, np.uint32)
        self._since = np.zeros(0, np.int64)

    def __len__(self) -> int:
        return len(self.versions)

    def add(self, product: Product) -> int:
        """Number a version; versions of one sku may come in any order of time."""
        sku = self.skus.number(product.sku)
        if sku == len(self.of_sku):
            self.of_sku.append([])
        number = len(self.versions)
        self.versions.append(product)
        self.of_sku[sku].append(number)
        self._set_latest(sku)
        return number

    def _set_latest(self, sku: int) -> None:
        if sku >= len(self._latest):
            size = max(1024, 2 * len(self._latest), sku + 1)
            self._latest = np.resize(self._latest, size)
            self._since = np.resize(self._since, size)
        latest = max(self.of_sku[sku], key=lambda n: (self.versions[n].since, n))
        self._latest[sku] = latest
        self._since[sku] = self.versions[latest].since

    def at(self, sku: str, instant: int) -> int:
        """Number of the version in force at an instant (us); an unknown one is made."""
        code = self.skus.numbers.get(sku)
        if code is not None:
            if instant >= self._since[code]:
                return int(self._latest[code])
            older = [n for n in self.of_sku[code] if self.versions[n].since <= instant]
            if older:
                return max(older, key=lambda n: (self.versions[n].since, n))
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
        out = self._latest[lines]
        early = np.flatnonzero(instants < self._since[lines])
        for i in early:
            out[i] = self.at(skus[place[i]], int(instants[i]))
        return out

    def _first_number(self, sku: str) -> int:
        self.add(Product(sku))
        return self.skus.numbers[sku]

    def cut(self, length: int) -> None:
        """Forget the versions beyond a length (a commit that did not happen)."""
        while len(self.versions) > length:
            product = self.versions.pop()
            sku = self.skus.numbers[product.sku]
            self.of_sku[sku].pop()
            if self.of_sku[sku]:
                self._set_latest(sku)
            else:
                self.skus.cut(sku)
                del self.of_sku[sku:]


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
