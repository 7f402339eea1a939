"""The keys file: who may ask what, for which stores, how often, and until when.

Of a key the file has its SHA-256 only: keys are random and long, so a plain hash is enough.
A secret of signed requests stands there as it is.
"""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import hashlib
import time
import tomllib
from collections.abc import Container
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from .problems import ProblemError
from .shared import WINDOW_S, Shared, hash_of

SECRET_BYTES = 16
"""A secret of signed requests has at least so many bytes."""

Scope = Literal["read", "till", "write", "admin"]
TILL_KINDS = frozenset((
    "sale", "return", "payment", "activity", "claim", "enrol", "card link", "redeem", "hold",
    "capture", "release", "cancel", "reward redeem", "coupon redeem", "gift card issue",
    "gift card load", "gift card redeem", "gift card cancel",
))  # fmt: skip
"""Kinds of facts that happen at a till: what a key of the scope `till` may bring."""

OFFICE_FIELDS = ("manual_tier", "segments", "values", "move")
"""What no till decides: of a member its tier, segments and figures, of a card that it is to be
another member's."""

PERSONAL_FIELDS = (
    "profile", "birth", "birth_calendar", "anniversaries", "type", "referrer", "referrer_card",
)  # fmt: skip
"""What a till may tell of somebody who enrols, and of nobody who is enrolled already."""

Instant = Annotated[dt.datetime, Meta(tz=True)]
Rate = Annotated[int, Meta(ge=1)]


class KeysError(ValueError):
    """The keys file cannot be used; the message names the place."""


