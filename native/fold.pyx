"""The fold: facts of a batch, in order, over the state table (rulebook sections 3 to 6).

`fold` takes a batch as columns and a compiled program, moves the members' rows on and
returns postings and per-basket figures. It is the only place where points are made; the
till, the night, replay and simulation differ in where the columns come from.

Rows never raise: a row that cannot be rated gets a status and moves nothing. The GIL is
released once for the whole batch.
"""

from libc.stdint cimport int8_t, int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, realloc

import numpy as np

cimport numpy as cnp

from .arith cimport add64, i128, prefetch
from .earn cimport Figures, rate_basket
from .lots cimport Lots, add_lot, expire_lots, pending_points
from .rules cimport (
    COUNT_CURRENCY, COUNT_RULE_POINTS, COUNT_RULE_USES, COUNT_SPEND, OK, OVERFLOW, Counter, Rules,
    RuleTable)
from .state cimport (
    ACCOUNT, EXPIRED, HEAD, ISSUED, LAST_AT, LIVE, LOTS, PURCHASES, UPGRADES, State)
from .tiers cimport add_to_counter, extend_tiers, metric, tier_on
from .words cimport Segment, basket_words, sum_lines, take_segments

cnp.import_array()

# Accounts and counters stay below this, so that one more posting cannot overflow them.
cdef int64_t MOST = <int64_t>1 << 62


cdef struct Postings:
    uint32_t *basket
    uint16_t *rule
    uint8_t *limit
    int64_t *desired
    int64_t *points
    int64_t n
    int64_t room


cdef struct Columns:
    const int64_t *lines_from
    const uint32_t *product
    const int64_t *quantity
    const int64_t *net
    const int64_t *tenders_from
    const uint32_t *tender
    const int64_t *at
    const uint32_t *member
    const uint32_t *store
    const uint32_t *terminal
    const int32_t *day
    const int16_t *minute


cdef struct Results:
    uint8_t *status
    int8_t *tier
    int64_t *eligible
    int64_t *active
    int64_t *pending


cdef struct Table:
    # Where State keeps its rows; it does not move while a batch is folded.
    int64_t *rows
    int64_t width
    int64_t tiers_at
    int64_t counters_at


cdef struct Scratch:
    int64_t *net_of
    int64_t *quantity_of
    uint64_t *touched
    Segment *segments
    uint64_t *matched
    uint64_t *words
    uint64_t *candidates
    int64_t *granted_in      # [currency]
    Figures figures


cdef bint bigger(void **column, int64_t size) noexcept nogil:
    """Give a column a size in bytes; False without memory."""
    cdef void *moved = realloc(column[0], size)
    if moved == NULL:
        return False
    column[0] = moved
    return True


cdef bint more_postings(Postings *p, int64_t least) noexcept nogil:
    """Make room for `least` more postings; False without memory."""
    cdef int64_t room = p.room
    if p.n + least <= room:
        return True
    room = 2 * (p.n + least)
    if not (bigger(<void**>&p.basket, room * sizeof(uint32_t))
            and bigger(<void**>&p.rule, room * sizeof(uint16_t))
            and bigger(<void**>&p.limit, room * sizeof(uint8_t))
            and bigger(<void**>&p.desired, room * sizeof(int64_t))
            and bigger(<void**>&p.points, room * sizeof(int64_t))):
        return False
    p.room = room
    return True


cdef inline bint fits(const RuleTable *t, int32_t currencies, const int64_t *row,
                      const int64_t *counters,
                      int64_t eligible, const int64_t *granted_in) noexcept nogil:
    """Whether accounts and counters stay far from the end of int64."""
    cdef Py_ssize_t c
    for c in range(currencies):
        if row[HEAD + ACCOUNT * c + ISSUED] > MOST - granted_in[c]:
            return False
    for c in range(t.n_counters):
        if counters[2 * c + 1] > MOST:
            return False
    return eligible < MOST


cdef inline bint post_basket(const RuleTable *t, int32_t currencies, int64_t *row,
                             uint32_t basket, int32_t day, const Figures *f,
                             const int64_t *granted_in, Postings *p) noexcept nogil:
    """Write the basket's postings and lots; False without memory."""
    cdef Py_ssize_t i, c
    cdef int32_t rule
    cdef Lots *lots
    cdef int64_t *account
    if not more_postings(p, f.n_fired):
        return False
    for i in range(f.n_fired):
        rule = f.fired[i]
        p.basket[p.n] = basket
        p.rule[p.n] = rule
        p.limit[p.n] = f.limit[rule]
        p.desired[p.n] = f.desired[rule]
        p.points[p.n] = f.granted[rule]
        p.n += 1
    for c in range(currencies):
        if granted_in[c] == 0:
            continue
        account = row + HEAD + ACCOUNT * c
        lots = add_lot(<Lots*>account[LOTS], day, day + t.currencies[c].pending_days,
                       t.currencies[c].good_through[day], granted_in[c])
        if lots == NULL:
            return False
        account[LOTS] = <int64_t>lots
        account[ISSUED] += granted_in[c]
        account[LIVE] += granted_in[c]
    return True


