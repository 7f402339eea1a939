"""What a basket earns: exact earn, multiplies, bonuses, limits, caps (rulebook section 4).

`words` and `currencies` are t's own counts, passed so that the usual one of each can be a
constant of the compiled code. Nothing here touches a member: it reads counters and fills
`desired`, `granted` and `limit` for each rule, so that a refused basket moves nothing.
"""

from libc.stdint cimport int32_t, int64_t, uint64_t

from .arith cimport add128, ctz64, gcd64, i128, mul128, round_ratio, round_safe
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
    int overflow


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


cdef inline int64_t safe_figure(const RuleTable *t, int32_t words, int32_t rule, int32_t place,
                                const Segment *segments, int32_t n, const uint64_t *matched,
                                int64_t net, int64_t quantity, Figures *f) noexcept nogil:
    """A rule's figure where every product is known to fit; earn rules note their exact."""
    cdef int32_t s, currency = t.currency[rule]
    cdef int64_t *line = f.safe_exact + currency * <int64_t>t.n_classes
    cdef int64_t exact
    cdef uint64_t bit = <uint64_t>1 << (rule & 63)
    if t.kind[rule] == BONUS:
        return t.num[place]
    if t.kind[rule] == EARN:
        if t.currencies[currency].multiplied:
            exact = t.exact[place]
            for s in range(n):
                if matched[s * <int64_t>words + (rule >> 6)] & bit:
                    line[s] += exact * (segments[s].quantity if t.basis[rule] == QUANTITY
                                        else segments[s].net)
        return round_safe((quantity if t.basis[rule] == QUANTITY else net) * t.num[place],
                          t.den[place], t.rounding[rule])
    exact = 0
    for s in range(n):
        if matched[s * <int64_t>words + (rule >> 6)] & bit:
            exact += line[s]
    return round_safe(exact * t.num[place], t.full_den[place], t.rounding[rule])


cdef inline int64_t wide_figure(const RuleTable *t, int32_t words, int32_t rule, int32_t place,
                                const Segment *segments, int32_t n, const uint64_t *matched,
                                int64_t net, int64_t quantity, Figures *f) noexcept nogil:
    """A rule's figure in 128 bits, checked; what does not fit sets f.overflow."""
    cdef int32_t s, currency = t.currency[rule]
    cdef i128 exact = 0
    cdef uint64_t bit = <uint64_t>1 << (rule & 63)
    if t.kind[rule] == BONUS:
        return t.num[place]
    if t.kind[rule] == EARN:
        return round_ratio(
            mul128(quantity if t.basis[rule] == QUANTITY else net, t.num[place], &f.overflow),
            t.den[place], t.rounding[rule], &f.overflow)
    for s in range(n):
        if matched[s * <int64_t>words + (rule >> 6)] & bit:
            exact = add128(exact, f.exact[currency * <int64_t>t.n_classes + s], &f.overflow)
    return round_ratio(
        mul128(exact, t.num[place], &f.overflow),
        mul128(mul128(t.den[place], t.currencies[currency].rate_den, &f.overflow),
               f.scale[currency], &f.overflow),
        t.rounding[rule], &f.overflow)


cdef inline void fill_caps(const RuleTable *t, int32_t words, int32_t currencies,
                           const uint64_t *candidates, const int64_t *row,
                           int32_t day, Figures *f) noexcept nogil:
    """The program's caps, filled in (priority, file) order, which is that of the bits."""
    cdef int32_t w, i, rule, currency
    cdef uint64_t left
    for currency in range(currencies):
        for i in range(t.currencies[currency].caps_from, t.currencies[currency].caps_to):
            f.room[i] = limit_room(t, &t.limits[i], row, day, NO_YEAR)
    for w in range(words):
        left = candidates[w]
        while left:
            rule = w * 64 + ctz64(left)
            left &= left - 1
            if f.desired[rule] == 0:
                continue
            f.fired[f.n_fired] = rule
            f.n_fired += 1
            currency = t.currency[rule]
            for i in range(t.currencies[currency].caps_from, t.currencies[currency].caps_to):
                if f.room[i] < f.granted[rule]:
                    f.granted[rule] = f.room[i]
                    f.limit[rule] = t.limits[i].code
            for i in range(t.currencies[currency].caps_from, t.currencies[currency].caps_to):
                f.room[i] -= f.granted[rule]


cdef inline void rate_basket(const RuleTable *t, int32_t words, int32_t currencies,
                             const Segment *segments, int32_t n, const uint64_t *matched,
                             const uint64_t *candidates, int32_t tier, int64_t eligible,
                             const int64_t *row, int32_t day, Figures *f) noexcept nogil:
    """Fill f for a basket with a positive eligible amount.

    matched[segment, word] are the rules each segment satisfies, candidates[word] those
    that some segment does.
    """
    cdef int32_t w, s, rule, phase, currency, place
    cdef uint64_t left, bit
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
                rule = w * 64 + ctz64(left)
                bit = left & (~left + 1)
                left &= left - 1
                f.desired[rule] = 0
                net = quantity = 0
                if (t.kind[rule] == EARN or t.min_amount[rule] >= 0
                        or t.min_quantity[rule] >= 0):
                    for s in range(n):
                        if matched[s * <int64_t>words + w] & bit:
                            net += segments[s].net
                            quantity += segments[s].quantity
                    if net < t.min_amount[rule] or quantity < t.min_quantity[rule]:
                        continue
                place = rule * (t.n_tiers + 1) + tier + 1
                if safe:
                    f.desired[rule] = safe_figure(
                        t, words, rule, place, segments, n, matched, net, quantity, f)
                else:
                    f.desired[rule] = wide_figure(
                        t, words, rule, place, segments, n, matched, net, quantity, f)
                f.granted[rule] = f.desired[rule]
                f.limit[rule] = 0
                if f.desired[rule] and t.limits_from[rule] != t.limits_from[rule + 1]:
                    apply_rule_limits(t, rule, row, day, f)
                if not safe and phase == 0 and t.currencies[t.currency[rule]].multiplied:
                    note_exact(t, words, rule, tier, segments, n, matched, f)
    fill_caps(t, words, currencies, candidates, row, day, f)
