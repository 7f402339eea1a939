"""Whom the facts of a batch are about, where a card tells it, and who has left (section 7).

Facts are decided in the order in which they arrive, each by its card as it is known then, at
the fact's own instant. What is decided stands in the journal: a card that is moved later, or
told of late, moves no fact.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vafa.native.wire import Sale

from ..columns.columns import (
    CARD_LINK,
    CLOSE,
    ENROL,
    ERASE,
    LINKS,
    NOTHING,
    TRANSFER,
    UNMERGE,
    Extra,
    Facts,
)
from ..columns.dictionaries import Codes
from ..columns.intake import DecodedFacts
from ..columns.status import Status
from ..columns.verdicts import Refusal
from ..members.cards import LINK, PROVISIONAL, CardEvent, CardsAhead
from ..members.membership import EVENTS, Membership, Place, event_of, opening
from ..replica.replica import Replica


def name_members(
    replica: Replica, intake: DecodedFacts, fresh: NDArray[np.bool_],
    refusals: dict[int, Refusal],
) -> dict[int, Status]:
    """Decide the rows of a batch that are new and have to do with cards.

    Returns refusals for state, by row. The batch is told the members that cards name; those
    that cards make are numbered in the dictionaries. A fact whose card is not known is no
    longer fresh: it is refused for form.
    """
    naming = Naming(replica, intake, fresh)
    for row in intake.with_cards:
        if fresh[row] and not naming.repeats(row):
            refusal = naming.decide(row)
            if refusal is not None:
                refusals[row] = refusal
                fresh[row] = False
    intake.name(naming.members, naming.referrers)
    return naming.status


class Naming:
    """Cards and members as the facts of a batch, taken one by one, make them."""

    def __init__(
        self, replica: Replica, intake: DecodedFacts, fresh: NDArray[np.bool_]
    ) -> None:
        self.members: dict[int, str] = {}
        self.referrers: dict[int, str] = {}
        self.status: dict[int, Status] = {}
        self._replica = replica
        self._members = replica.dictionaries.members
        self._cards = CardsAhead(replica.membership.cards)
        self._membership = replica.membership
        self._closing: dict[int, int] = {}
        self._intake = intake
        self._fresh = fresh
        self._first: dict[str, int] | None = None
        self._taken: set[str] = set()

    def repeats(self, row: int) -> bool:
        """Whether an earlier row of the batch has the id; else the row takes it."""
        name = self._intake.facts[row].id
        if name in self._taken:
            return True
        self._taken.add(name)
        return False

    def decide(self, row: int) -> Refusal | None:
        """Decide one fact; why it is refused for form, None where it is not."""
        fact = self._intake.facts[row]
        extra: Extra = fact.extra or NOTHING
        refusal = self._find_referrer(row, fact.at, extra)
        if refusal is not None:
            self._taken.discard(fact.id)
            return refusal
        status = self.status.get(row, Status.OK)
        if fact.kind == CARD_LINK:
            member = fact.member
        elif extra.card:
            state = self._cards.state(extra.card, fact.at)
            if state is None:
                if fact.member or fact.kind in EVENTS or not self._opens(fact.at):
                    self._taken.discard(fact.id)
                    return _unknown(extra.card, "card")
                member = PROVISIONAL + extra.card
                self._cards.add(extra.card, opening(self._members.number(member)))
            else:
                member = self._members.names[state.member]
                if fact.member and not self._is(fact.member, state.member):
                    member, status = fact.member, Status.CARD_LINKED
                elif state.blocked and fact.kind not in EVENTS:
                    status = Status.CARD_BLOCKED
        else:
            member = fact.member
        if status == Status.OK:
            status = self._apply(row, fact, member, extra)
        if status != Status.OK:
            self.status[row] = status
        if member != fact.member:
            self.members[row] = member
        return None

    def _find_referrer(self, row: int, at: int, extra: Extra) -> Refusal | None:
        """Whose the card is that a fact names as the referrer's, by its instant (us)."""
        card = (extra.about or {}).get("referrer_card")
        if card is None:
            return None
        state = self._cards.state(card, at)
        if state is None:
            return _unknown(card, "referrer_card")
        if state.blocked:
            self.status[row] = Status.CARD_BLOCKED
        self.referrers[row] = self._members.names[state.member]
        return None

    def _is(self, name: str, member: int) -> bool:
        """Whether a name is a member's, or of one that was merged with it."""
        number = self._members.numbers.get(name)
        if number is None:
            return False
        ties = self._membership.accounts.ties(number)
        return ties.person(number) == ties.person(member)

    def _opens(self, at: int) -> bool:
        """Whether the program in force lets unknown cards make members."""
        version = self._replica.versions.at(at)
        return version is not None and (
            version.program.membership.unknown_cards == "provisional"
        )

    def _apply(self, row: int, fact: Sale, member: str, extra: Extra) -> Status:
        """What a fact does to cards. OK, or why it may not."""
        place = (fact.at, fact.store, fact.terminal, fact.id)
        known = self._members.numbers.get(member)
        closed_at = None if known is None else self._closing.get(
            known, self._membership.closed_at(known, fact.at)
        )
        if fact.kind == ERASE:
            return Status.OK
        if closed_at is not None and (fact.at >= closed_at or fact.kind == CLOSE):
            return Status.MEMBER_CLOSED
        if fact.kind == CLOSE:
            self._closing[self._members.number(member)] = fact.at
            return Status.OK
        if fact.kind in EVENTS:
            number = self._members.number(member)
            stands = self._cards.add(extra.card, event_of(fact.kind, place, number, extra))
            return Status.OK if stands else Status.CARD_LINKED
        if fact.kind == ENROL:
            return self._enrol(row, place, member, extra)
        return Status.OK

    def _enrol(self, row: int, place: Place, member: str, extra: Extra) -> Status:
        """The cards of a member that joins; one with a provisional member claims it."""
        fold = self._replica.fold
        assert fold is not None
        tier = (extra.about or {}).get("manual_tier")
        if tier is not None and tier["tier"] not in fold.layout.tiers:
            # The kernel says so too, but only after the cards are given away.
            return Status.UNKNOWN_TIER
        number = self._members.numbers.get(member)
        free: list[str] = []
        for card in extra.cards:
            state = self._cards.state(card, place[0])
            if state is None:
                free.append(card)
            elif state.member == number:
                continue
            elif state.provisional and number is None and self._is_new(row, member):
                number = state.member
            else:
                return Status.CARD_LINKED
        if number is None:
            number = self._members.number(member)
        elif self._members.names[number] != member and member not in self._members.numbers:
            self._members.rename(number, member)
        for card in free:
            self._cards.add(card, CardEvent(*place, LINK, number))
        return Status.OK

    def _is_new(self, row: int, member: str) -> bool:
        """Whether no earlier fact of the batch is of a member."""
        if self._first is None:
            self._first = self._intake.first_rows()
        first = self._first.get(member)
        return first is None or first >= row or not self._fresh[first]


