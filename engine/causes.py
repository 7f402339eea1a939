"""Causes: what members and rules have given to each (rulebook sections 4 and 12)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .answers import Answer

if TYPE_CHECKING:
    from .replica import Replica


def causes_view(replica: Replica) -> list[Answer]:
    """Each cause with its points by currency, in units, net of what came back.

    What a commit that is not yet durable gives is left out.
    """
    fold = replica.fold
    if fold is None:
        return []
    found: dict[str, dict[str, int]] = {}
    for key in fold.layout.keys("cause"):
        _, cause, currency = key
        slot = fold.layout.slot(*key)
        points = fold.state.sum_of(slot)
        for member, packed in replica.in_flight.items():
            # A packed row begins with its version.
            was = int(np.frombuffer(packed, np.int64)[1 + slot])
            points += was - fold.state.slots(member)[slot]
        found.setdefault(str(cause), {})[str(currency)] = points
    return [{"id": cause, "points": points} for cause, points in sorted(found.items())]
