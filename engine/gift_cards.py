"""Gift cards: accounts of money that belong to whoever has the code (rulebook section 8).

A card is an account of its own with the program's gift currency: its lots, expiry and replay are
those of a member. Its name has a character that no fact may have, so that no till can name it.
"""

from __future__ import annotations

import secrets
import time
from typing import TYPE_CHECKING

from vafa.native.wire import Sale

from .answers import Answer, instant_text
from .columns import GIFT_ISSUE
from .gift_accounts import account_of
from .gift_pins import gift_pin
from .intake import DecodedFacts

if TYPE_CHECKING:
    from .replica import Replica

_LETTERS = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
_LENGTH = 16
"""31^16 codes: about 79 bits."""


def choose_code(replica: Replica, intake: DecodedFacts) -> None:
    """Give a card that is issued without a code one that nobody can guess.

    An id that is known keeps the code that was chosen first.
    """
    if len(intake.facts) != 1 or intake.facts[0].kind != GIFT_ISSUE or intake.facts[0].member:
        return
    fact_id, at, _, *rest = intake.facts[0].parts()
    name = account_of("".join(secrets.choice(_LETTERS) for _ in range(_LENGTH)))
    seq = replica.find_ids([fact_id]).get(fact_id)
    if seq is not None:
        known = replica.member_facts([seq])
        if known is not None and known.kind[0] == GIFT_ISSUE:
            name = replica.dictionaries.members.names[known.member[0]]
    intake.facts[0] = Sale.of(fact_id, at, name, *rest)


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
