"""The shapes of answers, for the OpenAPI document; tests hold real answers against them.

Points are in units of their currency's scale, amounts in minor units.
"""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from vafa.engine.facts import SaleFact
from vafa.engine.facts.parts import Id, Name

Instant = Annotated[dt.datetime, Meta(tz=True)]
Seq = Annotated[int, Meta(ge=1)]


class Balance(Struct):
    """Points of one currency."""

    active: Annotated[int, Meta(ge=0)]
    pending: Annotated[int, Meta(ge=0)]
    held: Annotated[int, Meta(ge=0)]
    debt: Annotated[int, Meta(ge=0)]


class Posting(Struct):
    """What a rule gave, or what else moved points.

    Points that a hold has taken before are told as `captured`, those that a sale gave before and
    whose money has come as `accrued`; `points` are 0 then.
    """

    rule: str | None
    kind: str
    currency: str
    points: int
    desired: int | UnsetType = UNSET
    limit: str | UnsetType = UNSET
    captured: int | UnsetType = UNSET
    accrued: int | UnsetType = UNSET
    corrects: str | UnsetType = UNSET
    title: str | UnsetType = UNSET


class Redeemable(Struct):
    """The most that a redemption tender takes."""

    tender: str
    currency: str
    points: int
    money: int | None


class Refund(Struct):
    """Money that a return put back on a gift card, in minor units."""

    card: str
    amount: Annotated[int, Meta(ge=1)]


class CouponCode(Struct):
    """A code that was presented, its printed coupon (null: it is no code), and why it does not
    serve."""

    code: str
    coupon: str | None
    reason: str | UnsetType = UNSET


class Applied(Struct):
    """What became of a parked return."""

    id: str
    status: Literal["ok", "refused"]
    postings: list[Posting]
    reason: str | UnsetType = UNSET
    refunds: list[Refund] | UnsetType = UNSET


class FactAnswer(Struct):
    """What a till is told of a fact."""

    id: str
    seq: Seq
    status: Literal["ok", "parked", "refused", "replayed"]
    postings: list[Posting]
    balances: dict[str, Balance]
    tier: str | None
    reason: str | UnsetType = UNSET
    replayed: bool | UnsetType = UNSET
    card: str | UnsetType = UNSET
    remaining: int | UnsetType = UNSET
    items: list[str] | UnsetType = UNSET
    codes: list[str] | UnsetType = UNSET
    coupons: list[CouponCode] | UnsetType = UNSET
    asked: int | UnsetType = UNSET
    taken: int | UnsetType = UNSET
    refunds: list[Refund] | UnsetType = UNSET
    parked: list[Applied] | UnsetType = UNSET
    redeemable: list[Redeemable] | UnsetType = UNSET


class ProgramName(Struct):
    """A version of a program."""

    id: str
    version: Seq


class ClaimedBy(Struct):
    """Who has claimed a sale that was rung up without a member."""

    claim: str
    member: str


class EventView(Struct):
    """A fact in the engine's own form, and its first answer."""

    fact: dict[str, Any]
    answer: FactAnswer
    program: ProgramName | UnsetType = UNSET
    claimed: ClaimedBy | UnsetType = UNSET


class Metric(Struct):
    """A figure that the next tier asks."""

    asked: int
    has: int | None
    missing: int


class Progress(Struct):
    """What is missing to the next tier."""

    tier: str
    join: Literal["all", "any"]
    metrics: dict[str, Metric]
    by: dt.date | None


class Lot(Struct):
    """Points that were earned together and expire together."""

    currency: str
    points: int
    state: Literal["active", "pending", "unpaid"]
    earned: dt.date
    active_from: dt.date | None
    good_through: dt.date | None


class ActivePlan(Struct):
    """A plan that a member has."""

    plan: str
    since: Instant
    until: Instant | None
    renews: bool
    terms: int
    fees: int
    entitlements: list[str]
    term_ends: Instant | UnsetType = UNSET


class Brought(Struct):
    """Referrals of a member that stand, and how many more may bring points; null without a cap."""

    brought: int
    left: int | None


