"""Program files: every refusal with its line, path and words; the schema and the examples."""

from __future__ import annotations

import tomllib
from decimal import Decimal
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest

from vafa.engine.checks.program_file import ProgramError, load_program, parse_program
from vafa.engine.checks.whole import warnings
from vafa.engine.checks.wording import PATTERNS
from vafa.engine.program import rules
from vafa.engine.program.lines import LineMap
from vafa.engine.program.program import Program, json_schema

from .bad_programs import GOOD, WHOLE, at_top, marked_line, plus

EXAMPLES = sorted((Path(__file__).parent.parent / "examples").glob("*.toml"))

# Lines of what the table below changes or adds to.
ZONE, CURRENCY, SCALE, RULE, POINTS, PER, GIFT, WINDOW, TIER = 4, 6, 8, 10, 13, 14, 16, 23, 29


def after(line: int, *rows: str) -> str:
    """The good program with rows added after a line."""
    good = GOOD.splitlines()
    return "\n".join([*good[:line], *rows, *good[line:]]) + "\n"


def instead(line: int, row: str) -> str:
    """The good program with a line replaced."""
    good = GOOD.splitlines()
    return "\n".join([*good[: line - 1], row, *good[line:]]) + "\n"


def when(condition: str) -> str:
    """The good program with a condition on its first rule, at line 15."""
    return after(PER, f"when = {{ {condition} }}")


WHEN = PER + 1
MULTIPLY = ("[[rule]]", 'id = "double"', 'kind = "multiply"')

