"""Points of a return: spent ones go back first, then earned ones are taken (rulebook 9).

They are taken from the sale's own lots, from active ones in spending order, from pending ones;
what is missing is debt, forgiven, withheld, or refuses the return.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t

from .accounts cimport (
    account_of, expires_on, give_back, put_lot, renewed_through, take_active, take_own,
    take_pending)
from .accrual cimport accrue, move_waiting, waits_fall
from .arith cimport i128
from .columns cimport post
from .held cimport GIVEN, OWED
from .history cimport History, Sold, Spent
from .lots cimport RESTORED, Lot, Lots
from .rules cimport (
    NO_RULE, POST_DONATE, POST_FORGIVE, POST_RESTORE, POST_REVERSE, POST_WITHHOLD, RuleTable)
from .state cimport DEBT, DONATED, FACTS, FORGIVEN, LOTS, REDEEMED, REVERSED
from .work cimport Work


cdef enum ShortfallPolicy:
    AS_DEBT = 0
    FORGIVE = 1
    REFUSE = 2
    WITHHOLD = 3


cdef inline void renew_since(const RuleTable *t, const History *h, int32_t c,
                             Lot *lot) noexcept nogil:
    """What renewed the account's lots while this one was away renews it, if it lived then."""
    cdef int32_t k
    cdef const int32_t *through = renewed_through(&t.currencies[c], lot)
    if through == NULL:
        return
    for k in range(h.n_renewals):
        if h.renewal[k].currency == c and lot.earned <= h.renewal[k].day <= lot.good_through:
            if through[h.renewal[k].day] > lot.good_through:
                lot.good_through = through[h.renewal[k].day]


cdef inline bint give_part(Work *w, const RuleTable *t, const History *h, int64_t basket,
                           int64_t *row, int32_t c, int32_t day, Lot lot,
                           int32_t lives) noexcept nogil:
    """Give points back into the lot that they left; what was missing is missing no more.

    `lives` are the days for which a lot that has passed lives on; below 0 it expires at once.
    False without memory.
    """
    cdef int64_t *account = account_of(row, c)
    cdef int64_t paid
    if lot.points == 0:
        return True
    if lot.tag == GIVEN:
        account[FORGIVEN] -= lot.points
        return True
    if lot.tag == OWED:
        paid = lot.points if lot.points < account[DEBT] else account[DEBT]
        account[DEBT] -= paid
        lot.points -= paid
        if lot.points == 0:
            return True
        # Of the fact's own date, also where it comes right after a later one.
        lot.earned = lot.active_from = w.in_.day[basket] if basket >= 0 else day
        lot.good_through = expires_on(&t.currencies[c], account, lot.earned)
        lot.source = <int32_t>row[FACTS]
        lot.fixed = t.currencies[c].fixes
        # No points of its rules, if the fact is an exchange.
        lot.tag = RESTORED
        return put_lot(account, lot, day)
    if h != NULL and t.currencies[c].renewable:
        renew_since(t, h, c, &lot)
    if h != NULL and lot.source < h.closed and lot.good_through >= day:
        # With its membership all that the member had has passed.
        lot.good_through = day - 1
    return give_back(account, lot, day, lives)


cdef inline bint restore_from(Work *w, const RuleTable *t, const History *h, Spent *s,
                              int64_t basket, int64_t *row, int32_t day,
                              int64_t due) noexcept nogil:
    """Give `due` of what was taken back, the last taken first; postings are the caller's."""
    cdef int32_t k = s.takes.n - 1
    cdef int64_t part
    cdef Lot lot
    s.restored += due
    account_of(row, s.currency)[REDEEMED] -= due
    while due > 0 and k >= 0:
        lot = s.takes.lot[k]
        part = lot.points if lot.points < due else due
        s.takes.lot[k].points -= part
        due -= part
        lot.points = part
        if part and lot.tag == GIVEN and not post(
                w.p, <uint32_t>basket, 0, NO_RULE, POST_FORGIVE, <uint8_t>s.currency, 0, -part,
                -part):
            return False
        if not give_part(w, t, h, basket, row, s.currency, day, lot, t.restored_days):
            return False
        k -= 1
    return True


