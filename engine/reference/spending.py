"""Spending in the reference: redemptions, holds, captures, tenders, what goes back (section 8).

Points that left lots are kept as pools, each with the lots that they left, so that a cancel or
a return can give them back there, once.
"""

from __future__ import annotations

import datetime as dt
import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import NamedTuple

from ..columns.status import Status
from ..facts import CancelFact, CaptureFact, HoldFact, RedeemFact, ReleaseFact, SaleFact, TenderFact
from ..program.currencies import Inactivity
from ..program.program import Program
from ..program.spending import Redemption
from .basket import counted_tenders
from .calendar import business_date
from .facts import PriceFact, instant, net_voids
from .lots import Lot, Take, earned_dates
from .returns import Refusal
from .state import Hold, Pool, PoolKey, State
from .turn import Posting, Turn, advance, forgives, is_status
from .world import Version, exactly

HOUR_US = 3_600_000_000

AFTER_RULES = 10**9
"""Place, among lots of one fact, of one for points that come back."""

TERMS = {
    Status.BELOW_MINIMUM: "minimum", Status.NOT_A_MULTIPLE: "step", Status.OVER_WORTH: "worth",
    Status.OVER_SHARE: "share", Status.ABOVE_MAXIMUM: "maximum",
    Status.BASKET_TOO_SMALL: "at_least",
}  # fmt: skip
"""Terms of redemption in the order in which a completed fact tells what it broke."""


# -- redemptions ---------------------------------------------------------------------------------


def _redeem(turn: Turn, currency: str, points: int, *, completed: bool) -> list[Take]:
    """Take active points in spending order; what is missing is owed or forgiven."""
    takes = _take(turn, "redeem", currency, points, completed=completed)
    turn.member.wallet.redeemed[currency] += points
    return takes


def _take(turn: Turn, kind: str, currency: str, points: int, *, completed: bool) -> list[Take]:
    wallet = turn.member.wallet
    takes, missing = wallet.take(wallet.pools(currency, pending=False), points)
    turn.row.lack[currency] += missing
    forgiven = forgives(turn, currency, always_owed=completed)
    takes += wallet.short(currency, missing, forgive=forgiven)
    turn.row.postings.append(
        Posting("", kind, currency, -points, -points, _broken(turn, currency, completed=completed))
    )
    turn.row.post("forgive", currency, missing if forgiven else 0)
    return takes


def _broken(turn: Turn, currency: str, *, completed: bool) -> str:
    """The first term that a completed fact breaks, as a limit of what it posts."""
    broken = [status for of, status in turn.row.broken if completed and of == currency]
    return next((name for status, name in TERMS.items() if status in broken), "")


def redemption(turn: Turn, fact: RedeemFact) -> None:
    """A `redeem` fact, by the terms of the currency's first redemption."""
    _spendable(turn, fact.currency)
    terms = turn.program.terms_of(fact.currency)
    if terms is not None and not isinstance(fact, PriceFact):
        turn.row.broken += _broken_terms(turn.program, terms, fact.points)
        turn.row.broken += _beyond(turn.program, terms, fact.points)
    takes = _redeem(turn, fact.currency, fact.points, completed=fact.completed)
    turn.member.pools[fact.id] = _pool(fact.currency, takes, of_redeem=True)
    renew(turn, "redemption", fact.currency)


def _pool(currency: str, takes: Sequence[Take], *, of_redeem: bool = False) -> Pool:
    return Pool(currency, sum(take.points for take in takes), tuple(takes), of_redeem)


def _spendable(turn: Turn, currency: str) -> None:
    if all(c.id != currency for c in turn.program.currency):
        raise Refusal(turn.row.id, Status.UNKNOWN_CURRENCY)
    if is_status(turn.program, currency):
        raise Refusal(turn.row.id, Status.NOT_SPENDABLE)


def renew(turn: Turn, kind: str, name: str) -> None:
    """Lots of an inactivity policy live on where `renewed_by` lists the kind."""
    for currency in turn.program.currency:
        expiry = currency.expiry
        if currency.id == name and isinstance(expiry, Inactivity) and kind in expiry.renewed_by:
            turn.member.wallet.renewals.setdefault(name, []).append((turn.today, ""))


