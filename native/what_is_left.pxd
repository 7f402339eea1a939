"""What of a sale has come back, and what it has given with what is left (rulebook 9)."""

from libc.stdint cimport int32_t, int64_t, uint64_t
from libc.string cimport memcpy, memset

from .arith cimport i128
from .basket cimport BASKET, Basket
from .big cimport Big, big_add, big_load, big_mul, big_store, big_times
from .columns cimport Columns
from .earned cimport keeps_rest
from .history cimport Sold
from .rate cimport rate_all
from .rules cimport (
    BONUS, EARN, GROUP_FIRST, NO_SUCH_LINE, OK, PER_UNITS, QUANTITY, RETURNS_TOO_MUCH, RuleTable)
from .work cimport Work, gone, prepare


cdef inline int64_t left_quantity(const Columns *in_, const Sold *s, int64_t lo,
                                  int64_t k) noexcept nogil:
    if gone(in_.quantity[lo + k], in_.net[lo + k], s.back_quantity[k], s.back_net[k]):
        return 0
    return in_.quantity[lo + k] - s.back_quantity[k]


cdef inline int64_t left_net(const Columns *in_, const Sold *s, int64_t lo,
                             int64_t k) noexcept nogil:
    if gone(in_.quantity[lo + k], in_.net[lo + k], s.back_quantity[k], s.back_net[k]):
        return 0
    return in_.net[lo + k] - s.back_net[k]


cdef inline void take_line(const Columns *in_, Sold *s, int64_t lo, int64_t k, int64_t *quantity,
                           int64_t *net, bint by_amount) noexcept nogil:
    """Take from one line what it has left of a quantity and an amount that come back."""
    cdef int64_t have = left_quantity(in_, s, lo, k), amount = left_net(in_, s, lo, k)
    cdef int64_t part = quantity[0] if quantity[0] < have else have
    if part == 0 and not by_amount:
        return
    if net[0] < amount:
        amount = net[0]
    s.back_quantity[k] += part
    s.back_net[k] += amount
    quantity[0] -= part
    net[0] -= amount


cdef inline int bring_back(Work *w, Sold *s, int64_t i, const int32_t *sku) noexcept nogil:
    """Count the lines of a return against the sale's; a status, s is then as it was or not.

    A line is named, or the latest of the sku is meant. What exceeds a line that was voided
    in part goes to the sku's other lines, the latest first.
    """
    cdef const Columns *in_ = w.in_
    cdef int64_t lo = in_.lines_from[s.row], n = in_.lines_from[s.row + 1] - lo, b, k, named
    cdef int64_t quantity, net
    cdef int32_t of
    cdef bint voided, found, by_amount
    for b in range(in_.back_from[i], in_.back_from[i + 1]):
        quantity, net = in_.back_quantity[b], in_.back_net[b]
        by_amount = quantity == 0
        named = -1
        of = in_.back_sku[b]
        if in_.back_line[b] > 0:
            for k in range(n):
                if in_.line[lo + k] == in_.back_line[b]:
                    named = k
            if named < 0 or (of >= 0 and sku[in_.product[lo + named]] != of):
                return NO_SUCH_LINE
            of = sku[in_.product[lo + named]]
            if by_amount and left_quantity(in_, s, lo, named) == 0 and left_net(
                    in_, s, lo, named) == 0:
                # An amount on a line that is gone moves nothing.
                continue
            take_line(in_, s, lo, named, &quantity, &net, by_amount)
            voided = (in_.full_quantity != NULL
                      and in_.full_quantity[lo + named] != in_.quantity[lo + named])
            if (quantity or net) and not voided:
                return RETURNS_TOO_MUCH
        else:
            found = False
            for k in range(n):
                if sku[in_.product[lo + k]] == of:
                    found = True
            if not found:
                return NO_SUCH_LINE
        for k in range(n - 1, -1, -1):
            if (quantity or net) and k != named and sku[in_.product[lo + k]] == of:
                take_line(in_, s, lo, k, &quantity, &net, by_amount)
        if quantity or net:
            return RETURNS_TOO_MUCH
    return OK


