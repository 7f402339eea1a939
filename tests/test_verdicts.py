"""Answers as a table are the answers as objects: two ledgers take the same facts."""

from __future__ import annotations

from pathlib import Path

import pytest

from vafa.engine.columns.carrier import carrier_of
from vafa.engine.columns.intake import DecodedFacts
from vafa.engine.columns.verdicts import verdict_table
from vafa.engine.facts import MemberFact

from . import mixed


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
