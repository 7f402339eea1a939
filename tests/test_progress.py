"""Progress to the next tier: what is missing and by when (rulebook section 6)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from vafa.engine.ledger.writer import Writer
from vafa.engine.views.views import member_view

from . import mixed
from .cases import Case, Fact
from .outcomes import us_of

HEAD = """
format = 1
id = "club"
unit = { code = "IRR", exponent = 0 }
zone = "UTC"
calendar = "%s"
late_limit_days = 36_500

[[currency]]
id = "points"
scale = 2

[[rule]]
id = "base"
kind = "earn"
points = 1
per = 1_000

%s

[[ladder.tier]]
id = "silver"
at_least = { spend = 10_000 }

[[ladder.tier]]
id = "gold"
join = "any"
at_least = { spend = 50_000, visits = 5, points = { points = 60 }, value = { ltv = 9 } }
"""

SALES = [("2024-02-10", 4_000), ("2024-03-21", 9_000)]
PUBLISH: Fact = {
    "id": "p", "kind": "program publish", "program": "p", "occurred_at": "1970-01-01T00:00:00Z",
}  # fmt: skip


def sale(day: str, net: int) -> Fact:
    return {
        "id": day, "kind": "sale", "occurred_at": f"{day}T12:00:00Z", "member": "m",
        "lines": [{"sku": "tea", "quantity": 1000, "net": net}],
    }  # fmt: skip


def progress(ledger: Path, program: str, *facts: Fact) -> dict[str, Any] | None:
    """A member's progress as of its latest fact."""
    with Writer(ledger) as writer:
        told = mixed.answers(mixed.commit_case(writer, Case("", {"p": program}, [PUBLISH, *facts])))
        assert {answer["status"] for answer in told} == {"ok"}
        at = us_of(facts[-1])
        shown = member_view(writer.replica, "m", at)
        assert shown is not None
        return shown.get("progress")


@pytest.mark.parametrize(("calendar", "window", "missing", "by"), [
    ("gregorian", '[ladder]\nwindow = "quarter"', 37_000, "2024-03-31"),
    ("gregorian", '[ladder]\nwindow = "month"', 1_000, "2024-03-31"),
    ("jalali", '[ladder]\nwindow = "year"', 1_000, "2025-03-20"),
    ("jalali", '[ladder]\nwindow = "half"', 1_000, "2024-09-21"),
    ("gregorian", '[ladder]\nwindow = "lifetime"', 37_000, None),
    ("gregorian", '[ladder]\nwindow = "membership_year"', 37_000, "2025-02-09"),
    ("gregorian", "[ladder]\nwindow = { days = 60 }", 37_000, "2024-04-09"),
    ("gregorian", "[ladder]\nwindow = { days = 30 }", 1_000, "2024-04-19"),
    ("gregorian", "[ladder]\nwindow = { months = 2 }", 37_000, "2024-04-09"),
])  # fmt: skip
def test_spend_is_missing_by_the_end_of_its_window(
    tmp_path: Path, calendar: str, window: str, missing: int, by: str | None
) -> None:
    found = progress(tmp_path, HEAD % (calendar, window), *(sale(*one) for one in SALES))
    assert found is not None
    assert found["by"] == by
    assert found["metrics"]["spend"]["missing"] == missing
    assert found["tier"] == ("gold" if missing > 10_000 else "silver")


@pytest.mark.parametrize("asked", ["value = { ltv = 9 }", "balance = { points = 9000 }"])
@pytest.mark.parametrize("window", ['"month"', '"membership_year"', "{ days = 30 }"])
def test_what_is_of_no_window_counts_always(tmp_path: Path, asked: str, window: str) -> None:
    program = HEAD % ("gregorian", f"[ladder]\nwindow = {window}")
    head, _, _ = program.partition("[[ladder.tier]]")
    program = f'{head}[[ladder.tier]]\nid = "gold"\nat_least = {{ {asked} }}\n'
    found = progress(tmp_path, program, *(sale(*one) for one in SALES))
    assert found is not None
    assert found["by"] is None


def test_every_metric_of_the_next_tier_is_told(tmp_path: Path) -> None:
    found = progress(
        tmp_path, HEAD % ("gregorian", '[ladder]\nwindow = "year"'),
        *(sale(*one) for one in SALES),
    )  # fmt: skip
    assert found == {
        "tier": "gold", "join": "any", "by": "2024-12-31",
        "metrics": {
            "spend": {"asked": 50_000, "has": 13_000, "missing": 37_000},
            "visits": {"asked": 5, "has": 2, "missing": 3},
            "points.points": {"asked": 6_000, "has": 1_300, "missing": 4_700},
            "value.ltv": {"asked": 9, "has": None, "missing": 9},
        },
    }  # fmt: skip


def test_a_tier_held_by_hand_is_stood_on(tmp_path: Path) -> None:
    by_hand: Fact = {
        "id": "u", "kind": "member update", "occurred_at": "2024-04-01T12:00:00Z", "member": "m",
        "manual_tier": {"tier": "silver", "through": "2024-12-31", "reason": "asked"},
    }  # fmt: skip
    found = progress(tmp_path, HEAD % ("gregorian", '[ladder]\nwindow = "month"'), by_hand)
    assert found is not None
    assert found["tier"] == "gold"


def test_above_the_highest_tier_is_nothing(tmp_path: Path) -> None:
    program = HEAD % ("gregorian", '[ladder]\nwindow = "year"')
    assert progress(tmp_path, program, sale("2024-02-10", 50_000)) is None


def test_without_a_ladder_is_nothing(tmp_path: Path) -> None:
    program = (HEAD % ("gregorian", "")).split("[[ladder.tier]]")[0]
    assert progress(tmp_path, program, sale("2024-02-10", 50_000)) is None


def test_what_came_back_whole_holds_no_window_open(tmp_path: Path) -> None:
    back: Fact = {
        "id": "back", "kind": "return", "occurred_at": "2024-03-22T12:00:00Z", "member": "m",
        "sale": "2024-03-01", "lines": [{"line": 1, "quantity": 1000}],
    }  # fmt: skip
    window = "[ladder]\nwindow = { days = 30 }"
    facts = [sale("2024-03-01", 4_000), sale("2024-03-21", 9_000), back]
    found = progress(tmp_path, HEAD % ("gregorian", window), *facts)
    assert found is not None
    assert (found["metrics"]["spend"]["missing"], found["by"]) == (1_000, "2024-04-19")
