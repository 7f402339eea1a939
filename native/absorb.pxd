"""One account is taken up by another: of two members one survives, or a member joins a household
(rulebook 7).

Totals and metrics are added, lots and holds stand side by side, tiers are the better of both.
The row that is taken up is empty after it. What had been reached by then stands: later returns
take back points and metrics, but no tier and no ordinal of before.
"""

from libc.stdint cimport int32_t, int64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy

from .accounts cimport account_of, pay_debt, renew
from .columns cimport Columns, moment
from .counters cimport KEPT_PERIODS, add_rolling, kept_since
from .earned cimport put_in_set
from .facts cimport finish, no_amounts
from .held cimport Part, add_part, has_run_out, n_parts, part_of
from .history cimport History, blank_row, copy_row, free_row
from .holds cimport run_out
from .lots cimport RESTORED, Lot, Lots, add_lot
from .memory cimport room_for
from .rests cimport Rest, add_rest, rest_of
from .rules cimport (
    ANNIVERSARY, KEPT, MEMBERSHIP, OK, OVERFLOW, POOL, ROLLING, Counter, RuleTable)
from .rungs cimport balances_met, rung_of
from .state cimport (
    ACCOUNT, BIRTH, BONUS_GIVEN, CHECKED, CLOCK, DEBT, DONATED, ENROLLED, EXPIRED, FACTS, FORGIVEN,
    HEAD, HOLDS, ISSUED, JOINED, LAST_AT, LAST_BUY, LAST_SEQ, LIVE, LOTS, MANUAL_THROUGH,
    MANUAL_TIER, POSTED, PURCHASES, RECEIVED, REDEEMED, RENEWED, REVERSED, RUN_OUT, RUN_OUT_GIVEN,
    SENT, THROUGH, TIER, TODAY, UPGRADES, Vec)
from .tiers cimport move_tiers
from .work cimport Work, begin, new_event, settle_all


# What becomes of slots beside the counters: engine/compiling/layout.py.
cdef enum How:
    ADD = 0
    MOST = 1
    FILL = 2               # where the survivor has none of them
    LATER = 3              # two slots, both of the row whose second one is later
    REST = 4               # a carried remainder
    UNITE = 5              # a sorted list
    PERSONAL = 16          # of a person: a household keeps its own


cdef inline int64_t later(int64_t a, int64_t b) noexcept nogil:
    return a if a > b else b


cdef inline bint has_any(const int64_t *row, const int32_t *slot, int32_t n) noexcept nogil:
    cdef int32_t i
    for i in range(n):
        if row[slot[i]]:
            return True
    return False


cdef inline void join_slots(Work *w, int64_t *row, const int64_t *other,
                            bint pools) noexcept nogil:
    """What the layout has beside the counters."""
    cdef const int32_t *op = w.g.absorbs
    cdef const int32_t *end = op + w.g.n_absorbs
    cdef const int32_t *slot
    cdef const Vec *v
    cdef Rest rest
    cdef int32_t how, n, i
    while op < end:
        how, n, slot = op[0], op[1], op + 2
        op = slot + n
        if how & PERSONAL and pools:
            continue
        how &= ~<int32_t>PERSONAL
        if how == ADD:
            row[slot[0]] += other[slot[0]]
        elif how == MOST:
            row[slot[0]] = later(row[slot[0]], other[slot[0]])
        elif how == REST:
            rest = rest_of(<const Vec*>other[slot[0]])
            if not add_rest(<Vec**>(row + slot[0]), &rest, False):
                w.failed = 1
        elif how == UNITE:
            v = <const Vec*>other[slot[0]]
            for i in range(0 if v == NULL else v.n):
                put_in_set(w, row + slot[0], v.d[i])
        elif (not has_any(row, slot, n) if how == FILL else other[slot[1]] > row[slot[1]]):
            for i in range(n):
                row[slot[i]] = other[slot[i]]


