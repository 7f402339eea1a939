"""The general way of folding: facts of any kind."""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t

from .rules cimport RuleTable
from .work cimport Work


cdef void apply_closings(Work *w, uint32_t member, int64_t before) noexcept nogil
cdef int fold_general(Work *w, const uint32_t *order, int64_t n,
                      const uint8_t *named) noexcept nogil
cdef int make_work(Work *w, int32_t rules, int32_t words, int32_t counters, int32_t limits,
                   int32_t figures_asked, int32_t classes, int64_t lines,
                   int64_t tenders) noexcept nogil
cdef void free_work(Work *w) noexcept nogil
cdef int run_out_row(Work *w, const RuleTable *t, int64_t *row, int64_t at) noexcept nogil
