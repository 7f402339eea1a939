"""Rows of a checkpoint that are packed while commits go on: those of its instant, whatever came."""

from __future__ import annotations

import random
import shutil
import tempfile
from pathlib import Path

import pytest

from vafa.engine.ledger.writer import Writer
from vafa.engine.replica import gathering
from vafa.engine.replica.checkpoint import Snapshot
from vafa.engine.replica.gathering import Gathering
from vafa.engine.replica.replica import Replica

from . import engine_driver, ledgers, random_together, strategies
from .cases import Case
from .mixed import commit_case

SOON = 2e-5
"""Seconds for which some rows are packed, and not all."""


class Spread:
    """Snapshots of a writer's ledger that are gathered between its commits."""

    def __init__(self, writer: Writer, draw: random.Random) -> None:
        self.writer, self.draw = writer, draw
        self.snapshot: Snapshot | None = None
        self.expected = 0, ""
        self.whole = 0

    def between(self) -> None:
        """Between two commits: begin one, go on with one, or end it and look at what it has."""
        replica = self.writer.replica
        if self.snapshot is None:
            if replica.fold is not None:
                self.expected = replica.seq, ledgers.hash_of(replica)
                self.snapshot = replica.snapshot()
        elif self.draw.random() < 0.2:
            self.end()
        elif self.draw.random() < 0.5:
            replica.gather(SOON)

    def end(self) -> None:
        """Have the snapshot written: a replica of it alone is what the ledger was."""
        snapshot, replica = self.snapshot, self.writer.replica
        if snapshot is None:
            return
        assert replica.checkpoint is not None
        replica.gather()
        replica.checkpoint.write(snapshot)
        replica.checkpointed(snapshot)
        self.snapshot = None
        self.whole += 1
        with tempfile.TemporaryDirectory(dir=engine_driver.IN_MEMORY) as folder:
            copy = Path(folder) / "ledger"
            shutil.copytree(self.writer.ledger, copy)
            found = Replica.at_most(copy, replica.seq)
            assert (found.seq, ledgers.hash_of(found)) == self.expected
            found.close()


def take(case: Case, draw: random.Random) -> int:
    """Commit a case with snapshots that take a while; how many there were."""
    with (
        engine_driver.clock(),
        tempfile.TemporaryDirectory(dir=engine_driver.IN_MEMORY) as folder,
        Writer(Path(folder)) as writer,
    ):
        spread = Spread(writer, draw)
        for batch in case.batches():
            spread.between()
            commit_case(writer, case, [batch])
        spread.end()
        return spread.whole


@pytest.mark.parametrize("number", range(12))
def test_a_snapshot_is_of_its_instant_whatever_is_committed_meanwhile(
    number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gathering, "PIECE", 1)
    draw = random.Random(number)
    whole = 0
    for kind in (strategies, random_together) * 6:
        whole += take(kind.case_of(draw.randbytes(16)), draw)
    assert whole > 20


def test_rows_that_change_meanwhile_are_taken_from_before(tmp_path: Path) -> None:
    with ledgers.open_writer(tmp_path / "ledger") as writer:
        ledgers.commit(writer, *range(40))
        fold = writer.replica.fold
        assert fold is not None
        before = {member: fold.state.pack(member) for member in writer.replica.dirty}
        snapshot = writer.replica.snapshot()
        assert not writer.replica.gather(0.0)
        ledgers.commit(writer, *range(40, 80))
        assert {member: fold.state.pack(member) for member in before} != before
        assert writer.replica.gather()
        assert dict(snapshot.packed()) == before


def test_one_that_is_given_up_half_way_leaves_all_to_the_next(tmp_path: Path) -> None:
    with ledgers.open_writer(tmp_path / "ledger") as writer:
        ledgers.commit(writer, *range(40))
        dirty = writer.replica.dirty.copy()
        snapshot = writer.replica.snapshot()
        assert writer.replica.dirty == set()
        ledgers.commit(writer, 40)
        writer.replica.not_written(snapshot)
        assert writer.replica.dirty >= dirty
        expected = ledgers.hash_of(writer.replica)
    with Writer(tmp_path / "ledger") as writer:
        assert writer.replica.checkpoint_seq == writer.replica.seq
        assert ledgers.hash_of(writer.replica) == expected


def test_a_time_that_is_over_packs_nothing(tmp_path: Path) -> None:
    with ledgers.open_writer(tmp_path / "ledger") as writer:
        ledgers.commit(writer, 1, 2, 3)
        fold = writer.replica.fold
        assert fold is not None
        some: Gathering = Gathering(fold.state, set(writer.replica.dirty), [])
        assert not some.go_on(0.0)
        assert some.missing() == writer.replica.dirty
        assert some.go_on()
        assert some.missing() == set()
