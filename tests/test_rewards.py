"""The catalogue of rewards: stock that facts bring, items of their own, cancels (section 8)."""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from vafa.engine.explain.explain import Explainer
from vafa.engine.explain.shape import Explanation
from vafa.engine.facts import CancelFact, RewardRedeemFact, RewardStockFact
from vafa.engine.ledger.replay import verify
from vafa.engine.ledger.writer import Writer
from vafa.engine.replica.replica import Replica
from vafa.engine.value.rewards import rewards_view
from vafa.engine.views.views import member_view

from . import mixed, servers
from .mixed import adjust, answers, at, commit, points, told
from .test_gift_cards import DAY

REWARDS = """
[[reward]]
id = "mug"
points = 40
stock = 3
per_member = 2

[[reward]]
id = "print"
points = 30
unique = true

[[reward]]
id = "song"
points = 5
"""
PROGRAM = mixed.PROGRAM + REWARDS


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[Writer]:
    """A ledger that is verified at the end, from its checkpoint and from the journal alone."""
    with mixed.start(tmp_path, PROGRAM) as made:
        yield made
        made.replica.save()
        live = mixed.hash_of(made.replica)
        shelves = made.replica.stock.shelves
    report = verify(tmp_path)
    assert (report.findings, report.state_hash) == ([], live)
    reopened = Replica.open(tmp_path)
    assert reopened.stock.shelves == shelves
    reopened.close()
    shutil.rmtree(tmp_path / "state")
    folded = Replica.open(tmp_path)
    assert mixed.hash_of(folded) == live
    assert folded.stock.shelves == shelves
    folded.close()


def take(
    name: str, hours: float, member: str = "m", quantity: int = 1, reward: str = "mug", **more: Any
) -> Any:
    """Pieces of a reward."""
    return RewardRedeemFact(name, at(hours), member, reward, quantity, **more)


def cancel(name: str, hours: float, named: str, some: int | None = None, member: str = "m") -> Any:
    """A redemption is undone, whole or in part."""
    return CancelFact(name, at(hours), member, named, some)


def bring(writer: Writer, name: str, reward: str, pieces: int = 0, *items: str) -> str:
    """More of a reward; what became of it."""
    verdict = writer.commit_control(RewardStockFact(name, at(0), reward, pieces, list(items)))
    if verdict.refusal is not None:
        return f"{verdict.refusal.slug} {verdict.refusal.path}"
    assert verdict.answer is not None
    return str(verdict.answer["status"])


def left(writer: Writer) -> dict[str, int | None]:
    """What is left of each reward."""
    return {reward["id"]: reward["left"] for reward in rewards_view(writer.replica)}


def active(writer: Writer, member: str = "m", hours: float = DAY) -> int:
    """Active points of a member at an hour."""
    found = member_view(writer.replica, member, round(at(hours).timestamp() * 1e6))
    assert found is not None
    return int(found["balances"]["points"]["active"])


def test_a_cancel_gives_all_back(writer: Writer) -> None:
    commit(writer, adjust("g", 0, 200))
    assert told(writer, take("a", 1, quantity=2)) == ["ok"]
    assert told(writer, take("b", 1)) == ["over-limit"]
    assert told(writer, cancel("c", 2, "a", 30)) == ["not-a-multiple"]
    assert told(writer, cancel("d", 2, "a", 120)) == ["more-than-held"]
    [first] = answers(commit(writer, cancel("e", 2, "a", 40)))
    assert points(first["postings"]) == {(None, "restore", None): 40}
    assert (left(writer)["mug"], active(writer)) == (2, 160)
    # The place in the limit is free again, the other piece is still there.
    assert told(writer, take("f", 3)) == ["ok"]
    assert told(writer, take("h", 3)) == ["over-limit"]
    assert told(writer, cancel("i", 4, "a")) == ["ok"]
    assert told(writer, cancel("j", 5, "a")) == ["already-cancelled"]
    assert told(writer, cancel("k", 5, "nothing")) == ["not-a-redemption"]
    assert told(writer, cancel("l", 5, "f", member="n")) == ["wrong-member"]
    assert (left(writer)["mug"], active(writer)) == (2, 160)
    explained = Explainer(writer.replica, "en").fact("e")
    assert isinstance(explained, Explanation)
    assert [(posting.kind, posting.points) for posting in explained.postings] == [("restore", 40)]


