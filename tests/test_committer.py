"""A defect in any step of a commit ends the process: nobody waits for ever."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

import pytest

from vafa.engine.ledger.writer import Writer
from vafa.engine.replica.replica import Replica
from vafa.engine.wire.json_facts import decode_fact
from vafa.native.wire import Sale
from vafa.server import committer
from vafa.server.committer import OUTCOME_UNKNOWN, Committer, Watch

from . import mixed
from .test_large_bodies import bodies

STEPS: list[tuple[type, str]] = [
    (Committer, "_take_group"), (Writer, "stage"), (Writer, "append"), (Writer, "publish_texts"),
    (Committer, "_tell_one"), (Replica, "snapshot"), (Watch, "begun"), (Watch, "ended"),
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
