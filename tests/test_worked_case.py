"""The rulebook's worked case through the kernel and a real ledger, as far as its parts exist.

Section 13 without its birthday and returns: what is left of the sale after the milk came
back is a sale of its own here.
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from vafa.engine.facts import CatalogFact, LineFact, ProductFact

from . import ledgers

PROGRAM = """
format = 1
id = "worked-case"
unit = { code = "IRR", exponent = 0 }
zone = "Asia/Tehran"
calendar = "jalali"
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

[ladder]
window = "year"

[[ladder.tier]]
id = "gold"
at_least = { visits = 1 }
"""

FRIDAY = dt.datetime(2024, 1, 5, 9, tzinfo=dt.UTC)


def test_the_worked_case(tmp_path: Path) -> None:
    """Floors of 60.5, 42.0 and 30.25 at gold; of 18.5 and 9.25 for the bread alone."""
    with ledgers.open_writer(tmp_path / "ledger", PROGRAM) as writer:
        products = [ProductFact("milk", department="DAIRY"), ProductFact("bread"),
                    ProductFact("cigarettes", department="TOBACCO")]  # fmt: skip
        writer.commit_control(CatalogFact("catalogue", ledgers.START, products))
        found = []
        for number, (days, lines) in enumerate((
            (-4, [("bread", 1)]),
            (0, [("bread", 185_000), ("milk", 420_000), ("cigarettes", 600_000)]),
            (1, [("bread", 185_000)]),
        )):
            fact = ledgers.sale(
                number, member="m", occurred_at=FRIDAY + dt.timedelta(days=days),
                lines=[LineFact(sku, 1_000, net) for sku, net in lines], tenders=[],
            )  # fmt: skip
            (answer,) = ledgers.answers(writer.commit(ledgers.batch(fact)))
            found.append({p["rule"]: p["points"] for p in answer["postings"]})
    assert found == [{}, {"earn": 60, "dairy": 42, "gold": 30}, {"earn": 18, "gold": 9}]
