"""Dictionaries: strings of the wire to dense numbers, grown by facts, rebuilt from the journal.

A number never changes its meaning. Products and stores are numbered by version: a sku or
store whose attributes change gets a new number from a time on, and a fact holds the number
of the version in force at its instant (rulebook section 2).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Generic, NamedTuple, TypeVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from vafa.native.names import Names

from .schema import text_view

UInt32 = NDArray[np.uint32]

ALWAYS = -(2**63)
"""`since` of a version that is in force from the beginning."""


class Product(NamedTuple):
    """One version of a product: its attributes from an instant (us) on; None is unknown.

    Labels are sorted. A line of a `weighed` product counts as one unit for "per N units".
    """

    sku: str
    since: int = ALWAYS
    brand: str | None = None
    department: str | None = None
    category: str | None = None
    supplier: str | None = None
    price_class: str | None = None
    on_promotion: bool | None = None
    labels: tuple[str, ...] = ()
    weighed: bool = False


class StoreVersion(NamedTuple):
    """One version of a store: its attributes from an instant (us) on; None is unknown."""

    store: str
    since: int = ALWAYS
    region: str | None = None
    format: str | None = None


class Codes:
    """Strings numbered from 0 in the order in which they were first seen."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.numbers: dict[str, int] = {}
        # The names by their bytes, as far as `find` has needed them.
        self._index: Names | None = None

    def __len__(self) -> int:
        return len(self.names)

    def number(self, name: str) -> int:
        """The number of a name, given now if it is new."""
        found = self.numbers.get(name)
        if found is None:
            found = self.numbers[name] = len(self.names)
            self.names.append(name)
        return found

    def encode(self, names: Sequence[str]) -> UInt32:
        """Numbers of many names."""
        known = list(map(self.numbers.get, names))
        if None in known:
            known = [
                self.number(name) if number is None else number
                for name, number in zip(names, known, strict=True)
            ]
        return np.array(known, np.uint32)

    def find(self, texts: pa.Array) -> NDArray[np.int64]:
        """Numbers of an Arrow array's strings, none of them null; -1 for unknown ones."""
        return self.index().find(*text_view(texts))

    def find_strings(self, names: list[str]) -> NDArray[np.int64]:
        """Numbers of strings; -1 for unknown ones."""
        return self.index().find_strings(names)

    def index(self) -> Names:
        """The names by their bytes: made when it is first asked for."""
        if self._index is None:
            self._index = Names()
        self._index.extend(self.names[len(self._index) :])
        return self._index

    def encode_texts(self, texts: pa.Array) -> UInt32:
        """Numbers of an Arrow array's strings, none of them null."""
        found = self.find(texts)
        places = np.flatnonzero(found < 0)
        if len(places):
            new = texts.take(pa.array(places))
            for name in new.unique().to_pylist():
                self.number(name)
            found[places] = self.find(new)
        return found.astype(np.uint32)

    def cut(self, length: int) -> None:
        """Forget the names beyond a length (a commit that did not happen)."""
        for name in self.names[length:]:
            del self.numbers[name]
        del self.names[length:]
        if self._index is not None and len(self._index) > length:
            self._index = None


class Members(Codes):
    """Members; one that gets a new name is meant by the old one as well."""

    def __init__(self) -> None:
        super().__init__()
        self.renames: list[tuple[int, str, str]] = []
        """Number, old name, new name, in the order in which they were told."""

    def rename(self, number: int, name: str) -> None:
        """Give a member a name that is new."""
        self.renames.append((number, self.names[number], name))
        self.names[number] = name
        self.numbers[name] = number

    def first_names(self, start: int) -> list[str]:
        """The names with which members were numbered, from a number on."""
        names = self.names[start:]
        for number, old, _ in reversed(self.renames):
            if number >= start:
                names[number - start] = old
        return names

    def cut_renames(self, length: int) -> None:
        """Forget the new names beyond a length (a commit that did not happen)."""
        while len(self.renames) > length:
            number, old, name = self.renames.pop()
            self.names[number] = old
            del self.numbers[name]


V = TypeVar("V", Product, StoreVersion)


