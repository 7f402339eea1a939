"""A small case for each kind of rule, with figures worked out by hand from the rulebook.

A case is a program in a few lines, facts, and what each fact posts: points by rule, or by
the kind of a posting that no rule gave. Every ledger is verified after its case.
"""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from vafa.engine.facts import PublishFact
from vafa.engine.ledger.replay import verify
from vafa.engine.ledger.writer import Writer
from vafa.engine.views.views import member_view
from vafa.engine.wire.json_facts import decode_fact

Fact = dict[str, Any]
Points = dict[str, int]

HEAD = """
format = 1
id = "case"
unit = { code = "EUR", exponent = 2 }
zone = "UTC"
late_limit_days = 36_500
"""
POINTS = '[[currency]]\nid = "p"\n'
BASE = '[[rule]]\nid = "base"\nkind = "earn"\npoints = 1\nper = 100\n'
TIERS = """
[ladder]
window = "year"
[[ladder.tier]]
id = "bronze"
[[ladder.tier]]
id = "silver"
at_least = { spend = 10_000 }
"""
CATALOG: Fact = {
    "kind": "catalog", "id": "catalog", "occurred_at": "2020-01-01T00:00:00Z", "products": [
        {"sku": "milk", "department": "dairy", "brand": "own", "category": "food/milk"},
        {"sku": "wine", "department": "drinks", "price_class": "high", "on_promotion": True},
        {"sku": "ham", "department": "meat", "weighed": True, "labels": ["fresh"]},
        {"sku": "bag", "labels": ["deposit"]},
    ],
}  # fmt: skip


class Case(NamedTuple):
    """A program, facts beside the catalogue, what each posts, and the balance at the end."""

    name: str
    program: str
    facts: list[Fact]
    posted: list[Points]
    active: int | None = None
    debt: int = 0


def line(sku: str, net: int, quantity: int = 1000, **more: int) -> Fact:
    """A line of a sale."""
    return {"sku": sku, "net": net, "quantity": quantity, **more}


def sale(name: str, day: str, *lines: Fact, **more: Any) -> Fact:
    """A sale at noon of a day of 2025, or at an instant."""
    return {"kind": "sale", "id": name, "occurred_at": _at(day), "member": "m",
            "lines": list(lines), **more}  # fmt: skip


def back(name: str, day: str, of: str, *lines: Fact) -> Fact:
    """A return."""
    return {"kind": "return", "id": name, "occurred_at": _at(day), "member": "m", "sale": of,
            "lines": list(lines)}  # fmt: skip


def gone(number: int, net: int, quantity: int = 1000) -> Fact:
    """A line that comes back."""
    return {"line": number, "quantity": quantity, "net": net}


def fact(kind: str, name: str, day: str, **more: Any) -> Fact:
    """Any other fact of the member."""
    return {"kind": kind, "id": name, "occurred_at": _at(day), "member": "m", **more}


def points(number: int, amount: int = 0) -> Fact:
    """A tender of points."""
    return {"type": "points", "amount": amount, "points": number}


def _at(day: str) -> str:
    return day if "T" in day else f"2025-{day}T12:00:00Z"


def rule(name: str, kind: str, **fields: Any) -> str:
    """A rule of a program."""
    rows = [f'id = "{name}"', f'kind = "{kind}"']
    rows += [f"{key} = {value}" for key, value in fields.items()]
    return "[[rule]]\n" + "\n".join(rows) + "\n"


def earn(name: str = "e", points: Any = 1, per: int = 100, **fields: Any) -> str:
    """An earn rule."""
    return rule(name, "earn", points=points, per=per, **fields)


def bands(mode: str, **fields: Any) -> str:
    """1 point a unit from 0, 2 from 10,000, 4 from 20,000 (per 100)."""
    steps = "[{ from = 0, points = 1 }, { from = 10_000, points = 2 }, { from = 20_000, points = 4 }]"
    return rule("e", "earn", per=100, bands=steps, band_mode=f'"{mode}"', **fields)


def one(net: int, **more: Any) -> Fact:
    """A sale of one line of milk."""
    return sale("s", "06-02", line("milk", net), **more)


REDEEM = '[[redemption]]\ntender = "points"\ncurrency = "p"\n'
GIVE = fact("adjust", "give", "01-01", currency="p", points=1000)
AFTER = POINTS + "expiry = { policy = \"after\", days = 30 }\n"

