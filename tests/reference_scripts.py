"""Small histories as text, played through the reference: what the tables of its tests hold.

A script has a fact a line: id, when, verb, rest, and after `=>` what must come of it.
`?` lines look at a member. Times are of 2024 and at noon UTC unless they say more::

    s1  01-05 buys milk 420 x2, bread 185; paid cash 605 => base 6, gift 3/10 day
    r1  01-06 returns s1 milk x1        => base -2
    ?   2024-03-01                      => 4 active, gold
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec

from vafa.engine.checks.program_file import parse_program
from vafa.engine.facts import (
    CatalogFact,
    Fact,
    ProductFact,
    StoreAttributes,
    StoreFact,
    json_decoder,
)
from vafa.engine.program.program import Program
from vafa.engine.reference.facts import instant
from vafa.engine.reference.reference import Answer, MemberView, Posting, Reference

PRODUCTS = [
    ProductFact("milk", "Farm", "DAIRY", "dairy/milk", "acme"),
    ProductFact("cheese", "Farm", "DAIRY", "dairy", "zest", weighed=True),
    ProductFact("oat", "Own", "GROCERY", "dairyfree", "zest", "low", False, ["vegan"]),
    ProductFact("bread", "Own", "BAKERY", "bakery/bread", "acme", "high", True),
    ProductFact("smokes", "Smoke", "TOBACCO", "tobacco", "acme", labels=["tobacco"]),
]
STORES = [StoreAttributes("S1", "north", "hyper"), StoreAttributes("S2", "south", "mini")]
BEGIN = dt.datetime(1971, 1, 1, tzinfo=dt.UTC)

EACH = '{id="base", kind="earn", points=1}'
BASE = '{id="base", kind="earn", points=1, per=100}'
GIFT = '{id="gift", kind="bonus", points=10}'
NO_TOBACCO = '[{department=["TOBACCO"]}]'
REDEEMED = '[{tender="voucher"}, {tender="points", currency="points"}]'
LADDER = (
    '{window="year", tier=[{id="bronze"}, {id="silver", at_least={spend=500}}, '
    '{id="gold", at_least={spend=1000}}]}'
)


class Case(NamedTuple):
    """A program and a script that it must follow."""

    name: str
    program: Program
    script: str


def club(*rules: str, **fields: str) -> Program:
    """A program of TOML inline tables over plain defaults."""
    top = {
        "format": "1",
        "id": '"test"',
        "unit": '{code="EUR"}',
        "zone": '"UTC"',
        "currency": '[{id="points"}]',
        "rule": f"[{', '.join(rules)}]",
    } | fields
    return parse_program("\n".join(f"{name} = {value}" for name, value in top.items()))


def back(policy: str = "", *rules: str, **fields: str) -> Program:
    """A point per minor unit (or other rules) with a policy of returns."""
    return club(*(rules or (EACH,)), **{"returns": f"{{{policy}}}"} | fields)


def follow(case: Case) -> Reference:
    """Play a script and hold what it says."""
    reference = started(case.program)
    found = []
    for line in expected_lines(case.script):
        said, mark, _ = line.partition("=>")
        came = play(reference, said.strip())
        found.append(f"{said.rstrip()} => {came}" if mark else said.rstrip())
    wanted = [_tidy(line) for line in expected_lines(case.script)]
    assert found == wanted, "what came:\n" + "\n".join(found)
    return reference


def expected_lines(script: str) -> list[str]:
    """The lines of a script that say something."""
    return [line.strip() for line in script.splitlines() if line.strip()]


def _tidy(line: str) -> str:
    said, mark, wanted = line.partition("=>")
    return f"{said.rstrip()} => {wanted.strip()}" if mark else said.rstrip()


def started(program: Program) -> Reference:
    """A reference with the program, the products and the stores of these tests."""
    reference = Reference()
    reference.publish(program, 0)
    reference.submit(CatalogFact("products", BEGIN, list(PRODUCTS)))
    reference.submit(StoreFact("stores", BEGIN, STORES))
    return reference


def play(reference: Reference, line: str) -> str:
    """Submit a line's fact, or look at a member; what came of it."""
    if line.startswith("?"):
        _, date, *what = line.split()
        moment = dt.datetime.fromisoformat(_dated(date)).replace(tzinfo=dt.UTC)
        moments = [instant(moment)] if "T" in date else []
        (view,) = reference.members("m", [moment.date()], moments)
        return _seen(view, what)
    return shown(reference.submit(fact_of(line)))


# -- facts -------------------------------------------------------------------------------------