def _broken_terms(
    program: Program, terms: Redemption, points: int
) -> list[tuple[str, Status]]:
    assert terms.currency is not None
    whole = Fraction(points, 10 ** program.currency_named(terms.currency).scale)
    broken = []
    if terms.minimum is not None and whole < exactly(terms.minimum):
        broken.append((terms.currency, Status.BELOW_MINIMUM))
    if terms.step is not None and whole % exactly(terms.step):
        broken.append((terms.currency, Status.NOT_A_MULTIPLE))
    return broken


def _beyond(program: Program, terms: Redemption, points: int) -> list[tuple[str, Status]]:
    """Whether points are more than a redemption may take."""
    assert terms.currency is not None
    unit = 10 ** program.currency_named(terms.currency).scale
    if terms.maximum is None or points <= exactly(terms.maximum) * unit:
        return []
    return [(terms.currency, Status.ABOVE_MAXIMUM)]


def unit_worth(program: Program, terms: Redemption, tier: str | None) -> Fraction | None:
    """What one unit of the currency is worth in minor units; None if the program says nothing.

    To a member of a tier without a figure it is worth nothing.
    """
    if terms.points is None or terms.money is None or terms.currency is None:
        return None
    money = terms.money
    if isinstance(money, dict):
        money = money.get(tier, 0) if tier is not None else 0
    scale = program.currency_named(terms.currency).scale
    return Fraction(money) / (exactly(terms.points) * 10**scale)


def redeemable(
    program: Program, terms: Redemption, active: int, tier: str | None, net: int | None = None
) -> int:
    """Points that may be redeemed by the terms, of so many active ones, in units.

    With the net of a basket they are at most what the share of it is worth.
    """
    worth, most = unit_worth(program, terms, tier), active
    if worth is not None and worth == 0:
        return 0
    if net is not None and net < (terms.at_least or 0):
        return 0
    if worth is not None and net is not None:
        share = 1 if terms.share is None else exactly(terms.share)
        most = min(most, math.floor(share * max(0, net) / worth))
    return whole_steps(program, terms, most)


def whole_steps(program: Program, terms: Redemption, most: int) -> int:
    """The largest multiple of the step above neither a figure nor the maximum, 0 if below the
    minimum."""
    assert terms.currency is not None
    unit = 10 ** program.currency_named(terms.currency).scale
    if terms.maximum is not None:
        most = min(most, int(exactly(terms.maximum) * unit))
    if terms.step is not None:
        step = int(exactly(terms.step) * unit)
        most -= most % step
    if terms.minimum is not None and most < exactly(terms.minimum) * unit:
        return 0
    return most


# -- holds -----------------------------------------------------------------------------------------


def hold(turn: Turn, fact: HoldFact) -> None:
    """Set active points apart until a capture, a release or the end."""
    _spendable(turn, fact.currency)
    takes = _take(turn, "hold", fact.currency, fact.points, completed=fact.completed)
    end = turn.at_us + turn.program.hold_hours * HOUR_US
    if fact.expires_at is not None:
        end = min(end, instant(fact.expires_at))
    turn.member.holds[fact.id] = Hold(
        fact.id, fact.currency, fact.points, end, business_date(turn.program, end)[0], turn.place,
        tuple(takes),
    )  # fmt: skip


def release(turn: Turn, fact: ReleaseFact) -> None:
    """What a hold has left is free again. Raises Refusal for one that is over."""
    held = _hold(turn, fact.hold)
    if held.over:
        raise Refusal(fact.id, Status.HOLD_ENDED)
    _let_go(turn, replace(held, over="released"))


def release_all(turn: Turn) -> None:
    """What open holds have left is free again: the membership is over."""
    still = [held for held in turn.member.holds.values() if not held.over]
    for held in sorted(still, key=lambda held: held.place):
        _let_go(turn, replace(held, over="released"))


