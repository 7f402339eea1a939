"""What became of a fact: its answer, or the refusal that keeps nothing of it."""

from __future__ import annotations

from dataclasses import dataclass

from .answers import Answer


@dataclass(frozen=True, slots=True)
class Refusal:
    """A fact refused for form or order: nothing is kept of it."""

    slug: str
    detail: str
    path: str = "$"


@dataclass(slots=True)
class Verdict:
    """What became of one fact of a batch: its answer, or why it was refused."""

    answer: Answer | None = None
    refusal: Refusal | None = None
    replayed: bool = False


def reused(name: str) -> Refusal:
    """The refusal of an id that is known with other content."""
    return Refusal("id-reused", f"the id {name!r} is known with other content", "id")