def fact_of(line: str) -> Fact:
    """The fact of a line."""
    name, when, verb, *rest = line.split(maxsplit=3)
    at = _dated(when)
    body: dict[str, Any] = {
        "id": name, "occurred_at": at if "T" in at else f"{at}T12:00Z", "member": "m"
    }
    if not body["occurred_at"].endswith("Z") and "+" not in body["occurred_at"]:
        body["occurred_at"] += "Z"
    body |= _VERBS[verb](rest[0] if rest else "")
    if "date" in body:
        del body["member"]
    # Midnights are written without seconds in the scripts, and RFC 3339 wants them.
    moment = dt.datetime.fromisoformat(body["occurred_at"])
    body["occurred_at"] = moment.isoformat()
    return json_decoder.decode(msgspec.json.encode(body))


def _dated(when: str) -> str:
    return when if when[4:5] == "-" else f"2024-{when}"


def _buys(rest: str) -> dict[str, Any]:
    lines, *parts = rest.split(";")
    body: dict[str, Any] = {"kind": "sale", "lines": [_line(x) for x in lines.split(",")]}
    for part in parts:
        word, _, value = part.strip().partition(" ")
        match word:
            case "paid":
                body["tenders"] = [_tender(tender) for tender in value.split(",")]
            case "back":
                sale, _, returned = value.partition(" ")
                body["return"] = {"sale": sale, "lines": _returned(returned)}
            case "coupon":
                body["coupons"] = value.split()
            case "completed":
                body["completed"] = True
            case "by":
                body["member"] = value
            case _:
                body[word] = value
    return body


def _line(text: str) -> dict[str, Any]:
    """`milk 420 x1.5 gross 500 cost 300 voids 1`."""
    sku, net, *more = text.split()
    line = {"sku": sku, "net": int(net), "quantity": 1000}
    words = iter(more)
    for word in words:
        if word.startswith("x"):
            line["quantity"] = round(float(word[1:]) * 1000)
        else:
            line[word] = int(next(words))
    return line


def _tender(text: str) -> dict[str, Any]:
    """`points 500 p50 of h1`: type, amount, points, the hold or redemption they come from."""
    kind, amount, *more = text.split()
    found: dict[str, Any] = {"type": kind, "amount": int(amount)}
    if "of" in more:
        found["ref"] = more.pop()
        more.remove("of")
    if more:
        found["points"] = int(more[0].removeprefix("p"))
    return found


def _returned(text: str) -> list[dict[str, Any]]:
    """`milk x1 420, #2 x1, bread 100`: quantity after x, amount bare."""
    found = []
    for item in text.split(","):
        which, *figures = item.split()
        line: dict[str, Any] = {"line": int(which[1:])} if which.startswith("#") else {"sku": which}
        for figure in figures:
            if figure.startswith("x"):
                line["quantity"] = round(float(figure[1:]) * 1000)
            else:
                line["net"] = int(figure)
        found.append(line)
    return found


def _returns(rest: str) -> dict[str, Any]:
    sale, _, lines = rest.partition(" ")
    body = {"kind": "return", "lines": _returned(lines)}
    return body if sale == "-" else body | {"sale": sale}


def _does(rest: str) -> dict[str, Any]:
    code, *more = rest.split()
    quantity = [int(word) for word in more if word.isdigit()]
    store = [word for word in more if not word.isdigit()]
    body: dict[str, Any] = {"kind": "activity", "code": code}
    return body | ({"quantity": quantity[0]} if quantity else {}) | (
        {"store": store[0]} if store else {}
    )  # fmt: skip


def _adjusts(rest: str) -> dict[str, Any]:
    """`points 50 through 2024-02-01`, `points -50 forced`, `points 1 through never`."""
    currency, points, *more = rest.split()
    body: dict[str, Any] = {"kind": "adjust", "currency": currency, "points": int(points)}
    if "through" in more:
        body["expires"] = more[more.index("through") + 1]
    return body | ({"forced": True} if "forced" in more else {})


def _redeems(rest: str) -> dict[str, Any]:
    currency, points, *more = rest.split()
    body: dict[str, Any] = {"kind": "redeem", "currency": currency, "points": int(points)}
    return body | ({"completed": True} if more else {})


def _spends(kind: str, named: str, rest: str) -> dict[str, Any]:
    """`points 50 until 01-02T13:00`, `h1 30 partial completed by n`, by kind of fact."""
    name, *more = rest.split()
    body: dict[str, Any] = {"kind": kind, named: name}
    words = iter(more)
    for word in words:
        match word:
            case "until":
                body["expires_at"] = f"{_dated(next(words))}:00Z"
            case "by":
                body["member"] = next(words)
            case "partial" | "completed":
                body[word] = True
            case _:
                body["points"] = int(word)
    return body


