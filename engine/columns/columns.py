"""Facts of members as columns of dictionary numbers, and what a batch of them came to.

The kernel takes `Facts`; what few facts carry beside the core columns stands in `Extra`,
which is also the payload of the journal row.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from vafa.native.anew import joined, joined_starts
from vafa.native.trail import Trail, gather

from ..facts import KINDS
from .schema import NO_MEMBER

SALE, RETURN, ACTIVITY, ADJUST, REDEEM, ENROL, UPDATE, CLOSING = (
    KINDS.index(kind)
    for kind in (
        "sale", "return", "activity", "adjust", "redeem", "enrol", "member update", "closing",
    )
)  # fmt: skip
SUBSCRIBE, UNSUBSCRIBE = KINDS.index("subscription start"), KINDS.index("subscription end")
CLOSE, ERASE, CARD_PIN = (KINDS.index(kind) for kind in ("close", "erase", "card pin"))
CARD_LINK, CARD_BLOCK, CARD_UNBLOCK = (
    KINDS.index(f"card {what}") for what in ("link", "block", "unblock")
)
HOLD, CAPTURE, RELEASE, CANCEL = (
    KINDS.index(kind) for kind in ("hold", "capture", "release", "cancel")
)

TRANSFER, TRANSFER_IN, DONATE, REWARD = (
    KINDS.index(kind) for kind in ("transfer", "transfer in", "donate", "reward redeem")
)
GIFT_ISSUE, GIFT_LOAD, GIFT_REDEEM, GIFT_PAYMENT, GIFT_PIN, GIFT_REFUND, GIFT_CANCEL = (
    KINDS.index(f"gift card {what}")
    for what in ("issue", "load", "redeem", "payment", "pin", "refund", "cancel")
)

PAYMENT = KINDS.index("payment")
OF_SALES = (RETURN, PAYMENT)
"""Kinds of facts of a sale: they wait until it is here, and count in its account."""

CLAIM, UNCLAIM = KINDS.index("claim"), KINDS.index("claim cancel")
CLAIMS = (CLAIM, UNCLAIM)
"""Kinds of facts whose record goes on with rows of ordinary kinds: a sale, its returns."""
MERGE, UNMERGE, POOL, UNPOOL = (
    KINDS.index(kind) for kind in ("merge", "unmerge", "pool", "unpool")
)

COUPON_REDEEM = KINDS.index("coupon redeem")
GIFT_FUND = KINDS.index("gift card fund")
GIFTS = (GIFT_ISSUE, GIFT_LOAD, GIFT_REDEEM, GIFT_PIN, GIFT_CANCEL)
"""Kinds of facts of gift cards."""

LINKS = (MERGE, UNMERGE, POOL, UNPOOL)
"""Kinds of facts that tie members' accounts."""

JOINT = (TRANSFER, REWARD, *GIFTS, GIFT_FUND, *LINKS, *CLAIMS)
"""Kinds of facts about more than one account, or about what all share."""

SHARE_IN = KINDS.index("profit share in")
REFERRAL_IN = KINDS.index("referral in")
LEGS = (TRANSFER_IN, GIFT_PAYMENT, SHARE_IN, GIFT_REFUND, REFERRAL_IN)
"""Kinds of rows that a fact of another member has caused: its legs."""

MEMBER_KINDS = np.array(
    [
        SALE, RETURN, ACTIVITY, ADJUST, REDEEM, ENROL, UPDATE, SUBSCRIBE, UNSUBSCRIBE,
        HOLD, CAPTURE, RELEASE, CANCEL, CARD_LINK, CARD_BLOCK, CARD_UNBLOCK,
        TRANSFER, TRANSFER_IN, DONATE, CLOSE, REWARD, *GIFTS, GIFT_PAYMENT,
        ERASE, CARD_PIN, SHARE_IN, GIFT_REFUND, GIFT_FUND, *LINKS, *CLAIMS, REFERRAL_IN,
        PAYMENT, COUPON_REDEEM,
    ],
    np.uint8,
)  # fmt: skip
"""Kinds of members' rows that are folded; their payload is an `Extra`."""


