"""The process that writes checkpoints: a start takes up what it wrote, its end loses nothing."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from vafa.engine.journal.journal import LedgerError
from vafa.engine.ledger.replay import verify
from vafa.engine.ledger.writer import Writer
from vafa.engine.replica import checkpointer as module
from vafa.engine.replica.checkpointer import Checkpointer
from vafa.engine.replica.replica import Replica, state_path

from . import ledgers

OUTLIVES = """
import sys, time
from pathlib import Path
from vafa.engine.replica.checkpointer import Checkpointer
print(Checkpointer(Path(sys.argv[1])).process_id, flush=True)
time.sleep(60)
"""


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[Writer]:
    with ledgers.open_writer(tmp_path / "ledger") as writer:
        yield writer


@pytest.fixture
def checkpointer(writer: Writer) -> Iterator[Checkpointer]:
    checkpointer = Checkpointer(state_path(writer.ledger))
    yield checkpointer
    checkpointer.close()


def written(writer: Writer, checkpointer: Checkpointer) -> None:
    """Have the state of a moment written while commits go on."""
    snapshot = writer.replica.snapshot()
    ledgers.commit(writer, 1000 + writer.replica.seq)
    writer.replica.gather()
    checkpointer.write(snapshot)
    writer.replica.checkpointed(snapshot)


@contextmanager
def as_it_stands(writer: Writer) -> Iterator[Replica]:
    """What a start would find; a copy is opened, since a process may open a ledger once."""
    copy = writer.ledger.with_name("copy")
    shutil.copytree(writer.ledger, copy)
    report = verify(copy)
    assert (report.findings, report.state_hash) == ([], ledgers.hash_of(writer.replica))
    replica = Replica.open(copy)
    yield replica
    replica.close()


def test_what_it_writes_is_what_a_start_takes_up(
    writer: Writer, checkpointer: Checkpointer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PART", 2)
    for number in range(0, 30, 3):
        ledgers.commit(writer, number, number + 1, number + 2)
        if number % 9 == 0:
            written(writer, checkpointer)
    written(writer, checkpointer)
    names = [f"f-{number}" for number in range(30)]
    assert set(names) <= writer.replica.find_ids(names).keys()
    expected = ledgers.hash_of(writer.replica)
    with as_it_stands(writer) as found:
        assert found.checkpoint_seq == writer.replica.seq - 1
        assert ledgers.hash_of(found) == expected
        assert found.find_ids(names) == writer.replica.find_ids(names)


def test_one_that_ends_meanwhile_is_told_and_another_one_writes(
    writer: Writer, checkpointer: Checkpointer
) -> None:
    ledgers.commit(writer, 1, 2)
    os.kill(checkpointer.process_id, signal.SIGSTOP)
    ending = threading.Timer(0.3, os.kill, (checkpointer.process_id, signal.SIGKILL))
    ending.start()
    snapshot = writer.replica.snapshot()
    writer.replica.gather()
    with pytest.raises(LedgerError, match="has ended"):
        checkpointer.write(snapshot)
    ending.join()
    writer.replica.not_written(snapshot)
    written(writer, checkpointer)
    with as_it_stands(writer) as found:
        assert found.checkpoint_seq == writer.replica.seq - 1
        assert ledgers.hash_of(found) == ledgers.hash_of(writer.replica)


def test_what_it_cannot_write_is_told(writer: Writer, checkpointer: Checkpointer) -> None:
    state = state_path(writer.ledger)
    shutil.rmtree(state)
    state.write_bytes(b"")
    ledgers.commit(writer, 1)
    snapshot = writer.replica.snapshot()
    writer.replica.gather()
    with pytest.raises(LedgerError, match=r"FileExistsError|NotADirectoryError"):
        checkpointer.write(snapshot)


def test_it_ends_with_the_process_that_began_it(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", OUTLIVES, str(tmp_path / "state")], stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    child = int(process.stdout.readline())
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    until = time.monotonic() + 30
    while Path(f"/proc/{child}").exists() and not is_dead(child):
        assert time.monotonic() < until, "it outlives the writer"
        time.sleep(0.05)


def is_dead(process: int) -> bool:
    """Whether a process has ended and nobody has asked for its end yet."""
    status = Path(f"/proc/{process}/status").read_text("utf-8")
    return "State:\tZ" in status
