"""What a ledger knows of its members beside their figures (rulebook section 7).

Their cards, what they are, what they subscribe to, whether they left, which items they have. It
is a fold of the journal like the members' rows: every replica reads it from the records, the
checkpoint keeps it, and a replay compares it.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from ..columns.columns import (
    CARD_BLOCK,
    CARD_LINK,
    CARD_PIN,
    CARD_UNBLOCK,
    CLAIM,
    CLAIMS,
    CLOSE,
    ERASE,
    GIFT_ISSUE,
    GIFT_PIN,
    LINKS,
    REFERRAL_IN,
    RETURN,
    SALE,
    SUBSCRIBE,
    UNMERGE,
    UNSUBSCRIBE,
    UPDATE,
    Extra,
    Facts,
    among,
)
from ..columns.columns import ENROL as ENROLS
from ..columns.dictionaries import Dictionaries
from ..controls.coupon_book import CouponBook
from ..controls.reward_stock import RewardStock
from ..controls.standing import COUPON_BLOCK, COUPON_ISSUE, REWARD_STOCK
from .accounts import Accounts, Link
from .cards import BLOCK, ENROL, LINK, OPEN, PIN, UNBLOCK, CardEvent, Cards
from .receipts import Claimed, Receipts
from .referred import Given, Referrals

EVENTS = {CARD_LINK: LINK, CARD_BLOCK: BLOCK, CARD_UNBLOCK: UNBLOCK, CARD_PIN: PIN}
"""What a fact of a card does to it, by kind."""

CLOSED, TYPE, START, END, ERASED = "closed", "type", "start", "end", "erased"
PINNED, TIED, UNDONE, REFERRED_BY = "pin", "tied", "undone", "referred by"
"""What happens to a member: it leaves, is told what it is, a plan starts or ends, what is
known of the person is forgotten, its account is tied to another's, a merge is undone; to a gift
card: it gets a PIN."""

TOLD = (
    ENROLS, UPDATE, SUBSCRIBE, UNSUBSCRIBE, CLOSE, ERASE, GIFT_ISSUE, GIFT_PIN, *LINKS, *CLAIMS,
)  # fmt: skip
"""Kinds that may settle something without a card."""
_TELLS = among(TOLD)

BROUGHT = (REWARD_STOCK, COUPON_ISSUE, COUPON_BLOCK)
"""Kinds of facts of no member that bring rewards, or codes of coupons."""

Place = tuple[int, str, str, str]
"""Instant (us), store, terminal and id of a fact: its place among others of its rank."""


def place_of(facts: Facts, row: int, fact: str, dictionaries: Dictionaries) -> Place:
    """The place of a fact, by what facts of one rank sort: instant (us), store, terminal, id."""
    return (
        int(facts.at[row]), dictionaries.stores.names[facts.store[row]],
        dictionaries.terminals.names[facts.terminal[row]], fact,
    )  # fmt: skip


class MemberEvent(NamedTuple):
    """One thing that happened to a member; events sort as the facts that they come from.

    `name` is the type, the plan, the hash of a PIN, or the merge that is undone; `ends_at` (us) and
    `fee` are of a plan that starts, `seq` is that of the fact which erases, `other` and `kind` are
    of a tie.
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
    other: int = -1
    kind: int = 0


def opening(member: int) -> CardEvent:
    """An unknown card makes a provisional member, whose it is from the beginning."""
    return CardEvent(0, "", "", "", OPEN, member)


def event_of(kind: int, place: Place, member: int, extra: Extra) -> CardEvent:
    """What a fact of a card does to it."""
    return CardEvent(*place, EVENTS[kind], member, extra.move, extra.reason or extra.pin)


_encode = msgspec.msgpack.Encoder().encode
_card_events = msgspec.msgpack.Decoder(list[CardEvent]).decode
_given = msgspec.msgpack.Decoder(Given | None).decode
_claimed = msgspec.msgpack.Decoder(Claimed).decode
_member_events = msgspec.msgpack.Decoder(list[MemberEvent]).decode


