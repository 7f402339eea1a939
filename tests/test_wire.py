"""Two readers of one form: what the native one takes, the strict one takes, with one content."""

from __future__ import annotations

import datetime as dt
import json
import os
import random
import re
from itertools import accumulate
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vafa.engine.facts import parts
from vafa.engine.facts.parts import MOST_AMOUNT, FormError
from vafa.engine.wire.arrow_sales import ArrowFacts
from vafa.engine.wire.json_facts import decode_fact, decode_strictly
from vafa.engine.wire.json_lines import read_lines
from vafa.native.jsonkeys import duplicate_key
from vafa.native.wire import Sale, parse_sale

EXAMPLES = int(os.environ.get("VAFA_EXAMPLES", "0")) or 5_000
WRITINGS = 20
"""Bodies, or mutants, that are made of one drawn sale: drawing costs more than reading."""

MANY = settings(
    max_examples=max(1, EXAMPLES // WRITINGS), deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)

# -- valid sales -------------------------------------------------------------------------------

UNSEEN = (
    "\x7f\x80\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b\u180f\u200b\u200e\u200f\u2028\u202e"
    "\u2060\u2066\u206f\u3164\ufeff\uffa0\ufff9\ufffb\U000e0000\U000e0fff"
)
"""Bounds of what no name holds (`engine.facts.parts.UNSEEN`)."""
LETTERS = st.characters(
    exclude_categories=["Cs", "Cc", "Zl", "Zp"], min_codepoint=32,
    exclude_characters=[letter for letter in map(chr, range(0x20, 0x110000))
                        if re.match(f"[{parts.UNSEEN}]", letter)],
)  # fmt: skip


def names(most: int) -> st.SearchStrategy[str]:
    """Names of at most so many bytes, some of them at the bound."""
    short = st.text(LETTERS, min_size=1, max_size=12)
    full = st.sampled_from(["a", "ع", "€", "𐏑"]).map(lambda c: c * (most // len(c.encode())))
    odd = st.sampled_from(['"', "\\", "/", "\u200c", "علی", "é", "{", "}]", ":", ","])
    return st.one_of(short, full, odd).filter(
        lambda text: len(text.encode()) <= most and not text.isspace()
    )


FIGURES = st.one_of(
    st.integers(0, MOST_AMOUNT), st.integers(0, 100), st.sampled_from([0, 1, MOST_AMOUNT])
)
AMOUNTS = st.one_of(FIGURES, FIGURES.map(lambda n: -n))


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


def write(value: Any, random: random.Random) -> str:
    """JSON as nobody writes it: any order of members, white space anywhere."""
    if isinstance(value, dict):
        items = random.sample(list(value.items()), len(value))
        rows = [f"{write(key, random)}:{write(inner, random)}" for key, inner in items]
        text = "{" + ",".join(rows) + "}"
    elif isinstance(value, list):
        text = "[" + ",".join(write(inner, random) for inner in value) + space(random) + "]"
    elif value == 0 and random.random() < 0.5:
        text = "-0"
    else:
        text = json.dumps(value, ensure_ascii=False)
    return space(random) + text + space(random)


def space(random: random.Random) -> str:
    """Some white space, more often none."""
    return "".join(random.choices(" \t\n\r", k=random.choice((0, 0, 0, 1, 2))))


SEEDS = st.integers(0, 2**32)


PLAIN = json.dumps({
    "id": "f-1", "kind": "sale", "occurred_at": "2024-03-01T12:00:00.5+03:30", "member": "m",
    "lines": [{"sku": "milk", "quantity": 1000, "net": 1250}],
    "store": "1", "terminal": "t", "tenders": [{"type": "cash", "amount": 1250}],
}).encode()  # fmt: skip


def content_of(sale: Any) -> tuple[Any, ...]:
    """Id and content of a decoded sale."""
    assert isinstance(sale, Sale)
    return (sale.id, sale.n_lines, *sale.content())


def contents_in_columns(bodies: list[bytes]) -> list[tuple[Any, ...] | None]:
    """Id and content of each line's sale as it comes out of columns; None where it is not there."""
    found: list[tuple[Any, ...] | None] = [None] * len(bodies)
    lines = read_lines(b"\n".join(bodies))
    taken = {int(number) - 1: row for row, number in enumerate(lines.numbers)}
    begins = [0, *accumulate(len(body) + 1 for body in bodies)]
    others = {number - 1: (begin, end) for number, begin, end in lines.others}
    assert len(taken) + len(others) == len(lines.numbers) + len(lines.others)
    for place, body in enumerate(bodies):
        whole = begins[place], begins[place] + len(body)
        assert others.get(place, whole) == whole
        # A blank line is in neither.
        assert (place in taken) + (place in others) == 1 or not body.strip(b" \t\r")
    if taken:
        sales = ArrowFacts(pa.Table.from_batches([lines.batch]))
        plain = ArrowFacts.plain(lines.batch)
        for place, row in taken.items():
            content = sales.content(row)
            assert plain.content(row) == content
            found[place] = sales.ids[row], len(content[5]), *content
    return found


def agreed(bodies: list[bytes]) -> list[bool]:
    """Which of some bodies the native readers took; if so the strict one does, with equal content.

    In columns they are read together: most of what one of them would cost is the same for all.
    """
    sales = [parse_sale(body) for body in bodies]
    alone = [place for place, body in enumerate(bodies) if b"\n" not in body]
    in_columns = contents_in_columns([bodies[place] for place in alone])
    for place, there in zip(alone, in_columns, strict=True):
        sale = sales[place]
        alike = None if sale is None or not sale.member else content_of(sale)
        assert there == alike, bodies[place]
    for sale, body in zip(sales, bodies, strict=True):
        if sale is not None:
            assert content_of(sale) == content_of(decode_strictly(body))
            assert content_of(Sale.of(*sale.parts())) == content_of(sale)
    return [sale is not None for sale in sales]


def assert_agreement(body: bytes) -> bool:
    """As `agreed`, of one."""
    return agreed([body])[0]


@MANY
@given(facts(), SEEDS)
def test_valid_sales_are_read_alike(fact: dict[str, Any], seed: int) -> None:
    draw = random.Random(seed)
    bodies = [write(fact, draw).encode() for _ in range(WRITINGS)]
    for taken, body in zip(agreed(bodies), bodies, strict=True):
        # Only an escape sends a sale of the common form to the strict decoder.
        assert taken or b"\\" in body
        assert content_of(decode_fact(body)) == content_of(decode_strictly(body))


@MANY
@given(facts())
def test_what_is_read_is_what_was_written(fact: dict[str, Any]) -> None:
    sale = decode_fact(json.dumps(fact, ensure_ascii=False).encode())
    at = dt.datetime.fromisoformat(fact["occurred_at"])
    assert content_of(sale) == (
        fact["id"],
        len(fact["lines"]),
        0,
        (at - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)) // dt.timedelta(microseconds=1),
        fact["member"],
        fact.get("store", ""),
        fact.get("terminal", ""),
        tuple((n, x["sku"], x["quantity"], x["net"]) for n, x in enumerate(fact["lines"], 1)),
        tuple((x["type"], x["amount"]) for x in fact.get("tenders", [])),
        None,
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


KINDS = (
    *("same",) * 12, "flip", "byte", "cut", "twice", "splice", "piece", "piece", "swap",
)  # fmt: skip
ALIKE = (b"0123456789", b"+-Z.", b" \t\r\n", b"abcdefghijklmnopqrstuvwxyz", b"{}[],:")


def mutant(body: bytes, draw: random.Random) -> bytes:
    """A body with a few changes at random places."""
    changed = bytearray(body)
    for _ in range(draw.choice((1, 1, 1, 2, 3))):
        at = draw.randint(0, len(changed))
        end = min(len(changed), at + draw.randint(1, 12))
        match draw.choice(KINDS):
            case "same" if at < len(changed):
                alike = next((kind for kind in ALIKE if changed[at] in kind), bytes(range(256)))
                changed[at] = draw.choice(alike)
            case "flip" if at < len(changed):
                changed[at] ^= 1 << draw.randrange(8)
            case "byte" if at < len(changed):
                changed[at] = draw.randrange(256)
            case "cut":
                del changed[at:end]
            case "twice":
                changed[at:at] = changed[at:end]
            case "splice":
                start = draw.randrange(len(PLAIN))
                changed[at:end] = PLAIN[start : start + draw.randint(0, 40)]
            case "piece":
                changed[at : draw.choice((at, end))] = draw.choice(PIECES)
            case "swap":
                piece = changed[at:end]
                del changed[at:end]
                to = draw.randint(0, len(changed))
                changed[to:to] = piece
    return bytes(changed)


@MANY
@given(facts(), SEEDS)
def test_what_the_native_reader_takes_the_strict_one_takes(
    fact: dict[str, Any], seed: int
) -> None:
    draw = random.Random(seed)
    bodies = [mutant(write(fact, draw).encode(), draw) for _ in range(WRITINGS)]
    bodies += [mutant(PLAIN, draw) for _ in range(5 * WRITINGS)]
    agreed(bodies)
    assert_agreement(draw.choice(bodies))


def test_mutants_are_often_still_sales() -> None:
    # If none were, the test above would show nothing.
    draw = random.Random(1)
    taken = sum(agreed([mutant(PLAIN, draw) for _ in range(2_000)]))
    assert 100 < taken < 1_900


@MANY
@given(SEEDS)
def test_the_strict_reader_takes_nothing_that_json_refuses(seed: int) -> None:
    draw = random.Random(seed)
    for _ in range(WRITINGS):
        body = mutant(PLAIN, draw)
        try:
            fact = decode_fact(body)
        except FormError as error:
            slug = error.slug
            assert slug in ("invalid-json", "invalid-fact", "duplicate-member")
            continue
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
    **{f"U+{ord(letter):04X}": (b"f-1", letter.encode(), False) for letter in UNSEEN},
    **{f"U+{ord(letter):04X}": (b"f-1", letter.encode(), True) for letter in (
        "~\xac\xae\u034e\u0350\u061b\u061d\u115e\u1161\u17b3\u17b6\u180a\u1810\u200c\u200d\u2010\u2027\u205e"
        "\u2070\u3163\u3165\ufefe\uff00\uff9f\uffa1\ufff8\ufffc\uffff\U000dffff\U000e1000")},
    **{f"blank U+{ord(letter):04X}": (b"f-1", f"{letter} {letter}".encode(), False)
       for letter in " \xa0\u1680\u2000\u200a\u202f\u205f\u3000"},
    "not all of it blank": (b"f-1", " \xa0a\u3000".encode(), True),
    "a bank card": (b'"m"', b'"4111111111111111"', False),
    "a bank card in groups": (b'"m"', b'"4111 1111-1111 1111"', False),
    "a bank card as a tender": (b'"cash"', b'"378282246310005"', False),
    "a bank card in Persian digits": (b'"m"', '"۴۱۱۱۱۱۱۱۱۱۱۱۱۱۱۱"'.encode(), False),
    "a bank card in Arabic digits": (b'"m"', '"٤١١١ ١١١١ ١١١١ ١١١١"'.encode(), False),
    "a bank card in full width": (b'"m"', '"４１１１１１１１１１１１１１１１"'.encode(), False),
    "a bank card between dots": (b'"m"', b'"4111.1111/1111_1111"', False),
    "a bank card between hyphens": (b'"m"', '"4111‐1111\xa01111‑1111"'.encode(), False),
    "no bank card in Persian digits": (b'"m"', '"۴۱۱۱۱۱۱۱۱۱۱۱۱۱۱۲"'.encode(), True),
    "no bank card, for its last digit": (b'"m"', b'"4111111111111112"', True),
    "no bank card, for its length": (b'"m"', b'"41111111111111115"', True),
    "a bank card as an id": (b"f-1", b"4111111111111111", True),
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

KEYS = ("a", "b", "id", "{", "}", ":", ",", "[", "é", "", "\"", "\\", "\n")
LEAVES = (None, True, False, 0, -1.5, 10**20, "", "a", '"', "\\", '"a":', "{", "}", "é", "\n")


class Pairs(list[tuple[str, Any]]):
    """An object as its members in order, any of which may be there twice."""


def value_of(draw: random.Random, depth: int = 0) -> Any:
    """A random JSON value."""
    kind = draw.random()
    if depth == 15 or kind < 0.3 + depth / 10:
        return draw.choice(LEAVES)
    inner = [value_of(draw, depth + 1) for _ in range(draw.randint(0, 4))]
    if kind > 0.8:
        return inner
    keys = KEYS if draw.random() < 0.2 else KEYS[:10]
    return Pairs((draw.choice(keys), one) for one in inner)


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


@MANY
@given(SEEDS, st.booleans())
def test_duplicate_members_are_found(seed: int, ascii_values: bool) -> None:
    draw = random.Random(seed)
    for _ in range(WRITINGS):
        value = value_of(draw)
        text = json_text(value, ascii_values).encode()
        try:
            duplicate = duplicate_key(text)
        except ValueError:
            assert has_escaped_key(value)
            continue
        # A member that is there twice may stand before one with an escape.
        assert duplicate is not None or not has_escaped_key(value)
        assert (duplicate is not None) == python_duplicate(text)
        if duplicate is not None:
            assert text.count(b'"' + duplicate + b'"') >= 2


def test_bounds_of_the_scan() -> None:
    assert duplicate_key(b"[" * 16 + b"]" * 16) is None
    with pytest.raises(ValueError, match="nested"):
        duplicate_key(b"[" * 17 + b"]" * 17)
    members = [f'"k{n}": 0' for n in range(129)]
    assert duplicate_key(("{" + ",".join(members[:128]) + "}").encode()) is None
    assert duplicate_key(("{" + ",".join([*members[:128], '"k0": 1']) + "}").encode()) == b"k0"
    with pytest.raises(ValueError, match="many"):
        duplicate_key(("{" + ",".join(members) + "}").encode())


def test_values_are_not_taken_for_keys() -> None:
    assert duplicate_key(b'{"a": "a", "b": "a", "c": ["a", "a", {"a": "a"}]}') is None
    assert duplicate_key(b'{"a": {"b": 1}, "b": {"b": 1}}') is None
    assert duplicate_key(b'[{"a": 1}, {"a": 1}]') is None
    assert duplicate_key(b'{"c": [{"a": 1, "b": 2, "a": 3}]}') == b"a"
    assert duplicate_key(rb'{"a": "\"", "b": "\\", "a": 0}') == b"a"
    assert duplicate_key(b'{"a": {"x": 1}, "a": 2}') == b"a"
