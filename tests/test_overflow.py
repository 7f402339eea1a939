"""A fact whose figures do not fit is refused whole: nothing of it moves the member."""

from __future__ import annotations

from pathlib import Path

import pytest

from vafa.engine.checks.program_file import parse_program
from vafa.engine.columns.dictionaries import Dictionaries
from vafa.engine.compiling.figures import RuleFigures
from vafa.engine.compiling.programs import CompiledPrograms
from vafa.engine.facts import ActivityFact, AdjustFact, LineFact, MemberFact, SaleFact, TenderFact
from vafa.engine.ledger.replay import verify

from . import mixed

DEMO = Path(__file__).parent.parent / "examples/complete-journey.toml"

PROGRAM = """
format = 1
id = "large"
unit = { code = "USD" }
zone = "UTC"
late_limit_days = 36_500

[[currency]]
id = "points"
scale = 4
expiry = { policy = "after", days = 30 }

[[redemption]]
tender = "points"
currency = "points"

[[rule]]
id = "base"
kind = "earn"
points = 1_000
per = 1

[[rule]]
id = "game"
kind = "earn"
basis = "quantity"
points = 1_000_000
when = { activity = ["game"] }
"""

LARGE: dict[str, MemberFact] = {
    "sale": SaleFact(
        "large", mixed.at(24 * 40), "m", [LineFact("milk", 1000, 10**12)],
        tenders=[TenderFact("points", 1, 5)],
    ),
    "activity": ActivityFact("large", mixed.at(24 * 40), "m", "game", 10**9),
}  # fmt: skip


@pytest.mark.parametrize("kind", LARGE)
def test_nothing_of_it_moves(kind: str, tmp_path: Path) -> None:
    with mixed.start(tmp_path, PROGRAM) as writer:
        # What expires, and what the tender could take, stand before the large fact.
        mixed.commit(writer, mixed.sale("small", 0, 7))
        lasting = AdjustFact("given", mixed.at(1), "m", "points", 100, expires="never")
        assert mixed.told(writer, lasting) == ["ok"]
        before = mixed.hash_of(writer.replica)
        (answer,) = mixed.answers(mixed.commit(writer, LARGE[kind]))
        assert (answer["reason"], answer["postings"]) == ("overflow", [])
        assert mixed.hash_of(writer.replica) == before
    report = verify(tmp_path)
    assert (report.findings, report.state_hash) == ([], before)


def test_everyday_figures_are_worked_in_64_bits() -> None:
    compiled = CompiledPrograms([parse_program(DEMO.read_text())], [{}], Dictionaries())
    arrays = RuleFigures(compiled.compiled[0]).arrays([{}])
    assert arrays["numbers"]["safe_amount"] > 10**11
