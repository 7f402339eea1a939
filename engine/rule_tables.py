"""Rule words of the values that dictionaries grow: products, stores, terminals, tenders."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .compile import CompiledProgram
from .conditions import in_category, listed, under
from .dictionaries import Dictionaries, Product
from .program import LINE_FIELDS, LineConditions

_EXCLUDED = 0


class RuleTables:
    """Keeps a compiled program's native tables as long as the dictionaries.

    Products that satisfy the same rules share a class; class 0 holds the excluded ones.
    """

    def __init__(self, compiled: CompiledProgram, dictionaries: Dictionaries) -> None:
        self.compiled = compiled
        self.dictionaries = dictionaries
        self._all = _number(compiled.words(lambda _: True))
        self._line_words: dict[tuple[str, str | None], int] = {}
        self._class_of_attributes: dict[tuple[Any, ...], int] = {}
        self._skus = compiled.values_of("sku")
        self._classes: dict[int, int] = {}
        self._class_words: list[int] = [0]
        self._class_of = np.zeros(1024, np.int32)
        self._done = 0
        self._values = {
            name: _Words(compiled.n_words) for name in ("stores", "terminals", "has", "forbids")
        }
        self._looks = {
            "stores": compiled.looks_at("store"),
            "terminals": compiled.looks_at("terminal"),
            "tenders": compiled.looks_at("tender"),
        }
        self._sizes: object = None
        self.follow()

    def follow(self) -> None:
        """Take in what the dictionaries have gained (or lost) since the last call."""
        sizes = self.dictionaries.sizes()[1:]
        if sizes == self._sizes:
            return
        self._sizes = sizes
        self._follow_products()
        self._follow_places()
        self._follow_tenders()

    def _follow_products(self) -> None:
        versions = self.dictionaries.products.versions
        n = len(versions)
        if n > len(self._class_of):
            self._class_of = np.resize(self._class_of, max(n, 2 * len(self._class_of)))
        start = min(self._done, n)
        self._class_of[start:n] = self._classes_of(versions[start:])
        self._done = n
        words = np.zeros((len(self._class_words), self.compiled.n_words), np.uint64)
        for place, word in enumerate(self._class_words):
            words[place] = _split(word, self.compiled.n_words)
        eligible = np.ones(len(self._class_words), np.uint8)
        eligible[_EXCLUDED] = 0
        self.compiled.native.set_products(self._class_of, n, words.reshape(-1), eligible)

    def _classes_of(self, products: list[Product]) -> list[int]:
        """Classes by attributes; only a sku that a rule names tells like products apart."""
        if self._skus:
            keys = [p[2:] if p.sku not in self._skus else (p.sku, *p[2:]) for p in products]
        else:
            keys = [p[2:] for p in products]
        known = self._class_of_attributes
        for product, key in zip(products, keys, strict=True) if set(keys) - known.keys() else ():
            if key not in known:
                known[key] = self._class(product)
        return list(map(known.__getitem__, keys))

    def _class(self, product: Product) -> int:
        if any(_excluded(conditions, product) for conditions in self.compiled.program.exclude):
            return _EXCLUDED
        word = self._all
        for name in LINE_FIELDS:
            value = getattr(product, name)
            key = (name, value)
            if key not in self._line_words:
                self._line_words[key] = self._line_word(name, value)
            word &= self._line_words[key]
        if word not in self._classes:
            self._classes[word] = len(self._class_words)
            self._class_words.append(word)
        return self._classes[word]

    def _line_word(self, name: str, value: str | None) -> int:
        if name == "category":
            return _number(self.compiled.words(lambda when: in_category(when, value)))
        return _number(self.compiled.words(lambda when: listed(when, name, value)))

    def _follow_places(self) -> None:
        native, dictionaries = self.compiled.native, self.dictionaries
        for kind, field, codes, put in (
            ("stores", "store", dictionaries.stores, native.set_stores),
            ("terminals", "terminal", dictionaries.terminals, native.set_terminals),
        ):
            if not self._looks[kind]:
                put(None, len(codes))
                continue
            words = self._values[kind]
            words.cut(len(codes))
            for name in codes.names[len(words) :]:
                # A missing store or terminal is the empty string: not known.
                words.add(self.compiled.words(lambda w, f=field, v=name: listed(w, f, v or None)))  # type: ignore[misc]
            put(words.array(), len(codes))

    def _follow_tenders(self) -> None:
        codes = self.dictionaries.tenders
        if not self._looks["tenders"]:
            self.compiled.native.set_tenders(None, None, len(codes))
            return
        has, forbids = self._values["has"], self._values["forbids"]
        has.cut(len(codes))
        forbids.cut(len(codes))
        for name in codes.names[len(has) :]:
            has.add(self.compiled.words(lambda w, v=name: v in (w.tender or ())))  # type: ignore[misc]
            forbids.add(self.compiled.words(lambda w, v=name: v in (w.negated.tender or ())))  # type: ignore[misc]
        self.compiled.native.set_tenders(has.array(), forbids.array(), len(codes))


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


def _excluded(conditions: LineConditions, product: Product) -> bool:
    for name in LINE_FIELDS:
        wanted = getattr(conditions, name)
        value = getattr(product, name)
        if wanted is None:
            continue
        if name == "category":
            if not under(wanted, value):
                return False
        elif value not in wanted:
            return False
    return True


def _number(words: NDArray[np.uint64]) -> int:
    return int.from_bytes(words.astype("<u8").tobytes(), "little")


def _split(word: int, n_words: int) -> NDArray[np.uint64]:
    return np.frombuffer(word.to_bytes(8 * n_words, "little"), "<u8")
