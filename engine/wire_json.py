"""One JSON fact of the wire to a checked fact: the door for NDJSON files and HTTP bodies alike.

>>> decode_fact(b'{"kind": "sale"}')
Traceback (most recent call last):
vafa.engine.facts.FormError: Object missing required field `id`
"""

from __future__ import annotations

import msgspec

from vafa.native.jsonkeys import duplicate_key

from .facts import FormError, SaleFact, WireFact, json_decoder
from .intake import check_sale
from .program_file import split_path


def decode_fact(body: bytes) -> WireFact:
    """The fact of one JSON text, checked in full, voids netted.

    Raises FormError with the slug invalid-json, duplicate-member or invalid-fact, and the
    path of the field.
    """
    try:
        fact = json_decoder.decode(body)
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
        raise FormError(f"the member {twice.decode()!r} is there twice", slug="duplicate-member")
    if b"\\" in body:
        _no_controls(fact)
    return check_sale(fact) if isinstance(fact, SaleFact) else fact


def _no_controls(fact: WireFact) -> None:
    """Escapes can smuggle control characters into names; nothing else in JSON can."""
    names: dict[str, str | None] = {"id": fact.id}
    if isinstance(fact, SaleFact):
        names |= {"member": fact.member, "store": fact.store, "terminal": fact.terminal}
        names |= {f"lines[{i}].sku": line.sku for i, line in enumerate(fact.lines)}
        names |= {f"tenders[{i}].type": paid.type for i, paid in enumerate(fact.tenders)}
    else:
        for i, item in enumerate(fact.products):
            names |= {
                f"products[{i}].{name}": getattr(item, name) for name in item.__struct_fields__
            }
    for path, text in names.items():
        if text is None:
            continue
        if any(ord(letter) < 32 or 0x7F <= ord(letter) < 0xA0 for letter in text):
            raise FormError("has a control character", path)
        try:
            text.encode()
        except UnicodeEncodeError:
            raise FormError("has half a surrogate pair", path) from None
