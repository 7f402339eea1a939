"""What the receipts of a batch tell: whose a return without a member is, what may be claimed.

As with cards, each fact is decided by what is known when it arrives; one whose receipt is not
known keeps nothing, so that it may be sent again once the till has told of the sale.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vafa.native.wire import Sale

from ..columns.columns import CLAIM, NOTHING, SALE
from ..columns.intake import DecodedFacts
from ..columns.schema import NO_MEMBER
from ..columns.status import Status
from ..columns.verdicts import Refusal
from ..replica.replica import Replica

_NOBODY = Refusal("invalid-fact", "Object missing required field `member`")


def name_receipts(
    replica: Replica, intake: DecodedFacts, fresh: NDArray[np.bool_],
    refusals: dict[int, Refusal],
) -> dict[int, Status]:
    """Decide the rows of a batch that are new and that receipts tell more of.

    Returns refusals for state, by row. Rows refused for form are no longer fresh.
    """
    members: dict[int, str] = {}
    status: dict[int, Status] = {}
    earlier = {name: row for row, name in reversed(list(enumerate(intake.ids)))}
    for row in intake.with_receipts:
        if not fresh[row]:
            continue
        fact = intake.facts[row]
        said = _decide(replica, intake, fact, row, earlier, members)
        if isinstance(said, Refusal):
            refusals[row] = said
            fresh[row] = False
        elif isinstance(said, Status):
            status[row] = said
        elif said:
            members[row] = said
    intake.name(members, {})
    return status


def _decide(
    replica: Replica, intake: DecodedFacts, fact: Sale, row: int, earlier: dict[str, int],
    members: dict[int, str],
) -> Refusal | Status | str:
    """The member whose a fact is, "" nobody's or as it says itself; or why it is refused."""
    extra = fact.extra or NOTHING
    version = replica.versions.at(fact.at)
    if fact.kind != CLAIM and (version is None or version.program.claim_days is None):
        return _NOBODY
    if fact.kind == SALE:
        return ""
    name = extra.receipt or extra.named
    seq = replica.find_ids([name]).get(name)
    if seq is None:
        place = earlier.get(name, row)
        if place >= row:
            return Refusal("unknown-sale", f"the sale {name!r} is unknown", "sale")
        return members.get(place) or intake.member_of(place)
    return "" if fact.kind == CLAIM else _whose(replica, name, seq)


def _whose(replica: Replica, sale: str, seq: int) -> Status | str:
    """Whose a sale is, "" nobody's; or why a return may not name it."""
    number = replica.member_of(seq, (SALE,))
    if number is None:
        return Status.NOT_A_SALE
    if number == NO_MEMBER:
        number = replica.membership.receipts.owner(sale)
    return "" if number is None else replica.dictionaries.members.names[number]
