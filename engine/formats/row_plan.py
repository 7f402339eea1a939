"""A mapping over the columns of one table: what each row says, by the places of its cells."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from operator import itemgetter
from typing import Any, Literal

from ..facts.parts import FormError
from .cells import cell_decimal, cell_name, cell_text, moment_of, scaled_cell
from .figures import folded_name, scaled
from .found import Fact
from .instants import reader_of, zone_of
from .members import member_of
from .settings import Column, Columns, Paid, RowKind, Table
from .skus import goods_of, sku_of
from .templates import format_of, parts_of

Row = Sequence[Any]
ReadText = Callable[[Row], str]
RowPart = Literal["head", "line", "tender"]

THOUSANDTHS = 3
"""Decimal places of a quantity."""


class Plan:
    """Readers of cells; each raises FormError with the field and column that is wrong."""

    def __init__(self, settings: Table, names: Sequence[str]) -> None:
        """`settings` is complete. Raises FormError for a column that is missing."""
        self.names = [folded_name(name) for name in names]
        self.used: set[int] = set()
        """Places of the columns that the mapping names."""
        self._settings = settings
        self.named = settings.member_as
        assert settings.exponent is not None
        assert settings.zone is not None
        self._exponent = settings.exponent
        columns = settings.columns
        self.key_names = settings.key
        self.key = _cells_at([self._place(name, "key") for name in settings.key])
        """What rows of one receipt have in common."""
        self._id = self._template(settings.id)
        self._returned_sale = self._template(settings.returned_sale)
        times = columns.occurred_at
        names_of_times = [times] if isinstance(times, str) else times
        times_at = [self._place(name, "occurred_at") for name in names_of_times]
        self.moment_cells = _cells_at(times_at)
        """The cells that tell when."""
        zone = zone_of(settings.zone)
        self._moment = moment_of(reader_of(settings.times, settings.calendar, zone), zone)
        member, sku = member_of(settings), sku_of(settings)
        read_member = self._text(columns.member, "member")
        heads_at = [self._at(columns.member), *times_at]
        self.heads: list[tuple[str, ReadText]] = [("member", lambda row: member(read_member(row)))]
        for field in ("store", "terminal", "channel", "reason"):
            column = getattr(columns, field)
            fixed = getattr(settings.fixed, field, None)
            if column is not None:
                heads_at.append(self._at(column))
                self.heads.append((field, self._text(column, field)))
            elif fixed is not None:
                self.heads.append((field, _always(fixed)))
        self.head_cells = _cells_at(heads_at)
        """All cells that are of the whole receipt."""
        read_sku = self._text(columns.sku, "sku")
        self._sku: ReadText = lambda row: sku(read_sku(row))
        self.goods = goods_of(settings)
        self._line_figures = self._figures(columns)
        self._unit = Decimal(settings.unit)
        self._kind_place = self._optional(columns.kind, "kind")
        self._kinds: dict[str, RowKind] = {
            folded_name(word): kind for word, kind in settings.kinds.items()
        }
        self._coupon_place = self._optional(columns.coupon, "coupon")
        self.has_coupons = self._coupon_place is not None
        self._tender = [
            self._optional(getattr(columns, field), field)
            for field in ("tender_type", "tender_amount", "tender_points")
        ]
        self._tender_names = {folded_name(k): v for k, v in settings.tenders.items()}
        self.paid = [
            (kind, self._place(paid.amount, "paid"), self._optional(paid.points, "paid"))
            for kind, paid in (
                (kind, paid if isinstance(paid, Paid) else Paid(paid))
                for kind, paid in settings.paid.items()
            )
        ]
        self._row_words = _row_words(settings)
        self._row_place = (
            None if settings.rows is None else self._place(settings.rows.column, "rows.column")
        )

    # -- places -----------------------------------------------------------------------------

    def _place(self, name: str, path: str) -> int:
        plain = folded_name(name)
        found = self.names.count(plain)
        if found != 1:
            how = "is not there" if not found else "is there twice"
            raise FormError(f"the column {name!r} {how}", path)
        place = self.names.index(plain)
        self.used.add(place)
        return place

    def _optional(self, name: str | None, path: str) -> int | None:
        return None if name is None else self._place(name, path)

    def _template(self, template: str | None) -> tuple[str, list[int]] | None:
        if template is None:
            return None
        return format_of(template), [self._place(name, "id") for name in parts_of(template)]

    def _at(self, column: str | Column) -> int:
        return self._place(column if isinstance(column, str) else column.column, "columns")

    def _text(self, column: str | Column, field: str) -> ReadText:
        digits = None if isinstance(column, str) else column.digits
        place = self._place(column if isinstance(column, str) else column.column, field)
        if digits is None:

            def text(row: Row) -> str:
                cell = row[place]
                # As `cell_name`, without a call for what most cells are.
                plain = isinstance(cell, str) and cell.isascii()
                return cell.strip() if plain else cell_name(cell, field)

            return text

        def padded(row: Row) -> str:
            code = cell_name(row[place], field)
            return code.zfill(digits) if code.isdecimal() else code

        return padded

    def _figures(self, columns: Columns) -> list[tuple[str, int, int | None]]:
        """(field, place, exponent) of a line's figures; None for a quantity that is converted."""
        plain = self._settings.unit == "1" and self._settings.quantity_rounding == "refuse"
        exponents: dict[str, int | None] = {
            "quantity": THOUSANDTHS if plain else None,
            **dict.fromkeys(("net", "gross", "discount", "tax", "cost"), self._exponent),
            **dict.fromkeys(("line", "voids", "returned_line"), 0),
        }
        return [
            (field, self._place(name, field), exponent)
            for field, exponent in exponents.items()
            if (name := getattr(columns, field)) is not None
        ]

    # -- of a receipt -------------------------------------------------------------------------

    def id_of(self, key: tuple[Any, ...], row: Row) -> str:
        """The id of the receipt that a row begins."""
        if self._id is None:
            return self._settings.prefix + "-".join(cell_name(cell, "key") for cell in key)
        template, places = self._id
        return self._settings.prefix + template.format(*(cell_name(row[p], "id") for p in places))

    def instant(self, cells: Sequence[Any] | None) -> str:
        """The instant that they tell."""
        if cells is None:
            raise FormError("is empty", "occurred_at")
        return self._moment(list(cells))

    # -- of a row -------------------------------------------------------------------------------

    def row_kind(self, row: Row) -> RowPart:
        """What the row is."""
        if self._row_place is None:
            return "line"
        word = cell_text(row[self._row_place])
        part = self._row_words.get(word)
        if part is None:
            raise FormError(f"rows does not tell what {word!r} is", "rows.column")
        return part

    def kind(self, row: Row, head: RowKind | None) -> RowKind:
        """What its line is: a line without a word is what the receipt's head is."""
        if self._kind_place is None:
            return "sale"
        word = cell_text(row[self._kind_place])
        if not word and head is not None:
            return head
        kind = self._kinds.get(word)
        if kind is None:
            raise FormError(f"kinds does not tell what {word!r} is", "kind")
        return kind

    def coupon(self, row: Row) -> str:
        """The coupon that it bears, or nothing."""
        assert self._coupon_place is not None
        return cell_text(row[self._coupon_place])

    def line(self, row: Row) -> Fact:
        """A line of a sale; figures in minor units and thousandths, tax off its net."""
        settings = self._settings
        figures: dict[str, int] = {}
        for field, place, exponent in self._line_figures:
            value = (
                self._quantity(row[place]) if exponent is None
                else scaled_cell(row[place], exponent, field, settings.thousands, settings.decimal)
            )  # fmt: skip
            if value is not None:
                figures[field] = value
            elif field in ("quantity", "net"):
                raise FormError("is empty", field)
        if settings.columns.net is None:
            if "gross" not in figures:
                raise FormError("is empty", "gross")
            figures["net"] = figures["gross"] - figures.get("discount", 0)
        figures["net"] -= figures.pop("tax", 0)
        figures.setdefault("quantity", 1000 if figures["net"] >= 0 else -1000)
        return {"sku": self._sku(row), **figures}

    def _quantity(self, cell: Any) -> int | None:
        """Thousandths of a quantity in units that are not 1, or are rounded."""
        settings = self._settings
        value = cell_decimal(cell, "quantity", settings.thousands, settings.decimal)
        if value is None:
            return None
        return scaled(value * self._unit, THOUSANDTHS, "quantity", settings.quantity_rounding)

    def returned(self, line: Fact) -> Fact:
        """A line as one that comes back: files write its quantity and its net with any signs."""
        back = {"quantity": abs(line["quantity"]), "net": abs(line["net"])}
        if "returned_line" in line:
            return {"line": line["returned_line"], **back}
        return {"sku": line["sku"], **back}

    def returned_sale(self, row: Row) -> str | None:
        """The id of the sale that its goods came from; None when nothing of it is there."""
        if self._returned_sale is None:
            return None
        template, places = self._returned_sale
        texts = [cell_name(row[place], "returned_sale") for place in places]
        return self._settings.prefix + template.format(*texts) if all(texts) else None

    def tender(self, row: Row) -> tuple[str, int, int | None]:
        """(type, amount, points) of a tender's row."""
        kind, amount, points = self._tender
        assert kind is not None
        assert amount is not None
        word = cell_text(row[kind])
        paid = self._amount(row[amount], "tender_amount")
        if paid is None:
            raise FormError("is empty", "tender_amount")
        return self._tender_names.get(word, word), paid, self._points(row, points)

    def paid_in(self, row: Row) -> Iterator[tuple[str, int, int | None]]:
        """(type, amount, points) of the tenders that have columns and an amount."""
        for kind, amount, points in self.paid:
            paid = self._amount(row[amount], f"paid.{kind}")
            if paid:
                yield kind, paid, self._points(row, points)

    def _points(self, row: Row, place: int | None) -> int | None:
        if place is None:
            return None
        settings = self._settings
        points = scaled_cell(row[place], 0, "points", settings.thousands, settings.decimal)
        return points or None

    def _amount(self, cell: Any, path: str) -> int | None:
        settings = self._settings
        return scaled_cell(cell, self._exponent, path, settings.thousands, settings.decimal)


def _row_words(settings: Table) -> dict[str, RowPart]:
    """What rows are by their words."""
    parts: tuple[RowPart, ...] = ("head", "line", "tender")
    return {
        folded_name(word): part for part in parts
        for word in (getattr(settings.rows, part) if settings.rows is not None else ())
    }  # fmt: skip


def _cells_at(places: list[int]) -> Callable[[Row], tuple[Any, ...]]:
    """What takes the cells at some places of a row."""
    if len(places) == 1:
        (place,) = places
        return lambda row: (row[place],)
    found: Callable[[Row], tuple[Any, ...]] = itemgetter(*places)
    return found


def _always(text: str) -> ReadText:
    return lambda row: text
