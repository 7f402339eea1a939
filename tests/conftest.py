"""What holds for all tests."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

# Machines are shared: how long an example takes says nothing about the code.
settings.register_profile("vafa", deadline=None)
settings.load_profile("vafa")

MEMORY, ROOM = "/dev/shm", 2 << 30
"""Files of tests stand in memory where there is such a room: a ledger waits for the disk at every
commit, which shows nothing where nobody ends it meanwhile. TMPDIR says otherwise."""
DISK = os.environ.get("VAFA_DISK") or tempfile.gettempdir()

if (
    "TMPDIR" not in os.environ
    and os.access(MEMORY, os.W_OK)
    and shutil.disk_usage(MEMORY).free > ROOM
):
    # Before a worker or a server begins, which have both from here.
    os.environ["VAFA_DISK"] = DISK
    os.environ["TMPDIR"] = tempfile.tempdir = MEMORY


LONG = (
    "test_differential.py", "test_serving.py", "test_docs_commands.py", "test_rolling.py",
    "test_demo.py", "test_lint.py", "test_value_histories.py", "test_explain_drawn.py",
    "test_received.py", "test_together.py", "test_explain.py", "test_http_keys.py",
    "test_crash.py", "test_packaging.py",
)  # fmt: skip
"""Files that take the longest, which come first: a worker that begins one of them last is alone
for minutes."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long files before all others, which stay as they were."""
    place = {name: number for number, name in enumerate(LONG)}
    items.sort(key=lambda item: place.get(item.path.name, len(LONG)))


@pytest.fixture
def disk_path() -> Iterator[Path]:
    """A folder of a test's own on the disk, whatever the others stand on."""
    with tempfile.TemporaryDirectory(dir=DISK) as folder:
        yield Path(folder)
