"""The short way of a plain sale under a plain program, in 64 or 128 bits.

It gives what the general rating gives, at a tenth of the price; tests hold the two equal.
This module is compiled apart: one loop of many small functions, all inlined, three times over
constants that are the usual program's.
"""

from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free

from .accounts cimport put_lot, settle
from .arith cimport i128, prefetch
from .columns cimport Columns, Postings, Results, more_postings
from .earn cimport Figures, currency_of, rate_basket
from .lots cimport Lot, Lots, pending_points
from .rules cimport (
    COUNT_CURRENCY, COUNT_RULE_POINTS, COUNT_RULE_USES, COUNT_SPEND, OK, OVERFLOW, Counter,
    RuleTable)
from .state cimport (
    ACCOUNT, DEBT, FACTS, HEAD, ISSUED, JOINED, LAST_AT, LAST_BUY, LIVE, LOTS, PURCHASES, TODAY,
    UPGRADES)
from .tiers cimport extend_simple, qualified, with_manual
from .words cimport Segment, basket_words, sum_lines, take_segments
from .work cimport Work

# Accounts and counters stay below this, so that one more posting cannot overflow them.
cdef int64_t MOST = <int64_t>1 << 62


cdef struct Scratch:
    int64_t *net_of
    int64_t *quantity_of
    uint64_t *touched
    Segment *segments
    uint64_t *matched
    uint64_t *words
    uint64_t *candidates
    Figures figures


cdef inline bint fits(const RuleTable *t, int32_t currencies, const int64_t *row,
                      int64_t eligible, const int64_t *given) noexcept nogil:
    """Whether accounts and counters stay far from the end of int64."""
    cdef Py_ssize_t c
    for c in range(currencies):
        if row[HEAD + ACCOUNT * c + ISSUED] > MOST - given[c]:
            return False
    for c in range(t.n_counters):
        if row[t.counters[c].slot + 1] > MOST:
            return False
    return eligible < MOST


cdef inline bint post_basket(const RuleTable *t, int32_t currencies, int64_t *row,
                             uint32_t basket, int32_t day, const Figures *f,
                             Postings *p) noexcept nogil:
    """Write the basket's postings and lots; False without memory."""
    cdef Py_ssize_t i, c
    cdef int32_t rule
    cdef int64_t at
    cdef int64_t *account
    cdef Lot lot
    if not more_postings(p, f.n_fired):
        return False
    at = p.n
    p.n += f.n_fired
    # Few columns at a time, so that each has its register.
    for i in range(f.n_fired):
        rule = f.fired[i]
        p.basket[at + i] = basket
        p.limit[at + i] = f.limit[rule]
        p.desired[at + i] = f.desired[rule]
        p.points[at + i] = f.granted[rule]
    for i in range(f.n_fired):
        rule = f.fired[i]
        p.rule[at + i] = t.number[rule]
        p.kind[at + i] = t.kind[rule]
        p.currency[at + i] = currency_of(t, currencies, rule)
    for c in range(currencies):
        if f.given[c] == 0:
            continue
        account = row + HEAD + ACCOUNT * c
        account[ISSUED] += f.given[c]
        lot.earned = day
        lot.active_from = day + t.currencies[c].pending_days
        lot.good_through = t.currencies[c].good_through[day]
        lot.source = <int32_t>row[FACTS]
        lot.tag = lot.fixed = 0
        lot.points = f.given[c]
        if not put_lot(account, lot, day):
            return False
    return True


cdef inline void count_basket(const RuleTable *t, int64_t *row, int32_t day, int64_t eligible,
                              const Figures *f) noexcept nogil:
    """Move the member's counters on: metrics, limits, caps."""
    cdef Py_ssize_t i, k
    cdef const Counter *counter
    cdef int64_t amount
    for i in range(t.n_counters):
        counter = &t.counters[i]
        if counter.kind == COUNT_SPEND:
            amount = eligible
        elif counter.kind == COUNT_CURRENCY:
            amount = f.given[counter.subject]
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
            if row[counter.slot] != counter.period[day]:
                row[counter.slot] = counter.period[day]
                row[counter.slot + 1] = 0
            row[counter.slot + 1] += amount


