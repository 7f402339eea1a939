"""Facts on the wire: voids, checks of form, and Arrow batches beside decoded ones."""

from __future__ import annotations

import dataclasses
import datetime as dt
import random
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vafa.engine.columns.carrier import sale_of
from vafa.engine.columns.columns import Facts
from vafa.engine.columns.dictionaries import Dictionaries, Product, StoreVersion
from vafa.engine.columns.intake import DecodedFacts
from vafa.engine.facts import LineFact, OfferFact, SaleFact, TenderFact
from vafa.engine.facts.lines import details, net_lines
from vafa.engine.facts.parts import (
    ID_BYTES,
    MOST_AMOUNT,
    MOST_COUPONS,
    MOST_LINE_NUMBER,
    MOST_LINES,
    MOST_OFFERS,
    MOST_TENDERS,
    NAME_BYTES,
    FormError,
)
from vafa.engine.wire.arrow_sales import ArrowFacts
from vafa.engine.wire.arrow_schema import (
    MORE,
    MORE_OF_LINE,
    MORE_OF_TENDER,
    UTC_US,
    WIRE,
    WIRE_LINE,
    WIRE_TENDER,
)
from vafa.engine.wire.json_facts import decode_fact

AT = dt.datetime(2024, 3, 1, 12, 0, tzinfo=dt.UTC)

Row = tuple[Any, ...]

# -- voids --------------------------------------------------------------------------------

# Lines as (sku, quantity, net, place, voids); what is left as (place, sku, quantity, net).
NETTED: dict[str, tuple[list[Row], list[Row]]] = {
    "no void": ([("a", 1000, 50), ("b", 2000, 70)], [(1, "a", 1000, 50), (2, "b", 2000, 70)]),
    "whole": ([("a", 1000, 50), ("a", -1000, -50)], [(1, "a", 0, 0)]),
    "part": ([("a", 3000, 90), ("a", -1000, -30)], [(1, "a", 2000, 60)]),
    "amount alone": ([("a", 1000, 90), ("a", 0, -30)], [(1, "a", 1000, 60)]),
    "quantity alone": ([("a", 2000, 90), ("a", -1000, 0)], [(1, "a", 1000, 90)]),
    "the latest of its sku": (
        [("a", 1000, 50), ("a", 1000, 40), ("b", 1000, 9), ("a", -1000, -40)],
        [(1, "a", 1000, 50), (2, "a", 0, 0), (3, "b", 1000, 9)],
    ),
    "the latest that has something left": (
        [("a", 1000, 50), ("a", 1000, 40), ("a", -1000, -40), ("a", -1000, -50)],
        [(1, "a", 0, 0), (2, "a", 0, 0)],
    ),
    "the named line": (
        [("a", 1000, 50), ("a", 1000, 40), ("a", -1000, -50, None, 1)],
        [(1, "a", 0, 0), (2, "a", 1000, 40)],
    ),
    "a named place": (
        [("a", 1000, 50, 7), ("a", 1000, 40, 9), ("a", -1000, -50, 10, 7)],
        [(7, "a", 0, 0), (9, "a", 1000, 40)],
    ),
    "places of their own": ([("a", 1, 1, 5), ("b", 1, 1, 3)], [(5, "a", 1, 1), (3, "b", 1, 1)]),
    "free lines": ([("a", 1000, 0), ("a", -1000, 0)], [(1, "a", 0, 0)]),
    "only before it": (
        [("a", 1000, 50), ("a", -1000, -50), ("a", 1000, 60)],
        [(1, "a", 0, 0), (3, "a", 1000, 60)],
    ),
}

