"""The catalogue of rewards: prices, and how many pieces there are (rulebook section 8)."""

from __future__ import annotations

from ..columns.columns import Extra
from ..program.program import Program
from ..program.spending import Reward
from .reward_stock import RewardStock


def reward_of(program: Program, name: str) -> Reward | None:
    """A reward of a program."""
    return next((reward for reward in program.reward if reward.id == name), None)


def price_of(program: Program, extra: Extra) -> tuple[str, int] | None:
    """(currency, units) of what a fact takes; None for a reward that the program has not."""
    reward = reward_of(program, extra.code)
    if reward is None:
        return None
    currency = program.currency_named(reward.currency)
    return currency.id, int(reward.points * 10**currency.scale) * extra.quantity


def stock_of(reward: Reward, stock: RewardStock) -> int | None:
    """Pieces that there are of a reward, given away or not; None for no end."""
    if reward.stock is None and not reward.unique:
        return None
    return (reward.stock or 0) + stock.brought(reward.id)
