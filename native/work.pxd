"""What the general fold carries from fact to fact: the batch, scratch, and small helpers."""

from libc.stdint cimport int32_t, int64_t, uint16_t, uint32_t
from libc.stdlib cimport calloc
from libc.string cimport memset

from .accounts cimport Takes, account_of, settle
from .basket cimport Line, Rated
from .columns cimport Columns, Postings, Results
from .counters cimport figure
from .held cimport held_points
from .history cimport Event, Geometry, History
from .lots cimport RESTORED, Lots, available
from .memory cimport room_for
from .rules cimport RuleTable
from .rungs cimport RAISED, balances_met, entered, still_good
from .state cimport DEBT, JOINED, LOTS, TODAY
from .tiers cimport move_tiers


cdef struct Closings:
    const int64_t *at
    const int32_t *day
    const uint16_t *version
    const uint32_t *epoch
    int64_t n


cdef struct Work:
    const RuleTable **tables
    const Columns *in_
    Results *out
    Postings *p
    Postings *closed
    const Closings *closings
    Geometry g
    History **histories  # [member], null for those without; null when no row names another
    int32_t *closing_at    # [member]: closings applied
    Line *lines
    int32_t *line_of       # [class]: scratch of gather_lines, zero between
    int64_t *paid          # [tender]
    int64_t *weight        # [line]
    int64_t *part          # [line]
    int64_t *rest          # [line]
    int64_t *active        # [currency]
    int64_t *amounts       # [counter]
    int64_t *amounts_now   # [counter]
    int64_t *later         # [2 * counter]: of later periods, set aside by a sale dated before them
    int32_t *bought        # days of purchases before such a sale
    int32_t room_bought
    int64_t *given         # [rule]
    int64_t *seen          # [figure that the ladder asks]: before the fact
    int64_t *now           # [figure that the ladder asks]: after it
    int64_t *marks         # [rung]: see tiers.pxd
    int64_t *good          # [rung]: whether it was good before the fact
    int64_t *met           # [rung]: balances that were met before the fact
    int64_t *ahead         # a row, to rate a fact on before anything moves
    int64_t *net_of        # [currency]
    int64_t *asked_in      # [currency]: points of a sale's own redemption
    int64_t *renewed       # [currency]: when a sale's points are renewed that come after
    int64_t *wait_of       # [currency]: what waits for money, or by how much less does
    int64_t *waits         # [rule]: what of a sale's points waits for money
    int64_t *from_named    # [tender]: points of what it names
    int64_t *asked_of      # [tender]: points that it asks
    int64_t *broken        # [currency]: the first term that a completed fact breaks, a limit
    int64_t *back_quantity  # [line]
    int64_t *back_net      # [line]
    int64_t *over_quantity  # [line]
    int64_t *over_net      # [line]
    Takes takes            # scratch
    int64_t short_of       # what a return did not find
    bint candidate         # the member was one before the fact
    Rated rated
    int32_t n_rules        # of the longest version
    int failed             # memory has ended


cdef inline int64_t account_available(int64_t *row, int32_t currency,
                                      int32_t day) noexcept nogil:
    """Points of a currency that can be spent on a day; looks only."""
    cdef int64_t *account = account_of(row, currency)
    return available(<const Lots*>account[LOTS], account[DEBT], day)


cdef inline void measure(const RuleTable *t, const int64_t *row, int32_t day,
                         int64_t *out) noexcept nogil:
    """The ladder's metrics on a day; one that several rungs ask for is looked up once."""
    cdef int32_t i
    for i in range(t.asked_from[t.n_tiers]):
        out[i] = out[t.asked[i].same] if t.asked[i].same < i else figure(t, row, &t.asked[i], day)


cdef inline void look(Work *w, const RuleTable *t, const int64_t *row,
                      int32_t day) noexcept nogil:
    """w.seen: the ladder's metrics before a fact, or before the sale of an exchange."""
    measure(t, row, day, w.seen)


