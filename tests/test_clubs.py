"""Clubs: members that leave, closed clubs, plans, persons and organisations (section 7)."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import pytest

from vafa.engine.checks.program_file import ProgramError, parse_program
from vafa.engine.members.plans import plan_of, terms_begun
from vafa.engine.replica.replica import Replica
from vafa.engine.views.first_answer import first_answer
from vafa.engine.views.views import member_view
from vafa.engine.wire.json_facts import decode_fact

from . import memberships
from .memberships import (
    PROGRAM,
    assert_sound,
    at,
    commit,
    link,
    sale,
    told,
    wire,
    writer_of,
)

DAY = 24
Json = dict[str, Any]


def us(hours: float) -> int:
    """An instant some hours after the start, us."""
    return int(at(hours).timestamp()) * 1_000_000


def seen(replica: Replica, hours: float, member: str = "m") -> Json:
    """A member at an instant."""
    found = member_view(replica, member, us(hours))
    assert found is not None
    return found


# -- members that leave --------------------------------------------------------------------------

LASTING = PROGRAM.replace('id = "points"\n', 'id = "points"\npending_days = 3\n') + """
[[rule]]
id = "birthday"
kind = "bonus"
points = 500
on = "birthday"
"""


def test_a_member_leaves_and_its_points_with_it(tmp_path: Path) -> None:
    with writer_of(tmp_path, LASTING) as writer:
        told(writer, wire("enrol", "e", 0, member="m", birth="1990-02-01", cards=["c"]),
             sale("s", 1, member="m"), sale("t", 5 * DAY, member="m"))  # fmt: skip
        (closed,) = commit(writer, wire("close", "x", 6 * DAY, card="c", reason="asked"))
        assert closed.answer is not None
        assert closed.answer["postings"] == [
            {"rule": None, "kind": "expire", "currency": "points", "points": -200}
        ]
        assert closed.answer["balances"]["points"] == {
            "active": 0, "pending": 0, "held": 0, "debt": 0}  # fmt: skip
        # Later facts are refused, earlier ones take their place before it.
        assert told(
            writer, sale("u", 6 * DAY, member="m"), sale("v", 7 * DAY, card="c"),
            wire("redeem", "w", 8 * DAY, member="m", currency="points", points=1),
            wire("enrol", "y", 8 * DAY, member="m"), link("l", 9 * DAY, "d", "m"),
            wire("close", "z", 3 * DAY, member="m"),
        ) == ["member-closed"] * 6  # fmt: skip
        (late,) = commit(writer, sale("a", 4 * DAY, member="m"))
        assert late.answer is not None
        assert [(p["kind"], p["points"]) for p in late.answer["postings"]] == [
            ("earn", 100), ("correct", -100)]  # fmt: skip
        view = seen(writer.replica, 10 * DAY)
        assert view["closed"] == at(6 * DAY).isoformat().replace("+00:00", "Z")
        assert view["totals"]["points"]["expired"] == 300
        assert "closed" not in seen(writer.replica, 5 * DAY)
        # Nobody congratulates a member that has left.
        verdict = memberships.close_day(writer, "d", 32 * DAY, "2020-02-01")
        assert verdict.answer is not None
        assert seen(writer.replica, 40 * DAY)["totals"]["points"]["issued"] == 300
    assert_sound(tmp_path)


def test_leaving_is_decided_alike_in_any_batches(tmp_path: Path) -> None:
    facts = [
        sale("a", 1, member="m"), wire("close", "b", 10, member="m"), sale("c", 11, member="m"),
        link("d", 12, "c", "m"), wire("close", "e", 5, member="m"), sale("f", 9, member="m"),
        wire("return", "g", 12, member="m", sale="a", lines=[{"line": 1, "net": 10_000}]),
        wire("close", "h", 20, member="n"), sale("i", 19, member="n"), sale("j", 21, member="n"),
    ]  # fmt: skip
    found = set()
    for size in (1, 2, 5, len(facts)):
        ledger = tmp_path / str(size)
        with writer_of(ledger) as writer:
            statuses = [
                status for start in range(0, len(facts), size)
                for status in told(writer, *facts[start : start + size])
            ]  # fmt: skip
        found.add((tuple(statuses), memberships.state_hash_of(ledger)))
    assert len(found) == 1
    assert next(iter(found))[0] == (
        "ok", "ok", "member-closed", "member-closed", "member-closed", "ok", "member-closed", "ok",
        "ok", "member-closed",
    )  # fmt: skip


def test_a_late_close_leaves_what_was_accepted(tmp_path: Path) -> None:
    """An accepted redemption after it is short: what is missing is owed (section 2)."""
    with writer_of(tmp_path) as writer:
        told(writer, sale("s", 1, member="m"),
             wire("redeem", "r", 10, member="m", currency="points", points=60))  # fmt: skip
        assert told(writer, wire("close", "x", 5, member="m")) == ["ok"]
        balances = seen(writer.replica, 20)["balances"]["points"]
        assert (balances["active"], balances["debt"]) == (0, 60)
    assert_sound(tmp_path)


def test_any_order_of_arrival_gives_one_state(tmp_path: Path) -> None:
    facts = [sale("a", 1, member="m"), sale("b", 2, member="m"),
             wire("close", "c", 3, member="m")]  # fmt: skip
    hashes = set()
    for number, order in enumerate(itertools.permutations(facts)):
        with writer_of(tmp_path / str(number), LASTING) as writer:
            assert told(writer, *order) == ["ok"] * 3
        hashes.add(memberships.state_hash_of(tmp_path / str(number)))
    assert len(hashes) == 1


# -- closed clubs ----------------------------------------------------------------------------------

CLOSED = PROGRAM + """
[membership]
entry = { at_least = { spend = 15_000 } }

