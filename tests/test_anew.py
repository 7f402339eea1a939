"""Columns put together natively, and two folds of a member compared line by line."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vafa.native.anew import joined, joined_starts, posts_alike

COLUMNS = {
    "rule": np.uint16, "kind": np.uint8, "currency": np.uint8, "desired": np.int64,
    "points": np.int64,
}  # fmt: skip
FIGURED = bytes((2, 1))

# -- columns --------------------------------------------------------------------------------


def test_columns_are_put_together_as_numpy_does() -> None:
    columns: list[tuple[Any, ...]] = [
        (np.array([1, 2], np.uint8), np.zeros(0, np.uint8), np.array([3], np.uint8)),
        (np.zeros(0, np.int64), np.array([-5], np.int64)),
        (np.array([7], np.uint32),),
    ]
    for ours, parts in zip(joined(columns), columns, strict=True):
        expected = np.concatenate(parts)
        assert ours.dtype == expected.dtype
        assert ours.tolist() == expected.tolist()
        assert all(not np.shares_memory(ours, part) for part in parts)


def test_starts_go_on_where_the_ones_before_end() -> None:
    parts = np.array([0, 2, 2, 5]), np.array([0]), np.array([4, 5, 9])
    assert joined_starts(parts).tolist() == [0, 2, 2, 5, 6, 10]
    assert joined_starts((np.array([3, 4]),)).tolist() == [0, 1]
    with pytest.raises(ValueError, match="n \\+ 1"):
        joined_starts((np.zeros(0, np.int64),))


def test_parts_of_another_form_are_not_taken() -> None:
    whole = np.arange(4, dtype=np.int64)
    for part in (whole.astype(np.int32), whole[::2], whole.astype(">i8"), [1]):
        with pytest.raises(TypeError):
            joined([(whole, part)])  # type: ignore[list-item]
        with pytest.raises(TypeError):
            joined_starts((whole, part))  # type: ignore[arg-type]


# -- postings -------------------------------------------------------------------------------

LINES = st.lists(st.tuples(*[st.integers(0, most) for most in (3, 1, 3, 1, 1, 1)]))


def _figures(lines: list[Any], closed: list[Any]) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for prefix, row, of in (("", "basket", lines), ("closed_", "closed_index", closed)):
        out[row] = np.array([line[0] for line in of], np.uint32)
        for place, (name, kind) in enumerate(COLUMNS.items(), start=1):
            out[prefix + name] = np.array([line[place] for line in of], kind)
    return out


def _told(lines: list[Any], old: int) -> list[Any]:
    return [
        (row, rule, kind, currency, points, desired if kind in FIGURED else None)
        for row, rule, kind, currency, desired, points in lines if row < old
    ]  # fmt: skip


def _told_of_days(lines: list[Any]) -> list[Any]:
    return [(*line[:4], line[5]) for line in lines]


@settings(deadline=None)
@given(LINES, LINES, st.data(), st.integers(0, 4))
def test_folds_are_compared_line_by_line(
    lines: list[Any], closed: list[Any], data: st.DataObject, old: int
) -> None:
    def changed(given: list[Any]) -> list[Any]:
        made = [list(line) for line in given]
        for _ in range(data.draw(st.integers(0, 2))):
            replaced: bool = data.draw(st.booleans())
            if made and replaced:
                place = data.draw(st.integers(0, len(made) - 1))
                made[place][data.draw(st.integers(0, 5))] = data.draw(st.integers(0, 2))
            else:
                place = data.draw(st.integers(0, len(made)))
                made[place:place] = [[data.draw(st.integers(0, 3)), 0, 0, 0, 0, 0]]
        return made

    other, days = changed(lines), changed(closed)
    assert posts_alike(
        _figures(lines, closed), _figures(other, days), old, FIGURED
    ) == (_told(lines, old) == _told(other, old) and _told_of_days(closed) == _told_of_days(days))


def test_columns_of_several_lengths_are_not_compared() -> None:
    whole = _figures([(0, 0, 0, 0, 0, 0)], [])
    for name in COLUMNS:
        with pytest.raises(ValueError, match=name):
            posts_alike(whole, whole | {name: whole[name][:0]}, 9, FIGURED)
        with pytest.raises(TypeError):
            posts_alike(whole, whole | {name: whole[name].astype(np.float32)}, 9, FIGURED)
