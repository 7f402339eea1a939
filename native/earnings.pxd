"""Earn rules in general: bases, bands, blocks, carried remainders, groups (rulebook 4.2).

Exact figures stand over D and the rule's rate_den; what lines share of them over D * S, where S
grows with the denominators of the rules that take part, with limits that cut and with figures
that are not linear in the basis.
"""

from libc.stdint cimport int32_t, int64_t, uint64_t

from .arith cimport add64, gcd64
from .basket cimport Basket, Rated, add_up, line_basis, nth, put, spread
from .big cimport (
    Big, big_add, big_cmp, big_copy, big_divmod, big_gcd, big_mul, big_round, big_set, big_times)
from .limits cimport own_limits
from .lots cimport after
from .rests cimport take_whole
from .rules cimport BY_LINE, CARRY, EARN, GROUP_BEST, GROUP_FIRST, TENDER, VISIT, RuleTable
from .state cimport Vec


cdef inline void floor_ratio(Big *out, const Big *num, const Big *den) noexcept nogil:
    """floor(num / den) for num >= 0."""
    cdef Big rest
    if num.n == 0 or num.neg:
        out.n = 0
        out.neg = 0
        return
    big_divmod(out, &rest, num, den)


cdef inline void rated_slice(const RuleTable *t, int32_t rule, const Big *amount, int64_t exact,
                             int64_t block, Rated *r, Big *out) noexcept nogil:
    """Exact points of an amount (over D) at one rate, over D * the rule's rate_den."""
    cdef Big den
    if t.blocks[rule]:
        big_copy(&den, &r.whole)
        big_times(&den, t.per[rule], &r.overflow)
        floor_ratio(out, amount, &den)
        big_times(out, block, &r.overflow)
        big_mul(out, out, &r.whole, &r.overflow)
    else:
        big_copy(out, amount)
        big_times(out, exact, &r.overflow)


cdef inline int64_t earn_exact(const RuleTable *t, int32_t rule, int32_t place, const Big *sum_,
                               Rated *r, Big *out) noexcept nogil:
    """The rule's exact figure for E = sum_ (over D), over D * its rate_den.

    Returns the rate a basis unit where the figure is linear in it, -1 where it is not.
    """
    cdef int32_t i, first = t.bands_from[rule], last = t.bands_from[rule + 1]
    cdef Big edge, part, piece
    out.n = 0
    out.neg = 0
    if first == last:
        rated_slice(t, rule, sum_, t.rate[place], t.block_rate[place], r, out)
        return -1 if t.blocks[rule] else t.rate[place]
    for i in range(last - 1, first - 1, -1):
        big_copy(&edge, &r.whole)
        big_times(&edge, t.band_start[i], &r.overflow)
        if big_cmp(sum_, &edge) < 0:
            continue
        if not t.marginal[rule]:
            rated_slice(t, rule, sum_, t.band_rate[i], t.band_block[i], r, out)
            return -1 if t.blocks[rule] else t.band_rate[i]
        if i + 1 < last:
            big_copy(&part, &r.whole)
            big_times(&part, t.band_start[i + 1], &r.overflow)
            if big_cmp(sum_, &part) < 0:
                big_copy(&part, sum_)
        else:
            big_copy(&part, sum_)
        edge.neg = 1 if edge.n else 0
        big_add(&part, &part, &edge, &r.overflow)
        rated_slice(t, rule, &part, t.band_rate[i], t.band_block[i], r, &piece)
        big_add(out, out, &piece, &r.overflow)
    return -1


cdef inline int64_t carried(const RuleTable *t, const int64_t *row, int32_t rule, const Big *num,
                            const Big *den, int64_t per, Rated *r) noexcept nogil:
    """floor((carry + num / den) / per), at least 0; r.after is what is then carried."""
    return take_whole(<const Vec*>row[t.slot[rule]], num, den, per, &r.after[rule], &r.overflow,
                      &r.failed)


