"""Sales as an Arrow table: typed, bounded, checked in full; the form of bulk loads."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from vafa.native.wire import Sale

from ..columns.carrier import sale_of
from ..columns.columns import Extra, Extras, Facts, join, present, take
from ..columns.dictionaries import Dictionaries
from ..columns.intake import facts_of
from ..columns.records import Content
from ..columns.schema import view
from ..facts import LineFact, OfferFact, SaleFact, TenderFact
from ..facts.parts import (
    EARLIEST_US,
    ID_BYTES,
    LATEST_US,
    MOST_AMOUNT,
    MOST_COUPONS,
    MOST_LINES,
    MOST_OFFERS,
    MOST_TENDERS,
    NAME_BYTES,
    FormError,
    us_instant,
)
from .arrow_schema import (
    BOUNDS,
    WIRE_LINE,
    WIRE_TENDER,
    check_bounds,
    check_names,
    check_no_bank_cards,
    wire_table,
)

Int64 = NDArray[np.int64]
Bools = NDArray[np.bool_]


class ArrowFacts:
    """Sales of an Arrow table in the form of `WIRE`, checked in full."""

    def __init__(self, table: pa.Table) -> None:
        self._read(wire_table(table))
        self._check()
        self._decoded = self._decode_odd()
        self._extras = self._read_extras()

    @classmethod
    def plain(cls, batch: pa.RecordBatch) -> ArrowFacts:
        """Sales that `json_lines.read_lines` has read: it takes none that a check would find."""
        facts = cls.__new__(cls)
        facts._read(batch)
        facts._decoded, facts._extras = {}, None
        return facts

    def _read(self, batch: pa.RecordBatch) -> None:
        self.table = batch
        self.at = view(batch.column("occurred_at"))
        self.ids: list[str] = batch.column("id").to_pylist()
        self._lines = _Items(batch.column("lines"))
        self._tenders = _Items(batch.column("tenders"))

    def _check(self) -> None:
        for name in ("id", "member", "store", "terminal", "channel"):
            most = ID_BYTES if name == "id" else NAME_BYTES
            if name in self.table.schema.names:
                check_names(
                    self.table.column(name), name, most, empty=name not in ("id", "member")
                )
        if len(self.at) and not (self.at.min() >= EARLIEST_US and self.at.max() <= LATEST_US):
            raise FormError("an instant is outside 1970 to 2169", "occurred_at")
        kinds = pc.unique(self.table.column("kind")).to_pylist()
        if kinds not in ([], ["sale"]):
            raise FormError(f"an Arrow batch holds sales only, not {kinds}", "kind")
        counts = self._lines.counts
        if len(counts) and not (counts.min() >= 1 and counts.max() <= MOST_LINES):
            row = int(np.flatnonzero((counts < 1) | (counts > MOST_LINES))[0])
            raise FormError(f"has {counts[row]} lines, not 1 to {MOST_LINES}", f"[{row}].lines")
        if self._tenders.counts.max(initial=0) > MOST_TENDERS:
            raise FormError(f"a sale has more than {MOST_TENDERS} tenders", "tenders")
        check_names(self._lines.items.field("sku"), "lines.sku", NAME_BYTES)
        check_names(self._tenders.items.field("type"), "tenders.type", NAME_BYTES)
        check_no_bank_cards(self.table.column("member"), "member")
        check_no_bank_cards(self._tenders.items.field("type"), "tenders.type")
        for items, name in (
            (self._lines, "quantity"), (self._lines, "net"), (self._tenders, "amount")
        ):  # fmt: skip
            if items.items.null_count or items.items.field(name).null_count:
                raise FormError("has nulls", name)
            check_bounds(items.figures(name), name, -MOST_AMOUNT, MOST_AMOUNT)
        for items in (self._lines, self._tenders):
            for name in items.optional:
                check_bounds(items.figures(name)[items.given(name)], name, *BOUNDS[name])
        self._check_presented()

    def _check_presented(self) -> None:
        """Coupons and offers."""
        if "coupons" in self.table.schema.names:
            coupons = self.table.column("coupons")
            check_names(coupons.flatten(), "coupons", NAME_BYTES)
            if np.diff(_starts(coupons)).max(initial=0) > MOST_COUPONS:
                raise FormError(f"a sale has more than {MOST_COUPONS} coupons", "coupons")
        if "offers" in self.table.schema.names:
            self._check_offers(_Items(self.table.column("offers")))

    def _check_offers(self, offers: _Items) -> None:
        names, amounts = offers.items.field("offer"), offers.items.field("amount")
        if offers.items.null_count or amounts.null_count:
            raise FormError("has nulls", "offers")
        check_names(names, "offers.offer", NAME_BYTES)
        check_bounds(view(amounts), "offers.amount", 0, MOST_AMOUNT)
        if offers.counts.max(initial=0) > MOST_OFFERS:
            raise FormError(f"a sale has more than {MOST_OFFERS} offers", "offers")
        named = list(zip(offers.row.tolist(), names.to_pylist(), strict=True))
        if len(set(named)) < len(named):
            raise FormError("a sale names an offer twice", "offers")

    def _decode_odd(self) -> dict[int, Sale]:
        """Sales with voids or line numbers of their own, by row: decoded as JSON's are."""
        lines = self._lines
        odd = (lines.figures("quantity") < 0) | (lines.figures("net") < 0)
        if "voids" in lines.optional:
            odd |= lines.given("voids")
        if "line" in lines.optional:
            odd |= lines.given("line") & (lines.figures("line") != lines.place + 1)
        if not odd.any():
            return {}
        decoded = {}
        for row in np.unique(lines.row[odd]).tolist():
            try:
                decoded[row] = sale_of(self._fact(row))
            except FormError as error:
                path = f"[{row}].{error.path}"
                raise FormError(error.message, path, error.slug) from None
        return decoded

    def _fact(self, row: int) -> SaleFact:
        one = {name: self.table.column(name)[row].as_py() for name in self.table.schema.names}
        return SaleFact(
            one["id"], us_instant(int(self.at[row])), one["member"],
            [LineFact(**line) for line in one["lines"]],
            one["store"], one["terminal"], one.get("channel", ""),
            [TenderFact(**tender) for tender in one["tenders"]], one.get("coupons", []),
            [OfferFact(**offer) for offer in one.get("offers", [])],
        )  # fmt: skip

    def _read_extras(self) -> Extras | None:
        """Extras of the rows, those of decoded ones apart."""
        n, fields = len(self.ids), self._presented()
        for row, some in self._details().items():
            fields.setdefault(row, {})["details"] = some
        if "points" in self._tenders.optional:
            given = self._tenders.given("points")
            figures = (self._tenders.place, self._tenders.figures("points"))
            for row, some in _grouped(self._tenders.row, given, figures).items():
                fields.setdefault(row, {})["tender_points"] = some
        for row in self._decoded:
            fields.pop(row, None)
        if not fields:
            return None
        extras: Extras = [None] * n
        for row, values in fields.items():
            extras[row] = Extra(**values)
        return extras

    def _presented(self) -> dict[int, dict[str, Any]]:
        """Channels, coupons and offers of rows that have any."""
        fields: dict[int, dict[str, Any]] = {}
        names = self.table.schema.names
        if "channel" in names:
            channels = self.table.column("channel").to_pylist()
            fields = {row: {"channel": name} for row, name in enumerate(channels) if name}
        if "coupons" in names:
            for row, some in enumerate(self.table.column("coupons").to_pylist()):
                if some:
                    fields.setdefault(row, {})["coupons"] = tuple(sorted(set(some)))
        if "offers" in names:
            for row, some in enumerate(self.table.column("offers").to_pylist()):
                if some:
                    applied = sorted((one["offer"], one["amount"]) for one in some)
                    fields.setdefault(row, {})["offers"] = tuple(applied)
        return fields

    def _details(self) -> dict[int, tuple[Any, ...]]:
        """`Extra.details` of rows that have any."""
        lines = self._lines
        if not {"gross", "discount", "cost"} & set(lines.optional):
            return {}
        quantity, net = lines.figures("quantity"), lines.figures("net")
        discount = np.where(lines.given("discount"), lines.figures("discount"), 0)
        gross = np.where(lines.given("gross"), lines.figures("gross"), net + discount)
        check_bounds(gross, "discount", -MOST_AMOUNT, MOST_AMOUNT)
        costed = lines.given("cost")
        some = ((gross != net) | costed) & ((quantity != 0) | (net != 0))
        cost = np.where(costed, lines.figures("cost"), 0).astype(object)
        cost[~costed] = None
        return _grouped(lines.row, some, (lines.place, quantity, gross, cost))

    def part(self, begin: int, end: int) -> ArrowFacts:
        """See Intake."""
        facts = ArrowFacts.plain(self.table.take(pa.array(np.arange(begin, end))))
        facts._decoded = {
            row - begin: sale for row, sale in self._decoded.items() if begin <= row < end
        }
        facts._extras = None if self._extras is None else present(self._extras[begin:end])
        return facts

    def stores(self) -> list[str]:
        """The stores of the sales, each once."""
        names: list[str] = pc.unique(self.table.column("store")).to_pylist()
        return names

    @cached_property
    def _members(self) -> list[str]:
        names: list[str] = self.table.column("member").to_pylist()
        return names

    def member_of(self, row: int) -> str:
        """See SaleColumns."""
        return self._members[row]

    def id_array(self, rows: Int64 | None) -> pa.Array:
        """See Intake."""
        ids = self.table.column("id")
        return ids if rows is None else ids.take(pa.array(rows))

    def content(self, row: int) -> Content:
        """See Intake."""
        if row in self._decoded:
            return self._decoded[row].content()
        one = {
            name: self.table.column(name)[row].as_py()
            for name in ("member", "store", "terminal", "lines", "tenders")
        }
        return (
            0,
            int(self.at[row]),
            one["member"],
            one["store"],
            one["terminal"],
            tuple((n, x["sku"], x["quantity"], x["net"]) for n, x in enumerate(one["lines"], 1)),
            tuple((x["type"], x["amount"]) for x in one["tenders"]),
            self._extras[row] if self._extras is not None else None,
        )

    def columns(self, dictionaries: Dictionaries, rows: Int64 | None) -> Facts:
        """See Intake."""
        if not self._decoded:
            return self._plain_columns(dictionaries, rows)
        wanted = np.arange(len(self.ids)) if rows is None else rows
        odd = np.array([row in self._decoded for row in wanted.tolist()], np.bool_)
        decoded = [self._decoded[row] for row in wanted[odd].tolist()]
        facts = join(
            self._plain_columns(dictionaries, wanted[~odd]), facts_of(decoded, dictionaries)
        )
        order = np.concatenate([np.flatnonzero(~odd), np.flatnonzero(odd)])
        return take(facts, np.argsort(order))

    def _plain_columns(self, dictionaries: Dictionaries, rows: Int64 | None) -> Facts:
        """Columns of rows that need no decoding."""
        table, at, extras = self.table, self.at, self._extras
        lines, tenders = self._lines, self._tenders
        if rows is not None:
            table, at = table.take(pa.array(rows)), at[rows]
            lines, tenders = _Items(table.column("lines")), _Items(table.column("tenders"))
            if extras is not None:
                extras = present([extras[row] for row in rows.tolist()])
        d = dictionaries
        n = len(at)
        # Members are many and come once a sale: their table of bytes would be all of them.
        members = table.column("member").dictionary_encode()
        return Facts(
            at=at,
            member=d.members.encode(members.dictionary.to_pylist())[view(members.indices)],
            store=d.stores.at_many(table.column("store"), at),
            terminal=d.terminals.encode_texts(table.column("terminal")),
            lines_from=lines.starts,
            line=(lines.place + 1).astype(np.int32),
            product=d.products.at_many(lines.items.field("sku"), np.repeat(at, lines.counts)),
            quantity=lines.figures("quantity"),
            net=lines.figures("net"),
            tenders_from=tenders.starts,
            tender=d.tenders.encode_texts(tenders.items.field("type")),
            amount=tenders.figures("amount"),
            day=np.zeros(n, np.int32),
            minute=np.zeros(n, np.int16),
            kind=np.zeros(n, np.uint8),
            extras=extras,
        )


