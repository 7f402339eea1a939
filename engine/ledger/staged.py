"""A commit that is folded, and what is told of it: as verdicts, as columns, as lines."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..columns.answer_lines import common_lines, in_common_form
from ..columns.answers import Answer, claim_answer, corrected, of_nobody, rated_answers
from ..columns.columns import CLAIMS, SALE, Facts, Outcome, outcome_of, take
from ..columns.dictionaries import Sizes
from ..columns.intake import Intake
from ..columns.mixed import MixedFacts
from ..columns.schema import NO_MEMBER, column
from ..columns.verdicts import VERDICTS, Refusal, Verdict, rated_table, verdict_table
from ..journal.journal import Record
from ..replica.replica import Replica
from ..value.coupons import tell_codes
from ..value.gift_cards import card_of
from ..value.joint import Legs
from ..value.redeemable import tell_redeemable, tell_taken
from ..value.refunds import refunds_of, tell_refunds
from ..views.first_answer import first_answers

NO_NAMES = Sizes()


@dataclass(slots=True)
class Staged:
    """A commit that is folded and not yet published."""

    intake: Intake
    record: Record | None
    data: bytes
    outcome: Outcome | None
    new_ids: list[str]
    rows: NDArray[np.int64] | None
    refusals: dict[int, Refusal] = field(default_factory=dict)
    known: dict[int, int] = field(default_factory=dict)
    before: dict[int, bytes] = field(default_factory=dict)
    sizes: Sizes = NO_NAMES
    facts: Facts | None = None
    undo: Callable[[], None] | None = None
    legs: Legs | None = None
    brought: Legs | None = None
    batch: pa.RecordBatch | None = None
    id_array: pa.Array | None = None
    """`new_ids`, which come first in the record."""


def verdicts_of(replica: Replica, staged: Staged) -> list[Verdict]:
    """The verdicts in the order of the batch's facts."""
    made = iter(_new_answers(replica, staged))
    if staged.rows is None:
        return list(map(Verdict, made))
    old = _old_verdicts(replica, staged)
    return [
        old[row] if row in old else Verdict(next(made)) for row in range(len(staged.intake.ids))
    ]


Text = bytes
"""An answer as JSON."""


def texts_of(
    replica: Replica, staged: Staged, wanted: NDArray[np.bool_]
) -> list[Text | Verdict]:
    """The verdicts in the order of the batch's facts; of plain sales that are `wanted` as text
    their answers as such."""
    outcome, record, facts, words = staged.outcome, staged.record, staged.facts, replica.words
    if outcome is None or record is None:
        return list(verdicts_of(replica, staged))
    assert words is not None
    assert facts is not None
    names = replica.names_of(corrected(outcome.postings))
    written = _written(staged, in_common_form(outcome, names))
    written &= wanted if staged.rows is None else wanted[staged.rows]
    written &= (facts.kind == SALE) & (facts.member != NO_MEMBER)
    text, bounds = common_lines(
        words, written, None, staged.id_array, record.first, outcome, names
    )
    made = iter(_new_answers(replica, staged, np.flatnonzero(bounds[1:] == bounds[:-1])))
    told: list[Text | Verdict] = [
        text[begin:end] if end > begin else Verdict(next(made))
        for begin, end in pairwise(bounds.tolist())
    ]
    if staged.rows is None:
        return told
    new, old = iter(told), _old_verdicts(replica, staged)
    return [old[row] if row in old else next(new) for row in range(len(staged.intake.ids))]


def table_of(replica: Replica, staged: Staged) -> pa.Table:
    """The verdicts as a table of `verdicts.VERDICTS`."""
    rated = _rated_table(replica, staged)
    if staged.rows is None:
        return rated
    ids = staged.intake.ids
    verdicts = _old_verdicts(replica, staged)
    old = [*verdicts]
    table = pa.concat_tables([
        rated, verdict_table([ids[row] for row in old], [*verdicts.values()])
    ])  # fmt: skip
    return table.take(pa.array(np.argsort([*staged.rows.tolist(), *old])))


Told = tuple[int, Verdict]
"""A row of a batch, and what is told of it."""


