"""Texts as the kernel wants them: Arrow buffers, non-ASCII rows in NFKC and lower case."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Protocol

import numpy as np
import polars as pl

# A column of texts: polars Series, pyarrow array, or a list of str.
Column = Any

ROWS = 20_000


class Texts(Protocol):
    """Texts that can be read more than once: the sketch pass, then the candidates."""

    def chunks(self) -> Iterator[tuple[pl.Series, ...]]:
        """The texts in order, in chunks; one column of equal length for each field (at most two)."""
        ...

    def only(self, wanted: np.ndarray) -> Iterator[tuple[pl.Series, ...]]:
        """The same of the texts marked in `wanted` (bool[n])."""
        ...


@dataclass(frozen=True, slots=True)
class Columns:
    """Texts held in memory, one column a field."""

    fields: tuple[pl.Series, ...]
    rows: int = ROWS

    @classmethod
    def of(cls, *columns: Column) -> Columns:
        """From polars Series, Arrow arrays or lists of str; all of one length, one or two of them."""
        series = tuple(as_series(column) for column in columns)
        if len(series) not in (1, 2) or len({len(s) for s in series}) != 1:
            raise ValueError(f"one or two columns of one length are wanted, got {[len(s) for s in series]}")
        return cls(series)

    def __len__(self) -> int:
        return len(self.fields[0])

    def chunks(self) -> Iterator[tuple[pl.Series, ...]]:
        """See `Texts.chunks`."""
        for start in range(0, len(self), self.rows):
            yield tuple(field.slice(start, self.rows) for field in self.fields)

    def only(self, wanted: np.ndarray) -> Iterator[tuple[pl.Series, ...]]:
        """See `Texts.only`."""
        yield from marked(self.chunks(), wanted)


def marked(chunks: Iterable[tuple[pl.Series, ...]], wanted: np.ndarray) -> Iterator[tuple[pl.Series, ...]]:
    """Of texts in chunks those that are marked in `wanted` (bool[n])."""
    at = 0
    for fields in chunks:
        mask = wanted[at : at + len(fields[0])]
        at += len(fields[0])
        if mask.any():
            yield tuple(field.filter(pl.Series(mask)) for field in fields)


def as_series(column: Column) -> pl.Series:
    """`column` as a polars string Series; nulls become empty."""
    if isinstance(column, pl.Series):
        series = column
    elif isinstance(column, Sequence):
        series = pl.Series(column, dtype=pl.String)
    else:
        made = pl.from_arrow(column)
        assert isinstance(made, pl.Series)
        series = made
    return series.cast(pl.String).fill_null("")


def canonical(texts: pl.Series) -> pl.Series:
    """NFKC and lower case for rows with a non-ASCII character; others as they are (the kernel lowers ASCII)."""
    wide = texts.str.len_bytes() != texts.str.len_chars()
    if not wide.any():
        return texts
    rows = wide.arg_true()
    # Lowering can leave a text unnormalised (U+0130), hence NFKC again.
    lowered = texts.gather(rows).str.normalize("NFKC").str.to_lowercase().str.normalize("NFKC")
    return texts.clone().scatter(rows, lowered)


def buffers(texts: pl.Series) -> tuple[np.ndarray, np.ndarray]:
    """(uint8[bytes], int64[rows + 1]): the UTF-8 bytes and offsets of the canonical texts."""
    array: Any = canonical(texts).rechunk().to_arrow(compat_level=pl.CompatLevel.oldest())
    _, offsets, data = array.buffers()
    bounds = np.frombuffer(offsets, dtype=np.int64)[array.offset : array.offset + len(array) + 1]
    return (np.frombuffer(data, dtype=np.uint8) if data else np.zeros(0, np.uint8)), bounds


# A chunk of long texts is cut into pieces of about this many bytes before it is packed.
PIECE_BYTES = 16 << 20


def pieces(chunks: Iterable[tuple[pl.Series, ...]]) -> Iterator[tuple[pl.Series, ...]]:
    """The chunks cut so that the memory that packing takes does not depend on how long texts are."""
    for fields in chunks:
        size = sum((field.str.len_bytes().cast(pl.Int64) for field in fields), pl.Series([0]))
        piece = (size.cum_sum() // PIECE_BYTES).to_numpy()
        bounds = [0, *(np.flatnonzero(np.diff(piece)) + 1).tolist(), len(piece)]
        for begin, end in pairwise(bounds):
            yield tuple(field.slice(begin, end - begin) for field in fields)


# What stands for the absent second field.
NO_BYTES = np.zeros(0, dtype=np.uint8)
NO_OFFSETS = np.zeros(1, dtype=np.int64)


def packed(fields: tuple[pl.Series, ...]) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Bytes and offsets of the first and the second field (empty where there is one), for the kernel."""
    first = buffers(fields[0])
    second = buffers(fields[1]) if len(fields) == 2 else (NO_BYTES, NO_OFFSETS)
    return *first, *second
