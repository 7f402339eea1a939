"""Carried remainders: exact fractions of any length, in lists that members' rows own.

Sales that are paid in part with gift cards or points leave remainders over their lines' nets, and
the common denominator of many sales has no bound. A list has the numerator's limbs, then the
denominator's; its first value is the number of the former, below zero for a remainder below zero.
An empty list is 0. The form is the lowest one: equal remainders are equal lists.
"""

from libc.stdint cimport int32_t, int64_t, uint64_t
from libc.stdlib cimport free, malloc, realloc
from libc.string cimport memcpy

from .arith cimport MOST_UNITS
from .big cimport Big, big_divmod, big_gcd
from .limbs cimport Limb, nat_add, nat_cmp, nat_divmod, nat_gcd, nat_mul, nat_sub
from .state cimport Vec


cdef enum:
    NEARBY = 640           # limbs of scratch for which nobody asks for memory


cdef struct Rest:
    # A fraction in lowest terms whose limbs are another's; n is 0 for 0.
    bint neg
    int64_t n
    int64_t n_den
    const Limb *num
    const Limb *den


cdef struct Scratch:
    Limb near[NEARBY]
    Limb *limbs
    int64_t used
    Limb one


cdef inline bint open_scratch(Scratch *s, int64_t limbs) noexcept nogil:
    """Room for so many limbs in all; False without memory."""
    s.used = 0
    s.one = 1
    s.limbs = s.near
    if limbs > NEARBY:
        s.limbs = <Limb*>malloc(limbs * sizeof(Limb))
    return s.limbs != NULL


cdef inline void close_scratch(Scratch *s) noexcept nogil:
    if s.limbs != s.near:
        free(s.limbs)


cdef inline Limb *some(Scratch *s, int64_t limbs) noexcept nogil:
    """The next so many limbs of the scratch."""
    s.used += limbs
    return s.limbs + s.used - limbs


cdef inline Rest rest_of(const Vec *v) noexcept nogil:
    """A remainder as a list keeps it; NULL is 0."""
    cdef Rest r
    r.neg = False
    r.n = r.n_den = 0
    r.num = r.den = NULL
    if v == NULL or v.n == 0:
        return r
    r.neg = v.d[0] < 0
    r.n = -v.d[0] if r.neg else v.d[0]
    r.n_den = v.n - 1 - r.n
    r.num = <const Limb*>&v.d[1]
    r.den = r.num + r.n
    return r


cdef inline Rest lowest(const Big *num, const Big *den, Big *n, Big *d) noexcept nogil:
    """A ratio in lowest terms, which stand in n and d."""
    cdef Rest r
    cdef Big g, rest
    r.neg = num.neg
    r.n = r.n_den = 0
    r.num = n.d
    r.den = d.d
    if num.n:
        big_gcd(&g, num, den)
        big_divmod(n, &rest, num, &g)
        big_divmod(d, &rest, den, &g)
        r.n, r.n_den = n.n, d.n
    return r


cdef inline bint put_rest(Vec **to, const Rest *r) noexcept nogil:
    """Write a remainder, whose limbs are not the list's, into a list; False without memory."""
    cdef int64_t size = 1 + r.n + r.n_den if r.n else 0
    cdef Vec *v = to[0]
    if size == 0:
        if v != NULL:
            v.n = 0
        return True
    if v == NULL or v.room < size:
        v = <Vec*>realloc(v, sizeof(Vec) + size * sizeof(int64_t))
        if v == NULL:
            return False
        v.room = <int32_t>size
        to[0] = v
    v.n = <int32_t>size
    v.d[0] = -r.n if r.neg else r.n
    memcpy(&v.d[1], r.num, r.n * sizeof(Limb))
    memcpy(&v.d[1 + r.n], r.den, r.n_den * sizeof(Limb))
    return True


cdef inline bint copy_rest(Vec **to, const Vec *v) noexcept nogil:
    """Make a list one of its own that says the same as another; False without memory."""
    cdef Rest r = rest_of(v)
    return put_rest(to, &r)


