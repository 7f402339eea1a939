"""Rule words of the values that dictionaries grow: products, stores, terminals, tenders."""

from __future__ import annotations

from collections.abc import Callable
from operator import itemgetter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..columns.dictionaries import Codes, Product, StoreVersion
from ..program.conditions import LINE_LISTS, Conditions, LineConditions
from ..program.rules import Earn, Rule
from .conditions import in_category, listed, nodes_of, under
from .layout import key_of
from .seen import Seen
from .version import CompiledProgram
from .words import split

_EXCLUDED = 0
_FEW_CLASSES = 64
"""So many a fold of plain sales sums in one word (native/words.pxd)."""
_ATTRIBUTES = itemgetter(slice(2, None))
"""What a product has beside its name and its begin."""
_Class = tuple[int, int, int, int]
"""Rules that a line serves, that it rules out, that wait for it; counters that count it."""


class RuleTables:
    """Keeps a version's native tables as long as the dictionaries.

    Products that satisfy the same rules share a class; class 0 holds the excluded ones.
    """

    def __init__(self, compiled: CompiledProgram, seen: Seen) -> None:
        self.compiled = compiled
        self.seen = seen
        self.dictionaries = seen.dictionaries
        self._all = _number(compiled.words(lambda _: True))
        self._line_words: dict[tuple[str, Any], int] = {}
        self._class_of_attributes: dict[tuple[Any, ...], int] = {}
        # Sales of each version count for counters of all.
        self._counted = [LineConditions(**dict(key)) for key in compiled.layout.lines]  # type: ignore[call-overload]
        self._skus = compiled.values_of("sku").union(*(one.sku or () for one in self._counted))
        self._classes: dict[_Class, int] = {}
        self._known: list[_Class] = [(0, 0, 0, 0)]
        self._class_of = np.zeros(1024, np.int32)
        self._few = np.zeros(1024, np.uint8)
        self._weighed = np.zeros(1024, np.uint8)
        self._done = 0
        self._nodes: list[list[int]] = []
        self._begins, self._keys = np.zeros(2, np.int32), np.zeros(0, np.int64)
        self._bars = compiled.looks_at("without")
        self._values = {
            name: _Words(compiled.n_words) for name in ("stores", "terminals", "channels")
        }
        self._looks = {
            "stores": any(compiled.looks_at(name) for name in ("store", "region", "format")),
            "terminals": compiled.looks_at("terminal"),
            "channels": compiled.looks_at("channel"),
            "tenders": compiled.looks_at("tender"),
            "coupons": compiled.looks_at("coupon"),
        }
        stores, products = self.dictionaries.stores, self.dictionaries.products
        self._parts: tuple[tuple[Callable[[], object], Callable[[], None]], ...] = (
            (lambda: (len(products), len(products.categories)), self._follow_products),
            (stores.__len__, self._follow_stores),
            (self.dictionaries.terminals.__len__, self._follow_terminals),
            (seen.channels.__len__, self._follow_channels),
            (self.dictionaries.tenders.__len__, self._follow_tenders),
            (seen.coupons.__len__, self._follow_coupons),
            (seen.activities.__len__, self._follow_activities),
        )
        """How long what each follows is."""
        self._sizes: list[object] = [None] * len(self._parts)
        self.follow()

    def follow(self) -> None:
        """Take in what the dictionaries have gained (or lost) since the last call."""
        for place, (size, follow) in enumerate(self._parts):
            now = size()
            if now != self._sizes[place]:
                self._sizes[place] = now
                follow()

    def _follow_products(self) -> None:
        products = self.dictionaries.products
        versions = products.versions
        n = len(versions)
        if n > len(self._class_of):
            self._class_of = np.resize(self._class_of, max(n, 2 * len(self._class_of)))
            self._few = np.resize(self._few, len(self._class_of))
            self._weighed = np.resize(self._weighed, len(self._class_of))
        start = min(self._done, n)
        self._class_of[start:n] = self._classes_of(versions[start:])
        self._few[start:n] = self._class_of[start:n].astype(np.uint8)
        self._weighed[start:n] = [product.weighed for product in versions[start:]]
        self._done = n
        words = self.compiled.n_words
        rows = {name: np.zeros((len(self._known), words), np.uint64)
                for name in ("words", "bars", "opens")}
        count_words = max(1, (len(self._counted) + 63) // 64)
        rows["counters"] = np.zeros((len(self._known), count_words), np.uint64)
        for place, (word, bars, opens, counted) in enumerate(self._known):
            rows["words"][place] = split(word, words)
            rows["bars"][place] = split(bars, words)
            rows["opens"][place] = split(opens, words)
            rows["counters"][place] = split(counted, count_words)
        eligible = np.ones(len(self._known), np.uint8)
        eligible[_EXCLUDED] = 0
        tables: dict[str, Any] = {name: row.reshape(-1) for name, row in rows.items()}
        tables["few"] = self._few if len(self._known) <= _FEW_CLASSES else None
        if not self._bars:
            tables["bars"] = tables["opens"] = None
        self.compiled.native.set_products(
            self._class_of, n, {**tables, "eligible": eligible},
            self._weighed, products.sku_of, *self._categories(n),
        )

    def _categories(self, n: int) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int64]]:
        """Numbers of the products' categories from 1, 0 for none; where each one's nodes begin;
        keys of the nodes, the same in every ledger."""
        products = self.dictionaries.products
        names = products.categories.names
        if len(self._nodes) != len(names):
            del self._nodes[len(names) :]
            self._nodes += [
                [key_of(node) for node in nodes_of(path)] for path in names[len(self._nodes) :]
            ]
            self._begins = np.zeros(len(names) + 2, np.int32)
            self._begins[2:] = np.cumsum([len(some) for some in self._nodes])
            self._keys = np.array([key for some in self._nodes for key in some], np.int64)
        return products.category_of[:n] + np.int32(1), self._begins, self._keys

    def _classes_of(self, products: list[Product]) -> list[int]:
        """Classes by attributes; only a sku that a rule names tells like products apart.

        A catalogue has very many products and few classes: no call of Python is made each.
        """
        skus, known = self._skus, self._class_of_attributes
        keys: list[tuple[Any, ...]] = list(map(_ATTRIBUTES, products))
        if skus:
            for place, product in enumerate(products):
                if product[0] in skus:
                    keys[place] = (product[0], *keys[place])
        for key, product in dict(zip(keys, products, strict=True)).items():
            if key not in known:
                known[key] = self._class(product)
        return list(map(known.__getitem__, keys))

    def _class(self, product: Product) -> int:
        program = self.compiled.program
        if any(line_meets(conditions, product) for conditions in program.exclude):
            return _EXCLUDED
        word = self._all
        for name in LINE_LISTS:
            value = product.labels if name == "label" else getattr(product, name)
            word &= self._line_word(name, value)
        word &= self._line_word("on_promotion", product.on_promotion)
        bars = opens = 0
        if self._bars:
            bars = _number(self.compiled.words(
                lambda w: w.without is not None and line_meets(w.without, product)))
            opens = _number(self.compiled.words(
                lambda w: w.negated.without is not None and line_meets(w.negated.without, product)
            ))  # fmt: skip
        counted = 0
        for bit, conditions in enumerate(self._counted):
            if line_meets(conditions, product):
                counted |= 1 << bit
        key = word, bars, opens, counted
        if key not in self._classes:
            self._classes[key] = len(self._known)
            self._known.append(key)
        return self._classes[key]

    def _line_word(self, name: str, value: Any) -> int:
        key = (name, value)
        if key not in self._line_words:
            self._line_words[key] = _number(
                self.compiled.words(lambda when: line_listed(when, name, value))
            )
        return self._line_words[key]

    def _follow_stores(self) -> None:
        native, stores = self.compiled.native, self.dictionaries.stores
        n = len(stores)
        keys = np.array(
            [key_of(name) if name else 0 for name in stores.names[:n]], np.int64
        )
        if self._looks["stores"]:
            words = self._values["stores"]
            words.cut(n)
            for version in stores.versions[len(words) :]:
                words.add(self.compiled.words(lambda w, v=version: _in_store(w, v)))  # type: ignore[misc]
            native.set_stores(words.array(), keys, n)
        else:
            native.set_stores(None, keys, n)

    def _follow_terminals(self) -> None:
        self._follow_names("terminals", "terminal", self.dictionaries.terminals,
                           self.compiled.native.set_terminals)  # fmt: skip

    def _follow_channels(self) -> None:
        self._follow_names("channels", "channel", self.seen.channels,
                           self.compiled.native.set_channels)  # fmt: skip

    def _follow_names(self, kind: str, field: str, codes: Codes, put: Any) -> None:
        if not self._looks[kind]:
            put(None, len(codes))
            return
        words = self._values[kind]
        words.cut(len(codes))
        for name in codes.names[len(words) :]:
            # A missing one is the empty string: not known.
            words.add(self.compiled.words(lambda w, v=name: listed(w, field, v or None)))  # type: ignore[misc]
        put(words.array(), len(codes))

    def _follow_tenders(self) -> None:
        native, program = self.compiled.native, self.compiled.program
        names = self.dictionaries.tenders.names
        redeems = np.full(len(names), -2, np.int32)
        terms = np.full(len(names), -1, np.int32)
        for place, redemption in enumerate(program.redemption):
            if redemption.tender in self.dictionaries.tenders.numbers:
                number = self.dictionaries.tenders.numbers[redemption.tender]
                terms[number] = -1 if redemption.currency is None else place
                redeems[number] = (
                    -1 if redemption.currency is None
                    else self.compiled.currency_number(redemption.currency)
                )
        has, forbids = self._served("tender", names)
        bases = None
        if any(isinstance(rule, Earn) and rule.tenders for rule in self.compiled.rules):
            bases = self._rows(names, lambda rule, name: isinstance(rule, Earn)
                               and name in (rule.tenders or ()))  # fmt: skip
        on_account = None
        if program.accrues_on_payment():
            on_account = np.array([name in program.on_account for name in names], np.uint8)
        native.set_tenders(has, forbids, bases, redeems, terms, on_account, len(names))

    def _served(self, field: str, names: list[str]) -> tuple[Any, Any]:
        """Rules that each name serves and that it rules out; None when none looks."""
        if not self._looks[f"{field}s"]:
            return None, None
        has = self._rows(names, lambda rule, name: name in (getattr(rule.when, field) or ()))
        forbids = self._rows(
            names, lambda rule, name: name in (getattr(rule.when.negated, field) or ())
        )
        return has, forbids

    def _rows(self, names: list[str], holds: Callable[[Rule, str], bool]) -> NDArray[np.uint64]:
        rows = [self.compiled.words_of(lambda rule, n=name: holds(rule, n)) for name in names]  # type: ignore[misc]
        return np.concatenate(rows) if rows else np.zeros(0, np.uint64)

    def _follow_coupons(self) -> None:
        names = self.seen.coupons.names
        has, forbids = self._served("coupon", names)
        own = self.compiled.program.coupon_currencies()
        takes = None
        if own:
            takes = np.array([
                self.compiled.currency_number(name) if name in own else -1 for name in names
            ], np.int32)  # fmt: skip
        self.compiled.native.set_coupons(has, forbids, takes, len(names))

    def _follow_activities(self) -> None:
        names = self.seen.activities.names
        words = self._rows(names, lambda rule, name: name in (rule.when.activity or ()))
        bits = np.zeros(len(names), np.uint64)
        for bit, codes in enumerate(self.compiled.activity_subjects()):
            for place, name in enumerate(names):
                if name in codes:
                    bits[place] |= np.uint64(1 << bit)
        self.compiled.native.set_activities(words, bits, len(names))


