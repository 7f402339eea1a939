"""Lint: what a sound program says that can never count, or counts otherwise than meant
(rulebook sections 3 to 6).

The checks of `checks.whole` refuse what has no meaning; lint tells of what has one that
nobody wants. `CODES` of `lint_findings` is the table of what it tells.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence

from ..calendars.calendars import day_of
from ..program.lines import LineMap
from ..program.program import Program
from .conditions import Sets
from .findings import CODES, SEVERITIES, Finding, Found
from .ladder import lint_ladder
from .limits import lint_limits, lint_referrals
from .offers import lint_offers
from .rules import lint_groups, lint_rules, lint_unused
from .search import search


def lint(
    program: Program, text: str, today: dt.date, holidays: Mapping[str, Sequence[dt.date]]
) -> list[Finding]:
    """All findings of a checked program, errors first, then by line.

    `text` is the file's; `holidays` are the dates of its holiday calendars. Rules whose last
    date is before `today` are over, and the search buys on that day or the next that serves.
    """
    lines = LineMap(text)
    found = [
        _finding(lines, one._replace(path=program.in_file(one.path)))
        for one in _all(program, text, day_of(today), holidays)
    ]
    return sorted(found, key=lambda f: (SEVERITIES.index(f.severity), f.line, f.code, f.path))


def _all(
    program: Program, text: str, today: int, holidays: Mapping[str, Sequence[dt.date]]
) -> Iterator[Found]:
    sets = Sets(program, holidays)
    yield from lint_rules(program, sets, today)
    yield from lint_groups(program, sets)
    yield from lint_offers(program, sets)
    yield from lint_limits(program)
    yield from lint_referrals(program)
    yield from lint_unused(program)
    if program.ladder is not None:
        yield from lint_ladder(program, program.ladder)
    yield from search(program, text, holidays, sets, today)


def _finding(lines: LineMap, found: Found) -> Finding:
    code = CODES[found.code]
    return Finding(
        found.code, found.severity or code.severity, lines.line_of(found.path), found.path,
        found.message, code.advice, found.rule, found.example,
    )  # fmt: skip
