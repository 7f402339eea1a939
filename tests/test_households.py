"""Households and companies whose members pool into one account (rulebook section 7)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from vafa.engine.facts import (
    CloseFact,
    EnrolFact,
    MemberUpdateFact,
    PoolFact,
    UnmergeFact,
    UnpoolFact,
)
from vafa.engine.ledger.writer import Writer
from vafa.engine.views.statement import statement

from . import mixed
from .mixed import at, back, points, redeem, sale, told
from .test_closing import close
from .test_merge import DAY, active, each, merge, seen


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[Writer]:
    """A ledger with a household and a company, verified at the end."""
    with mixed.verified(tmp_path, mixed.PROGRAM) as made:
        each(made, EnrolFact("h0", at(0), "home", type="household"))
        each(made, EnrolFact("f0", at(0), "firm", type="organisation"))
        yield made


def pool(name: str, hours: float, member: str = "m", account: str = "home") -> PoolFact:
    """A member joins a household."""
    return PoolFact(name, at(hours), member, account)


def unpool(name: str, hours: float, member: str = "m", account: str = "home") -> UnpoolFact:
    """A member leaves a household."""
    return UnpoolFact(name, at(hours), member, account)


def test_facts_of_its_members_count_in_the_account(writer: Writer) -> None:
    each(writer, sale("a", 1), sale("b", 2, member="n"))
    each(writer, pool("p", DAY), pool("q", DAY * 2, "n"))
    [answer] = each(writer, sale("c", DAY * 3, member="n"))
    assert answer["balances"]["points"]["active"] == 300
    found = seen(writer, "home")
    assert (found["members"], found["purchases"]) == (["m", "n"], 3)
    assert found["balances"]["points"]["active"] == 300
    mine = seen(writer, "m")
    assert (mine["id"], mine["account"]) == ("m", "home")
    assert mine["balances"] == found["balances"]
    # Any of them spends what all have.
    each(writer, redeem("r", DAY * 4, 250, "m"))
    assert told(writer, redeem("s", DAY * 5, 51, "n")) == ["insufficient-points"]
    each(writer, redeem("t", DAY * 5, 50, "home"))


def test_who_leaves_goes_on_from_zero(writer: Writer) -> None:
    each(writer, MemberUpdateFact("u", at(0.5), "m", birth=dt.date(1980, 5, 5), type="person"))
    each(writer, sale("a", 1), pool("p", DAY), sale("b", DAY * 2))
    [answer] = each(writer, unpool("q", DAY * 3))
    assert answer["balances"]["points"]["active"] == 0
    each(writer, sale("c", DAY * 4))
    assert active(writer, "m") == 100
    assert active(writer, "home") == 200
    mine = seen(writer, "m")
    assert (mine["purchases"], mine["type"]) == (1, "person")
    assert "account" not in mine
    fold = writer.replica.fold
    assert fold is not None
    number = writer.replica.dictionaries.members.numbers["m"]
    # What is known of the person comes along.
    assert fold.state.slots(number)[8] == 1980_05_05
    assert (active(writer, "m", DAY * 0.5), active(writer, "m", DAY * 2.5)) == (100, 200)


def test_a_return_goes_where_its_sale_counts(writer: Writer) -> None:
    each(writer, sale("a", 1), pool("p", DAY), unpool("q", DAY * 2), sale("b", DAY * 3))
    each(writer, back("x", DAY * 4, "a"))
    assert (active(writer, "home"), active(writer, "m")) == (0, 100)
    # What somebody else bought for the household is not the member's any more.
    each(writer, pool("r", DAY * 5, "n"), sale("c", DAY * 6, member="n"))
    assert told(writer, back("y", DAY * 7, "c", member="m")) == ["wrong-member"]


def test_a_late_fact_of_its_time_in_the_household(writer: Writer) -> None:
    each(writer, sale("a", 1), pool("p", DAY), unpool("q", DAY * 3), sale("b", DAY * 4))
    [answer] = each(writer, sale("c", DAY * 2))
    assert points(answer["postings"])[("base", "earn", None)] == 100
    assert (active(writer, "home"), active(writer, "m")) == (200, 100)
    # It had left a day before.
    each(writer, sale("d", 1.5))
    assert (active(writer, "home"), active(writer, "m")) == (300, 100)


def test_a_member_of_a_household_may_be_merged_into(writer: Writer) -> None:
    each(writer, sale("a", 1), sale("b", 2, member="n"), pool("p", DAY))
    each(writer, merge("g", DAY * 2))
    assert active(writer, "home") == 200
    assert seen(writer, "n")["account"] == "home"
    each(writer, unpool("q", DAY * 3), sale("c", DAY * 4, member="n"))
    assert (active(writer, "m"), active(writer, "home")) == (100, 200)
    each(writer, UnmergeFact("u", at(DAY * 5), "m", "g"))
    assert (active(writer, "m"), active(writer, "n"), active(writer, "home")) == (0, 200, 100)


def test_what_may_not_pool(writer: Writer) -> None:
    each(writer, sale("a", 1), sale("b", 1, member="n"))
    assert told(writer, pool("p1", 2, "m", "n")) == ["not-a-household"]
    assert told(writer, pool("p2", 2, "m", "nobody")) == ["unknown-member"]
    assert told(writer, unpool("p3", 2, "nobody", "home")) == ["unknown-member"]
    assert told(writer, unpool("p4", 2)) == ["not-pooled"]
    each(writer, pool("p", 3))
    assert told(writer, pool("p5", 4)) == ["member-pooled"]
    assert told(writer, pool("p6", 4, "m", "firm")) == ["member-pooled"]
    assert told(writer, pool("p7", 4, "home", "firm")) == ["member-pooled"]
    assert told(writer, unpool("p8", 4, "m", "firm")) == ["not-pooled"]
    assert told(writer, merge("p9", 4, "n", "m")) == ["member-pooled"]
    # The household would end with it.
    assert told(writer, CloseFact("x", at(5), "m")) == ["member-pooled"]
    each(writer, unpool("q", 6))
    each(writer, CloseFact("y", at(7), "m"))


def test_closed_days_and_expiry(writer: Writer) -> None:
    each(writer, sale("a", 1), sale("b", 2, member="n"), pool("p", DAY), pool("q", DAY, "n"))
    close(writer, DAY * 70)
    assert seen(writer, "home", DAY * 80)["totals"]["points"]["expired"] == 200
    each(writer, unpool("r", DAY * 30, "n"), sale("c", DAY * 31, member="n"))
    assert active(writer, "n", DAY * 72) == 100
    assert seen(writer, "home", DAY * 80)["totals"]["points"]["expired"] == 200


def test_a_statement_is_of_the_account(writer: Writer) -> None:
    each(writer, sale("a", 1), sale("b", 2, member="n"), pool("p", DAY), sale("c", DAY * 2))
    each(writer, unpool("q", DAY * 3), sale("d", DAY * 4))
    told_of: dict[str, list[Any]] = {}
    for name in ("m", "home", "n"):
        page = statement(writer.replica, name, 50)
        assert page is not None
        told_of[name] = [entry["id"] for entry in page.entries]
    assert told_of == {"m": ["d", "q"], "home": ["c", "p", "a", "h0"], "n": ["b"]}
