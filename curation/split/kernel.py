"""Which old texts may be like a new one, from their sketches; compiled. See `sketch`."""

# mypy: allow-untyped-defs, allow-untyped-calls, allow-any-generics, disable-error-code="assignment"

from __future__ import annotations

import numpy as np
from numba import njit, types

from curation.dedup.compare import _ones_in, needed_overlap

U32, U64 = np.uint32, np.uint64
HEAD, SIZE, MARKS = 11, 2, 4
HEAD_BITS = 18
WORDS = types.Array(types.uint32, 1, "C", readonly=True)
STARTS = types.Array(types.int64, 1, "C", readonly=True)


@njit(
    types.int64(
        WORDS, STARTS, types.uint64[:, ::1], types.uint32[::1], types.int64[::1], types.int32[::1], types.int32[::1],
        types.int32[::1], types.uint8[::1], types.int32[::1], types.float64, types.int32[::1], types.int32[::1],
    ),
    nogil=True, cache=True,
)  # fmt: skip
def candidates(
    words, start, marks, tokens, bounds, owner, place, size, marked, heads, threshold, left, right
):
    """Pairs (old text, new text) that may reach the threshold, each once; returns their number.

    words, start           sketches of the old texts
    marks                  uint64[new texts, 4]: parity marks of the new ones
    tokens, bounds         the new texts' first shingles, ascending, and where their postings begin
    owner, place, size     the postings: new text, how many of its shingles stand before, and how many it has
    marked                 uint8[2^k]: 1 where a token of that hash is in `tokens`
    heads                  int32[2^HEAD_BITS + 1]: where in `tokens` those begin that have these upper bits
    left, right            room for pairs; those beyond it are counted and not written
    """
    found = 0
    mask = U32(len(marked) - 1)
    met = np.full(len(marks), -1, np.int64)
    own = np.empty(MARKS, np.uint64)
    for x in range(len(start) - 1):
        base, end = start[x], start[x + 1]
        n = np.int64(words[base + SIZE])
        least, most = np.int64(np.ceil(threshold * n - 1e-9)), np.int64(n / threshold + 1e-9)
        for k in range(MARKS):
            own[k] = U64(words[base + 3 + 2 * k]) | U64(words[base + 4 + 2 * k]) << U64(32)
        for i in range(base + HEAD, end):
            token = words[i]
            # The lower bits: all these are small, being the first of an order.
            if marked[token & mask] == 0:
                continue
            upper = token >> U32(32 - HEAD_BITS)
            at, until = heads[upper], heads[upper + 1]
            while at < until and tokens[at] < token:
                at += 1
            if at == until or tokens[at] != token:
                continue
            for e in range(bounds[at], bounds[at + 1]):
                m = np.int64(size[e])
                if m < least or m > most:
                    continue
                need = needed_overlap(threshold, n + m)
                y = owner[e]
                # Of a true pair the first common shingle passes: what stands before it is in one text only.
                if met[y] == x or 1 + min(n - (i - base - HEAD) - 1, m - place[e] - 1) < need:
                    continue
                apart = U64(0)
                for k in range(MARKS):
                    apart += _ones_in(own[k] ^ marks[y, k])  # type: ignore[call-arg]
                if n + m - np.int64(apart) < 2 * need:
                    continue
                met[y] = x
                if found < len(left):
                    left[found] = x
                    right[found] = y
                found += 1
    return found
