"""Causes: what members, rules and pools give them, and the statement of one."""

from __future__ import annotations

import datetime as dt
import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vafa.engine.columns.answers import Answer
from vafa.engine.columns.gift_accounts import cause_account
from vafa.engine.facts import DonateFact, ProfitShareFact
from vafa.engine.journal.journal import StorageFull
from vafa.engine.ledger.replay import verify
from vafa.engine.ledger.writer import Writer
from vafa.engine.replica.replica import Replica
from vafa.engine.value import causes
from vafa.engine.value.causes import cause_statement, causes_view
from vafa.engine.value.profit_share import split
from vafa.engine.views.views import member_lots, member_view

from . import mixed, servers
from .mixed import adjust, at, back, commit, sale, told
from .test_closing import close

DAY = 24
PROGRAM = mixed.PROGRAM.replace("[[currency]]", 'causes = ["school", "trees"]\n\n[[currency]]', 1)
PROGRAM += """
[[rule]]
id = "one-for-one"
kind = "bonus"
points = 1
per_units = 1
donate = "trees"
when = { sku = ["milk"] }

[[rule]]
id = "birthday"
kind = "bonus"
points = 9
on = "joining"
"""


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[Writer]:
    """A ledger that is verified at the end, from its checkpoint and from the journal alone."""
    with mixed.start(tmp_path, PROGRAM) as made:
        yield made
        made.replica.save()
        live, given = mixed.hash_of(made.replica), causes_view(made.replica)
        for cause in given:
            assert totals(made, cause["id"]) == Counter(cause["points"])
    report = verify(tmp_path)
    assert (report.findings, report.state_hash) == ([], live)
    shutil.rmtree(tmp_path / "state")
    folded = Replica.open(tmp_path)
    assert mixed.hash_of(folded) == live
    assert causes_view(folded) == given
    folded.close()


def entries(writer: Writer, cause: str, limit: int = 500) -> list[Answer]:
    """A cause's whole statement, in pages."""
    found, start = [], None
    while start != 0:
        page, start = cause_statement(writer.replica, cause, limit, start)
        assert len(page) <= limit
        found += page
    return found


def totals(writer: Writer, cause: str) -> Counter[str]:
    """What a cause's statement sums to."""
    sums: Counter[str] = Counter()
    for entry in entries(writer, cause):
        sums[entry["currency"]] += entry["points"]
    return sums


def pool(name: str, points: int, **causes_: int) -> ProfitShareFact:
    """A pool for January."""
    january = dt.date(2020, 1, 1), dt.date(2020, 1, 31)
    return ProfitShareFact(
        name, at(DAY * 31), *january, "points", points, "spend", "never", causes_
    )


def given_to(writer: Writer, name: str) -> Any:
    """Points that a cause has."""
    (found,) = (one["points"]["points"] for one in causes_view(writer.replica) if one["id"] == name)
    return found


def test_a_statement_tells_by_whom_and_by_what(writer: Writer) -> None:
    commit(writer, adjust("g", 0, 100))
    commit(writer, sale("a", 1), DonateFact("d", at(2), "m", "school", "points", 30))
    commit(writer, sale("b", 3, member="n"))
    assert told(writer, back("r", 4, "b", member="n")) == ["ok"]
    [one] = entries(writer, "school")
    assert one == {
        "seq": 4, "id": "d", "kind": "donate", "occurred_at": "2020-01-01T02:00:00Z",
        "member": "m", "rule": None, "currency": "points", "points": 30,
    }  # fmt: skip
    told_ = [(entry["id"], entry["rule"], entry["points"]) for entry in entries(writer, "trees")]
    assert told_ == [("r", "one-for-one", -1), ("b", "one-for-one", 1), ("a", "one-for-one", 1)]
    # A page at a time it is the same.
    assert [entry["id"] for entry in entries(writer, "trees", 1)] == ["r", "b", "a"]
    # A return that waited is told by its sale.
    commit(writer, back("q", 6, "c", member="n"))
    commit(writer, sale("c", 5, member="n"))
    assert given_to(writer, "trees") == 1


