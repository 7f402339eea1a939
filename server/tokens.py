"""JSON Web Tokens as keys, of one issuer; each is checked once and then known by its digest."""

from __future__ import annotations

from typing import Any, get_args

from .keys import Holder, JwtEntry, KeysError, Scope, digest_of
from .problems import ProblemError
from .shared import Shared, hash_of

MOST_KEPT = 10_000
"""Tokens that are known at a time."""

MOST_TIME = 1e12
"""Seconds of the epoch: later than any that a clock tells."""

SCOPES = frozenset(get_args(Scope))


class Tokens:
    """Checks tokens of an issuer."""

    def __init__(self, entry: JwtEntry, shared: Shared) -> None:
        """`shared` is where holders are counted. Raises KeysError."""
        try:
            import jwt  # noqa: PLC0415 - an extra
        except ImportError:
            raise KeysError("jwt: needs PyJWT; install vafa[jwt]") from None
        unknown = set(entry.algorithms) - set(jwt.algorithms.get_default_algorithms())
        if unknown or "none" in entry.algorithms:
            raise KeysError(f"jwt.algorithms: {sorted(unknown) or 'none'} cannot be used")
        if len({name.startswith("HS") for name in entry.algorithms}) > 1:
            # A public key must never be taken for a shared secret.
            raise KeysError("jwt.algorithms: shared secrets and public keys do not mix")
        self._entry = entry
        self._shared = shared
        self._jwt = jwt
        self._kept: dict[bytes, Holder] = {}

    def holder(self, token: str) -> Holder:
        """The holder that a token names. Raises ProblemError."""
        digest = digest_of(token)
        kept = self._kept.get(digest)
        if kept is None:
            if len(self._kept) >= MOST_KEPT:
                self._kept.clear()
            kept = self._kept[digest] = self._made(self._claims(token), digest)
        return kept

    def _claims(self, token: str) -> dict[str, Any]:
        entry = self._entry
        try:
            claims: dict[str, Any] = self._jwt.decode(
                token, entry.key, algorithms=entry.algorithms, audience=entry.audience,
                issuer=entry.issuer, options={"require": ["exp", "sub", "iss", "aud"]},
            )  # fmt: skip
        except (self._jwt.InvalidTokenError, OverflowError) as error:
            raise ProblemError("unauthorized", f"the token is not good: {error}") from None
        except (ValueError, RecursionError):
            # What stands in it is no text, or too deep: it is not told back.
            raise ProblemError("unauthorized", "the token is not good") from None
        return claims

    def _made(self, claims: dict[str, Any], digest: bytes) -> Holder:
        scope, stores = claims.get("scope", ""), claims.get("stores", [])
        if not (isinstance(scope, str) and _are_texts(stores)):
            raise ProblemError("unauthorized", "the token's scope or stores are not understood")
        since, until = claims.get("nbf", 0), claims["exp"]
        if not (_is_time(since) and _is_time(until)):
            raise ProblemError("unauthorized", "the token's times are not understood")
        entry = self._entry
        return Holder(
            str(claims["sub"])[:64], frozenset(scope.split()) & SCOPES,
            frozenset(stores) if "stores" in claims else None, since, until,
            (entry.requests_per_minute, entry.facts_per_minute), hash_of("token", digest),
            self._shared,
        )  # fmt: skip


def _are_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


def _is_time(value: Any) -> bool:
    """Whether a claim is seconds of the epoch: a number (RFC 7519), and no text of one."""
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < MOST_TIME
