"""state/: a checkpoint of the members, ids and dictionaries. Losing it loses nothing.

Everything in it is a fold of the journal up to `seq`, written in one durable
transaction. A row carries its own checksum; a checkpoint that is damaged, of another
format or not of this journal is rebuilt.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import lmdb
import msgspec
import xxhash

from .dictionaries import Dictionaries, Product, Sizes
from .journal import LedgerError, open_environment

FORMAT = 1
_DICTIONARIES = ("members", "stores", "terminals", "tenders")


class CheckpointDamaged(LedgerError):
    """The checkpoint cannot be used; it is rebuilt from the journal."""


class Meta(msgspec.Struct):
    """Where a checkpoint stands."""

    format: int
    ledger: bytes
    seq: int
    hash: bytes
    program_seq: int
    sizes: tuple[int, ...]


@dataclass
class Snapshot:
    """What one checkpoint transaction writes, taken between two commits."""

    meta: Meta
    rows: list[tuple[bytes, bytes]] = field(default_factory=list)
    ids: list[tuple[bytes, bytes]] = field(default_factory=list)
    names: list[tuple[bytes, bytes]] = field(default_factory=list)


def row_value(packed: bytes) -> bytes:
    """A packed row with its checksum before it."""
    return xxhash.xxh3_64_digest(packed) + packed


class Checkpoint:
    """An open state/ environment."""

    def __init__(self, path: Path, *, write: bool = False) -> None:
        self.path = path
        if write:
            path.mkdir(parents=True, exist_ok=True)
        elif not (path / "data.mdb").exists():
            raise CheckpointDamaged("there is no checkpoint")
        try:
            self._env = open_environment(path, write=write, databases=4)
            names = (b"meta", b"members", b"ids", b"names")
            self._meta, self._members, self._ids, self._names = (
                self._env.open_db(name, create=write) for name in names
            )
        except lmdb.Error as error:
            raise CheckpointDamaged(f"the checkpoint cannot be opened: {error}") from None

    def close(self) -> None:
        """Close the environment."""
        self._env.close()

    def meta(self) -> Meta | None:
        """Where the checkpoint stands; None when nothing was written yet."""
        with self._env.begin(db=self._meta) as txn:
            stored = txn.get(b"meta")
        if stored is None:
            return None
        try:
            return msgspec.msgpack.decode(stored, type=Meta)
        except msgspec.DecodeError:
            raise CheckpointDamaged("the checkpoint's head is damaged") from None

    def load(self, dictionaries: Dictionaries, meta: Meta) -> list[tuple[int, bytes]]:
        """Fill empty dictionaries; returns (member number, packed row)."""
        with self._env.begin() as txn:
            for kind, name in enumerate(_DICTIONARIES):
                codes = getattr(dictionaries, name)
                for _, value in self._of_kind(txn, kind):
                    codes.number(value.decode())
            for _, value in self._of_kind(txn, len(_DICTIONARIES)):
                dictionaries.products.add(Product(*msgspec.msgpack.decode(value)))
            if dictionaries.sizes() != Sizes(*meta.sizes):
                raise CheckpointDamaged("the checkpoint's dictionaries are incomplete")
            rows = []
            for key, value in txn.cursor(db=self._members):
                if xxhash.xxh3_64_digest(value[8:]) != value[:8]:
                    raise CheckpointDamaged("a member's row does not match its checksum")
                rows.append((int.from_bytes(key, "big"), value[8:]))
        return rows

    def _of_kind(self, txn: Any, kind: int) -> Iterable[tuple[bytes, bytes]]:
        cursor = txn.cursor(db=self._names)
        found = cursor.set_range(bytes([kind]))
        while found and cursor.key()[0] == kind:
            yield cursor.key(), cursor.value()
            found = cursor.next()

    def find_ids(self, ids: list[str]) -> dict[str, int]:
        """Seqs of those ids that the checkpoint knows."""
        keys = [name.encode() for name in ids]
        with self._env.begin(db=self._ids) as txn:
            if len(keys) == 1:
                value = txn.get(keys[0])
                return {} if value is None else {ids[0]: int.from_bytes(value, "big")}
            found = txn.cursor().getmulti(keys)
        return {key.decode(): int.from_bytes(value, "big") for key, value in found}

    def write(self, snapshot: Snapshot) -> None:
        """Write a snapshot in one durable transaction, keys in order."""
        with self._env.begin(write=True) as txn:
            for database, items in (
                (self._members, snapshot.rows),
                (self._ids, snapshot.ids),
                (self._names, snapshot.names),
            ):
                if items:
                    txn.cursor(db=database).putmulti(sorted(items))
            txn.put(b"meta", msgspec.msgpack.encode(snapshot.meta), db=self._meta)
        self._env.reader_check()


def name_items(dictionaries: Dictionaries, since: Sizes) -> list[tuple[bytes, bytes]]:
    """Dictionary entries beyond earlier sizes, as checkpoint items."""
    items = []
    for kind, name in enumerate(_DICTIONARIES):
        names = getattr(dictionaries, name).names
        for number in range(getattr(since, name), len(names)):
            items.append((bytes([kind]) + number.to_bytes(4, "big"), names[number].encode()))
    kind = bytes([len(_DICTIONARIES)])
    versions = dictionaries.products.versions
    for number in range(since.products, len(versions)):
        value = msgspec.msgpack.encode(tuple(versions[number]))
        items.append((kind + number.to_bytes(4, "big"), value))
    return items


def remove(path: Path) -> None:
    """Delete a checkpoint that cannot be used."""
    shutil.rmtree(path, ignore_errors=True)
