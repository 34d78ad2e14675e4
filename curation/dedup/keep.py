"""Which record of a cluster stays: a rank of all records by the keep rule, ties by record_id."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import polars as pl

from curation.dedup.config import DedupConfig, Keep
from data.errors import ConfigError
from data.records import Records

# Timestamps that `oldest` understands beside Unix seconds; what fits none of them ranks last.
FORMATS = (
    "%Y-%m-%dT%H:%M:%S%.f%z",
    "%Y-%m-%d %H:%M:%S%.f%z",
    "%Y-%m-%dT%H:%M:%S%.f",
    "%Y-%m-%d %H:%M:%S%.f",
    "%Y-%m-%dT%H:%M",
    "%Y-%m-%d %H:%M",
    "%a, %d %b %Y %H:%M:%S %z",
)


def columns(config: DedupConfig) -> tuple[str, ...]:
    """The record columns that the rule needs beside record_id."""
    match config.keep:
        case Keep.length:
            # Both together are the whole text, whatever is compared.
            return ("prompt", "answer")
        case Keep.quality:
            return (config.quality_column,)
        case Keep.source_priority:
            return ("source",)
        case Keep.oldest:
            return ("timestamp",)
        case Keep.first:
            return ("file", "line")


def merits(batch: pl.DataFrame, config: DedupConfig) -> pl.DataFrame:
    """record_id, merit (float, lower is better, null ranks last), place (text, ascending), said (for people)."""
    place: pl.Expr = pl.lit("")
    match config.keep:
        case Keep.length:
            size = pl.col("prompt").str.len_chars().fill_null(0) + pl.col("answer").str.len_chars().fill_null(
                0
            )
            merit, said = -size.cast(pl.Float64), pl.format("{} characters", size)
        case Keep.quality:
            value = pl.col(config.quality_column).cast(pl.Float64, strict=False).fill_nan(None)
            merit, said = -value, pl.format("{} {}", pl.lit(config.quality_column), value)
        case Keep.source_priority:
            order = {source: float(place) for place, source in enumerate(config.source_priority)}
            merit = pl.col("source").replace_strict(order, default=None, return_dtype=pl.Float64)
            said = pl.format("source {}", pl.col("source"))
        case Keep.oldest:
            merit, said = seconds(pl.col("timestamp")), pl.format("timestamp {}", pl.col("timestamp"))
        case Keep.first:
            merit, place = pl.col("line").cast(pl.Float64), pl.col("file").fill_null("")
            said = pl.format("{} line {}", pl.col("file"), pl.col("line"))
    return batch.select("record_id", merit=merit, place=place, said=said.fill_null("nothing known"))


def seconds(timestamp: pl.Expr) -> pl.Expr:
    """Seconds since 1970 (UTC where no zone is given) of ISO 8601, RFC 5322 or Unix time; null for others."""
    text = timestamp.str.strip_chars()
    zoned = [
        text.str.to_datetime(form, time_unit="us", strict=False, time_zone="UTC").dt.replace_time_zone(None)
        if "%z" in form
        else text.str.to_datetime(form, time_unit="us", strict=False)
        for form in FORMATS
    ]
    day = text.str.to_datetime("%Y-%m-%d", time_unit="us", strict=False)
    known = pl.coalesce(*zoned, day).dt.epoch("us").cast(pl.Float64) / 1e6
    return pl.coalesce(known, text.cast(pl.Float64, strict=False))


def check(parts: Sequence[Records], config: DedupConfig) -> None:
    """Raises ConfigError where the rule can tell no record from another: it would go by the ids, without a word."""
    rules: dict[Keep, tuple[str, Callable[[pl.Series], pl.Series], str, str]] = {
        Keep.quality: (
            config.quality_column,
            lambda values: values.cast(pl.Float64, strict=False).fill_nan(None).is_not_null(),
            f"dedup.keep=quality finds no number in the column {config.quality_column!r}",
            "name a numeric column: dedup.quality_column=score",
        ),
        Keep.oldest: (
            "timestamp",
            lambda values: values.to_frame("t").select(seconds(pl.col("t"))).to_series().is_not_null(),
            "dedup.keep=oldest finds no record with a time",
            "name the column that holds one: source.fields.timestamp=COLUMN",
        ),
        Keep.source_priority: (
            "source",
            lambda values: values.is_in(config.source_priority),
            f"dedup.keep=source_priority finds no record of {', '.join(config.source_priority) or 'no source'}",
            "name sources that there are: python -m data show latest",
        ),
    }
    if config.keep not in rules:
        return
    column, known, problem, hint = rules[config.keep]
    values = pl.concat([part.frame(column).collect()[column] for part in parts])
    if len(values) and not known(values).any():
        others = ", ".join(rule for rule in Keep if rule is not config.keep)
        raise ConfigError(problem, hint, f"or another rule: dedup.keep={others}")


def ranks(merit: pl.DataFrame) -> np.ndarray:
    """int64[n]: the place of each record in the order of the rule; 0 is the best."""
    order = merit.with_row_index("row").sort("place", "merit", "record_id", nulls_last=True)["row"].to_numpy()
    rank = np.empty(merit.height, np.int64)
    rank[order] = np.arange(merit.height)
    return rank
