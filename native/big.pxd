"""Exact whole numbers of up to 2,048 bits, and one function that rounds a ratio of them.

The general rating of a basket keeps its exact figures over one common denominator, which
may be long: the nets of lines paid in part with points, limits that cut, figures of bands.
Nearly all of them are of one limb all the same: that case is inlined where it is asked for.
Nothing here wraps: what does not fit sets *overflow and the fact is refused (rulebook 1).
"""

from libc.stdint cimport int32_t, int64_t, uint64_t

from .arith cimport i128

cdef extern from *:
    """
    #ifndef VAFA_BIG
    #define VAFA_BIG
    #include <stdint.h>
    #include <string.h>
    #define VAFA_LIMBS 32
    typedef unsigned __int128 vafa_u128;
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
        int i;
        if (a->n != b->n) return a->n < b->n ? -1 : 1;
        for (i = a->n - 1; i >= 0; i--)
            if (a->d[i] != b->d[i]) return a->d[i] < b->d[i] ? -1 : 1;
        return 0;
    }
    static inline int vafa_big_cmp(const vafa_big *a, const vafa_big *b) {
        if (a->neg != b->neg) return a->neg ? -1 : 1;
        return a->neg ? -vafa_big_cmp_abs(a, b) : vafa_big_cmp_abs(a, b);
    }
    static inline void vafa_big_sub_abs(vafa_big *out, const vafa_big *a, const vafa_big *b) {
        /* |a| >= |b| */
        int i; uint64_t borrow = 0;
        for (i = 0; i < a->n; i++) {
            uint64_t x = a->d[i], y = i < b->n ? b->d[i] : 0;
            uint64_t r = x - y, s = r - borrow;
            borrow = (x < y) | (r < borrow);
            out->d[i] = s;
        }
        out->n = a->n;
    }
    VAFA_LONG void vafa_big_add_long(vafa_big *out, const vafa_big *a, const vafa_big *b,
                                     int *overflow) {
        if (a->neg == b->neg) {
            int i, n = a->n > b->n ? a->n : b->n; uint64_t carry = 0;
            int neg = a->neg;
            for (i = 0; i < n; i++) {
                vafa_u128 s = (vafa_u128)(i < a->n ? a->d[i] : 0)
                              + (i < b->n ? b->d[i] : 0) + carry;
                out->d[i] = (uint64_t)s; carry = (uint64_t)(s >> 64);
            }
            if (carry) {
                if (n == VAFA_LIMBS) { *overflow = 1; out->n = 0; out->neg = 0; return; }
                out->d[n++] = carry;
            }
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
        int i, j, n = a->n + b->n, neg = a->neg != b->neg;
        memset(r, 0, n * sizeof(uint64_t));
        for (i = 0; i < a->n; i++) {
            uint64_t carry = 0;
            for (j = 0; j < b->n; j++) {
                vafa_u128 s = (vafa_u128)a->d[i] * b->d[j] + r[i + j] + carry;
                r[i + j] = (uint64_t)s; carry = (uint64_t)(s >> 64);
            }
            r[i + b->n] = carry;
        }
        while (n && !r[n - 1]) n--;
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
    /* |a| / |b| -> quotient, |a| % |b| -> rest (both >= 0); Knuth's algorithm D. */
    VAFA_LONG void vafa_big_divmod_long(vafa_big *q, vafa_big *r, const vafa_big *a,
                                        const vafa_big *b) {
        uint64_t u[VAFA_LIMBS + 1], v[VAFA_LIMBS];
        int n = b->n, m = a->n - b->n, i, j, s;
        q->neg = r->neg = 0;
        if (vafa_big_cmp_abs(a, b) < 0) {
            vafa_big copy; vafa_big_copy(&copy, a); copy.neg = 0;
            q->n = 0; vafa_big_copy(r, &copy); return;
        }
        if (n == 1) {
            vafa_u128 rest = 0; uint64_t d = b->d[0]; int top = a->n;
            for (i = top - 1; i >= 0; i--) {
                vafa_u128 x = (rest << 64) | a->d[i];
                q->d[i] = (uint64_t)(x / d); rest = x % d;
            }
            q->n = top; vafa_big_trim(q);
            vafa_big_set(r, (__int128)rest);
            return;
        }
        s = __builtin_clzll(b->d[n - 1]);
        for (i = n - 1; i > 0; i--)
            v[i] = s ? (b->d[i] << s) | (b->d[i - 1] >> (64 - s)) : b->d[i];
        v[0] = b->d[0] << s;
        u[a->n] = s ? a->d[a->n - 1] >> (64 - s) : 0;
        for (i = a->n - 1; i > 0; i--)
            u[i] = s ? (a->d[i] << s) | (a->d[i - 1] >> (64 - s)) : a->d[i];
        u[0] = a->d[0] << s;
        for (j = m; j >= 0; j--) {
            vafa_u128 top = ((vafa_u128)u[j + n] << 64) | u[j + n - 1];
            vafa_u128 guess = top / v[n - 1], rest = top % v[n - 1];
            while ((guess >> 64)
                   || (vafa_u128)(uint64_t)guess * v[n - 2] > ((rest << 64) | u[j + n - 2])) {
                guess--; rest += v[n - 1];
                if (rest >> 64) break;
            }
            uint64_t borrow = 0, carry = 0;
            for (i = 0; i < n; i++) {
                vafa_u128 p = (vafa_u128)(uint64_t)guess * v[i] + carry;
                uint64_t low = (uint64_t)p, x = u[i + j], y;
                carry = (uint64_t)(p >> 64);
                y = x - low; u[i + j] = y - borrow;
                borrow = (x < low) | (y < borrow);
            }
            uint64_t x = u[j + n], y = x - carry;
            u[j + n] = y - borrow;
            if ((x < carry) | (y < borrow)) {
                uint64_t more = 0;
                guess--;
                for (i = 0; i < n; i++) {
                    vafa_u128 t = (vafa_u128)u[i + j] + v[i] + more;
                    u[i + j] = (uint64_t)t; more = (uint64_t)(t >> 64);
                }
                u[j + n] += more;
            }
            q->d[j] = (uint64_t)guess;
        }
        q->n = m + 1; vafa_big_trim(q);
        for (i = 0; i < n; i++)
            r->d[i] = s && i + 1 <= n ? (u[i] >> s) | (u[i + 1] << (64 - s)) : u[i];
        r->n = n; vafa_big_trim(r);
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
    static inline uint64_t vafa_gcd_u64(uint64_t x, uint64_t y) {
        while (y) { uint64_t rest = x % y; x = y; y = rest; }
        return x;
    }
    VAFA_LONG void vafa_big_gcd_long(vafa_big *out, const vafa_big *a, const vafa_big *b) {
        vafa_big x, y, q, r;
        vafa_big_copy(&x, a); vafa_big_copy(&y, b);
        x.neg = y.neg = 0;
        while (y.n) {
            if (x.n == 1 && y.n == 1) { x.d[0] = vafa_gcd_u64(x.d[0], y.d[0]); break; }
            vafa_big_divmod(&q, &r, &x, &y);
            vafa_big_copy(&x, &y); vafa_big_copy(&y, &r);
        }
        vafa_big_copy(out, &x);
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
    static inline int vafa_big_fits(const vafa_big *a) {
        return a->n < 2 || (a->n == 2 && !(a->d[1] >> 63));
    }
    /* A fraction in lowest terms as 127-bit halves; 4 slots: num low, high, den low, high.
       One that needs more is floored to 10^-18: a member's remainder gains a denominator with
       every basket of another price, and refusing them all from some day on is no way out. */
    static inline void vafa_big_store(int64_t *slot, const vafa_big *num, const vafa_big *den,
                                      int *overflow) {
        vafa_big g, n, d, q, r;
        __int128 value;
        if (!num->n) { slot[0] = slot[1] = slot[2] = slot[3] = 0; return; }
        vafa_big_gcd(&g, num, den);
        vafa_big_divmod(&n, &r, num, &g);
        vafa_big_divmod(&d, &q, den, &g);
        if (!vafa_big_fits(&n) || !vafa_big_fits(&d)) {
            n.neg = 0;
            vafa_big_times(&n, 1000000000000000000LL, overflow);
            vafa_big_divmod(&q, &r, &n, &d);
            q.neg = 0;
            if (num->neg && r.n) { vafa_big_set(&d, 1); vafa_big_add(&q, &q, &d, overflow); }
            if (!q.n) { slot[0] = slot[1] = slot[2] = slot[3] = 0; return; }
            vafa_big_set(&r, 1000000000000000000LL);
            vafa_big_gcd(&g, &q, &r);
            vafa_big_divmod(&n, &d, &q, &g);
            vafa_big_divmod(&d, &q, &r, &g);
            if (*overflow || !vafa_big_fits(&n)) { *overflow = 1; return; }
        }
        value = (__int128)(((vafa_u128)(n.n > 1 ? n.d[1] : 0) << 64) | n.d[0]);
        if (num->neg) value = -value;
        slot[0] = (int64_t)(uint64_t)value; slot[1] = (int64_t)(value >> 64);
        slot[2] = (int64_t)d.d[0]; slot[3] = d.n > 1 ? (int64_t)d.d[1] : 0;
    }
    static inline void vafa_big_load(vafa_big *num, vafa_big *den, const int64_t *slot) {
        vafa_big_set(num, (__int128)(((vafa_u128)(uint64_t)slot[1] << 64) | (uint64_t)slot[0]));
        vafa_big_set(den, (__int128)(((vafa_u128)(uint64_t)slot[3] << 64) | (uint64_t)slot[2]));
        if (!den->n) vafa_big_set(den, 1);
    }
    #endif
    """
    ctypedef struct Big "vafa_big":
        int32_t n
        int32_t neg
        uint64_t d[32]
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
    void big_store "vafa_big_store"(int64_t *slot, const Big *num, const Big *den,
                                    int *overflow) noexcept nogil
    void big_load "vafa_big_load"(Big *num, Big *den, const int64_t *slot) noexcept nogil
