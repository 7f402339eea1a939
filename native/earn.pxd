"""What a basket earns: exact earn, multiplies, bonuses, limits, caps (rulebook section 4).

`words` and `currencies` are t's own counts, passed so that the usual one of each can be a
constant of the compiled code; `rules` are those of t at the member's tier. Nothing here touches
a member: it reads counters and fills a `Figure` for each rule, so that a refused basket moves
nothing. Programs of several currencies, and figures that need 128 bits: earn_any.pxd.
"""

from libc.stdint cimport int32_t, int64_t, uint64_t

from .arith cimport add64, ctz64, i128, round_safe
from .counters cimport in_period
from .rules cimport N_OF, OF_EXACT, OF_NET, OF_ONE, OF_QUANTITY, Limit, PlainRule, RuleTable
from .words cimport Segment


cdef struct Figure:
    int64_t desired
    # Of a basket that limits or caps may have cut (Figures.cut); else as desired, and none.
    int64_t granted
    int32_t limit        # code of the last limit that cut, 0 for none


cdef struct Figures:
    Figure *of           # [rule]: valid for the candidates
    i128 *exact          # [currency, segment]: exact earn over rate_den * scale
    i128 *scale          # [currency]
    int64_t *safe_exact  # [currency, segment]: the same for a basket within safe bounds
    int64_t *room        # [limit]: what is left of each cap in this basket
    int64_t *given       # [currency]: what the rules gave
    uint64_t *limited    # [word]: rules with limits of their own
    int cut              # each figure tells what is granted
    int beyond           # one posting is too large, or all of a currency are
    int overflow


cdef inline int64_t granted_by(const Figures *f, const Figure *to) noexcept nogil:
    return to.granted if f.cut else to.desired


cdef inline int64_t left_by(const RuleTable *t, const Limit *limit, const int64_t *row,
                            int32_t day) noexcept nogil:
    """What a limit by a calendar period, or of one basket, leaves; never below zero."""
    cdef int64_t used = in_period(t, row, limit.counter, day)
    return limit.ceiling - used if limit.ceiling > used else 0


cdef inline void cut_by_own(const RuleTable *t, const PlainRule *rule, const int64_t *row,
                            int32_t day, Figure *to) noexcept nogil:
    """Cut a rule's figure by its own limits, in the order in which they are listed."""
    cdef int32_t i
    cdef int64_t room
    for i in range(rule.limits_from, rule.limits_to):
        room = left_by(t, &t.limits[i], row, day)
        if t.limits[i].is_uses:
            room = to.granted if room > 0 else 0
        if room < to.granted:
            to.granted = room
            to.limit = t.limits[i].code


cdef inline void give(const RuleTable *t, int32_t currency, int64_t points, int64_t largest,
                      Figures *f) noexcept nogil:
    """Add what rules of a currency give; `largest` is at least what one of them does."""
    f.beyond |= largest > t.currencies[currency].most
    f.given[currency] = add64(f.given[currency], points, &f.beyond)


cdef inline void rate_phase(const RuleTable *t, int32_t words, bint earns, bint quantities,
                            bint multiplied, const PlainRule *rules, const Segment *segments,
                            int32_t n, const uint64_t *matched, const uint64_t *candidates,
                            Figures *f) noexcept nogil:
    """Figures of a currency's earn rules, or of all others, before their own limits.

    Hardly a branch on what a rule is: its figure is a multiple of one of `of`.
    """
    cdef int32_t w, s, place
    cdef uint64_t left, bit, alike, word
    cdef int64_t net, quantity, exact, figure, given, largest, by_net, by_quantity, keep
    cdef bint met
    cdef const uint64_t *here
    cdef const PlainRule *one
    cdef const PlainRule *those
    cdef Figure *figures
    cdef int64_t of[N_OF]
    of[OF_QUANTITY] = of[OF_EXACT] = 0
    of[OF_ONE] = 1
    for w in range(words):
        left = candidates[w] & (t.earn_mask[w] if earns else ~t.earn_mask[w])
        here = matched + w * <int64_t>n
        those = rules + w * 64
        figures = f.of + w * 64
        given = largest = 0
        while left:
            # Rules that match the same segments have the same sums: one look for all.
            alike = left
            bit = left & (~left + 1)
            net = quantity = exact = by_net = by_quantity = 0
            for s in range(n):
                word = here[s]
                if word & bit:
                    alike &= word
                    net += segments[s].net
                    if quantities:
                        quantity += segments[s].quantity
                    if not earns:
                        exact += f.safe_exact[s]
                else:
                    alike &= ~word
            left &= ~alike
            of[OF_NET] = net
            if quantities:
                of[OF_QUANTITY] = quantity
            if not earns:
                of[OF_EXACT] = exact
            while alike:
                place = ctz64(alike)
                alike &= alike - 1
                one = &those[place]
                met = net >= one.min_amount
                if quantities:
                    met &= quantity >= one.min_quantity
                # All bits or none: no branch on the data.
                keep = -<int64_t>met
                figure = keep & round_safe(of[one.of] * one.num, one.den, one.inverse,
                                           one.shift, one.rounding)
                if earns:
                    if quantities and one.of == OF_QUANTITY:
                        by_quantity += one.exact & keep
                    else:
                        by_net += one.exact & keep
                figures[place].desired = figure
                given += figure
                largest |= figure
            if earns and multiplied:
                for s in range(n):
                    if here[s] & bit:
                        f.safe_exact[s] += by_net * segments[s].net
                        if quantities:
                            f.safe_exact[s] += by_quantity * segments[s].quantity
        # Figures of 64 rules within safe bounds fit together.
        give(t, 0, given, largest, f)


