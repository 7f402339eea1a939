"""The fold: facts of a batch, in order, over the state table (rulebook sections 2 to 9).

`fold` takes a batch as columns and the compiled versions of a program, moves the members'
rows on and returns postings and figures. It is the only place where points are made; the
till, the night, replay and simulation differ in where the columns come from.

A plain sale under a plain program takes the short way of `plain.pyx`, everything else the
general one of `rate.pxd`; the two give the same figures, which tests hold. Rows never raise:
a row that cannot be taken gets a status and moves nothing. The GIL is released once for the
whole batch.
"""

from libc.stdint cimport (
    int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t)
from libc.stdlib cimport calloc, free

import numpy as np

cimport numpy as cnp

from .basket cimport BASKET, Basket
from .columns cimport PLAIN, Columns, Postings, Results
from .general cimport apply_closings, fold_general, free_work, make_work, run_out_row
from .held cimport held_points
from .history cimport History, free_history
from .lines cimport prepare
from .members cimport Facing, known_and_true
from .offers cimport match_offers, money_left
from .plain cimport fold_plain
from .rate cimport face, rung_up_reaches
from .rules cimport GROSS, HOLD, OFFER, QUANTITY, RuleTable, Rules
from .state cimport State
from .work cimport Work
from .work cimport Closings as ClosingColumns

cnp.import_array()


cdef void *column(object array, int kind, Py_ssize_t least, str name) except? NULL:
    if (not cnp.PyArray_Check(array) or not cnp.PyArray_IS_C_CONTIGUOUS(<cnp.ndarray>array)
            or not cnp.PyArray_ISNOTSWAPPED(<cnp.ndarray>array)
            or not cnp.PyArray_EquivTypenums(cnp.PyArray_TYPE(<cnp.ndarray>array), kind)):
        raise TypeError(f"{name}: expected contiguous {cnp.PyArray_DescrFromType(kind)}, "
                        f"got {np.asarray(array).dtype}")
    if cnp.PyArray_SIZE(<cnp.ndarray>array) < least:
        raise ValueError(f"{name}: expected {least} entries, got {array.size}")
    return cnp.PyArray_DATA(<cnp.ndarray>array)


cdef object zeros(Py_ssize_t n, Py_ssize_t each, int kind, void *data):
    """n zeros, or n times `each` where that is not -1; *data is where they are."""
    cdef cnp.npy_intp shape[2]
    shape[0], shape[1] = n, each
    made = cnp.PyArray_ZEROS(1 if each < 0 else 2, shape, kind, 0)
    (<void**>data)[0] = cnp.PyArray_DATA(<cnp.ndarray>made)
    return made


cdef int check_codes(str name, const uint32_t *codes, Py_ssize_t n, Py_ssize_t known) except -1:
    """Codes index tables: one beyond its table must not reach the kernel."""
    cdef Py_ssize_t i
    cdef uint32_t most = 0
    for i in range(n):
        most = codes[i] if codes[i] > most else most
    if n and most >= known:
        raise ValueError(f"{name} {most} is beyond the {known} known")
    return 0


cdef class _Memory:
    """Owns a block that an array shows."""

    cdef void *data

    def __dealloc__(self):
        free(self.data)


cdef object shown(void **data, Py_ssize_t n, int type_number):
    """n entries as an array that owns the block; *data is NULL after."""
    cdef _Memory owner = _Memory.__new__(_Memory)
    cdef cnp.npy_intp size = n
    if n == 0:
        return cnp.PyArray_ZEROS(1, &size, type_number, 0)
    owner.data = data[0]
    out = cnp.PyArray_SimpleNewFromData(1, &size, type_number, owner.data)
    data[0] = NULL
    cnp.set_array_base(out, owner)
    return out


class Closings:
    """The closed days of a ledger, in order: at int64[k] (us), day int32[k], version uint16[k]
    and epoch uint32[k] (default 0)."""

    def __init__(self, at, day, version, epoch=None):
        self.at = np.ascontiguousarray(at, np.int64)
        self.day = np.ascontiguousarray(day, np.int32)
        self.version = np.ascontiguousarray(version, np.uint16)
        self.epoch = (np.zeros(len(self.at), np.uint32) if epoch is None
                      else np.ascontiguousarray(epoch, np.uint32))

    def __len__(self):
        return len(self.at)


