"""Accounts of a member: points become lots, pay debt, expire, are spent and taken back.

An account's totals keep the identity of rulebook section 12: issued = active + pending +
redeemed + expired + reversed + donated - debt - forgiven.
"""

from libc.stdint cimport int32_t, int64_t
from libc.stdlib cimport realloc

from .lots cimport Lot, Lots, add_lot, drop_empty, expire_lots
from .rules cimport CurrencyTable, RuleTable
from .state cimport ACCOUNT, DEBT, EXPIRED, HEAD, ISSUED, LIVE, LOTS, RENEWED


cdef struct Take:
    # Points that left a lot; points of no lot (a debt) have source -1.
    Lot lot


cdef struct Takes:
    Take *take
    int32_t n
    int32_t room


cdef inline int64_t *account_of(int64_t *row, int32_t currency) noexcept nogil:
    return row + HEAD + ACCOUNT * currency


cdef inline bint note_take(Takes *takes, const Lot *lot, int64_t points) noexcept nogil:
    """Remember points that left a lot; False without memory."""
    cdef Take *moved
    if takes == NULL:
        return True
    if takes.n == takes.room:
        moved = <Take*>realloc(takes.take, (2 * takes.room + 4) * sizeof(Take))
        if moved == NULL:
            return False
        takes.take = moved
        takes.room = 2 * takes.room + 4
    takes.take[takes.n].lot = lot[0]
    takes.take[takes.n].lot.points = points
    takes.n += 1
    return True


cdef inline void pay_debt(int64_t *account, int32_t day) noexcept nogil:
    """Lots that are active by `day` pay the debt, in the order in which they ripen."""
    cdef Lots *lots = <Lots*>account[LOTS]
    cdef int32_t ripens, i
    cdef int64_t paid
    if lots == NULL:
        return
    while account[DEBT] > 0:
        ripens = 2147483647
        for i in range(lots.head, lots.end):
            if lots.lot[i].points and lots.lot[i].active_from < ripens:
                ripens = lots.lot[i].active_from
        if ripens > day:
            break
        for i in range(lots.head, lots.end):
            if lots.lot[i].active_from == ripens and lots.lot[i].points:
                paid = lots.lot[i].points if lots.lot[i].points < account[DEBT] else account[DEBT]
                lots.lot[i].points -= paid
                account[DEBT] -= paid
                account[LIVE] -= paid
    drop_empty(lots)


cdef inline void settle(int64_t *account, int32_t day, Takes *expired) noexcept nogil:
    """Move an account on to the start of a business day: debt paid, lots expired."""
    cdef Lots *lots = <Lots*>account[LOTS]
    cdef int64_t gone
    cdef int32_t i
    if lots == NULL:
        return
    if account[DEBT] > 0:
        pay_debt(account, day)
    if expired != NULL:
        for i in range(lots.head, lots.end):
            if lots.lot[i].good_through < day:
                note_take(expired, &lots.lot[i], lots.lot[i].points)
    gone = expire_lots(lots, day)
    account[EXPIRED] += gone
    account[LIVE] -= gone


cdef inline bint put_lot(int64_t *account, Lot lot, int32_t day) noexcept nogil:
    """Add points as a lot; active ones pay debt at once. False without memory."""
    cdef Lots *lots
    cdef int64_t paid
    if lot.active_from <= day and account[DEBT] > 0:
        paid = lot.points if lot.points < account[DEBT] else account[DEBT]
        account[DEBT] -= paid
        lot.points -= paid
    if lot.points == 0:
        return True
    lots = add_lot(<Lots*>account[LOTS], lot)
    if lots == NULL:
        return False
    account[LOTS] = <int64_t>lots
    account[LIVE] += lot.points
    return True


cdef inline int64_t take_active(int64_t *account, int32_t day, int64_t points,
                                Takes *takes) noexcept nogil:
    """Take up to `points` from active lots in spending order; returns what was taken."""
    cdef Lots *lots = <Lots*>account[LOTS]
    cdef int64_t left = points, part
    cdef int32_t i
    if lots == NULL:
        return 0
    for i in range(lots.head, lots.end):
        if left == 0:
            break
        if lots.lot[i].active_from > day:
            continue
        part = lots.lot[i].points if lots.lot[i].points < left else left
        note_take(takes, &lots.lot[i], part)
        lots.lot[i].points -= part
        left -= part
    drop_empty(lots)
    account[LIVE] -= points - left
    return points - left


