"""Facts of several members, and gifts to causes, in a ledger (rulebook sections 2, 7 and 12)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from vafa.engine.facts import DonateFact, TransferFact
from vafa.engine.folding import batches
from vafa.engine.journal.journal import StorageFull
from vafa.engine.ledger.replay import verify
from vafa.engine.ledger.writer import Writer
from vafa.engine.replica.replica import Replica
from vafa.engine.value import joint
from vafa.engine.value.causes import causes_view
from vafa.engine.views.first_answer import first_answer
from vafa.engine.views.views import member_view

from . import mixed, servers
from .mixed import adjust, answers, at, back, commit, points, redeem, sale, told
from .test_closing import close

DAY = 24
PROGRAM = mixed.PROGRAM.replace("[[currency]]", 'causes = ["school"]\n\n[[currency]]', 1) + """
[[rule]]
id = "forest"
kind = "bonus"
points = 3
donate = "trees"
when = { store = ["1"] }
"""


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[Writer]:
    """A ledger that is verified at the end, from its checkpoint and from the journal alone."""
    with mixed.verified(tmp_path, PROGRAM) as made:
        yield made


def transfer(
    name: str, hours: float, points: int, member: str = "m", to: str = "n", **more: Any
) -> TransferFact:
    """Points from one member to another."""
    return TransferFact(name, at(hours), member, to, "points", points, **more)


def donate(name: str, hours: float, points: int, cause: str = "school") -> DonateFact:
    """Points from m to a cause."""
    return DonateFact(name, at(hours), "m", cause, "points", points)


def shown(writer: Writer, member: str, hours: float = DAY * 40) -> dict[str, Any]:
    """A member at an hour: active, debt, what was sent and received, its lots."""
    found = member_view(writer.replica, member, round(at(hours).timestamp() * 1e6), lots=True)
    assert found is not None
    balances, totals = found["balances"]["points"], found["totals"]["points"]
    return {
        "active": balances["active"], "debt": balances["debt"],
        "sent": totals["transferred_out"], "received": totals["transferred_in"],
        "lots": [(lot["earned"][5:], lot["good_through"][5:], lot["points"])
                 for lot in found["lots"]],
    }  # fmt: skip


# -- transfers ------------------------------------------------------------------------------


def test_lots_move_with_their_dates_and_pay_debt_first(writer: Writer) -> None:
    commit(writer, sale("a", 0), sale("b", DAY * 10), redeem("d", 5, 20, "n", completed=True))
    [answer] = answers(commit(writer, transfer("t", DAY * 12, 130)))
    assert points(answer["postings"]) == {(None, "transfer", None): -130}
    assert answer["balances"]["points"]["active"] == 70
    assert shown(writer, "m") == {
        "active": 70, "debt": 0, "sent": 130, "received": 0, "lots": [("01-11", "03-11", 70)],
    }  # fmt: skip
    assert shown(writer, "n") == {
        "active": 110, "debt": 0, "sent": 0, "received": 130,
        "lots": [("01-01", "03-01", 80), ("01-11", "03-11", 30)],
    }  # fmt: skip


def test_all_of_it_or_nothing(writer: Writer) -> None:
    commit(writer, sale("a", 0), sale("b", 0, member="n"))
    assert told(writer, transfer("t", 5, 101)) == ["insufficient-points"]
    assert told(writer, transfer("u", 5, 1, to="nobody")) == ["unknown-member"]
    assert member_view(writer.replica, "nobody") is None
    assert shown(writer, "n")["received"] == 0
    # A refusal is final, and the same for ever.
    commit(writer, sale("c", 0, member="nobody"))
    [again] = answers(commit(writer, transfer("u", 5, 1, to="nobody")))
    assert (again["status"], again["reason"]) == ("replayed", "unknown-member")
    assert again["balances"]["points"]["active"] == 100
    [verdict] = commit(writer, transfer("t", 5, 100))
    assert verdict.refusal is not None
    assert verdict.refusal.slug == "id-reused"


def test_a_leg_that_does_not_fit_refuses_the_fact(
    writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit(writer, sale("a", 0), sale("b", 0, member="n"))
    fold = writer.replica.fold
    assert fold is not None
    before = [fold.state.pack(0)[24:], fold.state.pack(1)]
    apply = batches.apply

    def refusing(fold: Any, batch: Any, past: Any) -> Any:
        outcome = apply(fold, batch, past)
        if batch.legs:
            outcome.status[:] = 1
        return outcome

    with monkeypatch.context() as patch:
        patch.setattr(joint, "apply", refusing)
        assert told(writer, transfer("t", 5, 60)) == ["overflow"]
    assert [fold.state.pack(0)[24:], fold.state.pack(1)] == before
    assert told(writer, transfer("u", 5, 60)) == ["ok"]


def test_what_was_received_stays_whatever_comes_later(writer: Writer) -> None:
    commit(writer, sale("a", 0), sale("b", 0, member="n"))
    commit(writer, transfer("t", DAY, 80))
    # A late redemption, and then a return, take what was given away.
    assert told(writer, redeem("d", 1, 50, completed=True)) == ["ok"]
    assert shown(writer, "m")["debt"] == 30
    commit(writer, back("r", DAY * 2, "a"))
    assert shown(writer, "m")["debt"] == 130
    assert shown(writer, "n")["active"] == 180
    # A transfer that would leave it short is refused, at its own place too.
    assert told(writer, transfer("u", 0.5, 1)) == ["insufficient-points"]


def test_a_late_transfer_corrects_what_came_after_it(writer: Writer) -> None:
    commit(writer, sale("a", 0), redeem("d", DAY * 3, 70, "n", completed=True))
    commit(writer, adjust("x", DAY * 70, 5, "n"))
    commit(writer, transfer("t", DAY * 2, 100))
    assert shown(writer, "n", DAY * 4) == {
        "active": 30, "debt": 0, "sent": 0, "received": 100, "lots": [("01-01", "03-01", 30)],
    }  # fmt: skip
    # On the later date 30 have passed; without the transfer 65 would be owed.
    assert shown(writer, "n", DAY * 71)["active"] == 5
    assert shown(writer, "n", DAY * 71)["debt"] == 0


def test_what_a_completed_transfer_did_not_find_is_owed(writer: Writer) -> None:
    commit(writer, sale("a", 0), sale("b", 0, member="n"))
    assert told(writer, transfer("t", DAY, 130, completed=True)) == ["ok"]
    assert shown(writer, "m")["debt"] == 30
    assert shown(writer, "n")["lots"] == [
        ("01-01", "03-01", 100), ("01-01", "03-01", 100), ("01-02", "03-02", 30),
    ]  # fmt: skip


def test_there_and_back_at_one_instant(writer: Writer) -> None:
    commit(writer, sale("a", 0), sale("b", 0, member="n"))
    assert told(writer, transfer("t", 5, 100)) == ["ok"]
    assert told(writer, transfer("u", 5, 200, "n", "m")) == ["ok"]
    assert told(writer, transfer("s", 5, 1)) == ["insufficient-points"]
    assert shown(writer, "m")["active"] == 200
    assert shown(writer, "n")["active"] == 0


def test_a_day_closed_and_a_restart_in_between(writer: Writer) -> None:
    commit(writer, sale("a", 0), sale("b", DAY * 20, member="n"))
    commit(writer, transfer("t", DAY, 40))
    writer.replica.save()
    close(writer, DAY * 62)
    follower = Replica(writer.journal)
    follower.catch_up()
    assert mixed.hash_of(follower) == mixed.hash_of(writer.replica)
    commit(writer, transfer("u", DAY * 63, 100, "n", "m"))
    follower.catch_up()
    assert mixed.hash_of(follower) == mixed.hash_of(writer.replica)
    assert first_answer(follower, follower.find_ids(["u"])["u"])["balances"]["points"] == {
        "active": 0, "pending": 0, "held": 0, "debt": 0,
    }  # fmt: skip


def test_a_transfer_that_cannot_be_written_has_not_happened(
    writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit(writer, sale("a", 0), sale("b", 0, member="n"))
    before = mixed.hash_of(writer.replica)

    def full(*_: Any) -> None:
        raise StorageFull("for the test")

    with monkeypatch.context() as patch:
        patch.setattr(writer, "append", full)
        with pytest.raises(StorageFull):
            commit(writer, transfer("t", 5, 60))
    assert mixed.hash_of(writer.replica) == before
    assert told(writer, transfer("t", 5, 60)) == ["ok"]


def test_what_waits_for_a_transfer_waits_in_vain(writer: Writer) -> None:
    commit(writer, sale("a", 0), sale("b", 0, member="n"))
    commit(writer, back("r", 1, "t", member="n"), back("q", 1, "u"))
    [answer] = answers(commit(writer, transfer("t", 5, 60)))
    assert [(one["id"], one["reason"]) for one in answer["parked"]] == [("r", "not-a-sale")]
    [answer] = answers(commit(writer, transfer("u", 5, 60, to="nobody")))
    assert [(one["id"], one["reason"]) for one in answer["parked"]] == [("q", "not-a-sale")]


# -- causes ---------------------------------------------------------------------------------


def test_causes_have_what_members_and_rules_gave(writer: Writer) -> None:
    commit(writer, sale("a", 0, store="1"), sale("b", 1, member="n", store="1"))
    assert told(writer, donate("d", 2, 30), donate("e", 2, 71)) == ["ok", "insufficient-points"]
    assert told(writer, donate("f", 2, 1, "forest")) == ["unknown-cause"]
    # Members may give to the causes of rules too.
    assert told(writer, donate("g", 2, 2, "trees")) == ["ok"]
    assert causes_view(writer.replica) == [
        {"id": "school", "points": {"points": 30}}, {"id": "trees", "points": {"points": 8}},
    ]  # fmt: skip
    commit(writer, back("r", 3, "b", member="n"))
    assert causes_view(writer.replica)[1]["points"] == {"points": 5}
    assert shown(writer, "m")["active"] == 68


# -- over HTTP ------------------------------------------------------------------------------


@pytest.mark.parametrize("workers", [1, 2])
def test_over_http(tmp_path: Path, workers: int) -> None:
    program = servers.PROGRAM.replace("[[currency]]", 'causes = ["school"]\n\n[[currency]]', 1)
    with servers.serving(tmp_path, workers, program) as server:
        facts = [servers.fact("s", member="m-1"), servers.fact("o", member="m-2")]
        given: dict[str, Any] = {
            "kind": "transfer", "id": "t", "occurred_at": servers.days_ago(1), "member": "m-1",
            "to": "m-2", "currency": "points", "points": 3,
        }  # fmt: skip
        gift = {**given, "kind": "donate", "id": "d", "cause": "school", "points": 1}
        gift.pop("to")
        rows = server.post(servers.lines_of(*facts, given, gift), "application/x-ndjson").rows()
        assert [row["status"] for row in rows] == ["ok"] * 4
        before = server.get("/v1/members/m-2").json()["totals"]["points"]
        assert before["transferred_in"] == 3
        assert server.post(given).status == 200
        assert server.post({**given, "id": "u", "points": 10**6}).slug == "insufficient-points"
        assert server.post({**given, "id": "v", "to": "nobody"}).slug == "unknown-member"
        assert server.post({**given, "id": "w", "to": "m-1"}).slug == "invalid-fact"
        assert server.get("/v1/events/t").json()["fact"]["to"] == "m-2"
        causes = server.get("/v1/causes").json()["causes"]
        assert causes[0] == {"id": "school", "points": {"points": 1, "stars": 0}}
    assert verify(tmp_path).findings == []