def _about(rest: str) -> dict[str, Any]:
    """`birth=1990-01-07 calendar=jalali segments=a,b value.ltv=5 on.wedding=2010-05-01`."""
    body: dict[str, Any] = {}
    for word in rest.split():
        name, _, value = word.partition("=")
        kind, _, key = name.partition(".")
        match kind:
            case "calendar":
                body["birth_calendar"] = value
            case "segments":
                body["segments"] = value.split(",")
            case "value":
                body.setdefault("values", {})[key] = int(value)
            case "on":
                body.setdefault("anniversaries", {})[key] = value
            case "tier":
                tier, _, through = value.partition("/")
                body["manual_tier"] = {"tier": tier, "through": through, "reason": "test"}
            case _:
                body[name] = value
    return body


def _starts(rest: str) -> dict[str, Any]:
    plan, *until = rest.split()
    body = {"kind": "subscription start", "plan": plan}
    return body | ({"ends_at": f"{until[0]}T00:00:00Z"} if until else {})


_VERBS: dict[str, Callable[[str], dict[str, Any]]] = {
    "buys": _buys,
    "returns": _returns,
    "does": _does,
    "adjusts": _adjusts,
    "redeems": _redeems,
    "holds": lambda rest: _spends("hold", "currency", rest),
    "captures": lambda rest: _spends("capture", "hold", rest),
    "releases": lambda rest: _spends("release", "hold", rest),
    "cancels": lambda rest: _spends("cancel", "redemption", rest),
    "enrols": lambda rest: {"kind": "enrol", **_about(rest)},
    "updates": lambda rest: {"kind": "member update", **_about(rest)},
    "starts": _starts,
    "ends": lambda rest: {"kind": "subscription end", "plan": rest},
    "closes": lambda rest: {"kind": "day closed", "date": _dated(rest)},
}


# -- what came -----------------------------------------------------------------------------------


def shown(answer: Answer) -> str:
    """Postings as `base 6`, `base 3/6 day` where a limit cut, `base -2 of s1` corrected."""
    waited = [f"{name} {said}" for name, said in answer.parked.items()]
    if answer.status in ("refused", "parked"):
        return ", ".join([answer.reason or answer.status, *waited])
    parts = [answer.status] if answer.status == "replayed" else []
    for postings in (answer.postings, *answer.closings.values(), *answer.corrections.values()):
        parts += [_posting(posting) for posting in postings]
    parts += waited
    parts += [f"{rule} closed" for rule in answer.budgets]
    return ", ".join(parts)


def _posting(posting: Posting) -> str:
    text = f"{posting.rule or posting.kind} {posting.points}"
    if posting.kind == "capture":
        return f"capture {posting.desired}{f' {posting.limit}' if posting.limit else ''}"
    if posting.kind in ("donate", "forgive", "withhold") and posting.rule:
        text = f"{posting.kind} {posting.points}"
    if posting.limit:
        text += f"/{posting.desired} {posting.limit}"
    return text + (f" of {posting.corrects}" if posting.corrects else "")


def _seen(view: MemberView, what: list[str]) -> str:
    """Balances and tier; or lots, totals, counters, what is missing to the next tier."""
    match what[0] if what else "":
        case "lots":
            return ", ".join(f"{x.points} to {x.good_through or 'ever'}" for x in view.lots)
        case "totals":
            return ", ".join(
                f"{name} {figure}" for name, figure in view.totals[what[1]]._asdict().items()
                if figure
            )  # fmt: skip
        case "counters" | "redeemable":
            of_names: dict[str, Any] = getattr(view, what[0])
            return ", ".join(f"{name} {figure}" for name, figure in of_names.items())
        case "purchases":
            return str(view.purchases)
        case "next":
            return "" if view.progress is None else ", ".join([
                f"{view.progress.tier} by {view.progress.by}",
                *(f"{' '.join(name).strip()} {figure}"
                  for name, figure in view.progress.missing.items()),
            ])  # fmt: skip
    parts = []
    for name, balance in view.balances.items():
        figures = [
            f"{figure} {word}" for figure, word in zip(balance, balance._fields, strict=True)
            if figure
        ]  # fmt: skip
        parts.append(" ".join([*([name] if name != "points" else []), *(figures or ["0"])]))
    return ", ".join([*parts, *([view.tier] if view.tier else [])])
