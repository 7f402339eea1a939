"""The reference against the rulebook: order, late facts, parked returns, versions, budgets."""

from __future__ import annotations

import datetime as dt
import random
from itertools import permutations

import pytest

from vafa.engine.facts import CatalogFact, ProductFact
from vafa.engine.reference.reference import Reference

from .reference_scripts import BASE, GIFT, Case, club, follow, play, shown, started

EACH = '{id="base", kind="earn", points=1}'
FIRST = '{id="first", kind="bonus", points=9, when={first_purchase=["ever"]}}'
REDEEMED = '[{tender="points", currency="points"}]'

IDS = [
    (
        "the same content: the first answer",
        club(BASE),
        """s1 01-01 buys milk 100 => base 1
        s1 01-01T12:00:00Z buys milk 100 discount 0 => replayed, base 1
        ? 01-01 => 1 active""",
    ),
    (
        "other content is refused",
        club(BASE),
        """s1 01-01 buys milk 100 => base 1
        s1 01-01 buys milk 101 => id-reused
        s1 01-01 does walk => id-reused""",
    ),
    (
        "a refusal for state is final",
        club(BASE),
        """d1 01-03 redeems points 1 => insufficient-points
        s1 01-01 buys milk 500 => base 5
        d1 01-03 redeems points 1 => insufficient-points
        d1 01-03 redeems points 2 => id-reused""",
    ),
    (
        "a refusal for form keeps nothing",
        club(BASE),
        """s1 01-01 buys milk 100, milk -200 x-1 => invalid-fact
        s1 01-01 buys milk 100 => base 1""",
    ),
]

LATE = [
    (
        "each other fact has one correction a rule",
        club(BASE, FIRST),
        """s2 01-02 buys milk 100 => base 1, first 9
        s1 01-01 buys milk 200 => base 2, first 9, first -9 of s2
        ? 01-02 => 12 active""",
    ),
    (
        "limits are filled again in order",
        club('{id="base", kind="earn", points=1, limits={month=100}}'),
        """s2 01-02 buys milk 80 => base 80
        s3 01-03 buys milk 80 => base 20/80 month
        s1 01-01 buys milk 60 => base 60, base -40 of s2, base -20 of s3""",
    ),
    (
        "a late fact has the balance of the latest fact's date",
        club(EACH, currency='[{id="points", expiry={policy="after", days=10}}]'),
        """s2 01-20 buys milk 5 => base 5
        s1 01-01 buys milk 9 => base 9
        ? 01-20 => 5 active""",
    ),
    (
        "what has expired meanwhile is issued and expired at once",
        club(EACH, currency='[{id="points", expiry={policy="after", days=10}}]'),
        """s2 01-20 buys milk 5 => base 5
        c1 01-21T01:00 closes 01-20 =>
        s1 01-01 buys milk 9 => base 9, correct -9 of c1""",
    ),
    (
        "an accepted redemption that is left short is owed",
        club(EACH),
        """s1 01-01 buys milk 50 => base 50
        d1 01-03 redeems points 50 => redeem -50
        r1 01-02 returns s1 milk x1 => base -50
        ? 01-03 => 50 debt""",
    ),
    (
        "or forgiven",
        club(EACH, late_shortfall='"forgive"'),
        """s1 01-01 buys milk 50 => base 50
        d1 01-03 redeems points 50 => redeem -50
        r1 01-02 returns s1 milk x1 => base -50, correct 50 of d1
        ? 01-03 => 0""",
    ),
    (
        "completed ones are always owed",
        club(EACH, late_shortfall='"forgive"'),
        """s1 01-01 buys milk 50 => base 50
        d1 01-03 redeems points 50 completed => redeem -50
        r1 01-02 returns s1 milk x1 => base -50
        ? 01-03 => 50 debt""",
    ),
    (
        "a late redemption must leave later ones what they had",
        club(EACH),
        """s1 01-01 buys milk 50 => base 50
        d2 01-03 redeems points 40 => redeem -40
        d1 01-02 redeems points 20 => insufficient-points
        d3 01-02 redeems points 10 => redeem -10""",
    ),
    (
        "a later lot cannot pay an earlier redemption",
        club(EACH),
        """s1 01-05 buys milk 50 => base 50
        d1 01-03 redeems points 10 => insufficient-points""",
    ),
    (
        "a late negative adjust too, unless forced",
        club(EACH),
        """s1 01-01 buys milk 50 => base 50
        d2 01-03 redeems points 40 => redeem -40
        j1 01-02 adjusts points -20 => insufficient-points
        j2 01-02 adjusts points -20 forced => adjust -20
        ? 01-03 => 10 debt""",
    ),
    (
        "a late sale lifts a tier for those after it",
        club(
            BASE,
            '{id="two", kind="multiply", factor={gold=2}}',
            ladder='{window="year", tier=[{id="gold", at_least={spend=500}, bonus={points=7}}]}',
        ),
        """s2 01-02 buys milk 100 => base 1
        s3 01-03 buys milk 400 => base 4, tier.gold 7
        s1 01-01 buys milk 500 => base 5, tier.gold 7, two 1 of s2, two 4 of s3, """
        "tier.gold -7 of s3",
    ),
    (
        "late attributes are in force from their instant",
        club('{id="gift", kind="bonus", points=10, when={segment=["vip"]}}'),
        """s1 01-01 buys milk 1 =>
        s2 01-03 buys milk 1 =>
        u1 01-02 updates segments=vip => gift 10 of s2""",
    ),
    (
        "one instant: rank, store, terminal, id in bytes",
        club('{id="gift", kind="bonus", points=10, uses={lifetime=1}}'),
        """s9 01-01 buys milk 1; store 10; terminal 1 => gift 10
        b 01-01 buys milk 1; store 10 => gift 10, gift -10 of s9
        B 01-01 buys milk 1; store 10 => gift 10, gift -10 of b
        z 01-01 buys milk 1 => gift 10, gift -10 of B""",
    ),
]

