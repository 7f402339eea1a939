"""A closed day's part of one member: expiries and holds that ran out written, bonuses on
anniversaries given."""

from libc.stdint cimport INT64_MIN, int32_t, int64_t, uint8_t, uint32_t

from .accounts cimport account_of
from .basket cimport CLOSED_DAY, Basket
from .columns cimport Postings, post
from .earned cimport amounts_of, apply_amounts, post_rated
from .facts cimport finish, no_amounts, rate_ahead, stand_in
from .held cimport ends_by
from .history cimport History
from .holds cimport run_out
from .lots cimport Lots
from .rules cimport NO_RULE, POST_EXPIRE, POST_FORGIVE, POST_RELEASE, RuleTable
from .state cimport (
    A_CARD, CLOSED, ENROLLED, EXPIRED, FACTS, JOINED, LAST_AT, LOTS, POSTED, RUN_OUT,
    RUN_OUT_GIVEN, TODAY)
from .work cimport Work, begin, new_event, settle_all


cdef inline bint post_due(Work *w, int64_t basket, int64_t *account,
                          int32_t c) noexcept nogil:
    """Post what has run out and expired and no posting tells yet; False without memory."""
    cdef int64_t back = account[RUN_OUT], given = account[RUN_OUT_GIVEN]
    cdef int64_t gone = account[EXPIRED] - account[POSTED]
    account[RUN_OUT] = account[RUN_OUT_GIVEN] = 0
    account[POSTED] = account[EXPIRED]
    if back and not post(w.p, <uint32_t>basket, 0, NO_RULE, POST_RELEASE, <uint8_t>c, 0, back,
                         back):
        return False
    if gone and not post(w.p, <uint32_t>basket, 0, NO_RULE, POST_EXPIRE, <uint8_t>c, 0, -gone,
                         -gone):
        return False
    return given == 0 or post(w.p, <uint32_t>basket, 0, NO_RULE, POST_FORGIVE, <uint8_t>c, 0,
                              -given, -given)


cdef inline bint close_day(Work *w, uint32_t member, int32_t place, int64_t *row,
                           History *h) noexcept nogil:
    """A closed day's part of one member; False where it has none and nothing moves.

    Lots whose last day is over are written as expired; bonuses on anniversaries of the
    date are given (rulebook 3 and 5).
    """
    cdef const RuleTable *t = w.tables[w.closings.version[place]]
    cdef int32_t day = w.closings.day[place], now, c, k
    cdef int64_t *account
    cdef Lots *lots
    cdef Basket b
    cdef Postings *keep
    cdef int64_t first
    cdef bint any_ = ends_by(row, day), dated = False
    if row[JOINED] < 0:
        return False
    # A day that is closed late does not set the member's clock back.
    now = day if row[TODAY] < day else <int32_t>row[TODAY]
    for c in range(t.n_currencies):
        account = account_of(row, c)
        lots = <Lots*>account[LOTS]
        if account[EXPIRED] != account[POSTED] or (
                lots != NULL and lots.head < lots.end
                and lots.lot[lots.head].good_through <= day):
            any_ = True
        if account[RUN_OUT]:
            any_ = True
    if ends_by(row, day) and not run_out(w, t, row, INT64_MIN, day, h):
        w.failed = 1
    w.rated.n_fired = w.rated.n_part = 0
    for k in range(t.n_words):
        if t.dated_mask[k] and row[ENROLLED] != A_CARD:
            dated = True
    if dated and not row[CLOSED]:
        stand_in(w, &b, w.closings.at[place], day, 0)
        b.form = CLOSED_DAY
        b.epoch = w.closings.epoch[place] if w.closings.epoch != NULL else 0
        for c in range(t.n_currencies):
            w.asked_in[c] = 0
        if not rate_ahead(w, t, &b, row, now, False):
            w.rated.n_fired = w.rated.n_part = 0
    # A bonus of which limits leave nothing is told as well, with what it would have been.
    if not any_ and w.rated.n_fired == 0:
        return False
    begin(w, t, row, now, h)
    keep = w.p
    w.p = w.closed
    first = w.closed.n
    no_amounts(w, t)
    if h != NULL and new_event(w, h, -1, now, w.closings.version[place],
                               <int32_t>row[FACTS]) == NULL:
        return True
    if h != NULL:
        h.event[h.n_events - 1].counted = day
    if w.rated.n_fired:
        amounts_of(w, t, &b, w.given, False, w.amounts)
        if not post_rated(w, t, row, place, day, now):
            w.failed = 1
        apply_amounts(w, t, row, w.amounts, w.rated.year, day, now)
    finish(w, t, place, row, h, now, day)
    settle_all(w, row, day + 1 if now <= day else now, h)
    for c in range(t.n_currencies):
        if not post_due(w, place, account_of(row, c), c):
            w.failed = 1
    for first in range(first, w.closed.n):
        w.closed.member[first] = member
    w.p = keep
    row[LAST_AT] = w.closings.at[place]
    return True