cdef inline void cut_to_first(const RuleTable *t, const Sold *s, int32_t c,
                              int64_t *given) noexcept nogil:
    """The lesser of F and what the sale gave at first, cut from the last rule backwards."""
    cdef int32_t k
    cdef int64_t first = 0, now = 0, part
    for k in range(t.n_rules):
        if t.currency[k] == c:
            first += s.first[k]
            now += given[k]
    for k in range(t.n_rules - 1, -1, -1):
        if now <= first:
            return
        if t.currency[k] == c and given[k]:
            part = given[k] if given[k] < now - first else now - first
            given[k] -= part
            now -= part


cdef inline void carry_moved(const RuleTable *t, int64_t *row, Sold *s, int32_t rule,
                             const int64_t *after, int *overflow) noexcept nogil:
    """Correct a carried remainder by what it would have been after what is left."""
    cdef Big n1, d1, n2, d2
    # row += after - s.after
    big_load(&n1, &d1, row + t.slot[rule])
    big_load(&n2, &d2, after)
    big_mul(&n1, &n1, &d2, overflow)
    big_mul(&n2, &n2, &d1, overflow)
    big_add(&n1, &n1, &n2, overflow)
    big_mul(&d1, &d1, &d2, overflow)
    big_load(&n2, &d2, s.after + 4 * rule)
    big_mul(&n1, &n1, &d2, overflow)
    big_mul(&n2, &n2, &d1, overflow)
    if n2.n:
        n2.neg = 1 - n2.neg
    big_add(&n1, &n1, &n2, overflow)
    big_mul(&d1, &d1, &d2, overflow)
    big_store(row + t.slot[rule], &n1, &d1, overflow)
    memcpy(s.after + 4 * rule, after, 4 * sizeof(int64_t))


cdef inline void rate_left(Work *w, const RuleTable *t, Sold *s, const Basket *b,
                           int64_t *row) noexcept nogil:
    """recompute: w.given is what the sale has given with what is left of it."""
    cdef int32_t k, c
    cdef int overflow = 0
    w.rated.n_fired = w.rated.n_part = 0
    w.rated.overflow = 0
    if b.eligible > 0:
        rate_all(t, b, s.before, s.tier, s.active, &w.rated)
    for k in range(t.n_rules):
        w.given[k] = 0
    for k in range(w.rated.n_fired):
        w.given[w.rated.fired[k]] = w.rated.granted[w.rated.fired[k]]
    for k in range(t.n_rules):
        if not keeps_rest(t, k):
            continue
        # A rule that takes no part any more leaves the remainder as it was before the sale.
        c = 0
        for c in range(w.rated.n_part):
            if w.rated.part[c] == k and w.rated.limit[k] != -1:
                break
        else:
            memcpy(w.rated.after + 4 * k, s.before + t.slot[k], 4 * sizeof(int64_t))
        carry_moved(t, row, s, k, w.rated.after + 4 * k, &overflow)
    for c in range(t.n_currencies):
        cut_to_first(t, s, c, w.given)


