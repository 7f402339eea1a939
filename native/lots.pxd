"""Lots of one account in spending order: earliest good-through day first, then earliest
earned, then the source's place in the member's order (rulebook section 5).

All figures are units above zero; a lot that is spent or gone leaves the list.
"""

from libc.stdint cimport int32_t, int64_t
from libc.stdlib cimport realloc
from libc.string cimport memmove

cdef enum:
    RESTORED = 1 << 20    # tag of points that had become debt and come back
    UNPAID = 1 << 21      # tag of points that wait for the money of their sale
    NO_DAY = 2147483647   # no day is so late: when a lot that waits becomes active, or passes


cdef struct Lot:
    int32_t earned
    int32_t active_from
    int32_t good_through
    int32_t source        # place of the fact that made it among its member's
    int32_t tag           # 0: points of the fact; 1 + rung: a bonus for a tier; or as above
    int32_t fixed         # 1: nothing renews it; else which policy does, 0 the first, 2 the second
    int64_t points

cdef struct Lots:
    int32_t head          # lots before it are spent or expired
    int32_t end
    int32_t room
    int32_t unused
    Lot lot[1]            # room entries


cdef inline int64_t expire_lots(Lots *lots, int32_t day) noexcept nogil:
    """Drop the lots whose last good day is before `day`; returns their points."""
    cdef int64_t gone = 0
    if lots == NULL:
        return 0
    while lots.head < lots.end and lots.lot[lots.head].good_through < day:
        gone += lots.lot[lots.head].points
        lots.head += 1
    if lots.head == lots.end:
        lots.head = lots.end = 0
    return gone


cdef inline bint after(const Lot *a, const Lot *b) noexcept nogil:
    """Whether a is spent after b."""
    if a.good_through != b.good_through:
        return a.good_through > b.good_through
    if a.earned != b.earned:
        return a.earned > b.earned
    if a.source != b.source:
        return a.source > b.source
    return a.tag > b.tag


cdef inline Lots *add_lot(Lots *lots, Lot lot) noexcept nogil:
    """Put a lot in its place; returns the list, perhaps moved, or NULL without memory."""
    cdef int32_t room, place
    cdef Lots *moved
    if lots == NULL or lots.end == lots.room:
        if lots != NULL and lots.head * 2 >= lots.room:
            memmove(&lots.lot[0], &lots.lot[lots.head], (lots.end - lots.head) * sizeof(Lot))
            lots.end -= lots.head
            lots.head = 0
        else:
            room = 4 if lots == NULL else lots.room * 2
            moved = <Lots*>realloc(lots, sizeof(Lots) + room * sizeof(Lot))
            if moved == NULL:
                return NULL
            if lots == NULL:
                moved.head = moved.end = 0
            moved.room = room
            lots = moved
    place = lots.end
    while place > lots.head and after(&lots.lot[place - 1], &lot):
        lots.lot[place] = lots.lot[place - 1]
        place -= 1
    lots.lot[place] = lot
    lots.end += 1
    return lots


cdef inline void drop_empty(Lots *lots) noexcept nogil:
    """Take out the lots that hold nothing."""
    cdef int32_t i, to
    if lots == NULL:
        return
    to = lots.head
    for i in range(lots.head, lots.end):
        if lots.lot[i].points:
            if to != i:
                lots.lot[to] = lots.lot[i]
            to += 1
    lots.end = to
    if lots.head == lots.end:
        lots.head = lots.end = 0


cdef inline int64_t pending_points(const Lots *lots, int32_t day) noexcept nogil:
    """Points of lots that are not yet active on `day`."""
    cdef int64_t total = 0
    cdef int32_t i
    if lots == NULL:
        return 0
    for i in range(lots.head, lots.end):
        if lots.lot[i].active_from > day:
            total += lots.lot[i].points
    return total


cdef inline int64_t ripening_points(const Lots *lots, int32_t day) noexcept nogil:
    """Of pending points those that a day makes active: what waits for money is its sale's alone."""
    cdef int64_t total = pending_points(lots, day)
    cdef int32_t i
    if lots == NULL:
        return 0
    for i in range(lots.head, lots.end):
        if lots.lot[i].tag == UNPAID:
            total -= lots.lot[i].points
    return total


cdef inline int64_t active_points(const Lots *lots, int32_t day) noexcept nogil:
    """Points of lots that can be spent on `day`."""
    cdef int64_t total = 0
    cdef int32_t i
    if lots == NULL:
        return 0
    for i in range(lots.head, lots.end):
        if lots.lot[i].active_from <= day and lots.lot[i].good_through >= day:
            total += lots.lot[i].points
    return total


cdef inline int64_t paid_by(const Lots *lots, int64_t debt, int32_t day) noexcept nogil:
    """What lots that have become active by `day` pay of a debt.

    While there is debt no lot is active, so all that is active by then has ripened since.
    """
    cdef int64_t ripe = 0
    cdef int32_t i
    if lots == NULL:
        return 0
    for i in range(lots.head, lots.end):
        if lots.lot[i].active_from <= day:
            ripe += lots.lot[i].points
    return debt if debt < ripe else ripe


cdef inline int64_t gone_by(const Lots *lots, int64_t debt, int32_t day) noexcept nogil:
    """Points expired by `day`, when lots pay a debt in the order in which they ripen."""
    cdef int64_t left = debt, gone = 0, points
    cdef int32_t ripens, last = -1, i
    if lots == NULL:
        return 0
    while True:
        ripens = 2147483647
        for i in range(lots.head, lots.end):
            if last < lots.lot[i].active_from < ripens:
                ripens = lots.lot[i].active_from
        if ripens > day:
            return gone
        for i in range(lots.head, lots.end):
            if lots.lot[i].active_from != ripens:
                continue
            points = lots.lot[i].points
            if left >= points:
                left -= points
                continue
            points -= left
            left = 0
            if lots.lot[i].good_through < day:
                gone += points
        last = ripens


cdef inline int64_t available(const Lots *lots, int64_t debt, int32_t day) noexcept nogil:
    """Points that can be spent on `day`; below zero never, debt paid first."""
    cdef int64_t ripe = 0
    cdef int32_t i
    if lots == NULL:
        return 0
    if debt == 0:
        return active_points(lots, day)
    for i in range(lots.head, lots.end):
        if lots.lot[i].active_from <= day:
            ripe += lots.lot[i].points
    return ripe - paid_by(lots, debt, day) - gone_by(lots, debt, day)
