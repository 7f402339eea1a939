"""Facts of several members: all of it or nothing (rulebook sections 2, 8 and 12).

The fact is a row of the member who gives. If it is accepted there, each further member gets a
leg: a row on its own chain with all that it brings, amounts and dates, so that every member is
folded alone and no replay changes what another has received.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from vafa.native.fold import run_out_by

from .alone import fold_alone
from .calendars import FIRST_DAY, expiry_table
from .chain import History
from .columns import JOINT, TRANSFER_IN, Extra, Facts, Lots, Outcome, take, without_lines
from .dictionaries import Dictionaries
from .late import Batch, Past
from .named import names_among
from .order import member_order
from .records import facts_batch
from .status import Status

if TYPE_CHECKING:
    from .folding import Fold


@dataclass(slots=True)
class Legs:
    """Legs of a fact: rows of other members, and what they came to."""

    batch: Batch
    outcome: Outcome

    def rows(self, n_currencies: int) -> pa.RecordBatch:
        """Their journal rows."""
        batch = self.batch
        ids = pa.array(batch.ids, pa.string())
        return facts_batch(ids, batch.facts, self.outcome, batch.version, n_currencies)


def is_joint(facts: Facts) -> bool:
    """Whether a batch is one fact of several members, which is committed alone."""
    found = bool(np.isin(facts.kind, JOINT).any())
    assert not found or len(facts) == 1
    return found


def others(facts: Facts, dictionaries: Dictionaries) -> list[int]:
    """Numbers of the members beside its own that a fact of several members may concern."""
    receiver = dictionaries.members.numbers.get(facts.extra(0).to)
    return [] if receiver is None else [receiver]


def apply_joint(fold: Fold, batch: Batch, past: Past) -> tuple[Outcome, Legs | None]:
    """Fold a fact of several members and its legs; without legs where it is refused."""
    receivers = others(batch.facts, fold.dictionaries)
    if not batch.refused and not _has_receiver(fold, batch, receivers):
        batch.refused = {0: Status.UNKNOWN_MEMBER}
    if batch.refused:
        return fold.apply(batch, past), None
    members = [int(batch.facts.member[0]), *receivers]
    kept = [fold.state.pack(member) for member in members]
    outcome = fold.apply(batch, past)
    if outcome.status[0] != Status.OK:
        return outcome, None
    legs = _received(fold, batch, past, int(outcome.previous[0]), receivers[0])
    received = fold.apply(legs, past)
    if received.status[0] == Status.OK:
        return outcome, Legs(legs, received)
    for member, packed in zip(members, kept, strict=True):
        fold.state.unpack(member, packed)
    fold.histories.clear()
    batch.refused = {0: Status(int(received.status[0]))}
    return fold.apply(batch, past), None


def _has_receiver(fold: Fold, batch: Batch, receivers: list[int]) -> bool:
    """Whether there is another member to give to: a card may have named the same one."""
    return bool(receivers) and receivers[0] != batch.facts.member[0] and (
        fold.state.head(receivers[0])[0] is not None
    )  # fmt: skip


def _received(fold: Fold, batch: Batch, past: Past, previous: int, receiver: int) -> Batch:
    """The receiver's leg of an accepted transfer, with the lots that have left the giver."""
    facts = batch.facts
    extra, day = facts.extra(0), int(facts.day[0])
    lots = _left(fold, batch, past, previous)
    missing = extra.amount - sum(points for *_, points in lots)
    if missing:
        # The giver owes it: what nobody had begins with the transfer.
        program = fold.versions.all[int(batch.version[0]) - 1].program
        currency = program.currency[program.currency_at(extra.currency)]
        through = int(expiry_table(program, currency)[day - FIRST_DAY])
        lots = (*lots, (day, day, through, missing))
    leg = without_lines(TRANSFER_IN, facts.at, np.array([receiver], np.uint32))
    leg.store, leg.terminal, leg.day, leg.minute = (
        facts.store, facts.terminal, facts.day, facts.minute
    )  # fmt: skip
    leg.extras = [Extra(currency=extra.currency, amount=extra.amount, lots=lots)]
    return Batch(leg, batch.ids, batch.first + 1, batch.version, legs=True)


def _left(fold: Fold, batch: Batch, past: Past, previous: int) -> Lots:
    """What a fact took from its member's lots, in spending order: as they stood before it
    less as they stand after it."""
    new = take(batch.facts, np.zeros(1, np.int64))
    new.member[:] = 0
    history = past.history(int(batch.facts.member[0]), previous).then(
        History(new, batch.ids, np.array([batch.first], np.uint64), batch.version)
    )
    rows = np.arange(len(history.ids), dtype=np.uint32)
    names = names_among(history.facts, history.ids, rows)
    order = member_order(history.facts, history.ids, fold.dictionaries, rows, names)
    place = int(np.flatnonzero(order == len(rows) - 1)[0])
    currency = fold.layout.currencies.index(batch.facts.extra(0).currency)
    at, day = int(batch.facts.at[0]), int(batch.facts.day[0])

    def lots_of(some: int) -> Counter[tuple[int, int, int]]:
        found: Counter[tuple[int, int, int]] = Counter()
        if some:
            folded = fold_alone(fold, history, order[:some], until=at - 1)
            state = fold.single()
            state.unpack(0, folded.packed)
            # What a hold sets free by then is there before the fact as well.
            run_out_by(fold.compiled.natives, state, int(batch.version[0]) - 1, at, 0)
            for *dates, points in state.lots(0, currency, day):
                found[dates[0], dates[1], dates[2]] += points
        return found

    before, after = lots_of(place), lots_of(place + 1)
    return tuple(
        (*dates, points - after[dates]) for dates, points in before.items()
        if points > after[dates]
    )  # fmt: skip
