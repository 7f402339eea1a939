"""A compiled program as plain arrays: what the kernel reads and never changes."""

from libc.stdint cimport int8_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t

cdef enum Kind:
    EARN = 0
    MULTIPLY = 1
    BONUS = 2

cdef enum Basis:
    NET = 0
    QUANTITY = 1

cdef enum CounterKind:
    COUNT_SPEND = 0        # eligible amount of purchases
    COUNT_VISITS = 1       # purchases
    COUNT_RULE_POINTS = 2  # what a rule gave
    COUNT_RULE_USES = 3    # baskets to which a rule gave
    COUNT_CURRENCY = 4     # what all rules of a currency gave

# What a row of a batch came to; engine/status.py has the same codes.
cdef enum Status:
    OK = 0
    OVERFLOW = 1

cdef struct Limit:
    int64_t ceiling        # units, or uses
    int32_t counter        # -1: within one basket
    int32_t is_uses
    int32_t code           # engine/status.py LIMITS

cdef struct Counter:
    const int32_t *period  # number of the period, by day
    int32_t kind
    int32_t subject        # rule or currency

cdef struct CurrencyTable:
    const int32_t *good_through   # by day of earning
    int64_t rate_den              # common denominator of the currency's exact earn
    int32_t pending_days
    int32_t multiplied            # some multiply rule acts on it
    int32_t caps_from
    int32_t caps_to

cdef struct RuleTable:
    int32_t n_rules
    int32_t n_words
    int32_t n_tiers
    int32_t n_currencies
    int32_t n_counters
    int32_t n_classes
    int32_t uses_quantity
    # Baskets within these bounds need no 128-bit product and cannot overflow a posting.
    int64_t safe_amount
    int64_t safe_quantity
    const uint8_t *kind
    const uint8_t *currency
    const uint8_t *basis
    const uint8_t *rounding
    const int64_t *num            # [rule, tier + 1]
    const int64_t *den
    const int64_t *exact          # earn: num over the currency's rate_den
    const int64_t *full_den       # multiply: den * rate_den; else den
    const int64_t *min_amount     # -1: none
    const int64_t *min_quantity
    const int32_t *limits_from    # [rule + 1] into limits
    const Limit *limits
    const CurrencyTable *currencies
    const Counter *counters
    # Dimension words; a null pointer is a dimension that no rule looks at.
    const uint64_t *every         # all rules
    const uint64_t *earn_mask     # earn rules
    const uint64_t *store         # [store code]
    const uint64_t *terminal
    const uint64_t *weekday       # [Monday 0]
    const uint64_t *minute        # [minute of the day]
    const uint64_t *day           # [day_span[day]]
    const uint16_t *day_span
    const uint64_t *tender_has    # [type]: rules for which this type serves
    const uint64_t *tender_not    # [type]: rules that must not see this type
    const uint64_t *tender_needs  # rules with a tender condition
    const uint64_t *tier          # [tier + 1]; 0: no tier
    # Lines
    const int32_t *product_class  # [product number]
    const uint64_t *class_words   # [class, word]
    const uint8_t *class_eligible
    # Ladder
    const int64_t *tier_spend     # -1: not asked
    const int64_t *tier_visits
    const uint8_t *tier_any
    const uint8_t *tier_always    # asks nothing above zero
    const int32_t *tier_through   # last good day by day of meeting it
    int32_t spend_counter         # -1: no tier asks for it
    int32_t visits_counter

cdef class Rules:
    cdef RuleTable table
    cdef Limit *limits
    cdef Counter *counters
    cdef CurrencyTable *currencies
    cdef dict held
    cdef readonly Py_ssize_t n_products, n_stores, n_terminals, n_tenders
