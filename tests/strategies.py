"""Random cases for tests that compare two engines, or one with itself.

Figures are drawn from short lists, chosen so that rules match often, limits cut often,
tiers change and lots expire. Hypothesis draws a seed, from which blocks of bytes are made:
one for the program's head, one a rule, one a fact. It must not draw the blocks themselves:
its mutator copies parts of one example into the next five, and of a thousand programs so
drawn fewer than two hundred were different. A failing case is made small as data
(`shrink`), which is better at it than shrinking bytes.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from hashlib import shake_256
from typing import Any

from hypothesis import reject
from hypothesis import strategies as st

from vafa.engine.facts.parts import FormError
from vafa.engine.wire.json_facts import decode_fact

from . import random_histories, random_offers, random_programs, vocabulary
from .cases import PUBLISH, Case, Fact, body
from .choices import Choices
from .plain_cases import plain_fact, plain_table
from .random_histories import CATALOGUE_BYTES, DAYS_BYTES, FACT_BYTES
from .random_offers import OFFER_BYTES
from .random_programs import RULE_BYTES, TOP_BYTES

OFFERS = True
"""Whether programs have offers, and sales name some."""

FRAME_BYTES = 112
LADDER_BYTES = 72
EPOCH = "1970-01-01T00:00:00Z"
CUTS = (1, 2, 5, 12, 48, 48)
RULES = (4, 1, 2, 3, 5, 6, 8, 12)
"""How many rules a program has; one in fifty has more than a machine word has bits."""
FACTS = (5, 4, 6, 8, 3, 10, 14)
MEMBERS = (6, 1, 2, 4, 8, 12, 16, 16)

Table = dict[str, Any]
seeds = st.binary(min_size=16, max_size=16)


class Blocks:
    """Blocks of bytes made from one seed by name: taking one away changes no other."""

    def __init__(self, seed: bytes) -> None:
        self.seed = seed

    def block(self, name: str, size: int) -> bytes:
        """The block of a name."""
        return shake_256(self.seed + name.encode()).digest(size)

    def rules(self, name: str, count: int) -> list[bytes]:
        """Blocks for so many rules."""
        return [self.block(f"{name} {n}", RULE_BYTES) for n in range(count)]

    def facts(self, member: int, count: int) -> list[bytes]:
        """Blocks for so many facts of a member."""
        return [self.block(f"fact {member} {n}", FACT_BYTES) for n in range(count)]


@st.composite
def programs(draw: st.DrawFn) -> Table:
    """Sound program tables."""
    return program_of(Blocks(draw(seeds)))


def program_of(blocks: Blocks) -> Table:
    """The sound program table of a seed."""
    frame = Choices(blocks.block("rules", 2))
    count = frame.pick(RULES) if not frame.chance(2) else 70
    table = random_programs.program_table(
        blocks.block("program", TOP_BYTES), blocks.rules("rule", count)
    )
    offers = blocks.block("offers", 2)
    if not OFFERS or offers[0] % 3:
        return table
    made = [blocks.block(f"offer {n}", OFFER_BYTES) for n in range(1 + offers[1] % 4)]
    return random_programs.sound(random_offers.with_offers(table, made))


@st.composite
def cases(
    draw: st.DrawFn, *, certain: bool = False, days: bool = True, versions: bool = True,
    budgets: bool = True,
) -> Case:
    """Whole cases: see `case_of`."""
    case = case_of(draw(seeds), certain=certain, days=days, versions=versions, budgets=budgets)
    for fact in case.facts:
        if "member" in fact:
            try:
                decode_fact(body(fact))
            except FormError:
                # A date that is after its fact now and then: not what these tests are about.
                reject()
    return case


def case_of(
    seed: bytes, *, certain: bool = False, days: bool = True, versions: bool = True,
    budgets: bool = True, members: Sequence[int] = MEMBERS,
) -> Case:
    """The case of a seed. `certain`: no fact can be refused, whatever the order of arrival.

    Without `days` no day is closed; without `versions` one program is in force all the
    time; without `budgets` no rule has one, since a budget looks at what was committed. One of
    eight numbers of `members` is drawn.
    """
    blocks = Blocks(seed)
    frame = Choices(blocks.block("frame", FRAME_BYTES))
    table = program_of(blocks)
    plain = frame.chance(15)
    if plain:
        table = random_programs.sound(plain_table(table))
    if certain:
        table = unrefusing(table)
    if not budgets:
        table = without_budgets(table)
    histories = [blocks.facts(n, frame.pick(FACTS)) for n in range(frame.pick(members))]
    start = round(frame.pick(vocabulary.ANCHORS).timestamp()) * 1_000_000
    dated = random_histories.history(histories, table, start, certain)
    if plain:
        # Most of them of sales alone: one other fact, and its batch goes the long way.
        alone = frame.chance(70)
        dated = [
            (late, plain_fact(fact)) for late, fact in dated if fact["kind"] == "sale" or not alone
        ] or dated
    dated = [
        (late, random_offers.naming(fact, table, blocks.block(f"named {n}", 8), certain))
        for n, (late, fact) in enumerate(dated)
    ]
    times = sorted(fact["occurred_at"] for _, fact in dated)
    texts = {"v1": random_programs.program_text(table)}
    facts: list[Fact] = [{"id": "v1", "kind": PUBLISH, "occurred_at": EPOCH, "program": "v1"}]
    names = blocks.block("names", CATALOGUE_BYTES)
    facts += random_histories.catalogues(names, times[len(times) // 2])
    arrived = random_histories.arrival(dated)
    if days:
        closed = blocks.block("days", DAYS_BYTES)
        arrived = merged(arrived, random_histories.days_closed(closed, times[0], times[-1]))
    if versions and frame.chance(25):
        # What a rule has given under a version in which it has no budget is not ruled.
        texts["v1"] = random_programs.program_text(without_budgets(table))
        new = later_version(blocks, table, certain)
        made = {"v2": new}
        if frame.chance(25):
            made["v3"] = later_version(Blocks(seed + b" third"), frame.pick((table, new)), certain)
        for name, version in made.items():
            texts[name] = random_programs.program_text(without_budgets(version))
            fact = {"id": name, "kind": PUBLISH, "occurred_at": frame.pick(times), "program": name}
            arrived.insert(frame.number(0, min(255, len(arrived))), fact)
    cuts = tuple(frame.take(CUTS, frame.number(1, 4)))
    return Case(f"seed {seed.hex()}", texts, facts + arrived, cuts)


def later_version(blocks: Blocks, table: Table, certain: bool) -> Table:
    """A program as a chain publishes it after another one: other rules, terms, another ladder."""
    drawn = Choices(blocks.block("new", 3))
    new = random_programs.retimed(table, blocks.rules("new rule", drawn.pick(RULES)))
    if not certain and drawn.chance(50):
        new = random_programs.with_terms_of(new, program_of(Blocks(blocks.seed + b" new")))
    if not certain and drawn.chance(50):
        new = random_programs.with_another_ladder(new, blocks.block("ladder", LADDER_BYTES))
    return new


def unrefusing(table: Table) -> Table:
    """The program with no policy that refuses what is short."""
    returns = table.get("returns", {})
    if returns.get("shortfall") == "refuse":
        returns = {**returns, "shortfall": "debt"}
    return {**table, "returns": returns}


def without_budgets(table: Table) -> Table:
    """The program with every rule's budget taken away."""
    rules = [{k: v for k, v in rule.items() if k != "budget"} for rule in table.get("rule", [])]
    return {**table, "rule": rules}


def merged(facts: list[Fact], days: list[Fact]) -> list[Fact]:
    """Days closed among facts in order of arrival: after what happened before they ended."""
    found: list[Fact] = []
    for fact in facts:
        while days and instant(days[0]) < instant(fact):
            found.append(days.pop(0))
        found.append(fact)
    return found + days


def instant(fact: Fact) -> dt.datetime:
    """When a fact happened."""
    return dt.datetime.fromisoformat(fact["occurred_at"])