cdef inline void share_left(Work *w, const RuleTable *t, Sold *s, int64_t *row) noexcept nogil:
    """proportional: w.given by the share of each rule's own lines that is back."""
    cdef Basket whole, b
    cdef const Columns *in_ = w.in_
    cdef int64_t lo = in_.lines_from[s.row], n = in_.lines_from[s.row + 1] - lo
    cdef int64_t redeemed_back, k, all_, back, points
    cdef int32_t j, i, r, rule, other
    cdef bint any_left, mine
    cdef uint64_t bit
    for k in range(t.n_rules):
        w.given[k] = s.first[k]
    # What is left of each line, by its place, in w.weight after this.
    prepare(w, t, s.row, s.back_quantity, s.back_net, &b, &redeemed_back)
    memset(w.back_quantity, 0, (n + 1) * sizeof(int64_t))
    memset(w.back_net, 0, (n + 1) * sizeof(int64_t))
    for j in range(b.n):
        w.back_quantity[b.lines[j].place] = b.lines[j].quantity
        w.back_net[b.lines[j].place] = b.lines[j].unpaid
    prepare(w, t, s.row, NULL, NULL, &whole, &redeemed_back)
    whole.form = BASKET
    if whole.eligible <= 0:
        return
    rate_all(t, &whole, s.before, s.tier, s.active, &w.rated)
    for r in range(w.rated.n_part):
        rule = w.rated.part[r]
        bit = <uint64_t>1 << (rule & 63)
        all_ = back = 0
        any_left = False
        for j in range(whole.n):
            if not w.rated.matched[<int64_t>j * t.n_words + (rule >> 6)] & bit:
                continue
            mine = True
            if (t.kind[rule] == EARN and t.group[rule] >= 0
                    and t.group_mode[t.group[rule]] == GROUP_FIRST):
                for i in range(r):
                    other = w.rated.part[i]
                    if (t.kind[other] == EARN and t.group[other] == t.group[rule]
                            and w.rated.matched[<int64_t>j * t.n_words + (other >> 6)]
                            >> (other & 63) & 1):
                        mine = False
            if not mine:
                continue
            k = whole.lines[j].place
            if w.back_quantity[k] or w.back_net[k]:
                any_left = True
            if (t.kind[rule] == EARN and t.basis[rule] == QUANTITY) or (
                    t.kind[rule] == BONUS and t.form[rule] == PER_UNITS):
                all_ += whole.lines[j].quantity
                back += whole.lines[j].quantity - w.back_quantity[k]
            else:
                all_ += whole.lines[j].unpaid
                back += whole.lines[j].unpaid - w.back_net[k]
        if not any_left:
            points = s.first[rule]
        elif (t.kind[rule] == BONUS and t.form[rule] != PER_UNITS) or all_ <= 0:
            points = 0
        else:
            points = <int64_t>(<i128>s.first[rule] * back // all_)
        w.given[rule] = s.first[rule] - points
        if keeps_rest(t, rule) and w.rated.limit[rule] != -1:
            keep_share(t, row, s, rule, points, back if any_left else all_, all_, w)


cdef inline void keep_share(const RuleTable *t, int64_t *row, Sold *s, int32_t rule,
                            int64_t points, int64_t back, int64_t all_,
                            Work *w) noexcept nogil:
    """proportional: the carried sum falls by the share that its points fall by."""
    cdef Big n1, d1, n2, d2
    cdef int64_t after[4]
    cdef int overflow = 0
    # after = rest after the sale, less (exact - given) times the share that is back:
    # with all of it back the remainder is what it was before the sale.
    big_load(&n1, &d1, w.rated.after + 4 * rule)
    big_load(&n2, &d2, s.before + t.slot[rule])
    big_mul(&n2, &n2, &d1, &overflow)
    if n2.n:
        n2.neg = 1 - n2.neg
    big_mul(&n1, &n1, &d2, &overflow)
    big_add(&n2, &n1, &n2, &overflow)
    big_mul(&d1, &d1, &d2, &overflow)
    # n2 / d1 is what the sale added to the remainder; n1 / d1 the remainder after it.
    if all_ > 0:
        if t.kind[rule] == EARN and s.first[rule] > 0 and back < all_:
            big_times(&n2, points, &overflow)
            big_times(&n1, s.first[rule], &overflow)
            big_times(&d1, s.first[rule], &overflow)
        else:
            big_times(&n2, back, &overflow)
            big_times(&n1, all_, &overflow)
            big_times(&d1, all_, &overflow)
    if n2.n:
        n2.neg = 1 - n2.neg
    big_add(&n1, &n1, &n2, &overflow)
    memset(after, 0, sizeof(after))
    big_store(after, &n1, &d1, &overflow)
    carry_moved(t, row, s, rule, after, &overflow)
