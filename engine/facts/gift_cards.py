"""Gift cards: issued, loaded, redeemed (rulebook section 8)."""

from __future__ import annotations

from msgspec import Struct

from .parts import Expires, GiftCode, Id, Instant, Money, Place, Reason


class GiftCardIssueFact(
    Struct, forbid_unknown_fields=True, tag_field="kind", tag="gift card issue"
):
    """A gift card comes into being; without `card` the engine chooses its code.

    `expires` is the last good date, or "never"; without it the currency's policy counts.
    """

    id: Id
    occurred_at: Instant
    amount: Money
    card: GiftCode | None = None
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
    completed: bool = False
    store: Place = ""
    terminal: Place = ""
