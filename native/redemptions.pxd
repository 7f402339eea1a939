"""Points redeemed: by facts of their own, and by a sale's tenders (rulebook section 8).

What a redemption may ask, minimum, maximum, step, share of the basket, worth and least basket,
is tested when it is first accepted; what has happened (`completed`) is never refused for it, and
is told.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t
from libc.string cimport memcpy

from .accounts cimport account_of
from .arith cimport i128
from .columns cimport ACCEPTED, COMPLETED, Columns, post, today
from .facts cimport enter, finish, no_amounts
from .held cimport GIVEN, OWED, Part, left_in, n_parts, part_of
from .history cimport History, Spent, new_spent
from .holds cimport (
    captured_of, is_used, place_of, redeem_now, release, renew_by_redemption, spent_of, take_held)
from .lines cimport scale_tenders
from .lots cimport Lots, paid_by
from .rules cimport (
    ABOVE_MAXIMUM, ALREADY_CANCELLED, BASKET_TOO_SMALL, BELOW_MINIMUM, HOLD, HOLD_ENDED, HOLD_USED,
    INSUFFICIENT, MORE_THAN_HELD, NOT_A_MULTIPLE, NOT_SPENDABLE, NO_RULE, OK, OVERFLOW, OVER_SHARE,
    OVER_WORTH, POST_CAPTURE, UNKNOWN_CURRENCY, RuleTable, Terms)
from .rungs cimport tier_on
from .state cimport DEBT, HOLDS, JOINED, LOTS, REDEEMED, Vec
from .tiers cimport advance_tiers
from .work cimport Work, account_available


cdef inline int breaks_terms(const Terms *t, int64_t points) noexcept nogil:
    """Whether an asked figure is below the minimum or no multiple of the step."""
    if points < t.minimum:
        return BELOW_MINIMUM
    if points % t.step:
        return NOT_A_MULTIPLE
    return OK


cdef inline bint is_beyond(const Terms *t, int64_t points) noexcept nogil:
    """Whether points are more than a redemption may take."""
    return t.maximum > 0 and points > t.maximum


cdef inline int64_t cut(const Terms *t, int64_t points, int64_t active) noexcept nogil:
    """What of an asked figure is redeemable, where anything is; else the figure."""
    cdef int64_t most
    if is_beyond(t, active):
        active = t.maximum
    most = active - active % t.step if active > 0 else 0
    return most if most >= t.minimum and 0 < most < points else points


cdef inline void tell_broken(Work *w, const RuleTable *t, int32_t c, int status) noexcept nogil:
    """w.broken: the first term that is broken, in the order of the terms."""
    cdef int64_t code
    if status >= ABOVE_MAXIMUM:
        code = t.beyond_code + status - ABOVE_MAXIMUM
    else:
        code = t.broken_code + status - BELOW_MINIMUM
    if w.broken[c] == 0 or code < w.broken[c]:
        w.broken[c] = code


cdef inline int apply_redeem(Work *w, const RuleTable *t, int64_t i, int64_t *row,
                             History *h) noexcept nogil:
    """Active points spent outside a sale's tenders."""
    cdef const Columns *in_ = w.in_
    cdef int32_t day = in_.day[i], c = in_.currency[i]
    cdef int64_t points = in_.figure[i]
    cdef Spent *spent = NULL
    cdef int status = OK
    if c >= t.n_currencies or not t.currencies[c].known:
        return UNKNOWN_CURRENCY
    if not t.currencies[c].spendable:
        return NOT_SPENDABLE
    w.broken[c] = 0
    if t.own_terms[c] >= 0:
        if t.terms[t.own_terms[c]].clamp and not in_.flags[i] & (ACCEPTED | COMPLETED):
            points = cut(&t.terms[t.own_terms[c]], points, account_available(row, c, day))
            w.out.taken[i] = points if points < in_.figure[i] else 0
        status = breaks_terms(&t.terms[t.own_terms[c]], points)
        if status == OK and is_beyond(&t.terms[t.own_terms[c]], points):
            status = ABOVE_MAXIMUM
    if points > t.currencies[c].most:
        return OVERFLOW
    if not in_.flags[i] & (ACCEPTED | COMPLETED):
        if status != OK:
            return status
        if points > account_available(row, c, day):
            return INSUFFICIENT
    elif status != OK and in_.flags[i] & COMPLETED:
        tell_broken(w, t, c, status)
    if not enter(w, t, i, row, h):
        return OK
    no_amounts(w, t)
    if h != NULL:
        spent = new_spent(h, <int32_t>i, c, points)
        if spent == NULL:
            w.failed = 1
            return OK
    if not redeem_now(w, t, i, row, c, day, points, <uint8_t>w.broken[c], h,
                      &spent.takes if spent != NULL else NULL):
        w.failed = 1
    renew_by_redemption(w, t, row, c, day, h)
    return finish(w, t, i, row, h, day, day)


