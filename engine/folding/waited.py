"""What returns that had waited for sales have brought back with them, where codes ask for it.

A code of a printed coupon has its use again when its sale is back; of a return that came before its
sale only the sale's commit knows that it was taken.
"""

from __future__ import annotations

import msgspec

from ..columns.columns import Outcome
from ..columns.parked import resolutions
from ..columns.status import Status
from ..controls.coupon_book import brought
from .batch import Batch, Past

Waited = dict[int, list[tuple[str, int, int]]]
"""(id, quantity, net) of the returns that were taken with it, by row."""


def waited_of(batch: Batch, outcome: Outcome, past: Past) -> Waited:
    """What returns that had waited brought back with each row of a commit."""
    found: Waited = {}
    for one in resolutions(outcome.posted_from, outcome.postings):
        if one.status != Status.OK:
            continue
        if one.seq >= batch.first:
            row = one.seq - batch.first
            name, extra = batch.ids[row], batch.facts.extra(row)
        else:
            history = past.facts_at([one.seq])
            name, extra = history.ids[0], history.whole.get(one.seq, history.facts.extra(0))
        if extra.back:
            found.setdefault(one.row, []).append((name, *brought(extra)))
    return found


def write_waited(batch: Batch, outcome: Outcome, past: Past) -> None:
    """Write on sales that have used codes which returns had waited for them and were taken."""
    extras = batch.facts.extras
    if extras is None or not any(extra and extra.codes for extra in extras):
        return
    for row, some in waited_of(batch, outcome, past).items():
        extra = extras[row]
        if extra is not None and extra.codes:
            extras[row] = msgspec.structs.replace(extra, waited=tuple(some))
