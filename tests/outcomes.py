"""What a ledger or the reference made of a case, in one form, and where two of them differ."""

from __future__ import annotations

import datetime as dt
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from .cases import Case, Fact, is_control

LATER = (0, 1, 8, 40, 100, 370)
"""Days after a case's last fact at which its members are looked at."""

DAY_US = 86_400 * 1_000_000
EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


class Posted(NamedTuple):
    """A posting; `rule` is empty where none gave it, `corrects` names the fact corrected."""

    rule: str
    kind: str
    currency: str
    points: int
    desired: int = 0
    limit: str = ""
    corrects: str = ""


class Balance(NamedTuple):
    """One currency of a member, in units."""

    active: int
    pending: int
    held: int
    debt: int


@dataclass
class Told:
    """What was told of one fact: status, reason of a refusal, postings, the standing after.

    `balances` and `tier` are of the member after the whole commit, on the date of its latest
    fact. `parked` tells what became of the returns that waited for this sale, `lots` what a
    leg has brought: dates and points.
    """

    status: str
    reason: str = ""
    postings: list[Posted] = field(default_factory=list)
    balances: dict[str, Balance] = field(default_factory=dict)
    tier: str | None = None
    parked: dict[str, str] = field(default_factory=dict)
    waits: bool = False
    lots: list[tuple[Any, ...]] = field(default_factory=list)


@dataclass
class View:
    """A member on one date after all its facts. `state` is what one side alone can show.

    `progress` is the next tier and the metrics that lack something to it.
    """

    tier: str | None
    purchases: int
    balances: dict[str, Balance]
    lots: list[tuple[Any, ...]] = field(default_factory=list)
    totals: dict[str, dict[str, int]] = field(default_factory=dict)
    progress: tuple[str, ...] = ()
    state: Any = field(default=None, repr=False)


@dataclass
class Run:
    """Answers by fact id, and views by (member, days after the case's last fact).

    A member's part of a fact of no member is told as `the fact's id/the member`.
    """

    told: dict[str, Told] = field(default_factory=dict)
    views: dict[tuple[str, int], View] = field(default_factory=dict)
    donors: set[str] = field(default_factory=set)

    def given(self) -> dict[tuple[str, str, str], int]:
        """What rules gave to each fact in the end, corrections included: by fact, rule, currency.

        A member's part of a closed day stands for the day. What rules that donate gave is
        summed with their donations under no rule, as corrections tell them. Points whose money
        has come, and those that captures spent, are told as of a rule of their own.
        """
        found: Counter[tuple[str, str, str]] = Counter()
        for name, told in self.told.items():
            for posting in told.postings:
                fact = posting.corrects or name.partition("/")[0]
                rule = "" if posting.rule in self.donors else posting.rule
                found[fact, rule, posting.currency] += posting.points
                if posting.kind in ("accrue", "capture"):
                    found[fact, posting.kind, posting.currency] += posting.desired
        return {key: points for key, points in found.items() if points}

    def refused(self) -> set[str]:
        """Ids of the facts that were refused, at once or after they had waited."""
        late = {n for told in self.told.values() for n, said in told.parked.items() if said != "ok"}
        return {name for name, told in self.told.items() if told.status == "refused"} | late


def us_of(fact: Fact) -> int:
    """Microseconds since 1970 of a fact."""
    return (dt.datetime.fromisoformat(fact["occurred_at"]) - EPOCH) // dt.timedelta(microseconds=1)


def latest_us(case: Case) -> int:
    """The instant of a case's last fact of a member or closed day."""
    return max((us_of(f) for f in case.facts if "member" in f or "date" in f), default=0)


def lots_of(points: dict[tuple[Any, ...], int]) -> list[tuple[Any, ...]]:
    """Lots merged where all their dates are alike, in an order of their own."""
    merged = ((*key, units) for key, units in points.items() if units)
    return sorted(merged, key=lambda lot: tuple(str(part) for part in lot))


def settled(run: Run, case: Case) -> Run:
    """The run in the form in which two sides are compared; what is left out is not ruled.

    Postings are sorted. Corrections of rules that donate are netted with those of their donations.
    What is left of a stock is told by one side only. Standings are kept of facts that come after
    all others, days closed among them, and were not refused.
    """
    donors = set(re.findall(r'"id" = "([^"]+)"[^\n]*"donate" = ', "".join(case.programs.values())))
    run.donors = donors
    latest = 0
    for fact in case.facts:
        told, at = run.told.get(fact["id"]), us_of(fact)
        if told is not None and (at < latest or told.status != "ok"):
            told.balances, told.tier = {}, None
        latest = max(latest, at if not is_control(fact) or "date" in fact else 0)
    for told in run.told.values():
        told.postings = _netted(told.postings, donors)
    return run


def _netted(postings: list[Posted], donors: set[str]) -> list[Posted]:
    sums: dict[tuple[str, str], int] = defaultdict(int)
    rest: list[Posted] = []
    for posting in postings:
        if posting.kind == "correct" and (not posting.rule or posting.rule in donors):
            sums[posting.corrects, posting.currency] += posting.points
        elif posting.kind != "stock":
            rest.append(posting)
    return sorted(rest) + sorted(
        Posted("", "correct", currency, points, points, "", corrects)
        for (corrects, currency), points in sums.items() if points
    )  # fmt: skip


def final_differences(ledger: Run, reference: Run) -> Iterator[str]:
    """Where what facts came to in the end, or members after them, differ."""
    given, wanted = ledger.given(), reference.given()
    for key in given.keys() | wanted.keys():
        if given.get(key, 0) != wanted.get(key, 0):
            yield f"{key}: in the end:\n   {given.get(key, 0)}\n   {wanted.get(key, 0)}"
    yield from view_differences(ledger.views, reference.views)


def differences(first: Run, second: Run) -> Iterator[str]:
    """Where two runs of one case differ, in words; the first fact that does comes first."""
    for name in dict.fromkeys((*first.told, *second.told)):
        mine, other = first.told.get(name), second.told.get(name)
        if mine is None or other is None:
            yield f"{name}: told by one side only: {mine or other}"
            continue
        for what in ("status", "reason", "postings", "balances", "tier", "parked"):
            if getattr(mine, what) != getattr(other, what):
                yield f"{name}: {what}:\n   {getattr(mine, what)}\n   {getattr(other, what)}"
    yield from view_differences(first.views, second.views)


def view_differences(
    first: Mapping[tuple[str, int], View], second: Mapping[tuple[str, int], View]
) -> Iterator[str]:
    """Where views of the same members and dates differ."""
    for key in sorted(first.keys() | second.keys()):
        mine, other = first.get(key), second.get(key)
        if mine is None or other is None:
            yield f"{key}: seen by one side only"
            continue
        for what in ("tier", "purchases", "balances", "lots", "totals", "progress"):
            if getattr(mine, what) != getattr(other, what):
                yield f"{key}: {what}:\n   {getattr(mine, what)}\n   {getattr(other, what)}"
