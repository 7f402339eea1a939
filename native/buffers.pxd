# Bytes and numbers that grow at their end.

from libc.stdint cimport int32_t, int64_t
from libc.stdlib cimport free, realloc
from libc.string cimport memcpy


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


cdef inline void let_go(Bytes *b) noexcept nogil:
    free(b.at)
    b.at = NULL
