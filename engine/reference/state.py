"""What the reference knows of a member at one place in its order: records, never sums.

Every limit, counter and metric is counted anew from the records, so that a return has
only to change the record of its sale (rulebook sections 4 to 6 and 9).
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from ..facts import CalendarDate, ProductFact
from ..program.program import Program
from .facts import Line
from .lots import Take, Wallet

if TYPE_CHECKING:
    from .basket import Basket
    from .earning import Outcome


@dataclass(frozen=True)
class BasketLine:
    """A line with its product and what is left of it after returns.

    `redeemed` is the part of the net that was paid with loyalty value, as sold.
    """

    line: Line
    product: ProductFact
    excluded: bool
    redeemed: int
    quantity: int
    net: int
    gone: bool = False

    @cached_property
    def redeemed_left(self) -> int:
        """The redeemed share of what is left (section 9)."""
        if self.gone:
            return 0
        sold = self.line.net
        if sold == 0:
            return self.redeemed
        return self.redeemed - self.redeemed * (sold - self.net) // sold

    @cached_property
    def unredeemed(self) -> Fraction:
        """The share of the net that was not paid with loyalty value."""
        if self.net == 0:
            return Fraction(1)
        return Fraction(self.net - self.redeemed_left, self.net)

    @property
    def units(self) -> Fraction:
        """Units for "per N units": a weighed line counts as one until it is gone."""
        if self.gone:
            return Fraction(0)
        return Fraction(1) if self.product.weighed else Fraction(self.quantity, 1000)

    @property
    def share_of_full(self) -> Fraction:
        """The part of the line's quantity that is left: gross and cost go by it."""
        if self.line.full_quantity == 0:
            return Fraction(1)
        return Fraction(self.quantity, self.line.full_quantity)


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


@dataclass
class SaleState:
    """A sale of the member and what returns have done to it.

    `basket` is the sale as sold with the member as it stood just before; `now` what each
    rule still gives of the `first`; `pools` the points that it was paid with.
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

    def copy(self) -> SaleState:
        """A sale that changes apart from this one."""
        return replace(
            self, first=dict(self.first), now=dict(self.now), exact=dict(self.exact),
            units=dict(self.units), left=list(self.left), restored=dict(self.restored),
            come_back=dict(self.come_back), missed=dict(self.missed),
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
    stepped down from. One that is `settled` was made before accounts came together.
    """

    program: Program

    tier: str
    on: dt.date
    through: dt.date | None
    records: int
    values: dict[str, int]
    balances: dict[str, int]
    stepped_from: Grant | None = None
    settled: bool = False


@dataclass(frozen=True)
class TierGift:
    """A tier-reached bonus that was given: the lot's source, currency, points."""

    fact: str
    currency: str
    points: int


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
    upgrades: int = 0

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
            dict(self.held_by), dict(self.gifts), self.top, self.upgrades,
        )  # fmt: skip
