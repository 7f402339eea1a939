"""Facts of the general fold that neither buy nor spend: activities, adjusts, what is known of
a member (rulebook sections 2 to 5); and what all facts have in common.
"""

from libc.stdint cimport INT64_MIN, int32_t, int64_t, uint8_t, uint32_t
from libc.string cimport memcpy, memset

from .accounts cimport account_of, expires_on, put_lot, renew, take_active, take_pending
from .basket cimport ACTIVITY_FACT, BASKET, Basket
from .columns cimport ACCEPTED, COMPLETED, Columns, post
from .counters cimport counter_value
from .earned cimport amounts_of, apply_amounts, check_tier, post_rated
from .history cimport Event, History, Renewal
from .lots cimport Lot, Lots, ripening_points
from .memory cimport room_for
from .rate cimport rate_all
from .rules cimport (
    COUNT_ACTIVITY, ENROL, INSUFFICIENT, NO_RULE, OK, OVERFLOW, POST_ADJUST, POST_FORGIVE, ROLLING,
    UNKNOWN_CURRENCY, Counter, RuleTable)
from .rungs cimport tier_on
from .state cimport DEBT, ENROLLED, FACTS, FORGIVEN, ISSUED, JOINED, LOTS, REVERSED
from .tiers cimport advance_tiers
from .work cimport Work, account_available, begin, new_event


cdef inline void remember_renewal(Work *w, History *h, int32_t c, int32_t day,
                                  bint gave) noexcept nogil:
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
    n.gave = gave
    h.n_renewals += 1


cdef inline bint is_owed(const RuleTable *t, int32_t c, uint8_t flags) noexcept nogil:
    """Whether what an accepted fact lacks of a currency becomes debt; else it is forgiven."""
    return t.currencies[c].spendable and (not t.late_forgives or flags & COMPLETED)


cdef inline bint fall_short(Work *w, const RuleTable *t, int64_t *row, int64_t basket, int32_t c,
                            int64_t missing, uint8_t flags) noexcept nogil:
    """What an accepted fact lacks becomes debt, or is forgiven (rulebook 2)."""
    cdef int64_t *account = account_of(row, c)
    if missing == 0:
        return True
    w.out.lack[basket * w.g.n_currencies + c] += missing
    if is_owed(t, c, flags):
        account[DEBT] += missing
        return True
    account[FORGIVEN] += missing
    return post(w.p, <uint32_t>basket, 0, NO_RULE, POST_FORGIVE, <uint8_t>c, 0, missing, missing)


cdef inline bint too_much(Work *w, const RuleTable *t, const int64_t *row) noexcept nogil:
    """Whether what the rules give is too much for a posting, or for a total."""
    cdef int32_t i, c
    cdef int64_t granted
    for c in range(t.n_currencies):
        w.net_of[c] = account_of(<int64_t*>row, c)[ISSUED]
    for i in range(w.rated.n_fired):
        c = t.currency[w.rated.fired[i]]
        granted = w.rated.granted[w.rated.fired[i]]
        if granted > t.currencies[c].most or granted > (<int64_t>1 << 61) - w.net_of[c]:
            return True
        w.net_of[c] += granted
    return False


cdef inline void gather_given(Work *w, const RuleTable *t) noexcept nogil:
    """w.given: what each rule gave, by rule. Of none of it anything waits for money (w.waits)."""
    cdef int32_t i
    for i in range(t.n_rules):
        w.given[i] = w.waits[i] = 0
    for i in range(w.rated.n_fired):
        w.given[w.rated.fired[i]] = w.rated.granted[w.rated.fired[i]]


cdef inline void no_amounts(Work *w, const RuleTable *t) noexcept nogil:
    memset(w.amounts, 0, (t.n_counters + 1) * sizeof(int64_t))


cdef inline bint counters_fit(const RuleTable *t, const int64_t *row, const int64_t *amounts,
                              int32_t now) noexcept nogil:
    """Whether the counters stay far from the end of int64 with what a fact adds."""
    cdef int32_t i
    cdef const Counter *c
    cdef int64_t most = <int64_t>1 << 62
    for i in range(t.n_counters):
        c = &t.counters[i]
        # A list is added up for large amounts only: small ones would have to be too many.
        if amounts[i] <= 0 or (c.window >= ROLLING and amounts[i] < <int64_t>1 << 40):
            continue
        if amounts[i] > most or counter_value(t, row, i, now) > most:
            return False
    return True


cdef inline bint rate_ahead(Work *w, const RuleTable *t, const Basket *b, const int64_t *row,
                            int32_t now, bint purchase) noexcept nogil:
    """Rate a fact at `now` on a copy of the row, before anything moves; False where it does
    not fit.

    What the fact's own redemption asks is in w.asked_in. Accounts are only looked at: a
    balance on the day is the same before and after they are settled.
    """
    cdef int32_t c
    memcpy(w.ahead, row, w.g.width * sizeof(int64_t))
    if w.ahead[JOINED] < 0:
        w.ahead[JOINED] = b.day
    advance_tiers(t, w.ahead, now)
    for c in range(t.n_currencies):
        w.active[c] = account_available(w.ahead, c, now) - w.asked_in[c]
        if w.active[c] < 0:
            w.active[c] = 0
    w.rated.n_fired = w.rated.n_part = 0
    if purchase or b.form != BASKET:
        rate_all(t, b, w.ahead, tier_on(t, w.ahead, now), w.active, &w.rated)
        if w.rated.overflow or too_much(w, t, row):
            return False
    gather_given(w, t)
    return (amounts_of(w, t, b, w.given, purchase, w.amounts)
            and counters_fit(t, w.ahead, w.amounts, now))


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