# (text, line, path, part of the message)
BAD: dict[str, tuple[str, int, str, str]] = {
    # TOML
    "toml: no value": (instead(ZONE, "zone ="), ZONE, "zone", "Invalid value"),
    "toml: no quote": (instead(ZONE, 'zone = "UTC'), ZONE, "zone", "Illegal character"),
    "toml: key twice": (after(ZONE, 'zone = "UTC"'), ZONE + 1, "zone", "overwrite"),
    "toml: table twice": (GOOD + '[ladder]\nwindow = "week"\n', 31, "ladder", "declare"),
    "toml: no bracket": (GOOD + "[more\n", 31, "$", "Expected"),
    "toml: end": (GOOD + 'title = """', 31, "ladder.tier[1].title", "nterminated"),
    "toml: inside a list": (
        after(PER, "when = { sku = [", "  5،", "] }"), WHEN + 1, "$", "array: ، (a comma is ,)"
    ),
    "toml: Persian digits": (
        instead(PER, "per = ۱۰۰ # Tomans"), PER, "rule[0].per", "value: ۱۰۰ (digits are 0 to 9)"
    ),
    "toml: a Persian digit": (instead(PER, "per = 1۰"), PER, "rule[0].per", "digits are 0 to 9"),
    "toml: a Persian point": (
        instead(POINTS, "points = 1٫5"), POINTS, "rule[0].points", ": ٫5 (a decimal point is .)"
    ),
    "toml: other quotes": (instead(ZONE, "zone = “UTC”"), ZONE, "zone", "a text stands in"),
    "toml: no quotes": (
        when("weekday = [friday]"), WHEN, "rule[0].when", "friday] } (a text stands in \" or ')"
    ),
    "toml: a date that no calendar has": (
        when("date = { from = 2026-02-31 }"), WHEN, "rule[0].when", "a Gregorian date)"
    ),
    "toml: a date of another calendar": (
        when("date = { from = 1405-02-31 }"), WHEN, "rule[0].when",
        "1405-02-31 of the Jalali calendar is 2026-05-21",
    ),
    # Types
    "no format": (instead(1, ""), 1, "$", "missing required field `format`"),
    "other format": (instead(1, "format = 2"), 1, "format", "must be 1, not 2"),
    "no unit": (instead(3, ""), 1, "$", "missing required field `unit`"),
    "no currency": ('format=1\nid="a"\nzone="UTC"\nunit={code="EUR"}\n', 1, "$", "`currency`"),
    "empty currency": (
        'format=1\nid="a"\nzone="UTC"\nunit={code="EUR"}\ncurrency=[]\n', 5, "currency", "length"
    ),
    "unknown field": (
        after(ZONE, "points = 3"), ZONE + 1, "points", "unknown field `points`; known: format, id,"
    ),
    "field misspelled": (
        after(ZONE, "claim_dayz = 3"), ZONE + 1, "claim_dayz", "did you mean `claim_days`?"
    ),
    "dotted field": (after(ZONE, "claims.days = 3"), ZONE + 1, "claims", "unknown field `claims`"),
    "unknown list of tables": (
        GOOD + '[[rules]]\nid = "a"\n[[rules]]\nid = "b"\n', 31, "rules", "did you mean `rule`?"
    ),
    "unknown field of a rule": (
        after(PER, "pre = 1"), WHEN, "rule[0].pre", "unknown field `pre`; did you mean `per`?"
    ),
    "field of another kind": (
        after(PER, "factor = 2"), WHEN, "rule[0].factor", "unknown field `factor`; known: kind, id"
    ),
    "field of a currency misspelled": (
        after(SCALE, "pending_dayz = 14"), SCALE + 1, "currency[0].pending_dayz",
        "did you mean `pending_days`?",
    ),
    "field of a policy misspelled": (
        after(SCALE, 'expiry = { policy = "after", dayz = 3 }'), SCALE + 1,
        "currency[0].expiry.dayz", "did you mean `days`?",
    ),
    "unknown condition": (
        when("sku_is = ['a']"), WHEN, "rule[0].when.sku_is", "unknown field `sku_is`; did you"
    ),
    "unknown kind": (
        instead(12, 'kind = "give"'), 12, "rule[0].kind",
        "must be one of earn, multiply, bonus, offer, not 'give'",
    ),
    "no kind": (
        instead(12, ""), RULE, "rule[0]", "`kind`, one of earn, multiply, bonus, offer"
    ),
    "bad id": (instead(2, 'id = "My Club"'), 2, "id", "1 to 64 of a-z 0-9 . _ -"),
    "bad unit": (instead(3, 'unit = { code = "euro" }'), 3, "unit.code", "three capitals"),
    "bad country": (
        GOOD + '[[holidays]]\nid = "h"\ncountry = "Iran"\n', 33, "holidays[0].country",
        "two capitals",
    ),
    "bad calendar": (
        after(ZONE, 'calendar = "Jalali"'), ZONE + 1, "calendar",
        "must be one of gregorian, jalali, not 'Jalali'",
    ),
    "Persian weekday": (
        when('weekday = ["جمعه"]'), WHEN, "rule[0].when.weekday[0]",
        "must be one of friday, monday, saturday, sunday, thursday, tuesday, wednesday, not 'جمعه'",
    ),
    "text for a number": (instead(PER, 'per = "100"'), PER, "rule[0].per", "Expected `int`"),
    "per zero": (instead(PER, "per = 0"), PER, "rule[0].per", ">= 1"),
    "points of text": (instead(POINTS, 'points = "many"'), POINTS, "rule[0].points", "decimal"),
    "points true": (instead(POINTS, "points = true"), POINTS, "rule[0].points", "bool"),
    "scale 5": (instead(SCALE, "scale = 5"), SCALE, "currency[0].scale", "<= 4"),
    "cut-over 24": (after(ZONE, "day_starts_at = 24"), 5, "day_starts_at", "<= 23"),
    "bad weekday": (when('weekday = ["fryday"]'), WHEN, "rule[0].when.weekday[0]", "fryday"),
    "bad window": (instead(WINDOW, 'window = "decade"'), WINDOW, "ladder.window", "decade"),
    "bad policy": (
        after(SCALE, 'expiry = { policy = "soon" }'), 9, "currency[0].expiry.policy", "soon"
    ),
    "amount below zero": (when("min_amount = -1"), WHEN, "rule[0].when.min_amount", ">= 0"),
    "half an hour": (when("time = { from = 08:00:00 }"), WHEN, "rule[0].when.time", "`to`"),
    "activity under not": (when("not = { activity = ['review'] }"), WHEN,
                           "rule[0].when.not.activity", "unknown field"),
    "not under not": (when("not = { not = {} }"), WHEN, "rule[0].when.not.not", "unknown field"),
    "step zero": (when("sequence = { id = 's', step = [0] }"), WHEN,
                  "rule[0].when.sequence.step[0]", ">= 1"),
    "near half a year": (when("anniversary = { before = 181 }"), WHEN,
                         "rule[0].when.anniversary.before", "<= 180"),
    "streak of days": (when("streak = { count = 2, period = 'day' }"), WHEN,
                       "rule[0].when.streak.period", "'day'"),
    "first purchase of a brand": (when("first_purchase = ['brand']"), WHEN,
                                  "rule[0].when.first_purchase[0]", "'brand'"),
    "unknown basis": (after(PER, 'basis = "profit"'), WHEN, "rule[0].basis", "'profit'"),
    "unknown stack mode": (
        GOOD + '[[stack]]\nid = "s"\nmode = "sum"\n', 33, "stack[0].mode", "'sum'"
    ),
    "unknown shortfall": (GOOD + '[returns]\nshortfall = "sue"\n', 32, "returns.shortfall", "sue"),
    "uses zero": (after(PER, "uses = { day = 0 }"), WHEN, "rule[0].uses.day", ">= 1"),
    # Whole-program checks
    "zone": (instead(ZONE, 'zone = "Europe/Bern"'), ZONE, "zone", "unknown IANA time zone"),
    "zone path": (instead(ZONE, 'zone = "../etc/passwd"'), ZONE, "zone", "unknown IANA"),
    "zone empty": (instead(ZONE, 'zone = ""'), ZONE, "zone", "unknown IANA"),
    "currency twice": (
        after(SCALE, "[[currency]]", 'id = "points"'), 10, "currency[1].id", "used twice"
    ),
    "rule twice": (instead(GIFT + 1, 'id = "base"'), GIFT + 1, "rule[1].id", "used twice"),
    "tier twice": (instead(TIER, 'id = "bronze"'), TIER, "ladder.tier[1].id", "used twice"),
    "days and months": (
        after(SCALE, 'expiry = { policy = "after", days = 1, months = 1 }'), 9,
        "currency[0].expiry", "either days or months",
    ),
    "neither": (
        after(SCALE, 'expiry = { policy = "after" }'), 9, "currency[0].expiry", "either days"
    ),
    "expire pending": (
        after(SCALE, "pending_days = 31", 'expiry = { policy = "after", days = 30 }'), 10,
        "currency[0].expiry", "before they are active",
    ),
    "expire pending, months": (
        after(SCALE, "pending_days = 29", 'expiry = { policy = "after", months = 1 }'), 10,
        "currency[0].expiry", "before they are active",
    ),
    "expire pending, period": (
        after(SCALE, "pending_days = 1", 'expiry = {policy="period_end", period="week", k=0}'),
        10, "currency[0].expiry", "before they are active",
    ),
    "cap zero": (after(SCALE, "caps = { day = 0 }"), 9, "currency[0].caps.day", "above zero"),
    "cap below": (after(SCALE, "caps = { day = -1 }"), 9, "currency[0].caps.day", "above zero"),
    "cap nan": (after(SCALE, "caps = { day = nan }"), 9, "currency[0].caps.day", "above zero"),
    "cap inf": (after(SCALE, "caps = { year = inf }"), 9, "currency[0].caps.year", "above zero"),
    "cap too high": (
        after(SCALE, "caps = { lifetime = 1_000_000_000_001 }"), 9, "currency[0].caps.lifetime",
        "at most 1000000000000",
    ),
    "cap too fine": (
        after(SCALE, "caps = { basket = 0.125 }"), 9, "currency[0].caps.basket", "scale of 2"
    ),
    "limit too fine": (
        after(PER, "limits = { day = 1.005 }"), WHEN, "rule[0].limits.day", "scale of 2"
    ),
    "unknown currency": (
        after(PER, 'currency = "stars"'), WHEN, "rule[0].currency", "known: points"
    ),
    "rate zero": (instead(POINTS, "points = 0"), POINTS, "rule[0].points", "above zero"),
    "rate too fine": (
        instead(POINTS, "points = 0.0000001"), POINTS, "rule[0].points", "at most 6 decimals"
    ),
    "rate too high": (
        instead(POINTS, "points = 1_000_000_001"), POINTS, "rule[0].points", "at most 10^9"
    ),
    "rate by no tier": (instead(POINTS, "points = {}"), POINTS, "rule[0].points", "names no tier"),
    "rate by unknown tier": (
        instead(POINTS, "points = { gold = 2 }"), POINTS, "rule[0].points.gold",
        "unknown tier 'gold'; known: bronze, silver",
    ),
    "rate of a tier": (
        instead(POINTS, "points = { silver = -2 }"), POINTS, "rule[0].points.silver", "above zero"
    ),
    "factor below one": (
        after(PER, *MULTIPLY, "factor = 0.5"), 18, "rule[1].factor", "at least 1"
    ),
    "factor too high": (
        after(PER, *MULTIPLY, "factor = 1001"), 18, "rule[1].factor", "at most 1000"
    ),
    "factor too fine": (
        after(PER, *MULTIPLY, "factor = 1.0000001"), 18, "rule[1].factor", "6 decimals"
    ),
    "nothing to multiply": (
        after(SCALE, "[[currency]]", 'id = "stars"', *MULTIPLY, 'currency = "stars"', "factor = 2"),
        11, "rule[0]", "no earn rule",
    ),
    "bonus rounded": (after(18, 'round = "ceil"'), 18 + 1, "rule[1].round", "nothing is rounded"),
    "bonus too fine": (instead(19, "points = 0.001"), 19, "rule[1].points", "scale of 2"),
    "bonus zero": (instead(19, "points = 0"), 19, "rule[1].points", "above zero"),
    "empty list": (when("brand = []"), WHEN, "rule[0].when.brand", "leave the field out"),
    "empty list under not": (when("not = {store = []}"), WHEN, "rule[0].when.not.store", "empty"),
    "condition on unknown tier": (
        when('tier = ["bronze", "gold"]'), WHEN, "rule[0].when.tier[1]", "unknown tier 'gold'"
    ),
    "unknown tier under not": (
        when('not = {tier = ["gold"]}'), WHEN, "rule[0].when.not.tier[0]", "unknown tier"
    ),
    "tier at least": (
        when('tier_at_least = "gold"'), WHEN, "rule[0].when.tier_at_least", "unknown tier"
    ),
    "quantity below zero": (
        when("min_quantity = -1"), WHEN, "rule[0].when.min_quantity", "0 to 10^9 units"
    ),
    "quantity too fine": (
        when("min_quantity = 0.0001"), WHEN, "rule[0].when.min_quantity", "3 decimals"
    ),
    "quantity nan": (when("min_quantity = nan"), WHEN, "rule[0].when.min_quantity", "0 to 10^9"),
    "no dates": (when("date = {}"), WHEN, "rule[0].when.date", "from, to or both"),
    "dates back": (
        when("date = { from = 2024-02-02, to = 2024-02-01 }"), WHEN, "rule[0].when.date",
        "ends before it begins",
    ),
    "seconds": (
        when("time = { from = 08:00:30, to = 09:00:00 }"), WHEN, "rule[0].when.time.from",
        "hours and minutes only",
    ),
    "seconds to": (
        when("time = { from = 08:00:00, to = 09:00:00.5 }"), WHEN, "rule[0].when.time.to",
        "hours and minutes only",
    ),
    "exclude nothing": (
        GOOD + "[[exclude]]\n", 31, "exclude[0]", "names no product"
    ),
    "tier asks nothing": (
        instead(TIER + 1, ""), TIER - 1, "ladder.tier[1].at_least", "only the lowest tier"
    ),
    "threshold falls": (
        GOOD + '[[ladder.tier]]\nid = "gold"\nat_least = { spend = 1000 }\n', 33,
        "ladder.tier[2].at_least.spend", "above the 1000 of the tier below",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_a_bad_program_is_refused_at_its_line(name: str) -> None:
    text, line, path, part = BAD[name]
    with pytest.raises(ProgramError) as caught:
        parse_program(text, "club.toml")
    (problem,) = caught.value.problems
    assert part in problem.message
    assert (problem.line, problem.path) == (line, path)
    assert str(caught.value) == f"club.toml:{line}: {path}: {problem.message}"


@pytest.mark.parametrize("name", WHOLE)
def test_a_program_that_is_bad_as_a_whole_is_refused(name: str) -> None:
    text, path, part = WHOLE[name]
    with pytest.raises(ProgramError) as caught:
        parse_program(text, "club.toml")
    (problem,) = caught.value.problems
    assert part in problem.message
    assert (problem.line, problem.path) == (marked_line(text), path)


def test_the_program_that_the_table_spoils_is_good() -> None:
    good = parse_program(GOOD)
    assert [rule.id for rule in good.rule] == ["base", "gift"]
    assert good.currency[0].scale == 2
    assert len(BAD) + len(WHOLE) >= 200


def test_what_every_pattern_of_the_format_asks_is_said_in_words() -> None:
    patterns = {
        node["pattern"] for definition in json_schema()["$defs"].values()
        for node in definition.get("properties", {}).values() if "pattern" in node
    }  # fmt: skip
    assert patterns <= set(PATTERNS)
    assert len(patterns) > 1


def test_a_list_of_tables_is_at_its_first_one() -> None:
    lines = LineMap("[[a.b]]\nx = 1\n[a]\ny.z = 2\n")
    assert [lines.line_of(path) for path in ("a.b", "a.b[0].x", "a", "a.y", "a.y.z", "c")] == [
        1, 2, 3, 4, 4, 1,
    ]  # fmt: skip


def test_every_problem_is_told_at_once_in_order_of_line() -> None:
    text = after(PER, "when = { brand = [], tier = ['gold'] }").replace("Berlin", "Nowhere")
    with pytest.raises(ProgramError) as caught:
        parse_program(text)
    found = [(problem.line, problem.path) for problem in caught.value.problems]
    assert found == [
        (ZONE, "zone"), (WHEN, "rule[0].when.brand"), (WHEN, "rule[0].when.tier[0]"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "rows",
    [
        ('caps = { day = 0.01, lifetime = 1_000_000_000_000 }',),
        ("pending_days = 30", 'expiry = { policy = "after", days = 30 }'),
        ("pending_days = 28", 'expiry = { policy = "after", months = 1 }'),
        ("pending_days = 7", 'expiry = { policy = "period_end", period = "week", k = 1 }'),
    ],
)
def test_what_is_just_inside_is_taken(rows: tuple[str, ...]) -> None:
    parse_program(after(SCALE, *rows))


@pytest.mark.parametrize(
    "condition",
    [
        "min_quantity = 0.001",
        "min_amount = 0",
        "date = { from = 2024-02-01, to = 2024-02-01 }",
        "time = { from = 22:00:00, to = 06:00:00 }",
        'not = { tier = ["silver"], weekday = ["friday"] }',
    ],
)
def test_conditions_just_inside_are_taken(condition: str) -> None:
    parse_program(when(condition))


# What stands just inside the bounds of the tables, by the parts of the format.
SOUND: dict[str, str] = {
    "bands": plus(
        "[[rule]]", 'id = "x"', 'kind = "earn"', "per = 100", 'band_mode = "marginal"',
        "[[rule.bands]]", "from = 0", "points = 1", "[[rule.bands]]", "from = 1", "points = 0",
    ),
    "bands of units": plus(
        "[[rule]]", 'id = "x"', 'kind = "earn"', 'basis = "quantity"', 'round = "line"',
        "bands = [{ from = 0.001, points = 1 }, { from = 0.002, points = 2 }]",
    ),
    "a visit": plus(
        "[[rule]]", 'id = "x"', 'kind = "earn"', 'basis = "visit"', "points = 5", "blocks = true",
    ),
    "tenders": plus(
        "[[rule]]", 'id = "x"', 'kind = "earn"', "per = 9", 'basis = "tender"', 'tenders = ["a"]',
        "points = 5", "budget = 1_000_000_000_000", 'donate = "forest"', 'round = "carry"',
    ),
    "anniversary": plus(
        "[[rule]]", 'id = "x"', 'kind = "bonus"', "points = 5",
        "when = { anniversary = { before = 180, after = 180 } }",
        "limits = { anniversary = 5 }", "uses = { anniversary = 1 }",
    ),
    "on a birthday": plus(
        "[[rule]]", 'id = "x"', 'kind = "bonus"', "points = 5", 'on = "birthday"',
        'when = { tier = ["silver"], age = { at_least = 18 }, days_since_purchase = 30 }',
        "uses = { anniversary = 1 }",
    ),
    "balance": plus(
        "[[rule]]", 'id = "x"', 'kind = "bonus"', "of_balance = { factor = 1.5, cap = 500 }",
    ),
    "activity": plus(
        "[[rule]]", 'id = "x"', 'kind = "earn"', 'basis = "quantity"', "points = 5",
        'when = { activity = ["game"], store = ["1"], weekday = ["friday"] }',
    ),
    "units": plus(
        "[[rule]]", 'id = "x"', 'kind = "bonus"', "points = 5", "per_units = 0.001",
    ),
    "a first group of two currencies": plus(
        '[[currency]]\nid = "stars"', '[[group]]\nid = "g"\nmode = "first"',
        '[[rule]]\nid = "x"\nkind = "earn"\npoints = 1\nper = 9\ngroup = "g"',
        '[[rule]]\nid = "y"\nkind = "earn"\npoints = 1\nper = 9\ngroup = "g"',
        'currency = "stars"',
    ),
    "holidays": plus(
        '[[holidays]]\nid = "h"\ncountry = "IR"\nadd = [2026-01-02]\nremove = [2026-01-03]',
        '[[rule]]\nid = "x"\nkind = "earn"\npoints = 1\nper = 9', 'when = { holiday = ["h"] }',
    ),
    "the last step": plus(
        '[[sequence]]\nid = "coffee"\nsteps = 3\ngap_days = 9\nreset_days = 9',
        '[[rule]]\nid = "x"\nkind = "earn"\npoints = 1\nper = 9',
        'when = { sequence = { id = "coffee", step = [3] } }',
    ),
    "thresholds": plus(
        '[[counter]]\nid = "litres"\ncount = "quantity"',
        '[[ladder.tier]]\nid = "gold"\nat_least = { points = { points = 0.01 }, '
        'counter = { litres = 0.001 }, value = { ltv = -5 }, activity = { game = 0 } }',
        '[[ladder.tier]]\nid = "best"\nat_least = { spend = 1_001, value = { ltv = -4 } }',
    ),
    "a calendar of validity": plus().replace(
        'window = "year"', 'window = { days = 90 }\nvalidity_period = "half"\ncalendar = "jalali"'
    ),
    "terms of redemptions": at_top("hold_hours = 8_760 #!") + "\n".join((
        '[[redemption]]\ntender = "a"\ncurrency = "points"\nminimum = 0.5\nstep = 0.25',
        "share = 1\npoints = 0.01\nmoney = { bronze = 1, silver = 2 }",
        '[[redemption]]\ntender = "b"\ncurrency = "points"\nshare = 0.000001\npoints = 1',
        'money = 1_000_000_000_000',
    )) + "\n",
    "redemptions": plus(
        '[[redemption]]\ntender = "points"\ncurrency = "points"', '[[redemption]]\ntender = "gift"',
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SOUND)
def test_what_the_whole_allows_is_taken(name: str) -> None:
    assert warnings(parse_program(SOUND[name])) == []


# Each decimal of the format, at FIGURE.
FIGURES = {
    "caps": plus('[[currency]]\nid = "s"\ncaps = { day = FIGURE }'),
    "share": plus('[[redemption]]\ntender = "a"\ncurrency = "points"\nshare = FIGURE'),
    "step": plus('[[redemption]]\ntender = "a"\ncurrency = "points"\nstep = FIGURE'),
    "no receipt": plus("[returns]\nno_receipt = { points = FIGURE, per = 1 }"),
    "points": plus('[[rule]]\nid = "x"\nkind = "earn"\nper = 9\npoints = FIGURE'),
    "tier": plus('[[rule]]\nid = "x"\nkind = "earn"\nper = 9\npoints = { silver = FIGURE }'),
    "band": plus('[[rule]]\nid = "x"\nkind = "earn"\nbands = [{ from = 0, points = FIGURE }]'),
    "from": plus(
        '[[rule]]\nid = "x"\nkind = "earn"\nper = 9',
        "bands = [{ from = FIGURE, points = 1 }, { from = 7, points = 2 }]",
    ),
    "units from": plus(
        '[[rule]]\nid = "x"\nkind = "earn"\nper = 9\nbasis = "quantity"',
        "bands = [{ from = 1, points = 1 }, { from = FIGURE, points = 2 }]",
    ),
    "factor": plus('[[rule]]\nid = "x"\nkind = "multiply"\nfactor = FIGURE'),
    "bonus": plus('[[rule]]\nid = "x"\nkind = "bonus"\npoints = FIGURE'),
    "per units": plus('[[rule]]\nid = "x"\nkind = "bonus"\npoints = 1\nper_units = FIGURE'),
    "balance": plus('[[rule]]\nid = "x"\nkind = "bonus"\nof_balance = {factor=FIGURE, cap=5}'),
    "cap": plus('[[rule]]\nid = "x"\nkind = "bonus"\nof_balance = { factor = 2, cap = FIGURE }'),
    "budget": plus('[[rule]]\nid = "x"\nkind = "bonus"\npoints = 1\nbudget = FIGURE'),
    "min quantity": plus(
        '[[rule]]\nid = "x"\nkind = "bonus"\npoints = 1\nwhen = { min_quantity = FIGURE }'
    ),
    "counter": plus(
        '[[counter]]\nid = "c"\ncount = "spend"',
        '[[rule]]\nid = "x"\nkind = "bonus"\npoints = 1',
        'when = { counter = { id = "c", at_least = FIGURE } }',
    ),
    "threshold": plus(
        '[[ladder.tier]]\nid = "gold"\nat_least = { points = { points = FIGURE } }',
        '[[ladder.tier]]\nid = "best"\nat_least = { points = { points = 1e12 } }',
    ),
    "tier bonus": plus('[[ladder.tier]]\nid = "x"\nat_least = {visits=1}\nbonus = {points=FIGURE}'),
}


@pytest.mark.parametrize(
    "figure", ["NaN", "-NaN", "sNaN", "Infinity", "-Infinity", "1e40", "-1e40", "1e-40",
               "1e999999", "-1", "1.00000000000000000000000000000000000001"],
)  # fmt: skip
@pytest.mark.parametrize("name", FIGURES)
def test_no_figure_is_too_odd_to_be_refused(name: str, figure: str) -> None:
    with pytest.raises(ProgramError):
        parse_program(FIGURES[name].replace("FIGURE", f'"{figure}"'))
    if name not in ("from", "units from"):
        # A figure like any other, so that the figure is what was refused above.
        parse_program(FIGURES[name].replace("FIGURE", "1"))


@pytest.mark.parametrize(
    ("text", "path", "part"),
    [
        (plus('[[rule]]\nid = "x"\nkind = "earn"\npoints = 1'), "rule[2].per", "minor unit"),
        (
            plus('[[rule]]\nid = "x"\nkind = "earn"\nbands = [{ from = 0, points = 1 }]'),
            "rule[2].per", "minor unit",
        ),
        (
            plus('[[ladder.tier]]\nid = "gold"\nat_least = { balance = { points = 5 } }'),
            "ladder.tier[2].at_least.balance.points", "balance falls",
        ),
    ],
)  # fmt: skip
def test_what_is_rarely_meant_is_told(text: str, path: str, part: str) -> None:
    ((told, message),) = warnings(parse_program(text))
    assert told == path
    assert part in message


def test_point_figures_are_exact() -> None:
    rule = parse_program(instead(POINTS, "points = 0.1")).rule[0]
    assert isinstance(rule, rules.Earn)
    assert rule.points == Decimal("0.1")


# -- files ----------------------------------------------------------------------------------


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_examples_load(path: Path) -> None:
    assert load_program(path).rule


def test_there_are_examples() -> None:
    assert EXAMPLES


def test_a_bad_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "club.toml"
    path.write_text(instead(ZONE, 'zone = "Nowhere/None"'), encoding="utf-8")
    with pytest.raises(ProgramError, match=r"club\.toml:4: zone: "):
        load_program(path)


# -- schema ---------------------------------------------------------------------------------

SCHEMA = jsonschema.Draft202012Validator(json_schema())


def document(text: str) -> dict[str, Any]:
    """A TOML text as JSON sees it: dates and times as text."""
    plain: dict[str, Any] = msgspec.to_builtins(tomllib.loads(text))
    return plain


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_examples_are_valid_by_the_schema(path: Path) -> None:
    SCHEMA.validate(document(path.read_text()))


@pytest.mark.parametrize("name", SOUND)
def test_sound_programs_are_valid_by_the_schema(name: str) -> None:
    SCHEMA.validate(document(SOUND[name]))


@pytest.mark.parametrize(
    "text",
    [
        after(ZONE, "points = 3"),
        after(PER, "pre = 1"),
        when("sku_is = ['a']"),
        after(SCALE, "colour = 'red'"),
        after(WINDOW, "height = 3"),
        after(TIER, "height = 3"),
        instead(1, "format = 2"),
        instead(PER, "per = 0"),
        instead(12, 'kind = "give"'),
        when("not = { activity = ['review'] }"),
        when("anniversary = { before = 181 }"),
        when("age = { from = 18 }"),
        after(PER, "bands = [{ from = 0, rate = 1 }]"),
        after(SCALE, 'expiry = { policy = "inactivity" }'),
        GOOD + '[[stack]]\nid = "s"\nmode = "sum"\n',
        GOOD + '[[counter]]\nid = "c"\n',
        GOOD + '[returns]\nshortfall = "sue"\n',
    ],
)
def test_the_schema_refuses_what_the_reader_refuses(text: str) -> None:
    with pytest.raises(ProgramError):
        parse_program(text)
    with pytest.raises(jsonschema.ValidationError):
        SCHEMA.validate(document(text))


def test_the_schema_takes_what_those_were_made_from() -> None:
    SCHEMA.validate(document(GOOD))


def test_the_schema_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(json_schema())
    assert json_schema()["$schema"] == jsonschema.Draft202012Validator.META_SCHEMA["$schema"]


def tables_of(kind: Any, found: dict[str, Any]) -> None:
    """Every msgspec struct that the format reaches, by name."""
    info = msgspec.inspect.type_info(kind)
    pending = [info]
    while pending:
        node = pending.pop()
        if isinstance(node, msgspec.inspect.StructType):
            if node.cls.__name__ in found:
                continue
            found[node.cls.__name__] = node
            pending += [entry.type for entry in node.fields]
        for name in ("item_type", "value_type", "key_type"):
            if hasattr(node, name):
                pending.append(getattr(node, name))
        pending += list(getattr(node, "types", ()))
        if isinstance(node, msgspec.inspect.Metadata):
            pending.append(node.type)


def test_every_field_of_the_format_is_in_the_schema() -> None:
    found: dict[str, Any] = {}
    tables_of(Program, found)
    assert {"Program", "Currency", "Earn", "Multiply", "Bonus", "Conditions", "NotConditions",
            "Ladder", "Tier", "Thresholds", "Caps", "Uses", "Dates", "Hours"} <= found.keys()
    definitions = json_schema()["$defs"]
    for name, node in found.items():
        fields = {entry.encode_name for entry in node.fields}
        if node.tag_field:
            fields.add(node.tag_field)
        assert definitions[name]["properties"].keys() == fields, name
        assert definitions[name]["additionalProperties"] is False, name


@pytest.mark.parametrize("text", [
    "a." * 100_000 + "a = 1", "[" + "a." * 100_000 + "a]", "x = { " + "a . " * 50_000 + "a = 1 }",
    '"a=b".' * 50_000 + "a = 1",
], ids=["key", "table", "inline", "quoted"])  # fmt: skip
def test_keys_of_parts_without_end_are_refused_before_they_are_read(text: str) -> None:
    with pytest.raises(ProgramError, match="more than 64 parts"):
        parse_program(f"format = 1\n{text}\n")


def test_texts_and_figures_with_many_dots_are_no_keys() -> None:
    figures = ", ".join(f'"{n}.5.x"' for n in range(200))
    with pytest.raises(ProgramError, match="unknown field"):
        parse_program(f"x = [{figures}]\n")
