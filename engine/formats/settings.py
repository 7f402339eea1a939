"""The mapping file: what a shop tells of its files, as types (`mapping_file.py` reads it).

A TOML file that names its `format` and says what only the shop knows: columns, zone, units,
names of tenders. What it leaves out is of the ledger's own program: zone, currency, exponent.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from .figures import Rounding
from .instants import Calendar

Text = Annotated[str, Meta(min_length=1, max_length=200)]
Mark = Annotated[str, Meta(min_length=1, max_length=1)]
Exponent = Annotated[int, Meta(ge=-6, le=9)]
RowKind = Literal["sale", "return", "skip"]


class InStore(Struct, forbid_unknown_fields=True, frozen=True):
    """In-store codes that carry a weight or a price: only the first `keep` digits are the sku.

    A code is one when it has 13 digits, begins with `prefix` and has a right check digit.
    """

    prefix: Annotated[str, Meta(pattern=r"^[0-9]{1,6}(?!\n)$")]
    keep: Annotated[int, Meta(ge=2, le=12)] = 7


class Settings(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """What every format may be told.

    `exponent`: an amount of 1 in the file is 10^exponent minor units: 2 for dollars in cents,
    1 for tomans in rials. `prefix` stands before every id. Lines of the skus `not_goods` (gift
    cards sold, deposits, charges) are left out. `member_as`: whether the file names members or
    their cards. With `member_key_file` it is a keyed hash of what the file has.
    """

    currency: Annotated[str, Meta(pattern=r"^[A-Z]{3}(?!\n)$")] | None = None
    exponent: Exponent | None = None
    zone: str | None = None
    prefix: Annotated[str, Meta(max_length=32)] = ""
    tenders: dict[Text, Text] = {}
    in_store: list[InStore] = []
    not_goods: list[Text] = []
    quantity_rounding: Rounding = "refuse"
    member_as: Literal["member", "card"] = "member"
    member_key_file: Text | None = None


# -- tables -------------------------------------------------------------------------------


class Column(Struct, forbid_unknown_fields=True, frozen=True):
    """A column; `digits`: zeros that a spreadsheet has dropped are put before figures again."""

    column: Text
    digits: Annotated[int, Meta(ge=1, le=32)] | None = None


class Columns(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """Which column has what. `occurred_at` may be of several, joined by a space.

    Without `net` it is gross less discount. `tax` is a part of net that goes off it.
    """

    occurred_at: Text | list[Text]
    member: Text | Column
    sku: Text | Column
    quantity: Text | None = None
    net: Text | None = None
    gross: Text | None = None
    discount: Text | None = None
    tax: Text | None = None
    cost: Text | None = None
    line: Text | None = None
    voids: Text | None = None
    store: Text | Column | None = None
    terminal: Text | Column | None = None
    channel: Text | None = None
    coupon: Text | None = None
    kind: Text | None = None
    returned_line: Text | None = None
    reason: Text | None = None
    tender_type: Text | None = None
    tender_amount: Text | None = None
    tender_points: Text | None = None


class Fixed(Struct, forbid_unknown_fields=True, frozen=True):
    """What every receipt of the file has."""

    store: Text | None = None
    terminal: Text | None = None
    channel: Text | None = None


class Rows(Struct, forbid_unknown_fields=True, frozen=True):
    """A column that tells rows apart: heads of receipts, lines, tenders."""

    column: Text
    line: list[Text]
    head: list[Text] = []
    tender: list[Text] = []


class Paid(Struct, forbid_unknown_fields=True, frozen=True):
    """Columns of one tender's amount, and of the points that it took."""

    amount: Text
    points: Text | None = None


class Table(Settings, kw_only=True, frozen=True):
    """What a table may be told beside.

    Rows that agree in `key` and stand together are one receipt. `id` and `returned_sale` are
    templates with columns in braces; `id` is the key joined by `-` unless given.
    """

    columns: Columns
    key: Annotated[list[Text], Meta(min_length=1, max_length=10)]
    id: Text | None = None
    returned_sale: Text | None = None
    times: Text = "iso"
    calendar: Calendar = "gregorian"
    thousands: Annotated[str, Meta(max_length=1)] = ""
    decimal: Mark = "."
    unit: Annotated[str, Meta(pattern=r"^[0-9]{1,6}(\.[0-9]{1,6})?(?!\n)$")] = "1"
    fixed: Fixed = Fixed()
    kinds: dict[Text, RowKind] = {}
    rows: Rows | None = None
    paid: dict[Text, Text | Paid] = {}


class CsvTable(Table, tag="csv", tag_field="format", kw_only=True, frozen=True):
    """Text with a delimiter; the first line that is not skipped names the columns."""

    delimiter: Mark = ","
    quote: Mark = '"'
    encoding: Text = "utf-8-sig"
    skip: Annotated[int, Meta(ge=0, le=1000)] = 0


class ParquetTable(Table, tag="parquet", tag_field="format", kw_only=True, frozen=True):
    """A Parquet file of lines."""


class XlsxTable(Table, tag="xlsx", tag_field="format", kw_only=True, frozen=True):
    """A sheet of a workbook: the first unless it is named."""

    sheet: Text | None = None
    skip: Annotated[int, Meta(ge=0, le=1000)] = 0


# -- documents ------------------------------------------------------------------------------


class PoslogFile(Settings, tag="poslog", tag_field="format", kw_only=True, frozen=True):
    """ARTS POSLog XML 2.2 to 6.

    `extended`: whether an ExtendedAmount is after or before the line's price modifiers, on
    which vendors differ. `customers`: a Customer without a LoyaltyAccount is a member too.
    """

    extended: Literal["after_discount", "before_discount"] = "after_discount"
    customers: bool = False


class MoadianFile(Settings, tag="moadian", tag_field="format", kw_only=True, frozen=True):
    """Invoices of Iran's tax system.

    `member`: the field of the header that names the buyer. `patterns`: which invoices are sales
    of a shop: 1 sale, 2 currency, 3 gold and jewels, 4 contract, 5 bill, 6 ticket, 7 export.
    """

    member: Literal["bid", "tinb", "bpn"] = "bid"
    patterns: tuple[Annotated[int, Meta(ge=1, le=20)], ...] = (1, 3)


class SquareFile(Settings, tag="square", tag_field="format", kw_only=True, frozen=True):
    """Orders of Square."""


class ShopifyFile(Settings, tag="shopify", tag_field="format", kw_only=True, frozen=True):
    """Orders of Shopify, as its REST API has them."""


class ToastFile(Settings, tag="toast", tag_field="format", kw_only=True, frozen=True):
    """Orders of Toast; they do not name their restaurant, so `store` does."""

    store: Text | None = None


class LightspeedFile(Settings, tag="lightspeed", tag_field="format", kw_only=True, frozen=True):
    """Sales of Lightspeed Retail, X-Series."""


Mapping = (
    CsvTable | ParquetTable | XlsxTable | PoslogFile | MoadianFile | SquareFile | ShopifyFile
    | ToastFile | LightspeedFile
)  # fmt: skip
