"""One fact of a member as it arrives: accepted, parked or refused, and what it changes
(rulebook sections 2, 7, 8 and 9).
"""

from __future__ import annotations

from dataclasses import replace
from itertools import groupby

import msgspec

from ..columns.gift_accounts import is_account
from ..columns.status import REFUSALS, Status
from ..facts import (
    CancelFact,
    CaptureFact,
    ClaimFact,
    CloseFact,
    DayClosedFact,
    EnrolFact,
    HoldFact,
    LinkFact,
    MemberFact,
    MemberUpdateFact,
    PaymentFact,
    RedeemFact,
    ReleaseFact,
    ReturnFact,
    SaleFact,
    TransferFact,
)
from .answers import Answer, corrections
from .book import Book
from .cards import Cards
from .checks import check_others, judge_of
from .facts import OfMember, PriceFact, ReceivedFact
from .moving import leg_of
from .receipts import plain
from .referrals import Referrals
from .returns import Refusal
from .rewards import Rewards
from .run import Run, play
from .spending import whole_steps
from .turn import Row
from .world import Accepted


class Accounts:
    """Takes facts of members, and of accounts that are none's, into a book."""

    def __init__(self, book: Book) -> None:
        self.book, self.cards, self.rewards = book, Cards(book), Rewards()
        self._referrals = Referrals()

    def take(self, entry: Accepted) -> Answer:
        """The answer to a fact of one account."""
        assert not isinstance(entry.fact, DayClosedFact | ReceivedFact | ClaimFact | LinkFact)
        return self._of_member(entry, entry.fact)

    def _of_member(self, entry: Accepted, fact: MemberFact | TransferFact) -> Answer:
        before = self.book.run(fact.member)
        cut = None
        try:
            self._check_referrer(fact)
            self._check_open(entry, fact)
            if isinstance(fact, RedeemFact) and not isinstance(fact, PriceFact):
                entry, cut = self._cut(entry, fact, self.book.facts.get(fact.member, []), before)
            self._check_named(fact)
            waits = self.book.waits(fact)
            if waits and isinstance(fact, ReturnFact | PaymentFact):
                self.book.park(entry)
                answer = self.book.in_vain(Answer(fact.id, "parked"))
                return self.book.answered(entry, before, answer)
            tried, after = self._played(entry, fact)
        except Refusal as refusal:
            answer = Answer(fact.id, "refused", REFUSALS[refusal.status])
            return self.book.answered(entry, before, self.book.in_vain(answer))
        if waits:
            self.book.park(entry)
        answer = Answer(fact.id, taken=cut)
        kept, after = self.book.unpark(entry, [*tried, entry], after, answer)
        self.book.keep(fact.member, kept, after)
        if not is_account(fact.member):
            self.book.members.update({
                e.fact.id: fact.member for e in kept if not isinstance(e.fact, ReceivedFact)
            })  # fmt: skip
            self.book.own[fact.id] = fact
        if isinstance(fact, SaleFact):
            self.book.sales.add(fact.id)
        if isinstance(fact, CloseFact):
            self.book.closed[fact.member] = entry.at_us
        answer.postings = after.rows[fact.id].postings + corrections(before, after, fact.id)
        self.book.close_budgets(entry.version.program, answer)
        self.cards.refund(entry, answer)
        if isinstance(fact, CancelFact):
            self.rewards.cancelled(fact, answer)
        if isinstance(fact, EnrolFact | MemberUpdateFact) and isinstance(fact.referrer, str):
            self._referrals.referrer_of[fact.member] = fact.referrer
        self.refer(entry, fact, before, after, answer)
        return self.book.answered(entry, after, answer)

    def _played(
        self, entry: Accepted, fact: MemberFact | TransferFact
    ) -> tuple[list[Accepted], Run]:
        """A member's facts so far, and its run with a new one. Raises Refusal."""
        # Exchanges that wait for this very fact come back one by one, later.
        waiting = {parked.fact.id for parked in self.book.parked.get(fact.id, [])}
        facts, before = self.book.facts.get(fact.member, []), self.book.run(fact.member)
        tried = [replace(e, returns=False) if e.fact.id in waiting else e for e in facts]
        judge = judge_of(entry, lambda row: self._check_pieces(fact, row))
        after = play(self.book.world, [*tried, entry], before, judge=judge)
        check_others(entry, before, after)
        return tried, after

    def tried(self, entry: Accepted) -> Run | None:
        """A member's run with a sale that is not taken yet; None where it will be refused."""
        assert isinstance(entry.fact, SaleFact)
        try:
            self._check_open(entry, entry.fact)
            self._check_named(entry.fact)
            self.book.waits(entry.fact)
            return self._played(entry, entry.fact)[1]
        except Refusal:
            return None

    def transfer(self, entry: Accepted, fact: TransferFact) -> Answer:
        """A fact of several members: all of it or nothing."""
        left = [self.book.closed[who] for who in (fact.member, fact.to) if who in self.book.closed]
        refused = None
        if any(entry.at_us >= closed for closed in left):
            refused = Status.MEMBER_CLOSED
        elif fact.to not in self.book.facts and not is_account(fact.to):
            refused = Status.UNKNOWN_MEMBER
        if refused is not None:
            answer = Answer(fact.id, "refused", REFUSALS[refused])
            return self.book.answered(entry, self.book.run(fact.member), self.book.in_vain(answer))
        answer = self._of_member(entry, fact)
        if answer.status != "ok":
            return answer
        leg = replace(entry, fact=leg_of(fact, self.book.runs[fact.member].rows[fact.id]))
        before = self.book.run(fact.to)
        self.book.facts[fact.to] = [*self.book.facts.get(fact.to, []), leg]
        after = self.book.runs[fact.to] = play(self.book.world, self.book.facts[fact.to], before)
        answer.legs[fact.to] = after.rows[fact.id].postings + corrections(before, after, fact.id)
        self.book.close_budgets(entry.version.program, answer)
        return answer

    def _cut(
        self, entry: Accepted, fact: RedeemFact, facts: list[Accepted], before: Run
    ) -> tuple[Accepted, int | None]:
        """A redemption that takes what is redeemable where it asks for more, and what that is."""
        program = entry.version.program
        terms = program.terms_of(fact.currency)
        if terms is None or terms.over == "refuse" or fact.completed:
            return entry, None
        row = play(self.book.world, [*facts, entry], before).rows[fact.id]
        active = fact.points - row.lack[fact.currency]
        most = whole_steps(program, terms, active)
        if not 0 < most < fact.points:
            return entry, None
        return replace(entry, fact=msgspec.structs.replace(fact, points=most)), most

    def refer(
        self, entry: Accepted, fact: OfMember, before: Run, after: Run, answer: Answer
    ) -> None:
        """What a fact brings to whom referred its member, or takes."""
        legs = self._referrals.legs(self.book.world, entry, fact, before, after, self.book.closed)
        for referrer, some in groupby(legs, lambda leg: getattr(leg.fact, "member", "")):
            mine = list(some)
            was = self.book.run(referrer)
            kept = [*self.book.facts.get(referrer, []), *mine]
            then = play(self.book.world, kept, was)
            self.book.keep(referrer, kept, then)
            names = [leg.fact.id for leg in mine]
            for name in names:
                told = answer.rows.setdefault(f"{plain(name)}/{referrer}", Answer(name))
                told.postings += then.rows[name].postings
            told.postings += corrections(was, then, *names)
            self.book.close_budgets(entry.version.program, answer)

    # -- what refuses a fact ---------------------------------------------------------------------

    def _check_open(self, entry: Accepted, fact: MemberFact | TransferFact) -> None:
        """Whether a member has not left by then. Raises Refusal."""
        closed = self.book.closed.get(fact.member)
        if closed is not None and (entry.at_us >= closed or isinstance(fact, CloseFact)):
            raise Refusal(fact.id, Status.MEMBER_CLOSED)

    def _check_referrer(self, fact: MemberFact | TransferFact) -> None:
        """Whether a member may be referred by whom a fact names. Raises Refusal."""
        if isinstance(fact, EnrolFact | MemberUpdateFact) and isinstance(fact.referrer, str):
            status = self._referrals.refuses(fact.member, fact.referrer)
            if status != Status.OK:
                raise Refusal(fact.id, status)

    def _check_named(self, fact: MemberFact | TransferFact) -> None:
        """Whether the holds and redemptions that a fact names are here. Raises Refusal."""
        kinds: tuple[type, ...] = (HoldFact,)
        unknown = Status.UNKNOWN_HOLD
        match fact:
            case SaleFact():
                names = [tender.ref for tender in fact.tenders if tender.ref is not None]
                kinds = HoldFact, RedeemFact
            case CaptureFact() | ReleaseFact():
                names = [fact.hold]
            case CancelFact() if is_account(fact.member):
                self.cards.check_named(fact)
                return
            case CancelFact():
                names, kinds = [fact.redemption or ""], (RedeemFact, CaptureFact)
                unknown = Status.NOT_A_REDEMPTION
            case _:
                return
        for name in names:
            found = self.book.own.get(name)
            costs = isinstance(found, PriceFact) and isinstance(fact, SaleFact)
            if not isinstance(found, kinds) or costs:
                raise Refusal(fact.id, unknown)
            if self.book.members[name] != fact.member:
                raise Refusal(fact.id, Status.WRONG_MEMBER)

    def _check_pieces(self, fact: MemberFact | TransferFact, row: Row) -> None:
        """Whether a cancel brings back whole pieces of a reward. Raises Refusal."""
        if isinstance(fact, CancelFact):
            back = sum(p.points for p in row.postings if p.kind == "restore")
            self.rewards.check_cancel(fact, back)
