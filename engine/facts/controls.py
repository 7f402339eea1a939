"""Facts of no member: products, stores, programs, closed days, profit shares."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Literal

from msgspec import Meta, Struct

from .parts import Expires, Id, Instant, Name, Spent


class ProductFact(Struct, forbid_unknown_fields=True):
    """Attributes of a product; a category is a path with `/`, most general part first.

    `weighed`: a line of it counts as one unit for "per N units".
    """

    sku: Name
    brand: Name | None = None
    department: Name | None = None
    category: Annotated[str, Meta(min_length=1, max_length=200)] | None = None
    supplier: Name | None = None
    price_class: Name | None = None
    on_promotion: bool | None = None
    labels: Annotated[list[Name], Meta(max_length=32)] = []
    weighed: bool = False


class CatalogFact(Struct, forbid_unknown_fields=True, tag_field="kind", tag="catalog"):
    """Products and their attributes from `occurred_at` on."""

    id: Id
    occurred_at: Instant
    products: Annotated[list[ProductFact], Meta(min_length=1, max_length=100_000)]


class StoreAttributes(Struct, forbid_unknown_fields=True):
    """What is known of a store."""

    store: Name
    region: Name | None = None
    format: Name | None = None


class StoreFact(Struct, forbid_unknown_fields=True, tag_field="kind", tag="store"):
    """Stores and their attributes from `occurred_at` on."""

    id: Id
    occurred_at: Instant
    stores: Annotated[list[StoreAttributes], Meta(min_length=1, max_length=100_000)]


class PublishFact(Struct, forbid_unknown_fields=True, tag_field="kind", tag="program publish"):
    """A program in force from `occurred_at` on; `program` is the text of its file.

    `holidays` are the dates of the holiday calendars that it names, as they are known now:
    they are kept in the journal, since lunar dates are confirmed late.
    """

    id: Id
    occurred_at: Instant
    program: Annotated[str, Meta(min_length=1, max_length=1_000_000)]
    holidays: dict[str, list[dt.date]] = {}


class DayClosedFact(Struct, forbid_unknown_fields=True, tag_field="kind", tag="day closed"):
    """A business date is over: expiries are written, bonuses on anniversaries given."""

    id: Id
    occurred_at: Instant
    date: dt.date


class ProfitShareFact(
    Struct, forbid_unknown_fields=True, tag_field="kind", tag="profit share",
    rename={"since": "from", "until": "to"},
):  # fmt: skip
    """A pool of points for members, by what each has bought or earned from one business date
    through another. `expires` as of an adjust. Of the pool `causes` get so many thousandths."""

    id: Id
    occurred_at: Instant
    since: dt.date
    until: dt.date
    currency: Name
    points: Spent
    weight: Literal["spend", "points"] = "spend"
    expires: Expires | None = None
    causes: Annotated[dict[Name, Annotated[int, Meta(ge=1, le=1000)]], Meta(max_length=1000)] = {}


class RewardStockFact(Struct, forbid_unknown_fields=True, tag_field="kind", tag="reward stock"):
    """More of a reward: so many `pieces` (below 0: fewer), or `items` with codes of their own."""

    id: Id
    occurred_at: Instant
    reward: Name
    pieces: Annotated[int, Meta(ge=-(10**9), le=10**9)] = 0
    items: Annotated[list[Name], Meta(max_length=100_000)] = []
