"""What is kept of each cluster of near-duplicates, and the evidence for each removal; apart from any store."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from curation.dedup.canonical import Column, Columns
from curation.dedup.config import DedupConfig, Method
from curation.dedup.exact_join import join_sets
from curation.dedup.near import Found, find, known
from curation.dedup.sketch import sketch


@dataclass(frozen=True, slots=True)
class Duplicates:
    """What is kept and what is removed; arrays over the n texts, row numbers or -1.

    kept        int64    the kept text of the cluster; itself where the text is kept
    score       float64  exact Jaccard similarity to the kept text (1.0 for itself)
    equal       bool     removed, and of the same canonical text as the kept one
    link        int64    where score < threshold: the next text on the way to the kept one over verified pairs, else -1
    link_score  float64  exact similarity to `link`, nan where none
    near        int64    kept, and its most similar better-ranked kept candidate is in [store_from, threshold): that one
    near_score  float64  exact similarity to `near`, nan where none
    cluster     int32    the lowest row of the cluster
    compared    pairs compared while scanning buckets
    """

    kept: np.ndarray
    score: np.ndarray
    equal: np.ndarray
    link: np.ndarray
    link_score: np.ndarray
    near: np.ndarray
    near_score: np.ndarray
    cluster: np.ndarray
    compared: int

    @property
    def removed(self) -> np.ndarray:
        """Rows of removed texts, int64."""
        return np.flatnonzero(self.kept != np.arange(len(self.kept)))


def near_duplicates(
    texts: Column | tuple[Column, Column],
    config: DedupConfig,
    rank: np.ndarray | None = None,
    *,
    threads: int | None = None,
) -> Duplicates:
    """Cluster texts and keep the best of each cluster.

    texts  polars Series, Arrow array or list of str; a tuple of two (prompt, answer) must both reach the threshold
    rank   a permutation of 0..n-1, lowest kept; default: the order of the texts

    Texts without words are kept and in no pair. The outcome depends neither on the order of the texts (given the
    rank) nor on `threads`, except for which of several ways `link` shows.
    """
    columns = Columns.of(*texts) if isinstance(texts, tuple) else Columns.of(texts)
    found = find(columns, sketch(columns.chunks(), config, threads), config, threads=threads)
    return decide(found, np.arange(len(columns)) if rank is None else rank, config)


def decide(found: Found, rank: np.ndarray, config: DedupConfig, settled: int = 0) -> Duplicates:
    """Keep the lowest rank of each cluster, but all of the first `settled` texts; score what is removed."""
    n = len(rank)
    order = np.lexsort((rank, np.arange(n) >= settled))  # settled texts come first
    best = np.empty(n, np.int64)
    best[found.cluster[order[::-1]]] = order[::-1]  # the lowest rank is written last
    kept = best[found.cluster]
    kept[:settled] = np.arange(settled)
    equal = (found.first[kept] == found.first) & (kept != np.arange(n))
    score = np.ones(n)
    apart = np.flatnonzero(found.first[kept] != found.first)
    score[apart] = found.sets.scores(found.first[apart], found.first[kept[apart]])
    link, link_score = _links(found, kept, score, config.threshold)
    near, near_score = _border(found, kept, rank, config, settled)
    return Duplicates(kept, score, equal, link, link_score, near, near_score, found.cluster, found.compared)


def _links(
    found: Found, kept: np.ndarray, score: np.ndarray, threshold: float
) -> tuple[np.ndarray, np.ndarray]:
    """The next hop towards the kept text, for texts that chaining joined to one below the threshold."""
    link, link_score = np.full(len(kept), -1, np.int64), np.full(len(kept), np.nan)
    chained = np.flatnonzero(score < threshold)
    if len(chained) == 0:
        return link, link_score
    concerned = np.zeros(len(kept), np.bool_)
    concerned[found.cluster[chained]] = True
    ways: dict[int, list[tuple[int, float]]] = {}
    inside = concerned[found.cluster[found.pairs.left]]
    for a, b, s in zip(*(column[inside].tolist() for column in found.pairs), strict=True):
        ways.setdefault(a, []).append((b, s))
        ways.setdefault(b, []).append((a, s))
    hop: dict[int, tuple[int, float]] = {}
    for end in np.unique(found.first[kept[chained]]).tolist():
        reached, hop[end] = [end], (end, 1.0)
        for at in reached:  # grows while it is walked: breadth first
            for other, s in ways.get(at, ()):
                if other not in hop:
                    hop[other] = (at, s)
                    reached.append(other)
    for row, first in zip(chained.tolist(), found.first[chained].tolist(), strict=True):
        link[row], link_score[row] = hop[first]
    return link, link_score


def _border(
    found: Found, kept: np.ndarray, rank: np.ndarray, config: DedupConfig, settled: int
) -> tuple[np.ndarray, np.ndarray]:
    n = len(kept)
    near, near_score = np.full(n, -1, np.int64), np.full(n, np.nan)
    if config.store_from >= config.threshold:
        return near, near_score
    stays = np.flatnonzero((kept == np.arange(n)) & (found.sets.slot[found.first] >= 0))
    stands_for = np.full(n, -1, np.int64)  # from the row that was compared to the kept row
    stands_for[found.first[stays]] = stays
    ranks = np.full(n, n, np.int32)
    ranks[found.first[stays]] = rank[stays]
    if config.method is Method.minhash:
        best, partner = _border_of_buckets(found, stands_for, ranks, config, settled)
    else:
        best, partner = _border_of_join(found, stands_for, ranks, config, settled)
    tagged = np.flatnonzero((best >= config.store_from) & (best < config.threshold))
    near[stands_for[tagged]] = stands_for[partner[tagged]]
    near_score[stands_for[tagged]] = best[tagged]
    return near, near_score


def _border_of_buckets(
    found: Found, stands_for: np.ndarray, ranks: np.ndarray, config: DedupConfig, settled: int
) -> tuple[np.ndarray, np.ndarray]:
    from curation.dedup.scan import border_band

    n = len(ranks)
    best, partner = np.full(n, -1.0), np.full(n, -1, np.int32)
    for band, (members, bounds) in enumerate(zip(found.buckets.members, found.buckets.bounds, strict=True)):
        bucket = np.repeat(np.arange(len(bounds) - 1, dtype=np.int64), np.diff(bounds))
        stays = stands_for[members] >= 0
        kept, bucket = members[stays], bucket[stays]
        order = np.argsort(bucket << 32 | ranks[kept])
        edges = np.searchsorted(bucket, np.arange(len(bounds)))
        border_band(
            found.keys, band, kept[order], edges, settled, config.store_from, ranks, *found.sets.arrays,
            best, partner,
        )  # fmt: skip
    return best, partner


def _border_of_join(
    found: Found, stands_for: np.ndarray, ranks: np.ndarray, config: DedupConfig, settled: int
) -> tuple[np.ndarray, np.ndarray]:
    n = len(ranks)
    pairs = join_sets(found.sets, np.flatnonzero(stands_for >= 0), config.store_from, label=known(n, settled))
    worse = np.where(ranks[pairs.left] > ranks[pairs.right], pairs.left, pairs.right)
    better = pairs.left + pairs.right - worse
    order = np.lexsort((-ranks[better], pairs.jaccard))  # the most similar, then best ranked, is written last
    best, partner = np.full(n, -1.0), np.full(n, -1, np.int32)
    best[worse[order]] = pairs.jaccard[order]
    partner[worse[order]] = better[order]
    return best, partner
