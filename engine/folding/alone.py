"""One member folded alone, in a table of its own.

Members that were ever tied are folded together, each account a row of the table.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..columns.named import names_among
from ..columns.order import family_order
from ..members.accounts import settle
from .chain import History
from .differences import Folded
from .fold import Fold

UInt32 = NDArray[np.uint32]


def fold_alone(
    fold: Fold, history: History, rows: UInt32, accepted: NDArray[Any] | None = None,
    until: int | None = None,
) -> Folded:
    """Fold some of a member's facts, in its order, with the closed days up to an instant.

    `accepted` are facts that have been accepted before (default all). Those that name a
    fact which is not among the rows must not be among them.
    """
    facts, state = history.facts, fold.single(len(history.members))
    names = names_among(facts, history.ids, rows, history.one)
    order = family_order(facts, history.ids, fold.dictionaries, rows, names)
    settled = None
    if len(history.members) > 1:
        settled = settle(
            facts, history.ids, names, order,
            lambda name: fold.place_in(history.members, name),
        )  # fmt: skip
    if accepted is None:
        accepted = np.ones(len(facts), np.bool_)
    figures = fold.run(
        state, facts, history.version, fold.budgets.epochs(history.seqs), names, accepted,
        order, fold.closings(until), fold.compiled.drawn(history.version, history.ids), settled,
    )  # fmt: skip
    packed = tuple(state.pack(place) for place in range(len(history.members)))
    return Folded(order if settled is None else settled.order, figures, packed, settled)


def fold_whole(fold: Fold, history: History, until: int | None = None) -> Folded | None:
    """A member's facts folded from an empty row; None when there are none."""
    rows = np.arange(len(history.ids), dtype=np.uint32)
    return fold_alone(fold, history, rows, until=until) if len(rows) else None
