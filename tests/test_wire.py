"""Two readers of one form: what the native one takes, the strict one takes, with one content."""

from __future__ import annotations

import datetime as dt
import json
import os
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from vafa.engine.facts import MOST_AMOUNT, FormError
from vafa.engine.wire_json import decode_fact, decode_strictly
from vafa.native.jsonkeys import duplicate_key
from vafa.native.wire import Sale, parse_sale

EXAMPLES = int(os.environ.get("VAFA_EXAMPLES", "0")) or 5_000
MANY = settings(
    max_examples=EXAMPLES, deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)

# -- valid sales -------------------------------------------------------------------------------

LETTERS = st.characters(exclude_categories=("Cs",), exclude_characters="".join(map(chr, range(32))))


def names(most: int) -> st.SearchStrategy[str]:
    """Names of at most so many bytes, some of them at the bound."""
    short = st.text(LETTERS, min_size=1, max_size=12)
    full = st.sampled_from(["a", "ع", "€", "𐏑"]).map(lambda c: c * (most // len(c.encode())))
    odd = st.sampled_from(['"', "\\", "/", "\x7f", "\u2028", "علی", "é", "{", "}]", ":", ","])
    return st.one_of(short, full, odd).filter(lambda text: len(text.encode()) <= most)


FIGURES = st.one_of(
    st.integers(0, MOST_AMOUNT), st.integers(0, 100), st.sampled_from([0, 1, MOST_AMOUNT])
)
AMOUNTS = st.one_of(FIGURES, FIGURES.map(lambda n: -n))
SPACE = st.text(" \t\n\r", max_size=3)


@st.composite
def instants(draw: st.DrawFn) -> str:
    """Instants as text: any offset, none to six places of a second."""
    moment = draw(st.datetimes(dt.datetime(1970, 1, 2), dt.datetime(2169, 8, 19)))
    text = moment.replace(microsecond=0).isoformat()
    places = draw(st.integers(0, 6))
    if places:
        text += "." + draw(st.text("0123456789", min_size=places, max_size=places))
    hours, minutes = draw(st.integers(0, 23)), draw(st.integers(0, 59))
    offset = f"{draw(st.sampled_from('+-'))}{hours:02}:{minutes:02}"
    return text + draw(st.sampled_from(["Z", "+00:00", "-00:00", offset]))


@st.composite
def facts(draw: st.DrawFn) -> dict[str, Any]:
    """Sales in the common form."""
    fact: dict[str, Any] = {
        "id": draw(names(128)),
        "kind": "sale",
        "occurred_at": draw(instants()),
        "member": draw(names(64)),
        "lines": draw(st.lists(
            st.fixed_dictionaries({"sku": names(64), "quantity": FIGURES, "net": FIGURES}),
            min_size=1, max_size=6,
        )),
    }
    for name in ("store", "terminal"):
        if draw(st.booleans()):
            fact[name] = draw(st.one_of(st.just(""), names(64)))
    if draw(st.booleans()):
        fact["tenders"] = draw(st.lists(
            st.fixed_dictionaries({"type": names(64), "amount": AMOUNTS}), max_size=4
        ))
    return fact


class Writer:
    """JSON as nobody writes it: any order of members, white space anywhere."""

    def __init__(self, draw: st.DrawFn) -> None:
        self.draw = draw

    def space(self) -> str:
        """Some white space."""
        return self.draw(SPACE)

    def text(self, value: Any) -> str:
        """A value as text."""
        if isinstance(value, dict):
            items = self.draw(st.permutations(list(value.items())))
            rows = [f"{self.text(k)}{self.space()}:{self.text(v)}" for k, v in items]
            inner = "{" + ",".join(rows) + "}"
        elif isinstance(value, list):
            inner = "[" + ",".join(map(self.text, value)) + self.space() + "]"
        elif value == 0 and not isinstance(value, str) and self.draw(st.booleans()):
            inner = "-0"
        else:
            inner = json.dumps(value, ensure_ascii=False)
        return self.space() + inner + self.space()


@st.composite
def bodies(draw: st.DrawFn) -> bytes:
    """Valid sales as bytes."""
    return Writer(draw).text(draw(facts())).encode()


PLAIN = json.dumps({
    "id": "f-1", "kind": "sale", "occurred_at": "2024-03-01T12:00:00.5+03:30", "member": "m",
    "lines": [{"sku": "milk", "quantity": 1000, "net": 1250}],
    "store": "1", "terminal": "t", "tenders": [{"type": "cash", "amount": 1250}],
}).encode()  # fmt: skip


def content_of(sale: Any) -> tuple[Any, ...]:
    """Id and content of a decoded sale."""
    assert isinstance(sale, Sale)
    return (sale.id, sale.n_lines, *sale.content())


def assert_agreement(body: bytes) -> bool:
    """Whether the native reader took it; if so the strict one does, with equal content."""
    sale = parse_sale(body)
    if sale is None:
        return False
    assert content_of(sale) == content_of(decode_strictly(body))
    assert content_of(Sale.of(*sale.parts())) == content_of(sale)
    return True


@MANY
@given(bodies())
def test_valid_sales_are_read_alike(body: bytes) -> None:
    taken = assert_agreement(body)
    # Only an escape sends a sale of the common form to the strict decoder.
    assert taken or b"\\" in body
    assert content_of(decode_fact(body)) == content_of(decode_strictly(body))


@settings(MANY, max_examples=max(500, EXAMPLES // 10))
@given(facts())
def test_what_is_read_is_what_was_written(fact: dict[str, Any]) -> None:
    sale = decode_fact(json.dumps(fact, ensure_ascii=False).encode())
    at = dt.datetime.fromisoformat(fact["occurred_at"])
    assert content_of(sale) == (
        fact["id"],
        len(fact["lines"]),
        (at - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)) // dt.timedelta(microseconds=1),
        fact["member"],
        fact.get("store", ""),
        fact.get("terminal", ""),
        tuple((n, x["sku"], x["quantity"], x["net"]) for n, x in enumerate(fact["lines"], 1)),
        tuple((x["type"], x["amount"]) for x in fact.get("tenders", [])),
    )


def test_the_plain_form_is_read_natively() -> None:
    assert assert_agreement(PLAIN)


# -- mutations ---------------------------------------------------------------------------------

PIECES = (
    b'"', b"\\", b",", b":", b"{", b"}", b"[", b"]", b"0", b"-", b".", b"e5", b" ", b"\0", b"\x1f",
    b"\xff", b"\xed\xa0\x80", b"\xc0\x80", b"null", b"true", b"NaN", b"1e3", b"-0", b"00", b"Z",
    b"+24:00", b"-00:00", b"T", b"t", b"z", b":60", b"0000", b"9" * 20, b"1" + b"0" * 12,
    b'"id":"x",', b'"store":"",', b'"line":1,', b'"voids":1,', b'"kind":"catalog",', b'""',
    b"\\u0069", b"[]", b"{}", b"\xef\xbb\xbf", b"2024-02-29", b"1969-12-31", b"2169-08-21",
)  # fmt: skip


@st.composite
def mutants(draw: st.DrawFn) -> bytes:
    """A valid body with a few changes at random places."""
    body = bytearray(draw(st.one_of(st.just(PLAIN), bodies())))
    other = draw(st.one_of(st.just(PLAIN), bodies()))
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(body)))
        end = min(len(body), at + draw(st.integers(1, 12)))
        match draw(st.sampled_from(["flip", "byte", "cut", "twice", "splice", "piece", "swap"])):
            case "flip" if at < len(body):
                body[at] ^= 1 << draw(st.integers(0, 7))
            case "byte" if at < len(body):
                body[at] = draw(st.integers(0, 255))
            case "cut":
                del body[at:end]
            case "twice":
                body[at:at] = body[at:end]
            case "splice":
                start = draw(st.integers(0, len(other)))
                body[at:end] = other[start : start + draw(st.integers(0, 40))]
            case "piece":
                body[at : draw(st.sampled_from([at, end]))] = draw(st.sampled_from(PIECES))
            case "swap":
                piece = body[at:end]
                del body[at:end]
                to = draw(st.integers(0, len(body)))
                body[to:to] = piece
    return bytes(body)


@MANY
@given(mutants())
def test_what_the_native_reader_takes_the_strict_one_takes(body: bytes) -> None:
    assert_agreement(body)


@settings(MANY, max_examples=max(500, EXAMPLES // 10))
@given(mutants())
def test_the_strict_reader_takes_nothing_that_json_refuses(body: bytes) -> None:
    try:
        fact = decode_fact(body)
    except FormError as error:
        assert error.slug in ("invalid-json", "invalid-fact", "duplicate-member")  # noqa: PT017
        return
    found = json.loads(body, parse_constant=pytest.fail)
    assert fact.id == found["id"]
    assert python_duplicate(body) is False


# Bounds, each with whether the native reader takes it; agreement is asked of all.
EDGES: dict[str, tuple[bytes, bytes, bool]] = {
    "the last instant": (b"2024-03-01T12:00:00.5+03:30", b"2169-08-21T15:59:59.999999Z", True),
    "the first instant": (b"2024-03-01T12:00:00.5+03:30", b"1970-01-01T00:00:00Z", True),
    "the first by an offset": (
        b"2024-03-01T12:00:00.5+03:30", b"1970-01-01T23:59:00+23:59", True),
    "before the first": (b"2024-03-01T12:00:00.5+03:30", b"1970-01-01T00:00:00+00:01", False),
    "a leap day": (b"2024-03-01", b"2024-02-29", True),
    "no leap day": (b"2024-03-01", b"2100-02-29", False),
    "a leap day of 2000": (b"2024-03-01", b"2000-02-29", True),
    "a leap second": (b"12:00:00.5", b"23:59:60", False),
    "hour 24": (b"12:00:00.5", b"24:00:00", False),
    "offset 24": (b"+03:30", b"+24:00", False),
    "offset minute 60": (b"+03:30", b"+03:60", False),
    "seven places": (b".5+", b".1234567+", False),
    "a comma": (b".5+", b",5+", False),
    "a point alone": (b".5+", b".+", False),
    "lower case t": (b"T12", b"t12", False),
    "13 digits": (b"1250}]", b"1000000000000}]", True),
    "one past the bound": (b'"net": 1250', b'"net": 1000000000001', False),
    "14 digits": (b'"net": 1250', b'"net": 10000000000000', False),
    "minus zero": (b'"net": 1250', b'"net": -0', True),
    "a leading zero": (b'"net": 1250', b'"net": 00', False),
    "minus a leading zero": (b'"net": 1250', b'"net": -01', False),
    "a float": (b'"net": 1250', b'"net": 1250.0', False),
    "an exponent": (b'"net": 1250', b'"net": 125e1', False),
    "a number at the end": (b'"net": 1250}', b'"net": 1250', False),
    "an id of 128": (b"f-1", b"f" * 128, True),
    "an id of 129": (b"f-1", b"f" * 129, False),
    "no id": (b"f-1", b"", False),
    "DEL": (b"f-1", b"\x7f", True),
    "NUL": (b"f-1", b"\0", False),
    "an escaped slash": (b"f-1", rb"a\/b", False),
    "the last letter": (b"f-1", "\U0010ffff".encode(), True),
    "beyond the last": (b"f-1", b"\xf4\x90\x80\x80", False),
    "half a letter": (b"f-1", b"\xd8", False),
    "a form feed": (b', "kind"', b',\f"kind"', False),
    "white space after": (b"1250}]}", b"1250}]} \r\n\t", True),
    "NUL after": (b"1250}]}", b"1250}]}\0", False),
    "a void": (b'"quantity": 1000', b'"quantity": -1000', False),
    "a line's place": (b'"sku"', b'"line": 1, "sku"', False),
}


@pytest.mark.parametrize("name", EDGES)
def test_edges_are_read_alike(name: str) -> None:
    old, new, native = EDGES[name]
    assert PLAIN.count(old) >= 1
    assert assert_agreement(PLAIN.replace(old, new, 1)) == native


def test_many_lines_and_tenders_are_read_alike() -> None:
    fact = json.loads(PLAIN)
    for field, bound in (("lines", 10_000), ("tenders", 100)):
        for count, native in ((bound, True), (bound + 1, False)):
            body = json.dumps({**fact, field: fact[field] * count}).encode()
            assert assert_agreement(body) == native
            if not native:
                with pytest.raises(FormError):
                    decode_strictly(body)


# -- duplicate members ---------------------------------------------------------------------------

KEYS = st.one_of(st.sampled_from(["a", "b", "id", "{", "}", ":", ",", "[", "é", ""]),
                 st.text(LETTERS, max_size=3))  # fmt: skip


class Pairs(list[tuple[str, Any]]):
    """An object as its members in order, any of which may be there twice."""


VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=8), KEYS,
              st.floats(allow_nan=False, allow_infinity=False)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.lists(st.tuples(KEYS, inner), max_size=5).map(Pairs),
    ),
    max_leaves=20,
)  # fmt: skip


