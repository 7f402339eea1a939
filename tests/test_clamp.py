"""Redemptions that ask for more than is redeemable: refused, or cut to what is (section 8)."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from vafa.engine.explain.explain import Explainer
from vafa.engine.explain.shape import Explanation
from vafa.engine.facts import CancelFact, PublishFact, RedeemFact, TenderFact
from vafa.engine.ledger.replay import verify
from vafa.engine.ledger.writer import Writer
from vafa.engine.reference.reference import Reference
from vafa.engine.replica.replica import Replica
from vafa.engine.views.views import member_view

from . import mixed
from .mixed import adjust, answers, at, commit, points, sale, told

PROGRAM = """
format = 1
id = "clamp"
unit = { code = "USD" }
zone = "UTC"
late_limit_days = 36_500

[[currency]]
id = "points"
expiry = { policy = "after", days = 20 }

[[redemption]]
tender = "points"
currency = "points"
minimum = 20
step = 10
over = "clamp"

[[rule]]
id = "base"
kind = "earn"
points = 1
per = 100
"""


def redeem(name: str, hours: float, asked: int, **more: Any) -> RedeemFact:
    """Points spent before a sale."""
    return RedeemFact(name, at(hours), "m", "points", asked, **more)


def given(writer: Writer, name: str, hours: float, asked: int, **more: Any) -> tuple[Any, ...]:
    """(what became of it, what it took, what it tells of that)."""
    [answer] = answers(commit(writer, redeem(name, hours, asked, **more)))
    took = -points(answer["postings"]).get((None, "redeem", None), 0)
    return answer.get("reason", answer["status"]), took, answer.get("taken")


def test_more_takes_what_is_redeemable(tmp_path: Path) -> None:
    with mixed.start(tmp_path, PROGRAM) as writer:
        commit(writer, adjust("g", 0, 57))
        # 50 of 57 are whole steps.
        assert given(writer, "a", 1, 80) == ("ok", 50, 50)
        assert given(writer, "a", 1, 80)[0] == "replayed"
        [answer] = answers(commit(writer, redeem("a", 1, 80)))
        assert (answer["asked"], answer["taken"]) == (80, 50)
        [verdict] = commit(writer, redeem("a", 1, 50))
        assert verdict.refusal is not None
        assert verdict.refusal.slug == "id-reused"
        assert given(writer, "b", 2, 80) == ("insufficient-points", 0, None)
        commit(writer, adjust("h", 3, 20))
        # 20 of 27: what is not over is asked as ever.
        assert given(writer, "c", 4, 15) == ("below-minimum", 0, None)
        assert given(writer, "d", 4, 25) == ("ok", 20, 20)
        commit(writer, adjust("i", 5, 100))
        assert given(writer, "e", 6, 55) == ("not-a-multiple", 0, None)
        assert given(writer, "f", 6, 200, completed=True) == ("ok", 200, None)
        [back] = answers(commit(writer, CancelFact("x", at(7), "m", "a")))
        assert points(back["postings"]) == {(None, "restore", None): 50}
        told_ = Explainer(writer.replica, "en").fact("a")
        assert isinstance(told_, Explanation)
        assert told_.agrees
    assert verify(tmp_path).findings == []


def test_what_was_taken_stays(tmp_path: Path) -> None:
    with mixed.start(tmp_path, PROGRAM) as writer:
        commit(writer, adjust("g", 0, 60))
        assert given(writer, "a", 5, 80) == ("ok", 60, 60)
        # Late points do not make it more, and it leaves nothing to a redemption before it.
        commit(writer, adjust("h", 1, 40))
        assert given(writer, "b", 4, 70) == ("insufficient-points", 0, None)
        # A late one is cut to what is there at its own place.
        assert given(writer, "c", 2, 40) == ("ok", 40, None)
        follower = Replica(writer.journal)
        follower.catch_up()
        assert mixed.hash_of(follower) == mixed.hash_of(writer.replica)
    assert verify(tmp_path).findings == []


def test_a_tender_is_never_cut(tmp_path: Path) -> None:
    with mixed.start(tmp_path, PROGRAM) as writer:
        commit(writer, adjust("g", 0, 60))
        paid = sale("s", 1, 10_000, tenders=[TenderFact("points", 1_000, 80)])
        assert told(writer, paid) == ["insufficient-points"]
        assert given(writer, "a", 1, 80) == ("ok", 60, 60)
        # The till pays with what the redemption took.
        paid = sale("t", 2, 10_000, tenders=[TenderFact("points", 600, ref="a")])
        [answer] = answers(commit(writer, paid))
        assert answer["postings"][0]["points"] == 94
    assert verify(tmp_path).findings == []


@pytest.mark.parametrize("seed", range(12))
def test_the_ledger_cuts_as_the_reference(tmp_path: Path, seed: int) -> None:
    draw = random.Random(seed)
    reference = Reference()
    reference.submit(PublishFact("program", at(-24 * 365), PROGRAM))
    facts: list[Any] = []
    for place in range(60):
        hours = draw.uniform(0, 24 * 40)
        kind = draw.random()
        if kind < 0.3:
            facts.append(sale(f"s{place}", hours, draw.randint(1, 80) * 100))
        elif kind < 0.45:
            facts.append(adjust(f"g{place}", hours, draw.randint(1, 60)))
        elif kind < 0.55:
            facts.append(CancelFact(f"c{place}", at(hours), "m", f"r{draw.randrange(60)}"))
        else:
            completed = draw.random() < 0.1
            facts.append(redeem(f"r{place}", hours, draw.randint(1, 12) * 10, completed=completed))
    size = draw.choice([1, 7, 60])
    with mixed.start(tmp_path, PROGRAM) as writer:
        found = [
            answer
            for start in range(0, 60, size)
            for answer in answers(commit(writer, *facts[start : start + size]))
        ]
        if size == 1:
            for fact, answer in zip(facts, found, strict=True):
                expected = reference.submit(fact)
                assert answer.get("reason", "ok") == (expected.reason or "ok"), fact
                assert answer.get("taken") == expected.taken, fact
        else:
            for fact in facts:
                reference.submit(fact)
        for days in (41, 50):
            view = reference.member("m", at(24 * days - 1).date())
            seen = member_view(writer.replica, "m", round(at(24 * days - 0.001).timestamp() * 1e6))
            assert seen is not None
            assert seen["balances"]["points"]["active"] == view.balances["points"].active, days
            assert seen["balances"]["points"]["debt"] == view.balances["points"].debt
    assert verify(tmp_path).findings == []
