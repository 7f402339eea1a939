"""The seeded faults: each has its place, and a seed draws the same ones again."""

from __future__ import annotations

import pytest

from . import mutation
from .faults import EQUIVALENT, FAULTS, Fault


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.note)
def test_a_fault_has_its_place(fault: Fault) -> None:
    text = (mutation.ROOT / fault.file).read_text(encoding="utf-8")
    assert mutation.put_in(fault, text) != text


def test_one_seed_draws_one_list() -> None:
    drawn = mutation.generated(3, 40)
    assert drawn == mutation.generated(3, 40)
    assert len(drawn) == 40
    for fault in drawn:
        text = (mutation.ROOT / fault.file).read_text(encoding="utf-8")
        assert mutation.put_in(fault, text) != text


def test_the_rule_code_is_there() -> None:
    assert [name for name in mutation.RULE_CODE if not (mutation.ROOT / name).exists()] == []


def test_the_report_tells_of_survivors() -> None:
    caught, survivor, equal = (
        Fault("native/lots.pxd", old, "b", line=1) for old in ("one", "two", "three")
    )
    results = [
        mutation.Result(caught, "caught: test_rules.py", 1),
        mutation.Result(survivor, "survived", 1),
        mutation.Result(equal, "unbuilt", 1),
    ]
    text = mutation.report(results, seed=3, examples=200)
    assert "| 3 | 2 | 0 | 1 | 50.0 % |" in text
    assert "| native/lots.pxd:1 | `two` -> `b` | not caught |" in text
    assert all(reason for reason in EQUIVALENT.values())
