"""Facts of the general fold but for returns: sales, activities, adjusts, redemptions, what is
known of a member, and closed days (rulebook sections 2, 4, 5 and 8).
"""

from libc.stdint cimport INT64_MIN, int32_t, int64_t, uint8_t, uint16_t, uint32_t
from libc.stdlib cimport calloc
from libc.string cimport memcpy, memset

from .accounts cimport (
    Takes, account_of, expires_on, note_take, pay_debt, put_lot, renew, settle, take_active,
    take_pending)
from .arith cimport MOST_UNITS
from .columns cimport ACCEPTED, COMPLETED, Columns, Postings, post
from .earned cimport (
    amounts_of, apply_amounts, check_tier, count_purchase, keeps_rest, new_sold, post_rated,
    raised)
from .history cimport Event, History, Renewal, Sold, room_for
from .lots cimport Lot, Lots, pending_points
from .members cimport NO_YEAR
from .rate cimport ACTIVITY_FACT, BASKET, CLOSED_DAY, Basket, rate_all
from .rules cimport (
    ADJUST, COUNT_ACTIVITY, ENROL, INSUFFICIENT, NEVER, NO_RULE, NOT_SPENDABLE, OK, OVERFLOW,
    POST_ADJUST, POST_EXPIRE, POST_FORGIVE, POST_REDEEM, UNKNOWN_CURRENCY, RuleTable)
from .state cimport (
    DEBT, EXPIRED, FACTS, FORGIVEN, ISSUED, JOINED, ENROLLED, LAST_AT, LIVE, LOTS, POSTED,
    REDEEMED, RENEWED, REVERSED)
from .tiers cimport tier_of_layout, tier_on
from .work cimport (
    Work, account_available, balance_mask, begin, new_event, prepare, settle_all, write_balances)


cdef inline void remember_renewal(Work *w, History *h, int32_t c, int32_t day) noexcept nogil:
    cdef Renewal *n
    if h == NULL:
        return
    if not room_for(<void**>&h.renewal, h.n_renewals, &h.room_renewals, sizeof(Renewal)):
        w.failed = 1
        return
    n = &h.renewal[h.n_renewals]
    n.event = h.n_events - 1
    n.currency = c
    n.day = day
    h.n_renewals += 1


cdef inline bint fall_short(Work *w, const RuleTable *t, int64_t *row, int64_t basket, int32_t c,
                            int64_t missing, uint8_t flags) noexcept nogil:
    """What an accepted fact lacks becomes debt, or is forgiven (rulebook 2)."""
    cdef int64_t *account = account_of(row, c)
    if missing == 0:
        return True
    w.out.lack[basket] += missing
    if t.currencies[c].spendable and (not t.late_forgives or flags & COMPLETED):
        account[DEBT] += missing
        return True
    account[FORGIVEN] += missing
    return post(w.p, <uint32_t>basket, 0, NO_RULE, POST_FORGIVE, <uint8_t>c, 0, missing, missing)


cdef inline int tenders_asked(Work *w, const RuleTable *t, int64_t i, int64_t *row,
                              bint look) noexcept nogil:
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
    if look and not in_.flags[i] & (ACCEPTED | COMPLETED):
        for c in range(t.n_currencies):
            if w.asked_in[c] > account_available(row, c, in_.day[i]):
                return INSUFFICIENT
    return OK


cdef inline bint redeem_tenders(Work *w, const RuleTable *t, int64_t i, int64_t *row,
                                History *h, Takes *takes) noexcept nogil:
    """Take the points of the sale's own tenders, before the basket is rated."""
    cdef int32_t c, day = w.in_.day[i]
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


