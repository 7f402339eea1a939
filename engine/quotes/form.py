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
        fields = msgspec.json.decode(text)
        if isinstance(fields, dict):
            given.update(
                name for name in ("id", "member", "card") if fields.get(name) is not None
            )
            fields = _whole(fields, now)
        return msgspec.convert(fields, SaleFact)

    fact = read_strictly(body, sale)
    if "id" not in given:
        fact.id = NO_ID
    has_member = not given.isdisjoint(("member", "card"))
    if "member" not in given:
        # A card tells the member.
        fact.member = "" if has_member else NOBODY
    return Basket(sale_of(fact), has_member, "id" in given)


def _whole(fields: dict[str, Any], now: int) -> dict[str, Any]:
    """The fields of a sale: what may be left out filled in."""
    whole = dict(fields)
    instead = {"id": "quote", "member": "nobody", "occurred_at": us_instant(now).isoformat()}
    for name, value in instead.items():
        if whole.get(name) is None:
            whole[name] = value
    if whole.get("kind", "quote") == "quote":
        whole["kind"] = "sale"
    return whole
