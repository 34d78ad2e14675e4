"""What is kept of each text: its lengths, and hashes of prompt and answer. 28 bytes, and no word of it."""

from __future__ import annotations

import numpy as np
import polars as pl

from curation.outliers.config import OutliersConfig
from data.records import Records
from data.sketches import from_binary, to_binary

READ = ("prompt", "answer")
ROWS = 20_000
# Lengths in characters, words between white space, and 64-bit hashes: among a million texts two different ones meet
# with a chance of 3e-8.
SKETCH = np.dtype(
    [("prompt_chars", "<u4"), ("answer_chars", "<u4"), ("answer_words", "<u4"), ("prompt", "<u8"), ("answer", "<u8")]
)  # fmt: skip


def sketch_columns(config: OutliersConfig) -> tuple[str, ...]:
    """The derived columns that a sketch is made of."""
    return READ if config.reads_texts else ()


def sketch_kind(config: OutliersConfig) -> str:
    """What a sketch depends on, in words: polars promises the same hash within one of its versions only."""
    return f"lengths,polars-{pl.__version__}"


def sketch_batch(batch: pl.DataFrame, config: OutliersConfig) -> pl.Series:
    """The sketch of each row of a frame with READ, in binary."""
    made = (
        batch.select(pl.col(READ).fill_null(""))
        .select(
            prompt_chars=pl.col("prompt").str.len_chars(),
            answer_chars=pl.col("answer").str.len_chars(),
            prompt=_normalised("prompt"),
            answer=_normalised("answer"),
        )
        .with_columns(
            pl.col(READ).hash(seed=1),
            answer_words=pl.col("answer").str.count_matches(" ", literal=True) + (pl.col("answer") != ""),
        )
    )
    rows = np.empty(batch.height, SKETCH)
    for name in SKETCH.names or ():
        rows[name] = made[name].to_numpy()
    return to_binary(rows.view(np.uint8).reshape(batch.height, SKETCH.itemsize))


def measured(records: Records, config: OutliersConfig) -> pl.DataFrame:
    """record_id and the fields of SKETCH, made here."""
    made = [
        batch.select("record_id", data=sketch_batch(batch, config))
        for batch in records.batches("record_id", *READ, rows=ROWS)
    ]
    nothing = pl.DataFrame(schema={"record_id": pl.String, "data": pl.Binary})
    return unpacked(pl.concat([nothing, *made]), "data")


def unpacked(frame: pl.DataFrame, column: str) -> pl.DataFrame:
    """`frame` with the fields of SKETCH in place of the sketches in `column`."""
    fields = from_binary(frame[column], SKETCH.itemsize).view(SKETCH).reshape(-1)
    return frame.drop(column).with_columns(
        pl.Series(name, np.ascontiguousarray(fields[name])) for name in SKETCH.names or ()
    )


# Every run of white space that is not already a single blank; this is four times as fast as all runs.
_LOOSE_SPACE = r"\s\s+|[\t\n\r\x0B\x0C]"


def _normalised(column: str) -> pl.Expr:
    return pl.col(column).str.to_lowercase().str.replace_all(_LOOSE_SPACE, " ").str.strip_chars()
