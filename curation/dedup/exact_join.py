"""All pairs of texts at or above a Jaccard threshold, without false negatives."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from curation.dedup.canonical import Column, Columns, Texts
from curation.dedup.config import DedupConfig, Keys, Method
from curation.dedup.shingle_sets import ShingleSets, shingle_sets


class Pairs(NamedTuple):
    """Pairs of row numbers, left < right, with their exact Jaccard similarity."""

    left: np.ndarray
    right: np.ndarray
    jaccard: np.ndarray

    def ordered(self) -> Pairs:
        """By left, then right."""
        order = np.lexsort((self.right, self.left))
        return Pairs(self.left[order], self.right[order], self.jaccard[order])


def join(
    texts: Column | tuple[Column, Column],
    threshold: float,
    ngram_words: int = 5,
    only_across: np.ndarray | None = None,
    *,
    spanning: bool = False,
    operators: bool = True,
    threads: int | None = None,
) -> Pairs:
    """Every pair of `texts` with Jaccard similarity of word n-grams >= threshold (0 < threshold <= 1), none missed.

    texts        polars Series, Arrow array or list of str; a tuple of two columns (prompt, answer) compares both
                 and takes the lower similarity
    only_across  a group (int >= 0) for each text: only pairs of different groups, e.g. of different splits
    spanning     only pairs that join clusters: n texts in c clusters give n - c pairs. Without it m equal texts
                 give m (m - 1) / 2

    Texts without words are in no pair. Memory: 8 bytes a shingle (about one a word) and 20 bytes for each indexed one.
    """
    columns = Columns.of(*texts) if isinstance(texts, tuple) else Columns.of(texts)
    given = (threshold, ngram_words, only_across)
    return join_texts(columns, len(columns), *given, spanning=spanning, operators=operators, threads=threads)


def join_texts(
    texts: Texts,
    n: int,
    threshold: float,
    ngram_words: int = 5,
    only_across: np.ndarray | None = None,
    *,
    spanning: bool = False,
    operators: bool = True,
    threads: int | None = None,
) -> Pairs:
    """`join` of `n` texts that are read in chunks and not held: see there."""
    config = DedupConfig(
        method=Method.exact_join,
        threshold=threshold,
        ngram_words=ngram_words,
        operators=operators,
        keys=Keys.text,
    )
    sets = shingle_sets(texts, np.ones(n, np.bool_), config, threads)
    label = np.full(n, -1, np.int32) if only_across is None else np.asarray(only_across, np.int32)
    if len(label) != n:
        raise ValueError(f"only_across has {len(label)} groups for {n} texts")
    # Equal sets are joined once, by the lowest row.
    first = lowest_equal(_set_hashes(sets), np.diff(sets.start) > 0)
    rows = np.flatnonzero((first == np.arange(n)) & (np.diff(sets.start) > 0))
    parent = np.arange(n, dtype=np.int32)
    shared = _shared_label(label, first)
    if spanning and only_across is None:
        pairs = join_sets(sets, rows, threshold, parent=parent)
        twins = np.flatnonzero(first != np.arange(n))
        ones = np.ones(len(twins))
        return Pairs(*map(np.concatenate, zip(pairs, (first[twins], twins, ones), strict=True))).ordered()
    pairs = _expanded(join_sets(sets, rows, threshold, label=shared), first, label)
    return _forest(pairs, n) if spanning else pairs.ordered()


def join_sets(
    sets: ShingleSets,
    rows: np.ndarray,
    threshold: float,
    *,
    parent: np.ndarray | None = None,
    label: np.ndarray | None = None,
    home: np.ndarray | None = None,
) -> Pairs:
    """The join over texts that have sets. With `parent` (int32[n], changed) only pairs that join clusters.

    See `join_kernel.join_rows` for label and home.
    """
    parts = list(_parts(sets, rows, threshold, parent, label, home))
    if not parts:
        return Pairs(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0))
    return Pairs(*map(np.concatenate, zip(*parts, strict=True)))


def _parts(
    sets: ShingleSets,
    rows: np.ndarray,
    threshold: float,
    parent: np.ndarray | None,
    label: np.ndarray | None,
    home: np.ndarray | None,
) -> Iterator[Pairs]:
    from curation.dedup.join_kernel import count_shingles, frequency_classes, join_rows

    n = len(sets.slot)
    size = np.diff(sets.start)[sets.slot[rows]]
    order = rows[np.argsort(size, kind="stable")].astype(np.int32)
    bits = _bits(len(sets.values), 16, 24)
    frequency = np.zeros(1 << bits, np.uint16)
    count_shingles(sets.values, bits, frequency)
    # needed_overlap's rounding may give one more than this, never less.
    room = int((size - np.ceil(2 * threshold / (1 + threshold) * size - 1e-9) + 2).sum())
    head_bits = _bits(room, 8, 24)
    heads = np.full((2, 1 << head_bits), -1, np.int32)
    index = (
        heads,
        head_bits,
        np.empty((room, 5), np.int32),
        np.zeros(n, np.int32),
    )
    spanning = parent is not None
    known = (
        order,
        np.ones(n, np.uint8) if home is None else home,
        threshold,
        np.full(n, -1, np.int32) if label is None else label,
        spanning,
        frequency,
        bits,
        frequency_classes(),
        *sets.arrays,
        parent if parent is not None else np.zeros(0, np.int32),
    )
    state = np.zeros(2, np.int64)
    width = len(order) + 65_536
    left, right, score = np.empty(width, np.int32), np.empty(width, np.int32), np.empty(width)
    while state[0] < len(order):
        found = join_rows(*known, *index, state, left, right, score)
        yield Pairs(left[:found].astype(np.int64), right[:found].astype(np.int64), score[:found].copy())


def _bits(entries: int, least: int, most: int) -> int:
    return min(max(entries.bit_length(), least), most)


def _set_hashes(sets: ShingleSets) -> np.ndarray:
    from curation.dedup.join_kernel import hash_sets

    hashes = np.empty((len(sets.start) - 1, 2), np.uint64)
    hash_sets(sets.values, sets.start, hashes)
    return hashes


def lowest_equal(hashes: np.ndarray, present: np.ndarray) -> np.ndarray:
    """int64[n]: the lowest row with the same 128-bit hash (uint64[n, 2]); itself for rows that are not present."""
    first = np.arange(len(hashes))
    rows = np.flatnonzero(present)
    if len(rows) == 0:
        return first
    h0, h1 = hashes[rows, 0], hashes[rows, 1]
    order = np.argsort(h0)
    same0 = h0[order][1:] == h0[order][:-1]
    if (same0 & (h1[order][1:] != h1[order][:-1])).any():
        order = np.lexsort((h1, h0))
        same0 = h0[order][1:] == h0[order][:-1]
    same = same0 & (h1[order][1:] == h1[order][:-1])
    begins = np.flatnonzero(np.concatenate(([True], ~same)))
    lowest = np.minimum.reduceat(order, begins)
    first[rows[order]] = rows[np.repeat(lowest, np.diff(np.append(begins, len(order))))]
    return first


def _shared_label(label: np.ndarray, first: np.ndarray) -> np.ndarray:
    """The label of each representative where all texts equal to it have the same, else -1."""
    low, high = np.full(len(label), np.iinfo(np.int32).max, np.int32), np.full(len(label), -1, np.int32)
    np.minimum.at(low, first, label)
    np.maximum.at(high, first, label)
    return np.where(low == high, label, -1).astype(np.int32)


def _expanded(pairs: Pairs, first: np.ndarray, label: np.ndarray) -> Pairs:
    """Pairs of representatives as pairs of all texts equal to them, and the equal texts with one another."""
    members = np.argsort(first, kind="stable")
    begin = np.searchsorted(first[members], np.arange(len(first)))
    size = np.bincount(first, minlength=len(first))
    twins = np.flatnonzero(size > 1)
    left = np.concatenate((pairs.left, twins))
    right = np.concatenate((pairs.right, twins))
    score = np.concatenate((pairs.jaccard, np.ones(len(twins))))
    count = size[left] * size[right]
    which = np.repeat(np.arange(len(left)), count)
    inside = np.arange(len(which)) - np.repeat(np.cumsum(count) - count, count)
    a = members[begin[left[which]] + inside // size[right[which]]]
    b = members[begin[right[which]] + inside % size[right[which]]]
    # Within a group of equals each pair comes twice and each text meets itself.
    keep = (left[which] != right[which]) | (a < b)
    keep &= (label[a] != label[b]) | (label[a] < 0)
    a, b, which = a[keep], b[keep], which[keep]
    return Pairs(np.minimum(a, b), np.maximum(a, b), score[which])


def _forest(pairs: Pairs, n: int) -> Pairs:
    """The pairs, most similar first, that join clusters."""
    from curation.dedup.compare import spanning_pairs

    order = np.lexsort((pairs.right, pairs.left, -pairs.jaccard))
    pairs = Pairs(*(column[order] for column in pairs))
    kept = np.zeros(len(order), np.bool_)
    spanning_pairs(
        np.arange(n, dtype=np.int32), pairs.left.astype(np.int32), pairs.right.astype(np.int32), kept
    )
    return Pairs(*(column[kept] for column in pairs)).ordered()
