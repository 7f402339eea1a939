"""Numbers of names by their UTF-8 bytes, for whole columns at a time.

A batch of sales names some product on every line. Made a Python string each, and looked up in a
dictionary of very many, that costs more than the sale itself does.
"""

from cpython.unicode cimport PyUnicode_AsUTF8AndSize
from libc.stdint cimport int32_t, int64_t, uint8_t, uint64_t
from libc.stdlib cimport calloc, free, realloc
from libc.string cimport memcmp, memcpy

import os

import numpy as np

from .arith cimport prefetch

cdef enum:
    AHEAD = 32             # names hashed before the first of them is looked up

cdef struct Slot:
    uint64_t hashed
    int64_t at             # of the name's bytes
    int32_t length
    int32_t number         # plus 1; 0: an empty slot


cdef inline uint64_t hash_of(const char *name, int64_t n, uint64_t seed) noexcept nogil:
    cdef uint64_t h = seed ^ <uint64_t>n, word
    while n > 0:
        word = 0
        memcpy(&word, name, 8 if n >= 8 else n)
        h = (h ^ word) * <uint64_t>0x9E3779B97F4A7C15
        h ^= h >> 29
        name += 8
        n -= 8
    h *= <uint64_t>0xBF58476D1CE4E5B9
    return h ^ (h >> 32)


cdef class NameTable:
    """Names numbered from 0 in the order in which they are added; each is added once."""

    cdef Slot *slots
    cdef char *bytes
    cdef int64_t n_bytes, room_bytes
    cdef int64_t room      # slots, a power of two, at most half of them in use
    cdef int64_t n
    cdef uint64_t seed

    def __cinit__(self):
        # Whoever chooses names does not choose which of them meet in one slot.
        self.seed = int.from_bytes(os.urandom(8), "little")

    def __dealloc__(self):
        free(self.slots)
        free(self.bytes)

    def __len__(self):
        return self.n

    cdef int make_room(self, int64_t names, int64_t more) except -1:
        """Room for so many names, and for so many more bytes."""
        cdef int64_t room = self.room, i, at
        cdef Slot *slots
        cdef void *moved
        if self.n_bytes + more > self.room_bytes:
            self.room_bytes = 2 * (self.n_bytes + more)
            moved = realloc(self.bytes, self.room_bytes)
            if moved == NULL:
                raise MemoryError
            self.bytes = <char*>moved
        while 2 * names > room:
            room = 2 * room if room else 1024
        if room == self.room:
            return 0
        slots = <Slot*>calloc(room, sizeof(Slot))
        if slots == NULL:
            raise MemoryError
        for i in range(self.room):
            if self.slots[i].number:
                at = self.slots[i].hashed & (room - 1)
                while slots[at].number:
                    at = (at + 1) & (room - 1)
                slots[at] = self.slots[i]
        free(self.slots)
        self.slots = slots
        self.room = room
        return 0

    def add(self, list names):
        """Number names that the table does not have."""
        cdef Py_ssize_t length
        cdef const char *name
        cdef int64_t at
        cdef uint64_t hashed
        for one in names:
            name = PyUnicode_AsUTF8AndSize(one, &length)
            self.make_room(self.n + 1, length)
            hashed = hash_of(name, length, self.seed)
            at = hashed & (self.room - 1)
            while self.slots[at].number:
                at = (at + 1) & (self.room - 1)
            memcpy(self.bytes + self.n_bytes, name, length)
            self.n += 1
            self.slots[at] = Slot(hashed, self.n_bytes, <int32_t>length, <int32_t>self.n)
            self.n_bytes += length

    def find(self, const int32_t[::1] ends, const uint8_t[::1] data):
        """Numbers (int64[n]) of the names that ends (int32[n + 1]) delimits in data; -1: unknown.

        Raises IndexError for ends beyond the data.
        """
        cdef Py_ssize_t n = ends.shape[0] - 1, i, k, block
        cdef uint64_t[AHEAD] hashed
        cdef const char *names = <const char*>&data[0] if data.shape[0] else NULL
        out = np.empty(n, np.int64)
        cdef int64_t[::1] found = out
        cdef const Slot *slot
        cdef int64_t at
        for i in range(n):
            if ends[i] > ends[i + 1]:
                raise IndexError("ends that fall")
        if n and (ends[0] < 0 or ends[n] > data.shape[0]):
            raise IndexError(f"names beyond {data.shape[0]} bytes")
        if self.n == 0:
            out[:] = -1
            return out
        with nogil:
            block = 0
            while block < n:
                k = AHEAD if block + AHEAD < n else n - block
                for i in range(k):
                    hashed[i] = hash_of(
                        names + ends[block + i], ends[block + i + 1] - ends[block + i], self.seed)
                    prefetch(&self.slots[hashed[i] & (self.room - 1)])
                for i in range(k):
                    prefetch(self.bytes + self.slots[hashed[i] & (self.room - 1)].at)
                for i in range(k):
                    at = hashed[i] & (self.room - 1)
                    while True:
                        slot = &self.slots[at]
                        if slot.number == 0:
                            break
                        if (slot.hashed == hashed[i]
                                and slot.length == ends[block + i + 1] - ends[block + i]
                                and memcmp(self.bytes + slot.at, names + ends[block + i],
                                           slot.length) == 0):
                            break
                        at = (at + 1) & (self.room - 1)
                    found[block + i] = <int64_t>slot.number - 1
                block += AHEAD
        return out
