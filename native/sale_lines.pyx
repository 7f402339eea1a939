"""Sales of an NDJSON body read to columns: no object is made a sale, nor a line of one.

A line is taken here if it is of the plain form of `native/wire.pyx` and names a member; the
others are told by their places, for the decoder of single facts. Texts become the bounds and
bytes of Arrow strings.
"""

from libc.stdint cimport INT32_MAX, int32_t, int64_t, uint8_t
from libc.string cimport memchr, memcpy, memset

import numpy as np

from .buffers cimport Bytes, let_go, put, put_int32, put_int64
from .json_text cimport MOST_LINES, MOST_TENDERS, Text, take
from .plain_sale cimport (
    HAS_LINES,
    HAS_MEMBER,
    HAS_TENDERS,
    NAMES,
    Head,
    Line,
    Tender,
    begin_head,
    head_ends,
    next_member,
    read_line,
    read_tender,
)

cdef enum:
    # Columns of texts, after the names of the head, and of figures.
    SKU = NAMES
    TYPE, TEXTS
    AT = 0
    QUANTITY, NET, AMOUNT, NUMBER, FIGURES
    # What ended sales before: items of each, as Arrow lists begin them.
    LINES = 0
    TENDERS, LISTS


cdef struct Strings:
    Bytes bounds              # int32, the ends; the first 0 is put when they are let out
    Bytes data


cdef struct Columns:
    Strings strings[TEXTS]
    Bytes figures[FIGURES]    # int64
    Bytes lists[LISTS]        # int32, the ends
    int64_t sales
    int64_t lines
    int64_t tenders


cdef struct Mark:
    Py_ssize_t texts[TEXTS]
    Py_ssize_t data[TEXTS]
    Py_ssize_t figures[FIGURES]
    int64_t lines
    int64_t tenders


cdef void mark(const Columns *c, Mark *m) noexcept nogil:
    cdef int k
    for k in range(TEXTS):
        m.texts[k] = c.strings[k].bounds.used
        m.data[k] = c.strings[k].data.used
    for k in range(FIGURES):
        m.figures[k] = c.figures[k].used
    m.lines, m.tenders = c.lines, c.tenders


cdef void back_to(Columns *c, const Mark *m) noexcept nogil:
    """Take back what a line has put that is not plain."""
    cdef int k
    for k in range(TEXTS):
        c.strings[k].bounds.used = m.texts[k]
        c.strings[k].data.used = m.data[k]
    for k in range(FIGURES):
        c.figures[k].used = m.figures[k]
    c.lines, c.tenders = m.lines, m.tenders


cdef bint is_utf8(const uint8_t *s, Py_ssize_t n) noexcept nogil:
    """Whether bytes are text: no form longer than needed, no half of a pair, none beyond."""
    cdef Py_ssize_t i = 0
    cdef int more
    cdef uint8_t c
    while i < n:
        c = s[i]
        i += 1
        if c < 0x80:
            continue
        if 0xC2 <= c <= 0xDF:
            more = 1
        elif 0xE0 <= c <= 0xEF:
            more = 2
        elif 0xF0 <= c <= 0xF4:
            more = 3
        else:
            return False
        if i + more > n:
            return False
        if c == 0xE0 and s[i] < 0xA0 or c == 0xED and s[i] > 0x9F:
            return False
        if c == 0xF0 and s[i] < 0x90 or c == 0xF4 and s[i] > 0x8F:
            return False
        while more:
            if s[i] & 0xC0 != 0x80:
                return False
            i += 1
            more -= 1
    return True


cdef int put_text(Columns *c, int column, const char *start, Py_ssize_t size) except -1 nogil:
    """One string of a column; 0 where it is no text."""
    cdef Strings *strings = &c.strings[column]
    if not is_utf8(<const uint8_t*>start, size):
        return 0
    put(&strings.data, start, size)
    put_int32(&strings.bounds, <int32_t>strings.data.used)
    return 1


cdef int read_lines(Text *t, Columns *c) except -1 nogil:
    """The lines array; 0 for anything out of the plain form."""
    cdef Line line
    cdef int64_t n = 0
    if not take(t, b'['):
        return 0
    while True:
        if not read_line(t, &line) or n == MOST_LINES:
            return 0
        if not put_text(c, SKU, line.sku, line.size):
            return 0
        put_int64(&c.figures[QUANTITY], line.quantity)
        put_int64(&c.figures[NET], line.net)
        n += 1
        if not take(t, b','):
            c.lines += n
            return take(t, b']')


