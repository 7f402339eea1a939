"""What a basket earns under a program of several currencies, or in 128 bits: as earn.pxd."""

from libc.stdint cimport int32_t, int64_t, uint64_t

from .arith cimport add128, ctz64, gcd64, i128, mul128, round_ratio, round_safe
from .earn cimport Figure, Figures, cut_by_own, give
from .rules cimport (
    BONUS, EARN, N_OF, OF_EXACT, OF_NET, OF_ONE, OF_QUANTITY, PlainRule, RuleTable)
from .words cimport Segment


cdef inline int64_t want(const RuleTable *t, const PlainRule *rule, int64_t figure,
                         const int64_t *row, int32_t day, Figure *to) noexcept nogil:
    """A rule's figure, before and after its own limits; returns the latter."""
    to.desired = to.granted = figure
    to.limit = 0
    if rule.limited:
        cut_by_own(t, rule, row, day, to)
        figure = to.granted
    return figure


cdef inline void note_exact(const RuleTable *t, const PlainRule *one, int32_t currency,
                            const Figure *to, uint64_t bit, const Segment *segments, int32_t n,
                            const uint64_t *matched, Figures *f) noexcept nogil:
    """Add an earn rule's exact figure to its lines, scaled where its own limits cut it."""
    cdef int32_t s
    cdef i128 *line = f.exact + currency * <int64_t>t.n_classes
    cdef i128 share = f.scale[currency]
    cdef int64_t common, part, whole, factor
    if to.granted != to.desired:
        # granted / desired in lowest terms becomes part of the common denominator.
        common = gcd64(to.granted, to.desired)
        part = to.granted // common
        whole = to.desired // common
        factor = whole // gcd64(<int64_t>(share % whole), whole)
        for s in range(n):
            line[s] = mul128(line[s], factor, &f.overflow)
        f.scale[currency] = mul128(share, factor, &f.overflow)
        share = mul128(f.scale[currency] // whole, part, &f.overflow)
    for s in range(n):
        if matched[s] & bit:
            line[s] = add128(
                line[s],
                mul128(mul128(one.exact, segments[s].quantity if one.of == OF_QUANTITY
                              else segments[s].net, &f.overflow), share, &f.overflow),
                &f.overflow)


cdef inline void note_safe(const RuleTable *t, int32_t currency, uint64_t bit, int64_t by_net,
                           int64_t by_quantity, const Segment *segments, int32_t n,
                           const uint64_t *matched, Figures *f) noexcept nogil:
    """As note_exact, of all earn rules of a currency that match the same lines."""
    cdef int32_t s
    cdef int64_t *line = f.safe_exact + currency * <int64_t>t.n_classes
    if not t.currencies[currency].multiplied:
        return
    for s in range(n):
        if matched[s] & bit:
            line[s] += by_net * segments[s].net + by_quantity * segments[s].quantity


cdef inline int64_t safe_sum(const RuleTable *t, int32_t currency, uint64_t bit, int32_t n,
                             const uint64_t *matched, const Figures *f) noexcept nogil:
    """Exact earn of a currency on the lines that a rule matches."""
    cdef int32_t s
    cdef int64_t total = 0
    for s in range(n):
        if matched[s] & bit:
            total += f.safe_exact[currency * <int64_t>t.n_classes + s]
    return total


cdef inline void safe_figures(const RuleTable *t, const PlainRule *rules, uint64_t alike,
                              bint earns, const Segment *segments, int32_t n,
                              const uint64_t *matched, int64_t net, int64_t quantity,
                              const int64_t *row, int32_t day, Figure *to,
                              Figures *f) noexcept nogil:
    """Figures of rules that match the same lines, where every product is known to fit."""
    cdef int32_t place, currency = 0, summed = -1
    cdef int64_t figure, given = 0, largest = 0, by_net = 0, by_quantity = 0, keep
    cdef bint met, quantities = t.uses_quantity
    cdef const PlainRule *one
    cdef uint64_t bit = alike & (~alike + 1)
    cdef int64_t of[N_OF]
    of[OF_NET] = net
    of[OF_QUANTITY] = quantity
    of[OF_ONE] = 1
    of[OF_EXACT] = 0
    while alike:
        place = ctz64(alike)
        alike &= alike - 1
        one = &rules[place]
        met = net >= one.min_amount
        if quantities:
            met &= quantity >= one.min_quantity
        if one.currency != currency:
            give(t, currency, given, largest, f)
            if earns:
                note_safe(t, currency, bit, by_net, by_quantity, segments, n, matched, f)
            given = largest = by_net = by_quantity = 0
            currency = one.currency
        if one.of == OF_EXACT and summed != currency:
            of[OF_EXACT] = safe_sum(t, currency, bit, n, matched, f)
            summed = currency
        figure = round_safe(of[one.of] * one.num, one.den, one.inverse, one.shift, one.rounding)
        # All bits or none: no branch on the data.
        keep = -<int64_t>met
        if quantities and one.of == OF_QUANTITY:
            by_quantity += one.exact & keep
        else:
            by_net += one.exact & keep
        figure = want(t, one, figure & keep, row, day, &to[place])
        # Figures of 64 rules within safe bounds fit together.
        given += figure
        largest |= figure
    give(t, currency, given, largest, f)
    if earns:
        note_safe(t, currency, bit, by_net, by_quantity, segments, n, matched, f)


cdef inline int64_t wide_multiply(const RuleTable *t, int32_t rule, int32_t place, uint64_t bit,
                                  int32_t n, const uint64_t *matched,
                                  Figures *f) noexcept nogil:
    """A multiply's figure in 128 bits, checked."""
    cdef int32_t s, currency = t.currency[rule]
    cdef i128 exact = 0
    for s in range(n):
        if matched[s] & bit:
            exact = add128(exact, f.exact[currency * <int64_t>t.n_classes + s], &f.overflow)
    return round_ratio(
        mul128(exact, t.num[place], &f.overflow),
        mul128(mul128(t.den[place], t.currencies[currency].rate_den, &f.overflow),
               f.scale[currency], &f.overflow),
        t.rounding[rule], &f.overflow)


cdef inline void wide_figures(const RuleTable *t, const PlainRule *rules, int32_t first,
                              uint64_t alike, int32_t tier,
                              const Segment *segments, int32_t n, const uint64_t *matched,
                              int64_t net, int64_t quantity, const int64_t *row, int32_t day,
                              Figure *to, Figures *f) noexcept nogil:
    """The same in 128 bits, checked; what does not fit sets f.overflow. Rule 0 is `first`."""
    cdef int32_t at, rule, place
    cdef int64_t figure
    cdef const PlainRule *one
    while alike:
        at = ctz64(alike)
        alike &= alike - 1
        one = &rules[at]
        if net < one.min_amount or quantity < one.min_quantity:
            want(t, one, 0, row, day, &to[at])
            continue
        rule = first + at
        place = rule * (t.n_tiers + 1) + tier + 1
        if one.kind == BONUS:
            figure = one.num
        elif one.kind == EARN:
            figure = round_ratio(
                mul128(quantity if one.of == OF_QUANTITY else net, one.num, &f.overflow),
                t.den[place], one.rounding, &f.overflow)
        else:
            figure = wide_multiply(t, rule, place, <uint64_t>1 << at, n, matched, f)
        figure = want(t, one, figure, row, day, &to[at])
        give(t, one.currency, figure, figure, f)
        if one.kind == EARN and t.currencies[one.currency].multiplied:
            note_exact(t, one, one.currency, &to[at], <uint64_t>1 << at, segments, n, matched, f)


cdef inline void rate_basket(const RuleTable *t, const PlainRule *rules, const Segment *segments,
                             int32_t n, const uint64_t *matched, const uint64_t *candidates,
                             int32_t tier, bint safe, const int64_t *row, int32_t day,
                             Figures *f) noexcept nogil:
    """As rate_one, of any program, in 64 bits where that is safe."""
    cdef int32_t w, s, phase, currency
    cdef uint64_t left, bit, alike, word
    cdef int64_t net, quantity
    cdef const uint64_t *here
    f.overflow = f.beyond = 0
    f.cut = 1
    for currency in range(t.n_currencies):
        f.given[currency] = 0
        if t.currencies[currency].multiplied:
            f.scale[currency] = 1
            for s in range(n):
                if safe:
                    f.safe_exact[currency * <int64_t>t.n_classes + s] = 0
                else:
                    f.exact[currency * <int64_t>t.n_classes + s] = 0
    # Earn rules first: a multiply needs every earn rule of its currency.
    for phase in range(2):
        for w in range(t.n_words):
            left = candidates[w] & (t.earn_mask[w] if phase == 0 else ~t.earn_mask[w])
            here = matched + w * <int64_t>n
            while left:
                # Rules that match the same segments have the same sums: one look for all.
                alike = left
                bit = left & (~left + 1)
                net = quantity = 0
                for s in range(n):
                    word = here[s]
                    if word & bit:
                        alike &= word
                        net += segments[s].net
                        quantity += segments[s].quantity
                    else:
                        alike &= ~word
                left &= ~alike
                if safe:
                    safe_figures(t, rules + w * 64, alike, phase == 0, segments, n, here, net,
                                 quantity, row, day, f.of + w * 64, f)
                else:
                    wide_figures(t, rules + w * 64, w * 64, alike, tier, segments, n, here, net,
                                 quantity, row, day, f.of + w * 64, f)