def test_points_go_into_the_lots_they_left(writer: Writer) -> None:
    commit(writer, adjust("g", 0, 50), adjust("h", 24 * 20, 50))
    commit(writer, take("a", 24 * 21, quantity=2))
    # By then the first lot has passed (two months): what was of it is gone at once.
    assert told(writer, cancel("c", 24 * 70, "a")) == ["ok"]
    assert active(writer, hours=24 * 71) == 50


def test_a_completed_one_owes_and_its_cancel_pays(writer: Writer) -> None:
    commit(writer, adjust("g", 0, 10))
    assert told(writer, take("a", 1, completed=True)) == ["ok"]
    assert told(writer, cancel("c", 2, "a")) == ["ok"]
    found = member_view(writer.replica, "m", round(at(3).timestamp() * 1e6))
    assert found is not None
    assert found["balances"]["points"]["debt"] == 0
    assert active(writer) == 10


def test_facts_bring_stock(writer: Writer) -> None:
    commit(writer, *(adjust(f"g{name}", 0, 500, name) for name in "mno"))
    assert told(writer, take("a", 1, quantity=2)) == ["ok"]
    assert told(writer, take("b", 1, "n", 2)) == ["out-of-stock"]
    assert bring(writer, "x", "mug", 2) == "ok"
    assert bring(writer, "x", "mug", 2) == "replayed"
    assert bring(writer, "x", "mug", 3).startswith("id-reused")
    assert left(writer)["mug"] == 3
    [answer] = answers(commit(writer, take("c", 1, "n", 2)))
    assert answer["remaining"] == 1
    assert bring(writer, "y", "mug", -2) == "invalid-fact pieces"
    assert bring(writer, "y", "mug", -1) == "ok"
    assert told(writer, take("d", 1, "o")) == ["out-of-stock"]
    assert bring(writer, "z", "song", 5) == "invalid-fact reward"
    assert bring(writer, "z", "car", 5) == "invalid-fact reward"
    assert bring(writer, "z", "mug", 0, "a1") == "invalid-fact items"


def test_items_have_codes_of_their_own(writer: Writer) -> None:
    commit(writer, *(adjust(f"g{name}", 0, 500, name) for name in "mn"))
    assert told(writer, take("a", 1, reward="print")) == ["out-of-stock"]
    assert bring(writer, "x", "print", 3) == "invalid-fact items"
    assert bring(writer, "x", "print", 0, "no-3", "no-1", "no-2") == "ok"
    assert bring(writer, "y", "print", 0, "no-4", "no-1") == "invalid-fact items"
    [mine] = answers(commit(writer, take("b", 1, reward="print", quantity=2)))
    assert (mine["items"], mine["remaining"]) == (["no-3", "no-1"], 1)
    [theirs] = answers(commit(writer, take("c", 1, "n", reward="print")))
    assert theirs["items"] == ["no-2"]
    assert told(writer, take("d", 1, "n", reward="print")) == ["out-of-stock"]
    [again] = answers(commit(writer, take("b", 1, reward="print", quantity=2)))
    assert again == mine | {"status": "replayed"}
    # The last that was got comes back first, and is the next to be given.
    first, second = answers(commit(
        writer, cancel("e", 2, "b", 30), cancel("f", 3, "b")
    ))
    assert (first["items"], second["items"]) == (["no-1"], ["no-3"])
    writer.replica.save()
    [next_] = answers(commit(writer, take("h", 4, "n", reward="print")))
    assert next_["items"] == ["no-3"]
    explained = Explainer(writer.replica, "en").fact("b")
    assert isinstance(explained, Explanation)
    assert explained.agrees


