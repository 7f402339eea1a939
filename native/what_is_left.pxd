"""What of a sale has come back, and what it has given with what is left (rulebook 9)."""

from libc.stdint cimport int32_t, int64_t, uint64_t
from libc.stdlib cimport free
from libc.string cimport memcpy, memset

from .arith cimport i128
from .basket cimport BASKET, Basket, Rated
from .big cimport Big, big_add, big_copy, big_divmod, big_gcd, big_mul, big_set, big_times
from .bonuses cimport units_bought
from .columns cimport Columns
from .earned cimport keeps_rest
from .earnings cimport carried
from .history cimport Sold
from .lines cimport gone, prepare
from .rate cimport rate_all
from .rests cimport Rest, add_between, add_rest, copy_rest, lowest, rest_of
from .rules cimport (
    BONUS, EARN, GROUP_FIRST, MULTIPLY, NO_SUCH_LINE, OK, PER_UNITS, QUANTITY, RETURNS_TOO_MUCH,
    STACK_BEST, RuleTable)
from .stacks cimport bigger_factor
from .state cimport Vec
from .work cimport Work


cdef enum:
    NO_SKU = -1        # of what a return names: none; a name that nobody knows is -2


cdef inline int64_t left_quantity(const Columns *in_, const Sold *s, int64_t lo,
                                  int64_t k) noexcept nogil:
    if gone(in_.quantity[lo + k], in_.net[lo + k], s.back_quantity[k], s.back_net[k]):
        return 0
    return in_.quantity[lo + k] - s.back_quantity[k]


cdef inline int64_t left_net(const Columns *in_, const Sold *s, int64_t lo,
                             int64_t k) noexcept nogil:
    if gone(in_.quantity[lo + k], in_.net[lo + k], s.back_quantity[k], s.back_net[k]):
        return 0
    return in_.net[lo + k] - s.back_net[k]


cdef inline void take_line(const Columns *in_, Sold *s, int64_t lo, int64_t k, int64_t *quantity,
                           int64_t *net) noexcept nogil:
    """Take from one line what it has left of a quantity and an amount that come back."""
    cdef int64_t have = left_quantity(in_, s, lo, k), amount = left_net(in_, s, lo, k)
    cdef int64_t part = quantity[0] if quantity[0] < have else have
    if net[0] < amount:
        amount = net[0]
    s.back_quantity[k] += part
    s.back_net[k] += amount
    quantity[0] -= part
    net[0] -= amount


cdef inline bint is_back(const Columns *in_, const Sold *s, int64_t lo, int64_t k) noexcept nogil:
    """Whether all of a line that was sold has come back; one of nothing was not sold."""
    return ((in_.quantity[lo + k] != 0 or in_.net[lo + k] != 0)
            and gone(in_.quantity[lo + k], in_.net[lo + k], s.back_quantity[k], s.back_net[k]))


cdef inline bint exceeds_rung_up(const Columns *in_, const Sold *s, int64_t lo,
                                 int64_t k) noexcept nogil:
    """Whether more has come back of a voided line, or in its name, than was rung up on it."""
    return (in_.quantity[lo + k] - left_quantity(in_, s, lo, k) + s.over_quantity[k]
            > in_.rung_quantity[lo + k]
            or in_.net[lo + k] - left_net(in_, s, lo, k) + s.over_net[k] > in_.rung_net[lo + k])


