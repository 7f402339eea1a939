"""What a reader relies on: layers, stubs, one table of codes, no floats near points."""

from __future__ import annotations

import ast
import re
import tomllib
from functools import cache
from pathlib import Path

import pytest

from vafa.engine import facts
from vafa.engine.columns import status
from vafa.engine.columns.status import KINDS, LIMIT_CODES, LIMITS, REFUSALS, Status
from vafa.engine.compiling import general as compile_general
from vafa.engine.compiling import kernel_columns, layout
from vafa.engine.compiling import ladder as compile_ladder
from vafa.engine.compiling import member_conditions as compile_conditions
from vafa.engine.compiling import version as compiler
from vafa.engine.ledger import digest
from vafa.engine.program.rules import Bonus, Earn, Multiply, Offer

ROOT = Path(__file__).parent.parent
ROOMS = ("engine", "native", "server", "loadtest")
MAY_IMPORT = {
    "engine": {"engine", "native"},
    "native": {"native"},
    "server": {"server", "engine", "native"},
    "loadtest": {"loadtest"},
}

# -- the kernel -----------------------------------------------------------------------------


def code_of(path: Path) -> str:
    """A Cython file without its docstrings, comments and texts."""
    text = re.sub(r'"""[\s\S]*?"""', '""', path.read_text(encoding="utf-8"))
    text = re.sub(r'"[^"\n]*"', '""', text)
    return re.sub(r"#.*", "", text)


KERNEL = sorted((ROOT / "native").glob("*.p[yx][xd]"))


@pytest.mark.parametrize("path", KERNEL, ids=lambda path: path.name)
def test_the_kernel_has_no_floats(path: Path) -> None:
    found = re.findall(r"\b(float|double|float32|float64|float_t|single)\b", code_of(path))
    assert found == []
    assert not re.search(r"\b\d+\.\d*\b|\b\d+e[+-]?\d+\b", code_of(path)), "a float constant"


def test_the_kernel_is_found() -> None:
    assert {"fold.pyx", "state.pyx", "rules.pxd", "earn.pxd"} <= {path.name for path in KERNEL}


@pytest.mark.parametrize(
    "path", sorted((ROOT / "native").glob("*.pyx")), ids=lambda path: path.name
)
def test_every_compiled_module_has_its_stub(path: Path) -> None:
    stub = path.with_suffix(".pyi")
    assert stub.exists()
    tree = ast.parse(stub.read_text(encoding="utf-8"))
    stubbed = {
        node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.ClassDef)
    }
    text = code_of(path)
    public = set(re.findall(r"^(?:cpdef \w+|def) (?!_)(\w+)", text, re.M))
    public |= set(re.findall(r"^(?:cdef )?class (?!_)(\w+)", text, re.M))
    public |= set(re.findall(r"^    def (?!_)(\w+)", text, re.M))
    assert public - stubbed == set()
    assert {name for name in stubbed if not name.startswith("_")} - public == set()


# -- packages ---------------------------------------------------------------------------------


def test_packages_are_the_folders() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    folders = {
        "vafa." + ".".join(path.parent.relative_to(ROOT).parts)
        for room in ROOMS
        for path in (ROOT / room).rglob("*.py")
    }
    assert set(settings["packages"]) == folders
    assert settings["package-dir"] == {f"vafa.{room}": room for room in ROOMS}
    for room in ROOMS:
        assert (ROOT / room / "py.typed").exists()


# -- imports ------------------------------------------------------------------------------------

SOURCES = [path for room in ROOMS for path in sorted((ROOT / room).rglob("*.py"))]
OTHERS = [*sorted((ROOT / "tests").glob("*.py")), *sorted((ROOT / "benchmarks").glob("*.py"))]


def module_of(path: Path) -> str:
    """The name under which a source file is imported."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(("vafa", *parts)).removesuffix(".__init__")


@cache
def imports(path: Path) -> frozenset[str]:
    """Absolute names that a file imports, for types too: modules, and names taken from them."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    package = module_of(path).split(".")
    if path.name != "__init__.py":
        package = package[:-1]
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            name = ".".join([*base, *([node.module] if node.module else [])])
            found |= {name, *(f"{name}.{alias.name}" for alias in node.names)}
    return frozenset(found)


@pytest.mark.parametrize("path", SOURCES, ids=module_of)
def test_arrows_run_one_way(path: Path) -> None:
    room = path.relative_to(ROOT).parts[0]
    rooms = {name.split(".")[1] for name in imports(path) if name.startswith("vafa.")}
    assert rooms <= MAY_IMPORT[room]


def test_rooms_of_the_engine_know_those_above_them() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    order = re.findall(r"^\| \**`engine/(\w+)(?:/|\.py)`", text, re.M)
    for path in SOURCES:
        parts = module_of(path).split(".")
        if parts[1] != "engine" or len(parts) == 2:
            continue
        known = order[: order.index(parts[2]) + 1]
        for name in imports(path):
            if name.startswith("vafa.engine."):
                assert name.split(".")[2] in known, f"{module_of(path)} imports {name}"


@pytest.mark.parametrize(
    "path", [*SOURCES, *OTHERS], ids=lambda path: "/".join(path.relative_to(ROOT).parts)
)
def test_nobody_imports_a_bare_room(path: Path) -> None:
    assert {name for name in imports(path) if name.split(".")[0] in ROOMS} == set()


@pytest.mark.parametrize("room", ["engine", "server", "loadtest"])
def test_there_is_no_circle_of_types_either(room: str) -> None:
    assert in_circles(room) == set()


