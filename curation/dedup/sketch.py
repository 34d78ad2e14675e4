"""The first pass: what is held of each text (band keys, a 128-bit hash, a word count), not the text itself."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import polars as pl

from curation.dedup.alphabet import table
from curation.dedup.canonical import Column, as_series, packed, pieces
from curation.dedup.config import DedupConfig, Method, bands_and_rows
from data.ahead import in_threads
from data.sketches import from_binary, to_binary


@dataclass(frozen=True, slots=True)
class Sketch:
    """What one pass keeps of n texts: 192 bytes a text at 21 bands.

    keys   uint64[n, bands]  equal where the pair shares all minima of a band (bands is 0 for exact_join)
    whole  uint64[n, 2]      128-bit hash of the canonical text
    words  int32[n]          words; 0 means nothing to compare
    """

    keys: np.ndarray
    whole: np.ndarray
    words: np.ndarray

    def __len__(self) -> int:
        return len(self.words)

    def packed(self) -> pl.Series:
        """One binary value a text, as the store keeps it; `unpacked` reverses it."""
        n = len(self)
        parts = (self.keys, self.whole, self.words[:, None])
        return to_binary(
            np.concatenate([np.ascontiguousarray(p).view(np.uint8).reshape(n, -1) for p in parts], axis=1)
        )

    @classmethod
    def unpacked(cls, data: pl.Series, bands: int) -> Sketch:
        """The sketch of all texts whose packed sketches are `data`."""
        rows = from_binary(data, 8 * bands + 16 + 4)
        keys, whole, words = np.split(rows, [8 * bands, 8 * bands + 16], axis=1)
        return cls(
            np.ascontiguousarray(keys).view(np.uint64).reshape(len(rows), bands),
            np.ascontiguousarray(whole).view(np.uint64).reshape(len(rows), 2),
            np.ascontiguousarray(words).view(np.int32).reshape(len(rows)),
        )

    @classmethod
    def joined(cls, parts: list[Sketch], bands: int) -> Sketch:
        """The sketches of several chunks as one; sketches of old records go before those of new ones."""
        if not parts:
            return cls(np.empty((0, bands), np.uint64), np.empty((0, 2), np.uint64), np.empty(0, np.int32))
        return cls(
            np.concatenate([part.keys for part in parts]),
            np.concatenate([part.whole for part in parts]),
            np.concatenate([part.words for part in parts]),
        )


def sharing(old: Sketch, new: Sketch) -> np.ndarray:
    """bool[n]: which of the old texts have the whole or a band's key of a new one."""
    found: np.ndarray = _among(old.whole[:, 0], new.whole[:, 0])
    for band in range(old.keys.shape[1]):
        found |= _among(old.keys[:, band], new.keys[:, band])
    return found & (old.words > 0)


def _among(values: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """bool[n]: which of the values are wanted; where few are, most need one look at a bit."""
    if len(wanted) == 0:
        return np.zeros(len(values), np.bool_)
    wanted = np.unique(wanted)
    mask = np.uint64((1 << max(16, (64 * len(wanted)).bit_length())) - 1)
    marked = np.zeros(int(mask) + 1, np.bool_)
    marked[wanted & mask] = True
    found: np.ndarray = marked[values & mask]
    rows = np.flatnonzero(found)
    found[rows] = wanted[np.minimum(np.searchsorted(wanted, values[rows]), len(wanted) - 1)] == values[rows]
    return found


def shape(config: DedupConfig) -> tuple[int, int]:
    """(bands, rows a band) that the configuration asks for; no bands where no MinHash is used."""
    if config.method is not Method.minhash:
        return 0, 1
    return bands_and_rows(config.threshold, config.recall, config.num_perm)


def sketch_chunk(fields: tuple[pl.Series, ...], config: DedupConfig) -> Sketch:
    """The sketch of one chunk (one column a field)."""
    from curation.dedup.kernel import permutations, sketch_rows

    bands, rows = shape(config)
    odd, increments = (array[: bands * rows] for array in permutations(config.num_perm, config.seed))
    n = len(fields[0])
    made = Sketch(np.empty((n, bands), np.uint64), np.empty((n, 2), np.uint64), np.empty(n, np.int32))
    nothing = np.empty((0, 0), np.uint32)
    text = (*packed(fields), len(fields), table(), config.ngram_words, config.operators)
    sketch_rows(*text, odd, increments, rows, made.keys, made.whole, made.words, nothing)
    return made


def sketch(
    chunks: Iterable[tuple[pl.Series, ...]], config: DedupConfig, threads: int | None = None
) -> Sketch:
    """The sketch of all texts. Chunks are read in order and at most twice as many as threads are held."""
    parts = list(in_threads(lambda fields: sketch_chunk(fields, config), pieces(chunks), threads))
    return Sketch.joined(parts, shape(config)[0])


def minima(column: Column, config: DedupConfig) -> np.ndarray:
    """MinHash values, uint32[n, num_perm], of a single column of texts.

    Equal to `datasketch.MinHash(num_perm, seed, scheme="affine32")` fed the low 32 bits of the shingles.
    """
    from curation.dedup.kernel import permutations, sketch_rows

    series = as_series(column)
    n = len(series)
    values = np.empty((n, config.num_perm), np.uint32)
    keys, whole = np.empty((n, 0), np.uint64), np.empty((n, 2), np.uint64)
    text = (*packed((series,)), 1, table(), config.ngram_words, config.operators)
    drawn = permutations(config.num_perm, config.seed)
    sketch_rows(*text, *drawn, 1, keys, whole, np.empty(n, np.int32), values)
    return values
