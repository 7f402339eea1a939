"""A member's statement: its facts newest first, with what rules gave, by their names.

It walks the member's chain in the journal backwards from the latest fact, or from where the
last page ended: no index, and pages that do not shift when facts come in. Of members that were
ever tied it shows what counts in the member's account.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from ..columns.answers import Answer, corrected, instant_text, rated_answers
from ..columns.columns import CLOSING, SALE
from ..facts import SHOWN
from ..folding.alone import fold_whole
from ..journal.record_cache import Decoded
from ..replica.replica import Replica
from .views import durable_heads, latest_seq

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
    if len(replica.membership.accounts.family(number)) > 1:
        seqs = _of_account(replica, number)
        if start is not None and start not in seqs:
            raise LookupError(f"fact {seq} is another member's")
        seqs = [one for one in seqs if start is None or one <= start]
        for one in seqs[:limit]:
            found = replica.records.at(one)
            entries.append(_entry(replica, found, one - found.record.first, one, titles))
        return Page(entries, seqs[limit] if len(seqs) > limit else 0)
    while seq and len(entries) < limit:
        found = replica.records.at(seq)
        row = seq - found.record.first
        if found.facts.member[row] != number:
            raise LookupError(f"fact {seq} is another member's")
        entries.append(_entry(replica, found, row, seq, titles))
        seq = int(found.previous[row])
    return Page(entries, seq)


def _of_account(replica: Replica, member: int) -> list[int]:
    """Seqs of all that counts in a member's account, newest first."""
    fold = replica.fold
    assert fold is not None
    heads = durable_heads(replica, fold, member)
    history = replica.history(heads)
    folded = fold_whole(fold, history)
    account = fold.accounts.account(member)
    apart: set[int] = set()
    if folded is not None and folded.settled is not None:
        place = history.members.index(account)
        apart = {
            seq for row, seq in enumerate(history.seqs.tolist())
            if folded.settled.holds(row) != place
        }  # fmt: skip
    known = set(history.seqs.tolist())
    found = []
    for one, seq in ((one, seq) for one, last in heads.items() for seq in _chain(replica, last)):
        # What is in force counts where it is held; all else where it would count now.
        if seq not in apart if seq in known else fold.accounts.account(one) == account:
            found.append(seq)
    return sorted(found, reverse=True)


def _chain(replica: Replica, seq: int) -> Iterator[int]:
    while seq:
        yield seq
        found = replica.records.at(seq)
        seq = int(found.previous[seq - found.record.first])


def _entry(
    replica: Replica, found: Decoded, row: int, seq: int, titles: dict[str, str]
) -> Answer:
    assert replica.words is not None
    facts = found.facts
    kind = int(facts.kind[row])
    outcome = found.outcome(row)
    names = replica.names_of(corrected(outcome.postings))
    (answer,) = rated_answers(replica.words, [found.trail.id(row)], [seq], outcome, names)
    for posting in _every_posting(answer):
        title = titles.get(posting["rule"])
        if title:
            posting["title"] = title
    entry: Answer = {
        "seq": seq,
        "id": answer.pop("id"),
        "kind": SHOWN[kind],
        **_named(replica, found, row),
        "occurred_at": instant_text(int(facts.at[row])),
        "recorded_at": instant_text(found.record.committed_at),
    }
    if kind != CLOSING:
        store = replica.dictionaries.stores.names[int(facts.store[row])]
        entry |= {"store": store} if store else {}
    if kind == SALE:
        lines = slice(int(facts.lines_from[row]), int(facts.lines_from[row + 1]))
        entry["net"] = sum(facts.net[lines].tolist())
    version = int(found.program[row])
    if version:
        entry["program"] = version
    del answer["seq"]
    return entry | answer


def _named(replica: Replica, found: Decoded, row: int) -> Answer:
    """Whom a fact names, where the account is of several."""
    member = int(found.facts.member[row])
    if len(replica.membership.accounts.family(member)) == 1:
        return {}
    return {"member": replica.dictionaries.members.names[member]}


def _every_posting(answer: Answer) -> list[dict[str, Any]]:
    """The postings of an answer, and of the parked returns that it tells of."""
    return [
        *answer["postings"],
        *(posting for applied in answer.get("parked", ()) for posting in applied["postings"]),
    ]
