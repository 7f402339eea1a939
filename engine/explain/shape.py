"""What an explanation says, as types: the shape of its JSON (docs/explain.md).

Points are in units of their currency's scale, amounts in minor units, quantities in
thousandths. Exact figures are texts: a whole number, or numerator/denominator in lowest
terms.
"""

from __future__ import annotations

import datetime as dt
from typing import Any, Literal

from msgspec import Struct, field

Result = Literal[
    "gives", "cut", "rounds to nothing", "nothing to act on", "does not apply", "offer"
]


class Failed(Struct, frozen=True):
    """The first condition that does not hold: its name, what it asks, what was found.

    Names are those of the program file, `not.` before those of `not`; beside them `entry` (a
    closed club asks for more), `eligible` (nothing that earns was bought), `figure` (the rule
    has none at the tier), `budget` (it is closed), and of a line `void`, `gone` (it came back),
    `excluded`, `taken` (it counts for another rule of the group or stack).
    """

    condition: str
    asked: Any = None
    found: Any = None


class LineOfRule(Struct, frozen=True):
    """One line under one rule: its part of the basis and of the exact figure if it matched."""

    line: int
    sku: str
    matched: bool
    failed: Failed | None = None
    basis: str | None = None
    exact: str | None = None


class Cut(Struct, frozen=True):
    """The limit that lowered a figure last; `room` is what it left, `by` the rule that won."""

    limit: str
    most: str | None = None
    room: int | None = None
    by: str | None = None


class LotMade(Struct, frozen=True):
    """A lot that the fact made; `left` is what it has after the fact.

    One that waits for the money of its sale has no date from which it is active.
    """

    currency: str
    rule: str | None
    source: str
    points: int
    earned: dt.date
    active_from: dt.date | None
    good_through: dt.date | None
    left: int


class LotMoved(Struct, frozen=True):
    """A lot that was there: what the fact put back (+) or took (-), and what expired of it."""

    currency: str
    rule: str | None
    source: str
    earned: dt.date
    good_through: dt.date | None
    points: int
    expired: int


class RuleTold(Struct, frozen=True):
    """One rule on one basket (rulebook sections 3 and 4).

    `basis` is the sum that `rate` is applied to: money, thousandths of units or baskets of
    an earn rule (`basis_of`), exact points that a multiply acts on, units or the balance of a
    bonus. `carried` is the remainder from before. `exact` is the figure before rounding. Of what
    was granted `waits` wait for the money of the sale.
    """

    rule: str
    kind: str
    currency: str
    result: Result
    matched: bool
    failed: Failed | None
    lines: list[LineOfRule]
    basis_of: str | None = None
    basis: str | None = None
    rate: dict[str, Any] = field(default_factory=dict)
    factor: str | None = None
    carried: str | None = None
    exact: str | None = None
    round: str | None = None
    desired: int = 0
    granted: int = 0
    waits: int = 0
    limit: Cut | None = None
    lot: LotMade | None = None


class LineTold(Struct, frozen=True):
    """A line of the basket: what of its net earns, and what loyalty value paid."""

    line: int
    sku: str
    quantity: int
    net: int
    state: Literal["counts", "void", "gone", "excluded"]
    eligible: int
    redeemed: int


class CodeTold(Struct, frozen=True):
    """A code that was presented: the printed coupon that it is of (null: no code at all), and why
    it does not serve (null: it does)."""

    code: str
    coupon: str | None
    reason: str | None = None


class PostingTold(Struct, frozen=True):
    """A posting, signed by its effect on the member."""

    rule: str | None
    kind: str
    currency: str
    points: int
    desired: int
    limit: str | None = None


class Correction(Struct, frozen=True):
    """What a later fact changed of this one."""

    by: str
    seq: int
    rule: str | None
    currency: str
    points: int


class Difference(Struct, frozen=True):
    """Where the ledger and the rulebook's voice do not agree: a figure of each."""

    what: str
    rule: str | None
    currency: str | None
    explained: Any
    journalled: Any


class RuleBack(Struct, frozen=True):
    """What a rule gave to a sale at first, before and after the return."""

    rule: str
    currency: str
    first: int
    before: int
    now: int


