"""Drawn cases in which sales are made on account, and paid later, earlier, twice or never.

`case_of` has the whole variety of `strategies`; `of_wholesale` small programs whose points nearly
all wait, and histories of little but sales, payments and returns.
"""

from __future__ import annotations

import datetime as dt
import re

from . import strategies
from .cases import Case, Fact
from .choices import Choices
from .small_cases import SmallCase
from .strategies import Blocks

PAYMENT_BYTES = 40
SHOP_BYTES, ROW_BYTES = 60, 60
START = dt.datetime(2025, 1, 10, 12, tzinfo=dt.UTC)
ON_ACCOUNT = ("invoice", "cheque")


def case_of(seed: bytes) -> Case:
    """The case of a seed, with rules that wait for money and sales that bring it late."""
    return with_payments(strategies.case_of(seed), Blocks(seed))


def with_payments(case: Case, blocks: Blocks) -> Case:
    """A drawn case of which some rules wait for the money, some sales are on account."""
    texts = {
        name: _waiting(text, Choices(blocks.block(f"accrual {name}", 4096)))
        for name, text in case.programs.items()
    }
    arrived: list[tuple[int, int, Fact]] = []
    for place, fact in enumerate(case.facts):
        whole = dict(fact)
        if fact["kind"] == "sale" and "member" in fact:
            choices = Choices(blocks.block(f"payment {place}", PAYMENT_BYTES))
            if choices.chance(80):
                whole["tenders"] = _on_account(choices, fact)
            arrived += _payments(choices, place, fact, case.members())
        arrived.append((place, 0, whole))
    arrived.sort(key=lambda one: one[:2])
    return Case(f"received {case.name}", texts, [fact for *_, fact in arrived], case.cuts)


def _waiting(text: str, choices: Choices) -> str:
    """A program of which rules wait for the money, where they may."""
    status = set(re.findall(r'"id" = "(\w+)", "kind" = "(?:status|coupons)"', text))
    lines, any_waits = [], False
    for line in text.splitlines():
        rule = re.match(r'  \{ "id" = "[^"]+", "kind" = "(earn|multiply|bonus)"', line)
        currency = re.search(r'"currency" = "(\w+)"', line)
        never = re.search(r'"(activity|on|donate)" =|"basis" = "tender"', line)
        may = rule and currency and currency[1] not in status and not never
        if may and choices.chance(70):
            any_waits = True
            lines.append(line.removesuffix(" },") + ', "accrual" = "payment" },')
        else:
            lines.append(line)
    if any_waits:
        listed = ", ".join(f'"{name}"' for name in ON_ACCOUNT[: choices.number(1, 2)])
        lines.insert(1, f"on_account = [{listed}]")
    return "\n".join(lines) + "\n"


