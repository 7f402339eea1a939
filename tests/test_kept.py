"""Answers that are kept tell what a look at the member would, whatever happens meanwhile."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import orjson
import pytest

from vafa.engine.facts import CatalogFact, DayClosedFact, ProductFact, PublishFact
from vafa.engine.ledger.writer import Writer
from vafa.engine.replica import kept
from vafa.engine.replica.replica import Replica
from vafa.engine.views import views
from vafa.engine.views.views import member_json, member_view

from . import memberships, mixed
from .memberships import told, wire

DAY = 24
Json = dict[str, Any]


class Clock:
    """The clock that reads look at."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.hours = 0.0
        monkeypatch.setattr(views, "time", self)

    def time_ns(self) -> int:
        return round(mixed.at(self.hours).timestamp() * 1e9)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def looked_at(replica: Replica, member: str) -> Json | None:
    """What a member shows with nothing kept, which is what a kept answer says."""
    found = member_json(replica, member)
    replica.kept, mine = kept.KeptAnswers(), replica.kept
    assert member_json(replica, member) == found
    replica.kept = mine
    shown: Json | None = None if found is None else orjson.loads(found[0])
    assert shown == member_view(replica, member, lots=True)
    return shown


@pytest.mark.parametrize("seed", range(4))
def test_whatever_happens(tmp_path: Path, clock: Clock, seed: int) -> None:
    facts = mixed.safe(seed, 40)
    draw = random.Random(seed)
    draw.shuffle(facts)
    members = sorted({fact.member for fact in facts if fact.member})
    with mixed.start(tmp_path) as writer:
        for place in range(0, len(facts), 4):
            mixed.load(writer, facts[place : place + 4], (2,))
            clock.hours = 24 * 30 + place
            for _ in range(2):
                for member in members:
                    looked_at(writer.replica, member)
                clock.hours += 0.001
            if place % 12 == 0:
                _happens_to_all(writer, place)
                for member in members:
                    looked_at(writer.replica, member)


def _happens_to_all(writer: Writer, place: int) -> None:
    when = mixed.at(24 * (place + 31))
    day = DayClosedFact(f"day {place}", when, mixed.at(24 * (place + 30)).date())
    assert writer.commit_control(day).refusal is None
    product = ProductFact("tea", brand=f"brand {place}", department="drinks")
    catalog = CatalogFact(f"catalogue {place}", mixed.at(24 * place / 2), [product])
    assert writer.commit_control(catalog).refusal is None
    text = (mixed.PROGRAM + mixed.MORE).replace("points = 1\n", f"points = {place + 1}\n")
    program = PublishFact(f"program {place}", mixed.at(24 * place), text)
    assert writer.publish_program(program).refusal is None


EXPIRING = memberships.PROGRAM.replace(
    'id = "points"\n',
    'id = "points"\npending_days = 2\nexpiry = { policy = "after", days = 5 }\n',
) + """
[[plan]]
id = "gold"
fee = 100
term = { months = 1 }
renewal = "automatic"

[[redemption]]
tender = "points"
currency = "points"
points = 100
money = 1
"""


def test_as_time_goes(tmp_path: Path, clock: Clock) -> None:
    with memberships.writer_of(tmp_path, EXPIRING) as writer:
        replica = writer.replica
        told(writer, memberships.sale("s", 1, member="m"), memberships.link("l", 1))
        seen = []
        for hours in range(2, 10 * DAY, 5):
            clock.hours = hours
            shown = looked_at(replica, "m")
            assert shown is not None
            seen.append(shown["balances"]["points"]["active"])
        assert seen[0] == 0
        assert 100 in seen
        assert seen[-1] == 0


def test_cards_holds_and_plans(tmp_path: Path, clock: Clock) -> None:
    with memberships.writer_of(tmp_path, EXPIRING) as writer:
        replica = writer.replica
        steps = [
            [memberships.sale("s", 1, member="m"), memberships.sale("o", 1, member="other")],
            [memberships.link("l", 2)],
            # Linked from a later instant on; then moved away, by a fact of another member.
            [memberships.link("later", 4 * DAY, card="d")],
            [memberships.link("moved", 3 * DAY, member="other", move=True)],
            [wire("hold", "h", 3 * DAY, member="m", currency="points", points=5,
                  expires_at=memberships.at(4 * DAY).isoformat())],
            [wire("subscription start", "p", 2 * DAY, member="m", plan="gold")],
        ]  # fmt: skip
        for step in steps:
            assert set(told(writer, *step)) == {"ok"}
            for hours in (3 * DAY - 1, 3 * DAY + 1, 4 * DAY - 1, 4 * DAY + 1, 70 * DAY):
                clock.hours = hours
                for _ in range(2):
                    looked_at(replica, "m")
                    looked_at(replica, "other")


def test_only_so_many_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clock: Clock
) -> None:
    monkeypatch.setattr(kept, "MOST_KEPT", 4)
    with memberships.writer_of(tmp_path) as writer:
        clock.hours = 5
        sales = [memberships.sale(f"s-{n}", 1, member=f"m-{n}") for n in range(9)]
        links = [memberships.link(f"l-{n}", 2, member=f"m-{n}", card=f"c-{n}") for n in range(8)]
        told(writer, *sales, *links)
        for n in range(8):
            looked_at(writer.replica, f"m-{n}")
            looked_at(writer.replica, "m-0")
            assert 1 <= len(writer.replica.kept) <= 4
        before = len(writer.replica.kept)
        looked_at(writer.replica, "m-8")
        assert len(writer.replica.kept) == before, "nothing is told of it beside its figures"
