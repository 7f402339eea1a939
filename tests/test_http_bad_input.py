"""Bad input over HTTP: each is refused with its slug, never with a 5xx, and changes nothing."""

from __future__ import annotations

import gzip
import re
import socket
import time
import zlib
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pytest

from . import servers
from .bad_requests import HEAD, Bad, head, raw, reader, send, state
from .servers import ARROW, NDJSON, Server, dumps, fact, stream_of, table_of


def sale(**fields: Any) -> bytes:
    """A sale with some fields changed."""
    return dumps(fact("bad", **fields))


def line(**fields: Any) -> bytes:
    """A sale of one line with some of its fields changed."""
    return sale(lines=[{"sku": "bread", "quantity": 1_000, "net": 100, **fields}], tenders=[])


def lines(*rows: tuple[Any, ...]) -> bytes:
    """A sale of lines (sku, quantity, net, line, voids)."""
    names = ("sku", "quantity", "net", "line", "voids")
    return sale(
        lines=[{k: v for k, v in zip(names, row, strict=False) if v is not None} for row in rows]
    )


def written(old: str, new: str | bytes) -> bytes:
    """The sale's text with a part replaced."""
    text = sale()
    assert text.count(old.encode()) == 1, old
    return text.replace(old.encode(), new if isinstance(new, bytes) else new.encode())


def without(name: str) -> bytes:
    """A sale without a member."""
    return dumps({key: value for key, value in fact("bad").items() if key != name})


def net(text: str) -> bytes:
    """A sale with a net as it is written."""
    return written('"net": 1250', f'"net": {text}')


def at(text: str) -> bytes:
    """A sale of an instant as it is written."""
    return sale(occurred_at=text)


def named(text: str) -> bytes:
    """A sale with an id as it is written in JSON."""
    return written('"id": "bad"', f'"id": {text}')


def catalog(**fields: Any) -> bytes:
    """A catalogue with some fields changed."""
    made = {"id": "bad", "kind": "catalog", "occurred_at": servers.days_ago(2),
            "products": [{"sku": "bread"}]}
    return dumps({**made, **fields})


def product(**fields: Any) -> bytes:
    """A catalogue of one product."""
    return catalog(products=[{"sku": "bread", **fields}])


def most_lines(n: int) -> list[dict[str, Any]]:
    """Many lines."""
    return [{"sku": "bread", "quantity": 1, "net": 1}] * n


def invalid(name: str, body: bytes) -> Bad:
    """A fact that breaks the form."""
    return Bad(name, 422, "invalid-fact", body)


def broken(name: str, body: bytes) -> Bad:
    """A body that is no JSON."""
    return Bad(name, 400, "invalid-json", body)


def twice(name: str, body: bytes) -> Bad:
    """An object with a member twice."""
    return Bad(name, 400, "duplicate-member", body)


DEEP = 100_000
SALE = sale()

