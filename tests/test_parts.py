"""Plain sales moved together by members: a fold of them, part by part, gives what one gives."""

from __future__ import annotations

import random
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from vafa.engine.facts import LineFact, SaleFact, TenderFact
from vafa.engine.folding import parts, shares
from vafa.engine.folding.parts import Parting, parting_of
from vafa.engine.ledger.replay import Rebuilt, compare_states
from vafa.engine.ledger.writer import Writer
from vafa.native.parts import in_order, move, part_starts

from . import mixed

PROGRAM = mixed.PROGRAM + """
[[rule]]
id = "tea"
kind = "multiply"
factor = 2
when = { sku = ["tea"], terminal = ["2"] }

[[rule]]
id = "card"
kind = "bonus"
points = 7
when = { store = ["1"], tender = ["card"], min_quantity = 3 }

[[rule]]
id = "evening"
kind = "earn"
points = 1
per = 300
when = { time = { from = 17:00:00, to = 20:00:00 }, weekday = ["monday", "friday"] }

[ladder]
window = "year"

[[ladder.tier]]
id = "bronze"

[[ladder.tier]]
id = "silver"
at_least = { spend = 50_000 }
"""


def sales(seed: int, members: int, count: int) -> list[SaleFact]:
    """Plain sales in the order of time or nearly, with lines and tenders of all sorts."""
    draw = random.Random(seed)
    made = []
    for number in range(count):
        lines = [
            LineFact(draw.choice(("milk", "tea", "bread")), draw.choice((1000, 2000)),
                     draw.randrange(9_000), place)
            for place in range(1, draw.randint(2, 6))
        ]  # fmt: skip
        tenders = [
            TenderFact(draw.choice(("cash", "card")), 500) for _ in range(draw.randrange(3))
        ]
        made.append(SaleFact(
            f"s{number}", mixed.at(number * 5 + draw.choice((0, 0, 0, -40))),
            f"m{draw.randrange(members)}", lines, draw.choice(("", "1", "2")),
            draw.choice(("", "2")), tenders=tenders,
        ))  # fmt: skip
    return made


def parted(monkeypatch: pytest.MonkeyPatch, part_bytes: int) -> list[Parting | None]:
    """Let small batches be parted; what became of each."""
    seen: list[Parting | None] = []

    def spy(*given: Any) -> Parting | None:
        seen.append(parting_of(*given))
        return seen[-1]

    monkeypatch.setattr(parts, "PART_BYTES", part_bytes)
    monkeypatch.setattr(parts, "LEAST_PARTS", 2)
    monkeypatch.setattr(parts, "LEAST_A_PART", 1)
    monkeypatch.setattr(shares, "parting_of", spy)
    return seen


def replayed(writer: Writer) -> tuple[str, int]:
    """The state hash and the number of postings of a replay, which finds the writer's state."""
    rebuilt = Rebuilt(writer.journal, end=writer.replica.seq)
    compare_states(writer.replica, rebuilt)
    assert rebuilt.report.clean, rebuilt.report.findings
    return rebuilt.report.state_hash, rebuilt.report.postings


