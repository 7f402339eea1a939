"""Rewards in the reference: pieces and items that are left, taken and come back (section 8)."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from ..columns.status import Status
from ..facts import CancelFact, RewardRedeemFact, RewardStockFact
from ..program.program import Program
from .answers import Answer
from .returns import Refusal
from .world import Accepted


@dataclass
class Taken:
    """Pieces that a redemption took of a reward, and what one cost."""

    member: str
    reward: str
    pieces: int
    price: int
    items: list[str] = field(default_factory=list)


@dataclass
class Rewards:
    """What was brought of rewards, and what was taken, by the fact that took it.

    `items` are those of each unique reward that are nobody's, in the order in which they were
    brought, `known` all that there were.
    """

    brought: Counter[str] = field(default_factory=Counter)
    items: dict[str, list[str]] = field(default_factory=dict)
    known: dict[str, list[str]] = field(default_factory=dict)
    taken: dict[str, Taken] = field(default_factory=dict)

    def refuses(self, program: Program, fact: RewardRedeemFact) -> Status:
        """Why pieces may not be had; OK where they may."""
        reward = next((reward for reward in program.reward if reward.id == fact.reward), None)
        if reward is None:
            return Status.UNKNOWN_REWARD
        left = self.left(program, reward.id)
        if left is not None and fact.quantity > left:
            return Status.OUT_OF_STOCK
        mine = sum(
            one.pieces for one in self.taken.values()
            if one.member == fact.member and one.reward == reward.id
        )
        if reward.per_member is not None and mine + fact.quantity > reward.per_member:
            return Status.OVER_LIMIT
        return Status.OK

    def take(self, fact: RewardRedeemFact, price: int) -> list[str]:
        """Pieces are a member's, of a unique reward the items that are told."""
        free = self.items.get(fact.reward, [])
        got, self.items[fact.reward] = free[: fact.quantity], free[fact.quantity :]
        self.taken[fact.id] = Taken(fact.member, fact.reward, fact.quantity, price, got)
        return list(got)

    def left(self, program: Program, name: str) -> int | None:
        """Pieces that are left of a reward; None for no end of them."""
        reward = next(reward for reward in program.reward if reward.id == name)
        if reward.stock is None and not reward.unique:
            return None
        gone = sum(one.pieces for one in self.taken.values() if one.reward == name)
        return max(0, (reward.stock or 0) + self.brought[name] - gone)

    def check_cancel(self, fact: CancelFact, points: int) -> None:
        """Whether a cancel brings back whole pieces of a reward. Raises Refusal."""
        of = self.taken.get(fact.redemption or "")
        if of is not None and points % of.price:
            raise Refusal(fact.id, Status.NOT_A_MULTIPLE)

    def cancelled(self, fact: CancelFact, answer: Answer) -> None:
        """Pieces of a reward are back: in the stock, and where the member had its limit."""
        of = self.taken.get(fact.redemption or "")
        if of is None:
            return
        own = (posting.points for posting in answer.postings if posting.kind == "restore")
        pieces = sum(own) // of.price
        of.pieces -= pieces
        if of.items:
            answer.items = of.items[len(of.items) - pieces :]
            del of.items[len(of.items) - pieces :]
            back = {*self.items[of.reward], *answer.items}
            self.items[of.reward] = [x for x in self.known[of.reward] if x in back]

    def stock(self, entry: Accepted, fact: RewardStockFact) -> Answer:
        """The answer to pieces or items that are brought, or taken away."""
        program = entry.version.program
        reward = next((reward for reward in program.reward if reward.id == fact.reward), None)
        known = self.known.setdefault(fact.reward, [])
        if (
            reward is None
            or reward.unique != bool(fact.items)
            or not set(known).isdisjoint(fact.items)
            or (left := self.left(program, reward.id)) is None
            or left + fact.pieces < 0
        ):
            return Answer(fact.id, "refused", "invalid-fact")
        self.brought[fact.reward] += fact.pieces + len(fact.items)
        known += fact.items
        self.items.setdefault(fact.reward, []).extend(fact.items)
        return Answer(fact.id)
