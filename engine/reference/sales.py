"""Sales, returns and exchanges at their place (rulebook sections 4, 5 and 9)."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Container
from dataclasses import replace
from fractions import Fraction

from ..facts import ReturnedLine, SaleFact
from ..program.currencies import Inactivity
from . import tiers
from .accrual import accrue, let_wait, no_longer_waits, waiting_of
from .basket import basket_lines, counted_tenders
from .conditions import categories
from .earning import rate
from .facts import net_voids
from .lots import Lot, earned_dates
from .offers import broken_offers, named_offers, offers_of, standing
from .outcome import Worth
from .returns import (
    lines_left,
    redeemed_back,
    remainder_of,
    units_of,
    worth,
)
from .spending import give_back, take_tenders
from .state import Basket, Given, Purchase, Record, SaleState, TakenOff
from .turn import Posting, Turn, give, is_status


def apply_sale(turn: Turn, fact: SaleFact) -> None:
    """Take its points tenders, rate it, give what the rules give."""
    member = turn.member
    paid = take_tenders(turn, fact)
    basket = _basket(turn, fact)
    turn.row.broken_offers = broken_offers(basket)
    if fact.completed:
        _tell_offers(turn, offers_of(turn.program))
    outcomes = rate(basket)
    turn.trace.rated(basket, outcomes)
    waits = waiting_of(basket, outcomes)
    given = give(turn, basket, outcomes, waits)
    for name, outcome in outcomes.items():
        _remember(member.carry, name, remainder_of(outcome))
        _remember(member.units, name, units_of(outcome))
    member.records.append(_record(basket, given))
    _tell_off(turn, (), member.records[-1].offers)
    if basket.eligible_sum > 0:
        member.purchases.append(
            Purchase(fact.id, turn.date, fact.store, categories(basket))
        )
    _renew(turn, given, paid.renewed)
    member.sales[fact.id] = SaleState(
        basket=basket, record=len(member.records) - 1, place=turn.place, first=outcomes,
        now={name: outcome.granted for name, outcome in outcomes.items()},
        exact={name: remainder_of(outcome) for name, outcome in outcomes.items()},
        units={name: units_of(outcome) for name, outcome in outcomes.items()},
        left=list(basket.lines), pools=paid.pools, paid_points=paid.points, waits=waits,
    )  # fmt: skip


def _tell_offers(turn: Turn, known: Container[str]) -> None:
    """What a sale that has happened might not have had."""
    currency = turn.program.currency[0].id
    for broken in turn.row.broken_offers:
        rule = broken.offer if broken.offer in known else ""
        turn.row.postings.append(Posting(rule, "offer", currency, broken.amount, 0, broken.limit))


def _tell_off(turn: Turn, before: tuple[TakenOff, ...], after: tuple[TakenOff, ...]) -> None:
    """What offers take off by now and did not before, or the other way round."""
    currency = turn.program.currency[0].id
    for some, others, sign in ((after, before, 1), (before, after, -1)):
        for taken in some:
            if taken not in others and taken.amount:
                turn.row.postings.append(
                    Posting(taken.offer, "offer", currency, sign * taken.amount, 0)
                )


def _remember(kept: dict[str, Fraction], name: str, more: Fraction) -> None:
    if more:
        kept[name] = kept.get(name, Fraction(0)) + more


def _basket(turn: Turn, fact: SaleFact) -> Basket:
    program, version = turn.program, turn.accepted.version
    lines = net_voids(fact.lines)
    counted = counted_tenders(fact, sum(line.net for line in lines))
    products = turn.world.products_at(turn.at_us)
    store = turn.world.store_at(fact.store, turn.at_us)
    return Basket(
        program, version.holidays, turn.member.copy(), turn.tier, fact.id, "sale", turn.at_us,
        turn.date, turn.clock, turn.world.closed_for(turn.accepted.seq),
        tuple(basket_lines(program, lines, products, counted)),
        store=fact.store, region=store.region, format=store.format, terminal=fact.terminal,
        channel=fact.channel, coupons=tuple(fact.coupons), offers=named_offers(fact),
        tenders=tuple((tender.type, tender.amount) for tender in fact.tenders),
        counted=counted, trace=turn.trace,
    )  # fmt: skip


def _record(basket: Basket, given: tuple[Given, ...]) -> Record:
    """What counts of a sale, or of what is left: nothing without eligible amounts."""
    places = basket.eligible_lines if basket.eligible_sum > 0 else []
    return Record(
        basket.fact, "sale", basket.date, given,
        tuple(basket.lines[place] for place in places),
        sum(basket.eligible(place) for place in places),
        math.floor(sum(basket.margin(place) for place in places)),
        basket.program.earn_on_redeemed, offers=standing(basket),
    )  # fmt: skip


def _renew(turn: Turn, given: tuple[Given, ...], redeemed: set[str]) -> None:
    """A sale that gives, to a cause too, keeps lots of an inactivity policy alive (section 5)."""
    gives = {entry.currency for entry in given if entry.points > 0}
    for currency in turn.program.currency:
        expiry = currency.expiry
        widened = expiry.renewed_by if isinstance(expiry, Inactivity) else []
        renewals = turn.member.wallet.renewals.setdefault(currency.id, [])
        if "sale" in widened or ("redemption" in widened and currency.id in redeemed):
            renewals.append((turn.today, ""))
        if currency.id in gives:
            renewals.append((turn.today, turn.row.id))


# -- returns -----------------------------------------------------------------------------------


def apply_return(turn: Turn, sale: SaleState, returned: list[ReturnedLine]) -> None:
    """What comes back of a sale: spent points first, then what its rules gave."""
    before = sale.left
    sale.left = lines_left(turn.row.id, before, returned)
    turn.row.back = sum(line.net for line in before) - sum(line.net for line in sale.left)
    _restore(turn, sale)
    found = worth(sale)
    turn.trace.returns(sale, found)
    changes = _changes(turn, sale, found)
    _step_back(turn, sale)
    falls = no_longer_waits(sale)
    for currency in dict.fromkeys([*changes, *falls]):
        _settle(turn, sale, currency, changes.get(currency, {}), falls[currency])
    _take_renewal_back(turn, sale)


def _restore(turn: Turn, sale: SaleState) -> None:
    back, redeemed = redeemed_back(sale)
    for currency, points in sale.paid_points.items():
        whole = points * back // redeemed if redeemed else 0
        more = whole - sale.restored.get(currency, 0)
        if more > 0:
            sale.restored[currency] = whole
            give_back(turn, currency, sale.pools[currency], more)


def _changes(turn: Turn, sale: SaleState, found: Worth) -> dict[str, dict[str, int]]:
    """What each rule gives more or less than before, by currency; the record follows."""
    member = turn.member
    rules = {**sale.first, **found.outcomes}
    order = sorted(rules.values(), key=lambda outcome: outcome.place)
    changes: dict[str, dict[str, int]] = {}
    given, taken_off = [], member.records[sale.record].offers
    for outcome in order:
        name, currency = outcome.rule.id, outcome.currency.id
        now = found.points.get(name, 0)
        change = now - sale.now.get(name, 0)
        donated = outcome.rule.donate is not None
        given.append(Given(
            name, currency, now, outcome.anniversary, donated, outcome.of_balance
        ))  # fmt: skip
        if change:
            changes.setdefault(currency, {})[name] = change
        exact, units = found.exact.get(name, Fraction(0)), found.units.get(name, Fraction(0))
        _remember(member.carry, name, exact - sale.exact.get(name, Fraction(0)))
        _remember(member.units, name, units - sale.units.get(name, Fraction(0)))
        sale.now[name], sale.exact[name], sale.units[name] = now, exact, units
        sale.first.setdefault(name, replace(outcome, desired=0, own=0, granted=0))
    member.records[sale.record] = _record(
        sale.basket.with_lines(sale.left), tuple(entry for entry in given if entry.points)
    )
    _tell_off(turn, taken_off, member.records[sale.record].offers)
    return changes


def _step_back(turn: Turn, sale: SaleState) -> None:
    """Ordinals step back over sales wholly returned with no purchase kept after them."""
    purchases = turn.member.purchases
    if sale.basket.with_lines(sale.left).eligible_sum <= 0:
        turn.member.purchases[:] = [
            replace(purchase, kept=False) if purchase.fact == sale.basket.fact else purchase
            for purchase in purchases
        ]
    while purchases and not purchases[-1].kept:
        purchases.pop()


def _settle(
    turn: Turn, sale: SaleState, currency: str, of_rules: dict[str, int], fall: int
) -> None:
    """Take or give the net of what the rules of one currency reverse.

    By so much less waits for money now, or more below zero: the rest is taken of lots, or is one.
    A posting tells as wanted what a rule gives no more, also where it has expired.
    """
    wallet = turn.member.wallet
    whole = dict(of_rules)
    for name, change in list(of_rules.items()):
        if sale.first[name].rule.donate is not None:
            # The cause gives it back; the member's lots never had it.
            wallet.reversed[currency] -= change
            wallet.donated[currency] += change
            wallet.causes[sale.first[name].rule.donate or "", currency] += change
            turn.row.post("reverse", currency, change, name)
            turn.row.post("donate", currency, -change, name)
            del of_rules[name]
    net = sum(of_rules.values())
    let_wait(turn, sale, currency, -fall)
    more = net + fall
    expired = take_back(turn, sale, currency, -more) if more < 0 else 0
    wallet.reversed[currency] -= net - min(more, 0)
    for name in reversed(of_rules):
        left_out = min(expired, max(0, -of_rules[name]))
        of_rules[name] += left_out
        expired -= left_out
    for name, change in of_rules.items():
        turn.row.postings.append(Posting(name, "reverse", currency, whole[name], change))
    if more < 0:
        post_missing(turn, currency, sale)
        return
    paid = min(max(fall, 0), more)
    _favour(turn, sale, currency, more - paid, of_rules)
    accrue(turn, sale, currency, paid)


def take_back(turn: Turn, sale: SaleState, currency: str, points: int) -> int:
    """Take points from the sale's own lots, then others; returns what had expired unspent."""
    own = [
        lot
        for lot in turn.member.wallet.lots
        if lot.currency == currency and lot.source == sale.basket.fact and lot.rule in sale.first
    ]
    expired = sum(lot.expired for lot in own) - sale.come_back.get(currency, 0)
    counted = take_from(turn, own, currency, points, expired)
    sale.come_back[currency] = sale.come_back.get(currency, 0) + counted
    return counted