class Membership:
    """Members and cards of a ledger as of a seq."""

    def __init__(self) -> None:
        self.cards = Cards()
        self.receipts = Receipts()
        self.referrals = Referrals()
        self.accounts = Accounts()
        self.members: dict[int, list[MemberEvent]] = {}
        self.closed: dict[int, int] = {}
        """Instants (us) from which on facts of members are refused, by their numbers."""
        self.stock = RewardStock()
        self.coupons = CouponBook()
        self.erased: dict[int, int] = {}
        """Seqs of the facts by which members were forgotten, by their numbers."""
        self.changes = 0
        """How often something has been told of a card or a member."""
        self._changed: set[bytes] = set()

    def bring(self, kind: int, fact: str, payload: bytes) -> None:
        """Take what a fact of no member has brought: of rewards, or codes of coupons."""
        if kind == REWARD_STOCK:
            self.stock.bring(payload)
        elif kind == COUPON_ISSUE:
            self.coupons.issue(fact, payload)
        else:
            self.coupons.block(fact, payload)

    # -- reading ---------------------------------------------------------------------------

    def read(
        self, first: int, facts: Facts, ids: Sequence[str], status: NDArray[np.uint8],
        dictionaries: Dictionaries,
    ) -> None:
        """Take what facts of members settle, in the order of their seqs from `first` on."""
        if facts.plain or (facts.extras is None and not _TELLS[facts.kind].any()):
            return
        for row in range(len(facts)):
            extra, kind = facts.extra(row), int(facts.kind[row])
            if extra.items or extra.codes or (extra.named and kind in (SALE, RETURN)):
                self._pieces(facts, row, ids[row], int(status[row]))
            self._brought(facts, row, status[row] == 0, dictionaries)
            if not extra.card and kind not in TOLD:
                continue
            place = place_of(facts, row, ids[row], dictionaries)
            member = int(facts.member[row])
            if extra.card and kind not in EVENTS and self.cards.state(extra.card, place[0]) is None:
                self._happens(extra.card, opening(member))
            if status[row]:
                continue
            if kind in EVENTS:
                self._happens(extra.card, event_of(kind, place, member, extra))
            elif kind in CLAIMS:
                self._claims(kind, ids[row], member, extra)
            elif kind in LINKS:
                other = dictionaries.members.numbers.get(extra.other, -1)
                self._tied(kind, place, member, extra, other)
            elif kind in TOLD:
                self._told(kind, place, member, extra, dictionaries.members.numbers)
            if kind == ERASE:
                # Under whatever name something of the person was kept.
                for one in self.accounts.names_of(self.accounts.person(member)):
                    self.erased[one] = first + row
                    self._add(one, MemberEvent(*place, ERASED, seq=first + row))

    def _brought(
        self, facts: Facts, row: int, accepted: bool, dictionaries: Dictionaries
    ) -> None:
        """A referral may have brought its referrer something, or have fallen."""
        if facts.kind[row] != REFERRAL_IN or not accepted:
            return
        extra, member, at = facts.extra(row), int(facts.member[row]), int(facts.at[row])
        key = self.referrals.read(member, at, extra, dictionaries.members.numbers)
        self._changed.add(b"g" + key[0].to_bytes(4, "big") + key[1].encode())

    def _tied(self, kind: int, place: Place, member: int, extra: Extra, other: int) -> None:
        event = (
            MemberEvent(*place, UNDONE, extra.named) if kind == UNMERGE
            else MemberEvent(*place, TIED, other=other, kind=kind)
        )
        self._add(member, event)
        self._tie(member, event)

    def _tie(self, member: int, event: MemberEvent) -> None:
        if event.what == TIED:
            self.accounts.add(Link(*event[:4], event.kind, member, event.other))
        else:
            self.accounts.undo(event.name, event.at)

    def _pieces(self, facts: Facts, row: int, fact: str, status: int) -> None:
        """Codes of coupons are used; items of a reward are given; both may come back."""
        extra = facts.extra(row)
        self.coupons.read(facts, row, fact, status)
        if status or not extra.items:
            return
        if extra.named:
            self.stock.take_back(extra.named, extra.items)
        else:
            self.stock.give(fact, extra.code, extra.items)

    def _told(
        self, kind: int, place: Place, member: int, extra: Extra, numbers: Mapping[str, int]
    ) -> None:
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
        elif extra.pin:
            self._add(member, MemberEvent(*place, PINNED, extra.pin))
        elif extra.about and "type" in extra.about:
            self._add(member, MemberEvent(*place, TYPE, extra.about["type"]))
        if extra.about and "referrer" in extra.about:
            name = extra.about["referrer"]
            event = MemberEvent(*place, REFERRED_BY, name, other=numbers[name])
            self._add(member, event)
            self.referrals.referrer_of[member] = event.other

    def _claims(self, kind: int, name: str, member: int, extra: Extra) -> None:
        sale = extra.receipt
        if kind == CLAIM:
            self.receipts.claimed(sale, Claimed(member, name))
        else:
            sale = self.receipts.cancelled(extra.claim)
        self._changed.add(b"s" + sale.encode())

    def pin_of(self, number: int, at: int) -> tuple[MemberEvent, int] | None:
        """(what gave a gift card its PIN, how many have) at an instant (us); None: nothing."""
        found = [
            event for event in self.members.get(number, ())
            if event.what == PINNED and event.at <= at
        ]  # fmt: skip
        return (found[-1], len(found)) if found else None

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
        self.changes += 1
        self._changed.add(b"c" + card.encode())

    def _add(self, member: int, event: MemberEvent) -> None:
        insort(self.members.setdefault(member, []), event, key=_order)
        self.changes += 1
        self._changed.add(b"m" + member.to_bytes(4, "big"))

    def tells_of(self, member: int) -> bool:
        """Whether anything is known of a member beside its figures: most have no card or type."""
        return (
            member in self.members or member in self.cards.of_member
            or self.accounts.has_family(member)
        )  # fmt: skip

    def settled_at(self, member: int) -> int | None:
        """The instant (us) from which on the clock changes nothing of a member's cards and type.

        None where it always may: terms of plans follow each other.
        """
        events = self.members.get(member, ())
        if any(event.what == START for event in events):
            return None
        times = [event.at for event in events]
        for card in self.cards.of_member.get(member, ()):
            times += [event.at for event in self.cards.events[card]]
        return max(times, default=0)

    # -- checkpoint --------------------------------------------------------------------------

    def take_changed(self) -> list[tuple[bytes, bytes]]:
        """Items of what has changed since the last call, for a checkpoint."""
        items = [(key, self._item(key)) for key in self._changed]
        self._changed = set()
        return items + [
            (b"r" + reward.encode(), value) for reward, value in self.stock.take_changed()
        ] + [(b"k" + key.encode(), value) for key, value in self.coupons.take_changed()]

    def not_written(self, keys: Iterable[bytes]) -> None:
        """A checkpoint failed: the next one writes these too."""
        for key in keys:
            if key[:1] == b"r":
                self.stock.not_written(key[1:].decode())
            elif key[:1] == b"k":
                self.coupons.not_written(key[1:].decode())
            else:
                self._changed.add(key)

    def _item(self, key: bytes) -> bytes:
        if key[:1] == b"c":
            return _encode(self.cards.events[key[1:].decode()])
        if key[:1] == b"g":
            return _encode(self.referrals.given.get(_referral_of(key)))
        if key[:1] == b"s":
            return _encode(self.receipts.by_sale[key[1:].decode()])
        return _encode(self.members[int.from_bytes(key[1:], "big")])

    def put(self, key: bytes, value: bytes) -> None:
        """An item as a checkpoint has it."""
        if key[:1] == b"c":
            for event in _card_events(value):
                self.cards.add(key[1:].decode(), event)
            return
        if key[:1] == b"r":
            self.stock.put(key[1:].decode(), value)
            return
        if key[:1] == b"k":
            self.coupons.put(key[1:].decode(), value)
            return
        if key[:1] == b"g":
            self.referrals.put(_referral_of(key), _given(value))
            return
        if key[:1] == b"s":
            self.receipts.claimed(key[1:].decode(), _claimed(value))
            return
        member = int.from_bytes(key[1:], "big")
        self.members[member] = _member_events(value)
        for told in self.members[member]:
            if told.what == REFERRED_BY:
                self.referrals.referrer_of[member] = told.other
        erased = [event.seq for event in self.members[member] if event.what == ERASED]
        if erased:
            self.erased[member] = max(erased)
        closed = next((event for event in self.members[member] if event.what == CLOSED), None)
        if closed is not None:
            self.closed[member] = closed.at

    def loaded(self) -> None:
        """All items are put: what members' events tell of several."""
        told = [
            (event, member) for member, events in self.members.items() for event in events
            if event.what in (TIED, UNDONE)
        ]
        for event, member in sorted(told, key=lambda one: one[0].what == UNDONE):
            self._tie(member, event)
        self.coupons.loaded()

    def type_at(self, member: int, at: int) -> str | None:
        """What a member is at an instant (us); None where nobody has told."""
        told = [
            event.name for event in self.members.get(member, ())
            if event.what == TYPE and event.at <= at
        ]
        return told[-1] if told else None

    # -- who has left ------------------------------------------------------------------------

    def closed_at(self, member: int, at: int) -> int | None:
        """From when on (us) facts of a member at an instant are refused; None: it has not left.

        Who was merged into another is that one from then on, and leaves with it.
        """
        if not self.accounts or len(self.accounts.family(member)) == 1:
            return self.closed.get(member)
        person = self.accounts.ties(member, at).person(member)
        ends = [
            end for one in self.accounts.family(member)
            if (end := self.closed.get(one)) is not None
            and self.accounts.ties(member, end).person(one) == person
        ]  # fmt: skip
        return min(ends, default=None)


def _referral_of(key: bytes) -> tuple[int, str]:
    return int.from_bytes(key[1:5], "big"), key[5:].decode()


def _order(event: MemberEvent) -> Place:
    return event[:4]
