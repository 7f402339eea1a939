"""The rulebook in plain Python: slow, obvious, and the oracle of the native kernel.

A `Reference` takes facts one by one, as they arrive, each its own commit. It keeps all that
it has accepted, and for every fact plays the member anew from where the fact stands: late
facts, parked returns and corrections need nothing else (rulebook sections 1 to 6, 9, 10).
The parts are the `reference_*` files beside it. Points are in units of their currency's
scale, amounts in minor units; figures are ints and Fractions.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import groupby

import msgspec

from ..checks.program_file import parse_program
from ..columns.gift_accounts import CAUSE, is_account
from ..columns.status import REFUSALS, Status
from ..facts import (
    CancelFact,
    CaptureFact,
    CatalogFact,
    ClaimFact,
    CloseFact,
    DayClosedFact,
    EnrolFact,
    Fact,
    HoldFact,
    LinkFact,
    MemberFact,
    MemberUpdateFact,
    PublishFact,
    RedeemFact,
    ReleaseFact,
    ReturnFact,
    SaleFact,
    StoreFact,
    TransferFact,
)
from ..program.program import Offer, Program
from .answers import (
    Answer,
    Balance,
    LotView,
    MemberView,
    Totals,
    balances,
    corrections,
    views,
)
from .basis import rounded
from .calendar import business_date
from .checks import check_form, check_others, check_own, check_return
from .claims import Receipt, plain, whole_return
from .conditions import failed_condition
from .earning import has_figure
from .facts import (
    InvalidFact,
    OfMember,
    PriceFact,
    ReceivedFact,
    content,
    instant,
    named_sale,
    net_voids,
)
from .moving import leg_of
from .referrals import Referrals
from .returns import Refusal
from .run import Run, play
from .spending import run_out, whole_steps
from .tiers import tier_on
from .turn import Posting, Row, advance
from .value import Value, ValueFact
from .world import Accepted, Version, World

__all__ = [
    "Answer",
    "Balance",
    "LotView",
    "MemberView",
    "Posting",
    "Reference",
    "Totals",
    "net_voids",
    "rounded",
]

class Reference:
    """A ledger without a disk: facts in, answers out."""

    def __init__(self) -> None:
        self._world = World()
        self._seq = 0
        self._facts: dict[str, list[Accepted]] = {}
        self._runs: dict[str, Run] = {}
        self._members: dict[str, str] = {}
        self._closed: dict[str, int] = {}
        self._accepted: dict[str, MemberFact | TransferFact | ClaimFact] = {}
        self._receipts: dict[str, Receipt] = {}
        self._referrals = Referrals()
        self._sales: set[str] = set()
        self._parked: dict[str, list[Accepted]] = {}
        self._answers: dict[str, tuple[object, Answer]] = {}
        self._value = Value(self)

    def publish(
        self, program: Program, at_us: int, holidays: dict[str, list[dt.date]] | None = None
    ) -> None:
        """A version in force from an instant on, for facts that arrive from now on.

        `holidays` are the final dates by holiday calendar; without them those that the
        program adds.
        """
        self._seq += 1
        dates = {entry.id: frozenset(entry.add) for entry in program.holidays}
        dates |= {name: frozenset(listed) for name, listed in (holidays or {}).items()}
        self._world.versions.append(Version(program, at_us, dates))

    def submit(self, fact: Fact) -> Answer:
        """The answer to one fact that arrives now; a gift card's issue has its code.

        Raises TypeError for ties of members, which `play_tied` plays.
        """
        try:
            said = content(fact)
            check_form(fact)
        except InvalidFact:
            return Answer(fact.id, "refused", "invalid-fact")
        if fact.id in self._answers:
            first, answer = self._answers[fact.id]
            if first != said:
                return Answer(fact.id, "refused", "id-reused")
            return answer if answer.status == "refused" else replace(answer, status="replayed")
        if isinstance(fact, PublishFact):
            self.publish(parse_program(fact.program), instant(fact.occurred_at), fact.holidays)
            answer = Answer(fact.id)
        elif isinstance(fact, CatalogFact | StoreFact):
            answer = self._control(fact)
        else:
            version = self._world.version_at(instant(fact.occurred_at))
            reason = self._refused_for_form(version, fact)
            if version is None or reason:
                return Answer(fact.id, "refused", reason)
            self._seq += 1
            if isinstance(fact, ValueFact):
                answer = self._value.submit(self._seq, version, fact)
            else:
                assert not isinstance(fact, LinkFact)
                answer = self._rated(Accepted(fact, self._seq, version), fact)
        self._answers[fact.id] = (said, answer)
        return answer

    def _rated(self, entry: Accepted, fact: OfMember | DayClosedFact) -> Answer:
        assert not isinstance(fact, ReceivedFact | LinkFact)
        if isinstance(fact, DayClosedFact):
            return self._day_closed(entry, fact)
        if isinstance(fact, TransferFact):
            return self.transfer(entry, fact)
        if isinstance(fact, ClaimFact):
            return self._claim(entry, fact)
        if isinstance(fact, CancelFact) and fact.claim is not None:
            return self._claim_cancelled(entry, fact)
        if isinstance(fact, SaleFact) and any(tender.card for tender in fact.tenders):
            return self._value.pay(entry, fact)
        return self._of_member(entry, fact) if fact.member else self._of_nobody(entry)

    def member(self, name: str, date: dt.date) -> MemberView:
        """A member on a date not before that of its latest fact, without further facts."""
        return self.members(name, [date])[0]

    def members(
        self, name: str, dates: Sequence[dt.date], moments: Sequence[int] = ()
    ) -> list[MemberView]:
        """As `member`, on dates in their order, each by the version in force on it.

        `moments` (us) are the instants on them, their ends if left out.
        """
        member = self._run(name).member
        found: list[MemberView] = []
        for _, days in groupby(dates, lambda day: id(self._program_on(day))):
            listed = list(days)
            some = moments[len(found) : len(found) + len(listed)]
            found += views(self._program_on(listed[0]), member, listed, some)
        return found

    def why_not(self, fact: str, rule: str) -> str | None:
        """Why a rule gave nothing to a fact; None if it gave something.

        The field of the first condition that failed, or the limit that cut all of it;
        `figure` if what it would have given rounds to nothing.
        """
        name = self._members[fact]
        row = self._runs[name].rows[fact]
        outcome = row.outcomes.get(rule)
        if outcome is not None:
            return None if outcome.granted else outcome.limit or "figure"
        assert row.basket is not None
        basket = row.basket
        if rule in basket.closed:
            return "budget"
        found = next(r for r in basket.program.rule if r.id == rule)
        failed = failed_condition(basket, found)
        if failed is None and not has_figure(found, basket.tier):
            return "tier"
        return failed

    # -- facts of a member -----------------------------------------------------------------------

    def _of_member(self, entry: Accepted, fact: MemberFact | TransferFact) -> Answer:
        before = self._run(fact.member)
        cut = None
        try:
            self._check_referrer(fact)
            self._check_open(entry, fact)
            if isinstance(fact, RedeemFact) and not isinstance(fact, PriceFact):
                entry, cut = self._cut(entry, fact, self._facts.get(fact.member, []), before)
            self._check_named(fact)
            waits = self._waits(fact)
            if waits and isinstance(fact, ReturnFact):
                self._park(entry)
                return self._answered(entry, before, self._in_vain(Answer(fact.id, "parked")))
            tried, after = self._played(entry, fact)
        except Refusal as refusal:
            answer = Answer(fact.id, "refused", REFUSALS[refusal.status])
            return self._answered(entry, before, self._in_vain(answer))
        if waits:
            self._park(entry)
        answer = Answer(fact.id, taken=cut)
        kept, after = self._unpark(entry, [*tried, entry], after, answer)
        self._facts[fact.member], self._runs[fact.member] = kept, after
        if not is_account(fact.member):
            self._members.update({
                e.fact.id: fact.member for e in kept if not isinstance(e.fact, ReceivedFact)
            })  # fmt: skip
            self._accepted[fact.id] = fact
        if isinstance(fact, SaleFact):
            self._sales.add(fact.id)
        if isinstance(fact, CloseFact):
            self._closed[fact.member] = entry.at_us
        answer.postings = after.rows[fact.id].postings + corrections(before, after, fact.id)
        self._close_budgets(entry.version.program, answer)
        self._value.refund(entry, answer)
        if isinstance(fact, CancelFact):
            self._value.cancelled(fact, answer)
        if isinstance(fact, EnrolFact | MemberUpdateFact) and isinstance(fact.referrer, str):
            self._referrals.referrer_of[fact.member] = fact.referrer
        self._refer(entry, fact, before, after, answer)
        return self._answered(entry, after, answer)

    def _check_open(self, entry: Accepted, fact: MemberFact | TransferFact) -> None:
        """Whether a member has not left by then. Raises Refusal."""
        closed = self._closed.get(fact.member)
        if closed is not None and (entry.at_us >= closed or isinstance(fact, CloseFact)):
            raise Refusal(fact.id, Status.MEMBER_CLOSED)

    def _played(
        self, entry: Accepted, fact: MemberFact | TransferFact
    ) -> tuple[list[Accepted], Run]:
        """A member's facts so far, and its run with a new one. Raises Refusal."""
        # Exchanges that wait for this very fact come back one by one, later.
        waiting = {parked.fact.id for parked in self._parked.get(fact.id, [])}
        facts, before = self._facts.get(fact.member, []), self._run(fact.member)
        tried = [replace(e, returns=False) if e.fact.id in waiting else e for e in facts]
        after = play(self._world, [*tried, entry], before, judge=self._judge_of(entry))
        check_others(entry, before, after)
        return tried, after

    def tried(self, entry: Accepted) -> Run | None:
        """A member's run with a sale that is not taken yet; None where it will be refused."""
        assert isinstance(entry.fact, SaleFact)
        try:
            self._check_open(entry, entry.fact)
            self._check_named(entry.fact)
            self._waits(entry.fact)
            return self._played(entry, entry.fact)[1]
        except Refusal:
            return None

    def cards(self) -> list[str]:
        """The accounts that are no member's."""
        return [name for name in self._facts if is_account(name)]

    def _check_referrer(self, fact: MemberFact | TransferFact) -> None:
        """Whether a member may be referred by whom a fact names. Raises Refusal."""
        if isinstance(fact, EnrolFact | MemberUpdateFact) and isinstance(fact.referrer, str):
            status = self._referrals.refuses(fact.member, fact.referrer)
            if status != Status.OK:
                raise Refusal(fact.id, status)

    def _refer(
        self, entry: Accepted, fact: OfMember, before: Run, after: Run, answer: Answer
    ) -> None:
        """What a fact brings to whom referred its member, or takes."""
        legs = self._referrals.legs(self._world, entry, fact, before, after, self._closed)
        for referrer, some in groupby(legs, lambda leg: getattr(leg.fact, "member", "")):
            mine = list(some)
            was = self._run(referrer)
            kept = [*self._facts.get(referrer, []), *mine]
            then = play(self._world, kept, was)
            self._facts[referrer], self._runs[referrer] = kept, then
            names = [leg.fact.id for leg in mine]
            for name in names:
                told = answer.rows.setdefault(f"{plain(name)}/{referrer}", Answer(name))
                told.postings += then.rows[name].postings
            told.postings += corrections(was, then, *names)
            self._close_budgets(entry.version.program, answer)

    def _judge_of(self, new: Accepted) -> Callable[[Accepted, Row], None]:
        """Judges a new fact at its own place, whatever it does to later ones."""

        def judge(entry: Accepted, row: Row) -> None:
            if entry is new:
                check_own(new, row)
                if isinstance(new.fact, CancelFact):
                    back = sum(p.points for p in row.postings if p.kind == "restore")
                    self._value.check_cancel(new.fact, back)

        return judge

    # -- for gift cards, rewards and shares ------------------------------------------------------

    def take(self, entry: Accepted) -> Answer:
        """The answer to a fact of one account."""
        assert not isinstance(entry.fact, DayClosedFact | ReceivedFact | ClaimFact | LinkFact)
        return self._of_member(entry, entry.fact)

    def leg(self, entry: Accepted, *, judged: bool = False) -> list[Posting]:
        """What a part of another account's fact comes to. Raises Refusal where it is judged."""
        assert not isinstance(entry.fact, DayClosedFact)
        name, facts = entry.fact.member, self._facts.get(entry.fact.member, [])
        before = self._run(name)
        judge = self._judge_of(entry) if judged else None
        after = play(self._world, [*facts, entry], before, judge=judge)
        if judged:
            check_others(entry, before, after)
        self._facts[name], self._runs[name] = [*facts, entry], after
        own = after.rows[entry.fact.id].postings
        return own + corrections(before, after, entry.fact.id)

    def refused(self, entry: Accepted, member: str, status: Status) -> Answer:
        """The answer to a fact that is refused before its member is looked at."""
        answer = Answer(entry.fact.id, "refused", REFUSALS[status])
        return self._answered(entry, self._run(member), self._in_vain(answer))

    def runs(self) -> Iterator[tuple[str, Run]]:
        """Every member, no account that is none's."""
        return ((name, run) for name, run in self._runs.items() if not is_account(name))

    def run_of(self, name: str) -> Run:
        """A member or a gift card's account."""
        return self._run(name)

    def has_facts(self, name: str) -> bool:
        """Whether an account has an accepted fact."""
        return bool(self._facts.get(name))

    def has_left(self, entry: Accepted, name: str) -> bool:
        """Whether a member had left by the time of a fact."""
        return name in self._closed and entry.at_us >= self._closed[name]

    def accepted(self, member: str, name: str) -> Accepted:
        """An accepted fact of a member."""
        return next(entry for entry in self._facts[member] if entry.fact.id == name)

    def kept(self, names: Iterable[str]) -> dict[str, tuple[list[Accepted], Run]]:
        """Accounts as they are, to be put back."""
        return {name: (self._facts.get(name, []), self._run(name)) for name in names}

    def put_back(self, kept: Mapping[str, tuple[list[Accepted], Run]]) -> None:
        """Make accounts what they were."""
        for name, (facts, run) in kept.items():
            self._facts[name], self._runs[name] = facts, run

    def _cut(
        self, entry: Accepted, fact: RedeemFact, facts: list[Accepted], before: Run
    ) -> tuple[Accepted, int | None]:
        """A redemption that takes what is redeemable where it asks for more, and what that is."""
        program = entry.version.program
        terms = program.terms_of(fact.currency)
        if terms is None or terms.over == "refuse" or fact.completed:
            return entry, None
        row = play(self._world, [*facts, entry], before).rows[fact.id]
        active = fact.points - row.lack[fact.currency]
        most = whole_steps(program, terms, active)
        if not 0 < most < fact.points:
            return entry, None
        return replace(entry, fact=msgspec.structs.replace(fact, points=most)), most

    def transfer(self, entry: Accepted, fact: TransferFact) -> Answer:
        """A fact of several members: all of it or nothing."""
        left = [self._closed[who] for who in (fact.member, fact.to) if who in self._closed]
        refused = None
        if any(entry.at_us >= closed for closed in left):
            refused = Status.MEMBER_CLOSED
        elif fact.to not in self._facts and not is_account(fact.to):
            refused = Status.UNKNOWN_MEMBER
        if refused is not None:
            answer = Answer(fact.id, "refused", REFUSALS[refused])
            return self._answered(entry, self._run(fact.member), self._in_vain(answer))
        answer = self._of_member(entry, fact)
        if answer.status != "ok":
            return answer
        leg = replace(entry, fact=leg_of(fact, self._runs[fact.member].rows[fact.id]))
        before = self._run(fact.to)
        self._facts[fact.to] = [*self._facts.get(fact.to, []), leg]
        after = self._runs[fact.to] = play(self._world, self._facts[fact.to], before)
        answer.legs[fact.to] = after.rows[fact.id].postings + corrections(before, after, fact.id)
        self._close_budgets(entry.version.program, answer)
        return answer

    # -- receipts --------------------------------------------------------------------------------

    def _refused_for_form(
        self, version: Version | None, fact: OfMember | DayClosedFact | ValueFact
    ) -> str:
        """Why a fact keeps nothing: it names nobody where it must, or a receipt not here."""
        name = None
        if version is None:
            return "no-program"
        if isinstance(fact, EnrolFact | MemberUpdateFact) and isinstance(fact.referrer, str):
            return "" if self._facts.get(fact.referrer) else "unknown-referrer"
        if isinstance(fact, ClaimFact):
            name = fact.sale
        elif isinstance(fact, SaleFact | ReturnFact) and not fact.member:
            if version.program.claim_days is None:
                return "invalid-fact"
            name = named_sale(fact)
        known = name is None or name in self._answers
        return "" if known else "unknown-sale"

    def _of_nobody(self, entry: Accepted) -> Answer:
        """A sale without a member, or a return of which the receipt tells whose it is."""
        fact = entry.fact
        if isinstance(fact, SaleFact):
            self._receipts[fact.id] = Receipt(entry)
            return Answer(fact.id)
        assert isinstance(fact, ReturnFact)
        assert fact.sale is not None
        receipt = self._receipts.get(fact.sale)
        if receipt is not None and not receipt.owner:
            receipt.waiting.append(entry)
            return Answer(fact.id, "parked")
        if receipt is None and fact.sale not in self._sales:
            return Answer(fact.id, "refused", REFUSALS[Status.NOT_A_SALE])
        owner = self._members[fact.sale] if receipt is None else receipt.owner
        fact = msgspec.structs.replace(fact, member=owner)
        return self._of_member(replace(entry, fact=fact), fact)

    def _claim(self, entry: Accepted, fact: ClaimFact) -> Answer:
        """The sale, and what of it was returned, among its member's facts."""
        before, receipt = self._run(fact.member), self._receipts.get(fact.sale)
        closed = self._closed.get(fact.member)
        status = Status.OK
        if closed is not None and entry.at_us >= closed:
            status = Status.MEMBER_CLOSED
        elif receipt is None:
            status = Status.SALE_HAS_MEMBER if fact.sale in self._sales else Status.NOT_A_SALE
        else:
            status = receipt.refuses(entry)
        if (
            status == Status.OK and receipt is not None
            and closed is not None and receipt.sale.at_us >= closed
        ):  # fmt: skip
            status = Status.MEMBER_CLOSED
        if status != Status.OK or receipt is None:
            answer = Answer(fact.id, "refused", REFUSALS[status])
            return self._answered(entry, before, self._in_vain(answer))
        had = self._facts.get(receipt.owners[-1], []) if receipt.owners else []
        leg, returns = receipt.moved_to(entry, fact, had, self._world.version_at)
        waiting = {one.fact.id for one in self._parked.get(fact.sale, [])}
        facts = self._facts.get(fact.member, [])
        if fact.member in receipt.owners:
            facts = list(receipt.given_up(facts))
        kept = [replace(e, returns=False) if e.fact.id in waiting else e for e in facts]
        kept += [entry, leg]
        sale = Answer(leg.fact.id)
        rows = {leg.fact.id: sale}
        try:
            after = play(self._world, kept, before, judge=self._judge_of(leg))
        except Refusal as refusal:
            answer = Answer(fact.id, "refused", REFUSALS[refusal.status])
            return self._answered(entry, before, self._in_vain(answer))
        kept, after = self._unpark(leg, kept, after, sale)
        last = leg.fact.id
        for one in returns:
            told = rows[one.fact.id] = Answer(one.fact.id)
            try:
                then = play(self._world, [*kept, one], after, judge=self._judge_of(one))
            except Refusal as refusal:
                told.status, told.reason = "refused", REFUSALS[refusal.status]
                continue
            kept, after, last = [*kept, one], then, one.fact.id
        self._keep(fact.member, kept, after)
        receipt.owners.append(fact.member)
        receipt.claim, receipt.waiting = fact.id, []
        self._members[leg.fact.id] = fact.member
        self._sales.add(leg.fact.id)
        return self._with_rows(entry, fact, before, rows, last)

    def _claim_cancelled(self, entry: Accepted, fact: CancelFact) -> Answer:
        """All that a claimed sale has left comes back, and it is nobody's again."""
        before, claim = self._run(fact.member), self._accepted.get(fact.claim or "")
        closed = self._closed.get(fact.member)
        status = Status.OK
        if closed is not None and entry.at_us >= closed:
            status = Status.MEMBER_CLOSED
        elif not isinstance(claim, ClaimFact):
            status = Status.NOT_A_REDEMPTION
        elif claim.member != fact.member:
            status = Status.WRONG_MEMBER
        elif self._receipts[claim.sale].claim != claim.id:
            status = Status.ALREADY_CANCELLED
        if status != Status.OK or not isinstance(claim, ClaimFact):
            answer = Answer(fact.id, "refused", REFUSALS[status])
            return self._answered(entry, before, self._in_vain(answer))
        receipt = self._receipts[claim.sale]
        back = replace(entry, fact=whole_return(fact, claim.sale))
        kept = [*self._facts[fact.member], back]
        try:
            after = play(self._world, kept, before, judge=self._judge_of(back))
        except Refusal as refusal:
            answer = Answer(fact.id, "refused", REFUSALS[refusal.status])
            return self._answered(entry, before, self._in_vain(answer))
        self._keep(fact.member, kept, after)
        receipt.claim = ""
        return self._with_rows(entry, fact, before, {fact.id: Answer(fact.id)}, fact.id)

    def _keep(self, member: str, kept: list[Accepted], after: Run) -> None:
        self._facts[member], self._runs[member] = kept, after

    def _with_rows(
        self, entry: Accepted, fact: ClaimFact | CancelFact, before: Run,
        rows: dict[str, Answer], last: str,
    ) -> Answer:
        """The answer to a claim or its cancel; corrections stand on the last row, those of returns
        that waited on the sale's."""
        answer, after = self._in_vain(Answer(fact.id)), self._runs[fact.member]
        self._members[fact.id], self._accepted[fact.id] = fact.member, fact
        for name, told in rows.items():
            if told.status == "ok":
                told.postings = list(after.rows[name].postings)
        new = {fact.id, *rows}
        told_on = {name: row for row in rows.values() for name in row.parked}
        for posting in corrections(before, after, *new):
            told_on.get(posting.corrects, rows[last]).postings.append(posting)
        answer.rows = {plain(name): told for name, told in rows.items()}
        self._close_budgets(entry.version.program, answer)
        of_sale = after.rows[next(iter(rows))]
        moved = next(e.fact for e in self._facts[fact.member] if e.fact.id == of_sale.id)
        assert not isinstance(moved, DayClosedFact)
        self._refer(entry, moved, before, after, answer)
        return self._answered(entry, after, answer)

    def causes(self) -> dict[tuple[str, str], int]:
        """What each cause was given, by cause and currency."""
        found: Counter[tuple[str, str]] = Counter()
        for name, run in self._runs.items():
            found.update(run.member.wallet.causes)
            if name.startswith(CAUSE):
                given = run.member.wallet.issued
                found.update({(name.removeprefix(CAUSE), c): points for c, points in given.items()})
        return dict(found)

    def _answered(self, entry: Accepted, run: Run, answer: Answer) -> Answer:
        member, program = run.standing.copy(), entry.version.program
        date = business_date(program, entry.at_us)[0]
        run_out(program, member, date, entry.at_us)
        advance(program, member, date)
        answer.balances = balances(program, member)
        answer.tier = tier_on(program, member, member.wallet.today)
        return answer

    def _waits(self, fact: MemberFact | TransferFact) -> bool:
        """Whether the sale that a fact names has not arrived. Raises Refusal."""
        name = named_sale(fact)
        if name is None:
            return False
        if (receipt := self._receipts.get(name)) is not None:
            if fact.member in receipt.owners:
                return False
            if receipt.owner:
                raise Refusal(fact.id, Status.WRONG_MEMBER)
            return True
        if name in self._members:
            if self._members[name] != fact.member:
                raise Refusal(fact.id, Status.WRONG_MEMBER)
            if name not in self._sales:
                raise Refusal(fact.id, Status.NOT_A_SALE)
            return False
        if name in self._answers or name == fact.id:
            raise Refusal(fact.id, Status.NOT_A_SALE)
        return True

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
                self._value.check_named(fact)
                return
            case CancelFact():
                names, kinds = [fact.redemption or ""], (RedeemFact, CaptureFact)
                unknown = Status.NOT_A_REDEMPTION
            case _:
                return
        for name in names:
            found = self._accepted.get(name)
            costs = isinstance(found, PriceFact) and isinstance(fact, SaleFact)
            if not isinstance(found, kinds) or costs:
                raise Refusal(fact.id, unknown)
            if self._members[name] != fact.member:
                raise Refusal(fact.id, Status.WRONG_MEMBER)

    def _park(self, entry: Accepted) -> None:
        self._parked.setdefault(named_sale(entry.fact) or "", []).append(entry)

    def _in_vain(self, answer: Answer) -> Answer:
        """What has waited for a fact that is no sale, or is refused, has waited in vain."""
        for parked in self._parked.pop(answer.id, []):
            answer.parked[parked.fact.id] = REFUSALS[Status.NOT_A_SALE]
        return answer

    def _unpark(
        self, entry: Accepted, kept: list[Accepted], run: Run, answer: Answer
    ) -> tuple[list[Accepted], Run]:
        """Facts and run with the parked returns of a fact that has arrived, in their order."""
        fact = entry.fact
        assert not isinstance(fact, DayClosedFact)
        for parked in self._parked.pop(fact.id, []):
            assert not isinstance(parked.fact, DayClosedFact)
            try:
                if parked.fact.member != fact.member:
                    raise Refusal(parked.fact.id, Status.WRONG_MEMBER)
                if not isinstance(fact, SaleFact):
                    raise Refusal(parked.fact.id, Status.NOT_A_SALE)
                others = [e for e in kept if e.fact.id != parked.fact.id]
                tried = [*others, parked]
                after = play(self._world, tried, run)
                check_return(parked, after.rows[parked.fact.id])
            except Refusal as refusal:
                answer.parked[parked.fact.id] = REFUSALS[refusal.status]
                continue
            kept, run, answer.parked[parked.fact.id] = tried, after, "ok"
        return kept, run

    # -- facts of no member ------------------------------------------------------------------------

    def _control(self, fact: CatalogFact | StoreFact) -> Answer:
        self._seq += 1
        if isinstance(fact, CatalogFact):
            self._world.catalogs.append(fact)
        else:
            self._world.stores.append(fact)
        return self._replay_all(Answer(fact.id), instant(fact.occurred_at))

    def _day_closed(self, entry: Accepted, fact: DayClosedFact) -> Answer:
        last = self._world.days[-1].fact if self._world.days else None
        if isinstance(last, DayClosedFact) and (
            fact.date <= last.date or fact.occurred_at <= last.occurred_at
        ):
            return Answer(fact.id, "refused", REFUSALS[Status.DAY_OUT_OF_ORDER])
        self._world.days.append(entry)
        answer = self._replay_all(Answer(fact.id))
        for name, run in self._runs.items():
            row = run.rows.get(fact.id)
            if row is not None and row.postings:
                answer.closings[name] = row.postings
        return answer

    def _replay_all(self, answer: Answer, changed_us: int | None = None) -> Answer:
        for name in self._facts:
            before = self._run(name)
            after = play(self._world, self._facts[name], before, changed_us)
            self._runs[name] = after
            found = corrections(before, after, answer.id)
            if found:
                answer.corrections[name] = found
        if self._world.versions:
            self._close_budgets(max(self._world.versions, key=lambda v: v.since).program, answer)
        return answer

    def _close_budgets(self, program: Program, answer: Answer) -> None:
        """A budget that the commit has reached is closed for facts after it (section 10)."""
        for rule in program.rule:
            if rule.budget is None or rule.id in self._world.budgets_closed:
                continue
            records = (r for run in self._runs.values() for r in run.member.records)
            if isinstance(rule, Offer):
                gave = sum(t.amount for r in records for t in r.offers if t.offer == rule.id)
                ceiling = rule.budget
            else:
                gave = sum(g.points for r in records for g in r.given if g.rule == rule.id)
                scale = program.currency[program.currency_of(rule)].scale
                ceiling = int(rule.budget * 10**scale)
            if gave >= ceiling:
                self._world.budgets_closed[rule.id] = self._seq
                answer.budgets.append(rule.id)

    def _run(self, name: str) -> Run:
        return self._runs.get(name, Run())

    def _program_on(self, date: dt.date) -> Program:
        """The version in force at the end of a date; the first one before all."""
        versions = sorted(self._world.versions, key=lambda version: version.since)
        found = versions[0].program
        for version in versions:
            if business_date(version.program, version.since)[0] <= date:
                found = version.program
        return found