cdef class _Batch:
    """Everything that one call of the kernel holds, freed when the call ends."""

    cdef Work w
    cdef Columns in_
    cdef Results out
    cdef Postings p
    cdef Postings closed
    cdef ClosingColumns closings
    cdef const RuleTable **tables
    cdef Py_ssize_t n_members
    cdef object held

    def __dealloc__(self):
        cdef Py_ssize_t m
        if self.w.histories != NULL:
            for m in range(self.n_members):
                free_history(&self.w.g, self.w.histories[m])
        free(self.w.histories)
        free(self.w.closing_at)
        free(<void*>self.tables)
        free_work(&self.w)
        free_postings(&self.p)
        free_postings(&self.closed)

    cdef int open(self, list natives, State state, Py_ssize_t lines, Py_ssize_t tenders) except -1:
        cdef Rules one
        cdef int32_t rules = 1, words = 1, counters = 1, limits = 1, asked = 1, classes = 1
        cdef Py_ssize_t i
        self.held = [natives, state]
        self.tables = <const RuleTable**>calloc(len(natives) + 1, sizeof(void*))
        if self.tables == NULL:
            raise MemoryError
        for i in range(len(natives)):
            one = natives[i]
            if (one.table.n_currencies != state.n_currencies
                    or one.table.n_counters != state.n_counters):
                raise ValueError("the state table was made for another program")
            self.tables[i] = &one.table
            rules = max(rules, one.table.n_rules + 1)
            words = max(words, one.table.n_words)
            counters = max(counters, one.table.n_counters + 1)
            limits = max(limits, one.n_limits + 1)
            asked = max(asked, one.table.asked_from[one.table.n_tiers] + 1)
            classes = max(classes, one.table.n_classes)
        self.n_members = state.n_members
        self.w.g.rows = state.rows
        self.w.g.width = state.width
        self.w.g.n_currencies = <int32_t>state.n_currencies
        self.w.g.n_tiers = <int32_t>state.n_tiers
        self.w.g.tiers_at = <int32_t>state.tiers_at
        self.w.g.n_vecs = <int32_t>state.n_vecs
        self.w.g.vecs = state.vecs
        self.w.g.n_empty = <int32_t>state.n_empty
        self.w.g.empty_at = state.empty_at
        self.w.g.absorbs = state.absorbs
        self.w.g.n_absorbs = <int32_t>state.n_absorbs
        self.w.tables = self.tables
        self.w.in_ = &self.in_
        self.w.out = &self.out
        self.w.p = &self.p
        self.w.closed = &self.closed
        if make_work(&self.w, rules, words, counters, limits, asked, classes, lines + 2,
                     tenders + 1):
            raise MemoryError
        return 0

    cdef int close_days(self, closings) except -1:
        self.held.append(closings)
        self.closings.at = <int64_t*>column(closings.at, cnp.NPY_INT64, 0, "closings.at")
        self.closings.n = len(closings.at)
        self.closings.day = <int32_t*>column(
            closings.day, cnp.NPY_INT32, self.closings.n, "closings.day")
        self.closings.version = <uint16_t*>column(
            closings.version, cnp.NPY_UINT16, self.closings.n, "closings.version")
        self.closings.epoch = <uint32_t*>column(
            closings.epoch, cnp.NPY_UINT32, self.closings.n, "closings.epoch")
        self.closing_places()
        self.w.closings = &self.closings
        return 0

    cdef int closing_places(self) except -1:
        self.w.closing_at = <int32_t*>calloc(self.n_members + 1, sizeof(int32_t))
        if self.w.closing_at == NULL:
            raise MemoryError
        return 0

    cdef dict posted(self):
        return {
            "basket": shown(<void**>&self.p.basket, self.p.n, cnp.NPY_UINT32),
            "rule": shown(<void**>&self.p.rule, self.p.n, cnp.NPY_UINT16),
            "kind": shown(<void**>&self.p.kind, self.p.n, cnp.NPY_UINT8),
            "currency": shown(<void**>&self.p.currency, self.p.n, cnp.NPY_UINT8),
            "limit": shown(<void**>&self.p.limit, self.p.n, cnp.NPY_UINT8),
            "desired": shown(<void**>&self.p.desired, self.p.n, cnp.NPY_INT64),
            "points": shown(<void**>&self.p.points, self.p.n, cnp.NPY_INT64),
        }

    cdef dict closed_posted(self):
        cdef Postings *p = &self.closed
        return {
            "closed_member": shown(<void**>&p.member, p.n, cnp.NPY_UINT32),
            "closed_index": shown(<void**>&p.basket, p.n, cnp.NPY_UINT32),
            "closed_rule": shown(<void**>&p.rule, p.n, cnp.NPY_UINT16),
            "closed_kind": shown(<void**>&p.kind, p.n, cnp.NPY_UINT8),
            "closed_currency": shown(<void**>&p.currency, p.n, cnp.NPY_UINT8),
            "closed_limit": shown(<void**>&p.limit, p.n, cnp.NPY_UINT8),
            "closed_desired": shown(<void**>&p.desired, p.n, cnp.NPY_INT64),
            "closed_points": shown(<void**>&p.points, p.n, cnp.NPY_INT64),
        }