cdef int read_tenders(Text *t, Columns *c) except -1 nogil:
    """The tenders array; 0 for anything out of the plain form."""
    cdef Tender tender
    cdef int64_t n = 0
    if not take(t, b'['):
        return 0
    if take(t, b']'):
        return 1
    while True:
        if not read_tender(t, &tender) or n == MOST_TENDERS:
            return 0
        if not put_text(c, TYPE, tender.kind, tender.size):
            return 0
        put_int64(&c.figures[AMOUNT], tender.amount)
        n += 1
        if not take(t, b','):
            c.tenders += n
            return take(t, b']')


cdef int read_sale(Text *t, Columns *c) except -1 nogil:
    """One sale of a member; 0 for anything else: what it has put must be taken back."""
    cdef Head head
    cdef int bit, column
    begin_head(&head, t.at)
    if not take(t, b'{'):
        return 0
    while True:
        bit = next_member(t, &head)
        if bit == 0 or bit == HAS_LINES and not read_lines(t, c):
            return 0
        if bit == HAS_TENDERS and not read_tenders(t, c):
            return 0
        if not take(t, b','):
            break
    if not head_ends(t, &head) or not head.seen & HAS_MEMBER:
        return 0
    for column in range(NAMES):
        if not put_text(c, column, head.names[column], head.sizes[column]):
            return 0
    put_int64(&c.figures[AT], head.at)
    put_int32(&c.lists[LINES], <int32_t>c.lines)
    put_int32(&c.lists[TENDERS], <int32_t>c.tenders)
    return 1


cdef bint is_blank(const char *at, const char *end) noexcept nogil:
    """Whether a line has nothing but white space, as `bytes.strip` knows it."""
    while at < end:
        if at[0] != b' ' and not 9 <= at[0] <= 13:
            return False
        at += 1
    return True


cdef out_of(const Bytes *b, object dtype, Py_ssize_t width, bint begins=False):
    """A buffer as an array; `begins`: with a 0 before it."""
    cdef Py_ssize_t n = b.used // width
    made = np.empty(n + begins, dtype)
    cdef uint8_t[::1] room = made.view(np.uint8)
    if begins:
        made[0] = 0
    if b.used:
        memcpy(&room[begins * width], b.at, b.used)
    return made


def read_sales(bytes body):
    """The plain sales of an NDJSON body, and its other lines.

    Returns (columns, numbers, others). `columns` has by name `at` (int64, us), texts `id`,
    `member`, `store`, `terminal`, `sku`, `type` as (int32[n + 1] bounds, bytes), figures
    `quantity`, `net`, `amount` (int64), and where the items of each sale begin: `lines`,
    `tenders` (int32[n + 1]). `numbers` (int64) are the sales' lines in the body, from 1.
    `others` (int64[k, 3]) are number, begin and end of each line that is not blank and not such
    a sale.
    """
    cdef Columns c
    cdef Mark m
    cdef Text t
    cdef Bytes others
    cdef const char *start = body
    cdef const char *begin = start
    cdef const char *end = start + len(body)
    cdef const char *stop
    cdef int64_t number = 0
    cdef int k
    if len(body) > INT32_MAX:
        raise ValueError("a body of over 2 GiB")
    memset(&c, 0, sizeof(c))
    memset(&others, 0, sizeof(others))
    try:
        with nogil:
            while begin < end:
                stop = <const char*>memchr(begin, b'\n', end - begin)
                if stop == NULL:
                    stop = end
                number += 1
                t.at, t.end = begin, stop
                mark(&c, &m)
                if read_sale(&t, &c):
                    put_int64(&c.figures[NUMBER], number)
                    c.sales += 1
                else:
                    back_to(&c, &m)
                    if not is_blank(begin, stop):
                        put_int64(&others, number)
                        put_int64(&others, begin - start)
                        put_int64(&others, stop - start)
                begin = stop + 1
        columns = {
            name: (out_of(&c.strings[k].bounds, np.int32, 4, True),
                   out_of(&c.strings[k].data, np.uint8, 1))
            for k, name in enumerate(("id", "member", "store", "terminal", "sku", "type"))
        }
        for k, name in enumerate(("at", "quantity", "net", "amount")):
            columns[name] = out_of(&c.figures[k], np.int64, 8)
        for k, name in enumerate(("lines", "tenders")):
            columns[name] = out_of(&c.lists[k], np.int32, 4, True)
        return (columns, out_of(&c.figures[NUMBER], np.int64, 8),
                out_of(&others, np.int64, 8).reshape(-1, 3))
    finally:
        for k in range(TEXTS):
            let_go(&c.strings[k].bounds)
            let_go(&c.strings[k].data)
        for k in range(FIGURES):
            let_go(&c.figures[k])
        for k in range(LISTS):
            let_go(&c.lists[k])
        let_go(&others)
