"""The native kernel against the plain-Python reference.

Kept cases are compared fact by fact; random ones as `differential` tells. `VAFA_EXAMPLES`
sets how many members' histories are drawn (default 300; CI asks for 20,000).
"""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from . import differential, differential_cases, strategies

EXAMPLES = int(os.environ.get("VAFA_EXAMPLES", "300"))
BY_HYPOTHESIS = 300
"""Cases that Hypothesis draws: it keeps a failing seed. The others need no keeping."""

ROWS = differential_cases.rows()
STANDS = pytest.mark.xfail(
    any(kept.open for kept in ROWS), reason="rows are open: random cases meet them", strict=False
)


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


@STANDS
@settings(
    max_examples=min(BY_HYPOTHESIS, max(20, EXAMPLES // 20)), deadline=None, print_blob=True,
    # A seed is not made smaller: the case is, as data.
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(strategies.seeds)
def test_drawn_cases(seed: bytes) -> None:
    case, whole = strategies.case_of(seed), differential.is_whole(seed)
    if differential.of_one_case(case, whole):
        pytest.fail(f"seed {seed.hex()}\n{differential.explained(case, whole)}", pytrace=False)


@STANDS
def test_very_many_cases() -> None:
    """All processors take part; the failing seed of each kind is told, made small."""
    total = differential.over_all_processors(EXAMPLES, number=EXAMPLES, part=50)
    assert total.examples >= EXAMPLES
    told = []
    for name, text in list(total.seeds.items())[:3]:
        seed = bytes.fromhex(text)
        small = differential.explained(strategies.case_of(seed), differential.is_whole(seed))
        told.append(f"{total.failures[name]} times {name}, seed {text}\n{small}")
    if told:
        pytest.fail("\n\n".join(told), pytrace=False)