cdef inline void join_counters(Work *w, const RuleTable *t, int64_t *row, const int64_t *other,
                               int32_t day) noexcept nogil:
    """Counters, by their windows."""
    cdef const Counter *c
    cdef const Vec *v
    cdef int64_t *mine
    cdef const int64_t *theirs
    cdef int32_t k, i, first
    for k in range(t.n_counters):
        c = &t.counters[k]
        mine, theirs = row + c.slot, other + c.slot
        if c.window == ROLLING or c.window == MEMBERSHIP or c.window == KEPT:
            first = (c.period[day] - KEPT_PERIODS if c.window == KEPT
                     else kept_since(c, day))
            v = <const Vec*>theirs[0]
            i = 0
            while v != NULL and i < v.n:
                if v.d[i] >= first and not add_rolling(mine, <int32_t>v.d[i], first, v.d[i + 1]):
                    w.failed = 1
                i += 2
        elif theirs[0] > mine[0]:
            memcpy(mine, theirs, 2 * sizeof(int64_t))
        elif theirs[0] == mine[0]:
            mine[1] += theirs[1]


cdef inline void join_person(const RuleTable *t, int64_t *row, const int64_t *other,
                             int32_t day) noexcept nogil:
    """What is known of the person, filled where it is missing; the earlier joining."""
    cdef int32_t mine = -1, theirs = -1
    if other[JOINED] < row[JOINED]:
        row[JOINED] = other[JOINED]
    if other[ENROLLED] and not row[ENROLLED]:
        row[ENROLLED] = other[ENROLLED]
    if row[BIRTH] == 0:
        memcpy(row + BIRTH, other + BIRTH, 3 * sizeof(int64_t))
    if row[MANUAL_TIER] >= 0 and row[MANUAL_THROUGH] >= day:
        mine = rung_of(t, <int32_t>row[MANUAL_TIER])
    if other[MANUAL_TIER] >= 0 and other[MANUAL_THROUGH] >= day:
        theirs = rung_of(t, <int32_t>other[MANUAL_TIER])
    if theirs > mine or (theirs == mine and theirs >= 0
                         and other[MANUAL_THROUGH] > row[MANUAL_THROUGH]):
        row[MANUAL_TIER] = other[MANUAL_TIER]
        row[MANUAL_THROUGH] = other[MANUAL_THROUGH]


cdef inline void join_tiers(Work *w, int64_t *row, int64_t *other, int32_t shift) noexcept nogil:
    """Tiers are good as long as that of either. A bonus that both were given is the survivor's:
    the other's stays marked in its row.
    """
    cdef int64_t *mine
    cdef int64_t *theirs
    cdef int32_t i
    for i in range(w.g.n_tiers):
        mine = row + w.g.tiers_at + TIER * i
        theirs = other + w.g.tiers_at + TIER * i
        if theirs[THROUGH] > mine[THROUGH]:
            mine[THROUGH] = theirs[THROUGH]
            mine[CHECKED] = theirs[CHECKED]
        elif theirs[THROUGH] == mine[THROUGH] and theirs[CHECKED] < mine[CHECKED]:
            mine[CHECKED] = theirs[CHECKED]
        if theirs[BONUS_GIVEN] and not mine[BONUS_GIVEN]:
            mine[BONUS_GIVEN] = theirs[BONUS_GIVEN] + (shift if theirs[BONUS_GIVEN] > 0 else 0)
            theirs[BONUS_GIVEN] = 0


cdef inline void move_lot(const Work *w, const int64_t *other, Lot *lot,
                          int32_t shift) noexcept nogil:
    """A lot's source among the survivor's facts; a second bonus for one tier is nobody's own."""
    lot.source += shift
    if 0 < lot.tag < RESTORED and other[w.g.tiers_at + TIER * (lot.tag - 1) + BONUS_GIVEN]:
        lot.tag = RESTORED


