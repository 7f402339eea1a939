"""A member's chain through a journal record, and copies of the rows that it names.

A walk finds a handful of rows in each of many records: to decode the records for it, or to look
at the rows one by one from Python, would be the price of a late fact. So a record's columns are
found by their offsets in its message, and nothing of it is read but what is asked for.
"""

from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.bytes cimport PyBytes_FromStringAndSize
from cpython.unicode cimport PyUnicode_DecodeUTF8
from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy

import numpy as np

cimport numpy as cnp

from .message cimport Entry, Message, read_message

cnp.import_array()

cdef enum:
    # Nodes and buffers of `engine.columns.schema.FACTS`, field after field: of a number its
    # validity and its values; of a text validity, bounds, bytes; of a list validity and bounds,
    # then its structs' validity and their fields.
    LINE_NODE = 9
    TENDER_NODE = 15
    POSTING_NODE = 27
    ALL_NODES = 36
    ID = 1
    KIND = 4
    STATUS = 6
    AT = 8
    MEMBER = 10
    PREVIOUS = 12
    STORE = 14
    TERMINAL = 16
    LINES = 18
    LINE = 21
    PRODUCT = 23
    QUANTITY = 25
    NET = 27
    TENDERS = 29
    TENDER = 32
    AMOUNT = 34
    PROGRAM = 36
    POSTINGS = 51
    POSTED_RULE = 54
    POSTED_KIND = 56
    POSTED_LIMIT = 60
    POSTED_POINTS = 64
    CORRECTS = 66
    PAYLOAD = 67
    ALL_BUFFERS = 70

cdef enum:
    NO_RULE = 0xFFFF       # `engine.columns.columns.NO_RULE`


cdef struct List:
    # Of each row's items the first; items in all, or bytes of texts.
    const int32_t *bounds
    int64_t n


