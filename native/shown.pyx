"""A member as JSON: its tier, accounts, progress and lots, which is what a balance read answers.

The text of a date is looked up in a table, as all that is of a calendar.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from libc.stdint cimport INT64_MIN, int32_t, int64_t, uint32_t
from libc.stdlib cimport free

from .buffers cimport Bytes, let_go, put, put_figure
from .counters cimport figure
from .held cimport held_points
from .lots cimport UNPAID, Lot, Lots, pending_points
from .rules cimport Rules, RuleTable
from .state cimport (
    ACCOUNT, DEBT, DONATED, EXPIRED, FORGIVEN, ISSUED, LIVE, PURCHASES, RECEIVED, REDEEMED,
    REVERSED, SENT, State)

cdef enum:
    DATE = 10             # bytes of a date's text


cdef struct Table:
    const char *text      # DATE bytes a day from day 0 on
    int32_t n


cdef inline int put_date(Bytes *b, const Table *dates, int32_t day) except -1 nogil:
    put(b, b'"', 1)
    put(b, dates.text + DATE * day, DATE)
    return put(b, b'"', 1)


cdef int put_lot(Bytes *b, const Lot *lot, const char *name, Py_ssize_t size, int32_t day,
                 int32_t last_day, const Table *dates) except -1 nogil:
    put(b, b'{"currency":', 12)
    put(b, name, size)
    put(b, b',"points":', 10)
    put_figure(b, lot.points)
    if lot.tag == UNPAID:
        put(b, b',"state":"unpaid","earned":', 27)
    elif lot.active_from > day:
        put(b, b',"state":"pending","earned":', 28)
    else:
        put(b, b',"state":"active","earned":', 27)
    put_date(b, dates, lot.earned)
    put(b, b',"active_from":', 15)
    if lot.tag == UNPAID:
        put(b, b'null', 4)
    else:
        put_date(b, dates, lot.active_from)
    put(b, b',"good_through":', 16)
    if lot.good_through > last_day:
        put(b, b'null', 4)
    else:
        put_date(b, dates, lot.good_through)
    return put(b, b'},', 2)


cdef int put_totals(Bytes *b, const int64_t *account) except -1 nogil:
    put(b, b':{"issued":', 11)
    put_figure(b, account[ISSUED])
    put(b, b',"expired":', 11)
    put_figure(b, account[EXPIRED])
    put(b, b',"reversed":', 12)
    put_figure(b, account[REVERSED])
    put(b, b',"redeemed":', 12)
    put_figure(b, account[REDEEMED])
    put(b, b',"donated":', 11)
    put_figure(b, account[DONATED])
    put(b, b',"forgiven":', 12)
    put_figure(b, account[FORGIVEN])
    put(b, b',"transferred_out":', 19)
    put_figure(b, account[SENT])
    put(b, b',"transferred_in":', 18)
    put_figure(b, account[RECEIVED])
    return put(b, b'},', 2)


cdef int put_balances(Bytes *b, const int64_t *account, int64_t pending,
                      int64_t held) except -1 nogil:
    put(b, b':{"active":', 11)
    put_figure(b, account[LIVE] - pending)
    put(b, b',"pending":', 11)
    put_figure(b, pending)
    put(b, b',"held":', 8)
    put_figure(b, held)
    put(b, b',"debt":', 8)
    put_figure(b, account[DEBT])
    return put(b, b'},', 2)


cdef inline int put_bytes(Bytes *b, bytes some) except -1:
    return put(b, PyBytes_AS_STRING(some), PyBytes_GET_SIZE(some))


cdef inline int put_members(Bytes *b, const Bytes *members) except -1 nogil:
    """What was put elsewhere, without the comma behind the last of it."""
    return put(b, members.at, members.used - 1) if members.used else 0


cdef class Shown:
    """What answers about members have in common under a version of the program.

    It keeps the buffers in which they are written; the GIL is held meanwhile.
    """

    cdef Rules rules
    cdef list currencies, tiers, rungs, asked
    cdef bytes dates
    cdef int32_t last_day
    cdef Table table
    cdef Bytes body, totals, lots

    def __init__(self, Rules rules, list currencies, list tiers, list rungs, list asked,
                 bytes dates, int32_t last_day):
        """`currencies` and `tiers` are names of the layout as JSON, before the tiers `null`.

        `rungs` begin the progress to each rung of the version, `{"tier":...,"metrics":{`, and
        `asked` that of each figure that they ask for, rung by rung, `"spend":{"asked":9,"has":`.
        `dates` has 10 bytes a day from day 0 on; a lot whose last day is beyond `last_day` has
        none.
        """
        self.rules, self.currencies, self.tiers = rules, currencies, tiers
        self.rungs, self.asked = rungs, asked
        self.dates, self.last_day = dates, last_day
        self.table.text, self.table.n = dates, <int32_t>(len(dates) // DATE)
        if len(rungs) != rules.table.n_tiers or (
                len(asked) != rules.table.asked_from[rules.table.n_tiers]):
            raise ValueError("a name for each rung and each figure that it asks for")

    def __dealloc__(self):
        let_go(&self.body)
        let_go(&self.totals)
        let_go(&self.lots)

    def rung_above(self, int32_t tier):
        """The rung above a tier of the layout (-1: of none); None above the highest."""
        cdef int32_t rung = self.above(tier)
        return None if rung == self.rules.table.n_tiers else rung

    cdef int32_t above(self, int32_t tier) noexcept:
        cdef const RuleTable *t = &self.rules.table
        cdef int32_t i
        for i in range(t.n_tiers):
            if t.rung[i] == tier:
                return i + 1
        return 0

    def progress(self, State state, uint32_t member, int32_t rung, int32_t day, bytes by):
        """What a rung asks, what a member has and lacks of it on a business day, as JSON.

        Right from the day of the member's latest fact on. `by` is the date by which all that
        counts still counts, as JSON.
        """
        if member >= state.n_members or not 0 <= rung < self.rules.table.n_tiers:
            raise IndexError(f"member {member} of {state.n_members}, rung {rung}")
        self.body.used = 0
        self.put_progress(state, member, rung, day, by)
        return self.body.at[:self.body.used]

    cdef int put_progress(self, State state, uint32_t member, int32_t rung, int32_t day,
                          bytes by) except -1:
        cdef const RuleTable *t = &self.rules.table
        cdef Bytes *b = &self.body
        cdef int64_t have, least
        cdef int32_t i
        put_bytes(b, self.rungs[rung])
        for i in range(t.asked_from[rung], t.asked_from[rung + 1]):
            least, have = t.asked[i].least, figure(t, state.row(member), &t.asked[i], day)
            put_bytes(b, self.asked[i])
            if have == INT64_MIN:
                have = 0
                put(b, b'null', 4)
            else:
                put_figure(b, have)
            put(b, b',"missing":', 11)
            put_figure(b, least - have if least > have else 0)
            put(b, b'},', 2)
        if t.asked_from[rung] < t.asked_from[rung + 1]:
            b.used -= 1
        put(b, b'},"by":', 7)
        put_bytes(b, by)
        return put(b, b'}', 1)

    cdef int put_accounts(self, State state, uint32_t member, int32_t day) except -1:
        """Balances into the body, totals and lots beside it."""
        cdef int64_t account[ACCOUNT]
        cdef int32_t i, currency
        cdef const char *name
        cdef Py_ssize_t size
        cdef const Lot *lot
        cdef Lots *lots = NULL
        self.totals.used = self.lots.used = 0
        try:
            for currency in range(<int32_t>len(self.currencies)):
                lots = state.settled(member, currency, day, account)
                name = PyBytes_AS_STRING(self.currencies[currency])
                size = PyBytes_GET_SIZE(self.currencies[currency])
                put(&self.body, name, size)
                put_balances(&self.body, account, pending_points(lots, day),
                             held_points(state.row(member), currency))
                put(&self.totals, name, size)
                put_totals(&self.totals, account)
                for i in range(lots.head if lots != NULL else 0, lots.end if lots != NULL else 0):
                    lot = &lots.lot[i]
                    if not (0 <= lot.earned < self.table.n
                            and (0 <= lot.active_from < self.table.n or lot.tag == UNPAID)
                            and 0 <= lot.good_through and self.last_day < self.table.n
                            and lot.points >= 0):
                        raise IndexError(f"a lot of member {member} is beyond the table of dates")
                    put_lot(&self.lots, lot, name, size, day, self.last_day, &self.table)
                free(lots)
                lots = NULL
        finally:
            free(lots)
        return 0

    def member(self, State state, uint32_t member, int32_t day, bytes name, bytes as_of,
               int64_t seq, bytes by, bytes more):
        """A member on a business day as JSON.

        Right for any day from that of the member's latest fact on; lots are in spending order by
        currency. `name` is JSON, `as_of` text of an instant, `by` as for `progress`; `more` is
        what else is told: members of an object with a comma behind each.
        """
        cdef Bytes *b = &self.body
        cdef int32_t tier = state.tier(self.rules, member, day), rung = self.above(tier)
        if state.n_currencies != len(self.currencies) or state.n_tiers + 1 != len(self.tiers):
            raise ValueError("the names are of another layout")
        b.used = 0
        put(b, b'{"id":', 6)
        put_bytes(b, name)
        put(b, b',"as_of":"', 10)
        put_bytes(b, as_of)
        put(b, b'","tier":', 9)
        put_bytes(b, self.tiers[tier + 1])
        put(b, b',"balances":{', 13)
        self.put_accounts(state, member, day)
        b.used -= 1
        put(b, b'},"totals":{', 12)
        put_members(b, &self.totals)
        put(b, b'},"purchases":', 14)
        put_figure(b, state.row(member)[PURCHASES])
        put(b, b',"seq":', 7)
        put_figure(b, seq)
        put(b, b',', 1)
        put_bytes(b, more)
        if rung < self.rules.table.n_tiers:
            put(b, b'"progress":', 11)
            self.put_progress(state, member, rung, day, by)
            put(b, b',', 1)
        put(b, b'"lots":[', 8)
        put_members(b, &self.lots)
        put(b, b']}', 2)
        return b.at[:b.used]
