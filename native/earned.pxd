"""What a rated fact does to its member: postings, lots, counters, ordinals, tiers."""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy, memset

from .accounts cimport account_of, expires_on, put_lot
from .basket cimport Basket, Rated, line_basis
from .big cimport Big, big_add, big_round
from .checks cimport Checks
from .columns cimport post
from .counters cimport add_to_counter
from .history cimport History, Purchase, Sold, copy_row, free_row
from .lots cimport Lot, after
from .members cimport NO_YEAR, in_set, step_of, streak_among, streak_with
from .memory cimport room_for
from .rests cimport copy_rest
from .rules cimport (
    ANNIVERSARY, BONUS, CARRY, COUNT_ACTIVITY, COUNT_BASKETS, COUNT_CURRENCY, COUNT_EARNED,
    COUNT_LINES, COUNT_MARGIN, COUNT_RULE_POINTS, COUNT_RULE_USES, COUNT_SPEND, COUNT_UNITS,
    COUNT_VISITS, MARGIN, OF_BALANCE, PER_UNITS, POST_BONUS,
    POST_DONATE, QUANTITY, Counter, RuleTable)
from .rungs cimport LOOK, MOST_BALANCES, holds, lasts, qualified, tier_slots
from .state cimport (
    BONUS_GIVEN, DONATED, FACTS, ISSUED, LAST_BUY, PURCHASES, TIER, UPGRADES, Vec, vec_insert)
from .tiers cimport extend_tiers, held_on
from .work cimport Work, mark


cdef inline bint keeps_rest(const RuleTable *t, int32_t rule) noexcept nogil:
    """Whether a rule carries a remainder."""
    return (t.rounding[rule] == CARRY
            or (t.kind[rule] == BONUS and t.form[rule] == PER_UNITS))


cdef inline bint amounts_of(Work *w, const RuleTable *t, const Basket *b, const int64_t *given,
                            bint purchase, int64_t *out) noexcept nogil:
    """What a fact adds to each counter: metrics, limits, caps. False where one does not fit.

    given[rule] is what each rule gave. The basket is what is left of a sale, rated.
    """
    cdef int32_t i, k
    cdef const Counter *c
    cdef Big sum_, one
    cdef Rated *r = &w.rated
    cdef int overflow = 0
    for i in range(t.n_counters):
        c = &t.counters[i]
        out[i] = 0
        if c.kind == COUNT_SPEND:
            out[i] = b.eligible if purchase else 0
        elif c.kind == COUNT_VISITS:
            out[i] = purchase
        elif c.kind == COUNT_CURRENCY or c.kind == COUNT_EARNED:
            for k in range(t.n_rules):
                if (t.currency[k] == c.subject and given[k]
                        and not (c.kind == COUNT_EARNED and t.cause[k] >= 0)):
                    out[i] += given[k]
        elif c.kind == COUNT_RULE_POINTS:
            out[i] = given[c.subject] if c.subject >= 0 else 0
        elif c.kind == COUNT_RULE_USES:
            out[i] = c.subject >= 0 and given[c.subject] > 0
        elif c.kind == COUNT_ACTIVITY:
            continue
        elif purchase:
            sum_.n = sum_.neg = 0
            for k in range(b.n):
                if c.kind != COUNT_MARGIN and not t.class_counters[
                        <int64_t>b.lines[k].cls * t.n_count_words + (c.subject >> 6)
                        ] >> (c.subject & 63) & 1:
                    continue
                if c.kind == COUNT_LINES:
                    out[i] += b.lines[k].unpaid
                elif c.kind == COUNT_BASKETS:
                    out[i] = 1
                else:
                    line_basis(b, &b.lines[k], MARGIN if c.kind == COUNT_MARGIN else QUANTITY, 0,
                               r, &one)
                    big_add(&sum_, &sum_, &one, &overflow)
            if c.kind == COUNT_MARGIN or c.kind == COUNT_UNITS:
                out[i] = big_round(&sum_, &r.whole, 0, &overflow)
    return overflow == 0


cdef inline void apply_amounts(Work *w, const RuleTable *t, int64_t *row, const int64_t *amounts,
                               const int32_t *year, int32_t day, int32_t now) noexcept nogil:
    """Move the counters on by what a fact of `day` added, or takes back at `now`."""
    cdef int32_t i
    cdef int64_t *at
    cdef const Counter *c
    for i in range(t.n_counters):
        if amounts[i] == 0:
            continue
        c = &t.counters[i]
        if c.window == ANNIVERSARY:
            if c.subject < 0 or year == NULL or year[c.subject] == NO_YEAR:
                continue
            at = row + c.slot
            if at[0] != year[c.subject]:
                if amounts[i] < 0:
                    continue
                at[0] = year[c.subject]
                at[1] = 0
            at[1] += amounts[i]
        elif not add_to_counter(t, row, i, day, now, amounts[i]):
            w.failed = 1


