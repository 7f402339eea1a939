"""`vafa load` of other systems' files: mappings, rejects, going on where it stopped."""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import itertools
import json
import subprocess
import sys
import zipfile
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from vafa.engine.formats import xlsx_file
from vafa.engine.ledger.replay import verify

from .golden_files import GOLDEN
from .ledgers import PROGRAM
from .test_cli import data, lines_of, ndjson, run, sale

HEAD = ["shop", "till", "no", "time", "card", "kind", "sku", "qty", "net", "cash", "points", "of"]
ROWS: list[list[Any]] = [
    ["1", "2", 1, "2025-03-01 09:00:00", "m-1", "S", "milk", "2", "4.50", "15.10", "", ""],
    ["1", "2", 1, "2025-03-01 09:00:00", "m-1", "S", "bread", "0.355", "10.60", "", "", ""],
    ["1", "2", 2, "2025-03-01 09:05:00", "m-2", "S", "tea", "1", "31.99", "31.99", "", ""],
    ["1", "2", 3, "2025-03-02 09:00:00", "m-1", "R", "milk", "1", "2.25", "", "", "1"],
    ["1", "2", 4, "2025-03-03 09:00:00", "", "S", "tea", "1", "31.99", "31.99", "", ""],
]
MAPPING = """
format = "{form}"
times = "%Y-%m-%d %H:%M:%S"
key = ["shop", "till", "no"]
returned_sale = "{{shop}}-{{till}}-{{of}}"

[columns]
occurred_at = "time"
member = "card"
store = "shop"
terminal = "till"
kind = "kind"
sku = "sku"
quantity = "qty"
net = "net"

[kinds]
S = "sale"
R = "return"

[paid]
cash = {{ amount = "cash", points = "points" }}
"""


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    """A ledger in dollars with a small program."""
    program = tmp_path / "program.toml"
    program.write_text(PROGRAM)
    assert run("program", "publish", tmp_path / "ledger", program).exit_code == 0
    return tmp_path / "ledger"


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A ledger in rials."""
    program = Path(__file__).parent.parent / "examples" / "corner-shop.toml"
    assert run("program", "publish", tmp_path / "shop", program).exit_code == 0
    return tmp_path / "shop"


def mapping(folder: Path, form: str, more: str = "") -> Path:
    path = folder / f"{form}.toml"
    path.write_text(more + MAPPING.format(form=form))
    return path


# -- one day in the forms of tables -----------------------------------------------------------


def write_csv(path: Path, rows: list[list[Any]]) -> None:
    text = "\n".join(",".join(map(str, row)) for row in [HEAD, *rows])
    path.write_text(text + "\n")


def write_xlsx(path: Path, rows: list[list[Any]]) -> None:
    book = openpyxl.Workbook()
    sheet = book.worksheets[0]
    sheet.append(HEAD)
    for row in rows:
        sheet.append([
            dt.datetime.fromisoformat(cell) if name == "time"
            else float(cell) if name in ("qty", "net", "cash") and cell != "" else cell or None
            for name, cell in zip(HEAD, row, strict=True)
        ])  # fmt: skip
    book.save(path)


def write_parquet(path: Path, rows: list[list[Any]]) -> None:
    columns = dict(zip(HEAD, zip(*rows, strict=True), strict=True))
    arrays: dict[str, Any] = {
        name: pa.array(
            [Decimal(cell) if cell else None for cell in cells], pa.decimal128(12, 3)
        ) if name in ("qty", "net", "cash")
        else pa.array([dt.datetime.fromisoformat(cell) for cell in cells]) if name == "time"
        else pa.array([cell if cell != "" else None for cell in cells])
        for name, cells in columns.items()
    }  # fmt: skip
    pq.write_table(pa.table(arrays), path)


WRITERS: dict[str, Callable[[Path, list[list[Any]]], None]] = {
    "csv": write_csv, "xlsx": write_xlsx, "parquet": write_parquet,
}  # fmt: skip

SAME = [
    {"kind": "sale", "id": "1-2-1", "occurred_at": "2025-03-01T09:00:00Z", "member": "m-1",
     "store": "1", "terminal": "2", "lines": [{"sku": "milk", "quantity": 2000, "net": 450},
                                              {"sku": "bread", "quantity": 355, "net": 1060}],
     "tenders": [{"type": "cash", "amount": 1510}]},
    {"kind": "sale", "id": "1-2-2", "occurred_at": "2025-03-01T09:05:00Z", "member": "m-2",
     "store": "1", "terminal": "2", "lines": [{"sku": "tea", "quantity": 1000, "net": 3199}],
     "tenders": [{"type": "cash", "amount": 3199}]},
    {"kind": "return", "id": "1-2-3", "occurred_at": "2025-03-02T09:00:00Z", "member": "m-1",
     "store": "1", "terminal": "2", "sale": "1-2-1",
     "lines": [{"sku": "milk", "quantity": 1000, "net": 225}]},
]  # fmt: skip


@pytest.mark.parametrize("form", sorted(WRITERS))
def test_tables_of_any_form_are_the_same_facts(ledger: Path, tmp_path: Path, form: str) -> None:
    file = tmp_path / f"day.{form}"
    WRITERS[form](file, ROWS)
    counts = data("load", ledger, file, "--mapping", mapping(tmp_path, form))
    assert (counts["new"], counts["skipped"]) == (3, {"no-member": 1})
    again = data("load", ledger, file, "--mapping", mapping(tmp_path, form), "--from", form)
    assert (again["new"], again["replayed"]) == (0, 3)
    as_json = data("load", ledger, ndjson(tmp_path / "same.ndjson", *SAME))
    assert as_json["replayed"] == 3
    assert verify(ledger).clean


def test_a_dry_run_writes_nothing(ledger: Path, tmp_path: Path) -> None:
    file = tmp_path / "day.csv"
    write_csv(file, [*ROWS, ["1", "2", 5, "soon", "m", "S", "tea", "1", "1", "", "", ""]])
    before = verify(ledger)
    counts = data("load", ledger, file, "--mapping", mapping(tmp_path, "csv"), "--dry-run", code=3)
    assert (counts["facts"], counts["new"], counts["rejected"]) == (5, 0, 1)
    assert counts["refused"] == {"invalid-fact": 1}
    assert (verify(ledger).seq, verify(ledger).chain) == (before.seq, before.chain)


def test_rejects_tell_place_and_cause(ledger: Path, tmp_path: Path) -> None:
    file = tmp_path / "day.csv"
    rows = [
        [*ROWS[0][:8], "4.505", *ROWS[0][9:]],
        [*ROWS[2][:3], "2999-01-01 00:00:00", *ROWS[2][4:]],
        *ROWS[3:],
    ]
    write_csv(file, rows)
    result = run("load", ledger, file, "--mapping", mapping(tmp_path, "csv"))
    assert result.exit_code == 3
    bad, future = lines_of(tmp_path / "day.csv.rejects")
    assert (bad["place"], bad["slug"], bad["path"]) == (2, "invalid-fact", "net")
    assert bad["detail"] == "4.505 is not exact in units of 10^-2"
    assert json.loads(bad["text"])[0]["net"] == "4.505"
    assert (future["place"], future["slug"]) == (3, "invalid-fact")
    assert f"{file}:2: invalid-fact: net: 4.505" in result.stderr


def test_rejects_take_no_input_s_place(ledger: Path, tmp_path: Path) -> None:
    first = ndjson(tmp_path / "a", sale(1))
    second = ndjson(tmp_path / "a.rejects", sale(2))
    assert run("load", ledger, first, second).exit_code == 2
    assert second.exists()
    rejects = tmp_path / "elsewhere"
    assert run("load", ledger, first, second, "--rejects", rejects).exit_code == 0


def test_returns_before_their_sales_are_parked(ledger: Path, tmp_path: Path) -> None:
    file = tmp_path / "day.csv"
    write_csv(file, ROWS[3:4])
    assert data("load", ledger, file, "--mapping", mapping(tmp_path, "csv"))["new"] == 1
    write_csv(file, ROWS)
    assert data("load", ledger, file, "--mapping", mapping(tmp_path, "csv"))["replayed"] == 1
    assert verify(ledger).clean


# -- going on ---------------------------------------------------------------------------------


def many(count: int, bad: int = 5) -> list[dict[str, Any]]:
    """Sales, every so many of them of a bad form."""
    return [
        sale(n, occurred_at="2025-03-01T09:00:00Z", **({"member": ""} if n % bad == 0 else {}))
        for n in range(count)
    ]


CUT_OFF = """
import sys
from vafa.engine.cli import main, position
from vafa.engine.ledger.writer import Writer

