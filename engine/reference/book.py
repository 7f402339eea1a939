"""What the reference has accepted: facts by account, and what they came to (rulebook section 2)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from ..columns.gift_accounts import is_account
from ..columns.status import REFUSALS, Status
from ..facts import (
    ClaimFact,
    DayClosedFact,
    MemberFact,
    SaleFact,
    TransferFact,
)
from ..program.program import Program
from ..program.rules import Offer
from .answers import Answer, balances, corrections
from .calendar import business_date
from .checks import check_others, judge_of
from .facts import named_sale
from .receipts import Receipt
from .returns import Refusal, check_return
from .run import Run, play
from .spending import run_out
from .tiers import tier_on
from .turn import Posting, advance
from .world import Accepted, World


@dataclass
class Book:
    """Accounts of members and of none, and what is known of all facts.

    `facts` and `runs` are by account, `members` tells whose each fact is, `own` are members'
    facts by id, `closed` when members left. `receipts` are sales that were nobody's, `parked`
    facts that wait, by the sale that they name. `answers` are what was said of each fact, and
    its content.
    """

    world: World = field(default_factory=World)
    seq: int = 0
    facts: dict[str, list[Accepted]] = field(default_factory=dict)
    runs: dict[str, Run] = field(default_factory=dict)
    members: dict[str, str] = field(default_factory=dict)
    closed: dict[str, int] = field(default_factory=dict)
    own: dict[str, MemberFact | TransferFact | ClaimFact] = field(default_factory=dict)
    receipts: dict[str, Receipt] = field(default_factory=dict)
    sales: set[str] = field(default_factory=set)
    parked: dict[str, list[Accepted]] = field(default_factory=dict)
    answers: dict[str, tuple[object, Answer]] = field(default_factory=dict)

    # -- accounts --------------------------------------------------------------------------------

    def run(self, name: str) -> Run:
        """An account after all of its facts."""
        return self.runs.get(name, Run())

    def keep(self, name: str, facts: list[Accepted], run: Run) -> None:
        """An account's facts and what they came to by now."""
        self.facts[name], self.runs[name] = facts, run

    def of_members(self) -> Iterator[tuple[str, Run]]:
        """Every member, no account that is none's."""
        return ((name, run) for name, run in self.runs.items() if not is_account(name))

    def has_facts(self, name: str) -> bool:
        """Whether an account has an accepted fact."""
        return bool(self.facts.get(name))

    def has_left(self, entry: Accepted, name: str) -> bool:
        """Whether a member had left by the time of a fact."""
        return name in self.closed and entry.at_us >= self.closed[name]

    def fact(self, member: str, name: str) -> Accepted:
        """An accepted fact of a member."""
        return next(entry for entry in self.facts[member] if entry.fact.id == name)

    def kept(self, names: Iterable[str]) -> dict[str, tuple[list[Accepted], Run]]:
        """Accounts as they are, to be put back."""
        return {name: (self.facts.get(name, []), self.run(name)) for name in names}

    def put_back(self, kept: Mapping[str, tuple[list[Accepted], Run]]) -> None:
        """Make accounts what they were."""
        for name, (facts, run) in kept.items():
            self.facts[name], self.runs[name] = facts, run

    def cards(self) -> list[str]:
        """The accounts that are no member's."""
        return [name for name in self.facts if is_account(name)]

    # -- what a commit does ------------------------------------------------------------------------

    def leg(self, entry: Accepted, *, judged: bool = False) -> list[Posting]:
        """What a part of another account's fact comes to. Raises Refusal where it is judged."""
        assert not isinstance(entry.fact, DayClosedFact)
        name, facts = entry.fact.member, self.facts.get(entry.fact.member, [])
        before = self.run(name)
        judge = judge_of(entry) if judged else None
        after = play(self.world, [*facts, entry], before, judge=judge)
        if judged:
            check_others(entry, before, after)
        self.keep(name, [*facts, entry], after)
        own = after.rows[entry.fact.id].postings
        return own + corrections(before, after, entry.fact.id)

    def replay_all(self, answer: Answer, changed_us: int | None = None) -> Answer:
        """Play every account again after a fact of no member; what changed is told."""
        for name in self.facts:
            before = self.run(name)
            after = play(self.world, self.facts[name], before, changed_us)
            self.runs[name] = after
            found = corrections(before, after, answer.id)
            if found:
                answer.corrections[name] = found
        if self.world.versions:
            self.close_budgets(max(self.world.versions, key=lambda v: v.since).program, answer)
        return answer

    def close_budgets(self, program: Program, answer: Answer) -> None:
        """A budget that the commit has reached is closed for facts after it (section 10)."""
        for rule in program.rule:
            if rule.budget is None or rule.id in self.world.budgets_closed:
                continue
            records = (r for run in self.runs.values() for r in run.member.records)
            if isinstance(rule, Offer):
                gave = sum(t.amount for r in records for t in r.offers if t.offer == rule.id)
                ceiling = rule.budget
            else:
                gave = sum(g.points for r in records for g in r.given if g.rule == rule.id)
                scale = program.currency[program.currency_of(rule)].scale
                ceiling = int(rule.budget * 10**scale)
            if gave >= ceiling:
                self.world.budgets_closed[rule.id] = self.seq
                answer.budgets.append(rule.id)

    # -- answers -----------------------------------------------------------------------------------

    def answered(self, entry: Accepted, run: Run, answer: Answer) -> Answer:
        """The answer with the account as it stands on the date of its latest fact."""
        member, program = run.standing.copy(), entry.version.program
        date = business_date(program, entry.at_us)[0]
        run_out(entry.version, member, date, entry.at_us)
        advance(entry.version, member, date)
        answer.balances = balances(program, member)
        answer.tier = tier_on(program, member, member.wallet.today)
        return answer

    def refused(self, entry: Accepted, member: str, status: Status) -> Answer:
        """The answer to a fact that is refused before its member is looked at."""
        answer = Answer(entry.fact.id, "refused", REFUSALS[status])
        return self.answered(entry, self.run(member), self.in_vain(answer))

    # -- parked returns ----------------------------------------------------------------------------

    def waits(self, fact: MemberFact | TransferFact) -> bool:
        """Whether the sale that a fact names has not arrived. Raises Refusal."""
        name = named_sale(fact)
        if name is None:
            return False
        if (receipt := self.receipts.get(name)) is not None:
            if fact.member in receipt.owners:
                return False
            if receipt.owner:
                raise Refusal(fact.id, Status.WRONG_MEMBER)
            return True
        if name in self.members:
            if self.members[name] != fact.member:
                raise Refusal(fact.id, Status.WRONG_MEMBER)
            if name not in self.sales:
                raise Refusal(fact.id, Status.NOT_A_SALE)
            return False
        if name in self.answers or name == fact.id:
            raise Refusal(fact.id, Status.NOT_A_SALE)
        return True

    def park(self, entry: Accepted) -> None:
        """A fact waits for the sale that it names."""
        self.parked.setdefault(named_sale(entry.fact) or "", []).append(entry)

    def in_vain(self, answer: Answer) -> Answer:
        """What has waited for a fact that is no sale, or is refused, has waited in vain."""
        for parked in self.parked.pop(answer.id, []):
            answer.parked[parked.fact.id] = REFUSALS[Status.NOT_A_SALE]
        return answer

    def unpark(
        self, entry: Accepted, kept: list[Accepted], run: Run, answer: Answer
    ) -> tuple[list[Accepted], Run]:
        """Facts and run with the parked returns of a fact that has arrived, in their order."""
        fact = entry.fact
        assert not isinstance(fact, DayClosedFact)
        for parked in self.parked.pop(fact.id, []):
            assert not isinstance(parked.fact, DayClosedFact)
            try:
                if parked.fact.member != fact.member:
                    raise Refusal(parked.fact.id, Status.WRONG_MEMBER)
                if not isinstance(fact, SaleFact):
                    raise Refusal(parked.fact.id, Status.NOT_A_SALE)
                others = [e for e in kept if e.fact.id != parked.fact.id]
                tried = [*others, parked]
                after = play(self.world, tried, run)
                check_return(parked, after.rows[parked.fact.id])
            except Refusal as refusal:
                answer.parked[parked.fact.id] = REFUSALS[refusal.status]
                continue
            kept, run, answer.parked[parked.fact.id] = tried, after, "ok"
        return kept, run
