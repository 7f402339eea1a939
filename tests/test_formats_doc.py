"""docs/formats.md says what mapping files may have, with the defaults of the code."""

from __future__ import annotations

import re

import msgspec
import pytest

from vafa.engine.cli import main
from vafa.engine.formats import settings
from vafa.engine.formats.mapping_file import parse_mapping
from vafa.engine.formats.readers import FORMATS, defaults_of

from .test_docs import blocks, default_cell, first_column, named, page_text, section, tables

PAGE = page_text("formats")

STRUCTS: dict[str, tuple[type[msgspec.Struct], type[msgspec.Struct] | None]] = {
    "Every mapping": (settings.Settings, None),
    "in_store": (settings.InStore, None),
    "Tables": (settings.Table, settings.Settings),
    "columns": (settings.Columns, None),
    "fixed": (settings.Fixed, None),
    "rows": (settings.Rows, None),
    "paid": (settings.Paid, None),
    "CSV": (settings.CsvTable, settings.Table),
    "XLSX": (settings.XlsxTable, settings.Table),
    "POSLog": (settings.PoslogFile, settings.Settings),
    "Moadian": (settings.MoadianFile, settings.Settings),
    "Toast": (settings.ToastFile, settings.Settings),
}
"""The struct of each heading, and the one whose fields are told elsewhere."""


def defaults(kind: type[msgspec.Struct]) -> dict[str, str]:
    found = {field.name: default_cell(field) for field in msgspec.structs.fields(kind)}
    return {
        name: {'`"""`': "`'\"'`", "`Fixed(store=None, terminal=None, channel=None)`": "`{}`"}.get(
            cell, cell
        )
        for name, cell in found.items()
    }


@pytest.mark.parametrize("heading", STRUCTS)
def test_fields_of_mappings_are_told(heading: str) -> None:
    kind, base = STRUCTS[heading]
    table = tables(section(PAGE, heading))[0]
    told = {named(row[0]): row[1] for row in table}
    if heading == "Every mapping":
        assert told.pop("format") == "required"
    known = set(base.__struct_fields__) if base else set()
    assert told == {name: cell for name, cell in defaults(kind).items() if name not in known}


@pytest.mark.parametrize("name", ["square", "shopify", "lightspeed", "parquet"])
def test_other_formats_have_no_more_fields(name: str) -> None:
    kind = FORMATS[name]
    base = settings.Table if issubclass(kind, settings.Table) else settings.Settings
    assert kind.__struct_fields__ == base.__struct_fields__


def test_formats_without_a_mapping_are_told() -> None:
    text = section(PAGE, "Over HTTP")
    told = set(re.findall(r"`([a-z]+)`", text.partition("needs no mapping: ")[2].partition(".")[0]))
    assert told == {name for name in FORMATS if defaults_of(name) is not None}


def test_every_format_has_its_part() -> None:
    heads = {row[2:].strip("# ").lower() for row in PAGE.splitlines() if row.startswith("##")}
    assert set(FORMATS) <= {head.split()[0] for head in heads if head}


def test_options_of_load_are_told() -> None:
    table = tables(section(PAGE, "Loading"))[0]
    options = {name for param in main.commands["load"].params for name in param.opts}
    told = {named(row[0]) for row in table}
    assert told == {name for name in options if name.startswith("--")} - {"--format", "--progress"}


def test_members_of_rejects_are_told() -> None:
    assert [named(row[0]) for row in tables(section(PAGE, "Loading"))[1]] == [
        "file", "place", "id", "slug", "path", "detail", "text",
    ]  # fmt: skip


def test_mappings_of_the_page_are_valid() -> None:
    found = [block for block in blocks(PAGE) if block.language == "toml"]
    assert found
    for block in found:
        parse_mapping(block.text, block.name)


def test_first_columns_are_names() -> None:
    assert first_column(section(PAGE, "fixed")) == ["store", "terminal", "channel"]
