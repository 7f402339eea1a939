"""One day of a shop in every format comes to the same ledger."""

from __future__ import annotations

import datetime as dt
import io
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vafa.engine.formats.mapping_file import completed, parse_mapping
from vafa.engine.formats.readers import FORMATS, reader_of
from vafa.engine.formats.settings import MoadianFile
from vafa.engine.ledger.replay import verify

from . import one_day
from .golden_files import program
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


@pytest.mark.parametrize("form", ["shopify", "toast"])
def test_an_order_comes_again_with_what_came_back(
    tmp_path: Path, facts: str, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Systems send the latest state of an order: the sale is a repeat, the refund is new."""
    with monkeypatch.context() as before:
        before.setattr(one_day, "DAY", [receipt for receipt in one_day.DAY if not receipt.of])
        _, early = one_day.WRITERS[form]()
    mapping, late = one_day.WRITERS[form]()
    (tmp_path / "shop.key").write_bytes(one_day.KEY)
    (tmp_path / "program.toml").write_text(PROGRAM)
    (tmp_path / "mapping.toml").write_text(mapping)
    ledger, file = tmp_path / "ledger", tmp_path / "orders.json"
    assert run("program", "publish", ledger, tmp_path / "program.toml").exit_code == 0
    told = []
    for content in (early, late):
        file.write_bytes(content)
        counts = data("load", ledger, file, "--mapping", tmp_path / "mapping.toml")
        told.append((counts["new"], counts["replayed"]))
    assert told == [(4, 0), (1, 4)]
    assert verify(ledger).state_hash == facts


@pytest.mark.parametrize("form", sorted(FORMATS))
def test_the_day_is_the_same_in_every_format(tmp_path: Path, facts: str, form: str) -> None:
    report = verify(loaded(tmp_path, form))
    assert report.clean
    assert report.baskets == 4
    assert report.state_hash == facts


SKUS = ("milk", "bread", "tea", "نان")


@st.composite
def days(draw: st.DrawFn) -> list[one_day.Receipt]:
    """Some receipts."""
    made = []
    for number in range(1, draw(st.integers(1, 4)) + 1):
        lines = []
        for sku in draw(st.lists(st.sampled_from(SKUS), min_size=1, max_size=4)):
            quantity, price = draw(st.integers(1, 9)), draw(st.integers(0, 99_999_999))
            discount = draw(st.integers(0, price * quantity))
            lines.append(one_day.Line(sku, quantity, price * quantity - discount, discount))
        at = dt.datetime(2025, 3, number, 9, tzinfo=dt.UTC)
        tender = draw(st.sampled_from(("cash", "card")))
        made.append(one_day.Receipt(number, at, draw(st.sampled_from(("a", "b"))), lines, tender))
    return made


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(day=days())
@pytest.mark.parametrize("form", sorted(FORMATS))
def test_any_day_comes_through_to_the_last_cent(form: str, day: list[one_day.Receipt]) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(one_day, "DAY", day)
        text, content = one_day.WRITERS[form]()
    plain = text.replace('member_key_file = "shop.key"\n', "")
    # What needs a key is given one that no file has: the members are not looked at here.
    mapping = (
        completed(parse_mapping(plain), program("USD", 2, "UTC")) if form != "moadian"
        else MoadianFile(currency="USD", exponent=0, zone="UTC")
    )
    found = [one.what for one in reader_of(mapping)(io.BytesIO(content), mapping)]
    facts = [what for what in found if isinstance(what, dict)]
    assert len(facts) == len(found) == len(day)
    for fact, receipt in zip(facts, day, strict=True):
        assert dt.datetime.fromisoformat(fact["occurred_at"]) == receipt.at
        assert [(line["sku"], line["quantity"], line["net"]) for line in fact["lines"]] == [
            (line.sku, line.quantity * 1000, line.net) for line in receipt.lines
        ]
        paid = [(tender["type"], tender["amount"]) for tender in fact.get("tenders", [])]
        assert paid == ([(receipt.tender, receipt.total)] if receipt.total else [])