def among(codes: Iterable[int]) -> NDArray[np.bool_]:
    """Some codes of one byte as a table by code: `table[column]` is `np.isin` at a tenth of its
    price for the one fact of most commits."""
    table = np.zeros(256, np.bool_)
    table[list(codes)] = True
    return table


TIES, OF_MEMBERS = among(LINKS), among(MEMBER_KINDS.tolist())
"""`LINKS` and `MEMBER_KINDS` as tables."""

Lots = tuple[tuple[int, int, int, int], ...]
"""Lots that move: (earned, active from, good through, points), the dates as business days."""


class Extra(
    msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True, kw_only=True
):
    """What a fact of a member carries beside the core columns; a plain sale has none.

    `details`: (place in the lines, quantity, gross and cost of the whole line before voids, cost
    None when not known) of lines whose gross is not their net, whose cost is known or that were
    voided in part; `voided`: (place, quantity, net) as it was rung up, of each line of which a void
    has taken. `offers`: (id, amount taken off). `tender_points` and `tender_refs`: (place in the
    tenders, points, or the hold or redemption that they come from). `back`: what a return brings
    back, (line or 0, sku or "", quantity, net), of the sale `named`. `named` of a capture or
    release is the hold, of a cancel the redemption, of a gift card's refund and of a payment the
    sale. `amount`: money of a payment, quantity of an activity, points of an adjust, redeem, hold,
    capture or cancel (0: all), and of what is given away or received; `to`
    is who gets it, `cause` which cause, `lots` what a leg brings; `code` of an activity or a
    reward, `quantity` of rewards; `tender_cards`: (place in the tenders, code of the gift card).
    `other` is the member that is merged into another, or the household that one pools in; `named`
    of an unmerge is the merge.
    `ends_at`: of a subscription or a hold, us. `about`: the fields given of an enrol or update.
    `card`: the card that names the member, or that the fact is about; `member`: the name given
    beside it, "" where the card alone tells whose the fact is; `nameless` where the receipt does.
    Where a card names the referrer (`referrer_card`), the engine writes the member beside it.
    `asked`: what a redemption asked that took the `amount`, which is less; `items`: codes of the
    pieces of a reward that were given, or came back; `codes`: (what was presented, the printed
    coupon or "", status) of codes, with 0 those that serve; `waited`: (id, quantity, net) of the
    returns that had waited for the sale and were taken. `receipt`: the sale that a claim is of;
    `claim`: the claim that a cancel undoes. Lists whose order means nothing are sorted: equal facts
    are equal here.
    """

    channel: str = ""
    coupons: tuple[str, ...] = ()
    offers: tuple[tuple[str, int], ...] = ()
    details: tuple[tuple[int, int, int, int | None], ...] = ()
    voided: tuple[tuple[int, int, int], ...] = ()
    tender_points: tuple[tuple[int, int], ...] = ()
    tender_refs: tuple[tuple[int, str], ...] = ()
    completed: bool = False
    named: str = ""
    back: tuple[tuple[int, str, int, int], ...] = ()
    code: str = ""
    amount: int = 0
    currency: str = ""
    expires: str = ""
    forced: bool = False
    reason: str = ""
    actor: str = ""
    about: dict[str, Any] | None = None
    plan: str = ""
    ends_at: int | None = None
    partial: bool = False
    card: str = ""
    member: str = ""
    cards: tuple[str, ...] = ()
    move: bool = False
    fee: int | None = None
    pin: str = ""
    to: str = ""
    cause: str = ""
    lots: Lots = ()
    tender_cards: tuple[tuple[int, str], ...] = ()
    quantity: int = 0
    nameless: bool = False
    receipt: str = ""
    claim: str = ""
    other: str = ""
    asked: int = 0
    items: tuple[str, ...] = ()
    codes: tuple[tuple[str, str, int], ...] = ()
    waited: tuple[tuple[str, int, int], ...] = ()

    def as_sent(self) -> Extra:
        """What the fact said, before the engine wrote down what it came to."""
        if self.codes or self.waited:
            return msgspec.structs.replace(self, codes=(), waited=()).as_sent()
        if self.asked:
            return msgspec.structs.replace(self, amount=self.asked, asked=0)
        if self.about and "referrer_card" in self.about:
            said = {name: value for name, value in self.about.items() if name != "referrer"}
            return msgspec.structs.replace(self, about=said)
        return msgspec.structs.replace(self, items=()) if self.items else self


    def presented(self) -> tuple[str, ...]:
        """The coupons that rules see: for a code that serves its printed coupon."""
        if not self.codes:
            return self.coupons
        seen = {text: coupon if not status else "" for text, coupon, status in self.codes}
        return tuple(sorted({seen.get(text, text) for text in self.coupons} - {""}))


