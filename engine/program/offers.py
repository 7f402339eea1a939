"""Offers of the program format: what a basket may have off, and what comes with it (section 8).

Amounts are in minor units, quantities in whole units. The lines of an offer are those that meet
its rule's line conditions; without one, all lines of the basket that are not excluded.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal

from msgspec import Meta

from .conditions import LineConditions, Minor, Name, Part, Rounding, Text, Worth

Units = Annotated[int, Meta(ge=1, le=10_000)]
Which = Literal["cheapest", "dearest", "each_line"]


class Percent(Part, frozen=True, kw_only=True, tag_field="kind", tag="percent"):
    """A part of its lines' amount off, or of so many units of them.

    With `of` it is off the lines that meet it, its own lines being what must be there.
    """

    percent: Decimal
    units: Units | None = None
    which: Which | None = None
    of: LineConditions | None = None
    round: Rounding = "floor"


class AmountOff(Part, frozen=True, kw_only=True, tag_field="kind", tag="amount"):
    """An amount off its lines together, or off each unit of them, or of so many.

    With `of` it is off the lines that meet it, its own lines being what must be there.
    """

    amount: Worth
    per_unit: bool = False
    units: Units | None = None
    which: Which | None = None
    of: LineConditions | None = None


class NForM(Part, frozen=True, kw_only=True, tag_field="kind", tag="n_for_m"):
    """Of every n units m are paid: the cheapest of all are free, or of each set."""

    n: Units
    m: Units
    each_set: bool = False
    times: Units | None = None


class NForPrice(Part, frozen=True, kw_only=True, tag_field="kind", tag="n_for_price"):
    """Every n units for a price, the dearest first."""

    n: Units
    price: Minor
    times: Units | None = None


class BuyGet(Part, frozen=True, kw_only=True, tag_field="kind", tag="buy_get"):
    """With every `buy` units `get` more at a percentage off, the cheapest.

    Those are of the same lines, or, with `of`, of other lines that meet it.
    """

    buy: Units
    get: Units
    percent: Decimal = Decimal(100)
    of: LineConditions | None = None
    each_set: bool = False
    times: Units | None = None
    round: Rounding = "floor"


class BundlePart(Part, frozen=True, kw_only=True):
    """So many units of lines that meet the conditions."""

    quantity: Units = 1
    when: LineConditions


class Bundle(Part, frozen=True, kw_only=True, tag_field="kind", tag="bundle"):
    """All parts together for a price, as often as they are there, the dearest first; a unit that
    several parts could have goes where all these sets can still be made."""

    part: Annotated[list[BundlePart], Meta(min_length=2, max_length=16)]
    price: Minor
    times: Units | None = None


class OfferBand(Part, frozen=True, kw_only=True, rename={"start": "from"}):
    """What is off from an amount, or from a number of units, on."""

    start: Worth
    percent: Decimal | None = None
    amount: Worth | None = None


Bands = Annotated[list[OfferBand], Meta(min_length=1, max_length=64)]


class SpendBands(Part, frozen=True, kw_only=True, tag_field="kind", tag="spend_bands"):
    """Off its lines by their amount before discounts: the highest band reached."""

    bands: Bands
    round: Rounding = "floor"


class VolumeBands(Part, frozen=True, kw_only=True, tag_field="kind", tag="volume_bands"):
    """Off its lines by their units: the highest band reached. An amount is off each unit."""

    bands: Bands
    round: Rounding = "floor"


class FreeItem(Part, frozen=True, kw_only=True, tag_field="kind", tag="free_item"):
    """Units of a product for nothing; what of them is in the basket is off."""

    sku: Text
    quantity: Units = 1


class FreeDelivery(Part, frozen=True, kw_only=True, tag_field="kind", tag="free_delivery"):
    """Delivery for nothing; with `of` the lines that meet it are off, excluded ones too."""

    of: LineConditions | None = None


class EarlyAccess(Part, frozen=True, kw_only=True, tag_field="kind", tag="early_access"):
    """What the member may have before others; takes nothing off."""

    to: Text


class Service(Part, frozen=True, kw_only=True, tag_field="kind", tag="service"):
    """A service that comes with the basket; takes nothing off."""

    name: Text


Benefit = (
    Percent | AmountOff | NForM | NForPrice | BuyGet | Bundle | SpendBands | VolumeBands
    | FreeItem | FreeDelivery | EarlyAccess | Service
)  # fmt: skip


class OfferLimits(Part, frozen=True, kw_only=True):
    """Most that an offer takes off, in minor units: of a basket, or for a member; `anniversary`:
    for one anniversary of its condition."""

    basket: Worth | None = None
    day: Worth | None = None
    week: Worth | None = None
    month: Worth | None = None
    quarter: Worth | None = None
    half: Worth | None = None
    year: Worth | None = None
    lifetime: Worth | None = None
    anniversary: Worth | None = None


class OfferGroup(Part, frozen=True, kw_only=True):
    """Offers that add up, of which the first that applies counts, or the one that is best, of all
    or line by line."""

    id: Name
    mode: Literal["stackable", "exclusive", "best", "best_of_line"]