flush, after, alone = Writer.flush, int(sys.argv.pop(1)), sys.argv.pop(1) == "True"

def interrupted(self, staged):
    if staged.record is not None and staged.record.first > after:
        raise KeyboardInterrupt
    flush(self, staged)

def interrupted_alone(self, fact, **_):
    raise KeyboardInterrupt

position.EVERY_S, Writer.flush = 0.0, interrupted
if alone:
    Writer.commit_fact = interrupted_alone
main()
"""


def cut_off(ledger: Path, after: int, *arguments: object, alone: bool = False) -> None:
    """A load in a process that is interrupted in the commit that begins after this seq, or in the
    first one of a fact that is committed alone."""
    words = [str(word) for word in (after, alone, "load", ledger, *arguments, "--batch", 4)]
    done = subprocess.run(
        [sys.executable, "-c", CUT_OFF, *words], capture_output=True, check=False, timeout=60
    )
    assert done.stderr.endswith(b"Aborted!\n"), done.stderr
    assert list((ledger / "loads").iterdir())


@pytest.mark.parametrize("shared", [True, False])
def test_a_load_goes_on_where_it_stopped(
    ledger: Path, tmp_path: Path, shared: bool
) -> None:
    files = [ndjson(tmp_path / f"{n}.ndjson", *many(40)[20 * n : 20 * n + 20]) for n in range(2)]
    more = ["--rejects", tmp_path / "rejects"] if shared else []
    cut_off(ledger, 23, *files, *more)
    result = run("load", ledger, *files, "--batch", 4, *more, "--format", "json")
    assert result.exit_code == 3
    counts = json.loads(result.stdout)
    assert f"going on after record 10 of {files[1]}" in result.stderr
    assert (counts["facts"], counts["new"], counts["replayed"]) == (40, 32, 0)
    assert (counts["rejected"], counts["resumed"]) == (8, 30)
    kept = [tmp_path / "rejects"] if shared else [Path(f"{file}.rejects") for file in files]
    rows = [row for file in kept for row in lines_of(file)]
    assert [(Path(row["file"]).name, row["place"]) for row in rows] == [
        (f"{n}.ndjson", place) for n in range(2) for place in (1, 6, 11, 16)
    ]
    assert not (ledger / "loads").exists()
    again = data("load", ledger, *files, "--batch", 4, *more, code=3)
    assert (again["replayed"], again["resumed"]) == (32, 0)
    assert verify(ledger).clean


@pytest.mark.parametrize("kind", ["store", "catalog"])
def test_what_is_committed_alone_is_done_when_it_is_committed(
    ledger: Path, tmp_path: Path, kind: str
) -> None:
    fields: dict[str, dict[str, Any]] = {
        "store": {"stores": [{"store": "9", "region": "north"}]},
        "catalog": {"products": [{"sku": "tea", "brand": "b"}]},
    }
    alone = {"kind": kind, "id": "alone", "occurred_at": "2025-03-01T10:00:00Z", **fields[kind]}
    sales = [sale(n, occurred_at="2025-03-01T09:00:00Z") for n in range(8)]
    file = ndjson(tmp_path / "facts.ndjson", *sales[:4], alone, *sales[4:])
    cut_off(ledger, 10**6, file, alone=True)
    counts = data("load", ledger, file, "--batch", 4)
    assert (counts["facts"], counts["new"], counts["resumed"]) == (9, 9, 4)
    assert counts["baskets_per_second"] > 0
    assert verify(ledger).clean


def test_other_options_and_ledgers_begin_anew(ledger: Path, tmp_path: Path) -> None:
    file = ndjson(tmp_path / "sales.ndjson", *many(20, bad=100))
    cut_off(ledger, 9, file)
    assert data("load", ledger, file, "--batch", 4, "--force", code=3)["resumed"] == 0
    cut_note = next((ledger / "loads").iterdir())
    note = json.loads(cut_note.read_text())
    cut_note.write_text(json.dumps({**note, "seq": 10**6}))
    assert data("load", ledger, file, "--batch", 4, code=3)["resumed"] == 0
    assert not (ledger / "loads").exists()


def test_a_torn_note_begins_anew(ledger: Path, tmp_path: Path) -> None:
    file = ndjson(tmp_path / "sales.ndjson", *many(20, bad=100))
    cut_off(ledger, 9, file)
    note = next((ledger / "loads").iterdir())
    note.write_bytes(note.read_bytes()[:-9])
    assert data("load", ledger, file, "--batch", 4, code=3)["resumed"] == 0


@pytest.mark.parametrize("form", sorted(WRITERS))
def test_tables_go_on_too(ledger: Path, tmp_path: Path, form: str) -> None:
    rows = [
        ["1", "2", n, "2025-03-01 09:00:00", f"m-{n % 3}", "S", "tea", "1", "31.99", "", "", ""]
        for n in range(1, 31)
    ]
    file = tmp_path / f"day.{form}"
    WRITERS[form](file, rows)
    arguments = (file, "--mapping", mapping(tmp_path, form))
    cut_off(ledger, 13, *arguments)
    counts = data("load", ledger, *arguments, "--batch", 4)
    assert (counts["new"], counts["replayed"], counts["resumed"]) == (30, 0, 12)
    assert verify(ledger).baskets == 30


def invoices(folder: Path) -> tuple[list[Path], Path]:
    """The golden invoices of the tax system in three files, and their mapping."""
    golden = GOLDEN / "moadian"
    rows = (golden / "branch.json").read_text("utf-8").splitlines(keepends=True)
    files = []
    for number, part in enumerate((rows[:1], rows[1:3], rows[3:5])):
        files.append(folder / f"{number}.json")
        files[-1].write_text("".join(part), "utf-8")
    return files, golden / "branch.toml"


def test_returns_name_invoices_of_files_before(shop: Path, tmp_path: Path) -> None:
    files, mapping_file = invoices(tmp_path)
    alone = data("load", shop, *files[1:], "--mapping", mapping_file, code=3)
    assert (alone["new"], alone["rejected"]) == (0, 4)
    counts = data("load", shop, *files, "--mapping", mapping_file)
    assert (counts["new"], counts["skipped"]) == (5, {"no-change": 1})
    assert data("load", shop, *files, "--mapping", mapping_file)["replayed"] == 5
    assert verify(shop).clean


@pytest.mark.parametrize(("after", "done"), [(2, 1), (4, 3)])
def test_a_load_that_goes_on_recalls_the_files_before(
    shop: Path, tmp_path: Path, after: int, done: int
) -> None:
    files, mapping_file = invoices(tmp_path)
    cut_off(shop, after, *files, "--mapping", mapping_file)
    result = run("load", shop, *files, "--mapping", mapping_file, "--format", "json")
    assert "going on after record" in result.stderr
    counts = json.loads(result.stdout)
    assert (counts["new"], counts["rejected"], counts["resumed"]) == (5, 0, done)


# -- what is no such file -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ('format = "csv"\n', "$"),
        ("format = \n", "format"),
        ('format = "doc"\n', "format"),
        (MAPPING.format(form="csv") + "\nmore = 1", "paid[...]"),
        ('zone = "Mars"\n' + MAPPING.format(form="csv"), "zone"),
        ('encoding = "base64"\n' + MAPPING.format(form="csv"), "encoding"),
        ('encoding = "klingon"\n' + MAPPING.format(form="csv"), "encoding"),
        ('delimiter = ";;"\n' + MAPPING.format(form="csv"), "delimiter"),
        ('thousands = "."\n' + MAPPING.format(form="csv"), "thousands"),
        ('currency = "EUR"\n' + MAPPING.format(form="csv"), ""),
        (MAPPING.format(form="csv").replace("%d", "%j"), "times"),
        (MAPPING.format(form="csv").replace("[kinds]", "[fixed]"), "fixed"),
        (MAPPING.format(form="csv").replace('"{shop}', '"shop').replace("{till}", "")
         .replace("{of}", ""), "returned_sale"),
        (MAPPING.format(form="csv").replace('R = "return"', ""), "returned_sale"),
        ('member_key_file = "none.key"\n' + MAPPING.format(form="csv"), "member_key_file"),
    ],
)  # fmt: skip
def test_a_wrong_mapping_is_wrong_use(
    ledger: Path, tmp_path: Path, text: str, path: str
) -> None:
    file, wrong = tmp_path / "day.csv", tmp_path / "wrong.toml"
    write_csv(file, ROWS)
    wrong.write_text(text)
    result = run("load", ledger, file, "--mapping", wrong)
    assert result.exit_code == 2, result.output
    assert f"{wrong}:" in result.stderr or "the ledger in USD" in result.stderr
    assert f" {path}" in result.stderr


def test_forms_and_mappings_go_together(ledger: Path, tmp_path: Path) -> None:
    file = tmp_path / "day.csv"
    write_csv(file, ROWS)
    csv = mapping(tmp_path, "csv")
    assert "needs a mapping" in run("load", ledger, file, "--from", "csv").stderr
    assert "is of csv, not of xlsx" in run(
        "load", ledger, file, "--from", "xlsx", "--mapping", csv
    ).stderr
    assert run("load", ledger, "-", "--mapping", csv, stdin=b"").exit_code == 2
    assert run("load", ledger, "-", "--from", "parquet", stdin=b"").exit_code == 2
    assert run("load", ledger, "-", "--from", "ndjson", stdin=b"").exit_code == 0
    for form in ("arrow", "parquet"):
        result = run("load", ledger, file, "--from", form)
        assert result.exit_code == 1
        assert "cannot be read" in result.stderr


def test_members_are_hashed_with_a_key(ledger: Path, tmp_path: Path) -> None:
    (tmp_path / "shop.key").write_bytes(b"0123456789abcdef")
    file = tmp_path / "day.csv"
    write_csv(file, ROWS)
    csv = mapping(tmp_path, "csv", 'member_key_file = "shop.key"\n')
    assert data("load", ledger, file, "--mapping", csv)["new"] == 3
    name = "k-" + hmac.new(b"0123456789abcdef", b"m-1", hashlib.sha256).hexdigest()[:32]
    assert data("balance", ledger, name)[0]["purchases"] == 1
    (tmp_path / "shop.key").write_bytes(b"short")
    assert run("load", ledger, file, "--mapping", csv).exit_code == 2


# -- files that are damaged or meant to harm -------------------------------------------------------


def test_bad_bytes_cost_their_own_receipt(ledger: Path, tmp_path: Path) -> None:
    file = tmp_path / "day.csv"
    write_csv(file, ROWS)
    file.write_bytes(file.read_bytes().replace(b"tea,1,31.99,31.99", b"t\xe9a,1,31.99,31.99", 1))
    assert data("load", ledger, file, "--mapping", mapping(tmp_path, "csv"), code=3)["new"] == 2
    (row,) = lines_of(tmp_path / "day.csv.rejects")
    assert (row["place"], row["slug"]) == (4, "invalid-fact")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "has no line with the columns' names"),
        (b"a,b\n1,2\n", "the column 'shop' is not there"),
        (",".join([*HEAD, "shop"]).encode(), "the column 'shop' is there twice"),
        (b"x" * (1 << 20) + b"x", "line of more than"),
        (b"\xff\xfe" + "a".encode("utf-16-le"), "is not there"),
    ],
)
def test_a_csv_that_is_none_is_told(
    ledger: Path, tmp_path: Path, content: bytes, message: str
) -> None:
    file = tmp_path / "day.csv"
    file.write_bytes(content)
    result = run("load", ledger, file, "--mapping", mapping(tmp_path, "csv"))
    assert result.exit_code == 1
    assert message in result.stderr
    assert "Traceback" not in result.stderr


def test_an_open_quote_ends_where_fields_do(ledger: Path, tmp_path: Path) -> None:
    file = tmp_path / "day.csv"
    write_csv(file, ROWS)
    text = file.read_text().replace("tea", '"tea', 1)
    file.write_text(text)
    result = run("load", ledger, file, "--mapping", mapping(tmp_path, "csv"))
    assert result.exit_code == 3
    assert "cannot be read" in result.stderr


def bomb(path: Path, megabytes: int) -> None:
    """A small archive whose sheet unpacks to so much."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("xl/worksheets/sheet1.xml", b"0" * (megabytes << 20))


