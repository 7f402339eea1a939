"""What lint calls idle is idle: random histories come to the same without it.

The reference plays each history, once as it is and once for each limit that lint says never
binds, without that limit. A rule that lint says never gives must have given nothing.
"""

from __future__ import annotations

import copy
import datetime as dt
import random
import re
import tomllib
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from vafa.engine.checks.program_file import parse_program
from vafa.engine.checks.publication import holiday_dates
from vafa.engine.lint.conditions import Sets
from vafa.engine.lint.findings import Found
from vafa.engine.lint.limits import lint_limits
from vafa.engine.lint.rules import lint_groups, lint_rules
from vafa.engine.program.program import Program

from . import reference_driver
from .cases import Case
from .random_programs import program_text
from .strategies import case_of

NEVER_GIVES = {
    "contradiction", "shadowed", "excluded", "empty-window", "nothing-to-multiply", "outdone",
}  # fmt: skip
NEVER_BINDS = {"limit-never-binds", "uses-never-bind", "cap-never-binds"}
SEEDS = range(14)

Postings = dict[str, list[tuple[str, int]]]


def told(program: Program) -> list[Found]:
    """What lint says of rules and limits."""
    holidays = holiday_dates(program, dt.datetime(2000, 1, 1, tzinfo=dt.UTC))
    sets = Sets(program, holidays)
    found = [*lint_rules(program, sets, 0), *lint_groups(program, sets), *lint_limits(program)]
    return [one for one in found if one.code in NEVER_GIVES | NEVER_BINDS]


def postings(case: Case) -> Postings:
    """(rule, points) of every fact that gave some."""
    run = reference_driver.run(case)
    return {
        name: [(posting.rule, posting.points) for posting in fact.postings if posting.points]
        for name, fact in run.told.items()
    }


def without(document: dict[str, Any], path: str) -> str:
    """A program without the limit of a path such as `rule[2].limits.day`."""
    table, place, part, name = re.fullmatch(r"(\w+)\[(\d+)\]\.(\w+)\.(\w+)", path).groups()  # type: ignore[union-attr]
    changed = copy.deepcopy(document)
    entry = changed[table][int(place)]
    del entry[part][name]
    if not entry[part]:
        del entry[part]
    return program_text(changed)


@pytest.mark.parametrize("seed", SEEDS)
def test_what_is_idle_changes_nothing(seed: int) -> None:
    case = case_of(random.Random(seed).randbytes(24), versions=False)
    text = case.programs["v1"]
    found = told(parse_program(text))
    base = postings(case)
    given = {rule for of_fact in base.values() for rule, _ in of_fact}
    assert {one.rule for one in found if one.code in NEVER_GIVES} & given == set()
    document = tomllib.loads(text, parse_float=Decimal)
    for one in found:
        if one.code in NEVER_BINDS:
            other = replace(case, programs={"v1": without(document, one.path)})
            assert postings(other) == base, one