cdef inline int64_t take_pending(int64_t *account, int32_t day, int64_t points) noexcept nogil:
    """Take up to `points` from pending lots in spending order."""
    cdef Lots *lots = <Lots*>account[LOTS]
    cdef int64_t left = points, part
    cdef int32_t i
    if lots == NULL:
        return 0
    for i in range(lots.head, lots.end):
        if left == 0:
            break
        if lots.lot[i].active_from <= day:
            continue
        part = lots.lot[i].points if lots.lot[i].points < left else left
        lots.lot[i].points -= part
        left -= part
    drop_empty(lots)
    account[LIVE] -= points - left
    return points - left


cdef inline int64_t take_own(int64_t *account, int32_t source, int32_t tag,
                             int64_t points) noexcept nogil:
    """Take up to `points` from the lots that one fact made, pending or active."""
    cdef Lots *lots = <Lots*>account[LOTS]
    cdef int64_t left = points, part
    cdef int32_t i
    if lots == NULL:
        return 0
    for i in range(lots.head, lots.end):
        if lots.lot[i].source == source and lots.lot[i].tag == tag and left:
            part = lots.lot[i].points if lots.lot[i].points < left else left
            lots.lot[i].points -= part
            left -= part
    drop_empty(lots)
    account[LIVE] -= points - left
    return points - left


cdef inline bint give_back(int64_t *account, const Lot *from_, int64_t points, int32_t day,
                           int32_t lives) noexcept nogil:
    """Put points back into the lot they left, or a passed one's new life of `lives` days."""
    cdef Lots *lots = <Lots*>account[LOTS]
    cdef Lot lot = from_[0]
    cdef int64_t paid
    cdef int32_t i
    lot.points = points
    if lot.active_from <= day and account[DEBT] > 0:
        paid = points if points < account[DEBT] else account[DEBT]
        account[DEBT] -= paid
        lot.points -= paid
    if lot.points == 0:
        return True
    if lot.good_through < day:
        lot.good_through = day + lives
        lot.fixed = 1
    if lots != NULL:
        for i in range(lots.head, lots.end):
            if (lots.lot[i].source == lot.source and lots.lot[i].tag == lot.tag
                    and lots.lot[i].earned == lot.earned
                    and lots.lot[i].active_from == lot.active_from
                    and lots.lot[i].good_through == lot.good_through
                    and lots.lot[i].fixed == lot.fixed):
                lots.lot[i].points += lot.points
                account[LIVE] += lot.points
                return True
    lots = add_lot(lots, lot)
    if lots == NULL:
        return False
    account[LOTS] = <int64_t>lots
    account[LIVE] += lot.points
    return True


cdef inline int32_t expires_on(const CurrencyTable *c, const int64_t *account,
                               int32_t earned) noexcept nogil:
    """Last good day of points earned on a day."""
    if c.inactivity and account[RENEWED] > earned:
        return c.good_through[account[RENEWED]]
    return c.good_through[earned]


cdef inline void renew(const CurrencyTable *c, int64_t *account, int64_t renewed) noexcept nogil:
    """Set the last renewal of an inactivity currency; lots move with it, in order."""
    cdef Lots *lots = <Lots*>account[LOTS]
    cdef Lot lot
    cdef int32_t i, k, last
    account[RENEWED] = renewed
    if lots == NULL:
        return
    for i in range(lots.head, lots.end):
        if not lots.lot[i].fixed:
            last = lots.lot[i].earned
            if renewed > last:
                last = <int32_t>renewed
            lots.lot[i].good_through = c.good_through[last]
    # Insertion sort: nearly in order already.
    for i in range(lots.head + 1, lots.end):
        lot = lots.lot[i]
        k = i
        while k > lots.head and _after(&lots.lot[k - 1], &lot):
            lots.lot[k] = lots.lot[k - 1]
            k -= 1
        lots.lot[k] = lot


cdef inline bint _after(const Lot *a, const Lot *b) noexcept nogil:
    if a.good_through != b.good_through:
        return a.good_through > b.good_through
    if a.earned != b.earned:
        return a.earned > b.earned
    if a.source != b.source:
        return a.source > b.source
    return a.tag > b.tag
