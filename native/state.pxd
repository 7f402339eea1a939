"""The state table: one row of int64 slots a member, with the lots and lists that it owns.

Slots: HEAD, then ACCOUNT slots a currency, TIER slots a tier, two slots a counter (period
number and value; rolling: the list of (day, value) and 0), then whatever the layout adds.
Pointers stand in their slots and are never packed.
"""

from libc.stdint cimport INT64_MIN, int32_t, int64_t, uint32_t
from libc.string cimport memset

from .lots cimport Lots

cdef enum:
    LAST_AT = 0        # occurred_at of the member's latest fact, us; NONE before any
    LAST_SEQ = 1       # highest seq of the member's facts; 0 before any
    PURCHASES = 2      # sales with an eligible amount above zero, as ordinals count them
    UPGRADES = 3       # facts after which the tier was higher than before
    JOINED = 4         # business date of joining, -1 before any fact
    ENROLLED = 5       # 1: an enrol fact said so; A_CARD: the row is a gift card's
    FACTS = 6          # facts applied: the place of a lot's source in the member's order
    LAST_BUY = 7       # business date of the last purchase that ordinals count, -1
    BIRTH = 8          # packed Gregorian year, month, day; 0 unknown
    BIRTH_JALALI = 9   # the same day, packed Jalali
    BIRTH_CALENDAR = 10    # the one in which it is kept: 0 Gregorian, 1 Jalali
    MANUAL_TIER = 11   # tier of the layout, -1
    MANUAL_THROUGH = 12
    CLOCK = 13         # business date up to which tiers have moved on, -1
    TODAY = 14         # latest business date of the member's facts, -1
    HOLDS = 15         # list of the parts of open holds (holds.pxd)
    CLOSED = 16        # the membership is over
    HEAD = 17

cdef enum:
    ISSUED = 0
    EXPIRED = 1        # up to the member's latest fact
    LIVE = 2           # points of all lots, pending ones among them
    LOTS = 3
    DEBT = 4
    REVERSED = 5
    REDEEMED = 6
    DONATED = 7
    FORGIVEN = 8
    POSTED = 9         # of EXPIRED, what a posting has said
    RENEWED = 10       # inactivity: business date of the last renewal, -1
    RUN_OUT = 11       # points of holds that ran out, told by no posting yet
    RUN_OUT_GIVEN = 12  # of that, what had been forgiven
    SENT = 13          # transferred to other members
    RECEIVED = 14      # transferred from other members
    ACCOUNT = 15

cdef enum:
    A_CARD = 2

cdef enum:
    THROUGH = 0        # last good day of the tier, -1 never met
    CHECKED = 1        # 1: checked after that day, 2: stepped down from as well
    BONUS_GIVEN = 2    # 1 + the place of the fact that reached it; -1: of a time that is over
    TIER = 3

cdef struct Vec:
    int32_t n
    int32_t room
    int64_t d[1]

cdef inline void blank_slots(int64_t *row, int64_t width, int32_t n_currencies,
                             int32_t tiers_at, int32_t n_tiers, const int32_t *empty_at,
                             int32_t n_empty) noexcept nogil:
    """Make an empty row of memory that holds nothing."""
    cdef int32_t i
    memset(row, 0, width * sizeof(int64_t))
    row[LAST_AT] = INT64_MIN
    row[JOINED] = row[LAST_BUY] = row[MANUAL_TIER] = row[CLOCK] = row[TODAY] = -1
    for i in range(n_currencies):
        row[HEAD + ACCOUNT * i + RENEWED] = -1
    for i in range(n_tiers):
        row[tiers_at + TIER * i + THROUGH] = -1
    for i in range(n_empty):
        row[empty_at[i]] = -1


cdef Vec *vec_insert(Vec *v, int32_t at, int64_t value) noexcept nogil
cdef void vec_remove(Vec *v, int32_t at, int32_t n) noexcept nogil

cdef class State:
    cdef int64_t *rows
    cdef readonly Py_ssize_t n_members
    cdef Py_ssize_t room
    cdef readonly Py_ssize_t n_currencies, n_tiers, n_counters
    cdef readonly Py_ssize_t width      # slots a row
    cdef public bint holding            # some row has had an open hold
    cdef Py_ssize_t tiers_at            # first tier slot
    cdef Py_ssize_t counters_at
    cdef int32_t *vecs                  # slots that hold lists
    cdef Py_ssize_t n_vecs
    cdef int32_t *empty_at              # slots that are -1 in an empty row
    cdef Py_ssize_t n_empty
    cdef int32_t *absorbs               # what becomes of slots when rows come together
    cdef Py_ssize_t n_absorbs

    cdef int64_t *row(self, uint32_t member) noexcept nogil
    cdef Lots *settled(self, uint32_t member, Py_ssize_t currency, int32_t day,
                       int64_t *account) except? NULL
    cdef void clear_row(self, int64_t *row) noexcept nogil
    cdef void blank(self, int64_t *row) noexcept nogil
    cdef void free_lists(self, int64_t *row) noexcept nogil
    cdef Py_ssize_t packed_words(self, const int64_t *row) noexcept nogil
    cdef void put_packed(self, const int64_t *row, int64_t *out) noexcept nogil
    cdef int fits(self, const int64_t *data, Py_ssize_t size) noexcept nogil
