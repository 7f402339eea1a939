"""Where a message of Arrow keeps its buffers: the metadata before a record batch, read in place.

The form is that of https://arrow.apache.org/docs/format/Columnar.html: a marker, the length of the
metadata (a flatbuffer), the metadata, the body. A table of a flatbuffer begins with how far back
its list of fields is; the list tells its own length, the table's, and where each field stands.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t
from libc.string cimport memcpy

cdef enum:
    HEADER_TYPE = 1        # fields of a message
    HEADER = 2
    RECORD_BATCH = 3       # a type of header
    LENGTH = 0             # fields of a record batch
    NODES = 1
    BUFFERS = 2
    COMPRESSION = 3

cdef struct Entry:
    # A node: how many values, how many of them null. A buffer: where in the body, how many bytes.
    int64_t first
    int64_t second

cdef struct Message:
    const char *body
    int64_t size           # of the body, bytes
    int64_t rows
    const char *nodes
    const char *buffers
    int64_t n_nodes
    int64_t n_buffers


cdef inline int64_t field_at(const char *data, int64_t size, int64_t table, int32_t field,
                             int64_t wide) noexcept nogil:
    """Where a table's field of so many bytes stands; 0 if it has none inside the metadata."""
    cdef int32_t back
    cdef uint16_t length, at
    cdef int64_t fields
    if table < 0 or table + 4 > size:
        return 0
    memcpy(&back, data + table, 4)
    fields = table - back
    if fields < 0 or fields + 4 > size:
        return 0
    memcpy(&length, data + fields, 2)
    if 4 + 2 * (field + 1) > length or fields + length > size:
        return 0
    memcpy(&at, data + fields + 4 + 2 * field, 2)
    return table + at if at and table + at + wide <= size else 0


cdef inline int64_t target_of(const char *data, int64_t at) noexcept nogil:
    """Where what a place refers to stands; 0 of no place."""
    cdef uint32_t far
    if at == 0:
        return 0
    memcpy(&far, data + at, 4)
    return at + far


cdef inline int64_t entries_at(const char *data, int64_t size, int64_t table, int32_t field,
                               const char **entries) noexcept nogil:
    """How many nodes or buffers a batch has; -1 where they are not inside the metadata."""
    cdef int64_t at = target_of(data, field_at(data, size, table, field, 4))
    cdef uint32_t n
    if at == 0 or at + 4 > size:
        return -1
    memcpy(&n, data + at, 4)
    entries[0] = data + at + 4
    return n if at + 4 + <int64_t>n * <int64_t>sizeof(Entry) <= size else -1


cdef inline bint read_message(const char *data, int64_t size, Message *out) noexcept nogil:
    """Read where an uncompressed record batch has what; False for anything else."""
    cdef int32_t marker
    cdef uint32_t length, first
    cdef uint8_t kind
    cdef int64_t message, batch, at
    if size < 12:
        return False
    memcpy(&marker, data, 4)
    memcpy(&length, data + 4, 4)
    if marker != -1 or length > size - 8:
        return False
    data += 8
    out.body, out.size = data + length, size - 8 - length
    if length < 4:
        return False
    # What stands first refers to the message, from the first byte on.
    memcpy(&first, data, 4)
    message = first
    at = field_at(data, length, message, HEADER_TYPE, 1)
    if at == 0:
        return False
    memcpy(&kind, data + at, 1)
    batch = target_of(data, field_at(data, length, message, HEADER, 4))
    if kind != RECORD_BATCH or batch == 0 or field_at(data, length, batch, COMPRESSION, 4):
        return False
    at = field_at(data, length, batch, LENGTH, 8)
    if at == 0:
        return False
    memcpy(&out.rows, data + at, 8)
    out.n_nodes = entries_at(data, length, batch, NODES, &out.nodes)
    out.n_buffers = entries_at(data, length, batch, BUFFERS, &out.buffers)
    return out.rows >= 0 and out.n_nodes >= 0 and out.n_buffers >= 0
