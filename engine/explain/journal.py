"""Whether the journal's postings are those explained, and what was corrected since.

Sums are held against what a fact has come to by now, corrections counted in. Line by line the
journal tells what a fact came to when it was committed: a late fact that moves points of another
from one line to another, and leaves its sums, corrects nothing.
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

OFFER, ACCRUE, CAPTURE, STOCK, REVERSE = "offer", "accrue", "capture", "stock", "reverse"
TOLD_APART = (CAPTURE, ACCRUE)
"""Kinds of postings of 0 points whose figure is told."""
TERMS = {
    Status.BELOW_MINIMUM: "minimum", Status.NOT_A_MULTIPLE: "step", Status.OVER_WORTH: "worth",
    Status.OVER_SHARE: "share", Status.ABOVE_MAXIMUM: "maximum",
    Status.BASKET_TOO_SMALL: "at_least",
}  # fmt: skip
"""Terms of redemption by the status of a fact that is refused for them."""


class _Key(NamedTuple):
    """What postings are summed by: of a rule that donates all are of no rule; points whose money
    has come, and those that captures spent, are apart."""

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
        for p in found if p.points or p.kind not in (OFFER, REVERSE, *TOLD_APART)
    ]


def differences(
    donors: Collection[str], postings: list[Posting], own: list[Journalled],
    corrections: list[Journalled],
) -> Iterator[Difference]:
    """Where the sums by rule and currency of what a fact has come to differ from the journal's,
    corrections counted in. `donors` are rules that donate in some version."""
    mine, theirs = _sums(postings, donors), _sums([*own, *corrections], donors)
    for key in dict.fromkeys((*mine, *theirs)):
        if mine[key] != theirs[key]:
            yield Difference(key.what, key.rule or None, key.currency, mine[key], theirs[key])


def line_differences(
    postings: Iterable[Posting], own: Iterable[Journalled]
) -> Iterator[Difference]:
    """Where postings differ from those that the journal has of a fact, line by line: kinds,
    points, what was wanted, limits."""
    here, there = _lines(postings), _lines(own)
    for lines, sign in ((here - there, True), (there - here, False)):
        for rule, kind, currency, points, desired, limit in lines.elements():
            told = f"{kind} {points} of {desired}" + (f", cut by {limit}" if limit else "")
            yield Difference(
                "posting", str(rule) or None, str(currency), told if sign else None,
                None if sign else told,
            )


def _sums(postings: Iterable[Posting | Journalled], donors: Collection[str]) -> Counter[_Key]:
    found: Counter[_Key] = Counter()
    for posting in postings:
        rule = "" if posting.rule in donors else posting.rule
        if posting.kind in TOLD_APART:
            found[_Key(rule, posting.currency, posting.kind)] += posting.desired
        found[_Key(rule, posting.currency)] += posting.points
    return found


def _lines(
    postings: Iterable[Posting | Journalled],
) -> Counter[tuple[str, str, str, int, int, str]]:
    """Postings by all that they tell. What is left of a stock is no member's."""
    return Counter(
        (p.rule, p.kind, p.currency, p.points, p.desired, p.limit)
        for p in postings if p.kind != STOCK
    )  # fmt: skip


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
