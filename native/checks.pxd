"""What became of tiers when validities, graces and ladders were over: what a return's replay of
them goes by, since it has no lots and sees no balance again (rulebook 9).
"""

from libc.stdint cimport int32_t, int64_t

from .memory cimport room_for
from .rules cimport ONE_STEP, RuleTable
from .rungs cimport LOOK, MOST_BALANCES, balances_met, held_by, ladder_of, only_balances, rung_of
from .state cimport CLOCK, THROUGH, TIER


cdef enum Outcome:
    NOT_MET = 0
    MET = 1
    STEPPED_DOWN = 2
    TAKEN_OVER = 3     # by another version's ladder, after the day
    GAP = 4            # while_met: neither held nor good from the day on, through another


cdef struct Check:
    # What became of a tier when its validity, or its grace, was over, or its ladder.
    int32_t layout
    int32_t day
    int32_t outcome
    int32_t ladder        # taken over: the one before
    int32_t through       # and the last day on which the tier was good by it; of a gap its last
    int64_t balances      # of a check: those that it found met


cdef struct Checks:
    Check *check          # in the order of time
    int32_t n
    int32_t room


cdef struct Past:
    # What a replay of tiers alone goes by: it has no lots, and looks at no balance again.
    int64_t *balances     # [tier of the layout]: those met at its last grant
    int64_t *held         # [tier of the layout], while_met: those met as long as it was held
    const Checks *checks
    int32_t first         # of the checks, the first that counts
    int32_t next          # the first check that the replay has not come to
    const int64_t *row    # as it stood before the return: no tier was held longer
    int64_t *reached      # [tier of the layout]: still met by the fact that brought its bonus


cdef inline int64_t balances_then(const RuleTable *t, int32_t rung, int32_t day,
                                  const Past *past) noexcept nogil:
    """The balances met at a check of a replay: as they were, or as at the last grant."""
    cdef int32_t i
    for i in range(past.checks.n):
        if (past.checks.check[i].layout == t.rung[rung] and past.checks.check[i].day == day
                and past.checks.check[i].outcome < STEPPED_DOWN):
            return past.checks.check[i].balances
    return past.balances[t.rung[rung]]


cdef inline bint failed_then(const RuleTable *t, int32_t rung, int32_t day,
                             const Past *past) noexcept nogil:
    """Whether a check of a day found a tier not met: what comes back raises none."""
    cdef int32_t i
    for i in range(past.first, past.checks.n):
        if (past.checks.check[i].layout == t.rung[rung] and past.checks.check[i].day == day
                and past.checks.check[i].outcome == NOT_MET):
            return True
    return False


cdef inline Check *noted(Checks *note, int32_t layout, int32_t day,
                         int32_t outcome) noexcept nogil:
    """One more of the checks, right until the next is noted; NULL without memory."""
    cdef Check *one
    if not room_for(<void**>&note.check, note.n, &note.room, sizeof(Check)):
        return NULL
    one = &note.check[note.n]
    note.n += 1
    one.layout = layout
    one.day = day
    one.outcome = outcome
    one.ladder = one.through = 0
    one.balances = 0
    return one


cdef inline bint note_check(const RuleTable *t, const int64_t *row, int32_t rung, int32_t day,
                            int32_t outcome, Checks *note) noexcept nogil:
    """Remember a check, or a step down; False without memory."""
    cdef Check *one
    if note == NULL:
        return True
    one = noted(note, t.rung[rung], day, outcome)
    if one != NULL:
        one.balances = balances_met(t, row, rung, day)
    return one != NULL


cdef inline bint note_taken_over(const RuleTable *t, const int64_t *row,
                                 Checks *note) noexcept nogil:
    """Remember how long tiers were good by the ladder that is over; False without memory."""
    cdef int64_t ladder = row[t.ladder_at]
    cdef const RuleTable *was
    cdef int32_t i
    cdef Check *one
    if note == NULL or ladder == 0:
        return True
    was = t.ladders[ladder >> 1]
    for i in range(was.n_tiers):
        one = noted(note, was.rung[i], <int32_t>row[CLOCK], TAKEN_OVER)
        if one == NULL:
            return False
        one.ladder = <int32_t>ladder
        one.through = <int32_t>row[t.tiers_at + TIER * was.rung[i] + THROUGH]
        one.balances = (MOST_BALANCES if not was.tier_any[i] or only_balances(was, i)
                        else held_by(was, row, i))
    return True


