"""Checks of a whole program that types alone cannot make (rulebook section 10).

`check` returns (path, message) pairs; an empty list means that the program is sound. What
belongs to one part of a program stands in the file of that part.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np

from ..calendars.calendars import FIRST_DAY, LAST_DAY, expiry_table
from ..program.currencies import After, Currency, Inactivity, Never
from ..program.program import Program
from ..program.spending import Redemption
from . import conditions as check_conditions
from . import ladder as check_ladder
from . import membership as check_membership
from . import names as check_names
from . import referrals as check_referrals
from . import rules as check_rules
from .dates import within
from .figures import (
    Found,
    days_or_months,
    known_currency,
    known_tier,
    once,
    points,
    rate,
    share,
    some_product,
    unique,
)

MOST_CURRENCIES = 64
"""Currencies of a ledger: as many as fit beside what corrections tell apart (`differences`)."""

MOST_ACTIVITY_SETS = 64
"""Sets of activity codes that a ledger counts: each is a bit of an activity's word."""

MOST_TIERS = 127
"""Tiers of a ledger: an answer tells one in 8 bits."""

MOST_RULES = 60_000
"""Names of rules in a ledger: a posting has 16 bits for them, tiers and causes have some too."""


def check(program: Program) -> list[tuple[str, str]]:
    """Everything wrong with the program, as (path, message)."""
    found: list[tuple[str, str]] = []
    found += _zone(program)
    found += _names(program)
    found += check_names.names(program)
    for place, currency in enumerate(program.currency):
        found += _currency(program, f"currency[{place}]", currency)
    found += _redemption(program)
    found += _on_account(program)
    found += _gift_cards(program)
    found += _rewards(program)
    found += _coupons(program)
    found += _no_receipt(program)
    for place, conditions in enumerate(program.exclude):
        found += some_product(f"exclude[{place}]", conditions)
    found += check_conditions.holidays(program)
    found += check_conditions.counters(program.counter)
    found += check_conditions.sequences(program.sequence)
    found += check_conditions.segments(program.segment)
    found += check_rules.rules(program)
    found += check_membership.entry(program)
    found += check_membership.plans(program)
    found += check_referrals.referrals(program)
    if program.ladder is not None:
        found += check_ladder.ladder(program, program.ladder)
    return found + list(beyond([program]))


def beyond(programs: Sequence[Program]) -> Found:
    """What a ledger has too many of over all versions of its program."""
    every: dict[str, tuple[set[Any], int, str]] = {
        "currency": (
            {one.id for program in programs for one in program.currency}, MOST_CURRENCIES,
            "currencies",
        ),
        "counter": (
            set().union(*(program.activity_sets() for program in programs)), MOST_ACTIVITY_SETS,
            "sets of activity codes that are counted, by counters and by tiers,",
        ),
        "rule": (
            {one.id for program in programs for one in program.rule}, MOST_RULES, "rules"
        ),
        "ladder.tier": (
            {tier.id for program in programs for tier in program.tiers()}, MOST_TIERS, "tiers"
        ),
    }  # fmt: skip
    for path, (found, most, what) in every.items():
        if len(found) > most:
            yield path, f"a ledger has at most {most} {what} over all versions of its program"


def warnings(program: Program) -> list[tuple[str, str]]:
    """What a sound program says but rarely means, as (path, message)."""
    found = list(check_rules.warnings(program))
    if program.ladder is not None:
        found += check_ladder.warnings(program.ladder)
    return found


