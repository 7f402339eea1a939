"""The state hash, and the fields of a member's row by name.

The hash is a sum over members, so it does not depend on the order in which members, or
facts, arrived; the chain's last seq, which does, is left out.
"""

from __future__ import annotations

import hashlib
import struct
from typing import Any

from vafa.native.state import State

from ..calendars.calendars import NEVER, date_of
from ..columns.dictionaries import Dictionaries
from ..facts.parts import us_instant
from ..folding.fold import Fold

_SEQ_AT = 8 * (1 + 1)
"""Where a packed row has the last seq: after the version and last_at."""

_LENGTH = struct.Struct("<I")

_WIDTH = 16
_NEVER_AT = -(2**63)


def state_hash(state: State, dictionaries: Dictionaries) -> str:
    """Hash of all members' states, hex; equal for equal sets of facts."""
    total = 0
    for member, name in enumerate(dictionaries.members.names):
        packed, key = state.pack(member), name.encode()
        parts = _LENGTH.pack(len(key)), key, packed[:_SEQ_AT], bytes(8), packed[_SEQ_AT + 8 :]
        digest = hashlib.blake2b(b"".join(parts), digest_size=_WIDTH).digest()
        total += int.from_bytes(digest, "little")
    return (total % (1 << (8 * _WIDTH))).to_bytes(_WIDTH, "big").hex()


HEAD = (
    "last_at", "last_seq", "purchases", "upgrades", "joined", "enrolled", "facts", "last_buy",
    "birth", "birth_jalali", "birth_calendar", "manual_tier", "manual_through", "clock",
    "today", "holds", "closed",
)  # fmt: skip
ACCOUNT = (
    "issued", "expired", "live", "lots", "debt", "reversed", "redeemed", "donated", "forgiven",
    "posted", "renewed", "run_out", "run_out_given", "sent", "received",
)  # fmt: skip
TIER = ("good_through", "checked", "bonus_given")


def describe_row(fold: Fold, state: State, member: int) -> dict[str, Any]:
    """A member's row as named fields, for people and for comparing."""
    layout, slots = fold.layout, state.slots(member)
    fields: dict[str, Any] = dict(zip(HEAD, slots, strict=False))
    fields["last_at"] = None if slots[0] == _NEVER_AT else us_instant(slots[0]).isoformat()
    fields["holds"] = [
        (layout.currencies[currency], us_instant(end).isoformat(), place, points)
        for currency, end, place, points in state.holds(member)
    ]
    at = len(HEAD)
    for place, name in enumerate(layout.currencies):
        for offset, field in enumerate(ACCOUNT):
            fields[f"{name}.{field}"] = slots[at + offset]
        fields[f"{name}.lots"] = [
            (_date(earned), _date(active_from), _date(through), points)
            for earned, active_from, through, points in state.lots(member, place)
        ]
        at += len(ACCOUNT)
    for name in layout.tiers:
        for offset, field in enumerate(TIER):
            value = slots[at + offset]
            fields[f"tier.{name}.{field}"] = _date(value) if offset == 0 else value
        at += len(TIER)
    for place in range(len(layout.counters)):
        fields[f"counter[{place}]"] = slots[at + 2 * place], slots[at + 2 * place + 1]
    at += 2 * len(layout.counters)
    for place, value in enumerate(slots[at:]):
        fields[f"slot[{place}]"] = value
    for place, key in enumerate(layout.counters):
        if key[2][0] in ("rolling", "kept"):  # type: ignore[index]
            fields[f"counter[{place}]"] = state.vec(member, layout.counter_slot(place))
    for name in ("stores", "categories"):
        slot = layout.find(name)
        if slot is not None:
            fields[name] = state.vec(member, slot)
    return fields


def _date(day: int) -> str | None:
    return None if day < 0 or day >= NEVER else date_of(day).isoformat()
