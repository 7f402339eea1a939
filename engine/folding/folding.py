"""Folding members' facts over their states: the fast path, and who needs more.

The fast path is a fact that comes after all of its member's others and names none: it is
folded where the state stands. A member with any other new fact is folded anew from its chain
in the same commit (`late`), and what changes for older facts becomes `correct` postings
(rulebook section 2).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from vafa.native.fold import Closings, close_days, fold
from vafa.native.state import State

from ..columns.columns import (
    BALANCES,
    HOLD,
    POSTING_COLUMNS,
    RETURN,
    TIES,
    Facts,
    Outcome,
    members_of,
    take,
)
from ..columns.dictionaries import Dictionaries
from ..columns.named import Names, named_ids, naming_rows, no_names
from ..columns.order import untwisted
from ..columns.parked import in_force
from ..columns.schema import NO_MEMBER
from ..columns.status import Status
from ..compiling.programs import CompiledProgram, CompiledPrograms
from ..controls.budgets import Budgets
from ..controls.closing import ClosedDays
from ..controls.coupon_book import write_waited
from ..controls.versions import ProgramVersions
from ..members.accounts import Accounts, Settled, has_links
from ..program.program import Program
from .alone import Folded, fold_alone
from .chain import History, HistoryCache, Known
from .late import Anew, Batch, Past, contested, told, write_taken
from .shares import fold_shared

Bools = NDArray[np.bool_]
UInt32 = NDArray[np.uint32]

Insert = tuple[NDArray[Any], dict[str, Any]]


class Fold:
    """The state of every member under a ledger's programs, moved on batch by batch."""

    def __init__(
        self, dictionaries: Dictionaries, versions: ProgramVersions, budgets: Budgets,
        closed: ClosedDays, accounts: Accounts | None = None,
    ) -> None:
        self.versions = versions
        self.budgets = budgets
        self.closed = closed
        self.refers = any(version.program.referral for version in versions)
        self.prints_coupons = any(version.program.coupon for version in versions)
        self.accounts = accounts if accounts is not None else Accounts()
        self.dictionaries = dictionaries
        self.compiled = CompiledPrograms(
            [version.program for version in versions],
            [version.content.holidays for version in versions],
            dictionaries,
        )
        self.layout = self.compiled.layout
        self.state: State = self.compiled.new_state()
        self.histories = HistoryCache()
        self._single: State | None = None
        self._closings: tuple[Any, Closings] | None = None
        budgets.follow(versions, self.layout.rules)
        self.compiled.set_epochs(budgets.closed_sets())

    @property
    def program(self) -> Program:
        """The program published last: what it says of limits of time, and names."""
        return self.versions.latest.program

    @property
    def n_currencies(self) -> int:
        """Balances of a journal row."""
        return len(self.layout.currencies)

    def single(self, n: int = 1) -> State:
        """A table of its own whose first rows are empty, for members folded alone."""
        if self._single is None:
            self._single = self.compiled.new_state()
        self._single.grow(n)
        self._single.clear(np.arange(n, dtype=np.uint32))
        return self._single

    def place_in(self, members: Sequence[int], name: str) -> int:
        """The place of a member by its name, or one that it had before."""
        return members.index(self.dictionaries.members.numbers[name])

    def follow(self) -> None:
        """Make room for what the dictionaries have gained."""
        self.compiled.follow()
        # Nobody's rows are given to the kernel under the first number.
        self.state.grow(max(1, len(self.dictionaries.members)))

    def close_budget(self, rule: str, seq: int) -> None:
        """The rule takes no part for facts with a higher seq."""
        self.budgets.close(rule, seq)
        self.compiled.set_epochs(self.budgets.closed_sets())

    def undo_budgets(self) -> Callable[[], None]:
        """What puts the budgets back as they are now, for a commit that is not written."""
        totals, n = dict(self.budgets.totals), len(self.budgets.closed)

        def undo() -> None:
            self.budgets.totals = totals
            del self.budgets.closed[n:]
            self.compiled.set_epochs(self.budgets.closed_sets())

        return undo

    def today(self, at_us: int) -> int:
        """Business day of an instant."""
        return self.versions.day(at_us)

    def compiled_at(self, at_us: int) -> CompiledProgram:
        """The compiled program that shows an instant."""
        return self.compiled.compiled[self.versions.showing(at_us).number - 1]

    # -- the kernel -----------------------------------------------------------------------

    def run(
        self, state: State, facts: Facts, version: NDArray[np.uint16],
        epoch: NDArray[np.uint32], names: Names, accepted: NDArray[Any], order: UInt32,
        closings: Closings | None = None, drawn: NDArray[np.uint64] | None = None,
        settled: Settled | None = None, roots: UInt32 | None = None,
    ) -> dict[str, Any]:
        """Fold rows of facts in an order; what the kernel gives.

        `settled` tells the accounts in which the facts count, where members are tied. `roots`
        are by row, for many members from their empty rows: several threads may share them out.
        """
        if settled is not None:
            facts, names, order = (
                replace(facts, member=settled.account), settled.names, settled.order
            )
        columns = self.compiled.columns(
            facts, version - np.uint16(1), epoch, names, accepted, drawn, settled
        )
        if roots is not None:
            return fold_shared(self.compiled.natives, state, columns, roots, order, closings)
        return fold(self.compiled.natives, state, columns, order, closings)

    def closings(self, until: int | None = None) -> Closings | None:
        """The closed days for a fold from an empty row: all, or those up to an instant."""
        if not len(self.closed):
            return None
        if until is not None:
            return self._with_epochs(*self.closed.columns(until=until))
        key = len(self.closed), self.closed.at[-1], self.closed.day[-1], self.budgets.epoch
        if self._closings is None or self._closings[0] != key:
            self._closings = key, self._with_epochs(*self.closed.columns())
        return self._closings[1]

    def _with_epochs(
        self, at: NDArray[np.int64], day: NDArray[np.int32], version: NDArray[np.uint16],
        seq: NDArray[np.uint64],
    ) -> Closings:
        return Closings(at, day, version, self.budgets.epochs(seq))

    def close_last_day(self, members: UInt32) -> dict[str, Any]:
        """Close the last closed day for members whose facts all come before it."""
        closing = self._with_epochs(*self.closed.columns(len(self.closed) - 1))
        return close_days(self.compiled.natives, self.state, closing, members)

    # -- batches ---------------------------------------------------------------------------

    def apply(self, batch: Batch, past: Past) -> Outcome:
        """Fold new facts in the order of arrival, deciding what is accepted."""
        facts, n = batch.facts, len(batch.facts)
        previous = self.state.chain(facts.member, batch.first)
        takes = np.ones(n, np.bool_)
        takes[list(batch.refused)] = False
        nobody = facts.member == NO_MEMBER
        takes[nobody] = False
        special = self.special(batch, past)
        tied = self._tied(batch)
        takes_part, late_members, twisted = self._sort_out(batch, takes, special, tied)
        figures = self._fold_in_order(batch, takes_part, tied, accepted=False)
        for row in figures["taken"].nonzero()[0].tolist():
            if figures["status"][row] == Status.OK:
                write_taken(facts, row, int(figures["taken"][row]))
        outcome = self.outcome(figures, n, previous, not twisted and not len(late_members))
        inserts: list[Insert] = []
        touched: set[int] = set()
        for root, every in _rows_by_member(tied.root, late_members):
            heads = self._heads(batch, root, every)
            for row in every[::-1].tolist():
                heads[int(facts.member[row])] = int(previous[row])
            rows = every[takes[every]]
            anew = Anew(self, batch, rows, self.known(heads, past), past)
            anew.decide()
            touched.update(heads)
            inserts += self._settle(anew, rows, outcome, batch.first + int(every[-1]))
        if special is not None and not batch.legs:
            inserts += strangers(batch, past, outcome)
        insert(outcome, inserts)
        if inserts and self.prints_coupons and not batch.legs:
            write_waited(facts, batch.ids, batch.first, outcome, past)
        if nobody.any():
            # A return waits for a claim of its sale.
            outcome.status[nobody] = np.where(
                facts.kind[nobody] == RETURN, Status.PARKED, Status.OK
            )
            outcome.tier[nobody] = -1
        if batch.refused:
            self._refuse(batch, outcome)
        outcome.members = facts.member[~nobody]
        if self.accounts or has_links(facts):
            touched.update(tied.account[~nobody].tolist(), outcome.members.tolist())
            outcome.members = np.array(sorted(touched), np.uint32)
        return outcome

    def replay(self, batch: Batch, status: NDArray[np.uint8], past: Past) -> set[int]:
        """Fold facts of a journal record, whose statuses are known; the members touched."""
        facts = batch.facts
        self.state.chain(facts.member, batch.first)
        takes = in_force(facts.kind, status) & (facts.member != NO_MEMBER)
        special = self.special(batch, past)
        tied = self._tied(batch)
        takes_part, late_members, _ = self._sort_out(batch, takes, special, tied)
        self._fold_in_order(batch, takes_part, tied, accepted=True)
        touched = {*facts.member.tolist(), *tied.account.tolist()} - {NO_MEMBER}
        for root, every in _rows_by_member(tied.root, late_members):
            history = past.history(self._heads(batch, root, every))
            self.put(history.members, self.alone(history))
            touched.update(history.members)
        return touched

    def heads(self, member: int) -> dict[int, int]:
        """The highest seqs of a member and of all that were ever tied to it."""
        return {one: self.last_seq(one) for one in self.accounts.family(member)}

    def _heads(self, batch: Batch, root: int, rows: UInt32) -> dict[int, int]:
        """As `heads`, with those whom a fact of the batch ties to the member."""
        heads = self.heads(root)
        for row in rows[TIES[batch.facts.kind[rows]]].tolist():
            other = self.dictionaries.members.numbers.get(batch.facts.extra(row).other)
            heads |= {} if other is None else self.heads(other)
        return heads

    def behind(self, members: UInt32, at: int) -> Bools:
        """Which members have a fact, of their own or of those ever tied to them, that does not
        come before an instant (us)."""
        late, _ = self.state.behind(members, np.full(len(members), at, np.int64))
        root = self.accounts.roots(members)
        if root is members:
            return late
        return late | np.isin(root, root[self._any_behind(members, at)])

    def _any_behind(self, members: UInt32, at: int) -> Bools:
        every = [np.array(self.accounts.family(member), np.uint32) for member in members.tolist()]
        return np.array([
            self.state.behind(some, np.full(len(some), at, np.int64))[0].any() for some in every
        ])  # fmt: skip

    def at_stake(
        self, facts: Facts, ids: list[str], past: Past, also: Iterable[int] | None
    ) -> set[int]:
        """Members whose rows a batch may change; `also` those that a fact of several names.

        Of those that were ever tied all, where a fact may make them be folded anew.
        """
        members = members_of(facts).union(also or ())
        if not self.accounts or also is not None:
            return self.accounts.every(members)
        facts = take(facts, np.flatnonzero(facts.member != NO_MEMBER))
        tied = self.accounts.counted(facts.member)
        late, unordered = self.state.behind(tied, facts.at)
        for more in (self.accounts.behind(facts.member, facts.at), self.closed.late(facts.at)):
            late = late if more is None else late | more
        late[naming_rows(facts, np.arange(len(facts), dtype=np.uint32))] = True
        if past.parked.awaited(ids) or unordered.any() or (facts.kind == HOLD).any():
            late[:] = True
        return members.union(tied.tolist(), self.accounts.every(facts.member[late].tolist()))

    def known(self, heads: Mapping[int, int], past: Past) -> Known:
        """The facts in force of a member and of all that were ever tied to it."""
        last, members = max(heads.values()), tuple(sorted(heads))
        known = self.histories.get(members[0])
        if known is not None and known.history.members != members:
            known = None
        if known is None or known.last_seq != last:
            known = Known(last, past.history(heads, known))
        return known

    def _tied(self, batch: Batch) -> Tied:
        """The accounts of the batch's facts, as far as they come after all ties."""
        member = batch.facts.member
        account = self.accounts.counted(member)
        return Tied(account, self.accounts.roots(member))

    def special(self, batch: Batch, past: Past) -> Bools | None:
        """Rows that name another fact, or that parked returns wait for; None: no rows."""
        facts = batch.facts
        naming = [] if facts.extras is None else [
            row for row, extra in enumerate(facts.extras)
            if extra is not None and (extra.named or extra.tender_refs)
        ]  # fmt: skip
        awaited = [] if batch.legs else past.parked.awaited(batch.ids)
        if not naming and not awaited and not has_links(facts):
            return None
        if naming:
            wanted = {name for row in naming for name in named_ids(facts.extra(row))}
            batch.known = past.find_ids(list(wanted))
        special = TIES[facts.kind]
        special[naming] = True
        special[awaited] = True
        if naming:
            # The fact that one of this batch names may come after it.
            sales = [batch.row_of(name) for name in wanted]
            special[[row for row in sales if row is not None]] = True
        return special

    def _sort_out(
        self, batch: Batch, takes: Bools, special: Bools | None, tied: Tied
    ) -> tuple[UInt32, UInt32, bool]:
        """(rows of the fast path in their order, roots of families to fold anew, whether it was
        sorted)."""
        facts = tied.facts(batch)
        late, unordered = self.state.behind(facts.member, facts.at)
        before_ties = self.accounts.behind(batch.facts.member, facts.at)
        if before_ties is not None:
            late = late | before_ties
        before_closing = self.closed.late(facts.at)
        if before_closing is not None:
            late = late | before_closing
        if special is not None:
            late = late | special
        holds = facts.kind == HOLD
        if holds.any():
            # A hold may run out before the next fact of the batch: see `State.behind`.
            late = late | (np.isin(facts.member, facts.member[holds]) & ~holds)
        twisted = bool(unordered.any())
        if twisted and facts.extras is not None:
            # Acceptance follows arrival: where it may fail, order of time is not enough.
            members = np.unique(facts.member[unordered])
            late = late | np.fromiter(
                (contested(facts, row) for row in range(len(facts))), np.bool_, len(facts)
            ) & np.isin(facts.member, members)
        late = late & takes
        rows = np.flatnonzero(takes).astype(np.uint32)
        late_members = np.zeros(0, np.uint32)
        if late.any():
            late_members = np.unique(tied.root[late])
            rows = rows[~np.isin(tied.root[rows], late_members)]
        if twisted:
            members = np.unique(facts.member[unordered])
            rows = untwisted(facts, batch.ids, self.dictionaries, rows, members)
        return rows, late_members, twisted

    def _fold_in_order(
        self, batch: Batch, rows: UInt32, tied: Tied, *, accepted: bool
    ) -> dict[str, Any]:
        n = len(batch.facts)
        return self.run(
            self.state, tied.facts(batch), batch.version,
            np.full(n, self.budgets.epoch, np.uint32), no_names(n),
            np.full(n, accepted, np.bool_), rows,
            drawn=self.compiled.drawn(batch.version, batch.ids),
        )  # fmt: skip

    def outcome(
        self, figures: dict[str, Any], n: int, previous: NDArray[np.uint64], in_order: bool
    ) -> Outcome:
        """What the kernel gave for n facts, as answers and the journal tell it."""
        basket = figures["basket"]
        columns = {name: figures[name] for name in POSTING_COLUMNS[:-1]}
        columns["corrects"] = np.zeros(len(basket), np.uint64)
        posted_from = np.zeros(n + 1, np.int64)
        if len(basket):
            if not in_order:
                order = np.argsort(basket, kind="stable")
                columns = {name: column[order] for name, column in columns.items()}
            np.cumsum(np.bincount(basket, minlength=n), out=posted_from[1:])
        return Outcome(
            figures["status"], figures["tier"], figures["active"], figures["pending"],
            figures["held"], figures["debt"], previous, posted_from, columns,
        )

    def _settle(self, anew: Anew, rows: UInt32, outcome: Outcome, last: int) -> list[Insert]:
        """Put a member's new row, statuses and balances; its postings."""
        after = tell_anew(anew, rows, outcome)
        members = anew.pool.members
        self.put(members, after)
        self.histories.keep(members[0], anew.known(last))
        return anew.postings()

    def _refuse(self, batch: Batch, outcome: Outcome) -> None:
        """Rows that were refused before the fold: their answers tell how the member stands."""
        for row, status in batch.refused.items():
            if batch.facts.member[row] == NO_MEMBER:
                outcome.status[row] = status
                continue
            account = self.accounts.account(int(batch.facts.member[row]))
            self.refuse(batch, row, status, self.state, account, outcome)

    def refuse(
        self, batch: Batch, row: int, status: Status, state: State, member: int, outcome: Outcome
    ) -> None:
        """A row is refused: its status, and how the member stands in a table."""
        day = int(batch.facts.day[row])
        compiled = self.compiled.compiled[batch.version[row] - 1]
        outcome.status[row] = status
        outcome.tier[row] = state.tier(compiled.native, member, day)
        for place in range(self.n_currencies):
            figures = state.totals(member, place, day)
            for name in BALANCES:
                getattr(outcome, name)[row, place] = figures[name]

    # -- members folded alone -----------------------------------------------------------------

    def alone(self, history: History, until: int | None = None) -> Folded | None:
        """A member's facts folded from an empty row; None when there are none."""
        rows = np.arange(len(history.ids), dtype=np.uint32)
        return fold_alone(self, history, rows, until=until) if len(rows) else None

    def last_seq(self, member: int) -> int:
        """Highest seq of a member; 0 of one that has no row yet."""
        if member >= self.state.n_members:
            return 0
        return int(self.state.last_seqs(np.array([member], np.uint32))[0])

    def put(self, members: Sequence[int], folded: Folded | None) -> None:
        """Make a fold the rows of its history's members; their chains stay as they are."""
        who = np.array(members, np.uint32)
        last = self.state.last_seqs(who)
        if folded is None:
            self.state.clear(who)
        else:
            for member, packed in zip(members, folded.rows, strict=True):
                self.state.unpack(member, packed)
        self.state.set_last_seqs(who, last)


