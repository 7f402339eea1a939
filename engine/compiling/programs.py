"""All versions of a ledger's program, compiled over one layout."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vafa.native.rules import Rules
from vafa.native.state import State

from ..columns.columns import Facts
from ..columns.dictionaries import Dictionaries
from ..columns.named import Names
from ..members.accounts import Settled
from ..program.draws import drawing, won
from ..program.program import Program
from .kernel_columns import KernelColumns, kernel_columns
from .layout import Layout
from .placed import Dates
from .rule_tables import RuleTables
from .seen import Seen
from .version import CompiledProgram


class CompiledPrograms:
    """All versions of a ledger's program, ready for the kernel, over one layout."""

    def __init__(
        self, programs: Sequence[Program], holidays: Sequence[Dates], dictionaries: Dictionaries,
        taken_over: Sequence[tuple[int, int] | None] = (),
    ) -> None:
        """`taken_over`: see `ProgramVersions.taken_over`."""
        self.programs = list(programs)
        self.layout = Layout(programs)
        self.seen = Seen(dictionaries)
        # Once to learn what the layout has to hold, once more to know where: without the arrays
        # that hold no place in it.
        for program, days in zip(programs, holidays, strict=True):
            CompiledProgram(program, self.layout, days)
        self.compiled = [
            CompiledProgram(program, self.layout, days)
            for program, days in zip(programs, holidays, strict=True)
        ]
        self.natives: list[Rules] = [one.native for one in self.compiled]
        if not self.layout.one_ladder:
            self._link(taken_over)
        self.tables = [RuleTables(one, self.seen) for one in self.compiled]
        self._followed: object = None

    def _link(self, taken_over: Sequence[tuple[int, int] | None]) -> None:
        """Let versions know each other's ladders, and which they took over from."""
        for native, taken in zip(self.natives, taken_over, strict=True):
            # A ladder's number is the place of the first version that has it.
            native.knows(self.natives)
            if taken is not None:
                native.takes_over(self.natives[taken[0]], taken[1])

    def follow(self) -> None:
        """Keep the native tables as long as the dictionaries."""
        sizes = self.seen.followed()
        if sizes != self._followed:
            self._followed = sizes
            for tables in self.tables:
                tables.follow()

    def new_state(self) -> State:
        """An empty state table."""
        return self.layout.new_state()

    def set_epochs(self, closed: Sequence[Collection[str]]) -> None:
        """closed[e] are the rules whose budget is closed in epoch e; 0 closes none."""
        for one in self.compiled:
            if not any(closed):
                one.native.set_epochs(None, 1)
                continue
            rows = [
                one.words_of(lambda rule, gone=gone: rule.id not in gone)  # type: ignore[misc]
                for gone in closed
            ]
            one.native.set_epochs(np.concatenate(rows), len(rows))

    @property
    def draws(self) -> bool:
        """Whether a version draws."""
        return any(one.draws for one in self.compiled)

    def drawn(
        self, version: NDArray[np.uint16], ids: Sequence[str]
    ) -> NDArray[np.uint64] | None:
        """The draws of its version that each fact wins, as bits; None where no version draws.

        `version` are numbers from 1, as the journal has them.
        """
        if not self.draws:
            return None
        # Of version 0, before all publications, nothing is drawn.
        draws = [[], *(drawing(one.draws) for one in self.compiled)]
        return np.fromiter(
            map(won, map(draws.__getitem__, version.tolist()), ids), np.uint64, len(ids)
        )

    def columns(
        self, facts: Facts, version: NDArray[np.uint16], epoch: NDArray[np.uint32],
        names: Names, accepted: NDArray[Any], drawn: NDArray[np.uint64] | None = None,
        settled: Settled | None = None,
    ) -> KernelColumns:
        """Facts as the kernel takes them; see `kernel_columns`. `drawn`: see the method."""
        columns = kernel_columns(
            self.compiled, self.seen, facts, version, epoch, names, accepted, settled
        )
        columns.drawn = drawn
        self.follow()
        return columns
