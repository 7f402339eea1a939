"""A member's chain through a journal record, and copies of the rows that it names.

A walk finds a handful of rows in each of many records: looked at one by one from Python, that
is the price of a late fact.
"""

from cpython.unicode cimport PyUnicode_DecodeUTF8
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy

import numpy as np

cimport numpy as cnp

cnp.import_array()

cdef object INT64 = np.dtype(np.int64)


cdef class Trail:
    """A record's rows as a walk looks at them: row i has seq `first` + i.

    `bounds` (int32[n + 1]) delimit the rows' ids in `text`, which is UTF-8. A record is asked once
    for each of its members that is walked: its columns are pointed at once and for all.
    """

    cdef uint64_t first
    cdef const uint32_t[::1] members
    cdef const uint64_t[::1] previous
    cdef const uint8_t[::1] status
    cdef const int32_t[::1] bounds
    cdef const uint8_t[::1] text

    def __init__(self, uint64_t first, const uint32_t[::1] members, const uint64_t[::1] previous,
                 const uint8_t[::1] status, const int32_t[::1] bounds, const uint8_t[::1] text):
        cdef Py_ssize_t n = members.shape[0]
        if previous.shape[0] != n or status.shape[0] != n or bounds.shape[0] != n + 1:
            raise ValueError(f"columns of other lengths than {n}")
        self.first, self.members, self.previous, self.status = first, members, previous, status
        self.bounds, self.text = bounds, text

    def follow(self, uint64_t seq, uint64_t until, uint32_t member):
        """Follow a member's chain through the record.

        Starts at `seq`, which the record holds, and ends before the first seq that is not above
        `until` or is in an earlier record. Returns the rows (as they are met: falling), the seq
        that comes next, and whether the status of all of them is 0. A next seq that is not below
        `seq` is of a row that leads back to itself or upwards, the last one returned; a row that
        is another member's is None in place of the rows, its seq the next one.
        """
        cdef Py_ssize_t row
        cdef bint plain = True
        cdef uint64_t now = seq
        cdef list rows = []
        if not self.first <= seq < self.first + self.members.shape[0]:
            raise IndexError(f"seq {seq} of a record of {self.members.shape[0]} from {self.first}")
        while now > until and now >= self.first:
            row = now - self.first
            if self.members[row] != member:
                return None, now, False
            rows.append(row)
            plain = plain and self.status[row] == 0
            if self.previous[row] >= now:
                return rows, self.previous[row], plain
            now = self.previous[row]
        return rows, now, plain

    def ids(self, rows):
        """Ids of some rows."""
        cdef Py_ssize_t row
        cdef int32_t start, end
        found = []
        for row in rows:
            if not 0 <= row < self.members.shape[0]:
                raise IndexError(f"row {row} of {self.members.shape[0]}")
            start, end = self.bounds[row], self.bounds[row + 1]
            if not 0 <= start <= end <= self.text.shape[0]:
                raise IndexError(f"an id beyond {self.text.shape[0]} bytes")
            found.append("" if start == end else PyUnicode_DecodeUTF8(
                <const char*>&self.text[start], end - start, NULL))
        return found


cdef const char *items(object array, object dtype, Py_ssize_t *n) except NULL:
    if array.dtype is not dtype and array.dtype != dtype:
        raise TypeError(f"expected {dtype}, got {array.dtype}")
    if not cnp.PyArray_IS_C_CONTIGUOUS(<cnp.ndarray>array):
        raise TypeError("expected a contiguous column")
    n[0] = cnp.PyArray_SIZE(<cnp.ndarray>array)
    return cnp.PyArray_BYTES(<cnp.ndarray>array)


cdef const int64_t *numbers(object array, Py_ssize_t *n) except NULL:
    return <const int64_t*>items(array, INT64, n)


cdef inline void copy_item(char *target, const char *source, Py_ssize_t wide) noexcept nogil:
    # Of a known size a copy is one move.
    if wide == 8:
        memcpy(target, source, 8)
    elif wide == 4:
        memcpy(target, source, 4)
    else:
        memcpy(target, source, wide)


def gather(list rows, list columns):
    """Some rows of several batches, one batch after the other.

    rows[b] int64 are the rows wanted of batch b; a column is (dtype, its values by batch). Returns
    the columns' copies. Raises TypeError for another dtype, IndexError for a row beyond its batch.
    """
    cdef Py_ssize_t b, i, n, room, wide, total = 0
    cdef const int64_t *which
    cdef const char *source
    cdef char *target
    for some in rows:
        total += len(some)
    copies = []
    for dtype, parts in columns:
        copy = np.empty(total, dtype)
        target = cnp.PyArray_BYTES(<cnp.ndarray>copy)
        wide = cnp.PyArray_ITEMSIZE(<cnp.ndarray>copy)
        for b in range(len(rows)):
            source = items(parts[b], dtype, &room)
            which = numbers(rows[b], &n)
            for i in range(n):
                if not 0 <= which[i] < room:
                    raise IndexError(f"row {which[i]} of {room}")
                copy_item(target, source + which[i] * wide, wide)
                target += wide
        copies.append(copy)
    return copies


def gather_lists(list starts, list rows, list columns):
    """As `gather`, of lists: starts[b] int64[n + 1] delimits those of batch b.

    Returns (starts int64[all rows + 1], the columns' copies). Raises IndexError as well for a list
    beyond its batch.
    """
    cdef Py_ssize_t b, i, n, m, total = 0, place = 0, room, wide, length
    cdef const int64_t *ends
    cdef const int64_t *which
    cdef const char *source
    cdef char *target
    for some in rows:
        total += len(some)
    out = np.zeros(total + 1, np.int64)
    cdef int64_t[::1] new = out
    for b in range(len(rows)):
        ends = numbers(starts[b], &m)
        which = numbers(rows[b], &n)
        for i in range(n):
            if not 0 <= which[i] < m - 1 or not 0 <= ends[which[i]] <= ends[which[i] + 1]:
                raise IndexError(f"row {which[i]} of {m - 1}")
            new[place + 1] = new[place] + ends[which[i] + 1] - ends[which[i]]
            place += 1
    copies = []
    for dtype, parts in columns:
        copy = np.empty(new[total], dtype)
        target = cnp.PyArray_BYTES(<cnp.ndarray>copy)
        wide = cnp.PyArray_ITEMSIZE(<cnp.ndarray>copy)
        for b in range(len(rows)):
            source = items(parts[b], dtype, &room)
            ends = numbers(starts[b], &m)
            which = numbers(rows[b], &n)
            for i in range(n):
                if ends[which[i] + 1] > room:
                    raise IndexError(f"a list beyond {room} items")
                length = (ends[which[i] + 1] - ends[which[i]]) * wide
                memcpy(target, source + ends[which[i]] * wide, length)
                target += length
        copies.append(copy)
    return out, copies
