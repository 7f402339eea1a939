"""Holds a compiled program's arrays for the kernel. Checks dtypes and lengths once.

`engine/compiling/programs.py` makes the arrays; this file only keeps them alive and points at them.
"""

from libc.stdint cimport INT64_MAX, INT64_MIN
from libc.stdlib cimport calloc, free
from posix.stdlib cimport posix_memalign

import numpy as np

cimport numpy as cnp

from .arith cimport inverse_of, shift_of
from .state cimport TIER

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
    """A compiled version of a program.

    Built from the mappings that `vafa.engine.compiling.programs` makes; the growing tables
    (products, stores, terminals, tenders, coupons, channels, activities) are set again as
    dictionaries grow.
    """

    def __cinit__(self):
        self.held = {}

    def __dealloc__(self):
        free(self.limits)
        free(self.counters)
        free(self.currencies)
        free(self.conds)
        free(self.segments)
        free(self.sequences)
        free(self.asked)
        free(self.terms)
        free(self.plain)
        free(self.rungs)
        free(<void*>self.first_periods)
        free(<void*>self.idle)
        free(<void*>self.ladders)
        free(<void*>self.streak_periods)

    cdef void *get(self, str name, object dtype, Py_ssize_t least) except? NULL:
        """Data pointer of one of the arrays; NULL when it is None."""
        try:
            return pointer(self.held[name], dtype, least)
        except (TypeError, ValueError) as error:
            raise type(error)(f"{name}: {error}") from None

    def __init__(self, dict arrays, dict numbers, dict lists):
        """`arrays` are numpy arrays or None, `numbers` ints, `lists` lists of tuples."""
        cdef RuleTable *t = &self.table
        cdef Py_ssize_t n, words, tiers
        self.held = dict(arrays)
        n = t.n_rules = arrays["kind"].size
        words = t.n_words = arrays["every"].size
        tiers = t.n_tiers = arrays["rung"].size
        t.n_currencies = numbers["n_currencies"]
        t.uses_quantity = numbers["uses_quantity"]
        t.full = numbers["full"]
        t.by_class = numbers["by_class"]
        t.safe_amount = numbers["safe_amount"]
        t.safe_quantity = numbers["safe_quantity"]
        t.earn_on_redeemed = numbers["earn_on_redeemed"]
        t.proportional = numbers["proportional"]
        t.shortfall = numbers["shortfall"]
        t.late_forgives = numbers["late_forgives"]
        t.keeps_tiers = numbers["keeps_tiers"]
        t.restored_days = numbers["restored_days"]
        t.receipt_currency = numbers["receipt_currency"]
        t.receipt_num = numbers["receipt_num"]
        t.receipt_den = numbers["receipt_den"]
        t.calendar = numbers["calendar"]
        t.simple_ladder = numbers["simple_ladder"]
        t.ladder = numbers["ladder"]
        t.ladder_at = numbers["ladder_at"]
        t.steps_by_membership = numbers["steps_by_membership"]
        t.validity_calendar = numbers["validity_calendar"]
        t.validity = numbers["validity"]
        t.validity_k = numbers["validity_k"]
        t.grace_days = numbers["grace_days"]
        t.down = numbers["down"]
        t.spend_counter = numbers["spend_counter"]
        t.visits_counter = numbers["visits_counter"]
        t.n_entry = numbers["n_entry"]
        t.entry_any = numbers["entry_any"]
        t.tiers_at = numbers["tiers_at"]
        t.broken_code = numbers["broken_code"]
        t.beyond_code = numbers["beyond_code"]
        t.uses_code = numbers["uses_code"]
        t.once_code = numbers["once_code"]
        t.offer_code = numbers["offer_code"]
        t.budget_code = numbers["budget_code"]
        t.stores_at = numbers["stores_at"]
        t.categories_at = numbers["categories_at"]
        t.number = <uint16_t*>self.get("number", np.uint16, n)
        t.tier_number = <uint16_t*>self.get("tier_number", np.uint16, tiers)
        t.kind = <uint8_t*>self.get("kind", np.uint8, n)
        t.currency = <uint8_t*>self.get("currency", np.uint8, n)
        t.basis = <uint8_t*>self.get("basis", np.uint8, n)
        t.rounding = <uint8_t*>self.get("rounding", np.uint8, n)
        t.num = <int64_t*>self.get("num", np.int64, n * (tiers + 1))
        t.den = <int64_t*>self.get("den", np.int64, n * (tiers + 1))
        t.min_amount = <int64_t*>self.get("min_amount", np.int64, n)
        t.min_quantity = <int64_t*>self.get("min_quantity", np.int64, n)
        t.limits_from = <int32_t*>self.get("limits_from", np.int32, n + 1)
        t.not_amount = <int64_t*>self.get("not_amount", np.int64, n)
        t.min_basket = <int64_t*>self.get("min_basket", np.int64, n)
        t.not_basket = <int64_t*>self.get("not_basket", np.int64, n)
        t.not_quantity = <int64_t*>self.get("not_quantity", np.int64, n)
        t.blocks = <uint8_t*>self.get("blocks", np.uint8, n)
        t.per = <int64_t*>self.get("per", np.int64, n)
        t.marginal = <uint8_t*>self.get("marginal", np.uint8, n)
        t.bands_from = <int32_t*>self.get("bands_from", np.int32, n + 1)
        t.band_start = <int64_t*>self.get("band_start", np.int64, arrays["bands_from"][n])
        t.rate_den = <int64_t*>self.get("rate_den", np.int64, n)
        t.rate = <int64_t*>self.get("rate", np.int64, n * (tiers + 1))
        t.band_rate = <int64_t*>self.get("band_rate", np.int64, arrays["bands_from"][n])
        t.band_block = <int64_t*>self.get("band_block", np.int64, arrays["bands_from"][n])
        t.block_rate = <int64_t*>self.get("block_rate", np.int64, n * (tiers + 1))
        t.group = <int32_t*>self.get("group", np.int32, n)
        t.group_mode = <uint8_t*>self.get("group_mode", np.uint8, 0)
        t.form = <uint8_t*>self.get("form", np.uint8, n)
        t.units = <int64_t*>self.get("units", np.int64, n)
        t.slot = <int32_t*>self.get("slot", np.int32, n)
        t.cap = <int64_t*>self.get("cap", np.int64, n)
        t.cause = <int32_t*>self.get("cause", np.int32, n)
        t.on_payment = <uint8_t*>self.get("on_payment", np.uint8, n)
        t.near = <int32_t*>self.get("near", np.int32, n)
        t.ann_slot = <int32_t*>self.get("ann_slot", np.int32, n)
        t.given_on = <int32_t*>self.get("given_on", np.int32, n)
        t.conds_from = <int32_t*>self.get("conds_from", np.int32, n + 1)
        t.lists = <int64_t*>self.get("lists", np.int64, 0)
        t.activity_mask = <uint64_t*>self.get("activity_mask", np.uint64, words)
        t.dated_mask = <uint64_t*>self.get("dated_mask", np.uint64, words)
        t.every = <uint64_t*>self.get("every", np.uint64, words)
        t.offer_mask = <uint64_t*>self.get("offer_mask", np.uint64, words)
        t.earn_mask = <uint64_t*>self.get("earn_mask", np.uint64, words)
        t.weekday = <uint64_t*>self.get("weekday", np.uint64, 7 * words)
        t.minute = <uint64_t*>self.get("minute", np.uint64, 1440 * words)
        t.day = <uint64_t*>self.get("day", np.uint64, words)
        t.day_span = <uint16_t*>self.get("day_span", np.uint16, 1)
        t.n_draws = numbers["n_draws"]
        t.draw_needs = <uint64_t*>self.get("draw_needs", np.uint64, t.n_draws * words)
        t.draw_bars = <uint64_t*>self.get("draw_bars", np.uint64, t.n_draws * words)
        t.tender_needs = <uint64_t*>self.get("tender_needs", np.uint64, words)
        t.coupon_needs = <uint64_t*>self.get("coupon_needs", np.uint64, words)
        t.opens_mask = <uint64_t*>self.get("opens_mask", np.uint64, words)
        t.tier = <uint64_t*>self.get("tier", np.uint64, (tiers + 1) * words)
        t.tier_any = <uint8_t*>self.get("tier_any", np.uint8, tiers)
        t.tier_always = <uint8_t*>self.get("tier_always", np.uint8, tiers)
        t.held_slot = <int32_t*>self.get("held_slot", np.int32, tiers)
        t.tier_through = <int32_t*>self.get("tier_through", np.int32, 1)
        t.tier_begins = <int32_t*>self.get("tier_begins", np.int32, 1)
        t.rung = <int32_t*>self.get("rung", np.int32, tiers)
        t.asked_from = <int32_t*>self.get("asked_from", np.int32, tiers + 1)
        t.bonus_currency = <int32_t*>self.get("bonus_currency", np.int32, tiers)
        t.bonus_points = <int64_t*>self.get("bonus_points", np.int64, tiers)
        t.streak_slot = <int32_t*>self.get("streak_slot", np.int32, 0)
        t.own_terms = <int32_t*>self.get("own_terms", np.int32, t.n_currencies)
        t.money = <int64_t*>self.get("money", np.int64, 0)
        for i, calendar in enumerate(("gregorian", "jalali")):
            t.ymd[i] = <int32_t*>self.get(f"ymd.{calendar}", np.int32, 1)
            t.month_start[i] = <int32_t*>self.get(f"month_start.{calendar}", np.int32, 1)
            t.first_year[i] = numbers[f"first_year.{calendar}"]
        self._take_lists(lists)
        self._take_plain()
        self._look_at_fractions()

    def takes_over(self, Rules earlier, int begins):
        """The version in force before this one, and the first day that begins under this one."""
        self.held["earlier"] = earlier
        self.table.earlier = &earlier.table
        self.table.begins = begins

    def knows(self, list ladders):
        """Versions by the number of their ladder from 1: one of each."""
        cdef Py_ssize_t i
        self.held["ladders"] = ladders
        free(<void*>self.ladders)
        self.ladders = <const RuleTable**>_items(len(ladders) + 1, sizeof(void*))
        for i in range(len(ladders)):
            self.ladders[i + 1] = &(<Rules?>ladders[i]).table
        self.table.ladders = self.ladders

    cdef int _look_at_fractions(self) except -1:
        """For which parts of lines, beside what is left of their nets, some figure asks."""
        cdef RuleTable *t = &self.table
        cdef Py_ssize_t i
        for i in range(t.n_rules):
            if t.basis[i] == TENDER:
                t.fractions |= PART_SOLD
            elif t.basis[i] != NET and t.basis[i] != VISIT:
                t.fractions |= PART_UNPAID
            if (t.basis[i] == GROSS or t.basis[i] == MARGIN
                    # Least amounts of offers are of gross.
                    or (t.kind[i] == OFFER and (t.min_amount[i] >= 0 or t.not_amount[i] >= 0
                                                or t.min_basket[i] > 0
                                                or t.not_basket[i] >= 0))):
                t.fractions |= PART_QUANTITY
            if (t.min_quantity[i] >= 0 or t.not_quantity[i] >= 0
                    or (t.kind[i] == BONUS and t.form[i] == PER_UNITS)):
                t.fractions |= PART_UNPAID
        for i in range(t.n_counters):
            if self.counters[i].kind == COUNT_MARGIN or self.counters[i].kind == COUNT_UNITS:
                t.fractions |= PART_UNPAID
            if self.counters[i].kind == COUNT_MARGIN:
                t.fractions |= PART_QUANTITY
        return 0

    cdef int _take_plain(self) except -1:
        """The rules as the plain fold looks at them, tier by tier."""
        cdef RuleTable *t = &self.table
        cdef Py_ssize_t n = t.n_rules, places = t.n_tiers + 1, rule, tier, place
        cdef const int64_t *exact = <int64_t*>self.get("exact", np.int64, n * places)
        cdef const int64_t *full_den = <int64_t*>self.get("full_den", np.int64, n * places)
        cdef PlainRule *one
        if posix_memalign(<void**>&self.plain, sizeof(PlainRule),
                          (n * places + 1) * sizeof(PlainRule)):
            raise MemoryError
        for tier in range(places):
            for rule in range(n):
                one = &self.plain[tier * n + rule]
                place = rule * places + tier
                one.num = t.num[place]
                one.den = 1 if t.kind[rule] == BONUS else full_den[place]
                one.inverse = inverse_of(one.den)
                one.shift = shift_of(one.den)
                one.exact = exact[place]
                one.min_amount = t.min_amount[rule]
                one.min_quantity = t.min_quantity[rule]
                one.limits_from = t.limits_from[rule]
                one.limits_to = t.limits_from[rule + 1]
                one.limited = one.limits_from != one.limits_to
                one.number = t.number[rule]
                one.kind = t.kind[rule]
                one.currency = t.currency[rule]
                one.rounding = t.rounding[rule]
                one.of = (OF_ONE if t.kind[rule] == BONUS else
                          OF_EXACT if t.kind[rule] == MULTIPLY else
                          OF_QUANTITY if t.basis[rule] == QUANTITY else OF_NET)
        t.plain = self.plain
        self._take_rungs()
        return 0

    cdef int _take_rungs(self) except -1:
        """The ladder as the plain fold looks at it."""
        cdef RuleTable *t = &self.table
        cdef const int64_t *spend = <int64_t*>self.get("tier_spend", np.int64, t.n_tiers)
        cdef const int64_t *visits = <int64_t*>self.get("tier_visits", np.int64, t.n_tiers)
        cdef int64_t not_asked
        cdef Py_ssize_t i
        self.rungs = <PlainRung*>_items(t.n_tiers, sizeof(PlainRung))
        for i in range(t.n_tiers):
            not_asked = INT64_MAX if t.tier_any[i] or t.tier_always[i] else INT64_MIN
            self.rungs[i] = PlainRung(
                spend[i] if spend[i] >= 0 and not t.tier_always[i] else not_asked,
                visits[i] if visits[i] >= 0 and not t.tier_always[i] else not_asked,
                t.tiers_at + TIER * t.rung[i], t.tier_always[i], t.tier_any[i])
        t.rungs = self.rungs
        return 0

    def _take_lists(self, dict lists):
        cdef RuleTable *t = &self.table
        cdef Py_ssize_t i, k
        self.n_limits = len(lists["limits"])
        t.n_counters = <int32_t>len(lists["counters"])
        t.n_sequences = <int32_t>len(lists["sequences"])
        t.n_streaks = <int32_t>len(lists["streak_periods"])
        self.limits = <Limit*>_items(self.n_limits, sizeof(Limit))
        self.counters = <Counter*>_items(t.n_counters, sizeof(Counter))
        self.currencies = <CurrencyTable*>_items(t.n_currencies, sizeof(CurrencyTable))
        self.conds = <Cond*>_items(len(lists["conds"]), sizeof(Cond))
        self.segments = <SegmentDef*>_items(len(lists["segments"]), sizeof(SegmentDef))
        self.sequences = <SequenceDef*>_items(t.n_sequences, sizeof(SequenceDef))
        self.asked = <Asked*>_items(len(lists["asked"]), sizeof(Asked))
        self.first_periods = <const int32_t**>_items(len(lists["first_periods"]), sizeof(void*))
        self.streak_periods = <const int32_t**>_items(t.n_streaks, sizeof(void*))
        for i, (ceiling, counter, is_uses, code) in enumerate(lists["limits"]):
            self.limits[i] = Limit(ceiling, counter, is_uses, code)
        for i, (period, kind, subject, window, slot) in enumerate(lists["counters"]):
            self.held["period", i] = period
            self.counters[i].period = <int32_t*>pointer(period, np.int32, 1)
            self.counters[i].kind = kind
            self.counters[i].subject = subject
            self.counters[i].window = window
            self.counters[i].slot = slot
        self.idle = <const int32_t**>_items(
            sum(len(one["idle"]) for one in lists["currencies"]), sizeof(void*))
        k = 0
        for i, one in enumerate(lists["currencies"]):
            self.held["through", i] = one["good_through"], one["idle"]
            self.currencies[i] = CurrencyTable(
                <int32_t*>pointer(one["good_through"], np.int32, 1), one["rate_den"],
                one["most"], one["known"], one["pending_days"], one["multiplied"], one["caps_from"],
                one["caps_to"], one["spendable"], one["at_basket"], one["rounding"],
                one["inactivity"], one["renewed_by_sale"], one["renewed_by_redemption"],
                one["renewed_by_activity"], one["fixes"], len(one["idle"]) > 0,
                self.idle + k)
            for table in one["idle"]:
                self.idle[k] = <int32_t*>pointer(table, np.int32, 1)
                k += 1
        for i, (op, negated, a, b, c, list_from, list_to) in enumerate(lists["conds"]):
            self.conds[i] = Cond(op, negated, a, b, c, list_from, list_to)
        for i, s in enumerate(lists["segments"]):
            self.segments[i] = SegmentDef(s[0], s[1], s[2], s[3], s[4], s[5], s[6], s[7], s[8],
                                          s[9])
        for i, (slot, steps, repeat, gap, reset) in enumerate(lists["sequences"]):
            self.sequences[i] = SequenceDef(slot, steps, repeat, gap, reset)
        self.terms = <Terms*>_items(len(lists["terms"]), sizeof(Terms))
        for i, one in enumerate(lists["terms"]):
            self.terms[i] = Terms(one[0], one[1], one[2], one[3], one[4], one[5], one[6],
                                  one[7])
        for i, (metric, subject, least) in enumerate(lists["asked"]):
            self.asked[i] = Asked(metric, subject, least, i)
            for k in range(i):
                if self.asked[k].metric == metric and self.asked[k].subject == subject:
                    self.asked[i].same = k
                    break
        for i, period in enumerate(lists["first_periods"]):
            self.held["first", i] = period
            self.first_periods[i] = <int32_t*>pointer(period, np.int32, 1)
        for i, period in enumerate(lists["streak_periods"]):
            self.held["streak", i] = period
            self.streak_periods[i] = <int32_t*>pointer(period, np.int32, 1)
        t.limits = self.limits
        t.counters = self.counters
        t.currencies = self.currencies
        t.conds = self.conds
        t.segments = self.segments
        t.sequences = self.sequences
        t.asked = self.asked
        t.terms = self.terms
        t.first_periods = self.first_periods
        t.streak_period = self.streak_periods

    @property
    def n_currencies(self):
        """Number of currencies of the layout."""
        return self.table.n_currencies

    @property
    def n_tiers(self):
        """Number of rungs of this version's ladder."""
        return self.table.n_tiers

    @property
    def n_counters(self):
        """Number of counters a member carries."""
        return self.table.n_counters

    @property
    def full(self):
        """Whether the version needs the general rating."""
        return bool(self.table.full)

    def set_products(self, product_class, Py_ssize_t n, dict classes, weighed, sku, category,
                     category_from, category_node):
        """Set the class of each of the n products and the tables of the classes.

        `classes`: words and, in the general form, bars and opens (uint64 by class and word),
        counters (uint64 by class and words of their own), eligible uint8 by class, few uint8[n]:
        the class of each product once more, None of more than FEW_CLASSES (words.pxd). weighed
        uint8[n], sku int32[n] and category int32[n] (a number from 1, 0 none) are None in a plain
        program; category_from int32[category + 1] says where the nodes of a category stand in
        category_node int64.
        """
        cdef Py_ssize_t count = classes["eligible"].size, words = self.table.n_words
        by_class = np.asarray(classes["words"]).reshape(count, words)
        eligible = by_class[np.flatnonzero(classes["eligible"])]
        apart = np.zeros(words + 1, np.uint64)
        if len(eligible):
            apart[:words] = np.bitwise_or.reduce(eligible ^ eligible[0], axis=0)
        self.held["products"] = (product_class, classes, weighed, sku, category, category_from,
                                 category_node, apart)
        self.table.class_apart = <uint64_t*>pointer(apart, np.uint64, words)
        self.table.product_class = <int32_t*>pointer(product_class, np.int32, n)
        self.table.few_class = <uint8_t*>pointer(classes["few"], np.uint8, n)
        self.table.class_words = <uint64_t*>pointer(classes["words"], np.uint64, count * words)
        self.table.class_eligible = <uint8_t*>pointer(classes["eligible"], np.uint8, count)
        self.table.class_bars = <uint64_t*>pointer(classes["bars"], np.uint64, count * words)
        self.table.class_opens = <uint64_t*>pointer(classes["opens"], np.uint64, count * words)
        self.table.class_counters = <uint64_t*>pointer(classes["counters"], np.uint64, count)
        self.table.n_count_words = <int32_t>(classes["counters"].size // count)
        self.table.product_weighed = <uint8_t*>pointer(weighed, np.uint8, n)
        self.table.product_sku = <int32_t*>pointer(sku, np.int32, n)
        self.table.product_category = <int32_t*>pointer(category, np.int32, n)
        self.table.category_from = <int32_t*>pointer(category_from, np.int32, category_from.size)
        self.table.category_node = <int64_t*>pointer(category_node, np.int64, category_node.size)
        self.table.n_classes = <int32_t>count
        self.n_products = n

    def set_stores(self, words, keys, Py_ssize_t n):
        """Set the rule words (or None) and keys (or None) of the n store versions."""
        self.held["store"] = (words, keys)
        self.table.store = <uint64_t*>pointer(words, np.uint64, n * self.table.n_words)
        self.table.store_key = <int64_t*>pointer(keys, np.int64, n)
        self.n_stores = n

    def set_terminals(self, words, Py_ssize_t n):
        """Set the rule words of the n terminals, or None when no rule looks at them."""
        self.held["terminal"] = words
        self.table.terminal = <uint64_t*>pointer(words, np.uint64, n * self.table.n_words)
        self.n_terminals = n

    def set_channels(self, words, Py_ssize_t n):
        """Set the rule words of the n channels, or None when no rule looks at them."""
        self.held["channel"] = words
        self.table.channel = <uint64_t*>pointer(words, np.uint64, n * self.table.n_words)
        self.n_channels = n

    def set_tenders(self, has, forbids, bases, redeems, terms, on_account, Py_ssize_t n):
        """Set what the n tender types serve, rule out and are the basis of (words or None).

        redeems int32[n]: -2 no redemption, -1 one without points, else its currency; terms
        int32[n]: which of the program's redemption terms, -1 none; on_account uint8[n]: those
        that bring no money yet, None where no rule asks.
        """
        self.held["tender"] = (has, forbids, bases, redeems, terms, on_account)
        self.table.on_account = <uint8_t*>pointer(on_account, np.uint8, n)
        self.table.tender_has = <uint64_t*>pointer(has, np.uint64, n * self.table.n_words)
        self.table.tender_not = <uint64_t*>pointer(forbids, np.uint64, n * self.table.n_words)
        self.table.rule_tenders = <uint64_t*>pointer(bases, np.uint64, n * self.table.n_words)
        self.table.redeems = <int32_t*>pointer(redeems, np.int32, n)
        self.table.tender_terms = <int32_t*>pointer(terms, np.int32, n)
        self.n_tenders = n

    def set_coupons(self, has, forbids, takes, Py_ssize_t n):
        """Set the rules that each of the n coupons serves and those it rules out.

        takes int32[n]: the currency of which presenting it takes one, -1 none; None where the
        version has no such currency.
        """
        self.held["coupon"] = (has, forbids, takes)
        self.table.coupon_takes = <int32_t*>pointer(takes, np.int32, n)
        self.table.coupon_has = <uint64_t*>pointer(has, np.uint64, n * self.table.n_words)
        self.table.coupon_not = <uint64_t*>pointer(forbids, np.uint64, n * self.table.n_words)
        self.n_coupons = n

    def set_activities(self, words, bits, Py_ssize_t n):
        """Set the rules that each of the n activity codes serves, and counters' bits."""
        self.held["activity"] = (words, bits)
        self.table.activity = <uint64_t*>pointer(words, np.uint64, n * self.table.n_words)
        self.table.activity_bits = <uint64_t*>pointer(bits, np.uint64, n)
        self.n_activities = n

    def set_epochs(self, words, Py_ssize_t n):
        """Set the rules whose budget is open in each of n epochs (words), or None."""
        self.held["epoch"] = words
        self.table.every_epoch = <uint64_t*>pointer(words, np.uint64, n * self.table.n_words)


cdef void *_items(Py_ssize_t n, size_t size) except NULL:
    """Room for n items, one at least."""
    cdef void *out = calloc(n + 1, size)
    if out == NULL:
        raise MemoryError
    return out
