"""One retail transaction of a POSLog as a receipt."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from typing import Any

from ..facts.parts import FormError
from .basket import Basket, spread
from .figures import ascii_digits, decimal_of, folded_name, scaled
from .found import Fact
from .instants import iso_instant, zone_of
from .members import member_of
from .poslog_parts import attribute, child, children, figure, flag, local, text_at
from .settings import PoslogFile
from .skus import goods_of, sku_of

SALES = ("Sale", "SaleForDelivery", "SaleForPickup")
RETURNS = ("Return", "ReturnForDelivery")
STORED_VALUE = ("giftcertificate", "giftcard", "storedvalue", "storedvaluefund", "voucher")
"""Kinds of items that are money and not goods."""

TENDERS = {
    "cash": "cash", "creditdebit": "card", "credit": "card", "debit": "card", "check": "cheque",
    "giftcertificate": "gift_card", "giftcard": "gift_card", "storedvalue": "gift_card",
    "loyalty": "points", "loyaltypoints": "points",
}  # fmt: skip
PIECES = ("", "ea", "each", "pce", "pcs", "unit", "st", "h87")
"""Codes of units that are counted and not weighed."""

MEMBERS = ("LoyaltyAccountID", "LoyaltyID", "LoyaltyCardID", "CustomerID")
"""Where in a LoyaltyAccount the member stands, the best first; in its parts after itself."""


class Reading:
    """Reads transactions with the settings of a shop."""

    def __init__(self, settings: PoslogFile) -> None:
        assert settings.exponent is not None
        assert settings.zone is not None
        self._settings = settings
        self._exponent = settings.exponent
        self._zone = zone_of(settings.zone)
        self._member = member_of(settings)
        self._sku = sku_of(settings)
        self._goods = goods_of(settings)
        self._tenders = {folded_name(kind): name for kind, name in settings.tenders.items()}

    def basket(self, transaction: Any, retail: Any, *, post_void: bool) -> Basket:
        """The receipt of a transaction; one that undoes another brings all of it back."""
        store = text_at(transaction, "BusinessUnit", "UnitID") or text_at(
            transaction, "RetailStoreID"
        )
        terminal = text_at(transaction, "WorkstationID")
        when = text_at(transaction, "EndDateTime") or text_at(transaction, "BeginDateTime")
        if not when:
            raise FormError("neither EndDateTime nor BeginDateTime is there", "EndDateTime")
        day = text_at(transaction, "BusinessDayDate") or when[:10]
        sequence = text_at(transaction, "SequenceNumber")
        basket = Basket(
            id=self._id(store, terminal, day, sequence), occurred_at=iso_instant(when, self._zone),
            member=self._member(self._member_name(retail)), store=store, terminal=terminal,
            named=self._settings.member_as,
        )  # fmt: skip
        self._check_currency(text_at(transaction, "CurrencyCode"), "CurrencyCode")
        lines = _Lines(self, basket, store, terminal, day)
        for place, item in enumerate(children(retail, "LineItem"), 1):
            lines.take(item, place)
        lines.spread_discount()
        if post_void:
            undone = child(retail, "TransactionLink")
            if undone is None:
                undone = child(transaction, "TransactionLink")
            if undone is None:
                raise FormError("undoes a transaction that it does not name", "TransactionLink")
            lines.undo(self.linked(undone, store, terminal, day))
        return basket

    def _id(self, store: str, terminal: str, day: str, sequence: str) -> str:
        if not sequence:
            raise FormError("is not there", "SequenceNumber")
        return f"{self._settings.prefix}{store}-{terminal}-{day}-{sequence}"

    def linked(self, link: Any, store: str, terminal: str, day: str) -> str:
        """The id of the transaction that a link names; what it leaves out is as in its own."""
        return self._id(
            text_at(link, "BusinessUnit", "UnitID") or text_at(link, "RetailStoreID") or store,
            text_at(link, "WorkstationID") or terminal,
            text_at(link, "BusinessDayDate") or day,
            text_at(link, "SequenceNumber"),
        )

    def _member_name(self, retail: Any) -> str:
        accounts = list(children(retail, "LoyaltyAccount"))
        if not accounts and self._settings.customers:
            accounts = list(children(retail, "Customer"))
        # In the programs of an account other ids stand, which may be of the program.
        for parts in (list, lambda account: list(account.iter())):
            for account in accounts:
                found = {local(part): ascii_digits(part.text or "") for part in parts(account)}
                for name in MEMBERS:
                    if found.get(name):
                        return found[name]
        return ""

    def _check_currency(self, currency: str, path: str) -> None:
        if currency and currency != self._settings.currency:
            raise FormError(
                f"is {currency}, and the ledger counts in {self._settings.currency}", path
            )

    def amount(self, element: Any | None, path: str) -> int | None:
        """Minor units of an amount, exactly; None where there is none."""
        value = figure(element, path)
        if element is None or value is None:
            return None
        self._check_currency(attribute(element, "Currency"), f"{path}.Currency")
        return scaled(value, self._exponent, path)

    def quantity(self, item: Any, path: str) -> int:
        """Thousandths: the count, or of weighed goods the Units; 1 where nothing tells."""
        found = child(item, "Quantity")
        value = figure(found, f"{path}.Quantity")
        if found is not None and attribute(found, "UnitOfMeasureCode").lower() not in PIECES:
            weighed = attribute(found, "Units")
            if weighed:
                value = decimal_attribute(weighed, f"{path}.Quantity.Units", value)
        rounding = self._settings.quantity_rounding
        return scaled(Decimal(1) if value is None else value, 3, path, rounding)

    def line(self, item: Any, number: int, path: str) -> Fact:
        """A line: sku, quantity, net with tax apart, discount."""
        net = self.amount(child(item, "ExtendedAmount"), f"{path}.ExtendedAmount")
        quantity = self.quantity(item, path)
        if net is None:
            raise FormError("is not there", f"{path}.ExtendedAmount")
        discount = self._discount(item, path)
        if self._settings.extended == "before_discount":
            net -= discount
        included = flag(item, "TaxIncludedInPriceFlag")
        net -= sum(
            self.amount(child(tax, "Amount"), f"{path}.Tax.Amount") or 0
            for tax in children(item, "Tax") if included or _is_included(tax)
        )
        line: Fact = {
            "sku": self._sku(_code(item)), "line": number, "quantity": quantity, "net": net,
        }  # fmt: skip
        if discount:
            line["discount"] = discount
        return line

    def _discount(self, item: Any, path: str) -> int:
        """What price modifiers took off, less what they added; a new price is no discount."""
        total = 0
        for part in children(item, "RetailPriceModifier"):
            if flag(part, "VoidFlag"):
                continue
            found = child(part, "Amount")
            amount = self.amount(found, f"{path}.RetailPriceModifier.Amount") or 0
            action = attribute(found, "Action").lower() if found is not None else ""
            if action in ("", "subtract"):
                total += abs(amount)
            elif action == "add":
                total -= abs(amount)
        return total

    def goods(self, item: Any) -> bool:
        """Whether an item is goods: a gift card that is sold is money."""
        kinds = {attribute(item, name).lower() for name in ("ItemType", "ItemSubType")}
        return kinds.isdisjoint(STORED_VALUE) and self._goods(self._sku(_code(item)))

    def tender(self, part: Any, path: str) -> tuple[str, int, int | None]:
        """(type, amount, points) of a tender, its change taken off."""
        kind = attribute(part, "TenderType") or text_at(part, "TenderID")
        amount = self.amount(child(part, "Amount"), f"{path}.Amount") or 0
        change = child(part, "TenderChange")
        if change is not None:
            amount -= abs(self.amount(child(change, "Amount"), f"{path}.TenderChange") or 0)
        if attribute(part, "TypeCode").lower() in ("refund", "change"):
            amount = -abs(amount)
        points = next(
            (figure(found, f"{path}.PointsRedeemed") for found in part.iter()
             if local(found) == "PointsRedeemed"), None,
        )  # fmt: skip
        name = self._tenders.get(folded_name(kind), TENDERS.get(kind.lower(), kind.lower()))
        taken = None if points is None else scaled(points, 0, f"{path}.PointsRedeemed")
        return name, amount, taken


def _is_included(tax: Any) -> bool:
    """Whether what a tax is taken of has it in it."""
    taxed = child(tax, "TaxableAmount")
    return taxed is not None and flag(taxed, "TaxIncludedInTaxableAmountFlag")


def _code(item: Any) -> str:
    """What an item's product is called."""
    return text_at(item, "ItemID") or text_at(item, "POSIdentity", "POSItemID")


