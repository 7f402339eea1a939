"""Large bodies are several commits: tills are served between them, and the answers are the same."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest

from vafa.engine.columns.intake import DecodedFacts
from vafa.engine.columns.mixed import MixedFacts
from vafa.engine.journal.journal import StorageFull
from vafa.engine.ledger.writer import Writer
from vafa.engine.wire.arrow_sales import ArrowFacts
from vafa.engine.wire.json_facts import decode_fact
from vafa.engine.wire.json_lines import read_lines
from vafa.native.wire import Sale
from vafa.server import parts
from vafa.server.committer import Committer
from vafa.server.problems import ProblemError

from . import mixed
from .servers import dumps

SMALL = 20
DAY_S = 86_400


def sale(number: int, late: bool) -> dict[str, Any]:
    """A sale of one of nine members; a late one is of an earlier day."""
    minute = number % 1_000
    day = 2 if late else 20
    return {
        "id": f"s{number}{'-late' if late else ''}", "kind": "sale", "member": f"m{number % 9}",
        "occurred_at": f"2025-06-{day:02}T{minute // 60:02}:{minute % 60:02}:00Z",
        "store": "1", "terminal": "1", "tenders": [],
        "lines": [{"sku": "tea", "quantity": 1000, "net": 5_000 + number}],
    }  # fmt: skip


def bodies(count: int, late: bool) -> list[bytes]:
    return [dumps(sale(number, late)) for number in range(count)]


def columns(lines: list[bytes]) -> ArrowFacts:
    """Sales of lines as a body's are read."""
    batch, numbers, others = read_lines(b"\n".join(lines))
    assert (len(numbers), others) == (len(lines), [])
    return ArrowFacts.plain(batch)


def told(lines: bytes) -> list[dict[str, Any]]:
    return [orjson.loads(line) for line in lines.splitlines()]


async def commit(committer: Committer, lines: list[bytes]) -> list[dict[str, Any]]:
    numbers = np.arange(1, len(lines) + 1)
    return told(await committer.lines(columns(lines), {}, numbers, True, "en"))


@pytest.fixture
def in_small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "FIRST", SMALL)
    monkeypatch.setattr(parts, "MOST", SMALL)
    monkeypatch.setattr(parts, "LEAST", SMALL)


def test_a_till_is_served_between_the_parts(tmp_path: Path, in_small_parts: None) -> None:
    async def run() -> None:
        committer = Committer(mixed.start(tmp_path))
        await commit(committer, bodies(10, late=False))
        body = asyncio.ensure_future(commit(committer, bodies(200, late=True)))
        await asyncio.sleep(0)
        single = decode_fact(dumps(sale(999, late=False)))
        assert isinstance(single, Sale)
        answer = await committer.sale(single, True)
        assert not body.done()
        rows = await body
        assert [row["line"] for row in rows] == list(range(1, 201))
        assert isinstance(answer, bytes)
        assert orjson.loads(answer)["seq"] < rows[-1]["seq"]
        assert committer.figures.commits > 200 // SMALL
        await committer.close()

    asyncio.run(run())


@pytest.mark.parametrize("patience", [60.0, 0.0])
def test_one_large_body_at_a_time_unless_it_takes_long(
    tmp_path: Path, in_small_parts: None, patience: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Parts of a body between those of another, of another time, would make its rest late."""
    monkeypatch.setattr(parts, "PATIENCE_S", patience)

    async def run() -> None:
        committer = Committer(mixed.start(tmp_path))
        await commit(committer, bodies(10, late=False))
        texts = bodies(300, late=True)
        large = [
            asyncio.ensure_future(commit(committer, texts[begin : begin + 100]))
            for begin in (0, 100, 200)
        ]
        await asyncio.sleep(0)
        small = await commit(committer, bodies(SMALL, late=False)[10:])
        rows = [await body for body in large]
        seqs = [row["seq"] for body in rows for row in body]
        assert (seqs == sorted(seqs)) == (patience > 0)
        assert small[-1]["seq"] < rows[0][-1]["seq"]
        assert (await committer.told_figures()).queued == 0
        await committer.close()

    asyncio.run(run())


def test_the_next_large_body_is_taken_when_one_finds_no_room(
    tmp_path: Path, in_small_parts: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def run() -> None:
        committer = Committer(mixed.start(tmp_path))
        stage, parts_taken = committer.writer.stage, 0

        def full(*arguments: Any, **named: Any) -> Any:
            nonlocal parts_taken
            parts_taken += 1
            if parts_taken == 2:
                raise StorageFull("there is no room")
            return stage(*arguments, **named)

        monkeypatch.setattr(committer.writer, "stage", full)
        texts = bodies(200, late=False)
        asked = [
            asyncio.ensure_future(commit(committer, part))
            for part in (texts[:100], texts[100:])
        ]
        with pytest.raises(ProblemError, match="there is no room"):
            await asked[0]
        assert len(await asked[1]) == 100
        assert (await committer.told_figures()).queued == 0
        await committer.close()

    asyncio.run(run())


@pytest.mark.parametrize("late", [False, True])
def test_parts_come_to_what_the_whole_comes_to(
    tmp_path: Path, late: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def run(folder: str) -> tuple[list[dict[str, Any]], str]:
        committer = Committer(mixed.start(tmp_path / folder))
        await commit(committer, bodies(50, late=False))
        rows = await commit(committer, bodies(150, late))
        again = await commit(committer, bodies(150, late))
        assert {row["status"] for row in again} == {"replayed"}
        state = mixed.hash_of(committer.replica)
        await committer.close()
        return [{k: v for k, v in row.items() if k != "balances"} for row in rows], state

    whole = asyncio.run(run("whole"))
    for name in ("FIRST", "MOST", "LEAST"):
        monkeypatch.setattr(parts, name, SMALL)
    assert asyncio.run(run("parts"))[1] == whole[1]


def test_rows_of_a_part_are_those_of_the_whole(tmp_path: Path) -> None:
    draw = random.Random(7)
    texts = bodies(60, late=False)
    others = {
        row: fact for row in sorted(draw.sample(range(90), 30))
        if isinstance(fact := decode_fact(dumps(sale(500 + row, late=False))), Sale)
    }  # fmt: skip
    whole = MixedFacts(columns(texts), others)
    for begin, end in ((0, 90), (0, 31), (31, 60), (60, 90), (17, 18)):
        part = whole.part(begin, end)
        assert part.ids == whole.ids[begin:end]
        assert part.at.tolist() == whole.at[begin:end].tolist()
        for row in range(end - begin):
            assert part.content(row) == whole.content(begin + row)
    with Writer(tmp_path) as writer:
        d = writer.replica.dictionaries
        one, other = whole.part(31, 60).columns(d, None), whole.columns(d, np.arange(31, 60))
        for name in ("at", "member", "store", "product", "net", "lines_from"):
            assert getattr(one, name).tolist() == getattr(other, name).tolist()
    facts = DecodedFacts([*others.values()])
    assert facts.part(3, 9).ids == facts.ids[3:9]