EARNING = [
    Case("net", POINTS + earn(), [one(12_345)], [{"e": 123}]),
    Case("gross", POINTS + earn(basis='"gross"'),
         [sale("s", "06-02", line("milk", 900, discount=200))], [{"e": 11}]),
    Case("margin", POINTS + earn(basis='"margin"'),
         [sale("s", "06-02", line("milk", 900, cost=350), line("ham", 100))], [{"e": 5}]),
    Case("margin below zero on one line", POINTS + earn(basis='"margin"'),
         [sale("s", "06-02", line("milk", 900, cost=1_500), line("ham", 900, cost=100))],
         [{"e": 2}]),
    Case("quantity", POINTS + earn(basis='"quantity"', per=2),
         [sale("s", "06-02", line("milk", 900, 5_000))], [{"e": 2}]),
    Case("visit", POINTS + earn(basis='"visit"', points=7, per=1), [one(1)], [{"e": 7}]),
    Case("tender", POINTS + earn(basis='"tender"', tenders='["cash"]'),
         [one(1_000, tenders=[{"type": "cash", "amount": 600}, {"type": "card", "amount": 400}])],
         [{"e": 6}]),
    Case("tender with tax", POINTS + earn(basis='"tender"', tenders='["cash"]'),
         [one(1_000, tenders=[{"type": "cash", "amount": 600}, {"type": "card", "amount": 600}])],
         [{"e": 5}]),
    Case("blocks", POINTS + earn(points=3, per=1_000, blocks="true"), [one(2_999)], [{"e": 6}]),
    Case("bands whole", POINTS + bands("whole"), [one(15_000)], [{"e": 300}]),
    Case("bands marginal", POINTS + bands("marginal"), [one(25_000)], [{"e": 500}]),
    Case("bands marginal in blocks", POINTS + bands("marginal", blocks="true"), [one(10_050)],
         [{"e": 100}]),
    Case("ceil", POINTS + earn(round='"ceil"'), [one(101)], [{"e": 2}]),
    Case("half up", POINTS + earn(round='"half_up"'), [one(150)], [{"e": 2}]),
    Case("half even", POINTS + earn(round='"half_even"'), [one(250)], [{"e": 2}]),
    Case("line", POINTS + earn(round='"line"'),
         [sale("s", "06-02", line("milk", 150), line("ham", 199), line("bag", 99))], [{"e": 2}]),
    Case("carry", POINTS + earn(round='"carry"'),
         [sale(f"s{n}", f"06-0{n}", line("milk", 150)) for n in (1, 2, 3)],
         [{"e": 1}, {"e": 2}, {"e": 1}]),
    Case("round at basket", POINTS + 'round_at = "basket"\nround = "half_up"\n' + earn("a")
         + earn("b", per=200), [one(150)], [{"a": 1, "b": 1}]),
    Case("scale", POINTS + "scale = 2\n" + earn(), [one(155)], [{"e": 155}]),
    Case("group first", POINTS + '[[group]]\nid = "g"\nmode = "first"\n'
         + earn("dairy", 3, group='"g"', when='{ department = ["dairy"] }')
         + earn("all", group='"g"'),
         [sale("s", "06-02", line("milk", 1_000), line("ham", 500))], [{"dairy": 30, "all": 5}]),
    Case("group best", POINTS + '[[group]]\nid = "g"\nmode = "best"\n'
         + earn("dairy", 3, group='"g"', when='{ department = ["dairy"] }')
         + earn("all", group='"g"'),
         [sale("s", "06-02", line("milk", 1_000), line("ham", 9_000)),
          sale("t", "06-03", line("milk", 1_000))],
         [{"all": 100}, {"dairy": 30}]),
    Case("excluded lines", '[[exclude]]\nlabel = ["deposit"]\n' + POINTS + earn(),
         [sale("s", "06-02", line("milk", 500), line("bag", 900))], [{"e": 5}]),
    Case("a void nets its line", POINTS + earn(),
         [sale("s", "06-02", line("milk", 500, 2_000), line("milk", -250, -1_000))], [{"e": 2}]),
]
MULTIPLYING = [
    Case("multiplies add", POINTS + BASE + rule("x2", "multiply", factor=2)
         + rule("x15", "multiply", factor=1.5), [one(1_050)], [{"base": 10, "x2": 10, "x15": 5}]),
    Case("stack best", POINTS + BASE + '[[stack]]\nid = "s"\nmode = "best"\n'
         + rule("x2", "multiply", factor=2, stack='"s"')
         + rule("x3", "multiply", factor=3, stack='"s"', when='{ department = ["dairy"] }'),
         [sale("s", "06-02", line("milk", 1_000), line("ham", 500))],
         [{"base": 15, "x2": 5, "x3": 20}]),
    Case("stack compound", POINTS + BASE + '[[stack]]\nid = "s"\nmode = "compound"\n'
         + rule("x2", "multiply", factor=2, stack='"s"')
         + rule("x15", "multiply", factor=1.5, stack='"s"'),
         [one(1_000)], [{"base": 10, "x2": 10, "x15": 10}]),
    Case("stack first", POINTS + BASE + '[[stack]]\nid = "s"\nmode = "first"\n'
         + rule("x2", "multiply", factor=2, stack='"s"', when='{ department = ["meat"] }')
         + rule("x3", "multiply", factor=3, stack='"s"'),
         [one(1_000), sale("t", "06-03", line("ham", 100))],
         [{"base": 10, "x3": 20}, {"base": 1, "x2": 1}]),
    Case("a limit scales what is multiplied", POINTS + earn("base", limits="{ basket = 5 }")
         + rule("x2", "multiply", factor=2), [one(1_000)], [{"base": 5, "x2": 5}]),
    Case("bands are multiplied", POINTS + bands("marginal") + rule("x2", "multiply", factor=2,
         when='{ department = ["dairy"] }'),
         [sale("s", "06-02", line("milk", 5_000), line("ham", 15_000))], [{"e": 300, "x2": 75}]),
]
BONUSES = [
    Case("per units carries", POINTS + rule("b", "bonus", points=10, per_units=3,
         when='{ sku = ["milk"] }'),
         [sale("s", "06-01", line("milk", 100, 4_000)), sale("t", "06-02", line("milk", 50, 2_000))],
         [{"b": 10}, {"b": 10}]),
    Case("a weighed line is one unit", POINTS + rule("b", "bonus", points=10, per_units=2,
         when='{ sku = ["ham"] }'),
         [sale("s", "06-01", line("ham", 100, 740), line("ham", 90, 5_100))], [{"b": 10}]),
    Case("of balance, once, capped", POINTS + rule("b", "bonus",
         of_balance="{ factor = 2, cap = 300 }"),
         [GIVE, one(100), sale("t", "06-03", line("milk", 100))], [{"adjust": 1000}, {"b": 300}, {}]),
    Case("minimum", POINTS + rule("b", "bonus", points=5,
         when='{ min_amount = 500, department = ["dairy"] }'),
         [sale("s", "06-01", line("milk", 499), line("ham", 900)), sale("t", "06-02",
         line("milk", 500))], [{}, {"b": 5}]),
    Case("a least basket", POINTS + rule("b", "bonus", points=5,
         when='{ min_basket = 500, department = ["dairy"] }'),
         [sale("s", "06-01", line("milk", 99), line("ham", 400)), sale("t", "06-02",
         line("milk", 100), line("ham", 400)), sale("u", "06-03", line("ham", 900))],
         [{}, {"b": 5}, {}]),
    Case("not a least basket", POINTS + rule("b", "bonus", points=5,
         when='{ not = { min_basket = 500 }, department = ["dairy"] }'),
         [sale("s", "06-01", line("milk", 99), line("ham", 400)), sale("t", "06-02",
         line("milk", 100), line("ham", 400))], [{"b": 5}, {}]),
    Case("donation", POINTS + rule("b", "bonus", points=5, donate='"trees"'), [one(100)],
         [{"b": 5, "donate": -5}], 0),
    Case("activity with a daily cap", POINTS + rule("game", "earn", basis='"quantity"', points=2,
         when='{ activity = ["game"] }', limits="{ day = 5 }"),
         [fact("activity", "a", "06-01", code="game", quantity=2),
          fact("activity", "b", "06-01", code="game", quantity=2),
          fact("activity", "c", "06-02", code="review")], [{"game": 4}, {"game": 1}, {}], 5),
    Case("uses", POINTS + rule("b", "bonus", points=5, uses="{ month = 1 }"),
         [sale("s", "06-01", line("milk", 1)), sale("t", "06-30", line("milk", 1)),
          sale("u", "07-01", line("milk", 1))], [{"b": 5}, {}, {"b": 5}]),
    Case("program cap of a day, over sales and activities", POINTS + "caps = { day = 12 }\n"
         + BASE + rule("r", "bonus", points=10, when='{ activity = ["review"] }'),
         [fact("activity", "a", "06-02", code="review"), one(1_000)], [{"r": 10}, {"base": 2}]),
]
CONDITIONS = [
    Case("first purchase", POINTS + rule("b", "bonus", points=5, when='{ first_purchase = ["ever"] }'),
         [sale("s", "06-01", line("milk", 1)), sale("t", "06-02", line("milk", 1))], [{"b": 5}, {}]),
    Case("first at this store", POINTS + rule("b", "bonus", points=5,
         when='{ first_purchase = ["store"] }'),
         [sale("s", "06-01", line("milk", 1), store="1"), sale("t", "06-02", line("milk", 1), store="1"),
          sale("u", "06-03", line("milk", 1), store="2"), sale("v", "06-04", line("milk", 1))],
         [{"b": 5}, {}, {"b": 5}, {}]),
    Case("first of the rule's category, until it is all back", POINTS + rule("b", "bonus", points=5,
         when='{ category = ["food"], first_purchase = ["category"] }')
         + rule("n", "bonus", points=1,
                when='{ category = ["food"], not = { first_purchase = ["category"] } }'),
         [sale("s", "06-01", line("wine", 1)), sale("t", "06-02", line("milk", 1)),
          back("r", "06-03", "t", gone(1, 1)), sale("u", "06-04", line("milk", 1)),
          sale("v", "06-05", line("milk", 1), line("wine", 1))],
         [{}, {"b": 5}, {"b": -5}, {"b": 5}, {"n": 1}]),
    Case("an anniversary of another year, 180 days after the last one", POINTS + rule("b", "bonus",
         points=9, when='{ anniversary = { of = "birthday", after = 1 } }', uses="{ anniversary = 1 }"),
         [fact("enrol", "e", "2023-01-01T12:00:00Z", birth="1990-12-10"),
          sale("s", "2024-12-10T12:00:00Z", line("milk", 1)),
          fact("member update", "u", "01-01", birth="1990-06-08"),
          sale("t", "06-08", line("milk", 1)), sale("v", "06-09", line("milk", 1))],
         [{}, {"b": 9}, {}, {}, {"b": 9}]),
    Case("the remainders of two members that are one", POINTS
         + earn("e", 1, 3, basis='"margin"', round='"carry"'),
         [sale("s", "06-01", line("milk", 91, cost=89)),
          sale("t", "06-02", line("milk", 91, cost=90), member="n"),
          fact("merge", "j", "06-03", other="n", reason="one person"),
          sale("u", "06-04", line("milk", 9)), sale("v", "06-05", line("milk", 9))],
         [{}, {}, {}, {"e": 1}, {}]),
    Case("n-th and every n-th", POINTS + rule("b", "bonus", points=5, when="{ nth_purchase = [2] }")
         + rule("c", "bonus", points=1, when="{ every_nth = 3 }"),
         [sale(f"s{n}", f"06-0{n}", line("milk", 1)) for n in (1, 2, 3)], [{}, {"b": 5}, {"c": 1}]),
    Case("win back", POINTS + rule("b", "bonus", points=5, when="{ days_since_purchase = 30 }"),
         [sale("s", "06-01", line("milk", 1)), sale("t", "06-30", line("milk", 1)),
          sale("u", "07-30", line("milk", 1))], [{}, {}, {"b": 5}]),
    Case("streak of weeks", POINTS + rule("b", "bonus", points=5,
         when='{ streak = { count = 3, period = "week" } }'),
         [sale(f"s{n}", day, line("milk", 1)) for n, day in enumerate(("06-02", "06-09", "06-16", "06-30"))],
         [{}, {}, {"b": 5}, {}]),
    Case("sequence", '[[sequence]]\nid = "q"\nsteps = 2\nrepeat = true\n' + POINTS
         + rule("one", "bonus", points=1, when='{ sequence = { id = "q", step = [1] } }')
         + rule("two", "bonus", points=2, when='{ sequence = { id = "q", step = [2] } }'),
         [sale(f"s{n}", f"06-0{n}", line("milk", 1)) for n in (1, 2, 3)],
         [{"one": 1}, {"two": 2}, {"one": 1}]),
    Case("birthday, once, though the date changes", POINTS + rule("b", "bonus", points=5,
         when='{ anniversary = { of = "birthday", before = 3, after = 3 } }', uses="{ anniversary = 1 }"),
         [fact("enrol", "e", "01-01", birth="1990-06-03"), one(1),
          fact("member update", "u", "06-04", birth="1990-07-03"),
          sale("t", "07-01", line("milk", 1))], [{}, {"b": 5}, {}, {}]),
    Case("Jalali birthday", POINTS + rule("b", "bonus", points=5,
         when='{ anniversary = { of = "birthday" } }'),
         [fact("enrol", "e", "01-01", birth="1990-03-21", birth_calendar="jalali"),
          sale("s", "03-20", line("milk", 1)), sale("t", "03-21", line("milk", 1))], [{}, {}, {"b": 5}]),
    Case("a birthday whose calendar is told later", POINTS + rule("b", "bonus", points=5,
         when='{ anniversary = { of = "birthday" } }'),
         [fact("enrol", "e", "01-01", birth="2000-03-21"),
          fact("member update", "u", "02-01", birth_calendar="jalali"),
          sale("s", "03-21", line("milk", 1)), sale("t", "03-22", line("milk", 1))],
         [{}, {}, {}, {"b": 5}]),
    Case("age and tenure", POINTS + rule("old", "bonus", points=5, when="{ age = { at_least = 35 } }")
         + rule("new", "bonus", points=1, when="{ member_days = { at_most = 10 } }"),
         [fact("enrol", "e", "05-30", birth="1990-06-02"), sale("a", "06-01", line("milk", 1)), one(1),
          sale("t", "06-10", line("milk", 1))], [{}, {"new": 1}, {"old": 5, "new": 1}, {"old": 5}]),
    Case("segment and its negation", POINTS + rule("in", "bonus", points=1, when='{ segment = ["vip"] }')
         + rule("out", "bonus", points=2, when='{ not = { segment = ["vip"] } }'),
         [fact("enrol", "e", "01-01", segments=["vip"]), one(1),
          fact("member update", "u", "06-03", segments=[]), sale("t", "06-04", line("milk", 1))],
         [{}, {"in": 1}, {}, {"out": 2}]),
    Case("segment by figures", '[[segment]]\nid = "big"\nspend = { at_least = 1_000 }\n' + POINTS
         + rule("b", "bonus", points=1, when='{ segment = ["big"] }'),
         [one(1_000), sale("t", "06-03", line("milk", 1))], [{}, {"b": 1}]),
    Case("subscription", POINTS + rule("b", "bonus", points=1, when='{ subscription = ["plus"] }'),
         [fact("subscription start", "b", "06-01", plan="plus", ends_at="2025-06-03T00:00:00Z"), one(1),
          sale("t", "06-03", line("milk", 1))], [{}, {"b": 1}, {}]),
    Case("counter reached", '[[counter]]\nid = "c"\ncount = "quantity"\nwhen = { sku = ["milk"] }\n'
         + POINTS + rule("b", "bonus", points=1, when='{ counter = { id = "c", at_least = 3 } }'),
         [sale("a", "06-01", line("milk", 9, 3_000)), one(1)], [{}, {"b": 1}]),
    Case("basket has no such line", POINTS + rule("b", "bonus", points=1,
         when='{ without = { department = ["drinks"] } }') + rule("w", "bonus", points=2,
         when='{ not = { without = { department = ["drinks"] } } }'),
         [one(1), sale("t", "06-03", line("milk", 1), line("wine", 1))], [{"b": 1}, {"w": 2}]),
    Case("coupon and channel", POINTS + rule("c", "bonus", points=1, when='{ coupon = ["x"] }')
         + rule("n", "bonus", points=2, when='{ not = { channel = ["web"] } }'),
         [one(1, coupons=["x", "y"], channel="web"), sale("t", "06-03", line("milk", 1), channel="app")],
         [{"c": 1}, {"n": 2}]),
    Case("promotion, class and label", POINTS + rule("p", "bonus", points=1, when="{ on_promotion = true }")
         + rule("h", "bonus", points=2, when='{ price_class = ["high"] }')
         + rule("f", "bonus", points=4, when='{ label = ["fresh"] }'),
         [sale("s", "06-02", line("wine", 1)), sale("t", "06-03", line("ham", 1))],
         [{"p": 1, "h": 2}, {"f": 4}]),
    Case("holiday", '[[holidays]]\nid = "h"\nadd = [2025-06-02]\n' + POINTS
         + rule("b", "bonus", points=1, when='{ holiday = ["h"] }'),
         [one(1), sale("t", "06-03", line("milk", 1))], [{"b": 1}, {}]),
    Case("region of the store", POINTS + rule("b", "bonus", points=1, when='{ region = ["north"] }'),
         [{"kind": "store", "id": "st", "occurred_at": "2025-06-02T00:00:00Z",
           "stores": [{"store": "1", "region": "north"}]}, one(1, store="1"),
          sale("t", "06-03", line("milk", 1), store="2")], [{}, {"b": 1}, {}]),
]
LOTS = [
    Case("expiry after days", AFTER + earn(),
         [sale("s", "2025-01-01T12:00:00Z", line("milk", 1_000)),
          fact("redeem", "r", "01-31", currency="p", points=4),
          fact("redeem", "q", "02-01", currency="p", points=1)],
         [{"e": 10}, {"redeem": -4}, {"refused": 0}], 0),
    Case("pending", POINTS + "pending_days = 3\n" + earn(),
         [sale("s", "06-01", line("milk", 1_000)), fact("redeem", "r", "06-03", currency="p", points=1),
          fact("redeem", "q", "06-04", currency="p", points=1)],
         [{"e": 10}, {"refused": 0}, {"redeem": -1}], 9),
    Case("day closed writes what expired", AFTER + earn(),
         [sale("s", "2025-01-01T12:00:00Z", line("milk", 1_000)),
          {"kind": "day closed", "id": "d", "occurred_at": "2025-02-01T00:00:00Z", "date": "2025-01-31"}],
         [{"e": 10}, {}], 0),
    Case("a tender of points lowers what earns", REDEEM + POINTS + BASE,
         [GIVE, one(1_000, tenders=[points(100, 300), {"type": "cash", "amount": 700}])],
         [{"adjust": 1000}, {"redeem": -100, "base": 7}], 907),
    Case("by largest remainder", REDEEM + POINTS + earn(round='"line"', per=1),
         [GIVE, sale("s", "06-02", line("milk", 100), line("ham", 100), line("bag", 100),
                     tenders=[points(1, 100)])], [{"adjust": 1000}, {"redeem": -1, "e": 200}]),
    Case("too few points refuse the sale", REDEEM + POINTS + BASE, [one(1_000, tenders=[points(1, 5)])],
         [{"refused": 0}], 0),
    Case("a completed one makes debt", REDEEM + POINTS + BASE,
         [one(1_000, tenders=[points(15, 0)], completed=True)], [{"redeem": -15, "base": 10}], 0, 5),
    Case("debt is paid first", POINTS + BASE,
         [fact("adjust", "a", "06-01", currency="p", points=-30, forced=True), one(1_000),
          sale("t", "06-03", line("milk", 4_000))], [{"adjust": -30}, {"base": 10}, {"base": 40}], 20),
    Case("inactivity", POINTS + 'expiry = { policy = "inactivity", months = 2 }\n' + BASE,
         [sale("s", "01-15", line("milk", 1_000)), sale("t", "03-15", line("milk", 1_000)),
          fact("redeem", "r", "05-15", currency="p", points=20)],
         [{"base": 10}, {"base": 10}, {"redeem": -20}], 0),
]
RETURNS = [
    Case("part of a line", POINTS + BASE, [sale("s", "06-02", line("milk", 1_050, 3_000)),
         back("r", "06-03", "s", gone(1, 350)), back("q", "06-04", "s", gone(1, 700, 2_000))],
         [{"base": 10}, {"base": -3}, {"base": -7}], 0),
    Case("a minimum is lost", POINTS + rule("b", "bonus", points=50, when="{ min_amount = 1_000 }"),
         [sale("s", "06-02", line("milk", 600), line("ham", 500)), back("r", "06-03", "s", gone(2, 500))],
         [{"b": 50}, {"b": -50}], 0),
    Case("what is left may give no more than the sale, cut from the last rule",
         POINTS + BASE + rule("small", "bonus", points=50, when="{ not = { min_amount = 1_000 } }"),
         [sale("s", "06-02", line("milk", 900), line("ham", 300)), back("r", "06-03", "s", gone(2, 300))],
         [{"base": 12}, {"base": -3, "small": 3}], 12),
    Case("of lots of one day the earlier sale's is spent first", AFTER + BASE,
         [sale("a", "06-02", line("milk", 1_000)), sale("b", "2025-06-02T13:00:00Z", line("milk", 1_000)),
          fact("redeem", "x", "06-03", currency="p", points=10), back("r", "08-01", "a", gone(1, 1_000))],
         [{"base": 10}, {"base": 10}, {"redeem": -10}, {"base": -10}], 0, 10),
    Case("a lower tier held by hand takes nothing", POINTS + TIERS + rule("b", "bonus", points="{ silver = 5 }"),
         [one(10_000), fact("member update", "u", "06-03",
                            manual_tier={"tier": "bronze", "through": "2025-12-31", "reason": "asked"}),
          sale("t", "06-04", line("milk", 1))], [{}, {}, {"b": 5}], 5),
    Case("debt is paid as lots ripen, and what is left of them expires",
         POINTS + 'pending_days = 10\nexpiry = { policy = "after", days = 15 }\n' + BASE,
         [fact("redeem", "x", "06-01", currency="p", points=5, completed=True),
          sale("a", "06-02", line("milk", 1_000)), sale("b", "06-06", line("milk", 1_000)),
          fact("redeem", "y", "06-19", currency="p", points=10)],
         [{"redeem": -5}, {"base": 10}, {"base": 10}, {"redeem": -10}], 0, 0),
    Case("debt that takes a whole lot and part of the next",
         POINTS + 'pending_days = 10\nexpiry = { policy = "after", days = 15 }\n' + BASE,
         [fact("redeem", "x", "06-01", currency="p", points=12, completed=True),
          sale("a", "06-02", line("milk", 1_000)), sale("b", "06-06", line("milk", 1_000)),
          fact("redeem", "y", "06-19", currency="p", points=8)],
         [{"redeem": -12}, {"base": 10}, {"base": 10}, {"redeem": -8}], 0, 0),
    Case("units that are carried, less what was redeemed", POINTS + '[[redemption]]\ntender = "gift"\n'
         '[returns]\npolicy = "proportional"\n' + rule("u", "bonus", points=5, per_units=1),
         [sale("s", "06-02", line("milk", 1_000, 2000), tenders=[{"type": "gift", "amount": 100}]),
          back("r", "06-03", "s", {"line": 1, "net": 200}), sale("t", "06-04", line("milk", 100, 200))],
         [{"u": 5}, {}, {"u": 5}], 10),
    Case("cap room is used by what is left", POINTS + "caps = { basket = 10 }\n" + BASE,
         [sale("s", "06-02", line("milk", 1_000), line("ham", 1_000)), back("r", "06-03", "s", gone(2, 1_000))],
         [{"base": 10}, {}], 10),
    Case("spent points become debt", POINTS + BASE,
         [one(1_000), fact("redeem", "x", "06-03", currency="p", points=8), back("r", "06-04", "s", gone(1, 1_000))],
         [{"base": 10}, {"redeem": -8}, {"base": -10}], 0, 8),
    Case("spent points are forgiven", '[returns]\nshortfall = "forgive"\n' + POINTS + BASE,
         [one(1_000), fact("redeem", "x", "06-03", currency="p", points=8), back("r", "06-04", "s", gone(1, 1_000))],
         [{"base": 10}, {"redeem": -8}, {"base": -10, "forgive": 8}], 0),
    Case("or withheld", '[returns]\nshortfall = "withhold"\n' + POINTS + BASE,
         [one(1_000), fact("redeem", "x", "06-03", currency="p", points=8), back("r", "06-04", "s", gone(1, 1_000))],
         [{"base": 10}, {"redeem": -8}, {"base": -10, "withhold": 8}], 0),
    Case("or refuse the return", '[returns]\nshortfall = "refuse"\n' + POINTS + BASE,
         [one(1_000), fact("redeem", "x", "06-03", currency="p", points=8), back("r", "06-04", "s", gone(1, 1_000))],
         [{"base": 10}, {"redeem": -8}, {"refused": 0}], 2),
    Case("redeemed points go back first", REDEEM + POINTS + BASE,
         [GIVE, one(1_000, tenders=[points(100, 500), {"type": "cash", "amount": 500}]),
          back("r", "06-03", "s", gone(1, 1_000))],
         [{"adjust": 1000}, {"redeem": -100, "base": 5}, {"restore": 100, "base": -5}], 1000),
    Case("more than was sold", POINTS + BASE, [one(1_000), back("r", "06-03", "s", gone(1, 1_000, 2_000))],
         [{"base": 10}, {"refused": 0}], 10),
    Case("proportional", '[returns]\npolicy = "proportional"\n' + POINTS + BASE
         + rule("b", "bonus", points=50, when="{ min_amount = 1_000 }"),
         [sale("s", "06-02", line("milk", 600), line("ham", 550)), back("r", "06-03", "s", gone(1, 600)),
          back("q", "06-04", "s", gone(2, 550))],
         [{"base": 11, "b": 50}, {"base": -5}, {"base": -6, "b": -50}], 0),
    Case("carry is corrected", POINTS + earn(round='"carry"'),
         [sale("s", "06-01", line("milk", 150)), sale("t", "06-02", line("milk", 150)),
          back("r", "06-03", "s", gone(1, 150)), sale("u", "06-04", line("milk", 150))],
         [{"e": 1}, {"e": 2}, {"e": -1}, {"e": 1}]),
    Case("first purchase comes again", POINTS + rule("b", "bonus", points=5, when='{ first_purchase = ["ever"] }'),
         [one(100), back("r", "06-03", "s", gone(1, 100)), sale("t", "06-04", line("milk", 1))],
         [{"b": 5}, {"b": -5}, {"b": 5}], 5),
    Case("an exchange frees its room", POINTS + "caps = { day = 10 }\n" + BASE,
         [one(1_000), sale("x", "2025-06-02T13:00:00Z", line("ham", 900),
                           **{"return": {"sale": "s", "lines": [gone(1, 1_000)]}})],
         [{"base": 10}, {"base": -1}], 9),
    Case("a tier falls with the return", POINTS + rule("g", "bonus", points=1, when='{ tier = ["silver"] }') + TIERS,
         [one(10_000), sale("t", "06-03", line("ham", 1)), back("r", "06-04", "s", gone(1, 10_000)),
          sale("u", "06-05", line("ham", 1))], [{}, {"g": 1}, {}, {}], 1),
    Case("unless tiers are kept", '[returns]\ntiers = "keep"\n' + POINTS
         + rule("g", "bonus", points=1, when='{ tier = ["silver"] }') + TIERS,
         [one(10_000), back("r", "06-04", "s", gone(1, 10_000)), sale("u", "06-05", line("ham", 1))],
         [{}, {}, {"g": 1}], 1),
    Case("with its bonus", POINTS + TIERS + "bonus = { points = 30 }\n",
         [one(10_000), back("r", "06-04", "s", gone(1, 10_000)), sale("t", "06-05", line("ham", 10_000))],
         [{"tier.silver": 30}, {"tier.silver": -30}, {"tier.silver": 30}], 30),
]


