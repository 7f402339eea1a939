"""Facts off the wire: one decoded fact, the common JSON form of a sale read into it, columns.

`parse_sale` reads a sale in plain form: known members once each, no escapes, no voids,
integers, RFC 3339 with Z or an offset. For anything else it answers None and the strict
decoder (`engine/wire_json.py`) decides, with its exact messages; the two agree on all that
`parse_sale` takes, which a test holds. Amounts are in minor units, quantities in
thousandths, instants in microseconds UTC.
"""

from cpython.dict cimport PyDict_GetItem
from cpython.list cimport PyList_GET_ITEM
from cpython.object cimport PyObject
from cpython.unicode cimport PyUnicode_DecodeUTF8
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t
from libc.stdlib cimport free, malloc, realloc
from libc.string cimport memcmp

import numpy as np

cdef enum:
    MOST_LINES = 10000
    MOST_TENDERS = 100
    ID_BYTES = 128
    NAME_BYTES = 64

cdef int64_t MOST_AMOUNT = 10 ** 12
cdef uint32_t NOBODY = 0xFFFFFFFF    # `engine.schema.NO_MEMBER`
cdef int64_t LATEST_US = 6_300_000_000_000_000


cdef struct Item:
    int64_t quantity
    int64_t net
    int32_t line


cdef class Sale:
    """One fact of a member, right in form: names, `at` (us), lines netted of voids, tenders.

    `kind` is a code of `engine.facts.KINDS`, 0 for a sale; others have no lines, no tenders.
    `extra` is what it carries beside (`engine.columns.Extra`), None for nothing.
    """

    cdef readonly str id
    cdef readonly str member
    cdef readonly str store
    cdef readonly str terminal
    cdef readonly int64_t at
    cdef readonly uint8_t kind
    cdef readonly object extra
    cdef Item *items
    cdef readonly Py_ssize_t n_lines
    cdef list skus
    cdef list types
    cdef list amounts

    def __cinit__(self):
        self.items = NULL
        self.skus = []
        self.types = []
        self.amounts = []

    def __dealloc__(self):
        free(self.items)

    @staticmethod
    def of(str id, int64_t at, str member, str store, str terminal, list lines, list tenders,
           uint8_t kind=0, object extra=None):
        """A fact from (line, sku, quantity, net) and (type, amount) tuples."""
        cdef Sale sale = Sale.__new__(Sale)
        cdef Py_ssize_t i
        sale.id, sale.at, sale.member = id, at, member
        sale.store, sale.terminal = store, terminal
        sale.kind, sale.extra = kind, extra
        sale.items = <Item*>malloc(max(1, len(lines)) * sizeof(Item))
        if sale.items == NULL:
            raise MemoryError
        sale.n_lines = len(lines)
        for i, (line, sku, quantity, net) in enumerate(lines):
            sale.items[i] = Item(quantity, net, line)
            sale.skus.append(sku)
        sale.types = [name for name, _ in tenders]
        sale.amounts = [amount for _, amount in tenders]
        return sale

    def parts(self):
        """The arguments of `of`, values that can be sent to another process."""
        cdef Py_ssize_t i
        return (
            self.id, self.at, self.member, self.store, self.terminal,
            [(self.items[i].line, self.skus[i], self.items[i].quantity, self.items[i].net)
             for i in range(self.n_lines)],
            list(zip(self.types, self.amounts)), self.kind, self.extra,
        )

    def content(self):
        """What two facts of one id are compared by (`engine.records.Content`)."""
        cdef Py_ssize_t i
        return (
            self.kind, self.at, self.member, self.store, self.terminal,
            tuple([(self.items[i].line, self.skus[i], self.items[i].quantity,
                    self.items[i].net) for i in range(self.n_lines)]),
            tuple(zip(self.types, self.amounts)), self.extra,
        )


# -- reading ---------------------------------------------------------------------------

cdef struct Text:
    const char *at
    const char *end


cdef inline bint is_digit(char letter) noexcept nogil:
    return letter >= 48 and letter <= 57