class Versions(Generic[V]):
    """Versions by number; names (skus, stores) to the versions that they have.

    `latest` and `since` tell, by the code of the name, the newest version and when it begins
    (us): the one that nearly every fact wants. `of` tells the code by the version's number.
    The arrays have room to grow: their tails mean nothing.
    """

    kind: type[V]

    def __init__(self) -> None:
        self.versions: list[V] = []
        self.names: list[str] = []
        self.codes = Codes()
        self.latest = np.zeros(1024, np.uint32)
        self.since = np.zeros(1024, np.int64)
        self.of = np.zeros(1024, np.int32)
        self.newest = ALWAYS
        """Since when (us) the newest version of all is in force, or one that was cut."""
        # All versions of the few names that have more than one.
        self._several: dict[int, list[int]] = {}

    def __len__(self) -> int:
        return len(self.versions)

    def extend(self, versions: Sequence[V]) -> None:
        """Number versions in order; those of one name may come in any order of time."""
        fresh = [version[0] for version in versions]
        numbers = self.codes.numbers
        if len(set(fresh)) < len(fresh) or not numbers.keys().isdisjoint(fresh):
            for version in versions:
                self.add(version)
            return
        first, code = len(self.versions), len(self.codes)
        end, last = code + len(fresh), first + len(fresh)
        self._room(end, last)
        numbers.update(zip(fresh, range(code, end), strict=True))
        self.codes.names.extend(fresh)
        self.versions.extend(versions)
        self.names.extend(fresh)
        self.latest[code:end] = np.arange(first, last)
        self.since[code:end] = [version.since for version in versions]
        self.newest = max(self.newest, int(self.since[code:end].max(initial=ALWAYS)))
        self.of[first:last] = np.arange(code, end)

    def add(self, version: V) -> int:
        """Number one version."""
        number = len(self.versions)
        new = version[0] not in self.codes.numbers
        code = self.codes.number(version[0])
        self._room(code + 1, number + 1)
        self.versions.append(version)
        self.names.append(self.codes.names[code])
        self.of[number] = code
        self.newest = max(self.newest, version.since)
        if new:
            self.latest[code], self.since[code] = number, version.since
        else:
            self._several.setdefault(code, [int(self.latest[code])]).append(number)
            self._choose(code)
        return number

    def change(self, version: V) -> bool:
        """Number a version unless the one in force at its begin says the same."""
        if not self.changes(version):
            return False
        self.add(version)
        return True

    def changes(self, version: V) -> bool:
        """Whether a version says something else than the one in force at its begin."""
        number = self._in_force(version[0], version.since)
        return number is None or self.versions[number][2:] != version[2:]

    @property
    def changed(self) -> bool:
        """Whether some name has more than one version."""
        return bool(self._several)

    def next_since(self, code: int, instant: int) -> int:
        """When the next version of a name after an instant (us) begins; 2**63 - 1 for never."""
        numbers = self._several.get(code, [int(self.latest[code])])
        begins = (self.versions[number].since for number in numbers)
        return min((since for since in begins if since > instant), default=2**63 - 1)

    def _room(self, codes: int, numbers: int) -> None:
        if codes > len(self.latest):
            size = max(codes, 2 * len(self.latest))
            self.latest = np.resize(self.latest, size)
            self.since = np.resize(self.since, size)
        if numbers > len(self.of):
            self.of = np.resize(self.of, max(numbers, 2 * len(self.of)))

    def _choose(self, code: int) -> None:
        latest = max(self._several[code], key=self._age)
        self.latest[code], self.since[code] = latest, self.versions[latest].since

    def _age(self, number: int) -> tuple[int, int]:
        return self.versions[number].since, number

    def _in_force(self, name: str, instant: int) -> int | None:
        code = self.codes.numbers.get(name)
        if code is None:
            return None
        if instant >= self.since[code]:
            return int(self.latest[code])
        older = [n for n in self._several.get(code, ()) if self.versions[n].since <= instant]
        return max(older, key=self._age) if older else None

    def in_force(self, name: str, instant: int) -> V | None:
        """The version of a name in force at an instant (us); None when none is known."""
        number = self._in_force(name, instant)
        return None if number is None else self.versions[number]

    def at(self, name: str, instant: int) -> int:
        """Number of the version in force at an instant (us); an unknown one is made."""
        number = self._in_force(name, instant)
        return self.add(self.kind(name)) if number is None else number

    def at_many(self, names: pa.Array, instants: NDArray[np.int64]) -> UInt32:
        """Numbers for items: item i has the name names[i] (a string) at instants[i] (us)."""
        items = self.codes.find(names)
        places = np.flatnonzero(items < 0)
        if len(places):
            new = names.take(pa.array(places))
            self.extend([self.kind(name) for name in new.unique().to_pylist()])
            items[places] = self.codes.find(new)
        out = self.latest[items]
        for i in np.flatnonzero(instants < self.since[items]).tolist():
            out[i] = self.at(self.codes.names[items[i]], int(instants[i]))
        return out

    def again(self, numbers: UInt32, instants: NDArray[np.int64]) -> UInt32:
        """Numbers of the versions that are in force at instants (us) as is known now.

        `numbers` are of versions with the same names: those in force as was known once. A
        late catalogue changes what was in force.
        """
        if not self._several or not len(numbers):
            return numbers
        several = np.zeros(len(self.codes), np.bool_)
        several[list(self._several)] = True
        codes = self.of[numbers]
        items = np.flatnonzero(several[codes])
        if not len(items):
            return numbers
        out = np.array(numbers, np.uint32)
        items = items[np.argsort(codes[items], kind="stable")]
        found, starts = np.unique(codes[items], return_index=True)
        for code, mine in zip(found.tolist(), np.split(items, starts[1:]), strict=True):
            versions = np.array(sorted(self._several[code], key=self._age), np.uint32)
            since = np.array([self.versions[n].since for n in versions.tolist()], np.int64)
            out[mine] = versions[np.searchsorted(since, instants[mine], side="right") - 1]
        return out

    def cut(self, length: int) -> None:
        """Forget the versions beyond a length (a commit that did not happen)."""
        del self.names[length:]
        while len(self.versions) > length:
            code = self.codes.numbers[self.versions.pop()[0]]
            several = self._several.get(code)
            if several is None:
                self.codes.cut(code)
                continue
            several.pop()
            self._choose(code)
            if len(several) == 1:
                del self._several[code]