cdef inline bint too_much(Work *w, const RuleTable *t, const int64_t *row) noexcept nogil:
    """Whether what the rules give would take a total out of its bounds."""
    cdef int32_t i, c
    for c in range(t.n_currencies):
        w.net_of[c] = 0
    for i in range(w.rated.n_fired):
        c = t.currency[w.rated.fired[i]]
        w.net_of[c] += w.rated.granted[w.rated.fired[i]]
        if w.net_of[c] > MOST_UNITS or w.net_of[c] + (
                account_of(<int64_t*>row, c))[ISSUED] > (<int64_t>1 << 61):
            return True
    return False


cdef inline void gather_given(Work *w, const RuleTable *t) noexcept nogil:
    """w.given: what each rule gave, by rule."""
    cdef int32_t i
    for i in range(t.n_rules):
        w.given[i] = 0
    for i in range(w.rated.n_fired):
        w.given[w.rated.fired[i]] = w.rated.granted[w.rated.fired[i]]


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

    A status other than OK leaves a row that its history must make anew, unless nothing was
    asked of it yet (no points, no overflow).
    """
    cdef Basket b
    cdef Sold *s = NULL
    cdef Takes takes[16]
    cdef int32_t day = w.in_.day[i], tier, c
    cdef int64_t mask = 0, back
    cdef int status
    cdef bint rated = False
    cdef Event *e = NULL
    status = tenders_asked(w, t, i, row, True)
    if status != OK:
        return status
    if not exchanged:
        begin(w, t, row, day, h)
    if h != NULL:
        e = new_event(w, h, <int32_t>i, day, w.in_.version[i], <int32_t>row[FACTS])
        if e == NULL:
            return OK
    memset(takes, 0, sizeof(takes))
    mask = balance_mask(t, row, day)
    if not redeem_tenders(w, t, i, row, h, takes if named else NULL):
        w.failed = 1
        return OK
    prepare(w, t, i, NULL, NULL, &b, &back)
    b.form = BASKET
    w.out.eligible[i] = b.eligible
    tier = tier_on(t, row, day)
    w.rated.n_fired = w.rated.n_part = 0
    for c in range(t.n_currencies):
        w.active[c] = account_available(row, c, day)
    if b.eligible > 0:
        rate_all(t, &b, row, tier, w.active, &w.rated)
        rated = True
        if w.rated.overflow or too_much(w, t, row):
            return OVERFLOW
    if named:
        s = remember_sale(w, t, h, i, row, &b, tier, rated)
        if s == NULL:
            return OK
        memcpy(s.takes, takes, t.n_currencies * sizeof(Takes))
        for c in range(t.n_currencies):
            s.reward[c] = w.asked_in[c]
            s.as_debt[c] = w.asked_in[c]
            for k in range(takes[c].n):
                s.as_debt[c] -= takes[c].take[k].lot.points
    gather_given(w, t)
    amounts_of(w, t, &b, w.given, rated, w.amounts)
    renew_by_sale(w, t, row, day, h)
    if not post_rated(w, t, row, i, day):
        w.failed = 1
        return OK
    if s != NULL:
        memcpy(s.amounts, w.amounts, t.n_counters * sizeof(int64_t))
    apply_amounts(w, t, row, w.amounts, w.rated.year, day, day)
    if rated:
        count_purchase(w, t, row, &b, h)
    return finish(w, t, i, row, h, e, mask, tier)


cdef inline int finish(Work *w, const RuleTable *t, int64_t i, int64_t *row, History *h,
                       Event *e, int64_t mask, int32_t tier) noexcept nogil:
    """The tier check of a fact whose amounts are applied, and its answer's figures."""
    cdef int32_t day = w.in_.day[i]
    cdef int64_t after = balance_mask(t, row, day)
    cdef bint raises = raised(t, w.amounts, mask, after)
    if e != NULL:
        # Events may have moved while the fact was applied.
        e = &h.event[h.n_events - 1]
        e.raises = raises
        e.mask = after
        e.delta = <int64_t*>calloc(t.n_counters + 1, sizeof(int64_t))
        if e.delta == NULL:
            w.failed = 1
            return OK
        memcpy(e.delta, w.amounts, t.n_counters * sizeof(int64_t))
    if not check_tier(w, t, row, i, day, tier, raises):
        w.failed = 1
    row[FACTS] += 1
    return OK