cdef inline void tell_granted(int32_t words, const uint64_t *candidates,
                              Figures *f) noexcept nogil:
    """Let each figure tell what is granted: so far what is desired."""
    cdef int32_t w
    cdef uint64_t left
    cdef Figure *to
    if f.cut:
        return
    f.cut = 1
    for w in range(words):
        left = candidates[w]
        while left:
            to = &f.of[w * 64 + ctz64(left)]
            left &= left - 1
            to.granted = to.desired
            to.limit = 0


cdef inline void cut_limited(const RuleTable *t, int32_t words, const PlainRule *rules,
                             const uint64_t *candidates, const int64_t *row, int32_t day,
                             Figures *f) noexcept nogil:
    """Cut the figures of all rules of one currency by their own limits."""
    cdef int32_t w, rule
    cdef uint64_t left = 0
    for w in range(words):
        left |= candidates[w] & f.limited[w]
    if left:
        tell_granted(words, candidates, f)
    for w in range(words):
        left = candidates[w] & f.limited[w]
        while left:
            rule = w * 64 + ctz64(left)
            left &= left - 1
            cut_by_own(t, &rules[rule], row, day, &f.of[rule])
            f.given[0] -= f.of[rule].desired - f.of[rule].granted


cdef inline void rate_one(const RuleTable *t, int32_t words, bint quantities,
                          const PlainRule *rules, const Segment *segments, int32_t n,
                          const uint64_t *matched, const uint64_t *candidates,
                          const int64_t *row, int32_t day, Figures *f) noexcept nogil:
    """Fill f for a basket with a positive eligible amount, but for what caps cut, under a program
    of one currency, where every product is known to fit.

    matched[word, segment] are the rules each segment satisfies, candidates[word] those
    that some segment does.
    """
    cdef int32_t s
    cdef bint multiplied = t.currencies[0].multiplied
    f.overflow = f.beyond = f.cut = 0
    f.given[0] = 0
    for s in range(n):
        f.safe_exact[s] = 0
    # Earn rules first: a multiply needs every earn rule of its currency.
    rate_phase(t, words, True, quantities, multiplied, rules, segments, n, matched, candidates, f)
    rate_phase(t, words, False, quantities, multiplied, rules, segments, n, matched, candidates, f)
    cut_limited(t, words, rules, candidates, row, day, f)


cdef inline bint is_safe(const RuleTable *t, const Segment *segments, int32_t n,
                         int64_t eligible) noexcept nogil:
    """Whether no figure of a basket needs 128 bits."""
    cdef int32_t s
    cdef int64_t all_units = 0
    if t.uses_quantity:
        for s in range(n):
            all_units += segments[s].quantity
    return eligible <= t.safe_amount and all_units <= t.safe_quantity


cdef inline void fill_caps(const RuleTable *t, const PlainRule *rules,
                           const uint64_t *candidates, Figures *f) noexcept nogil:
    """The program's caps, filled in (priority, file) order, which is that of the bits."""
    cdef int32_t w, i, rule, currency
    cdef int64_t granted
    cdef uint64_t left
    cdef Figure *to
    tell_granted(t.n_words, candidates, f)
    for currency in range(t.n_currencies):
        f.given[currency] = 0
    for w in range(t.n_words):
        left = candidates[w]
        while left:
            rule = w * 64 + ctz64(left)
            left &= left - 1
            to = &f.of[rule]
            currency = rules[rule].currency
            granted = to.granted
            for i in range(t.currencies[currency].caps_from, t.currencies[currency].caps_to):
                if f.room[i] < granted:
                    granted = to.granted = f.room[i]
                    to.limit = t.limits[i].code
            for i in range(t.currencies[currency].caps_from, t.currencies[currency].caps_to):
                f.room[i] -= granted
            if granted > t.currencies[currency].most:
                f.overflow = 1
            f.given[currency] = add64(f.given[currency], granted, &f.overflow)


cdef inline bint caps_cut(const RuleTable *t, int32_t currencies, const int64_t *row,
                          int32_t day, Figures *f) noexcept nogil:
    """Whether what all rules give together passes a cap, or what fits; tells what caps leave."""
    cdef int32_t i, currency
    cdef bint cut = f.beyond != 0
    for currency in range(currencies):
        for i in range(t.currencies[currency].caps_from, t.currencies[currency].caps_to):
            f.room[i] = left_by(t, &t.limits[i], row, day)
            cut |= f.room[i] < f.given[currency]
    return cut