class Tied(NamedTuple):
    """By row of a batch: the account in which a fact that comes after all ties counts, and one
    member of its family; the same array where nobody is tied."""

    account: UInt32
    root: UInt32

    def facts(self, batch: Batch) -> Facts:
        """The batch's facts with accounts for members."""
        if self.account is batch.facts.member:
            return batch.facts
        return replace(batch.facts, member=self.account)


def tell_anew(anew: Anew, rows: UInt32, outcome: Outcome) -> Folded | None:
    """Statuses and balances of a member's new facts that were decided anew; the fold after."""
    after = anew.after()
    outcome.status[rows] = anew.status[anew.n_old : anew.first_waiting]
    if after is None:
        outcome.tier[rows] = -1
        return None
    # The answer tells how the member stands after the whole commit.
    for name in ("tier", *BALANCES):
        if after.settled is None:
            getattr(outcome, name)[rows] = after.last(name)
            continue
        for place, row in enumerate(rows.tolist()):
            member = int(anew.pool.facts.member[anew.n_old + place])
            getattr(outcome, name)[row] = after.last(name, member)
    return after


def _rows_by_member(member: UInt32, wanted: UInt32) -> list[tuple[int, UInt32]]:
    """(member, its rows in the order of arrival) of some members."""
    if not len(wanted):
        return []
    if len(wanted) == 1:
        return [(int(wanted[0]), np.flatnonzero(member == wanted[0]).astype(np.uint32))]
    rows = np.flatnonzero(np.isin(member, wanted)).astype(np.uint32)
    rows = rows[np.argsort(member[rows], kind="stable")]
    found, starts = np.unique(member[rows], return_index=True)
    return list(zip(found.tolist(), np.split(rows, starts[1:]), strict=True))


