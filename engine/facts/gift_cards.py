"""Gift cards: issued, loaded, redeemed, their PINs (rulebook section 8)."""

from __future__ import annotations

from msgspec import Struct

from .parts import AnyCard, Expires, GiftCode, Id, Instant, Money, Name, Pin, Place, Reason


class GiftCardIssueFact(
    Struct, forbid_unknown_fields=True, tag_field="kind", tag="gift card issue"
):
    """A gift card comes into being; without `card` the engine chooses its code.

    `expires` is the last good date, or "never"; without it the currency's policy counts. With a
    `pin` the card is asked for it; the journal has its hash only.
    """

    id: Id
    occurred_at: Instant
    amount: Money
    card: GiftCode | None = None
    pin: Pin | None = None
    expires: Expires | None = None
    store: Place = ""
    terminal: Place = ""
    reason: Reason = ""
    actor: Place = ""


class GiftCardLoadFact(Struct, forbid_unknown_fields=True, tag_field="kind", tag="gift card load"):
    """Money is put on a gift card; `expires` as of an issue."""

    id: Id
    occurred_at: Instant
    card: GiftCode
    amount: Money
    expires: Expires | None = None
    store: Place = ""
    terminal: Place = ""
    reason: Reason = ""
    actor: Place = ""


class GiftCardRedeemFact(
    Struct, forbid_unknown_fields=True, tag_field="kind", tag="gift card redeem"
):
    """Money of a gift card is spent outside a sale's tenders; `completed` as for a sale."""

    id: Id
    occurred_at: Instant
    card: GiftCode
    amount: Money
    pin: Pin | None = None
    completed: bool = False
    store: Place = ""
    terminal: Place = ""


class GiftCardCancelFact(
    Struct, forbid_unknown_fields=True, tag_field="kind", tag="gift card cancel"
):
    """A `gift card redeem` is undone, whole or by an amount: its money is on the card again."""

    id: Id
    occurred_at: Instant
    card: GiftCode
    redemption: Id
    amount: Money | None = None
    store: Place = ""
    terminal: Place = ""


class GiftCardPinFact(Struct, forbid_unknown_fields=True, tag_field="kind", tag="gift card pin"):
    """A gift card has this PIN from now on, and may be tried anew; the journal has its hash."""

    id: Id
    occurred_at: Instant
    card: GiftCode
    pin: Pin
    store: Place = ""
    terminal: Place = ""


class GiftCardFundFact(Struct, forbid_unknown_fields=True, tag_field="kind", tag="gift card fund"):
    """A member's own money of the cards' currency goes on a card: one that is there, or a new one;
    without `gift_card` the engine chooses the code of a new one. `completed` as for a sale."""

    id: Id
    occurred_at: Instant
    member: Name
    amount: Money
    gift_card: GiftCode | None = None
    completed: bool = False
    store: Place = ""
    terminal: Place = ""
    card: AnyCard = ""
