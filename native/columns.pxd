"""A batch as the fold sees it: columns in, figures and postings out."""

from libc.stdint cimport int8_t, int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport realloc

from .memory cimport large_pages


cdef enum:
    ACCEPTED = 1           # accepted before: a shortfall makes debt instead of a refusal
    COMPLETED = 2          # it has happened: the same, and nothing is forgiven
    NO_SUCH_TIER = 8       # a manual tier that no version has
    PLAIN = 4              # a sale without anything beside lines and types of tenders
    PARTIAL = 16           # a capture that leaves the rest of its hold
    STANDS = 32            # an exchange whose sale part was accepted while its return was parked


cdef struct Columns:
    const uint8_t *kind
    const uint8_t *flags
    const uint16_t *version
    const uint32_t *epoch
    const int64_t *names           # row of the sale that this row names, -1 none
    const int64_t *lines_from
    const int32_t *line
    const uint32_t *product
    const int64_t *quantity
    const int64_t *net
    const int64_t *full_quantity   # null: no line has details
    const int64_t *rung_quantity   # of a line of which a void has taken, as it was rung up, else -1
    const int64_t *rung_net        # null: voids have taken of none
    const int64_t *gross
    const int64_t *cost
    const int64_t *tenders_from
    const uint32_t *tender
    const int64_t *amount
    const int64_t *tender_points   # null: none
    const int64_t *tender_names    # row of the hold or redemption that a tender names, -1
    const int64_t *coupons_from    # null: none
    const uint32_t *coupon
    const int64_t *offers_from     # null: no sale names an offer
    const int32_t *offer           # rule of the row's version, -1 unknown
    const int64_t *offer_amount
    const int64_t *back_from       # null: none
    const int32_t *back_line
    const int32_t *back_sku
    const int64_t *back_quantity
    const int64_t *back_net
    const int64_t *sets_from       # null: none
    const int32_t *set_slot
    const int64_t *set_value
    const int64_t *lots_from       # of points received; null: none
    const int32_t *lot_earned
    const int32_t *lot_active_from
    const int32_t *lot_good_through
    const int64_t *lot_points
    const uint32_t *channel        # null: none
    const uint64_t *drawn          # bits of the draws that a fact wins; null: none
    const uint32_t *code           # of activities; null: none
    const int64_t *figure          # points, or quantity of an activity; null: none
    const uint8_t *currency
    const int32_t *expires
    const int64_t *end             # of holds, us
    const int32_t *end_day
    const int64_t *absorbs         # member whose row a row takes up, -1 none; null: none
    const int64_t *at
    const uint32_t *member
    const uint32_t *store
    const uint32_t *terminal
    const int32_t *day
    const int16_t *minute


cdef struct Results:
    uint8_t *status
    int8_t *tier
    int64_t *eligible
    int64_t *active
    int64_t *pending
    int64_t *held
    int64_t *debt
    int64_t *lack
    int64_t *redeemed       # of the sale that a return names: paid with redemptions
    int64_t *redeemed_back  # what of it is back with this return and those before it
    int64_t *taken          # of a redemption that was cut to what is redeemable, else 0


cdef struct Postings:
    uint32_t *basket      # row of the batch, or place of the closing
    uint32_t *member      # of closings only
    uint16_t *rule
    uint8_t *kind
    uint8_t *currency
    uint8_t *limit
    int64_t *desired
    int64_t *points
    int64_t n
    int64_t room


cdef enum:
    # Postings for which room is made before any is known: no more than the allocator keeps for
    # the next batch, and than small pages are good for.
    MOST_AHEAD = 1 << 19
    MUCH_MORE = 8          # times as many as there are: what is never touched costs nothing


cdef inline bint bigger(void **column, int64_t size) noexcept nogil:
    """Give a column a size in bytes; False without memory."""
    cdef void *moved = realloc(column[0], size)
    if moved == NULL:
        return False
    column[0] = moved
    return True


cdef inline bint give_room(Postings *p, int64_t room) noexcept nogil:
    """Give postings memory for so many in all; False without memory."""
    if not (bigger(<void**>&p.basket, room * sizeof(uint32_t))
            and bigger(<void**>&p.member, room * sizeof(uint32_t))
            and bigger(<void**>&p.rule, room * sizeof(uint16_t))
            and bigger(<void**>&p.kind, room * sizeof(uint8_t))
            and bigger(<void**>&p.currency, room * sizeof(uint8_t))
            and bigger(<void**>&p.limit, room * sizeof(uint8_t))
            and bigger(<void**>&p.desired, room * sizeof(int64_t))
            and bigger(<void**>&p.points, room * sizeof(int64_t))):
        return False
    p.room = room
    if room > MOST_AHEAD:
        large_pages(p.basket)
        large_pages(p.rule)
        large_pages(p.kind)
        large_pages(p.currency)
        large_pages(p.limit)
        large_pages(p.desired)
        large_pages(p.points)
    return True


cdef inline bint more_postings(Postings *p, int64_t least) noexcept nogil:
    """Make room for `least` more postings; False without memory."""
    return p.n + least <= p.room or give_room(p, MUCH_MORE * (p.n + least))


cdef inline bint post(Postings *p, uint32_t basket, uint32_t member, uint16_t rule, uint8_t kind,
                      uint8_t currency, uint8_t limit, int64_t desired,
                      int64_t points) noexcept nogil:
    """Add one posting; False without memory."""
    if not more_postings(p, 1):
        return False
    p.basket[p.n] = basket
    p.member[p.n] = member
    p.rule[p.n] = rule
    p.kind[p.n] = kind
    p.currency[p.n] = currency
    p.limit[p.n] = limit
    p.desired[p.n] = desired
    p.points[p.n] = points
    p.n += 1
    return True


cdef inline int64_t latest_of(const Columns *in_, int64_t i) noexcept nogil:
    """The row that a fact comes right after, where its own place is before it; else its own."""
    cdef int64_t k = in_.names[i], latest = i, tender
    while k >= 0:
        if in_.at[k] > in_.at[latest]:
            latest = k
        k = in_.names[k]
    if in_.tender_names != NULL:
        for tender in range(in_.tenders_from[i], in_.tenders_from[i + 1]):
            k = in_.tender_names[tender]
            if k >= 0 and in_.at[k] > in_.at[latest]:
                latest = k
    return latest


cdef inline int32_t today(const Columns *in_, int64_t i) noexcept nogil:
    """The member's date at a fact: its own, or that of the one it comes right after."""
    cdef int32_t own = in_.day[i], day = in_.day[latest_of(in_, i)]
    return own if own > day else day


cdef inline int64_t moment(const Columns *in_, int64_t i) noexcept nogil:
    """The member's instant at a fact, us: its own, or that of the one it comes right after."""
    return in_.at[latest_of(in_, i)]
