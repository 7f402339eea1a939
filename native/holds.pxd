"""Holds and what ends them: captures, releases, their time; cancelled redemptions (rulebook 8).

A hold takes active lots in spending order and keeps them until its end. Facts that name it
come with all of their member's facts and a history; time ends holds everywhere.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t

from .accounts cimport Takes, account_of, note_take, renew, take_active
from .arith cimport i128
from .columns cimport ACCEPTED, COMPLETED, PARTIAL, Columns, post, today
from .facts cimport enter, enter_named, fall_short, finish, is_owed, no_amounts, remember_renewal
from .held cimport GIVEN, OWED, PART, Part, add_part, left_in, n_parts, part_of, remove_part
from .history cimport History, Spent, new_spent
from .lots cimport Lot
from .rules cimport (
    ALREADY_CANCELLED, HOLD_ENDED, INSUFFICIENT, MORE_THAN_HELD, NOT_A_MULTIPLE, NOT_SPENDABLE,
    NO_RULE, OK, OVERFLOW, POST_CAPTURE, POST_EXPIRE, POST_FORGIVE, POST_HOLD, POST_REDEEM,
    POST_RELEASE, POST_RESTORE, REWARD_REDEEM, UNKNOWN_CURRENCY, RuleTable)
from .rungs cimport LOOK, lasts
from .state cimport (
    DEBT, EXPIRED, FACTS, HOLDS, POSTED, REDEEMED, RUN_OUT, RUN_OUT_GIVEN, TODAY, Vec)
from .taking cimport give_part, restore_from
from .tiers cimport held_on, move_days, ruling
from .work cimport Work, account_available, note_expired, settle_all


cdef inline void note_missing(Takes *takes, int64_t missing, bint owed) noexcept nogil:
    """Remember what a taking did not find, after the lots that it found."""
    cdef Lot lot
    if takes == NULL or missing == 0:
        return
    lot.earned = lot.active_from = lot.good_through = lot.source = lot.fixed = 0
    lot.tag = OWED if owed else GIVEN
    lot.points = missing
    note_take(takes, &lot, missing)


cdef inline bint give_back_part(Work *w, const RuleTable *t, const Part *p, int64_t basket,
                                int64_t *row, int32_t day, History *h) noexcept nogil:
    """A part of a hold that is over goes back to its lot; of one that has passed what pays no debt
    expires.
    """
    cdef int64_t gone = p.lot.points - account_of(row, p.currency)[DEBT]
    if h != NULL and p.lot.tag >= 0 and p.lot.good_through < day and gone > 0:
        w.takes.n = 0
        note_take(&w.takes, &p.lot, gone)
        note_expired(w, h, p.currency)
    return give_part(w, t, NULL, basket, row, p.currency, day, p.lot, -1)


cdef inline bint run_out(Work *w, const RuleTable *t, int64_t *row, int64_t at, int32_t through,
                         History *h) noexcept nogil:
    """Release the holds that end by an instant, or on a date through `through`.

    Each at its own date: tiers and accounts move on to it first. Postings are those of the
    day's closing.
    """
    cdef Part p
    cdef const RuleTable *by
    cdef int32_t day, source, i
    while n_parts(<Vec*>row[HOLDS]):
        p = part_of(<Vec*>row[HOLDS], 0)
        if p.end > at and p.end_day > through:
            return True
        day = p.end_day if row[TODAY] < p.end_day else <int32_t>row[TODAY]
        if not move_days(t, row, day, NULL if h == NULL else &h.checks, NULL):
            return False
        settle_all(w, row, day, h)
        source = p.source
        for i in range(n_parts(<Vec*>row[HOLDS]) - 1, -1, -1):
            p = part_of(<Vec*>row[HOLDS], i)
            if p.source != source:
                continue
            remove_part(row, i)
            account_of(row, p.currency)[RUN_OUT] += p.lot.points
            if p.lot.tag == GIVEN:
                account_of(row, p.currency)[RUN_OUT_GIVEN] += p.lot.points
            if not give_back_part(w, t, &p, -1, row, day, h):
                return False
        by = ruling(t, row)
        if by != NULL and not by.simple_ladder and not lasts(by):
            # while_met is of every instant: what is active again may meet a balance.
            for i in range(by.n_tiers):
                if not by.tier_always[i]:
                    if not held_on(by, row, i, day, LOOK, NULL if h == NULL else &h.checks):
                        return False
    return True


cdef inline int32_t place_of(const History *h, int64_t row) noexcept nogil:
    """The place in the member's order of a fact that has been applied; -1: none."""
    cdef int32_t k
    for k in range(h.n_events):
        if h.event[k].row == row:
            return h.event[k].source
    return -1


cdef inline bint is_used(const History *h, int64_t row) noexcept nogil:
    """Whether a hold or a redemption has paid a sale."""
    cdef int32_t k
    for k in range(h.n_spent):
        if h.spent[k].used and (h.spent[k].hold == row or h.spent[k].row == row):
            return True
    return False


