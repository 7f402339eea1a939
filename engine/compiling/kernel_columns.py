"""Facts of members as the kernel takes them: numbers only, a column for each thing.

A batch of plain sales pays for none of what it does not have: those columns are None.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..calendars.anniversaries import ymd
from ..calendars.calendars import NEVER, business_day, day_of
from ..columns.columns import (
    ACTIVITY,
    ADJUST,
    CANCEL,
    CARD_PIN,
    COUPON_REDEEM,
    DONATE,
    ENROL,
    GIFT_CANCEL,
    GIFT_FUND,
    GIFT_ISSUE,
    GIFT_LOAD,
    GIFT_PAYMENT,
    GIFT_PIN,
    GIFT_REDEEM,
    GIFT_REFUND,
    GIFTS,
    HOLD,
    NOTHING,
    REDEEM,
    REFERRAL_IN,
    REWARD,
    SALE,
    SHARE_IN,
    SUBSCRIBE,
    TRANSFER,
    TRANSFER_IN,
    UNSUBSCRIBE,
    UPDATE,
    Extra,
    Facts,
    Lots,
)
from ..columns.named import Names
from ..columns.schema import NO_MEMBER as NOBODY
from ..controls.rewards import price_of
from ..facts.parts import LATEST_US
from ..members.accounts import Settled
from ..members.plans import plan_end
from ..program.program import Program
from ..program.referrals import REFERRED
from .seen import Seen
from .version import CompiledProgram

ACCEPTED, COMPLETED, PLAIN, NO_SUCH_TIER, PARTIAL, STANDS = 1, 2, 4, 8, 16, 32
NO_CURRENCY = 255
ENROLLED, NO_MEMBER = 5, 2
BIRTH, BIRTH_CALENDAR, MANUAL_TIER, MANUAL_THROUGH = 8, 10, 11, 12
BY_POLICY = -2
UNKNOWN_COST = -(2**63)
_FOREVER = 2**62
_HOUR_US = 3_600_000_000

Int64 = NDArray[np.int64]

_ACCEPTED = np.array((0, ACCEPTED, STANDS), np.uint8)
_KERNEL_KINDS = np.arange(256, dtype=np.uint8)
_KERNEL_KINDS[[GIFT_ISSUE, GIFT_LOAD, SHARE_IN, REFERRAL_IN]] = ADJUST
_KERNEL_KINDS[[GIFT_REDEEM, GIFT_PAYMENT]] = REDEEM
_KERNEL_KINDS[[GIFT_REFUND, GIFT_CANCEL]] = CANCEL
_KERNEL_KINDS[[GIFT_PIN, COUPON_REDEEM]] = CARD_PIN
_KERNEL_KINDS[GIFT_FUND] = TRANSFER
"""What the kernel does with rows of each kind: a gift card's account is like any other, a share
of a pool like points given by hand."""


@dataclass(slots=True)
class KernelColumns:
    """A batch of n facts for `vafa.native.fold`; what no fact has is None.

    What a field means stands beside its namesake in `native/columns.pxd`. Columns from `kind` to
    `minute`, and from `channel` on, have one entry a fact (`channel`, `code`, `store` and the like
    are numbers of dictionaries). Each `..._from` (int64[n + 1]) tells where the entries of a fact
    begin in the columns after it. Amounts are in minor units, quantities in thousandths, points in
    units of their currency, instants in us, days from 1970-01-01.
    """

    kind: NDArray[np.uint8]
    flags: NDArray[np.uint8]
    version: NDArray[np.uint16]
    epoch: NDArray[np.uint32]
    names: Int64
    at: Int64
    member: NDArray[np.uint32]
    store: NDArray[np.uint32]
    terminal: NDArray[np.uint32]
    day: NDArray[np.int32]
    minute: NDArray[np.int16]
    lines_from: Int64
    line: NDArray[np.int32]
    product: NDArray[np.uint32]
    quantity: Int64
    net: Int64
    tenders_from: Int64
    tender: NDArray[np.uint32]
    amount: Int64
    full_quantity: Int64 | None = None
    rung_quantity: Int64 | None = None
    rung_net: Int64 | None = None
    gross: Int64 | None = None
    cost: Int64 | None = None
    tender_points: Int64 | None = None
    tender_names: Int64 | None = None
    coupons_from: Int64 | None = None
    coupon: NDArray[np.uint32] | None = None
    offers_from: Int64 | None = None
    offer: NDArray[np.int32] | None = None
    offer_amount: Int64 | None = None
    back_from: Int64 | None = None
    back_line: NDArray[np.int32] | None = None
    back_sku: NDArray[np.int32] | None = None
    back_quantity: Int64 | None = None
    back_net: Int64 | None = None
    sets_from: Int64 | None = None
    set_slot: NDArray[np.int32] | None = None
    set_value: Int64 | None = None
    lots_from: Int64 | None = None
    lot_earned: NDArray[np.int32] | None = None
    lot_active_from: NDArray[np.int32] | None = None
    lot_good_through: NDArray[np.int32] | None = None
    lot_points: Int64 | None = None
    channel: NDArray[np.uint32] | None = None
    code: NDArray[np.uint32] | None = None
    figure: Int64 | None = None
    currency: NDArray[np.uint8] | None = None
    expires: NDArray[np.int32] | None = None
    end: Int64 | None = None
    end_day: NDArray[np.int32] | None = None
    absorbs: Int64 | None = None
    drawn: NDArray[np.uint64] | None = None


def kernel_columns(
    compiled: Sequence[CompiledProgram], seen: Seen, facts: Facts, version: NDArray[np.uint16],
    epoch: NDArray[np.uint32], names: Names, accepted: NDArray[Any],
    settled: Settled | None = None,
) -> KernelColumns:
    """Facts for the kernel. version (uint16, from 0) and epoch (uint32) are by row;
    accepted[i] tells a fact that was accepted before: 0 no, 1 yes, 2 an exchange less its return
    part (bool or uint8); `settled` whose accounts facts count in, where members are tied.
    """
    flags, kind = _ACCEPTED[accepted.view(np.uint8)], facts.kind
    if facts.plain:
        flags |= PLAIN
    else:
        flags[kind == SALE] |= PLAIN
        kind = _KERNEL_KINDS[kind]

    def held(values: Any, dtype: Any) -> Any:
        return np.ascontiguousarray(values, dtype)

    nobody = facts.member == NOBODY
    # Nobody's rows are in no order: any number will do.
    member = np.where(nobody, 0, facts.member) if nobody.any() else facts.member

    out = KernelColumns(
        kind=held(kind, np.uint8), flags=flags, version=held(version, np.uint16),
        epoch=held(epoch, np.uint32), names=held(names.rows, np.int64), at=held(facts.at, np.int64),
        member=held(member, np.uint32), store=held(facts.store, np.uint32),
        terminal=held(facts.terminal, np.uint32), day=held(facts.day, np.int32),
        minute=held(facts.minute, np.int16), lines_from=held(facts.lines_from, np.int64),
        line=held(facts.line, np.int32), product=held(facts.product, np.uint32),
        quantity=held(facts.quantity, np.int64), net=held(facts.net, np.int64),
        tenders_from=held(facts.tenders_from, np.int64), tender=held(facts.tender, np.uint32),
        amount=held(facts.amount, np.int64),
        tender_names=None if names.tenders is None else held(names.tenders, np.int64),
    )  # fmt: skip
    if not facts.plain:
        _Extras(compiled, seen, facts, out).fill(settled.told if settled is not None else {})
    if settled is not None:
        out.absorbs = settled.absorbs
    return out


class _Extras:
    """Fills what a batch has beside the core columns."""

    def __init__(
        self, compiled: Sequence[CompiledProgram], seen: Seen, facts: Facts, out: KernelColumns
    ) -> None:
        self.compiled, self.seen, self.facts, self.out = compiled, seen, facts, out
        self.n = n = len(facts)
        self.layout = compiled[0].layout
        # By row, of those that have some.
        self.coupons: dict[int, list[int]] = {}
        self.offers: dict[int, list[tuple[int, int]]] = {}
        self.back: dict[int, list[tuple[int, int, int, int]]] = {}
        self.sets: dict[int, list[tuple[int, int]]] = {}
        self.lots: dict[int, Lots] = {}
        out.channel = np.full(n, seen.channels.number(""), np.uint32)
        out.code = np.full(n, seen.activities.number(""), np.uint32)
        out.figure = np.zeros(n, np.int64)
        out.currency = np.full(n, NO_CURRENCY, np.uint8)
        out.expires = np.full(n, BY_POLICY, np.int32)
        out.end = np.zeros(n, np.int64)
        out.end_day = np.zeros(n, np.int32)

    def fill(self, told: Mapping[int, Sequence[int]]) -> None:
        """Row by row: facts with extras are few. `told`: see `accounts.Settled`."""
        rows: list[int] = []
        flags: list[int] = []
        kinds = self.facts.kind.tolist()
        for row, extra in enumerate(self.facts.extras or [None] * self.n):
            if extra is None and kinds[row] == SALE:
                continue
            rows.append(row)
            flags.append(self._row(row, kinds[row], extra or NOTHING))
        out = self.out
        out.flags[rows] = out.flags[rows] & ~np.uint8(PLAIN) | np.array(flags, np.uint8)
        for row, tellers in told.items():
            self.sets[row] = [one for teller in tellers for one in self.sets.get(teller, ())]
        if self.coupons:
            out.coupons_from, coupons = _flat(self.coupons, self.n)
            out.coupon = np.array(coupons, np.uint32)
        if self.offers:
            out.offers_from, offers = _flat(self.offers, self.n)
            out.offer, out.offer_amount = _apart(offers, np.int32, np.int64)
        out.back_from, back = _flat(self.back, self.n)
        out.back_line, out.back_sku, out.back_quantity, out.back_net = _apart(
            back, np.int32, np.int32, np.int64, np.int64
        )
        out.sets_from, sets = _flat(self.sets, self.n)
        out.set_slot, out.set_value = _apart(sets, np.int32, np.int64)
        out.lots_from, lots = _flat(self.lots, self.n)
        out.lot_earned, out.lot_active_from, out.lot_good_through, out.lot_points = _apart(
            lots, np.int32, np.int32, np.int32, np.int64
        )

    def _row(self, row: int, kind: int, extra: Extra) -> int:
        """Take a row's extra; its flags."""
        out, seen = self.out, self.seen
        assert out.channel is not None
        assert out.figure is not None
        assert out.currency is not None
        if extra.channel:
            out.channel[row] = seen.channels.number(extra.channel)
        currency, figure = self._taken(row, kind, extra)
        if figure:
            out.figure[row] = figure
        if currency in self.layout.currencies:
            out.currency[row] = self.layout.currencies.index(currency)
        self._lists(row, extra)
        return _flags(extra) | self._of_kind(row, kind, extra)

    def _lists(self, row: int, extra: Extra) -> None:
        """What a fact has several of."""
        out, seen = self.out, self.seen
        if extra.coupons:
            self.coupons[row] = [seen.coupons.number(name) for name in extra.presented()]
        if extra.back:
            codes = seen.dictionaries.products.codes.numbers
            self.back[row] = [
                (line, codes.get(sku, -2) if sku else -1, quantity, net)
                for line, sku, quantity, net in extra.back
            ]
        if extra.offers:
            places = self.compiled[int(out.version[row])].offer_places
            self.offers[row] = [(places.get(name, -1), amount) for name, amount in extra.offers]
        if extra.lots:
            self.lots[row] = extra.lots
        if extra.details:
            self._details(row, extra.details)
        if extra.voided:
            self._voided(row, extra.voided)
        for place, points in extra.tender_points:
            self._tender_points()[int(self.facts.tenders_from[row]) + place] = points

    def _of_kind(self, row: int, kind: int, extra: Extra) -> int:
        """What facts of some kinds alone have; flags."""
        out, flags = self.out, 0
        assert out.code is not None
        assert out.expires is not None
        if kind == ACTIVITY:
            out.code[row] = self.seen.activities.number(extra.code)
        elif kind in (ADJUST, GIFT_ISSUE, GIFT_LOAD, SHARE_IN) and extra.expires:
            out.expires[row] = (
                NEVER if extra.expires == "never"
                else day_of(dt.date.fromisoformat(extra.expires))
            )
        elif kind == HOLD:
            self._end(row, extra.ends_at)
        elif kind in (ENROL, UPDATE):
            about = extra.about or {}
            self.sets[row] = self._about(about)
            manual = about.get("manual_tier")
            if manual is not None and all(
                tier.id != manual["tier"] for tier in self._program(row).tiers()
            ):
                flags |= NO_SUCH_TIER
        if kind in (SUBSCRIBE, UNSUBSCRIBE, DONATE, REWARD, GIFT_ISSUE) or (
            kind in (SHARE_IN, TRANSFER_IN) and (extra.cause or extra.code)
        ):
            self.sets[row] = self._named_slot(row, kind, extra)
        return flags

    def _program(self, row: int) -> Program:
        return self.compiled[int(self.out.version[row])].program

    def _taken(self, row: int, kind: int, extra: Any) -> tuple[str, int]:
        """(currency, units) that a fact gives or takes: what only the program knows is its."""
        program = self._program(row)
        if kind == REWARD:
            return price_of(program, extra) or ("", 0)
        if kind in (*GIFTS, GIFT_PAYMENT, GIFT_REFUND, GIFT_FUND):
            return program.gift_cards.currency if program.gift_cards else "", extra.amount
        return extra.currency, extra.amount

    def _named_slot(self, row: int, kind: int, extra: Any) -> list[tuple[int, int]]:
        """The slot that a fact names with what it gets there: a plan, a cause, a reward, what
        makes the row that of an account which is no member's; none where no version names it."""
        slot: int | None
        if kind in (GIFT_ISSUE, SHARE_IN, TRANSFER_IN):
            slot, value = ENROLLED, NO_MEMBER
        elif kind == DONATE:
            slot, value = self.layout.find("cause", extra.cause, extra.currency), extra.amount
        elif kind == REWARD:
            slot, value = self.layout.find("reward", extra.code), extra.quantity
        else:
            slot = self.layout.find("subscription", extra.plan)
            value = 0 if kind == UNSUBSCRIBE else self._plan_end(row, extra)
        return [] if slot is None else [(slot, value)]

    def _plan_end(self, row: int, extra: Any) -> int:
        """The instant before which a plan that starts here is active."""
        program = self._program(row)
        until = plan_end(program, extra.plan, int(self.facts.day[row]), extra.ends_at)
        return _FOREVER if until is None else until

    def _end(self, row: int, asked: int | None) -> None:
        """When a hold is over: as asked, at most the program's hours later."""
        program = self._program(row)
        end = int(self.facts.at[row]) + program.hold_hours * _HOUR_US
        end = min(end, LATEST_US) if asked is None else min(end, asked, LATEST_US)
        assert self.out.end is not None
        assert self.out.end_day is not None
        self.out.end[row] = end
        self.out.end_day[row] = business_day(program, end)

    def _details(self, row: int, details: Any) -> None:
        out = self.out
        if out.gross is None or out.full_quantity is None or out.cost is None:
            out.full_quantity, out.gross = out.quantity.copy(), out.net.copy()
            out.cost = np.full(len(out.net), UNKNOWN_COST, np.int64)
        first = int(self.facts.lines_from[row])
        for place, quantity, gross, cost in details:
            out.full_quantity[first + place] = quantity
            out.gross[first + place] = gross
            out.cost[first + place] = UNKNOWN_COST if cost is None else cost

    def _voided(self, row: int, voided: tuple[tuple[int, int, int], ...]) -> None:
        out = self.out
        if out.rung_quantity is None or out.rung_net is None:
            out.rung_quantity = np.full(len(out.line), -1, np.int64)
            out.rung_net = np.full(len(out.line), -1, np.int64)
        first = int(self.facts.lines_from[row])
        for place, quantity, net in voided:
            out.rung_quantity[first + place], out.rung_net[first + place] = quantity, net

    def _tender_points(self) -> Int64:
        if self.out.tender_points is None:
            self.out.tender_points = np.zeros(len(self.out.tender), np.int64)
        return self.out.tender_points

    def _about(self, about: dict[str, Any]) -> list[tuple[int, int]]:
        """What an enrol or update says, as slots of the row."""
        sets: list[tuple[int, int]] = []
        if "birth" in about:
            # In both, for its calendar may be told by another fact.
            sets += [(BIRTH, _packed(about["birth"], "gregorian")),
                     (BIRTH + 1, _packed(about["birth"], "jalali"))]  # fmt: skip
        if "birth_calendar" in about:
            sets.append((BIRTH_CALENDAR, int(about["birth_calendar"] == "jalali")))
        for name, given in about.get("anniversaries", {}).items():
            slot = self.layout.find("anniversary", name)
            if slot is not None:
                date, calendar = _dated(given)
                sets += [(slot, _packed(date, calendar)), (slot + 1, int(calendar == "jalali"))]
        if "segments" in about:
            for key in self.layout.keys("segment"):
                sets.append((self.layout.slot(*key), int(key[1] in about["segments"])))
        sets += self._types(about)
        for name, value in about.get("values", {}).items():
            slot = self.layout.find("value", name)
            if slot is not None:
                sets += [(slot, value), (slot + 1, 1)]
        if "manual_tier" in about:
            sets += self._manual(about["manual_tier"])
        return sets

    def _types(self, about: dict[str, Any]) -> list[tuple[int, int]]:
        """What a member is; that it was referred is told apart, and stays."""
        sets: list[tuple[int, int]] = []
        for key in self.layout.keys("type") if "type" in about else ():
            sets.append((self.layout.slot(*key), int(key[1] == about["type"])))
        slot = self.layout.find(REFERRED)
        if slot is not None and "referrer" in about:
            sets.append((slot, 1))
        return sets

    def _manual(self, manual: Any) -> list[tuple[int, int]]:
        if manual is None or manual["tier"] not in self.layout.tiers:
            return [(MANUAL_TIER, -1), (MANUAL_THROUGH, 0)]
        through = day_of(_date(manual["through"]))
        return [(MANUAL_TIER, self.layout.tiers.index(manual["tier"])), (MANUAL_THROUGH, through)]