# Lines, the path of the refusal and a part of its message.
NOT_NETTED: dict[str, tuple[list[Row], str, str]] = {
    "nothing before": ([("a", -1000, -50)], "lines[0]", "not there"),
    "other sku": ([("a", 1000, 50), ("b", -1000, -50)], "lines[1]", "not there"),
    "after it": ([("a", -1000, -50), ("a", 1000, 50)], "lines[0]", "not there"),
    "too much quantity": ([("a", 1000, 50), ("a", -2000, -50)], "lines[1]", "more than is left"),
    "too much amount": ([("a", 1000, 50), ("a", -1000, -51)], "lines[1]", "more than is left"),
    "twice": (
        [("a", 1000, 50), ("a", -1000, -50), ("a", -1000, -50)], "lines[2]", "not there"
    ),
    "twice by name": (
        [("a", 1000, 50), ("a", -1000, -50, None, 1), ("a", -1000, -50, None, 1)], "lines[2]",
        "more than is left",
    ),
    "named, not there": (
        [("a", 1000, 50), ("a", -1000, -50, None, 8)], "lines[1]", "not there"
    ),
    "named, other sku": (
        [("a", 1000, 50), ("b", -1000, -50, None, 1)], "lines[1].voids", "another sku"
    ),
    "names itself": ([("a", 1000, 50), ("a", -1000, -50, 2, 2)], "lines[1]", "not there"),
    "mixed signs": ([("a", 1000, 50), ("a", -1000, 50)], "lines[1]", "both negative or 0"),
    "mixed signs, amount": ([("a", 1000, 50), ("a", 1000, -5)], "lines[1]", "both negative"),
    "a sale that voids": (
        [("a", 1000, 50), ("a", 1000, 50, None, 1)], "lines[1].voids", "only a negative line"
    ),
    "place twice": ([("a", 1000, 50, 3), ("b", 1000, 50, 3)], "lines[1].line", "there twice"),
    "place twice, one by order": (
        [("a", 1000, 50, 2), ("b", 1000, 50)], "lines[1].line", "there twice"
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", NETTED)
def test_voids_are_netted(name: str) -> None:
    rows, left = NETTED[name]
    found = [(x.line, x.sku, x.quantity, x.net) for x in net_lines([LineFact(*r) for r in rows])]
    assert found == left


# Lines beside sku, quantity, net; (full quantity, gross, cost) of each, and their details.
FULL_LINES: dict[str, tuple[list[LineFact], list[Row], list[Row]]] = {
    "plain": ([LineFact("a", 1000, 50)], [(1000, 50, None)], []),
    "discount": (
        [LineFact("a", 1000, 50, discount=7)], [(1000, 57, None)], [(0, 1000, 57, None)]
    ),
    "gross before discount": (
        [LineFact("a", 1000, 50, gross=60, discount=7)], [(1000, 60, None)], [(0, 1000, 60, None)]
    ),
    "gross is net": ([LineFact("a", 1000, 50, gross=50)], [(1000, 50, None)], []),
    "cost": ([LineFact("a", 1000, 50, cost=0)], [(1000, 50, 0)], [(0, 1000, 50, 0)]),
    "part voided": (
        [LineFact("b", 1000, 5), LineFact("a", 3000, 90, cost=30), LineFact("a", -1000, -30)],
        [(1000, 5, None), (3000, 90, 30)], [(1, 3000, 90, 30)],
    ),
    "quantity alone voided": (
        [LineFact("a", 3000, 90), LineFact("a", -1000, 0)], [(3000, 90, None)],
        [(0, 3000, 90, None)],
    ),
    "amount alone voided": (
        [LineFact("a", 3000, 90), LineFact("a", 0, -30)], [(3000, 90, None)],
        [(0, 3000, 90, None)],
    ),
    "void": (
        [LineFact("a", 3000, 90, gross=99, cost=30), LineFact("a", -3000, -90)],
        [(3000, 99, 30)], [],
    ),
    "what a void says of gross and cost means nothing": (
        [LineFact("a", 2000, 90), LineFact("a", -2000, -30, gross=-30, cost=-7)],
        [(2000, 90, None)], [(0, 2000, 90, None)],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FULL_LINES)
def test_gross_and_cost_are_of_the_whole_line(name: str) -> None:
    rows, full, found = FULL_LINES[name]
    lines = net_lines(rows)
    assert [(x.full_quantity, x.gross, x.cost) for x in lines] == full
    assert list(details(lines)) == found


@pytest.mark.parametrize("name", NOT_NETTED)
def test_wrong_voids_are_refused(name: str) -> None:
    rows, path, part = NOT_NETTED[name]
    with pytest.raises(FormError, match=part) as caught:
        net_lines([LineFact(*row) for row in rows])
    assert caught.value.path == path


# -- JSON -----------------------------------------------------------------------------------

GOOD: dict[str, Any] = {
    "kind": "sale",
    "id": "a",
    "occurred_at": "2024-03-01T12:00:00Z",
    "member": "m",
    "lines": [{"sku": "x", "quantity": 1000, "net": 5}],
}


def decoded(**fields: Any) -> Any:
    """The good sale with fields replaced, through JSON."""
    return decode_fact(msgspec.json.encode({**GOOD, **fields}))


def line(**fields: Any) -> list[dict[str, Any]]:
    """One line with fields replaced."""
    return [{"sku": "x", "quantity": 1000, "net": 5, **fields}]


BAD_FIELDS: dict[str, tuple[dict[str, Any], str]] = {
    "unknown": ({"colour": "red"}, "colour"),
    "unknown of a line": ({"lines": line(colour="red")}, "lines[0].colour"),
    "other kind": ({"kind": "gift"}, "kind"),
    "empty id": ({"id": ""}, "id"),
    "long id": ({"id": "x" * (ID_BYTES + 1)}, "id"),
    "long id in bytes": ({"id": "ن" * (ID_BYTES // 2 + 1)}, "id"),
    "long member in bytes": ({"member": "ن" * (NAME_BYTES // 2 + 1)}, "member"),
    "long store": ({"store": "ن" * (NAME_BYTES // 2 + 1)}, "store"),
    "long terminal": ({"terminal": "x" * (NAME_BYTES + 1)}, "terminal"),
    "long sku": ({"lines": line(sku="ن" * (NAME_BYTES // 2 + 1))}, "lines[0].sku"),
    "long tender": (
        {"tenders": [{"type": "ن" * (NAME_BYTES // 2 + 1), "amount": 1}]}, "tenders[0].type"
    ),
    "empty member": ({"member": ""}, "member"),
    "no zone": ({"occurred_at": "2024-03-01T12:00:00"}, "occurred_at"),
    "a number of seconds": ({"occurred_at": 1_700_000_000}, "occurred_at"),
    "before 1970": ({"occurred_at": "1969-12-31T23:59:59Z"}, "occurred_at"),
    "beyond the tables": ({"occurred_at": "2170-01-01T00:00:00Z"}, "occurred_at"),
    "no lines": ({"lines": []}, "lines"),
    "too many lines": ({"lines": line() * (MOST_LINES + 1)}, "lines"),
    "too many tenders": (
        {"tenders": [{"type": "cash", "amount": 1}] * (MOST_TENDERS + 1)}, "tenders"
    ),
    "huge net": ({"lines": line(net=MOST_AMOUNT + 1)}, "lines[0].net"),
    "huge void": ({"lines": line(net=-MOST_AMOUNT - 1)}, "lines[0].net"),
    "huge quantity": ({"lines": line(quantity=2**64)}, "lines[0].quantity"),
    "fraction": ({"lines": line(net=5.5)}, "lines[0].net"),
    "whole fraction": ({"lines": line(net=5.0)}, "lines[0].net"),
    "text": ({"lines": line(net="5")}, "lines[0].net"),
    "true": ({"lines": line(net=True)}, "lines[0].net"),
    "null": ({"lines": line(net=None)}, "lines[0].net"),
    "place 0": ({"lines": line(line=0)}, "lines[0].line"),
    "void of nothing": ({"lines": line(net=-5)}, "lines[0]"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD_FIELDS)
def test_a_bad_sale_is_refused_at_its_field(name: str) -> None:
    fields, path = BAD_FIELDS[name]
    decoded()
    with pytest.raises(FormError) as caught:
        decoded(**fields)
    if name != "whole fraction":
        assert caught.value.path == path


def test_what_is_just_inside_is_taken() -> None:
    decoded(id="ن" * (ID_BYTES // 2), member="ن" * (NAME_BYTES // 2))
    decoded(lines=line(net=MOST_AMOUNT, quantity=MOST_AMOUNT))
    decoded(lines=line() * MOST_LINES)
    assert decoded(occurred_at="2024-03-01T15:30:00+03:30").at == decoded().at


@pytest.mark.parametrize("name", ["long id", "long id in bytes"])
def test_a_catalogue_has_the_same_ids(name: str) -> None:
    fact = {"kind": "catalog", "occurred_at": GOOD["occurred_at"], "products": [{"sku": "x"}]}
    decode_fact(msgspec.json.encode({**fact, "id": "c"}))
    with pytest.raises(FormError) as caught:
        decode_fact(msgspec.json.encode({**fact, **BAD_FIELDS[name][0]}))
    assert caught.value.path == "id"


# -- Arrow: refusals --------------------------------------------------------------------------

ROW: dict[str, Any] = {
    "id": "a",
    "kind": "sale",
    "occurred_at": AT,
    "member": "m",
    "store": "",
    "terminal": "",
    "lines": [{"sku": "x", "quantity": 1000, "net": 5}],
    "tenders": [{"type": "cash", "amount": 5}],
}


def table(*rows: dict[str, Any]) -> pa.Table:
    """A wire table of the plain row with fields replaced, a row each."""
    made = [{**ROW, "id": f"id-{n}", **fields} for n, fields in enumerate(rows or ({}, {}))]
    return pa.Table.from_pylist(made, schema=WIRE)


def column(name: str, values: pa.Array) -> pa.Table:
    """The plain table of two rows with a column replaced."""
    plain = table()
    return plain.set_column(plain.schema.get_field_index(name), name, values)


LINES = WIRE.field("lines").type
MORE_LINES = pa.list_(pa.struct([*WIRE_LINE, ("colour", pa.int32())]))
X = {"sku": "x", "quantity": 1000, "net": 5}


def lines_of(*rows: list[dict[str, Any] | None] | None, kind: Any = LINES) -> pa.Table:
    return column("lines", pa.array([*rows], kind))


ALL_LINES = pa.list_(pa.struct([*WIRE_LINE, *MORE_OF_LINE]))
ALL_TENDERS = pa.list_(pa.struct([*WIRE_TENDER, *MORE_OF_TENDER]))


def more_of_line(**fields: Any) -> pa.Table:
    return lines_of([X], [X, {**X, **fields}], kind=ALL_LINES)


def more(name: str, values: list[Any]) -> pa.Table:
    return table().append_column(name, pa.array(values, MORE.field(name).type))


BAD_TABLES: dict[str, tuple[pa.Table, str]] = {
    **{
        f"{name} of {value}": (more_of_line(**{name: value}), name)
        for name, value in (
            ("gross", MOST_AMOUNT + 1), ("discount", -(2**63)), ("cost", 2**62), ("line", 0),
            ("voids", -1), ("line", MOST_LINE_NUMBER + 1),
        )
    },
    "huge sum": (more_of_line(net=MOST_AMOUNT, discount=1), "discount"),
    "line twice": (more_of_line(line=1), "[1].lines[1].line"),
    "void of a sale": (more_of_line(voids=1), "[1].lines[1].voids"),
    "points of 0": (column("tenders", pa.array(
        [[{"type": "a", "amount": 1, "points": 0}], []], ALL_TENDERS)), "points"),
    "null channel": (more("channel", ["a", None]), "channel"),
    "long channel": (more("channel", ["a", "x" * 65]), "channel"),
    "null coupons": (more("coupons", [[], None]), "coupons"),
    "null coupon": (more("coupons", [[], ["a", None]]), "coupons"),
    "empty coupon": (more("coupons", [[], ["a", ""]]), "coupons"),
    "too many coupons": (more("coupons", [[], ["a"] * (MOST_COUPONS + 1)]), "coupons"),
    "null offers": (more("offers", [[], None]), "offers"),
    "null offer": (more("offers", [[], [None]]), "offers"),
    "offer without a name": (more("offers", [[], [{"offer": "", "amount": 1}]]), "offers.offer"),
    "offer without an amount": (more("offers", [[], [{"offer": "a"}]]), "offers"),
    "offer of too much": (
        more("offers", [[], [{"offer": "a", "amount": 10**12 + 1}]]), "offers.amount"),
    "offer that gives": (more("offers", [[], [{"offer": "a", "amount": -1}]]), "offers.amount"),
    "offer twice": (more("offers", [[], [{"offer": "a", "amount": 1}] * 2]), "offers"),
    "too many offers": (more("offers", [[], [
        {"offer": f"o{place}", "amount": 0} for place in range(MOST_OFFERS + 1)]]), "offers"),
    "number for a channel": (table().append_column("channel", pa.array([1, 2])), "channel"),
    "fraction for a cost": (lines_of([X], [X], kind=pa.list_(pa.struct(
        [*WIRE_LINE, ("cost", pa.float64())]))), "lines"),
    **{
        f"no {name}": (table().drop_columns([name]), name)
        for name in ("id", "occurred_at", "member", "lines")
    },
    "unknown column": (table().append_column("colour", pa.array(["r", "g"])), "colour"),
    "column twice": (table().append_column("id", pa.array(["r", "g"])), "$"),
    **{
        f"null {name}": (column(name, pa.array([table()[name][0].as_py(), None],
                                               WIRE.field(name).type)), name)
        for name in WIRE.names
    },
    "null line": (lines_of([X], [None]), "lines"),
    "null net": (lines_of([X], [{**X, "net": None}]), "net"),
    "null quantity": (lines_of([X], [{**X, "quantity": None}]), "quantity"),
    "null sku": (lines_of([X], [{**X, "sku": None}]), "lines.sku"),
    "empty sku": (lines_of([X], [{**X, "sku": ""}]), "lines.sku"),
    "empty lines": (lines_of([X], []), "[1].lines"),
    "too many lines": (lines_of([X] * (MOST_LINES + 1), [X]), "[0].lines"),
    "too many tenders": (table({"tenders": ROW["tenders"] * (MOST_TENDERS + 1)}), "tenders"),
    "other kind": (table({}, {"kind": "gift"}), "kind"),
    "huge net": (lines_of([X], [{**X, "net": MOST_AMOUNT + 1}]), "net"),
    "least net": (lines_of([X], [{**X, "net": -(2**63)}]), "net"),
    "huge quantity": (lines_of([X], [{**X, "quantity": 2**63 - 1}]), "quantity"),
    "huge tender": (table({"tenders": [{"type": "cash", "amount": -(10**13)}]}), "amount"),
    "empty id": (table({"id": ""}), "id"),
    "empty member": (table({"member": ""}), "member"),
    "long id": (table({"id": "ن" * 65}), "id"),
    "long member": (table({"member": "ن" * 33}), "member"),
    "before 1970": (table({"occurred_at": AT.replace(year=1969)}), "occurred_at"),
    "year 9999": (table({"occurred_at": AT.replace(year=9999)}), "occurred_at"),
    "naive time": (column("occurred_at", pa.array([1, 2], pa.timestamp("us"))), "occurred_at"),
    "time as a number": (column("occurred_at", pa.array([1, 2], pa.int64())), "occurred_at"),
    "time as text": (column("occurred_at", pa.array(["2024-01-01T00:00:00Z"] * 2)), "occurred_at"),
    "nanoseconds": (column("occurred_at", pa.array([1, 2], pa.timestamp("ns", "UTC"))), "$"),
    "number for a name": (column("member", pa.array([1, 2])), "member"),
    "bytes for a name": (column("member", pa.array([b"\xff\xfe", b"a"])), "member"),
    "list for a name": (column("member", pa.array([["a"], ["b"]])), "member"),
    "text for lines": (column("lines", pa.array(["a", "b"])), "lines"),
    "fractions": (lines_of([X], [X], kind=pa.list_(pa.struct(
        [("sku", pa.string()), ("quantity", pa.int64()), ("net", pa.float64())]))), "lines"),
    "unknown field of a line": (lines_of([X], [{**X, "colour": 1}], kind=MORE_LINES), "lines"),
    "missing field of a line": (lines_of([{"sku": "x", "net": 5}], [X], kind=pa.list_(pa.struct(
        [("sku", pa.string()), ("net", pa.int64())]))), "lines"),
    "void of nothing": (lines_of([X], [{**X, "net": -5, "quantity": -1000}]), "[1].lines[0]"),
    "too much voided": (
        lines_of([X], [X, {**X, "net": -6, "quantity": -1000}]), "[1].lines[1]"
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD_TABLES)
def test_a_bad_table_is_refused_at_its_column(name: str) -> None:
    ArrowFacts(table())
    bad, path = BAD_TABLES[name]
    with pytest.raises(FormError) as caught:
        ArrowFacts(bad)
    if name != "null line":  # its missing fields may be named first
        assert caught.value.path == path


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("member", pa.array(["m", "m"], pa.large_string())),
        ("member", pa.array(["m", "m"], pa.string_view())),
        ("member", pa.array(["m", "m"]).dictionary_encode()),
        ("occurred_at", pa.array([AT, AT], pa.timestamp("ms", "Asia/Tehran"))),
        ("lines", pa.array([[X], [X]], pa.large_list(WIRE_LINE))),
        ("lines", pa.array([[X], [X]], pa.list_(pa.struct(
            [("net", pa.int32()), ("quantity", pa.int16()), ("sku", pa.string())])))),
    ],
)  # fmt: skip
def test_other_widths_and_orders_mean_the_same_or_are_refused(name: str, values: pa.Array) -> None:
    plain = ArrowFacts(table())
    try:
        other = ArrowFacts(column(name, values))
    except FormError:
        # Fields in another order need not be taken; they must not be mixed up.
        assert name == "lines"
        return
    assert [other.content(row) for row in (0, 1)] == [plain.content(row) for row in (0, 1)]


def test_an_empty_table_is_a_batch_of_nothing() -> None:
    for empty in (table().slice(0, 0), pa.Table.from_batches([], schema=WIRE)):
        sales = ArrowFacts(empty)
        assert sales.ids == []
        assert len(sales.columns(Dictionaries(), None)) == 0


# -- Arrow: damaged streams ---------------------------------------------------------------------


def stream(source: pa.Table) -> bytes:
    """The table as an IPC stream."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, source.schema) as writer:
        writer.write_table(source)
    return bytes(sink.getvalue().to_pybytes())


def use(data: bytes) -> Any:
    """Read an untrusted stream and use all of it; what is refused is None."""
    try:
        with pa.ipc.open_stream(pa.py_buffer(data)) as reader:
            sales = ArrowFacts(reader.read_all())
    except (FormError, pa.ArrowException, OSError, ValueError, TypeError, KeyError):
        return None
    sales.columns(Dictionaries(), None)
    return [sales.content(row) for row in range(len(sales.ids))]


BATCH = table(*({"member": f"member-{n % 3}", "lines": [X] * (1 + n % 4)} for n in range(12)))


def test_the_stream_is_read_as_it_was_written() -> None:
    whole = ArrowFacts(BATCH)
    assert use(stream(BATCH)) == [whole.content(row) for row in range(12)]


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_a_damaged_stream_is_refused_or_read_and_never_ends_the_process(data: Any) -> None:
    good = stream(BATCH)
    damaged = bytearray(good)
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(good) - 1))
        damaged[place] = data.draw(st.integers(0, 255))
    found = use(bytes(damaged[: data.draw(st.integers(0, len(good)))]))
    assert found is None or len(found) <= 12


def offsets(*values: int) -> bytes:
    """An offset buffer as it stands in a stream."""
    return np.array(values, np.int32).tobytes()


@pytest.mark.parametrize("name", ["id", "member", "lines"])
@pytest.mark.parametrize(
    "damaged", [(0, 2, 1_000_000), (0, 7, 2), (-5, 2, 7), (0, -2, 7), (0, 2, -7)]
)
def test_offsets_that_point_outside_are_refused(name: str, damaged: tuple[int, ...]) -> None:
    values = [[X] * 2, [X] * 5] if name == "lines" else ["ab", "cdefg"]
    good = stream(column(name, pa.array(values, WIRE.field(name).type)))
    assert use(good) is not None
    assert good.count(offsets(0, 2, 7)) == 1
    assert use(good.replace(offsets(0, 2, 7), offsets(*damaged))) is None


@pytest.mark.parametrize("letters", [b"\xc3(cdefg", b"a\xffcdefg", b"\xed\xa0\x80defg"])
def test_what_is_not_utf_8_is_refused(letters: bytes) -> None:
    good = stream(column("member", pa.array(["ab", "cdefg"])))
    assert good.count(b"abcdefg") == 1
    assert use(good.replace(b"abcdefg", letters)) is None


# -- Arrow and JSON alike -------------------------------------------------------------------------

names = st.sampled_from(["a", "b", "نان", "x" * 20])
figures = st.integers(-5, 5)
seldom = st.one_of(st.none(), st.none(), figures)
plain_lines = st.builds(LineFact, names, st.integers(0, 5_000), st.integers(0, 10**11))
full_lines = st.builds(
    LineFact, names, st.integers(0, 5_000), st.integers(0, 10**11), gross=seldom,
    discount=seldom, cost=seldom,
)  # fmt: skip


@st.composite
def facts(draw: st.DrawFn) -> list[SaleFact]:
    """Sales with and without voids, and what a sale may have more."""
    made = []
    some = full_lines if draw(st.booleans()) else plain_lines
    for number in range(draw(st.integers(1, 6))):
        lines = draw(st.lists(some, min_size=1, max_size=5))
        if draw(st.integers(0, 3)) == 3:
            for place, line in enumerate(lines):
                line.line = draw(st.sampled_from([place + 1, 10 * (place + 1)]))
        if draw(st.booleans()):
            bought = draw(st.sampled_from(lines))
            same = [x for x in lines if x.sku == bought.sku and (x.quantity or x.net)]
            if same and same[-1].net:
                void = LineFact(bought.sku, 0, -draw(st.integers(1, same[-1].net)))
                void.voids = draw(st.sampled_from([None, same[-1].line]))
                lines.append(void)
        made.append(SaleFact(
            f"id-{number}",
            AT + dt.timedelta(days=draw(st.integers(-40, 40)), microseconds=number),
            draw(names), lines, draw(st.sampled_from(["", "1", "ب"])),
            draw(st.sampled_from(["", "t"])), draw(st.sampled_from(["", "", "web"])),
            [TenderFact(kind, 5, draw(st.sampled_from([None, None, 7])))
             for kind in draw(st.lists(names, max_size=2))],
            draw(st.lists(names, max_size=2)),
            [OfferFact(name, draw(st.integers(0, 9)))
             for name in draw(st.lists(names, max_size=2, unique=True))],
        ))  # fmt: skip
    return made


def as_table(sales: list[SaleFact]) -> pa.Table:
    """The same sales as a wire table; columns and fields that nobody has are left out."""
    rows = [{"kind": "sale", **msgspec.to_builtins(x, builtin_types=(dt.datetime,))} for x in sales]

    def wanted(field: pa.Field, optional: pa.StructType) -> pa.Field:
        items = [item for row in rows for item in row[field.name]]
        used = [more for more in optional if any(x[more.name] is not None for x in items)]
        return pa.field(field.name, pa.list_(pa.struct([*field.type.value_type, *used])))

    schema = pa.schema([
        wanted(field, MORE_OF_LINE) if field.name == "lines"
        else wanted(field, MORE_OF_TENDER) if field.name == "tenders" else field
        for field in WIRE
    ] + [field for field in MORE if any(row[field.name] for row in rows)])  # fmt: skip
    return pa.Table.from_pylist(rows, schema=schema)


def known() -> Dictionaries:
    """Dictionaries with versions of a product and a store, before, inside, after the dates."""
    dictionaries = Dictionaries()
    for days in (-20, 10, 30):
        since = int((AT + dt.timedelta(days=days)).timestamp()) * 1_000_000
        dictionaries.products.add(Product("a", since, brand=f"brand {days}"))
        dictionaries.stores.add(StoreVersion("1", since, region=f"region {days}"))
    return dictionaries


def meaning(sales: Facts, dictionaries: Dictionaries) -> dict[str, list[Any]]:
    """Columns with names in place of numbers, which follow the order of first sight."""
    columns = {
        f.name: column.tolist() for f in dataclasses.fields(Facts)
        if isinstance(column := getattr(sales, f.name), np.ndarray)
    }
    columns["extras"] = sales.extras
    for name, codes in (
        ("member", dictionaries.members), ("terminal", dictionaries.terminals),
        ("tender", dictionaries.tenders),
    ):  # fmt: skip
        columns[name] = [codes.names[number] for number in columns[name]]
    columns["product"] = [dictionaries.products.versions[n] for n in columns["product"]]
    columns["store"] = [dictionaries.stores.versions[n] for n in columns["store"]]
    return columns


@settings(deadline=None)
@given(facts(), st.integers(0, 2**32))
def test_arrow_and_decoded_sales_are_alike(sales: list[SaleFact], seed: int) -> None:
    arrow = ArrowFacts(as_table(sales))
    plain = DecodedFacts([sale_of(sale) for sale in sales])
    assert arrow.ids == plain.ids
    assert arrow.at.tolist() == plain.at.tolist()
    for row in range(len(sales)):
        assert arrow.content(row) == plain.content(row)
    draw = random.Random(seed)
    some = np.array(
        sorted(draw.sample(range(len(sales)), draw.randint(1, len(sales)))), np.int64
    )
    for rows in (None, some):
        assert arrow.id_array(rows).to_pylist() == plain.id_array(rows).to_pylist()
        ours, theirs = known(), known()
        one, other = arrow.columns(ours, rows), plain.columns(theirs, rows)
        for entry in dataclasses.fields(Facts):
            column = getattr(one, entry.name)
            if isinstance(column, np.ndarray):
                assert column.dtype == getattr(other, entry.name).dtype, entry.name
        assert meaning(one, ours) == meaning(other, theirs)


@given(st.integers(0, 11), st.integers(0, 12))
def test_a_slice_of_a_table_is_the_slice_of_its_sales(start: int, length: int) -> None:
    whole, part = ArrowFacts(BATCH), ArrowFacts(BATCH.slice(start, length))
    expected = [whole.content(row) for row in range(start, min(12, start + length))]
    assert [part.content(row) for row in range(len(part.ids))] == expected
    columns = part.columns(Dictionaries(), None)
    assert columns.lines_from[-1] == sum(len(content[5]) for content in expected)


def test_wire_types_are_those_of_the_schema() -> None:
    assert WIRE.field("occurred_at").type == UTC_US
    assert WIRE.field("tenders").type.value_type == WIRE_TENDER
