"""The state table: members' rows, their packed form, chaining and order checks.

A packed row is little-endian int64: the version, the row's slots (0 in place of pointers),
then for each currency the number of lots and four words of each (earned | active_from << 32,
good_through | source << 32, tag | fixed << 32, points), then for each list its length and
values. Packing and unpacking gives the same row; the writer, the checkpoint and the state
hash all use this one form.
"""

from cpython.bytes cimport PyBytes_FromStringAndSize
from libc.stdint cimport INT64_MIN, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, malloc, realloc
from libc.string cimport memcpy, memmove

import numpy as np

cimport numpy as cnp

from .accounts cimport settle
from .counters cimport figure
from .held cimport both, has_run_out, held_points, high, low, n_parts, part_of
from .lots cimport Lot, Lots, pending_points
from .rules cimport Rules, RuleTable
from .rungs cimport tier_of_layout
from .tiers cimport advance_tiers

cdef extern from *:
    """
    #include <stdint.h>
    #include <sys/mman.h>

    enum { LARGE_PAGE = 2 << 20 };

    /* Rows are read here and there: with pages of 2 MB the processor knows where all of them
       are. Only advice; nothing depends on it. */
    static void vafa_advise_large(void *memory, size_t size) {
    #ifdef MADV_HUGEPAGE
        uintptr_t from = ((uintptr_t)memory + LARGE_PAGE - 1) & ~(uintptr_t)(LARGE_PAGE - 1);
        uintptr_t to = ((uintptr_t)memory + size) & ~(uintptr_t)(LARGE_PAGE - 1);
        if (from < to) madvise((void *)from, to - from, MADV_HUGEPAGE);
    #endif
    }
    """
    void advise_large "vafa_advise_large"(void *memory, size_t size) noexcept nogil

cnp.import_array()

cdef int64_t VERSION = 4
PACKED_VERSION = VERSION
cdef uint32_t NOBODY = 0xFFFFFFFF   # `engine.schema.NO_MEMBER`: a row that is no member's


cdef Vec *vec_insert(Vec *v, int32_t at, int64_t value) noexcept nogil:
    """The list with a value put at a place, perhaps moved; NULL without memory."""
    cdef int32_t room
    cdef Vec *moved
    if v == NULL or v.n == v.room:
        room = 4 if v == NULL else 2 * v.room
        moved = <Vec*>realloc(v, sizeof(Vec) + room * sizeof(int64_t))
        if moved == NULL:
            return NULL
        if v == NULL:
            moved.n = 0
        moved.room = room
        v = moved
    if at < v.n:
        memmove(&v.d[at + 1], &v.d[at], (v.n - at) * sizeof(int64_t))
    v.d[at] = value
    v.n += 1
    return v


cdef void vec_remove(Vec *v, int32_t at, int32_t n) noexcept nogil:
    """Take n values out of a list."""
    memmove(&v.d[at], &v.d[at + n], (v.n - at - n) * sizeof(int64_t))
    v.n -= n


cdef int32_t tier_at(const RuleTable *t, const int64_t *row, int32_t day, int64_t *copy,
                     Py_ssize_t width) noexcept nogil:
    """The tier of the layout on a day from that of the latest fact on; `copy` is for a row."""
    if row[JOINED] < 0 or t.simple_ladder:
        return tier_of_layout(t, row, day)
    # Tiers move on with the clock; lists are only read, so a shallow copy will do.
    memcpy(copy, row, width * sizeof(int64_t))
    advance_tiers(t, copy, day)
    return tier_of_layout(t, copy, day)


