"""A column of names looked up natively, beside a dictionary."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vafa.engine.columns.dictionaries import Product, Products
from vafa.native.names import NameTable

NAMES = st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=20))


def _find(table: NameTable, names: list[str]) -> list[int]:
    data = [name.encode() for name in names]
    ends = np.cumsum([0, *map(len, data)]).astype(np.int32)
    return table.find(ends, np.frombuffer(b"".join(data), np.uint8)).tolist()


@given(NAMES, NAMES)
def test_names_are_found_under_their_numbers(names: list[str], others: list[str]) -> None:
    known = list(dict.fromkeys(names))
    table = NameTable()
    table.add(known[:1])
    table.add(known[1:])
    number = {name: place for place, name in enumerate(known)}
    wanted = [*names, *others]
    assert _find(table, wanted) == [number.get(name, -1) for name in wanted]


def test_very_many_names_and_long_ones() -> None:
    names = [str(number) * (1 + number % 7) for number in range(1, 20_001)]
    names = list(dict.fromkeys(names))
    table = NameTable()
    table.add(names)
    assert len(table) == len(names)
    assert _find(table, names) == list(range(len(names)))
    assert _find(table, [name + "!" for name in names]) == [-1] * len(names)


def test_nothing_is_read_beyond_the_bytes() -> None:
    table = NameTable()
    table.add(["a"])
    data = np.frombuffer(b"abc", np.uint8)
    for ends in ([0, 4], [-1, 2], [2, 1], [3, 5]):
        with pytest.raises(IndexError):
            table.find(np.array(ends, np.int32), data)


def test_a_column_of_skus_is_numbered_as_single_ones_are() -> None:
    column, one = Products(), Products()
    for products in (column, one):
        products.extend([Product("a", brand="x"), Product("b", since=100)])
    skus = pa.array(["?", "b", "new", "a", "b", "new", "newer"]).slice(1)
    at = np.array([100, 0, 7, 50, 7, 7], np.int64)
    found = column.at_column(skus, at)
    expected = [one.at(sku, int(when)) for sku, when in zip(skus.to_pylist(), at, strict=True)]
    assert [column.versions[n] for n in found] == [one.versions[n] for n in expected]
    assert column.at_column(pa.array([], pa.string()), np.zeros(0, np.int64)).tolist() == []


def test_a_sku_that_was_taken_back_is_new_again() -> None:
    products = Products()
    at = np.zeros(1, np.int64)
    assert products.at_column(pa.array(["a"]), at).tolist() == [0]
    assert products.at_column(pa.array(["b"]), at).tolist() == [1]
    products.cut(1)
    assert products.at_column(pa.array(["c"]), at).tolist() == [1]
    assert products.at_column(pa.array(["b"]), at).tolist() == [2]
