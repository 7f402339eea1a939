"""What a basket earns: exact earn, multiplies, bonuses, limits, caps (rulebook section 4).

`words` and `currencies` are t's own counts, passed so that the usual one of each can be a
constant of the compiled code. Nothing here touches a member: it reads counters and fills
`desired`, `granted` and `limit` for each rule, so that a refused basket moves nothing.
"""

from libc.stdint cimport int32_t, int64_t, uint64_t

from .arith cimport add64, add128, ctz64, gcd64, i128, mul128, round_ratio, round_safe
from .limits cimport limit_room
from .members cimport NO_YEAR
from .rules cimport BONUS, EARN, QUANTITY, RuleTable
from .words cimport Segment


cdef struct Figures:
    # One entry a rule, valid for the rules in `fired`.
    int64_t *desired
    int64_t *granted
    int32_t *limit       # code of the last limit that cut, 0 for none
    int32_t *fired       # rules that gave or wanted something, in (priority, file) order
    int32_t n_fired
    i128 *exact          # [currency, segment]: exact earn over rate_den * scale
    i128 *scale          # [currency]
    int64_t *safe_exact  # [currency, segment]: the same for a basket within safe bounds
    int64_t *room        # [limit]: what is left of each cap in this basket
    int64_t *given       # [currency]: what the fired rules gave
    int overflow


cdef inline int32_t currency_of(const RuleTable *t, int32_t currencies,
                                int32_t rule) noexcept nogil:
    """A rule's currency; a constant where there is but one."""
    return 0 if currencies == 1 else t.currency[rule]


cdef inline void apply_rule_limits(const RuleTable *t, int32_t rule, const int64_t *row,
                                   int32_t day, Figures *f) noexcept nogil:
    """Cut a rule's figure by its own limits, in the order in which they are listed."""
    cdef int32_t i
    cdef int64_t room
    for i in range(t.limits_from[rule], t.limits_from[rule + 1]):
        room = limit_room(t, &t.limits[i], row, day, NO_YEAR)
        if t.limits[i].is_uses:
            room = f.granted[rule] if room > 0 else 0
        if room < f.granted[rule]:
            f.granted[rule] = room
            f.limit[rule] = t.limits[i].code


