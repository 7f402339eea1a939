"""The short way of plain sales."""

from libc.stdint cimport int64_t, uint32_t

from .rules cimport RuleTable
from .work cimport Work


cdef int fold_plain(const RuleTable *t, Work *w, const uint32_t *order,
                    int64_t n) noexcept nogil
