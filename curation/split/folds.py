"""Folds for cross-validation: the records of train and validation in k parts of whole groups.

Train on all folds but one, measure on that one, k times; the test split stays out of it.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from curation.split.config import SplitConfig
from curation.split.place import place
from data.errors import ConfigError, StoreError
from data.store import Store
from data.verdicts import Action


def judge_folds(
    growth: Sequence[pl.DataFrame], splits: pl.DataFrame, known: pl.DataFrame, config: SplitConfig
) -> pl.DataFrame:
    """Tags with the fold of each record of train and validation; columns of verdicts.

    `splits` is record_id and split (null: dropped), `known` record_id and value, the folds given before. A record that
    ties records of several folds together is tagged without a fold: it is trained on, but has no part in
    cross-validation. Raises ConfigError where there are more folds than groups.
    """
    held = splits.filter(pl.col("split").is_in(["train", "validation"])).select("record_id")
    stages = [frame.join(held, on="record_id", how="semi") for frame in growth]
    available = stages[-1]["group"].n_unique() if stages else 0
    if available < config.folds:
        allowed = "0 (none)" if available < 2 else f"0 (none), or 2 to {available}"
        raise ConfigError(
            f"split.folds={config.folds}: train and validation have {available} groups of records that stay together",
            f"allowed: {allowed}",
        )
    names = [str(number) for number in range(config.folds)]
    placed = place(stages, known, dict.fromkeys(names, 1 / config.folds), seed=config.seed)
    has_fold = pl.col("place").is_not_null()
    return placed.select(
        "record_id",
        action=pl.lit(Action.tag.value),
        reason=pl.when(has_fold).then(pl.lit("split_fold")).otherwise(pl.lit("split_fold_bridge")),
        value=pl.col("place"),
        detail=pl.when(has_fold)
        .then(pl.format("fold {} of 0 to {}", "place", pl.lit(config.folds - 1)))
        .otherwise(pl.format("between folds {}", pl.col("found").list.join(" and "))),
    )


def folds(store: Store, version: str) -> pl.DataFrame:
    """The folds of `version` (an id, a tag or `latest`): record_id, fold (0 to k - 1), by record_id.

    Records of the test split, and those tagged `split_fold_bridge`, have none and are left out. Raises StoreError
    where the version was split without folds.
    """
    target = store.resolve(version)
    made = [step.version for step in store.lineage(target) if step.stage == "split"]
    found = store.query(
        """SELECT d.record_id, d.value::BIGINT AS fold FROM verdicts d
        JOIN members m ON m.record_id = d.record_id AND m.version = ?
        WHERE d.version = ? AND d.reason = 'split_fold' AND m.split IN ('train', 'validation')
        ORDER BY d.record_id""",
        [target, made[-1] if made else ""],
    )
    if found.is_empty():
        raise StoreError(
            f"version {target} has no folds", "make them: python -m curation source.path=FILE split.folds=5"
        )
    return found