cdef inline char look(Text *t) noexcept nogil:
    """The next character that is not white space; 0 at the end."""
    while t.at < t.end and (t.at[0] == b' ' or t.at[0] == b'\t' or t.at[0] == b'\n'
                            or t.at[0] == b'\r'):
        t.at += 1
    return t.at[0] if t.at < t.end else 0


cdef inline bint take(Text *t, char wanted) noexcept nogil:
    if look(t) != wanted:
        return False
    t.at += 1
    return True


cdef bint unseen(const Text *t) noexcept nogil:
    """Whether a letter from DEL on begins here that no name holds (`engine.facts.parts.UNSEEN`)."""
    cdef const unsigned char *at = <const unsigned char*>t.at
    if at[0] == 0x7F:
        return True
    if t.end - t.at < 3:
        # No such letter and a quote have room.
        return False
    if at[0] == 0xC2:
        return at[1] < 0xA0
    if at[0] == 0xD8:
        return at[1] == 0x9C
    if at[0] == 0xE2 and at[1] == 0x80:
        return (at[2] == 0x8B or at[2] == 0x8E or at[2] == 0x8F
                or (at[2] >= 0xA8 and at[2] <= 0xAE))
    if at[0] == 0xE2 and at[1] == 0x81:
        return at[2] >= 0xA6 and at[2] <= 0xA9
    return at[0] == 0xEF and at[1] == 0xBB and at[2] == 0xBF


cdef inline bint text(Text *t, const char **start, Py_ssize_t *size) noexcept nogil:
    """A string without escapes or control characters."""
    cdef unsigned char letter
    if not take(t, b'"'):
        return False
    start[0] = t.at
    while t.at < t.end and t.at[0] != b'"':
        letter = <unsigned char>t.at[0]
        if letter == b'\\' or letter < 0x20 or (letter >= 0x7F and unseen(t)):
            return False
        t.at += 1
    if t.at == t.end:
        return False
    size[0] = t.at - start[0]
    t.at += 1
    return True


cdef inline bint whole(Text *t, int64_t *value) noexcept nogil:
    """An integer of at most 13 digits; a fraction, an exponent or a leading 0 is not one."""
    cdef int64_t out = 0
    cdef int digits = 0
    cdef bint minus = look(t) == b'-'
    if minus:
        t.at += 1
    while t.at < t.end and is_digit(t.at[0]):
        if digits == 1 and out == 0:
            return False
        out = out * 10 + (t.at[0] - 48)
        digits += 1
        if digits > 13:
            return False
        t.at += 1
    if digits == 0 or t.at == t.end or t.at[0] == b'.' or t.at[0] == b'e' or t.at[0] == b'E':
        return False
    value[0] = -out if minus else out
    return out <= MOST_AMOUNT


cdef inline int two(const char *at) noexcept nogil:
    """Two digits, or -1."""
    if is_digit(at[0]) and is_digit(at[1]):
        return (at[0] - 48) * 10 + (at[1] - 48)
    return -1


cdef inline int64_t days_from_civil(int64_t year, int month, int day) noexcept nogil:
    """Days since 1970-01-01 of a proleptic Gregorian date from the year 1 on."""
    cdef int64_t era, of_era, of_year
    year -= month <= 2
    era = year // 400
    of_era = year - era * 400
    of_year = (153 * (month + (-3 if month > 2 else 9)) + 2) // 5 + day - 1
    return era * 146097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - 719468


cdef inline int month_days(int64_t year, int month) noexcept nogil:
    if month == 2:
        return 29 if year % 4 == 0 and (year % 100 != 0 or year % 400 == 0) else 28
    return 30 if month == 4 or month == 6 or month == 9 or month == 11 else 31


