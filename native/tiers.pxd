"""Counters by window, and tiers: what is still good, what a fact makes good (rulebook 6).

A tier's THROUGH is the last day of its validity. It is checked again, once, on the first
day after it (CHECKED), on that day's windows; grace keeps it without a check. A ladder of
periods that needs none of this is `simple`: nothing can hold at the begin of a new period.
"""

from libc.stdint cimport INT64_MIN, int32_t, int64_t

from .lots cimport Lots, available
from .memory cimport room_for
from .rules cimport (
    BY_MEMBERSHIP, KEPT, MEMBERSHIP, NEVER, NEVER_DOWN, OF_BALANCE_IN, OF_COUNTER, OF_VALUE,
    ONE_STEP, PERIOD, ROLLING, WHILE_MET, Asked, Counter, PlainRung, RuleTable)
from .state cimport (
    ACCOUNT, CHECKED, CLOCK, DEBT, HEAD, JOINED, LOTS, MANUAL_THROUGH, MANUAL_TIER, THROUGH, TIER,
    Vec, vec_insert)


cdef enum:
    LOOK = -1          # balances: look at the accounts
    RAISED = 62        # bit of a mark: one of the tier's metrics was raised
    KEPT_PERIODS = 2   # before that of a fact
    LONGEST_YEAR = 366
    STEPPED = 1        # CHECKED under while_met: THROUGH comes of a step down


cdef enum Outcome:
    NOT_MET = 0
    MET = 1
    STEPPED_DOWN = 2
    TAKEN_OVER = 3     # by another version's ladder, after the day
    GAP = 4            # while_met: neither held nor good from the day on, through another


cdef enum:
    MOST_BALANCES = 0x3FFFFFFFFFFFFFFF  # bits below RAISED


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


cdef inline int32_t day_of_date(const RuleTable *t, int32_t calendar, int32_t year,
                                int32_t month, int32_t day) noexcept nogil:
    """Day number of a date, clipped to the month's end."""
    cdef const int32_t *start = (t.month_start[calendar]
                                 + (year - t.first_year[calendar]) * 12 + month - 1)
    cdef int32_t length = start[1] - start[0]
    return start[0] + (day if day < length else length) - 1


