"""Returns and exchanges: what is left of a sale is rated anew, the difference given or taken
back, and limits, counters, ordinals and tiers follow (rulebook section 9).
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t
from libc.string cimport memcpy

from .accounts cimport account_of
from .accrual cimport money_of
from .arith cimport mul128, round_ratio
from .basket cimport BASKET, Basket
from .columns cimport ACCEPTED, COMPLETED, Columns, post, today
from .earned cimport amounts_of, apply_amounts
from .facts cimport finish, no_amounts
from .history cimport History, Sold
from .lines cimport prepare
from .lots cimport Lots, ripening_points
from .offers cimport count_offers, offers_back
from .rules cimport NO_RULE, NO_SUCH_LINE, OK, OVERFLOW, POINTS_SPENT, POST_REVERSE, RuleTable
from .rungs cimport has_tiers
from .state cimport FACTS, LOTS
from .stepping_back cimport guards_back, lower_base, renewals_back, step_back, tiers_back
from .taking cimport REFUSE, restore_spent, reverse, take_back
from .what_is_left cimport bring_back, rate_left, share_left
from .work cimport Work, account_available, begin, mark, new_event


cdef inline bint finds_too_few(const Work *w, const RuleTable *t, int64_t i) noexcept nogil:
    """Whether a return that has been applied is refused for what it did not find.

    The member is then folded anew without it.
    """
    return (t.shortfall == REFUSE and w.short_of > 0
            and not w.in_.flags[i] & (ACCEPTED | COMPLETED))


cdef inline int apply_return(Work *w, const RuleTable *t, int64_t i, int64_t *row, History *h,
                             bint exchange) noexcept nogil:
    """A return of lines of a sale that the history keeps; returns its status.

    `t` is the version of the return, the sale is rated by its own. In an exchange the
    sale part follows: tiers are looked at once, by the caller, at the end.
    """
    cdef const Columns *in_ = w.in_
    cdef Sold *s = NULL
    cdef const RuleTable *ts
    cdef Basket b
    cdef int32_t k, day = today(in_, i)
    cdef int64_t redeemed, redeemed_back, n
    cdef int status
    for k in range(h.n_sold):
        if h.sold[k].row == in_.names[i]:
            s = &h.sold[k]
    if s == NULL:
        return NO_SUCH_LINE
    ts = w.tables[s.version]
    n = in_.lines_from[s.row + 1] - in_.lines_from[s.row]
    memcpy(w.back_quantity, s.back_quantity, n * sizeof(int64_t))
    memcpy(w.back_net, s.back_net, n * sizeof(int64_t))
    memcpy(w.over_quantity, s.over_quantity, n * sizeof(int64_t))
    memcpy(w.over_net, s.over_net, n * sizeof(int64_t))
    status = bring_back(w, s, i, ts.product_sku)
    if status != OK:
        memcpy(s.back_quantity, w.back_quantity, n * sizeof(int64_t))
        memcpy(s.back_net, w.back_net, n * sizeof(int64_t))
        memcpy(s.over_quantity, w.over_quantity, n * sizeof(int64_t))
        memcpy(s.over_net, w.over_net, n * sizeof(int64_t))
        return status
    w.short_of = 0
    begin(w, t, row, day, h)
    if new_event(w, h, -1 if exchange else <int32_t>i, day, in_.version[i],
                 <int32_t>row[FACTS]) == NULL:
        return OK
    offers_back(w, ts, i, s, row)
    redeemed = prepare(w, ts, s.row, s.back_quantity, s.back_net, True, &b, &redeemed_back)
    b.form = BASKET
    w.out.redeemed[i] = redeemed
    w.out.redeemed_back[i] = redeemed_back
    if not restore_spent(w, t, h, s, i, row, day, redeemed, redeemed_back):
        w.failed = 1
        return OK
    if ts.proportional:
        share_left(w, ts, s, row)
        prepare(w, ts, s.row, s.back_quantity, s.back_net, True, &b, &redeemed_back)
        b.form = BASKET
    else:
        rate_left(w, ts, s, &b, row)
    if w.rated.overflow:
        return OVERFLOW
    if not amounts_of(w, ts, &b, w.given, b.eligible > 0, w.amounts_now):
        return OVERFLOW
    s.left = money_of(&b)
    count_offers(w, ts, s.row, s, w.amounts_now)
    guards_back(ts, s, w.given, row)
    if not reverse(w, ts, t.shortfall, s, i, row, day):
        w.failed = 1
        return OK
    for k in range(ts.n_counters):
        w.amounts[k] = w.amounts_now[k] - s.amounts[k]
        s.amounts[k] = w.amounts_now[k]
        h.event[s.event].delta[k] += w.amounts[k]
    if s.event < h.begun:
        lower_base(w, ts, h, s.day)
    apply_amounts(w, ts, row, w.amounts, s.year, s.day, day)
    if not renewals_back(w, ts, h, s, i, row, day):
        w.failed = 1
    step_back(w, ts, h, s, row, b.eligible <= 0)
    if exchange:
        mark(w, t, row, day)
        return OK
    no_amounts(w, t)
    finish(w, t, i, row, h, day, in_.day[i])
    if not t.keeps_tiers and has_tiers(t) and not tiers_back(w, t, h, i, row, day):
        w.failed = 1
    return POINTS_SPENT if finds_too_few(w, t, i) else OK


cdef inline int apply_no_receipt(Work *w, const RuleTable *t, int64_t i, int64_t *row,
                                 History *h) noexcept nogil:
    """A return without a receipt takes what the program says, else nothing."""
    cdef const Columns *in_ = w.in_
    cdef int32_t c = t.receipt_currency, day = in_.day[i]
    cdef int64_t net = 0, points = 0, k
    cdef int overflow = 0
    if c >= 0 and in_.back_from != NULL:
        for k in range(in_.back_from[i], in_.back_from[i + 1]):
            net += in_.back_net[k]
    if c >= 0:
        points = round_ratio(mul128(net, t.receipt_num, &overflow), t.receipt_den, 0, &overflow)
        if overflow or points > t.currencies[c].most:
            return OVERFLOW
    if (points > 0 and t.shortfall == REFUSE and t.currencies[c].spendable
            and not in_.flags[i] & (ACCEPTED | COMPLETED)
            and points > account_available(row, c, day) + ripening_points(
                <Lots*>account_of(row, c)[LOTS], day)):
        # Nothing has moved: such a fact may stand in the order of a batch.
        return POINTS_SPENT
    begin(w, t, row, day, h)
    if h != NULL and new_event(w, h, <int32_t>i, day, in_.version[i],
                               <int32_t>row[FACTS]) == NULL:
        return OK
    if points > 0:
        if not (post(w.p, <uint32_t>i, 0, NO_RULE, POST_REVERSE, <uint8_t>c, 0, -points, -points)
                and take_back(w, t, t.shortfall, i, row, c, day, points, -1, 0, NULL)):
            w.failed = 1
    no_amounts(w, t)
    return finish(w, t, i, row, h, day, day)