cdef void free_postings(Postings *p) noexcept nogil:
    free(p.basket)
    free(p.member)
    free(p.rule)
    free(p.kind)
    free(p.currency)
    free(p.limit)
    free(p.desired)
    free(p.points)


cdef void *optional(object array, int kind, Py_ssize_t least, str name) except? NULL:
    return NULL if array is None else column(array, kind, least, name)


cdef int point(Columns *in_, columns, Py_ssize_t n) except -1:
    """Point at a batch's columns; checks dtypes and lengths."""
    cdef Py_ssize_t lines, tenders, items
    in_.lines_from = <int64_t*>column(columns.lines_from, cnp.NPY_INT64, n + 1, "lines_from")
    in_.tenders_from = <int64_t*>column(columns.tenders_from, cnp.NPY_INT64, n + 1, "tenders_from")
    lines = columns.lines_from[n]
    tenders = columns.tenders_from[n]
    in_.kind = <uint8_t*>column(columns.kind, cnp.NPY_UINT8, n, "kind")
    in_.flags = <uint8_t*>column(columns.flags, cnp.NPY_UINT8, n, "flags")
    in_.version = <uint16_t*>column(columns.version, cnp.NPY_UINT16, n, "version")
    in_.epoch = <uint32_t*>column(columns.epoch, cnp.NPY_UINT32, n, "epoch")
    in_.names = <int64_t*>column(columns.names, cnp.NPY_INT64, n, "names")
    in_.line = <int32_t*>column(columns.line, cnp.NPY_INT32, lines, "line")
    in_.product = <uint32_t*>column(columns.product, cnp.NPY_UINT32, lines, "product")
    in_.quantity = <int64_t*>column(columns.quantity, cnp.NPY_INT64, lines, "quantity")
    in_.net = <int64_t*>column(columns.net, cnp.NPY_INT64, lines, "net")
    in_.full_quantity = <int64_t*>optional(columns.full_quantity, cnp.NPY_INT64, lines, "full")
    in_.rung_quantity = <int64_t*>optional(
        columns.rung_quantity, cnp.NPY_INT64, lines, "rung_quantity")
    in_.rung_net = <int64_t*>optional(columns.rung_net, cnp.NPY_INT64, lines, "rung_net")
    in_.gross = <int64_t*>optional(columns.gross, cnp.NPY_INT64, lines, "gross")
    in_.cost = <int64_t*>optional(columns.cost, cnp.NPY_INT64, lines, "cost")
    in_.tender = <uint32_t*>column(columns.tender, cnp.NPY_UINT32, tenders, "tender")
    in_.amount = <int64_t*>column(columns.amount, cnp.NPY_INT64, tenders, "amount")
    in_.tender_points = <int64_t*>optional(columns.tender_points, cnp.NPY_INT64, tenders, "points")
    in_.coupons_from = <int64_t*>optional(
        columns.coupons_from, cnp.NPY_INT64, n + 1, "coupons_from")
    items = 0 if columns.coupons_from is None else columns.coupons_from[n]
    in_.coupon = <uint32_t*>optional(columns.coupon, cnp.NPY_UINT32, items, "coupon")
    in_.offers_from = <int64_t*>optional(columns.offers_from, cnp.NPY_INT64, n + 1, "offers_from")
    items = 0 if columns.offers_from is None else columns.offers_from[n]
    in_.offer = <int32_t*>optional(columns.offer, cnp.NPY_INT32, items, "offer")
    in_.offer_amount = <int64_t*>optional(
        columns.offer_amount, cnp.NPY_INT64, items, "offer_amount")
    in_.back_from = <int64_t*>optional(columns.back_from, cnp.NPY_INT64, n + 1, "back_from")
    items = 0 if columns.back_from is None else columns.back_from[n]
    in_.back_line = <int32_t*>optional(columns.back_line, cnp.NPY_INT32, items, "back_line")
    in_.back_sku = <int32_t*>optional(columns.back_sku, cnp.NPY_INT32, items, "back_sku")
    in_.back_quantity = <int64_t*>optional(columns.back_quantity, cnp.NPY_INT64, items, "back")
    in_.back_net = <int64_t*>optional(columns.back_net, cnp.NPY_INT64, items, "back_net")
    in_.sets_from = <int64_t*>optional(columns.sets_from, cnp.NPY_INT64, n + 1, "sets_from")
    items = 0 if columns.sets_from is None else columns.sets_from[n]
    in_.set_slot = <int32_t*>optional(columns.set_slot, cnp.NPY_INT32, items, "set_slot")
    in_.set_value = <int64_t*>optional(columns.set_value, cnp.NPY_INT64, items, "set_value")
    in_.lots_from = <int64_t*>optional(columns.lots_from, cnp.NPY_INT64, n + 1, "lots_from")
    items = 0 if columns.lots_from is None else columns.lots_from[n]
    in_.lot_earned = <int32_t*>optional(columns.lot_earned, cnp.NPY_INT32, items, "lot_earned")
    in_.lot_active_from = <int32_t*>optional(
        columns.lot_active_from, cnp.NPY_INT32, items, "lot_active_from")
    in_.lot_good_through = <int32_t*>optional(
        columns.lot_good_through, cnp.NPY_INT32, items, "lot_good_through")
    in_.lot_points = <int64_t*>optional(columns.lot_points, cnp.NPY_INT64, items, "lot_points")
    in_.channel = <uint32_t*>optional(columns.channel, cnp.NPY_UINT32, n, "channel")
    in_.drawn = <uint64_t*>optional(columns.drawn, cnp.NPY_UINT64, n, "drawn")
    in_.code = <uint32_t*>optional(columns.code, cnp.NPY_UINT32, n, "code")
    in_.figure = <int64_t*>optional(columns.figure, cnp.NPY_INT64, n, "figure")
    in_.currency = <uint8_t*>optional(columns.currency, cnp.NPY_UINT8, n, "currency")
    in_.expires = <int32_t*>optional(columns.expires, cnp.NPY_INT32, n, "expires")
    in_.tender_names = <int64_t*>optional(
        columns.tender_names, cnp.NPY_INT64, tenders, "tender_names")
    in_.end = <int64_t*>optional(columns.end, cnp.NPY_INT64, n, "end")
    in_.end_day = <int32_t*>optional(columns.end_day, cnp.NPY_INT32, n, "end_day")
    in_.absorbs = <int64_t*>optional(columns.absorbs, cnp.NPY_INT64, n, "absorbs")
    in_.at = <int64_t*>column(columns.at, cnp.NPY_INT64, n, "at")
    in_.member = <uint32_t*>column(columns.member, cnp.NPY_UINT32, n, "member")
    in_.store = <uint32_t*>column(columns.store, cnp.NPY_UINT32, n, "store")
    in_.terminal = <uint32_t*>column(columns.terminal, cnp.NPY_UINT32, n, "terminal")
    in_.day = <int32_t*>column(columns.day, cnp.NPY_INT32, n, "day")
    in_.minute = <int16_t*>column(columns.minute, cnp.NPY_INT16, n, "minute")
    return 0


