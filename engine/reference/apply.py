"""What each kind of fact does to its member (rulebook sections 2, 4 to 6 and 9)."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from fractions import Fraction

import msgspec

from ..columns.gift_accounts import is_account
from ..columns.status import Status
from ..facts import (
    ActivityFact,
    AdjustFact,
    CalendarDate,
    CancelFact,
    CaptureFact,
    CloseFact,
    DayClosedFact,
    DonateFact,
    EnrolFact,
    HoldFact,
    ManualTier,
    MemberUpdateFact,
    PaymentFact,
    ProductFact,
    RedeemFact,
    ReleaseFact,
    ReturnFact,
    SaleFact,
    SubscriptionEndFact,
    SubscriptionStartFact,
    TransferFact,
)
from . import tiers
from .accrual import pay
from .basis import rounded
from .calendar import ONE_DAY, add_months, business_date, first_instant
from .earning import rate
from .facts import (
    IssueFact,
    Line,
    ReceivedFact,
    instant,
    named_sale,
    returned_lines,
)
from .lines import BasketLine
from .lots import Dates, Lot, earned_dates
from .metrics import Metric, is_candidate
from .moving import donate, receive, transfer
from .returns import Refusal, check_return, remainder_of, sale_named
from .sales import (
    apply_return,
    apply_sale,
    fall,
    post_missing,
    take_from,
)
from .spending import cancel, capture, hold, redemption, release, release_all, renew
from .state import Basket, Record
from .turn import Turn, forgives, give, reach

ITSELF = BasketLine(Line(1, "", 1, 0, 1, 0), ProductFact(""), False, 0, 1, 0)
"""The one line of an activity and of a closing: it meets no condition on lines."""
OVER = 0
"""The instant before which a plan was active that has ended."""


def apply(turn: Turn) -> None:
    """Apply a fact at its place, then check tiers once. Raises Refusal."""
    fact, program, member = turn.accepted.fact, turn.program, turn.member
    before = tiers.figures(program, member, turn.today)
    turn.candidate = is_candidate(program, member)
    returns = (
        turn.sale_is_here and named_sale(fact) is not None and not isinstance(fact, PaymentFact)
    )
    names: set[Metric] = set()
    if returns:
        apply_return(turn, sale_named(turn, named_sale(fact) or ""), returned_lines(fact))
        middle = tiers.figures(program, member, turn.today)
        names = tiers.raised(before, middle)
        before = middle
    try:
        _apply_rest(turn)
    except Refusal:
        # Of two reasons for which an exchange is refused the return's comes first.
        check_return(turn.accepted, turn.row)
        raise
    after = tiers.figures(program, member, turn.today)
    reach(turn, names | tiers.raised(before, after), after)
    if returns and program.returns.tiers == "strict":
        fall(turn)
    if isinstance(fact, DayClosedFact):
        _post_expiries(turn, fact)


def _apply_rest(turn: Turn) -> None:
    fact = turn.accepted.fact
    match fact:
        case SaleFact():
            apply_sale(turn, fact)
        case ReturnFact(sale=None):
            _without_receipt(turn, fact)
        case PaymentFact():
            pay(turn, fact)
        case ActivityFact():
            _activity(turn, fact)
        case AdjustFact():
            if isinstance(fact, IssueFact):
                turn.member.about = replace(turn.member.about, is_account=True)
            _adjust(turn, fact)
        case RedeemFact():
            redemption(turn, fact)
        case HoldFact() | CaptureFact() | ReleaseFact() | CancelFact():
            _spend(turn, fact)
        case TransferFact() | DonateFact() | ReceivedFact():
            _move(turn, fact)
        case DayClosedFact():
            _closing(turn, fact)
        case _:
            tell(turn)


def tell(turn: Turn) -> None:
    """What a fact tells of a member, and what else only the member is changed by."""
    fact = turn.accepted.fact
    match fact:
        case EnrolFact() | MemberUpdateFact():
            _about(turn, fact)
        case SubscriptionStartFact():
            _plans(turn, {fact.plan: _plan_end(turn, fact)})
        case SubscriptionEndFact():
            # Over for what is dated before as well, where that applies right after a later fact.
            _plans(turn, {fact.plan: OVER})
        case CloseFact():
            _close(turn)
        case _:
            if turn.joins is not None:
                turn.joins()


def _move(turn: Turn, fact: TransferFact | DonateFact | ReceivedFact) -> None:
    _known(turn, fact.currency)
    match fact:
        case TransferFact():
            transfer(turn, fact)
        case DonateFact():
            donate(turn, fact)
        case ReceivedFact():
            if is_account(fact.member):
                turn.member.about = replace(turn.member.about, is_account=True)
            receive(turn, fact)


def _spend(turn: Turn, fact: HoldFact | CaptureFact | ReleaseFact | CancelFact) -> None:
    match fact:
        case HoldFact():
            hold(turn, fact)
        case CaptureFact():
            capture(turn, fact)
        case ReleaseFact():
            release(turn, fact)
        case CancelFact():
            cancel(turn, fact)


def _known(turn: Turn, currency: str) -> None:
    if all(c.id != currency for c in turn.program.currency):
        raise Refusal(turn.row.id, Status.UNKNOWN_CURRENCY)


# -- activities and closings ---------------------------------------------------------------------


def _basket_of_none(turn: Turn, kind: str) -> Basket:
    return Basket(
        turn.program, turn.accepted.version.holidays, turn.member.copy(), turn.tier,
        turn.row.id, kind, turn.at_us, turn.date, turn.clock,
        turn.world.closed_for(turn.accepted.seq), (ITSELF,), trace=turn.trace,
    )  # fmt: skip


def _give(turn: Turn, basket: Basket) -> Record:
    outcomes = rate(basket)
    turn.trace.rated(basket, outcomes)
    for name, outcome in outcomes.items():
        rest = turn.member.carry.get(name, Fraction(0))
        turn.member.carry[name] = rest + remainder_of(outcome)
    given = give(turn, basket, outcomes)
    return Record(
        turn.row.id, basket.kind, turn.date, given, code=basket.code, quantity=basket.quantity
    )


def _activity(turn: Turn, fact: ActivityFact) -> None:
    store = turn.world.store_at(fact.store, turn.at_us)
    basket = replace(
        _basket_of_none(turn, "activity"), store=fact.store, region=store.region,
        format=store.format, terminal=fact.terminal, channel=fact.channel, code=fact.code,
        quantity=fact.quantity,
    )  # fmt: skip
    turn.member.records.append(_give(turn, basket))
    for currency in turn.program.currency:
        renew(turn, "activity", currency.id)


def _closing(turn: Turn, fact: DayClosedFact) -> None:
    """Bonuses on anniversaries of the date; they count as given on it."""
    if turn.member.about.closed or turn.member.about.is_account:
        return
    record = _give(turn, _basket_of_none(turn, "closing"))
    if record.given:
        turn.member.records.append(record)


def _post_expiries(turn: Turn, fact: DayClosedFact) -> None:
    """What expired through the date, or had by a fact that came before, is posted, once.

    So is what holds released that had run out.
    """
    wallet, today = turn.member.wallet, turn.today
    if business_date(turn.program, turn.at_us)[0] > fact.date:
        # Points alone: tiers begin the next date under the version that is in force by then.
        wallet.begin(fact.date + ONE_DAY)
        wallet.today = today
    _post_due(turn)


def _close(turn: Turn) -> None:
    """The membership is over: holds end, and all that the member has expires (section 7)."""
    release_all(turn)
    turn.member.wallet.forfeit()
    _post_due(turn)
    turn.member.about = replace(turn.member.about, closed=True)


def _post_due(turn: Turn) -> None:
    """Post what has expired, and what holds released that ran out, and no posting tells yet."""
    wallet = turn.member.wallet
    due, wallet.unposted = wallet.unposted, []
    ran_out, wallet.ran_out = wallet.ran_out, []
    for currency in turn.program.currency:
        points = sum(points for _, name, points in due if name == currency.id)
        turn.row.post("expire", currency.id, -points)
        released = [part for part in ran_out if part[0] == currency.id]
        turn.row.post("release", currency.id, sum(points for _, points, _ in released))
        turn.row.post("forgive", currency.id, -sum(points for _, _, points in released))


# -- adjusts, returns without a receipt ------------------------------------------------------------


def _adjust(turn: Turn, fact: AdjustFact) -> None:
    _known(turn, fact.currency)
    wallet, program = turn.member.wallet, turn.program
    currency = next(c for c in program.currency if c.id == fact.currency)
    turn.row.post("adjust", fact.currency, fact.points)
    if fact.points > 0:
        wallet.issued[fact.currency] += fact.points
        dates = earned_dates(program, currency, turn.date)._replace(active_from=turn.date)
        if fact.expires is not None:
            through = None if fact.expires == "never" else dt.date.fromisoformat(fact.expires)
            dates = Dates(turn.date, turn.date, through)
        wallet.add(Lot(fact.currency, fact.points, dates, fact.id, "", (turn.place, 0)))
        return
    wallet.reversed[fact.currency] -= fact.points
    _, missing = wallet.take(wallet.pools(fact.currency, pending=True), -fact.points)
    turn.row.lack[fact.currency] += missing
    forgiven = forgives(turn, fact.currency, always_owed=fact.forced)
    wallet.short(fact.currency, missing, forgive=forgiven)
    turn.row.post("forgive", fact.currency, missing if forgiven else 0)


def _without_receipt(turn: Turn, fact: ReturnFact) -> None:
    """A return without a receipt takes what the program's rate says."""
    rate_of = turn.program.returns.no_receipt
    net = turn.row.back = sum(line.net for line in fact.lines)
    if rate_of is None:
        return
    currency = turn.program.currency_named(rate_of.currency)
    exact = Fraction(net, rate_of.per) * Fraction(rate_of.points) * 10**currency.scale
    points = rounded(exact, currency.round)
    take_from(turn, [], currency.id, points, 0)
    turn.row.post("reverse", currency.id, -points)
    post_missing(turn, currency.id)