[ladder]
window = "lifetime"

[[ladder.tier]]
id = "silver"
at_least = { spend = 5_000 }
bonus = { points = 70 }

[[ladder.tier]]
id = "gold"
at_least = { spend = 40_000 }
bonus = { points = 900 }
"""


def test_a_candidate_earns_nothing_until_the_entry_is_met(tmp_path: Path) -> None:
    with writer_of(tmp_path, CLOSED) as writer:
        points = []
        for number, net in enumerate((10_000, 10_000, 10_000, 30_000)):
            (verdict,) = commit(writer, sale(f"s{number}", number, net, member="m"))
            assert verdict.answer is not None
            points.append(sum(p["points"] for p in verdict.answer["postings"]))
        # The basket that meets the entry earns nothing; a tier reached before has no bonus.
        assert points == [0, 0, 100, 300 + 900]
        # A return that leaves too little makes a candidate again.
        told(writer, wire("return", "r", 10, member="m", sale="s0",
                          lines=[{"line": 1, "net": 10_000, "quantity": 1_000}]),
             wire("return", "q", 10.5, member="m", sale="s3",
                  lines=[{"line": 1, "net": 30_000, "quantity": 1_000}]),
             wire("return", "p", 10.6, member="m", sale="s2",
                  lines=[{"line": 1, "net": 10_000, "quantity": 1_000}]))  # fmt: skip
        (verdict,) = commit(writer, sale("t", 11, member="m"))
        assert verdict.answer is not None
        assert verdict.answer["postings"] == []
    assert_sound(tmp_path)


@pytest.mark.parametrize(
    ("entry", "earns"),
    [
        ('at_least = { spend = 15_000, visits = 3 }\njoin = "any"', 3),
        ("at_least = { spend = 15_000, visits = 3 }", 4),
        ("at_least = { visits = 1 }", 2),
        ("at_least = { value = { invited = 1 } }", 0),
    ],
)
def test_what_a_club_asks(tmp_path: Path, entry: str, earns: int) -> None:
    """From which of four sales of 10,000 on the member earns."""
    with writer_of(tmp_path, PROGRAM + f"[membership.entry]\n{entry}\n") as writer:
        for number in range(1, 5):
            (verdict,) = commit(writer, sale(f"s{number}", number, member="m"))
            assert verdict.answer is not None
            assert bool(verdict.answer["postings"]) == (0 < earns <= number)
        told(writer, wire("member update", "u", 8, member="m", values={"invited": 1}))
        (verdict,) = commit(writer, sale("s9", 9, member="m"))
        assert verdict.answer is not None
        assert verdict.answer["postings"]
    assert_sound(tmp_path)


# -- plans -----------------------------------------------------------------------------------------

PLANS = PROGRAM + """
[[rule]]
id = "double"
kind = "multiply"
factor = 2
when = { subscription = ["plus"] }

