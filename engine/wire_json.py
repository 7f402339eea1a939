"""Facts as JSON: typed, strict, bounded; what is wrong is named with its place.

The common form of a sale is read natively; everything else, and every error, comes from
the strict decoder.
"""

from __future__ import annotations

import msgspec

from vafa.native.jsonkeys import duplicate_key
from vafa.native.wire import Sale, parse_sale

from .facts import (
    ID_BYTES,
    NAME_BYTES,
    CatalogFact,
    FormError,
    SaleFact,
    WireFact,
    instant_us,
    json_decoder,
    net_lines,
)
from .program_file import split_path


def decode_fact(body: bytes) -> Sale | CatalogFact:
    """One JSON fact. Raises FormError; its slug tells bad JSON from a bad fact."""
    return parse_sale(body) or decode_strictly(body)


def decode_strictly(body: bytes) -> Sale | CatalogFact:
    """As `decode_fact`, always by the strict decoder."""
    try:
        fact: WireFact = json_decoder.decode(body)
    except msgspec.ValidationError as error:
        message, path = split_path(str(error))
        raise FormError(message, path) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise FormError(str(error), slug="invalid-json") from None
    try:
        twice = duplicate_key(body)
    except ValueError as error:
        raise FormError(str(error), slug="invalid-json") from None
    if twice is not None:
        name = twice.decode(errors="replace")
        raise FormError(f"the member {name!r} is there twice", slug="duplicate-member")
    _check_name(fact.id, "id", ID_BYTES)
    if isinstance(fact, SaleFact):
        return _sale(fact)
    instant_us(fact.occurred_at)
    for place, item in enumerate(fact.products):
        for name in ("sku", "brand", "department", "category", "supplier"):
            value = getattr(item, name)
            if value is not None:
                most = 4 * NAME_BYTES if name == "category" else NAME_BYTES
                _check_name(value, f"products[{place}].{name}", most)
    return fact


def _sale(fact: SaleFact) -> Sale:
    _check_name(fact.member, "member", NAME_BYTES)
    _check_name(fact.store, "store", NAME_BYTES)
    _check_name(fact.terminal, "terminal", NAME_BYTES)
    for place, line in enumerate(fact.lines):
        _check_name(line.sku, f"lines[{place}].sku", NAME_BYTES)
    for place, tender in enumerate(fact.tenders):
        _check_name(tender.type, f"tenders[{place}].type", NAME_BYTES)
    return sale_of(fact)


def sale_of(fact: SaleFact) -> Sale:
    """A sale in the engine's own form: instants in us, voids netted. Raises FormError."""
    lines = net_lines(fact.lines)
    return Sale.of(
        fact.id,
        instant_us(fact.occurred_at),
        fact.member,
        fact.store,
        fact.terminal,
        [(line.line or 0, line.sku, line.quantity, line.net) for line in lines],
        [(tender.type, tender.amount) for tender in fact.tenders],
    )


def _check_name(name: str, path: str, most: int) -> None:
    """Names are bounded in bytes; escapes can smuggle in what JSON itself refuses."""
    try:
        size = len(name) if name.isascii() else len(name.encode())
    except UnicodeEncodeError:
        raise FormError("has half a surrogate pair", path) from None
    if size > most:
        raise FormError(f"is longer than {most} bytes", path)
    if any(letter < " " for letter in name):
        raise FormError("has a control character", path)
