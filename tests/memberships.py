"""Ledgers of members and their cards: facts on the wire, committed and told."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

from vafa.engine.columns.intake import DecodedFacts
from vafa.engine.columns.verdicts import Verdict
from vafa.engine.facts import DayClosedFact, PublishFact
from vafa.engine.ledger.replay import verify
from vafa.engine.ledger.writer import Writer
from vafa.engine.replica.replica import Replica
from vafa.engine.views.views import member_view
from vafa.engine.wire.json_facts import decode_fact
from vafa.native.wire import Sale

Json = dict[str, Any]

PROGRAM = """
format = 1
id = "members"
unit = { code = "USD" }
zone = "UTC"
late_limit_days = 36_500

[[currency]]
id = "points"

[[rule]]
id = "base"
kind = "earn"
points = 1
per = 100
"""
OPEN = PROGRAM + """
[membership]
unknown_cards = "provisional"
"""

START = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)


def at(hours: float) -> dt.datetime:
    """An instant some hours after the start."""
    return START + dt.timedelta(hours=hours)


def writer_of(ledger: Path, program: str = PROGRAM) -> Writer:
    """A writer of a new ledger."""
    writer = Writer(ledger)
    verdict = writer.publish_program(PublishFact("program", at(-24 * 365), program))
    assert verdict.refusal is None, verdict.refusal
    return writer


def wire(kind: str, name: str, hours: float, **fields: Any) -> Json:
    """A fact on the wire."""
    return {"kind": kind, "id": name, "occurred_at": at(hours).isoformat(), **fields}


def sale(name: str, hours: float, net: int = 10_000, **fields: Any) -> Json:
    """A sale of one line; whose is in the fields."""
    lines = [{"sku": "milk", "quantity": 1000, "net": net}]
    return wire("sale", name, hours, lines=lines, **fields)


def link(name: str, hours: float, card: str = "c", member: str = "m", **fields: Any) -> Json:
    """A card given to a member."""
    return wire("card link", name, hours, card=card, member=member, **fields)


def commit(writer: Writer, *facts: Json) -> list[Verdict]:
    """Commit facts in one batch."""
    decoded = [decode_fact(json.dumps(fact).encode()) for fact in facts]
    return writer.commit(
        DecodedFacts([fact for fact in decoded if isinstance(fact, Sale)]), force=True
    )


def told(writer: Writer, *facts: Json) -> list[str]:
    """What became of facts of one batch: the status, or why it was refused."""
    out = []
    for verdict in commit(writer, *facts):
        if verdict.answer is None:
            assert verdict.refusal is not None
            out.append(verdict.refusal.slug)
        else:
            out.append(str(verdict.answer.get("reason", verdict.answer["status"])))
    return out


def active(replica: Replica, member: str) -> int | None:
    """A member's active points; None for one that is not known."""
    found = member_view(replica, member)
    return None if found is None else int(found["balances"]["points"]["active"])


def assert_sound(ledger: Path) -> None:
    """A replay agrees, with the checkpoint and without one."""
    for _ in range(2):
        report = verify(ledger)
        assert report.clean, report.findings
        for path in (ledger / "state").glob("*"):
            path.unlink()


def close_day(writer: Writer, name: str, hours: float, date: str) -> Verdict:
    """Close a business date at an instant."""
    return writer.commit_control(
        DayClosedFact(name, at(hours), dt.date.fromisoformat(date))
    )


def state_hash_of(ledger: Path) -> str:
    """The state hash of a ledger that a replay finds clean."""
    report = verify(ledger)
    assert report.clean, report.findings
    return report.state_hash
