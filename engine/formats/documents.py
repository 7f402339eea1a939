"""JSON documents of orders: one, an array, a wrapped array, or one a line; typed and exact.

Decimals come exactly from strings and from numbers. Fields that a format has and a reader
does not ask for are passed over; what it asks for has its type or is named.
"""

from __future__ import annotations

import re
from codecs import BOM_UTF8
from collections.abc import Callable, Iterable, Iterator, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import BinaryIO, TypeVar

import msgspec

from ..checks.program_file import split_path
from ..facts.parts import FormError
from ..wire.json_facts import check_members
from .basket import Basket
from .figures import folded_name, scaled
from .found import Found, Skipped
from .members import member_of
from .settings import Settings
from .skus import goods_of, sku_of

MOST_DOCUMENT = 64 << 20
"""Bytes of one document, or of one line; larger exports are one order a line."""

MOST_EXPONENT = 20
"""Amounts are of fewer digits."""

DOUBTFUL_TEXT = 20_000
"""Characters of an order that a reject shows."""

CUT_OFF = "Input data was truncated"
_BYTE = re.compile(r"\(byte (\d+)\)$")

Order = TypeVar("Order")
Baskets = Callable[[Order], Iterable[Basket | Skipped]]
"""An order to its receipts: the sale, and the returns that it has had."""


def read_orders(
    stream: BinaryIO, kind: type[Order], wrappers: Sequence[str], baskets: Baskets[Order]
) -> Iterator[Found]:
    """The facts of a stream of orders. Raises FormError for one that cannot be read on."""
    decoder = msgspec.json.Decoder(kind, strict=False)
    for at, body in _items(stream, wrappers):
        yield from _facts_of(at, body, decoder, baskets)


def _facts_of(
    at: int | str, body: bytes, decoder: msgspec.json.Decoder[Order], baskets: Baskets[Order]
) -> Iterator[Found]:
    def raw() -> str:
        return body[:DOUBTFUL_TEXT].decode("utf-8", "backslashreplace")

    found: list[Found] = []
    try:
        order = _decoded(body, decoder)
        for basket in baskets(order):
            whats = [basket] if isinstance(basket, Skipped) else basket.facts()
            found += [Found(at, what, raw) for what in whats]
    except FormError as error:
        # An order is taken with all its returns or not at all.
        found = [Found(at, error, raw)]
    yield from found


def _decoded(body: bytes, decoder: msgspec.json.Decoder[Order]) -> Order:
    try:
        order = decoder.decode(body)
    except msgspec.ValidationError as error:
        raise FormError(*split_path(str(error))) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise FormError(str(error), slug="invalid-json") from None
    check_members(body, MOST_DOCUMENT)
    return order


def _items(stream: BinaryIO, wrappers: Sequence[str]) -> Iterator[tuple[int | str, bytes]]:
    """(place, JSON text) of each order. Raises FormError for a document that is cut off."""
    if stream.read(len(BOM_UTF8)) != BOM_UTF8:
        stream.seek(0)
    begin = stream.tell()
    line = stream.readline(MOST_DOCUMENT + 1)
    if line.strip() and _fault(line) is not None:
        # No document ends with its first line: it is one over many lines, or the line is bad.
        document = line + stream.read(MOST_DOCUMENT + 1 - len(line))
        if _is_one(document):
            yield from _unwrapped("$", document, wrappers)
            return
        stream.seek(begin)
        line = stream.readline(MOST_DOCUMENT + 1)
    number = 0
    while line:
        number += 1
        if len(line) > MOST_DOCUMENT:
            raise FormError(f"has a line of more than {MOST_DOCUMENT} bytes", slug="too-large")
        if not line.endswith(b"\n"):
            _refuse_cut(line, _fault(line))
        if line.strip():
            yield from _unwrapped(number, line, wrappers)
        line = stream.readline(MOST_DOCUMENT + 1)