cdef inline void note_exact(const RuleTable *t, int32_t words, int32_t rule, int32_t tier,
                            const Segment *segments, int32_t n, const uint64_t *matched,
                            Figures *f) noexcept nogil:
    """Add an earn rule's exact figure to its lines, scaled where its own limits cut it."""
    cdef int32_t s, currency = t.currency[rule]
    cdef int64_t exact = t.exact[rule * (t.n_tiers + 1) + tier + 1]
    cdef i128 *line = f.exact + currency * <int64_t>t.n_classes
    cdef i128 share = f.scale[currency]
    cdef int64_t common, part, whole, factor
    cdef uint64_t bit = <uint64_t>1 << (rule & 63)
    if f.granted[rule] != f.desired[rule]:
        # granted / desired in lowest terms becomes part of the common denominator.
        common = gcd64(f.granted[rule], f.desired[rule])
        part = f.granted[rule] // common
        whole = f.desired[rule] // common
        factor = whole // gcd64(<int64_t>(share % whole), whole)
        for s in range(n):
            line[s] = mul128(line[s], factor, &f.overflow)
        f.scale[currency] = mul128(share, factor, &f.overflow)
        share = mul128(f.scale[currency] // whole, part, &f.overflow)
    for s in range(n):
        if matched[s * <int64_t>words + (rule >> 6)] & bit:
            line[s] = add128(
                line[s],
                mul128(mul128(exact, segments[s].quantity if t.basis[rule] == QUANTITY
                              else segments[s].net, &f.overflow), share, &f.overflow),
                &f.overflow)


cdef inline void note_safe(const RuleTable *t, int32_t words, int32_t w, uint64_t bit,
                           int32_t currency, int64_t by_net, int64_t by_quantity,
                           const Segment *segments, int32_t n, const uint64_t *matched,
                           Figures *f) noexcept nogil:
    """As note_exact, of all earn rules of a currency that match the same lines."""
    cdef int32_t s
    cdef int64_t *line = f.safe_exact + currency * <int64_t>t.n_classes
    for s in range(n):
        if matched[s * <int64_t>words + w] & bit:
            line[s] += by_net * segments[s].net + by_quantity * segments[s].quantity


cdef inline void want(const RuleTable *t, int32_t rule, int64_t figure, const int64_t *row,
                      int32_t day, Figures *f) noexcept nogil:
    """A rule's figure, before and after its own limits."""
    f.desired[rule] = f.granted[rule] = figure
    f.limit[rule] = 0
    if figure and t.limits_from[rule] != t.limits_from[rule + 1]:
        apply_rule_limits(t, rule, row, day, f)


cdef inline void safe_figures(const RuleTable *t, int32_t words, int32_t currencies, int32_t w,
                              uint64_t alike, int32_t tier, const Segment *segments, int32_t n,
                              const uint64_t *matched, int64_t net, int64_t quantity,
                              const int64_t *row, int32_t day, Figures *f) noexcept nogil:
    """Figures of rules that match the same lines, where every product is known to fit."""
    cdef int32_t s, rule, place, currency, noted = -1, summed = -1
    cdef int64_t figure, exact = 0, by_net = 0, by_quantity = 0
    cdef uint64_t bit = alike & (~alike + 1)
    while alike:
        rule = w * 64 + ctz64(alike)
        alike &= alike - 1
        if net < t.min_amount[rule] or quantity < t.min_quantity[rule]:
            f.desired[rule] = f.granted[rule] = 0
            continue
        place = rule * (t.n_tiers + 1) + tier + 1
        currency = currency_of(t, currencies, rule)
        if t.kind[rule] == BONUS:
            figure = t.num[place]
        elif t.kind[rule] == EARN:
            if t.currencies[currency].multiplied:
                if noted >= 0 and noted != currency:
                    note_safe(t, words, w, bit, noted, by_net, by_quantity, segments, n, matched,
                              f)
                    by_net = by_quantity = 0
                noted = currency
                if t.basis[rule] == QUANTITY:
                    by_quantity += t.exact[place]
                else:
                    by_net += t.exact[place]
            figure = round_safe((quantity if t.basis[rule] == QUANTITY else net) * t.num[place],
                                t.den[place], t.rounding[rule])
        else:
            if summed != currency:
                exact = 0
                for s in range(n):
                    if matched[s * <int64_t>words + w] & bit:
                        exact += f.safe_exact[currency * <int64_t>t.n_classes + s]
                summed = currency
            figure = round_safe(exact * t.num[place], t.full_den[place], t.rounding[rule])
        want(t, rule, figure, row, day, f)
    if noted >= 0:
        note_safe(t, words, w, bit, noted, by_net, by_quantity, segments, n, matched, f)


cdef inline int64_t wide_multiply(const RuleTable *t, int32_t words, int32_t rule, int32_t place,
                                  int32_t n, const uint64_t *matched,
                                  Figures *f) noexcept nogil:
    """A multiply's figure in 128 bits, checked."""
    cdef int32_t s, currency = t.currency[rule]
    cdef i128 exact = 0
    cdef uint64_t bit = <uint64_t>1 << (rule & 63)
    for s in range(n):
        if matched[s * <int64_t>words + (rule >> 6)] & bit:
            exact = add128(exact, f.exact[currency * <int64_t>t.n_classes + s], &f.overflow)
    return round_ratio(
        mul128(exact, t.num[place], &f.overflow),
        mul128(mul128(t.den[place], t.currencies[currency].rate_den, &f.overflow),
               f.scale[currency], &f.overflow),
        t.rounding[rule], &f.overflow)


cdef inline void wide_figures(const RuleTable *t, int32_t words, int32_t w, uint64_t alike,
                              int32_t tier, const Segment *segments, int32_t n,
                              const uint64_t *matched, int64_t net, int64_t quantity,
                              const int64_t *row, int32_t day, Figures *f) noexcept nogil:
    """The same in 128 bits, checked; what does not fit sets f.overflow."""
    cdef int32_t rule, place
    cdef int64_t figure
    while alike:
        rule = w * 64 + ctz64(alike)
        alike &= alike - 1
        if net < t.min_amount[rule] or quantity < t.min_quantity[rule]:
            f.desired[rule] = f.granted[rule] = 0
            continue
        place = rule * (t.n_tiers + 1) + tier + 1
        if t.kind[rule] == BONUS:
            figure = t.num[place]
        elif t.kind[rule] == EARN:
            figure = round_ratio(
                mul128(quantity if t.basis[rule] == QUANTITY else net, t.num[place], &f.overflow),
                t.den[place], t.rounding[rule], &f.overflow)
        else:
            figure = wide_multiply(t, words, rule, place, n, matched, f)
        want(t, rule, figure, row, day, f)
        if t.kind[rule] == EARN and t.currencies[t.currency[rule]].multiplied:
            note_exact(t, words, rule, tier, segments, n, matched, f)


cdef inline void fire_all(const RuleTable *t, int32_t words, const uint64_t *candidates,
                          Figures *f) noexcept nogil:
    """As fill_caps, of one currency whose caps cut nothing. No branch on the data."""
    cdef int32_t w, rule, n = 0
    cdef int64_t given = 0, most = t.currencies[0].most
    cdef uint64_t left
    for w in range(words):
        left = candidates[w]
        while left:
            rule = w * 64 + ctz64(left)
            left &= left - 1
            f.fired[n] = rule
            n += f.desired[rule] != 0
            f.overflow |= f.granted[rule] > most
            given = add64(given, f.granted[rule], &f.overflow)
    f.n_fired = n
    f.given[0] = given


cdef inline void fill_caps(const RuleTable *t, int32_t words, int32_t currencies,
                           const uint64_t *candidates, const int64_t *row,
                           int32_t day, Figures *f) noexcept nogil:
    """The program's caps, filled in (priority, file) order, which is that of the bits."""
    cdef int32_t w, i, rule, currency
    cdef int overflow
    cdef bint cuts
    cdef int64_t granted
    cdef uint64_t left
    for currency in range(currencies):
        for i in range(t.currencies[currency].caps_from, t.currencies[currency].caps_to):
            f.room[i] = limit_room(t, &t.limits[i], row, day, NO_YEAR)
    if currencies == 1:
        overflow = f.overflow
        fire_all(t, words, candidates, f)
        cuts = f.overflow != 0
        for i in range(t.currencies[0].caps_from, t.currencies[0].caps_to):
            cuts |= f.room[i] < f.given[0]
        # Nearly always: what all rules give together is below every cap.
        if not cuts or t.currencies[0].caps_from == t.currencies[0].caps_to:
            return
        f.overflow = overflow
    f.n_fired = 0
    for currency in range(currencies):
        f.given[currency] = 0
    for w in range(words):
        left = candidates[w]
        while left:
            rule = w * 64 + ctz64(left)
            left &= left - 1
            if f.desired[rule] == 0:
                continue
            f.fired[f.n_fired] = rule
            f.n_fired += 1
            currency = currency_of(t, currencies, rule)
            granted = f.granted[rule]
            for i in range(t.currencies[currency].caps_from, t.currencies[currency].caps_to):
                if f.room[i] < granted:
                    granted = f.granted[rule] = f.room[i]
                    f.limit[rule] = t.limits[i].code
            for i in range(t.currencies[currency].caps_from, t.currencies[currency].caps_to):
                f.room[i] -= granted
            if granted > t.currencies[currency].most:
                f.overflow = 1
            f.given[currency] = add64(f.given[currency], granted, &f.overflow)


cdef inline void rate_basket(const RuleTable *t, int32_t words, int32_t currencies,
                             const Segment *segments, int32_t n, const uint64_t *matched,
                             const uint64_t *candidates, int32_t tier, int64_t eligible,
                             const int64_t *row, int32_t day, Figures *f) noexcept nogil:
    """Fill f for a basket with a positive eligible amount.

    matched[segment, word] are the rules each segment satisfies, candidates[word] those
    that some segment does.
    """
    cdef int32_t w, s, phase, currency
    cdef uint64_t left, bit, alike, word
    cdef int64_t net, quantity, all_units = 0
    cdef bint safe
    f.n_fired = 0
    f.overflow = 0
    if t.uses_quantity:
        for s in range(n):
            all_units += segments[s].quantity
    safe = eligible <= t.safe_amount and all_units <= t.safe_quantity
    for currency in range(currencies):
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
            while left:
                # Rules that match the same segments have the same sums: one look for all.
                alike = left
                bit = left & (~left + 1)
                net = quantity = 0
                for s in range(n):
                    word = matched[s * <int64_t>words + w]
                    if word & bit:
                        alike &= word
                        net += segments[s].net
                        quantity += segments[s].quantity
                    else:
                        alike &= ~word
                left &= ~alike
                if safe:
                    safe_figures(t, words, currencies, w, alike, tier, segments, n, matched,
                                 net, quantity, row, day, f)
                else:
                    wide_figures(t, words, w, alike, tier, segments, n, matched, net, quantity,
                                 row, day, f)
    fill_caps(t, words, currencies, candidates, row, day, f)