cdef int check_batch(columns, list natives, State state, Columns *in_, Py_ssize_t n) except -1:
    cdef Rules one
    cdef Py_ssize_t lines = in_.lines_from[n], tenders = in_.tenders_from[n], i, known
    known = len(natives)
    for i in range(n):
        if in_.version[i] >= known:
            raise ValueError("a row's version is beyond those known")
    check_codes("member", in_.member, n, state.n_members)
    if columns.absorbs is not None and n and columns.absorbs.max() >= state.n_members:
        raise ValueError("a row takes up a member beyond the table")
    for one in natives:
        check_codes("product", in_.product, lines, one.n_products)
        check_codes("store", in_.store, n, one.n_stores)
        check_codes("terminal", in_.terminal, n, one.n_terminals)
        check_codes("tender", in_.tender, tenders, one.n_tenders)
        if in_.channel != NULL:
            check_codes("channel", in_.channel, n, one.n_channels)
        if in_.code != NULL:
            check_codes("activity", in_.code, n, one.n_activities)
        if in_.coupons_from != NULL:
            check_codes("coupon", in_.coupon, in_.coupons_from[n], one.n_coupons)
    return 0


cdef int plain_version(list natives, const Columns *in_, Py_ssize_t n) except -2:
    """The version of a batch of plain sales under one plain program; -1 where it is not so."""
    cdef Rules one
    cdef Py_ssize_t i
    if not n:
        return -1
    one = natives[in_.version[0]]
    if one.table.full:
        return -1
    for i in range(n):
        if in_.version[i] != in_.version[0] or not in_.flags[i] & PLAIN:
            return -1
    return in_.version[0]