NOTHING = Extra()
Extras = list[Extra | None]

encode_extra = msgspec.msgpack.Encoder(order="sorted").encode
decode_extra = msgspec.msgpack.Decoder(Extra).decode


@dataclass(slots=True)
class Facts:
    """Facts of members as columns of dictionary numbers: what the kernel folds.

    `kind` holds codes of `facts.KINDS`, `store` and `product` numbers of versions, `at` us,
    `day` and `minute` the business date and local minute once they are filled. lines_from
    and tenders_from (int64[n + 1]) delimit each fact's lines and tenders. `extras` is None
    when no fact has one.
    """

    at: NDArray[np.int64]
    member: NDArray[np.uint32]
    store: NDArray[np.uint32]
    terminal: NDArray[np.uint32]
    lines_from: NDArray[np.int64]
    line: NDArray[np.int32]
    product: NDArray[np.uint32]
    quantity: NDArray[np.int64]
    net: NDArray[np.int64]
    tenders_from: NDArray[np.int64]
    tender: NDArray[np.uint32]
    amount: NDArray[np.int64]
    day: NDArray[np.int32]
    minute: NDArray[np.int16]
    kind: NDArray[np.uint8]
    extras: Extras | None = None
    _plain: bool | None = field(default=None, init=False, repr=False, compare=False)

    def __len__(self) -> int:
        return len(self.at)

    @property
    def plain(self) -> bool:
        """Whether all are sales without extras, as the facts of most commits are: they are asked
        once what would be asked a dozen times."""
        if self._plain is None:
            # The code of a sale is 0.
            self._plain = not self.kind.any()
        return self._plain and self.extras is None

    def extra(self, row: int) -> Extra:
        """A fact's extra; one without any field when it has none."""
        return (self.extras[row] if self.extras is not None else None) or NOTHING


def members_of(facts: Facts) -> set[int]:
    """Numbers of the members that facts are of; some may be nobody's."""
    return set(facts.member.tolist()) - {NO_MEMBER}


BALANCES = ("active", "pending", "held", "debt")

POSTING_COLUMNS = ("rule", "kind", "currency", "limit", "desired", "points", "corrects")

NO_RULE = 2**16 - 1
"""`rule` of a posting that no rule gave: an adjust, a redemption, an expiry."""


@dataclass(slots=True)
class Outcome:
    """What a batch did, row by row: status, tier (-1 none), balances after, postings.

    The balances are int64[n, currencies] (n x currencies values in any shape). `postings`
    has a column for each of POSTING_COLUMNS, in the order of their rows; `posted_from`
    int64[n + 1] delimits them. `previous` is the seq of the member's fact before.
    """

    status: NDArray[np.uint8]
    tier: NDArray[np.int8]
    active: NDArray[np.int64]
    pending: NDArray[np.int64]
    held: NDArray[np.int64]
    debt: NDArray[np.int64]
    previous: NDArray[np.uint64]
    posted_from: NDArray[np.int64]
    postings: dict[str, NDArray[Any]]
    members: NDArray[np.uint32] = field(default_factory=lambda: np.zeros(0, np.uint32))


def outcome_of(outcome: Outcome, rows: NDArray[np.int64]) -> Outcome:
    """What some rows of a batch came to, in the order given."""
    n = len(outcome.status)
    places, starts = _gather(outcome.posted_from, rows)
    return Outcome(
        posted_from=starts,
        postings={name: values[places] for name, values in outcome.postings.items()},
        **{name: getattr(outcome, name)[rows] for name in ("status", "tier", "previous")},
        **{name: getattr(outcome, name).reshape(n, -1)[rows] for name in BALANCES},
    )


