"""Whether one value satisfies a rule's condition and its negation (rulebook section 3).

What is not known (None) makes a condition false and its negation true. Compilation asks
these of every value that a dimension can take; the kernel only looks the words up.
"""

from __future__ import annotations

from ..calendars.calendars import day_of
from ..program.conditions import Conditions, Dates, Hours


def listed(when: Conditions, name: str, value: str | None) -> bool:
    """Whether a value serves a list condition and is not ruled out by its negation.

    What is not known (None) makes a condition false and its negation true.
    """
    wanted = getattr(when, name)
    unwanted = getattr(when.negated, name)
    if wanted is not None and value not in wanted:
        return False
    return unwanted is None or value not in unwanted


def under(nodes: list[str] | None, path: str | None) -> bool:
    """Whether a category path is one of the nodes or below one."""
    return path is not None and any(
        path == node or path.startswith(node + "/") for node in nodes or []
    )


def nodes_of(path: str) -> list[str]:
    """A category path and all in whose subtree it is, the deepest first."""
    parts = path.split("/")
    return ["/".join(parts[:length]) for length in range(len(parts), 0, -1)]


def in_category(when: Conditions, path: str | None) -> bool:
    """As `listed`, for the category tree: a node stands for its subtree."""
    if when.category is not None and not under(when.category, path):
        return False
    return not under(when.negated.category, path)


def in_hours(when: Conditions, minute: int) -> bool:
    """Whether a wall-clock minute serves the time of day, over midnight too."""
    def inside(hours: Hours) -> bool:
        start = hours.start.hour * 60 + hours.start.minute
        end = hours.end.hour * 60 + hours.end.minute
        if end > start:
            return start <= minute < end
        return minute >= start or minute < end

    if when.time is not None and not inside(when.time):
        return False
    return when.negated.time is None or not inside(when.negated.time)


def in_dates(when: Conditions, day: int) -> bool:
    """Whether a business day lies within the dates, both included."""
    def inside(dates: Dates) -> bool:
        return not (
            (dates.first is not None and day < day_of(dates.first))
            or (dates.last is not None and day > day_of(dates.last))
        )

    if when.date is not None and not inside(when.date):
        return False
    return when.negated.date is None or not inside(when.negated.date)