def decimal_attribute(text: str, path: str, count: Decimal | None) -> Decimal:
    """The Units of a weighed line; their sign is that of the count. Raises FormError."""
    value = decimal_of(text, path)
    return -abs(value) if count is not None and count < 0 else value


class _Lines:
    """The line items of one transaction, as they come."""

    def __init__(
        self, reading: Reading, basket: Basket, store: str, terminal: str, day: str
    ) -> None:
        self._reading = reading
        self._basket = basket
        self._own = store, terminal, day
        self._dropped: Counter[str] = Counter()
        self._dropped_numbers: set[int] = set()
        self._discount = 0

    def take(self, item: Any, place: int) -> None:
        """Add one line item."""
        reading, basket = self._reading, self._basket
        text = text_at(item, "SequenceNumber")
        number = int(text) if text.isdecimal() and 0 < len(text) <= 6 and int(text) else place
        voided = flag(item, "VoidFlag") or flag(item, "CancelFlag")
        for part in item:
            name = local(part)
            path = f"LineItem[{place}].{name}"
            if name in SALES and reading.goods(part):
                self._sale(reading.line(part, number, path), voided, part)
            elif name in RETURNS and reading.goods(part) and not voided:
                self._return(part, number, path)
            elif name == "Tender" and not voided:
                basket.pay(*reading.tender(part, path))
            elif name == "Discount" and not voided:
                amount = reading.amount(child(part, "Amount"), f"{path}.Amount")
                self._discount += abs(amount or 0)

    def _sale(self, line: Fact, voided: bool, part: Any) -> None:
        """A line that is sold. A flag says that it was voided; one below 0 voids another.

        Tills do one or the other, or both: then the line that voids finds its line gone.
        """
        below = line["quantity"] < 0 or line["net"] < 0
        if voided and not below:
            self._dropped[line["sku"]] += 1
            self._dropped_numbers.add(line["line"])
            return
        if below:
            link = child(part, "ItemLink")
            named = text_at(link, "SequenceNumber") if link is not None else ""
            if named.isdecimal() and int(named) in self._dropped_numbers:
                return
            if not named and self._dropped[line["sku"]]:
                self._dropped[line["sku"]] -= 1
                return
            line.pop("discount", None)
            if named.isdecimal():
                line["voids"] = int(named)
        self._basket.lines.append(line)

    def _return(self, part: Any, number: int, path: str) -> None:
        line = self._reading.line(part, number, path)
        back: Fact = {"quantity": abs(line["quantity"]), "net": abs(line["net"])}
        link = child(part, "TransactionLink")
        if link is None or not text_at(link, "SequenceNumber"):
            self._basket.bring_back(None, {"sku": line["sku"], **back})
            return
        named = text_at(link, "LineItemSequenceNumber")
        which = {"line": int(named)} if named.isdecimal() else {"sku": line["sku"]}
        self._basket.bring_back(self._reading.linked(link, *self._own), {**which, **back})

    def spread_discount(self) -> None:
        """A discount of the whole order goes to the lines in proportion (section 2)."""
        if not self._discount:
            return
        basket = self._basket
        back = [line for lines in basket.returned.values() for line in lines]
        # Where nothing is sold it was a discount of what comes back.
        lines = basket.lines or back
        shares = spread(self._discount, [max(0, line["net"]) for line in lines])
        for line, share in zip(lines, shares, strict=True):
            line["net"] -= share
            if share and basket.lines:
                line["discount"] = line.get("discount", 0) + share

    def undo(self, sale: str) -> None:
        """All lines come back to the sale that is undone."""
        basket = self._basket
        lines, basket.lines, basket.tenders = basket.lines, [], []
        for line in lines:
            basket.bring_back(sale, {
                "line": line["line"], "quantity": abs(line["quantity"]), "net": abs(line["net"]),
            })  # fmt: skip
