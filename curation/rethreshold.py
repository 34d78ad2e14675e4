"""Another threshold for near-duplicates, without reading the texts of a million records again.

Only records that the stored verdicts name (removed, their partners, and the border), and those of which the stored
sketches say that they may be like one of them, are compared again. With a higher threshold that is exact: every pair
at or above it lies inside a stored cluster. With a lower one it is as good as the border that was stored (see
`dedup.store_from` and `dedup.max_reported`), and below that a full run is needed.
"""

from __future__ import annotations

from dataclasses import replace
from typing import cast

import polars as pl
from rich.console import Console

from conf.app import restored
from curation.config import CurationConfig
from curation.dedup.config import DedupConfig, found_probability
from curation.dedup.sketch import Sketch, shape, sharing
from curation.pipeline import measure, plain
from curation.restore import keeping_latest
from curation.stages import STAGES, Stage
from curation.steps import Step
from curation.summary import stage_table
from curation.undo import later_again
from data.commands import spelt
from data.errors import ConfigError, StoreError
from data.store import Store
from data.verdicts import Verdicts
from data.versions import Version


def rethreshold(store: Store, threshold: float, version: str = "latest") -> list[Step]:
    """The dedup stage of `version` with another threshold, and the stages after it. Raises StoreError, ConfigError."""
    lineage = store.lineage(version)
    old = dedup_of(lineage)
    config = restored(DedupConfig, old.config)
    said = store.verdicts(old.version)
    floor, why = _floor(said, config)
    if threshold < floor:
        raise ConfigError(
            f"dedup.threshold={threshold} is below {why}: no score below it was stored",
            "run the curation again with that threshold: python -m curation source.path=... "
            f"dedup.threshold={threshold}",
        )
    assert old.parent is not None
    stage = STAGES["dedup"]
    among = sorted(_concerned(store, old.parent, said, stage, config) - set(store.forgotten()))
    changed = replace(config, threshold=threshold, store_from=min(config.store_from, threshold))
    verdicts = stage.judge(store.read(old.parent, among=among), changed)
    # A looser threshold is not what a full run would find: it gets an id of its own.
    code = stage.code if threshold >= config.threshold else f"{stage.code}+stored scores"
    with keeping_latest(store):
        made = store.apply(
            old.parent,
            stage="dedup",
            config=plain(changed),
            code=code,
            verdicts=verdicts,
            reasons=stage.reasons,
        )
        measure(store, old.parent, made, stage, changed)
        return [Step("dedup", made, False, 0.0), *later_again(store, made, lineage, old.version)]


def _floor(said: Verdicts, config: DedupConfig) -> tuple[float, str]:
    """The least similarity of which every score was stored, and what it comes from."""
    if config.store_from >= config.threshold:
        return config.threshold, f"the stored threshold of {config.threshold}"
    border = said.filter(pl.col("reason") == "dedup_border")["score"]
    if border.len() < config.max_reported:
        return config.store_from, f"dedup.store_from={config.store_from}"
    # The nearest to the threshold were stored: what lies below the last of them is not known.
    least = cast(float, border.min()) if border.len() else config.threshold
    return least, f"{least:.4g} (dedup.max_reported={config.max_reported})"


def _concerned(store: Store, parent: str, said: Verdicts, stage: Stage, config: DedupConfig) -> set[str]:
    """The records that `said` names, and those that share a band of the sketch with one of them.

    A kept record that is like a removed one, but not like the kept one, is named nowhere; nor is the second of two
    that a third is like. Without stored sketches (`dedup=exact_join`, purged ones) the named ones are all.
    """
    named = set(said["record_id"]) | set(said["partner"].drop_nulls())
    bands = shape(config)[0]
    if not bands or not named or stage.sketches is None:
        return named
    records = store.read(parent, sketch_kind=stage.sketch_kind(config))
    own = records.among(pl.Series(sorted(named))).sketches()
    if own.is_empty():
        return named
    shared = sharing(Sketch.unpacked(own["data"], bands))
    return named | set(records.sketches(shared)["record_id"])


def dedup_of(lineage: list[Version]) -> Version:
    """The dedup step of a lineage. Raises StoreError where there is none."""
    for version in reversed(lineage):
        if version.stage == "dedup":
            return version
    raise StoreError(
        f"{lineage[-1].version} has no dedup step", "make one: python -m curation source.path=FILE"
    )


def show_rethreshold(store: Store, config: CurationConfig, console: Console) -> None:
    """Apply `config.dedup.threshold` to the newest version and print the steps."""
    before, threshold = store.version("latest"), config.dedup.threshold
    old = restored(DedupConfig, dedup_of(store.lineage("latest")).config)
    steps = rethreshold(store, threshold)
    console.print(stage_table(store, steps))
    after = store.version(steps[-1].version)
    bands, rows = shape(old)
    if threshold < old.threshold and bands:
        console.print(
            f"of pairs as near as {threshold:g} about {found_probability(threshold, bands, rows):.0%} were stored "
            f"(looked for at {old.threshold:g}); a full run looks for all: "
            f"{spelt('python -m curation', config.store.path)} source.path=... dedup.threshold={threshold:g}",
            style="yellow", highlight=False, soft_wrap=True,
        )  # fmt: skip
    said = f"python -m data diff {before.version} {after.version}"
    console.print(
        f"{before.version} ({before.rows:,} records) -> {after.version} ({after.rows:,})   "
        + spelt(said, config.store.path),
        highlight=False, soft_wrap=True,
    )  # fmt: skip
