"""Rule words: which rules a basket and its lines satisfy (rulebook section 3).

A rule is a bit. Each dimension maps a value to the word of rules it satisfies; a basket's
word is the AND of its dimensions, a line's word is that AND its product class's word.
Products of one class satisfy the same rules, so lines are summed by class first and the
price of a line does not depend on the number of rules.
"""

from libc.stdint cimport int16_t, int32_t, int64_t, uint32_t, uint64_t

from .arith cimport ctz64
from .rules cimport RuleTable


cdef struct Segment:
    int64_t net         # eligible amount of the basket's lines of one class
    int64_t quantity    # thousandths; 0 when no rule asks for it
    int32_t cls


cdef inline void basket_words(const RuleTable *t, const uint64_t *first, int32_t n,
                              uint32_t store, uint32_t terminal, int32_t day, int16_t minute,
                              const uint32_t *tenders, int64_t n_tenders,
                              uint64_t *words) noexcept nogil:
    """AND of every dimension that knows no member, and of the rules asked for (`first`)."""
    cdef int32_t w
    cdef int64_t i
    cdef uint64_t has, forbidden
    for w in range(n):
        words[w] = first[w]
    if t.store != NULL:
        for w in range(n):
            words[w] &= t.store[<int64_t>store * n + w]
    if t.terminal != NULL:
        for w in range(n):
            words[w] &= t.terminal[<int64_t>terminal * n + w]
    if t.weekday != NULL:
        for w in range(n):
            words[w] &= t.weekday[((day + 3) % 7) * n + w]
    if t.minute != NULL:
        for w in range(n):
            words[w] &= t.minute[minute * n + w]
    if t.day != NULL:
        for w in range(n):
            words[w] &= t.day[t.day_span[day] * n + w]
    if t.tender_needs != NULL:
        for w in range(n):
            has = forbidden = 0
            for i in range(n_tenders):
                has |= t.tender_has[<int64_t>tenders[i] * n + w]
                forbidden |= t.tender_not[<int64_t>tenders[i] * n + w]
            words[w] &= (has | ~t.tender_needs[w]) & ~forbidden


cdef inline void sum_lines(const RuleTable *t, const uint32_t *product, const int64_t *net,
                           const int64_t *quantity, int64_t n, int64_t *net_of,
                           int64_t *quantity_of, uint64_t *touched) noexcept nogil:
    """Add each line to its class; `touched` gets a bit a class. No branch that data often take.

    A line with neither quantity nor net is void: it matches nothing (rulebook section 2). Where
    no rule asks for quantities their column is looked at for lines without a net alone.
    """
    cdef int64_t i
    cdef int32_t cls
    cdef bint quantities = t.uses_quantity, few = t.n_classes <= 64
    cdef uint64_t seen = 0, bit
    for i in range(n):
        cls = t.product_class[product[i]]
        net_of[cls] += net[i]
        if quantities:
            quantity_of[cls] += quantity[i]
        bit = <uint64_t>(net[i] != 0 or quantity[i] != 0) << (cls & 63)
        if few:
            # In a register: in memory each line would wait for the one before it.
            seen |= bit
        else:
            touched[cls >> 6] |= bit
    if few:
        touched[0] = seen


cdef inline int32_t take_segments(const RuleTable *t, int64_t *net_of, int64_t *quantity_of,
                                  uint64_t *touched, Segment *segments,
                                  int64_t *eligible) noexcept nogil:
    """Turn class sums into segments, clearing the scratch; lines not eligible vanish.

    Returns the number of segments; *eligible is their amount.
    """
    cdef int32_t n = 0, block, cls, blocks = (t.n_classes + 63) >> 6
    cdef uint64_t left
    cdef int64_t total = 0
    for block in range(blocks):
        left = touched[block]
        touched[block] = 0
        while left:
            cls = block * 64 + ctz64(left)
            left &= left - 1
            if t.class_eligible[cls]:
                segments[n].net = net_of[cls]
                segments[n].quantity = quantity_of[cls]
                segments[n].cls = cls
                total += net_of[cls]
                n += 1
            net_of[cls] = 0
            quantity_of[cls] = 0
    eligible[0] = total
    return n