cdef inline void share_out(const RuleTable *t, const Basket *b, int32_t rule, int64_t rate,
                           const Big *exact, const Big *weight_sum, Rated *r) noexcept nogil:
    """Add an earn rule's exact figure to its lines, scaled where its own limits cut it."""
    cdef int32_t i, c = t.currency[rule]
    cdef int64_t part = 1, whole = 1, common
    cdef Big own, g, rest, more, lift, piece
    cdef Big *line
    cdef Big *basis
    cdef Big *scale = nth(r, r.scale, c)
    if r.granted[rule] != r.desired[rule]:
        common = gcd64(r.granted[rule], r.desired[rule])
        part = r.granted[rule] // common
        whole = r.desired[rule] // common
    # The rule's pieces stand over D * own, those before it over D * S: both go over D times
    # the least common multiple of S and own.
    big_set(&own, t.rate_den[rule])
    big_times(&own, whole, &r.overflow)
    if rate < 0:
        if weight_sum.n == 0 or weight_sum.neg:
            return
        big_mul(&own, &own, weight_sum, &r.overflow)
    big_gcd(&g, scale, &own)
    big_divmod(&more, &rest, &own, &g)
    big_divmod(&lift, &rest, scale, &g)
    if more.n != 1 or more.d[0] != 1:
        for i in range(b.n):
            line = nth(r, r.exact, <int64_t>c * b.n + i)
            if line.n:
                big_mul(&piece, line, &more, &r.overflow)
                put(r, line, &piece)
        big_mul(&piece, scale, &more, &r.overflow)
        put(r, scale, &piece)
    for i in range(b.n):
        basis = nth(r, r.basis, i)
        if basis.n == 0:
            continue
        if rate < 0:
            big_mul(&piece, exact, basis, &r.overflow)
        else:
            big_copy(&piece, basis)
            big_times(&piece, rate, &r.overflow)
        big_times(&piece, part, &r.overflow)
        big_mul(&piece, &piece, &lift, &r.overflow)
        line = nth(r, r.exact, <int64_t>c * b.n + i)
        add_up(r, line, &piece)


cdef inline int64_t by_line(const Basket *b, int64_t rate, const Big *den,
                            Rated *r) noexcept nogil:
    """The sum of each line's exact figure with its fraction dropped, of either sign."""
    cdef int32_t i
    cdef int64_t total = 0, one
    cdef Big piece
    for i in range(b.n):
        if nth(r, r.basis, i).n == 0:
            continue
        big_copy(&piece, nth(r, r.basis, i))
        big_times(&piece, rate, &r.overflow)
        if piece.neg:
            piece.neg = 0
            one = -big_round(&piece, den, 0, &r.overflow)
        else:
            one = big_round(&piece, den, 0, &r.overflow)
        total = add64(total, one, &r.overflow)
    return total if total > 0 else 0


cdef inline void rule_tender(const RuleTable *t, const Basket *b, int32_t rule,
                             Rated *r) noexcept nogil:
    """r.share: what of the rule's tender types falls on each line (rulebook 4.2)."""
    cdef int64_t i, amount = 0
    cdef uint64_t bit = <uint64_t>1 << (rule & 63)
    for i in range(b.n_tenders):
        if t.rule_tenders[<int64_t>b.tender[i] * t.n_words + (rule >> 6)] & bit:
            amount += b.paid[i]
    if amount < 0:
        amount = 0
    if amount > b.net_sold_all:
        amount = b.net_sold_all
    for i in range(b.n_all):
        r.rest[i] = b.lines[i].net_sold
    # The weights stand in `rest`; spread wants them apart from where it keeps remainders.
    spread(amount, b.lines, b.n_all, r.rest, b.net_sold_all, r.share, r.category + b.n_all)


