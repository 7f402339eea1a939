"""Exact integer arithmetic: 128-bit products, one named function per rounding.

Nothing wraps: a figure that does not fit sets *overflow and the fact is refused
(rulebook section 1). All figures here are >= 0 and all denominators > 0.
"""

from libc.stdint cimport int64_t, uint64_t

cdef extern from *:
    """
    #ifndef VAFA_ARITH
    #define VAFA_ARITH
    #include <stdint.h>
    typedef __int128 vafa_i128;

    enum { VAFA_FLOOR = 0, VAFA_CEIL = 1, VAFA_HALF_UP = 2, VAFA_HALF_EVEN = 3 };
    /* One posting moves at most 10^12 points of at most 10^4 units each. */
    #define VAFA_MOST_UNITS ((int64_t)10000000000000000LL)

    static inline int64_t vafa_rounded(vafa_i128 quotient, vafa_i128 rest, vafa_i128 den,
                                       int mode, int *overflow) {
        switch (mode) {
        case VAFA_CEIL:      quotient += rest > 0; break;
        case VAFA_HALF_UP:   quotient += rest >= den - rest; break;
        case VAFA_HALF_EVEN: quotient += rest > den - rest
                                         || (rest == den - rest && (quotient & 1)); break;
        default: break;
        }
        if (quotient > VAFA_MOST_UNITS) { *overflow = 1; return 0; }
        return (int64_t)quotient;
    }
    /* num / den in the given mode. Most figures fit 63 bits, where a division is ten
       times cheaper. */
    static inline int64_t vafa_round_ratio(vafa_i128 num, vafa_i128 den, int mode,
                                           int *overflow) {
        /* A product that overflowed came back as 0: never divide by it. */
        if (*overflow) return 0;
        if ((num >> 62) == 0 && (den >> 62) == 0) {
            int64_t n = (int64_t)num, d = (int64_t)den;
            if (mode == VAFA_FLOOR && n / d <= VAFA_MOST_UNITS) return n / d;
            return vafa_rounded(n / d, n % d, d, mode, overflow);
        }
        return vafa_rounded(num / den, num % den, den, mode, overflow);
    }
    /* num / den for num < 2^54 by a product, with inverse = ceil(2^(63 + shift) / den): what
       that is too large by adds less than 1 / den as long as num * den <= 2^(63 + shift). */
    static inline int vafa_shift(int64_t den) {
        int bits = 64 - __builtin_clzll(den);
        return bits > 9 ? bits - 9 : 0;
    }
    static inline uint64_t vafa_inverse(int64_t den) {
        unsigned __int128 one = (unsigned __int128)1 << (63 + vafa_shift(den));
        return (uint64_t)((one + den - 1) / den);
    }
    /* As round_ratio, of figures that are known to fit, posting bound included. */
    static inline int64_t vafa_round_safe(int64_t num, int64_t den, uint64_t inverse, int shift,
                                          int mode) {
        int overflow = 0;
        uint64_t twice = 2 * (uint64_t)num;
        int64_t whole = (int64_t)((uint64_t)(((unsigned __int128)twice * inverse) >> 64) >> shift);
        if (mode == VAFA_FLOOR) return whole;
        return vafa_rounded(whole, num - whole * den, den, mode, &overflow);
    }
    static inline vafa_i128 vafa_mul(vafa_i128 a, vafa_i128 b, int *overflow) {
        vafa_i128 out;
        if ((a >> 62) == 0 && (b >> 62) == 0) return (vafa_i128)(int64_t)a * (int64_t)b;
        if (__builtin_mul_overflow(a, b, &out)) { *overflow = 1; return 0; }
        return out;
    }
    static inline vafa_i128 vafa_add(vafa_i128 a, vafa_i128 b, int *overflow) {
        vafa_i128 out;
        if (__builtin_add_overflow(a, b, &out)) { *overflow = 1; return 0; }
        return out;
    }
    static inline int64_t vafa_add64(int64_t a, int64_t b, int *overflow) {
        int64_t out;
        if (__builtin_add_overflow(a, b, &out)) { *overflow = 1; return 0; }
        return out;
    }
    static inline int64_t vafa_gcd(int64_t a, int64_t b) {
        while (b) { int64_t rest = a % b; a = b; b = rest; }
        return a;
    }
    #endif
    """
    ctypedef long long i128 "vafa_i128"
    const int64_t MOST_UNITS "VAFA_MOST_UNITS"
    int64_t round_ratio "vafa_round_ratio"(i128 num, i128 den, int mode,
                                           int *overflow) noexcept nogil
    int shift_of "vafa_shift"(int64_t den) noexcept nogil
    uint64_t inverse_of "vafa_inverse"(int64_t den) noexcept nogil
    int64_t round_safe "vafa_round_safe"(int64_t num, int64_t den, uint64_t inverse, int shift,
                                         int mode) noexcept nogil
    i128 mul128 "vafa_mul"(i128 a, i128 b, int *overflow) noexcept nogil
    i128 add128 "vafa_add"(i128 a, i128 b, int *overflow) noexcept nogil
    int64_t add64 "vafa_add64"(int64_t a, int64_t b, int *overflow) noexcept nogil
    int64_t gcd64 "vafa_gcd"(int64_t a, int64_t b) noexcept nogil
    int ctz64 "__builtin_ctzll"(unsigned long long word) noexcept nogil
    void prefetch "__builtin_prefetch"(const void *address) noexcept nogil
