"""Where in a TOML text a path stands: tomllib keeps no positions, and errors need a line."""

from __future__ import annotations

import re
import tomllib

_HEADER = re.compile(r"^\s*(\[\[?)\s*([^\]]+?)\s*\]\]?\s*(#.*)?$")
_KEY = re.compile(r"^\s*([A-Za-z0-9_\-.\"']+(?:\s*\.\s*[A-Za-z0-9_\-\"']+)*)\s*=\s*(.*)$")
_SYNTAX = re.compile(r"^(.*) \(at (?:line (\d+), column \d+|end of document)\)$")


class LineMap:
    """Maps paths such as `rule[2].when.brand` to 1-based lines of the text.

    A path inside an inline value is at the line of the nearest enclosing key.
    """

    def __init__(self, text: str) -> None:
        self._lines: dict[str, int] = {"$": 1}
        self._last = max(1, text.count("\n") + (not text.endswith("\n")))
        self._scan(text.splitlines())

    def _scan(self, rows: list[str]) -> None:
        arrays: dict[str, int] = {}
        prefix = ""
        closing: str | None = None
        for number, row in enumerate(rows, 1):
            if closing is not None:
                if closing in row:
                    closing = None
                continue
            if header := _HEADER.match(row):
                prefix = self._header(header[1] == "[[", header[2], arrays)
                self._lines.setdefault(prefix, number)
            elif key := _KEY.match(row):
                path = _join(prefix, _parts(key[1]))
                self._lines.setdefault(path, number)
                for quotes in ('"""', "'''"):
                    if key[2].startswith(quotes) and quotes not in key[2][3:]:
                        closing = quotes

    def _header(self, is_array: bool, name: str, arrays: dict[str, int]) -> str:
        path = ""
        parts = _parts(name)
        for place, part in enumerate(parts):
            path = _join(path, [part])
            last = place == len(parts) - 1
            if last and is_array:
                arrays[path] = arrays.get(path, -1) + 1
                path = f"{path}[{arrays[path]}]"
            elif path in arrays:
                path = f"{path}[{arrays[path]}]"
        return path

    def line_of(self, path: str) -> int:
        """Line of the path, or of the nearest part of it that has one."""
        while path and path not in self._lines:
            cut = max(path.rfind("."), path.rfind("["))
            path = path[:cut] if cut > 0 else ""
        return self._lines.get(path, 1)

    def syntax_error(self, error: tomllib.TOMLDecodeError) -> tuple[str, int]:
        """tomllib's message without its place, and the line of the place."""
        match = _SYNTAX.match(str(error))
        if match is None:
            return str(error), 1
        return match[1], int(match[2]) if match[2] else self._last


def _parts(name: str) -> list[str]:
    return [part.strip().strip("\"'") for part in name.split(".")]


def _join(prefix: str, parts: list[str]) -> str:
    return ".".join([prefix, *parts] if prefix else parts)