cdef inline int32_t tier_before(Work *w, const RuleTable *t, const int64_t *row,
                                int32_t day) noexcept nogil:
    """The member's tier before a fact, looked at on a copy of the row."""
    memcpy(w.ahead, row, w.g.width * sizeof(int64_t))
    if w.ahead[JOINED] < 0:
        w.ahead[JOINED] = day
    advance_tiers(t, w.ahead, day)
    return tier_on(t, w.ahead, day)


cdef inline int named_by_tender(Work *w, const RuleTable *t, int64_t i, int64_t k,
                                const int64_t *row, const History *h,
                                int64_t *left) noexcept nogil:
    """Whether what a tender names can pay: OK and the points that it has, or why not."""
    cdef const Columns *in_ = w.in_
    cdef int64_t named = in_.tender_names[k], other
    left[0] = 0
    for other in range(in_.tenders_from[i], k):
        if in_.tender_names[other] == named:
            return HOLD_USED
    if is_used(h, named):
        return HOLD_USED
    if in_.kind[named] != HOLD:
        left[0] = spent_of(h, named, False)
        return OK if left[0] else ALREADY_CANCELLED
    left[0] = left_in(row, place_of(h, named))
    if left[0]:
        return OK
    left[0] = spent_of(h, named, True)
    if left[0]:
        return OK
    return ALREADY_CANCELLED if captured_of(h, named) else HOLD_ENDED


cdef inline int named_asked(Work *w, const RuleTable *t, int64_t i, const int64_t *row,
                            const History *h) noexcept nogil:
    """What each tender asks, and how much of it what it names can give; a status.

    w.asked_of, w.from_named: by tender. Only what is `completed` may ask more than there is.
    """
    cdef const Columns *in_ = w.in_
    cdef int64_t k, place, left, named, want
    cdef int32_t c
    cdef int status
    for k in range(in_.tenders_from[i], in_.tenders_from[i + 1]):
        place = k - in_.tenders_from[i]
        w.from_named[place] = w.asked_of[place] = 0
        named = -1 if in_.tender_names == NULL else in_.tender_names[k]
        want = 0 if in_.tender_points == NULL else in_.tender_points[k]
        if named < 0 and want == 0:
            continue
        c = t.redeems[in_.tender[k]]
        if c < 0 or not t.currencies[c].spendable or (named >= 0 and in_.currency[named] != c):
            return NOT_SPENDABLE
        if named >= 0:
            status = named_by_tender(w, t, i, k, row, h, &left)
            if want == 0:
                want = left if left else in_.figure[named]
            if not in_.flags[i] & COMPLETED:
                if status != OK:
                    return status
                if want > left:
                    return MORE_THAN_HELD
            w.from_named[place] = want if want < left else left
        w.asked_of[place] = want
        w.asked_in[c] += want - w.from_named[place]
    return OK