class MemberView(Struct):
    """A member at an instant."""

    id: str
    as_of: Instant
    tier: str | None
    balances: dict[str, Balance]
    totals: dict[str, dict[str, int]]
    purchases: int
    seq: Seq
    lots: list[Lot]
    type: Literal["person", "organisation", "household"] | UnsetType = UNSET
    closed: Instant | UnsetType = UNSET
    cards: list[str] | UnsetType = UNSET
    plans: list[ActivePlan] | UnsetType = UNSET
    entitlements: list[str] | UnsetType = UNSET
    referrer: str | UnsetType = UNSET
    referrals: dict[str, Brought] | UnsetType = UNSET
    progress: Progress | UnsetType = UNSET
    redeemable: list[Redeemable] | UnsetType = UNSET
    merged: list[str] | UnsetType = UNSET
    account: str | UnsetType = UNSET
    members: list[str] | UnsetType = UNSET


class PinTried(Struct):
    """What became of a PIN that was tried."""

    card: str
    outcome: Literal["ok", "wrong", "locked"]
    attempts_left: int


PROFILE: dict[str, Any] = {"type": "object", "additionalProperties": {"type": "string"}}


class Card(Struct):
    """A card at an instant."""

    card: str
    as_of: Instant
    member: str
    blocked: bool
    reason: str | UnsetType = UNSET
    provisional: bool | UnsetType = UNSET
    has_pin: bool | UnsetType = UNSET


class StatementEntry(Struct):
    """A fact in a statement."""

    seq: Seq
    id: str
    kind: str
    occurred_at: Instant
    recorded_at: Instant
    status: Literal["ok", "parked", "refused"]
    postings: list[Posting]
    balances: dict[str, Balance]
    tier: str | None
    member: str | UnsetType = UNSET
    store: str | UnsetType = UNSET
    net: int | UnsetType = UNSET
    program: int | UnsetType = UNSET
    reason: str | UnsetType = UNSET
    parked: list[Applied] | UnsetType = UNSET


class Statement(Struct):
    """A page of a statement, newest first."""

    member: str
    entries: list[StatementEntry]
    next: str | None


class Budget(Struct):
    """What a rule may give to everyone, and what it has given; an offer's is of no currency."""

    rule: str
    currency: str | None
    budget: int
    given: int
    left: Annotated[int, Meta(ge=0)]
    overrun: Annotated[int, Meta(ge=0)]
    closed: bool
    closed_seq: int | None


class Cause(Struct):
    """What a cause has been given, by currency."""

    id: str
    points: dict[str, int]


class CauseEntry(Struct):
    """What a fact gave a cause; `member` is null for a pool's part, `rule` where no rule gave."""

    seq: Seq
    id: str
    kind: str
    occurred_at: Instant
    member: str | None
    rule: str | None
    currency: str
    points: int


class CauseStatement(Struct):
    """What a cause has been given, and a page of by whom and by what, newest first."""

    id: str
    points: dict[str, int]
    entries: list[CauseEntry]
    next: str | None


class Causes(Struct):
    """All causes that the programs name."""

    causes: list[Cause]


class GiftLot(Struct):
    """Money of a gift card that passes at one date."""

    amount: Annotated[int, Meta(ge=1)]
    good_through: dt.date | None


class GiftCard(Struct):
    """What is on a gift card, in minor units."""

    card: str
    as_of: Instant
    has_pin: bool
    balance: Annotated[int, Meta(ge=0)]
    owed: Annotated[int, Meta(ge=0)]
    loaded: int
    spent: int
    expired: int
    lots: list[GiftLot]


class CouponCodeView(Struct, rename={"first": "from", "last": "to"}):
    """A code of a printed coupon: whether it serves today, and what has used it."""

    code: str
    coupon: str
    title: str
    issue: str
    state: Literal["good", "early", "over", "used", "blocked", "withdrawn"]
    first: dt.date | None
    last: dt.date | None
    uses: Annotated[int, Meta(ge=0)]
    left: Annotated[int, Meta(ge=0)]
    used_by: list[str]


class RewardView(Struct):
    """A reward: its price, and what is left of it (null: no end)."""

    id: str
    title: str
    currency: str
    points: int
    left: int | None
    per_member: int | None
    unique: bool


class Rewards(Struct):
    """The catalogue of the program published last."""

    rewards: list[RewardView]


class ProgramVersion(Struct, rename={"since": "from"}):
    """A publication of a program."""

    version: Seq
    program: str
    title: str
    since: Instant
    until: Instant | None
    rules: int
    id: str
    seq: Seq
    published_at: Instant


