"""Points that wait for the money of their sale (rulebook 4.6): how many wait, and what a payment
makes a lot of the member's.

Of a rule that gives by payment, floor(points x money received / money of the sale) are lots as
ever; the rest is one lot a sale and currency, tagged UNPAID, which only its sale's own facts move.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t

from .accounts cimport account_of, expires_on, put_lot, take_own
from .arith cimport i128
from .basket cimport Basket
from .columns cimport Columns, post, today
from .facts cimport enter, enter_named, finish, no_amounts
from .history cimport History, Sold
from .lots cimport NO_DAY, UNPAID, Lot
from .rules cimport NO_RULE, POST_ACCRUE, RuleTable
from .work cimport Work


cdef inline int64_t waiting_part(int64_t points, int64_t all_, int64_t owed) noexcept nogil:
    """What of a rule's points waits while of a sale's money so much is owed."""
    if owed <= 0 or all_ <= 0:
        return 0
    return points - <int64_t>(<i128>points * (all_ - owed) // all_)


cdef inline int64_t money_of(const Basket *b) noexcept nogil:
    """The money of a basket's lines, excluded ones too, that is no redemption's, as far as that
    earns nothing."""
    cdef int64_t total = 0
    cdef int32_t k
    for k in range(b.n_all):
        total += b.lines[k].unpaid
    return total


cdef inline int64_t not_paid(const Work *w, const RuleTable *t, int64_t i,
                             int64_t all_) noexcept nogil:
    """Of the money of a sale that has been prepared, what was not paid at the till."""
    cdef const Columns *in_ = w.in_
    cdef int64_t lo = in_.tenders_from[i], k, total = 0
    for k in range(lo, in_.tenders_from[i + 1]):
        if t.on_account[in_.tender[k]]:
            total += w.paid[k - lo]
    return total if total < all_ else all_


cdef inline int64_t owed_of(const Sold *s) noexcept nogil:
    """What is still to be paid of a sale: goods that are back need no money."""
    cdef int64_t owed = s.on_account - s.received - (s.all_ - s.left)
    return owed if owed > 0 else 0


cdef inline bint put_waiting(int64_t *account, int32_t source, int32_t earned, int64_t points,
                             int32_t day) noexcept nogil:
    """Add points that wait for money; False without memory."""
    cdef Lot lot
    lot.earned = earned
    lot.active_from = lot.good_through = NO_DAY
    lot.source = source
    lot.tag = UNPAID
    lot.fixed = 1
    lot.points = points
    return put_lot(account, lot, day)


cdef inline void wait_for_money(Work *w, const RuleTable *t, int64_t all_,
                                int64_t owed) noexcept nogil:
    """w.waits and w.wait_of: what of a sale's points waits while so much of its money is owed."""
    cdef int32_t c, i, rule
    for c in range(t.n_currencies):
        w.wait_of[c] = 0
    for i in range(w.rated.n_fired):
        rule = w.rated.fired[i]
        if t.on_payment[rule]:
            w.waits[rule] = waiting_part(w.rated.granted[rule], all_, owed)
            w.wait_of[t.currency[rule]] += w.waits[rule]


cdef inline void waits_fall(Work *w, const RuleTable *t, Sold *s,
                            const int64_t *given) noexcept nogil:
    """w.wait_of: by how much less of each currency waits, when the sale's rules give `given`."""
    cdef int64_t owed = owed_of(s), now
    cdef int32_t c, k
    for c in range(t.n_currencies):
        w.wait_of[c] = 0
    if t.on_payment == NULL:
        return
    for k in range(t.n_rules):
        if t.on_payment[k]:
            now = waiting_part(given[k], s.left, owed)
            w.wait_of[t.currency[k]] += s.waits[k] - now
            s.waits[k] = now


cdef inline bint move_waiting(const RuleTable *t, const Sold *s, int64_t *account, int32_t day,
                              int64_t fall) noexcept nogil:
    """Let so much less of a currency wait, or more below zero; False without memory."""
    if fall < 0:
        return put_waiting(account, s.source, s.day, -fall, day)
    take_own(account, s.source, UNPAID, fall)
    return True


cdef inline bint accrue(Work *w, const RuleTable *t, Sold *s, int64_t basket, int64_t *row,
                        int32_t c, int32_t day, int64_t points) noexcept nogil:
    """Points whose money has come are a lot of the sale's, earned on the fact's date.

    The posting has 0 points, since the sale gave them; its figure is what is desired.
    """
    cdef int64_t *account = account_of(row, c)
    cdef int32_t own = w.in_.day[basket]
    cdef Lot lot
    lot.earned = own if own > s.day else s.day
    lot.active_from = lot.earned + t.currencies[c].pending_days
    lot.good_through = expires_on(&t.currencies[c], account, lot.earned)
    lot.source = s.source
    lot.tag = 0
    lot.fixed = t.currencies[c].fixes
    lot.points = points
    if lot.good_through < day:
        s.expired[c] += points
    return (post(w.p, <uint32_t>basket, 0, NO_RULE, POST_ACCRUE, <uint8_t>c, 0, points, 0)
            and put_lot(account, lot, day))


cdef inline int apply_payment(Work *w, const RuleTable *t, int64_t i, int64_t *row,
                              History *h) noexcept nogil:
    """Money for a sale on account: what has waited for it is the member's from now on."""
    cdef const Columns *in_ = w.in_
    cdef const RuleTable *ts
    cdef Sold *s = NULL
    cdef int32_t day = today(in_, i), c, k
    if in_.names[i] < 0 or h == NULL:
        # Its sale went another way when members were parted.
        if not enter(w, t, i, row, h):
            return 0
        no_amounts(w, t)
        return finish(w, t, i, row, h, day, day)
    for k in range(h.n_sold):
        if h.sold[k].row == in_.names[i]:
            s = &h.sold[k]
    if not enter_named(w, t, i, row, h, day):
        return 0
    no_amounts(w, t)
    if s != NULL:
        ts = w.tables[s.version]
        s.received += in_.figure[i]
        waits_fall(w, ts, s, s.gave)
        for c in range(ts.n_currencies):
            if w.wait_of[c] and not (
                    move_waiting(ts, s, account_of(row, c), day, w.wait_of[c])
                    and accrue(w, ts, s, i, row, c, day, w.wait_of[c])):
                w.failed = 1
    return finish(w, t, i, row, h, day, in_.day[i])
