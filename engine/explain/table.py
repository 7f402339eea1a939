"""Explanations as an Arrow table: a row for each fact, rule and line (docs/explain.md).

A rule's own figures stand on its row without a line, so that sums over a day are right; its
other rows tell of its lines. Postings of no rule of the basket have a row each.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa

from .shape import Explanation, Failed, RuleTold

DAY = pa.schema([
    pa.field("seq", pa.uint64(), nullable=False),
    pa.field("id", pa.string(), nullable=False),
    pa.field("member", pa.string(), nullable=False),
    pa.field("kind", pa.string(), nullable=False),
    pa.field("status", pa.string(), nullable=False),
    pa.field("reason", pa.string()),
    pa.field("occurred_at", pa.timestamp("us", "UTC"), nullable=False),
    pa.field("business_date", pa.date32(), nullable=False),
    pa.field("program", pa.string(), nullable=False),
    pa.field("version", pa.uint16(), nullable=False),
    pa.field("rule", pa.string()),
    pa.field("posting", pa.string()),
    pa.field("currency", pa.string()),
    pa.field("line", pa.int32()),
    pa.field("sku", pa.string()),
    pa.field("quantity", pa.int64()),
    pa.field("net", pa.int64()),
    pa.field("eligible", pa.int64()),
    pa.field("matched", pa.bool_()),
    pa.field("failed", pa.string()),
    pa.field("asked", pa.string()),
    pa.field("found", pa.string()),
    pa.field("basis_of", pa.string()),
    pa.field("basis", pa.string()),
    pa.field("factor", pa.string()),
    pa.field("carried", pa.string()),
    pa.field("exact", pa.string()),
    pa.field("round", pa.string()),
    pa.field("desired", pa.int64()),
    pa.field("points", pa.int64()),
    pa.field("limit", pa.string()),
    pa.field("room", pa.int64()),
    pa.field("earned", pa.date32()),
    pa.field("active_from", pa.date32()),
    pa.field("good_through", pa.date32()),
    pa.field("tier_before", pa.string()),
    pa.field("tier_after", pa.string()),
    pa.field("active_before", pa.int64()),
    pa.field("active_after", pa.int64()),
    pa.field("corrected", pa.bool_(), nullable=False),
    pa.field("agrees", pa.bool_(), nullable=False),
])  # fmt: skip
"""`asked` and `found` are JSON."""

ROWS_AT_ONCE = 50_000

Row = dict[str, Any]

_json = msgspec.json.Encoder(order="deterministic").encode


def write_day(facts: Iterable[Explanation], file: Path) -> tuple[int, int]:
    """Write explanations to an Arrow IPC file; (facts, rows) written."""
    written, kept, number = 0, list[Row](), 0
    with pa.OSFile(str(file), "wb") as sink, pa.ipc.new_file(sink, DAY) as out:
        for told in facts:
            number += 1
            kept += rows_of(told)
            if len(kept) >= ROWS_AT_ONCE:
                out.write_batch(pa.RecordBatch.from_pylist(kept, DAY))
                written, kept = written + len(kept), []
        if kept or not written:
            out.write_batch(pa.RecordBatch.from_pylist(kept, DAY))
    return number, written + len(kept)


def rows_of(told: Explanation) -> Iterator[Row]:
    """The rows of one fact: at least one."""
    fact = {
        "seq": told.seq, "id": told.id, "member": told.member, "kind": told.kind,
        "status": told.status, "reason": told.reason,
        "occurred_at": dt.datetime.fromisoformat(told.occurred_at),
        "business_date": told.business_date, "program": told.program.id,
        "version": told.program.version, "corrected": told.corrected, "agrees": told.agrees,
        "tier_before": told.tier and told.tier.before, "tier_after": told.tier and told.tier.after,
    }  # fmt: skip
    alone = True
    of_rules = {rule.rule for rule in told.rules}
    for rule in told.rules:
        alone = False
        yield from _of_rule(told, fact, rule)
    for posting in told.postings:
        if posting.rule in of_rules and posting.kind in ("earn", "multiply", "bonus"):
            continue
        alone = False
        yield fact | _standing(told, posting.currency) | {
            "rule": posting.rule, "posting": posting.kind, "currency": posting.currency,
            "desired": posting.desired, "points": posting.points, "limit": posting.limit,
        }  # fmt: skip
    if alone:
        yield fact


def _standing(told: Explanation, currency: str) -> Row:
    both = told.balances.get(currency)
    if both is None:
        return {}
    return {"active_before": both.before.active, "active_after": both.after.active}


def _of_rule(told: Explanation, fact: Row, rule: RuleTold) -> Iterator[Row]:
    named = fact | {"rule": rule.rule, "posting": rule.kind, "currency": rule.currency or None}
    figures: Row = {}
    if rule.matched:
        figures = {
            "basis_of": rule.basis_of, "basis": rule.basis, "factor": rule.factor,
            "carried": rule.carried, "exact": rule.exact, "round": rule.round,
            "desired": rule.desired, "points": rule.granted,
        }  # fmt: skip
    if rule.limit is not None:
        figures |= {"limit": rule.limit.limit, "room": rule.limit.room}
    if rule.lot is not None:
        figures |= {
            "earned": rule.lot.earned, "active_from": rule.lot.active_from,
            "good_through": rule.lot.good_through,
        }  # fmt: skip
    yield named | _standing(told, rule.currency) | figures | _failed(rule.failed) | {
        "matched": rule.matched
    }
    lines = {line.line: line for line in told.lines}
    for line in rule.lines:
        sold = lines[line.line]
        yield named | _failed(line.failed) | {
            "line": line.line, "sku": line.sku, "quantity": sold.quantity, "net": sold.net,
            "eligible": sold.eligible, "matched": line.matched, "basis": line.basis,
            "exact": line.exact,
        }  # fmt: skip


def _failed(failed: Failed | None) -> Row:
    if failed is None:
        return {}
    return {
        "failed": failed.condition, "asked": _json(failed.asked).decode(),
        "found": _json(failed.found).decode(),
    }  # fmt: skip
