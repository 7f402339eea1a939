"""Other people's formats: each golden input gives the facts that stand beside it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from vafa.engine.formats.readers import FORMATS

from .golden_files import GOLDEN, cases, facts_beside, read

CASES = cases()


@pytest.mark.parametrize("path", CASES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_golden_files_give_their_facts(path: Path) -> None:
    assert read(path) == json.loads(facts_beside(path).read_text("utf-8"))


def test_every_golden_file_is_of_a_format_and_has_its_facts() -> None:
    assert {path.parent.name for path in CASES} <= FORMATS.keys()
    kept = set(GOLDEN.glob("*/*.facts.json"))
    assert kept == {facts_beside(path) for path in CASES}


@pytest.mark.parametrize("path", CASES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_golden_files_have_errors_and_facts(path: Path) -> None:
    """A golden file that only shows what is right would show little."""
    found = json.loads(facts_beside(path).read_text("utf-8"))
    assert any("fact" in row for row in found)
    assert any("fact" not in row for row in found)
