"""The kernel against the plain-Python reference, on random programs and histories.

A history goes through `Fold.apply` in random batches and in its order of arrival, late
facts among them, or through a ledger on disk; what comes out must be what the reference
gives for the same set of facts. `VAFA_EXAMPLES` sets how many examples are tried.
"""

from __future__ import annotations

import datetime as dt
import math
import os
import tempfile
import time
import traceback
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import NamedTuple
from unittest import mock

import msgspec
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vafa.engine.calendars import NEVER, business_day, date_of, day_of
from vafa.engine.dictionaries import Dictionaries
from vafa.engine.dictionaries import Product as ProductVersion
from vafa.engine.facts import Sales
from vafa.engine.folding import Fold, History, Outcome, join, take
from vafa.engine.program import Earn, Program
from vafa.engine.reference import Lot, MemberState, Posting, Product, Sale, rate
from vafa.engine.reference_sale import fact_order
from vafa.engine.replay import verify
from vafa.engine.schema import list_view
from vafa.engine.status import LIMITS, Status
from vafa.engine.writer import Writer

from . import differential_cases, strategies
from .differential_cases import catalog_fact, decoded, publish_fact, table

EXAMPLES = int(os.environ.get("VAFA_EXAMPLES", "300"))
PROFILE = settings(
    max_examples=EXAMPLES, deadline=None, print_blob=True, suppress_health_check=list(HealthCheck)
)
ON_DISK = settings(PROFILE, max_examples=max(5, EXAMPLES // 10))

FREE_BITS = 40
"""Bits of 128 that amounts, rates and factors of the random programs are sure to leave."""

LATER = (0, 1, 2, 6, 7, 8, 30, 31, 39, 40, 41, 99, 100, 101, 365, 366, 800)
"""Days after a member's latest fact on which balances and tiers are compared."""

CUTS = st.lists(st.sampled_from((1, 1, 2, 3, 5, 24)), min_size=1, max_size=6)


class Figure(NamedTuple):
    """A posting of a fact's own: what a rule wanted, what it gave, the limit that cut."""

    rule: str
    desired: int
    granted: int
    limit: str


@dataclass
class Rated:
    """What the engine made of a history."""

    fold: Fold
    batch_of: dict[str, int] = field(default_factory=dict)
    own: dict[str, list[Figure]] = field(default_factory=dict)
    given: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    tier: dict[str, int] = field(default_factory=dict)
    balances: dict[str, list[tuple[int, int]]] = field(default_factory=dict)
    refused: set[str] = field(default_factory=set)


# -- through the fold ------------------------------------------------------------------------


class Chains:
    """Members' earlier sales, kept in memory as the journal would keep them."""

    def __init__(self) -> None:
        self._rows: dict[int, list[tuple[int, str, Sales]]] = defaultdict(list)

    def add(self, sales: Sales, ids: Sequence[str], first_seq: int, outcome: Outcome) -> None:
        for row, name in enumerate(ids):
            if outcome.status[row] == Status.OK:
                one = take(sales, np.array([row], np.uint32))
                self._rows[int(sales.member[row])].append((first_seq + row, name, one))

    def history(self, member: int, last_seq: int) -> History:
        rows = [row for row in self._rows[member] if row[0] <= last_seq]
        return History(
            join(*(sales for _, _, sales in rows)),
            [name for _, name, _ in rows],
            np.array([seq for seq, _, _ in rows], np.uint64),
        )


def batches(sales: Sequence[Sale], cuts: Sequence[int]) -> Iterable[Sequence[Sale]]:
    """The sales in batches of the sizes given, over and over."""
    at = number = 0
    while at < len(sales):
        size = cuts[number % len(cuts)]
        yield sales[at : at + size]
        at, number = at + size, number + 1


def through_fold(
    program: Program, products: Mapping[str, Product], sales: Sequence[Sale], cuts: Sequence[int]
) -> Rated:
    """Fold the sales in batches; late ones are replayed from chains in memory."""
    dictionaries, chains = Dictionaries(), Chains()
    fold = Fold(dictionaries, program)
    for sku, product in products.items():
        dictionaries.products.add(ProductVersion(
            sku, brand=product.brand, department=product.department,
            category=product.category, supplier=product.supplier,
        ))
    rated = Rated(fold)
    names: dict[int, str] = {}
    for number, batch in enumerate(batches(sales, cuts)):
        intake, first = decoded(batch), len(names) + 1
        columns = intake.columns(dictionaries, None)
        fold.follow()
        fold.date(columns)
        outcome = fold.apply(columns, intake.ids, first, chains.history)
        chains.add(columns, intake.ids, first, outcome)
        names.update(enumerate(intake.ids, first))
        for row, name in enumerate(intake.ids):
            rated.batch_of[name] = number
            span = slice(outcome.posted_from[row], outcome.posted_from[row + 1])
            columns_of = {key: values[span] for key, values in outcome.postings.items()}
            note(rated, name, int(outcome.status[row]), columns_of, names)
            rated.tier[name] = int(outcome.tier[row])
            rated.balances[name] = list(
                zip(outcome.active[row].tolist(), outcome.pending[row].tolist(), strict=True)
            )
    return rated


def note(
    rated: Rated, name: str, status: int, columns: Mapping[str, np.ndarray[tuple[int], np.dtype]],
    names: Mapping[int, str],
) -> None:
    """Take in the postings of one fact, corrections of others among them."""
    if status != Status.OK:
        rated.refused.add(name)
    own = rated.own.setdefault(name, [])
    for rule, limit, desired, points, corrects in zip(
        *(columns[key].tolist() for key in ("rule", "limit", "desired", "points", "corrects")),
        strict=True,
    ):
        rule_id = rated.fold.compiled.rules[rule].id
        rated.given[names[corrects] if corrects else name][rule_id] += points
        if corrects:
            assert points != 0, "a correction that changes nothing"
        else:
            own.append(Figure(rule_id, desired, points, LIMITS[limit]))


# -- through a ledger ------------------------------------------------------------------------


def through_ledger(
    folder: Path, program: Program, products: Mapping[str, Product], sales: Sequence[Sale],
    cuts: Sequence[int],
) -> Rated:
    """Commit the sales to a ledger; read what came of them from its journal."""
    # Histories run beyond the present.
    now = day_of(dt.date(2160, 1, 1)) * 86_400 * 10**9
    clock = SimpleNamespace(**{**vars(time), "time_ns": lambda: now})
    batch_of: dict[str, int] = {}
    with mock.patch("vafa.engine.writer.time", clock), Writer(folder) as writer:
        assert writer.publish_program(publish_fact(program)).refusal is None
        assert writer.commit_catalog(catalog_fact(products)).refusal is None
        for number, batch in enumerate(batches(sales, cuts)):
            # Both doors in turn.
            intake = table(batch) if number % 2 else decoded(batch)
            verdicts = writer.commit(intake, force=True)
            assert all(verdict.answer for verdict in verdicts)
            batch_of.update(dict.fromkeys(intake.ids, number))
        replica = writer.replica
        assert replica.fold is not None
        rated = Rated(replica.fold, batch_of)
        names: dict[int, str] = {}
        for seq in range(3, replica.seq + 1):
            stored = replica.stored(seq)
            one = stored.batch.slice(stored.row, 1)
            name = names[seq] = one.column("id")[0].as_py()
            _, columns = list_view(one.column("postings"))
            _, balances = list_view(one.column("balances"))
            note(rated, name, int(one.column("status")[0].as_py()), columns, names)
            rated.tier[name] = int(one.column("tier")[0].as_py())
            rated.balances[name] = list(
                zip(balances["active"].tolist(), balances["pending"].tolist(), strict=True)
            )
    return rated


# -- comparing -------------------------------------------------------------------------------


def compare(program: Program, products: Mapping[str, Product], sales: Sequence[Sale],
            rated: Rated) -> None:
    """The engine's figures must be the reference's for the facts that it accepted."""
    accepted = [sale for sale in sales if sale.id not in rated.refused]
    states, postings = rate(program, products, accepted)
    for sale in accepted:
        wanted = postings[sale.id]
        granted = Counter({p.rule: p.granted for p in wanted if p.granted})
        got = Counter({rule: points for rule, points in rated.given[sale.id].items() if points})
        assert got == granted, f"what {sale.id!r} was given in the end"
    for name, state in states.items():
        own = sorted((sale for sale in accepted if sale.member == name), key=fact_order)
        compare_answers(program, products, own, postings, rated)
        compare_member(program, state, own, rated)


def compare_answers(
    program: Program, products: Mapping[str, Product], sales: Sequence[Sale],
    postings: Mapping[str, list[Posting]], rated: Rated,
) -> None:
    """What was told of each fact of a member at its commit (sales in the member's order)."""
    for place, sale in enumerate(sales):
        batch = rated.batch_of[sale.id]
        if any(rated.batch_of[other.id] > batch for other in sales[:place]):
            continue
        # All that stands before it was there: the figures were final when it was rated.
        wanted = [Figure(p.rule, p.desired, p.granted, p.limit) for p in postings[sale.id]]
        assert rated.own[sale.id] == wanted, f"figures of {sale.id!r}"
        if any(rated.batch_of[other.id] <= batch for other in sales[place + 1 :]):
            # A later fact was there as well: the answer may speak of the whole commit.
            continue
        states, _ = rate(program, products, sales[: place + 1])
        compare_standing(
            program, states[sale.member], sale, rated.tier[sale.id], rated.balances[sale.id]
        )


def compare_standing(
    program: Program, state: MemberState, sale: Sale, tier: int,
    balances: Sequence[tuple[int, int]],
) -> None:
    """The tier and the balances that the answer to a member's latest fact shows."""
    day = date_of(business_day(program, sale.occurred_at_us))
    assert tier_name(program, tier) == state.tier(day), f"tier told of {sale.id!r}"
    for currency, told in zip(program.currency, balances, strict=True):
        wanted = state.balance(currency.id, day)[:2]
        assert told == wanted, f"balance of {currency.id} told of {sale.id!r}"


def compare_member(
    program: Program, wanted: MemberState, sales: Sequence[Sale], rated: Rated
) -> None:
    """A member after all its facts, and on later days without any."""
    state, last = rated.fold.state, sales[-1]
    number = rated.fold.dictionaries.members.numbers[last.member]
    last_at, _, purchases, upgrades = state.head(number)
    assert (last_at, purchases) == (last.occurred_at_us, wanted.purchases)
    assert upgrades == wanted.upgrades
    today = business_day(program, last.occurred_at_us)
    days = {today + later for later in LATER}
    for place, currency in enumerate(program.currency):
        got = [lot_of(*lot) for lot in state.lots(number, place)]
        assert got == wanted.lots.get(currency.id, []), f"lots of {currency.id}"
        for lot in got:
            edges = [lot.active_from] if lot.good_through is None else [
                lot.active_from, lot.good_through
            ]
            days.update(day_of(edge) + step for edge in edges for step in (-1, 0, 1))
    for through in state.tier_days(number):
        days.update(range(through, through + 3) if 0 <= through < NEVER else ())
    for day in sorted(day for day in days if day >= today):
        date = date_of(day)
        _, _, _, tier, shown = state.view(rated.fold.compiled.native, number, day)
        assert tier_name(program, tier) == wanted.tier(date), f"tier on {date}"
        for place, currency in enumerate(program.currency):
            active, pending, expired, issued = state.balance(number, place, day)
            balance = wanted.balance(currency.id, date)
            assert (active, pending, expired) == balance, f"{currency.id} on {date}"
            assert shown[place] == (active, pending)
            assert issued == wanted.issued[currency.id]


def tier_name(program: Program, tier: int) -> str | None:
    """Id of a rung by its index; None for -1."""
    return None if tier < 0 else program.tiers()[tier].id


def lot_of(earned: int, active_from: int, through: int, points: int) -> Lot:
    """A lot of the kernel as the reference shows it."""
    last = None if through == NEVER else date_of(through)
    return Lot(date_of(earned), date_of(active_from), last, points)


# -- tests -----------------------------------------------------------------------------------


@pytest.mark.parametrize("case", differential_cases.CASES, ids=lambda case: case.name)
def test_kept_cases(case: differential_cases.Case) -> None:
    assert_sound(case.program, case.products, case.sales, case.cuts)


@pytest.mark.parametrize("case", differential_cases.TOO_LARGE, ids=lambda case: case.name)
def test_what_is_too_large_for_the_kernel_is_refused(case: differential_cases.Case) -> None:
    # In a process of its own: the kernel once died of it.
    child = os.fork()
    if not child:
        try:
            assert_sound(*case[1:])
            assert through_fold(*case[1:]).refused == {"large"}
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def assert_sound(
    program: Program, products: Mapping[str, Product], sales: Sequence[Sale], cuts: Sequence[int]
) -> None:
    """The kernel gives what the reference does, and refuses no more than it must."""
    rated = through_fold(program, products, sales, cuts)
    # A late sale is refused as well when with it an older one would not fit.
    members = {sale.member for sale in sales if is_large(program, sale)}
    assert all(sale.member in members for sale in sales if sale.id in rated.refused)
    compare(program, products, sales, rated)


def is_large(program: Program, sale: Sale) -> bool:
    """Whether the kernel may refuse a sale: its exact earn may not fit 128 bits.

    A multiply shares the exact earn of the earn rules of its currency; each one that its
    own limits cut puts its figure into the common denominator.
    """
    bits: Counter[int] = Counter()
    net = sum(line.net for line in sale.lines)
    units = sum(line.quantity for line in sale.lines) // 1000 + 1
    for rule in program.rule:
        if isinstance(rule, Earn) and any(msgspec.to_builtins(rule.limits).values()):
            currency = program.currency_of(rule)
            most = rule.points if isinstance(rule.points, Decimal) else max(rule.points.values())
            basis = net if rule.basis == "net" else units
            figure = basis * most * 10 ** program.currency[currency].scale / rule.per
            bits[currency] += math.ceil(figure).bit_length()
    return max(bits.values(), default=0) > FREE_BITS


@PROFILE
@given(strategies.cases(), CUTS)
def test_fold_agrees_with_the_reference(case: strategies.RandomCase, cuts: list[int]) -> None:
    assert_sound(*case, cuts)


@PROFILE
@given(strategies.cases(), CUTS, st.data())
def test_late_facts_change_nothing(
    case: strategies.RandomCase, cuts: list[int], data: st.DataObject
) -> None:
    assert_sound(case.program, case.products, data.draw(st.permutations(case.sales)), cuts)


@ON_DISK
@given(strategies.cases(), CUTS)
def test_a_ledger_agrees_with_the_reference(
    case: strategies.RandomCase, cuts: list[int]
) -> None:
    sales = [sale for sale in case.sales if sale.lines]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        sales = [sale for sale in sales if not is_large(case.program, sale)]
        rated = through_ledger(folder, case.program, case.products, sales, cuts)
        assert rated.refused == set()
        compare(case.program, case.products, sales, rated)
        assert verify(folder).findings == []
