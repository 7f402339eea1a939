"""Drawn cases in which sales are rung up without a member, and claimed."""

from __future__ import annotations

import datetime as dt

from . import strategies
from .cases import Case, Fact
from .choices import Choices
from .strategies import Blocks

CLAIM_BYTES = 24


def case_of(seed: bytes) -> Case:
    """The case of a seed, with some of its sales claimed, some never, some by another."""
    return with_claims(strategies.case_of(seed), Blocks(seed))


def with_claims(case: Case, blocks: Blocks) -> Case:
    """A drawn case of which some sales have lost their member."""
    members = [*case.members(), "m-new"]
    texts = {name: f'"claim_days" = 60\n{text}' for name, text in case.programs.items()}
    arrived: list[tuple[int, int, Fact]] = []
    lost: set[str] = set()
    for place, fact in enumerate(case.facts):
        choices = Choices(blocks.block(f"claim {place}", CLAIM_BYTES))
        whole = dict(fact)
        if _may_be_nobodys(fact) and choices.chance(45):
            lost.add(fact["id"])
            mine = whole.pop("member")
            arrived += _claims(choices, place, fact, mine, members)
        elif fact["kind"] == "return" and fact.get("sale") in lost and choices.chance(40):
            whole.pop("member")
        arrived.append((place, 0, whole))
    arrived.sort(key=lambda one: one[:2])
    return Case(f"claims {case.name}", texts, [fact for *_, fact in arrived], case.cuts)


def _may_be_nobodys(fact: Fact) -> bool:
    """Whether nobody may bring a sale: it takes nothing of a member's."""
    if fact["kind"] != "sale" or fact.keys() & {"return", "offers", "coupons"}:
        return False
    return not any(tender.keys() & {"points", "ref"} for tender in fact.get("tenders", ()))


def _claims(
    choices: Choices, place: int, sale: Fact, mine: str, members: list[str]
) -> list[tuple[int, int, Fact]]:
    """Claims of a sale with their cancels, each at its place in the order of arrival."""
    found: list[tuple[int, int, Fact]] = []
    at = dt.datetime.fromisoformat(sale["occurred_at"])
    for number in range(choices.pick((1, 1, 0, 2, 3))):
        at += dt.timedelta(hours=choices.pick((1, 24, -1, 24 * 20, 24 * 50, 0)))
        place += choices.pick((1, 2, 1, 5, 9))
        member = mine if choices.chance(70) else choices.pick(members)
        name = f"k{number} {sale['id']}"
        claim = {"id": name, "kind": "claim", "occurred_at": at.isoformat(), "member": member,
                 "sale": sale["id"]}  # fmt: skip
        found.append((place, 1, claim))
        if choices.chance(60):
            at += dt.timedelta(hours=choices.pick((1, 24, 24 * 9)))
            place += choices.pick((1, 2, 5))
            cancel = {"id": f"u{name}", "kind": "cancel", "occurred_at": at.isoformat(),
                      "member": member, "claim": name}  # fmt: skip
            found.append((place, 2, cancel))
    return found
