"""Lots as JSON: most of what a balance read answers, and its time otherwise.

The text of a date is looked up in a table, as all that is of a calendar.
"""

from libc.stdint cimport int32_t, int64_t, uint32_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy

from .lots cimport UNPAID, Lot, Lots
from .state cimport ACCOUNT, State

cdef enum:
    DATE = 10             # bytes of a date's text
    AROUND = 192          # bytes of a lot beside its currency's name, at most


cdef struct Table:
    const char *text      # DATE bytes a day from day 0 on
    int32_t n


cdef inline char *put(char *to, const char *text, Py_ssize_t size) noexcept nogil:
    memcpy(to, text, size)
    return to + size


cdef inline char *put_date(char *to, const Table *dates, int32_t day) noexcept nogil:
    to[0] = b'"'
    memcpy(to + 1, dates.text + DATE * day, DATE)
    to[1 + DATE] = b'"'
    return to + DATE + 2


cdef inline char *put_figure(char *to, int64_t figure) noexcept nogil:
    """A figure of 0 or above."""
    cdef char digits[20]
    cdef int n = 0
    while figure > 9:
        digits[n] = <char>(48 + figure % 10)
        figure //= 10
        n += 1
    to[0] = <char>(48 + figure)
    while n:
        n -= 1
        to += 1
        to[0] = digits[n]
    return to + 1


cdef char *put_lot(char *to, const Lot *lot, const char *name, Py_ssize_t size,
                   int32_t day, int32_t last_day, const Table *dates) noexcept nogil:
    to = put(to, b'{"currency":', 12)
    to = put(to, name, size)
    to = put(to, b',"points":', 10)
    to = put_figure(to, lot.points)
    if lot.tag == UNPAID:
        to = put(to, b',"state":"unpaid","earned":', 27)
    elif lot.active_from > day:
        to = put(to, b',"state":"pending","earned":', 28)
    else:
        to = put(to, b',"state":"active","earned":', 27)
    to = put_date(to, dates, lot.earned)
    to = put(to, b',"active_from":', 15)
    if lot.tag == UNPAID:
        to = put(to, b'null', 4)
    else:
        to = put_date(to, dates, lot.active_from)
    to = put(to, b',"good_through":', 16)
    if lot.good_through > last_day:
        to = put(to, b'null', 4)
    else:
        to = put_date(to, dates, lot.good_through)
    return put(to, b'},', 2)


def lots_json(State state, uint32_t member, Py_ssize_t currency, bytes name, int32_t day,
              bytes dates, int32_t last_day):
    """A currency's lots in spending order on a business day, each with a comma behind it.

    Right for any day from that of the member's latest fact on. `name` is the currency's as a
    JSON string; `dates` has 10 bytes a day from day 0 on; a lot whose last day is beyond
    `last_day` has none.
    """
    cdef int64_t account[ACCOUNT]
    cdef Table table
    cdef char *text
    cdef char *end
    cdef int32_t i
    cdef const Lot *lot
    cdef Lots *lots = state.settled(member, currency, day, account)
    if lots == NULL:
        return b""
    table.text, table.n = dates, <int32_t>(len(dates) // DATE)
    text = <char*>malloc((AROUND + len(name)) * (lots.end - lots.head) + 1)
    try:
        if text == NULL:
            raise MemoryError
        end = text
        for i in range(lots.head, lots.end):
            lot = &lots.lot[i]
            if not (0 <= lot.earned < table.n
                    and (0 <= lot.active_from < table.n or lot.tag == UNPAID)
                    and 0 <= lot.good_through and last_day < table.n and lot.points >= 0):
                raise IndexError(f"a lot of member {member} is beyond the table of dates")
            end = put_lot(end, lot, name, len(name), day, last_day, &table)
        return text[:end - text]
    finally:
        free(text)
        free(lots)
