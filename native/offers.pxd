"""Offers that a sale names: whether they may be had, and what they count (rulebook section 8).

An offer posts nothing. Its conditions are asked as those of any rule, but of the basket as it
was rung up: the discounts that it gave itself must not take it away.
"""

from libc.stdint cimport INT64_MAX, int32_t, int64_t, uint8_t, uint32_t
from libc.string cimport memcpy

from .basket cimport Basket, common_whole
from .columns cimport ACCEPTED, COMPLETED, STANDS, Columns, post
from .history cimport Sold
from .limits cimport limit_room, year_open
from .lines cimport gone
from .members cimport NO_YEAR, year_near
from .rate cimport is_open, match
from .rules cimport (
    ANNIVERSARY, COUNT_RULE_POINTS, COUNT_RULE_USES, NO_RULE, OFFER_NOT_APPLICABLE, OFFER_ONE,
    OFFER_USED_UP, OK, POST_OFFER, RuleTable)
from .rungs cimport tier_on
from .state cimport JOINED
from .tiers cimport advance_tiers
from .work cimport Work


cdef inline void match_offers(Work *w, const RuleTable *t, const Basket *b, const int64_t *row,
                              int32_t now) noexcept nogil:
    """w.rated.part: the offers whose conditions hold for a basket; w.ahead is the row at `now`."""
    memcpy(w.ahead, row, w.g.width * sizeof(int64_t))
    if w.ahead[JOINED] < 0:
        w.ahead[JOINED] = b.day
    advance_tiers(t, w.ahead, now)
    w.rated.overflow = 0
    common_whole(t, b, &w.rated)
    match(t, b, w.ahead, tier_on(t, w.ahead, now), True, &w.rated)


cdef inline int64_t money_left(const Work *w, const RuleTable *t, const Basket *b, int32_t rule,
                               int32_t *code) noexcept nogil:
    """What limits leave a matched offer to take off, and the limit that leaves least; INT64_MAX
    none."""
    cdef int32_t i
    cdef int64_t room, least = INT64_MAX
    cdef int32_t year = w.rated.year[rule]
    cdef bint may = year_open(t, w.ahead, rule, b.day, year)
    code[0] = 0
    if not is_open(t, b.epoch, rule):
        code[0] = t.budget_code
        return 0
    for i in range(t.limits_from[rule], t.limits_from[rule + 1]):
        room = limit_room(t, &t.limits[i], w.ahead, b.day, year)
        if (not may and t.limits[i].counter >= 0
                and t.counters[t.limits[i].counter].window == ANNIVERSARY):
            room = 0
        if t.limits[i].is_uses:
            if room > 0:
                continue
        if room < least:
            least = room
            code[0] = t.limits[i].code
    return least


cdef inline int named_offer(const Work *w, const RuleTable *t, int64_t i, int64_t k,
                            const Basket *b) noexcept nogil:
    """The status of the k-th of all named offers, of sale i, once offers are matched."""
    cdef const Columns *in_ = w.in_
    cdef int32_t rule = in_.offer[k], code, m
    cdef int64_t other
    cdef bint met = False
    if rule < 0:
        return OFFER_NOT_APPLICABLE
    for m in range(w.rated.n_part):
        if w.rated.part[m] == rule:
            met = True
    if not met:
        return OFFER_NOT_APPLICABLE
    if t.group[rule] >= 0 and t.group_mode[t.group[rule]] == OFFER_ONE:
        for other in range(in_.offers_from[i], in_.offers_from[i + 1]):
            if (other != k and in_.offer[other] >= 0
                    and t.group[in_.offer[other]] == t.group[rule]):
                return OFFER_NOT_APPLICABLE
    if w.rated.roomless[rule] or in_.offer_amount[k] > money_left(w, t, b, rule, &code):
        return OFFER_USED_UP
    return OK


cdef inline int check_offers(Work *w, const RuleTable *t, int64_t i, const Basket *b,
                             const int64_t *row, int32_t now) noexcept nogil:
    """The status of the offers that a sale names, the first that may not be had; else OK.

    A completed sale is taken with all of them; each that may not be had is told.
    """
    cdef const Columns *in_ = w.in_
    cdef int64_t k
    cdef int status
    cdef int32_t code
    if in_.offers_from == NULL or in_.offers_from[i] == in_.offers_from[i + 1]:
        return OK
    if in_.flags[i] & (ACCEPTED | STANDS) and not in_.flags[i] & COMPLETED:
        return OK
    match_offers(w, t, b, row, now)
    for k in range(in_.offers_from[i], in_.offers_from[i + 1]):
        status = named_offer(w, t, i, k, b)
        if status == OK:
            continue
        if not in_.flags[i] & COMPLETED:
            return status
        code = t.uses_code if status == OFFER_USED_UP else t.offer_code
        if status == OFFER_USED_UP and not is_open(t, b.epoch, in_.offer[k]):
            code = t.budget_code
        if not post(w.p, <uint32_t>i, 0, t.number[in_.offer[k]] if in_.offer[k] >= 0 else NO_RULE,
                    POST_OFFER, 0, <uint8_t>code, in_.offer_amount[k], 0):
            w.failed = 1
    return OK


