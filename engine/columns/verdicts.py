"""What became of facts: their answers, or the refusals that keep nothing of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from .answers import TOLD, Answer, AnswerWords, shown_postings
from .columns import BALANCES, Outcome
from .status import LIMITS, POSTINGS, REFUSALS, Status


@dataclass(frozen=True, slots=True)
class Refusal:
    """A fact refused for form or order: nothing is kept of it."""

    slug: str
    detail: str
    path: str = "$"


@dataclass(slots=True)
class Verdict:
    """What became of one fact of a batch: its answer, or why it was refused."""

    answer: Answer | None = None
    refusal: Refusal | None = None
    replayed: bool = False


def reused(name: str) -> Refusal:
    """The refusal of an id that is known with other content."""
    return Refusal("id-reused", f"the id {name!r} is known with other content", "id")


# -- as Arrow columns -----------------------------------------------------------------------

_POSTING = pa.struct(
    [("rule", pa.string()), ("kind", pa.string()), ("currency", pa.string()),
     ("points", pa.int64()), ("desired", pa.int64()), ("limit", pa.string()),
     ("corrects", pa.string())]
)  # fmt: skip
_BALANCE = pa.struct(
    [("currency", pa.string()), ("active", pa.int64()), ("pending", pa.int64()),
     ("held", pa.int64()), ("debt", pa.int64())]
)  # fmt: skip
VERDICTS = pa.schema(
    [("id", pa.string()), ("seq", pa.uint64()), ("status", pa.string()),
     ("problem", pa.string()), ("tier", pa.string()), ("postings", pa.list_(_POSTING)),
     ("balances", pa.list_(_BALANCE))]
)  # fmt: skip
"""One row a fact."""

_PROBLEMS = [REFUSALS.get(status) for status in Status]


def verdict_table(ids: Sequence[str], verdicts: Sequence[Verdict]) -> pa.Table:
    """Verdicts as a table of `VERDICTS`."""
    answers = [verdict.answer or {} for verdict in verdicts]
    columns = [
        ids,
        [answer.get("seq") for answer in answers],
        # A repeat of what was refused is refused.
        ["refused" if "reason" in answer else answer.get("status", "refused")
         for answer in answers],
        [verdict.refusal.slug if verdict.refusal else answer.get("reason")
         for verdict, answer in zip(verdicts, answers, strict=True)],
        [answer.get("tier") for answer in answers],
        [answer.get("postings", []) for answer in answers],
        [[{"currency": name, **figures} for name, figures in answer.get("balances", {}).items()]
         for answer in answers],
    ]  # fmt: skip
    arrays = [pa.array(values, field.type) for values, field in zip(columns, VERDICTS, strict=True)]
    return pa.Table.from_arrays(arrays, schema=VERDICTS)


def rated_table(
    words: AnswerWords, ids: pa.Array, first: int, outcome: Outcome, names: Mapping[int, str]
) -> pa.Table:
    """What `answers.rated_answers` tells, as a table of `VERDICTS`: no object is made a fact."""
    n = len(ids)
    starts, postings = shown_postings(outcome)
    columns = [
        ids,
        pa.array(np.arange(first, first + n, dtype=np.uint64)),
        _named(TOLD, outcome.status),
        _named(_PROBLEMS, outcome.status),
        _named(words.tiers, outcome.tier),
        _lists(starts, _postings(words, postings, names)),
        _balances(words, outcome, n),
    ]
    return pa.Table.from_arrays(columns, schema=VERDICTS)


def _named(names: Sequence[str | None], codes: NDArray[Any]) -> pa.Array:
    """The names of codes; a negative code counts from the end, as in a list."""
    places = codes.astype(np.int64)
    places[places < 0] += len(names)
    return pa.array(names, pa.string()).take(pa.array(places))


def _lists(starts: NDArray[np.int64], items: pa.StructArray) -> pa.ListArray:
    return pa.ListArray.from_arrays(pa.array(starts.astype(np.int32)), items)


def _postings(
    words: AnswerWords, columns: Mapping[str, NDArray[Any]], names: Mapping[int, str]
) -> pa.StructArray:
    limit, corrects = columns["limit"], columns["corrects"]
    # The number of no rule is the highest.
    rule = np.minimum(columns["rule"], len(words.rules))
    return pa.StructArray.from_arrays(
        [
            _named([*words.rules, None], rule),
            _named(POSTINGS, columns["kind"]),
            _named(words.currencies, columns["currency"]),
            pa.array(columns["points"]),
            pa.array(columns["desired"], mask=limit == 0),
            _named([None, *LIMITS[1:]], limit),
            pa.array([names.get(seq) for seq in corrects.tolist()], pa.string())
            if corrects.any() else pa.nulls(len(corrects), pa.string()),
        ],
        fields=list(_POSTING),
    )  # fmt: skip


def _balances(words: AnswerWords, outcome: Outcome, n: int) -> pa.ListArray:
    figures = [getattr(outcome, name).reshape(-1) for name in BALANCES]
    size = len(figures[0]) // n
    items = pa.StructArray.from_arrays(
        [
            _named(words.currencies, np.tile(np.arange(size), n)),
            *(pa.array(values) for values in figures),
        ],
        fields=list(_BALANCE),
    )
    return _lists(np.arange(n + 1) * size, items)


def stream_of(table: pa.Table | pa.RecordBatch) -> bytes:
    """A table as an Arrow IPC stream."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write(table)
    content: bytes = sink.getvalue().to_pybytes()
    return content
