"""Clusters of texts over verified pairs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from curation.dedup.buckets import LARGEST, Buckets, buckets
from curation.dedup.canonical import Texts
from curation.dedup.config import DedupConfig, Method
from curation.dedup.exact_join import Pairs, join_sets, lowest_equal
from curation.dedup.shingle_sets import ShingleSets, shingle_sets
from curation.dedup.sketch import Sketch


@dataclass(frozen=True, slots=True)
class Found:
    """Verified pairs and the clusters that they span.

    keys      uint64[n, bands]  of the sketch
    first     int64[n]  the lowest row with the same canonical text (itself where none, or where there are no words)
    cluster   int32[n]  the lowest row of the cluster
    pairs     joining pairs of `first` rows, each at or above the threshold; a spanning forest
    buckets   the candidates (empty for exact_join)
    sets      shingle sets of the rows that were compared
    compared  pairs compared while scanning buckets
    """

    keys: np.ndarray
    first: np.ndarray
    cluster: np.ndarray
    pairs: Pairs
    buckets: Buckets
    sets: ShingleSets
    compared: int


def find(
    texts: Texts, sketched: Sketch, config: DedupConfig, settled: int = 0, threads: int | None = None
) -> Found:
    """Candidates by the sketch, compared exactly, and their clusters.

    The first `settled` texts were compared with one another before; only pairs with a later text are looked at.
    """
    n = len(sketched)
    present = sketched.words > 0
    first = lowest_equal(sketched.whole, present)
    rows = np.flatnonzero(present & (first == np.arange(n)))
    parent = np.arange(n, dtype=np.int32)
    if config.method is Method.minhash:
        candidates = buckets(sketched.keys, rows, settled)
        sets = shingle_sets(texts, candidates.together(n), config, threads)
        pairs, compared = _scan(candidates, sketched.keys, sets, parent, config.threshold, settled)
    else:
        candidates, compared = Buckets([], []), 0
        wanted = np.zeros(n, np.bool_)
        wanted[rows] = True
        sets = shingle_sets(texts, wanted, config, threads)
        pairs = join_sets(sets, rows, config.threshold, parent=parent, label=known(n, settled))
    cluster = _clusters(n, pairs, first)
    return Found(sketched.keys, first, cluster, pairs, candidates, sets, compared)


def known(n: int, settled: int) -> np.ndarray:
    """One label for the settled texts, so that the join leaves out their pairs; none (-1) for the rest."""
    return np.where(np.arange(n) < settled, 0, -1).astype(np.int32)


def _scan(
    candidates: Buckets,
    keys: np.ndarray,
    sets: ShingleSets,
    parent: np.ndarray,
    threshold: float,
    settled: int,
) -> tuple[Pairs, int]:
    from curation.dedup.scan import scan_band

    n = len(parent)
    crowded = candidates.crowded(n)
    # A spanning forest of n texts has fewer than n pairs.
    left, right, score = np.empty(n, np.int32), np.empty(n, np.int32), np.empty(n)
    compared = np.zeros(1, np.int64)
    found = 0
    for band, (members, bounds) in enumerate(zip(candidates.members, candidates.bounds, strict=True)):
        given = (keys, band, members, bounds, settled, LARGEST, threshold, crowded, *sets.arrays, parent)
        found = scan_band(*given, left, right, score, found, compared)
    pairs = Pairs(left[:found].astype(np.int64), right[:found].astype(np.int64), score[:found].copy())
    if crowded.any():
        rest = join_sets(
            sets,
            np.flatnonzero(crowded),
            threshold,
            parent=parent,
            label=known(n, settled),
            home=_outside_largest(parent, crowded),
        )
        pairs = Pairs(*map(np.concatenate, zip(pairs, rest, strict=True)))
    return pairs, int(compared[0])


def _outside_largest(parent: np.ndarray, crowded: np.ndarray) -> np.ndarray:
    """uint8[n]: 0 for the crowded texts of the largest cluster, which need no comparing with one another."""
    from curation.dedup.compare import unite_pairs

    nothing = np.empty(0, np.int32)
    unite_pairs(parent, nothing, nothing)  # flattens
    largest = np.bincount(parent[crowded]).argmax()
    outside: np.ndarray = (parent != largest).astype(np.uint8)
    return outside


def _clusters(n: int, pairs: Pairs, first: np.ndarray) -> np.ndarray:
    from curation.dedup.compare import unite_pairs

    cluster = np.arange(n, dtype=np.int32)
    twins = np.flatnonzero(first != np.arange(n))
    left, right = np.concatenate((pairs.left, first[twins])), np.concatenate((pairs.right, twins))
    unite_pairs(cluster, left.astype(np.int32), right.astype(np.int32))
    return cluster
