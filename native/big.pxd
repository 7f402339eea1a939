"""Exact whole numbers of up to 40,960 bits, and one function that rounds a ratio of them.

The general rating of a basket keeps its exact figures over one common denominator, which
may be long: the nets of lines paid in part with points, limits that cut, figures of bands.
Nearly all of them are of one limb all the same: that case is inlined where it is asked for.
The bound is a thousand nets of 40 bits each: a number takes 5 KB, of which only the limbs that it
has are ever touched. They stand on the stack, a few dozen at most; lists of them are closer
together (see `Rated` in `basket.pxd`).
Nothing here wraps: what does not fit sets *overflow and the fact is refused (rulebook 1).
"""

from libc.stdint cimport int32_t, int64_t

from .arith cimport i128
from .limbs cimport Limb

cdef extern from *:
    """
    #ifndef VAFA_BIG
    #define VAFA_BIG
    #include <stdint.h>
    #include <string.h>
    #define VAFA_LIMBS 640
    typedef struct { int32_t n; int32_t neg; uint64_t d[VAFA_LIMBS]; } vafa_big;
    #define VAFA_SHORT static inline __attribute__((always_inline))
    #define VAFA_LONG static __attribute__((noinline, unused))

    VAFA_SHORT void vafa_big_copy(vafa_big *out, const vafa_big *a) {
        out->n = a->n; out->neg = a->neg;
        if (a->n == 1) out->d[0] = a->d[0];
        else if (a->n) memcpy(out->d, a->d, a->n * sizeof(uint64_t));
    }
    /* The value of one that is at most a limb long. */
    VAFA_SHORT uint64_t vafa_big_limb(const vafa_big *a) { return a->n ? a->d[0] : 0; }
    VAFA_SHORT void vafa_big_set(vafa_big *a, __int128 v) {
        vafa_u128 u = v < 0 ? -(vafa_u128)v : (vafa_u128)v;
        a->neg = v < 0;
        a->d[0] = (uint64_t)u; a->d[1] = (uint64_t)(u >> 64);
        a->n = a->d[1] ? 2 : a->d[0] ? 1 : 0;
    }
    static inline void vafa_big_trim(vafa_big *a) {
        while (a->n && !a->d[a->n - 1]) a->n--;
        if (!a->n) a->neg = 0;
    }
    static inline int vafa_big_cmp_abs(const vafa_big *a, const vafa_big *b) {
        return vafa_nat_cmp(a->d, a->n, b->d, b->n);
    }
    static inline int vafa_big_cmp(const vafa_big *a, const vafa_big *b) {
        if (a->neg != b->neg) return a->neg ? -1 : 1;
        return a->neg ? -vafa_big_cmp_abs(a, b) : vafa_big_cmp_abs(a, b);
    }
    static inline void vafa_big_sub_abs(vafa_big *out, const vafa_big *a, const vafa_big *b) {
        /* |a| >= |b| */
        out->n = (int32_t)vafa_nat_sub(out->d, a->d, a->n, b->d, b->n);
    }
    VAFA_LONG void vafa_big_add_long(vafa_big *out, const vafa_big *a, const vafa_big *b,
                                     int *overflow) {
        if (a->neg == b->neg) {
            uint64_t r[VAFA_LIMBS + 1];
            int neg = a->neg, n = (int)vafa_nat_add(r, a->d, a->n, b->d, b->n);
            if (n > VAFA_LIMBS) { *overflow = 1; out->n = 0; out->neg = 0; return; }
            memcpy(out->d, r, n * sizeof(uint64_t));
            out->n = n; out->neg = n ? neg : 0;
            return;
        }
        int order = vafa_big_cmp_abs(a, b);
        if (order == 0) { out->n = 0; out->neg = 0; return; }
        int neg = order > 0 ? a->neg : b->neg;
        if (order > 0) vafa_big_sub_abs(out, a, b); else vafa_big_sub_abs(out, b, a);
        out->neg = neg;
        vafa_big_trim(out);
    }
    VAFA_SHORT void vafa_big_add(vafa_big *out, const vafa_big *a, const vafa_big *b,
                                 int *overflow) {
        /* out may be a or b. */
        if (a->n <= 1 && b->n <= 1) {
            uint64_t x = vafa_big_limb(a), y = vafa_big_limb(b), sum;
            int a_neg = a->neg, b_neg = b->neg;
            if (a_neg == b_neg) {
                out->n = __builtin_add_overflow(x, y, &sum) ? 2 : sum != 0;
                out->d[0] = sum; out->d[1] = 1; out->neg = a_neg;
            } else {
                out->d[0] = x > y ? x - y : y - x;
                out->n = x != y; out->neg = x == y ? 0 : x > y ? a_neg : b_neg;
            }
            return;
        }
        vafa_big_add_long(out, a, b, overflow);
    }
    VAFA_LONG void vafa_big_mul_long(vafa_big *out, const vafa_big *a, const vafa_big *b,
                                     int *overflow) {
        uint64_t r[2 * VAFA_LIMBS];
        int neg = a->neg != b->neg, n = (int)vafa_nat_mul(r, a->d, a->n, b->d, b->n);
        if (n > VAFA_LIMBS) { *overflow = 1; out->n = 0; out->neg = 0; return; }
        memcpy(out->d, r, n * sizeof(uint64_t));
        out->n = n; out->neg = n ? neg : 0;
    }
    VAFA_SHORT void vafa_big_mul(vafa_big *out, const vafa_big *a, const vafa_big *b,
                                 int *overflow) {
        /* out may be a or b. */
        if (!a->n || !b->n) { out->n = 0; out->neg = 0; return; }
        if (a->n == 1 && b->n == 1) {
            vafa_u128 s = (vafa_u128)a->d[0] * b->d[0];
            int neg = a->neg != b->neg;
            out->d[0] = (uint64_t)s; out->d[1] = (uint64_t)(s >> 64);
            out->n = out->d[1] ? 2 : 1; out->neg = neg;
            return;
        }
        vafa_big_mul_long(out, a, b, overflow);
    }
    VAFA_LONG void vafa_big_times_long(vafa_big *a, int64_t by, int *overflow) {
        uint64_t carry = 0, f = by < 0 ? -(uint64_t)by : (uint64_t)by;
        int i;
        for (i = 0; i < a->n; i++) {
            vafa_u128 s = (vafa_u128)a->d[i] * f + carry;
            a->d[i] = (uint64_t)s; carry = (uint64_t)(s >> 64);
        }
        if (by < 0) a->neg = !a->neg;
        if (!carry) return;
        if (a->n == VAFA_LIMBS) { *overflow = 1; a->n = a->neg = 0; return; }
        a->d[a->n++] = carry;
    }
    VAFA_SHORT void vafa_big_times(vafa_big *a, int64_t by, int *overflow) {
        if (by == 1 || !a->n) return;
        if (!by) { a->n = a->neg = 0; return; }
        if (a->n == 1) {
            vafa_u128 s = (vafa_u128)a->d[0] * (by < 0 ? -(uint64_t)by : (uint64_t)by);
            a->d[0] = (uint64_t)s; a->d[1] = (uint64_t)(s >> 64);
            a->n = a->d[1] ? 2 : 1;
            if (by < 0) a->neg = !a->neg;
            return;
        }
        vafa_big_times_long(a, by, overflow);
    }
    /* |a| / |b| -> quotient, |a| % |b| -> rest (both >= 0). */
    VAFA_LONG void vafa_big_divmod_long(vafa_big *q, vafa_big *r, const vafa_big *a,
                                        const vafa_big *b) {
        uint64_t work[2 * VAFA_LIMBS + 1];
        int64_t n_q, n_r;
        vafa_nat_divmod(q->d, &n_q, r->d, &n_r, a->d, a->n, b->d, b->n, work);
        q->n = (int32_t)n_q; r->n = (int32_t)n_r;
        q->neg = r->neg = 0;
    }
    VAFA_SHORT void vafa_big_divmod(vafa_big *q, vafa_big *r, const vafa_big *a,
                                    const vafa_big *b) {
        if (a->n <= 1 && b->n == 1) {
            uint64_t x = vafa_big_limb(a), y = b->d[0];
            q->d[0] = x / y; r->d[0] = x % y;
            q->n = q->d[0] != 0; r->n = r->d[0] != 0;
            q->neg = r->neg = 0;
            return;
        }
        vafa_big_divmod_long(q, r, a, b);
    }
    VAFA_LONG void vafa_big_gcd_long(vafa_big *out, const vafa_big *a, const vafa_big *b) {
        uint64_t work[5 * VAFA_LIMBS + 2];
        int64_t n;
        vafa_nat_gcd(out->d, &n, a->d, a->n, b->d, b->n, work);
        out->n = (int32_t)n; out->neg = 0;
    }
    VAFA_SHORT void vafa_big_gcd(vafa_big *out, const vafa_big *a, const vafa_big *b) {
        if (a->n == 1 && b->n == 1) {
            out->d[0] = a->d[0] == b->d[0] ? a->d[0] : vafa_gcd_u64(a->d[0], b->d[0]);
            out->n = 1; out->neg = 0;
            return;
        }
        vafa_big_gcd_long(out, a, b);
    }
    VAFA_LONG int64_t vafa_big_round_long(const vafa_big *num, const vafa_big *den, int mode,
                                          int *overflow) {
        vafa_big q, r, twice; int order; __int128 whole;
        vafa_big_divmod(&q, &r, num, den);
        if (q.n > 1 || (q.n == 1 && q.d[0] > (uint64_t)VAFA_MOST_UNITS)) {
            *overflow = 1; return 0;
        }
        whole = q.n ? (__int128)q.d[0] : 0;
        if (num->neg && r.n) {
            /* Down to the whole number below; the rest counts from there. */
            vafa_big copy; vafa_big_copy(&copy, &r);
            vafa_big_sub_abs(&r, den, &copy); r.neg = 0; vafa_big_trim(&r);
            whole = -whole - 1;
        } else if (num->neg) whole = -whole;
        vafa_big_add(&twice, &r, &r, overflow);
        order = vafa_big_cmp_abs(&twice, den);
        switch (mode) {
        case VAFA_CEIL:      whole += r.n > 0; break;
        case VAFA_HALF_UP:   whole += order >= 0; break;
        case VAFA_HALF_EVEN: whole += order > 0 || (order == 0 && (whole & 1)); break;
        default: break;
        }
        return (int64_t)whole;
    }
    /* num / den in a mode, den > 0; floor and ceil are those of the number line. */
    static inline int64_t vafa_big_round(const vafa_big *num, const vafa_big *den, int mode,
                                         int *overflow) {
        if (*overflow || !den->n) { *overflow = 1; return 0; }
        if (num->n > 1 || den->n > 1) return vafa_big_round_long(num, den, mode, overflow);
        uint64_t x = vafa_big_limb(num), d = den->d[0], q = x / d, r = x % d;
        if (q > (uint64_t)VAFA_MOST_UNITS) { *overflow = 1; return 0; }
        int64_t whole = num->neg ? -(int64_t)q : (int64_t)q;
        if (num->neg && r) { whole--; r = d - r; }
        switch (mode) {
        case VAFA_CEIL:      whole += r > 0; break;
        case VAFA_HALF_UP:   whole += r >= d - r; break;
        case VAFA_HALF_EVEN: whole += r > d - r || (r == d - r && (whole & 1)); break;
        default: break;
        }
        return whole;
    }
    #endif
    """
    cdef enum:
        MOST_LIMBS "VAFA_LIMBS"
    ctypedef struct Big "vafa_big":
        int32_t n
        int32_t neg
        Limb d[640]
    void big_copy "vafa_big_copy"(Big *out, const Big *a) noexcept nogil
    void big_set "vafa_big_set"(Big *a, i128 value) noexcept nogil
    int big_cmp "vafa_big_cmp"(const Big *a, const Big *b) noexcept nogil
    void big_add "vafa_big_add"(Big *out, const Big *a, const Big *b, int *overflow) noexcept nogil
    void big_mul "vafa_big_mul"(Big *out, const Big *a, const Big *b, int *overflow) noexcept nogil
    void big_times "vafa_big_times"(Big *a, int64_t by, int *overflow) noexcept nogil
    void big_divmod "vafa_big_divmod"(Big *q, Big *r, const Big *a, const Big *b) noexcept nogil
    void big_gcd "vafa_big_gcd"(Big *out, const Big *a, const Big *b) noexcept nogil
    int64_t big_round "vafa_big_round"(const Big *num, const Big *den, int mode,
                                       int *overflow) noexcept nogil
