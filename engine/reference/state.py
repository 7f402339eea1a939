"""What the reference knows of a member at one place in its order: records, never sums.

Every limit, counter and metric is counted anew from the records, so that a return has
only to change the record of its sale (rulebook sections 4 to 6 and 9).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cached_property
from typing import NamedTuple

from ..facts import CalendarDate
from ..program.currencies import Currency
from ..program.program import Program
from .lines import BasketLine, eligible_amount
from .lots import Take, Wallet
from .outcome import UNHEARD, Outcome, RatingTrace


@dataclass(frozen=True)
class Given:
    """What a rule gave to a fact and still gives."""

    rule: str
    currency: str
    points: int
    anniversary: int | None = None
    donated: bool = False
    of_balance: bool = False


class TakenOff(NamedTuple):
    """What an offer takes off a sale as it counts now, and for which anniversary."""

    offer: str
    amount: int
    anniversary: int | None = None


@dataclass(frozen=True)
class Record:
    """One sale, activity or closing of a day, as it counts now.

    `lines` are the eligible lines that are left; `margin` is theirs.
    """

    fact: str
    kind: str
    date: dt.date
    given: tuple[Given, ...] = ()
    lines: tuple[BasketLine, ...] = ()
    eligible: int = 0
    margin: int = 0
    on_redeemed: bool = False
    code: str = ""
    quantity: int = 0
    offers: tuple[TakenOff, ...] = ()


@dataclass(frozen=True)
class Purchase:
    """A purchase in the order of purchases. `kept` is false when all of it came back, `streak`
    when streaks and sequences are another member's."""

    fact: str
    date: dt.date
    store: str
    categories: frozenset[str]
    kept: bool = True
    streak: bool = True


PoolKey = str | tuple[str, str]
"""A redemption or capture by its id; what a sale took by its id and the currency or tender."""


@dataclass(frozen=True)
class Pool:
    """Redeemed points: `takes` are those not back yet, by where they were taken, in order.

    `used` once a sale was paid with them.
    """

    currency: str
    points: int
    takes: tuple[Take, ...]
    of_redeem: bool = False
    used: bool = False

    @property
    def left(self) -> int:
        """Points that are not back."""
        return sum(take.points for take in self.takes)


@dataclass(frozen=True)
class Hold:
    """Points set apart: of `points`, `takes` are still held and `captured` were spent.

    `over` is empty, or "captured", or "released" (at its end as well). `captures` are the
    pools of what was captured; `used` once a sale was paid with it.
    """

    id: str
    currency: str
    points: int
    end_us: int
    end_day: dt.date
    place: int
    takes: tuple[Take, ...]
    captured: int = 0
    captures: tuple[PoolKey, ...] = ()
    over: str = ""
    used: bool = False

    @property
    def left(self) -> int:
        """Points that are held."""
        return sum(take.points for take in self.takes)


@dataclass(frozen=True)
class Basket:
    """A sale, an activity or the close of a day, with the member as it stood before it.

    An activity and a closing have one line that stands for them and meets no condition.
    """

    program: Program
    holidays: Mapping[str, frozenset[dt.date]]
    member: State
    tier: str | None
    fact: str
    kind: str
    at_us: int
    date: dt.date
    clock: dt.time
    closed: frozenset[str]
    lines: tuple[BasketLine, ...]
    store: str = ""
    region: str | None = None
    format: str | None = None
    terminal: str = ""
    channel: str = ""
    coupons: tuple[str, ...] = ()
    offers: tuple[tuple[str, int], ...] = ()
    tenders: tuple[tuple[str, int], ...] = ()
    code: str = ""
    quantity: int = 0
    counted: Mapping[str, int] = field(default_factory=dict)
    trace: RatingTrace = field(default=UNHEARD, compare=False, repr=False)

    @property
    def is_sale(self) -> bool:
        """Whether it has lines that were bought."""
        return self.kind == "sale"

    @cached_property
    def eligible_lines(self) -> list[int]:
        """Places of the lines that rules may see: neither void, nor gone, nor excluded."""
        return [
            place
            for place, line in enumerate(self.lines)
            if not (line.gone or line.excluded or line.line.is_void)
        ]

    def eligible(self, place: int) -> int:
        """What of a line's net earns."""
        return eligible_amount(self.lines[place], self.program.earn_on_redeemed)

    @cached_property
    def eligible_sum(self) -> int:
        """The basket's eligible amount: the `spend` of its metrics."""
        return sum(self.eligible(place) for place in self.eligible_lines)

    def unredeemed(self, place: int) -> Fraction:
        """By what every basis of a line is multiplied."""
        if self.program.earn_on_redeemed:
            return Fraction(1)
        return self.lines[place].unredeemed

    def margin(self, place: int) -> Fraction:
        """Net less cost of what is left, less the redeemed share; 0 without a cost."""
        line = self.lines[place]
        if line.line.cost is None:
            return Fraction(0)
        return (line.net - line.line.cost * line.share_of_full) * self.unredeemed(place)

    def with_lines(self, left: Sequence[BasketLine]) -> Basket:
        """The same basket of which only this is left."""
        return replace(self, lines=tuple(left))