class _Words:
    """A growing table of rule words."""

    def __init__(self, n_words: int) -> None:
        self._rows = np.zeros((64, n_words), np.uint64)
        self._length = 0

    def __len__(self) -> int:
        return self._length

    def cut(self, length: int) -> None:
        self._length = min(self._length, length)

    def add(self, word: NDArray[np.uint64]) -> None:
        if self._length == len(self._rows):
            self._rows = np.resize(self._rows, (2 * len(self._rows), self._rows.shape[1]))
        self._rows[self._length] = word
        self._length += 1

    def array(self) -> NDArray[np.uint64]:
        return self._rows.reshape(-1)


def line_meets(conditions: LineConditions, product: Product) -> bool:
    """Whether a product meets all given conditions on a line."""
    for name in LINE_LISTS:
        wanted = getattr(conditions, name)
        if wanted is None:
            continue
        if name == "category":
            met = under(wanted, product.category)
        elif name == "label":
            met = any(label in wanted for label in product.labels)
        else:
            met = getattr(product, name) in wanted
        if not met:
            return False
    return conditions.on_promotion is None or product.on_promotion is conditions.on_promotion


def line_listed(when: Conditions, name: str, value: Any) -> bool:
    """Whether a product's value serves a line condition and its negation (section 3)."""
    if name == "category":
        return in_category(when, value)
    if name == "label":
        wanted, unwanted = when.label, when.negated.label
        if wanted is not None and not any(label in wanted for label in value):
            return False
        return unwanted is None or not any(label in unwanted for label in value)
    if name == "on_promotion":
        if when.on_promotion is not None and value is not when.on_promotion:
            return False
        negated = when.negated.on_promotion
        return negated is None or value is not negated
    return listed(when, name, value)


def _in_store(when: Conditions, version: StoreVersion) -> bool:
    return (
        listed(when, "store", version.store or None)
        and listed(when, "region", version.region)
        and listed(when, "format", version.format)
    )


def _number(words: NDArray[np.uint64]) -> int:
    return int.from_bytes(words.astype("<u8").tobytes(), "little")