def _flags(extra: Any) -> int:
    completed = COMPLETED if extra.completed or extra.forced else 0
    return completed | (PARTIAL if extra.partial else 0)


def _flat(items: Mapping[int, Sequence[Any]], n: int) -> tuple[Int64, list[Any]]:
    """(starts int64[n + 1], all items) of the lists of some of n rows."""
    starts = np.zeros(n + 1, np.int64)
    if not items:
        return starts, []
    rows = sorted(items)
    starts[[row + 1 for row in rows]] = [len(items[row]) for row in rows]
    return np.cumsum(starts), [one for row in rows for one in items[row]]


def _apart(items: Sequence[tuple[Any, ...]], *kinds: Any) -> list[NDArray[Any]]:
    """Columns of tuples."""
    columns = zip(*items, strict=True) if items else ((),) * len(kinds)
    return [np.array(column, kind) for column, kind in zip(columns, kinds, strict=True)]


def _date(value: Any) -> dt.date:
    return dt.date.fromisoformat(value) if isinstance(value, str) else value


def _dated(given: Any) -> tuple[Any, str]:
    """(date, calendar) of an anniversary as an `about` holds it."""
    if isinstance(given, dict):
        return given["date"], given.get("calendar", "gregorian")
    if isinstance(given, (list, tuple)):
        return given[0], given[1]
    return given, "gregorian"


def _packed(value: Any, calendar: str) -> int:
    """A date as year * 10000 + month * 100 + day of its calendar; 0 for none."""
    if value is None:
        return 0
    year, month, day = ymd(calendar, _date(value))
    return year * 10_000 + month * 100 + day