cdef inline Spent *last_taken(const History *h, int32_t sold, int32_t c) noexcept nogil:
    """Of what paid a sale in a currency, the last taken that is not all back; NULL: none."""
    cdef Spent *found = NULL
    cdef int32_t k
    for k in range(h.n_spent):
        if (h.spent[k].sold == sold and h.spent[k].currency == c
                and h.spent[k].restored < h.spent[k].points
                and (found == NULL or h.spent[k].place >= found.place)):
            found = &h.spent[k]
    return found


cdef inline int64_t spent_left(const History *h, int32_t sold, int32_t c) noexcept nogil:
    """Points that paid a sale in a currency and are not back."""
    cdef int64_t total = 0
    cdef int32_t k
    for k in range(h.n_spent):
        if h.spent[k].sold == sold and h.spent[k].currency == c:
            total += h.spent[k].points - h.spent[k].restored
    return total


cdef inline bint restore_spent(Work *w, const RuleTable *t, const History *h, Sold *s,
                               int64_t basket, int64_t *row, int32_t day, int64_t redeemed,
                               int64_t back) noexcept nogil:
    """Give points that the sale's tenders took back into the lots they left."""
    cdef int32_t c
    cdef int64_t due, part, left
    cdef Spent *spent
    for c in range(t.n_currencies):
        if s.reward[c] == 0 or redeemed == 0:
            continue
        due = <int64_t>(<i128>s.reward[c] * back // redeemed) - s.restored[c]
        if due <= 0:
            continue
        s.restored[c] += due
        # What a cancel has given back already does not come back again.
        left = spent_left(h, <int32_t>(s - h.sold), c)
        if due > left:
            due = left
        if due and not post(w.p, <uint32_t>basket, 0, NO_RULE, POST_RESTORE, <uint8_t>c, 0, due,
                            due):
            return False
        while due > 0:
            spent = last_taken(h, <int32_t>(s - h.sold), c)
            part = spent.points - spent.restored
            if part > due:
                part = due
            due -= part
            if not restore_from(w, t, h, spent, basket, row, day, part):
                return False
    return True


cdef inline bint take_back(Work *w, const RuleTable *t, int32_t shortfall, int64_t basket,
                           int64_t *row, int32_t c, int32_t day, int64_t points, int32_t source,
                           int32_t tag, int64_t *let_go) noexcept nogil:
    """Take points out of lots: the source's own, active ones, pending ones; then short.

    What becomes of the rest is the `shortfall` policy of the return's own version.
    """
    cdef int64_t *account = account_of(row, c)
    cdef int64_t left = points
    account[REVERSED] += points
    if source >= 0:
        left -= take_own(account, source, tag, left)
    left -= take_active(account, day, left, NULL)
    left -= take_pending(account, day, left)
    if left == 0:
        return True
    w.out.lack[basket * w.g.n_currencies + c] += left
    if t.currencies[c].spendable:
        w.short_of += left
    if t.currencies[c].spendable and (shortfall == AS_DEBT or shortfall == REFUSE):
        account[DEBT] += left
        return True
    account[FORGIVEN] += left
    if let_go != NULL:
        let_go[0] += left
    return post(w.p, <uint32_t>basket, 0, NO_RULE,
                POST_WITHHOLD if t.currencies[c].spendable and shortfall == WITHHOLD
                else POST_FORGIVE, <uint8_t>c, 0, left, left)


cdef inline bint in_favour(Work *w, const RuleTable *t, int32_t shortfall, Sold *s, int64_t basket,
                           int64_t *row, int32_t c, int32_t day, int64_t points) noexcept nogil:
    """What becomes available in the member's favour lowers what was let go, then it is a lot."""
    cdef int64_t *account = account_of(row, c)
    cdef int64_t part
    cdef Lot lot
    part = points if points < s.let_go[c] else s.let_go[c]
    if part:
        s.let_go[c] -= part
        account[FORGIVEN] -= part
        points -= part
        if not post(w.p, <uint32_t>basket, 0, NO_RULE,
                    POST_WITHHOLD if t.currencies[c].spendable and shortfall == WITHHOLD
                    else POST_FORGIVE, <uint8_t>c, 0, -part, -part):
            return False
    if points == 0:
        return True
    lot.earned = s.day
    lot.active_from = s.day + t.currencies[c].pending_days
    lot.good_through = expires_on(&t.currencies[c], account, s.day)
    lot.source = s.source
    lot.tag = 0
    lot.fixed = t.currencies[c].fixes
    lot.points = points
    if lot.good_through < day:
        s.expired[c] += points
    return put_lot(account, lot, day)


cdef inline bint reverse(Work *w, const RuleTable *t, int32_t shortfall, Sold *s, int64_t basket,
                         int64_t *row, int32_t day) noexcept nogil:
    """Take, per currency as one, what the rules give no more; postings a rule.

    `t` is the version of the sale, `shortfall` the policy of the return's.

    What waits for money follows what the sale still gives and what of it is owed: only the rest
    is taken of lots, or becomes one.
    """
    cdef int32_t c, k
    cdef int64_t net, donated, spared, less, ripe
    cdef int64_t *account
    waits_fall(w, t, s, w.given)
    for c in range(t.n_currencies):
        net = donated = 0
        for k in range(t.n_rules):
            if t.currency[k] == c:
                if t.cause[k] >= 0:
                    donated += s.gave[k] - w.given[k]
                    row[t.cause[k]] -= s.gave[k] - w.given[k]
                else:
                    net += s.gave[k] - w.given[k]
        account = account_of(row, c)
        spared = 0
        less = net - w.wait_of[c]
        if not move_waiting(t, s, account, day, w.wait_of[c]):
            return False
        if less > 0:
            # Own lots first; what of them has expired unspent counts as come back.
            spared = own_expired(s, account, c, less)
            s.come_back[c] += spared
        post_reversals(w, t, s, basket, c, spared)
        if w.failed:
            return False
        account[REVERSED] += net
        if less > 0:
            account[REVERSED] -= less
            if less > spared and not take_back(w, t, shortfall, basket, row, c, day,
                                               less - spared, s.source, 0, &s.let_go[c]):
                return False
        elif less < 0:
            # What had waited has been paid by now; the rest is more than was given before.
            ripe = w.wait_of[c] if w.wait_of[c] < -less else -less
            if ripe < 0:
                ripe = 0
            if ripe < -less and not in_favour(
                    w, t, shortfall, s, basket, row, c, day, -less - ripe):
                return False
            if ripe and not accrue(w, t, s, basket, row, c, day, ripe):
                return False
        account[DONATED] -= donated
        account[REVERSED] += donated
    for k in range(t.n_rules):
        s.gave[k] = w.given[k]
    return True


cdef inline int64_t own_expired(const Sold *s, const int64_t *account, int32_t c,
                                int64_t net) noexcept nogil:
    """What of a reversal the sale's own lots have lost by expiry, after what they hold."""
    cdef const Lots *lots = <const Lots*>account[LOTS]
    cdef int64_t held = 0, lost = s.expired[c] - s.come_back[c]
    cdef int32_t i
    if lots != NULL:
        for i in range(lots.head, lots.end):
            if lots.lot[i].source == s.source and lots.lot[i].tag == 0:
                held += lots.lot[i].points
    net -= held
    if net <= 0 or lost <= 0:
        return 0
    return net if net < lost else lost


cdef inline void post_reversals(Work *w, const RuleTable *t, const Sold *s, int64_t basket,
                                int32_t c, int64_t spared) noexcept nogil:
    """One posting a rule; what had expired is left out, from the last rule backwards.

    `desired` is what the rule gives no more, expired or not: budgets count by it.
    """
    cdef int32_t k
    cdef int64_t part, back
    cdef int64_t *change = w.rated.desired
    for k in range(t.n_rules - 1, -1, -1):
        change[k] = 0
        if t.currency[k] != c:
            continue
        change[k] = s.gave[k] - w.given[k]
        if change[k] > 0 and spared and t.cause[k] < 0:
            part = change[k] if change[k] < spared else spared
            spared -= part
            change[k] -= part
    for k in range(t.n_rules):
        back = s.gave[k] - w.given[k]
        if t.currency[k] != c or back == 0:
            continue
        if not post(w.p, <uint32_t>basket, 0, t.number[k], POST_REVERSE, <uint8_t>c, 0, -back,
                    -change[k]):
            w.failed = 1
        if t.cause[k] >= 0 and not post(w.p, <uint32_t>basket, 0, t.number[k], POST_DONATE,
                                        <uint8_t>c, 0, change[k], change[k]):
            w.failed = 1
