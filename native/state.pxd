"""The state table: one row of int64 slots a member, and the lots of its accounts.

Slots: HEAD, then ACCOUNT slots a currency, one slot a tier (last good day), two slots a
counter (period number, value). The lots pointer stands in its slot and is never packed.
"""

from libc.stdint cimport int32_t, int64_t, uint32_t

from .lots cimport Lots

cdef enum:
    LAST_AT = 0      # occurred_at of the member's latest fact, us; NONE before any
    LAST_SEQ = 1     # highest seq of the member's facts; 0 before any
    PURCHASES = 2    # sales with an eligible amount above zero
    UPGRADES = 3     # facts after which the tier was higher than before
    HEAD = 4

cdef enum:
    ISSUED = 0
    EXPIRED = 1      # up to the member's latest fact
    LIVE = 2         # points of all lots, pending ones among them
    LOTS = 3
    ACCOUNT = 4

cdef class State:
    cdef int64_t *rows
    cdef readonly Py_ssize_t n_members
    cdef Py_ssize_t room
    cdef readonly Py_ssize_t n_currencies, n_tiers, n_counters
    cdef Py_ssize_t width      # slots a row
    cdef Py_ssize_t tiers_at   # first tier slot
    cdef Py_ssize_t counters_at

    cdef int64_t *row(self, uint32_t member) noexcept nogil
    cdef void clear_row(self, int64_t *row) noexcept nogil
