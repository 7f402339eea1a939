"""Sales of nobody in the reference: claimed by a member, and given back (sections 7 to 9)."""

from __future__ import annotations

from dataclasses import replace

import msgspec

from ..columns.status import REFUSALS, Status
from ..facts import CancelFact, ClaimFact, DayClosedFact, ReturnFact, SaleFact
from .accounts import Accounts
from .answers import Answer, corrections
from .checks import judge_of
from .receipts import Receipt, plain, whole_return
from .returns import Refusal
from .run import Run, play
from .world import Accepted


class Claims:
    """Takes facts of nobody, claims and their cancels."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts, self._book = accounts, accounts.book

    def of_nobody(self, entry: Accepted) -> Answer:
        """A sale without a member, or a return of which the receipt tells whose it is."""
        fact = entry.fact
        if isinstance(fact, SaleFact):
            self._book.receipts[fact.id] = Receipt(entry)
            return Answer(fact.id)
        assert isinstance(fact, ReturnFact)
        assert fact.sale is not None
        receipt = self._book.receipts.get(fact.sale)
        if receipt is not None and not receipt.owner:
            receipt.waiting.append(entry)
            return Answer(fact.id, "parked")
        if receipt is None and fact.sale not in self._book.sales:
            return Answer(fact.id, "refused", REFUSALS[Status.NOT_A_SALE])
        owner = self._book.members[fact.sale] if receipt is None else receipt.owner
        fact = msgspec.structs.replace(fact, member=owner)
        return self._accounts.take(replace(entry, fact=fact))

    def claim(self, entry: Accepted, fact: ClaimFact) -> Answer:
        """The sale, and what of it was returned, among its member's facts."""
        before, receipt = self._book.run(fact.member), self._book.receipts.get(fact.sale)
        closed = self._book.closed.get(fact.member)
        status = Status.OK
        if closed is not None and entry.at_us >= closed:
            status = Status.MEMBER_CLOSED
        elif receipt is None:
            status = Status.SALE_HAS_MEMBER if fact.sale in self._book.sales else Status.NOT_A_SALE
        else:
            status = receipt.refuses(entry)
        if (
            status == Status.OK and receipt is not None
            and closed is not None and receipt.sale.at_us >= closed
        ):  # fmt: skip
            status = Status.MEMBER_CLOSED
        if status != Status.OK or receipt is None:
            answer = Answer(fact.id, "refused", REFUSALS[status])
            return self._book.answered(entry, before, self._book.in_vain(answer))
        had = self._book.facts.get(receipt.owners[-1], []) if receipt.owners else []
        leg, returns = receipt.moved_to(entry, fact, had, self._book.world.version_at)
        waiting = {one.fact.id for one in self._book.parked.get(fact.sale, [])}
        facts = self._book.facts.get(fact.member, [])
        if fact.member in receipt.owners:
            facts = list(receipt.given_up(facts))
        kept = [replace(e, returns=False) if e.fact.id in waiting else e for e in facts]
        kept += [entry, leg]
        sale = Answer(leg.fact.id)
        rows = {leg.fact.id: sale}
        try:
            after = play(self._book.world, kept, before, judge=judge_of(leg))
        except Refusal as refusal:
            answer = Answer(fact.id, "refused", REFUSALS[refusal.status])
            return self._book.answered(entry, before, self._book.in_vain(answer))
        kept, after = self._book.unpark(leg, kept, after, sale)
        last = leg.fact.id
        for one in returns:
            told = rows[one.fact.id] = Answer(one.fact.id)
            try:
                then = play(self._book.world, [*kept, one], after, judge=judge_of(one))
            except Refusal as refusal:
                told.status, told.reason = "refused", REFUSALS[refusal.status]
                continue
            kept, after, last = [*kept, one], then, one.fact.id
        self._book.keep(fact.member, kept, after)
        receipt.owners.append(fact.member)
        receipt.claim, receipt.waiting = fact.id, []
        self._book.members[leg.fact.id] = fact.member
        self._book.sales.add(leg.fact.id)
        return self._with_rows(entry, fact, before, rows, last)

    def cancelled(self, entry: Accepted, fact: CancelFact) -> Answer:
        """All that a claimed sale has left comes back, and it is nobody's again."""
        before, claim = self._book.run(fact.member), self._book.own.get(fact.claim or "")
        closed = self._book.closed.get(fact.member)
        status = Status.OK
        if closed is not None and entry.at_us >= closed:
            status = Status.MEMBER_CLOSED
        elif not isinstance(claim, ClaimFact):
            status = Status.NOT_A_REDEMPTION
        elif claim.member != fact.member:
            status = Status.WRONG_MEMBER
        elif self._book.receipts[claim.sale].claim != claim.id:
            status = Status.ALREADY_CANCELLED
        if status != Status.OK or not isinstance(claim, ClaimFact):
            answer = Answer(fact.id, "refused", REFUSALS[status])
            return self._book.answered(entry, before, self._book.in_vain(answer))
        receipt = self._book.receipts[claim.sale]
        back = replace(entry, fact=whole_return(fact, claim.sale))
        kept = [*self._book.facts[fact.member], back]
        try:
            after = play(self._book.world, kept, before, judge=judge_of(back))
        except Refusal as refusal:
            answer = Answer(fact.id, "refused", REFUSALS[refusal.status])
            return self._book.answered(entry, before, self._book.in_vain(answer))
        self._book.keep(fact.member, kept, after)
        receipt.claim = ""
        return self._with_rows(entry, fact, before, {fact.id: Answer(fact.id)}, fact.id)

    def _with_rows(
        self, entry: Accepted, fact: ClaimFact | CancelFact, before: Run,
        rows: dict[str, Answer], last: str,
    ) -> Answer:
        """The answer to a claim or its cancel; corrections stand on the last row, those of returns
        that waited on the sale's."""
        answer, after = self._book.in_vain(Answer(fact.id)), self._book.runs[fact.member]
        self._book.members[fact.id], self._book.own[fact.id] = fact.member, fact
        for name, told in rows.items():
            if told.status == "ok":
                told.postings = list(after.rows[name].postings)
        new = {fact.id, *rows}
        told_on = {name: row for row in rows.values() for name in row.parked}
        for posting in corrections(before, after, *new):
            told_on.get(posting.corrects, rows[last]).postings.append(posting)
        answer.rows = {plain(name): told for name, told in rows.items()}
        self._book.close_budgets(entry.version.program, answer)
        of_sale = after.rows[next(iter(rows))]
        moved = next(e.fact for e in self._book.facts[fact.member] if e.fact.id == of_sale.id)
        assert not isinstance(moved, DayClosedFact)
        self._accounts.refer(entry, moved, before, after, answer)
        return self._book.answered(entry, after, answer)
