"""Points that open holds reserve: parts of lots, in the list HOLDS of a member's row.

A part is PART values: the instant at which its hold ends (us), the date of it and the
currency, the place of the hold's fact in the member's order, then its lot and points. Parts
stand by end and place; those of one hold in spending order. What a hold that was accepted
does not find (rulebook 2) is a part of no lot: OWED is debt, GIVEN was forgiven; they come
last.
"""

from libc.stdint cimport int32_t, int64_t, uint32_t

from .lots cimport Lot
from .state cimport HOLDS, Vec, vec_insert, vec_remove

cdef enum:
    PART = 7
    OWED = -1              # tag of a part that is debt
    GIVEN = -2             # tag of a part that was forgiven


cdef struct Part:
    int64_t end
    int32_t end_day
    int32_t currency
    int32_t source
    Lot lot


cdef inline int32_t low(int64_t word) noexcept nogil:
    return <int32_t><uint32_t>word


cdef inline int32_t high(int64_t word) noexcept nogil:
    return <int32_t>(word >> 32)


cdef inline int64_t both(int32_t a, int32_t b) noexcept nogil:
    """Two numbers in one word, each of either sign."""
    return <int64_t>(<uint32_t>a) | (<int64_t>b << 32)


cdef inline int32_t n_parts(const Vec *v) noexcept nogil:
    return 0 if v == NULL else v.n // PART


cdef inline Part part_of(const Vec *v, int32_t i) noexcept nogil:
    cdef const int64_t *d = &v.d[PART * i]
    cdef Part p
    p.end = d[0]
    p.end_day = low(d[1])
    p.currency = high(d[1])
    p.source = <int32_t>d[2]
    p.lot.earned = low(d[3])
    p.lot.active_from = high(d[3])
    p.lot.good_through = low(d[4])
    p.lot.source = high(d[4])
    p.lot.tag = low(d[5])
    p.lot.fixed = high(d[5])
    p.lot.points = d[6]
    return p


cdef inline bint insert_part(int64_t *row, int32_t i, const Part *p) noexcept nogil:
    """Put a part at a place; False without memory."""
    cdef int64_t words[PART]
    cdef Vec *v
    cdef int32_t k
    words[0] = p.end
    words[1] = both(p.end_day, p.currency)
    words[2] = p.source
    words[3] = both(p.lot.earned, p.lot.active_from)
    words[4] = both(p.lot.good_through, p.lot.source)
    words[5] = both(p.lot.tag, p.lot.fixed)
    words[6] = p.lot.points
    for k in range(PART):
        v = vec_insert(<Vec*>row[HOLDS], PART * i + k, words[k])
        if v == NULL:
            return False
        row[HOLDS] = <int64_t>v
    return True


cdef inline void remove_part(int64_t *row, int32_t i) noexcept nogil:
    vec_remove(<Vec*>row[HOLDS], PART * i, PART)


cdef inline void set_good_through(Vec *v, int32_t i, int32_t day) noexcept nogil:
    v.d[PART * i + 4] = both(day, high(v.d[PART * i + 4]))


cdef inline bint add_part(int64_t *row, const Part *p) noexcept nogil:
    """Put a part after those that end no later and those of its hold."""
    cdef const Vec *v = <const Vec*>row[HOLDS]
    cdef int32_t i = n_parts(v)
    while i > 0 and (v.d[PART * (i - 1)] > p.end or (
            v.d[PART * (i - 1)] == p.end and v.d[PART * (i - 1) + 2] > p.source)):
        i -= 1
    return insert_part(row, i, p)


cdef inline bint has_run_out(const int64_t *row, int64_t at) noexcept nogil:
    """Whether a hold that the row has open ends by an instant."""
    cdef const Vec *v = <const Vec*>row[HOLDS]
    return v != NULL and v.n > 0 and v.d[0] <= at


cdef inline bint ends_by(const int64_t *row, int32_t day) noexcept nogil:
    """Whether a hold that the row has open ends on a date, or before it."""
    cdef const Vec *v = <const Vec*>row[HOLDS]
    return v != NULL and v.n > 0 and low(v.d[1]) <= day


cdef inline int64_t held_points(const int64_t *row, int32_t currency) noexcept nogil:
    """Points of a currency that open holds reserve."""
    cdef const Vec *v = <const Vec*>row[HOLDS]
    cdef int64_t total = 0
    cdef int32_t i
    for i in range(n_parts(v)):
        if high(v.d[PART * i + 1]) == currency:
            total += v.d[PART * i + 6]
    return total


cdef inline int64_t left_in(const int64_t *row, int32_t source) noexcept nogil:
    """Points that the hold of a fact has left; 0 when it is over."""
    cdef const Vec *v = <const Vec*>row[HOLDS]
    cdef int64_t total = 0
    cdef int32_t i
    for i in range(n_parts(v)):
        if v.d[PART * i + 2] == source:
            total += v.d[PART * i + 6]
    return total
