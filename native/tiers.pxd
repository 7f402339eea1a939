"""The clock of tiers: what a day ends or checks again, what a fact makes good (rulebook 6).

A tier is checked again, once, on the first day after its validity (CHECKED), on that day's windows;
grace keeps it without a check. Each day passes under the version in force when it began.
"""

from libc.stdint cimport int32_t, int64_t

from .checks cimport (
    MET, NOT_MET, STEPPED_DOWN, Checks, Past, balances_then, checked_then, failed_then, held_then,
    in_gap, note_check, note_gap, note_taken_over, over_then, stepped_then, unheld_from)
from .counters cimport membership_end
from .rules cimport ONE_STEP, RuleTable
from .rungs cimport (
    LOOK, RAISED, balances_met, holds, ladder_of, lasts, make_good, qualified, tier_slots,
    valid_through)
from .state cimport CHECKED, CLOCK, JOINED, THROUGH


cdef enum:
    STEPPED = 1        # CHECKED under while_met: THROUGH comes of a step down


cdef inline bint step_down(const RuleTable *t, int64_t *row, int32_t rung, int32_t day,
                           Checks *note, const Past *past) noexcept nogil:
    """One rung at a time, as the validity of a rung, grace apart, is over on `day`.

    The one below is good through the period that began after that validity. False without
    memory.
    """
    cdef int64_t *slots = tier_slots(t, row, rung)
    cdef int64_t *below
    cdef int32_t end, begun = <int32_t>slots[THROUGH] + 1
    if lasts(t):
        slots[CHECKED] = 2
    if rung == 0 or t.tier_always[rung - 1] or qualified(t, row, day) >= rung - 1:
        return True
    if past != NULL and not stepped_then(t, rung, day, day, past):
        return True
    below = tier_slots(t, row, rung - 1)
    if t.steps_by_membership:
        end = membership_end(t, <int32_t>row[JOINED], begun, 0)
    elif t.tier_begins != NULL:
        end = t.tier_begins[begun]
    else:
        end = valid_through(t, row, begun)
    if end > below[THROUGH]:
        below[THROUGH] = end
        below[CHECKED] = 0 if lasts(t) else STEPPED
    return note_check(t, row, rung, day, STEPPED_DOWN, note)


cdef inline bint check_again(const RuleTable *t, int64_t *row, int32_t rung, int32_t day,
                             Checks *note, Past *past) noexcept nogil:
    """The check on the first day after a validity; False without memory."""
    cdef int64_t *slots = tier_slots(t, row, rung)
    cdef int64_t balances = LOOK if past == NULL else balances_then(t, rung, day, past)
    cdef bint met = holds(t, row, rung, day, balances)
    if met and past != NULL and failed_then(t, rung, day, past):
        met = False
    if not note_check(t, row, rung, day, MET if met else NOT_MET, note):
        return False
    if met:
        make_good(t, row, rung, day)
        if past != NULL:
            past.balances[t.rung[rung]] = balances
    elif slots[CHECKED] == 0 and slots[THROUGH] < day:
        slots[CHECKED] = 1
    return True


cdef enum Due:
    AFTER_VALIDITY = 0
    AFTER_GRACE = 1
    AS_IT_WAS = 2


cdef inline bint move_clock(const RuleTable *t, int64_t *row, int32_t day, Checks *note,
                            Past *past) noexcept nogil:
    """Ends of validity, checks after them and steps down, in order, through `day`."""
    cdef int32_t i, rung, due
    cdef int64_t when, first
    cdef int64_t *slots
    while True:
        first = <int64_t>day + 1
        due = AS_IT_WAS
        rung = checked_then(t, past, &first)
        for i in range(t.n_tiers):
            slots = tier_slots(t, row, i)
            if t.tier_always[i] or slots[THROUGH] < 0 or slots[CHECKED] == 2:
                continue
            if slots[CHECKED] == 0:
                when = slots[THROUGH] + 1
                if when < first:
                    first, rung, due = when, i, AFTER_VALIDITY
            elif t.down == ONE_STEP:
                when = slots[THROUGH] + t.grace_days + 1
                if when < first:
                    first, rung, due = when, i, AFTER_GRACE
        if rung < 0:
            return True
        if due == AS_IT_WAS:
            past.next += 1
        if due != AFTER_GRACE:
            if not check_again(t, row, rung, <int32_t>first, note, past):
                return False
        elif qualified(t, row, <int32_t>first - 1) == rung:
            # It was the member's tier until yesterday.
            if not step_down(t, row, rung, <int32_t>first, note, past):
                return False
        else:
            # It falls unseen.
            tier_slots(t, row, rung)[CHECKED] = 2


cdef inline bint held_on(const RuleTable *t, int64_t *row, int32_t rung, int32_t day,
                         int64_t balances, Checks *note) noexcept nogil:
    """while_met: a rung is good on a day on which its metrics hold, and no more at once.

    False without memory.
    """
    cdef int64_t *slots = tier_slots(t, row, rung)
    cdef int64_t *held
    if holds(t, row, rung, day, balances):
        if t.held_slot[rung] >= 0:
            held = row + t.held_slot[rung]
            held[0] = balances_met(t, row, rung, day) if balances < 0 else balances
            held[1] = day
        if slots[THROUGH] < day:
            if not note_gap(t, rung, slots[THROUGH], day, note):
                return False
            slots[THROUGH] = day
            slots[CHECKED] = 0
    elif slots[THROUGH] == day and slots[CHECKED] != STEPPED and t.grace_days == 0:
        slots[THROUGH] = day - 1
    return True


