"""Lots of one account in spending order: earliest good-through day first (rulebook 5).

Facts are folded in the member's order and one expiry policy is monotone in the earned
day, so a new lot never sorts before an old one: it joins the last lot or follows it.
"""

from libc.stdint cimport int32_t, int64_t
from libc.stdlib cimport realloc
from libc.string cimport memmove

cdef struct Lot:
    int32_t earned
    int32_t active_from
    int32_t good_through
    int32_t unused
    int64_t points

cdef struct Lots:
    int32_t head      # lots before it are spent or expired
    int32_t end
    int32_t room
    int32_t unused
    Lot lot[1]        # room entries


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


cdef inline Lots *add_lot(Lots *lots, int32_t earned, int32_t active_from,
                          int32_t good_through, int64_t points) noexcept nogil:
    """Add points at the end; returns the list, perhaps moved, or NULL without memory."""
    cdef Lot *last
    cdef int32_t room
    cdef Lots *moved
    if lots != NULL and lots.end > lots.head:
        last = &lots.lot[lots.end - 1]
        if (last.earned == earned and last.active_from == active_from
                and last.good_through == good_through):
            last.points += points
            return lots
    if lots == NULL or lots.end == lots.room:
        if lots != NULL and lots.head * 2 >= lots.room:
            memmove(&lots.lot[0], &lots.lot[lots.head],
                    (lots.end - lots.head) * sizeof(Lot))
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
    lots.lot[lots.end] = Lot(earned, active_from, good_through, 0, points)
    lots.end += 1
    return lots


cdef inline int64_t pending_points(const Lots *lots, int32_t day) noexcept nogil:
    """Points of lots that are not yet active on `day`."""
    cdef int64_t total = 0
    cdef int32_t i
    if lots == NULL:
        return 0
    i = lots.end - 1
    while i >= lots.head and lots.lot[i].active_from > day:
        total += lots.lot[i].points
        i -= 1
    return total