cdef class Trail:
    """A record's rows as a walk looks at them: row i has seq `first` + i.

    The first `size` bytes of the record's `body` are its batch of facts, as Arrow writes it: it is
    looked at in place. Raises ValueError for a message of another form.
    """

    cdef readonly uint64_t first
    cdef Py_buffer body
    cdef bint held
    cdef Py_ssize_t n
    cdef const uint8_t *kind
    cdef const uint8_t *status
    cdef const int64_t *at
    cdef const uint32_t *member
    cdef const uint64_t *previous
    cdef const uint32_t *store
    cdef const uint32_t *terminal
    cdef const uint16_t *program
    cdef List ids_
    cdef const char *id_text
    cdef List lines
    cdef const int32_t *line
    cdef const uint32_t *product
    cdef const int64_t *quantity
    cdef const int64_t *net
    cdef List tenders
    cdef const uint32_t *tender
    cdef const int64_t *amount
    cdef List postings
    cdef const uint16_t *posted_rule
    cdef const uint8_t *posted_kind
    cdef const uint8_t *posted_limit
    cdef const int64_t *posted_points
    cdef const uint64_t *corrects
    cdef List payloads
    cdef const char *payload_text
    cdef const uint8_t *has_payload      # bits; NULL: no row has none

    def __cinit__(self, uint64_t first, object body, Py_ssize_t size):
        cdef Message m
        cdef int64_t lines, tenders, postings
        PyObject_GetBuffer(body, &self.body, PyBUF_SIMPLE)
        self.held = True
        if not 0 <= size <= self.body.len or not read_message(
                <const char*>self.body.buf, size, &m):
            raise ValueError("not a record batch of Arrow")
        if m.n_nodes != ALL_NODES or m.n_buffers != ALL_BUFFERS:
            raise ValueError(f"a batch of {m.n_buffers} buffers is none of facts")
        self.first, self.n = first, m.rows
        self.kind = <const uint8_t*>values(&m, KIND, m.rows, 1)
        self.status = <const uint8_t*>values(&m, STATUS, m.rows, 1)
        self.at = <const int64_t*>values(&m, AT, m.rows, 8)
        self.member = <const uint32_t*>values(&m, MEMBER, m.rows, 4)
        self.previous = <const uint64_t*>values(&m, PREVIOUS, m.rows, 8)
        self.store = <const uint32_t*>values(&m, STORE, m.rows, 4)
        self.terminal = <const uint32_t*>values(&m, TERMINAL, m.rows, 4)
        self.program = <const uint16_t*>values(&m, PROGRAM, m.rows, 2)
        self.id_text = texts(&m, ID, &self.ids_)
        lines = items(&m, LINES, LINE_NODE, &self.lines)
        self.line = <const int32_t*>values(&m, LINE, lines, 4)
        self.product = <const uint32_t*>values(&m, PRODUCT, lines, 4)
        self.quantity = <const int64_t*>values(&m, QUANTITY, lines, 8)
        self.net = <const int64_t*>values(&m, NET, lines, 8)
        tenders = items(&m, TENDERS, TENDER_NODE, &self.tenders)
        self.tender = <const uint32_t*>values(&m, TENDER, tenders, 4)
        self.amount = <const int64_t*>values(&m, AMOUNT, tenders, 8)
        postings = items(&m, POSTINGS, POSTING_NODE, &self.postings)
        self.posted_rule = <const uint16_t*>values(&m, POSTED_RULE, postings, 2)
        self.posted_kind = <const uint8_t*>values(&m, POSTED_KIND, postings, 1)
        self.posted_limit = <const uint8_t*>values(&m, POSTED_LIMIT, postings, 1)
        self.posted_points = <const int64_t*>values(&m, POSTED_POINTS, postings, 8)
        self.corrects = <const uint64_t*>values(&m, CORRECTS, postings, 8)
        self.payload_text = texts(&m, PAYLOAD + 1, &self.payloads)
        self.has_payload = NULL
        if entry_at(m.nodes, ALL_NODES - 1).second:
            self.has_payload = <const uint8_t*>values(&m, PAYLOAD, (m.rows + 7) // 8, 1)

    def __dealloc__(self):
        if self.held:
            PyBuffer_Release(&self.body)

    def __len__(self):
        return self.n

    cdef int check(self, Py_ssize_t row) except -1:
        if not 0 <= row < self.n:
            raise IndexError(f"row {row} of {self.n}")
        return 0

    def follow(self, uint64_t seq, uint64_t until, uint32_t member, uint8_t strange):
        """Follow a member's chain through the record.

        Starts at `seq`, which the record holds, and ends before the first seq that is not above
        `until` or is in an earlier record. Returns the rows (as they are met: falling), the seq
        that comes next, and whether the status of all of them is 0 and no kind is `strange`. A
        next seq that is not below `seq` is of a row that leads back to itself or upwards, the last
        one returned; a row that is another member's is None in place of the rows, its seq the next
        one.
        """
        cdef Py_ssize_t row
        cdef bint plain = True
        cdef uint64_t now = seq
        cdef list rows = []
        if not self.first <= seq < self.first + self.n:
            raise IndexError(f"seq {seq} of a record of {self.n} from {self.first}")
        while now > until and now >= self.first:
            row = now - self.first
            if self.member[row] != member:
                return None, now, False
            rows.append(row)
            plain = plain and self.status[row] == 0 and self.kind[row] != strange
            if self.previous[row] >= now:
                return rows, self.previous[row], plain
            now = self.previous[row]
        return rows, now, plain

    def before(self, Py_ssize_t row):
        """The seq of its member's fact before a row's; 0: none."""
        self.check(row)
        return self.previous[row]

    def head(self, Py_ssize_t row):
        """(kind, status, member) of a row."""
        self.check(row)
        return self.kind[row], self.status[row], self.member[row]

    def id(self, Py_ssize_t row):
        """A row's id."""
        self.check(row)
        return text_of(self, row)

    def payload(self, Py_ssize_t row):
        """A row's payload, None where it has none."""
        self.check(row)
        return payload_of(self, row)

    def told(self, Py_ssize_t row, uint8_t correct):
        """What a row tells of parked facts, as a list of (seq, status): its postings of the kind
        `correct` that are of no rule and have no points."""
        cdef Py_ssize_t i, lo, hi
        self.check(row)
        lo, hi = bounds_of(&self.postings, row)
        return [
            (self.corrects[i], self.posted_limit[i]) for i in range(lo, hi)
            if self.corrects[i] != 0 and self.posted_points[i] == 0
            and self.posted_rule[i] == NO_RULE and self.posted_kind[i] == correct
        ]


cdef inline Entry entry_at(const char *entries, Py_ssize_t place) noexcept nogil:
    cdef Entry entry
    memcpy(&entry, entries + place * sizeof(Entry), sizeof(Entry))
    return entry


cdef const char *values(Message *m, Py_ssize_t place, int64_t n, int64_t wide) except NULL:
    """n values of so many bytes, which are buffer `place`."""
    cdef Entry where = entry_at(m.buffers, place)
    if (where.first < 0 or where.second < 0 or where.first > m.size
            or where.second > m.size - where.first or n > where.second // wide):
        raise ValueError(f"buffer {place} does not have {n} values")
    return m.body + where.first


cdef int64_t items(Message *m, Py_ssize_t place, Py_ssize_t node, List *out) except -1:
    """How many items lists have, whose bounds are buffer `place` and whose structs are a node."""
    out.bounds = <const int32_t*>values(m, place, m.rows + 1 if m.rows else 0, 4)
    out.n = entry_at(m.nodes, node).first
    if out.n < 0:
        raise ValueError(f"node {node} has {out.n} items")
    return out.n


cdef const char *texts(Message *m, Py_ssize_t place, List *out) except NULL:
    """The bytes of texts whose bounds are buffer `place`."""
    out.bounds = <const int32_t*>values(m, place, m.rows + 1 if m.rows else 0, 4)
    out.n = entry_at(m.buffers, place + 1).second
    return values(m, place + 1, out.n, 1)


cdef (Py_ssize_t, Py_ssize_t) bounds_of(const List *lists, Py_ssize_t row) except *:
    """Where a row's items begin and end; IndexError where they are not there."""
    cdef Py_ssize_t lo = lists.bounds[row], hi = lists.bounds[row + 1]
    if not 0 <= lo <= hi <= lists.n:
        raise IndexError(f"items {lo} to {hi} of {lists.n}")
    return lo, hi


cdef object text_of(Trail trail, Py_ssize_t row):
    cdef Py_ssize_t lo, hi
    lo, hi = bounds_of(&trail.ids_, row)
    return PyUnicode_DecodeUTF8(trail.id_text + lo, hi - lo, NULL)


cdef object payload_of(Trail trail, Py_ssize_t row):
    cdef Py_ssize_t lo, hi
    if trail.has_payload != NULL and not trail.has_payload[row >> 3] >> (row & 7) & 1:
        return None
    lo, hi = bounds_of(&trail.payloads, row)
    return PyBytes_FromStringAndSize(trail.payload_text + lo, hi - lo)


cdef void *room(object array) noexcept:
    return cnp.PyArray_DATA(<cnp.ndarray>array)


def gather(list places):
    """Copies of single rows of several records, (Trail, row) each, in the order given.

    Returns the ids, the payloads (None where no row has one), and by name the columns of `Facts`
    that the journal has, and `program` (uint16). Raises IndexError for a row beyond its record,
    or a list beyond its items.
    """
    cdef Py_ssize_t n = len(places), i, row, lo, hi, line = 0, tender = 0, k
    cdef Trail trail
    cdef object payload
    cdef bint paid = False
    cdef list ids = [], payloads = []
    starts = np.zeros(n + 1, np.int64), np.zeros(n + 1, np.int64)
    cdef int64_t *lines_from = <int64_t*>room(starts[0])
    cdef int64_t *tenders_from = <int64_t*>room(starts[1])
    for i in range(n):
        trail, row = places[i]
        trail.check(row)
        ids.append(text_of(trail, row))
        payload = payload_of(trail, row)
        paid = paid or payload is not None
        payloads.append(payload)
        lo, hi = bounds_of(&trail.lines, row)
        line += hi - lo
        lines_from[i + 1] = line
        lo, hi = bounds_of(&trail.tenders, row)
        tender += hi - lo
        tenders_from[i + 1] = tender
    columns = {
        "kind": np.empty(n, np.uint8), "at": np.empty(n, np.int64),
        "member": np.empty(n, np.uint32), "store": np.empty(n, np.uint32),
        "terminal": np.empty(n, np.uint32), "program": np.empty(n, np.uint16),
        "lines_from": starts[0], "line": np.empty(line, np.int32),
        "product": np.empty(line, np.uint32), "quantity": np.empty(line, np.int64),
        "net": np.empty(line, np.int64),
        "tenders_from": starts[1], "tender": np.empty(tender, np.uint32),
        "amount": np.empty(tender, np.int64),
    }
    cdef uint8_t *kind = <uint8_t*>room(columns["kind"])
    cdef int64_t *at = <int64_t*>room(columns["at"])
    cdef uint32_t *member = <uint32_t*>room(columns["member"])
    cdef uint32_t *store = <uint32_t*>room(columns["store"])
    cdef uint32_t *terminal = <uint32_t*>room(columns["terminal"])
    cdef uint16_t *program = <uint16_t*>room(columns["program"])
    cdef int32_t *number = <int32_t*>room(columns["line"])
    cdef uint32_t *product = <uint32_t*>room(columns["product"])
    cdef int64_t *quantity = <int64_t*>room(columns["quantity"])
    cdef int64_t *net = <int64_t*>room(columns["net"])
    cdef uint32_t *type_ = <uint32_t*>room(columns["tender"])
    cdef int64_t *amount = <int64_t*>room(columns["amount"])
    for i in range(n):
        trail, row = places[i]
        kind[i] = trail.kind[row]
        at[i] = trail.at[row]
        member[i] = trail.member[row]
        store[i] = trail.store[row]
        terminal[i] = trail.terminal[row]
        program[i] = trail.program[row]
        lo, k = trail.lines.bounds[row], lines_from[i + 1] - lines_from[i]
        memcpy(number + lines_from[i], trail.line + lo, k * sizeof(int32_t))
        memcpy(product + lines_from[i], trail.product + lo, k * sizeof(uint32_t))
        memcpy(quantity + lines_from[i], trail.quantity + lo, k * sizeof(int64_t))
        memcpy(net + lines_from[i], trail.net + lo, k * sizeof(int64_t))
        lo, k = trail.tenders.bounds[row], tenders_from[i + 1] - tenders_from[i]
        memcpy(type_ + tenders_from[i], trail.tender + lo, k * sizeof(uint32_t))
        memcpy(amount + tenders_from[i], trail.amount + lo, k * sizeof(int64_t))
    return ids, payloads if paid else None, columns
