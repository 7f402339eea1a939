"""Answers: what a till is told of a fact, from the commit or from the journal alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
from numpy.typing import NDArray

from ..facts import KINDS, SHOWN
from ..facts.parts import us_instant
from .carrier import wire_fields
from .columns import BALANCES, MEMBER_KINDS, NO_RULE, Outcome
from .dictionaries import Dictionaries
from .parked import Resolved, resolutions
from .records import StoredFact, content_of_row, read_outcome
from .schema import NO_MEMBER, column, list_view
from .status import LIMITS, POSTINGS, REFUSALS, Status

Answer = dict[str, Any]

STOCK = POSTINGS.index("stock")

_OK, _PARKED = int(Status.OK), int(Status.PARKED)
_CAPTURE, _ACCRUE = POSTINGS.index("capture"), POSTINGS.index("accrue")
_FIGURES = {_CAPTURE: "captured", _ACCRUE: "accrued"}
"""What the figure is called of postings whose points are 0."""
_OFFER = POSTINGS.index("offer")
"""Kinds of postings that are told without points."""
TOLD = ["ok" if code == _OK else "parked" if code == _PARKED else "refused" for code in Status]


class AnswerWords:
    """Names that answers use, by the numbers that the journal has; also as JSON."""

    def __init__(
        self, rules: Sequence[str], currencies: Sequence[str], tiers: Sequence[str]
    ) -> None:
        self.rules: list[str] = list(rules)
        self.rule_of: dict[int, str | None] = {**dict(enumerate(self.rules)), NO_RULE: None}
        self.currencies: list[str] = list(currencies)
        self.tiers: list[str | None] = [*tiers, None]
        self.json_rules = [*map(orjson.dumps, [*self.rules, None])]
        self.json_currencies = [*map(orjson.dumps, self.currencies)]
        self.json_tiers = [*map(orjson.dumps, self.tiers)]


def rated_answers(
    words: AnswerWords, ids: Sequence[str], seqs: Sequence[int], outcome: Outcome,
    names: Mapping[int, str],
) -> list[Answer]:
    """The answers to facts of members by their seqs, from what they came to.

    `names` are ids of the facts that are corrected.
    """
    told = resolutions(outcome.posted_from, outcome.postings) if names else []
    starts, columns = shown_postings(outcome)
    shown, bounds = _shown(words, columns, names), starts.tolist()
    status = outcome.status.tolist()
    answers = [
        rated_answer(*figures)
        for figures in zip(
            ids, seqs, [TOLD[code] for code in status],
            [shown[start:end] for start, end in pairwise(bounds)], _balances(words, outcome),
            [words.tiers[tier] for tier in outcome.tier.tolist()], strict=True,
        )
    ]  # fmt: skip
    for row in outcome.status.nonzero()[0].tolist():
        if status[row] != _PARKED:
            answers[row]["reason"] = REFUSALS[Status(status[row])]
    for place in np.flatnonzero(outcome.postings["kind"] == STOCK).tolist():
        row = int(np.searchsorted(outcome.posted_from, place, side="right")) - 1
        answers[row]["remaining"] = int(outcome.postings["desired"][place])
    for one in told:
        mine = slice(bounds[one.row], bounds[one.row + 1])
        applied = _applied(one, names, shown[mine], columns["corrects"][mine].tolist())
        answers[one.row].setdefault("parked", []).append(applied)
    return answers


def rated_answer(
    fact_id: str, seq: int, status: str, postings: list[Answer], balances: Answer,
    tier: str | None,
) -> Answer:
    """The answer to a fact of a member."""
    return {
        "id": fact_id, "seq": seq, "status": status, "postings": postings,
        "balances": balances, "tier": tier,
    }  # fmt: skip


def shown_postings(outcome: Outcome) -> tuple[NDArray[np.int64], dict[str, NDArray[Any]]]:
    """The postings that answers show, where each fact's begin: captures, points whose money has
    come, offers that a completed sale might not have had, and what has points."""
    starts, columns = outcome.posted_from, outcome.postings
    kept = are_shown(columns).nonzero()[0]
    if len(kept) == len(columns["points"]):
        return starts, columns
    return (
        np.searchsorted(kept, starts).astype(np.int64),
        {name: values[kept] for name, values in columns.items()},
    )


def are_shown(columns: Mapping[str, NDArray[Any]]) -> NDArray[np.bool_]:
    """Which postings answers show: those of points, and some without; what offers take off is told
    elsewhere."""
    kind, shown = columns["kind"], columns["points"] != 0
    if shown.all():
        return shown
    shown |= (kind == _CAPTURE) | (kind == _ACCRUE)
    return shown | ((kind == _OFFER) & (columns["limit"] != 0))


def _balances(words: AnswerWords, outcome: Outcome) -> list[Answer]:
    """Balances by currency of each fact."""
    every = [
        {"active": active, "pending": pending, "held": held, "debt": debt}
        for active, pending, held, debt in zip(
            *(getattr(outcome, name).reshape(-1).tolist() for name in BALANCES), strict=True
        )
    ]
    n = len(outcome.status)
    size = len(every) // n
    # Programs published since may have added currencies.
    currencies = words.currencies[:size]
    if size == 1:
        currency = currencies[0]
        return [{currency: figures} for figures in every]
    return [
        dict(zip(currencies, every[row * size : (row + 1) * size], strict=True))
        for row in range(n)
    ]


def _shown(
    words: AnswerWords, columns: Mapping[str, NDArray[Any]], names: Mapping[int, str]
) -> list[Answer]:
    """Postings one by one; what the rule wanted stands beside the limit that cut it."""
    rule_of, currencies = words.rule_of, words.currencies
    entries: list[Answer] = [
        {"rule": rule_of[rule], "kind": POSTINGS[kind], "currency": currencies[currency],
         "points": points}
        for rule, kind, currency, points in zip(
            *(columns[name].tolist() for name in ("rule", "kind", "currency", "points")),
            strict=True,
        )
    ]  # fmt: skip
    limit, desired, corrects = columns["limit"], columns["desired"], columns["corrects"]
    for place in limit.nonzero()[0].tolist():
        entries[place]["desired"] = int(desired[place])
        entries[place]["limit"] = LIMITS[limit[place]]
    for code, name in _FIGURES.items():
        for place in (columns["kind"] == code).nonzero()[0].tolist():
            entries[place][name] = int(desired[place])
    for place in corrects.nonzero()[0].tolist() if names else ():
        entries[place]["corrects"] = names[int(corrects[place])]
    return entries


def _applied(
    told: Resolved, names: Mapping[int, str], shown: list[Answer], corrects: list[int]
) -> Answer:
    """What became of a parked return: its own postings are corrections of it."""
    entry: Answer = {"id": names[told.seq], "status": "ok" if told.status == _OK else "refused"}
    if told.status != _OK:
        entry["reason"] = REFUSALS[Status(told.status)]
    entry["postings"] = [
        posting for posting, seq in zip(shown, corrects, strict=True) if seq == told.seq
    ]
    return entry


def of_nobody(answer: Answer) -> Answer:
    """The answer to a fact of no member's yet: there are no balances to tell."""
    return answer | {"balances": {}}


