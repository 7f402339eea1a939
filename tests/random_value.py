"""Drawn programs and histories of gift cards, rewards and profit shares, in the wire's form.

They are drawn apart from those of `random_histories`: a seed of `random.Random` is the case.
"""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Iterator
from typing import Any

MEMBERS = ("m", "n", "o")
CARDS = ("A", "B", "C")
SKUS = ("milk", "bread", "tea")
DAYS = 50
START = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
FAR = (START + dt.timedelta(days=DAYS + 40)).date()
"""A date after all facts."""

Wire = dict[str, Any]


def program(draw: random.Random) -> str:
    """A program with gift cards and rewards."""
    days = draw.choice([10, 25, 90])
    gift = draw.choice([
        '{ policy = "never" }', '{ policy = "after", days = 20 }', '{ policy = "after", days = 60 }'
    ])
    return f"""
format = 1
id = "value"
unit = {{ code = "USD" }}
zone = "UTC"
late_limit_days = 36_500
late_shortfall = "{draw.choice(["debt", "forgive"])}"
earn_on_redeemed = {draw.choice(["true", "false"])}
causes = ["school", "trees"]

[returns]
policy = "{draw.choice(["recompute", "proportional"])}"
shortfall = "{draw.choice(["debt", "forgive"])}"
restored_days = {draw.choice([0, 5])}

[[currency]]
id = "points"
expiry = {{ policy = "after", days = {days} }}

[[currency]]
id = "gift"
kind = "credit"
scale = 2
expiry = {gift}

[gift_cards]
currency = "gift"

[[redemption]]
tender = "gift card"

[[redemption]]
tender = "points"
currency = "points"
minimum = 5
step = 5
over = "{draw.choice(["refuse", "clamp"])}"

[[reward]]
id = "mug"
points = 20
stock = {draw.randint(0, 4)}
per_member = {draw.randint(1, 3)}

[[reward]]
id = "print"
points = 15
unique = true

[[reward]]
id = "song"
points = 4

[[rule]]
id = "base"
kind = "earn"
points = {draw.choice([1, 2, 3])}
per = {draw.choice([70, 100, 130])}

[[rule]]
id = "for-trees"
kind = "earn"
basis = "quantity"
points = 2
per = 3
donate = "trees"

[[rule]]
id = "money-back"
kind = "bonus"
currency = "gift"
points = 1.5
when = {{ min_amount = 1_000 }}

[[rule]]
id = "welcome"
kind = "bonus"
points = 3
on = "joining"

[[rule]]
id = "surprise"
kind = "bonus"
points = 6
when = {{ draw = {{ one_in = {draw.choice([2, 5])}, seed = "x" }} }}
"""


