"""A basket to be quoted, as JSON: a sale of which id, member and instant may be left out."""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec

from vafa.native.wire import Sale

from ..columns.carrier import sale_of
from ..facts import SaleFact
from ..facts.parts import NAME_BYTES, NO_ID, us_instant
from ..wire.json_facts import MOST_FACT, check_long, read_strictly

NOBODY = "\x7f" * (NAME_BYTES + 1)
"""Member of a basket that has none: no member can have the name."""


_members = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_sale = msgspec.json.Decoder(SaleFact).decode
_NULL = msgspec.Raw(b"null")


class Basket(NamedTuple):
    """A basket in the engine's own form; whether it has a member, and an id of its own."""

    sale: Sale
    has_member: bool
    has_id: bool


def decode_basket(body: bytes, now: int) -> Basket:
    """The basket of a JSON object; without an instant it is of `now` (us).

    Raises FormError; its slug tells bad JSON from a bad basket.
    """
    if len(body) > MOST_FACT:
        check_long(body, lists=False)
    given: set[str] = set()

    def sale(text: bytes) -> SaleFact:
        # Values as they stand: only those of a sale are made into something.
        fields = {name: value for name, value in _members(text).items() if value != _NULL}
        given.update(name for name in ("id", "member", "card") if name in fields)
        return _sale(msgspec.json.encode(_whole(fields, now)))

    fact = read_strictly(body, sale)
    if "id" not in given:
        fact.id = NO_ID
    has_member = not given.isdisjoint(("member", "card"))
    if "member" not in given:
        # A card tells the member.
        fact.member = "" if has_member else NOBODY
    return Basket(sale_of(fact), has_member, "id" in given)


def _whole(fields: dict[str, msgspec.Raw], now: int) -> dict[str, Any]:
    """The fields of a sale: what may be left out filled in."""
    instead = {"id": "quote", "member": "nobody", "occurred_at": us_instant(now).isoformat()}
    whole: dict[str, Any] = {**instead, **fields}
    kind = whole.get("kind")
    if kind is None or msgspec.json.decode(kind) == "quote":
        whole["kind"] = "sale"
    return whole
