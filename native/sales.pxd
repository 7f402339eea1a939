"""A sale in general: its own redemption, its rating, what it leaves (rulebook section 4)."""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t
from libc.string cimport memcpy, memset

from .accounts cimport Takes, account_of, renew, take_active
from .basket cimport BASKET, Basket
from .columns cimport ACCEPTED, COMPLETED, Columns, post, today
from .earned cimport apply_amounts, count_purchase, keeps_rest, new_sold, post_rated
from .facts cimport fall_short, finish, is_owed, rate_ahead, remember_renewal
from .history cimport History, Sold
from .lots cimport after
from .members cimport NO_YEAR
from .offers cimport check_offers, count_offers
from .rules cimport INSUFFICIENT, NOT_SPENDABLE, NO_RULE, OK, OVERFLOW, POST_REDEEM, RuleTable
from .state cimport FACTS, REDEEMED
from .tiers cimport tier_on
from .work cimport Work, account_available, begin, look, new_event, prepare


cdef inline int tenders_asked(Work *w, const RuleTable *t, int64_t i,
                              int64_t *row) noexcept nogil:
    """w.asked_in: points that the sale's tenders take, by currency; a status."""
    cdef const Columns *in_ = w.in_
    cdef int64_t k
    cdef int32_t c
    for c in range(t.n_currencies):
        w.asked_in[c] = 0
    if in_.tender_points == NULL:
        return OK
    for k in range(in_.tenders_from[i], in_.tenders_from[i + 1]):
        if in_.tender_points[k] == 0:
            continue
        c = t.redeems[in_.tender[k]]
        if c < 0 or not t.currencies[c].spendable:
            return NOT_SPENDABLE
        w.asked_in[c] += in_.tender_points[k]
    if not in_.flags[i] & (ACCEPTED | COMPLETED):
        for c in range(t.n_currencies):
            if w.asked_in[c] > account_available(row, c, today(in_, i)):
                return INSUFFICIENT
    return OK


cdef inline bint redeem_tenders(Work *w, const RuleTable *t, int64_t i, int64_t *row,
                                History *h, Takes *takes) noexcept nogil:
    """Take the points of the sale's own tenders, before the basket is rated."""
    cdef int32_t c, day = today(w.in_, i)
    cdef int64_t taken
    cdef int64_t *account
    for c in range(t.n_currencies):
        if w.asked_in[c] == 0:
            continue
        account = account_of(row, c)
        taken = take_active(account, day, w.asked_in[c], takes + c if takes != NULL else NULL)
        account[REDEEMED] += w.asked_in[c]
        if not post(w.p, <uint32_t>i, 0, NO_RULE, POST_REDEEM, <uint8_t>c, 0, -w.asked_in[c],
                    -w.asked_in[c]):
            return False
        if not fall_short(w, t, row, i, c, w.asked_in[c] - taken, w.in_.flags[i]):
            return False
        if t.currencies[c].inactivity and t.currencies[c].renewed_by_redemption:
            renew(&t.currencies[c], account, day)
            remember_renewal(w, h, c, day)
    return True


cdef inline void renew_by_sale(Work *w, const RuleTable *t, int64_t *row, int32_t day,
                               History *h) noexcept nogil:
    """Inactivity currencies in which the sale gave, or that any sale renews."""
    cdef int32_t c, i
    cdef bint gave
    for c in range(t.n_currencies):
        if not t.currencies[c].inactivity:
            continue
        gave = t.currencies[c].renewed_by_sale
        for i in range(w.rated.n_fired):
            if (t.currency[w.rated.fired[i]] == c and w.rated.granted[w.rated.fired[i]] > 0):
                gave = True
        if gave:
            renew(&t.currencies[c], account_of(row, c), day)
            remember_renewal(w, h, c, day)


cdef inline Sold *remember_sale(Work *w, const RuleTable *t, History *h, int64_t i,
                                const int64_t *row, const Basket *b, int32_t tier,
                                bint rated) noexcept nogil:
    """Keep of a sale what returns will ask for, before it moves the member."""
    cdef Sold *s
    cdef int32_t k, rule
    s = new_sold(w, t, h, i, row, b, w.in_.version[i], tier,
                 w.in_.lines_from[i + 1] - w.in_.lines_from[i])
    if s == NULL:
        w.failed = 1
        return NULL
    memcpy(s.active, w.active, w.g.n_currencies * sizeof(int64_t))
    for k in range(t.n_rules):
        s.year[k] = NO_YEAR
        if keeps_rest(t, k):
            memcpy(s.after + 4 * k, row + t.slot[k], 4 * sizeof(int64_t))
    if not rated:
        return s
    s.rated = 1
    for k in range(w.rated.n_fired):
        rule = w.rated.fired[k]
        s.first[rule] = s.gave[rule] = w.rated.granted[rule]
    for k in range(w.rated.n_part):
        rule = w.rated.part[k]
        s.year[rule] = w.rated.year[rule]
        if w.rated.limit[rule] != -1 and keeps_rest(t, rule):
            memcpy(s.after + 4 * rule, w.rated.after + 4 * rule, 4 * sizeof(int64_t))
    return s


cdef inline int apply_sale(Work *w, const RuleTable *t, int64_t i, int64_t *row, History *h,
                           bint named, bint exchanged) noexcept nogil:
    """One sale; returns its status. In an exchange the return part has been applied.

    Nothing has moved when the status is not OK, but for what an exchange's return part did:
    such a member is folded anew without the fact.
    """
    cdef Basket b
    cdef Sold *s = NULL
    cdef Takes takes[16]
    cdef int32_t day = today(w.in_, i), tier, c
    cdef int64_t back, missing
    cdef int status
    cdef bint rated
    status = tenders_asked(w, t, i, row)
    if status != OK:
        return status
    prepare(w, t, i, NULL, NULL, &b, &back)
    b.form = BASKET
    w.out.eligible[i] = b.eligible
    rated = b.eligible > 0
    status = check_offers(w, t, i, &b, row, day)
    if status != OK:
        return status
    if not rate_ahead(w, t, &b, row, day, rated):
        return OVERFLOW
    count_offers(w, t, i, NULL, w.amounts)
    if exchanged:
        look(w, t, row, day)
    else:
        begin(w, t, row, day, h)
    if h != NULL and new_event(w, h, <int32_t>i, day, w.in_.version[i],
                               <int32_t>row[FACTS]) == NULL:
        return OK
    memset(takes, 0, sizeof(takes))
    if not redeem_tenders(w, t, i, row, h, takes if named else NULL):
        w.failed = 1
        return OK
    tier = tier_on(t, row, day)
    if named:
        s = remember_sale(w, t, h, i, row, &b, tier, rated)
        if s == NULL:
            return OK
        memcpy(s.takes, takes, t.n_currencies * sizeof(Takes))
        for c in range(t.n_currencies):
            s.reward[c] = missing = w.asked_in[c]
            for k in range(takes[c].n):
                missing -= takes[c].lot[k].points
            if is_owed(t, c, w.in_.flags[i]):
                s.as_debt[c] = missing
            else:
                s.as_gift[c] = missing
    renew_by_sale(w, t, row, day, h)
    if not post_rated(w, t, row, i, b.day, day):
        w.failed = 1
        return OK
    if s != NULL:
        memcpy(s.amounts, w.amounts, t.n_counters * sizeof(int64_t))
    apply_amounts(w, t, row, w.amounts, w.rated.year, b.day, day)
    if rated:
        count_purchase(w, t, row, &b, h)
    return finish(w, t, i, row, h, day, b.day)
