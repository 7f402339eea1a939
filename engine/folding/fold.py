"""The state of every member under a ledger's programs, and the call of the kernel that moves it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vafa.native.fold import Closings, close_days, fold, run_out_by
from vafa.native.state import State

from ..columns.columns import Facts
from ..columns.dictionaries import Dictionaries
from ..columns.named import Names
from ..compiling.kernel_columns import ENROLLED
from ..compiling.programs import CompiledPrograms
from ..compiling.version import CompiledProgram
from ..controls.budgets import Budgets
from ..controls.closing import ClosedDays
from ..controls.versions import ProgramVersions
from ..members.accounts import Accounts, Settled
from ..program.program import Program
from .chain import HistoryCache
from .differences import Folded
from .shares import fold_shared

Bools = NDArray[np.bool_]
UInt32 = NDArray[np.uint32]


class Fold:
    """The state of every member under a ledger's programs."""

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
            dictionaries, versions.taken_over(),
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

    def end_holds(self, row: State, at: int) -> None:
        """Release what of a table's one row, a copy, is held no longer at an instant."""
        ends = row.runs_out(0)
        if ends is not None and ends <= at:
            run_out_by(self.compiled.natives, row, self.versions.showing(at).number - 1, at, 0)

    # -- the kernel -----------------------------------------------------------------------

    def run(
        self, state: State, facts: Facts, version: NDArray[np.uint16],
        epoch: NDArray[np.uint32], names: Names, accepted: NDArray[Any], order: UInt32,
        closings: Closings | None = None, drawn: NDArray[np.uint64] | None = None,
        settled: Settled | None = None, roots: UInt32 | None = None,
    ) -> dict[str, Any]:
        """Fold rows of facts in an order; what the kernel gives.

        `settled` tells the accounts in which the facts count, where members are tied. `roots`
        are by row, for many members from their empty rows: several threads may share them out,
        and the postings are all that is given, by row.
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

    # -- chains --------------------------------------------------------------------------------

    def is_enrolled(self, member: int) -> bool:
        """Whether a member has enrolled; not who has only bought."""
        account = self.accounts.account(member)
        return account < self.state.n_members and bool(self.state.slots(account)[ENROLLED])

    def last_seq(self, member: int) -> int:
        """Highest seq of a member; 0 of one that has no row yet."""
        if member >= self.state.n_members:
            return 0
        return self.state.head(member)[1]

    def heads(self, member: int) -> dict[int, int]:
        """The highest seqs of a member and of all that were ever tied to it."""
        return {one: self.last_seq(one) for one in self.accounts.family(member)}

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

    def put(self, members: Sequence[int], folded: Folded | None) -> None:
        """Make a fold the rows of its history's members; their chains stay as they are."""
        if folded is not None:
            for member, packed in zip(members, folded.rows, strict=True):
                self.state.unpack(member, packed, chained=True)
            return
        who = np.array(members, np.uint32)
        last = self.state.last_seqs(who)
        self.state.clear(who)
        self.state.set_last_seqs(who, last)