@dataclass
class SaleState:
    """A sale of the member and what returns have done to it.

    `basket` is the sale as sold with the member as it stood just before; `now` what each
    rule still gives of the `first`; `pools` the points that it was paid with. Since then
    `received` has been paid of what was on account; of each rule `waits` still wait for the rest.
    """

    basket: Basket
    record: int
    place: int
    first: dict[str, Outcome]
    now: dict[str, int]
    exact: dict[str, Fraction]
    units: dict[str, Fraction]
    left: list[BasketLine]
    pools: dict[str, list[PoolKey]] = field(default_factory=dict)
    paid_points: dict[str, int] = field(default_factory=dict)
    restored: dict[str, int] = field(default_factory=dict)
    come_back: dict[str, int] = field(default_factory=dict)
    missed: dict[tuple[str, str], int] = field(default_factory=dict)
    received: int = 0
    waits: dict[str, int] = field(default_factory=dict)

    def copy(self) -> SaleState:
        """A sale that changes apart from this one."""
        return replace(
            self, first=dict(self.first), now=dict(self.now), exact=dict(self.exact),
            units=dict(self.units), left=list(self.left), restored=dict(self.restored),
            come_back=dict(self.come_back), missed=dict(self.missed),
            waits=dict(self.waits),
        )  # fmt: skip


@dataclass(frozen=True)
class About:
    """What enrol and update facts have told."""

    joined: dt.date | None = None
    enrolled: bool = False
    birth: dt.date | None = None
    birth_calendar: str = "gregorian"
    anniversaries: dict[str, CalendarDate] = field(default_factory=dict)
    segments: frozenset[str] = frozenset()
    values: dict[str, int] = field(default_factory=dict)
    plans: dict[str, int | None] = field(default_factory=dict)
    manual_tier: tuple[str, dt.date] | None = None
    type: str | None = None
    referred: bool = False
    closed: bool = False
    is_account: bool = False


@dataclass(frozen=True)
class Grant:
    """A tier is good through a date (None: for ever) because its metrics held on a date.

    `records` tells how many records there were; `values` and `balances` what else held.
    `program` is the version that it was checked by. A step down hangs on the grant that it
    stepped down from, or `also` on another one that was good as long. One that is `settled` was
    made before accounts came together.
    """

    program: Program

    tier: str
    on: dt.date
    through: dt.date | None
    records: int
    values: dict[str, int]
    balances: dict[str, int]
    stepped_from: Grant | None = None
    also: Grant | None = None
    settled: bool = False


@dataclass(frozen=True)
class TierGift:
    """A tier-reached bonus that was given: the lot's source, currency, points, and the grant it
    came with (None: from before accounts came together). `over`: the tier had ended, and was
    reached again.
    """

    fact: str
    currency: str
    points: int
    grant: Grant | None
    over: bool = False


@dataclass
class State:
    """A member at one place in its order."""

    wallet: Wallet = field(default_factory=Wallet)
    about: About = field(default_factory=About)
    records: list[Record] = field(default_factory=list)
    purchases: list[Purchase] = field(default_factory=list)
    sales: dict[str, SaleState] = field(default_factory=dict)
    holds: dict[str, Hold] = field(default_factory=dict)
    pools: dict[PoolKey, Pool] = field(default_factory=dict)
    now_us: int = 0
    carry: dict[str, Fraction] = field(default_factory=dict)
    units: dict[str, Fraction] = field(default_factory=dict)
    grants: list[Grant] = field(default_factory=list)
    held: dict[str, dt.date] = field(default_factory=dict)
    held_settled: dict[str, dt.date] = field(default_factory=dict)
    held_by: dict[str, tuple[dict[str, int], dict[str, int]]] = field(default_factory=dict)
    gifts: dict[str, TierGift] = field(default_factory=dict)
    top: str | None = None
    under: Program | None = None
    """The version by whose ladder the member's tiers go."""
    upgrades: int = 0
    had: Mapping[str, tuple[Program, Currency]] = field(default_factory=dict)
    """Of each currency the last version, under which the member had a fact, that has it."""

    def held_points(self, currency: str) -> int:
        """Points that holds have set apart."""
        return sum(held.left for held in self.holds.values() if held.currency == currency)

    def copy(self) -> State:
        """A member that changes apart from this one.

        Records and the like never change. A sale does, but a return works on a copy of it.
        """
        return State(
            self.wallet.copy(), self.about, list(self.records), list(self.purchases),
            dict(self.sales), dict(self.holds), dict(self.pools), self.now_us, dict(self.carry),
            dict(self.units), list(self.grants), dict(self.held), dict(self.held_settled),
            dict(self.held_by), dict(self.gifts), self.top, self.under, self.upgrades, self.had,
        )  # fmt: skip
