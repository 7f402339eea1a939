"""What a ledger knows of its members beside their figures: their cards (rulebook section 7).

It is a fold of the journal like the members' rows: every replica reads it from the records,
the checkpoint keeps it, and a replay compares it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from .cards import BLOCK, ENROL, LINK, OPEN, UNBLOCK, CardEvent, Cards
from .columns import CARD_BLOCK, CARD_LINK, CARD_UNBLOCK, Extra, Facts
from .columns import ENROL as ENROLS
from .dictionaries import Dictionaries

EVENTS = {CARD_LINK: LINK, CARD_BLOCK: BLOCK, CARD_UNBLOCK: UNBLOCK}
"""What a fact of a card does to it, by kind."""

Place = tuple[int, str, str, str]
"""Instant (us), store, terminal and id of a fact: its place among others of its rank."""


def opening(member: int) -> CardEvent:
    """An unknown card makes a provisional member, whose it is from the beginning."""
    return CardEvent(0, "", "", "", OPEN, member)


def event_of(kind: int, place: Place, member: int, extra: Extra) -> CardEvent:
    """What a fact of a card does to it."""
    return CardEvent(*place, EVENTS[kind], member, extra.move, extra.reason)


class Membership:
    """The cards of a ledger's members as of a seq."""

    def __init__(self) -> None:
        self.cards = Cards()

    def read(
        self, facts: Facts, ids: Sequence[str], status: NDArray[np.uint8],
        dictionaries: Dictionaries,
    ) -> None:
        """Take what facts of members settle, in the order of their seqs."""
        if facts.extras is None and not (facts.kind == ENROLS).any():
            return
        for row in range(len(facts)):
            extra, kind = facts.extra(row), int(facts.kind[row])
            if not extra.card and kind != ENROLS:
                continue
            place = (
                int(facts.at[row]), dictionaries.stores.names[facts.store[row]],
                dictionaries.terminals.names[facts.terminal[row]], ids[row],
            )  # fmt: skip
            self._take(kind, place, int(facts.member[row]), extra, bool(status[row]))

    def _take(self, kind: int, place: Place, member: int, extra: Extra, refused: bool) -> None:
        cards, at = self.cards, place[0]
        if extra.card and kind not in EVENTS and cards.state(extra.card, at) is None:
            cards.add(extra.card, opening(member))
        if refused:
            return
        if kind in EVENTS:
            cards.add(extra.card, event_of(kind, place, member, extra))
        elif kind == ENROLS:
            for card in extra.cards:
                state = cards.state(card, at)
                if state is None or state.member != member:
                    cards.add(card, CardEvent(*place, LINK, member))
            for card in cards.of_member.get(member, ()):
                state = cards.state(card, at)
                if state is not None and state.provisional and state.member == member:
                    cards.add(card, CardEvent(*place, ENROL, member))
