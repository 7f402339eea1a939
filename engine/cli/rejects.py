"""What a load did not take: a file of rejects, and a few told on stderr."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from .output import say

SHOWN = 10
"""Rejects told on stderr."""

SUFFIX = ".rejects"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a fact stands: file, line or row from 1 or a path, and its text when asked for.

    `id`: the fact's, None where it was not read so far.
    """

    file: str
    at: int | str
    text: Callable[[], str]
    id: str | None = None


class Rejects:
    """Facts that were not taken: each a line of JSON, beside its own file or all in one."""

    def __init__(self, path: Path | None, sizes: dict[str, int]) -> None:
        """`path`: one file for all. `sizes`: bytes of files that an earlier part has written."""
        self.count = 0
        self._path = path
        self._sizes = sizes
        self._files: dict[Path, IO[str]] = {}
        self._kept: set[Path] = set()
        self._shown = 0

    def __enter__(self) -> Rejects:
        # Opened before the load: an old file would be taken for this run's.
        if self._path is not None:
            self._open(self._path)
        return self

    def __exit__(self, *_: object) -> None:
        for file in self._files.values():
            file.close()
        if self.count > SHOWN and not self._kept:
            say(f"and {self.count - SHOWN:,} more not taken; --rejects FILE keeps them all")
        if self.count and self._kept:
            say(f"{self.count:,} not taken; see {', '.join(map(str, sorted(self._kept)))}")

    def begin(self, file: Path) -> None:
        """A file begins: what an earlier run has left beside it goes."""
        beside = self._beside(str(file))
        if self._path is not None or beside is None:
            return
        if str(beside) in self._sizes:
            self._open(beside)
        else:
            beside.unlink(missing_ok=True)

    def add(self, place: Place, slug: str, path: str, message: str) -> None:
        """Note a fact that was not taken, and why."""
        self.count += 1
        target = self._path or self._beside(place.file)
        if target is not None:
            row = {
                "file": place.file, "place": place.at, "id": place.id, "slug": slug,
                "path": path, "detail": message, "text": place.text(),
            }  # fmt: skip
            self._open(target).write(json.dumps(row, ensure_ascii=False) + "\n")
            self._kept.add(target)
        if self._path is None and self._shown < SHOWN:
            self._shown += 1
            problem = f"{slug}: {message}" if path == "$" else f"{slug}: {path}: {message}"
            say(f"{place.file}:{place.at}: {problem}")

    def sizes(self) -> dict[str, int]:
        """Bytes written of each file so far."""
        for file in self._files.values():
            file.flush()
        return {str(path): file.tell() for path, file in self._files.items()}

    def _beside(self, file: str) -> Path | None:
        return None if file == "-" else Path(file + SUFFIX)

    def _open(self, path: Path) -> IO[str]:
        file = self._files.get(path)
        if file is None:
            size = self._sizes.get(str(path))
            mode = "w" if size is None or not path.exists() else "r+"
            # Bytes that are no text come as half surrogates.
            file = path.open(mode, encoding="utf-8", errors="backslashreplace")
            if mode == "r+":
                file.truncate(size)
                file.seek(0, 2)
            self._files[path] = file
        return file
