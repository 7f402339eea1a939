"""One receipt as it is gathered, and the facts that it stands for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from ..facts.parts import FormError
from .figures import folded_name
from .found import Fact, Skipped

NO_MEMBER = Skipped("no-member")
NO_GOODS = Skipped("no-goods")
UNKNOWN_SALE = Skipped("unknown-sale")
"""A return that names nobody, of a sale that nothing before it tells of."""


@dataclass
class Basket:
    """A receipt: what was sold, what came back by the sale it names, how it was paid.

    `returned` is by the id of the sale that the goods came from, None where there is none.
    `named`: whether `member` is a member or a card. `owners`: of a receipt that names nobody,
    whose the sales are that its goods come back of; None where that is not known.
    """

    id: str = ""
    occurred_at: str = ""
    member: str = ""
    store: str = ""
    terminal: str = ""
    channel: str = ""
    reason: str = ""
    lines: list[Fact] = field(default_factory=list)
    returned: dict[str | None, list[Fact]] = field(default_factory=dict)
    tenders: list[Fact] = field(default_factory=list)
    coupons: list[str] = field(default_factory=list)
    named: str = "member"
    owners: dict[str, str | None] = field(default_factory=dict)

    def pay(self, kind: str, amount: int, points: int | None = None) -> None:
        """Add a tender; one of a type that is there adds up, and change goes off it."""
        kind = folded_name(kind)
        for tender in self.tenders:
            if tender["type"] == kind and (points is None) == ("points" not in tender):
                tender["amount"] += amount
                if points is not None:
                    tender["points"] += points
                return
        tender = {"type": kind, "amount": amount}
        if points is not None:
            tender["points"] = points
        self.tenders.append(tender)

    def later(self, name: str, occurred_at: str) -> Basket:
        """An empty receipt of the same member in the same store, with an id after this one's."""
        return Basket(
            f"{self.id}-{name}", occurred_at, self.member, self.store, named=self.named
        )

    def bring_back(self, sale: str | None, line: Fact) -> None:
        """Add a line that comes back."""
        self.returned.setdefault(sale, []).append(line)

    def facts(self) -> Iterator[Fact | Skipped]:
        """The facts of the receipt, or why it is none.

        Goods sold and goods back of one named sale are an exchange. Goods of further sales,
        and those of no receipt, are returns of their own: ID~2, ID~3 and so on.
        """
        if not self.member and not self.owners:
            yield NO_MEMBER
            return
        if not self.lines and not self.returned:
            yield NO_GOODS
            return
        named = [sale for sale in self.returned if sale is not None]
        exchanged = named[0] if self.member and self.lines and len(named) == 1 else None
        if self.lines:
            yield self._sale(exchanged) if self.member else NO_MEMBER
        number = 1 if self.lines else 0
        for sale, lines in self.returned.items():
            if exchanged is not None and sale == exchanged:
                continue
            number += 1
            owner = self.member or self.owners.get(sale or "", "")
            if not owner:
                yield UNKNOWN_SALE if owner is None else NO_MEMBER
                continue
            fact_id = self.id if number == 1 else f"{self.id}~{number}"
            yield self._return(fact_id, owner, sale, lines)

    def _head(self, fact_id: str, kind: str, member: str) -> dict[str, Any]:
        head = {
            "id": fact_id, "kind": kind, "occurred_at": self.occurred_at, self.named: member,
        }  # fmt: skip
        for field_, name in (("store", self.store), ("terminal", self.terminal)):
            if name:
                head[field_] = folded_name(name)
        return head

    def _sale(self, exchanged: str | None) -> Fact:
        for place, line in enumerate(self.lines):
            if line["net"] < 0 < line["quantity"]:
                raise FormError("is below 0, and the quantity is not", f"lines[{place}].net")
        fact = self._head(self.id, "sale", self.member)
        if self.channel:
            fact["channel"] = folded_name(self.channel)
        fact["lines"] = self.lines
        paid = [tender for tender in self.tenders if tender["amount"] or "points" in tender]
        if paid:
            fact["tenders"] = paid
        if self.coupons:
            fact["coupons"] = list(map(folded_name, self.coupons))
        if exchanged is not None:
            fact["return"] = {"sale": exchanged, "lines": self.returned[exchanged]}
        return fact

    def _return(self, fact_id: str, member: str, sale: str | None, lines: list[Fact]) -> Fact:
        fact = self._head(fact_id, "return", member)
        if sale is not None:
            fact["sale"] = sale
        fact["lines"] = lines
        if self.reason:
            fact["reason"] = self.reason
        return fact


def spread(amount: int, weights: list[int]) -> list[int]:
    """An amount over lines in proportion to their weights, by largest remainder.

    Ties go to the earlier line. Raises FormError where nothing has a weight. An order-wide
    discount is spread before the fact is made (rulebook section 2).
    """
    total = sum(weights)
    if total <= 0:
        if amount:
            raise FormError("an amount of the whole order has no line to go to", "lines")
        return [0] * len(weights)
    size = abs(amount)
    shares = [size * weight // total for weight in weights]
    rests = [size * weight % total for weight in weights]
    for place in sorted(range(len(weights)), key=lambda p: (-rests[p], p))[: size - sum(shares)]:
        shares[place] += 1
    return [-share for share in shares] if amount < 0 else shares
