"""Drawn cases with ties: members merged, merges undone, households joined and left.

A case of `strategies` gets them from a stream of its own, so that no other case changes.
"""

from __future__ import annotations

import random
from dataclasses import replace

from . import strategies
from .cases import Case, Fact

HOME = "home"
"""The household that members join."""


def case_of(seed: bytes) -> Case:
    """The case of a seed, with one to four ties among its members."""
    case, draw = strategies.case_of(seed), random.Random(seed + b"ties")
    members = case.members()
    if len(members) == 1:
        members.append("somebody")
    times = sorted({fact["occurred_at"] for fact in case.facts if "member" in fact})
    facts = [_swapped(fact, members, draw) for fact in case.facts]
    first = next(place for place, fact in enumerate(facts) if "member" in fact)
    if draw.random() < 0.5:
        facts.insert(first, {
            "id": "the household", "kind": "enrol", "occurred_at": times[0], "member": HOME,
            "type": draw.choice(("household", "organisation")),
        })  # fmt: skip
        members.append(HOME)
    made: list[Fact] = []
    # Most of them when there is something to tie.
    middle = times[len(times) // 3 :]
    for number in range(draw.randint(1, 5)):
        fact = _tie(f"tie {number}", members, made, draw)
        fact["occurred_at"] = draw.choice(middle if draw.random() < 0.8 else times)
        made.append(fact)
        facts.insert(_place(facts, fact, first, draw), fact)
    return replace(case, name=f"{case.name}, tied", facts=facts)


def _swapped(fact: Fact, members: list[str], draw: random.Random) -> Fact:
    """A fact that names another member than it did, now and then."""
    if "member" not in fact or draw.random() > 0.1:
        return fact
    return {**fact, "member": draw.choice([one for one in members if one != fact.get("to")])}


def _tie(name: str, members: list[str], made: list[Fact], draw: random.Random) -> Fact:
    """A tie, or one that undoes an earlier one where there is any."""
    undoes = {"merge": "unmerge", "pool": "unpool"}
    earlier = [fact for fact in made if fact["kind"] in undoes]
    if earlier and draw.random() < 0.4:
        fact = draw.choice(earlier)
        told = {"merge": fact["id"]} if fact["kind"] == "merge" else {"account": fact["account"]}
        return {"id": name, "kind": undoes[fact["kind"]], "member": fact["member"], **told}
    member, other = draw.sample(members, 2)
    if HOME in members and member != HOME and draw.random() < 0.5:
        return {"id": name, "kind": "pool", "member": member, "account": HOME}
    return {"id": name, "kind": "merge", "member": member, "other": other}


def _place(facts: list[Fact], fact: Fact, first: int, draw: random.Random) -> int:
    """Where a tie arrives: mostly after what happened before it, now and then anywhere."""
    if draw.random() < 0.3:
        return draw.randint(first, len(facts))
    later = [
        place for place, other in enumerate(facts)
        if place >= first and other["occurred_at"] > fact["occurred_at"]
    ]
    return later[0] if later else len(facts)
