"""One day of a shop in every format comes to the same ledger."""

from __future__ import annotations

from pathlib import Path

import pytest

from vafa.engine.formats.readers import FORMATS
from vafa.engine.replay import verify

from . import one_day
from .ledgers import PROGRAM
from .test_cli import data, run


def loaded(folder: Path, form: str) -> Path:
    """A ledger with the day, from a file of a format."""
    mapping, content = one_day.WRITERS[form]()
    (folder / "shop.key").write_bytes(one_day.KEY)
    (folder / "program.toml").write_text(PROGRAM)
    file, ledger = folder / f"day.{form}", folder / form
    file.write_bytes(content)
    assert run("program", "publish", ledger, folder / "program.toml").exit_code == 0
    options = []
    if mapping:
        (folder / f"{form}.toml").write_text(mapping)
        options = ["--mapping", folder / f"{form}.toml"]
    counts = data("load", ledger, file, *options)
    assert (counts["new"], counts["rejected"]) == (5, 0)
    assert counts["skipped"] == ({} if form == "ndjson" else {"no-member": 1})
    again = data("load", ledger, file, *options)
    assert (again["new"], again["replayed"]) == (0, 5)
    return ledger


def test_every_format_has_the_day() -> None:
    assert set(one_day.WRITERS) == {*FORMATS, "ndjson"}


@pytest.fixture(scope="module")
def facts(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The state hash of the day as facts."""
    report = verify(loaded(tmp_path_factory.mktemp("facts"), "ndjson"))
    assert report.clean
    return report.state_hash


@pytest.mark.parametrize("form", sorted(FORMATS))
def test_the_day_is_the_same_in_every_format(tmp_path: Path, facts: str, form: str) -> None:
    report = verify(loaded(tmp_path, form))
    assert report.clean
    assert report.baskets == 4
    assert report.state_hash == facts