PARKED = [
    (
        "a return before its sale",
        club(EACH),
        """r1 01-02 returns s1 milk x1 => parked
        ? 01-02 => 0
        s1 01-01 buys milk 100, oat 5 => base 105, base -100 of r1, r1 ok
        ? 01-02 => 5 active""",
    ),
    (
        "of an earlier instant than its sale: right after it",
        club(EACH),
        """r1 01-01 returns s1 milk x1 => parked
        s1 01-02 buys milk 100, oat 5 => base 105, base -100 of r1, r1 ok
        ? 01-02 => 5 active""",
    ),
    (
        "that proves invalid is told in the sale's answer",
        club(EACH),
        """r1 01-02 returns s1 milk x2 => parked
        r2 01-02 returns s1 milk x1 => parked
        r3 01-02 returns s1 milk x1 => parked
        s1 01-01 buys milk 100 => base 100, base -100 of r2, r1 returns-too-much, """
        """r2 ok, r3 returns-too-much
        r1 01-02 returns s1 milk x2 => replayed""",
    ),
    (
        "of a sale of another member",
        club(EACH),
        """r1 01-02 returns s1 milk x1 => parked
        s1 01-01 buys milk 100; by n => base 100, r1 wrong-member""",
    ),
    (
        "of what is no sale",
        club(EACH),
        """r1 01-02 returns a1 milk x1 => parked
        a1 01-01 does walk => r1 not-a-sale""",
    ),
    (
        "what waited for a return that waits itself",
        club(BASE),
        """r1 01-02 returns r2 milk x1 => parked
        r2 01-01 returns s1 milk x1 => parked, r1 not-a-sale
        s1 01-01 buys milk 200 => base 2, base -2 of r2, r2 ok""",
    ),
    (
        "the return part of an exchange alone is parked",
        club(EACH),
        """s2 01-02 buys oat 30; back s1 milk x1 => base 30
        ? 01-02 => 30 active
        s1 01-01 buys milk 100, bread 1 => base 101, base -100 of s2, s2 ok
        ? 01-02 => 31 active""",
    ),
    (
        "a return already here of an earlier instant",
        club(EACH),
        """s1 01-02 buys milk 100, oat 5 => base 105
        r1 01-01 returns s1 milk x1 => base -100
        s2 01-01T13:00 buys oat 1 => base 1
        ? 01-02 => 6 active""",
    ),
    (
        "of a sale that is refused",
        club(EACH, redemption=REDEEMED),
        """r1 01-03 returns s1 milk x1 => parked
        s1 01-01 buys milk 60; paid points 5 p5 => insufficient-points, r1 not-a-sale
        r2 01-03 returns s1 milk x1 => not-a-sale""",
    ),
    (
        "points that would be spent refuse it there",
        club(EACH, returns='{shortfall="refuse"}'),
        """r1 01-03 returns s1 milk x1 => parked
        d1 01-02 redeems points 50 completed => redeem -50
        s1 01-01 buys milk 60 => base 60, r1 points-spent""",
    ),
]

BUDGETS = [
    (
        "a commit that reaches it closes it; the overrun is one commit's",
        club('{id="gift", kind="bonus", points=10, budget=15}', BASE),
        """s1 01-01 buys milk 1 => gift 10
        s2 01-02 buys milk 1; by n => gift 10, gift closed
        s3 01-03 buys milk 100 => base 1""",
    ),
    (
        "net of what came back, until it is closed",
        club('{id="gift", kind="bonus", points=10, budget=20}'),
        """s1 01-01 buys milk 1 => gift 10
        r1 01-02 returns s1 milk x1 => gift -10
        s2 01-03 buys milk 1 => gift 10
        s3 01-04 buys milk 1 => gift 10, gift closed
        r2 01-05 returns s3 milk x1 => gift -10
        s4 01-06 buys milk 1 =>""",
    ),
    (
        "facts of a lower seq keep what they had, though late",
        club('{id="gift", kind="bonus", points=10, budget=10}', BASE),
        """s2 01-02 buys milk 100 => gift 10, base 1, gift closed
        s1 01-01 buys milk 100 => base 1""",
    ),
    (
        "a return is rated with budgets as they stood",
        club('{id="gift", kind="bonus", points=10, budget=10}'),
        """s2 01-02 buys milk 100, oat 1 => gift 10, gift closed
        r1 01-03 returns s2 milk x1 =>""",
    ),
]

