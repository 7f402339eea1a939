"""Names to their numbers by their bytes: what a dictionary of strings knows, without the strings.

An open table of slots of half a cache line, in which a name of up to 20 bytes stands itself.
Looking one up makes no object; the line of memory that it reads is asked for some names ahead,
since waiting for it is most of what a line of a sale costs on its way to columns.
"""

from cpython.unicode cimport PyUnicode_AsUTF8AndSize
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcmp, memcpy, memset

import os

import numpy as np

from .arith cimport prefetch
from .buffers cimport Bytes, let_go, make_room, put, put_int64

cdef enum:
    LEAST = 1024              # slots
    HEAD = 20
    AHEAD = 8


cdef struct Slot:
    uint32_t tag              # upper half of the hash
    uint32_t number           # of the name, from 1; 0 for a free slot
    uint32_t size
    char head[HEAD]


cdef inline uint64_t hash_of(const char *at, Py_ssize_t size, uint64_t seed) noexcept nogil:
    """Eight bytes a step, mixed by multiplication."""
    cdef uint64_t h = seed ^ (<uint64_t>size * 0x9E3779B97F4A7C15ULL), word
    while size >= 8:
        memcpy(&word, at, 8)
        h = (h ^ word) * 0xFF51AFD7ED558CCDULL
        h ^= h >> 32
        at += 8
        size -= 8
    if size:
        word = 0
        memcpy(&word, at, size)
        h = (h ^ word) * 0xFF51AFD7ED558CCDULL
        h ^= h >> 32
    h *= 0xC4CEB9FE1A85EC53ULL
    return h ^ (h >> 29)


cdef class Names:
    """Names numbered from 0 in the order in which they were added."""

    cdef Slot *slots
    cdef uint64_t mask
    cdef uint64_t seed
    cdef Bytes text
    cdef Bytes ends           # int64, where each name ends in `text`
    cdef readonly Py_ssize_t n

    def __cinit__(self):
        memset(&self.text, 0, sizeof(Bytes))
        memset(&self.ends, 0, sizeof(Bytes))
        self.seed = int.from_bytes(os.urandom(8), "little")
        self.mask = LEAST - 1
        self.slots = <Slot*>calloc(LEAST, sizeof(Slot))
        if self.slots == NULL:
            raise MemoryError

    def __dealloc__(self):
        free(self.slots)
        let_go(&self.text)
        let_go(&self.ends)

    def __len__(self):
        return self.n

    cdef inline bint _is(self, const Slot *slot, const char *at, Py_ssize_t size) noexcept nogil:
        cdef const int64_t *ends
        if slot.size != size or memcmp(slot.head, at, min(size, HEAD)) != 0:
            return False
        if size <= HEAD:
            return True
        ends = <const int64_t*>self.ends.at
        return memcmp(self.text.at + ends[slot.number - 1] - size, at, size) == 0

    cdef Slot *_slot(self, const char *at, Py_ssize_t size, uint64_t h) noexcept nogil:
        """The slot of a name, or the free one where it belongs."""
        cdef uint64_t k = h & self.mask
        cdef uint32_t tag = <uint32_t>(h >> 32)
        cdef Slot *slot
        while True:
            slot = &self.slots[k]
            if slot.number == 0 or slot.tag == tag and self._is(slot, at, size):
                return slot
            k = (k + 1) & self.mask

    cdef void _take(self, Slot *slot, const char *at, Py_ssize_t size, uint64_t h,
                    Py_ssize_t number) noexcept nogil:
        slot.tag, slot.number, slot.size = <uint32_t>(h >> 32), <uint32_t>number, <uint32_t>size
        memcpy(slot.head, at, min(size, HEAD))

    cdef int _room(self, Py_ssize_t names) except -1:
        """Slots for so many names: at most half of them are ever taken."""
        cdef uint64_t size = self.mask + 1, h
        cdef const int64_t *ends = <const int64_t*>self.ends.at
        cdef int64_t begin = 0
        cdef Py_ssize_t k
        cdef Slot *slot
        cdef Slot *fresh
        while 2 * <uint64_t>names >= size:
            size *= 2
        if size == self.mask + 1:
            return 0
        fresh = <Slot*>calloc(size, sizeof(Slot))
        if fresh == NULL:
            raise MemoryError
        free(self.slots)
        self.slots, self.mask = fresh, size - 1
        for k in range(self.n):
            h = hash_of(self.text.at + begin, ends[k] - begin, self.seed)
            slot = self._slot(self.text.at + begin, ends[k] - begin, h)
            self._take(slot, self.text.at + begin, ends[k] - begin, h, k + 1)
            begin = ends[k]
        return 0

    def extend(self, list names):
        """Number names that are new, in order. Raises ValueError for one that is known."""
        cdef const char *at
        cdef Py_ssize_t size = 0
        cdef uint64_t h
        cdef Slot *slot
        self._room(self.n + len(names))
        for name in names:
            at = PyUnicode_AsUTF8AndSize(name, &size)
            h = hash_of(at, size, self.seed)
            slot = self._slot(at, size, h)
            if slot.number:
                raise ValueError(f"{name!r} is known")
            make_room(&self.ends, sizeof(int64_t))
            put(&self.text, at, size)
            put_int64(&self.ends, self.text.used)
            self.n += 1
            self._take(slot, at, size, h, self.n)

    def find(self, const int32_t[::1] bounds, const uint8_t[::1] text):
        """Numbers (int64) of the names that bounds delimit in a text; -1 for unknown ones."""
        cdef Py_ssize_t n = bounds.shape[0] - 1, k
        cdef uint64_t coming[AHEAD]
        cdef uint64_t h
        out = np.empty(max(n, 0), np.int64)
        cdef int64_t[::1] numbers = out
        # A view of no bytes has no first one.
        cdef const char *begin = <const char*>&text[0] if text.shape[0] else NULL
        with nogil:
            for k in range(n + AHEAD):
                if k >= AHEAD:
                    h = coming[k % AHEAD]
                    numbers[k - AHEAD] = <int64_t>self._slot(
                        begin + bounds[k - AHEAD], bounds[k - AHEAD + 1] - bounds[k - AHEAD], h
                    ).number - 1
                if k < n:
                    h = hash_of(begin + bounds[k], bounds[k + 1] - bounds[k], self.seed)
                    coming[k % AHEAD] = h
                    prefetch(&self.slots[h & self.mask])
        return out

    def find_strings(self, list names):
        """As `find`, of names that are strings."""
        cdef Py_ssize_t n = len(names), k
        cdef const char *at[AHEAD]
        cdef Py_ssize_t size[AHEAD]
        cdef uint64_t coming[AHEAD]
        out = np.empty(n, np.int64)
        cdef int64_t[::1] numbers = out
        for k in range(n + AHEAD):
            if k >= AHEAD:
                numbers[k - AHEAD] = <int64_t>self._slot(
                    at[k % AHEAD], size[k % AHEAD], coming[k % AHEAD]).number - 1
            if k < n:
                at[k % AHEAD] = PyUnicode_AsUTF8AndSize(names[k], &size[k % AHEAD])
                coming[k % AHEAD] = hash_of(at[k % AHEAD], size[k % AHEAD], self.seed)
                prefetch(&self.slots[coming[k % AHEAD] & self.mask])
        return out
