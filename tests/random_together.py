"""Drawn cases in which referrals, claims, merges and households meet.

Each comes from the stream that it has where it is drawn alone.
"""

from __future__ import annotations

from . import random_claims, random_referrals, random_ties
from .cases import Case
from .strategies import Blocks


def case_of(seed: bytes) -> Case:
    """The case of a seed: members that are tied and referred, half of them with claims."""
    blocks, case = Blocks(seed), random_ties.case_of(seed)
    if seed[2] % 2:
        case = random_claims.with_claims(case, blocks)
    return random_referrals.with_referrals(case, blocks)
