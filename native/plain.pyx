"""The short way of a plain sale under a plain program, in 64 or 128 bits.

It gives what the general rating gives, at a tenth of the price; tests hold the two equal.
This module is compiled apart: one loop of many small functions, inlined three times over
constants that are the usual program's. What few baskets need, and what is a loop of its own, are
functions that are called: in the one loop they would take registers from all that is done for
each basket.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memset

from .accounts cimport expire_passed, pay_debt, put_lot
from .arith cimport ctz64, i128, prefetch
from .columns cimport MOST_AHEAD, Columns, Postings, Results, give_room, more_postings
from .earn cimport Figure, Figures, caps_cut, fill_caps, granted_by, is_safe, rate_one
from .earn_any cimport rate_basket
from .lots cimport Lot, Lots, pending_points
from .rules cimport (
    COUNT_CURRENCY, COUNT_RULE_POINTS, COUNT_RULE_USES, COUNT_SPEND, OK, OVERFLOW, Counter,
    PlainRule, RuleTable)
from .rungs cimport extend_simple, qualified_simple, with_manual
from .state cimport (
    ACCOUNT, DEBT, FACTS, HEAD, ISSUED, JOINED, LAST_AT, LAST_BUY, LIVE, LOTS, PURCHASES, TODAY,
    UPGRADES)
from .words cimport (
    BLOCK, BLOCK_LINES, Segment, Sums, basket_words, merged, sum_few, sum_lines, take_seen,
    take_segments)
from .work cimport Work

# Accounts and counters stay below this, so that one more posting cannot overflow them.
cdef int64_t MOST = <int64_t>1 << 62


cdef struct Scratch:
    Sums sums
    uint64_t *touched
    Segment *segments
    uint64_t *matched
    uint64_t *words
    uint64_t *candidates
    Figures figures


cdef struct Shared:
    # What fold_run has copies of.
    const RuleTable *t
    const Columns *in_
    Scratch *x


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


cdef inline bint post_basket(const RuleTable *t, int32_t words, int32_t currencies,
                             const PlainRule *rules, const uint64_t *candidates, int64_t *row,
                             uint32_t basket, int32_t day, const Figures *f,
                             Postings *p) noexcept nogil:
    """Write the basket's postings and lots; False without memory."""
    cdef Py_ssize_t c
    cdef int32_t w, rule
    cdef int64_t at
    cdef uint64_t left
    cdef const PlainRule *one
    cdef const PlainRule *those
    cdef const Figure *to
    cdef const Figure *figures
    cdef int64_t *account
    cdef Lot lot
    if not more_postings(p, t.n_rules):
        return False
    at = p.n
    for w in range(words):
        left = candidates[w]
        those = rules + w * 64
        figures = f.of + w * 64
        while left:
            rule = ctz64(left)
            left &= left - 1
            one = &those[rule]
            to = &figures[rule]
            p.basket[at] = basket
            p.rule[at] = one.number
            p.kind[at] = one.kind
            p.currency[at] = one.currency
            p.limit[at] = to.limit if f.cut else 0
            p.desired[at] = to.desired
            p.points[at] = granted_by(f, to)
            # One that wanted nothing is written over by the next: no branch on the data.
            at += to.desired != 0
    p.n = at
    for c in range(currencies):
        if f.given[c] == 0:
            continue
        account = row + HEAD + ACCOUNT * c
        account[ISSUED] += f.given[c]
        lot.earned = day
        lot.active_from = day + t.currencies[c].pending_days
        lot.good_through = t.currencies[c].good_through[day]
        lot.source = <int32_t>row[FACTS]
        lot.tag = 0
        lot.fixed = t.currencies[c].fixes
        lot.points = f.given[c]
        if not put_lot(account, lot, day):
            return False
    return True


cdef inline void count_basket(const RuleTable *t, const uint64_t *candidates, int64_t *row,
                              int32_t day, int64_t eligible, const Figures *f) noexcept nogil:
    """Move the member's counters on: metrics, limits, caps."""
    cdef Py_ssize_t i
    cdef int32_t rule
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
            rule = counter.subject
            if rule >= 0 and candidates[rule >> 6] >> (rule & 63) & 1:
                amount = granted_by(f, &f.of[rule])
            if counter.kind == COUNT_RULE_USES:
                amount = amount > 0
        else:
            amount = 1
        if amount:
            if row[counter.slot] != counter.period[day]:
                row[counter.slot] = counter.period[day]
                row[counter.slot + 1] = 0
            row[counter.slot + 1] += amount


# The functions that are not inlined are given what Shared has, never an address of fold_run's own
# copies.

