"""Multiplies, by their stacks: add, best, compound, first (rulebook 4.3)."""

from libc.stdint cimport int32_t, int64_t

from .arith cimport i128
from .basket cimport Basket, Rated, add_up, nth, put
from .big cimport Big, big_add, big_copy, big_divmod, big_mul, big_round, big_set, big_times
from .earnings cimport carried
from .limits cimport own_limits
from .rules cimport BY_LINE, CARRY, MULTIPLY, STACK_BEST, STACK_COMPOUND, RuleTable


cdef inline bint bigger_factor(const RuleTable *t, int32_t a, int32_t b,
                               int32_t tier) noexcept nogil:
    """Whether rule a's factor is above rule b's."""
    cdef int64_t at = <int64_t>a * (t.n_tiers + 1) + tier + 1
    cdef int64_t bt = <int64_t>b * (t.n_tiers + 1) + tier + 1
    return <i128>t.num[at] * t.den[bt] > <i128>t.num[bt] * t.den[at]


cdef inline void own(const RuleTable *t, int32_t rule, const Big *piece, Rated *r) noexcept nogil:
    """A multiply owns an increment of one line, over its figure_den."""
    cdef Big plain
    add_up(r, nth(r, r.figure, rule), piece)
    if t.rounding[rule] == BY_LINE:
        big_copy(&plain, piece)
        plain.neg = 0
        r.desired[rule] += ((-1 if piece.neg else 1)
                            * big_round(&plain, nth(r, r.figure_den, rule), 0, &r.overflow))


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
            big_mul(&piece, &piece, nth(r, r.exact, <int64_t>t.currency[rule] * b.n + line),
                    &r.overflow)
            own(t, rule, &piece, r)
        else:
            big_copy(&piece, nth(r, r.exact, <int64_t>t.currency[rule] * b.n + line))
            big_times(&piece, t.num[at], &r.overflow)
            own(t, rule, &piece, r)
    if best >= 0:
        at = <int64_t>best * (t.n_tiers + 1) + tier + 1
        big_copy(&piece, nth(r, r.exact, <int64_t>t.currency[best] * b.n + line))
        big_times(&piece, t.num[at], &r.overflow)
        own(t, best, &piece, r)


cdef inline void rate_stack(const RuleTable *t, const Basket *b, int32_t first, int32_t tier,
                            Rated *r) noexcept nogil:
    """The multiplies that stack with the one at place `first`, which is their first."""
    cdef int32_t k, c, line, rule = r.part[first], stack = t.group[rule]
    cdef int32_t mode = t.group_mode[stack] if stack >= 0 else 0
    cdef Big common, den
    cdef Big *figure
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
        big_mul(&den, &den, nth(r, r.scale, c), &r.overflow)
        if mode == STACK_COMPOUND:
            big_mul(&den, &den, &common, &r.overflow)
        else:
            big_times(&den, t.den[<int64_t>r.part[k] * (t.n_tiers + 1) + tier + 1], &r.overflow)
        put(r, nth(r, r.figure_den, r.part[k]), &den)
        figure = nth(r, r.figure, r.part[k])
        figure.n = figure.neg = 0
        r.desired[r.part[k]] = 0
    for line in range(b.n):
        stack_line(t, b, stack, mode, line, tier, &common, r)


cdef inline void rate_multiplies(const RuleTable *t, const Basket *b, const int64_t *row,
                                 int32_t tier, Rated *r) noexcept nogil:
    """All multiplies: their exact extra, rounded, after their own limits."""
    cdef int32_t i, k, rule
    cdef bint seen
    cdef Big *figure
    cdef const Big *den
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
        figure = nth(r, r.figure, rule)
        den = nth(r, r.figure_den, rule)
        if t.rounding[rule] == CARRY:
            r.desired[rule] = carried(t, row, rule, figure, den, 1, r)
        elif t.currencies[t.currency[rule]].at_basket:
            # It adds nothing below zero to the sum that is rounded once.
            if figure.neg:
                figure.n = figure.neg = 0
            r.desired[rule] = big_round(figure, den, 0, &r.overflow)
        elif t.rounding[rule] != BY_LINE:
            r.desired[rule] = big_round(figure, den, t.rounding[rule], &r.overflow)
        if r.desired[rule] < 0:
            r.desired[rule] = 0
        own_limits(t, row, rule, b.day, r)
