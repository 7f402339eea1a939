"""The whole job by the kernel: the same columns, program and figures as `whole_job`.

Business dates are worked out, all sales folded with lots and tiers, and the figures read from
postings and rows: everything between the columns and the answer is in the time. Several threads
share the members out: calls for different members may run at once over one state table.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from vafa.engine.calendars.calendars import business_days, day_of
from vafa.engine.checks.program_file import parse_program
from vafa.engine.columns.named import no_names
from vafa.engine.compiling.programs import CompiledPrograms
from vafa.engine.folding.shares import fold_shares, shared_out

from .arrived import Arrived
from .kernel import PROGRAM, dictionaries_of
from .whole_job import AS_OF, FIGURES, RULES, Answer, Job


def kernel_job(data: Arrived, threads: int) -> Job:
    """As `whole_job.duckdb_job`; the program is compiled beforehand."""
    program = parse_program(PROGRAM.read_text())
    compiled = CompiledPrograms([program], [{}], dictionaries_of(data.products, data.members))
    compiled.follow()
    facts, n = data.facts(), len(data.at)
    names, accepted = no_names(n), np.ones(n, np.bool_)
    order = np.arange(n, dtype=np.uint32)
    version, epoch = np.zeros(n, np.uint16), np.zeros(n, np.uint32)

    def job() -> Answer:
        facts.day, facts.minute = business_days(program, facts.at)
        columns = compiled.columns(facts, version, epoch, names, accepted)
        state = compiled.new_state()
        state.grow(data.members)
        shares = [order] if threads == 1 else shared_out(facts.member, order, threads)
        found = np.zeros((data.members, len(FIGURES)), np.int64)
        for folded in fold_shares(compiled.natives, state, columns, shares):
            add_postings(found, facts.member[folded["basket"]], folded)
        figures = state.figures(compiled.natives[0], 0, day_of(AS_OF.date()))
        for name in ("issued", "expired", "active", "tier", "upgrades"):
            found[:, FIGURES.index(name)] = figures[name]
        return found

    return job


def add_postings(found: Answer, member: NDArray[np.uint32], folded: dict[str, Any]) -> None:
    """Add what rules gave and the cap cut; a rule's number is its place among the rules."""
    points, cut = folded["points"], folded["desired"] - folded["points"]
    key = member.astype(np.int64) * len(RULES) + folded["rule"]
    # Doubles are exact far beyond any member's points.
    given = np.bincount(key, points, len(found) * len(RULES)).astype(np.int64)
    found[:, : len(RULES)] += given.reshape(-1, len(RULES))
    found[:, FIGURES.index("cut")] += np.bincount(member, cut, len(found)).astype(np.int64)
