"""Golden files: input in other people's formats, and beside it the facts that it stands for.

`tests/golden/FORMAT/NAME.*` with a mapping `NAME.toml` and what is found `NAME.facts.json`.
The data is ours, made from public lists of fields. Run as a program it writes what the
readers find now, to be read through by a person before it is kept.
"""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from vafa.engine.checks.program_file import parse_program
from vafa.engine.facts.parts import FormError
from vafa.engine.formats.found import Found, Skipped
from vafa.engine.formats.mapping_file import completed, read_mapping
from vafa.engine.formats.readers import reader_of
from vafa.engine.formats.settings import Mapping
from vafa.engine.program.program import Program

GOLDEN = Path(__file__).parent / "golden"
FACTS = ".facts.json"

_PROGRAM = """
format = 1
id = "golden"
unit = {{ code = "{code}", exponent = {exponent} }}
zone = "{zone}"

[[currency]]
id = "points"

[[rule]]
id = "base"
kind = "earn"
points = 1
per = 100
"""


def program(code: str = "IRR", exponent: int = 0, zone: str = "Asia/Tehran") -> Program:
    """A program of a unit and a zone: what mappings leave out comes from it."""
    return parse_program(_PROGRAM.format(code=code, exponent=exponent, zone=zone))


def mapping_at(path: Path) -> Mapping:
    """A mapping file, complete: of the program in its own currency."""
    found = read_mapping(path)
    unit = ("USD", 2, "America/New_York") if found.currency == "USD" else ("IRR", 0, "Asia/Tehran")
    return completed(found, program(*unit))


def cases() -> list[Path]:
    """The inputs, by path."""
    return [
        path for path in sorted(GOLDEN.glob("*/*"))
        if path.suffix != ".toml" and not path.name.endswith(FACTS) and path.suffix != ".key"
    ]  # fmt: skip


def facts_beside(path: Path) -> Path:
    """Where the facts of an input stand."""
    return path.with_name(path.stem + FACTS)


def shown(records: Iterable[Found]) -> list[dict[str, Any]]:
    """What a reader found, as the files keep it; facts are decoded strictly on the way."""
    out: list[dict[str, Any]] = []
    for found in records:
        try:
            found.decoded()
        except FormError as error:
            out.append({"at": found.at, "error": f"{error.path}: {error.message}"})
            continue
        what = found.what
        assert not isinstance(what, FormError)
        out.append(
            {"at": found.at, "skipped": what.reason} if isinstance(what, Skipped)
            else {"at": found.at, "fact": what}
        )
    return out


def read(path: Path) -> list[dict[str, Any]]:
    """What is found in an input with the mapping beside it."""
    mapping = mapping_at(path.with_suffix(".toml"))
    return shown(reader_of(mapping)(io.BytesIO(path.read_bytes()), mapping))


if __name__ == "__main__":
    for case in cases():
        if len(sys.argv) < 2 or case.parent.name in sys.argv[1:]:
            text = json.dumps(read(case), ensure_ascii=False, indent=1)
            facts_beside(case).write_text(text + "\n", "utf-8")
