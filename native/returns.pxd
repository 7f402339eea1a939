"""Returns: what is left of a sale is rated anew, and the difference given or taken back
(rulebook section 9).

Spent points go back first, into the lots they left; then earned points are taken, from the
sale's own lots, from active ones in spending order, from pending ones; what is missing is
debt, forgiven, withheld, or refuses the return. Then limits, counters, ordinals and tiers
stand as if what is back had not been bought.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy, memset

from .accounts cimport (
    account_of, expires_on, give_back, put_lot, renew, settle, take_active, take_own,
    take_pending)
from .arith cimport i128
from .big cimport Big, big_add, big_copy, big_load, big_mul, big_set, big_store, big_times
from .columns cimport ACCEPTED, COMPLETED, Columns, post
from .earned cimport amounts_of, apply_amounts, keeps_rest
from .facts cimport no_amounts
from .history cimport Event, History, Purchase, Sold, blank_row, free_row
from .lots cimport Lot, Lots, pending_points
from .members cimport NO_YEAR
from .rate cimport BASKET, Basket, rate_all
from .rules cimport (
    ANNIVERSARY, BONUS, EARN, ENROL, GROUP_FIRST, INSUFFICIENT, NO_RULE, NO_SUCH_LINE, OF_BALANCE,
    OK, OVERFLOW, PER_UNITS, POINTS_SPENT, POST_DONATE, POST_EXPIRE, POST_FORGIVE, POST_RESTORE,
    POST_REVERSE, POST_WITHHOLD, QUANTITY, RETURNS_TOO_MUCH, WHILE_MET, RuleTable)
from .state cimport (
    BONUS_GIVEN, CHECKED, CLOCK, DEBT, DONATED, ENROLLED, EXPIRED, FACTS, FORGIVEN, ISSUED,
    JOINED, LAST_BUY, LIVE, LOTS, POSTED, PURCHASES, REDEEMED, RENEWED, REVERSED, THROUGH, TIER,
    Vec)
from .tiers cimport (
    add_to_counter, advance_masked, extend_tiers, holds, tier_on)
from .work cimport (
    Work, account_available, balance_mask, begin, gone, new_event, note_expired, prepare,
    settle_all)

cdef enum ShortfallPolicy:
    AS_DEBT = 0
    FORGIVE = 1
    REFUSE = 2
    WITHHOLD = 3


cdef inline int64_t left_quantity(const Columns *in_, const Sold *s, int64_t lo,
                                  int64_t k) noexcept nogil:
    if gone(in_.quantity[lo + k], in_.net[lo + k], s.back_quantity[k], s.back_net[k]):
        return 0
    return in_.quantity[lo + k] - s.back_quantity[k]


cdef inline int64_t left_net(const Columns *in_, const Sold *s, int64_t lo,
                             int64_t k) noexcept nogil:
    if gone(in_.quantity[lo + k], in_.net[lo + k], s.back_quantity[k], s.back_net[k]):
        return 0
    return in_.net[lo + k] - s.back_net[k]


cdef inline void take_line(const Columns *in_, Sold *s, int64_t lo, int64_t k, int64_t *quantity,
                           int64_t *net, bint by_amount) noexcept nogil:
    """Take from one line what it has left of a quantity and an amount that come back."""
    cdef int64_t have = left_quantity(in_, s, lo, k), amount = left_net(in_, s, lo, k)
    cdef int64_t part = quantity[0] if quantity[0] < have else have
    if part == 0 and not by_amount:
        return
    if net[0] < amount:
        amount = net[0]
    s.back_quantity[k] += part
    s.back_net[k] += amount
    quantity[0] -= part
    net[0] -= amount


cdef inline int bring_back(Work *w, Sold *s, int64_t i, const int32_t *sku) noexcept nogil:
    """Count the lines of a return against the sale's; a status, s is then as it was or not.

    A line is named, or the latest of the sku is meant. What exceeds a line that was voided
    in part goes to the sku's other lines, the latest first.
    """
    cdef const Columns *in_ = w.in_
    cdef int64_t lo = in_.lines_from[s.row], n = in_.lines_from[s.row + 1] - lo, b, k, named
    cdef int64_t quantity, net
    cdef int32_t of
    cdef bint voided, found, by_amount
    for b in range(in_.back_from[i], in_.back_from[i + 1]):
        quantity, net = in_.back_quantity[b], in_.back_net[b]
        by_amount = quantity == 0
        named = -1
        of = in_.back_sku[b]
        if in_.back_line[b] > 0:
            for k in range(n):
                if in_.line[lo + k] == in_.back_line[b]:
                    named = k
            if named < 0 or (of >= 0 and sku[in_.product[lo + named]] != of):
                return NO_SUCH_LINE
            of = sku[in_.product[lo + named]]
            if by_amount and left_quantity(in_, s, lo, named) == 0 and left_net(
                    in_, s, lo, named) == 0:
                # An amount on a line that is gone moves nothing.
                continue
            take_line(in_, s, lo, named, &quantity, &net, by_amount)
            voided = (in_.full_quantity != NULL
                      and in_.full_quantity[lo + named] != in_.quantity[lo + named])
            if (quantity or net) and not voided:
                return RETURNS_TOO_MUCH
        else:
            found = False
            for k in range(n):
                if sku[in_.product[lo + k]] == of:
                    found = True
            if not found:
                return NO_SUCH_LINE
        for k in range(n - 1, -1, -1):
            if (quantity or net) and k != named and sku[in_.product[lo + k]] == of:
                take_line(in_, s, lo, k, &quantity, &net, by_amount)
        if quantity or net:
            return RETURNS_TOO_MUCH
    return OK


cdef inline bint restore_spent(Work *w, const RuleTable *t, Sold *s, int64_t basket, int64_t *row,
                               int32_t day, int64_t redeemed, int64_t back) noexcept nogil:
    """Give points that the sale's own redemption took back into the lots they left."""
    cdef int32_t c, k
    cdef int64_t due, part, paid
    cdef int64_t *account
    cdef Lot lot
    for c in range(t.n_currencies):
        if s.reward[c] == 0 or redeemed == 0:
            continue
        due = <int64_t>(<i128>s.reward[c] * back // redeemed) - s.restored[c]
        if due <= 0:
            continue
        s.restored[c] += due
        account = account_of(row, c)
        account[REDEEMED] -= due
        if not post(w.p, <uint32_t>basket, 0, NO_RULE, POST_RESTORE, <uint8_t>c, 0, due, due):
            return False
        # The last taken first: what had become debt came after all lots.
        part = due if due < s.as_debt[c] else s.as_debt[c]
        s.as_debt[c] -= part
        due -= part
        paid = part if part < account[DEBT] else account[DEBT]
        account[DEBT] -= paid
        part -= paid
        if part:
            lot.earned = lot.active_from = day
            lot.good_through = expires_on(&t.currencies[c], account, day)
            lot.source = <int32_t>row[FACTS]
            lot.tag = lot.fixed = 0
            lot.points = part
            if not put_lot(account, lot, day):
                return False
        k = s.takes[c].n - 1
        while due > 0 and k >= 0:
            part = s.takes[c].take[k].lot.points
            if part > due:
                part = due
            s.takes[c].take[k].lot.points -= part
            due -= part
            if part and not give_back(account, &s.takes[c].take[k].lot, part, day,
                                      t.restored_days):
                return False
            k -= 1
    return True


cdef inline void cut_to_first(const RuleTable *t, const Sold *s, int32_t c,
                              int64_t *given) noexcept nogil:
    """The lesser of F and what the sale gave at first, cut from the last rule backwards."""
    cdef int32_t k
    cdef int64_t first = 0, now = 0, part
    for k in range(t.n_rules):
        if t.currency[k] == c:
            first += s.first[k]
            now += given[k]
    for k in range(t.n_rules - 1, -1, -1):
        if now <= first:
            return
        if t.currency[k] == c and given[k]:
            part = given[k] if given[k] < now - first else now - first
            given[k] -= part
            now -= part


cdef inline void carry_moved(const RuleTable *t, int64_t *row, Sold *s, int32_t rule,
                             const int64_t *after, int *overflow) noexcept nogil:
    """Correct a carried remainder by what it would have been after what is left."""
    cdef Big n1, d1, n2, d2
    # row += after - s.after
    big_load(&n1, &d1, row + t.slot[rule])
    big_load(&n2, &d2, after)
    big_mul(&n1, &n1, &d2, overflow)
    big_mul(&n2, &n2, &d1, overflow)
    big_add(&n1, &n1, &n2, overflow)
    big_mul(&d1, &d1, &d2, overflow)
    big_load(&n2, &d2, s.after + 4 * rule)
    big_mul(&n1, &n1, &d2, overflow)
    big_mul(&n2, &n2, &d1, overflow)
    if n2.n:
        n2.neg = 1 - n2.neg
    big_add(&n1, &n1, &n2, overflow)
    big_mul(&d1, &d1, &d2, overflow)
    big_store(row + t.slot[rule], &n1, &d1, overflow)
    memcpy(s.after + 4 * rule, after, 4 * sizeof(int64_t))


cdef inline void rate_left(Work *w, const RuleTable *t, Sold *s, const Basket *b,
                           int64_t *row) noexcept nogil:
    """recompute: w.given is what the sale has given with what is left of it."""
    cdef int32_t k, c
    cdef int overflow = 0
    w.rated.n_fired = w.rated.n_part = 0
    w.rated.overflow = 0
    if b.eligible > 0:
        rate_all(t, b, s.before, s.tier, s.active, &w.rated)
    for k in range(t.n_rules):
        w.given[k] = 0
    for k in range(w.rated.n_fired):
        w.given[w.rated.fired[k]] = w.rated.granted[w.rated.fired[k]]
    for k in range(t.n_rules):
        if not keeps_rest(t, k):
            continue
        # A rule that takes no part any more leaves the remainder as it was before the sale.
        c = 0
        for c in range(w.rated.n_part):
            if w.rated.part[c] == k and w.rated.limit[k] != -1:
                break
        else:
            memcpy(w.rated.after + 4 * k, s.before + t.slot[k], 4 * sizeof(int64_t))
        carry_moved(t, row, s, k, w.rated.after + 4 * k, &overflow)
    for c in range(t.n_currencies):
        cut_to_first(t, s, c, w.given)


cdef inline void share_left(Work *w, const RuleTable *t, Sold *s, int64_t *row) noexcept nogil:
    """proportional: w.given by the share of each rule's own lines that is back."""
    cdef Basket whole, b
    cdef const Columns *in_ = w.in_
    cdef int64_t lo = in_.lines_from[s.row], n = in_.lines_from[s.row + 1] - lo
    cdef int64_t redeemed_back, k, all_, back, points
    cdef int32_t j, i, r, rule, other
    cdef bint any_left, mine
    cdef uint64_t bit
    for k in range(t.n_rules):
        w.given[k] = s.first[k]
    # What is left of each line, by its place, in w.weight after this.
    prepare(w, t, s.row, s.back_quantity, s.back_net, &b, &redeemed_back)
    memset(w.back_quantity, 0, (n + 1) * sizeof(int64_t))
    memset(w.back_net, 0, (n + 1) * sizeof(int64_t))
    for j in range(b.n):
        w.back_quantity[b.lines[j].place] = b.lines[j].quantity
        w.back_net[b.lines[j].place] = b.lines[j].unpaid
    prepare(w, t, s.row, NULL, NULL, &whole, &redeemed_back)
    whole.form = BASKET
    if whole.eligible <= 0:
        return
    rate_all(t, &whole, s.before, s.tier, s.active, &w.rated)
    for r in range(w.rated.n_part):
        rule = w.rated.part[r]
        bit = <uint64_t>1 << (rule & 63)
        all_ = back = 0
        any_left = False
        for j in range(whole.n):
            if not w.rated.matched[<int64_t>j * t.n_words + (rule >> 6)] & bit:
                continue
            mine = True
            if (t.kind[rule] == EARN and t.group[rule] >= 0
                    and t.group_mode[t.group[rule]] == GROUP_FIRST):
                for i in range(r):
                    other = w.rated.part[i]
                    if (t.kind[other] == EARN and t.group[other] == t.group[rule]
                            and w.rated.matched[<int64_t>j * t.n_words + (other >> 6)]
                            >> (other & 63) & 1):
                        mine = False
            if not mine:
                continue
            k = whole.lines[j].place
            if w.back_quantity[k] or w.back_net[k]:
                any_left = True
            if (t.kind[rule] == EARN and t.basis[rule] == QUANTITY) or (
                    t.kind[rule] == BONUS and t.form[rule] == PER_UNITS):
                all_ += whole.lines[j].quantity
                back += whole.lines[j].quantity - w.back_quantity[k]
            else:
                all_ += whole.lines[j].unpaid
                back += whole.lines[j].unpaid - w.back_net[k]
        if not any_left:
            points = s.first[rule]
        elif (t.kind[rule] == BONUS and t.form[rule] != PER_UNITS) or all_ <= 0:
            points = 0
        else:
            points = <int64_t>(<i128>s.first[rule] * back // all_)
        w.given[rule] = s.first[rule] - points
        if keeps_rest(t, rule) and w.rated.limit[rule] != -1:
            keep_share(t, row, s, rule, points, back if any_left else all_, all_, w)


cdef inline void keep_share(const RuleTable *t, int64_t *row, Sold *s, int32_t rule,
                            int64_t points, int64_t back, int64_t all_,
                            Work *w) noexcept nogil:
    """proportional: the carried sum falls by the share that its points fall by."""
    cdef Big n1, d1, n2, d2
    cdef int64_t after[4]
    cdef int overflow = 0
    # after = rest after the sale, less (exact - given) times the share that is back:
    # with all of it back the remainder is what it was before the sale.
    big_load(&n1, &d1, w.rated.after + 4 * rule)
    big_load(&n2, &d2, s.before + t.slot[rule])
    big_mul(&n2, &n2, &d1, &overflow)
    if n2.n:
        n2.neg = 1 - n2.neg
    big_mul(&n1, &n1, &d2, &overflow)
    big_add(&n2, &n1, &n2, &overflow)
    big_mul(&d1, &d1, &d2, &overflow)
    # n2 / d1 is what the sale added to the remainder; n1 / d1 the remainder after it.
    if all_ > 0:
        if t.kind[rule] == EARN and s.first[rule] > 0 and back < all_:
            big_times(&n2, points, &overflow)
            big_times(&n1, s.first[rule], &overflow)
            big_times(&d1, s.first[rule], &overflow)
        else:
            big_times(&n2, back, &overflow)
            big_times(&n1, all_, &overflow)
            big_times(&d1, all_, &overflow)
    if n2.n:
        n2.neg = 1 - n2.neg
    big_add(&n1, &n1, &n2, &overflow)
    memset(after, 0, sizeof(after))
    big_store(after, &n1, &d1, &overflow)
    carry_moved(t, row, s, rule, after, &overflow)


cdef inline int64_t can_take(const RuleTable *t, int64_t *row, int32_t c,
                             int32_t day) noexcept nogil:
    """Points that a reversal finds in lots, active and pending."""
    cdef Lots *lots = <Lots*>account_of(row, c)[LOTS]
    cdef int64_t total = 0
    cdef int32_t i
    if lots != NULL:
        for i in range(lots.head, lots.end):
            total += lots.lot[i].points
    return total


cdef inline bint take_back(Work *w, const RuleTable *t, int64_t basket, int64_t *row, int32_t c,
                           int32_t day, int64_t points, int32_t source, int32_t tag,
                           uint8_t flags, int64_t *let_go) noexcept nogil:
    """Take points out of lots: the source's own, active ones, pending ones; then short."""
    cdef int64_t *account = account_of(row, c)
    cdef int64_t left = points
    account[REVERSED] += points
    if source >= 0:
        left -= take_own(account, source, tag, left)
    left -= take_active(account, day, left, NULL)
    left -= take_pending(account, day, left)
    if left == 0:
        return True
    w.out.lack[basket] += left
    if t.currencies[c].spendable and (t.shortfall == AS_DEBT or t.shortfall == REFUSE):
        account[DEBT] += left
        return True
    account[FORGIVEN] += left
    if let_go != NULL:
        let_go[0] += left
    return post(w.p, <uint32_t>basket, 0, NO_RULE,
                POST_WITHHOLD if t.currencies[c].spendable and t.shortfall == WITHHOLD
                else POST_FORGIVE, <uint8_t>c, 0, left, left)


cdef inline bint in_favour(Work *w, const RuleTable *t, Sold *s, int64_t basket, int64_t *row,
                           int32_t c, int32_t day, int64_t points) noexcept nogil:
    """A net in the member's favour: what was let go is lowered, then it is posted."""
    cdef int64_t *account = account_of(row, c)
    cdef int64_t part
    cdef Lot lot
    part = points if points < s.come_back[c] else s.come_back[c]
    s.come_back[c] -= part
    points -= part
    account[REVERSED] -= points
    part = points if points < s.let_go[c] else s.let_go[c]
    if part:
        s.let_go[c] -= part
        account[FORGIVEN] -= part
        points -= part
        if not post(w.p, <uint32_t>basket, 0, NO_RULE,
                    POST_WITHHOLD if t.currencies[c].spendable and t.shortfall == WITHHOLD
                    else POST_FORGIVE, <uint8_t>c, 0, -part, -part):
            return False
    if points == 0:
        return True
    lot.earned = s.day
    lot.active_from = s.day + t.currencies[c].pending_days
    lot.good_through = expires_on(&t.currencies[c], account, s.day)
    lot.source = s.source
    lot.tag = lot.fixed = 0
    lot.points = points
    return put_lot(account, lot, day)


cdef inline bint reverse(Work *w, const RuleTable *t, Sold *s, int64_t basket, int64_t *row,
                         int32_t day, uint8_t flags) noexcept nogil:
    """Take, per currency as one, what the rules give no more; postings a rule."""
    cdef int32_t c, k
    cdef int64_t net, donated, spared
    cdef int64_t *account
    for c in range(t.n_currencies):
        net = donated = 0
        for k in range(t.n_rules):
            if t.currency[k] == c:
                if t.donates[k]:
                    donated += s.gave[k] - w.given[k]
                else:
                    net += s.gave[k] - w.given[k]
        account = account_of(row, c)
        spared = 0
        if net > 0:
            # Own lots first; what of them has expired unspent counts as come back.
            spared = own_expired(s, account, c, net)
            s.come_back[c] += spared
        post_reversals(w, t, s, basket, c, spared)
        if w.failed:
            return False
        if net > 0:
            if net > spared and not take_back(w, t, basket, row, c, day, net - spared, s.source,
                                              0, flags, &s.let_go[c]):
                return False
        elif net < 0:
            if not in_favour(w, t, s, basket, row, c, day, -net):
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
    """One posting a rule; what had expired is left out, from the last rule backwards."""
    cdef int32_t k
    cdef int64_t part
    cdef int64_t *change = w.rated.desired
    for k in range(t.n_rules - 1, -1, -1):
        change[k] = 0
        if t.currency[k] != c:
            continue
        change[k] = s.gave[k] - w.given[k]
        if change[k] > 0 and spared and not t.donates[k]:
            part = change[k] if change[k] < spared else spared
            spared -= part
            change[k] -= part
    for k in range(t.n_rules):
        if change[k] == 0:
            continue
        if not post(w.p, <uint32_t>basket, 0, t.number[k], POST_REVERSE, <uint8_t>c, 0,
                    -change[k], -change[k]):
            w.failed = 1
        if t.donates[k] and not post(w.p, <uint32_t>basket, 0, t.number[k], POST_DONATE,
                                     <uint8_t>c, 0, change[k], change[k]):
            w.failed = 1


cdef inline void step_back(Work *w, const RuleTable *t, History *h, Sold *s, int64_t *row,
                           bint whole) noexcept nogil:
    """Ordinals step back over sales wholly returned with no purchase kept after them."""
    cdef int32_t k, i
    cdef Purchase *p
    cdef Vec *v
    for k in range(h.n_purchases):
        if h.purchase[k].event == s.event:
            h.purchase[k].whole = whole
    while h.n_purchases and h.purchase[h.n_purchases - 1].whole:
        p = &h.purchase[h.n_purchases - 1]
        row[PURCHASES] = p.before[PURCHASES]
        row[LAST_BUY] = p.before[LAST_BUY]
        for i in range(t.n_streaks):
            memcpy(row + t.streak_slot[i], p.before + t.streak_slot[i], 2 * sizeof(int64_t))
        for i in range(t.n_sequences):
            memcpy(row + t.sequences[i].slot, p.before + t.sequences[i].slot,
                   2 * sizeof(int64_t))
        for i in range(2):
            k = t.stores_at if i == 0 else t.categories_at
            if k >= 0:
                # The lists change hands; the copy frees the one that was the member's.
                v = <Vec*>row[k]
                row[k] = p.before[k]
                p.before[k] = <int64_t>v
        free_row(&w.g, p.before)
        p.before = NULL
        h.n_purchases -= 1


cdef inline bint renewals_back(Work *w, const RuleTable *t, History *h, Sold *s, int64_t basket,
                               int64_t *row, int32_t day) noexcept nogil:
    """A sale that gives no more takes its renewals back; what passed without them expires."""
    cdef int32_t c, k, to
    cdef int64_t last, gone_now, total
    cdef int64_t *account
    for c in range(t.n_currencies):
        if not t.currencies[c].inactivity or t.currencies[c].renewed_by_sale:
            continue
        total = 0
        for k in range(t.n_rules):
            if t.currency[k] == c:
                total += w.given[k]
        if total > 0:
            continue
        to = 0
        last = -1
        for k in range(h.n_renewals):
            if (h.renewal[k].currency == c and h.renewal[k].event == s.event
                    and not renewed_by_tender(t, s, c)):
                continue
            h.renewal[to] = h.renewal[k]
            to += 1
            if h.renewal[k].currency == c and h.renewal[k].day > last:
                last = h.renewal[k].day
        h.n_renewals = to
        account = account_of(row, c)
        if last == account[RENEWED]:
            continue
        renew(&t.currencies[c], account, last)
        gone_now = account[EXPIRED]
        w.takes.n = 0
        settle(account, day, &w.takes)
        note_expired(w, h, c)
        gone_now = account[EXPIRED] - gone_now
        if gone_now:
            account[POSTED] += gone_now
            if not post(w.p, <uint32_t>basket, 0, NO_RULE, POST_EXPIRE, <uint8_t>c, 0, -gone_now,
                        -gone_now):
                return False
    return True


cdef inline bint renewed_by_tender(const RuleTable *t, const Sold *s, int32_t c) noexcept nogil:
    return t.currencies[c].renewed_by_redemption and s.reward[c] > 0


cdef inline void guards_back(const RuleTable *t, Sold *s, int64_t *row) noexcept nogil:
    """Once-only guards and anniversary dates of rules that have given nothing any more."""
    cdef int32_t k
    for k in range(t.n_rules):
        if s.gave[k] or not s.first[k]:
            continue
        if t.kind[k] == BONUS and t.form[k] == OF_BALANCE:
            row[t.slot[k]] = 0
        if (t.ann_slot[k] >= 0 and row[t.ann_slot[k]] == s.year[k]
                and row[t.ann_slot[k] + 1] == s.day):
            memcpy(row + t.ann_slot[k], s.before + t.ann_slot[k], 2 * sizeof(int64_t))


cdef inline bint tiers_back(Work *w, const RuleTable *now_table, History *h, int64_t basket,
                            int64_t *row, int32_t day, uint8_t flags) noexcept nogil:
    """strict: tiers stand as they would have without what is back, bonuses with them."""
    cdef int64_t *alone = <int64_t*>calloc(w.g.width, sizeof(int64_t))
    cdef int64_t *met
    cdef const RuleTable *t
    cdef Event *e
    cdef int32_t i, k, c, rung, layout
    cdef int64_t mask = 0, points, spared
    cdef const Columns *in_ = w.in_
    if alone == NULL:
        return False
    # met[tier]: 1 + source of the last event after which its metrics held.
    met = <int64_t*>calloc(w.g.n_tiers + 1, sizeof(int64_t))
    if met == NULL:
        free(alone)
        return False
    blank_row(&w.g, alone)
    for i in range(h.n_events):
        e = &h.event[i]
        t = w.tables[e.version]
        if alone[JOINED] < 0:
            alone[JOINED] = row[JOINED] if e.row < 0 else e.day
        advance_masked(t, alone, e.day, mask)
        if e.row >= 0 and in_.sets_from != NULL:
            if in_.kind[e.row] == ENROL and not alone[ENROLLED]:
                alone[JOINED] = e.day
                alone[ENROLLED] = 1
            for k in range(in_.sets_from[e.row], in_.sets_from[e.row + 1]):
                alone[in_.set_slot[k]] = in_.set_value[k]
        mask = e.mask
        if e.delta != NULL:
            for k in range(t.n_counters):
                if e.delta[k] and t.counters[k].window != ANNIVERSARY:
                    if not add_to_counter(t, alone, k, e.day, e.day, e.delta[k]):
                        w.failed = 1
        if e.raises:
            extend_tiers(t, alone, e.day, mask)
            for rung in range(t.n_tiers):
                if holds(t, alone, rung, e.day, mask):
                    met[t.rung[rung]] = 1 + e.source
    advance_masked(now_table, alone, day, mask)
    for layout in range(w.g.n_tiers):
        k = w.g.tiers_at + TIER * layout
        row[k + THROUGH] = alone[k + THROUGH]
        row[k + CHECKED] = alone[k + CHECKED]
        if row[k + BONUS_GIVEN] == 0 or met[layout] >= row[k + BONUS_GIVEN]:
            continue
        for rung in range(now_table.n_tiers):
            if now_table.rung[rung] != layout or now_table.bonus_currency[rung] < 0:
                continue
            c = now_table.bonus_currency[rung]
            points = now_table.bonus_points[rung]
            spared = h.bonus_expired[layout] if h.bonus_expired[layout] < points else points
            if points > spared:
                if not post(w.p, <uint32_t>basket, 0, now_table.tier_number[rung], POST_REVERSE,
                            <uint8_t>c, 0, spared - points, spared - points):
                    w.failed = 1
                if not take_back(w, now_table, basket, row, c, day, points - spared,
                                 <int32_t>row[k + BONUS_GIVEN] - 1, 1 + layout, flags, NULL):
                    w.failed = 1
        row[k + BONUS_GIVEN] = 0
    free(met)
    free_row(&w.g, alone)
    return True


cdef inline bint would_fall_short(Work *w, const RuleTable *t, const Sold *s, int64_t *row,
                                  int32_t day) noexcept nogil:
    """Whether a return under `refuse` finds too few points."""
    cdef int32_t c, k
    cdef int64_t net
    for c in range(t.n_currencies):
        if not t.currencies[c].spendable:
            continue
        net = 0
        for k in range(t.n_rules):
            if t.currency[k] == c and not t.donates[k]:
                net += s.gave[k] - w.given[k]
        if net > 0:
            net -= own_expired(s, account_of(row, c), c, net)
            if net > can_take(t, row, c, day):
                return True
    return False


cdef inline int apply_return(Work *w, const RuleTable *t, int64_t i, int64_t *row, History *h,
                             bint exchange) noexcept nogil:
    """A return of lines of a sale that the history keeps; returns its status.

    `t` is the version of the return, the sale is rated by its own. In an exchange the
    sale part follows: tiers are looked at once, by the caller, at the end.
    """
    cdef const Columns *in_ = w.in_
    cdef Sold *s = NULL
    cdef const RuleTable *ts
    cdef Basket b
    cdef int32_t k, day = in_.day[i]
    cdef int64_t redeemed, redeemed_back, n
    cdef int status
    cdef uint8_t flags = in_.flags[i]
    for k in range(h.n_sold):
        if h.sold[k].row == in_.names[i]:
            s = &h.sold[k]
    if s == NULL:
        return NO_SUCH_LINE
    ts = w.tables[s.version]
    n = in_.lines_from[s.row + 1] - in_.lines_from[s.row]
    memcpy(w.back_quantity, s.back_quantity, n * sizeof(int64_t))
    memcpy(w.back_net, s.back_net, n * sizeof(int64_t))
    status = bring_back(w, s, i, ts.product_sku)
    if status != OK:
        memcpy(s.back_quantity, w.back_quantity, n * sizeof(int64_t))
        memcpy(s.back_net, w.back_net, n * sizeof(int64_t))
        return status
    begin(w, t, row, day, h)
    if new_event(w, h, -1 if exchange else <int32_t>i, day, in_.version[i],
                 <int32_t>row[FACTS]) == NULL:
        return OK
    h.event[h.n_events - 1].mask = balance_mask(t, row, day)
    redeemed = prepare(w, ts, s.row, s.back_quantity, s.back_net, &b, &redeemed_back)
    b.form = BASKET
    if not restore_spent(w, t, s, i, row, day, redeemed, redeemed_back):
        w.failed = 1
        return OK
    if ts.proportional:
        share_left(w, ts, s, row)
        prepare(w, ts, s.row, s.back_quantity, s.back_net, &b, &redeemed_back)
        b.form = BASKET
    else:
        rate_left(w, ts, s, &b, row)
        if w.rated.overflow:
            return OVERFLOW
    if t.shortfall == REFUSE and not flags & (ACCEPTED | COMPLETED) and would_fall_short(
            w, ts, s, row, day):
        return POINTS_SPENT
    amounts_of(w, ts, &b, w.given, b.eligible > 0, w.amounts_now)
    if not reverse(w, ts, s, i, row, day, flags):
        w.failed = 1
        return OK
    for k in range(ts.n_counters):
        w.amounts[k] = w.amounts_now[k] - s.amounts[k]
        s.amounts[k] = w.amounts_now[k]
        if h.event[s.event].delta != NULL:
            h.event[s.event].delta[k] += w.amounts[k]
    apply_amounts(w, ts, row, w.amounts, s.year, s.day, day)
    guards_back(ts, s, row)
    if not renewals_back(w, ts, h, s, i, row, day):
        w.failed = 1
    step_back(w, ts, h, s, row, b.eligible <= 0)
    if not exchange:
        if not t.keeps_tiers and t.n_tiers and not tiers_back(w, t, h, i, row, day, flags):
            w.failed = 1
        row[FACTS] += 1
    return OK


cdef inline int apply_no_receipt(Work *w, const RuleTable *t, int64_t i, int64_t *row,
                                 History *h) noexcept nogil:
    """A return without a receipt takes what the program says, else nothing."""
    cdef const Columns *in_ = w.in_
    cdef int32_t c = t.receipt_currency, day = in_.day[i]
    cdef int64_t net = 0, points, k
    if c >= 0 and in_.back_from != NULL:
        for k in range(in_.back_from[i], in_.back_from[i + 1]):
            net += in_.back_net[k]
    points = <int64_t>(<i128>net * t.receipt_num // t.receipt_den) if c >= 0 else 0
    if points > 0 and t.shortfall == REFUSE and not in_.flags[i] & (ACCEPTED | COMPLETED):
        if points > account_available(row, c, day) + pending_points(
                <Lots*>account_of(row, c)[LOTS], day):
            return POINTS_SPENT
    begin(w, t, row, day, h)
    if h != NULL and new_event(w, h, <int32_t>i, day, in_.version[i],
                               <int32_t>row[FACTS]) == NULL:
        return OK
    if points > 0:
        if not (post(w.p, <uint32_t>i, 0, NO_RULE, POST_REVERSE, <uint8_t>c, 0, -points, -points)
                and take_back(w, t, i, row, c, day, points, -1, 0, in_.flags[i], NULL)):
            w.failed = 1
    if h != NULL:
        h.event[h.n_events - 1].mask = balance_mask(t, row, day)
    row[FACTS] += 1
    return OK
