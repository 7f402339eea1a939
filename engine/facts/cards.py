"""A member's cards (rulebook section 7)."""

from __future__ import annotations

from msgspec import Struct

from .parts import Card, Id, Instant, Name, Pin, Place, Reason


class CardLinkFact(Struct, forbid_unknown_fields=True, tag_field="kind", tag="card link"):
    """A card is the member's from now on; `move` takes it from another member."""

    id: Id
    occurred_at: Instant
    member: Name
    card: Card
    move: bool = False
    store: Place = ""
    terminal: Place = ""


class _OfCard(Struct, forbid_unknown_fields=True):
    id: Id
    occurred_at: Instant
    member: Name
    card: Card
    reason: Reason = ""
    store: Place = ""
    terminal: Place = ""


class CardBlockFact(_OfCard, tag_field="kind", tag="card block"):
    """A card is refused from now on."""


class CardUnblockFact(_OfCard, tag_field="kind", tag="card unblock"):
    """A card is taken again from now on."""


class CardPinFact(Struct, forbid_unknown_fields=True, tag_field="kind", tag="card pin"):
    """A card has this PIN from now on; the journal has its hash only."""

    id: Id
    occurred_at: Instant
    member: Name
    card: Card
    pin: Pin
    store: Place = ""
    terminal: Place = ""
