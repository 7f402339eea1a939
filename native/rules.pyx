"""Holds a compiled program's arrays for the kernel. Checks dtypes and lengths once.

`engine/compile.py` makes the arrays; this file only keeps them alive and points at them.
"""

from libc.stdlib cimport calloc, free

import numpy as np

cimport numpy as cnp

cnp.import_array()


cdef void *pointer(object array, object dtype, Py_ssize_t least) except? NULL:
    """Data pointer of a contiguous array of the dtype; NULL for None."""
    if array is None:
        return NULL
    if array.dtype != dtype or not array.flags.c_contiguous:
        raise TypeError(f"expected a contiguous {np.dtype(dtype)} array, got {array.dtype}")
    if array.size < least:
        raise ValueError(f"expected at least {least} entries, got {array.size}")
    return cnp.PyArray_DATA(<cnp.ndarray>array)


cdef class Rules:
    """A compiled program.

    Built from the mapping that `vafa.engine.compile.compile_program` makes; the growing
    tables (products, stores, terminals, tenders) are set again as dictionaries grow.
    """

    def __cinit__(self):
        self.held = {}

    def __dealloc__(self):
        free(self.limits)
        free(self.counters)
        free(self.currencies)

    def __init__(self, dict arrays, list limits, list counters, list currencies):
        cdef RuleTable *t = &self.table
        cdef Py_ssize_t i, n, words, tiers
        self.held = dict(arrays)
        n = t.n_rules = arrays["kind"].size
        words = t.n_words = arrays["every"].size
        tiers = t.n_tiers = arrays["tier_spend"].size
        t.n_currencies = len(currencies)
        t.n_counters = len(counters)
        t.uses_quantity = arrays["uses_quantity"]
        t.safe_amount = arrays["safe_amount"]
        t.safe_quantity = arrays["safe_quantity"]
        t.full_den = <int64_t*>pointer(arrays["full_den"], np.int64, n * (tiers + 1))
        t.spend_counter = arrays["spend_counter"]
        t.visits_counter = arrays["visits_counter"]
        t.kind = <uint8_t*>pointer(arrays["kind"], np.uint8, n)
        t.currency = <uint8_t*>pointer(arrays["currency"], np.uint8, n)
        t.basis = <uint8_t*>pointer(arrays["basis"], np.uint8, n)
        t.rounding = <uint8_t*>pointer(arrays["rounding"], np.uint8, n)
        t.num = <int64_t*>pointer(arrays["num"], np.int64, n * (tiers + 1))
        t.den = <int64_t*>pointer(arrays["den"], np.int64, n * (tiers + 1))
        t.exact = <int64_t*>pointer(arrays["exact"], np.int64, n * (tiers + 1))
        t.min_amount = <int64_t*>pointer(arrays["min_amount"], np.int64, n)
        t.min_quantity = <int64_t*>pointer(arrays["min_quantity"], np.int64, n)
        t.limits_from = <int32_t*>pointer(arrays["limits_from"], np.int32, n + 1)
        t.every = <uint64_t*>pointer(arrays["every"], np.uint64, words)
        t.earn_mask = <uint64_t*>pointer(arrays["earn_mask"], np.uint64, words)
        t.weekday = <uint64_t*>pointer(arrays["weekday"], np.uint64, 7 * words)
        t.minute = <uint64_t*>pointer(arrays["minute"], np.uint64, 1440 * words)
        t.day = <uint64_t*>pointer(arrays["day"], np.uint64, words)
        t.day_span = <uint16_t*>pointer(arrays["day_span"], np.uint16, 1)
        t.tender_needs = <uint64_t*>pointer(arrays["tender_needs"], np.uint64, words)
        t.tier = <uint64_t*>pointer(arrays["tier"], np.uint64, (tiers + 1) * words)
        t.tier_spend = <int64_t*>pointer(arrays["tier_spend"], np.int64, tiers)
        t.tier_visits = <int64_t*>pointer(arrays["tier_visits"], np.int64, tiers)
        t.tier_any = <uint8_t*>pointer(arrays["tier_any"], np.uint8, tiers)
        t.tier_always = <uint8_t*>pointer(arrays["tier_always"], np.uint8, tiers)
        t.tier_through = <int32_t*>pointer(arrays["tier_through"], np.int32, 1)
        self.limits = <Limit*>calloc(max(1, len(limits)), sizeof(Limit))
        self.counters = <Counter*>calloc(max(1, len(counters)), sizeof(Counter))
        self.currencies = <CurrencyTable*>calloc(max(1, len(currencies)), sizeof(CurrencyTable))
        if self.limits == NULL or self.counters == NULL or self.currencies == NULL:
            raise MemoryError
        for i, (ceiling, counter, is_uses, code) in enumerate(limits):
            self.limits[i] = Limit(ceiling, counter, is_uses, code)
        for i, (period, kind, subject) in enumerate(counters):
            self.held["period", i] = period
            self.counters[i].period = <int32_t*>pointer(period, np.int32, 1)
            self.counters[i].kind = kind
            self.counters[i].subject = subject
        for i, (through, rate_den, pending, multiplied, caps) in enumerate(currencies):
            self.held["through", i] = through
            self.currencies[i].good_through = <int32_t*>pointer(through, np.int32, 1)
            self.currencies[i].rate_den = rate_den
            self.currencies[i].pending_days = pending
            self.currencies[i].multiplied = multiplied
            self.currencies[i].caps_from = caps[0]
            self.currencies[i].caps_to = caps[1]
        t.limits = self.limits
        t.counters = self.counters
        t.currencies = self.currencies

    @property
    def n_currencies(self):
        """Number of currencies."""
        return self.table.n_currencies

    @property
    def n_tiers(self):
        """Number of rungs of the ladder."""
        return self.table.n_tiers

    @property
    def n_counters(self):
        """Number of counters a member carries."""
        return self.table.n_counters

    def set_products(self, product_class, Py_ssize_t n, class_words, class_eligible):
        """Set the class of each of the n products (int32) and the words of each class."""
        cdef Py_ssize_t classes = class_eligible.size
        self.held["product_class"] = product_class
        self.held["class_words"] = class_words
        self.held["class_eligible"] = class_eligible
        self.table.product_class = <int32_t*>pointer(product_class, np.int32, n)
        self.table.class_words = <uint64_t*>pointer(
            class_words, np.uint64, classes * self.table.n_words)
        self.table.class_eligible = <uint8_t*>pointer(class_eligible, np.uint8, classes)
        self.table.n_classes = classes
        self.n_products = n

    def set_stores(self, words, Py_ssize_t n):
        """Set the rule words of the n stores, or None when no rule looks at stores."""
        self.held["store"] = words
        self.table.store = <uint64_t*>pointer(words, np.uint64, n * self.table.n_words)
        self.n_stores = n

    def set_terminals(self, words, Py_ssize_t n):
        """Set the rule words of the n terminals, or None when no rule looks at them."""
        self.held["terminal"] = words
        self.table.terminal = <uint64_t*>pointer(words, np.uint64, n * self.table.n_words)
        self.n_terminals = n

    def set_tenders(self, has, forbids, Py_ssize_t n):
        """Set the rules that each of the n tender types serves and those it rules out."""
        self.held["tender"] = (has, forbids)
        self.table.tender_has = <uint64_t*>pointer(has, np.uint64, n * self.table.n_words)
        self.table.tender_not = <uint64_t*>pointer(forbids, np.uint64, n * self.table.n_words)
        self.n_tenders = n
