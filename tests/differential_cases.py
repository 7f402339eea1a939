"""Cases on which the kernel and the reference once differed, or easily might.

Each is a file of `rows`: what it settles, then the case as `cases.row` writes it. A second
line `# open: ...` tells of a difference that stands, and whose it is.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from .cases import Case, read_row, row

ROWS = Path(__file__).parent / "rows"


class Row(NamedTuple):
    """A kept case: what it settles, and what is still open about it (or nothing)."""

    name: str
    title: str
    open: str
    case: Case


def rows() -> list[Row]:
    """All kept cases, by name."""
    return [read(path) for path in sorted(ROWS.glob("*.txt"))]


def read(path: Path) -> Row:
    """The case of a file."""
    first, rest = path.read_text(encoding="utf-8").split("\n", 1)
    stands = ""
    if rest.startswith("# open: "):
        stands, rest = rest.removeprefix("# open: ").split("\n", 1)
    return Row(path.stem, first.removeprefix("# "), stands, read_row(path.stem, rest))


def write(name: str, title: str, stands: str, case: Case) -> None:
    """Keep a case."""
    text = f"# {title}\n" + (f"# open: {stands}\n" if stands else "") + row(case)
    (ROWS / f"{name}.txt").write_text(text, encoding="utf-8")
