"""A member whose new facts do not simply come last: decided and folded with its whole chain.

That is so for late facts, and for returns and exchanges. Facts are decided in the order in
which they arrived; what then differs for older facts becomes `correct` postings on the last
new row of the member, and what became of parked returns stands on the row of their sale
(rulebook sections 2 and 9).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ..columns.columns import (
    CANCEL,
    CLAIM,
    GIFT_CANCEL,
    GIFT_REFUND,
    LINKS,
    NOTHING,
    OF_SALES,
    REFERRAL_IN,
    RETURN,
    SALE,
    UNMERGE,
    Extra,
    take,
)
from ..columns.named import NAMEABLE, PAYING
from ..columns.schema import NO_MEMBER
from ..columns.status import Status
from .alone import fold_alone
from .batch import Batch, CameBack, Past, write_taken
from .chain import History, Known, is_exchange, of_sale, places_of, without_return
from .contested import contested, takes_points
from .corrected import Decided, Insert, postings_of
from .differences import Folded
from .fold import Fold

OK, PARKED = int(Status.OK), int(Status.PARKED)
NEW, STANDS = 0, 2
"""How a fact that is tried was accepted before (see `kernel_columns`)."""

_UNKNOWN = {
    CANCEL: Status.NOT_A_REDEMPTION, GIFT_CANCEL: Status.NOT_A_REDEMPTION,
    UNMERGE: Status.UNKNOWN_MERGE,
}  # fmt: skip
"""Why a fact is refused that names none of the kinds it may name; default UNKNOWN_HOLD."""


class Anew:
    """The decisions over one member's new facts, and what they come to."""

    def __init__(
        self, fold: Fold, batch: Batch, rows: NDArray[np.uint32], known: Known, past: Past,
        apart: Sequence[Known] = (),
    ) -> None:
        """`apart` are the families that a tie brings together, where one gives up by it what it
        had of a sale which the other has claimed later."""
        history = known.history
        self.apart = apart
        self.fold = fold
        self.batch = batch
        self.rows = rows
        self.past = past
        self.n_old, n_new = len(history.ids), len(rows)
        self.first_waiting = self.n_old + n_new
        awaited = [
            (name, waiting.seq)
            for row in rows.tolist()
            for name in (batch.ids[row],)
            for waiting in past.parked.by_sale.get(name, ())
            if waiting.member in history.members and not batch.legs
        ]
        self.pool = _pool(history, batch, rows, [seq for _, seq in awaited], past)
        n = len(self.pool.ids)
        self.taken = np.zeros(n, np.bool_)
        self.taken[: self.n_old] = True
        self.status = np.zeros(n, np.uint8)
        # Pool rows that wait for a sale, by its id.
        self.waiting: dict[str, list[int]] = {}
        if awaited:
            by_seq = {seq: row for row, seq in enumerate(self.pool.seqs.tolist())}
            for name, seq in awaited:
                self.waiting.setdefault(name, []).append(by_seq[seq])
        self.resolved: list[tuple[int, int, int]] = []
        self._unsettled: list[int] = []
        self.before = known.folded or (self._fold() if self.n_old else None)
        self._current = self.before
        if batch.facts.kind[0] == CLAIM:
            self._claimed_again(batch.ids[1])

    @cached_property
    def row_of(self) -> dict[str, int]:
        """Pool rows by their ids."""
        kinds = self.pool.facts.kind.tolist()
        # A refund has the id of its return, which a payment may have as well; a referrer that was
        # merged with whom it referred has a row of the sale's id beside the sale.
        return {
            name: row for row, (name, kind) in enumerate(zip(self.pool.ids, kinds, strict=True))
            if kind not in (GIFT_REFUND, REFERRAL_IN)
        }  # fmt: skip

    def _claimed_again(self, sale: str) -> None:
        """What an earlier claim of the sale has left with the member is out of force."""
        for row in range(self.n_old):
            if not of_sale(self.pool.facts, row, self.pool.ids[row], (sale,)):
                continue
            self._current = None
            if is_exchange(self.pool.facts, row):
                self._set_extra(row, without_return(self.pool.facts.extra(row)))
            else:
                self.taken[row] = False

    def decide(self) -> None:
        """Decide all new facts in the order of arrival, and what waits for them."""
        for place, row in enumerate(self.rows.tolist()):
            mine = self.n_old + place
            self.status[mine] = self._decide(mine, row)
            for waiting in self.waiting.pop(self.batch.ids[row], ()):
                self.resolved.append((row, waiting, self._resolve(waiting, mine)))
        self._settled()

    # -- one fact -------------------------------------------------------------------------

    def _decide(self, mine: int, row: int) -> int:
        extra = self.pool.facts.extra(mine)
        parked = False
        for _, name in extra.tender_refs:
            if (paying := self._taken(name, mine, row, PAYING, Status.UNKNOWN_HOLD)) != OK:
                return paying
        if extra.named and self.pool.facts.kind[mine] not in (SALE, *OF_SALES):
            kind = int(self.pool.facts.kind[mine])
            unknown = _UNKNOWN.get(kind, Status.UNKNOWN_HOLD)
            named = self._taken(extra.named, mine, row, NAMEABLE[kind], unknown)
            if named != OK:
                return named
        elif extra.named:
            named = self._named(extra.named, mine, row)
            if named not in (OK, PARKED):
                return named
            parked = named == PARKED
        if parked:
            self.waiting.setdefault(extra.named, []).append(mine)
            if self.pool.facts.kind[mine] in OF_SALES:
                return PARKED
            self.pool.whole[int(self.pool.seqs[mine])] = extra
            self._set_extra(mine, without_return(extra))
        if (extra.named and not parked) or contested(self.pool.facts, mine):
            status = self._try(mine)
        else:
            self.taken[mine] = True
            self._unsettled.append(mine)
            self._current = None
            status = OK
        if parked and status != OK:
            self.waiting[extra.named].remove(mine)
        return PARKED if parked and status == OK else status

    def _named(self, name: str, mine: int, row: int) -> int:
        """OK for a sale of this member that is here, PARKED for one that is not."""
        if name == self.batch.ids[row]:
            return Status.NOT_A_SALE
        at = self.row_of.get(name)
        if at is not None and at < mine:
            # Only now is it known whether it was taken.
            self._settled()
            is_sale = self.pool.facts.kind[at] == SALE and self.taken[at]
            return OK if is_sale else Status.NOT_A_SALE
        other = self.batch.row_of(name)
        if other is not None:
            is_sale = self.batch.facts.kind[other] == SALE and other not in self.batch.refused
            of_nobody = int(self.batch.facts.member[other]) == NO_MEMBER
            if other > row or (is_sale and of_nobody):
                return PARKED
            return Status.WRONG_MEMBER if is_sale else Status.NOT_A_SALE
        seq = self.batch.known.get(name)
        owner = NO_MEMBER if seq is None else self.past.member_of(seq, (SALE,))
        if owner == NO_MEMBER and self.past.membership.receipts.owner(name) is None:
            # It is not here, or waits for this member's claim.
            return PARKED
        mine = owner is None or owner in self.pool.members
        return Status.NOT_A_SALE if mine else Status.WRONG_MEMBER

    def _taken(
        self, name: str, mine: int, row: int, kinds: tuple[int, ...], unknown: Status
    ) -> int:
        """OK for an accepted fact of this member that is here and of some kinds."""
        at = self.row_of.get(name)
        if at is not None and at < mine:
            self._settled()
            return OK if self.taken[at] and self.pool.facts.kind[at] in kinds else unknown
        other = self.batch.row_of(name)
        if other is not None:
            theirs = other < row and self.batch.facts.kind[other] in kinds
            return Status.WRONG_MEMBER if theirs else unknown
        seq = self.batch.known.get(name)
        owner = None if seq is None else self.past.member_of(seq, kinds)
        return unknown if owner is None or owner in self.pool.members else Status.WRONG_MEMBER

    def _resolve(self, waiting: int, mine: int) -> int:
        """Apply a parked return now that a fact with the id that it names is here."""
        # Only now is it known whether that fact was taken.
        self._settled()
        if not self.taken[mine] or self.pool.facts.kind[mine] != SALE:
            return Status.NOT_A_SALE
        whole = self.pool.whole.get(int(self.pool.seqs[waiting]))
        if self.pool.facts.kind[waiting] in OF_SALES:
            return self._try(waiting)
        if whole is None or not self.taken[waiting] or self._leads_to(mine, waiting):
            return Status.NOT_A_SALE
        status = self._try(waiting, whole)
        if status == OK:
            del self.pool.whole[int(self.pool.seqs[waiting])]
        return status

    def _leads_to(self, row: int, target: int) -> bool:
        """Whether a sale names another, which names another.. that is the target."""
        while row != target:
            named = self.pool.facts.extra(row).named
            if not named or named not in self.row_of:
                return False
            row = self.row_of[named]
        return True

    def _try(self, row: int, whole: Extra | None = None) -> int:
        """Take a fact if it may be: OK, or why not."""
        without = self._settled()
        kept = self.pool.facts.extra(row)
        if whole is not None:
            self._set_extra(row, whole)
        trial = self.taken.copy()
        trial[row] = True
        folded = self._fold(trial, row, NEW if whole is None else STANDS)
        # The points of an exchange that waited were taken when its sale was: what comes back
        # with it is a return, which leaves others short where it must.
        status = self._refusal(row, folded, None if whole is not None else without)
        if status != OK:
            if whole is not None:
                self._set_extra(row, None if kept == NOTHING else kept)
            return status
        self.taken[row] = True
        self._current = folded
        cut = int(folded.figures["taken"][row])
        if cut:
            mine = int(self.rows[row - self.n_old])
            self._set_extra(row, write_taken(self.batch.facts, mine, cut))
        self._note_back(row, folded)
        return OK

    def _note_back(self, row: int, folded: Folded) -> None:
        """Note what is back of a sale that gift cards paid, with a return of it."""
        facts = self.pool.facts
        name = facts.extra(row).named
        if not name or facts.kind[row] not in (SALE, RETURN):
            return
        sale = self.row_of[name]
        if not facts.extra(sale).tender_cards:
            return
        # A late return comes before others: the last of them has the whole.
        back = max(
            int(folded.figures["redeemed_back"][other])
            for other in np.flatnonzero(self.taken).tolist() if facts.extra(other).named == name
        )  # fmt: skip
        self.batch.came_back.append(CameBack(
            take(facts, np.array([row, sale])), self.pool.ids[row], name,
            int(self.pool.version[row]), int(folded.figures["redeemed"][row]), back,
        ))  # fmt: skip

    def _refusal(self, row: int, folded: Folded, without: Folded | None) -> int:
        status = folded.figures["status"]
        if status[row]:
            return int(status[row])
        broken = folded.order[status[folded.order] != 0]
        if len(broken):
            # Accepted facts stay: what would undo one is refused instead.
            return int(status[broken[0]])
        if folded.settled is not None:
            kind = int(self.pool.facts.kind[row])
            if row in folded.settled.strange or row in folded.settled.torn:
                return Status.WRONG_MEMBER
            if kind in LINKS and folded.settled.torn:
                return Status.ENTANGLED
        program = self.fold.versions.all[int(self.pool.version[row]) - 1].program
        coupons = program.coupon_currencies()
        if not takes_points(self.pool.facts, row, coupons) or without is None:
            return OK
        place = int(np.flatnonzero(folded.order == row)[0])
        later = folded.order[place + 1 :]
        more = folded.figures["lack"][later] > without.figures["lack"][later]
        return int(Status.INSUFFICIENT) if more.any() else OK

    # -- folding --------------------------------------------------------------------------

    def _set_extra(self, row: int, extra: Extra | None) -> None:
        facts = self.pool.facts
        facts.extras = [None] * len(facts) if facts.extras is None else list(facts.extras)
        facts.extras[row] = extra

    def _fold(
        self, taken: NDArray[np.bool_] | None = None, trial: int = -1, known: int = NEW
    ) -> Folded:
        taken = self.taken if taken is None else taken
        accepted = np.ones(len(taken), np.uint8)
        if trial >= 0:
            accepted[trial] = known
        rows = np.flatnonzero(taken).astype(np.uint32)
        return fold_alone(self.fold, self.pool, rows, accepted)

    def _settled(self) -> Folded | None:
        """The fold of all facts taken so far; those that overflow are refused first."""
        while self._current is None and self.taken.any():
            folded = self._fold()
            status = folded.figures["status"]
            broken = folded.order[status[folded.order] != 0].tolist()
            if not broken:
                self._current = folded
                break
            own = [row for row in broken if row in self._unsettled]
            # An old figure that does not fit any more: the new facts give way.
            gone = own or list(self._unsettled)
            if not gone:
                self._current = folded
                break
            for row in gone:
                self.taken[row] = False
                self.status[row] = status[row] or status[broken[0]]
                self._unsettled.remove(row)
        self._unsettled.clear()
        return self._current

    # -- what it comes to -------------------------------------------------------------------

    def after(self) -> Folded | None:
        """The fold of all that is in force now."""
        return self._current

    def known(self, last_seq: int) -> Known:
        """The facts in force after the commit, whose last seq is given, and their fold."""
        if self.taken.all():
            return Known(last_seq, self.pool, self._current)
        return Known(last_seq, self.pool.select(np.flatnonzero(self.taken)))

    def postings(self) -> list[Insert]:
        """(rows of the batch, posting columns): the new facts' own, then corrections."""
        return postings_of(Decided(
            self.fold, self.batch.first, self.rows, self.pool, self.n_old, self.first_waiting,
            self.taken, self.resolved, self.before, self._current, self.apart,
        ))  # fmt: skip


def _pool(
    history: History, batch: Batch, rows: NDArray[np.uint32], waiting: list[int], past: Past
) -> History:
    """Old facts, new ones in the order of arrival, then parked returns that may apply."""
    facts = batch.facts
    new = take(facts, rows) if len(rows) < len(facts) else replace(facts)
    new.member = places_of(history.members, new.member)
    seqs = np.uint64(batch.first) + rows.astype(np.uint64)
    ids = [batch.ids[row] for row in rows.tolist()]
    pool = history.then(History(new, ids, seqs, batch.version[rows], history.members))
    if waiting:
        mine = set(history.seqs.tolist())
        parked = [seq for seq in waiting if seq not in mine]
        pool = pool.then(past.facts_at(parked, history.members))
    return pool