def capture(turn: Turn, fact: CaptureFact) -> None:
    """Spend what is held; beyond it, if it has happened, other points. Raises Refusal."""
    held, takes = _hold(turn, fact.hold), []
    if held.over:
        if not fact.completed:
            raise Refusal(fact.id, Status.HOLD_ENDED)
        asked = max(0, held.points - held.captured) if fact.points is None else fact.points
        beyond = asked
    else:
        asked, beyond = _asked(fact, fact.points, held.left)
        takes = _capture(turn, held, asked - beyond, fact.id, partial=fact.partial)
    if beyond:
        takes += _redeem(turn, held.currency, beyond, completed=True)
        held = turn.member.holds[held.id]
        captures = tuple(dict.fromkeys((*held.captures, fact.id)))
        turn.member.holds[held.id] = replace(
            held, captured=held.captured + beyond, captures=captures
        )
    turn.member.pools[fact.id] = _pool(held.currency, takes)
    if takes:
        renew(turn, "redemption", held.currency)


def _hold(turn: Turn, name: str) -> Hold:
    if name not in turn.member.holds:
        raise Refusal(turn.row.id, Status.UNKNOWN_HOLD)
    return turn.member.holds[name]


def _capture(
    turn: Turn, held: Hold, points: int, key: PoolKey, *, partial: bool, used: bool = False
) -> list[Take]:
    """Spend points of an open hold, those reserved first first; the rest stays or is let go."""
    taken, left = _split(held.takes, points)
    turn.row.postings.append(Posting("", "capture", held.currency, points, 0))
    turn.member.wallet.redeemed[held.currency] += points
    held = replace(
        held, takes=left, captured=held.captured + points, captures=(*held.captures, key),
        used=used, over="" if partial and left else "captured",
    )  # fmt: skip
    turn.member.holds[held.id] = held
    if held.over:
        _let_go(turn, held)
    return list(taken)


def _split(takes: Sequence[Take], points: int) -> tuple[tuple[Take, ...], tuple[Take, ...]]:
    """The first so many points of what was taken, and the others."""
    first, rest = [], []
    for where, taken in takes:
        part = min(taken, points)
        points -= part
        if part:
            first.append(Take(where, part))
        if part < taken:
            rest.append(Take(where, taken - part))
    return tuple(first), tuple(rest)


def _let_go(turn: Turn, held: Hold) -> None:
    """The rest of a hold that a fact ends goes back; the fact posts it."""
    released, expired, unforgiven = _free(turn.program, turn.member, held, turn.today, turn.place)
    turn.row.post("release", held.currency, released)
    turn.row.post("expire", held.currency, -expired)
    turn.row.post("forgive", held.currency, -unforgiven)


def _free(
    program: Program, member: State, held: Hold, day: dt.date, place: int
) -> tuple[int, int, int]:
    """Give back what a hold has left on a day: (released, expired at once, no more forgiven)."""
    takes, released = list(held.takes), held.left
    fresh = _fresh(program, member, held.currency, day, held.id, place)
    unforgiven, expired = member.wallet.restore(takes, released, fresh, None)
    member.holds[held.id] = replace(held, takes=())
    return released, expired, unforgiven


def _fresh(
    program: Program, member: State, name: str, day: dt.date, source: str, place: int
) -> Lot:
    """A lot for what had become debt that is paid: of the day on which it comes back.

    Where the version has no such currency the last one before it that had.
    """
    if all(one.id != name for one in program.currency):
        program, _ = member.had[name]
    currency = program.currency_named(name)
    dates = earned_dates(program, currency, day)._replace(active_from=day)
    return Lot(name, 0, dates, source, "", (place, AFTER_RULES))


def run_out(version: Version, member: State, day: dt.date, at_us: int | None = None) -> None:
    """Holds whose end has come by an instant, and not after a day, let go of what they have.

    The clock goes to the date of each end. `day closed` posts what they released.
    """
    due = [
        held
        for held in member.holds.values()
        if not held.over and held.end_day <= day and (at_us is None or held.end_us <= at_us)
    ]
    for held in sorted(due, key=lambda held: (held.end_us, held.place)):
        advance(version, member, held.end_day, to_fact=False)
        wallet = member.wallet
        ended = replace(held, over="released")
        released, expired, unforgiven = _free(
            version.program, member, ended, wallet.today, held.place
        )
        wallet.ran_out.append((held.currency, released, unforgiven))
        wallet.unposted.append((held.end_day, held.currency, expired))


