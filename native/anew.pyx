"""What folding a member anew does with columns: puts them together, compares two folds.

A member's history is a hundred rows: each call of numpy on them costs more than its work.
"""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t
from libc.string cimport memcpy

cimport numpy as cnp

cnp.import_array()


def joined(list columns):
    """Columns put together: of each the parts (one or more arrays of one dtype, one after the
    other), copied to one array. Raises TypeError for parts of several dtypes."""
    cdef list copies = []
    cdef tuple parts
    cdef cnp.npy_intp size
    cdef Py_ssize_t bytes_
    cdef char *target
    for parts in columns:
        size = 0
        first = parts[0]
        for part in parts:
            check(part, cnp.PyArray_TYPE(<cnp.ndarray?>first))
            size += cnp.PyArray_SIZE(<cnp.ndarray>part)
        copy = cnp.PyArray_EMPTY(1, &size, cnp.PyArray_TYPE(<cnp.ndarray>first), 0)
        target = cnp.PyArray_BYTES(<cnp.ndarray>copy)
        for part in parts:
            bytes_ = cnp.PyArray_NBYTES(<cnp.ndarray>part)
            memcpy(target, cnp.PyArray_BYTES(<cnp.ndarray>part), bytes_)
            target += bytes_
        copies.append(copy)
    return copies


def joined_starts(tuple parts):
    """Where the lists of each row begin (int64[n + 1], one array or more) when their items are
    put together: from 0."""
    cdef cnp.npy_intp size = 1
    cdef int64_t base = 0
    cdef Py_ssize_t i, n
    cdef const int64_t *starts
    cdef int64_t *target
    for part in parts:
        check(part, cnp.NPY_INT64)
        if cnp.PyArray_SIZE(<cnp.ndarray>part) < 1:
            raise ValueError("starts of n rows are n + 1")
        size += cnp.PyArray_SIZE(<cnp.ndarray>part) - 1
    copy = cnp.PyArray_EMPTY(1, &size, cnp.NPY_INT64, 0)
    target = <int64_t*>cnp.PyArray_DATA(<cnp.ndarray>copy)
    target[0] = 0
    for part in parts:
        starts = <const int64_t*>cnp.PyArray_DATA(<cnp.ndarray>part)
        n = cnp.PyArray_SIZE(<cnp.ndarray>part) - 1
        for i in range(n):
            target[i + 1] = base + starts[i + 1] - starts[0]
        base += starts[n] - starts[0]
        target += n
    return copy


cdef int check(object array, int kind) except -1:
    if not cnp.PyArray_Check(array) or not cnp.PyArray_ISCARRAY_RO(<cnp.ndarray>array):
        raise TypeError("expected a contiguous array")
    if not cnp.PyArray_EquivTypenums(cnp.PyArray_TYPE(<cnp.ndarray>array), kind):
        raise TypeError(f"expected {cnp.PyArray_DescrFromType(kind)}, got {array.dtype}")
    return 0


cdef struct Posted:
    # Columns of postings, as `vafa.native.fold.fold` gives them.
    Py_ssize_t n
    const uint32_t *row
    const uint16_t *rule
    const uint8_t *kind
    const uint8_t *currency
    const int64_t *desired
    const int64_t *points


cdef void *column(dict figures, str name, int kind, Py_ssize_t n) except? NULL:
    array = figures[name]
    check(array, kind)
    if cnp.PyArray_SIZE(<cnp.ndarray>array) != n:
        raise ValueError(f"{name}: expected {n} entries, got {array.size}")
    return cnp.PyArray_DATA(<cnp.ndarray>array)


cdef int point(Posted *p, dict figures, str row, str prefix) except -1:
    p.n = len(figures[row])
    p.row = <const uint32_t*>column(figures, row, cnp.NPY_UINT32, p.n)
    p.rule = <const uint16_t*>column(figures, prefix + "rule", cnp.NPY_UINT16, p.n)
    p.kind = <const uint8_t*>column(figures, prefix + "kind", cnp.NPY_UINT8, p.n)
    p.currency = <const uint8_t*>column(figures, prefix + "currency", cnp.NPY_UINT8, p.n)
    p.desired = <const int64_t*>column(figures, prefix + "desired", cnp.NPY_INT64, p.n)
    p.points = <const int64_t*>column(figures, prefix + "points", cnp.NPY_INT64, p.n)
    return 0


cdef Py_ssize_t next_old(const Posted *p, Py_ssize_t i, uint32_t old) noexcept nogil:
    """The first posting from place i on that is of a row below `old`."""
    while i < p.n and p.row[i] >= old:
        i += 1
    return i


cdef bint has_figure(uint8_t kind, const uint8_t *figured, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        if figured[i] == kind:
            return True
    return False


cdef bint alike(const Posted *one, const Posted *other, uint32_t old, const uint8_t *figured,
                Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i = next_old(one, 0, old), k = next_old(other, 0, old)
    while i < one.n and k < other.n:
        if (one.row[i] != other.row[k] or one.rule[i] != other.rule[k]
                or one.kind[i] != other.kind[k] or one.currency[i] != other.currency[k]
                or one.points[i] != other.points[k]
                or (one.desired[i] != other.desired[k] and has_figure(one.kind[i], figured, n))):
            return False
        i, k = next_old(one, i + 1, old), next_old(other, k + 1, old)
    return i == one.n and k == other.n


def posts_alike(dict one, dict other, uint32_t old, bytes figured):
    """Whether two folds (see `vafa.native.fold.fold`) post the same, line by line, to rows below
    `old` and to closed days; `figured` are the kinds whose figure is `desired`. It says no where
    only the order differs.
    """
    cdef Posted mine, theirs
    cdef const uint8_t *kinds = <const uint8_t*><const char*>figured
    point(&mine, one, "basket", "")
    point(&theirs, other, "basket", "")
    if not alike(&mine, &theirs, old, kinds, len(figured)):
        return False
    point(&mine, one, "closed_index", "closed_")
    point(&theirs, other, "closed_index", "closed_")
    return alike(&mine, &theirs, 0xFFFFFFFF, kinds, 0)
