"""A writer that is opened anew before every batch, from checkpoint and tail, comes to the same.

What a ledger knows of members stands in the checkpoint beside their rows: cards, ties, who referred
whom, receipts, rewards, codes. Something of it that is not read again shows in a later fact.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from vafa.engine.ledger.writer import Writer

from . import differential_cases, random_claims, random_referrals, random_together, strategies
from .cases import Case
from .differential_cases import ROWS, Row
from .engine_driver import IN_MEMORY, clock, hash_of, seen
from .mixed import commit_case
from .outcomes import Run

KEPT = [
    differential_cases.read(path)
    for folder in (ROWS, ROWS / "together") for path in sorted(folder.glob("*.txt"))
]  # fmt: skip
DRAWN: dict[str, Callable[[bytes], Case | None]] = {
    "alone": strategies.case_of, "claims": random_claims.case_of,
    "referrals": random_referrals.case_of, "together": random_together.case_of,
}  # fmt: skip
SEEDS = 6


def came(case: Case, *, reopen: bool) -> tuple[Run, str]:
    """What a case comes to, and the state hash."""
    with clock(), tempfile.TemporaryDirectory(dir=IN_MEMORY) as folder:
        writer = Writer(Path(folder))
        for batch in case.batches():
            if reopen:
                writer.replica.save()
                writer.close()
                writer = Writer(Path(folder))
            commit_case(writer, case, [batch])
        found = seen(writer.replica, case), hash_of(writer.replica)
        writer.close()
        return found


def same(case: Case) -> None:
    assert came(case, reopen=True) == came(case, reopen=False)


@pytest.mark.parametrize("kind", DRAWN)
@pytest.mark.parametrize("seed", range(SEEDS))
def test_drawn_cases_come_to_the_same(kind: str, seed: int) -> None:
    case = DRAWN[kind](bytes([seed] * 16))
    if case is not None:
        same(case)


@pytest.mark.parametrize("row", KEPT, ids=lambda row: row.name)
def test_kept_cases_come_to_the_same(row: Row) -> None:
    same(row.case)