[[plan]]
id = "plus"
fee = 990
term = { months = 1 }
entitlements = ["free delivery", "priority"]

[[plan]]
id = "prime"
fee = 500
term = { days = 30 }
renewal = "automatic"
entitlements = ["early access", "free delivery"]
"""


def test_a_plan_is_paid_for_a_term(tmp_path: Path) -> None:
    with writer_of(tmp_path, PLANS) as writer:
        told(writer, wire("subscription start", "a", 12, member="m", plan="plus"),
             sale("s", 20 * DAY, member="m"), sale("t", 31 * DAY - 1, member="m"),
             sale("u", 31 * DAY, member="m"))  # fmt: skip
        points = [
            sum(p["points"] for p in first_answer(writer.replica, seq)["postings"])
            for seq in (3, 4, 5)
        ]
        # From 1 January through 31 January.
        assert points == [200, 200, 100]
        shown = seen(writer.replica, 20 * DAY)
        assert shown["plans"] == [{
            "plan": "plus", "since": "2020-01-01T12:00:00Z", "until": "2020-02-01T00:00:00Z",
            "renews": False, "terms": 1, "fees": 990, "term_ends": "2020-02-01T00:00:00Z",
            "entitlements": ["free delivery", "priority"],
        }]  # fmt: skip
        assert shown["entitlements"] == ["free delivery", "priority"]
        assert "plans" not in seen(writer.replica, 31 * DAY)
    assert_sound(tmp_path)


def test_terms_follow_each_other_until_the_plan_ends(tmp_path: Path) -> None:
    with writer_of(tmp_path, PLANS) as writer:
        told(writer, wire("subscription start", "a", 12, member="m", plan="prime", fee=400),
             wire("subscription start", "b", 12, member="m", plan="plus",
                  ends_at=at(90 * DAY).isoformat()),
             wire("subscription end", "c", 100 * DAY, member="m", plan="prime"))  # fmt: skip
        prime, plus = (
            next(p for p in seen(writer.replica, 70 * DAY)["plans"] if p["plan"] == name)
            for name in ("prime", "plus")
        )
        assert (prime["until"], prime["renews"], prime["terms"], prime["fees"]) == (
            None, True, 3, 1_200)  # fmt: skip
        assert prime["term_ends"] == "2020-03-31T00:00:00Z"
        assert (plus["until"], plus["renews"]) == ("2020-03-31T00:00:00Z", False)
        assert seen(writer.replica, 70 * DAY)["entitlements"] == [
            "early access", "free delivery", "priority"]  # fmt: skip
        assert [p["plan"] for p in seen(writer.replica, 95 * DAY)["plans"]] == ["prime"]
        assert "plans" not in seen(writer.replica, 100 * DAY)
    assert_sound(tmp_path)
    reader = Replica.open(tmp_path)
    assert [p["plan"] for p in seen(reader, 95 * DAY)["plans"]] == ["prime"]
    reader.close()


@pytest.mark.parametrize("term", ["days = 1", "days = 30", "months = 1", "months = 12"])
def test_terms_of_years_are_counted(term: str) -> None:
    program = parse_program(PROGRAM + f'''
[[plan]]
id = "long"
renewal = "automatic"
term = {{ {term} }}
''')
    plan = plan_of(program, "long")
    assert plan is not None
    begun = [terms_begun(program, plan, us(0), us(12 * n)) for n in range(9_000)]
    numbers, ends = zip(*begun, strict=True)
    assert numbers[0] == 1
    assert all(0 <= b - a <= 1 for a, b in itertools.pairwise(numbers))
    assert all((a == b) == (e == f) for (a, e), (b, f) in itertools.pairwise(begun))
    assert all(end > us(12 * n) for n, end in enumerate(ends))
    many = {"days = 1": 4_500, "days = 30": 150, "months = 1": 148, "months = 12": 13}[term]
    assert numbers[-1] == many
    # Beyond the tables it is the last term of them, and not the first one.
    assert terms_begun(program, plan, us(0), 10**16)[0] > many


# -- persons and organisations ---------------------------------------------------------------------


def test_rules_may_ask_what_a_member_is(tmp_path: Path) -> None:
    program = PROGRAM + """