cdef inline void put_in_set(Work *w, int64_t *slot, int64_t key) noexcept nogil:
    """Add a key to a sorted list."""
    cdef Vec *v = <Vec*>slot[0]
    cdef int32_t i = 0
    if in_set(v, key):
        return
    if v != NULL:
        i = v.n
        while i > 0 and v.d[i - 1] > key:
            i -= 1
    v = vec_insert(v, i, key)
    if v == NULL:
        w.failed = 1
        return
    slot[0] = <int64_t>v


cdef inline void count_purchase(Work *w, const RuleTable *t, int64_t *row, const Basket *b,
                                History *h) noexcept nogil:
    """Ordinals of a purchase: how many, when, where, of what; streaks and sequences."""
    cdef int32_t i, k, category
    cdef int64_t step
    cdef Purchase *p
    if h != NULL:
        if not room_for(<void**>&h.purchase, h.n_purchases, &h.room_purchases, sizeof(Purchase)):
            w.failed = 1
            return
        p = &h.purchase[h.n_purchases]
        p.event = h.n_events - 1
        p.whole = 0
        p.before = copy_row(&w.g, row)
        if p.before == NULL:
            w.failed = 1
            return
        h.n_purchases += 1
    for i in range(t.n_streaks):
        if b.bought != NULL and b.day < row[LAST_BUY]:
            # The latest period stays: it may follow on more by now.
            step = streak_among(t, i, <int32_t>row[LAST_BUY], b.bought, b.n_bought, b.day)
            if step > row[t.streak_slot[i] + 1]:
                row[t.streak_slot[i] + 1] = step
            continue
        step = streak_with(t, row, i, b.day)
        row[t.streak_slot[i]] = t.streak_period[i][b.day]
        row[t.streak_slot[i] + 1] = step
    for i in range(t.n_sequences):
        step = step_of(&t.sequences[i], row, b.day)
        if step:
            row[t.sequences[i].slot] = step
            row[t.sequences[i].slot + 1] = b.day
    if t.stores_at >= 0 and t.store_key != NULL and t.store_key[b.store]:
        put_in_set(w, row + t.stores_at, t.store_key[b.store])
    if t.categories_at >= 0 and t.product_category != NULL:
        for i in range(b.n):
            category = t.product_category[b.lines[i].product]
            for k in range(t.category_from[category], t.category_from[category + 1]):
                put_in_set(w, row + t.categories_at, t.category_node[k])
    row[PURCHASES] += 1
    if b.day > row[LAST_BUY]:
        row[LAST_BUY] = b.day


cdef inline bint post_rated(Work *w, const RuleTable *t, int64_t *row, int64_t basket,
                            int32_t day, int32_t now) noexcept nogil:
    """Postings and lots of what the rules gave to a fact of `day`, at `now`; carried
    remainders and guards move on.

    Of each rule w.waits wait for the money of a sale, and are no such lots.
    """
    cdef Rated *r = &w.rated
    cdef int32_t i, c, rule
    cdef int64_t *account
    cdef Lot lot
    for c in range(t.n_currencies):
        w.net_of[c] = 0
    for i in range(r.n_part):
        rule = r.part[i]
        if r.limit[rule] != -1 and keeps_rest(t, rule):
            if not copy_rest(<Vec**>(row + t.slot[rule]), r.after[rule]):
                return False
    for i in range(r.n_fired):
        rule = r.fired[i]
        c = t.currency[rule]
        if not post(w.p, <uint32_t>basket, 0, t.number[rule], t.kind[rule], <uint8_t>c,
                    <uint8_t>r.limit[rule], r.desired[rule], r.granted[rule]):
            return False
        if r.granted[rule] == 0:
            continue
        account = account_of(row, c)
        account[ISSUED] += r.granted[rule]
        if t.cause[rule] >= 0:
            account[DONATED] += r.granted[rule]
            row[t.cause[rule]] += r.granted[rule]
            if not post(w.p, <uint32_t>basket, 0, t.number[rule], POST_DONATE, <uint8_t>c, 0,
                        -r.granted[rule], -r.granted[rule]):
                return False
        else:
            w.net_of[c] += r.granted[rule] - w.waits[rule]
        if t.kind[rule] == BONUS and t.form[rule] == OF_BALANCE:
            row[t.slot[rule]] += 1
        if t.ann_slot[rule] >= 0 and r.year[rule] != NO_YEAR:
            row[t.ann_slot[rule]] = r.year[rule]
            row[t.ann_slot[rule] + 1] = day
    for c in range(t.n_currencies):
        if w.net_of[c] == 0:
            continue
        account = account_of(row, c)
        lot.earned = day
        lot.active_from = day + t.currencies[c].pending_days
        lot.good_through = expires_on(&t.currencies[c], account, day)
        lot.source = <int32_t>row[FACTS]
        lot.tag = 0
        lot.fixed = t.currencies[c].fixes
        lot.points = w.net_of[c]
        if not put_lot(account, lot, now):
            return False
    return True


