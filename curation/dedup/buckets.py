"""Candidates: texts that share a band key. Found by sorting one band at a time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

# Buckets above this are not compared pair by pair but joined exactly. Where all pairs of a bucket of m texts
# fail, m / 2 comparisons of about 0.2 us a text meet the join's cost of about 20 us a text near m = 200.
LARGEST = 128


@dataclass(frozen=True, slots=True)
class Buckets:
    """The buckets of each band that hold two texts or more.

    members  a band: int32 indices of texts, bucket after bucket, ascending within a bucket
    bounds   a band: int64 where the buckets begin in `members`, and its length
    """

    members: list[np.ndarray]
    bounds: list[np.ndarray]

    def together(self, n: int) -> np.ndarray:
        """bool[n]: texts with any candidate."""
        marked = np.zeros(n, np.bool_)
        for members in self.members:
            marked[members] = True
        return marked

    def crowded(self, n: int) -> np.ndarray:
        """bool[n]: texts in a bucket above `LARGEST` in some band."""
        marked = np.zeros(n, np.bool_)
        for members, bounds in zip(self.members, self.bounds, strict=True):
            for bucket in np.flatnonzero(np.diff(bounds) > LARGEST):
                marked[members[bounds[bucket] : bounds[bucket + 1]]] = True
        return marked


def buckets(keys: np.ndarray, rows: np.ndarray, settled: int = 0) -> Buckets:
    """Buckets over the texts `rows` (ascending indices) of keys, uint64[n, bands].

    Texts below index `settled` were compared with one another before: buckets of such texts only are left out.
    """
    made = Buckets([], [])
    everything = rows
    for band in range(keys.shape[1]):
        rows = _with_new(keys[:, band], everything, settled) if settled else everything
        column = keys[rows, band]
        order = np.argsort(column)
        ordered = column[order]
        begins = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1]))[: len(ordered)])
        sizes = np.diff(np.append(begins, len(ordered)))
        _append(made, rows, order, begins, sizes, settled)
    return made


def _with_new(column: np.ndarray, rows: np.ndarray, settled: int) -> np.ndarray:
    """Those of `rows` that may share their key with a row from `settled` on; some that do not are among them.

    Where few rows are new this spares the sort of all: a bit for each new key, by its lowest bits.
    """
    new = column[rows[np.searchsorted(rows, settled) :]]
    if 16 * len(new) > len(rows):
        return rows
    mask = np.uint64((1 << max(16, int(16 * len(new)).bit_length())) - 1)
    marked = np.zeros(int(mask) + 1, np.bool_)
    marked[new & mask] = True
    found: np.ndarray = rows[marked[column[rows] & mask]]
    return found


def _append(
    made: Buckets, rows: np.ndarray, order: np.ndarray, begins: np.ndarray, sizes: np.ndarray, settled: int
) -> None:
    several = sizes > 1
    shared = np.repeat(several, sizes)
    members = rows[order[shared]].astype(np.int32)
    sizes = sizes[several]
    if settled and len(sizes):
        newest = np.maximum.reduceat(members, np.concatenate(([0], np.cumsum(sizes)[:-1])))
        fresh = newest >= settled
        members, sizes = members[np.repeat(fresh, sizes)], sizes[fresh]
    bounds = np.zeros(len(sizes) + 1, np.int64)
    np.cumsum(sizes, out=bounds[1:])
    # The sort by key is not stable: put each bucket's members in order.
    bucket = np.repeat(np.arange(len(sizes), dtype=np.int64), sizes) << 32
    made.members.append((np.sort(bucket | members) & 0xFFFFFFFF).astype(np.int32))
    made.bounds.append(bounds)
