"""Points earned without a purchase, given or taken by hand, spent, held, given away
(rulebook sections 4 and 8)."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from .parts import AnyCard, Expires, Id, Instant, Name, Place, Points, Reason, Spent


class ActivityFact(Struct, forbid_unknown_fields=True, tag_field="kind", tag="activity"):
    """Something a member did that is no purchase: a review, a survey, a game won, a payment."""

    id: Id
    occurred_at: Instant
    member: Name
    code: Name
    quantity: Annotated[int, Meta(ge=0, le=10**9)] = 1
    store: Place = ""
    terminal: Place = ""
    channel: Place = ""
    card: AnyCard = ""


class AdjustFact(Struct, forbid_unknown_fields=True, tag_field="kind", tag="adjust"):
    """Points given or taken by hand. `expires` is a date (the last good one) or "never"."""

    id: Id
    occurred_at: Instant
    member: Name
    currency: Name
    points: Points
    reason: Reason = ""
    actor: Place = ""
    expires: Expires | None = None
    forced: bool = False
    store: Place = ""
    terminal: Place = ""
    card: AnyCard = ""


class RedeemFact(Struct, forbid_unknown_fields=True, tag_field="kind", tag="redeem"):
    """Active points spent outside a sale's tenders; `completed` as for a sale."""

    id: Id
    occurred_at: Instant
    member: Name
    currency: Name
    points: Spent
    completed: bool = False
    store: Place = ""
    terminal: Place = ""
    card: AnyCard = ""


class HoldFact(Struct, forbid_unknown_fields=True, tag_field="kind", tag="hold"):
    """Active points set apart until a capture, a release or the end.

    The end is `expires_at`, at most the program's `hold_hours` from now. `completed` as for a
    sale.
    """

    id: Id
    occurred_at: Instant
    member: Name
    currency: Name
    points: Spent
    expires_at: Instant | None = None
    completed: bool = False
    store: Place = ""
    terminal: Place = ""
    card: AnyCard = ""


class CaptureFact(Struct, forbid_unknown_fields=True, tag_field="kind", tag="capture"):
    """Points of a hold are spent: all that it has left, or `points`.

    What is not taken is released, unless `partial` leaves the hold open. `completed` as for
    a sale.
    """

    id: Id
    occurred_at: Instant
    member: Name
    hold: Id
    points: Spent | None = None
    partial: bool = False
    completed: bool = False
    store: Place = ""
    terminal: Place = ""
    card: AnyCard = ""


class ReleaseFact(Struct, forbid_unknown_fields=True, tag_field="kind", tag="release"):
    """What a hold has left is free again."""

    id: Id
    occurred_at: Instant
    member: Name
    hold: Id
    store: Place = ""
    terminal: Place = ""
    card: AnyCard = ""


class CancelFact(Struct, forbid_unknown_fields=True, tag_field="kind", tag="cancel"):
    """A redemption, a capture or a claim is undone.

    Of a redemption or capture all points that are not back yet come back, or `points`; the sale
    of a claim is nobody's again.
    """

    id: Id
    occurred_at: Instant
    member: Name
    redemption: Id | None = None
    points: Spent | None = None
    store: Place = ""
    terminal: Place = ""
    card: AnyCard = ""
    claim: Id | None = None


class DonateFact(Struct, forbid_unknown_fields=True, tag_field="kind", tag="donate"):
    """Active points that a member gives to a cause of the program."""

    id: Id
    occurred_at: Instant
    member: Name
    cause: Name
    currency: Name
    points: Spent
    store: Place = ""
    terminal: Place = ""
    card: AnyCard = ""


class TransferFact(Struct, forbid_unknown_fields=True, tag_field="kind", tag="transfer"):
    """Active points that a member gives to another; `completed` as for a sale."""

    id: Id
    occurred_at: Instant
    member: Name
    to: Name
    currency: Name
    points: Spent
    completed: bool = False
    store: Place = ""
    terminal: Place = ""
    card: AnyCard = ""


class RewardRedeemFact(Struct, forbid_unknown_fields=True, tag_field="kind", tag="reward redeem"):
    """Pieces of a reward that a member takes for the points that the program asks."""

    id: Id
    occurred_at: Instant
    member: Name
    reward: Name
    quantity: Annotated[int, Meta(ge=1, le=1000)] = 1
    completed: bool = False
    store: Place = ""
    terminal: Place = ""
    card: AnyCard = ""
