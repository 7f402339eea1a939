"""docs/semantics.md says what the engine computes: each of its cases comes to its figures."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import get_args, get_type_hints

import pytest

from vafa.engine.program.conditions import Rounding, RuleRounding
from vafa.engine.program.currencies import After, Caps, Currency, Inactivity, Never, PeriodEnd
from vafa.engine.program.program import Program
from vafa.engine.program.rules import Bonus, Earn, Group, Offer, Rule, RuleLimits, Stack
from vafa.engine.program.spending import Returns
from vafa.engine.program.tiers import Ladder, Rolling, Validity

from . import semantics_doc
from .semantics_doc import PAGE, Case, Outcome, case_of, differences, run

CASES = semantics_doc.cases()


@cache
def outcome(place: int) -> Outcome:
    """What a ledger makes of a case."""
    return run(CASES[place])


def params() -> list[object]:
    """The cases by their headings; one that the engine does not meet must go on failing."""
    return [
        pytest.param(
            place, id=case.heading,
            marks=[pytest.mark.xfail(reason=case.differs, strict=True)] if case.differs else [],
        )
        for place, case in enumerate(CASES)
    ]


@pytest.mark.parametrize("place", params())
def test_a_case_comes_to_its_figures(place: int) -> None:
    assert differences(CASES[place], outcome(place)) == []


@pytest.mark.parametrize("place", range(len(CASES)), ids=[case.heading for case in CASES])
def test_a_case_replays(place: int) -> None:
    assert outcome(place).findings == []


def test_headings_tell_cases_apart() -> None:
    headings = [case.heading for case in CASES]
    assert headings == re.findall(r"^### (.+)$", PAGE.read_text("utf-8"), re.M)
    assert len(headings) == len(set(headings))


def test_the_contents_name_every_section() -> None:
    text = PAGE.read_text("utf-8")
    sections = re.findall(r"^## (.+)$", text, re.M)
    contents = text.split("\n## ")[0]
    assert re.findall(r"^- \[(.+?)\]\(#", contents, re.M) == sections


# -- a figure that is wrong goes red -----------------------------------------------------------

SOUND = """```toml case
[[rule]]
id = "base"
kind = "earn"
points = 1
per = 100
```

```jsonl
{"kind": "sale", "id": "s", "occurred_at": "2025-06-02T12:00:00Z", "member": "m", "lines": [{"sku": "milk", "quantity": 1000, "net": 1000}]}
```

| fact | rule | kind | points |
|---|---|---|---|
| s | `base` | earn | 10 |

| fact | `base` |
|---|---|
| s | 10 |

