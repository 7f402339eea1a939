"""Figures that other systems tell in their manuals and tests, as programs and facts of ours.

A case names the system, the mechanism in our words, the pieces of docs/other-systems.md that make
its program, and rows of what happens:

    sale 2025-06-02: milk 1 10.00, tea 2 3 -1 | paid card 12, coupon CODE => earn base 12 points
    quote: ...                  => what it would come to: postings; offers; redeemable
    return of 1: 2 1 130        => line 2 of the first row: a unit, 130.00
    redeem: 100 | completed     => in whole points, as `adjust: 100 until 2025-05-31`
    enrol: m by r, cancel of 2, reward: board, issue: G1 100 (a gift card: paid gift 50 by G1)
    at 2025-06-03: points 25 debt 10, tier silver

Lines are product, quantity, amount and maybe what was discounted. Dates may be left out. What
happens is numbered from 1, and an hour apart. The figures are theirs; the words of what is
expected are those of the gallery.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any, NamedTuple

Fact = dict[str, Any]

PRODUCTS = {
    "card": {"category": "gift cards"}, "coffee": {"category": "drinks/hot/coffee"},
    "ham": {"department": "meat"}, "shirt": {"department": "clothes", "category": "clothes"},
    "pants": {"category": "clothes"}, "jacket": {"category": "jackets"},
    "trousers": {"category": "trousers"}, "scarf": {"category": "gifts"},
}  # fmt: skip
START = dt.datetime(2025, 6, 2, 8, tzinfo=dt.UTC)


class Case(NamedTuple):
    """A mechanism of a system: blocks of the page, and rows of what happens."""

    system: str
    mechanism: str
    blocks: str
    rows: str


class Step(NamedTuple):
    """A fact and what it comes to, in words."""

    fact: Fact
    came: str


class Look(NamedTuple):
    """A member at noon of a date: its balance and tier."""

    member: str
    at: dt.datetime
    active: int
    debt: int
    tier: str | None


def steps(case: Case) -> Iterator[Step | Look]:
    """What happens in a case, and looks at its members."""
    at, number = START, 0
    for row in filter(None, map(str.strip, case.rows.splitlines())):
        head, _, rest = row.partition(":")
        body, _, came = (part.strip() for part in rest.partition("=>"))
        kind, *words = head.split()
        if words and words[-1][:2] == "20":
            at = dt.datetime.fromisoformat(words[-1]).replace(hour=12, tzinfo=dt.UTC)
        if kind == "at":
            yield look(body, at)
            continue
        number += 1
        of = words[1] if words[:1] == ["of"] else ""
        made: Fact = {"kind": kind, "id": str(number), "occurred_at": at.isoformat(), "member": "m"}
        made |= MAKE[kind](body, of)
        yield Step({name: value for name, value in made.items() if value is not None}, came)
        at += dt.timedelta(hours=1)


def cents(text: str) -> int:
    """An amount in minor units."""
    return int(Decimal(text) * 100)


def basket(body: str, of: str) -> Fact:
    """Lines, and how they were paid."""
    assert not of
    lines, _, options = body.partition("|")
    made: Fact = {"lines": [line(part.split()) for part in lines.split(",")]}
    for words in (option.split() for option in options.split(",") if option.strip()):
        match words:
            case ["paid", kind, amount]:
                made.setdefault("tenders", []).append({"type": kind, "amount": cents(amount)})
            case ["paid", kind, amount, points]:
                tender = {"type": kind, "amount": cents(amount), "points": int(points)}
                made.setdefault("tenders", []).append(tender)
            case ["paid", kind, amount, "by", card]:
                tender = {"type": kind, "amount": cents(amount), "card": card}
                made.setdefault("tenders", []).append(tender)
            case ["coupon", code]:
                made["coupons"] = [code]
    return made


def line(words: list[str]) -> Fact:
    """A line of a sale."""
    sku, quantity, amount, *off = words
    made = {"sku": sku, "quantity": int(Decimal(quantity) * 1000), "net": cents(amount)}
    return made | ({"discount": -cents(off[0])} if off else {})


def back(body: str, of: str) -> Fact:
    """Lines that come back."""
    rows = (part.split() for part in body.split(","))
    return {"sale": of, "lines": [
        {"line": int(number), "quantity": int(Decimal(quantity) * 1000), "net": cents(amount)}
        for number, quantity, amount in rows
    ]}  # fmt: skip


def spent(body: str, of: str) -> Fact:
    """Points spent before a sale."""
    assert not of
    points, _, option = body.partition(" | ")
    made: Fact = {"currency": "points", "points": int(points)}
    return made | ({"completed": True} if option == "completed" else {})


def given(body: str, of: str) -> Fact:
    """Points given by hand."""
    points, *words = body.split()
    made: Fact = {"currency": of or "points", "points": int(points)}
    return made | ({"expires": words[1]} if words else {})


def joined(body: str, of: str) -> Fact:
    """A member, maybe referred."""
    assert not of
    member, *by = body.split(" by ")
    return {"member": member} | ({"referrer": by[0]} if by else {})


def cancelled(body: str, of: str) -> Fact:
    """A redemption that is undone."""
    assert not body
    return {"redemption": of}


def got(body: str, of: str) -> Fact:
    """A piece of a reward."""
    assert not of
    return {"kind": "reward redeem", "reward": body}


def issued(body: str, of: str) -> Fact:
    """A gift card, which is no member's."""
    assert not of
    card, amount = body.split()
    return {"kind": "gift card issue", "card": card, "amount": cents(amount), "member": None}


MAKE: dict[str, Callable[[str, str], Fact]] = {
    "sale": basket, "quote": basket, "return": back, "redeem": spent, "adjust": given,
    "enrol": joined, "cancel": cancelled, "reward": got,
    "issue": issued,
}  # fmt: skip


def look(body: str, at: dt.datetime) -> Look:
    """A member at a date, as `m` unless the row begins with another one."""
    figures: dict[str, str] = {"member": "m"}
    for part in body.split(","):
        words = part.split()
        figures |= dict(zip(words[::2], words[1::2], strict=True))
    return Look(
        figures["member"], at, int(figures["points"]), int(figures.get("debt", 0)),
        figures.get("tier"),
    )  # fmt: skip
