"""What returns put back on the gift cards that paid a sale (rulebook sections 4 and 9).

A card gets back the share of what it paid that the redeemed money which is back has of all that
was redeemed, floored, over all returns of the sale together: so it does not matter in which order
they came. It stands as a row on the card's own chain, and what has been put back stays.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from ..columns.answers import Answer
from ..columns.columns import GIFT_REFUND, Extra, without_lines
from ..columns.dictionaries import Dictionaries
from ..columns.gift_accounts import account_of, code_of
from ..columns.records import read_facts
from ..columns.schema import column
from ..folding.batch import Batch, CameBack, Past
from ..folding.fold import Fold

Due = tuple[CameBack, int, int]
"""What a return puts on a card: (the return, number of the card's account, money)."""


class Refund(NamedTuple):
    """Money that went back on a gift card with the return of an id."""

    id: str
    card: str
    amount: int


def due(fold: Fold, came_back: list[CameBack], past: Past) -> list[Due]:
    """What the returns of a commit put on which cards, in the order in which they were taken."""
    found: list[Due] = []
    given: Counter[tuple[int, str]] = Counter()
    for back in came_back:
        for card, paid in _paid(fold, back).items():
            key = card, back.sale
            if key not in given:
                given[key] = _given(fold, card, back.sale, past)
            whole = paid * back.back // back.redeemed if back.redeemed else 0
            if whole > given[key]:
                found.append((back, card, whole - given[key]))
                given[key] = whole
    return found


def _paid(fold: Fold, back: CameBack) -> Counter[int]:
    """What each card paid of a sale, by the number of its account."""
    paid: Counter[int] = Counter()
    first = int(back.facts.tenders_from[1])
    for place, code in back.facts.extra(1).tender_cards:
        number = fold.dictionaries.members.numbers[account_of(code)]
        paid[number] += int(back.facts.amount[first + place])
    return paid


def _given(fold: Fold, card: int, sale: str, past: Past) -> int:
    """What a card has got back of a sale before this commit."""
    history = past.history({card: fold.last_seq(card)})
    return sum(
        history.facts.extra(row).amount
        for row in np.flatnonzero(history.facts.kind == GIFT_REFUND).tolist()
        if history.facts.extra(row).named == sale
    )


def refunds_of(batch: pa.RecordBatch, dictionaries: Dictionaries) -> list[Refund]:
    """What the rows of a record have put back on gift cards."""
    rows = np.flatnonzero(column(batch, "kind") == GIFT_REFUND).tolist()
    facts = read_facts(batch) if rows else None
    return [] if facts is None else [
        Refund(
            batch.column("id")[row].as_py(),
            code_of(dictionaries.members.names[int(facts.member[row])]), facts.extra(row).amount,
        )
        for row in rows
    ]  # fmt: skip


def tell_refunds(answers: Iterable[Answer], refunds: Iterable[Refund]) -> None:
    """Tell returns what they put back on gift cards, also those that had waited for a sale."""
    told: dict[str, list[Answer]] = {}
    for one in refunds:
        told.setdefault(one.id, []).append({"card": one.card, "amount": one.amount})
    if not told:
        return
    for answer in answers:
        for entry in (answer, *answer.get("parked", ())):
            if entry["id"] in told:
                entry["refunds"] = told[entry["id"]]


def refund_rows(some: list[Due], first: int) -> Batch:
    """The rows of cards, from seq `first` on: each names the sale whose payment goes back."""
    rows = without_lines(
        GIFT_REFUND, np.array([int(back.facts.at[0]) for back, _, _ in some], np.int64),
        np.array([card for _, card, _ in some], np.uint32),
    )  # fmt: skip
    for name in ("store", "terminal", "day", "minute"):
        column = getattr(rows, name)
        column[:] = [getattr(back.facts, name)[0] for back, _, _ in some]
    rows.extras = [Extra(named=back.sale, amount=amount) for back, _, amount in some]
    version = np.array([back.version for back, _, _ in some], np.uint16)
    return Batch(rows, [back.id for back, _, _ in some], first, version, legs=True)
