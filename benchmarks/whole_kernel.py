"""The whole job by the kernel: the same columns, program and figures as `whole_job`.

Business dates are worked out, all sales folded with lots and tiers, and the figures read from
postings and rows: everything between the columns and the answer is in the time. Many members
are folded part by part (`engine/folding/parts.py`), and threads share parts or members out: calls
for different members may run at once over one state table.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from vafa.engine.calendars.calendars import business_days, day_of
from vafa.engine.checks.program_file import parse_program
from vafa.engine.columns.named import no_names
from vafa.engine.compiling.programs import CompiledPrograms
from vafa.engine.folding.parts import Part, parting_of
from vafa.engine.folding.shares import fold_parts, fold_shares, shared_out
from vafa.native.rules import Rules
from vafa.native.state import State

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
        found = np.zeros((data.members, len(FIGURES)), np.int64)
        natives = compiled.natives
        parting = parting_of(natives, state, columns, facts.member, order)
        if parting is None:
            shares = [order] if threads == 1 else shared_out(facts.member, order, threads)
            for folded in fold_shares(natives, state, columns, shares):
                add_postings(found, facts.member[folded["basket"]], folded)
            put_figures(found, natives[0], state, range(data.members))
            return found

        def told(part: Part, folded: dict[str, Any]) -> None:
            theirs = found[part.members.start : part.members.stop]
            member = part.columns.member - np.uint32(part.members.start)
            add_postings(theirs, member[folded["basket"]], folded)
            put_figures(theirs, natives[0], state, part.members)

        fold_parts(natives, state, parting, threads, told)
        return found

    return job


def put_figures(found: Answer, rules: Rules, state: State, members: range) -> None:
    """Put what some members' rows tell on the date."""
    figures = state.figures(rules, 0, day_of(AS_OF.date()), members.start, members.stop)
    for name in ("issued", "expired", "active", "tier", "upgrades"):
        found[:, FIGURES.index(name)] = figures[name]


def add_postings(found: Answer, member: NDArray[np.uint32], folded: dict[str, Any]) -> None:
    """Add what rules gave and the cap cut; a rule's number is its place among the rules."""
    points, cut = folded["points"], folded["desired"] - folded["points"]
    key = member.astype(np.int64) * len(RULES) + folded["rule"]
    # Doubles are exact far beyond any member's points.
    given = np.bincount(key, points, len(found) * len(RULES)).astype(np.int64)
    found[:, : len(RULES)] += given.reshape(-1, len(RULES))
    found[:, FIGURES.index("cut")] += np.bincount(member, cut, len(found)).astype(np.int64)
