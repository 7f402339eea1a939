"""A commit that is folded, and what is told of it: as verdicts, as columns, as lines."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..columns.answer_lines import common_lines
from ..columns.answers import Answer, claim_answer, corrected, of_nobody, rated_answers
from ..columns.columns import CLAIMS, Facts, Outcome
from ..columns.dictionaries import Sizes
from ..columns.intake import Intake
from ..columns.schema import NO_MEMBER, column
from ..columns.verdicts import VERDICTS, Refusal, Verdict, rated_table, verdict_table
from ..journal.journal import Record
from ..value.coupons import tell_codes
from ..value.gift_cards import card_of
from ..value.joint import Legs
from ..value.redeemable import tell_redeemable, tell_taken
from ..value.refunds import refunds_of, tell_refunds
from .replica import Replica

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


def verdicts_of(replica: Replica, staged: Staged) -> list[Verdict]:
    """The verdicts in the order of the batch's facts."""
    made = iter(_new_answers(replica, staged))
    if staged.rows is None:
        return list(map(Verdict, made))
    return [
        _old_verdict(replica, staged, row) or Verdict(next(made))
        for row in range(len(staged.intake.ids))
    ]


def table_of(replica: Replica, staged: Staged) -> pa.Table:
    """The verdicts as a table of `verdicts.VERDICTS`."""
    rated = _rated_table(replica, staged)
    if staged.rows is None:
        return rated
    ids = staged.intake.ids
    old = [*staged.refusals, *staged.known]
    verdicts = [verdict for row in old if (verdict := _old_verdict(replica, staged, row))]
    table = pa.concat_tables([rated, verdict_table([ids[row] for row in old], verdicts)])
    return table.take(pa.array(np.argsort([*staged.rows.tolist(), *old])))


def lines_of(replica: Replica, staged: Staged, numbers: NDArray[np.int64]) -> bytes | None:
    """The verdicts as JSON lines with `numbers` first; None unless all are of the common form.

    The batch is of sales whose ids need no escape in JSON.
    """
    outcome, record, words, facts = staged.outcome, staged.record, replica.words, staged.facts
    if outcome is None or record is None or facts is None:
        return None
    if staged.rows is not None or staged.legs is not None or facts.extras is not None:
        return None
    assert words is not None
    return common_lines(
        words, numbers, staged.intake.id_array(None), record.first, outcome,
        replica.names_of(corrected(outcome.postings)),
    )  # fmt: skip


def _old_verdict(replica: Replica, staged: Staged, row: int) -> Verdict | None:
    """The verdict on a row that is refused or was known; None on a new one."""
    if row in staged.refusals:
        return Verdict(refusal=staged.refusals[row])
    if row not in staged.known:
        return None
    answer = replica.first_answer(staged.known[row])
    answer["status"] = "replayed"
    return Verdict(answer, replayed=True)


def _new_answers(replica: Replica, staged: Staged) -> list[Answer]:
    outcome, record, words = staged.outcome, staged.record, replica.words
    if outcome is None or record is None:
        return []
    assert words is not None
    names = replica.names_of(corrected(outcome.postings))
    answers = rated_answers(words, staged.new_ids, record.first, outcome, names)
    assert staged.facts is not None
    if card := card_of(staged.facts, 0, replica.dictionaries.members.names):
        answers[0]["card"] = card
    elif staged.facts.kind[0] in CLAIMS and staged.legs is not None:
        legs = staged.legs
        names = replica.names_of(corrected(legs.outcome.postings))
        rest = rated_answers(words, legs.batch.ids, legs.batch.first, legs.outcome, names)
        answers[0] = claim_answer(answers[0], rest)
    for row in np.flatnonzero(staged.facts.member == NO_MEMBER).tolist():
        answers[row] = of_nobody(answers[row])
    tell_taken(answers, staged.facts)
    tell_codes(answers, staged.facts)
    if staged.legs is not None:
        tell_refunds(answers, refunds_of(record.facts(), replica.dictionaries))
    if outcome.status.any():
        assert replica.fold is not None
        version = column(record.facts(), "program")
        tell_redeemable(replica.fold, answers, outcome, staged.facts, version)
    return answers


def _rated_table(replica: Replica, staged: Staged) -> pa.Table:
    outcome, record, words = staged.outcome, staged.record, replica.words
    if outcome is None or record is None:
        return VERDICTS.empty_table()
    assert words is not None
    names = replica.names_of(corrected(outcome.postings))
    ids = staged.intake.id_array(staged.rows)
    return rated_table(words, ids, record.first, outcome, names)
