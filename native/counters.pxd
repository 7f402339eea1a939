"""Counters by window: their value on a day, what a fact adds; dates as windows count them."""

from libc.stdint cimport INT64_MIN, int32_t, int64_t

from .lots cimport Lots, available
from .rules cimport (
    KEPT, MEMBERSHIP, OF_COUNTER, OF_VALUE, PERIOD, ROLLING, Asked, Counter, RuleTable)
from .state cimport ACCOUNT, DEBT, HEAD, JOINED, LOTS, Vec, vec_insert


cdef enum:
    KEPT_PERIODS = 2   # before that of a fact
    LONGEST_YEAR = 366


cdef inline int32_t day_of_date(const RuleTable *t, int32_t calendar, int32_t year,
                                int32_t month, int32_t day) noexcept nogil:
    """Day number of a date, clipped to the month's end."""
    cdef const int32_t *start = (t.month_start[calendar]
                                 + (year - t.first_year[calendar]) * 12 + month - 1)
    cdef int32_t length = start[1] - start[0]
    return start[0] + (day if day < length else length) - 1


cdef inline int32_t membership_year(const RuleTable *t, int32_t calendar, int32_t joined,
                                    int32_t day) noexcept nogil:
    """Number of the membership year of a day, from 0; years begin on days of joining."""
    cdef int32_t here = t.ymd[calendar][day], begun = t.ymd[calendar][joined]
    cdef int32_t years = here // 10000 - begun // 10000
    cdef int32_t falls = day_of_date(t, calendar, here // 10000, begun // 100 % 100, begun % 100)
    return years if day >= falls else years - 1


cdef inline int32_t membership_begin(const RuleTable *t, int32_t joined,
                                     int32_t day) noexcept nogil:
    """First day of the membership year of a day, as windows count them."""
    cdef int32_t calendar = t.calendar, begun = t.ymd[calendar][joined]
    return day_of_date(t, calendar, begun // 10000 + membership_year(t, calendar, joined, day),
                       begun // 100 % 100, begun % 100)


cdef inline int32_t membership_end(const RuleTable *t, int32_t joined, int32_t day,
                                   int32_t k) noexcept nogil:
    """Last day of the k-th membership year after that of a day, as validities count them."""
    cdef int32_t calendar = t.validity_calendar, begun = t.ymd[calendar][joined]
    return day_of_date(t, calendar,
                       begun // 10000 + membership_year(t, calendar, joined, day) + k + 1,
                       begun // 100 % 100, begun % 100) - 1


cdef inline int64_t counter_value(const RuleTable *t, const int64_t *row, int32_t counter,
                                  int32_t day) noexcept nogil:
    """Value of a counter in the window of `day`; -1 is no counter: 0."""
    cdef const Counter *c
    cdef const int64_t *at
    cdef const Vec *v
    cdef int64_t total = 0
    cdef int32_t i, first
    if counter < 0:
        return 0
    c = &t.counters[counter]
    at = row + c.slot
    if c.window == PERIOD:
        return at[1] if at[0] == c.period[day] else 0
    if c.window == ROLLING or c.window == MEMBERSHIP:
        v = <const Vec*>at[0]
        if v == NULL:
            return 0
        first = (c.period[day] if c.window == ROLLING
                 else membership_begin(t, <int32_t>row[JOINED], day))
        i = v.n - 2
        while i >= 0 and v.d[i] >= first:
            if v.d[i] <= day:
                total += v.d[i + 1]
            i -= 2
        return total
    if c.window == KEPT:
        v = <const Vec*>at[0]
        i = 0 if v == NULL else v.n - 2
        while v != NULL and i >= 0:
            if v.d[i] == c.period[day]:
                return v.d[i + 1]
            i -= 2
        return 0
    return 0


cdef inline bint add_rolling(int64_t *at, int32_t day, int32_t first,
                             int64_t amount) noexcept nogil:
    """Add to the day's entry of a rolling list; entries before `first` are let go."""
    cdef Vec *v = <Vec*>at[0]
    cdef int32_t i, gone = 0, k
    if v != NULL:
        while gone < v.n and v.d[gone] < first:
            gone += 2
        if gone:
            for k in range(gone, v.n):
                v.d[k - gone] = v.d[k]
            v.n -= gone
        i = v.n - 2
        while i >= 0 and v.d[i] > day:
            i -= 2
        if i >= 0 and v.d[i] == day:
            v.d[i + 1] += amount
            return True
        i += 2
    else:
        i = 0
    v = vec_insert(v, i, day)
    if v == NULL:
        return False
    at[0] = <int64_t>v
    v = vec_insert(v, i + 1, amount)
    if v == NULL:
        return False
    at[0] = <int64_t>v
    return True


cdef inline int32_t kept_since(const Counter *c, int32_t day) noexcept nogil:
    """The first day whose entries a list by days has, on a day.

    A day of joining may yet move, with an enrolment or a merge: a year before the day is enough.
    """
    return c.period[day] if c.window == ROLLING else day - LONGEST_YEAR


cdef inline bint still_kept(const Counter *c, int32_t day, int32_t now) noexcept nogil:
    """Whether a counter that keeps some periods has that of a day at a later one."""
    return c.period[day] >= c.period[now] - KEPT_PERIODS


cdef inline bint add_to_counter(const RuleTable *t, int64_t *row, int32_t counter, int32_t day,
                                int32_t now, int64_t amount) noexcept nogil:
    """Move a counter on by what a fact of `day` gave or, at `now`, took back.

    What comes to a period that is over, by a return or by a day that is closed late, changes
    nothing. False without memory.
    """
    cdef const Counter *c = &t.counters[counter]
    cdef int64_t *at = row + c.slot
    cdef int64_t key
    if c.window == ROLLING or c.window == MEMBERSHIP:
        if day < kept_since(c, now):
            return True
        return add_rolling(at, day, kept_since(c, now), amount)
    if c.window == KEPT:
        if not still_kept(c, day, now):
            return True
        return add_rolling(at, c.period[day], c.period[now] - KEPT_PERIODS, amount)
    key = c.period[day]
    if at[0] != key:
        if at[0] > key:
            return True
        at[0] = key
        at[1] = 0
    at[1] += amount
    return True


cdef inline int64_t figure(const RuleTable *t, const int64_t *row, const Asked *a,
                           int32_t day) noexcept nogil:
    """A metric on a day; INT64_MIN for a value that nobody has fed in."""
    cdef const int64_t *account
    if a.metric == OF_COUNTER:
        return counter_value(t, row, a.subject, day)
    if a.metric == OF_VALUE:
        return row[a.subject] if row[a.subject + 1] else INT64_MIN
    account = row + HEAD + ACCOUNT * a.subject
    return available(<const Lots*>account[LOTS], account[DEBT], day)


cdef inline int64_t in_period(const RuleTable *t, const int64_t *row, int32_t counter,
                              int32_t day) noexcept nogil:
    """As `counter_value`, of a counter by a calendar period: a plain program has no other."""
    cdef const int64_t *at
    if counter < 0:
        return 0
    at = row + t.counters[counter].slot
    return at[1] if at[0] == t.counters[counter].period[day] else 0
