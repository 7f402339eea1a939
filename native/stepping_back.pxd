"""Ordinals, renewals, guards and tiers as if what is back had not been bought (rulebook 9)."""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy

from .accounts cimport account_of, renew, renewed_through, settle
from .checks cimport Past, has_stepped
from .columns cimport Columns, post
from .counters cimport add_to_counter
from .held cimport Part, n_parts, part_of, set_good_through
from .history cimport Event, History, Purchase, Sold, blank_row, copy_row, free_row
from .lots cimport Lot
from .rules cimport (
    ANNIVERSARY, BONUS, ENROL, NO_RULE, OF_BALANCE, POST_EXPIRE, POST_REVERSE,
    RuleTable)
from .rungs cimport (
    MOST_BALANCES, held_by, holds, lasts, only_balances, rung_of, still_good, tier_slots)
from .state cimport (
    BONUS_GIVEN, CHECKED, ENROLLED, EXPIRED, HOLDS, JOINED, LAST_BUY, POSTED, PURCHASES,
    RENEWED, THROUGH, TIER, TODAY, Vec)
from .taking cimport renew_since, take_back
from .tiers cimport extend_tiers, move_tiers
from .work cimport Work, note_expired


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
        if not t.currencies[c].renewable or t.currencies[c].renewed_by_sale:
            continue
        total = 0
        for k in range(t.n_rules):
            if t.currency[k] == c:
                total += w.given[k]
        if total > 0:
            continue
        spent_now(t, h, c)
        to = 0
        last = -1
        for k in range(h.n_renewals):
            if (h.renewal[k].currency == c and h.renewal[k].event == s.event
                    and h.renewal[k].gave):
                continue
            h.renewal[to] = h.renewal[k]
            to += 1
            if h.renewal[k].currency == c and h.renewal[k].day > last:
                last = h.renewal[k].day
        h.n_renewals = to
        account = account_of(row, c)
        if last == account[RENEWED]:
            continue
        renew(&t.currencies[c], row, c, last)
        held_back(t, h, row, c)
        spent_back(t, h, c, day, last)
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


cdef inline void held_back(const RuleTable *t, const History *h, int64_t *row,
                           int32_t c) noexcept nogil:
    """Lots that are held live as long as the renewals that are left let them."""
    cdef Vec *v = <Vec*>row[HOLDS]
    cdef const int32_t *through
    cdef Part p
    cdef int32_t i
    for i in range(n_parts(v)):
        p = part_of(v, i)
        if p.currency != c or p.lot.tag < 0:
            continue
        through = renewed_through(&t.currencies[c], &p.lot)
        if through != NULL:
            p.lot.good_through = through[p.lot.earned]
            renew_since(t, h, c, &p.lot)
            set_good_through(v, i, p.lot.good_through)


cdef inline void spent_now(const RuleTable *t, History *h, int32_t c) noexcept nogil:
    """Points that were spent live as long as what renewed their lots meanwhile lets them."""
    cdef int32_t i, k
    for i in range(h.n_spent):
        if h.spent[i].currency != c:
            continue
        for k in range(h.spent[i].takes.n):
            if h.spent[i].takes.lot[k].tag >= 0:
                renew_since(t, h, c, &h.spent[i].takes.lot[k])


cdef inline void spent_back(const RuleTable *t, History *h, int32_t c, int32_t day,
                            int32_t last) noexcept nogil:
    """Points that were spent, of lots that live still, live by the renewals that are left, as
    those in the account do; `last` is the day of the last one.
    """
    cdef int32_t i, k
    cdef const int32_t *through
    cdef Lot *lot
    for i in range(h.n_spent):
        if h.spent[i].currency != c:
            continue
        for k in range(h.spent[i].takes.n):
            lot = &h.spent[i].takes.lot[k]
            through = NULL if lot.tag < 0 else renewed_through(&t.currencies[c], lot)
            if through != NULL and lot.good_through >= day:
                lot.good_through = through[last if last > lot.earned else lot.earned]


