"""Rows of the journal as one Arrow array of structs, handed over by Arrow's C data interface.

A batch of rows is some forty arrays, one in the other: to make each of them from Python is a
third of the price of a small commit.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from cpython.ref cimport Py_DECREF, Py_INCREF
from cpython.unicode cimport PyUnicode_AsUTF8AndSize
from libc.stdint cimport int32_t, int64_t, uintptr_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy

import numpy as np

cimport numpy as cnp

cnp.import_array()

cdef enum:
    BUFFERS = 3               # at most, of one array
    MOST = 0x7FFFFFFF         # where a list may end: its bounds are int32

cdef struct ArrowArray:
    # As https://arrow.apache.org/docs/format/CDataInterface.html has it.
    int64_t length
    int64_t null_count
    int64_t offset
    int64_t n_buffers
    int64_t n_children
    const void **buffers
    ArrowArray **children
    ArrowArray *dictionary
    void (*release)(ArrowArray *) noexcept
    void *private_data


cdef void let_go(ArrowArray *array) noexcept with gil:
    """The importer is done with all of it."""
    cdef void *owner = array.private_data
    array.release = NULL
    Py_DECREF(<object>owner)


cdef void let_child_go(ArrowArray *array) noexcept:
    """It goes with its parent."""
    array.release = NULL


cdef class Rows:
    """n rows whose columns are told by `shape`, and their `values`.

    In the shape are, column by column, the bytes of a number, 0 for texts, and -k for lists of k
    numbers, whose bytes follow. The values are, in the same order, an array of n numbers; for
    texts (offset, address of the validity bits or 0, address of the int32 bounds, address of the
    bytes, what owns them); for lists their starts (int64[n + 1], from 0), then each number of all
    items. Raises TypeError or ValueError for values of another form.
    """

    cdef ArrowArray *nodes
    cdef ArrowArray **links
    cdef const void **buffers
    cdef Py_ssize_t used
    cdef list held

    def __cinit__(self, tuple shape, Py_ssize_t n, list values):
        cdef Py_ssize_t k = 0, top = 0, room, fields, items
        cdef ArrowArray *root
        cdef ArrowArray *column
        cdef int64_t code
        # A list is two arrays: itself and the structs in it.
        room = 2 * len(shape) + 1
        self.held = [values]
        self.nodes = <ArrowArray*>calloc(room, sizeof(ArrowArray))
        self.links = <ArrowArray**>calloc(room, sizeof(void*))
        self.buffers = <const void**>calloc(BUFFERS * room, sizeof(void*))
        if self.nodes == NULL or self.links == NULL or self.buffers == NULL:
            raise MemoryError
        if len(values) != len(shape):
            raise ValueError(f"{len(values)} values for {len(shape)} columns")
        # Where the columns are linked: those of structs inside come after them.
        root = self.node(n, 1)
        root.children = self.links
        while k < len(shape):
            code = shape[k]
            k += 1 - code if code < 0 else 1
            top += 1
        root.n_children = top
        fields, top, k = top, 0, 0
        while k < len(shape):
            code = shape[k]
            if code > 0:
                column = self.numbers(values[k], code, n)
            elif code == 0:
                column = self.texts(values[k], n)
            else:
                column, items = self.list_of(values[k], n), values[k][n]
                column.n_children = 1
                column.children = self.links + fields
                fields += 1
                column.children[0] = self.structs(shape, values, k + 1, -code, items,
                                                  self.links + fields)
                fields += -code
            root.children[top] = column
            top += 1
            k += 1 - code if code < 0 else 1

    def __dealloc__(self):
        free(self.nodes)
        free(self.links)
        free(self.buffers)

    cdef ArrowArray *node(self, Py_ssize_t length, int n_buffers) noexcept:
        cdef ArrowArray *made = self.nodes + self.used
        made.length = length
        made.n_buffers = n_buffers
        made.buffers = self.buffers + BUFFERS * self.used
        made.release = let_child_go
        self.used += 1
        return made

    cdef ArrowArray *numbers(self, object array, int64_t width, Py_ssize_t n) except NULL:
        cdef ArrowArray *made
        if not isinstance(array, np.ndarray) or not cnp.PyArray_IS_C_CONTIGUOUS(<cnp.ndarray>array):
            raise TypeError("expected a contiguous column")
        if cnp.PyArray_SIZE(<cnp.ndarray>array) != n:
            raise ValueError(f"expected {n} numbers, got {array.size}")
        if n and cnp.PyArray_ITEMSIZE(<cnp.ndarray>array) != width:
            raise TypeError(f"expected numbers of {width} bytes, got {array.dtype}")
        made = self.node(n, 2)
        made.buffers[1] = cnp.PyArray_DATA(<cnp.ndarray>array)
        return made

    cdef ArrowArray *texts(self, tuple value, Py_ssize_t n) except NULL:
        cdef ArrowArray *made = self.node(n, 3)
        cdef Py_ssize_t k
        made.offset = value[0]
        for k in range(BUFFERS):
            made.buffers[k] = <const void*><uintptr_t>value[1 + k]
        made.null_count = -1 if made.buffers[0] != NULL else 0
        return made

    cdef ArrowArray *list_of(self, object starts, Py_ssize_t n) except NULL:
        cdef const int64_t[::1] given = starts
        cdef ArrowArray *made = self.node(n, 2)
        cdef int32_t[::1] bounds
        cdef Py_ssize_t k
        if given.shape[0] != n + 1 or given[0] != 0:
            raise ValueError(f"expected {n + 1} starts from 0")
        if given[n] > MOST:
            raise ValueError(f"{given[n]} items are more than one record holds")
        short = np.empty(n + 1, np.int32)
        bounds = short
        for k in range(n + 1):
            bounds[k] = <int32_t>given[k]
        self.held.append(short)
        made.buffers[1] = &bounds[0]
        return made

    cdef ArrowArray *structs(
        self, tuple shape, list values, Py_ssize_t first, Py_ssize_t k, Py_ssize_t items,
        ArrowArray **links
    ) except NULL:
        cdef ArrowArray *made = self.node(items, 1)
        cdef Py_ssize_t i
        made.n_children = k
        made.children = links
        for i in range(k):
            links[i] = self.numbers(values[first + i], shape[first + i], items)
        return made

    def export(self):
        """Where the array is, for an importer that takes it once: it owns it from then on."""
        if self.nodes.private_data != NULL:
            raise ValueError("it was exported before")
        Py_INCREF(self)
        self.nodes.private_data = <void*>self
        self.nodes.release = let_go
        return <uintptr_t>self.nodes


def string_buffers(list texts):
    """(bounds, bytes) of n strings: int32[n + 1] and UTF-8, as Arrow has them."""
    cdef Py_ssize_t n = len(texts), k, size, upto = 0
    cdef bytes bounds = PyBytes_FromStringAndSize(NULL, (n + 1) * sizeof(int32_t))
    cdef int32_t *ends = <int32_t*>PyBytes_AS_STRING(bounds)
    cdef const char *text
    ends[0] = 0
    for k in range(n):
        PyUnicode_AsUTF8AndSize(texts[k], &size)
        upto += size
        if upto > MOST:
            raise OverflowError("more than 2 GiB of strings")
        ends[k + 1] = <int32_t>upto
    cdef bytes whole = PyBytes_FromStringAndSize(NULL, upto)
    cdef char *out = PyBytes_AS_STRING(whole)
    for k in range(n):
        text = PyUnicode_AsUTF8AndSize(texts[k], &size)
        memcpy(out + ends[k], text, size)
    return bounds, whole