cdef inline int break_terms(Work *w, const RuleTable *t, int64_t i, int32_t tier,
                            bint strict) noexcept nogil:
    """The terms that the sale's tenders break: the first as a status, or w.broken of all."""
    cdef const Columns *in_ = w.in_
    cdef int64_t k, j, money, asked, net = 0, paid, unused, together
    cdef int64_t first = in_.tenders_from[i]
    cdef int32_t c, at
    cdef int status
    cdef const Terms *one
    for k in range(first, in_.tenders_from[i + 1]):
        at = t.tender_terms[in_.tender[k]]
        asked = w.asked_of[k - first]
        if at < 0 or asked == 0:
            continue
        one = &t.terms[at]
        status = breaks_terms(one, asked)
        money = t.money[<int64_t>at * (t.n_tiers + 1) + tier + 1]
        if status == OK and one.points and (
                <i128>in_.amount[k] * one.points > <i128>asked * money):
            status = OVER_WORTH
        if status != OK:
            if strict:
                return status
            tell_broken(w, t, t.redeems[in_.tender[k]], status)
    for k in range(in_.lines_from[i], in_.lines_from[i + 1]):
        net += in_.net[k]
    scale_tenders(w, t, i, net, &unused)
    for k in range(first, in_.tenders_from[i + 1]):
        at = t.tender_terms[in_.tender[k]]
        if at < 0 or w.asked_of[k - first] == 0 or t.terms[at].share_den == 0:
            continue
        one = &t.terms[at]
        c = t.redeems[in_.tender[k]]
        paid = 0
        for j in range(first, in_.tenders_from[i + 1]):
            if t.redeems[in_.tender[j]] == c:
                paid += w.paid[j - first]
        if <i128>paid * one.share_den > <i128>one.share_num * net:
            if strict:
                return OVER_SHARE
            tell_broken(w, t, c, OVER_SHARE)
    for k in range(first, in_.tenders_from[i + 1]):
        at = t.tender_terms[in_.tender[k]]
        if at < 0 or w.asked_of[k - first] == 0:
            continue
        c = t.redeems[in_.tender[k]]
        together = 0
        for j in range(first, in_.tenders_from[i + 1]):
            if t.redeems[in_.tender[j]] == c:
                together += w.asked_of[j - first]
        if is_beyond(&t.terms[at], together):
            if strict:
                return ABOVE_MAXIMUM
            tell_broken(w, t, c, ABOVE_MAXIMUM)
    for k in range(first, in_.tenders_from[i + 1]):
        at = t.tender_terms[in_.tender[k]]
        if at >= 0 and w.asked_of[k - first] and net < t.terms[at].at_least:
            if strict:
                return BASKET_TOO_SMALL
            tell_broken(w, t, t.redeems[in_.tender[k]], BASKET_TOO_SMALL)
    return OK


cdef inline int64_t freed(Work *w, int64_t i, int64_t *row, const History *h, int32_t c,
                          int32_t day) noexcept nogil:
    """Points that the holds which the tenders name release, for the sale's other tenders."""
    cdef const Columns *in_ = w.in_
    cdef const Vec *v = <const Vec*>row[HOLDS]
    cdef const int64_t *account = account_of(row, c)
    cdef int64_t k, rest, part, paid, free = 0, owed = account[DEBT]
    cdef int32_t j, source
    cdef Part p
    if in_.tender_names == NULL:
        return 0
    if account[LOTS]:
        owed -= paid_by(<const Lots*>account[LOTS], owed, day)
    for k in range(in_.tenders_from[i], in_.tenders_from[i + 1]):
        if (in_.tender_names[k] < 0 or in_.kind[in_.tender_names[k]] != HOLD
                or in_.currency[in_.tender_names[k]] != c):
            continue
        source = place_of(h, in_.tender_names[k])
        rest = left_in(row, source) - w.from_named[k - in_.tenders_from[i]]
        # As `release`: the last first, open debt is paid, and what has passed expires.
        for j in range(n_parts(v) - 1, -1, -1):
            p = part_of(v, j)
            if p.source != source or rest <= 0:
                continue
            part = p.lot.points if p.lot.points < rest else rest
            rest -= part
            if p.lot.tag == GIVEN:
                continue
            paid = part if part < owed else owed
            owed -= paid
            if p.lot.tag == OWED or p.lot.good_through >= day:
                free += part - paid
    return free


