"""What the general fold carries from fact to fact: the batch, scratch, and small helpers."""

from libc.stdint cimport INT64_MIN, int32_t, int64_t, uint16_t, uint32_t
from libc.stdlib cimport calloc
from libc.string cimport memset

from .accounts cimport Takes, account_of, settle
from .arith cimport i128
from .basket cimport Basket, Line, Rated, spread
from .columns cimport Columns, Postings, Results
from .held cimport held_points
from .history cimport Event, Geometry, History
from .lots cimport RESTORED, Lots, available
from .memory cimport room_for
from .rules cimport RuleTable
from .state cimport DEBT, JOINED, LOTS, TODAY
from .tiers cimport RAISED, balances_met, entered, figure, move_tiers, still_good


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
    int64_t *given         # [rule]
    int64_t *seen          # [figure that the ladder asks]: before the fact
    int64_t *marks         # [rung]: see tiers.pxd
    int64_t *good          # [rung]: whether it was good before the fact
    int64_t *met           # [rung]: balances that were met before the fact
    int64_t *ahead         # a row, to rate a fact on before anything moves
    int64_t *net_of        # [currency]
    int64_t *asked_in      # [currency]: points of a sale's own redemption
    int64_t *from_named    # [tender]: points of what it names
    int64_t *asked_of      # [tender]: points that it asks
    int64_t *broken        # [currency]: the first term that a completed fact breaks, a limit
    int64_t *back_quantity  # [line]
    int64_t *back_net      # [line]
    Takes takes            # scratch
    int64_t short_of       # what a return did not find
    bint candidate         # the member was one before the fact
    Rated rated
    int failed             # memory has ended


cdef inline int64_t account_available(int64_t *row, int32_t currency,
                                      int32_t day) noexcept nogil:
    """Points of a currency that can be spent on a day; looks only."""
    cdef int64_t *account = account_of(row, currency)
    return available(<const Lots*>account[LOTS], account[DEBT], day)


cdef inline void look(Work *w, const RuleTable *t, const int64_t *row,
                      int32_t day) noexcept nogil:
    """w.seen: the ladder's metrics before a fact, or before the sale of an exchange."""
    cdef int32_t i
    for i in range(t.asked_from[t.n_tiers]):
        w.seen[i] = figure(t, row, &t.asked[i], day)


cdef inline void mark(Work *w, const RuleTable *t, const int64_t *row,
                      int32_t day) noexcept nogil:
    """w.marks: what is raised since `look`, beside what was raised before it; balances met."""
    cdef int32_t i, rung
    cdef int64_t raised
    for rung in range(t.n_tiers):
        raised = w.marks[rung] & <int64_t>1 << RAISED
        for i in range(t.asked_from[rung], t.asked_from[rung + 1]):
            if figure(t, row, &t.asked[i], day) > w.seen[i]:
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
        if w.takes.lot[i].tag == RESTORED:
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


