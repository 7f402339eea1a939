"""The first answer to a fact: what its till was told, rebuilt from the journal for ever."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

import numpy as np

from ..columns.answers import (
    Answer,
    claim_answer,
    control_answer,
    corrected,
    of_nobody,
    rated_answers,
    stored_answer,
)
from ..columns.columns import CLAIMS, MEMBER_KINDS, REFERRAL_IN, SALE, outcome_of
from ..columns.records import StoredFact, read_facts, read_outcome
from ..columns.schema import NO_MEMBER, column
from ..controls.coupon_book import read_issue
from ..controls.standing import COUPON_ISSUE, facts_of_record, legs_of_record
from ..journal.record_cache import Decoded
from ..replica.replica import Replica
from ..value.coupons import tell_codes
from ..value.gift_cards import card_of
from ..value.redeemable import tell_redeemable, tell_taken
from ..value.refunds import refunds_of, tell_refunds


def first_answers(replica: Replica, seqs: Sequence[int]) -> list[Answer]:
    """The first answers to journalled facts, each rebuilt from its row.

    A load that is sent again asks for as many as there are: plain sales of a record are told
    together.
    """
    found: dict[int, Answer] = {}
    for decoded, some in groupby(sorted(set(seqs)), replica.records.at):
        found |= _plain_answers(replica, decoded, [*some])
    return [
        dict(found[seq]) if seq in found else first_answer(replica, seq) for seq in seqs
    ]


def _plain_answers(replica: Replica, decoded: Decoded, seqs: list[int]) -> dict[int, Answer]:
    """Of a record the answers to sales of which nothing but the common form is told."""
    kind = column(decoded.batch, "kind")
    n = facts_of_record(kind)
    if len(seqs) == 1 or legs_of_record(kind, n):
        return {}
    # Rows of budgets that the record has closed stand behind: they have no balances.
    batch, kind = decoded.batch.slice(0, n), kind[:n]
    rows = np.array(seqs, np.int64) - decoded.record.first
    rows = rows[rows < n]
    plain = (
        (kind == SALE) & (column(batch, "member") != NO_MEMBER) & (decoded.status[:n] == 0)
        & batch.column("payload").is_null().to_numpy(zero_copy_only=False)
    )  # fmt: skip
    rows = rows[plain[rows]]
    if not len(rows):
        return {}
    outcome = outcome_of(read_outcome(batch), rows)
    assert replica.words is not None
    told = [decoded.record.first + row for row in rows.tolist()]
    ids = batch.column("id").take(rows).to_pylist()
    names = replica.names_of(corrected(outcome.postings))
    return dict(zip(told, rated_answers(replica.words, ids, told, outcome, names), strict=True))


def first_answer(replica: Replica, seq: int) -> Answer:
    """The first answer to a journalled fact, rebuilt from its row."""
    stored = replica.stored(seq)
    if stored.kind not in MEMBER_KINDS:
        answer = control_answer(stored.id, seq, stored.status)
        if stored.kind == COUPON_ISSUE:
            answer["codes"] = read_issue(stored.batch.column("payload")[stored.row].as_py()).codes
        return answer
    assert replica.words is not None
    answer = stored_answer(replica.words, stored, replica.names_of)
    one = stored.batch.slice(stored.row, 1)
    facts = read_facts(one)
    tell_codes([answer], facts)
    number = int(facts.member[0])
    if number == NO_MEMBER:
        return of_nobody(answer)
    if stored.kind in CLAIMS and not stored.status:
        rest = [StoredFact(seq + n, stored.batch, stored.row + n, stored.committed_at)
                for n in range(1, 1 + legs_of_record(column(stored.batch, "kind"), 1))
                if column(stored.batch, "kind")[n] != REFERRAL_IN]
        return claim_answer(
            answer, [stored_answer(replica.words, one, replica.names_of) for one in rest]
        )
    tell_refunds([answer], refunds_of(stored.batch, replica.dictionaries))
    tell_taken([answer], facts)
    card = card_of(facts, 0, replica.dictionaries.members.names)
    if card:
        answer["card"] = card
    if stored.status:
        assert replica.fold is not None
        tell_redeemable(replica.fold, [answer], read_outcome(one), facts, column(one, "program"))
    return answer
