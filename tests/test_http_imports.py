"""Files of other systems over HTTP: mappings of the ledger, results in order, bad bodies."""

from __future__ import annotations

import io
import json
import math
import random
import time
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import openpyxl
import pyarrow as pa
import pytest
from pyarrow import parquet

from vafa.engine.formats.mapping_file import completed, parse_mapping
from vafa.engine.ledger.replay import verify
from vafa.server import imports
from vafa.server.problems import ProblemError

from . import ledgers, servers
from .golden_files import cases, mapping_at, program
from .servers import PROBLEM, Reply, Server, days_ago

CSV = """format = "csv"
key = ["no"]
[columns]
occurred_at = "time"
member = "card"
sku = "sku"
quantity = "qty"
net = "net"
"""


@pytest.fixture(scope="module", params=[1, 2], ids=["alone", "workers"])
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    ledger = tmp_path_factory.mktemp("imports") / "ledger"
    with servers.serving(ledger, request.param) as running:
        mappings = ledger / "imports"
        mappings.mkdir()
        (mappings / "till.toml").write_text(CSV)
        (mappings / "book.toml").write_text(CSV.replace("csv", "xlsx"))
        (mappings / "broken.toml").write_text("format = 1")
        (mappings / "taxes.toml").write_text('format = "moadian"\nmember_key_file = "taxes.key"')
        (mappings / "taxes.key").write_bytes(b"sixteen bytes and more")
        (mappings / "euros.toml").write_text('format = "square"\ncurrency = "EUR"')
        yield running
    assert verify(ledger).findings == []


def send(server: Server, name: str, body: bytes, query: str = "") -> Reply:
    """POST a file."""
    return server.ask("POST", f"/v1/imports/{name}{query}", body, {"Content-Type": "text/csv"})


def rows(reply: Reply) -> list[dict[str, Any]]:
    """The results of a file."""
    assert reply.status == 200, reply.body
    return [json.loads(row) for row in reply.body.splitlines()]


def table(*receipts: str) -> bytes:
    return "\n".join(["no,time,card,sku,qty,net", *receipts]).encode() + b"\n"


def order(name: str, **fields: Any) -> dict[str, Any]:
    return {
        "id": name, "state": "COMPLETED", "closed_at": days_ago(2), "customer_id": "m-1",
        "line_items": [{"catalog_object_id": "milk", "quantity": "1",
                        "total_money": {"amount": 500, "currency": "USD"}}], **fields,
    }  # fmt: skip


def test_results_come_in_order_with_their_places(server: Server) -> None:
    when = days_ago(2)
    body = table(
        f"1,{when},m-1,milk,1,5.00", f"1,{when},m-1,bread,1,2.50", f"2,{when},m-1,milk,1,5.005",
        f"3,{when},,milk,1,5.00", "4,2999-01-01T00:00:00Z,m-1,milk,1,5.00",
        f"5,{when},m-2,milk,1,5.00",
    )
    found = rows(send(server, "till", body))
    assert [(row["line"], row["place"], row["status"]) for row in found] == [
        (1, 2, "ok"), (2, 4, "refused"), (3, 5, "skipped"), (4, 6, "refused"), (5, 7, "ok"),
    ]  # fmt: skip
    assert found[0]["id"] == "1"
    assert found[0]["postings"][0]["points"] == 7
    assert found[1]["problem"]["pointer"] == "/net"
    assert found[2]["reason"] == "no-member"
    assert rows(send(server, "till", body))[0]["status"] == "replayed"
    assert server.get("/v1/members/m-2").json()["purchases"] == 1


def test_formats_without_a_mapping_need_none(server: Server) -> None:
    found = rows(send(server, "square", json.dumps({"orders": [order("a"), order("b")]}).encode()))
    assert [(row["place"], row["status"]) for row in found] == [
        ("1.orders[0]", "ok"), ("1.orders[1]", "ok"),
    ]  # fmt: skip
    back = order("c", line_items=[], returns=[{"source_order_id": "z", "return_line_items": [
        {"catalog_object_id": "milk", "quantity": "1", "total_money": {"amount": 500}},
    ]}])  # fmt: skip
    assert rows(send(server, "square", json.dumps(back).encode()))[0]["status"] == "parked"


def test_a_blank_row_of_a_workbook_is_passed_over(server: Server) -> None:
    book, out = openpyxl.Workbook(), io.BytesIO()
    for number, row in ((1, ["no", "time", "card", "sku", "qty", "net"]),
                        (2, ["w-1", days_ago(2), "m-3", "milk", 1, 5]),
                        (5, ["w-2", days_ago(2), "m-3", "milk", 1, 5])):  # fmt: skip
        for place, cell in enumerate(row, 1):
            book.worksheets[0].cell(number, place, cell)
    book.save(out)
    found = rows(send(server, "book", out.getvalue()))
    assert [(row["place"], row["status"]) for row in found] == [(2, "ok"), (5, "ok")]


def test_late_facts_can_be_forced(server: Server) -> None:
    body = table("late,1999-01-01T00:00:00Z,m-9,milk,1,5.00")
    late = rows(send(server, "till", body))[0]
    assert late["problem"]["type"] == "urn:vafa:problem:too-late"
    assert rows(send(server, "till", body, "?force=true"))[0]["status"] == "ok"