class Back(Struct, frozen=True):
    """A return: what is left of the lines of its sale, and what its rules still give."""

    sale: str
    policy: str
    lines: list[LineTold]
    rules: list[RuleBack]


class PaidTold(Struct, frozen=True):
    """Money that has come for a sale: what of it was owed before, and is still."""

    sale: str
    amount: int
    owed_before: int
    owed: int


class MetricTold(Struct, frozen=True):
    """A figure of the ladder, in its window, before and after the fact."""

    metric: str
    before: str | None
    after: str | None


class GrantTold(Struct, frozen=True):
    """A tier good from a date through another (null: for ever)."""

    tier: str
    on: dt.date
    through: dt.date | None


class NextTier(Struct, frozen=True):
    """The tier above: what is missing to it, and by when."""

    tier: str
    missing: dict[str, str]
    by: dt.date | None


class TierTold(Struct, frozen=True):
    """The member's tier before and after; what the fact met, and what fell with it."""

    before: str | None
    after: str | None
    metrics: list[MetricTold] = field(default_factory=list)
    met: list[GrantTold] = field(default_factory=list)
    fell: list[GrantTold] = field(default_factory=list)
    next: NextTier | None = None


class BalanceTold(Struct, frozen=True):
    """A currency's figures."""

    active: int
    pending: int
    held: int
    debt: int


class BalancesTold(Struct, frozen=True):
    """A currency before and after the fact, on its date; `lacked` is what it did not find."""

    before: BalanceTold
    after: BalanceTold
    lacked: int = 0


class ProgramTold(Struct, frozen=True):
    """The version that rated the fact."""

    id: str
    version: int


class Explanation(Struct, frozen=True, tag_field="about", tag="member"):
    """One fact of a member, or the member's part of a closed day.

    `status` is `ok`, `refused` (by `reason`), or `parked` (waiting for `waits_for`). A fact
    refused for points tells in `short` which fact would lack more with it, itself or a later.
    `agrees` is false where the ledger's postings are not those explained: see `differences`.
    `postings` are those that the fact has come to as the ledger stands, `journalled` those
    written at its commit; `corrections` came later. Where later facts have moved points of it
    from one posting to another, and left its sums, there is none (`moved_lines`).
    """

    id: str
    seq: int
    kind: str
    member: str
    occurred_at: str
    committed_at: str
    business_date: dt.date
    program: ProgramTold
    status: Literal["ok", "refused", "parked"]
    agrees: bool
    reason: str | None = None
    waits_for: str | None = None
    short: str | None = None
    fact: dict[str, Any] = field(default_factory=dict)
    lines: list[LineTold] = field(default_factory=list)
    coupons: list[CodeTold] = field(default_factory=list)
    rules: list[RuleTold] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    redeemable: dict[str, int] = field(default_factory=dict)
    returned: Back | None = None
    paid: PaidTold | None = None
    postings: list[PostingTold] = field(default_factory=list)
    lots: list[LotMade] = field(default_factory=list)
    moved: list[LotMoved] = field(default_factory=list)
    balances: dict[str, BalancesTold] = field(default_factory=dict)
    tier: TierTold | None = None
    journalled: list[PostingTold] = field(default_factory=list)
    corrected: bool = False
    moved_lines: bool = False
    corrections: list[Correction] = field(default_factory=list)
    differences: list[Difference] = field(default_factory=list)
    sentences: list[str] = field(default_factory=list)


class PartOfMember(Struct, frozen=True):
    """What a fact of no member did to one: its row of the journal."""

    member: str
    postings: list[PostingTold]
    corrections: int


class ControlTold(Struct, frozen=True, tag_field="about", tag="everyone"):
    """A fact of no member: ask with a member for that member's part of a closed day."""

    id: str
    seq: int
    kind: str
    occurred_at: str
    committed_at: str
    status: Literal["ok", "refused", "parked"]
    reason: str | None = None
    fact: dict[str, Any] = field(default_factory=dict)
    members: list[PartOfMember] = field(default_factory=list)
    budgets_closed: list[str] = field(default_factory=list)
    sentences: list[str] = field(default_factory=list)
