"""The general rating of a basket: every basis, band, group, stack and rounding (rulebook 4).

Exact figures are big integers over common denominators: D for the bases of the lines, D *
rate_den * S for the exact earn of a currency's lines, where S grows with limits that cut and
with figures that lines share. Nothing here touches the member: `Rated` tells what each rule
wants and may give, and what its carried remainder would be, so that a quote, a sale and a
return that rates what is left all ask the same function.
"""

from libc.stdint cimport INT64_MIN, int16_t, int32_t, int64_t, uint32_t, uint64_t

from .arith cimport MOST_UNITS, add64, ctz64, gcd64, i128
from .big cimport (
    Big, big_add, big_cmp, big_copy, big_divmod, big_gcd, big_load, big_mul, big_round, big_set,
    big_store, big_times)
from .members cimport NEAR_JOINING, NO_YEAR, Facing, member_meets, year_near
from .rules cimport (
    ANNIVERSARY, BONUS, BY_LINE, CARRY, EARN, GROSS, GROUP_BEST, GROUP_FIRST, MARGIN, MULTIPLY,
    NET, OF_BALANCE, PER_UNITS, QUANTITY, STACK_BEST, STACK_COMPOUND, STACK_FIRST, TENDER, VISIT,
    Limit, RuleTable)
from .tiers cimport counter_value
from .words cimport basket_words


cdef struct Line:
    # What is left of a line that is not void; figures of the whole line beside it.
    uint32_t product
    int32_t cls
    int64_t net
    int64_t quantity
    int64_t unpaid           # of net, what no redemption paid
    int64_t full_quantity    # of which gross and cost are
    int64_t gross
    int64_t cost             # INT64_MIN: not known
    int64_t net_sold         # net before any return
    int32_t place            # in the sale


cdef struct Basket:
    Line *lines              # lines with an eligible class first
    int32_t n                # eligible ones
    int32_t n_all
    int64_t eligible
    int64_t at
    int32_t day
    int16_t minute
    uint32_t store
    uint32_t terminal
    uint32_t channel
    uint32_t epoch
    const uint32_t *tender
    int64_t n_tenders
    const int64_t *paid      # [tender]: scaled amount, rulebook 4.1
    const uint32_t *coupon
    int64_t n_coupons
    int64_t net_sold_all     # of the lines with a positive net
    int32_t form             # BASKET, ACTIVITY_FACT or CLOSED_DAY
    uint32_t code            # of the activity


cdef enum Form:
    BASKET = 0
    ACTIVITY_FACT = 1
    CLOSED_DAY = 2


cdef struct Rated:
    int64_t *desired         # [rule]
    int64_t *granted
    int32_t *limit
    int32_t *year            # [rule]: year of the anniversary near, NO_YEAR
    int64_t *after           # [rule, 4]: what its carried remainder would be
    int32_t *fired           # rules that wanted something, in (priority, file) order
    int32_t n_fired
    int32_t *part            # rules that take part, in order
    int32_t n_part
    uint64_t *words          # [word]
    uint64_t *matched        # [line, word]
    uint64_t *taken          # [line]: groups `first` that have the line
    int64_t *room            # [limit]
    int64_t *share           # [line]: of a tender basis
    int64_t *rest            # [line]
    int64_t *category        # [line]
    Big *basis               # [line]: of the rule at hand, over D
    Big *exact               # [currency, line], over D * rate_den * S
    Big *scale               # [currency]: S
    Big *figure              # [rule]: exact earn or extra
    Big *figure_den          # [rule]
    Big whole                # D
    int overflow


cdef inline int64_t limit_room(const RuleTable *t, const Limit *limit, const int64_t *row,
                               int32_t day, int32_t year) noexcept nogil:
    """What a limit leaves before the fact; never below zero."""
    cdef int64_t used = 0
    cdef const int64_t *at
    if limit.counter >= 0:
        if t.counters[limit.counter].window == ANNIVERSARY:
            at = row + t.counters[limit.counter].slot
            used = at[1] if at[0] == year else 0
        else:
            used = counter_value(t, row, limit.counter, day)
    return limit.ceiling - used if limit.ceiling > used else 0


