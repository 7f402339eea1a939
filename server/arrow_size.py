"""How large an Arrow stream is once its buffers are unpacked, told before any of them is.

A buffer of a few bytes may say that it unpacks to gigabytes, and Arrow takes the memory before it
looks. What is said stands in front of each packed buffer, and where the buffers are in the
message's metadata (a flatbuffer, which Arrow has checked): Message.fbs of Apache Arrow.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

import pyarrow as pa

_RECORD_BATCH, _DICTIONARY = "record batch", "dictionary"

# Places of fields in their tables.
_HEADER = 2
_DATA = 1
_BUFFERS, _COMPRESSION = 2, 3


def unpacked_size(body: bytes) -> int:
    """Bytes of all buffers of a stream when they are unpacked.

    Raises pa.ArrowException, OSError, struct.error for what is not a stream, or is more than one:
    Arrow would leave the facts behind its end unread.
    """
    size = 0
    source = pa.BufferReader(body)
    for message in pa.ipc.MessageReader.open_stream(source):
        if message.type in (_RECORD_BATCH, _DICTIONARY):
            size += sum(_sizes(message))
    if source.tell() != len(body):
        raise pa.ArrowInvalid(f"more follows its end, which is after {source.tell()} bytes")
    return size


def _sizes(message: pa.ipc.Message) -> Iterator[int]:
    """Bytes of each buffer of a batch, or a dictionary."""
    text = memoryview(message.metadata)
    at = _table(text, _int(text, 0), _HEADER)
    if message.type == _DICTIONARY:
        at = _table(text, at, _DATA)
    packed = _field(text, at, _COMPRESSION) is not None
    content = memoryview(message.body) if message.body is not None else memoryview(b"")
    vector = _field(text, at, _BUFFERS)
    if vector is None:
        return
    vector += _int(text, vector)
    for number in range(_int(text, vector)):
        begin, length = struct.unpack_from("<qq", text, vector + 4 + 16 * number)
        said = -1
        if packed and length >= 8:
            (said,) = struct.unpack_from("<q", content, begin)
        yield length if said < 0 else said


def _int(text: memoryview, at: int) -> int:
    return int(struct.unpack_from("<I", text, at)[0])


def _field(text: memoryview, table: int, place: int) -> int | None:
    """Where a field of a table stands; None for one that is left out."""
    known = table - struct.unpack_from("<i", text, table)[0]
    (size,) = struct.unpack_from("<H", text, known)
    if 4 + 2 * place >= size:
        return None
    (offset,) = struct.unpack_from("<H", text, known + 4 + 2 * place)
    return table + offset if offset else None


def _table(text: memoryview, table: int, place: int) -> int:
    """Where the table that a field refers to stands."""
    at = _field(text, table, place)
    if at is None:
        raise struct.error("a message lacks its header")
    return at + _int(text, at)
