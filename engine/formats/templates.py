"""Templates of ids: a text with columns in braces, `{shop}-{till}-{number}`."""

from __future__ import annotations

import re

_COLUMN = re.compile(r"\{([^{}]+)\}")


def parts_of(template: str) -> list[str]:
    """The columns that a template names, in order."""
    return _COLUMN.findall(template)


def format_of(template: str) -> str:
    """The template with a place for each column, for `str.format`."""
    escaped = ""
    last = 0
    for match in _COLUMN.finditer(template):
        escaped += template[last : match.start()].replace("{", "{{").replace("}", "}}") + "{}"
        last = match.end()
    return escaped + template[last:].replace("{", "{{").replace("}", "}}")
