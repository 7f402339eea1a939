"""Who asks: keys, signed requests and tokens, before a handler sees the request."""

from __future__ import annotations

import base64
import hashlib
import hmac
import logging
import secrets
import time
from collections.abc import Mapping
from pathlib import Path

from aiohttp import web

from .bodies import read_raw
from .keys import Holder, Keys, KeysError, read_keys
from .problems import ProblemError
from .shared import Shared
from .tokens import Tokens

log = logging.getLogger("vafa")

MOST_NONCE = 64
"""Characters of a nonce."""

SIGNED_S = 300
"""A signature is good for so many seconds before and after its time."""

KEY, TIME, NONCE = "X-Vafa-Key", "X-Vafa-Time", "X-Vafa-Nonce"
SIGNATURE = "X-Vafa-Signature"
"""Headers of a signed request."""

UNSIGNED = "no key of that id signs this request so at that time"
"""Whether the key, its secret or what was signed is wrong is nothing to tell who only tries."""


class Guard:
    """Finds the holder of a request's key in a keys file."""

    def __init__(self, path: Path, shared: Shared) -> None:
        """`shared` is what the front ends know together. Raises KeysError, OSError."""
        self._path = path
        self._shared = shared
        self._take(read_keys(path, shared))

    def _take(self, keys: Keys) -> None:
        tokens = None if keys.jwt is None else Tokens(keys.jwt, self._shared)
        self._keys, self._tokens = keys, tokens

    def reload(self) -> None:
        """Read the file again; one that cannot be used changes nothing."""
        try:
            self._take(read_keys(self._path, self._shared))
        except (KeysError, OSError) as error:
            log.error("the keys file was not taken: %s", error)
            return
        log.warning("the keys file was read again")

    async def admit(self, request: web.BaseRequest, scopes: tuple[str, ...]) -> Holder:
        """The holder of the request's key, which has one of the scopes. Raises ProblemError."""
        holder = self.admit_at_once(request, scopes)
        if holder is not None:
            return holder
        holder = await self._signed(request)
        if holder is None:
            raise ProblemError("unauthorized", UNSIGNED)
        holder.ask(*scopes)
        return holder

    def admit_at_once(self, request: web.BaseRequest, scopes: tuple[str, ...]) -> Holder | None:
        """As `admit`, of a request with a key or a token; None for one that is signed, whose body
        has to be read first."""
        headers = request.headers
        given = headers.get("Authorization")
        if len(headers.getall("Authorization", ())) > 1 or len(headers.getall("X-Api-Key", ())) > 1:
            raise ProblemError("unauthorized", "the key is there twice")
        if given is not None:
            kind, _, key = given.partition(" ")
            holder = self._bearer(key.strip()) if kind.lower() == "bearer" else None
        elif "X-Api-Key" in headers:
            holder = self._keys.holder(headers["X-Api-Key"])
        elif SIGNATURE in headers:
            return None
        else:
            raise ProblemError(
                "unauthorized", "send a key: Authorization: Bearer, X-Api-Key, or a signature"
            )
        if holder is None:
            raise ProblemError("unauthorized", "the key is not known")
        holder.ask(*scopes)
        return holder

    def _bearer(self, key: str) -> Holder | None:
        holder = self._keys.holder(key)
        if holder is None and self._tokens is not None and key.count(".") == 2:
            return self._tokens.holder(key)
        return holder

    async def _signed(self, request: web.BaseRequest) -> Holder | None:
        found = self._keys.signing.get(request.headers.get(KEY, ""))
        when, nonce = request.headers.get(TIME, ""), request.headers.get(NONCE, "")
        if found is None or not (when.isascii() and when.isdigit() and len(when) < 12):
            return None
        body = await read_raw(request)
        request.taken = body  # type: ignore[attr-defined]
        secret, holder = found
        told = signature(secret, when, nonce, request.method, request.raw_path, body).encode()
        given = request.headers[SIGNATURE].encode("utf-8", "surrogateescape")
        if not hmac.compare_digest(told, given):
            return None
        # Not before: who only tries would learn that there is such a key.
        if abs(time.time() - int(when)) > SIGNED_S:
            raise ProblemError(
                "unauthorized", f"the signature's time is over {SIGNED_S} s from now"
            )
        if not 0 < len(nonce) <= MOST_NONCE:
            raise ProblemError("unauthorized", f"{NONCE} has 1 to {MOST_NONCE} characters")
        if not self._shared.take(told, int(when) + SIGNED_S):
            raise ProblemError("unauthorized", "the signature was taken before: sign it anew")
        return holder


def signature(
    secret: bytes, when: str, nonce: str, method: str, target: str, body: bytes
) -> str:
    """The signature of a request: base64 of HMAC-SHA-256 over five lines.

    They are the time (seconds of the epoch), a nonce, method, path with query, and the hex
    SHA-256 of the body as it is sent.
    """
    text = f"{when}\n{nonce}\n{method}\n{target}\n{hashlib.sha256(body).hexdigest()}"
    made = hmac.digest(secret, text.encode("utf-8", "surrogateescape"), "sha256")
    return base64.b64encode(made).decode()


def signed_headers(
    name: str, secret: bytes, method: str, target: str, body: bytes = b""
) -> Mapping[str, str]:
    """The headers of a signed request, as of now."""
    when, nonce = str(int(time.time())), secrets.token_urlsafe(12)
    made = signature(secret, when, nonce, method, target, body)
    return {KEY: name, TIME: when, NONCE: nonce, SIGNATURE: made}


def holder_of(request: web.BaseRequest) -> Holder | None:
    """Who asks; None where there is no keys file."""
    return getattr(request, "holder", None)
