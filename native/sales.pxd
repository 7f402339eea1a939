"""A sale in general: what its tenders take, its rating, what it leaves (rulebook section 4)."""

from libc.stdint cimport int32_t, int64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy

from .accounts cimport account_of, expires_on, renew
from .accrual cimport money_of, not_paid, put_waiting, wait_for_money
from .basket cimport BASKET, Basket
from .columns cimport Columns, today
from .counters cimport add_rolling, still_kept
from .earned cimport apply_amounts, count_purchase, keeps_rest, new_sold, post_rated
from .facts cimport finish, rate_ahead, remember_renewal
from .history cimport Event, History, Sold
from .lines cimport prepare
from .members cimport NO_YEAR
from .memory cimport room_for
from .offers cimport check_offers, count_offers, give_offers, years_of_offers
from .redemptions cimport names_any, pay_with_named, redeem_tenders, tenders_asked
from .rests cimport copy_rest
from .rules cimport KEPT, OK, OVERFLOW, PERIOD, Counter, RuleTable
from .rungs cimport tier_on
from .state cimport FACTS, RENEWED, Vec
from .work cimport Work, begin, look, new_event


cdef inline void renew_by_sale(Work *w, const RuleTable *t, int64_t *row, int32_t day,
                               History *h) noexcept nogil:
    """Currencies in which the sale gave, or that any sale renews, where some version's points live
    by inactivity."""
    cdef int32_t c, i
    cdef bint gave
    for c in range(t.n_currencies):
        if not t.currencies[c].renewable:
            continue
        gave = t.currencies[c].renewed_by_sale
        for i in range(w.rated.n_fired):
            if (t.currency[w.rated.fired[i]] == c and w.rated.granted[w.rated.fired[i]] > 0):
                gave = True
        if gave:
            renew(&t.currencies[c], row, c, day)
            remember_renewal(w, h, c, day, True)


cdef inline void swap_renewed(Work *w, const RuleTable *t, int64_t *row) noexcept nogil:
    """Let the points of a sale that is dated before the fact that it comes after see renewals as
    they were: what had passed by then is not renewed by the sale itself."""
    cdef int32_t c
    cdef int64_t now
    for c in range(t.n_currencies):
        now = account_of(row, c)[RENEWED]
        account_of(row, c)[RENEWED] = w.renewed[c]
        w.renewed[c] = now


cdef inline void renew_later(const Work *w, const RuleTable *t, int64_t *row) noexcept nogil:
    """Put back what `swap_renewed` has set aside; the sale's points that are left are renewed."""
    cdef int32_t c
    for c in range(t.n_currencies):
        if t.currencies[c].renewable and w.renewed[c] > account_of(row, c)[RENEWED]:
            renew(&t.currencies[c], row, c, w.renewed[c])


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
    remember_bought(w, b, s)
    memcpy(s.active, w.active, w.g.n_currencies * sizeof(int64_t))
    for k in range(t.n_rules):
        s.year[k] = NO_YEAR
        if keeps_rest(t, k) and not copy_rest(&s.after[k], <const Vec*>row[t.slot[k]]):
            w.failed = 1
    if not rated:
        return s
    s.rated = 1
    for k in range(w.rated.n_fired):
        rule = w.rated.fired[k]
        s.first[rule] = s.gave[rule] = w.rated.granted[rule]
    for k in range(w.rated.n_part):
        rule = w.rated.part[k]
        s.year[rule] = w.rated.year[rule]
        if (w.rated.limit[rule] != -1 and keeps_rest(t, rule)
                and not copy_rest(&s.after[rule], w.rated.after[rule])):
            w.failed = 1
    return s


