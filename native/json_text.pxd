# JSON of plain form, read where it stands: known members, no escapes, integers, RFC 3339.
# What is read here is taken as it is; anything else is left to the strict decoder.

from libc.stdint cimport int64_t
from libc.string cimport memcmp

cdef enum:
    MOST_LINES = 10000
    MOST_TENDERS = 100
    ID_BYTES = 128
    NAME_BYTES = 64

cdef extern from *:
    """
    #define VAFA_MOST_AMOUNT 1000000000000LL
    #define VAFA_LATEST_US 6300000000000000LL
    """
    const int64_t MOST_AMOUNT "VAFA_MOST_AMOUNT"
    const int64_t LATEST_US "VAFA_LATEST_US"


cdef struct Text:
    const char *at
    const char *end


cdef inline bint is_digit(char letter) noexcept nogil:
    return letter >= 48 and letter <= 57


cdef inline char look(Text *t) noexcept nogil:
    """The next character that is not white space; 0 at the end."""
    while t.at < t.end and (t.at[0] == b' ' or t.at[0] == b'\t' or t.at[0] == b'\n'
                            or t.at[0] == b'\r'):
        t.at += 1
    return t.at[0] if t.at < t.end else 0


cdef inline bint take(Text *t, char wanted) noexcept nogil:
    if look(t) != wanted:
        return False
    t.at += 1
    return True


cdef inline bint unseen(const Text *t) noexcept nogil:
    """Whether a letter from DEL on begins here that no name holds (`engine.facts.parts.UNSEEN`)."""
    cdef const unsigned char *at = <const unsigned char*>t.at
    if at[0] == 0x7F:
        return True
    if t.end - t.at < 3:
        # No such letter and a quote have room.
        return False
    if at[0] == 0xC2:
        return at[1] < 0xA0 or at[1] == 0xAD
    if at[0] == 0xCD:
        return at[1] == 0x8F
    if at[0] == 0xD8:
        return at[1] == 0x9C
    if at[0] == 0xE1:
        return ((at[1] == 0x85 and (at[2] == 0x9F or at[2] == 0xA0))
                or (at[1] == 0x9E and (at[2] == 0xB4 or at[2] == 0xB5))
                or (at[1] == 0xA0 and at[2] >= 0x8B and at[2] <= 0x8F))
    if at[0] == 0xE2 and at[1] == 0x80:
        return (at[2] == 0x8B or at[2] == 0x8E or at[2] == 0x8F
                or (at[2] >= 0xA8 and at[2] <= 0xAE))
    if at[0] == 0xE2 and at[1] == 0x81:
        return at[2] >= 0xA0 and at[2] <= 0xAF
    if at[0] == 0xE3:
        return at[1] == 0x85 and at[2] == 0xA4
    if at[0] == 0xEF:
        return ((at[1] == 0xBB and at[2] == 0xBF) or (at[1] == 0xBE and at[2] == 0xA0)
                or (at[1] == 0xBF and at[2] >= 0xB9 and at[2] <= 0xBB))
    return at[0] == 0xF3 and at[1] == 0xA0


cdef inline bint blank(const char *start, Py_ssize_t size) noexcept nogil:
    """Whether a name is of white space alone."""
    cdef const unsigned char *at = <const unsigned char*>start
    cdef const unsigned char *end = at + size
    while at < end:
        if at[0] == b' ':
            at += 1
        elif at[0] == 0xC2 and at[1] == 0xA0:
            at += 2
        elif ((at[0] == 0xE1 and at[1] == 0x9A and at[2] == 0x80)
              or (at[0] == 0xE2 and at[1] == 0x80 and (at[2] <= 0x8A or at[2] == 0xAF))
              or (at[0] == 0xE2 and at[1] == 0x81 and at[2] == 0x9F)
              or (at[0] == 0xE3 and at[1] == 0x80 and at[2] == 0x80)):
            at += 3
        else:
            return False
    return size > 0


cdef inline bint text(Text *t, const char **start, Py_ssize_t *size) noexcept nogil:
    """A string without escapes or control characters."""
    cdef unsigned char letter
    if not take(t, b'"'):
        return False
    start[0] = t.at
    while t.at < t.end and t.at[0] != b'"':
        letter = <unsigned char>t.at[0]
        if letter == b'\\' or letter < 0x20 or (letter >= 0x7F and unseen(t)):
            return False
        t.at += 1
    if t.at == t.end:
        return False
    size[0] = t.at - start[0]
    t.at += 1
    return not blank(start[0], size[0])


cdef inline bint whole(Text *t, int64_t *value) noexcept nogil:
    """An integer of at most 13 digits; a fraction, an exponent or a leading 0 is not one."""
    cdef int64_t out = 0
    cdef int digits = 0
    cdef bint minus = look(t) == b'-'
    if minus:
        t.at += 1
    while t.at < t.end and is_digit(t.at[0]):
        if digits == 1 and out == 0:
            return False
        out = out * 10 + (t.at[0] - 48)
        digits += 1
        if digits > 13:
            return False
        t.at += 1
    if digits == 0 or t.at == t.end or t.at[0] == b'.' or t.at[0] == b'e' or t.at[0] == b'E':
        return False
    value[0] = -out if minus else out
    return out <= MOST_AMOUNT