@pytest.mark.parametrize(
    ("name", "body", "status", "slug"),
    [
        ("nobody", b"", 404, "not-found"),
        ("csv", b"", 404, "not-found"),
        ("moadian", b"", 404, "not-found"),
        ("..%2Ftill", b"", 404, "not-found"),
        ("till", b"", 400, "invalid-body"),
        ("till", b"a,b\n1,2\n", 400, "invalid-body"),
        ("till", b"x" * (1 << 21), 413, "too-large"),
        ("poslog", b"", 400, "invalid-body"),
        ("poslog", b"<POSLog><Transaction></POSLog>", 400, "invalid-body"),
        ("till", None, 413, "too-large"),
        ("broken", b"", 409, "invalid-mapping"),
        ("euros", b"", 409, "invalid-mapping"),
        ("taxes", b"", 409, "invalid-mapping"),
        ("square", b'{"orders": [{"id": "a"}, {"id', 400, "invalid-body"),
    ],
)
def test_what_cannot_be_read_keeps_nothing(
    server: Server, name: str, body: bytes | None, status: int, slug: str
) -> None:
    if body is None:
        row = f"{{}},{days_ago(2)},m-1,milk,1,5.00"
        body = table(*(row.format(n) for n in range(100_001)))
    before = server.get("/readyz").json()["seq"]
    reply = send(server, name, body)
    assert (reply.status, reply.headers["content-type"]) == (status, PROBLEM)
    assert reply.json()["type"] == f"urn:vafa:problem:{slug}"
    assert "imports-" not in reply.body.decode()
    assert "/ledger" not in reply.body.decode()
    assert server.get("/readyz").json()["seq"] == before


def test_other_requests_go_on_while_a_document_is_read(server: Server) -> None:
    """A document that is read in a thread does not stop the loop."""
    orders = {"orders": [order(f"o-{n}", state="OPEN") for n in range(2_000)]}
    found = rows(send(server, "square", json.dumps(orders).encode()))
    assert {row["reason"] for row in found} == {"state-open"}
    assert server.get("/livez").status == 200


def slow_book(rows: int = 500_000) -> bytes:
    """A workbook with one sheet that takes half a minute to read."""
    made, out = openpyxl.Workbook(), io.BytesIO()
    made.worksheets[0].append(["no", "time", "card", "sku", "qty", "net"])
    made.save(out)
    drawn, slow = random.Random(1), io.BytesIO()

    def row() -> str:
        cells = (f"<c><v>{drawn.randrange(10**9)}</v></c>" for _ in range(6))
        return f"<row>{''.join(cells)}</row>"

    drawn_rows = "".join(row() for _ in range(1_000)) * -(-rows // 1_000)
    packed = zipfile.ZipFile(slow, "w", zipfile.ZIP_DEFLATED, compresslevel=1)
    with zipfile.ZipFile(out) as old, packed as new:
        for part in old.namelist():
            text = old.read(part)
            if part.endswith("sheet1.xml"):
                text = text.replace(b"</sheetData>", drawn_rows.encode() + b"</sheetData>")
            new.writestr(part, text)
    return slow.getvalue()


@pytest.mark.parametrize("workers", [1, 2], ids=["alone", "workers"])
def test_a_file_that_takes_long_does_not_keep_the_server(tmp_path: Path, workers: int) -> None:
    ledger, body = tmp_path / "ledger", slow_book()
    with servers.serving(ledger, workers) as running:
        (ledger / "imports").mkdir()
        (ledger / "imports" / "book.toml").write_text(CSV.replace("csv", "xlsx"))
        with ThreadPoolExecutor() as others:
            reading = others.submit(send, running, "book", body)
            time.sleep(2.0)
            assert not reading.done()
            # Others are served meanwhile.
            assert running.post(servers.fact("beside")).status == 201
            begun = time.monotonic()
            assert running.stop(30.0) == 0
            assert time.monotonic() - begun < imports.LAST_S + 10.0
            reply = reading.result()
    assert (reply.status, reply.slug) == (503, "overloaded")
    assert "retry-after" in reply.headers
    assert verify(ledger).findings == []
    assert ledgers.journalled_ids(ledger).count("beside") == 1


def test_a_file_is_read_for_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever its reader makes of errors of its stream."""
    monkeypatch.setattr(imports, "READ_S", -1.0)
    bodies = [(mapping_at(path.with_suffix(".toml")), path.read_bytes()) for path in cases()]
    table = io.BytesIO()
    parquet.write_table(pa.table({"no": ["1"]}), table)
    for form, body in (("xlsx", slow_book(rows=1)), ("parquet", table.getvalue())):
        found = parse_mapping(CSV.replace("csv", form))
        bodies.append((completed(found, program("USD", 2, "UTC")), body))
    front: Any = SimpleNamespace(ends_at=math.inf)
    for settings, body in bodies:
        with pytest.raises(ProblemError) as caught:
            imports._read(imports._Source(body, front), settings)
        assert caught.value.slug == "too-large", settings
