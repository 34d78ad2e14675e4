"""Verdicts: what a stage, or a person, says of records. Keeping a record is silent.

record_id   str
action      str          one of Action
reason      str          one that the stage declares, prefixed by the stage: `dedup_near`, `quality_short`
score       float|null   what was compared with the threshold (Jaccard, repetition fraction, ...)
partner     str|null     the record_id that caused it (the kept duplicate)
detail      str|null     evidence in words; never personal data: `EMAIL x2`, not the address
value       str|null     for `assign`: the value (a split's name); for `tag`: free; for `edit`: the places where the new
                         text holds made-up values, as `[[message, start, end, type], ...]` (the column `replaced` of
                         the record that it makes)
messages    list|null    for `edit` and `restore`: the whole list of messages
sealed      list|null    for `edit`: encrypted originals on their way to the vault (data/sealing.py); not stored
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any

import polars as pl

from data.records import MESSAGES
from data.sealing import SEALED


class Action(StrEnum):
    """drop leaves the record out; edit replaces its messages; assign sets its split; tag only notes.

    restore brings a record back that an earlier version held; `messages` is the text that it comes back with.
    """

    drop = "drop"
    edit = "edit"
    assign = "assign"
    tag = "tag"
    restore = "restore"


VERDICT_SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    "record_id": pl.String,
    "action": pl.String,
    "reason": pl.String,
    "score": pl.Float64,
    "partner": pl.String,
    "detail": pl.String,
    "value": pl.String,
    "messages": MESSAGES,
    "sealed": SEALED,
}

# A frame with the columns of VERDICT_SCHEMA; `verdicts` makes one.
Verdicts = pl.DataFrame


def verdicts(rows: Iterable[Mapping[str, Any]] | pl.DataFrame = ()) -> Verdicts:
    """A frame of verdicts from dicts or from a frame with some of the columns; absent ones become null."""
    if isinstance(rows, pl.DataFrame):
        absent = [pl.lit(None, dtype=t).alias(n) for n, t in VERDICT_SCHEMA.items() if n not in rows.columns]
        return rows.with_columns(absent).select(list(VERDICT_SCHEMA)).cast(pl.Schema(VERDICT_SCHEMA))
    return pl.DataFrame([dict(row) for row in rows], schema=VERDICT_SCHEMA)