cdef inline bint enter_sale(Work *w, const RuleTable *t, int64_t i, int64_t *row, History *h,
                            int32_t day, bint exchanged) noexcept nogil:
    """The start of a sale, and its place in a history; False without memory."""
    cdef Event *e
    if exchanged:
        look(w, t, row, day)
    else:
        begin(w, t, row, day, h)
    if h == NULL:
        return True
    e = new_event(w, h, <int32_t>i, day, w.in_.version[i], <int32_t>row[FACTS])
    if e == NULL:
        return False
    e.counted = w.in_.day[i]
    return True


cdef inline int64_t added_in(const Work *w, const History *h, int32_t counter,
                             const int32_t *period, int32_t day) noexcept nogil:
    """What facts have added to a counter in the period of a day, less what has come back."""
    cdef const Event *e
    cdef int64_t total = 0
    cdef int32_t n
    for n in range(h.n_events):
        e = &h.event[n]
        if counter < w.tables[e.version].n_counters and period[e.counted] == period[day]:
            total += e.delta[counter]
    return total


cdef inline void show_own_periods(Work *w, const RuleTable *t, int64_t *row, const History *h,
                                  int32_t day, int32_t now) noexcept nogil:
    """Let limits see the periods of a sale that is dated before the fact that it comes after.

    The row's counters have gone on to later periods, which are set aside; what facts have added to
    the sale's own the history tells.
    """
    cdef const Counter *c
    cdef int64_t *at
    cdef int32_t k
    for k in range(t.n_counters):
        c = &t.counters[k]
        at = row + c.slot
        if c.window == PERIOD:
            w.later[2 * k], w.later[2 * k + 1] = at[0], at[1]
            if at[0] > c.period[day]:
                at[0], at[1] = c.period[day], added_in(w, h, k, c.period, day)
        elif c.window == KEPT:
            w.later[2 * k] = at[0]
            if not still_kept(c, day, now):
                at[0] = 0
                if not add_rolling(at, c.period[day], c.period[day],
                                   added_in(w, h, k, c.period, day)):
                    w.failed = 1


cdef inline void show_later_periods(const Work *w, const RuleTable *t,
                                    int64_t *row) noexcept nogil:
    """Put counters back that `show_own_periods` has set aside."""
    cdef int64_t *at
    cdef int32_t k
    for k in range(t.n_counters):
        at = row + t.counters[k].slot
        if t.counters[k].window == PERIOD:
            at[0], at[1] = w.later[2 * k], w.later[2 * k + 1]
        elif t.counters[k].window == KEPT and at[0] != w.later[2 * k]:
            free(<void*>at[0])
            at[0] = w.later[2 * k]


cdef inline void note_bought(Work *w, const History *h, Basket *b) noexcept nogil:
    """Tell such a sale on which days purchases were that stand before it."""
    cdef int32_t k
    b.n_bought = 0
    for k in range(h.n_purchases):
        if not room_for(<void**>&w.bought, k, &w.room_bought, sizeof(int32_t)):
            w.failed = 1
            return
        w.bought[k] = h.event[h.purchase[k].event].counted
        b.n_bought = k + 1
    b.bought = w.bought


cdef inline void remember_bought(Work *w, const Basket *b, Sold *s) noexcept nogil:
    """Keep for returns what `note_bought` has told."""
    if b.bought == NULL:
        return
    s.bought = <int32_t*>calloc(b.n_bought + 1, sizeof(int32_t))
    if s.bought == NULL:
        w.failed = 1
        return
    memcpy(s.bought, b.bought, b.n_bought * sizeof(int32_t))
    s.n_bought = b.n_bought


