"""Answers to sales as JSON lines, from what a batch came to: no object is made an answer."""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from libc.stdint cimport int32_t, int64_t, uint8_t
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


def answer_lines(
    const uint8_t[::1] written, const int64_t[::1] numbers, const int32_t[::1] id_bounds,
    const uint8_t[::1] id_text, int64_t first, const int64_t[::1] posted_from,
    const int64_t[::1] rule, const int64_t[::1] kind, const int64_t[::1] currency,
    const int64_t[::1] points,
    const int64_t[::1] desired, const int64_t[::1] limit, const int64_t[::1] corrects,
    const int64_t[:, ::1] balances, const int64_t[::1] tier, list rules, list kinds,
    list currencies, list limits, list corrected, list tiers,
):
    """(text, bounds): a line for each answer that is to be `written`, in the order of the batch.

    Those are accepted. `bounds` (int64[n + 1]) delimit the lines of all facts in the text.
    `numbers` are the facts' own lines, `first` the seq of the first. Postings are those that
    answers show; `corrects` is the place of a fact's name in `corrected`, -1 for none. `balances`
    (int64[n, 4 x currencies]) are active, pending, held, debt. All names are JSON as bytes,
    ids texts that need no escape.
    """
    cdef Py_ssize_t n = numbers.shape[0], row, p, c, n_currencies = balances.shape[1] // 4
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
                if not written[row]:
                    ends[row + 1] = out.used
                    continue
                put(&out, b'{"line":', 8)
                put_figure(&out, numbers[row])
                put(&out, b',"id":"', 7)
                put(&out, ids + id_bounds[row], id_bounds[row + 1] - id_bounds[row])
                put(&out, b'","seq":', 8)
                put_figure(&out, first + row)
                put(&out, b',"status":"ok","postings":[', 27)
                for p in range(posted_from[row], posted_from[row + 1]):
                    if p > posted_from[row]:
                        put(&out, b',', 1)
                    put(&out, b'{"rule":', 8)
                    put_word(&out, &rule_words[rule[p]])
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
                    if corrects[p] >= 0:
                        put(&out, b',"corrects":', 12)
                        put_word(&out, &fact_words[corrects[p]])
                    put(&out, b'}', 1)
                put(&out, b'],"balances":{', 14)
                for c in range(n_currencies):
                    if c:
                        put(&out, b',', 1)
                    put_word(&out, &currency_words[c])
                    put(&out, b':{"active":', 11)
                    put_figure(&out, balances[row, 4 * c])
                    put(&out, b',"pending":', 11)
                    put_figure(&out, balances[row, 4 * c + 1])
                    put(&out, b',"held":', 8)
                    put_figure(&out, balances[row, 4 * c + 2])
                    put(&out, b',"debt":', 8)
                    put_figure(&out, balances[row, 4 * c + 3])
                    put(&out, b'}', 1)
                put(&out, b'},"tier":', 9)
                put_word(&out, &tier_words[tier[row]])
                put(&out, b'}\n', 2)
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
