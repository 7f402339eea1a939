"""What a ledger knows of its members beside their figures (rulebook section 7).

Their cards, what they are, what they subscribe to, whether they left. It is a fold of the
journal like the members' rows: every replica reads it from the records, the checkpoint keeps
it, and a replay compares it.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from .cards import BLOCK, ENROL, LINK, OPEN, PIN, UNBLOCK, CardEvent, Cards
from .columns import (
    CARD_BLOCK,
    CARD_LINK,
    CARD_PIN,
    CARD_UNBLOCK,
    CLAIM,
    CLAIMS,
    CLOSE,
    ERASE,
    SUBSCRIBE,
    UNSUBSCRIBE,
    UPDATE,
    Extra,
    Facts,
)
from .columns import ENROL as ENROLS
from .dictionaries import Dictionaries
from .receipts import Claimed, Receipts

EVENTS = {CARD_LINK: LINK, CARD_BLOCK: BLOCK, CARD_UNBLOCK: UNBLOCK, CARD_PIN: PIN}
"""What a fact of a card does to it, by kind."""

CLOSED, TYPE, START, END, ERASED = "closed", "type", "start", "end", "erased"
"""What happens to a member: it leaves, is told what it is, a plan starts or ends, what is
known of the person is forgotten."""

TOLD = (ENROLS, UPDATE, SUBSCRIBE, UNSUBSCRIBE, CLOSE, ERASE, *CLAIMS)
"""Kinds that may settle something without a card."""

Place = tuple[int, str, str, str]
"""Instant (us), store, terminal and id of a fact: its place among others of its rank."""


class MemberEvent(NamedTuple):
    """One thing that happened to a member; events sort as the facts that they come from.

    `name` is the type, or the plan; `ends_at` (us) and `fee` are of a plan that starts, `seq`
    is that of the fact which erases.
    """

    at: int
    store: str
    terminal: str
    id: str
    what: str
    name: str = ""
    ends_at: int | None = None
    fee: int | None = None
    seq: int = 0


def opening(member: int) -> CardEvent:
    """An unknown card makes a provisional member, whose it is from the beginning."""
    return CardEvent(0, "", "", "", OPEN, member)


def event_of(kind: int, place: Place, member: int, extra: Extra) -> CardEvent:
    """What a fact of a card does to it."""
    return CardEvent(*place, EVENTS[kind], member, extra.move, extra.reason or extra.pin)


_encode = msgspec.msgpack.Encoder().encode
_card_events = msgspec.msgpack.Decoder(list[CardEvent]).decode
_claimed = msgspec.msgpack.Decoder(Claimed).decode
_member_events = msgspec.msgpack.Decoder(list[MemberEvent]).decode


class Membership:
    """Members and cards of a ledger as of a seq."""

    def __init__(self) -> None:
        self.cards = Cards()
        self.receipts = Receipts()
        self.members: dict[int, list[MemberEvent]] = {}
        self.closed: dict[int, int] = {}
        """Instants (us) from which on facts of members are refused, by their numbers."""
        self.erased: dict[int, int] = {}
        """Seqs of the facts by which members were forgotten, by their numbers."""
        self._changed: set[bytes] = set()

    # -- reading ---------------------------------------------------------------------------

    def read(
        self, first: int, facts: Facts, ids: Sequence[str], status: NDArray[np.uint8],
        dictionaries: Dictionaries,
    ) -> None:
        """Take what facts of members settle, in the order of their seqs from `first` on."""
        if facts.extras is None and not np.isin(facts.kind, TOLD).any():
            return
        for row in range(len(facts)):
            extra, kind = facts.extra(row), int(facts.kind[row])
            if not extra.card and kind not in TOLD:
                continue
            place = (
                int(facts.at[row]), dictionaries.stores.names[facts.store[row]],
                dictionaries.terminals.names[facts.terminal[row]], ids[row],
            )  # fmt: skip
            member = int(facts.member[row])
            if extra.card and kind not in EVENTS and self.cards.state(extra.card, place[0]) is None:
                self._happens(extra.card, opening(member))
            if status[row]:
                continue
            if kind in EVENTS:
                self._happens(extra.card, event_of(kind, place, member, extra))
            elif kind in CLAIMS:
                self._claims(kind, ids[row], member, extra)
            elif kind in TOLD:
                self._told(kind, place, member, extra)
            if kind == ERASE:
                self.erased[member] = first + row
                self._add(member, MemberEvent(*place, ERASED, seq=first + row))

    def _told(self, kind: int, place: Place, member: int, extra: Extra) -> None:
        if kind == ENROLS:
            self._enrolled(place, member, extra.cards)
        if kind == CLOSE:
            self.closed[member] = place[0]
            self._add(member, MemberEvent(*place, CLOSED))
        elif kind == SUBSCRIBE:
            event = MemberEvent(*place, START, extra.plan, extra.ends_at, extra.fee)
            self._add(member, event)
        elif kind == UNSUBSCRIBE:
            self._add(member, MemberEvent(*place, END, extra.plan))
        elif extra.about and "type" in extra.about:
            self._add(member, MemberEvent(*place, TYPE, extra.about["type"]))

    def _claims(self, kind: int, name: str, member: int, extra: Extra) -> None:
        sale = extra.receipt
        if kind == CLAIM:
            self.receipts.claimed(sale, Claimed(member, name))
        else:
            sale = self.receipts.cancelled(extra.claim)
        self._changed.add(b"r" + sale.encode())

    def _enrolled(self, place: Place, member: int, cards: tuple[str, ...]) -> None:
        at = place[0]
        for card in cards:
            state = self.cards.state(card, at)
            if state is None or state.member != member:
                self._happens(card, CardEvent(*place, LINK, member))
        for card in self.cards.of_member.get(member, ()):
            state = self.cards.state(card, at)
            if state is not None and state.provisional and state.member == member:
                self._happens(card, CardEvent(*place, ENROL, member))

    def _happens(self, card: str, event: CardEvent) -> None:
        self.cards.add(card, event)
        self._changed.add(b"c" + card.encode())

    def _add(self, member: int, event: MemberEvent) -> None:
        insort(self.members.setdefault(member, []), event, key=_order)
        self._changed.add(b"m" + member.to_bytes(4, "big"))

    # -- checkpoint --------------------------------------------------------------------------

    def take_changed(self) -> list[tuple[bytes, bytes]]:
        """Items of what has changed since the last call, for a checkpoint."""
        items = [(key, self._item(key)) for key in self._changed]
        self._changed = set()
        return items

    def not_written(self, keys: Iterable[bytes]) -> None:
        """A checkpoint failed: the next one writes these too."""
        self._changed.update(keys)

    def _item(self, key: bytes) -> bytes:
        if key[:1] == b"c":
            return _encode(self.cards.events[key[1:].decode()])
        if key[:1] == b"r":
            return _encode(self.receipts.by_sale[key[1:].decode()])
        return _encode(self.members[int.from_bytes(key[1:], "big")])

    def put(self, key: bytes, value: bytes) -> None:
        """An item as a checkpoint has it."""
        if key[:1] == b"c":
            for event in _card_events(value):
                self.cards.add(key[1:].decode(), event)
            return
        if key[:1] == b"r":
            self.receipts.claimed(key[1:].decode(), _claimed(value))
            return
        member = int.from_bytes(key[1:], "big")
        self.members[member] = _member_events(value)
        erased = [event.seq for event in self.members[member] if event.what == ERASED]
        if erased:
            self.erased[member] = max(erased)
        closed = next((event for event in self.members[member] if event.what == CLOSED), None)
        if closed is not None:
            self.closed[member] = closed.at


def _order(event: MemberEvent) -> Place:
    return event[:4]