cdef inline void count_basket(const RuleTable *t, int64_t *counters, int32_t day,
                              int64_t eligible, const Figures *f,
                              const int64_t *granted_in) noexcept nogil:
    """Move the member's counters on: metrics, limits, caps."""
    cdef Py_ssize_t i, k
    cdef const Counter *counter
    cdef int64_t amount
    for i in range(t.n_counters):
        counter = &t.counters[i]
        if counter.kind == COUNT_SPEND:
            amount = eligible
        elif counter.kind == COUNT_CURRENCY:
            amount = granted_in[counter.subject]
        elif counter.kind == COUNT_RULE_POINTS or counter.kind == COUNT_RULE_USES:
            amount = 0
            for k in range(f.n_fired):
                if f.fired[k] == counter.subject:
                    amount = f.granted[counter.subject]
            if counter.kind == COUNT_RULE_USES:
                amount = amount > 0
        else:
            amount = 1
        if amount:
            add_to_counter(counters + 2 * i, counter.period, day, amount)


cdef inline int fold_basket(const RuleTable *t, int32_t words, int32_t currencies,
                            const Table *table, const Columns *in_, uint32_t basket,
                            Scratch *x, Results *out, Postings *p) noexcept nogil:
    """Fold one sale; returns 0, or -1 without memory."""
    cdef int64_t lo = in_.lines_from[basket], hi = in_.lines_from[basket + 1]
    cdef int32_t day = in_.day[basket]
    cdef int64_t *row = table.rows + in_.member[basket] * table.width
    cdef int64_t *counters = row + table.counters_at
    cdef int64_t *account
    cdef Figures *f = &x.figures
    cdef int32_t n, s, w, c, tier, i
    cdef int64_t eligible, gone
    cdef uint64_t word
    cdef int64_t pending
    basket_words(t, words, in_.store[basket], in_.terminal[basket], day, in_.minute[basket],
                 in_.tender + in_.tenders_from[basket],
                 in_.tenders_from[basket + 1] - in_.tenders_from[basket], x.words)
    sum_lines(t, in_.product + lo, in_.net + lo, in_.quantity + lo, hi - lo, x.net_of,
              x.quantity_of, x.touched)
    n = take_segments(t, x.net_of, x.quantity_of, x.touched, x.segments, &eligible)
    tier = tier_on(t, row + table.tiers_at, day)
    out.eligible[basket] = eligible
    out.status[basket] = OK
    f.n_fired = 0
    for c in range(currencies):
        x.granted_in[c] = 0
    if eligible > 0:
        for w in range(words):
            if t.tier != NULL:
                x.words[w] &= t.tier[(tier + 1) * words + w]
            x.candidates[w] = 0
        for s in range(n):
            for w in range(words):
                word = t.class_words[<int64_t>x.segments[s].cls * words + w] & x.words[w]
                x.matched[<int64_t>s * words + w] = word
                x.candidates[w] |= word
        rate_basket(t, words, currencies, x.segments, n, x.matched, x.candidates, tier,
                    eligible, counters, day, f)
        for i in range(f.n_fired):
            x.granted_in[t.currency[f.fired[i]]] = add64(
                x.granted_in[t.currency[f.fired[i]]], f.granted[f.fired[i]], &f.overflow)
        if f.overflow or not fits(t, currencies, row, counters, eligible, x.granted_in):
            out.status[basket] = OVERFLOW
    if out.status[basket] == OK:
        row[LAST_AT] = in_.at[basket]
        for c in range(currencies):
            account = row + HEAD + ACCOUNT * c
            gone = expire_lots(<Lots*>account[LOTS], day)
            account[EXPIRED] += gone
            account[LIVE] -= gone
        if eligible > 0:
            if not post_basket(t, currencies, row, basket, day, f, x.granted_in, p):
                return -1
            row[PURCHASES] += 1
            count_basket(t, counters, day, eligible, f, x.granted_in)
            if t.n_tiers:
                extend_tiers(t, row + table.tiers_at,
                             metric(t, counters, t.spend_counter, day),
                             metric(t, counters, t.visits_counter, day), day)
                s = tier_on(t, row + table.tiers_at, day)
                if s > tier:
                    row[UPGRADES] += 1
                tier = s
    out.tier[basket] = tier
    for c in range(currencies):
        account = row + HEAD + ACCOUNT * c
        pending = (pending_points(<Lots*>account[LOTS], day)
                   if t.currencies[c].pending_days else 0)
        out.active[<int64_t>basket * currencies + c] = account[LIVE] - pending
        out.pending[<int64_t>basket * currencies + c] = pending
    return 0