cdef inline bint move_while_met(const RuleTable *t, int64_t *row, int32_t day, Checks *note,
                                const Past *past) noexcept nogil:
    """THROUGH is the last date on which the metrics held: look at each date up to `day`."""
    cdef int32_t i, d
    for d in range(<int32_t>row[CLOCK] + 1 if row[CLOCK] >= 0 else day, day + 1):
        for i in range(unheld_from(t, d, past)):
            if not t.tier_always[i] and not over_then(t, i, d, past):
                if not held_on(t, row, i, d, held_then(t, i, d, past), note):
                    return False
        if t.down == ONE_STEP:
            for i in range(t.n_tiers - 1, 0, -1):
                if (not t.tier_always[i] and tier_slots(t, row, i)[THROUGH] >= 0
                        and tier_slots(t, row, i)[THROUGH] + t.grace_days + 1 == d
                        and qualified(t, row, d - 1) == i):
                    if not step_down(t, row, i, d, note, past):
                        return False
                    break
    return True


cdef inline bint pass_days(const RuleTable *t, int64_t *row, int32_t day, Checks *note,
                           Past *past) noexcept nogil:
    """Move tiers on to the start of a day, all days up to it under one version."""
    if t.n_tiers == 0:
        pass
    elif lasts(t):
        if not move_clock(t, row, day, note, past):
            return False
    elif not move_while_met(t, row, day, note, past):
        return False
    if row[CLOCK] < day:
        row[CLOCK] = day
    return True


cdef inline bint take_over(const RuleTable *t, int64_t *row, int32_t day, Checks *note,
                           const Past *past) noexcept nogil:
    """Tiers that went by another version's ladder go by this one's, after the row's last day,
    or on it.

    What is good by then stays so through its validity; what was over is over, unless grace
    keeps it, and nothing steps down for that. On a day on which the version was in force
    `while_met` looks at once. False without memory.
    """
    cdef int64_t last = row[CLOCK]
    cdef int64_t *slots
    cdef int32_t i
    if row[t.ladder_at] == ladder_of(t):
        return True
    if last >= 0 and not note_taken_over(t, row, note):
        return False
    row[t.ladder_at] = ladder_of(t)
    if last < 0:
        return True
    for i in range(t.n_tiers):
        slots = tier_slots(t, row, i)
        if slots[THROUGH] < 0:
            pass
        elif lasts(t):
            if slots[THROUGH] >= last:
                slots[CHECKED] = 0
            else:
                slots[CHECKED] = 1 if slots[THROUGH] + t.grace_days >= last else 2
        elif slots[THROUGH] >= last:
            slots[CHECKED] = STEPPED
        if not lasts(t) and (day <= last or t.begins <= last) and not t.tier_always[i]:
            if not held_on(t, row, i, <int32_t>last, held_then(t, i, <int32_t>last, past), note):
                return False
    return True


cdef inline bint move_days(const RuleTable *t, int64_t *row, int32_t day, Checks *note,
                           Past *past) noexcept nogil:
    """Move a member's tiers on to the start of a business day; False without memory.

    Each day passes under the version that was in force when it began, of those that the version
    of the fact took over from.
    """
    cdef const RuleTable *then
    cdef int32_t last
    if t.ladder_at < 0:
        return t.simple_ladder or t.n_tiers == 0 or pass_days(t, row, day, note, past)
    while t.earlier != NULL and 0 <= row[CLOCK] < day and row[CLOCK] + 1 < t.begins:
        then = t.earlier
        last = t.begins - 1
        while then.earlier != NULL and row[CLOCK] + 1 < then.begins:
            last = min(last, then.begins - 1)
            then = then.earlier
        last = min(last, day)
        if not (take_over(then, row, last, note, past)
                and pass_days(then, row, last, note, past)):
            return False
    return row[CLOCK] >= day or (take_over(t, row, day, note, past)
                                 and pass_days(t, row, day, note, past))


cdef inline bint move_tiers(const RuleTable *t, int64_t *row, int32_t day, Checks *note,
                            Past *past) noexcept nogil:
    """As `move_days`, up to a fact of the version: by then its own ladder is in force."""
    return move_days(t, row, day, note, past) and (
        t.ladder_at < 0 or take_over(t, row, day, note, past))


cdef inline const RuleTable *ruling(const RuleTable *t, const int64_t *row) noexcept nogil:
    """The version by whose ladder a row's tiers go on its last day: that of a fact or one that it
    took over from; NULL for another."""
    cdef const RuleTable *then = t
    if t.ladder_at < 0:
        return t
    while then.earlier != NULL and row[CLOCK] < then.begins:
        then = then.earlier
    if ladder_of(then) == row[t.ladder_at]:
        return then
    return t if ladder_of(t) == row[t.ladder_at] else NULL


cdef inline void advance_tiers(const RuleTable *t, int64_t *row, int32_t day) noexcept nogil:
    """As move_tiers, of a row that nobody asks about later."""
    move_tiers(t, row, day, NULL, NULL)


cdef inline bint extend_tiers(const RuleTable *t, int64_t *row, int32_t day,
                              const int64_t *marks, Checks *note, Past *past) noexcept nogil:
    """After a fact: tiers one of whose metrics it raised are checked (marks, by rung).

    False without memory.
    """
    cdef int32_t i
    cdef int64_t balances
    for i in range(t.n_tiers):
        if t.tier_always[i]:
            continue
        balances = marks[i] & ~(<int64_t>1 << RAISED)
        if not lasts(t):
            if past != NULL and in_gap(t, i, day, past):
                continue
            if past != NULL:
                balances = held_then(t, i, day, past)
            if not held_on(t, row, i, day, balances, note):
                return False
        elif marks[i] >> RAISED & 1 and holds(t, row, i, day, balances):
            make_good(t, row, i, day)
            if past != NULL:
                past.balances[t.rung[i]] = balances
    return True
