"""Facts about more than one account: all of it or nothing (rulebook sections 2, 8 and 12).

The fact is a row of its own member. Each further account gets a leg: a row on its own chain with
all that it brings or takes, amounts and dates, so that every account is folded alone and no
replay changes what another has received. The row that takes is tried first; of a sale that gift
cards pay the sale.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from vafa.native.fold import run_out_by

from ..calendars.calendars import FIRST_DAY, expiry_table
from ..columns.columns import (
    CLAIM,
    CLAIMS,
    GIFT_FUND,
    GIFT_ISSUE,
    GIFT_PAYMENT,
    GIFTS,
    JOINT,
    LINKS,
    NO_RULE,
    REWARD,
    SALE,
    TRANSFER,
    TRANSFER_IN,
    Extra,
    Facts,
    Lots,
    Outcome,
    among,
    join,
    members_of,
    take,
    without_lines,
)
from ..columns.dictionaries import Dictionaries
from ..columns.gift_accounts import account_of, code_of
from ..columns.named import names_among
from ..columns.order import family_order
from ..columns.records import facts_batch
from ..columns.status import POSTINGS, Status
from ..folding.alone import fold_alone
from ..folding.batch import Batch, Past
from ..folding.batches import apply, insert
from ..folding.chain import History, places_of
from ..folding.fold import Fold
from ..program.program import Program
from .claims import Moved, cancel, claim, may_cancel, may_claim
from .coupons import apply_with_codes, mark
from .refunds import Due, due, refund_rows
from .rewards import left_of, may_take, write_items
from .tying import refused_tie

STOCK = POSTINGS.index("stock")
_IS_JOINT = among(JOINT)


@dataclass(slots=True)
class Legs:
    """Legs of a fact: rows of other members, and what they came to."""

    batch: Batch
    outcome: Outcome
    before: dict[int, bytes] = field(default_factory=dict)
    """Rows of accounts as they were, of those that only the fold has found."""

    def rows(self, n_currencies: int) -> pa.RecordBatch:
        """Their journal rows."""
        batch = self.batch
        ids = pa.array(batch.ids, pa.string())
        return facts_batch(ids, batch.facts, self.outcome, batch.version, n_currencies)


def is_joint(facts: Facts) -> bool:
    """Whether a batch is one fact about more than one account, which is committed alone."""
    if facts.plain:
        return False
    found = bool(_IS_JOINT[facts.kind].any()) or (
        facts.extras is not None and any(extra and extra.tender_cards for extra in facts.extras)
    )
    assert not found or len(facts) == 1
    return found


def others(facts: Facts, dictionaries: Dictionaries) -> list[int]:
    """Numbers of the accounts beside its own that a fact may concern, as far as they are known."""
    extra = facts.extra(0)
    names = [account_of(code) for _, code in extra.tender_cards]
    names += [name for name in (extra.to, extra.other) if name]
    numbers = dictionaries.members.numbers
    return [numbers[name] for name in dict.fromkeys(names) if name in numbers]


def apply_joint(fold: Fold, batch: Batch, past: Past) -> tuple[Outcome, Legs | None]:
    """Fold a fact and its legs; without legs where it has none or is refused."""
    if batch.facts.kind[0] == GIFT_FUND:
        fold.dictionaries.members.number(batch.facts.extra(0).to)
        fold.follow()
    mark(fold, batch, past)
    if not batch.refused and (status := _refused_before(fold, batch, past)) != Status.OK:
        batch.refused = {0: status}
    if batch.refused:
        return apply(fold, batch, past), None
    kind = int(batch.facts.kind[0])
    if kind in (TRANSFER, GIFT_FUND):
        return _transfer(fold, batch, past)
    if kind == SALE:
        return _paid_by_cards(fold, batch, past)
    if kind in CLAIMS:
        return _with_sale(fold, batch, past)
    outcome = apply(fold, batch, past)
    if kind == REWARD and outcome.status[0] == Status.OK:
        _tell_stock(fold, batch, outcome, past)
        write_items(fold, batch, outcome, past)
    return outcome, None


def _refused_before(fold: Fold, batch: Batch, past: Past) -> Status:
    """Why a fact is refused whatever its member has."""
    facts = batch.facts
    kind, member, extra = int(facts.kind[0]), int(facts.member[0]), facts.extra(0)
    if kind in LINKS:
        return refused_tie(fold, kind, member, extra, lambda one: past.type_of(
            one, int(facts.at[0])))
    if kind in (TRANSFER, GIFT_FUND):
        return _receives(fold, batch)
    if kind in CLAIMS:
        return may_claim(fold, batch, past) if kind == CLAIM else may_cancel(fold, batch, past)
    if kind == REWARD:
        account = fold.accounts.account(member)
        return may_take(fold, _program(fold, batch), account, extra, past.stock)
    return _of_gift_cards(fold, facts, kind)


def _of_gift_cards(fold: Fold, facts: Facts, kind: int) -> Status:
    """Whether the gift cards that a fact is of, or that pay a sale, are there."""
    if kind in GIFTS:
        return _of_gift_card(fold, kind, int(facts.member[0]))
    return cards_are_there(fold, facts)


def cards_are_there(fold: Fold, facts: Facts) -> Status:
    """Whether the gift cards that pay a sale are known."""
    extra = facts.extra(0)
    receivers = others(facts, fold.dictionaries)
    known = len(receivers) == len({code for _, code in extra.tender_cards})
    if known and all(_has_facts(fold, card) for card in receivers):
        return Status.OK
    return Status.UNKNOWN_GIFT_CARD


def _receives(fold: Fold, batch: Batch) -> Status:
    """Whether a transfer goes to another account that is known."""
    receivers, account = others(batch.facts, fold.dictionaries), fold.accounts.account
    # A gift card may be a new one.
    new = batch.facts.kind[0] == GIFT_FUND
    if not receivers or not (new or _has_facts(fold, receivers[0])):
        return Status.UNKNOWN_MEMBER
    # A card, or a merge, may have given the giver another name.
    same = account(receivers[0]) == account(int(batch.facts.member[0]))
    return Status.UNKNOWN_MEMBER if same else Status.OK


def _of_gift_card(fold: Fold, kind: int, member: int) -> Status:
    if kind == GIFT_ISSUE:
        return Status.GIFT_CARD_KNOWN if _has_facts(fold, member) else Status.OK
    return Status.OK if _has_facts(fold, member) else Status.UNKNOWN_GIFT_CARD


def _has_facts(fold: Fold, member: int) -> bool:
    return fold.state.head(fold.accounts.account(member))[0] is not None


def _program(fold: Fold, batch: Batch) -> Program:
    return fold.versions.all[int(batch.version[0]) - 1].program


def _transfer(fold: Fold, batch: Batch, past: Past) -> tuple[Outcome, Legs | None]:
    """The giver first, then what it has lost for the receiver."""
    kept = _Kept(fold, batch)
    outcome = apply(fold, batch, past)
    if outcome.status[0] != Status.OK:
        return outcome, None
    (receiver,) = others(batch.facts, fold.dictionaries)
    legs = _received(fold, batch, past, int(outcome.previous[0]), receiver)
    received = apply(fold, legs, past)
    if received.status[0] == Status.OK:
        return outcome, Legs(legs, received, kept.packed)
    return kept.refused(int(received.status[0]), past), None


def _paid_by_cards(fold: Fold, batch: Batch, past: Past) -> tuple[Outcome, Legs | None]:
    """The sale first, then its cards: what an exchange puts back on them, what they pay, what
    returns that waited for the sale put back. All of it or nothing.
    """
    kept = _Kept(fold, batch)
    outcome = apply(fold, batch, past)
    if outcome.status[0] not in (Status.OK, Status.PARKED):
        return kept.refused(int(outcome.status[0]), past), None
    found = due(fold, batch.came_back, past) if batch.came_back else []
    before = _packed(fold, found)
    own = [one for one in found if one[0].id == batch.ids[0]]
    rows = _payments(fold, batch, batch.first + 1 + len(own))
    if own:
        rows = _together(refund_rows(own, batch.first + 1), rows)
    waited = [one for one in found if one[0].id != batch.ids[0]]
    if waited:
        rows = _together(rows, refund_rows(waited, rows.first + len(rows.ids)))
    paid = apply(fold, rows, past)
    broken = paid.status[paid.status != Status.OK]
    if len(broken):
        kept.packed = {**before, **kept.packed}
        return kept.refused(int(broken[0]), past), None
    return outcome, Legs(rows, paid, before)


def apply_alone(fold: Fold, batch: Batch, past: Past) -> tuple[Outcome, Legs | None]:
    """Fold facts that are about one account each, and what their returns put on gift cards."""
    outcome = apply_with_codes(fold, batch, past)
    write_items(fold, batch, outcome, past)
    found = due(fold, batch.came_back, past) if batch.came_back else []
    if not found:
        return outcome, None
    before = _packed(fold, found)
    rows = refund_rows(found, batch.first + len(batch.ids))
    return outcome, Legs(rows, apply(fold, rows, past), before)


def _packed(fold: Fold, found: list[Due]) -> dict[int, bytes]:
    return {card: fold.state.pack(card) for _, card, _ in found}


def _together(one: Batch, two: Batch) -> Batch:
    """Two batches of legs, one after the other."""
    return Batch(
        join(one.facts, two.facts), one.ids + two.ids, one.first,
        np.concatenate([one.version, two.version]), legs=True,
    )  # fmt: skip


def _with_sale(fold: Fold, batch: Batch, past: Past) -> tuple[Outcome, Legs | None]:
    """A claim with its sale, or its cancel with the return of it."""
    kept = _Kept(fold, batch)
    folded = claim(fold, batch, past) if batch.facts.kind[0] == CLAIM else cancel(fold, batch, past)
    if not isinstance(folded, Moved):
        return kept.refused(int(folded), past), None
    outcome, rows, after = folded.parts()
    return outcome, Legs(rows, after)


class _Kept:
    """The rows of a fact's accounts as they were, to be put back."""

    def __init__(self, fold: Fold, batch: Batch) -> None:
        self._fold, self._batch = fold, batch
        members = [*members_of(batch.facts), *others(batch.facts, fold.dictionaries)]
        self.packed = {
            member: fold.state.pack(member) for member in fold.accounts.every(members)
        }

    def put_back(self, members: Iterable[int]) -> None:
        """Put rows back."""
        for member in members:
            self._fold.state.unpack(member, self.packed[member])
        self._fold.histories.clear()

    def refused(self, status: int, past: Past) -> Outcome:
        """Put all rows back and refuse the fact."""
        self.put_back(self.packed)
        self._batch.came_back.clear()
        self._batch.refused = {0: Status(status)}
        return apply(self._fold, self._batch, past)