def json_text(value: Any, ascii_values: bool) -> str:
    """JSON of a value; keys are written without needless escapes."""
    if isinstance(value, Pairs):
        rows = (f"{json.dumps(key, ensure_ascii=False)}: {json_text(inner, ascii_values)}"
                for key, inner in value)
        return "{" + ", ".join(rows) + "}"
    if isinstance(value, list):
        return "[" + ",".join(json_text(inner, ascii_values) for inner in value) + "]"
    return json.dumps(value, ensure_ascii=ascii_values)


def python_duplicate(text: bytes) -> bool:
    """Whether an object has a member twice, by the standard library."""
    found = []

    def look(pairs: list[tuple[str, Any]]) -> None:
        found.append(len({key for key, _ in pairs}) < len(pairs))

    json.loads(text, object_pairs_hook=look)
    return any(found)


def has_escaped_key(value: Any) -> bool:
    """Whether a key is written with an escape, which no field's name needs."""
    if isinstance(value, Pairs):
        return any(
            "\\" in json.dumps(key, ensure_ascii=False) or has_escaped_key(inner)
            for key, inner in value
        )
    return isinstance(value, list) and any(map(has_escaped_key, value))


def depth(value: Any) -> int:
    """Levels of nesting."""
    if not isinstance(value, list):
        return 0
    inner = [x for _, x in value] if isinstance(value, Pairs) else value
    return 1 + max(map(depth, inner), default=0)


