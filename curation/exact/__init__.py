"""Equal records: byte for byte, or after normalisation of case, width and white space. One of each stays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from curation.grown import Grown
from data.records import Records
from data.sketches import to_binary
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
    return _judged(_keyed(records, config))


def extend(grown: Grown, config: ExactConfig) -> tuple[Verdicts, pl.Series] | None:
    """The same verdicts as `judge` of all records: only old ones with the key of a new one are judged again."""
    new = _keyed(grown.new, config)
    wanted = new["key"].unique().implode()
    if config.normalise:
        if not grown.old.sketched:
            return None
        again = grown.old.sketches(lambda keys: keys.is_in(wanted).to_numpy())["record_id"]
    else:
        keys = grown.old.frame("record_id", "text_hash").filter(pl.col("text_hash").is_in(wanted))
        again = keys.collect()["record_id"]
    met = _keyed(grown.old.among(again), config)
    return _judged(pl.concat([met, new])), again


def _judged(frame: pl.DataFrame) -> Verdicts:
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
    frame = records.frame("record_id", "ingest_number", "text_hash", "label").collect()
    if not config.normalise:
        return frame.with_columns(key=pl.col("text_hash"))
    stored = records.sketches()
    if stored.height == frame.height:
        return frame.join(stored.rename({"data": "key"}), on="record_id")
    made = [
        batch.select("record_id", key=sketch_batch(batch, config))
        for batch in records.batches("record_id", *SKETCHED, rows=50_000)
    ]
    return frame.join(pl.concat(made), on="record_id")


SKETCHED = ("prompt", "answer")


def sketch_columns(config: ExactConfig) -> tuple[str, ...]:
    """The derived columns that a key is made of."""
    return SKETCHED if config.normalise else ()


def sketch_kind(config: ExactConfig) -> str:
    """What a key depends on, in words: polars promises the same hash within one of its versions only."""
    return f"normalised,polars-{pl.__version__}"


def sketch_batch(batch: pl.DataFrame, config: ExactConfig) -> pl.Series:
    """The key of each row of a frame with SKETCHED: a 128-bit hash of the normalised texts."""
    both = pl.concat_str(_normalised("prompt"), pl.lit("\0"), _normalised("answer"))
    # Two seeds: at a billion records a false meeting has a chance below 1e-20.
    hashes = pl.DataFrame([_composed(batch[name].fill_null("")) for name in SKETCHED]).select(
        a=both.hash(seed=1), b=both.hash(seed=2)
    )
    return to_binary(np.ascontiguousarray(hashes.to_numpy()).view(np.uint8).reshape(batch.height, 16))


# Every run of white space that is not already a single blank; this is four times as fast as all runs.
_LOOSE_SPACE = r"\s\s+|[\t\n\r\x0B\x0C]"


def _composed(texts: pl.Series) -> pl.Series:
    """NFKC is most of the cost of normalising, and changes nothing in plain ASCII."""
    wide = (texts.str.len_bytes() != texts.str.len_chars()).arg_true()
    return texts.clone().scatter(wide, texts.gather(wide).str.normalize("NFKC")) if len(wide) else texts


def _normalised(column: str) -> pl.Expr:
    return pl.col(column).str.to_lowercase().str.replace_all(_LOOSE_SPACE, " ").str.strip_chars()
