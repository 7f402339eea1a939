"""The general way of folding: facts of any kind, whatever a program says.

It is more code than a compiler can inline into one loop, so it stands apart from the plain
way (see setup.py).
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free

from .absorb cimport apply_absorb
from .accrual cimport apply_payment
from .basket cimport FEW_LIMBS, Line, make_lists
from .closing cimport close_day
from .columns cimport ACCEPTED, NO_SUCH_TIER, Columns, moment, today
from .facts cimport apply_activity, apply_adjust, apply_sets
from .held cimport has_run_out
from .history cimport History
from .holds cimport apply_cancel, apply_capture, apply_hold, apply_release, run_out
from .leaving cimport apply_close
from .moving cimport apply_giving, apply_receiving
from .redemptions cimport apply_redeem
from .returns cimport apply_no_receipt, apply_return, finds_too_few
from .rules cimport (
    ACTIVITY, ADJUST, CANCEL, CAPTURE, CLOSE, DONATE, HOLD, MERGE, OK, PAYMENT, POINTS_SPENT, POOL,
    REDEEM, RELEASE, RETURN, REWARD_REDEEM, SALE, TRANSFER, TRANSFER_IN, UNKNOWN_TIER, RuleTable)
from .rungs cimport has_tiers, tier_on
from .sales cimport apply_sale
from .state cimport LAST_AT, Vec
from .stepping_back cimport tiers_back
from .work cimport Work, write_balances


cdef void apply_closings(Work *w, uint32_t member, int64_t before) noexcept nogil:
    """Apply the closed days that come before an instant to a member."""
    cdef int64_t *row = w.g.rows + member * w.g.width
    cdef History *h = w.histories[member] if w.histories != NULL else NULL
    while (w.closing_at[member] < w.closings.n
           and w.closings.at[w.closing_at[member]] < before):
        close_day(w, member, w.closing_at[member], row, h)
        w.closing_at[member] += 1


cdef int apply_exchange(Work *w, const RuleTable *t, int64_t i, int64_t *row, History *h,
                        bint named) noexcept nogil:
    """The return part frees its room, the sale part follows, tiers are looked at once."""
    cdef int status = apply_return(w, t, i, row, h, True)
    if status != OK or w.failed:
        return status
    if finds_too_few(w, t, i):
        return POINTS_SPENT
    status = apply_sale(w, t, i, row, h, named, True)
    if status == OK and not w.failed and not t.keeps_tiers and has_tiers(t):
        if not tiers_back(w, t, h, i, row, today(w.in_, i)):
            w.failed = 1
    return POINTS_SPENT if status == OK and finds_too_few(w, t, i) else status


cdef int fold_general(Work *w, const uint32_t *order, int64_t n,
                      const uint8_t *named) noexcept nogil:
    """Fold rows of any kind; -1 without memory."""
    cdef int64_t k, i
    cdef int64_t *row
    cdef const RuleTable *t
    cdef const Columns *in_ = w.in_
    cdef History *h
    cdef int status, kind
    cdef int32_t tier, day
    for k in range(n):
        i = order[k]
        row = w.g.rows + in_.member[i] * w.g.width
        t = w.tables[in_.version[i]]
        h = w.histories[in_.member[i]] if w.histories != NULL else NULL
        if w.closings != NULL:
            apply_closings(w, in_.member[i], in_.at[i])
            if in_.absorbs != NULL and in_.absorbs[i] >= 0:
                apply_closings(w, <uint32_t>in_.absorbs[i], in_.at[i])
        if has_run_out(row, moment(in_, i)) and not run_out(w, t, row, moment(in_, i), -1, h):
            return -1
        kind = in_.kind[i]
        if kind == SALE:
            if in_.names[i] >= 0 and h != NULL:
                status = apply_exchange(w, t, i, row, h, named[i])
            else:
                status = apply_sale(w, t, i, row, h, named[i], False)
        elif kind == RETURN:
            if in_.names[i] >= 0 and h != NULL:
                status = apply_return(w, t, i, row, h, False)
            else:
                status = apply_no_receipt(w, t, i, row, h)
        elif kind == PAYMENT:
            status = apply_payment(w, t, i, row, h)
        elif kind == ACTIVITY:
            status = apply_activity(w, t, i, row, h)
        elif kind == ADJUST:
            status = apply_adjust(w, t, i, row, h)
        elif kind == REDEEM:
            status = apply_redeem(w, t, i, row, h)
        elif kind == HOLD:
            status = apply_hold(w, t, i, row, h)
        elif kind == CAPTURE:
            status = apply_capture(w, t, i, row, h)
        elif kind == RELEASE:
            status = apply_release(w, t, i, row, h)
        elif kind == CANCEL:
            status = apply_cancel(w, t, i, row, h)
        elif kind == TRANSFER or kind == DONATE or kind == REWARD_REDEEM:
            status = apply_giving(w, t, i, row, h)
        elif kind == TRANSFER_IN:
            status = apply_receiving(w, t, i, row, h)
        elif kind == CLOSE:
            status = apply_close(w, t, i, row, h)
        elif kind == MERGE or kind == POOL:
            status = apply_absorb(w, t, i, row, h)
        elif in_.flags[i] & NO_SUCH_TIER and not in_.flags[i] & ACCEPTED:
            status = UNKNOWN_TIER
        else:
            status = apply_sets(w, t, i, row, h)
        if w.failed or w.rated.failed or w.takes.failed:
            return -1
        w.out.status[i] = <uint8_t>status
        if status == OK and in_.at[i] > row[LAST_AT]:
            row[LAST_AT] = in_.at[i]
        day = today(in_, i)
        tier = tier_on(t, row, day)
        write_balances(w, i, row, day, t.rung[tier] if tier >= 0 else -1)
    return 0


cdef int run_out_row(Work *w, const RuleTable *t, int64_t *row, int64_t at) noexcept nogil:
    """Release what of a row has run out by an instant; -1 without memory."""
    return -1 if not run_out(w, t, row, at, -1, NULL) or w.failed or w.takes.failed else 0


cdef int make_work(Work *w, int32_t rules, int32_t words, int32_t counters, int32_t limits,
                   int32_t figures_asked, int32_t classes, int64_t lines,
                   int64_t tenders) noexcept nogil:
    """Allocate what one fact needs, whatever the batch; -1 without memory."""
    cdef int64_t c = w.g.n_currencies + 1
    cdef int64_t figures = 8 * lines + 3 * tenders + 8 * c + 4 * counters + 4 * rules
    cdef int64_t *block
    figures += w.g.width + limits + 4 * lines + 2 * figures_asked + 3 * w.g.n_tiers + 64
    w.lines = <Line*>calloc(lines + 1, sizeof(Line))
    w.line_of = <int32_t*>calloc(classes + 1, sizeof(int32_t))
    w.rated.after = <Vec**>calloc(rules, sizeof(void*))
    w.n_rules = rules
    block = <int64_t*>calloc(figures, sizeof(int64_t))
    w.paid = block
    w.rated.year = <int32_t*>calloc(5 * rules + 4, sizeof(int32_t))
    w.rated.words = <uint64_t*>calloc(words + lines * (words + 1) + 1, sizeof(uint64_t))
    w.rated.n_lines = lines
    w.rated.n_currencies = c
    w.rated.n_rules = rules
    if (w.lines == NULL or w.line_of == NULL or w.rated.after == NULL or block == NULL
            or w.rated.year == NULL
            or w.rated.words == NULL or not make_lists(&w.rated, FEW_LIMBS)):
        return -1
    w.weight = w.paid + tenders + 1
    w.part = w.weight + lines
    w.rest = w.part + lines
    w.back_quantity = w.rest + lines
    w.back_net = w.back_quantity + lines
    w.over_quantity = w.back_net + lines
    w.over_net = w.over_quantity + lines
    w.active = w.over_net + lines
    w.net_of = w.active + c
    w.asked_in = w.net_of + c
    w.wait_of = w.asked_in + c
    w.renewed = w.wait_of + c
    w.broken = w.renewed + c
    w.from_named = w.broken + c
    w.asked_of = w.from_named + tenders + 1
    w.amounts = w.asked_of + tenders + 1
    w.amounts_now = w.amounts + counters
    w.later = w.amounts_now + counters
    w.given = w.later + 2 * counters
    w.waits = w.given + rules
    w.seen = w.waits + rules
    w.now = w.seen + figures_asked + 1
    w.marks = w.now + figures_asked + 1
    w.good = w.marks + w.g.n_tiers + 1
    w.met = w.good + w.g.n_tiers + 1
    w.ahead = w.met + w.g.n_tiers + 1
    w.rated.desired = w.ahead + w.g.width
    w.rated.granted = w.rated.desired + rules
    w.rated.room = w.rated.granted + rules
    w.rated.share = w.rated.room + limits
    w.rated.rest = w.rated.share + lines
    w.rated.category = w.rated.rest + lines
    w.rated.limit = w.rated.year + rules
    w.rated.fired = w.rated.limit + rules
    w.rated.part = w.rated.fired + rules
    w.rated.roomless = w.rated.part + rules
    w.rated.matched = w.rated.words + words
    w.rated.taken = w.rated.matched + lines * words
    return 0


cdef void free_work(Work *w) noexcept nogil:
    cdef int32_t i
    if w.rated.after != NULL:
        for i in range(w.n_rules):
            free(w.rated.after[i])
    free(w.rated.after)
    free(w.lines)
    free(w.line_of)
    free(w.paid)
    free(w.rated.year)
    free(w.rated.words)
    free(w.rated.basis)
    free(w.takes.lot)
    free(w.bought)