def take_from(turn: Turn, own: list[Lot], currency: str, points: int, expired: int) -> int:
    """Take from own lots, count what of them has expired, then take from the others.

    What is missing is noted as lacking and owed or forgiven. Returns what was counted.
    """
    wallet = turn.member.wallet
    alive = wallet.in_spending_order(lot for lot in own if not lot.passed)
    _, missing = wallet.take(alive, points)
    counted = min(expired, missing)
    _, missing = wallet.take(wallet.pools(currency, pending=True), missing - counted)
    wallet.reversed[currency] += points - counted
    turn.row.lack[currency] += missing
    turn.row.owed_back[currency] += missing
    turn.missing = missing
    wallet.short(currency, missing, forgive=_shortfall(turn, currency) != "debt")
    return counted


def _shortfall(turn: Turn, currency: str) -> str:
    policy = turn.program.returns.shortfall
    if is_status(turn.program, currency):
        return "forgive"
    return "debt" if policy == "refuse" else policy


def post_missing(turn: Turn, currency: str, sale: SaleState | None = None) -> None:
    """Post what the last taking did not find, unless it is owed."""
    kind = _shortfall(turn, currency)
    if kind == "debt" or not turn.missing:
        return
    turn.row.post(kind, currency, turn.missing)
    if sale is not None:
        sale.missed[currency, kind] = sale.missed.get((currency, kind), 0) + turn.missing


