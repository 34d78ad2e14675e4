"""The exact set-similarity join: prefix, length and position filters over an inverted index; compiled.

Sources: Bayardo, Ma, Srikant, Scaling up all pairs similarity search, WWW 2007 (prefixes, sizes in order);
Xiao, Wang, Lin, Yu, Efficient similarity joins for near-duplicate detection, TODS 2011 (PPJoin: positions).

Why no pair is lost: let all shingles have one total order, rare ones first. If J(x, y) >= t and |y| <= |x|, then
|x & y| >= t|x| and |x & y| >= t / (1 + t) (|x| + |y|) >= 2t / (1 + t) |y|. So the first |x| - t|x| + 1 shingles
of x and the first |y| - 2t / (1 + t) |y| + 1 of y have one in common (else the overlap would not fit behind them).
Texts come in order of size, look their prefix up, then put their shorter one into the index.
"""

# mypy: allow-untyped-defs, allow-untyped-calls, allow-any-generics, disable-error-code="assignment"

from __future__ import annotations

import numpy as np
from numba import njit, types

from curation.dedup.compare import F64S, I32S, I64S, SETS, U64S, U64S2, jaccard, needed_overlap, root, unite

U64 = np.uint64
GOLDEN = U64(0x9E3779B97F4A7C15)
U8S, U16S, I32S2 = types.uint8[::1], types.uint16[::1], types.int32[:, ::1]
TAG = U64(0x7FFFFFFF)
CLASSES = 64


def frequency_classes() -> np.ndarray:
    """uint8[65536]: a class for each saturated count; 0 for counts up to 1, exact to 40, then by powers of two."""
    counts = np.arange(65_536)
    coarse = 40 + np.floor(np.log2(np.maximum(counts, 1) / 40.0) * 2).astype(np.int64)
    return np.where(counts <= 40, np.maximum(counts - 1, 0), np.minimum(coarse, CLASSES - 1)).astype(np.uint8)


@njit
def _place(token, bits):
    return (token * GOLDEN) >> U64(64 - bits)


@njit(types.void(U64S, types.int64, U16S), nogil=True, cache=True)
def count_shingles(values, bits, frequency):
    """How many sets hold a shingle, by its hash of `bits` bits, at most 65535. Collisions only raise a count."""
    for i in range(len(values)):
        k = _place(values[i], bits)
        if frequency[k] < 65_535:
            frequency[k] += 1


@njit(types.void(U64S, I64S, U64S2), nogil=True, cache=True)
def hash_sets(values, start, out):
    """128-bit hash of each set: equal sets, equal hashes."""
    for s in range(len(start) - 1):
        h0, h1 = U64(1), U64(start[s + 1] - start[s])
        for i in range(start[s], start[s + 1]):
            h0 = (h0 ^ values[i]) * GOLDEN
            h0 ^= h0 >> U64(32)
            h1 = (h1 + values[i]) * U64(0xBF58476D1CE4E5B9)
            h1 ^= h1 >> U64(29)
        out[s, 0] = h0
        out[s, 1] = h1


@njit
def _rare_first(values, first, n, frequency, bits, class_of, kinds, counts, out):
    """values[first:first + n] by (class of frequency, value) into out; kinds: their classes, in the same order."""
    counts[:] = 0
    for i in range(n):
        kind = class_of[frequency[_place(values[first + i], bits)]]
        kinds[n + i] = kind
        counts[kind + 1] += 1
    for k in range(CLASSES):
        counts[k + 1] += counts[k]
    for i in range(n):
        at = counts[kinds[n + i]]
        counts[kinds[n + i]] += 1
        out[at] = values[first + i]
        kinds[at] = kinds[n + i]


@njit(
    types.int64(
        I32S, U8S, types.float64, I32S, types.boolean, U16S, types.int64, U8S, *SETS, I32S,
        I32S2, types.int64, I32S2, I32S, I64S, I32S, I32S, F64S,
    ),
    nogil=True, cache=True,
)  # fmt: skip
def join_rows(  # noqa: PLR0912, PLR0915 (one pass; helpers with this many arrays read no better)
    order, home, threshold, label, spanning, frequency, bits, class_of, slot, values, start, ones, marks, parent,
    heads, head_bits, posts, overlap, state, left, right, score,
):  # fmt: skip
    """Pairs at or above the threshold among the texts `order` (by size, ascending); returns how many were written.

    home      uint8[n]: pairs of texts with home 0 are not looked for (they are known to be of one cluster)
    label     int32[n]: pairs with the same label >= 0 are left out
    spanning  only pairs that join two clusters of `parent` (which is changed)
    heads, posts, overlap  the index: heads[2, 2^head_bits] into posts (text, place, next, size, tag), -1 at the end.
              What a look needs stands together, for each row of posts is a cache miss. A tag is 31 bits of a
              shingle: two that collide raise a count, which a comparison then corrects
    state     int64[2]: the next position in `order`, posts written; the call returns early, to be called
              again with empty output, where left has no room for all pairs of the next text
    """
    widest = 0
    for position in range(len(order)):
        a = slot[order[position]]
        widest = max(widest, start[a + 1] - start[a])
    ordered = np.empty(widest, np.uint64)
    kinds = np.empty(2 * widest, np.uint8)
    counts = np.empty(CLASSES + 1, np.int64)
    touched = np.empty(len(order), np.int32)
    found = 0
    while state[0] < len(order) and len(left) - found >= state[0]:
        x = order[state[0]]
        state[0] += 1
        a = slot[x]
        n = start[a + 1] - start[a]
        if n == 0:
            continue
        _rare_first(values, start[a], n, frequency, bits, class_of, kinds, counts, ordered)
        shortest = int(np.ceil(threshold * n - 1e-9))
        met = 0
        for i in range(n - shortest + 1):
            if kinds[i] == 0:
                continue  # in this text only
            tag = np.int32(ordered[i] & TAG)
            for side in range(1 - home[x], 2):
                e = heads[side, _place(ordered[i], head_bits)]
                while e >= 0:
                    m = posts[e, 3]
                    if m < shortest:
                        break  # those behind it are smaller still
                    y = posts[e, 0]
                    if posts[e, 4] == tag and overlap[y] >= 0:
                        if overlap[y] == 0:
                            touched[met] = y
                            met += 1
                        reach = overlap[y] + 1 + min(n - i - 1, m - posts[e, 1] - 1)
                        overlap[y] = overlap[y] + 1 if reach >= needed_overlap(threshold, n + m) else -1
                    e = posts[e, 2]
        for k in range(met):
            y = touched[k]
            possible = overlap[y] > 0
            overlap[y] = 0
            if not possible or (label[x] >= 0 and label[x] == label[y]):
                continue
            if spanning and root(parent, x) == root(parent, y):
                continue
            s = jaccard(x, y, threshold, slot, values, start, ones, marks)
            if s >= threshold:
                left[found], right[found], score[found] = min(x, y), max(x, y), s
                found += 1
                if spanning:
                    unite(parent, x, y)
        for i in range(n - needed_overlap(threshold, 2 * n) + 1):
            if kinds[i] == 0:
                continue
            head = _place(ordered[i], head_bits)
            e = state[1]
            state[1] += 1
            posts[e, 0], posts[e, 1], posts[e, 2] = x, i, heads[home[x], head]
            posts[e, 3], posts[e, 4] = n, np.int32(ordered[i] & TAG)
            heads[home[x], head] = e
    return found