def _unknown(card: str, path: str) -> Refusal:
    return Refusal("unknown-card", f"the card {card!r} is unknown", path)


def refuse_closed(
    facts: Facts, membership: Membership, refused: dict[int, Status], members: Codes
) -> None:
    """Refuse facts of members that had left by then, and of several of which one had, by arrival.

    A second close is refused whenever it is, and who has left ever is tied to nobody.
    """
    if not membership.closed and (facts.plain or not (facts.kind == CLOSE).any()):
        return
    ahead: dict[int, int] = {}

    def left(member: int, at: int) -> int | None:
        end = membership.closed_at(member, at)
        return ahead.get(member) if end is None else end

    for row, member in enumerate(facts.member.tolist()):
        kind, when, extra = int(facts.kind[row]), int(facts.at[row]), facts.extra(row)
        if row in refused or kind in (ERASE, UNMERGE):
            continue
        at = left(member, when)
        if kind == TRANSFER or kind in LINKS:
            to = members.numbers.get(extra.to or extra.other, -1)
            ends = [at, left(to, when)]
            at = min((end for end in ends if end is not None), default=None)
        if at is not None and (when >= at or kind == CLOSE or kind in LINKS):
            refused[row] = Status.MEMBER_CLOSED
        elif kind == CLOSE and membership.accounts.ties(member, when).home(member) is not None:
            # It would end the household.
            refused[row] = Status.MEMBER_POOLED
        elif kind == CLOSE:
            ahead[member] = when
