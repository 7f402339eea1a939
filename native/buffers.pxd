# Bytes and numbers that grow at their end.

from libc.stdint cimport int32_t, int64_t, uint64_t
from libc.stdlib cimport free, realloc
from libc.string cimport memcpy

cdef enum:
    DIGITS = 20               # of a figure in decimal, at most


cdef struct Bytes:
    char *at
    Py_ssize_t used
    Py_ssize_t room


cdef inline int make_room(Bytes *b, Py_ssize_t more) except -1 nogil:
    """Room for so many bytes more."""
    cdef Py_ssize_t room
    cdef char *moved
    if b.used + more <= b.room:
        return 0
    room = b.room + b.room // 2 if b.room else 4096
    while room < b.used + more:
        room *= 2
    moved = <char*>realloc(b.at, room)
    if moved == NULL:
        with gil:
            raise MemoryError
    b.at, b.room = moved, room
    return 0


cdef inline int put(Bytes *b, const void *some, Py_ssize_t size) except -1 nogil:
    make_room(b, size)
    memcpy(b.at + b.used, some, size)
    b.used += size
    return 0


cdef inline int put_int32(Bytes *b, int32_t value) except -1 nogil:
    return put(b, &value, sizeof(int32_t))


cdef inline int put_int64(Bytes *b, int64_t value) except -1 nogil:
    return put(b, &value, sizeof(int64_t))


cdef inline int put_figure(Bytes *b, int64_t figure) except -1 nogil:
    """A figure in decimal."""
    cdef char digits[DIGITS]
    cdef int n = DIGITS
    cdef uint64_t rest = <uint64_t>figure
    if figure < 0:
        rest = 0 - rest
    while True:
        n -= 1
        digits[n] = <char>(48 + rest % 10)
        rest //= 10
        if rest == 0:
            break
    if figure < 0:
        put(b, b"-", 1)
    return put(b, &digits[n], DIGITS - n)


cdef inline void let_go(Bytes *b) noexcept nogil:
    free(b.at)
    b.at = NULL
