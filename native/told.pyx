"""Answers to sales as JSON lines, from what a batch came to: no object is made an answer."""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from libc.stdint cimport int8_t, int32_t, int64_t, uint8_t, uint16_t
from libc.stdlib cimport free, malloc
from libc.string cimport memset

import numpy as np

from .buffers cimport Bytes, let_go, make_room, put, put_figure

cdef enum:
    AROUND = 256              # bytes of an answer, or of a posting, beside its names

cdef struct Word:
    const char *at
    Py_ssize_t size


cdef Word *words_of(list names) except NULL:
    """The bytes of names, which the list must outlive."""
    cdef Py_ssize_t k
    cdef Word *words = <Word*>malloc(max(1, len(names)) * sizeof(Word))
    if words == NULL:
        raise MemoryError
    for k in range(len(names)):
        words[k].at = PyBytes_AS_STRING(names[k])
        words[k].size = PyBytes_GET_SIZE(names[k])
    return words


cdef inline int put_word(Bytes *b, const Word *word) except -1 nogil:
    return put(b, word.at, word.size)


cdef inline bint is_plain(const char *text, Py_ssize_t size) noexcept nogil:
    """Whether a text in UTF-8 needs no escape in JSON."""
    cdef Py_ssize_t k
    for k in range(size):
        if <uint8_t>text[k] < 32 or text[k] == b'"' or text[k] == b'\\':
            return False
    return True


def answer_lines(
    const uint8_t[::1] written, numbers, const int32_t[::1] id_bounds,
    const uint8_t[::1] id_text, int64_t first, const int64_t[::1] posted_from,
    const uint16_t[::1] rule, const uint8_t[::1] kind, const uint8_t[::1] currency,
    const int64_t[::1] points, const int64_t[::1] desired, const uint8_t[::1] limit, corrects,
    const uint8_t[::1] shown,
    const int64_t[::1] active, const int64_t[::1] pending, const int64_t[::1] held,
    const int64_t[::1] debt, const int8_t[::1] tier, list rules, list kinds,
    list currencies, list limits, list corrected, list tiers,
):
    """(text, bounds): a line for each answer that is to be `written`, in the order of the batch.

    Those are accepted; one whose id needs an escape in JSON is left out. `bounds` (int64[n + 1])
    delimit the lines of all facts in the text. `numbers` (int64[n]) are the facts' own lines; with
    None the answers are told without, and without a line feed. `first` is the seq of the first.
    Of the postings those that are `shown` are told.
    `corrects` (int64) is the place of a fact's name in `corrected` for each posting, -1 for none;
    None for none at all. Balances are int64[n x currencies]. All names are JSON as bytes; those of
    no rule and of no tier come last.
    """
    cdef Py_ssize_t n = written.shape[0], row, p, c, n_currencies = active.shape[0] // max(n, 1)
    cdef Py_ssize_t n_rules = len(rules), n_tiers = len(tiers), told
    cdef const int64_t[::1] lines
    cdef const int64_t[::1] named
    cdef bint numbered = numbers is not None, corrections = corrects is not None
    if numbered:
        lines = numbers
    if corrections:
        named = corrects
    cdef Bytes out
    cdef Word *rule_words = NULL
    cdef Word *kind_words = NULL
    cdef Word *currency_words = NULL
    cdef Word *limit_words = NULL
    cdef Word *fact_words = NULL
    cdef Word *tier_words = NULL
    cdef const char *ids = <const char*>&id_text[0] if id_text.shape[0] else NULL
    bounds = np.empty(n + 1, np.int64)
    cdef int64_t[::1] ends = bounds
    ends[0] = 0
    memset(&out, 0, sizeof(out))
    try:
        rule_words, kind_words = words_of(rules), words_of(kinds)
        currency_words, limit_words = words_of(currencies), words_of(limits)
        fact_words, tier_words = words_of(corrected), words_of(tiers)
        with nogil:
            make_room(&out, AROUND * (n + rule.shape[0]))
            for row in range(n):
                if not written[row] or not is_plain(
                    ids + id_bounds[row], id_bounds[row + 1] - id_bounds[row]
                ):
                    ends[row + 1] = out.used
                    continue
                if numbered:
                    put(&out, b'{"line":', 8)
                    put_figure(&out, lines[row])
                    put(&out, b',', 1)
                else:
                    put(&out, b'{', 1)
                put(&out, b'"id":"', 6)
                put(&out, ids + id_bounds[row], id_bounds[row + 1] - id_bounds[row])
                put(&out, b'","seq":', 8)
                put_figure(&out, first + row)
                put(&out, b',"status":"ok","postings":[', 27)
                told = 0
                for p in range(posted_from[row], posted_from[row + 1]):
                    if not shown[p]:
                        continue
                    if told:
                        put(&out, b',', 1)
                    told += 1
                    put(&out, b'{"rule":', 8)
                    put_word(&out, &rule_words[min(<Py_ssize_t>rule[p], n_rules - 1)])
                    put(&out, b',"kind":', 8)
                    put_word(&out, &kind_words[kind[p]])
                    put(&out, b',"currency":', 12)
                    put_word(&out, &currency_words[currency[p]])
                    put(&out, b',"points":', 10)
                    put_figure(&out, points[p])
                    if limit[p]:
                        put(&out, b',"desired":', 11)
                        put_figure(&out, desired[p])
                        put(&out, b',"limit":', 9)
                        put_word(&out, &limit_words[limit[p]])
                    if corrections and named[p] >= 0:
                        put(&out, b',"corrects":', 12)
                        put_word(&out, &fact_words[named[p]])
                    put(&out, b'}', 1)
                put(&out, b'],"balances":{', 14)
                for c in range(n_currencies):
                    if c:
                        put(&out, b',', 1)
                    put_word(&out, &currency_words[c])
                    put(&out, b':{"active":', 11)
                    put_figure(&out, active[row * n_currencies + c])
                    put(&out, b',"pending":', 11)
                    put_figure(&out, pending[row * n_currencies + c])
                    put(&out, b',"held":', 8)
                    put_figure(&out, held[row * n_currencies + c])
                    put(&out, b',"debt":', 8)
                    put_figure(&out, debt[row * n_currencies + c])
                    put(&out, b'}', 1)
                put(&out, b'},"tier":', 9)
                put_word(&out, &tier_words[tier[row] if tier[row] >= 0 else tier[row] + n_tiers])
                put(&out, b'}', 1)
                if numbered:
                    put(&out, b'\n', 1)
                ends[row + 1] = out.used
        return (out.at[:out.used] if out.used else b""), bounds
    finally:
        free(rule_words)
        free(kind_words)
        free(currency_words)
        free(limit_words)
        free(fact_words)
        free(tier_words)
        let_go(&out)