def claim_answer(answer: Answer, rest: Sequence[Answer]) -> Answer:
    """The answer to a claim, or to its cancel, with those to the rows that follow it: the sale,
    or its return, and what was returned of the sale before it was claimed."""
    first, *returned = rest
    told = [
        *first.get("parked", ()),
        *({name: one[name] for name in ("id", "status", "reason", "postings") if name in one}
          for one in returned),
    ]  # fmt: skip
    last = rest[-1]
    whole = answer | {
        "postings": first["postings"], "balances": last["balances"], "tier": last["tier"]
    }
    return whole | {"parked": told} if told else whole


def control_answer(fact_id: str, seq: int, status: int = 0) -> Answer:
    """The answer to a fact of no member."""
    answer: Answer = {
        "id": fact_id, "seq": seq, "status": "ok" if status == _OK else "refused",
        "postings": [], "balances": {}, "tier": None,
    }  # fmt: skip
    if status != _OK:
        answer["reason"] = REFUSALS[Status(status)]
    return answer


def stored_answer(
    words: AnswerWords, stored: StoredFact, names_of: Callable[[set[int]], dict[int, str]]
) -> Answer:
    """The first answer to a member's fact, rebuilt from its row."""
    outcome = read_outcome(stored.batch.slice(stored.row, 1))
    names = names_of(corrected(outcome.postings))
    return rated_answers(words, [stored.id], [stored.seq], outcome, names)[0]


def corrected(columns: Mapping[str, NDArray[Any]]) -> set[int]:
    """Seqs of the facts that postings correct."""
    corrects = columns["corrects"]
    return set(corrects[corrects.nonzero()[0]].tolist())


def stored_postings(batch: pa.RecordBatch, row: int) -> dict[str, NDArray[Any]]:
    """The posting columns of one journal row."""
    _, columns = list_view(batch.column("postings").slice(row, 1))
    return columns


def fact_view(stored: StoredFact, dictionaries: Dictionaries) -> Answer:
    """A journalled fact as it stood on the wire, in the engine's own form."""
    batch, row = stored.batch, stored.row
    view: Answer = {
        "id": stored.id,
        "kind": SHOWN[stored.kind],
        "occurred_at": instant_text(int(column(batch, "at")[row])),
    }
    if stored.kind in MEMBER_KINDS:
        fields = wire_fields(content_of_row(batch, row, dictionaries))
        # Whose it is, also where only a card told; nobody's has no member.
        member = column(batch, "member")[row]
        if member != NO_MEMBER:
            view["member"] = dictionaries.members.names[member]
        view |= fields
    elif KINDS[stored.kind] == "day closed":
        view["date"] = batch.column("payload")[row].as_py().decode()
    return view


def posting_details(
    words: AnswerWords, columns: Mapping[str, NDArray[Any]], names: Mapping[int, str]
) -> list[Answer]:
    """Postings with what the rule wanted, whether or not a limit cut it."""
    offers = (columns["kind"] == _OFFER) & (columns["limit"] == 0)
    kept = np.flatnonzero(are_shown(columns) | ((columns["rule"] != NO_RULE) & ~offers))
    columns = {name: values[kept] for name, values in columns.items()}
    shown = _shown(words, columns, names)
    for entry, desired in zip(shown, columns["desired"].tolist(), strict=True):
        more = {name: entry.pop(name) for name in ("limit", "corrects") if name in entry}
        entry.update({"desired": desired}, **more)
    return shown


@lru_cache(8)
def _second_text(second: int) -> str:
    return us_instant(second * 1_000_000).isoformat().removesuffix("+00:00")


def instant_text(us: int) -> str:
    """An instant in RFC 3339 with Z."""
    second, rest = divmod(us, 1_000_000)
    return f"{_second_text(second)}.{rest:06d}Z" if rest else f"{_second_text(second)}Z"