@settings(MANY, max_examples=max(2_000, EXAMPLES // 2))
@given(VALUES, st.booleans())
def test_duplicate_members_are_found(value: Any, ascii_values: bool) -> None:
    assume(depth(value) <= 16)
    text = json_text(value, ascii_values).encode("utf-8", "surrogatepass")
    if has_escaped_key(value):
        with pytest.raises(ValueError, match="escape"):
            duplicate = duplicate_key(text)
            # A member that is there twice may stand before the one with the escape.
            assert duplicate is not None
            raise ValueError("escape")
        return
    duplicate = duplicate_key(text)
    assert (duplicate is not None) == python_duplicate(text)
    if duplicate is not None:
        assert text.count(b'"' + duplicate + b'"') >= 2


def test_bounds_of_the_scan() -> None:
    assert duplicate_key(b"[" * 16 + b"]" * 16) is None
    with pytest.raises(ValueError, match="nested"):
        duplicate_key(b"[" * 17 + b"]" * 17)
    members = [f'"k{n}": 0' for n in range(33)]
    assert duplicate_key(("{" + ",".join(members[:32]) + "}").encode()) is None
    assert duplicate_key(("{" + ",".join([*members[:32], '"k0": 1']) + "}").encode()) == b"k0"
    with pytest.raises(ValueError, match="many"):
        duplicate_key(("{" + ",".join(members) + "}").encode())


def test_values_are_not_taken_for_keys() -> None:
    assert duplicate_key(b'{"a": "a", "b": "a", "c": ["a", "a", {"a": "a"}]}') is None
    assert duplicate_key(b'{"a": {"b": 1}, "b": {"b": 1}}') is None
    assert duplicate_key(b'[{"a": 1}, {"a": 1}]') is None
    assert duplicate_key(b'{"c": [{"a": 1, "b": 2, "a": 3}]}') == b"a"
    assert duplicate_key(rb'{"a": "\"", "b": "\\", "a": 0}') == b"a"
    assert duplicate_key(b'{"a": {"x": 1}, "a": 2}') == b"a"