def _on_account(choices: Choices, sale: Fact) -> list[Fact]:
    """A sale's tenders, some of which are not money yet."""
    net = max(0, sum(line["net"] for line in sale["lines"]))
    tenders = [dict(tender) for tender in sale.get("tenders", ())]
    for tender in tenders:
        if not tender.keys() & {"points", "ref", "card"} and choices.chance(40):
            tender["type"] = choices.pick(ON_ACCOUNT)
    share = choices.pick((1, 2, 3, 1, 1))
    owed = {"type": choices.pick(ON_ACCOUNT), "amount": net // share + choices.pick((0, 0, 7))}
    return [*tenders, owed] if choices.chance(75) else tenders


def _payments(
    choices: Choices, place: int, sale: Fact, members: list[str]
) -> list[tuple[int, int, Fact]]:
    """Payments for a sale, each at its place in the order of arrival."""
    found: list[tuple[int, int, Fact]] = []
    net = max(1, sum(line["net"] for line in sale["lines"]))
    at = dt.datetime.fromisoformat(sale["occurred_at"])
    for number in range(choices.pick((1, 2, 0, 3, 1))):
        moved = choices.pick((1, 24, 24 * 20, -1, 24 * 90, 0))
        paid = at + dt.timedelta(hours=moved)
        of = choices.pick((1, 2, 3, 3, 7))
        payment = {
            "id": f"p{number} {sale['id']}", "kind": "payment", "occurred_at": paid.isoformat(),
            "member": choices.pick(members) if choices.chance(4) else sale["member"],
            "sale": choices.pick(("products", "nothing")) if choices.chance(4)
            else sale["id"],
            "amount": max(1, net // of + choices.pick((0, 0, 1))),
        }  # fmt: skip
        found.append((place + choices.pick((1, 2, 0, -2, 5, 9)), 1, payment))
    return found


# -- a shop that sells on account ----------------------------------------------------------------


def of_wholesale(seed: bytes) -> Case:
    """A case of a small program that sells on account; facts in any order of arrival."""
    made = SmallCase("wholesale", seed, SHOP_BYTES, _program, alone=60)
    sales: list[Fact] = []
    for place, row in made.rows(4, 16, ROW_BYTES):
        fact = _fact(row, place, sales, made.members)
        if fact["kind"] == "sale":
            sales.append(fact)
        made.put(place + row.pick((0, 0, 0, 0, 3, 9, -4)), fact)
    return made.case()


def _program(choices: Choices) -> str:
    accrual = [choices.pick(("payment", "payment", "payment", "invoice")) for _ in range(5)]
    if "payment" not in accrual:
        accrual[0] = "payment"
    expiry = choices.pick((
        '{ policy = "never" }', '{ policy = "after", days = 40 }',
        '{ policy = "period_end", period = "month", k = 1 }',
        '{ policy = "inactivity", months = 2 }',
    ))  # fmt: skip
    redeemed = choices.pick(("false", "false", "true"))
    return f"""
format = 1
id = "wholesale"
unit = {{ code = "EUR" }}
zone = "UTC"
late_limit_days = 36_500
earn_on_redeemed = {redeemed}
on_account = ["invoice"]

[returns]
policy = "{choices.pick(("recompute", "proportional"))}"
shortfall = "{choices.pick(("debt", "debt", "forgive", "withhold", "refuse"))}"

[[currency]]
id = "points"
scale = {choices.pick((0, 0, 2))}
pending_days = {choices.pick((0, 0, 3))}
expiry = {expiry}

[[currency]]
id = "stars"

[[redemption]]
tender = "points"
currency = "points"

[[group]]
id = "one"
mode = "best"

[[rule]]
id = "base"
kind = "earn"
points = 1
per = 7
accrual = "{accrual[0]}"
round = "{choices.pick(("floor", "half_up", "carry"))}"

[[rule]]
id = "small"
kind = "earn"
group = "one"
points = 30
basis = "visit"
accrual = "{accrual[1]}"

[[rule]]
id = "large"
kind = "earn"
group = "one"
points = 1
per = 20
accrual = "{accrual[2]}"

[[rule]]
id = "double"
kind = "multiply"
factor = 1.5
when = {{ sku = ["b"] }}
accrual = "{accrual[3]}"

[[rule]]
id = "much"
kind = "bonus"
points = 50
currency = "{choices.pick(("points", "stars"))}"
when = {{ min_amount = 900 }}
limits = {{ lifetime = 120 }}
accrual = "{accrual[4]}"
"""


def _fact(choices: Choices, place: int, sales: list[Fact], members: list[str]) -> Fact:
    """One fact of the shop; most name a sale, which may come later."""
    at = START + dt.timedelta(hours=29 * place + choices.pick((0, 0, 0, -70, 24 * 30)))
    head = {"id": f"f{place}", "occurred_at": at.isoformat(), "member": choices.pick(members)}
    kind = choices.pick(
        ("sale", "payment", "payment", "return", "sale", "payment", "return", "other")
    )
    if kind == "other":
        return {**head, **_other(choices)}
    if not sales or kind == "sale":
        return {**head, "kind": "sale", **_sale(choices)}
    sale = choices.pick(sales)
    named = {**head, "kind": kind, "sale": sale["id"], "member": sale["member"]}
    if kind == "payment":
        return {**named, "amount": choices.pick((100, 250, 333, 1000, 1, 5000))}
    line = choices.number(1, len(sale["lines"]))
    back = {"line": line, "quantity": choices.pick((1000, 2000, 500, 0)),
            "net": choices.pick((100, 333, 700, 50))}  # fmt: skip
    if choices.chance(20):
        del named["sale"]
        exchange = {"kind": "sale", "return": {"sale": sale["id"], "lines": [back]}}
        return {**named, **exchange, **_sale(choices)}
    return {**named, "lines": [back]}


def _sale(choices: Choices) -> Fact:
    lines: list[Fact] = [
        {"sku": choices.pick("abc"), "quantity": choices.pick((1000, 2000, 3000)),
         "net": choices.pick((333, 700, 1000, 450))}
        for _ in range(choices.number(1, 3))
    ]  # fmt: skip
    net = sum(line["net"] for line in lines)
    owed = choices.pick((net, net // 2, net // 3, net, net + 90, 0))
    tenders = [{"type": "invoice", "amount": owed}, {"type": "cash", "amount": max(0, net - owed)}]
    if choices.chance(20):
        tenders.append({"type": "points", "amount": 60, "points": choices.pick((5, 40))})
    return {"lines": lines, "tenders": tenders}


def _other(choices: Choices) -> Fact:
    taken = choices.pick((10, 60, 300))
    points = {"currency": "points", "points": taken}
    found: tuple[Fact, ...] = (
        {"kind": "redeem", **points},
        {"kind": "redeem", **points, "completed": True},
        {"kind": "adjust", "currency": "points", "points": -taken, "reason": "-",
         "actor": "-", "forced": choices.chance(50)},
        {"kind": "adjust", "currency": "points", "points": 80, "reason": "-", "actor": "-"},
        {"kind": "hold", "currency": "points", "points": 20},
        {"kind": "close"} if choices.chance(30) else {"kind": "redeem", **points},
    )  # fmt: skip
    return choices.pick(found)
