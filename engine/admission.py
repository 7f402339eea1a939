"""Admission: which facts of a batch are new, known or refused (rulebook section 2).

Acceptance follows arrival: an id belongs to the first content that came with it, whatever
its instant; times are asked of new facts only, so that a till which repeats an old fact
is answered for ever.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from .checkpoint import CheckpointDamaged
from .columns import MEMBER_KINDS
from .intake import Intake
from .records import content_of_row, same_facts
from .replica import Replica
from .verdicts import Refusal, reused

FUTURE_US = 5 * 60 * 1_000_000
DAY_US = 86_400 * 1_000_000


class Admission:
    """Decides over the ids and times of batches, against a replica."""

    def __init__(self, replica: Replica, damaged: Callable[[], None]) -> None:
        """`damaged` is called when the id index cannot be trusted, before the error goes on."""
        self._replica = replica
        self._damaged = damaged

    def admit(
        self, intake: Intake, now: int, force: bool
    ) -> tuple[dict[int, Refusal], dict[int, int], NDArray[np.int64] | None]:
        """(refused rows, rows known as a seq, rows that are new: None for all)."""
        ids = intake.ids
        if not ids:
            return {}, {}, np.zeros(0, np.int64)
        refusals: dict[int, Refusal] = {}
        known: dict[int, int] = {}
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
        if len(set(ids)) != len(ids):
            self._repeats(intake, fresh, refusals, known)
        if self._replica.fold is None:
            for row in np.flatnonzero(fresh).tolist():
                refusals[row] = Refusal(
                    "no-program", "no program is in force; publish one first"
                )
            fresh[:] = False
        return refusals, known, None if fresh.all() else np.flatnonzero(fresh)

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
                same[place] = fact.kind in MEMBER_KINDS and intake.content(
                    rows[place]
                ) == content_of_row(fact.batch, fact.row, dictionaries)
        return same
