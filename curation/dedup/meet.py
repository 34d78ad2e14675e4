"""Which old texts share the whole hash or a band's key with a new one, from their packed sketches; compiled."""

# mypy: allow-untyped-defs, allow-untyped-calls, allow-any-generics, disable-error-code="assignment"

from __future__ import annotations

import numpy as np
from numba import njit, types

U64 = np.uint64
ONE, SIX = U64(1), U64(6)
ROWS = types.Array(types.uint32, 2, "C", readonly=True)


@njit(
    types.void(ROWS, types.uint64[::1], types.uint64[::1], types.int64[::1], types.boolean[::1]),
    nogil=True, cache=True,
)  # fmt: skip
def meet(rows, bits, keys, bounds, found):
    """Mark in `found` the rows of which a 64-bit field is one of the keys asked for in its place.

    rows          uint32[n, words]: packed sketches, of which the last word is no key (0: nothing to compare)
    bits          2^k bits: set where the lowest bits of a key of any field lead, so that most are told by one look
    keys, bounds  the keys of each field, ascending, and where those of a field begin
    """
    mask = U64(64 * len(bits) - 1)
    for x in range(len(rows)):
        if rows[x, rows.shape[1] - 1] == 0:
            continue
        for field in range(len(bounds) - 1):
            if bounds[field] == bounds[field + 1]:
                continue
            key = U64(rows[x, 2 * field]) | U64(rows[x, 2 * field + 1]) << U64(32)
            place = key & mask
            if bits[place >> SIX] >> (place & U64(63)) & ONE == 0:
                continue
            low, high = bounds[field], bounds[field + 1]
            while low < high:
                middle = (low + high) >> 1
                if keys[middle] < key:
                    low = middle + 1
                else:
                    high = middle
            if low < bounds[field + 1] and keys[low] == key:
                found[x] = True
                break
