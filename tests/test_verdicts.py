"""Answers as a table are the answers as objects: two ledgers take the same facts."""

from __future__ import annotations

from pathlib import Path

import pytest

from vafa.engine.columns.carrier import carrier_of
from vafa.engine.columns.intake import DecodedFacts
from vafa.engine.columns.schema import column
from vafa.engine.columns.verdicts import verdict_table
from vafa.engine.controls.standing import facts_of_record
from vafa.engine.facts import MemberFact
from vafa.engine.views.first_answer import first_answer, first_answers

from . import engine_driver, mixed, strategies


def batches(seed: int) -> list[list[MemberFact]]:
    """Facts in batches: some are refused, some come again, returns wait and apply."""
    facts = [*mixed.safe(seed), *mixed.contested(seed)]
    return [facts[start : start + 9] for start in range(0, len(facts), 7)]


@pytest.mark.parametrize("seed", range(8))
def test_a_table_tells_what_the_answers_tell(tmp_path: Path, seed: int) -> None:
    told = 0
    one, other = mixed.start(tmp_path / "one"), mixed.start(tmp_path / "other")
    with one, other:
        for batch in batches(seed):
            intakes = [DecodedFacts([carrier_of(fact) for fact in batch]) for _ in range(2)]
            table = verdict_table(intakes[0].ids, one.commit(intakes[0], force=True))
            staged = other.stage(intakes[1], force=True)
            other.flush(staged)
            assert other.publish_table(staged).to_pylist() == table.to_pylist()
            told += sum(map(len, table.column("postings").to_pylist()))
    assert told > 20


@pytest.mark.parametrize("seed", range(4))
def test_first_answers_are_told_together_as_one_by_one(seed: int) -> None:
    case = strategies.case_of(bytes([seed + 50] * 16))
    with engine_driver.ledger(case) as writer:
        seqs = [
            record.first + place for record in writer.replica.journal.scan()
            for place in range(facts_of_record(column(record.facts(), "kind")))
        ]  # fmt: skip
        alone = [first_answer(writer.replica, seq) for seq in seqs]
        assert first_answers(writer.replica, seqs[::-1]) == alone[::-1]