def test_workbooks_that_are_none_are_told(
    ledger: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = tmp_path / "good.xlsx"
    write_xlsx(good, ROWS)
    plain = tmp_path / "plain.xlsx"
    plain.write_text("no workbook")
    torn = tmp_path / "torn.xlsx"
    torn.write_bytes(good.read_bytes()[:-100])
    empty = tmp_path / "empty.xlsx"
    with zipfile.ZipFile(empty, "w"):
        pass
    bad = tmp_path / "bomb.xlsx"
    bomb(bad, 64)
    xlsx = mapping(tmp_path, "xlsx")
    files = (plain, torn, empty, bad)
    result = run("load", ledger, *files, good, "--mapping", xlsx, "--format", "json")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["new"] == 3
    for file in files:
        assert f"vafa: {file}: " in result.stderr
    assert "unpacks to 67,1" in result.stderr
    monkeypatch.setattr(xlsx_file, "MOST_COLUMNS", 3)
    assert "a row of more than 3 cells" in run("load", ledger, good, "--mapping", xlsx).stderr
    missing = tmp_path / "sheet.toml"
    missing.write_text('sheet = "day"\n' + MAPPING.format(form="xlsx"))
    assert "has no sheet 'day'" in run("load", ledger, good, "--mapping", missing).stderr


LAUGHS = """<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY a "ha">{}]>
<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>
<row r="1"><c t="inlineStr"><is><t>&{};</t></is></c></row></sheetData></worksheet>"""


def test_a_workbook_of_a_billion_laughs_is_refused(ledger: Path, tmp_path: Path) -> None:
    names = "abcdefghijkl"
    entities = "".join(
        f'<!ENTITY {name} "{f"&{before};" * 10}">'
        for before, name in itertools.pairwise(names)
    )
    good, bad = tmp_path / "good.xlsx", tmp_path / "bad.xlsx"
    write_xlsx(good, ROWS)
    with zipfile.ZipFile(good) as source, zipfile.ZipFile(bad, "w") as target:
        for part in source.infolist():
            content = source.read(part)
            if part.filename.endswith("sheet1.xml"):
                content = LAUGHS.format(entities, names[-1]).encode()
            target.writestr(part.filename, content)
    result = run("load", ledger, bad, "--mapping", mapping(tmp_path, "xlsx"))
    assert result.exit_code == 1
    assert "cannot be read" in result.stderr


def test_parquet_floats_need_enough_digits(ledger: Path, tmp_path: Path) -> None:
    file, table = tmp_path / "day.parquet", tmp_path / "table"
    write_parquet(table, ROWS)
    found = pq.read_table(table)
    place = found.schema.get_field_index("net")
    arguments = ("load", ledger, file, "--mapping", mapping(tmp_path, "parquet"))
    pq.write_table(found.set_column(place, "net", found["net"].cast(pa.float32())), file)
    assert "net: is float: it has too few digits" in run(*arguments).stderr
    pq.write_table(found.set_column(place, "net", found["net"].cast(pa.float64())), file)
    assert data(*arguments)["new"] == 3
    file.write_bytes(file.read_bytes()[:-30])
    assert "cannot be read" in run(*arguments).stderr


def test_golden_mappings_load(tmp_path: Path) -> None:
    """The chain's golden file through the command: the same facts, the same rejects."""
    examples = Path(__file__).parent.parent / "examples"
    ledger = tmp_path / "ledger"
    assert run("program", "publish", ledger, examples / "corner-shop.toml").exit_code == 0
    folder = GOLDEN / "csv"
    counts = data("load", ledger, folder / "chain.csv", "--mapping", folder / "chain.toml",
                  "--rejects", tmp_path / "rejects", code=3)  # fmt: skip
    facts = json.loads((folder / "chain.facts.json").read_text("utf-8"))
    assert counts["new"] == sum("fact" in row for row in facts)
    assert counts["rejected"] == sum("error" in row for row in facts)
    assert verify(ledger).clean
