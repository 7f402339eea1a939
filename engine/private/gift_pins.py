"""PINs of gift cards: given with a card or later, asked when the card pays (rulebook section 8).

What is hashed is bound to the fact that gave the PIN, since the engine may choose the card's code
after it. Whoever has the code may spend, so a wrong PIN counts as one of a member's card does.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from vafa.native.wire import Sale

from ..columns.carrier import carrier_of
from ..columns.columns import Extra
from ..columns.gift_accounts import account_of
from ..columns.verdicts import Refusal
from ..facts import (
    GiftCardIssueFact,
    GiftCardPinFact,
    GiftCardRedeemFact,
    JointFact,
    SaleFact,
)
from ..facts.parts import instant_us
from ..replica.replica import Replica
from .apart import Private
from .pins import Lock, hashed, try_pin


def gives_pin(fact: object) -> bool:
    """Whether a fact gives a gift card its PIN."""
    return isinstance(fact, GiftCardPinFact) or (
        isinstance(fact, GiftCardIssueFact) and fact.pin is not None
    )


def with_hash(fact: GiftCardIssueFact | GiftCardPinFact, pepper: bytes) -> Sale:
    """A fact that gives a PIN in the engine's own form, with the hash in its place. Slow."""
    assert fact.pin is not None
    fact_id, at, member, store, terminal, lines, tenders, kind, extra = carrier_of(fact).parts()
    extra = msgspec.structs.replace(
        extra or Extra(), pin=hashed(pepper, fact.id, _scope(fact.id), fact.pin)
    )
    return Sale.of(fact_id, at, member, store, terminal, lines, tenders, kind, extra)


def _scope(fact_id: str) -> str:
    return f"gift card\0{fact_id}"


def gift_pin(replica: Replica, code: str, at: int) -> Lock | None:
    """The PIN of a gift card at an instant (us); None for a card without one."""
    account = account_of(code)
    number = replica.dictionaries.members.numbers.get(account)
    found = None if number is None else replica.membership.pin_of(number, at)
    if found is None:
        return None
    event, epoch = found
    return Lock(account, _scope(event.id), event.name, epoch)


def asked(replica: Replica, fact: JointFact, now: int) -> list[tuple[str, Lock, str | None]]:
    """(path, PIN of the card, PIN that is given) of the cards that a fact spends from.

    A fact that is known is answered as it was; one that has happened (`completed`) is not asked.
    """
    if not isinstance(fact, SaleFact | GiftCardRedeemFact) or fact.completed:
        return []
    # What gave the card its PIN may lie ahead of the clock, as this fact may.
    now = max(now, instant_us(fact.occurred_at))
    given: dict[str, tuple[str, str | None]] = {}
    if isinstance(fact, GiftCardRedeemFact):
        given[fact.card] = "pin", fact.pin
    else:
        for place, tender in enumerate(fact.tenders):
            # A card that pays twice is asked once.
            if tender.card is not None and given.get(tender.card, ("", None))[1] is None:
                given[tender.card] = f"tenders[{place}].pin", tender.pin
    locks = [
        (path, lock, pin) for code, (path, pin) in given.items()
        if (lock := gift_pin(replica, code, now)) is not None
    ]  # fmt: skip
    return locks if locks and not replica.find_ids([fact.id]) else []


def refuse_pin(
    replica: Replica, fact: JointFact, private: Callable[[], Private], now: int
) -> Refusal | None:
    """Why a fact may not spend from its gift cards; None where it may. Slow where one has a PIN.

    Nothing is kept of such a refusal: the fact may be sent again. Raises NoPepperError.
    """
    locks = asked(replica, fact, now)
    if not locks:
        return None
    most = replica.versions.showing(now).program.membership.pin_attempts
    return try_pins(private(), locks, most)


def try_pins(
    private: Private, locks: list[tuple[str, Lock, str | None]], most: int
) -> Refusal | None:
    """Why cards with these PINs may not be spent from; None where they may. Slow."""
    for path, _, pin in locks:
        if pin is None:
            return Refusal("pin-needed", "the gift card has a PIN", path)
    for path, lock, pin in locks:
        assert pin is not None
        outcome, left = try_pin(private, private.need_pepper(), lock, pin, most)
        if outcome == "locked":
            return Refusal("pin-locked", "it was tried too often; give the card a new one", path)
        if outcome == "wrong":
            return Refusal("pin-wrong", f"attempts left: {left}", path)
    return None
