"""Lint: a program for each code that has the finding, and one that has not."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from vafa.engine.calendars.calendars import day_of
from vafa.engine.checks.program_file import parse_program
from vafa.engine.checks.publication import holiday_dates
from vafa.engine.cli import main
from vafa.engine.lint.conditions import Sets
from vafa.engine.lint.findings import CODES, Finding
from vafa.engine.lint.lint import lint
from vafa.engine.lint.search import Trials
from vafa.engine.lint.situations import MOST_SITUATIONS, Situations

from .lint_programs import CASES, SOUND, bonus, caps, plus, rule
from .test_docs import blocks, named, page_text, section, tables

TODAY = dt.date(2026, 11, 26)
ROOT = Path(__file__).parent.parent

FIRING = [(code, text) for code, (firing, _) in CASES.items() for text in firing]
SILENT = [(code, text) for code, (_, silent) in CASES.items() for text in silent]


def findings(text: str) -> list[Finding]:
    """What lint tells of a program's text."""
    program = parse_program(text)
    since = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    return lint(program, text, TODAY, holiday_dates(program, since))


def test_every_code_has_its_programs() -> None:
    assert CASES.keys() == CODES.keys()
    assert all(firing and silent for firing, silent in CASES.values())


@pytest.mark.parametrize(("code", "text"), FIRING)
def test_it_is_told(code: str, text: str) -> None:
    (marked,) = (n for n, row in enumerate(text.splitlines(), 1) if "#!" in row)
    told = [finding for finding in findings(text) if finding.code == code]
    assert [finding.line for finding in told] == [marked]
    assert told[0].advice == CODES[code].advice


@pytest.mark.parametrize(("code", "text"), SILENT)
def test_it_is_not_told(code: str, text: str) -> None:
    assert [finding for finding in findings(text) if finding.code == code] == []


def test_a_sound_program_has_no_findings() -> None:
    assert findings(SOUND) == []


def test_the_figures_of_an_example_are_the_kernel_s() -> None:
    text = plus(rule(
        "earn", "per = 100", "bands = [{ from = 0, points = 2 }, { from = 1_000, points = 1 }]"
    ))  # fmt: skip
    (found,) = (one for one in findings(text) if one.code == "more-earns-less")
    assert found.severity == "warning"
    assert found.rule == "x"
    # base gives 1 for 100 beside it: 9 + floor(19.98) below the edge, 10 + 10 at it.
    assert found.message == (
        "a basket of 999 earns 28 points, with a dearer line for 1,000 it earns 20"
    )
    assert found.example is not None
    assert (found.example["earns"], found.example["instead_earns"]) == (20, 28)
    assert [line["net"] for line in found.example["baskets"][0]] == [1_000]


def test_a_split_names_the_cap() -> None:
    (found,) = (one for one in findings(caps("basket = 20")) if one.code == "split-earns-more")
    assert found.rule is None
    assert found.path == "currency[0].caps.basket"
    assert found.message.endswith("; cap.basket cuts it")


def test_the_same_program_has_the_same_findings() -> None:
    text = CASES["split-earns-more"][0][1]
    assert findings(text) == findings(text)


def test_conditions_on_members_are_served() -> None:
    """The search sets up who is needed: the bonus for a tenth purchase can be split away."""
    for when in (
        "every_nth = 10", "nth_purchase = [5]", "days_since_purchase = 30",
        'streak = { count = 3, period = "month" }', 'segment = ["staff"]',
        'subscription = ["plus"]', "anniversary = { before = 1 }", "age = { at_least = 60 }",
        'anniversary = { of = "joining" }', "member_days = { at_most = 10 }",
        'coupon = ["X"]', 'channel = ["app"]', 'region = ["north"]', 'tender = ["card"]',
        "time = { from = 22:00:00, to = 02:00:00 }", 'weekday = ["sunday"]',
    ):  # fmt: skip
        text = bonus(f"when = {{ {when}, not = {{ min_amount = 2_000 }} }}")
        assert "more-earns-less" in {one.code for one in findings(text)}, when


# -- the examples and the command ----------------------------------------------------------------


@pytest.mark.parametrize("path", sorted((ROOT / "examples").glob("*.toml")), ids=lambda p: p.stem)
def test_the_examples_have_notes_only(path: Path) -> None:
    told = findings(path.read_text("utf-8"))
    assert {finding.code for finding in told} <= {"split-earns-more"}


def run(path: Path, *options: str) -> tuple[int, str, str]:
    """(exit code, stdout, stderr) of `vafa program lint`."""
    result = CliRunner().invoke(main, ["program", "lint", str(path), *options])
    return result.exit_code, result.stdout, result.stderr


@pytest.mark.parametrize(
    ("code", "options", "exit_code"),
    [("contradiction", [], 1), ("dates-past", ["--on", "2026-11-26"], 0),
     ("dates-past", ["--on", "2026-11-26", "--strict"], 1), ("unused", ["--strict"], 0)],
)  # fmt: skip
def test_exit_codes(tmp_path: Path, code: str, options: list[str], exit_code: int) -> None:
    file = tmp_path / "club.toml"
    file.write_text(CASES[code][0][0], "utf-8")
    got, out, _ = run(file, *options)
    assert got == exit_code
    assert f" {code}: " in out


def test_json(tmp_path: Path) -> None:
    file = tmp_path / "club.toml"
    file.write_text(caps("basket = 20"), "utf-8")
    code, out, said = run(file, "--format", "json", "--on", "2026-11-26")
    (row,) = json.loads(out)
    assert code == 0
    assert said == f"{file}: 1 note\n"
    assert row["file"] == str(file)
    assert row["code"] == "split-earns-more"
    assert row["example"]["instead_earns"] > row["example"]["earns"]


def test_a_program_that_is_not_sound_is_not_linted(tmp_path: Path) -> None:
    file = tmp_path / "club.toml"
    file.write_text("format = 2", "utf-8")
    assert run(file)[0] == 4


def test_the_search_of_a_big_program_is_bounded() -> None:
    rules = [
        rule("bonus", "points = 5", f'when = {{ department = ["d{n}"], min_amount = {n + 1}00 }}',
             name=f"r{n}")
        for n in range(2 * MOST_SITUATIONS)
    ]  # fmt: skip
    program = parse_program(plus(*rules))
    sets = Sets(program, {})
    made = Situations(program, sets, day_of(TODAY)).all()
    assert len(made) == MOST_SITUATIONS
    for situation in made:
        trials = Trials(program, situation)
        trials.fill()
        assert len(trials.trials) < 4_000


# -- the page ------------------------------------------------------------------------------------


def test_codes_are_told() -> None:
    (table,) = tables(section(page_text("lint"), "Codes"))
    assert [[named(row[0]), *row[1:]] for row in table] == [
        [name, code.severity, code.when, code.advice] for name, code in CODES.items()
    ]


def test_the_example_of_the_page() -> None:
    program, said = blocks(page_text("lint"))[:3:2]
    told = [f"{program.name}:{one.line}: {one.severity}: {one.code}: " for one in
            findings(program.text)]  # fmt: skip
    rows = [row for row in said.text.splitlines() if row.startswith(f"{program.name}:")]
    assert len(rows) == len(told) + 1, "the last row counts them"
    assert all(row.startswith(start) for row, start in zip(rows, told, strict=False))
