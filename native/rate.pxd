"""The general rating of a basket: which rules take part, and what each gives (rulebook 3 and 4).

Nothing here touches the member: `Rated` tells what each rule wants and may give, and what its
carried remainder would be, so that a sale, a quote and a return that rates what is left ask the
same function. The figures are exact integers over common denominators (see `basket.pxd`).
"""

from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t

from .arith cimport ctz64
from .basket cimport (
    ACTIVITY_FACT, BASKET, CLOSED_DAY, Basket, Line, Rated, common_whole, line_basis, make_lists,
    nth, put)
from .big cimport (
    Big, big_add, big_cmp, big_copy, big_divmod, big_gcd, big_mul, big_round, big_set, big_times)
from .bonuses cimport rate_bonus, stack_bonuses
from .earnings cimport best_earn, rate_earn
from .limits cimport fill_rated_caps, has_room, own_limits
from .members cimport NO_YEAR, Facing, member_meets, year_near
from .rules cimport (
    BONUS, EARN, GROSS, GROUP_BEST, MULTIPLY, OFFER, QUANTITY, STACK_FIRST, RuleTable)
from .rungs cimport entered
from .stacks cimport rate_multiplies
from .words cimport basket_words


cdef inline bint reaches_minimum(const RuleTable *t, const Basket *b, int32_t rule,
                                 Rated *r) noexcept nogil:
    """Least amount and quantity over the lines that meet the rule's line conditions, and least
    amount of the whole basket."""
    cdef int32_t i
    cdef int64_t amount = 0
    cdef Big units, one, least
    if b.eligible < t.min_basket[rule] or (
            t.not_basket[rule] >= 0 and b.eligible >= t.not_basket[rule]):
        return False
    if t.min_amount[rule] >= 0 or t.not_amount[rule] >= 0:
        for i in range(b.n):
            if (r.matched[<int64_t>i * t.n_words + (rule >> 6)] >> (rule & 63)) & 1:
                amount += b.lines[i].unpaid
        if amount < t.min_amount[rule]:
            return False
        if t.not_amount[rule] >= 0 and amount >= t.not_amount[rule]:
            return False
    if t.min_quantity[rule] >= 0 or t.not_quantity[rule] >= 0:
        units.n = units.neg = 0
        for i in range(b.n):
            if (r.matched[<int64_t>i * t.n_words + (rule >> 6)] >> (rule & 63)) & 1:
                line_basis(b, &b.lines[i], QUANTITY, 0, r, &one)
                big_add(&units, &units, &one, &r.overflow)
        if t.min_quantity[rule] >= 0:
            big_copy(&least, &r.whole)
            big_times(&least, t.min_quantity[rule], &r.overflow)
            if big_cmp(&units, &least) < 0:
                return False
        if t.not_quantity[rule] >= 0:
            big_copy(&least, &r.whole)
            big_times(&least, t.not_quantity[rule], &r.overflow)
            if big_cmp(&units, &least) >= 0:
                return False
    return True


cdef inline bint rung_up_reaches(const RuleTable *t, const Basket *b, int32_t rule, int32_t basis,
                                 int64_t least, int64_t below, Rated *r) noexcept nogil:
    """Whether the rule's lines, all of them for rule -1, come to `least` and not to `below` (-1
    none) as they were rung up: before discounts, whatever paid for them."""
    cdef int32_t i
    cdef Line line
    cdef Big total, one, bound
    if least < 0 and below < 0:
        return True
    total.n = total.neg = 0
    for i in range(b.n):
        if rule < 0 or (r.matched[<int64_t>i * t.n_words + (rule >> 6)] >> (rule & 63)) & 1:
            line = b.lines[i]
            line.unpaid = line.net
            line_basis(b, &line, basis, 0, r, &one)
            big_add(&total, &total, &one, &r.overflow)
    if least >= 0:
        big_copy(&bound, &r.whole)
        big_times(&bound, least, &r.overflow)
        if big_cmp(&total, &bound) < 0:
            return False
    if below >= 0:
        big_copy(&bound, &r.whole)
        big_times(&bound, below, &r.overflow)
        if big_cmp(&total, &bound) >= 0:
            return False
    return True


