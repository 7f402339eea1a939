"""Commits of facts of no member: programs, catalogues, stores, closed days.

Each is a record of its own: its row, a `closing` row for each member that it changes, and the
budgets that those use up. They are rare, so they are written at once and not in groups.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..columns.answers import control_answer
from ..columns.dictionaries import Sizes
from ..columns.records import control_batch, growth_batch, rows_batch
from ..columns.schema import column, list_view
from ..columns.status import Status
from ..columns.verdicts import Refusal, Verdict, reused
from ..controls.closing import end_of_day
from ..controls.controls import as_sent, grow_by, kind_of, payload_of, with_names
from ..controls.coupon_book import drawn
from ..controls.late_names import concerned_members, elsewhere
from ..controls.standing import day_closed
from ..controls.versions import unlike
from ..facts import (
    CatalogFact,
    ControlFact,
    CouponBlockFact,
    CouponIssueFact,
    DayClosedFact,
    ProfitShareFact,
    PublishFact,
    RewardStockFact,
    StoreFact,
    WireControl,
)
from ..facts.parts import FUTURE_US, ID_BYTES, instant_us
from ..folding.alone import fold_whole
from ..folding.batches import apply
from ..journal.journal import Record, StorageFull, encode_record
from ..value.joint import Legs
from ..value.profit_share import legs_of
from ..value.rewards import why_no_stock
from ..views.first_answer import first_answer
from .derived import (
    Restated,
    before,
    budget_rows,
    closed_rows,
    closing_batch,
    join_rows,
    restate,
    restated_rows,
)
from .open_ledger import OpenLedger


class ControlCommits:
    """Commits facts of no member to a ledger."""

    def __init__(self, ledger: OpenLedger) -> None:
        self._ledger = ledger
        self._replica = ledger.replica

    def commit(self, fact: ControlFact, versions: int | None = None) -> Verdict:
        """Commit one fact. Raises ProgramError for a program that is not valid.

        With `versions` a program is refused unless the ledger has so many.
        """
        if len(fact.id.encode()) > ID_BYTES:
            return Verdict(
                refusal=Refusal("invalid-fact", f"is longer than {ID_BYTES} bytes", "id")
            )
        # What follows keeps no rows, and a program makes new ones of all.
        self._replica.gather()
        at, kind, payload = instant_us(fact.occurred_at), kind_of(fact), payload_of(fact)
        known = self._known(fact.id, kind, at, payload)
        if known is not None:
            return known
        match fact:
            case PublishFact():
                return self._publish(fact, at, kind, payload, versions)
            case _ if at > self._ledger.now() + FUTURE_US:
                return Verdict(refusal=Refusal("in-future", "is later than now", "occurred_at"))
            case DayClosedFact():
                return self._close_day(fact, at, kind, payload)
            case _:
                return self._of_many(fact, at, kind, payload)

    def _of_many(
        self, fact: WireControl, at: int, kind: int, payload: bytes,
    ) -> Verdict:
        if isinstance(fact, ProfitShareFact):
            return self._share(fact, at, kind, payload)
        if isinstance(fact, RewardStockFact | CouponIssueFact | CouponBlockFact):
            return self._brought(fact, at, kind, payload)
        assert not isinstance(fact, DayClosedFact)
        return self._name(fact, at, kind, payload)

    def _known(self, fact_id: str, kind: int, at: int, payload: bytes) -> Verdict | None:
        """The first answer to a repeat, or the refusal of an id that is not new."""
        seq = self._ledger.find_ids([fact_id]).get(fact_id)
        if seq is None:
            return None
        stored = self._replica.stored(seq)
        same = (
            stored.kind == kind
            and int(column(stored.batch, "at")[stored.row]) == at
            and as_sent(kind, stored.batch.column("payload")[stored.row].as_py()) == payload
        )
        if not same:
            return Verdict(refusal=reused(fact_id))
        answer = first_answer(self._replica, seq)
        answer["status"] = "replayed"
        return Verdict(answer, replayed=True)

    # -- programs -------------------------------------------------------------------------

    def _publish(
        self, fact: PublishFact, at: int, kind: int, payload: bytes, expected: int | None
    ) -> Verdict:
        replica = self._replica
        versions = replica.versions
        if expected not in (None, len(versions)):
            return Verdict(refusal=Refusal(
                "precondition-failed", f"the ledger has {len(versions)} programs by now"
            ))  # fmt: skip
        version = versions.add(replica.seq + 1, at, payload, new=True)
        reason = unlike(version.program, versions.all[:-1])
        if reason is not None:
            versions.cut(version.number - 1)
            return Verdict(refusal=Refusal("program-differs", reason, "program"))
        kept = replica.fold, replica.words
        try:
            replica.new_fold()
            record = self._append(
                fact.id, control_batch(fact.id, kind, at, payload), replica.dictionaries.sizes()
            )
        except BaseException as error:
            versions.cut(version.number - 1)
            replica.fold, replica.words = kept
            if replica.fold is not None:
                replica.fold.budgets.follow(versions, replica.fold.layout.rules)
            if isinstance(error, OverflowError):
                return Verdict(refusal=Refusal(
                    "invalid-program", "a figure is too large or too fine to be kept", "program"
                ))  # fmt: skip
            raise
        with self._ledger.ahead():
            replica.fill_fold()
        answer = control_answer(fact.id, record.first)
        answer["program"] = version.program.id
        return Verdict(answer)

    # -- products and stores ------------------------------------------------------------------

    def _name(
        self, fact: CatalogFact | StoreFact, at: int, kind: int, payload: bytes
    ) -> Verdict:
        replica = self._replica
        fold, dictionaries = replica.fold, replica.dictionaries
        members = concerned_members(fact, dictionaries, replica.journal, replica.latest_at)
        was = before(replica, members) if fold is not None else []
        sizes = dictionaries.sizes()
        grow_by(fact, dictionaries, elsewhere(fact, dictionaries, replica.journal))
        payload = with_names(payload, fact, dictionaries)
        restated: list[Restated] = []
        if fold is not None:
            fold.follow()
            fold.histories.clear()
            try:
                restated = [one for w in was if (one := restate(replica, w)) is not None]
            except OverflowError:
                dictionaries.cut(sizes)
                fold.follow()
                return Verdict(refusal=Refusal(
                    "overflow", "a figure of an accepted fact would not fit", "products"
                ))  # fmt: skip
        control = control_batch(fact.id, kind, at, payload)
        closings = None
        if restated and fold is not None:
            rows = restated_rows(fold, restated)
            closings = closing_batch(fold, fact.id, at, 0, *rows)
        record = self._append(fact.id, control, sizes, closings)
        self._put(record, restated)
        return Verdict(control_answer(fact.id, record.first))

    def _put(self, record: Record, restated: list[Restated]) -> None:
        """Make restated members the live ones; their rows stand after the control row."""
        fold = self._replica.fold
        if fold is None or not restated:
            return
        members = record_members(record)
        at = {member: record.first + 1 + row for row, member in enumerate(members)}
        for one in restated:
            fold.put(one.members, one.after)
            fold.state.set_last_seqs(
                np.array([one.member], np.uint32), np.array([at[one.member]], np.uint64)
            )
            self._replica.dirty.update(one.members)

    # -- closed days --------------------------------------------------------------------------

    def _close_day(self, fact: DayClosedFact, at: int, kind: int, payload: bytes) -> Verdict:
        replica = self._replica
        fold = replica.fold
        version = replica.versions.at(at)
        if fold is None or version is None:
            return Verdict(refusal=Refusal("no-program", "no program is in force then"))
        sizes = replica.dictionaries.sizes()
        day, first = day_closed(payload), replica.seq + 1
        if at < end_of_day(version.program, day):
            return Verdict(refusal=Refusal(
                "invalid-fact", "the date is not over then", "occurred_at"
            ))  # fmt: skip
        status = fold.closed.check(at, day)
        control = control_batch(
            fact.id, kind, at, payload, status=int(status), program=version.number
        )
        if status != Status.OK:
            self._append(fact.id, control, sizes)
            return Verdict(control_answer(fact.id, first, int(status)))
        everyone = np.arange(len(replica.dictionaries.members), dtype=np.uint32)
        late = fold.behind(everyone, at)
        was = before(replica, everyone[late].tolist())
        fold.closed.add(at, day, first, version.number)
        place = len(fold.closed) - 1
        restated = [one for w in was if (one := restate(replica, w, place)) is not None]
        with self._ledger.ahead():
            parts = [closed_rows(fold, fold.close_last_day(everyone[~late]), at)]
            touched = parts[0][0]
            if restated:
                parts.append(restated_rows(fold, restated))
            closings = closing_batch(fold, fact.id, at, version.number, *join_rows(parts))
            try:
                record = self._append(fact.id, control, sizes, closings)
            except StorageFull:
                fold.closed.pop()
                self._fold_again(touched)
                raise
            fold.histories.clear()
            fold.state.chain(touched, first + 1)
            replica.dirty.update(touched.tolist())
            self._put(record, restated)
        return Verdict(control_answer(fact.id, first))

    # -- profit share -------------------------------------------------------------------------

    def _share(self, fact: ProfitShareFact, at: int, kind: int, payload: bytes) -> Verdict:
        """Split a pool over members: a leg for each that has a share."""
        replica = self._replica
        fold, version = replica.fold, replica.versions.at(at)
        if fold is None or version is None:
            return Verdict(refusal=Refusal("no-program", "no program is in force then"))
        if all(currency.id != fact.currency for currency in version.program.currency):
            return Verdict(refusal=Refusal(
                "invalid-fact", "the program in force has no such currency", "currency"
            ))  # fmt: skip
        unknown = next((name for name in fact.causes if name not in version.program.causes), None)
        if unknown is not None:
            return Verdict(refusal=Refusal(
                "invalid-fact", f"the program in force has no cause {unknown!r}", "causes"
            ))  # fmt: skip
        sizes, first = replica.dictionaries.sizes(), replica.seq + 1
        control = control_batch(fact.id, kind, at, payload, program=version.number)
        legs = legs_of(replica, fact, at, first + 1)
        fold.follow()
        if legs is None:
            return Verdict(refusal=Refusal(
                "invalid-fact", "nobody has bought or earned anything then", "from"
            ))  # fmt: skip
        before = {member: fold.state.pack(member) for member in legs.facts.member.tolist()}
        with self._ledger.ahead():
            rows = Legs(legs, apply(fold, legs, replica))
            if rows.outcome.status.any():
                self._put_back(before, sizes)
                return Verdict(refusal=Refusal(
                    "overflow", "a figure of a member would not fit", "points"
                ))  # fmt: skip
            try:
                self._append(fact.id, control, sizes, rows.rows(fold.n_currencies))
            except StorageFull:
                self._put_back(before, sizes)
                raise
            replica.settle(legs.first, legs.facts, [], rows.outcome.status)
            replica.dirty.update(before)
        return Verdict(control_answer(fact.id, first))

    # -- stock of rewards, codes of coupons ---------------------------------------------------

    def _brought(
        self, fact: RewardStockFact | CouponIssueFact | CouponBlockFact, at: int, kind: int,
        payload: bytes,
    ) -> Verdict:
        """Bring pieces or items of a reward, or take pieces away that are not given; bring codes
        of a coupon, or block some."""
        replica, coupons = self._replica, self._replica.membership.coupons
        version = replica.versions.at(at)
        if replica.fold is None or version is None:
            return Verdict(refusal=Refusal("no-program", "no program is in force then"))
        match fact:
            case RewardStockFact():
                reason = why_no_stock(replica.fold, version.program, fact, replica.stock)
            case CouponIssueFact():
                reason = coupons.why_no_issue(version.program, fact)
                payload = drawn(payload, coupons)
            case CouponBlockFact():
                reason = coupons.why_no_block(fact)
        if reason is not None:
            return Verdict(refusal=Refusal("invalid-fact", *reason))
        sizes = replica.dictionaries.sizes()
        control = control_batch(fact.id, kind, at, payload, program=version.number)
        record = self._append(fact.id, control, sizes)
        replica.membership.bring(kind, fact.id, payload)
        return Verdict(first_answer(replica, record.first))

    def _put_back(self, before: dict[int, bytes], sizes: Sizes) -> None:
        fold = self._replica.fold
        assert fold is not None
        for member, packed in before.items():
            if member < sizes.members:
                fold.state.unpack(member, packed)
            else:
                fold.state.clear(np.array([member], np.uint32))
        self._replica.dictionaries.cut(sizes)
        fold.follow()
        fold.histories.clear()

    def _fold_again(self, members: NDArray[np.uint32]) -> None:
        """Take back what a day that was not written has done."""
        replica, fold = self._replica, self._replica.fold
        assert fold is not None
        for member in members.tolist():
            history = replica.history(fold.heads(member))
            fold.put(history.members, fold_whole(fold, history))

    # -- writing ------------------------------------------------------------------------------

    def _append(
        self, fact_id: str, control: pa.RecordBatch, sizes: Sizes,
        closings: pa.RecordBatch | None = None,
    ) -> Record:
        """Write a record and count it; what the dictionaries gained is undone if it fails."""
        replica, fold = self._replica, self._replica.fold
        first, when = replica.seq + 1, self._ledger.commit_time(self._ledger.now())
        budgets: list[pa.RecordBatch] = []
        undo: Callable[[], None] | None = None
        if fold is not None and closings is not None and fold.budgets.any:
            undo = fold.undo_budgets()
            postings = list_view(closings.column("postings"))[1]
            budgets = budget_rows(fold, first + 1 + closings.num_rows, postings, when)
        rows = rows_batch(control, closings, *budgets)
        data, record = encode_record(
            first, when, replica.hash, rows, growth_batch(replica.dictionaries, sizes)
        )
        try:
            self._ledger.append(first, data)
        except StorageFull:
            replica.dictionaries.cut(sizes)
            if undo is not None:
                undo()
            if fold is not None:
                fold.follow()
            raise
        replica.parked.arrived([fact_id])
        replica.advance(record, [fact_id])
        replica.records.keep(record, rows)
        if fold is not None:
            fold.follow()
        return record


def record_members(record: Record) -> list[int]:
    """Member numbers of a control record's rows after the first."""
    members: list[int] = column(record.facts(), "member")[1:].tolist()
    return members
