"""Drawn cases in which members were referred by others."""

from __future__ import annotations

from . import random_claims, strategies
from .cases import Case, Fact
from .choices import Choices
from .strategies import Blocks

CAP = 2
"""Of the referral `friend`, in a calendar year."""

REFERRALS = f"""
[[referral]]
id = "friend"
referred = 7
referrer = 11
at_least = 100
milestones = {{ 1 = 3, 2 = 5 }}
cap = {CAP}
per = "year"

[[referral]]
id = "any friend"
referred = 1
referrer = 2
""".replace('"any friend"', '"any-friend"')
BYTES = 8


def case_of(seed: bytes) -> Case:
    """The case of a seed, with referrals; of some also with claims."""
    case = random_claims.case_of(seed) if seed[1] % 3 == 0 else strategies.case_of(seed)
    return with_referrals(case, Blocks(seed))


def with_referrals(case: Case, blocks: Blocks) -> Case:
    """A drawn case in which some members say who referred them."""
    members = case.members()
    texts = {name: text + REFERRALS for name, text in case.programs.items()}
    known: set[str] = set()
    facts: list[Fact] = []
    for place, fact in enumerate(case.facts):
        choices = Choices(blocks.block(f"refer {place}", BYTES))
        member = fact.get("member")
        if member is not None and known and choices.chance(25):
            referrer = choices.pick(sorted(known)) if choices.chance(95) else choices.pick(members)
            if referrer in known:
                facts.append({
                    "id": f"refer {place}", "kind": "member update", "member": member,
                    "occurred_at": fact["occurred_at"], "referrer": referrer,
                })  # fmt: skip
        facts.append(fact)
        if member is not None and fact["kind"] == "activity":
            # It is never refused, so its member is there.
            known.add(member)
    return Case(f"referrals {case.name}", texts, facts, case.cuts)
