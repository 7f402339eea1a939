"""Facts that tie members' accounts: merges, households, and their undoing."""

from __future__ import annotations

from msgspec import Struct

from .parts import AnyCard, Id, Instant, Name, Place, Reason


class MergeFact(Struct, forbid_unknown_fields=True, tag_field="kind", tag="merge"):
    """Two members were one person: `member` survives, and `other` means it from now on."""

    id: Id
    occurred_at: Instant
    member: Name
    other: Name
    reason: Reason = ""
    actor: Place = ""
    store: Place = ""
    terminal: Place = ""
    card: AnyCard = ""


class UnmergeFact(Struct, forbid_unknown_fields=True, tag_field="kind", tag="unmerge"):
    """A merge is undone, as though it had never been."""

    id: Id
    occurred_at: Instant
    member: Name
    merge: Id
    reason: Reason = ""
    actor: Place = ""
    store: Place = ""
    terminal: Place = ""
    card: AnyCard = ""


class _OfAccount(Struct, forbid_unknown_fields=True):
    id: Id
    occurred_at: Instant
    member: Name
    account: Name
    reason: Reason = ""
    actor: Place = ""
    store: Place = ""
    terminal: Place = ""
    card: AnyCard = ""


class PoolFact(_OfAccount, tag_field="kind", tag="pool"):
    """A member joins a household or a company: from now on it counts in its account."""


class UnpoolFact(_OfAccount, tag_field="kind", tag="unpool"):
    """A member leaves a household or a company, and goes on with an account of its own."""
