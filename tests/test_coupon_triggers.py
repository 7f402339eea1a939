"""Coupons of members: what brings one (rulebook section 8), and that a sale takes it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from vafa.engine.facts import ActivityFact, DayClosedFact, EnrolFact
from vafa.engine.ledger.replay import verify
from vafa.engine.ledger.writer import Writer
from vafa.engine.views.views import member_view

from . import mixed
from .mixed import at, commit, points, sale

NAMES = ("tier-up", "birthday", "third", "back", "lucky")
PROGRAM = mixed.PROGRAM + "".join(
    f'[[currency]]\nid = "{name}"\nkind = "coupons"\n'
    'expiry = { policy = "after", days = 30 }\n\n'
    for name in NAMES
) + """
[[rule]]
id = "birthday"
kind = "bonus"
currency = "birthday"
points = 1
on = "birthday"

[[rule]]
id = "third"
kind = "bonus"
currency = "third"
points = 1
when = { every_nth = 3 }

[[rule]]
id = "back"
kind = "bonus"
currency = "back"
points = 1
when = { activity = ["message"], days_since_purchase = 60 }

[[rule]]
id = "lucky"
kind = "bonus"
currency = "lucky"
points = 1
when = { draw = { one_in = 2, seed = "spring" } }

[[rule]]
id = "treat"
kind = "bonus"
points = 7
when = { coupon = ["tier-up", "birthday", "third", "back", "lucky"] }

[ladder]
window = "year"

[[ladder.tier]]
id = "bronze"

[[ladder.tier]]
id = "silver"
at_least = { spend = 50_000 }
bonus = { points = 1, currency = "tier-up" }
"""
DAY = 24


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[Writer]:
    """A ledger that is verified at the end."""
    with mixed.start(tmp_path, PROGRAM) as made:
        yield made
    assert verify(tmp_path).findings == []


def has(writer: Writer, name: str, hours: float) -> int:
    """Coupons that the member has at an hour."""
    found = member_view(writer.replica, "m", round(at(hours).timestamp() * 1e6))
    assert found is not None
    return int(found["balances"][name]["active"])


def given(answer: Any) -> dict[str | None, int]:
    """Coupons of the rules looked at, by rule."""
    return {rule: n for (rule, _, _), n in points(answer["postings"]).items() if rule != "base"}


def taken_once(writer: Writer, name: str, hours: float) -> None:
    """A sale takes the coupon, the next one is refused, and after 30 days there is none."""
    assert has(writer, name, hours) == 1
    first, second = (
        verdict.answer for verdict in commit(
            writer, sale("use", hours, 100, coupons=[name]),
            sale("again", hours + 0.1, 100, coupons=[name]),
        )
    )  # fmt: skip
    assert first is not None
    assert second is not None
    assert given(first)["treat"] == 7
    assert second["reason"] == "insufficient-points"


def test_a_new_tier_brings_one(writer: Writer) -> None:
    commit(writer, sale("a", 0, 40_000))
    assert has(writer, "tier-up", 0) == 0
    commit(writer, sale("b", 1, 10_000))
    taken_once(writer, "tier-up", 2)


def test_a_birthday_brings_one(writer: Writer) -> None:
    commit(writer, EnrolFact("e", at(0), "m", birth=dt.date(1990, 1, 5)))
    for day in range(1, 6):
        closed = DayClosedFact(f"d{day}", at(day * DAY), dt.date(2020, 1, day))
        assert has(writer, "birthday", day * DAY) == 0
        assert writer.commit_control(closed).refusal is None
    taken_once(writer, "birthday", 5 * DAY + 1)


def test_every_third_purchase_brings_one(writer: Writer) -> None:
    for n in range(3):
        assert has(writer, "third", n) == 0 if n else True
        commit(writer, sale(f"s{n}", n, 100))
    taken_once(writer, "third", 4)


def test_who_stayed_away_gets_one(writer: Writer) -> None:
    commit(writer, sale("s", 0, 100))
    commit(writer, ActivityFact("early", at(59 * DAY), "m", "message"))
    assert has(writer, "back", 59 * DAY) == 0
    commit(writer, ActivityFact("late", at(60 * DAY), "m", "message"))
    assert has(writer, "back", 90 * DAY) == 1
    assert has(writer, "back", 91 * DAY) == 0
    taken_once(writer, "back", 61 * DAY)


def test_a_draw_brings_some(writer: Writer) -> None:
    """The seed and the fact's id decide, whoever asks, and again in a replay."""
    won = []
    for n in range(20):
        (verdict,) = commit(writer, sale(f"s{n}", n, 100))
        assert verdict.answer is not None
        won.append(given(verdict.answer).get("lucky", 0))
    assert 0 < sum(won) < 20
    assert has(writer, "lucky", 20) == sum(won)
