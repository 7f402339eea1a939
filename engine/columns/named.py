"""Which fact a fact names: returns a sale, captures and releases a hold, and so on.

Only facts of kinds that can be named are found (rulebook sections 8 and 9).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .columns import (
    CANCEL,
    CAPTURE,
    GIFT_CANCEL,
    GIFT_PAYMENT,
    GIFT_REDEEM,
    GIFT_REFUND,
    HOLD,
    MERGE,
    PAYMENT,
    REDEEM,
    RELEASE,
    RETURN,
    REWARD,
    SALE,
    UNMERGE,
    Extra,
    Facts,
)

Int64 = NDArray[np.int64]

NAMEABLE: dict[int, tuple[int, ...]] = {
    SALE: (SALE,), RETURN: (SALE,), CAPTURE: (HOLD,), RELEASE: (HOLD,),
    CANCEL: (REDEEM, CAPTURE, REWARD), GIFT_REFUND: (GIFT_PAYMENT,), UNMERGE: (MERGE,),
    GIFT_CANCEL: (GIFT_REDEEM,), PAYMENT: (SALE,),
}  # fmt: skip
"""Kinds of facts that facts of a kind may name; a sale with a return in it names a sale."""

PAYING = (HOLD, REDEEM)
"""Kinds of facts that a sale's tender may name."""

_NAMED = frozenset(kind for kinds in (*NAMEABLE.values(), PAYING) for kind in kinds)


class Names(NamedTuple):
    """The row that each row names (int64[n]) and that each tender names, -1 none.

    `tenders` is None where no tender names any.
    """

    rows: Int64
    tenders: Int64 | None = None

    def targets(self, facts: Facts, row: int) -> list[int]:
        """The rows that a row names."""
        found = [int(self.rows[row])] if self.rows[row] >= 0 else []
        if self.tenders is not None:
            lo, hi = facts.tenders_from[row], facts.tenders_from[row + 1]
            found += [int(named) for named in self.tenders[lo:hi] if named >= 0]
        return found


def no_names(n: int) -> Names:
    """Names of a batch in which no fact names another."""
    return Names(np.full(n, -1, np.int64))


def named_ids(extra: Extra | None) -> list[str]:
    """The ids that a fact names."""
    if extra is None:
        return []
    own = [extra.named] if extra.named else []
    return own + [name for _, name in extra.tender_refs]


def naming_rows(facts: Facts, rows: NDArray[np.uint32]) -> list[int]:
    """Rows that name another fact."""
    if facts.extras is None:
        return []
    extras = facts.extras
    return [
        row for row in rows.tolist()
        if (extra := extras[row]) is not None and (extra.named or extra.tender_refs)
    ]  # fmt: skip


def names_among(
    facts: Facts, ids: Sequence[str], rows: NDArray[np.uint32],
    family: NDArray[np.uint32] | None = None,
) -> Names:
    """What rows name among themselves; with `family`, a number for those of one family by row,
    among members that were ever tied."""
    naming = naming_rows(facts, rows)
    if not naming:
        return no_names(len(facts))
    wanted = {name for row in naming for name in named_ids(facts.extra(row))}
    whose = facts.member if family is None else family
    # A fact's legs have its id, each in the account of another.
    at = {
        (int(whose[row]), ids[row]): row
        for row in rows.tolist() if ids[row] in wanted and facts.kind[row] in _NAMED
    }  # fmt: skip
    found = np.full(len(facts), -1, np.int64)
    of_tenders: Int64 | None = None

    def row_of(naming: int, name: str, kinds: tuple[int, ...]) -> int:
        row = at.get((int(whose[naming]), name), -1)
        return row if row >= 0 and facts.kind[row] in kinds else -1

    for row in naming:
        extra = facts.extra(row)
        if extra.named:
            found[row] = row_of(row, extra.named, NAMEABLE[int(facts.kind[row])])
        for place, name in extra.tender_refs:
            if of_tenders is None:
                of_tenders = np.full(len(facts.tender), -1, np.int64)
            of_tenders[int(facts.tenders_from[row]) + place] = row_of(row, name, PAYING)
    return Names(found, of_tenders)
