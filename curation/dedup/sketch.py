"""The first pass: what is held of each text (band keys, a 128-bit hash, a word count), not the text itself."""

from __future__ import annotations

from collections.abc import Callable, Iterable
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


def sharing(new: Sketch) -> Callable[[pl.Series], np.ndarray]:
    """What says of packed sketches of old texts which have the whole or a band's key of one of these: bool[n]."""
    # In the order of the packed fields; of the 128 bits of a whole text the first 64 do.
    fields = [np.unique(column) for column in (*new.keys.T, new.whole[:, 0])]
    keys, bounds = np.concatenate(fields), np.cumsum([0, *map(len, fields)], dtype=np.int64)
    # 64 bits a key: one in 64 of the others is looked for in vain.
    bits = np.zeros(1 << max(10, len(keys).bit_length()), np.uint64)
    places = keys & np.uint64(64 * len(bits) - 1)
    np.bitwise_or.at(bits, places >> np.uint64(6), np.uint64(1) << (places & np.uint64(63)))

    def shared(old: pl.Series) -> np.ndarray:
        from curation.dedup.meet import meet

        rows = from_binary(old, 8 * new.keys.shape[1] + 16 + 4).view(np.uint32)
        found = np.zeros(len(rows), np.bool_)
        meet(rows, bits, keys, bounds, found)
        return found

    return shared


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
