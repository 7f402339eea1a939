"""Random facts of one member, each made from what the member did before it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from vafa.engine.facts.parts import us_instant

from . import vocabulary
from .choices import Choices

Fact = dict[str, Any]
Table = dict[str, Any]


@dataclass(eq=False)
class Line:
    """A line as sold, voids netted, and what of it did not come back."""

    number: int
    sku: str
    quantity: int
    net: int


@dataclass
class Past:
    """What a member has done: what a new fact may refer to."""

    member: str
    table: Table
    certain: bool = False
    at: int = 0
    sales: list[tuple[str, list[Line]]] = field(default_factory=list)
    others: list[str] = field(default_factory=list)
    holds: list[tuple[str, Fact]] = field(default_factory=list)
    redemptions: list[tuple[str, Fact]] = field(default_factory=list)
    given: set[str] = field(default_factory=set)

    def note(self, name: str, fact: Fact) -> None:
        """Remember a fact that was made."""
        if fact["kind"] == "sale":
            self.sales.append((name, _netted(fact["lines"])))
        else:
            self.others.append(name)
        if fact["kind"] == "adjust" and fact["points"] > 0:
            self.given.add(fact["currency"])
        elif fact["kind"] == "hold":
            self.holds.append((name, fact))
        elif fact["kind"] in ("redeem", "capture"):
            self.redemptions.append((name, fact))


def _netted(lines: Sequence[Fact]) -> list[Line]:
    kept: list[Line] = []
    for place, line in enumerate(lines, 1):
        if line["quantity"] < 0 or line["net"] < 0:
            named = line.get("voids")
            target = next(
                x for x in kept[::-1]
                if (x.number == named if named else x.sku == line["sku"] and x.quantity + x.net)
            )  # fmt: skip
            target.quantity += line["quantity"]
            target.net += line["net"]
        else:
            number = line.get("line", place)
            kept.append(Line(number, line["sku"], line["quantity"], line["net"]))
    return kept


_KINDS = (
    *("sale",) * 22, *("return",) * 10, *("exchange",) * 3, *("activity",) * 5,
    *("adjust",) * 5, *("redeem",) * 3, *("member update",) * 3, *("subscription",) * 2, "enrol",
    *("hold",) * 9, *("capture",) * 9, *("release",) * 4, *("cancel",) * 8, *("paid sale",) * 8,
    *("transfer",) * 2, *("donate",) * 2,
)  # fmt: skip


def fact(past: Past, choices: Choices, at: int, first: bool) -> Fact:
    """One fact without its head; `back` is by how much it happened before its turn."""
    past.at = at
    kind = choices.pick(_KINDS)
    if choices.chance(1) and not past.certain:
        return {"kind": "close", "reason": "asked"}
    if first and choices.chance(60):
        return _enrol(past, choices)
    return _MAKERS[kind](past, choices)


def _currency(past: Past, choices: Choices, status: int) -> Table:
    """A currency; one that cannot be spent in so many of a hundred cases."""
    kept = [c for c in past.table["currency"] if c.get("kind") != "status"]
    unspendable = [c for c in past.table["currency"] if c.get("kind") == "status"]
    named: Table = choices.pick(kept)
    return unspendable[0] if choices.chance(status) and unspendable else named


def _units(currency: Table, choices: Choices, figures: Sequence[int]) -> int:
    """So many points, or so many units."""
    return choices.pick(figures) * choices.pick((10 ** currency.get("scale", 0), 1))


def _completed(past: Past, choices: Choices) -> Fact:
    return {"completed": True} if choices.chance(25) or past.certain else {}


def _instant(at: int) -> str:
    return us_instant(at).isoformat().replace("+00:00", "Z")


def _date(at: int) -> dt.date:
    return us_instant(at).date()


def _where(choices: Choices, body: Fact) -> Fact:
    made = {
        "store": choices.pick(("", *vocabulary.STORES)),
        "terminal": choices.pick(vocabulary.TERMINALS),
    }
    if body["kind"] in ("sale", "activity"):
        made["channel"] = choices.pick(vocabulary.CHANNELS)
    return body | {name: value for name, value in made.items() if value}


# -- sales -------------------------------------------------------------------------------------


def sale(past: Past, choices: Choices) -> Fact:
    """A basket with its tenders."""
    body = _where(choices, {"kind": "sale"})
    lines: list[Fact] = []
    for number in range(1, choices.pick((2, 1, 1, 3, 4)) + 1):
        lines.append(_line(choices.split(4), number))
    if choices.chance(15):
        lines += _void(choices, lines)
    body["lines"] = lines
    net = sum(line["net"] for line in lines)
    tenders = _tenders(past, choices, net)
    if tenders:
        body["tenders"] = tenders
    if choices.chance(15):
        body["coupons"] = choices.some((*vocabulary.COUPONS, *vocabulary.CURRENCIES[1:]), 1, 2)
    return body | _completed(past, choices)


def _line(choices: Choices, number: int) -> Fact:
    sku = choices.pick((*vocabulary.SKUS, *vocabulary.SKUS, vocabulary.UNKNOWN_SKU))
    quantity = choices.pick(vocabulary.QUANTITIES)
    net = choices.pick(vocabulary.NETS)
    line: Fact = {"sku": sku, "quantity": quantity, "net": net}
    match choices.number(0, 15):
        case 10:
            line |= {"discount": 100}
        case 11:
            line |= {"gross": net + 333, "cost": net * 2 // 3}
        case 12 | 13:
            line |= {"cost": net * 3 // 4}
        case 14:
            line |= {"cost": net + 50}
        case 15:
            line |= {"line": 10 + number}
    return line


def _void(choices: Choices, lines: Sequence[Fact]) -> list[Fact]:
    """A void of a line, whole or half of it; none of a line that has nothing."""
    place = choices.number(0, len(lines) - 1)
    line = lines[place]
    part = choices.pick((1, 1, 2))
    void = {"sku": line["sku"], "quantity": -(line["quantity"] // part),
            "net": -(line["net"] // part)}  # fmt: skip
    latest = all(other["sku"] != line["sku"] for other in lines[place + 1 :])
    if not latest or choices.chance(50):
        void["voids"] = line.get("line", place + 1)
    return [void] if void["quantity"] or void["net"] else []


def _tenders(past: Past, choices: Choices, net: int) -> list[Fact]:
    found: list[Fact] = []
    for _ in range(choices.pick((0, 1, 1, 2))):
        amount = choices.pick((net, net // 2, net // 3, 100, net * 11 // 10))
        found.append({"type": choices.pick(vocabulary.TENDERS), "amount": amount})
    kinds = past.table.get("redemption", [])
    if kinds and choices.chance(30):
        kind = choices.pick(kinds)
        amount = choices.pick((net // 3, net // 2, net, 50, 333))
        tender: Fact = {"type": kind["tender"], "amount": amount}
        if "currency" in kind and choices.chance(75):
            of = {c["id"]: c for c in past.table["currency"]}[kind["currency"]]
            tender["points"] = _units(of, choices, (5, 1, 3, 1, 10, 2, 40))
        if "currency" in kind:
            tender["amount"] = choices.pick((amount, 1, 10, 100))
        found.append(tender)
    elif choices.chance(2) and not past.certain:
        found.append({"type": "cash", "amount": 1, "points": 1})
    return found


def _paid_sale(past: Past, choices: Choices) -> Fact:
    """A sale that is paid with a hold or redemption of before."""
    if past.certain or not past.holds + past.redemptions:
        return _hold(past, choices)
    named = choices.pick([made for made in (past.holds, past.redemptions) if made])
    types = {entry.get("currency"): entry["tender"] for entry in past.table.get("redemption", [])}
    tenders: list[Fact] = []
    for _ in range(choices.pick((1, 1, 1, 2))):
        name, fact = choices.pick(named[::-1])
        tender = types.get(fact.get("currency"), choices.pick((*types.values(), "cash")))
        tenders.append({"type": tender, "amount": choices.pick((1, 0, 10, 100, 999)), "ref": name})
        if choices.chance(60):
            most = fact.get("points", 5)
            tenders[-1]["points"] = choices.pick((most, 1, max(1, most // 2), 5, most + 1))
    body = sale(past, choices)
    return body | {"tenders": [*body.get("tenders", [])[:1], *tenders]} | _earlier(past, choices)


# -- returns -----------------------------------------------------------------------------------


def _return(past: Past, choices: Choices) -> Fact:
    """A return of an earlier sale, whole or in part; seldom one that must be refused."""
    body = _where(choices, {"kind": "return"})
    named = choices.pick(past.sales[::-1]) if past.sales else None
    odd = choices.number(0, 31)
    if named is None or (odd == 31 and not past.certain):
        if choices.chance(50) and not past.certain:
            body["sale"] = choices.pick((*past.others[-2:], "nothing"))
        body["lines"] = [{"line": 1, "quantity": 1_000, "net": 500}]
        if "sale" not in body:
            body["lines"] = [{"sku": "s1", "quantity": 1_000, "net": 5_000}]
        return body
    name, lines = named
    body["sale"] = name
    kept = [line for line in lines if line.quantity or line.net]
    whole = choices.chance(40)
    chosen = kept if whole else choices.some(kept, 1, 2) if kept else []
    body["lines"] = [_back(choices, line, whole) for line in chosen]
    if not body["lines"]:
        if past.certain:
            return sale(past, choices)
        body["lines"] = [{"line": lines[0].number, "quantity": 1_000, "net": 100}]
    if odd == 30 and not past.certain:
        body["lines"][0]["quantity"] = 99_000
    if choices.chance(5):
        body["back"] = choices.pick((vocabulary.HOUR, vocabulary.DAY, 40 * vocabulary.DAY))
    return body


def _back(choices: Choices, line: Line, whole: bool) -> Fact:
    """What of a line comes back; the line keeps the rest."""
    shape = "whole" if whole else choices.pick(("whole", "half", "part", "amount", "sku"))
    match shape:
        case "half":
            quantity, net = line.quantity // 2, line.net // 2
        case "part":
            quantity = min(line.quantity, choices.pick((1, 500, 1_000)))
            net = min(line.net, choices.pick((1, 100, 999)))
        case "amount":
            quantity, net = 0, min(line.net, choices.pick((line.net // 3, 1, line.net)))
        case _:
            quantity, net = line.quantity, line.net
    if not quantity and not net:
        quantity, net = line.quantity, line.net
    line.quantity -= quantity
    line.net -= net
    if not line.quantity and quantity:
        line.net = 0
    named = {"sku": line.sku} if shape == "sku" else {"line": line.number}
    return named | {"quantity": quantity, "net": net}


def _exchange(past: Past, choices: Choices) -> Fact:
    body = _return(past, choices)
    if body["kind"] == "return":
        part = {"sale": body.get("sale", "nothing"), "lines": body["lines"]}
        return sale(past, choices) | {"return": part}
    return body


# -- all else ----------------------------------------------------------------------------------


def _activity(past: Past, choices: Choices) -> Fact:
    code = choices.pick(vocabulary.ACTIVITIES)
    quantity = choices.pick((1, 1, 2, 3, 0, 10))
    return _where(choices, {"kind": "activity", "code": code, "quantity": quantity})


def _redeem(past: Past, choices: Choices) -> Fact:
    currency = _currency(past, choices, status=0 if past.certain else 3)
    points = _units(currency, choices, (5, 1, 10, 1, 40, 300))
    if currency["id"] not in past.given and choices.chance(70):
        return _given(currency, choices)
    body: Fact = {"kind": "redeem", "currency": currency["id"], "points": points}
    return body | _completed(past, choices)


def _hold(past: Past, choices: Choices) -> Fact:
    currency = _currency(past, choices, status=0 if past.certain else 3)
    points = _units(currency, choices, (5, 1, 10, 1, 2, 20, 40))
    if currency["id"] not in past.given and choices.chance(95):
        return _given(currency, choices)
    body: Fact = {"kind": "hold", "currency": currency["id"], "points": points}
    if choices.chance(40):
        after = choices.pick((vocabulary.HOUR, 1, 5 * vocabulary.HOUR, vocabulary.DAY,
                              40 * vocabulary.DAY))  # fmt: skip
        body["expires_at"] = _instant(past.at + after)
    return body | _completed(past, choices)


def _given(currency: Table, choices: Choices) -> Fact:
    points = choices.pick((50, 20, 300)) * 10 ** currency.get("scale", 0)
    return {"kind": "adjust", "currency": currency["id"], "points": points}


def _named(past: Past, choices: Choices, made: list[tuple[str, Fact]]) -> str:
    """A fact that another names, mostly the latest; seldom one that it may not name."""
    if not made or choices.chance(4):
        return choices.pick((*past.others[-2:], *(name for name, _ in past.sales[-1:]), "nothing"))
    return choices.pick((*made[-1:] * 3, *made))[0]


def _part(choices: Choices, of: Sequence[tuple[str, Fact]]) -> Fact:
    most = of[-1][1].get("points", 5) if of else 5
    return {"points": choices.pick((max(1, most // 2), 1, most, most + 1))}


def _earlier(past: Past, choices: Choices) -> Fact:
    """It may have happened before what it names."""
    back = choices.pick((vocabulary.HOUR, vocabulary.DAY, 40 * vocabulary.DAY))
    return {"back": back} if choices.chance(10) else {}


def _capture(past: Past, choices: Choices) -> Fact:
    if past.certain or (not past.holds and choices.chance(95)):
        return _hold(past, choices)
    body = _where(choices, {"kind": "capture"})
    body["hold"] = _named(past, choices, past.holds)
    if choices.chance(50):
        body |= _part(choices, past.holds)
    if choices.chance(40):
        body["partial"] = True
    return body | _completed(past, choices) | _earlier(past, choices)


def _release(past: Past, choices: Choices) -> Fact:
    if past.certain or (not past.holds and choices.chance(95)):
        return _hold(past, choices)
    body = _where(choices, {"kind": "release"})
    return body | {"hold": _named(past, choices, past.holds)} | _earlier(past, choices)


def _cancel(past: Past, choices: Choices) -> Fact:
    if past.certain or (not past.redemptions and choices.chance(95)):
        return _redeem(past, choices)
    body = _where(choices, {"kind": "cancel"})
    body["redemption"] = _named(past, choices, past.redemptions)
    if choices.chance(40):
        body |= _part(choices, past.redemptions)
    return body | _earlier(past, choices)


def _transfer(past: Past, choices: Choices) -> Fact:
    """Points for another member, who may have no fact yet."""
    body = _redeem(past, choices)
    others = [name for name in vocabulary.MEMBERS[:4] if name != past.member]
    if past.certain:
        # What it gives depends on what is there when it comes.
        return body
    return {**body, "kind": "transfer", "to": choices.pick(others)}


def _donate(past: Past, choices: Choices) -> Fact:
    body = _redeem(past, choices)
    if past.certain:
        return body
    body.pop("completed", None)
    return {**body, "kind": "donate", "cause": choices.pick(("a cause", "a cause", "nobody"))}


def _adjust(past: Past, choices: Choices) -> Fact:
    currency = _currency(past, choices, status=30)
    points = _units(currency, choices, (300, 50, 1000, 5, -5, -40, -300))
    body: Fact = {"kind": "adjust", "currency": currency["id"], "points": points,
                  "reason": "by hand"}  # fmt: skip
    if points > 0 and choices.chance(30):
        through = _date(past.at + choices.pick((30, 0, 7, 366)) * vocabulary.DAY)
        body["expires"] = choices.pick((through.isoformat(), "never"))
    if points < 0 and (choices.chance(40) or past.certain):
        body["forced"] = True
    return body


def _enrol(past: Past, choices: Choices) -> Fact:
    return {"kind": "enrol", **_about(past, choices, percent=70)}


def _about(past: Past, choices: Choices, percent: int) -> Fact:
    """What is known of a member, or is known anew: each part in so many of a hundred cases."""
    tiers = [tier["id"] for tier in past.table.get("ladder", {}).get("tier", [])]
    found: Fact = {}
    if choices.chance(percent):
        found["birth"] = choices.pick((*[_near(past, choices)] * 9, None))
        found["birth_calendar"] = choices.pick(("gregorian", "jalali"))
    if choices.chance(percent):
        calendar = choices.pick(("gregorian", "jalali"))
        date = _near(past, choices)
        found["anniversaries"] = {vocabulary.ANNIVERSARY: {"date": date, "calendar": calendar}}
    if choices.chance(percent):
        found["type"] = choices.pick(("person", "organisation"))
    if choices.chance(percent):
        found["segments"] = choices.some(vocabulary.SEGMENTS, 0, 2)
    if choices.chance(percent):
        found["values"] = {vocabulary.VALUES[0]: choices.pick((1, 100, 1_000, 0, -5))}
    if tiers and choices.chance(percent // 2):
        through = _date(past.at + choices.pick((10, 0, 1, 60, 400)) * vocabulary.DAY)
        manual = {"tier": choices.pick(tiers), "through": through.isoformat(), "reason": "asked"}
        found["manual_tier"] = choices.pick((manual, manual, manual, None))
    return found


def _near(past: Past, choices: Choices) -> str:
    """A date whose anniversary is near, or one that falls on the 29th or 30th of a leap year."""
    if choices.chance(40):
        born = choices.pick(vocabulary.BIRTHS)
        return born if born < _date(past.at).isoformat() else vocabulary.BIRTHS[0]
    about = _date(past.at + choices.pick((2, 0, 1, -1, -3, 30, 170)) * vocabulary.DAY)
    year = about.year - choices.pick((30, 18, 20, 1))
    return f"{year}-{about.month:02}-{min(about.day, 28):02}"


def _update(past: Past, choices: Choices) -> Fact:
    return {"kind": "member update", **_about(past, choices, percent=40)}


def _subscription(past: Past, choices: Choices) -> Fact:
    plan = choices.pick(vocabulary.PLANS)
    if choices.chance(35):
        return {"kind": "subscription end", "plan": plan}
    body: Fact = {"kind": "subscription start", "plan": plan}
    days = choices.pick((None, 1, 10, 45))
    if choices.chance(10):
        body["fee"] = 900
    return body | ({"ends_at": _instant(past.at + days * vocabulary.DAY)} if days else {})


_MAKERS: dict[str, Callable[[Past, Choices], Fact]] = {
    "sale": sale,
    "return": _return,
    "exchange": _exchange,
    "activity": _activity,
    "adjust": _adjust,
    "redeem": _redeem,
    "hold": _hold,
    "paid sale": _paid_sale,
    "capture": _capture,
    "release": _release,
    "cancel": _cancel,
    "transfer": _transfer,
    "donate": _donate,
    "enrol": _enrol,
    "member update": _update,
    "subscription": _subscription,
}
