"""Conditions on the member: age, tenure, anniversaries, ordinals, streaks (rulebook 3).

They are asked only of rules that everything else has let through. What is not known makes a
condition false and its negation true.
"""

from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t

from .counters cimport counter_value, day_of_date
from .rules cimport (
    FIRST_AT_STORE, FIRST_EVER, FIRST_IN_PERIOD, FIRST_OF_CATEGORY, IF_AGE, IF_COUNTER, IF_EVERY,
    IF_FIRST, IF_MEMBER_DAYS, IF_NEAR, IF_NTH, IF_SEGMENT, IF_SEQUENCE, IF_SINCE, IF_STREAK,
    IF_SUBSCRIPTION, Cond, RuleTable, SegmentDef, SequenceDef)
from .state cimport BIRTH, BIRTH_CALENDAR, JOINED, LAST_BUY, PURCHASES, Vec


cdef struct Facing:
    # What conditions on the member look at beside the row.
    int64_t at
    int32_t day
    int64_t store            # key, 0 unknown
    const int64_t *category  # [line]: numbers of the eligible lines' categories, 0 none
    int32_t n_lines
    const int32_t *bought    # see Basket
    int64_t n_bought


cdef enum:
    NEAR_BIRTH = -1
    NEAR_JOINING = -2
    NO_YEAR = -2147483647


cdef inline bint in_set(const Vec *v, int64_t key) noexcept nogil:
    """Whether a sorted list has a key."""
    cdef int32_t lo = 0, hi, middle
    if v == NULL:
        return False
    hi = v.n
    while lo < hi:
        middle = (lo + hi) // 2
        if v.d[middle] < key:
            lo = middle + 1
        else:
            hi = middle
    return lo < v.n and v.d[lo] == key


