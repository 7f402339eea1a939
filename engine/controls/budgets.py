"""Budgets: ceilings on what a rule gives to everyone together (rulebook section 10).

Points of a rule's currency, or, of an offer, the money that it takes off. Totals are of what the
journal's rows say, corrections and reversals included, so that every replica counts alike. When
a commit brings a total to its ceiling, a `budget closed` row ends that commit: facts with a
higher seq are of the next epoch, in which the rule takes no part.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from ..columns.status import POSTINGS
from ..program.rules import Offer
from .versions import ProgramVersions

_GIVEN = np.isin(
    np.arange(len(POSTINGS)),
    [POSTINGS.index(kind) for kind in ("earn", "multiply", "bonus", "reverse", "correct")],
)
"""Posting kinds that count for a budget, by code; a donation is given before it goes on."""

_RULES = 2**16
"""Numbers that a posting's rule may have."""

_REVERSE, _OFFER = POSTINGS.index("reverse"), POSTINGS.index("offer")


class Closing(NamedTuple):
    """What a `budget closed` row says; points in units of the rule's currency, or minor units."""

    rule: str
    total: int
    overrun: int

    def payload(self) -> bytes:
        """As the journal keeps it."""
        return msgspec.msgpack.encode(tuple(self))


read_closing = msgspec.msgpack.Decoder(Closing).decode


@dataclass
class Budgets:
    """Totals by rule id, and the seqs at which budgets closed."""

    totals: dict[str, int] = field(default_factory=dict)
    closed: list[tuple[str, int]] = field(default_factory=list)
    _ceilings: dict[str, int] = field(default_factory=dict)
    _numbers: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    _has_one: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(_RULES, np.bool_))
    """Whether a rule has one, by its number."""
    _offers: frozenset[str] = frozenset()
    _names: Sequence[str] = ()

    def follow(self, versions: ProgramVersions, rules: Sequence[str]) -> None:
        """Take the ceilings of the programs; `rules` are the rule ids by number.

        The version published last that has a rule says what its budget is.
        """
        self._ceilings = {}
        latest = {rule.id: rule for version in versions for rule in version.program.rule}
        for version in versions:
            for rule in version.program.rule:
                currency = version.program.currency[version.program.currency_of(rule)]
                self._ceilings.pop(rule.id, None)
                if isinstance(rule, Offer):
                    if rule.budget is not None:
                        self._ceilings[rule.id] = rule.budget
                elif rule.budget is not None:
                    self._ceilings[rule.id] = int(rule.budget * 10**currency.scale)
        self._offers = frozenset(name for name, rule in latest.items() if isinstance(rule, Offer))
        self._names = rules
        self._numbers = np.array(
            [number for number, name in enumerate(rules) if name in self._ceilings], np.int64
        )
        self._has_one = np.zeros(_RULES, np.bool_)
        self._has_one[self._numbers] = True

    @property
    def any(self) -> bool:
        """Whether any rule has a budget."""
        return bool(self._ceilings)

    def ceiling(self, rule: str) -> int | None:
        """What a rule may give to everyone, in units of its currency, or minor units; None
        without a budget."""
        return self._ceilings.get(rule)

    @property
    def epoch(self) -> int:
        """The epoch of the facts to come."""
        return len(self.closed)

    def epochs(self, seqs: NDArray[np.uint64]) -> NDArray[np.uint32]:
        """Epochs of facts by their seqs."""
        if not self.closed:
            return np.zeros(len(seqs), np.uint32)
        at = np.array([seq for _, seq in self.closed], np.uint64)
        return np.searchsorted(at, seqs, side="left").astype(np.uint32)

    def is_of_money(self, rule: str) -> bool:
        """Whether a rule's budget is of money: it is an offer."""
        return rule in self._offers

    def closed_sets(self) -> list[frozenset[str]]:
        """Ids of the rules that are closed, by epoch."""
        names = [name for name, _ in self.closed]
        return [frozenset(names[:epoch]) for epoch in range(len(names) + 1)]

    def count(self, postings: Mapping[str, NDArray[Any]]) -> None:
        """Add what a record's postings give to rules that have a budget."""
        if not len(self._numbers):
            return
        rule, kind = postings["rule"], postings["kind"]
        offers = (kind == _OFFER) & (postings["limit"] == 0)
        rows = np.flatnonzero(self._has_one[rule] & (_GIVEN[kind] | offers))
        # Points that come back after they have expired are given back to the budget as well.
        counted = np.where((kind == _REVERSE) | offers, postings["desired"], postings["points"])
        for number, of_offer, points in zip(
            rule[rows].tolist(), offers[rows].tolist(), counted[rows].tolist(), strict=True
        ):
            name = self._names[number]
            # An id may have been a rule's of points before, or will be.
            if of_offer == (name in self._offers):
                self.totals[name] = self.totals.get(name, 0) + points

    def reached(self) -> list[Closing]:
        """Budgets that are used up and not closed, in the order of their rules."""
        if not self._ceilings:
            return []
        shut = {name for name, _ in self.closed}
        found = []
        for number in self._numbers.tolist():
            name = self._names[number]
            total, most = self.totals.get(name, 0), self._ceilings[name]
            if total >= most and name not in shut:
                found.append(Closing(name, total, total - most))
        return found

    def close(self, rule: str, seq: int) -> None:
        """A budget is closed for facts beyond a seq."""
        self.closed.append((rule, seq))