class KeyEntry(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """One key: known by its hash, or a secret with which requests are signed."""

    id: Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[\w.:-]+(?!\n)$")]
    scopes: Annotated[list[Scope], Meta(min_length=1)]
    sha256: Annotated[str, Meta(pattern=r"^[0-9a-f]{64}(?!\n)$")] | None = None
    secret: str | None = None
    stores: list[str] | None = None
    not_before: Instant | None = None
    not_after: Instant | None = None
    requests_per_minute: Rate | None = None
    facts_per_minute: Rate | None = None


class JwtEntry(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """Whose tokens are taken: the claims `sub`, `scope` and `stores` say what a key would."""

    issuer: str
    audience: str
    algorithms: Annotated[list[str], Meta(min_length=1)]
    key: str
    requests_per_minute: Rate | None = None
    facts_per_minute: Rate | None = None


class KeysFile(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """The whole file."""

    key: list[KeyEntry] = []
    jwt: JwtEntry | None = None


class Holder:
    """Somebody with a key: what it may do, and where it is counted what it does."""

    __slots__ = ("_limits", "_number", "_shared", "id", "scopes", "since", "stores", "until")

    def __init__(
        self, name: str, scopes: frozenset[str], stores: frozenset[str] | None,
        since: float, until: float, limits: tuple[Rate | None, Rate | None],
        number: int, shared: Shared | None,
    ) -> None:
        """`since` and `until` are seconds of the epoch between which the key is good.

        `limits` are the requests and the facts of a minute, counted under `number`. Nobody is
        counted without `shared`, where a file is only checked.
        """
        self.id = name
        self.scopes = scopes
        self.stores = stores
        self.since = since
        self.until = until
        self._limits = limits
        self._number = number
        self._shared = shared

    def ask(self, *scopes: str) -> None:
        """Count a request that is for holders of any of the scopes. Raises ProblemError."""
        now = time.time()
        if not self.since <= now < self.until:
            raise ProblemError("unauthorized", "the key is not good yet, or not any more")
        if self.scopes.isdisjoint(scopes):
            raise self._lacks(scopes[0])
        if self._limits[0] is not None:
            self._count(now, 1, 0, f"{self._limits[0]} requests")

    def bring(self, facts: int) -> None:
        """Count facts of a request. Raises ProblemError."""
        if self._limits[1] is not None:
            self._count(time.time(), 0, facts, f"{self._limits[1]} facts")

    def _count(self, now: float, requests: int, facts: int, what: str) -> None:
        if self._shared is None or self._shared.count(
            self._number, now, self._limits, requests, facts
        ):
            return
        rest = WINDOW_S - int(now) % WINDOW_S
        raise ProblemError(
            "rate-limited", f"the key {self.id!r} has {what} a minute", retry_after=rest
        )

    def refuses(self, store: str) -> str | None:
        """Why a fact of a store is not this key's; None when it is."""
        if self.stores is None or store in self.stores:
            return None
        if not store:
            return f"the key {self.id!r} is for stores, and none is named"
        return f"the key {self.id!r} is not for the store {store!r}"

    @property
    def is_till(self) -> bool:
        """Whether it may bring what tills send, and nothing else."""
        return "write" not in self.scopes

    def check_kind(self, kind: str, fields: Container[str] = ()) -> None:
        """Whether a fact of a kind is this key's; `fields` are those that it has. Raises
        ProblemError."""
        if self.is_till and (
            kind not in TILL_KINDS or any(name in fields for name in OFFICE_FIELDS)
        ):
            raise self._lacks("write", "kind")

    def _lacks(self, scope: str, path: str = "$") -> ProblemError:
        return ProblemError(
            "forbidden", f"the key {self.id!r} has not the scope {scope!r}", path
        )


class Keys:
    """The holders of a keys file by the digest of their keys, and by name where they sign."""

    def __init__(self, found: KeysFile, shared: Shared | None) -> None:
        self.by_digest: dict[bytes, Holder] = {}
        self.signing: dict[str, tuple[bytes, Holder]] = {}
        self.jwt = found.jwt
        if not found.key and found.jwt is None:
            raise KeysError("has no [[key]] and no [jwt]: nobody could ask")
        for place, entry in enumerate(found.key):
            holder = _holder(entry, shared)
            if entry.sha256 is not None:
                digest = bytes.fromhex(entry.sha256)
                if digest in self.by_digest:
                    raise KeysError(f"key[{place}].sha256: the key is there twice")
                self.by_digest[digest] = holder
            if entry.secret is not None:
                if entry.id in self.signing:
                    raise KeysError(f"key[{place}].id: {entry.id!r} signs with two secrets")
                self.signing[entry.id] = _secret(entry.secret, place), holder
            if entry.sha256 is None and entry.secret is None:
                raise KeysError(f"key[{place}]: has neither sha256 nor secret")

    def holder(self, key: str) -> Holder | None:
        """The holder of a key, which is text."""
        return self.by_digest.get(digest_of(key))


def read_keys(path: Path, shared: Shared | None = None) -> Keys:
    """Read a keys file; `shared` is where its holders are counted, None to check it only.

    Raises KeysError with file and place, OSError.
    """
    try:
        return parse_keys(path.read_text("utf-8"), shared)
    except (UnicodeDecodeError, KeysError) as error:
        raise KeysError(f"{path}: {error}") from None


def parse_keys(text: str, shared: Shared | None = None) -> Keys:
    """The text of a keys file, as `read_keys`. Raises KeysError with the place."""
    try:
        return Keys(msgspec.convert(tomllib.loads(text), KeysFile), shared)
    except (ValueError, RecursionError) as error:
        raise KeysError(str(error)) from None


def digest_of(key: str) -> bytes:
    """What the file has of a key."""
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).digest()


def _holder(entry: KeyEntry, shared: Shared | None) -> Holder:
    return Holder(
        entry.id, frozenset(entry.scopes),
        None if entry.stores is None else frozenset(entry.stores),
        0.0 if entry.not_before is None else entry.not_before.timestamp(),
        float("inf") if entry.not_after is None else entry.not_after.timestamp(),
        (entry.requests_per_minute, entry.facts_per_minute),
        hash_of("key", entry.id, entry.sha256 or "", entry.secret or ""), shared,
    )  # fmt: skip


def _secret(text: str, place: int) -> bytes:
    try:
        secret = base64.b64decode(text, validate=True)
    except binascii.Error:
        raise KeysError(f"key[{place}].secret: is not base64") from None
    if len(secret) < SECRET_BYTES:
        raise KeysError(f"key[{place}].secret: has under {SECRET_BYTES} bytes")
    return secret