class ProgramVersions(Struct):
    """All publications."""

    versions: list[ProgramVersion]


class PublishedVersion(ProgramVersion, rename={"since": "from"}, kw_only=True):
    """What became of a publication."""

    status: Literal["ok", "replayed"]


class ProgramView(ProgramVersion, rename={"since": "from"}, kw_only=True):
    """A publication with its text and the dates of its holidays."""

    text: str
    holidays: dict[str, list[dt.date]]


class Change(Struct, rename={"before": "from", "after": "to"}):
    """A field that differs."""

    path: str
    before: Any
    after: Any


class ChangedRule(Struct):
    """A rule that differs."""

    rule: str
    changes: list[Change]


class ChangedRules(Struct):
    """How the rules differ."""

    added: list[str]
    removed: list[str]
    changed: list[ChangedRule]


class ProgramDifferences(Struct, rename={"before": "from", "after": "to"}):
    """How two versions differ."""

    before: Seq
    after: Seq
    rules: ChangedRules
    other: list[Change]


class Found(Struct):
    """A problem or warning in a program's text."""

    line: int
    path: str
    message: str


class ProgramCheck(Struct):
    """Whether a program is sound and may follow those that there are."""

    valid: bool
    problems: list[Found]
    warnings: list[Found]
    program: str | UnsetType = UNSET
    rules: int | UnsetType = UNSET


class Tiers(Struct):
    """A tier before and after."""

    before: str | None
    after: str | None


class Basket(SaleFact, tag_field="kind", tag="quote", rename={"returned": "return"},
             forbid_unknown_fields=True, kw_only=True):  # fmt: skip
    """A sale that is not paid yet: id, member, instant and kind may be left out."""

    id: Id | UnsetType = UNSET  # type: ignore[assignment]
    occurred_at: Instant | UnsetType = UNSET  # type: ignore[assignment]
    member: Name | UnsetType = UNSET  # type: ignore[assignment]


class Quote(Struct):
    """What a basket that is not paid yet would come to."""

    member: str | None
    as_of: Instant
    status: Literal["ok", "parked", "refused"]
    postings: list[Posting]
    balances: dict[str, Balance]
    tier: Tiers
    redeemable: list[Redeemable]
    id: str | UnsetType = UNSET
    program: ProgramName | UnsetType = UNSET
    reason: str | UnsetType = UNSET
    progress: Progress | UnsetType = UNSET
    parked: list[Applied] | UnsetType = UNSET
    coupons: list[CouponCode] | UnsetType = UNSET


class OutboxEvent(Struct):
    """Something that has happened, or is about to."""

    id: str
    type: str
    timestamp: Instant
    data: dict[str, Any]


class Outbox(Struct):
    """A page of events; `after` asks for those that come after it."""

    events: list[OutboxEvent]
    after: str


class Live(Struct):
    """The process runs."""

    status: Literal["ok"]


class Check(Struct):
    """One part that must be well."""

    check: Literal["program", "writer", "queue", "checkpoint"]
    ok: bool
    detail: str


class Ready(Struct):
    """Whether facts can be taken."""

    status: Literal["ok", "no-program"]
    seq: int
    checkpoint_seq: int
    members: int
    checks: list[Check] | UnsetType = UNSET


class Problem(Struct):
    """A failure (RFC 9457); some kinds tell more."""

    type: Annotated[str, Meta(pattern=r"^urn:vafa:problem:[a-z-]+$")]
    title: str
    status: Annotated[int, Meta(ge=400, le=599)]
    detail: str
    detail_en: str | UnsetType = UNSET
    pointer: str | UnsetType = UNSET
    redeemable: list[Redeemable] | UnsetType = UNSET
    coupons: list[CouponCode] | UnsetType = UNSET
    parked: list[Applied] | UnsetType = UNSET
    card: str | UnsetType = UNSET


ANSWERS: tuple[type[msgspec.Struct], ...] = (
    FactAnswer, EventView, MemberView, Card, Statement, Budget, Causes, CauseStatement, GiftCard,
    CouponCodeView,
    Rewards,
    ProgramVersions,
    PublishedVersion,
    ProgramView, ProgramDifferences, ProgramCheck, Quote, Outbox, Live, Ready, Problem,
)  # fmt: skip
"""What answers are; the shapes that they are made of come with them."""
