"""What lint finds in a program: the table of codes, and one finding (rulebook sections 3 to 6)."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

from msgspec import Struct

Severity = Literal["error", "warning", "note"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")


class Code(NamedTuple):
    """How bad a finding is, when it is made, and what to do about it."""

    severity: Severity
    when: str
    advice: str


CODES: dict[str, Code] = {
    "contradiction": Code(
        "error", "conditions of a rule that no fact can meet together",
        "take one of the conditions away",
    ),
    "empty-window": Code(
        "error", "dates, weekdays and holidays of a rule that no day has",
        "widen the dates, or take the weekday or holiday away",
    ),
    "excluded": Code(
        "error", "every line that a rule looks for is excluded by the program",
        "name other products, or take them out of `exclude`",
    ),
    "shadowed": Code(
        "error", "in a group or stack of mode `first`, or an exclusive offer group, a rule stands "
        "behind one that takes all",
        "give the narrower rule a lower priority number",
    ),
    "outdone": Code(
        "warning", "in a group, stack or offer group of mode `best` a rule never gives more, or "
        "takes more off, than another",
        "raise its figure, or take the rule away",
    ),
    "no-effect": Code(
        "warning", "a factor of 1, which adds nothing",
        "give a factor above 1, or take the rule away",
    ),
    "nothing-to-multiply": Code(
        "error", "no earn rule can match the lines of a multiply",
        "let an earn rule match the same lines",
    ),
    "dates-past": Code(
        "warning", "the last date of a rule is over",
        "take the rule away, or give it new dates",
    ),
    "segment-by-facts": Code(
        "note", "no `[[segment]]` defines a segment that a rule names",
        "see that facts set it, or correct its name",
    ),
    "limit-never-binds": Code(
        "warning", "another limit, a cap or the rule's own figure always cuts before a limit",
        "lower the limit, or take it away",
    ),
    "uses-never-bind": Code(
        "warning", "another limit always stops a rule before its uses do",
        "lower the uses, or take them away",
    ),
    "cap-never-binds": Code(
        "warning", "another cap of the currency always cuts before a cap",
        "lower the cap, or take it away",
    ),
    "milestone-unreachable": Code(
        "warning", "a milestone of a referral is beyond its cap for ever",
        "raise the cap, or lower the milestone",
    ),
    "bands-not-rising": Code(
        "warning", "a band gives a lower rate than the one before it",
        "let the rates rise, or use `marginal` bands if the fall is meant",
    ),
    "thresholds-not-rising": Code(
        "warning", "a tier can be reached by a member who has not met the tier below",
        "ask at least as much of every figure as the tier below",
    ),
    "tier-unreachable": Code(
        "warning", "a tier asks for points that rules and caps cannot give",
        "lower the threshold, or let rules give the currency",
    ),
    "tier-figure-falls": Code(
        "warning", "a rule gives a tier less than a lower tier, or leaves it out",
        "name the higher tier with at least the figure of the lower one",
    ),
    "tie-by-place": Code(
        "warning", "rules of one priority in a group or stack of mode `first`, or an exclusive "
        "offer group, meet, or of mode `best` give the same, and their place in the file decides",
        "give them different priorities",
    ),
    "groups-overlap": Code(
        "note", "two exclusive groups, stacks or offer groups give for the same lines, and both "
        "count",
        "put the rules in one group if only one of them is meant",
    ),
    "unused": Code(
        "note", "nothing names a counter, a sequence, a segment or a holiday calendar",
        "take it away, or name it in a condition",
    ),
    "more-earns-less": Code(
        "warning", "a search found a basket that earns less when a line of it costs more",
        "see which rule falls, and let its figure rise with the basket",
    ),
    "line-earns-less": Code(
        "note", "a search found a basket that earns less with one more line",
        "see whether the condition that the line breaks is meant so",
    ),
    "split-earns-more": Code(
        "note", "a search found a basket that earns more when it is paid as two",
        "give the rule or the cap a limit by business day where that is not meant",
    ),
}  # fmt: skip


class Finding(Struct, frozen=True, omit_defaults=True):
    """One thing that lint tells of a program.

    `path` is a place in the file and `line` its line; `rule` the id of the rule that it is
    of. `example` is what a search found: who bought what, and what both ways earn.
    """

    code: str
    severity: Severity
    line: int
    path: str
    message: str
    advice: str
    rule: str | None = None
    example: dict[str, Any] | None = None


class Found(NamedTuple):
    """A finding before its line is known."""

    code: str
    path: str
    message: str
    rule: str | None = None
    example: dict[str, Any] | None = None
    severity: Severity | None = None


def tied_by_place(path: str, early: str, late: str, priority: int) -> Found:
    """Two rules of one priority of which the place in the file decides."""
    return Found(
        "tie-by-place", path,
        f"{early!r} stands before it in the file, with the same priority {priority}", late,
    )  # fmt: skip
