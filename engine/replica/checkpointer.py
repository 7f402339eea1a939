"""A process of its own that writes checkpoints, beside one that commits.

In a thread of the writer's process each item that LMDB takes would cost a commit a wait for the
interpreter's lock. So the writer takes a snapshot between two commits and sends it here in parts;
what sorts, seals and writes it has a processor of its own, or what the commits leave of one. The
process ends when its input does, and so with the writer; what it was about to write is then in the
journal.

Frames are a length (uint32, big-endian) and bytes. A snapshot is its meta and its items in parts,
as msgpack; then an empty frame. The answer is what went wrong, or nothing.
"""

from __future__ import annotations

import contextlib
import os
import signal
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import lmdb
import msgspec

from ..journal.journal import LedgerError
from .checkpoint import Checkpoint, Fresh, Items, Meta, Snapshot

PART = 500
"""Items of a frame: the interpreter's lock is kept for as long as they take to be encoded."""
_NICE = 10
_END_S = 30.0
_LENGTH = struct.Struct(">I")

_encode = msgspec.msgpack.Encoder().encode
_decode_meta = msgspec.msgpack.Decoder(Meta).decode
_decode_items = msgspec.msgpack.Decoder(Items).decode


class Checkpointer:
    """The writer's end. One thread at a time may use it."""

    def __init__(self, state: Path) -> None:
        self._state = state
        self._process = self._start()

    def _start(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-P", "-m", __name__, str(self._state)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip

    @property
    def process_id(self) -> int:
        """Of the process that writes."""
        return self._process.pid

    def write(self, snapshot: Snapshot) -> None:
        """Have a snapshot written durably. Raises LedgerError."""
        if self._process.poll() is not None:
            self.close()
            self._process = self._start()
        to, back = self._process.stdin, self._process.stdout
        assert to is not None
        assert back is not None
        try:
            _send(to, _encode(snapshot.meta))
            for part in parts(snapshot):
                _send(to, _encode(part))
            _send(to, b"")
            answer = _receive(back)
        except OSError:
            answer = None
        if answer is None:
            # It has let go of its pipes and may not be gone yet: another one may begin then.
            self._process.kill()
            self._process.wait()
            raise LedgerError("the process that writes checkpoints has ended")
        if answer:
            raise LedgerError(answer.decode())

    def close(self) -> None:
        """Let the process end."""
        to, back = self._process.stdin, self._process.stdout
        assert to is not None
        assert back is not None
        with contextlib.suppress(OSError):
            to.close()
        try:
            self._process.wait(_END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        back.close()


def parts(items: Items) -> Iterator[Items]:
    """Items in parts that are soon encoded."""
    for rows in items.rows:
        yield Items(rows=[rows])
    records: list[tuple[int, list[str]]] = []
    for record in items.ids:
        records.append(record)
        if sum(len(ids) for _, ids in records) >= PART:
            yield Items(ids=records)
            records = []
    yield Items(ids=records)
    for kind, first, entries in items.names:
        for place, some in enumerate(_some(entries)):
            yield Items(names=[Fresh(kind, first + place * PART, some)])
    for membership in _some(items.membership):
        yield Items(membership=membership)


def _some(items: list[Any]) -> Iterator[list[Any]]:
    return (items[place : place + PART] for place in range(0, len(items), PART))


def _send(to: IO[bytes], body: bytes) -> None:
    to.write(_LENGTH.pack(len(body)))
    to.write(body)
    if not body:
        to.flush()


def _receive(source: IO[bytes]) -> bytes | None:
    """The body of a frame; None where the other side has ended."""
    head = source.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    (size,) = _LENGTH.unpack(head)
    body = source.read(size)
    return body if len(body) == size else None


def _snapshots(source: IO[bytes]) -> Iterator[Snapshot]:
    """Whole snapshots until the input ends; a part of one is nothing."""
    while (body := _receive(source)) is not None:
        snapshot = Snapshot(meta=_decode_meta(body))
        while body := _receive(source):
            part = _decode_items(body)
            snapshot.rows += part.rows
            snapshot.ids += part.ids
            snapshot.names += part.names
            snapshot.membership += part.membership
        if body is None:
            return
        yield snapshot


def main(state: Path) -> None:
    """Write snapshots from standard input until it ends."""
    # Whoever ends the writer ends its whole group: a checkpoint under way is still written.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.nice(_NICE)
    checkpoint: Checkpoint | None = None
    for snapshot in _snapshots(sys.stdin.buffer):
        told = b""
        try:
            if checkpoint is None:
                checkpoint = Checkpoint(state, write=True)
            checkpoint.write(snapshot)
        except (LedgerError, lmdb.Error, OSError) as error:
            told = f"{type(error).__name__}: {error}".encode()
        _answer(told)


def _answer(told: bytes) -> None:
    out = sys.stdout.buffer
    out.write(_LENGTH.pack(len(told)) + told)
    out.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
