"""Gift cards: accounts of money that belong to whoever has the code (rulebook section 8).

A card is an account of its own with the program's gift currency: its lots, expiry and replay are
those of a member. Its name has a character that no fact may have, so that no till can name it.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence

import msgspec

from vafa.native.wire import Sale

from ..columns.columns import GIFT_FUND, GIFT_ISSUE, GIFTS, Facts
from ..columns.gift_accounts import account_of, code_of
from ..columns.intake import DecodedFacts
from ..replica.replica import Replica

_LETTERS = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
_LENGTH = 16
"""31^16 codes: about 79 bits."""


def choose_code(replica: Replica, intake: DecodedFacts) -> None:
    """Give a card that comes into being without a code one that nobody can guess.

    An id that is known keeps the code that was chosen first.
    """
    if len(intake.ids) != 1:
        return
    fact = intake.facts[0]
    fact_id, at, member, store, terminal, lines, tenders, kind, extra = fact.parts()
    if kind == GIFT_ISSUE and not member:
        intake.facts[0] = Sale.of(
            fact_id, at, _chosen(replica, fact_id, kind), store, terminal, lines, tenders, kind,
            extra,
        )  # fmt: skip
    elif kind == GIFT_FUND and extra is not None and not extra.to:
        extra = msgspec.structs.replace(extra, to=_chosen(replica, fact_id, kind))
        intake.facts[0] = Sale.of(
            fact_id, at, member, store, terminal, lines, tenders, kind, extra
        )


def _chosen(replica: Replica, fact_id: str, kind: int) -> str:
    """The account of the card that a fact makes."""
    seq = replica.find_ids([fact_id]).get(fact_id)
    known = None if seq is None else replica.member_facts([seq])
    if known is None or known.kind[0] != kind:
        return account_of("".join(secrets.choice(_LETTERS) for _ in range(_LENGTH)))
    if kind == GIFT_FUND:
        return known.extra(0).to
    return replica.dictionaries.members.names[known.member[0]]


def card_of(facts: Facts, row: int, names: Sequence[str]) -> str:
    """The code of the card that a fact is about; "" for none. `names` are of members."""
    if facts.kind[row] == GIFT_FUND:
        return code_of(facts.extra(row).to)
    return code_of(names[int(facts.member[row])]) if facts.kind[row] in GIFTS else ""