def strangers(batch: Batch, past: Past, outcome: Outcome) -> list[Insert]:
    """Tell of parked returns that waited for a fact of another member, or a refused one."""
    out: list[Insert] = []

    def tell(row: int, seq: int) -> None:
        is_sale = batch.facts.kind[row] == 0 and row not in batch.refused and (
            outcome.status[row] in (Status.OK, Status.PARKED)
        )  # fmt: skip
        status = Status.WRONG_MEMBER if is_sale else Status.NOT_A_SALE
        out.append((np.array([row]), told(seq, int(status))))

    member = batch.facts.member
    for row in past.parked.awaited(batch.ids):
        if member[row] == NO_MEMBER:
            continue
        for seq, theirs in past.parked.by_sale[batch.ids[row]]:
            if theirs == NO_MEMBER:
                # A claim brings it along as a row of its own.
                continue
            if theirs != member[row] or row in batch.refused:
                tell(row, seq)
    for row in np.flatnonzero(outcome.status == Status.PARKED).tolist():
        sale = batch.row_of(batch.facts.extra(row).named)
        if sale is None or member[sale] == NO_MEMBER:
            continue
        if member[sale] != member[row] or sale in batch.refused:
            tell(sale, batch.first + row)
    return out


def insert(outcome: Outcome, inserts: Sequence[Insert]) -> None:
    """Add postings to rows, after those that the rows have."""
    if not inserts:
        return
    n = len(outcome.status)
    owners = np.concatenate([
        np.repeat(np.arange(n), np.diff(outcome.posted_from)),
        *(rows.astype(np.int64) for rows, _ in inserts),
    ])  # fmt: skip
    order = np.argsort(owners, kind="stable")
    for name in POSTING_COLUMNS:
        columns = [outcome.postings[name], *(columns[name] for _, columns in inserts)]
        outcome.postings[name] = np.concatenate(columns)[order]
    np.cumsum(np.bincount(owners, minlength=n), out=outcome.posted_from[1:])
