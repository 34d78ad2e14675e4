"""Equal records: byte for byte, or after normalisation of case, width and white space. One of each stays."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from data.records import Records
from data.verdicts import Action, Verdicts, verdicts

REASONS = {
    "exact_bytes": "another record has the same messages and label, byte for byte",
    "exact_normalised": "another record is the same after Unicode normalisation, in lower case, with single spaces",
    "exact_conflict": "the same text stands elsewhere with another label",
}


@dataclass(kw_only=True, slots=True)
class ExactConfig:
    """`enabled`: run the stage. `normalise`: also compare after NFKC, lower case and single spaces."""

    enabled: bool = True
    normalise: bool = True


def judge(records: Records, config: ExactConfig) -> Verdicts:
    """Drop all but the oldest record (earliest ingest, then smallest id) of each set of equal ones.

    Texts with different labels are different records: they are tagged `exact_conflict`, never dropped.
    """
    frame = _keyed(records, config)
    order = ["ingest_number", "record_id"]
    marked = frame.sort(order).with_columns(
        kept=pl.col("record_id").first().over("key", "label"),
        same_bytes=pl.col("record_id") != pl.col("record_id").first().over("text_hash", "label"),
        labels=pl.col("label").n_unique().over("key"),
    )
    dropped = marked.filter(pl.col("record_id") != pl.col("kept")).select(
        "record_id",
        action=pl.lit(Action.drop.value),
        reason=pl.when("same_bytes").then(pl.lit("exact_bytes")).otherwise(pl.lit("exact_normalised")),
        score=pl.lit(1.0),
        partner=pl.col("kept"),
    )
    conflicts = marked.filter((pl.col("record_id") == pl.col("kept")) & (pl.col("labels") > 1)).select(
        "record_id",
        action=pl.lit(Action.tag.value),
        reason=pl.lit("exact_conflict"),
        detail=pl.format("{} different labels", pl.col("labels")),
    )
    return verdicts(pl.concat([dropped, conflicts], how="diagonal"))


def _keyed(records: Records, config: ExactConfig) -> pl.DataFrame:
    """record_id, ingest_number, text_hash, label and the key under which equal records meet."""
    about = ("record_id", "ingest_number", "text_hash", "label")
    if not config.normalise:
        return records.frame(*about).collect().with_columns(key=pl.col("text_hash"))
    parts = []
    for batch in records.batches(*about, "prompt", "answer", rows=50_000):
        both = pl.concat_str(_normalised("prompt"), pl.lit("\0"), _normalised("answer"))
        # Two seeds make a 128-bit key: at a billion records a false meeting has a chance below 1e-20.
        parts.append(_composed(batch).select(*about, key=pl.struct(a=both.hash(seed=1), b=both.hash(seed=2))))
    return (
        pl.concat(parts) if parts else records.frame(*about).collect().with_columns(key=pl.col("text_hash"))
    )


_IS_ASCII = pl.all_horizontal(
    pl.col(name).str.len_bytes() == pl.col(name).str.len_chars() for name in ("prompt", "answer")
)
# Every run of white space that is not already a single blank; this is four times as fast as all runs.
_LOOSE_SPACE = r"\s\s+|[\t\n\r\x0B\x0C]"


def _composed(batch: pl.DataFrame) -> pl.DataFrame:
    """NFKC is most of the cost of normalising, and changes nothing in plain ASCII."""
    ascii_only = batch.select(_IS_ASCII).to_series()
    rest = batch.filter(~ascii_only).with_columns(pl.col("prompt", "answer").str.normalize("NFKC"))
    return pl.concat([batch.filter(ascii_only), rest])


def _normalised(column: str) -> pl.Expr:
    return pl.col(column).str.to_lowercase().str.replace_all(_LOOSE_SPACE, " ").str.strip_chars()