cdef bint instant(const char *s, Py_ssize_t n, int64_t *at) noexcept nogil:
    """RFC 3339 with Z or an offset and at most 6 places of a second, in range."""
    cdef int century, year, month, day, hour, minute, second, off_hour, off_minute
    cdef int64_t fraction = 0, unit = 100_000, us
    cdef Py_ssize_t i = 19
    if n < 20:
        return False
    century, year, month, day = two(s), two(s + 2), two(s + 5), two(s + 8)
    hour, minute, second = two(s + 11), two(s + 14), two(s + 17)
    if (century < 0 or year < 0 or month < 1 or month > 12 or day < 1 or hour < 0 or hour > 23
            or minute < 0 or minute > 59 or second < 0 or second > 59):
        return False
    if s[4] != b'-' or s[7] != b'-' or s[10] != b'T' or s[13] != b':' or s[16] != b':':
        return False
    year += century * 100
    if year < 1 or day > month_days(year, month):
        return False
    if s[i] == b'.':
        i += 1
        while i < n and is_digit(s[i]):
            if unit == 0:
                return False
            fraction += (s[i] - 48) * unit
            unit //= 10
            i += 1
        if s[i - 1] == b'.' or i == n:
            return False
    us = ((days_from_civil(year, month, day) * 24 + hour) * 60 + minute) * 60 + second
    if s[i] == b'Z':
        if i + 1 != n:
            return False
    elif (s[i] == b'+' or s[i] == b'-') and i + 6 == n and s[i + 3] == b':':
        off_hour, off_minute = two(s + i + 1), two(s + i + 4)
        if off_hour < 0 or off_hour > 23 or off_minute < 0 or off_minute > 59:
            return False
        us -= (off_hour * 3600 + off_minute * 60) * (1 if s[i] == b'+' else -1)
    else:
        return False
    at[0] = us * 1_000_000 + fraction
    return 0 <= at[0] <= LATEST_US


cdef inline bint named(const char *key, Py_ssize_t size, const char *name,
                       Py_ssize_t name_size) noexcept nogil:
    return size == name_size and memcmp(key, name, size) == 0


cdef bint like_card(const char *at, Py_ssize_t size) noexcept nogil:
    """Whether a name could be a bank card's number (`engine.facts.bank_cards`): Luhn's check."""
    cdef int digits = 0, total = 0, figure
    cdef Py_ssize_t i = size
    if size < 15 or not is_digit(at[0]):
        return False
    while i > 0:
        i -= 1
        if not is_digit(at[i]):
            if at[i] != b' ' and at[i] != b'-':
                return False
            continue
        figure = at[i] - 48
        if digits & 1:
            figure = 2 * figure - (9 if figure > 4 else 0)
        total += figure
        digits += 1
    return (digits == 15 or digits == 16) and total % 10 == 0


cdef str name_of(const char *start, Py_ssize_t size):
    return PyUnicode_DecodeUTF8(start, size, NULL)


cdef bint read_lines(Text *t, Sale sale) except -1:
    """The lines array; False for anything out of the plain form."""
    cdef const char *key
    cdef const char *sku
    cdef Py_ssize_t size, sku_size, room = 0
    cdef int seen
    cdef Item *moved
    cdef Item item
    if not take(t, b'['):
        return False
    while True:
        if not take(t, b'{'):
            return False
        seen = 0
        sku = NULL
        sku_size = 0
        while True:
            if not text(t, &key, &size) or not take(t, b':'):
                return False
            if named(key, size, b"sku", 3):
                if seen & 1 or not text(t, &sku, &sku_size):
                    return False
                seen |= 1
            elif named(key, size, b"quantity", 8):
                if seen & 2 or not whole(t, &item.quantity):
                    return False
                seen |= 2
            elif named(key, size, b"net", 3):
                if seen & 4 or not whole(t, &item.net):
                    return False
                seen |= 4
            else:
                return False
            if not take(t, b','):
                break
        if seen != 7 or not take(t, b'}') or item.net < 0 or item.quantity < 0:
            return False
        if not 1 <= sku_size <= NAME_BYTES or sale.n_lines == MOST_LINES:
            return False
        if sale.n_lines == room:
            room = 16 if room == 0 else 2 * room
            moved = <Item*>realloc(sale.items, room * sizeof(Item))
            if moved == NULL:
                raise MemoryError
            sale.items = moved
        item.line = sale.n_lines + 1
        sale.items[sale.n_lines] = item
        sale.n_lines += 1
        sale.skus.append(name_of(sku, sku_size))
        if not take(t, b','):
            return take(t, b']')


