"""Ledger, replay and reference on drawn histories of members that are referred, claim receipts, are
merged, parted and pool in households (rulebook sections 2, 7 and 11)."""

from __future__ import annotations

import random

import pytest

from . import differential, differential_cases, random_together, together
from .differential_cases import ROWS, Row

CASES, PARTS = 100, 10
"""Of 20,000 histories `test_differential` draws two hundred more."""

KEPT = [differential_cases.read(path) for path in sorted((ROWS / "together").glob("*.txt"))]


@pytest.mark.parametrize("part", range(PARTS))
def test_ledger_replay_and_reference_agree(part: int) -> None:
    draw = random.Random(f"together {part}")
    for _ in range(CASES // PARTS):
        case = random_together.case_of(draw.randbytes(16))
        found = together.differences(case)
        assert not found, f"{case.name}: {found[0]}"


@pytest.mark.parametrize("row", KEPT, ids=lambda row: row.name)
def test_what_once_differed_agrees(row: Row) -> None:
    assert together.differences(row.case) == []


def test_a_long_run_draws_them_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(differential, "TOGETHER", 10)
    tally = differential.many(3, 4 * differential.TOGETHER)
    assert (tally.together, tally.failures) == (4, {})
    assert differential.shown(f"together {bytes(16).hex()}") == "nothing differs"
