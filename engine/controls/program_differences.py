"""How two versions of a program differ: rule by rule, and everything else by its path."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import msgspec

from .versions import Version

Change = dict[str, Any]
"""`path` and what stood there before and stands there now; None for nothing."""


def differences(old: Version, new: Version) -> dict[str, Any]:
    """Rules that came and went, rules that changed with their fields, all other changes.

    Tables with an `id` are paired by it, other parts of lists by their place. A field at its
    default is like one that is left out. Rules' places in the file are compared last: a
    change of order is one of `other`. Dates of a country's holidays, which each publication
    carries for years of its own, are compared in the years that both have.
    """
    before, after = _plain(old), _plain(new)
    ours = {rule["id"]: rule for rule in before.pop("rule")}
    theirs = {rule["id"]: rule for rule in after.pop("rule")}
    both = [name for name in theirs if name in ours]
    changed = [
        {"rule": name, "changes": found}
        for name in both
        if (found := list(_changes("", ours[name], theirs[name])))
    ]
    other = [*_changes("", before, after), *_holidays(old, new)]
    order = [name for name in ours if name in theirs]
    if order != both:
        other.append({"path": "rule", "from": order, "to": both})
    return {
        "from": old.number,
        "to": new.number,
        "rules": {
            "added": [name for name in theirs if name not in ours],
            "removed": [name for name in ours if name not in theirs],
            "changed": changed,
        },
        "other": other,
    }


def _plain(version: Version) -> dict[str, Any]:
    plain: dict[str, Any] = msgspec.to_builtins(
        version.program, builtin_types=(Decimal, dt.date, dt.time)
    )
    return plain


def _holidays(old: Version, new: Version) -> Iterator[Change]:
    """How the dates of holiday calendars differ."""
    of_countries = {
        entry.id for version in (old, new) for entry in version.program.holidays if entry.country
    }
    ours, theirs = old.content.holidays, new.content.holidays
    for name in dict.fromkeys([*ours, *theirs]):
        before, after = ours.get(name, []), theirs.get(name, [])
        path = f"holiday_dates.{name}"
        if name in of_countries:
            were, are = ({date.year for date in dates} for dates in (before, after))
            yield from _changes(f"{path}.years", _spans(were), _spans(are))
            before = [date for date in before if date.year in are]
            after = [date for date in after if date.year in were]
        both = {*before} & {*after}
        yield from _changes(
            path, [date for date in before if date not in both],
            [date for date in after if date not in both],
        )  # fmt: skip


def _spans(years: set[int]) -> str | None:
    """Years in a few words: 2025 to 2036, 2060; None for none."""
    firsts = [year for year in sorted(years) if year - 1 not in years]
    lasts = [year for year in sorted(years) if year + 1 not in years]
    return ", ".join(
        str(first) if first == last else f"{first} to {last}"
        for first, last in zip(firsts, lasts, strict=True)
    ) or None


def _changes(path: str, old: Any, new: Any) -> Iterator[Change]:
    if isinstance(old, dict) and isinstance(new, dict):
        for name in dict.fromkeys([*old, *new]):
            below = f"{path}.{name}" if path else name
            yield from _changes(below, old.get(name), new.get(name))
    elif isinstance(old, list) and isinstance(new, list) and _are_tables([*old, *new]):
        yield from _changes(path, _by_name(old), _by_name(new))
    elif old != new:
        yield {"path": path, "from": _shown(old), "to": _shown(new)}


def _are_tables(items: list[Any]) -> bool:
    return bool(items) and all(isinstance(item, dict) for item in items)


def _by_name(tables: list[dict[str, Any]]) -> dict[str, Any]:
    """Tables by their ids, or by their places where they have none."""
    return {str(table.get("id", place)): table for place, table in enumerate(tables)}


def _shown(value: Any) -> Any:
    """Exact figures as texts: JSON has no decimals."""
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, list):
        return [_shown(item) for item in value]
    if isinstance(value, dict):
        return {name: _shown(item) for name, item in value.items()}
    return value
