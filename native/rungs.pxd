"""The rungs of a ladder: what each asks, how long one that is met is good, which is held.

A tier's THROUGH is the last day of its validity; grace keeps it longer. A ladder of periods
of which nothing can hold at the begin of a new one is `simple` (rulebook 6).
"""

from libc.stdint cimport int32_t, int64_t

from .counters cimport figure, in_period, membership_end
from .rules cimport (
    BY_MEMBERSHIP, NEVER, NEVER_DOWN, OF_BALANCE_IN, WHILE_MET, Asked, PlainRung, RuleTable)
from .state cimport (
    CHECKED, JOINED, MANUAL_THROUGH, MANUAL_TIER, THROUGH, TIER)


cdef enum:
    LOOK = -1          # balances: look at the accounts
    RAISED = 62        # bit of a mark: one of the tier's metrics was raised
    MOST_BALANCES = 0x3FFFFFFFFFFFFFFF  # bits below RAISED


cdef inline bint entered(const RuleTable *t, const int64_t *row, int32_t day) noexcept nogil:
    """Whether a member is more than a candidate: the club is open, or its entry is met."""
    cdef int32_t i
    cdef const Asked *a
    for i in range(t.n_entry):
        a = &t.asked[t.asked_from[t.n_tiers] + i]
        if (figure(t, row, a, day) >= a.least) == t.entry_any:
            return t.entry_any
    return not t.entry_any or t.n_entry == 0


cdef inline int64_t balances_met(const RuleTable *t, const int64_t *row, int32_t rung,
                                 int32_t day) noexcept nogil:
    """A bit for each balance that a rung asks for and that is met, by its place in the rung."""
    cdef int32_t i, first = t.asked_from[rung]
    cdef int64_t met = 0
    for i in range(first, t.asked_from[rung + 1]):
        if t.asked[i].metric == OF_BALANCE_IN and (
                figure(t, row, &t.asked[i], day) >= t.asked[i].least):
            met |= <int64_t>1 << (i - first)
    return met


cdef inline bint holds(const RuleTable *t, const int64_t *row, int32_t rung, int32_t day,
                       int64_t balances) noexcept nogil:
    """Whether a rung's metrics hold on a day; balances: LOOK, or as `balances_met` tells."""
    cdef int32_t i, first = t.asked_from[rung]
    cdef const Asked *a
    cdef bint met
    for i in range(first, t.asked_from[rung + 1]):
        a = &t.asked[i]
        if balances >= 0 and a.metric == OF_BALANCE_IN:
            met = balances >> (i - first) & 1
        else:
            met = figure(t, row, a, day) >= a.least
        if met and t.tier_any[rung]:
            return True
        if not met and not t.tier_any[rung]:
            return False
    return not t.tier_any[rung]


cdef inline int64_t *tier_slots(const RuleTable *t, int64_t *row, int32_t rung) noexcept nogil:
    return row + t.tiers_at + TIER * t.rung[rung]


cdef inline bint lasts(const RuleTable *t) noexcept nogil:
    """Whether a tier that was met is good for a while, not just as long as it is met."""
    return t.validity != WHILE_MET or t.down == NEVER_DOWN


cdef inline int32_t valid_through(const RuleTable *t, const int64_t *row,
                                  int32_t day) noexcept nogil:
    """Last good day of a tier whose metrics hold on `day`."""
    if t.down == NEVER_DOWN:
        return NEVER
    if t.validity == WHILE_MET:
        return day
    if t.validity == BY_MEMBERSHIP:
        return membership_end(t, <int32_t>row[JOINED], day, t.validity_k)
    return t.tier_through[day]


cdef inline bint still_good(const RuleTable *t, const int64_t *row, int32_t rung,
                            int32_t day) noexcept nogil:
    """Whether a rung is good on a day, grace included."""
    return (t.tier_always[rung]
            or (row + t.tiers_at + TIER * t.rung[rung])[THROUGH] + t.grace_days >= day)


cdef inline int32_t qualified(const RuleTable *t, const int64_t *row, int32_t day) noexcept nogil:
    """The highest rung still good, manual tiers apart; -1 for none."""
    cdef int32_t i = t.n_tiers - 1
    while i >= 0 and not still_good(t, row, i, day):
        i -= 1
    return i


