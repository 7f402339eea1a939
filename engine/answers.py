"""Answers: what a till is told of a fact, from the commit or from the journal alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from numpy.typing import NDArray

from .carrier import wire_fields
from .columns import MEMBER_KINDS, NO_RULE, POSTING_COLUMNS
from .dictionaries import Dictionaries
from .facts import KINDS, us_instant
from .records import StoredFact, content_of_row
from .schema import column, list_view
from .status import LIMITS, POSTINGS, REFUSALS, Status

if TYPE_CHECKING:
    from .folding import Fold

Answer = dict[str, Any]

_OK, _PARKED = int(Status.OK), int(Status.PARKED)


class AnswerWords:
    """Names that answers use, by the numbers that the journal has."""

    def __init__(self, fold: Fold) -> None:
        layout = fold.layout
        self.rules: list[str] = list(layout.rules)
        self.currencies: list[str] = list(layout.currencies)
        self.tiers: list[str | None] = [*layout.tiers, None]


Posted = tuple[int, int, int, int, int, int, int]
"""A posting's numbers in the order of POSTING_COLUMNS."""

Figures = tuple[list[int], list[int], list[int], list[int]]
"""Active, pending, held and debt by currency."""


def rated_answer(
    words: AnswerWords, fact_id: str, seq: int, status: int, tier: int, figures: Figures,
    postings: list[Posted], names: Mapping[int, str],
) -> Answer:
    """The answer to a fact of a member; `names` are ids of the facts that are corrected."""
    shown, parked = [], []
    for posting in postings:
        if posting[5]:
            shown.append(_shown(words, posting, names))
        elif posting[6] and posting[0] == NO_RULE:
            parked.append(posting)
    active, pending, held, debt = figures
    answer: Answer = {
        "id": fact_id,
        "seq": seq,
        "status": "ok" if status == _OK else "parked" if status == _PARKED else "refused",
        "postings": shown,
        "balances": {
            name: {"active": active[place], "pending": pending[place], "held": held[place],
                   "debt": debt[place]}
            for place, name in enumerate(words.currencies[: len(active)])
        },
        "tier": words.tiers[tier],
    }  # fmt: skip
    if status not in (_OK, _PARKED):
        answer["reason"] = REFUSALS[Status(status)]
    if parked:
        answer["parked"] = [_applied(words, told, postings, names) for told in parked]
    return answer


def _shown(words: AnswerWords, posting: Posted, names: Mapping[int, str]) -> Answer:
    """One posting; what the rule wanted stands beside the limit that cut it."""
    rule, kind, currency, limit, desired, points, corrects = posting
    entry: Answer = {
        "rule": None if rule == NO_RULE else words.rules[rule],
        "kind": POSTINGS[kind],
        "currency": words.currencies[currency],
        "points": points,
    }
    if limit:
        entry["desired"] = desired
        entry["limit"] = LIMITS[limit]
    if corrects:
        entry["corrects"] = names[corrects]
    return entry


def _applied(
    words: AnswerWords, told: Posted, postings: list[Posted], names: Mapping[int, str]
) -> Answer:
    """What became of a parked return: its own postings are corrections of it."""
    status, seq = told[3], told[6]
    entry: Answer = {"id": names[seq], "status": "ok" if status == _OK else "refused"}
    if status != _OK:
        entry["reason"] = REFUSALS[Status(status)]
    entry["postings"] = [
        _shown(words, posting, names) for posting in postings if posting[6] == seq and posting[5]
    ]
    return entry


def control_answer(fact_id: str, seq: int, status: int = 0) -> Answer:
    """The answer to a fact of no member."""
    answer: Answer = {
        "id": fact_id, "seq": seq, "status": "ok" if status == _OK else "refused",
        "postings": [], "balances": {}, "tier": None,
    }  # fmt: skip
    if status != _OK:
        answer["reason"] = REFUSALS[Status(status)]
    return answer


def posted(columns: Mapping[str, NDArray[Any]]) -> list[Posted]:
    """Postings as tuples."""
    return list(zip(*(columns[name].tolist() for name in POSTING_COLUMNS), strict=True))


def stored_answer(
    words: AnswerWords, stored: StoredFact, names_of: Callable[[set[int]], dict[int, str]]
) -> Answer:
    """The first answer to a member's fact, rebuilt from its row."""
    one = stored.batch.slice(stored.row, 1)
    postings = posted(stored_postings(stored.batch, stored.row))
    _, balances = list_view(one.column("balances"))
    figures = tuple(balances[name].tolist() for name in ("active", "pending", "held", "debt"))
    return rated_answer(
        words, stored.id, stored.seq, stored.status, int(column(one, "tier")[0]),
        figures, postings, names_of({posting[6] for posting in postings if posting[6]}),
    )


def stored_postings(batch: pa.RecordBatch, row: int) -> dict[str, NDArray[Any]]:
    """The posting columns of one journal row."""
    _, columns = list_view(batch.column("postings").slice(row, 1))
    return columns


def fact_view(stored: StoredFact, dictionaries: Dictionaries) -> Answer:
    """A journalled fact as it stood on the wire, in the engine's own form."""
    batch, row = stored.batch, stored.row
    view: Answer = {
        "id": stored.id,
        "kind": KINDS[stored.kind],
        "occurred_at": instant_text(int(column(batch, "at")[row])),
    }
    if stored.kind in MEMBER_KINDS:
        view |= wire_fields(content_of_row(batch, row, dictionaries))
    elif KINDS[stored.kind] == "day closed":
        view["date"] = batch.column("payload")[row].as_py().decode()
    return view


def posting_details(
    words: AnswerWords, columns: Mapping[str, NDArray[Any]], names: Mapping[int, str]
) -> list[Answer]:
    """Postings with what the rule wanted, whether or not a limit cut it."""
    shown = []
    for posting in posted(columns):
        if posting[5] or posting[0] != NO_RULE:
            entry = _shown(words, posting, names)
            limit = entry.pop("limit", None)
            entry["desired"] = posting[4]
            if limit is not None:
                entry["limit"] = limit
            if "corrects" in entry:
                entry["corrects"] = entry.pop("corrects")
            shown.append(entry)
    return shown


@lru_cache(8)
def _second_text(second: int) -> str:
    return us_instant(second * 1_000_000).isoformat().removesuffix("+00:00")


def instant_text(us: int) -> str:
    """An instant in RFC 3339 with Z."""
    second, rest = divmod(us, 1_000_000)
    return f"{_second_text(second)}.{rest:06d}Z" if rest else f"{_second_text(second)}Z"
