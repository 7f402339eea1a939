"""Postings summed by what they are of: the journal's beside those that a replay makes.

A posting is of a member's fact, or of a member's part of a closed day; a correction is of
the fact or day that it corrects.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..columns.columns import NO_RULE
from ..columns.parked import CORRECT
from ..columns.schema import NO_MEMBER, column, list_view
from ..columns.status import POSTINGS
from ..compiling.layout import Layout
from ..controls.standing import CLOSING, DERIVED
from ..folding.differences import (
    COUNTED,
    OF_HOLDS,
    OF_LAPSED,
    OF_MONEY,
    OF_WAITING,
    figures_of,
)
from ..folding.refold import Refolded
from ..members.accounts import Accounts

STOCK = POSTINGS.index("stock")

UInt64 = NDArray[np.uint64]


@dataclass(frozen=True, slots=True)
class Finding:
    """A sum that differs: of a seq and member, a rule and a currency."""

    seq: int
    member: int
    rule: int
    currency: int
    units: int
    kind: str = ""

    def text(self, members: Sequence[str], layout: Layout) -> str:
        """The finding for people."""
        no_rule = self.rule in (NO_RULE, OF_HOLDS)
        rule = "no rule" if no_rule else f"rule {layout.rules[self.rule]!r}"
        what = f"member {members[self.member]!r}, fact {self.seq}, {rule}"
        if self.kind:
            return f"{what}: the journal's postings are {self.kind}"
        if self.currency == OF_MONEY:
            return f"{what}: the journal's offers are {self.units:+d} minor units from the replayed"
        currency = layout.currencies[self.currency % OF_LAPSED]
        whose = "captures" if self.rule == OF_HOLDS else "postings"
        if self.currency >= OF_LAPSED:
            whose = "accruals" if self.currency >= OF_WAITING else "expired points taken back"
        return (
            f"{what}: the journal's {whose} in {currency!r} are {self.units:+d} units from the "
            "replayed ones"
        )


@dataclass(slots=True)
class Sums:
    """Postings by key: seq << 24 | rule << 8 | currency, and the member's number."""

    key: UInt64
    member: NDArray[np.uint32]
    kind: NDArray[np.uint8]
    points: NDArray[np.int64]
    corrections: int
    columns: dict[str, NDArray[Any]]

    def __len__(self) -> int:
        return len(self.key)

    @staticmethod
    def join(parts: Sequence[Sums]) -> Sums:
        """Several in one."""
        return Sums(
            np.concatenate([p.key for p in parts]),
            np.concatenate([p.member for p in parts]),
            np.concatenate([p.kind for p in parts]),
            np.concatenate([p.points for p in parts]),
            sum(p.corrections for p in parts),
            {},
        )

    def differences(self, made: Sums, most: int) -> Iterator[Finding]:
        """Where the sums of the journal (self) are not those that were made."""
        if np.array_equal(self.key, made.key) and np.array_equal(self.points, made.points):
            # A correction that is all there is of a fact stands for any kind.
            other = (self.kind != made.kind) & (self.kind != CORRECT)
            for row in np.flatnonzero(other)[:most].tolist():
                kinds = f"{POSTINGS[self.kind[row]]}, replayed {POSTINGS[made.kind[row]]}"
                yield self._finding(int(self.key[row]), int(self.member[row]), 0, kinds)
            return
        keys = np.concatenate([made.key, self.key])
        members = np.concatenate([made.member, self.member])
        points = np.concatenate([made.points, -self.points])
        order = np.lexsort((members, keys))
        keys, members, points = keys[order], members[order], points[order]
        fresh = np.ones(len(keys), np.bool_)
        fresh[1:] = (keys[1:] != keys[:-1]) | (members[1:] != members[:-1])
        starts = np.flatnonzero(fresh)
        sums = np.add.reduceat(points, starts) if len(starts) else points
        for place in np.flatnonzero(sums)[:most].tolist():
            row = starts[place]
            yield self._finding(int(keys[row]), int(members[row]), -int(sums[place]))

    @staticmethod
    def _finding(key: int, member: int, units: int, kind: str = "") -> Finding:
        return Finding(key >> 24, member, (key >> 8) & 0xFFFF, key & 0xFF, units, kind)


def _keyed(
    seq: UInt64, member: NDArray[np.uint32], columns: dict[str, NDArray[Any]]
) -> tuple[UInt64, NDArray[np.uint32], NDArray[np.uint8], NDArray[np.int64]]:
    """Keys of postings, their members and kinds, and their points as corrections tell them."""
    which, rule, currency, points = figures_of(columns)
    kind = columns["kind"]
    if which is not None:
        seq, member, kind = seq[which], member[which], kind[which]
    key = seq << np.uint64(24)
    key |= rule.astype(np.uint64) << np.uint64(8)
    key |= currency.astype(np.uint64)
    return key, member, kind, points


def stored_sums(
    first: int, batch: pa.RecordBatch, accounts: Accounts, part: int, parts: int
) -> Sums:
    """The postings of a record's members of a part. Those that were ever tied are as one: a tie
    moves a closed day's part from one account to another."""
    starts, postings = list_view(batch.column("postings"))
    n = batch.num_rows
    members, kinds = accounts.roots(column(batch, "member")), column(batch, "kind")
    seqs = np.arange(first, first + n, dtype=np.uint64)
    if kinds[-1] in DERIVED:
        # A member's part of a closed day is known by the day.
        seqs[kinds == CLOSING] = first
    counts = np.diff(starts)
    owner, member = np.repeat(seqs, counts), np.repeat(members, counts)
    corrects = postings["corrects"]
    corrections = int(np.count_nonzero(corrects))
    if corrections:
        owner = np.where(corrects == 0, owner, corrects)
    # What is left of a stock is told when a reward is taken; no fold makes it again.
    keep = (member != NO_MEMBER) & (postings["kind"] != STOCK)
    if parts > 1:
        keep &= member % parts == part
    if not keep.all():
        owner, member = owner[keep], member[keep]
        postings = {name: values[keep] for name, values in postings.items()}
        corrections = int(np.count_nonzero(postings["corrects"]))
    return Sums(*_keyed(owner, member, postings), corrections, postings)


def made_sums(folded: Refolded, closed_seqs: Sequence[int], accounts: Accounts) -> Sums:
    """The postings of a replay, facts by seq and then closed days."""
    figures = folded.figures
    basket = figures["basket"]
    columns = {name: figures[name] for name in COUNTED}
    seqs, member = folded.seqs[basket], folded.facts.member[basket]
    if len(figures["closed_index"]):
        closed_seq = np.array(closed_seqs, np.uint64)[figures["closed_index"]]
        seqs = np.concatenate([seqs, closed_seq])
        member = np.concatenate([member, figures["closed_member"].astype(np.uint32)])
        columns = {
            name: np.concatenate([columns[name], figures[f"closed_{name}"]]) for name in columns
        }
    return Sums(*_keyed(seqs, accounts.roots(member), columns), 0, columns)
