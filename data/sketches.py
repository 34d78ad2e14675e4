"""Sketches: what a stage keeps of each text, as rows of bytes; between numpy and the store's BLOB column."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl


def to_binary(rows: np.ndarray) -> pl.Series:
    """uint8[n, width] as n binary values."""
    import pyarrow as pa

    rows = np.ascontiguousarray(rows)
    kind = pa.binary(rows.shape[1])
    array = pa.FixedSizeBinaryArray.from_buffers(kind, len(rows), [None, pa.py_buffer(rows)])
    made = pl.from_arrow(array.cast(pa.large_binary()))
    assert isinstance(made, pl.Series)
    return made


def from_binary(data: pl.Series, width: int) -> np.ndarray:
    """n binary values of `width` bytes as uint8[n, width]."""
    array: Any = data.rechunk().to_arrow(compat_level=pl.CompatLevel.oldest())
    if len(array) == 0:
        return np.empty((0, width), np.uint8)
    _, offsets, content = array.buffers()
    bounds = np.frombuffer(offsets, np.int64)[array.offset : array.offset + len(array) + 1]
    if int(bounds[-1] - bounds[0]) != width * len(array):
        raise ValueError(f"sketches of {width} bytes are wanted")
    return np.frombuffer(content, np.uint8, width * len(array), int(bounds[0])).reshape(len(array), width)
