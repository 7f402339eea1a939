"""A sale's lines as the rating takes them: what redemptions paid of them, what has come back,
those of one class as one.
"""

from libc.stdint cimport INT64_MIN, int32_t, int64_t
from libc.string cimport memset

from .arith cimport i128
from .basket cimport Basket, Line, spread
from .columns cimport Columns
from .rules cimport RuleTable
from .work cimport Work


cdef inline void scale_tenders(Work *w, const RuleTable *t, int64_t row, int64_t net,
                               int64_t *redeemed) noexcept nogil:
    """w.paid: each type's amount where tenders pay tax as well (rulebook 4.1).

    A type's sum stands at its first tender. *redeemed is what redemptions paid.
    """
    cdef const Columns *in_ = w.in_
    cdef int64_t lo = in_.tenders_from[row], hi = in_.tenders_from[row + 1], i, k
    cdef int64_t total = 0
    redeemed[0] = 0
    for i in range(lo, hi):
        total += in_.amount[i]
    for i in range(lo, hi):
        w.paid[i - lo] = 0
        for k in range(lo, i):
            if in_.tender[k] == in_.tender[i]:
                break
        else:
            for k in range(i, hi):
                if in_.tender[k] == in_.tender[i]:
                    w.paid[i - lo] += in_.amount[k]
            if w.paid[i - lo] < 0 or net <= 0:
                w.paid[i - lo] = 0
            elif total > net:
                w.paid[i - lo] = <int64_t>(<i128>w.paid[i - lo] * net // total)
            if t.redeems[in_.tender[i]] != -2:
                redeemed[0] += w.paid[i - lo]


cdef inline bint gone(int64_t quantity, int64_t net, int64_t back_quantity,
                      int64_t back_net) noexcept nogil:
    """Whether nothing of a line is left: its quantity is back whatever the amount."""
    if quantity > 0:
        return back_quantity >= quantity
    return back_net >= net


cdef inline void keep_lines(Work *w, const RuleTable *t, int64_t row, const int64_t *back_quantity,
                            const int64_t *back_net, Basket *b,
                            int64_t *redeemed_back) noexcept nogil:
    """A sale's lines, each by itself; w.part tells what redemptions paid of them."""
    cdef const Columns *in_ = w.in_
    cdef int64_t lo = in_.lines_from[row], n = in_.lines_from[row + 1] - lo, i, left, sold
    cdef int32_t k = 0, pass_, cls
    cdef bint lost, fits, apart = False
    cdef Line *one
    for pass_ in range(2):
        if pass_ == 1 and not apart:
            break
        for i in range(n):
            sold = in_.net[lo + i]
            if sold == 0 and in_.quantity[lo + i] == 0:
                continue
            lost = back_quantity != NULL and gone(in_.quantity[lo + i], sold, back_quantity[i],
                                                  back_net[i])
            cls = t.product_class[in_.product[lo + i]]
            fits = not lost and t.class_eligible[cls]
            if fits != (pass_ == 0):
                apart = True
                continue
            one = &w.lines[k]
            k += 1
            one.product = in_.product[lo + i]
            one.cls = cls
            one.place = <int32_t>i
            one.net_sold = sold
            one.net = one.quantity = 0
            left = 0
            if not lost:
                one.net = sold - (back_net[i] if back_quantity != NULL else 0)
                one.quantity = in_.quantity[lo + i]
                if back_quantity != NULL:
                    one.quantity -= back_quantity[i]
                left = w.part[i]
                if one.net != sold:
                    left -= <int64_t>(<i128>w.part[i] * (sold - one.net) // sold)
            redeemed_back[0] += w.part[i] - left
            one.unpaid = one.net if t.earn_on_redeemed else one.net - left
            one.full_quantity = in_.quantity[lo + i]
            one.gross = sold
            one.cost = INT64_MIN
            if in_.gross != NULL:
                one.full_quantity = in_.full_quantity[lo + i]
                one.gross = in_.gross[lo + i]
                one.cost = in_.cost[lo + i]
            if fits:
                b.eligible += one.unpaid
        if pass_ == 0:
            b.n = k
    b.n_all = k


cdef inline void gather_lines(Work *w, const RuleTable *t, int64_t row, Basket *b) noexcept nogil:
    """The eligible lines of a sale that no redemption paid, those of one class as one.

    For programs that look at no line apart (RuleTable.by_class): all else is linear in the
    figures of a line, but for one of known cost and one of which a void has taken: these stay
    lines of their own.
    """
    cdef const Columns *in_ = w.in_
    cdef int64_t lo = in_.lines_from[row], hi = in_.lines_from[row + 1], i, net, quantity, gross
    cdef int32_t cls, k, n = 0
    cdef bint own = False
    cdef Line *one
    for i in range(lo, hi):
        net = gross = in_.net[i]
        quantity = in_.quantity[i]
        cls = t.product_class[in_.product[i]]
        if not (net | quantity) or not t.class_eligible[cls]:
            continue
        if in_.gross != NULL:
            gross = in_.gross[i]
            own = in_.full_quantity[i] != quantity or in_.cost[i] != INT64_MIN
        k = w.line_of[cls]
        if k and not own:
            one = &w.lines[k - 1]
            one.net += net
            one.quantity += quantity
            one.full_quantity += quantity
            one.gross += gross
            continue
        one = &w.lines[n]
        n += 1
        if not own:
            w.line_of[cls] = n
        one.product = in_.product[i]
        one.cls = cls
        one.place = <int32_t>(i - lo)
        one.net = net
        one.quantity = quantity
        one.full_quantity = in_.full_quantity[i] if own else quantity
        one.gross = gross
        one.cost = in_.cost[i] if own else INT64_MIN
    for k in range(n):
        one = &w.lines[k]
        one.unpaid = one.net_sold = one.net
        b.eligible += one.net
        w.line_of[one.cls] = 0
    b.n = b.n_all = n


cdef inline int64_t prepare(Work *w, const RuleTable *t, int64_t row, const int64_t *back_quantity,
                            const int64_t *back_net, bint apart, Basket *b,
                            int64_t *redeemed_back) noexcept nogil:
    """A sale's lines as the rating takes them, less what has come back.

    `apart` asks for each line by itself: eligible ones come first, then the others. Returns
    what redemptions paid in all; *redeemed_back is the share of it that is back (rulebook 9).
    """
    cdef const Columns *in_ = w.in_
    cdef int64_t lo = in_.lines_from[row], n = in_.lines_from[row + 1] - lo, i, net = 0
    cdef int64_t positive = 0, redeemed
    for i in range(n):
        net += in_.net[lo + i]
        if in_.net[lo + i] > 0:
            positive += in_.net[lo + i]
    scale_tenders(w, t, row, net, &redeemed)
    if redeemed > positive:
        redeemed = positive
    redeemed_back[0] = 0
    b.eligible = 0
    b.lines = w.lines
    if redeemed or apart:
        memset(w.part, 0, n * sizeof(int64_t))
        if redeemed:
            for i in range(n):
                w.weight[i] = in_.net[lo + i]
                w.lines[i].place = <int32_t>i
            spread(redeemed, w.lines, <int32_t>n, w.weight, positive, w.part, w.rest)
        keep_lines(w, t, row, back_quantity, back_net, b, redeemed_back)
    else:
        gather_lines(w, t, row, b)
    b.net_sold_all = positive
    b.at = in_.at[row]
    b.day = in_.day[row]
    b.minute = in_.minute[row]
    b.store = in_.store[row]
    b.terminal = in_.terminal[row]
    b.channel = in_.channel[row] if in_.channel != NULL else 0
    b.drawn = in_.drawn[row] if in_.drawn != NULL else 0
    b.epoch = in_.epoch[row]
    b.tender = in_.tender + in_.tenders_from[row]
    b.n_tenders = in_.tenders_from[row + 1] - in_.tenders_from[row]
    b.paid = w.paid
    b.bought = NULL
    b.n_bought = 0
    b.coupon = NULL
    b.n_coupons = 0
    if in_.coupons_from != NULL:
        b.coupon = in_.coupon + in_.coupons_from[row]
        b.n_coupons = in_.coupons_from[row + 1] - in_.coupons_from[row]
    return redeemed