cdef inline void scale_tenders(Work *w, const RuleTable *t, int64_t row, int64_t net,
                               int64_t *redeemed) noexcept nogil:
    """w.paid: each type's amount where tenders pay tax as well (rulebook 4.1).

    A type's sum stands at its first tender. *redeemed is what redemptions paid.
    """
    cdef const Columns *in_ = w.in_
    cdef int64_t lo = in_.tenders_from[row], hi = in_.tenders_from[row + 1], i, k
    cdef int64_t total = 0
    redeemed[0] = 0
    for i in range(lo, hi):
        total += in_.amount[i]
    for i in range(lo, hi):
        w.paid[i - lo] = 0
        for k in range(lo, i):
            if in_.tender[k] == in_.tender[i]:
                break
        else:
            for k in range(i, hi):
                if in_.tender[k] == in_.tender[i]:
                    w.paid[i - lo] += in_.amount[k]
            if w.paid[i - lo] < 0 or net <= 0:
                w.paid[i - lo] = 0
            elif total > net:
                w.paid[i - lo] = <int64_t>(<i128>w.paid[i - lo] * net // total)
            if t.redeems[in_.tender[i]] != -2:
                redeemed[0] += w.paid[i - lo]


cdef inline bint gone(int64_t quantity, int64_t net, int64_t back_quantity,
                      int64_t back_net) noexcept nogil:
    """Whether nothing of a line is left: its quantity is back whatever the amount."""
    if quantity > 0:
        return back_quantity >= quantity
    return back_net >= net


cdef inline void keep_lines(Work *w, const RuleTable *t, int64_t row, const int64_t *back_quantity,
                            const int64_t *back_net, Basket *b,
                            int64_t *redeemed_back) noexcept nogil:
    """A sale's lines, each by itself; w.part tells what redemptions paid of them."""
    cdef const Columns *in_ = w.in_
    cdef int64_t lo = in_.lines_from[row], n = in_.lines_from[row + 1] - lo, i, left, sold
    cdef int32_t k = 0, pass_, cls
    cdef bint lost, fits, apart = False
    cdef Line *one
    for pass_ in range(2):
        if pass_ == 1 and not apart:
            break
        for i in range(n):
            sold = in_.net[lo + i]
            if sold == 0 and in_.quantity[lo + i] == 0:
                continue
            lost = back_quantity != NULL and gone(in_.quantity[lo + i], sold, back_quantity[i],
                                                  back_net[i])
            cls = t.product_class[in_.product[lo + i]]
            fits = not lost and t.class_eligible[cls]
            if fits != (pass_ == 0):
                apart = True
                continue
            one = &w.lines[k]
            k += 1
            one.product = in_.product[lo + i]
            one.cls = cls
            one.place = <int32_t>i
            one.net_sold = sold
            one.net = one.quantity = 0
            left = 0
            if not lost:
                one.net = sold - (back_net[i] if back_quantity != NULL else 0)
                one.quantity = in_.quantity[lo + i]
                if back_quantity != NULL:
                    one.quantity -= back_quantity[i]
                left = w.part[i]
                if one.net != sold:
                    left -= <int64_t>(<i128>w.part[i] * (sold - one.net) // sold)
            redeemed_back[0] += w.part[i] - left
            one.unpaid = one.net if t.earn_on_redeemed else one.net - left
            one.full_quantity = in_.quantity[lo + i]
            one.gross = sold
            one.cost = INT64_MIN
            if in_.gross != NULL:
                one.full_quantity = in_.full_quantity[lo + i]
                one.gross = in_.gross[lo + i]
                one.cost = in_.cost[lo + i]
            if fits:
                b.eligible += one.unpaid
        if pass_ == 0:
            b.n = k
    b.n_all = k


cdef inline void gather_lines(Work *w, const RuleTable *t, int64_t row, Basket *b) noexcept nogil:
    """The eligible lines of a sale that no redemption paid, those of one class as one.

    For programs that look at no line apart (RuleTable.by_class): all else is linear in the
    figures of a line, but for one of known cost and one of which a void has taken: these stay
    lines of their own.
    """
    cdef const Columns *in_ = w.in_
    cdef int64_t lo = in_.lines_from[row], hi = in_.lines_from[row + 1], i, net, quantity, gross
    cdef int32_t cls, k, n = 0
    cdef bint own = False
    cdef Line *one
    for i in range(lo, hi):
        net = gross = in_.net[i]
        quantity = in_.quantity[i]
        cls = t.product_class[in_.product[i]]
        if not (net | quantity) or not t.class_eligible[cls]:
            continue
        if in_.gross != NULL:
            gross = in_.gross[i]
            own = in_.full_quantity[i] != quantity or in_.cost[i] != INT64_MIN
        k = w.line_of[cls]
        if k and not own:
            one = &w.lines[k - 1]
            one.net += net
            one.quantity += quantity
            one.full_quantity += quantity
            one.gross += gross
            continue
        one = &w.lines[n]
        n += 1
        if not own:
            w.line_of[cls] = n
        one.product = in_.product[i]
        one.cls = cls
        one.place = <int32_t>(i - lo)
        one.net = net
        one.quantity = quantity
        one.full_quantity = in_.full_quantity[i] if own else quantity
        one.gross = gross
        one.cost = in_.cost[i] if own else INT64_MIN
    for k in range(n):
        one = &w.lines[k]
        one.unpaid = one.net_sold = one.net
        b.eligible += one.net
        w.line_of[one.cls] = 0
    b.n = b.n_all = n


cdef inline int64_t prepare(Work *w, const RuleTable *t, int64_t row, const int64_t *back_quantity,
                            const int64_t *back_net, bint apart, Basket *b,
                            int64_t *redeemed_back) noexcept nogil:
    """A sale's lines as the rating takes them, less what has come back.

    `apart` asks for each line by itself: eligible ones come first, then the others. Returns
    what redemptions paid in all; *redeemed_back is the share of it that is back (rulebook 9).
    """
    cdef const Columns *in_ = w.in_
    cdef int64_t lo = in_.lines_from[row], n = in_.lines_from[row + 1] - lo, i, net = 0
    cdef int64_t positive = 0, redeemed
    for i in range(n):
        net += in_.net[lo + i]
        if in_.net[lo + i] > 0:
            positive += in_.net[lo + i]
    scale_tenders(w, t, row, net, &redeemed)
    if redeemed > positive:
        redeemed = positive
    redeemed_back[0] = 0
    b.eligible = 0
    b.lines = w.lines
    if redeemed or apart:
        memset(w.part, 0, n * sizeof(int64_t))
        if redeemed:
            for i in range(n):
                w.weight[i] = in_.net[lo + i]
                w.lines[i].place = <int32_t>i
            spread(redeemed, w.lines, <int32_t>n, w.weight, positive, w.part, w.rest)
        keep_lines(w, t, row, back_quantity, back_net, b, redeemed_back)
    else:
        gather_lines(w, t, row, b)
    b.net_sold_all = positive
    b.at = in_.at[row]
    b.day = in_.day[row]
    b.minute = in_.minute[row]
    b.store = in_.store[row]
    b.terminal = in_.terminal[row]
    b.channel = in_.channel[row] if in_.channel != NULL else 0
    b.epoch = in_.epoch[row]
    b.tender = in_.tender + in_.tenders_from[row]
    b.n_tenders = in_.tenders_from[row + 1] - in_.tenders_from[row]
    b.paid = w.paid
    b.coupon = NULL
    b.n_coupons = 0
    if in_.coupons_from != NULL:
        b.coupon = in_.coupon + in_.coupons_from[row]
        b.n_coupons = in_.coupons_from[row + 1] - in_.coupons_from[row]
    return redeemed
