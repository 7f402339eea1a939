"""What a load of other systems' files takes, counts and rejects, in words of the command."""

from __future__ import annotations

import json
from codecs import BOM_UTF8
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from vafa.engine.formats.mapping_file import completed, parse_mapping
from vafa.engine.ledger.replay import verify

from .golden_files import program
from .ledgers import PROGRAM
from .test_cli import data, lines_of, ndjson, run, sale

HEAD = ["no", "time", "card", "sku", "net"]
MAPPING = """
format = "{form}"
not_goods = ["BAG"]
key = ["no"]
[columns]
occurred_at = "time"
member = "card"
sku = "sku"
net = "net"
"""
TIME = "2025-03-01T09:00:00Z"


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    """A ledger in dollars with a small program."""
    (tmp_path / "program.toml").write_text(PROGRAM)
    assert run("program", "publish", tmp_path / "ledger", tmp_path / "program.toml").exit_code == 0
    return tmp_path / "ledger"


def write_csv(path: Path, rows: list[list[Any]]) -> None:
    path.write_text("".join(",".join(map(str, row)) + "\n" for row in [HEAD, *rows]), "utf-8")


def write_xlsx(path: Path, rows: list[list[Any]]) -> None:
    """A row without cells is not stored."""
    book = openpyxl.Workbook()
    for number, row in enumerate([HEAD, *rows], 1):
        for place, cell in enumerate(row, 1):
            book.worksheets[0].cell(number, place, cell)
    book.save(path)


def write_parquet(path: Path, rows: list[list[Any]]) -> None:
    columns = zip(HEAD, zip(*rows, strict=True), strict=True)
    pq.write_table(pa.table({name: pa.array(list(cells)) for name, cells in columns}), path)


WRITERS: dict[str, Callable[[Path, list[list[Any]]], None]] = {
    "csv": write_csv, "xlsx": write_xlsx, "parquet": write_parquet,
}  # fmt: skip


def table(folder: Path, form: str, rows: list[list[Any]]) -> list[object]:
    """A table and its mapping, as arguments of the command."""
    WRITERS[form](folder / f"day.{form}", rows)
    (folder / f"{form}.toml").write_text(MAPPING.format(form=form))
    return [folder / f"day.{form}", "--mapping", folder / f"{form}.toml"]


# -- tables ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", WRITERS)
def test_lines_that_are_no_goods_are_left_out(ledger: Path, tmp_path: Path, form: str) -> None:
    rows = [["1", TIME, "m-1", "tea", 5], ["1", TIME, "m-1", "BAG", 1],
            ["2", TIME, "m-1", "BAG", 1]]  # fmt: skip
    counts = data("load", ledger, *table(tmp_path, form, rows))
    assert (counts["new"], counts["lines"], counts["skipped"]) == (1, 1, {"no-goods": 1})


def test_a_blank_row_of_a_workbook_is_passed_over(ledger: Path, tmp_path: Path) -> None:
    rows = [["1", TIME, "m-1", "tea", 5], [], [], ["2", TIME, "m-1", "tea", 5]]
    assert data("load", ledger, *table(tmp_path, "xlsx", rows))["new"] == 2


@pytest.mark.parametrize("form", ["xlsx", "parquet"])
@pytest.mark.parametrize("card", [1.234567890123457e19, 0.5, True])
def test_a_figure_that_is_no_name_is_refused(
    ledger: Path, tmp_path: Path, form: str, card: Any
) -> None:
    rows: list[list[Any]] = [["1", TIME, card, "tea", 5]]
    assert data("load", ledger, *table(tmp_path, form, rows), code=3)["new"] == 0
    (row,) = lines_of(tmp_path / f"day.{form}.rejects")
    assert (row["path"], row["detail"]) == (
        "member", f"{card} is no name; make the column one of texts"
    )  # fmt: skip