cdef inline void no_amounts(Work *w, const RuleTable *t) noexcept nogil:
    memset(w.amounts, 0, (t.n_counters + 1) * sizeof(int64_t))


cdef inline void stand_in(Work *w, Basket *b, int64_t at, int32_t day,
                          int64_t quantity) noexcept nogil:
    """One line that stands for a fact without a basket."""
    memset(b, 0, sizeof(Basket))
    memset(&w.lines[0], 0, sizeof(w.lines[0]))
    w.lines[0].quantity = w.lines[0].full_quantity = quantity
    w.lines[0].cost = INT64_MIN
    b.lines = w.lines
    b.n = b.n_all = 1
    b.at = at
    b.day = day


cdef inline int apply_activity(Work *w, const RuleTable *t, int64_t i, int64_t *row,
                               History *h) noexcept nogil:
    """Something a member did that is no purchase (rulebook 3)."""
    cdef Basket b
    cdef const Columns *in_ = w.in_
    cdef int32_t day = in_.day[i], tier, c, k
    cdef int64_t mask
    cdef Event *e = NULL
    begin(w, t, row, day, h)
    if h != NULL:
        e = new_event(w, h, <int32_t>i, day, in_.version[i], <int32_t>row[FACTS])
        if e == NULL:
            return OK
    stand_in(w, &b, in_.at[i], day, in_.figure[i] * 1000)
    b.form = ACTIVITY_FACT
    b.code = in_.code[i]
    b.minute = in_.minute[i]
    b.store = in_.store[i]
    b.terminal = in_.terminal[i]
    b.channel = in_.channel[i] if in_.channel != NULL else 0
    b.epoch = in_.epoch[i]
    tier = tier_on(t, row, day)
    mask = balance_mask(t, row, day)
    for c in range(t.n_currencies):
        w.active[c] = account_available(row, c, day)
    rate_all(t, &b, row, tier, w.active, &w.rated)
    if w.rated.overflow or too_much(w, t, row):
        return OVERFLOW
    gather_given(w, t)
    amounts_of(w, t, &b, w.given, False, w.amounts)
    for k in range(t.n_counters):
        if t.counters[k].kind == COUNT_ACTIVITY and t.counters[k].subject >= 0 and (
                t.activity_bits[in_.code[i]] >> t.counters[k].subject & 1):
            w.amounts[k] += in_.figure[i]
    for c in range(t.n_currencies):
        if t.currencies[c].inactivity and t.currencies[c].renewed_by_activity:
            renew(&t.currencies[c], account_of(row, c), day)
            remember_renewal(w, h, c, day)
    if not post_rated(w, t, row, i, day):
        w.failed = 1
        return OK
    apply_amounts(w, t, row, w.amounts, w.rated.year, day, day)
    return finish(w, t, i, row, h, e, mask, tier)