# -- tenders -----------------------------------------------------------------------------------


class Part(NamedTuple):
    """What a tender pays: points, the pools that they are in, and those beyond, to be redeemed."""

    pools: list[PoolKey]
    points: int
    beyond: int


class Paid(NamedTuple):
    """What a sale was paid with: pools and points by currency, currencies that it renews."""

    pools: dict[str, list[PoolKey]]
    points: dict[str, int]
    renewed: set[str]


def take_tenders(turn: Turn, fact: SaleFact) -> Paid:
    """Points that tenders take before the basket."""
    entries = {entry.tender: entry for entry in turn.program.redemption}
    asking: set[str] = set()
    pools: dict[str, list[PoolKey]] = {}
    plain: Counter[str] = Counter()
    paid: Counter[str] = Counter()
    for place, tender in enumerate(fact.tenders):
        if tender.points is None and tender.ref is None:
            continue
        entry = entries.get(tender.type)
        if entry is None or entry.currency is None or is_status(turn.program, entry.currency):
            raise Refusal(fact.id, Status.NOT_SPENDABLE)
        part = _of_named(turn, fact, place, entry.currency)
        pools.setdefault(entry.currency, []).extend(part.pools)
        plain[entry.currency] += part.beyond
        paid[entry.currency] += part.points
        turn.row.broken += _broken_by(turn, entry, tender, part.points)
        asking.add(tender.type)
    for coupon in turn.program.coupon_currencies() & set(fact.coupons):
        plain[coupon] += 1
    _test_shares(turn, fact, asking)
    for entry in turn.program.redemption:
        if entry.tender in asking and entry.currency is not None:
            turn.row.broken += _beyond(turn.program, entry, paid[entry.currency])
    _test_basket(turn, fact, asking)
    for posting in turn.row.postings:
        if posting.kind == "capture":
            posting.limit = _broken(turn, posting.currency, completed=fact.completed)
    for currency, points in plain.items():
        if points:
            takes = _redeem(turn, currency, points, completed=fact.completed)
            key = fact.id, currency
            turn.member.pools[key] = _pool(currency, takes)
            # A coupon that was presented does not come back with the goods.
            if currency in pools:
                pools[currency].append(key)
    renewed = {currency for currency, points in plain.items() if points} | {
        member_hold.currency
        for tender in fact.tenders
        if (member_hold := turn.member.holds.get(tender.ref or "")) is not None
        and member_hold.used
    }
    return Paid(pools, dict(paid), renewed)


def _of_named(turn: Turn, fact: SaleFact, place: int, currency: str) -> Part:
    """What a tender pays by the hold or redemption that it names."""
    tender, member = fact.tenders[place], turn.member
    if tender.ref is None:
        return Part([], tender.points or 0, tender.points or 0)
    held, pool = member.holds.get(tender.ref), member.pools.get(tender.ref)
    if held is None and (pool is None or not pool.of_redeem):
        raise Refusal(fact.id, Status.UNKNOWN_HOLD)
    if (held or pool).currency != currency:  # type: ignore[union-attr]
        raise Refusal(fact.id, Status.NOT_SPENDABLE)
    try:
        if held is not None:
            return _of_hold(turn, fact, held, tender.points, (fact.id, str(place)))
        return _of_pools(turn, fact, [tender.ref], tender.points)
    except Refusal:
        if not fact.completed:
            raise
        named: Hold | Pool = held or pool  # type: ignore[assignment]
        points = named.points if tender.points is None else tender.points
        return Part([], points, points)


def _of_hold(turn: Turn, fact: SaleFact, held: Hold, points: int | None, key: PoolKey) -> Part:
    if held.used:
        raise Refusal(fact.id, Status.HOLD_USED)
    if held.over and not held.captured:
        raise Refusal(fact.id, Status.HOLD_ENDED)
    if held.over:
        found = _of_pools(turn, fact, held.captures, points)
        turn.member.holds[held.id] = replace(held, used=True)
        return found
    points, beyond = _asked(fact, points, held.left)
    takes = _capture(turn, held, points - beyond, key, partial=False, used=True)
    turn.member.pools[key] = _pool(held.currency, takes)
    return Part([key], points, beyond)


