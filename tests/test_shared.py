"""What front ends know together: places are found again, and full ones are told."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from vafa.server import shared
from vafa.server.problems import ProblemError
from vafa.server.shared import BUCKET, Shared, hash_of

NOW = 1_700_000_000.0


@pytest.fixture
def both(tmp_path: Path) -> tuple[Shared, Shared]:
    """The tables of two processes."""
    return Shared(tmp_path / "shared"), Shared(tmp_path / "shared")


def test_what_one_counts_another_knows(both: tuple[Shared, Shared]) -> None:
    limits = 3, 10
    one, other = both
    name = hash_of("key", "a")
    assert all(table.count(name, NOW, limits, 1, 0) for table in (one, other, one))
    assert not other.count(name, NOW, limits, 1, 0)
    assert one.count(name, NOW, limits, 0, 10)
    assert not other.count(name, NOW, limits, 0, 1)
    assert other.count(hash_of("key", "b"), NOW, limits, 1, 0)
    assert one.count(name, NOW + 60, limits, 1, 0)


def test_what_is_refused_counts_nothing(both: tuple[Shared, Shared]) -> None:
    one, other = both
    assert not one.count(7, NOW, (None, 5), 0, 6)
    assert other.count(7, NOW, (None, 5), 0, 5)
    # Facts that are used up do not stop requests, nor the other way round.
    assert other.count(7, NOW, (None, 5), 1, 0)


def test_a_full_place_is_told_and_empties_with_its_minute(both: tuple[Shared, Shared]) -> None:
    one, _ = both
    buckets = shared._RATES // BUCKET
    names = [1 + buckets * n for n in range(BUCKET + 1)]
    for name in names[:-1]:
        assert one.count(name, NOW, (1, None), 1, 0)
    with pytest.raises(ProblemError) as error:
        one.count(names[-1], NOW, (1, None), 1, 0)
    assert error.value.slug == "overloaded"
    assert not one.count(names[5], NOW, (1, None), 1, 0)
    assert one.count(names[-1], NOW + 60, (1, None), 1, 0)


def test_a_signature_is_taken_once_until_its_time_is_over(
    both: tuple[Shared, Shared], monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = both
    monkeypatch.setattr(time, "time", lambda: NOW)
    assert one.take(b"signature", int(NOW) + 300)
    assert not other.take(b"signature", int(NOW) + 300)
    assert not one.take(b"signature", int(NOW) + 300)
    monkeypatch.setattr(shared, "_SIGNATURES", BUCKET)
    for n in range(BUCKET):
        assert one.take(f"more {n}".encode(), int(NOW) + 10)
    with pytest.raises(ProblemError):
        one.take(b"too many", int(NOW) + 10)
    monkeypatch.setattr(time, "time", lambda: NOW + 11)
    assert one.take(b"too many", int(NOW) + 300)
    assert not other.take(b"too many", int(NOW) + 300)


def test_a_file_of_another_size_is_made_anew(tmp_path: Path) -> None:
    path = tmp_path / "shared"
    path.write_bytes(b"x" * 100)
    assert Shared(path).take(b"signature", 2**40)
    assert not Shared(path).take(b"signature", 2**40)
