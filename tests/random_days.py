"""Drawn cases of closed days: bonuses on dates beside caps, holds that run out, points that pass.

Small programs whose limits bind often, and histories in which a day is closed every few facts and
many facts come late: a late one then moves points of a closed day from one posting to another.
"""

from __future__ import annotations

import datetime as dt

from .cases import Case, Fact
from .choices import Choices
from .small_cases import SmallCase

HEAD_BYTES, ROW_BYTES = 40, 40
START = dt.datetime(2025, 1, 10, 12, tzinfo=dt.UTC)
BORN = ("1990-01-12", "1990-01-15", "1988-02-29", "1990-01-20")


def case_of(seed: bytes) -> Case:
    """The case of a seed; its facts are of two months at most."""
    made = SmallCase("days", seed, HEAD_BYTES, _program, alone=70)
    past: list[Fact] = []
    for place, member in enumerate(made.members):
        made.put(place - len(made.members), {
            "id": f"e{place}", "kind": "enrol", "member": member,
            "occurred_at": (START - dt.timedelta(days=360)).isoformat(),
            "birth": made.choices.pick(BORN),
        })  # fmt: skip
    at, closed = START, START.date() - dt.timedelta(days=1)
    for place, row in made.rows(5, 16, ROW_BYTES):
        at += dt.timedelta(hours=row.pick((1, 5, 20, 30, 60, 24 * 8)))
        fact = _fact(row, f"f{place}", at, row.pick(made.members), past)
        past.append(fact)
        made.put(3 * place + row.pick((0, 0, 0, 0, 9, 30)), fact)
        last = at.date() - dt.timedelta(days=1)
        if row.chance(60) and last > closed:
            # Every day, or one in a while.
            closed = last if row.chance(50) else closed + dt.timedelta(days=1)
            made.put(3 * place + 1, {
                "id": f"d{place}", "kind": "day closed", "date": closed.isoformat(),
                "occurred_at": f"{closed + dt.timedelta(days=1)}T03:00:00Z",
            })  # fmt: skip
    return made.case()


def _program(choices: Choices) -> str:
    expiry = choices.pick((
        '{ policy = "after", days = 3 }', '{ policy = "after", days = 8 }',
        '{ policy = "inactivity", months = 1, renewed_by = ["redemption"] }',
        '{ policy = "inactivity", months = 1 }', '{ policy = "never" }',
    ))  # fmt: skip
    caps = choices.pick(("{ day = 30 }", "{ day = 12, month = 60 }", "{ lifetime = 45 }",
                         "{ week = 40 }"))  # fmt: skip
    limits = choices.pick(("limits = { month = 15 }", "uses = { lifetime = 1 }",
                           "limits = { anniversary = 25 }", ""))  # fmt: skip
    return f"""
format = 1
id = "days"
unit = {{ code = "EUR" }}
zone = "UTC"
late_limit_days = 36_500
hold_hours = {choices.pick((24, 30, 100))}
late_shortfall = "{choices.pick(("debt", "forgive"))}"

[returns]
policy = "{choices.pick(("recompute", "proportional"))}"
shortfall = "{choices.pick(("debt", "forgive", "forgive", "withhold"))}"

[[currency]]
id = "points"
expiry = {expiry}
caps = {caps}

[[redemption]]
tender = "points"
currency = "points"
step = {choices.pick((1, 5))}

[[group]]
id = "one"
mode = "best"

[[rule]]
id = "base"
kind = "earn"
points = 1
per = 50
group = "one"
limits = {{ day = 15 }}

[[rule]]
id = "visit"
kind = "earn"
basis = "visit"
points = 7
group = "one"

[[rule]]
id = "balance"
kind = "bonus"
of_balance = {{ factor = 1.5, cap = 20 }}

[[rule]]
id = "week"
kind = "bonus"
points = 4
uses = {{ day = 1, month = 2 }}
when = {{ first_purchase = ["week", "month"] }}

[[rule]]
id = "streak"
kind = "bonus"
points = 3
when = {{ streak = {{ period = "week", count = 2 }} }}

[[rule]]
id = "birthday"
kind = "bonus"
points = 20
on = "birthday"
{limits}

[[rule]]
id = "joining"
kind = "bonus"
points = 10
on = "joining"
"""


def _fact(choices: Choices, name: str, at: dt.datetime, member: str, past: list[Fact]) -> Fact:
    """One fact; some name a sale or hold of the member, which may come later."""
    kind = choices.pick(("sale", "sale", "hold", "hold", "return", "exchange", "capture", "release",
                         "redeem", "adjust", "redeem", "sale"))  # fmt: skip
    named = "hold" if kind in ("capture", "release") else "sale"
    mine = [f for f in past if f["kind"] == named and f["member"] == member]
    head = {"id": name, "occurred_at": at.isoformat(), "member": member}
    if kind in ("return", "exchange", "capture", "release") and mine:
        return head | _naming(choices, kind, at, choices.pick(mine))
    return head | _alone(choices, kind)


def _alone(choices: Choices, kind: str) -> Fact:
    points = {"currency": "points", "points": choices.pick((5, 10, 15, 7, 25))}
    if kind in ("hold", "redeem"):
        return {"kind": kind, **points, "completed": choices.chance(30)}
    if kind == "adjust":
        return {"kind": kind, **points, "reason": "-", "actor": "-"}
    return {"kind": "sale", **_sale(choices)}


def _naming(choices: Choices, kind: str, at: dt.datetime, of: Fact) -> Fact:
    if kind == "release":
        return {"kind": kind, "hold": of["id"]}
    if kind == "capture":
        part = choices.pick((None, 5, 3, 20))
        return {"kind": kind, "hold": of["id"], "completed": choices.chance(50),
                "partial": choices.chance(40), **({} if part is None else {"points": part})}
    back = [{"line": 1, "quantity": choices.pick((1000, 2000)), "net": of["lines"][0]["net"]}]
    if kind == "return":
        return {"kind": kind, "sale": of["id"], "lines": back}
    # A clock that was wrong: it may be dated long before its sale.
    moved = at - dt.timedelta(days=choices.pick((0, 0, 1, 9, 20, 40)))
    return {"occurred_at": moved.isoformat(), "kind": "sale", **_sale(choices),
            "return": {"sale": of["id"], "lines": back}}  # fmt: skip


def _sale(choices: Choices) -> Fact:
    lines: list[Fact] = [
        {"sku": choices.pick("ab"), "quantity": choices.pick((1000, 2000)),
         "net": choices.pick((100, 300, 700))}
        for _ in range(choices.number(1, 2))
    ]  # fmt: skip
    tenders: list[Fact] = []
    if choices.chance(30):
        tenders.append({"type": "points", "amount": 60, "points": choices.pick((5, 10, 7))})
    completed = choices.chance(50)
    return {"lines": lines, "tenders": tenders, "completed": completed}