# -- what is known of a member ---------------------------------------------------------------------


def _about(turn: Turn, fact: EnrolFact | MemberUpdateFact) -> None:
    about = turn.member.about
    if fact.birth is not msgspec.UNSET:
        about = replace(about, birth=fact.birth)
    if fact.birth_calendar is not msgspec.UNSET:
        about = replace(about, birth_calendar=fact.birth_calendar)
    if fact.anniversaries is not msgspec.UNSET:
        dates = {
            name: value if isinstance(value, CalendarDate) else CalendarDate(value)
            for name, value in fact.anniversaries.items()
        }
        about = replace(about, anniversaries=about.anniversaries | dates)
    if fact.segments is not msgspec.UNSET:
        about = replace(about, segments=frozenset(fact.segments))
    if fact.values is not msgspec.UNSET:
        about = replace(about, values=about.values | fact.values)
    if fact.type is not msgspec.UNSET:
        about = replace(about, type=fact.type)
    if fact.referrer is not msgspec.UNSET:
        about = replace(about, referred=True)
    if fact.manual_tier is not msgspec.UNSET:
        manual = None
        if isinstance(fact.manual_tier, ManualTier):
            if all(tier.id != fact.manual_tier.tier for tier in turn.program.tiers()):
                raise Refusal(fact.id, Status.UNKNOWN_TIER)
            manual = fact.manual_tier.tier, fact.manual_tier.through
        about = replace(about, manual_tier=manual)
    turn.member.about = about


def _plan_end(turn: Turn, fact: SubscriptionStartFact) -> int | None:
    """The instant before which a plan is active: named, or after the last date of its term."""
    if fact.ends_at is not None:
        return instant(fact.ends_at)
    plan = next((plan for plan in turn.program.plan if plan.id == fact.plan), None)
    if plan is None or plan.term is None or plan.renewal == "automatic":
        return None
    if plan.term.days is not None:
        end = turn.date + dt.timedelta(plan.term.days)
    else:
        end = add_months(turn.program.calendar, turn.date, plan.term.months or 0)
    return first_instant(turn.program, end)


def _plans(turn: Turn, plans: dict[str, int | None]) -> None:
    about = turn.member.about
    turn.member.about = replace(about, plans=about.plans | plans)
