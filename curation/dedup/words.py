# mypy: allow-untyped-defs, allow-untyped-calls, allow-any-generics, disable-error-code="assignment"

"""From UTF-8 bytes to word hashes; compiled. What a word is stands in `alphabet`."""

from __future__ import annotations

import numpy as np
from numba import njit

from curation.dedup.alphabet import ALONE, NEWLINE, OPERATOR, SKIPPED, TABLE_SIZE, WORD

U64, U32 = np.uint64, np.uint32
# Odd 64-bit constants: the golden ratio, and the two multipliers of splitmix64 (Steele, Lea, Flood, OOPSLA 2014).
P1, P2, P3 = U64(0x9E3779B97F4A7C15), U64(0xBF58476D1CE4E5B9), U64(0x94D049BB133111EB)


@njit
def mix(x):
    """The finaliser of splitmix64: a bijection of 64-bit integers."""
    x ^= x >> U64(30)
    x *= P2
    x ^= x >> U64(27)
    x *= P3
    return x ^ (x >> U64(31))


@njit
def _step(h, value):
    h = (h ^ U64(value)) * P1
    return h ^ (h >> U64(29))


@njit
def _tight(byte, table):
    """Whether an operand can end or begin at this byte: a word's, a bracket's or a quote's."""
    kind = table[byte] >> U32(24)
    return byte >= 128 or kind == WORD or byte in (34, 39, 40, 41, 91, 93, 123, 125)


@njit
def is_operator(buf, start, end, i, j, table):
    """Whether the run of operator characters buf[i:j] is a word of its own.

    It is where it stands between operands on one line with equal spacing on both sides, and is `+ * = ^`; or
    `< > / %` with spaces; or two or three characters with one of `+ * = < > & | ^` and without `/`. So `a+b`,
    `a != b`, `p->x`, `a / b` have one; `and/or`, `well-known`, `R & D`, `- item`, `**bold**`, `<b>` have none.
    """
    if i == start or j == end or j - i > 3:
        return False
    before, after = buf[i - 1], buf[j]
    spaced = before in (32, 9) and after in (32, 9)
    tight = _tight(before, table) and _tight(after, table)
    if j - i == 1:
        c = buf[i]
        if c in (43, 42, 61, 94):  # + * = ^
            return spaced or tight
        return spaced and c in (60, 62, 47, 37)  # < > / %
    strong = False
    for k in range(i, j):
        if buf[k] == 47:
            return False
        strong |= buf[k] in (43, 42, 61, 60, 62, 38, 124, 94)
    return strong and (spaced or tight)


@njit
def _code_point(buf, i):
    """The code point that begins at byte i of valid UTF-8 (two bytes or more), and the index behind it."""
    c = buf[i]
    if c < 0xE0:
        return ((c & 0x1F) << 6) | (buf[i + 1] & 0x3F), i + 2
    if c < 0xF0:
        return ((c & 0x0F) << 12) | ((buf[i + 1] & 0x3F) << 6) | (buf[i + 2] & 0x3F), i + 3
    high = ((c & 0x07) << 18) | ((buf[i + 1] & 0x3F) << 12)
    return high | ((buf[i + 2] & 0x3F) << 6) | (buf[i + 3] & 0x3F), i + 4


@njit
def hash_words(buf, start, end, table, operators, out):  # noqa: PLR0912 (one loop over bytes)
    """Hashes of the words of buf[start:end] into `out` (room for one a byte); returns their number."""
    n = 0
    line = 0  # words before this line
    h = U64(0)
    inside = False
    i = start
    while i < end:
        c = buf[i]
        if c < 128:
            entry = table[c]
            i += 1
        else:
            point, i = _code_point(buf, i)
            above = (ALONE if point < 0x40000 else SKIPPED) << 24 | point
            entry = table[point] if point < TABLE_SIZE else U32(above)
        kind = entry >> U32(24)
        if kind == WORD:
            h = _step(h, entry & U32(0xFFFFFF))
            inside = True
            continue
        if kind == SKIPPED:
            continue
        if inside:
            out[n] = mix(h)
            n += 1
            h = U64(0)
            inside = False
        if kind == ALONE:
            out[n] = mix(_step(U64(0), entry & U32(0xFFFFFF)))
            n += 1
        elif kind == NEWLINE:
            line = n
        elif kind == OPERATOR and operators:
            first = i - 1
            while i < end and table[buf[i]] >> U32(24) == OPERATOR:
                i += 1
            if n > line and is_operator(buf, start, end, first, i, table):
                for k in range(first, i):
                    h = _step(h, buf[k])
                out[n] = mix(h)
                n += 1
                h = U64(0)
    if inside:
        out[n] = mix(h)
        n += 1
    return n
