"""From bytes to words, shingles and MinHash band keys, in one pass over Arrow buffers.

Nothing here makes a Python string. A shingle is a 64-bit hash of n word hashes; its lowest bit says which field
(0 or 1) it is from, so that one set holds the prompt's and the answer's shingles apart.

The minima are those of `datasketch.MinHash(scheme="affine32")` fed the low 32 bits of the shingles: the input is
mixed once by the finaliser of MurmurHash3 (Appleby, public domain), then permuted by a_k * h + b_k mod 2^32, a_k odd.

Functions without a signature are compiled into those with one; all release the GIL, so threads run them at once.
"""

# mypy: allow-untyped-defs, allow-untyped-calls, allow-any-generics, disable-error-code="assignment"

from __future__ import annotations

import numpy as np
from numba import njit, types

from curation.dedup.words import P1, P2, P3, U32, U64, hash_words, mix

# Words of the parity marks of a set: 256 bits.
MARK_WORDS = 4
EMPTY = U32(0xFFFFFFFF)

BYTES = types.Array(types.uint8, 1, "C", readonly=True)
OFFSETS = types.Array(types.int64, 1, "C", readonly=True)
U32S = types.Array(types.uint32, 1, "C", readonly=True)
TEXT = (BYTES, OFFSETS, BYTES, OFFSETS, types.int64, U32S, types.int64, types.boolean)


