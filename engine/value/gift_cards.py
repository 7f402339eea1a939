"""Gift cards: accounts of money that belong to whoever has the code (rulebook section 8).

A card is an account of its own with the program's gift currency: its lots, expiry and replay are
those of a member. Its name has a character that no fact may have, so that no till can name it.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec

from vafa.native.wire import Sale

from ..columns.answers import Answer, instant_text
from ..columns.columns import GIFT_FUND, GIFT_ISSUE, GIFTS, Facts
from ..columns.gift_accounts import account_of, code_of
from ..columns.intake import DecodedFacts
from ..private.gift_pins import gift_pin

if TYPE_CHECKING:
    from ..ledger.replica import Replica

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


def gift_card_view(replica: Replica, code: str, at_us: int | None) -> Answer | None:
    """What is on a card at an instant (us, default now); None for one that is not known."""
    now = time.time_ns() // 1000
    at = now if at_us is None else at_us
    version = replica.versions.at(at) if len(replica.versions) else None
    terms = version.program.gift_cards if version is not None else None
    found = replica.member(account_of(code), at_us, lots=True)
    if terms is None or found is None:
        return None
    totals, currency = found["totals"][terms.currency], terms.currency
    return {
        "card": code,
        "as_of": instant_text(at) if at_us is not None else found["as_of"],
        "has_pin": gift_pin(replica, code, at) is not None,
        "balance": found["balances"][currency]["active"],
        "owed": found["balances"][currency]["debt"],
        "loaded": totals["issued"], "spent": totals["redeemed"], "expired": totals["expired"],
        "lots": [
            {"amount": lot["points"], "good_through": lot["good_through"]}
            for lot in found["lots"] if lot["currency"] == currency
        ],
    }  # fmt: skip
