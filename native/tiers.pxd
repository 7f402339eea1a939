"""Tiers: the highest rung still good, and what a basket makes good (rulebook section 6)."""

from libc.stdint cimport int32_t, int64_t

from .rules cimport RuleTable


cdef inline int32_t tier_on(const RuleTable *t, const int64_t *through,
                            int32_t day) noexcept nogil:
    """Index of the highest tier good on `day`, -1 for none."""
    cdef int32_t i = t.n_tiers - 1
    while i >= 0:
        if t.tier_always[i] or through[i] >= day:
            return i
        i -= 1
    return -1


cdef inline int64_t counter_value(const int64_t *counter, const int32_t *period,
                                  int32_t day) noexcept nogil:
    """Value of a (period, value) counter in the period of `day`."""
    return counter[1] if counter[0] == period[day] else 0


cdef inline void add_to_counter(int64_t *counter, const int32_t *period, int32_t day,
                                int64_t amount) noexcept nogil:
    """Add to the counter, which begins anew in a new period."""
    if counter[0] != period[day]:
        counter[0] = period[day]
        counter[1] = 0
    counter[1] += amount


cdef inline int64_t metric(const RuleTable *t, const int64_t *counters, int32_t counter,
                           int32_t day) noexcept nogil:
    """Value of a metric's counter; 0 for one that no tier asks for (-1)."""
    if counter < 0:
        return 0
    return counter_value(counters + 2 * counter, t.counters[counter].period, day)


cdef inline bint meets(int64_t asked, int64_t have, bint otherwise) noexcept nogil:
    """Whether a threshold holds; one that is not asked (-1) answers `otherwise`."""
    return otherwise if asked < 0 else have >= asked


cdef inline void extend_tiers(const RuleTable *t, int64_t *through, int64_t spend,
                              int64_t visits, int32_t day) noexcept nogil:
    """Each tier whose metrics hold is good through its validity from `day`."""
    cdef int32_t i
    cdef bint met
    for i in range(t.n_tiers):
        if t.tier_any[i]:
            met = (meets(t.tier_spend[i], spend, False)
                   or meets(t.tier_visits[i], visits, False))
        else:
            met = (meets(t.tier_spend[i], spend, True)
                   and meets(t.tier_visits[i], visits, True))
        if met and not t.tier_always[i] and t.tier_through[day] > through[i]:
            through[i] = t.tier_through[day]