cdef bint read_tenders(Text *t, Sale sale) except -1:
    """The tenders array; False for anything out of the plain form."""
    cdef const char *key
    cdef const char *kind
    cdef Py_ssize_t size, kind_size
    cdef int seen
    cdef int64_t amount = 0
    if not take(t, b'['):
        return False
    if take(t, b']'):
        return True
    while True:
        if not take(t, b'{'):
            return False
        seen = 0
        kind = NULL
        kind_size = 0
        while True:
            if not text(t, &key, &size) or not take(t, b':'):
                return False
            if named(key, size, b"type", 4):
                if seen & 1 or not text(t, &kind, &kind_size) or like_card(kind, kind_size):
                    return False
                seen |= 1
            elif named(key, size, b"amount", 6):
                if seen & 2 or not whole(t, &amount):
                    return False
                seen |= 2
            else:
                return False
            if not take(t, b','):
                break
        if seen != 3 or not take(t, b'}') or not 1 <= kind_size <= NAME_BYTES:
            return False
        if len(sale.types) == MOST_TENDERS:
            return False
        sale.types.append(name_of(kind, kind_size))
        sale.amounts.append(amount)
        if not take(t, b','):
            return take(t, b']')


def parse_sale(bytes body):
    """The sale of a JSON body in plain form, or None when the strict decoder must look."""
    cdef Text t
    cdef const char *key
    cdef const char *start
    cdef Py_ssize_t size, n
    cdef Sale sale = Sale.__new__(Sale)
    cdef int seen = 0, bit
    t.at = body
    t.end = t.at + len(body)
    # A sale of nobody has no member: whether the program takes one, the writer knows.
    sale.member = sale.store = sale.terminal = ""
    try:
        if not take(&t, b'{'):
            return None
        while True:
            if not text(&t, &key, &size) or not take(&t, b':'):
                return None
            if named(key, size, b"lines", 5):
                bit = 1
                if seen & bit or not read_lines(&t, sale):
                    return None
            elif named(key, size, b"tenders", 7):
                bit = 2
                if seen & bit or not read_tenders(&t, sale):
                    return None
            else:
                if not text(&t, &start, &n):
                    return None
                if named(key, size, b"id", 2):
                    bit = 4
                    if not 1 <= n <= ID_BYTES:
                        return None
                    sale.id = name_of(start, n)
                elif named(key, size, b"kind", 4):
                    bit = 8
                    if not named(start, n, b"sale", 4):
                        return None
                elif named(key, size, b"occurred_at", 11):
                    bit = 16
                    if not instant(start, n, &sale.at):
                        return None
                elif n > NAME_BYTES:
                    return None
                elif named(key, size, b"member", 6):
                    bit = 32
                    if n == 0 or like_card(start, n):
                        return None
                    sale.member = name_of(start, n)
                elif named(key, size, b"store", 5):
                    bit = 64
                    sale.store = name_of(start, n)
                elif named(key, size, b"terminal", 8):
                    bit = 128
                    sale.terminal = name_of(start, n)
                else:
                    return None
            if seen & bit:
                return None
            seen |= bit
            if not take(&t, b','):
                break
    except UnicodeDecodeError:
        return None
    # id, kind, instant and lines are required.
    if seen & 29 != 29 or not take(&t, b'}') or look(&t) != 0 or t.at != t.end:
        return None
    return sale


# -- columns ---------------------------------------------------------------------------

cdef inline uint32_t number(object codes, dict numbers, str name) except? 0xFFFFFFFF:
    """Number of a name in a `Codes` dictionary, given now if it is new."""
    cdef PyObject *found = PyDict_GetItem(numbers, name)
    return <uint32_t><object>found if found != NULL else codes.number(name)


cdef struct Latest:
    const uint32_t *number
    const int64_t *since


