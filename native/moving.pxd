"""Points that move on: transferred to another member, received from one, donated to a cause,
paid for a reward (rulebook sections 2, 4, 8 and 12).

What a member receives is fixed when its giver's part is accepted: lots with their dates, in
the order in which they left.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t

from .accounts cimport account_of, put_lot, take_active
from .columns cimport ACCEPTED, COMPLETED, Columns, post
from .facts cimport enter, fall_short, finish, is_owed, no_amounts
from .history cimport History, Spent, new_spent
from .holds cimport note_missing, renew_by_redemption
from .lots cimport Lot
from .rules cimport (
    DONATE, INSUFFICIENT, NOT_SPENDABLE, NO_RULE, OK, OVERFLOW, POST_DONATE, POST_REDEEM,
    POST_TRANSFER, REWARD_REDEEM, UNKNOWN_CAUSE, UNKNOWN_CURRENCY, RuleTable)
from .state cimport DONATED, FACTS, RECEIVED, REDEEMED, SENT
from .work cimport Work, account_available


cdef inline int apply_giving(Work *w, const RuleTable *t, int64_t i, int64_t *row,
                             History *h) noexcept nogil:
    """Active points given to another member, to a cause, or for a reward.

    What a slot of the row counts of it grows. Rewards renew lots as redemptions do.
    """
    cdef const Columns *in_ = w.in_
    cdef int32_t day = in_.day[i], c = in_.currency[i]
    cdef int kind = in_.kind[i]
    cdef int32_t total = DONATED if kind == DONATE else REDEEMED if kind == REWARD_REDEEM else SENT
    cdef uint8_t posting = (POST_DONATE if kind == DONATE else
                            POST_REDEEM if kind == REWARD_REDEEM else POST_TRANSFER)
    cdef int64_t *account
    cdef int64_t taken, k, points = in_.figure[i]
    cdef Spent *spent = NULL
    if c >= t.n_currencies or not t.currencies[c].known:
        return UNKNOWN_CURRENCY
    if not t.currencies[c].spendable:
        return NOT_SPENDABLE
    if kind == DONATE and in_.sets_from[i] == in_.sets_from[i + 1]:
        return UNKNOWN_CAUSE
    if points > t.currencies[c].most:
        return OVERFLOW
    if (not in_.flags[i] & (ACCEPTED | COMPLETED)
            and points > account_available(row, c, day)):
        return INSUFFICIENT
    if not enter(w, t, i, row, h):
        return OK
    no_amounts(w, t)
    account = account_of(row, c)
    if kind == REWARD_REDEEM and h != NULL:
        # A cancel may name it.
        spent = new_spent(h, <int32_t>i, c, points)
        if spent == NULL:
            w.failed = 1
            return OK
    taken = take_active(account, day, points, &spent.takes if spent != NULL else NULL)
    if spent != NULL:
        note_missing(&spent.takes, points - taken, is_owed(t, c, in_.flags[i]))
    account[total] += points
    for k in range(in_.sets_from[i], in_.sets_from[i + 1]):
        row[in_.set_slot[k]] += in_.set_value[k]
    if not (post(w.p, <uint32_t>i, 0, NO_RULE, posting, <uint8_t>c, 0, -points, -points)
            and fall_short(w, t, row, i, c, points - taken, in_.flags[i])):
        w.failed = 1
    if kind == REWARD_REDEEM:
        renew_by_redemption(w, t, row, c, day, h)
    return finish(w, t, i, row, h, day, day)


cdef inline int apply_receiving(Work *w, const RuleTable *t, int64_t i, int64_t *row,
                                History *h) noexcept nogil:
    """Lots from another member: they keep their dates, which no renewal moves, and pay debt."""
    cdef const Columns *in_ = w.in_
    cdef int32_t day = in_.day[i], c = in_.currency[i]
    cdef int64_t *account
    cdef int64_t k, points = in_.figure[i]
    cdef Lot lot
    if c >= t.n_currencies or not t.currencies[c].known:
        return UNKNOWN_CURRENCY
    account = account_of(row, c)
    if account[RECEIVED] + points > (<int64_t>1 << 61):
        return OVERFLOW
    if not enter(w, t, i, row, h):
        return OK
    no_amounts(w, t)
    for k in range(in_.sets_from[i], in_.sets_from[i + 1]):
        row[in_.set_slot[k]] = in_.set_value[k]
    account[RECEIVED] += points
    lot.source = <int32_t>row[FACTS]
    lot.tag = 0
    lot.fixed = 1
    for k in range(in_.lots_from[i], in_.lots_from[i + 1]):
        lot.earned = in_.lot_earned[k]
        lot.active_from = in_.lot_active_from[k]
        lot.good_through = in_.lot_good_through[k]
        lot.points = in_.lot_points[k]
        if not put_lot(account, lot, day):
            w.failed = 1
    if not post(w.p, <uint32_t>i, 0, NO_RULE, POST_TRANSFER, <uint8_t>c, 0, points, points):
        w.failed = 1
    return finish(w, t, i, row, h, day, day)
