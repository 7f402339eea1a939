"""A member of a ledger as the reference takes it, and what the journal says of its facts.

The chain gives the facts in the form of the wire and the postings that were journalled; the
replica gives what facts of no member have told (rulebook sections 2, 10 and 12).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec

from ..calendars.calendars import NEVER, date_of
from ..columns.answers import stored_postings
from ..columns.carrier import wire_fields
from ..columns.columns import (
    CARD_PIN,
    GIFT_CANCEL,
    GIFT_FUND,
    GIFT_ISSUE,
    GIFT_LOAD,
    GIFT_PAYMENT,
    GIFT_PIN,
    GIFT_REFUND,
    GIFTS,
    LINKS,
    NO_RULE,
    REDEEM,
    REFERRAL_IN,
    RETURN,
    REWARD,
    SHARE_IN,
    TRANSFER_IN,
    UNCLAIM,
)
from ..columns.dictionaries import Dictionaries, Product
from ..columns.parked import CORRECT
from ..columns.records import StoredFact, content_of_row, read_facts
from ..columns.schema import column
from ..columns.status import LIMITS, POSTINGS, Status
from ..controls.rewards import price_of
from ..controls.standing import CLOSING, Standing
from ..facts import (
    SHOWN,
    AdjustFact,
    CancelFact,
    ClaimFact,
    DayClosedFact,
    LinkFact,
    MemberFact,
    MemberUpdateFact,
    ProductFact,
    RedeemFact,
    ReturnFact,
    SaleFact,
    StoreAttributes,
    TransferFact,
)
from ..facts.parts import us_instant
from ..folding.chain import Heads, read_history
from ..journal.record_cache import RecordCache
from ..program.program import Program
from ..reference.facts import (
    IssueFact,
    Moved,
    OfMember,
    PriceFact,
    ReceivedFact,
    RefundFact,
    named_sale,
    refund_id,
)
from ..reference.receipts import PART
from ..reference.world import Accepted, World
from ..replica.replica import Replica

# -- what is the same for every member -----------------------------------------------------------


class _Products(Mapping[str, ProductFact]):
    """Products in force at an instant, by sku, looked up as they are asked for."""

    def __init__(self, dictionaries: Dictionaries, at_us: int) -> None:
        self._products, self._at_us = dictionaries.products, at_us

    def __getitem__(self, sku: str) -> ProductFact:
        found = self._products.in_force(sku, self._at_us)
        if found is None:
            raise KeyError(sku)
        return _product(found)

    def __iter__(self) -> Iterator[str]:
        return iter(self._products.codes.names)

    def __len__(self) -> int:
        return len(self._products.codes)


@lru_cache(65_536)
def _product(version: Product) -> ProductFact:
    return ProductFact(
        version.sku, version.brand, version.department, version.category, version.supplier,
        version.price_class, version.on_promotion, list(version.labels), version.weighed,
    )  # fmt: skip


@dataclass
class LedgerWorld(World):
    """What facts of no member have told a ledger, as the reference asks for it."""

    dictionaries: Dictionaries = field(default_factory=Dictionaries)

    def products_at(self, at_us: int) -> Mapping[str, ProductFact]:
        """Products in force at an instant, by sku."""
        return _Products(self.dictionaries, at_us)

    def store_at(self, name: str, at_us: int) -> StoreAttributes:
        """A store in force at an instant."""
        found = self.dictionaries.stores.in_force(name, at_us)
        if found is None:
            return StoreAttributes(name)
        return StoreAttributes(name, found.region, found.format)


class Reader:
    """A ledger as a replica has it now, with a record cache of its own.

    Made where the replica is at rest, it may be read in a thread while the replica goes on.
    """

    def __init__(self, replica: Replica) -> None:
        assert replica.words is not None
        self.journal, self.seq, self.words = replica.journal, replica.seq, replica.words
        self.dictionaries, self.versions = replica.dictionaries, replica.versions
        self.records = RecordCache(replica.journal)
        self.world = _world_of(self, replica.standing)

    def stored(self, seq: int) -> StoredFact:
        """A fact by its seq."""
        found = self.records.at(seq)
        return StoredFact(seq, found.batch, seq - found.record.first, found.record.committed_at)


def _world_of(reader: Reader, standing: Standing) -> LedgerWorld:
    world = LedgerWorld(dictionaries=reader.dictionaries)
    for published in standing.versions:
        dates = {entry.id: frozenset(entry.add) for entry in published.program.holidays}
        dates |= {name: frozenset(days) for name, days in published.content.holidays.items()}
        world.publish(published.program, published.since, dates)
    closed = standing.closed
    for at, day, seq, version in zip(
        closed.at, closed.day, closed.seq, closed.version, strict=True
    ):
        fact = DayClosedFact(reader.stored(seq).id, us_instant(at), date_of(day))
        world.days.append(Accepted(fact, seq, world.versions[version - 1]))
    world.budgets_closed = dict(standing.budgets.closed)
    return world


# -- facts in the form of the wire -----------------------------------------------------------------


_MADE = (
    TRANSFER_IN, REWARD, *GIFTS, GIFT_PAYMENT, GIFT_REFUND, GIFT_FUND, SHARE_IN, CARD_PIN,
    REFERRAL_IN,
)  # fmt: skip
"""Kinds of rows that are to the reference what facts of other kinds do."""


def shown(name: str) -> str:
    """A member's name for people: that of a gift card's account begins with no letter."""
    return name.lstrip("\x1f")


def wire_fact(stored: StoredFact, dictionaries: Dictionaries, program: Program) -> OfMember:
    """A journalled fact of a member as it came, voids netted: a line of which a void has taken
    is there whole, with one void of what is not left.

    What a gift card's account gains and spends, and the price of a reward, are an adjust and
    redemptions to the reference, as they are to the kernel.
    """
    fields = wire_fields(content_of_row(stored.batch, stored.row, dictionaries))
    fields |= {
        "id": stored.id, "kind": SHOWN[stored.kind],
        "occurred_at": us_instant(int(column(stored.batch, "at")[stored.row])),
        # A card may have named the member.
        "member": dictionaries.members.names[column(stored.batch, "member")[stored.row]],
    }  # fmt: skip
    if stored.kind in _MADE:
        return _made_of(stored, fields, program)
    if stored.kind == RETURN and not fields["lines"]:
        # It follows the cancel of a claim: all that the sale has left comes back.
        return ReturnFact(
            stored.id, fields["occurred_at"], fields["member"], [], fields["sale"],
            fields["store"], fields["terminal"],
        )
    if stored.kind == REDEEM:
        # What was taken of it, which may be less than it asked.
        fields["points"] = read_facts(stored.batch.slice(stored.row, 1)).extra(0).amount
    if "referrer_card" in fields:
        # Whose card it was then.
        about = read_facts(stored.batch.slice(stored.row, 1)).extra(0).about or {}
        fields["referrer"] = about["referrer"]
        del fields["referrer_card"]
    if fields["kind"] == "sale":
        if fields.get("coupons"):
            # What rules saw of the codes that it presented.
            extra = read_facts(stored.batch.slice(stored.row, 1)).extra(0)
            fields["coupons"] = list(extra.presented())
        fields["lines"] = _whole_lines(fields["lines"])
    fact: OfMember = msgspec.convert(fields, MemberFact | TransferFact | ClaimFact | LinkFact)
    return fact


def _made_of(stored: StoredFact, fields: dict[str, Any], program: Program) -> OfMember:
    """The fact that does to its member what one of another kind does."""
    extra = read_facts(stored.batch.slice(stored.row, 1)).extra(0)
    head = stored.id, fields["occurred_at"], fields["member"]
    if stored.kind in (CARD_PIN, GIFT_PIN):
        # It has its place in the member's order and changes nothing there.
        return MemberUpdateFact(*head, fields["store"], fields["terminal"])
    if stored.kind in (GIFT_REFUND, GIFT_CANCEL):
        back, name = (
            (RefundFact, refund_id(stored.id)) if stored.kind == GIFT_REFUND
            else (CancelFact, stored.id)
        )  # fmt: skip
        return back(
            name, *head[1:], extra.named, extra.amount or None, fields["store"],
            fields["terminal"],
        )
    money = "" if program.gift_cards is None else program.gift_cards.currency
    if stored.kind == GIFT_FUND:
        return TransferFact(
            *head, extra.to, money, extra.amount, extra.completed, fields["store"],
            fields["terminal"],
        )
    if stored.kind in (REFERRAL_IN, SHARE_IN):
        # One sale, or pool, may bring more than one to members that were ever tied.
        head = f"{stored.id}\0{stored.seq}", *head[1:]
    if stored.kind in (GIFT_ISSUE, GIFT_LOAD, SHARE_IN, REFERRAL_IN):
        same = IssueFact if stored.kind == GIFT_ISSUE or extra.cause else AdjustFact
        return same(
            *head, extra.currency or money, extra.amount, expires=extra.expires or None,
            forced=extra.forced, store=fields["store"], terminal=fields["terminal"],
        )
    if stored.kind != TRANSFER_IN:
        price = price_of(program, extra) or ("", 0) if stored.kind == REWARD else None
        takes = RedeemFact if price is None else PriceFact
        return takes(
            *head, *(price or (money, extra.amount)), extra.completed, fields["store"],
            fields["terminal"],
        )
    lots = [
        Moved(date_of(earned), date_of(active), None if end == NEVER else date_of(end), points)
        for earned, active, end, points in extra.lots
    ]
    return ReceivedFact(
        *head, extra.currency, extra.amount, lots, fields["store"], fields["terminal"]
    )


def _whole_lines(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    taken = {line["line"] for line in lines}
    free = (number for number in range(1, 2 * len(lines) + 1) if number not in taken)
    voids = []
    for line in lines:
        if "full_net" not in line:
            continue
        line.setdefault("gross", line["net"])
        quantity, net = line.pop("full_quantity"), line.pop("full_net")
        voids.append({
            "line": next(free), "sku": line["sku"], "voids": line["line"],
            "quantity": line["quantity"] - quantity, "net": line["net"] - net,
        })  # fmt: skip
        line["quantity"], line["net"] = quantity, net
    return lines + voids


# -- what the journal says -------------------------------------------------------------------------


class Journalled(NamedTuple):
    """A posting as the journal has it: of which row, `corrects` the seq of another or 0."""

    seq: int
    rule: str
    kind: str
    currency: str
    desired: int
    points: int
    limit: str
    corrects: int


class Ended(NamedTuple):
    """What became of a parked fact: the seq of the row that tells it, its status."""

    seq: int
    status: Status


@dataclass
class MemberChain:
    """A member's rows of the journal, from its first one on.

    `entries` are the facts in force. `own` and `corrections` hold postings by the seq of the
    fact that they are of; a member's part of a closed day is of the day's seq. `ended` tells
    what became of parked facts, `last_tie` is the seq of the last fact that ties members.
    """

    name: str
    rows: dict[int, StoredFact] = field(default_factory=dict)
    entries: list[Accepted] = field(default_factory=list)
    own: dict[int, list[Journalled]] = field(default_factory=dict)
    corrections: dict[int, list[Journalled]] = field(default_factory=dict)
    ended: dict[int, Ended] = field(default_factory=dict)
    last_tie: int = 0


def chain_of(reader: Reader, number: int, heads: Heads) -> MemberChain:
    """The chains of a member and of all that were ever tied to it, up to their seqs, with the
    facts that are in force by then."""
    chain = MemberChain(reader.dictionaries.members.names[number])
    for seq in sorted(seq for last in heads.values() for seq in _seqs(reader, last)):
        found = reader.records.at(seq)
        stored = chain.rows[seq] = reader.stored(seq)
        for end in found.resolved:
            if end.row == stored.row:
                chain.ended[end.seq] = Ended(seq, Status(end.status))
        # A derived row is of the fact that caused it, the first of its record.
        of = found.record.first if stored.kind == CLOSING else seq
        for posting in journalled(reader, stored):
            side = chain.corrections if posting.corrects else chain.own
            side.setdefault(posting.corrects or of, []).append(posting)
    history = read_history(reader.records, heads, reader.dictionaries, reader.versions)
    sales: set[str] = set()
    for row, (seq, version) in enumerate(
        zip(history.seqs.tolist(), history.version.tolist(), strict=True)
    ):
        stored = chain.rows[seq]
        if stored.kind == UNCLAIM:
            # The return that follows it has its id, and does what there is to do.
            continue
        if stored.kind in LINKS:
            chain.last_tie = seq
        told_by = reader.world.versions[version - 1]
        fact = wire_fact(stored, reader.dictionaries, told_by.program)
        if isinstance(fact, ReturnFact) and stored.id in sales:
            fact = msgspec.structs.replace(fact, id=fact.id + PART)
        elif isinstance(fact, SaleFact):
            sales.add(stored.id)
        # The return part of an exchange waits, or was refused: its row is without it.
        returns = named_sale(fact) is None or bool(history.facts.extra(row).named)
        chain.entries.append(Accepted(fact, seq, told_by, returns))
    return chain


def _seqs(reader: Reader, last_seq: int) -> list[int]:
    """Seqs of a member's rows, the first one first."""
    seqs = []
    while last_seq:
        seqs.append(last_seq)
        found = reader.records.at(last_seq)
        last_seq = int(found.previous[last_seq - found.record.first])
    return seqs[::-1]


def journalled(reader: Reader, stored: StoredFact) -> Iterator[Journalled]:
    """The postings of a journal row; what became of parked facts is none."""
    words = reader.words
    columns = stored_postings(stored.batch, stored.row)
    for rule, kind, currency, desired, points, limit, corrects in zip(
        *(columns[name].tolist() for name in (
            "rule", "kind", "currency", "desired", "points", "limit", "corrects",
        )), strict=True,
    ):  # fmt: skip
        if kind == CORRECT and rule == NO_RULE and not points:
            continue
        yield Journalled(
            stored.seq, words.rule_of[rule] or "", POSTINGS[kind], words.currencies[currency],
            desired, points, LIMITS[limit], corrects,
        )  # fmt: skip