cdef inline const Check *ended_by(const RuleTable *t, int32_t rung, int32_t day,
                                  const Past *past) noexcept nogil:
    """How a tier stood when the ladder of a day was over; NULL for the one that is in force."""
    cdef int32_t i
    for i in range(past.first, past.checks.n):
        if (past.checks.check[i].outcome == TAKEN_OVER and past.checks.check[i].day >= day
                and past.checks.check[i].layout == t.rung[rung]
                and past.checks.check[i].ladder == ladder_of(t)):
            return &past.checks.check[i]
    return NULL


cdef inline int64_t held_then(const RuleTable *t, int32_t rung, int32_t day,
                              const Past *past) noexcept nogil:
    """while_met: the balances that a replay takes as met on a day."""
    cdef const Check *end
    if past == NULL:
        return LOOK
    end = ended_by(t, rung, day, past)
    if end == NULL:
        return past.held[t.rung[rung]]
    return end.balances if end.through >= day else 0


cdef inline bint stepped_then(const RuleTable *t, int32_t rung, int32_t day, int32_t last,
                              const Past *past) noexcept nogil:
    """Whether a tier stepped down from a day on through another, before the return: a replay
    makes no new step.
    """
    cdef int32_t i
    for i in range(past.checks.n):
        if (past.checks.check[i].layout == t.rung[rung] and past.checks.check[i].day >= day
                and past.checks.check[i].day <= last
                and past.checks.check[i].outcome == STEPPED_DOWN):
            return True
    return False


cdef inline bint in_gap(const RuleTable *t, int32_t rung, int32_t day,
                        const Past *past) noexcept nogil:
    """while_met: whether a day lies in a time in which a tier was not held, before it was again."""
    cdef int32_t i
    for i in range(past.first, past.checks.n):
        if (past.checks.check[i].outcome == GAP and past.checks.check[i].day <= day
                and past.checks.check[i].through >= day
                and past.checks.check[i].layout == t.rung[rung]):
            return True
    return False


cdef inline bint over_then(const RuleTable *t, int32_t rung, int32_t day,
                           const Past *past) noexcept nogil:
    """while_met: whether a tier was not held on a day, before the return."""
    cdef const Check *end
    if past == NULL:
        return False
    if in_gap(t, rung, day, past):
        return True
    end = ended_by(t, rung, day, past)
    if end != NULL:
        return end.through < day
    return (past.row + t.tiers_at + TIER * t.rung[rung])[THROUGH] < day


cdef inline bint has_stepped(const RuleTable *t, int32_t rung,
                             const Checks *checks) noexcept nogil:
    """Whether a member has stepped down from a tier."""
    cdef int32_t i
    for i in range(checks.n):
        if checks.check[i].layout == t.rung[rung] and checks.check[i].outcome == STEPPED_DOWN:
            return True
    return False


cdef inline int32_t unheld_from(const RuleTable *t, int32_t day,
                                const Past *past) noexcept nogil:
    """The lowest rung that a step down before the return found unheld on a day, or within the
    grace after it: the one that it stepped to, and all above it, were held by nothing.
    """
    cdef int32_t rung
    if past != NULL and t.down == ONE_STEP:
        for rung in range(1, t.n_tiers):
            if stepped_then(t, rung, day, day + t.grace_days, past):
                return rung - 1
    return t.n_tiers


cdef inline int32_t checked_then(const RuleTable *t, Past *past, int64_t *first) noexcept nogil:
    """The rung of the next check that was met, if it comes before `first`; -1 for none.

    What it kept good stands by that check, whatever had led to it (rulebook 9).
    """
    cdef int32_t rung
    while past != NULL and past.next < past.checks.n:
        if past.checks.check[past.next].day >= first[0]:
            return -1
        rung = rung_of(t, past.checks.check[past.next].layout)
        if rung >= 0 and past.checks.check[past.next].outcome == MET:
            first[0] = past.checks.check[past.next].day
            return rung
        past.next += 1
    return -1


cdef inline bint note_gap(const RuleTable *t, int32_t rung, int64_t last, int32_t day,
                          Checks *note) noexcept nogil:
    """Remember that a tier was held until `last`, or never, and is again; False without memory."""
    cdef Check *one
    if note == NULL or last >= day - 1:
        return True
    one = noted(note, t.rung[rung], <int32_t>last + 1, GAP)
    if one != NULL:
        one.through = day - 1
    return one != NULL
