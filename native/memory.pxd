"""Growing arrays of the kernel's own."""

from libc.stdint cimport int32_t, int64_t
from libc.stdlib cimport realloc


cdef inline bint room_for(void **items, int32_t n, int32_t *room, int64_t size) noexcept nogil:
    """Make room for one more item of `size` bytes; False without memory."""
    cdef void *moved
    if n < room[0]:
        return True
    moved = realloc(items[0], (2 * room[0] + 8) * size)
    if moved == NULL:
        return False
    items[0] = moved
    room[0] = 2 * room[0] + 8
    return True
