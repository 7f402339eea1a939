"""Seeded faults: do the tests notice when the rule code is wrong?

`python -m tests.mutation` copies the checkout, puts one fault after the other into the
copy, builds it and runs there what is quick: rules with figures worked out by hand, the
kept cases, and drawn cases on which the sound kernel agrees with the reference. A fault is
caught when any of them fails, hangs or dies. Faults are those of `faults.FAULTS`, written by
hand, and as many as asked for that `generated` draws from a seed over the code of the
kernel and of the compiler of programs. The result goes to docs/mutation.md (`make
mutation`).
"""

from __future__ import annotations

import argparse
import datetime as dt
import os
import platform
import random
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from .faults import EQUIVALENT, FAULTS, Fault

ROOT = Path(__file__).parent.parent
SCRATCH = Path("/dev/shm" if os.access("/dev/shm", os.W_OK) else "/tmp") / "vafa-mutation"
ROOMS = ("engine", "native", "server", "loadtest")
COPIED = (*ROOMS, "tests", "examples", "setup.py", "pyproject.toml", "README.md")
NO_RULES = ("native/wire.pyx", "native/jsonkeys.pyx")
"""Native files that hold no rule: readers of bytes."""
RULE_CODE = (
    *sorted({f"native/{p.name}" for p in (ROOT / "native").glob("*.p[xy][dx]")} - {*NO_RULES}),
    "engine/calendars/anniversaries.py",
    "engine/calendars/calendars.py",
    *sorted(
        f"engine/compiling/{path.name}" for path in (ROOT / "engine" / "compiling").glob("[!_]*.py")
    ),
)
QUICK = ("tests/test_rules.py", "tests/test_differential.py", "tests/test_algebra.py")
SEEDS = "passing.txt"
REPORT = ROOT / "docs" / "mutation.md"

OPERATORS: tuple[tuple[str, str], ...] = (
    (r" < ", " <= "),
    (r" <= ", " < "),
    (r" > ", " >= "),
    (r" >= ", " > "),
    (r" == ", " != "),
    (r" != ", " == "),
    (r" \+ 1\b", ""),
    (r" - 1\b", ""),
    (r" \+ (?!1\b)", " - "),
    (r" - (?!1\b)", " + "),
    (r" and ", " or "),
    (r" or ", " and "),
    (r"\bif not ", "if "),
    (r"\bcontinue\b", "pass"),
    (r"\bbreak\b", "pass"),
    (r"\+= ", "-= "),
    (r"-= ", "+= "),
    (r"\bmin\(", "max("),
    (r"\bmax\(", "min("),
    (r"\bTrue\b", "False"),
    (r"\bFalse\b", "True"),
)
"""A pattern on a line of code, and what a fault puts in its place."""


@dataclass
class Result:
    """What became of a fault: `caught` by what, `survived`, or `unbuilt`."""

    fault: Fault
    outcome: str
    seconds: int


# -- faults ------------------------------------------------------------------------------------


def generated(seed: int, count: int, root: Path = ROOT) -> list[Fault]:
    """So many faults drawn from the rule code by a seed: one seed, one list."""
    places = [
        fault for name in RULE_CODE if (root / name).exists() for fault in _places(root, name)
    ]
    draw = random.Random(seed)
    return draw.sample(places, min(count, len(places)))


def _places(root: Path, name: str) -> Iterator[Fault]:
    """All faults that the operators make in a file, line by line."""
    text = (root / name).read_text(encoding="utf-8")
    hidden = _hidden_lines(text)
    for number, line in enumerate(text.splitlines(), 1):
        code = re.split(r"#|/\*", line)[0].rstrip()
        if number in hidden or re.match(r"\s*(from|import|cimport|def|@|$)", code):
            continue
        for pattern, put in OPERATORS:
            for found in re.finditer(pattern, code):
                new = line[: found.start()] + put + line[found.end() :]
                yield Fault(name, line, new, "drawn", line=number)


def _hidden_lines(text: str) -> set[int]:
    """Lines inside docstrings and other long texts; C code is no text."""
    hidden: set[int] = set()
    for found in re.finditer(r'"""[\s\S]*?"""', text):
        if text[: found.start()].rstrip().endswith("cdef extern from *:"):
            continue
        first = text.count("\n", 0, found.start()) + 1
        hidden.update(range(first, first + found[0].count("\n") + 1))
    return hidden


