"""Facts as the reference reads them: lines after voids, the member's order (section 2).

>>> [(line.number, line.quantity, line.net) for line in net_voids([
...     LineFact("milk", 2000, 500), LineFact("milk", -1000, -250)])]
[(1, 1000, 250)]
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import msgspec

from ..facts import (
    ActivityFact,
    AdjustFact,
    CancelFact,
    CaptureFact,
    CardBlockFact,
    CardLinkFact,
    CardUnblockFact,
    ClaimFact,
    CloseFact,
    CouponRedeemFact,
    DayClosedFact,
    DonateFact,
    EnrolFact,
    EraseFact,
    HoldFact,
    LineFact,
    LinkFact,
    MemberFact,
    MemberUpdateFact,
    MergeFact,
    PaymentFact,
    PoolFact,
    RedeemFact,
    ReleaseFact,
    ReturnedLine,
    ReturnFact,
    SaleFact,
    SubscriptionEndFact,
    SubscriptionStartFact,
    TransferFact,
    UnmergeFact,
    UnpoolFact,
)
from .calendar import EPOCH

PlaceKey = tuple[int, int, bytes, bytes, bytes]


class Moved(NamedTuple):
    """Points that leave a lot for another member, with its dates; None never passes."""

    earned: dt.date
    active_from: dt.date
    good_through: dt.date | None
    points: int


@dataclass(frozen=True)
class ReceivedFact:
    """The receiver's leg of a transfer: fixed when the giver's part is accepted."""

    id: str
    occurred_at: dt.datetime
    member: str
    currency: str
    points: int
    lots: list[Moved]
    store: str
    terminal: str


class IssueFact(AdjustFact, tag_field="kind", tag="gift card issue"):
    """What makes an account that is no member's: the first money on a gift card, what a pool
    gives to a cause."""


class RefundFact(CancelFact, tag_field="kind", tag="gift card refund"):
    """What a return puts back on a card: it has the rank of its return."""


def refund_id(fact: str) -> str:
    """Id of a card's part of a return among the card's facts: an exchange may pay as well."""
    return f"{fact}\0refund"


class PriceFact(RedeemFact, tag_field="kind", tag="reward redeem"):
    """Points that a reward costs: no terms of redemption are asked."""


OfMember = MemberFact | TransferFact | ClaimFact | ReceivedFact | LinkFact
"""What stands in a member's order, beside days closed."""


class InvalidFact(ValueError):
    """A fact refused for form: nothing is kept and its id may be used again."""


@dataclass(frozen=True)
class Line:
    """A line as sold. Quantity in thousandths, net in minor units, both after voids.

    `full_quantity`, `full_net`, `gross` and `cost` are of the line as it was rung up.
    """

    number: int
    sku: str
    quantity: int
    net: int
    full_quantity: int
    gross: int
    cost: int | None = None
    voided: bool = False
    full_net: int = 0

    @property
    def is_void(self) -> bool:
        """Neither quantity nor net is left."""
        return self.quantity == 0 and self.net == 0


def net_voids(lines: Sequence[LineFact]) -> list[Line]:
    """The lines in their order, each with what voids left of it.

    A negative line names by `voids` the line that it voids, or means the latest one before
    it of its sku of which something is left. Raises InvalidFact for a void that finds none
    or takes more than is left, and for a line number that is there twice.
    """
    kept: list[Line] = []
    numbers: set[int] = set()
    for place, line in enumerate(lines, 1):
        number = place if line.line is None else line.line
        if number in numbers:
            raise InvalidFact(f"line {number} is there twice")
        numbers.add(number)
        if line.quantity < 0 or line.net < 0:
            _void(kept, line, number)
            continue
        if line.voids is not None:
            raise InvalidFact(f"line {number}: names a line to void but is not negative")
        gross = line.net + (line.discount or 0) if line.gross is None else line.gross
        kept.append(Line(
            number, line.sku, line.quantity, line.net, line.quantity, gross, line.cost,
            full_net=line.net,
        ))  # fmt: skip
    return kept