cdef Py_ssize_t longest(const int64_t *starts, Py_ssize_t n) noexcept nogil:
    """Length of the longest of n lists."""
    cdef Py_ssize_t i
    cdef int64_t most = 0
    for i in range(n):
        if starts[i + 1] - starts[i] > most:
            most = starts[i + 1] - starts[i]
    return most


cdef bint names_one(const Columns *in_, const uint32_t *which, Py_ssize_t n) noexcept nogil:
    """Whether one of some rows names another."""
    cdef Py_ssize_t k
    for k in range(n):
        if in_.names[which[k]] >= 0:
            return True
    return False


cdef bint has_kind(const Columns *in_, Py_ssize_t n, uint8_t kind) noexcept nogil:
    """Whether a row is of a kind."""
    cdef Py_ssize_t i
    for i in range(n):
        if in_.kind[i] == kind:
            return True
    return False


cdef void write_held(Work *w, const uint32_t *order, int64_t n) noexcept nogil:
    """Held points of rows that plain sales leave as they are."""
    cdef int64_t k
    cdef int32_t c
    for k in range(n):
        for c in range(w.g.n_currencies):
            w.out.held[<int64_t>order[k] * w.g.n_currencies + c] = held_points(
                w.g.rows + w.in_.member[order[k]] * w.g.width, c)


def _remembered(columns, targets):
    """The members with a fact that others name, and those that come together with them."""
    found = set(columns.member[targets].tolist())
    if columns.absorbs is None:
        return sorted(found)
    taken = np.flatnonzero(columns.absorbs >= 0)
    pairs = list(zip(columns.member[taken].tolist(), columns.absorbs[taken].tolist(), strict=True))
    known = -1
    while known < len(found):
        known = len(found)
        for pair in pairs:
            if not found.isdisjoint(pair):
                found.update(pair)
    return sorted(found)


def run_out_by(list natives, State state, Py_ssize_t version, int64_t at, uint32_t member):
    """Release the member's holds that have ended by an instant (us), under a version.

    For looking at a copy of a row: nothing is posted.
    """
    cdef _Batch b = _Batch.__new__(_Batch)
    cdef int failed
    if member >= state.n_members:
        raise IndexError(f"member {member} of {state.n_members}")
    b.open(natives, state, 1, 1)
    with nogil:
        failed = run_out_row(&b.w, b.tables[version], state.row(member), at)
    if failed:
        raise MemoryError