cdef inline int32_t with_manual(const RuleTable *t, const int64_t *row, int32_t day,
                                int32_t found) noexcept nogil:
    """The higher of a rung and one that is held by hand on `day`."""
    cdef int32_t i
    if row[MANUAL_TIER] >= 0 and row[MANUAL_THROUGH] >= day:
        for i in range(found + 1, t.n_tiers):
            if t.rung[i] == row[MANUAL_TIER]:
                found = i
    return found


cdef inline int32_t tier_on(const RuleTable *t, const int64_t *row, int32_t day) noexcept nogil:
    """The rung that counts on `day`: the higher of the one still good and a manual one."""
    return with_manual(t, row, day, qualified(t, row, day))


cdef inline int32_t tier_of_layout(const RuleTable *t, const int64_t *row,
                                   int32_t day) noexcept nogil:
    """As tier_on, as a tier of the layout."""
    cdef int32_t i = tier_on(t, row, day)
    return t.rung[i] if i >= 0 else -1


cdef inline bint make_good(const RuleTable *t, int64_t *row, int32_t rung,
                           int32_t day) noexcept nogil:
    """A tier whose metrics hold is good through its validity; whether that is news."""
    cdef int64_t *slots = tier_slots(t, row, rung)
    cdef int32_t end = valid_through(t, row, day)
    if end > slots[THROUGH] or (end == slots[THROUGH] and slots[CHECKED]):
        slots[THROUGH] = end
        slots[CHECKED] = 0
        return True
    return False


cdef inline int32_t ladder_of(const RuleTable *t) noexcept nogil:
    """By which ladder a row's tiers go under a version, and whether they last."""
    return 2 * t.ladder + lasts(t)


cdef inline bint has_tiers(const RuleTable *t) noexcept nogil:
    """Whether the version, or another that members' tiers may go by, has a ladder."""
    return t.n_tiers > 0 or t.ladder_at >= 0


cdef inline bint only_balances(const RuleTable *t, int32_t rung) noexcept nogil:
    """Whether a rung asks for balances alone: `any` of them is what it was held by."""
    cdef int32_t i
    for i in range(t.asked_from[rung], t.asked_from[rung + 1]):
        if t.asked[i].metric != OF_BALANCE_IN:
            return False
    return True


cdef inline int64_t held_by(const RuleTable *t, const int64_t *row,
                            int32_t rung) noexcept nogil:
    """The balances that a rung was held by on the last day on which it was."""
    cdef int32_t slot = t.held_slot[rung]
    if slot < 0 or row[slot + 1] < row[t.tiers_at + TIER * t.rung[rung] + THROUGH]:
        return 0
    return row[slot]


cdef inline int32_t rung_of(const RuleTable *t, int32_t layout) noexcept nogil:
    """The rung that a tier of the layout is; -1 for none."""
    cdef int32_t i
    for i in range(t.n_tiers):
        if t.rung[i] == layout:
            return i
    return -1


cdef inline int32_t qualified_simple(const RuleTable *t, const int64_t *row,
                                     int32_t day) noexcept nogil:
    """As `qualified`, of a simple ladder, which has no grace."""
    cdef int32_t i = t.n_tiers - 1
    while i >= 0 and not (t.rungs[i].always or row[t.rungs[i].slot + THROUGH] >= day):
        i -= 1
    return i


cdef inline bint extend_simple(const RuleTable *t, int64_t *row, int32_t day) noexcept nogil:
    """After a purchase, on a ladder of spend and visits in a calendar period; whether a tier is
    good for longer than before."""
    cdef int32_t i, end = t.tier_through[day]
    cdef bint news = False, met
    cdef int64_t spend = in_period(t, row, t.spend_counter, day)
    cdef int64_t visits = in_period(t, row, t.visits_counter, day)
    cdef const PlainRung *one
    cdef int64_t *slots
    for i in range(t.n_tiers):
        one = &t.rungs[i]
        if one.any_:
            met = spend >= one.spend or visits >= one.visits
        else:
            met = spend >= one.spend and visits >= one.visits
        if not met:
            continue
        slots = row + one.slot
        if slots[THROUGH] < end or (slots[THROUGH] == end and slots[CHECKED]):
            slots[THROUGH] = end
            slots[CHECKED] = 0
            news = True
    return news
