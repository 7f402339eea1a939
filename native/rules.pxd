"""A compiled program as plain arrays: what the kernel reads and never changes.

Currencies, tiers' slots, counters and other slots of a member's row are those of the
ledger's layout, the same for every version of the program; rules and rungs are the version's.
"""

from libc.stdint cimport int8_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t

cdef enum Kind:
    EARN = 0
    MULTIPLY = 1
    BONUS = 2
    OFFER = 3              # matched apart, for quotes and for sales that name it

cdef enum Basis:
    NET = 0
    QUANTITY = 1
    GROSS = 2
    MARGIN = 3
    VISIT = 4
    TENDER = 5

cdef enum Fractions:
    PART_UNPAID = 1        # the share of a line's net that no redemption paid
    PART_QUANTITY = 2      # of what gross and cost are of, what is left
    PART_SOLD = 4          # of the net that was sold, what is left

cdef enum Rounding:
    CARRY = 4
    BY_LINE = 5

cdef enum GroupMode:
    NO_GROUP = 0
    GROUP_FIRST = 1
    GROUP_BEST = 2
    STACK_ADD = 3
    STACK_BEST = 4
    STACK_COMPOUND = 5
    STACK_FIRST = 6
    OFFER_ONE = 7          # a sale names one offer of it

cdef enum BonusForm:
    FIXED = 0
    PER_UNITS = 1
    OF_BALANCE = 2

cdef enum CounterKind:
    COUNT_SPEND = 0        # eligible amount of purchases
    COUNT_VISITS = 1       # purchases
    COUNT_RULE_POINTS = 2  # what a rule gave
    COUNT_RULE_USES = 3    # facts to which a rule gave
    COUNT_CURRENCY = 4     # what all rules of a currency gave
    COUNT_MARGIN = 5       # margin of eligible lines
    COUNT_EARNED = 6       # points that became lots, net of reversals
    COUNT_LINES = 7        # a counter of the program: spend of matching lines
    COUNT_UNITS = 8        # thousandths of matching lines
    COUNT_BASKETS = 9      # purchases with a matching line
    COUNT_ACTIVITY = 10    # quantities of activities

cdef enum Window:
    PERIOD = 0
    ROLLING = 1            # the last N dates, or since the same day N months ago
    MEMBERSHIP = 2         # since the last anniversary of joining, entries by day
    ANNIVERSARY = 3        # keyed by the anniversary's year
    KEPT = 4               # a calendar period, the two before it kept as well

# What a row of a batch came to; engine/columns/status.py has the same codes.
cdef enum Status:
    OK = 0
    OVERFLOW = 1
    INSUFFICIENT = 2
    NOT_SPENDABLE = 3
    NO_SUCH_LINE = 4
    RETURNS_TOO_MUCH = 5
    POINTS_SPENT = 6
    NOT_A_SALE = 7
    WRONG_MEMBER = 8
    PARKED = 9
    UNKNOWN_CURRENCY = 10
    UNKNOWN_TIER = 11
    DAY_OUT_OF_ORDER = 12  # of days closed; never the kernel's own
    BELOW_MINIMUM = 13
    NOT_A_MULTIPLE = 14
    OVER_WORTH = 15
    OVER_SHARE = 16
    UNKNOWN_HOLD = 17      # of names; never the kernel's own
    HOLD_ENDED = 18
    HOLD_USED = 19
    NOT_A_REDEMPTION = 20  # of names; never the kernel's own
    ALREADY_CANCELLED = 21
    MORE_THAN_HELD = 22
    CARD_BLOCKED = 23      # of cards and other members; never the kernel's own
    CARD_LINKED = 24
    UNKNOWN_MEMBER = 25
    UNKNOWN_CAUSE = 26
    MEMBER_CLOSED = 27
    UNKNOWN_GIFT_CARD = 28
    GIFT_CARD_KNOWN = 29
    UNKNOWN_REWARD = 30
    OUT_OF_STOCK = 31
    OVER_LIMIT = 32
    OFFER_NOT_APPLICABLE = 33
    OFFER_USED_UP = 34
    UNKNOWN_MERGE = 35     # of ties, claims and referrals; never the kernel's own
    SAME_MEMBER = 36
    ALREADY_MERGED = 37
    ALREADY_UNDONE = 38
    MEMBER_POOLED = 39
    ENTANGLED = 40
    NOT_POOLED = 41
    NOT_A_HOUSEHOLD = 42
    SALE_HAS_MEMBER = 43
    ALREADY_CLAIMED = 44
    CLAIM_WINDOW_OVER = 45
    SELF_REFERRAL = 46
    ALREADY_REFERRED = 47
    REFERRAL_CIRCLE = 48
    ABOVE_MAXIMUM = 49
    BASKET_TOO_SMALL = 50
    UNKNOWN_COUPON = 51    # of codes of printed coupons; never the kernel's own
    COUPON_USED = 52
    COUPON_BLOCKED = 53
    COUPON_EARLY = 54
    COUPON_OVER = 55
    COUPON_NOT_APPLICABLE = 56

