# The plain form of a sale in JSON: what its head, a line and a tender may say. Both readers, of one
# sale and of many lines, take their parts from here; anything else is the strict decoder's.

from libc.stdint cimport int64_t

from .json_text cimport (
    ID_BYTES,
    NAME_BYTES,
    Text,
    instant,
    like_card,
    look,
    named,
    take,
    text,
    whole,
)

cdef enum:
    ID, MEMBER, STORE, TERMINAL, NAMES

cdef enum:
    HAS_LINES = 1
    HAS_TENDERS = 2
    HAS_ID = 4
    HAS_KIND = 8
    HAS_INSTANT = 16
    HAS_MEMBER = 32
    HAS_STORE = 64
    HAS_TERMINAL = 128
    REQUIRED = 29             # lines, id, kind, instant


cdef struct Head:
    const char *names[NAMES]
    Py_ssize_t sizes[NAMES]
    int64_t at
    int seen


cdef struct Line:
    const char *sku
    Py_ssize_t size
    int64_t quantity
    int64_t net


cdef struct Tender:
    const char *kind
    Py_ssize_t size
    int64_t amount


cdef inline void begin_head(Head *head, const char *nothing) noexcept nogil:
    cdef int k
    head.seen = 0
    head.at = 0
    for k in range(NAMES):
        head.names[k], head.sizes[k] = nothing, 0


cdef inline int seen_by_name(const char *key, Py_ssize_t size) noexcept nogil:
    """The bit of a member of the head; 0 for one that the plain form does not have."""
    if named(key, size, b"lines", 5):
        return HAS_LINES
    if named(key, size, b"tenders", 7):
        return HAS_TENDERS
    if named(key, size, b"id", 2):
        return HAS_ID
    if named(key, size, b"kind", 4):
        return HAS_KIND
    if named(key, size, b"occurred_at", 11):
        return HAS_INSTANT
    if named(key, size, b"member", 6):
        return HAS_MEMBER
    if named(key, size, b"store", 5):
        return HAS_STORE
    if named(key, size, b"terminal", 8):
        return HAS_TERMINAL
    return 0


cdef inline int next_member(Text *t, Head *head) noexcept nogil:
    """Read on to a member of the head and take it, if it is no list; its bit, 0 where it is not
    plain or there twice."""
    cdef const char *key
    cdef const char *start
    cdef Py_ssize_t size, n
    cdef int bit, name
    if not text(t, &key, &size) or not take(t, b':'):
        return 0
    bit = seen_by_name(key, size)
    if head.seen & bit:
        return 0
    head.seen |= bit
    if bit == 0 or bit == HAS_LINES or bit == HAS_TENDERS:
        return bit
    if not text(t, &start, &n):
        return 0
    if bit == HAS_KIND:
        return bit if named(start, n, b"sale", 4) else 0
    if bit == HAS_INSTANT:
        return bit if instant(start, n, &head.at) else 0
    name = (ID if bit == HAS_ID else MEMBER if bit == HAS_MEMBER
            else STORE if bit == HAS_STORE else TERMINAL)
    head.names[name], head.sizes[name] = start, n
    return bit


cdef inline bint head_ends(Text *t, const Head *head) noexcept nogil:
    """Whether a sale ends here, with all that is required and names within bounds."""
    cdef int k
    if head.seen & REQUIRED != REQUIRED or not take(t, b'}') or look(t) != 0 or t.at != t.end:
        return False
    if not 1 <= head.sizes[ID] <= ID_BYTES:
        return False
    for k in range(MEMBER, NAMES):
        if head.sizes[k] > NAME_BYTES:
            return False
    if head.seen & HAS_MEMBER:
        return head.sizes[MEMBER] > 0 and not like_card(head.names[MEMBER], head.sizes[MEMBER])
    return True


cdef inline bint read_line(Text *t, Line *line) noexcept nogil:
    """One line: sku, quantity, net, each once."""
    cdef const char *key
    cdef Py_ssize_t size
    cdef int seen = 0
    if not take(t, b'{'):
        return False
    while True:
        if not text(t, &key, &size) or not take(t, b':'):
            return False
        if named(key, size, b"sku", 3):
            if seen & 1 or not text(t, &line.sku, &line.size):
                return False
            seen |= 1
        elif named(key, size, b"quantity", 8):
            if seen & 2 or not whole(t, &line.quantity):
                return False
            seen |= 2
        elif named(key, size, b"net", 3):
            if seen & 4 or not whole(t, &line.net):
                return False
            seen |= 4
        else:
            return False
        if not take(t, b','):
            break
    if seen != 7 or not take(t, b'}') or line.net < 0 or line.quantity < 0:
        return False
    return 1 <= line.size <= NAME_BYTES


cdef inline bint read_tender(Text *t, Tender *tender) noexcept nogil:
    """One tender: type, amount, each once."""
    cdef const char *key
    cdef Py_ssize_t size
    cdef int seen = 0
    if not take(t, b'{'):
        return False
    while True:
        if not text(t, &key, &size) or not take(t, b':'):
            return False
        if named(key, size, b"type", 4):
            if seen & 1 or not text(t, &tender.kind, &tender.size):
                return False
            seen |= 1
        elif named(key, size, b"amount", 6):
            if seen & 2 or not whole(t, &tender.amount):
                return False
            seen |= 2
        else:
            return False
        if not take(t, b','):
            break
    if seen != 3 or not take(t, b'}') or not 1 <= tender.size <= NAME_BYTES:
        return False
    return not like_card(tender.kind, tender.size)
