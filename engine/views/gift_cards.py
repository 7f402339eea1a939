"""What is on a gift card at any instant."""

from __future__ import annotations

import time

from ..columns.answers import Answer, instant_text
from ..columns.gift_accounts import account_of
from ..private.gift_pins import gift_pin
from ..replica.replica import Replica
from .views import member_view


def gift_card_view(replica: Replica, code: str, at_us: int | None = None) -> Answer | None:
    """What is on a card at an instant (us, default now); None for one that is not known."""
    now = time.time_ns() // 1000
    at = now if at_us is None else at_us
    version = replica.versions.at(at) if len(replica.versions) else None
    terms = version.program.gift_cards if version is not None else None
    found = member_view(replica, account_of(code), at_us, lots=True)
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