def fold(list natives, State state, columns, order, closings=None):
    """Fold the rows `order` (uint32) of a batch over the state table.

    `columns` are those of `engine/compiling/kernel_columns.py`: kinds, instants (us), business
    days, lines (quantity in thousandths, net in minor units), tenders and the rest. Rows of one
    member must stand in `order` in the member's order and after all facts that its row has
    seen; a row that names another (`names`) needs all of its member's facts in the batch,
    from an empty row. `closings` (see Closings) are applied to members folded from an
    empty row. Calls for different members may run at once over one state table.

    Returns a dict of arrays: per row status uint8, tier int8 (of the layout, -1 none),
    eligible int64, active, pending, held and debt int64[n, currencies] (after the row, on
    its business day), lack int64[n, currencies] (points that were missing), redeemed and
    redeemed_back int64 (of the sale that a return names: the money that redemptions paid, and what
    of it is back by then), taken int64 (of a redemption that was cut to what is redeemable); per
    posting basket uint32, rule uint16 (65535 none), kind, currency, limit uint8, desired and points
    int64; with closings the closed_* arrays of `close_days`. Entries of rows that `order` leaves
    out are zero. Raises TypeError or ValueError for columns of the wrong form, MemoryError when
    memory ends (the state is then unusable).
    """
    cdef Py_ssize_t n = columns.at.size, n_order = order.size, m, each
    cdef const uint32_t *which = <uint32_t*>column(order, cnp.NPY_UINT32, 0, "order")
    cdef _Batch b = _Batch.__new__(_Batch)
    cdef int failed
    cdef int plain
    cdef Rules first
    cdef uint8_t *named_at
    point(&b.in_, columns, n)
    b.open(natives, state, longest(b.in_.lines_from, n), longest(b.in_.tenders_from, n))
    check_batch(columns, natives, state, &b.in_, n)
    check_codes("order", which, n_order, n)
    if closings is not None and len(closings):
        b.close_days(closings)
    each = state.n_currencies
    status = zeros(n, -1, cnp.NPY_UINT8, &b.out.status)
    tier = zeros(n, -1, cnp.NPY_INT8, &b.out.tier)
    eligible = zeros(n, -1, cnp.NPY_INT64, &b.out.eligible)
    active = zeros(n, each, cnp.NPY_INT64, &b.out.active)
    pending = zeros(n, each, cnp.NPY_INT64, &b.out.pending)
    held = zeros(n, each, cnp.NPY_INT64, &b.out.held)
    debt = zeros(n, each, cnp.NPY_INT64, &b.out.debt)
    lack = zeros(n, each, cnp.NPY_INT64, &b.out.lack)
    redeemed = zeros(n, -1, cnp.NPY_INT64, &b.out.redeemed)
    redeemed_back = zeros(n, -1, cnp.NPY_INT64, &b.out.redeemed_back)
    taken = zeros(n, -1, cnp.NPY_INT64, &b.out.taken)
    plain = -1 if b.w.closings != NULL else plain_version(natives, &b.in_, n)
    if plain >= 0:
        first = natives[plain]
        with nogil:
            failed = fold_plain(&first.table, &b.w, which, n_order)
        if state.holding and not failed:
            write_held(&b.w, which, n_order)
    else:
        named = np.zeros(n, np.uint8)
        named_at = <uint8_t*>cnp.PyArray_DATA(<cnp.ndarray>named)
        targets = np.zeros(0, np.int64)
        if names_one(&b.in_, which, n_order):
            targets = columns.names[np.asarray(order)]
            targets = targets[targets >= 0]
        if columns.tender_names is not None:
            named_by = columns.tender_names[columns.tender_names >= 0]
            targets = np.concatenate([targets, named_by])
        if has_kind(&b.in_, n, HOLD):
            state.holding = True
        if targets.size:
            if targets.max() >= n:
                raise ValueError("a row names one beyond the batch")
            named[targets] = 1
            b.w.histories = <History**>calloc(b.n_members + 1, sizeof(void*))
            if b.w.histories == NULL:
                raise MemoryError
            for m in _remembered(columns, targets):
                b.w.histories[m] = <History*>calloc(1, sizeof(History))
                if b.w.histories[m] == NULL:
                    raise MemoryError
                b.w.histories[m].bonus_expired = <int64_t*>calloc(
                    state.n_tiers + 1, sizeof(int64_t))
                if b.w.histories[m].bonus_expired == NULL:
                    raise MemoryError
        with nogil:
            failed = fold_general(&b.w, which, n_order, named_at)
        if not failed and b.w.closings != NULL:
            for m in np.unique(columns.member[np.asarray(order)]).tolist():
                apply_closings(&b.w, m, 9223372036854775807)
            failed = b.w.failed
    if failed:
        raise MemoryError
    out = {
        "status": status, "tier": tier, "eligible": eligible, "active": active,
        "pending": pending, "held": held, "debt": debt, "lack": lack, "redeemed": redeemed,
        "redeemed_back": redeemed_back, "taken": taken,
        **b.posted(),
    }
    out.update(b.closed_posted())
    return out


