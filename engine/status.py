"""Codes that the kernel writes and people read: one table each, held equal by a test."""

from __future__ import annotations

from enum import IntEnum

from .program import Caps


class Status(IntEnum):
    """What became of a fact; the kernel's `Status` has the same numbers."""

    OK = 0
    OVERFLOW = 1


REFUSALS = {Status.OVERFLOW: "overflow"}
"""Refusals for state, by the slug that an answer carries."""

LIMITS: tuple[str, ...] = (
    "",
    *Caps.__struct_fields__,
    "uses",
    *(f"cap.{name}" for name in Caps.__struct_fields__),
)
"""Names of the limit that cut a posting, by code; 0 is none."""

LIMIT_CODES = {name: code for code, name in enumerate(LIMITS)}

KINDS: tuple[str, ...] = ("earn", "multiply", "bonus")
"""Rule kinds by code."""
