"""The near-duplicate rule: which messages are nearly an item, as a whole?

The same words, shingles, signatures and exact comparison as the stage dedup (curation/dedup): items and messages that
share a band of MinHash values are compared by the exact Jaccard similarity of their word 5-grams. An item with words
exchanged here and there is found so, where no 13 words in a row are left.

A message that is near more than `TEMPLATE_ITEMS` items is like their template, and no evidence of one of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import polars as pl

from curation.dedup.canonical import Columns, pieces
from curation.dedup.config import DedupConfig, Keys
from curation.dedup.shingle_sets import shingle_sets
from curation.dedup.sketch import Sketch, shape, sketch_chunk

# As for n-grams: Brown et al. 2020, appendix C, discard what occurs in more than 10 places.
TEMPLATE_ITEMS = 10


class Pairs(NamedTuple):
    """Messages and the items that they are near, each pair once, with the exact Jaccard similarity."""

    message: np.ndarray
    item: np.ndarray
    jaccard: np.ndarray


@dataclass(frozen=True, slots=True)
class NearItems:
    """The items that messages are compared with.

    config   how texts are compared
    numbers  int64[m]  the items' numbers in the index
    texts    their texts
    order    int64[bands, m]  items by their band key
    keys     uint64[bands, m]  the keys in that order
    """

    config: DedupConfig
    numbers: np.ndarray
    texts: pl.Series
    order: np.ndarray
    keys: np.ndarray

    @classmethod
    def of(cls, texts: pl.Series, numbers: np.ndarray, threshold: float) -> NearItems:
        """Of the items `numbers`, whose texts are `texts`; `threshold` is the least similarity, 0 to 1."""
        config = DedupConfig(threshold=threshold, keys=Keys.text)
        keys = _keys(texts, config)
        order = np.argsort(keys, axis=0, kind="stable").T
        return cls(config, numbers, texts, order, np.take_along_axis(keys.T, order, axis=1))

    def find(self, messages: pl.Series) -> Pairs:
        """Every message that is near an item, and not near too many."""
        left, right = self._candidates(_keys(messages, self.config))
        used, place = np.unique(left, return_inverse=True)
        texts = Columns.of(pl.concat([messages.gather(used), self.texts]))
        sets = shingle_sets(texts, np.ones(len(texts), np.bool_), self.config, threads=1)
        score = sets.scores(place, len(used) + right)
        near = score >= self.config.threshold
        left, right, score = left[near], right[near], score[near]
        telling = np.bincount(left, minlength=len(messages))[left] <= TEMPLATE_ITEMS
        return Pairs(left[telling], self.numbers[right[telling]], score[telling])

    def _candidates(self, keys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Pairs of a message and an item that share a band, each once."""
        found = [np.empty(0, np.int64)]
        for band, (order, known) in enumerate(zip(self.order, self.keys, strict=True)):
            first = np.searchsorted(known, keys[:, band], "left")
            counts = np.searchsorted(known, keys[:, band], "right") - first
            rows = np.flatnonzero(counts)
            counts, first = counts[rows], first[rows]
            within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
            items = order[np.repeat(first, counts) + within]
            found.append(np.repeat(rows, counts) * len(order) + items)
        pairs = np.unique(np.concatenate(found))
        return np.divmod(pairs, max(1, len(self.numbers)))


def _keys(texts: pl.Series, config: DedupConfig) -> np.ndarray:
    """uint64[n, bands]: the band keys of each text."""
    parts = [sketch_chunk(piece, config) for piece in pieces([(texts,)])]
    return Sketch.joined(parts, shape(config)[0]).keys
