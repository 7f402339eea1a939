"""The reference against the rulebook: lots, expiry, spending, debt (section 5)."""

from __future__ import annotations

import pytest

from vafa.engine.program.program import Program

from .reference_scripts import BASE, Case, club, follow


def points(policy: str, more: str = "", **fields: str) -> Program:
    """A point for every unit of money, with an expiry policy."""
    return club(
        '{id="base", kind="earn", points=1}',
        **{"currency": f'[{{id="points", expiry={{{policy}}}{more}}}]'} | fields,
    )


EXPIRY = [
    ("never", points('policy="never"'),
     """s1 01-01 buys oat 9 => base 9
        ? 2099-01-01 => 9 active
        ? 2099-01-01 lots => 9 to ever"""),
    ("30 days: through 31 January, gone on 1 February", points('policy="after", days=30'),
     """s1 01-01 buys oat 9 => base 9
        ? 01-31 => 9 active
        ? 02-01 => 0
        ? 02-01 totals points => issued 9, expired 9"""),
    ("months are clipped to the month's end", points('policy="after", months=1'),
     """s1 01-31 buys oat 9 => base 9
        ? 01-31 lots => 9 to 2024-02-29"""),
    # 31 Shahrivar 1403 and six months: 30 Esfand, 1403 is a leap year.
    ("months of the calendar that the policy names",
     points('policy="after", months=6, calendar="jalali"'),
     """s1 09-21 buys oat 9 => base 9
        ? 09-21 lots => 9 to 2025-03-20"""),
    ("the end of the period of earning", points('policy="period_end", period="quarter", k=0'),
     """s1 01-01 buys oat 9 => base 9
        s2 03-31 buys oat 1 => base 1
        ? 03-31 lots => 9 to 2024-03-31, 1 to 2024-03-31"""),
    ("the end of the next period", points('policy="period_end", period="year", k=1'),
     """s1 01-01 buys oat 9 => base 9
        ? 01-01 lots => 9 to 2025-12-31"""),
    ("a Jalali year", points('policy="period_end", period="year", k=0', calendar='"jalali"'),
     """s1 03-19 buys oat 9 => base 9
        ? 03-19 lots => 9 to 2024-03-19
        s2 03-20 buys oat 1 => base 1
        ? 03-20 lots => 1 to 2025-03-20"""),
    # 1 January 2024 is a Monday: Jalali weeks end on Friday.
    ("a week of the calendar that the policy names",
     points('policy="period_end", period="week", k=1, calendar="jalali"'),
     """s1 01-01 buys oat 9 => base 9
        ? 01-01 lots => 9 to 2024-01-12"""),
    ("inactivity: months after the last sale that gives", points('policy="inactivity", months=2'),
     """s1 01-10 buys oat 9 => base 9
        s2 03-10 buys oat 5 => base 5
        ? 03-10 lots => 9 to 2024-05-10, 5 to 2024-05-10
        s3 04-01 buys oat 0 =>
        ? 05-10 => 14 active
        ? 05-11 => 0"""),
    ("inactivity: a sale that gives to a cause renews", club(
        '{id="cause", kind="earn", points=1, donate="trees"}',
        currency='[{id="points", expiry={policy="inactivity", months=2}}]'),
     """j1 01-10 adjusts points 9 => adjust 9
        s1 03-10 buys oat 5 => cause 5, donate -5
        ? 03-10 lots => 9 to 2024-05-10
        s2 03-11 buys oat 0 =>
        ? 05-10 => 9 active
        ? 05-11 => 0"""),
    ("a lot that has passed does not come back", points('policy="inactivity", months=2'),
     """s1 01-10 buys oat 9 => base 9
        s2 03-11 buys oat 5 => base 5
        ? 03-11 lots => 5 to 2024-05-11"""),
    ("renewed by any sale, redemptions, activities", points(
        'policy="inactivity", months=1, renewed_by=["sale", "redemption", "activity"]'),
     """s1 01-10 buys oat 9 => base 9
        s2 02-01 buys oat 0 =>
        ? 02-01 lots => 9 to 2024-03-01
        a1 02-10 does walk =>
        ? 02-10 lots => 9 to 2024-03-10
        d1 03-01 redeems points 1 => redeem -1
        ? 03-01 lots => 8 to 2024-04-01"""),
    ("pending days", points('policy="never"', ", pending_days=14"),
     """s1 01-01 buys oat 9 => base 9
        ? 01-14 => 9 pending
        ? 01-15 => 9 active"""),
    ("pending points cannot be spent", points('policy="never"', ", pending_days=14"),
     """s1 01-01 buys oat 9 => base 9
        d1 01-14 redeems points 1 => insufficient-points
        d2 01-15 redeems points 9 => redeem -9"""),
    ("the earned date is the business date", points(
        'policy="after", days=1', day_starts_at="4"),
     """s1 01-02T03:59 buys oat 9 => base 9
        ? 01-02 => 9 active
        ? 01-03 => 0"""),
]

