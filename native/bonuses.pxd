"""Bonuses in general: fixed, by units bought, on the balance; stacks of them (rulebook 4.4)."""

from libc.stdint cimport int32_t, int64_t

from .arith cimport MOST_UNITS
from .basket cimport Basket, Line, Rated, line_basis
from .big cimport Big, big_add, big_round, big_set, big_times
from .earnings cimport carried
from .limits cimport own_limits
from .rules cimport BONUS, OF_BALANCE, PER_UNITS, QUANTITY, STACK_BEST, RuleTable


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
            if t.product_weighed[line.product]:
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
        # What is carried are units, of whatever version: thousandths over D.
        times = carried(t, row, rule, &num, &r.whole, t.units[rule], r)
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
