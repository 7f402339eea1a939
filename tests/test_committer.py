"""A defect in a commit ends the process; a server that ends loses no row of its state."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path
from typing import Any

import pytest

from vafa.engine.journal.journal import LedgerError
from vafa.engine.ledger.writer import Writer
from vafa.engine.replica.checkpoint import Snapshot
from vafa.engine.replica.checkpointer import Checkpointer
from vafa.engine.replica.replica import Replica
from vafa.engine.wire.json_facts import decode_fact
from vafa.native.wire import Sale
from vafa.server import committer
from vafa.server.committer import OUTCOME_UNKNOWN, Committer, Watch

from . import ledgers, mixed
from .test_large_bodies import bodies

STEPS: list[tuple[type, str]] = [
    (Committer, "_take_group"), (Writer, "stage"), (Writer, "append"), (Writer, "publish_texts"),
    (Committer, "_tell_one"), (Replica, "snapshot"),
    (Replica, "gather"), (Watch, "begun"), (Watch, "ended"),
]  # fmt: skip


@pytest.mark.parametrize(("of", "step"), STEPS, ids=[step for _, step in STEPS])
def test_a_defect_ends_the_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, of: type, step: str
) -> None:
    first, second = (decode_fact(body) for body in bodies(2, late=False))
    assert isinstance(first, Sale)
    assert isinstance(second, Sale)
    ended: list[int] = []

    def defect(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError

    async def run() -> None:
        made = Committer(mixed.start(tmp_path))
        assert isinstance(await made.sale(first, True), bytes)
        await made.told_figures()
        monkeypatch.setattr(committer, "CHECKPOINT_FACTS", 0)
        monkeypatch.setattr(of, step, defect)
        gone = asyncio.get_running_loop().create_future()

        def end(code: int) -> None:
            ended.append(code)
            if not gone.done():
                gone.set_result(None)

        monkeypatch.setattr(os, "_exit", end)
        answer = made.sale(second, True)
        await asyncio.wait([answer, gone], timeout=10, return_when=asyncio.FIRST_COMPLETED)
        assert gone.done()
        monkeypatch.undo()

    asyncio.run(run())
    assert ended[0] == OUTCOME_UNKNOWN


def cannot(_: Checkpointer, snapshot: Snapshot) -> None:
    # Longer than the commits: the server ends meanwhile.
    time.sleep(0.5)
    raise LedgerError(f"no room for {snapshot.meta.seq}")


@pytest.mark.parametrize("whole", [True, False], ids=["not written", "not whole"])
def test_a_checkpoint_under_way_when_the_server_ends_leaves_its_rows_to_the_last_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, whole: bool
) -> None:
    # Each of another member: no later fact brings a row again.
    facts = [decode_fact(body) for body in bodies(9, late=False)]
    if whole:
        monkeypatch.setattr(Checkpointer, "write", cannot)
    else:
        monkeypatch.setattr(Replica, "gather", lambda *_: False)

    async def run() -> str:
        made = Committer(mixed.start(tmp_path))
        for number, fact in enumerate(facts):
            assert isinstance(fact, Sale)
            if number == len(facts) - 1:
                monkeypatch.setattr(committer, "CHECKPOINT_FACTS", 0)
            assert isinstance(await made.sale(fact, True), bytes)
        await made.drain()
        monkeypatch.setattr(made.writer, "close", lambda: None)
        await made.close()
        monkeypatch.undo()
        hashed = ledgers.hash_of(made.replica)
        assert made.figures.checkpoints == 0
        made.writer.close()
        return hashed

    expected = asyncio.run(run())
    with Writer(tmp_path) as writer:
        assert writer.replica.checkpoint_seq == writer.replica.seq
        assert ledgers.hash_of(writer.replica) == expected
