"""Whether the journal's postings are those explained, and what was corrected since.

Three things are told differently by design and are not compared: a rule without room takes no
part on one side and is told with 0 points on the other; what a reversal wanted; and the terms
that a redemption broke, which the journal tells on its posting.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import NamedTuple

from ..columns.columns import BALANCES
from ..columns.records import StoredFact, read_outcome
from ..columns.status import Status
from ..reference.turn import Posting, Row
from .member import Journalled, MemberChain, Reader
from .shape import BalanceTold, Correction, Difference, PostingTold

OFFER, ACCRUE = "offer", "accrue"
TOLD_APART = ("capture", ACCRUE)
"""Kinds of postings of 0 points whose figure is told."""
TERMS = {
    Status.BELOW_MINIMUM: "minimum", Status.NOT_A_MULTIPLE: "step", Status.OVER_WORTH: "worth",
    Status.OVER_SHARE: "share", Status.ABOVE_MAXIMUM: "maximum",
    Status.BASKET_TOO_SMALL: "at_least",
}  # fmt: skip
"""Terms of redemption by the status of a fact that is refused for them."""


class _Key(NamedTuple):
    """What postings are summed by: of a rule that donates all are of no rule; points whose money
    has come are apart."""

    rule: str
    currency: str
    what: str = "points"


def postings_told(postings: Iterable[Posting | Journalled]) -> list[PostingTold]:
    """Postings of either side as they are told; those of no rule and no points are left out,
    but for captures, whose points their hold took, and points whose money has come. Offers are
    told with the rules."""
    return [
        PostingTold(p.rule or None, p.kind, p.currency, p.points, p.desired, p.limit or None)
        for p in postings
        if p.points or p.kind in TOLD_APART or (p.rule and (p.kind != OFFER or p.limit))
    ]  # fmt: skip


def terms_told(row: Row) -> list[str]:
    """The terms of redemption that a fact does not keep."""
    return [TERMS[term] for term in dict.fromkeys(term for _, term in row.broken)]


def corrections_told(reader: Reader, found: Iterable[Journalled]) -> list[Correction]:
    """What later facts changed of a fact; a row that a fact of no member caused names that."""
    return [
        Correction(reader.stored(p.seq).id, p.seq, p.rule or None, p.currency, p.points)
        for p in found if p.kind not in (OFFER, ACCRUE)
    ]


def differences(
    donors: Collection[str], postings: list[Posting], own: list[Journalled],
    corrections: list[Journalled],
) -> Iterator[Difference]:
    """Where what a fact came to and what the journal says differ.

    Sums by rule and currency, corrections counted in; where there are none also kinds,
    desired points and limits. `donors` are rules that donate in some version.
    """
    mine, theirs = _sums(postings, donors), _sums([*own, *corrections], donors)
    for key in dict.fromkeys((*mine, *theirs)):
        if mine[key] != theirs[key]:
            yield Difference(key.what, key.rule or None, key.currency, mine[key], theirs[key])
    if corrections:
        return
    # A late fact may move what an exchange takes and gives by one rule, and leave the sum.
    moved = {
        (posting.rule, posting.currency) for side in (postings, own) for posting in side
        if posting.kind == "reverse"
    }  # fmt: skip
    here, there = _alike(postings, moved), _alike(own, moved)
    for lines, sign in ((here - there, True), (there - here, False)):
        for rule, kind, currency, *rest in lines.elements():
            told = f"{kind} {rest[0]} of {rest[1]}" + (f", cut by {rest[2]}" if rest[2] else "")
            yield Difference(
                "posting", str(rule) or None, str(currency), told if sign else None,
                None if sign else told,
            )


def _sums(postings: Iterable[Posting | Journalled], donors: Collection[str]) -> Counter[_Key]:
    found: Counter[_Key] = Counter()
    for posting in postings:
        rule = "" if posting.rule in donors else posting.rule
        if posting.kind == ACCRUE:
            found[_Key(rule, posting.currency, ACCRUE)] += posting.desired
        found[_Key(rule, posting.currency)] += posting.points
    return found


def _alike(
    postings: Iterable[Posting | Journalled], moved: Collection[tuple[str, str]]
) -> Counter[tuple[str | int, ...]]:
    """Postings as both sides tell them, without those of some rules and currencies."""
    found: Counter[tuple[str | int, ...]] = Counter()
    expired: Counter[str] = Counter()
    for posting in postings:
        if posting.kind == "expire":
            expired[posting.currency] += posting.points
        elif (posting.rule, posting.currency) in moved:
            continue
        elif posting.points or posting.kind in TOLD_APART:
            desired = posting.points if posting.kind == "reverse" else posting.desired
            limit = "" if posting.limit in TERMS.values() else posting.limit
            found[posting.rule, posting.kind, posting.currency, posting.points, desired,
                  limit] += 1  # fmt: skip
    for currency, points in expired.items():
        found["", "expire", currency, points, points, ""] += 1
    return found


def standing_differences(
    reader: Reader, chain: MemberChain, stored: StoredFact, before: Mapping[int, bool],
    balances: Mapping[str, BalanceTold], tier: str | None,
) -> Iterator[Difference]:
    """Where balances and tier of an answer are not those explained.

    They can be compared only where the commit saw the member as the ledger has it now: with
    the same facts before this one, by seq in `before`, and none corrected or applied since.
    """
    seq = stored.seq
    if not _as_at_commit(reader, chain, seq, before):
        return
    outcome = read_outcome(stored.batch.slice(stored.row, 1))
    words = reader.words
    for place, name in enumerate(words.currencies[: len(outcome.active)]):
        theirs = BalanceTold(*(int(getattr(outcome, figure)[place]) for figure in BALANCES))
        if name in balances and theirs != balances[name]:
            yield Difference("balance", None, name, str(balances[name]), str(theirs))
    told = words.tiers[int(outcome.tier[0])]
    if told != tier:
        yield Difference("tier", None, None, tier, told)


def _as_at_commit(
    reader: Reader, chain: MemberChain, seq: int, before: Mapping[int, bool]
) -> bool:
    """Whether a fact was committed onto the facts that stand before it now, alone."""
    if any((other < seq) != stands for other, stands in before.items()):
        return False
    last = reader.records.at(seq).record.last
    if any(seq < other <= last for other in chain.rows):
        return False
    since = (p.seq for found in chain.corrections.values() for p in found)
    return all(other <= seq for other in (*since, *(end.seq for end in chain.ended.values())))
