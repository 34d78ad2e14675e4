"""The members of a version as a frame (record_id, text_hash, split), sorted: its digest, and what verdicts change."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import polars as pl

from data.verdicts import Action


def with_lines(members: pl.DataFrame) -> pl.DataFrame:
    """A sorted frame of members with `line`, which is what is digested of each."""
    line = pl.concat_str(
        "record_id", pl.lit(" "), "text_hash", pl.lit(" "), pl.col("split").fill_null("-"), pl.lit("\n")
    )
    return members.select("record_id", "text_hash", "split", line=line)


def digest_of(members: pl.DataFrame) -> str:
    """SHA-256 over the (record_id, text_hash, split) lines of a frame made by `with_lines` or `after`."""
    total = hashlib.sha256()
    for some in members["line"].to_frame().iter_slices(100_000):
        total.update(_joined(some.to_series()))
    return total.hexdigest()


def after(members: pl.DataFrame, said: pl.DataFrame) -> pl.DataFrame:
    """The members that verdicts (record_id, action, value, text_hash) leave of these; restored ones come in."""

    def on(action: Action) -> pl.DataFrame:
        return said.filter(action=action.value)

    if (dropped := on(Action.drop)).height:
        members = members.filter(~pl.col("record_id").is_in(dropped["record_id"].implode()))
    if said["action"].is_in([Action.drop.value, Action.tag.value]).all():
        return members
    for action, column, given in ((Action.edit, "text_hash", "text_hash"), (Action.assign, "split", "value")):
        if (changes := on(action)).height:
            new = changes.select("record_id", pl.col(given).alias("new"))
            members = members.join(new, on="record_id", how="left", maintain_order="left")
            members = members.with_columns(pl.coalesce("new", column).alias(column)).drop("new")
    if (restored := on(Action.restore)).height:
        back = restored.select("record_id", "text_hash", split=pl.lit(None, dtype=pl.String))
        members = pl.concat([members.select(back.columns), back]).sort("record_id")
    return with_lines(members)


def _joined(texts: pl.Series) -> memoryview:
    """The bytes of texts without nulls, one after the other: as they lie in memory."""
    array: Any = texts.rechunk().to_arrow(compat_level=pl.CompatLevel.oldest())
    _, offsets, content = array.buffers()
    bounds = np.frombuffer(offsets, np.int64)[array.offset : array.offset + len(array) + 1]
    return memoryview(content)[int(bounds[0]) : int(bounds[-1])]