cdef inline void rate_earn(const RuleTable *t, const Basket *b, const int64_t *row, int32_t rule,
                           int32_t tier, Rated *r) noexcept nogil:
    """An earn rule's figure, before and after its own limits."""
    cdef int32_t i, c = t.currency[rule], basis = t.basis[rule]
    cdef int32_t place = rule * (t.n_tiers + 1) + tier + 1
    cdef int64_t rate
    cdef uint64_t bit = <uint64_t>1 << (rule & 63)
    cdef bint firsts = t.group[rule] >= 0 and t.group_mode[t.group[rule]] == GROUP_FIRST
    cdef bint counted = False
    cdef Big total, den, exact
    cdef Big *own
    total.n = total.neg = 0
    if basis == TENDER:
        rule_tender(t, b, rule, r)
    for i in range(b.n):
        own = nth(r, r.basis, i)
        own.n = own.neg = 0
        if not r.matched[<int64_t>i * t.n_words + (rule >> 6)] & bit:
            continue
        if firsts:
            # A line counts for the first matching rule of its group only.
            if r.taken[i] >> t.group[rule] & 1:
                continue
            r.taken[i] |= <uint64_t>1 << t.group[rule]
        counted = True
        line_basis(b, &b.lines[i], basis, r.share[i], r, own)
        big_add(&total, &total, own, &r.overflow)
    r.desired[rule] = r.granted[rule] = 0
    r.limit[rule] = 0
    exact.n = exact.neg = 0
    rate = -1
    if basis == VISIT:
        # One a basket, if a line of it counts.
        if counted:
            big_copy(&den, &r.whole)
            earn_exact(t, rule, place, &den, r, &exact)
    elif not total.neg and total.n:
        rate = earn_exact(t, rule, place, &total, r, &exact)
    big_copy(&den, &r.whole)
    big_times(&den, t.rate_den[rule], &r.overflow)
    if t.rounding[rule] == CARRY:
        r.desired[rule] = carried(t, row, rule, &exact, &den, 1, r)
    elif t.rounding[rule] == BY_LINE and rate >= 0:
        r.desired[rule] = by_line(b, rate, &den, r)
    elif t.currencies[c].at_basket:
        r.desired[rule] = big_round(&exact, &den, 0, &r.overflow)
    else:
        r.desired[rule] = big_round(&exact, &den, t.rounding[rule] if t.rounding[rule] < 4 else 0,
                                    &r.overflow)
    put(r, nth(r, r.figure, rule), &exact)
    put(r, nth(r, r.figure_den, rule), &den)
    own_limits(t, row, rule, b.day, r)
    if t.currencies[c].multiplied and exact.n and not (
            t.group[rule] >= 0 and t.group_mode[t.group[rule]] == GROUP_BEST):
        share_out(t, b, rule, rate, &exact, &total, r)


cdef inline void best_earn(const RuleTable *t, const Basket *b, const int64_t *row, int32_t group,
                           int32_t tier, Rated *r) noexcept nogil:
    """Of a group `best`, the rule that gives most counts; the others give nothing."""
    cdef int32_t i, rule, best = -1
    for i in range(r.n_part):
        rule = r.part[i]
        if t.kind[rule] == EARN and t.group[rule] == group and (
                best < 0 or r.granted[rule] > r.granted[best]):
            best = rule
    for i in range(r.n_part):
        rule = r.part[i]
        if t.kind[rule] == EARN and t.group[rule] == group and rule != best:
            r.desired[rule] = r.granted[rule] = 0
            nth(r, r.figure, rule).n = 0
            r.limit[rule] = -1
    if best >= 0 and t.currencies[t.currency[best]].multiplied:
        share_best(t, b, best, tier, r)


cdef inline void share_best(const RuleTable *t, const Basket *b, int32_t rule, int32_t tier,
                            Rated *r) noexcept nogil:
    """The winner's exact figure on its lines."""
    cdef int32_t i
    cdef int64_t rate = -1
    cdef uint64_t bit = <uint64_t>1 << (rule & 63)
    cdef Big total, exact
    cdef Big *own
    total.n = total.neg = 0
    if t.basis[rule] == TENDER:
        rule_tender(t, b, rule, r)
    for i in range(b.n):
        own = nth(r, r.basis, i)
        own.n = own.neg = 0
        if r.matched[<int64_t>i * t.n_words + (rule >> 6)] & bit:
            line_basis(b, &b.lines[i], t.basis[rule], r.share[i], r, own)
            big_add(&total, &total, own, &r.overflow)
    if nth(r, r.figure, rule).n == 0:
        return
    if t.basis[rule] != VISIT:
        rate = earn_exact(t, rule, rule * (t.n_tiers + 1) + tier + 1, &total, r, &exact)
    share_out(t, b, rule, rate, nth(r, r.figure, rule), &total, r)
