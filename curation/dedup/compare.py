"""Exact comparison of shingle sets, and clusters over verified pairs (union-find); compiled.

Functions take the arrays of `shingle_sets.ShingleSets`: slot, values, start, ones, marks.
"""

# mypy: allow-untyped-defs, allow-untyped-calls, allow-any-generics, disable-error-code="assignment"

from __future__ import annotations

import numpy as np
from numba import njit, types
from numba.extending import intrinsic

from curation.dedup.kernel import MARK_WORDS

U64 = np.uint64
I32S, I64S, U64S, F64S = types.int32[::1], types.int64[::1], types.uint64[::1], types.float64[::1]
U64S2 = types.uint64[:, ::1]
FLAGS = types.boolean[::1]
SETS = (I32S, U64S, I64S, I32S, U64S2)


@intrinsic
def _ones_in(typing_context, x):
    """The number of set bits of a 64-bit integer, as one instruction."""

    def build(context, builder, signature, arguments):
        return builder.ctpop(arguments[0])

    return types.uint64(types.uint64), build


@njit
def needed_overlap(threshold, size):
    """Least |A & B| with J(A, B) >= threshold, for size = |A| + |B|: t / (1 + t) * size, rounded up.

    The 1e-9 keeps a whole number that floating point lifted a little from being rounded up once more.
    """
    return int(np.ceil(threshold / (1.0 + threshold) * size - 1e-9))


@njit
def jaccard(x, y, floor, slot, values, start, ones, marks):
    """The least Jaccard similarity over the fields (two empty fields: 1.0); -1 if it is surely below `floor`.

    With J_0 >= t and J_1 >= t the union of both fields has J >= t too (a mediant), so that sets of both fields
    together may be searched with t, and stopped early with the overlap that t needs.
    """
    a, b = slot[x], slot[y]
    i, i_end, j, j_end = start[a], start[a + 1], start[b], start[b + 1]
    need = needed_overlap(floor, i_end - i + j_end - j)
    # Marks are parities: bits that differ are no more than the shingles that only one of the two has, and
    # those are |A| + |B| - 2 |A & B|. Source: Sandes, Teodoro, Melo, Bitmap filter, Information Systems 2020.
    apart = U64(0)
    for k in range(MARK_WORDS):
        apart += _ones_in(marks[a, k] ^ marks[b, k])  # type: ignore[call-arg]
    if i_end - i + j_end - j - np.int64(apart) < 2 * need:
        return -1.0
    both = np.int64(0)
    odd = np.int64(0)
    while i < i_end and j < j_end:
        if both + min(i_end - i, j_end - j) < need:
            return -1.0
        u, v = values[i], values[j]
        # Without branches on hashed values, which no predictor guesses.
        equal = np.int64(u == v)
        both += equal
        odd += equal & np.int64(u & U64(1))
        i += np.int64(u <= v)
        j += np.int64(v <= u)
    union_odd = ones[a] + ones[b] - odd
    union_even = (start[a + 1] - start[a]) + (start[b + 1] - start[b]) - both - union_odd
    score_even = (both - odd) / union_even if union_even > 0 else 1.0
    score_odd = odd / union_odd if union_odd > 0 else 1.0
    return min(score_even, score_odd)


@njit
def root(parent, x):
    """The representative of x's cluster; halves paths."""
    while parent[x] != x:
        parent[x] = parent[parent[x]]
        x = parent[x]
    return x


@njit
def unite(parent, x, y):
    """Join two clusters; the lowest index represents. Returns whether they were apart."""
    rx, ry = root(parent, x), root(parent, y)
    if rx == ry:
        return False
    if rx < ry:
        parent[ry] = rx
    else:
        parent[rx] = ry
    return True


@njit(types.void(I32S, I32S, *SETS, F64S), nogil=True, cache=True)
def score_pairs(left, right, slot, values, start, ones, marks, out):
    """out[k] = exact similarity of (left[k], right[k])."""
    for k in range(len(left)):
        out[k] = jaccard(left[k], right[k], 0.0, slot, values, start, ones, marks)


@njit(types.void(I32S, I32S, I32S), nogil=True, cache=True)
def unite_pairs(parent, left, right):
    """Join all pairs, then let every entry point straight at its representative."""
    for k in range(len(left)):
        unite(parent, left[k], right[k])
    for x in range(len(parent)):
        parent[x] = root(parent, x)


@njit(types.void(I32S, I32S, I32S, FLAGS), nogil=True, cache=True)
def spanning_pairs(parent, left, right, kept):
    """Mark in `kept` the pairs that join two clusters when taken in order."""
    for k in range(len(left)):
        kept[k] = unite(parent, left[k], right[k])