cdef inline int bring_back(Work *w, Sold *s, int64_t i, const int32_t *sku) noexcept nogil:
    """Count the lines of a return against the sale's; a status, s is then as it was or not.

    A line is named, or the lines of a sku are meant, the latest first. What exceeds a line
    of which a void has taken goes to the sku's other lines, as far as it was rung up on the line
    that is named. An amount on what is back already moves nothing. A return without lines brings
    back all that is left. A line that is named with a sku is one of that sku, which may be a name
    that nobody has heard of.
    """
    cdef const Columns *in_ = w.in_
    cdef int64_t lo = in_.lines_from[s.row], n = in_.lines_from[s.row + 1] - lo, b, k, named
    cdef int64_t quantity, net, rest, whole
    cdef int32_t of
    cdef bint voided, any_back
    if in_.back_from[i] == in_.back_from[i + 1]:
        memcpy(s.back_quantity, in_.quantity + lo, n * sizeof(int64_t))
        memcpy(s.back_net, in_.net + lo, n * sizeof(int64_t))
        return OK
    for b in range(in_.back_from[i], in_.back_from[i + 1]):
        quantity, net = in_.back_quantity[b], in_.back_net[b]
        named = -1
        of = in_.back_sku[b]
        if in_.back_line[b] > 0:
            for k in range(n):
                if in_.line[lo + k] == in_.back_line[b]:
                    named = k
            if named < 0 or (of != NO_SKU and sku[in_.product[lo + named]] != of):
                return NO_SUCH_LINE
            of = sku[in_.product[lo + named]]
        voided = named >= 0 and in_.rung_quantity != NULL and in_.rung_quantity[lo + named] >= 0
        rest = whole = 0
        any_back = False
        for k in range(n):
            if k == named or (named < 0 and sku[in_.product[lo + k]] == of):
                whole += 1
                rest += left_quantity(in_, s, lo, k) + left_net(in_, s, lo, k)
                any_back = any_back or is_back(in_, s, lo, k)
        if whole == 0:
            return NO_SUCH_LINE
        if quantity == 0 and rest == 0 and any_back:
            continue
        if named >= 0:
            take_line(in_, s, lo, named, &quantity, &net)
        if voided:
            s.over_quantity[named] += quantity
            s.over_net[named] += net
            if exceeds_rung_up(in_, s, lo, named):
                return RETURNS_TOO_MUCH
        for k in range(n - 1, -1, -1):
            if (voided or named < 0) and k != named and sku[in_.product[lo + k]] == of:
                take_line(in_, s, lo, k, &quantity, &net)
        if quantity or net:
            return RETURNS_TOO_MUCH
    return OK


cdef inline void cut_to_first(const RuleTable *t, const Sold *s, int32_t c,
                              int64_t *given) noexcept nogil:
    """The lesser of F and what the sale gave at first, cut from the last rule backwards."""
    cdef int32_t k
    cdef int64_t first = 0, now = 0, part
    for k in range(t.n_rules):
        if t.currency[k] == c:
            first += s.first[k]
            now += given[k]
    for k in range(t.n_rules - 1, -1, -1):
        if now <= first:
            return
        if t.currency[k] == c and given[k]:
            part = given[k] if given[k] < now - first else now - first
            given[k] -= part
            now -= part


cdef inline void carry_moved(Work *w, const RuleTable *t, int64_t *row, Sold *s, int32_t rule,
                             const Vec *after) noexcept nogil:
    """Correct a carried remainder by what it would have been after what is left."""
    cdef Vec **mine = <Vec**>(row + t.slot[rule])
    cdef Rest now = rest_of(after), then = rest_of(s.after[rule])
    if not (add_rest(mine, &now, False) and add_rest(mine, &then, True)
            and copy_rest(&s.after[rule], after)):
        w.failed = 1


cdef inline void rate_left(Work *w, const RuleTable *t, Sold *s, Basket *b,
                           int64_t *row) noexcept nogil:
    """recompute: w.given is what the sale has given with what is left of it."""
    cdef int32_t k, c
    w.rated.n_fired = w.rated.n_part = 0
    w.rated.overflow = 0
    b.bought = s.bought
    b.n_bought = s.n_bought
    if b.eligible > 0:
        rate_all(t, b, s.before, s.tier, s.active, &w.rated)
    for k in range(t.n_rules):
        w.given[k] = 0
    for k in range(w.rated.n_fired):
        w.given[w.rated.fired[k]] = w.rated.granted[w.rated.fired[k]]
    for k in range(t.n_rules):
        if not keeps_rest(t, k):
            continue
        # A rule that takes no part any more leaves the remainder as it was before the sale.
        c = 0
        for c in range(w.rated.n_part):
            if w.rated.part[c] == k and w.rated.limit[k] != -1:
                break
        else:
            if not copy_rest(&w.rated.after[k], <const Vec*>s.before[t.slot[k]]):
                w.failed = 1
        carry_moved(w, t, row, s, k, w.rated.after[k])
    for c in range(t.n_currencies):
        cut_to_first(t, s, c, w.given)