cdef void sum_block(const RuleTable *t, const Columns *in_, const uint32_t *order, int64_t n,
                    const Sums *x) noexcept nogil:
    """Class sums of n rows, at most BLOCK."""
    cdef int64_t k, lo, lines, place
    cdef uint32_t apart = 0
    cdef const int64_t *lines_from = in_.lines_from
    cdef const int64_t *starts = lines_from + order[0]
    cdef const uint32_t *product = in_.product
    cdef const int64_t *net = in_.net
    cdef const int64_t *quantity = in_.quantity
    for k in range(n):
        apart |= order[k] - order[0] - <uint32_t>k
    lines = 0 if apart else starts[n] - starts[0]
    if apart or lines > BLOCK_LINES:
        for k in range(n):
            lo = lines_from[order[k]]
            place = k * x.stride
            sum_few(t, product + lo, net + lo, quantity + lo, lines_from[order[k] + 1] - lo, NULL,
                    x.net_of + place, x.quantity_of + place, <uint8_t*>x.seen + place)
        return
    memset(x.begins, 0, (lines + 1) * sizeof(uint16_t))
    for k in range(1, n):
        x.begins[starts[k] - starts[0]] += <uint16_t>x.stride
    lo = starts[0]
    sum_few(t, product + lo, net + lo, quantity + lo, lines, x.begins, x.net_of, x.quantity_of,
            <uint8_t*>x.seen)


cdef void rate_amounts(const RuleTable *t, const PlainRule *rules, int32_t n, const int64_t *row,
                       int32_t day, const Scratch *x, Figures *f) noexcept nogil:
    """As rate_one, of at most 64 rules of which none asks for quantities."""
    rate_one(t, 1, False, rules, x.segments, n, x.matched, x.candidates, row, day, f)


cdef void rate_words(const RuleTable *t, const PlainRule *rules, int32_t n, const int64_t *row,
                     int32_t day, const Scratch *x, Figures *f) noexcept nogil:
    """As rate_one, of any number of rules of which none asks for quantities."""
    rate_one(t, t.n_words, False, rules, x.segments, n, x.matched, x.candidates, row, day, f)


cdef void rate_quantities(const RuleTable *t, const PlainRule *rules, int32_t n,
                          const int64_t *row, int32_t day, const Scratch *x,
                          Figures *f) noexcept nogil:
    rate_one(t, t.n_words, True, rules, x.segments, n, x.matched, x.candidates, row,
             day, f)


cdef void rate_any(const RuleTable *t, const PlainRule *rules, int32_t n, int32_t tier, bint safe,
                   const int64_t *row, int32_t day, const Scratch *x, Figures *f) noexcept nogil:
    rate_basket(t, rules, x.segments, n, x.matched, x.candidates, tier, safe, row, day, f)


cdef void cut_by_caps(const RuleTable *t, const PlainRule *rules, const Scratch *x,
                      Figures *f) noexcept nogil:
    fill_caps(t, rules, x.candidates, f)


cdef void pay(int64_t *account, int32_t day) noexcept nogil:
    pay_debt(account, day)


cdef inline int32_t take_lines(const RuleTable *t, const Columns *in_, const uint32_t *order,
                               int64_t n, int64_t k, Scratch *x, const Shared *shared,
                               int64_t *eligible) noexcept nogil:
    """Segments of the k-th of n rows; returns their number, *eligible is their amount."""
    cdef int64_t place = k & (BLOCK - 1), lo = in_.lines_from[order[k]], sums
    cdef int32_t taken = 0, block
    cdef uint64_t classes
    eligible[0] = 0
    if t.few_class != NULL:
        if place == 0:
            sum_block(shared.t, shared.in_, order + k, n - k if n - k < BLOCK else BLOCK,
                      &shared.x.sums)
        sums = place * x.sums.stride
        classes = take_seen(<uint64_t*>(<uint8_t*>x.sums.seen + sums), x.sums.stride)
        return take_segments(t, classes, 0, x.sums.net_of + sums, x.sums.quantity_of + sums,
                             x.segments, 0, eligible)
    sum_lines(t, in_.product + lo, in_.net + lo, in_.quantity + lo,
              in_.lines_from[order[k] + 1] - lo, x.sums.net_of, x.sums.quantity_of, x.touched)
    for block in range((t.n_classes + 63) >> 6):
        classes = x.touched[block]
        x.touched[block] = 0
        taken = take_segments(t, classes, block * 64, x.sums.net_of, x.sums.quantity_of,
                              x.segments, taken, eligible)
    return taken