def close_days(list natives, State state, closings, members):
    """Apply closed days to members (uint32), each from where its row stands.

    Returns closed_member uint32, closed_index uint32, closed_rule uint16, closed_kind,
    closed_currency, closed_limit uint8, closed_desired and closed_points int64: what each
    day gave and let expire (rulebook sections 3 and 5). Rows of members for whom a day did
    nothing are not touched.
    """
    cdef _Batch b = _Batch.__new__(_Batch)
    cdef const uint32_t[::1] who = state._checked(members)
    cdef Py_ssize_t i, n = who.shape[0]
    b.open(natives, state, 1, 1)
    b.close_days(closings)
    with nogil:
        for i in range(n):
            apply_closings(&b.w, who[i], 9223372036854775807)
    if b.w.failed:
        raise MemoryError
    return b.closed_posted()


def offers_of(list natives, State state, columns):
    """What the offers of its version say to a sale, row 0 of a batch: each condition apart.

    The member's row must be as it stands at the sale's place. Returns a dict of arrays: by
    rule (zero for what is no offer) met uint8 (all conditions hold), minimum uint8 (bits of
    those that fail: least amount, quantity and basket, each and its negation), member uint64
    (bits of the conditions on the member that fail), left int64 (of those that are met,
    minor units that limits leave to take off; 2^63 - 1 without one) and limit uint8 (the one
    that leaves least); by line and
    word lines uint64: the rules whose conditions on lines a line meets, none if no rule may
    see it. Raises TypeError or ValueError for columns of the wrong form.
    """
    cdef _Batch b = _Batch.__new__(_Batch)
    cdef Basket basket
    cdef Facing facing
    cdef const RuleTable *t
    cdef int64_t back, lines = columns.lines_from[1], k, at
    cdef int32_t rule, i, code, day
    b.open(natives, state, lines, columns.tenders_from[1])
    point(&b.in_, columns, 1)
    check_batch(columns, natives, state, &b.in_, 1)
    t = b.tables[b.in_.version[0]]
    day = b.in_.day[0]
    prepare(&b.w, t, 0, NULL, NULL, True, &basket, &back)
    basket.form = BASKET
    match_offers(&b.w, t, &basket, state.row(b.in_.member[0]), day)
    met, minimum = np.zeros(t.n_rules, np.uint8), np.zeros(t.n_rules, np.uint8)
    limit, left = np.zeros(t.n_rules, np.uint8), np.zeros(t.n_rules, np.int64)
    member = np.zeros(t.n_rules, np.uint64)
    words = np.zeros(lines * t.n_words, np.uint64)
    cdef uint8_t[::1] met_, minimum_, limit_
    cdef int64_t[::1] left_
    cdef uint64_t[::1] member_, words_
    met_, minimum_, limit_, left_, member_, words_ = met, minimum, limit, left, member, words
    for i in range(b.w.rated.n_part):
        met_[b.w.rated.part[i]] = 1
    # Each condition on its own: of lines alone, whatever else fails.
    for k in range(basket.n):
        for i in range(t.n_words):
            at = basket.lines[k].cls * t.n_words + i
            b.w.rated.matched[k * t.n_words + i] = t.class_words[at]
            words_[basket.lines[k].place * t.n_words + i] = t.class_words[at]
    face(t, &basket, &b.w.rated, &facing)
    for rule in range(t.n_rules):
        if t.kind[rule] != OFFER:
            continue
        if met_[rule]:
            left_[rule] = money_left(&b.w, t, &basket, rule, &code)
            limit_[rule] = code
        for i, (of, basis, least, below) in enumerate((
                (rule, GROSS, t.min_amount[rule], -1), (rule, GROSS, -1, t.not_amount[rule]),
                (rule, QUANTITY, t.min_quantity[rule], -1),
                (rule, QUANTITY, -1, t.not_quantity[rule]),
                (-1, GROSS, t.min_basket[rule], -1), (-1, GROSS, -1, t.not_basket[rule]))):
            if not rung_up_reaches(t, &basket, of, basis, least, below, &b.w.rated):
                minimum_[rule] |= 1 << i
        for i in range(t.conds_from[rule], t.conds_from[rule + 1]):
            if (known_and_true(t, b.w.ahead, &t.conds[i], &facing) == t.conds[i].negated):
                member_[rule] |= <uint64_t>1 << (i - t.conds_from[rule])
    return {"met": met, "minimum": minimum, "member": member, "left": left, "limit": limit,
            "lines": words.reshape(lines, t.n_words)}
