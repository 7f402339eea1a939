"""Figures that other systems tell in their manuals and tests, as programs and facts of ours.

A case names the system, the mechanism in our words, the pieces of docs/other-systems.md that make
its program, or a program of its own, and rows of what happens:

    sale 2025-06-02: milk 1 10.00, tea 2 3 -1 | paid card 12, coupon CODE => earn base 12 points
    quote: ...                  => what it would come to: postings; offers; redeemable
    return of 1: 2 1 130        => line 2 of the first row: a unit, 130.00
    redeem: 100 | completed     => in whole points, as `adjust: 100 until 2025-05-31`
    enrol: m by r, cancel of 2, reward: board, update: segments a, activity: code 1 | by r
    issue: G1 100, take: G1 10  => a gift card: paid gift 50 by G1
    coupons: SUMMER A B         => codes; use: A
    at 2025-06-03: points 25, debt 10, tier silver
    card G1 at 2025-06-03: 1,000

Lines are product, quantity, amount and maybe what was discounted. A sale may be of `nobody`, `by`
another member, at a `store`, with an `offer` and its amount. Dates may be left out. What happens is
numbered from 1, and an hour apart. The figures are theirs; the words of what is expected are those
of the gallery.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

Fact = dict[str, Any]

PRODUCTS = {
    "card": {"category": "gift cards"}, "coffee": {"category": "drinks/hot/coffee"},
    "ham": {"department": "meat"}, "shirt": {"department": "clothes", "category": "clothes"},
    "pants": {"category": "clothes"}, "jacket": {"category": "jackets"},
    "trousers": {"category": "trousers"}, "scarf": {"category": "gifts"},
}  # fmt: skip
START = dt.datetime(2025, 6, 2, 8, tzinfo=dt.UTC)
FOREIGN = Path(__file__).parent / "foreign"

_HEAD = re.compile(r"((?:[^:]|:(?=\d\d))*?):(?!\d)(.*)")
_DATE = re.compile(r"\d{4}-\d\d-\d\d")


class Case(NamedTuple):
    """A mechanism of a system: blocks of the page, and rows of what happens.

    `program` is beside the blocks; amounts have so many places.
    """

    system: str
    mechanism: str
    blocks: str
    rows: str
    program: str = ""
    products: dict[str, Fact] = PRODUCTS
    exponent: int = 2


class Step(NamedTuple):
    """A fact and what it comes to, in words."""

    fact: Fact
    came: str


class Look(NamedTuple):
    """A member at an instant: its balances by currency, and whatever else is told."""

    member: str
    at: dt.datetime
    balances: dict[str, Fact]
    told: dict[str, Any]


class CardLook(NamedTuple):
    """What is on a gift card at an instant, in minor units."""

    card: str
    at: dt.datetime
    balance: int


def foreign_cases() -> Iterator[Case]:
    """Cases of other systems' own tests, a file a system."""
    for path in sorted(FOREIGN.glob("*.toml")):
        found = msgspec.toml.decode(path.read_bytes())
        for case in found["case"]:
            yield Case(
                found["system"], case["test"], "", case["rows"], case["program"],
                case.get("products", {}), case.get("exponent", 2),
            )  # fmt: skip


def steps(case: Case) -> Iterator[Step | Look | CardLook]:
    """What happens in a case, and looks at its members."""
    at, number, facts = START, 0, _Facts(case.exponent)
    for row in filter(None, map(str.strip, case.rows.splitlines())):
        parts = _HEAD.match(row)
        assert parts is not None, row
        body, _, came = (part.strip() for part in parts[2].partition("=>"))
        kind, *words = parts[1].split()
        if words and _DATE.match(words[-1]):
            at = dt.datetime.fromisoformat(words[-1]).replace(tzinfo=dt.UTC)
            at = at if "T" in words[-1] else at.replace(hour=12)
        if kind == "at":
            yield look(body, at)
            continue
        if kind == "card":
            yield CardLook(words[0], at, int(body.replace(",", "")))
            continue
        number += 1
        of = words[1] if words[:1] == ["of"] else ""
        made: Fact = {"kind": kind, "id": str(number), "occurred_at": at.isoformat(), "member": "m"}
        made |= facts.made(kind, body, of)
        yield Step({name: value for name, value in made.items() if value is not None}, came)
        at += dt.timedelta(hours=1)


def worded(options: str) -> list[list[str]]:
    """The words of options between commas."""
    return [option.split() for option in options.split(",") if option.strip()]


