"""What the front ends of a service know together: rates of keys, signatures that were taken.

Two tables in a file that every front end maps, in places found by a hash. A look-up locks the
table for the microseconds that it takes; a process that dies lets its lock go. The file
outlives the service, so that a restart makes nothing good again.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path

from .problems import ProblemError

FILE = "keys.shared"
"""Where in a ledger's folder it lies."""

WINDOW_S = 60
"""Rates are for windows of so many seconds."""

BUCKET = 32
"""Entries that one hash may stand at; a full bucket is an overload."""

_RATE = struct.Struct("<QqQQ")
_RATES = 2_048 * BUCKET
_TAKEN = struct.Struct("<16sq")
_SIGNATURES = 32_768 * BUCKET
_TAKEN_AT = _RATES * _RATE.size
_SIZE = _TAKEN_AT + _SIGNATURES * _TAKEN.size


class Shared:
    """The tables of a service, in this process."""

    def __init__(self, path: Path) -> None:
        """Raises OSError."""
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        if os.fstat(self._fd).st_size != _SIZE:
            # It has holes: what nobody has used takes no room.
            os.ftruncate(self._fd, 0)
            os.ftruncate(self._fd, _SIZE)
        self._map = mmap.mmap(self._fd, _SIZE)

    @contextmanager
    def _locked(self, start: int) -> Iterator[None]:
        fcntl.lockf(self._fd, fcntl.LOCK_EX, 1, start)
        try:
            yield
        finally:
            fcntl.lockf(self._fd, fcntl.LOCK_UN, 1, start)

    def count(self, holder: int, now: float, limits: tuple[int | None, int | None],
              requests: int, facts: int) -> bool:  # fmt: skip
        """Count what a holder asks and brings in this window, unless it would be beyond a limit.

        `holder` is a hash of 64 bits, `limits` are those of requests and of facts. Raises
        ProblemError where too many holders ask at once.
        """
        window = int(now // WINDOW_S)
        most_requests, most_facts = limits
        begin = holder % (_RATES // BUCKET) * BUCKET * _RATE.size
        with self._locked(0):
            free = -1
            for at in range(begin, begin + BUCKET * _RATE.size, _RATE.size):
                name, then, asked, brought = _RATE.unpack_from(self._map, at)
                if then != window:
                    free = at if free < 0 else free
                elif name == holder:
                    break
                if not name:
                    break
            if name != holder or then != window:
                if free < 0:
                    raise ProblemError("overloaded", "too many keys ask at once")
                at, asked, brought = free, 0, 0
            asked, brought = asked + requests, brought + facts
            if most_requests is not None and asked > most_requests and requests:
                return False
            if most_facts is not None and brought > most_facts and facts:
                return False
            _RATE.pack_into(self._map, at, holder, window, asked, brought)
            return True

    def take(self, signature: bytes, until: int) -> bool:
        """Take a signature that is good until a second of the epoch; False if it was before.

        Raises ProblemError where too many are taken at once.
        """
        digest = blake2b(signature, digest_size=16).digest()
        number = int.from_bytes(digest[:8], "little") % (_SIGNATURES // BUCKET)
        begin = _TAKEN_AT + number * BUCKET * _TAKEN.size
        now = int(time.time())
        with self._locked(1):
            free = -1
            for at in range(begin, begin + BUCKET * _TAKEN.size, _TAKEN.size):
                known, end = _TAKEN.unpack_from(self._map, at)
                if end < now:
                    free = at if free < 0 else free
                    if not end:
                        break
                elif known == digest:
                    return False
            if free < 0:
                raise ProblemError("overloaded", "too many signed requests at once")
            _TAKEN.pack_into(self._map, free, digest, until)
            return True


def hash_of(*parts: str | bytes) -> int:
    """A hash of 64 bits of what names a holder; never 0, which is an empty place."""
    joined = b"\0".join(part.encode() if isinstance(part, str) else part for part in parts)
    return int.from_bytes(blake2b(joined, digest_size=8).digest(), "little") or 1