def paid_by(fold: Fold, facts: Facts) -> Counter[int]:
    """What each gift card pays of a sale, by the numbers of cards that are known."""
    sums: Counter[int] = Counter()
    for place, code in facts.extra(0).tender_cards:
        sums[fold.dictionaries.members.numbers[account_of(code)]] += int(facts.amount[place])
    return sums


def _payments(fold: Fold, batch: Batch, first: int) -> Batch:
    """What each gift card pays of a sale, from seq `first` on."""
    facts, extra = batch.facts, batch.facts.extra(0)
    sums = paid_by(fold, facts)
    n = len(sums)
    legs = without_lines(
        GIFT_PAYMENT, np.repeat(facts.at, n), np.array(list(sums), np.uint32)
    )
    for name in ("store", "terminal", "day", "minute"):
        setattr(legs, name, np.repeat(getattr(facts, name), n))
    legs.extras = [Extra(amount=paid, completed=extra.completed) for paid in sums.values()]
    return Batch(
        legs, batch.ids * n, first, np.repeat(batch.version, n), legs=True
    )


def _tell_stock(fold: Fold, batch: Batch, outcome: Outcome, past: Past) -> None:
    """A posting without points that tells how many pieces are left."""
    left = left_of(fold, _program(fold, batch), batch.facts.extra(0).code, past.stock)
    if left is None:
        return
    told = {
        "rule": NO_RULE, "kind": STOCK, "currency": 0, "limit": 0, "desired": left, "points": 0,
        "corrects": 0,
    }  # fmt: skip
    row = {
        name: np.array([value], outcome.postings[name].dtype) for name, value in told.items()
    }
    insert(outcome, [(np.zeros(1, np.int64), row)])