| at | active |
|---|---|
| 2025-06-02 | 10 |
"""  # noqa: E501 - as it stands on the page


@pytest.mark.parametrize(
    ("good", "bad"),
    [("earn | 10", "earn | 11"), ("| s | 10", "| s | 9"), ("06-02 | 10", "06-01 | 10"),
     ("06-02 | 10", "06-02 | 9"), ("| earn | 10", "| nothing | "), ("`base` | earn", " | earn")],
)  # fmt: skip
def test_a_wrong_figure_is_found(good: str, bad: str) -> None:
    case = case_of(semantics_doc.Part("sound", SOUND))
    assert case is not None
    assert differences(case, run(case)) == []
    assert SOUND.count(good) == 1
    wrong = case_of(semantics_doc.Part("wrong", SOUND.replace(good, bad)))
    assert wrong is not None
    try:
        found = differences(wrong, run(wrong))
    except AssertionError as error:
        found = [str(error)]
    assert found


# -- every mechanism has its case --------------------------------------------------------------


def words(kind: type, name: str, label: str = "") -> set[str]:
    """The words that a field of the program format may have, each after the label or the name."""
    return {f"{label or name} {word}" for word in get_args(get_type_hints(kind)[name])}


def given(struct: Caps) -> Iterator[str]:
    """Names of the limits that are given."""
    yield from (name for name in struct.__struct_fields__ if getattr(struct, name) is not None)


def mechanisms(program: Program, gave: set[str]) -> Iterator[str]:
    """What a program makes use of, in the words of `WANTED`; of its rules those that gave."""
    for currency in program.currency:
        yield f"round {currency.round}"
        yield f"round_at {currency.round_at}"
        yield f"expiry {currency.expiry.__struct_config__.tag}"
        yield f"currency {currency.kind}"
        yield from (f"cap {name}" for name in given(currency.caps))
        if currency.pending_days:
            yield "pending"
    for rule in program.rule:
        if rule.id in gave:
            yield from of_rule(program, rule)
    yield f"returns {program.returns.policy}"
    yield f"shortfall {program.returns.shortfall}"
    yield f"returns tiers {program.returns.tiers}"
    if program.returns.no_receipt:
        yield "no receipt"
    if program.ladder is not None:
        yield from of_tiers(program.ladder)


def of_rule(program: Program, rule: Rule) -> Iterator[str]:
    """What a rule makes use of."""
    yield f"rule {rule.__struct_config__.tag}"
    if isinstance(rule, Offer):
        return
    yield f"round {rule.round}"
    yield from (f"limit {name}" for name in given(rule.limits))
    if any(getattr(rule.uses, name) for name in rule.uses.__struct_fields__):
        yield "limit uses"
    if rule.budget:
        yield "budget"
    if rule.donate:
        yield "donation"
    if isinstance(rule, Earn):
        yield f"basis {rule.basis}"
        if rule.bands:
            yield f"bands {rule.band_mode}"
        if rule.blocks:
            yield "blocks"
        yield from (f"group {group.mode}" for group in program.group if group.id == rule.group)
        return
    yield from (f"stack {stack.mode}" for stack in program.stack if stack.id == rule.stack)
    if isinstance(rule, Bonus):
        yield bonus_form(rule)


def bonus_form(rule: Bonus) -> str:
    """How a bonus finds its points."""
    if rule.of_balance:
        return "bonus of balance"
    if rule.on:
        return "bonus on a date"
    return "bonus per units" if rule.per_units else "bonus fixed"


def of_tiers(ladder: Ladder) -> Iterator[str]:
    """What a ladder makes use of."""
    window, validity = ladder.window, ladder.validity
    if isinstance(window, Rolling):
        yield f"window rolling {'days' if window.days else 'months'}"
    else:
        yield f"window {window if window in ('lifetime', 'membership_year') else 'period'}"
    yield f"validity {'months' if isinstance(validity, Validity) else validity}"
    yield f"down {ladder.down}"
    if ladder.grace_days:
        yield "grace"
    for tier in ladder.tier:
        yield f"join {tier.join}"
        for metric in tier.at_least.__struct_fields__:
            if getattr(tier.at_least, metric):
                yield f"metric {metric}"
        if tier.bonus:
            yield "tier bonus"


def happenings(case: Case, came: Outcome) -> Iterator[str]:
    """What a case's facts are, and what became of them."""
    yield from (f"fact {fact['kind']}" for fact in case.facts)
    yield from (f"came {row['kind']}" for row in came.rows)
    if any("return" in fact for fact in case.facts):
        yield "exchange"
    if any(fact.get("manual_tier") for fact in case.facts):
        yield "manual tier"


WANTED = {
    *words(Earn, "basis"),
    *(f"round {word}" for word in (*get_args(Rounding), *get_args(RuleRounding))),
    *words(Group, "mode", "group"), *words(Stack, "mode", "stack"),
    *(f"limit {name}" for name in (*RuleLimits.__struct_fields__, "uses")),
    *(f"expiry {kind.__struct_config__.tag}" for kind in (Never, After, PeriodEnd, Inactivity)),
    *words(Returns, "policy", "returns"), *words(Returns, "tiers", "returns tiers"),
    *words(Returns, "shortfall"), *words(Ladder, "down"), *words(Currency, "round_at"),
    "rule earn", "rule multiply", "rule bonus", "bands whole", "bands marginal", "blocks",
    "bonus fixed", "bonus per units", "bonus of balance", "bonus on a date", "tier bonus",
    "cap basket", "cap day", "donation", "budget", "pending", "currency status",
    "validity next_period", "validity this_period", "validity months", "validity while_met",
    "window period", "window lifetime", "window membership_year", "window rolling days",
    "window rolling months", "grace", "join all", "join any", "manual tier", "no receipt",
    "metric spend", "metric visits", "metric margin", "metric points", "metric counter",
    "metric activity", "metric value", "metric balance",
    "came correct", "came parked", "came applied", "exchange", "came restore", "came expire",
    "came forgive", "came withhold", "came refused: points-spent", "came donate",
    "came replayed", "came refused: id-reused", "came refused: insufficient-points",
    "came hold", "came capture", "came release", "came refused: below-minimum",
    "came refused: not-a-multiple", "came refused: over-share", "came refused: over-worth",
    "came refused: above-maximum", "came refused: basket-too-small",
    "came refused: unknown-hold", "came refused: hold-ended", "came refused: hold-used",
    "came refused: more-than-held", "fact hold", "fact capture", "fact release", "fact cancel",
    "fact day closed", "fact activity", "fact adjust", "fact redeem", "fact program publish",
}  # fmt: skip


def test_every_mechanism_has_its_case() -> None:
    found: set[str] = set()
    for place, case in enumerate(CASES):
        if case.differs:
            continue
        came = outcome(place)
        found |= set(happenings(case, came))
        gave = {row["rule"] for row in came.rows if row.get("rule")}
        for program in case.parsed():
            found |= set(mechanisms(program, gave))
    assert WANTED - found == set()
