"""Bodies to facts: typed, strict, bounded; what is wrong is named with its place."""

from __future__ import annotations

import msgspec
import pyarrow as pa

from vafa.engine.facts import CatalogFact, FormError, SaleFact, WireFact, json_decoder
from vafa.engine.intake import ArrowSales, check_sale
from vafa.engine.program_file import split_path
from vafa.native.jsonkeys import duplicate_key

from .problems import ProblemError

JSON = "application/json"
NDJSON = "application/x-ndjson"
ARROW = "application/vnd.apache.arrow.stream"

MOST_FACTS = 100_000
"""Facts of one request."""


def decode_fact(body: bytes) -> WireFact:
    """One JSON fact. Raises ProblemError."""
    try:
        fact = json_decoder.decode(body)
    except msgspec.ValidationError as error:
        message, path = split_path(str(error))
        raise ProblemError("invalid-fact", message, path) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ProblemError("invalid-json", str(error)) from None
    try:
        twice = duplicate_key(body)
    except ValueError as error:
        raise ProblemError("invalid-json", str(error)) from None
    if twice is not None:
        raise ProblemError("duplicate-member", f"the member {twice.decode()!r} is there twice")
    try:
        if b"\\" in body:
            _no_controls(fact)
        return check_sale(fact) if isinstance(fact, SaleFact) else fact
    except FormError as error:
        raise ProblemError(error.slug, error.message, error.path) from None


def _no_controls(fact: WireFact) -> None:
    """Escapes can smuggle control characters into names; nothing else in JSON can."""
    names = {"id": fact.id}
    if isinstance(fact, SaleFact):
        names |= {"member": fact.member, "store": fact.store, "terminal": fact.terminal}
        names |= {f"lines[{i}].sku": line.sku for i, line in enumerate(fact.lines)}
        names |= {f"tenders[{i}].type": paid.type for i, paid in enumerate(fact.tenders)}
    else:
        names |= {f"products[{i}].sku": item.sku for i, item in enumerate(fact.products)}
    for path, name in names.items():
        if any(ord(letter) < 32 or 0x7F <= ord(letter) < 0xA0 for letter in name):
            raise FormError("has a control character", path)
        try:
            name.encode()
        except UnicodeEncodeError:
            raise FormError("has half a surrogate pair", path) from None


Line = tuple[int, WireFact | ProblemError]


def decode_lines(body: bytes) -> list[Line]:
    """(line number, fact or problem) of an NDJSON body; blank lines are passed over."""
    rows = body.split(b"\n")
    if len(rows) > MOST_FACTS + 1:
        raise ProblemError("too-large", f"more than {MOST_FACTS} lines; send several requests")
    out: list[Line] = []
    for number, row in enumerate(rows, 1):
        text = row.strip()
        if not text:
            continue
        try:
            out.append((number, decode_fact(text)))
        except ProblemError as problem:
            problem.more["line"] = number
            out.append((number, problem))
    return out


def decode_arrow(body: bytes) -> ArrowSales:
    """Sales of an Arrow stream, validated in full. Raises ProblemError."""
    try:
        with pa.ipc.open_stream(pa.py_buffer(body)) as reader:
            batches = []
            rows = 0
            for batch in reader:
                rows += batch.num_rows
                if rows > MOST_FACTS:
                    raise ProblemError("too-large", f"more than {MOST_FACTS} facts")
                batch.validate(full=True)
                batches.append(batch)
            table = pa.Table.from_batches(batches, reader.schema)
    except (pa.ArrowException, OSError, ValueError, TypeError, KeyError) as error:
        raise ProblemError("invalid-batch", f"not an Arrow stream: {error}") from None
    try:
        return ArrowSales(table)
    except FormError as error:
        raise ProblemError("invalid-batch", error.message, error.path) from None


__all__ = ["ARROW", "JSON", "NDJSON", "CatalogFact", "decode_arrow", "decode_fact", "decode_lines"]