cdef inline void join_accounts(Work *w, const RuleTable *t, int64_t *row, int64_t *other,
                               int32_t day, int32_t shift) noexcept nogil:
    """Totals and lots; what is active pays what is owed, whoever owes it."""
    cdef int64_t *mine
    cdef int64_t *theirs
    cdef const Lots *lots
    cdef Lots *moved
    cdef Lot lot
    cdef int32_t c, i
    for c in range(w.g.n_currencies):
        mine, theirs = account_of(row, c), account_of(other, c)
        for i in range(ACCOUNT):
            if i != LOTS and i != RENEWED:
                mine[i] += theirs[i]
        lots = <const Lots*>theirs[LOTS]
        for i in range(0 if lots == NULL else lots.head, 0 if lots == NULL else lots.end):
            lot = lots.lot[i]
            move_lot(w, other, &lot, shift)
            moved = add_lot(<Lots*>mine[LOTS], lot)
            if moved == NULL:
                w.failed = 1
                return
            mine[LOTS] = <int64_t>moved
        mine[RENEWED] = later(mine[RENEWED], theirs[RENEWED])


cdef inline void join_holds(Work *w, int64_t *row, const int64_t *other,
                            int32_t shift) noexcept nogil:
    cdef Part p
    cdef int32_t i
    for i in range(n_parts(<const Vec*>other[HOLDS])):
        p = part_of(<const Vec*>other[HOLDS], i)
        p.source += shift
        if p.lot.tag >= 0:
            move_lot(w, other, &p.lot, shift)
        if not add_part(row, &p):
            w.failed = 1


cdef inline bint join_history(Work *w, const RuleTable *t, int64_t *row, const int64_t *other,
                              History *h, History *of_other, int32_t shift) noexcept nogil:
    """The sales and redemptions of both are the survivor's; False without memory."""
    cdef int32_t events = h.n_events, sold = h.n_sold, i, k
    for i in range(of_other.n_events):
        if not room_for(<void**>&h.event, h.n_events, &h.room_events, sizeof(h.event[0])):
            return False
        h.event[h.n_events] = of_other.event[i]
        h.event[h.n_events].source += shift
        h.n_events += 1
    of_other.n_events = 0
    for i in range(of_other.n_sold):
        if not room_for(<void**>&h.sold, h.n_sold, &h.room_sold, sizeof(h.sold[0])):
            return False
        h.sold[h.n_sold] = of_other.sold[i]
        h.sold[h.n_sold].event += events
        h.sold[h.n_sold].source += shift
        h.n_sold += 1
    of_other.n_sold = 0
    for i in range(of_other.n_spent):
        if not room_for(<void**>&h.spent, h.n_spent, &h.room_spent, sizeof(h.spent[0])):
            return False
        h.spent[h.n_spent] = of_other.spent[i]
        if h.spent[h.n_spent].sold >= 0:
            h.spent[h.n_spent].sold += sold
        for k in range(h.spent[h.n_spent].takes.n):
            if h.spent[h.n_spent].takes.lot[k].tag >= 0:
                move_lot(w, other, &h.spent[h.n_spent].takes.lot[k], shift)
        h.n_spent += 1
    of_other.n_spent = 0
    for i in range(of_other.n_renewals):
        if not room_for(<void**>&h.renewal, h.n_renewals, &h.room_renewals, sizeof(h.renewal[0])):
            return False
        h.renewal[h.n_renewals] = of_other.renewal[i]
        h.renewal[h.n_renewals].event += events
        h.n_renewals += 1
    of_other.n_renewals = 0
    for i in range(w.g.n_tiers):
        k = w.g.tiers_at + TIER * i + BONUS_GIVEN
        # A bonus that the survivor was given as well is in the other's row still.
        if row[k] and not other[k]:
            h.bonus_expired[i] += of_other.bonus_expired[i]
        of_other.bonus_expired[i] = 0
    forget_purchases(w, h)
    forget_purchases(w, of_other)
    free_row(&w.g, of_other.base)
    of_other.base = NULL
    of_other.begun = of_other.checked = of_other.checks.n = 0
    return True


cdef inline void forget_purchases(Work *w, History *h) noexcept nogil:
    """Ordinals do not step back over what has come together."""
    cdef int32_t i
    for i in range(h.n_purchases):
        free_row(&w.g, h.purchase[i].before)
    h.n_purchases = 0


