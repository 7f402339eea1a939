"""A member's statement: its facts newest first, with what rules gave, by their names.

It walks the member's chain in the journal backwards from the latest fact, or from where the
last page ended: no index, and pages that do not shift when facts come in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from .answers import Answer, corrected, instant_text, rated_answers
from .columns import CLOSING, SALE
from .facts import SHOWN
from .records import read_outcome
from .schema import column
from .views import latest_seq

if TYPE_CHECKING:
    from .record_cache import Decoded
    from .replica import Replica

MOST_ENTRIES = 500
"""Entries of one page."""


class Page(NamedTuple):
    """Entries newest first, and the seq that the next page begins with; 0 after the last."""

    entries: list[Answer]
    next: int


def statement(replica: Replica, name: str, limit: int, start: int | None = None) -> Page | None:
    """Up to `limit` entries of a member from a seq of its chain on, default its latest.

    None for a member that has no fact. Raises LookupError when the seq is none of the
    member's.
    """
    last = latest_seq(replica, name)
    if last is None:
        return None
    number = replica.dictionaries.members.numbers[name]
    seq = last if start is None else start
    if not 0 < seq <= last:
        raise LookupError(f"no fact {seq}")
    titles = replica.versions.titles()
    entries: list[Answer] = []
    while seq and len(entries) < limit:
        found = replica.records.at(seq)
        row = seq - found.record.first
        if found.facts.member[row] != number:
            raise LookupError(f"fact {seq} is another member's")
        entries.append(_entry(replica, found, row, seq, titles))
        seq = int(found.previous[row])
    return Page(entries, seq)


def _entry(
    replica: Replica, found: Decoded, row: int, seq: int, titles: dict[str, str]
) -> Answer:
    assert replica.words is not None
    batch, facts = found.batch, found.facts
    kind = int(facts.kind[row])
    outcome = read_outcome(batch.slice(row, 1))
    names = replica.names_of(corrected(outcome.postings))
    (answer,) = rated_answers(replica.words, [found.id_of(row)], seq, outcome, names)
    for posting in _every_posting(answer):
        title = titles.get(posting["rule"])
        if title:
            posting["title"] = title
    entry: Answer = {
        "seq": seq,
        "id": answer.pop("id"),
        "kind": SHOWN[kind],
        "occurred_at": instant_text(int(facts.at[row])),
        "recorded_at": instant_text(found.record.committed_at),
    }
    if kind != CLOSING:
        store = replica.dictionaries.stores.names[int(facts.store[row])]
        entry |= {"store": store} if store else {}
    if kind == SALE:
        lines = slice(int(facts.lines_from[row]), int(facts.lines_from[row + 1]))
        entry["net"] = sum(facts.net[lines].tolist())
    version = int(column(batch, "program")[row])
    if version:
        entry["program"] = version
    del answer["seq"]
    return entry | answer


def _every_posting(answer: Answer) -> list[dict[str, Any]]:
    """The postings of an answer, and of the parked returns that it tells of."""
    return [
        *answer["postings"],
        *(posting for applied in answer.get("parked", ()) for posting in applied["postings"]),
    ]
