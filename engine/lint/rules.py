"""Rules that never give, and rules whose order or company is not what it looks like
(rulebook sections 3 and 4).

Rules of one group are compared pair by pair, of a large group the first PAIRS_OF rules.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal
from itertools import combinations

import numpy as np

from ..calendars.calendars import FIRST_DAY
from ..program.conditions import LINE_LISTS, LineConditions
from ..program.program import Program
from ..program.rules import Bonus, Earn, Multiply, Rule, RuleLimits, Uses
from .conditions import Sets
from .contradictions import contradictions
from .findings import Found, tied_by_place
from .implied import implies, lines_imply

PAIRS_OF = 200


def lint_rules(program: Program, sets: Sets, today: int) -> Iterator[Found]:
    """Every rule alone; `today` is a business day."""
    for place, rule in enumerate(program.rule):
        path = f"rule[{place}]"
        never = list(_never(program, sets, path, rule))
        yield from never
        if not never:
            yield from _dates(sets, path, rule, today)
        yield from _figures(program, path, rule)
        yield from _segments(program, path, rule)
    yield from _nothing_to_multiply(program, sets)


def _never(program: Program, sets: Sets, path: str, rule: Rule) -> Iterator[Found]:
    when = rule.when
    for name, why in contradictions(sets, when):
        yield Found("contradiction", f"{path}.when.{name}", why, rule.id)
    if not sets.days(when).any():
        yield Found(
            "empty-window", f"{path}.when.{_window(rule)}", "no day serves dates, weekdays and "
            "holidays together", rule.id,
        )  # fmt: skip
    figures = by_tier(rule)
    if figures is not None and sets.tier_set(when):
        rungs = {sets.tiers.index(name) for name in figures}
        if not rungs & sets.tier_set(when):
            yield Found(
                "contradiction", f"{path}.when.tier",
                "the tiers that the rule has figures for are not those of its conditions", rule.id,
            )
    if all_excluded(program, when, when.negated):
        yield Found(
            "excluded", f"{path}.when", "every line that it looks for is in `exclude`", rule.id
        )


def _window(rule: Rule) -> str:
    when = rule.when
    return "date" if when.date else "weekday" if when.weekday else "holiday"


def by_tier(rule: Rule) -> dict[str, Decimal] | None:
    """Figures of a rule that has one a tier."""
    match rule:
        case Multiply(factor=dict() as figures) | Earn(points=dict() as figures):
            return figures
        case Bonus(points=dict() as figures):
            return figures
    return None


def all_excluded(
    program: Program, when: LineConditions, refused: LineConditions | None = None
) -> bool:
    """Whether every line that conditions look for is excluded; `refused` are those under `not`."""
    nothing = LineConditions()
    negated = nothing if refused is None else refused
    if any(lines_imply(when, negated, excluded) for excluded in program.exclude):
        return True
    # Values of one list may be excluded by several entries together.
    for name in LINE_LISTS:
        given = getattr(when, name)
        if given is None or name in ("category", "label"):
            continue
        gone: set[str] = set()
        for excluded in program.exclude:
            alone = LineConditions(**{name: getattr(excluded, name)})
            if excluded != nothing and excluded == alone:
                gone |= set(getattr(excluded, name))
        if set(given) <= gone:
            return True
    return False


def _dates(sets: Sets, path: str, rule: Rule, today: int) -> Iterator[Found]:
    if rule.when.date is None or rule.when.date.last is None:
        return
    days = np.flatnonzero(sets.days(rule.when)) + FIRST_DAY
    if days[-1] < today:
        yield Found(
            "dates-past", f"{path}.when.date.to", f"its last day was {rule.when.date.last}",
            rule.id,
        )  # fmt: skip


def _figures(program: Program, path: str, rule: Rule) -> Iterator[Found]:
    if isinstance(rule, Multiply):
        figures = rule.factor.values() if isinstance(rule.factor, dict) else [rule.factor]
        if all(figure == 1 for figure in figures):
            yield Found("no-effect", f"{path}.factor", "times 1 adds nothing", rule.id)
    if isinstance(rule, Bonus) and rule.of_balance is not None and rule.of_balance.factor == 1:
        yield Found(
            "no-effect", f"{path}.of_balance.factor", "times 1 adds nothing", rule.id
        )  # fmt: skip
    if isinstance(rule, Earn) and rule.bands is not None:
        for place, band in enumerate(rule.bands[1:], 1):
            before = rule.bands[place - 1]
            if band.points < before.points:
                # Of marginal bands each slice has its own rate: no basket earns less.
                marginal = rule.band_mode == "marginal"
                yield Found(
                    "bands-not-rising", f"{path}.bands[{place}].points",
                    f"{band.points} from {band.start} on, after {before.points} below", rule.id,
                    severity="note" if marginal else None,
                )
    figures_of = by_tier(rule)
    if figures_of is not None:
        yield from _figures_by_tier(program, path, rule, figures_of)


def _figures_by_tier(
    program: Program, path: str, rule: Rule, figures: dict[str, Decimal]
) -> Iterator[Found]:
    names = [tier.id for tier in program.tiers()]
    field = "factor" if isinstance(rule, Multiply) else "points"
    best: tuple[str, Decimal] | None = None
    for name in names:
        mine = figures.get(name)
        if best is not None and (mine is None or mine < best[1]):
            has = "has none" if mine is None else f"has {mine}"
            yield Found(
                "tier-figure-falls", f"{path}.{field}",
                f"{best[0]} has {best[1]}, and the higher {name} {has}", rule.id,
            )
        if mine is not None and (best is None or mine > best[1]):
            best = name, mine


def _segments(program: Program, path: str, rule: Rule) -> Iterator[Found]:
    defined = {segment.id for segment in program.segment}
    for at, part in (("when", rule.when), ("when.not", rule.when.negated)):
        for place, name in enumerate(part.segment or ()):
            if name not in defined:
                yield Found(
                    "segment-by-facts", f"{path}.{at}.segment[{place}]",
                    f"only facts can put a member into {name!r}", rule.id,
                )


def _nothing_to_multiply(program: Program, sets: Sets) -> Iterator[Found]:
    earns = [rule for rule in program.rule if isinstance(rule, Earn)]
    for place, rule in enumerate(program.rule):
        if not isinstance(rule, Multiply):
            continue
        its = [
            earn for earn in earns
            if program.currency_of(earn) == program.currency_of(rule)
            and earn.when.activity is None
        ]  # fmt: skip
        if its and all(sets.apart(rule.when, earn.when) for earn in its):
            yield Found(
                "nothing-to-multiply", f"rule[{place}]",
                "its conditions and those of every earn rule exclude each other", rule.id,
            )


# -- groups ------------------------------------------------------------------------------------


def lint_groups(program: Program, sets: Sets) -> Iterator[Found]:
    """Groups of earn rules, then stacks of multiplies and bonuses."""
    for table, entries in (("group", program.group), ("stack", program.stack)):
        modes = {entry.id: entry.mode for entry in entries}
        rules_of = {
            name: [rule for rule in program.rules_in_order() if company(rule) == (table, name)]
            for name in modes
        }
        for name, mode in modes.items():
            if mode == "first":
                yield from _first(program, sets, rules_of[name][:PAIRS_OF])
            elif mode == "best":
                yield from _best(program, sets, rules_of[name][:PAIRS_OF])
        exclusive = [name for name, mode in modes.items() if mode in ("first", "best")]
        for one, two in combinations(exclusive, 2):
            yield from _overlap(program, sets, table, (one, two), (rules_of[one], rules_of[two]))


def company(rule: Rule) -> tuple[str, str | None]:
    """The group or stack that a rule is in."""
    if isinstance(rule, Earn):
        return "group", rule.group
    return "stack", rule.stack if isinstance(rule, Multiply | Bonus) else None


def _place(program: Program, rule: Rule) -> str:
    return f"rule[{program.rule.index(rule)}]"


def _first(program: Program, sets: Sets, rules: list[Rule]) -> Iterator[Found]:
    """`rules` in their order; one finding a rule."""
    for at, late in enumerate(rules):
        for early in rules[:at]:
            if sets.apart(early.when, late.when):
                continue
            if _unbounded(early) and _covers(sets, early, late):
                yield Found(
                    "shadowed", _place(program, late),
                    f"whatever it matches is taken by {early.id!r} before it", late.id,
                )
                break
            if early.priority == late.priority:
                yield tied_by_place(_place(program, late), early.id, late.id, late.priority)
                break


def _unbounded(rule: Rule) -> bool:
    """Whether a rule always takes part: one without room leaves its group to others."""
    return rule.limits == RuleLimits() and rule.uses == Uses() and rule.budget is None


def _covers(sets: Sets, wide: Rule, narrow: Rule) -> bool:
    """Whether one rule takes part wherever the other does."""
    tiers = by_tier(wide)
    if tiers is not None:
        mine = sets.tier_set(narrow.when)
        figures = by_tier(narrow)
        if figures is not None:
            mine &= {sets.tiers.index(name) for name in figures}
        if not mine <= {sets.tiers.index(name) for name in tiers}:
            return False
    return implies(sets, narrow.when, wide.when)


def _best(program: Program, sets: Sets, rules: list[Rule]) -> Iterator[Found]:
    """`rules` in their order; one finding a rule."""
    for at, late in enumerate(rules):
        twin = next((early for early in rules[:at] if _may_tie(sets, early, late)), None)
        if twin is not None:
            yield Found(
                "tie-by-place", _place(program, late),
                f"it gives what {twin.id!r} gives, which stands before it in the file, with the "
                f"same priority {late.priority}", late.id, severity="note",
            )  # fmt: skip
        for other in rules:
            if other is late or not _unbounded(other) or not _covers(sets, other, late):
                continue
            if _never_more(late, other, first=rules.index(other) < rules.index(late)):
                yield Found(
                    "outdone", _place(program, late),
                    f"{other.id!r} gives at least as much wherever it matches", late.id,
                )
                break


def _may_tie(sets: Sets, early: Rule, late: Rule) -> bool:
    """Whether two rules of a group may give the same, and only their place tells them apart."""
    return (
        early.priority == late.priority
        and _never_more(late, early, first=True)
        and _never_more(early, late, first=True)
        and not (_unbounded(early) and _covers(sets, early, late))
        and sets.apart(early.when, late.when) is None
    )


def _never_more(rule: Rule, other: Rule, *, first: bool) -> bool:
    """Whether a rule never gives more than another of its group; ties go to the first."""
    match rule, other:
        case Multiply(factor=Decimal() as mine), Multiply(factor=Decimal() as its):
            return mine < its or (mine == its and first)
        case Earn(points=Decimal() as mine), Earn(points=Decimal() as its):
            alike = all(
                getattr(rule, name) == getattr(other, name)
                for name in ("basis", "tenders", "round", "blocks")
            )  # fmt: skip
            a, b = mine * other.per, its * rule.per
            if rule.blocks and rule.per != other.per:
                return False
            return alike and (a < b or (a == b and first))
        case Bonus(points=Decimal() as mine), Bonus(points=Decimal() as its):
            fixed = rule.per_units == other.per_units and rule.on == other.on
            return fixed and (mine < its or (mine == its and first))
    return False


def _overlap(
    program: Program, sets: Sets, table: str, names: tuple[str, str],
    rules: tuple[Iterable[Rule], Iterable[Rule]],
) -> Iterator[Found]:
    for one in list(rules[0])[:PAIRS_OF]:
        for two in list(rules[1])[:PAIRS_OF]:
            if program.currency_of(one) != program.currency_of(two):
                continue
            if sets.apart(one.when, two.when) is None:
                place = [entry.id for entry in getattr(program, table)].index(names[1])
                yield Found(
                    "groups-overlap", f"{table}[{place}]",
                    f"{two.id!r} of {names[1]!r} and {one.id!r} of {names[0]!r} may both give "
                    "for one line", two.id,
                )  # fmt: skip
                return


# -- what nobody looks at ------------------------------------------------------------------------


def lint_unused(program: Program) -> Iterator[Found]:
    """Counters, sequences, segments and holiday calendars that nothing names."""
    named: dict[str, set[str]] = {"counter": set(), "sequence": set(), "segment": set(),
                                  "holidays": set()}  # fmt: skip
    for rule in program.rule:
        for part in (rule.when, rule.when.negated):
            named["segment"] |= set(part.segment or ())
            named["holidays"] |= set(part.holiday or ())
            named["counter"] |= {part.counter.id} if part.counter else set()
            named["sequence"] |= {part.sequence.id} if part.sequence else set()
    for tier in program.tiers():
        named["counter"] |= set(tier.at_least.counter)
    for table, names in named.items():
        for place, entry in enumerate(getattr(program, table)):
            if entry.id not in names:
                yield Found("unused", f"{table}[{place}]", f"nothing names {entry.id!r}")
