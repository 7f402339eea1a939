"""What a member's facts came to, and how two such folds differ: what corrections tell."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from vafa.native.anew import posts_alike

from ..columns.columns import NO_RULE
from ..columns.parked import CORRECT
from ..columns.status import POSTINGS
from ..members.accounts import Settled

Bools = NDArray[np.bool_]
UInt32 = NDArray[np.uint32]

DONATE, OFFER, ACCRUE, CAPTURE, REVERSE = (
    POSTINGS.index(kind) for kind in ("donate", "offer", "accrue", "capture", "reverse")
)
_FIGURED = bytes((ACCRUE, CAPTURE, REVERSE))
"""Kinds of postings of which what they desired is a figure."""
OF_MONEY = 255
"""In place of a currency: what an offer took off."""
OF_WAITING = 128
"""Beside a currency: its points whose money has come."""
OF_LAPSED = 64
"""Beside a currency: its points that a return takes back and that have expired, for budgets."""
OF_HOLDS = NO_RULE - 1
"""In place of no rule: points that captures have spent, which their holds took."""

COUNTED = ("rule", "kind", "currency", "limit", "desired", "points")
"""Columns of postings that `figures_of` looks at."""

Key = tuple[int, int, int]
"""(row, or -1 - index of a closed day; rule; currency)."""


class Posted(NamedTuple):
    """Postings by what corrections tell of: the three of `Key`, and points."""

    row: NDArray[np.int64]
    rule: NDArray[np.uint16]
    currency: NDArray[np.uint8]
    points: NDArray[np.int64]


NO_POSTINGS = Posted(
    np.zeros(0, np.int64), np.zeros(0, np.uint16), np.zeros(0, np.uint8), np.zeros(0, np.int64)
)


@dataclass(frozen=True, slots=True)
class Folded:
    """What a member's facts came to: the rows in order, the kernel's figures, the rows after.

    `rows` are by the history's members; `settled` tells the accounts where members are tied.
    """

    order: UInt32
    figures: dict[str, Any]
    rows: tuple[bytes, ...]
    settled: Settled | None = None

    def account(self, member: int) -> int:
        """The place of a member's account among the history's members, by all the facts."""
        return member if self.settled is None else self.settled.ties.account(member)

    def row(self, member: int) -> bytes:
        """The row of a member's account."""
        return self.rows[self.account(member)]

    def posted(self) -> Posted:
        """Points of facts and closed days."""
        figures = self.figures
        row = figures["basket"].astype(np.int64), -1 - figures["closed_index"].astype(np.int64)
        columns = {
            name: np.concatenate((figures[name], figures[f"closed_{name}"])) for name in COUNTED
        }
        which, *keys = figures_of(columns)
        rows = np.concatenate(row)
        return Posted(rows if which is None else rows[which], *keys)

    def posts_alike(self, other: Folded, old: int) -> bool:
        """Whether another fold posts the same, line by line, to rows below `old` and closed
        days; it says no where only the order differs."""
        return posts_alike(self.figures, other.figures, old, _FIGURED)

    def last(self, name: str, member: int = 0) -> Any:
        """A figure after the latest fact in a member's account."""
        if self.settled is None:
            return self.figures[name][self.order[-1]]
        mine = np.flatnonzero(self.settled.account[self.order] == self.account(member))
        return self.figures[name][self.order[mine[-1] if len(mine) else -1]]


def figures_of(
    columns: Mapping[str, NDArray[Any]]
) -> tuple[NDArray[np.int64] | None, NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Of which postings (None: of each, in order), and rules, currencies and points, as
    corrections tell them.

    A donation is apart from the posting of its rule; an offer has no points, but the money that
    it took off, unless it only tells of one that might not be had; an accrual and a capture have
    none but their figures. Points that were to be taken back and had expired are a figure more.
    """
    kind, rule, currency, points = (
        columns[name] for name in ("kind", "rule", "currency", "points")
    )
    if (kind == DONATE).any():
        rule = np.where(kind == DONATE, rule.dtype.type(NO_RULE), rule)
    offers = kind == OFFER
    if offers.any():
        currency = np.where(offers, currency.dtype.type(OF_MONEY), currency)
        points = np.where(offers & (columns["limit"] == 0), columns["desired"], points)
    accruals = kind == ACCRUE
    if accruals.any():
        currency = np.where(accruals, currency + currency.dtype.type(OF_WAITING), currency)
        points = np.where(accruals, columns["desired"], points)
    captures = kind == CAPTURE
    if captures.any():
        rule = np.where(captures, rule.dtype.type(OF_HOLDS), rule)
        points = np.where(captures, columns["desired"], points)
    lapsed = np.flatnonzero((kind == REVERSE) & (columns["desired"] != columns["points"]))
    if not len(lapsed):
        return None, rule, currency, points
    expired = columns["desired"][lapsed] - columns["points"][lapsed]
    return (
        np.concatenate((np.arange(len(kind)), lapsed)),
        np.concatenate((rule, rule[lapsed])),
        np.concatenate((currency, currency[lapsed] + currency.dtype.type(OF_LAPSED))),
        np.concatenate((points, expired)),
    )


def changes(
    before: Posted, after: Posted, is_old: Callable[[NDArray[np.int64]], Bools]
) -> list[tuple[Key, int]]:
    """What changed for closed days, and for facts that are told by corrections (`is_old` of
    rows), in the order of the keys."""
    row = np.concatenate((before.row, after.row))
    rule = np.concatenate((before.rule, after.rule))
    currency = np.concatenate((before.currency, after.currency))
    points = np.concatenate((before.points, after.points))
    points[: len(before.points)] *= -1
    order = np.lexsort((currency, rule, row))
    order = order[(row[order] < 0) | is_old(row[order])]
    if not len(order):
        return []
    row, rule, currency, points = row[order], rule[order], currency[order], points[order]
    first = np.ones(len(order), np.bool_)
    first[1:] = (row[1:] != row[:-1]) | (rule[1:] != rule[:-1]) | (currency[1:] != currency[:-1])
    starts = np.flatnonzero(first)
    changed = np.add.reduceat(points, starts)
    starts, changed = starts[changed != 0], changed[changed != 0]
    keys = zip(
        row[starts].tolist(), rule[starts].tolist(), currency[starts].tolist(), strict=True
    )
    return list(zip(keys, changed.tolist(), strict=True))


def corrections(changed: list[tuple[Key, int]], seq_of: Callable[[int], int]) -> dict[str, Any]:
    """Posting columns of changes; a correction names no limit (rulebook section 2). That of an
    offer, of an accrual, of a capture or of expired points has no points."""
    n = len(changed)
    points = np.array([points for _, points in changed], np.int64)
    currency = np.array([key[2] for key, _ in changed], np.uint8)
    rule = np.array([key[1] for key, _ in changed], np.uint16)
    of_money, captured = currency == OF_MONEY, rule == OF_HOLDS
    waited = (currency >= OF_WAITING) & ~of_money
    lapsed = (currency >= OF_LAPSED) & (currency < OF_WAITING)
    kind = np.select(
        (of_money, waited, captured, lapsed), (OFFER, ACCRUE, CAPTURE, REVERSE), CORRECT
    )
    return {
        "rule": np.where(captured, NO_RULE, rule).astype(np.uint16),
        "kind": kind.astype(np.uint8),
        "currency": np.where(of_money, 0, currency % OF_LAPSED).astype(np.uint8),
        "limit": np.zeros(n, np.uint8),
        "desired": points,
        "points": np.where(kind == CORRECT, points, 0),
        "corrects": np.array([seq_of(key[0]) for key, _ in changed], np.uint64),
    }
