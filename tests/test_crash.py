"""kill -9 of a process that commits: what was acknowledged is there, once, with its answer.

The page cache outlives a process, so this shows the order of acknowledgement and append,
and recovery; it does not show that a flush reaches the disk.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from vafa.engine.columns.answers import Answer
from vafa.engine.ledger.replay import verify
from vafa.engine.ledger.writer import Writer

from . import ledgers

KILLS = int(os.environ.get("VAFA_KILLS", "15"))
ANSWERS_BYTES = 40_000
FIRST_COMMIT_S = 30.0


class Log:
    """What the child said: numbers sent, and the answers that it was given, by number."""

    def __init__(self, path: Path) -> None:
        self.sent: set[int] = set()
        self.told: dict[int, list[Answer]] = {}
        rows = path.read_text().split("\n")
        # The last row may be cut by the kill; every whole one ends with a line feed.
        for row in rows[:-1]:
            kind, number, *answer = row.split(" ", 2)
            if kind == "s":
                self.sent.add(int(number))
            else:
                self.told.setdefault(int(number), []).append(json.loads(answer[0]))


def kill_after_a_while(ledger: Path, log: Path, seed: int) -> None:
    """Start a committing child and kill it at a random moment of its commits.

    How far it comes is counted in answers, not in time: machines are slow and busy.
    """
    draw = random.Random(seed)
    wanted = log.stat().st_size + draw.randrange(1, ANSWERS_BYTES)
    child = subprocess.Popen(
        [sys.executable, str(Path(ledgers.__file__)), str(ledger), str(log), str(seed)],
        stderr=subprocess.PIPE,
    )
    try:
        deadline = time.monotonic() + FIRST_COMMIT_S
        while log.stat().st_size < wanted:
            assert child.poll() is None, child.communicate()[1].decode()[-2_000:]
            assert time.monotonic() < deadline, "the child hardly commits"
            time.sleep(0.002)
        time.sleep(draw.uniform(0, 0.02))
        assert child.poll() is None, child.communicate()[1].decode()[-2_000:]
    finally:
        child.kill()
        child.wait()
        if child.stderr is not None:
            child.stderr.close()
    assert child.returncode == -signal.SIGKILL


def assert_nothing_lost(ledger: Path, log: Log) -> None:
    """Acknowledged is in the journal, the journal is in what was sent, nothing twice."""
    ids = ledgers.journalled_ids(ledger)
    assert ids[0] == "program"
    numbers = [int(name.removeprefix("f-")) for name in ids[1:]]
    assert len(set(numbers)) == len(numbers)
    assert log.told.keys() <= set(numbers)
    assert set(numbers) <= log.sent
    for number, told in log.told.items():
        assert told[0]["id"] == f"f-{number}"
        assert ids[told[0]["seq"] - 1] == f"f-{number}"
        # A repeat had the first answer, whether that one was ever received or not.
        for answer in told[1:]:
            assert ledgers.first_answer(answer) == ledgers.first_answer(told[0])
    report = verify(ledger)
    assert report.clean, report.findings
    assert report.seq == len(ids)


def assert_same_answers(ledger: Path, log: Log) -> None:
    """Everything that was told is told again, and nothing moves by asking."""
    with Writer(ledger) as writer:
        seq, before = writer.replica.seq, ledgers.hash_of(writer.replica)
        numbers = list(log.told)
        again = ledgers.commit(writer, *numbers)
        for number, verdict in zip(numbers, again, strict=True):
            assert verdict.replayed
            assert verdict.answer is not None
            assert ledgers.first_answer(verdict.answer) == ledgers.first_answer(
                log.told[number][0]
            )
        assert (writer.replica.seq, ledgers.hash_of(writer.replica)) == (seq, before)


def assert_same_state(ledger: Path, fresh: Path) -> None:
    """A new ledger that is fed the same facts, undisturbed, has the same state."""
    numbers = [int(name.removeprefix("f-")) for name in ledgers.journalled_ids(ledger)[1:]]
    with ledgers.open_writer(fresh) as writer:
        ledgers.answers(ledgers.commit(writer, *numbers))
        expected = ledgers.hash_of(writer.replica)
    with Writer(ledger) as writer:
        assert ledgers.hash_of(writer.replica) == expected


@pytest.mark.slow
def test_kill_9_loses_nothing_and_repeats_nothing(disk_path: Path) -> None:
    # On a disk, where most of a commit is its fsync.
    ledger, log_file = disk_path / "ledger", disk_path / "log"
    log_file.touch()
    for number in range(KILLS):
        kill_after_a_while(ledger, log_file, seed=number)
        if log_file.read_bytes()[-1:] not in (b"", b"\n"):
            with log_file.open("a") as stream:
                stream.write("\n")
        log = Log(log_file)
        if not (ledger / "journal").exists():
            continue
        assert_nothing_lost(ledger, log)
    log = Log(log_file)
    assert len(log.told) > 20 * KILLS, "the child hardly committed: this shows nothing"
    assert_same_answers(ledger, log)
    assert_same_state(ledger, disk_path / "fresh")


def test_the_log_check_sees_a_lost_fact(tmp_path: Path) -> None:
    # The checks above can fail: an acknowledged fact that is not in the journal.
    ledger, log_file = tmp_path / "ledger", tmp_path / "log"
    ledgers.make_ledger(ledger, commits=2, each=2)
    with Writer(ledger) as writer:
        told = ledgers.answers(ledgers.commit(writer, *range(4)))
    rows = [f"s {n}\na {n} {json.dumps(answer)}\n" for n, answer in enumerate(told)]
    log_file.write_text("".join(rows))
    assert_nothing_lost(ledger, Log(log_file))
    log_file.write_text("".join(rows) + f"s 4\na 4 {json.dumps(told[0])}\n")
    with pytest.raises(AssertionError):
        assert_nothing_lost(ledger, Log(log_file))
    log_file.write_text("".join(rows[1:]))
    with pytest.raises(AssertionError):
        assert_nothing_lost(ledger, Log(log_file))
