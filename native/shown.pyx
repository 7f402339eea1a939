"""A member's accounts as JSON: most of what a balance read answers, and its time otherwise.

The text of a date is looked up in a table, as all that is of a calendar.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from libc.stdint cimport int32_t, int64_t, uint32_t
from libc.stdlib cimport free
from libc.string cimport memset

from .buffers cimport Bytes, let_go, make_room, put, put_figure
from .held cimport held_points
from .lots cimport UNPAID, Lot, Lots, pending_points
from .state cimport (
    ACCOUNT, DEBT, DONATED, EXPIRED, FORGIVEN, ISSUED, LIVE, RECEIVED, REDEEMED, REVERSED, SENT,
    State)

cdef enum:
    DATE = 10             # bytes of a date's text
    AROUND = 1024         # bytes of an account beside its lots, for a buffer that need not grow


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


cdef bytes members_of(const Bytes *b):
    """What was put, without the comma behind the last of it."""
    return b.at[:b.used - 1] if b.used else b""


def accounts_json(State state, uint32_t member, list names, int32_t day, bytes dates,
                  int32_t last_day):
    """(`"balances":{...},"totals":{...}`, lots with commas between) on a business day.

    Right for any day from that of the member's latest fact on; lots are in spending order by
    currency. `names` are the currencies' as JSON strings; `dates` has 10 bytes a day from day 0
    on; a lot whose last day is beyond `last_day` has none.
    """
    cdef int64_t account[ACCOUNT]
    cdef Table table
    cdef Bytes balances, totals, found
    cdef int32_t i, currency
    cdef const char *name
    cdef Py_ssize_t size
    cdef const Lot *lot
    cdef Lots *lots = NULL
    table.text, table.n = dates, <int32_t>(len(dates) // DATE)
    memset(&balances, 0, sizeof(Bytes))
    memset(&totals, 0, sizeof(Bytes))
    memset(&found, 0, sizeof(Bytes))
    try:
        make_room(&balances, AROUND)
        make_room(&totals, AROUND)
        for currency in range(<int32_t>len(names)):
            lots = state.settled(member, currency, day, account)
            name, size = PyBytes_AS_STRING(names[currency]), PyBytes_GET_SIZE(names[currency])
            put(&balances, name, size)
            put_balances(&balances, account, pending_points(lots, day),
                         held_points(state.row(member), currency))
            put(&totals, name, size)
            put_totals(&totals, account)
            for i in range(lots.head if lots != NULL else 0, lots.end if lots != NULL else 0):
                lot = &lots.lot[i]
                if not (0 <= lot.earned < table.n
                        and (0 <= lot.active_from < table.n or lot.tag == UNPAID)
                        and 0 <= lot.good_through and last_day < table.n and lot.points >= 0):
                    raise IndexError(f"a lot of member {member} is beyond the table of dates")
                put_lot(&found, lot, name, size, day, last_day, &table)
            free(lots)
            lots = NULL
        figures = b'"balances":{%b},"totals":{%b}' % (members_of(&balances), members_of(&totals))
        return figures, members_of(&found)
    finally:
        free(lots)
        let_go(&balances)
        let_go(&totals)
        let_go(&found)