cdef inline bint year_open(const RuleTable *t, const int64_t *row, int32_t rule, int32_t day,
                           int32_t year) noexcept nogil:
    """Whether a rule limited by the anniversary may give for this year's (rulebook 3)."""
    cdef const int64_t *at
    if t.ann_slot[rule] < 0:
        return True
    at = row + t.ann_slot[rule]
    return at[1] < 0 or at[0] == year or day - at[1] >= 180


cdef inline bint has_room(const RuleTable *t, const int64_t *row, int32_t rule, int32_t day,
                          int32_t year) noexcept nogil:
    """Whether limits, uses and the once-only guard leave a rule anything to give."""
    cdef int32_t i
    if not year_open(t, row, rule, day, year):
        return False
    if t.kind[rule] == BONUS and t.form[rule] == OF_BALANCE and row[t.slot[rule]] > 0:
        return False
    for i in range(t.limits_from[rule], t.limits_from[rule + 1]):
        if t.limits[i].counter >= 0 and limit_room(t, &t.limits[i], row, day, year) == 0:
            return False
    return True


cdef inline void own_limits(const RuleTable *t, const int64_t *row, int32_t rule, int32_t day,
                            Rated *r) noexcept nogil:
    """Cut a rule's figure by its own limits, in the order in which they are listed."""
    cdef int32_t i
    cdef int64_t room
    r.granted[rule] = r.desired[rule]
    r.limit[rule] = 0
    for i in range(t.limits_from[rule], t.limits_from[rule + 1]):
        room = limit_room(t, &t.limits[i], row, day, r.year[rule])
        if t.limits[i].is_uses:
            room = r.granted[rule] if room > 0 else 0
        if room < r.granted[rule]:
            r.granted[rule] = room
            r.limit[rule] = t.limits[i].code


