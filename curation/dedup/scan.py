"""Compare the candidates of each bucket exactly and join clusters; compiled.

Only pairs that could still join two clusters are compared, so the verified pairs form a spanning forest. A pair is
compared in the first band that it shares. Texts of crowded buckets are joined to a few leaders here, and
their remaining pairs are left to the exact join (`exact_join`), which loses none.
"""

# mypy: allow-untyped-defs, allow-untyped-calls, allow-any-generics, disable-error-code="assignment"

from __future__ import annotations

from numba import njit, types

from curation.dedup.compare import F64S, FLAGS, I32S, I64S, SETS, U64S2, jaccard, root, unite

LEADERS = 8


@njit
def shares_earlier(keys, x, y, band):
    """Whether the pair shared a band before this one."""
    for earlier in range(band):  # noqa: SIM110 (any() of a generator does not compile)
        if keys[x, earlier] == keys[y, earlier]:
            return True
    return False


@njit(
    types.int64(
        U64S2, types.int64, I32S, I64S, types.int64, types.int64, types.float64, FLAGS,
        *SETS, I32S, I32S, I32S, F64S, types.int64, I64S,
    ),
    nogil=True, cache=True,
)  # fmt: skip
def scan_band(
    keys, band, members, bounds, settled, largest, threshold, crowded,
    slot, values, start, ones, marks, parent, left, right, score, found, compared,
):  # fmt: skip
    """Verify one band's buckets. Appends joining pairs from position `found`; returns the new number of pairs.

    parent       int32[n], changed; left, right, score: room for n pairs
    compared[0]  counts comparisons
    """
    leaders = [0] * LEADERS
    for bucket in range(len(bounds) - 1):
        first, last = bounds[bucket], bounds[bucket + 1]
        big = last - first > largest
        count = 0
        for p in range(first, last):
            x = members[p]
            joined = False
            for q in range(count if big else p - first):
                y = leaders[q] if big else members[first + q]
                if y < settled and x < settled:
                    continue
                if not big and crowded[x] and crowded[y]:
                    continue
                if root(parent, x) == root(parent, y):
                    joined = True
                    if big:
                        break
                    continue
                if shares_earlier(keys, x, y, band):
                    continue
                compared[0] += 1
                s = jaccard(x, y, threshold, slot, values, start, ones, marks)
                if s >= threshold:
                    unite(parent, x, y)
                    left[found], right[found], score[found] = y, x, s
                    found += 1
                    joined = True
                    if big:
                        break
            if big and not joined and count < LEADERS:
                leaders[count] = x
                count += 1
    return found


# A record in a bucket is compared with this many better ones at most when the border is looked for.
BORDER_WIDTH = 64


@njit(
    types.void(U64S2, types.int64, I32S, I64S, types.int64, types.float64, I32S, *SETS, F64S, I32S),
    nogil=True, cache=True,
)  # fmt: skip
def border_band(
    keys, band, members, bounds, settled, floor, rank, slot, values, start, ones, marks, best, partner
):
    """For each kept text the most similar better-ranked kept text of its buckets, where that is >= floor.

    members  int32, within a bucket by ascending rank; best float64[n] and partner int32[n] are updated,
             equal scores go to the better-ranked partner, so the outcome does not depend on the order
    """
    for bucket in range(len(bounds) - 1):
        first = bounds[bucket]
        for p in range(first + 1, bounds[bucket + 1]):
            x = members[p]
            for q in range(first, min(p, first + BORDER_WIDTH)):
                y = members[q]
                if (y < settled and x < settled) or shares_earlier(keys, x, y, band):
                    continue
                s = jaccard(x, y, max(floor, best[x]), slot, values, start, ones, marks)
                if s > best[x] or (s == best[x] and s >= floor and rank[y] < rank[partner[x]]):
                    best[x] = s
                    partner[x] = y
