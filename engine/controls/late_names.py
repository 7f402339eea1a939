"""Catalogues and stores that come late: whose accepted facts they concern.

A product or store has a new version from an instant on, and a fact uses the version in force
at its own. So a version that comes after facts which it concerns changes what those facts
were, and their members are folded anew (rulebook section 2).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..columns.dictionaries import Dictionaries, Versions
from ..columns.records import read_facts
from ..columns.schema import NO_MEMBER, column
from ..facts import CatalogFact, StoreFact
from ..facts.parts import instant_us
from ..journal.journal import Journal
from .controls import NOWHERE, Elsewhere, kind_of, named_by, told_by


def concerned_members(
    fact: CatalogFact | StoreFact, dictionaries: Dictionaries, journal: Journal, latest_at: int
) -> list[int]:
    """Numbers of the members with facts to which a version that is not there yet applies.

    Cheap when no fact of a member comes at or after its begin (`latest_at`, us).
    """
    since = instant_us(fact.occurred_at)
    if since > latest_at:
        return []
    versions, fresh = told_by(fact, dictionaries)
    until = _windows(versions, fresh)
    if not until:
        return []
    found: set[int] = set()
    by_line = isinstance(fact, CatalogFact)
    ends = np.full(len(versions.codes), -(2**63), np.int64)
    ends[list(until)] = list(until.values())
    for record in journal.scan():
        batch = record.facts()
        if column(batch, "at").max() < since:
            continue
        facts = read_facts(batch)
        rows = (facts.at >= since) & (facts.member != NO_MEMBER)
        if not rows.any():
            continue
        if by_line:
            owner = np.repeat(np.arange(len(facts)), np.diff(facts.lines_from))
            hit = facts.at[owner] < ends[versions.of[facts.product]]
            rows &= np.bincount(owner[hit], minlength=len(facts)) > 0
        else:
            rows &= facts.at < ends[versions.of[facts.store]]
        members: NDArray[np.uint32] = facts.member[rows]
        found.update(members.tolist())
    return sorted(found)


def elsewhere(
    fact: CatalogFact | StoreFact, dictionaries: Dictionaries, journal: Journal
) -> Elsewhere:
    """What catalogues (or stores) of the fact's instant and later, which came before it, say.

    Cheap when it is the latest of them.
    """
    since, kind = instant_us(fact.occurred_at), kind_of(fact)
    versions, fresh = told_by(fact, dictionaries)
    if since > versions.newest:
        return NOWHERE
    codes = (versions.codes.numbers.get(version[0]) for version in fresh)
    known = {code for code in codes if code is not None}
    until = {code: versions.next_since(code, since) for code in known}
    again: dict[int, int] = {}
    overruled: set[int] = set()
    for record in journal.scan():
        batch = record.facts()
        if column(batch, "kind")[0] != kind or column(batch, "at")[0] < since:
            continue
        at, name = int(column(batch, "at")[0]), batch.column("id")[0].as_py()
        told = known.intersection(named_by(batch.column("payload")[0].as_py()))
        if at > since:
            again |= {
                code: min(at, again.get(code, at)) for code in told if at < until[code]
            }
        elif name.encode() > fact.id.encode():
            overruled |= told
    return Elsewhere(again, frozenset(overruled))


def _windows(versions: Versions[Any], fresh: list[Any]) -> dict[int, int]:
    """By code, until when (us) a version that changes something is in force; known names only."""
    out: dict[int, int] = {}
    for version in fresh:
        code = versions.codes.numbers.get(version[0])
        if code is not None and versions.changes(version):
            out[code] = versions.next_since(code, version.since)
    return out