class Products(Versions[Product]):
    """Product versions; `categories` numbers the full category paths that they name.

    `category_of` tells by the version's number its category, -1 for none; categories are
    numbered in the order of the versions, so that every process numbers them alike.
    """

    kind = Product

    def __init__(self) -> None:
        super().__init__()
        self.categories = Codes()
        self.category_of = np.zeros(1024, np.int32)
        self._placed = 0

    @property
    def skus(self) -> Codes:
        """Skus by their codes."""
        return self.codes

    @property
    def sku_of(self) -> NDArray[np.int32]:
        """Code of the sku by the version's number."""
        return self.of

    def extend(self, versions: Sequence[Product]) -> None:
        """See Versions."""
        super().extend(versions)
        self._place()

    def add(self, version: Product) -> int:
        """See Versions."""
        number = super().add(version)
        self._room_for_categories()
        path = version.category
        self.category_of[number] = -1 if path is None else self.categories.number(path)
        self._placed = number + 1
        return number

    def _room_for_categories(self) -> None:
        if len(self.versions) > len(self.category_of):
            self.category_of = np.resize(self.category_of, len(self.of))

    def _place(self) -> None:
        """Number the categories of the versions that are new."""
        n, numbers = len(self.versions), self.categories.numbers
        self._room_for_categories()
        paths = [version.category for version in self.versions[self._placed : n]]
        for path in dict.fromkeys(paths):
            if path is not None:
                self.categories.number(path)
        self.category_of[self._placed : n] = [
            -1 if path is None else numbers[path] for path in paths
        ]
        self._placed = n

    def cut(self, length: int) -> None:
        """See Versions."""
        gone = self.category_of[length : self._placed]
        if len(gone) and gone.max() >= 0:
            kept = self.category_of[: min(length, self._placed)]
            self.categories.cut(int(kept.max(initial=-1)) + 1)
        self._placed = min(length, self._placed)
        super().cut(length)


class Stores(Versions[StoreVersion]):
    """Store versions."""

    kind = StoreVersion


class Sizes(NamedTuple):
    """How long each dictionary was at some moment."""

    members: int = 0
    stores: int = 0
    terminals: int = 0
    tenders: int = 0
    products: int = 0
    renames: int = 0


class Dictionaries:
    """All dictionaries of a ledger."""

    def __init__(self) -> None:
        self.members = Members()
        self.stores = Stores()
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
            len(self.members.renames),
        )

    def cut(self, sizes: Sizes) -> None:
        """Back to earlier lengths."""
        self.members.cut_renames(sizes.renames)
        self.members.cut(sizes.members)
        self.stores.cut(sizes.stores)
        self.terminals.cut(sizes.terminals)
        self.tenders.cut(sizes.tenders)
        self.products.cut(sizes.products)