cdef inline int64_t spent_of(const History *h, int64_t row, bint by_hold) noexcept nogil:
    """Points that a redemption (or the captures of a hold) took and that are not back."""
    cdef int32_t k
    cdef int64_t total = 0
    for k in range(h.n_spent):
        if (h.spent[k].hold if by_hold else h.spent[k].row) == row:
            total += h.spent[k].points - h.spent[k].restored
    return total


cdef inline int64_t captured_of(const History *h, int64_t row) noexcept nogil:
    """Points that captures of a hold took, back or not."""
    cdef int32_t k
    cdef int64_t total = 0
    for k in range(h.n_spent):
        if h.spent[k].hold == row:
            total += h.spent[k].points
    return total


cdef inline bint take_held(int64_t *row, int32_t source, int64_t points,
                           Takes *takes) noexcept nogil:
    """Take the first points of a hold's parts; False without memory."""
    cdef Part p
    cdef Lot lot
    cdef int64_t part
    cdef int32_t i = 0
    while points > 0 and i < n_parts(<Vec*>row[HOLDS]):
        p = part_of(<Vec*>row[HOLDS], i)
        if p.source != source:
            i += 1
            continue
        part = p.lot.points if p.lot.points < points else points
        lot = p.lot
        if not note_take(takes, &lot, part):
            return False
        points -= part
        if part == p.lot.points:
            remove_part(row, i)
        else:
            (<Vec*>row[HOLDS]).d[PART * i + 6] -= part
    return True


cdef inline bint release(Work *w, const RuleTable *t, int64_t basket, int64_t *row, int32_t c,
                         int32_t source, int32_t day, History *h) noexcept nogil:
    """What a hold has left goes back; a posting says so, another what of it has expired."""
    cdef int64_t *account = account_of(row, c)
    cdef int64_t back = 0, given = 0, gone = account[EXPIRED]
    cdef int32_t i
    cdef Part p
    for i in range(n_parts(<Vec*>row[HOLDS]) - 1, -1, -1):
        p = part_of(<Vec*>row[HOLDS], i)
        if p.source != source:
            continue
        remove_part(row, i)
        back += p.lot.points
        if p.lot.tag == GIVEN:
            given += p.lot.points
        if not give_back_part(w, t, &p, basket, row, day, h):
            return False
    if back and not post(w.p, <uint32_t>basket, 0, NO_RULE, POST_RELEASE, <uint8_t>c, 0, back,
                         back):
        return False
    gone = account[EXPIRED] - gone
    account[POSTED] += gone
    if gone and not post(w.p, <uint32_t>basket, 0, NO_RULE, POST_EXPIRE, <uint8_t>c, 0, -gone,
                         -gone):
        return False
    return given == 0 or post(w.p, <uint32_t>basket, 0, NO_RULE, POST_FORGIVE, <uint8_t>c, 0,
                              -given, -given)


cdef inline bint redeem_now(Work *w, const RuleTable *t, int64_t i, int64_t *row, int32_t c,
                            int32_t day, int64_t points, uint8_t broken, History *h,
                            Takes *takes) noexcept nogil:
    """Take points as a redemption at a fact's place; what is missing is debt, or forgiven."""
    cdef int64_t *account = account_of(row, c)
    cdef int64_t missing = points - take_active(account, day, points, takes)
    account[REDEEMED] += points
    note_missing(takes, missing, is_owed(t, c, w.in_.flags[i]))
    return (post(w.p, <uint32_t>i, 0, NO_RULE, POST_REDEEM, <uint8_t>c, broken, -points, -points)
            and fall_short(w, t, row, i, c, missing, w.in_.flags[i]))


cdef inline void renew_by_redemption(Work *w, const RuleTable *t, int64_t *row, int32_t c,
                                     int32_t day, History *h) noexcept nogil:
    if t.currencies[c].inactivity and t.currencies[c].renewed_by_redemption:
        renew(&t.currencies[c], row, c, day)
        remember_renewal(w, h, c, day, False)


cdef inline int apply_hold(Work *w, const RuleTable *t, int64_t i, int64_t *row,
                           History *h) noexcept nogil:
    """Active points kept for later, in spending order, until the hold's end."""
    cdef const Columns *in_ = w.in_
    cdef int32_t day = in_.day[i], c = in_.currency[i], k
    cdef int64_t missing
    cdef Part p
    if c >= t.n_currencies or not t.currencies[c].known:
        return UNKNOWN_CURRENCY
    if not t.currencies[c].spendable:
        return NOT_SPENDABLE
    if in_.figure[i] > t.currencies[c].most:
        return OVERFLOW
    if (not in_.flags[i] & (ACCEPTED | COMPLETED)
            and in_.figure[i] > account_available(row, c, day)):
        return INSUFFICIENT
    if not enter(w, t, i, row, h):
        return OK
    no_amounts(w, t)
    w.takes.n = 0
    missing = in_.figure[i] - take_active(account_of(row, c), day, in_.figure[i], &w.takes)
    note_missing(&w.takes, missing, is_owed(t, c, in_.flags[i]))
    p.end = in_.end[i]
    p.end_day = in_.end_day[i]
    p.currency = c
    p.source = <int32_t>row[FACTS]
    for k in range(w.takes.n):
        p.lot = w.takes.lot[k]
        if not add_part(row, &p):
            w.failed = 1
    if not (post(w.p, <uint32_t>i, 0, NO_RULE, POST_HOLD, <uint8_t>c, 0, -in_.figure[i],
                 -in_.figure[i])
            and fall_short(w, t, row, i, c, missing, in_.flags[i])):
        w.failed = 1
    return finish(w, t, i, row, h, day, day)


