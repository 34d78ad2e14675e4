"""Another threshold for near-duplicates, without reading the texts of a million records again.

Only records that the stored verdicts name (removed, their partners, and the border) are compared again. With a higher
threshold that is exact: every pair at or above it lies inside a stored cluster. With a lower one it is as good as the
border that was stored (see `dedup.store_from`), and below that a full run is needed.
"""

from __future__ import annotations

from dataclasses import replace

from rich.console import Console

from conf.app import restored
from curation.config import CurationConfig
from curation.dedup.config import DedupConfig
from curation.pipeline import measure, plain
from curation.restore import keeping_latest
from curation.stages import STAGES
from curation.steps import Step
from curation.summary import stage_table
from curation.undo import later_again
from data.errors import ConfigError, StoreError
from data.store import Store
from data.versions import Version


def rethreshold(store: Store, threshold: float, version: str = "latest") -> list[Step]:
    """The dedup stage of `version` with another threshold, and the stages after it. Raises StoreError, ConfigError."""
    lineage = store.lineage(version)
    old = dedup_of(lineage)
    config = restored(DedupConfig, old.config)
    if threshold < min(config.store_from, config.threshold):
        raise ConfigError(
            f"dedup.threshold={threshold} is below dedup.store_from={config.store_from}: no score below it was stored",
            "run the curation again with that threshold: python -m curation source.path=... "
            f"dedup.threshold={threshold}",
        )
    assert old.parent is not None
    named = store.verdicts(old.version).select("record_id", "partner")
    among = sorted((set(named["record_id"]) | set(named["partner"].drop_nulls())) - set(store.forgotten()))
    stage = STAGES["dedup"]
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
    before = store.version("latest")
    steps = rethreshold(store, config.dedup.threshold)
    console.print(stage_table(store, steps))
    after = store.version(steps[-1].version)
    console.print(
        f"{before.version} ({before.rows:,} records) -> {after.version} ({after.rows:,})   "
        f"python -m data diff {before.version} {after.version}",
        highlight=False, soft_wrap=True,
    )  # fmt: skip