_PER_FACT = ("at", "member", "store", "terminal", "day", "minute", "kind")
_PER_LINE = ("line", "product", "quantity", "net")
_PER_TENDER = ("tender", "amount")
_COLUMNS = (*_PER_FACT, *_PER_LINE, *_PER_TENDER)


def without_lines(kind: int, at: NDArray[np.int64], member: NDArray[np.uint32]) -> Facts:
    """Facts of one kind that have no lines, no store, no terminal and no extra.

    Store and terminal are 0: closings are in nobody's order but their own.
    """
    n = len(at)
    none = np.zeros(0, np.int64)
    return Facts(
        at=at, member=member, store=np.zeros(n, np.uint32), terminal=np.zeros(n, np.uint32),
        lines_from=np.zeros(n + 1, np.int64), line=none.astype(np.int32),
        product=none.astype(np.uint32), quantity=none, net=none,
        tenders_from=np.zeros(n + 1, np.int64), tender=none.astype(np.uint32), amount=none,
        day=np.zeros(n, np.int32), minute=np.zeros(n, np.int16),
        kind=np.full(n, kind, np.uint8),
    )  # fmt: skip


def take(facts: Facts, rows: NDArray[Any]) -> Facts:
    """Copies of some rows, in the order given."""
    lines, lines_from = _gather(facts.lines_from, rows)
    tenders, tenders_from = _gather(facts.tenders_from, rows)
    return Facts(
        lines_from=lines_from,
        tenders_from=tenders_from,
        extras=None if facts.extras is None else present([facts.extras[i] for i in rows.tolist()]),
        **{name: getattr(facts, name)[rows] for name in _PER_FACT},
        **{name: getattr(facts, name)[lines] for name in _PER_LINE},
        **{name: getattr(facts, name)[tenders] for name in _PER_TENDER},
    )


def _gather(starts: NDArray[np.int64], rows: NDArray[Any]) -> tuple[NDArray[np.int64], Any]:
    """(places of the rows' items, where each row's begin among them)."""
    lengths = starts[1:][rows] - starts[:-1][rows]
    new_starts = np.zeros(len(rows) + 1, np.int64)
    np.cumsum(lengths, out=new_starts[1:])
    shift = np.repeat(starts[:-1][rows] - new_starts[:-1], lengths)
    return np.arange(new_starts[-1], dtype=np.int64) + shift, new_starts


def present(extras: Extras) -> Extras | None:
    """The extras; None when there is none among them."""
    return None if all(extra is None for extra in extras) else extras


Stored = tuple[Trail, int]
"""A row of a journal record."""


def pick(places: list[Stored]) -> tuple[Facts, list[str], NDArray[np.uint16]]:
    """Single rows of journal records, in the order given: facts (dates not filled), ids, numbers
    of the versions that rated them."""
    ids, payloads, columns = gather(places)
    program = columns.pop("program")
    kind, n = columns["kind"], len(places)
    extras: Extras | None = None
    if payloads is not None:
        extras = read_extras(payloads, kind)
    return Facts(
        day=np.zeros(n, np.int32), minute=np.zeros(n, np.int16), extras=extras, **columns
    ), ids, program


def read_extras(payloads: Iterable[bytes | None], kind: NDArray[np.uint8]) -> Extras | None:
    """The extras of rows by their payloads; a fact of no member has none. None where no row has
    one."""
    theirs = OF_MEMBERS[kind].tolist()
    return present([
        decode_extra(payload) if payload is not None and of_member else None
        for payload, of_member in zip(payloads, theirs, strict=True)
    ])


def join(*parts: Facts) -> Facts:
    """Rows of several batches in one."""
    extras: Extras | None = None
    if any(part.extras is not None for part in parts):
        extras = []
        for part in parts:
            extras += part.extras or [None] * len(part)
    columns = joined([tuple([getattr(part, name) for part in parts]) for name in _COLUMNS])
    return Facts(
        lines_from=joined_starts(tuple([part.lines_from for part in parts])),
        tenders_from=joined_starts(tuple([part.tenders_from for part in parts])),
        extras=extras, **dict(zip(_COLUMNS, columns, strict=True)),
    )  # fmt: skip
