"""Facts that change nothing, refused or parked: how their members stand on their own dates."""

from __future__ import annotations

import datetime as dt
import json
import tempfile
from pathlib import Path
from typing import Any

import pytest

from vafa.engine.facts import PublishFact
from vafa.engine.ledger.writer import Writer
from vafa.engine.wire.json_facts import decode_fact

LASTING = """format = 1
id = "lasting"
unit = { code = "USD" }
zone = "UTC"
late_limit_days = 3650

[[currency]]
id = "points"
pending_days = 3
expiry = { policy = "after", days = 45 }

[[rule]]
id = "base"
kind = "earn"
points = 1
per = 100

[ladder]
window = "month"
validity = "this_period"

[[ladder.tier]]
id = "base"

[[ladder.tier]]
id = "gold"
at_least = { visits = 1 }
"""


@pytest.mark.parametrize(
    ("told", "fields"),
    [
        ("refused", {"kind": "release", "hold": "none"}),
        ("refused", {"kind": "capture", "hold": "none", "points": 1}),
        ("refused", {"kind": "cancel", "redemption": "none"}),
        ("refused", {"kind": "return", "sale": "bought", "lines": [{"line": 1, "quantity": 2000}]}),
        ("parked", {"kind": "return", "sale": "none", "lines": [{"line": 1, "quantity": 1}]}),
        ("refused", {"kind": "redeem", "currency": "points", "points": 999}),
    ],
    ids=["release", "capture", "cancel", "return", "parked return", "redeem"],
)
@pytest.mark.parametrize("merged", [False, True])
@pytest.mark.parametrize(
    ("day", "active", "pending", "tier"),
    [(12, 0, 68, "gold"), (14, 68, 0, "gold"), (40, 68, 0, "base"), (80, 0, 0, "base")],
)
def test_a_fact_that_changes_nothing_tells_its_own_date(
    told: str, fields: dict[str, Any], day: int, active: int, pending: int, tier: str, merged: bool
) -> None:
    def fact(name: str, after: int, **fields: Any) -> dict[str, Any]:
        at = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC) + dt.timedelta(days=after - 1)
        return {"id": name, "occurred_at": at.isoformat(), "member": "m", **fields}

    facts = [fact("bought", 11, kind="sale", lines=[{"sku": "a", "quantity": 1000, "net": 6896}])]
    if merged:
        facts.insert(0, fact("tie", 1, kind="merge", other="n"))
    with tempfile.TemporaryDirectory() as folder, Writer(Path(folder)) as writer:
        since = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
        assert writer.publish_program(PublishFact("p", since, LASTING)).refusal is None
        for one in (*facts, fact("x", day, **fields)):
            verdict = writer.commit_fact(decode_fact(json.dumps(one).encode()), force=True)
        answer = verdict.answer
    assert answer is not None
    assert answer["status"] == told
    assert answer["tier"] == tier
    balances = answer["balances"]["points"]
    assert (balances["active"], balances["pending"]) == (active, pending)
