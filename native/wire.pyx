"""Facts off the wire: one decoded fact, the common JSON form of a sale read into it, columns.

`parse_sale` reads a sale in plain form: known members once each, no escapes, no voids,
integers, RFC 3339 with Z or an offset. For anything else it answers None and the strict
decoder (`engine/wire/json_facts.py`) decides, with its exact messages; the two agree on all that
`parse_sale` takes, which a test holds. Amounts are in minor units, quantities in
thousandths, instants in microseconds UTC.
"""

from cpython.dict cimport PyDict_GetItem
from cpython.list cimport PyList_GET_ITEM
from cpython.object cimport PyObject
from cpython.unicode cimport PyUnicode_DecodeUTF8
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t
from libc.stdlib cimport free, malloc, realloc

import numpy as np

from .arith cimport prefetch
from .json_text cimport MOST_LINES, MOST_TENDERS, Text, take
from .plain_sale cimport (
    HAS_LINES,
    HAS_TENDERS,
    ID,
    MEMBER,
    STORE,
    TERMINAL,
    Head,
    Line,
    Tender,
    begin_head,
    head_ends,
    next_member,
    read_line,
    read_tender,
)

cdef enum:
    AHEAD = 8

cdef uint32_t NOBODY = 0xFFFFFFFF    # `engine.columns.schema.NO_MEMBER`


cdef struct Item:
    int64_t quantity
    int64_t net
    int32_t line


