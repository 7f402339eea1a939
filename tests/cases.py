"""A case of the differential tests: programs and wire facts in order of arrival.

A case is data and nothing else, so that a failing one can be written down as a row of
`differential_cases`: programs as TOML text by name, facts as JSON, a line each.

>>> case = Case("one", {"v1": "format = 1"}, [{"id": "a", "kind": "day closed"}])
>>> read_row(case.name, row(case)) == case
True
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from functools import lru_cache
from typing import Any

import msgspec

from vafa.engine.program.program import Program

Fact = dict[str, Any]

PUBLISH = "program publish"
TIES = ("merge", "unmerge", "pool", "unpool")
JOINT = (
    "transfer", "reward redeem", "gift card issue", "gift card load", "gift card redeem", *TIES,
    "claim",
)  # fmt: skip


def is_control(fact: Fact) -> bool:
    """Whether a fact is of no member; a sale may be nobody's, and its returns."""
    return "member" not in fact and fact["kind"] not in ("sale", "return")


def is_alone(fact: Fact) -> bool:
    """Whether a fact is a commit of its own: one of no member, or of several."""
    return is_control(fact) or fact["kind"] in JOINT or "claim" in fact


@dataclass
class Case:
    """Facts in order of arrival; each batch takes as many as `cuts` says, over and over.

    A fact of kind `program publish` names its program in `programs`. Facts of no member, or
    of several, end a batch, as they do in a ledger.
    """

    name: str
    programs: dict[str, str]
    facts: list[Fact]
    cuts: tuple[int, ...] = (1,)
    notes: str = field(default="", compare=False)

    def batches(self) -> Iterator[list[Fact]]:
        """The facts as they are committed: facts of members together, each other one alone."""
        batch: list[Fact] = []
        number = 0
        for fact in self.facts:
            if is_alone(fact):
                if batch:
                    yield batch
                    batch, number = [], number + 1
                yield [fact]
                continue
            batch.append(fact)
            if len(batch) >= self.cuts[number % len(self.cuts)]:
                yield batch
                batch, number = [], number + 1
        if batch:
            yield batch

    def members(self) -> list[str]:
        """Members by first arrival."""
        return list(dict.fromkeys(f["member"] for f in self.facts if "member" in f))


def body(fact: Fact) -> bytes:
    """A fact of a member, a catalogue, stores or a day closed as JSON bytes."""
    return msgspec.json.encode(fact)


@lru_cache(maxsize=8)
def unchecked(text: str) -> Program:
    """A program of a case; the ledger that it is published to checks it."""
    document = tomllib.loads(text, parse_float=Decimal)
    return msgspec.convert(document, Program, dec_hook=lambda kind, value: kind(value))


def row(case: Case) -> str:
    """A case as text: its cuts, each program between two rules, then the facts."""
    parts = [f"cuts {' '.join(map(str, case.cuts))}"]
    for name, text in case.programs.items():
        parts += [f"--- program {name}", text.rstrip("\n")]
    parts.append("--- facts")
    parts += [msgspec.json.encode(fact).decode() for fact in case.facts]
    return "\n".join(parts) + "\n"


def read_row(name: str, text: str) -> Case:
    """The case of a text as `row` writes it."""
    head, *sections = text.strip("\n").split("\n--- ")
    cuts = tuple(int(size) for size in head.removeprefix("cuts ").split())
    programs: dict[str, str] = {}
    facts: list[Fact] = []
    for section in sections:
        title, _, rest = section.partition("\n")
        if title == "facts":
            facts = [msgspec.json.decode(line) for line in rest.splitlines() if line]
        else:
            programs[title.removeprefix("program ")] = rest
    return Case(name, programs, facts, cuts)