cdef int make_scratch(const RuleTable *t, Scratch *x) noexcept nogil:
    """Allocate what one basket needs, whatever the batch; -1 without memory."""
    cdef int64_t classes = t.n_classes, words = t.n_words
    cdef int64_t rules = t.n_rules if t.n_rules else 1
    cdef int64_t limits = 1
    cdef int32_t c
    for c in range(t.n_currencies):
        if t.currencies[c].caps_to > limits:
            limits = t.currencies[c].caps_to
    x.net_of = <int64_t*>calloc(classes, sizeof(int64_t))
    x.quantity_of = <int64_t*>calloc(classes, sizeof(int64_t))
    x.touched = <uint64_t*>calloc((classes + 63) >> 6, sizeof(uint64_t))
    x.segments = <Segment*>calloc(classes, sizeof(Segment))
    x.matched = <uint64_t*>calloc(classes * words, sizeof(uint64_t))
    x.words = <uint64_t*>calloc(words, sizeof(uint64_t))
    x.candidates = <uint64_t*>calloc(words, sizeof(uint64_t))
    x.granted_in = <int64_t*>calloc(t.n_currencies, sizeof(int64_t))
    x.figures.desired = <int64_t*>calloc(rules, sizeof(int64_t))
    x.figures.granted = <int64_t*>calloc(rules, sizeof(int64_t))
    x.figures.limit = <int32_t*>calloc(rules, sizeof(int32_t))
    x.figures.fired = <int32_t*>calloc(rules, sizeof(int32_t))
    x.figures.exact = <i128*>calloc(classes * t.n_currencies, sizeof(i128))
    x.figures.scale = <i128*>calloc(t.n_currencies, sizeof(i128))
    x.figures.safe_exact = <int64_t*>calloc(classes * t.n_currencies, sizeof(int64_t))
    x.figures.room = <int64_t*>calloc(limits, sizeof(int64_t))
    if (x.net_of == NULL or x.quantity_of == NULL or x.touched == NULL or x.segments == NULL
            or x.matched == NULL or x.words == NULL or x.candidates == NULL
            or x.granted_in == NULL or x.figures.desired == NULL or x.figures.granted == NULL
            or x.figures.limit == NULL or x.figures.fired == NULL or x.figures.exact == NULL
            or x.figures.scale == NULL or x.figures.safe_exact == NULL or x.figures.room == NULL):
        return -1
    return 0


cdef void free_scratch(Scratch *x) noexcept nogil:
    free(x.net_of)
    free(x.quantity_of)
    free(x.touched)
    free(x.segments)
    free(x.matched)
    free(x.words)
    free(x.candidates)
    free(x.granted_in)
    free(x.figures.desired)
    free(x.figures.granted)
    free(x.figures.limit)
    free(x.figures.fired)
    free(x.figures.exact)
    free(x.figures.scale)
    free(x.figures.safe_exact)
    free(x.figures.room)


cdef inline int fold_run(const RuleTable *t, int32_t words, int32_t currencies,
                         const Table *table, const Columns *in_, const uint32_t *order,
                         int64_t n, Scratch *x, Results *out, Postings *p) noexcept nogil:
    """Fold the baskets of `order`; -1 without memory."""
    cdef int64_t k
    for k in range(n):
        if k + 8 < n:
            # A member's row is a random access; ask for it some baskets ahead.
            prefetch(table.rows + in_.member[order[k + 8]] * table.width)
        if fold_basket(t, words, currencies, table, in_, order[k], x, out, p):
            return -1
    return 0


cdef int fold_all(const RuleTable *t, const Table *table, const Columns *in_,
                  const uint32_t *order, int64_t n, Results *out, Postings *p) noexcept nogil:
    """As fold_run, compiled apart for the usual program: at most 64 rules, one currency."""
    cdef Scratch x
    cdef int failed
    failed = make_scratch(t, &x)
    if not failed:
        if t.n_words == 1 and t.n_currencies == 1:
            failed = fold_run(t, 1, 1, table, in_, order, n, &x, out, p)
        else:
            failed = fold_run(t, t.n_words, t.n_currencies, table, in_, order, n, &x, out, p)
    free_scratch(&x)
    return failed


cdef void *column(object array, object dtype, Py_ssize_t least, str name) except? NULL:
    if array.dtype != dtype or not array.flags.c_contiguous:
        raise TypeError(f"{name}: expected contiguous {np.dtype(dtype)}, got {array.dtype}")
    if array.size < least:
        raise ValueError(f"{name}: expected {least} entries, got {array.size}")
    return cnp.PyArray_DATA(<cnp.ndarray>array)


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


