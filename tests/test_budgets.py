"""Budgets in a ledger: closed by the commit that reaches them (rulebook section 10)."""

from __future__ import annotations

from pathlib import Path

from vafa.engine.controls.budgets import read_closing
from vafa.engine.facts import MemberFact, PublishFact
from vafa.engine.ledger.replay import verify
from vafa.engine.ledger.writer import Writer
from vafa.engine.replica.replica import Replica

from . import mixed
from .mixed import answers, back, commit, sale

PROGRAM = mixed.PROGRAM.replace("per = 100", "per = 100\nbudget = 250")


def earned(writer: Writer, *facts: MemberFact) -> list[int]:
    """What the facts of one batch earned."""
    return [
        sum(p["points"] for p in answer["postings"] if p["kind"] == "earn")
        for answer in answers(commit(writer, *facts))
    ]


def closings(writer: Writer) -> list[tuple[int, str, int, int]]:
    """(seq, rule, total, overrun) of the `budget closed` rows."""
    found = []
    for record in writer.journal.scan():
        for row, fact in enumerate(record.facts().to_pylist()):
            if fact["kind"] == mixed.BUDGET_CLOSED:
                found.append((record.first + row, *read_closing(fact["payload"])))
    return found


def test_a_commit_that_reaches_a_budget_closes_it(tmp_path: Path) -> None:
    with mixed.start(tmp_path, PROGRAM) as writer:
        assert earned(writer, sale("a", 1), sale("b", 2, member="n")) == [100, 100]
        assert closings(writer) == []
        # The overrun is at most one commit's worth.
        assert earned(writer, sale("c", 3), sale("d", 4, member="n")) == [100, 100]
        assert closings(writer) == [(6, "base", 400, 150)]
        assert earned(writer, sale("e", 5), sale("f", 0.5, member="n")) == [0, 0]
        assert writer.replica.seq == 8
        made = mixed.hash_of(writer.replica)
    assert verify(tmp_path).findings == []
    with Writer(tmp_path) as writer:
        assert mixed.hash_of(writer.replica) == made
        assert earned(writer, sale("g", 6)) == [0]
        # A late fact of before is rated by its seq, not by its instant.
        assert earned(writer, sale("h", 0.2)) == [0]
    assert verify(tmp_path).findings == []


def test_a_batch_that_closed_a_budget_is_answered_again_as_before(tmp_path: Path) -> None:
    """The row of the budget stands behind the facts of its record, and has no balances."""
    facts = sale("a", 1), sale("b", 2, member="n"), sale("c", 3)
    with mixed.start(tmp_path, PROGRAM) as writer:
        first = answers(commit(writer, *facts))
        assert len(closings(writer)) == 1
        again = answers(commit(writer, *facts))
        assert [{**answer, "status": "ok"} for answer in again] == first


def test_a_return_gives_back_until_the_budget_is_closed(tmp_path: Path) -> None:
    with mixed.start(tmp_path, PROGRAM) as writer:
        assert earned(writer, sale("a", 1), sale("b", 2)) == [100, 100]
        commit(writer, back("r", 3, "a", 10_000))
        assert writer.replica.standing.budgets.totals == {"base": 100}
        assert earned(writer, sale("c", 4)) == [100]
        assert closings(writer) == []
        assert earned(writer, sale("d", 5)) == [100]
        assert [closing[1:] for closing in closings(writer)] == [("base", 300, 50)]
        commit(writer, back("s", 6, "b", 10_000))
        # A closed budget stays closed.
        assert earned(writer, sale("e", 7)) == [0]
        totals = dict(writer.replica.standing.budgets.totals)
    report = verify(tmp_path)
    assert report.findings == []
    reader = Replica.open(tmp_path)
    assert reader.standing.budgets.totals == totals
    reader.close()


def test_a_budget_that_comes_with_a_later_program_counts_from_the_beginning(
    tmp_path: Path,
) -> None:
    with mixed.start(tmp_path) as writer:
        assert earned(writer, sale("a", 1), sale("b", 2)) == [100, 100]
        fact = PublishFact("budget", mixed.at(2.5), PROGRAM)
        assert writer.publish_program(fact).refusal is None
        assert writer.replica.standing.budgets.totals == {"base": 200}
        assert earned(writer, sale("c", 3), sale("d", 4)) == [100, 100]
        assert earned(writer, sale("e", 5)) == [0]
    assert verify(tmp_path).findings == []