def _void(kept: list[Line], void: LineFact, number: int) -> None:
    if void.quantity > 0 or void.net > 0:
        raise InvalidFact(f"line {number}: quantity and net have different signs")
    for place in reversed(range(len(kept))):
        line = kept[place]
        if line.sku != void.sku:
            continue
        if line.number == void.voids or (void.voids is None and not line.is_void):
            quantity, net = line.quantity + void.quantity, line.net + void.net
            if quantity < 0 or net < 0:
                raise InvalidFact(f"line {number}: voids more than is left of line {line.number}")
            kept[place] = replace(line, quantity=quantity, net=net, voided=True)
            return
    raise InvalidFact(f"line {number}: there is no line for it to void")


def instant(moment: dt.datetime) -> int:
    """Microseconds UTC since 1970."""
    return (moment - EPOCH) // dt.timedelta(microseconds=1)


def rank(fact: OfMember | DayClosedFact) -> int:
    """Rank of a fact's kind at one instant."""
    match fact:
        case (
            EnrolFact() | MemberUpdateFact() | SubscriptionStartFact() | SubscriptionEndFact()
            | CardLinkFact() | CardBlockFact() | CardUnblockFact() | CloseFact() | EraseFact()
            | MergeFact() | UnmergeFact() | PoolFact() | UnpoolFact()
        ):  # fmt: skip
            return 0
        case SaleFact() | ActivityFact() | PaymentFact():
            return 1
        case AdjustFact():
            return 1 if fact.points >= 0 else 3
        case ReturnFact() | RefundFact():
            return 2
        case (
            RedeemFact() | HoldFact() | CaptureFact() | ReleaseFact() | CancelFact()
            | DonateFact() | TransferFact() | ReceivedFact() | ClaimFact() | CouponRedeemFact()
        ):  # fmt: skip
            return 3
        case DayClosedFact():
            return 4


def own_key(fact: OfMember | DayClosedFact) -> PlaceKey:
    """Where a fact stands by itself: instant, rank, store, terminal, id by UTF-8 bytes."""
    store, terminal = getattr(fact, "store", ""), getattr(fact, "terminal", "")
    return (
        instant(fact.occurred_at), rank(fact), store.encode(), terminal.encode(),
        fact.id.encode(),
    )  # fmt: skip


def named_sale(fact: OfMember | DayClosedFact) -> str | None:
    """The id of the sale that a return, an exchange or a payment names."""
    if isinstance(fact, ReturnFact | PaymentFact):
        return fact.sale
    if isinstance(fact, SaleFact) and fact.returned is not None:
        return fact.returned.sale
    return None


def named_facts(fact: OfMember | DayClosedFact) -> list[str]:
    """Ids of the facts that one names: it does not apply before them."""
    match fact:
        case SaleFact():
            found = [named_sale(fact), *(tender.ref for tender in fact.tenders)]
        case CaptureFact() | ReleaseFact():
            found = [fact.hold]
        case CancelFact():
            found = [fact.redemption]
        case _:
            found = [named_sale(fact)]
    return [name for name in found if name is not None]


def returned_lines(fact: OfMember | DayClosedFact) -> list[ReturnedLine]:
    """The lines that a return, or the return part of an exchange, brings back."""
    if isinstance(fact, ReturnFact):
        return fact.lines
    if isinstance(fact, SaleFact) and fact.returned is not None:
        return fact.returned.lines
    return []


def content(fact: Any) -> object:
    """What two facts of one id must have alike to be the same (section 2, Ids)."""
    body = msgspec.to_builtins(fact)
    body["occurred_at"] = instant(fact.occurred_at)
    if isinstance(fact, HoldFact) and fact.expires_at is not None:
        body["expires_at"] = instant(fact.expires_at)
    if isinstance(fact, SaleFact):
        body["lines"] = [
            (x.number, x.sku, x.quantity, x.net, x.full_quantity, x.gross, x.cost)
            for x in net_voids(fact.lines)
        ]
    return type(fact).__name__, body
