"""How far a load has come, kept in the ledger until it has ended.

Loading again is always right, since ids are known for ever. This saves the time: a load that
was cut off goes on after the last commit that was noted, with its counts and its rejects.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

FOLDER = "loads"
EVERY_S = 1.0
"""Seconds between two notes; what came after the last one is found to be known."""


@dataclass
class Position:
    """The first `file` files and `records` of the next one are done; `seq` is the ledger's."""

    seq: int = 0
    file: int = 0
    records: int = 0
    rejects: dict[str, int] = field(default_factory=dict)
    counts: dict[str, Any] = field(default_factory=dict)


class Positions:
    """The note of one load: of these files, as they are, with these options."""

    def __init__(self, ledger: Path, files: Sequence[Path], options: Sequence[object]) -> None:
        self._path: Path | None = None
        self._noted = time.monotonic()
        if any(str(file) == "-" for file in files):
            return
        told: list[object] = [*options]
        for file in files:
            state = file.stat()
            told += [str(file.resolve()), state.st_size, state.st_mtime_ns]
        name = hashlib.sha256(json.dumps(told, default=str).encode()).hexdigest()[:32]
        self._path = ledger / FOLDER / f"{name}.json"

    def read(self, seq: int) -> Position:
        """Where to begin. A note that is ahead of the ledger is of another copy of it."""
        if self._path is None:
            return Position()
        try:
            found = Position(**json.loads(self._path.read_bytes()))
        except (OSError, ValueError, TypeError):
            return Position()
        return found if found.seq <= seq else Position()

    def due(self) -> bool:
        """Whether it is time for another note."""
        return self._path is not None and time.monotonic() - self._noted >= EVERY_S

    def write(self, position: Position) -> None:
        """Note how far the load is; what the note says is on stable storage already."""
        assert self._path is not None
        self._path.parent.mkdir(exist_ok=True)
        beside = self._path.with_suffix(".new")
        beside.write_text(json.dumps(asdict(position)), "utf-8")
        os.replace(beside, self._path)
        self._noted = time.monotonic()

    def done(self) -> None:
        """The load has ended: the note goes."""
        if self._path is not None and self._path.exists():
            self._path.unlink()
            if not any(self._path.parent.iterdir()):
                self._path.parent.rmdir()