cdef inline int fold_basket(const RuleTable *t, int32_t words, int32_t currencies,
                            int64_t *row, const Columns *in_, uint32_t basket, int32_t n,
                            int64_t eligible, Scratch *x, const Shared *shared, Results *out,
                            Postings *p) noexcept nogil:
    """Fold one plain sale of n segments under a plain program; returns 0, or -1 without memory."""
    cdef int32_t day = in_.day[basket]
    cdef int64_t *account
    cdef const PlainRule *rules
    cdef Figures *f
    cdef int32_t s, w, c, tier, held
    cdef bint safe
    cdef uint64_t word, match, any_
    cdef int64_t pending
    basket_words(t, t.every, words, in_.store[basket], in_.terminal[basket], day,
                 in_.minute[basket], in_.tender + in_.tenders_from[basket],
                 in_.tenders_from[basket + 1] - in_.tenders_from[basket], x.words)
    held = qualified_simple(t, row, day)
    tier = with_manual(t, row, day, held)
    rules = t.plain + (tier + 1) * <int64_t>t.n_rules
    out.eligible[basket] = eligible
    out.status[basket] = OK
    if eligible > 0:
        if n > 1:
            n = merged(t, words, x.words, x.segments, n)
        for w in range(words):
            word = x.words[w]
            if t.tier != NULL:
                word &= t.tier[(tier + 1) * words + w]
            any_ = 0
            for s in range(n):
                match = t.class_words[<int64_t>x.segments[s].cls * words + w] & word
                x.matched[<int64_t>w * n + s] = match
                any_ |= match
            x.candidates[w] = any_
        f = &shared.x.figures
        safe = is_safe(t, x.segments, n, eligible)
        if currencies > 1 or not safe:
            rate_any(shared.t, rules, n, tier, safe, row, day, shared.x, f)
        elif t.uses_quantity:
            rate_quantities(shared.t, rules, n, row, day, shared.x, f)
        elif words > 1:
            rate_words(shared.t, rules, n, row, day, shared.x, f)
        else:
            rate_amounts(shared.t, rules, n, row, day, shared.x, f)
        # Nearly always what all rules give together is below every cap.
        if caps_cut(t, currencies, row, day, f):
            cut_by_caps(shared.t, rules, shared.x, f)
        if f.overflow or not fits(t, currencies, row, eligible, f.given):
            out.status[basket] = OVERFLOW
    if out.status[basket] == OK:
        row[LAST_AT] = in_.at[basket]
        row[TODAY] = day
        if row[JOINED] < 0:
            row[JOINED] = day
        for c in range(currencies):
            account = row + HEAD + ACCOUNT * c
            if account[DEBT] > 0:
                pay(account, day)
            expire_passed(account, day)
        if eligible > 0:
            if not post_basket(t, words, currencies, rules, x.candidates, row, basket, day, f,
                               p):
                return -1
            row[PURCHASES] += 1
            if day > row[LAST_BUY]:
                row[LAST_BUY] = day
            count_basket(t, x.candidates, row, day, eligible, f)
            if t.n_tiers and extend_simple(t, row, day):
                s = qualified_simple(t, row, day)
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


cdef int make_scratch(const RuleTable *t, int64_t n, Scratch *x) noexcept nogil:
    """Allocate what a block of at most n baskets needs, whatever the batch; -1 without memory."""
    cdef int64_t classes = t.n_classes, words = t.n_words
    cdef int64_t rules = t.n_rules if t.n_rules else 1
    cdef int64_t limits = 1, sums
    cdef int32_t c, rule
    for c in range(t.n_currencies):
        if t.currencies[c].caps_to > limits:
            limits = t.currencies[c].caps_to
    x.sums.stride = (t.n_classes + 7) & ~7
    sums = (1 if t.few_class == NULL else n if n < BLOCK else BLOCK) * x.sums.stride
    x.sums.net_of = <int64_t*>calloc(sums, sizeof(int64_t))
    x.sums.quantity_of = <int64_t*>calloc(sums, sizeof(int64_t))
    x.sums.seen = <uint64_t*>calloc(sums, 1)
    x.sums.begins = <uint16_t*>calloc(BLOCK_LINES + 1, sizeof(uint16_t))
    x.touched = <uint64_t*>calloc((classes + 63) >> 6, sizeof(uint64_t))
    x.segments = <Segment*>calloc(classes, sizeof(Segment))
    x.matched = <uint64_t*>calloc(classes * words, sizeof(uint64_t))
    x.words = <uint64_t*>calloc(words, sizeof(uint64_t))
    x.candidates = <uint64_t*>calloc(words, sizeof(uint64_t))
    x.figures.given = <int64_t*>calloc(t.n_currencies, sizeof(int64_t))
    x.figures.of = <Figure*>calloc(rules, sizeof(Figure))
    x.figures.limited = <uint64_t*>calloc(words, sizeof(uint64_t))
    x.figures.exact = <i128*>calloc(classes * t.n_currencies, sizeof(i128))
    x.figures.scale = <i128*>calloc(t.n_currencies, sizeof(i128))
    x.figures.safe_exact = <int64_t*>calloc(classes * t.n_currencies, sizeof(int64_t))
    x.figures.room = <int64_t*>calloc(limits, sizeof(int64_t))
    if (x.sums.net_of == NULL or x.sums.quantity_of == NULL or x.sums.seen == NULL
            or x.sums.begins == NULL or x.touched == NULL or x.segments == NULL
            or x.matched == NULL or x.words == NULL or x.candidates == NULL
            or x.figures.given == NULL or x.figures.of == NULL or x.figures.limited == NULL
            or x.figures.exact == NULL
            or x.figures.scale == NULL or x.figures.safe_exact == NULL or x.figures.room == NULL):
        return -1
    for rule in range(t.n_rules):
        if t.plain[rule].limited:
            x.figures.limited[rule >> 6] |= <uint64_t>1 << (rule & 63)
    return 0