def _of_pools(turn: Turn, fact: SaleFact, keys: Iterable[PoolKey], points: int | None) -> Part:
    """What has been redeemed already pays, as far as it is not back."""
    keys, pools = list(keys), turn.member.pools
    if any(pools[key].used for key in keys):
        raise Refusal(fact.id, Status.HOLD_USED)
    left = sum(pools[key].left for key in keys)
    if not left:
        raise Refusal(fact.id, Status.ALREADY_CANCELLED)
    points, beyond = _asked(fact, points, left)
    for key in keys:
        pools[key] = replace(pools[key], used=True)
    return Part(keys, points, beyond)


def _asked(fact: SaleFact | CaptureFact, points: int | None, left: int) -> tuple[int, int]:
    """(points asked, how many of them are more than is left). Raises Refusal."""
    asked = left if points is None else points
    if asked > left and not fact.completed:
        raise Refusal(fact.id, Status.MORE_THAN_HELD)
    return asked, max(0, asked - left)


def _test_shares(turn: Turn, fact: SaleFact, asking: set[str]) -> None:
    """Note where all tenders of a currency pay more than the share of one that asks points."""
    net = sum(line.net for line in net_voids(fact.lines))
    counted = counted_tenders(fact, net)
    for entry in turn.program.redemption:
        if entry.currency is None or entry.share is None or entry.tender not in asking:
            continue
        paid = sum(
            counted.get(other.tender, 0)
            for other in turn.program.redemption
            if other.currency == entry.currency
        )
        if paid > exactly(entry.share) * net:
            turn.row.broken.append((entry.currency, Status.OVER_SHARE))


def _test_basket(turn: Turn, fact: SaleFact, asking: set[str]) -> None:
    """Note where a basket is too small for points to pay."""
    net = sum(line.net for line in net_voids(fact.lines))
    for entry in turn.program.redemption:
        if entry.currency is not None and entry.tender in asking and net < (entry.at_least or 0):
            turn.row.broken.append((entry.currency, Status.BASKET_TOO_SMALL))


def _broken_by(
    turn: Turn, entry: Redemption, tender: TenderFact, points: int
) -> list[tuple[str, Status]]:
    """What of minimum, step and worth a tender does not keep."""
    assert entry.currency is not None
    broken = _broken_terms(turn.program, entry, points)
    worth = unit_worth(turn.program, entry, turn.tier)
    if worth is not None and tender.amount > math.floor(points * worth):
        broken.append((entry.currency, Status.OVER_WORTH))
    return broken


# -- what goes back ------------------------------------------------------------------------------


def cancel(turn: Turn, fact: CancelFact) -> None:
    """Points of a redemption go back into the lots they left. Raises Refusal."""
    name = fact.redemption or ""
    pool = turn.member.pools.get(name)
    if pool is None:
        raise Refusal(fact.id, Status.NOT_A_REDEMPTION)
    if not pool.left:
        raise Refusal(fact.id, Status.ALREADY_CANCELLED)
    points = pool.left if fact.points is None else fact.points
    if points > pool.left:
        raise Refusal(fact.id, Status.MORE_THAN_HELD)
    give_back(turn, pool.currency, [name], points)


def give_back(turn: Turn, currency: str, keys: Sequence[PoolKey], points: int) -> None:
    """Redeemed points go back, the last taken first, as far as they are not back yet."""
    member, wallet = turn.member, turn.member.wallet
    fresh = _fresh(
        turn.program, turn.member, currency, turn.date, turn.row.id, turn.place
    )
    through = turn.today + dt.timedelta(turn.program.returns.restored_days)
    restored = no_more = 0
    for key in reversed(keys):
        pool = member.pools[key]
        part, takes = min(points - restored, pool.left), list(pool.takes)
        unforgiven, _ = wallet.restore(takes, part, fresh, through)
        member.pools[key] = replace(pool, takes=tuple(takes))
        restored, no_more = restored + part, no_more + unforgiven
    wallet.redeemed[currency] -= restored
    turn.row.post("restore", currency, restored)
    turn.row.post("forgive", currency, -no_more)