# Kinds of facts and of postings: engine/facts.py KINDS, engine/columns/status.py POSTINGS.
cdef enum FactKind:
    SALE = 0
    RETURN = 3
    ACTIVITY = 4
    ADJUST = 5
    REDEEM = 6
    ENROL = 7
    HOLD = 15
    CAPTURE = 16
    RELEASE = 17
    CANCEL = 18
    TRANSFER = 22
    TRANSFER_IN = 23
    DONATE = 24
    CLOSE = 25
    REWARD_REDEEM = 30
    MERGE = 38
    POOL = 40
    PAYMENT = 47

cdef enum PostingKind:
    POST_EARN = 0
    POST_MULTIPLY = 1
    POST_BONUS = 2
    POST_ADJUST = 3
    POST_REDEEM = 4
    POST_RESTORE = 5
    POST_REVERSE = 6
    POST_EXPIRE = 7
    POST_FORGIVE = 8
    POST_WITHHOLD = 9
    POST_DONATE = 10
    POST_HOLD = 12
    POST_RELEASE = 13
    POST_CAPTURE = 14
    POST_TRANSFER = 15
    POST_OFFER = 17        # an offer that a completed sale names and may not have
    POST_ACCRUE = 18       # points whose money has come

cdef enum Condition:
    IF_SEGMENT = 0         # list: defined segments, or slots of set ones below zero
    IF_SUBSCRIPTION = 1    # list: slots of the instant, us, before which it is active
    IF_AGE = 2             # a, b: least and most years, -1 none
    IF_MEMBER_DAYS = 3     # a, b: least and most days, -1 none
    IF_NEAR = 4            # a: slot, b: before, c: after
    IF_FIRST = 5           # list: First; a, b: in lists, the nodes of the rule's category
    IF_NTH = 6             # list: ordinals
    IF_EVERY = 7           # a: n
    IF_SINCE = 8           # a: days
    IF_STREAK = 9          # a: slot, b: count
    IF_COUNTER = 10        # a: counter, b: least
    IF_SEQUENCE = 11       # a: sequence, list: steps

cdef enum First:
    FIRST_EVER = 0
    FIRST_AT_STORE = 1
    FIRST_OF_CATEGORY = 2
    FIRST_IN_PERIOD = 3    # 3 + k: the k-th period table

cdef enum TierMetric:
    OF_COUNTER = 0
    OF_VALUE = 1
    OF_BALANCE_IN = 2

cdef enum Validity:
    BY_TABLE = 0           # tier_through
    BY_MONTHS = 1          # tier_through as well, no period begins
    WHILE_MET = 2
    BY_MEMBERSHIP = 3      # through the membership year plus validity_k

cdef enum Down:
    TO_QUALIFIED = 0
    ONE_STEP = 1
    NEVER_DOWN = 2

cdef enum:
    NO_RULE = 65535
    NEVER = 2147483647

cdef struct Limit:
    int64_t ceiling        # units, or uses
    int32_t counter        # -1: within one basket
    int32_t is_uses
    int32_t code           # engine/columns/status.py LIMITS

cdef struct Counter:
    const int32_t *period  # number of the period, by day; rolling: first day of the window
    int32_t kind
    int32_t subject        # rule (-1: not of this version), currency, or bit of lines or activities
    int32_t window
    int32_t slot           # of the row

