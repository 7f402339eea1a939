"""Rows of a table gathered to receipts: CSV, Parquet and XLSX are read through here."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Any, Literal, NamedTuple

from ..facts.parts import MOST_LINES, MOST_TENDERS, FormError
from .basket import Basket
from .cells import cell_text
from .found import Fact, Found, Skipped
from .row_plan import Plan, Row
from .settings import RowKind, Table


class Unread(NamedTuple):
    """A row that could not be read: why, and what the file says there."""

    error: FormError
    text: str


Numbered = tuple[int, Row | Unread]
"""A row with its line or number from 1."""

MOST_ROWS = MOST_LINES + MOST_TENDERS + 1
RAW_ROWS = 20
"""Rows of a receipt that a reject shows."""

SKIPPED = Skipped("skipped-kind")


def receipts(rows: Iterable[Numbered], settings: Table, names: Sequence[str]) -> Iterator[Found]:
    """The receipts of a table with these columns, in order.

    Raises FormError for a column that is missing. A receipt of which one row is wrong is
    refused whole; a row that cannot be read is told of by itself, and spoils the receipts on
    both its sides, since it may be of either.
    """
    plan = Plan(settings, names)
    open_: _Receipt | None = None
    unread: int | None = None
    for number, row in rows:
        if isinstance(row, Unread):
            yield Found(number, row.error, partial(str, row.text))
            if open_ is not None:
                open_.spoil("after", number)
            unread = number
            continue
        key = plan.key(row)
        if open_ is None or open_.key != key:
            if open_ is not None:
                yield from open_.found()
            if not any(map(cell_text, row)):
                open_ = None
                continue
            open_ = _Receipt(plan, key, number)
            if unread is not None:
                open_.spoil("before", unread)
        unread = None
        open_.take(number, row)
    if open_ is not None:
        yield from open_.found()


class _Receipt:
    """A receipt while its rows come."""

    def __init__(self, plan: Plan, key: tuple[Any, ...], number: int) -> None:
        self.key = key
        self._plan = plan
        self._first = number
        self._rows: list[Row] = []
        self._count = 0
        self._basket = Basket(named=plan.named)
        self._error: tuple[int, FormError] | None = None
        self._head: list[str] = [""] * len(plan.heads)
        self._moment: tuple[Any, ...] | None = None
        self._cells: tuple[Any, ...] | None = None
        self._coupons: set[str] = set()
        self._skipped = False
        self._kind: RowKind | None = None

    def fail(self, number: int, error: FormError) -> None:
        """The receipt is refused; the first cause is told."""
        if self._error is None:
            self._error = number, error

    def spoil(self, side: Literal["before", "after"], number: int) -> None:
        """A row beside it cannot be read."""
        self.fail(self._first, FormError(
            f"the row {side} it, {number}, may be of it and cannot be read"
        ))  # fmt: skip

    def take(self, number: int, row: Row) -> None:
        """Add a row."""
        self._count += 1
        if self._count <= RAW_ROWS:
            self._rows.append(row)
        if self._error is not None:
            return
        try:
            if self._count > MOST_ROWS:
                raise FormError(f"has more than {MOST_ROWS} rows")
            self._add(row)
        except FormError as error:
            self.fail(number, error)

    def _add(self, row: Row) -> None:
        plan, basket = self._plan, self._basket
        if self._count == 1 and not all(map(cell_text, self.key)):
            raise FormError(f"a column of the key is empty: {', '.join(plan.key_names)}")
        what = plan.row_kind(row)
        kind = "sale" if what == "tender" else plan.kind(row, self._kind)
        if what == "head":
            self._kind = kind
        if kind == "skip":
            self._skipped = True
            return
        self._take_head(row)
        if what == "line":
            self._take_line(row, kind)
            coupon = plan.coupon(row) if plan.has_coupons else ""
            if coupon and coupon not in self._coupons:
                self._coupons.add(coupon)
                basket.coupons.append(coupon)
        elif what == "tender":
            basket.pay(*plan.tender(row))
        if plan.paid:
            self._take_paid(row)

    def _take_line(self, row: Row, kind: RowKind) -> None:
        plan, basket = self._plan, self._basket
        line = plan.line(row)
        if not plan.goods(line["sku"]):
            return
        if kind == "return":
            basket.bring_back(plan.returned_sale(row), plan.returned(line))
        else:
            line.pop("returned_line", None)
            basket.lines.append(line)

    def _take_head(self, row: Row) -> None:
        """What is of the whole receipt: rows may repeat it or leave it empty, not differ."""
        cells = self._plan.head_cells(row)
        if cells == self._cells:
            return
        self._cells = cells
        head = self._head
        for place, (field, read) in enumerate(self._plan.heads):
            value = read(row)
            if value and value != head[place]:
                if head[place]:
                    raise FormError(
                        f"is {head[place]!r} and {value!r} in rows of one receipt", field
                    )
                head[place] = value
        moment = self._plan.moment_cells(row)
        if moment != self._moment and any(cell not in ("", None) for cell in moment):
            if self._moment is not None:
                raise FormError("differs in rows of one receipt", "occurred_at")
            self._moment = moment

    def _take_paid(self, row: Row) -> None:
        """Columns of tenders: the first row that has an amount tells it, others repeat it."""
        for kind, amount, points in self._plan.paid_in(row):
            known = next((t for t in self._basket.tenders if t["type"] == kind), None)
            if known is None:
                self._basket.pay(kind, amount, points)
            elif known["amount"] != amount or known.get("points") != points:
                raise FormError(f"{kind!r} differs in rows of one receipt", "tenders")

    def found(self) -> Iterator[Found]:
        """What the receipt came to."""
        raw = self._raw()
        if self._error is not None:
            number, error = self._error
            yield Found(number, error, raw)
            return
        basket = self._basket
        for (field, _), value in zip(self._plan.heads, self._head, strict=True):
            setattr(basket, field, value)
        try:
            if self._skipped and not basket.lines and not basket.returned:
                yield Found(self._first, SKIPPED, raw)
                return
            basket.id = self._plan.id_of(self.key, self._rows[0])
            basket.occurred_at = self._plan.instant(self._moment)
            facts: list[Fact | Skipped] = list(basket.facts())
        except FormError as error:
            yield Found(self._first, error, raw)
            return
        for fact in facts:
            yield Found(self._first, fact, raw)

    def _raw(self) -> Callable[[], str]:
        rows, names, more = self._rows, self._plan.names, self._count - len(self._rows)

        def raw() -> str:
            shown = [dict(zip(names, row, strict=False)) for row in rows]
            text = json.dumps(shown, ensure_ascii=False, default=str)
            return f"{text} and {more} rows more" if more else text

        return raw
