"""Who refers whom in a batch, decided as its facts arrive (rulebook section 7): no self, no
circle, not twice.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..columns.intake import DecodedFacts
from ..columns.status import Status
from ..columns.verdicts import Refusal
from ..replica.replica import Replica


def name_referrals(
    replica: Replica, intake: DecodedFacts, fresh: NDArray[np.bool_],
    refusals: dict[int, Refusal], status: dict[int, Status],
) -> dict[str, str]:
    """Decide the rows of a batch that name a referrer; referrers by the names of their members.

    One whom nobody knows keeps nothing: the fact is no longer fresh. Others are refused in
    `status`.
    """
    found: dict[str, str] = {}
    for row in intake.with_referrers:
        if not fresh[row] or row in status:
            continue
        fact = intake.whose(row)
        assert fact.extra is not None
        referrer = fact.extra.about["referrer"]
        if not _known(replica, intake, row, referrer):
            refusals[row] = Refusal(
                "unknown-referrer", f"the member {referrer!r} is unknown", "referrer"
            )
            fresh[row] = False
        elif (said := _refusal(replica, found, fact.member, referrer)) != Status.OK:
            status[row] = said
        else:
            found[fact.member] = referrer
    return found


def _known(replica: Replica, intake: DecodedFacts, row: int, referrer: str) -> bool:
    number = replica.dictionaries.members.numbers.get(referrer)
    fold = replica.fold
    assert fold is not None
    if number is not None and number < fold.state.n_members:
        account = fold.accounts.account(number)
        if fold.state.head(account)[0] is not None:
            return True
    return any(intake.member_of(earlier) == referrer for earlier in range(row))


def _refusal(replica: Replica, found: dict[str, str], member: str, referrer: str) -> Status:
    numbers, referrals = replica.dictionaries.members.numbers, replica.membership.referrals
    accounts = replica.membership.accounts

    def who(name: str) -> int | str:
        number = numbers.get(name)
        return name if number is None else accounts.person(number)

    links: dict[int | str, int | str] = {
        accounts.person(one): accounts.person(other)
        for one, other in referrals.referrer_of.items()
    }
    links |= {who(one): who(other) for one, other in found.items()}
    if who(member) == who(referrer):
        return Status.SELF_REFERRAL
    if who(member) in links:
        return Status.ALREADY_REFERRED
    above, met = who(referrer), set[int | str]()
    # A merge may have made a circle of others.
    while above in links and above not in met:
        met.add(above)
        above = links[above]
        if above == who(member):
            return Status.REFERRAL_CIRCLE
    return Status.OK