def test_pages_end_where_they_looked_far(
    writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit(writer, sale("a", 0))
    commit(writer, *(adjust(f"g{place}", 1, 1) for place in range(30)))
    monkeypatch.setattr(causes, "MOST_ROWS", 10)
    page, start = cause_statement(writer.replica, "trees", 50)
    assert page == []
    assert start
    assert [entry["id"] for entry in entries(writer, "trees")] == ["a"]


def test_a_pool_gives_a_part_to_causes(writer: Writer) -> None:
    commit(writer, sale("a", 0, 300), sale("b", 1, 100, "n"))
    before = mixed.hash_of(writer.replica)
    assert writer.commit_control(pool("w", 101, nobody=5)).refusal is not None
    assert mixed.hash_of(writer.replica) == before
    assert writer.commit_control(pool("x", 101, school=255, trees=100)).refusal is None
    # 25.755 and 10.1, floored; of the other 66 three quarters and one.
    assert (given_to(writer, "school"), given_to(writer, "trees")) == (25, 12)
    lots = {
        name: [
            lot["points"] for lot in member_lots(writer.replica, name)
            if lot["good_through"] is None
        ]
        for name in "mn"
    }
    assert lots == {"m": [50], "n": [16]}
    [entry] = entries(writer, "school")
    assert (entry["id"], entry["member"], entry["points"]) == ("x", None, 25)
    again = writer.commit_control(pool("x", 101, trees=100, school=255)).answer
    assert again is not None
    assert again["status"] == "replayed"
    assert writer.commit_control(pool("x", 101, school=255)).refusal is not None
    # It is no member: it has no anniversaries.
    close(writer, DAY * 398 + 1)
    account = member_view(writer.replica, cause_account("school"))
    assert account is not None
    assert account["balances"]["points"]["active"] == 25


def test_a_pool_of_causes_alone(writer: Writer, monkeypatch: pytest.MonkeyPatch) -> None:
    before = mixed.hash_of(writer.replica)

    def full(*_: object) -> None:
        raise StorageFull("for the test")

    with monkeypatch.context() as patch:
        patch.setattr(writer, "append", full)
        with pytest.raises(StorageFull):
            writer.commit_control(pool("x", 10, school=1000))
    assert mixed.hash_of(writer.replica) == before
    assert given_to(writer, "school") == 0
    assert writer.commit_control(pool("x", 10, school=1000)).refusal is None
    assert given_to(writer, "school") == 10
    assert writer.commit_control(pool("y", 10)).refusal is not None


@given(
    st.integers(1, 10**12), st.lists(st.integers(1, 250), max_size=4),
    st.dictionaries(st.text(max_size=2), st.integers(1, 10**9), min_size=1),
)  # fmt: skip
def test_nothing_of_a_pool_is_lost(whole: int, parts: list[int], weights: dict[str, int]) -> None:
    of_causes, of_members = split(whole, {f"c{n}": part for n, part in enumerate(parts)}, weights)
    assert sum(of_causes.values()) + sum(of_members.values()) == whole
    for place, part in enumerate(parts):
        assert 0 <= whole * part - 1000 * of_causes[f"c{place}"] < 1000


def test_over_http(tmp_path: Path) -> None:
    program = servers.PROGRAM.replace("[[currency]]", 'causes = ["school"]\n\n[[currency]]', 1)
    with servers.serving(tmp_path, 2, program) as server:
        server.post(servers.fact("s", member="m-1"))
        for n in range(3):
            donated = server.post({
                "kind": "donate", "id": f"d{n}", "occurred_at": servers.days_ago(1),
                "member": "m-1", "cause": "school", "currency": "points", "points": 1,
            })  # fmt: skip
            assert donated.status == 201
        date = servers.days_ago(1)[:10]
        share = {
            "kind": "profit share", "id": "p", "occurred_at": servers.days_ago(0.5), "from": date,
            "to": date, "currency": "points", "points": 10, "causes": {"school": 1000},
        }  # fmt: skip
        assert server.post({**share, "causes": {"school": 1001}}).slug == "invalid-fact"
        assert server.post({**share, "causes": {"school": 0}}).slug == "invalid-fact"
        assert server.post(share).status == 201
        first = server.get("/v1/causes/school?limit=2").json()
        assert first["points"]["points"] == 13
        assert [entry["id"] for entry in first["entries"]] == ["p", "d2"]
        second = server.get(f"/v1/causes/school?limit=2&cursor={first['next']}").json()
        assert [entry["id"] for entry in second["entries"]] == ["d1", "d0"]
        assert server.get("/v1/causes/nothing").status == 404
        assert server.get("/v1/causes/school?cursor=x").slug == "invalid-parameter"
    assert verify(tmp_path).findings == []