cdef inline bint offer_reaches_minimum(const RuleTable *t, const Basket *b, int32_t rule,
                                       Rated *r) noexcept nogil:
    """An offer's least amount and quantity: it may itself have lowered what is charged."""
    return (rung_up_reaches(t, b, rule, GROSS, t.min_amount[rule], t.not_amount[rule], r)
            and rung_up_reaches(t, b, rule, QUANTITY, t.min_quantity[rule], t.not_quantity[rule],
                                r)
            and rung_up_reaches(t, b, -1, GROSS, t.min_basket[rule], t.not_basket[rule], r))


cdef inline bint is_open(const RuleTable *t, uint32_t epoch, int32_t rule) noexcept nogil:
    """Whether a rule's budget is not closed, if it has one."""
    return (t.every_epoch == NULL
            or t.every_epoch[<int64_t>epoch * t.n_words + (rule >> 6)] >> (rule & 63) & 1)


cdef inline void face(const RuleTable *t, const Basket *b, Rated *r, Facing *f) noexcept nogil:
    """What conditions on the member look at of a basket."""
    cdef int32_t i
    f.at = b.at
    f.day = b.day
    f.store = t.store_key[b.store] if t.store_key != NULL and b.form != CLOSED_DAY else 0
    f.category = r.category
    f.bought = b.bought
    f.n_bought = b.n_bought
    f.n_lines = b.n if b.form == BASKET and t.categories_at >= 0 else 0
    for i in range(f.n_lines):
        r.category[i] = (t.product_category[b.lines[i].product]
                         if t.product_category != NULL else 0)


