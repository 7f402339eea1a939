"""Printed coupons of the program format: codes of their own that serve so often (section 8)."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

from msgspec import Meta

from .conditions import Name, Part, Text, Worth


class CouponConditions(Part, frozen=True, kw_only=True):
    """Where a code may be presented: every given field must hold, any listed value serves.

    `min_basket` is of the net of all lines; `member` asks for a sale of a member's.
    """

    store: list[Text] | None = None
    region: list[Text] | None = None
    format: list[Text] | None = None
    channel: list[Text] | None = None
    min_basket: Worth | None = None
    member: bool = False


class Coupon(Part, frozen=True, kw_only=True, rename={"first": "from", "last": "to"}):
    """A coupon of which every piece has a code of its own, which facts bring.

    A code serves `uses` times, on business dates `from` and `to` and between them; `per_member`
    are the uses of all its codes that one member has. Rules see the `id` where a code serves.
    """

    id: Name
    title: Annotated[str, Meta(max_length=200)] = ""
    first: dt.date | None = None
    last: dt.date | None = None
    uses: Annotated[int, Meta(ge=1, le=1_000_000)] = 1
    per_member: Annotated[int, Meta(ge=1, le=1_000_000)] | None = None
    when: CouponConditions = CouponConditions()