def _favour(
    turn: Turn, sale: SaleState, currency: str, points: int, of_rules: dict[str, int]
) -> None:
    """A net in the member's favour lowers what was forgiven, then is a lot of the sale's."""
    wallet = turn.member.wallet
    for kind in ("forgive", "withhold"):
        less = min(points, sale.missed.get((currency, kind), 0))
        if less:
            sale.missed[currency, kind] -= less
            wallet.forgiven[currency] -= less
            points -= less
            turn.row.post(kind, currency, -less)
    if points:
        name = next(name for name, change in of_rules.items() if change > 0)
        outcome = sale.first[name]
        dates = earned_dates(sale.basket.program, outcome.currency, sale.basket.date)
        wallet.add(
            Lot(currency, points, dates, sale.basket.fact, name, (sale.place, outcome.place))
        )


def _take_renewal_back(turn: Turn, sale: SaleState) -> None:
    """A sale that gives no more renews no more: what would have passed expires now."""
    wallet = turn.member.wallet
    still = {
        outcome.currency.id for name, outcome in sale.first.items() if sale.now[name] > 0
    }
    for currency, renewals in wallet.renewals.items():
        if currency not in still:
            wallet.renewals[currency] = [x for x in renewals if x[1] != sale.basket.fact]
    passed: Counter[str] = Counter()
    for _, currency, points in wallet.pass_away():
        passed[currency] += points
    for currency, points in passed.items():
        turn.row.post("expire", currency, -points)


def fall(turn: Turn) -> None:
    """Tiers fall that would not have been met, with their tier-reached bonus, unless the grant
    stands that it came with.
    """
    member = turn.member
    for name in tiers.review(turn.program, member, turn.today):
        gift = member.gifts.get(name)
        if gift is None or gift.over or (
            gift.grant and tiers.would_be_made(member, gift.grant)
        ):
            continue
        del member.gifts[name]
        rule = f"tier.{name}"
        own = [x for x in member.wallet.lots if x.source == gift.fact and x.rule == rule]
        expired = sum(lot.expired for lot in own)
        counted = take_from(turn, own, gift.currency, gift.points, expired)
        turn.row.post("reverse", gift.currency, counted - gift.points, rule)
        post_missing(turn, gift.currency)
