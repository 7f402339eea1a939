"""The rulebook's worked case (section 13) through the kernel and a real ledger, in full.

A gold member two days before her birthday buys bread, milk and cigarettes on a Friday; the
milk comes back the next day, then the bread.
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from vafa.engine.facts import (
    CatalogFact,
    EnrolFact,
    LineFact,
    ManualTier,
    MemberFact,
    ProductFact,
    ReturnedLine,
    ReturnFact,
    SaleFact,
)
from vafa.engine.ledger.replay import verify

from . import mixed

PROGRAM = """
format = 1
id = "worked-case"
unit = { code = "IRR", exponent = 0 }
zone = "Asia/Tehran"
late_limit_days = 36_500

[[currency]]
id = "points"
expiry = { policy = "after", months = 12 }
caps = { basket = 2_000 }

[[exclude]]
department = ["TOBACCO"]

[[rule]]
id = "earn"
kind = "earn"
points = 1
per = 10_000

[[rule]]
id = "dairy"
kind = "multiply"
factor = 2
when = { department = ["DAIRY"], weekday = ["friday"] }

[[rule]]
id = "gold"
kind = "multiply"
factor = { gold = 1.5 }

[[rule]]
id = "birthday"
kind = "bonus"
points = 500
when = { anniversary = { of = "birthday", before = 3, after = 3 } }
uses = { anniversary = 1 }

[ladder]
window = "year"

[[ladder.tier]]
id = "gold"
at_least = { spend = 1_000_000_000 }
"""

FRIDAY = dt.datetime(2025, 12, 5, 9, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)
PRODUCTS = [ProductFact("milk", department="DAIRY"), ProductFact("bread"),
            ProductFact("cigarettes", department="TOBACCO")]  # fmt: skip
FACTS: list[MemberFact] = [
    EnrolFact(
        "enrol", FRIDAY - 30 * DAY, "m", birth=dt.date(1990, 12, 7),
        manual_tier=ManualTier("gold", dt.date(2026, 12, 31), "the case says so"),
    ),
    SaleFact("sale", FRIDAY, "m", [
        LineFact("bread", 1_000, 185_000), LineFact("milk", 1_000, 420_000),
        LineFact("cigarettes", 1_000, 600_000),
    ]),
    ReturnFact("milk back", FRIDAY + DAY, "m", [ReturnedLine(1_000, 420_000, 2)], "sale"),
    ReturnFact("bread back", FRIDAY + 2 * DAY, "m", [ReturnedLine(1_000, 185_000, 1)], "sale"),
]  # fmt: skip


def test_the_worked_case(tmp_path: Path) -> None:
    """Floors of 60.5, 42.0 and 30.25; of 18.5 and 9.25 for what is left; then nothing is."""
    with mixed.start(tmp_path, PROGRAM) as writer:
        writer.commit_control(CatalogFact("catalogue", FRIDAY - 60 * DAY, PRODUCTS))
        posted, active = [], []
        for fact in FACTS:
            (answer,) = mixed.answers(mixed.commit(writer, fact))
            posted.append({p["rule"]: p["points"] for p in answer["postings"]})
            active.append(answer["balances"]["points"]["active"])
    assert posted == [
        {},
        {"earn": 60, "dairy": 42, "gold": 30, "birthday": 500},
        {"earn": -42, "dairy": -42, "gold": -21},
        {"earn": -18, "gold": -9, "birthday": -500},
    ]
    assert active == [0, 632, 527, 0]
    assert verify(tmp_path).findings == []
