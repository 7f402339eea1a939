"""Profit share in a ledger: a pool split exactly, fixed when it is accepted."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vafa.engine.facts import (
    CancelFact,
    ClaimFact,
    MergeFact,
    ProfitShareFact,
    ReturnedLine,
    ReturnPart,
)
from vafa.engine.journal.journal import StorageFull
from vafa.engine.ledger.writer import Writer
from vafa.engine.replica.replica import Replica
from vafa.engine.value.profit_share import shares
from vafa.engine.views.views import member_lots, member_view

from . import mixed
from .mixed import adjust, answers, at, back, commit, sale

DAY = 24


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[Writer]:
    """A ledger that is verified at the end, from its checkpoint and from the journal alone."""
    with mixed.verified(tmp_path) as made:
        yield made


def share(
    name: str, points: int, weight: Literal["spend", "points"] = "spend"
) -> ProfitShareFact:
    """A pool for January, given at its end."""
    january = dt.date(2020, 1, 1), dt.date(2020, 1, 31)
    return ProfitShareFact(name, at(DAY * 31), *january, "points", points, weight, "never")


def active(writer: Writer, member: str) -> int:
    """Active points after all."""
    found = member_view(writer.replica, member)
    assert found is not None
    return int(found["balances"]["points"]["active"])


def lots(writer: Writer, member: str) -> list[int]:
    """Points of lots that never pass."""
    found = member_lots(writer.replica, member)
    return [lot["points"] for lot in found if lot["good_through"] is None]


def fill(writer: Writer) -> None:
    """January: m buys for 300 and returns 100, n for 100, o for nothing; p buys in February."""
    commit(
        writer, sale("a", 0, 300), sale("b", 1, 100, "n"), adjust("c", 2, 5, "o"),
        sale("d", DAY * 35, 900, "p"), back("r", 3, "a", 100),
    )  # fmt: skip


def test_a_pool_is_split_by_what_was_bought(writer: Writer) -> None:
    fill(writer)
    verdict = writer.commit_control(share("x", 100))
    assert verdict.answer is not None
    assert verdict.answer["status"] == "ok"
    # 200 to 100: 66 and 33, and the one that is left to the larger remainder.
    assert (lots(writer, "m"), lots(writer, "n")) == ([67], [33])
    assert lots(writer, "o") == lots(writer, "p") == []
    again = writer.commit_control(share("x", 100)).answer
    assert again == verdict.answer | {"status": "replayed"}
    refused = writer.commit_control(share("x", 101)).refusal
    assert refused is not None
    assert refused.slug == "id-reused"


def test_a_pool_is_split_by_what_was_earned(writer: Writer) -> None:
    fill(writer)
    assert writer.commit_control(share("x", 9, "points")).refusal is None
    assert (lots(writer, "m"), lots(writer, "n")) == ([6], [3])


def test_shares_stay_and_may_come_late(writer: Writer) -> None:
    fill(writer)
    commit(writer, sale("e", DAY * 60, 100))
    assert writer.commit_control(share("x", 100)).refusal is None
    commit(writer, sale("f", 5, 90_000, "n"))
    assert (lots(writer, "m"), lots(writer, "n")) == ([67], [33])
    follower = Replica(writer.journal)
    follower.catch_up()
    assert mixed.hash_of(follower) == mixed.hash_of(writer.replica)


def test_nobody_to_share_with_or_no_room(
    writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = writer.commit_control(share("x", 100)).refusal
    assert refused is not None
    assert refused.slug == "invalid-fact"
    fill(writer)
    before = mixed.hash_of(writer.replica)

    def full(*_: object) -> None:
        raise StorageFull("for the test")

    with monkeypatch.context() as patch:
        patch.setattr(writer, "append", full)
        with pytest.raises(StorageFull):
            writer.commit_control(share("x", 100))
    assert mixed.hash_of(writer.replica) == before
    assert writer.commit_control(share("x", 100)).refusal is None
    [one] = answers(commit(writer, sale("g", DAY * 32, 100)))
    assert one["status"] == "ok"


@given(st.integers(1, 10**12), st.dictionaries(st.text(max_size=3), st.integers(1, 10**12)))
def test_shares_are_exact(pool: int, weights: dict[str, int]) -> None:
    found = shares(pool, weights)
    assert sum(found.values()) == (pool if weights else 0)
    total = sum(weights.values())
    for name, points in found.items():
        assert abs(points * total - pool * weights[name]) < total


def test_goods_that_are_back_weigh_nothing(writer: Writer) -> None:
    """Without an amount too; what came back outside the period is its own period's."""
    commit(writer, sale("a", -DAY, 900), sale("b", 0, 300), sale("c", 1, 300, "n"))
    commit(
        writer, back("r1", DAY, "b", 0, quantity=1000), back("r2", DAY, "c", 50, "n", 500),
        back("r3", DAY * 40, "c", 0, "n", 500),
    )  # fmt: skip
    assert writer.commit_control(share("x", 10)).refusal is None
    assert (lots(writer, "m"), lots(writer, "n")) == ([], [10])
    # An exchange: 400 come for 100 that go, and the sale was of the month before.
    part = ReturnPart("a", [ReturnedLine(1000, 0, 1)])
    commit(writer, sale("e", 3, 1_300, returned=part))
    assert writer.commit_control(share("y", 13)).refusal is None
    # 1,300 less 900 for m, 300 less 50 for n.
    assert (lots(writer, "m"), lots(writer, "n")) == ([8], [10, 5])


def test_what_was_bought_under_another_name_is_its_members(writer: Writer) -> None:
    commit(writer, sale("a", 0, 100), sale("b", 1, 100, "n"), sale("c", 2, 100, "o"))
    commit(writer, MergeFact("g", at(3), "m", "n"))
    # 2:1 of 100: 66 and 33, and the one that is left to the larger remainder.
    assert writer.commit_control(share("x", 100)).refusal is None
    assert (lots(writer, "m"), lots(writer, "o")) == ([67], [33])
    assert writer.commit_control(share("y", 100, "points")).refusal is None
    assert (lots(writer, "m"), lots(writer, "o")) == ([67, 67], [33, 33])


def test_a_receipt_that_is_claimed_again_weighs_once(tmp_path: Path) -> None:
    program = mixed.PROGRAM.replace("late_limit_days", "claim_days = 60\nlate_limit_days")
    with mixed.verified(tmp_path, program) as writer:
        commit(writer, msgspec.structs.replace(sale("a", 0, 300), member=""))
        commit(writer, sale("b", 0, 300, "o"))
        commit(writer, ClaimFact("k1", at(1), "m", "a"))
        commit(writer, back("r", 2, "a", 100))
        commit(writer, CancelFact("k2", at(3), "m", claim="k1"))
        assert writer.commit_control(share("x", 10)).refusal is None
        assert (lots(writer, "m"), lots(writer, "o")) == ([], [10])
        commit(writer, ClaimFact("k3", at(4), "n", "a"))
        assert writer.commit_control(share("y", 10)).refusal is None
        assert [lots(writer, name) for name in "mno"] == [[], [4], [10, 6]]