def in_circles(room: str) -> set[str]:
    """Modules of a room that import each other, or come after such."""
    files = {module_of(path): path for path in SOURCES if path.is_relative_to(ROOT / room)}
    # A package that is named only as the way to its module is not an arrow.
    arrows = {
        name: {
            found
            for found in imports(path) & files.keys()
            if not name.startswith(found + ".") and found != name
        }
        for name, path in files.items()
    }
    assert any(arrows.values())
    done: set[str] = set()
    while ready := {name for name in arrows.keys() - done if arrows[name] <= done}:
        done |= ready
    return arrows.keys() - done


# -- codes -------------------------------------------------------------------------------------


def kernel_enum(name: str) -> dict[str, int]:
    """Members of an enum of native/rules.pxd."""
    text = (ROOT / "native" / "rules.pxd").read_text()
    block = re.search(rf"cdef enum {name}:\n((?:    .*\n)+)", text)
    assert block is not None
    return {key: int(value) for key, value in re.findall(r"(\w+) = (\d+)", block[1])}


def test_status_codes_are_the_kernel_s() -> None:
    codes = {status.name: status.value for status in Status}
    known = kernel_enum("Status")
    # Those beyond the kernel's are of cards and the like, which it does not know.
    assert {name: code for name, code in codes.items() if code <= max(known.values())} == known
    assert REFUSALS.keys() == set(Status) - {Status.OK, Status.PARKED}


def test_rule_kinds_are_the_kernel_s() -> None:
    assert {kind.upper(): code for code, kind in enumerate(KINDS)} == kernel_enum("Kind")
    tags = {kind.__struct_config__.tag for kind in (Earn, Multiply, Bonus, Offer)}
    assert tags == set(KINDS)


def test_limits_have_one_code_each() -> None:
    assert len(LIMITS) == len(set(LIMITS)) == len(LIMIT_CODES)
    assert LIMITS[0] == ""
    assert len(LIMITS) < 256


# -- commands ----------------------------------------------------------------------------------

README = ROOT / "README.md"


def targets() -> set[str]:
    """Targets of the Makefile."""
    text = (ROOT / "Makefile").read_text()
    found = re.findall(r"^([a-z][\w-]*(?: [a-z][\w-]*)*):(?!=)", text, re.M)
    return {name for names in found for name in names.split()}


@pytest.mark.skipif(not README.exists(), reason="there is no README yet")
def test_the_readme_s_commands_exist() -> None:
    commands = r"^(?:\$ )?make ([a-z][\w-]*)|`make ([a-z][\w-]*)"
    found = re.findall(commands, README.read_text(encoding="utf-8"), re.M)
    named = {name for pair in found for name in pair if name}
    assert named
    assert named <= targets()


def test_the_makefile_has_what_people_look_for() -> None:
    assert {"demo", "test", "check", "bench", "load", "wheel", "clean"} <= targets()
    assert {"demo", "test", "check", "bench", "load", "wheel", "clean"} <= phony()


def phony() -> set[str]:
    """Targets that are not files: a file of that name must not hide them."""
    found = re.search(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(), re.M)
    assert found is not None
    return set(found[1].split())


def test_ci_can_be_run() -> None:
    path = ROOT / ".ci" / "run"
    assert path.stat().st_mode & 0o111
    assert path.read_text().startswith("#!/usr/bin/env bash\n")
    assert "set -euo pipefail" in path.read_text()


# -- one table of codes ----------------------------------------------------------------------------


def numbers_of(path: str, name: str) -> dict[str, int]:
    """The members of an enum of the kernel that has this name, or this first member."""
    text = (ROOT / "native" / path).read_text(encoding="utf-8")
    enums = re.findall(r"^cdef enum ?(\w*):\n((?:    .*\n)+)", text, re.M)
    for title, body in enums:
        members = {n: int(v) for n, v in re.findall(r"^    ([A-Z_]+) = (\d+)", body, re.M)}
        if name in (title, next(iter(members), "")):
            return members
    raise AssertionError(f"{path} has no enum {name}")


def test_slots_of_a_row_are_those_of_the_kernel() -> None:
    head, account = numbers_of("state.pxd", "LAST_AT"), numbers_of("state.pxd", "ISSUED")
    tier = numbers_of("state.pxd", "THROUGH")
    assert (
        head.pop("HEAD"), account.pop("ACCOUNT"), tier.pop("TIER")
    ) == (layout.HEAD, layout.ACCOUNT, layout.TIER)
    assert [name.lower() for name in head] == list(digest.HEAD)
    assert [name.lower() for name in account] == list(digest.ACCOUNT)
    assert len(tier) == len(digest.TIER)
    for name in ("BIRTH", "BIRTH_CALENDAR", "MANUAL_TIER", "MANUAL_THROUGH"):
        assert getattr(kernel_columns, name) == head[name]


_ENGINES = ("POST_CORRECT", "POST_STOCK")


def test_codes_of_the_compiler_are_those_of_the_kernel() -> None:
    tables = {
        "Condition": (compile_conditions, "IF_"),
        "Window": (compiler, ""),
        "BonusForm": (compile_general, ""),
        "Validity": (compile_ladder, ""),
    }
    for enum, (module, prefix) in tables.items():
        for name, number in numbers_of("rules.pxd", enum).items():
            assert name.startswith(prefix)
            assert getattr(module, name) == number, name
    kinds = numbers_of("rules.pxd", "CounterKind")
    for name, number in kinds.items():
        assert getattr(layout, name.removeprefix("COUNT_")) == number, name
    postings = numbers_of("rules.pxd", "PostingKind")
    made = {f"POST_{name.upper()}": code for code, name in enumerate(status.POSTINGS)}
    # Corrections are the difference of two folds, stock is what is left beside all members.
    assert postings == {name: code for name, code in made.items() if name not in _ENGINES}
    kinds = numbers_of("rules.pxd", "FactKind")
    assert {name: facts.KINDS.index(name.lower().replace("_", " ")) for name in kinds} == kinds