class Drawn:
    """Draws one fact after the other, which may name those before it."""

    def __init__(self, draw: random.Random) -> None:
        self.draw = draw
        self.sales: dict[str, tuple[str, list[Wire]]] = {}
        self.redemptions: dict[str, str] = {}
        self.later: list[Wire] = []
        """Sales of which something has come back already."""
        self.n = 0

    def facts(self, n: int) -> Iterator[Wire]:
        """So many facts."""
        kinds = {
            self.issue: 3, self.load: 2, self.spend: 3, self.sale: 9, self.back: 6,
            self.exchange: 2, self.reward: 6, self.cancel: 4, self.adjust: 4, self.stock: 2,
            self.redeem: 3, self.share: 2, self.donate: 2, self.fund: 2, self.credit: 1,
        }  # fmt: skip
        for card in CARDS[:2]:
            amount = self.draw.randint(1_000, 9_000)
            yield self._early("gift card issue", card=card, amount=amount)
        for member in MEMBERS[:2]:
            points = self.draw.randint(50, 200)
            yield self._early("adjust", member=member, currency="points", points=points)
        for _ in range(n):
            if self.later and self.draw.random() < 0.2:
                yield self.later.pop()
            (kind,) = self.draw.choices(list(kinds), list(kinds.values()))
            yield kind()

    def _early(self, kind: str, **fields: Any) -> Wire:
        return self._fact(kind, **fields) | {
            "occurred_at": (START + dt.timedelta(hours=self.draw.randrange(24 * 5))).isoformat()
        }

    def _fact(self, kind: str, **fields: Any) -> Wire:
        self.n += 1
        # Whole hours, so that some are of one instant.
        hours = self.draw.randrange(24 * DAYS)
        at = (START + dt.timedelta(hours=hours)).isoformat()
        return {"kind": kind, "id": f"{kind[:3]}{self.n}", "occurred_at": at, **fields}

    def _member(self) -> str:
        return self.draw.choice(MEMBERS)

    def _card(self) -> str:
        (card,) = self.draw.choices(CARDS, (5, 3, 1))
        return card

    def issue(self) -> Wire:
        """A card is issued, known or not."""
        more = {"expires": "2020-02-10"} if self.draw.random() < 0.2 else {}
        amount = self.draw.randint(1, 3_000)
        return self._fact("gift card issue", card=self._card(), amount=amount, **more)

    def load(self) -> Wire:
        """Money is put on a card."""
        return self._fact("gift card load", card=self._card(), amount=self.draw.randint(1, 2_000))

    def spend(self) -> Wire:
        """Money of a card is spent."""
        return self._fact(
            "gift card redeem", card=self._card(), amount=self.draw.randint(1, 1_500),
            completed=self.draw.random() < 0.1,
        )  # fmt: skip

    def sale(self, **more: Any) -> Wire:
        """A basket, often paid with cards or points."""
        lines: list[Wire] = [
            {"sku": self.draw.choice(SKUS), "quantity": 1000 * self.draw.randint(1, 3),
             "net": self.draw.randint(50, 2_000)}
            for _ in range(self.draw.randint(1, 3))
        ]  # fmt: skip
        net = sum(line["net"] for line in lines)
        tenders: list[Wire] = []
        for _ in range(self.draw.choice([0, 1, 1, 2])):
            amount = self.draw.randint(1, max(1, net // 2))
            tenders.append({"type": "gift card", "amount": amount, "card": self._card()})
        if self.draw.random() < 0.2:
            points = 5 * self.draw.randint(1, 6)
            tenders.append({"type": "points", "amount": points, "points": points})
        tenders.append({"type": "cash", "amount": self.draw.randint(0, net)})
        fact = self._fact(
            "sale", lines=lines, tenders=tenders, completed=self.draw.random() < 0.1,
            **{"member": self._member(), **more},
        )  # fmt: skip
        self.sales[fact["id"]] = fact["member"], lines
        return fact

    def _back(self) -> tuple[str, str, list[Wire]]:
        """(sale, its member, some of its lines)."""
        if not self.sales or self.draw.random() < 0.05:
            # It may never come.
            return "sal999", self._member(), [{"line": 1, "quantity": 1000}]
        names = list(self.sales)
        name = names[-1] if self.later and self.draw.random() < 0.4 else self.draw.choice(names)
        member, lines = self.sales[name]
        some: list[Wire] = []
        for number, line in enumerate(lines, 1):
            if self.draw.random() < 0.6:
                quantity = self.draw.choice([0, 1000, line["quantity"]])
                net = self.draw.randint(0, line["net"])
                if quantity or net:
                    some.append({"line": number, "quantity": quantity, "net": net})
        return name, member, some or [{"line": 1, "quantity": 1000, "net": 1}]

    def back(self) -> Wire:
        """Lines of a sale come back."""
        if self.draw.random() < 0.15:
            # The sale comes after it, or never.
            self.later.append(self.sale())
        name, member, lines = self._back()
        return self._fact("return", member=member, sale=name, lines=lines)

    def exchange(self) -> Wire:
        """Lines of a sale come back and others are bought."""
        name, member, lines = self._back()
        return self.sale(member=member, **{"return": {"sale": name, "lines": lines}})

    def credit(self) -> Wire:
        """Money of the cards' currency that a member gets, as rules give it too."""
        return self._fact(
            "adjust", member=self._member(), currency="gift", points=self.draw.randint(10, 900)
        )

    def fund(self) -> Wire:
        """A member's money goes on a card, which may be new."""
        return self._fact(
            "gift card fund", member=self._member(), gift_card=self._card(),
            amount=self.draw.randint(1, 400), completed=self.draw.random() < 0.1,
        )  # fmt: skip

    def reward(self) -> Wire:
        """Pieces of a reward."""
        member = self._member()
        fact = self._fact(
            "reward redeem", member=member, reward=self.draw.choice(["mug", "print", "song"]),
            quantity=self.draw.randint(1, 2), completed=self.draw.random() < 0.1,
        )  # fmt: skip
        self.redemptions[fact["id"]] = member
        return fact

    def redeem(self) -> Wire:
        """Points are spent before a sale."""
        member = self._member()
        fact = self._fact(
            "redeem", member=member, currency="points", points=5 * self.draw.randint(1, 12)
        )
        self.redemptions[fact["id"]] = member
        return fact

    def cancel(self) -> Wire:
        """A redemption is undone, whole or in part."""
        if not self.redemptions:
            return self.adjust()
        name = self.draw.choice(list(self.redemptions))
        more = {"points": self.draw.choice([15, 20, 30])} if self.draw.random() < 0.4 else {}
        return self._fact("cancel", member=self.redemptions[name], redemption=name, **more)

    def adjust(self) -> Wire:
        """Points given."""
        return self._fact(
            "adjust", member=self._member(), currency="points", points=self.draw.randint(20, 150)
        )

    def stock(self) -> Wire:
        """More of a reward."""
        if self.draw.random() < 0.5:
            items = [f"i{self.n}.{k}" for k in range(self.draw.randint(1, 2))]
            return self._fact("reward stock", reward="print", items=items)
        return self._fact("reward stock", reward="mug", pieces=self.draw.choice([-1, 1, 2]))

    def share(self) -> Wire:
        """A pool for what was bought in the time of all facts, or in a part of it."""
        since = (START + dt.timedelta(days=self.draw.randrange(20))).date()
        until = (START + dt.timedelta(days=self.draw.randrange(20, DAYS))).date()
        causes = {
            name: self.draw.randint(1, 330)
            for name in ("school", "trees", "nobody") if self.draw.random() < 0.2
        }
        return self._fact(
            "profit share", points=self.draw.randint(1, 500), currency="points", causes=causes,
            **{"from": since.isoformat(), "to": until.isoformat()},
        )  # fmt: skip

    def donate(self) -> Wire:
        """Points for a cause."""
        return self._fact(
            "donate", member=self._member(), cause=self.draw.choice(["school", "trees"]),
            currency="points", points=self.draw.randint(1, 30),
        )  # fmt: skip


def case(seed: int, n: int = 60) -> tuple[str, list[Wire]]:
    """A program and its facts, in the order of their arrival."""
    draw = random.Random(seed)
    return program(draw), list(Drawn(draw).facts(n))


def orderless(seed: int) -> tuple[str, list[Wire], list[Wire]]:
    """A program, the cards that are there, and facts of which each is accepted wherever it comes:
    what was spent has happened, and no line comes back twice."""
    draw = random.Random(seed)
    text = program(draw)
    drawn = Drawn(draw)
    cards = [
        drawn._early("gift card issue", card=card, amount=draw.randint(500, 4_000), expires="never")
        for card in CARDS
    ]
    facts: list[Wire] = []
    for _ in range(30):
        kind = draw.choice([drawn.sale, drawn.sale, drawn.spend, drawn.load, drawn.adjust])
        fact = kind()
        if kind == drawn.load:
            fact["expires"] = "never"
        if kind in (drawn.sale, drawn.spend):
            fact["completed"] = True
        facts.append(fact)
        if kind == drawn.sale:
            for number, line in enumerate(fact["lines"], 1):
                if draw.random() < 0.5:
                    some = {"line": number, "quantity": draw.choice([0, 1000]), "net": line["net"]}
                    facts.append(drawn._fact(
                        "return", member=fact["member"], sale=fact["id"], lines=[some]
                    ))  # fmt: skip
    for _ in range(6):
        facts.append(drawn._fact(
            "reward redeem", member=drawn._member(), reward="song", completed=True
        ))  # fmt: skip
    return text, cards, facts


def with_cancels(facts: list[Wire], seed: int) -> list[Wire]:
    """A history with cancels of what cards gave and exchanges that pay with what they put back,
    from a stream of their own."""
    draw, found = random.Random(f"cancels {seed}"), []
    redeemed: list[Wire] = []
    paid: list[Wire] = []
    for place, fact in enumerate(facts):
        found.append(fact)
        if fact["kind"] == "gift card redeem":
            redeemed.append(fact)
        if fact["kind"] == "sale" and any("card" in one for one in fact["tenders"]):
            paid.append(fact)
        if redeemed and draw.random() < 0.25:
            named = draw.choice(redeemed)
            part = {"amount": draw.randint(1, named["amount"])} if draw.random() < 0.4 else {}
            at = named if draw.random() < 0.3 else fact
            found.append({
                "kind": "gift card cancel", "id": f"cancel {place}", "redemption": named["id"],
                "card": named["card"] if draw.random() < 0.9 else draw.choice(CARDS),
                "occurred_at": at["occurred_at"], **part,
            })  # fmt: skip
        if paid and draw.random() < 0.15:
            named = draw.choice(paid)
            net = sum(line["net"] for line in named["lines"])
            lines = [
                {"line": number, "quantity": line["quantity"], "net": line["net"]}
                for number, line in enumerate(named["lines"], 1)
            ]
            tenders = [dict(one) for one in named["tenders"] if "card" in one]
            found.append({
                "kind": "sale", "id": f"swap {place}", "member": named["member"],
                "occurred_at": draw.choice((named, fact))["occurred_at"],
                "lines": [{"sku": draw.choice(SKUS), "quantity": 1000, "net": net}],
                "tenders": tenders, "return": {"sale": named["id"], "lines": lines},
            })  # fmt: skip
    return found
