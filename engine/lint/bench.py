"""Baskets made up, folded by the kernel on the commit's own path, nothing written
(rulebook section 4).

Every trial is a member of its own who stands as the situation says.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from ..checks.rules import TIER_RULES
from ..columns.carrier import carrier_of
from ..columns.dictionaries import Dictionaries, Product, StoreVersion
from ..columns.intake import DecodedFacts
from ..columns.named import no_names
from ..columns.status import POSTINGS
from ..controls.budgets import Budgets
from ..controls.closing import ClosedDays
from ..controls.controls import Published
from ..controls.versions import ProgramVersions
from ..facts import (
    ActivityFact,
    EnrolFact,
    LineFact,
    ManualTier,
    MemberFact,
    SaleFact,
    SubscriptionStartFact,
    TenderFact,
)
from ..folding.fold import Fold
from ..program.conditions import Draw
from ..program.draws import bits_where
from .situations import Past, Situation

Line = tuple[int, int, int]
"""(place of the product in the situation, quantity in thousandths, net)."""

Basket = tuple[Line, ...]
Trial = tuple[Basket, ...]
"""Baskets that a member pays one after the other, a minute apart."""

_GIVEN = np.isin(
    np.arange(len(POSTINGS)),
    [POSTINGS.index(kind) for kind in ("earn", "multiply", "bonus", "donate")],
)
"""What a member gets: a donation takes away what its rule gave."""


@dataclass(frozen=True)
class Earned:
    """What trials earned, in units: points[trial, rule], the limit that cut, by rule too."""

    points: NDArray[np.int64]
    limit: NDArray[np.uint8]


class Bench:
    """One program over made-up members, stores and products."""

    def __init__(self, text: str, holidays: Mapping[str, Sequence[dt.date]]) -> None:
        self.dictionaries = Dictionaries()
        versions = ProgramVersions()
        content = Published(text, {name: list(dates) for name, dates in holidays.items()})
        versions.add(1, 0, msgspec.msgpack.encode(content))
        self.fold = Fold(self.dictionaries, versions, Budgets(), ClosedDays())
        self.rules: list[str] = list(self.fold.layout.rules)
        self._draws = self.fold.compiled.compiled[0].draws

    def earned(self, situation: Situation, trials: Sequence[Trial]) -> Earned:
        """What each trial earns; a tier-reached bonus is not of the basket."""
        stands = self._standing(situation)
        state = self.fold.compiled.new_state()
        state.grow(len(trials))
        for place in range(len(trials)):
            state.unpack(place, stands)
        sales = [
            _sale(situation, number, place, basket)
            for number, trial in enumerate(trials)
            for place, basket in enumerate(trial)
        ]
        owner = np.repeat(np.arange(len(trials)), [len(trial) for trial in trials])
        figures = self._run(state, sales, owner.astype(np.uint32), situation.draws)
        return self._summed(figures, owner, len(trials))

    def _standing(self, situation: Situation) -> bytes:
        """The row of a member who stands as the situation says."""
        products = [*situation.products, *(p.product for p in situation.past if p.product)]
        for product in products:
            if product.sku not in self.dictionaries.products.codes.numbers or (
                self.dictionaries.products.changes(product)
            ):
                self.dictionaries.products.add(product)
        self.dictionaries.stores.change(
            StoreVersion(situation.store, -(2**63), situation.region, situation.format)
        )
        self.fold.follow()
        state = self.fold.compiled.new_state()
        state.grow(1)
        facts = sorted(_history(situation), key=lambda fact: fact.occurred_at)
        self._run(state, facts, np.zeros(len(facts), np.uint32))
        return state.pack(0)

    def _run(
        self, state: Any, facts: Sequence[MemberFact], member: NDArray[np.uint32],
        draws: Sequence[Draw] = (),
    ) -> dict[str, Any]:
        columns = DecodedFacts([carrier_of(fact) for fact in facts]).columns(
            self.dictionaries, None
        )
        columns.member = member
        self.fold.follow()
        n = len(columns)
        version = np.ones(n, np.uint16)
        columns.day, columns.minute = self.fold.versions.dates(columns.at, version)
        return self.fold.run(
            state, columns, version, np.zeros(n, np.uint32), no_names(n),
            np.ones(n, np.bool_), np.arange(n, dtype=np.uint32),
            drawn=np.full(n, bits_where(self._draws, draws), np.uint64),
        )  # fmt: skip

    def _summed(
        self, figures: dict[str, Any], owner: NDArray[np.int64], n: int
    ) -> Earned:
        rules = len(self.rules)
        rule = figures["rule"]
        of_tier = np.array([name.startswith(TIER_RULES) for name in self.rules] + [True])
        kept = np.flatnonzero(
            _GIVEN[figures["kind"]] & ~of_tier[np.minimum(rule, rules)]
        )
        trial, rule = owner[figures["basket"][kept]], rule[kept]
        points = np.zeros((n, rules), np.int64)
        np.add.at(points, (trial, rule), figures["points"][kept])
        limit = np.zeros((n, rules), np.uint8)
        np.maximum.at(limit, (trial, rule), figures["limit"][kept])
        return Earned(points, limit)


def _sale(situation: Situation, number: int, place: int, basket: Basket) -> SaleFact:
    return SaleFact(
        id=f"{number}.{place}",
        occurred_at=situation.at + dt.timedelta(minutes=place),
        member="trial",
        lines=[
            LineFact(situation.products[product].sku, quantity, net, cost=0)
            for product, quantity, net in basket
        ],
        store=situation.store, terminal=situation.terminal, channel=situation.channel,
        tenders=[TenderFact(situation.tender, sum(net for _, _, net in basket))],
        coupons=list(situation.coupons),
    )  # fmt: skip


def _history(situation: Situation) -> list[MemberFact]:
    """The facts that make the member what the situation says."""
    at, forever = situation.at, dt.date(2169, 1, 1)
    joined = at - dt.timedelta(days=situation.member_days, minutes=30)
    facts: list[MemberFact] = [EnrolFact(
        id="enrol", occurred_at=joined, member="trial",
        birth=situation.birth if situation.birth is not None else msgspec.UNSET,
        anniversaries=dict(situation.anniversaries) or msgspec.UNSET,
        segments=list(situation.segments) or msgspec.UNSET,
        manual_tier=msgspec.UNSET if situation.tier is None
        else ManualTier(situation.tier, forever, "lint"),
    )]  # fmt: skip
    facts += [
        SubscriptionStartFact(id=f"plan-{plan}", occurred_at=at - dt.timedelta(minutes=29),
                              member="trial", plan=plan)
        for plan in situation.plans
    ]  # fmt: skip
    facts += [_before(situation, past, place) for place, past in enumerate(situation.past)]
    return facts


def _before(situation: Situation, past: Past, place: int) -> MemberFact:
    at = situation.at - dt.timedelta(days=past.days, seconds=1_600 - 10 * place)
    if past.activity:
        return ActivityFact(
            id=f"past-{place}", occurred_at=at, member="trial", code=past.activity,
            quantity=past.quantity,
        )  # fmt: skip
    product = past.product or Product("any")
    return SaleFact(
        id=f"past-{place}", occurred_at=at, member="trial", store=situation.store,
        lines=[LineFact(product.sku, past.quantity, past.net)],
        tenders=[TenderFact(situation.tender, past.net)],
    )  # fmt: skip
