"""Drawn cases in which referrals, claims, merges and households meet.

Each comes from the stream that it has where it is drawn alone.
"""

from __future__ import annotations

from . import random_claims, random_referrals, random_ties
from .cases import Case
from .strategies import Blocks


def case_of(seed: bytes) -> Case | None:
    """The case of a seed: members that are tied and referred, half of them with claims.

    None where a rule asks for a member's own year: what each has in its own goes on in one, and
    the reference has records alone.
    """
    blocks, case = Blocks(seed), random_ties.case_of(seed)
    if any("membership_year" in text for text in case.programs.values()):
        return None
    if seed[2] % 2:
        case = random_claims.with_claims(case, blocks)
    return random_referrals.with_referrals(case, blocks)
