"""Facts with something that the journal must not have: what it gets instead, and what is kept
apart (rulebook section 7, and promise 11 of reliability: erasing leaves the journal whole)."""

from __future__ import annotations

from typing import TypeGuard

import msgspec

from vafa.native.wire import Sale

from ..columns.carrier import carrier_of
from ..columns.schema import column
from ..columns.verdicts import Verdict, reused
from ..facts import (
    CardPinFact,
    EnrolFact,
    GiftCardIssueFact,
    GiftCardPinFact,
    MemberUpdateFact,
    PrivateFact,
)
from ..replica.replica import Replica
from .apart import Private
from .gift_pins import gives_pin, with_hash
from .pins import pin_fact

WithPrivate = PrivateFact | GiftCardIssueFact | GiftCardPinFact
"""Facts that may have something which the journal must not have."""


def has_private_part(fact: object) -> TypeGuard[WithPrivate]:
    """Whether a fact may have something that the journal must not have."""
    return isinstance(fact, PrivateFact) or gives_pin(fact)


def for_journal(fact: WithPrivate, private: Private) -> Sale:
    """The fact as the journal has it. Slow for a PIN. Raises NoPepperError."""
    if isinstance(fact, CardPinFact):
        return pin_fact(fact, private.need_pepper())
    if isinstance(fact, GiftCardIssueFact | GiftCardPinFact):
        return with_hash(fact, private.need_pepper())
    return carrier_of(fact)


def whose(replica: Replica, fact: WithPrivate, verdict: Verdict) -> tuple[int, int] | None:
    """(number of the member, seq) of a fact whose profile is to be kept; None for no such one."""
    answer = verdict.answer
    if not isinstance(fact, EnrolFact | MemberUpdateFact) or answer is None:
        return None
    if fact.profile is msgspec.UNSET:
        return None
    stored = replica.stored(answer["seq"])
    if stored.status:
        return None
    number = int(column(stored.batch, "member")[stored.row])
    return replica.membership.accounts.person(number), stored.seq


def keep_profile(
    private: Private, fact: WithPrivate, place: tuple[int, int] | None, verdict: Verdict
) -> Verdict:
    """Keep what a fact that was taken tells of a person; its verdict. Slow."""
    if place is None or not isinstance(fact, EnrolFact | MemberUpdateFact):
        return verdict
    if fact.profile is msgspec.UNSET:
        return verdict
    if private.put(*place, fact.profile, fact=fact.id):
        return verdict
    return Verdict(refusal=reused(fact.id))