cdef inline int two(const char *at) noexcept nogil:
    """Two digits, or -1."""
    if is_digit(at[0]) and is_digit(at[1]):
        return (at[0] - 48) * 10 + (at[1] - 48)
    return -1


cdef inline int64_t days_from_civil(int64_t year, int month, int day) noexcept nogil:
    """Days since 1970-01-01 of a proleptic Gregorian date from the year 1 on."""
    cdef int64_t era, of_era, of_year
    year -= month <= 2
    era = year // 400
    of_era = year - era * 400
    of_year = (153 * (month + (-3 if month > 2 else 9)) + 2) // 5 + day - 1
    return era * 146097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - 719468


cdef inline int month_days(int64_t year, int month) noexcept nogil:
    if month == 2:
        return 29 if year % 4 == 0 and (year % 100 != 0 or year % 400 == 0) else 28
    return 30 if month == 4 or month == 6 or month == 9 or month == 11 else 31


cdef inline bint instant(const char *s, Py_ssize_t n, int64_t *at) noexcept nogil:
    """RFC 3339 with Z or an offset and at most 6 places of a second, in range."""
    cdef int century, year, month, day, hour, minute, second, off_hour, off_minute
    cdef int64_t fraction = 0, unit = 100_000, us
    cdef Py_ssize_t i = 19
    if n < 20:
        return False
    century, year, month, day = two(s), two(s + 2), two(s + 5), two(s + 8)
    hour, minute, second = two(s + 11), two(s + 14), two(s + 17)
    if (century < 0 or year < 0 or month < 1 or month > 12 or day < 1 or hour < 0 or hour > 23
            or minute < 0 or minute > 59 or second < 0 or second > 59):
        return False
    if s[4] != b'-' or s[7] != b'-' or s[10] != b'T' or s[13] != b':' or s[16] != b':':
        return False
    year += century * 100
    if year < 1 or day > month_days(year, month):
        return False
    if s[i] == b'.':
        i += 1
        while i < n and is_digit(s[i]):
            if unit == 0:
                return False
            fraction += (s[i] - 48) * unit
            unit //= 10
            i += 1
        if s[i - 1] == b'.' or i == n:
            return False
    us = ((days_from_civil(year, month, day) * 24 + hour) * 60 + minute) * 60 + second
    if s[i] == b'Z':
        if i + 1 != n:
            return False
    elif (s[i] == b'+' or s[i] == b'-') and i + 6 == n and s[i + 3] == b':':
        off_hour, off_minute = two(s + i + 1), two(s + i + 4)
        if off_hour < 0 or off_hour > 23 or off_minute < 0 or off_minute > 59:
            return False
        us -= (off_hour * 3600 + off_minute * 60) * (1 if s[i] == b'+' else -1)
    else:
        return False
    at[0] = us * 1_000_000 + fraction
    return 0 <= at[0] <= LATEST_US


cdef inline bint named(const char *key, Py_ssize_t size, const char *name,
                       Py_ssize_t name_size) noexcept nogil:
    return size == name_size and memcmp(key, name, size) == 0


cdef inline int between(const unsigned char *at, Py_ssize_t size) noexcept nogil:
    """Bytes of what stands between groups of digits (`bank_cards.BETWEEN`); 0: it does not."""
    if at[0] == b' ' or at[0] == b'-' or at[0] == b'.' or at[0] == b'/' or at[0] == b'_':
        return 1
    if size >= 2 and at[0] == 0xC2 and at[1] == 0xA0:
        return 2
    if size >= 3 and at[0] == 0xE2 and at[1] == 0x80 and (
            at[2] <= 0x8A or (at[2] >= 0x90 and at[2] <= 0x95) or at[2] == 0xAF):
        return 3
    return 0


cdef inline bint like_card(const char *text, Py_ssize_t size) noexcept nogil:
    """Whether a name could be a bank card's number (`engine.facts.bank_cards`): Luhn's check."""
    cdef const unsigned char *at = <const unsigned char*>text
    # By whether the digit is at an even place from the left: which are doubled the end tells.
    cdef int digits = 0, figure, step
    cdef int totals[2]
    cdef Py_ssize_t i = 0
    if size < 15:
        return False
    totals[0] = totals[1] = 0
    while i < size:
        figure, step = -1, 1
        if is_digit(text[i]):
            figure = text[i] - 48
        elif at[i] == 0xD9 and i + 1 < size and at[i + 1] >= 0xA0 and at[i + 1] <= 0xA9:
            figure, step = at[i + 1] - 0xA0, 2
        elif at[i] == 0xDB and i + 1 < size and at[i + 1] >= 0xB0 and at[i + 1] <= 0xB9:
            figure, step = at[i + 1] - 0xB0, 2
        elif (at[i] == 0xEF and i + 2 < size and at[i + 1] == 0xBC and at[i + 2] >= 0x90
              and at[i + 2] <= 0x99):
            figure, step = at[i + 2] - 0x90, 3
        else:
            step = between(at + i, size - i)
            if digits == 0 or step == 0:
                return False
        i += step
        if figure < 0:
            continue
        totals[digits & 1] += 2 * figure - (9 if figure > 4 else 0)
        totals[(digits & 1) ^ 1] += figure
        digits += 1
    # Of the last digit the figure itself counts.
    return (digits == 15 or digits == 16) and totals[digits & 1] % 10 == 0
