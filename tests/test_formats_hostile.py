"""Files that are damaged or meant to harm: told as errors, within bounds, and nothing else."""

from __future__ import annotations

import io
import itertools
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vafa.engine.checks.holiday_calendars import read_overrides
from vafa.engine.checks.program_file import ProgramError
from vafa.engine.facts.parts import FormError
from vafa.engine.formats import documents, moadian, poslog
from vafa.engine.formats.found import Skipped
from vafa.engine.formats.mapping_file import completed, parse_mapping, read_mapping
from vafa.engine.formats.readers import reader_of
from vafa.engine.formats.settings import Mapping
from vafa.native.wire import Sale
from vafa.server.outbox import read_outbox_file

from . import one_day
from .golden_files import GOLDEN, cases, mapping_at, program

CASES = cases()


def found(mapping: Mapping, content: bytes) -> tuple[list[Any], FormError | None]:
    """What a reader makes of a content: facts decoded, errors and reasons; and how it ended."""
    out: list[Any] = []
    try:
        for one in reader_of(mapping)(io.BytesIO(content), mapping):
            assert isinstance(one.raw(), str)
            try:
                out.append(one.decoded())
            except FormError as error:
                out.append(error)
    except FormError as error:
        return out, error
    return out, None


def told(one: Any) -> object:
    """What a reader made of a record, to compare it."""
    return one.content() if isinstance(one, Sale) else repr(one)


def of(form: str) -> Mapping:
    """The settings of a format that has only the common ones."""
    return completed(parse_mapping(f'format = "{form}"\n'), program("USD", 2, "UTC"))