TABLES = [*IDS, *LATE, *PARKED, *BUDGETS]


@pytest.mark.parametrize("case", [Case(*row) for row in TABLES], ids=lambda case: case.name)
def test_arrival(case: Case) -> None:
    follow(case)


# -- versions ------------------------------------------------------------------------------------

AT = {date: dt.datetime.fromisoformat(f"2024-{date}T00:00Z") for date in ("01-05", "01-10")}


def us(date: str) -> int:
    return int(AT[date].timestamp()) * 1_000_000


def test_the_version_in_force_of_those_known_at_acceptance() -> None:
    reference = started(club(BASE))
    assert play(reference, "s1 01-06 buys milk 100, oat 100") == "base 2"
    reference.publish(club('{id="base", kind="earn", points=5, per=100}'), us("01-05"))
    assert play(reference, "s2 01-06T13:00 buys milk 100, oat 100") == "base 10"
    assert play(reference, "s3 01-04 buys milk 100") == "base 1"
    # The first sale keeps its version, for late facts and for returns.
    assert play(reference, "r1 01-07 returns s1 milk x1") == "base -1"
    assert play(reference, "r2 01-07 returns s2 milk x1") == "base -5"


def test_limits_are_matched_by_rule_id_across_versions() -> None:
    reference = started(club('{id="gift", kind="bonus", points=10, limits={lifetime=15}}'))
    assert play(reference, "s1 01-01 buys milk 1") == "gift 10"
    reference.publish(
        club('{id="gift", kind="bonus", points=20, limits={lifetime=25}}'), us("01-05")
    )
    assert play(reference, "s2 01-06 buys milk 1") == "gift 15/20 lifetime"


def test_a_late_catalogue_corrects_every_member() -> None:
    reference = started(club('{id="base", kind="earn", points=1, when={brand=["New"]}}'))
    assert play(reference, "s1 01-04 buys tea 7") == ""
    assert play(reference, "s2 01-06 buys tea 8") == ""
    assert play(reference, "s3 01-06 buys tea 9; by n") == ""
    answer = reference.submit(CatalogFact("late", AT["01-05"], [ProductFact("tea", brand="New")]))
    assert shown(answer) == "base 8 of s2, base 9 of s3"
    assert list(answer.corrections) == ["m", "n"]


# -- the state is a function of the set of facts ---------------------------------------------------

HISTORY = """
e1 01-01 enrols birth=1990-01-04
s1 01-01T13:00 buys milk 300 x3, oat 55; store S1
s2 01-03 buys bread 250, milk 99; paid points 50 p20; completed
r1 01-03T13:00 returns s1 milk x1 100
x1 01-02 buys oat 45; back s2 bread x1 250
a1 01-04 does walk 3
j1 01-05 adjusts points -15 forced
d1 01-06 redeems points 30 completed
r2 01-07 returns x1 oat x1
"""


def test_any_order_of_arrival_comes_to_the_same() -> None:
    program = club(
        '{id="base", kind="earn", points=1, per=7, round="carry", limits={day=60}}',
        '{id="dairy", kind="multiply", factor=1.5, when={sku=["milk"]}}', FIRST, GIFT,
        '{id="walk", kind="bonus", points=3, when={activity=["walk"]}}',
        redemption=REDEEMED, currency='[{id="points", expiry={policy="after", days=20}}]',
        ladder='{window="year", tier=[{id="gold", at_least={spend=400}, bonus={points=7}}]}',
    )  # fmt: skip
    lines = HISTORY.split("\n")[1:-1]
    draw = random.Random(7)
    views = []
    for _ in range(40):
        reference = started(program)
        for line in draw.sample(lines, len(lines)):
            play(reference, line)
        views.append(reference.member("m", dt.date(2024, 1, 8)))
    assert all(view == views[0] for view in views)


def test_exchanges_that_name_each_other_end() -> None:
    lines = ("x1 01-01 buys milk 1; back x2 milk x1", "x2 01-02 buys milk 1; back x1 milk x1")
    for order in permutations(lines):
        reference = started(club(EACH))
        told = [play(reference, line) for line in order]
        assert all(answer.startswith("base 1") for answer in told)


def test_replay_from_the_same_facts_is_the_same() -> None:
    first, second = (_told() for _ in range(2))
    assert first == second


def _told() -> list[str]:
    reference: Reference = started(club(EACH, FIRST, redemption=REDEEMED))
    return [play(reference, line) for line in HISTORY.split("\n")[1:-1]]
