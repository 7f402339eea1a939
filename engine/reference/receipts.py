"""Receipts that were rung up without a member in the reference: kept, claimed, given back
(rulebook sections 2, 7, 8 and 9).

A claim puts the sale, and what was returned of it, among its member's facts; a cancel is the
return of all that the sale has left. What a member has of a sale that it claims a second time is
then as if it had never claimed it before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace

import msgspec

from ..columns.status import Status
from ..facts import CancelFact, ClaimFact, DayClosedFact, PaymentFact, ReturnFact, SaleFact
from .calendar import business_date
from .facts import OfMember, instant, named_sale, returned_lines
from .world import Accepted, Version

PART = "\0return"


def plain(name: str) -> str:
    """The id of a fact as it came: what it has caused has more after a zero byte."""
    return name.partition("\0")[0]


@dataclass
class Receipt:
    """A sale of nobody, and whose it was and is.

    `owners` are the members that have claimed it, the last one last; `claim` is the claim that
    stands. `waiting` are returns of nobody since then.
    """

    sale: Accepted
    owners: list[str] = field(default_factory=list)
    claim: str = ""
    waiting: list[Accepted] = field(default_factory=list)

    @property
    def owner(self) -> str:
        """The member that has it now, "" nobody."""
        return self.owners[-1] if self.claim else ""

    def refuses(self, entry: Accepted) -> Status:
        """Why a claim may not be; OK where it may."""
        program = entry.version.program
        if self.claim:
            return Status.ALREADY_CLAIMED
        sold = business_date(self.sale.version.program, self.sale.at_us)[0]
        today = business_date(program, entry.at_us)[0]
        if program.claim_days is None or (today - sold).days > program.claim_days:
            return Status.CLAIM_WINDOW_OVER
        return Status.OK

    def moved_to(
        self, entry: Accepted, fact: ClaimFact, before: Iterable[Accepted],
        version_at: Callable[[int], Version | None],
    ) -> tuple[Accepted, list[Accepted]]:
        """The sale, its returns and payments as facts of the member that claims it.

        `before` are the facts of the member that had it last.
        """
        sale = self.sale.fact
        assert isinstance(sale, SaleFact)
        found = [
            each for each in sorted(before, key=lambda one: one.seq)
            if named_sale(each.fact) == sale.id and each.returns
            and (returned_lines(each.fact) or isinstance(each.fact, PaymentFact))
        ]  # fmt: skip
        facts: list[OfMember] = [
            msgspec.structs.replace(sale, member=fact.member, completed=True),
            *(_return(each.fact, fact.member, sale.id) for each in [*found, *self.waiting]),
        ]
        made: list[Accepted] = []
        for one in facts:
            version = version_at(instant(one.occurred_at))
            assert version is not None
            made.append(Accepted(one, entry.seq, version))
        return made[0], made[1:]

    def given_up(self, facts: Iterable[Accepted]) -> Iterator[Accepted]:
        """A member's facts without those of the sale, which it had before; an exchange goes on
        without its return part."""
        for each in facts:
            name = self.sale.fact.id
            if each.fact.id == name:
                continue
            if named_sale(each.fact) != name:
                yield each
            elif isinstance(each.fact, SaleFact):
                yield replace(each, returns=False)


def _return(
    fact: OfMember | DayClosedFact, member: str, sale: str
) -> ReturnFact | PaymentFact:
    if isinstance(fact, PaymentFact):
        return msgspec.structs.replace(fact, member=member)
    assert isinstance(fact, ReturnFact | SaleFact)
    # The sale part of an exchange stays among the facts of the member that has made it.
    name = plain(fact.id) + PART if isinstance(fact, SaleFact) else fact.id
    return ReturnFact(
        name, fact.occurred_at, member, returned_lines(fact), sale, fact.store, fact.terminal
    )


def whole_return(fact: CancelFact, sale: str) -> ReturnFact:
    """The return of all that a claimed sale has left: it names no line."""
    return ReturnFact(
        fact.id, fact.occurred_at, fact.member, [], sale, fact.store, fact.terminal
    )
