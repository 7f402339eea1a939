"""Claims: a sale that was nobody's becomes a member's, and nobody's again (rulebook sections 2,
7 and 8).

A claim is followed in its record by its sale, a row on the member's chain, and by what was
returned of it meanwhile; it is late like any fact that comes after its time. The cancel of a
claim is followed by the return of all that the sale has left.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import msgspec
import numpy as np

from ..columns.columns import (
    BALANCES,
    CLAIM,
    PAYMENT,
    POSTING_COLUMNS,
    RETURN,
    SALE,
    Extra,
    Facts,
    Outcome,
    join,
    take,
    without_lines,
)
from ..columns.schema import NO_MEMBER
from ..columns.status import Status
from ..folding.batch import Batch, Past
from ..folding.batches import apply
from ..folding.chain import History
from ..folding.fold import Fold


@dataclass(slots=True)
class Moved:
    """A claim, or its cancel, with the rows that follow it in one batch."""

    batch: Batch
    outcome: Outcome

    def parts(self) -> tuple[Outcome, Batch, Outcome]:
        """The outcome of the fact, and the rows after it with theirs."""
        batch, n = self.batch, len(self.batch.facts)
        rows = np.arange(1, n)
        after = Batch(
            take(batch.facts, rows), batch.ids[1:], batch.first + 1, batch.version[1:]
        )
        return cut(self.outcome, 0, 1), after, cut(self.outcome, 1, n)


def cut(outcome: Outcome, start: int, end: int) -> Outcome:
    """The outcome of some rows of a batch."""
    starts = outcome.posted_from
    lo, hi = int(starts[start]), int(starts[end])
    rows = slice(start, end)
    per_row = {
        name: getattr(outcome, name).reshape(len(outcome.status), -1)[rows] for name in BALANCES
    }
    return Outcome(
        outcome.status[rows], outcome.tier[rows], **per_row, previous=outcome.previous[rows],
        posted_from=starts[start : end + 1] - lo,
        postings={name: outcome.postings[name][lo:hi] for name in POSTING_COLUMNS},
        members=outcome.members,
    )  # fmt: skip


def may_claim(fold: Fold, batch: Batch, past: Past) -> Status:
    """Whether a claim's sale is there to be claimed, in its time."""
    name = batch.facts.extra(0).receipt
    seq = past.find_ids([name])[name]
    owner = past.member_of(seq, (SALE,))
    if owner is None:
        return Status.NOT_A_SALE
    if owner != NO_MEMBER:
        return Status.SALE_HAS_MEMBER
    if past.membership.receipts.owner(name) is not None:
        return Status.ALREADY_CLAIMED
    days = fold.versions.all[int(batch.version[0]) - 1].program.claim_days
    sold = fold.versions.day(int(past.facts_at([seq]).facts.at[0]))
    if days is None or int(batch.facts.day[0]) > sold + days:
        return Status.CLAIM_WINDOW_OVER
    return Status.OK


def may_cancel(fold: Fold, batch: Batch, past: Past) -> Status:
    """Whether a claim that is to be undone stands, and is the member's."""
    name = batch.facts.extra(0).claim
    seq = past.find_ids([name]).get(name)
    owner = None if seq is None else past.member_of(seq, (CLAIM,))
    if owner is None:
        return Status.NOT_A_REDEMPTION
    if owner not in fold.accounts.family(int(batch.facts.member[0])):
        return Status.WRONG_MEMBER
    return Status.OK if past.membership.receipts.sale_of(name) else Status.ALREADY_CANCELLED


def claim(fold: Fold, batch: Batch, past: Past) -> Moved | Status:
    """Fold a claim that may be, its sale, and what was returned and paid of it; or why not."""
    name = batch.facts.extra(0).receipt
    (seq,) = past.find_ids([name]).values()
    sold = past.facts_at([seq])
    # What has happened is not refused for what the member has.
    extra = msgspec.structs.replace(sold.facts.extra(0), completed=True)
    sale = replace(sold.facts, extras=[extra])
    left = past.membership.closed.get(int(batch.facts.member[0]))
    if left is not None and sale.at[0] >= left:
        return Status.MEMBER_CLOSED
    ids, parts = [name], [sale]
    for returned, part in _returns(fold, past, name):
        ids.append(returned)
        parts.append(part)
    moved = _folded(fold, batch, past, ids, parts)
    status = int(moved.outcome.status[1])
    return moved if status == Status.OK else Status(status)


def cancel(fold: Fold, batch: Batch, past: Past) -> Moved | Status:
    """Fold the cancel of a claim that may be, and the return of its sale; or why not."""
    facts = batch.facts
    sale = past.membership.receipts.sale_of(facts.extra(0).claim)
    assert sale is not None
    back = without_lines(RETURN, facts.at, facts.member)
    back.store, back.terminal = facts.store, facts.terminal
    back.extras = [Extra(named=sale)]
    moved = _folded(fold, batch, past, [batch.ids[0]], [back])
    status = int(moved.outcome.status[1])
    return moved if status == Status.OK else Status(status)


def _folded(fold: Fold, batch: Batch, past: Past, ids: list[str], parts: list[Facts]) -> Moved:
    facts = join(batch.facts, *parts)
    facts.member = np.full(len(facts), batch.facts.member[0], np.uint32)
    version = fold.versions.numbers_at(facts.at)
    version[0] = batch.version[0]
    facts.day, facts.minute = fold.versions.dates(facts.at, version)
    whole = Batch(facts, [*batch.ids, *ids], batch.first, version)
    return Moved(whole, apply(fold, whole, past))


def _returns(fold: Fold, past: Past, sale: str) -> Iterator[tuple[str, Facts]]:
    """What has come back of a sale, and what was paid for it, as (id, fact) in the order of
    arrival: with a member that had claimed it, and since then with nobody."""
    last = past.membership.receipts.by_sale.get(sale)
    if last is not None:
        history = past.history(fold.heads(last.member))
        for row in range(len(history.ids)):
            extra = history.facts.extra(row)
            if extra.named == sale and (extra.back or history.facts.kind[row] == PAYMENT):
                yield history.ids[row], _return_of(history, row)
    seqs = [seq for seq, member in past.parked.by_sale.get(sale, ()) if member == NO_MEMBER]
    if seqs:
        waiting = past.facts_at(seqs)
        for row in range(len(seqs)):
            yield waiting.ids[row], _return_of(waiting, row)


def _return_of(history: History, row: int) -> Facts:
    """What a return, or an exchange, brings back: a return by itself; a payment as it is."""
    facts, one = history.facts, np.array([row])
    kind = PAYMENT if facts.kind[row] == PAYMENT else RETURN
    back = without_lines(kind, facts.at[one], facts.member[one])
    back.store, back.terminal = facts.store[one], facts.terminal[one]
    extra = facts.extra(row)
    amount = extra.amount if kind == PAYMENT else 0
    back.extras = [Extra(named=extra.named, back=extra.back, amount=amount)]
    return back
