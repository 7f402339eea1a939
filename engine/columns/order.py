"""The order of a member's facts (rulebook section 2).

By instant, rank, store, terminal, id; strings by their UTF-8 bytes. A fact that names
another stands at its own place, or right after the named one if its own place is before it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..facts import KINDS, RANKS
from .columns import ADJUST, REFERRAL_IN, Facts
from .dictionaries import Dictionaries
from .named import Names

Bools = NDArray[np.bool_]
UInt32 = NDArray[np.uint32]

_RANK = [RANKS.get(kind, RANKS["day closed"]) for kind in KINDS]
_TAKING = RANKS["redeem"]


def rank_of(facts: Facts, row: int) -> int:
    """Rank of a fact at one instant; a negative adjust takes, so it comes last."""
    kind = int(facts.kind[row])
    if kind in (ADJUST, REFERRAL_IN) and facts.extra(row).amount < 0:
        return _TAKING
    return _RANK[kind]


def place_key(
    facts: Facts, ids: Sequence[str], dictionaries: Dictionaries, row: int
) -> tuple[int, int, bytes, bytes, bytes]:
    """What a fact is sorted by among those of its member."""
    return (
        int(facts.at[row]),
        rank_of(facts, row),
        dictionaries.stores.names[facts.store[row]].encode(),
        dictionaries.terminals.names[facts.terminal[row]].encode(),
        ids[row].encode(),
    )


def member_order(
    facts: Facts, ids: Sequence[str], dictionaries: Dictionaries, rows: UInt32,
    names: Names | None = None,
) -> UInt32:
    """The rows by time, those of one member in the member's order.

    Time comes first because lines then lie in the order of reading.
    """
    order = rows[np.lexsort((facts.member[rows], facts.at[rows]))]
    at, member = facts.at[order], facts.member[order]
    ties = (at[1:] == at[:-1]) & (member[1:] == member[:-1])
    return _decided(order, ties, facts, ids, dictionaries, names)


def family_order(
    facts: Facts, ids: Sequence[str], dictionaries: Dictionaries, rows: UInt32,
    names: Names | None = None,
) -> UInt32:
    """The rows of one member, or of members that were ever tied, as if they were one."""
    at = facts.at[rows]
    by_time = at.argsort(kind="stable")
    at = at[by_time]
    return _decided(rows[by_time], at[1:] == at[:-1], facts, ids, dictionaries, names)


def _decided(
    order: UInt32, ties: Bools, facts: Facts, ids: Sequence[str], dictionaries: Dictionaries,
    names: Names | None,
) -> UInt32:
    """An order by time, made the full one: ties[i] tells that of the rows i and i + 1 in it time
    alone does not tell which is first."""
    done = -1
    for tie in ties.nonzero()[0].tolist():
        if tie < done:
            continue
        end = tie + 2
        while end < len(order) and ties[end - 1]:
            end += 1
        order[tie:end] = sorted(
            order[tie:end].tolist(), key=lambda row: place_key(facts, ids, dictionaries, row)
        )
        done = end - 1
    return order if names is None else _after_named(order, names, facts)


def _after_named(order: UInt32, names: Names, facts: Facts) -> UInt32:
    """The order with facts that name later ones moved right after the last of them."""
    if (names.rows[order] < 0).all() and names.tenders is None:
        return order
    place = np.full(len(names.rows), -1, np.int64)
    place[order] = np.arange(len(order))
    out: list[int] = []
    placed: set[int] = set()
    waiting: dict[int, list[int]] = {}

    def awaited(row: int) -> int:
        """A row that a row names and that has no place yet; -1: none."""
        for target in names.targets(facts, row):
            if place[target] >= 0 and target not in placed:
                return target
        return -1

    for row in order.tolist():
        stack = [row]
        while stack:
            now = stack.pop()
            target = awaited(now)
            if target >= 0:
                waiting.setdefault(target, []).append(now)
                continue
            out.append(now)
            placed.add(now)
            stack += reversed(waiting.pop(now, ()))
    return np.array(out, np.uint32)


def untwisted(
    facts: Facts, ids: Sequence[str], dictionaries: Dictionaries, rows: UInt32, members: Any,
    names: Names | None = None,
) -> UInt32:
    """The rows with those of some members in the members' order, all others as they stand."""
    sort = np.isin(facts.member[rows], members, kind="table")
    return np.concatenate(
        [rows[~sort], member_order(facts, ids, dictionaries, rows[sort], names)]
    )