cdef inline bint begin_anew(Work *w, const RuleTable *t, int64_t *row, History *h,
                            int32_t day) noexcept nogil:
    """Replays of tiers begin with the row as it is now; False without memory."""
    cdef int32_t i
    free_row(&w.g, h.base)
    h.base = copy_row(&w.g, row)
    if h.base_met == NULL:
        h.base_met = <int64_t*>calloc(w.g.n_tiers + 1, sizeof(int64_t))
    if h.base == NULL or h.base_met == NULL:
        return False
    for i in range(t.n_tiers):
        h.base_met[t.rung[i]] = balances_met(t, row, i, day)
    h.begun = h.n_events
    h.checked = h.checks.n
    return True


cdef inline void empty_row(Work *w, int64_t *row) noexcept nogil:
    """The row is that of a member without facts; its chain goes on."""
    cdef int64_t last_seq = row[LAST_SEQ]
    cdef int32_t i
    for i in range(w.g.n_currencies):
        free(<void*>row[HEAD + ACCOUNT * i + LOTS])
    for i in range(w.g.n_vecs):
        free(<void*>row[w.g.vecs[i]])
    blank_row(&w.g, row)
    row[LAST_SEQ] = last_seq


cdef inline bint too_large(const Work *w, const int64_t *row, const int64_t *other) noexcept nogil:
    """Whether a total of both would not fit."""
    cdef int32_t c
    for c in range(w.g.n_currencies):
        if (row[HEAD + ACCOUNT * c + ISSUED] + other[HEAD + ACCOUNT * c + ISSUED]
                > (<int64_t>1 << 61)
                or row[HEAD + ACCOUNT * c + RECEIVED] + other[HEAD + ACCOUNT * c + RECEIVED]
                > (<int64_t>1 << 61)):
            return True
    return False


cdef inline int apply_absorb(Work *w, const RuleTable *t, int64_t i, int64_t *row,
                             History *h) noexcept nogil:
    """All that the other account has comes into the row, then tiers are checked once."""
    cdef const Columns *in_ = w.in_
    cdef int32_t day = in_.day[i], shift, c
    cdef int64_t number = -1 if in_.absorbs == NULL else in_.absorbs[i]
    cdef int64_t *other = NULL
    cdef History *of_other = NULL
    cdef bint pools = in_.kind[i] == POOL
    if number >= 0:
        other = w.g.rows + number * w.g.width
        of_other = w.histories[number] if w.histories != NULL else NULL
        if too_large(w, row, other):
            return OVERFLOW
        if has_run_out(other, moment(in_, i)) and not run_out(w, t, other, moment(in_, i), -1,
                                                              of_other):
            w.failed = 1
    begin(w, t, row, day, h)
    no_amounts(w, t)
    if other != NULL and other[JOINED] >= 0:
        if not move_tiers(t, other, day, NULL if of_other == NULL else &of_other.checks, NULL):
            w.failed = 1
        settle_all(w, other, day, of_other)
        shift = <int32_t>row[FACTS]
        join_counters(w, t, row, other, day)
        join_slots(w, row, other, pools)
        if not pools:
            join_person(t, row, other, day)
        join_tiers(w, row, other, shift)
        join_accounts(w, t, row, other, day, shift)
        join_holds(w, row, other, shift)
        row[PURCHASES] += other[PURCHASES]
        row[UPGRADES] += other[UPGRADES]
        row[FACTS] += other[FACTS]
        row[LAST_AT] = later(row[LAST_AT], other[LAST_AT])
        row[LAST_BUY] = later(row[LAST_BUY], other[LAST_BUY])
        row[CLOCK] = later(row[CLOCK], other[CLOCK])
        row[TODAY] = later(row[TODAY], other[TODAY])
        for c in range(w.g.n_currencies):
            if c < t.n_currencies and t.currencies[c].renewable:
                renew(&t.currencies[c], row, c, account_of(row, c)[RENEWED])
            if account_of(row, c)[DEBT] > 0:
                pay_debt(account_of(row, c), day)
        if h != NULL and of_other != NULL and not (
                join_history(w, t, row, other, h, of_other, shift)
                and begin_anew(w, t, row, h, day)):
            w.failed = 1
        empty_row(w, other)
    if h != NULL and new_event(w, h, <int32_t>i, day, in_.version[i],
                               <int32_t>row[FACTS]) == NULL:
        return OK
    return finish(w, t, i, row, h, day, day)