def _currency(fold: Fold, batch: Batch) -> str:
    """The currency of what moves: that of gift cards is the program's to say."""
    if batch.facts.kind[0] == TRANSFER:
        return batch.facts.extra(0).currency
    cards = _program(fold, batch).gift_cards
    assert cards is not None
    return cards.currency


def _received(fold: Fold, batch: Batch, past: Past, previous: int, receiver: int) -> Batch:
    """The receiver's leg of an accepted transfer, with the lots that have left the giver."""
    facts = batch.facts
    extra, day = facts.extra(0), int(facts.day[0])
    lots = _left(fold, batch, past, previous)
    missing = extra.amount - sum(points for *_, points in lots)
    if missing:
        # The giver owes it: what nobody had begins with the transfer.
        program = _program(fold, batch)
        currency = program.currency_named(_currency(fold, batch))
        through = int(expiry_table(program, currency)[day - FIRST_DAY])
        lots = (*lots, (day, day, through, missing))
    leg = without_lines(TRANSFER_IN, facts.at, np.array([receiver], np.uint32))
    leg.store, leg.terminal, leg.day, leg.minute = (
        facts.store, facts.terminal, facts.day, facts.minute
    )  # fmt: skip
    # What makes the row a card's.
    card = "" if facts.kind[0] == TRANSFER else code_of(extra.to)
    leg.extras = [
        Extra(currency=_currency(fold, batch), amount=extra.amount, lots=lots, code=card)
    ]
    return Batch(leg, batch.ids, batch.first + 1, batch.version, legs=True)


