"""The second pass: shingle sets of the texts that need an exact comparison, and the comparison."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import polars as pl

from curation.dedup.alphabet import table
from curation.dedup.canonical import Texts, packed, pieces
from curation.dedup.config import DedupConfig
from data.ahead import in_threads


@dataclass(frozen=True, slots=True)
class ShingleSets:
    """Sets of m of the n texts.

    slot    int32[n]       where a text's set is, -1 for those left out
    values  uint64[total]  the sets one after another, each ascending without repeats
    start   int64[m + 1]   where they begin
    ones    int32[m]       how many are of field 1 (odd values)
    marks   uint64[m, 4]   parities, by which unlike sets are told apart early
    """

    slot: np.ndarray
    values: np.ndarray
    start: np.ndarray
    ones: np.ndarray
    marks: np.ndarray

    @property
    def arrays(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """As the compiled functions take them."""
        return self.slot, self.values, self.start, self.ones, self.marks

    def scores(self, left: np.ndarray, right: np.ndarray) -> np.ndarray:
        """Exact Jaccard similarities, float64, of pairs of texts that have sets."""
        from curation.dedup.compare import score_pairs

        out = np.empty(len(left), np.float64)
        score_pairs(left.astype(np.int32), right.astype(np.int32), *self.arrays, out)
        return out


def shingle_sets(
    texts: Texts, wanted: np.ndarray, config: DedupConfig, threads: int | None = None
) -> ShingleSets:
    """The sets of the texts marked in `wanted` (bool[n]); keeps nothing of other texts."""
    slot = np.full(len(wanted), -1, np.int32)
    slot[wanted] = np.arange(int(wanted.sum()), dtype=np.int32)

    chunks = pieces(texts.only(wanted))
    parts = list(in_threads(lambda fields: _shingle_chunk(fields, config), chunks, threads))
    sizes = np.concatenate([np.empty((0, 2), np.int32), *(part.sizes for part in parts)])
    marks = np.concatenate([np.empty((0, 4), np.uint64), *(part.marks for part in parts)])
    start = np.zeros(len(sizes) + 1, np.int64)
    np.cumsum(sizes[:, 0], out=start[1:])
    values = np.empty(int(start[-1]), np.uint64)
    at = 0
    parts.reverse()
    while parts:  # one by one, so that no chunk's sets exist twice for long
        part = parts.pop()
        values[at : at + len(part.values)] = part.values
        at += len(part.values)
    return ShingleSets(slot, values, start, np.ascontiguousarray(sizes[:, 1]), marks)


class _Part(NamedTuple):
    values: np.ndarray
    sizes: np.ndarray
    marks: np.ndarray


def _shingle_chunk(fields: tuple[pl.Series, ...], config: DedupConfig) -> _Part:
    from curation.dedup.kernel import MARK_WORDS, shingle_rows

    text = packed(fields)
    n = len(fields[0])
    # Room for a shingle a byte; pages that are not written take no memory.
    out = np.empty(len(text[0]) + len(text[2]) + n, np.uint64)
    sizes, marks = np.empty((n, 2), np.int32), np.empty((n, MARK_WORDS), np.uint64)
    total = shingle_rows(*text, len(fields), table(), config.ngram_words, config.operators, out, sizes, marks)
    return _Part(out[:total].copy(), sizes, marks)
