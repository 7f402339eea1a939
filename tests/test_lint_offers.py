"""Lint of offers: what no quote proposes, what falls, what never binds (section 8)."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from vafa.engine.checks.program_file import ProgramError, parse_program
from vafa.engine.checks.publication import holiday_dates
from vafa.engine.lint.conditions import Sets
from vafa.engine.lint.findings import Found
from vafa.engine.lint.limits import lint_limits
from vafa.engine.lint.lint import lint
from vafa.engine.lint.offers import lint_offers

from .lint_programs import SOUND

EXCLUDE = '[[exclude]]\nsku = ["bag"]\n'
TENTH = "benefit = { kind = 'percent', percent = 10 }"
FIFTH = "benefit = { kind = 'percent', percent = 20 }"
ONE = "benefit = { kind = 'percent', percent = 50, units = 1, which = 'dearest' }"
UP = "benefit = { kind = 'percent', percent = 19, round = 'ceil' }"
TWO = "benefit = { kind = 'amount', amount = 200 }"
UNITS = "benefit = { kind = 'n_for_m', n = 2, m = 1 }"
DAIRY = "when = { department = ['dairy'] }"
BREAD = "when = { department = ['bread'] }"


def offers(*bodies: str, **modes: str) -> str:
    """The sound program with offers o0, o1, ... and groups by mode."""
    text = SOUND + EXCLUDE
    for name, mode in modes.items():
        text += f'\n[[offer_group]]\nid = "{name}"\nmode = "{mode}"\n'
    for number, body in enumerate(bodies):
        rows = body.replace("; ", "\n")
        text += f'\n[[rule]]\nid = "o{number}"\nkind = "offer"\n{rows}\n'
    return text


def told(text: str) -> list[tuple[Any, ...]]:
    """(code, path, offer) of what is told of offers and limits."""
    program = parse_program(text)
    sets = Sets(program, holiday_dates(program, dt.datetime(2026, 1, 1, tzinfo=dt.UTC)))
    found: list[Found] = [*lint_offers(program, sets), *lint_limits(program)]
    return [(one.code, one.path, one.rule) for one in found]


G = "group = 'g'; "
EXCLUSIVE = {"g": "exclusive"}
BEST = {"g": "best"}


@pytest.mark.parametrize(("bodies", "modes", "expected"), [
    # rule[0] is `base`.
    ([G + TENTH, G + FIFTH + "; " + DAIRY], EXCLUSIVE, [("shadowed", "rule[2]", "o1")]),
    ([G + FIFTH + "; " + DAIRY + "; priority = 9", G + TENTH], EXCLUSIVE, []),
    ([G + TENTH + "; uses = { day = 1 }; priority = 9", G + FIFTH], EXCLUSIVE, []),
    # What needs two units may not apply: only the tie is told.
    ([G + UNITS, G + FIFTH], EXCLUSIVE, [("tie-by-place", "rule[2]", "o1")]),
    ([G + TENTH + "; " + BREAD, G + FIFTH + "; " + DAIRY], EXCLUSIVE, []),
    ([G + FIFTH, G + TENTH + "; " + DAIRY], BEST, [("outdone", "rule[2]", "o1")]),
    ([G + TENTH + "; " + DAIRY, G + FIFTH], BEST, [("outdone", "rule[1]", "o0")]),
    ([G + FIFTH + "; " + DAIRY, G + TENTH], BEST, []),
    # One unit only, of which a line may have none.
    ([G + ONE, G + FIFTH], EXCLUSIVE, [("tie-by-place", "rule[2]", "o1")]),
    ([G + TENTH + "; " + DAIRY, G + ONE], BEST, []),
    ([G + UP, G + FIFTH], BEST, []),
    ([G + TWO, G + TWO], BEST, [("outdone", "rule[2]", "o1")]),
    ([G + TWO, G + FIFTH], BEST, []),
    ([G + TWO, G + TWO], {"g": "stackable"}, []),
    (
        [G + TENTH, "group = 'h'; " + FIFTH], {"g": "exclusive", "h": "best"},
        [("groups-overlap", "offer_group[1]", "o1")],
    ),
    ([G + TENTH, "group = 'h'; " + FIFTH], {"g": "exclusive", "h": "stackable"}, []),
    (
        ["benefit = { kind = 'bundle', price = 9, part = [{ when = { sku = ['tea'] } }, "
         "{ when = { sku = ['bag'] } }] }"], {},
        [("excluded", "rule[1].benefit.part[1].when", "o0")],
    ),
    (
        ["benefit = { kind = 'buy_get', buy = 1, get = 1, of = { sku = ['bag'] } }"], {},
        [("excluded", "rule[1].benefit.of", "o0")],
    ),
    (
        ["benefit = { kind = 'spend_bands', bands = [{ from = 10, percent = 9 }, "
         "{ from = 20, percent = 5 }] }"], {},
        [("bands-not-rising", "rule[1].benefit.bands[1].percent", "o0")],
    ),
    (
        ["benefit = { kind = 'volume_bands', bands = [{ from = 2, amount = 5 }, "
         "{ from = 4, amount = 5 }, { from = 6, percent = 1 }] }"], {}, [],
    ),
    (
        [TWO + "; limits = { basket = 200, month = 700 }; uses = { month = 3 }"], {},
        [("limit-never-binds", "rule[1].limits.basket", "o0"),
         ("limit-never-binds", "rule[1].limits.month", "o0")],
    ),
    # A basket of 1 takes 1 off: ten uses may be over before 1,000 are.
    ([TWO + "; limits = { basket = 199, month = 1000 }; uses = { month = 10 }"], {}, []),
    (
        ["limits = { basket = 300 }; benefit = { kind = 'amount', amount = 200, per_unit = true }"],
        {}, [],
    ),
])  # fmt: skip
def test_offers(
    bodies: list[str], modes: dict[str, str], expected: list[tuple[Any, ...]]
) -> None:
    assert told(offers(*bodies, **modes)) == expected


def test_what_no_quote_proposes_may_be_named_all_the_same() -> None:
    text = offers(G + TENTH, G + FIFTH, **EXCLUSIVE)
    found = lint(parse_program(text), text, dt.date(2026, 11, 26), {})
    assert [(one.code, one.severity) for one in found if one.rule == "o1"] == [
        ("shadowed", "warning")
    ]


REFERRAL = '\n[[referral]]\nid = "friend"\nreferrer = 5\n'


def test_a_referral_is_told_of_where_it_stands() -> None:
    row = 'when = { date = { to = 2020-01-01 } }\nreferred = 5\n'
    text = SOUND + REFERRAL + row
    (found,) = lint(parse_program(text), text, dt.date(2026, 11, 26), {})
    assert (found.code, found.path) == ("dates-past", "referral[0].when.date.to")
    assert text.splitlines()[found.line - 1].startswith("when")


def test_a_wrong_referral_is_told_once() -> None:
    with pytest.raises(ProgramError) as refused:
        parse_program(SOUND + REFERRAL + "referred = 0\n")
    (problem,) = refused.value.problems
    assert (problem.path, problem.message) == ("referral[0].referred", "must be above zero")