@pytest.mark.parametrize("seed", range(8))
def test_nothing_is_oversold_in_any_order(tmp_path: Path, seed: int) -> None:
    """Redemptions, cancels and stock in a drawn order: what was given never exceeds what there
    was, and every piece that came back may be had again."""
    draw = random.Random(seed)
    with mixed.start(tmp_path, PROGRAM) as writer:
        commit(writer, *(adjust(f"g{name}", 0, 2_000, name) for name in "mnop"))
        there, gone = {"mug": 3, "print": 0}, {"mug": 0, "print": 0}
        having: dict[str, tuple[str, str, int]] = {}
        owner: dict[str, str] = {}
        for place in range(120):
            name, hours = f"f{place}", draw.uniform(1, 20)
            what = draw.random()
            if what < 0.15:
                reward = draw.choice(["mug", "print"])
                some = [f"i{place}.{n}" for n in range(draw.randint(1, 3))]
                pieces = 0 if reward == "print" else len(some)
                items = some if reward == "print" else []
                assert bring(writer, name, reward, pieces, *items) == "ok"
                there[reward] += len(some)
            elif what < 0.4 and having:
                named, (member, reward, pieces) = draw.choice(sorted(having.items()))
                price = {"mug": 40, "print": 30}[reward]
                some_ = draw.randint(1, pieces)
                [answer] = answers(commit(
                    writer, cancel(name, hours, named, some_ * price, member)
                ))
                assert answer["status"] == "ok", answer
                gone[reward] -= some_
                for item in answer.get("items", ()):
                    assert owner.pop(item) == named
                having[named] = member, reward, pieces - some_
                if pieces == some_:
                    del having[named]
            else:
                member, reward = draw.choice("mnop"), draw.choice(["mug", "print"])
                pieces = draw.randint(1, 2)
                [answer] = answers(commit(writer, take(name, hours, member, pieces, reward)))
                if answer["status"] == "ok":
                    having[name] = member, reward, pieces
                    gone[reward] += pieces
                    for item in answer.get("items", ()):
                        assert item not in owner
                        owner[item] = name
            found = left(writer)
            for reward, n in there.items():
                assert 0 <= gone[reward] <= n
                assert found[reward] == n - gone[reward]
        assert len(owner) == gone["print"]
    report = verify(tmp_path)
    assert report.findings == []


def test_stock_over_http(tmp_path: Path) -> None:
    program = servers.PROGRAM + '\n[[reward]]\nid = "one"\npoints = 1\nunique = true\n'
    with servers.serving(tmp_path, 2, program) as server:
        server.post(servers.fact("s", member="m"))
        brought = {
            "kind": "reward stock", "id": "x", "occurred_at": servers.days_ago(1),
            "reward": "one", "items": ["code-1"],
        }  # fmt: skip
        assert server.post({**brought, "pieces": 1}).slug == "invalid-fact"
        assert server.post({**brought, "items": ["a", "a"]}).slug == "invalid-fact"
        assert server.post(brought).status == 201
        assert server.post(brought).status == 200
        assert server.get("/v1/rewards").json()["rewards"][0]["left"] == 1
        got = server.post({
            "kind": "reward redeem", "id": "r", "occurred_at": servers.days_ago(1),
            "member": "m", "reward": "one",
        })  # fmt: skip
        assert (got.status, got.json()["items"]) == (201, ["code-1"])
        assert server.get("/v1/events/r").json()["answer"]["items"] == ["code-1"]
        back = {"kind": "cancel", "id": "c", "occurred_at": servers.days_ago(1), "member": "m",
                "redemption": "r"}  # fmt: skip
        assert server.post(back).json()["items"] == ["code-1"]
        assert server.get("/v1/rewards").json()["rewards"][0]["left"] == 1
    assert verify(tmp_path).findings == []
