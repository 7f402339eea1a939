"""What is known of a member: attributes, subscriptions, the end (rulebook section 7)."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from .parts import (
    MOST_CARDS,
    MOST_FIGURES,
    MOST_SEGMENTS,
    AnyCard,
    Calendar,
    Card,
    Id,
    Instant,
    MemberType,
    Name,
    Place,
    Positive,
    Profile,
    Reason,
)


class ManualTier(Struct, forbid_unknown_fields=True):
    """A tier given by hand through a date; the higher of it and the computed one counts."""

    tier: Name
    through: dt.date
    reason: Annotated[str, Meta(min_length=1, max_length=500)]
    actor: Place = ""


class CalendarDate(Struct, forbid_unknown_fields=True, frozen=True):
    """A date whose anniversaries are kept in a calendar; the date itself is Gregorian."""

    date: dt.date
    calendar: Calendar = "gregorian"


class _About(Struct, forbid_unknown_fields=True):
    id: Id
    occurred_at: Instant
    member: Name
    store: Place = ""
    terminal: Place = ""
    birth: dt.date | msgspec.UnsetType | None = msgspec.UNSET
    birth_calendar: Calendar | msgspec.UnsetType = msgspec.UNSET
    anniversaries: (
        Annotated[dict[Name, CalendarDate | dt.date], Meta(max_length=MOST_FIGURES)]
        | msgspec.UnsetType
    ) = msgspec.UNSET
    segments: (
        Annotated[list[Name], Meta(max_length=MOST_SEGMENTS)] | msgspec.UnsetType
    ) = msgspec.UNSET
    values: (
        Annotated[
            dict[Name, Annotated[int, Meta(ge=-(10**15), le=10**15)]],
            Meta(max_length=MOST_FIGURES),
        ]
        | msgspec.UnsetType
    ) = msgspec.UNSET
    manual_tier: ManualTier | msgspec.UnsetType | None = msgspec.UNSET
    type: MemberType | msgspec.UnsetType = msgspec.UNSET
    card: AnyCard = ""
    profile: Profile | msgspec.UnsetType = msgspec.UNSET
    referrer: Name | msgspec.UnsetType = msgspec.UNSET
    referrer_card: Card | msgspec.UnsetType = msgspec.UNSET


class EnrolFact(_About, tag_field="kind", tag="enrol"):
    """A member joins; `cards` become its own, and with one its provisional member."""

    cards: Annotated[list[Card], Meta(max_length=MOST_CARDS)] = []


class MemberUpdateFact(_About, tag_field="kind", tag="member update"):
    """New attributes from an instant on: each field given replaces what was known.

    `anniversaries` and `values` replace the entries they name; `segments` the whole list;
    `manual_tier` null ends it.
    """


class SubscriptionStartFact(
    Struct, forbid_unknown_fields=True, tag_field="kind", tag="subscription start"
):
    """A plan is active from now to before `ends_at`.

    Without it: through the term of the program's plan, or until an end comes. `fee` is what was
    charged, else the plan's.
    """

    id: Id
    occurred_at: Instant
    member: Name
    plan: Name
    ends_at: Instant | None = None
    store: Place = ""
    terminal: Place = ""
    card: AnyCard = ""
    fee: Positive | None = None


class SubscriptionEndFact(
    Struct, forbid_unknown_fields=True, tag_field="kind", tag="subscription end"
):
    """A plan is over."""

    id: Id
    occurred_at: Instant
    member: Name
    plan: Name
    store: Place = ""
    terminal: Place = ""
    card: AnyCard = ""


class CloseFact(Struct, forbid_unknown_fields=True, tag_field="kind", tag="close"):
    """The membership is over: points expire, later facts are refused."""

    id: Id
    occurred_at: Instant
    member: Name
    reason: Reason = ""
    store: Place = ""
    terminal: Place = ""
    card: AnyCard = ""


class EraseFact(Struct, forbid_unknown_fields=True, tag_field="kind", tag="erase"):
    """What is known of a person is forgotten; points and the journal stay whole."""

    id: Id
    occurred_at: Instant
    member: Name
    reason: Reason = ""
    store: Place = ""
    terminal: Place = ""
    card: AnyCard = ""
