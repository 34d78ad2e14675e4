"""Train, validation and test, such that nothing alike stands on both sides.

Records are tied together by near-duplicate text, by equal prompts and by the columns of `group_by`; whole groups
are placed by a hash of their oldest record. Adding data never moves a record that was placed before.

With `stratify_by`, each value of that column is shared out among the splits by itself; with `folds`, train and
validation are also divided for cross-validation (curation/split/folds.py).
"""

from __future__ import annotations

from dataclasses import asdict, replace

import polars as pl

from curation.grown import Grown
from curation.split.added import added
from curation.split.certificate import measure, measure_grown
from curation.split.config import SplitConfig
from curation.split.folds import folds, judge_folds
from curation.split.groups import groups
from curation.split.growth import growth
from curation.split.place import place, position
from curation.split.sketch import sketch_batch, sketch_columns, sketch_kind
from data.records import Records
from data.verdicts import Action, Verdicts, verdicts

__all__ = [
    "REASONS", "extend", "folds", "judge", "measure", "measure_grown", "sketch_batch", "sketch_columns", "sketch_kind",
    "warm_up",
]  # fmt: skip

REASONS = {
    "split_assigned": "the split of its group of near-duplicates and equal group columns",
    "split_bridge": "it ties together records that were placed in different splits before",
    "split_fold": "the fold of its group, for cross-validation",
    "split_fold_bridge": "it ties together records of different folds, and has no part in cross-validation",
}


def warm_up() -> None:
    """Load compiled code."""
    import curation.dedup.join_kernel
    import curation.split.kernel  # noqa: F401


def judge(records: Records, config: SplitConfig) -> Verdicts:
    """Assign every record its split; drop a new record that would tie two splits together.

    `partner` of an assignment is the oldest record of its group, where the group has more than one. With `folds`,
    the records of train and validation are tagged `split_fold` as well: `value` is the number of the fold.
    Raises ConfigError for a column that no record has, and for more folds than groups.
    """
    tied = groups(records, config)
    known = _known(records, config)
    grown = growth(records, tied, config) if config.stratify_by or config.folds else []
    if config.stratify_by:
        shares = {
            "train": 1 - config.validation - config.test,
            "test": config.test,
            "validation": config.validation,
        }
        shares = {name: fraction for name, fraction in shares.items() if fraction > 0}
        placed = place(grown, known, shares, seed=config.seed, rare="train")
    else:
        placed = _by_hash(tied, known, config)
    splits = placed.select("record_id", "found", split="place")
    said = _assignments(tied.join(splits, on="record_id"))
    if config.folds and tied.height:
        said.append(
            judge_folds(grown, splits, records.earlier("split", asdict(config), "split_fold"), config)
        )
    return verdicts(pl.concat(said, how="diagonal"))


def extend(grown: Grown, config: SplitConfig) -> tuple[Verdicts, pl.Series] | None:
    """The same verdicts as `judge` of all records: old ones are judged again where a new one is in their group.

    None with strata or folds, which all records have a part in.
    """
    if config.stratify_by or config.folds:
        return None
    found = added(grown, config)
    if found is None:
        return None
    tied, again = found
    asked = [grown.new.among(grown.new.frame("record_id").collect()["record_id"])]
    asked += [grown.old.among(again)] if len(again) else []
    placed = _by_hash(tied, pl.concat([_known(records, config) for records in asked]), config)
    splits = placed.select("record_id", "found", split="place")
    said = _assignments(tied.join(splits, on="record_id"))
    return verdicts(pl.concat(said, how="diagonal")), again


def _known(records: Records, config: SplitConfig) -> pl.DataFrame:
    """record_id, value: the splits given before; asking for folds later moves no record to another split."""
    asked = [config, replace(config, folds=0)] if config.folds else [config]
    return pl.concat([records.earlier("split", asdict(c)) for c in asked]).unique("record_id", keep="first")


def _assignments(frame: pl.DataFrame) -> list[pl.DataFrame]:
    by_group = frame.group_by("group").agg(
        size=pl.len(), oldest=pl.col("record_id").sort_by("ingest_number", "record_id").first()
    )
    frame = frame.join(by_group, on="group")
    partner = pl.when(pl.col("size") > 1).then(pl.col("oldest"))
    assigned = frame.filter(pl.col("split").is_not_null()).select(
        "record_id",
        action=pl.lit(Action.assign.value),
        reason=pl.lit("split_assigned"),
        partner=pl.when(partner != pl.col("record_id")).then(partner),
        value=pl.col("split"),
    )
    dropped = frame.filter(pl.col("split").is_null()).select(
        "record_id",
        action=pl.lit(Action.drop.value),
        reason=pl.lit("split_bridge"),
        partner=partner,
        detail=pl.lit("between ") + pl.col("found").list.join(" and "),
    )
    return [assigned, dropped]


def _by_hash(tied: pl.DataFrame, known: pl.DataFrame, config: SplitConfig) -> pl.DataFrame:
    """record_id, place, found, as `place` says it, without strata: each group where the hash of its oldest record lies.

    A record keeps its place, a new one follows its group, and a new group goes where its hash says.
    """
    frame = tied.join(known, on="record_id", how="left")
    by_group = frame.group_by("group").agg(
        found=pl.col("value").drop_nulls().unique().sort(),
        oldest=pl.col("record_id").sort_by("ingest_number", "record_id").first(),
    )
    by_group = by_group.with_columns(
        one=pl.when(pl.col("found").list.len() == 1)
        .then(pl.col("found").list.first())
        .when(pl.col("found").list.len() == 0)
        .then(
            pl.Series(
                [_split_at(position(name, config.seed), config) for name in by_group["oldest"]],
                dtype=pl.String,
            )
        )
    )
    return frame.join(by_group, on="group").select("record_id", "found", place=pl.coalesce("value", "one"))


def _split_at(place: float, config: SplitConfig) -> str:
    if place < config.test:
        return "test"
    if place < config.test + config.validation:
        return "validation"
    return "train"
