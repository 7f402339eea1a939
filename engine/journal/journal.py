"""The journal: the truth. One record a commit, appended with one flush, chained by hash.

A record is a fixed header and Arrow IPC messages (`schema.py`). The key is the first seq of
the commit, so records are found by any seq they hold. Views into a record are valid only
inside the read transaction that gave it; `Record.copy` keeps one.
"""

from __future__ import annotations

import errno
import hashlib
import os
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import lmdb
import pyarrow as pa
import xxhash

from ..columns.schema import FACTS, GROWTH
from .lock_file import MOST_READERS, make_room

MAGIC = b"VAFAJRNL"
FORMAT = 1
_HEADER = struct.Struct("<8sHHIQQqQ32s32sQ8x")
HEADER_BYTES = _HEADER.size
_CHECKSUM_AT = HEADER_BYTES - 16
GENESIS = b"\0" * 32
MAP_BYTES = int(os.environ.get("VAFA_MAP_GIB", "256")) << 30
"""One large fixed map: address space, not disk."""


class LedgerError(Exception):
    """The ledger cannot be used as it is; the message says what to do."""


class CorruptRecord(LedgerError):
    """A stored record does not match its checksum, its hash or its place."""


class StorageFull(LedgerError):
    """There is no room for another commit; nothing was written."""


class Record(NamedTuple):
    """One commit: facts first..last, what they posted, and its place in the chain."""

    first: int
    last: int
    committed_at: int
    previous: bytes
    hash: bytes
    body: memoryview | bytes
    facts_bytes: int

    def facts(self) -> pa.RecordBatch:
        """The facts as one record batch of `schema.FACTS`."""
        message = memoryview(self.body)[: self.facts_bytes]
        return pa.ipc.read_record_batch(pa.py_buffer(message), FACTS)

    def growth(self) -> pa.RecordBatch | None:
        """What the dictionaries gained, or None."""
        if len(self.body) == self.facts_bytes:
            return None
        message = memoryview(self.body)[self.facts_bytes :]
        return pa.ipc.read_record_batch(pa.py_buffer(message), GROWTH)

    def copy(self) -> Record:
        """The record with its own memory, usable after the read transaction."""
        return self._replace(body=bytes(self.body))


def chain_hash(previous: bytes, first: int, last: int, committed_at: int, *body: Any) -> bytes:
    """SHA-256 over the previous hash, the place, the time and the body of a record, in parts."""
    digest = hashlib.sha256(previous)
    digest.update(struct.pack("<QQq", first, last, committed_at))
    for part in body:
        digest.update(part)
    return digest.digest()


def encode_record(
    first: int, committed_at: int, previous: bytes, facts: pa.RecordBatch,
    growth: pa.RecordBatch | None,
) -> tuple[bytes, Record]:
    """The bytes of a record and the record itself."""
    message = facts.serialize()
    parts = (message,) if growth is None else (message, growth.serialize())
    last = first + facts.num_rows - 1
    hashed = chain_hash(previous, first, last, committed_at, *parts)
    head = _HEADER.pack(
        MAGIC, FORMAT, 0, 0, first, last, committed_at, len(message), previous, hashed, 0
    )
    checksum = _checksum(head, *parts)
    head = _HEADER.pack(
        MAGIC, FORMAT, 0, 0, first, last, committed_at, len(message), previous, hashed, checksum
    )
    # A body may be large: it is copied once.
    data = b"".join([head, *parts])
    body = memoryview(data)[HEADER_BYTES:]
    return data, Record(first, last, committed_at, previous, hashed, body, len(message))


def _checksum(head: bytes, *body: Any) -> int:
    """XXH3 over the header, its own field left out, and the body, in parts."""
    seed = xxhash.xxh3_64_intdigest(head[:_CHECKSUM_AT] + head[_CHECKSUM_AT + 8 :])
    digest = xxhash.xxh3_64(seed=seed)
    for part in body:
        digest.update(part)
    return int(digest.intdigest())