cdef class Sale:
    """One fact of a member, right in form: names, `at` (us), lines netted of voids, tenders.

    `kind` is a code of `engine.facts.KINDS`, 0 for a sale; others have no lines, no tenders.
    `extra` is what it carries beside (`engine.columns.columns.Extra`), None for nothing.
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
        """What two facts of one id are compared by (`engine.columns.records.Content`)."""
        cdef Py_ssize_t i
        return (
            self.kind, self.at, self.member, self.store, self.terminal,
            tuple([(self.items[i].line, self.skus[i], self.items[i].quantity,
                    self.items[i].net) for i in range(self.n_lines)]),
            tuple(zip(self.types, self.amounts)), self.extra,
        )


# -- reading ---------------------------------------------------------------------------

cdef str name_of(const char *start, Py_ssize_t size):
    return PyUnicode_DecodeUTF8(start, size, NULL)


cdef bint read_lines(Text *t, Sale sale) except -1:
    """The lines array; False for anything out of the plain form."""
    cdef Py_ssize_t room = 0
    cdef Item *moved
    cdef Line line
    if not take(t, b'['):
        return False
    while True:
        if not read_line(t, &line) or sale.n_lines == MOST_LINES:
            return False
        if sale.n_lines == room:
            room = 16 if room == 0 else 2 * room
            moved = <Item*>realloc(sale.items, room * sizeof(Item))
            if moved == NULL:
                raise MemoryError
            sale.items = moved
        sale.items[sale.n_lines] = Item(line.quantity, line.net, <int32_t>(sale.n_lines + 1))
        sale.n_lines += 1
        sale.skus.append(name_of(line.sku, line.size))
        if not take(t, b','):
            return take(t, b']')


cdef bint read_tenders(Text *t, Sale sale) except -1:
    """The tenders array; False for anything out of the plain form."""
    cdef Tender tender
    if not take(t, b'['):
        return False
    if take(t, b']'):
        return True
    while True:
        if not read_tender(t, &tender) or len(sale.types) == MOST_TENDERS:
            return False
        sale.types.append(name_of(tender.kind, tender.size))
        sale.amounts.append(tender.amount)
        if not take(t, b','):
            return take(t, b']')


cdef bint read_sale(Text *t, Sale sale) except -1:
    """A whole sale; False for anything out of the plain form."""
    cdef Head head
    cdef int bit
    begin_head(&head, t.at)
    if not take(t, b'{'):
        return False
    while True:
        bit = next_member(t, &head)
        if bit == 0 or bit == HAS_LINES and not read_lines(t, sale):
            return False
        if bit == HAS_TENDERS and not read_tenders(t, sale):
            return False
        if not take(t, b','):
            break
    if not head_ends(t, &head):
        return False
    sale.at = head.at
    sale.id = name_of(head.names[ID], head.sizes[ID])
    # A sale of nobody has no member: whether the program takes one, the writer knows.
    sale.member = name_of(head.names[MEMBER], head.sizes[MEMBER])
    sale.store = name_of(head.names[STORE], head.sizes[STORE])
    sale.terminal = name_of(head.names[TERMINAL], head.sizes[TERMINAL])
    return True


def parse_sale(bytes body):
    """The sale of a JSON body in plain form, or None when the strict decoder must look."""
    cdef Text t
    cdef Sale sale = Sale.__new__(Sale)
    t.at = body
    t.end = t.at + len(body)
    try:
        return sale if read_sale(&t, sale) else None
    except UnicodeDecodeError:
        return None


# -- columns ---------------------------------------------------------------------------

cdef inline uint32_t number(object codes, dict numbers, str name) except? 0xFFFFFFFF:
    """Number of a name in a `Codes` dictionary, given now if it is new."""
    cdef PyObject *found = PyDict_GetItem(numbers, name)
    return <uint32_t><object>found if found != NULL else codes.number(name)


cdef struct Latest:
    const uint32_t *number
    const int64_t *since


cdef Latest newest(object versions):
    """The arrays of an `engine.columns.dictionaries.Versions`; they move when it grows."""
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


cdef int name_products(object products, list skus, const int64_t[::1] at,
                       const int64_t[::1] lines_from, uint32_t[::1] product) except -1:
    """Numbers of the versions in force of all lines' goods; unknown ones are made.

    A chain sells more goods than a cache holds: what a line needs is asked for some lines ahead.
    """
    cdef const int64_t[::1] found = products.codes.find_strings(skus)
    cdef Latest now = newest(products)
    cdef Py_ssize_t n = len(skus), i, line
    i = 0
    for line in range(n):
        if line + AHEAD < n and found[line + AHEAD] >= 0:
            prefetch(&now.since[found[line + AHEAD]])
            prefetch(&now.number[found[line + AHEAD]])
        while line >= lines_from[i + 1]:
            i += 1
        if found[line] >= 0 and at[i] >= now.since[found[line]]:
            product[line] = now.number[found[line]]
            continue
        # A new name, or a version before the latest one.
        product[line] = products.at(<str>PyList_GET_ITEM(skus, line), at[i])
        now = newest(products)
    return 0


def fill(list sales, dictionaries):
    """Columns of `engine.columns.columns.Facts` for decoded facts; dictionaries take new names.

    A fact that names nobody has member 2**32 - 1. Returns a dict by the field's name, without day
    and minute.
    """
    cdef Py_ssize_t n = len(sales), i, k, n_lines = 0, n_tenders = 0, line = 0, tender = 0
    cdef Sale sale
    cdef object products = dictionaries.products, stores = dictionaries.stores
    cdef dict places = stores.codes.numbers
    cdef Latest store_now = newest(stores)
    cdef list skus = []
    cdef bint plain = True
    for i in range(n):
        sale = <Sale>PyList_GET_ITEM(sales, i)
        n_lines += sale.n_lines
        n_tenders += len(sale.types)
        skus += sale.skus
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
            line += 1
        for k in range(len(sale.types)):
            type_[tender] = number(
                dictionaries.tenders, dictionaries.tenders.numbers, sale.types[k])
            amount[tender] = sale.amounts[k]
            tender += 1
    lines_from[n] = line
    tenders_from[n] = tender
    name_products(products, skus, at, lines_from, product)
    if not plain:
        out["extras"] = [(<Sale>sale).extra for sale in sales]
    return out
