"""Admission: which facts of a batch are new, known or refused (rulebook section 2).

Acceptance follows arrival: an id belongs to the first content that came with it, whatever
its instant; times are asked of new facts only, so that a till which repeats an old fact
is answered for ever.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ..calendars.calendars import DAY_US
from ..columns.columns import MEMBER_KINDS
from ..columns.intake import DecodedFacts, Intake
from ..columns.records import Content, content_of_row, same_facts
from ..columns.status import Status
from ..columns.verdicts import Refusal, reused
from ..facts.parts import FUTURE_US
from ..naming.members import name_members
from ..naming.receipts import name_receipts
from ..naming.referrals import name_referrals
from ..replica.checkpoint import CheckpointDamaged
from ..replica.replica import Replica

NO_PROGRAM = Refusal("no-program", "no program is in force; publish one first")


@dataclass(slots=True)
class Admitted:
    """What is known of a batch before it is folded, by row.

    `refusals` keep nothing; `known` are seqs of repeats; `rows` are those that are new, None
    for all; `status` refuses some of these for state. `referrers` are those of members by name.
    """

    refusals: dict[int, Refusal] = field(default_factory=dict)
    known: dict[int, int] = field(default_factory=dict)
    rows: NDArray[np.int64] | None = None
    status: dict[int, Status] = field(default_factory=dict)
    referrers: dict[str, str] = field(default_factory=dict)

    def refused(self) -> dict[int, Status]:
        """`status` by the place among the rows that are new."""
        if self.rows is None or not self.status:
            return self.status
        place = {row: place for place, row in enumerate(self.rows.tolist())}
        return {place[row]: status for row, status in self.status.items() if row in place}


class Admission:
    """Decides over the ids and times of batches, against a replica."""

    def __init__(self, replica: Replica, damaged: Callable[[], None]) -> None:
        """`damaged` is called when the id index cannot be trusted, before the error goes on."""
        self._replica = replica
        self._damaged = damaged

    def admit(self, intake: Intake, now: int, force: bool) -> Admitted:
        """Which rows are new, known or refused, and whose those are that cards name."""
        ids = intake.ids
        if not ids:
            return Admitted(rows=np.zeros(0, np.int64))
        refusals: dict[int, Refusal] = {}
        known: dict[int, int] = {}
        status: dict[int, Status] = {}
        fresh = np.ones(len(ids), np.bool_)
        found = self.find_ids(ids)
        if found:
            rows = [row for row, name in enumerate(ids) if name in found]
            fresh[rows] = False
            seqs = [found[ids[row]] for row in rows]
            for row, seq, same in zip(rows, seqs, self._same(intake, rows, seqs), strict=True):
                if same:
                    known[row] = seq
                else:
                    refusals[row] = reused(ids[row])
        self._check_times(intake, now, force, fresh, refusals)
        if isinstance(intake, DecodedFacts) and intake.with_cards and self._replica.fold:
            status = name_members(self._replica, intake, fresh, refusals)
        if isinstance(intake, DecodedFacts) and intake.with_receipts and self._replica.fold:
            status |= name_receipts(self._replica, intake, fresh, refusals)
        referrers: dict[str, str] = {}
        if isinstance(intake, DecodedFacts) and intake.with_referrers and self._replica.fold:
            referrers = name_referrals(self._replica, intake, fresh, refusals, status)
        if len(set(ids)) != len(ids):
            self._repeats(intake, fresh, refusals, known)
        if self._replica.fold is None:
            for row in np.flatnonzero(fresh).tolist():
                refusals[row] = NO_PROGRAM
            fresh[:] = False
        new = None if fresh.all() else np.flatnonzero(fresh)
        return Admitted(refusals, known, new, status, referrers)

    def find_ids(self, ids: list[str]) -> dict[str, int]:
        """Seqs of those ids that are known. Raises CheckpointDamaged."""
        try:
            return self._replica.find_ids(ids)
        except CheckpointDamaged:
            self._damaged()
            raise

    def _check_times(
        self, intake: Intake, now: int, force: bool, fresh: NDArray[np.bool_],
        refusals: dict[int, Refusal],
    ) -> None:
        if self._replica.fold is None:
            return
        versions = self._replica.versions
        since = versions.first_since
        days = versions.showing(now).program.late_limit_days
        oldest = now - days * DAY_US
        floor = since if force else max(since, oldest)
        if intake.at.min() >= floor and intake.at.max() <= now + FUTURE_US:
            return
        ahead = fresh & (intake.at > now + FUTURE_US)
        for row in np.flatnonzero(ahead).tolist():
            refusals[row] = Refusal(
                "in-future", "is later than now; is the till's clock right?", "occurred_at"
            )
        fresh &= ~ahead
        early = fresh & (intake.at < since)
        for row in np.flatnonzero(early).tolist():
            refusals[row] = Refusal(
                "no-program", "is from before the program is in force", "occurred_at"
            )
        fresh &= ~early
        if force:
            return
        behind = fresh & (intake.at < oldest)
        for row in np.flatnonzero(behind).tolist():
            refusals[row] = Refusal(
                "too-late", f"is older than {days} days; an operator can force it", "occurred_at"
            )
        fresh &= ~behind

    def _repeats(
        self, intake: Intake, fresh: NDArray[np.bool_], refusals: dict[int, Refusal],
        known: dict[int, int],
    ) -> None:
        """An id twice in one batch: the first counts, the others repeat or contradict it."""
        first: dict[str, int] = {}
        seq = self._replica.seq
        seqs: dict[int, int] = {}
        for row in np.flatnonzero(fresh).tolist():
            name = intake.ids[row]
            if name not in first:
                first[name] = row
                seq += 1
                seqs[row] = seq
                continue
            fresh[row] = False
            if intake.content(row) == intake.content(first[name]):
                known[row] = seqs[first[name]]
            else:
                refusals[row] = reused(name)

    def _same(self, intake: Intake, rows: list[int], seqs: list[int]) -> list[bool]:
        """Whether rows of a batch are the very facts that the journal has."""
        dictionaries = self._replica.dictionaries
        stored = self._replica.member_facts(seqs)
        if stored is None:
            same = [False] * len(rows)
        else:
            sizes = dictionaries.sizes()
            same = same_facts(intake.columns(dictionaries, np.array(rows)), stored).tolist()
            dictionaries.cut(sizes)
        for place, seq in enumerate(seqs):
            if not same[place]:
                # A catalogue may have renumbered a sku since: names decide.
                fact = self._replica.stored(seq)
                same[place] = fact.kind in MEMBER_KINDS and self._named_now(
                    intake.content(rows[place])
                ) == self._named_now(content_of_row(fact.batch, fact.row, dictionaries))
        return same

    def _named_now(self, content: Content) -> Content:
        """A content with the name that its member has now, if it had another."""
        members = self._replica.dictionaries.members
        number = members.numbers.get(content[2])
        return content if number is None else (*content[:2], members.names[number], *content[3:])
