"""Chains followed through a record natively, and rows gathered from several."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from vafa.native.trail import Trail, gather, gather_lists

FIRST = 100
MEMBERS = np.array([7, 8, 7, 7, 8], np.uint32)
PREVIOUS = np.array([40, 0, 100, 102, 101], np.uint64)
ACCEPTED = np.zeros(5, np.uint8)
BOUNDS = np.arange(6, dtype=np.int32)
TEXT = np.frombuffer(b"abcde", np.uint8)


def _follow(seq: int, until: int = 0, **changed: Any) -> tuple[list[int] | None, int, bool]:
    return _trail(**changed).follow(seq, until, 7)


def _trail(**changed: Any) -> Trail:
    columns: dict[str, Any] = {
        "members": MEMBERS, "previous": PREVIOUS, "status": ACCEPTED, "bounds": BOUNDS,
        "text": TEXT, **changed,
    }
    return Trail(first=FIRST, **columns)


def test_a_chain_is_followed_out_of_the_record() -> None:
    assert _follow(103) == ([3, 2, 0], 40, True)
    assert _follow(102) == ([2, 0], 40, True)


def test_a_chain_ends_where_it_is_known() -> None:
    assert _follow(103, until=102) == ([3], 102, True)
    assert _follow(103, until=101) == ([3, 2], 100, True)


def test_a_row_that_was_not_simply_accepted_is_told() -> None:
    status = np.array([0, 9, 9, 0, 0], np.uint8)
    assert _follow(103, status=status) == ([3, 2, 0], 40, False)
    assert _follow(103, until=102, status=status) == ([3], 102, True)


def test_a_chain_that_does_not_fall_ends_at_its_row() -> None:
    for wrong in (103, 104):
        previous = np.array([40, 0, 100, wrong, 101], np.uint64)
        assert _follow(103, previous=previous) == ([3], wrong, True)


def test_another_members_row_is_named() -> None:
    assert _follow(103, previous=np.array([40, 0, 101, 102, 101], np.uint64)) == (None, 101, False)


def test_a_seq_must_be_in_the_record() -> None:
    for seq in (99, 105):
        with pytest.raises(IndexError):
            _follow(seq)


def test_ids_are_read_where_they_stand() -> None:
    bounds = np.array([1, 2, 2, 8, 9, 10], np.int32)
    trail = _trail(bounds=bounds, text=np.frombuffer("-aنانbc".encode(), np.uint8))
    assert trail.ids([4, 0, 1, 2]) == ["c", "a", "", "نان"]
    for row in (-1, 5):
        with pytest.raises(IndexError):
            trail.ids([row])
    with pytest.raises(IndexError):
        _trail(bounds=bounds, text=np.zeros(9, np.uint8)).ids([4])
    with pytest.raises(ValueError, match="lengths"):
        _trail(bounds=bounds[:5])


def test_rows_and_lists_of_several_batches() -> None:
    rows = [np.array([2, 0]), np.array([], np.int64), np.array([1])]
    items = [np.arange(6, dtype=np.int32), np.zeros(0, np.int32), np.arange(10, 13, dtype=np.int32)]
    starts = [np.array([0, 1, 3, 6]), np.array([0]), np.array([0, 0, 3])]
    dtype = np.dtype(np.int32)
    firsts = [np.array([5, 6, 7], np.int32), np.zeros(0, np.int32), np.array([8, 9], np.int32)]
    (one,) = gather(rows, [(dtype, firsts)])
    assert one.tolist() == [7, 5, 9]
    new, (many,) = gather_lists(starts, rows, [(dtype, items)])
    assert new.tolist() == [0, 3, 4, 7]
    assert many.tolist() == [3, 4, 5, 0, 10, 11, 12]
    new, (many,) = gather_lists([], [], [(dtype, [])])
    assert new.tolist() == [0]
    assert many.tolist() == []


def test_nothing_is_read_beyond_a_batch() -> None:
    dtype = np.dtype(np.int32)
    three = [np.arange(3, dtype=np.int32)]
    for row in (-1, 3):
        with pytest.raises(IndexError):
            gather([np.array([row])], [(dtype, three)])
    for starts, row in (([0, 3], 1), ([0, 4], 0), ([2, 1], 0), ([-1, 2], 0)):
        with pytest.raises(IndexError):
            gather_lists([np.array(starts)], [np.array([row])], [(dtype, three)])
    with pytest.raises(TypeError):
        gather([np.array([0])], [(dtype, [np.arange(3)])])
    with pytest.raises(TypeError):
        gather([np.array([0])], [(dtype, [np.arange(6, dtype=np.int32)[::2]])])
