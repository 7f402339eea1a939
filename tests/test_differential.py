"""The native kernel against the plain-Python reference.

Kept cases are compared fact by fact; random ones as `differential` tells. `make differential`
draws very many.
"""

from __future__ import annotations

import pytest

from . import differential, differential_cases

ROWS = differential_cases.rows()
HISTORIES = 150
KNOWN = {1: 0, 2: 0}
"""By the number that cases are drawn from, how many of them differ for the open rows' causes.

A fault that makes more of them differ goes red, and so does a row that is mended: the figure
is then lowered. With no row open it is 0.
"""


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


@pytest.mark.parametrize("number", KNOWN)
def test_drawn_cases(number: int) -> None:
    tally = differential.many(number, HISTORIES)
    assert tally.examples >= HISTORIES
    assert sum(tally.failures.values()) == KNOWN[number], dict(tally.seeds)
    assert any(kept.open for kept in ROWS) or not any(KNOWN.values())
