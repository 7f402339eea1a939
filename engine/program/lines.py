"""Where in a TOML text a path stands: tomllib keeps no positions, and errors need a line."""

from __future__ import annotations

import re
import tomllib

_HEADER = re.compile(r"^\s*(\[\[?)\s*([^\]]+?)\s*\]\]?\s*(#.*)?$")
_KEY = re.compile(r"^\s*([A-Za-z0-9_\-.\"']+(?:\s*\.\s*[A-Za-z0-9_\-\"']+)*)\s*=\s*(.*)$")
_SYNTAX = re.compile(r"^(.*) \(at (?:line (\d+), column (\d+)|end of document)\)$")


class LineMap:
    """Maps paths such as `rule[2].when.brand` to 1-based lines of the text.

    A path inside an inline value is at the line of the nearest enclosing key.
    """

    def __init__(self, text: str) -> None:
        self._lines: dict[str, int] = {"$": 1}
        self._implied: dict[str, int] = {}
        """Lines of what no line names for itself: a list of tables, the `a` of `a.b = 1`."""
        self._paths: dict[int, str] = {}
        self._last = max(1, text.count("\n") + (not text.endswith("\n")))
        self._rows = text.split("\n")
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
                self._add(prefix, number)
            elif key := _KEY.match(row):
                self._add(_join(prefix, _parts(key[1])), number)
                for quotes in ('"""', "'''"):
                    if key[2].startswith(quotes) and quotes not in key[2][3:]:
                        closing = quotes

    def _add(self, path: str, number: int) -> None:
        self._lines.setdefault(path, number)
        self._paths[number] = path
        while path := _around(path):
            self._implied.setdefault(path, number)

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
        while path:
            line = self._lines.get(path) or self._implied.get(path)
            if line is not None:
                return line
            path = _around(path)
        return 1

    def path_at(self, line: int) -> str:
        """Path of the key or table that begins on a line; `$` where none does."""
        return self._paths.get(line, "$")

    def syntax_error(self, error: tomllib.TOMLDecodeError) -> tuple[str, int, str]:
        """tomllib's message without its place, the line of the place, and the line's rest."""
        match = _SYNTAX.match(str(error))
        if match is None:
            return str(error), 1, ""
        if match[2] is None:
            return match[1], self._last, ""
        line = int(match[2])
        return match[1], line, self._rows[line - 1][int(match[3]) - 1 :]


def _around(path: str) -> str:
    """The path without its last part; empty for one part."""
    cut = max(path.rfind("."), path.rfind("["))
    return path[:cut] if cut > 0 else ""


def _parts(name: str) -> list[str]:
    return [part.strip().strip("\"'") for part in name.split(".")]


def _join(prefix: str, parts: list[str]) -> str:
    return ".".join([prefix, *parts] if prefix else parts)