cdef struct CurrencyTable:
    const int32_t *good_through   # by day of earning; inactivity: by the later day
    int64_t rate_den              # common denominator of the currency's exact earn
    int64_t most                  # units of one posting
    int32_t known                 # the version has it
    int32_t pending_days
    int32_t multiplied            # some multiply rule acts on it
    int32_t caps_from
    int32_t caps_to
    int32_t spendable
    int32_t at_basket             # rounded once a basket
    int32_t rounding
    int32_t inactivity
    int32_t renewed_by_sale
    int32_t renewed_by_redemption
    int32_t renewed_by_activity
    int32_t fixes                 # `fixed` of the lots that this version makes
    int32_t renewable             # some version's policy for it is inactivity
    const int32_t **idle          # by inactivity policy of all versions: last good day, by day

cdef struct Cond:
    int32_t op
    int32_t negated
    int64_t a
    int64_t b
    int64_t c
    int32_t list_from
    int32_t list_to

cdef struct SegmentDef:
    int32_t spend          # counters, -1 not asked
    int32_t visits
    int64_t spend_least
    int64_t spend_most     # -1 none
    int64_t visits_least
    int64_t visits_most
    int64_t since_least
    int64_t since_most
    int64_t days_least
    int64_t days_most

cdef struct SequenceDef:
    int32_t slot           # (last step, its day)
    int32_t steps
    int32_t repeat
    int32_t gap_days
    int32_t reset_days     # -1 none

cdef struct Asked:
    int32_t metric
    int32_t subject        # counter, slot of the value, or currency
    int64_t least
    int32_t same           # the first of the list that asks for the same figure

cdef struct Terms:
    # What a redemption may ask (rulebook 8).
    int64_t minimum        # units
    int64_t step           # units, 1 none
    int64_t share_num      # of the basket's net; share_den 0: no bound
    int64_t share_den
    int64_t points         # units that are worth `money`; 0: no rate
    int64_t clamp          # more than is redeemable takes what is
    int64_t maximum        # units; 0: none
    int64_t at_least       # of the basket's net

cdef enum:
    OF_NET = 0             # what a plain figure is a multiple of
    OF_QUANTITY = 1
    OF_ONE = 2             # bonus
    OF_EXACT = 3           # multiply: exact earn of the lines
    N_OF = 4

cdef struct PlainRule:
    # A rule at a tier as the plain fold looks at it: together, in one cache line.
    int64_t num            # its figure is `of` * num / den
    int64_t den
    uint64_t inverse       # of den (arith.pxd)
    int64_t exact          # earn: num over the currency's rate_den, else 0
    int64_t min_amount     # -1: none
    int64_t min_quantity
    int32_t limits_from    # into limits
    int32_t limits_to
    uint16_t number        # in the ledger's layout
    uint8_t kind
    uint8_t currency
    uint8_t of
    uint8_t rounding
    uint8_t shift          # of the inverse
    uint8_t limited        # limits_from is not limits_to

cdef struct PlainRung:
    # A rung of a simple ladder as the plain fold looks at it. What is not asked is always met or,
    # of a rung that needs but one of them, never; and so is all of one that asks nothing above
    # zero, which is held anyway.
    int64_t spend
    int64_t visits
    int32_t slot           # of the row, where the tier's begin
    int32_t always         # asks nothing above zero
    int32_t any_           # one of the two is enough

