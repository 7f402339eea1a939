"""Gift cards, rewards and profit shares in the reference (rulebook sections 2, 4, 8 and 9).

A gift card is an account beside the members': what is put on it is an adjust, what it pays a
redemption, what a return puts back a cancel. A reward costs a redemption without terms, a share of
a pool is an adjust. Who may have what is decided by arrival.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from ..calendars.calendars import day_of
from ..columns.gift_accounts import account_of, cause_account
from ..columns.status import Status
from ..facts import (
    AdjustFact,
    CancelFact,
    GiftCardCancelFact,
    GiftCardFact,
    GiftCardFundFact,
    GiftCardIssueFact,
    GiftCardLoadFact,
    GiftCardRedeemFact,
    MemberUpdateFact,
    ProfitShareFact,
    RedeemFact,
    RewardRedeemFact,
    RewardStockFact,
    SaleFact,
    TransferFact,
)
from ..program.program import Program
from .answers import Answer
from .facts import (
    IssueFact,
    OfMember,
    PriceFact,
    RefundFact,
    named_sale,
    net_voids,
)
from .returns import Refusal, redeemed_back
from .turn import Posting
from .world import Accepted, Version, exactly

if TYPE_CHECKING:
    from .reference import Reference
    from .run import Run

ValueFact = (
    GiftCardFact | GiftCardFundFact | RewardRedeemFact | RewardStockFact | ProfitShareFact
)


def refund_id(fact: str) -> str:
    """Id of a card's part of a return among the card's facts: an exchange may pay as well."""
    return f"{fact}\0refund"


@dataclass
class Taken:
    """Pieces that a redemption took of a reward, and what one cost."""

    member: str
    reward: str
    pieces: int
    price: int
    items: list[str] = field(default_factory=list)


@dataclass
class Value:
    """What the reference knows of gift cards and rewards beside the accounts."""

    book: Reference
    put_back: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Money by card and sale."""
    brought: Counter[str] = field(default_factory=Counter)
    items: dict[str, list[str]] = field(default_factory=dict)
    """Items of each reward that are nobody's, and nobody's for how long."""
    known_items: dict[str, list[str]] = field(default_factory=dict)
    taken: dict[str, Taken] = field(default_factory=dict)
    redeemed: dict[str, str] = field(default_factory=dict)
    """Accounts of gift cards by their redemptions."""

    def submit(self, seq: int, version: Version, fact: ValueFact) -> Answer:
        """The answer to a fact of a gift card, a reward or a pool."""
        # What it does to accounts are facts of their own, of this place.
        entry = Accepted(MemberUpdateFact(fact.id, fact.occurred_at, ""), seq, version)
        match fact:
            case RewardRedeemFact():
                return self._reward(entry, fact)
            case RewardStockFact():
                return self._stock(entry, fact)
            case ProfitShareFact():
                return self._share(entry, fact)
            case GiftCardFundFact():
                return self._fund(entry, fact)
        return self._card(entry, fact)

    # -- gift cards ------------------------------------------------------------------------------

    def _card(self, entry: Accepted, fact: GiftCardFact) -> Answer:
        account = account_of(fact.card or "")
        known = self.book.has_facts(account)
        program = entry.version.program
        if isinstance(fact, GiftCardIssueFact) and known:
            return self.book.refused(entry, account, Status.GIFT_CARD_KNOWN)
        if not isinstance(fact, GiftCardIssueFact) and not known:
            return self.book.refused(entry, account, Status.UNKNOWN_GIFT_CARD)
        currency = program.gift_cards.currency if program.gift_cards else ""
        head = fact.id, fact.occurred_at, account
        same: OfMember
        match fact:
            case GiftCardRedeemFact():
                same = RedeemFact(
                    *head, currency, fact.amount, fact.completed, fact.store, fact.terminal
                )
            case GiftCardCancelFact():
                same = CancelFact(
                    *head, fact.redemption, fact.amount, store=fact.store, terminal=fact.terminal
                )
            case GiftCardIssueFact() | GiftCardLoadFact():
                kind = IssueFact if isinstance(fact, GiftCardIssueFact) else AdjustFact
                same = kind(
                    *head, currency, fact.amount, expires=fact.expires, store=fact.store,
                    terminal=fact.terminal,
                )
            case _:
                same = MemberUpdateFact(*head, fact.store, fact.terminal)
        answer = self.book.take(replace(entry, fact=same))
        if isinstance(fact, GiftCardRedeemFact) and answer.status == "ok":
            self.redeemed[fact.id] = account
        return answer

    def check_named(self, fact: CancelFact) -> None:
        """Whether a redemption that a card's cancel names is the card's. Raises Refusal."""
        account = self.redeemed.get(fact.redemption or "")
        if account is None:
            raise Refusal(fact.id, Status.NOT_A_REDEMPTION)
        if account != fact.member:
            raise Refusal(fact.id, Status.WRONG_MEMBER)

    def _fund(self, entry: Accepted, fact: GiftCardFundFact) -> Answer:
        """A transfer to a card, which may be new."""
        program = entry.version.program
        same = TransferFact(
            fact.id, fact.occurred_at, fact.member, account_of(fact.gift_card or ""),
            program.gift_cards.currency if program.gift_cards else "", fact.amount, fact.completed,
            fact.store, fact.terminal,
        )  # fmt: skip
        return self.book.transfer(replace(entry, fact=same), same)

    def pay(self, entry: Accepted, fact: SaleFact) -> Answer:
        """A sale that gift cards pay: all of it or nothing. What an exchange puts back on a card
        is there when the card pays."""
        sums: Counter[str] = Counter()
        for tender in fact.tenders:
            if tender.card is not None:
                sums[account_of(tender.card)] += tender.amount
        if not all(map(self.book.has_facts, sums)):
            return self.book.refused(entry, fact.member, Status.UNKNOWN_GIFT_CARD)
        program = entry.version.program
        currency = program.gift_cards.currency if program.gift_cards else ""
        tried = self.book.tried(entry)
        if tried is None:
            return self.book.take(entry)
        legs: dict[str, list[Posting]] = {}
        before, kept = self.put_back.copy(), self.book.kept(self.book.cards())
        try:
            if entry.returns:
                legs |= self._back_on_cards(entry, entry, tried)
            for account, paid in sums.items():
                part = RedeemFact(
                    fact.id, fact.occurred_at, account, currency, paid, fact.completed,
                    fact.store, fact.terminal,
                )
                legs[account] = self.book.leg(replace(entry, fact=part), judged=True)
        except Refusal as refusal:
            self.book.put_back(kept)
            self.put_back = before
            return self.book.refused(entry, fact.member, refusal.status)
        answer = self.book.take(entry)
        answer.legs |= legs
        return answer

    def refund(self, entry: Accepted, answer: Answer) -> None:
        """What the returns that a fact's answer tells of put back on gift cards."""
        book, member = self.book, getattr(entry.fact, "member", "")
        applied = [entry] if answer.status == "ok" and entry.returns else []
        applied += [
            book.accepted(member, name) for name, told in answer.parked.items() if told == "ok"
        ]
        for one in applied:
            answer.legs |= self._back_on_cards(entry, one, book.run_of(member))

    def _back_on_cards(self, entry: Accepted, one: Accepted, run: Run) -> dict[str, list[Posting]]:
        """What a return, by a member's run with it, puts back on cards in the commit of a fact."""
        name = named_sale(one.fact)
        # An exchange may wait for the sale that it names.
        if name is None or name not in run.member.sales:
            return {}
        sale = self.book.accepted(getattr(one.fact, "member", ""), name).fact
        assert isinstance(sale, SaleFact)
        back, redeemed = redeemed_back(run.member.sales[name])
        paid: Counter[str] = Counter()
        for tender in sale.tenders:
            if tender.card is not None:
                paid[account_of(tender.card)] += tender.amount
        legs = {}
        for account, amount in paid.items():
            more = (amount * back // redeemed if redeemed else 0) - self.put_back[account, name]
            if more > 0:
                self.put_back[account, name] += more
                part = RefundFact(
                    refund_id(one.fact.id), one.fact.occurred_at, account, name, more,
                    getattr(one.fact, "store", ""), getattr(one.fact, "terminal", ""),
                )  # fmt: skip
                postings = self.book.leg(replace(one, fact=part, seq=entry.seq))
                legs[refund_id(f"{account}/{one.fact.id}")] = postings
        return legs

    # -- rewards ---------------------------------------------------------------------------------

    def _reward(self, entry: Accepted, fact: RewardRedeemFact) -> Answer:
        program = entry.version.program
        reward = next((reward for reward in program.reward if reward.id == fact.reward), None)
        if self.book.has_left(entry, fact.member):
            return self.book.refused(entry, fact.member, Status.MEMBER_CLOSED)
        if reward is None:
            return self.book.refused(entry, fact.member, Status.UNKNOWN_REWARD)
        left = self.left(program, reward.id)
        if left is not None and fact.quantity > left:
            return self.book.refused(entry, fact.member, Status.OUT_OF_STOCK)
        mine = sum(
            one.pieces for one in self.taken.values()
            if one.member == fact.member and one.reward == reward.id
        )
        if reward.per_member is not None and mine + fact.quantity > reward.per_member:
            return self.book.refused(entry, fact.member, Status.OVER_LIMIT)
        currency = program.currency[program.currency_at(reward.currency)]
        price = int(exactly(reward.points) * 10**currency.scale)
        cost = PriceFact(
            fact.id, fact.occurred_at, fact.member, currency.id, price * fact.quantity,
            fact.completed, fact.store, fact.terminal,
        )  # fmt: skip
        answer = self.book.take(replace(entry, fact=cost))
        if answer.status == "ok":
            free = self.items.get(reward.id, [])
            got, self.items[reward.id] = free[: fact.quantity], free[fact.quantity :]
            self.taken[fact.id] = Taken(fact.member, reward.id, fact.quantity, price, got)
            answer.items = list(got)
        return answer

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
            self.items[of.reward] = [x for x in self.known_items[of.reward] if x in back]

    def _stock(self, entry: Accepted, fact: RewardStockFact) -> Answer:
        program = entry.version.program
        reward = next((reward for reward in program.reward if reward.id == fact.reward), None)
        known = self.known_items.setdefault(fact.reward, [])
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

    # -- profit shares ---------------------------------------------------------------------------

    def _share(self, entry: Accepted, fact: ProfitShareFact) -> Answer:
        program = entry.version.program
        if all(currency.id != fact.currency for currency in program.currency) or not (
            fact.causes.keys() <= set(program.causes)
        ):
            return Answer(fact.id, "refused", "invalid-fact")
        weights = {
            name: weight for name, run in self.book.runs()
            if not run.member.about.closed
            and (weight := self._weight(run, fact)) > 0
        }  # fmt: skip
        total = sum(weights.values())
        of_causes = {name: fact.points * part // 1000 for name, part in fact.causes.items()}
        pool = fact.points - sum(of_causes.values())
        if not total and not any(of_causes.values()):
            return Answer(fact.id, "refused", "invalid-fact")
        shares = {name: pool * weight // total for name, weight in weights.items()}
        fractions = sorted(
            weights, key=lambda name: (-(pool * weights[name] % total), name.encode())
        )
        for name in fractions[: pool - sum(shares.values())]:
            shares[name] += 1
        answer = Answer(fact.id)
        for name, points in of_causes.items():
            if points:
                account = cause_account(name)
                given = IssueFact(
                    fact.id, fact.occurred_at, account, fact.currency, points, expires="never"
                )
                answer.legs[account] = self.book.leg(replace(entry, fact=given))
        for name, points in shares.items():
            if points:
                part = AdjustFact(
                    fact.id, fact.occurred_at, name, fact.currency, points, expires=fact.expires
                )
                answer.legs[name] = self.book.leg(replace(entry, fact=part))
        return answer

    def _weight(self, run: Run, fact: ProfitShareFact) -> int:
        """What a member bought net of what came back, or earned, on the dates of a pool."""
        total = 0
        for step in run.steps:
            if not day_of(fact.since) <= day_of(step.row.date) <= day_of(fact.until):
                continue
            if fact.weight == "points":
                total += sum(
                    posting.points for posting in step.row.postings
                    if posting.currency == fact.currency
                    and posting.kind in ("earn", "multiply", "bonus", "reverse")
                )
            elif isinstance(step.entry.fact, SaleFact):
                total += sum(line.net for line in net_voids(step.entry.fact.lines))
            if fact.weight == "spend":
                total -= step.row.back
        return total
