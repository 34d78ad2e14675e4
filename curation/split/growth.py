"""The groups as they were after each ingest, with each record's stratum."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import polars as pl

from curation.split.config import SplitConfig
from curation.split.groups import column_names, groups
from data.errors import ConfigError, closest
from data.records import FrameRecords, Records


def growth(records: Records, tied: pl.DataFrame, config: SplitConfig) -> list[pl.DataFrame]:
    """For each ingest, the oldest first, the records until then: record_id, ingest_number, stratum, group.

    `tied` is what `groups` says of all records. A new record can tie old groups together; before it came, they were
    apart, and were placed apart. Raises ConfigError where no record has the column of `stratify_by`.
    """
    tied = tied.with_columns(pl.col("ingest_number").fill_null(0), stratum=_strata(records, config))
    return list(_grown(records, tied, config))


def _grown(records: Records, tied: pl.DataFrame, config: SplitConfig) -> Iterator[pl.DataFrame]:
    numbers = tied["ingest_number"].unique().sort().to_list()
    grew = tied.filter(pl.col("ingest_number").n_unique().over("group") > 1)
    parts = _read(records, grew["record_id"], config) if grew.height else pl.DataFrame()
    for number in numbers[:-1]:
        until = tied.filter(pl.col("ingest_number") <= number)
        later = tied.filter(pl.col("ingest_number") > number).select("group").unique()
        touched = until.join(later, on="group", how="semi").select("record_id")
        if touched.is_empty():
            yield until
            continue
        before = _groups_of(parts.join(touched, on="record_id", how="semi"), config).select(
            "record_id", before=pl.col("group") + tied.height
        )
        yield (
            until.join(before, on="record_id", how="left")
            .with_columns(group=pl.coalesce("before", "group"))
            .drop("before")
        )
    if numbers:
        yield tied


def _groups_of(frame: pl.DataFrame, config: SplitConfig) -> pl.DataFrame:
    used = [column for column in config.group_by if frame[column].null_count() < frame.height]
    return groups(FrameRecords(frame), replace(config, group_by=used))


def _read(records: Records, ids: pl.Series, config: SplitConfig) -> pl.DataFrame:
    columns = dict.fromkeys(["record_id", "ingest_number", "messages", *config.group_by])
    return records.among(ids).frame(*columns).collect()


def _strata(records: Records, config: SplitConfig) -> pl.Series:
    """Each record's value of `stratify_by`, in the order of the records; null: none, which is a stratum as well."""
    column = config.stratify_by
    if column is None:
        return pl.Series("stratum", [None] * len(records), dtype=pl.String)
    text = pl.col(column).cast(pl.String).str.strip_chars()
    values = records.frame(column).select(stratum=pl.when(text != "").then(text)).collect()["stratum"]
    if len(values) and values.null_count() == len(values):
        raise ConfigError(
            f"split.stratify_by={column}: no record has that column", closest(column, column_names(records))
        )
    return values