[[rule]]
id = "firms"
kind = "multiply"
factor = 2
when = { member_type = ["organisation"] }

[[rule]]
id = "people"
kind = "bonus"
points = 7
when = { not = { member_type = ["organisation"] } }
"""
    with writer_of(tmp_path, program) as writer:
        told(writer, wire("enrol", "e", 0, member="m", type="organisation"),
             sale("s", 1, member="m"), sale("t", 1, member="n"),
             wire("member update", "u", 2, member="m", type="person"),
             sale("v", 3, member="m"))  # fmt: skip
        assert [sum(p["points"] for p in first_answer(writer.replica, seq)["postings"])
                for seq in (3, 4, 6)] == [200, 107, 107]  # fmt: skip
        assert seen(writer.replica, 1)["type"] == "organisation"
        assert seen(writer.replica, 3)["type"] == "person"
        assert "type" not in seen(writer.replica, 1, "n")
    assert_sound(tmp_path)


# -- what a program may not say --------------------------------------------------------------------

BAD = {
    "an entry that asks nothing": ("[membership.entry]\nat_least = {}", "at_least"),
    "an entry of points": (
        "[membership.entry]\nat_least = { points = { points = 5 } }", "points.points"
    ),
    "an entry of a counter that is not there": (
        "[membership.entry]\nat_least = { counter = { x = 5 } }", "counter.x"
    ),
    "two forms of a term": ('[[plan]]\nid = "a"\nterm = { days = 1, months = 1 }', "term"),
    "no form of a term": ('[[plan]]\nid = "a"\nterm = {}', "term"),
    "renewal of nothing": ('[[plan]]\nid = "a"\nrenewal = "automatic"', "renewal"),
    "an entitlement twice": ('[[plan]]\nid = "a"\nentitlements = ["x", "x"]', "entitlements"),
    "a plan twice": ('[[plan]]\nid = "a"\n[[plan]]\nid = "a"', "plan[1]"),
    "a plan that is not there": (
        '[[plan]]\nid = "a"\n[[rule]]\nid = "r"\nkind = "bonus"\npoints = 1\n'
        'when = { subscription = ["b"] }', "subscription[0]",
    ),
    "a type that is none": (
        '[[rule]]\nid = "r"\nkind = "bonus"\npoints = 1\nwhen = { member_type = ["dog"] }',
        "member_type",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_a_bad_club_is_refused_at_its_place(name: str) -> None:
    text, path = BAD[name]
    with pytest.raises(ProgramError) as caught:
        parse_program(PROGRAM + text + "\n")
    assert path in str(caught.value)



def test_nobody_gives_to_a_member_that_left(tmp_path: Path) -> None:
    with writer_of(tmp_path) as writer:
        told(writer, sale("a", 1, member="m"), sale("b", 1, member="n"))
        give = {"member": "m", "to": "n", "currency": "points", "points": 10}
        told(writer, wire("close", "c", 5, member="n"))
        transfers = [wire("transfer", "t", 6, **give), wire("transfer", "u", 4, **give)]
        verdicts = [
            writer.commit_fact(decode_fact(json.dumps(fact).encode()), force=True)
            for fact in transfers
        ]
        answers = [verdict.answer or {} for verdict in verdicts]
        assert [a.get("reason", a["status"]) for a in answers] == ["member-closed", "ok"]
        assert seen(writer.replica, 10)["balances"]["points"]["active"] == 90
        assert seen(writer.replica, 10, "n")["balances"]["points"]["active"] == 0
    assert_sound(tmp_path)
