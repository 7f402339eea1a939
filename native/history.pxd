"""What a fold remembers of a member whose sales later facts name: the sales as they stood.

Only members with a return, an exchange or the like in the batch have a history; it is made
while their facts are folded from an empty row, and is gone when the batch ends. The state
is never a function of it: it is a function of the facts.
"""

from libc.stdint cimport int32_t, int64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy, memset

from .accounts cimport Takes
from .checks cimport Checks
from .lots cimport after
from .state cimport ACCOUNT, HEAD, LOTS, Vec, blank_slots
from .memory cimport room_for


cdef struct Geometry:
    # Where State keeps what; it does not move while a batch is folded.
    int64_t *rows
    int64_t width
    int32_t n_currencies
    int32_t n_tiers
    int32_t tiers_at
    int32_t n_vecs
    const int32_t *vecs
    int32_t n_empty
    const int32_t *empty_at
    const int32_t *absorbs
    int32_t n_absorbs


cdef struct Event:
    # One fact applied: what it did to the metrics.
    int32_t row
    int32_t day
    int32_t counted       # the day of its figures: a day that is closed late is before `day`
    int32_t version
    int32_t source
    int64_t *delta        # [counter]
    int64_t *marks        # [rung]: metrics that it raised, balances that it found met


cdef struct Purchase:
    # A purchase as ordinals count it: what the ordinals were before it.
    int32_t event
    int32_t whole         # wholly returned
    int64_t *before       # the row before it, its lists copied


cdef struct Renewal:
    int32_t event         # of the fact that renewed
    int32_t currency
    int32_t day
    int32_t gave          # whether it did so because it gave: no more where that is taken back


cdef struct Sold:
    # A sale that a later fact names.
    int32_t row
    int32_t event
    int32_t source
    int32_t day
    int32_t version
    int32_t tier
    int64_t *before       # the row just before it, its lists copied, no lots
    int64_t *active       # [currency]: spendable after its own redemption
    int64_t *first        # [rule]: what it gave
    int64_t *gave         # [rule]: what it has given after the returns so far
    int32_t *year         # [rule]
    int32_t *bought       # days of the purchases before it, if it is dated before one of them
    int64_t n_bought
    Vec **after           # [rule]: carried remainders after it
    int64_t *amounts      # [counter]: what it has added
    int64_t *back_quantity  # [line]
    int64_t *back_net       # [line]
    int64_t *over_quantity  # [line]: what came back of other lines in the name of a voided one
    int64_t *over_net       # [line]
    int64_t *reward       # [currency]: points that its redemption took
    int64_t *restored     # [currency]
    int64_t *expired      # [currency]: of its own lots, expired unspent
    int64_t *come_back    # [currency]: of that, what returns have counted
    int64_t *let_go       # [currency]: forgiven or withheld by its returns
    int64_t *waits        # [rule]: of what it has given, what waits for money
    int64_t all_          # money that earns, of all its lines
    int64_t left          # of that, what has not come back
    int64_t on_account    # of that, what was not paid at the till
    int64_t received      # what payments have brought since
    int32_t rated
    int32_t n_rules


cdef struct Spent:
    # Points that a redemption, a capture or a sale's tender took.
    int32_t row           # of the fact
    int32_t hold          # row of the hold that it came from, -1
    int32_t currency
    int32_t sold          # sale that it paid, where a later fact names that one; -1
    int32_t used          # it paid a sale
    int32_t place         # of the sale's tender; its own redemption comes after all
    int64_t points
    int64_t restored
    Takes takes           # in spending order; what was missing last (held.pxd)


cdef struct History:
    Event *event
    int32_t n_events
    int32_t room_events
    Sold *sold
    int32_t n_sold
    int32_t room_sold
    Purchase *purchase
    int32_t n_purchases
    int32_t room_purchases
    Renewal *renewal
    int32_t n_renewals
    int32_t room_renewals
    Spent *spent
    int32_t n_spent
    int32_t room_spent
    Checks checks         # of tiers after a validity
    int64_t *bonus_expired  # [tier]
    # Where two accounts have come together, replays of tiers begin there: with this row, these
    # balances met, these events and checks.
    int64_t *base
    int64_t *base_met     # [tier]
    int32_t begun
    int32_t checked
    int32_t closed        # the place of the fact that ended the membership, from 1


cdef inline void blank_row(const Geometry *g, int64_t *row) noexcept nogil:
    """As State.blank, for a row of the kernel's own."""
    blank_slots(row, g.width, g.n_currencies, g.tiers_at, g.n_tiers, g.empty_at, g.n_empty)


cdef inline int64_t *copy_row(const Geometry *g, const int64_t *row) noexcept nogil:
    """A copy of a row with its lists, without its lots; NULL without memory."""
    cdef int64_t *out = <int64_t*>calloc(g.width, sizeof(int64_t))
    cdef Vec *v
    cdef Vec *copied
    cdef int32_t i
    if out == NULL:
        return NULL
    memcpy(out, row, g.width * sizeof(int64_t))
    for i in range(g.n_currencies):
        out[HEAD + ACCOUNT * i + LOTS] = 0
    for i in range(g.n_vecs):
        v = <Vec*>row[g.vecs[i]]
        out[g.vecs[i]] = 0
        if v == NULL:
            continue
        copied = <Vec*>calloc(1, sizeof(Vec) + (v.n + 1) * sizeof(int64_t))
        if copied == NULL:
            return NULL
        copied.n = v.n
        copied.room = v.n + 1
        memcpy(&copied.d[0], &v.d[0], v.n * sizeof(int64_t))
        out[g.vecs[i]] = <int64_t>copied
    return out


cdef inline void free_row(const Geometry *g, int64_t *row) noexcept nogil:
    cdef int32_t i
    if row == NULL:
        return
    for i in range(g.n_vecs):
        free(<void*>row[g.vecs[i]])
    free(row)


cdef inline void free_history(const Geometry *g, History *h) noexcept nogil:
    cdef int32_t i, k
    if h == NULL:
        return
    for i in range(h.n_events):
        free(h.event[i].delta)  # one block with its marks
    for i in range(h.n_purchases):
        free_row(g, h.purchase[i].before)
    for i in range(h.n_sold):
        free_row(g, h.sold[i].before)
        free(h.sold[i].year)
        free(h.sold[i].bought)
        for k in range(h.sold[i].n_rules):
            free(h.sold[i].after[k])
        free(h.sold[i].after)
        free(h.sold[i].active)  # one block for all its figures
    for i in range(h.n_spent):
        free(h.spent[i].takes.lot)
    free(h.spent)
    free(h.event)
    free(h.checks.check)
    free(h.sold)
    free(h.purchase)
    free(h.renewal)
    free(h.bonus_expired)
    free_row(g, h.base)
    free(h.base_met)
    free(h)


cdef inline Spent *new_spent(History *h, int32_t row, int32_t currency,
                             int64_t points) noexcept nogil:
    """Remember points that a fact takes; NULL without memory.

    Right until the next is made.
    """
    cdef Spent *s
    if not room_for(<void**>&h.spent, h.n_spent, &h.room_spent, sizeof(Spent)):
        return NULL
    s = &h.spent[h.n_spent]
    memset(s, 0, sizeof(Spent))
    s.row = row
    s.hold = s.sold = -1
    s.currency = currency
    s.points = points
    h.n_spent += 1
    return s
