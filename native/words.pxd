"""Rule words: which rules a basket and its lines satisfy (rulebook section 3).

A rule is a bit. Each dimension maps a value to the word of rules it satisfies; a basket's
word is the AND of its dimensions, a line's word is that AND its product class's word.
Products of one class satisfy the same rules, so lines are summed by class first and the
price of a line does not depend on the number of rules.
"""

from libc.stdint cimport int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from .arith cimport ctz64
from .rules cimport RuleTable

cdef enum:
    BLOCK = 32           # baskets whose lines are summed ahead of the rating
    BLOCK_LINES = 1024   # of which all lines are gone through in one loop
    FEW_CLASSES = 64     # in one word; more of them are summed basket by basket


cdef struct Sums:
    # Of the baskets of a block, [basket, class], all zero before it. Of class sums in memory
    # each line would wait for the one before it of its class: the processor goes on with the
    # lines of the next baskets.
    int64_t *net_of
    int64_t *quantity_of
    uint64_t *seen       # a byte a class: 1 where the basket has a line of it
    uint16_t *begins     # [line of a run]: how far the sums of its basket are from the last one's
    int32_t stride       # classes of a basket, a multiple of 8


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
            words[w] &= t.weekday[(<uint32_t>(day + 3) % 7) * n + w]
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
    for i in range(n):
        if net[i] == 0 and quantity[i] == 0:
            continue
        cls = t.product_class[product[i]]
        net_of[cls] += net[i]
        if t.uses_quantity:
            quantity_of[cls] += quantity[i]
        touched[cls >> 6] |= <uint64_t>1 << (cls & 63)


cdef inline void sum_few(const RuleTable *t, const uint32_t *product, const int64_t *net,
                         const int64_t *quantity, int64_t n, const uint16_t *begins,
                         int64_t *net_of, int64_t *quantity_of, uint8_t *seen) noexcept nogil:
    """The same of few classes, and of as many baskets as `begins` tells (NULL: of one).

    Where a basket ends is no branch: baskets are too short for one to be foreseen.
    """
    cdef int64_t i, at = 0, place
    cdef bint quantities = t.uses_quantity
    for i in range(n):
        if begins != NULL:
            at += begins[i]
        if net[i] == 0 and quantity[i] == 0:
            continue
        place = at + t.few_class[product[i]]
        net_of[place] += net[i]
        if quantities:
            quantity_of[place] += quantity[i]
        seen[place] = 1


cdef inline uint64_t take_seen(uint64_t *seen, int32_t stride) noexcept nogil:
    """A bit for each byte of `seen`, which is cleared."""
    cdef uint64_t bits = 0
    cdef int32_t i
    for i in range(stride >> 3):
        # Byte k of the word moves to bit 56 + k.
        bits |= (seen[i] * <uint64_t>0x0102040810204080 >> 56) << (8 * i)
        seen[i] = 0
    return bits


cdef inline int32_t merged(const RuleTable *t, int32_t words, const uint64_t *word,
                           Segment *segments, int32_t n) noexcept nogil:
    """Segments of a basket of which no rule that is left tells lines apart are one; how many
    there are then."""
    cdef uint64_t apart = 0
    cdef int32_t w, s
    for w in range(words):
        apart |= word[w] & t.class_apart[w]
    if apart:
        return n
    for s in range(1, n):
        segments[0].net += segments[s].net
        segments[0].quantity += segments[s].quantity
    return 1


cdef inline int32_t take_segments(const RuleTable *t, uint64_t classes, int32_t first,
                                  int64_t *net_of, int64_t *quantity_of, Segment *segments,
                                  int32_t n, int64_t *eligible) noexcept nogil:
    """Turn the sums of some classes, a bit each from `first` on, into segments after n others,
    clearing them; lines not eligible vanish.

    Returns the number of segments; *eligible grows by their amount.
    """
    cdef int32_t cls
    cdef bint quantities = t.uses_quantity
    while classes:
        cls = first + ctz64(classes)
        classes &= classes - 1
        if t.class_eligible[cls]:
            segments[n].net = net_of[cls]
            segments[n].cls = cls
            eligible[0] += net_of[cls]
            if quantities:
                segments[n].quantity = quantity_of[cls]
            n += 1
        net_of[cls] = 0
        if quantities:
            quantity_of[cls] = 0
    return n