cdef struct RuleTable:
    int32_t n_rules
    int32_t n_words
    int32_t n_count_words
    int32_t n_tiers        # rungs of this version
    int32_t n_currencies
    int32_t n_counters
    int32_t n_classes
    int32_t uses_quantity
    int32_t full           # beyond the plain form: the general rating
    bint by_class          # lines of one class count alike: no rule looks at one apart
    # Baskets within these bounds need no 128-bit product and cannot overflow a posting.
    int64_t safe_amount
    int64_t safe_quantity
    const uint16_t *number        # [rule]: its number in the ledger's layout
    const uint16_t *tier_number   # [rung]: number of the rung's bonus
    const uint8_t *kind
    const uint8_t *currency
    const uint8_t *basis
    const uint8_t *rounding
    const int64_t *num            # [rule, tier + 1]
    const int64_t *den
    const PlainRule *plain        # [tier + 1, rule]
    const int64_t *min_amount     # -1: none
    const int64_t *min_quantity
    const int32_t *limits_from    # [rule + 1] into limits
    const Limit *limits
    const CurrencyTable *currencies
    const Counter *counters
    # The general form; null in a plain program.
    const int64_t *not_amount     # -1: none; the rule fails from this amount on
    const int64_t *min_basket     # -1: none; of all eligible lines
    const int64_t *not_basket
    const int64_t *not_quantity
    const uint8_t *blocks
    const int64_t *per            # denominator of the basis: minor units or thousandths
    const uint8_t *marginal
    const int32_t *bands_from     # [rule + 1] into bands
    const int64_t *band_start     # in the basis' units
    const int64_t *rate_den       # [rule]: denominator of its rates
    const int64_t *rate           # [rule, tier + 1]: per basis unit, over rate_den
    const int64_t *band_rate      # the same by band
    const int64_t *block_rate     # [rule, tier + 1]: points a block, over rate_den
    const int64_t *band_block     # the same by band
    const int32_t *group          # group or stack, -1 none
    const uint8_t *group_mode     # [group]
    const uint8_t *form           # bonus: BonusForm
    const int64_t *units          # per units: thousandths a reward
    const int32_t *slot           # carry or units: a list of the row; of balance: its flag
    const int64_t *cap            # of balance
    const int32_t *cause          # slot of what the rule's cause has of its currency, -1 none
    const uint8_t *on_payment     # whether its points wait for the money; null: those of none do
    const int32_t *near           # index into conds of the anniversary condition, -1
    const int32_t *ann_slot       # slots (key, last day) of anniversary limits, -1
    const int32_t *given_on       # date whose anniversary gives the bonus (members.pxd), 0 none
    const uint64_t *rule_tenders  # [tender type, word]: earn rules of basis tender
    const int32_t *conds_from     # [rule + 1] into conds
    const Cond *conds
    const int64_t *lists
    const SegmentDef *segments
    const SequenceDef *sequences
    int32_t n_sequences
    const int32_t **first_periods  # [k]: period numbers by day
    const uint64_t *activity      # [code, word]
    const uint64_t *activity_bits  # [code]: counters that count it
    const uint64_t *activity_mask  # [word]: rules on activities
    const uint64_t *dated_mask    # [word]: bonuses on an anniversary
    const uint64_t *every_epoch   # [epoch, word]: rules whose budget is open
    int32_t earn_on_redeemed
    int32_t proportional
    int32_t fractions             # parts of lines for which some figure asks, of Fractions
    int32_t shortfall             # 0 debt, 1 forgive, 2 refuse, 3 withhold
    int32_t late_forgives
    int32_t keeps_tiers
    int32_t restored_days
    int32_t receipt_currency      # -1: a return without a receipt takes nothing
    int64_t receipt_num
    int64_t receipt_den
    const int32_t *redeems        # [tender type]: -2 no redemption, -1 without points, currency
    const uint8_t *on_account     # [tender type]: whether it brings no money yet; null: none does
    const int32_t *tender_terms   # [tender type] into terms, -1 none
    const int32_t *own_terms      # [currency] into terms: of redemptions without a sale, -1
    const Terms *terms
    const int64_t *money          # [terms, rung + 1]: minor units; 0: no tier
    int32_t broken_code           # engine/columns/status.py LIMITS: minimum, step, worth, share
    int32_t beyond_code           # maximum, at_least
    int32_t uses_code
    int32_t once_code
    int32_t offer_code
    int32_t budget_code
    const int32_t *ymd[2]  # packed dates by day: Gregorian, Jalali
    const int32_t *month_start[2]  # first day of month (year - first_year) * 12 + month - 1
    int32_t first_year[2]
    int32_t calendar
    # Dimension words; a null pointer is a dimension that no rule looks at.
    const uint64_t *every         # all rules but offers
    const uint64_t *offer_mask
    const uint64_t *earn_mask     # earn rules
    const uint64_t *store         # [store code]
    const uint64_t *terminal
    const uint64_t *channel
    int32_t n_draws
    const uint64_t *draw_needs    # [draw]: rules that want it won
    const uint64_t *draw_bars     # [draw]: rules that want it lost
    const uint64_t *weekday       # [Monday 0]
    const uint64_t *minute        # [minute of the day]
    const uint64_t *day           # [day_span[day]]
    const uint16_t *day_span
    const uint64_t *tender_has    # [type]: rules for which this type serves
    const uint64_t *tender_not    # [type]: rules that must not see this type
    const uint64_t *tender_needs  # rules with a tender condition
    const uint64_t *coupon_has
    const uint64_t *coupon_not
    const uint64_t *coupon_needs
    const int32_t *coupon_takes   # [coupon]: currency of which presenting it takes one, -1
    const uint64_t *tier          # [tier + 1]; 0: no tier
    # Lines
    const int32_t *product_class  # [product number]
    const uint8_t *few_class      # the same; null where there are more classes (words.pxd)
    const uint64_t *class_words   # [class, word]
    const uint64_t *class_apart   # [word]: rules that tell eligible classes apart
    const uint8_t *class_eligible
    const uint64_t *class_bars    # [class, word]: rules that a line of the class rules out
    const uint64_t *class_opens   # [class, word]: rules that wait for a line like this
    const uint64_t *opens_mask    # [word]: rules that wait for such a line
    const uint64_t *class_counters  # [class, count word]: bits of the lines that counters count
    const uint8_t *product_weighed
    const int32_t *product_sku
    const int32_t *product_category  # number of the category from 1, 0 none
    const int32_t *category_from     # [category] into category_node
    const int64_t *category_node     # keys: a category, then all in whose subtree it is
    const int64_t *store_key         # key of the store, 0 none
    # Ladder
    int32_t ladder                # number from 1 of the version's ladder
    int32_t ladder_at             # slot of the one that a member's tiers go by; -1: all are alike
    const RuleTable **ladders     # by number, a version that has it; NULL: all are alike
    const RuleTable *earlier      # the version that it took over from; NULL: none, or all are alike
    int32_t begins                # first day that begins under the version
    int32_t simple_ladder         # spend and visits, by a period, to what is qualified
    const PlainRung *rungs
    const uint8_t *tier_any
    const uint8_t *tier_always    # asks nothing above zero
    const int32_t *held_slot      # while_met: the balances it was held by, and the day, or -1
    const int32_t *tier_through   # last good day by day of meeting it
    const int32_t *tier_begins    # one step: last day of the period that begins on a day
    const int32_t *rung           # [rung]: tier of the layout
    const int32_t *asked_from     # [rung + 1] into asked
    const Asked *asked            # of the rungs, then n_entry of the entry to a closed club
    int32_t n_entry               # 0: the club is open
    bint entry_any
    const int32_t *bonus_currency  # [rung], -1 none
    const int64_t *bonus_points
    int32_t steps_by_membership
    int32_t validity_calendar
    int32_t validity
    int32_t validity_k
    int32_t grace_days
    int32_t down
    int32_t spend_counter         # -1: no tier asks for it
    int32_t visits_counter
    # Slots of the row, from its begin
    int32_t tiers_at
    int32_t stores_at             # set of stores, -1: not kept
    int32_t categories_at
    int32_t n_streaks
    const int32_t *streak_slot    # [streak]: (period, count)
    const int32_t **streak_period

cdef class Rules:
    cdef RuleTable table
    cdef Limit *limits
    cdef Counter *counters
    cdef CurrencyTable *currencies
    cdef Cond *conds
    cdef SegmentDef *segments
    cdef SequenceDef *sequences
    cdef Asked *asked
    cdef Terms *terms
    cdef PlainRule *plain
    cdef PlainRung *rungs
    cdef const int32_t **first_periods
    cdef const int32_t **streak_periods
    cdef const int32_t **idle
    cdef const RuleTable **ladders
    cdef dict held
    cdef readonly Py_ssize_t n_products, n_stores, n_terminals, n_tenders, n_channels
    cdef readonly Py_ssize_t n_coupons, n_activities, n_limits
    cdef void *get(self, str name, object dtype, Py_ssize_t least) except? NULL
    cdef int _take_plain(self) except -1
    cdef int _look_at_fractions(self) except -1
    cdef int _take_rungs(self) except -1