def fold(Rules rules, State state, columns, order):
    """Fold the baskets `order` (uint32) of a batch over the state table.

    columns has the attributes lines_from int64[n + 1], product uint32[lines], quantity
    int64[lines] (thousandths), net int64[lines] (minor units), tenders_from int64[n + 1],
    tender uint32[tenders], at int64[n] (us), member, store, terminal uint32[n], day int32[n],
    minute int16[n]. Baskets of one member must stand in `order` in the member's order and
    after all facts that its row has seen.

    Returns a dict of arrays: per basket status uint8, tier int8 (-1 none), eligible
    int64, active and pending int64[n, currencies] (after the basket, on its business day);
    per posting basket uint32, rule uint16, limit uint8, desired and points int64. Entries
    of baskets that `order` leaves out are zero. Raises TypeError or ValueError for columns
    of the wrong form, MemoryError when memory ends (the state is then unusable).
    """
    cdef Columns in_
    cdef Results out
    cdef Postings p
    cdef Table table
    cdef int failed
    cdef Py_ssize_t n = columns.at.size, lines, tenders
    cdef Py_ssize_t n_order = order.size
    cdef const uint32_t *which = <uint32_t*>column(order, np.uint32, 0, "order")
    in_.lines_from = <int64_t*>column(columns.lines_from, np.int64, n + 1, "lines_from")
    in_.tenders_from = <int64_t*>column(columns.tenders_from, np.int64, n + 1, "tenders_from")
    lines = columns.lines_from[n]
    tenders = columns.tenders_from[n]
    in_.product = <uint32_t*>column(columns.product, np.uint32, lines, "product")
    in_.quantity = <int64_t*>column(columns.quantity, np.int64, lines, "quantity")
    in_.net = <int64_t*>column(columns.net, np.int64, lines, "net")
    in_.tender = <uint32_t*>column(columns.tender, np.uint32, tenders, "tender")
    in_.at = <int64_t*>column(columns.at, np.int64, n, "at")
    in_.member = <uint32_t*>column(columns.member, np.uint32, n, "member")
    in_.store = <uint32_t*>column(columns.store, np.uint32, n, "store")
    in_.terminal = <uint32_t*>column(columns.terminal, np.uint32, n, "terminal")
    in_.day = <int32_t*>column(columns.day, np.int32, n, "day")
    in_.minute = <int16_t*>column(columns.minute, np.int16, n, "minute")
    if state.n_currencies != rules.table.n_currencies or state.n_tiers != rules.table.n_tiers \
            or state.n_counters != rules.table.n_counters:
        raise ValueError("the state table was made for another program")
    check_codes("product", in_.product, lines, rules.n_products)
    check_codes("member", in_.member, n, state.n_members)
    check_codes("store", in_.store, n, rules.n_stores)
    check_codes("terminal", in_.terminal, n, rules.n_terminals)
    check_codes("tender", in_.tender, tenders, rules.n_tenders)
    check_codes("order", which, n_order, n)
    table = Table(state.rows, state.width, state.tiers_at, state.counters_at)
    status = np.zeros(n, np.uint8)
    tier = np.zeros(n, np.int8)
    eligible = np.zeros(n, np.int64)
    active = np.zeros((n, state.n_currencies), np.int64)
    pending = np.zeros((n, state.n_currencies), np.int64)
    out.status = <uint8_t*>cnp.PyArray_DATA(<cnp.ndarray>status)
    out.tier = <int8_t*>cnp.PyArray_DATA(<cnp.ndarray>tier)
    out.eligible = <int64_t*>cnp.PyArray_DATA(<cnp.ndarray>eligible)
    out.active = <int64_t*>cnp.PyArray_DATA(<cnp.ndarray>active)
    out.pending = <int64_t*>cnp.PyArray_DATA(<cnp.ndarray>pending)
    p.basket = NULL
    p.rule = NULL
    p.limit = NULL
    p.desired = p.points = NULL
    p.n = p.room = 0
    try:
        with nogil:
            failed = fold_all(&rules.table, &table, &in_, which, n_order, &out, &p)
        if failed:
            raise MemoryError
        return {
            "status": status, "tier": tier, "eligible": eligible, "active": active,
            "pending": pending,
            "basket": shown(<void**>&p.basket, p.n, cnp.NPY_UINT32),
            "rule": shown(<void**>&p.rule, p.n, cnp.NPY_UINT16),
            "limit": shown(<void**>&p.limit, p.n, cnp.NPY_UINT8),
            "desired": shown(<void**>&p.desired, p.n, cnp.NPY_INT64),
            "points": shown(<void**>&p.points, p.n, cnp.NPY_INT64),
        }
    finally:
        free(p.basket)
        free(p.rule)
        free(p.limit)
        free(p.desired)
        free(p.points)
