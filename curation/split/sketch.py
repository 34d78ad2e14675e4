"""What is kept of each text, so that new texts can be compared with old ones without reading these.

Let the shingles (word n-grams, as 64-bit hashes) of each text stand in ascending order. Two texts with a Jaccard
similarity of t or more share at least ceil(t |x|) of the |x| shingles of either, so that of each the first
|x| - ceil(t |x|) + 1 have one in common: otherwise too few would be left behind them (Bayardo, Ma, Srikant, WWW 2007).
Kept are the upper 32 bits of these first shingles, the parity marks by which most unlike pairs are told apart
(curation/dedup), the number of shingles, and a hash of the prompt. About 150 bytes for a text of 80 words at t = 0.7.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from curation.dedup import CODE
from curation.dedup.canonical import Columns
from curation.dedup.config import DedupConfig, Keys, Method
from curation.dedup.shingle_sets import shingle_sets
from curation.split.config import SplitConfig

# 32-bit words before the shingles: the prompt's hash, the number of shingles, marks of 256 bits.
HEAD = 2 + 1 + 8


def sketch_columns(config: SplitConfig) -> tuple[str, ...]:
    """The derived columns that a sketch is made of."""
    return ("prompt", "text")


def sketch_kind(config: SplitConfig) -> str:
    """What a sketch depends on: settings, the code that makes shingles, and polars, whose hashes are its own."""
    code = hashlib.sha256(b"".join(path.read_bytes() for path in CODE)).hexdigest()[:12]
    return f"{config.threshold},{config.ngram_words},{code},polars-{pl.__version__}"


def sketch_batch(batch: pl.DataFrame, config: SplitConfig) -> pl.Series:
    """The sketch of each row of a frame with `sketch_columns`, in binary."""
    compared = comparing(config)
    texts = Columns.of(batch["text"])
    sets = shingle_sets(texts, np.ones(batch.height, np.bool_), compared, threads=1)
    size = np.diff(sets.start)
    first = size - np.ceil(config.threshold * size - 1e-9).astype(np.int64) + (size > 0)
    ends = np.cumsum(HEAD + first)
    begins = ends - HEAD - first
    words = np.empty(int(ends[-1]) if len(ends) else 0, np.uint32)
    head = begins[:, None] + np.arange(HEAD)
    words[head[:, :2]] = prompt_keys(batch["prompt"]).view(np.uint32).reshape(-1, 2)
    words[head[:, 2]] = size
    words[head[:, 3:]] = np.ascontiguousarray(sets.marks).view(np.uint32).reshape(-1, 8)
    within = np.arange(int(first.sum())) - np.repeat(np.cumsum(first) - first, first)
    words[np.repeat(begins + HEAD, first) + within] = (
        sets.values[np.repeat(sets.start[:-1], first) + within] >> 32
    )
    return _binary(words, np.concatenate(([0], ends)))


def prompt_keys(prompts: pl.Series) -> np.ndarray:
    """uint64[n]: a hash of each prompt in lower case; 0 where it is empty."""
    plain = prompts.fill_null("").str.to_lowercase().str.strip_chars()
    keys: np.ndarray = plain.hash(seed=1).to_numpy().copy()
    keys[(plain == "").to_numpy()] = 0
    return keys


def comparing(config: SplitConfig) -> DedupConfig:
    """How texts are compared: as the exact join of curation/dedup does."""
    return DedupConfig(
        method=Method.exact_join, threshold=config.threshold, ngram_words=config.ngram_words, keys=Keys.text
    )


@dataclass(frozen=True, slots=True)
class Sketches:
    """The sketches of n texts.

    ids    the records' ids
    words  uint32[total]   the sketches one after another
    start  int64[n + 1]    where they begin
    """

    ids: pl.Series
    words: np.ndarray
    start: np.ndarray

    @classmethod
    def of(cls, stored: pl.DataFrame) -> Sketches:
        """From record_id and data, as `Records.sketches` gives them."""
        array: Any = stored["data"].rechunk().to_arrow(compat_level=pl.CompatLevel.oldest())
        if len(array) == 0:
            return cls(stored["record_id"], np.empty(0, np.uint32), np.zeros(1, np.int64))
        _, offsets, content = array.buffers()
        bounds = np.frombuffer(offsets, np.int64)[array.offset : array.offset + len(array) + 1]
        first, last = int(bounds[0]), int(bounds[-1])
        return cls(
            stored["record_id"],
            np.frombuffer(content, np.uint32, (last - first) // 4, first),
            (bounds - first) // 4,
        )

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def prompts(self) -> np.ndarray:
        """uint64[n]: see `prompt_keys`."""
        low, high = self.words[self.start[:-1]], self.words[self.start[:-1] + 1]
        keys: np.ndarray = low.astype(np.uint64) | high.astype(np.uint64) << np.uint64(32)
        return keys


def _binary(words: np.ndarray, start: np.ndarray) -> pl.Series:
    import pyarrow as pa

    offsets, content = pa.py_buffer(4 * start.astype(np.int64)), pa.py_buffer(words)
    made = pl.from_arrow(
        pa.LargeBinaryArray.from_buffers(pa.large_binary(), len(start) - 1, [None, offsets, content])
    )
    assert isinstance(made, pl.Series)
    return made
