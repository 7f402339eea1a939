"""What waits for a commit: facts, a table of them or a fact of no member, and whom to tell."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vafa.engine.columns.intake import DecodedFacts, Intake
from vafa.engine.facts import ControlFact
from vafa.native.wire import Sale

from . import parts


@dataclass(slots=True)
class Waiting:
    """One submission: decoded facts, a table or a fact of no member, and whom to tell.

    `alone`: it is a commit of its own. `numbers` are the lines of a table that is to be answered
    by lines of JSON, in a `language`.
    """

    done: asyncio.Future[Any]
    sales: Sequence[Sale] = ()
    table: Intake | None = None
    control: ControlFact | None = None
    force: bool = False
    one: bool = False
    """Whether it is one fact, which is answered as one."""
    facts: int = 1
    atomic: bool = False
    versions: int | None = None
    joint: bool = False
    numbers: NDArray[np.int64] | None = None
    language: str = ""
    texts: bool = False
    """Whether plain answers are wanted as JSON."""
    since: float = 0.0
    """When it was submitted."""
    size: int = 0
    """Facts of its next part; 0 before the first."""
    begin: int = 0
    end: int = 0
    """The rows of its part that is under way."""
    told: list[Any] = field(default_factory=list)
    """What its parts came to."""

    @property
    def alone(self) -> bool:
        """Whether it shares a commit with no other."""
        return (
            self.atomic or self.joint or self.table is not None or self.control is not None
            or self.facts > parts.FIRST
        )  # fmt: skip

    @property
    def divides(self) -> bool:
        """Whether it is taken in parts, if only one."""
        return self.table is not None or (self.facts > parts.FIRST and self.control is None)

    @property
    def taken(self) -> int:
        """How many of its facts are in the commit that is under way."""
        return self.end - self.begin if self.divides else self.facts

    def intake(self) -> Intake:
        """The facts of the part that is under way."""
        if self.table is None:
            return DecodedFacts(list(self.sales[self.begin : self.end]))
        if self.end - self.begin == self.facts:
            return self.table
        return self.table.part(self.begin, self.end)


def intake_of(group: list[Waiting]) -> Intake:
    """The facts of a commit that some share, or of the part of one that is under way."""
    if group[0].divides:
        return group[0].intake()
    return DecodedFacts([sale for waiting in group for sale in waiting.sales])
