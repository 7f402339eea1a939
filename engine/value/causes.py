"""Causes: what members, rules and pools have given to each, and the statement of one (rulebook
sections 4 and 12)."""

from __future__ import annotations

import numpy as np

from ..columns.answers import Answer, instant_text
from ..columns.columns import DONATE, NO_RULE, SHARE_IN
from ..columns.gift_accounts import CAUSE, cause_account
from ..columns.schema import list_view
from ..columns.status import POSTINGS, Status
from ..facts import KINDS
from ..journal.record_cache import Decoded
from ..replica.replica import Replica

_GIVEN = [
    POSTINGS.index(kind) for kind in ("earn", "multiply", "bonus", "reverse", "correct")
]
"""Kinds of postings of what a rule gives; a donation stands beside them, the other way round."""

MOST_ROWS = 200_000
"""Rows of the journal that one page looks through."""


def causes_view(replica: Replica) -> list[Answer]:
    """Each cause with its points by currency, in units, net of what came back.

    What a commit that is not yet durable gives is left out.
    """
    fold = replica.fold
    if fold is None:
        return []
    found: dict[str, dict[str, int]] = {}
    for key in fold.layout.keys("cause"):
        _, cause, currency = key
        slot = fold.layout.slot(*key)
        points = fold.state.sum_of(slot)
        for member, packed in replica.in_flight.items():
            # A packed row begins with its version.
            was = int(np.frombuffer(packed, np.int64)[1 + slot])
            points += was - fold.state.slots(member)[slot]
        points += _from_pools(replica, str(cause), str(currency))
        found.setdefault(str(cause), {})[str(currency)] = points
    return [{"id": cause, "points": points} for cause, points in sorted(found.items())]


def _from_pools(replica: Replica, cause: str, currency: str) -> int:
    """What pools have given to a cause: all that its own account has ever had."""
    fold = replica.fold
    number = replica.dictionaries.members.numbers.get(cause_account(cause))
    if fold is None or number is None:
        return 0
    place = fold.layout.currencies.index(currency)
    return int(fold.state.totals(number, place, 0)["issued"])


def cause_view(replica: Replica, cause: str) -> Answer | None:
    """What one cause has been given; None for one that no program names."""
    return next((one for one in causes_view(replica) if one["id"] == cause), None)


def cause_statement(
    replica: Replica, cause: str, limit: int, start: int | None = None
) -> tuple[list[Answer], int]:
    """(entries newest first, the seq that the next page begins with; 0 after the last).

    An entry is what a fact gave the cause, or took away from it, of one currency and one rule:
    corrections of other facts are those of the fact that tells them. A page looks through
    MOST_ROWS rows or a little more, and may have fewer entries than the limit.
    """
    entries: list[Answer] = []
    seq = replica.seq if start is None else min(start, replica.seq)
    end = seq - MOST_ROWS
    donors = _donors(replica, cause)
    while seq > max(0, end):
        found = replica.records.at(seq)
        for row in _rows(found, donors)[::-1]:
            if row > seq - found.record.first:
                continue
            entries += _of_row(replica, found, row, cause)
            if len(entries) >= limit:
                return entries, found.record.first + row - 1
        seq = found.record.first - 1
    return entries, max(0, seq)


def _donors(replica: Replica, cause: str) -> list[int]:
    """Numbers of the rules that give to a cause in some version."""
    names = {
        rule.id for version in replica.versions for rule in version.program.rule
        if rule.donate == cause
    }  # fmt: skip
    rules = replica.fold.layout.rules if replica.fold is not None else []
    return [number for number, name in enumerate(rules) if name in names]


def _rows(found: Decoded, donors: list[int]) -> list[int]:
    """Rows of a record that may have given something to a cause."""
    starts, postings = list_view(found.batch.column("postings"))
    places = np.flatnonzero(np.isin(postings["rule"], donors))
    rows = np.searchsorted(starts, places, side="right") - 1
    own = np.flatnonzero(np.isin(found.facts.kind, (DONATE, SHARE_IN)))
    return sorted({*rows.tolist(), *own.tolist()})


def _of_row(replica: Replica, found: Decoded, row: int, cause: str) -> list[Answer]:
    facts, status = found.facts, int(found.status[row])
    kind, extra = int(facts.kind[row]), facts.extra(row)
    given: dict[tuple[str | None, str], int] = {}
    if extra.cause == cause and kind in (DONATE, SHARE_IN) and status == Status.OK:
        given[None, extra.currency] = extra.amount
    starts, postings = list_view(found.batch.column("postings"))
    words = replica.words
    assert words is not None
    for place in range(int(starts[row]), int(starts[row + 1])):
        rule = int(postings["rule"][place])
        if rule == NO_RULE or postings["kind"][place] not in _GIVEN:
            continue
        of = int(postings["corrects"][place])
        if _cause_of(replica, found, row, of, words.rules[rule]) == cause:
            key = words.rules[rule], words.currencies[int(postings["currency"][place])]
            given[key] = given.get(key, 0) + int(postings["points"][place])
    name = replica.dictionaries.members.names[int(facts.member[row])] if given else ""
    return [
        {
            "seq": found.record.first + row, "id": found.trail.id(row), "kind": KINDS[kind],
            "occurred_at": instant_text(int(facts.at[row])),
            "member": None if name.startswith(CAUSE) else name,
            "rule": rule, "currency": currency, "points": points,
        }
        for (rule, currency), points in given.items() if points
    ]  # fmt: skip


def _cause_of(replica: Replica, found: Decoded, row: int, corrects: int, rule: str) -> str | None:
    """The cause to which a rule gave, by the version that rated the fact."""
    if corrects:
        found = replica.records.at(corrects)
        row = corrects - found.record.first
    number = int(found.program[row])
    if not number:
        return None
    program = replica.versions.all[number - 1].program
    return next((one.donate for one in program.rule if one.id == rule), None)