def _zone(program: Program) -> Found:
    try:
        ZoneInfo(program.zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        yield "zone", f"unknown IANA time zone {program.zone!r}"


def _names(program: Program) -> Found:
    for table in (
        "currency", "holidays", "counter", "sequence", "segment", "group", "stack", "rule",
        "reward", "plan", "coupon",
    ):  # fmt: skip
        yield from unique(table, [entry.id for entry in getattr(program, table)])
    yield from unique("ladder.tier", [tier.id for tier in program.tiers()])
    yield from once("causes", program.causes)
    yield from unique("redemption", [entry.tender for entry in program.redemption], "tender")


# -- currencies --------------------------------------------------------------------------------


def _currency(program: Program, path: str, currency: Currency) -> Found:
    yield from check_rules.caps(f"{path}.caps", currency.caps, currency.scale)
    if currency.kind == "coupons" and currency.scale:
        yield f"{path}.scale", "coupons are whole"
    expiry = currency.expiry
    if isinstance(expiry, After):
        wrong = [*days_or_months(f"{path}.expiry", expiry)]
        if wrong:
            yield from wrong
            return
        if expiry.days is not None and expiry.calendar is not None:
            yield f"{path}.expiry.calendar", "days are the same in every calendar"
    if isinstance(expiry, Inactivity):
        yield from once(f"{path}.expiry.renewed_by", expiry.renewed_by)
    if not isinstance(expiry, Never) and _too_early(program, currency):
        yield f"{path}.expiry", "points would expire before they are active (see pending_days)"


def _too_early(program: Program, currency: Currency) -> bool:
    """Whether points of some day are gone before the day on which they become active."""
    days = LAST_DAY + 1 - FIRST_DAY - 3_650
    active = np.arange(
        FIRST_DAY + currency.pending_days, FIRST_DAY + currency.pending_days + days,
        dtype=np.int32,
    )  # fmt: skip
    return bool((expiry_table(program, currency)[:days] < active).any())


def _redemption(program: Program) -> Found:
    for place, entry in enumerate(program.redemption):
        path = f"redemption[{place}]"
        if entry.currency in program.coupon_currencies():
            yield f"{path}.currency", "coupons are presented, and no tender"
        unspendable = list(
            _spendable(program, f"{path}.currency", entry.currency, of_first=False)
        )
        yield from unspendable
        if entry.over != "refuse" and entry.currency is None:
            yield f"{path}.over", "is of points, and the redemption has no currency"
        elif entry.over != "refuse" and _is_of_cards(program, entry.currency):
            yield f"{path}.over", "gift cards pay what they are asked, or nothing"
        elif entry.over != "refuse" and program.terms_of(entry.currency) is not entry:
            yield f"{path}.over", f"is told by the first redemption of {entry.currency!r}"
        if not unspendable:
            yield from _terms(program, path, entry)


def _on_account(program: Program) -> Found:
    paying = {entry.tender for entry in program.redemption}
    yield from once("on_account", program.on_account)
    for place, tender in enumerate(program.on_account):
        if tender in paying:
            told = f"{tender!r} pays with loyalty value: nothing is owed of it"
            yield f"on_account[{place}]", told
    if program.on_account and not program.accrues_on_payment():
        yield "on_account", "no rule waits for the money (accrual = \"payment\")"


def _is_of_cards(program: Program, currency: str | None) -> bool:
    return program.gift_cards is not None and program.gift_cards.currency == currency


_TERMS = ("minimum", "maximum", "step", "share", "at_least", "points", "money")


def _terms(program: Program, path: str, entry: Redemption) -> Found:
    """What a redemption asks of points; without a currency there are none."""
    if entry.currency is None:
        for name in _TERMS:
            if getattr(entry, name) is not None:
                yield f"{path}.{name}", "is of points, and the redemption has no currency"
        return
    scale = program.currency_named(entry.currency).scale
    wrong = [
        problem
        for name in ("minimum", "maximum", "step", "points")
        if (value := getattr(entry, name)) is not None
        for problem in points(f"{path}.{name}", value, scale)
    ]
    yield from wrong
    if not wrong:
        yield from _bounds(path, entry)
    if entry.share is not None:
        yield from share(f"{path}.share", entry.share)
    if entry.money is None:
        if entry.points is not None:
            yield f"{path}.points", "says nothing without `money`, what they are worth"
        return
    if entry.points is None:
        yield f"{path}.money", "says nothing without `points`, which are worth it"
    if isinstance(entry.money, dict):
        if not entry.money:
            yield f"{path}.money", "names no tier"
        for tier in entry.money:
            yield from known_tier(program, f"{path}.money.{tier}", tier)


def _bounds(path: str, entry: Redemption) -> Found:
    """Minimum and maximum beside the step, and each other."""
    for name in ("minimum", "maximum"):
        bound = getattr(entry, name)
        if bound and entry.step and bound % entry.step:
            yield f"{path}.{name}", f"is not a multiple of the step of {entry.step}"
    if entry.maximum is not None and entry.maximum < (entry.minimum or 0):
        yield f"{path}.maximum", f"is below the minimum of {entry.minimum}"


def _gift_cards(program: Program) -> Found:
    if program.gift_cards is None:
        return
    path, name = "gift_cards.currency", program.gift_cards.currency
    unknown = list(known_currency(program, path, name))
    yield from unknown
    if unknown:
        return
    currency = program.currency_named(name)
    if currency.kind != "credit" or currency.scale != program.unit.exponent:
        yield path, f"needs kind 'credit' and scale {program.unit.exponent}, that of the money unit"


def _rewards(program: Program) -> Found:
    for place, reward in enumerate(program.reward):
        path = f"reward[{place}]"
        found = list(_spendable(program, f"{path}.currency", reward.currency))
        yield from found
        if not found:
            scale = program.currency_named(reward.currency).scale
            yield from points(f"{path}.points", reward.points, scale)
        if reward.unique and reward.stock is not None:
            yield f"{path}.stock", "its pieces are the items that facts bring"


def _coupons(program: Program) -> Found:
    for place, coupon in enumerate(program.coupon):
        path = f"coupon[{place}]"
        if coupon.id in program.coupon_currencies():
            yield f"{path}.id", "is a currency of coupons, which members have"
        if coupon.first is not None and coupon.last is not None and coupon.last < coupon.first:
            yield f"{path}.to", "is before from"
        for name, date in (("from", coupon.first), ("to", coupon.last)):
            if date is not None:
                yield from within(f"{path}.{name}", date)
        for name in ("store", "region", "format", "channel"):
            listed = getattr(coupon.when, name)
            if listed is not None and not listed:
                yield f"{path}.when.{name}", "the list is empty; leave the field out instead"


def _no_receipt(program: Program) -> Found:
    no_receipt = program.returns.no_receipt
    if no_receipt is not None:
        yield from rate("returns.no_receipt.points", no_receipt.points)
        yield from _spendable(program, "returns.no_receipt.currency", no_receipt.currency)


def _spendable(program: Program, path: str, name: str | None, *, of_first: bool = True) -> Found:
    """A currency that can be spent; without a name it is the first one, or none is meant."""
    unknown = list(known_currency(program, path, name))
    yield from unknown
    if unknown or (name is None and not of_first):
        return
    currency = program.currency_named(name)
    if currency.kind == "status":
        yield path, f"{currency.id!r} is a status currency and cannot be spent"