cdef inline void mark(Work *w, const RuleTable *t, const int64_t *row,
                      int32_t day) noexcept nogil:
    """w.marks: what is raised since `look`, beside what was raised before it; balances met."""
    cdef int32_t i, rung
    cdef int64_t raised
    measure(t, row, day, w.now)
    for rung in range(t.n_tiers):
        raised = w.marks[rung] & <int64_t>1 << RAISED
        for i in range(t.asked_from[rung], t.asked_from[rung + 1]):
            if w.now[i] > w.seen[i]:
                raised = <int64_t>1 << RAISED
        w.marks[rung] = raised | balances_met(t, row, rung, day)


cdef inline void settle_all(Work *w, int64_t *row, int32_t day, History *h) noexcept nogil:
    """Move all accounts on to a day; a history learns what of its sales' own lots is gone."""
    cdef int32_t c
    for c in range(w.g.n_currencies):
        if h == NULL:
            settle(account_of(row, c), day, NULL)
            continue
        w.takes.n = 0
        settle(account_of(row, c), day, &w.takes)
        note_expired(w, h, c)


cdef inline void note_expired(Work *w, History *h, int32_t c) noexcept nogil:
    """Tell the sales, and the tiers, which of their own points have expired unspent."""
    cdef int32_t i, k
    for i in range(w.takes.n):
        if w.takes.lot[i].tag >= RESTORED:
            continue
        if w.takes.lot[i].tag:
            h.bonus_expired[w.takes.lot[i].tag - 1] += w.takes.lot[i].points
            continue
        for k in range(h.n_sold):
            if h.sold[k].source == w.takes.lot[i].source:
                h.sold[k].expired[c] += w.takes.lot[i].points


cdef inline void begin(Work *w, const RuleTable *t, int64_t *row, int32_t day,
                       History *h) noexcept nogil:
    """The start of a fact's business date: joined, tiers moved on, accounts settled.

    Tiers come first: a check on a date in between looks at the lots that it still had.
    """
    cdef int32_t i
    if row[JOINED] < 0:
        row[JOINED] = day
    if row[TODAY] < day:
        row[TODAY] = day
    if not move_tiers(t, row, day, NULL if h == NULL else &h.checks, NULL):
        w.failed = 1
    settle_all(w, row, day, h)
    memset(w.marks, 0, (t.n_tiers + 1) * sizeof(int64_t))
    for i in range(t.n_tiers):
        w.good[i] = still_good(t, row, i, day)
        w.met[i] = balances_met(t, row, i, day)
    look(w, t, row, day)
    w.candidate = not entered(t, row, day)


cdef inline Event *new_event(Work *w, History *h, int32_t row, int32_t day, int32_t version,
                             int32_t source) noexcept nogil:
    """Remember a fact, its deltas and marks empty. NULL without memory."""
    cdef Event *e
    cdef const RuleTable *t = w.tables[version]
    if not room_for(<void**>&h.event, h.n_events, &h.room_events, sizeof(Event)):
        w.failed = 1
        return NULL
    e = &h.event[h.n_events]
    e.delta = <int64_t*>calloc(t.n_counters + t.n_tiers + 1, sizeof(int64_t))
    if e.delta == NULL:
        w.failed = 1
        return NULL
    h.n_events += 1
    e.marks = e.delta + t.n_counters
    e.row = row
    e.day = e.counted = day
    e.version = version
    e.source = source
    return e


cdef inline void write_balances(Work *w, int64_t basket, int64_t *row, int32_t day,
                                int32_t tier) noexcept nogil:
    """The member's balances and tier after a fact, on its business day."""
    cdef int32_t c, n = w.g.n_currencies
    cdef int64_t *account
    cdef Lots *lots
    cdef int64_t pending, ripe, i
    w.out.tier[basket] = tier
    for c in range(n):
        account = account_of(row, c)
        lots = <Lots*>account[LOTS]
        pending = ripe = 0
        if lots != NULL:
            for i in range(lots.head, lots.end):
                if lots.lot[i].active_from > day:
                    pending += lots.lot[i].points
                elif lots.lot[i].good_through >= day:
                    ripe += lots.lot[i].points
        w.out.active[basket * n + c] = (available(lots, account[DEBT], day) if account[DEBT]
                                        else ripe)
        w.out.pending[basket * n + c] = pending
        w.out.held[basket * n + c] = held_points(row, c)
        w.out.debt[basket * n + c] = account[DEBT]
