"""From the checkout to an installed wheel, and what a checkout that was not built says."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LEFT_OUT = shutil.ignore_patterns(
    ".git", ".venv", "build", "dist", "*.so", "*.egg-info", "__pycache__", ".*_cache", "*-ledger"
)

USE = """
import vafa.native.fold
from vafa.engine.checks.program_file import parse_program
from importlib.metadata import version
print(vafa.native.fold.__file__)
print(version("vafa"))
"""


def run(*command: object, cwd: Path) -> str:
    """Output of a command without the checkout on its path."""
    env = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    done = subprocess.run(
        [str(word) for word in command], cwd=cwd, env=env, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, (done.stdout + done.stderr)[-3_000:]
    return done.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sdist, and the wheel that was made from it."""
    checkout = tmp_path_factory.mktemp("packaging") / "checkout"
    shutil.copytree(ROOT, checkout, ignore=LEFT_OUT)
    # Without --sdist or --wheel, build makes the wheel from the sdist.
    run(sys.executable, "-m", "build", "--no-isolation", cwd=checkout)
    return checkout / "dist"


@pytest.mark.slow
def test_the_sdist_has_what_a_build_and_its_tests_need(built: Path) -> None:
    (path,) = built.glob("*.tar.gz")
    with tarfile.open(path) as archive:
        names = {name.split("/", 1)[1] for name in archive.getnames() if "/" in name}
    kernel = {f"native/{path.name}" for path in (ROOT / "native").glob("*.p[yx]*")}
    tests = {f"tests/{path.name}" for path in (ROOT / "tests").glob("*.py")}
    assert kernel | tests <= names
    assert {"pyproject.toml", "setup.py", "Makefile", "LICENSE", "CHANGELOG.md"} <= names
    assert not [name for name in names if name.endswith((".so", ".pyc", ".c"))]


@pytest.mark.slow
def test_the_wheel_has_the_rooms_and_nothing_bare(built: Path) -> None:
    (path,) = built.glob("*.whl")
    names = zipfile.ZipFile(path).namelist()
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"vafa"}
    suffix = sysconfig.get_config_var("EXT_SUFFIX")
    for source in (ROOT / "native").glob("*.pyx"):
        assert f"vafa/native/{source.stem}{suffix}" in names
        assert f"vafa/native/{source.stem}.pyi" in names
    for room in ("engine", "native", "server", "loadtest"):
        assert f"vafa/{room}/py.typed" in names
    assert "vafa/__init__.py" not in names


@pytest.mark.slow
def test_the_wheel_installs_and_runs(built: Path, tmp_path: Path) -> None:
    (wheel,) = built.glob("*.whl")
    venv = tmp_path / "venv"
    run(sys.executable, "-m", "venv", "--without-pip", venv, cwd=tmp_path)
    python = venv / "bin" / "python"
    run(
        sys.executable, "-m", "pip", "--python", python, "install", "--no-deps", "--no-index",
        wheel, cwd=tmp_path,
    )  # fmt: skip
    site = Path(run(python, "-c", "import site; print(site.getsitepackages()[0])", cwd=tmp_path)
                .strip())  # fmt: skip
    # Dependencies come from here. A .pth inside this folder is not followed, so an editable
    # install of the checkout does not come with them.
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    where, version = run(python, "-c", USE, cwd=tmp_path).split()
    assert Path(where).is_relative_to(site)
    assert f"-{version}-" in wheel.name


def test_a_checkout_that_is_not_compiled_says_how_to(tmp_path: Path) -> None:
    package = tmp_path / "vafa" / "native"
    shutil.copytree(ROOT / "native", package, ignore=shutil.ignore_patterns("*.so"))
    done = subprocess.run(
        [sys.executable, "-c", "import vafa.native"], cwd=tmp_path, capture_output=True,
        text=True, env={**os.environ, "PYTHONPATH": str(tmp_path)}, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("ImportError: vafa's compiled modules are missing")
    assert "pip install ." in last
    assert "build_ext --inplace" in last


def test_an_import_of_the_kernel_finds_it_compiled() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "import vafa.native as n; print(n.fold.fold)"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "fold" in done.stdout
