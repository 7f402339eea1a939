"""The rulebook in plain Python: slow, obvious, and the oracle of the native kernel.

A `Reference` takes facts one by one, as they arrive, each its own commit. It keeps all that
it has accepted, and for every fact plays the member anew from where the fact stands: late
facts, parked returns and corrections need nothing else (rulebook sections 1 to 6, 9, 10).
The parts are the files beside it. Points are in units of their currency's
scale, amounts in minor units; figures are ints and Fractions.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby

from ..checks.program_file import parse_program
from ..columns.gift_accounts import CAUSE
from ..columns.status import REFUSALS, Status
from ..facts import (
    CancelFact,
    CatalogFact,
    ClaimFact,
    CouponBlockFact,
    CouponIssueFact,
    CouponRedeemFact,
    DayClosedFact,
    EnrolFact,
    Fact,
    LinkFact,
    MemberUpdateFact,
    PublishFact,
    ReturnFact,
    SaleFact,
    StoreFact,
    TransferFact,
)
from ..program.program import Program
from .accounts import Accounts
from .answers import (
    Answer,
    Balance,
    LotView,
    MemberView,
    Totals,
    views,
)
from .basis import rounded
from .book import Book
from .calendar import business_date
from .checks import check_form
from .claims import Claims
from .conditions import failed_condition
from .coupons import Coupons
from .earning import has_figure
from .facts import (
    InvalidFact,
    OfMember,
    ReceivedFact,
    content,
    instant,
    named_sale,
    net_voids,
)
from .turn import Posting
from .value import Value, ValueFact
from .world import Accepted, Version

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
        self.book = Book()
        self._accounts = Accounts(self.book)
        self._claims = Claims(self._accounts)
        self._value = Value(self._accounts)
        self.coupons = Coupons(self.book)

    def publish(
        self, program: Program, at_us: int, holidays: dict[str, list[dt.date]] | None = None
    ) -> None:
        """A version in force from an instant on, for facts that arrive from now on.

        `holidays` are the final dates by holiday calendar; without them those that the
        program adds.
        """
        self.book.seq += 1
        dates = {entry.id: frozenset(entry.add) for entry in program.holidays}
        dates |= {name: frozenset(listed) for name, listed in (holidays or {}).items()}
        self.book.world.publish(program, at_us, dates)

    def submit(self, fact: Fact) -> Answer:
        """The answer to one fact that arrives now; a gift card's issue has its code.

        Raises TypeError for ties of members, which `play_tied` plays.
        """
        try:
            said = content(fact)
            check_form(fact)
        except InvalidFact:
            return Answer(fact.id, "refused", "invalid-fact")
        if fact.id in self.book.answers:
            first, answer = self.book.answers[fact.id]
            if first != said:
                return Answer(fact.id, "refused", "id-reused")
            return answer if answer.status == "refused" else replace(answer, status="replayed")
        if isinstance(fact, PublishFact):
            self.publish(parse_program(fact.program), instant(fact.occurred_at), fact.holidays)
            answer = Answer(fact.id)
        elif isinstance(fact, CatalogFact | StoreFact):
            answer = self._control(fact)
        else:
            version = self.book.world.version_at(instant(fact.occurred_at))
            reason = self._refused_for_form(version, fact)
            if version is None or reason:
                return Answer(fact.id, "refused", reason)
            self.book.seq += 1
            if isinstance(fact, CouponIssueFact | CouponBlockFact):
                answer = self.coupons.submit(version, fact)
            elif isinstance(fact, ValueFact):
                answer = self._value.submit(self.book.seq, version, fact)
            else:
                assert not isinstance(fact, LinkFact)
                answer = self._answered(Accepted(fact, self.book.seq, version), fact)
        self.book.answers[fact.id] = (said, answer)
        return answer

    def _answered(self, entry: Accepted, fact: OfMember | DayClosedFact) -> Answer:
        if isinstance(fact, DayClosedFact):
            return self._rated(entry, fact)
        if isinstance(fact, SaleFact | CouponRedeemFact):
            answer = self._with_codes(entry, fact)
        else:
            answer = self._rated(entry, fact)
        self.coupons.came_back(fact, answer)
        return answer

    def _with_codes(self, entry: Accepted, fact: SaleFact | CouponRedeemFact) -> Answer:
        """A fact that may present codes: of printed coupons its rules see what serves."""
        codes = self.coupons.looked_at(entry, fact)
        refused = self.coupons.refuses(fact, codes)
        if fact.member and self.book.has_left(entry, fact.member):
            codes, refused = [], Status.OK
        if refused != Status.OK and fact.member:
            answer = self.book.refused(entry, fact.member, refused)
        elif refused != Status.OK:
            answer = Answer(fact.id, "refused", REFUSALS[refused])
        elif not fact.member and isinstance(fact, CouponRedeemFact):
            answer = Answer(fact.id)
        else:
            same = self.coupons.seen(fact, codes)
            answer = self._rated(replace(entry, fact=same), same)
        answer.codes = [(text, name, REFUSALS.get(status, "")) for text, name, status in codes]
        self.coupons.taken(fact, codes, answer)
        return answer

    def _rated(self, entry: Accepted, fact: OfMember | DayClosedFact) -> Answer:
        assert not isinstance(fact, ReceivedFact | LinkFact)
        if isinstance(fact, DayClosedFact):
            return self._day_closed(entry, fact)
        if isinstance(fact, TransferFact):
            return self._accounts.transfer(entry, fact)
        if isinstance(fact, ClaimFact):
            return self._claims.claim(entry, fact)
        if isinstance(fact, CancelFact) and fact.claim is not None:
            return self._claims.cancelled(entry, fact)
        if isinstance(fact, SaleFact) and any(tender.card for tender in fact.tenders):
            return self._value.pay(entry, fact)
        return self._accounts.take(entry) if fact.member else self._claims.of_nobody(entry)

    def _refused_for_form(
        self, version: Version | None,
        fact: OfMember | DayClosedFact | ValueFact | CouponIssueFact | CouponBlockFact,
    ) -> str:
        """Why a fact keeps nothing: it names nobody where it must, or a receipt not here."""
        name = None
        if version is None:
            return "no-program"
        if isinstance(fact, EnrolFact | MemberUpdateFact) and isinstance(fact.referrer, str):
            return "" if self.book.facts.get(fact.referrer) else "unknown-referrer"
        if isinstance(fact, ClaimFact):
            name = fact.sale
        elif isinstance(fact, SaleFact | ReturnFact) and not fact.member:
            if version.program.claim_days is None:
                return "invalid-fact"
            name = named_sale(fact)
        known = name is None or name in self.book.answers
        return "" if known else "unknown-sale"

    # -- facts of no member ------------------------------------------------------------------------

    def _control(self, fact: CatalogFact | StoreFact) -> Answer:
        self.book.seq += 1
        if isinstance(fact, CatalogFact):
            self.book.world.catalogs.append(fact)
        else:
            self.book.world.stores.append(fact)
        return self.book.replay_all(Answer(fact.id), instant(fact.occurred_at))

    def _day_closed(self, entry: Accepted, fact: DayClosedFact) -> Answer:
        last = self.book.world.days[-1].fact if self.book.world.days else None
        if isinstance(last, DayClosedFact) and (
            fact.date <= last.date or fact.occurred_at <= last.occurred_at
        ):
            return Answer(fact.id, "refused", REFUSALS[Status.DAY_OUT_OF_ORDER])
        self.book.world.days.append(entry)
        answer = self.book.replay_all(Answer(fact.id))
        for name, run in self.book.runs.items():
            row = run.rows.get(fact.id)
            if row is not None and row.postings:
                answer.closings[name] = row.postings
        return answer

    # -- what is asked -----------------------------------------------------------------------------

    def member(self, name: str, date: dt.date) -> MemberView:
        """A member on a date not before that of its latest fact, without further facts."""
        return self.members(name, [date])[0]

    def members(
        self, name: str, dates: Sequence[dt.date], moments: Sequence[int] = ()
    ) -> list[MemberView]:
        """As `member`, on dates in their order, each by the version in force on it.

        `moments` (us) are the instants on them, their ends if left out.
        """
        member = self.book.run(name).member
        found: list[MemberView] = []
        for _, days in groupby(dates, lambda day: id(self._version_on(day))):
            listed = list(days)
            some = moments[len(found) : len(found) + len(listed)]
            found += views(self._version_on(listed[0]), member, listed, some)
        return found

    def why_not(self, fact: str, rule: str) -> str | None:
        """Why a rule gave nothing to a fact; None if it gave something.

        The field of the first condition that failed, or the limit that cut all of it;
        `figure` if what it would have given rounds to nothing.
        """
        name = self.book.members[fact]
        row = self.book.runs[name].rows[fact]
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

    def causes(self) -> dict[tuple[str, str], int]:
        """What each cause was given, by cause and currency."""
        found: Counter[tuple[str, str]] = Counter()
        for name, run in self.book.runs.items():
            found.update(run.member.wallet.causes)
            if name.startswith(CAUSE):
                given = run.member.wallet.issued
                found.update({(name.removeprefix(CAUSE), c): points for c, points in given.items()})
        return dict(found)

    def _version_on(self, date: dt.date) -> Version:
        """The version in force at the end of a date; the first one before all."""
        versions = sorted(self.book.world.versions, key=lambda version: version.since)
        found = versions[0]
        for version in versions:
            if business_date(version.program, version.since)[0] <= date:
                found = version
        return found
