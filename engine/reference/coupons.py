"""Codes of printed coupons in the reference: brought, blocked, used, given back (sections 8, 9).

Who has a code is decided by arrival. To the rules of a sale a code that serves is its coupon; a
use apart from a sale has its place among its member's facts and does nothing there.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import msgspec

from ..columns.status import Status
from ..facts import (
    ClaimFact,
    CouponBlockFact,
    CouponIssueFact,
    CouponRedeemFact,
    ReturnFact,
    SaleFact,
)
from ..program.coupons import Coupon
from ..program.program import Program
from .answers import Answer
from .book import Book
from .calendar import business_date
from .facts import OfMember, named_sale, net_voids, returned_lines
from .world import Accepted, Version

Code = tuple[str, str, Status]
"""What was presented, its coupon ("" where it is no code), whether it serves."""


@dataclass
class Used:
    """Codes that a fact has used, and what of the sale has come back, by the return."""

    member: str
    codes: list[tuple[str, str]]
    quantity: int
    net: int
    back: dict[str, tuple[int, int]] = field(default_factory=dict)

    @property
    def stands(self) -> bool:
        """Whether something is left of the sale, by quantity and by amount."""
        quantity = sum(quantity for quantity, _ in self.back.values())
        net = sum(net for _, net in self.back.values())
        return not (0 < self.quantity <= quantity or 0 < self.net <= net)


class Coupons:
    """The codes of a ledger and their uses."""

    def __init__(self, book: Book) -> None:
        self._book = book
        self._issues: dict[str, CouponIssueFact] = {}
        self._coupon: dict[str, str] = {}
        self._blocked: set[str] = set()
        self._used: dict[str, Used] = {}
        self._returns: dict[str, OfMember] = {}

    def uses(self, code: str) -> int:
        """How often a code is used by now."""
        return sum(
            used.stands and any(one == code for one, _ in used.codes)
            for used in self._used.values()
        )

    # -- facts of codes ---------------------------------------------------------------------------

    def submit(self, version: Version, fact: CouponIssueFact | CouponBlockFact) -> Answer:
        """The answer to codes that are brought, or serve no more."""
        if isinstance(fact, CouponIssueFact):
            return self._issue(version, fact)
        return self._block(fact)

    def _issue(self, version: Version, fact: CouponIssueFact) -> Answer:
        """The answer to codes that are brought; drawn ones only an engine has."""
        known = {coupon.id for coupon in version.program.coupon}
        names = _shared(version.program) | known
        if fact.coupon not in known or any(c in self._coupon or c in names for c in fact.codes):
            return Answer(fact.id, "refused", "invalid-fact")
        self._issues[fact.id] = fact
        self._coupon.update(dict.fromkeys(fact.codes, fact.coupon))
        return Answer(fact.id)

    def _block(self, fact: CouponBlockFact) -> Answer:
        """The answer to codes that serve no more."""
        codes = fact.codes
        if fact.issue is not None:
            if fact.issue not in self._issues:
                return Answer(fact.id, "refused", "invalid-fact")
            codes = self._issues[fact.issue].codes
        if any(code not in self._coupon for code in codes):
            return Answer(fact.id, "refused", "invalid-fact")
        self._blocked.update(codes)
        return Answer(fact.id)

    # -- facts that present codes -----------------------------------------------------------------

    def looked_at(self, entry: Accepted, fact: SaleFact | CouponRedeemFact) -> list[Code]:
        """What the codes of a fact come to."""
        program = entry.version.program
        printed = {coupon.id: coupon for coupon in program.coupon}
        shared = _shared(program) - set(printed)
        found: list[Code] = []
        for text in _presented(fact):
            name = self._coupon.get(text, "")
            if isinstance(fact, SaleFact) and not name and (not printed or text in shared):
                continue
            status = Status.UNKNOWN_COUPON
            if name in printed:
                mine = sum(c == name and s == Status.OK for _, c, s in found)
                status = self._status(printed[name], text, entry, fact, mine)
            found.append((text, name, status))
        return found

    def refuses(self, fact: SaleFact | CouponRedeemFact, codes: list[Code]) -> Status:
        """Why a fact is refused for its codes; what has happened is not."""
        of_codes = [
            status for _, name, status in codes
            if status != Status.OK and (name or isinstance(fact, CouponRedeemFact))
        ]
        return of_codes[0] if of_codes and not fact.completed else Status.OK

    def seen(self, fact: SaleFact | CouponRedeemFact, codes: list[Code]) -> OfMember:
        """The fact as rules see it."""
        if isinstance(fact, CouponRedeemFact):
            return fact
        of = {text: name if status == Status.OK else "" for text, name, status in codes}
        names = {of.get(text, text) for text in fact.coupons} - {""}
        return msgspec.structs.replace(fact, coupons=sorted(names))

    def _status(
        self, coupon: Coupon, code: str, entry: Accepted, fact: SaleFact | CouponRedeemFact,
        mine: int,
    ) -> Status:
        date = business_date(entry.version.program, entry.at_us)[0]
        had = sum(
            name == coupon.id
            for used in self._used.values() if used.member == fact.member and used.stands
            for _, name in used.codes
        )
        full = coupon.per_member is not None and had + mine >= coupon.per_member
        wrong = (
            (Status.COUPON_BLOCKED, code in self._blocked),
            (Status.COUPON_EARLY, coupon.first is not None and date < coupon.first),
            (Status.COUPON_OVER, coupon.last is not None and date > coupon.last),
            (Status.COUPON_USED, self.uses(code) >= coupon.uses),
            (Status.COUPON_NOT_APPLICABLE, not self._holds(coupon, entry, fact)),
            (Status.OVER_LIMIT, bool(fact.member) and full),
        )
        return next((status for status, is_so in wrong if is_so), Status.OK)

    def _holds(
        self, coupon: Coupon, entry: Accepted, fact: SaleFact | CouponRedeemFact
    ) -> bool:
        when, store = coupon.when, self._book.world.store_at(fact.store, entry.at_us)
        channel, net = "", 0
        if isinstance(fact, SaleFact):
            channel, net = fact.channel, sum(line.net for line in net_voids(fact.lines))
        return (
            (when.store is None or fact.store in when.store)
            and (when.region is None or store.region in when.region)
            and (when.format is None or store.format in when.format)
            and (when.channel is None or channel in when.channel)
            and (when.min_basket is None or net >= when.min_basket)
            and (not when.member or bool(fact.member))
        )

    # -- what is accepted -------------------------------------------------------------------------

    def taken(
        self, fact: SaleFact | CouponRedeemFact, codes: list[Code], answer: Answer
    ) -> None:
        """A fact was answered: codes that serve are used."""
        served = [(text, name) for text, name, status in codes if status == Status.OK]
        if answer.status == "refused" or not served:
            return
        lines = net_voids(fact.lines) if isinstance(fact, SaleFact) else []
        self._used[fact.id] = Used(
            fact.member, served, sum(line.quantity for line in lines),
            sum(line.net for line in lines),
        )

    def came_back(self, fact: OfMember, answer: Answer) -> None:
        """A fact was answered: what returns brought back, its own and those that had waited."""
        if isinstance(fact, ReturnFact | SaleFact) and returned_lines(fact):
            self._returns[fact.id] = fact
            name = named_sale(fact) or ""
            waits = any(one.fact.id == fact.id for one in self._book.parked.get(name, []))
            of_nobody = not fact.member and isinstance(fact, ReturnFact)
            if (answer.status == "ok" and not waits) or (answer.status == "parked" and of_nobody):
                self._back(name, fact.id)
        told = {fact.id: answer.parked}
        if isinstance(fact, ClaimFact):
            told = {name: row.parked for name, row in answer.rows.items()}
        for sale, parked in told.items():
            for waited, said in parked.items():
                if said == "ok":
                    self._back(sale, waited)

    def _back(self, sale: str, by: str) -> None:
        if sale in self._used:
            lines = returned_lines(self._returns[by])
            self._used[sale].back[by] = (
                sum(line.quantity for line in lines), sum(line.net for line in lines)
            )


def _presented(fact: SaleFact | CouponRedeemFact) -> list[str]:
    return sorted(set(fact.coupons)) if isinstance(fact, SaleFact) else [fact.code]


def _shared(program: Program) -> set[str]:
    """Coupons of a program that are no codes."""
    rules = [when for rule in program.rule for when in (rule.when, rule.when.negated)]
    return program.coupon_currencies() | {name for when in rules for name in when.coupon or ()}
