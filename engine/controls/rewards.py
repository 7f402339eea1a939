"""The catalogue of rewards: what is left of each, and who may have it (rulebook section 8).

Each member's row counts what the member took; what is left of a stock is what the program has,
and facts have brought, less the sum over members. One writer decides in the order of arrival, so
nothing is sold twice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..columns.answers import Answer
from ..columns.status import Status
from ..program.program import Program, Reward

if TYPE_CHECKING:
    from ..columns.columns import Extra
    from ..facts import RewardStockFact
    from ..folding.folding import Fold
    from ..ledger.replica import Replica
    from .reward_stock import RewardStock


def reward_of(program: Program, name: str) -> Reward | None:
    """A reward of a program."""
    return next((reward for reward in program.reward if reward.id == name), None)


def price_of(program: Program, extra: Extra) -> tuple[str, int] | None:
    """(currency, units) of what a fact takes; None for a reward that the program has not."""
    reward = reward_of(program, extra.code)
    if reward is None:
        return None
    currency = program.currency[program.currency_at(reward.currency)]
    return currency.id, int(reward.points * 10**currency.scale) * extra.quantity


def taken(fold: Fold, name: str) -> int:
    """Pieces of a reward that all members together have taken."""
    slot = fold.layout.find("reward", name)
    return 0 if slot is None else fold.state.sum_of(slot)


def stock_of(reward: Reward, stock: RewardStock) -> int | None:
    """Pieces that there are of a reward, given away or not; None for no end."""
    if reward.stock is None and not reward.unique:
        return None
    return (reward.stock or 0) + stock.brought(reward.id)


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
        currency = fold.program.currency[fold.program.currency_at(reward.currency)]
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
