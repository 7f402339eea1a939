"""What a basket earns: exact earn, multiplies, bonuses, limits, caps (rulebook section 4).

`words` and `currencies` are t's own counts, passed so that the usual one of each can be a
constant of the compiled code; `rules` are those of t at the member's tier. Nothing here touches
a member: it reads counters and fills a `Figure` for each rule, so that a refused basket moves
nothing.
"""

from libc.stdint cimport int32_t, int64_t, uint64_t

from .arith cimport add64, add128, ctz64, gcd64, i128, mul128, round_ratio, round_safe
from .limits cimport limit_room
from .members cimport NO_YEAR
from .rules cimport (
    BONUS, EARN, N_OF, OF_EXACT, OF_NET, OF_ONE, OF_QUANTITY, PlainRule, RuleTable)
from .words cimport Segment


cdef struct Figure:
    int64_t desired
    int64_t granted
    int32_t limit        # code of the last limit that cut, 0 for none


cdef struct Figures:
    Figure *of           # [rule]: valid for the candidates
    i128 *exact          # [currency, segment]: exact earn over rate_den * scale
    i128 *scale          # [currency]
    int64_t *safe_exact  # [currency, segment]: the same for a basket within safe bounds
    int64_t *room        # [limit]: what is left of each cap in this basket
    int64_t *given       # [currency]: what the rules gave
    int beyond           # one posting is too large, or all of a currency are
    int overflow


cdef inline int32_t currency_of(int32_t currencies, const PlainRule *rule) noexcept nogil:
    """A rule's currency; a constant where there is but one."""
    return 0 if currencies == 1 else rule.currency


cdef inline void cut_by_own(const RuleTable *t, const PlainRule *rule, const int64_t *row,
                            int32_t day, Figure *to) noexcept nogil:
    """Cut a rule's figure by its own limits, in the order in which they are listed."""
    cdef int32_t i
    cdef int64_t room
    for i in range(rule.limits_from, rule.limits_to):
        room = limit_room(t, &t.limits[i], row, day, NO_YEAR)
        if t.limits[i].is_uses:
            room = to.granted if room > 0 else 0
        if room < to.granted:
            to.granted = room
            to.limit = t.limits[i].code


cdef inline int64_t want(const RuleTable *t, const PlainRule *rule, int64_t figure,
                         const int64_t *row, int32_t day, Figure *to) noexcept nogil:
    """A rule's figure, before and after its own limits; returns the latter."""
    to.desired = to.granted = figure
    to.limit = 0
    if rule.limited:
        cut_by_own(t, rule, row, day, to)
        figure = to.granted
    return figure


cdef inline void give(const RuleTable *t, int32_t currency, int64_t points, int64_t largest,
                      Figures *f) noexcept nogil:
    """Add what rules of a currency give; `largest` is at least what one of them does."""
    f.beyond |= largest > t.currencies[currency].most
    f.given[currency] = add64(f.given[currency], points, &f.beyond)


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


cdef inline void safe_figures(const RuleTable *t, int32_t currencies, const PlainRule *rules,
                              uint64_t alike, bint earns, const Segment *segments, int32_t n,
                              const uint64_t *matched, int64_t net, int64_t quantity,
                              const int64_t *row, int32_t day, Figure *to,
                              Figures *f) noexcept nogil:
    """Figures of rules that match the same lines, where every product is known to fit.

    Hardly a branch on what a rule is: its figure is a multiple of one of `of`.
    """
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
    if not earns and currencies == 1 and t.currencies[0].multiplied:
        of[OF_EXACT] = safe_sum(t, 0, bit, n, matched, f)
    while alike:
        place = ctz64(alike)
        alike &= alike - 1
        one = &rules[place]
        met = net >= one.min_amount
        if quantities:
            met &= quantity >= one.min_quantity
        if currencies > 1 and one.currency != currency:
            give(t, currency, given, largest, f)
            if earns:
                note_safe(t, currency, bit, by_net, by_quantity, segments, n, matched, f)
            given = largest = by_net = by_quantity = 0
            currency = one.currency
        if currencies > 1 and one.of == OF_EXACT and summed != currency:
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


cdef inline void wide_figures(const RuleTable *t, int32_t currencies, const PlainRule *rules,
                              int32_t first, uint64_t alike, int32_t tier,
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
        give(t, currency_of(currencies, one), figure, figure, f)
        if one.kind == EARN and t.currencies[one.currency].multiplied:
            note_exact(t, one, one.currency, &to[at], <uint64_t>1 << at, segments, n, matched, f)


cdef inline void fill_caps(const RuleTable *t, int32_t words, int32_t currencies,
                           const PlainRule *rules, const uint64_t *candidates,
                           Figures *f) noexcept nogil:
    """The program's caps, filled in (priority, file) order, which is that of the bits."""
    cdef int32_t w, i, rule, currency
    cdef int64_t granted
    cdef uint64_t left
    cdef Figure *to
    for currency in range(currencies):
        f.given[currency] = 0
    for w in range(words):
        left = candidates[w]
        while left:
            rule = w * 64 + ctz64(left)
            left &= left - 1
            to = &f.of[rule]
            currency = currency_of(currencies, &rules[rule])
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
            f.room[i] = limit_room(t, &t.limits[i], row, day, NO_YEAR)
            cut |= f.room[i] < f.given[currency]
    return cut


cdef inline void rate_basket(const RuleTable *t, int32_t words, int32_t currencies,
                             const PlainRule *rules, const Segment *segments, int32_t n,
                             const uint64_t *matched, const uint64_t *candidates, int32_t tier,
                             int64_t eligible, const int64_t *row, int32_t day,
                             Figures *f) noexcept nogil:
    """Fill f for a basket with a positive eligible amount.

    matched[word, segment] are the rules each segment satisfies, candidates[word] those
    that some segment does.
    """
    cdef int32_t w, s, phase, currency
    cdef uint64_t left, bit, alike, word
    cdef int64_t net, quantity, all_units = 0
    cdef const uint64_t *here
    cdef bint safe
    f.overflow = f.beyond = 0
    if t.uses_quantity:
        for s in range(n):
            all_units += segments[s].quantity
    safe = eligible <= t.safe_amount and all_units <= t.safe_quantity
    for currency in range(currencies):
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
        for w in range(words):
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
                    safe_figures(t, currencies, rules + w * 64, alike, phase == 0, segments, n,
                                 here, net, quantity, row, day, f.of + w * 64, f)
                else:
                    wide_figures(t, currencies, rules + w * 64, w * 64, alike, tier, segments,
                                 n, here, net, quantity, row, day, f.of + w * 64, f)
    # Nearly always what all rules give together is below every cap.
    if caps_cut(t, currencies, row, day, f):
        fill_caps(t, words, currencies, rules, candidates, f)