cdef inline bint offer_stands(const Work *w, const RuleTable *t, int64_t i, int32_t rule,
                              const int64_t *back_quantity,
                              const int64_t *back_net) noexcept nogil:
    """Whether a line that meets the offer's conditions on lines is left when so much of each is
    back; NULL: nothing is."""
    cdef const Columns *in_ = w.in_
    cdef int64_t lo = in_.lines_from[i], k
    cdef int32_t cls
    for k in range(in_.lines_from[i + 1] - lo):
        cls = t.product_class[in_.product[lo + k]]
        if ((in_.quantity[lo + k] or in_.net[lo + k]) and t.class_eligible[cls]
                and t.class_words[<int64_t>cls * t.n_words + (rule >> 6)] >> (rule & 63) & 1
                and not (back_quantity != NULL and gone(in_.quantity[lo + k], in_.net[lo + k],
                                                        back_quantity[k], back_net[k]))):
            return True
    return False


cdef inline void count_offers(const Work *w, const RuleTable *t, int64_t i, const Sold *s,
                              int64_t *amounts) noexcept nogil:
    """Add to a sale's counters a use, and what it took off, of each named offer that stands.

    The row of the sale is `i`; `s` tells what of it has come back, NULL for nothing.
    """
    cdef const Columns *in_ = w.in_
    cdef int64_t k
    cdef int32_t c, rule
    if in_.offers_from == NULL:
        return
    for k in range(in_.offers_from[i], in_.offers_from[i + 1]):
        rule = in_.offer[k]
        if rule < 0 or not offer_stands(w, t, i, rule, NULL if s == NULL else s.back_quantity,
                                        NULL if s == NULL else s.back_net):
            continue
        for c in range(t.n_counters):
            if t.counters[c].subject != rule:
                continue
            if t.counters[c].kind == COUNT_RULE_USES:
                amounts[c] += 1
            elif t.counters[c].kind == COUNT_RULE_POINTS:
                amounts[c] += in_.offer_amount[k]


cdef inline void years_of_offers(Work *w, const RuleTable *t, int64_t i,
                                 int32_t day) noexcept nogil:
    """w.rated.year of the offers that a sale names: the anniversary for which each is counted.

    w.ahead is the row at the sale; the date may have changed since the sale was accepted.
    """
    cdef const Columns *in_ = w.in_
    cdef int64_t k
    cdef int32_t rule, near
    if in_.offers_from == NULL:
        return
    for k in range(in_.offers_from[i], in_.offers_from[i + 1]):
        rule = in_.offer[k]
        if rule < 0:
            continue
        near = t.near[rule]
        w.rated.year[rule] = NO_YEAR if near < 0 else year_near(
            t, w.ahead, t.conds[near].a, t.conds[near].b, t.conds[near].c, day)


cdef inline void tell_offer(Work *w, const RuleTable *t, int64_t i, int32_t rule,
                            int64_t amount) noexcept nogil:
    """A posting of no points that tells what an offer took off, or has taken off no more."""
    if amount and not post(w.p, <uint32_t>i, 0, t.number[rule], POST_OFFER, 0, 0, amount, 0):
        w.failed = 1


cdef inline void give_offers(Work *w, const RuleTable *t, int64_t i, int64_t *row, int32_t day,
                             Sold *s) noexcept nogil:
    """Tell what each named offer of a sale takes off, and for which anniversary it was.

    `s` keeps that for the sale's returns; NULL where none comes.
    """
    cdef const Columns *in_ = w.in_
    cdef int64_t k
    cdef int32_t rule
    if in_.offers_from == NULL:
        return
    for k in range(in_.offers_from[i], in_.offers_from[i + 1]):
        rule = in_.offer[k]
        if rule < 0 or not offer_stands(w, t, i, rule, NULL, NULL):
            continue
        tell_offer(w, t, i, rule, in_.offer_amount[k])
        if s != NULL:
            s.year[rule] = w.rated.year[rule]
        if t.ann_slot[rule] >= 0 and w.rated.year[rule] != NO_YEAR:
            row[t.ann_slot[rule]] = w.rated.year[rule]
            row[t.ann_slot[rule] + 1] = day


cdef inline void offers_back(Work *w, const RuleTable *t, int64_t i, const Sold *s,
                             int64_t *row) noexcept nogil:
    """Tell which offers of a sale stand no more by a return, row i; what was back before it is in
    w.back_quantity and w.back_net."""
    cdef const Columns *in_ = w.in_
    cdef int64_t k
    cdef int32_t rule, slot
    if in_.offers_from == NULL:
        return
    for k in range(in_.offers_from[s.row], in_.offers_from[s.row + 1]):
        rule = in_.offer[k]
        if (rule < 0 or offer_stands(w, t, s.row, rule, s.back_quantity, s.back_net)
                or not offer_stands(w, t, s.row, rule, w.back_quantity, w.back_net)):
            continue
        tell_offer(w, t, i, rule, -in_.offer_amount[k])
        slot = t.ann_slot[rule]
        if slot >= 0 and row[slot] == s.year[rule] and row[slot + 1] == s.day:
            memcpy(row + slot, s.before + slot, 2 * sizeof(int64_t))
