"""What TOML and msgspec refuse, at the place of the key and in the words of the format.

msgspec tells an unknown key at the table that has it, and neither the values that a field may
have nor what a pattern means.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from difflib import get_close_matches
from typing import Any, TypeGuard

from msgspec import inspect

from .dates import gregorian

_UNKNOWN = re.compile(r"Object contains unknown field `(.*)`", re.DOTALL)
_MISSING = re.compile(r"Object missing required field `(.*)`", re.DOTALL)
_VALUE = re.compile(r"Invalid (?:enum )?value (.*)", re.DOTALL)
_PATTERN = re.compile(r"Expected `str` matching regex '.*'", re.DOTALL)
_STEP = re.compile(r"\[(\d+|\.\.\.)\]|([^.\[\]]+)")

PATTERNS = {
    r"^[a-z0-9][a-z0-9_.-]{0,63}(?!\n)$":
        "an id is 1 to 64 of a-z 0-9 . _ -, the first a letter or a digit",
    r"^[A-Z]{3}(?!\n)$": "must be three capitals A-Z, such as USD",
    r"^[A-Z]{2}(?!\n)$": "must be two capitals A-Z, such as IR",
}  # fmt: skip
"""What the patterns of the format ask."""

_SHOWN = 40
"""Characters of a line that are shown where it cannot be read."""

_STRANGERS = {"،": "a comma is ,", "٫": "a decimal point is .", "٬": "thousands are 1_000"}
_STRANGERS |= dict.fromkeys("“”„«»‘’", "a text stands in \" or '")


# -- types ---------------------------------------------------------------------------------


def wording(message: str, path: str, document: Any, kind: type) -> tuple[str, str]:
    """(path, message) of what msgspec says of a document that should be of a kind.

    >>> from ..program.program import Program
    >>> wording("Object contains unknown field `zones`", "$", {}, Program)
    ('zones', 'unknown field `zones`; did you mean `zone`?')
    """
    found = _types_at(path, document, kind)
    if unknown := _UNKNOWN.fullmatch(message):
        name = unknown[1]
        at = name if path == "$" else f"{path}.{name}"
        return at, f"unknown field `{name}`{_nearest(name, _fields(found))}"
    if missing := _MISSING.fullmatch(message):
        tags = [one.tag for one in found if _is_tagged(one, missing[1])]
        which = f", one of {_listed(tags)}" if tags else ""
        return path, f"missing required field `{missing[1]}`{which}"
    if value := _VALUE.fullmatch(message):
        known = [one for kind in found if isinstance(kind, inspect.LiteralType)
                 for one in kind.values]  # fmt: skip
        if known:
            several = "one of " if len(known) > 1 else ""
            return path, f"must be {several}{_listed(known)}, not {value[1]}"
    if _PATTERN.fullmatch(message):
        asked = {kind.pattern for kind in found if isinstance(kind, inspect.StrType)}
        return path, next((PATTERNS[one] for one in asked if one in PATTERNS), message)
    return path, message


def _types_at(path: str, document: Any, kind: type) -> list[inspect.Type]:
    """The types that a value may have that stands at a path."""
    value = document
    found = _by_tag(_plain(inspect.type_info(kind)), value)
    for place, name in _STEP.findall("" if path == "$" else path):
        try:
            value = value[name] if name else value[int(place)]
        except (LookupError, TypeError, ValueError):
            value = None
        below = (one for kind in found for part in _below(kind, name) for one in _plain(part))
        found = _by_tag(below, value)
    return found


def _by_tag(kinds: Iterable[inspect.Type], value: Any) -> list[inspect.Type]:
    """Those whose tag a table has, or all of them where it has none of theirs."""
    found = list(kinds)
    told = value if isinstance(value, dict) else {}
    return [
        kind for kind in found
        if not isinstance(kind, inspect.StructType) or kind.tag_field is None
        or told.get(kind.tag_field) == kind.tag
    ] or found  # fmt: skip


def _below(kind: inspect.Type, name: str) -> Iterator[inspect.Type]:
    """The type of a field, or of what a list or table has; a tag is one value."""
    if isinstance(kind, inspect.StructType) and name:
        if kind.tag_field == name:
            yield inspect.LiteralType((kind.tag,))
        yield from (field.type for field in kind.fields if field.encode_name == name)
    elif isinstance(kind, inspect.ListType) and not name:
        yield kind.item_type
    elif isinstance(kind, inspect.DictType) and not name:
        yield kind.value_type


def _plain(kind: inspect.Type) -> Iterator[inspect.Type]:
    """A type without what is only said about it, or each one of several."""
    if isinstance(kind, inspect.Metadata):
        yield from _plain(kind.type)
    elif isinstance(kind, inspect.UnionType):
        for one in kind.types:
            yield from _plain(one)
    else:
        yield kind


def _is_tagged(kind: inspect.Type, name: str) -> TypeGuard[inspect.StructType]:
    return isinstance(kind, inspect.StructType) and kind.tag_field == name


def _fields(kinds: Sequence[inspect.Type]) -> list[str]:
    """Names that a table of these kinds may have."""
    structs = [kind for kind in kinds if isinstance(kind, inspect.StructType)]
    names = [name for kind in structs for name in (
        *([kind.tag_field] if kind.tag_field else []), *(one.encode_name for one in kind.fields)
    )]  # fmt: skip
    return list(dict.fromkeys(names))


def _nearest(name: str, known: Sequence[str]) -> str:
    """The known name that was probably meant, or all of them."""
    near = get_close_matches(name.lower(), known, 1)
    if near:
        return f"; did you mean `{near[0]}`?"
    return f"; known: {_listed(known)}" if known else ""


def _listed(values: Iterable[Any]) -> str:
    return ", ".join(map(str, values))


# -- syntax --------------------------------------------------------------------------------


def syntax(message: str, rest: str) -> str:
    """What tomllib says of a text, with what stands at the place and what it should be.

    >>> syntax("Invalid value", "۱۰")
    'Invalid value: ۱۰ (digits are 0 to 9)'
    """
    word = rest.partition("#")[0].strip()[:_SHOWN]
    if not word:
        return message
    hint = _hint(message, word)
    return f"{message}: {word}" + (f" ({hint})" if hint else "")


def _hint(message: str, word: str) -> str | None:
    first = word[0]
    if first.isdigit() and not first.isascii():
        return "digits are 0 to 9"
    if first in _STRANGERS:
        return _STRANGERS[first]
    if message == "Invalid date or datetime":
        return f"give {gregorian(word[:10])}"
    if message == "Invalid value" and first.isalpha():
        return "a text stands in \" or '"
    return None
