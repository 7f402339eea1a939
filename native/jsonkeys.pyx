"""Duplicate members of JSON objects, which every parser takes in silence (the last wins), and
how many objects a text has, before a parser makes them.

A scan of bytes that a strict parser has accepted: strings, braces and colons are known to
be well-formed, so only their places are read. Keys are compared as written; no field name
needs an escape, so a key that has one is beyond bounds.
"""

from libc.string cimport memcmp

cdef enum:
    MOST_DEPTH = 16
    MOST_KEYS = 128


cdef struct Level:
    const unsigned char *key[MOST_KEYS]
    Py_ssize_t length[MOST_KEYS]
    int n
    int is_object
    int wants_key


cdef Py_ssize_t scan(const unsigned char *text, Py_ssize_t size,
                     Py_ssize_t *length) noexcept nogil:
    """Place of the first duplicate key, -1 for none, -2 for what is beyond bounds."""
    cdef Level stack[MOST_DEPTH]
    cdef int depth = -1, k
    cdef Py_ssize_t i = 0, start
    cdef bint escaped
    cdef unsigned char c
    while i < size:
        c = text[i]
        if c == b'"':
            start = i + 1
            i += 1
            escaped = False
            while i < size and text[i] != b'"':
                escaped |= text[i] == b'\\'
                i += 2 if text[i] == b'\\' else 1
            if depth >= 0 and stack[depth].is_object and stack[depth].wants_key:
                if escaped:
                    return -2
                stack[depth].wants_key = 0
                for k in range(stack[depth].n):
                    if (stack[depth].length[k] == i - start
                            and memcmp(stack[depth].key[k], text + start, i - start) == 0):
                        length[0] = i - start
                        return start
                if stack[depth].n == MOST_KEYS:
                    return -2
                stack[depth].key[stack[depth].n] = text + start
                stack[depth].length[stack[depth].n] = i - start
                stack[depth].n += 1
        elif c == b'{' or c == b'[':
            depth += 1
            if depth == MOST_DEPTH:
                return -2
            stack[depth].n = 0
            stack[depth].is_object = stack[depth].wants_key = c == b'{'
        elif c == b'}' or c == b']':
            depth -= 1
            if depth < -1:
                return -2
        elif c == b',':
            if depth >= 0:
                stack[depth].wants_key = stack[depth].is_object
        i += 1
    return -1


def duplicate_key(bytes text):
    """The first key that stands twice in one object, as bytes; None when there is none.

    Raises ValueError for more than 16 levels, 128 members of one object, or an escaped key.
    """
    cdef Py_ssize_t length = 0, at
    cdef const unsigned char *data = text
    cdef Py_ssize_t size = len(text)
    with nogil:
        at = scan(data, size, &length)
    if at == -2:
        raise ValueError("nested too deeply, too many members, or an escape in a member's name")
    return None if at == -1 else text[at:at + length]


cdef Py_ssize_t objects(const unsigned char *text, Py_ssize_t size) noexcept nogil:
    """How many objects begin; text that is no JSON is read as well as can be."""
    cdef Py_ssize_t i = 0, n = 0
    while i < size:
        if text[i] == b'"':
            i += 1
            while i < size and text[i] != b'"':
                i += 2 if text[i] == b'\\' else 1
        elif text[i] == b'{':
            n += 1
        i += 1
    return n


def count_objects(bytes text):
    """How many objects a JSON text has, as an int; of other text some figure."""
    cdef const unsigned char *data = text
    cdef Py_ssize_t size = len(text), n
    with nogil:
        n = objects(data, size)
    return n
