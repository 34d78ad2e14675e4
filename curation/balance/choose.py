"""Which records stay under the caps."""

from __future__ import annotations

import hashlib

import polars as pl

from curation.balance.caps import cap, synthetic_cap
from curation.balance.config import BalanceConfig
from data.errors import ConfigError, closest
from data.records import Records

MISSING = "(missing)"


def members(records: Records, config: BalanceConfig) -> pl.DataFrame:
    """record_id, value (null: none), synthetic (bool) of each record."""
    # A column that is both can only be read once.
    named = [column for column in (config.column, config.synthetic_column) if column]
    frame = records.frame("record_id", *dict.fromkeys(named)).collect()
    marks = [mark.strip().casefold() for mark in config.synthetic_values]
    value, mark = (
        (pl.col(column) if column else pl.lit(None)).cast(pl.String).str.strip_chars()
        for column in (config.column, config.synthetic_column)
    )
    return frame.select(
        "record_id",
        value=pl.when(value != "").then(value),
        synthetic=mark.str.to_lowercase().is_in(marks).fill_null(value=False),
    )


def check_columns(records: Records, config: BalanceConfig) -> None:
    """Raises ConfigError where no record has a column that a cap is about."""
    about = {"column": config.caps_values, "synthetic_column": config.caps_synthetic}
    for key in (key for key, used in about.items() if used):
        name = getattr(config, key)
        if records.frame(name).select(pl.col(name).is_null().all()).collect().item():
            raise ConfigError(
                f"balance.{key}={name}: no record has that column", closest(name, _columns(records))
            )


def choose(frame: pl.DataFrame, config: BalanceConfig) -> pl.DataFrame:
    """The frame of `members` with `why`: null for records that stay, else `value` or `synthetic`.

    Records are ranked by a hash of the seed and their id, and the first so many of a value, or of the synthetic ones,
    stay. The two caps take turns until both hold, since what one leaves out is missing from the other's total.
    """
    ranks = [_place(record_id, config.seed) for record_id in frame["record_id"]]
    frame = frame.with_columns(
        rank=pl.Series(ranks, dtype=pl.UInt64), why=pl.lit(None, dtype=pl.String)
    ).sort("rank", "record_id")
    while True:
        before = frame["why"].null_count()
        if config.caps_values:
            frame = _cap_values(frame, config)
        if config.caps_synthetic:
            frame = _cap_synthetic(frame, config)
        if frame["why"].null_count() == before:
            return frame.drop("rank").sort("record_id")


def _cap_values(frame: pl.DataFrame, config: BalanceConfig) -> pl.DataFrame:
    stays = pl.col("why").is_null()
    capped = stays if config.cap_missing else stays & pl.col("value").is_not_null()
    counts = frame.filter(capped).group_by("value").len()["len"].to_list()
    if not counts:
        return frame
    free = frame.filter(stays).height - sum(counts)
    most = cap(counts, free=free, max_rows=config.max_rows, max_fraction=config.max_fraction)
    if most == 0:
        raise _cannot(len(counts), free, config)
    # The frame is sorted by rank: a running count within a value is the position in it.
    position = capped.cast(pl.Int64).cum_sum().over("value")
    return frame.with_columns(why=pl.when(capped & (position > most)).then(pl.lit("value")).otherwise("why"))


def _cap_synthetic(frame: pl.DataFrame, config: BalanceConfig) -> pl.DataFrame:
    stays = pl.col("why").is_null()
    real = frame.filter(stays & ~pl.col("synthetic")).height
    if real == 0 and frame.filter(stays).height:
        raise ConfigError(
            f"balance.max_synthetic_fraction={config.max_synthetic_fraction} cannot be met: every record is synthetic",
            f"by balance.synthetic_column={config.synthetic_column} and balance.synthetic_values; add records written "
            "by people, or mend these keys",
        )
    most = synthetic_cap(real, config.max_synthetic_fraction)
    ours = stays & pl.col("synthetic")
    over = ours & (ours.cast(pl.Int64).cum_sum() > most)
    return frame.with_columns(why=pl.when(over).then(pl.lit("synthetic")).otherwise("why"))


def _cannot(values: int, free: int, config: BalanceConfig) -> ConfigError:
    some = f"{values} values" if values > 1 else "one value"
    besides = f" and {free:,} record{'s' * (free > 1)} without one" if free else ""
    return ConfigError(
        f"balance.max_fraction={config.max_fraction} cannot be met: {config.column} has {some}{besides}",
        f"the largest of {values} holds at least 1/{values} of them"
        + (f": balance.max_fraction={_rounded_up(values)} or more" if values > 1 else ""),
        "or cap by number: balance.max_fraction=1 balance.max_rows=1000; or more data of other values",
    )


def _rounded_up(values: int) -> float:
    """1 / values to three digits, not below it."""
    return -(-1000 // values) / 1000


def _place(record_id: str, seed: int) -> int:
    """Where a record stands in the queue: 64 bits, the same on every machine and whatever other records there are."""
    # The split goes by a hash of seed and id as well. By the same one, the caps would keep what it puts into test.
    raw = f"balance:{seed}:{record_id}".encode()
    return int.from_bytes(hashlib.blake2b(raw, digest_size=8).digest(), "big")


def _columns(records: Records) -> list[str]:
    import json

    sample = records.frame("metadata").head(100).collect()["metadata"]
    found = {key for text in sample if text for key in json.loads(text)}
    return sorted(found | {"source", "label", "licence", "language", "kind"})
