"""Rewards given and taken back: who may have one, which items, and what is left.

Each member's row counts what the member took; what is left of a stock is what the program has,
and facts have brought, less the sum over members. One writer decides in the order of arrival, so
nothing is sold twice.
"""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np

from ..columns.answers import Answer
from ..columns.columns import CANCEL, REWARD, Extra, Outcome, among
from ..columns.status import POSTINGS, Status
from ..controls.reward_stock import RewardStock, Shelf
from ..controls.rewards import price_of, reward_of, stock_of
from ..facts import RewardStockFact
from ..folding.batch import Batch, Past
from ..folding.fold import Fold
from ..program.program import Program
from ..replica.replica import Replica

_RESTORE = POSTINGS.index("restore")
_OF_ITEMS = among((REWARD, CANCEL))


def taken(fold: Fold, name: str) -> int:
    """Pieces of a reward that all members together have taken."""
    slot = fold.layout.find("reward", name)
    return 0 if slot is None else fold.state.sum_of(slot)


def why_no_stock(
    fold: Fold, program: Program, fact: RewardStockFact, stock: RewardStock
) -> tuple[str, str] | None:
    """(why, path) a `reward stock` fact is refused; None where it is not."""
    reward = reward_of(program, fact.reward)
    if reward is None:
        return "the program in force has no such reward", "reward"
    if reward.unique != bool(fact.items):
        said = "are asked: the reward is of unique items" if reward.unique else "are not asked"
        return (said, "items")
    if reward.unique:
        known = stock.has(reward.id, fact.items)
        return None if known is None else (f"the reward has had {known!r} before", "items")
    there = stock_of(reward, stock)
    if there is None:
        return "there is no end of the reward", "reward"
    if there + fact.pieces < taken(fold, reward.id):
        return "takes away more than is left", "pieces"
    return None


def may_take(
    fold: Fold, program: Program, member: int, extra: Extra, stock: RewardStock
) -> Status:
    """OK, or why a member may not have so many pieces of a reward."""
    reward = reward_of(program, extra.code)
    slot = fold.layout.find("reward", extra.code)
    if reward is None or slot is None:
        return Status.UNKNOWN_REWARD
    there = stock_of(reward, stock)
    if there is not None and taken(fold, extra.code) + extra.quantity > there:
        return Status.OUT_OF_STOCK
    mine = fold.state.slots(member)[slot]
    if reward.per_member is not None and mine + extra.quantity > reward.per_member:
        return Status.OVER_LIMIT
    return Status.OK


def left_of(fold: Fold, program: Program, name: str, stock: RewardStock) -> int | None:
    """Pieces that are left; None where there is no end of them, or no such reward."""
    reward = reward_of(program, name)
    there = None if reward is None else stock_of(reward, stock)
    return None if there is None else max(0, there - taken(fold, name))


def rewards_view(replica: Replica) -> list[Answer]:
    """The rewards of the program published last, with prices (units) and what is left.

    What a commit that is not yet durable takes is still there.
    """
    fold = replica.fold
    if fold is None:
        return []
    shown = []
    for reward in fold.program.reward:
        currency = fold.program.currency_named(reward.currency)
        left = left_of(fold, fold.program, reward.id, replica.stock)
        if left is not None:
            left += _in_flight(replica, fold, reward.id)
        entry: dict[str, Any] = {
            "id": reward.id, "title": reward.title, "currency": currency.id,
            "points": int(reward.points * 10**currency.scale), "left": left,
            "per_member": reward.per_member, "unique": reward.unique,
        }  # fmt: skip
        shown.append(entry)
    return shown


def _in_flight(replica: Replica, fold: Fold, name: str) -> int:
    slot = fold.layout.slot("reward", name)
    return sum(
        # A packed row begins with its version.
        fold.state.slots(member)[slot] - int(np.frombuffer(packed, np.int64)[1 + slot])
        for member, packed in replica.in_flight.items()
    )


def write_items(fold: Fold, batch: Batch, outcome: Outcome, past: Past) -> None:
    """Write on the rows of a commit which items were given, and which came back."""
    facts = batch.facts
    if facts.plain:
        return
    back: dict[str, int] = {}
    for row in np.flatnonzero(_OF_ITEMS[facts.kind]).tolist():
        if outcome.status[row] != Status.OK:
            continue
        extra = facts.extra(row)
        assigned: tuple[str, ...] = ()
        if facts.kind[row] == REWARD:
            if past.stock.shelves.get(extra.code, Shelf()).items:
                assigned = past.stock.free(extra.code, extra.quantity)
        elif held := past.stock.held(extra.named):
            before = back.get(extra.named, 0)
            pieces = _pieces_back(fold, batch, outcome, row, past)
            back[extra.named] = before + pieces
            held = held[: len(held) - before]
            assigned = held[len(held) - pieces :]
        if assigned:
            assert facts.extras is not None
            facts.extras[row] = msgspec.structs.replace(extra, items=assigned)


def _pieces_back(fold: Fold, batch: Batch, outcome: Outcome, row: int, past: Past) -> int:
    """Pieces that a cancel brings back: by the points, at the price that was paid."""
    seq = batch.known[batch.facts.extra(row).named]
    paid = past.facts_at([seq])
    of: Extra = paid.facts.extra(0)
    program = fold.versions.all[int(paid.version[0]) - 1].program
    price = price_of(program, of)
    assert price is not None
    mine = slice(outcome.posted_from[row], outcome.posted_from[row + 1])
    kinds, points = outcome.postings["kind"][mine], outcome.postings["points"][mine]
    return int(points[kinds == _RESTORE].sum()) * of.quantity // price[1]
