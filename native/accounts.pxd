"""Accounts of a member: points become lots, pay debt, expire, are spent and taken back.

An account's totals keep the identity of rulebook section 12: issued = active + pending +
held + redeemed + expired + reversed + donated + sent - received - debt - forgiven.
"""

from libc.stdint cimport int32_t, int64_t

from .held cimport Part, n_parts, part_of, set_good_through
from .lots cimport UNPAID, Lot, Lots, add_lot, after, drop_empty, expire_lots
from .memory cimport room_for
from .rules cimport CurrencyTable
from .state cimport ACCOUNT, DEBT, EXPIRED, HEAD, HOLDS, LIVE, LOTS, RENEWED, Vec


cdef struct Takes:
    # Lots as they stood, with the points that left them.
    Lot *lot
    int32_t n
    int32_t room
    int32_t failed        # one was lost: memory has ended


cdef enum From:
    FROM_ACTIVE = 0
    FROM_PENDING = 1
    FROM_SOURCE = 2      # the lots that one fact made


cdef inline int64_t *account_of(int64_t *row, int32_t currency) noexcept nogil:
    return row + HEAD + ACCOUNT * currency


cdef inline bint note_take(Takes *takes, const Lot *lot, int64_t points) noexcept nogil:
    """Remember points that left a lot; False without memory, which the list tells as well."""
    if takes == NULL:
        return True
    if not room_for(<void**>&takes.lot, takes.n, &takes.room, sizeof(Lot)):
        takes.failed = 1
        return False
    takes.lot[takes.n] = lot[0]
    takes.lot[takes.n].points = points
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


cdef inline void expire_passed(int64_t *account, int32_t day) noexcept nogil:
    """Let the lots of an account expire whose last good day is before a day."""
    cdef int64_t gone = expire_lots(<Lots*>account[LOTS], day)
    account[EXPIRED] += gone
    account[LIVE] -= gone


cdef inline void settle(int64_t *account, int32_t day, Takes *expired) noexcept nogil:
    """Move an account on to the start of a business day: debt paid, lots expired."""
    cdef Lots *lots = <Lots*>account[LOTS]
    cdef int32_t i
    if lots == NULL:
        return
    if account[DEBT] > 0:
        pay_debt(account, day)
    if expired != NULL:
        for i in range(lots.head, lots.end):
            if lots.lot[i].good_through < day:
                note_take(expired, &lots.lot[i], lots.lot[i].points)
    expire_passed(account, day)


cdef inline void forfeit(int64_t *account, Takes *expired) noexcept nogil:
    """All lots expire, whatever their dates: the membership is over."""
    cdef Lots *lots = <Lots*>account[LOTS]
    cdef int32_t i
    if lots == NULL:
        return
    for i in range(lots.head, lots.end):
        note_take(expired, &lots.lot[i], lots.lot[i].points)
    lots.head = lots.end = 0
    account[EXPIRED] += account[LIVE]
    account[LIVE] = 0


cdef inline int64_t after_debt(int64_t *account, const Lot *lot, int32_t day) noexcept nogil:
    """Let points that become available pay debt at once; returns what is left of them."""
    cdef int64_t paid
    if lot.active_from > day or account[DEBT] == 0:
        return lot.points
    paid = lot.points if lot.points < account[DEBT] else account[DEBT]
    account[DEBT] -= paid
    return lot.points - paid


cdef inline bint put_lot(int64_t *account, Lot lot, int32_t day) noexcept nogil:
    """Add points as a lot: active ones pay debt at once, those that have passed expire at once.

    False without memory.
    """
    cdef Lots *lots
    if lot.good_through < day:
        account[EXPIRED] += lot.points
        return True
    lot.points = after_debt(account, &lot, day)
    if lot.points == 0:
        return True
    lots = add_lot(<Lots*>account[LOTS], lot)
    if lots == NULL:
        return False
    account[LOTS] = <int64_t>lots
    account[LIVE] += lot.points
    return True


cdef inline bint is_from(const Lot *lot, int from_, int32_t a, int32_t b) noexcept nogil:
    """Whether points may be taken from a lot: a is the day, or a and b the source and tag."""
    if from_ == FROM_SOURCE:
        return lot.source == a and lot.tag == b
    return lot.tag != UNPAID and (lot.active_from <= a) == (from_ == FROM_ACTIVE)


