"""Facts with something that the journal must not have: what it gets instead, and what is kept
apart (rulebook section 7, and promise 11 of reliability: erasing leaves the journal whole)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from vafa.native.wire import Sale

from .carrier import carrier_of
from .facts import CardPinFact, PrivateFact
from .pins import pin_fact
from .private import Private
from .schema import column
from .verdicts import Verdict, reused

if TYPE_CHECKING:
    from .replica import Replica


def for_journal(fact: PrivateFact, private: Private) -> Sale:
    """The fact as the journal has it. Slow for a PIN. Raises NoPepperError."""
    if isinstance(fact, CardPinFact):
        return pin_fact(fact, private.need_pepper())
    return carrier_of(fact)


def whose(replica: Replica, fact: PrivateFact, verdict: Verdict) -> tuple[int, int] | None:
    """(number of the member, seq) of a fact whose profile is to be kept; None for no such one."""
    answer = verdict.answer
    if isinstance(fact, CardPinFact) or fact.profile is msgspec.UNSET or answer is None:
        return None
    stored = replica.stored(answer["seq"])
    if stored.status:
        return None
    number = int(column(stored.batch, "member")[stored.row])
    return replica.membership.accounts.person(number), stored.seq


def keep_profile(
    private: Private, fact: PrivateFact, place: tuple[int, int] | None, verdict: Verdict
) -> Verdict:
    """Keep what a fact that was taken tells of a person; its verdict. Slow."""
    if place is None or isinstance(fact, CardPinFact) or fact.profile is msgspec.UNSET:
        return verdict
    if private.put(*place, fact.profile, fact=fact.id):
        return verdict
    return Verdict(refusal=reused(fact.id))