def _is_one(text: bytes) -> bool:
    """Whether a text is one document, and not one a line of which the first is bad.

    Raises FormError for a document that is too large, cut off, or no JSON.
    """
    large = len(text) > MOST_DOCUMENT
    fault = None if large else _fault(text)
    if not large and fault is None:
        return True
    _refuse_cut(text, fault)
    lines = text.splitlines()
    if len(lines) == 1 or any(line.startswith(b"{") and _fault(line) is None for line in lines):
        return False
    if large:
        raise FormError(
            f"is a document of more than {MOST_DOCUMENT} bytes; write one order a line",
            slug="too-large",
        )
    raise FormError(str(fault), slug="invalid-json")


def _refuse_cut(text: bytes, fault: str | None) -> None:
    """Raise FormError where the end of a file lacks something, so that more should follow."""
    place = _BYTE.search(fault or "")
    if fault == CUT_OFF or (place is not None and int(place[1]) >= len(text)):
        raise FormError("ends in the middle of a document", slug="invalid-json")


def _fault(text: bytes) -> str | None:
    """Why a text is no JSON; None where it is."""
    try:
        msgspec.json.decode(text, type=msgspec.Raw)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        return str(error)
    return None


def _unwrapped(
    at: int | str, text: bytes, wrappers: Sequence[str]
) -> Iterator[tuple[int | str, bytes]]:
    """The orders of a document: of an array, or of the first member that wraps them."""
    try:
        document = _parts(text)
        if isinstance(document, dict):
            path = next((name for name in wrappers if name in document), None)
            if path is None:
                yield at, text
                return
            at, text = f"{at}.{path}", bytes(document[path])
            document = _parts(text)
            if isinstance(document, dict):
                yield at, text
                return
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        # What it is not is told where it is decoded as an order.
        yield at, text
        return
    for place, item in enumerate(document):
        yield f"{at}[{place}]", bytes(item)


def _parts(text: bytes) -> list[msgspec.Raw] | dict[str, msgspec.Raw]:
    parts: list[msgspec.Raw] | dict[str, msgspec.Raw] = msgspec.json.decode(
        text, type=list[msgspec.Raw] | dict[str, msgspec.Raw]
    )
    return parts


# -- figures -------------------------------------------------------------------------------


class Figures:
    """What readers of orders make of names and figures, as the settings tell."""

    def __init__(self, settings: Settings) -> None:
        assert settings.exponent is not None
        self.prefix = settings.prefix
        self.member = member_of(settings)
        self.named = settings.member_as
        self.sku = sku_of(settings)
        self._exponent = settings.exponent
        self._currency = settings.currency
        self._rounding = settings.quantity_rounding
        self._tenders = {folded_name(kind): name for kind, name in settings.tenders.items()}
        self._goods = goods_of(settings)

    def amount(self, value: Decimal, path: str) -> int:
        """Minor units of a decimal, exactly. Raises FormError."""
        _check_finite(value, path)
        return scaled(value, self._exponent, path)

    def exact(self, value: Decimal, path: str) -> Fraction:
        """Minor units of a decimal that may have a fraction of one. Raises FormError."""
        _check_finite(value, path)
        if not -MOST_EXPONENT < value.adjusted() < MOST_EXPONENT:
            raise FormError(f"{value} is beyond all bounds", path)
        return Fraction(value) * Fraction(10) ** self._exponent

    def quantity(self, value: Decimal, path: str) -> int:
        """Thousandths of a quantity. Raises FormError."""
        _check_finite(value, path)
        return scaled(value, 3, path, self._rounding)

    def goods(self, sku: str) -> bool:
        """Whether a sku is of goods."""
        return self._goods(self.sku(sku))

    def tender(self, kind: str, common: str) -> str:
        """The program's name of a tender: the shop's own, else what it commonly is."""
        return self._tenders.get(folded_name(kind), common)

    def check_currency(self, currency: str | None, path: str) -> None:
        """Raise FormError for another currency than the ledger's."""
        if currency is not None and currency != self._currency:
            raise FormError(f"is {currency}, and the ledger counts in {self._currency}", path)


def _check_finite(value: Decimal, path: str) -> None:
    if not value.is_finite():
        raise FormError(f"{value} is no figure", path)