cdef inline bint check_tier(Work *w, const RuleTable *t, int64_t *row, int64_t basket,
                            int32_t day, int32_t earned, History *h) noexcept nogil:
    """The tier check after a fact; a tier-reached bonus once a grant, of the day `earned`.

    A tier that is held by hand is not reached, and hides none that is.
    """
    cdef int32_t now, before, c, rung
    cdef int64_t *slots
    cdef int64_t *account
    cdef Lot lot
    cdef Checks *note
    if t.n_tiers == 0:
        return True
    mark(w, t, row, day)
    before = qualified(t, row, day)
    note = NULL if h == NULL else &h.checks
    if not extend_tiers(t, row, day, w.marks, note, NULL):
        return False
    for rung in range(t.n_tiers if h != NULL and lasts(t) else 0):
        # What comes back makes no fact meet a tier that did not: only those that did count.
        if not holds(t, row, rung, day, w.marks[rung] & MOST_BALANCES):
            w.marks[rung] &= MOST_BALANCES
    now = qualified(t, row, day)
    if now <= before:
        return True
    row[UPGRADES] += 1
    for rung in range(before + 1, now + 1):
        # What was given for a tier that had ended since does not fall with it again.
        slots = tier_slots(t, row, rung)
        if slots[BONUS_GIVEN] > 0:
            slots[BONUS_GIVEN] = -1
    slots = row + t.tiers_at + TIER * t.rung[now]
    if t.bonus_currency[now] < 0 or slots[BONUS_GIVEN] or w.candidate:
        return True
    slots[BONUS_GIVEN] = 1 + row[FACTS]
    c = t.bonus_currency[now]
    account = account_of(row, c)
    account[ISSUED] += t.bonus_points[now]
    lot.earned = earned
    lot.active_from = earned + t.currencies[c].pending_days
    lot.good_through = expires_on(&t.currencies[c], account, earned)
    lot.source = <int32_t>row[FACTS]
    lot.tag = 1 + t.rung[now]
    if h != NULL and lot.good_through < day:
        # Of a sale that applies right after a later hold: it has passed by then.
        h.bonus_expired[t.rung[now]] += t.bonus_points[now]
    lot.fixed = t.currencies[c].fixes
    lot.points = t.bonus_points[now]
    if not (post(w.p, <uint32_t>basket, 0, t.tier_number[now], POST_BONUS, <uint8_t>c, 0,
                 t.bonus_points[now], t.bonus_points[now])
            and put_lot(account, lot, day)):
        return False
    if not lasts(t):
        # While it is met, at every instant: the bonus may have raised a balance. The fact is marked
        # by what it met itself: without that the bonus falls, whatever it has raised.
        for rung in range(t.n_tiers):
            if not t.tier_always[rung]:
                if not held_on(t, row, rung, day, LOOK, note):
                    return False
    return True


cdef inline Sold *new_sold(Work *w, const RuleTable *t, History *h, int64_t row_of,
                           const int64_t *row, const Basket *b, int32_t version, int32_t tier,
                           int64_t n_lines) noexcept nogil:
    """Remember a sale that a later fact names; NULL without memory."""
    cdef Sold *s
    cdef int64_t *block
    cdef int64_t rules = t.n_rules + 1, counters = t.n_counters + 1, c = w.g.n_currencies
    if not room_for(<void**>&h.sold, h.n_sold, &h.room_sold, sizeof(Sold)):
        return NULL
    s = &h.sold[h.n_sold]
    memset(s, 0, sizeof(Sold))
    block = <int64_t*>calloc(6 * c + 3 * rules + counters + 4 * (n_lines + 1), sizeof(int64_t))
    s.after = <Vec**>calloc(rules, sizeof(void*))
    s.year = <int32_t*>calloc(rules, sizeof(int32_t))
    s.before = copy_row(&w.g, row)
    if block == NULL or s.after == NULL or s.year == NULL or s.before == NULL:
        free(block)
        free(s.after)
        free(s.year)
        free_row(&w.g, s.before)
        return NULL
    s.active = block
    s.reward = s.active + c
    s.restored = s.reward + c
    s.expired = s.restored + c
    s.come_back = s.expired + c
    s.let_go = s.come_back + c
    s.first = s.let_go + c
    s.gave = s.first + rules
    s.waits = s.gave + rules
    s.amounts = s.waits + rules
    s.n_rules = t.n_rules
    s.back_quantity = s.amounts + counters
    s.back_net = s.back_quantity + n_lines + 1
    s.over_quantity = s.back_net + n_lines + 1
    s.over_net = s.over_quantity + n_lines + 1
    s.row = <int32_t>row_of
    s.event = h.n_events - 1
    s.source = <int32_t>row[FACTS]
    s.day = b.day
    s.version = version
    s.tier = tier
    h.n_sold += 1
    return s
