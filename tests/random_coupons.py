"""Drawn programs and histories of codes of printed coupons, in the wire's form.

They are drawn apart from those of `random_histories`: a seed of `random.Random` is the case.
"""

from __future__ import annotations

import datetime as dt
import random
from typing import Any

from .mixed import START

MEMBERS = ("m", "n", "o", "")
CODES = ("A1", "A2", "B1", "B2", "C1", "C2")
DAYS = 30
FAR = (START + dt.timedelta(days=DAYS + 40)).date()
"""A date after all facts."""

Wire = dict[str, Any]


def program(draw: random.Random) -> str:
    """A program with printed coupons, shared ones and members' own."""
    first, last = "from = 2020-01-05\n", "to = 2020-01-20\n"
    windows = ["", first, last, first + last]
    conditions = ["", "when = { member = true }\n", "when = { min_basket = 900 }\n",
                  'when = { store = ["s"] }\n', 'when = { region = ["north"] }\n']
    printed = "".join(
        f'[[coupon]]\nid = "{name}"\nuses = {draw.choice([1, 1, 2])}\n{draw.choice(windows)}'
        + (f"per_member = {draw.randint(1, 2)}\n" if draw.random() < 0.4 else "")
        + draw.choice(conditions) + "\n"
        for name in "abc"
    )  # fmt: skip
    rules = "".join(
        f'[[rule]]\nid = "of-{name.lower()}"\nkind = "bonus"\npoints = {points}\n'
        f'when = {{ coupon = ["{name}"] }}\n\n'
        for name, points in (("a", 50), ("b", 70), ("SHARED", 5))
    )
    return f"""
format = 1
id = "coupons"
unit = {{ code = "USD" }}
zone = "UTC"
late_limit_days = 36_500
claim_days = 60

[returns]
policy = "{draw.choice(["recompute", "proportional"])}"

[[currency]]
id = "points"
expiry = {{ policy = "after", days = {draw.choice([10, 40])} }}

[[currency]]
id = "own"
kind = "coupons"

[[redemption]]
tender = "points"
currency = "points"

[[rule]]
id = "base"
kind = "earn"
points = 1
per = 100

[[rule]]
id = "gives"
kind = "bonus"
currency = "own"
points = 1
when = {{ coupon = ["c"], min_amount = 500 }}

[[rule]]
id = "no-coupon"
kind = "bonus"
points = 3
when = {{ not = {{ coupon = ["a", "b"] }} }}

{printed}{rules}"""


class Histories:
    """Draws facts one after the other; what was drawn before is named again."""

    def __init__(self, draw: random.Random) -> None:
        self.draw = draw
        self.sales: list[Wire] = []
        self.issues: list[str] = []
        self.n = 0

    def _fact(self, kind: str, **fields: Any) -> Wire:
        self.n += 1
        hours = self.draw.randint(0, 24 * DAYS)
        when = START + dt.timedelta(hours=hours)
        return {
            "id": f"f{self.n:03}", "kind": kind,
            "occurred_at": when.isoformat().replace("+00:00", "Z"), **fields,
        }  # fmt: skip

    def issue(self) -> Wire:
        """Codes of a coupon, of which some may be there already."""
        name = self.draw.choice("abc")
        codes = self.draw.sample([code for code in CODES if code[0] == name.upper()],
                                 self.draw.randint(1, 2))
        fact = self._fact("coupon issue", coupon=name, codes=codes)
        self.issues.append(fact["id"])
        return fact

    def block(self) -> Wire:
        """A code, or a whole issue."""
        if self.draw.random() < 0.5:
            return self._fact("coupon block", codes=[self.draw.choice(CODES)])
        return self._fact("coupon block", issue=self.draw.choice([*self.issues, "none"]))

    def redeem(self) -> Wire:
        """A code apart from a sale."""
        fact = self._fact("coupon redeem", code=self.draw.choice([*CODES, "Z"]))
        return self._of(fact) | ({"completed": True} if self.draw.random() < 0.2 else {})

    def sale(self) -> Wire:
        """A sale that presents what it may."""
        draw = self.draw
        lines = [
            {"line": n + 1, "sku": draw.choice(["milk", "tea"]),
             "quantity": 1000 * draw.randint(1, 3), "net": draw.choice([0, 300, 800, 2000])}
            for n in range(draw.randint(1, 2))
        ]  # fmt: skip
        coupons = draw.sample([*CODES, "SHARED", "own", "Z", "a"], draw.choice([0, 1, 1, 1, 2, 3]))
        fact = self._of(self._fact("sale", lines=lines, coupons=coupons))
        fact["store"] = draw.choice(["", "s", "t"])
        if draw.random() < 0.25:
            fact["completed"] = True
        if fact.get("member") and draw.random() < 0.15:
            fact["tenders"] = [{"type": "points", "amount": 1, "points": draw.choice([5, 60])}]
        if fact.get("member") and self.sales and draw.random() < 0.15:
            fact["return"] = self._back(draw.choice(self.sales))
        self.sales.append(fact)
        return fact

    def give_back(self) -> Wire:
        """A return, by times of a sale that is still to come."""
        self.n += 1
        of = self.draw.choice(self.sales) if self.sales else None
        self.n -= 1
        if of is None:
            return self.sale()
        member = of.get("member", "") if self.draw.random() < 0.9 else self.draw.choice(MEMBERS)
        fact = self._fact("return", **self._back(of))
        return fact | ({"member": member} if member else {})

    def _back(self, of: Wire) -> Wire:
        whole = self.draw.random() < 0.6
        lines = [
            {"line": line["line"], **self._part(line, whole=whole)}
            for line in of["lines"] if whole or self.draw.random() < 0.7
        ] or [{"line": 1, "quantity": 1000, "net": 0}]  # fmt: skip
        return {"sale": of["id"], "lines": lines}

    def _part(self, line: Wire, *, whole: bool) -> Wire:
        if whole:
            return {"quantity": line["quantity"], "net": line["net"]}
        if self.draw.random() < 0.5 or not line["net"]:
            return {"quantity": 1000, "net": self.draw.choice([0, 100])}
        return {"quantity": 0, "net": line["net"]}

    def claim(self) -> Wire:
        """A sale of nobody's is claimed, or one that is not."""
        nobodys = [fact["id"] for fact in self.sales if not fact.get("member")]
        name = self.draw.choice(nobodys or ["none"])
        return self._fact("claim", member=self.draw.choice(["m", "n"]), sale=name)

    def _of(self, fact: Wire) -> Wire:
        member = self.draw.choice(MEMBERS)
        return fact | ({"member": member} if member else {})


def case(seed: int) -> tuple[str, list[Wire]]:
    """The program and the facts of a seed, in the order of arrival."""
    draw = random.Random(f"coupons {seed}")
    histories = Histories(draw)
    text = program(draw)
    stores = histories._fact("store", stores=[{"store": "t", "region": "north"}])
    stores["occurred_at"] = START.isoformat().replace("+00:00", "Z")
    facts = [stores, *(histories.issue() for _ in range(3))]
    makes = [
        histories.sale, histories.sale, histories.sale, histories.sale, histories.redeem,
        histories.give_back, histories.give_back, histories.claim, histories.issue,
    ]  # fmt: skip
    for _ in range(60):
        made = draw.choice(makes)()
        if draw.random() < 0.03:
            facts.append(histories.block())
        # A return may come before its sale.
        late = made["kind"] == "return" and draw.random() < 0.3
        facts.insert(draw.randint(max(4, len(facts) - 8), len(facts)) if late else len(facts), made)
    return text, facts