cdef void free_scratch(Scratch *x) noexcept nogil:
    free(x.sums.net_of)
    free(x.sums.quantity_of)
    free(x.sums.seen)
    free(x.sums.begins)
    free(x.touched)
    free(x.segments)
    free(x.matched)
    free(x.words)
    free(x.candidates)
    free(x.figures.given)
    free(x.figures.of)
    free(x.figures.limited)
    free(x.figures.exact)
    free(x.figures.scale)
    free(x.figures.safe_exact)
    free(x.figures.room)


cdef inline int fold_run(const RuleTable *table, int32_t words, int32_t currencies,
                         Work *w, const uint32_t *order, int64_t n,
                         Scratch *scratch) noexcept nogil:
    """Fold rows that are plain sales of one plain program; -1 without memory."""
    cdef int64_t k, slot, eligible
    cdef int32_t c, taken
    cdef int64_t *ahead
    cdef const Lots *lots
    cdef int64_t *rows = w.g.rows
    cdef int64_t width = w.g.width
    cdef int failed = 0
    # Copies that no pointer leads to: of a shared struct each field would have to be read
    # again after every store, which might have changed it.
    cdef RuleTable t = table[0]
    cdef Scratch x = scratch[0]
    cdef Columns in_ = w.in_[0]
    cdef Results out = w.out[0]
    cdef Postings p = w.p[0]
    cdef Shared shared
    shared.t, shared.in_, shared.x = table, w.in_, scratch
    for k in range(n):
        # A member's row is a random access, and so are the two ends of its lots: ask for each
        # some baskets ahead, when what leads to it has come, and once where sales of a member
        # come together. Rows begin anywhere in a cache line: their last slots may stand in one
        # more.
        if k + 16 >= n or in_.member[order[k + 16]] != in_.member[order[k + 3]]:
            if k + 16 < n and in_.member[order[k + 16]] != in_.member[order[k + 15]]:
                ahead = rows + in_.member[order[k + 16]] * width
                for slot in range(0, width, 8):
                    prefetch(ahead + slot)
                prefetch(ahead + width - 1)
            if k + 8 < n and in_.member[order[k + 8]] != in_.member[order[k + 7]]:
                ahead = rows + in_.member[order[k + 8]] * width
                for c in range(currencies):
                    prefetch(<void*>ahead[HEAD + ACCOUNT * c + LOTS])
            if k + 4 < n and in_.member[order[k + 4]] != in_.member[order[k + 3]]:
                ahead = rows + in_.member[order[k + 4]] * width
                for c in range(currencies):
                    lots = <const Lots*>ahead[HEAD + ACCOUNT * c + LOTS]
                    if lots != NULL:
                        prefetch(&lots.lot[lots.head])
                        prefetch(&lots.lot[lots.end])
        taken = take_lines(&t, &in_, order, n, k, &x, &shared, &eligible)
        if fold_basket(&t, words, currencies, rows + in_.member[order[k]] * width, &in_,
                       order[k], taken, eligible, &x, &shared, &out, &p):
            failed = -1
            break
    w.p[0] = p
    return failed


cdef int fold_plain(const RuleTable *t, Work *w, const uint32_t *order,
                    int64_t n) noexcept nogil:
    """As fold_run, compiled apart for the usual programs: one currency, at most 64 rules."""
    cdef Scratch x
    cdef int failed
    # To grow copies: make room for as much as most batches post. If it is not to be had,
    # more_postings asks for as much as there is need of.
    cdef int64_t ahead = n * t.n_rules
    give_room(w.p, ahead if ahead < MOST_AHEAD else MOST_AHEAD)
    failed = make_scratch(t, n, &x)
    if not failed:
        if t.n_words == 1 and t.n_currencies == 1:
            failed = fold_run(t, 1, 1, w, order, n, &x)
        elif t.n_currencies == 1:
            failed = fold_run(t, t.n_words, 1, w, order, n, &x)
        else:
            failed = fold_run(t, t.n_words, t.n_currencies, w, order, n, &x)
    free_scratch(&x)
    return failed
