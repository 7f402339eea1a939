"""The native kernel against the plain-Python reference.

Kept cases are compared fact by fact; random ones as `differential` tells. `make differential`
draws very many.
"""

from __future__ import annotations

import os

import pytest

from . import differential, differential_cases

ROWS = differential_cases.rows()
HISTORIES = int(os.environ.get("VAFA_HISTORIES", "20000"))
SEED = 1


def params() -> list[object]:
    """Kept cases; an open one must fail, and is no longer open when it does not."""
    return [
        pytest.param(
            kept, id=kept.name,
            marks=[pytest.mark.xfail(reason=kept.open, strict=True)] if kept.open else [],
        )
        for kept in ROWS
    ]


@pytest.mark.parametrize("kept", params())
def test_kept_cases(kept: differential_cases.Row) -> None:
    assert differential.whole_differences(kept.case) == []
    assert differential.end_differences(kept.case) == []


def test_drawn_cases() -> None:
    """All processors; a seed that is told here makes its case with `--show`."""
    tally = differential.over_processes(HISTORIES, SEED, min(differential.PART, HISTORIES))
    assert tally.examples >= HISTORIES
    assert tally.whole > HISTORIES // 200
    assert tally.together >= HISTORIES // differential.TOGETHER
    assert not tally.failures, tally.seeds


def test_a_run_draws_the_same_cases_over_any_number_of_processes(
    capsys: pytest.CaptureFixture[str],
) -> None:
    alone = differential.Tally()
    for number in (7, 8, 9):
        alone.add(differential.many(number, 10))
    for processes in (1, 3):
        assert differential.over_processes(30, 7, 10, processes) == alone
    cut = differential.over_processes(30, 7, 10, 2, minutes=0)
    assert cut == differential.many(7, 10)
    assert f"{alone.examples} of 30" in capsys.readouterr().out
