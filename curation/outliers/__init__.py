"""Outliers: records unlike the others of their task, which a person may want to see. Nothing is wrong by that alone.

Families of rules: length and numeric (spread.py), constant and inconsistent (answers.py). All are noted as tags unless
the configuration says otherwise; a record is dropped for its first finding in a family set to `drop`, and its other
findings are tags. `inconsistent: drop` leaves out all answers of the prompt, since none is known to be the right one.

The stage stands after dedup, so that copies weigh nothing in a median and are not taken for constant answers, and
before pii, whose placeholders change lengths and make different answers equal. Labelled texts with different labels are
the exact stage's. Labels and tasks are compared as they are, and never named in a detail.
"""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from curation.outliers import answers, spread
from curation.outliers.config import FAMILIES, OutliersConfig
from curation.outliers.sketch import measured, sketch_batch, sketch_columns, sketch_kind, unpacked
from curation.quality.config import Consequence
from data.errors import ConfigError, closest
from data.records import SKETCH, Kind, Records
from data.verdicts import Action, Verdicts, verdicts

__all__ = ["FAMILIES", "REASONS", "OutliersConfig", "judge", "sketch_batch", "sketch_columns", "sketch_kind"]

REASONS: dict[str, str] = {**spread.REASONS, **answers.REASONS}


def judge(records: Records, config: OutliersConfig) -> Verdicts:
    """At most one drop a record, and a tag for each further finding.

    Raises ConfigError for a column of `config.columns` in which no record has a number.
    """
    if not config.enabled or not len(records):
        return verdicts()
    frames = [
        found.select(pl.all(), drops=pl.lit(config.does(family) is Consequence.drop))
        for family, found in _findings(records, config)
        if not found.is_empty()
    ]
    if not frames:
        return verdicts()
    ordered = pl.concat(frames, how="diagonal").sort("record_id", ~pl.col("drops"), maintain_order=True)
    is_first = pl.int_range(pl.len()).over("record_id") == 0
    drops = pl.col("drops") & is_first
    action = pl.when(drops).then(pl.lit(Action.drop.value)).otherwise(pl.lit(Action.tag.value))
    return verdicts(ordered.with_columns(action=action).drop("drops"))


def _findings(records: Records, config: OutliersConfig) -> Iterator[tuple[str, pl.DataFrame]]:
    """What each family that is on finds, in the order of FAMILIES."""
    on = {family for family in FAMILIES if config.does(family) is not Consequence.off}
    grouped = _grouped(records, config)
    texts = grouped
    if SKETCH in grouped.columns:
        grouped, texts = grouped.drop(SKETCH), unpacked(grouped, SKETCH)
    elif config.reads_texts:
        texts = grouped.join(measured(records, config), on="record_id")
    if "length" in on:
        yield "length", spread.find_lengths(texts, config)
    if "numeric" in on:
        for column in config.columns:
            found = spread.find_numbers(_numbers(records, grouped, column), column, config)
            yield "numeric", found
    dialogues = texts.filter(pl.col("kind") == Kind.chat.value)
    if "constant" in on:
        yield "constant", answers.find_constant(dialogues, config)
    if "inconsistent" in on:
        yield "inconsistent", answers.find_inconsistent(dialogues, config)


def _grouped(records: Records, config: OutliersConfig) -> pl.DataFrame:
    """record_id, ingest_number, kind, and the group: its value, and `of`, the column that it is from, "" where none.

    Also the SKETCH, where there is one: records and sketches are read at once.
    """
    sketch = [SKETCH] if records.sketched and config.reads_texts else []
    frame = records.frame(
        *dict.fromkeys(("record_id", "ingest_number", "kind", *config.by, *sketch))
    ).collect()
    for name in config.by:
        # Those that are asked for unless others are named need not be there.
        if name not in OutliersConfig().by and frame[name].null_count() == frame.height:
            raise ConfigError(f"outliers.by=[{name}]: no record has a value there", _others(records, name))
    some = [pl.col(name).cast(pl.String) for name in config.by]
    names = [
        pl.when(value.is_not_null()).then(pl.lit(name)) for name, value in zip(config.by, some, strict=True)
    ]
    return frame.select(
        "record_id",
        "ingest_number",
        "kind",
        *sketch,
        group=pl.coalesce(*some, pl.lit("")),
        of=pl.coalesce(*names, pl.lit("")),
    )


def _numbers(records: Records, grouped: pl.DataFrame, column: str) -> pl.DataFrame:
    """`grouped` with x, the number in `column`; null where it holds none."""
    value = pl.col(column).cast(pl.String).str.strip_chars().cast(pl.Float64, strict=False)
    found = records.frame("record_id", column).select("record_id", x=value).collect()
    if found["x"].null_count() == found.height:
        raise ConfigError(
            f"outliers.columns=[{column}]: no record has a number there", _others(records, column)
        )
    return grouped.join(found, on="record_id")


def _others(records: Records, column: str) -> str:
    """Which keys the metadata have instead."""
    import json

    sample = records.frame("metadata").head(100).collect()["metadata"]
    keys = sorted({key for text in sample if text for key in json.loads(text)})
    return (
        closest(column, keys)
        if keys
        else "the records have no metadata: no column of the source is left over"
    )
