"""Train, validation and test, such that nothing alike stands on both sides.

Records are tied together by near-duplicate text, by equal prompts and by the columns of `group_by`; whole groups
are placed by a hash of their oldest record. Adding data never moves a record that was placed before.
"""

from __future__ import annotations

import hashlib
from dataclasses import asdict

import polars as pl

from curation.split.certificate import measure
from curation.split.config import SplitConfig
from curation.split.groups import groups
from data.records import Records
from data.verdicts import Action, Verdicts, verdicts

__all__ = ["REASONS", "judge", "measure"]

REASONS = {
    "split_assigned": "the split of its group of near-duplicates and equal group columns",
    "split_bridge": "it ties together records that were placed in different splits before",
}


def judge(records: Records, config: SplitConfig) -> Verdicts:
    """Assign every record its split; drop a new record that would tie two splits together.

    `partner` of an assignment is the oldest record of its group, where the group has more than one.
    """
    frame = groups(records, config).join(records.earlier("split", asdict(config)), on="record_id", how="left")
    by_group = frame.group_by("group").agg(
        size=pl.len(),
        placed=pl.col("value").drop_nulls().unique().sort(),
        oldest=pl.col("record_id").sort_by("ingest_number", "record_id").first(),
    )
    by_group = by_group.with_columns(
        ours=pl.Series([_place(oldest, config) for oldest in by_group["oldest"]], dtype=pl.String)
    )
    frame = frame.join(by_group, on="group").with_columns(
        # A record keeps its place; a new one follows its group, and a new group goes where its hash says.
        split=pl.coalesce(
            "value", pl.when(pl.col("placed").list.len() == 1).then(pl.col("placed").list.first()), "ours"
        ),
        bridge=pl.col("value").is_null() & (pl.col("placed").list.len() > 1),
    )
    partner = pl.when(pl.col("size") > 1).then(pl.col("oldest"))
    assigned = frame.filter(~pl.col("bridge")).select(
        "record_id",
        action=pl.lit(Action.assign.value),
        reason=pl.lit("split_assigned"),
        partner=pl.when(partner != pl.col("record_id")).then(partner),
        value=pl.col("split"),
    )
    dropped = frame.filter(pl.col("bridge")).select(
        "record_id",
        action=pl.lit(Action.drop.value),
        reason=pl.lit("split_bridge"),
        partner=partner,
        detail=pl.lit("between ") + pl.col("placed").list.join(" and "),
    )
    return verdicts(pl.concat([assigned, dropped], how="diagonal"))


def _place(record_id: str, config: SplitConfig) -> str:
    """The split of a group by a hash of its oldest record: uniform in [0, 1), the same on every machine."""
    raw = hashlib.blake2b(f"{config.seed}:{record_id}".encode(), digest_size=8).digest()
    position = int.from_bytes(raw, "big") / 2**64
    if position < config.test:
        return "test"
    if position < config.test + config.validation:
        return "validation"
    return "train"
