"""Members shared out among threads: what comes out is the same for any number of them."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest

from vafa.engine.folding import shares
from vafa.engine.folding.shares import shared_out
from vafa.engine.ledger.replay import Rebuilt, compare_states
from vafa.engine.ledger.writer import Writer

from . import engine_driver, mixed, random_ties


@pytest.mark.parametrize("threads", [1, 2, 3, 50])
def test_shares_are_whole_and_keep_members_and_the_order(threads: int) -> None:
    draw = np.random.default_rng(threads)
    roots = (draw.integers(0, 40, 3_000) ** 2 % 37).astype(np.uint32)
    order = draw.permutation(3_000)[:2_500].astype(np.uint32)
    found = shared_out(roots, order, threads)
    assert 1 <= len(found) <= threads
    assert sorted(np.concatenate(found).tolist()) == sorted(order.tolist())
    at = {row: number for number, row in enumerate(order.tolist())}
    for rows in found:
        assert [at[row] for row in rows.tolist()] == sorted(at[row] for row in rows.tolist())
    of = [set(roots[rows].tolist()) for rows in found]
    assert sum(map(len, of)) == len(set.union(*of))


def test_no_rows_are_no_share() -> None:
    assert shared_out(np.zeros(4, np.uint32), np.zeros(0, np.uint32), 3) == []


@pytest.mark.parametrize("seed", range(8))
def test_a_replay_by_any_number_of_threads_finds_the_same(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Members that are merged, parted and pool are folded together, whoever else is not."""
    case = random_ties.case_of(random.Random(seed).randbytes(16))
    monkeypatch.setattr(shares, "ROWS_A_THREAD", 1)
    with engine_driver.ledger(case) as writer:
        same_for_all_threads(writer, monkeypatch)


@pytest.mark.parametrize("seed", range(4))
def test_a_replay_of_facts_of_every_kind_finds_the_same(
    tmp_path: Path, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shares, "ROWS_A_THREAD", 1)
    with mixed.start(tmp_path) as writer:
        mixed.load(writer, mixed.contested(seed), (7,))
        same_for_all_threads(writer, monkeypatch)


def same_for_all_threads(writer: Writer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Replay a journal by several numbers of threads, each against the writer's state."""
    seen = []
    for threads in (1, 2, 3, 8):
        monkeypatch.setattr(shares, "processors", lambda threads=threads: threads)
        rebuilt = Rebuilt(writer.journal, end=writer.replica.seq)
        compare_states(writer.replica, rebuilt)
        assert rebuilt.report.clean, rebuilt.report.findings
        seen.append((rebuilt.report.state_hash, rebuilt.report.postings))
    assert set(seen) == {(mixed.hash_of(writer.replica), seen[0][1])}
    assert seen[0][1]


def test_postings_stand_by_row_and_then_as_they_were_made() -> None:
    draw = np.random.default_rng(5)
    share = draw.integers(0, 3, 200)
    figures: list[shares.Figures] = []
    expected: list[tuple[int, int]] = []
    for number in range(3):
        basket = np.repeat(np.flatnonzero(share == number), 2).astype(np.uint32)
        points = draw.integers(0, 1_000, len(basket))
        posted: shares.Figures = dict.fromkeys(
            ("rule", "kind", "currency", "limit", "desired", "points"), points
        )
        figures.append(posted | {"basket": basket, "closed_index": basket[:3]})
        expected += zip(basket.tolist(), points.tolist(), strict=True)
    expected.sort(key=lambda posting: posting[0])
    found = shares.joined(figures, 200)
    assert list(zip(found["basket"].tolist(), found["points"].tolist(), strict=True)) == expected
    assert found["rule"].tolist() == found["points"].tolist()
    closed = [row for one in figures for row in one["closed_index"].tolist()]
    assert found["closed_index"].tolist() == closed