def decode_record(key: bytes, value: memoryview) -> Record:
    """Check a stored record's header and checksum. Raises CorruptRecord.

    Its body is a view of the value.
    """
    first = int.from_bytes(key, "big")
    if len(value) < HEADER_BYTES:
        raise CorruptRecord(f"journal record {first}: shorter than its header")
    head = bytes(value[:HEADER_BYTES])
    magic, form, _, _, lo, last, at, facts_bytes, previous, hashed, checksum = _HEADER.unpack(head)
    if magic != MAGIC or form > FORMAT:
        raise CorruptRecord(f"journal record {first}: not a record of format {FORMAT} or older")
    body = value[HEADER_BYTES:]
    if (
        lo != first
        or last < first
        or facts_bytes > len(body)
        or _checksum(head, body) != checksum
    ):
        raise CorruptRecord(f"journal record {first}: its checksum does not match; restore a copy")
    return Record(first, last, at, previous, hashed, body, facts_bytes)


def open_environment(path: Path, *, write: bool, databases: int) -> Any:
    """Open an LMDB environment with the durable settings that reliability rests on."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not make_room(path):
        raise LedgerError(f"{path}: no room for the table of readers; make room on the disk")
    environment = lmdb.open(
        str(path),
        map_size=MAP_BYTES,
        max_dbs=databases,
        max_readers=MOST_READERS,
        mode=0o600,
        readonly=not write,
        create=write,
        sync=True,
        metasync=True,
        writemap=False,
        meminit=True,
        readahead=True,
    )
    # A file shorter than its last page is a SIGBUS at the first look at that page.
    used = (environment.info()["last_pgno"] + 1) * environment.stat()["psize"]
    if os.path.getsize(path / "data.mdb") < used:
        environment.close()
        raise LedgerError(f"{path / 'data.mdb'} is truncated; restore a copy")
    return environment


Find = Callable[[int], Record | None]
"""The record that holds a seq, with its own memory, or None."""


def _find(cursor: Any, seq: int) -> Record | None:
    key = seq.to_bytes(8, "big")
    if not cursor.set_range(key):
        if not cursor.last():
            return None
    elif cursor.key() != key and not cursor.prev():
        return None
    record = decode_record(cursor.key(), memoryview(cursor.value()))
    return record if record.first <= seq <= record.last else None


def _why_not_opened(path: Path, error: lmdb.Error) -> str:
    if os.strerror(errno.EAGAIN) in str(error):
        # LMDB's table of readers knows processes by their numbers.
        return (
            f"{path} is open in a process of the same number: containers that share a ledger must "
            "share a PID namespace"
        )
    return f"{path} cannot be opened: {error}; restore a copy"


class Journal:
    """An open journal. Only the ledger's one writer opens it with `write`."""

    def __init__(self, path: Path, *, write: bool = False) -> None:
        if not write and not (path / "data.mdb").exists():
            raise LedgerError(f"{path.parent} is not a ledger: it has no journal")
        data = path / "data.mdb"
        if data.is_file() and not data.stat().st_size:
            # LMDB would begin a new one, in which no fact was ever taken.
            raise LedgerError(f"{data} is cut off: it has no byte; restore a copy")
        try:
            self._env = open_environment(path, write=write, databases=2)
        except lmdb.Error as error:
            raise LedgerError(_why_not_opened(path, error)) from None
        self._pid = os.getpid()
        self._write = write
        try:
            self._check_names(path)
            self._records = self._env.open_db(b"records", create=write)
            meta = self._env.open_db(b"meta", create=write)
            with self._env.begin(write=write) as txn:
                self._check_meta(txn, meta)
        except lmdb.NotFoundError:
            self._env.close()
            raise LedgerError(f"{path} has no records yet; publish a program first") from None
        except BaseException:
            self._env.close()
            raise

    def _check_names(self, path: Path) -> None:
        """Refuse an environment of something else, which would be taken for an empty journal."""
        with self._env.begin() as txn:
            names = {bytes(name) for name in txn.cursor().iternext(values=False)}
        if names and b"records" not in names:
            raise LedgerError(f"{path} is no journal (a copy of state/?); restore the journal")

    def _check_meta(self, txn: Any, meta: Any) -> None:
        stored = txn.get(b"format", db=meta)
        if stored is None and self._write:
            txn.put(b"format", str(FORMAT).encode(), db=meta)
            txn.put(b"id", os.urandom(16), db=meta)
            txn.put(b"lmdb", ".".join(map(str, lmdb.version())).encode(), db=meta)
            # Any Arrow reader can read a record: schema message, then the stored message.
            txn.put(b"schema:facts", FACTS.serialize().to_pybytes(), db=meta)
            txn.put(b"schema:growth", GROWTH.serialize().to_pybytes(), db=meta)
        elif stored is None or int(stored) > FORMAT:
            raise LedgerError(
                f"the journal has format {(stored or b'none').decode()}; this vafa reads up to "
                f"{FORMAT}: upgrade it"
            )
        self.ledger_id = bytes(txn.get(b"id", db=meta))

    def close(self) -> None:
        """Close the environment; the journal cannot be used after."""
        self._env.close()

    @contextmanager
    def reading(self) -> Iterator[Any]:
        """A read transaction with buffers; views die with it."""
        with self._env.begin(db=self._records, buffers=True) as txn:
            yield txn

    def version(self) -> int:
        """A number that grows with every commit; cheap enough to ask before each read."""
        return int(self._env.info()["last_txnid"])

    def scan(self, after: int = 0) -> Iterator[Record]:
        """Records whose facts come after a seq, in order, each checked.

        A record's body is a view that is valid until the next one is asked for.
        """
        with self.reading() as txn:
            yield from self.records(txn, after)

    def records(self, txn: Any, after: int = 0) -> Iterator[Record]:
        """As `scan`, inside a read transaction of the caller's."""
        cursor = txn.cursor()
        found = cursor.set_range((after + 1).to_bytes(8, "big"))
        while found:
            yield decode_record(bytes(cursor.key()), cursor.value())
            found = cursor.next()

    def find(self, seq: int) -> Record | None:
        """The record that holds a seq, with its own memory, or None."""
        with self.finding() as find:
            return find(seq)

    @contextmanager
    def finding(self) -> Iterator[Find]:
        """`find` of several records in one read transaction."""
        # Without buffers what the cursor gives is a copy.
        with self._env.begin(db=self._records) as txn:
            yield partial(_find, txn.cursor())

    def last(self) -> Record | None:
        """A copy of the last record, or None in an empty journal."""
        with self.reading() as txn:
            cursor = txn.cursor()
            if not cursor.last():
                return None
            return decode_record(bytes(cursor.key()), cursor.value()).copy()

    def append(self, first: int, data: bytes) -> None:
        """Append one record and flush it: data and meta are on storage when this returns.

        Raises StorageFull when nothing was written. Any other error leaves the outcome
        unknown: the process must stop and open the ledger again.
        """
        assert os.getpid() == self._pid, "the journal was opened by another process"
        txn = self._env.begin(write=True, db=self._records)
        try:
            txn.put(first.to_bytes(8, "big"), data, append=True, overwrite=False)
        except lmdb.MapFullError:
            txn.abort()
            raise StorageFull(
                f"the journal's map of {MAP_BYTES >> 30} GiB is full; "
                "raise VAFA_MAP_GIB and start again"
            ) from None
        except BaseException:
            txn.abort()
            raise
        txn.commit()

    def reap_readers(self) -> None:
        """Free the slots of readers that died; theirs would hold old pages for ever."""
        self._env.reader_check()

    def used_bytes(self) -> int:
        """Bytes of the map that are in use."""
        info = self._env.info()
        return int((info["last_pgno"] + 1) * self._env.stat()["psize"])
