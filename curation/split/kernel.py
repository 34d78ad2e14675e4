"""Which old texts may be like a new one, from their sketches; compiled. See `sketch`."""

# mypy: allow-untyped-defs, allow-untyped-calls, allow-any-generics, disable-error-code="assignment"

from __future__ import annotations

import numpy as np
from numba import njit, types

from curation.dedup.compare import _ones_in, needed_overlap

U32, U64 = np.uint32, np.uint64
HEAD, SIZE, MARKS = 11, 2, 8
WORDS = types.Array(types.uint32, 1, "C", readonly=True)
STARTS = types.Array(types.int64, 1, "C", readonly=True)


@njit(
    types.int64(
        WORDS, STARTS, WORDS, STARTS, types.uint32[::1], types.int64[::1], types.int32[::1], types.int32[::1],
        types.uint8[::1], types.float64, types.int32[::1], types.int32[::1],
    ),
    nogil=True, cache=True,
)  # fmt: skip
def candidates(
    words, start, new_words, new_start, tokens, bounds, owner, place, marked, threshold, left, right
):
    """Pairs (old text, new text) that may reach the threshold, each once; returns their number.

    words, start           sketches of the old texts; new_words, new_start: of the new ones
    tokens, bounds         the new texts' first shingles, ascending, and where their postings begin
    owner, place           the postings: new text, and how many of its shingles stand before
    marked                 uint8[2^k]: 1 where a token of that hash is in `tokens`
    left, right            room for pairs; those beyond it are counted and not written
    """
    found = 0
    mask = U32(len(marked) - 1)
    met = np.full(len(new_start) - 1, -1, np.int64)
    for x in range(len(start) - 1):
        base, end = start[x], start[x + 1]
        n = np.int64(words[base + SIZE])
        for i in range(base + HEAD, end):
            token = words[i]
            # The lower bits: all these are small, being the first of an order.
            if marked[token & mask] == 0:
                continue
            at = np.searchsorted(tokens, token)
            if at == len(tokens) or tokens[at] != token:
                continue
            for e in range(bounds[at], bounds[at + 1]):
                y = owner[e]
                if met[y] == x:
                    continue
                other = new_start[y]
                m = np.int64(new_words[other + SIZE])
                need = needed_overlap(threshold, n + m)
                # Of a true pair the first common shingle passes: what stands before it is in one text only.
                if 1 + min(n - (i - base - HEAD) - 1, m - place[e] - 1) < need:
                    continue
                apart = U64(0)
                for k in range(MARKS):
                    apart += _ones_in(U64(words[base + 3 + k] ^ new_words[other + 3 + k]))  # type: ignore[call-arg]
                if n + m - np.int64(apart) < 2 * need:
                    continue
                met[y] = x
                if found < len(left):
                    left[found] = x
                    right[found] = y
                found += 1
    return found