@pytest.mark.parametrize(
    "case", [*EARNING, *MULTIPLYING, *BONUSES, *CONDITIONS, *LOTS, *RETURNS], ids=lambda c: c.name
)
def test_a_case(case: Case, tmp_path: Path) -> None:
    with Writer(tmp_path) as writer:
        verdict = writer.publish_program(PublishFact(
            "program", dt.datetime(1970, 1, 1, tzinfo=dt.UTC), HEAD + case.program,
            {"h": [dt.date(2025, 6, 2)]} if "[[holidays]]" in case.program else {},
        ))  # fmt: skip
        assert verdict.refusal is None, verdict.refusal
        posted = [_posted(_commit(writer, fact)) for fact in (CATALOG, *case.facts)]
        assert posted[1:] == case.posted
        if case.active is not None:
            view = member_view(writer.replica, "m", _us(case.facts[-1]))
            balance = view["balances"]["p"] if view else {"active": 0, "debt": 0}
            assert (balance["active"], balance["debt"]) == (case.active, case.debt)
    report = verify(tmp_path)
    assert report.findings == []


def _us(fact: Fact) -> int:
    moment = dt.datetime.fromisoformat(fact["occurred_at"])
    return int(moment.timestamp()) * 1_000_000


def _commit(writer: Writer, fact: Fact) -> dict[str, Any]:
    decoded = decode_fact(json.dumps(fact).encode())
    verdict = writer.commit_fact(decoded, force=True)
    assert verdict.answer is not None, verdict.refusal
    return verdict.answer


def _posted(answer: dict[str, Any]) -> Points:
    if answer["status"] == "refused":
        return {"refused": 0}
    found: Points = {}
    for posting in answer["postings"]:
        name = posting["kind"] if posting["kind"] == "donate" else posting["rule"]
        name = name or posting["kind"]
        found[name] = found.get(name, 0) + posting["points"]
    return {name: figure for name, figure in found.items() if figure}
