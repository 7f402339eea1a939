"""Dictionaries: versions of products and stores, what a commit takes back, growth."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vafa.engine.columns.dictionaries import ALWAYS, Dictionaries, Product, Sizes, StoreVersion
from vafa.engine.columns.records import grow, growth_batch
from vafa.engine.controls.controls import grow_by
from vafa.engine.facts import CatalogFact, ProductFact, StoreAttributes, StoreFact
from vafa.engine.facts.parts import us_instant
from vafa.engine.replica.checkpoint import FORMAT, Checkpoint, Meta, Snapshot, fresh_names

# Names by the versions that are there, (name, since); asked as (name, instant); the number, or
# None for a new version.
IN_FORCE: dict[str, tuple[list[tuple[str, int]], tuple[str, int], int | None]] = {
    "unknown": ([], ("1", 5), None),
    "since ever": ([("1", ALWAYS)], ("1", 0), 0),
    "at its begin": ([("1", ALWAYS), ("1", 5)], ("1", 5), 1),
    "just before": ([("1", ALWAYS), ("1", 5)], ("1", 4), 0),
    "before the first": ([("1", 5)], ("1", 4), None),
    "an older one that came later": ([("1", 9), ("1", 5)], ("1", 7), 1),
    "the newest by time": ([("1", 9), ("1", 5)], ("1", 9), 0),
    "the last of one begin": ([("1", 5), ("1", 5)], ("1", 5), 1),
    "of another": ([("2", 5)], ("1", 5), None),
}


@pytest.mark.parametrize("name", IN_FORCE)
def test_the_version_in_force(name: str) -> None:
    versions, (asked, instant), number = IN_FORCE[name]
    stores = Dictionaries().stores
    for version in versions:
        stores.add(StoreVersion(*version, region=f"r{len(stores)}"))
    expected = len(versions) if number is None else number
    many = stores.at_many(pa.array([asked]), np.array([instant]))
    assert many.tolist() == [expected]
    assert stores.at(asked, instant) == expected
    if number is None:
        assert stores.versions[expected] == StoreVersion(asked)


def test_a_change_is_a_version_and_no_change_is_none() -> None:
    d = Dictionaries()
    assert d.stores.change(StoreVersion("1", 10, "north"))
    assert not d.stores.change(StoreVersion("1", 20, "north"))
    assert d.stores.change(StoreVersion("1", 30, "north", "mini"))
    assert not d.stores.change(StoreVersion("1", 12, "north"))
    assert d.stores.change(StoreVersion("1", 5, "north"))
    assert [version.since for version in d.stores.versions] == [10, 30, 5]
    assert d.stores.names == ["1"] * 3
    assert d.stores.of[:3].tolist() == [0, 0, 0]


def test_catalogues_and_stores_grow_the_dictionaries() -> None:
    d = Dictionaries()
    at = us_instant(7)
    products = [
        ProductFact("a", category="food/dairy", labels=["b", "a"], weighed=True),
        ProductFact("b", price_class="red", on_promotion=True),
        ProductFact("c", category="food"),
        ProductFact("a", category="food/dairy", labels=["a", "b"], weighed=True),
    ]
    grow_by(CatalogFact("c", at, products), d)
    grow_by(StoreFact("s", at, [StoreAttributes("1", "north", "mini")]), d)
    assert d.products.versions == [
        Product("a", 7, category="food/dairy", labels=("a", "b"), weighed=True),
        Product("b", 7, price_class="red", on_promotion=True),
        Product("c", 7, category="food"),
    ]
    assert d.products.category_of[:3].tolist() == [0, -1, 1]
    assert d.products.categories.names == ["food/dairy", "food"]
    assert d.stores.versions == [StoreVersion("1", 7, "north", "mini")]


TEXTS = st.sampled_from(["", "a", "b", "نان"])
MAYBE = st.one_of(st.none(), TEXTS)
SINCE = st.integers(-3, 3)
PRODUCTS = st.builds(
    Product, TEXTS, SINCE, MAYBE, MAYBE, MAYBE, MAYBE, MAYBE,
    st.sampled_from([None, True, False]), st.sampled_from([(), ("a",), ("a", "b")]), st.booleans(),
)  # fmt: skip
STORES = st.builds(StoreVersion, TEXTS, SINCE, MAYBE, MAYBE)
STEPS = st.lists(
    st.one_of(
        PRODUCTS, STORES, st.tuples(st.sampled_from(["members", "terminals", "tenders"]), TEXTS)
    ), max_size=12,
)  # fmt: skip


def take_steps(d: Dictionaries, steps: list[Any]) -> None:
    """Grow dictionaries one by one."""
    for step in steps:
        if isinstance(step, Product):
            d.products.add(step)
        elif isinstance(step, StoreVersion):
            d.stores.add(step)
        else:
            getattr(d, step[0]).number(step[1])


def state(d: Dictionaries) -> list[Any]:
    """All that dictionaries know."""
    out: list[Any] = [d.sizes(), d.products.categories.names]
    out += [d.products.category_of[: len(d.products)].tolist()]
    out += [codes.names for codes in (d.members, d.terminals, d.tenders)]
    for versions in (d.products, d.stores):
        n, m = len(versions), len(versions.codes)
        out += [
            versions.versions, versions.names, versions.codes.names, versions.codes.numbers,
            versions.of[:n].tolist(), versions.latest[:m].tolist(), versions.since[:m].tolist(),
            [versions._in_force(name, at) for name in versions.codes.names for at in range(-4, 5)],
        ]  # fmt: skip
    return out


@settings(deadline=None)
@given(STEPS, STEPS)
def test_what_is_taken_back_was_never_there(kept: list[Any], gone: list[Any]) -> None:
    d, plain = Dictionaries(), Dictionaries()
    take_steps(d, kept)
    take_steps(plain, kept)
    sizes = d.sizes()
    take_steps(d, gone)
    d.cut(sizes)
    assert state(d) == state(plain)
    take_steps(d, gone)
    take_steps(plain, gone)
    assert state(d) == state(plain)


@settings(deadline=None)
@given(STEPS, STEPS)
def test_growth_tells_all(first: list[Any], more: list[Any]) -> None:
    d, other = Dictionaries(), Dictionaries()
    for steps in (first, more):
        sizes = d.sizes()
        take_steps(d, steps)
        growth = growth_batch(d, sizes)
        assert (growth is None) == (d.sizes() == sizes)
        if growth is not None:
            growth.validate(full=True)
            grow(other, growth)
    assert state(other) == state(d)


@settings(deadline=None)
@given(STEPS)
def test_versions_at_once_are_those_one_by_one(steps: list[Any]) -> None:
    one, other = Dictionaries(), Dictionaries()
    take_steps(one, [step for step in steps if isinstance(step, Product | StoreVersion)])
    other.products.extend([step for step in steps if isinstance(step, Product)])
    other.stores.extend([step for step in steps if isinstance(step, StoreVersion)])
    assert state(one) == state(other)


def test_a_checkpoint_keeps_the_versions(tmp_path: Path) -> None:
    d, again = Dictionaries(), Dictionaries()
    take_steps(d, [
        ("members", "m"), Product("a", 5, labels=("x", "y"), weighed=True, on_promotion=False),
        Product("a", 2, category="food"), StoreVersion("1"), StoreVersion("1", 4, "north", "mini"),
        ("tenders", "cash"), ("terminals", ""),
    ])  # fmt: skip
    meta = Meta(
        format=FORMAT, ledger=b"", seq=1, hash=b"", sizes=tuple(d.sizes()), latest_at=0
    )
    checkpoint = Checkpoint(tmp_path, write=True)
    checkpoint.write(Snapshot(meta=meta, names=fresh_names(d, Sizes())))
    checkpoint.load(again, meta)
    checkpoint.close()
    assert state(again) == state(d)


def test_many_names_outgrow_the_first_arrays() -> None:
    d = Dictionaries()
    names = [f"s{n}" for n in range(3_000)]
    numbers = d.products.at_many(pa.array(names), np.zeros(3_000, np.int64))
    assert numbers.tolist() == list(range(3_000))
    for name in names:
        d.stores.at(name, 0)
    for versions in (d.products, d.stores):
        assert versions.of[:3_000].tolist() == list(range(3_000))
    assert set(d.products.category_of[:3_000].tolist()) == {-1}