cdef inline int64_t take_points(int64_t *account, int64_t points, int from_, int32_t a, int32_t b,
                                Takes *takes) noexcept nogil:
    """Take up to `points` from some lots, in spending order; returns what was taken."""
    cdef Lots *lots = <Lots*>account[LOTS]
    cdef int64_t left = points, part
    cdef int32_t i
    if lots == NULL:
        return 0
    for i in range(lots.head, lots.end):
        if left == 0:
            break
        if not is_from(&lots.lot[i], from_, a, b):
            continue
        part = lots.lot[i].points if lots.lot[i].points < left else left
        note_take(takes, &lots.lot[i], part)
        lots.lot[i].points -= part
        left -= part
    drop_empty(lots)
    account[LIVE] -= points - left
    return points - left


cdef inline int64_t take_active(int64_t *account, int32_t day, int64_t points,
                                Takes *takes) noexcept nogil:
    """Take up to `points` from lots that are active on a day."""
    return take_points(account, points, FROM_ACTIVE, day, 0, takes)


cdef inline int64_t take_pending(int64_t *account, int32_t day, int64_t points) noexcept nogil:
    """Take up to `points` from lots that a day after this one makes active."""
    return take_points(account, points, FROM_PENDING, day, 0, NULL)


cdef inline int64_t take_own(int64_t *account, int32_t source, int32_t tag,
                             int64_t points) noexcept nogil:
    """Take up to `points` from the lots that one fact made, pending or active."""
    return take_points(account, points, FROM_SOURCE, source, tag, NULL)


cdef inline int32_t expires_on(const CurrencyTable *c, const int64_t *account,
                               int32_t earned) noexcept nogil:
    """Last good day of points earned on a day."""
    if c.inactivity and account[RENEWED] > earned:
        return c.good_through[account[RENEWED]]
    return c.good_through[earned]


cdef inline const int32_t *renewed_through(const CurrencyTable *c,
                                           const Lot *lot) noexcept nogil:
    """Last good day by the day of a lot's last renewal, by the policy that made it; NULL: nothing
    renews it.
    """
    return NULL if lot.fixed == 1 else c.idle[lot.fixed - 1 if lot.fixed else 0]


cdef inline bint give_back(int64_t *account, Lot lot, int32_t day, int32_t lives) noexcept nogil:
    """Put points back into the lot they left, or a passed one's new life of `lives` days."""
    cdef Lots *lots = <Lots*>account[LOTS]
    cdef int32_t i
    lot.points = after_debt(account, &lot, day)
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
    return put_lot(account, lot, day)


cdef inline void renew_held(const CurrencyTable *c, int64_t *row, int32_t currency,
                            int32_t renewed) noexcept nogil:
    """Lots that are held are renewed as well, where they have not passed."""
    cdef Vec *v = <Vec*>row[HOLDS]
    cdef const int32_t *through
    cdef Part p
    cdef int32_t i
    for i in range(n_parts(v)):
        p = part_of(v, i)
        if p.currency != currency or p.lot.tag < 0:
            continue
        through = renewed_through(c, &p.lot)
        if (through != NULL and p.lot.earned <= renewed <= p.lot.good_through
                and through[renewed] > p.lot.good_through):
            set_good_through(v, i, through[renewed])


cdef inline void renew(const CurrencyTable *c, int64_t *row, int32_t currency,
                       int64_t renewed) noexcept nogil:
    """Set the last renewal of an inactivity currency; lots move with it, in order."""
    cdef int64_t *account = account_of(row, currency)
    cdef Lots *lots = <Lots*>account[LOTS]
    cdef const int32_t *through
    cdef Lot lot
    cdef int32_t i, k, last
    account[RENEWED] = renewed
    if renewed >= 0:
        renew_held(c, row, currency, <int32_t>renewed)
    if lots == NULL:
        return
    for i in range(lots.head, lots.end):
        through = renewed_through(c, &lots.lot[i])
        if through != NULL:
            last = lots.lot[i].earned
            if renewed > last:
                last = <int32_t>renewed
            lots.lot[i].good_through = through[last]
    # Insertion sort: nearly in order already.
    for i in range(lots.head + 1, lots.end):
        lot = lots.lot[i]
        k = i
        while k > lots.head and after(&lots.lot[k - 1], &lot):
            lots.lot[k] = lots.lot[k - 1]
            k -= 1
        lots.lot[k] = lot
