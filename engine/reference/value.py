"""Gift cards, rewards and profit shares in the reference (rulebook sections 2, 4, 8 and 9).

A gift card is an account beside the members': what is put on it is an adjust, what it pays a
redemption, what a return puts back a cancel. A reward costs a redemption without terms, a share of
a pool is an adjust. Who may have what is decided by arrival.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

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
from .accounts import Accounts
from .answers import Answer
from .facts import (
    IssueFact,
    OfMember,
    PriceFact,
    net_voids,
)
from .returns import Refusal
from .run import Run
from .turn import Posting
from .world import Accepted, Version, exactly

ValueFact = (
    GiftCardFact | GiftCardFundFact | RewardRedeemFact | RewardStockFact | ProfitShareFact
)


class Value:
    """Takes facts of gift cards, rewards and pools."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts, self._book = accounts, accounts.book

    def submit(self, seq: int, version: Version, fact: ValueFact) -> Answer:
        """The answer to a fact of a gift card, a reward or a pool."""
        # What it does to accounts are facts of their own, of this place.
        entry = Accepted(MemberUpdateFact(fact.id, fact.occurred_at, ""), seq, version)
        match fact:
            case RewardRedeemFact():
                return self._reward(entry, fact)
            case RewardStockFact():
                return self._accounts.rewards.stock(entry, fact)
            case ProfitShareFact():
                return self._share(entry, fact)
            case GiftCardFundFact():
                return self._fund(entry, fact)
        return self._card(entry, fact)

    # -- gift cards ------------------------------------------------------------------------------

    def _card(self, entry: Accepted, fact: GiftCardFact) -> Answer:
        account = account_of(fact.card or "")
        known = self._book.has_facts(account)
        program = entry.version.program
        if isinstance(fact, GiftCardIssueFact) and known:
            return self._book.refused(entry, account, Status.GIFT_CARD_KNOWN)
        if not isinstance(fact, GiftCardIssueFact) and not known:
            return self._book.refused(entry, account, Status.UNKNOWN_GIFT_CARD)
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
        answer = self._accounts.take(replace(entry, fact=same))
        if isinstance(fact, GiftCardRedeemFact) and answer.status == "ok":
            self._accounts.cards.redeemed[fact.id] = account
        return answer

    def _fund(self, entry: Accepted, fact: GiftCardFundFact) -> Answer:
        """A transfer to a card, which may be new."""
        program = entry.version.program
        same = TransferFact(
            fact.id, fact.occurred_at, fact.member, account_of(fact.gift_card or ""),
            program.gift_cards.currency if program.gift_cards else "", fact.amount, fact.completed,
            fact.store, fact.terminal,
        )  # fmt: skip
        return self._accounts.transfer(replace(entry, fact=same), same)

    def pay(self, entry: Accepted, fact: SaleFact) -> Answer:
        """A sale that gift cards pay: all of it or nothing. What an exchange puts back on a card
        is there when the card pays."""
        sums: Counter[str] = Counter()
        for tender in fact.tenders:
            if tender.card is not None:
                sums[account_of(tender.card)] += tender.amount
        if not all(map(self._book.has_facts, sums)):
            return self._book.refused(entry, fact.member, Status.UNKNOWN_GIFT_CARD)
        program = entry.version.program
        currency = program.gift_cards.currency if program.gift_cards else ""
        tried = self._accounts.tried(entry)
        if tried is None:
            return self._accounts.take(entry)
        legs: dict[str, list[Posting]] = {}
        cards = self._accounts.cards
        before, kept = cards.put_back.copy(), self._book.kept(self._book.cards())
        try:
            if entry.returns:
                legs |= cards.back_on_cards(entry, entry, tried)
            for account, paid in sums.items():
                part = RedeemFact(
                    fact.id, fact.occurred_at, account, currency, paid, fact.completed,
                    fact.store, fact.terminal,
                )
                legs[account] = self._book.leg(replace(entry, fact=part), judged=True)
        except Refusal as refusal:
            self._book.put_back(kept)
            cards.put_back = before
            return self._book.refused(entry, fact.member, refusal.status)
        answer = self._accounts.take(entry)
        answer.legs |= legs
        return answer

    # -- rewards ---------------------------------------------------------------------------------

    def _reward(self, entry: Accepted, fact: RewardRedeemFact) -> Answer:
        program = entry.version.program
        if self._book.has_left(entry, fact.member):
            return self._book.refused(entry, fact.member, Status.MEMBER_CLOSED)
        status = self._accounts.rewards.refuses(program, fact)
        if status != Status.OK:
            return self._book.refused(entry, fact.member, status)
        reward = next(reward for reward in program.reward if reward.id == fact.reward)
        currency = program.currency_named(reward.currency)
        price = int(exactly(reward.points) * 10**currency.scale)
        cost = PriceFact(
            fact.id, fact.occurred_at, fact.member, currency.id, price * fact.quantity,
            fact.completed, fact.store, fact.terminal,
        )  # fmt: skip
        answer = self._accounts.take(replace(entry, fact=cost))
        if answer.status == "ok":
            answer.items = self._accounts.rewards.take(fact, price)
        return answer

    # -- profit shares ---------------------------------------------------------------------------

    def _share(self, entry: Accepted, fact: ProfitShareFact) -> Answer:
        program = entry.version.program
        if all(currency.id != fact.currency for currency in program.currency) or not (
            fact.causes.keys() <= set(program.causes)
        ):
            return Answer(fact.id, "refused", "invalid-fact")
        weights = {
            name: weight for name, run in self._book.of_members()
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
                answer.legs[account] = self._book.leg(replace(entry, fact=given))
        for name, points in shares.items():
            if points:
                part = AdjustFact(
                    fact.id, fact.occurred_at, name, fact.currency, points, expires=fact.expires
                )
                answer.legs[name] = self._book.leg(replace(entry, fact=part))
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