cdef inline int apply_adjust(Work *w, const RuleTable *t, int64_t i, int64_t *row,
                             History *h) noexcept nogil:
    """Points given or taken by hand (rulebook 5)."""
    cdef const Columns *in_ = w.in_
    cdef int32_t day = in_.day[i], c = in_.currency[i], tier
    cdef int64_t points = in_.figure[i], mask, left
    cdef int64_t *account
    cdef Event *e = NULL
    cdef Lot lot
    if c >= t.n_currencies or not t.currencies[c].known:
        return UNKNOWN_CURRENCY
    account = account_of(row, c)
    if points < 0 and not in_.flags[i] & (ACCEPTED | COMPLETED):
        left = account_available(row, c, day) + pending_points(<Lots*>account[LOTS], day)
        if -points > left:
            return INSUFFICIENT
    begin(w, t, row, day, h)
    if h != NULL:
        e = new_event(w, h, <int32_t>i, day, in_.version[i], <int32_t>row[FACTS])
        if e == NULL:
            return OK
    tier = tier_on(t, row, day)
    mask = balance_mask(t, row, day)
    no_amounts(w, t)
    if not post(w.p, <uint32_t>i, 0, NO_RULE, POST_ADJUST, <uint8_t>c, 0, points, points):
        w.failed = 1
        return OK
    if points > 0:
        if account[ISSUED] + points > (<int64_t>1 << 61):
            return OVERFLOW
        account[ISSUED] += points
        lot.earned = lot.active_from = day
        lot.fixed = in_.expires[i] != -2
        lot.good_through = in_.expires[i] if lot.fixed else expires_on(
            &t.currencies[c], account, day)
        lot.source = <int32_t>row[FACTS]
        lot.tag = 0
        lot.points = points
        if not put_lot(account, lot, day):
            w.failed = 1
    else:
        left = -points - take_active(account, day, -points, NULL)
        left -= take_pending(account, day, left)
        account[REVERSED] -= points
        if not fall_short(w, t, row, i, c, left, in_.flags[i]):
            w.failed = 1
    return finish(w, t, i, row, h, e, mask, tier)


cdef inline int apply_redeem(Work *w, const RuleTable *t, int64_t i, int64_t *row,
                             History *h) noexcept nogil:
    """Active points spent outside a sale's tenders."""
    cdef const Columns *in_ = w.in_
    cdef int32_t day = in_.day[i], c = in_.currency[i], tier
    cdef int64_t *account
    cdef int64_t taken
    cdef Event *e = NULL
    if c >= t.n_currencies or not t.currencies[c].known:
        return UNKNOWN_CURRENCY
    if not t.currencies[c].spendable:
        return NOT_SPENDABLE
    if (not in_.flags[i] & (ACCEPTED | COMPLETED)
            and in_.figure[i] > account_available(row, c, day)):
        return INSUFFICIENT
    begin(w, t, row, day, h)
    if h != NULL:
        e = new_event(w, h, <int32_t>i, day, in_.version[i], <int32_t>row[FACTS])
        if e == NULL:
            return OK
    tier = tier_on(t, row, day)
    no_amounts(w, t)
    account = account_of(row, c)
    taken = take_active(account, day, in_.figure[i], NULL)
    account[REDEEMED] += in_.figure[i]
    if not (post(w.p, <uint32_t>i, 0, NO_RULE, POST_REDEEM, <uint8_t>c, 0, -in_.figure[i],
                 -in_.figure[i])
            and fall_short(w, t, row, i, c, in_.figure[i] - taken, in_.flags[i])):
        w.failed = 1
    if t.currencies[c].inactivity and t.currencies[c].renewed_by_redemption:
        renew(&t.currencies[c], account, day)
        remember_renewal(w, h, c, day)
    return finish(w, t, i, row, h, e, balance_mask(t, row, day), tier)


cdef inline int apply_sets(Work *w, const RuleTable *t, int64_t i, int64_t *row,
                           History *h) noexcept nogil:
    """What is known of a member from now on; a figure fed in may raise a tier."""
    cdef const Columns *in_ = w.in_
    cdef int32_t day = in_.day[i], tier
    cdef int64_t k, mask
    cdef Event *e = NULL
    begin(w, t, row, day, h)
    if in_.kind[i] == ENROL and not row[ENROLLED]:
        row[JOINED] = day
        row[ENROLLED] = 1
    if h != NULL:
        e = new_event(w, h, <int32_t>i, day, in_.version[i], <int32_t>row[FACTS])
        if e == NULL:
            return OK
    tier = tier_on(t, row, day)
    no_amounts(w, t)
    mask = balance_mask(t, row, day)
    if in_.sets_from != NULL:
        for k in range(in_.sets_from[i], in_.sets_from[i + 1]):
            row[in_.set_slot[k]] = in_.set_value[k]
    # Values are metrics: the ladder is checked as after any fact that raises one.
    if e != NULL:
        e.raises = 1
    finish(w, t, i, row, h, e, mask, tier)
    if t.asks_values:
        row[FACTS] -= 1
        if not check_tier(w, t, row, i, day, tier, True):
            w.failed = 1
        row[FACTS] += 1
        if e != NULL:
            h.event[h.n_events - 1].raises = 1
    return OK


