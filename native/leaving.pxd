"""A member leaves: its holds end and all that it has expires (rulebook 7)."""

from libc.stdint cimport int32_t, int64_t

from .accounts cimport account_of, forfeit
from .closing cimport post_due
from .columns cimport Columns
from .facts cimport enter, finish, no_amounts
from .held cimport Part, n_parts, part_of
from .history cimport History
from .holds cimport release
from .rules cimport OK, RuleTable
from .state cimport CLOSED, FACTS, HOLDS, Vec
from .work cimport Work, note_expired


cdef inline bint release_all(Work *w, const RuleTable *t, int64_t basket, int64_t *row,
                             int32_t day, History *h) noexcept nogil:
    """Release the open holds, in the order in which they were made."""
    cdef Part first, p
    cdef int32_t i
    while n_parts(<Vec*>row[HOLDS]):
        first = part_of(<Vec*>row[HOLDS], 0)
        for i in range(1, n_parts(<Vec*>row[HOLDS])):
            p = part_of(<Vec*>row[HOLDS], i)
            if p.source < first.source:
                first = p
        if not release(w, t, basket, row, first.currency, first.source, day, h):
            return False
    return True


cdef inline int apply_close(Work *w, const RuleTable *t, int64_t i, int64_t *row,
                            History *h) noexcept nogil:
    """The membership is over; what is owed stays owed."""
    cdef const Columns *in_ = w.in_
    cdef int32_t day = in_.day[i], c
    cdef int64_t *account
    if not enter(w, t, i, row, h):
        return OK
    no_amounts(w, t)
    row[CLOSED] = 1
    if h != NULL:
        h.closed = <int32_t>row[FACTS] + 1
    if not release_all(w, t, i, row, day, h):
        w.failed = 1
        return OK
    for c in range(w.g.n_currencies):
        account = account_of(row, c)
        w.takes.n = 0
        forfeit(account, &w.takes)
        if h != NULL:
            note_expired(w, h, c)
        if not post_due(w, i, account, c):
            w.failed = 1
    return finish(w, t, i, row, h, day, day)
