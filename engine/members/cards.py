"""Cards: whose a card is at an instant, and whether it may be used (rulebook section 7).

A card is what has happened to it, in the order of time; its first member has it from the
beginning, since a till may use a new card before the office has told of it.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Sequence
from typing import NamedTuple

LINK, OPEN, ENROL, BLOCK, UNBLOCK, PIN = "link", "open", "enrol", "block", "unblock", "pin"
"""What happens to a card. OPEN made a provisional member of its own, which ENROL made one
like any other."""

PROVISIONAL = "card:"
"""A provisional member's name is this and its card."""


class CardEvent(NamedTuple):
    """One thing that happened to a card; events sort as the facts that they come from.

    `member` is a number of the dictionaries, `note` the reason of a block, the hash of a PIN.
    """

    at: int
    store: str
    terminal: str
    id: str
    what: str
    member: int
    move: bool = False
    note: str = ""


Events = Sequence[CardEvent]


class CardState(NamedTuple):
    """A card at an instant: its member's number, why it is blocked where it is.

    `pin` is the hash of its PIN; `unlocked` counts the facts that let it be tried anew.
    """

    member: int
    blocked: bool = False
    reason: str = ""
    provisional: bool = False
    pin: str = ""
    unlocked: int = 0


def state_of(events: Events, at: int) -> CardState | None:
    """A card at an instant (us); None for one that nothing has happened to."""
    first = next((event for event in events if event.what in (LINK, OPEN)), None)
    if first is None:
        return None
    state = CardState(first.member)
    # Its member is provisional until it enrols, whenever the question is asked.
    enrolled = any(event.what == ENROL for event in events)
    for event in events:
        if event.at > at:
            break
        match event.what:
            case "link":
                state = state._replace(member=event.member)
            case "block":
                state = state._replace(blocked=True, reason=event.note)
            case "unblock":
                unlocked = state.unlocked + 1
                state = state._replace(blocked=False, reason="", unlocked=unlocked)
            case "pin":
                state = state._replace(pin=event.note, unlocked=state.unlocked + 1)
    mine = first.what == OPEN and state.member == first.member
    return state._replace(provisional=mine and not enrolled)


def stands(events: Events) -> bool:
    """Whether each link finds the card free, its member's own, or says that it moves it."""
    holder: int | None = None
    for event in events:
        if event.what not in (LINK, OPEN):
            continue
        if holder not in (None, event.member) and not event.move:
            return False
        holder = event.member
    return True


class Cards:
    """All cards that a ledger knows, and those that each member ever had."""

    def __init__(self) -> None:
        self.events: dict[str, list[CardEvent]] = {}
        self.of_member: dict[int, list[str]] = {}

    def state(self, card: str, at: int) -> CardState | None:
        """A card at an instant (us); None for one that is not known."""
        return state_of(self.events.get(card, ()), at)

    def add(self, card: str, event: CardEvent) -> None:
        """Something has happened to a card."""
        insort(self.events.setdefault(card, []), event)
        if event.what in (LINK, OPEN):
            mine = self.of_member.setdefault(event.member, [])
            if card not in mine:
                mine.append(card)

    def held(self, member: int, at: int) -> list[str]:
        """The cards that are a member's at an instant (us), sorted."""
        return sorted(
            card for card in self.of_member.get(member, ())
            if (state := self.state(card, at)) is not None and state.member == member
        )  # fmt: skip


class CardsAhead:
    """Cards as a batch that is being decided makes them: nothing of it is in the table yet."""

    def __init__(self, cards: Cards) -> None:
        self._cards = cards
        self._ahead: dict[str, list[CardEvent]] = {}

    def _events(self, card: str) -> list[CardEvent]:
        return self._ahead.get(card) or self._cards.events.get(card, [])

    def state(self, card: str, at: int) -> CardState | None:
        """See Cards."""
        return state_of(self._events(card), at)

    def add(self, card: str, event: CardEvent) -> bool:
        """Something happens to a card, unless a link would not stand."""
        events = sorted([*self._events(card), event])
        if not stands(events):
            return False
        self._ahead[card] = events
        return True
