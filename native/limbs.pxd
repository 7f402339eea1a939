"""Natural numbers of any length as arrays of limbs, least first: what longer forms are made of.

A length counts no leading zeros, and 0 has none. Room is the caller's: nothing here asks for
memory. `big.pxd` has numbers of bounded length over it, `rests.pxd` fractions without a bound.
"""

from libc.stdint cimport int64_t, uint64_t

cdef extern from *:
    """
    #ifndef VAFA_LIMBS_OF
    #define VAFA_LIMBS_OF
    #include <stdint.h>
    #include <string.h>
    typedef unsigned __int128 vafa_u128;

    static inline int64_t vafa_nat_trim(const uint64_t *a, int64_t n) {
        while (n && !a[n - 1]) n--;
        return n;
    }
    static inline int vafa_nat_cmp(const uint64_t *a, int64_t n, const uint64_t *b, int64_t m) {
        int64_t i;
        if (n != m) return n < m ? -1 : 1;
        for (i = n - 1; i >= 0; i--)
            if (a[i] != b[i]) return a[i] < b[i] ? -1 : 1;
        return 0;
    }
    /* out may be a or b; it has room for one limb more than the longer of them. */
    static inline int64_t vafa_nat_add(uint64_t *out, const uint64_t *a, int64_t n,
                                       const uint64_t *b, int64_t m) {
        int64_t i, most = n > m ? n : m; uint64_t carry = 0;
        for (i = 0; i < most; i++) {
            vafa_u128 s = (vafa_u128)(i < n ? a[i] : 0) + (i < m ? b[i] : 0) + carry;
            out[i] = (uint64_t)s; carry = (uint64_t)(s >> 64);
        }
        if (carry) out[most++] = carry;
        return most;
    }
    /* a - b for a >= b; out may be a or b. */
    static inline int64_t vafa_nat_sub(uint64_t *out, const uint64_t *a, int64_t n,
                                       const uint64_t *b, int64_t m) {
        int64_t i; uint64_t borrow = 0;
        for (i = 0; i < n; i++) {
            uint64_t x = a[i], y = i < m ? b[i] : 0;
            uint64_t r = x - y, s = r - borrow;
            borrow = (x < y) | (r < borrow);
            out[i] = s;
        }
        return vafa_nat_trim(out, n);
    }
    /* out is neither a nor b and has room for n + m limbs. */
    static inline int64_t vafa_nat_mul(uint64_t *out, const uint64_t *a, int64_t n,
                                       const uint64_t *b, int64_t m) {
        int64_t i, j;
        memset(out, 0, (size_t)(n + m) * sizeof(uint64_t));
        for (i = 0; i < n; i++) {
            uint64_t carry = 0;
            for (j = 0; j < m; j++) {
                vafa_u128 s = (vafa_u128)a[i] * b[j] + out[i + j] + carry;
                out[i + j] = (uint64_t)s; carry = (uint64_t)(s >> 64);
            }
            out[i + m] = carry;
        }
        return vafa_nat_trim(out, n + m);
    }
    /* a / b -> quotient of n - m + 1 limbs of room, rest of m; b > 0; Knuth's algorithm D. q is
       not a or b, r may be either. `work` has room for n + m + 1 limbs. */
    static void __attribute__((noinline, unused)) vafa_nat_divmod(
            uint64_t *q, int64_t *n_q, uint64_t *r, int64_t *n_r, const uint64_t *a, int64_t n,
            const uint64_t *b, int64_t m, uint64_t *work) {
        uint64_t *u = work, *v = work + n + 1;
        int64_t i, j; int s;
        if (vafa_nat_cmp(a, n, b, m) < 0) {
            memmove(r, a, (size_t)n * sizeof(uint64_t));
            *n_q = 0; *n_r = n;
            return;
        }
        if (m == 1) {
            uint64_t rest = 0, d = b[0];
            for (i = n - 1; i >= 0; i--) {
                vafa_u128 x = ((vafa_u128)rest << 64) | a[i];
                q[i] = (uint64_t)(x / d); rest = a[i] - q[i] * d;
            }
            *n_q = vafa_nat_trim(q, n);
            r[0] = rest; *n_r = rest != 0;
            return;
        }
        s = __builtin_clzll(b[m - 1]);
        for (i = m - 1; i > 0; i--)
            v[i] = s ? (b[i] << s) | (b[i - 1] >> (64 - s)) : b[i];
        v[0] = b[0] << s;
        u[n] = s ? a[n - 1] >> (64 - s) : 0;
        for (i = n - 1; i > 0; i--)
            u[i] = s ? (a[i] << s) | (a[i - 1] >> (64 - s)) : a[i];
        u[0] = a[0] << s;
        for (j = n - m; j >= 0; j--) {
            vafa_u128 top = ((vafa_u128)u[j + m] << 64) | u[j + m - 1];
            vafa_u128 guess = top / v[m - 1], rest = top % v[m - 1];
            while ((guess >> 64)
                   || (vafa_u128)(uint64_t)guess * v[m - 2] > ((rest << 64) | u[j + m - 2])) {
                guess--; rest += v[m - 1];
                if (rest >> 64) break;
            }
            uint64_t borrow = 0, carry = 0;
            for (i = 0; i < m; i++) {
                vafa_u128 p = (vafa_u128)(uint64_t)guess * v[i] + carry;
                uint64_t low = (uint64_t)p, x = u[i + j], y;
                carry = (uint64_t)(p >> 64);
                y = x - low; u[i + j] = y - borrow;
                borrow = (x < low) | (y < borrow);
            }
            uint64_t x = u[j + m], y = x - carry;
            u[j + m] = y - borrow;
            if ((x < carry) | (y < borrow)) {
                uint64_t more = 0;
                guess--;
                for (i = 0; i < m; i++) {
                    vafa_u128 t = (vafa_u128)u[i + j] + v[i] + more;
                    u[i + j] = (uint64_t)t; more = (uint64_t)(t >> 64);
                }
                u[j + m] += more;
            }
            q[j] = (uint64_t)guess;
        }
        *n_q = vafa_nat_trim(q, n - m + 1);
        for (i = 0; i < m; i++)
            r[i] = s ? (u[i] >> s) | (u[i + 1] << (64 - s)) : u[i];
        *n_r = vafa_nat_trim(r, m);
    }
    static inline uint64_t vafa_gcd_u64(uint64_t x, uint64_t y) {
        while (y) { uint64_t rest = x % y; x = y; y = rest; }
        return x;
    }
    /* The greatest common divisor of two numbers, of which one may be 0. With `most` limbs in
       the longer of them `out` has room for as many and `work` for 5 * most + 2. */
    static void __attribute__((noinline, unused)) vafa_nat_gcd(
            uint64_t *out, int64_t *n_out, const uint64_t *a, int64_t n, const uint64_t *b,
            int64_t m, uint64_t *work) {
        int64_t most = n > m ? n : m, n_q;
        uint64_t *x = work, *y = x + most, *q = y + most, *more = q + most + 1, *swap;
        memcpy(x, a, (size_t)n * sizeof(uint64_t));
        memcpy(y, b, (size_t)m * sizeof(uint64_t));
        while (m) {
            if (n == 1 && m == 1) { x[0] = vafa_gcd_u64(x[0], y[0]); break; }
            /* The rest takes the place of what was divided. */
            int64_t n_r;
            vafa_nat_divmod(q, &n_q, x, &n_r, x, n, y, m, more);
            swap = x; x = y; y = swap;
            n = m; m = n_r;
        }
        memcpy(out, x, (size_t)n * sizeof(uint64_t));
        *n_out = n;
    }
    #endif
    """
    ctypedef uint64_t Limb "uint64_t"
    int nat_cmp "vafa_nat_cmp"(const Limb *a, int64_t n, const Limb *b, int64_t m) noexcept nogil
    int64_t nat_add "vafa_nat_add"(Limb *out, const Limb *a, int64_t n, const Limb *b,
                                   int64_t m) noexcept nogil
    int64_t nat_sub "vafa_nat_sub"(Limb *out, const Limb *a, int64_t n, const Limb *b,
                                   int64_t m) noexcept nogil
    int64_t nat_mul "vafa_nat_mul"(Limb *out, const Limb *a, int64_t n, const Limb *b,
                                   int64_t m) noexcept nogil
    void nat_divmod "vafa_nat_divmod"(Limb *q, int64_t *n_q, Limb *r, int64_t *n_r, const Limb *a,
                                      int64_t n, const Limb *b, int64_t m,
                                      Limb *work) noexcept nogil
    void nat_gcd "vafa_nat_gcd"(Limb *out, int64_t *n_out, const Limb *a, int64_t n, const Limb *b,
                                int64_t m, Limb *work) noexcept nogil