SPENDING = [
    ("earliest expiry, then earliest earned, never last", points('policy="after", days=60'),
     """j1 01-01 adjusts points 5 through never => adjust 5
        s1 01-02 buys oat 7 => base 7
        j2 01-03 adjusts points 3 through 2024-02-01 => adjust 3
        s2 01-04 buys oat 2 => base 2
        ? 01-04 lots => 3 to 2024-02-01, 7 to 2024-03-02, 2 to 2024-03-04, 5 to ever
        d1 01-05 redeems points 11 => redeem -11
        ? 01-05 lots => 1 to 2024-03-04, 5 to ever"""),
    ("alike in dates: the source's place, then the rule's", club(
        '{id="a", kind="bonus", points=4}', '{id="b", kind="bonus", points=6, priority=1}'),
     """s1 01-01T09:00 buys oat 1 => b 6, a 4
        s2 01-01T08:00 buys oat 1 => b 6, a 4
        d1 01-02 redeems points 7 => redeem -7
        ? 01-02 lots => 3 to ever, 6 to ever, 4 to ever"""),
    ("expired points cannot be spent, though no day was closed",
     points('policy="after", days=10'),
     """s1 01-01 buys oat 9 => base 9
        d1 01-12 redeems points 1 => insufficient-points"""),
    ("redeem of a status currency, of one not known", points(
        'policy="never"', '}, {id="stars", kind="status"'),
     """d1 01-01 redeems stars 1 => not-spendable
        d2 01-01 redeems moons 1 => unknown-currency
        j1 01-01 adjusts moons 1 => unknown-currency"""),
    ("all or nothing", points('policy="never"'),
     """s1 01-01 buys oat 9 => base 9
        d1 01-02 redeems points 10 => insufficient-points
        ? 01-02 => 9 active"""),
    ("what is completed is owed", points('policy="never"'),
     """s1 01-01 buys oat 9 => base 9
        d1 01-02 redeems points 12 completed => redeem -12
        ? 01-02 => 3 debt
        ? 01-02 totals points => issued 9, redeemed 12, debt 3"""),
]

DEBT = [
    ("active lots pay it at once", points('policy="never"'),
     """d1 01-01 redeems points 5 completed => redeem -5
        s1 01-02 buys oat 3 => base 3
        ? 01-02 => 2 debt
        s2 01-03 buys oat 3 => base 3
        ? 01-03 => 1 active"""),
    ("pending ones on the day they activate", points('policy="never"', ", pending_days=10"),
     """d1 01-01 redeems points 5 completed => redeem -5
        s1 01-02 buys oat 8 => base 8
        ? 01-11 => 8 pending 5 debt
        ? 01-12 => 3 active"""),
    ("a positive adjust is active at once, and pays", points(
        'policy="never"', ", pending_days=10"),
     """d1 01-01 redeems points 5 completed => redeem -5
        j1 01-02 adjusts points 8 => adjust 8
        ? 01-02 => 3 active"""),
    ("a negative adjust takes active, then pending", points(
        'policy="never"', ", pending_days=10"),
     """j1 01-01 adjusts points 5 => adjust 5
        s1 01-02 buys oat 8 => base 8
        j2 01-03 adjusts points -7 => adjust -7
        ? 01-03 => 6 pending
        j3 01-03 adjusts points -7 => insufficient-points
        ? 01-03 totals points => issued 13, reversed 7
        j4 01-03 adjusts points -7 forced => adjust -7
        ? 01-03 => 1 debt"""),
    ("a forced adjust of a status currency is forgiven", points(
        'policy="never"', '}, {id="stars", kind="status"'),
     """j1 01-01 adjusts stars 5 => adjust 5
        j2 01-02 adjusts stars -7 forced => adjust -7, forgive 2
        ? 01-02 => 0, stars 0"""),
    ("an adjust by the policy, at a date, for ever", points('policy="after", days=10'),
     """j1 01-01 adjusts points 1 => adjust 1
        j2 01-01 adjusts points 2 through 2024-01-05 => adjust 2
        j3 01-01 adjusts points 3 through never => adjust 3
        ? 01-01 lots => 2 to 2024-01-05, 1 to 2024-01-11, 3 to ever"""),
]

CLOSINGS = [
    ("day closed writes what has expired, once", points('policy="after", days=10'),
     """s1 01-01 buys oat 9 => base 9
        s2 01-02 buys oat 1 => base 1
        c1 01-11T01:00 closes 01-10 =>
        c2 01-12T01:00 closes 01-11 => expire -9
        c3 01-14T01:00 closes 01-13 => expire -1
        c4 01-15T01:00 closes 01-14 =>"""),
    ("days are closed in order", points('policy="never"'),
     """c1 01-12T01:00 closes 01-11 =>
        c2 01-13T01:00 closes 01-11 => day-out-of-order
        c3 01-12T00:30 closes 01-12 => day-out-of-order"""),
    ("a bonus on the birthday, at the close of its day", club(
        BASE, '{id="cake", kind="bonus", points=50, on="birthday", limits={anniversary=50}}'),
     """e1 01-01 enrols birth=1990-01-05 =>
        s1 01-05 buys oat 100 => base 1
        c1 01-05T01:00 closes 01-04 =>
        c2 01-06T01:00 closes 01-05 => cake 50
        u1 01-06 updates birth=1990-01-07 =>
        c3 01-08T01:00 closes 01-07 => cake 0/50 anniversary
        ? 01-08 => 51 active"""),
    ("a bonus on joining, from the next year on", club(
        BASE, '{id="year", kind="bonus", points=5, on="joining"}'),
     """e1 01-01 enrols =>
        c1 01-02T01:00 closes 01-01 =>
        c2 2025-01-02T01:00 closes 2025-01-01 => year 5"""),
    ("conditions on the member", club(
        BASE, '{id="cake", kind="bonus", points=50, on="birthday", when={segment=["vip"]}}'),
     """e1 01-01 enrols birth=1990-01-05 =>
        c1 01-06T01:00 closes 01-05 =>"""),
]

TABLES = [*EXPIRY, *SPENDING, *DEBT, *CLOSINGS]


@pytest.mark.parametrize("case", [Case(*row) for row in TABLES], ids=lambda case: case.name)
def test_lots(case: Case) -> None:
    follow(case)
