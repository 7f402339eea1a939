"""A basket as the general rating takes it, and the exact bases of its lines.

Bases are numerators over D (Rated.whole), a common multiple of every denominator that a line
paid in part, or come back in part, can have (rulebook 4.1 and 9).
"""

from libc.stdint cimport INT64_MIN, int16_t, int32_t, int64_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free

from .arith cimport gcd64, i128
from .big cimport (
    MOST_LIMBS, Big, big_add, big_copy, big_divmod, big_gcd, big_mul, big_set, big_times)
from .limbs cimport Limb
from .lots cimport after
from .rules cimport (
    GROSS, MARGIN, NET, PART_QUANTITY, PART_SOLD, PART_UNPAID, QUANTITY, TENDER, VISIT, RuleTable)
from .state cimport Vec


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
    uint64_t drawn        # bits of the version's draws that the fact wins
    uint32_t epoch
    const uint32_t *tender
    int64_t n_tenders
    const int64_t *paid      # [tender]: scaled amount, rulebook 4.1
    const uint32_t *coupon
    int64_t n_coupons
    int64_t net_sold_all     # of the lines with a positive net
    int32_t form             # BASKET, ACTIVITY_FACT or CLOSED_DAY
    uint32_t code            # of the activity
    const int32_t *bought    # days of the purchases before it, if it is dated before one of them
    int64_t n_bought


cdef enum Form:
    BASKET = 0
    ACTIVITY_FACT = 1
    CLOSED_DAY = 2


cdef struct Rated:
    int64_t *desired         # [rule]
    int64_t *granted
    int32_t *limit
    int32_t *year            # [rule]: year of the anniversary near, NO_YEAR
    int32_t *roomless        # [rule]: nothing was left for it before the basket
    Vec **after              # [rule]: what its carried remainder would be
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
    # Lists of numbers that have room for `limbs` limbs each, no more: see nth and put.
    Big *basis               # [line]: of the rule at hand, over D
    Big *exact               # [currency, line], over D * S
    Big *scale               # [currency]: S
    Big *figure              # [rule]: exact earn or extra
    Big *figure_den          # [rule]
    int64_t limbs
    int64_t step             # bytes from one to the next
    int64_t n_lines          # how many there is room for
    int64_t n_currencies
    int64_t n_rules
    int cramped              # a number had no room in its list
    Big whole                # D
    int overflow
    int failed               # memory has ended


cdef enum:
    FEW_LIMBS = 16           # of numbers in lists, until a basket asks for more


cdef inline Big *nth(const Rated *r, Big *first, int64_t i) noexcept nogil:
    """A number of a list; what is written there goes through `put` or `add_up`."""
    return <Big*>(<char*>first + i * r.step)


cdef inline void put(Rated *r, Big *to, const Big *a) noexcept nogil:
    """Write a number into a list. One without room there has the basket rated again."""
    if a.n > r.limbs:
        r.cramped = r.overflow = 1
        to.n = to.neg = 0
        return
    big_copy(to, a)


cdef inline void add_up(Rated *r, Big *to, const Big *more) noexcept nogil:
    """Add to a number of a list, in place: a sum is a limb longer at most."""
    if r.limbs < MOST_LIMBS and (to.n >= r.limbs or more.n >= r.limbs):
        r.cramped = r.overflow = 1
        to.n = to.neg = 0
        return
    big_add(to, to, more, &r.overflow)


cdef inline bint make_lists(Rated *r, int64_t limbs) noexcept nogil:
    """Lists, all of 0, of numbers with room for so many limbs; False without memory.

    Full ones would be 5 KB a number. What stood in lists before is gone.
    """
    cdef int64_t lines = r.n_lines, c = r.n_currencies
    cdef int64_t most = limbs if limbs < MOST_LIMBS else MOST_LIMBS
    cdef int64_t step = sizeof(int64_t) + most * sizeof(Limb)
    cdef Big *made = <Big*>calloc((c + 1) * lines + c + 2 * r.n_rules + 2, step)
    if made == NULL:
        return False
    free(r.basis)
    r.basis = made
    r.limbs = most
    r.step = step
    r.exact = nth(r, r.basis, lines)
    r.scale = nth(r, r.exact, c * lines)
    r.figure = nth(r, r.scale, c)
    r.figure_den = nth(r, r.figure, r.n_rules)
    return True


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


cdef inline void common_whole(const RuleTable *t, const Basket *b, Rated *r) noexcept nogil:
    """D: a common multiple of all denominators that the lines' bases can have.

    A basket of many lines, each with a net of its own, has one of thousands of bits. So only those
    parts of a line are in it for which some figure asks, in lowest terms; what is left of nets is
    whole.
    """
    cdef int32_t i, asked = t.fractions
    cdef Big den, g, rest, part
    cdef const Line *one
    big_set(&r.whole, 1)
    if not asked:
        return
    for i in range(b.n):
        one = &b.lines[i]
        if one.unpaid == one.net and one.quantity == one.full_quantity and one.net == one.net_sold:
            continue
        big_set(&den, 1)
        if asked & PART_UNPAID and one.unpaid != one.net and one.net > 0:
            big_times(&den, one.net // gcd64(one.unpaid, one.net), &r.overflow)
        if asked & PART_QUANTITY and one.quantity != one.full_quantity and one.full_quantity > 0:
            big_times(&den, one.full_quantity // gcd64(one.quantity, one.full_quantity),
                      &r.overflow)
        if asked & PART_SOLD and one.net != one.net_sold and one.net_sold > 0:
            big_times(&den, one.net_sold // gcd64(one.net, one.net_sold), &r.overflow)
        if den.n == 1 and den.d[0] == 1:
            continue
        big_gcd(&g, &r.whole, &den)
        big_divmod(&part, &rest, &den, &g)
        big_mul(&r.whole, &r.whole, &part, &r.overflow)
    # A few limbs more: the figures of a line that are worked in place, then rates and factors.
    if r.whole.n + FEW_LIMBS // 2 > r.limbs and r.limbs < MOST_LIMBS:
        if not make_lists(r, r.whole.n + FEW_LIMBS):
            r.failed = 1