def test_a_whole_double_is_a_name_with_all_its_digits(ledger: Path, tmp_path: Path) -> None:
    rows = [["1", TIME, 6789012345678901.0, "tea", 5]]
    data("load", ledger, *table(tmp_path, "parquet", rows))
    assert data("balance", ledger, "6789012345678901")[0]["purchases"] == 1


def test_rows_with_too_few_or_too_many_cells_are_told_one_by_one(
    ledger: Path, tmp_path: Path
) -> None:
    rows: list[list[Any]] = [
        ["1", TIME, "m-1", "tea"], ["2", TIME, "m-1", "tea", 5, "more"],
        ["3", TIME, "m-1", "tea", 5], ["4", TIME, "m-1", "tea", 5],
    ]  # fmt: skip
    counts = data("load", ledger, *table(tmp_path, "csv", rows), code=3)
    assert (counts["new"], counts["rejected"]) == (1, 3)
    short, long, beside = lines_of(tmp_path / "day.csv.rejects")
    assert (short["place"], short["text"]) == (2, f"1,{TIME},m-1,tea")
    assert short["detail"] == "has 4 cells, not 5 as the line of names"
    assert (long["place"], long["text"]) == (3, f"2,{TIME},m-1,tea,5,more")
    assert beside["detail"] == "the row before it, 3, may be of it and cannot be read"


def test_a_line_below_nothing_is_not_taken_for_a_void(ledger: Path, tmp_path: Path) -> None:
    (tmp_path / "q.toml").write_text(MAPPING.format(form="csv") + 'quantity = "no"\n')
    write_csv(tmp_path / "day.csv", [["1", TIME, "m-1", "tea", -5]])
    arguments = (tmp_path / "day.csv", "--mapping", tmp_path / "q.toml")
    assert "lines[0].net: is below 0, and the quantity is not" in run(
        "load", ledger, *arguments
    ).stderr


# -- what is refused for ever -------------------------------------------------------------------


def spent(name: str) -> dict[str, Any]:
    """More points than a member has."""
    return {"kind": "redeem", "id": name, "occurred_at": TIME, "member": "m-1",
            "currency": "points", "points": 9999}  # fmt: skip


@pytest.mark.parametrize("batch", [1, 100])
def test_a_refused_fact_is_rejected_each_time(ledger: Path, tmp_path: Path, batch: int) -> None:
    file = ndjson(tmp_path / "day.ndjson", spent("a"), sale(1), spent("a"), {"kind": "sale"})
    for new in (1, 0):
        counts = data("load", ledger, file, "--batch", batch, code=3)
        assert (counts["new"], counts["replayed"], counts["rejected"]) == (new, 1 - new, 3)
        assert counts["refused"] == {"insufficient-points": 2, "invalid-fact": 1}
        rows = lines_of(tmp_path / "day.ndjson.rejects")
        assert sorted((row["place"], row["id"]) for row in rows if row["place"] != 4) == [
            (1, "a"), (3, "a")
        ]  # fmt: skip
        assert next(row["id"] for row in rows if row["place"] == 4) is None
    assert verify(ledger).clean


# -- documents ----------------------------------------------------------------------------------


def order(name: str) -> str:
    return json.dumps({
        "id": name, "state": "COMPLETED", "closed_at": TIME, "customer_id": "m-1",
        "line_items": [{"catalog_object_id": "tea", "quantity": "1",
                        "total_money": {"amount": 100, "currency": "USD"}}],
    })  # fmt: skip


def square(ledger: Path, file: Path, content: bytes, code: int = 0) -> Any:
    file.write_bytes(content)
    return data("load", ledger, file, "--from", "square", code=code)


def test_a_bad_first_line_costs_only_itself(ledger: Path, tmp_path: Path) -> None:
    file = tmp_path / "orders"
    lines = "\n".join(['{"id": broken', order("a"), order("b")])
    counts = square(ledger, file, lines.encode(), code=3)
    assert (counts["new"], counts["rejected"]) == (2, 1)
    assert [row["place"] for row in lines_of(tmp_path / "orders.rejects")] == [1]


