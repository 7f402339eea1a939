"""Profit share: a pool of points split over members by what each has bought or earned in a
period, exact by largest remainder (rulebook sections 1 and 4).

Causes may get a part of the pool, which stands in accounts of their own. Shares are fixed when the
fact is accepted, as its legs: a late sale of the period moves none.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..calendars.calendars import day_of
from ..columns.columns import MEMBER_KINDS, RETURN, SALE, SHARE_IN, Extra, without_lines
from ..columns.gift_accounts import cause_account
from ..columns.order import place_key
from ..columns.parked import PARKED_CODE, resolutions
from ..columns.records import read_facts
from ..columns.schema import NO_MEMBER, column, list_view
from ..columns.status import POSTINGS, Status
from ..facts import ProfitShareFact
from ..facts.parts import LATEST_US
from ..folding.batch import Batch
from ..replica.replica import Replica
from .goods_back import Back, Goods, money_back

_EARNED = [POSTINGS.index(kind) for kind in ("earn", "multiply", "bonus", "reverse", "correct")]


def shares(pool: int, weights: Mapping[str, int]) -> dict[str, int]:
    """The pool over names by weights above zero; what is left by floors goes one each to the
    largest remainders, ties to the name that sorts first by its bytes.

    >>> shares(10, {"b": 1, "a": 1, "c": 1})
    {'b': 3, 'a': 4, 'c': 3}
    """
    total = sum(weights.values())
    if not total:
        return {}
    exact = {name: divmod(pool * weight, total) for name, weight in weights.items()}
    left = pool - sum(whole for whole, _ in exact.values())
    first = sorted(exact, key=lambda name: (-exact[name][1], name.encode()))[:left]
    return {name: whole + (name in first) for name, (whole, _) in exact.items()}


def weights(replica: Replica, fact: ProfitShareFact) -> dict[str, int]:
    """What each member has bought (minor units, net of returns), or earned, in the period.

    Members whose figure is not above zero, or who have left, have no part.
    """
    found: Counter[int] = Counter()
    bought = _Bought(replica)
    for record in replica.journal.scan():
        batch = record.facts()
        rows, inside = _of_members(replica, batch, fact)
        if fact.weight == "points":
            found.update(_earned(replica, batch, rows[inside], fact.currency))
        else:
            bought.read(record.first, batch, rows, inside)
    found.update(bought.net())
    assert replica.fold is not None
    # What was bought under a name that means another member by now is that member's.
    persons: Counter[int] = Counter()
    for member, weight in found.items():
        persons[replica.fold.accounts.person(member)] += weight
    names, membership = replica.dictionaries.members.names, replica.membership
    return {
        names[person]: weight for person, weight in persons.items()
        if weight > 0 and membership.closed_at(person, LATEST_US) is None
    }  # fmt: skip


def _of_members(
    replica: Replica, batch: pa.RecordBatch, fact: ProfitShareFact
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Which rows are of members, and which of them of business dates of the period."""
    version = column(batch, "program")
    mine = (column(batch, "member") != NO_MEMBER) & (version > 0)
    mine &= np.isin(column(batch, "kind"), MEMBER_KINDS)
    rows = np.flatnonzero(mine)
    if not len(rows):
        return rows, rows > 0
    day, _ = replica.versions.dates(column(batch, "at")[rows], version[rows])
    return rows, (day >= day_of(fact.since)) & (day <= day_of(fact.until))


class _Returned(NamedTuple):
    """A return: its place among those of its sale, its member, its lines, whether its date is in
    the period."""

    place: tuple[int, int, bytes, bytes, bytes]
    member: int
    back: Back
    inside: bool


