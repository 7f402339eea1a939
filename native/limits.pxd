"""What limits leave: a rule's own, of its anniversary, and the program's caps (rulebook 4.5)."""

from libc.stdint cimport int32_t, int64_t

from .basket cimport Rated
from .counters cimport counter_value
from .members cimport NO_YEAR
from .rules cimport ANNIVERSARY, BONUS, OF_BALANCE, Limit, RuleTable


cdef inline int64_t limit_room(const RuleTable *t, const Limit *limit, const int64_t *row,
                               int32_t day, int32_t year) noexcept nogil:
    """What a limit leaves before the fact; never below zero."""
    cdef int64_t used = 0
    cdef const int64_t *at
    if limit.counter >= 0:
        if t.counters[limit.counter].window == ANNIVERSARY:
            at = row + t.counters[limit.counter].slot
            used = at[1] if at[0] == year else 0
        else:
            used = counter_value(t, row, limit.counter, day)
    return limit.ceiling - used if limit.ceiling > used else 0


cdef inline bint year_open(const RuleTable *t, const int64_t *row, int32_t rule, int32_t day,
                           int32_t year) noexcept nogil:
    """Whether a rule limited by the anniversary may give for this year's (rulebook 3)."""
    cdef const int64_t *at
    if t.ann_slot[rule] < 0:
        return True
    at = row + t.ann_slot[rule]
    return at[1] < 0 or at[0] == year or day - at[1] > 180


cdef inline bint is_given(const RuleTable *t, const int64_t *row, int32_t rule) noexcept nogil:
    """Whether a bonus on the balance has been given, which comes once."""
    return t.kind[rule] == BONUS and t.form[rule] == OF_BALANCE and row[t.slot[rule]] > 0


cdef inline bint has_room(const RuleTable *t, const int64_t *row, int32_t rule, int32_t day,
                          int32_t year) noexcept nogil:
    """Whether limits, uses and the once-only guard leave a rule anything to give."""
    cdef int32_t i
    if not year_open(t, row, rule, day, year) or is_given(t, row, rule):
        return False
    for i in range(t.limits_from[rule], t.limits_from[rule + 1]):
        if t.limits[i].counter >= 0 and limit_room(t, &t.limits[i], row, day, year) == 0:
            return False
    return True


cdef inline void own_limits(const RuleTable *t, const int64_t *row, int32_t rule, int32_t day,
                            Rated *r) noexcept nogil:
    """Cut a rule's figure by its own limits, in the order in which they are listed."""
    cdef int32_t i
    cdef int64_t room
    r.granted[rule] = r.desired[rule]
    r.limit[rule] = 0
    for i in range(t.limits_from[rule], t.limits_from[rule + 1]):
        room = limit_room(t, &t.limits[i], row, day, r.year[rule])
        if (t.limits[i].counter >= 0 and t.counters[t.limits[i].counter].window == ANNIVERSARY
                and not year_open(t, row, rule, day, r.year[rule])):
            room = 0
        if t.limits[i].is_uses:
            room = r.granted[rule] if room > 0 else 0
        if room < r.granted[rule]:
            r.granted[rule] = room
            r.limit[rule] = t.limits[i].code
    if r.granted[rule] and is_given(t, row, rule):
        r.granted[rule] = 0
        r.limit[rule] = t.once_code


cdef inline void fill_rated_caps(const RuleTable *t, const int64_t *row, int32_t day,
                                 Rated *r) noexcept nogil:
    """The program's caps, filled in (priority, file) order over all kinds."""
    cdef int32_t i, k, rule, c
    for c in range(t.n_currencies):
        for k in range(t.currencies[c].caps_from, t.currencies[c].caps_to):
            r.room[k] = limit_room(t, &t.limits[k], row, day, NO_YEAR)
    r.n_fired = 0
    for i in range(r.n_part):
        rule = r.part[i]
        if r.desired[rule] <= 0 or r.limit[rule] == -1:
            continue
        r.fired[r.n_fired] = rule
        r.n_fired += 1
        c = t.currency[rule]
        for k in range(t.currencies[c].caps_from, t.currencies[c].caps_to):
            if r.room[k] < r.granted[rule]:
                r.granted[rule] = r.room[k]
                r.limit[rule] = t.limits[k].code
        for k in range(t.currencies[c].caps_from, t.currencies[c].caps_to):
            r.room[k] -= r.granted[rule]
