"""Checks of referrals (rulebook section 7).

(path, message) pairs, as `whole.check` gives them.
"""

from __future__ import annotations

import re

from ..program.program import Program, rule_of_referral
from ..program.referrals import Referral
from .figures import Found, known_currency, points

_ORDINAL = re.compile("[1-9][0-9]{0,5}|1000000")
"""As numbers are written: a milestone is found by its text."""


def referrals(program: Program) -> Found:
    """Every referral; its conditions are checked with the rule that it makes."""
    for place, referral in enumerate(program.referral):
        path = f"referral[{place}]"
        unknown = list(known_currency(program, f"{path}.currency", referral.currency))
        yield from unknown or _referral(program, path, referral)


def _referral(program: Program, path: str, referral: Referral) -> Found:
    scale = program.currency_named(referral.currency).scale
    for name in ("referred", "referrer"):
        yield from points(f"{path}.{name}", getattr(referral, name), scale)
    for ordinal, figure in referral.milestones.items():
        if _ORDINAL.fullmatch(ordinal) is None:
            yield f"{path}.milestones", f"{ordinal[:20]!r} is no number of referrals from 1 to 10^6"
        yield from points(f"{path}.milestones.{ordinal}", figure, scale)
    if referral.per != "lifetime" and referral.cap is None:
        yield f"{path}.per", "says nothing without a cap"
    when = referral.when
    if referral.at_least and when.min_amount is not None:
        yield f"{path}.when.min_amount", "is what at_least says: give one of them"
    if when.member_type is not None:
        yield f"{path}.when.member_type", "is not asked of referrals"
    if when.activity is not None:
        yield f"{path}.when.activity", "a referral is for a sale"
    if any(rule.id == referral.id and rule != rule_of_referral(referral) for rule in program.rule):
        yield f"{path}.id", f"{referral.id!r} is a rule's name"
