"""private/: what the journal must not have. Profiles encrypted per member, PINs that were tried.

It stands beside the journal and is no part of it: a profile is nobody's figure. A member's key
is a slot of the file `keys`, overwritten where it stands when the person is to be forgotten;
LMDB would leave the old bytes on a free page. What is encrypted under it is then noise, in
every copy. Several processes may write here: LMDB's lock is theirs.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import lmdb
import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ..journal.journal import LedgerError
from ..journal.lock_file import MOST_READERS, make_room

KEY_BYTES = 32
_NONCE_BYTES = 12
_NO_KEY = bytes(KEY_BYTES)
_MAP_BYTES = 64 << 30
LEAST_SECRET = 16
"""Bytes of a pepper or a master key."""

Profile = dict[str, str]


class NoPepperError(LedgerError):
    """PINs cannot be hashed: nobody has told the pepper."""


class Stored(msgspec.Struct, array_like=True):
    """A profile as it is kept; without `sealed` it was erased. `seq` is that of its last fact."""

    seq: int
    nonce: bytes = b""
    sealed: bytes = b""


_stored = msgspec.msgpack.Decoder(Stored).decode
_profile = msgspec.msgpack.Decoder(Profile).decode
_encode = msgspec.msgpack.Encoder(order="sorted").encode


SECRETS = ("VAFA_PEPPER_FILE", "VAFA_MASTER_KEY_FILE")
"""Variables that name the files of a pepper and of a master key."""


def private_path(ledger: Path) -> Path:
    """Where a ledger keeps what is private."""
    return ledger / "private"


def secret_of(variable: str, ledger: Path) -> bytes | None:
    """The secret in the file that an environment variable names; None where it names none.

    Raises LedgerError for a file inside the ledger, or one that says too little.
    """
    name = os.environ.get(variable)
    if not name:
        return None
    path = Path(name)
    try:
        secret = path.read_bytes().strip()
    except OSError as error:
        raise LedgerError(f"{variable}: {name}: {error.strerror}") from None
    if path.resolve().is_relative_to(ledger.resolve()):
        raise LedgerError(f"{variable}: {name} lies in the ledger; keep it elsewhere")
    if len(secret) < LEAST_SECRET:
        raise LedgerError(f"{variable}: {name} has less than {LEAST_SECRET} bytes")
    return secret


def _asker(name: str) -> bytes:
    """The key of somebody's attempts; no card's, which has no zero byte."""
    return b"\0" + name.encode()


def _wrong(found: bytes | None, window: int) -> int:
    """How many wrong PINs what is stored tells of a window."""
    if found is None:
        return 0
    then, count = msgspec.msgpack.decode(found, type=tuple[int, int])
    return count if then == window else 0


class Private:
    """An open private/, made when it is not there."""

    def __init__(self, ledger: Path) -> None:
        path = private_path(ledger)
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.pepper, master = (secret_of(variable, ledger) for variable in SECRETS)
        self._master = master or b""
        if not make_room(path):
            raise LedgerError(f"{path}: no room for the table of readers; make room on the disk")
        self._env: Any = lmdb.open(
            str(path), map_size=_MAP_BYTES, max_dbs=3, max_readers=MOST_READERS, mode=0o600
        )
        self._profiles, self._facts, self._attempts = (
            self._env.open_db(name) for name in (b"profiles", b"facts", b"attempts")
        )
        self._keys = os.open(path / "keys", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def close(self) -> None:
        """Close the files."""
        self._env.close()
        os.close(self._keys)

    def need_pepper(self) -> bytes:
        """The pepper of PINs. Raises NoPepperError."""
        if self.pepper is None:
            raise NoPepperError("PINs need a pepper: set VAFA_PEPPER_FILE, then start again")
        return self.pepper

    # -- keys --------------------------------------------------------------------------------

    def _key(self, member: int, *, make: bool = False) -> bytes | None:
        """A member's key; None where there is none. To be made inside a write transaction."""
        slot = os.pread(self._keys, KEY_BYTES, member * KEY_BYTES)
        if len(slot) < KEY_BYTES or slot == _NO_KEY:
            if not make:
                return None
            slot = os.urandom(KEY_BYTES)
            self._put_key(member, slot)
        return hmac.digest(slot, b"vafa profile" + self._master, hashlib.sha256)

    def _put_key(self, member: int, slot: bytes) -> None:
        os.pwrite(self._keys, slot, member * KEY_BYTES)
        os.fsync(self._keys)

    # -- profiles ------------------------------------------------------------------------------

    def profile(self, member: int) -> Profile | None:
        """A member's profile; None where there is none. Raises LedgerError."""
        with self._env.begin(db=self._profiles) as txn:
            found = txn.get(_place(member))
        return None if found is None else self._opened(member, _stored(found))

    def _opened(self, member: int, stored: Stored) -> Profile | None:
        key = self._key(member)
        if not stored.sealed or key is None:
            return None
        try:
            plain = AESGCM(key).decrypt(stored.nonce, stored.sealed, _place(member))
        except InvalidTag:
            raise LedgerError(
                "a profile cannot be read: is VAFA_MASTER_KEY_FILE the right one?"
            ) from None
        return _profile(plain)

    def put(
        self, member: int, seq: int, given: Mapping[str, str | None], *, whole: bool = False,
        fact: str = "",
    ) -> bool:
        """Keep a profile as of a seq: entries replace those that they name, null forgets one.

        `whole` replaces all. One that is older than what is kept, or than an erasure, changes
        nothing. False where the fact with this id came with another profile before.
        """
        with self._env.begin(write=True) as txn:
            found = txn.get(_place(member), db=self._profiles)
            old = Stored(-1) if found is None else _stored(found)
            # What is put by hand comes after the facts that it was written beside.
            fresh = seq > old.seq or (whole and seq == old.seq)
            if fact and not self._first(txn, member, fact, given, fresh=fresh):
                return False
            if not fresh:
                return True
            kept = {} if whole else self._opened(member, old) or {}
            entries = {name: text for name, text in {**kept, **given}.items() if text is not None}
            key = self._key(member, make=True)
            assert key is not None
            nonce = os.urandom(_NONCE_BYTES)
            sealed = AESGCM(key).encrypt(nonce, _encode(entries), _place(member))
            new = Stored(seq, nonce, sealed)
            txn.put(_place(member), msgspec.msgpack.encode(new), db=self._profiles)
        return True

    def _first(
        self, txn: Any, member: int, fact: str, given: Mapping[str, Any], *, fresh: bool
    ) -> bool:
        """Whether a fact's profile is the one that came first with its id.

        What is compared is a hash under the member's key: once that is gone nobody can tell.
        """
        known = txn.get(fact.encode(), db=self._facts)
        key = self._key(member, make=known is None and fresh)
        if key is None:
            return True
        of_key = hmac.digest(key, b"key", hashlib.sha256)
        digest = hmac.digest(key, fact.encode() + b"\0" + _encode(dict(given)), hashlib.sha256)
        if known is None:
            txn.put(fact.encode(), of_key + digest, db=self._facts)
            return True
        return known[: len(of_key)] != of_key or hmac.compare_digest(known, of_key + digest)

    def forget(self, member: int, seq: int) -> None:
        """Erase a member's profile and key as of a seq; nothing where it was done before."""
        with self._env.begin(write=True) as txn:
            found = txn.get(_place(member), db=self._profiles)
            if found is not None and _stored(found).seq >= seq:
                return
            self._put_key(member, _NO_KEY)
            txn.put(_place(member), msgspec.msgpack.encode(Stored(seq)), db=self._profiles)

    # -- attempts --------------------------------------------------------------------------------

    def attempt(self, card: str, epoch: int, most: int) -> int:
        """Count an attempt at a card's PIN, durably; how many are left after it, -1 for none.

        `epoch` counts the facts that unlock the card: an attempt before the last of them is
        forgotten.
        """
        with self._env.begin(write=True, db=self._attempts) as txn:
            found = txn.get(card.encode())
            before, count = (0, 0) if found is None else msgspec.msgpack.decode(
                found, type=tuple[int, int]
            )  # fmt: skip
            if before != epoch:
                count = 0
            if count >= most:
                return -1
            txn.put(card.encode(), msgspec.msgpack.encode((epoch, count + 1)))
        return most - count - 1

    def wrong(self, asker: str, window: int) -> int:
        """How many wrong PINs somebody has tried in a window of time."""
        with self._env.begin(db=self._attempts) as txn:
            return _wrong(txn.get(_asker(asker)), window)

    def count_wrong(self, asker: str, window: int) -> None:
        """Count a wrong PIN of somebody's, durably."""
        # One transaction: other processes count as well.
        with self._env.begin(write=True, db=self._attempts) as txn:
            count = _wrong(txn.get(_asker(asker)), window) + 1
            txn.put(_asker(asker), msgspec.msgpack.encode((window, count)))

    def passed(self, card: str, epoch: int) -> None:
        """The PIN was right: the attempts begin anew."""
        with self._env.begin(write=True, db=self._attempts) as txn:
            txn.put(card.encode(), msgspec.msgpack.encode((epoch, 0)))


def _place(member: int) -> bytes:
    return member.to_bytes(4, "big")