cdef inline bint dated(const RuleTable *t, const int64_t *row, int64_t slot, int32_t *calendar,
                       int32_t *year, int32_t *month, int32_t *day) noexcept nogil:
    """The date whose anniversaries a slot keeps; False when it is not known."""
    cdef int64_t packed
    if slot == NEAR_BIRTH:
        calendar[0] = <int32_t>row[BIRTH_CALENDAR]
        packed = row[BIRTH + calendar[0]]
    elif slot == NEAR_JOINING:
        if row[JOINED] < 0:
            return False
        packed = t.ymd[t.calendar][row[JOINED]]
        calendar[0] = t.calendar
    else:
        packed = row[slot]
        calendar[0] = <int32_t>row[slot + 1]
    if packed == 0:
        return False
    year[0] = <int32_t>(packed // 10000)
    month[0] = <int32_t>(packed // 100 % 100)
    day[0] = <int32_t>(packed % 100)
    return True


cdef inline int32_t year_near(const RuleTable *t, const int64_t *row, int64_t slot,
                              int64_t before, int64_t after, int32_t today) noexcept nogil:
    """Year, in its own calendar, of the anniversary near today; NO_YEAR when none is."""
    cdef int32_t calendar, year, month, day, here, falls, k
    if not dated(t, row, slot, &calendar, &year, &month, &day):
        return NO_YEAR
    here = t.ymd[calendar][today] // 10000
    for k in range(here - 1, here + 2):
        if k <= year:
            # The day itself is no anniversary of it.
            continue
        falls = day_of_date(t, calendar, k, month, day)
        if falls - before <= today <= falls + after:
            return k
    return NO_YEAR


cdef inline int32_t age_on(const RuleTable *t, const int64_t *row, int32_t today) noexcept nogil:
    """Whole years since birth in its calendar; -1 when the date is not known."""
    cdef int32_t calendar, year, month, day, here
    if not dated(t, row, NEAR_BIRTH, &calendar, &year, &month, &day):
        return -1
    here = t.ymd[calendar][today] // 10000
    return here - year - (today < day_of_date(t, calendar, here, month, day))


cdef inline bint within(int64_t value, int64_t least, int64_t most) noexcept nogil:
    return (least < 0 or value >= least) and (most < 0 or value <= most)


cdef inline bint in_segment(const RuleTable *t, const int64_t *row, const SegmentDef *s,
                            int32_t day) noexcept nogil:
    """Whether the member's figures put it into a segment that the program defines."""
    if s.spend >= 0 and not within(counter_value(t, row, s.spend, day), s.spend_least,
                                   s.spend_most):
        return False
    if s.visits >= 0 and not within(counter_value(t, row, s.visits, day), s.visits_least,
                                    s.visits_most):
        return False
    if s.since_least >= 0 or s.since_most >= 0:
        if row[LAST_BUY] < 0 or not within(day - row[LAST_BUY], s.since_least, s.since_most):
            return False
    if s.days_least >= 0 or s.days_most >= 0:
        if row[JOINED] < 0 or not within(day - row[JOINED], s.days_least, s.days_most):
            return False
    return True


cdef inline int64_t step_of(const SequenceDef *s, const int64_t *row, int32_t day) noexcept nogil:
    """Which step of a sequence a purchase on `day` is; 0 for none."""
    cdef int64_t step = row[s.slot], since = day - row[s.slot + 1]
    if step == 0:
        return 1
    if s.reset_days >= 0 and since > s.reset_days:
        return 1
    if since < s.gap_days:
        return 0
    if step < s.steps:
        return step + 1
    return 1 if s.repeat else 0


cdef inline int64_t streak_with(const RuleTable *t, const int64_t *row, int64_t streak,
                                int32_t day) noexcept nogil:
    """Consecutive periods with a purchase, one on `day` counted."""
    cdef const int64_t *at = row + t.streak_slot[streak]
    cdef int32_t period = t.streak_period[streak][day]
    if at[0] == period:
        return at[1]
    return at[1] + 1 if at[1] and at[0] == period - 1 else 1


cdef inline bint bought_in(const int32_t *period, int32_t number, const int32_t *bought,
                           int64_t n) noexcept nogil:
    """Whether one of the purchases on some days is in a period."""
    cdef int64_t i
    for i in range(n):
        if period[bought[i]] == number:
            return True
    return False


cdef inline int64_t streak_among(const RuleTable *t, int64_t streak, int32_t day,
                                 const int32_t *bought, int64_t n, int32_t own) noexcept nogil:
    """Consecutive periods with a purchase up to that of `day`, where one is counted; among
    purchases on some days and on an `own` one."""
    cdef const int32_t *period = t.streak_period[streak]
    cdef int32_t at = period[day] - 1
    while at == period[own] or bought_in(period, at, bought, n):
        at -= 1
    return period[day] - at


cdef inline bint new_category(const RuleTable *t, const Vec *bought, const Cond *c,
                              int64_t category) noexcept nogil:
    """Whether a line of a category is the first of the rule's nodes, or without any of its own."""
    cdef int64_t i
    cdef int32_t k, first = t.category_from[category], end = t.category_from[category + 1]
    if c.a == c.b:
        return first < end and not in_set(bought, t.category_node[first])
    for i in range(c.a, c.b):
        for k in range(first, end):
            if t.category_node[k] == t.lists[i] and not in_set(bought, t.lists[i]):
                return True
    return False


cdef inline bint first_of(const RuleTable *t, const int64_t *row, const Cond *c,
                          const Facing *f) noexcept nogil:
    cdef int32_t i, k
    cdef int64_t what
    cdef const int32_t *period
    for i in range(c.list_from, c.list_to):
        what = t.lists[i]
        if what == FIRST_EVER:
            if row[LAST_BUY] < 0:
                return True
        elif what == FIRST_AT_STORE:
            if f.store and not in_set(<const Vec*>row[t.stores_at], f.store):
                return True
        elif what == FIRST_OF_CATEGORY:
            for k in range(f.n_lines):
                if new_category(t, <const Vec*>row[t.categories_at], c, f.category[k]):
                    return True
        else:
            period = t.first_periods[what - FIRST_IN_PERIOD]
            if row[LAST_BUY] < 0 or (period[row[LAST_BUY]] != period[f.day] and not bought_in(
                    period, period[f.day], f.bought, f.n_bought)):
                return True
    return False


cdef inline bint known_and_true(const RuleTable *t, const int64_t *row, const Cond *c,
                                const Facing *f) noexcept nogil:
    """Whether a condition is known and holds; its negation is the caller's."""
    cdef int32_t i, op = c.op
    cdef int64_t value
    if op == IF_SEGMENT:
        for i in range(c.list_from, c.list_to):
            # Slots of segments that facts set, below zero; else segments of the program.
            if t.lists[i] < 0:
                if row[-t.lists[i]]:
                    return True
            elif in_segment(t, row, &t.segments[t.lists[i]], f.day):
                return True
        return False
    if op == IF_SUBSCRIPTION:
        for i in range(c.list_from, c.list_to):
            if row[t.lists[i]] > f.at:
                return True
        return False
    if op == IF_AGE:
        value = age_on(t, row, f.day)
        return value >= 0 and within(value, c.a, c.b)
    if op == IF_MEMBER_DAYS:
        return row[JOINED] >= 0 and within(f.day - row[JOINED], c.a, c.b)
    if op == IF_NEAR:
        return year_near(t, row, c.a, c.b, c.c, f.day) != NO_YEAR
    if op == IF_FIRST:
        return first_of(t, row, c, f)
    if op == IF_NTH:
        for i in range(c.list_from, c.list_to):
            if row[PURCHASES] + 1 == t.lists[i]:
                return True
        return False
    if op == IF_EVERY:
        return (row[PURCHASES] + 1) % c.a == 0
    if op == IF_SINCE:
        return row[LAST_BUY] >= 0 and f.day - row[LAST_BUY] >= c.a
    if op == IF_STREAK:
        if f.bought != NULL:
            return streak_among(t, c.a, f.day, f.bought, f.n_bought, f.day) >= c.b
        return streak_with(t, row, c.a, f.day) >= c.b
    if op == IF_COUNTER:
        return counter_value(t, row, <int32_t>c.a, f.day) >= c.b
    if op == IF_SEQUENCE:
        value = step_of(&t.sequences[c.a], row, f.day)
        for i in range(c.list_from, c.list_to):
            if value == t.lists[i]:
                return True
    return False


cdef inline bint member_meets(const RuleTable *t, const int64_t *row, int32_t rule,
                              const Facing *f) noexcept nogil:
    """Whether all of a rule's conditions on the member hold."""
    cdef int32_t i
    for i in range(t.conds_from[rule], t.conds_from[rule + 1]):
        if known_and_true(t, row, &t.conds[i], f) == t.conds[i].negated:
            return False
    return True
