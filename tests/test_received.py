"""Kernel and reference on drawn histories of sales on account and payments for them."""

from __future__ import annotations

import random
import sys
from pathlib import Path

import pytest

from vafa.engine.explain.explain import Explainer
from vafa.engine.ledger.replay import Rebuilt, compare_states

from . import engine_driver, random_received, reference_driver
from .cases import Case
from .differential import whole_differences
from .outcomes import final_differences, settled
from .test_quotes import steps


def agree(case: Case) -> None:
    """A ledger, its replay, its explanations and the reference on a case in its batches."""
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


@pytest.mark.parametrize("number", range(4))
def test_the_kernel_agrees_with_the_reference(number: int) -> None:
    draw = random.Random(number)
    for _ in range(15):
        agree(random_received.case_of(draw.randbytes(16)))


@pytest.mark.parametrize("number", range(4))
def test_every_decision_is_that_of_the_reference(number: int) -> None:
    draw = random.Random(number)
    for _ in range(5):
        case = random_received.case_of(draw.randbytes(16))
        assert whole_differences(case) == [], case.name


@pytest.mark.parametrize("number", range(4))
def test_a_shop_that_sells_on_account(number: int) -> None:
    draw = random.Random(number)
    for _ in range(25):
        case = random_received.of_wholesale(draw.randbytes(16))
        agree(case)
        assert whole_differences(case) == [], case.name


@pytest.mark.parametrize("number", range(5))
def test_a_quote_is_what_the_commit_posts(number: int, tmp_path: Path) -> None:
    steps(tmp_path, random_received.case_of(random.Random(number).randbytes(16)))


if __name__ == "__main__":  # python -m tests.test_received FIRST COUNT
    first, count = map(int, sys.argv[1:])
    for seed in range(first, first + count):
        drawn = random_received.case_of(random.Random(seed).randbytes(16))
        agree(drawn)
        shop = random_received.of_wholesale(random.Random(seed).randbytes(16))
        agree(shop)
        assert whole_differences(shop) == [], seed
        if seed % 4 == 0:
            assert whole_differences(drawn) == [], seed
    print(f"{count} cases from {first} on agree")