def permutations(num_perm: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """The multipliers (odd) and increments, uint32[num_perm] each, as datasketch 2 draws them for affine32."""
    draw = np.random.RandomState(seed)
    odd = draw.randint(0, 1 << 31, num_perm, dtype=np.uint32) * U32(2) + U32(1)
    return odd, draw.randint(0, 1 << 32, num_perm, dtype=np.uint32)


@njit
def _shingles(words, n, ngram, field, out):
    """Hashes of the n-grams of words[:n] into `out`, not sorted; returns their number. Fewer words: one shingle."""
    if n == 0:
        return 0
    m = max(1, n - ngram + 1)
    width = min(n, ngram)
    for i in range(m):
        h = U64(width)
        for k in range(width):
            h = (h ^ words[i + k]) * P1
            h ^= h >> U64(32)
        out[i] = (mix(h) & ~U64(1)) | U64(field)
    return m


@njit
def _widest(off, n):
    widest = 0
    for d in range(n):
        widest = max(widest, off[d + 1] - off[d])
    return widest


@njit
def _minima(shingles, count, a, b, m):
    for i in range(count):
        h = U32(shingles[i] & U64(0xFFFFFFFF))
        h ^= h >> U32(16)
        h = U32(h * U32(0x85EBCA6B))
        h ^= h >> U32(13)
        h = U32(h * U32(0xC2B2AE35))
        h ^= h >> U32(16)
        for k in range(len(m)):
            value = U32(U32(a[k] * h) + b[k])
            m[k] = min(m[k], value)


@njit(
    types.void(
        *TEXT, U32S, U32S, types.int64,
        types.uint64[:, ::1], types.uint64[:, ::1], types.int32[::1], types.uint32[:, ::1],
    ),
    nogil=True, cache=True,
)  # fmt: skip
def sketch_rows(
    buf0, off0, buf1, off1, fields, table, ngram, operators, a, b, rows, keys, whole, words, minima
):
    """Band keys, text hash and word count of each text.

    keys    uint64[n, bands]  a hash of `rows` minima a band
    whole   uint64[n, 2]      128-bit hash of the canonical text (its words in order, field by field)
    words   int32[n]          words in all fields; 0 means that there is nothing to compare
    minima  uint32[n or 0, permutations]  the MinHash values, where wanted
    """
    n = len(off0) - 1
    bands = keys.shape[1]
    room = max(_widest(off0, n), _widest(off1, n if fields == 2 else 0)) + 1
    word_hashes = np.empty(room, np.uint64)
    shingles = np.empty(room, np.uint64)
    m = np.empty(len(a), np.uint32)
    for d in range(n):
        m[:] = EMPTY
        total = 0
        w0, w1 = U64(1), U64(2)
        for field in range(fields):
            if field == 0:
                count = hash_words(buf0, off0[d], off0[d + 1], table, operators, word_hashes)
            else:
                count = hash_words(buf1, off1[d], off1[d + 1], table, operators, word_hashes)
            total += count
            w0 = (w0 ^ U64(count)) * P3
            w1 = (w1 + U64(count)) * P1
            for i in range(count):
                w0 = (w0 ^ word_hashes[i]) * P1
                w0 ^= w0 >> U64(32)
                w1 = (w1 + word_hashes[i]) * P2
                w1 ^= w1 >> U64(29)
            _minima(shingles, _shingles(word_hashes, count, ngram, field, shingles), a, b, m)
        whole[d, 0] = mix(w0)
        whole[d, 1] = mix(w1)
        words[d] = total
        for band in range(bands):
            h = U64(band + 1)
            for r in range(rows):
                h = (h ^ U64(m[band * rows + r])) * P1
                h ^= h >> U64(32)
            keys[d, band] = mix(h)
        if minima.shape[0] > 0:
            minima[d, :] = m


@njit
def _insert_distinct(value, region, filled):
    """Insert into the sorted region[:filled] unless it is there; returns the new length."""
    at = filled
    while at > 0 and region[at - 1] > value:
        at -= 1
    if at > 0 and region[at - 1] == value:
        return filled
    for k in range(filled, at, -1):
        region[k] = region[k - 1]
    region[at] = value
    return filled + 1


@njit
def _sorted_set(values, n, counts, spread, out, base):
    """The distinct values[:n], ascending, into out[base:]; returns their number.

    Hashes are spread evenly, so their top bits put each near its place: linear time. Repeats meet in one bucket
    and are dropped on insertion, so a text of one repeated phrase costs no more.
    """
    bits = 0
    while (1 << bits) < n:
        bits += 1
    size = 1 << bits
    shift = U64(64 - bits)
    counts[: size + 1] = 0
    for i in range(n):
        counts[(values[i] >> shift if bits > 0 else U64(0)) + U64(1)] += 1
    for k in range(size):
        counts[k + 1] += counts[k]
    filled = counts[size + 1 : 2 * size + 1]
    filled[:] = 0
    for i in range(n):
        k = values[i] >> shift if bits > 0 else U64(0)
        filled[k] = _insert_distinct(values[i], spread[counts[k] : counts[k + U64(1)]], filled[k])
    total = 0
    for k in range(size):
        for i in range(filled[k]):
            out[base + total] = spread[counts[k] + i]
            total += 1
    return total


@njit(
    types.int64(*TEXT, types.uint64[::1], types.int32[:, ::1], types.uint64[:, ::1]),
    nogil=True, cache=True,
)  # fmt: skip
def shingle_rows(buf0, off0, buf1, off1, fields, table, ngram, operators, out, sizes, marks):
    """The shingle set of each text, ascending, one after another in `out`; returns their total.

    out    uint64[>= one for each byte and text]
    sizes  int32[n, 2]: distinct shingles of the text, and those among them of field 1
    marks  uint64[n, MARK_WORDS]: bit h is set where an odd number of the shingles have the hash h (of 8 bits)
    """
    n = len(off0) - 1
    room = _widest(off0, n) + _widest(off1, n if fields == 2 else 0) + 2
    words = np.empty(room, np.uint64)
    shingles = np.empty(room, np.uint64)
    spread = np.empty(room, np.uint64)
    counts = np.empty(4 * room + 2, np.int64)
    total = 0
    for d in range(n):
        m = _shingles(
            words, hash_words(buf0, off0[d], off0[d + 1], table, operators, words), ngram, 0, shingles
        )
        if fields == 2:
            second = hash_words(buf1, off1[d], off1[d + 1], table, operators, words)
            m += _shingles(words, second, ngram, 1, shingles[m:])
        size = _sorted_set(shingles, m, counts, spread, out, total) if m > 0 else 0
        ones = 0
        marks[d, :] = U64(0)
        for i in range(total, total + size):
            ones += int(out[i] & U64(1))
            place = out[i] >> U64(1)
            marks[d, (place >> U64(6)) % U64(MARK_WORDS)] ^= U64(1) << (place & U64(63))
        sizes[d, 0] = size
        sizes[d, 1] = ones
        total += size
    return total