cdef struct Own:
    # What a rule's own lines measured when they were sold, and what of it is back.
    int64_t all_
    int64_t back
    bint any_left
    Big units            # thousandths that are left, over units_den: of a bonus per units
    Big units_den


cdef inline bint is_own(const RuleTable *t, const Rated *r, int32_t part, int32_t line,
                        int32_t tier) noexcept nogil:
    """Whether a line counts for the rule at a place of r.part.

    A group `first` has a line once; in a stack `best` it is of the largest factor.
    """
    cdef int32_t i, rule = r.part[part], other
    cdef int32_t group = t.group[rule], mode = t.group_mode[group] if group >= 0 else 0
    if not r.matched[<int64_t>line * t.n_words + (rule >> 6)] >> (rule & 63) & 1:
        return False
    if not ((t.kind[rule] == EARN and mode == GROUP_FIRST)
            or (t.kind[rule] == MULTIPLY and mode == STACK_BEST)):
        return True
    for i in range(r.n_part):
        other = r.part[i]
        if (i == part or t.kind[other] != t.kind[rule] or t.group[other] != group
                or not r.matched[<int64_t>line * t.n_words + (other >> 6)] >> (other & 63) & 1):
            continue
        if t.kind[rule] == EARN:
            if i < part:
                return False
        elif bigger_factor(t, other, rule, tier) or (
                i < part and not bigger_factor(t, rule, other, tier)):
            return False
    return True


cdef inline void add_units(Own *own, int64_t quantity, int64_t unpaid, int64_t net,
                           int *overflow) noexcept nogil:
    """Units of a line that is left, its redeemed share left out."""
    cdef Big piece, den, g, rest
    big_set(&piece, quantity)
    big_set(&den, 1)
    if unpaid != net and net > 0:
        big_times(&piece, unpaid, overflow)
        big_set(&den, net)
    big_mul(&piece, &piece, &own.units_den, overflow)
    big_mul(&own.units, &own.units, &den, overflow)
    big_add(&own.units, &own.units, &piece, overflow)
    big_mul(&own.units_den, &own.units_den, &den, overflow)
    big_gcd(&g, &own.units_den, &own.units)
    if g.n:
        big_divmod(&piece, &rest, &own.units_den, &g)
        big_copy(&own.units_den, &piece)
        big_divmod(&piece, &rest, &own.units, &g)
        big_copy(&own.units, &piece)


cdef inline void measure(Work *w, const RuleTable *t, const Sold *s, const Basket *whole,
                         int32_t part, Own *own, int *overflow) noexcept nogil:
    """By what a rule's points go back: eligible amount of its own lines, or their units.

    What is left of each line stands in w.back_quantity and, unpaid, in w.back_net.
    """
    cdef int32_t j, rule = w.rated.part[part]
    cdef int64_t k, quantity, left, lo = w.in_.lines_from[s.row]
    cdef bint is_left, per_units = t.kind[rule] == BONUS and t.form[rule] == PER_UNITS
    own.all_ = own.back = 0
    own.any_left = False
    big_set(&own.units, 0)
    big_set(&own.units_den, 1)
    for j in range(whole.n):
        if not is_own(t, &w.rated, part, j, s.tier):
            continue
        k = whole.lines[j].place
        is_left = not is_back(w.in_, s, lo, k)
        own.any_left = own.any_left or is_left
        if not per_units and (t.kind[rule] != EARN or t.basis[rule] != QUANTITY):
            own.all_ += whole.lines[j].unpaid
            own.back += whole.lines[j].unpaid - w.back_net[k]
            continue
        quantity, left = whole.lines[j].quantity, w.back_quantity[k]
        if per_units and t.product_weighed[whole.lines[j].product]:
            # It counts as one unit until it is gone.
            quantity = 1000
            left = 1000 if is_left else 0
        own.all_ += quantity
        own.back += quantity - left
        if per_units and is_left:
            add_units(own, left, w.back_net[k], w.in_.net[lo + k] - s.back_net[k], overflow)


