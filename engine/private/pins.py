"""PINs of cards: hashed with argon2id under a pepper that is kept outside the data (section 7).

The journal has the hash only. Its salt is made of the fact's id and card under the pepper, so
that the same fact sent again is the same content.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Literal, NamedTuple

from argon2.exceptions import VerificationError
from argon2.low_level import Type, hash_secret, verify_secret

from vafa.native.wire import Sale

from ..columns.columns import CARD_PIN, Extra
from ..facts import CardPinFact
from ..facts.parts import instant_us
from ..members.cards import CardState
from .apart import Private

TIME_COST, MEMORY_KIB, LANES, HASH_BYTES = 2, 19_456, 1, 32
_SALT_BYTES = 16

Outcome = Literal["ok", "wrong", "locked"]


class Lock(NamedTuple):
    """What a PIN opens: its name among those that were tried, what it is hashed with, the hash,
    and how many facts have let it be tried anew."""

    name: str
    scope: str
    hash: str
    epoch: int


def _peppered(pepper: bytes, scope: str, pin: str) -> bytes:
    return hmac.digest(pepper, f"pin\0{scope}\0{pin}".encode(), hashlib.sha256)


def hashed(pepper: bytes, fact_id: str, scope: str, pin: str) -> str:
    """The hash that a fact gives its PIN. Slow."""
    seed = f"salt\0{fact_id}\0{scope}".encode()
    salt = hmac.digest(pepper, seed, hashlib.sha256)[:_SALT_BYTES]
    return hash_secret(
        _peppered(pepper, scope, pin), salt, TIME_COST, MEMORY_KIB, LANES, HASH_BYTES, Type.ID
    ).decode()  # fmt: skip


def pin_fact(fact: CardPinFact, pepper: bytes) -> Sale:
    """A `card pin` fact in the engine's own form, with the hash in place of the PIN. Slow."""
    pin = hashed(pepper, fact.id, fact.card, fact.pin)
    return Sale.of(
        fact.id, instant_us(fact.occurred_at), fact.member, fact.store, fact.terminal, [], [],
        CARD_PIN, Extra(card=fact.card, member=fact.member, pin=pin),
    )  # fmt: skip


def lock_of(card: str, state: CardState) -> Lock:
    """The lock of a member's card with a PIN."""
    return Lock(card, card, state.pin, state.unlocked)


def try_pin(
    private: Private, pepper: bytes, lock: Lock, pin: str, most: int
) -> tuple[Outcome, int]:
    """(what became of a PIN that was tried, attempts that are left). Slow.

    The attempt is counted, durably, before anything is hashed.
    """
    left = private.attempt(lock.name, lock.epoch, most)
    if left < 0:
        return "locked", 0
    try:
        verify_secret(lock.hash.encode(), _peppered(pepper, lock.scope, pin), Type.ID)
    except VerificationError:
        return ("wrong", left) if left else ("locked", 0)
    private.passed(lock.name, lock.epoch)
    return "ok", most
