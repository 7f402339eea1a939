"""Makes a failing case small, as data; what comes out is a row for `differential_cases`.

Members, facts, rules and fields are taken away and numbers made simpler, one after the
other, as long as the case still fails.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

from .cases import PUBLISH, Case, Fact
from .random_programs import program_text

Fails = Callable[[Case], bool]
Path = tuple[Any, ...]

KEPT = {"id", "kind", "occurred_at", "member", "sale", "format", "unit", "zone"}
"""Fields that stay: without them nothing is left of a fact or of a program."""


class Shrinker:
    """A failing case on its way to a small one."""

    def __init__(self, case: Case, fails: Fails, most: int) -> None:
        self.case = case
        self._fails = fails
        self.left = most

    def better(self, case: Case) -> bool:
        """Take the case if it still fails."""
        if self.left <= 0:
            return False
        self.left -= 1
        if not self._fails(case):
            return False
        self.case = case
        return True

    def round(self) -> bool:
        """Try everything once; whether anything helped."""
        was = self.case
        case = was
        for member in case.members():
            self.better(with_facts(self.case, [
                fact for fact in self.case.facts if fact.get("member") != member
            ]))  # fmt: skip
        self._fewer_facts()
        if self.case.cuts != (1,):
            self.better(Case(case.name, self.case.programs, self.case.facts, (1,)))
        for name in list(self.case.programs):
            self._smaller_program(name)
        for place in range(len(self.case.facts)):
            if self.case.facts[place]["kind"] != PUBLISH:
                self._smaller_fact(place)
        return self.case is not was

    def _fewer_facts(self) -> None:
        size = max(1, len(self.case.facts) // 2)
        while size:
            at = 0
            while at < len(self.case.facts):
                facts = self.case.facts
                if not self.better(with_facts(self.case, facts[:at] + facts[at + size :])):
                    at += size
            size //= 2

    def _smaller_program(self, name: str) -> None:
        case = self.case
        if not any(fact.get("program") == name for fact in case.facts):
            kept = {other: text for other, text in case.programs.items() if other != name}
            self.case = Case(case.name, kept, case.facts, case.cuts)
            return

        def put(table: Any) -> Case:
            programs = {**self.case.programs, name: program_text(tidied(table))}
            return Case(case.name, programs, self.case.facts, self.case.cuts)

        self._smaller_tree(tomllib.loads(case.programs[name], parse_float=Decimal), put)

    def _smaller_fact(self, place: int) -> None:
        def put(fact: Any) -> Case:
            facts = self.case.facts
            return with_facts(self.case, [*facts[:place], fact, *facts[place + 1 :]])

        self._smaller_tree(self.case.facts[place], put)

    def _smaller_tree(self, tree: Any, put: Callable[[Any], Case]) -> None:
        """Take parts of a tree away, the largest first, then make its numbers simpler."""
        gone: list[Path] = []
        for path in sorted(_paths(tree), key=len):
            # Later entries of a list are tried first: taking one away moves no other.
            if path[-1] in KEPT or any(path[: len(p)] == p for p in gone):
                continue
            less = without(tree, path)
            if less is not None and self.better(put(less)):
                tree = less
                gone.append(path)
        for path in _paths(tree):
            for simple in _simpler(at(tree, path)):
                changed = replaced(tree, path, simple)
                if path[-1] not in ("id", "occurred_at", "format") and self.better(put(changed)):
                    tree = changed
                    break


def minimise(case: Case, fails: Fails, most: int = 2_000) -> Case:
    """The smallest failing case found in so many trials."""
    shrinker = Shrinker(case, fails, most)
    while shrinker.left > 0 and shrinker.round():
        pass
    return shrinker.case


def with_facts(case: Case, facts: list[Fact]) -> Case:
    """The case with other facts."""
    return Case(case.name, case.programs, facts, case.cuts)


def tidied(table: dict[str, Any]) -> dict[str, Any]:
    """A program without groups and stacks that no rule names, nor names of none."""
    table = {**table, "rule": [dict(rule) for rule in table.get("rule", [])]}
    for field in ("group", "stack"):
        known = {entry["id"] for entry in table.get(field, [])}
        for rule in table["rule"]:
            if rule.get(field) not in known:
                rule.pop(field, None)
        named = {rule.get(field) for rule in table["rule"]}
        table[field] = [entry for entry in table.get(field, []) if entry["id"] in named]
    return {key: value for key, value in table.items() if value != []}


# -- trees ---------------------------------------------------------------------------------------


def _paths(tree: Any, above: Path = ()) -> Iterator[Path]:
    """Paths of all that can be taken away; entries of a list from its end."""
    inner: Iterator[tuple[Any, Any]] = iter(())
    if isinstance(tree, dict):
        inner = iter(tree.items())
    elif isinstance(tree, list):
        inner = iter([(place, tree[place]) for place in reversed(range(len(tree)))])
    for key, value in inner:
        yield (*above, key)
        yield from _paths(value, (*above, key))


def at(tree: Any, path: Path) -> Any:
    """What stands at a path."""
    for key in path:
        tree = tree[key]
    return tree


def without(tree: Any, path: Path) -> Any:
    """The tree less what stands at a path; None if there is no such thing or it is the last."""
    try:
        if isinstance(tree, dict):
            if len(path) == 1:
                return {key: value for key, value in tree.items() if key != path[0]}
            inner = without(tree[path[0]], path[1:])
            return None if inner is None else {**tree, path[0]: inner}
        if len(path) == 1:
            return None if len(tree) == 1 else tree[: path[0]] + tree[path[0] + 1 :]
        inner = without(tree[path[0]], path[1:])
        return None if inner is None else replaced(tree, path[:1], inner)
    except (IndexError, KeyError, TypeError):
        return None


def replaced(tree: Any, path: Path, value: Any) -> Any:
    """The tree with another value at a path."""
    if not path:
        return value
    inner = replaced(tree[path[0]], path[1:], value)
    if isinstance(tree, dict):
        return {**tree, path[0]: inner}
    return [*tree[: path[0]], inner, *tree[path[0] + 1 :]]


def _simpler(value: Any) -> Iterator[Any]:
    match value:
        case bool():
            pass
        case int():
            yield from (simple for simple in (0, 1, 100, 1_000) if abs(simple) < abs(value))
        case Decimal() if value not in (0, 1):
            yield Decimal(1)
