"""The gallery: every named mechanism has its program, and every figure is as worked out."""

from __future__ import annotations

import datetime as dt
import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from vafa.engine.checks.program_file import read_program
from vafa.engine.checks.publication import holiday_dates
from vafa.engine.cli import main
from vafa.engine.gallery import Check, Entry, entries, play
from vafa.engine.journal.journal import LedgerError
from vafa.engine.lint.lint import lint

from .test_docs import page_text, prose, section, tables

ROOT = Path(__file__).parent.parent
GALLERY = ROOT / "examples" / "programs"
ENTRIES = entries(GALLERY)

NAMED = (
    "Gold / Silver / Bronze", "Profit-sharing app", "Digikala club", "DigiPlus", "Snappfood",
    "Ofogh Kourosh", "Starbucks", "Amazon Prime", "TOMS", "Sephora Beauty Insider", "AAdvantage",
    "Karafs", "LEGO VIP", "Vitamix", "Volkswagen club", "Smile.io", "LoyaltyLion", "Yotpo Loyalty",
    "Parscart", "Irancart", "Iranmarket", "Salesforce", "HubSpot", "Hamkaran System", "Shokolat",
    "Iranservice", "Avin", "Bamodiriat", "Vision",
)  # fmt: skip
"""What the gallery is to show."""

every_entry = pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)


@every_entry
def test_a_history_comes_to_its_figures(entry: Entry, tmp_path: Path) -> None:
    checks = play(entry, tmp_path / "ledger")
    assert [check for check in checks if not check.right] == []
    # Facts of members, and members as they stand at the end.
    assert len(checks) >= 5


@every_entry
def test_every_figure_says_how_it_was_found(entry: Entry) -> None:
    for name, outcome in entry.expected.facts.items():
        assert outcome.why, name


@every_entry
def test_a_program_says_what_is_theirs_and_what_is_ours(entry: Entry) -> None:
    rows = (entry.folder / "program.toml").read_text("utf-8").splitlines()
    head = "\n".join(row for row in rows[: rows.index("format = 1")] if row.startswith("#"))
    about = entry.expected.about
    assert rows[0] == f"# {about.en} · {about.fa}"
    assert "# Theirs: " in head
    assert "# Ours: " in head
    _, program = read_program(entry.folder / "program.toml")
    assert program.id == entry.name
    assert program.title == about.fa or program.title in about.fa
    if program.unit.code == "IRR":
        assert (program.calendar, program.zone) == ("jalali", "Asia/Tehran")


@every_entry
def test_a_program_lints_with_notes_only(entry: Entry) -> None:
    text, program = read_program(entry.folder / "program.toml")
    day = dt.date(2024, 1, 1)
    since = dt.datetime(day.year, day.month, day.day, tzinfo=dt.UTC)
    told = lint(program, text, day, holiday_dates(program, since))
    assert [finding for finding in told if finding.severity != "note"] == []


def test_the_page_names_the_programs() -> None:
    (table,) = tables(section(page_text("gallery"), "Which program shows what"))
    told = [tuple(row) for row in table]
    made = [
        (name, f"[`{entry.name}`](../examples/programs/{entry.name}/program.toml)",
         entry.expected.about.fa, entry.expected.about.mechanism)
        for entry in ENTRIES for name in entry.expected.about.shows
    ]  # fmt: skip
    assert sorted(told) == sorted(made)


def test_every_name_is_shown_or_told_to_be_missing() -> None:
    shown = {name for entry in ENTRIES for name in entry.expected.about.shows}
    assert shown <= set(NAMED)
    text = prose(page_text("gallery"))
    for name in set(NAMED) - shown:
        assert f"- {name}: " in text


# -- what is not as expected ---------------------------------------------------------------------


def copied(tmp_path: Path, name: str = "toms") -> Path:
    """A gallery of one program."""
    shutil.copytree(GALLERY / name, tmp_path / "gallery" / name)
    return tmp_path / "gallery"


def spoil(gallery: Path, old: str, new: str, name: str = "toms") -> None:
    """Change the expectation."""
    path = gallery / name / "expected.json"
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), "utf-8")


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ("bonus one-for-one 2 pairs", "bonus one-for-one 3 pairs", "s1"),
        ('"postings": []', '"status": "parked", "postings": []', "s2"),
        ('"s3"', '"s4"', "s3"),
        ('"cents": {', '"cents": {"debt": 1,', "m1 at 2025-05-07T16:00:00Z"),
    ],
)
def test_a_difference_is_told(tmp_path: Path, old: str, new: str, what: str) -> None:
    gallery = copied(tmp_path)
    spoil(gallery, old, new)
    (entry,) = entries(gallery)
    wrong: list[Check] = [c for c in play(entry, tmp_path / "ledger") if not c.right]
    assert what in [check.what for check in wrong]


def test_what_is_on_a_card_is_compared(tmp_path: Path) -> None:
    gallery = copied(tmp_path, "starbucks")
    spoil(gallery, '"balance": 655', '"balance": 656', "starbucks")
    (entry,) = entries(gallery)
    (wrong,) = (c for c in play(entry, tmp_path / "ledger") if not c.right)
    assert wrong.what == "card 7001 at 2025-04-12T22:00:00Z"


def test_entitlements_are_compared(tmp_path: Path) -> None:
    gallery = copied(tmp_path, "karafs")
    spoil(gallery, '"diet"', '"tea"', "karafs")
    (entry,) = entries(gallery)
    (wrong,) = (c for c in play(entry, tmp_path / "ledger") if not c.right)
    assert wrong.got.endswith("entitled to diet")


def test_an_expectation_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    gallery = copied(tmp_path)
    spoil(gallery, '"why"', '"wherefore"')
    with pytest.raises(LedgerError, match=r"expected\.json: .*wherefore"):
        entries(gallery)


# -- the command ---------------------------------------------------------------------------------


def run(*options: str) -> Result:
    """`vafa gallery` over the examples."""
    return CliRunner().invoke(main, ["gallery", *options])


def test_the_command_lists() -> None:
    result = run("--folder", str(GALLERY), "--format", "json")
    assert result.exit_code == 0
    assert [row["name"] for row in json.loads(result.stdout)] == [e.name for e in ENTRIES]


def test_the_command_runs(tmp_path: Path) -> None:
    gallery = copied(tmp_path)
    every = run("run", "--folder", str(gallery), "--format", "json")
    assert every.exit_code == 0
    assert json.loads(every.stdout) == [
        {"program": "toms", "title": "TOMS, one for one", "checked": 6, "wrong": 0}
    ]
    one = run("run", "toms", "--folder", str(gallery))
    assert one.exit_code == 0
    assert "donate one-for-one -2 pairs" in one.stdout
    spoil(gallery, "bonus one-for-one 2 pairs", "bonus one-for-one 3 pairs")
    wrong = run("run", "--folder", str(gallery))
    assert wrong.exit_code == 1
    assert "toms: s1: expected ok: bonus one-for-one 3 pairs" in wrong.stderr


def test_an_unknown_program_is_told(tmp_path: Path) -> None:
    result = run("run", "nobody", "--folder", str(copied(tmp_path)))
    assert result.exit_code == 2
    assert "known: toms" in result.stderr


def test_a_folder_without_programs_is_told(tmp_path: Path) -> None:
    assert run("--folder", str(tmp_path)).exit_code == 2