# -- damage ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", CASES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_a_file_cut_anywhere_gives_its_beginning_or_an_error(path: Path) -> None:
    mapping, content = mapping_at(path.with_suffix(".toml")), path.read_bytes()
    whole, _ = found(mapping, content)
    as_told = [*map(told, whole)]
    for end in range(0, len(content), max(1, len(content) // 60)):
        part, _ = found(mapping, content[:end])
        # What stands at the cut may be a part of a receipt, and a row that is none.
        others = [one for one in part if told(one) not in as_told]
        assert len(others) <= 2, (end, others)
        assert len(part) <= len(whole) + 1


@pytest.mark.parametrize("path", CASES, ids=lambda path: f"{path.parent.name}/{path.name}")
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(edits=st.lists(st.tuples(st.integers(0, 10**6), st.binary(max_size=4)), max_size=6))
def test_damaged_files_raise_nothing_else(path: Path, edits: list[tuple[int, bytes]]) -> None:
    content = bytearray(path.read_bytes())
    for place, text in edits:
        at = place % len(content)
        content[at : at + len(text)] = text
    found(mapping_at(path.with_suffix(".toml")), bytes(content))


@pytest.mark.parametrize("form", ["xlsx", "parquet"])
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(edits=st.lists(st.tuples(st.integers(0, 10**6), st.binary(max_size=4)), max_size=6),
       cut=st.integers(0, 10**6))  # fmt: skip
def test_damaged_tables_raise_nothing_else(
    form: str, edits: list[tuple[int, bytes]], cut: int
) -> None:
    text, whole = one_day.WRITERS[form]()
    content = bytearray(whole)
    for place, piece in edits:
        at = place % len(content)
        content[at : at + len(piece)] = piece
    plain = text.replace('member_key_file = "shop.key"\n', "")
    mapping = completed(parse_mapping(plain), program("USD", 2, "UTC"))
    found(mapping, bytes(content))
    found(mapping, whole[: cut % len(whole)])


def test_no_byte_of_a_footer_ends_the_process() -> None:
    """Lists of a footer that are longer than its columns have them: what Arrow throws of some where
    nothing catches it, ends the process."""
    text, whole = one_day.WRITERS["parquet"]()
    plain = text.replace('member_key_file = "shop.key"\n', "")
    mapping = completed(parse_mapping(plain), program("USD", 2, "UTC"))
    footer = int.from_bytes(whole[-8:-4], "little")
    for at in range(len(whole) - 8 - footer, len(whole) - 8):
        content = bytearray(whole)
        content[at] = (content[at] + 0x10) % 256
        found(mapping, bytes(content))


@pytest.mark.parametrize("form", ["poslog", "square", "shopify", "toast", "lightspeed"])
@settings(max_examples=50)
@given(content=st.binary(max_size=200))
def test_bytes_of_no_form_raise_nothing_else(form: str, content: bytes) -> None:
    found(of(form), content)


# -- XML ------------------------------------------------------------------------------------------

TRANSACTION = (
    "<Transaction><RetailStoreID>1</RetailStoreID><WorkstationID>2</WorkstationID>"
    "<SequenceNumber>3</SequenceNumber><EndDateTime>2025-01-02T03:04:05Z</EndDateTime>"
    "<RetailTransaction><LineItem><Sale><ItemID>{}</ItemID><ExtendedAmount>1.00</ExtendedAmount>"
    "</Sale></LineItem><LoyaltyAccount><CustomerID>m</CustomerID></LoyaltyAccount>"
    "</RetailTransaction></Transaction>"
)


def log(item: str = "tea", head: str = "", root: str = "POSLog") -> bytes:
    return f"{head}<{root}>{TRANSACTION.format(item)}</{root}>".encode()


def test_a_plain_log_is_read() -> None:
    (sale,), ended = found(of("poslog"), log())
    assert (sale.id, ended) == ("1-2-2025-01-02-3", None)
    (bare,), ended = found(of("poslog"), TRANSACTION.format("tea").encode())
    assert (bare.id, ended) == (sale.id, None)


def test_entities_are_never_expanded(tmp_path: Path) -> None:
    names = "abcdefghijklm"
    laughs = "".join(
        f'<!ENTITY {name} "{f"&{before};" * 10}">' for before, name in itertools.pairwise(names)
    )
    secret = tmp_path / "secret"
    secret.write_text("secret")
    for head, item in (
        (f'<!DOCTYPE p [<!ENTITY a "ha">{laughs}]>', f"&{names[-1]};"),
        (f'<!DOCTYPE p [<!ENTITY x SYSTEM "file://{secret}">]>', "&x;"),
        ('<!DOCTYPE p SYSTEM "http://127.0.0.1:1/none.dtd">', "tea"),
        (f'<!DOCTYPE p [<!ENTITY % x SYSTEM "file://{secret}"> %x;]>', "tea"),
    ):
        out, ended = found(of("poslog"), log(item, head))
        assert out == []
        assert ended is not None
        assert "DTD" in ended.message or "well-formed" in ended.message
        assert "secret" not in ended.message.replace(str(secret), "")


@pytest.mark.parametrize(
    "content",
    [
        b"", b" ", b"<POSLog/>"[:-1], b"{}", log()[:-20], log() + b"<more/>", b"\x00" + log(),
        log("\x01"), log("&none;"), log("<a>" * 400 + "</a>" * 400),
        b"<?xml version='1.0' encoding='ascii'?>" + log("شیر"),
        b"<?xml version='1.0' encoding='klingon'?>" + log(), log().replace(b"tea", b"t\xe9a"),
    ],
)  # fmt: skip
def test_what_is_not_well_formed_is_told(content: bytes) -> None:
    _, ended = found(of("poslog"), content)
    assert ended is not None
    assert ended.message


def test_logs_of_other_encodings_are_read() -> None:
    text = "<?xml version='1.0' encoding='{}'?>" + log("شیر").decode()
    for encoding in ("utf-16", "utf-8", "windows-1256"):
        named = text.format("UTF-16" if encoding == "utf-16" else encoding)
        plain = named.replace("شیر", "شير") if encoding == "windows-1256" else named
        out, ended = found(of("poslog"), plain.encode(encoding))
        assert (len(out), ended) == (1, None)


def test_a_transaction_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(poslog, "MOST_BYTES", 1 << 17)
    start = log().partition(b"</Transaction>")[0]
    out, ended = found(of("poslog"), start + b"<LineItem/>" * (1 << 16))
    assert out == []
    assert ended is not None
    assert ended.slug == "too-large"


def test_a_long_log_keeps_nothing_of_what_is_done() -> None:
    one = TRANSACTION.format("tea").encode()
    out, ended = found(of("poslog"), b"<POSLog>" + one * 2_000 + b"</POSLog>")
    assert (len(out), ended) == (2_000, None)


@pytest.mark.parametrize(
    ("old", "new", "path"),
    [
        ("1.00", "1,00", "LineItem[1].Sale.ExtendedAmount"),
        ("1.00", "NaN", "LineItem[1].Sale.ExtendedAmount"),
        ("<ExtendedAmount>1.00</ExtendedAmount>", "", "LineItem[1].Sale.ExtendedAmount"),
        ("2025-01-02T03:04:05Z", "today", "occurred_at"),
        ("<EndDateTime>2025-01-02T03:04:05Z</EndDateTime>", "", "EndDateTime"),
        ("<SequenceNumber>3</SequenceNumber>", "", "SequenceNumber"),
        ("<ItemID>tea</ItemID>", "", "lines[0].sku"),
        ("<Transaction>", '<Transaction CancelFlag="maybe">', "CancelFlag"),
        ("<RetailTransaction>", '<RetailTransaction TransactionStatus="PostVoided">',
         "TransactionLink"),
    ],
)  # fmt: skip
def test_a_wrong_transaction_names_its_part(old: str, new: str, path: str) -> None:
    content = log().decode()
    assert old in content
    (error,), ended = found(of("poslog"), content.replace(old, new).encode())
    assert isinstance(error, FormError)
    assert (error.path, ended) == (path, None)


# -- JSON -----------------------------------------------------------------------------------------

ORDER = (
    '{"id": "a", "state": "COMPLETED", "closed_at": "2025-01-02T03:04:05Z", "customer_id": "m",'
    ' "line_items": [{"catalog_object_id": "tea", "quantity": "1",'
    ' "total_money": {"amount": 100, "currency": "USD"}}]}'
)


def test_orders_stand_in_any_wrapping() -> None:
    wrappings = (
        ORDER, f"[{ORDER}]", f'{{"orders": [{ORDER}]}}', f'{{"order": {ORDER}}}',
        f"\n{ORDER}\n\n{ORDER}\n", ORDER.replace(", ", ",\n"), f"[\n{ORDER},\n{ORDER}\n]",
    )  # fmt: skip
    for text in wrappings:
        out, ended = found(of("square"), text.encode())
        assert ended is None
        assert {sale.id for sale in out} == {"a"}


@pytest.mark.parametrize(
    ("old", "new", "slug"),
    [
        ("100", "NaN", "invalid-json"), ("100", "1e999", "invalid-fact"),
        ("100", "9" * 400, "invalid-fact"), ("100", "-" + "9" * 20, "invalid-fact"),
        ('"1"', '"1e400"', "invalid-fact"), ('"1"', '"1e-400"', "invalid-fact"),
        ('"1"', '"NaN"', "invalid-fact"), ('"1"', "[]", "invalid-fact"),
        ('"tea"', '"\\ud800"', "invalid-json"), ('"tea"', '"a\\u0001b"', "invalid-fact"),
        ('"state"', '"id": "b", "state"', "duplicate-member"),
        ('"line_items"', '"lines"', "ok"), ("[{", "[[{", "invalid-fact"),
        ('"m"', '"' + "m" * 65 + '"', "invalid-fact"),
    ],
)  # fmt: skip
def test_a_wrong_order_is_named(old: str, new: str, slug: str) -> None:
    assert old in ORDER
    (one,), ended = found(of("square"), ORDER.replace(old, new).encode())
    assert ended is None
    if slug == "ok":
        assert one == Skipped("no-goods")
    else:
        assert isinstance(one, FormError)
        assert one.slug == slug


@pytest.mark.parametrize("value", ["9" * 6_000, "[" * 900 + "]" * 900, '"\\ud83d"'])
def test_fields_that_nobody_asks_for_are_passed_over(value: str) -> None:
    # Among so many members a double one is looked for by a slower way, with bounds of its own.
    more = ", ".join(f'"field-{number}": {value}' for number in range(40))
    out, ended = found(of("square"), ORDER.replace('"state"', f'{more}, "state"', 1).encode())
    assert ended is None
    assert not isinstance(out[0], FormError) or out[0].slug == "invalid-json"


def test_deep_documents_are_refused() -> None:
    for text in ("[" * 100_000, '{"a":' * 100_000, ORDER.replace('"m"', "[" * 5000 + "]" * 5000)):
        out, ended = found(of("square"), text.encode())
        assert ended is not None or isinstance(out[0], FormError)


def test_large_documents_are_refused_and_large_files_of_lines_are_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(documents, "MOST_DOCUMENT", 2 * len(ORDER))
    lines = f"{ORDER}\n" * 100
    out, ended = found(of("square"), lines.encode())
    assert (len(out), ended) == (100, None)
    for text in (f"[\n{ORDER},\n{ORDER},\n{ORDER}]", f"[{ORDER},{ORDER},{ORDER}]"):
        _, ended = found(of("square"), text.encode())
        assert ended is not None
        assert ended.slug == "too-large"


def test_invoices_are_forgotten_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(moadian, "MOST_KEPT", 2)
    mapping = mapping_at(GOLDEN / "moadian" / "branch.toml")
    row = (
        '{{"header": {{"taxid": "T{}", "indatim": 1764912600000, "ins": {}, "irtaxid": "T{}",'
        ' "bid": "1"}}, "body": [{{"sstid": "a", "am": 1, "adis": 1}}]}}'
    )
    content = "\n".join(row.format(*one) for one in ((1, 1, 0), (2, 1, 0), (3, 1, 0), (4, 3, 1)))
    out, _ = found(mapping, content.encode())
    assert isinstance(out[3], FormError)
    monkeypatch.setattr(moadian, "MOST_KEPT", 3)
    out, _ = found(mapping, content.encode())
    assert out[3].id == "mo-T4"


@pytest.mark.parametrize(
    ("text", "said"), [("a = " + "[" * 5_000, "nested"), ("a = " + "9" * 5_000, "too long")],
    ids=["deep", "long"],
)  # fmt: skip
def test_a_mapping_that_python_cannot_hold_is_told(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "deep.toml").write_text(text)
    with pytest.raises(ProgramError, match=said):
        read_mapping(tmp_path / "deep.toml")
    with pytest.raises(ProgramError, match=said):
        read_overrides(tmp_path / "deep.toml", program("USD", 2, "UTC"))
    with pytest.raises(ValueError, match=r"deep\.toml"):
        read_outbox_file(tmp_path / "deep.toml")
