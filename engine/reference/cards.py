"""What returns put back on gift cards, and which card a redemption is of, in the reference
(rulebook sections 8 and 9).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace

from ..columns.gift_accounts import account_of
from ..columns.status import Status
from ..facts import CancelFact, PaymentFact, SaleFact
from .answers import Answer
from .book import Book
from .facts import RefundFact, named_sale, refund_id
from .returns import Refusal, redeemed_back
from .run import Run
from .turn import Posting
from .world import Accepted


@dataclass
class Cards:
    """What the reference knows of gift cards beside their accounts.

    `put_back` is money by card and sale, `redeemed` accounts of cards by their redemptions.
    """

    book: Book
    put_back: Counter[tuple[str, str]] = field(default_factory=Counter)
    redeemed: dict[str, str] = field(default_factory=dict)

    def check_named(self, fact: CancelFact) -> None:
        """Whether a redemption that a card's cancel names is the card's. Raises Refusal."""
        account = self.redeemed.get(fact.redemption or "")
        if account is None:
            raise Refusal(fact.id, Status.NOT_A_REDEMPTION)
        if account != fact.member:
            raise Refusal(fact.id, Status.WRONG_MEMBER)

    def refund(self, entry: Accepted, answer: Answer) -> None:
        """What the returns that a fact's answer tells of put back on gift cards."""
        book, member = self.book, getattr(entry.fact, "member", "")
        applied = [entry] if answer.status == "ok" and entry.returns else []
        applied += [
            book.fact(member, name) for name, told in answer.parked.items() if told == "ok"
        ]
        for one in applied:
            answer.legs |= self.back_on_cards(entry, one, book.run(member))

    def back_on_cards(self, entry: Accepted, one: Accepted, run: Run) -> dict[str, list[Posting]]:
        """What a return, by a member's run with it, puts back on cards in the commit of a fact."""
        name = named_sale(one.fact)
        # An exchange may wait for the sale that it names.
        if name is None or name not in run.member.sales or isinstance(one.fact, PaymentFact):
            return {}
        sale = self.book.fact(getattr(one.fact, "member", ""), name).fact
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