cdef inline int64_t room_of(const Rest *a, const Rest *b) noexcept nogil:
    """Limbs that no figure of a sum of two is longer than."""
    return a.n + a.n_den + b.n + b.n_den + 4


cdef inline void divided(Scratch *s, const Limb *a, int64_t n, const Limb *by, int64_t n_by,
                         Limb **out, int64_t *n_out) noexcept nogil:
    """What a number is divided by one of its divisors."""
    cdef int64_t kept, n_rest
    out[0] = some(s, n + 1)
    kept = s.used
    nat_divmod(out[0], n_out, some(s, n_by + 1), &n_rest, a, n, by, n_by, some(s, n + n_by + 1))
    s.used = kept


cdef inline void common(Scratch *s, const Limb *a, int64_t n, const Limb *b, int64_t m, Limb **out,
                        int64_t *n_out) noexcept nogil:
    """The greatest common divisor of two numbers."""
    cdef int64_t most = n if n > m else m, kept
    out[0] = some(s, most)
    kept = s.used
    nat_gcd(out[0], n_out, a, n, b, m, some(s, 5 * most + 2))
    s.used = kept


cdef inline Rest sum_of(Scratch *s, const Rest *a, const Rest *b, bint minus) noexcept nogil:
    """a + b, or a - b, in lowest terms; its limbs are theirs, or the scratch's.

    With g the common divisor of the denominators only g can have anything in common with the
    numerator (Knuth, 4.5.1): where one fraction is short, all divisors are.
    """
    cdef Rest r
    cdef bint b_neg = b.neg != minus
    cdef Limb *g
    cdef Limb *a_by
    cdef Limb *b_by
    cdef Limb *x
    cdef Limb *y
    cdef Limb *t
    cdef int64_t n_g, n_a, n_b, n_x, n_y, n_t
    if b.n == 0:
        return a[0]
    if a.n == 0:
        r = b[0]
        r.neg = b_neg
        return r
    common(s, a.den, a.n_den, b.den, b.n_den, &g, &n_g)
    divided(s, a.den, a.n_den, g, n_g, &a_by, &n_a)
    divided(s, b.den, b.n_den, g, n_g, &b_by, &n_b)
    x = some(s, a.n + n_b)
    n_x = nat_mul(x, a.num, a.n, b_by, n_b)
    y = some(s, b.n + n_a)
    n_y = nat_mul(y, b.num, b.n, a_by, n_a)
    t = some(s, (n_x if n_x > n_y else n_y) + 1)
    r.neg = a.neg
    if a.neg == b_neg:
        n_t = nat_add(t, x, n_x, y, n_y)
    elif nat_cmp(x, n_x, y, n_y) >= 0:
        n_t = nat_sub(t, x, n_x, y, n_y)
    else:
        n_t = nat_sub(t, y, n_y, x, n_x)
        r.neg = b_neg
    r.n = n_t
    r.n_den = 0
    r.num, r.den = t, t
    if n_t == 0:
        r.neg = False
        return r
    common(s, t, n_t, g, n_g, &g, &n_g)
    divided(s, t, n_t, g, n_g, &t, &r.n)
    divided(s, b.den, b.n_den, g, n_g, &b_by, &n_b)
    r.num = t
    x = some(s, n_a + n_b)
    r.n_den = nat_mul(x, a_by, n_a, b_by, n_b)
    r.den = x
    return r