def _left(fold: Fold, batch: Batch, past: Past, previous: int) -> Lots:
    """What a fact took from its member's lots, in spending order: as they stood before it
    less as they stand after it."""
    giver = int(batch.facts.member[0])
    heads = fold.heads(giver) | {giver: previous}
    members = tuple(sorted(heads))
    new = take(batch.facts, np.zeros(1, np.int64))
    new.member = places_of(members, new.member)
    history = past.history(heads).then(
        History(new, batch.ids, np.array([batch.first], np.uint64), batch.version, members)
    )
    rows = np.arange(len(history.ids), dtype=np.uint32)
    names = names_among(history.facts, history.ids, rows, history.one)
    order = family_order(history.facts, history.ids, fold.dictionaries, rows, names)
    place = int(np.flatnonzero(order == len(rows) - 1)[0])
    currency = fold.layout.currencies.index(_currency(fold, batch))
    at, day = int(batch.facts.at[0]), int(batch.facts.day[0])

    def lots_of(some: int) -> Counter[tuple[int, int, int]]:
        found: Counter[tuple[int, int, int]] = Counter()
        if some:
            folded = fold_alone(fold, history, order[:some], until=at - 1)
            state = fold.single()
            state.unpack(0, folded.row(members.index(giver)))
            # What a hold sets free by then is there before the fact as well.
            run_out_by(fold.compiled.natives, state, int(batch.version[0]) - 1, at, 0)
            for *dates, points in state.lots(0, currency, day):
                found[dates[0], dates[1], dates[2]] += points
        return found

    before, after = lots_of(place), lots_of(place + 1)
    return tuple(
        (*dates, points - after[dates]) for dates, points in before.items()
        if points > after[dates]
    )  # fmt: skip