cdef inline void guards_back(const RuleTable *t, const Sold *s, const int64_t *given,
                             int64_t *row) noexcept nogil:
    """Once-only guards and anniversary dates of rules that give nothing any more.

    given[rule] is what is left of what each has given so far, s.gave.
    """
    cdef int32_t k
    for k in range(t.n_rules):
        if (s.gave[k] > 0) == (given[k] > 0):
            continue
        if t.kind[k] == BONUS and t.form[k] == OF_BALANCE:
            row[t.slot[k]] += (given[k] > 0) - (s.gave[k] > 0)
        if (t.ann_slot[k] >= 0 and given[k] == 0 and row[t.ann_slot[k]] == s.year[k]
                and row[t.ann_slot[k] + 1] == s.day):
            memcpy(row + t.ann_slot[k], s.before + t.ann_slot[k], 2 * sizeof(int64_t))


cdef inline void known_then(Work *w, int64_t *alone, const Event *e) noexcept nogil:
    """What a fact has told of the member, put into a row that replays tiers alone."""
    cdef const Columns *in_ = w.in_
    cdef int64_t k
    if e.row < 0 or in_.sets_from == NULL:
        return
    if in_.kind[e.row] == ENROL and not alone[ENROLLED]:
        alone[JOINED] = e.day
        alone[ENROLLED] = 1
    for k in range(in_.sets_from[e.row], in_.sets_from[e.row + 1]):
        alone[in_.set_slot[k]] = in_.set_value[k]


cdef inline void replay_tiers(Work *w, const History *h, int64_t *alone, int32_t joined,
                              Past *past) noexcept nogil:
    """The member's tiers as they would have gone by what is left of all facts."""
    cdef const RuleTable *t
    cdef const Event *e
    cdef int32_t i, k
    for i in range(h.begun, h.n_events):
        e = &h.event[i]
        t = w.tables[e.version]
        if alone[JOINED] < 0:
            alone[JOINED] = joined if e.row < 0 else e.day
        move_tiers(t, alone, e.day, NULL, past)
        known_then(w, alone, e)
        for k in range(t.n_counters):
            if e.delta[k] and t.counters[k].window != ANNIVERSARY:
                if not add_to_counter(t, alone, k, e.counted, e.day, e.delta[k]):
                    w.failed = 1
        extend_tiers(t, alone, e.day, e.marks, NULL, past)
        note_reached(t, alone, e, past)


cdef inline void note_reached(const RuleTable *t, const int64_t *alone, const Event *e,
                              Past *past) noexcept nogil:
    """Of the fact that brought the bonus of a tier: whether it still meets the tier."""
    cdef int32_t rung, layout
    for rung in range(t.n_tiers):
        layout = t.rung[rung]
        if ((past.row + t.tiers_at + TIER * layout)[BONUS_GIVEN] == e.source + 1
                and holds(t, alone, rung, e.day, e.marks[rung] & MOST_BALANCES)):
            past.reached[layout] = 1


cdef inline bint begin_alone(Work *w, const History *h, int64_t *alone,
                             int64_t *balances) noexcept nogil:
    """The row with which a replay of tiers begins, and the balances met; False without memory."""
    cdef int64_t *copied
    if h.base == NULL:
        blank_row(&w.g, alone)
        return True
    copied = copy_row(&w.g, h.base)
    if copied == NULL:
        return False
    memcpy(alone, copied, w.g.width * sizeof(int64_t))
    free(copied)
    memcpy(balances, h.base_met, w.g.n_tiers * sizeof(int64_t))
    return True


cdef inline void lower_base(Work *w, const RuleTable *t, History *h, int32_t day) noexcept nogil:
    """What w.amounts takes back of a sale from before the row with which replays begin."""
    cdef int32_t k
    for k in range(t.n_counters):
        if w.amounts[k] and t.counters[k].window != ANNIVERSARY:
            if not add_to_counter(t, h.base, k, day, <int32_t>h.base[TODAY], w.amounts[k]):
                w.failed = 1