cdef Latest newest(object versions):
    """The arrays of an `engine.dictionaries.Versions`; they move when it grows."""
    cdef const uint32_t[::1] latest = versions.latest
    cdef const int64_t[::1] since = versions.since
    return Latest(&latest[0], &since[0])


cdef inline uint32_t version(object versions, dict codes, Latest *known, str name,
                             int64_t at) except? 0xFFFFFFFF:
    """Number of a name's version in force at an instant; an unknown one is made."""
    cdef PyObject *found = PyDict_GetItem(codes, name)
    cdef Py_ssize_t code
    cdef uint32_t made
    if found != NULL:
        code = <Py_ssize_t><object>found
        if at >= known.since[code]:
            return known.number[code]
    # A new name, or a version before the latest one.
    made = versions.at(name, at)
    known[0] = newest(versions)
    return made


def fill(list sales, dictionaries):
    """Columns of `engine.columns.Facts` for decoded facts; dictionaries take new names.

    A fact that names nobody has member 2**32 - 1. Returns a dict by the field's name, without day
    and minute.
    """
    cdef Py_ssize_t n = len(sales), i, k, n_lines = 0, n_tenders = 0, line = 0, tender = 0
    cdef Sale sale
    cdef object products = dictionaries.products, stores = dictionaries.stores
    cdef dict skus = products.codes.numbers, places = stores.codes.numbers
    cdef Latest product_now = newest(products), store_now = newest(stores)
    cdef bint plain = True
    for i in range(n):
        sale = <Sale>PyList_GET_ITEM(sales, i)
        n_lines += sale.n_lines
        n_tenders += len(sale.types)
        plain &= sale.extra is None
    out = {
        "at": np.empty(n, np.int64), "member": np.empty(n, np.uint32),
        "store": np.empty(n, np.uint32), "terminal": np.empty(n, np.uint32),
        "lines_from": np.empty(n + 1, np.int64), "line": np.empty(n_lines, np.int32),
        "product": np.empty(n_lines, np.uint32), "quantity": np.empty(n_lines, np.int64),
        "net": np.empty(n_lines, np.int64), "tenders_from": np.empty(n + 1, np.int64),
        "tender": np.empty(n_tenders, np.uint32), "amount": np.empty(n_tenders, np.int64),
        "kind": np.empty(n, np.uint8),
    }
    cdef int64_t[::1] at = out["at"], lines_from = out["lines_from"], net = out["net"]
    cdef int64_t[::1] quantity = out["quantity"], tenders_from = out["tenders_from"]
    cdef int64_t[::1] amount = out["amount"]
    cdef uint32_t[::1] member = out["member"], store = out["store"], product = out["product"]
    cdef uint32_t[::1] terminal = out["terminal"], type_ = out["tender"]
    cdef int32_t[::1] place = out["line"]
    cdef uint8_t[::1] kind = out["kind"]
    for i in range(n):
        sale = <Sale>PyList_GET_ITEM(sales, i)
        at[i] = sale.at
        kind[i] = sale.kind
        member[i] = NOBODY if not sale.member else number(
            dictionaries.members, dictionaries.members.numbers, sale.member)
        store[i] = version(stores, places, &store_now, sale.store, sale.at)
        terminal[i] = number(dictionaries.terminals, dictionaries.terminals.numbers, sale.terminal)
        lines_from[i] = line
        tenders_from[i] = tender
        for k in range(sale.n_lines):
            quantity[line] = sale.items[k].quantity
            net[line] = sale.items[k].net
            place[line] = sale.items[k].line
            product[line] = version(
                products, skus, &product_now, <str>PyList_GET_ITEM(sale.skus, k), sale.at)
            line += 1
        for k in range(len(sale.types)):
            type_[tender] = number(
                dictionaries.tenders, dictionaries.tenders.numbers, sale.types[k])
            amount[tender] = sale.amounts[k]
            tender += 1
    lines_from[n] = line
    tenders_from[n] = tender
    if not plain:
        out["extras"] = [(<Sale>sale).extra for sale in sales]
    return out
