"""state/: a checkpoint of members, ids, names, cards. Losing it loses nothing.

Everything in it is a fold of the journal up to `seq`, written in one durable
transaction. A row carries its own checksum; a checkpoint that is damaged, of another
format or not of this journal is rebuilt.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import chain, count, pairwise
from pathlib import Path
from typing import Any, NamedTuple

import lmdb
import msgspec
import numpy as np
import xxhash

from ..columns.dictionaries import Dictionaries, Product, Sizes, StoreVersion
from ..columns.parked import Parked, Waiting
from ..controls.standing import Standing
from ..journal.journal import LedgerError, open_environment
from ..members.membership import Membership

FORMAT = 6

_CODES = ("members", "terminals", "tenders")
_VERSIONS: tuple[tuple[str, Any], ...] = (("stores", StoreVersion), ("products", Product))
_RENAMED = len(_CODES) + len(_VERSIONS)


class CheckpointDamaged(LedgerError):
    """The checkpoint cannot be used; it is rebuilt from the journal."""


class Meta(msgspec.Struct):
    """Where a checkpoint stands."""

    format: int
    ledger: bytes
    seq: int
    hash: bytes
    sizes: tuple[int, ...]
    latest_at: int
    programs: list[int] = []
    """Seqs of the publications."""
    closed: list[tuple[int, int, int, int]] = []
    """Closed days: instant, business day, seq, version."""
    totals: dict[str, int] = {}
    budgets_closed: list[tuple[str, int]] = []
    parked: dict[str, list[Waiting]] = {}

    @staticmethod
    def settled(standing: Standing, parked: Parked) -> dict[str, Any]:
        """The fields that are of no member and no name."""
        closed, budgets = standing.closed, standing.budgets
        return {
            "programs": [version.seq for version in standing.versions],
            "closed": list(zip(closed.at, closed.day, closed.seq, closed.version, strict=True)),
            "totals": dict(budgets.totals),
            "budgets_closed": list(budgets.closed),
            "parked": {sale: list(waiting) for sale, waiting in parked.by_sale.items()},
        }

    def fill(self, standing: Standing) -> None:
        """Closed days and budgets as they stood; programs are read from the journal."""
        for at, day, seq, version in self.closed:
            standing.closed.add(at, day, seq, version)
        standing.budgets.totals.update(self.totals)
        standing.budgets.closed += self.budgets_closed

    def parked_index(self) -> Parked:
        """What waits for its sale."""
        return Parked(self.parked)


class Fresh(NamedTuple):
    """Entries of a dictionary that no checkpoint has yet, the first of them with its number."""

    kind: int
    first: int
    entries: list[Any]


class Rows(NamedTuple):
    """Packed rows one behind the other, of which members (uint32[n]) and within which bounds
    (int64[n + 1]), all as bytes."""

    members: bytes
    bounds: bytes
    rows: bytes

    def each(self) -> Iterator[tuple[int, bytes]]:
        """Members with their packed rows."""
        bounds = np.frombuffer(self.bounds, np.int64).tolist()
        for member, (begin, end) in zip(
            np.frombuffer(self.members, np.uint32).tolist(), pairwise(bounds), strict=True
        ):
            yield member, self.rows[begin:end]


class Items(msgspec.Struct, array_like=True):
    """Items of a checkpoint, or a part of them; `ids` are those of records, each with its first
    seq."""

    rows: list[Rows] = []
    ids: list[tuple[int, list[str]]] = []
    names: list[Fresh] = []
    membership: list[tuple[bytes, bytes]] = []

    def packed(self) -> Iterator[tuple[int, bytes]]:
        """Members in order, with their packed rows."""
        return iter(sorted(chain.from_iterable(rows.each() for rows in self.rows)))


class Snapshot(Items, kw_only=True):
    """What one checkpoint transaction writes: the state between two commits.

    Taking it holds up the commits, so it only copies, and rows little by little (`Gathering`);
    `Checkpoint.write` makes items of it.
    """

    meta: Meta


def sealed(key: bytes, value: bytes) -> tuple[bytes, bytes]:
    """An item whose value carries a checksum of key and value before it."""
    return key, xxhash.xxh3_64_digest(key + value) + value


def opened(key: bytes, value: bytes) -> bytes:
    """The value of a sealed item. Raises CheckpointDamaged."""
    if xxhash.xxh3_64_digest(key + value[8:]) != value[:8]:
        raise CheckpointDamaged(
            "an item of the checkpoint is damaged; start again, it is rebuilt from the journal"
        )
    return value[8:]


@contextmanager
def _damage() -> Iterator[None]:
    """Whatever a damaged file makes LMDB or a decoder say becomes CheckpointDamaged."""
    try:
        yield
    except (lmdb.Error, msgspec.MsgspecError, UnicodeDecodeError, TypeError) as error:
        raise CheckpointDamaged(f"the checkpoint cannot be read: {error}") from None


class Checkpoint:
    """An open state/ environment."""

    def __init__(self, path: Path, *, write: bool = False) -> None:
        self.path = path
        if write:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
        elif not (path / "data.mdb").exists():
            raise CheckpointDamaged("there is no checkpoint")
        with _damage():
            try:
                self._env = open_environment(path, write=write, databases=5)
            except LedgerError as error:
                raise CheckpointDamaged(str(error)) from None
            try:
                names = (b"meta", b"members", b"ids", b"names", b"membership")
                self._meta, self._members, self._ids, self._names, self._membership = (
                    self._env.open_db(name, create=write) for name in names
                )
            except lmdb.Error:
                self._env.close()
                raise

    def close(self) -> None:
        """Close the environment."""
        self._env.close()

    def meta(self) -> Meta | None:
        """Where the checkpoint stands; None when nothing was written yet."""
        with _damage():
            with self._env.begin(db=self._meta) as txn:
                stored = txn.get(b"meta")
            if stored is None:
                return None
            return msgspec.msgpack.decode(opened(b"meta", stored), type=Meta)

    def load(self, dictionaries: Dictionaries, meta: Meta) -> list[tuple[int, bytes]]:
        """Fill empty dictionaries; returns (member number, packed row)."""
        with _damage(), self._env.begin() as txn:
            for kind, name in enumerate(_CODES):
                codes = getattr(dictionaries, name)
                for value in self._of_kind(txn, kind):
                    codes.number(value.decode())
            for kind, (name, version) in enumerate(_VERSIONS, len(_CODES)):
                decode = msgspec.msgpack.Decoder(version).decode
                getattr(dictionaries, name).extend(
                    [decode(value) for value in self._of_kind(txn, kind)]
                )
            for value in self._of_kind(txn, _RENAMED):
                dictionaries.members.rename(*msgspec.msgpack.decode(value, type=tuple[int, str]))
            if dictionaries.sizes() != Sizes(*meta.sizes):
                raise CheckpointDamaged("the checkpoint's dictionaries are incomplete")
            return [
                (int.from_bytes(key, "big"), opened(key, value))
                for key, value in txn.cursor(db=self._members)
            ]

    def _of_kind(self, txn: Any, kind: int) -> Iterator[bytes]:
        cursor = txn.cursor(db=self._names)
        if not cursor.set_range(bytes([kind])):
            return
        for key, value in cursor:
            if key[0] != kind:
                return
            yield opened(key, value)

    def load_membership(self, membership: Membership) -> None:
        """Fill what is known of no member yet."""
        with _damage(), self._env.begin(db=self._membership) as txn:
            for key, value in txn.cursor():
                membership.put(key, opened(key, value))
        membership.loaded()

    def find_ids(self, ids: list[str]) -> dict[str, int]:
        """Seqs of those ids that the checkpoint knows."""
        keys = [name.encode() for name in ids]
        with _damage(), self._env.begin(db=self._ids) as txn:
            found = txn.cursor().getmulti(keys)
        return {
            key.decode(): int.from_bytes(opened(key, value), "big") for key, value in found
        }

    def write(self, snapshot: Snapshot) -> None:
        """Write a snapshot in one durable transaction, keys in order."""
        with self._env.begin(write=True) as txn:
            for database, items in (
                (self._members, ((member.to_bytes(4, "big"), packed)
                                 for member, packed in snapshot.packed())),
                (self._ids, ((name.encode(), seq.to_bytes(8, "big"))
                             for name, seq in sorted(every_id(snapshot.ids)))),
                (self._names, name_items(snapshot.names)),
                (self._membership, iter(sorted(snapshot.membership))),
            ):  # fmt: skip
                txn.cursor(db=database).putmulti(sealed(*item) for item in items)
            txn.put(*sealed(b"meta", msgspec.msgpack.encode(snapshot.meta)), db=self._meta)
        self._env.reader_check()


def numbered(first: int, ids: list[str]) -> Iterator[tuple[str, int]]:
    """Ids of one record with their seqs."""
    return zip(ids, count(first), strict=False)


def every_id(ids: Iterable[tuple[int, list[str]]]) -> Iterator[tuple[str, int]]:
    """Ids of records with their seqs."""
    return chain.from_iterable(numbered(first, some) for first, some in ids)


def fresh_names(dictionaries: Dictionaries, since: Sizes) -> list[Fresh]:
    """Dictionary entries beyond earlier sizes; copied, since the dictionaries grow meanwhile."""
    members = dictionaries.members
    found = [
        Fresh(0, since.members, members.first_names(since.members)),
        Fresh(1, since.terminals, dictionaries.terminals.names[since.terminals :]),
        Fresh(2, since.tenders, dictionaries.tenders.names[since.tenders :]),
    ]
    for kind, (name, _) in enumerate(_VERSIONS, len(_CODES)):
        start = getattr(since, name)
        found.append(Fresh(kind, start, getattr(dictionaries, name).versions[start:]))
    renames = [(member, text) for member, _, text in members.renames[since.renames :]]
    return [*found, Fresh(_RENAMED, since.renames, renames)]


def name_items(fresh: Iterable[Fresh]) -> Iterator[tuple[bytes, bytes]]:
    """Dictionary entries as keys and values, in the order of the keys."""
    for kind, first, entries in fresh:
        for number, entry in enumerate(entries, first):
            value = entry.encode() if kind < len(_CODES) else msgspec.msgpack.encode(tuple(entry))
            yield _numbered(kind, number), value


def _numbered(kind: int, number: int) -> bytes:
    return bytes([kind]) + number.to_bytes(4, "big")


def remove(path: Path) -> None:
    """Delete a checkpoint that cannot be used."""
    shutil.rmtree(path, ignore_errors=True)