def test_a_leading_mark_of_utf8_is_passed_over(ledger: Path, tmp_path: Path) -> None:
    file = tmp_path / "orders"
    for name, text in (("a", order("a")), ("b", f"{order('b')}\n{order('c')}"),
                       ("d", f"[\n{order('d')}\n]")):  # fmt: skip
        counts = square(ledger, file, BOM_UTF8 + text.encode())
        assert counts["new"] == text.count('"id"'), name
    facts = ndjson(tmp_path / "facts.ndjson", sale(1), sale(2))
    facts.write_bytes(BOM_UTF8 + facts.read_bytes())
    assert data("load", ledger, facts)["new"] == 2


@pytest.mark.parametrize("form", ["{}", "[\n{},\n{}\n]", '{{"orders": [{}, {}]}}', "{}\n{}"])
def test_a_document_that_is_cut_off_is_unread(ledger: Path, tmp_path: Path, form: str) -> None:
    text = form.format(order("a"), order("b"))
    for end in (len(text) - 1, text.rindex('"quantity"') + 5, text.rindex("100") + 1):
        result = run("load", ledger, "--from", "square", ndjson_of(tmp_path, text[:end]))
        assert result.exit_code == 1, (end, result.output)
        assert "ends in the middle of a document" in result.stderr


def ndjson_of(folder: Path, text: str) -> Path:
    (folder / "cut.json").write_text(text)
    return folder / "cut.json"


def test_a_document_of_many_lines_that_is_no_json_is_one_mistake(
    ledger: Path, tmp_path: Path
) -> None:
    text = json.dumps([json.loads(order("a"))] * 3, indent=1).replace("100", "1x0", 1)
    result = run("load", ledger, "--from", "square", ndjson_of(tmp_path, text))
    assert result.exit_code == 1
    assert "JSON is malformed" in result.stderr


def test_a_return_of_nobody_is_of_a_sale_of_a_file_before(ledger: Path, tmp_path: Path) -> None:
    back = {"id": "r", "state": "COMPLETED", "closed_at": TIME, "returns": [{
        "source_order_id": "a", "return_line_items": json.loads(order("a"))["line_items"],
    }]}  # fmt: skip
    sold, returned = tmp_path / "a.json", tmp_path / "b.json"
    sold.write_text(order("a"))
    returned.write_text(json.dumps(back))
    arguments = ("--from", "square")
    assert data("load", ledger, returned, *arguments)["skipped"] == {"unknown-sale": 1}
    assert data("load", ledger, sold, returned, *arguments)["new"] == 2
    assert data("balance", ledger, "m-1")[0]["balances"]["points"]["active"] == 0


def test_a_cancelled_order_takes_back_what_it_gave(ledger: Path, tmp_path: Path) -> None:
    file = tmp_path / "orders.json"
    paid = {"id": 1, "created_at": TIME, "financial_status": "paid", "customer": {"id": 7},
            "line_items": [{"id": 1, "sku": "tea", "quantity": 1, "price": "5.00"}]}  # fmt: skip
    for more, new in (({}, 1), ({"cancelled_at": "2025-03-02T09:00:00Z"}, 1)):
        file.write_text(json.dumps(paid | more))
        assert data("load", ledger, file, "--from", "shopify")["new"] == new
    assert data("balance", ledger, "7")[0]["balances"]["points"]["active"] == 0


def test_rials_are_no_cents() -> None:
    text = 'format = "moadian"\nmember_key_file = "shop.key"\n'
    with pytest.raises(ValueError, match="amounts are rials, the ledger is in USD"):
        completed(parse_mapping(text), program("USD", 2, "UTC"))
    told = completed(parse_mapping("exponent = -1\n" + text), program("IRT", 0))
    assert told.exponent == -1
    assert completed(parse_mapping(text), program()).exponent == 0