cdef class State:
    """Rows of `n_currencies` accounts, `n_tiers` tiers, `n_counters` counters and the rest.

    `vecs` are the slots that hold lists, beside HOLDS, and `empty` those that are -1 in an
    empty row. `absorbs` tells what becomes of slots when one row takes up another (absorb.pxd):
    how, the number of slots, the slots, one after the other.
    """

    def __cinit__(self, Py_ssize_t n_currencies, Py_ssize_t n_tiers, Py_ssize_t n_counters,
                  Py_ssize_t width=0, vecs=(), empty=(), absorbs=()):
        cdef Py_ssize_t i
        self.n_currencies = n_currencies
        self.n_tiers = n_tiers
        self.n_counters = n_counters
        self.tiers_at = HEAD + ACCOUNT * n_currencies
        self.counters_at = self.tiers_at + TIER * n_tiers
        self.width = max(width, self.counters_at + 2 * n_counters)
        self.rows = NULL
        self.n_members = self.room = 0
        self.holding = False
        self.n_vecs = 1 + len(vecs)
        self.n_empty = len(empty)
        self.n_absorbs = len(absorbs)
        self.vecs = <int32_t*>calloc(max(1, self.n_vecs), sizeof(int32_t))
        self.empty_at = <int32_t*>calloc(max(1, self.n_empty), sizeof(int32_t))
        self.absorbs = <int32_t*>calloc(max(1, self.n_absorbs), sizeof(int32_t))
        if self.vecs == NULL or self.empty_at == NULL or self.absorbs == NULL:
            raise MemoryError
        self.vecs[0] = HOLDS
        for i in range(1, self.n_vecs):
            self.vecs[i] = vecs[i - 1]
        for i in range(self.n_empty):
            self.empty_at[i] = empty[i]
        for i in range(self.n_absorbs):
            self.absorbs[i] = absorbs[i]

    def __dealloc__(self):
        cdef Py_ssize_t m
        for m in range(self.n_members):
            self.free_lists(self.rows + m * self.width)
        free(self.rows)
        free(self.vecs)
        free(self.empty_at)
        free(self.absorbs)

    cdef int64_t *row(self, uint32_t member) noexcept nogil:
        return self.rows + member * self.width

    cdef void free_lists(self, int64_t *row) noexcept nogil:
        cdef Py_ssize_t i
        for i in range(self.n_currencies):
            free(<void*>row[HEAD + ACCOUNT * i + LOTS])
        for i in range(self.n_vecs):
            free(<void*>row[self.vecs[i]])

    cdef void blank(self, int64_t *row) noexcept nogil:
        """Make an empty row of memory that holds nothing."""
        blank_slots(row, self.width, <int32_t>self.n_currencies, <int32_t>self.tiers_at,
                    <int32_t>self.n_tiers, self.empty_at, <int32_t>self.n_empty)

    cdef void clear_row(self, int64_t *row) noexcept nogil:
        self.free_lists(row)
        self.blank(row)

    def grow(self, Py_ssize_t n_members):
        """Make room for members 0..n_members-1; new rows are empty."""
        cdef int64_t *moved
        cdef Py_ssize_t m, room
        if n_members > self.room:
            room = max(n_members, 2 * self.room, 64)
            moved = <int64_t*>realloc(self.rows, room * self.width * sizeof(int64_t))
            if moved == NULL:
                raise MemoryError
            advise_large(moved, room * self.width * sizeof(int64_t))
            self.rows = moved
            self.room = room
        for m in range(self.n_members, n_members):
            self.blank(self.rows + m * self.width)
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

    def _checked_some(self, members):
        """As `_checked`, of a batch in which some rows may be nobody's."""
        members = np.ascontiguousarray(members, np.uint32)
        if members.size and members.max() >= self.n_members:
            self._checked(members[members != NOBODY])
        return members

    def behind(self, members, at):
        """Which rows of a batch do not come after the facts before them.

        members uint32[n], at int64[n] (us) -> (late bool[n], unordered bool[n]). A late row
        does not come after all the facts that its member's row has seen, an unordered one
        not after all the rows of its member before it in the batch. Equal instants count
        as not after: only the full order of rulebook section 2 can tell. A row by whose
        instant a hold has run out is late as well: a refusal must leave the hold as it is.
        Nobody's rows (member 2**32 - 1) are neither.
        """
        cdef const uint32_t[::1] who = self._checked_some(members)
        cdef const int64_t[::1] when = np.ascontiguousarray(at, np.int64)
        cdef Py_ssize_t i, n = who.shape[0]
        out = np.zeros(n, np.bool_)
        twisted = np.zeros(n, np.bool_)
        cdef uint8_t[::1] late = out.view(np.uint8)
        cdef uint8_t[::1] unordered = twisted.view(np.uint8)
        cdef dict latest = {}
        cdef int64_t last
        for i in range(n):
            late[i] = who[i] != NOBODY and (
                when[i] <= self.row(who[i])[LAST_AT]
                or has_run_out(self.row(who[i]), when[i]))
        if n == 1:
            return out, twisted
        # A column as long as the table, or for small batches a dict.
        scratch = np.full(self.n_members if n * 8 > self.n_members else 0, INT64_MIN, np.int64)
        cdef int64_t[::1] seen = scratch
        if seen.shape[0]:
            for i in range(n):
                if who[i] == NOBODY:
                    continue
                last = seen[who[i]]
                unordered[i] = when[i] <= last
                if when[i] > last:
                    seen[who[i]] = when[i]
        else:
            for i in range(n):
                if who[i] == NOBODY:
                    continue
                last = latest.get(who[i], INT64_MIN)
                unordered[i] = when[i] <= last
                if when[i] > last:
                    latest[who[i]] = when[i]
        return out, twisted

    def chain(self, members, uint64_t first_seq):
        """Give each row its member's previous seq (uint64[n], 0: none) and move it on.

        Row i has seq first_seq + i. Nobody's rows have none before them.
        """
        cdef const uint32_t[::1] who = self._checked_some(members)
        cdef Py_ssize_t i, n = who.shape[0]
        out = np.empty(n, np.uint64)
        cdef uint64_t[::1] previous = out
        cdef int64_t *row
        for i in range(n):
            if who[i] == NOBODY:
                previous[i] = 0
                continue
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

    cdef Py_ssize_t packed_words(self, const int64_t *row) noexcept nogil:
        """How many words a packed row has."""
        cdef Py_ssize_t c, i, size = 1 + self.width + self.n_currencies + self.n_vecs
        cdef Lots *lots
        cdef Vec *v
        for c in range(self.n_currencies):
            lots = <Lots*>row[HEAD + ACCOUNT * c + LOTS]
            if lots != NULL:
                size += 4 * (lots.end - lots.head)
        for i in range(self.n_vecs):
            v = <Vec*>row[self.vecs[i]]
            if v != NULL:
                size += v.n
        return size

    cdef void put_packed(self, const int64_t *row, int64_t *out) noexcept nogil:
        """Write a packed row."""
        cdef Lots *lots
        cdef Lot *lot
        cdef Vec *v
        cdef Py_ssize_t c, i, at
        out[0] = VERSION
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
                out[at] = both(lot.earned, lot.active_from)
                out[at + 1] = both(lot.good_through, lot.source)
                out[at + 2] = both(lot.tag, lot.fixed)
                out[at + 3] = lot.points
                at += 4
        for i in range(self.n_vecs):
            out[1 + self.vecs[i]] = 0
            v = <Vec*>row[self.vecs[i]]
            out[at] = 0 if v == NULL else v.n
            at += 1
            if v != NULL:
                memcpy(out + at, &v.d[0], v.n * sizeof(int64_t))
                at += v.n

    def pack(self, uint32_t member):
        """The member's row as bytes."""
        if member >= self.n_members:
            raise IndexError(f"member {member} of {self.n_members}")
        cdef const int64_t *row = self.row(member)
        cdef bytes blob = bytes(self.packed_words(row) * 8)
        self.put_packed(row, <int64_t*><char*>blob)
        return blob

    def pack_some(self, members):
        """Rows of members (uint32[n]) as bytes, one behind the other, and their bounds
        (int64[n + 1])."""
        cdef const uint32_t[::1] which = self._checked(members)
        cdef Py_ssize_t i, n = which.shape[0]
        bounds = np.zeros(n + 1, np.int64)
        cdef int64_t[::1] upto = bounds
        for i in range(n):
            upto[i + 1] = upto[i] + 8 * self.packed_words(self.row(which[i]))
        cdef bytes blob = PyBytes_FromStringAndSize(NULL, upto[n])
        cdef char *out = blob
        with nogil:
            for i in range(n):
                self.put_packed(self.row(which[i]), <int64_t*>(out + upto[i]))
        return blob, bounds

    cdef int fits(self, const int64_t *data, Py_ssize_t size) noexcept nogil:
        """Whether the lengths in a packed row add up to its size."""
        cdef Py_ssize_t at = 1 + self.width, _
        if size < at + self.n_currencies + self.n_vecs:
            return False
        for _ in range(self.n_currencies):
            if at >= size or data[at] < 0 or data[at] > (size - at) // 4:
                return False
            at += 1 + 4 * data[at]
        for _ in range(self.n_vecs):
            if at >= size or data[at] < 0 or data[at] > size - at:
                return False
            at += 1 + data[at]
        return at == size

    def unpack(self, uint32_t member, bytes blob, bint chained=False):
        """Set the member's row from bytes that `pack` made. Raises ValueError otherwise.

        With `chained` its last seq stays what it is.
        """
        cdef int64_t last_seq
        cdef const int64_t *data = <const int64_t*><const char*>blob
        cdef Py_ssize_t size = len(blob) // 8
        cdef Py_ssize_t c, i, at, n
        cdef int64_t *row
        cdef Lots *lots
        cdef Vec *v
        if member >= self.n_members:
            raise IndexError(f"member {member} of {self.n_members}")
        if len(blob) % 8 or size < 1 + self.width or data[0] != VERSION:
            raise ValueError("not a packed row of this table")
        if not self.fits(data, size):
            raise ValueError("a packed row's lots do not fit it")
        row = self.row(member)
        last_seq = row[LAST_SEQ] if chained else data[1 + LAST_SEQ]
        self.clear_row(row)
        memcpy(row, data + 1, self.width * sizeof(int64_t))
        row[LAST_SEQ] = last_seq
        for c in range(self.n_currencies):
            row[HEAD + ACCOUNT * c + LOTS] = 0
        for i in range(self.n_vecs):
            row[self.vecs[i]] = 0
        at = 1 + self.width
        for c in range(self.n_currencies):
            n = data[at]
            at += 1
            if n == 0:
                continue
            lots = <Lots*>malloc(sizeof(Lots) + n * sizeof(Lot))
            if lots == NULL:
                raise MemoryError
            lots.head = 0
            lots.end = lots.room = n
            for i in range(n):
                lots.lot[i] = Lot(
                    low(data[at]), high(data[at]), low(data[at + 1]), high(data[at + 1]),
                    low(data[at + 2]), high(data[at + 2]), data[at + 3])
                at += 4
            row[HEAD + ACCOUNT * c + LOTS] = <int64_t>lots
        for i in range(self.n_vecs):
            n = data[at]
            at += 1
            if n == 0:
                continue
            v = <Vec*>malloc(sizeof(Vec) + n * sizeof(int64_t))
            if v == NULL:
                raise MemoryError
            v.n = v.room = n
            memcpy(&v.d[0], data + at, n * sizeof(int64_t))
            at += n
            row[self.vecs[i]] = <int64_t>v
            if self.vecs[i] == HOLDS:
                self.holding = True

    # -- reading -------------------------------------------------------------------------

    def head(self, uint32_t member):
        """(last_at us or None, last_seq, purchases, upgrades)."""
        if member >= self.n_members:
            raise IndexError(f"member {member} of {self.n_members}")
        cdef int64_t *row = self.row(member)
        last = None if row[LAST_AT] == INT64_MIN else row[LAST_AT]
        return last, row[LAST_SEQ], row[PURCHASES], row[UPGRADES]

    def slots(self, uint32_t member):
        """All slots of the row as ints, pointers as 0: for people and for comparing."""
        return [
            int(x) for x in np.frombuffer(self.pack(member), np.int64)[1 : 1 + self.width]
        ]

    cdef Lots *settled(self, uint32_t member, Py_ssize_t currency, int32_t day,
                       int64_t *account) except? NULL:
        """Copy an account as it stands on a day into `account`; its lots are the caller's."""
        if member >= self.n_members or not 0 <= currency < self.n_currencies:
            raise IndexError(f"member {member}, currency {currency}")
        cdef int64_t *held = self.row(member) + HEAD + ACCOUNT * currency
        cdef Lots *lots = <Lots*>held[LOTS]
        cdef Lots *copy
        cdef Py_ssize_t size
        memcpy(account, held, ACCOUNT * sizeof(int64_t))
        if lots == NULL:
            return NULL
        size = sizeof(Lots) + lots.end * sizeof(Lot)
        copy = <Lots*>malloc(size)
        if copy == NULL:
            raise MemoryError
        memcpy(copy, lots, size)
        account[LOTS] = <int64_t>copy
        settle(account, day, NULL)
        return copy

    def totals(self, uint32_t member, Py_ssize_t currency, int32_t day):
        """A currency's totals on a business day, by name, in units.

        Right for any day from that of the member's latest fact on: expiry is of the
        clock (rulebook section 5), and pending points that become active pay debt.
        """
        cdef int64_t account[ACCOUNT]
        cdef Lots *lots = self.settled(member, currency, day, account)
        cdef int64_t pending = pending_points(lots, day)
        free(lots)
        return {
            "active": account[LIVE] - pending, "pending": pending,
            "held": held_points(self.row(member), <int32_t>currency),
            "debt": account[DEBT], "issued": account[ISSUED], "expired": account[EXPIRED],
            "reversed": account[REVERSED], "redeemed": account[REDEEMED],
            "donated": account[DONATED], "forgiven": account[FORGIVEN],
            "transferred_out": account[SENT], "transferred_in": account[RECEIVED],
        }

    def sum_of(self, Py_ssize_t slot):
        """The sum of a slot over all members."""
        cdef Py_ssize_t member
        if not 0 <= slot < self.width:
            raise IndexError(f"slot {slot} of {self.width}")
        total = 0
        for member in range(self.n_members):
            total += self.row(<uint32_t>member)[slot]
        return total

    def tier(self, Rules rules, uint32_t member, int32_t day):
        """The member's tier of the layout on a business day, -1 none.

        Right from the day of the member's latest fact on.
        """
        cdef int64_t *copy
        if member >= self.n_members:
            raise IndexError(f"member {member} of {self.n_members}")
        copy = <int64_t*>malloc(self.width * sizeof(int64_t))
        if copy == NULL:
            raise MemoryError
        tier = tier_at(&rules.table, self.row(member), day, copy, self.width)
        free(copy)
        return tier

    def figures(self, Rules rules, Py_ssize_t currency, int32_t day, Py_ssize_t first=0, end=None):
        """What members `first` to `end` - 1 (default: all) have of a currency on a business day,
        and their tiers: arrays by member.

        Those of `totals` and `tier`, int64: issued, expired, active and pending in units, tier
        of the layout (-1 none), last_at (us, -2**63 before any fact) and upgrades. Right where
        no member's latest fact is after the day.
        """
        cdef int64_t account[ACCOUNT]
        cdef Py_ssize_t n = self.n_members - first if end is None else end - first, k, member
        cdef int64_t[:, ::1] out
        cdef int64_t *row
        cdef int64_t *copy
        cdef Lots *lots
        if not 0 <= first <= first + n <= self.n_members:
            raise IndexError(f"members {first} to {first + n} of {self.n_members}")
        copy = <int64_t*>malloc(self.width * sizeof(int64_t))
        if copy == NULL:
            raise MemoryError
        names = ("issued", "expired", "active", "pending", "tier", "last_at", "upgrades")
        arrays = np.zeros((len(names), n), np.int64)
        out = arrays
        try:
            for k in range(n):
                member = first + k
                row = self.row(<uint32_t>member)
                lots = self.settled(<uint32_t>member, currency, day, account)
                out[0, k] = account[ISSUED]
                out[1, k] = account[EXPIRED]
                out[3, k] = pending_points(lots, day)
                free(lots)
                out[2, k] = account[LIVE] - out[3, k]
                out[4, k] = tier_at(&rules.table, row, day, copy, self.width)
                out[5, k] = row[LAST_AT]
                out[6, k] = row[UPGRADES]
        finally:
            free(copy)
        return dict(zip(names, arrays, strict=True))

    def runs_out(self, uint32_t member):
        """The instant, us, at which the first of the member's open holds ends; None: none."""
        if member >= self.n_members:
            raise IndexError(f"member {member} of {self.n_members}")
        cdef Vec *v = <Vec*>self.row(member)[HOLDS]
        return None if v == NULL or v.n == 0 else v.d[0]

    def holds(self, uint32_t member):
        """Open holds: [(currency, end us, place of the fact, points)], first to end first."""
        if member >= self.n_members:
            raise IndexError(f"member {member} of {self.n_members}")
        cdef Vec *v = <Vec*>self.row(member)[HOLDS]
        found = {}
        for i in range(n_parts(v)):
            part = part_of(v, i)
            key = part.currency, part.end, part.source
            found[key] = found.get(key, 0) + part.lot.points
        return [(*key, points) for key, points in found.items()]

    def lots(self, uint32_t member, Py_ssize_t currency, day=None):
        """The account's lots: [(earned, active_from, good_through, points)], days.

        As they are kept, or as they stand on a business day from that of the member's
        latest fact on: those that have expired by then, or paid a debt, are none.
        """
        cdef int64_t account[ACCOUNT]
        cdef int32_t on = -2147483648 if day is None else day
        cdef Lots *lots = self.settled(member, currency, on, account)
        if lots == NULL:
            return []
        found = [
            (lots.lot[i].earned, lots.lot[i].active_from, lots.lot[i].good_through,
             lots.lot[i].points)
            for i in range(lots.head, lots.end)
        ]
        free(lots)
        return found

    def metrics(self, Rules rules, uint32_t member, int32_t rung, int32_t day):
        """The figures that a rung asks for on a business day, as listed.

        Units; None for a value that nobody has fed in. Right from the day of the member's
        latest fact on.
        """
        cdef const RuleTable *t = &rules.table
        if member >= self.n_members or not 0 <= rung < t.n_tiers:
            raise IndexError(f"member {member} of {self.n_members}, rung {rung}")
        cdef int64_t *row = self.row(member)
        found = []
        for i in range(t.asked_from[rung], t.asked_from[rung + 1]):
            have = figure(t, row, &t.asked[i], day)
            found.append(None if have == INT64_MIN else have)
        return found

    def joined(self, uint32_t member):
        """Business day of joining, -1 before any fact."""
        if member >= self.n_members:
            raise IndexError(f"member {member} of {self.n_members}")
        return self.row(member)[JOINED]

    def tier_days(self, uint32_t member):
        """Last good day of each tier of the layout, -1 where it was never met."""
        if member >= self.n_members:
            raise IndexError(f"member {member} of {self.n_members}")
        cdef int64_t *row = self.row(member) + self.tiers_at
        return [row[TIER * i + THROUGH] for i in range(self.n_tiers)]

    def vec(self, uint32_t member, Py_ssize_t slot):
        """The values of a list of the row."""
        if member >= self.n_members or not 0 <= slot < self.width:
            raise IndexError(f"member {member} of {self.n_members}")
        cdef Vec *v = <Vec*>self.row(member)[slot]
        return [] if v == NULL else [v.d[i] for i in range(v.n)]