cdef inline int tenders_asked(Work *w, const RuleTable *t, int64_t i, int64_t *row,
                              const History *h) noexcept nogil:
    """What the sale's tenders take; a status.

    w.asked_in: points of its own redemption, by currency; w.from_named: of what each tender
    names. Nothing moves.
    """
    cdef const Columns *in_ = w.in_
    cdef int32_t c, day = today(in_, i)
    cdef int64_t k
    cdef bint strict = not in_.flags[i] & (ACCEPTED | COMPLETED)
    cdef int status
    for c in range(t.n_currencies):
        w.asked_in[c] = w.broken[c] = 0
    if t.coupon_takes != NULL and in_.coupons_from != NULL:
        for k in range(in_.coupons_from[i], in_.coupons_from[i + 1]):
            if t.coupon_takes[in_.coupon[k]] >= 0:
                w.asked_in[t.coupon_takes[in_.coupon[k]]] += 1
    elif in_.tender_points == NULL and in_.tender_names == NULL:
        return OK
    status = named_asked(w, t, i, row, h)
    if status != OK:
        return status
    for c in range(t.n_currencies):
        if w.asked_in[c] > t.currencies[c].most:
            return OVERFLOW
    if (in_.tender_points != NULL or in_.tender_names != NULL) and (
            strict or in_.flags[i] & COMPLETED):
        status = break_terms(w, t, i, tier_before(w, t, row, day), strict)
        if status != OK:
            return status
    if strict:
        for c in range(t.n_currencies):
            if w.asked_in[c] > account_available(row, c, day) + freed(w, i, row, h, c, day):
                return INSUFFICIENT
    return OK


cdef inline bint pay_with(Work *w, const RuleTable *t, int64_t i, int64_t k, int64_t *row,
                          int32_t sold, int32_t day, History *h) noexcept nogil:
    """One tender pays with the hold or redemption that it names; False without memory."""
    cdef const Columns *in_ = w.in_
    cdef int64_t named = in_.tender_names[k], points = w.from_named[k - in_.tenders_from[i]]
    cdef int32_t c = in_.currency[named], source, j
    cdef Spent *spent
    if in_.kind[named] == HOLD:
        source = place_of(h, named)
        if left_in(row, source):
            spent = new_spent(h, <int32_t>i, c, points)
            if spent == NULL or not take_held(row, source, points, &spent.takes):
                return False
            spent.hold = <int32_t>named
            account_of(row, c)[REDEEMED] += points
            if not (post(w.p, <uint32_t>i, 0, NO_RULE, POST_CAPTURE, <uint8_t>c,
                         <uint8_t>w.broken[c], points, 0)
                    and release(w, t, i, row, c, source, day, h)):
                return False
    for j in range(h.n_spent):
        if h.spent[j].hold == named or h.spent[j].row == named:
            h.spent[j].used = 1
            h.spent[j].sold = sold
            h.spent[j].place = <int32_t>(k - in_.tenders_from[i])
    return True


cdef inline bint redeem_tenders(Work *w, const RuleTable *t, int64_t i, int64_t *row,
                                History *h, int32_t sold) noexcept nogil:
    """Take the points of the sale's own redemption, before the basket is rated.

    `sold` is the sale's number where a later fact names it, else -1.
    """
    cdef int32_t c, day = today(w.in_, i)
    cdef Spent *spent
    for c in range(t.n_currencies):
        if w.asked_in[c] == 0:
            continue
        spent = NULL
        if h != NULL and sold >= 0:
            spent = new_spent(h, <int32_t>i, c, w.asked_in[c])
            if spent == NULL:
                return False
            spent.sold = sold
            spent.place = 1 << 30
        if not redeem_now(w, t, i, row, c, day, w.asked_in[c], <uint8_t>w.broken[c], h,
                          &spent.takes if spent != NULL else NULL):
            return False
        renew_by_redemption(w, t, row, c, day, h)
    return True


cdef inline bint names_any(const Columns *in_, int64_t i) noexcept nogil:
    """Whether a tender of the sale names a hold or redemption."""
    cdef int64_t k
    if in_.tender_names != NULL:
        for k in range(in_.tenders_from[i], in_.tenders_from[i + 1]):
            if in_.tender_names[k] >= 0:
                return True
    return False


cdef inline bint pay_with_named(Work *w, const RuleTable *t, int64_t i, int64_t *row,
                                History *h, int32_t sold) noexcept nogil:
    """The sale's tenders pay with what they name; False without memory."""
    cdef int64_t k
    for k in range(w.in_.tenders_from[i], w.in_.tenders_from[i + 1]):
        if w.in_.tender_names[k] < 0 or w.from_named[k - w.in_.tenders_from[i]] == 0:
            continue
        if not pay_with(w, t, i, k, row, sold, today(w.in_, i), h):
            return False
        if w.in_.kind[w.in_.tender_names[k]] == HOLD:
            renew_by_redemption(w, t, row, w.in_.currency[w.in_.tender_names[k]],
                                today(w.in_, i), h)
    return True