@pytest.mark.parametrize("part_bytes", [1, 2_500, 20_000])
@pytest.mark.parametrize("threads", [1, 3])
def test_a_replay_part_by_part_finds_the_same(
    tmp_path: Path, part_bytes: int, threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    with mixed.start(tmp_path, PROGRAM) as writer:
        mixed.load(writer, sales(part_bytes, 50, 600), (50,))
        whole = replayed(writer)
        monkeypatch.setattr(shares, "ROWS_A_THREAD", 1)
        monkeypatch.setattr(shares, "processors", lambda: threads)
        seen = parted(monkeypatch, part_bytes)
        assert replayed(writer) == whole
    (parting,) = seen
    assert parting is not None
    assert parting.starts.shape[1] > 2
    assert whole[1] > 600


def test_other_facts_and_programs_are_not_parted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = parted(monkeypatch, 1)
    with mixed.start(tmp_path / "facts", PROGRAM) as writer:
        mixed.load(writer, [*sales(1, 50, 200), mixed.adjust("a", 9_000, 5)])
        replayed(writer)
    with mixed.start(tmp_path / "program") as writer:
        mixed.load(writer, sales(1, 50, 200))
        replayed(writer)
    assert seen == [None, None]


def test_few_sales_are_not_parted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = parted(monkeypatch, 1)
    monkeypatch.setattr(parts, "LEAST_A_PART", 5)
    with mixed.start(tmp_path, PROGRAM) as writer:
        mixed.load(writer, sales(1, 50, 200))
        replayed(writer)
    assert seen == [None]


# -- moving -----------------------------------------------------------------------------------


def drawn(seed: int, n: int) -> SimpleNamespace:
    """Columns of n sales of 100 members."""
    draw = np.random.default_rng(seed)

    def some(size: int, kind: Any) -> Any:
        return draw.integers(0, 100, size).astype(kind)

    lines = np.concatenate(([0], np.cumsum(draw.integers(0, 4, n))))
    tenders = np.concatenate(([0], np.cumsum(draw.integers(0, 3, n))))
    return SimpleNamespace(
        at=some(n, np.int64), member=some(n, np.uint32), store=some(n, np.uint32),
        terminal=some(n, np.uint32), day=some(n, np.int32), minute=some(n, np.int16),
        lines_from=lines, product=some(lines[-1], np.uint32), net=some(lines[-1], np.int64),
        quantity=some(lines[-1], np.int64), tenders_from=tenders,
        tender=some(tenders[-1], np.uint32), amount=some(tenders[-1], np.int64),
        version=np.zeros(n, np.uint16), flags=np.full(n, 4, np.uint8),
    )  # fmt: skip


@pytest.mark.parametrize("threads", [1, 2, 5, 90])
def test_parts_are_all_sales_of_their_members_in_order(threads: int) -> None:
    columns: Any = drawn(threads, 2_000)
    order = np.random.default_rng(3).permutation(2_000)[:1_700].astype(np.uint32)
    starts = part_starts(columns, columns.member, order, 3, 14)
    parting = Parting(columns, columns.member, order, 3, starts, 100)
    found = [part for some in parting.ranges(threads) for part in parting.parts(some)]
    assert [part.members for part in found] == [range(at, min(at + 8, 100)) for at in
                                                range(0, 112, 8)]  # fmt: skip
    for part in found:
        mine = order[columns.member[order] >> 3 == part.members.start >> 3]
        assert part.rows.tolist() == mine.tolist()
        for name in ("at", "member", "store", "terminal", "day", "minute"):
            assert getattr(part.columns, name).tolist() == getattr(columns, name)[mine].tolist()
        for place, row in enumerate(mine.tolist()):
            for starts_of, names in (("lines_from", ("product", "quantity", "net")),
                                     ("tenders_from", ("tender",))):  # fmt: skip
                here, there = (getattr(each, starts_of) for each in (part.columns, columns))
                for name in names:
                    ours = getattr(part.columns, name)[here[place] : here[place + 1]]
                    theirs = getattr(columns, name)[there[row] : there[row + 1]]
                    assert ours.tolist() == theirs.tolist()


def test_rows_beyond_the_parts_are_told() -> None:
    columns = drawn(1, 10)
    order = np.arange(10, dtype=np.uint32)
    with pytest.raises(ValueError, match="beyond"):
        part_starts(columns, columns.member, order, 3, int(columns.member.max()) >> 3)
    with pytest.raises(ValueError, match="beyond"):
        part_starts(columns, columns.member, order + np.uint32(1), 3, 14)


def test_columns_that_are_too_short_are_told() -> None:
    columns: Any = drawn(1, 10)
    order = np.arange(10, dtype=np.uint32)
    starts = part_starts(columns, columns.member, order, 3, 14)
    moved = Parting(columns, columns.member, order, 3, starts, 100).moved(range(14))
    for name in ("rows", "at", "product", "tender", "lines_from"):
        with pytest.raises(ValueError, match=name):
            move(columns, columns.member, order, 3, starts, 0, 14,
                 moved | {name: moved[name][:-1]})  # fmt: skip


@pytest.mark.parametrize("n", [0, 1, 500])
def test_the_order_of_rows_is_a_stable_sort(n: int) -> None:
    rows = np.random.default_rng(n).integers(0, max(1, n // 3), n).astype(np.uint32)
    assert in_order(rows, n + 1).tolist() == np.argsort(rows, kind="stable").tolist()
    if n:
        with pytest.raises(ValueError, match="row"):
            in_order(rows, int(rows.max()))
