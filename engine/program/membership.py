"""Who may take part, and plans that members subscribe to (section 7)."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, field

from .conditions import Minor, Name, Part, Text
from .tiers import Thresholds


class Entry(Part, frozen=True, kw_only=True):
    """What a closed club asks, ever, before a candidate earns."""

    at_least: Thresholds
    join: Literal["all", "any"] = "all"


class Membership(Part, frozen=True, kw_only=True):
    """Who may take part (rulebook section 7): what a card does that nobody has told of, how
    often a PIN may be tried, what a closed club asks."""

    unknown_cards: Literal["refuse", "provisional"] = "refuse"
    pin_attempts: Annotated[int, Meta(ge=1, le=20)] = 5
    entry: Entry | None = None


class Term(Part, frozen=True, kw_only=True):
    """Days or months for which a fee is paid."""

    days: Annotated[int, Meta(ge=1, le=3_660)] | None = None
    months: Annotated[int, Meta(ge=1, le=120)] | None = None


class Plan(Part, frozen=True, kw_only=True):
    """What members may subscribe to: the fee of a term, whether terms follow each other, and
    what it entitles to, in words that tills and apps understand."""

    id: Name
    title: str = ""
    fee: Minor = 0
    term: Term | None = None
    renewal: Literal["manual", "automatic"] = "manual"
    entitlements: list[Text] = field(default_factory=list)