class _Items:
    """The structs of a list column: where each row's begin, and their columns."""

    def __init__(self, lists: pa.ListArray) -> None:
        self.starts = _starts(lists)
        self.counts = np.diff(self.starts)
        self.items: pa.StructArray = lists.flatten()
        base = {field.name for kind in (WIRE_LINE, WIRE_TENDER) for field in kind}
        self.optional = [field.name for field in self.items.type if field.name not in base]

    @property
    def row(self) -> Int64:
        """Row of each item."""
        return np.repeat(np.arange(len(self.counts), dtype=np.int64), self.counts)

    @property
    def place(self) -> Int64:
        """Place of each item in its row, from 0."""
        return np.arange(len(self.items), dtype=np.int64) - np.repeat(self.starts[:-1], self.counts)

    def figures(self, name: str) -> NDArray[Any]:
        """A column of figures; what stands where none is given means nothing."""
        if self.items.type.get_field_index(name) < 0:
            return np.zeros(len(self.items), np.int64)
        return view(self.items.field(name))

    def given(self, name: str) -> Bools:
        """Which items have an optional field."""
        if name not in self.optional:
            return np.zeros(len(self.items), np.bool_)
        return np.asarray(
            self.items.field(name).is_valid().to_numpy(zero_copy_only=False), np.bool_
        )


def _starts(lists: pa.ListArray) -> Int64:
    """Where each row's items begin among those of all rows (int64[n + 1])."""
    if not len(lists):
        return np.zeros(1, np.int64)
    offsets = np.frombuffer(lists.buffers()[1], np.int32, len(lists) + 1, lists.offset * 4)
    return (offsets - offsets[0]).astype(np.int64)


def _grouped(
    owners: Int64, some: Bools, columns: tuple[NDArray[Any], ...]
) -> dict[int, tuple[Any, ...]]:
    """The marked items as tuples, by their owner."""
    places = np.flatnonzero(some)
    if not len(places):
        return {}
    items = list(zip(*(column[places].tolist() for column in columns), strict=True))
    rows, first = np.unique(owners[places], return_index=True)
    ends = [*first[1:].tolist(), len(items)]
    return {
        row: tuple(items[start:end])
        for row, start, end in zip(rows.tolist(), first.tolist(), ends, strict=True)
    }