cdef inline bint close_day(Work *w, uint32_t member, int32_t place, int64_t *row,
                           History *h) noexcept nogil:
    """A closed day's part of one member; False where it has none and nothing moves.

    Lots whose last day is over are written as expired; bonuses on anniversaries of the
    date are given (rulebook 3 and 5).
    """
    cdef const RuleTable *t = w.tables[w.closings.version[place]]
    cdef int32_t day = w.closings.day[place], c, k, tier
    cdef int64_t *account
    cdef Lots *lots
    cdef Basket b
    cdef Postings *keep
    cdef int64_t gone, first
    cdef bint any_ = False, dated = False
    cdef Event *e
    if row[JOINED] < 0:
        return False
    for c in range(t.n_currencies):
        account = account_of(row, c)
        lots = <Lots*>account[LOTS]
        if account[EXPIRED] != account[POSTED] or (
                lots != NULL and lots.head < lots.end
                and lots.lot[lots.head].good_through <= day):
            any_ = True
    w.rated.n_fired = w.rated.n_part = 0
    for k in range(t.n_words):
        if t.dated_mask[k]:
            dated = True
    if dated:
        stand_in(w, &b, w.closings.at[place], day, 0)
        b.form = CLOSED_DAY
        b.epoch = w.closings.epoch[place] if w.closings.epoch != NULL else 0
        rate_all(t, &b, row, tier_on(t, row, day), NULL, &w.rated)
        if w.rated.overflow or too_much(w, t, row):
            w.rated.n_fired = w.rated.n_part = 0
        for k in range(w.rated.n_fired):
            if w.rated.granted[w.rated.fired[k]] > 0:
                any_ = True
    if not any_:
        return False
    begin(w, t, row, day, h)
    if dated:
        # Tiers may have moved with the clock.
        rate_all(t, &b, row, tier_on(t, row, day), NULL, &w.rated)
        if w.rated.overflow or too_much(w, t, row):
            w.rated.n_fired = w.rated.n_part = 0
    keep = w.p
    w.p = w.closed
    first = w.closed.n
    no_amounts(w, t)
    if w.rated.n_fired:
        gather_given(w, t)
        amounts_of(w, t, &b, w.given, False, w.amounts)
        tier = tier_on(t, row, day)
        if not post_rated(w, t, row, place, day):
            w.failed = 1
        apply_amounts(w, t, row, w.amounts, w.rated.year, day, day)
        if not check_tier(w, t, row, place, day, tier, True):
            w.failed = 1
    if h != NULL:
        e = new_event(w, h, -1, day, w.closings.version[place], <int32_t>row[FACTS])
        if e != NULL:
            e.raises = w.rated.n_fired > 0
            e.mask = balance_mask(t, row, day)
            e.delta = <int64_t*>calloc(t.n_counters + 1, sizeof(int64_t))
            if e.delta == NULL:
                w.failed = 1
            else:
                memcpy(e.delta, w.amounts, t.n_counters * sizeof(int64_t))
    settle_all(w, row, day + 1, h)
    for c in range(t.n_currencies):
        account = account_of(row, c)
        gone = account[EXPIRED] - account[POSTED]
        if gone and not post(w.closed, <uint32_t>place, member, NO_RULE, POST_EXPIRE, <uint8_t>c,
                             0, -gone, -gone):
            w.failed = 1
        account[POSTED] = account[EXPIRED]
    for first in range(first, w.closed.n):
        w.closed.member[first] = member
    w.p = keep
    row[FACTS] += 1
    row[LAST_AT] = w.closings.at[place]
    return True
