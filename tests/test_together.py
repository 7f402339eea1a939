"""Ledger, replay and reference on drawn histories of members that are referred, claim receipts, are
merged, parted and pool in households (rulebook sections 2, 7 and 11)."""

from __future__ import annotations

import random

import pytest

from . import differential, random_together, together

CASES, PARTS = 300, 10


@pytest.mark.parametrize("part", range(PARTS))
def test_ledger_replay_and_reference_agree(part: int) -> None:
    draw, done = random.Random(f"together {part}"), 0
    while done < CASES // PARTS:
        case = random_together.case_of(draw.randbytes(16))
        if case is not None:
            done += 1
            found = together.differences(case)
            assert not found, f"{case.name}: {found[0]}"


def test_a_long_run_draws_them_as_well() -> None:
    tally = differential.many(3, 4 * differential.TOGETHER)
    assert (tally.together, tally.failures) == (4, {})
    seed = next(s for n in range(9) if random_together.case_of(s := bytes([n] * 16)) is not None)
    assert differential.shown(f"together {seed.hex()}") == "nothing differs"