cdef inline Rest scaled(Scratch *s, const Rest *a, int64_t by, int64_t over) noexcept nogil:
    """a times by / over (by >= 0, over > 0), in lowest terms."""
    cdef Rest r = a[0]
    cdef Limb *g
    cdef Limb *x
    cdef Limb *y
    cdef Limb *up = some(s, 1)
    cdef Limb *down = some(s, 1)
    cdef int64_t n_g, n_x, n_y, n_up = 1, n_down = 1
    if by == 0 or a.n == 0:
        r.n = r.n_den = 0
        r.neg = False
        return r
    up[0], down[0] = <uint64_t>by, <uint64_t>over
    common(s, up, 1, down, 1, &g, &n_g)
    divided(s, up, 1, g, n_g, &up, &n_up)
    divided(s, down, 1, g, n_g, &down, &n_down)
    # Across: what each has in common with the other's.
    common(s, a.num, a.n, down, n_down, &g, &n_g)
    divided(s, a.num, a.n, g, n_g, &x, &n_x)
    divided(s, down, n_down, g, n_g, &down, &n_down)
    common(s, a.den, a.n_den, up, n_up, &g, &n_g)
    divided(s, a.den, a.n_den, g, n_g, &y, &n_y)
    divided(s, up, n_up, g, n_g, &up, &n_up)
    g = some(s, n_x + n_up)
    r.n = nat_mul(g, x, n_x, up, n_up)
    r.num = g
    g = some(s, n_y + n_down)
    r.n_den = nat_mul(g, y, n_y, down, n_down)
    r.den = g
    return r


cdef inline int64_t whole_of(Scratch *s, Rest *a, int64_t per, int *overflow) noexcept nogil:
    """floor(a / per), at least 0; a is what it then leaves, still in lowest terms."""
    cdef Limb *each
    cdef Limb *q
    cdef Limb *left
    cdef Limb *by = some(s, 1)
    cdef int64_t n_each, n_q, n_left
    if a.n == 0 or a.neg:
        return 0
    by[0] = <uint64_t>per
    each = some(s, a.n_den + 1)
    n_each = nat_mul(each, a.den, a.n_den, by, 1)
    q = some(s, a.n + 1)
    left = some(s, n_each + a.n)
    nat_divmod(q, &n_q, left, &n_left, a.num, a.n, each, n_each, some(s, a.n + n_each + 1))
    if n_q > 1 or (n_q == 1 and q[0] > <uint64_t>MOST_UNITS):
        overflow[0] = 1
        return 0
    a.num, a.n = left, n_left
    return <int64_t>q[0] if n_q else 0


cdef inline bint add_rest(Vec **to, const Rest *b, bint minus) noexcept nogil:
    """Add a fraction to a remainder, or take it away; False without memory."""
    cdef Scratch s
    cdef Rest a = rest_of(to[0]), r
    cdef Vec *out = NULL
    cdef bint done
    if not open_scratch(&s, 26 * room_of(&a, b)):
        return False
    r = sum_of(&s, &a, b, minus)
    # The sum may be the list's own limbs.
    done = put_rest(&out, &r)
    if done:
        free(to[0])
        to[0] = out
    close_scratch(&s)
    return done


cdef inline int64_t take_whole(const Vec *before, const Big *num, const Big *den, int64_t per,
                               Vec **after, int *overflow, int *failed) noexcept nogil:
    """floor((before + num / den) / per), at least 0; `after`, a list of its own, is what is left.
    """
    cdef Scratch s
    cdef Big n, d
    cdef Rest a = rest_of(before), b = lowest(num, den, &n, &d), r
    cdef int64_t given
    if not open_scratch(&s, 40 * room_of(&a, &b)):
        failed[0] = 1
        return 0
    r = sum_of(&s, &a, &b, False)
    given = whole_of(&s, &r, per, overflow)
    if not put_rest(after, &r):
        failed[0] = 1
    close_scratch(&s)
    return given


cdef inline bint add_between(Vec **to, const Vec *a, const Vec *b, int64_t part,
                             int64_t whole) noexcept nogil:
    """Add a x part / whole + b x (whole - part) / whole to a list; False without memory."""
    cdef Scratch s
    cdef Rest one = rest_of(a), two = rest_of(b)
    cdef bint done
    if not open_scratch(&s, 30 * room_of(&one, &two)):
        return False
    one = scaled(&s, &one, part, whole)
    two = scaled(&s, &two, whole - part, whole)
    done = add_rest(to, &one, False) and add_rest(to, &two, False)
    close_scratch(&s)
    return done