SYNTAX = [
    broken("an empty body", b""),
    broken("white space alone", b" \r\n\t"),
    broken("half a body", SALE[: len(SALE) // 2]),
    broken("a body without its last brace", SALE[:-1]),
    broken("more after the end", SALE + b"x"),
    broken("two facts", SALE + SALE),
    broken("NUL after the end", SALE + b"\0"),
    broken("a byte order mark", b"\xef\xbb\xbf" + SALE),
    broken("UTF-16", SALE.decode().encode("utf-16")),
    broken("UTF-16 without a mark", SALE.decode().encode("utf-16-le")),
    broken("UTF-32", SALE.decode().encode("utf-32")),
    broken("Latin-1 letters", written('"m-1"', b'"caf\xe9"')),
    broken("overlong UTF-8", written('"m-1"', b'"\xc0\x80"')),
    broken("a surrogate in UTF-8", written('"m-1"', b'"\xed\xa0\x80"')),
    broken("beyond Unicode", written('"m-1"', b'"\xf4\x90\x80\x80"')),
    broken("half a letter", written('"m-1"', b'"\xd8"')),
    broken("a key that is not UTF-8", written('"member"', b'"\xff"')),
    broken("single quotes", b"{'id': 'bad'}"),
    broken("a bare key", b'{id: "bad"}'),
    broken("a comment", SALE.replace(b"{", b"{/* */", 1)),
    broken("a comma after the last member", SALE[:-1] + b",}"),
    broken("a comma after the last line", written('"net": 400}]', '"net": 400},]')),
    broken("a raw control character", written('"m-1"', b'"\x01"')),
    broken("a raw line feed in a name", written('"m-1"', b'"a\nb"')),
    broken("a bad escape", written('"m-1"', r'"\x41"')),
    broken("a short escape", written('"m-1"', r'"\u00"')),
    broken("NaN", net("NaN")),
    broken("Infinity", net("Infinity")),
    broken("-Infinity", net("-Infinity")),
    broken("a leading zero", net("01")),
    broken("a plus sign", net("+1")),
    broken("hexadecimal", net("0x10")),
    broken("a point without digits", net("1.")),
    broken("an exponent without digits", net("1e")),
    broken("a minus alone", net("-")),
    broken("an underscore in a number", net("1_000")),
    broken("high surrogate alone", named(r'"\ud800"')),
    broken("low surrogate alone", named(r'"\udc00x"')),
    broken("surrogates the wrong way round", named(r'"\udc00\ud800"')),
]

SHAPES = [
    invalid("null", b"null"),
    invalid("a number", b"1"),
    invalid("a string", b'"sale"'),
    invalid("an array of facts", b"[" + SALE + b"]"),
    invalid("an empty object", b"{}"),
    invalid("deep arrays", b"[" * DEEP),
    invalid("deep arrays in a field", sale(store="S").replace(b'"S"', b"[" * DEEP + b"]" * DEEP)),
    broken(
        "deep arrays before the kind",
        b'{"store": ' + b"[" * DEEP + b"]" * DEEP + b', "kind": "sale"}',
    ),
    broken(
        "deep objects before the kind",
        b'{"store": ' + b'{"a":' * DEEP + b"1" + b"}" * DEEP + b', "kind": "sale"}',
    ),
    *(
        invalid(f"without {name}", without(name))
        for name in ("id", "kind", "occurred_at", "member", "lines")
    ),
    invalid("an unknown kind", sale(kind="refund")),
    invalid("a program over HTTP", sale(kind="program publish")),
    invalid("a kind in capitals", sale(kind="SALE")),
    invalid("a kind of null", sale(kind=None)),
    invalid("a kind that is a number", sale(kind=0)),
    invalid("an unknown field", sale(colour="red")),
    invalid("a field in capitals", sale(ID="x")),
    invalid("an unknown field of a line", line(price=5)),
    invalid("an unknown field of a tender", sale(tenders=[{"type": "c", "amount": 1, "x": 1}])),
    invalid("an unknown field of a product", product(colour="red")),
    invalid("a sale with products", sale(products=[])),
    invalid("offers that are no list", sale(offers={})),
    invalid("an offer that is a text", sale(offers=["ten"])),
    invalid("an offer without its id", sale(offers=[{"amount": 1}])),
    invalid("an offer below nothing", sale(offers=[{"offer": "ten", "amount": -1}])),
    invalid("an offer above the bound", sale(offers=[{"offer": "ten", "amount": 10**12 + 1}])),
    invalid("an unknown field of an offer", sale(offers=[{"offer": "ten", "x": 1}])),
    invalid("an offer twice", sale(offers=[{"offer": "ten"}, {"offer": "ten", "amount": 1}])),
    invalid("101 offers", sale(offers=[{"offer": str(n)} for n in range(101)])),
    invalid("lines of a catalogue", catalog(lines=[])),
    invalid("a many-membered object", sale(**{f"f{n}": n for n in range(100)})),
    twice("id twice", written('"id": "bad"', '"id": "bad", "id": "bad"')),
    twice("kind twice", written('"kind": "sale"', '"kind": "sale", "kind": "sale"')),
    twice("another id", written('"id": "bad"', '"id": "first", "id": "bad"')),
    twice("a sku twice", written('"sku": "milk"', '"sku": "tea", "sku": "milk"')),
    twice("a net twice", net('1, "net": 2')),
    twice("an amount twice", written('"amount": 1650', '"amount": 1, "amount": 1650')),
    twice("tenders twice", SALE[:-1] + b', "tenders": []}'),
    # No field's name needs an escape: one that has it could hide a member that is there twice.
    twice("an escaped id first", written('"id": "bad"', r'"\u0069d": "first", "id": "bad"')),
    twice("an escaped id last", written('"id": "bad"', r'"id": "first", "\u0069d": "bad"')),
    twice("an escaped net", net(r'1, "n\u0065t": 2')),
    twice("a brand twice", product(brand="B").replace(b'"brand"', b'"brand": "A", "brand"')),
]

NAMES = [
    invalid("an empty id", sale(id="")),
    invalid("an id of 129 bytes", sale(id="a" * 129)),
    invalid("an id of 65 letters of 2 bytes", sale(id="ع" * 65)),
    invalid("an id of 129 escapes", named('"' + r"\u0061" * 129 + '"')),
    invalid("an id of null", sale(id=None)),
    invalid("an id that is a number", sale(id=7)),
    invalid("an id that is an array", sale(id=["bad"])),
    invalid("NUL in an id", named(r'"a\u0000b"')),
    invalid("a line feed in an id", named(r'"a\nb"')),
    invalid("a tab in an id", named(r'"\t"')),
    invalid("unit separator in an id", named(r'"\u001f"')),
    invalid("an empty member", sale(member="")),
    invalid("a member of null", sale(member=None)),
    invalid("a member of 65 bytes", sale(member="m" * 65)),
    invalid("a member of 33 letters of 2 bytes", sale(member="ع" * 33)),
    invalid("a member of 17 letters of 4 bytes", sale(member="𐏑" * 17)),
    invalid("NUL in a member", written('"m-1"', r'"\u0000"')),
    invalid("a store of 65 bytes", sale(store="s" * 65)),
    invalid("a store of null", sale(store=None)),
    invalid("a store that is a number", sale(store=1)),
    invalid("a carriage return in a store", sale(store="a\rb")),
    invalid("a terminal of 65 bytes", sale(terminal="t" * 65)),
    invalid("a terminal that is true", sale(terminal=True)),
    invalid("an escape in a terminal", sale(terminal="\x1b[0m")),
    invalid("an empty sku", line(sku="")),
    invalid("a sku of 65 bytes", line(sku="s" * 65)),
    invalid("a sku of null", line(sku=None)),
    invalid("a sku that is a number", line(sku=4011)),
    invalid("NUL in a sku", line(sku="a\0b")),
    invalid("an empty tender", sale(tenders=[{"type": "", "amount": 1}])),
    invalid("a tender of 65 bytes", sale(tenders=[{"type": "t" * 65, "amount": 1}])),
    invalid("a control character in a tender", sale(tenders=[{"type": "\b", "amount": 1}])),
    invalid("an empty brand", product(brand="")),
    invalid("a brand of 65 bytes", product(brand="b" * 65)),
    invalid("a category of 201 bytes", product(category="c" * 201)),
    invalid("NUL in a supplier", product(supplier="\0")),
]

INSTANTS = [
    *(
        invalid(f"the instant {text or 'of nothing'}", at(text))
        for text in (
            "", "now", "1", "2026", "2026-11-01", "2026-11-01T10", "2026-11-01T10:00Z",
            "2026-11-01T10:00:00", "2026-11-01 10:00:00", "20261101T100000Z",
            "2026-11-01T10:00:60Z", "2016-12-31T23:59:60Z", "2026-11-01T10:60:00Z",
            "2026-11-01T24:00:00Z", "2026-13-01T10:00:00Z", "2026-00-01T10:00:00Z",
            "2026-11-00T10:00:00Z", "2026-11-31T10:00:00Z", "2026-02-29T10:00:00Z",
            "1900-02-29T10:00:00Z", "0000-01-01T00:00:00Z", "-001-01-01T00:00:00Z",
            "10000-01-01T00:00:00Z", "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59",
            "1969-12-31T23:59:59.999999Z", "1970-01-01T00:00:00+00:01",
            "2169-08-22T00:00:00Z", "2200-01-01T00:00:00Z", "2026-11-01T10:00:00.Z",
            "2026-11-01T10:00:00,5Z", "2026-11-01T10:00:00+24:00", "2026-11-01T10:00:00+00:60",
            "2026-11-01T10:00:00Z ", " 2026-11-01T10:00:00Z", "2026-11-01T10:00:00ZZ",
            "2026-11-01T10:00:00 UTC", "۲۰۲۶-11-01T10:00:00Z", "2026-W44-7T10:00:00Z",
        )
    ),
    invalid("an instant that is a number", sale(occurred_at=1_700_000_000)),
    invalid("an instant of null", sale(occurred_at=None)),
    Bad("ten minutes ahead", 422, "in-future", at(servers.days_ago(-2))),
    Bad("the last instant", 422, "in-future", at("2169-08-21T00:00:00Z")),
    Bad("before the late limit", 422, "too-late", at(servers.days_ago(servers.LATE_DAYS + 2))),
    Bad("before the program", 409, "no-program", at("1970-06-01T00:00:00Z")),
    Bad("before the program, forced", 409, "no-program", at("1970-06-01T00:00:00Z"),
        query="?force=true"),
    Bad("the first instant", 409, "no-program", at("1970-01-01T00:00:00Z")),
    invalid("a catalogue of year 0", catalog(occurred_at="0000-01-01T00:00:00Z")),
    invalid("a catalogue beyond 2169", catalog(occurred_at="2170-01-01T00:00:00Z")),
    Bad("a catalogue of tomorrow", 422, "in-future", catalog(occurred_at=servers.days_ago(-2))),
]

AMOUNT = 10**12

FIGURES = [
    *(
        invalid(f"a net of {text}", net(text))
        for text in (
            "1.0", "1e3", "1E0", "-0.0", "0.5", "1e400", "1e-400", "10e-1", "null", "true", "[]",
            '"5"', '""', "{}", str(2**31 * 2**32 - 1), str(2**63), str(-(2**63)),
            str(-(2**63) - 1), str(2**64), str(AMOUNT + 1), str(-AMOUNT - 1), "9" * 400,
        )
    ),
    invalid("a quantity of 1.0", line(quantity=1.0)),
    invalid("a quantity one past its bound", line(quantity=AMOUNT + 1)),
    invalid("a quantity as a string", line(quantity="1000")),
    invalid("a quantity of null", line(quantity=None)),
    invalid("a line without net", lines(("bread", 1_000))),
    invalid("a line that is null", sale(lines=[None])),
    invalid("a line that is an array", sale(lines=[["bread", 1, 1]])),
    invalid("lines of null", sale(lines=None)),
    invalid("lines that are an object", sale(lines={})),
    invalid("no lines", sale(lines=[])),
    invalid("10,001 lines", sale(lines=most_lines(10_001))),
    invalid("line 0", line(line=0)),
    invalid("line -1", line(line=-1)),
    invalid("line 1,000,001", line(line=10**6 + 1)),
    invalid("line 2^31", line(line=2**31)),
    invalid("line 1.0", line(line=1.0)),
    invalid("a line's place twice", lines(("a", 1, 1, 1), ("a", -1, 0, 1))),
    invalid("a plain line's place twice", lines(("a", 1, 1, 2), ("a", 1, 1, 2))),
    invalid("a place that another has without saying", lines(("a", 1, 1, 2), ("b", 1, 1))),
    invalid("a void alone", lines(("a", -1_000, -100))),
    invalid("a void of an absent sku", lines(("a", 1_000, 100), ("b", -1_000, -100))),
    invalid("a void of an absent line", lines(("a", 1_000, 100), ("a", -1_000, -100, None, 7))),
    invalid("a void of itself", lines(("a", 1_000, 100), ("a", -1_000, -100, None, 2))),
    invalid("a void of a later line", lines(("a", -1_000, -100, 1, 2), ("a", 1_000, 100))),
    invalid("a void of another sku", lines(("a", 1_000, 100), ("b", -1_000, -100, None, 1))),
    invalid("a void of more than is left", lines(("a", 1_000, 100), ("a", -1_001, -100))),
    invalid("a void of more net than is left", lines(("a", 1_000, 100), ("a", -1_000, -101))),
    invalid("a line voided twice", lines(("a", 2, 2), ("a", -2, -2), ("a", -2, -2))),
    invalid("a void with a positive net", lines(("a", 1_000, 100), ("a", -1_000, 100))),
    invalid("a void with a positive quantity", lines(("a", 1_000, 100), ("a", 1_000, -100))),
    invalid("a positive line that voids", lines(("a", 1_000, 100), ("a", 1, 1, None, 1))),
    invalid("voids 0", lines(("a", 1_000, 100), ("a", -1, -1, None, 0))),
    invalid("voids as a string", lines(("a", 1_000, 100), ("a", -1, -1, None, "1"))),
    invalid("101 tenders", sale(tenders=[{"type": "cash", "amount": 1}] * 101)),
    invalid("tenders of null", sale(tenders=None)),
    invalid("tenders that are an object", sale(tenders={"cash": 1})),
    invalid("a tender without amount", sale(tenders=[{"type": "cash"}])),
    invalid("a tender without type", sale(tenders=[{"amount": 1}])),
    invalid("a tender's amount as a string", sale(tenders=[{"type": "cash", "amount": "1"}])),
    invalid("a tender's amount of 0.5", sale(tenders=[{"type": "cash", "amount": 0.5}])),
    invalid("a tender beyond its bound", sale(tenders=[{"type": "c", "amount": AMOUNT + 1}])),
    invalid("a tender beyond 2^64", sale(tenders=[{"type": "c", "amount": 2**64}])),
    invalid("no products", catalog(products=[])),
    invalid("products of null", catalog(products=None)),
    invalid("100,001 products", catalog(products=[{"sku": "x"}] * 100_001)),
    invalid("a product without sku", catalog(products=[{"brand": "B"}])),
]

JSON_ROWS = [*SYNTAX, *SHAPES, *NAMES, *INSTANTS, *FIGURES]

# -- Arrow ---------------------------------------------------------------------------------

GOOD = table_of([fact("arrow-1"), fact("arrow-2", member="عضو")])
STREAM = stream_of(GOOD)
LINES = GOOD.schema.field("lines").type
TENDERS = GOOD.schema.field("tenders").type


def column(name: str, values: Any, kind: pa.DataType | None = None) -> bytes:
    """The good table with another column."""
    made = values if isinstance(values, pa.Array) else pa.array(values, kind)
    place = GOOD.schema.get_field_index(name)
    return stream_of(GOOD.set_column(place, name, pa.chunked_array([made])))


def arrow_lines(*rows: dict[str, Any] | None) -> bytes:
    """The good table with these lines in its first row."""
    return column("lines", [list(rows), [{"sku": "a", "quantity": 1, "net": 1}]], LINES)


def arrow_line(**fields: Any) -> bytes:
    """The good table with a line changed."""
    return arrow_lines({"sku": "a", "quantity": 1, "net": 1, **fields})


def offsets(name: str, *values: int) -> bytes:
    """A stream whose offsets of a text column are replaced past all checks."""
    found = GOOD.column(name).chunk(0)
    old = bytes(found.buffers()[1])[: 4 * (len(found) + 1)]
    assert STREAM.count(old) >= 1
    return STREAM.replace(old, b"".join(v.to_bytes(4, "little", signed=True) for v in values))


def as_file() -> bytes:
    """The table as an Arrow file, which is no stream."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, GOOD.schema) as out:
        out.write_table(GOOD)
    body: bytes = sink.getvalue().to_pybytes()
    return body


def misread(old: bytes, new: bytes) -> bytes:
    """A stream with bytes of its schema replaced."""
    assert old in STREAM
    return STREAM.replace(old, new)


def not_utf8() -> pa.Array:
    """A text column whose bytes are no text."""
    bounds = pa.array([0, 1, 2], pa.int32()).buffers()[1]
    return pa.Array.from_buffers(pa.string(), 2, [None, bounds, pa.py_buffer(b"\xff\xfe")])


def batch(name: str, body: bytes) -> Bad:
    """A body that is no good batch."""
    return Bad(f"Arrow: {name}", 400, "invalid-batch", body, ARROW)


ARROW_ROWS = [
    batch("an empty body", b""),
    batch("garbage", b"garbage" * 100),
    batch("zeros", bytes(1_000)),
    batch("ones", b"\xff" * 1_000),
    batch("JSON", SALE),
    batch("a file", as_file()),
    batch("no end of the last column", STREAM[:-60]),
    batch("half a schema", STREAM[:200]),
    batch("more metadata than there is", b"\xff\xff\xff\xff\xff\xff\xff\x7f" + STREAM[8:]),
    batch("two streams", STREAM + STREAM),
    batch("more after its end", STREAM + bytes(8)),
    batch("negative metadata size", b"\xff\xff\xff\xff\xf0\xff\xff\xff" + STREAM[8:]),
    batch("an extra column", stream_of(GOOD.append_column("x", [[1, 2]]))),
    batch("a column twice", stream_of(GOOD.append_column("id", GOOD.column("id")))),
    batch("no columns", stream_of(pa.table({}))),
    *(
        batch(f"without {name}", stream_of(GOOD.drop([name])))
        for name in ("id", "occurred_at", "member", "lines")
    ),
    batch("numbers as ids", column("id", [1, 2])),
    batch("binary members", column("member", [b"a", b"b"], pa.binary())),
    batch("a null id", column("id", ["a", None], pa.string())),
    batch("a null member", column("member", ["a", None], pa.string())),
    batch("a null store", column("store", ["a", None], pa.string())),
    batch("a store of type null", column("store", pa.nulls(2))),
    batch("a null in a dictionary", column("member", pa.DictionaryArray.from_arrays(
        pa.array([0, 1], pa.int8()), pa.array(["a", None])))),
    batch("numbers in a dictionary", column("member", pa.array([1, 2]).dictionary_encode())),
    batch("an empty id", column("id", ["a", ""])),
    batch("an id of 129 bytes", column("id", ["a", "b" * 129])),
    batch("a member of 33 letters of 2 bytes", column("member", ["a", "ع" * 33])),
    batch("NUL in an id", column("id", ["a", "b\0"])),
    batch("a line feed in a store", column("store", ["a", "b\n"])),
    batch("text that is not UTF-8", column("id", not_utf8())),
    batch("a column's name that is not UTF-8", misread(b"terminal", b"\xfferminal")),
    batch("a field's name that is not UTF-8", misread(b"quantity", b"quantit\xff")),
    batch("a zone that is not UTF-8", misread(b"UTC", b"U\xffC")),
    batch("another kind", column("kind", ["sale", "catalog"])),
    batch("an instant without zone", column("occurred_at", [0, 1], pa.timestamp("us"))),
    batch("a number as an instant", column("occurred_at", [0, 1], pa.int64())),
    batch("a date as an instant", column("occurred_at", [0, 1], pa.date32())),
    batch("an instant before 1970", column("occurred_at", [0, -1], pa.timestamp("us", "UTC"))),
    batch("an instant beyond 2169", column(
        "occurred_at", [0, 6_300_000_000_000_001], pa.timestamp("us", "UTC"))),
    batch("nanoseconds", column("occurred_at", [0, 1], pa.timestamp("ns", "UTC"))),
    batch("seconds beyond 2^63 us", column("occurred_at", [0, 2**62], pa.timestamp("s", "UTC"))),
    batch("a null instant", column("occurred_at", [0, None], pa.timestamp("us", "UTC"))),
    batch("lines of numbers", column("lines", [[1], [2]])),
    batch("lines of floats", column("lines", [[{"sku": "a", "quantity": 1.0, "net": 1.0}]] * 2)),
    batch("lines with an extra field", column(
        "lines", [[{"sku": "a", "quantity": 1, "net": 1, "colour": 1}]] * 2)),
    batch("lines without net", column("lines", [[{"sku": "a", "quantity": 1}]] * 2)),
    batch("lines of text", column("lines", [[{"sku": "a", "quantity": "1", "net": "1"}]] * 2)),
    batch("null lines", column("lines", [None, [{"sku": "a", "quantity": 1, "net": 1}]], LINES)),
    batch("no lines", arrow_lines()),
    batch("a null line", arrow_lines(None)),
    batch("a null net", arrow_line(net=None)),
    batch("a null sku", arrow_line(sku=None)),
    batch("an empty sku", arrow_line(sku="")),
    batch("a sku of 65 bytes", arrow_line(sku="s" * 65)),
    batch("a net beyond its bound", arrow_line(net=AMOUNT + 1)),
    batch("a net of -2^63", arrow_line(net=-(2**63))),
    batch("a quantity of 2^63 - 1", arrow_line(quantity=2**63 - 1)),
    batch("a quantity of 2^64 - 1", column(
        "lines", [[{"sku": "a", "quantity": 2**64 - 1, "net": 1}]] * 2,
        pa.list_(pa.struct(
            [("sku", pa.string()), ("quantity", pa.uint64()), ("net", pa.int64())])))),
    batch("10,001 lines", arrow_lines(*most_lines(10_001))),
    batch("a void of nothing", arrow_line(quantity=-1, net=-1)),
    batch("a void of more than is left", arrow_lines(
        {"sku": "a", "quantity": 1, "net": 1}, {"sku": "a", "quantity": -2, "net": 0})),
    batch("101 tenders", column("tenders", [[{"type": "c", "amount": 1}] * 101, []], TENDERS)),
    batch("null tenders", column("tenders", [None, []], TENDERS)),
    batch("a null amount", column("tenders", [[{"type": "c", "amount": None}], []], TENDERS)),
    batch("an empty tender", column("tenders", [[{"type": "", "amount": 1}], []], TENDERS)),
    batch("negative offsets", offsets("id", -7, 7, 14)),
    batch("offsets that fall", offsets("id", 0, 14, 7)),
    batch("offsets past the end", offsets("id", 0, 7, 2**31 - 1)),
    Bad("Arrow: 100,001 facts", 413, "too-large", stream_of(
        pa.concat_tables([table_of([fact("x", lines=most_lines(1))])] * 100_001)
        .combine_chunks()), ARROW),
]

# -- HTTP ----------------------------------------------------------------------------------

PACKED = SALE.replace(b'"bad"', b'"packed"')
ASKED = SALE.replace(b'"bad"', b'"asked"')
GZIPPED = gzip.compress(PACKED, mtime=0)
JSON_HEAD = "Content-Type: application/json"


def media(name: str, kind: str | None) -> Bad:
    """A content type that is unknown."""
    return Bad(f"the type {name}", 415, "unsupported-media", SALE, kind)


def coded(name: str, body: bytes, encoding: str, status: int = 400, slug: str = "") -> Bad:
    """A body under a content encoding."""
    return Bad(f"{encoding}: {name}", status, slug, body, encoding=encoding)


def parameter(query: str) -> Bad:
    """A query that is not understood."""
    return Bad(f"the query {query}", 400, "invalid-parameter", ASKED, query=query)


HTTP_ROWS = [
    media("of nothing", None),
    *(media(kind, kind) for kind in (
        "text/plain", "text/json", "application/jsonp", "application/xml", "json", "*/*",
        "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ";;;",
        "application/vnd.apache.arrow.file", "application/octet-stream",
    )),
    *(coded("unknown", SALE, name, 415, "unsupported-media") for name in (
        "br", "zstd", "compress", "gzip, gzip", "x", "aws-chunked",
    )),
    coded("garbage", b"garbage", "gzip", slug="invalid-body"),
    coded("nothing", b"", "gzip"),
    coded("not coded at all", SALE, "gzip", slug="invalid-body"),
    coded("half", GZIPPED[: len(GZIPPED) // 2], "gzip"),
    coded("no end mark", GZIPPED[:-8], "gzip"),
    coded("a wrong sum", GZIPPED[:-8] + bytes(4) + GZIPPED[-4:], "gzip", slug="invalid-body"),
    coded("more after the end", GZIPPED + b"more", "gzip", slug="invalid-body"),
    coded("garbage", b"garbage", "deflate", slug="invalid-body"),
    coded("a wrong sum", zlib.compress(PACKED)[:-4] + bytes(4), "deflate", slug="invalid-body"),
    coded("70 MiB of blanks", gzip.compress(b" " * (70 << 20), 1), "gzip", 413, "too-large"),
    parameter("?="),
    parameter("?force"),
    parameter("?force="),
    parameter("?force=1"),
    parameter("?force=TRUE"),
    parameter("?force=yes"),
    parameter("?Force=true"),
    parameter("?dry=true"),
    parameter("?force=true&x=1"),
    parameter("?%ff=1"),
    parameter("?force=true&force=false"),
    Bad("100,001 facts", 413, "too-large", b"{}\n" * 100_001, NDJSON),
    Bad("a body beyond its bound", 413, "too-large", b" " * ((64 << 20) + 1)),
    *(Bad(f"{method} of events", 405, "method-not-allowed", b"", None, method=method)
      for method in ("GET", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD")),
    Bad("POST to a member", 405, "method-not-allowed", SALE, path="/v1/members/m-1"),
    Bad("DELETE of a fact", 405, "method-not-allowed", b"", None, method="DELETE",
        path="/v1/events/arrow-1"),
    Bad("POST to readyz", 405, "method-not-allowed", SALE, path="/readyz"),
    *(Bad(f"GET {path[:40]}", 404, "not-found", b"", None, method="GET", path=path) for path in (
        "/", "/v1", "/v1/", "/v1/members/", "/v1/events/", "/v1/events/none",
        "/v1/members/none", "/v1/members/%ff", "/v1/members/%ED%A0%80", "/v1/events/%00",
        "/v1/events/" + "a" * 600, "/v1/members/" + "%D8%B9" * 600, "/v2/events", "//livez",
        "/livez/", "/LIVEZ", "/v1/members/m-1/x", "/../livez", "/%6civez",
    )),
    Bad("POST to another path", 404, "not-found", SALE, path="/v1/event"),
    raw("an unknown method", b"FISH /v1/events HTTP/1.1\r\n" + HEAD + b"\r\n"),
    raw("garbage instead of HTTP", b"garbage\r\n\r\n"),
    raw("TLS on a plain port", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n"),
    raw("NUL in a method", b"G\0T /livez HTTP/1.1\r\n" + HEAD + b"\r\n"),
    raw("raw bytes in a path", b"GET /v1/members/\xff HTTP/1.1\r\n" + HEAD + b"\r\n"),
    raw("an HTTP/2 preface", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    raw("an HTTP/2.0 request line", b"GET /livez HTTP/2.0\r\n" + HEAD + b"\r\n",
        505, "http-version"),
    raw("an HTTP/0.9 request line", b"GET /livez\r\n\r\n", 505, "http-version"),
    raw("no host", b"GET /livez HTTP/1.1\r\n\r\n"),
    raw("a foreign target", b"GET http://elsewhere/livez HTTP/1.1\r\n" + HEAD + b"\r\n",
        404, "not-found"),
    raw("a tunnel", b"CONNECT a:1 HTTP/1.1\r\n" + HEAD + b"\r\n", 404, "not-found"),
    raw("an endless header", b"GET /livez HTTP/1.1\r\nX: " + b"a" * 20_000 + b"\r\n\r\n",
        431, "head-too-large"),
    raw("an endless path", b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\n" + HEAD + b"\r\n",
        414, "target-too-long"),
    raw("two lengths", head(f"{JSON_HEAD}\r\nContent-Length: 3")),
    raw("a negative length", head(f"{JSON_HEAD}\r\nContent-Length: -2", length=False)),
    raw("a length beyond 2^64", head(f"{JSON_HEAD}\r\nContent-Length: {10**30}", length=False)),
    raw("a length and chunks", head(f"{JSON_HEAD}\r\nTransfer-Encoding: chunked", b"0\r\n\r\n")),
    raw("chunks of no size", head(
        f"{JSON_HEAD}\r\nTransfer-Encoding: chunked", b"zz\r\n{}\r\n0\r\n\r\n", False)),
    raw("a chunk longer than it says", head(
        f"{JSON_HEAD}\r\nTransfer-Encoding: chunked", b"2\r\n{}x\r\n0\r\n\r\n", False)),
    raw("an unknown transfer", head(f"{JSON_HEAD}\r\nTransfer-Encoding: x", length=False)),
    raw("a type twice", head(f"{JSON_HEAD}\r\nContent-Type: text/plain")),
    raw("a type of raw bytes", head("Content-Type: \xff\xfe"), 415, "unsupported-media"),
    raw("an encoding of raw bytes", head(f"{JSON_HEAD}\r\nContent-Encoding: \xff"), 415,
        "unsupported-media"),
]

ROWS = [*JSON_ROWS, *ARROW_ROWS, *HTTP_ROWS]

# -- tests ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with servers.serving(tmp_path_factory.mktemp("bad") / "ledger") as running:
        for number in range(3):
            assert running.post(fact(f"before-{number}")).status == 201
        yield running
        reader(running.ledger).close()


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_bad_input_is_refused_and_changes_nothing(server: Server, row: Bad) -> None:
    before = state(server)
    status, slug = send(server, row)
    assert status == row.status
    assert not row.slug or slug == row.slug
    assert state(server) == before


def test_the_table_is_as_long_as_it_should_be() -> None:
    names = [row.name for row in ROWS]
    assert len(set(names)) == len(names) >= 120


def test_the_good_forms_of_the_table_are_taken(server: Server) -> None:
    # The rows above are refused for what is wrong in them, not for their common part.
    bodies = [
        SALE.replace(b'"bad"', b'"good-1"'),
        catalog(id="good-2"),
        line().replace(b'"bad"', b'"good-3"'),
        lines(("a", 1_000, 100), ("a", -1_000, -100)).replace(b'"bad"', b'"good-4"'),
        net(str(AMOUNT)).replace(b'"bad"', b'"good-5"'),
    ]
    for body in bodies:
        assert server.post(body).status == 201
    assert [row["status"] for row in server.post(STREAM, ARROW).table()] == ["ok", "ok"]
    for name, packed in (
        ("gzip", gzip.compress(SALE.replace(b'"bad"', b'"good-gzip"'))),
        ("deflate", zlib.compress(SALE.replace(b'"bad"', b'"good-deflate"'))),
    ):
        assert server.post(packed, Content_Encoding=name).status == 201


def test_bounds_are_taken_at_their_limit(server: Server) -> None:
    facts = [
        fact("ع" * 64, member="m" * 64, store="s" * 64, terminal="𐏑" * 16),
        fact("limit-1", lines=[{"sku": "ع" * 32, "quantity": AMOUNT, "net": AMOUNT}]),
        fact("limit-2", lines=most_lines(10_000)),
        fact("limit-3", tenders=[{"type": "t" * 64, "amount": -AMOUNT}] * 100),
        fact("limit-4", lines=[{"sku": "a", "quantity": 0, "net": 0, "line": 10**6}]),
        fact("limit-5", tenders=[], store="", terminal=""),
    ]
    for one in facts:
        assert server.post({**one, "member": one["member"]}).status == 201, one["id"]
    made = {"sku": "x" * 64, "category": "c" * 200, "brand": "b" * 64, "supplier": "s" * 64}
    assert server.post(catalog(id="c" * 128, products=[made])).status == 201


def test_bad_lines_are_told_apart_by_number(server: Server) -> None:
    rows = [row for row in JSON_ROWS if row.body.strip() and b"\n" not in row.body
            and not row.query and len(row.body) < 10_000]
    assert len(rows) > 120
    before = state(server)
    good = dumps(fact("before-0"))
    # The table's own ids must be new ones, whatever became of its rows.
    bodies = [row.body.replace(b'"bad"', b'"bad line"') for row in rows]
    body = b"\n".join(part for bad in bodies for part in (good, bad)) + b"\n"
    reply = server.post(body, NDJSON)
    assert reply.status == 200
    results = reply.rows()
    assert [result["line"] for result in results] == list(range(1, 2 * len(rows) + 1))
    assert {result["status"] for result in results[::2]} == {"replayed"}
    wrong = {
        row.name: (result["status"], result.get("problem", {}).get("type"))
        for row, result in zip(rows, results[1::2], strict=True)
        if result["status"] != "refused"
        or result["problem"]["type"] != f"urn:vafa:problem:{row.slug}"
        or result["problem"]["status"] != row.status
    }
    assert wrong == {}
    assert state(server) == before


@pytest.mark.parametrize("pause", [0.0, 0.2], ids=["at once", "after its head"])
@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_a_body_cut_short_is_refused_when_it_ends(
    server: Server, encoding: str, pause: float
) -> None:
    before = state(server)
    whole = gzip.compress(PACKED) if encoding == "gzip" else zlib.compress(PACKED)
    body = whole[:-30]
    top = head(f"{JSON_HEAD}\r\nContent-Encoding: {encoding}", body)[: -len(body)]
    with socket.create_connection((servers.HOST, server.port), timeout=5) as sock:
        sock.sendall(top)
        time.sleep(pause)
        sock.sendall(body)
        assert sock.recv(65_536).startswith(b"HTTP/1.1 400 ")
    assert state(server) == before


def test_malformed_requests_do_not_spill_into_the_log(server: Server) -> None:
    # A stack trace a bad byte fills disks, and what stands in a request is personal.
    secret = b"Personal-Name"
    before = len(server.said())
    server.raw(b"GET /v1/members/\xff" + secret + b" HTTP/1.1\r\n" + HEAD + b"\r\n")
    said = server.said()[before:]
    assert "Traceback" not in said
    assert secret.decode() not in said


def test_the_server_never_failed(server: Server) -> None:
    said = server.said()
    assert re.findall(r"[A-Z]+ /\S* failed", said) == []
    assert 'status="500"' not in server.get("/metrics").body.decode()
    assert server.process.poll() is None