cdef inline void match(const RuleTable *t, const Basket *b, const int64_t *row, int32_t tier,
                       bint offers, Rated *r) noexcept nogil:
    """Fill r.part: the rules that take part, in (priority, file) order (rulebook 3).

    Either the offers, or the rules of points.
    """
    cdef int32_t w, i, k, rule, words = t.n_words
    cdef uint64_t left, any_, opened, word
    cdef Facing f
    cdef bint given
    r.n_part = 0
    if not offers and t.n_entry and not entered(t, row, b.day):
        # A candidate's purchases count and earn nothing (rulebook 7).
        return
    if b.form != CLOSED_DAY:
        basket_words(t, t.offer_mask if offers else t.every, words, b.store, b.terminal, b.day,
                     b.minute, b.tender, b.n_tenders, r.words)
    face(t, b, r, &f)
    for w in range(words):
        if b.form == ACTIVITY_FACT:
            r.words[w] &= t.activity[<int64_t>b.code * words + w] & t.activity_mask[w]
        elif b.form == CLOSED_DAY:
            r.words[w] = t.dated_mask[w]
        else:
            r.words[w] &= ~t.activity_mask[w] & ~t.dated_mask[w]
        if t.every_epoch != NULL and not offers:
            r.words[w] &= t.every_epoch[<int64_t>b.epoch * words + w]
        if t.channel != NULL and b.form != CLOSED_DAY:
            r.words[w] &= t.channel[<int64_t>b.channel * words + w]
        for i in range(t.n_draws if b.form != CLOSED_DAY else 0):
            k = i * words + w
            r.words[w] &= ~(t.draw_bars[k] if b.drawn >> i & 1 else t.draw_needs[k])
        if t.coupon_needs != NULL and b.form == BASKET:
            opened = word = 0
            for i in range(b.n_coupons):
                opened |= t.coupon_has[<int64_t>b.coupon[i] * words + w]
                word |= t.coupon_not[<int64_t>b.coupon[i] * words + w]
            r.words[w] &= (opened | ~t.coupon_needs[w]) & ~word
        if t.tier != NULL:
            r.words[w] &= t.tier[(tier + 1) * words + w]
        any_ = opened = 0
        if b.form != BASKET:
            # One line that stands for the fact: conditions on lines do not apply.
            r.matched[w] = any_ = r.words[w]
        for i in range(b.n if b.form == BASKET else 0):
            if t.class_bars != NULL:
                r.words[w] &= ~t.class_bars[<int64_t>b.lines[i].cls * words + w]
                opened |= t.class_opens[<int64_t>b.lines[i].cls * words + w]
        if t.class_bars != NULL and b.form == BASKET:
            r.words[w] &= opened | ~t.opens_mask[w]
        for i in range(b.n if b.form == BASKET else 0):
            word = t.class_words[<int64_t>b.lines[i].cls * words + w] & r.words[w]
            r.matched[<int64_t>i * words + w] = word
            any_ |= word
        left = any_
        while left:
            rule = w * 64 + ctz64(left)
            left &= left - 1
            r.year[rule] = NO_YEAR
            r.desired[rule] = r.granted[rule] = 0
            r.limit[rule] = 0
            if b.form == BASKET and not (offer_reaches_minimum(t, b, rule, r) if offers
                                         else reaches_minimum(t, b, rule, r)):
                continue
            if not member_meets(t, row, rule, &f):
                continue
            if t.near[rule] >= 0:
                r.year[rule] = year_near(t, row, t.conds[t.near[rule]].a,
                                         t.conds[t.near[rule]].b, t.conds[t.near[rule]].c, b.day)
            if b.form == CLOSED_DAY:
                r.year[rule] = year_near(t, row, t.given_on[rule], 0, 0, b.day)
                if r.year[rule] == NO_YEAR:
                    continue
            if b.form == ACTIVITY_FACT and t.kind[rule] == MULTIPLY:
                continue
            r.roomless[rule] = not has_room(t, row, rule, b.day, r.year[rule])
            if offers:
                # One without a budget left is told apart from one that does not apply.
                r.roomless[rule] |= not is_open(t, b.epoch, rule)
                r.part[r.n_part] = rule
                r.n_part += 1
                continue
            if r.roomless[rule] and t.group[rule] >= 0:
                # Without room it takes no part in its group. Outside one its figure counts
                # for what it carries and for a sum that is rounded once, and is cut to 0.
                continue
            if t.group[rule] >= 0 and t.group_mode[t.group[rule]] == STACK_FIRST:
                given = False
                for k in range(r.n_part):
                    if t.group[r.part[k]] == t.group[rule]:
                        given = True
                if given:
                    continue
            r.part[r.n_part] = rule
            r.n_part += 1