class _Facts:
    """What rows say, as facts; amounts with so many places."""

    def __init__(self, exponent: int) -> None:
        self._scale = 10**exponent

    def made(self, kind: str, body: str, of: str) -> Fact:
        """The fact of a row but for its head."""
        if kind in ("sale", "quote"):
            assert not of
            return self._basket(body)
        body, _, options = (part.strip() for part in body.partition("|"))
        found: Fact = getattr(self, f"_{kind}")(body, of)
        for words in worded(options):
            match words:
                case ["completed"]:
                    found["completed"] = True
                case ["by", member]:
                    found["member"] = member
                case _:
                    raise ValueError(words)
        return found

    def _minor(self, text: str) -> int:
        amount = Decimal(text) * self._scale
        assert amount == int(amount), text
        return int(amount)

    def _basket(self, body: str) -> Fact:
        """Lines, and how they were paid."""
        lines, _, options = body.partition("|")
        made: Fact = {"lines": [self._line(part.split()) for part in lines.split(",")]}
        for words in worded(options):
            match words:
                case ["paid", kind, amount, *rest]:
                    tender = {"type": kind, "amount": self._minor(amount)}
                    if rest[:1] == ["by"]:
                        tender["card"] = rest[1]
                    elif rest:
                        tender["points"] = int(rest[0])
                    made.setdefault("tenders", []).append(tender)
                case ["coupon", code]:
                    made.setdefault("coupons", []).append(code)
                case ["offer", offer, amount]:
                    taken = {"offer": offer, "amount": self._minor(amount)}
                    made.setdefault("offers", []).append(taken)
                case ["by", member]:
                    made["member"] = member
                case ["nobody"]:
                    made["member"] = None
                case ["store", store]:
                    made["store"] = store
                case _:
                    raise ValueError(words)
        return made

    def _line(self, words: list[str]) -> Fact:
        """A line of a sale."""
        sku, quantity, amount, *off = words
        made = {"sku": sku, "quantity": int(Decimal(quantity) * 1000), "net": self._minor(amount)}
        return made | ({"discount": -self._minor(off[0])} if off else {})

    def _return(self, body: str, of: str) -> Fact:
        """Lines that come back."""
        rows = (part.split() for part in body.split(","))
        return {"sale": of, "lines": [
            {"line": int(number), "quantity": int(Decimal(quantity) * 1000),
             "net": self._minor(amount)}
            for number, quantity, amount in rows
        ]}  # fmt: skip

    def _redeem(self, body: str, of: str) -> Fact:
        """Points spent before a sale."""
        return {"currency": of or "points", "points": int(body)}

    def _adjust(self, body: str, of: str) -> Fact:
        """Points given by hand."""
        points, *words = body.split()
        made: Fact = {"currency": of or "points", "points": int(points)}
        return made | ({"expires": words[1]} if words else {})

    def _enrol(self, body: str, of: str) -> Fact:
        """A member, maybe referred."""
        member, *by = body.split(" by ")
        return {"member": member} | ({"referrer": by[0]} if by else {})

    def _cancel(self, body: str, of: str) -> Fact:
        """A redemption that is undone."""
        return {"redemption": of}

    def _reward(self, body: str, of: str) -> Fact:
        """A piece of a reward."""
        return {"kind": "reward redeem", "reward": body}

    def _update(self, body: str, of: str) -> Fact:
        """What a member has from now on."""
        name, *values = body.split()
        return {"kind": "member update", name: values}

    def _activity(self, body: str, of: str) -> Fact:
        """Something that a member did."""
        code, quantity = body.split()
        return {"code": code, "quantity": int(quantity)}

    def _coupons(self, body: str, of: str) -> Fact:
        """Codes of a coupon for whoever has them."""
        coupon, *codes = body.split()
        return {"kind": "coupon issue", "coupon": coupon, "codes": codes, "member": None}

    def _issue(self, body: str, of: str) -> Fact:
        """A gift card, which is no member's."""
        return self._of_card("gift card issue", body)

    def _take(self, body: str, of: str) -> Fact:
        """An amount from a gift card."""
        return self._of_card("gift card redeem", body)

    def _of_card(self, kind: str, body: str) -> Fact:
        card, amount = body.split()
        return {"kind": kind, "card": card, "amount": self._minor(amount), "member": None}


def look(body: str, at: dt.datetime) -> Look:
    """A member at an instant, as `m` unless the row names another one."""
    balances: dict[str, Fact] = {}
    told: dict[str, Any] = {"member": "m"}
    for name, *words in (part.split() for part in body.split(",")):
        match name:
            case "member" | "tier":
                (told[name],) = words
            case "purchases":
                told[name] = int(words[0])
            case "missing":
                told[name] = dict(zip(words[::2], map(int, words[1::2]), strict=True))
            case "debt" | "pending" | "held":
                last = [*balances][-1]
                balances[last][name] = int(words[0])
            case _:
                balances[name] = {"active": int(words[0])}
    return Look(told.pop("member"), at, balances, told)
