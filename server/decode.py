"""Bodies to facts: typed, strict, bounded; what is wrong is named with its place."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from functools import cache, partial
from itertools import islice
from typing import Any, NamedTuple

import msgspec
import numpy as np
import orjson
import pyarrow as pa
from aiohttp import web
from numpy.typing import NDArray

from vafa.engine.facts import LoneFact
from vafa.engine.facts.parts import FormError
from vafa.engine.wire import json_facts as wire_json
from vafa.engine.wire.arrow_sales import ArrowFacts
from vafa.engine.wire.json_lines import read_lines
from vafa.native.wire import Sale

from .arrow_size import unpacked_size
from .bodies import MOST_BODY, read_body
from .problems import ProblemError
from .turns import in_turns

JSON = "application/json"
NDJSON = "application/x-ndjson"
ARROW = "application/vnd.apache.arrow.stream"

MOST_FACTS = 100_000
"""Facts of one request."""

FEW_LINES = 16
"""Sales that are not worth columns: making them costs as much as some facts."""

MOST_ITEMS = 4_000_000
"""Lines, tenders, coupons and offers of one Arrow request: more than fit a body of full width."""


@cache
def _decoder_of(names: tuple[str, ...]) -> msgspec.json.Decoder[Any]:
    """Reads members as they stand, and makes nothing of the others: there may be millions."""
    fields = [(name, msgspec.Raw | msgspec.UnsetType, msgspec.UNSET) for name in names]
    return msgspec.json.Decoder(msgspec.defstruct("Members", fields))


_ROW = re.compile(rb"\S[^\n]*")
"""What stands in a line that is not blank."""


def kind_of(request: web.BaseRequest) -> str:
    """The content type of a body, without parameters. Raises ProblemError.

    Text is UTF-8: another charset would be read as what it is not.
    """
    given = request.headers.get("Content-Type", "")
    if given in (JSON, NDJSON):
        return given
    if given.lower().count("charset=") > 1:
        raise ProblemError("unsupported-media", "the charset is there twice")
    charset = request.charset
    if charset is not None and charset.lower() not in ("utf-8", "utf8", "us-ascii"):
        raise ProblemError("unsupported-media", f"send UTF-8, not {charset[:50]!r}")
    return request.content_type


async def read_json(request: web.BaseRequest, most: int = wire_json.MOST_FACT) -> bytes:
    """A body that says it is JSON, of at most so many bytes. Raises ProblemError."""
    kind = kind_of(request)
    if kind != JSON:
        raise ProblemError("unsupported-media", f"send {JSON}, not {kind}")
    body = await read_body(request)
    if len(body) > most:
        raise ProblemError("too-large", f"the body is over {most} bytes")
    return body


def decode_fact(body: bytes, *, lists: bool = True) -> Sale | LoneFact:
    """One JSON fact; `lists`: it may be a long one. Raises ProblemError."""
    try:
        return wire_json.decode_fact(body, lists=lists)
    except FormError as error:
        raise ProblemError(error.slug, error.message, error.path) from None


Line = tuple[int, Sale | LoneFact | ProblemError]


async def decode_lines(body: bytes, *, lists: bool = True) -> list[Line]:
    """(line number, fact or problem) of an NDJSON body; blank lines are passed over."""
    check_facts(body)
    return await in_turns(partial(_decoded, lists=lists), _rows(body))


class Block(NamedTuple):
    """An NDJSON body: `sales` are the plain ones in it, with their lines' `numbers` (int64); what
    its `others` are, in order."""

    sales: ArrowFacts
    numbers: NDArray[np.int64]
    others: list[Line]


async def decode_block(body: bytes, *, lists: bool = True) -> Block | None:
    """An NDJSON body with its plain sales as columns; None where they are few."""
    if body.count(b"\n") + 1 < FEW_LINES:
        return None
    check_facts(body)
    batch, numbers, others = read_lines(body)
    if len(numbers) < FEW_LINES:
        return None
    rows = ((number, body[begin:end].strip()) for number, begin, end in others)
    decode = partial(_decoded, lists=lists)
    return Block(ArrowFacts.plain(batch), numbers, await in_turns(decode, rows))


def _rows(body: bytes) -> Iterator[tuple[int, bytes]]:
    """Lines that are not blank, with their numbers from 1."""
    number, last = 1, 0
    for row in _ROW.finditer(body):
        number += body.count(b"\n", last, row.start())
        last = row.start()
        yield number, row[0].rstrip()


def _decoded(row: tuple[int, bytes], *, lists: bool) -> Line:
    number, text = row
    try:
        return number, wire_json.decode_fact(text, lists=lists)
    except FormError as error:
        # Not raised: with the frames that it came through each would cost three times as much.
        return number, ProblemError(error.slug, error.message, error.path)


def check_facts(body: bytes) -> None:
    """Raises ProblemError for an NDJSON body of more facts than a request may have."""
    if body.count(b"\n") < MOST_FACTS:
        return
    if next(islice(_ROW.finditer(body), MOST_FACTS, None), None) is not None:
        raise ProblemError("too-large", f"more than {MOST_FACTS} facts; send several requests")


def decode_arrow(body: bytes) -> ArrowFacts:
    """Sales of an Arrow stream, validated in full. Raises ProblemError."""
    try:
        if unpacked_size(body) > MOST_BODY:
            raise ProblemError("too-large", f"the columns are over {MOST_BODY} bytes")
        with pa.ipc.open_stream(pa.py_buffer(body)) as reader:
            batches = []
            rows = items = 0
            for batch in reader:
                rows += batch.num_rows
                items += sum(len(column.values) for column in batch if _is_list(column))
                if rows > MOST_FACTS or items > MOST_ITEMS:
                    told = f"more than {MOST_FACTS} facts or {MOST_ITEMS} lines"
                    raise ProblemError("too-large", told)
                batches.append(batch)
            table = pa.Table.from_batches(batches, reader.schema)
    except (
        # A length below zero is a SystemError of the interpreter's.
        pa.ArrowException, OSError, ValueError, TypeError, KeyError, struct.error, SystemError,
    ) as error:  # fmt: skip
        raise ProblemError("invalid-batch", f"not an Arrow stream: {error}") from None
    try:
        return ArrowFacts(table)
    except FormError as error:
        raise ProblemError("invalid-batch", error.message, error.path) from None
    except (pa.ArrowException, UnicodeDecodeError, OverflowError) as error:
        raise ProblemError("invalid-batch", f"a column cannot be read: {error}") from None


def _is_list(column: pa.Array) -> bool:
    return pa.types.is_list(column.type) or pa.types.is_large_list(column.type)


def with_fields(body: bytes, fields: dict[str, str]) -> bytes:
    """A JSON object with fields that its path tells; one that it has already must agree.

    The text is kept as it is, so that errors, and members that are there twice, are found in
    it as in any other.
    """
    try:
        found = msgspec.structs.asdict(_decoder_of(tuple(fields)).decode(body))
    except (msgspec.MsgspecError, RecursionError):
        return body
    given = {}
    for name, value in fields.items():
        if found[name] is msgspec.UNSET:
            given[name] = value
        elif msgspec.json.decode(found[name]) != value:
            raise ProblemError("invalid-fact", f"the path says {value!r}", name)
    rest = body.lstrip()[1:]
    comma = b"," if given and not rest.lstrip().startswith(b"}") else b""
    return orjson.dumps(given)[:-1] + comma + rest