cdef inline int apply_capture(Work *w, const RuleTable *t, int64_t i, int64_t *row,
                              History *h) noexcept nogil:
    """A hold is redeemed, whole or in part; what it does not take is released."""
    cdef const Columns *in_ = w.in_
    cdef int64_t hold = in_.names[i], asked = in_.figure[i], left, taken
    cdef int32_t day = today(in_, i), c = in_.currency[hold], source = place_of(h, hold)
    cdef Spent *spent
    left = left_in(row, source)
    if asked == 0:
        asked = left if left else in_.figure[hold] - captured_of(h, hold)
        # Completed captures may have taken more than there was.
        asked = 0 if asked < 0 else asked
    if not in_.flags[i] & COMPLETED:
        if left == 0:
            return HOLD_ENDED
        if asked > left:
            return MORE_THAN_HELD
    if asked - left > t.currencies[c].most:
        return OVERFLOW
    if not enter_named(w, t, i, row, h, day):
        return OK
    no_amounts(w, t)
    taken = asked if asked < left else left
    if taken:
        spent = new_spent(h, <int32_t>i, c, taken)
        if spent == NULL or not take_held(row, source, taken, &spent.takes):
            w.failed = 1
            return OK
        spent.hold = <int32_t>hold
        account_of(row, c)[REDEEMED] += taken
        if not post(w.p, <uint32_t>i, 0, NO_RULE, POST_CAPTURE, <uint8_t>c, 0, taken, 0):
            w.failed = 1
    if not in_.flags[i] & PARTIAL and not release(w, t, i, row, c, source, day, h):
        w.failed = 1
    if asked > taken:
        spent = new_spent(h, <int32_t>i, c, asked - taken)
        if spent == NULL:
            w.failed = 1
            return OK
        spent.hold = <int32_t>hold
        if not redeem_now(w, t, i, row, c, day, asked - taken, 0, h, &spent.takes):
            w.failed = 1
    if asked:
        renew_by_redemption(w, t, row, c, day, h)
    return finish(w, t, i, row, h, day, in_.day[i])


cdef inline int apply_release(Work *w, const RuleTable *t, int64_t i, int64_t *row,
                              History *h) noexcept nogil:
    """A hold is given up."""
    cdef const Columns *in_ = w.in_
    cdef int64_t hold = in_.names[i]
    cdef int32_t day = today(in_, i), source = place_of(h, hold)
    if left_in(row, source) == 0:
        return HOLD_ENDED
    if not enter_named(w, t, i, row, h, day):
        return OK
    no_amounts(w, t)
    if not release(w, t, i, row, in_.currency[hold], source, day, h):
        w.failed = 1
    return finish(w, t, i, row, h, day, in_.day[i])


cdef inline int apply_cancel(Work *w, const RuleTable *t, int64_t i, int64_t *row,
                             History *h) noexcept nogil:
    """A redemption is undone: its points go back as those of a return do (rulebook 9)."""
    cdef const Columns *in_ = w.in_
    cdef int64_t named = in_.names[i], left = spent_of(h, named, False), due, part
    cdef int64_t place = 0, pieces = 0
    cdef int32_t day = today(in_, i), k, c = -1
    due = in_.figure[i] if in_.figure[i] else left
    if left == 0:
        return ALREADY_CANCELLED
    if due > left:
        return MORE_THAN_HELD
    if in_.kind[named] == REWARD_REDEEM:
        # Whole pieces come back, into the stock and into what the member may take.
        place = in_.sets_from[named]
        pieces = in_.set_value[place]
        if <i128>due * pieces % in_.figure[named]:
            return NOT_A_MULTIPLE
        pieces = <int64_t>(<i128>due * pieces // in_.figure[named])
    if not enter_named(w, t, i, row, h, day):
        return OK
    if pieces:
        row[in_.set_slot[place]] -= pieces
    no_amounts(w, t)
    for k in range(h.n_spent):
        if h.spent[k].row == named:
            c = h.spent[k].currency
    if due and not post(w.p, <uint32_t>i, 0, NO_RULE, POST_RESTORE, <uint8_t>c, 0, due, due):
        w.failed = 1
    for k in range(h.n_spent - 1, -1, -1):
        if h.spent[k].row != named:
            continue
        part = h.spent[k].points - h.spent[k].restored
        if part > due:
            part = due
        due -= part
        if part and not restore_from(w, t, h, &h.spent[k], i, row, day, part):
            w.failed = 1
    return finish(w, t, i, row, h, day, in_.day[i])