cdef inline void spread(int64_t amount, const Line *lines, int32_t n, const int64_t *weight,
                        int64_t total, int64_t *out, int64_t *rest) noexcept nogil:
    """Spread an amount over weights by largest remainder, ties to the earlier place.

    The lines tell the place; every share is at most its weight while amount <= total.
    """
    cdef int32_t i, best
    cdef int64_t given = 0
    cdef i128 product
    for i in range(n):
        if weight[i] <= 0 or total <= 0:
            out[i] = 0
            rest[i] = -1
            continue
        product = <i128>amount * weight[i]
        out[i] = <int64_t>(product // total)
        rest[i] = <int64_t>(product % total)
        given += out[i]
    while given < amount:
        best = -1
        for i in range(n):
            if rest[i] >= 0 and (best < 0 or rest[i] > rest[best]
                                 or (rest[i] == rest[best]
                                     and lines[i].place < lines[best].place)):
                best = i
        if best < 0:
            return
        out[best] += 1
        rest[best] = -1
        given += 1


cdef inline void line_basis(const Basket *b, const Line *l, int32_t basis, int64_t share,
                            Rated *r, Big *out) noexcept nogil:
    """A line's basis as a numerator over D (r.whole)."""
    cdef Big den, rest, part
    cdef int64_t unpaid = l.unpaid, net = l.net
    if unpaid == net or basis == VISIT:
        unpaid = net = 1
    big_copy(out, &r.whole)
    if basis == NET or basis == VISIT:
        big_times(out, l.unpaid, &r.overflow)
        return
    if basis == TENDER:
        big_times(out, share, &r.overflow)
        if l.net != l.net_sold:
            big_times(out, l.net, &r.overflow)
            big_set(&den, l.net_sold)
            big_divmod(&part, &rest, out, &den)
            big_copy(out, &part)
        return
    if basis == QUANTITY:
        big_times(out, l.quantity, &r.overflow)
    elif basis == GROSS or l.cost == INT64_MIN:
        if basis == MARGIN:
            out.n = 0
            return
        big_times(out, l.gross, &r.overflow)
        if l.quantity != l.full_quantity and l.full_quantity:
            big_times(out, l.quantity, &r.overflow)
            big_set(&den, l.full_quantity)
            big_divmod(&part, &rest, out, &den)
            part.neg = out.neg
            big_copy(out, &part)
    else:
        big_times(out, l.cost, &r.overflow)
        if l.quantity != l.full_quantity and l.full_quantity:
            big_times(out, l.quantity, &r.overflow)
            big_set(&den, l.full_quantity)
            big_divmod(&part, &rest, out, &den)
            part.neg = out.neg if part.n else 0
            big_copy(out, &part)
        out.neg = 0 if out.neg or out.n == 0 else 1
        big_copy(&part, &r.whole)
        big_times(&part, l.net, &r.overflow)
        big_add(out, out, &part, &r.overflow)
    if unpaid != net:
        big_times(out, unpaid, &r.overflow)
        big_set(&den, net)
        big_divmod(&part, &rest, out, &den)
        part.neg = out.neg if part.n else 0
        big_copy(out, &part)


cdef inline void common_whole(const Basket *b, Rated *r) noexcept nogil:
    """D: a common multiple of all denominators that the lines' bases can have."""
    cdef int32_t i
    cdef Big den, g, rest, part
    cdef const Line *one
    big_set(&r.whole, 1)
    for i in range(b.n):
        one = &b.lines[i]
        if one.unpaid == one.net and one.quantity == one.full_quantity and one.net == one.net_sold:
            continue
        big_set(&den, 1)
        if one.unpaid != one.net and one.net > 0:
            big_times(&den, one.net, &r.overflow)
        if one.quantity != one.full_quantity and one.full_quantity > 0:
            big_times(&den, one.full_quantity, &r.overflow)
        if one.net != one.net_sold and one.net_sold > 0:
            big_times(&den, one.net_sold, &r.overflow)
        big_gcd(&g, &r.whole, &den)
        big_divmod(&part, &rest, &den, &g)
        big_mul(&r.whole, &r.whole, &part, &r.overflow)


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
    """Exact points of an amount (over D) at one rate, over D * rate_den."""
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
    """The rule's exact figure for E = sum_ (over D), over D * rate_den.

    Returns the rate a basis unit where the figure is linear in it, -1 where it is not.
    """
    cdef int32_t i, first = t.bands_from[rule], last = t.bands_from[rule + 1]
    cdef Big edge, part, piece
    out.n = 0
    out.neg = 0
    if first == last:
        rated_slice(t, rule, sum_, t.exact[place], t.block_exact[place], r, out)
        return -1 if t.blocks[rule] else t.exact[place]
    for i in range(last - 1, first - 1, -1):
        big_copy(&edge, &r.whole)
        big_times(&edge, t.band_start[i], &r.overflow)
        if big_cmp(sum_, &edge) < 0:
            continue
        if not t.marginal[rule]:
            rated_slice(t, rule, sum_, t.band_exact[i], t.band_block[i], r, out)
            return -1 if t.blocks[rule] else t.band_exact[i]
        if i + 1 < last:
            big_copy(&part, &r.whole)
            big_times(&part, t.band_start[i + 1], &r.overflow)
            if big_cmp(sum_, &part) < 0:
                big_copy(&part, sum_)
        else:
            big_copy(&part, sum_)
        edge.neg = 1 if edge.n else 0
        big_add(&part, &part, &edge, &r.overflow)
        rated_slice(t, rule, &part, t.band_exact[i], t.band_block[i], r, &piece)
        big_add(out, out, &piece, &r.overflow)
    return -1


cdef inline int64_t carried(const RuleTable *t, const int64_t *row, int32_t rule, const Big *num,
                            const Big *den, Rated *r) noexcept nogil:
    """floor(carry + num / den), at least 0; r.after is what is then carried."""
    cdef Big cn, cd, total, d, part
    cdef int64_t given
    big_load(&cn, &cd, row + t.slot[rule])
    big_mul(&total, num, &cd, &r.overflow)
    big_mul(&part, &cn, den, &r.overflow)
    big_add(&total, &total, &part, &r.overflow)
    big_mul(&d, den, &cd, &r.overflow)
    given = big_round(&total, &d, 0, &r.overflow)
    if given < 0:
        given = 0
    big_copy(&part, &d)
    big_times(&part, given, &r.overflow)
    part.neg = 1 if part.n else 0
    big_add(&total, &total, &part, &r.overflow)
    big_store(r.after + 4 * rule, &total, &d, &r.overflow)
    return given


cdef inline void share_out(const RuleTable *t, const Basket *b, int32_t rule, int64_t rate,
                           const Big *exact, const Big *weight_sum, Rated *r) noexcept nogil:
    """Add an earn rule's exact figure to its lines, scaled where its own limits cut it."""
    cdef int32_t i, c = t.currency[rule]
    cdef int64_t part = 1, whole = 1, common
    cdef Big factor, old, piece
    cdef Big *line = r.exact + <int64_t>c * b.n
    if r.granted[rule] != r.desired[rule]:
        common = gcd64(r.granted[rule], r.desired[rule])
        part = r.granted[rule] // common
        whole = r.desired[rule] // common
    big_set(&factor, whole)
    if rate < 0:
        if weight_sum.n == 0 or weight_sum.neg:
            return
        big_mul(&factor, &factor, weight_sum, &r.overflow)
    big_copy(&old, &r.scale[c])
    if factor.n != 1 or factor.d[0] != 1:
        for i in range(b.n):
            if line[i].n:
                big_mul(&line[i], &line[i], &factor, &r.overflow)
        big_mul(&r.scale[c], &r.scale[c], &factor, &r.overflow)
    for i in range(b.n):
        if r.basis[i].n == 0:
            continue
        if rate < 0:
            big_mul(&piece, exact, &r.basis[i], &r.overflow)
        else:
            big_copy(&piece, &r.basis[i])
            big_times(&piece, rate, &r.overflow)
        big_times(&piece, part, &r.overflow)
        big_mul(&piece, &piece, &old, &r.overflow)
        big_add(&line[i], &line[i], &piece, &r.overflow)


cdef inline int64_t by_line(const Basket *b, int64_t rate, const Big *den,
                            Rated *r) noexcept nogil:
    """The sum of each line's exact figure with its fraction dropped, of either sign."""
    cdef int32_t i
    cdef int64_t total = 0, one
    cdef Big piece
    for i in range(b.n):
        if r.basis[i].n == 0:
            continue
        big_copy(&piece, &r.basis[i])
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
    total.n = total.neg = 0
    if basis == TENDER:
        rule_tender(t, b, rule, r)
    for i in range(b.n):
        r.basis[i].n = r.basis[i].neg = 0
        if not r.matched[<int64_t>i * t.n_words + (rule >> 6)] & bit:
            continue
        if firsts:
            # A line counts for the first matching rule of its group only.
            if r.taken[i] >> t.group[rule] & 1:
                continue
            r.taken[i] |= <uint64_t>1 << t.group[rule]
        counted = True
        line_basis(b, &b.lines[i], basis, r.share[i], r, &r.basis[i])
        big_add(&total, &total, &r.basis[i], &r.overflow)
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
    big_times(&den, t.currencies[c].rate_den, &r.overflow)
    if t.rounding[rule] == CARRY:
        r.desired[rule] = carried(t, row, rule, &exact, &den, r)
    elif t.rounding[rule] == BY_LINE and rate >= 0:
        r.desired[rule] = by_line(b, rate, &den, r)
    elif t.currencies[c].at_basket:
        r.desired[rule] = big_round(&exact, &den, 0, &r.overflow)
    else:
        r.desired[rule] = big_round(&exact, &den, t.rounding[rule] if t.rounding[rule] < 4 else 0,
                                    &r.overflow)
    big_copy(&r.figure[rule], &exact)
    big_copy(&r.figure_den[rule], &den)
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
            r.figure[rule].n = 0
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
    total.n = total.neg = 0
    if t.basis[rule] == TENDER:
        rule_tender(t, b, rule, r)
    for i in range(b.n):
        r.basis[i].n = r.basis[i].neg = 0
        if r.matched[<int64_t>i * t.n_words + (rule >> 6)] & bit:
            line_basis(b, &b.lines[i], t.basis[rule], r.share[i], r, &r.basis[i])
            big_add(&total, &total, &r.basis[i], &r.overflow)
    if r.figure[rule].n == 0:
        return
    if t.basis[rule] != VISIT:
        rate = earn_exact(t, rule, rule * (t.n_tiers + 1) + tier + 1, &total, r, &exact)
    share_out(t, b, rule, rate, &r.figure[rule], &total, r)


cdef inline bint bigger_factor(const RuleTable *t, int32_t a, int32_t b,
                               int32_t tier) noexcept nogil:
    """Whether rule a's factor is above rule b's."""
    cdef int64_t at = <int64_t>a * (t.n_tiers + 1) + tier + 1
    cdef int64_t bt = <int64_t>b * (t.n_tiers + 1) + tier + 1
    return <i128>t.num[at] * t.den[bt] > <i128>t.num[bt] * t.den[at]


cdef inline void own(const RuleTable *t, int32_t rule, const Big *piece, Rated *r) noexcept nogil:
    """A multiply owns an increment of one line, over its figure_den."""
    cdef Big plain
    big_add(&r.figure[rule], &r.figure[rule], piece, &r.overflow)
    if t.rounding[rule] == BY_LINE:
        big_copy(&plain, piece)
        plain.neg = 0
        r.desired[rule] += ((-1 if piece.neg else 1)
                            * big_round(&plain, &r.figure_den[rule], 0, &r.overflow))


cdef inline void stack_line(const RuleTable *t, const Basket *b, int32_t stack, int32_t mode,
                            int32_t line, int32_t tier, const Big *common,
                            Rated *r) noexcept nogil:
    """What each multiply of a stack owns of one line: into r.figure, over its figure_den."""
    cdef int32_t i, rule, best = -1
    cdef int64_t at
    cdef Big chain, piece, rest, den
    big_copy(&chain, common)
    for i in range(r.n_part):
        rule = r.part[i]
        if t.kind[rule] != MULTIPLY or t.group[rule] != stack:
            continue
        if not (r.matched[<int64_t>line * t.n_words + (rule >> 6)] >> (rule & 63)) & 1:
            continue
        at = <int64_t>rule * (t.n_tiers + 1) + tier + 1
        if mode == STACK_BEST:
            if best < 0 or bigger_factor(t, rule, best, tier):
                best = rule
        elif mode == STACK_COMPOUND:
            # chain is the product of the factors so far, times the stack's denominator.
            big_set(&den, t.den[at])
            big_divmod(&piece, &rest, &chain, &den)
            big_times(&piece, t.num[at], &r.overflow)
            big_add(&chain, &chain, &piece, &r.overflow)
            big_mul(&piece, &piece, &r.exact[<int64_t>t.currency[rule] * b.n + line],
                    &r.overflow)
            own(t, rule, &piece, r)
        else:
            big_copy(&piece, &r.exact[<int64_t>t.currency[rule] * b.n + line])
            big_times(&piece, t.num[at], &r.overflow)
            own(t, rule, &piece, r)
    if best >= 0:
        at = <int64_t>best * (t.n_tiers + 1) + tier + 1
        big_copy(&piece, &r.exact[<int64_t>t.currency[best] * b.n + line])
        big_times(&piece, t.num[at], &r.overflow)
        own(t, best, &piece, r)


cdef inline void rate_stack(const RuleTable *t, const Basket *b, int32_t first, int32_t tier,
                            Rated *r) noexcept nogil:
    """The multiplies that stack with the one at place `first`, which is their first."""
    cdef int32_t k, c, line, rule = r.part[first], stack = t.group[rule]
    cdef int32_t mode = t.group_mode[stack] if stack >= 0 else 0
    cdef Big common, den
    big_set(&common, 1)
    if mode == STACK_COMPOUND:
        for k in range(first, r.n_part):
            if t.kind[r.part[k]] == MULTIPLY and t.group[r.part[k]] == stack:
                big_times(&common, t.den[<int64_t>r.part[k] * (t.n_tiers + 1) + tier + 1],
                          &r.overflow)
    for k in range(first, r.n_part):
        if t.kind[r.part[k]] != MULTIPLY or t.group[r.part[k]] != stack:
            continue
        c = t.currency[r.part[k]]
        big_copy(&den, &r.whole)
        big_times(&den, t.currencies[c].rate_den, &r.overflow)
        big_mul(&den, &den, &r.scale[c], &r.overflow)
        if mode == STACK_COMPOUND:
            big_mul(&den, &den, &common, &r.overflow)
        else:
            big_times(&den, t.den[<int64_t>r.part[k] * (t.n_tiers + 1) + tier + 1], &r.overflow)
        big_copy(&r.figure_den[r.part[k]], &den)
        r.figure[r.part[k]].n = r.figure[r.part[k]].neg = 0
        r.desired[r.part[k]] = 0
    for line in range(b.n):
        stack_line(t, b, stack, mode, line, tier, &common, r)


cdef inline void rate_multiplies(const RuleTable *t, const Basket *b, const int64_t *row,
                                 int32_t tier, Rated *r) noexcept nogil:
    """All multiplies: their exact extra, rounded, after their own limits."""
    cdef int32_t i, k, rule
    cdef bint seen
    for i in range(r.n_part):
        rule = r.part[i]
        if t.kind[rule] != MULTIPLY:
            continue
        seen = False
        for k in range(i):
            if t.kind[r.part[k]] == MULTIPLY and t.group[r.part[k]] == t.group[rule]:
                seen = True
        if not seen:
            rate_stack(t, b, i, tier, r)
    for i in range(r.n_part):
        rule = r.part[i]
        if t.kind[rule] != MULTIPLY:
            continue
        if t.rounding[rule] == CARRY:
            r.desired[rule] = carried(t, row, rule, &r.figure[rule], &r.figure_den[rule], r)
        elif t.currencies[t.currency[rule]].at_basket:
            r.desired[rule] = big_round(&r.figure[rule], &r.figure_den[rule], 0, &r.overflow)
        elif t.rounding[rule] != BY_LINE:
            r.desired[rule] = big_round(&r.figure[rule], &r.figure_den[rule],
                                        t.rounding[rule], &r.overflow)
        if r.desired[rule] < 0:
            r.desired[rule] = 0
        own_limits(t, row, rule, b.day, r)


cdef inline void round_basket(const RuleTable *t, const int64_t *row, int32_t c, int32_t day,
                              Rated *r) noexcept nogil:
    """Round a currency's exact figures once: floors, the rest to the largest fractions."""
    cdef int32_t i, rule, best
    cdef int64_t total, given = 0
    cdef Big sum_, den, piece, other, rest, g, x
    # A common denominator, then the sum.
    big_set(&den, 1)
    for i in range(r.n_part):
        rule = r.part[i]
        if t.currency[rule] == c and t.kind[rule] != BONUS and r.figure[rule].n:
            big_gcd(&g, &den, &r.figure_den[rule])
            big_divmod(&piece, &rest, &r.figure_den[rule], &g)
            big_mul(&den, &den, &piece, &r.overflow)
    sum_.n = sum_.neg = 0
    for i in range(r.n_part):
        rule = r.part[i]
        if t.currency[rule] != c or t.kind[rule] == BONUS or r.limit[rule] == -1:
            continue
        r.desired[rule] = 0
        if r.figure[rule].n == 0:
            continue
        big_divmod(&piece, &rest, &den, &r.figure_den[rule])
        big_mul(&x, &r.figure[rule], &piece, &r.overflow)
        big_copy(&r.figure[rule], &x)
        big_add(&sum_, &sum_, &x, &r.overflow)
        r.desired[rule] = big_round(&x, &den, 0, &r.overflow)
        given += r.desired[rule]
        # The fraction that is left decides who gets what the rounded sum has more.
        big_copy(&other, &den)
        big_times(&other, r.desired[rule], &r.overflow)
        other.neg = 1 if other.n and not other.neg else 0
        big_add(&r.figure[rule], &r.figure[rule], &other, &r.overflow)
    total = big_round(&sum_, &den, t.currencies[c].rounding, &r.overflow)
    while given < total and not r.overflow:
        best = -1
        for i in range(r.n_part):
            rule = r.part[i]
            if (t.currency[rule] == c and t.kind[rule] != BONUS and r.limit[rule] != -1
                    and r.figure[rule].n and not r.figure[rule].neg
                    and (best < 0 or big_cmp(&r.figure[rule], &r.figure[best]) > 0)):
                best = rule
        if best < 0:
            break
        r.desired[best] += 1
        r.figure[best].n = 0
        given += 1
    for i in range(r.n_part):
        rule = r.part[i]
        if t.currency[rule] == c and t.kind[rule] != BONUS and r.limit[rule] != -1:
            own_limits(t, row, rule, day, r)


cdef inline void units_bought(const RuleTable *t, const Basket *b, int32_t rule, Rated *r,
                              Big *out) noexcept nogil:
    """Thousandths of a rule's matching lines over D, the redeemed share left out."""
    cdef int32_t i
    cdef Big one
    cdef Line line
    out.n = out.neg = 0
    for i in range(b.n):
        if (r.matched[<int64_t>i * t.n_words + (rule >> 6)] >> (rule & 63)) & 1:
            line = b.lines[i]
            if t.product_weighed[line.product] and line.quantity:
                line.quantity = 1000
            line_basis(b, &line, QUANTITY, 0, r, &one)
            big_add(out, out, &one, &r.overflow)


cdef inline void rate_bonus(const RuleTable *t, const Basket *b, const int64_t *row, int32_t rule,
                            int32_t tier, const int64_t *active, Rated *r) noexcept nogil:
    """A bonus of any form, after its own limits."""
    cdef int32_t place = rule * (t.n_tiers + 1) + tier + 1
    cdef Big num, den
    cdef int64_t times
    r.desired[rule] = 0
    if t.form[rule] == PER_UNITS:
        units_bought(t, b, rule, r, &num)
        # Carried in rewards: thousandths over D and the units of a reward.
        big_copy(&den, &r.whole)
        big_times(&den, t.units[rule], &r.overflow)
        times = carried(t, row, rule, &num, &den, r)
        if t.num[place] and times > MOST_UNITS // t.num[place]:
            r.overflow = 1
            return
        r.desired[rule] = times * t.num[place]
    elif t.form[rule] == OF_BALANCE:
        if active != NULL and active[t.currency[rule]] > 0:
            big_set(&num, active[t.currency[rule]])
            big_times(&num, t.num[place], &r.overflow)
            big_set(&den, t.den[place])
            r.desired[rule] = big_round(&num, &den, 0, &r.overflow)
            if r.desired[rule] > t.cap[rule]:
                r.desired[rule] = t.cap[rule]
    else:
        r.desired[rule] = t.num[place]
    own_limits(t, row, rule, b.day, r)


cdef inline void stack_bonuses(const RuleTable *t, Rated *r) noexcept nogil:
    """Of the bonuses of a stack `best`, the one that gives most."""
    cdef int32_t i, k, rule, best
    for i in range(r.n_part):
        rule = r.part[i]
        if (t.kind[rule] != BONUS or t.group[rule] < 0
                or t.group_mode[t.group[rule]] != STACK_BEST or r.limit[rule] == -1):
            continue
        best = rule
        for k in range(i + 1, r.n_part):
            if (t.kind[r.part[k]] == BONUS and t.group[r.part[k]] == t.group[rule]
                    and r.limit[r.part[k]] != -1 and r.granted[r.part[k]] > r.granted[best]):
                best = r.part[k]
        for k in range(i, r.n_part):
            if (t.kind[r.part[k]] == BONUS and t.group[r.part[k]] == t.group[rule]
                    and r.part[k] != best):
                r.desired[r.part[k]] = r.granted[r.part[k]] = 0
                r.limit[r.part[k]] = -1


cdef inline void fill_rated_caps(const RuleTable *t, const int64_t *row, int32_t day,
                                 Rated *r) noexcept nogil:
    """The program's caps, filled in (priority, file) order over all kinds."""
    cdef int32_t i, k, rule, c
    for c in range(t.n_currencies):
        for k in range(t.currencies[c].caps_from, t.currencies[c].caps_to):
            r.room[k] = limit_room(t, &t.limits[k], row, day, NO_YEAR)
    r.n_fired = 0
    for i in range(r.n_part):
        rule = r.part[i]
        if r.desired[rule] <= 0 or r.limit[rule] == -1:
            continue
        r.fired[r.n_fired] = rule
        r.n_fired += 1
        c = t.currency[rule]
        for k in range(t.currencies[c].caps_from, t.currencies[c].caps_to):
            if r.room[k] < r.granted[rule]:
                r.granted[rule] = r.room[k]
                r.limit[rule] = t.limits[k].code
        for k in range(t.currencies[c].caps_from, t.currencies[c].caps_to):
            r.room[k] -= r.granted[rule]


cdef inline bint reaches_minimum(const RuleTable *t, const Basket *b, int32_t rule,
                                 Rated *r) noexcept nogil:
    """Least amount and quantity over the lines that meet the rule's line conditions."""
    cdef int32_t i
    cdef int64_t amount = 0
    cdef Big units, one, least
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


cdef inline void match(const RuleTable *t, const Basket *b, const int64_t *row, int32_t tier,
                       Rated *r) noexcept nogil:
    """Fill r.part: the rules that take part, in (priority, file) order (rulebook 3)."""
    cdef int32_t w, i, k, rule, words = t.n_words
    cdef uint64_t left, any_, opened, word
    cdef Facing f
    cdef bint given
    r.n_part = 0
    if b.form != CLOSED_DAY:
        basket_words(t, words, b.store, b.terminal, b.day, b.minute, b.tender, b.n_tenders,
                     r.words)
    f.at = b.at
    f.day = b.day
    f.store = t.store_key[b.store] if t.store_key != NULL and b.form != CLOSED_DAY else 0
    f.category = r.category
    f.n_lines = b.n if b.form == BASKET else 0
    for i in range(f.n_lines):
        r.category[i] = (t.product_category[b.lines[i].product]
                         if t.product_category != NULL else 0)
    for w in range(words):
        if b.form == ACTIVITY_FACT:
            r.words[w] &= t.activity[<int64_t>b.code * words + w] & t.activity_mask[w]
        elif b.form == CLOSED_DAY:
            r.words[w] = t.dated_mask[w]
        else:
            r.words[w] &= ~t.activity_mask[w] & ~t.dated_mask[w]
        if t.every_epoch != NULL:
            r.words[w] &= t.every_epoch[<int64_t>b.epoch * words + w]
        if t.channel != NULL and b.form != CLOSED_DAY:
            r.words[w] &= t.channel[<int64_t>b.channel * words + w]
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
            if b.form == BASKET and not reaches_minimum(t, b, rule, r):
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
            if not has_room(t, row, rule, b.day, r.year[rule]):
                # Without room it takes no part in its group; its carried remainder stands.
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


cdef inline void rate_all(const RuleTable *t, const Basket *b, const int64_t *row, int32_t tier,
                          const int64_t *active, Rated *r) noexcept nogil:
    """What each rule gives to a basket with a positive eligible amount, before any is posted.

    `row` is the member as it stood before the basket, `active` the spendable balance of each
    currency after the sale's own redemption.
    """
    cdef int32_t i, k, rule, c
    cdef bint seen
    r.overflow = 0
    common_whole(b, r)
    match(t, b, row, tier, r)
    for c in range(t.n_currencies):
        big_set(&r.scale[c], 1)
        for i in range(b.n):
            r.exact[<int64_t>c * b.n + i].n = r.exact[<int64_t>c * b.n + i].neg = 0
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
