"""The state hash, and the fields of a member's row by name.

The hash is a sum over members, so it does not depend on the order in which members, or
facts, arrived; the chain's last seq, which does, is left out.
"""

from __future__ import annotations

import hashlib
import struct
from typing import Any

from vafa.native.state import State

from .calendars import NEVER, date_of
from .dictionaries import Dictionaries
from .facts import us_instant
from .folding import Fold

_LAST_SEQ = 1 + 1
"""Word of a packed row that holds the last seq: after the version and last_at."""

_WIDTH = 16


def state_hash(state: State, dictionaries: Dictionaries) -> str:
    """Hash of all members' states, hex; equal for equal sets of facts."""
    total = 0
    for member, name in enumerate(dictionaries.members.names):
        packed = bytearray(state.pack(member))
        packed[8 * _LAST_SEQ : 8 * _LAST_SEQ + 8] = bytes(8)
        key = name.encode()
        digest = hashlib.blake2b(
            struct.pack("<I", len(key)) + key + packed, digest_size=_WIDTH
        ).digest()
        total += int.from_bytes(digest, "little")
    return (total % (1 << (8 * _WIDTH))).to_bytes(_WIDTH, "big").hex()


def describe_row(fold: Fold, state: State, member: int) -> dict[str, Any]:
    """A member's row as named fields, for people and for comparing."""
    program = fold.program
    last_at, last_seq, purchases, upgrades = state.head(member)
    fields: dict[str, Any] = {
        "last_at": None if last_at is None else us_instant(last_at).isoformat(),
        "last_seq": last_seq,
        "purchases": purchases,
        "upgrades": upgrades,
    }
    for place, currency in enumerate(program.currency):
        # On day 0 nothing has expired beyond what the row has counted.
        active, pending, expired, issued = state.balance(member, place, 0)
        fields[f"{currency.id}.issued"] = issued
        fields[f"{currency.id}.expired"] = expired
        fields[f"{currency.id}.live"] = active + pending
        fields[f"{currency.id}.lots"] = [
            (_date(earned), _date(active_from), _date(through), points)
            for earned, active_from, through, points in state.lots(member, place)
        ]
    for tier, day in zip(program.tiers(), state.tier_days(member), strict=True):
        fields[f"tier.{tier.id}.good_through"] = _date(day)
    for place, (period, value) in enumerate(state.counters(member)):
        fields[f"counter[{place}]"] = (period, value)
    return fields


def _date(day: int) -> str | None:
    return None if day in (-1, NEVER) else date_of(day).isoformat()
