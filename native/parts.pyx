"""Plain sales moved together by members: a fold of many then finds their rows in the cache.

As they arrive, the sales of one member stand far apart, and its row and lots have left the
cache by the next one. Moved, each part has all sales of a few members, in the order that they had.
"""

from libc.stdint cimport int16_t, int32_t, int64_t, uint32_t

import numpy as np

cdef extern from *:
    """
    /* A column is written at as many places as there are parts, too many for the processor to
       see where each goes on: it is told to fetch what comes next. */
    #define VAFA_WRITTEN_NEXT(address) \
        __builtin_prefetch((const char *)(address) + 64, 1)
    """
    void written_next "VAFA_WRITTEN_NEXT"(const void *address) noexcept nogil


def part_starts(columns, roots, order, int shift, Py_ssize_t n_parts):
    """Where each part begins among the rows `order` (uint32): int64[3, n_parts + 1] of rows,
    lines and tenders.

    A row is of part roots[row] >> shift. Raises ValueError for one beyond the parts.
    """
    cdef const uint32_t[::1] which = order, root = roots
    cdef const int64_t[::1] lines = columns.lines_from, tenders = columns.tenders_from
    cdef Py_ssize_t k, i, part, n = which.shape[0], known = root.shape[0]
    cdef bint beyond = False
    starts = np.zeros((3, n_parts + 1), np.int64)
    cdef int64_t[:, ::1] sums = starts
    if not known < lines.shape[0] or not known < tenders.shape[0]:
        raise ValueError("a row without lines or tenders")
    with nogil:
        for k in range(n):
            i = which[k]
            part = root[i] >> shift if i < known else n_parts
            if part >= n_parts:
                beyond = True
                break
            sums[0, part + 1] += 1
            sums[1, part + 1] += lines[i + 1] - lines[i]
            sums[2, part + 1] += tenders[i + 1] - tenders[i]
    if beyond:
        raise ValueError("a row or a member beyond the parts")
    return np.cumsum(starts, axis=1, out=starts)


def _check_sizes(moved, rows, lines, tenders, parts):
    """Arrays that are written to must have room for all that comes."""
    for name, column in moved.items():
        size = (lines if name in ("product", "quantity", "net") else
                tenders if name == "tender" else
                rows + parts if name in ("lines_from", "tenders_from") else rows)
        if len(column) != size:
            raise ValueError(f"{name}: expected {size} entries, got {len(column)}")


def move(columns, roots, order, int shift, starts, Py_ssize_t first, Py_ssize_t last, moved):
    """Fill the columns `moved` with the rows of the parts first to last - 1, part by part.

    `starts` are those of `part_starts`. `moved` has arrays of their sizes by name: rows, at,
    member, store, terminal, day, minute, product, quantity, net, tender, and lines_from and
    tenders_from with an entry more a part, which count from the part's own begin. Raises
    ValueError for an array of another size.
    """
    cdef const uint32_t[::1] which = order, root = roots
    cdef const int64_t[::1] lines_from = columns.lines_from, tenders_from = columns.tenders_from
    cdef const int64_t[::1] at = columns.at, quantity = columns.quantity, net = columns.net
    cdef const uint32_t[::1] member = columns.member, store = columns.store
    cdef const uint32_t[::1] terminal = columns.terminal, product = columns.product
    cdef const uint32_t[::1] tender = columns.tender
    cdef const int32_t[::1] day = columns.day
    cdef const int16_t[::1] minute = columns.minute
    cdef uint32_t[::1] to_rows = moved["rows"], to_member = moved["member"]
    cdef uint32_t[::1] to_store = moved["store"], to_terminal = moved["terminal"]
    cdef uint32_t[::1] to_product = moved["product"], to_tender = moved["tender"]
    cdef int64_t[::1] to_at = moved["at"], to_quantity = moved["quantity"], to_net = moved["net"]
    cdef int64_t[::1] to_lines_from = moved["lines_from"]
    cdef int64_t[::1] to_tenders_from = moved["tenders_from"]
    cdef int32_t[::1] to_day = moved["day"]
    cdef int16_t[::1] to_minute = moved["minute"]
    _check_sizes(moved, *(starts[:, last] - starts[:, first]).tolist(), last - first)
    cdef const int64_t[:, ::1] begin = starts
    # Where the next row of each part goes.
    next_ = np.ascontiguousarray((starts[:, first:last] - starts[:, first:first + 1]).T)
    cdef int64_t[:, ::1] place = next_
    cdef Py_ssize_t k, i, part, n = which.shape[0]
    cdef int64_t row, line, tendered, j
    cdef int64_t n_rows = to_rows.shape[0], n_lines = to_net.shape[0]
    cdef int64_t n_tenders = to_tender.shape[0]
    with nogil:
        for part in range(last - first):
            to_lines_from[place[part, 0] + part] = 0
            to_tenders_from[place[part, 0] + part] = 0
        for k in range(n):
            i = which[k]
            part = <Py_ssize_t>(root[i] >> shift) - first
            if not 0 <= part < last - first:
                continue
            row, line, tendered = place[part, 0], place[part, 1], place[part, 2]
            to_rows[row] = <uint32_t>i
            to_at[row] = at[i]
            to_member[row] = member[i]
            to_store[row] = store[i]
            to_terminal[row] = terminal[i]
            to_day[row] = day[i]
            to_minute[row] = minute[i]
            for j in range(lines_from[i], lines_from[i + 1]):
                to_product[line] = product[j]
                to_quantity[line] = quantity[j]
                to_net[line] = net[j]
                line += 1
            for j in range(tenders_from[i], tenders_from[i + 1]):
                to_tender[tendered] = tender[j]
                tendered += 1
            if row + 1 < n_rows:
                written_next(&to_rows[row])
                written_next(&to_at[row])
                written_next(&to_member[row])
                written_next(&to_store[row])
                written_next(&to_terminal[row])
                written_next(&to_day[row])
                written_next(&to_minute[row])
                written_next(&to_lines_from[row + part])
                written_next(&to_tenders_from[row + part])
            if line < n_lines:
                written_next(&to_product[line])
                written_next(&to_quantity[line])
                written_next(&to_net[line])
            if tendered < n_tenders:
                written_next(&to_tender[tendered])
            row += 1
            to_lines_from[row + part] = line - (begin[1, first + part] - begin[1, first])
            to_tenders_from[row + part] = tendered - (begin[2, first + part] - begin[2, first])
            place[part, 0], place[part, 1], place[part, 2] = row, line, tendered


def in_order(rows, Py_ssize_t n):
    """The places (int64) of rows (uint32, below n) by row, equal ones as they stand.

    What `numpy.argsort` with kind "stable" gives, of numbers known to be few. Raises ValueError
    for a row beyond them.
    """
    cdef const uint32_t[::1] row = rows
    cdef Py_ssize_t i, m = row.shape[0]
    if m and rows.max() >= n:
        raise ValueError(f"row {rows.max()} of {n}")
    starts = np.zeros(n + 1, np.int64)
    out = np.empty(m, np.int64)
    cdef int64_t[::1] next_ = starts, places = out
    with nogil:
        for i in range(m):
            next_[row[i] + 1] += 1
        for i in range(n):
            next_[i + 1] += next_[i]
        for i in range(m):
            places[next_[row[i]]] = i
            next_[row[i]] += 1
    return out