def put_in(fault: Fault, text: str) -> str:
    """The text with the fault in it. Raises ValueError if its place is not there, or not clear."""
    if fault.line:
        lines = text.split("\n")
        if lines[fault.line - 1] != fault.old:
            raise ValueError(f"{fault.file}:{fault.line} is not {fault.old!r}")
        lines[fault.line - 1] = fault.new
        return "\n".join(lines)
    if text.count(fault.old) != 1:
        raise ValueError(f"{fault.file} has {text.count(fault.old)} times {fault.old!r}")
    return text.replace(fault.old, fault.new)


# -- a copy of the checkout ----------------------------------------------------------------------


def prepare(root: Path, scratch: Path) -> None:
    """A copy of the checkout that imports its own modules, built."""
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    for name in COPIED:
        source = root / name
        if source.is_dir():
            ignored = shutil.ignore_patterns("__pycache__", "*.so", "*.c")
            shutil.copytree(source, scratch / name, ignore=ignored)
        elif source.exists():
            shutil.copy2(source, scratch / name)
    # It is built more often than it runs.
    setup = scratch / "setup.py"
    text = setup.read_text(encoding="utf-8").replace('"-O3"', '"-O1"')
    setup.write_text(re.sub(r"^FLAGS = .*$", "FLAGS = {}", text, flags=re.M), encoding="utf-8")
    package = scratch / "site" / "vafa"
    package.mkdir(parents=True)
    for room in ROOMS:
        (package / room).symlink_to(scratch / room)
    if (built := build(scratch, 1_200)) is not None:
        raise RuntimeError(f"the copy does not build:\n{built}")


def build(scratch: Path, timeout: int) -> str | None:
    """Compile the copy; what the compiler said if it failed."""
    command = [sys.executable, "setup.py", "-q", "build_ext", "--inplace"]
    done = subprocess.run(
        command, cwd=scratch, env=environment(scratch), capture_output=True, text=True,
        timeout=timeout, check=False,
    )  # fmt: skip
    return None if done.returncode == 0 else done.stderr[-2_000:]


def environment(scratch: Path) -> dict[str, str]:
    """Settings of a process that works in the copy."""
    return {
        **os.environ, "PYTHONPATH": str(scratch / "site"), "VAFA_ALGEBRA": "10",
        "PYTHONDONTWRITEBYTECODE": "1",
    }  # fmt: skip


def run(scratch: Path, *arguments: str, timeout: int) -> subprocess.CompletedProcess[str]:
    """A Python process in the copy."""
    return subprocess.run(
        [sys.executable, *arguments], cwd=scratch, env=environment(scratch), text=True,
        capture_output=True, timeout=timeout, check=False,
    )  # fmt: skip


def run_quick(scratch: Path, timeout: int) -> str:
    """`survived`, or by what the faulty copy was caught."""
    pytest = ("-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "-k",
              "not very_many and not drawn")
    steps = [
        (*pytest, QUICK[0]),
        ("-m", "tests.differential", "--still", SEEDS),
        (*pytest, *QUICK[1:]),
    ]
    for step in steps:
        try:
            done = run(scratch, *step, timeout=timeout)
        except subprocess.TimeoutExpired:
            return "caught: hangs"
        if done.returncode < 0:
            return f"caught: dies of signal {-done.returncode}"
        if done.returncode:
            failed = re.search(r"^(?:FAILED|ERROR) \S*?(\w+\.py\S*)", done.stdout, re.M)
            told = failed[1] if failed else (done.stderr.strip().splitlines() or ["an error"])[-1]
            return f"caught: {told[:90]}"
    return "survived"


def try_fault(fault: Fault, root: Path, scratch: Path, timeout: int) -> Result:
    """Put a fault in, build, test, take it out."""
    began = time.monotonic()
    path = scratch / fault.file
    sound = (root / fault.file).read_text(encoding="utf-8")
    path.write_text(put_in(fault, sound), encoding="utf-8")
    try:
        native = fault.file.startswith("native/")
        failed = build(scratch, timeout) if native else None
        outcome = "unbuilt" if failed is not None else run_quick(scratch, timeout)
    finally:
        path.write_text(sound, encoding="utf-8")
    return Result(fault, outcome, round(time.monotonic() - began))


