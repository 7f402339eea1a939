"""outbox/: derived events, how far they are derived, and how far each receiver has them.

Losing it loses nothing but what receivers have: events are derived again from the journal,
with the same ids.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from ..journal.journal import LedgerError, open_environment
from .events import Event

FORMAT = 1
_POSITION, _FORMAT = b"position", b"format"
_KEY = 8 + 4

FORGOTTEN_S = 600
"""So long after the time of its next try a receiver that was not asked is nobody's."""


class Delivery(msgspec.Struct):
    """How far a receiver is: the key after which it goes on, and failures in a row there."""

    after: bytes = b""
    failures: int = 0
    next_at: float = 0.0


class DeadLetter(msgspec.Struct):
    """An event that a receiver did not take, and why."""

    url: str
    event: Event
    reason: str
    given_up_at: str


class Standing(NamedTuple):
    """How an outbox stands: the seq up to which events are derived, receivers that do not take
    what they are sent, and events that were given up."""

    position: int
    failing: int
    dead: int


_encode = msgspec.msgpack.encode
_event = msgspec.msgpack.Decoder(Event).decode
_delivery = msgspec.msgpack.Decoder(Delivery).decode
_dead = msgspec.msgpack.Decoder(DeadLetter).decode


class OutboxStore:
    """An open outbox/ environment. Only `vafa outbox` opens it with `write`."""

    def __init__(self, ledger: Path, *, write: bool = False) -> None:
        """Raises FileNotFoundError when there is none to read, LedgerError when it is written."""
        path = ledger / "outbox"
        self._lock: int | None = None
        if write:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._lock = os.open(path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(self._lock)
                raise LedgerError(f"{path} is kept by another process; stop it first") from None
        if not write and not (path / "data.mdb").exists():
            raise FileNotFoundError(path)
        self._env = open_environment(path, write=write, databases=4)
        self._meta, self._events, self._hooks, self._dead = (
            self._env.open_db(name, create=write)
            for name in (b"meta", b"events", b"hooks", b"dead")
        )
        if write:
            with self._env.begin(write=True) as txn:
                txn.put(_FORMAT, bytes([FORMAT]), db=self._meta)

    def close(self) -> None:
        """Close it."""
        self._env.close()
        if self._lock is not None:
            os.close(self._lock)

    # -- events ---------------------------------------------------------------------------

    @property
    def position(self) -> int:
        """The seq up to which events are derived."""
        with self._env.begin(db=self._meta) as txn:
            return int.from_bytes(txn.get(_POSITION, b""), "big")

    def put(self, records: Iterable[tuple[int, Sequence[Event]]], last: int) -> None:
        """Keep the events of records by their first seqs, and the last seq done, in one commit."""
        with self._env.begin(write=True) as txn:
            for first, events in records:
                for place, event in enumerate(events):
                    key = first.to_bytes(8, "big") + place.to_bytes(4, "big")
                    txn.put(key, _encode(event), db=self._events)
            txn.put(_POSITION, last.to_bytes(8, "big"), db=self._meta)

    def after(self, key: bytes, limit: int) -> list[tuple[bytes, Event]]:
        """Events after a key, oldest first."""
        found: list[tuple[bytes, Event]] = []
        with self._env.begin(db=self._events) as txn:
            cursor = txn.cursor()
            there = cursor.set_range(key + b"\0")
            while there and len(found) < limit:
                found.append((bytes(cursor.key()), _event(cursor.value())))
                there = cursor.next()
        return found

    def prune(self, oldest: str, urls: Iterable[str]) -> None:
        """Forget events from before an instant (RFC 3339), but none that a receiver waits for."""
        reached = [self.delivery(url).after for url in urls]
        with self._env.begin(write=True, db=self._events) as txn:
            old = []
            for key, value in txn.cursor():
                if _event(value).timestamp >= oldest or any(key > after for after in reached):
                    break
                old.append(key)
            for key in old:
                txn.delete(key)

    # -- receivers ------------------------------------------------------------------------

    def delivery(self, url: str) -> Delivery:
        """How far a receiver is."""
        with self._env.begin(db=self._hooks) as txn:
            kept = txn.get(_name(url))
        return Delivery() if kept is None else _delivery(kept)

    def delivered(self, url: str, delivery: Delivery, dead: DeadLetter | None = None) -> None:
        """Keep how far a receiver is, with an event that is given up."""
        with self._env.begin(write=True) as txn:
            txn.put(_name(url), _encode(delivery), db=self._hooks)
            if dead is not None:
                txn.put(_name(url) + delivery.after, _encode(dead), db=self._dead)

    def dead(self) -> list[tuple[bytes, DeadLetter]]:
        """(key, letter) of the events that were given up."""
        with self._env.begin(db=self._dead) as txn:
            return [(bytes(key), _dead(value)) for key, value in txn.cursor()]

    def standing(self, now: float) -> Standing:
        """How it stands at a time (seconds of the epoch)."""
        with self._env.begin() as txn:
            position = int.from_bytes(txn.get(_POSITION, b"", db=self._meta), "big")
            hooks = [_delivery(kept) for _, kept in txn.cursor(db=self._hooks)]
            dead = int(txn.stat(self._dead)["entries"])
        # One that no settings name any more is not asked again.
        failing = sum(hook.failures > 0 and hook.next_at > now - FORGOTTEN_S for hook in hooks)
        return Standing(position, failing, dead)

    def buried(self, key: bytes) -> None:
        """A dead letter was taken after all."""
        with self._env.begin(write=True) as txn:
            txn.delete(key, db=self._dead)


def cursor_of(text: str) -> bytes | None:
    """The key that a cursor stands for; None for one that is none."""
    try:
        key = bytes.fromhex(text)
    except ValueError:
        return None
    return key if len(key) in (0, _KEY) else None


def _name(url: str) -> bytes:
    """A receiver's key: LMDB keys are short."""
    return hashlib.sha256(url.encode()).digest()