class _Bought:
    """What members have bought in the period, net of what came back in it."""

    def __init__(self, replica: Replica) -> None:
        self._replica = replica
        self._net: Counter[int] = Counter()
        # A receipt that is claimed again after a cancel has another chapter.
        self._chapter: Counter[str] = Counter()
        self._returns: dict[tuple[str, int], list[_Returned]] = defaultdict(list)
        self._parked: dict[int, tuple[str, _Returned]] = {}

    def read(
        self, first: int, batch: pa.RecordBatch, rows: NDArray[Any], inside: NDArray[Any]
    ) -> None:
        """Note the sales of a record in the period, and all returns."""
        facts, status = read_facts(batch), column(batch, "status")
        ids: list[str] = []
        for row, within in zip(rows.tolist(), inside.tolist(), strict=True):
            kind, member = int(facts.kind[row]), int(facts.member[row])
            if kind not in (SALE, RETURN) or status[row] not in (Status.OK, PARKED_CODE):
                continue
            if kind == SALE and within:
                lines = slice(facts.lines_from[row], facts.lines_from[row + 1])
                self._net[member] += int(facts.net[lines].sum())
            extra = facts.extra(row)
            if kind == SALE and not extra.back:
                continue
            ids = ids or batch.column("id").to_pylist()
            place = place_key(facts, ids, self._replica.dictionaries, row)
            returned = _Returned(place, member, extra.back, within)
            if status[row] == PARKED_CODE:
                self._parked[first + row] = extra.named, returned
            else:
                self._add(extra.named, returned)
        for one in resolutions(*list_view(batch.column("postings"))):
            if one.status == Status.OK and one.seq in self._parked:
                self._add(*self._parked[one.seq])

    def _add(self, sale: str, returned: _Returned) -> None:
        self._returns[sale, self._chapter[sale]].append(returned)
        if sale and not returned.back:
            self._chapter[sale] += 1

    def net(self) -> Counter[int]:
        """What each member has bought, net of what came back."""
        for (sale, _), returns in self._returns.items():
            if any(one.inside for one in returns):
                goods = self._goods(sale) if sale else []
                for one in sorted(returns):
                    money = money_back(goods, one.back) if sale else _said(one.back)
                    self._net[one.member] -= money if one.inside else 0
        return self._net

    def _goods(self, sale: str) -> list[Goods]:
        replica = self._replica
        (seq,) = replica.find_ids([sale]).values()
        facts, skus = replica.facts_at([seq]).facts, replica.dictionaries.products.names
        voided = {place for place, *_ in facts.extra(0).voided}
        return [
            Goods(int(line), skus[product], int(quantity), int(net), bool(quantity), n in voided)
            for n, (line, product, quantity, net) in enumerate(zip(
                facts.line, facts.product, facts.quantity, facts.net, strict=True
            ))
        ]  # fmt: skip


def _said(back: Back) -> int:
    """What comes back without a receipt."""
    return sum(net for *_, net in back)


def _earned(
    replica: Replica, batch: pa.RecordBatch, rows: NDArray[Any], currency: str
) -> Counter[int]:
    """Points that rules gave, net of what came back and of corrections that the rows tell."""
    assert replica.fold is not None
    starts, postings = list_view(batch.column("postings"))
    place = replica.fold.layout.currencies.index(currency)
    wanted = np.isin(postings["kind"], _EARNED) & (postings["currency"] == place)
    sums = np.concatenate([[0], np.cumsum(np.where(wanted, postings["points"], 0))])
    member = column(batch, "member")
    found: Counter[int] = Counter()
    for row in rows.tolist():
        found[int(member[row])] += int(sums[starts[row + 1]] - sums[starts[row]])
    return found


def split(
    pool: int, causes: Mapping[str, int], weights: Mapping[str, int]
) -> tuple[dict[str, int], dict[str, int]]:
    """(what causes get, what members get) of a pool: each cause its thousandths, floored, the
    members the rest; where nobody has a weight it is nobody's.

    >>> split(1001, {"school": 100}, {"a": 2, "b": 1})
    ({'school': 100}, {'a': 601, 'b': 300})
    """
    given = {name: pool * parts // 1000 for name, parts in causes.items()}
    return given, shares(pool - sum(given.values()), weights)


def legs_of(replica: Replica, fact: ProfitShareFact, at: int, first: int) -> Batch | None:
    """The shares as rows of their members, and of causes, from seq `first` on; None where nobody
    has any. Accounts of causes are numbered in the dictionaries."""
    members = replica.dictionaries.members
    of_causes, of_members = split(fact.points, fact.causes, weights(replica, fact))
    given = {members.numbers[name]: points for name, points in of_members.items() if points}
    causes = {
        members.number(cause_account(name)): (name, points)
        for name, points in of_causes.items() if points
    }  # fmt: skip
    if not given and not causes:
        return None
    numbers = np.array(sorted({*given, *causes}), np.uint32)
    n = len(numbers)
    legs = without_lines(SHARE_IN, np.full(n, at, np.int64), numbers)
    legs.extras = [
        Extra(currency=fact.currency, amount=given[number], expires=fact.expires or "")
        if number in given else
        Extra(
            currency=fact.currency, amount=causes[number][1], expires="never",
            cause=causes[number][0],
        )
        for number in numbers.tolist()
    ]  # fmt: skip
    legs.store[:] = replica.dictionaries.stores.at("", at)
    legs.terminal[:] = replica.dictionaries.terminals.number("")
    version = replica.versions.numbers_at(legs.at)
    legs.day, legs.minute = replica.versions.dates(legs.at, version)
    return Batch(legs, [fact.id] * n, first, version, legs=True)