cdef inline int fold_basket(const RuleTable *t, int32_t words, int32_t currencies,
                            int64_t *row, const Columns *in_, uint32_t basket,
                            Scratch *x, Results *out, Postings *p) noexcept nogil:
    """Fold one plain sale under a plain program; returns 0, or -1 without memory."""
    cdef int64_t lo = in_.lines_from[basket], hi = in_.lines_from[basket + 1]
    cdef int32_t day = in_.day[basket]
    cdef int64_t *account
    cdef Figures *f = &x.figures
    cdef int32_t n, s, w, c, tier, held
    cdef int64_t eligible
    cdef uint64_t word
    cdef int64_t pending
    basket_words(t, t.every, words, in_.store[basket], in_.terminal[basket], day,
                 in_.minute[basket], in_.tender + in_.tenders_from[basket],
                 in_.tenders_from[basket + 1] - in_.tenders_from[basket], x.words)
    sum_lines(t, in_.product + lo, in_.net + lo, in_.quantity + lo, hi - lo, x.net_of,
              x.quantity_of, x.touched)
    n = take_segments(t, x.net_of, x.quantity_of, x.touched, x.segments, &eligible)
    held = qualified(t, row, day)
    tier = with_manual(t, row, day, held)
    out.eligible[basket] = eligible
    out.status[basket] = OK
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
                    eligible, row, day, f)
        if f.overflow or not fits(t, currencies, row, eligible, f.given):
            out.status[basket] = OVERFLOW
    if out.status[basket] == OK:
        row[LAST_AT] = in_.at[basket]
        row[TODAY] = day
        if row[JOINED] < 0:
            row[JOINED] = day
        for c in range(currencies):
            settle(row + HEAD + ACCOUNT * c, day, NULL)
        if eligible > 0:
            if not post_basket(t, currencies, row, basket, day, f, p):
                return -1
            row[PURCHASES] += 1
            if day > row[LAST_BUY]:
                row[LAST_BUY] = day
            count_basket(t, row, day, eligible, f)
            if t.n_tiers and extend_simple(t, row, day):
                s = qualified(t, row, day)
                if s > held:
                    row[UPGRADES] += 1
                tier = with_manual(t, row, day, s)
        row[FACTS] += 1
    out.tier[basket] = t.rung[tier] if tier >= 0 else -1
    for c in range(currencies):
        account = row + HEAD + ACCOUNT * c
        pending = (pending_points(<Lots*>account[LOTS], day)
                   if t.currencies[c].pending_days else 0)
        out.active[<int64_t>basket * currencies + c] = account[LIVE] - pending
        out.pending[<int64_t>basket * currencies + c] = pending
        out.debt[<int64_t>basket * currencies + c] = account[DEBT]
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
    x.figures.given = <int64_t*>calloc(t.n_currencies, sizeof(int64_t))
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
            or x.figures.given == NULL or x.figures.desired == NULL or x.figures.granted == NULL
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
    free(x.figures.given)
    free(x.figures.desired)
    free(x.figures.granted)
    free(x.figures.limit)
    free(x.figures.fired)
    free(x.figures.exact)
    free(x.figures.scale)
    free(x.figures.safe_exact)
    free(x.figures.room)


cdef inline int fold_run(const RuleTable *shared, int32_t words, int32_t currencies,
                         Work *w, const uint32_t *order, int64_t n,
                         const Scratch *scratch) noexcept nogil:
    """Fold rows that are plain sales of one plain program; -1 without memory."""
    cdef int64_t k, slot
    cdef int32_t c
    cdef int64_t *ahead
    cdef const Lots *lots
    cdef int64_t *rows = w.g.rows
    cdef int64_t width = w.g.width
    cdef int failed = 0
    # Copies that no pointer leads to: of a shared struct each field would have to be read
    # again after every store, which might have changed it.
    cdef RuleTable t = shared[0]
    cdef Scratch x = scratch[0]
    cdef Columns in_ = w.in_[0]
    cdef Results out = w.out[0]
    cdef Postings p = w.p[0]
    for k in range(n):
        # A member's row is a random access, and so are the two ends of its lots: ask for each
        # some baskets ahead, when what leads to it has come. Rows begin anywhere in a cache
        # line: their last slots may stand in one more.
        if k + 16 < n:
            ahead = rows + in_.member[order[k + 16]] * width
            for slot in range(0, width, 8):
                prefetch(ahead + slot)
            prefetch(ahead + width - 1)
        if k + 8 < n:
            ahead = rows + in_.member[order[k + 8]] * width
            for c in range(currencies):
                prefetch(<void*>ahead[HEAD + ACCOUNT * c + LOTS])
        if k + 4 < n:
            ahead = rows + in_.member[order[k + 4]] * width
            for c in range(currencies):
                lots = <const Lots*>ahead[HEAD + ACCOUNT * c + LOTS]
                if lots != NULL:
                    prefetch(&lots.lot[lots.head])
                    prefetch(&lots.lot[lots.end])
        if fold_basket(&t, words, currencies, rows + in_.member[order[k]] * width, &in_,
                       order[k], &x, &out, &p):
            failed = -1
            break
    w.p[0] = p
    return failed


cdef int fold_plain(const RuleTable *t, Work *w, const uint32_t *order,
                    int64_t n) noexcept nogil:
    """As fold_run, compiled apart for the usual programs: one currency, at most 64 rules."""
    cdef Scratch x
    cdef int failed
    failed = make_scratch(t, &x)
    if not failed:
        if t.n_words == 1 and t.n_currencies == 1:
            failed = fold_run(t, 1, 1, w, order, n, &x)
        elif t.n_currencies == 1:
            failed = fold_run(t, t.n_words, 1, w, order, n, &x)
        else:
            failed = fold_run(t, t.n_words, t.n_currencies, w, order, n, &x)
    free_scratch(&x)
    return failed