def lines_of(
    replica: Replica, staged: Staged, numbers: NDArray[np.int64]
) -> list[bytes | Told]:
    """The verdicts in the order of the batch: JSON lines with `numbers` first.

    Rows that tell more than the common form stand between the lines.
    """
    outcome, record, words, rows = staged.outcome, staged.record, replica.words, staged.rows
    n = len(staged.intake.ids)
    if outcome is None or record is None:
        return [(row, verdict) for row, verdict in enumerate(verdicts_of(replica, staged))]
    assert words is not None
    names = replica.names_of(corrected(outcome.postings))
    written = _written(staged, in_common_form(outcome, names))
    text, bounds = common_lines(
        words, written, numbers if rows is None else numbers[rows], staged.id_array, record.first,
        outcome, names,
    )  # fmt: skip
    written = bounds[1:] > bounds[:-1]
    if rows is None and written.all():
        return [text]
    new = np.arange(n) if rows is None else rows
    apart = np.ones(n, np.bool_)
    apart[new[written]] = False
    made = iter(_new_answers(replica, staged, np.flatnonzero(~written)))
    old = _old_verdicts(replica, staged)
    told: list[bytes | Told] = []
    done = 0
    for row, place in zip(
        np.flatnonzero(apart).tolist(), np.searchsorted(new, np.flatnonzero(apart)).tolist(),
        strict=True,
    ):  # fmt: skip
        told.append(text[done : bounds[place]])
        told.append((row, old[row] if row in old else Verdict(next(made))))
        done = bounds[place]
    return [*told, text[done:]]


def _written(staged: Staged, common: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Which of the new rows' answers are written as lines, of those in the common form."""
    facts, intake = staged.facts, staged.intake
    assert facts is not None
    if staged.legs is not None:
        return np.zeros_like(common)
    if facts.extras is not None:
        common &= np.array([extra is None for extra in facts.extras], np.bool_)
    if isinstance(intake, MixedFacts):
        common &= intake.plain if staged.rows is None else intake.plain[staged.rows]
    return common


def _old_verdicts(replica: Replica, staged: Staged) -> dict[int, Verdict]:
    """The verdicts on the rows that are refused or were known."""
    found = {row: Verdict(refusal=refusal) for row, refusal in staged.refusals.items()}
    rows = [row for row in staged.known if row not in found]
    answers = first_answers(replica, [staged.known[row] for row in rows])
    for row, answer in zip(rows, answers, strict=True):
        answer["status"] = "replayed"
        found[row] = Verdict(answer, replayed=True)
    return found


def _new_answers(
    replica: Replica, staged: Staged, rows: NDArray[np.int64] | None = None
) -> list[Answer]:
    """Answers to the new facts, or to some of their rows."""
    outcome, record, words, facts = staged.outcome, staged.record, replica.words, staged.facts
    if outcome is None or record is None or (rows is not None and not len(rows)):
        return []
    assert words is not None
    assert facts is not None
    ids, version = staged.new_ids, column(staged.batch, "program")[: len(facts)]
    if rows is not None:
        outcome, facts, version = outcome_of(outcome, rows), take(facts, rows), version[rows]
        ids = [ids[row] for row in rows.tolist()]
    names = replica.names_of(corrected(outcome.postings))
    seqs: Sequence[int] = range(record.first, record.first + len(ids))
    if rows is not None:
        seqs = [record.first + row for row in rows.tolist()]
    answers = rated_answers(words, ids, seqs, outcome, names)
    if card := card_of(facts, 0, replica.dictionaries.members.names):
        answers[0]["card"] = card
    elif facts.kind[0] in CLAIMS and staged.legs is not None:
        legs = staged.legs
        names = replica.names_of(corrected(legs.outcome.postings))
        after = range(legs.batch.first, legs.batch.first + len(legs.batch.ids))
        rest = rated_answers(words, legs.batch.ids, after, legs.outcome, names)
        answers[0] = claim_answer(answers[0], rest)
    for row in np.flatnonzero(facts.member == NO_MEMBER).tolist():
        answers[row] = of_nobody(answers[row])
    tell_taken(answers, facts)
    tell_codes(answers, facts)
    if staged.legs is not None:
        tell_refunds(answers, refunds_of(staged.batch, replica.dictionaries))
    if outcome.status.any():
        assert replica.fold is not None
        tell_redeemable(replica.fold, answers, outcome, facts, version)
    return answers


def _rated_table(replica: Replica, staged: Staged) -> pa.Table:
    outcome, record, words = staged.outcome, staged.record, replica.words
    if outcome is None or record is None:
        return VERDICTS.empty_table()
    assert words is not None
    names = replica.names_of(corrected(outcome.postings))
    return rated_table(words, staged.id_array, record.first, outcome, names)
