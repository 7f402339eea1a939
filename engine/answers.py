"""Answers: what a till is told of a fact, from the commit or from the journal alike."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa

from .dictionaries import Dictionaries
from .facts import KINDS, us_instant
from .folding import Fold
from .program import Earn, Multiply, Rule
from .records import StoredFact
from .schema import NO_MEMBER, column, list_view
from .status import LIMITS, REFUSALS, Status

Answer = dict[str, Any]

_OK = int(Status.OK)


class AnswerWords:
    """Names that answers use, looked up once for a program."""

    def __init__(self, fold: Fold) -> None:
        program = fold.program
        rules = fold.compiled.rules
        self.rules = [
            (rule.id, _kind(rule), program.currency[program.currency_of(rule)].id)
            for rule in rules
        ]
        self.currencies = [currency.id for currency in program.currency]
        self.tiers: list[str | None] = [*fold.compiled.tier_names, None]


def _kind(rule: Rule) -> str:
    if isinstance(rule, Earn):
        return "earn"
    return "multiply" if isinstance(rule, Multiply) else "bonus"


def balance(active: int, pending: int) -> dict[str, int]:
    """One currency's balance as answers show it, in units."""
    return {"active": active, "pending": pending, "held": 0, "debt": 0}


def rated_answer(
    words: AnswerWords, fact_id: str, seq: int, status: int, tier: int,
    active: list[int], pending: list[int], postings: list[tuple[int, int, int]],
    corrected_id: dict[int, str],
) -> Answer:
    """The answer to a sale. postings are (rule, points, corrected seq or 0)."""
    shown = []
    for rule, points, corrects in postings:
        if not points:
            continue
        name, kind, currency = words.rules[rule]
        if corrects:
            shown.append(
                {"rule": name, "kind": "correct", "currency": currency, "points": points,
                 "corrects": corrected_id[corrects]}
            )  # fmt: skip
        else:
            shown.append({"rule": name, "kind": kind, "currency": currency, "points": points})
    answer: Answer = {
        "id": fact_id,
        "seq": seq,
        "status": "ok" if status == _OK else "refused",
        "postings": shown,
        "balances": {
            name: {"active": active[place], "pending": pending[place], "held": 0, "debt": 0}
            for place, name in enumerate(words.currencies)
        },
        "tier": words.tiers[tier],
    }
    if status != _OK:
        answer["reason"] = REFUSALS[Status(status)]
    return answer


def control_answer(fact_id: str, seq: int) -> Answer:
    """The answer to a fact of no member."""
    return {"id": fact_id, "seq": seq, "status": "ok", "postings": [], "balances": {},
            "tier": None}


def stored_postings(batch: pa.RecordBatch, row: int) -> dict[str, np.ndarray[Any, Any]]:
    """The posting columns of one journal row."""
    _, columns = list_view(batch.column("postings").slice(row, 1))
    return columns


def fact_view(stored: StoredFact, dictionaries: Dictionaries) -> Answer:
    """A journalled fact as it stood on the wire."""
    batch, row = stored.batch, stored.row
    kind = stored.kind
    view: Answer = {
        "id": batch.column("id")[row].as_py(),
        "kind": KINDS[kind],
        "occurred_at": instant_text(int(column(batch, "at")[row])),
    }
    member = int(column(batch, "member")[row])
    if member == NO_MEMBER:
        return view
    view["member"] = dictionaries.members.names[member]
    view["store"] = dictionaries.stores.names[column(batch, "store")[row]]
    view["terminal"] = dictionaries.terminals.names[column(batch, "terminal")[row]]
    _, lines = list_view(batch.column("lines").slice(row, 1))
    view["lines"] = [
        {
            "line": int(line),
            "sku": dictionaries.products.versions[product].sku,
            "quantity": int(quantity),
            "net": int(net),
        }
        for line, product, quantity, net in zip(
            lines["line"], lines["product"], lines["quantity"], lines["net"], strict=True
        )
    ]
    _, tenders = list_view(batch.column("tenders").slice(row, 1))
    view["tenders"] = [
        {"type": dictionaries.tenders.names[kind_], "amount": int(amount)}
        for kind_, amount in zip(tenders["type"], tenders["amount"], strict=True)
    ]
    return view


def posting_details(
    words: AnswerWords, columns: dict[str, np.ndarray[Any, Any]], corrected_id: dict[int, str]
) -> list[Answer]:
    """Postings with what the rule wanted and the limit that cut it."""
    shown = []
    for rule, limit, desired, points, corrects in zip(
        *(columns[name].tolist() for name in ("rule", "limit", "desired", "points", "corrects")),
        strict=True,
    ):
        name, kind, currency = words.rules[rule]
        entry: Answer = {
            "rule": name, "kind": "correct" if corrects else kind, "currency": currency,
            "points": points, "desired": desired,
        }
        if limit:
            entry["limit"] = LIMITS[limit]
        if corrects:
            entry["corrects"] = corrected_id[corrects]
        shown.append(entry)
    return shown


@lru_cache(8)
def _second_text(second: int) -> str:
    return us_instant(second * 1_000_000).isoformat().removesuffix("+00:00")


def instant_text(us: int) -> str:
    """An instant in RFC 3339 with Z."""
    second, rest = divmod(us, 1_000_000)
    return f"{_second_text(second)}.{rest:06d}Z" if rest else f"{_second_text(second)}Z"