# -- the result ----------------------------------------------------------------------------------


def report(results: Sequence[Result], seed: int, examples: int) -> str:
    """docs/mutation.md: how many were caught, and every survivor with its reason."""
    tried = [r for r in results if r.outcome != "unbuilt"]
    counted = [r for r in tried if not (r.outcome == "survived" and key(r.fault) in EQUIVALENT)]
    caught = [r for r in counted if r.outcome.startswith("caught")]
    survivors = [r for r in tried if r.outcome == "survived"]
    share = 100 * len(caught) / len(counted) if counted else 0
    lines = [
        "# Seeded faults",
        "",
        "Do the tests notice wrong rule code? `make mutation` puts one fault after the other "
        "into a copy of the checkout, builds it and runs the rules with figures worked out by "
        f"hand, the kept cases, and {examples} drawn cases on which the sound kernel agrees with "
        "the reference. Faults are written by hand (`tests/faults.py`) or drawn "
        "by a seed from the code of the kernel and of the compiler of programs. Those that "
        "change no figure (equivalent) are not counted, and are named below with the reason; "
        "those that do not compile are left out.",
        "",
        "| date | machine | seed | tried | equivalent | caught | share |",
        "|---|---|---|---|---|---|---|",
        f"| {dt.datetime.now(dt.UTC):%Y-%m-%d} | {platform.machine()}, {os.cpu_count()} cores | "
        f"{seed} | {len(tried)} | {len(tried) - len(counted)} | {len(caught)} | {share:.1f} % |",
        "",
        "## Survivors",
        "",
        "| place | fault | reason |",
        "|---|---|---|",
    ]
    lines += [
        f"| {_where(r.fault)} | `{_cell(r.fault.old)}` -> `{_cell(r.fault.new)}` | "
        f"{EQUIVALENT.get(key(r.fault), 'not caught')} |"
        for r in survivors
    ]
    return "\n".join(lines) + "\n"


def key(fault: Fault) -> tuple[str, str, str]:
    """What a fault is known by, wherever its line has moved."""
    return fault.file, fault.old.strip(), fault.new.strip()


def _where(fault: Fault) -> str:
    return f"{fault.file}:{fault.line}" if fault.line else fault.file


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")[:120]


def main() -> None:
    """Try the faults and write the report."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--seed", type=int, default=3)
    parser.add_argument("--drawn", type=int, default=60, help="faults to draw")
    parser.add_argument("--examples", type=int, default=200, help="drawn cases")
    parser.add_argument("--timeout", type=int, default=600, help="seconds a fault")
    parser.add_argument("--only", default="", help="files whose name holds this")
    arguments = parser.parse_args()
    prepare(ROOT, SCRATCH)
    faults = [*FAULTS, *generated(arguments.seed, arguments.drawn)]
    results: list[Result] = []
    made = run(
        SCRATCH, "-m", "tests.differential", "--passing", str(arguments.examples),
        timeout=20 * arguments.timeout,
    )  # fmt: skip
    if made.returncode:
        sys.exit(made.stderr)
    (SCRATCH / SEEDS).write_text(made.stdout, encoding="utf-8")
    outcome = run_quick(SCRATCH, arguments.timeout)
    if outcome != "survived":
        sys.exit(f"the sound copy is {outcome}")
    for fault in faults:
        if arguments.only in fault.file:
            result = try_fault(fault, ROOT, SCRATCH, arguments.timeout)
            results.append(result)
            print(f"{result.outcome:45} {result.seconds:4} s  {_where(fault)}  "
                  f"{_cell(fault.old)} -> {_cell(fault.new)}", flush=True)  # fmt: skip
    if not arguments.only:
        REPORT.write_text(report(results, arguments.seed, arguments.examples), encoding="utf-8")
    shutil.rmtree(SCRATCH, ignore_errors=True)


if __name__ == "__main__":
    main()
