"""Growing arrays of the kernel's own."""

from libc.stdint cimport int32_t, int64_t
from libc.stdlib cimport realloc

cdef extern from *:
    """
    #ifndef VAFA_MEMORY
    #define VAFA_MEMORY
    #include <stdint.h>
    #include <sys/mman.h>

    #ifdef MADV_HUGEPAGE
    #include <malloc.h>
    #endif

    enum { VAFA_PAGE = 4096 };
    /* Ask for large pages for all of a block that is a mapping of its own, as malloc makes of large
       ones: the first touch of each small page is a fault, which costs as much as a thousand bytes
       written. Of a part the block could not be moved without a copy. */
    static inline void vafa_large_pages(void *block) {
    #ifdef MADV_HUGEPAGE
        uintptr_t begin = (uintptr_t)block & ~(uintptr_t)(VAFA_PAGE - 1);
        madvise((void *)begin, (uintptr_t)block + malloc_usable_size(block) - begin,
                MADV_HUGEPAGE);
    #else
        (void)block;
    #endif
    }
    #endif
    """
    void large_pages "vafa_large_pages"(void *block) noexcept nogil


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