cdef inline void share_left(Work *w, const RuleTable *t, Sold *s, int64_t *row) noexcept nogil:
    """proportional: w.given by the share of each rule's own lines that is back."""
    cdef Basket whole, b
    cdef int64_t n = w.in_.lines_from[s.row + 1] - w.in_.lines_from[s.row]
    cdef int64_t redeemed_back, k, points
    cdef int32_t j, r, rule
    cdef int overflow = 0
    cdef Own own
    for k in range(t.n_rules):
        w.given[k] = s.first[k]
    prepare(w, t, s.row, s.back_quantity, s.back_net, True, &b, &redeemed_back)
    memset(w.back_quantity, 0, (n + 1) * sizeof(int64_t))
    memset(w.back_net, 0, (n + 1) * sizeof(int64_t))
    for j in range(b.n):
        w.back_quantity[b.lines[j].place] = b.lines[j].quantity
        w.back_net[b.lines[j].place] = b.lines[j].unpaid
    prepare(w, t, s.row, NULL, NULL, True, &whole, &redeemed_back)
    whole.form = BASKET
    whole.bought = s.bought
    whole.n_bought = s.n_bought
    if whole.eligible <= 0:
        return
    rate_all(t, &whole, s.before, s.tier, s.active, &w.rated)
    for r in range(w.rated.n_part):
        rule = w.rated.part[r]
        measure(w, t, s, &whole, r, &own, &overflow)
        if not own.any_left:
            points = s.first[rule]
        elif (t.kind[rule] == BONUS and t.form[rule] != PER_UNITS) or own.all_ <= 0:
            points = 0
        else:
            points = <int64_t>(<i128>s.first[rule] * own.back // own.all_)
        w.given[rule] = s.first[rule] - points
        if w.rated.limit[rule] == -1 or not keeps_rest(t, rule):
            continue
        if t.kind[rule] == BONUS:
            keep_units(w, t, &whole, row, s, rule, points, &own, &overflow)
        else:
            keep_share(w, t, row, s, rule, points, own.any_left)
    if overflow:
        w.rated.overflow = 1


cdef inline void keep_units(Work *w, const RuleTable *t, const Basket *whole, int64_t *row,
                            Sold *s, int32_t rule, int64_t points, const Own *own,
                            int *overflow) noexcept nogil:
    """proportional: units that are back are given back; a reward stands by its points."""
    cdef Big num, den, piece, n, d
    cdef Rest more
    cdef int64_t rewards
    # after = before + units left - units rewarded x (first - points) / first
    units_bought(t, whole, rule, &w.rated, &num)
    # Those of a sale that is back are all gone, whatever limits had left of their points.
    rewards = (carried(t, s.before, rule, &num, &w.rated.whole, t.units[rule], &w.rated)
               if own.any_left else 0)
    big_copy(&num, &own.units)
    big_copy(&den, &own.units_den)
    big_copy(&piece, &den)
    big_times(&piece, rewards, overflow)
    big_times(&piece, t.units[rule], overflow)
    if s.first[rule] > 0:
        big_times(&piece, s.first[rule] - points, overflow)
        big_times(&num, s.first[rule], overflow)
        big_times(&den, s.first[rule], overflow)
    piece.neg = 1 if piece.n else 0
    big_add(&num, &num, &piece, overflow)
    if overflow[0]:
        return
    more = lowest(&num, &den, &n, &d)
    if not (copy_rest(&w.rated.after[rule], <const Vec*>s.before[t.slot[rule]])
            and add_rest(&w.rated.after[rule], &more, False)):
        w.failed = 1
        return
    carry_moved(w, t, row, s, rule, w.rated.after[rule])


cdef inline void keep_share(Work *w, const RuleTable *t, int64_t *row, Sold *s, int32_t rule,
                            int64_t points, bint any_left) noexcept nogil:
    """proportional: the carried sum falls by the share that its points fall by."""
    cdef int64_t of = s.first[rule]
    cdef Vec *after = NULL
    # after = rest after the sale, less (exact - given) times the share that is back:
    # with all of it back the remainder is what it was before the sale.
    if of == 0:
        points = 0 if any_left else 1
        of = 1
    if add_between(&after, <const Vec*>s.before[t.slot[rule]], w.rated.after[rule], points, of):
        carry_moved(w, t, row, s, rule, after)
    else:
        w.failed = 1
    free(after)