cdef inline const RuleTable *bonus_by(const Work *w, const RuleTable *t, const History *h,
                                      int64_t source) noexcept nogil:
    """The version of the fact, by its place, that brought a bonus; `t` where none is known."""
    cdef int32_t i
    for i in range(h.n_events - 1, -1, -1):
        if h.event[i].source == source:
            return w.tables[h.event[i].version]
    return t


cdef inline void take_bonus(Work *w, const RuleTable *t, History *h, int64_t basket,
                            int64_t *row, int32_t day, int32_t rung) noexcept nogil:
    """Take the tier-reached bonus of a tier that falls, from its own lot first: what was given,
    whatever the version of the return gives.
    """
    cdef int64_t *slots = tier_slots(t, row, rung)
    cdef int32_t layout = t.rung[rung], c, of_giver
    cdef const RuleTable *by
    cdef int64_t points
    if slots[BONUS_GIVEN] <= 0:
        return
    by = bonus_by(w, t, h, slots[BONUS_GIVEN] - 1)
    of_giver = rung_of(by, layout)
    c = -1 if of_giver < 0 else by.bonus_currency[of_giver]
    if c < 0:
        return
    # What of it has expired unspent counts as come back.
    points = by.bonus_points[of_giver] - h.bonus_expired[layout]
    h.bonus_expired[layout] = 0
    if points > 0:
        if not post(w.p, <uint32_t>basket, 0, t.tier_number[rung], POST_REVERSE, <uint8_t>c, 0,
                    -points, -points):
            w.failed = 1
        if not take_back(w, t, t.shortfall, basket, row, c, day, points,
                         <int32_t>slots[BONUS_GIVEN] - 1, 1 + layout, NULL):
            w.failed = 1
    slots[BONUS_GIVEN] = 0


cdef inline bint tiers_back(Work *w, const RuleTable *t, History *h, int64_t basket,
                            int64_t *row, int32_t day) noexcept nogil:
    """strict: tiers stand as they would have without what is back. One that falls takes its
    bonus with it, unless the grant that the bonus came with stands. False without memory.
    """
    cdef int64_t *alone = <int64_t*>calloc(w.g.width + 3 * w.g.n_tiers + 1, sizeof(int64_t))
    cdef Past past
    cdef int32_t i, k, rung
    cdef bint good
    if alone == NULL:
        return False
    past.balances = alone + w.g.width
    past.reached = past.balances + w.g.n_tiers
    past.held = past.reached + w.g.n_tiers
    past.checks = &h.checks
    past.row = row
    past.first = past.next = h.checked
    if not begin_alone(w, h, alone, past.balances):
        free(alone)
        return False
    if not lasts(t):
        # No balance is looked at: one that a tier needed was met while the tier was held, and
        # the sale of an exchange may have raised it.
        for rung in range(t.n_tiers):
            past.held[t.rung[rung]] = (
                MOST_BALANCES if ((w.good[rung] or has_stepped(t, rung, past.checks))
                                  and (not t.tier_any[rung] or only_balances(t, rung)))
                else w.met[rung] | (w.marks[rung] & MOST_BALANCES) | held_by(t, row, rung))
    replay_tiers(w, h, alone, <int32_t>row[JOINED], &past)
    move_tiers(t, alone, day, NULL, &past)
    for i in range(w.g.n_tiers):
        rung = -1
        for rung in range(t.n_tiers):
            if t.rung[rung] == i:
                break
        else:
            rung = -1
        good = rung >= 0 and (w.good[rung] or still_good(t, row, rung, day))
        k = w.g.tiers_at + TIER * i + THROUGH
        if alone[k] > row[k] and not lasts(t):
            # It was held no longer than that.
            alone[k] = row[k]
        elif alone[k] > row[k] and rung >= 0 and not good:
            # A return of goods sold below their cost raises the margin, but no tier.
            alone[k] = row[k]
            alone[k + CHECKED - THROUGH] = row[k + CHECKED - THROUGH]
        row[k] = alone[k]
        row[k + CHECKED - THROUGH] = alone[k + CHECKED - THROUGH]
        if good and not past.reached[i] and not still_good(t, row, rung, day):
            take_bonus(w, t, h, basket, row, day, rung)
    free_row(&w.g, alone)
    return True
