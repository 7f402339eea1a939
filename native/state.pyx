"""The state table: members' rows, their packed form, chaining and order checks.

A packed row is little-endian int64: the version, the row's slots (0 in place of the lots
pointer), then for each currency the number of lots and (earned | active_from << 32,
good_through, points) of each. Packing and unpacking gives the same row; the writer,
the checkpoint and the state hash all use this one form.
"""

from libc.stdint cimport INT64_MIN, uint8_t, uint64_t
from libc.stdlib cimport free, malloc, realloc
from libc.string cimport memcpy, memset

import numpy as np

cimport numpy as cnp

from .lots cimport Lot, pending_points
from .rules cimport Rules
from .tiers cimport tier_on

cnp.import_array()

PACKED_VERSION = 1


cdef class State:
    """Rows of `n_currencies` accounts, `n_tiers` tier dates and `n_counters` counters."""

    def __cinit__(self, Py_ssize_t n_currencies, Py_ssize_t n_tiers, Py_ssize_t n_counters):
        self.n_currencies = n_currencies
        self.n_tiers = n_tiers
        self.n_counters = n_counters
        self.tiers_at = HEAD + ACCOUNT * n_currencies
        self.counters_at = self.tiers_at + n_tiers
        self.width = self.counters_at + 2 * n_counters
        self.rows = NULL
        self.n_members = self.room = 0

    def __dealloc__(self):
        cdef Py_ssize_t m, c
        for m in range(self.n_members):
            for c in range(self.n_currencies):
                free(<void*>self.rows[m * self.width + HEAD + ACCOUNT * c + LOTS])
        free(self.rows)

    cdef int64_t *row(self, uint32_t member) noexcept nogil:
        return self.rows + member * self.width

    cdef void clear_row(self, int64_t *row) noexcept nogil:
        cdef Py_ssize_t c, i
        for c in range(self.n_currencies):
            free(<void*>row[HEAD + ACCOUNT * c + LOTS])
        memset(row, 0, self.width * sizeof(int64_t))
        row[LAST_AT] = INT64_MIN
        for i in range(self.n_tiers):
            row[self.tiers_at + i] = -1
        for i in range(self.n_counters):
            row[self.counters_at + 2 * i] = -1

    def grow(self, Py_ssize_t n_members):
        """Make room for members 0..n_members-1; new rows are empty."""
        cdef int64_t *moved
        cdef Py_ssize_t m, room
        if n_members > self.room:
            room = max(n_members, 2 * self.room, 64)
            moved = <int64_t*>realloc(self.rows, room * self.width * sizeof(int64_t))
            if moved == NULL:
                raise MemoryError
            self.rows = moved
            self.room = room
        for m in range(self.n_members, n_members):
            memset(self.rows + m * self.width, 0, self.width * sizeof(int64_t))
            self.clear_row(self.rows + m * self.width)
        if n_members > self.n_members:
            self.n_members = n_members

    def clear(self, members):
        """Empty the rows of the given members (uint32)."""
        cdef const uint32_t[::1] which = self._checked(members)
        cdef Py_ssize_t i
        for i in range(which.shape[0]):
            self.clear_row(self.row(which[i]))

    def _checked(self, members):
        """The member numbers as a contiguous uint32 array, all inside the table."""
        members = np.ascontiguousarray(members, np.uint32)
        if members.size and members.max() >= self.n_members:
            raise IndexError(f"member {members.max()} of {self.n_members}")
        return members

    def behind(self, members, at):
        """Which rows of a batch do not come after the facts before them.

        members uint32[n], at int64[n] (us) -> (late bool[n], unordered bool[n]). A late row
        does not come after all the facts that its member's row has seen, an unordered one
        not after all the rows of its member before it in the batch. Equal instants count
        as not after: only the full order of rulebook section 2 can tell.
        """
        cdef const uint32_t[::1] who = self._checked(members)
        cdef const int64_t[::1] when = np.ascontiguousarray(at, np.int64)
        cdef Py_ssize_t i, n = who.shape[0]
        out = np.zeros(n, np.bool_)
        twisted = np.zeros(n, np.bool_)
        cdef uint8_t[::1] late = out.view(np.uint8)
        cdef uint8_t[::1] unordered = twisted.view(np.uint8)
        cdef dict latest = {}
        cdef int64_t last
        for i in range(n):
            late[i] = when[i] <= self.row(who[i])[LAST_AT]
        if n == 1:
            return out, twisted
        # A column as long as the table, or for small batches a dict.
        scratch = np.full(self.n_members if n * 8 > self.n_members else 0, INT64_MIN, np.int64)
        cdef int64_t[::1] seen = scratch
        if seen.shape[0]:
            for i in range(n):
                last = seen[who[i]]
                unordered[i] = when[i] <= last
                if when[i] > last:
                    seen[who[i]] = when[i]
        else:
            for i in range(n):
                last = latest.get(who[i], INT64_MIN)
                unordered[i] = when[i] <= last
                if when[i] > last:
                    latest[who[i]] = when[i]
        return out, twisted

    def chain(self, members, uint64_t first_seq):
        """Give each row its member's previous seq (uint64[n], 0: none) and move it on.

        Row i has seq first_seq + i.
        """
        cdef const uint32_t[::1] who = self._checked(members)
        cdef Py_ssize_t i, n = who.shape[0]
        out = np.empty(n, np.uint64)
        cdef uint64_t[::1] previous = out
        cdef int64_t *row
        for i in range(n):
            row = self.row(who[i])
            previous[i] = row[LAST_SEQ]
            row[LAST_SEQ] = first_seq + i
        return out

    def last_seqs(self, members):
        """Highest seq of each member, uint64[n]; 0 before any fact."""
        cdef const uint32_t[::1] who = self._checked(members)
        return np.array([self.row(who[i])[LAST_SEQ] for i in range(who.shape[0])], np.uint64)

    def set_last_seqs(self, members, seqs):
        """Put back what `chain` keeps, after members were folded anew."""
        cdef const uint32_t[::1] who = self._checked(members)
        cdef const uint64_t[::1] seq = np.ascontiguousarray(seqs, np.uint64)
        cdef Py_ssize_t i
        for i in range(who.shape[0]):
            self.row(who[i])[LAST_SEQ] = seq[i]

    # -- packed rows ---------------------------------------------------------------------

    def pack(self, uint32_t member):
        """The member's row as bytes."""
        cdef int64_t *row
        cdef Lots *lots
        cdef Lot *lot
        cdef Py_ssize_t c, i, at, size
        if member >= self.n_members:
            raise IndexError(f"member {member} of {self.n_members}")
        row = self.row(member)
        size = 1 + self.width + self.n_currencies
        for c in range(self.n_currencies):
            lots = <Lots*>row[HEAD + ACCOUNT * c + LOTS]
            if lots != NULL:
                size += 3 * (lots.end - lots.head)
        cdef bytes blob = bytes(size * 8)
        cdef int64_t *out = <int64_t*><char*>blob
        out[0] = PACKED_VERSION
        memcpy(out + 1, row, self.width * sizeof(int64_t))
        at = 1 + self.width
        for c in range(self.n_currencies):
            out[1 + HEAD + ACCOUNT * c + LOTS] = 0
            lots = <Lots*>row[HEAD + ACCOUNT * c + LOTS]
            out[at] = 0 if lots == NULL else lots.end - lots.head
            at += 1
            if lots == NULL:
                continue
            for i in range(lots.head, lots.end):
                lot = &lots.lot[i]
                out[at] = lot.earned | (<int64_t>lot.active_from << 32)
                out[at + 1] = lot.good_through
                out[at + 2] = lot.points
                at += 3
        return blob

    def unpack(self, uint32_t member, bytes blob):
        """Set the member's row from bytes that `pack` made. Raises ValueError otherwise."""
        cdef const int64_t *data = <const int64_t*><const char*>blob
        cdef Py_ssize_t size = len(blob) // 8
        cdef Py_ssize_t c, i, at, n
        cdef int64_t *row
        cdef Lots *lots
        if member >= self.n_members:
            raise IndexError(f"member {member} of {self.n_members}")
        at = 1 + self.width
        if len(blob) % 8 or size < at + self.n_currencies or data[0] != PACKED_VERSION:
            raise ValueError("not a packed row of this table")
        for _ in range(self.n_currencies):
            if at >= size or data[at] < 0 or data[at] > (size - at) // 3:
                raise ValueError("a packed row's lots do not fit it")
            at += 1 + 3 * data[at]
        if at != size:
            raise ValueError("a packed row's lots do not fit it")
        row = self.row(member)
        self.clear_row(row)
        memcpy(row, data + 1, self.width * sizeof(int64_t))
        at = 1 + self.width
        for c in range(self.n_currencies):
            n = data[at]
            at += 1
            row[HEAD + ACCOUNT * c + LOTS] = 0
            if n == 0:
                continue
            lots = <Lots*>malloc(sizeof(Lots) + n * sizeof(Lot))
            if lots == NULL:
                raise MemoryError
            lots.head = 0
            lots.end = lots.room = n
            for i in range(n):
                lots.lot[i] = Lot(<int32_t>(data[at] & 0xFFFFFFFF), <int32_t>(data[at] >> 32),
                                  <int32_t>data[at + 1], 0, data[at + 2])
                at += 3
            row[HEAD + ACCOUNT * c + LOTS] = <int64_t>lots

    # -- reading -------------------------------------------------------------------------

    def head(self, uint32_t member):
        """(last_at us or None, last_seq, purchases, upgrades)."""
        if member >= self.n_members:
            raise IndexError(f"member {member} of {self.n_members}")
        cdef int64_t *row = self.row(member)
        last = None if row[LAST_AT] == INT64_MIN else row[LAST_AT]
        return last, row[LAST_SEQ], row[PURCHASES], row[UPGRADES]

    def balance(self, uint32_t member, Py_ssize_t currency, int32_t day):
        """(active, pending, expired, issued) on a business day.

        Right for any day from that of the member's latest fact on: expiry is of the
        clock (rulebook section 5).
        """
        if member >= self.n_members or not 0 <= currency < self.n_currencies:
            raise IndexError(f"member {member}, currency {currency}")
        cdef int64_t *account = self.row(member) + HEAD + ACCOUNT * currency
        cdef Lots *lots = <Lots*>account[LOTS]
        cdef int64_t gone = 0, pending
        cdef Py_ssize_t i
        if lots != NULL:
            i = lots.head
            while i < lots.end and lots.lot[i].good_through < day:
                gone += lots.lot[i].points
                i += 1
        pending = pending_points(lots, day)
        return account[LIVE] - gone - pending, pending, account[EXPIRED] + gone, account[ISSUED]

    def view(self, Rules rules, uint32_t member, int32_t day):
        """(last_at us or None, last_seq, purchases, tier, [(active, pending)]) on a day.

        Right for any day from that of the member's latest fact on; tier -1 is none.
        """
        if member >= self.n_members or self.n_tiers != rules.table.n_tiers:
            raise IndexError(f"member {member} of {self.n_members}")
        cdef int64_t *row = self.row(member)
        cdef int64_t *account
        cdef Lots *lots
        cdef int64_t gone, pending
        cdef Py_ssize_t c, i
        cdef list balances = []
        for c in range(self.n_currencies):
            account = row + HEAD + ACCOUNT * c
            lots = <Lots*>account[LOTS]
            gone = 0
            if lots != NULL:
                i = lots.head
                while i < lots.end and lots.lot[i].good_through < day:
                    gone += lots.lot[i].points
                    i += 1
            pending = pending_points(lots, day)
            balances.append((account[LIVE] - gone - pending, pending))
        return (None if row[LAST_AT] == INT64_MIN else row[LAST_AT], row[LAST_SEQ],
                row[PURCHASES], tier_on(&rules.table, row + self.tiers_at, day), balances)

    def lots(self, uint32_t member, Py_ssize_t currency):
        """The account's lots: [(earned, active_from, good_through, points)], days."""
        if member >= self.n_members or not 0 <= currency < self.n_currencies:
            raise IndexError(f"member {member}, currency {currency}")
        cdef Lots *lots = <Lots*>self.row(member)[HEAD + ACCOUNT * currency + LOTS]
        if lots == NULL:
            return []
        return [
            (lots.lot[i].earned, lots.lot[i].active_from, lots.lot[i].good_through,
             lots.lot[i].points)
            for i in range(lots.head, lots.end)
        ]

    def tier_days(self, uint32_t member):
        """Last good day of each tier, -1 where it was never met."""
        if member >= self.n_members:
            raise IndexError(f"member {member} of {self.n_members}")
        cdef int64_t *row = self.row(member) + self.tiers_at
        return [row[i] for i in range(self.n_tiers)]

    def counters(self, uint32_t member):
        """(period number, value) of each counter."""
        if member >= self.n_members:
            raise IndexError(f"member {member} of {self.n_members}")
        cdef int64_t *row = self.row(member) + self.counters_at
        return [(row[2 * i], row[2 * i + 1]) for i in range(self.n_counters)]
