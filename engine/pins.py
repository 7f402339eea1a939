"""PINs of cards: hashed with argon2id under a pepper that is kept outside the data (section 7).

The journal has the hash only. Its salt is made of the fact's id and card under the pepper, so
that the same fact sent again is the same content.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Literal

from argon2.exceptions import VerificationError
from argon2.low_level import Type, hash_secret, verify_secret

from vafa.native.wire import Sale

from .cards import CardState
from .columns import CARD_PIN, Extra
from .facts import CardPinFact
from .facts.parts import instant_us
from .private import Private

TIME_COST, MEMORY_KIB, LANES, HASH_BYTES = 2, 19_456, 1, 32
_SALT_BYTES = 16

Outcome = Literal["ok", "wrong", "locked"]


def _peppered(pepper: bytes, card: str, pin: str) -> bytes:
    return hmac.digest(pepper, f"pin\0{card}\0{pin}".encode(), hashlib.sha256)


def pin_fact(fact: CardPinFact, pepper: bytes) -> Sale:
    """A `card pin` fact in the engine's own form, with the hash in place of the PIN. Slow."""
    seed = f"salt\0{fact.id}\0{fact.card}".encode()
    salt = hmac.digest(pepper, seed, hashlib.sha256)[:_SALT_BYTES]
    hashed = hash_secret(
        _peppered(pepper, fact.card, fact.pin), salt, TIME_COST, MEMORY_KIB, LANES, HASH_BYTES,
        Type.ID,
    )  # fmt: skip
    extra = Extra(card=fact.card, member=fact.member, pin=hashed.decode())
    return Sale.of(
        fact.id, instant_us(fact.occurred_at), fact.member, fact.store, fact.terminal, [], [],
        CARD_PIN, extra,
    )  # fmt: skip


def try_pin(
    private: Private, pepper: bytes, card: str, state: CardState, pin: str, most: int
) -> tuple[Outcome, int]:
    """(what became of a PIN that was tried at a card with one, attempts that are left). Slow.

    The attempt is counted, durably, before anything is hashed.
    """
    left = private.attempt(card, state.unlocked, most)
    if left < 0:
        return "locked", 0
    try:
        verify_secret(state.pin.encode(), _peppered(pepper, card, pin), Type.ID)
    except VerificationError:
        return ("wrong", left) if left else ("locked", 0)
    private.passed(card, state.unlocked)
    return "ok", most