cdef inline int32_t membership_year(const RuleTable *t, int32_t calendar, int32_t joined,
                                    int32_t day) noexcept nogil:
    """Number of the membership year of a day, from 0; years begin on days of joining."""
    cdef int32_t here = t.ymd[calendar][day], begun = t.ymd[calendar][joined]
    cdef int32_t years = here // 10000 - begun // 10000
    cdef int32_t falls = day_of_date(t, calendar, here // 10000, begun // 100 % 100, begun % 100)
    return years if day >= falls else years - 1


cdef inline int32_t membership_begin(const RuleTable *t, int32_t joined,
                                     int32_t day) noexcept nogil:
    """First day of the membership year of a day, as windows count them."""
    cdef int32_t calendar = t.calendar, begun = t.ymd[calendar][joined]
    return day_of_date(t, calendar, begun // 10000 + membership_year(t, calendar, joined, day),
                       begun // 100 % 100, begun % 100)


cdef inline int32_t membership_end(const RuleTable *t, int32_t joined, int32_t day,
                                   int32_t k) noexcept nogil:
    """Last day of the k-th membership year after that of a day, as validities count them."""
    cdef int32_t calendar = t.validity_calendar, begun = t.ymd[calendar][joined]
    return day_of_date(t, calendar,
                       begun // 10000 + membership_year(t, calendar, joined, day) + k + 1,
                       begun // 100 % 100, begun % 100) - 1


cdef inline int64_t counter_value(const RuleTable *t, const int64_t *row, int32_t counter,
                                  int32_t day) noexcept nogil:
    """Value of a counter in the window of `day`; -1 is no counter: 0."""
    cdef const Counter *c
    cdef const int64_t *at
    cdef const Vec *v
    cdef int64_t total = 0
    cdef int32_t i, first
    if counter < 0:
        return 0
    c = &t.counters[counter]
    at = row + c.slot
    if c.window == PERIOD:
        return at[1] if at[0] == c.period[day] else 0
    if c.window == ROLLING or c.window == MEMBERSHIP:
        v = <const Vec*>at[0]
        if v == NULL:
            return 0
        first = (c.period[day] if c.window == ROLLING
                 else membership_begin(t, <int32_t>row[JOINED], day))
        i = v.n - 2
        while i >= 0 and v.d[i] >= first:
            if v.d[i] <= day:
                total += v.d[i + 1]
            i -= 2
        return total
    if c.window == KEPT:
        v = <const Vec*>at[0]
        i = 0 if v == NULL else v.n - 2
        while v != NULL and i >= 0:
            if v.d[i] == c.period[day]:
                return v.d[i + 1]
            i -= 2
        return 0
    return 0


cdef inline bint add_rolling(int64_t *at, int32_t day, int32_t first,
                             int64_t amount) noexcept nogil:
    """Add to the day's entry of a rolling list; entries before `first` are let go."""
    cdef Vec *v = <Vec*>at[0]
    cdef int32_t i, gone = 0, k
    if v != NULL:
        while gone < v.n and v.d[gone] < first:
            gone += 2
        if gone:
            for k in range(gone, v.n):
                v.d[k - gone] = v.d[k]
            v.n -= gone
        i = v.n - 2
        while i >= 0 and v.d[i] > day:
            i -= 2
        if i >= 0 and v.d[i] == day:
            v.d[i + 1] += amount
            return True
        i += 2
    else:
        i = 0
    v = vec_insert(v, i, day)
    if v == NULL:
        return False
    at[0] = <int64_t>v
    v = vec_insert(v, i + 1, amount)
    if v == NULL:
        return False
    at[0] = <int64_t>v
    return True


cdef inline int32_t kept_since(const Counter *c, int32_t day) noexcept nogil:
    """The first day whose entries a list by days has, on a day.

    A day of joining may yet move, with an enrolment or a merge: a year before the day is enough.
    """
    return c.period[day] if c.window == ROLLING else day - LONGEST_YEAR


cdef inline bint still_kept(const Counter *c, int32_t day, int32_t now) noexcept nogil:
    """Whether a counter that keeps some periods has that of a day at a later one."""
    return c.period[day] >= c.period[now] - KEPT_PERIODS


cdef inline bint add_to_counter(const RuleTable *t, int64_t *row, int32_t counter, int32_t day,
                                int32_t now, int64_t amount) noexcept nogil:
    """Move a counter on by what a fact of `day` gave or, at `now`, took back.

    What comes to a period that is over, by a return or by a day that is closed late, changes
    nothing. False without memory.
    """
    cdef const Counter *c = &t.counters[counter]
    cdef int64_t *at = row + c.slot
    cdef int64_t key
    if c.window == ROLLING or c.window == MEMBERSHIP:
        if day < kept_since(c, now):
            return True
        return add_rolling(at, day, kept_since(c, now), amount)
    if c.window == KEPT:
        if not still_kept(c, day, now):
            return True
        return add_rolling(at, c.period[day], c.period[now] - KEPT_PERIODS, amount)
    key = c.period[day]
    if at[0] != key:
        if at[0] > key:
            return True
        at[0] = key
        at[1] = 0
    at[1] += amount
    return True


cdef inline int64_t figure(const RuleTable *t, const int64_t *row, const Asked *a,
                           int32_t day) noexcept nogil:
    """A metric on a day; INT64_MIN for a value that nobody has fed in."""
    cdef const int64_t *account
    if a.metric == OF_COUNTER:
        return counter_value(t, row, a.subject, day)
    if a.metric == OF_VALUE:
        return row[a.subject] if row[a.subject + 1] else INT64_MIN
    account = row + HEAD + ACCOUNT * a.subject
    return available(<const Lots*>account[LOTS], account[DEBT], day)


cdef inline bint entered(const RuleTable *t, const int64_t *row, int32_t day) noexcept nogil:
    """Whether a member is more than a candidate: the club is open, or its entry is met."""
    cdef int32_t i
    cdef const Asked *a
    for i in range(t.n_entry):
        a = &t.asked[t.asked_from[t.n_tiers] + i]
        if (figure(t, row, a, day) >= a.least) == t.entry_any:
            return t.entry_any
    return not t.entry_any or t.n_entry == 0


cdef inline int64_t balances_met(const RuleTable *t, const int64_t *row, int32_t rung,
                                 int32_t day) noexcept nogil:
    """A bit for each balance that a rung asks for and that is met, by its place in the rung."""
    cdef int32_t i, first = t.asked_from[rung]
    cdef int64_t met = 0
    for i in range(first, t.asked_from[rung + 1]):
        if t.asked[i].metric == OF_BALANCE_IN and (
                figure(t, row, &t.asked[i], day) >= t.asked[i].least):
            met |= <int64_t>1 << (i - first)
    return met


cdef inline bint holds(const RuleTable *t, const int64_t *row, int32_t rung, int32_t day,
                       int64_t balances) noexcept nogil:
    """Whether a rung's metrics hold on a day; balances: LOOK, or as `balances_met` tells."""
    cdef int32_t i, first = t.asked_from[rung]
    cdef const Asked *a
    cdef bint met
    for i in range(first, t.asked_from[rung + 1]):
        a = &t.asked[i]
        if balances >= 0 and a.metric == OF_BALANCE_IN:
            met = balances >> (i - first) & 1
        else:
            met = figure(t, row, a, day) >= a.least
        if met and t.tier_any[rung]:
            return True
        if not met and not t.tier_any[rung]:
            return False
    return not t.tier_any[rung]


cdef inline int64_t *tier_slots(const RuleTable *t, int64_t *row, int32_t rung) noexcept nogil:
    return row + t.tiers_at + TIER * t.rung[rung]


cdef inline bint lasts(const RuleTable *t) noexcept nogil:
    """Whether a tier that was met is good for a while, not just as long as it is met."""
    return t.validity != WHILE_MET or t.down == NEVER_DOWN


cdef inline int32_t valid_through(const RuleTable *t, const int64_t *row,
                                  int32_t day) noexcept nogil:
    """Last good day of a tier whose metrics hold on `day`."""
    if t.down == NEVER_DOWN:
        return NEVER
    if t.validity == WHILE_MET:
        return day
    if t.validity == BY_MEMBERSHIP:
        return membership_end(t, <int32_t>row[JOINED], day, t.validity_k)
    return t.tier_through[day]


cdef inline bint still_good(const RuleTable *t, const int64_t *row, int32_t rung,
                            int32_t day) noexcept nogil:
    """Whether a rung is good on a day, grace included."""
    return (t.tier_always[rung]
            or (row + t.tiers_at + TIER * t.rung[rung])[THROUGH] + t.grace_days >= day)


cdef inline int32_t qualified(const RuleTable *t, const int64_t *row, int32_t day) noexcept nogil:
    """The highest rung still good, manual tiers apart; -1 for none."""
    cdef int32_t i = t.n_tiers - 1
    while i >= 0 and not still_good(t, row, i, day):
        i -= 1
    return i


cdef inline int32_t with_manual(const RuleTable *t, const int64_t *row, int32_t day,
                                int32_t found) noexcept nogil:
    """The higher of a rung and one that is held by hand on `day`."""
    cdef int32_t i
    if row[MANUAL_TIER] >= 0 and row[MANUAL_THROUGH] >= day:
        for i in range(found + 1, t.n_tiers):
            if t.rung[i] == row[MANUAL_TIER]:
                found = i
    return found


cdef inline int32_t tier_on(const RuleTable *t, const int64_t *row, int32_t day) noexcept nogil:
    """The rung that counts on `day`: the higher of the one still good and a manual one."""
    return with_manual(t, row, day, qualified(t, row, day))


cdef inline int32_t tier_of_layout(const RuleTable *t, const int64_t *row,
                                   int32_t day) noexcept nogil:
    """As tier_on, as a tier of the layout."""
    cdef int32_t i = tier_on(t, row, day)
    return t.rung[i] if i >= 0 else -1


cdef inline bint make_good(const RuleTable *t, int64_t *row, int32_t rung,
                           int32_t day) noexcept nogil:
    """A tier whose metrics hold is good through its validity; whether that is news."""
    cdef int64_t *slots = tier_slots(t, row, rung)
    cdef int32_t end = valid_through(t, row, day)
    if end > slots[THROUGH] or (end == slots[THROUGH] and slots[CHECKED]):
        slots[THROUGH] = end
        slots[CHECKED] = 0
        return True
    return False


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


cdef inline int32_t ladder_of(const RuleTable *t) noexcept nogil:
    """By which ladder a row's tiers go under a version, and whether they last."""
    return 2 * t.ladder + lasts(t)


cdef inline bint has_tiers(const RuleTable *t) noexcept nogil:
    """Whether the version, or another that members' tiers may go by, has a ladder."""
    return t.n_tiers > 0 or t.ladder_at >= 0


cdef inline bint only_balances(const RuleTable *t, int32_t rung) noexcept nogil:
    """Whether a rung asks for balances alone: `any` of them is what it was held by."""
    cdef int32_t i
    for i in range(t.asked_from[rung], t.asked_from[rung + 1]):
        if t.asked[i].metric != OF_BALANCE_IN:
            return False
    return True


cdef inline int64_t held_by(const RuleTable *t, const int64_t *row,
                            int32_t rung) noexcept nogil:
    """The balances that a rung was held by on the last day on which it was."""
    cdef int32_t slot = t.held_slot[rung]
    if slot < 0 or row[slot + 1] < row[t.tiers_at + TIER * t.rung[rung] + THROUGH]:
        return 0
    return row[slot]


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


cdef inline int32_t rung_of(const RuleTable *t, int32_t layout) noexcept nogil:
    """The rung that a tier of the layout is; -1 for none."""
    cdef int32_t i
    for i in range(t.n_tiers):
        if t.rung[i] == layout:
            return i
    return -1


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


cdef inline int32_t qualified_simple(const RuleTable *t, const int64_t *row,
                                     int32_t day) noexcept nogil:
    """As `qualified`, of a simple ladder, which has no grace."""
    cdef int32_t i = t.n_tiers - 1
    while i >= 0 and not (t.rungs[i].always or row[t.rungs[i].slot + THROUGH] >= day):
        i -= 1
    return i


cdef inline int64_t in_period(const RuleTable *t, const int64_t *row, int32_t counter,
                              int32_t day) noexcept nogil:
    """As `counter_value`, of a counter by a calendar period: a plain program has no other."""
    cdef const int64_t *at
    if counter < 0:
        return 0
    at = row + t.counters[counter].slot
    return at[1] if at[0] == t.counters[counter].period[day] else 0


cdef inline bint extend_simple(const RuleTable *t, int64_t *row, int32_t day) noexcept nogil:
    """After a purchase, on a ladder of spend and visits in a calendar period; whether a tier is
    good for longer than before."""
    cdef int32_t i, end = t.tier_through[day]
    cdef bint news = False, met
    cdef int64_t spend = in_period(t, row, t.spend_counter, day)
    cdef int64_t visits = in_period(t, row, t.visits_counter, day)
    cdef const PlainRung *one
    cdef int64_t *slots
    for i in range(t.n_tiers):
        one = &t.rungs[i]
        if one.any_:
            met = spend >= one.spend or visits >= one.visits
        else:
            met = spend >= one.spend and visits >= one.visits
        if not met:
            continue
        slots = row + one.slot
        if slots[THROUGH] < end or (slots[THROUGH] == end and slots[CHECKED]):
            slots[THROUGH] = end
            slots[CHECKED] = 0
            news = True
    return news
