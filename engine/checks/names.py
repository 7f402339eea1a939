"""Names in a program that facts are to have: what no fact can be called is a slip.

(path, message) pairs, as `whole.check` gives them.
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from ..facts.form import check_name
from ..facts.parts import FormError
from ..program.conditions import LINE_LISTS
from ..program.program import Program
from .figures import Found

_OF_FACTS = frozenset({
    *LINE_LISTS, "store", "region", "format", "channel", "terminal", "tender", "tenders", "coupon",
    "segment", "subscription", "activity", "value", "on_account", "of", "on",
})  # fmt: skip
"""Fields whose texts, or whose keys, are names of facts, products and stores."""


def names(program: Program) -> Found:
    """Every name that is to be found in facts."""
    yield from _below("", program)


def _below(path: str, part: Struct) -> Found:
    # Not `msgspec.structs.fields`: it reads the annotations anew at every call, which takes
    # longer than all other checks together.
    for name, told in zip(part.__struct_fields__, part.__struct_encode_fields__, strict=True):
        value = getattr(part, name)
        at = f"{path}.{told}" if path else told
        if at == "referral":
            # Its conditions are those of the rule that it makes.
            continue
        for place, one in _each(at, value):
            if isinstance(one, Struct):
                yield from _below(place, one)
            elif isinstance(one, str) and name in _OF_FACTS:
                yield from _name(place, one)


def _each(path: str, value: Any) -> list[tuple[str, Any]]:
    """A field's value, the entries of a list or the keys of a table, with their paths."""
    if isinstance(value, dict):
        return [(path, key) for key in value]
    if isinstance(value, list):
        return [(f"{path}[{place}]", one) for place, one in enumerate(value)]
    return [(path, value)]


def _name(path: str, name: str) -> Found:
    if not name:
        yield path, "is empty"
    try:
        check_name(name, path)
    except FormError as error:
        yield path, f"{error.message}: no fact has such a name"
