"""Kernel and reference on drawn histories of members that are merged, parted and pool."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from vafa.engine.explain.explain import Explainer
from vafa.engine.ledger.replay import Rebuilt, compare_states

from . import engine_driver, random_ties, reference_driver
from .outcomes import final_differences, settled
from .test_quotes import steps

CASES = 30


@pytest.mark.parametrize("number", range(3))
def test_the_kernel_agrees_with_the_reference(number: int) -> None:
    draw = random.Random(number)
    for _ in range(CASES // 3):
        case = random_ties.case_of(draw.randbytes(16))
        with engine_driver.ledger(case) as writer:
            ledger = engine_driver.seen(writer.replica, case)
            rebuilt = Rebuilt(writer.journal, end=writer.replica.seq)
            compare_states(writer.replica, rebuilt)
            assert rebuilt.report.findings == [], case.name
            told = list(Explainer(writer.replica).all())
            assert [one.id for one in told if not one.agrees] == [], case.name
        reference = reference_driver.settled_run(case, ledger)
        found = list(final_differences(settled(ledger, case), settled(reference, case)))
        assert not found, f"{case.name}: {found[0]}"


@pytest.mark.parametrize("number", range(5))
def test_a_quote_is_what_the_commit_posts(number: int, tmp_path: Path) -> None:
    steps(tmp_path, random_ties.case_of(random.Random(number).randbytes(16)))