cdef inline int apply_sale(Work *w, const RuleTable *t, int64_t i, int64_t *row, History *h,
                           bint named, bint exchanged) noexcept nogil:
    """One sale; returns its status. In an exchange the return part has been applied.

    Nothing has moved when the status is not OK, but for what an exchange's return part did,
    or tenders that name a hold: such a member is folded anew without the fact.
    """
    cdef Basket b
    cdef Sold *s = NULL
    cdef const Columns *in_ = w.in_
    cdef int32_t day = today(in_, i), tier, c, sold = h.n_sold if named and h != NULL else -1
    cdef int64_t back, k, told, all_ = 0, owed = 0
    cdef int status
    cdef bint rated, names, past
    status = tenders_asked(w, t, i, row, h)
    if status != OK:
        return status
    prepare(w, t, i, NULL, NULL, not t.by_class, &b, &back)
    b.form = BASKET
    if t.on_payment != NULL:
        all_ = money_of(&b)
        owed = not_paid(w, t, i, all_)
    w.out.eligible[i] = b.eligible
    rated = b.eligible > 0
    past = h != NULL and b.day < day
    if past:
        show_own_periods(w, t, row, h, b.day, day)
        note_bought(w, h, &b)
        for c in range(t.n_currencies):
            w.renewed[c] = account_of(row, c)[RENEWED]
    told = w.p.n
    status = check_offers(w, t, i, &b, row, day)
    if status != OK or w.failed:
        if past:
            show_later_periods(w, t, row)
        return status
    names = names_any(in_, i)
    if names and not (enter_sale(w, t, i, row, h, day, exchanged)
                      and pay_with_named(w, t, i, row, h, sold)):
        w.failed = 1
        return OK
    if not rate_ahead(w, t, &b, row, day, rated):
        if not names:
            w.p.n = told
        if past:
            show_later_periods(w, t, row)
        return OVERFLOW
    count_offers(w, t, i, NULL, w.amounts)
    years_of_offers(w, t, i, b.day)
    if not names and not enter_sale(w, t, i, row, h, day, exchanged):
        w.failed = 1
        return OK
    if not redeem_tenders(w, t, i, row, h, sold):
        w.failed = 1
        return OK
    tier = tier_on(t, row, day)
    if owed:
        wait_for_money(w, t, all_, owed)
    if named:
        s = remember_sale(w, t, h, i, row, &b, tier, rated)
        if s == NULL:
            return OK
        memcpy(s.reward, w.asked_in, t.n_currencies * sizeof(int64_t))
        memcpy(s.waits, w.waits, t.n_rules * sizeof(int64_t))
        s.all_ = s.left = all_
        s.on_account = owed
        if t.coupon_takes != NULL and in_.coupons_from != NULL:
            # A coupon that was presented is no reward that goes back with the goods.
            for k in range(in_.coupons_from[i], in_.coupons_from[i + 1]):
                if t.coupon_takes[in_.coupon[k]] >= 0:
                    s.reward[t.coupon_takes[in_.coupon[k]]] = 0
        if names:
            for k in range(in_.tenders_from[i], in_.tenders_from[i + 1]):
                c = t.redeems[in_.tender[k]]
                if c >= 0:
                    s.reward[c] += w.from_named[k - in_.tenders_from[i]]
    if past:
        swap_renewed(w, t, row)
    else:
        renew_by_sale(w, t, row, day, h)
    if not post_rated(w, t, row, i, b.day, day):
        w.failed = 1
        return OK
    for c in range(t.n_currencies if owed else 0):
        if w.wait_of[c] and not put_waiting(account_of(row, c), <int32_t>row[FACTS], b.day,
                                            w.wait_of[c], day):
            w.failed = 1
    give_offers(w, t, i, row, b.day, s)
    if s != NULL:
        memcpy(s.amounts, w.amounts, t.n_counters * sizeof(int64_t))
        for c in range(t.n_currencies):
            # An exchange stands after the sale that it names: its points may have passed by then.
            if w.net_of[c] and expires_on(&t.currencies[c], account_of(row, c), b.day) < day:
                s.expired[c] += w.net_of[c]
    if past:
        show_later_periods(w, t, row)
        renew_later(w, t, row)
        renew_by_sale(w, t, row, day, h)
    apply_amounts(w, t, row, w.amounts, w.rated.year, b.day, day)
    if rated:
        count_purchase(w, t, row, &b, h)
    return finish(w, t, i, row, h, day, b.day)