cdef inline bint enter(Work *w, const RuleTable *t, int64_t i, int64_t *row,
                       History *h) noexcept nogil:
    """The start of a fact, and its place in a history; False without memory."""
    begin(w, t, row, w.in_.day[i], h)
    return h == NULL or new_event(w, h, <int32_t>i, w.in_.day[i], w.in_.version[i],
                                  <int32_t>row[FACTS]) != NULL


cdef inline bint enter_named(Work *w, const RuleTable *t, int64_t i, int64_t *row, History *h,
                             int32_t day) noexcept nogil:
    """The start of a fact that names another, on the member's date; False without memory."""
    begin(w, t, row, day, h)
    return new_event(w, h, <int32_t>i, day, w.in_.version[i], <int32_t>row[FACTS]) != NULL


cdef inline int finish(Work *w, const RuleTable *t, int64_t i, int64_t *row, History *h,
                       int32_t day, int32_t own) noexcept nogil:
    """The tier check of a fact whose amounts are applied, and its place in the order.

    `own` is the fact's date, `day` the member's, which may be later.
    """
    cdef Event *e
    if not check_tier(w, t, row, i, day, own, h):
        w.failed = 1
    if h != NULL:
        e = &h.event[h.n_events - 1]
        memcpy(e.delta, w.amounts, t.n_counters * sizeof(int64_t))
        memcpy(e.marks, w.marks, t.n_tiers * sizeof(int64_t))
    row[FACTS] += 1
    return OK


cdef inline void set_slots(Work *w, int64_t i, int64_t *row) noexcept nogil:
    """What a fact says of its member's row."""
    cdef const Columns *in_ = w.in_
    cdef int64_t k
    if in_.sets_from != NULL:
        for k in range(in_.sets_from[i], in_.sets_from[i + 1]):
            row[in_.set_slot[k]] = in_.set_value[k]


cdef inline int apply_activity(Work *w, const RuleTable *t, int64_t i, int64_t *row,
                               History *h) noexcept nogil:
    """Something a member did that is no purchase (rulebook 3)."""
    cdef Basket b
    cdef const Columns *in_ = w.in_
    cdef int32_t day = in_.day[i], c, k
    stand_in(w, &b, in_.at[i], day, in_.figure[i] * 1000)
    b.form = ACTIVITY_FACT
    b.code = in_.code[i]
    b.minute = in_.minute[i]
    b.store = in_.store[i]
    b.terminal = in_.terminal[i]
    b.channel = in_.channel[i] if in_.channel != NULL else 0
    b.drawn = in_.drawn[i] if in_.drawn != NULL else 0
    b.epoch = in_.epoch[i]
    for c in range(t.n_currencies):
        w.asked_in[c] = 0
    if not rate_ahead(w, t, &b, row, day, False):
        return OVERFLOW
    if not enter(w, t, i, row, h):
        return OK
    for k in range(t.n_counters):
        if t.counters[k].kind == COUNT_ACTIVITY and t.counters[k].subject >= 0 and (
                t.activity_bits[in_.code[i]] >> t.counters[k].subject & 1):
            w.amounts[k] += in_.figure[i]
    for c in range(t.n_currencies):
        if t.currencies[c].inactivity and t.currencies[c].renewed_by_activity:
            renew(&t.currencies[c], row, c, day)
            remember_renewal(w, h, c, day, False)
    if not post_rated(w, t, row, i, day, day):
        w.failed = 1
        return OK
    apply_amounts(w, t, row, w.amounts, w.rated.year, day, day)
    return finish(w, t, i, row, h, day, day)


cdef inline int apply_adjust(Work *w, const RuleTable *t, int64_t i, int64_t *row,
                             History *h) noexcept nogil:
    """Points given or taken by hand (rulebook 5)."""
    cdef const Columns *in_ = w.in_
    cdef int32_t day = in_.day[i], c = in_.currency[i]
    cdef int64_t points = in_.figure[i], left
    cdef int64_t *account
    cdef Lot lot
    if c >= t.n_currencies or not t.currencies[c].known:
        return UNKNOWN_CURRENCY
    account = account_of(row, c)
    if ((points if points > 0 else -points) > t.currencies[c].most
            or (points > 0 and account[ISSUED] + points > (<int64_t>1 << 61))):
        return OVERFLOW
    if points < 0 and not in_.flags[i] & (ACCEPTED | COMPLETED):
        left = account_available(row, c, day) + ripening_points(<Lots*>account[LOTS], day)
        if -points > left:
            return INSUFFICIENT
    if not enter(w, t, i, row, h):
        return OK
    no_amounts(w, t)
    set_slots(w, i, row)
    # A referral of which the cap leaves nothing brings a row and no posting.
    if points and not post(w.p, <uint32_t>i, 0, NO_RULE, POST_ADJUST, <uint8_t>c, 0, points,
                           points):
        w.failed = 1
        return OK
    if points > 0:
        account[ISSUED] += points
        lot.earned = lot.active_from = day
        lot.fixed = in_.expires[i] != -2
        lot.good_through = in_.expires[i] if lot.fixed else expires_on(
            &t.currencies[c], account, day)
        if not lot.fixed:
            lot.fixed = t.currencies[c].fixes
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
    return finish(w, t, i, row, h, day, day)


cdef inline int apply_sets(Work *w, const RuleTable *t, int64_t i, int64_t *row,
                           History *h) noexcept nogil:
    """What is known of a member from now on; a figure fed in may raise a tier."""
    cdef const Columns *in_ = w.in_
    cdef int32_t day = in_.day[i]
    if not enter(w, t, i, row, h):
        return OK
    if in_.kind[i] == ENROL and not row[ENROLLED]:
        row[JOINED] = day
        row[ENROLLED] = 1
    no_amounts(w, t)
    set_slots(w, i, row)
    return finish(w, t, i, row, h, day, day)