cdef inline void round_basket(const RuleTable *t, const int64_t *row, int32_t c, int32_t day,
                              Rated *r) noexcept nogil:
    """Round a currency's exact figures once: floors, the rest to the largest fractions."""
    cdef int32_t i, rule, best
    cdef int64_t total, given = 0
    cdef Big sum_, den, piece, other, rest, g, x
    cdef Big *figure
    # A common denominator, then the sum.
    big_set(&den, 1)
    for i in range(r.n_part):
        rule = r.part[i]
        if t.currency[rule] == c and t.kind[rule] != BONUS and nth(r, r.figure, rule).n:
            big_gcd(&g, &den, nth(r, r.figure_den, rule))
            big_divmod(&piece, &rest, nth(r, r.figure_den, rule), &g)
            big_mul(&den, &den, &piece, &r.overflow)
    sum_.n = sum_.neg = 0
    for i in range(r.n_part):
        rule = r.part[i]
        if t.currency[rule] != c or t.kind[rule] == BONUS or r.limit[rule] == -1:
            continue
        r.desired[rule] = 0
        figure = nth(r, r.figure, rule)
        if figure.n == 0:
            continue
        big_divmod(&piece, &rest, &den, nth(r, r.figure_den, rule))
        big_mul(&x, figure, &piece, &r.overflow)
        big_add(&sum_, &sum_, &x, &r.overflow)
        r.desired[rule] = big_round(&x, &den, 0, &r.overflow)
        given += r.desired[rule]
        # The fraction that is left decides who gets what the rounded sum has more.
        big_copy(&other, &den)
        big_times(&other, r.desired[rule], &r.overflow)
        other.neg = 1 if other.n and not other.neg else 0
        big_add(&x, &x, &other, &r.overflow)
        put(r, figure, &x)
    total = big_round(&sum_, &den, t.currencies[c].rounding, &r.overflow)
    while given < total and not r.overflow:
        best = -1
        for i in range(r.n_part):
            rule = r.part[i]
            if (t.currency[rule] == c and t.kind[rule] != BONUS and r.limit[rule] != -1
                    and nth(r, r.figure, rule).n and not nth(r, r.figure, rule).neg
                    and (best < 0
                         or big_cmp(nth(r, r.figure, rule), nth(r, r.figure, best)) > 0)):
                best = rule
        if best < 0:
            break
        r.desired[best] += 1
        nth(r, r.figure, best).n = 0
        given += 1
    for i in range(r.n_part):
        rule = r.part[i]
        if t.currency[rule] == c and t.kind[rule] != BONUS and r.limit[rule] != -1:
            own_limits(t, row, rule, day, r)


cdef inline void rate_all(const RuleTable *t, const Basket *b, const int64_t *row, int32_t tier,
                          const int64_t *active, Rated *r) noexcept nogil:
    """What each rule gives to a basket with a positive eligible amount, before any is posted.

    `row` is the member as it stood before the basket, `active` the spendable balance of each
    currency after the sale's own redemption.
    """
    while True:
        r.cramped = 0
        rate_once(t, b, row, tier, active, r)
        if not r.cramped:
            return
        # A list has all the room there is in the end: then nothing is cramped.
        if not make_lists(r, 4 * r.limbs):
            r.failed = 1
            return


cdef inline void rate_once(const RuleTable *t, const Basket *b, const int64_t *row, int32_t tier,
                           const int64_t *active, Rated *r) noexcept nogil:
    """As rate_all, in the room that lists of numbers have; r.cramped if that is too little."""
    cdef int32_t i, k, rule, c
    cdef bint seen
    cdef Big *exact
    r.overflow = 0
    common_whole(t, b, r)
    if r.failed:
        return
    match(t, b, row, tier, False, r)
    for c in range(t.n_currencies):
        big_set(nth(r, r.scale, c), 1)
        for i in range(b.n):
            exact = nth(r, r.exact, <int64_t>c * b.n + i)
            exact.n = exact.neg = 0
    for i in range(b.n):
        r.taken[i] = 0
    for i in range(r.n_part):
        rule = r.part[i]
        if t.kind[rule] == EARN:
            rate_earn(t, b, row, rule, tier, r)
    for i in range(r.n_part):
        rule = r.part[i]
        if (t.kind[rule] == EARN and t.group[rule] >= 0
                and t.group_mode[t.group[rule]] == GROUP_BEST):
            seen = False
            for k in range(i):
                if t.kind[r.part[k]] == EARN and t.group[r.part[k]] == t.group[rule]:
                    seen = True
            if not seen:
                best_earn(t, b, row, t.group[rule], tier, r)
    rate_multiplies(t, b, row, tier, r)
    for c in range(t.n_currencies):
        if t.currencies[c].at_basket:
            round_basket(t, row, c, b.day, r)
    for i in range(r.n_part):
        rule = r.part[i]
        if t.kind[rule] == BONUS:
            rate_bonus(t, b, row, rule, tier, active, r)
    stack_bonuses(t, r)
    fill_rated_caps(t, row, b.day, r)
